/**
 * Mouse, pen, wheel and pointer lock. Motion is sent at most every 4 ms;
 * buttons and keys push waiting motion out first, so that nothing overtakes
 * anything.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { Cursor } from './cursor.js';
import { Touch } from './touch.js';
import { View } from './view.js';
import { ticksOf, buttonMask, wheelMessages } from './wheel.js';

const MOTION_MS = 4;

/**
 * @typedef {{ place: import('./view.js').Place, size: { width: number, height: number },
 *             view: ((base: import('./view.js').Place) => import('./view.js').Place) | null,
 *             layout: () => void }} Shown  the picture and its place on the stage
 */

export class Pointer {
    /**
     * @param {import('../session.js').Session} session
     * @param {HTMLElement} stage
     * @param {Shown} picture
     */
    constructor(session, stage, picture) {
        this.session = session;
        this.stage = stage;
        this.picture = picture;
        this.mask = 0;
        /** stream pixels */
        this.x = 0;
        this.y = 0;
        this.sentX = -1;
        this.sentY = -1;
        this.dx = 0;
        this.dy = 0;
        this.wheelX = 0;
        this.wheelY = 0;
        this.moved = false;
        this.sentAt = 0;
        this.timer = 0;
        this.locked = false;

        this.cursor = new Cursor(session, stage, picture);
        this.view = new View(picture, stage, () => session.emit('layout'));
        this.touch = new Touch(this, stage);
        this.listen();
        session.on('released', swapped => {
            this.forget();
            this.touch.forget();

            if (swapped === true) {
                this.repeatLock();
            }
        });
        session.on('state', state => {
            if (state === 'ended' && this.locked) {
                document.exitPointerLock();
            } else if (state === 'waiting') {
                this.repeatLock();
            }
        });
    }

    listen() {
        const stage = this.stage;
        /* raw updates come as the device sends them, not once per frame */
        const motion = 'onpointerrawupdate' in window ? 'pointerrawupdate' : 'pointermove';

        stage.addEventListener(motion, event => {
            this.motion(/** @type {PointerEvent} */ (event));
        });
        stage.addEventListener('pointerdown', event => {
            if (event.pointerType === 'touch') {
                return;
            }

            this.cursor.of('mouse');

            if (!this.locked) {
                stage.setPointerCapture(event.pointerId);
            }

            this.pen(event);
        });
        stage.addEventListener('pointerup', event => this.pen(event));
        stage.addEventListener('pointercancel', event => this.pen(event));
        stage.addEventListener('mousedown', event => this.button(event));
        stage.addEventListener('mouseup', event => this.button(event));
        stage.addEventListener('wheel', event => this.wheel(event), { passive: false });
        stage.addEventListener('contextmenu', event => event.preventDefault());
        stage.addEventListener('dragstart', event => event.preventDefault());
        stage.addEventListener('auxclick', event => event.preventDefault());
        addEventListener('blur', () => this.releaseButtons());
        document.addEventListener('pointerlockchange', () => this.lockChanged());
    }

    /** A pen says more by pointer events than by the mouse it would be.
     *
     *  @param {PointerEvent} event */
    pen(event) {
        if (event.pointerType === 'pen') {
            event.preventDefault();
            this.button(event);
        }
    }

    /* ---- events ---- */

    /** The event's place in stream pixels, clamped to the picture.
     *
     *  @param {{ clientX: number, clientY: number }} event */
    locate(event) {
        const { place, size } = this.picture;
        const area = this.stage.getBoundingClientRect();

        if (place.width > 0) {
            const x = (event.clientX - area.left - place.left) * size.width / place.width;
            const y = (event.clientY - area.top - place.top) * size.height / place.height;

            this.x = Math.max(0, Math.min(size.width - 1, Math.floor(x)));
            this.y = Math.max(0, Math.min(size.height - 1, Math.floor(y)));
            this.cursor.move(this.x, this.y);
        }
    }

    /** Where the pointer is on the stage, CSS pixels. */
    spot() {
        const { place, size } = this.picture;
        const ratio = size.width > 0 ? place.width / size.width : 1;

        return { x: place.left + this.x * ratio, y: place.top + this.y * ratio };
    }

    /** Pushes the pointer by so many CSS pixels.
     *
     *  @param {number} dx
     *  @param {number} dy */
    nudge(dx, dy) {
        const { size } = this.picture;
        const ratio = this.cursor.ratio();

        this.dx += dx * ratio;
        this.dy += dy * ratio;

        const x = Math.trunc(this.dx);
        const y = Math.trunc(this.dy);

        this.dx -= x;
        this.dy -= y;
        this.x = Math.max(0, Math.min(size.width - 1, this.x + x));
        this.y = Math.max(0, Math.min(size.height - 1, this.y + y));
        this.cursor.move(this.x, this.y);

        const { x: left, y: top } = this.spot();

        this.view.reveal(left, top);
        this.moved = true;
        this.schedule();
    }

    /** @param {PointerEvent} event */
    motion(event) {
        if (!this.session.control || event.pointerType === 'touch') {
            return;
        }

        if (event.pointerType === 'pen' && buttonMask(event.buttons) !== this.mask) {
            this.pen(event);
            return;
        }

        if (this.locked) {
            this.dx += event.movementX * devicePixelRatio;
            this.dy += event.movementY * devicePixelRatio;
        } else {
            this.cursor.of('mouse');
            this.locate(event);
        }

        this.moved = true;
        this.schedule();
    }

    schedule() {
        const wait = this.sentAt + MOTION_MS - performance.now();

        if (wait <= 0) {
            this.flush();
        } else if (this.timer === 0) {
            this.timer = window.setTimeout(() => this.flush(), wait);
        }
    }

    /** Sends the motion that waits, if any. */
    flush() {
        clearTimeout(this.timer);
        this.timer = 0;

        if (!this.moved) {
            return;
        }

        this.moved = false;
        this.sentAt = performance.now();

        if (this.locked) {
            const dx = Math.round(this.dx);
            const dy = Math.round(this.dy);

            this.dx -= dx;
            this.dy -= dy;

            if (dx !== 0 || dy !== 0) {
                this.session.send([`m2,${dx},${dy},${this.mask},0`]);
            }

        } else if (this.x !== this.sentX || this.y !== this.sentY) {
            this.sendAbsolute(false);
        }
    }

    /** @param {boolean} measure */
    sendAbsolute(measure) {
        this.sentX = this.x;
        this.sentY = this.y;
        this.session.send([`m,${this.x},${this.y},${this.mask},0`], measure);
    }

    /** @param {MouseEvent} event */
    button(event) {
        this.session.emit('stage-pressed', event);
        event.preventDefault();

        if (!this.session.control) {
            return;
        }

        if (event.type === 'mousedown' && event.button === 0 && event.ctrlKey
            && event.shiftKey && !this.locked)
        {
            void this.lock();
            return;
        }

        if (!this.locked) {
            this.locate(event);
        }

        this.setMask(buttonMask(event.buttons));
    }

    /** Sends an edge of a button, behind the motion before it.
     *
     *  @param {number} mask */
    setMask(mask) {
        if (this.locked) {
            this.flush();
        }

        if (mask === this.mask) {
            return;
        }

        const pressed = (mask & ~this.mask) !== 0;

        this.moved = false;
        this.mask = mask;
        this.sentAt = performance.now();

        if (this.locked) {
            this.session.send([`m2,0,0,${mask},0`], pressed);
        } else {
            this.sendAbsolute(pressed);
        }
    }

    /** @param {WheelEvent} event */
    wheel(event) {
        event.preventDefault();

        if (this.session.control) {
            if (!this.locked) {
                this.locate(event);
                this.moved = true;
            }

            const { wheelDeltaX, wheelDeltaY } = /** @type {any} */ (event);

            this.tick(ticksOf(event.deltaX, event.deltaMode, wheelDeltaX),
                      ticksOf(event.deltaY, event.deltaMode, wheelDeltaY));
        }
    }

    /**
     * Turns the wheel; parts of a tick add up.
     *
     * @param {number} ticksX
     * @param {number} ticksY
     */
    tick(ticksX, ticksY) {
        this.wheelX += ticksX;
        this.wheelY += ticksY;

        const x = Math.trunc(this.wheelX);
        const y = Math.trunc(this.wheelY);
        const messages = [];

        this.wheelX -= x;
        this.wheelY -= y;

        if (y !== 0) {
            messages.push(...wheelMessages(this.mask, y > 0 ? 3 : 4, Math.abs(y)));
        }

        if (x !== 0) {
            messages.push(...wheelMessages(this.mask, x > 0 ? 7 : 6, Math.abs(x)));
        }

        if (messages.length > 0) {
            this.flush();
            this.session.send(messages, true);
        }
    }

    releaseButtons() {
        if (this.mask !== 0 && this.session.control) {
            this.setMask(0);
        }
    }

    /** The server has released, or will release, everything by itself. */
    forget() {
        this.mask = 0;
        this.sentX = -1;
        this.moved = false;
    }

    /* ---- pointer lock ---- */

    async lock() {
        if (!this.session.control) {
            return;
        }

        try {
            await /** @type {any} */ (this.stage).requestPointerLock(
                { unadjustedMovement: true });
        } catch (error) {
            if (/** @type {DOMException} */ (error).name === 'NotSupportedError') {
                this.stage.requestPointerLock();
            }
        }
    }

    lockChanged() {
        const locked = document.pointerLockElement === this.stage;

        if (locked === this.locked) {
            return;
        }

        this.releaseButtons();
        this.flush();
        this.locked = locked;
        this.dx = 0;
        this.dy = 0;

        this.tellLock();
        this.session.emit('lock', locked);
    }

    /** A page has no cursor while it has the pointer: the picture gets it. */
    tellLock() {
        if (this.session.control && this.session.connected()) {
            this.session.send(this.locked
                ? ['p,1', 'SET_NATIVE_CURSOR_RENDERING,1']
                : ['p,0', 'SET_NATIVE_CURSOR_RENDERING,0']);
        }
    }

    /** To a new socket, which may know nothing of it. */
    repeatLock() {
        if (this.locked) {
            this.tellLock();
        }
    }
}
