/* Lite pictures: the self-test against decoders with every fault, what is
   remembered of it, what the server is told and when. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { Lite, configurationOf, forget, recall, remember } from '../../../web/lite.js';
import { decoderConfig } from '../../../web/media/decode.js';
import { CLIP } from '../../../web/media/lite-clip.js';
import { testLite, worstOf } from '../../../web/media/lite.js';
import { fromYuv } from '../../../web/media/probe.js';

/** @type {any} */
const world = globalThis;

/* ---- the clip ---- */

/** @param {string} data */
const unitsOf = data => {
    const bytes = Buffer.from(data, 'base64');
    const types = [];

    for (let i = 0; i + 3 < bytes.length; i++) {
        if (bytes[i] === 0 && bytes[i + 1] === 0 && bytes[i + 2] === 1) {
            types.push(bytes[i + 3]);
        }
    }

    return types;
};

test('the clip has key frames, references and runs of what nothing references', () => {
    const kinds = CLIP.pictures.map(({ data, key }) => {
        const [first, second, third] = unitsOf(data);

        assert.equal(key, first === 0x67);
        return first === 0x67 && second === 0x68 && third === 0x65 ? 'I'
            : first === 0x41 ? 'P' : first === 0x01 ? 'l' : '?';
    }).join('');

    assert.match(kinds, /^I[IPl]+$/);
    assert.match(kinds, /lll/);
    assert.match(kinds, /lP/);
    assert.match(kinds, /lI/);
});

test('each picture tells itself from the one before', () => {
    CLIP.pictures.forEach(({ colours }, i) => {
        assert.equal(colours.length, 3 * CLIP.points.length);
        assert.ok(colours.every(value => Number.isInteger(value)));
        assert.ok(i === 0 || worstOf(show(i - 1), colours) > 24);
        assert.ok(worstOf(show(i), colours) < 1);
    });
    for (const { x, y } of CLIP.points) {
        assert.ok(x % 2 === 0 && y % 2 === 0 && x < CLIP.width && y < CLIP.height);
    }
});

/** @param {number} i
 *  @returns {number[][]} */
function show(i) {
    const colours = CLIP.pictures[i]?.colours ?? assert.fail(`no picture ${i}`);

    return CLIP.points.map((_, k) => fromYuv((colours[3 * k] ?? 0) / 4,
        colours[3 * k + 1] ?? 0, colours[3 * k + 2] ?? 0, false).map(Math.round));
}

/* ---- the test, against decoders with a fault each ---- */

let agent = '';
let fault = '';
let open = 0;
/** @type {any[]} */
let configs = [];

class Frame {
    /** @param {number} timestamp
     *  @param {number[][]} rgb */
    constructor(timestamp, rgb) {
        this.timestamp = timestamp;
        this.rgb = rgb;
        this.format = 'RGBA';
        this.visibleRect = { x: 0, y: 0 };
        open++;
    }

    /** @param {Uint8Array} bytes
     *  @param {{ rect: { x: number, y: number } }} o */
    async copyTo(bytes, { rect }) {
        if (fault === 'unreadable') {
            throw new Error('not allowed');
        }
        if (fault === 'hanging') {
            await new Promise(() => {});
        }

        const i = CLIP.points.findIndex(p => p.x === rect.x && p.y === rect.y);
        for (let pixel = 0; pixel < 4; pixel++) {
            bytes.set([...this.rgb[i] ?? [], 255], 4 * pixel);
        }
    }

    close() {
        open--;
    }
}

class FakeDecoder {
    /** @param {{ output: (frame: any) => void, error: (error: any) => void }} callbacks */
    constructor(callbacks) {
        this.callbacks = callbacks;
        this.state = 'unconfigured';
        this.n = 0;
    }

    /** @param {any} config */
    configure(config) {
        if (fault === 'refused') {
            throw new TypeError('unsupported');
        }
        this.state = 'configured';
        configs.push(config);
    }

    /** @param {number} i
     *  @param {number} [timestamp] */
    out(i, timestamp = 1000 * (i + 1)) {
        setTimeout(() => this.callbacks.output(new Frame(timestamp, show(i))), 1);
    }

    /** @param {any} chunk */
    decode(chunk) {
        const i = this.n++;

        assert.equal(chunk.type, CLIP.pictures[i]?.key ? 'key' : 'delta');

        if (fault === 'late') {
            return i > 0 ? this.out(i - 1) : undefined;
        }
        if (fault === 'fails' && i === 5) {
            return this.callbacks.error(new Error('EncodingError'));
        }
        if (fault === 'stale' && i === 2) {
            return this.out(1, chunk.timestamp);
        }
        if (fault === 'order' && i === 3) {
            return this.out(3, 1000);
        }
        if (fault === 'skips' && i === 2) {
            return undefined;
        }
        if (fault === 'twice' && i === CLIP.pictures.length - 1) {
            this.out(i);
        }

        return this.out(i);
    }

    async flush() {
        if (fault === 'flush') {
            throw new Error('aborted');
        }
        await new Promise(resolve => {
            setTimeout(resolve, 5);
        });
    }

    close() {
        assert.notEqual(this.state, 'closed');
        this.state = 'closed';
    }
}

Object.defineProperty(world, 'navigator', {
    configurable: true, get: () => ({ userAgent: agent }) });

beforeEach(() => {
    agent = 'Browser/1.0 (Desktop) Version/7';
    fault = '';
    open = 0;
    configs = [];
    world.VideoDecoder = FakeDecoder;
    world.EncodedVideoChunk = class {
        /** @param {any} init */
        constructor(init) {
            Object.assign(this, init);
        }
    };
    const store = new Map();
    world.localStorage = {
        getItem: (/** @type {string} */ key) => store.get(key) ?? null,
        setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
            store.set(key, value);
        },
        removeItem: (/** @type {string} */ key) => store.delete(key)
    };
});

afterEach(() => {
    delete world.VideoDecoder;
    delete world.EncodedVideoChunk;
    delete world.localStorage;
});

test('a decoder without a fault passes, configured as the session\'s is', async () => {
    for (const software of [false, true]) {
        const { result, software: said } = await testLite(CLIP, software);

        assert.equal(result, 'passed');
        assert.equal(said, software);
        assert.equal(open, 0);
    }
    assert.deepEqual(configs, [false, true].map(software => decoderConfig(
        'avc1.42c01f', CLIP.width, CLIP.height, software)));
});

for (const [name, result] of /** @type {[string, string][]} */ ([
    ['stale', 'wrong'], ['order', 'wrong'], ['twice', 'wrong'], ['unreadable', 'wrong'],
    ['fails', 'error'], ['refused', 'error'], ['flush', 'error'],
    ['late', 'slow'], ['skips', 'slow'], ['hanging', 'slow']]))
{
    test(`a decoder does not pass: ${name}`, async () => {
        fault = name;
        const answer = await testLite(CLIP, false, result === 'slow' ? 150 : 10000);

        assert.equal(answer.result, result, answer.detail);
        assert.notEqual(answer.detail, '');
        assert.equal(open, 0);
    });
}

test('no decoder, no test', async () => {
    delete world.VideoDecoder;
    assert.equal((await testLite(CLIP, false)).result, 'missing');
});

test('a clip that is none', async () => {
    for (const pictures of [[], [{ key: true, colours: [], data: '%' }],
                            CLIP.pictures.slice(1)])
    {
        const { result } = await testLite({ ...CLIP, pictures }, false);
        assert.equal(result, 'error');
    }
});

/* ---- what is remembered ---- */

test('a result holds for one clip, one browser, one preference', () => {
    const here = configurationOf(CLIP, false);

    remember(here, 'passed');
    assert.equal(recall(here), 'passed');
    assert.equal(recall(configurationOf(CLIP, true)), 'untested');
    assert.equal(recall(configurationOf({ ...CLIP, width: 64 }, false)), 'untested');
    agent = 'Browser/1.0 (Desktop) Version/8';
    assert.equal(recall(configurationOf(CLIP, false)), 'untested');
    remember(here, 'wrong');
    assert.equal(recall(here), 'wrong');
    forget();
    assert.equal(recall(here), 'untested');
});

test('what a busy machine made slow is tried again', () => {
    const here = configurationOf(CLIP, false);

    remember(here, 'passed');
    remember(here, 'slow');
    assert.equal(recall(here), 'untested');
});

test('storage that holds rubbish or refuses', () => {
    const here = configurationOf(CLIP, false);
    for (const rubbish of ['', '{', 'null', '7', '[]', '{"result":"passed"}',
        JSON.stringify({ configuration: here, result: 'on' })]) {
        world.localStorage.setItem('selkies-lite-1', rubbish);
        assert.equal(recall(here), 'untested');
    }

    Object.defineProperty(world, 'localStorage', { configurable: true, get() {
        throw new Error('SecurityError');
    } });
    remember(here, 'passed');
    forget();
    assert.equal(recall(here), 'untested');
});

/* ---- what the server is told ---- */

/** A session as far as Lite knows it. */
class FakeSession {
    constructor() {
        /** @type {Record<string, ((data?: any) => void)[]>} */
        this.listeners = {};
        this.want = ['status'];
        /** @type {string[]} */
        this.have = [];
        this.told = new Map([[1, 'status']]);
        this.current = 1;
        this.extended = false;
        this.state = 'waiting';
        this.lite = '';
        /** @type {string[]} */
        this.sent = [];
        this.tests = 0;
        this.worker = { postMessage: (/** @type {any} */ order) => {
            this.tests += order.t === 'lite' ? 1 : 0;
        } };
    }

    /** @param {string} name
     *  @param {(data?: any) => void} call */
    on(name, call) {
        this.listeners[name] = [...this.listeners[name] ?? [], call];
    }

    /** @param {string} name
     *  @param {any} [data] */
    async emit(name, data) {
        for (const call of this.listeners[name] ?? []) {
            call(data);
        }
        await new Promise(resolve => {
            setTimeout(resolve, 20);
        });
    }

    connected() {
        return this.state === 'waiting' || this.state === 'live';
    }

    /** @param {number} tests  that have been ordered */
    async tested(tests) {
        for (let i = 0; i < 1000 && this.tests < tests; i++) {
            await this.emit('');
        }
    }

    /** @param {number} id */
    ext(id) {
        this.told.set(id, this.want.join());
        return this.want.join();
    }

    /** @param {string[]} texts */
    send(texts) {
        this.sent.push(...texts);
    }

    /** @param {string[]} have */
    async answer(have) {
        this.extended = true;
        this.have = have;
        await this.emit('ext');
    }

    async live() {
        this.state = 'live';
        await this.emit('state', 'live');
    }
}

/** @returns {FakeSession} */
function start() {
    const session = new FakeSession();

    new Lite(/** @type {any} */ (session), 5);
    return session;
}

test('tested at the first picture, told when it has passed, remembered', async () => {
    const session = start();

    await session.answer(['status', 'lite']);
    assert.equal(session.tests, 0);
    await session.live();
    assert.equal(session.tests, 1);
    assert.equal(session.lite, 'testing');
    assert.deepEqual(session.sent, []);
    await session.emit('lite', { result: 'passed', software: false });
    assert.deepEqual(session.sent, ['status,lite']);
    await session.emit('ext');
    await session.emit('stats');
    assert.equal(session.sent.length, 1);

    const next = start();
    await next.answer(['status', 'lite']);
    assert.deepEqual(next.sent, ['status,lite']);
    await next.live();
    assert.equal(next.tests, 0);
});

test('a server that sends none is not bothered', async () => {
    const session = start();

    await session.live();
    await session.answer(['status']);
    assert.equal(session.tests, 0);
    assert.deepEqual(session.sent, []);
});

test('a test that fails is not told, and is not repeated', async () => {
    for (const result of ['wrong', 'error']) {
        forget();
        const session = start();
        await session.answer(['lite']);
        await session.live();
        await session.emit('lite', { result, software: false });
        assert.deepEqual(session.sent, []);
        assert.equal(session.lite, result);

        const next = start();
        await next.answer(['lite']);
        await next.live();
        assert.equal(next.tests, 0);
        assert.equal(next.lite, result);
    }
});

test('a slow test is repeated, not for ever', async () => {
    const session = start();

    await session.answer(['lite']);
    await session.live();
    for (const tests of [2, 3, 3]) {
        await session.emit('lite', { result: 'slow', software: false });
        await session.tested(tests);
        assert.equal(session.tests, tests);
    }
    assert.equal(session.lite, 'slow');
    assert.deepEqual(session.sent, []);

    const next = start();
    await next.answer(['lite']);
    await next.live();
    await next.emit('lite', { result: 'slow', software: false });
    await next.tested(2);
    await next.emit('lite', { result: 'passed', software: false });
    assert.deepEqual(next.sent, ['status,lite']);
});

test('an error of the decoder withdraws it for this page, and what was remembered', async () => {
    const session = start();

    await session.answer(['lite']);
    await session.live();
    await session.emit('lite', { result: 'passed', software: false });
    await session.emit('broken');
    assert.deepEqual(session.sent, ['status,lite', 'status']);
    assert.equal(session.lite, 'withdrawn');
    await session.emit('broken');
    await session.answer(['lite']);
    assert.equal(session.sent.length, 2);
    assert.equal(session.tests, 1);

    const next = start();
    await next.answer(['lite']);
    await next.live();
    assert.equal(next.tests, 1);
});

test('an error while the test runs counts, a result that comes later does not', async () => {
    const session = start();

    await session.answer(['lite']);
    await session.live();
    await session.emit('broken');
    await session.emit('lite', { result: 'passed', software: false });
    assert.equal(session.lite, 'withdrawn');
    assert.deepEqual(session.sent, []);
    assert.equal(recall(configurationOf(CLIP, false)), 'untested');
});

test('a socket that was told something else is told again, once', async () => {
    const session = start();

    await session.answer(['lite']);
    await session.live();
    await session.emit('lite', { result: 'passed', software: false });

    /* its hello was written before the decoder failed */
    session.told.set(2, 'status,lite');
    await session.emit('broken');
    assert.deepEqual(session.sent, ['status,lite', 'status']);
    session.current = 2;
    await session.emit('stats');
    await session.emit('stats');
    assert.deepEqual(session.sent, ['status,lite', 'status', 'status']);
});

test('nothing is sent while there is no connection', async () => {
    const session = start();

    await session.answer(['lite']);
    await session.live();
    session.state = 'lost';
    await session.emit('lite', { result: 'passed', software: false });
    assert.deepEqual(session.sent, []);
    assert.ok(session.want.includes('lite'));
});
