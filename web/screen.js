/**
 * What the user wants of this screen: its size, how large a pixel is, how large
 * text is, and of the server's settings what else. The browser keeps it, for each
 * screen of each desktop; where it keeps nothing, it holds as long as the page.
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


/** @param {string} key
 *  @returns {any} null where there is nothing, or no storage, or no JSON in it */
export function recall(key) {
    try {
        return JSON.parse(localStorage.getItem(key) ?? 'null');
    } catch {
        return null;
    }
}


/** @param {string} key
 *  @param {any} value */
export function keep(key, value) {
    try {
        localStorage.setItem(key, JSON.stringify(value));
    } catch {
        /* it holds until the page is closed */
    }
}


/** @typedef {'auto' | 'light' | 'dark'} Theme */

const THEME = 'selkies-theme';

/** @returns {Theme} as this browser was told, `auto` is as its system */
export function theme() {
    const kept = recall(THEME);

    return kept === 'light' || kept === 'dark' ? kept : 'auto';
}


/** @param {Theme} [chosen]  none: the one that is kept */
export function applyTheme(chosen) {
    if (chosen !== undefined) {
        keep(THEME, chosen);
    }

    const now = chosen ?? theme();

    document.documentElement.dataset.theme = now;

    for (const meta of /** @type {NodeListOf<HTMLMetaElement>} */ (
        document.querySelectorAll('meta[name="theme-color"]')))
    {
        const { theme: its } = meta.dataset;

        meta.media = now === 'auto' ? `(prefers-color-scheme: ${its})`
            : now === its ? 'all' : 'not all';
    }
}


/** What the user has asked for of the settings that the server offers. It is the
 *  server that brings a value within what is allowed. */
export class Preferences {
    /** @param {string} display  primary, display2, … */
    constructor(display) {
        this.key = `selkies-settings:${location.pathname}:${display}`;
        /** @type {Record<string, boolean | number | string>} */
        this.values = {};

        for (const [name, value] of Object.entries(recall(this.key) ?? {})) {
            if (/^[a-z0-9_]{1,40}$/.test(name) && /^[bns]/.test(typeof value)) {
                this.values[name] = /** @type {any} */ (value);
            }
        }
    }

    /** @param {string} name
     *  @param {boolean | number | string} [value]  none: the server's again */
    change(name, value) {
        if (value === undefined) {
            delete this.values[name];
        } else {
            this.values[name] = value;
        }

        keep(this.key, this.values);
    }

    forget() {
        this.values = {};
        keep(this.key, this.values);
    }

    /** What is in force of a setting.
     *
     *  @param {Record<string, any>} settings  the server's
     *  @param {string} name */
    inForce(settings, name) {
        const entry = settings[name] ?? {};
        const wish = this.values[name];

        if (wish === undefined || entry.locked === true
            || entry.allowed?.includes(String(wish)) === false)
        {
            /* the value of an encoder is what runs at present */
            return name === 'encoder' ? entry.allowed?.[0] : entry.default ?? entry.value;
        }

        return entry.min === undefined ? wish
            : Math.min(entry.max, Math.max(entry.min, Number(wish) || entry.default));
    }
}


export class ScreenChoice {
    /** @param {string} display  primary, display2, … */
    constructor(display) {
        this.key = `selkies-screen:${location.pathname}:${display}`;
        /** '' for the window's size; null for the server's word; 0 for the ratio's */
        this.wishes = sane(recall(this.key));
    }

    /** @param {Partial<Wishes>} change */
    change(change) {
        this.wishes = sane({ ...this.wishes, ...change });
        keep(this.key, this.wishes);
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
