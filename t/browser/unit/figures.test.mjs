/* Figures of the stream: ranks, and what is counted between two reports. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Figures, percentile } from '../../../web/media/figures.js';

test('nearest-rank percentiles', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);

    assert.equal(percentile(hundred, 0.5), 50);
    assert.equal(percentile(hundred, 0.95), 95);
    assert.equal(percentile(hundred, 1), 100);
    assert.equal(percentile(hundred, 0), 1);
    assert.equal(percentile([7], 0.95), 7);
    assert.equal(percentile([9, 10], 0.5), 9);
    assert.ok(Number.isNaN(percentile([], 0.5)));
});

test('a report is about the time since the last one', () => {
    const figures = new Figures(1000);

    figures.received(1000);
    figures.received(250);
    figures.decoded(4);
    figures.decoded(8);
    figures.answered(20);

    const first = figures.report(1500);

    assert.equal(first.fps, 4);
    assert.equal(first.kbps, 20);
    assert.equal(first.frames, 2);
    assert.deepEqual(first.decode, [4, 8]);
    assert.deepEqual(first.answer, [20, 20]);

    const second = figures.report(2500);

    assert.equal(second.fps, 0);
    assert.equal(second.kbps, 0);
    assert.equal(second.frames, 2);
    assert.deepEqual(second.decode, [4, 8]);
});

test('what came a second later is no answer, old samples go', () => {
    const figures = new Figures(0);

    figures.answered(1000);
    assert.ok(Number.isNaN(figures.report(1).answer[0]));

    for (let i = 0; i < 240; i++) {
        figures.decoded(1);
    }

    figures.decoded(5);
    assert.deepEqual(figures.report(2).decode, [1, 1]);

    for (let i = 0; i < 239; i++) {
        figures.decoded(5);
    }

    assert.deepEqual(figures.report(3).decode, [5, 5]);
});
