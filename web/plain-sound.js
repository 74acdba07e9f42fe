/**
 * The desktop's sound where there is no AudioDecoder or no worklet, as on plain
 * HTTP: a media element plays the Opus packets. It is later than a worklet, by
 * what the browser holds back.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { packetMs } from './media/audio.js';
import { fragment, joined, opusInit } from './media/fmp4.js';
import { Sound } from './sound.js';

const RATE = 48000;
const TYPE = 'audio/mp4; codecs="opus"';
/** more than that waits to be heard: go to the end of it */
const LATE_S = 0.5;
const AIM_S = 0.12;
const KEEP_S = 10;
const BLOCKED_MS = 300;
const RETRY_MS = 2000;

class PlainSound extends Sound {
    /** @param {import('./session.js').Session} session
     *  @param {boolean} probing */
    constructor(session, probing) {
        super(session, probing);
        /** @type {HTMLAudioElement | null} */
        this.audio = null;
        /** @type {SourceBuffer | null} */
        this.buffer = null;
        /** @type {Uint8Array[]} what was not appended yet */
        this.waiting = [];
        /** where the next packet begins, in samples */
        this.time = 0;
        this.sequence = 0;
        session.on('packet', message => this.packet(new Uint8Array(message.buffer, 2)));
        session.on('state', () => this.order());
    }

    get supported() {
        const Source = globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource;

        return Source?.isTypeSupported(TYPE) === true
            && Number(this.session.settings.audio_channels?.value ?? 2) <= 2;
    }

    get plays() {
        return this.audio !== null && !this.audio.paused;
    }

    get verb() {
        return this.supported ? super.verb : 'STOP_AUDIO';
    }

    /** A worker that has just begun does not know. */
    order() {
        if (this.session.state === 'waiting') {
            this.session.worker.postMessage({ t: 'sound', way: 'raw' });
        }
    }

    open() {
        const Source = globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource;
        const source = new Source();
        const audio = new Audio();
        const url = URL.createObjectURL(source);

        source.addEventListener('sourceopen', () => {
            URL.revokeObjectURL(url);

            if (audio === this.audio) {
                const buffer = source.addSourceBuffer(TYPE);

                this.buffer = buffer;
                buffer.addEventListener('updateend', () => buffer === this.buffer && this.pump());
                this.waiting.unshift(opusInit(2));
                this.pump();
            }
        }, { once: true });
        audio.addEventListener('error', () => audio === this.audio && this.broken());
        audio.addEventListener('playing', () => this.update());
        /** @type {any} */ (audio).disableRemotePlayback = true;
        audio.volume = this.volume;
        this.audio = audio;
        this.time = 0;
        this.sequence = 0;
        this.waiting = [];
        audio.src = url;
        this.session.worker.postMessage({ t: 'sound', way: 'raw' });
        return audio;
    }

    /** There is something to play: as soon as the browser lets us. */
    async play() {
        if (!this.supported) {
            this.session.emit('say', 'This browser plays the desktop’s sound over https only.');
            return;
        }

        const audio = this.audio ?? this.open();
        let blocked = false;

        audio.play().catch(error => {
            blocked = error.name === 'NotAllowedError';
        });
        await new Promise(resolve => {
            setTimeout(resolve, BLOCKED_MS);
        });

        if (blocked !== (this.state === 'locked') && !this.muted) {
            this.locked(blocked);
        }

        this.update();
    }

    resume() {
        void this.play();
    }

    /** @param {Uint8Array} packet */
    packet(packet) {
        const duration = packetMs(packet) * RATE / 1000;

        if (this.audio === null || this.muted || duration === 0) {
            return;
        }

        this.waiting.push(fragment(++this.sequence, { time: this.time, duration, key: true,
                                                      data: [packet] }));
        this.time += duration;
        this.pump();
    }

    /** Appends what waits, forgets what was heard, keeps close to the end. */
    pump() {
        const { buffer, audio } = this;

        if (buffer === null || audio === null || buffer.updating) {
            return;
        }

        try {
            const end = this.end;

            if (end - audio.currentTime > LATE_S && !audio.seeking) {
                audio.currentTime = end - AIM_S;
            }

            if (this.waiting.length > 0) {
                buffer.appendBuffer(joined(this.waiting.splice(0)));
            } else if (audio.currentTime > 2 * KEEP_S
                       && buffer.buffered.start(0) < audio.currentTime - 2 * KEEP_S)
            {
                buffer.remove(0, audio.currentTime - KEEP_S);
            }

        } catch {
            this.broken();
        }
    }

    /** Where what was appended ends, in seconds. */
    get end() {
        const ranges = this.buffer?.buffered;

        return ranges === undefined || ranges.length === 0 ? 0 : ranges.end(ranges.length - 1);
    }

    broken() {
        this.audio = null;
        this.buffer = null;
        this.waiting = [];
        this.update();
        setTimeout(() => this.running && void this.play(), RETRY_MS);
    }

    /** @param {boolean} muted */
    mute(muted) {
        super.mute(muted);

        if (muted) {
            this.audio?.pause();
        } else if (this.running) {
            void this.play();
        }
    }

    /** @param {number} volume  0..1 */
    setVolume(volume) {
        super.setVolume(volume);

        if (this.audio !== null) {
            this.audio.volume = volume;
        }
    }

    get latencyMs() {
        return this.state !== 'on' || this.audio === null ? NaN
            : 1000 * (this.end - this.audio.currentTime);
    }
}


/**
 * @param {import('./session.js').Session} session
 * @param {boolean} probing
 */
export function watch(session, probing) {
    return new PlainSound(session, probing);
}
