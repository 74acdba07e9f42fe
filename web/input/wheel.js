/**
 * Wheel movement to ticks. Pure.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const NOTCH_MIN_PX = 60;
const NOTCH_PX = 110;
const SMOOTH_PX = 50;
const LINES_PER_NOTCH = 3;

/** @param {number} delta
 *  @param {number} mode
 *  @returns {number} ticks of a wheel, with a fraction for small steps */
export function ticksOf(delta, mode) {
    if (mode === 1) {
        return delta / LINES_PER_NOTCH;
    }

    if (mode === 2) {
        return delta * 10;
    }

    if (Math.abs(delta) >= NOTCH_MIN_PX) {
        return Math.sign(delta) * Math.max(1, Math.round(Math.abs(delta) / NOTCH_PX));
    }

    return delta / SMOOTH_PX;
}
