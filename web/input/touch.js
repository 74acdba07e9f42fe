/**
 * Fingers on the picture. One is the mouse: it clicks and drags where it is, or
 * pushes a pointer about as on a trackpad. A long press is a right click, and so
 * is a tap of two. Two scroll, and magnify when they part; three taps call the
 * keyboard. Who only watches can magnify, and move what is.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const SLOP_PX = 10;
const PUSH_SLOP_PX = 4;
const PINCH_PX = 28;
const LONG_PRESS_MS = 600;
const TAP_MS = 350;
const AGAIN_MS = 280;
/** A second tap this near to the first one is at the same place: programs want
 *  that of a double click. */
const SAME_PX = 32;
/** How far fingers move for one tick of a wheel. */
const TICK_PX = 32;
const LEFT = 1;
const RIGHT = 4;

/** What is left of the speed of a flick after a millisecond, and when it ends. */
const FRICTION = 0.993;
const SPEED_MIN = 0.05;
const FLICK_MIN = 0.35;
const SPEED_MAX = 1.6;
const FLICK_MS = 900;

const KEPT = 'selkies-trackpad';

/** @typedef {{ clientX: number, clientY: number }} Point */

export class Touch {
    /**
     * @param {import('./pointer.js').Pointer} pointer
     * @param {HTMLElement} stage
     */
    constructor(pointer, stage) {
        this.pointer = pointer;
        this.view = pointer.view;
        /** @type {Map<number, Point>} */
        this.fingers = new Map();
        /** @type {Point} */
        this.start = { clientX: 0, clientY: 0 };
        /** @type {Point} */
        this.last = this.start;
        this.began = 0;
        this.gap = 0;
        /** @type {'idle' | 'press' | 'drag' | 'push' | 'two' | 'wheel' | 'pinch'
         *         | 'three' | 'look' | 'spent'} */
        this.mode = 'idle';
        this.timer = 0;
        this.tappedAt = -Infinity;
        /** @type {Point} */
        this.tapped = this.start;
        this.speed = { x: 0, y: 0, at: 0 };
        this.flick = 0;
        this.trackpad = readKept();

        /** @type {Record<string, (event: PointerEvent) => void>} */
        const handlers = { pointerdown: event => this.down(event),
                           pointermove: event => this.move(event),
                           pointerup: event => this.up(event, true),
                           pointercancel: event => this.up(event, false) };

        for (const [name, handler] of Object.entries(handlers)) {
            stage.addEventListener(name, event => {
                const touch = /** @type {PointerEvent} */ (event);

                if (touch.pointerType === 'touch') {
                    touch.preventDefault();
                    handler(touch);
                }
            });
        }

        /* without this a touch also arrives as a mouse */
        stage.addEventListener('touchstart', event => event.preventDefault(),
                               { passive: false });
    }

    /** @param {boolean} on */
    setTrackpad(on) {
        this.trackpad = on;
        this.pointer.cursor.of(on ? 'pushed' : 'finger');

        try {
            localStorage.setItem(KEPT, on ? '1' : '0');
        } catch {
            /* a page may have no storage */
        }
    }

    /* ---- fingers ---- */

    /** @param {PointerEvent} event */
    down(event) {
        this.fingers.set(event.pointerId, event);
        this.pointer.session.emit('stage-pressed', event);
        cancelAnimationFrame(this.flick);

        const { control } = this.pointer.session;

        this.pointer.cursor.of(this.trackpad ? 'pushed' : 'finger');

        switch (this.fingers.size) {
        case 1:
            this.mode = control ? 'press' : 'look';
            this.began = event.timeStamp;
            this.start = event;
            this.last = event;

            if (!control) {
                break;
            }

            this.aim(event);
            this.timer = window.setTimeout(() => this.longPress(), LONG_PRESS_MS);

            if (this.trackpad && event.timeStamp - this.tappedAt < AGAIN_MS) {
                /* a tap, and the finger is back: it drags */
                this.mode = 'push';
                clearTimeout(this.timer);
                this.pointer.setMask(LEFT);
            }
            break;

        case 2:
            clearTimeout(this.timer);

            if (this.mode !== 'spent') {
                if (control) {
                    this.pointer.setMask(0);
                }

                this.mode = 'two';
                this.start = this.middle();
                this.last = this.start;
                this.gap = this.distance();
            }
            break;

        case 3:
            if (this.mode === 'two') {
                this.mode = 'three';
            }
            break;

        default:
            this.mode = 'spent';
        }
    }

    /** @param {PointerEvent} event */
    move(event) {
        if (!this.fingers.has(event.pointerId)) {
            return;
        }

        this.fingers.set(event.pointerId, event);

        switch (this.mode) {
        case 'press':
            if (away(event, this.start) > (this.trackpad ? PUSH_SLOP_PX : SLOP_PX)) {
                clearTimeout(this.timer);
                this.mode = this.trackpad ? 'push' : 'drag';

                if (!this.trackpad) {
                    this.pointer.locate(this.start);
                    this.pointer.setMask(LEFT);
                }
            }
            break;

        case 'drag':
            this.aim(event);
            this.pointer.schedule();
            break;

        case 'push':
            this.push(event);
            break;

        case 'look':
            this.view.pan(event.clientX - this.last.clientX,
                          event.clientY - this.last.clientY);
            this.last = event;
            break;

        case 'two':
            this.decide();
            break;

        case 'wheel':
            this.turn(event.timeStamp);
            break;

        case 'pinch':
            this.pinch();
            break;

        case 'three':
            if (away(event, this.start) > 200) {
                this.mode = 'spent';
            }
            break;
        }
    }

    /** @param {PointerEvent} event
     *  @param {boolean}      lifted  not cancelled by the system */
    up(event, lifted) {
        const last = this.fingers.size === 1;
        const quick = lifted && event.timeStamp - this.began < TAP_MS;

        this.fingers.delete(event.pointerId);
        clearTimeout(this.timer);

        switch (this.mode) {
        case 'press':
            if (lifted) {
                if (event.timeStamp - this.tappedAt > 2 * AGAIN_MS
                    || away(event, this.tapped) > SAME_PX)
                {
                    this.tapped = event;
                }

                this.aim(this.tapped);
                this.click(LEFT);
                this.tappedAt = event.timeStamp;
            }
            break;

        case 'drag':
            this.aim(event);
            this.pointer.setMask(0);
            break;

        case 'push':
            this.pointer.setMask(0);
            break;

        case 'two':
        case 'three':
            if (quick && !last) {
                /* a tap ends with its last finger */
                return;
            }

            if (quick && this.mode === 'two') {
                this.aim(this.start);
                this.click(RIGHT);
            } else if (quick) {
                this.pointer.session.emit('soft-keyboard');
            }
            break;

        case 'wheel':
            if (lifted) {
                this.fling(event.timeStamp);
            }
            break;

        case 'pinch':
            this.view.settle();
            break;
        }

        this.mode = this.fingers.size === 0 ? 'idle' : 'spent';
    }

    longPress() {
        this.mode = 'spent';
        this.aim(this.start);
        this.click(RIGHT);
        navigator.vibrate?.(15);
    }

    /** Everything under way ends without a click. */
    forget() {
        clearTimeout(this.timer);
        cancelAnimationFrame(this.flick);
        this.mode = this.fingers.size === 0 ? 'idle' : 'spent';
    }

    /* ---- the mouse ---- */

    /** The pointer goes where the finger is, unless the finger only pushes it.
     *
     *  @param {Point} point */
    aim(point) {
        if (!this.trackpad && this.pointer.session.control) {
            this.pointer.locate(point);
            this.pointer.moved = true;
        }
    }

    /** @param {number} button */
    click(button) {
        if (this.pointer.session.control) {
            this.pointer.flush();
            this.pointer.setMask(button);
            this.pointer.setMask(0);
        }
    }

    /** Slow fingers aim, quick ones travel.
     *
     *  @param {PointerEvent} event */
    push(event) {
        const dx = event.clientX - this.last.clientX;
        const dy = event.clientY - this.last.clientY;
        const gain = Math.min(2.5, 0.9 + Math.hypot(dx, dy) / 12);

        this.last = event;
        this.pointer.nudge(dx * gain, dy * gain);
    }

    /* ---- two fingers ---- */

    /** @returns {Point} */
    middle() {
        const [a, b] = this.fingers.values();

        return a === undefined || b === undefined ? this.start
            : { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    }

    distance() {
        const [a, b] = this.fingers.values();

        return a === undefined || b === undefined ? 0 : away(a, b);
    }

    decide() {
        if (this.fingers.size < 2) {
            return;
        }

        if (Math.abs(this.distance() - this.gap) > PINCH_PX) {
            this.mode = 'pinch';
            this.gap = this.distance();
            this.last = this.middle();

        } else if (away(this.middle(), this.start) > SLOP_PX) {
            this.mode = 'wheel';
            this.last = this.middle();
            this.speed = { x: 0, y: 0, at: 0 };
            this.aim(this.start);
        }
    }

    pinch() {
        const now = this.middle();
        const gap = this.distance();
        const area = this.pointer.stage.getBoundingClientRect();

        this.view.zoom(gap / Math.max(1, this.gap), this.last.clientX - area.left,
                       this.last.clientY - area.top);
        this.view.pan(now.clientX - this.last.clientX, now.clientY - this.last.clientY);
        this.last = now;
        this.gap = gap;
    }

    /** @param {number} at  milliseconds */
    turn(at) {
        const now = this.middle();
        const dx = now.clientX - this.last.clientX;
        const dy = now.clientY - this.last.clientY;
        const ms = Math.max(1, at - this.speed.at);

        if (this.speed.at > 0) {
            this.speed.x = (this.speed.x + dx / ms) / 2;
            this.speed.y = (this.speed.y + dy / ms) / 2;
        }

        this.speed.at = at;
        this.last = now;
        this.scroll(dx, dy);
    }

    /** What is magnified is moved first, the desktop scrolls by the rest.
     *
     *  @param {number} dx
     *  @param {number} dy */
    scroll(dx, dy) {
        const rest = this.view.pan(dx, dy);

        if (this.pointer.session.control) {
            this.pointer.tick(-rest.dx / TICK_PX, -rest.dy / TICK_PX);
        }
    }

    /** Goes on for a moment when the fingers left quickly.
     *
     *  @param {number} at */
    fling(at) {
        let { x, y } = this.speed;
        const speed = Math.hypot(x, y);

        if (speed < FLICK_MIN || at - this.speed.at > 60
            || matchMedia('(prefers-reduced-motion: reduce)').matches)
        {
            return;
        }

        if (speed > SPEED_MAX) {
            x *= SPEED_MAX / speed;
            y *= SPEED_MAX / speed;
        }

        let before = performance.now();
        const end = before + FLICK_MS;
        const step = () => {
            const now = performance.now();
            const ms = Math.min(50, now - before);

            before = now;
            this.scroll(x * ms, y * ms);
            x *= FRICTION ** ms;
            y *= FRICTION ** ms;

            if (now < end && Math.hypot(x, y) > SPEED_MIN) {
                this.flick = requestAnimationFrame(step);
            }
        };

        this.flick = requestAnimationFrame(step);
    }
}


function readKept() {
    try {
        return localStorage.getItem(KEPT) === '1';
    } catch {
        return false;
    }
}


/** @param {Point} a
 *  @param {Point} b */
function away(a, b) {
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}
