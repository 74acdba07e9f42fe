/**
 * web/media/jitter.js under a clock of the test's own, and what audio.js makes
 * of packets.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import assert from 'node:assert/strict';
import test from 'node:test';

import { foldSides, opusHead, packetMs } from '../../../web/media/audio.js';
import { Jitter } from '../../../web/media/jitter.js';

const RATE = 48000;
const QUANTUM = 128;
const PACKET = 480;

/** A server that sends 10 ms of a tone at a time and a device that takes 128
 *  samples, each by its own clock; time is in samples of the true clock. */
class Bench {
    /** @param {{ hz?: number, server?: number, device?: number, channels?: number }} [o] */
    constructor(o = {}) {
        this.jitter = new Jitter(o.channels ?? 1, RATE, RATE);
        this.hz = o.hz ?? 440;
        this.server = o.server ?? 1;
        this.device = o.device ?? 1;
        this.sent = 0;
        this.taken = 0;
        this.time = 0;
        /** @type {number[]} */
        this.out = [];
        /** @type {(time: number) => number} how late a packet comes, samples */
        this.late = () => 0;
        /** @type {{ at: number, plane: Float32Array }[]} */
        this.under = [];
    }

    packet() {
        const plane = new Float32Array(PACKET);

        for (let i = 0; i < PACKET; i++) {
            plane[i] = 0.5 * Math.sin(2 * Math.PI * this.hz * (this.sent + i) / RATE);
        }

        this.sent += PACKET;
        return plane;
    }

    /** @param {number} seconds
     *  @param {boolean} [sending] */
    run(seconds, sending = true) {
        const end = this.time + seconds * RATE;

        for (; this.time < end; this.time += 16) {
            while (sending && this.sent <= this.time * this.server) {
                this.under.push({ at: this.time + this.late(this.time), plane: this.packet() });
            }

            while (this.under.length > 0 && (this.under[0]?.at ?? 0) <= this.time) {
                this.jitter.push([/** @type {any} */ (this.under.shift()).plane]);
            }

            while (this.taken <= this.time * this.device) {
                const out = [new Float32Array(QUANTUM)];

                this.jitter.pull(out);
                this.out.push(.../** @type {any} */ (out[0]));
                this.taken += QUANTUM;
            }
        }
    }
}

/** @param {number[]} samples */
function rms(samples) {
    return Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
}


/** The largest step from one sample to the next.
 *
 *  @param {number[]} samples */
function steepest(samples) {
    return samples.slice(1).reduce((most, value, i) =>
        Math.max(most, Math.abs(value - (samples[i] ?? 0))), 0);
}


test('what comes in time is played as it was', () => {
    const bench = new Bench();

    bench.run(2);

    const steady = bench.out.slice(RATE);

    assert.ok(Math.abs(rms(steady) - 0.5 / Math.SQRT2) < 0.01, String(rms(steady)));
    assert.equal(bench.jitter.gaps, 0);
    assert.ok(bench.jitter.levelMs < 45, `level ${bench.jitter.levelMs}`);
    assert.ok(steepest(steady) < 0.035);
});

test('clocks that differ: the level stays, without a gap or a cut', () => {
    for (const device of [0.998, 0.9995, 1.0005, 1.002]) {
        const bench = new Bench({ device });

        bench.run(60);

        assert.equal(bench.jitter.gaps, 0, `device ${device}`);
        assert.equal(bench.jitter.cuts, 0, `device ${device}`);
        assert.ok(bench.jitter.levelMs < 60, `device ${device}: ${bench.jitter.levelMs}`);

        const tail = bench.out.slice(-RATE);

        assert.ok(Math.abs(rms(tail) - 0.5 / Math.SQRT2) < 0.01);
        assert.ok(steepest(tail) < 0.04, 'no click');
    }
});

test('packets that come unevenly: it aims for more, and has no gap then', () => {
    const bench = new Bench();

    bench.late = time => time % 9600 < 2400 ? 1700 : 0;
    bench.run(5);
    assert.ok(bench.jitter.aimMs > 20, 'it aims for more');
    assert.ok(bench.jitter.aimMs <= 60, 'not for more than 60 ms');

    const before = bench.jitter.gaps;

    bench.run(5);
    assert.ok(bench.jitter.gaps - before <= 1, `${bench.jitter.gaps - before} gaps`);
    bench.late = () => 0;
    bench.run(60);
    assert.equal(bench.jitter.aimMs, 20, 'and for less again when it is calm');
});

test('the end of the sound is silence, without a click, and no gap', () => {
    const bench = new Bench({ hz: 997 });

    bench.run(1);
    bench.run(1, false);
    assert.equal(rms(bench.out.slice(-RATE / 2)), 0);
    assert.ok(steepest(bench.out.slice(RATE / 2)) < 0.07, 'it fades');

    /* what comes long after it is a new sound */
    bench.sent = bench.time;
    bench.run(1);
    assert.equal(bench.jitter.gaps, 0);
    assert.equal(bench.jitter.aimMs, 20);
    assert.ok(rms(bench.out.slice(-RATE / 2)) > 0.3);
});

test('a burst is cut, without a click', () => {
    const bench = new Bench({ hz: 200 });

    bench.run(1);
    bench.late = time => time < RATE * 1.5 ? RATE * 1.5 - time : 0;
    bench.run(2);
    assert.ok(bench.jitter.cuts >= 1);
    assert.ok(bench.jitter.levelMs < 110, `level ${bench.jitter.levelMs}`);
    assert.ok(steepest(bench.out) < 0.05, `no click: ${steepest(bench.out)}`);
});

test('a device of another rate', () => {
    const jitter = new Jitter(2, 48000, 44100);
    let taken = 0;

    for (let packet = 0; packet < 300; packet++) {
        jitter.push([new Float32Array(480).fill(0.25), new Float32Array(480).fill(-0.25)]);

        for (; taken < packet * 441; taken += QUANTUM) {
            const out = [new Float32Array(QUANTUM), new Float32Array(QUANTUM)];

            jitter.pull(out);

            if (packet > 50) {
                assert.ok(Math.abs((out[0]?.[64] ?? 0) - 0.25) < 1e-5);
                assert.ok(Math.abs((out[1]?.[64] ?? 0) + 0.25) < 1e-5);
            }
        }
    }

    assert.equal(jitter.gaps, 0);
});

test('the sides of 7.1 join the rear', () => {
    const planes = [1, 2, 3, 4, 5, 6, 7, 8].map(value => Float32Array.of(value / 16));

    assert.deepEqual(foldSides(planes).map(plane => Math.round((plane[0] ?? 0) * 1000)),
        [63, 125, 188, 250, Math.round(12 / 16 * Math.SQRT1_2 * 1000),
         Math.round(14 / 16 * Math.SQRT1_2 * 1000)]);
});

test('how long a packet is', () => {
    const ms = (/** @type {number[]} */ ...bytes) => packetMs(new Uint8Array(bytes));

    assert.equal(ms(), 0);
    assert.equal(ms(0xe0), 2.5);
    assert.equal(ms(0xe8), 5);
    assert.equal(ms(0xf0), 10);
    assert.equal(ms(0xfc), 20);
    assert.equal(ms(0xfd), 40);
    assert.equal(ms(0xff, 3), 60);
    assert.equal(ms(0xff), 0);
    assert.equal(ms(0x08), 20);
});

test('a decoder is told of more than two channels', () => {
    assert.equal(opusHead(1), undefined);
    assert.equal(opusHead(2), undefined);
    assert.deepEqual([...opusHead(6) ?? []].slice(8),
                     [1, 6, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5]);
    assert.equal(opusHead(8)?.length, 29);
});
