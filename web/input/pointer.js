/**
 * Mouse, wheel, pointer lock and the cursor's shape. Motion is sent at most
 * every 4 ms; buttons and keys push waiting motion out first, so that nothing
 * overtakes anything.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { buttonMask, wheelMessages } from '../protocol.js';
import { Touch } from './touch.js';
import { ticksOf } from './wheel.js';

const MOTION_MS = 4;

export class Pointer {
    /**
     * @param {import('../session.js').Session} session
     * @param {HTMLElement} stage
     * @param {{ place: { left: number, top: number, width: number, height: number },
     *           size: { width: number, height: number } }} picture
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

        this.listen();
        this.touch = new Touch(this, stage);
        session.on('cursor', () => this.showCursor());
        session.on('layout', () => this.showCursor());
        session.on('control', () => this.showCursor());
        session.on('released', swapped => {
            this.forget();

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
        this.showCursor();
    }

    listen() {
        const stage = this.stage;
        /* raw updates come as the device sends them, not once per frame */
        const motion = 'onpointerrawupdate' in window ? 'pointerrawupdate' : 'pointermove';

        stage.addEventListener(motion, event => {
            this.motion(/** @type {PointerEvent} */ (event));
        });
        stage.addEventListener('pointerdown', event => {
            if (event.pointerType === 'mouse' && !this.locked) {
                stage.setPointerCapture(event.pointerId);
            }
        });
        stage.addEventListener('mousedown', event => this.button(event));
        stage.addEventListener('mouseup', event => this.button(event));
        stage.addEventListener('wheel', event => this.wheel(event), { passive: false });
        stage.addEventListener('contextmenu', event => event.preventDefault());
        stage.addEventListener('dragstart', event => event.preventDefault());
        stage.addEventListener('auxclick', event => event.preventDefault());
        addEventListener('blur', () => this.releaseButtons());
        document.addEventListener('pointerlockchange', () => this.lockChanged());
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
        }
    }

    /** @param {PointerEvent} event */
    motion(event) {
        if (!this.session.control || event.pointerType === 'touch') {
            return;
        }

        if (this.locked) {
            this.dx += event.movementX * devicePixelRatio;
            this.dy += event.movementY * devicePixelRatio;
        } else {
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

            this.scroll(event.deltaX, event.deltaY, event.deltaMode);
        }
    }

    /**
     * A notch of a mouse wheel is a tick; the small steps of a trackpad add up.
     *
     * @param {number} deltaX
     * @param {number} deltaY
     * @param {number} mode  WheelEvent.deltaMode
     */
    scroll(deltaX, deltaY, mode) {
        this.wheelX += ticksOf(deltaX, mode);
        this.wheelY += ticksOf(deltaY, mode);

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

    /* ---- cursor ---- */

    /** The desktop's cursor at the size it has in the picture. */
    showCursor() {
        const { cursor, control } = this.session;
        const { place, size } = this.picture;
        const data = cursor.curdata;
        const style = this.stage.style;

        if (!control || data === undefined) {
            style.cursor = '';
            return;
        }

        if (!(cursor.handle > 0) || typeof data !== 'string'
            || !/^[A-Za-z0-9+/]+=*$/.test(data))
        {
            style.cursor = 'none';
            return;
        }

        const ratio = place.width > 0 ? size.width / place.width : devicePixelRatio;
        const url = `url("data:image/png;base64,${data}")`;
        const x = Math.round(Math.max(0, Number(cursor.hotx) || 0) / ratio);
        const y = Math.round(Math.max(0, Number(cursor.hoty) || 0) / ratio);

        style.cursor = '';

        if (Math.abs(ratio - 1) > 0.01) {
            style.cursor = `image-set(${url} ${ratio.toFixed(4)}x) ${x} ${y}, default`;
        }

        if (style.cursor === '') {
            style.cursor = `${url} ${x} ${y}, default`;
        }
    }
}
