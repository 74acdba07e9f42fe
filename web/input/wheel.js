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

/** A notch, where a browser has the old measure as well. */
const OLD_NOTCH = 120;

/**
 * A wheel of high resolution turns by parts of a notch. A browser that has the
 * old measure says how large a part; a trackpad's is three times the new one, to
 * the pixel.
 *
 * @param {number} delta
 * @param {number} mode     WheelEvent.deltaMode
 * @param {number} [old]    WheelEvent.wheelDeltaX or Y
 * @returns {number} ticks of a wheel, with a fraction for small steps
 */
export function ticksOf(delta, mode, old) {
    if (mode === 0 && old !== undefined && delta * old < 0
        && Math.abs(delta) < NOTCH_MIN_PX && Math.abs(old + 3 * delta) > 2)
    {
        return -old / OLD_NOTCH;
    }

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
