/**
 * Reads colours out of a VideoFrame: for the test hook (`?probe=1`) and for
 * lite.js. Runs in the worker, which loads it when asked to.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/** Where the bytes of a 2x2 rectangle lie, by pixel format: offsets of R, G, B
 *  in packed formats.
 *
 * @type {Record<string, number[]>} */
const PACKED = { RGBA: [0, 1, 2], RGBX: [0, 1, 2], BGRA: [2, 1, 0], BGRX: [2, 1, 0] };

/** @param {number} value */
function clamp(value) {
    return Math.min(255, Math.max(0, value));
}


/** BT.709 (H.273 matrix 1) to R, G, B.
 *
 * @param {number} y
 * @param {number} u
 * @param {number} v
 * @param {boolean} full  range
 */
export function fromYuv(y, u, v, full) {
    const luma = full ? y : (y - 16) * 255 / 219;
    const cb = full ? u - 128 : (u - 128) * 255 / 224;
    const cr = full ? v - 128 : (v - 128) * 255 / 224;

    return [clamp(luma + 1.5748 * cr), clamp(luma - 0.1873 * cb - 0.4681 * cr),
            clamp(luma + 1.8556 * cb)];
}


/**
 * @param {VideoFrame} frame
 * @param {DOMRectInit} rect  2x2, even
 * @returns {Promise<number[] | null>} the mean colour, null outside the picture
 */
async function readColour(frame, rect) {
    const bytes = new Uint8Array(64);
    let format = frame.format ?? '';

    /* as it was decoded, where that can be had: browsers convert with fewer bits */
    if (format === 'I420' || format === 'NV12' || PACKED[format] !== undefined) {
        await frame.copyTo(bytes, { rect });
    } else {
        format = 'RGBA';
        await frame.copyTo(bytes, /** @type {any} */ ({ rect, format, colorSpace: 'srgb' }));
    }

    const at = (/** @type {number} */ i) => bytes[i] ?? 0;
    const packed = PACKED[format];

    if (packed !== undefined) {
        return packed.map(c => (at(c) + at(c + 4) + at(c + 8) + at(c + 12)) / 4);
    }

    /* four luma samples, then one of each chroma, in both formats */
    return fromYuv((at(0) + at(1) + at(2) + at(3)) / 4, at(4), at(5),
                   frame.colorSpace.fullRange === true);
}


/**
 * Reads the mean colour of 2x2 pixels at each point.
 *
 * @param {VideoFrame} frame
 * @param {{ x: number, y: number }[]} points  stream pixels
 * @returns {Promise<(number[] | null)[]>} [r, g, b] each, null outside the picture
 */
export async function readPoints(frame, points) {
    const left = frame.visibleRect?.x ?? 0;
    const top = frame.visibleRect?.y ?? 0;
    /** @type {(number[] | null)[]} */
    const colours = [];

    for (const point of points) {
        try {
            colours.push(await readColour(frame, {
                x: left + point.x - point.x % 2, y: top + point.y - point.y % 2,
                width: 2, height: 2 }));
        } catch {
            colours.push(null);
        }
    }

    return colours;
}
