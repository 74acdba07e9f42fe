/**
 * Where decoded pictures go. Runs in the worker; a sink owns every VideoFrame it
 * is given and closes it.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/**
 * @typedef {object} Sink
 * @property {string} name
 * @property {(frame: VideoFrame) => void} show
 */

/**
 * A track writable (Chromium's generator made on the page, Safari's made here).
 * Holds one frame at most: while the last write is under way newer ones replace
 * each other.
 *
 * @param {string} name
 * @param {WritableStream<VideoFrame>} writable
 * @returns {Sink}
 */
export function trackSink(name, writable) {
    const writer = writable.getWriter();
    /** @type {VideoFrame | null} */
    let waiting = null;
    let busy = false;

    async function pump() {
        busy = true;

        while (waiting !== null) {
            const frame = waiting;
            waiting = null;

            try {
                await writer.write(frame);
            } catch {
                frame.close();
            }
        }

        busy = false;
    }

    return { name, show(frame) {
        waiting?.close();
        waiting = frame;

        if (!busy) {
            void pump();
        }
    } };
}


/**
 * A canvas: the latest frame is drawn once per display refresh, never more.
 *
 * @param {OffscreenCanvas} canvas
 * @returns {Sink}
 */
export function canvasSink(canvas) {
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
        canvas.getContext('2d', { alpha: false, desynchronized: true }));
    /** @type {VideoFrame | null} */
    let waiting = null;
    const soon = typeof requestAnimationFrame === 'function' ? requestAnimationFrame
        : (/** @type {() => void} */ call) => setTimeout(call, 4);

    function draw() {
        const frame = waiting;

        if (frame === null) {
            return;
        }

        waiting = null;

        if (canvas.width !== frame.displayWidth
            || canvas.height !== frame.displayHeight)
        {
            canvas.width = frame.displayWidth;
            canvas.height = frame.displayHeight;
        }

        context.drawImage(frame, 0, 0);
        frame.close();
    }

    return { name: 'canvas', show(frame) {
        if (waiting === null) {
            soon(draw);
        } else {
            waiting.close();
        }

        waiting = frame;
    } };
}


/**
 * Picks the sink from what the page handed over and what this worker has.
 *
 * @param {{ writable?: WritableStream<VideoFrame>, canvas?: OffscreenCanvas }} parts
 * @returns {{ sink: Sink, track?: MediaStreamTrack }}
 */
export function createSink(parts) {
    if (parts.writable !== undefined) {
        return { sink: trackSink('video track', parts.writable) };
    }

    if (parts.canvas !== undefined) {
        return { sink: canvasSink(parts.canvas) };
    }

    const Generator = /** @type {any} */ (globalThis).VideoTrackGenerator;
    const generator = new Generator();

    return { sink: trackSink('video track (worker)', generator.writable),
             track: generator.track };
}
