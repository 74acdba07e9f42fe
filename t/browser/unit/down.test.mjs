/**
 * web/media/down.js: what is heard below 10 kHz stays, what is above 14 goes;
 * and what becomes of it on the wire.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import assert from 'node:assert/strict';
import test from 'node:test';

import { pcmMessage } from '../../../web/media/audio.js';
import { Down, MIC_RATE } from '../../../web/media/down.js';

/** The level of a tone that went through, dB.
 *
 *  @param {number} rate
 *  @param {number} hz */
function through(rate, hz) {
    const down = new Down(rate);
    /** @type {number[]} */
    const out = [];

    for (let at = 0; at < rate; at += 128) {
        out.push(...down.push(Float32Array.from({ length: 128 },
            (_, i) => Math.sin(2 * Math.PI * hz * (at + i) / rate))));
    }

    assert.ok(Math.abs(out.length - MIC_RATE) < 140, `${out.length} samples in a second`);

    const steady = out.slice(2000, -2000);
    const power = steady.reduce((sum, value) => sum + value * value, 0) / steady.length;

    return 10 * Math.log10(2 * power + 1e-12);
}

test('speech passes, what would fold back does not', () => {
    for (const rate of [24000, 44100, 48000, 96000, 16000]) {
        /* half of a slow device's rate is where it ends */
        for (const hz of [100, 1000, 4000, Math.min(7000, rate * 0.375)]) {
            const db = through(rate, hz);

            assert.ok(Math.abs(db) < 0.3, `${hz} Hz of ${rate}: ${db} dB`);
        }
    }

    for (const rate of [44100, 48000, 96000]) {
        for (const hz of [14000, 17000, 20000]) {
            const db = through(rate, hz);

            assert.ok(db < -35, `${hz} Hz of ${rate}: ${db} dB`);
        }
    }
});

test('samples of the wire', () => {
    assert.deepEqual([...pcmMessage(Float32Array.of(0, 1, -1, 2, -3, 0.5))],
        [2, 0, 0, 0xff, 0x7f, 1, 0x80, 0xff, 0x7f, 1, 0x80, 0xff, 0x3f]);
});
