/**
 * Where the worker begins. The first socket opens before what decodes its pictures
 * is there, and both ways take as long as they do side by side; what comes
 * meanwhile is kept, in its order.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/**
 * A socket that was opened ahead, and what it had to say so far.
 *
 * @typedef {object} Early
 * @property {WebSocket} socket
 * @property {boolean} greeted  it has opened, and was told its hello
 * @property {(Event | MessageEvent | CloseEvent)[]} events
 */

const page = /** @type {any} */ (globalThis);

/** @type {MessageEvent[]} */
let orders = [];

/** @param {{ url: string, hello: string[] }} order
 *  @returns {Early | undefined} */
function openEarly(order) {
    /** @type {WebSocket} */
    let socket;

    try {
        socket = new WebSocket(order.url);
    } catch {
        /* worker.js tries as well, and tells the page what is wrong with it */
        return undefined;
    }

    /** @type {Early} */
    const early = { socket, greeted: false, events: [] };
    const keep = (/** @type {Event} */ event) => early.events.push(event);

    socket.binaryType = 'arraybuffer';
    socket.onmessage = keep;
    socket.onclose = keep;
    socket.onopen = event => {
        early.greeted = true;
        keep(event);
        order.hello.forEach(text => socket.send(text));
    };

    return early;
}


page.onmessage = (/** @type {MessageEvent} */ event) => {
    const order = event.data;

    if (order.t === 'open' && orders.every(other => other.data.t !== 'open')) {
        order.early = openEarly(order);
        page.postMessage({ t: 'opening', id: order.id });
    }

    orders.push(event);
};

import('./worker.js').then(() => {
    const kept = orders;

    orders = [];
    kept.forEach(event => page.onmessage(event));
}, error => {
    /* for the page's onerror, which says that a part of the page is missing */
    setTimeout(() => {
        throw error;
    });
});

export {};
