/**
 * What the user wants of this screen: its size, how large a pixel is, how large
 * text is. The browser keeps it, for each screen of each desktop.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { dpiFor, streamSize } from './protocol.js';

/** @typedef {{ size: string, css: boolean | null, dpi: number }} Wishes */

const SIZE = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/;

/** @param {any} stored
 *  @returns {Wishes} whatever an older page, or somebody else, has left there */
function sane(stored) {
    return { size: SIZE.test(stored?.size) ? String(stored.size) : '',
             css: typeof stored?.css === 'boolean' ? stored.css : null,
             dpi: stored?.dpi >= 96 && stored.dpi <= 288 ? Math.round(stored.dpi) : 0 };
}


export class ScreenChoice {
    /** @param {string} display  primary, display2, … */
    constructor(display) {
        this.key = `selkies-screen:${location.pathname}:${display}`;
        /** '' for the window's size; null for the server's word; 0 for the ratio's */
        this.wishes = sane(null);

        try {
            this.wishes = sane(JSON.parse(localStorage.getItem(this.key) ?? 'null'));
        } catch {
            /* not to be had, or no JSON: as on the first visit */
        }
    }

    /** @param {Partial<Wishes>} change */
    change(change) {
        this.wishes = sane({ ...this.wishes, ...change });

        try {
            localStorage.setItem(this.key, JSON.stringify(this.wishes));
        } catch {
            /* it holds until the page is closed */
        }
    }

    /** Whether a pixel of the stream is one of the page's, and not the device's.
     *
     *  @param {Record<string, any>} settings  the server's */
    inCss(settings) {
        const own = settings.use_css_scaling?.locked === true ? null : this.wishes.css;

        return own ?? settings.use_css_scaling?.value === true;
    }

    /** The size of the stream, for an area of the page.
     *
     *  @param {{ width: number, height: number }} area  CSS pixels
     *  @param {Record<string, any>} settings */
    streamSize(area, settings) {
        const [, width, height] = SIZE.exec(this.wishes.size) ?? [];
        const ratio = this.inCss(settings) ? 1 : devicePixelRatio;

        return width !== undefined ? streamSize(Number(width), Number(height), 1)
            : streamSize(area.width, area.height, ratio);
    }

    /** @param {Record<string, any>} settings */
    dpi(settings) {
        const fits = !this.inCss(settings) && this.wishes.size === '';

        return this.wishes.dpi || (fits ? dpiFor(devicePixelRatio) : 96);
    }
}
