/**
 * The handle at the upper edge and the toolbar behind it, the badges that say
 * what kind of session this is, and the glue between them and the input.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element, icon } from './dom.js';
import { watch as watchDrops } from './drop.js';
import { Panels } from './panels.js';
import { Quality } from './quality.js';
import { Stats } from './stats.js';
import { ALT_L, CONTROL_L, DELETE, SHIFT_L, SUPER_L } from '../input/keysyms.js';

const AUTO_HIDE_MS = 3000;
const TOAST_MS = 3500;

/** @type {[string, string, number[]][]} */
const COMBINATIONS = [
    ['Ctrl + Alt + Del', 'Log out or lock', [CONTROL_L, ALT_L, DELETE]],
    ['Alt + Tab', 'Next window', [ALT_L, 0xff09]],
    ['Alt + F4', 'Close window', [ALT_L, 0xffc1]],
    ['Super', 'Menu of the desktop', [SUPER_L]],
    ['Ctrl + Shift + T', 'Reopen a tab', [CONTROL_L, SHIFT_L, 0x74]],
    ['Ctrl + W', 'Close a tab', [CONTROL_L, 0x77]],
    ['Print Screen', 'Screenshot', [0xff61]],
    ['Escape', 'Leave a dialog', [0xff1b]]
];

/**
 * @typedef {object} Parts
 * @property {import('../session.js').Session} session
 * @property {HTMLElement} stage
 * @property {{ place: { crisp: boolean }, size: { width: number, height: number } }} picture
 * @property {import('../input/pointer.js').Pointer} pointer
 * @property {import('../input/keyboard.js').Keyboard} keyboard
 * @property {import('../clipboard.js').Clipboard} clipboard
 */

class Toolbar {
    /** @param {Parts} parts */
    constructor(parts) {
        this.parts = parts;
        this.session = parts.session;
        this.quality = new Quality(parts.session);
        this.stats = new Stats(parts, this.quality);
        this.panels = new Panels(parts, this);
        this.hideTimer = 0;
        this.toastTimer = 0;
        /** @type {typeof import('./keybar.js') | null} */
        this.keybar = null;
        this.toast = element('div', { class: 'notice low', role: 'status', hidden: '' });
        this.dot = element('span', { class: 'dot', 'data-quality': 'off' });
        this.light = element('span', { class: 'light', 'data-quality': 'off', 'aria-hidden': 'true' });
        this.line = element('span', { class: 'line' }, 'Connecting…');
        this.name = element('strong', {}, document.title);
        this.heading = element('div', { class: 'title' }, this.name,
                               element('span', { class: 'state' }, this.light, this.line));
        this.handle = element('button', { id: 'handle', type: 'button',
            'aria-expanded': 'false', 'aria-controls': 'tools',
            'aria-label': 'Toolbar', title: 'Toolbar (Ctrl+Shift+M)' },
            element('span', { class: 'grip' }, this.dot));
        this.tools = this.build();
        this.bar = element('header', { id: 'bar' }, this.tools, this.handle);
        document.body.append(this.bar, this.panels.card, this.stats.panel, this.toast);
        watchDrops(this.session, this.panels, text => this.say(text));
        this.badges();
        this.listen();
        this.controlChanged();
        this.soundChanged();
        this.showQuality();

        if (parts.keyboard.soft) {
            void this.loadKeybar();
        }
    }

    build() {
        const { keyboard, pointer } = this.parts;

        this.full = button({ text: 'Fullscreen', icon: 'enlarge',
            title: 'Fullscreen (Ctrl+Shift+F)', run: () => void this.fullscreen() });
        this.game = button({ text: 'Game mode', icon: 'game', class: 'mouse-only',
            title: 'Lock the mouse to the desktop (Ctrl+Shift+click)', run: () => {
                this.close();
                void pointer.lock();
            } });
        this.type = button({ text: 'Type', icon: 'keyboard', class: 'touch-only',
            title: 'On-screen keyboard (tap with three fingers)', run: () => {
                this.close();
                this.softKeyboard();
            } });
        this.pad = button({ text: 'Trackpad', icon: 'trackpad', class: 'touch-only',
            title: 'A finger pushes the pointer instead of being it', run: () => {
                pointer.touch.setTrackpad(!pointer.touch.trackpad);
                this.pad?.setAttribute('aria-pressed', String(pointer.touch.trackpad));
            } });
        this.pad.setAttribute('aria-pressed', String(pointer.touch.trackpad));
        this.keys = button({ text: 'Keys', icon: 'keys',
            title: 'Key combinations a browser keeps for itself',
            run: () => this.toggleMenu(this.menu?.hidden !== false) });
        this.keys.setAttribute('aria-haspopup', 'menu');
        this.keys.setAttribute('aria-expanded', 'false');
        this.mute = button({ text: 'Mute', icon: 'sound', title: 'The desktop’s sound',
            run: () => this.session.sound?.mute(this.session.sound.state !== 'muted') });
        this.figures = button({ text: 'Statistics', icon: 'stats',
            title: 'Frame rate, bit rate, latency', run: () => {
                this.figures?.setAttribute('aria-pressed', String(this.stats.toggle()));
            } });
        this.figures.setAttribute('aria-pressed', 'false');
        this.power = button({ text: 'Disconnect', icon: 'power', run: () => {
            this.close();
            this.session.end('ended', '');
        } });
        this.menu = element('div', { class: 'menu', role: 'menu', hidden: '',
                                     'aria-label': 'Key combinations' },
            ...COMBINATIONS.map(([label, meaning, keysyms]) => {
                const item = button({ text: label, run: () => {
                    keyboard.combination(keysyms);
                    this.close();
                } });

                item.setAttribute('role', 'menuitem');
                item.append(element('small', {}, meaning));
                return item;
            }));

        return element('div', { id: 'tools', role: 'toolbar', inert: '',
                                'aria-label': 'Desktop' },
            this.heading, this.full, this.game, this.type, this.pad, this.keys, this.mute,
            ...this.panels.buttons.values(),
            this.figures, this.power, this.menu);
    }

    badges() {
        const viewer = element('div', { class: 'chip viewer', hidden: '' },
            icon('eye'), 'View only');
        const open = element('div', { class: 'chip open', hidden: '', role: 'note' },
            icon('warning'),
            'No password set: anyone who reaches this address controls this desktop');
        const chips = element('footer', { id: 'chips' }, viewer, open);
        const update = () => {
            viewer.hidden = this.session.control;
            open.hidden = !this.session.open;
        };

        document.body.append(chips);
        this.session.on('control', update);
        this.session.on('open-access', update);
        update();
    }

    listen() {
        const { session, stage, keyboard } = this.parts;

        this.handle.addEventListener('click', () => this.toggle());
        this.bar.addEventListener('pointerenter', () => clearTimeout(this.hideTimer));
        this.bar.addEventListener('pointerleave', () => this.hideLater());
        this.bar.addEventListener('focusout', () => this.hideLater());
        this.bar.addEventListener('keydown', event => this.key(event));
        document.addEventListener('fullscreenchange', () => this.fullscreenChanged());

        session.on('stage-pressed', event => {
            this.close();

            if (event.pointerType !== 'touch') {
                keyboard.focus();
            }
        });
        session.on('focus', () => keyboard.focus());
        session.on('say', text => this.say(text));
        session.on('soft-keyboard', () => this.softKeyboard());
        session.on('control', () => this.controlChanged());
        session.on('settings', () => this.controlChanged());

        for (const event of ['stats', 'state', 'missing']) {
            session.on(event, () => this.showQuality());
        }

        session.on('sound', () => this.soundChanged());
        session.on('lock', locked => {
            if (locked) {
                this.say('Mouse locked to the desktop. Esc releases it.');
            }
        });

        keyboard.chords.KeyM = () => this.toggle();
        keyboard.chords.KeyF = () => void this.fullscreen();

        /* the chords also work while the toolbar has the focus */
        this.bar.addEventListener('keydown', event => keyboard.chord(event));
        stage.addEventListener('pointermove', () => {
            if (this.opened() && this.hideTimer === 0) {
                this.hideLater();
            }
        });
    }

    softKeyboard() {
        if (!this.session.control) {
            return;
        }

        /* some systems show a keyboard within the event that asked for it only */
        if (this.keybar !== null) {
            this.keybar.toggle(this.parts);
        } else {
            void this.loadKeybar().then(() => this.keybar?.toggle(this.parts));
        }
    }

    async loadKeybar() {
        this.keybar = await import('./keybar.js');
    }

    /* ---- open and shut ---- */

    opened() {
        return this.bar.classList.contains('open');
    }

    toggle() {
        if (this.opened() || this.bar.hidden) {
            this.close();
            return;
        }

        this.name.replaceChildren(document.title);
        this.bar.classList.add('open');
        this.tools.inert = false;
        this.handle.setAttribute('aria-expanded', 'true');
        this.full?.focus({ preventScroll: true });
        this.hideLater();
    }

    close() {
        clearTimeout(this.hideTimer);
        this.hideTimer = 0;

        if (this.opened()) {
            const focused = this.bar.contains(document.activeElement);

            this.toggleMenu(false);
            this.bar.classList.remove('open');
            this.tools.inert = true;
            this.handle.setAttribute('aria-expanded', 'false');

            if (focused && this.session.state === 'live') {
                this.parts.keyboard.focus();
            }
        }
    }

    hideLater() {
        clearTimeout(this.hideTimer);
        this.hideTimer = window.setTimeout(() => {
            this.hideTimer = 0;

            if (!this.bar.matches(':hover') && !this.bar.matches(':has(:focus-visible)')
                && this.menu?.hidden !== false)
            {
                this.close();
            }
        }, AUTO_HIDE_MS);
    }

    /** @param {boolean} open */
    toggleMenu(open) {
        if (this.menu !== undefined) {
            this.menu.hidden = !open;
            this.keys?.setAttribute('aria-expanded', String(open));

            if (open) {
                this.menu.querySelector('button')?.focus();
            }
        }
    }

    /** @param {KeyboardEvent} event */
    key(event) {
        const inMenu = this.menu?.contains(document.activeElement) === true;
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];

        if (event.key === 'Escape') {
            if (inMenu) {
                this.toggleMenu(false);
                this.keys?.focus();
            } else {
                this.close();
            }
            event.preventDefault();

        } else if (step !== undefined) {
            const root = inMenu ? this.menu : this.tools;
            const all = [.../** @type {HTMLElement} */ (root).querySelectorAll('button')]
                .filter(item => item.offsetParent !== null
                                && (inMenu || !this.menu?.contains(item)));
            const at = all.indexOf(/** @type {any} */ (document.activeElement));

            all[(at + step + all.length) % all.length]?.focus();
            event.preventDefault();
        }
    }

    /* ---- what it shows ---- */

    async fullscreen() {
        try {
            if (document.fullscreenElement === null) {
                await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
            } else {
                await document.exitFullscreen();
            }
        } catch {
            this.say('This browser does not allow fullscreen here.');
        }
    }

    fullscreenChanged() {
        const full = document.fullscreenElement !== null;

        this.full?.querySelector('use')?.setAttribute('href',
            full ? '#icon-shrink' : '#icon-enlarge');
        this.full?.querySelector('span')?.replaceChildren(full ? 'Window' : 'Fullscreen');
        this.close();
        this.parts.keyboard.focus();
    }

    /** Buttons of what this session may do, and the operator shows. */
    controlChanged() {
        const { control } = this.session;

        for (const [item, part, controls] of /** @type {[HTMLElement, string, boolean][]} */ ([
            [this.full, 'sidebar_show_fullscreen', false],
            [this.game, 'sidebar_show_gaming_mode', true],
            [this.type, 'sidebar_show_keyboard_button', true],
            [this.pad, 'sidebar_show_trackpad', true],
            [this.keys, 'show_core_buttons', true],
            [this.figures, 'sidebar_show_stats', false],
            [this.power, 'show_core_buttons', false],
            [this.heading, 'show_logo', false],
            [this.bar, 'show_sidebar', false]]))
        {
            item.hidden = controls && !control || !this.session.shows(part);
        }

        if (this.bar.hidden) {
            this.close();
            this.panels.show('');
        }

        document.documentElement.classList.toggle('viewer', !control);
        document.documentElement.classList.toggle(
            'plain-keys', !this.session.shows('sidebar_show_soft_buttons'));
    }

    soundChanged() {
        const state = this.session.sound?.state ?? 'off';
        const silent = state === 'muted';

        if (this.mute !== undefined) {
            this.mute.hidden = state === 'off';
            this.mute.querySelector('use')?.setAttribute('href',
                silent ? '#icon-muted' : '#icon-sound');
            this.mute.querySelector('span')?.replaceChildren(silent ? 'Unmute' : 'Mute');
        }
    }

    showQuality() {
        const { stats, latency } = this.session;
        const { level, text } = this.quality.now();
        const word = { off: text.slice(0, -1), good: 'Connection good', fair: 'Connection fair',
                       poor: 'Connection poor' }[level];
        const size = stats.width > 0 ? ` · ${stats.width} × ${stats.height}` : '';
        const rtt = latency >= 0 ? ` · ${Math.round(latency)} ms` : '';

        for (const dot of [this.dot, this.light]) {
            dot.dataset.quality = level;
        }

        this.line.textContent = level === 'off' ? word : word + size + rtt;
        this.heading.title = text;
        this.handle.setAttribute('aria-label', `Toolbar. ${word}`);
    }

    /** @param {string} text */
    say(text) {
        clearTimeout(this.toastTimer);
        this.toast.textContent = text;
        this.toast.hidden = false;
        this.toastTimer = window.setTimeout(() => {
            this.toast.hidden = true;
        }, TOAST_MS);
    }
}


/** @param {Parts} parts */
export function mount(parts) {
    return new Toolbar(parts);
}
