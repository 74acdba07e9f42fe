/**
 * The self-test for lite pictures: small P pictures between those of the
 * encoder, which nothing references. A decoder takes them if it shows each
 * picture of a clip right, at once and in order. Runs in the worker.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { codecFromAnnexB, decoderConfig } from './decode.js';
import { fromYuv, readPoints } from './probe.js';

const LIMIT_MS = 2000;

/* Levels of R, G and B: browsers convert with few bits, wrong pictures are off
   by a multiple of it. */
const TOLERANCE = 8;

/**
 * @typedef {object} Clip
 * @property {number} width   pixels
 * @property {number} height  pixels
 * @property {{ x: number, y: number }[]} points
 * @property {{ key: boolean, colours: number[], data: string }[]} pictures
 *           data: an access unit, base64; colours: at each point the sum of
 *           four samples of luma, Cb, Cr
 */

/**
 * `passed`; `wrong` pixels, order or number of pictures; `error` of the
 * decoder; `slow`, which a busy machine may be; `missing`: no decoder at all.
 *
 * @typedef {'passed' | 'wrong' | 'error' | 'slow' | 'missing'} Result
 */

/** @param {string} text  base64 */
function bytesOf(text) {
    return Uint8Array.from(atob(text), c => c.charCodeAt(0));
}


/**
 * @param {(number[] | null)[]} seen     R, G, B at each point
 * @param {number[]}            colours  of the clip
 * @returns {number} the worst difference, 255 where there is no pixel
 */
export function worstOf(seen, colours) {
    let worst = seen.length * 3 === colours.length ? 0 : 255;

    seen.forEach((rgb, i) => {
        const [luma = 0, cb = 0, cr = 0] = colours.slice(3 * i, 3 * i + 3);

        fromYuv(luma / 4, cb, cr, false).forEach((value, k) => {
            worst = Math.max(worst, Math.abs(value - (rgb?.[k] ?? Infinity)));
        });
    });

    return Math.min(255, worst);
}


/** A failed test. */
class Failure extends Error {
    /** @param {Result} result
     *  @param {string} detail */
    constructor(result, detail) {
        super(detail);
        this.result = result;
    }
}


/** A decoder that hands out its pictures one by one. */
class Bench {
    /** @param {number} limit  milliseconds for everything */
    constructor(limit) {
        /** @type {VideoFrame[]} */
        this.frames = [];
        /** @type {Failure | null} */
        this.failure = null;
        this.wake = () => {};
        /** @type {(failure: Failure) => void} */
        this.reject = () => {};
        /** @type {Promise<never>} */
        this.ended = new Promise((_, reject) => {
            this.reject = reject;
        });
        this.ended.catch(() => {});

        this.timer = setTimeout(() => this.fail('slow', `${limit} ms are over`), limit);
        this.decoder = new VideoDecoder({
            output: frame => {
                this.frames.push(frame);
                this.wake();
            },
            error: error => this.fail('error', error.message)
        });
    }

    /** @param {Result} result
     *  @param {string} detail */
    fail(result, detail) {
        this.failure ??= new Failure(result, detail);
        this.reject(this.failure);
        this.wake();
    }

    /** Lets the decoder go on, and ends with what made the test fail.
     *
     * @template T
     * @param {() => T} done  a value that is not undefined ends the wait
     * @returns {Promise<NonNullable<T>>} */
    async until(done) {
        for (;;) {
            if (this.failure !== null) {
                throw this.failure;
            }

            const value = done();

            if (value !== undefined && value !== null) {
                return value;
            }

            await new Promise(resolve => {
                this.wake = () => resolve(undefined);
            });
        }
    }

    close() {
        clearTimeout(this.timer);
        this.fail('error', 'closed');

        for (const frame of this.frames.splice(0)) {
            frame.close();
        }

        if (this.decoder.state !== 'closed') {
            this.decoder.close();
        }
    }
}


/**
 * One picture in, the same one out before there is another.
 *
 * @param {Bench}  bench
 * @param {Clip}   clip
 * @param {number} i
 */
async function decodeOne(bench, clip, i) {
    const { key, data, colours } = clip.pictures[i] ?? { key: false, data: '', colours: [] };
    const timestamp = 1000 * (i + 1);

    bench.decoder.decode(new EncodedVideoChunk({
        type: key ? 'key' : 'delta', timestamp, data: bytesOf(data) }));

    const frame = await bench.until(() => bench.frames.shift());

    try {
        if (frame.timestamp !== timestamp) {
            throw new Failure('wrong', `picture ${frame.timestamp / 1000 - 1} came for ${i}`);
        }

        const seen = await Promise.race([readPoints(frame, clip.points), bench.ended]);
        const worst = worstOf(seen, colours);

        if (worst > TOLERANCE) {
            throw new Failure('wrong', `picture ${i} is off by ${Math.round(worst)}`);
        }

        return worst;

    } finally {
        frame.close();
    }
}


/**
 * Decodes the clip as the session decodes its stream.
 *
 * @param {Clip}    clip
 * @param {boolean} software  what the session's decoder prefers
 * @param {number}  [limit]   milliseconds
 * @returns {Promise<{ result: Result, detail: string, software: boolean }>}
 */
export async function testLite(clip, software, limit = LIMIT_MS) {
    if (typeof VideoDecoder === 'undefined') {
        return { result: 'missing', detail: 'no VideoDecoder', software };
    }

    const bench = new Bench(limit);

    try {
        const codec = codecFromAnnexB(bytesOf(clip.pictures[0]?.data ?? ''));
        let worst = 0;

        if (codec === '') {
            throw new Failure('error', 'the clip names no codec');
        }

        bench.decoder.configure(decoderConfig(codec, clip.width, clip.height, software));

        for (let i = 0; i < clip.pictures.length; i++) {
            worst = Math.max(worst, await decodeOne(bench, clip, i));
        }

        let flushed = false;

        bench.decoder.flush().then(() => {
            flushed = true;
            bench.wake();
        }, error => bench.fail('error', error.message));
        await bench.until(() => flushed || undefined);

        if (bench.frames.length > 0) {
            throw new Failure('wrong', 'more pictures than there are');
        }

        return { result: 'passed', detail: `off by ${Math.round(worst)} at most`, software };

    } catch (error) {
        return { result: error instanceof Failure ? error.result : 'error',
                 detail: error instanceof Error ? error.message : String(error), software };

    } finally {
        bench.close();
    }
}
