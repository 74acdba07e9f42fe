/**
 * Takes the microphone's samples, in the rate of the audio context, down to the
 * 24 kHz mono of the wire, and passes 20 ms at a time to the media worker.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { Down } from './down.js';

const FRAME = 480;
const REPORT_S = 0.1;
/** frames of true silence before nothing is sent any more */
const QUIET_FRAMES = 80;

/** @type {any} */
const scope = globalThis;

class Microphone extends scope.AudioWorkletProcessor {
    constructor() {
        super();
        this.down = new Down(scope.sampleRate);
        this.frame = new Float32Array(FRAME);
        this.filled = 0;
        this.quiet = 0;
        this.peak = 0;
        this.reported = 0;
        this.running = true;
        /** @type {MessagePort | null} */
        this.to = null;
        this.port.onmessage = (/** @type {MessageEvent} */ event) => {
            if (event.data === null) {
                this.running = false;
            } else {
                this.to = event.data;
            }
        };
    }

    /** @param {Float32Array[][]} inputs */
    process(inputs) {
        for (const value of this.down.push(inputs[0]?.[0] ?? new Float32Array(0))) {
            this.peak = Math.max(this.peak, Math.abs(value));
            this.frame[this.filled++] = value;

            if (this.filled === FRAME) {
                this.pass();
            }
        }

        if (scope.currentTime - this.reported > REPORT_S) {
            this.reported = scope.currentTime;
            this.port.postMessage(this.peak);
            this.peak = 0;
        }

        return this.running;
    }

    pass() {
        const silent = this.frame.every(value => value === 0);

        this.quiet = silent ? this.quiet + 1 : 0;
        this.filled = 0;

        if (this.quiet <= QUIET_FRAMES) {
            const frame = this.frame.slice();
            this.to?.postMessage(frame, [frame.buffer]);
        }
    }
}

scope.registerProcessor('selkies-microphone', Microphone);
