/**
 * Tells the server whether this browser takes lite pictures (see
 * media/lite.js): not before a self-test has passed, and no longer once the
 * decoder has failed. What came of the test is remembered for the browser's
 * version.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const KEY = 'selkies-lite-1';
const NAME = 'lite';
const TRIES = 3;
const RETRY_MS = 10000;

/**
 * `untested`, `testing`, `withdrawn` after an error of the session's decoder,
 * or what the test said: see Result.
 *
 * @typedef {'untested' | 'testing' | 'withdrawn'
 *   | import('./media/lite.js').Result} LiteState
 */

/** FNV-1a, to tell one clip from another.
 *
 * @param {string} text */
function hash(text) {
    let value = 0x811c9dc5;

    for (let i = 0; i < text.length; i++) {
        value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
    }

    return value.toString(16);
}


/** What a result holds for. A page starts with the decoder of the browser's
 *  choice, so that a result of the other one is of no use to the next page.
 *
 * @param {import('./media/lite.js').Clip} clip
 * @param {boolean} software */
export function configurationOf(clip, software) {
    return [hash(JSON.stringify(clip)), software ? 'software' : 'any',
            navigator.userAgent].join(' ');
}


/** A machine that was busy may have been slow: that does not count.
 *
 * @param {string} configuration
 * @returns {'passed' | 'wrong' | 'error' | 'untested'} */
export function recall(configuration) {
    try {
        const entry = JSON.parse(localStorage.getItem(KEY) ?? 'null');

        if (entry?.configuration === configuration
            && ['passed', 'wrong', 'error'].includes(entry.result))
        {
            return entry.result;
        }
    } catch {
        /* storage may be refused, or hold anything */
    }

    return 'untested';
}


/** @param {string} configuration
 *  @param {string} result */
export function remember(configuration, result) {
    try {
        localStorage.setItem(KEY, JSON.stringify({ configuration, result }));
    } catch {
        /* then each page tests anew */
    }
}


export function forget() {
    try {
        localStorage.removeItem(KEY);
    } catch {
        /* nothing was kept either */
    }
}


export class Lite {
    /** @param {import('./session.js').Session} session
     *  @param {number} [retryMs] */
    constructor(session, retryMs = RETRY_MS) {
        this.session = session;
        this.retryMs = retryMs;
        this.tries = 0;
        session.lite = 'untested';

        session.on('ext', () => void this.consider());
        session.on('state', () => void this.consider());
        session.on('stats', () => this.declare());
        session.on('lite', message => void this.tested(message));
        session.on('broken', () => this.broken());
        void this.consider();
    }

    /** @returns {LiteState} */
    get state() {
        return /** @type {LiteState} */ (this.session.lite);
    }

    /** @param {LiteState} state */
    set state(state) {
        this.session.lite = state;
        this.session.want = this.session.want.filter(name => name !== NAME);

        if (state === 'passed') {
            this.session.want.push(NAME);
        }
    }

    /** Not for a server that makes none, and not before there is a picture:
     *  the test is to cost the start nothing. */
    async consider() {
        const { session } = this;

        if (this.state === 'untested' && session.extended
            && session.have.includes(NAME))
        {
            const { CLIP } = await import('./media/lite-clip.js');
            const known = recall(configurationOf(CLIP, false));

            if (this.state === 'untested' && known !== 'untested') {
                this.state = known;
            }

            if (this.state === 'untested' && session.state === 'live') {
                this.state = 'testing';
                this.tries++;
                session.worker.postMessage({ t: NAME });
            }
        }

        this.declare();
    }

    /** @param {{ result: LiteState, software?: boolean }} message */
    async tested(message) {
        if (this.state !== 'testing') {
            return;
        }

        this.state = message.result;
        this.declare();

        /* a page is busiest when it starts */
        if (message.result === 'slow' && this.tries < TRIES) {
            setTimeout(() => this.again(), this.retryMs);
        }

        const { CLIP } = await import('./media/lite-clip.js');

        if (this.state === message.result) {
            remember(configurationOf(CLIP, message.software === true), message.result);
        }
    }

    again() {
        if (this.state === 'slow') {
            this.state = 'untested';
            void this.consider();
        }
    }

    /** The session's decoder failed, whatever it was that it did not take. */
    broken() {
        forget();

        if (['testing', 'slow', 'passed'].includes(this.state)) {
            this.state = 'withdrawn';
            this.declare();
        }
    }

    /** Tells the socket in use what it has not been told. */
    declare() {
        const { session } = this;

        if (session.extended && session.connected()
            && session.told.get(session.current) !== session.want.join())
        {
            session.send([session.ext(session.current)]);
        }
    }
}


/** @param {import('./session.js').Session} session */
export function watch(session) {
    return new Lite(session);
}
