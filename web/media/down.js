/**
 * Samples of a device's rate to 24 kHz: a windowed sinc, evaluated where the
 * slower samples lie.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

export const MIC_RATE = 24000;

/** a side, in samples of the slower rate */
const REACH = 8;
/** of half the slower rate */
const PASS = 0.92;

export class Down {
    /** @param {number} rate  of what comes */
    constructor(rate) {
        this.step = rate / MIC_RATE;
        /** samples of the device that a side reaches */
        this.reach = Math.ceil(REACH * Math.max(1, this.step));
        this.kept = new Float32Array(2 * this.reach);
        /** where the next sample lies, in what is kept */
        this.at = this.reach;
    }

    /** @param {number} x  distance, in samples of the slower rate */
    weigh(x) {
        const t = x / REACH;

        if (Math.abs(t) >= 1) {
            return 0;
        }

        const phase = Math.PI * PASS * x;
        const sinc = x === 0 ? 1 : Math.sin(phase) / phase;

        return PASS * sinc * (0.5 + 0.5 * Math.cos(Math.PI * t));
    }

    /**
     * @param {Float32Array} samples
     * @returns {number[]} those that are complete
     */
    push(samples) {
        const all = new Float32Array(this.kept.length + samples.length);
        const scale = Math.min(1, 1 / this.step);
        /** @type {number[]} */
        const out = [];

        all.set(this.kept);
        all.set(samples, this.kept.length);

        for (; this.at + this.reach < all.length; this.at += this.step) {
            const first = Math.ceil(this.at - this.reach);
            let sum = 0;

            for (let i = first; i <= this.at + this.reach; i++) {
                sum += (all[i] ?? 0) * this.weigh((i - this.at) * scale);
            }

            out.push(sum * scale);
        }

        /* what the next ones still look back at */
        const from = Math.max(0, Math.floor(this.at) - this.reach);

        this.kept = all.slice(from);
        this.at -= from;
        return out;
    }
}
