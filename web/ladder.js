/**
 * How this browser gets its picture where the best way is not to be had: video
 * by WebCodecs, by a media element (media/mse.js), or JPEG images; in a worker,
 * or in the page where workers fail. Loaded where it is needed only. What has
 * failed is remembered for the browser's version, for a while.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const KEY = 'selkies-ladder-1';
const HOLDS_MS = 7 * 24 * 3600 * 1000;

/** @typedef {'codecs' | 'mse' | 'jpeg'} Way */

/** @type {Way[]} best first */
const WAYS = ['codecs', 'mse', 'jpeg'];

/** What is known of ways, of this browser and not too long ago.
 *
 * @returns {Record<string, string>} results */
export function recall() {
    try {
        const { agent, at, known } = JSON.parse(localStorage.getItem(KEY) ?? '{}');

        return agent === navigator.userAgent && Date.now() - at < HOLDS_MS
            ? Object(known) : {};
    } catch {
        return {};
    }
}


/** @param {Record<string, string>} known */
function remember(known) {
    try {
        localStorage.setItem(KEY, JSON.stringify({ agent: navigator.userAgent, at: Date.now(),
                                                   known }));
    } catch {
        /* then each page learns it anew */
    }
}


/** Whether a way can be tried here at all.
 *
 * @type {Record<Way, () => boolean | Promise<boolean>>} */
const POSSIBLE = {
    codecs: () => typeof VideoDecoder !== 'undefined',
    mse: async () => (await import('./media/mse.js')).supports('avc1.42c01f'),
    jpeg: () => typeof createImageBitmap !== 'undefined'
                && typeof OffscreenCanvas !== 'undefined' && typeof VideoFrame !== 'undefined'
};

/**
 * What the page lends to the ladder.
 *
 * @typedef {object} Host
 * @property {import('./app.js').Picture} picture
 * @property {boolean} probing
 * @property {(which: number) => Worker} startWorker
 * @property {(picture: import('./app.js').Picture, session: import('./session.js').Session,
 *            flat: boolean) => void} connectSink
 */

export class Ladder {
    /** @param {Host} host */
    constructor(host) {
        this.host = host;
        /** @type {Way} */
        this.way = 'codecs';
        this.inPage = typeof Worker === 'undefined';
        /** @type {MessagePort | null} to what runs in the page */
        this.port = null;
        this.known = recall();
        /** @type {import('./media/mse.js').Player | null} */
        this.player = null;
        /** @type {import('./session.js').Session | null} */
        this.session = null;
        /** @type {Way} */
        this.shown = 'codecs';
    }

    /** Finds the best way that may work.
     *
     * @returns {Promise<boolean>} false when there is none */
    async find() {
        for (const way of WAYS) {
            if (this.known[way] !== 'failed' && await POSSIBLE[way]()
                && (way !== 'mse' || await this.proven()))
            {
                this.way = way;
                return true;
            }
        }

        return false;
    }

    /** The clip, before the stream; a machine that is too busy is no reason. */
    async proven() {
        if (this.known.mse === undefined) {
            const [{ testMse }, { CLIP }] = await Promise.all([
                import('./media/mse-test.js'), import('./media/lite-clip.js')]);
            const result = await testMse(CLIP);

            if (result !== 'slow') {
                this.know('mse', result === 'passed' ? result : 'failed');
            }
        }

        return this.known.mse !== 'failed';
    }

    /** @param {string} way
     *  @param {string} result */
    know(way, result) {
        this.known[way] = result;
        remember(this.known);
    }

    /** The worker of this way, or the port of one in the page: whatever is loaded
     *  there stays.
     *
     * @returns {Promise<Worker | MessagePort>} */
    async spawn() {
        const relays = this.way !== 'codecs';

        if (!this.inPage) {
            try {
                return this.host.startWorker(Number(relays));
            } catch {
                this.inPage = true;
            }
        }

        if (this.port === null) {
            const { port1, port2 } = new MessageChannel();

            /** @type {any} */ (globalThis).selkiesPort = port1;
            this.port = port2;
        }

        await (relays ? import('./media/relay.js') : import('./media/worker.js'));
        return this.port;
    }

    /** Gives the session's pictures their place.
     *
     * @param {import('./session.js').Session} session */
    async attach(session) {
        if (this.session === null) {
            session.on('settings', () => void this.suit(session));
            session.on('unit', unit => this.player?.push(unit));
        }

        this.session = session;
        session.way = this.way;

        if (this.way === 'jpeg' && !session.fragment.shared) {
            session.fragment.encoder = 'jpeg';
        }

        await this.mount(session, this.way);
    }

    /**
     * @param {import('./session.js').Session} session
     * @param {Way} way  the one to show pictures by, which may be JPEG for now
     */
    async mount(session, way) {
        this.player?.close();
        this.player = null;
        this.shown = way;
        session.element = null;

        if (way === 'mse') {
            await this.play(session);
        } else {
            this.host.connectSink(this.host.picture, session, way === 'jpeg');
        }

        if (this.way !== 'codecs') {
            session.worker.postMessage({ t: 'relay', wanted: way === 'mse',
                                         lite: this.known.mse === 'passed' ? 'passed' : 'error' });
        }
    }

    /** @param {import('./session.js').Session} session */
    async play(session) {
        const { Player } = await import('./media/mse.js');
        const video = document.createElement('video');
        const tell = (/** @type {string} */ t, /** @type {any} */ what) => {
            const { number, arrived, width, height, lost } = what;

            session.worker.postMessage({ t, number, arrived, width, height, lost });
        };

        this.host.picture.mount(video);
        this.player = new Player(video, {
            shown: unit => tell('shown', unit),
            taken: unit => tell('taken', unit),
            keyWanted: lost => tell('key', { lost }),
            unknown: codec => codec.startsWith('avc1.f4') ? session.emit('colour', { detail: codec })
                : void this.demote(session, codec),
            failed: (detail, sure) => void this.demote(session, detail, false, sure)
        });

        session.element = video;
    }

    /** JPEG is shown by a canvas; stripes by no element at all.
     *
     * @param {import('./session.js').Session} session */
    async suit(session) {
        const { way } = this;
        const { value, allowed } = session.settings.encoder ?? {};
        const wanted = way === 'jpeg' ? 'jpeg' : 'x264enc';

        if (way === 'codecs' || value === undefined) {
            return;
        }

        if (value === wanted || value === 'jpeg') {
            if (this.shown !== value && (value === 'jpeg' || this.shown !== way)) {
                await this.mount(session, value === 'jpeg' ? 'jpeg' : way);
            }

        } else if (session.fragment.shared || allowed?.includes(wanted) === false) {
            session.end(way === 'jpeg' ? 'decoder' : 'foreign', '');

        } else if (session.fragment.encoder !== wanted) {
            session.fragment.encoder = wanted;
            session.claimAgain();
        }
    }

    /** What was tried does not work: the next way, from the start.
     *
     * @param {import('./session.js').Session} session
     * @param {string} detail  of the failure
     * @param {boolean} [place]  it is the worker that does not
     * @param {boolean} [sure]   that it will not work the next time either */
    async demote(session, detail, place = false, sure = true) {
        if (place && !this.inPage) {
            this.inPage = true;
        } else if (sure) {
            this.know(this.way, 'failed');
        } else {
            this.known[this.way] = 'failed';
        }

        session.setState('lost');

        if (!await this.find()) {
            session.end('decoder', detail);
            return;
        }

        session.use(await this.spawn());
        await this.attach(session);
        session.connect(false);
    }
}
