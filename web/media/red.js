/**
 * Messages of sound that have copies of packets before them (protocol.md 6.1,
 * after RFC 2198): what of them is to be decoded.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const PLAIN = 2;
const HEAD = 6;
const BLOCK = 4;
/** in the place of the number of copies: the sound has ended */
const END = 0x80;

export class Red {
    constructor() {
        /** of the newest packet that was taken, samples; null: not known */
        this.last = /** @type {number | null} */ (null);
        /** packets that came as copies alone */
        this.recovered = 0;
    }

    /**
     * @param {Uint8Array} message  0x01, whatever is in it
     * @returns {Uint8Array[]} Opus packets, in their order
     */
    take(message) {
        const copies = message[1] ?? END;

        if (copies === 0) {
            this.last = null;
            return [message.subarray(PLAIN)];
        }

        const first = HEAD + BLOCK * copies + 1;

        if (copies >= END || message.length < first) {
            return [];
        }

        const view = new DataView(message.buffer, message.byteOffset, message.length);
        const time = view.getUint32(PLAIN);
        const { last } = this;
        const packets = [];
        let from = first;

        for (let i = 0; i < copies; i++) {
            const block = view.getUint32(HEAD + BLOCK * i);
            const to = from + (block & 1023);

            if (to > message.length) {
                return [];
            }

            /* times wrap; which one is the newer is told by their difference */
            if (last !== null && ((time - (block >> 10 & 16383) - last) | 0) > 0) {
                packets.push(message.subarray(from, to));
            }

            from = to;
        }

        this.recovered += packets.length;
        this.last = time;
        packets.push(message.subarray(from));
        return packets;
    }
}
