/* Text of input methods and soft keyboards, modifiers of the bar. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { setUp } from './keyboard-page.mjs';

test('an input method shows what it composes where the pointer is', () => {
    const { field, compose, take } = setUp('Linux x86_64');

    compose(['start', '']);
    assert.equal(field.classes.has('composing'), true);
    assert.deepEqual([field.style.left, field.style.top, field.value], ['7px', '8px', '']);
    compose(['update', 'に'], ['update', 'にほ'], ['update', '日本']);
    assert.deepEqual(take(), []);
    compose(['end', '日本']);
    assert.equal(field.classes.has('composing'), false);
    assert.deepEqual([field.style.left, field.value], ['', '\u200b']);
    assert.deepEqual(take(), ['co,end,日本']);

    /* given up */
    compose(['start', ''], ['update', 'k'], ['end', '']);
    assert.deepEqual(take(), []);
});

test('a server that knows no more than the wire gets keys', () => {
    const { session, compose, take } = setUp('Linux x86_64');

    session.extended = false;
    compose(['start', ''], ['end', 'é日']);
    assert.deepEqual(take(), ['kd,233', 'ku,233', 'kd,16803301', 'ku,16803301']);
});

test('long text goes in parts that are whole characters', () => {
    const { keyboard, take } = setUp('Linux x86_64');

    keyboard.text('😀'.repeat(5000));
    const sent = take();
    assert.equal(sent.length, 2);
    assert.equal(sent.map(text => text.slice(7)).join(''), '😀'.repeat(5000));
    assert.ok(sent.every(text => text.isWellFormed()));
});

test('a soft keyboard composes words: they are typed as they grow', () => {
    const { field, compose, take } = setUp('Linux armv8l', { soft: true });

    assert.equal(field.inputMode, 'none');
    compose(['start', ''], ['update', 'h'], ['update', 'he']);
    assert.deepEqual(take(), ['kd,104', 'ku,104', 'kd,101', 'ku,101']);
    /* the word is replaced, then done */
    compose(['update', 'hat'], ['end', 'hat']);
    assert.deepEqual(take(), ['kd,65288', 'ku,65288', 'co,end,at']);
    compose(['start', ''], ['update', 'x'], ['update', ''], ['end', '']);
    assert.deepEqual(take(), ['kd,120', 'ku,120', 'kd,65288', 'ku,65288']);
});

test('a soft keyboard for Chinese composes what is to be replaced', () => {
    const { compose, take } = setUp('Linux armv8l', { soft: true, language: 'zh-CN' });

    compose(['start', ''], ['update', 'ni'], ['update', 'ni hao'], ['end', '你好']);
    assert.deepEqual(take(), ['co,end,你好']);
});

test('a soft keyboard comes when it is called', () => {
    const { keyboard, field } = setUp('Linux armv8l', { soft: true });
    const before = field.focused;

    keyboard.callSoft(true);
    assert.equal(field.inputMode, '');
    assert.equal(field.focused, before + 1);
    keyboard.callSoft(false);
    assert.equal(field.inputMode, 'none');
});

test('a modifier of the bar holds for one key', () => {
    const { keyboard, take, input, compose } = setUp('Linux armv8l', { soft: true });

    keyboard.stick(0xffe3, false);
    assert.deepEqual(take(), ['kd,65507']);
    input('insertText', 'C');
    assert.deepEqual(take(), ['kd,99', 'ku,99', 'ku,65507']);
    input('insertText', 'c');
    assert.deepEqual(take(), ['kd,99', 'ku,99']);

    /* the word of a soft keyboard, a key with a name, two modifiers */
    keyboard.stick(0xffe9, false);
    compose(['start', ''], ['update', 'f']);
    assert.deepEqual(take(), ['kd,65513', 'kd,102', 'ku,102', 'ku,65513']);
    compose(['end', 'f']);
    keyboard.stick(0xffe3, false);
    keyboard.stick(0xffe1, false);
    keyboard.type([0xff51]);
    assert.deepEqual(take(), ['kd,65507', 'kd,65505', 'kd,65361', 'ku,65361', 'ku,65507',
                              'ku,65505']);

    /* Shift makes capitals */
    keyboard.stick(0xffe1, false);
    input('insertText', 'ä');
    assert.deepEqual(take(), ['kd,65505', 'kd,196', 'ku,196', 'ku,65505']);
});

test('a modifier of the bar tapped twice stays, and is let go with the rest', () => {
    const { keyboard, take, input, field, down } = setUp('Linux armv8l', { soft: true });

    keyboard.stick(0xffe3, false);
    keyboard.stick(0xffe3, true);
    assert.deepEqual(take(), ['kd,65507']);
    input('insertText', 'a');
    input('insertText', 'c');
    assert.deepEqual(take(), ['kd,97', 'ku,97', 'kd,99', 'ku,99']);
    /* a soft keyboard that sends keys, which know of no modifier */
    down('x', '');
    assert.deepEqual(take(), ['kd,120', 'ku,120']);
    keyboard.stick(0xffe3, false);
    assert.deepEqual(take(), ['ku,65507']);
    keyboard.stick(0xffeb, false);
    field.dispatchEvent(new Event('blur'));
    assert.deepEqual(take(), ['kd,65515', 'ku,65515', 'kr']);
    assert.equal(keyboard.sticky.size, 0);
});
