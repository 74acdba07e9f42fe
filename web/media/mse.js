/**
 * H.264 shown by a media element (Media Source Extensions): where WebCodecs is
 * not to be had, as on plain HTTP. Each access unit becomes a fragment of its
 * own, due when it comes: its time is what the element's clock says, so that
 * no delay adds up, whether the element ran dry or not.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { fragment, joined, parameters, samplesOf, splitNals, videoInit } from './fmp4.js';

const SECOND = 1e6;
/** between pictures, at least; in µs as all times of the stream */
const STEP_US = 1000;
/**
 * How long a picture lasts, unless another one comes. Chromium goes on at the
 * next one only while there is something to play; Firefox decodes no more than
 * ten that are not over. (Both measured; who shows nothing has the other one.)
 */
const LONG_US = 3600 * SECOND;
const SHORT_US = 20000;
/** behind one key frame; elements give up at a hundred or more */
const HELD_MAX_BYTES = 24 << 20;
const WATCH_MS = 1000;
const HANGS_MS = 10000;
const ASK_MS = 5000;
const ERRORS_MAX = 3;
const HEALTHY_MS = 60000;

/** of iPhones, which have no other */
const Source = /** @type {typeof MediaSource | undefined} */ (
    globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource);

/** @param {string} codec */
export function supports(codec) {
    return Source?.isTypeSupported(`video/mp4; codecs="${codec}"`) === true;
}


/**
 * @typedef {object} Unit
 * @property {boolean} key
 * @property {number}  width
 * @property {number}  height
 * @property {number}  number   counts units
 * @property {number}  arrived  the worker's clock
 * @property {ArrayBuffer} buffer  a message, or
 * @property {Uint8Array} [bytes]  an access unit
 *
 * @typedef {object} PlayerEvents
 * @property {(unit: Unit) => void} shown
 * @property {(unit: Unit) => void} taken  not shown, nor will it be
 * @property {(lost: boolean) => void} keyWanted  lost: nothing else can be shown
 * @property {(codec: string) => void} unknown    cannot be decoded at all
 * @property {(detail: string, sure: boolean) => void} failed  gave up; not sure where
 *           it may have been the machine
 */

/** What begins anew with the element's source. */
function fresh() {
    return {
        /** @type {Unit[]} not appended yet */
        waiting: [],
        /** @type {{ time: number, unit: Unit }[]} appended, and not shown yet */
        pending: [],
        time: 0,
        sequence: 0,
        /** the parameter sets in force */
        head: '',
        codec: '',
        /** bytes since the last key frame */
        held: 0,
        /** where the last key frame is, and the end of what is of no more use */
        keyTime: 0,
        past: 0,
        /** since when something is due that is not shown */
        since: 0
    };
}


export class Player {
    /**
     * @param {HTMLVideoElement} video
     * @param {PlayerEvents} events
     */
    constructor(video, events) {
        this.video = video;
        this.events = events;
        /** @type {MediaSource | null} */
        this.source = null;
        /** @type {SourceBuffer | null} */
        this.buffer = null;
        this.errors = 0;
        this.lasts = 'mozInnerScreenX' in globalThis ? SHORT_US : LONG_US;
        this.openedAt = 0;
        this.askedAt = 0;
        this.run = fresh();

        video.muted = true;
        video.autoplay = true;
        video.playsInline = true;
        video.disablePictureInPicture = true;
        video.disableRemotePlayback = true;
        video.addEventListener('error', () => this.broken(video.error?.message ?? ''));
        this.timer = setInterval(() => this.check(), WATCH_MS);
        this.watch();
        this.open();
    }

    open() {
        if (Source === undefined) {
            return;
        }

        const source = new Source();
        const url = URL.createObjectURL(source);

        this.source = source;
        this.openedAt = performance.now();
        source.addEventListener('sourceopen', () => {
            URL.revokeObjectURL(url);

            if (source === this.source) {
                this.pump();
            }
        }, { once: true });
        this.video.src = url;
        this.video.play().catch(() => {});
    }

    /** @param {Unit} unit */
    push(unit) {
        this.run.waiting.push(unit);
        this.pump();
    }

    /** Appends what waits, all at once: browsers take one piece at a time. */
    pump() {
        if (this.source?.readyState !== 'open' || this.buffer?.updating === true) {
            return;
        }

        try {
            if (this.run.past > 0 && this.run.waiting.length === 0) {
                this.buffer?.remove(0, this.run.past / SECOND);
                this.run.past = 0;
                return;
            }

            const parts = this.parts();

            if (parts.length > 0) {
                this.buffer?.appendBuffer(joined(parts));
            }

        } catch (error) {
            this.broken(String(error));
        }
    }

    /** What to append next: up to a change of the codec. */
    parts() {
        /** @type {Uint8Array[]} */
        const parts = [];

        while (this.run.waiting.length > 0) {
            const unit = /** @type {Unit} */ (this.run.waiting[0]);
            const nals = splitNals(unit.bytes ?? new Uint8Array(unit.buffer, 10));
            const set = unit.key ? parameters(nals) : null;

            if (set !== null) {
                if (set.codec !== this.run.codec && parts.length > 0) {
                    break;
                }

                if (!this.turn(set.codec)) {
                    this.run.waiting = [];
                    this.events.unknown(set.codec);
                    break;
                }

                const head = `${set.avcC} ${unit.width} ${unit.height}`;

                if (head !== this.run.head) {
                    this.run.head = head;
                    parts.push(videoInit(set.avcC, unit.width, unit.height, SECOND));
                }
            }

            this.run.waiting.shift();

            if (this.run.codec !== '') {
                parts.push(this.piece(unit, nals));
            }
        }

        return parts;
    }

    /** @param {string} codec
     *  @returns {boolean} whether it can be decoded */
    turn(codec) {
        const type = `video/mp4; codecs="${codec}"`;

        if (codec === this.run.codec) {
            return true;
        }

        if (!supports(codec)) {
            return false;
        }

        if (this.buffer === null) {
            const buffer = /** @type {MediaSource} */ (this.source).addSourceBuffer(type);

            this.buffer = buffer;
            buffer.addEventListener('updateend', () => buffer === this.buffer
                                                       && this.appended());
            buffer.addEventListener('error', () => buffer === this.buffer
                                                   && this.broken('an append failed'));
        } else {
            this.buffer.changeType(type);
        }

        this.run.codec = codec;
        return true;
    }

    /** @param {Unit} unit
     *  @param {Uint8Array[]} nals */
    piece(unit, nals) {
        const now = Math.round(this.video.currentTime * SECOND);

        /* where the last one ends the element waits, and there may be no gap */
        this.run.time = this.run.sequence === 0 ? 0
            : Math.min(Math.max(this.run.time + STEP_US, now), this.run.time + this.lasts);
        this.run.pending.push({ time: this.run.time, unit });
        this.run.since ||= performance.now();

        const part = fragment(++this.run.sequence, { time: this.run.time, duration: this.lasts,
                                                 key: unit.key, data: samplesOf(nals) });

        if (unit.key) {
            this.run.past = this.run.keyTime;
            this.run.keyTime = this.run.time;
            this.run.held = 0;
        }

        this.run.held += part.length;
        return part;
    }

    appended() {
        const last = this.run.pending.at(-1);

        /* nobody sees it: there are no calls for pictures, and none are due */
        if (last !== undefined && document.visibilityState === 'hidden') {
            this.run.pending = [];
            this.run.since = 0;
            this.events.taken(last.unit);
        }

        if (this.video.paused) {
            this.video.play().catch(() => {});
        }

        if (this.run.held > HELD_MAX_BYTES && performance.now() - this.askedAt > ASK_MS) {
            this.askedAt = performance.now();
            this.events.keyWanted(false);
        }

        this.pump();
    }

    watch() {
        this.video.requestVideoFrameCallback((_, picture) => {
            this.presented(picture.mediaTime * SECOND + STEP_US / 2);
            this.watch();
        });
    }

    /** @param {number} time  of the picture on show */
    presented(time) {
        let unit = null;

        while (this.run.pending[0] !== undefined && this.run.pending[0].time <= time) {
            unit = this.run.pending.shift()?.unit ?? null;
        }

        this.run.since = this.run.pending.length > 0 ? performance.now() : 0;

        if (unit !== null) {
            this.events.shown(unit);
        }
    }

    check() {
        const now = performance.now();

        if (document.visibilityState === 'hidden') {
            this.run.since = this.run.since === 0 ? 0 : now;
        } else if (this.run.since > 0 && now - this.run.since > HANGS_MS) {
            this.lasts = this.lasts === LONG_US ? SHORT_US : LONG_US;
            this.broken('nothing comes out', false);
        }

        if (now - this.openedAt > HEALTHY_MS) {
            this.errors = 0;
        }
    }

    /** @param {string} detail
     *  @param {boolean} [sure] */
    broken(detail, sure = true) {
        if (this.source === null) {
            return;
        }

        this.source = null;
        this.buffer = null;
        this.run = fresh();

        if (++this.errors >= ERRORS_MAX) {
            this.close();
            this.events.failed(detail, sure);
        } else {
            this.open();
            this.events.keyWanted(true);
        }
    }

    close() {
        clearInterval(this.timer);
        this.source = null;
        this.buffer = null;
        this.video.removeAttribute('src');
        this.video.load();
    }
}
