/**
 * The panel of screens: this one's size, and further ones, each a window of its
 * own with another part of the desktop at one side of this one.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element } from './dom.js';
import { ScreenControls } from './screen.js';

const SCREENS = ['display2', 'display3', 'display4'];
const WIDTH = 1280;
const HEIGHT = 800;

/** @type {[string, string, string][]} side, label, what it does */
const SIDES = [
    ['up', 'Above', 'A screen above this one'],
    ['left', 'Left', 'A screen left of this one'],
    ['right', 'Right', 'A screen right of this one'],
    ['down', 'Below', 'A screen below this one']
];

/** The place of a window on another monitor, where the browser tells of them.
 *
 * @returns {Promise<string>} features for window.open() */
async function place() {
    const ask = /** @type {any} */ (globalThis).getScreenDetails;
    let left = window.screenX + 80;
    let top = window.screenY + 80;
    let width = WIDTH;
    let height = HEIGHT;

    if (typeof ask === 'function' && /** @type {any} */ (window.screen).isExtended === true) {
        try {
            const details = await ask.call(globalThis);
            const other = details.screens.find(
                (/** @type {any} */ one) => one !== details.currentScreen);

            if (other !== undefined) {
                ({ availLeft: left, availTop: top, availWidth: width,
                   availHeight: height } = other);
            }
        } catch {
            /* not allowed: a window on this monitor is moved by hand */
        }
    }

    return `popup,left=${left},top=${top},width=${width},height=${height}`;
}


class Displays {
    /**
     * @param {HTMLElement} body
     * @param {import('./toolbar.js').Parts} parts
     * @param {(text: string) => void} say
     */
    constructor(body, parts, say) {
        this.session = parts.session;
        this.say = say;
        /** @type {Map<string, Window>} */
        this.windows = new Map();
        this.list = element('ul', { class: 'windows' });
        this.full = element('p', { class: 'quiet', hidden: '' },
            'The desktop is shown on four screens, and that is all it can be.');
        this.choice = element('div', { class: 'sides' },
            element('div', { class: 'here', 'aria-hidden': 'true' }, 'This screen'),
            ...SIDES.map(([side, text, title]) => button({
                text, title, class: `act side-${side}`,
                run: () => void this.open(side) })));
        this.further = element('section', {},
            element('h3', {}, 'Further screens'),
            element('p', {}, 'A further screen opens in a window of its own, which you can '
                    + 'move to another monitor.'),
            this.choice, this.full, this.list);
        this.controls = new ScreenControls(parts);
        body.append(this.controls.element, this.further);
        this.session.on('displays', () => this.update());
        this.update();
    }

    /** @returns {string | undefined} */
    free() {
        return SCREENS.find(name => !this.session.displays.includes(name)
                                    && this.windows.get(name)?.closed !== false);
    }

    /** @param {string} side */
    async open(side) {
        const name = this.free();

        if (name === undefined) {
            return;
        }

        const url = new URL(document.baseURI);

        url.search = location.search;
        url.hash = `${name}-${side}`;

        const opened = window.open(url.href, `selkies-${name}`, await place());

        if (opened === null) {
            this.say('The browser has blocked the window. Allow pop-ups for this page.');
            return;
        }

        this.windows.set(name, opened);
        this.update();
    }

    update() {
        this.controls.update();
        this.controls.element.hidden = !this.session.shows('sidebar_show_screen_settings');
        this.further.hidden = this.session.fragment.display !== 'primary'
                              || this.session.settings.second_screen?.value !== true;

        const there = SCREENS.filter(name => this.session.displays.includes(name));

        this.full.hidden = there.length < SCREENS.length;
        this.choice.hidden = !this.full.hidden;
        this.list.replaceChildren(...there.map(name => {
            const opened = this.windows.get(name);
            const row = element('li', { class: 'row' },
                element('span', { class: 'grow' }, `Screen ${name.slice(7)}`));

            if (opened !== undefined && !opened.closed) {
                row.append(
                    button({ text: 'Show', class: 'act', run: () => opened.focus() }),
                    button({ text: 'Close', class: 'act', run: () => opened.close() }));
            } else {
                row.append(element('span', { class: 'quiet' }, 'In another window'));
            }

            return row;
        }));
    }
}


/** @type {import('./panels.js').Module['mount']} */
export function mount(body, parts, say) {
    const displays = new Displays(body, parts, say);

    return { shown: () => displays.update() };
}
