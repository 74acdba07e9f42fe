/**
 * A gamepad under the fingers, over the edges of the picture: to the rest of the
 * page it is one more pad in the standard mapping. What lies between its parts
 * belongs to the desktop. Loaded when it is first wanted.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { watch } from '../input/gamepad.js';
import { button, element, styled } from './dom.js';

/** Whether the user wanted it here; app.js looks, too. */
const KEPT = 'selkies-touchgamepad';
/** Browsers count theirs from 0. */
const INDEX = -1;
const BUTTONS = 17;
const TICK_MS = 8;
/** Two taps within it press a stick, and a button that is clicked holds so long. */
const TAP_MS = 300;
const CLICK_MS = 100;
const SLOP_PX = 10;
/** How far a stick goes, of its width. */
const REACH = 0.36;
/** Nobody's, in the middle of four buttons, of the distance to their rim. */
const MIDDLE = 0.2;
/** The cosine up to which a finger beside a direction holds it, too: a cross has
 *  eight of them, of four buttons two are seldom meant. */
const EIGHT = Math.cos(67.5 / 180 * Math.PI);
const FOUR = Math.cos(55 / 180 * Math.PI);
/** A motor of a phone knows on and off alone: weaker is less often. */
const PULSE_MS = 100;
const PULSE_MIN_MS = 15;
const STEADY = 0.9;
const WEAK = 0.6;

/** Number in the standard mapping, what is on it, what it is called.
 *
 * @typedef {[number, string, string]} Key
 * @typedef {{ x: number, y: number, x0: number, y0: number, at: number,
 *             twice: boolean, part: Part }} Finger  CSS pixels, where it is and was put
 * @typedef {{ host: HTMLElement, tappedAt: number,
 *             hold: (fingers: Finger[]) => void }} Part  told all that are on it
 */

/** @type {Key[]} up, right, down, left */
const DPAD = [[12, '▲', 'Up'], [15, '▶', 'Right'], [13, '▼', 'Down'], [14, '◀', 'Left']];
/** @type {Key[]} */
const FACES = [[3, 'Y', 'Y'], [1, 'B', 'B'], [0, 'A', 'A'], [2, 'X', 'X']];

/**
 * Which of up, right, down and left a finger holds.
 *
 * @param {number} x  from the middle, 1 at the rim
 * @param {number} y
 * @param {number} spread  a cosine
 * @returns {number[]}
 */
export function directions(x, y, spread) {
    const size = Math.hypot(x, y);

    return size < MIDDLE ? [] : [-y, x, y, -x].flatMap((part, i) => part > spread * size ? [i] : []);
}


/** Where a stick is that is pushed there: no further than its rim.
 *
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]} */
export function deflection(x, y) {
    const size = Math.max(1, Math.hypot(x, y));

    return [x / size, y / size];
}


/**
 * @param {number} strong  0 to 1
 * @param {number} weak
 * @param {number} ms
 * @returns {number[]} for navigator.vibrate()
 */
export function pulses(strong, weak, ms) {
    const share = Math.max(strong, weak * WEAK);
    const on = Math.max(PULSE_MIN_MS, Math.round(share * PULSE_MS));

    return share > STEADY ? [ms]
        : Array.from({ length: 2 * Math.ceil(ms / PULSE_MS) - 1 },
                     (_, i) => i % 2 === 0 ? on : PULSE_MS - on);
}


/** Browsers complain of a page that shakes before it was touched.
 *
 * @param {number | number[]} pattern */
function vibrate(pattern) {
    if (navigator.userActivation?.hasBeenActive !== false) {
        navigator.vibrate?.(pattern);
    }
}


class TouchGamepad {
    /** @param {import('../session.js').Session} session */
    constructor(session) {
        this.pads = watch(session);
        this.wanted = false;
        this.chosen = false;
        this.changed = false;
        this.shakesUntil = 0;
        /** @type {Map<number, Finger>} */
        this.fingers = new Map();
        /** @type {Part[]} */
        this.parts = [];
        /** @type {Map<number, HTMLElement>} */
        this.faces = new Map();
        this.pad = {
            index: INDEX, id: 'Touch gamepad', connected: true, mapping: 'standard',
            axes: [0, 0, 0, 0],
            buttons: Array.from({ length: BUTTONS }, () => ({ value: 0 })),
            vibrationActuator: 'vibrate' in navigator ? this.actuator() : null
        };
        this.root = this.build();
        document.body.append(this.root);

        for (const name of ['control', 'settings']) {
            session.on(name, () => this.update());
        }

        addEventListener('gamepadconnected', () => {
            /* it was a guess that there is none */
            if (!this.chosen) {
                this.show(false);
            }
        });
        addEventListener('blur', () => this.letGo());
        document.addEventListener('visibilitychange', () => this.letGo());
    }

    /* ---- what it looks like ---- */

    build() {
        const root = element('section', { id: 'touchgamepad', hidden: '',
                                          'aria-label': 'Touch gamepad' },
            element('div', { class: 'side' },
                element('div', { class: 'top' }, this.key([6, 'LT', 'Left trigger']),
                        this.key([4, 'LB', 'Left shoulder'])),
                this.cross(DPAD, 'Directions', EIGHT), this.stick(10, 0, 'Left stick')),
            element('div', { class: 'middle' }, this.key([8, 'Back', 'Back']),
                this.key([16, 'Home', 'Home']), this.key([9, 'Start', 'Start']), this.shut()),
            element('div', { class: 'side' },
                element('div', { class: 'top' }, this.key([5, 'RB', 'Right shoulder']),
                        this.key([7, 'RT', 'Right trigger'])),
                this.cross(FACES, 'Buttons', FOUR), this.stick(11, 2, 'Right stick')));
        const lift = (/** @type {PointerEvent} */ event) => this.lift(event);

        root.addEventListener('pointermove', event => this.move(event));
        root.addEventListener('pointerup', lift);
        root.addEventListener('pointercancel', lift);
        root.addEventListener('lostpointercapture', lift);
        /* the keyboard stays the desktop's */
        root.addEventListener('mousedown', event => event.preventDefault());
        root.addEventListener('contextmenu', event => event.preventDefault());
        return root;
    }

    shut() {
        const made = button({ text: '', icon: 'close', title: 'Hide the touch gamepad',
                              run: () => this.choose(false) });

        made.setAttribute('aria-label', made.title);
        return made;
    }

    /** @param {Key} key */
    face([n, text, name]) {
        const made = button({ text, run: () => {} });

        made.setAttribute('aria-label', name);
        /* of a keyboard or a screen reader; fingers do not click */
        made.addEventListener('click', event => {
            if (event.detail === 0) {
                this.press(n, true);
                this.tell();
                setTimeout(() => {
                    this.press(n, false);
                    this.tell();
                }, CLICK_MS);
            }
        });
        this.faces.set(n, made);
        return made;
    }

    /** @param {Key} key */
    key(key) {
        return this.part(this.face(key),
                         fingers => this.press(key[0], fingers.length > 0));
    }

    /**
     * Four buttons that a finger also reaches by sliding.
     *
     * @param {Key[]} keys
     * @param {string} name
     * @param {number} spread
     */
    cross(keys, name, spread) {
        const host = element('div', { class: 'cross', role: 'group', 'aria-label': name },
                             ...keys.map(key => this.face(key)));

        return this.part(host, fingers => {
            const { left, top, width } = host.getBoundingClientRect();
            const half = width / 2;
            const held = new Set(fingers.flatMap(({ x, y }) => directions(
                (x - left) / half - 1, (y - top) / half - 1, spread)));

            keys.forEach(([n], i) => this.press(n, held.has(i)));
        });
    }

    /**
     * Its middle is where the finger was put.
     *
     * @param {number} n  pressed by the second of two taps
     * @param {number} axis
     * @param {string} name
     */
    stick(n, axis, name) {
        const knob = element('i', {});
        const host = this.face([n, '', name]);

        host.className = 'stick';
        host.replaceChildren(knob);
        return this.part(host, ([finger]) => {
            const reach = host.offsetWidth * REACH;
            const [x, y] = finger === undefined ? [0, 0] : deflection(
                (finger.x - finger.x0) / reach, (finger.y - finger.y0) / reach);

            this.pad.axes.splice(axis, 2, x, y);
            knob.style.translate = `${x * reach}px ${y * reach}px`;
            this.press(n, finger?.twice === true);
        });
    }

    /* ---- fingers ---- */

    /** @param {HTMLElement} host
     *  @param {Part['hold']} hold */
    part(host, hold) {
        /** @type {Part} */
        const part = { host, hold, tappedAt: -Infinity };

        this.parts.push(part);
        host.addEventListener('pointerdown', event => {
            if (event.button === 0) {
                host.setPointerCapture(event.pointerId);
                this.fingers.set(event.pointerId, {
                    part, at: event.timeStamp, x: event.clientX, y: event.clientY,
                    x0: event.clientX, y0: event.clientY,
                    twice: event.timeStamp - part.tappedAt < TAP_MS });
                this.feel(part);
            }
        });
        /* without this a touch also arrives as a mouse */
        host.addEventListener('touchstart', event => event.preventDefault(),
                              { passive: false });
        return host;
    }

    /** @param {PointerEvent} event */
    move(event) {
        const finger = this.fingers.get(event.pointerId);

        if (finger !== undefined) {
            finger.x = event.clientX;
            finger.y = event.clientY;
            this.feel(finger.part);
        }
    }

    /** @param {PointerEvent} event */
    lift(event) {
        const finger = this.fingers.get(event.pointerId);

        if (this.fingers.delete(event.pointerId) && finger !== undefined) {
            const tap = event.type === 'pointerup' && !finger.twice
                && event.timeStamp - finger.at < TAP_MS
                && Math.hypot(finger.x - finger.x0, finger.y - finger.y0) < SLOP_PX;

            finger.part.tappedAt = tap ? event.timeStamp : -Infinity;
            this.feel(finger.part);
        }
    }

    /** @param {Part} part */
    feel(part) {
        part.hold([...this.fingers.values()].filter(finger => finger.part === part));
        this.tell();
    }

    letGo() {
        this.fingers.clear();

        for (const part of this.parts) {
            part.hold([]);
        }

        this.tell();
    }

    /* ---- the pad ---- */

    /** @param {number} n
     *  @param {boolean} on */
    press(n, on) {
        const one = this.pad.buttons[n];

        if (one !== undefined && on !== (one.value === 1)) {
            one.value = Number(on);
            this.changed = true;
            this.faces.get(n)?.classList.toggle('on', on);

            /* one would end what a program shakes */
            if (on && performance.now() > this.shakesUntil) {
                vibrate(TICK_MS);
            }
        }
    }

    /** A button may be let go before the next picture; sticks wait for it. */
    tell() {
        if (this.changed) {
            this.changed = false;
            this.pads.tell();
        }
    }

    actuator() {
        return {
            /** @param {string} _type
             *  @param {Record<string, number>} effect */
            playEffect: async (_type, { duration = 0, strongMagnitude = 0,
                                        weakMagnitude = 0 }) => {
                this.shakesUntil = performance.now() + duration;
                vibrate(pulses(strongMagnitude, weakMagnitude, duration));
            },
            reset: async () => {
                this.shakesUntil = 0;
                vibrate(0);
            }
        };
    }

    /** @param {boolean} on */
    show(on) {
        this.wanted = on;
        this.update();
    }

    /** The user has said so: the next time, too.
     *
     * @param {boolean} on */
    choose(on) {
        this.chosen = true;
        this.show(on);

        try {
            localStorage.setItem(KEPT + location.hash, on ? '1' : '0');
        } catch {
            /* a page may have no storage */
        }
    }

    /** It is there while it is wanted, and this page may have one. */
    update() {
        const shown = this.wanted && this.pads.allowed();
        const pad = /** @type {any} */ (this.pad);

        if (shown === this.root.hidden) {
            this.root.hidden = !shown;

            if (shown) {
                this.pads.add(pad);
            } else {
                this.letGo();
                this.pads.remove(pad);
            }
        }
    }
}


/** @type {Promise<TouchGamepad> | null} */
let made = null;

/** @param {import('../session.js').Session} session */
export function touchGamepad(session) {
    made ??= styled(new URL('touchgamepad.css', import.meta.url))
        .then(() => new TouchGamepad(session));
    return made;
}
