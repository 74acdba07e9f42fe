/* Which stage is named as the slow one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Quality, diagnose } from '../../../web/ui/quality.js';

const FINE = { latency: 12, decode: 3, answer: 30, queue: 0, late: 4, cpu: 20 };
const unknown = { latency: NaN, decode: NaN, answer: NaN, queue: 0, late: 0, cpu: NaN };

test('nothing is slow where nothing is, or nothing is known', () => {
    assert.deepEqual(diagnose(FINE), { level: 'good', stage: '', text: 'Nothing is slow.' });
    assert.equal(diagnose(unknown).level, 'good');
});

test('each stage is named by its figure', () => {
    /** @type {[Record<string, number>, string, string, RegExp][]} */
    const cases = [
        [{ latency: 90 }, 'network', 'fair', /there and back takes 90 ms/],
        [{ latency: 250.4 }, 'network', 'poor', /250 ms/],
        [{ queue: 9 }, 'decoder', 'poor', /behind by 9 pictures/],
        [{ decode: 45 }, 'decoder', 'fair', /takes 45 ms for a picture/],
        [{ late: 600 }, 'computer', 'poor', /held up for 600 ms/],
        [{ answer: 180 }, 'server', 'fair', /takes 165 ms to answer\.$/],
        [{ answer: 400, cpu: 94 }, 'server', 'fair', /to answer, its processor is 94 % busy/],
        [{ cpu: 99 }, 'server', 'fair', /at 99 %/]
    ];

    for (const [change, stage, level, text] of cases) {
        const said = diagnose({ ...FINE, ...change });

        assert.deepEqual([said.stage, said.level], [stage, level], JSON.stringify(change));
        assert.match(said.text, text);
    }
});

test('the worst of several is named', () => {
    assert.equal(diagnose({ ...FINE, latency: 90, decode: 200 }).stage, 'decoder');
    assert.equal(diagnose({ ...FINE, latency: 300, decode: 60 }).stage, 'network');
    /* an answer that is late by the network is not the server's fault */
    assert.equal(diagnose({ ...FINE, latency: 160, answer: 200 }).stage, 'network');
});

test('what the page gathers: one hitch is none, a page that was away is not late', t => {
    /** @type {Map<string, (data?: any) => void>} */
    const on = new Map();
    let now = 1000;
    const session = { state: 'live', missing: '', latency: 10,
                      stats: { decode: [2, 4], answer: [NaN, NaN], queue: 0 },
                      on: (/** @type {string} */ name, /** @type {any} */ call) => on.set(name, call) };

    /** @type {any} */ (globalThis).document = {
        addEventListener: (/** @type {string} */ name, /** @type {any} */ call) => on.set(name, call) };
    t.mock.method(performance, 'now', () => now);

    const quality = new Quality(/** @type {any} */ (session));
    const wait = (/** @type {number} */ ms) => {
        now += ms;
        on.get('stats')?.();
    };

    wait(0);
    wait(500);
    wait(1300);
    assert.equal(quality.now().level, 'good');
    wait(1300);
    assert.equal(quality.now().stage, 'computer');
    on.get('visibilitychange')?.();

    for (let i = 0; i < 20; i++) {
        wait(i === 0 ? 60000 : 510);
    }

    assert.equal(quality.now().level, 'good');
    on.get('json:system_stats')?.({ cpu_percent: 97.2 });
    assert.equal(quality.now().stage, 'server');
    session.missing = 'no_display';
    assert.equal(quality.now().level, 'off');
});
