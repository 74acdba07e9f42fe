/**
 * What a clipboard holds: how it goes over the wire (protocol.md 15.1), and what
 * the browser's objects have of it.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/** Bytes of a chunk to the server; a multiple of 3. */
export const CHUNK = 750 * 1024;
/** No server passes more. */
export const MOST = 64 * 1024 * 1024;

/**
 * @typedef {{ mime: string, bytes: Uint8Array }} Part
 * @typedef {{ text: string, html: string, image: Part | null }} Content
 */

/** @type {Content} */
export const NOTHING = { text: '', html: '', image: null };

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
    const own = /** @type {any} */ (bytes).toBase64;

    if (own !== undefined) {
        return /** @type {string} */ (own.call(bytes));
    }

    let text = '';

    for (let i = 0; i < bytes.length; i += 0x6000) {
        text += btoa(String.fromCharCode(...bytes.subarray(i, i + 0x6000)));
    }

    return text;
}


/** @param {string} text
 *  @returns {Uint8Array} */
export function fromBase64(text) {
    const own = /** @type {any} */ (Uint8Array).fromBase64;

    return own !== undefined ? own.call(Uint8Array, text)
        : Uint8Array.from(atob(text), c => c.charCodeAt(0));
}


/**
 * The messages that carry a part, one at a time.
 *
 * @param {Part} part
 * @returns {Generator<string>}
 */
export function* messagesOf(part) {
    const { mime, bytes } = part;
    const text = mime === 'text/plain';
    const verb = text ? 'cw' : 'cb';
    const type = text ? '' : `${mime},`;

    if (bytes.length < CHUNK) {
        yield `${verb},${type}${toBase64(bytes)}`;
        return;
    }

    yield `${verb}s,${type}${bytes.length}`;

    for (let i = 0; i < bytes.length; i += CHUNK) {
        yield `${verb}d,${toBase64(bytes.subarray(i, i + CHUNK))}`;
    }

    yield `${verb}e`;
}


/** Puts together what the server sends. */
export class Assembler {
    constructor() {
        /** @type {{ mime: string, bytes: Uint8Array, length: number } | null} */
        this.begun = null;
    }

    /**
     * @param {string} message  a text message that begins with `clipboard`
     * @returns {Part | null} a part, once it is whole
     */
    take(message) {
        const comma = message.indexOf(',');
        const verb = comma === -1 ? message : message.slice(0, comma);
        const rest = comma === -1 ? '' : message.slice(comma + 1);
        const second = rest.lastIndexOf(',');

        try {
            switch (verb) {
            case 'clipboard':
                return { mime: 'text/plain', bytes: fromBase64(rest) };

            case 'clipboard_binary':
                return { mime: rest.slice(0, second), bytes: fromBase64(rest.slice(second + 1)) };

            case 'clipboard_start':
                this.begin(rest.slice(0, second), Number(rest.slice(second + 1)));
                return null;

            case 'clipboard_data':
                this.add(fromBase64(rest));
                return null;

            case 'clipboard_finish':
                return this.finish();
            }
        } catch {
            this.begun = null;
        }

        return null;
    }

    /** @param {string} mime
     *  @param {number} total */
    begin(mime, total) {
        this.begun = Number.isInteger(total) && total >= 0 && total <= MOST
            ? { mime, bytes: new Uint8Array(total), length: 0 } : null;
    }

    /** @param {Uint8Array} bytes */
    add(bytes) {
        if (this.begun !== null) {
            this.begun.bytes.set(bytes, this.begun.length);
            this.begun.length += bytes.length;
        }
    }

    finish() {
        const whole = this.begun;

        this.begun = null;
        return whole !== null && whole.length === whole.bytes.length
            ? { mime: whole.mime, bytes: whole.bytes } : null;
    }
}


/** @param {Part | null} a
 *  @param {Part | null} b */
function sameImage(a, b) {
    return a === b || a !== null && b !== null && a.mime === b.mime
        && a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}


/** HTML is the same text in other clothes.
 *
 *  @param {Content} a
 *  @param {Content} b */
export function same(a, b) {
    return a.text === b.text && sameImage(a.image, b.image);
}


/** @param {Content} content */
export function isEmpty(content) {
    return content.text === '' && content.html === '' && content.image === null;
}


/** @param {number} bytes */
export function sizeOf(bytes) {
    return bytes >= 1 << 20 ? `${Math.round(bytes / (1 << 20))} MB`
        : `${Math.max(1, Math.round(bytes / 1024))} KB`;
}


/** @param {Content} content
 *  @returns {Record<string, Blob>} */
export function blobsOf(content) {
    /** @type {Record<string, Blob>} */
    const blobs = {};

    if (content.image !== null) {
        blobs[content.image.mime] = new Blob([/** @type {BlobPart} */ (content.image.bytes)],
                                             { type: content.image.mime });
        return blobs;
    }

    blobs['text/plain'] = new Blob([content.text], { type: 'text/plain' });

    if (content.html !== '') {
        blobs['text/html'] = new Blob([content.html], { type: 'text/html' });
    }

    return blobs;
}


/** @param {Blob} blob
 *  @returns {Promise<Part>} */
async function partOf(blob) {
    return { mime: blob.type, bytes: new Uint8Array(await blob.arrayBuffer()) };
}


/** @param {DataTransfer} data  gone once this first waits
 *  @param {boolean} images
 *  @returns {Promise<Content>} */
export async function contentOf(data, images) {
    const text = data.getData('text/plain');
    const html = data.getData('text/html');
    const file = Array.from(data.files).find(one => one.type.startsWith('image/'));

    return text !== '' || file === undefined || !images ? { text, html, image: null }
        : { text: '', html: '', image: await partOf(file) };
}


/** @param {ClipboardItem[]} items
 *  @param {boolean} images
 *  @returns {Promise<Content>} */
export async function itemsOf(items, images) {
    for (const item of items) {
        const image = item.types.find(type => type.startsWith('image/'));

        if (item.types.includes('text/plain')) {
            const html = item.types.includes('text/html')
                ? await (await item.getType('text/html')).text() : '';

            return { text: await (await item.getType('text/plain')).text(), html, image: null };
        }

        if (image !== undefined && images) {
            return { text: '', html: '', image: await partOf(await item.getType(image)) };
        }
    }

    return NOTHING;
}
