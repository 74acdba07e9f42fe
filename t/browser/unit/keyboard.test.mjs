/* Sequences of key events to messages, on every kind of system. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { setUp } from './keyboard-page.mjs';

/** @type {any} */
const world = globalThis;

test('a key goes down and up once, whatever the system repeats', () => {
    const { down, up, take } = setUp('Linux x86_64');

    assert.equal(down('a', 'KeyA').prevented, true);
    assert.equal(down('a', 'KeyA', { repeat: true }).prevented, true);
    up('a', 'KeyA');
    up('a', 'KeyA');
    assert.deepEqual(take(), ['kd,97', 'ku,97']);
});

test('a key-up names the keysym of its key-down', () => {
    const { down, up, take } = setUp('Linux x86_64');

    down('Shift', 'ShiftLeft', { location: 1 });
    down('A', 'KeyA', { mods: ['Shift'] });
    up('Shift', 'ShiftLeft', { location: 1 });
    up('a', 'KeyA');
    assert.deepEqual(take(), ['kd,65505', 'kd,65', 'ku,65505', 'ku,65']);
});

test('a German layout: umlauts, sharp s, AltGr', () => {
    const { down, up, take } = setUp('Linux x86_64');

    down('ö', 'Semicolon');
    up('ö', 'Semicolon');
    down('ß', 'Minus');
    up('ß', 'Minus');
    down('AltGraph', 'AltRight', { location: 2 });
    down('@', 'KeyQ', { mods: ['AltGraph'] });
    up('@', 'KeyQ', { mods: ['AltGraph'] });
    down('€', 'KeyE', { mods: ['AltGraph'] });
    up('€', 'KeyE', { mods: ['AltGraph'] });
    up('AltGraph', 'AltRight', { location: 2 });
    assert.deepEqual(take(), ['kd,246', 'ku,246', 'kd,223', 'ku,223', 'kd,65027', 'kd,64',
                              'ku,64', `kd,${0x010020ac}`, `ku,${0x010020ac}`, 'ku,65027']);
});

test('AltGr on Windows is not Control and Alt', () => {
    const { down, up, take } = setUp('Win32');

    assert.equal(down('Control', 'ControlLeft', { location: 1 }).prevented, true);
    down('AltGraph', 'AltRight', { location: 2, after: 2, mods: ['AltGraph'] });
    down('@', 'KeyQ', { mods: ['Control', 'Alt', 'AltGraph'] });
    up('@', 'KeyQ', { mods: ['Control', 'Alt', 'AltGraph'] });
    up('Control', 'ControlLeft', { location: 1 });
    up('AltGraph', 'AltRight', { location: 2 });
    assert.deepEqual(take(), ['kd,65027', 'kd,64', 'ku,64', 'ku,65027']);
});

test('Control on Windows is sent late, but before what follows', () => {
    const { down, up, take, timers } = setUp('Win32');

    down('Control', 'ControlLeft', { location: 1 });
    assert.deepEqual(take(), []);
    down('c', 'KeyC', { mods: ['Control'], after: 60 });
    up('c', 'KeyC', { mods: ['Control'] });
    up('Control', 'ControlLeft', { location: 1 });
    assert.deepEqual(take(), ['kd,65507', 'kd,99', 'ku,99', 'ku,65507']);

    down('Control', 'ControlLeft', { location: 1 });
    timers.filter(timer => timer.ms === 100).at(-1)?.call();
    assert.deepEqual(take(), ['kd,65507']);
    up('Control', 'ControlLeft', { location: 1 });
    assert.deepEqual(take(), ['ku,65507']);

    /* shorter than the delay */
    down('Control', 'ControlLeft', { location: 1 });
    up('Control', 'ControlLeft', { location: 1, after: 20 });
    assert.deepEqual(take(), ['kd,65507', 'ku,65507']);
});

test('a dead key: the text that comes is what is typed', () => {
    const { down, up, input, take } = setUp('Linux x86_64');

    assert.equal(down('Dead', 'Equal').prevented, false);
    up('Dead', 'Equal');
    assert.equal(down('e', 'KeyE').prevented, false);
    input('insertText', 'é');
    up('e', 'KeyE');
    assert.deepEqual(take(), ['kd,233', 'ku,233']);

    /* a browser that has composed it in the key event */
    down('Dead', 'Equal');
    assert.equal(down('é', 'KeyE').prevented, true);
    up('é', 'KeyE');
    assert.deepEqual(take(), ['kd,233', 'ku,233']);

    /* a capital: Shift comes between */
    down('Dead', 'Equal');
    down('Shift', 'ShiftLeft', { location: 1 });
    assert.equal(down('E', 'KeyE', { mods: ['Shift'] }).prevented, false);
    input('insertText', 'É');
    up('Shift', 'ShiftLeft', { location: 1 });
    assert.deepEqual(take(), ['kd,65505', 'kd,201', 'ku,201', 'ku,65505']);

    /* dead key and something else */
    down('Dead', 'Equal');
    down('Escape', 'Escape');
    up('Escape', 'Escape');
    assert.equal(down('x', 'KeyX').prevented, true);
    up('x', 'KeyX');
    assert.deepEqual(take(), ['kd,65307', 'ku,65307', 'kd,120', 'ku,120']);
});

test('keys of an input method pass by, its text is typed', () => {
    const { keyboard, event, take, input } = setUp('Linux x86_64');
    const composing = event('n', 'KeyN');

    composing.isComposing = true;
    keyboard.down(composing);
    keyboard.down(Object.assign(event('Process', 'KeyI'), { keyCode: 229 }));
    assert.equal(composing.prevented, false);
    assert.deepEqual(take(), []);
    keyboard.field.dispatchEvent(Object.assign(new Event('compositionend'), { data: '日😀' }));
    assert.deepEqual(take(), ['co,end,日😀']);
    input('insertFromComposition', '日');
    input('deleteCompositionText');
    assert.deepEqual(take(), []);
});

test('a soft keyboard', () => {
    const { input, take } = setUp('Linux armv8l');

    input('insertText', 'ok');
    input('deleteContentBackward');
    input('deleteContentForward');
    input('insertLineBreak');
    assert.deepEqual(take(), ['co,end,ok', 'kd,65288', 'ku,65288', 'kd,65535', 'ku,65535',
                              'kd,65293', 'ku,65293']);
});

test('a modifier the browser reports up is released first', () => {
    const { down, take } = setUp('Linux x86_64');

    down('Alt', 'AltLeft', { location: 1 });
    down('Tab', 'Tab', { mods: ['Alt'] });
    take();
    down('a', 'KeyA');
    assert.deepEqual(take(), ['ku,65513', 'kd,97']);
});

test('Command on macOS is Control, and its keys are taps', () => {
    const { down, up, take } = setUp('MacIntel');

    down('Meta', 'MetaLeft', { location: 1, mods: ['Meta'] });
    down('c', 'KeyC', { mods: ['Meta'] });
    down('v', 'KeyV', { mods: ['Meta'] });
    up('Meta', 'MetaLeft', { location: 1 });
    assert.deepEqual(take(), ['kd,65513', 'ku,65513', 'kd,65507', 'kd,99', 'ku,99', 'kd,118',
                              'ku,118', 'ku,65507', 'kr']);
});

test('CapsLock on macOS is a tap', () => {
    const { down, take } = setUp('MacIntel');

    down('CapsLock', 'CapsLock');
    assert.deepEqual(take(), ['kd,65509', 'ku,65509']);
});

test('everything held is released when the page loses the keyboard', () => {
    const { keyboard, down, take } = setUp('Linux x86_64');

    down('Shift', 'ShiftLeft', { location: 1 });
    down('W', 'KeyW', { mods: ['Shift'] });
    take();
    keyboard.field.dispatchEvent(new Event('blur'));
    assert.deepEqual(take(), ['ku,65505', 'ku,87', 'kr']);
    keyboard.field.dispatchEvent(new Event('blur'));
    assert.deepEqual(take(), []);
});

test('keys are taken back when nothing in the page has the focus', () => {
    const { keyboard, timers } = setUp('Linux x86_64');
    const field = /** @type {any} */ (keyboard.field);
    const before = field.focused;

    field.dispatchEvent(new Event('blur'));
    timers.splice(0).forEach(timer => timer.call());
    assert.equal(field.focused, before + 1);

    /* a button of the toolbar keeps what it got */
    world.document.activeElement = {};
    field.dispatchEvent(new Event('blur'));
    timers.splice(0).forEach(timer => timer.call());
    assert.equal(field.focused, before + 1);
});

test('the heartbeat names what is held and ends with it', () => {
    const { keyboard, session, down, up, take, timers } = setUp('Linux x86_64');

    down('w', 'KeyW');
    down('d', 'KeyD');
    take();
    assert.equal(timers[0]?.ms, 200);
    timers[0]?.call();
    assert.deepEqual(take(), ['kh,119,100']);
    session.extended = false;
    timers[0]?.call();
    assert.deepEqual(take(), []);
    up('w', 'KeyW');
    up('d', 'KeyD');
    timers[0]?.call();
    assert.equal(keyboard.heartbeat, 0);
});

test('local chords stay here, with nothing left held', () => {
    const { keyboard, down, up, take } = setUp('Linux x86_64');
    let called = 0;

    keyboard.chords.KeyM = () => called++;
    down('Control', 'ControlLeft', { location: 1 });
    down('Shift', 'ShiftLeft', { location: 1, mods: ['Control'] });
    assert.equal(down('M', 'KeyM', { mods: ['Control', 'Shift'] }).prevented, true);
    down('M', 'KeyM', { mods: ['Control', 'Shift'], repeat: true });
    up('M', 'KeyM', { mods: ['Control', 'Shift'] });
    assert.equal(called, 1);
    assert.deepEqual(take(), ['kd,65507', 'kd,65505', 'ku,65507', 'ku,65505', 'kr']);
});

test('a viewer sends nothing', () => {
    const { session, down, up, input, take, keyboard } = setUp('Linux x86_64');

    session.control = false;
    assert.equal(down('a', 'KeyA').prevented, false);
    up('a', 'KeyA');
    input('insertText', 'a');
    keyboard.combination([0xffe3, 0x63]);
    assert.deepEqual(take(), []);
});

test('a shortcut in another script is the Latin key of its place', () => {
    const { down, up, take } = setUp('Win32');

    down('ψ', 'KeyC', { mods: ['Control'] });
    up('ψ', 'KeyC', { mods: ['Control'] });
    down('Ш', 'KeyI', { mods: ['Control', 'Shift'] });
    up('Ш', 'KeyI');
    down('ש', 'KeyA', { mods: ['Control'] });
    up('ש', 'KeyA');
    down('ش', 'KeyA', { mods: ['Alt'] });
    up('ش', 'KeyA');
    assert.deepEqual(take(), ['kd,99', 'ku,99', 'kd,73', 'ku,73', 'kd,97', 'ku,97', 'kd,97',
                              'ku,97']);

    /* no shortcut, or Latin all the same */
    down('ψ', 'KeyC');
    up('ψ', 'KeyC');
    down('w', 'KeyZ', { mods: ['Control'] });
    up('w', 'KeyZ');
    down('ł', 'KeyL', { mods: ['Control', 'Alt', 'AltGraph'] });
    up('ł', 'KeyL');
    down('é', 'Digit2', { mods: ['Control'] });
    assert.deepEqual(take(), ['kd,16778184', 'ku,16778184', 'kd,119', 'ku,119',
                              'kd,16777538', 'ku,16777538', 'kd,233']);
});

test('Option on macOS writes, it is no command', () => {
    const { down, up, take } = setUp('MacIntel');

    down('Alt', 'AltLeft', { location: 1, mods: ['Alt'] });
    down('å', 'KeyA', { mods: ['Alt'] });
    up('å', 'KeyA', { mods: ['Alt'] });
    up('Alt', 'AltLeft', { location: 1 });
    down('Alt', 'AltRight', { location: 2, mods: ['Alt'] });
    down('π', 'KeyP', { mods: ['Alt'] });
    up('π', 'KeyP', { mods: ['Alt'] });
    up('Alt', 'AltRight', { location: 2 });
    assert.deepEqual(take(), ['kd,65406', 'kd,229', 'ku,229', 'ku,65406', 'kd,65027',
                              'kd,16778176', 'ku,16778176', 'ku,65027']);
});

test('Command and a Cyrillic letter', () => {
    const { down, take } = setUp('MacIntel');

    down('Meta', 'MetaLeft', { location: 1, mods: ['Meta'] });
    take();
    down('с', 'KeyC', { mods: ['Meta'] });
    assert.deepEqual(take(), ['ku,65513', 'kd,65507', 'kd,99', 'ku,99']);
});

test('both Shift keys on Windows, which reports the last to go up', () => {
    const { down, up, take } = setUp('Win32');

    down('Shift', 'ShiftLeft', { location: 1, mods: ['Shift'] });
    down('Shift', 'ShiftRight', { location: 2, mods: ['Shift'] });
    up('Shift', 'ShiftRight', { location: 2 });
    assert.deepEqual(take(), ['kd,65505', 'kd,65506', 'ku,65506', 'ku,65505']);
});

test('keys without a key-up are taps', () => {
    const { down, up, take } = setUp('Win32');

    down('Hankaku', 'Backquote');
    down('KanaMode', 'KanaMode');
    up('KanaMode', 'KanaMode');
    down('HangulMode', 'AltRight');
    assert.deepEqual(take(), ['kd,65321', 'ku,65321', 'kd,65325', 'ku,65325', 'kd,65329',
                              'ku,65329']);
});

test('PrintScreen on Windows, of which there is the key-up alone', () => {
    const { keyboard, event, take } = setUp('Win32');
    const made = event('PrintScreen', 'PrintScreen');

    made.target = keyboard.field;
    keyboard.up(made);
    assert.deepEqual(take(), ['kd,65377', 'ku,65377']);
});
