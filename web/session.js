/**
 * The life of the connection: claim, resize, loss, return. Tells the rest of
 * the page what happened by events and never touches the interface.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { backOff, claimOf, parseFragment } from './protocol.js';
import { Preferences, ScreenChoice } from './screen.js';
import { hear } from './words.js';

const STABLE_MS = 3000;
const SWAP_RETRY_MS = 100;

/** @type {Record<number, string>} */
const REFUSALS = { 401: 'login', 403: 'forbidden', 429: 'busy' };

/**
 * `connecting` before the first socket, `waiting` for a picture, `live`,
 * `lost` between sockets, `ended` until the user says otherwise.
 *
 * @typedef {'connecting' | 'waiting' | 'live' | 'lost' | 'ended'} State
 */

/** The version in the address of this file, or of the one that it was made a part
 *  of; '' when run from the source tree. */
export const VERSION = /\/v\/(\d[^/]*)\/[^/]+\.js$/.exec(import.meta.url)?.[1] ?? '';

export class Session {
    /**
     * @param {Worker | MessagePort} worker  media/worker.js, for this session alone
     * @param {() => { width: number, height: number }} area  of the page, CSS pixels
     */
    constructor(worker, area) {
        this.area = area;
        /** how pictures are decoded, see ladder.js */
        this.way = 'codecs';
        /** that of a way which has one
         *
         * @type {HTMLVideoElement | null} */
        this.element = null;
        /** @type {State} */
        this.state = 'connecting';
        this.fragment = parseFragment(location.hash);
        this.choice = new ScreenChoice(this.fragment.display);
        this.preferences = new Preferences(this.fragment.display);
        /** whether this page may type and point */
        this.control = !this.fragment.shared;
        /** the server answered `_ext` */
        this.extended = false;
        this.picture = { width: 0, height: 0 };
        this.frames = 0;
        /** @type {Record<string, any>} */
        this.stats = {};
        /** @type {Record<string, any>} */
        this.settings = {};
        /** @type {Record<string, any>} the last cursor message */
        this.cursor = {};
        this.latency = NaN;
        /** what the server says is missing, such as no_display */
        this.missing = '';
        /** the screens that the desktop is shown on */
        this.displays = ['primary'];
        /** @type {Record<string, any> | null} what the worker can do */
        this.capabilities = null;
        /** @type {{ screen: string, detail: string } | null} why it ended */
        this.ending = null;
        /** the server has no login */
        this.open = false;
        /** the time of the next attempt, performance.now() milliseconds */
        this.retryAt = 0;

        /** @type {Map<string, ((data: any) => void)[]>} */
        this.listeners = new Map();
        this.socketId = 0;
        this.current = 0;
        this.attempt = 0;
        this.retryTimer = 0;
        /** when the last socket opened, 0 before the first */
        this.openedAt = 0;
        this.heardAt = 0;
        this.expectsStats = false;
        this.resume = '';
        /** additions to the protocol, and which of them a socket was told */
        this.want = ['status', 'reload', 'html', 'apps', 'red',
                     ...typeof AudioEncoder === 'undefined' ? [] : ['opus_mic']];
        this.have = /** @type {string[]} */ ([]);
        /** programs of the desktop that may be started, by their number */
        this.apps = /** @type {{ id: string, name: string }[]} */ ([]);
        this.told = /** @type {Map<number, string>} */ (new Map());
        /** see lite.js */
        this.lite = '';
        /** @type {import('./sound.js').Sound | null} once it is loaded */
        this.sound = null;
        this.sentSize = '';
        /** nobody looks: there are no pictures, see alive.js */
        this.stopped = false;
        /** what has to stay behind something, or null */
        this.waiting = /** @type {{ texts: string[], measure?: boolean }[] | null} */ (null);

        this.worker = worker;
        this.use(worker);
    }

    /** What serves this session from now on; the former one ends.
     *
     * @param {Worker | MessagePort} worker */
    use(worker) {
        if (worker !== this.worker) {
            this.worker.postMessage({ t: 'close' });
            /** @type {any} */ (this.worker).terminate?.();
            this.capabilities = null;
            this.worker = worker;
        }

        worker.onmessage = event => this.fromWorker(event.data);
        /** @type {any} */ (worker).onerror = (/** @type {ErrorEvent} */ event) =>
            this.capabilities === null
            && this.emit('demote', { place: true, detail: event.message ?? '' });
    }

    /**
     * @param {string} name
     * @param {(data: any) => void} listener
     */
    on(name, listener) {
        this.listeners.set(name, [...this.listeners.get(name) ?? [], listener]);
    }

    /** @param {(capabilities: Record<string, any>) => void} listener */
    whenReady(listener) {
        if (this.capabilities !== null) {
            listener(this.capabilities);
        } else {
            this.on('ready', listener);
        }
    }

    /** @param {string} name
     *  @param {any}   [data] */
    emit(name, data) {
        for (const listener of this.listeners.get(name) ?? []) {
            listener(data);
        }
    }

    /** @param {Record<string, any>} message */
    fromWorker(message) {
        switch (message.t) {
        case 'ready':
            this.capabilities = message;

            if (message.decoder || this.way !== 'codecs') {
                this.emit('ready', message);
            } else {
                this.emit('demote', { place: true, detail: 'VideoDecoder is missing in workers' });
            }

            break;

        case 'open':
            this.onOpen(message.id);
            break;

        case 'text':
            hear(this, message.id, message.text);
            break;

        case 'closed':
            void this.onClosed(/** @type {any} */ (message));
            break;

        case 'swapped':
            this.current = message.id;
            this.emit('released', true);
            break;

        case 'live':
            this.setState('live');
            break;

        case 'size':
            this.picture = { width: message.width, height: message.height };
            this.emit('size', this.picture);
            break;

        case 'failed':
            this.emit('demote', { place: false, detail: message.detail });
            break;

        case 'stats':
            this.stats = message;
            this.frames = message.frames;
            this.heardAt = message.kbps > 0 ? performance.now() : this.heardAt;
            this.emit('stats', message);
            break;

        default:
            this.emit(message.t, message);
        }
    }

    /** @param {State} state */
    setState(state) {
        if (this.state !== state) {
            this.state = state;
            this.emit('state', state);
        }
    }

    /** @param {number} id  of the socket
     *  @param {string} [resume]  an earlier one's */
    ext(id, resume) {
        const version = VERSION === '' ? 'tree' : VERSION;

        this.told.set(id, this.want.join());
        return '_ext,' + JSON.stringify({ version, want: this.want, resume });
    }

    /** The size of the stream, as the user wants it in the area there is. */
    wantedSize() {
        return this.choice.streamSize(this.area(), this.settings);
    }

    /** @returns {string[]} what a new socket says before anything else */
    hello() {
        const first = this.ext(this.socketId, this.resume || undefined);

        const sound = this.sound?.verb ?? 'STOP_AUDIO';

        if (this.fragment.shared) {
            return [first, sound, 'START_VIDEO'];
        }

        const claim = this.claim();

        this.sentSize = `${claim.initialClientWidth}x${claim.initialClientHeight}`;
        return [first, sound, 'SETTINGS,' + JSON.stringify(claim), 'cr'];
    }

    /** All that is wanted of the display: what is left out is the server's default,
     *  and a later size changes nothing. */
    claim() {
        return { ...this.preferences.values,
                 ...claimOf(this.fragment, this.wantedSize(), this.choice.dpi(this.settings)) };
    }

    /** @param {string} part  of the interface, as its switch is named behind `ui_` */
    shows(part) {
        return this.settings[`ui_${part}`]?.value !== false;
    }

    /** @param {string} name  of a setting: what is in force of it */
    value(name) {
        return this.preferences.inForce(this.settings, name);
    }

    /** @param {boolean} swap  keep the present socket until this one has a picture */
    connect(swap) {
        const url = new URL('websockets', document.baseURI);
        const token = new URLSearchParams(location.search).get('token');

        url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
        url.search = token === null ? '' : '?token=' + encodeURIComponent(token);
        url.hash = '';
        clearTimeout(this.retryTimer);
        this.retryTimer = 0;
        this.socketId++;
        this.current = swap ? this.current : this.socketId;
        this.stopped = false;
        this.worker.postMessage({ t: 'open', id: this.socketId, url: url.href, swap,
                                   hello: this.hello(), viewer: this.fragment.shared });
    }

    /** @param {number} id */
    onOpen(id) {
        if (id === this.current) {
            this.openedAt = performance.now();
            this.heardAt = this.openedAt;
            this.extended = false;
            this.expectsStats = false;
            this.missing = '';
            this.setState('waiting');
            this.sendSize();
        }
    }

    /** @param {{ id: number, code: number, reason: string, opened: boolean, inherits: number }} lost */
    async onClosed(lost) {
        if (this.state === 'ended') {
            return;
        }

        if (lost.id !== this.current) {
            this.swapFailed(lost.id);
            return;
        }

        this.emit('released');

        if (lost.inherits > 0) {
            this.current = lost.inherits;
            return;
        }

        if (lost.code === 4001) {
            this.end('token', lost.reason);
            return;
        }

        if (lost.code === 1000 && /superseded/i.test(lost.reason)) {
            this.end('taken', lost.reason);
            return;
        }

        if (lost.opened && performance.now() - this.openedAt > STABLE_MS) {
            this.attempt = 0;
        }

        if (lost.code === 4002 || lost.code === 4029) {
            this.resume = '';
        }

        this.setState('lost');

        if (!lost.opened && await this.refused(lost.id)) {
            return;
        }

        if (lost.id === this.current && this.state === 'lost') {
            this.retryIn(backOff(this.attempt++, lost.code, Math.random()));
        }
    }

    /** A worker that was about to leave may have answered: there are others.
     *
     *  @param {number} id  of the socket that was to replace the one in use */
    swapFailed(id) {
        setTimeout(() => {
            if (id === this.socketId && id !== this.current && this.connected()) {
                this.connect(true);
            }
        }, SWAP_RETRY_MS);
    }

    /** A failed upgrade hides its reason; the status route tells it.
     *
     *  @param {number} id
     *  @returns {Promise<boolean>} true when there is no point in going on */
    async refused(id) {
        try {
            const answer = await fetch(new URL('api/status', document.baseURI), {
                credentials: 'same-origin', cache: 'no-store',
                signal: AbortSignal.timeout(5000) });
            const screen = REFUSALS[answer.status];

            if (screen === undefined || id !== this.current || this.state !== 'lost') {
                return false;
            }

            this.end(screen, '');

            if (screen === 'busy') {
                const seconds = Number(answer.headers.get('Retry-After'));
                this.retryIn(1000 * Math.min(300, Math.max(5, seconds || 0)));
            }

            return true;

        } catch {
            return false;
        }
    }

    /** @param {number} ms */
    retryIn(ms) {
        clearTimeout(this.retryTimer);
        this.retryAt = performance.now() + ms;
        this.retryTimer = window.setTimeout(() => this.retry(), ms);
        this.emit('retry', ms);
    }

    /** Connects now; also the way back from an end. */
    retry() {
        if (this.state === 'ended') {
            this.attempt = 0;
            this.ending = null;
            this.setState('lost');
        }

        this.connect(false);
    }

    /**
     * @param {string} screen  see ui/screens.js
     * @param {string} detail
     */
    end(screen, detail) {
        clearTimeout(this.retryTimer);
        this.retryTimer = 0;
        this.emit('released');
        this.worker.postMessage({ t: 'close' });
        this.ending = { screen, detail };
        this.setState('ended');
        this.emit('end', this.ending);
    }

    /** @param {boolean} control */
    setControl(control) {
        if (this.control !== control && !this.fragment.shared) {
            this.emit('released');
            this.control = control;
            this.emit('control', control);
        }
    }

    /** A page of another version than the server's is loaded anew, once.
     *
     *  @param {unknown} version */
    checkVersion(version) {
        if (VERSION === '' || typeof version !== 'string' || version === VERSION) {
            return;
        }

        try {
            if (sessionStorage.getItem('selkies-reloaded') === version) {
                this.emit('say', `The server is ${version}, this page ${VERSION}: `
                                 + 'restart the server, or load the page anew.');
                return;
            }

            sessionStorage.setItem('selkies-reloaded', version);
            location.reload();
        } catch {
            /* without a memory it would be loaded for ever */
        }
    }

    /**
     * @param {string[]} texts
     * @param {boolean} [measure]  the next picture may be the answer to these
     * @param {boolean} [past]     what is held need not be waited for
     */
    send(texts, measure, past) {
        if (this.waiting !== null && past !== true) {
            this.waiting.push({ texts, measure });
            return;
        }

        this.emit('sent', texts);
        this.worker.postMessage(measure === true
            ? { t: 'send', texts, mark: performance.now() + performance.timeOrigin }
            : { t: 'send', texts });
    }

    /** What is sent waits until letGo(). */
    hold() {
        this.waiting ??= [];
    }

    letGo() {
        const waiting = this.waiting;

        this.waiting = null;

        for (const { texts, measure } of waiting ?? []) {
            this.send(texts, measure);
        }
    }

    /** What a claim says has changed. */
    claimAgain() {
        this.send(['SETTINGS,' + JSON.stringify(this.claim())]);
    }

    /** The socket in use is dead, whatever it says. */
    reconnect() {
        this.emit('released');
        this.setState('lost');
        this.connect(false);
    }

    connected() {
        return this.state === 'waiting' || this.state === 'live';
    }

    sendSize() {
        const size = this.wantedSize();
        const text = `${size.width}x${size.height}`;
        const fixed = this.settings.is_manual_resolution_mode?.value === true;

        if (text !== this.sentSize && !this.fragment.shared && !fixed && this.connected()) {
            this.sentSize = text;
            this.send([`r,${text},${this.fragment.display}`]);
        }
    }
}
