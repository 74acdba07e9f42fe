/**
 * Pictures that come in rows: JPEG images, or H.264 stripes with a decoder
 * each. They are composed on a canvas that becomes a VideoFrame whenever no
 * row is under way. Runs in the worker; whoever gets a frame closes it.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { Decoder, VIDEO_JPEG } from './decode.js';

export const JPEG_HEADER_BYTES = 6;

/** A picture with a hole is shown when it has waited for that long. */
const HOLE_MS = 1000;
const SIDE_MAX = 16384;
/** While rows keep coming a picture is shown this often at least. */
const SHOW_MS = 16;

/**
 * @typedef {object} JpegHeader
 * @property {number} id  frame id, 0..65535
 * @property {number} y   first line, pixels
 */

/**
 * Reads the header of a 0x03 message.
 *
 * @param {ArrayBuffer} buffer
 * @returns {JpegHeader | null} null when it is no JPEG row
 */
export function parseJpegHeader(buffer) {
    if (buffer.byteLength <= JPEG_HEADER_BYTES) {
        return null;
    }

    const view = new DataView(buffer);

    if (view.getUint8(0) !== VIDEO_JPEG) {
        return null;
    }

    return { id: view.getUint16(2), y: view.getUint16(4) };
}


/**
 * Whether an H.264 message is but a part of the picture.
 *
 * @param {import('./decode.js').VideoHeader} header
 * @param {number} height  of the whole picture, 0 when it was not told
 */
export function isStripe(header, height) {
    return header.y !== 0 || header.height < height - 1;
}


/**
 * Reads a `stream_resolution` message.
 *
 * @param {string} text
 * @returns {{ width: number, height: number } | null}
 */
export function parseResolution(text) {
    try {
        const { width, height } = JSON.parse(text);

        return width > 0 && width <= SIDE_MAX && height > 0 && height <= SIDE_MAX
            ? { width, height } : null;
    } catch {
        return null;
    }
}


/**
 * @typedef {object} Row
 * @property {number}  height   0 before it was drawn
 * @property {boolean} busy     an image of it is being decoded
 * @property {{ buffer: ArrayBuffer, arrived: number } | null} waiting  the next
 *           one, which a newer one replaces
 * @property {Decoder | null} decoder  of a stripe
 * @property {number}  owed     stripes given to it that did not come out
 */

/**
 * @typedef {object} RowEvents
 * @property {(frame: VideoFrame) => void} picture   timestamp = arrival, µs
 * @property {() => void} keyMissed  a row cannot be decoded until its key frame
 * @property {() => void} broken  a decoder failed, another one follows
 * @property {(detail: string) => void} failed  gave up
 */

export class Rows {
    /** @param {RowEvents} events */
    constructor(events) {
        this.events = events;
        /** @type {Map<number, Row>} by the first line */
        this.rows = new Map();
        /** @type {OffscreenCanvas | null} */
        this.canvas = null;
        /** @type {OffscreenCanvasRenderingContext2D | null} */
        this.context = null;
        this.width = 0;
        this.height = 0;
        /** whether what is shown came in rows */
        this.active = false;
        this.codec = '';
        /** no whole picture since the start */
        this.needKey = true;
        this.since = 0;
        this.shownAt = 0;
        this.stamp = 0;
        this.arrived = 0;
        this.timer = 0;
        /** counts restarts: what was begun before one is not drawn after it */
        this.epoch = 0;
    }

    /** Rows that wait to be decoded. */
    get queue() {
        let most = 0;

        for (const row of this.rows.values()) {
            most = Math.max(most, row.decoder?.queue ?? 0, row.waiting === null ? 0 : 1);
        }

        return most;
    }

    /** The stream starts anew, in rows or not; the canvas keeps what it has. */
    restart() {
        for (const row of this.rows.values()) {
            row.decoder?.close();
        }

        this.rows.clear();
        clearTimeout(this.timer);
        this.timer = 0;
        this.needKey = true;
        this.active = false;
        this.codec = '';
        this.epoch++;
    }

    /**
     * The size of the whole picture, which rows do not tell.
     *
     * @param {number} width
     * @param {number} height
     */
    resize(width, height) {
        if (width === this.width && height === this.height) {
            return;
        }

        this.width = width;
        this.height = height;
        this.canvas = null;
        this.context = null;
    }

    /**
     * @param {JpegHeader}  header
     * @param {ArrayBuffer} buffer  the whole message
     */
    pushJpeg(header, buffer) {
        const row = this.row(header.y);

        this.codec = 'jpeg';
        row.waiting = { buffer, arrived: performance.now() };

        if (!row.busy) {
            void this.decode(header.y, row);
        }
    }

    /**
     * @param {import('./decode.js').VideoHeader} header
     * @param {ArrayBuffer} buffer  the whole message
     */
    pushStripe(header, buffer) {
        const row = this.row(header.y);

        if (row.decoder === null) {
            row.decoder = this.stripeDecoder(header.y, row);
        }

        const had = row.decoder.taken;

        row.decoder.push(header, buffer);
        row.owed += row.decoder.taken - had;
        this.codec = row.decoder.codec || this.codec;
    }

    /**
     * @param {number} y
     * @returns {Row}
     */
    row(y) {
        let row = this.rows.get(y);

        if (row === undefined) {
            row = { height: 0, busy: false, waiting: null, decoder: null, owed: 0 };
            this.rows.set(y, row);
        }

        if (!this.active) {
            this.active = true;
            this.since = performance.now();
        }

        return row;
    }

    /**
     * @param {number} y
     * @param {Row}    row
     */
    stripeDecoder(y, row) {
        const epoch = this.epoch;

        return new Decoder({
            picture: frame => {
                row.owed = Math.max(0, row.owed - 1);

                if (epoch === this.epoch) {
                    this.draw(y, row, frame, frame.displayHeight, frame.timestamp / 1000);
                }

                frame.close();
            },
            keyMissed: () => {
                row.owed = 0;
                this.events.keyMissed();
            },
            broken: () => this.events.broken(),
            failed: detail => this.events.failed(detail)
        });
    }

    /**
     * One image of a row after the other, the newest next.
     *
     * @param {number} y
     * @param {Row}    row
     */
    async decode(y, row) {
        const epoch = this.epoch;

        row.busy = true;

        while (row.waiting !== null && epoch === this.epoch) {
            const { buffer, arrived } = row.waiting;

            row.waiting = null;

            try {
                const image = await createImageBitmap(new Blob(
                    [new Uint8Array(buffer, JPEG_HEADER_BYTES)], { type: 'image/jpeg' }));

                if (epoch === this.epoch) {
                    row.busy = row.waiting !== null;
                    this.draw(y, row, image, image.height, arrived);
                }

                image.close();
            } catch {
                /* a broken image leaves the row as it was until the next one */
            }
        }

        row.busy = false;
    }

    /**
     * @param {number} y
     * @param {Row}    row
     * @param {ImageBitmap | VideoFrame} image
     * @param {number} height
     * @param {number} arrived  performance.now() milliseconds
     */
    draw(y, row, image, height, arrived) {
        if (this.width === 0 || y >= this.height) {
            return;
        }

        if (this.canvas === null) {
            this.canvas = new OffscreenCanvas(this.width, this.height);
            this.context = this.canvas.getContext('2d', { alpha: false });
        }

        this.context?.drawImage(image, 0, y);
        row.height = height;
        this.arrived = Math.max(this.arrived, arrived);

        const now = performance.now();
        let late = now - this.shownAt > SHOW_MS;

        if (this.needKey) {
            late = now - this.since > HOLE_MS;
            this.needKey = !this.whole();

            if (this.needKey && !late) {
                this.later(HOLE_MS);
                return;
            }
        }

        if (late || !this.busy()) {
            this.show();
        } else {
            this.later(SHOW_MS);
        }
    }

    /** Whether every line was drawn. */
    whole() {
        let height = 0;

        for (const row of this.rows.values()) {
            height += row.height;
        }

        return height >= this.height;
    }

    busy() {
        for (const row of this.rows.values()) {
            if (row.busy || row.owed > 0) {
                return true;
            }
        }

        return false;
    }

    /** @param {number} ms */
    later(ms) {
        if (this.timer === 0) {
            this.timer = setTimeout(() => this.show(), ms);
        }
    }

    show() {
        clearTimeout(this.timer);
        this.timer = 0;

        if (this.canvas === null || !this.active) {
            return;
        }

        this.shownAt = performance.now();
        this.stamp = Math.max(this.stamp + 1, Math.round(this.arrived * 1000));
        this.events.picture(new VideoFrame(this.canvas, { timestamp: this.stamp }));
    }
}
