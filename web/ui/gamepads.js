/**
 * The panel of gamepads: which there are, whose they are for the desktop's
 * programs, and what they do, to see that they work.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { watch } from '../input/gamepad.js';
import { button, element } from './dom.js';

const NAMES = ['A', 'B', 'X', 'Y', 'LB', 'RB', 'LT', 'RT', 'Back', 'Start', 'LS', 'RS',
               '↑', '↓', '←', '→', 'Home'];

/** @typedef {{ row: HTMLElement, buttons: HTMLElement[], sticks: HTMLElement[],
 *              slot: HTMLSelectElement | null }} Shown */

class GamepadPanel {
    /**
     * @param {HTMLElement} body
     * @param {import('../session.js').Session} session
     * @param {(text: string) => void} say
     * @param {() => void} close
     */
    constructor(body, session, say, close) {
        this.pads = watch(session);
        this.frame = 0;
        /** @type {Map<number, Shown>} */
        this.shown = new Map();
        this.none = element('div', { class: 'none' },
            element('p', {}, 'No gamepad yet.'),
            element('p', { class: 'quiet' }, 'Connect one and press a button on it: browsers '
                    + 'tell of a gamepad only then.'));
        this.list = element('ul', {});
        this.hint = element('p', { class: 'quiet', hidden: '' });
        this.touch = button({ text: '', icon: 'gamepads', class: 'act', run: async () => {
            const on = this.pads.own.length === 0;

            try {
                const module = await import('./touchgamepad.js');

                (await module.touchGamepad(session)).choose(on);
                close();
            } catch {
                say('The touch gamepad could not be loaded.');
            }
        } });
        this.taps = element('p', { class: 'quiet hint' }, 'Tap a stick twice to press it.');
        body.append(this.none, this.list, this.hint,
                    element('div', { class: 'row' }, this.touch), this.taps);
        session.on('pads', () => this.update());
        this.update();
    }

    /** @param {Gamepad} pad
     *  @returns {Shown} */
    make(pad) {
        const name = pad.id.replace(/\s*\((STANDARD GAMEPAD )?Vendor.*$/i, '') || 'Gamepad';
        const buttons = NAMES.map(text => element('span', { class: 'key' }, text));
        const sticks = [0, 1].map(() => element('i', {}));
        const slot = this.pads.player > 0 ? null : /** @type {HTMLSelectElement} */ (
            element('select', { 'aria-label': `Player of ${name}` },
                ...[1, 2, 3, 4].map(n => element('option', { value: String(n - 1) },
                                                 `Player ${n}`))));

        slot?.addEventListener('change', () => this.pads.choose(pad.index, Number(slot.value)));
        return { buttons, sticks, slot, row: element('li', { class: 'pad' },
            element('div', { class: 'row' }, element('strong', { class: 'grow' }, name),
                slot ?? element('span', { class: 'quiet' }, `Player ${this.pads.player + 1}`)),
            element('div', { class: 'state', 'aria-hidden': 'true' },
                ...sticks.map(dot => element('span', { class: 'stick' }, dot)),
                element('span', { class: 'keys' }, ...buttons))) };
    }

    update() {
        const pads = this.pads.pads();
        const there = new Set(pads.map(pad => pad.index));

        for (const [index, { row }] of this.shown) {
            if (!there.has(index)) {
                row.remove();
                this.shown.delete(index);
            }
        }

        for (const pad of pads) {
            let shown = this.shown.get(pad.index);

            if (shown === undefined) {
                shown = this.make(pad);
                this.shown.set(pad.index, shown);
                this.list.append(shown.row);
            }

            if (shown.slot !== null) {
                shown.slot.value = String(this.pads.slotOf(pad.index));
            }
        }

        const touch = this.pads.own.length > 0;

        this.touch.lastElementChild?.replaceChildren(
            touch ? 'Hide the touch gamepad' : 'Show a touch gamepad');
        /* for fingers it is the first thing to offer */
        this.touch.classList.toggle('main', pads.length === 0
                                            && matchMedia('(pointer: coarse)').matches);
        this.taps.hidden = !touch;
        this.none.hidden = pads.length > 0;
        this.hint.hidden = pads.length === 0 || this.pads.may();
        this.hint.textContent = 'What a gamepad does is not sent to the desktop now.';
    }

    draw() {
        for (const pad of this.pads.pads()) {
            const shown = this.shown.get(pad.index);
            const { buttons, axes } = this.pads.read(pad);

            shown?.buttons.forEach((key, i) => {
                key.style.setProperty('--on', String(buttons[i] ?? 0));
            });
            shown?.sticks.forEach((dot, i) => {
                dot.style.translate = `${(axes[2 * i] ?? 0) * 14}px ${(axes[2 * i + 1] ?? 0) * 14}px`;
            });
        }

        this.frame = requestAnimationFrame(() => this.draw());
    }

    stop() {
        cancelAnimationFrame(this.frame);
    }
}


/** @type {import('./panels.js').Module['mount']} */
export function mount(body, parts, say, close) {
    const panel = new GamepadPanel(body, parts.session, say, close);

    return {
        shown: () => {
            panel.update();
            panel.stop();
            panel.draw();
        },
        hidden: () => panel.stop()
    };
}
