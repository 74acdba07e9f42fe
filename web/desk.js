/**
 * What is around the picture: input, toolbar, overlays, title; and what comes with
 * sound and gamepads, once there are any. None of it is needed before the socket,
 * so it is loaded beside the handshake, as one.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { watch as watchAlive } from './alive.js';
import { Clipboard } from './clipboard.js';
import { watch as watchColour } from './colour.js';
import { Keyboard } from './input/keyboard.js';
import { Pointer } from './input/pointer.js';
import { watch as watchLite } from './lite.js';
import { styled } from './ui/dom.js';
import { show, watch as watchScreens } from './ui/screens.js';
import { mount as mountToolbar } from './ui/toolbar.js';

/** the default of ui_title: nobody has chosen one */
const PLAIN_TITLE = 'Selkies';

/** @typedef {import('./session.js').Session} Session */

/** @param {unknown} text  of the operator's, if there is one */
function setTitle(text) {
    if (typeof text === 'string' && text !== '') {
        document.title = text;
        document.querySelector('#loading h1')?.replaceChildren(text);
    }
}


/** `selkies_title`, which the manifest has, or what the settings say instead.
 *
 * @param {Session} session */
async function readTitle(session) {
    let own = false;
    const consider = () => {
        const title = session.settings.ui_title?.value ?? PLAIN_TITLE;

        if (title !== PLAIN_TITLE) {
            own = true;
            setTitle(title);
        }
    };

    session.on('settings', consider);
    consider();

    try {
        const answer = await fetch(new URL('manifest.json', document.baseURI),
                                   { credentials: 'same-origin' });
        const manifest = answer.ok ? await answer.json() : {};

        setTitle(own ? '' : manifest.name);
    } catch {
        /* the page keeps the title it has */
    }
}


/** Sound has the time that pictures leave, and only where there is some.
 *
 * @param {Session} session
 * @param {boolean} probing */
function watchSound(session, probing) {
    let loading = false;
    const consider = () => {
        if (!loading && session.state === 'live'
            && session.settings.audio_enabled?.value === true)
        {
            loading = true;
            void (typeof AudioWorkletNode === 'undefined' || typeof AudioDecoder === 'undefined'
                ? import('./plain-sound.js') : import('./sound.js')
            ).then(module => module.watch(session, probing));
        }
    };

    session.on('state', consider);
    session.on('settings', consider);
    consider();
}


/** Gamepads are nothing to a page until there is one; it may have come
 * while the page was loading.
 *
 * @param {Session} session */
function watchGamepads(session) {
    const watch = () => {
        void import('./input/gamepad.js').then(module => module.watch(session));
    };

    addEventListener('gamepadconnected', watch, { once: true });

    try {
        if (navigator.getGamepads().some(Boolean)) {
            watch();
        }

    } catch {
        /* a page within one that does not allow them */
    }

    if (wantsTouchGamepad()) {
        void import('./ui/touchgamepad.js')
            .then(module => module.touchGamepad(session)).then(pad => pad.show(true));
    }
}


/** Where one was on show, and for a player who may have nothing but fingers. */
function wantsTouchGamepad() {
    let kept = null;

    try {
        kept = localStorage.getItem(`selkies-touchgamepad${location.hash}`);
    } catch {
        /* a page may have no storage */
    }

    return kept === '1' || kept === null && /^#player[2-4]$/.test(location.hash)
                           && matchMedia('(pointer: coarse)').matches;
}


/**
 * @param {Session} session
 * @param {HTMLElement} stage
 * @param {import('./ui/toolbar.js').Parts['picture'] & import('./input/pointer.js').Shown} picture
 * @param {boolean} probing  see ui/probe.js
 */
export async function mount(session, stage, picture, probing) {
    const pointer = new Pointer(session, stage, picture);
    const keyboard = new Keyboard(session, stage, pointer);
    const clipboard = new Clipboard(session, keyboard);

    void readTitle(session);
    await styled();
    watchScreens(session, stage);
    watchAlive(session);
    watchLite(session);
    watchColour(session);
    mountToolbar({ session, stage, picture, pointer, keyboard, clipboard });
    watchSound(session, probing);
    watchGamepads(session);

    if (!isSecureContext) {
        (await import('./ui/plain.js')).advise();
    }
}


/** A page that cannot even try.
 *
 * @param {string} why  a name of ui/screens.js */
export async function refuse(why) {
    await styled();
    show(why);
}
