/**
 * Whether a media element shows the client's clip right, picture by picture,
 * lite ones too: what it is asked before it gets the stream.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { fragment, joined, parameters, samplesOf, splitNals, videoInit } from './fmp4.js';
import { worstOf } from './lite.js';
import { readPoints } from './probe.js';

const STEP_US = 100000;
const TOLERANCE = 8;
const TRIES = 20;
const PAUSE_MS = 50;

/** @param {EventTarget} target
 *  @param {string} name
 *  @param {AbortSignal} signal */
function event(target, name, signal) {
    return new Promise((resolve, reject) => {
        target.addEventListener(name, () => resolve(undefined), { once: true, signal });
        target.addEventListener('error', () => reject(new Error(`no ${name}`)),
                                { once: true, signal });
        signal.addEventListener('abort', () => reject(signal.reason));
    });
}


/** A picture may come a little later than the word that it is there.
 *
 * @param {HTMLVideoElement} video
 * @param {{ x: number, y: number }[]} points
 * @param {number[]} colours */
async function shows(video, points, colours) {
    for (let tries = 0; tries < TRIES; tries++) {
        const frame = new VideoFrame(video);
        const seen = await readPoints(frame, points);

        frame.close();

        if (worstOf(seen, colours) <= TOLERANCE) {
            return true;
        }

        await new Promise(resolve => {
            setTimeout(resolve, PAUSE_MS);
        });
    }

    return false;
}


/**
 * @param {import('./lite.js').Clip} clip
 * @param {number} [limit]  milliseconds
 * @returns {Promise<import('./lite.js').Result>}
 */
export async function testMse(clip, limit = 4000) {
    const units = clip.pictures.map(one => splitNals(
        Uint8Array.from(atob(one.data), c => c.charCodeAt(0))));
    const set = parameters(units[0] ?? []);
    const Source = globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource;
    const source = new Source();
    const url = URL.createObjectURL(source);
    const video = document.createElement('video');
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error('slow')), limit);

    try {
        const opened = event(source, 'sourceopen', late.signal);

        video.muted = true;
        video.playsInline = true;
        video.disableRemotePlayback = true;
        video.preload = 'auto';
        video.src = url;
        await opened;

        const buffer = source.addSourceBuffer(`video/mp4; codecs="${set?.codec}"`);
        const appended = event(buffer, 'updateend', late.signal);
        const loaded = event(video, 'loadeddata', late.signal);

        buffer.appendBuffer(joined([
            videoInit(set?.avcC ?? new Uint8Array(), clip.width, clip.height, 1e6),
            ...units.map((nals, i) => fragment(i + 1, {
                time: i * STEP_US, duration: STEP_US, key: clip.pictures[i]?.key === true,
                data: samplesOf(nals) }))]));
        await Promise.all([appended, loaded]);

        for (const [i, { colours }] of clip.pictures.entries()) {
            if (i > 0) {
                const sought = event(video, 'seeked', late.signal);

                video.currentTime = (i + 0.5) * STEP_US / 1e6;
                await sought;
            }

            if (!await shows(video, clip.points, colours)) {
                return 'wrong';
            }
        }

        return 'passed';

    } catch (error) {
        return error instanceof Error && error.message === 'slow' ? 'slow' : 'error';

    } finally {
        clearTimeout(timer);
        URL.revokeObjectURL(url);
        video.removeAttribute('src');
        video.load();
    }
}
