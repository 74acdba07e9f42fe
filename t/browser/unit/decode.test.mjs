/* The binary side: message header, codec string, key gate, repairs. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { Decoder, codecFromAnnexB,
         parseVideoHeader } from '../../../web/media/decode.js';

const SPS = [0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda];
const PPS = [0, 0, 1, 0x68, 0xce, 0x3c, 0x80];
const IDR = [0, 0, 1, 0x65, 0x88, 0x84];
const DELTA = [0, 0, 0, 1, 0x41, 0x9a, 0x24];

/**
 * @param {number} flag
 * @param {number} id
 * @param {number[]} unit
 * @param {number} [width]
 */
function message(flag, id, unit, width = 1280) {
    return Uint8Array.from([4, flag, id >> 8, id & 255, 0, 0, width >> 8, width & 255,
                            2, 0xd0, ...unit]).buffer;
}

test('the header is read big-endian', () => {
    const bytes = Uint8Array.from([4, 1, 0xff, 0xfe, 0, 0x40, 7, 0x80, 4, 0x38, 0, 0]);

    assert.deepEqual(parseVideoHeader(bytes.buffer),
                     { key: true, id: 65534, y: 64, width: 1920, height: 1080 });
});

test('only flag byte 1 makes a key frame', () => {
    for (const [flag, key] of /** @type {[number, boolean][]} */ (
        [[0, false], [1, true], [2, false], [3, false], [255, false]]))
    {
        assert.equal(parseVideoHeader(message(flag, 0, IDR))?.key, key);
    }
});

test('what is no H.264 message is refused', () => {
    assert.equal(parseVideoHeader(new ArrayBuffer(0)), null);
    assert.equal(parseVideoHeader(message(1, 0, [])), null);
    assert.equal(parseVideoHeader(Uint8Array.from([3, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]).buffer),
                 null);
    assert.equal(parseVideoHeader(message(1, 0, IDR, 0)), null);
});

test('the codec string comes from the SPS', () => {
    assert.equal(codecFromAnnexB(Uint8Array.from([...SPS, ...PPS, ...IDR])), 'avc1.42c01f');
    assert.equal(codecFromAnnexB(Uint8Array.from(
        [0, 0, 1, 9, 0x10, 0, 0, 0, 1, 6, 5, 1, 0x80,
         0, 0, 1, 0x27, 0x64, 0, 0x34, 0xac, ...PPS])), 'avc1.640034');
    assert.equal(codecFromAnnexB(Uint8Array.from([0, 0, 1, 0x67, 0xf4, 0, 0x0a, 1])),
                 'avc1.f4000a');
});

test('no SPS, no codec', () => {
    assert.equal(codecFromAnnexB(new Uint8Array(0)), '');
    assert.equal(codecFromAnnexB(Uint8Array.from(DELTA)), '');
    assert.equal(codecFromAnnexB(Uint8Array.from([0, 0, 1, 0x67, 0x42])), '');
    assert.equal(codecFromAnnexB(Uint8Array.from([0, 0, 1, 0x67, 0x42, 0xc0])), '');
    /* an SPS behind the picture is not this picture's */
    assert.equal(codecFromAnnexB(Uint8Array.from([...IDR, ...SPS])), '');
});

test('random bytes never throw', () => {
    let state = 99;

    for (let round = 0; round < 20000; round++) {
        const bytes = new Uint8Array(round % 40);

        for (let i = 0; i < bytes.length; i++) {
            state = (state * 1103515245 + 12345) & 0x7fffffff;
            bytes[i] = state % 3 === 0 ? state >> 16 : state >> 20 & 1;
        }

        const codec = codecFromAnnexB(bytes);
        assert.ok(codec === '' || /^avc1\.[0-9a-f]{6}$/.test(codec));
        parseVideoHeader(bytes.buffer);
    }
});

/* ---- the decoder, against a VideoDecoder that records ---- */

/** @type {any} */
const world = globalThis;
/** @type {FakeDecoder[]} */
let made = [];

class FakeDecoder {
    /** @param {{ output: (frame: any) => void, error: (error: any) => void }} callbacks */
    constructor(callbacks) {
        this.callbacks = callbacks;
        this.state = 'unconfigured';
        this.decodeQueueSize = 0;
        /** @type {any[]} */
        this.configs = [];
        /** @type {any[]} */
        this.chunks = [];
        made.push(this);
    }

    /** @param {any} config */
    configure(config) {
        this.state = 'configured';
        this.configs.push(config);
    }

    /** @param {any} chunk */
    decode(chunk) {
        if (this.state !== 'configured') {
            throw Object.assign(new Error('not configured'), { name: 'InvalidStateError' });
        }
        this.chunks.push(chunk);
    }

    reset() {
        this.state = 'unconfigured';
        this.decodeQueueSize = 0;
    }

    close() {
        this.state = 'closed';
    }

    /** @param {string} name */
    fail(name) {
        this.state = 'closed';
        this.callbacks.error(Object.assign(new Error('broken'), { name }));
    }
}

beforeEach(() => {
    made = [];
    world.VideoDecoder = FakeDecoder;
    world.EncodedVideoChunk = class {
        /** @param {any} init */
        constructor(init) {
            Object.assign(this, init);
        }
    };
});

afterEach(() => {
    delete world.VideoDecoder;
    delete world.EncodedVideoChunk;
});

function pipe() {
    const seen = { missed: 0, broken: 0, colour: '', failed: '', pictures: 0 };
    const decoder = new Decoder({
        picture() {
            seen.pictures++;
        },
        keyMissed() {
            seen.missed++;
        },
        broken() {
            seen.broken++;
        },
        colour(detail) {
            seen.colour = detail;
        },
        failed(detail) {
            seen.failed = detail;
        }
    });
    /** @param {number} flag
     *  @param {number[]} unit
     *  @param {number} [width]
     *  @param {number} [id] */
    const push = (flag, unit, width, id = 1) => {
        const buffer = message(flag, id, unit, width);
        const header = parseVideoHeader(buffer);
        assert.ok(header !== null);
        decoder.push(header, buffer);
    };
    /** @returns {FakeDecoder} */
    const last = () => made[made.length - 1] ?? assert.fail('no decoder was made');

    return { decoder, seen, push, last };
}

const KEY = [...SPS, ...PPS, ...IDR];

test('deltas are dropped until a key frame', () => {
    const { decoder, seen, push, last } = pipe();

    push(0, DELTA);
    push(2, DELTA);
    assert.equal(made.length, 0);
    assert.equal(seen.missed, 2);
    push(1, KEY);
    push(0, DELTA);
    assert.deepEqual(last().chunks.map(c => c.type), ['key', 'delta']);
    assert.equal(last().configs.length, 1);
    assert.equal(last().configs[0].codec, 'avc1.42c01f');
    assert.equal(last().configs[0].optimizeForLatency, true);
    decoder.restart();
    push(0, DELTA);
    assert.equal(last().chunks.length, 2);
});

test('pictures that were left out do not matter, nor do their ids', () => {
    const { seen, push, last } = pipe();
    const lite = [0, 0, 0, 1, 0x01, 0x9a, 0x24];

    push(1, KEY, 1280, 65530);
    for (const id of [65531, 65535, 3, 4, 900, 899, 4, 40000]) {
        push(0, id % 2 === 0 ? DELTA : lite, 1280, id);
    }
    assert.deepEqual(last().chunks.map(c => c.type), ['key', ...Array(8).fill('delta')]);
    assert.deepEqual(seen, { missed: 0, broken: 0, colour: '', failed: '', pictures: 0 });
});

test('timestamps only ever grow', () => {
    const { push, last } = pipe();

    push(1, KEY);
    for (let i = 0; i < 200; i++) {
        push(0, DELTA);
    }
    last().chunks.reduce((before, chunk) => {
        assert.ok(chunk.timestamp > before);
        return chunk.timestamp;
    }, -1);
});

test('a key frame of another size or codec configures anew', () => {
    const { push, last } = pipe();

    push(1, KEY);
    push(1, KEY);
    assert.equal(last().configs.length, 1);
    push(1, KEY, 640);
    assert.equal(last().configs.length, 2);
    push(1, [0, 0, 1, 0x67, 0x64, 0, 0x1f, 0xda, ...IDR], 640);
    assert.equal(last().configs.length, 3);
    assert.equal(made.length, 1);
});

test('4:4:4 that fails twice is told, and 4:2:0 starts afresh', () => {
    const { seen, push, last } = pipe();
    const full = [0, 0, 1, 0x67, 0xf4, 0, 0x1f, 0xda, ...PPS, ...IDR];

    push(1, full);
    last().fail('NotSupportedError');
    assert.equal(seen.missed, 1);
    assert.equal(seen.colour, '');
    push(1, full);
    assert.equal(last().configs[0].hardwareAcceleration, 'prefer-software');
    last().fail('NotSupportedError');
    assert.equal(seen.colour, 'broken');
    assert.equal(seen.missed, 1);
    assert.equal(seen.broken, 0);
    push(1, KEY);
    assert.equal(last().configs[0].hardwareAcceleration, 'no-preference');
    last().fail('EncodingError');
    assert.equal(seen.broken, 1);
    assert.equal(seen.failed, '');
});

test('an error falls back to software once and asks for a key frame', () => {
    const { seen, push, last } = pipe();

    push(1, KEY);
    assert.equal(last().configs[0].hardwareAcceleration, 'no-preference');
    last().fail('EncodingError');
    assert.equal(seen.missed, 1);
    assert.equal(seen.broken, 1);
    push(0, DELTA);
    assert.equal(made.length, 1);
    push(1, KEY);
    assert.equal(made.length, 2);
    assert.equal(last().configs[0].hardwareAcceleration, 'prefer-software');
});

test('a reclaimed decoder is no error', () => {
    const { seen, push, last } = pipe();

    push(1, KEY);
    last().fail('QuotaExceededError');
    assert.equal(seen.broken, 0);
    push(1, KEY);
    assert.equal(made.length, 2);
    assert.equal(last().configs[0].hardwareAcceleration, 'no-preference');
});

test('a decoder that never works is given up, one that works is not', () => {
    const { seen, push, last } = pipe();

    for (let i = 0; i < 5; i++) {
        push(1, KEY);
        last().fail('EncodingError');
    }
    assert.equal(seen.failed, '');
    push(1, KEY);
    last().callbacks.output({});
    last().fail('EncodingError');
    assert.equal(seen.failed, '');

    for (let i = 0; i < 5; i++) {
        push(1, KEY);
        last().fail('EncodingError');
    }
    assert.equal(seen.failed, 'broken');
});

test('a decoder that gives nothing has failed, one that waits has not', () => {
    const { decoder, seen, push, last } = pipe();
    const later = () => performance.now() + 5001;

    decoder.check(later());
    push(1, KEY);
    decoder.check(performance.now());
    assert.equal(seen.broken, 0);
    decoder.check(later());
    assert.equal(seen.broken, 1);
    assert.equal(seen.missed, 1);
    push(1, KEY);
    assert.equal(last().configs[0].hardwareAcceleration, 'prefer-software');
    last().callbacks.output({});
    decoder.check(later());
    assert.equal(seen.broken, 1);
    last().fail('EncodingError');

    push(1, KEY);
    decoder.check(later());
    push(1, KEY);
    decoder.check(later());
    assert.equal(seen.failed, 'nothing comes out');
});

test('a hopeless queue is thrown away and starts at a key frame', () => {
    const { decoder, seen, push, last } = pipe();

    push(1, KEY);
    last().decodeQueueSize = 121;

    /* what came with the key is no backlog yet, and no picture to show */
    push(0, DELTA);
    assert.equal(seen.missed, 0);
    assert.equal(decoder.catchingUp, true);

    last().decodeQueueSize = 30;
    assert.equal(decoder.catchingUp, false);

    decoder.keyAt -= 6000;
    last().decodeQueueSize = 121;
    assert.equal(decoder.catchingUp, false);
    push(0, DELTA);
    assert.equal(seen.missed, 1);
    assert.equal(last().state, 'unconfigured');
    push(1, KEY);
    assert.equal(last().configs.length, 2);
    assert.equal(last().chunks.length, 3);
});
