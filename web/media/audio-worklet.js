/**
 * Plays what the media worker decodes: samples come by a port from there, not
 * through the page.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { Jitter } from './jitter.js';

const RATE = 48000;
const REPORT_S = 0.25;

/** @type {any} */
const scope = globalThis;

class Player extends scope.AudioWorkletProcessor {
    /** @param {{ processorOptions: { channels: number, probe: boolean } }} options */
    constructor(options) {
        super();
        this.probe = options.processorOptions.probe;
        this.jitter = new Jitter(options.processorOptions.channels, RATE, scope.sampleRate);
        this.reported = 0;
        this.loud = false;
        this.port.onmessage = (/** @type {MessageEvent} */ event) => {
            /** @type {MessagePort} */
            const port = event.data;

            port.onmessage = packet => this.jitter.push(packet.data);
        };
    }

    /**
     * @param {Float32Array[][]} _inputs
     * @param {Float32Array[][]} outputs
     */
    process(_inputs, outputs) {
        const out = outputs[0] ?? [];
        const sounds = this.jitter.pull(out);

        if (sounds && scope.currentTime - this.reported > REPORT_S) {
            const { levelMs, aimMs, gaps, cuts, step, base } = this.jitter;

            this.reported = scope.currentTime;
            this.port.postMessage({ levelMs, aimMs, gaps, cuts, drift: step / base - 1 });
        }

        if (this.probe) {
            this.mark(out[0] ?? new Float32Array(0));
        }

        return true;
    }

    /** For tests: when sound begins.
     *
     *  @param {Float32Array} plane */
    mark(plane) {
        const loud = plane.some(value => Math.abs(value) > 0.02);

        if (loud && !this.loud) {
            this.port.postMessage({ begins: true });
        }

        /* a tone passes zero: only a quantum of true silence ends it */
        this.loud = loud || (this.loud && plane.some(value => value !== 0));
    }
}

scope.registerProcessor('selkies-player', Player);
