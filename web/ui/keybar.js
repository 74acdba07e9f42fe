/**
 * The keys a soft keyboard lacks, in a bar above it. A modifier that is tapped
 * holds for the next key, tapped twice until it is tapped again.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element, icon } from './dom.js';
import { ALT_L, CONTROL_L, DELETE, SHIFT_L, SUPER_L, isModifier } from '../input/keysyms.js';

const TWICE_MS = 400;
const HOLD_MS = 350;
/** What covers less of the page is no keyboard, CSS pixels. */
const KEYBOARD_PX = 100;

/** What is on a key, what it is called, and its keysym; 0 is a key of the bar. The
 *  arrows lie as they do on a keyboard.
 *
 * @type {[string, string, number][]} */
const KEYS = [['Esc', 'Escape', 0xff1b], ['Tab', 'Tab', 0xff09], ['Shift', 'Shift', SHIFT_L],
              ['Home', 'Home', 0xff50], ['↑', 'Up', 0xff52], ['End', 'End', 0xff57],
              ['', 'Hide the keyboard', 0],
              ['Ctrl', 'Control', CONTROL_L], ['Alt', 'Alt', ALT_L],
              ['Super', 'Super', SUPER_L], ['←', 'Left', 0xff51], ['↓', 'Down', 0xff54],
              ['→', 'Right', 0xff53], ['Fn', 'More keys', 0]];
/** @type {[string, string, number][]} */
const MORE = [['F1', 'F1', 0xffbe], ['F2', 'F2', 0xffbf], ['F3', 'F3', 0xffc0],
              ['F4', 'F4', 0xffc1], ['F5', 'F5', 0xffc2], ['F6', 'F6', 0xffc3],
              ['F7', 'F7', 0xffc4], ['F8', 'F8', 0xffc5], ['F9', 'F9', 0xffc6],
              ['F10', 'F10', 0xffc7], ['F11', 'F11', 0xffc8], ['F12', 'F12', 0xffc9],
              ['Ins', 'Insert', 0xff63], ['Del', 'Delete', DELETE],
              ['PgUp', 'Page up', 0xff55], ['PgDn', 'Page down', 0xff56]];

class Keybar {
    /** @param {import('./toolbar.js').Parts} parts */
    constructor(parts) {
        this.session = parts.session;
        this.keyboard = parts.keyboard;
        this.pointer = parts.pointer;
        this.open = false;
        this.raised = false;
        /** @type {Map<number, HTMLButtonElement>} */
        this.modifiers = new Map();
        this.tapped = { keysym: 0, at: -Infinity };

        this.more = element('div', { class: 'more', hidden: '' },
            ...MORE.map(row => this.key(...row)));
        this.bar = element('div', { id: 'keybar', role: 'toolbar', hidden: '',
                                    'aria-label': 'Keys of the desktop' },
            this.more,
            element('div', {}, ...KEYS.map(row => row[2] === 0 ? this.own(row[0], row[1])
                : isModifier(row[2]) ? this.modifier(...row) : this.key(...row))));

        /* the keyboard stays only as long as its field has the focus */
        this.bar.addEventListener('mousedown', event => event.preventDefault());
        document.body.append(this.bar);
        this.session.on('sticky', () => this.showSticky());
        this.session.on('control', () => !this.session.control && this.show(false));

        for (const event of ['resize', 'scroll']) {
            globalThis.visualViewport?.addEventListener(event, () => this.place());
        }
    }

    /** A key that is the bar's: it shows more of them, or sends all away.
     *
     * @param {string} text
     * @param {string} name
     */
    own(text, name) {
        const shut = text === '';
        const made = button({ text, title: name, run: () => {
            if (shut) {
                this.show(false);
                return;
            }

            this.more.hidden = !this.more.hidden;
            made.setAttribute('aria-expanded', String(!this.more.hidden));
            this.place();
        } });

        made.setAttribute('aria-label', name);

        if (shut) {
            made.prepend(icon('close'));
        } else {
            made.setAttribute('aria-expanded', 'false');
        }

        return made;
    }

    /**
     * @param {string} text
     * @param {string} name
     * @param {number} keysym
     */
    key(text, name, keysym) {
        const code = `bar ${keysym}`;
        const { keyboard } = this;
        let timer = 0;
        let held = false;

        /* a key that is held repeats */
        const made = button({ text, run: () => {
            if (!held) {
                keyboard.type([keysym]);
            }
            held = false;
        } });
        const end = () => {
            clearTimeout(timer);

            if (keyboard.held.has(code)) {
                keyboard.release(code);
                keyboard.unstick();
            }
        };

        made.setAttribute('aria-label', name);
        made.addEventListener('pointerdown', () => {
            held = false;
            timer = window.setTimeout(() => {
                held = true;
                keyboard.press(code, keysym);
            }, HOLD_MS);
        });

        for (const event of ['pointerup', 'pointercancel', 'pointerleave']) {
            made.addEventListener(event, end);
        }

        made.addEventListener('contextmenu', event => event.preventDefault());
        return made;
    }

    /**
     * @param {string} text
     * @param {string} name
     * @param {number} keysym
     */
    modifier(text, name, keysym) {
        const made = button({ text, run: () => {
            const now = performance.now();
            const twice = this.tapped.keysym === keysym
                          && now - this.tapped.at < TWICE_MS;

            this.tapped = { keysym, at: now };
            this.keyboard.stick(keysym, twice);
        } });

        made.setAttribute('aria-label', name);
        made.setAttribute('aria-pressed', 'false');
        this.modifiers.set(keysym, made);
        return made;
    }

    showSticky() {
        for (const [keysym, item] of this.modifiers) {
            const how = this.keyboard.sticky.get(keysym);

            item.setAttribute('aria-pressed', String(how !== undefined));
            item.classList.toggle('locked', how === 'locked');
        }
    }

    /** @param {boolean} on */
    show(on) {
        this.open = on;
        this.raised = false;
        this.bar.hidden = !on;
        this.keyboard.callSoft(on);
        this.place();
    }

    /** Above the keyboard, which covers the lower part of the page. */
    place() {
        const view = globalThis.visualViewport;
        /* a page that is magnified itself says nothing of a keyboard */
        const covered = !this.open || view === null || view === undefined || view.scale > 1.05
            ? 0 : Math.max(0, innerHeight - view.height - view.offsetTop);

        if (covered > KEYBOARD_PX) {
            this.raised = true;
        } else if (this.raised && view !== null && view.scale < 1.05) {
            /* it went away by its own button */
            this.show(false);
            return;
        }

        this.bar.style.bottom = `${covered}px`;
        this.pointer.view.cover(this.open ? covered + this.bar.offsetHeight : 0,
                                this.pointer.spot());
    }
}


/** @type {Keybar | null} */
let bar = null;

/** Calls the soft keyboard with its bar, or sends both away.
 *
 * @param {import('./toolbar.js').Parts} parts */
export function toggle(parts) {
    bar ??= new Keybar(parts);
    bar.show(!bar.open);
}
