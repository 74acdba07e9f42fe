/* Fingers to messages: a pointer, a view and a stage without a page. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Touch } from '../../../web/input/touch.js';
import { View } from '../../../web/input/view.js';

/** @type {any} */
const world = globalThis;

function setUp() {
    /** @type {any[]} */
    const done = [];
    /** @type {{ call: () => void, ms: number }[]} */
    const timers = [];
    /** @type {Function[]} */
    const frames = [];
    /** @type {Record<string, string>} */
    const kept = {};
    let now = 1000;

    world.window = {
        /** @param {() => void} call
         *  @param {number} ms */
        setTimeout: (call, ms) => timers.push({ call, ms })
    };
    world.clearTimeout = () => timers.splice(0);
    world.requestAnimationFrame = (/** @type {Function} */ call) => frames.push(call);
    world.cancelAnimationFrame = () => frames.splice(0);
    world.matchMedia = () => ({ matches: false });
    world.localStorage = { getItem: (/** @type {string} */ key) => kept[key] ?? null,
                           setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
                               kept[key] = value;
                           } };
    Object.defineProperty(world, 'navigator', { configurable: true, value: {} });

    const stage = Object.assign(new EventTarget(), {
        getBoundingClientRect: () => ({ left: 0, top: 0, width: 400, height: 800 }) });
    const picture = {
        place: { left: 0, top: 0, width: 400, height: 800, crisp: true },
        /** @type {any} */
        view: null,
        layout() {
            this.place = this.view({ left: 0, top: 0, width: 400, height: 800, crisp: true });
        } };
    const view = new View(picture, /** @type {any} */ (stage), () => undefined);
    const pointer = {
        view, stage,
        session: { control: true, emit: (/** @type {string} */ name) => {
            if (name !== 'stage-pressed') {
                done.push(name);
            }
        } },
        cursor: { of: (/** @type {string} */ kind) => done.push(`cursor ${kind}`) },
        moved: false,
        locate: (/** @type {any} */ at) => done.push(`at ${at.clientX} ${at.clientY}`),
        nudge: (/** @type {number} */ x, /** @type {number} */ y) =>
            done.push(`by ${Math.round(x)} ${Math.round(y)}`),
        setMask: (/** @type {number} */ mask) => done.push(`mask ${mask}`),
        tick: (/** @type {number} */ x, /** @type {number} */ y) => done.push(['tick', x, y]),
        flush() {}, schedule() {} };
    const touch = new Touch(/** @type {any} */ (pointer), /** @type {any} */ (stage));
    /**
     * @param {string} type
     * @param {number} id
     * @param {number} x
     * @param {number} y
     * @param {number} [after]
     */
    const event = (type, id, x, y, after = 20) => {
        now += after;
        stage.dispatchEvent(Object.assign(new Event(`pointer${type}`), {
            pointerId: id, pointerType: 'touch', clientX: x, clientY: y }));
    };

    /* the time of an event is read only */
    Object.defineProperty(Event.prototype, 'timeStamp', { configurable: true,
                                                          get: () => now });
    performance.now = () => now;

    return { done, touch, view, picture, timers, frames, event, kept,
             pass: (/** @type {number} */ ms) => {
                 now += ms;
             },
             take: () => done.splice(0).filter(what => !String(what).startsWith('cursor')) };
}

test('a tap is a click where it was', () => {
    const { event, take } = setUp();

    event('down', 1, 50, 60);
    assert.deepEqual(take(), ['at 50 60']);
    event('up', 1, 52, 61);
    assert.deepEqual(take(), ['at 52 61', 'mask 1', 'mask 0']);
});

test('a finger that moves drags from where it began', () => {
    const { event, take } = setUp();

    event('down', 1, 50, 60);
    event('move', 1, 55, 60);
    take();
    event('move', 1, 80, 60);
    event('move', 1, 90, 70);
    event('up', 1, 90, 70);
    assert.deepEqual(take(), ['at 50 60', 'mask 1', 'at 90 70', 'at 90 70', 'mask 0']);
});

test('a long press is a right click, and no other', () => {
    const { event, take, timers } = setUp();

    event('down', 1, 50, 60);
    timers.splice(0).forEach(timer => timer.call());
    event('move', 1, 90, 60);
    event('up', 1, 90, 60);
    assert.deepEqual(take(), ['at 50 60', 'at 50 60', 'mask 4', 'mask 0']);
});

test('a cancelled touch clicks nothing and holds nothing', () => {
    const { event, take } = setUp();

    event('down', 1, 50, 60);
    event('cancel', 1, 50, 60);
    assert.deepEqual(take(), ['at 50 60']);
    event('down', 1, 50, 60);
    event('move', 1, 90, 60);
    event('cancel', 1, 90, 60);
    assert.equal(take().at(-1), 'mask 0');
});

test('a tap of two fingers is a right click, of three the keyboard', () => {
    const { event, take } = setUp();

    event('down', 1, 100, 100);
    event('down', 2, 200, 100);
    take();
    event('up', 1, 100, 100);
    event('move', 2, 202, 100);
    event('up', 2, 200, 100);
    assert.deepEqual(take(), ['at 150 100', 'mask 4', 'mask 0']);

    event('down', 1, 100, 100);
    event('down', 2, 200, 100);
    event('down', 3, 300, 100);
    take();
    event('up', 2, 200, 100);
    event('up', 1, 100, 100);
    event('up', 3, 300, 100);
    assert.deepEqual(take(), ['soft-keyboard']);

    /* too long for a tap */
    event('down', 1, 100, 100);
    event('down', 2, 200, 100);
    take();
    event('up', 1, 100, 100, 800);
    event('up', 2, 200, 100);
    assert.deepEqual(take(), []);
});

test('two fingers scroll, and a flick goes on for a moment', () => {
    const { event, take, frames, pass } = setUp();

    event('down', 1, 100, 400);
    event('down', 2, 200, 400);
    take();

    for (let y = 400; y >= 300; y -= 10) {
        event('move', 1, 100, y, 5);
        event('move', 2, 200, y, 5);
    }

    const ticks = take().filter(what => what[0] === 'tick');
    const sum = ticks.reduce((all, tick) => all + tick[2], 0);

    assert.ok(sum > 2 && sum < 3.2, `${sum} ticks downwards`);
    event('up', 1, 100, 300, 5);

    let more = 0;
    let n = 0;

    while (frames.length > 0 && n < 500) {
        pass(16);
        frames.splice(0).forEach(call => call());
        more += take().filter(what => what[0] === 'tick')
            .reduce((all, tick) => all + tick[2], 0);
        n++;
    }

    assert.ok(more > 1 && more < 10, `${more} ticks of a flick`);
    assert.ok(n < 60, `over after ${n} frames`);
});

test('fingers that rested before they left do not flick', () => {
    const { event, frames } = setUp();

    event('down', 1, 100, 400);
    event('down', 2, 200, 400);

    for (let y = 400; y >= 300; y -= 20) {
        event('move', 1, 100, y, 5);
        event('move', 2, 200, y, 5);
    }

    event('up', 1, 100, 300, 200);
    assert.equal(frames.length, 0);
});

test('two fingers that part magnify what is between them', () => {
    const { event, view, picture, take } = setUp();

    event('down', 1, 150, 400);
    event('down', 2, 250, 400);
    event('move', 1, 130, 400);
    event('move', 2, 270, 400);
    event('move', 1, 100, 400);
    event('move', 2, 300, 400);
    assert.ok(view.scale > 1.3 && view.scale < 2.1, String(view.scale));
    assert.equal(Math.round(picture.place.left + 200 / 400 * picture.place.width), 200);
    assert.equal(take().filter(what => what[0] === 'tick').length, 0);
    event('up', 1, 100, 400);
    event('up', 2, 300, 400);

    /* moved within what is magnified; the desktop scrolls by the rest */
    const { left, top } = picture.place;

    event('down', 1, 100, 400);
    event('down', 2, 200, 400);
    event('move', 1, 80, 400);
    event('move', 2, 180, 400);
    event('move', 1, 70, 420);
    event('move', 2, 170, 420);
    assert.ok(picture.place.left < left && picture.place.top > top);

    /* and closed again */
    event('up', 1, 70, 420);
    event('up', 2, 170, 420);
    event('down', 1, 50, 400);
    event('down', 2, 350, 400);
    event('move', 1, 180, 400);
    event('move', 2, 220, 400);
    event('move', 1, 195, 400);
    event('move', 2, 205, 400);
    event('up', 1, 195, 400);
    event('up', 2, 205, 400);
    assert.equal(view.scale, 1);
    assert.deepEqual(picture.place, { left: 0, top: 0, width: 400, height: 800, crisp: true });
});

test('what is covered by a keyboard is moved out of its way', () => {
    const { view, picture } = setUp();

    view.cover(300, { x: 200, y: 700 });
    assert.equal(picture.place.top, -232);
    assert.deepEqual(view.pan(0, -500), { dx: 0, dy: -432 });
    view.cover(0, { x: 200, y: 700 });
    assert.equal(picture.place.top, 0);
});

test('a trackpad: fingers push, taps click where the pointer is', () => {
    const { touch, event, take, kept, done } = setUp();

    touch.setTrackpad(true);
    assert.equal(done.at(-1), 'cursor pushed');
    assert.equal(kept['selkies-trackpad'], '1');
    event('down', 1, 50, 60);
    event('move', 1, 60, 60);
    event('move', 1, 90, 60);
    event('up', 1, 90, 60);

    const moved = take();

    assert.equal(moved.filter(what => what.startsWith('at')).length, 0);
    assert.match(moved.join(), /by \d+ 0/);
    event('down', 1, 50, 60, 1000);
    event('up', 1, 50, 60);
    assert.deepEqual(take(), ['mask 1', 'mask 0']);

    /* a tap, and the finger is back: it drags */
    event('down', 1, 50, 60, 100);
    event('move', 1, 70, 60);
    event('up', 1, 70, 60);
    assert.deepEqual([take()].map(all => [all[0], all.at(-1)])[0], ['mask 1', 'mask 0']);
});

test('a second tap nearby is a double click where the first one was', () => {
    const { event, take } = setUp();

    event('down', 1, 50, 60);
    event('up', 1, 50, 60);
    event('down', 1, 65, 70, 100);
    take();
    event('up', 1, 66, 71);
    assert.deepEqual(take(), ['at 50 60', 'mask 1', 'mask 0']);
    /* later, or elsewhere */
    event('down', 1, 65, 70, 900);
    event('up', 1, 65, 70);
    event('down', 1, 165, 70, 100);
    event('up', 1, 165, 70);
    assert.deepEqual(take().filter(what => what.startsWith('at')),
                     ['at 65 70', 'at 65 70', 'at 165 70', 'at 165 70']);
});

test('a viewer\'s fingers do nothing but look', () => {
    const { touch, event, take, view, picture } = setUp();

    /** @type {any} */ (touch.pointer).session.control = false;
    event('down', 1, 50, 60);
    event('move', 1, 90, 60);
    event('up', 1, 90, 60);
    event('down', 1, 100, 100);
    event('down', 2, 200, 100);
    event('up', 1, 100, 100);
    event('up', 2, 200, 100);
    event('down', 1, 100, 300);
    event('down', 2, 200, 300);
    event('move', 1, 100, 200);
    event('move', 2, 200, 200);
    event('up', 1, 100, 200, 900);
    event('up', 2, 200, 200);
    assert.deepEqual(take(), []);

    event('down', 1, 150, 400);
    event('down', 2, 250, 400);
    event('move', 1, 100, 400);
    event('move', 2, 300, 400);
    event('move', 1, 50, 400);
    event('move', 2, 350, 400);
    event('up', 1, 50, 400);
    event('up', 2, 350, 400);
    assert.ok(view.scale > 1.5);

    const { left } = picture.place;

    event('down', 1, 200, 400);
    event('move', 1, 210, 400);
    event('up', 1, 210, 400);
    assert.equal(picture.place.left, left + 10);
    assert.deepEqual(take(), []);
});
