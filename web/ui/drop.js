/**
 * Files dropped on the desktop, or pasted into it, are uploaded. What does that
 * is loaded when there is something to do.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { element, icon } from './dom.js';

/** Whether the server offers one of the two to this page.
 *
 * @param {import('../session.js').Session} session
 * @param {'upload' | 'download'} what */
export function offers(session, what) {
    const value = session.settings.file_transfers?.value;

    return session.control && Array.isArray(value) && value.includes(what);
}


/** @param {import('../session.js').Session} session
 *  @param {{ show: (name: string) => void }} panels
 *  @param {(text: string) => void} say */
export function watch(session, panels, say) {
    const overlay = element('div', { class: 'drop', hidden: '' },
        element('div', {}, icon('files'), element('strong', {}, 'Drop to upload'),
                element('span', {}, 'Files and folders go to the desktop’s folder.')));
    let timer = 0;

    /** @param {DataTransfer} data */
    async function take(data) {
        /* now: once the event is over the browser has forgotten them */
        const items = [...data.items].filter(item => item.kind === 'file').map(item => ({
            entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));

        try {
            const { gather, uploads } = await import('../upload.js');
            const files = await gather(items);

            if (files.length > 0) {
                uploads.add(files);
                panels.show('files');
            } else {
                say('There was no file in it.');
            }
        } catch {
            say('The browser could not read that.');
        }
    }

    /** @param {DragEvent} event
     *  @returns {DataTransfer | null} what may be uploaded of it */
    function filesIn(event) {
        const data = event.dataTransfer;

        if (data === null || !data.types.includes('Files')) {
            return null;
        }

        /* else the browser would leave the page for the file */
        event.preventDefault();
        data.dropEffect = offers(session, 'upload') ? 'copy' : 'none';
        return offers(session, 'upload') ? data : null;
    }

    /** @param {DragEvent} event */
    function over(event) {
        if (filesIn(event) !== null) {
            overlay.hidden = false;
            clearTimeout(timer);
            timer = window.setTimeout(() => {
                overlay.hidden = true;
            }, 500);
        }
    }

    document.body.append(overlay);
    addEventListener('dragenter', over);
    addEventListener('dragover', over);
    addEventListener('drop', event => {
        const data = filesIn(event);

        overlay.hidden = true;

        if (data !== null) {
            void take(data);
        }
    });

    /* a lone picture is for the clipboard of the desktop */
    document.addEventListener('paste', event => {
        const files = event.clipboardData?.files;

        if (event.clipboardData !== null && files !== undefined && files.length > 0
            && offers(session, 'upload')
            && (files.length > 1 || !files[0]?.type.startsWith('image/')))
        {
            event.preventDefault();
            event.stopImmediatePropagation();
            session.emit('files-pasted');
            void take(event.clipboardData);
        }
    }, { capture: true });
}
