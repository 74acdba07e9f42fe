/**
 * The panel of programs: those the operator has declared, and, where the shell
 * may be used, a field for a command.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element } from './dom.js';

/** What the server may say of a start, in front of the reason. */
const FAILED = 'command_error,';

class Apps {
    /**
     * @param {HTMLElement} body
     * @param {import('./toolbar.js').Parts} parts
     * @param {(text: string) => void} say
     */
    constructor(body, parts, say) {
        this.session = parts.session;
        this.say = say;
        this.list = element('div', { class: 'programs' });
        this.none = element('p', { class: 'quiet' },
            'The server offers no programs to start from here.');
        this.trouble = element('p', { class: 'trouble', role: 'alert', hidden: '' });
        this.field = /** @type {HTMLInputElement} */ (element('input', {
            type: 'text', 'aria-label': 'Command', placeholder: 'xterm -e top',
            autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' }));
        this.run = button({ text: 'Run', class: 'act', run: () => this.command() });
        this.shell = element('div', {},
            element('h3', {}, 'Run a command'),
            element('div', { class: 'row' },
                element('span', { class: 'grow' }, this.field), this.run));
        body.append(this.list, this.none, this.shell, this.trouble);

        this.field.addEventListener('input', () => this.update());
        this.field.addEventListener('keydown', event => {
            if (event.key === 'Enter' && !event.isComposing) {
                event.preventDefault();
                this.command();
            }
        });
        this.session.on('apps', () => this.fill());
        this.session.on('settings', () => this.update());
        this.session.on('state', () => this.update());
        this.session.on('system', action => {
            if (String(action).startsWith(FAILED)) {
                this.fail(String(action).slice(FAILED.length));
            }
        });
        this.fill();
    }

    fill() {
        this.list.replaceChildren(...this.session.apps.map(({ id, name }) => button({
            text: name, class: 'act', title: name, run: () => {
                this.start(`app,${id}`, `Starting ${name}`);
            } })));
        this.update();
    }

    update() {
        const live = this.session.state === 'live';

        this.shell.hidden = this.session.settings.command_enabled?.value !== true;
        this.none.hidden = this.session.apps.length > 0 || !this.shell.hidden;
        this.run.disabled = !live || this.field.value.trim() === '';

        for (const item of this.list.querySelectorAll('button')) {
            item.disabled = !live;
        }
    }

    command() {
        const text = this.field.value.trim();

        if (text !== '' && this.session.state === 'live') {
            this.field.value = '';
            this.start(`cmd,${text}`, 'Running the command');
            this.update();
        }
    }

    /**
     * The server speaks up only where nothing came of it.
     *
     * @param {string} message
     * @param {string} text
     */
    start(message, text) {
        this.trouble.hidden = true;
        this.session.send([message]);
        this.say(`${text}…`);
    }

    /** @param {string} reason */
    fail(reason) {
        this.trouble.textContent = `That did not start: ${reason}.`;
        this.trouble.hidden = false;
    }
}


/** @type {import('./panels.js').Module['mount']} */
export function mount(body, parts, say) {
    const apps = new Apps(body, parts, say);

    return { shown: () => apps.update() };
}
