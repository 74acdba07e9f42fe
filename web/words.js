/**
 * What the server's text messages mean for a session.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { parseText } from './protocol.js';

/** @typedef {import('./session.js').Session} Session */

/**
 * What no table has is told to the page as an event of the message's type, as
 * is every text: parts of the page that are loaded later listen for theirs.
 *
 * @param {Session} session
 * @param {number} id  of the socket
 * @param {string} text
 */
export function hear(session, id, text) {
    const message = parseText(text);

    session.heardAt = performance.now();

    if (session.state === 'ended') {
        return;
    }

    switch (message.kind) {
    case 'kill':
        if (id === session.current) {
            session.end(/connected|superseded/i.test(message.text) ? 'taken' : 'refused',
                        message.text);
        }
        break;

    case 'ext':
        onExt(session, message.data);
        break;

    case 'json':
        if (Object.hasOwn(JSON_TYPES, message.type)) {
            JSON_TYPES[message.type]?.(session, message.data);
        }

        session.emit('json:' + message.type, message.data);
        break;

    case 'cursor':
        session.cursor = message.data;
        session.emit('cursor', message.data);
        break;

    case 'displays':
        session.displays = Array.isArray(message.data.displays)
            ? message.data.displays.map(String) : session.displays;
        session.emit('displays');
        break;

    case 'auth':
        session.setControl(message.data.role === 'controller');
        break;

    case 'system':
        session.emit('system', String(message.data.action ?? ''));
        break;

    case 'access':
        session.setControl(message.granted);
        break;

    default:
        session.emit('text', text);
    }
}


/** @param {Session} session
 *  @param {Record<string, any>} data */
function onExt(session, data) {
    session.extended = true;
    session.resume = typeof data.resume === 'string' ? data.resume : '';
    session.open = data.open === true;
    session.have = Array.isArray(data.have) ? data.have : [];
    session.emit('open-access', session.open);
    session.emit('ext');
    session.checkVersion(data.version);
}


/** @type {Record<string, (session: Session, data: Record<string, any>) => void>} */
const JSON_TYPES = {
    server_settings(session, data) {
        session.settings = data.settings ?? {};
        session.emit('settings', session.settings);
        session.sendSize();
    },

    network_stats(session, data) {
        session.expectsStats = true;
        session.latency = Number(data.latency_ms);
    },

    pipeline_status(session, data) {
        if (session.missing !== '' && data.video !== false) {
            /* the display that came back may have nothing to draw yet */
            session.send(['REQUEST_KEYFRAME']);
        }

        session.missing = data.video === false ? String(data.reason ?? 'no_video') : '';
        session.emit('missing', session.missing);
    },

    server_apps(session, data) {
        session.apps = (Array.isArray(data.apps) ? data.apps : [])
            .map(one => ({ id: String(one?.id ?? ''), name: String(one?.name ?? '') }))
            .filter(one => /^\d+$/.test(one.id) && one.name !== '');
        session.emit('apps');
    },

    reload(session) {
        session.connect(true);
    }
};
