/**
 * The desktop's sound in the page: the audio context and its gain, the worklet
 * that plays, what the server is asked for, and the chip that waits for a gesture
 * where the browser wants one. Loaded after the first picture.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { element, icon } from './ui/dom.js';

const KEY = 'selkies-sound';
const GESTURES = ['pointerdown', 'pointerup', 'touchend', 'keydown'];
/** of `_ext`: two channels will do */
const STEREO = 'stereo';
const UNLOCK_MS = 300;
const RETRY_MS = 2000;

/**
 * `off` the server has none, `locked` until a gesture, `muted` by the user, `on`.
 *
 * @typedef {'off' | 'locked' | 'muted' | 'on'} SoundState
 */

/** What is remembered: how loud, and whether at all. */
function recall() {
    try {
        const { volume, muted } = JSON.parse(localStorage.getItem(KEY) ?? '{}');

        return { volume: volume >= 0 && volume <= 1 ? Number(volume) : 1,
                 muted: muted === true };
    } catch {
        return { volume: 1, muted: false };
    }
}


export class Sound {
    /**
     * @param {import('./session.js').Session} session
     * @param {boolean} probing
     */
    constructor(session, probing) {
        this.session = session;
        this.probing = probing;
        /** @type {SoundState} */
        this.state = 'off';
        const { volume, muted } = recall();

        this.volume = volume;
        this.muted = muted;
        /** the server has said that sound runs */
        this.running = false;
        /** @type {AudioContext | null} */
        this.context = null;
        /** @type {Promise<void> | null} */
        this.connecting = null;
        /** @type {GainNode | null} */
        this.gain = null;
        /** @type {AudioWorkletNode | null} */
        this.node = null;
        this.channels = 2;
        /** of the worklet: levelMs, aimMs, gaps, cuts, drift */
        this.figures = { levelMs: 0, aimMs: 0, gaps: 0, cuts: 0, drift: 0 };
        /** @type {(at: number) => void} */
        this.onBegin = () => {};
        this.chip = element('button', { class: 'chip sound', type: 'button', hidden: '' },
            icon('muted'), 'Click for sound');
        this.unlock = () => this.resume();
        this.chip.addEventListener('click', this.unlock);
        document.getElementById('chips')?.append(this.chip);

        session.on('text', text => this.heard(text));
        session.on('state', () => this.update());
        session.on('settings', () => this.update());
        session.sound = this;
        session.emit('sound', this.state);
        this.ask();
    }

    /** In a gesture: the browser may have waited for one. */
    resume() {
        void this.context?.resume();
    }

    /** Whether what comes is heard. */
    get plays() {
        return this.node !== null && this.context?.state === 'running';
    }

    /** What the server is told, by each new socket, too. */
    get verb() {
        return this.muted || this.state === 'locked' ? 'STOP_AUDIO' : 'START_AUDIO';
    }

    ask() {
        if (this.session.connected()) {
            this.session.send([this.verb]);
        }
    }

    /** @param {string} text */
    heard(text) {
        if (text === 'AUDIO_STARTED') {
            this.running = true;
            void this.play();
        } else if (text === 'AUDIO_STOPPED' || text === 'AUDIO_DISABLED') {
            this.running = false;
        }

        this.update();
    }

    update() {
        const offered = this.session.settings.audio_enabled?.value === true;
        const locked = this.state === 'locked';

        this.set(!offered ? 'off' : this.muted ? 'muted' : locked ? 'locked'
            : this.running && this.plays && this.session.connected() ? 'on' : 'off');
    }

    /** @param {SoundState} state */
    set(state) {
        this.chip.hidden = state !== 'locked';

        if (state !== this.state) {
            this.state = state;
            this.session.emit('sound', state);
        }
    }

    /** There is something to play: as soon as the browser lets us. */
    async play() {
        if (this.context === null) {
            this.context = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' });
            this.context.addEventListener('statechange', () => this.stateChanged());
            this.context.addEventListener('error', () => this.broken());
        }

        if (this.context.state !== 'running') {
            void this.context.resume();
            await new Promise(resolve => {
                setTimeout(resolve, UNLOCK_MS);
            });
        }

        if (this.context.state !== 'running' && !this.muted) {
            this.locked(true);
            return;
        }

        if (this.context.state === 'running') {
            /* one at a time: there are several reasons to come here */
            await (this.connecting ??= this.connect(this.context));
        }

        this.update();
    }

    /** @param {boolean} locked */
    locked(locked) {
        for (const name of GESTURES) {
            if (locked) {
                addEventListener(name, this.unlock, true);
            } else {
                removeEventListener(name, this.unlock, true);
            }
        }

        this.set(locked ? 'locked' : 'off');
        this.ask();
    }

    /** The context runs, or does not: for a gesture, a device, a call. */
    stateChanged() {
        const runs = this.context?.state === 'running';

        if (runs && this.state === 'locked') {
            this.locked(false);
        } else if (!runs && this.state === 'on' && !this.muted) {
            void this.play();
        }

        this.update();
    }

    /** The device is gone, and there is no other at present. */
    broken() {
        void this.context?.close();
        this.context = null;
        this.connecting = null;
        this.node = null;
        this.gain = null;
        this.update();
        setTimeout(() => this.running && void this.play(), RETRY_MS);
    }

    /** @param {AudioContext} context */
    async connect(context) {
        const { port1, port2 } = new MessageChannel();
        const most = context.destination.maxChannelCount;

        this.channels = await this.choose(most);
        const fold = this.channels === 8 && most < 8;
        const played = fold ? 6 : this.channels;

        await context.audioWorklet.addModule(
            new URL('media/audio-worklet.js', import.meta.url));

        const node = new AudioWorkletNode(context, 'selkies-player', {
            numberOfInputs: 0, outputChannelCount: [played],
            processorOptions: { channels: played, probe: this.probing } });

        node.port.onmessage = event => {
            if (event.data.begins === true) {
                this.onBegin(performance.now());
            } else {
                this.figures = event.data;
            }
        };
        node.port.postMessage(port1, [port1]);
        this.session.worker.postMessage({ t: 'sound', way: 'out', port: port2, fold,
                                          channels: this.channels }, [port2]);
        this.gain = new GainNode(context, { gain: this.volume });
        context.destination.channelCount = Math.min(played, most);
        node.connect(this.gain).connect(context.destination);
        this.node = node;
    }

    /** How many channels are played: the desktop's; or two, where the server
     *  makes two of more, if there are no speakers for them, or no decoder.
     *
     *  @param {number} most  speakers */
    async choose(most) {
        const { session } = this;
        const channels = Number(session.settings.audio_channels?.value ?? 2);

        if (channels !== 6 && channels !== 8) {
            return channels === 1 ? 1 : 2;
        }

        if (!session.have.includes(STEREO)
            || (most >= 6 && await (await import('./media/audio.js')).decodes(channels)))
        {
            return channels;
        }

        if (!session.want.includes(STEREO)) {
            session.want.push(STEREO);

            /* what comes before the answer has all channels */
            await new Promise(resolve => {
                session.on('ext', resolve);
                session.send([session.ext(session.current)]);
            });
        }

        return 2;
    }

    keep() {
        try {
            localStorage.setItem(KEY, JSON.stringify({ volume: this.volume,
                                                       muted: this.muted }));
        } catch {
            /* then each page begins anew */
        }
    }

    /** @param {boolean} muted */
    mute(muted) {
        this.muted = muted;
        this.keep();

        if (this.state === 'locked') {
            this.locked(false);
        }

        this.ask();
        this.update();

        if (muted) {
            /* a context that plays nothing costs as much as one that does */
            void this.context?.suspend();
        } else {
            void this.context?.resume();
        }
    }

    /** @param {number} volume  0..1 */
    setVolume(volume) {
        this.volume = volume;
        this.keep();
        this.gain?.gain.setTargetAtTime(volume, this.context?.currentTime ?? 0, 0.02);
    }

    /** From the packet's arrival to the ear, as far as the page knows. */
    get latencyMs() {
        const context = this.context;

        return this.state !== 'on' || context === null ? NaN
            : this.figures.levelMs + 1000 * (context.baseLatency + (context.outputLatency || 0));
    }
}


/**
 * @param {import('./session.js').Session} session
 * @param {boolean} probing
 */
export function watch(session, probing) {
    return new Sound(session, probing);
}
