/**
 * The panel of settings: what the server lets a person change, made from its
 * server_settings alone. A change takes effect at once, and this browser keeps
 * it. What the operator has fixed has no control, but is said.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element } from './dom.js';
import { ScreenControls } from './screen.js';
import { GROUPS } from './settings-table.js';

/** Of a slider that is drawn, only where it comes to rest is said. */
const DEBOUNCE_MS = 120;

/** @typedef {import('./settings-table.js').Control} Control */

/**
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {(value: any) => void} set
 * @property {string} shape  of the entry that it was made for
 *
 * @typedef {{ input: HTMLElement, output?: HTMLElement, set: (value: any) => void }} Made
 */

/** @param {any} entry  of server_settings
 *  @returns {'' | 'menu' | 'slider' | 'switch'} what lets one choose, if anything may be */
export function kindOf(entry) {
    if (entry === undefined || entry.locked === true) {
        return '';
    }

    if (Array.isArray(entry.allowed)) {
        return entry.allowed.length > 1 ? 'menu' : '';
    }

    if (entry.min !== undefined) {
        return entry.min < entry.max ? 'slider' : '';
    }

    return typeof entry.value === 'boolean' ? 'switch' : '';
}


/** @param {Control} control
 *  @param {any} value
 *  @returns {string} what a person reads */
export function spell(control, value) {
    if (typeof value === 'boolean') {
        return value ? 'on' : 'off';
    }

    return control.word?.(String(value))
        ?? String(value) + (control.unit === undefined ? '' : ` ${control.unit}`);
}


/** @param {(value: boolean) => void} chosen */
function makeSwitch(chosen) {
    const input = /** @type {HTMLInputElement} */ (
        element('input', { type: 'checkbox', role: 'switch', class: 'switch' }));

    input.addEventListener('change', () => chosen(input.checked));

    return { input, set(/** @type {any} */ value) {
        input.checked = value === true;
    } };
}


/** @param {Control} control
 *  @param {any} entry
 *  @param {(value: string) => void} chosen */
function makeMenu(control, entry, chosen) {
    const input = /** @type {HTMLSelectElement} */ (element('select', {},
        ...entry.allowed.map((/** @type {string} */ item) => (
            element('option', { value: item }, spell(control, item))))));

    input.addEventListener('change', () => chosen(input.value));

    return { input, set(/** @type {any} */ value) {
        input.value = String(value);
    } };
}


/** @param {Control} control
 *  @param {any} entry
 *  @param {(value: number) => void} chosen */
function makeSlider(control, entry, chosen) {
    const { min, max } = entry;
    const input = /** @type {HTMLInputElement} */ (element('input', {
        type: 'range', min: String(min), max: String(max), step: '1' }));
    const output = element('output', {});
    /* at the far end lies what is best */
    const turned = (/** @type {number} */ value) => control.reverse ? min + max - value : value;
    const say = (/** @type {number} */ value) => {
        output.textContent = spell(control, value);
        input.setAttribute('aria-valuetext', output.textContent);
    };

    input.addEventListener('input', () => {
        const value = turned(Number(input.value));

        say(value);
        chosen(value);
    });

    return { input, output, set(/** @type {any} */ value) {
        input.value = String(turned(Number(value)));
        say(Number(value));
    } };
}


/** @param {Control} control
 *  @param {any} entry
 *  @param {(value: any) => void} chosen
 *  @returns {Field} */
function makeField(control, entry, chosen) {
    const kind = kindOf(entry);
    /** @type {Made} */
    const made = kind === 'switch' ? makeSwitch(chosen)
        : kind === 'menu' ? makeMenu(control, entry, chosen)
            : makeSlider(control, entry, chosen);
    const id = `set-${control.name}`;
    const { input, output, set } = made;
    const row = element('div', { class: 'setting', 'data-kind': kind, 'data-setting': control.name },
        element('label', { for: id }, control.label), ...output === undefined ? [] : [output],
        input);

    input.id = id;

    if (control.hint !== undefined) {
        row.append(element('small', { id: `${id}-hint` }, control.hint));
        input.setAttribute('aria-describedby', `${id}-hint`);
    }

    return { element: row, set, shape: shapeOf(entry) };
}


/** @param {any} entry */
function shapeOf(entry) {
    return JSON.stringify([entry.allowed, entry.min, entry.max]);
}


/** Dark, light, or as the system is.
 *
 * @param {import('../session.js').Session} session */
function themeField(session) {
    const select = /** @type {HTMLSelectElement} */ (element('select', { id: 'theme' },
        ...Object.entries({ auto: 'As this computer', light: 'Light', dark: 'Dark' })
            .map(([value, text]) => element('option', { value }, text))));

    select.value = document.documentElement.dataset.theme ?? 'auto';
    select.addEventListener('change', () => session.emit('theme', select.value));

    return element('div', { class: 'setting', 'data-kind': 'menu' },
                   element('label', { for: 'theme' }, 'Colours'), select);
}


class Settings {
    /**
     * @param {HTMLElement} body
     * @param {import('./toolbar.js').Parts} parts
     * @param {(text: string) => void} say
     */
    constructor(body, parts, say) {
        this.session = parts.session;
        this.say = say;
        this.timer = 0;
        /** @type {Map<string, Field>} */
        this.fields = new Map();
        this.screen = new ScreenControls(parts);
        this.watcher = element('p', { class: 'quiet', hidden: '' },
            'Who controls the desktop chooses its picture and sound.');
        this.groups = GROUPS.map(group => this.makeGroup(group));
        this.reset = button({ text: 'Back to the server’s values', class: 'act',
                              run: () => this.forget() });
        body.append(this.watcher, ...this.groups.map(group => group.section),
                    element('div', { class: 'row' }, this.reset));

        for (const event of ['settings', 'preferences', 'control', 'colour']) {
            this.session.on(event, () => this.update());
        }

        this.update();
    }

    /** @param {import('./settings-table.js').Group} group */
    makeGroup(group) {
        const list = element('div', {});
        const fixed = element('p', { class: 'quiet fixed', hidden: '' });
        const section = element('details', { 'data-group': group.title },
            element('summary', {}, group.title), list,
            ...group.own === 'screen' ? [this.screen.element]
                : group.own === 'page' ? [themeField(this.session)] : [], fixed);

        section.toggleAttribute('open', group.closed !== true);
        return { group, section, list, fixed };
    }

    /** @param {Control} control */
    choosable(control) {
        const entry = this.session.settings[control.name];

        return control.permit && entry?.value !== true ? '' : kindOf(entry);
    }

    update() {
        const { session } = this;
        const value = (/** @type {string} */ name) => session.value(name);

        this.watcher.hidden = session.control;
        this.screen.update();
        this.reset.disabled = Object.keys(session.preferences.values).length === 0;
        this.reset.hidden = !session.control;

        for (const { group, section, list, fixed } of this.groups) {
            /** @type {string[]} */
            const said = [];
            let offered = group.own === 'screen' ? 1 : 0;

            for (const control of group.controls) {
                const entry = session.settings[control.name];
                const matters = entry !== undefined
                                && control.when?.(value, session) !== false;
                const kind = matters ? this.choosable(control) : '';

                this.place(list, group, control, kind !== '');
                offered += kind === '' ? 0 : 1;

                if (matters && kind === '') {
                    said.push(`${control.label}: ${spell(control, value(control.name))}`);
                }
            }

            fixed.textContent = `Fixed by the operator: ${said.join(' · ')}`;
            fixed.hidden = said.length === 0;
            section.hidden = group.own !== 'page' && (!session.control || said.length + offered === 0
                || (group.shown !== undefined && !session.shows(group.shown)));
        }
    }

    /** A control where one is offered, as it now has to be.
     *
     *  @param {HTMLElement} list
     *  @param {import('./settings-table.js').Group} group
     *  @param {Control} control
     *  @param {boolean} offered */
    place(list, group, control, offered) {
        const { session, fields } = this;
        const entry = session.settings[control.name];
        let field = fields.get(control.name);

        if (field !== undefined && (!offered || field.shape !== shapeOf(entry))) {
            field.element.remove();
            fields.delete(control.name);
            field = undefined;
        }

        if (offered && field === undefined) {
            const below = group.controls.slice(group.controls.indexOf(control) + 1)
                .find(other => fields.has(other.name));

            field = makeField(control, entry, value => this.change(control.name, value));
            fields.set(control.name, field);
            list.insertBefore(field.element,
                              fields.get(below?.name ?? '')?.element ?? null);
        }

        field?.set(session.value(control.name));
    }

    /** @param {string} name
     *  @param {any} value */
    change(name, value) {
        this.session.preferences.change(name, value);
        this.apply();
    }

    forget() {
        this.session.preferences.forget();
        this.apply();
        this.say('The server’s values are in force.');
    }

    apply() {
        const { session } = this;

        clearTimeout(this.timer);
        this.timer = window.setTimeout(() => {
            if (session.control && session.connected()) {
                session.send(['SETTINGS,' + JSON.stringify(session.claim())]);
            }
        }, DEBOUNCE_MS);
        session.emit('preferences');
    }
}


/** @type {import('./panels.js').Module['mount']} */
export function mount(body, parts, say) {
    const settings = new Settings(body, parts, say);

    return { shown: () => settings.update() };
}
