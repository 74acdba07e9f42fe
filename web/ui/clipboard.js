/**
 * The clipboard panel: what the desktop has, as text or as a picture, to be
 * copied here; a field to send from; what the browser allows, and how to have
 * it allow more.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { isEmpty, sizeOf } from '../contents.js';
import { button, element } from './dom.js';

/** Characters shown; the whole text is copied all the same. */
const SHOWN = 100000;

/** What a page may do with the clipboard, in the words of its user.
 *
 * @type {Record<import('../clipboard.js').Permission, string>} */
const EXPLAINED = {
    granted: 'This browser lets the page use the clipboard: copy and paste work on both sides '
        + 'by themselves.',
    prompt: 'Ctrl+V pastes what this computer copied. To have it on the desktop without that key, '
        + 'let the page read the clipboard.',
    denied: 'Ctrl+V pastes what this computer copied. The page may not read the clipboard by '
        + 'itself: allow it behind the icon at the left of the address.',
    gesture: 'Ctrl+V pastes what this computer copied. What the desktop copied is here after your '
        + 'next click or key. This browser allows no more than that; its “Paste” button, if it '
        + 'shows one, is its way of asking.',
    none: 'This address is not secure (https), so the browser hides its clipboard from the page. '
        + 'Ctrl+V still pastes, and what the desktop copied is here after your next click or key.'
};

/** @param {HTMLElement} body
 *  @param {import('./toolbar.js').Parts} parts
 *  @param {(text: string) => void} say */
export function mount(body, parts, say) {
    const { clipboard, session } = parts;
    let address = '';

    const text = /** @type {HTMLTextAreaElement} */ (element('textarea', {
        readonly: '', 'aria-label': 'Clipboard of the desktop', spellcheck: 'false' }));
    const image = /** @type {HTMLImageElement} */ (element('img', {
        alt: 'Picture on the clipboard of the desktop' }));
    const picture = element('a', { class: 'picture', title: 'Save the picture' }, image);
    const size = element('span', { class: 'quiet grow' });
    const copy = button({ text: 'Copy', class: 'act main', run: () => void copyHere() });
    const save = button({ text: 'Save', class: 'act', run: () => picture.click() });
    const empty = element('p', { class: 'quiet' });
    const trouble = element('p', { class: 'trouble', role: 'alert' });
    const bar = /** @type {HTMLProgressElement} */ (element('progress', {
        hidden: '', 'aria-label': 'On its way from the desktop' }));

    const field = /** @type {HTMLTextAreaElement} */ (element('textarea', {
        'aria-label': 'Text for the desktop', spellcheck: 'false',
        placeholder: 'Type or paste here, then send' }));
    const send = button({ text: 'Send to the desktop', class: 'act', run: () => void sendThis() });
    const permission = element('p', { class: 'quiet' });
    const allow = button({ text: 'Let the page read the clipboard', class: 'act',
                           run: () => void askBrowser() });
    const from = element('div', {}, bar, trouble, empty, text, picture,
                         element('div', { class: 'row' }, size, save, copy));
    const to = element('div', {}, element('h3', {}, 'To the desktop'), field,
                       element('div', { class: 'row' }, element('span', { class: 'grow' }), send));

    body.append(from, to, element('h3', {}, 'This browser'), permission, allow);
    field.addEventListener('input', update);
    session.on('clipboard-changed', update);
    session.on('clipboard-progress', part => {
        bar.value = part;
        bar.hidden = part >= 1;
    });
    session.on('settings', update);

    async function copyHere() {
        clipboard.pending = clipboard.desktop;

        if (navigator.clipboard?.write === undefined) {
            clipboard.gesture();
        } else {
            await clipboard.write();
        }

        say(clipboard.pending === null && clipboard.local === clipboard.desktop ? 'Copied'
            : 'The browser did not take it.');
    }

    async function sendThis() {
        await clipboard.send({ text: field.value, html: '', image: null });

        if (clipboard.refusal === '') {
            field.value = '';
            say('The desktop can paste it now.');
        }

        update();
    }

    async function askBrowser() {
        const content = await clipboard.read();

        if (content === null) {
            say('The browser did not allow it.');
        } else {
            await clipboard.send(content);
        }

        update();
    }

    function showPicture() {
        const part = clipboard.desktop.image;

        URL.revokeObjectURL(address);
        address = '';
        picture.hidden = part === null;
        save.hidden = part === null;

        if (part !== null) {
            address = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (part.bytes)],
                                                   { type: part.mime }));
            image.src = address;
            picture.setAttribute('href', address);
            picture.setAttribute('download',
                'clipboard.' + part.mime.replace(/^image\/([a-z]+).*/, '$1'));
        }
    }

    function update() {
        const { desktop } = clipboard;
        const out = clipboard.allowed('out');
        const nothing = isEmpty(desktop);
        const part = desktop.image;

        text.hidden = nothing || part !== null;
        text.value = desktop.text.slice(0, SHOWN);
        copy.hidden = nothing || part !== null && part.mime !== 'image/png';
        empty.hidden = !nothing;
        empty.textContent = out ? 'Copy something on the desktop and it appears here.'
            : 'This server does not pass on what the desktop copies.';
        size.textContent = nothing ? ''
            : part !== null ? `${part.mime.slice(6).toUpperCase()}, ${sizeOf(part.bytes.length)}`
                : `${desktop.text.length.toLocaleString()} characters`
                  + (desktop.text.length > SHOWN ? ', the first of them shown' : '');
        trouble.hidden = clipboard.refusal === '';
        trouble.textContent = clipboard.refusal;
        to.hidden = !clipboard.allowed('in');
        send.disabled = field.value === '';
        permission.textContent = EXPLAINED[clipboard.permission];
        allow.hidden = clipboard.permission !== 'prompt' || !clipboard.allowed('in');
        showPicture();
    }

    update();
    return { shown: update };
}
