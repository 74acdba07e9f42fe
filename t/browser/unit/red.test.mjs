/**
 * web/media/red.js: copies of packets of sound are played where they were
 * missed, once and in order, whatever the wire brings.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import assert from 'node:assert/strict';
import test from 'node:test';

import { Red } from '../../../web/media/red.js';

const SAMPLES = 480;

/** A packet's bytes tell its number.
 *
 * @param {number} number */
function packet(number) {
    return Array.from({ length: 3 + number % 5 }, () => number & 255);
}


/** As the server sends packet `number` with copies of those `offsets` before.
 *
 * @param {number} number
 * @param {number[]} offsets  packets, the farthest first
 * @param {number} [start]    time of packet 0 */
function message(number, offsets, start = 0) {
    const time = (start + number * SAMPLES) >>> 0;
    const heads = offsets.flatMap(offset => {
        const block = offset * SAMPLES << 10 | packet(number - offset).length;

        return [0xef, block >> 16 & 255, block >> 8 & 255, block & 255];
    });

    return Uint8Array.from([
        1, offsets.length, time >>> 24, time >> 16 & 255, time >> 8 & 255, time & 255,
        ...heads, 0x6f, ...offsets.flatMap(offset => packet(number - offset)),
        ...packet(number)]);
}


/** @param {Uint8Array[]} packets */
function numbers(packets) {
    return packets.map(bytes => {
        const [number = -1] = bytes;

        assert.deepEqual([...bytes], packet(number));
        return number;
    });
}


test('a plain message is its packet', () => {
    assert.deepEqual(numbers(new Red().take(Uint8Array.from([1, 0, ...packet(7)]))), [7]);
});

test('the end of the sound is no packet', () => {
    const red = new Red();

    assert.deepEqual(red.take(Uint8Array.from([1, 0x80])), []);
    assert.deepEqual(red.take(Uint8Array.from([1])), []);
});

test('what came is not played again', () => {
    const red = new Red();

    assert.deepEqual(numbers(red.take(message(10, [2, 1]))), [10]);
    assert.deepEqual(numbers(red.take(message(11, [2, 1]))), [11]);
    assert.deepEqual(numbers(red.take(message(12, [2, 1]))), [12]);
    assert.equal(red.recovered, 0);
});

test('lost packets are recovered, as many as there are copies of', () => {
    const red = new Red();

    red.take(message(10, [2, 1]));
    assert.deepEqual(numbers(red.take(message(12, [2, 1]))), [11, 12]);
    assert.deepEqual(numbers(red.take(message(15, [2, 1]))), [13, 14, 15]);
    assert.deepEqual(numbers(red.take(message(19, [2, 1]))), [17, 18, 19]);
    assert.equal(red.recovered, 5);
});

test('a first message plays its packet alone, so does one after a plain one', () => {
    const red = new Red();

    assert.deepEqual(numbers(red.take(message(10, [2, 1]))), [10]);
    assert.deepEqual(numbers(red.take(Uint8Array.from([1, 0, ...packet(11)]))), [11]);
    assert.deepEqual(numbers(red.take(message(13, [2, 1]))), [13]);
    assert.deepEqual(numbers(red.take(message(15, [2, 1]))), [14, 15]);
});

test('times wrap', () => {
    const red = new Red();
    const start = 2 ** 32 - 3 * SAMPLES;

    assert.deepEqual(numbers(red.take(message(1, [2, 1], start))), [1]);
    assert.deepEqual(numbers(red.take(message(3, [2, 1], start))), [2, 3]);
    assert.deepEqual(numbers(red.take(message(6, [2, 1], start))), [4, 5, 6]);
});

test('another clock, of a new worker, is gone by', () => {
    const red = new Red();

    red.take(message(5, [1], 1e9));
    assert.deepEqual(numbers(red.take(message(6, [1], 1e6))), [6]);
    assert.deepEqual(numbers(red.take(message(8, [1], 1e6))), [7, 8]);
});

test('a message that is cut off is dropped whole, and changes nothing', () => {
    const whole = message(12, [2, 1]);
    const shortest = whole.length - packet(12).length;

    for (let length = 2; length < shortest; length++) {
        const red = new Red();

        red.take(message(10, [1]));
        assert.deepEqual(red.take(whole.subarray(0, length)), [], `${length} bytes`);
        assert.deepEqual(numbers(red.take(message(12, [2, 1]))), [11, 12]);
    }
});

test('noise is never more than there is of it', () => {
    let seed = 1;
    const random = () => {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        return seed >>> 16;
    };

    for (let round = 0; round < 20000; round++) {
        const red = new Red();
        const bytes = Uint8Array.from({ length: 1 + random() % 64 }, () => random());

        bytes[1] = round % 3 === 0 ? random() : random() % 5;
        red.take(message(3, [1]));

        const packets = red.take(bytes);
        const total = packets.reduce((sum, one) => sum + one.length, 0);

        assert.ok(total <= bytes.length);
        assert.ok(packets.length <= 128);
    }
});
