/**
 * Figures of the stream: what the page's statistics are made of.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const SAMPLES = 240;
const ANSWER_MAX_MS = 1000;

/**
 * @param {number[]} values    in any order
 * @param {number}   fraction  0..1
 * @returns {number} the nearest-rank percentile, NaN when there is none
 */
export function percentile(values, fraction) {
    if (values.length === 0) {
        return NaN;
    }

    const sorted = Float64Array.from(values).sort();
    const rank = Math.ceil(fraction * sorted.length) - 1;

    return sorted[Math.min(sorted.length - 1, Math.max(0, rank))] ?? NaN;
}


/** @param {number[]} list
 *  @param {number}   value */
function remember(list, value) {
    list.push(value);

    if (list.length > SAMPLES) {
        list.shift();
    }
}


export class Figures {
    /** pictures so far */
    total = 0;
    /** messages of no kind we know */
    foreign = 0;
    #pictures = 0;
    #bytes = 0;
    /** @type {number[]} */
    #decode = [];
    /** @type {number[]} */
    #answer = [];

    /** @param {number} now when these figures begin, in milliseconds */
    constructor(now) {
        this.at = now;
    }

    /** @param {number} bytes of a message */
    received(bytes) {
        this.#bytes += bytes;
    }

    /** @param {number} ms from its arrival to the decoded picture */
    decoded(ms) {
        this.#pictures++;
        this.total++;
        remember(this.#decode, ms);
    }

    /** @param {number} ms from an event of the person's to the next picture */
    answered(ms) {
        if (ms < ANSWER_MAX_MS) {
            remember(this.#answer, ms);
        }
    }

    /** What has been since the last report; a new one begins.
     *
     *  @param {number} now in milliseconds */
    report(now) {
        const seconds = (now - this.at) / 1000;
        const ranks = (/** @type {number[]} */ list) =>
            [percentile(list, 0.5), percentile(list, 0.95)];
        const report = { fps: this.#pictures / seconds,
                         kbps: this.#bytes * 8 / 1000 / seconds,
                         frames: this.total, foreign: this.foreign,
                         decode: ranks(this.#decode), answer: ranks(this.#answer) };

        this.at = now;
        this.#pictures = 0;
        this.#bytes = 0;

        return report;
    }
}
