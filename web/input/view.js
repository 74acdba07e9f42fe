/**
 * How large the picture is shown and which part of it: pinched by fingers,
 * moved out of the way of an on-screen keyboard. The stream knows nothing of it.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const SCALE_MAX = 6;
/** Below it is no magnification worth the name. */
const SCALE_SNAP = 1.06;
const MARGIN_PX = 32;

/**
 * @typedef {{ left: number, top: number, width: number, height: number,
 *             crisp: boolean }} Place  CSS pixels
 */

/** The start of an interval of length `size` that covers `room` or lies in its
 *  middle.
 *
 * @param {number} start
 * @param {number} size
 * @param {number} room
 */
function within(start, size, room) {
    return size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, start));
}


export class View {
    /**
     * @param {{ view: ((base: Place) => Place) | null, layout: () => void,
     *           place: Place }} picture
     * @param {HTMLElement} stage
     * @param {() => void} moved
     */
    constructor(picture, stage, moved) {
        this.picture = picture;
        this.stage = stage;
        this.moved = moved;
        this.scale = 1;
        this.left = 0;
        this.top = 0;
        /** covered from below, CSS pixels */
        this.covered = 0;
        /** @type {Place} without any of this */
        this.base = picture.place;
        picture.view = base => this.transform(base);
    }

    /** @returns {boolean} nothing is magnified, nothing covered */
    plain() {
        return this.scale === 1 && this.covered === 0;
    }

    /** @param {Place} base
     *  @returns {Place} */
    transform(base) {
        this.base = base;

        if (this.plain()) {
            this.left = base.left;
            this.top = base.top;
            return base;
        }

        const area = this.stage.getBoundingClientRect();
        const width = base.width * this.scale;
        const height = base.height * this.scale;

        this.left = within(this.left, width, area.width);
        this.top = within(this.top, height, area.height - this.covered);
        return { left: this.left, top: this.top, width, height,
                 crisp: base.crisp && this.scale === 1 };
    }

    apply() {
        this.picture.layout();
        this.moved();
    }

    /** Magnifies what is at a point, which stays where it is.
     *
     * @param {number} factor
     * @param {number} x  CSS pixels of the stage
     * @param {number} y */
    zoom(factor, x, y) {
        const before = this.scale;

        this.scale = Math.max(1, Math.min(SCALE_MAX, before * factor));
        this.left = x - (x - this.left) * this.scale / before;
        this.top = y - (y - this.top) * this.scale / before;
        this.apply();
    }

    /** At the end of a pinch. */
    settle() {
        if (this.scale !== 1 && this.scale < SCALE_SNAP) {
            this.scale = 1;
            this.apply();
        }
    }

    /** Moves the picture; what it could not is left over.
     *
     * @param {number} dx
     * @param {number} dy
     * @returns {{ dx: number, dy: number }} */
    pan(dx, dy) {
        if (this.plain()) {
            return { dx, dy };
        }

        const { left, top } = this;

        this.left += dx;
        this.top += dy;
        this.apply();
        return { dx: dx - (this.left - left), dy: dy - (this.top - top) };
    }

    /** Brings a point of the stage into view.
     *
     * @param {number} x
     * @param {number} y */
    reveal(x, y) {
        const area = this.stage.getBoundingClientRect();
        const height = area.height - this.covered;

        const dx = Math.max(0, MARGIN_PX - x) - Math.max(0, x - area.width + MARGIN_PX);
        const dy = Math.max(0, MARGIN_PX - y) - Math.max(0, y - height + MARGIN_PX);

        if (dx !== 0 || dy !== 0) {
            this.pan(dx, dy);
        }
    }

    /** Something covers the lower part of the page, or no longer does.
     *
     * @param {number} pixels
     * @param {{ x: number, y: number }} point  what is to stay in view */
    cover(pixels, point) {
        if (pixels !== this.covered) {
            this.covered = pixels;
            this.apply();
            this.reveal(point.x, point.y);
        }
    }
}
