/**
 * Wheel movement to ticks, ticks and buttons to messages. Pure.
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


/** Names of pointer buttons differ in order: `buttons` to bits 1 << button.
 *
 * @param {number} buttons  MouseEvent.buttons
 */
export function buttonMask(buttons) {
    return (buttons & 1) | (buttons & 2) << 1 | (buttons & 4) >> 1
           | (buttons & 24) | (buttons & 32);
}


/**
 * The messages of one wheel movement. A wheel tick is a press edge of a bit it
 * shares with real buttons, so a held bit is lifted first.
 *
 * @param {number} mask   buttons held
 * @param {number} bit    3 down, 4 up, 6 left, 7 right
 * @param {number} ticks  1..
 */
export function wheelMessages(mask, bit, ticks) {
    const flag = 1 << bit;
    const messages = [`m2,0,0,${mask | flag},${Math.min(64, ticks)}`,
                      `m2,0,0,${mask},0`];

    if ((mask & flag) !== 0) {
        messages.unshift(`m2,0,0,${mask & ~flag},0`);
    }

    return messages;
}
