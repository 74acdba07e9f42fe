/* Sequences of key events to messages, on every kind of system. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Keyboard } from '../../../web/input/keyboard.js';

/** @type {any} */
const world = globalThis;

/** A page with nothing but what the keyboard touches.
 *
 * @param {string} platform */
function setUp(platform) {
    /** @type {string[]} */
    const sent = [];
    /** @type {{ call: () => void, ms: number }[]} */
    const timers = [];
    const field = Object.assign(new EventTarget(), {
        value: '', focused: 0, setSelectionRange() {},
        focus() {
            this.focused++;
        } });
    const session = { control: true, extended: true, on() {},
                      /** @param {string[]} texts */
                      send: texts => sent.push(...texts) };
    let time = 1000;

    Object.defineProperty(world, 'navigator', { configurable: true, value: { platform } });
    const body = {};

    world.document = Object.assign(new EventTarget(), { visibilityState: 'visible', body,
                                                        activeElement: body,
                                                        hasFocus: () => true,
                                                        fullscreenElement: null });
    world.addEventListener = () => undefined;
    world.window = {
        /** @param {() => void} call
         *  @param {number} ms */
        setTimeout: (call, ms) => timers.push({ call, ms }),
        /** @param {() => void} call
         *  @param {number} ms */
        setInterval: (call, ms) => timers.push({ call, ms })
    };

    const keyboard = new Keyboard(/** @type {any} */ (session),
                                  /** @type {any} */ ({ querySelector: () => field }),
                                  /** @type {any} */ ({ flush() {} }));
    /**
     * @param {string} key
     * @param {string} code
     * @param {{ mods?: string[], location?: number, repeat?: boolean, after?: number }} [more]
     * @returns {any}
     */
    const event = (key, code, more = {}) => {
        const mods = more.mods ?? [];
        time += more.after ?? 200;
        return { key, code, location: more.location ?? 0, repeat: more.repeat ?? false,
                 isComposing: false, keyCode: 0, timeStamp: time, prevented: false,
                 ctrlKey: mods.includes('Control'), shiftKey: mods.includes('Shift'),
                 altKey: mods.includes('Alt'), metaKey: mods.includes('Meta'),
                 getModifierState: (/** @type {string} */ name) => mods.includes(name),
                 preventDefault() {
                     this.prevented = true;
                 } };
    };

    return {
        keyboard, session, timers, event,
        /** @param {Parameters<typeof event>} what */
        down(...what) {
            const made = event(...what);
            keyboard.down(made);
            return made;
        },
        /** @param {Parameters<typeof event>} what */
        up: (...what) => keyboard.up(event(...what)),
        /** @param {string} inputType
         *  @param {string} [data] */
        input: (inputType, data) => keyboard.input(/** @type {any} */ (
            { inputType, data, isComposing: false, preventDefault() {} })),
        take: () => sent.splice(0)
    };
}

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
    assert.deepEqual(take(), ['kd,16803301', 'ku,16803301', 'kd,16905728', 'ku,16905728']);
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
    assert.deepEqual(take(), ['kd,111', 'ku,111', 'kd,107', 'ku,107', 'kd,65288', 'ku,65288',
                              'kd,65535', 'ku,65535', 'kd,65293', 'ku,65293']);
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
