/* Which way to the picture is tried, and what is remembered of it. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { Ladder, recall } from '../../../web/ladder.js';

const KEY = 'selkies-ladder-1';
/** @type {any} */
const world = globalThis;
/** @type {Map<string, string>} */
let store;

beforeEach(() => {
    store = new Map();
    Object.defineProperty(world, 'navigator', { configurable: true,
                                                value: { userAgent: 'this one' } });
    world.localStorage = {
        getItem: (/** @type {string} */ key) => store.get(key) ?? null,
        setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
            store.set(key, value);
        }
    };
});

afterEach(() => {
    for (const name of ['localStorage', 'VideoDecoder', 'VideoFrame', 'createImageBitmap',
                        'OffscreenCanvas', 'Worker'])
    {
        delete world[name];
    }
});

function canJpeg() {
    world.VideoFrame = world.createImageBitmap = world.OffscreenCanvas = class {};
}

/** @param {any} [host] */
function ladder(host = {}) {
    return new Ladder({ probing: false, picture: {}, connectSink() {}, ...host });
}

/** @param {any} entry */
function keep(entry) {
    store.set(KEY, JSON.stringify({ agent: navigator.userAgent, at: Date.now(), ...entry }));
}

function session() {
    /** @type {string[]} */
    const log = [];

    return { log, way: 'codecs', element: null, settings: /** @type {any} */ ({}),
             fragment: /** @type {any} */ ({ shared: false }),
             worker: { postMessage: (/** @type {any} */ m) => log.push(`${m.t} ${m.wanted}`) },
             on() {}, emit() {},
             setState: (/** @type {string} */ state) => log.push(state),
             use: () => log.push('use'), connect: () => log.push('connect'),
             claimAgain: () => log.push('claim'),
             end: (/** @type {string} */ screen) => log.push('end ' + screen) };
}

test('what is stored counts for this browser, and for a week', () => {
    assert.deepEqual(recall(), {});
    keep({ known: { codecs: 'failed' } });
    assert.deepEqual(recall(), { codecs: 'failed' });
    keep({ known: { codecs: 'failed' }, agent: 'another one' });
    assert.deepEqual(recall(), {});
    keep({ known: { codecs: 'failed' }, at: Date.now() - 8 * 86400 * 1000 });
    assert.deepEqual(recall(), {});

    for (const rubbish of ['', 'null', '[]', '{', '7', '{"known":3}']) {
        store.set(KEY, rubbish);
        assert.deepEqual(recall(), {});
    }

    keep({ known: null });
    assert.deepEqual(recall(), {});
});

test('the best way that is there and has not failed', async () => {
    const one = ladder();

    assert.equal(await one.find(), false);
    canJpeg();
    assert.equal(await one.find(), true);
    assert.equal(one.way, 'jpeg');
    world.VideoDecoder = class {};
    assert.equal(await one.find(), true);
    assert.equal(one.way, 'codecs');
    one.know('codecs', 'failed');
    assert.equal(await one.find(), true);
    assert.equal(one.way, 'jpeg');
    assert.deepEqual(recall(), { codecs: 'failed' });
});

test('no storage: every page learns it anew', async () => {
    Object.defineProperty(world, 'localStorage', { configurable: true, get() {
        throw new Error('refused');
    } });
    canJpeg();
    world.VideoDecoder = class {};

    const one = ladder();

    one.know('codecs', 'failed');
    assert.equal(await one.find(), true);
    assert.equal(one.way, 'jpeg');
});

test('a worker that fails is replaced by the page, a decoder by the next way', async () => {
    canJpeg();
    world.VideoDecoder = class {};
    world.Worker = class {};

    const started = /** @type {number[]} */ ([]);
    const one = ladder({ startWorker: (/** @type {number} */ which) => started.push(which) });
    const { log, ...page } = session();

    one.spawn = async () => /** @type {any} */ ({});
    await one.demote(/** @type {any} */ (page), 'worker', true);
    assert.equal(one.inPage, true);
    assert.equal(one.way, 'codecs');
    assert.deepEqual(recall(), {});
    await one.demote(/** @type {any} */ (page), 'decoder');
    assert.equal(one.way, 'jpeg');
    assert.deepEqual(recall(), { codecs: 'failed' });
    await one.demote(/** @type {any} */ (page), 'jpeg');
    assert.deepEqual(log, ['lost', 'use', 'connect', 'lost', 'use', 'relay false', 'connect',
                           'lost', 'end decoder']);
});

test('the server is asked for what this way shows', async () => {
    canJpeg();

    const one = ladder();
    const { log, ...page } = session();
    const suit = (/** @type {string} */ value, /** @type {string[]} */ allowed) => {
        page.settings = { encoder: { value, allowed } };
        return one.suit(/** @type {any} */ (page));
    };

    one.way = one.shown = 'jpeg';
    await suit('x264enc', ['x264enc', 'jpeg']);
    assert.equal(page.fragment.encoder, 'jpeg');
    await suit('x264enc', ['x264enc', 'jpeg']);
    await suit('jpeg', ['x264enc', 'jpeg']);
    assert.deepEqual(log, ['claim']);
    await suit('x264enc', ['x264enc']);
    page.fragment.shared = true;
    await suit('x264enc', ['x264enc', 'jpeg']);
    assert.deepEqual(log.slice(1), ['end decoder', 'end decoder']);

    one.way = one.shown = 'mse';
    await suit('x264enc-striped', []);
    assert.deepEqual(log.slice(3), ['end foreign']);

    /* JPEG has a canvas, for as long as it is what comes */
    await suit('jpeg', []);
    assert.equal(one.shown, 'jpeg');
    assert.deepEqual(log.slice(4), ['relay false']);
});
