/**
 * Whether a connection lives, and whether anybody looks: silence, sleep, the
 * network, a hidden tab. Loaded beside the handshake.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const CHECK_MS = 5000;
const SILENCE_MS = 15000;
const SLEPT_MS = CHECK_MS + 7000;
/** what lives has answered by then */
const ANSWER_MS = 3000;
const HIDE_DELAY_MS = 1000;

export class Alive {
    /** @param {import('./session.js').Session} session */
    constructor(session) {
        this.session = session;
        this.hideTimer = 0;
        this.checkedAt = Date.now();

        addEventListener('online', () => this.awake());
        addEventListener('pageshow', event => event.persisted && this.awake());
        document.addEventListener('visibilitychange', () => {
            this.looked();

            if (document.visibilityState === 'visible') {
                this.awake();
            }
        });
        session.on('state', state => state === 'waiting' && this.looked());
        setInterval(() => this.check(), CHECK_MS);
        this.looked();
    }

    /** The network or the user is back: do not wait for timers. */
    awake() {
        const { session } = this;

        if (session.state === 'lost' && session.retryTimer !== 0) {
            session.retry();
        } else if (session.connected() && !session.stopped && session.extended) {
            this.ask();
        }
    }

    /** A socket can be dead without knowing it: a key frame is an answer. */
    ask() {
        const { session } = this;
        const at = performance.now();
        const id = session.current;

        session.send(['REQUEST_KEYFRAME']);
        setTimeout(() => {
            if (id === session.current && session.connected() && !session.stopped
                && session.heardAt < at)
            {
                session.reconnect();
            }
        }, ANSWER_MS);
    }

    /** Called now and then: the server sends statistics, the machine may sleep. */
    check() {
        const { session } = this;
        const silent = session.connected()
                       && performance.now() - session.heardAt > SILENCE_MS;
        const slept = Date.now() - this.checkedAt > SLEPT_MS;

        this.checkedAt = Date.now();

        if (silent && session.expectsStats) {
            session.reconnect();
        } else if (silent && session.state === 'waiting'
                   && session.heardAt === session.openedAt)
        {
            session.end('old', 'The websocket opened, and nothing was said.');
        } else if (slept && document.visibilityState === 'visible') {
            this.awake();
        }
    }

    /** Nobody looks at a hidden page: it needs no pictures. */
    looked() {
        const { session } = this;

        clearTimeout(this.hideTimer);

        if (document.visibilityState === 'hidden') {
            this.hideTimer = window.setTimeout(() => {
                session.stopped = true;
                session.send(['STOP_VIDEO']);
            }, HIDE_DELAY_MS);
        } else if (session.stopped) {
            session.stopped = false;
            session.send(['START_VIDEO']);
        }
    }
}


/** @param {import('./session.js').Session} session */
export function watch(session) {
    return new Alive(session);
}
