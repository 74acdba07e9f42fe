/* Pictures in rows: headers, what is drawn where and when it is shown. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { Rows, isStripe, parseJpegHeader, parseResolution } from '../../../web/media/rows.js';

/** @type {any} */
const world = globalThis;
/** @type {any[]} */
let drawn = [];
/** @type {any[]} */
let shown = [];
/** @type {(() => void)[]} */
let decodes = [];

beforeEach(() => {
    drawn = [];
    shown = [];
    decodes = [];
    world.OffscreenCanvas = class {
        /** @param {number} width
         *  @param {number} height */
        constructor(width, height) {
            this.width = width;
            this.height = height;
        }

        getContext() {
            return { drawImage: (/** @type {any} */ image, /** @type {number} */ _x,
                                 /** @type {number} */ y) => drawn.push([y, image.name]) };
        }
    };
    world.VideoFrame = class {
        /** @param {any} canvas
         *  @param {any} init */
        constructor(canvas, init) {
            this.canvas = canvas;
            this.timestamp = init.timestamp;
        }
    };
    world.createImageBitmap = async (/** @type {Blob} */ blob) => {
        const name = await blob.text();

        await new Promise(resolve => {
            decodes.push(() => resolve(undefined));
        });

        if (name === 'broken') {
            throw new Error('no image');
        }

        return { name, height: 64, close() {} };
    };
});

afterEach(() => {
    delete world.OffscreenCanvas;
    delete world.VideoFrame;
    delete world.createImageBitmap;
});

/** @param {number} y
 *  @param {string} text */
function message(y, text) {
    return Uint8Array.from([3, 0, 0, 7, y >> 8, y & 255,
                            ...Buffer.from(text)]).buffer;
}

/** @param {Rows}   rows
 *  @param {number} y
 *  @param {string} text */
function push(rows, y, text) {
    const buffer = message(y, text);

    rows.pushJpeg(/** @type {any} */ (parseJpegHeader(buffer)), buffer);
}

async function settle() {
    for (let i = 0; i < 20; i++) {
        await new Promise(resolve => {
            setImmediate(resolve);
        });
    }
}

async function decodeAll() {
    await settle();

    while (decodes.length > 0) {
        /** @type {() => void} */ (decodes.shift())();
        await settle();
    }
}

function make() {
    const rows = new Rows({ picture: frame => shown.push(frame), keyMissed() {},
                            broken() {}, failed() {} });

    rows.resize(320, 128);
    return rows;
}

test('headers', () => {
    assert.deepEqual(parseJpegHeader(message(448, 'x')), { id: 7, y: 448 });
    assert.equal(parseJpegHeader(message(0, '')), null);
    assert.equal(parseJpegHeader(Uint8Array.from([4, 0, 0, 0, 0, 0, 1]).buffer), null);
    assert.equal(parseJpegHeader(new ArrayBuffer(0)), null);

    assert.deepEqual(parseResolution('{"type":"stream_resolution","width":64,"height":2}'),
                     { width: 64, height: 2 });
    assert.equal(parseResolution('{"width":1e9,"height":2}'), null);
    assert.equal(parseResolution('{"width":"x"}'), null);
    assert.equal(parseResolution('{'), null);

    const header = { key: true, id: 0, y: 0, width: 64, height: 64 };

    assert.equal(isStripe(header, 64), false);
    assert.equal(isStripe(header, 65), false);
    assert.equal(isStripe(header, 66), true);
    assert.equal(isStripe(header, 0), false);
    assert.equal(isStripe({ ...header, y: 64 }, 0), true);
});

test('nothing is shown before every row was drawn', async () => {
    const rows = make();

    push(rows, 0, 'a');
    await decodeAll();
    assert.deepEqual(drawn, [[0, 'a']]);
    assert.equal(shown.length, 0);
    assert.equal(rows.needKey, true);

    push(rows, 64, 'b');
    await decodeAll();
    assert.equal(shown.length, 1);
    assert.equal(rows.needKey, false);
    assert.equal(rows.codec, 'jpeg');
    rows.restart();
});

test('of a row that waits the newest image is taken, in order', async () => {
    const rows = make();

    for (const name of ['a', 'b', 'c']) {
        push(rows, 64, name);
    }

    assert.equal(rows.queue, 1);
    await decodeAll();
    assert.deepEqual(drawn, [[64, 'a'], [64, 'c']]);
    assert.equal(rows.queue, 0);
    rows.restart();
});

test('a broken image leaves the row to the next one', async () => {
    const rows = make();

    push(rows, 0, 'broken');
    await decodeAll();
    push(rows, 0, 'a');
    push(rows, 64, 'b');
    await decodeAll();
    assert.deepEqual(drawn, [[0, 'a'], [64, 'b']]);
    rows.restart();
});

test('what was begun before a restart is not drawn after it', async () => {
    const rows = make();

    push(rows, 0, 'old');
    await settle();
    rows.restart();
    push(rows, 0, 'new');
    await decodeAll();
    assert.deepEqual(drawn, [[0, 'new']]);
    assert.equal(rows.active, true);
    rows.restart();
    assert.equal(rows.active, false);
});

test('a row below the picture is left out', async () => {
    const rows = make();

    push(rows, 128, 'far');
    push(rows, 65472, 'farther');
    await decodeAll();
    assert.deepEqual(drawn, []);
    rows.restart();
});

test('timestamps grow', async () => {
    const rows = make();

    for (let i = 0; i < 5; i++) {
        push(rows, 0, 'a');
        push(rows, 64, 'b');
        await decodeAll();
    }

    const stamps = shown.map(frame => frame.timestamp);

    assert.ok(stamps.length >= 5);
    assert.ok(stamps.every((stamp, i) => i === 0 || stamp > stamps[i - 1]));
    rows.restart();
});
