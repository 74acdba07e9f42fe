/**
 * The keyboard in text mode: KeyboardEvent.key becomes a keysym; text that no key
 * explains is in ime.js. Whatever is pressed here is released when the page stops
 * seeing the keyboard.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { Composer } from './ime.js';
import { ALT_L, CAPS_LOCK, CONTROL_L, LEVEL3_SHIFT, SHIFT_L, SUPER_L, isModifier, isTap,
         keysymOf, keysymsOfText, latinOf, macKeysym } from './keysyms.js';

const HEARTBEAT_MS = 200;
const ALTGR_WINDOW_MS = 50;
const CONTROL_DELAY_MS = 100;

/** Characters of one message; the server keeps 64 KiB waiting. */
const TEXT_PART = 4096;

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
        /** keys come from the glass */
        this.soft = matchMedia('(pointer: coarse)').matches;
        /** modifiers of the bar above a soft keyboard: for one key, or until
         *  they are let go
         *
         * @type {Map<number, 'once' | 'locked'>} */
        this.sticky = new Map();
        /** @type {Record<string, () => void>} local chords, by letter */
        this.chords = {};
        this.heartbeat = 0;
        /** whether the browser must see a key, see clipboard.js */
        this.beforeKey = /** @type {(event: KeyboardEvent) => boolean} */ (() => false);
        this.composer = new Composer(this);

        if (this.soft) {
            this.field.inputMode = 'none';
        }

        this.listen();
        session.on('released', () => this.forget());
        session.on('control', () => this.focus());
        this.focus();
    }

    listen() {
        const field = this.field;

        field.addEventListener('keydown', event => this.down(event));
        field.addEventListener('keyup', event => this.up(event));
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

    /** A soft keyboard comes only when it is called.
     *
     *  @param {boolean} on */
    callSoft(on) {
        const { field } = this;

        field.inputMode = on || !this.soft ? '' : 'none';

        /* one that has the focus already would not notice */
        field.blur();

        if (on) {
            this.focus();
            /** @type {any} */ (navigator).virtualKeyboard?.show?.();
        }
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

        if (!this.beforeKey(event)) {
            event.preventDefault();
        }

        if (event.repeat || this.altGraph(event, keysym)) {
            return;
        }

        this.pointer.flush();
        this.releaseStale(event);

        if (this.sticky.size > 0 && printable) {
            this.text(event.key);
            return;
        }

        if (this.mac && event.metaKey && !isModifier(keysym)) {
            this.macCommand(keysym);
        } else if (isTap(event.key) || keysym === CAPS_LOCK && this.mac) {
            /* its key-up comes late or never */
            this.type([keysym]);
        } else {
            this.press(event.code || `key ${keysym}`, keysym);

            if (!isModifier(keysym)) {
                this.unstick();
            }
        }
    }

    /** @param {KeyboardEvent} event */
    up(event) {
        if (this.delayed !== null && event.code === this.delayed.code) {
            this.flush();
        }

        const code = event.code || `key ${this.keysym(event)}`;

        const held = this.held.has(code);

        if (held) {
            event.preventDefault();
            this.pointer.flush();
            this.release(code);
        }

        /* macOS sends no key-up for what went down under Command */
        if (this.mac && event.key === 'Meta') {
            this.releaseAll();
        }

        /* Windows sends one key-up for both keys, and one alone for this */
        if (this.windows && event.key === 'Shift') {
            this.release('ShiftLeft');
            this.release('ShiftRight');
        } else if (this.windows && event.key === 'PrintScreen' && !held
                   && event.target === this.field)
        {
            this.type([keysymOf(event.key, 0)]);
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
        const command = !event.getModifierState('AltGraph') && (event.ctrlKey
                        || event.metaKey || event.altKey && !this.mac);
        const keysym = command ? latinOf(event.key, event.code, event.location)
                               : keysymOf(event.key, event.location);

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
            this.unstick();
        }
    }

    /** Types a text. Where the server can it is one message, whatever keys are
     *  held; modifiers of the bar are for keys.
     *
     *  @param {string} text */
    text(text) {
        const chars = Array.from(text);

        if (this.sticky.size > 0) {
            this.type(keysymsOfText(this.cased(text)));

        } else if (chars.length > 1 && this.session.extended && this.session.control) {
            this.flush();

            for (let i = 0; i < chars.length; i += TEXT_PART) {
                this.session.send(
                    ['co,end,' + chars.slice(i, i + TEXT_PART).join('')], true);
            }

        } else {
            this.type(keysymsOfText(text));
        }
    }

    /** What a soft keyboard says is not what the bar's modifiers make of it.
     *
     *  @param {string} text */
    cased(text) {
        return this.sticky.has(SHIFT_L) ? text.toUpperCase() : text.toLowerCase();
    }

    /** A tap holds a modifier for the next key, a second one until a third.
     *
     *  @param {number} keysym
     *  @param {boolean} twice */
    stick(keysym, twice) {
        if (this.sticky.get(keysym) === 'once' && twice) {
            this.sticky.set(keysym, 'locked');
        } else if (this.sticky.has(keysym)) {
            this.sticky.delete(keysym);
            this.release(`bar ${keysym}`);
        } else if (this.session.control) {
            this.sticky.set(keysym, 'once');
            this.press(`bar ${keysym}`, keysym);
        }

        this.session.emit('sticky');
    }

    /** The next key has come. */
    unstick() {
        for (const [keysym, how] of this.sticky) {
            if (how === 'once') {
                this.stick(keysym, false);
            }
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
                    && code !== 'AltRight' && !code.startsWith('bar '))
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

        if (this.sticky.size > 0) {
            this.sticky.clear();
            this.session.emit('sticky');
        }

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
