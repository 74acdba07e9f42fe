/**
 * The files panel: what is being uploaded, and the folder of the desktop, to be
 * browsed and downloaded from.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { uploads } from '../upload.js';
import { button, element, icon } from './dom.js';
import { offers } from './drop.js';

/** Rows of the queue and of a folder that are drawn. */
const ROWS = 100;
const ENTRIES = 1000;

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];

/** @typedef {import('../upload.js').Item} Item
 *  @typedef {{ name: string, href: string, kind: string, size: number, modified: number,
 *              readable: boolean }} Entry */

/** @param {number} bytes */
function sizeOf(bytes) {
    const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), 4);
    const value = bytes / 1000 ** step;

    return bytes === 1 ? '1 byte'
        : `${step > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[step]}`;
}


/** @param {number} seconds */
function timeOf(seconds) {
    return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s`
        : seconds < 5400 ? `${Math.round(seconds / 60)} min`
            : `${(seconds / 3600).toFixed(1)} h`;
}


/** A small button of a row.
 *
 * @param {string} text
 * @param {string} name  of its icon
 * @param {() => void} run */
function small(text, name, run) {
    const made = button({ text, icon: name, class: 'small', title: text, run });

    made.setAttribute('aria-label', text);
    return made;
}


/** What to do with a file that is there already; one at a time is asked about. */
class Question {
    constructor() {
        /** @type {Item | undefined} */
        this.item = undefined;
        this.text = element('p', { role: 'alert' });
        this.all = /** @type {HTMLInputElement} */ (element('input', { type: 'checkbox' }));
        this.rest = element('label', {}, this.all, 'Do this with all of this upload');
        /** @type {(text: string, rule: import('../upload.js').Rule, kind?: string) => Node} */
        const choice = (text, rule, kind = '') => button({ text, class: 'act ' + kind, run: () => {
            if (this.item !== undefined) {
                uploads.answer(this.item, rule, this.all.checked);
            }
        } });

        this.box = element('div', { class: 'ask', role: 'group', 'aria-label': 'Replace?' },
            this.text, this.rest,
            element('div', { class: 'row' }, choice('Keep both', 'keep', 'main grow'),
                    choice('Replace', 'replace'), choice('Skip', 'skip')));
    }

    draw() {
        /* it does not change under the hand that answers */
        const item = this.item?.state === 'asking' ? this.item
            : uploads.items.find(one => one.state === 'asking');

        this.box.hidden = item === undefined;

        if (item !== undefined && item !== this.item) {
            this.text.replaceChildren('The desktop has ', element('bdi', {}, item.path),
                                      ' already.');
            this.rest.hidden = uploads.items.filter(one => one.batch === item.batch).length === 1;
            this.all.checked = false;
        }

        this.item = item;
    }
}


class Queue {
    /** @param {(text: string) => void} say */
    constructor(say) {
        this.say = say;
        this.list = element('ul', { class: 'files', 'aria-label': 'Uploads' });
        this.line = element('span', { class: 'quiet grow', role: 'status' });
        this.clear = button({ text: 'Clear', class: 'act', title: 'Forget what is done',
                              run: () => uploads.clear() });
        this.hold = button({ text: 'Pause', class: 'act', run: () => this.holdAll() });
        this.progress = /** @type {HTMLProgressElement} */ (element('progress', {
            max: '1', 'aria-label': 'All uploads' }));
        this.question = new Question();
        this.box = element('div', { class: 'queue' }, this.question.box, this.progress,
            element('div', { class: 'row' }, this.line, this.clear, this.hold), this.list);
        this.asked = 0;
        /** @type {Map<number, { row: HTMLElement, update: () => void }>} */
        this.rows = new Map();
        this.frame = 0;
        this.busy = false;
        uploads.on(() => {
            this.frame ||= requestAnimationFrame(() => this.draw());
        });
        this.draw();
    }

    holdAll() {
        const { active } = uploads.totals();

        for (const item of [...uploads.items]) {
            if (active > 0) {
                uploads.pause(item);
            } else if (item.state === 'paused') {
                uploads.resume(item);
            }
        }
    }

    draw() {
        const all = uploads.totals();
        const speed = uploads.speed();
        const paused = uploads.items.some(item => item.state === 'paused');

        this.frame = 0;
        this.question.draw();
        this.box.hidden = uploads.items.length === 0;
        this.progress.value = all.bytes > 0 ? all.sent / all.bytes : Number(all.active === 0);
        this.clear.hidden = all.active > 0
            || all.done + uploads.items.length - all.count === 0;
        this.hold.hidden = all.active === 0 && !paused;
        this.hold.lastElementChild?.replaceChildren(all.active > 0 ? 'Pause' : 'Go on');

        const failed = all.failed > 0 ? ` · ${all.failed} failed` : '';
        const left = speed > 0 && all.active > 0
            ? ` · ${sizeOf(speed)}/s · ${timeOf((all.bytes - all.sent) / speed)} left` : '';

        this.line.textContent = `${all.done} of ${all.count}${failed}${left}`;

        if (this.busy && all.active + all.failed + all.asking === 0 && !paused && all.done > 0) {
            this.say(all.done === 1 ? 'Uploaded.' : `${all.done} files uploaded.`);
        }

        if (this.asked === 0 && all.asking > 0 && this.box.offsetParent === null) {
            this.say('The desktop has such a file already. What to do is asked in the panel Files.');
        }

        this.busy = all.active > 0;
        this.asked = all.asking;
        this.rowsOf(uploads.items.length);
    }

    /** What goes on and what failed first, then what waits, then what is done.
     *
     * @param {number} count */
    rowsOf(count) {
        const rank = { asking: 0, running: 1, failed: 2, paused: 3, waiting: 4, done: 5, skipped: 6 };
        const shown = [...uploads.items].sort((a, b) => rank[a.state] - rank[b.state]
                                                         || a.id - b.id).slice(0, ROWS);
        const rows = shown.map(item => {
            const known = this.rows.get(item.id) ?? this.make(item);

            this.rows.set(item.id, known);
            known.update();
            return known.row;
        });
        const kept = new Set(shown.map(item => item.id));

        for (const id of this.rows.keys()) {
            if (!kept.has(id)) {
                this.rows.delete(id);
            }
        }

        if (count > ROWS) {
            rows.push(element('li', { class: 'quiet' }, `and ${count - ROWS} more`));
        }

        if (rows.length !== this.list.children.length
            || rows.some((row, i) => this.list.children[i] !== row))
        {
            this.list.replaceChildren(...rows);
        }
    }

    /** @param {Item} item */
    make(item) {
        const state = element('small', {});
        const bar = /** @type {HTMLProgressElement} */ (element('progress', {
            max: '1', 'aria-label': item.path }));
        const pause = small('Pause', 'pause', () => uploads.pause(item));
        const again = small('Go on', 'again', () => uploads.resume(item));
        const cancel = small('Cancel', 'close', () => uploads.cancel(item));
        const row = element('li', {}, element('div', { class: 'grow' },
            element('bdi', { title: item.path }, item.path), bar, state), pause, again, cancel);

        const update = () => {
            const { state: now, sent, file } = item;
            const part = file.size > 0 ? Math.floor(sent * 100 / file.size) : 0;
            const words = { waiting: 'Waiting', running: `${part} % of ${sizeOf(file.size)}`,
                            asking: 'Is there already', paused: `Paused at ${part} %`,
                            failed: item.error, skipped: 'Skipped',
                            done: item.folder ? 'An empty folder'
                                : sizeOf(file.size) + (item.given && `, as ${item.given}`) };

            row.dataset.state = now;
            bar.value = file.size > 0 ? sent / file.size : 0;
            bar.hidden = now !== 'waiting' && now !== 'running' && now !== 'paused';
            state.textContent = item.error !== '' ? item.error : words[now];
            pause.hidden = now !== 'waiting' && now !== 'running';
            again.hidden = now !== 'paused' && now !== 'failed';
            cancel.hidden = now === 'done' || now === 'skipped';
        };

        return { row, update };
    }
}


class Folder {
    constructor() {
        this.path = '';
        this.asked = 0;
        this.where = element('nav', { class: 'where', 'aria-label': 'Folder' });
        this.list = element('ul', { class: 'files', 'aria-label': 'Files of the desktop' });
        this.note = element('p', { class: 'quiet', role: 'status' });
        this.box = element('div', {}, this.where, this.note, this.list);
    }

    /** @param {string} path  percent-encoded, ends in a slash unless empty */
    async show(path) {
        const asked = ++this.asked;

        if (path !== this.path || this.list.children.length === 0) {
            this.list.replaceChildren();
            this.note.textContent = 'Loading…';
        }

        this.path = path;
        this.crumbs();

        try {
            const answer = await fetch(this.address('?format=json'),
                                       { credentials: 'same-origin' });
            const data = answer.ok ? await answer.json() : null;

            if (asked === this.asked) {
                this.note.textContent = data === null
                    ? answer.status === 404 ? 'This folder is not there.'
                        : answer.status === 403 ? await answer.text()
                            : `The server answered ${answer.status}.`
                    : data.entries.length === 0 ? 'Nothing is in here yet.' : '';
                this.fill(data);
            }
        } catch {
            if (asked === this.asked) {
                this.list.replaceChildren();
                this.note.textContent = 'The server cannot be reached.';
            }
        }
    }

    /** @param {string} name  relative to this folder */
    address(name) {
        return new URL(`files/${this.path}${name}`, document.baseURI).href;
    }

    crumbs() {
        const names = this.path.split('/').slice(0, -1);
        const parts = ['', ...names].map((name, i) => {
            let text = 'Files';

            try {
                text = i > 0 ? decodeURIComponent(name) : text;
            } catch {
                /* it is no text */
                text = name;
            }

            const to = names.slice(0, i).map(part => part + '/').join('');
            const made = button({ text, run: () => void this.show(to) });

            if (i === names.length) {
                made.setAttribute('aria-current', 'location');
            }
            return made;
        });

        const again = small('Look again', 'again', () => void this.show(this.path));

        again.classList.add('end');
        this.where.replaceChildren(...parts, again);
    }

    /** @param {{ entries: Entry[], truncated: boolean } | null} data */
    fill(data) {
        const entries = data?.entries ?? [];
        const rows = entries.slice(0, ENTRIES).map(entry => {
            const folder = entry.kind === 'folder';
            const name = element('bdi', { title: entry.name }, entry.name);
            const when = new Date(entry.modified * 1000).toLocaleDateString();
            const more = !entry.readable
                ? entry.kind === 'symlink' ? 'a link' : 'the server may not read it'
                : folder ? when : `${sizeOf(entry.size)} · ${when}`;
            const text = [icon(folder ? 'folder' : 'file'),
                          element('span', { class: 'grow' }, name, element('small', {}, more))];

            if (!entry.readable) {
                return element('li', { class: 'closed' }, element('span', {}, ...text));
            }

            if (folder) {
                const made = element('button', { type: 'button' }, ...text);

                made.addEventListener('click', () => void this.show(this.path + entry.href));
                return element('li', {}, made);
            }

            return element('li', {}, element('a', { href: this.address(entry.href), download: '' },
                                             ...text, icon('save')));
        });

        if (data?.truncated === true || entries.length > ENTRIES) {
            const all = element('a', { href: this.address(''), target: '_blank', rel: 'noopener' },
                                'All of them are on a page of their own.');

            rows.push(element('li', { class: 'quiet' }, all));
        }

        this.list.replaceChildren(...rows);
    }
}


/** @param {HTMLElement} body
 *  @param {import('./toolbar.js').Parts} parts
 *  @param {(text: string) => void} say */
export function mount(body, parts, say) {
    const { session } = parts;
    const queue = new Queue(say);
    const folder = new Folder();
    let wasActive = false;
    let shown = false;

    /** @param {boolean} folders */
    const picker = folders => {
        const input = /** @type {HTMLInputElement} */ (element('input', {
            type: 'file', multiple: '', hidden: '', ...folders ? { webkitdirectory: '' } : {} }));

        input.addEventListener('change', () => {
            uploads.add([...input.files ?? []].map(file => ({
                file, path: file.webkitRelativePath || file.name })));
            input.value = '';
        });
        return input;
    };
    const files = picker(false);
    const folders = picker(true);
    const send = element('div', {}, files, folders,
        element('div', { class: 'row' },
            button({ text: 'Upload files', icon: 'upload', class: 'act main grow',
                     run: () => files.click() }),
            button({ text: 'A folder', icon: 'folder', class: 'act',
                     run: () => folders.click() })),
        element('p', { class: 'quiet hint' }, 'Or drop them on the desktop, or paste them.'),
        queue.box);
    const get = element('div', {}, element('h3', {}, 'On the desktop'), folder.box);
    const update = () => {
        send.hidden = !offers(session, 'upload');
        get.hidden = !offers(session, 'download');
    };

    body.append(send, get);
    session.on('settings', update);
    session.on('control', update);
    update();

    /* what has come is seen at once */
    uploads.on(() => {
        const active = uploads.running > 0;

        if (wasActive && !active && shown && !get.hidden) {
            void folder.show(folder.path);
        }

        wasActive = active;
    });

    return {
        shown() {
            shown = true;

            if (!get.hidden) {
                void folder.show(folder.path);
            }
        },
        hidden() {
            shown = false;
        }
    };
}
