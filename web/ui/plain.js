/**
 * One line for a page that came over plain HTTP: what https would add.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element, icon } from './dom.js';
import { httpsAddress } from './screens.js';

const KEY = 'selkies-plain';

/** Until it is put away, in this browser. */
export function advise() {
    try {
        if (localStorage.getItem(KEY) !== null) {
            return;
        }
    } catch {
        /* then it comes with every page */
    }

    const chip = element('div', { class: 'chip plain', role: 'note' }, icon('lock'),
        element('span', {}, 'Plain http. ',
            element('a', { href: httpsAddress() }, 'Over https'),
            ' the picture is quicker, and there are clipboard, microphone and every key.'),
        button({ text: '×', title: 'Put away', run: () => {
            chip.remove();

            try {
                localStorage.setItem(KEY, '1');
            } catch {
                /* as above */
            }
        } }));

    document.getElementById('chips')?.append(chip);
}
