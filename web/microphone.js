/**
 * The microphone: asks the browser for it, brings its samples to the media
 * worker, and says how loud it is. Loaded when it is first turned on.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/** @type {Record<string, string>} */
const REFUSALS = {
    NotAllowedError: 'The browser does not allow this page the microphone.',
    NotFoundError: 'There is no microphone.',
    NotReadableError: 'Another program has the microphone.'
};

export class Microphone {
    /** @param {import('./session.js').Session} session */
    constructor(session) {
        this.session = session;
        this.on = false;
        /** of the last moment, 0..1 */
        this.level = 0;
        this.volume = 1;
        /** @type {MediaStream | null} */
        this.stream = null;
        /** @type {AudioContext | null} */
        this.context = null;
        /** @type {GainNode | null} */
        this.gain = null;
        /** @type {AudioWorkletNode | null} */
        this.node = null;
        session.on('control', control => control || this.stop());
        session.on('end', () => this.stop());
    }

    /** @returns {Promise<string>} why not, '' when it runs */
    async start() {
        if (navigator.mediaDevices === undefined) {
            return 'Browsers have a microphone for pages over https only.';
        }

        try {
            this.stream = await navigator.mediaDevices.getUserMedia({ audio: {
                channelCount: 1, echoCancellation: true, noiseSuppression: true,
                autoGainControl: true } });
            await this.connect(this.stream);
        } catch (error) {
            this.stop();
            return REFUSALS[/** @type {Error} */ (error).name]
                   ?? `The microphone cannot be used: ${String(error)}`;
        }

        /* unplugged, or taken back in the browser's own menu */
        this.stream.getAudioTracks()[0]?.addEventListener('ended', () => this.stop());
        this.on = true;
        this.session.emit('microphone', true);
        return '';
    }

    /** @param {MediaStream} stream */
    async connect(stream) {
        const { port1, port2 } = new MessageChannel();
        const context = this.context = new AudioContext({ latencyHint: 'interactive' });

        await context.audioWorklet.addModule(
            new URL('media/mic-worklet.js', import.meta.url));

        const node = this.node = new AudioWorkletNode(context, 'selkies-microphone',
            { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });

        node.port.onmessage = event => {
            this.level = event.data;
        };
        node.port.postMessage(port1, [port1]);
        this.session.worker.postMessage({ t: 'sound', way: 'in', port: port2 }, [port2]);
        this.gain = new GainNode(context, { gain: this.volume });
        context.createMediaStreamSource(stream).connect(this.gain).connect(node);
        await context.resume();
    }

    stop() {
        const was = this.on;

        this.stream?.getTracks().forEach(track => track.stop());
        this.node?.port.postMessage(null);
        void this.context?.close();
        this.stream = null;
        this.context = null;
        this.gain = null;
        this.node = null;
        this.on = false;
        this.level = 0;
        this.session.worker.postMessage({ t: 'sound', way: 'in' });

        if (was) {
            this.session.emit('microphone', false);
        }
    }

    /** @param {number} volume  0..2 */
    setVolume(volume) {
        this.volume = volume;
        this.gain?.gain.setTargetAtTime(volume, this.context?.currentTime ?? 0, 0.02);
    }
}
