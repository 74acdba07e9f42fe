/**
 * Stands in for the server where a test needs what a real one does not do: the
 * files of web/ under the shipped policy and a websocket that answers `_ext`,
 * keeps what it hears and sends what it is told to. The pictures are those of
 * the client's own clip.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

import { CLIP } from '../../web/media/lite-clip.js';

const ROOT = new URL('../../', import.meta.url).pathname;
const TYPES = /** @type {Record<string, string>} */ ({
    '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css',
    '.svg': 'image/svg+xml', '.png': 'image/png' });
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;

/** @param {number} opcode
 *  @param {Buffer} payload  below 64 KiB */
function frame(opcode, payload) {
    const head = payload.length < 126 ? [0x80 | opcode, payload.length]
        : [0x80 | opcode, 126, payload.length >> 8, payload.length & 255];

    return Buffer.concat([Buffer.from(head), payload]);
}


/** Whole messages off the front of what came; browsers do not fragment these.
 *
 * @param {Buffer} bytes
 * @returns {{ texts: string[], closed: boolean, code: number, rest: Buffer }} */
function unframe(bytes) {
    const texts = [];
    let at = 0;

    for (;;) {
        const short = (bytes[at + 1] ?? 0) & 127;
        const extra = short === 126 ? 2 : short === 127 ? 8 : 0;

        if (bytes.length < at + 6 + extra) {
            return { texts, closed: false, code: 0, rest: bytes.subarray(at) };
        }

        const opcode = /** @type {number} */ (bytes[at]) & 15;
        const length = extra === 0 ? short
            : extra === 2 ? bytes.readUInt16BE(at + 2) : bytes.readUIntBE(at + 4, 6);
        const start = at + 6 + extra;

        if (bytes.length < start + length) {
            return { texts, closed: false, code: 0, rest: bytes.subarray(at) };
        }
        if (opcode === CLOSE) {
            const mask = bytes.readUInt16BE(start - 4);

            return { texts, closed: true, rest: bytes.subarray(bytes.length),
                     code: length < 2 ? 1005 : bytes.readUInt16BE(start) ^ mask };
        }
        if (opcode === TEXT) {
            texts.push(bytes.subarray(start, start + length).map(
                (byte, i) => byte ^ /** @type {number} */ (bytes[start - 4 + i % 4])
            ).toString());
        }

        at = start + length;
    }
}


export class StandIn {
    /** @param {string[]} have  of its `_ext` */
    constructor(have) {
        this.have = have;
        /** @type {string[]} what the newest socket said */
        this.heard = [];
        /** how many there were, and how those that the page closed were closed */
        this.opened = 0;
        /** @type {number[]} */
        this.closed = [];
        /** @type {import('node:stream').Duplex | null} the newest one */
        this.socket = null;
        /** @type {Set<import('node:stream').Duplex>} */
        this.sockets = new Set();
        this.server = createServer((request, response) => {
            void this.serve(request.url ?? '/', response);
        });
        this.server.on('upgrade', (request, socket) => this.upgrade(request, socket));
    }

    /** @returns {Promise<string>} its address */
    async start() {
        const headers = await readFile(`${ROOT}conf/selkies-headers.conf`, 'utf8');

        this.policy = /Content-Security-Policy "([^"]+)"/.exec(headers)?.[1] ?? '';
        await new Promise(resolve => {
            this.server.listen(0, '127.0.0.1', () => resolve(undefined));
        });

        const address = /** @type {import('node:net').AddressInfo} */ (
            this.server.address());

        return `http://localhost:${address.port}/`;
    }

    /** @param {string} url
     *  @param {import('node:http').ServerResponse} response */
    async serve(url, response) {
        const path = normalize(new URL(url, 'http://x').pathname);
        const name = path === '/' ? '/index.html' : path;

        response.setHeader('Content-Security-Policy', this.policy ?? '');
        response.setHeader('Content-Type', TYPES[extname(name)] ?? 'application/json');

        try {
            response.end(name === '/manifest.json' ? '{"name":"Stand-in"}'
                : await readFile(join(ROOT, 'web', name)));
        } catch {
            response.statusCode = 404;
            response.end();
        }
    }

    /** @param {import('node:http').IncomingMessage} request
     *  @param {import('node:stream').Duplex} socket */
    upgrade(request, socket) {
        const accept = createHash('sha1').update(request.headers['sec-websocket-key']
            + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
        /** @type {Buffer} */
        let rest = Buffer.alloc(0);

        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                     + `Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
        this.sockets.add(socket);
        this.socket = socket;
        this.opened++;
        this.heard = [];
        this.say('MODE websockets');

        for (const event of ['error', 'end']) {
            socket.on(event, () => socket.destroy());
        }

        socket.on('data', bytes => {
            const message = unframe(Buffer.concat([rest, bytes]));

            rest = message.rest;

            if (socket === this.socket) {
                this.hear(message.texts);
            }
            if (message.closed) {
                this.closed.push(message.code);
                socket.end(frame(CLOSE, Buffer.from([3, 0xe8])));
            }
        });
    }

    /** @param {string[]} texts */
    hear(texts) {
        for (const text of texts) {
            this.heard.push(text);

            if (text.startsWith('_ext,')) {
                this.say('_ext,' + JSON.stringify({
                    version: 'stand-in', resume: `resume-${this.opened}`, open: false,
                    have: this.have }));
            }
            if (text === 'START_AUDIO') {
                this.say('AUDIO_STARTED');
            }
        }
    }

    /** @param {string} text */
    say(text) {
        this.socket?.write(frame(TEXT, Buffer.from(text)));
    }

    /** Sends a picture of the clip, or what replaces its bytes.
     *
     * @param {{ i: number, id: number, data?: string }} o */
    show(o) {
        const picture = /** @type {typeof CLIP.pictures[0]} */ (CLIP.pictures[o.i]);
        const head = Buffer.alloc(10);

        head.writeUInt8(4, 0);
        head.writeUInt8(picture.key ? 1 : 0, 1);
        head.writeUInt16BE(o.id, 2);
        head.writeUInt16BE(CLIP.width, 6);
        head.writeUInt16BE(CLIP.height, 8);
        this.socket?.write(frame(BINARY, Buffer.concat([
            head, Buffer.from(o.data ?? picture.data, 'base64')])));
    }

    /** Closes the newest socket, or lets the line break: code 1006.
     *
     * @param {number} code
     * @param {string} reason */
    drop(code, reason) {
        if (code === 1006) {
            this.socket?.destroy();
        } else {
            this.socket?.end(frame(CLOSE, Buffer.concat([
                Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])));
        }
    }

    /** Sends messages at a pace; what is empty is left out.
     *
     * @param {{ messages: string[], ms: number }} o  in base64 */
    pace(o) {
        const start = performance.now();
        let sent = 0;
        const timer = setInterval(() => {
            for (; sent < Math.min(o.messages.length, (performance.now() - start) / o.ms);
                sent++) {
                const bytes = Buffer.from(o.messages[sent] ?? '', 'base64');

                if (bytes.length > 0) {
                    this.socket?.write(frame(BINARY, bytes));
                }
            }

            if (sent === o.messages.length || this.socket === null) {
                clearInterval(timer);
            }
        }, o.ms / 2);
    }

    close() {
        this.sockets.forEach(socket => socket.destroy());
        this.server.close();
        this.server.closeAllConnections();
    }
}
