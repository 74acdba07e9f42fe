/**
 * The test hook of `?probe=1`: reads decoded pixels and times. It only reads.
 *
 *   window.__selkies.state, .frames, .stats, .settings, .extended, .lite, .sound,
 *       .clipboard    clipboard.js, once it has something to tell
 *   probe(points)     colours of the picture on show: {rgb, frame, width, height, t}
 *   watch(points, fn) fn({rgb, frame, t}) for every decoded picture; null stops
 *   answer(point, verb)  waits for the next message of that verb (kd, m, m2) and
 *                     then for a picture whose colour at the point differs:
 *                     {ms, sent, decoded}
 *
 * Points are {x, y} in stream pixels, times performance.now() of this page.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const DIFFERENT = 24;

/** @param {number[] | null | undefined} before
 *  @param {number[] | null} now */
function differs(before, now) {
    return before !== null && before !== undefined && now !== null
        && now.some((value, i) => Math.abs(value - (before[i] ?? 0)) > DIFFERENT);
}


/** The same of a media element, which has the picture where no worker does.
 *
 * @param {import('../session.js').Session} session
 * @param {{ x: number, y: number }[]} points */
async function readElement(session, points) {
    const { readPoints } = await import('../media/probe.js');
    const video = /** @type {HTMLVideoElement} */ (session.element);

    if (video.videoWidth === 0 || video.readyState < 2) {
        return { rgb: null, frame: session.frames, width: 0, height: 0, t: performance.now() };
    }

    const frame = new VideoFrame(video, { timestamp: 0 });
    const rgb = await readPoints(frame, points);

    frame.close();
    return { rgb, frame: session.frames, width: video.videoWidth, height: video.videoHeight,
             t: performance.now() };
}


let watching = 0;

/** @param {import('../session.js').Session} session
 *  @param {{ x: number, y: number }[] | null} points
 *  @param {(sample: any) => void} call */
function watchElement(session, points, call) {
    const number = ++watching;
    const again = () => session.element?.requestVideoFrameCallback(async () => {
        if (number === watching && points !== null) {
            again();
            call(await readElement(session, points));
        }
    });

    again();
}


/** @param {import('../session.js').Session} session */
export function expose(session) {
    /** @type {Map<number, (answer: any) => void>} */
    const waiting = new Map();
    /** @type {((sample: any) => void) | null} */
    let listener = null;
    let number = 0;

    /** @type {{ verb: string, sent: number }} */
    let armed = { verb: '', sent: 0 };

    session.on('sent', texts => {
        if (armed.sent === 0 && texts[0].startsWith(`${armed.verb},`)) {
            armed.sent = performance.now();
        }
    });

    const local = (/** @type {number} */ epoch) => epoch - performance.timeOrigin;

    session.on('peek', message => {
        waiting.get(message.id)?.({ rgb: message.rgb, frame: message.frame,
                                    width: message.width, height: message.height,
                                    t: local(message.at) });
        waiting.delete(message.id);
    });
    session.on('sample', message => {
        listener?.({ rgb: message.rgb, frame: message.frame, t: local(message.at) });
    });

    const hook = {
        /** @type {import('../clipboard.js').Clipboard | null} */
        clipboard: null,
        get way() {
            return session.way;
        },
        get state() {
            return session.ending?.screen ?? session.state;
        },
        get frames() {
            return session.frames;
        },
        get stats() {
            return { ...session.stats, latency: session.latency };
        },
        get settings() {
            return session.settings;
        },
        get extended() {
            return session.extended;
        },
        get lite() {
            return session.lite;
        },
        get control() {
            return session.control;
        },
        get sound() {
            return session.sound;
        },

        /** @param {{ x: number, y: number }[]} points */
        async probe(points) {
            if (session.element !== null) {
                return readElement(session, points);
            }

            return new Promise(resolve => {
                number++;
                waiting.set(number, resolve);
                session.worker.postMessage({ t: 'peek', id: number, points });
            });
        },

        /** @param {{ x: number, y: number }[] | null} points
         *  @param {((sample: any) => void) | null} [call] */
        watch(points, call) {
            listener = call ?? null;

            if (session.element !== null) {
                watchElement(session, points, sample => listener?.(sample));
                return;
            }

            session.worker.postMessage({ t: 'watch', points });
        },

        /** @param {{ x: number, y: number }} point
         *  @param {string} [verb]  kd, m or m2 */
        async answer(point, verb = 'kd') {
            const before = (await hook.probe([point])).rgb?.[0];

            armed = { verb, sent: 0 };
            const waited = armed;

            return new Promise(resolve => {
                hook.watch([point], sample => {
                    const now = sample.rgb[0];

                    if (waited.sent !== 0 && differs(before, now)) {
                        hook.watch(null);
                        resolve({ ms: sample.t - waited.sent, sent: waited.sent,
                                  decoded: sample.t });
                    }
                });
            });
        }
    };

    session.on('clipboard-changed', clipboard => {
        hook.clipboard = clipboard;
    });

    /** @type {any} */ (window).__selkies = hook;
}
