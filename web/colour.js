/**
 * Full colour (4:4:4) in a browser that does not decode it: who controls the
 * display asks for 4:2:0 instead, unless the operator insists; others are told.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/** @param {import('./session.js').Session} session */
export function watch(session) {
    session.on('colour', (/** @type {{ detail: string }} */ message) => {
        const { fragment } = session;

        if (fragment.shared || fragment.plain) {
            session.end('colour', message.detail);
            return;
        }

        fragment.plain = true;
        session.preferences.change('h264_fullcolor');
        session.claimAgain();
    });
}
