/**
 * From fingers on the touch gamepad to what it holds, and what it has shaken.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import assert from 'node:assert/strict';
import test from 'node:test';

import { deflection, directions, pulses } from '../../../web/ui/touchgamepad.js';

const cosine = degrees => Math.cos(degrees / 180 * Math.PI);
const around = (degrees, spread) => directions(Math.sin(degrees / 180 * Math.PI),
                                               -Math.cos(degrees / 180 * Math.PI), spread);

test('four directions are in their order, those between hold two', () => {
    assert.deepEqual([0, 90, 180, 270].map(at => around(at, cosine(67.5))),
                     [[0], [1], [2], [3]]);
    assert.deepEqual([45, 135, 225, 315].map(at => around(at, cosine(67.5))),
                     [[0, 1], [1, 2], [2, 3], [0, 3]]);
});

test('how much lies between is the caller’s', () => {
    assert.deepEqual(around(30, cosine(67.5)), [0, 1]);
    assert.deepEqual(around(30, cosine(55)), [0]);
    assert.deepEqual(around(40, cosine(55)), [0, 1]);
});

test('the middle is nobody’s, the rim is no end', () => {
    assert.deepEqual(directions(0, 0, 0.4), []);
    assert.deepEqual(directions(0.1, -0.1, 0.4), []);
    assert.deepEqual(directions(0, -7, 0.4), [0]);
});

test('a stick goes to its rim, in any direction', () => {
    assert.deepEqual(deflection(0, 0), [0, 0]);
    assert.deepEqual(deflection(0.5, -0.25), [0.5, -0.25]);
    assert.deepEqual(deflection(-3, 0), [-1, 0]);

    const [x, y] = deflection(30, -40);

    assert.ok(Math.abs(x - 0.6) < 1e-9 && Math.abs(y + 0.8) < 1e-9);
});

test('the weaker, the shorter are the pulses', () => {
    const sum = pattern => pattern.reduce((all, ms, i) => all + (i % 2 ? 0 : ms), 0);

    assert.deepEqual(pulses(1, 0, 300), [300]);
    assert.deepEqual(pulses(0.5, 0, 300), [50, 50, 50, 50, 50]);
    assert.deepEqual(pulses(0, 0.01, 100), [15], 'none so short that no motor starts');
    assert.ok(sum(pulses(0, 1, 1000)) < sum(pulses(1, 1, 1000)));
    /* browsers take 99 parts */
    assert.equal(pulses(0.5, 0, 5000).length, 99);
});
