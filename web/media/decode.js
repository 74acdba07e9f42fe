/**
 * H.264 in, VideoFrames out: message header, codec string, the key gate and the
 * decoder with its repairs. Runs in the worker; whoever gets a frame closes it.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

export const VIDEO_H264 = 0x04;
export const VIDEO_JPEG = 0x03;
export const VIDEO_HEADER_BYTES = 10;

/**
 * @typedef {object} VideoHeader
 * @property {boolean} key     true only for flag byte 1
 * @property {number}  id      frame id, 0..65535
 * @property {number}  y       first line of the stripe, pixels
 * @property {number}  width   pixels
 * @property {number}  height  pixels
 */

/**
 * Reads the header of a 0x04 message.
 *
 * @param {ArrayBuffer} buffer
 * @returns {VideoHeader | null} null when it is no usable H.264 message
 */
export function parseVideoHeader(buffer) {
    if (buffer.byteLength <= VIDEO_HEADER_BYTES) {
        return null;
    }

    const view = new DataView(buffer);

    if (view.getUint8(0) !== VIDEO_H264) {
        return null;
    }

    const width = view.getUint16(6);
    const height = view.getUint16(8);

    if (width === 0 || height === 0) {
        return null;
    }

    return { key: view.getUint8(1) === 1, id: view.getUint16(2),
             y: view.getUint16(4), width, height };
}


/**
 * Finds the codec string in an Annex-B access unit: profile, constraint flags
 * and level are the three bytes after the SPS header (H.264 7.3.2.1.1).
 *
 * @param {Uint8Array} bytes
 * @returns {string} such as "avc1.42c01f", or "" when there is no SPS
 */
export function codecFromAnnexB(bytes) {
    const last = bytes.length - 6;

    for (let i = 0; i <= last; i++) {
        if (bytes[i] !== 0 || bytes[i + 1] !== 0 || bytes[i + 2] !== 1) {
            continue;
        }

        const type = /** @type {number} */ (bytes[i + 3]) & 0x1f;

        if (type === 7 && i + 6 < bytes.length) {
            return 'avc1.' + [4, 5, 6].map(n => {
                const byte = /** @type {number} */ (bytes[i + n]);
                return byte.toString(16).padStart(2, '0');
            }).join('');
        }

        if (type === 1 || type === 5) {
            return '';
        }

        i += 3;
    }

    return '';
}


/**
 * How the session's decoder is configured, and whatever has to behave like it.
 *
 * @param {string}  codec
 * @param {number}  width     pixels
 * @param {number}  height    pixels
 * @param {boolean} software  after an error
 */
export function decoderConfig(codec, width, height, software) {
    return /** @type {const} */ ({
        codec, codedWidth: width, codedHeight: height, optimizeForLatency: true,
        hardwareAcceleration: software ? 'prefer-software' : 'no-preference' });
}


const QUEUE_HOPELESS = 120;

/* a key may bring all that followed it along: that is decoded, and not shown */
const QUEUE_BURST = 30;
const CATCH_UP_MS = 5000;

const ERRORS_FATAL = 6;

/* a decoder that takes pictures and gives none has failed, and does not know it */
const HANGS_MS = 5000;

/* High 4:4:4 Predictive, which some browsers have no decoder for */
const FULL_COLOUR = /^avc1\.f4/;
const ERRORS_COLOUR = 2;

/**
 * @typedef {object} DecoderEvents
 * @property {(frame: VideoFrame) => void} picture   timestamp = arrival, µs
 * @property {() => void} keyMissed  nothing can be decoded until a key frame
 * @property {() => void} broken  the decoder failed, another one follows
 * @property {(detail: string) => void} [colour]  4:4:4 cannot be decoded here
 * @property {(detail: string) => void} failed  gave up
 */

export class Decoder {
    /** @param {DecoderEvents} events */
    constructor(events) {
        this.events = events;
        /** @type {VideoDecoder | null} */
        this.decoder = null;
        this.codec = '';
        this.software = false;
        this.needKey = true;
        this.errors = 0;
        this.width = 0;
        this.height = 0;
        this.stamp = 0;
        this.keyAt = 0;
        this.dropped = 0;
        /** units the decoder was given */
        this.taken = 0;
        /** when this decoder was given its first unit, 0 once something came out */
        this.owesSince = 0;
        /** others of its kind may decode parts of the picture */
        this.stripes = true;
    }

    /** Access units waiting to be decoded. */
    get queue() {
        return this.decoder?.decodeQueueSize ?? 0;
    }

    /** What comes out now is long past: newer units are waiting behind it. */
    get catchingUp() {
        return this.queue > QUEUE_BURST && this.sinceKey < CATCH_UP_MS;
    }

    get sinceKey() {
        return performance.now() - this.keyAt;
    }

    /** The next unit that counts is a key frame. */
    restart() {
        this.needKey = true;
    }

    /** Nothing comes out any more. */
    close() {
        if (this.decoder?.state === 'configured') {
            this.decoder.close();
        }

        this.decoder = null;
        this.codec = '';
        this.needKey = true;
    }

    /**
     * @param {VideoHeader} header
     * @param {ArrayBuffer} buffer  the whole message
     */
    push(header, buffer) {
        const unit = new Uint8Array(buffer, VIDEO_HEADER_BYTES);

        if (header.key && this.queue <= QUEUE_HOPELESS) {
            this.keyAt = performance.now();
        }

        if (this.queue > QUEUE_HOPELESS && this.sinceKey > CATCH_UP_MS) {
            this.decoder?.reset();
            this.codec = '';
            this.needKey = true;
        }

        if (this.needKey && !header.key) {
            this.dropped++;
            this.events.keyMissed();
            return;
        }

        try {
            if (header.key && !this.configure(unit, header)) {
                return;
            }

            this.stamp = Math.max(this.stamp + 1, Math.round(performance.now() * 1000));
            this.decoder?.decode(new EncodedVideoChunk({
                type: header.key ? 'key' : 'delta', timestamp: this.stamp, data: unit }));
            this.needKey = false;
            this.taken++;

        } catch (error) {
            this.onError(/** @type {DOMException} */ (error));
        }
    }

    /**
     * @param {Uint8Array}  unit
     * @param {VideoHeader} header
     * @returns {boolean} false when the unit names no codec
     */
    configure(unit, header) {
        const codec = codecFromAnnexB(unit);

        if (codec === '') {
            return false;
        }

        if (this.decoder === null) {
            const decoder = new VideoDecoder({
                output: frame => {
                    this.errors = 0;
                    this.owesSince = 0;
                    this.events.picture(frame);
                },
                error: error => decoder === this.decoder && this.onError(error)
            });
            this.decoder = decoder;
            this.owesSince = performance.now();

        } else if (codec === this.codec && header.width === this.width
                   && header.height === this.height)
        {
            return true;
        }

        this.codec = codec;
        this.width = header.width;
        this.height = header.height;
        this.decoder.configure(decoderConfig(codec, header.width, header.height,
                                             this.software));
        return true;
    }

    /** @param {number} now */
    check(now) {
        if (this.owesSince !== 0 && now - this.owesSince > HANGS_MS && !this.needKey) {
            /* once more, in software */
            this.errors += 2;
            this.onError(new DOMException('nothing comes out', 'TimeoutError'));
        }
    }

    /** @param {DOMException} error */
    onError(error) {
        if (this.decoder?.state === 'configured') {
            this.decoder.close();
        }

        const full = FULL_COLOUR.test(this.codec);

        this.decoder = null;
        this.codec = '';
        this.needKey = true;
        this.owesSince = 0;

        /* a browser may take an idle decoder back: nothing is wrong with it */
        if (error.name !== 'QuotaExceededError') {
            this.errors++;
            this.software = true;
        }

        if (full && this.errors >= ERRORS_COLOUR && this.events.colour !== undefined) {

            /* says nothing of how it will do with 4:2:0 */
            this.errors = 0;
            this.software = false;
            this.events.colour(error.message);
            return;
        }

        if (!full && error.name !== 'QuotaExceededError') {
            this.events.broken();
        }

        if (this.errors >= ERRORS_FATAL) {
            this.errors = 0;
            this.events.failed(error.message);
        } else {
            this.events.keyMissed();
        }
    }
}
