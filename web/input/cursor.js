/**
 * The desktop's cursor: the browser's own pointer takes its shape. Where there is
 * no pointer to take it (a finger), or the browser refuses it (too large), it is
 * drawn over the picture.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/** Larger ones browsers do not take, CSS pixels. */
const SIZE_MAX = 128;
/** How far a picture is moved for its hot spot to fall on a whole CSS pixel. */
const SHIFT_MAX = 16;
/** An animated one has dozens. */
const KEPT = 128;

/**
 * Browsers want the hot spot in whole CSS pixels, the desktop says device pixels:
 * by how many of these to move it so that none is lost.
 *
 * @param {number} hot
 * @param {number} ratio  device pixels, or pixels of the stream, to a CSS pixel
 */
export function shiftOf(hot, ratio) {
    let best = 0;
    let least = Infinity;

    for (let shift = 0; shift < SHIFT_MAX; shift++) {
        const at = (hot + shift) / ratio;
        const off = Math.abs(at - Math.round(at)) * ratio;

        if (off < least - 1e-6) {
            least = off;
            best = shift;
        }

        if (off < 0.05) {
            break;
        }
    }

    return best;
}


export class Cursor {
    /**
     * @param {import('../session.js').Session} session
     * @param {HTMLElement} stage
     * @param {import('./pointer.js').Shown} picture
     */
    constructor(session, stage, picture) {
        this.session = session;
        this.stage = stage;
        this.picture = picture;
        /** whose the pointer is: a mouse's, which browsers show; a finger's, which
         *  has none; or pushed about by a finger, for which it is drawn
         *
         * @type {'mouse' | 'finger' | 'pushed'} */
        this.kind = 'mouse';
        /** stream pixels */
        this.x = 0;
        this.y = 0;
        /** @type {Map<string, string>} shapes that were made, by ratio and picture:
         *  another X server has the same handles for others */
        this.shapes = new Map();
        /** @type {HTMLImageElement | null} */
        this.drawn = null;
        this.hotX = 0;
        this.hotY = 0;
        this.wanted = '';

        for (const event of ['cursor', 'layout', 'control', 'settings', 'preferences']) {
            session.on(event, () => this.show());
        }

        this.show();
    }

    /** @returns {number} pixels of the stream to a CSS pixel */
    ratio() {
        const { place, size } = this.picture;

        return place.width > 0 ? size.width / place.width : devicePixelRatio;
    }

    show() {
        const { cursor, control } = this.session;
        const data = cursor.curdata;

        this.wanted = '';

        if (!control || data === undefined || this.kind === 'finger') {
            this.set('');
            return;
        }

        if (!(cursor.handle > 0) || typeof data !== 'string'
            || !/^[A-Za-z0-9+/]+=*$/.test(data))
        {
            this.set('none');
            return;
        }

        const ratio = this.ratio();
        const largest = Math.max(Number(cursor.width) || 0, Number(cursor.height) || 0);

        this.hotX = Math.max(0, Number(cursor.hotx) || 0);
        this.hotY = Math.max(0, Number(cursor.hoty) || 0);

        if (this.kind === 'pushed' || largest / ratio > SIZE_MAX
            || this.session.value('use_browser_cursors') === false)
        {
            this.draw(`data:image/png;base64,${data}`);
        } else {
            this.take(`data:image/png;base64,${data}`, ratio,
                      `${ratio.toFixed(4)} ${this.hotX} ${this.hotY} ${data}`);
        }
    }

    /** @param {string} style */
    set(style) {
        this.stage.style.cursor = style;

        if (this.drawn !== null) {
            this.drawn.hidden = true;
        }
    }

    /** The browser's pointer takes the shape.
     *
     * @param {string} url
     * @param {number} ratio
     * @param {string} key */
    take(url, ratio, key) {
        const known = this.shapes.get(key);

        if (known !== undefined) {
            this.set(known);
            return;
        }

        const x = shiftOf(this.hotX, ratio);
        const y = shiftOf(this.hotY, ratio);

        this.set(this.style(url, ratio, this.hotX, this.hotY));

        if (x === 0 && y === 0) {
            this.keep(key, this.stage.style.cursor);
        } else {
            this.wanted = key;
            void this.shift(url, ratio, key, x, y);
        }
    }

    /** @param {string} url
     *  @param {number} ratio
     *  @param {number} hotX
     *  @param {number} hotY */
    style(url, ratio, hotX, hotY) {
        const spot = `${Math.round(hotX / ratio)} ${Math.round(hotY / ratio)}, default`;

        if (Math.abs(ratio - 1) > 0.01) {
            const style = `image-set(url("${url}") ${ratio.toFixed(4)}x) ${spot}`;

            if (CSS.supports('cursor', style)) {
                return style;
            }
        }

        return `url("${url}") ${spot}`;
    }

    /** The same picture with some clear lines before it.
     *
     * @param {string} url
     * @param {number} ratio
     * @param {string} key
     * @param {number} x
     * @param {number} y */
    async shift(url, ratio, key, x, y) {
        const { hotX, hotY } = this;
        const image = new Image();
        const canvas = document.createElement('canvas');

        image.src = url;

        try {
            await image.decode();
        } catch {
            return;
        }

        canvas.width = image.naturalWidth + x;
        canvas.height = image.naturalHeight + y;

        if (Math.max(canvas.width, canvas.height) / ratio > SIZE_MAX) {
            return;
        }

        canvas.getContext('2d')?.drawImage(image, x, y);
        this.keep(key, this.style(canvas.toDataURL(), ratio, hotX + x, hotY + y));

        if (this.wanted === key) {
            this.set(this.shapes.get(key) ?? '');
        }
    }

    /** @param {string} key
     *  @param {string} style */
    keep(key, style) {
        if (this.shapes.size >= KEPT) {
            this.shapes.delete(this.shapes.keys().next().value ?? '');
        }

        this.shapes.set(key, style);
    }

    /** @param {string} url */
    draw(url) {
        if (this.drawn === null) {
            this.drawn = new Image();
            this.drawn.id = 'cursor';
            this.drawn.alt = '';
            this.stage.append(this.drawn);
        }

        if (this.drawn.src !== url) {
            this.drawn.src = url;
        }

        this.drawn.hidden = false;
        this.stage.style.cursor = 'none';
        this.move(this.x, this.y);
    }

    /** @param {number} x  stream pixels
     *  @param {number} y */
    move(x, y) {
        this.x = x;
        this.y = y;

        if (this.drawn !== null && !this.drawn.hidden) {
            const { place } = this.picture;
            const { cursor } = this.session;
            const ratio = this.ratio();
            const style = this.drawn.style;

            style.left = `${place.left + (x - this.hotX) / ratio}px`;
            style.top = `${place.top + (y - this.hotY) / ratio}px`;
            style.width = `${(Number(cursor.width) || 0) / ratio}px`;
            style.height = `${(Number(cursor.height) || 0) / ratio}px`;
        }
    }

    /** @param {Cursor['kind']} kind */
    of(kind) {
        if (this.kind !== kind) {
            this.kind = kind;
            this.show();
        }
    }
}
