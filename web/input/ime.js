/**
 * Text that no key explains: input methods, dead keys, dictation, soft
 * keyboards. What is being composed is shown where the user looks, and typed
 * when it is done; a soft keyboard's words are typed as they grow.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { BACKSPACE, DELETE, RETURN } from './keysyms.js';

/** A character that a soft keyboard can delete. */
const SENTINEL = '\u200b';

/** How one text becomes another: so many characters away from its end, then
 *  these.
 *
 * @param {string} before
 * @param {string} after
 */
export function difference(before, after) {
    const from = Array.from(before);
    const to = Array.from(after);
    let same = 0;

    while (same < from.length && same < to.length && from[same] === to[same]) {
        same++;
    }

    return { erase: from.length - same, text: to.slice(same).join('') };
}


export class Composer {
    /** @param {import('./keyboard.js').Keyboard} keyboard */
    constructor(keyboard) {
        this.keyboard = keyboard;
        this.field = keyboard.field;
        /** a soft keyboard composes words, of which the end may never come; one
         *  for Chinese, Japanese or Korean composes what is to be replaced */
        this.growing = keyboard.soft && !/^(zh|ja|ko)/.test(navigator.language ?? '');
        this.typed = '';

        const field = this.field;

        field.addEventListener('beforeinput', event => this.input(event));
        field.addEventListener('input', event => {
            /* not every soft keyboard lets itself be prevented */
            if (!(/** @type {InputEvent} */ (event).isComposing)) {
                this.reset();
            }
        });
        field.addEventListener('compositionstart', () => this.begin());
        field.addEventListener('compositionupdate', event => this.update(event.data));
        field.addEventListener('compositionend', event => this.end(event.data));
        this.reset();
    }

    reset() {
        this.field.value = SENTINEL;
        this.field.setSelectionRange(1, 1);
    }

    begin() {
        this.keyboard.flush();
        this.typed = '';

        if (!this.growing && this.keyboard.session.control) {
            const { x, y } = this.keyboard.pointer.spot();
            const style = this.field.style;

            this.field.value = '';
            style.left = `${Math.round(x)}px`;
            style.top = `${Math.round(y)}px`;
            this.field.classList.add('composing');
        }
    }

    /** @param {string} text */
    update(text) {
        if (this.growing) {
            const { erase, text: more } = difference(this.typed, text);

            this.typed = text;
            this.keyboard.type(Array(erase).fill(BACKSPACE));
            this.keyboard.text(more);
        }
    }

    /** @param {string} text */
    end(text) {
        if (this.growing) {
            this.update(text);
            this.typed = '';
        } else {
            this.keyboard.text(text);
        }

        this.field.classList.remove('composing');
        this.field.style.left = '';
        this.field.style.top = '';
        this.reset();
    }

    /** @param {InputEvent} event */
    input(event) {
        const { keyboard } = this;
        const kind = event.inputType;

        if (event.isComposing || /Composition/.test(kind)) {
            return;
        }

        event.preventDefault();
        keyboard.afterDead = false;
        keyboard.pointer.flush();

        if (kind.startsWith('deleteContentForward')) {
            keyboard.type([DELETE]);
        } else if (kind.startsWith('delete')) {
            keyboard.type([BACKSPACE]);
        } else if (/LineBreak|Paragraph/.test(kind)) {
            keyboard.type([RETURN]);
        } else if (kind === 'insertText' || kind === 'insertFromPaste') {
            keyboard.text(event.data ?? event.dataTransfer?.getData('text/plain') ?? '');
        }
    }
}
