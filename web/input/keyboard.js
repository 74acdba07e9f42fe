/**
 * The keyboard in text mode: KeyboardEvent.key becomes a keysym, text of input
 * methods and dead keys is typed. Whatever is pressed here is released when the
 * page stops seeing the keyboard.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { ALT_L, BACKSPACE, CAPS_LOCK, CONTROL_L, DELETE, LEVEL3_SHIFT, RETURN,
         SUPER_L, isModifier, keysymOf, keysymsOfText, macKeysym } from './keysyms.js';

const HEARTBEAT_MS = 200;
const ALTGR_WINDOW_MS = 50;
const CONTROL_DELAY_MS = 100;

/** A character that a soft keyboard can delete. */
const SENTINEL = '\u200b';

/** Modifiers a browser reports, and the keysyms held for them.
 *
 * @type {[string, number[]][]} */
const REPORTED = [
    ['Shift', [0xffe1, 0xffe2]], ['Control', [0xffe3, 0xffe4]],
    ['Alt', [0xffe9, 0xffea]], ['Meta', [0xffe7, 0xffe8, 0xffeb, 0xffec]],
    ['AltGraph', [LEVEL3_SHIFT]]
];

export class Keyboard {
    /**
     * @param {import('../session.js').Session} session
     * @param {HTMLElement} stage
     * @param {import('./pointer.js').Pointer} pointer
     */
    constructor(session, stage, pointer) {
        this.session = session;
        this.pointer = pointer;
        this.field = /** @type {HTMLTextAreaElement} */ (stage.querySelector('#keys'));
        /** @type {Map<string, number>} what each physical key holds down */
        this.held = new Map();
        /** @type {{ code: string, at: number, timer: number } | null} */
        this.delayed = null;
        this.afterDead = false;
        this.mac = /Mac|iPhone|iPad/.test(navigator.platform);
        this.windows = /Win/.test(navigator.platform);
        /** @type {Record<string, () => void>} local chords, by letter */
        this.chords = {};
        this.heartbeat = 0;

        this.listen();
        session.on('released', () => this.forget());
        session.on('control', () => this.focus());
        this.focus();
    }

    listen() {
        const field = this.field;

        field.addEventListener('keydown', event => this.down(event));
        field.addEventListener('keyup', event => this.up(event));
        field.addEventListener('beforeinput', event => this.input(event));
        field.addEventListener('compositionstart', () => this.flush());
        field.addEventListener('compositionend', event => {
            this.type(keysymsOfText(event.data));
            this.reset();
        });
        field.addEventListener('blur', () => {
            this.releaseAll();
            window.setTimeout(() => this.refocus(), 0);
        });
        addEventListener('blur', () => this.releaseAll());
        addEventListener('focus', () => this.refocus());
        addEventListener('pagehide', () => this.releaseAll());
        document.addEventListener('visibilitychange', () => {
            if (document.visibilityState === 'hidden') {
                this.releaseAll();
            }
        });
        document.addEventListener('fullscreenchange', () => this.fullscreen());
        this.reset();
    }

    focus() {
        if (this.session.control) {
            this.field.focus({ preventScroll: true });
        }
    }

    /** Keys must not get lost because nothing in the page has the focus. */
    refocus() {
        if (document.hasFocus() && document.activeElement === document.body) {
            this.focus();
        }
    }

    reset() {
        this.field.value = SENTINEL;
        this.field.setSelectionRange(1, 1);
    }

    fullscreen() {
        const keyboard = /** @type {any} */ (navigator).keyboard;

        if (document.fullscreenElement !== null) {
            void keyboard?.lock?.().catch(() => undefined);
        } else {
            keyboard?.unlock?.();
            this.releaseAll();
        }
    }

    /* ---- events ---- */

    /** @param {KeyboardEvent} event */
    down(event) {
        if (event.isComposing || event.key === 'Process' || event.keyCode === 229) {
            return;
        }

        if (this.chord(event)) {
            return;
        }

        if (!this.session.control) {
            return;
        }

        if (event.key === 'Dead') {
            this.afterDead = true;
            return;
        }

        const printable = Array.from(event.key).length === 1;

        /* after a dead key only the text that comes is right, unless the
           browser has composed it already */
        if (this.afterDead && printable && event.key <= '\x7f'
            && !event.ctrlKey && !event.metaKey)
        {
            return;
        }

        const keysym = this.keysym(event);

        if (!isModifier(keysym)) {
            this.afterDead = false;
        }

        if (keysym === 0) {
            return;
        }

        event.preventDefault();

        if (event.repeat || this.altGraph(event, keysym)) {
            return;
        }

        this.pointer.flush();
        this.releaseStale(event);

        if (this.mac && event.metaKey && !isModifier(keysym)) {
            this.macCommand(keysym);
        } else if (keysym === CAPS_LOCK && this.mac) {
            this.type([keysym]);
        } else {
            this.press(event.code || `key ${keysym}`, keysym);
        }
    }

    /** @param {KeyboardEvent} event */
    up(event) {
        if (this.delayed !== null && event.code === this.delayed.code) {
            this.flush();
        }

        const code = event.code || `key ${this.keysym(event)}`;

        if (this.held.has(code)) {
            event.preventDefault();
            this.pointer.flush();
            this.release(code);
        }

        /* macOS sends no key-up for what went down under Command */
        if (this.mac && event.key === 'Meta') {
            this.releaseAll();
        }
    }

    /** Text that no key event explains: soft keyboards, dead keys, dictation.
     *
     *  @param {InputEvent} event */
    input(event) {
        if (event.isComposing || /Composition/.test(event.inputType)) {
            return;
        }

        event.preventDefault();
        this.afterDead = false;
        this.pointer.flush();

        if (event.inputType.startsWith('deleteContentForward')) {
            this.type([DELETE]);
        } else if (event.inputType.startsWith('delete')) {
            this.type([BACKSPACE]);
        } else if (/LineBreak|Paragraph/.test(event.inputType)) {
            this.type([RETURN]);
        } else if (event.inputType === 'insertText') {
            this.type(keysymsOfText(event.data ?? ''));
        }
    }

    /** Ctrl+Shift+letter that stays here.
     *
     *  @param {KeyboardEvent} event */
    chord(event) {
        const action = event.ctrlKey && event.shiftKey && !event.altKey
            ? this.chords[event.code] : undefined;

        if (action === undefined) {
            return false;
        }

        event.preventDefault();

        if (!event.repeat) {
            this.releaseAll();
            action();
        }

        return true;
    }

    /** @param {KeyboardEvent} event */
    keysym(event) {
        const keysym = keysymOf(event.key, event.location);

        if (event.key === 'Alt' && event.code === 'AltRight' && this.windows
            && event.getModifierState('AltGraph'))
        {
            return LEVEL3_SHIFT;
        }

        return this.mac ? macKeysym(keysym) : keysym;
    }

    /** Windows says AltGr as ControlLeft with AltRight right behind it.
     *
     *  @param {KeyboardEvent} event
     *  @param {number} keysym
     *  @returns {boolean} true when the event is dealt with */
    altGraph(event, keysym) {
        if (this.windows && event.code === 'ControlLeft' && !this.held.has(event.code)) {
            this.delayed = { code: event.code, at: event.timeStamp,
                timer: window.setTimeout(() => this.flush(), CONTROL_DELAY_MS) };
            return true;
        }

        const delayed = this.delayed;

        if (delayed !== null && event.code === 'AltRight'
            && event.timeStamp - delayed.at < ALTGR_WINDOW_MS)
        {
            clearTimeout(delayed.timer);
            this.delayed = null;
            this.press(event.code, LEVEL3_SHIFT);
            return true;
        }

        this.flush();
        return keysym === 0;
    }

    /** A Control that waited for AltGr was just a Control. */
    flush() {
        if (this.delayed !== null) {
            clearTimeout(this.delayed.timer);
            const code = this.delayed.code;
            this.delayed = null;
            this.press(code, CONTROL_L);
        }
    }

    /** Command and a key is Control and that key, as a tap.
     *
     *  @param {number} keysym */
    macCommand(keysym) {
        for (const [code, down] of this.held) {
            if (down === ALT_L || down === SUPER_L) {
                this.release(code);
            }
        }

        if (!this.held.has('command')) {
            this.press('command', CONTROL_L);
        }

        this.type([keysym]);
    }

    /* ---- what the server hears ---- */

    /** @param {string} code
     *  @param {number} keysym */
    press(code, keysym) {
        if (this.held.has(code)) {
            return;
        }

        this.held.set(code, keysym);
        this.session.send([`kd,${keysym}`], !isModifier(keysym));

        if (this.heartbeat === 0) {
            this.heartbeat = window.setInterval(() => this.beat(), HEARTBEAT_MS);
        }
    }

    /** @param {string} code */
    release(code) {
        const keysym = this.held.get(code);

        if (keysym !== undefined) {
            this.held.delete(code);
            this.session.send([`ku,${keysym}`]);
        }
    }

    /** Taps each key in turn.
     *
     *  @param {number[]} keysyms */
    type(keysyms) {
        this.flush();

        if (keysyms.length > 0 && this.session.control) {
            this.session.send(keysyms.flatMap(k => [`kd,${k}`, `ku,${k}`]), true);
        }
    }

    /** Presses keys together and releases them in reverse.
     *
     *  @param {number[]} keysyms */
    combination(keysyms) {
        if (this.session.control) {
            this.session.send([...keysyms.map(k => `kd,${k}`),
                               ...keysyms.toReversed().map(k => `ku,${k}`)], true);
        }
    }

    /** Releases modifiers whose key-up went to somebody else.
     *
     *  @param {KeyboardEvent} event */
    releaseStale(event) {
        for (const [name, keysyms] of REPORTED) {
            if (this.mac && name !== 'Shift' || event.getModifierState(name)) {
                continue;
            }

            for (const [code, keysym] of this.held) {
                if (keysyms.includes(keysym) && code !== event.code
                    && code !== 'AltRight')
                {
                    this.release(code);
                }
            }
        }
    }

    releaseAll() {
        if (this.delayed !== null) {
            clearTimeout(this.delayed.timer);
            this.delayed = null;
        }

        this.afterDead = false;

        if (this.held.size > 0 && this.session.control) {
            this.session.send([...Array.from(this.held.values(), k => `ku,${k}`), 'kr']);
        }

        this.forget();
    }

    /** The server has released, or will release, all of it by itself. */
    forget() {
        this.held.clear();
        clearInterval(this.heartbeat);
        this.heartbeat = 0;
    }

    beat() {
        if (this.held.size === 0) {
            this.forget();
        } else if (this.session.extended) {
            this.session.send(['kh,' + [...this.held.values()].join(',')]);
        }
    }
}
