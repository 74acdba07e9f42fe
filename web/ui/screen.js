/**
 * The controls of this screen in its panel: size, pixels, size of text. What
 * the server has fixed is not offered.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { element } from './dom.js';

const SIZES = ['1280x720', '1280x800', '1600x900', '1920x1080', '2560x1440', '3840x2160'];

/**
 * @param {string} label
 * @param {[string, string][]} options  value and text
 * @param {(value: string) => void} chosen
 */
function choice(label, options, chosen) {
    const select = /** @type {HTMLSelectElement} */ (element('select', {},
        ...options.map(([value, text]) => element('option', { value }, text))));
    const field = element('label', { class: 'field' }, element('span', {}, label), select);

    select.addEventListener('change', () => chosen(select.value));
    return { field, select };
}


export class ScreenControls {
    /** @param {import('./toolbar.js').Parts} parts */
    constructor(parts) {
        const { session } = parts;

        this.parts = parts;
        this.session = session;
        this.size = choice('Size', [['', 'As large as this window'],
            ...SIZES.map(size => /** @type {[string, string]} */ (
                [size, size.replace('x', ' × ')]))], size => this.change({ size }));
        this.pixels = choice('Pixels', [['device', 'Sharp: those of this monitor'],
            ['css', 'Large: less to send, less sharp']],
            value => this.change({ css: value === 'css' }));
        this.text = choice('Size of text', [['0', 'As on this computer'],
            ...this.dots().map(dpi => /** @type {[string, string]} */ (
                [String(dpi), `${Math.round(dpi / 0.96)} %`]))],
            dpi => this.change({ dpi: Number(dpi) }));
        this.element = element('div', { class: 'fields' }, this.size.field, this.pixels.field,
                               this.text.field);
        session.on('settings', () => this.update());
        this.update();
    }

    /** The stops the server allows. */
    dots() {
        const allowed = this.session.settings.scaling_dpi?.allowed;

        return (Array.isArray(allowed) ? allowed : []).map(Number).filter(dpi => dpi > 0);
    }

    /** @param {Partial<import('../screen.js').Wishes>} wishes */
    change(wishes) {
        const { choice: chosen, settings } = this.session;
        const before = chosen.dpi(settings);

        chosen.change(wishes);
        this.session.sendSize();
        this.session.emit('layout');

        if (chosen.dpi(settings) !== before) {
            this.session.send([`s,${chosen.dpi(settings)}`]);
        }

        this.update();
    }

    update() {
        const { choice: chosen, settings } = this.session;

        this.size.field.hidden = settings.is_manual_resolution_mode?.value === true;
        this.pixels.field.hidden = devicePixelRatio === 1 || chosen.wishes.size !== ''
                                   || settings.use_css_scaling?.locked === true;
        this.text.field.hidden = this.dots().length < 2
                                 || this.session.fragment.display !== 'primary';

        if (!SIZES.includes(chosen.wishes.size) && chosen.wishes.size !== ''
            && this.size.select.namedItem(chosen.wishes.size) === null)
        {
            this.size.select.append(element('option', {
                id: chosen.wishes.size, value: chosen.wishes.size },
                chosen.wishes.size.replace('x', ' × ')));
        }

        this.size.select.value = chosen.wishes.size;
        this.pixels.select.value = chosen.inCss(settings) ? 'css' : 'device';
        this.text.select.value = String(chosen.wishes.dpi);
    }
}
