/**
 * Opus packets of the wire to samples, in the media worker. Loaded when the page
 * hands over the port of its audio worklet.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { Red } from './red.js';

const RATE = 48000;
/** decodes that are under way; more means that the decoder hangs */
const QUEUE_MAX = 50;
const FAILURES_MAX = 5;

/** Streams, those of them that are two channels, and where each channel is: of
 *  more than two channels a decoder must be told.
 *
 * @type {Record<number, number[]>} */
const LAYOUTS = {
    6: [4, 2, 0, 4, 1, 2, 3, 5],
    8: [5, 3, 0, 6, 1, 2, 3, 4, 5, 7]
};

/** Milliseconds of one frame, by the upper five bits of a packet. */
const FRAME_MS = [
    10, 20, 40, 60, 10, 20, 40, 60, 10, 20, 40, 60, 10, 20, 10, 20,
    2.5, 5, 10, 20, 2.5, 5, 10, 20, 2.5, 5, 10, 20, 2.5, 5, 10, 20
];

/**
 * How much sound a packet has (RFC 6716, 3.1), 0 where it is none.
 *
 * @param {Uint8Array} packet
 */
export function packetMs(packet) {
    const [head, count] = packet;

    if (head === undefined) {
        return 0;
    }

    const frames = (head & 3) === 0 ? 1 : (head & 3) < 3 ? 2 : (count ?? 0) & 63;
    return frames * (FRAME_MS[head >> 3] ?? 0);
}


/**
 * The head of an Ogg stream (RFC 7845, 5.1), which decoders take for their
 * description; none is needed for one or two channels.
 *
 * @param {number} channels
 * @returns {Uint8Array | undefined}
 */
export function opusHead(channels) {
    const layout = LAYOUTS[channels];

    if (layout === undefined) {
        return undefined;
    }

    const head = new Uint8Array(19 + layout.length);

    head.set(new TextEncoder().encode('OpusHead'));
    head.set([1, channels, 0, 0, RATE & 255, RATE >> 8, 0, 0, 0, 0, 1, ...layout], 8);
    return head;
}


/** Whether the browser decodes so many: Firefox throws at more than two.
 *
 * @param {number} channels */
export async function decodes(channels) {
    try {
        return (await AudioDecoder.isConfigSupported({
            codec: 'opus', sampleRate: RATE, numberOfChannels: channels,
            description: opusHead(channels) })).supported === true;
    } catch {
        return false;
    }
}


/** Left, right, centre, low, rear and side of 7.1, as decoders give them: the
 *  sides join the rear, where there are no speakers for them.
 *
 *  @param {Float32Array[]} planes */
export function foldSides(planes) {
    return planes.slice(0, 6).map((plane, c) => c < 4 ? plane
        : plane.map((value, i) => (value + (planes[c + 2]?.[i] ?? 0)) * Math.SQRT1_2));
}


export class Hearing {
    /**
     * @param {MessagePort} port  to the worklet
     * @param {number} channels
     * @param {boolean} fold  of 7.1 make 5.1
     */
    constructor(port, channels, fold) {
        this.port = port;
        this.fold = fold;
        this.channels = channels;
        this.time = 0;
        this.red = new Red();
        this.failures = 0;
        /** @type {AudioDecoder | null} */
        this.decoder = null;
    }

    open() {
        const decoder = new AudioDecoder({
            output: data => this.decoded(data),
            error: () => {
                if (this.decoder === decoder) {
                    this.decoder = null;
                    this.failures++;
                }
            }
        });

        decoder.configure({ codec: 'opus', sampleRate: RATE, numberOfChannels: this.channels,
                            description: opusHead(this.channels) });
        this.decoder = decoder;
        return decoder;
    }

    /** @param {ArrayBuffer} message */
    push(message) {
        for (const packet of this.red.take(new Uint8Array(message))) {
            this.packet(packet);
        }
    }

    /** @param {Uint8Array} packet */
    packet(packet) {
        const ms = packetMs(packet);

        if (ms === 0 || this.failures >= FAILURES_MAX) {
            return;
        }

        const decoder = this.decoder ?? this.open();

        if (decoder.decodeQueueSize < QUEUE_MAX) {
            decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: this.time,
                                                   duration: ms * 1000, data: packet }));
        }

        this.time += ms * 1000;
    }

    /** @param {AudioData} data */
    decoded(data) {
        const all = Array.from({ length: data.numberOfChannels }, (_, planeIndex) => {
            const plane = new Float32Array(data.numberOfFrames);

            data.copyTo(plane, { planeIndex, format: 'f32-planar' });
            return plane;
        });

        const planes = this.fold ? foldSides(all) : all;

        data.close();
        this.failures = 0;
        this.port.postMessage(planes, planes.map(plane => plane.buffer));
    }

    close() {
        this.decoder?.close();
        this.decoder = null;
        this.port.close();
    }
}


const MIC_RATE = 24000;
const MIC_BITS = 32000;
const MICROPHONE = 2;

/** @typedef {{ socket: WebSocket, opus?: boolean }} Connection */

/** Frames of a microphone to messages of the wire: Opus where the server has
 *  said that it takes it, else plain samples. */
export class Speaking {
    /**
     * @param {MessagePort} port  from the worklet
     * @param {() => Connection | null} connection  sockets come and go
     */
    constructor(port, connection) {
        this.port = port;
        this.connection = connection;
        this.time = 0;
        /** @type {AudioEncoder | null} */
        this.encoder = null;
        port.onmessage = event => this.frame(event.data);
    }

    /** @param {Float32Array} samples */
    frame(samples) {
        if (this.connection()?.opus !== true) {
            this.send(pcmMessage(samples));
            return;
        }

        const encoder = this.encoder ??= this.open();

        encoder.encode(new AudioData({ format: 'f32', sampleRate: MIC_RATE,
                                       numberOfChannels: 1, numberOfFrames: samples.length,
                                       timestamp: this.time,
                                       data: /** @type {any} */ (samples) }));
        this.time += samples.length * 1e6 / MIC_RATE;
    }

    /** @param {Uint8Array} message */
    send(message) {
        const socket = this.connection()?.socket;

        if (socket?.readyState === WebSocket.OPEN) {
            socket.send(/** @type {any} */ (message));
        }
    }

    open() {
        const encoder = new AudioEncoder({
            output: chunk => {
                const message = new Uint8Array(1 + chunk.byteLength);

                message[0] = MICROPHONE;
                chunk.copyTo(message.subarray(1));
                this.send(message);
            },
            error: () => {
                this.encoder = null;
            }
        });

        encoder.configure({ codec: 'opus', sampleRate: MIC_RATE, numberOfChannels: 1,
                            bitrate: MIC_BITS });
        return encoder;
    }

    close() {
        this.port.onmessage = null;
        this.port.close();
        this.encoder?.close();
        this.encoder = null;
    }
}


/** 0x02 with samples of 16 bits, little-endian.
 *
 *  @param {Float32Array} samples */
export function pcmMessage(samples) {
    const message = new Uint8Array(1 + 2 * samples.length);
    const view = new DataView(message.buffer);

    message[0] = MICROPHONE;
    samples.forEach((value, i) => {
        view.setInt16(1 + 2 * i, Math.max(-1, Math.min(1, value)) * 32767, true);
    });
    return message;
}


/** @type {Hearing | null} */
let hearing = null;
/** @type {Speaking | null} */
let speaking = null;

/** The page hands over a port of a worklet, `out` or `in`; no port: no more.
 *
 *  @param {{ way: 'out' | 'in', port?: MessagePort, channels: number, fold: boolean }} order
 *  @param {() => Connection | null} connection  the one in use */
export function obey(order, connection) {
    if (order.way === 'out' && order.port !== undefined) {
        hearing?.close();
        hearing = new Hearing(order.port, order.channels, order.fold);
    }

    if (order.way === 'in') {
        speaking?.close();
        speaking = order.port === undefined ? null
            : new Speaking(order.port, connection);
    }
}


/** @param {ArrayBuffer} message  of the wire */
export function push(message) {
    hearing?.push(message);
}
