/* Whether a connection lives: silence, sleep, the network, a hidden tab. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Alive } from '../../../web/alive.js';

/** @type {any} */
const world = globalThis;
/** @type {Map<string, (event: any) => void>} */
let heard;
let clock = 0;
const performanceNow = performance.now;

/** @param {number} ms */
function pass(ms) {
    for (let left = ms; left > 0; left -= 100) {
        clock += 100;
        mock.timers.tick(100);
    }
}

/** @param {string} state */
function see(state) {
    world.document.visibilityState = state;
    heard.get('visibilitychange')?.({});
}

beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    clock = 1000;
    performance.now = () => clock;
    heard = new Map();
    const listen = (/** @type {string} */ name, /** @type {any} */ call) => {
        heard.set(name, call);
    };
    world.addEventListener = listen;
    world.document = { visibilityState: 'visible', addEventListener: listen };
    world.window = world;
});

afterEach(() => {
    mock.timers.reset();
    performance.now = performanceNow;
    delete world.addEventListener;
    delete world.document;
    delete world.window;
});

function start() {
    /** @type {string[]} */
    const log = [];
    /** @type {((state: string) => void)[]} */
    const listeners = [];
    /** @type {any} */
    const session = {
        state: 'live', retryTimer: 0, stopped: false, extended: true, current: 1,
        heardAt: clock, openedAt: clock, expectsStats: true,
        connected: () => ['waiting', 'live'].includes(session.state),
        on: (/** @type {string} */ _, /** @type {any} */ call) => listeners.push(call),
        send: (/** @type {string[]} */ texts) => log.push(...texts),
        retry: () => log.push('retry'),
        reconnect: () => log.push('reconnect'),
        end: (/** @type {string} */ screen) => log.push('end ' + screen)
    };
    const alive = new Alive(session);

    return { alive, session, log, state(/** @type {string} */ state) {
        session.state = state;
        listeners.forEach(call => call(state));
    } };
}

test('the network comes back between sockets: at once', () => {
    const { session, log } = start();

    session.state = 'lost';
    heard.get('online')?.({});
    assert.deepEqual(log, []);
    session.retryTimer = 7;
    heard.get('online')?.({});
    assert.deepEqual(log, ['retry']);
});

test('the network comes back under a socket: it is asked', () => {
    const { session, log } = start();

    heard.get('online')?.({});
    assert.deepEqual(log, ['REQUEST_KEYFRAME']);
    pass(100);
    session.heardAt = clock;
    pass(4000);
    assert.deepEqual(log, ['REQUEST_KEYFRAME']);

    heard.get('online')?.({});
    pass(3100);
    assert.deepEqual(log.slice(1), ['REQUEST_KEYFRAME', 'reconnect']);
});

test('an answer of another socket, or none wanted, is no matter', () => {
    const { session, log } = start();

    heard.get('online')?.({});
    session.current = 2;
    pass(3100);
    heard.get('pageshow')?.({ persisted: false });
    session.extended = false;
    heard.get('pageshow')?.({ persisted: true });
    assert.deepEqual(log, ['REQUEST_KEYFRAME']);
});

test('silence: a server that says statistics has died, one that does not has not', () => {
    const { session, log } = start();

    session.expectsStats = false;
    pass(30000);
    assert.deepEqual(log, []);
    session.expectsStats = true;
    pass(5000);
    assert.deepEqual(log, ['reconnect']);
});

test('a socket that never says a word is of no server we know', () => {
    const { session, log } = start();

    session.state = 'waiting';
    session.expectsStats = false;
    pass(15000);
    assert.deepEqual(log, []);
    pass(5000);
    assert.deepEqual(log, ['end old']);
});

test('after a sleep the socket is asked', () => {
    const { log, session } = start();

    pass(5000);
    session.heardAt = clock;
    assert.deepEqual(log, []);
    mock.timers.setTime(Date.now() + 3600000);
    pass(5000);
    assert.equal(log[0], 'REQUEST_KEYFRAME');
    pass(3100);
    assert.equal(log[1], 'reconnect');
});

test('a hidden page has no pictures, and has them again when it is seen', () => {
    const { log, session, state } = start();

    see('hidden');
    pass(900);
    see('visible');
    session.heardAt = clock + 1e6;
    pass(2000);
    log.length = 0;
    see('hidden');
    pass(1000);
    assert.deepEqual(log, ['STOP_VIDEO']);
    log.length = 0;
    see('visible');
    assert.deepEqual(log, ['START_VIDEO', 'REQUEST_KEYFRAME']);

    /* a socket that opens for a page that nobody looks at */
    see('hidden');
    pass(1000);
    log.length = 0;
    state('lost');
    state('waiting');
    pass(1000);
    assert.deepEqual(log, ['STOP_VIDEO']);
});
