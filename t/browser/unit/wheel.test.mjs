/* Wheels and trackpads to ticks. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ticksOf } from '../../../web/input/wheel.js';

test('a notch of a mouse wheel is one tick in every browser', () => {
    assert.equal(ticksOf(100, 0), 1);
    assert.equal(ticksOf(120, 0), 1);
    assert.equal(ticksOf(-120, 0), -1);
    assert.equal(ticksOf(66.67, 0), 1);
    assert.equal(ticksOf(3, 1), 1);
    assert.equal(ticksOf(-3, 1), -1);
});

test('several notches at once are as many ticks', () => {
    assert.equal(ticksOf(240, 0), 2);
    assert.equal(ticksOf(-300, 0), -3);
    assert.equal(ticksOf(9, 1), 3);
    assert.equal(ticksOf(1, 2), 10);
});

test('small steps of a trackpad are fractions', () => {
    assert.equal(ticksOf(25, 0), 0.5);
    assert.equal(ticksOf(-5, 0), -0.1);
    assert.equal(ticksOf(0, 0), 0);
});
