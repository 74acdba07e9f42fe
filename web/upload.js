/**
 * Uploads: a queue of files, sent by `api/upload` in slices that resume. Knows
 * nothing of how that is shown.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const SLICE = 64 << 20;
/** for servers, and proxies before them, that take no more */
const SMALL_SLICE = 1 << 20;
/** smaller ones go in one piece: they are asked about, and begin anew, as a whole */
const WHOLE = 256 << 10;
const AT_A_TIME = 2;
const TRIES = 8;
const SPEED_MS = 3000;

/**
 * What becomes of a file that is there already: '' has the user asked.
 *
 * @typedef {'' | 'replace' | 'keep' | 'skip'} Rule
 *
 * `waiting` for its turn, `running`, `asking` whether to replace, `paused` by the
 * user, `failed`, `skipped`, `done`.
 *
 * @typedef {{ file: File, path: string, folder?: boolean }} Found  a folder: an empty one
 *
 * @typedef {object} Item
 * @property {number} id
 * @property {string} path    below the folder of the desktop
 * @property {File}   file
 * @property {boolean} folder
 * @property {'waiting' | 'running' | 'asking' | 'paused' | 'failed' | 'skipped' | 'done'} state
 * @property {Rule}   rule
 * @property {{ rule: Rule }} batch  what all that came with it do
 * @property {number} sent    bytes
 * @property {number} offset  bytes that the server has
 * @property {number} tries   that came to nothing, in a row
 * @property {string} key     of the transfer, '' for one that does not resume
 * @property {string} error   in words
 * @property {string} given   the name it got, where that is another one
 * @property {XMLHttpRequest | null} request
 *
 * @typedef {{ status: number, message: string, offset: number, later: boolean, exists: boolean,
 *             name: string }} Answer
 */

export class Uploads {
    constructor() {
        /** @type {Item[]} */
        this.items = [];
        this.slice = SLICE;
        this.running = 0;
        this.nextId = 1;
        /** what was sent when, for the speed: [ms, bytes] */
        this.marks = /** @type {[number, number][]} */ ([]);
        this.moved = 0;
        /** @type {(() => void)[]} */
        this.listeners = [];

        addEventListener('beforeunload', event => {
            if (this.running > 0) {
                event.preventDefault();
            }
        });
    }

    /** @param {() => void} listener  called for every change */
    on(listener) {
        this.listeners.push(listener);
    }

    changed() {
        this.listeners.forEach(listener => listener());
    }

    /** @param {Found[]} files */
    add(files) {
        const batch = { rule: /** @type {Rule} */ ('') };

        for (const { file, path, folder = false } of files) {
            const id = this.nextId++;

            this.items.push({ id, path, file, folder, state: 'waiting', rule: '', batch, sent: 0,
                              offset: 0, tries: 0, key: file.size > WHOLE ? keyOf(id) : '',
                              error: '', given: '', request: null });
        }

        this.pump();
    }

    /** @param {Item} item */
    pause(item) {
        if (item.state === 'waiting' || item.state === 'running') {
            this.stop(item, 'paused');
        }
    }

    /** Goes on with what was paused, tries again what failed.
     *
     * @param {Item} item */
    resume(item) {
        if (item.state === 'paused' || item.state === 'failed') {
            item.state = 'waiting';
            item.error = '';
            item.tries = 0;
            this.pump();
        }
    }

    /** What becomes of one that is there already, and of all that came with it.
     *
     * @param {Item} item
     * @param {Rule} rule
     * @param {boolean} all */
    answer(item, rule, all) {
        item.rule = rule;
        item.batch.rule = all ? rule : item.batch.rule;

        for (const one of this.items) {
            if (one.state === 'asking' && ruleOf(one) !== '') {
                one.state = ruleOf(one) === 'skip' ? 'skipped' : 'waiting';
            }
        }

        this.pump();
    }

    /** @param {Item} item */
    cancel(item) {
        this.items = this.items.filter(other => other !== item);
        this.stop(item, 'failed');
    }

    /** Forgets what is done. */
    clear() {
        this.items = this.items.filter(item => item.state !== 'done' && item.state !== 'skipped');
        this.changed();
    }

    /** @param {Item} item
     *  @param {Item['state']} state */
    stop(item, state) {
        const request = item.request;

        item.state = state;
        item.request = null;
        request?.abort();
        this.pump();
    }

    pump() {
        for (const item of this.items) {
            if (this.running >= AT_A_TIME) {
                break;
            }

            if (item.state === 'waiting') {
                item.state = 'running';
                this.running++;
                void this.run(item).finally(() => {
                    this.running--;
                    this.pump();
                });
            }
        }

        this.changed();
    }

    /** One file, from where it stands to its end or the user's word.
     *
     * @param {Item} item */
    async run(item) {
        /* of a large one nothing is sent before it is known whether it may be */
        let ask = item.offset > 0 || item.sent > 0 || item.key !== '' && ruleOf(item) === '';

        item.sent = item.offset;

        while (item.state === 'running') {
            const size = item.file.size;
            const whole = item.key === '' && size <= this.slice;

            if (!whole && item.key === '') {
                item.key = keyOf(item.id);
            }

            const end = ask && !whole ? item.offset
                : Math.min(whole ? size : item.offset + this.slice, size);
            const final = end === size && !(ask && !whole);
            const answer = await this.post(item, whole ? 0 : item.offset, end, final);

            if (item.state !== 'running') {
                return;
            }

            ask = false;

            if (answer.status === 200) {
                item.tries = 0;
                item.offset = item.sent = end;
                item.state = final ? 'done' : 'running';
                item.given = answer.name;
                continue;
            }

            if (answer.exists) {
                const rule = ruleOf(item);

                item.offset = item.sent = Math.max(answer.offset, 0);
                item.state = rule === '' ? 'asking' : rule === 'skip' ? 'skipped' : 'running';
                continue;
            }

            ask = await this.failed(item, answer);
        }
    }

    /** Whether to ask the server first how far it got.
     *
     * @param {Item} item
     * @param {Answer} answer */
    async failed(item, answer) {
        const again = ++item.tries < TRIES;

        if (answer.offset >= 0 && again) {
            item.offset = item.sent = answer.offset;
            return false;
        }

        if (answer.status === 413 && this.slice > SMALL_SLICE) {
            this.slice = SMALL_SLICE;
            item.tries = 0;
            item.sent = item.offset;
            return false;
        }

        if ((answer.status === 0 || answer.later) && again) {
            item.error = answer.status === 0 ? 'Connection lost; trying again' : '';
            item.sent = item.offset;
            this.changed();
            await pauseOf(answer.later ? 1000 : Math.min(500 << item.tries, 15000));
            item.error = '';
            return answer.status === 0 && item.key !== '';
        }

        item.error = answer.message;
        item.sent = item.offset;
        item.state = 'failed';
        return false;
    }

    /** @param {Item} item
     *  @param {number} from
     *  @param {number} to
     *  @param {boolean} final
     *  @returns {Promise<Answer>} */
    post(item, from, to, final) {
        const request = new XMLHttpRequest();
        let before = 0;

        item.request = request;
        request.open('POST', new URL('api/upload', document.baseURI));
        request.setRequestHeader('Content-Type', 'application/octet-stream');
        request.setRequestHeader('X-Upload-Path',
            item.path.split('/').map(encodeURIComponent).join('/'));

        if (item.folder) {
            request.setRequestHeader('X-Upload-Folder', '1');
        } else {
            const rule = ruleOf(item);

            request.setRequestHeader('X-Upload-Exists',
                                     rule === 'replace' || rule === 'keep' ? rule : 'refuse');
        }

        if (item.key !== '') {
            request.setRequestHeader('X-Upload-Id', item.key);
            request.setRequestHeader('X-Upload-Offset', String(from));
            request.setRequestHeader('X-Upload-Total', String(item.file.size));

            if (final) {
                request.setRequestHeader('X-Upload-Final', '1');
            }
        }

        request.upload.onprogress = event => {
            if (item.request === request) {
                item.sent = from + event.loaded;
                this.moved += event.loaded - before;
                before = event.loaded;
                this.changed();
            }
        };

        return new Promise(resolve => {
            request.onloadend = () => {
                if (item.request === request) {
                    item.request = null;
                }

                resolve(answerOf(request));
            };
            request.send(item.file.slice(from, to));
        });
    }

    /** Bytes a second of late, over all. */
    speed() {
        const now = performance.now();

        this.marks.push([now, this.moved]);
        this.marks = this.marks.filter(([then]) => now - then < SPEED_MS);

        const [then, moved] = this.marks[0] ?? [now, this.moved];

        return now - then > 200 ? (this.moved - moved) * 1000 / (now - then) : 0;
    }

    totals() {
        const all = { count: 0, done: 0, failed: 0, active: 0, asking: 0, bytes: 0, sent: 0 };

        for (const item of this.items) {
            if (item.state === 'skipped') {
                continue;
            }

            all.count++;
            all.asking += Number(item.state === 'asking');
            all.done += Number(item.state === 'done');
            all.failed += Number(item.state === 'failed');
            all.active += Number(item.state === 'running' || item.state === 'waiting');
            all.bytes += item.file.size;
            all.sent += Math.min(item.sent, item.file.size);
        }

        return all;
    }
}


/** @param {number} ms
 *  @returns {Promise<void>} */
function pauseOf(ms) {
    return new Promise(resolve => {
        setTimeout(resolve, ms);
    });
}


/** @param {Item} item
 *  @returns {Rule} */
function ruleOf(item) {
    return item.rule || item.batch.rule;
}


/** @param {number} id */
function keyOf(id) {
    const random = globalThis.crypto.getRandomValues(new Uint32Array(3));

    return `${id}-${[...random].map(n => n.toString(36)).join('')}`;
}


/** @param {XMLHttpRequest} request
 *  @returns {Answer} */
function answerOf(request) {
    /** @type {Record<string, any>} */
    let said = {};

    try {
        said = JSON.parse(request.responseText);
    } catch {
        /* a proxy's page, or nothing */
    }

    const words = { 0: 'The server cannot be reached.', 401: 'Please sign in again.',
                    403: 'The server does not allow it.', 413: 'The server takes nothing so large.' };

    return {
        status: request.status,
        message: typeof said.message === 'string' ? said.message
            : /** @type {Record<number, string>} */ (words)[request.status]
              ?? `The server answered ${request.status}.`,
        offset: request.status === 409 && typeof said.offset === 'number' ? said.offset : -1,
        later: (request.status === 409 || request.status === 429)
               && request.getResponseHeader('Retry-After') !== null,
        exists: request.status === 409 && said.exists === true,
        name: typeof said.name === 'string' ? said.name : ''
    };
}


/** Files, those in folders, and folders with nothing in them, of what a drop or a
 *  paste held.
 *
 * @param {{ entry: FileSystemEntry | null, file: File | null }[]} items
 * @returns {Promise<Found[]>} */
export async function gather(items) {
    const found = /** @type {Found[]} */ ([]);

    for (const { entry, file } of items) {
        if (entry !== null && entry.isDirectory) {
            await walk(/** @type {FileSystemDirectoryEntry} */ (entry), found);
        } else if (file !== null) {
            found.push({ file, path: file.name });
        }
    }

    return found;
}


/** @param {FileSystemDirectoryEntry} folder
 *  @param {Found[]} found */
async function walk(folder, found) {
    const reader = folder.createReader();

    for (let n = 0;; n++) {
        const entries = await /** @type {Promise<FileSystemEntry[]>} */ (
            new Promise((resolve, reject) => {
                reader.readEntries(resolve, reject);
            }));

        if (entries.length === 0) {
            if (n === 0) {
                found.push({ file: new File([], folder.name), path: pathOf(folder), folder: true });
            }
            return;
        }

        for (const entry of entries) {
            if (entry.isDirectory) {
                await walk(/** @type {FileSystemDirectoryEntry} */ (entry), found);
            } else {
                const file = await /** @type {Promise<File>} */ (
                    new Promise((resolve, reject) => {
                        /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
                    }));

                found.push({ file, path: pathOf(entry) });
            }
        }
    }
}


/** @param {FileSystemEntry} entry */
function pathOf(entry) {
    return entry.fullPath.replace(/^\/+/, '');
}


/** The one of this page. */
export const uploads = new Uploads();
