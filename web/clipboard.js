/**
 * The clipboard between the desktop and this computer. What the desktop copies
 * is written to the browser's clipboard, as soon as the browser lets a page do
 * that; what this computer copied is sent before the key that pastes it, when
 * the window comes to the front, or when the user says so in the panel. Without
 * the clipboard API of secure pages, events of copy and paste do for both.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { Assembler, CHUNK, MOST, NOTHING, blobsOf, contentOf, isEmpty, itemsOf, messagesOf, same,
         sizeOf } from './contents.js';
import { CONTROL_L } from './input/keysyms.js';

/** How long a paste key waits for the browser's event. */
const PASTE_MS = 150;
/** What is so small is sent again rather than compared. */
const SMALL = 65536;
const KEY_V = 0x76;

/**
 * @typedef {import('./contents.js').Content} Content
 * @typedef {import('./contents.js').Part} Part
 *
 * `granted`, `prompt` and `denied` are the browser's answers; `gesture` where a
 * page is not told and may write after a key or a click alone; `none` without
 * the API.
 * @typedef {'granted' | 'prompt' | 'denied' | 'gesture' | 'none'} Permission
 */

export class Clipboard {
    /**
     * @param {import('./session.js').Session} session
     * @param {import('./input/keyboard.js').Keyboard} keyboard
     */
    constructor(session, keyboard) {
        this.session = session;
        this.keyboard = keyboard;
        this.field = keyboard.field;
        this.parts = new Assembler();
        this.html = '';
        /** what the desktop has, as far as we know */
        this.desktop = NOTHING;
        /** what this computer was last seen to have */
        this.local = NOTHING;
        /** the next part answers our question: it is for the panel alone */
        this.asked = false;
        /** what the browser's clipboard is still to get @type {Content | null} */
        this.pending = null;
        /** why the last transfer failed */
        this.refusal = '';
        this.maxBytes = MOST;
        /** @type {Permission} */
        this.permission = 'none';
        this.sending = 0;
        /** of a paste key that waits; 0: none does */
        this.pasteTimer = 0;

        session.on('text', text => text.startsWith('clipboard') && this.take(text));
        session.on('json:clipboard_status', status => this.refused(status));
        session.on('settings', () => this.ask());
        session.on('released', () => {
            /* keys of a lost socket are nobody's */
            clearTimeout(this.pasteTimer);
            this.pasteTimer = 0;
            session.waiting = null;
        });
        session.on('files-pasted', () => {
            /* files are uploaded: the desktop is not to paste what it has */
            session.waiting = session.waiting?.filter(
                ({ texts }) => !texts.some(text => text.startsWith('kd,'))) ?? null;
            this.go();
        });
        addEventListener('focus', () => void this.focused());
        document.addEventListener('paste', event => void this.pasted(event));

        for (const name of ['pointerdown', 'keydown']) {
            document.addEventListener(name, () => this.gesture(), { capture: true });
        }

        keyboard.beforeKey = event => this.key(event);
        void this.watchPermission();
        this.ask();
    }

    /** @param {'in' | 'out'} direction */
    allowed(direction) {
        const { settings, preferences } = this.session;
        const name = `clipboard_${direction}_enabled`;

        /* the server says what may be, the user what shall be of it */
        return this.session.control && settings.clipboard_enabled?.value === true
            && settings[name]?.value === true && preferences.values[name] !== false;
    }

    images() {
        return this.session.value('enable_binary_clipboard') === true;
    }

    /* ---- from the desktop ---- */

    /** A socket is new, and so may the desktop be. */
    ask() {
        if (!this.session.connected()) {
            return;
        }

        this.desktop = NOTHING;
        this.session.emit('clipboard-changed', this);

        if (this.allowed('out')) {
            this.session.send(['cr']);
        }

        if (document.hasFocus()) {
            void this.focused();
        }
    }

    /** @param {string} text */
    take(text) {
        if (text.startsWith('clipboard_reply,')) {
            this.asked = true;
            return;
        }

        const part = this.parts.take(text);

        /* how far a large one has come */
        this.session.emit('clipboard-progress', this.parts.begun === null ? 1
            : this.parts.begun.length / (this.parts.begun.bytes.length || 1));

        if (part === null) {
            return;
        }

        if (part.mime === 'text/html') {
            this.html = new TextDecoder().decode(part.bytes);
            return;
        }

        const isText = part.mime === 'text/plain';
        const content = { text: isText ? new TextDecoder().decode(part.bytes) : '',
                          html: isText ? this.html : '', image: isText ? null : part };
        const quiet = this.asked;

        this.html = '';
        this.asked = false;

        if (isEmpty(content)) {
            return;
        }

        this.desktop = content;
        this.refusal = '';
        this.session.emit('clipboard-changed', this);

        if (!quiet) {
            this.pending = content;
            void this.write();
        }
    }

    /** @param {{ direction?: string, reason?: string, max_bytes?: number }} status */
    refused(status) {
        const limit = Number(status.max_bytes);
        const outward = status.direction === 'out';

        this.maxBytes = limit > 0 ? limit : MOST;
        /* the rest of it need not be sent */
        this.sending += outward ? 0 : 1;
        this.refusal = {
            too_large: `${outward ? 'What the desktop copied' : 'The clipboard'} is larger than `
                       + `${sizeOf(this.maxBytes)}, the limit of this server.`,
            too_fast: 'Too many clipboards at once. Copy it again.',
            disabled: 'This server does not allow that.',
            type: 'The server does not take this kind of picture.',
            broken: 'The clipboard did not arrive whole. Copy it again.'
        }[String(status.reason)] ?? 'The clipboard was not passed on.';

        this.session.emit('clipboard-changed', this);
        this.session.emit('say', this.refusal);
    }

    /** Writes what is pending to the browser's clipboard. Where it may not, a key
     *  or a click will try again. */
    async write() {
        const content = this.pending;

        if (content === null || !document.hasFocus() || navigator.clipboard?.write === undefined) {
            return;
        }

        try {
            await navigator.clipboard.write([new ClipboardItem(blobsOf(content))]);

            if (this.pending === content) {
                this.pending = null;
                this.local = content;
                this.session.emit('clipboard-changed', this);
            }
        } catch {
            /* an image of a type that no clipboard takes stays in the panel */
            if (this.pending === content && content.image !== null
                && content.image.mime !== 'image/png')
            {
                this.pending = null;
            }
        }
    }

    /** A key or a click lets a page do more. */
    gesture() {
        if (this.pending === null) {
            return;
        }

        if (navigator.clipboard?.write !== undefined) {
            void this.write();
        } else if (this.pending.text !== '' && this.copyByEvent(this.pending)) {
            this.local = this.pending;
            this.pending = null;
            this.session.emit('clipboard-changed', this);
        }
    }

    /** The way without the API: a copy of ours, and its event.
     *
     *  @param {Content} content */
    copyByEvent(content) {
        let copied = false;
        const fill = (/** @type {ClipboardEvent} */ event) => {
            event.preventDefault();
            event.stopImmediatePropagation();
            event.clipboardData?.setData('text/plain', content.text);

            if (content.html !== '') {
                event.clipboardData?.setData('text/html', content.html);
            }

            copied = event.clipboardData !== null;
        };
        const enable = (/** @type {Event} */ event) => event.preventDefault();

        document.addEventListener('copy', fill, { capture: true });
        document.addEventListener('beforecopy', enable, { capture: true });
        document.execCommand('copy');
        document.removeEventListener('copy', fill, { capture: true });
        document.removeEventListener('beforecopy', enable, { capture: true });
        return copied;
    }

    /* ---- to the desktop ---- */

    /** Before a key goes out. A paste key has to wait for what it pastes, which
     *  the browser's own paste event brings: that needs no permission.
     *
     *  @param {KeyboardEvent} event
     *  @returns {boolean} true where the browser must see the key */
    key(event) {
        const shortcut = event.key.toLowerCase() === 'v' && (event.ctrlKey || event.metaKey)
                         && !event.altKey
                         || event.key === 'Insert' && event.shiftKey && !event.ctrlKey;

        if (!shortcut || event.repeat || !this.allowed('in')) {
            return false;
        }

        this.session.hold();
        clearTimeout(this.pasteTimer);
        this.pasteTimer = window.setTimeout(() => this.go(), PASTE_MS);
        return true;
    }

    /** The paste key, and what came behind it. */
    go() {
        clearTimeout(this.pasteTimer);
        this.pasteTimer = 0;
        this.session.letGo();
    }

    /** @param {ClipboardEvent} event */
    async pasted(event) {
        const target = /** @type {HTMLElement | null} */ (event.target);
        const key = this.pasteTimer !== 0;

        /* a field of a panel keeps what is pasted into it */
        if (target !== this.field && target?.closest?.('input, textarea') !== null
            || !this.allowed('in') || event.clipboardData === null)
        {
            return;
        }

        event.preventDefault();
        clearTimeout(this.pasteTimer);
        this.session.hold();

        if (!key) {
            /* of a menu of the browser's: the desktop pastes, too */
            this.keyboard.combination([CONTROL_L, KEY_V]);
        }

        try {
            const content = await contentOf(event.clipboardData, this.images());

            if (content.text.length < SMALL && content.text !== ''
                || !same(content, this.desktop) || !this.allowed('out'))
            {
                await this.send(content);
            }
        } finally {
            this.go();
        }
    }

    async focused() {
        void this.write();

        if (this.permission !== 'granted' || !this.allowed('in')) {
            return;
        }

        const content = await this.read();

        /* what was here before is no news */
        if (content !== null && !same(content, this.local) && !same(content, this.desktop)) {
            await this.send(content);
        }
    }

    /** Reads this computer's clipboard; the browser may ask the user.
     *
     *  @returns {Promise<Content | null>} null where it says no */
    async read() {
        try {
            return await itemsOf(await navigator.clipboard.read(), this.images());
        } catch {
            return null;
        }
    }

    /** Later messages stay behind it if the session holds them.
     *
     *  @param {Content} content */
    async send(content) {
        if (!this.allowed('in') || isEmpty(content)) {
            return;
        }

        const encoder = new TextEncoder();
        /** @type {Part[]} */
        const parts = [];
        const number = ++this.sending;

        if (content.text !== '') {
            const html = encoder.encode(content.html);
            const text = encoder.encode(content.text);

            if (html.length > 0 && this.session.have.includes('html')
                && html.length + text.length <= this.maxBytes)
            {
                parts.push({ mime: 'text/html', bytes: html });
            }

            parts.push({ mime: 'text/plain', bytes: text });
        } else if (content.image !== null) {
            parts.push(content.image);
        }

        this.local = content;
        this.pending = null;
        this.refusal = '';

        for (const part of parts) {
            if (part.bytes.length > this.maxBytes) {
                this.refused({ direction: 'in', reason: 'too_large', max_bytes: this.maxBytes });
                return;
            }

            for (const message of messagesOf(part)) {
                this.session.send([message], false, true);

                if (message.length > CHUNK) {
                    /* a large one leaves room for others, and can be refused */
                    await new Promise(resolve => {
                        setTimeout(resolve);
                    });

                    if (number !== this.sending) {
                        return;
                    }
                }
            }
        }

        this.desktop = content;
        this.session.emit('clipboard-changed', this);
    }

    /* ---- what the browser allows ---- */

    async watchPermission() {
        if (navigator.clipboard?.read === undefined) {
            this.permission = 'none';
            return;
        }

        try {
            const status = await navigator.permissions.query(
                { name: /** @type {any} */ ('clipboard-read') });
            const update = () => {
                this.permission = /** @type {Permission} */ (status.state);
                this.session.emit('clipboard-changed', this);
            };

            status.addEventListener('change', update);
            update();
        } catch {
            this.permission = 'gesture';
        }
    }
}
