/**
 * Fingers on the picture: tap is a click, a moving finger drags, a long press
 * is a right click, two fingers turn the wheel.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const DRAG_PX = 10;
const LONG_PRESS_MS = 750;
const WHEEL_PX = 24;
const LEFT = 1;
const RIGHT = 4;

export class Touch {
    /**
     * @param {import('./pointer.js').Pointer} pointer
     * @param {HTMLElement} stage
     */
    constructor(pointer, stage) {
        this.pointer = pointer;
        /** @type {Map<number, { clientX: number, clientY: number }>} */
        this.fingers = new Map();
        this.start = { clientX: 0, clientY: 0 };
        /** @type {'idle' | 'press' | 'drag' | 'wheel' | 'spent'} */
        this.mode = 'idle';
        this.timer = 0;

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

    /** @param {PointerEvent} event */
    down(event) {
        this.fingers.set(event.pointerId, event);
        this.pointer.session.emit('stage-pressed', event);

        if (!this.pointer.session.control) {
            return;
        }

        if (this.fingers.size === 1) {
            this.mode = 'press';
            this.start = event;
            this.pointer.locate(event);
            this.timer = window.setTimeout(() => this.longPress(), LONG_PRESS_MS);

        } else if (this.mode === 'press' || this.mode === 'drag') {
            clearTimeout(this.timer);
            this.pointer.setMask(0);
            this.mode = 'wheel';
            this.start = this.middle();
            this.pointer.locate(this.start);
            this.pointer.moved = true;
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
            if (distance(event, this.start) > DRAG_PX) {
                clearTimeout(this.timer);
                this.mode = 'drag';
                this.pointer.locate(this.start);
                this.pointer.setMask(LEFT);
            }
            break;

        case 'drag':
            this.pointer.locate(event);
            this.pointer.moved = true;
            this.pointer.schedule();
            break;

        case 'wheel':
            this.turn();
            break;
        }
    }

    /** @param {PointerEvent} event
     *  @param {boolean}      lifted  not cancelled by the system */
    up(event, lifted) {
        this.fingers.delete(event.pointerId);
        clearTimeout(this.timer);

        if (this.mode === 'press' && lifted) {
            this.pointer.locate(event);
            this.pointer.setMask(LEFT);
            this.pointer.setMask(0);

        } else if (this.mode === 'drag') {
            this.pointer.locate(event);
            this.pointer.setMask(0);
        }

        this.mode = this.fingers.size === 0 ? 'idle' : 'spent';
    }

    longPress() {
        this.mode = 'spent';
        this.pointer.locate(this.start);
        this.pointer.setMask(RIGHT);
        this.pointer.setMask(0);
        navigator.vibrate?.(15);
    }

    middle() {
        const [a, b] = this.fingers.values();

        return a === undefined || b === undefined ? this.start
            : { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    }

    turn() {
        const now = this.middle();
        const x = Math.trunc((this.start.clientX - now.clientX) / WHEEL_PX);
        const y = Math.trunc((this.start.clientY - now.clientY) / WHEEL_PX);

        if (x !== 0 || y !== 0) {
            this.start = { clientX: this.start.clientX - x * WHEEL_PX,
                           clientY: this.start.clientY - y * WHEEL_PX };
            this.pointer.scroll(x * 3, y * 3, 1);
        }
    }
}


/** @param {{ clientX: number, clientY: number }} a
 *  @param {{ clientX: number, clientY: number }} b */
function distance(a, b) {
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}
