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

test('a wheel of high resolution turns by parts of a notch', () => {
    assert.equal(ticksOf(25, 0, -30), 0.25);
    assert.equal(ticksOf(-50, 0, 60), -0.5);
    assert.equal(ticksOf(12.5, 0, -15), 0.125);
    /* a whole notch, a trackpad, the two of another sign */
    assert.equal(ticksOf(100, 0, -120), 1);
    assert.equal(ticksOf(25, 0, -75), 0.5);
    assert.equal(ticksOf(25, 0, 75), 0.5);
    assert.equal(ticksOf(3, 1, -120), 1);
});
