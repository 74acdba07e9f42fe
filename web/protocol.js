/**
 * The wire, the arithmetic and nothing else: pure functions no DOM, no socket,
 * no state. The binary side is in media/decode.js.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/**
 * @typedef {{ kind: 'mode' }
 *   | { kind: 'json', type: string, data: Record<string, any> }
 *   | { kind: 'ext' | 'cursor' | 'auth' | 'displays' | 'system', data: Record<string, any> }
 *   | { kind: 'kill' | 'reset', text: string }
 *   | { kind: 'access', granted: boolean }
 *   | { kind: 'video', started: boolean }
 *   | { kind: 'other' }} TextMessage
 */

/** @type {Record<string, 'ext' | 'cursor' | 'auth' | 'displays' | 'system'>} */
const JSON_VERBS = {
    '_ext': 'ext',
    'cursor': 'cursor',
    'AUTH_SUCCESS': 'auth',
    'ROLE_UPDATE': 'auth',
    'DISPLAY_CONFIG_UPDATE': 'displays',
    'system': 'system'
};

/** @param {string} text */
function parseObject(text) {
    try {
        const value = JSON.parse(text);
        return value !== null && typeof value === 'object' && !Array.isArray(value)
            ? /** @type {Record<string, any>} */ (value) : null;
    } catch {
        return null;
    }
}


/**
 * Sorts a text message of the server. Whatever is unknown or malformed is
 * 'other', because the wire says: ignore it.
 *
 * @param {string} text
 * @returns {TextMessage}
 */
export function parseText(text) {
    if (text.startsWith('{')) {
        const data = parseObject(text);
        return data !== null && typeof data.type === 'string'
            ? { kind: 'json', type: data.type, data } : { kind: 'other' };
    }

    if (text === 'MODE websockets') {
        return { kind: 'mode' };
    }

    if (text === 'VIDEO_STARTED' || text === 'VIDEO_STOPPED') {
        return { kind: 'video', started: text === 'VIDEO_STARTED' };
    }

    if (text.startsWith('KILL ')) {
        return { kind: 'kill', text: text.slice(5) };
    }

    if (text.startsWith('PIPELINE_RESETTING ')) {
        return { kind: 'reset', text: text.slice(19) };
    }

    const comma = text.indexOf(',');
    const verb = comma === -1 ? text : text.slice(0, comma);

    if (verb === 'MK_ACCESS') {
        return { kind: 'access', granted: text.slice(comma + 1) === '1' };
    }

    const kind = Object.hasOwn(JSON_VERBS, verb) ? JSON_VERBS[verb] : undefined;

    if (kind !== undefined) {
        const data = parseObject(text.slice(comma + 1));
        return data === null ? { kind: 'other' } : { kind, data };
    }

    return { kind: 'other' };
}


/**
 * What a fragment makes of the page: `#shared` and `#player2..4` watch,
 * `#display2-right` is a further screen, anything else controls `primary`.
 *
 * @param {string} hash
 * @returns {{ shared: boolean, display: string, position: string, plain?: boolean,
 *          encoder?: string }}  plain is for colour.js, encoder for ladder.js
 */
export function parseFragment(hash) {
    const screen = /^#(display[2-4])-(right|left|up|down)$/.exec(hash);

    if (screen !== null) {
        return { shared: false, display: screen[1] ?? '', position: screen[2] ?? '' };
    }

    return { shared: /^#(shared|player[2-4])$/.test(hash),
             display: 'primary', position: '' };
}


/** @param {number} value */
export function even(value) {
    return Math.max(2, value - value % 2);
}


/**
 * The stream size for an area of the page: whole device pixels, made even.
 *
 * @param {number} cssWidth
 * @param {number} cssHeight
 * @param {number} ratio  devicePixelRatio
 */
export function streamSize(cssWidth, cssHeight, ratio) {
    /* 1e-6: 1000 x 1.1 must not lose a pixel to binary fractions */
    return { width: even(Math.floor(cssWidth * ratio + 1e-6)),
             height: even(Math.floor(cssHeight * ratio + 1e-6)) };
}


/**
 * Where the picture lies on the page, CSS pixels. A picture that fits (or
 * misses the area by less than `slack` device pixels) is shown 1:1, anything
 * else is scaled to fit. Edges fall on device pixels.
 *
 * @param {{ width: number, height: number }} area     CSS pixels
 * @param {{ width: number, height: number }} picture  stream pixels
 * @param {number} ratio
 */
export function placePicture(area, picture, ratio) {
    const slack = 8;
    const spare = { x: Math.floor(area.width * ratio + 1e-6) - picture.width,
                    y: Math.floor(area.height * ratio + 1e-6) - picture.height };
    const exact = spare.x >= 0 && spare.y >= 0 && spare.x < slack && spare.y < slack;
    const scale = exact ? 1 : Math.min(area.width * ratio / picture.width,
                                       area.height * ratio / picture.height);
    const width = exact ? picture.width : Math.round(picture.width * scale);
    const height = exact ? picture.height : Math.round(picture.height * scale);

    return { width: width / ratio, height: height / ratio,
             left: Math.max(0, Math.floor((area.width * ratio - width) / 2)) / ratio,
             top: Math.max(0, Math.floor((area.height * ratio - height) / 2)) / ratio,
             crisp: Number.isInteger(scale) };
}


/** The stops of `scaling_dpi` nearest to a device pixel ratio.
 *
 * @param {number} ratio
 */
export function dpiFor(ratio) {
    return Math.min(288, Math.max(96, Math.round(ratio * 4) * 24));
}


/**
 * The SETTINGS object that claims a display. What it leaves out is the
 * server's default.
 *
 * @param {{ display: string, position: string, plain?: boolean, encoder?: string }} fragment
 * @param {{ width: number, height: number }} size  stream pixels
 * @param {number} dpi
 * @returns {Record<string, string | number | boolean>}
 */
export function claimOf(fragment, size, dpi) {
    /** @type {Record<string, string | number | boolean>} */
    const claim = { displayId: fragment.display, initialClientWidth: size.width,
                    initialClientHeight: size.height };

    if (fragment.position !== '') {
        claim.displayPosition = fragment.position;
    }

    if (dpi !== 96) {
        claim.scaling_dpi = String(dpi);
    }

    if (fragment.plain === true) {
        claim.h264_fullcolor = false;
    }

    if (fragment.encoder !== undefined) {
        claim.encoder = fragment.encoder;
    }

    return claim;
}


const BACK_OFF_MS = [0, 250, 1000, 2000, 5000];
const AT_ONCE = new Set([1001, 1006, 1012]);

/**
 * How long to wait before connection attempt number `attempt` (0 is the first
 * after a loss).
 *
 * @param {number} attempt
 * @param {number} code     close code of the lost socket
 * @param {number} random   0..1
 */
export function backOff(attempt, code, random) {
    const step = attempt + (AT_ONCE.has(code) ? 0 : 1);
    const base = BACK_OFF_MS[Math.min(step, BACK_OFF_MS.length - 1)] ?? 0;

    return base === 0 ? random * 100 : base * (0.9 + random * 0.2);
}
