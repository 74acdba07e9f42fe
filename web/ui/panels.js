/**
 * The panels of the toolbar: one card at the side of the picture, what is in it
 * loaded when it is first opened. Whatever a part of the product shows beyond a
 * button is a row of this table and a module of its own.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element, icon, styled } from './dom.js';
import { offers } from './drop.js';

/**
 * What a module of a panel exports: mount() fills the body, once, when the
 * panel is first opened. It says what to do when the panel comes and goes.
 *
 * @typedef {{ shown?: () => void, hidden?: () => void }} View
 * @typedef {{ mount: (body: HTMLElement, parts: import('./toolbar.js').Parts,
 *                     say: (text: string) => void, close: () => void) => View }} Module
 *
 * @typedef {object} Row
 * @property {string} name   of the panel, and of its icon
 * @property {string} text   on the button, and the heading
 * @property {string} title
 * @property {(session: import('../session.js').Session) => boolean} offered
 * @property {() => Promise<Module>} load
 */

/** @type {Row[]} in the order of their buttons */
export const PANELS = [
    {
        name: 'audio',
        text: 'Sound',
        title: 'Volume, device, microphone',
        offered: session => session.sound !== null
                            && session.settings.audio_enabled?.value === true
                            && session.shows('sidebar_show_audio_settings'),
        load: () => import('./sound.js')
    },
    {
        name: 'displays',
        text: 'Screens',
        title: 'Size of the desktop, and further screens',
        offered: session => session.control
                            && (session.settings.second_screen?.value === true
                                || session.shows('sidebar_show_screen_settings')),
        load: () => import('./displays.js')
    },
    {
        name: 'clipboard',
        text: 'Clipboard',
        title: 'What the desktop copied, and what it may paste',
        offered: session => session.control && session.settings.clipboard_enabled?.value === true
                            && session.shows('sidebar_show_clipboard'),
        load: () => import('./clipboard.js')
    },
    {
        name: 'apps',
        text: 'Apps',
        title: 'Start a program on the desktop',
        offered: session => session.control && session.have.includes('apps')
                            && session.shows('sidebar_show_apps'),
        load: () => import('./apps.js')
    },
    {
        name: 'files',
        text: 'Files',
        title: 'Upload files, and download those of the desktop',
        offered: session => (offers(session, 'upload') || offers(session, 'download'))
                            && session.shows('sidebar_show_files'),
        load: () => import('./files.js')
    },
    {
        name: 'gamepads',
        text: 'Gamepads',
        title: 'Which gamepads there are, and what they do',
        offered: session => (session.control || /^#player[2-4]$/.test(location.hash))
                            && session.settings.gamepad_enabled?.value === true
                            && session.shows('sidebar_show_gamepads'),
        load: () => import('./gamepads.js')
    },
    {
        name: 'settings',
        text: 'Settings',
        title: 'Picture, speed, sound and look',
        offered: () => true,
        load: () => import('./settings.js')
    }
];


export class Panels {
    /**
     * @param {import('./toolbar.js').Parts} parts
     * @param {{ close: () => void, say: (text: string) => void }} toolbar
     */
    constructor(parts, toolbar) {
        this.parts = parts;
        this.toolbar = toolbar;
        this.open = '';
        /** @type {Map<string, { body: HTMLElement, view: View }>} */
        this.loaded = new Map();

        this.heading = element('h2', { id: 'panel-name' });
        this.shut = button({ text: 'Close', icon: 'close', class: 'shut', title: 'Close (Esc)',
                             run: () => this.show('') });
        this.host = element('div', { class: 'body' });
        this.card = element('section', { id: 'panel', hidden: '', tabindex: '-1',
                                         'aria-labelledby': 'panel-name' },
            element('header', {}, this.heading, this.shut), this.host);
        this.card.addEventListener('keydown', event => {
            if (event.key === 'Escape') {
                event.preventDefault();
                this.show('');
            }
        });

        /** @type {Map<string, HTMLButtonElement>} */
        this.buttons = new Map(PANELS.map(row => [row.name, button({
            text: row.text, icon: row.name, title: row.title, run: () => {
                this.toolbar.close();
                this.show(this.open === row.name ? '' : row.name);
            } })]));

        for (const event of ['control', 'settings', 'ext', 'state', 'sound']) {
            parts.session.on(event, () => this.offer());
        }

        this.offer();
    }

    /** Buttons of what this session may use, and no others. */
    offer() {
        for (const row of PANELS) {
            const offered = row.offered(this.parts.session);

            /** @type {HTMLElement} */ (this.buttons.get(row.name)).hidden = !offered;

            if (!offered && this.open === row.name) {
                this.show('');
            }
        }
    }

    /** @param {string} name  '' for none */
    show(name) {
        const before = this.open;

        if (before === name) {
            return;
        }

        const focused = this.card.contains(document.activeElement);

        this.loaded.get(before)?.view.hidden?.();
        this.open = name;
        this.card.hidden = name === '';

        for (const [key, item] of this.buttons) {
            item.setAttribute('aria-pressed', String(key === name));
        }

        if (name !== '') {
            void this.fill(name);
        } else if (focused && this.parts.session.state === 'live') {
            this.parts.keyboard.focus();
        }
    }

    /** @param {string} name */
    async fill(name) {
        const row = /** @type {Row} */ (PANELS.find(item => item.name === name));

        this.heading.replaceChildren(icon(row.name), row.text);
        this.host.replaceChildren(...this.loaded.has(name) ? []
            : [element('p', { class: 'quiet' }, 'Loading…')]);
        this.card.focus({ preventScroll: true });

        if (!this.loaded.has(name)) {
            try {
                const [module] = await Promise.all([row.load(), styled(
                    new URL('panels.css', import.meta.url))]);
                const body = element('div', { class: `${name}-panel` });

                if (!this.loaded.has(name)) {
                    const view = module.mount(body, this.parts,
                                              text => this.toolbar.say(text),
                                              () => this.show(''));
                    this.loaded.set(name, { body, view });
                }
            } catch {
                if (this.open === name) {
                    this.host.replaceChildren(element('p', {},
                        'This part of the page could not be loaded. Is the server there?'));
                }
                return;
            }
        }

        const { body, view } = /** @type {{ body: HTMLElement, view: View }} */ (
            this.loaded.get(name));

        if (this.open === name) {
            this.host.replaceChildren(body);
            view.shown?.();
        }
    }
}
