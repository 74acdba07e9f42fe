/**
 * Socket, demultiplexer and decoder, away from the page's jank. The page owns
 * every decision (when to connect, what to say); this worker owns the sockets,
 * the VideoDecoder and every VideoFrame until a sink has it. Where workers do
 * not work the page runs it itself, behind a port (see ladder.js). Else start.js
 * loads it.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { Decoder, VIDEO_H264, VIDEO_JPEG, parseVideoHeader } from './decode.js';
import { Figures } from './figures.js';
import { Rows, isStripe, parseJpegHeader, parseResolution } from './rows.js';
import { createSink } from './sink.js';

const TICK_MS = 50;
const SIGN_OF_LIFE_MS = 1000;
const STATS_MS = 500;
const KEY_SPACING_MS = 500;
const FIRST_FRAME_MS = 3000;
const FIRST_FRAME_TRIES = 5;
const QUEUE_SLOW = 8;
const STILL_MS = 100;
const SOUND = 1;

/**
 * @typedef {object} Connection
 * @property {number}    id
 * @property {WebSocket} socket
 * @property {boolean}   opened
 * @property {boolean}   extended     the server answered `_ext`
 * @property {boolean}   [opus]       and takes such a microphone
 * @property {boolean}   viewer       acknowledges nothing
 * @property {number}    acknowledge  id of the last frame, -1 before any
 * @property {number}    told         the last one acknowledged
 * @property {number}    toldAt       when that was
 * @property {boolean}   shown        a frame of this socket was decoded
 * @property {number}    waitingSince when a key frame was last asked for
 * @property {number}    tries
 * @property {number}    width        of its pictures, 0 before it was told
 * @property {number}    height
 */

/** @type {any} */
export const page = /** @type {any} */ (globalThis).selkiesPort ?? globalThis;
const clockOffset = performance.timeOrigin;

/** @type {Connection | null} */
let active = null;
/** @type {Connection | null} a second socket that waits for its key frame */
let next = null;
/** @type {import('./sink.js').Sink | null} */
let sink = null;

let keyAskedAt = -Infinity;
let shownWidth = 0;
let shownHeight = 0;
let lastFrameAt = -Infinity;
let inputMark = 0;
let probing = false;
/** @type {VideoFrame | null} the picture on show, kept for the probe only */
let kept = null;
/** @type {{ x: number, y: number }[] | null} */
let watched = null;
/** @type {VideoFrame | null} the last picture from before there was a sink */
let early = null;
/** @type {{ push: (message: ArrayBuffer) => void } | null} loaded when the page
 *  wants sound */
let sound = null;

const figures = new Figures(performance.now());

/** @param {Connection | null} to
 *  @param {string}            text */
function send(to, text) {
    if (to !== null && to.socket.readyState === WebSocket.OPEN) {
        to.socket.send(text);
    }
}


function askForKey() {
    const now = performance.now();

    if (active === null || now - keyAskedAt < KEY_SPACING_MS) {
        return;
    }

    keyAskedAt = now;

    for (const text of active.extended ? ['REQUEST_KEYFRAME'] : ['STOP_VIDEO', 'START_VIDEO']) {
        send(active, text);
    }
}


/** @param {VideoFrame} frame */
async function probe(frame) {
    const at = performance.now() + clockOffset;
    const number = figures.total;

    try {
        if (watched !== null) {
            const { readPoints } = await import('./probe.js');
            page.postMessage({ t: 'sample', at, frame: number,
                               rgb: await readPoints(frame, watched) });
        }
    } finally {
        frame.close();
    }
}


/** @param {VideoFrame} frame */
export function onPicture(frame) {
    const now = performance.now();
    const arrived = frame.timestamp / 1000;

    lastFrameAt = now;
    figures.decoded(now - arrived);

    if (inputMark !== 0 && arrived >= inputMark) {
        figures.answered(now - inputMark);
        inputMark = 0;
    }

    if (frame.displayWidth !== shownWidth || frame.displayHeight !== shownHeight) {
        shownWidth = frame.displayWidth;
        shownHeight = frame.displayHeight;
        page.postMessage({ t: 'size', width: shownWidth, height: shownHeight });
    }

    if (active !== null && !active.shown) {
        active.shown = true;
        page.postMessage({ t: 'live', id: active.id });
    }

    if (probing) {
        kept?.close();
        kept = frame.clone();
        void probe(frame.clone());
    }

    if (decoder.catchingUp) {
        frame.close();
    } else if (sink === null) {
        early?.close();
        early = frame;
    } else {
        sink.show(frame);
    }
}


export const events = {
    picture: onPicture,
    keyMissed: askForKey,
    broken() {
        page.postMessage({ t: 'broken' });
    },
    colour(/** @type {string} */ detail) {
        page.postMessage({ t: 'colour', detail });
    },
    failed(/** @type {string} */ detail) {
        page.postMessage({ t: 'failed', detail });
        closeAll();
    }
};

/* for pictures that come whole, and for those that come in rows */
let decoder = new Decoder(events);
const rows = new Rows(events);

/** For entries of the worker that decode in another way, see relay.js.
 *
 *  @param {any} parts  some of these */
export function use(parts) {
    ({ decoder, sink, sound } = { decoder, sink, sound, ...parts });
}


function restart() {
    decoder.restart();
    rows.restart();
}


/** @param {Connection}  from
 *  @param {ArrayBuffer} buffer */
function onBinary(from, buffer) {
    const jpeg = parseJpegHeader(buffer);
    const header = jpeg === null ? parseVideoHeader(buffer) : null;

    if (jpeg === null && header === null) {
        const first = buffer.byteLength > 0 ? new Uint8Array(buffer)[0] : 0;

        if (first === SOUND && from === active) {
            figures.received(buffer.byteLength);
            sound?.push(buffer);
        }

        figures.foreign += first === VIDEO_JPEG || first === VIDEO_H264 ? 1 : 0;
        return;
    }

    if (from === next && (jpeg !== null || header?.key)) {
        swap(from);
    }

    if (from !== active) {
        return;
    }

    figures.received(buffer.byteLength);

    if (decoder.queue < QUEUE_SLOW && rows.queue < QUEUE_SLOW) {
        from.acknowledge = (jpeg ?? header)?.id ?? from.acknowledge;
    }

    if (jpeg !== null) {
        rows.pushJpeg(jpeg, buffer);
    } else if (header !== null && decoder.stripes && isStripe(header, from.height)) {
        rows.pushStripe(header, buffer);
    } else if (header !== null) {
        decoder.push(header, buffer);
    }
}


/** The waiting socket has a key frame: it becomes the one in use.
 *
 *  @param {Connection} to */
function swap(to) {
    const old = active;

    send(old, 'kr');
    active = to;
    next = null;
    restart();
    rows.resize(to.width, to.height);
    page.postMessage({ t: 'swapped', id: to.id });

    if (old !== null) {
        /* the server closes it at the first acknowledgement; this is for one
           that does not */
        setTimeout(() => old.socket.close(1000), 2000);
    }
}


/** @param {Connection} of
 *  @param {string}     text */
function onText(of, text) {
    if (text.startsWith('_ext,')) {
        of.extended = true;
        of.opus = text.includes('"opus_mic"');

    } else if (text.startsWith('PIPELINE_RESETTING ')) {
        of.acknowledge = -1;
        of.waitingSince = performance.now();

        if (of === active) {
            restart();
        }

    } else if (text.startsWith('{"type":"stream_resolution"')) {
        Object.assign(of, parseResolution(text));

        if (of === active) {
            rows.resize(of.width, of.height);
        }
    }

    page.postMessage({ t: 'text', id: of.id, text });
}


/** @param {{ id: number, url: string, hello: string[], swap: boolean, viewer: boolean,
 *            early?: import('./start.js').Early }} order */
function open(order) {
    const now = performance.now();
    const { early: ahead } = order;
    let socket;

    try {
        socket = ahead?.socket ?? new WebSocket(order.url);
    } catch (error) {
        page.postMessage({ t: 'closed', id: order.id, code: 1006, opened: false,
                           reason: String(error) });
        return;
    }

    /** @type {Connection} */
    const connection = { id: order.id, socket, opened: false, extended: false,
                         viewer: order.viewer, acknowledge: -1, told: -1,
                         toldAt: -Infinity, shown: false, waitingSince: now,
                         tries: 0, width: 0, height: 0 };

    page.postMessage({ t: 'opening', id: order.id });
    socket.binaryType = 'arraybuffer';

    if (order.swap && active !== null) {
        next?.socket.close(1000);
        next = connection;
    } else {
        closeAll();
        active = connection;
        restart();
    }

    socket.onopen = () => {
        connection.opened = true;
        connection.waitingSince = performance.now();

        if (ahead?.greeted !== true) {
            order.hello.forEach(text => socket.send(text));
        }

        page.postMessage({ t: 'open', id: order.id });
    };

    socket.onmessage = event => {
        if (typeof event.data === 'string') {
            onText(connection, event.data);
        } else {
            onBinary(connection, event.data);
        }
    };

    socket.onclose = event => {
        if (connection === active) {
            active = next;
            next = null;
            restart();
            rows.resize(active?.width ?? 0, active?.height ?? 0);
        } else if (connection === next) {
            next = null;
        }

        page.postMessage({ t: 'closed', id: order.id, code: event.code,
                           reason: event.reason, opened: connection.opened,
                           inherits: active === null ? 0 : active.id });
    };

    for (const event of ahead?.events ?? []) {
        /** @type {any} */ (socket)[`on${event.type}`]?.(event);
    }
}


function closeAll() {
    for (const connection of [active, next]) {
        if (connection !== null) {
            connection.socket.onmessage = null;
            connection.socket.onclose = null;
            connection.socket.close(1000);
        }
    }

    active = null;
    next = null;
}


function postStats(/** @type {number} */ now) {
    page.postMessage({ t: 'stats', ...figures.report(now), dropped: decoder.dropped,
                       codec: rows.active ? rows.codec : decoder.codec,
                       software: decoder.software,
                       queue: Math.max(decoder.queue, rows.queue),
                       width: shownWidth, height: shownHeight, sink: sink?.name ?? '' });
}


/** Stock servers count on an acknowledgement at every tick; ours learns nothing
 *  from one it has heard before.
 *
 *  @param {Connection} of
 *  @param {number}     now */
function acknowledge(of, now) {
    const known = of.extended && of.acknowledge === of.told
                  && now - of.toldAt < SIGN_OF_LIFE_MS;

    if (of.viewer || of.acknowledge < 0 || known) {
        return;
    }

    of.told = of.acknowledge;
    of.toldAt = now;
    send(of, `CLIENT_FRAME_ACK ${of.acknowledge}`);
}


function tick() {
    const now = performance.now();

    if (active !== null && active.opened) {
        acknowledge(active, now);
        decoder.check(now);

        const lacking = rows.active ? rows.needKey : decoder.needKey;

        if (lacking && active.tries < FIRST_FRAME_TRIES
            && now - active.waitingSince > FIRST_FRAME_MS)
        {
            active.waitingSince = now;
            active.tries++;
            askForKey();
        } else if (!lacking) {
            active.tries = 0;
            active.waitingSince = now;
        }
    }

    if (now - figures.at >= STATS_MS) {
        postStats(now);
    }
}


/** @param {{ texts: string[], mark?: number }} order */
function sendInput(order) {
    const now = performance.now();

    /* only on a picture that stood still can the next one be the answer */
    if (order.mark !== undefined && now - lastFrameAt > STILL_MS) {
        inputMark = order.mark - clockOffset;
    }

    order.texts.forEach(text => send(active, text));
}


/** @param {{ id: number, points: { x: number, y: number }[] }} order */
async function peek(order) {
    const { readPoints } = await import('./probe.js');
    const frame = kept === null ? null : kept.clone();
    const rgb = frame === null ? null : await readPoints(frame, order.points);

    frame?.close();
    page.postMessage({ t: 'peek', id: order.id, rgb, frame: figures.total,
                       width: shownWidth, height: shownHeight,
                       at: performance.now() + clockOffset });
}


/** What the page may order. A rung of the ladder adds its own.
 *
 * @type {Record<string, (order: any) => void>} */
export const orders = {
    init(order) {
        const made = createSink(order);

        sink = made.sink;
        probing = order.probe;

        if (made.track !== undefined) {
            page.postMessage({ t: 'track', track: made.track }, [made.track]);
        }

        if (early !== null) {
            sink.show(early);
            early = null;
        }
    },

    open,
    send: sendInput,
    close: closeAll,
    peek,

    sound(order) {
        void import('./audio.js').then(module => {
            sound = module;
            module.obey(order, () => active);
        });
    },

    watch(order) {
        watched = probing ? order.points : null;
    },

    /** beside the session's decoder, and with the same preferences as it has now */
    async lite() {
        try {
            const { CLIP } = await import('./lite-clip.js');
            const { testLite } = await import('./lite.js');

            page.postMessage({ t: 'lite', ...await testLite(CLIP, decoder.software) });
        } catch (error) {
            page.postMessage({ t: 'lite', result: 'error', detail: String(error) });
        }
    }
};

page.onmessage = (/** @type {MessageEvent} */ event) => orders[event.data.t]?.(event.data);

setInterval(tick, TICK_MS);
page.postMessage({ t: 'ready', decoder: 'VideoDecoder' in globalThis,
                   generator: 'VideoTrackGenerator' in globalThis });
