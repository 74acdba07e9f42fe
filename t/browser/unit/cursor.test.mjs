/* The hot spot on whole CSS pixels. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shiftOf } from '../../../web/input/cursor.js';

test('the hot spot is exact at the ratios that screens have', () => {
    for (const ratio of [1, 1.25, 1.5, 1.75, 2, 2.5, 3]) {
        for (let hot = 0; hot < 128; hot++) {
            const at = (hot + shiftOf(hot, ratio)) / ratio;

            assert.ok(Math.abs(at - Math.round(at)) < 0.05,
                      `${hot} at ${ratio}: ${shiftOf(hot, ratio)}`);
        }
    }

    assert.equal(shiftOf(7, 1), 0);
    assert.equal(shiftOf(7, 2), 1);
    assert.equal(shiftOf(4, 1.5), 2);
});

test('and near to it at all others', () => {
    for (const ratio of [0.37, 0.8, 1.1, 1.33, 2.625, 3.5]) {
        for (let hot = 0; hot < 128; hot++) {
            const at = (hot + shiftOf(hot, ratio)) / ratio;

            assert.ok(Math.abs(at - Math.round(at)) * ratio <= 0.34, `${hot} at ${ratio}`);
        }
    }
});
