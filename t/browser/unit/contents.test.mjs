/* Clipboards over the wire. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Assembler, CHUNK, fromBase64, isEmpty, messagesOf, same, sizeOf, toBase64 }
    from '../../../web/contents.js';

const bytes = (/** @type {number} */ n) => Uint8Array.from({ length: n }, (_, i) => i * 7 + (i >> 8));

/** What a server makes of messages of ours.
 *
 * @param {string[]} messages */
function chunks(messages) {
    return Buffer.concat(messages.map(text => Buffer.from(text.replace(/^.*,/s, ''), 'base64')));
}

test('base64 of any length, there and back', () => {
    for (const n of [0, 1, 2, 3, 4, 24575, 24576, 24577, 100000]) {
        const text = toBase64(bytes(n));

        assert.equal(text, Buffer.from(bytes(n)).toString('base64'));
        assert.deepEqual(fromBase64(text), bytes(n));
    }
});

test('what fits into a message is one', () => {
    assert.deepEqual([...messagesOf({ mime: 'text/plain', bytes: bytes(3) })], ['cw,AAcO']);
    assert.deepEqual([...messagesOf({ mime: 'image/png', bytes: bytes(1) })],
                     ['cb,image/png,AA==']);
});

test('more than that is several, with its length ahead', () => {
    const part = { mime: 'image/png', bytes: bytes(2 * CHUNK + 5) };
    const [start, ...rest] = messagesOf(part);

    assert.equal(start, `cbs,image/png,${2 * CHUNK + 5}`);
    assert.equal(rest.pop(), 'cbe');
    assert.equal(rest.length, 3);
    assert.ok(rest.every(text => text.startsWith('cbd,') && text.length < 1048576));
    assert.deepEqual(Uint8Array.from(chunks(rest)), part.bytes);
    assert.equal([...messagesOf({ mime: 'text/plain', bytes: bytes(CHUNK) })].join()
        .replace(/,[^,]*,cwe/, ',…,cwe'), `cws,${CHUNK},cwd,…,cwe`);
});

test('the server says it in one message', () => {
    const assembler = new Assembler();

    assert.deepEqual(assembler.take('clipboard,AAcO'), { mime: 'text/plain', bytes: bytes(3) });
    assert.deepEqual(assembler.take('clipboard,'), { mime: 'text/plain', bytes: bytes(0) });
    assert.deepEqual(assembler.take('clipboard_binary,image/png,AA=='),
                     { mime: 'image/png', bytes: bytes(1) });
    assert.equal(assembler.take('clipboard,not base64'), null);
});

test('or in several', () => {
    const assembler = new Assembler();

    assert.equal(assembler.take('clipboard_start,image/png,4'), null);
    assert.equal(assembler.take('clipboard_data,AAcO'), null);
    assert.equal(assembler.take('clipboard_data,FQ=='), null);
    assert.deepEqual(assembler.take('clipboard_finish'), { mime: 'image/png', bytes: bytes(4) });
    assert.equal(assembler.take('clipboard_finish'), null);
});

test('what does not add up is nothing', () => {
    for (const messages of [
        ['clipboard_start,image/png,5', 'clipboard_data,AAcO'],
        ['clipboard_start,image/png,2', 'clipboard_data,AAcO'],
        ['clipboard_start,image/png,-1', 'clipboard_data,AAcO'],
        ['clipboard_start,image/png,1e99', 'clipboard_data,AAcO'],
        ['clipboard_start,image/png,3', 'clipboard_data,???'],
        ['clipboard_data,AAcO'], []
    ]) {
        const assembler = new Assembler();

        for (const message of messages) {
            assert.equal(assembler.take(message), null);
        }

        assert.equal(assembler.take('clipboard_finish'), null, messages.join());
    }
});

test('a new one ends the one before it', () => {
    const assembler = new Assembler();

    assembler.take('clipboard_start,image/png,6');
    assembler.take('clipboard_data,AAcO');
    assembler.take('clipboard_start,text/html,3');
    assembler.take('clipboard_data,AAcO');
    assert.deepEqual(assembler.take('clipboard_finish'), { mime: 'text/html', bytes: bytes(3) });
});

test('contents are compared by what they show', () => {
    const image = (/** @type {number} */ n) => ({ text: '', html: '',
        image: { mime: 'image/png', bytes: bytes(n) } });

    assert.ok(same({ text: 'a', html: '', image: null }, { text: 'a', html: '<b>a', image: null }));
    assert.ok(!same({ text: 'a', html: '', image: null }, { text: 'b', html: '', image: null }));
    assert.ok(same(image(5), image(5)));
    assert.ok(!same(image(5), image(6)));
    assert.ok(isEmpty({ text: '', html: '', image: null }));
    assert.ok(!isEmpty(image(0)));
});

test('sizes are readable', () => {
    assert.equal(sizeOf(10), '1 KB');
    assert.equal(sizeOf(102400), '100 KB');
    assert.equal(sizeOf(16 << 20), '16 MB');
});
