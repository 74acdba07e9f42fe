/**
 * What the user sees when there is no live picture: a card that says what
 * happened and what to do, above the frozen last frame where there is one.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element, icon } from './dom.js';

const NOTICE_DELAY_MS = 400;
const CARD_DELAY_MS = 4000;

/**
 * @typedef {object} Screen
 * @property {string} icon
 * @property {string} title
 * @property {string} text
 * @property {string[]} [hints]
 * @property {[string, 'retry' | 'reload' | 'https']} [action]
 * @property {string} [code]  for people who ask for help, see docs/troubleshooting.md;
 *           the name is one where there is none
 */

/** @type {Record<string, Screen>} */
const SCREENS = {
    insecure: {
        icon: 'lock', title: 'A secure connection is needed',
        text: 'Over plain HTTP this browser decodes no video that the desktop could be '
              + 'sent as.',
        hints: ['Open the desktop by its https:// address.',
                'On this very machine, use http://localhost instead of its name.',
                'An SSH tunnel to localhost works as well.'],
        action: ['Try https', 'https'] },
    decoder: {
        icon: 'film', title: 'This browser cannot show the video',
        text: 'Neither of its decoders for web pages works (WebCodecs, media elements), and '
              + 'the server sends no JPEG.',
        hints: ['Chrome and Edge from 94, Firefox from 130 and Safari from 16.4 have them.',
                'Is it up to date already? Then look for a switched-off media or '
                + 'hardware setting, or for a missing system codec package.'],
        action: ['Try again', 'reload'] },
    colour: {
        icon: 'film', title: 'This browser cannot show full colour',
        text: 'The desktop is sent in 4:4:4, which this browser does not decode.',
        hints: ['Chrome, Edge and Safari do.',
                'Whoever runs the server can turn it off: selkies_h264_fullcolor.'],
        action: ['Try again', 'retry'] },
    login: {
        icon: 'lock', title: 'Please sign in', code: '401',
        text: 'This desktop asks for a user name and a password.',
        action: ['Sign in', 'reload'] },
    forbidden: {
        icon: 'shield', title: 'Access refused', code: '403',
        text: 'The server knows this address or account and does not let it in.',
        hints: ['Ask whoever runs the server, or open it by the address they gave you.'],
        action: ['Try again', 'retry'] },
    busy: {
        icon: 'clock', title: 'Too many attempts', code: '429',
        text: 'The server asked us to wait a moment.',
        action: ['Try now', 'retry'] },
    old: {
        icon: 'warning', title: 'The server does not answer as it should',
        text: 'It is too old for this page, or another program.',
        hints: ['Whoever runs the server may have to restart it after an update.'],
        action: ['Try again', 'reload'] },
    token: {
        icon: 'lock', title: 'This link is not valid', code: '4001',
        text: 'It has expired, was withdrawn, or was not copied completely.',
        hints: ['Ask for a new link.'],
        action: ['Try again', 'retry'] },
    taken: {
        icon: 'users', title: 'Opened somewhere else',
        text: 'Another window or another person has taken this desktop over. '
              + 'What runs on it keeps running.',
        action: ['Take back', 'retry'] },
    refused: {
        icon: 'shield', title: 'The server closed this window',
        text: 'It gave this reason:',
        action: ['Try again', 'retry'] },
    ended: {
        icon: 'plug', title: 'Disconnected',
        text: 'The desktop keeps running. Come back whenever you like.',
        action: ['Connect', 'retry'] },
    broken: {
        icon: 'warning', title: 'The client did not start',
        text: 'A part of this page could not be loaded or run.',
        action: ['Load again', 'reload'] },
    no_display: {
        icon: 'monitor', title: 'The desktop is not there',
        text: 'The connection is fine, but the display it shows has gone away. '
              + 'The picture comes back by itself as soon as it does.' },
    no_video: {
        icon: 'film', title: 'There is no picture just now',
        text: 'The connection is fine, but the server cannot send the desktop. '
              + 'It keeps trying.' },
    lost: {
        icon: 'plug', title: 'Connection lost',
        text: 'The desktop keeps running. This page reconnects by itself.',
        action: ['Reconnect now', 'retry'] },
    unreachable: {
        icon: 'plug', title: 'No live connection',
        text: 'The page has loaded, but its WebSocket does not open. This page keeps trying.',
        hints: ['Behind a reverse proxy? It has to pass on WebSocket upgrades and the Host '
                + 'header as the browser sent it.',
                'The log of the server names the reason.'],
        action: ['Try now', 'retry'] },
    foreign: {
        icon: 'film', title: 'The picture cannot be shown',
        text: 'The desktop is being sent in a format that this page does not show '
              + '(striped video or JPEG), chosen by whoever controls it.' }
};

/** Below it everything is frozen. */
const card = element('div', { class: 'veil', hidden: '' });
const notice = element('div', { class: 'notice', role: 'status', hidden: '' },
    element('span', { class: 'ring small', 'aria-hidden': 'true' }), 'Reconnecting…');

let shown = '';
let noticeTimer = 0;
let cardTimer = 0;
let countTimer = 0;

/** Where the same page is served over TLS. */
export function httpsAddress() {
    const url = new URL(location.href);

    /* the image serves plain HTTP on 3000 and TLS on 3001 */
    url.port = url.port === '3000' ? '3001' : url.port;
    url.protocol = 'https:';
    return url.href;
}


/**
 * Shows a screen.
 *
 * @param {string} name      a key of the table above
 * @param {string} [detail]  what the server or the browser said
 * @param {import('../session.js').Session} [session]
 */
export function show(name, detail, session) {
    const screen = SCREENS[name] ?? /** @type {Screen} */ (SCREENS.broken);

    if (!card.isConnected) {
        document.body.append(card, notice);
    }

    notice.hidden = true;

    const parts = [element('div', { class: 'badge' }, icon(screen.icon)),
                   element('h2', { id: 'screen-title' }, screen.title),
                   element('p', { id: 'screen-text' }, screen.text)];

    if (screen.hints !== undefined) {
        parts.push(element('ul', {}, ...screen.hints.map(
            hint => element('li', {}, hint))));
    }

    if (detail !== undefined && detail !== '' && name !== 'taken') {
        parts.push(element('p', { class: 'detail' }, detail));
    }

    parts.push(element('p', { class: 'count', role: 'timer', hidden: '' }));

    if (screen.action !== undefined) {
        const [label, action] = screen.action;
        const run = {
            retry() {
                if (name !== 'lost' && name !== 'unreachable') {
                    hide();
                    notice.hidden = false;
                }

                session?.retry();
            },
            reload: () => location.reload(),
            https: () => location.assign(httpsAddress())
        }[action];

        parts.push(button({ class: 'primary', text: label, run }));
    }

    parts.push(element('small', { class: 'code' }, `Code: ${screen.code ?? name}`));

    card.replaceChildren(element('section',
        { class: 'card', role: 'alertdialog', 'aria-labelledby': 'screen-title',
          'aria-describedby': 'screen-text' }, ...parts));
    card.hidden = false;
    shown = name;
    document.documentElement.dataset.screen = name;
    card.querySelector('button')?.focus({ preventScroll: true });
}


/** @param {string} [name]  hide only this one */
function hide(name) {
    if (shown !== '' && (name === undefined || name === shown)) {
        shown = '';
        card.hidden = true;
        delete document.documentElement.dataset.screen;
    }
}


/** Says when the next attempt is.
 *
 * @param {import('../session.js').Session} session */
function countDown(session) {
    clearInterval(countTimer);

    const tell = () => {
        const seconds = Math.ceil((session.retryAt - performance.now()) / 1000);
        const line = /** @type {HTMLElement | null} */ (card.querySelector('.count'));

        if (line !== null) {
            line.hidden = false;
            line.textContent = seconds > 0 ? `Next attempt in ${seconds} s` : 'Trying now…';
        }
    };

    tell();
    countTimer = window.setInterval(tell, 250);
}


/** @param {import('../session.js').Session} session */
function showMissing(session) {
    const known = session.missing === 'no_display';

    show(known ? 'no_display' : 'no_video', known ? '' : session.missing, session);
}


/**
 * Follows a session for the life of the page.
 *
 * @param {import('../session.js').Session} session
 * @param {HTMLElement} stage
 */
export function watch(session, stage) {
    document.body.append(card, notice);

    const onState = (/** @type {string} */ state) => {
        /* while a new socket waits for its picture the old one stays frozen */
        if (state !== 'waiting') {
            stage.classList.toggle('frozen', state === 'lost' || state === 'ended'
                                             || session.missing !== '');
        }

        if (state === 'lost' && noticeTimer === 0) {
            noticeTimer = window.setTimeout(() => {
                notice.hidden = shown !== '';
            }, NOTICE_DELAY_MS);
            cardTimer = window.setTimeout(() => {
                show(session.openedAt > 0 ? 'lost' : 'unreachable', '', session);
                countDown(session);
            }, CARD_DELAY_MS);
        }

        if (state === 'live' || state === 'ended') {
            clearTimeout(noticeTimer);
            clearTimeout(cardTimer);
            clearInterval(countTimer);
            noticeTimer = 0;
            notice.hidden = true;
        }

        if (state === 'live' && session.missing === '') {
            hide();
            session.emit('focus');
        }
    };

    session.on('state', onState);
    session.on('end', end => show(end.screen, end.detail, session));
    session.on('retry', ms => {
        if (shown !== '' && ms > 1000) {
            countDown(session);
        }
    });
    session.on('missing', reason => {
        stage.classList.toggle('frozen', reason !== '');

        if (reason === '') {
            hide('no_display');
            hide('no_video');
            session.emit('focus');
        } else {
            showMissing(session);
        }
    });
    session.on('stats', stats => {
        if (session.state === 'waiting' && stats.foreign > 30) {
            show('foreign', '', session);
        }
    });

    /* what happened before this module was there */
    if (session.ending !== null) {
        show(session.ending.screen, session.ending.detail, session);
    } else if (session.missing !== '') {
        showMissing(session);
    }

    onState(session.state);
}
