/**
 * The media worker where there is no VideoDecoder: access units go to the page,
 * which has a media element decode them (mse.js), or nowhere, in a page that
 * shows JPEG and waits for the server to send it. Opus goes along.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { codecFromAnnexB, Decoder, VIDEO_HEADER_BYTES } from './decode.js';
import { events, onPicture, orders, page, use } from './worker.js';

class Relay extends Decoder {
    constructor() {
        super(events);
        this.stripes = false;
        /** the page wants access units */
        this.wanted = false;
        /** the number of the last one that it is done with */
        this.done = 0;
    }

    get queue() {
        return this.taken - this.done;
    }

    get catchingUp() {
        return false;
    }

    /**
     * @param {import('./decode.js').VideoHeader} header
     * @param {ArrayBuffer} buffer  the whole message, which goes away
     */
    push(header, buffer) {
        if (header.key) {
            this.codec = codecFromAnnexB(new Uint8Array(buffer, VIDEO_HEADER_BYTES));
        }

        if (!this.wanted || header.y > 0 || this.codec === '' || (this.needKey && !header.key)) {
            this.dropped++;

            if (this.wanted) {
                this.events.keyMissed();
            }

            return;
        }

        this.needKey = false;
        this.taken++;
        page.postMessage({ t: 'unit', ...header, number: this.taken,
                           arrived: performance.now(), buffer }, [buffer]);
    }

    /** The page shows a picture.
     *
     *  @param {{ number: number, arrived: number, width: number, height: number }} unit */
    shown(unit) {
        const { arrived, width, height } = unit;
        /** @type {any} what is wanted of a VideoFrame; the page has the picture */
        const frame = { timestamp: arrived * 1000, displayWidth: width,
                        displayHeight: height, close() {},
                        clone: () => frame };

        this.done = unit.number;
        onPicture(frame);
    }
}

const relay = new Relay();
const { sound } = orders;
let lite = 'error';

use({ decoder: relay });

Object.assign(orders, {
    relay(/** @type {{ wanted: boolean, lite: string }} */ order) {
        relay.wanted = order.wanted;
        lite = order.lite;

        if (order.wanted) {
            use({ sink: { name: 'media element', show: (/** @type {any} */ frame) => frame.close() } });
        }
    },

    shown(/** @type {any} */ unit) {
        relay.shown(unit);
    },

    /** not shown, as in a page that nobody sees */
    taken(/** @type {{ number: number }} */ unit) {
        relay.done = unit.number;
    },

    /** the page's element starts anew, or holds too much behind one key */
    key(/** @type {{ lost: boolean }} */ order) {
        if (order.lost) {
            relay.done = relay.taken;
            relay.restart();
            events.broken();
        }

        events.keyMissed();
    },

    /** the page has tested its own decoder; with software: not for the next page */
    lite() {
        page.postMessage({ t: 'lite', result: lite, software: true });
    },

    sound(/** @type {any} */ order) {
        if (order.way === 'raw') {
            use({ sound: { push(/** @type {ArrayBuffer} */ buffer) {
                page.postMessage({ t: 'packet', buffer }, [buffer]);
            } } });
        } else {
            sound?.(order);
        }
    }
});
