/**
 * The buffer between packets that come when they come and a device that takes
 * samples by its own clock. Runs in the audio worklet; knows neither.
 *
 * It begins to play when as much is there as it aims for, 20 to 60 ms. What runs
 * dry, or jumps, does so without a click. The server's clock and the device's
 * are not the same: playing up to half a percent faster or slower keeps the level.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const AIM_MIN_MS = 20;
const AIM_MAX_MS = 60;
const AIM_STEP_MS = 10;
/** without a gap for so long it aims for less again */
const CALM_MS = 10000;
/** what came within this after a gap was late; what comes later is new */
const LATE_MS = 150;
/** so much more than is aimed for is cut */
const EXCESS_MS = 80;
const DRIFT_MAX = 0.005;
const DRIFT_PER_MS = DRIFT_MAX / 20;
const DRIFT_SPARE_MS = 2;
const FADE = 96;

/** Between y1 and y2, with their neighbours: a cubic through all four.
 *
 * @param {number} y0
 * @param {number} y1
 * @param {number} y2
 * @param {number} y3
 * @param {number} t  0..1 */
function cubic(y0, y1, y2, y3, t) {
    const c1 = (y2 - y0) / 2;
    const c2 = y0 - 2.5 * y1 + 2 * y2 - y3 / 2;
    const c3 = (y3 - y0) / 2 + 1.5 * (y1 - y2);

    return ((c3 * t + c2) * t + c1) * t + y1;
}


export class Jitter {
    /**
     * @param {number} channels
     * @param {number} rate    of what comes, samples a second
     * @param {number} device  of what is taken
     */
    constructor(channels, rate, device) {
        this.rate = rate;
        this.base = rate / device;
        /** a power of two, more than a second */
        this.size = 65536;
        this.rings = Array.from({ length: channels }, () => new Float32Array(this.size));
        /** samples that ever came; the next one to be played, with a fraction */
        this.written = 0;
        this.at = 0;
        this.playing = false;
        this.aimMs = AIM_MIN_MS;
        this.meanMs = 0;
        this.step = this.base;
        this.gaps = 0;
        this.cuts = 0;
        /** device time of things, ms */
        this.now = 0;
        this.dryAt = -Infinity;
        this.calmAt = 0;
        /** what the last output ends in, and how far it has faded */
        this.last = new Float32Array(channels);
        this.faded = FADE;
        /** where it was read before a jump, and how far that is done */
        this.from = 0;
        this.joined = FADE;
    }

    get levelMs() {
        return Math.max(0, this.written - this.at) * 1000 / this.rate;
    }

    /** @param {Float32Array[]} planes  a channel each */
    push(planes) {
        const n = planes[0]?.length ?? 0;

        this.rings.forEach((ring, c) => {
            const plane = planes[c] ?? planes[0];

            for (let i = 0; i < n; i++) {
                ring[(this.written + i) & (this.size - 1)] = plane?.[i] ?? 0;
            }
        });

        this.written += n;

        if (!this.playing && this.now - this.dryAt < LATE_MS) {
            /* it was not the end of the sound */
            this.dryAt = -Infinity;
            this.gaps++;
            this.aimMs = Math.min(AIM_MAX_MS, this.aimMs + AIM_STEP_MS);
            this.calmAt = this.now;
        }

        if (this.levelMs > this.aimMs + EXCESS_MS) {
            this.cut();
        }
    }

    /** More than is wanted has come at once: the oldest of it goes. */
    cut() {
        const to = this.written - this.aimMs * this.rate / 1000;

        if (this.playing) {
            this.from = this.at;
            this.joined = 0;
        }

        this.at = Math.floor(to);
        this.meanMs = this.aimMs;
        this.cuts++;
    }

    /**
     * Fills what the device takes; whether there was anything but silence.
     *
     * @param {Float32Array[]} out  a channel each
     */
    pull(out) {
        const n = out[0]?.length ?? 0;
        const ms = n * this.base * 1000 / this.rate;

        this.now += ms;

        if (!this.playing && this.levelMs >= this.aimMs) {
            this.playing = true;
            this.meanMs = this.levelMs;
            this.joined = FADE;
        }

        if (this.playing) {
            this.adapt(ms);
        }

        for (let i = 0; i < n; i++) {
            this.sample(out, i);
        }

        return this.playing || this.faded < FADE;
    }

    /** @param {number} ms  since the last time */
    adapt(ms) {
        this.meanMs += (this.levelMs - this.meanMs) * Math.min(1, ms / 300);

        const error = this.meanMs - this.aimMs;
        const spare = Math.sign(error) * Math.min(Math.abs(error), DRIFT_SPARE_MS);
        const drift = Math.max(-DRIFT_MAX,
                               Math.min(DRIFT_MAX, (error - spare) * DRIFT_PER_MS));

        this.step = this.base * (1 + drift);

        if (this.now - this.calmAt > CALM_MS) {
            this.calmAt = this.now;
            this.aimMs = Math.max(AIM_MIN_MS, this.aimMs - AIM_STEP_MS / 2);
        }
    }

    /** @param {Float32Array} ring
     *  @param {number} at */
    read(ring, at) {
        const i = Math.floor(at);
        const mask = this.size - 1;

        return cubic(ring[(i - 1) & mask] ?? 0, ring[i & mask] ?? 0,
                     ring[(i + 1) & mask] ?? 0, ring[(i + 2) & mask] ?? 0, at - i);
    }

    /** @param {Float32Array[]} out
     *  @param {number} i */
    sample(out, i) {
        /* the cubic looks two samples ahead */
        if (this.playing && this.at + 2 >= this.written) {
            this.playing = false;
            this.dryAt = this.now;
            this.faded = 0;
        }

        const share = this.playing ? Math.min(1, this.joined / FADE) : 0;
        const left = 1 - this.faded / FADE;

        for (let c = 0; c < out.length; c++) {
            const ring = this.rings[c];
            const plane = /** @type {Float32Array} */ (out[c]);

            if (ring === undefined) {
                plane[i] = 0;
            } else if (this.playing) {
                const value = this.read(ring, this.at);

                plane[i] = share === 1 ? value
                    : share * value + (1 - share) * this.read(ring, this.from);
                this.last[c] = plane[i] ?? 0;
            } else {
                plane[i] = left * (this.last[c] ?? 0);
            }
        }

        if (this.playing) {
            this.at += this.step;
            this.from += this.step;
            this.joined = Math.min(FADE, this.joined + 1);
        } else {
            this.faded = Math.min(FADE, this.faded + 1);
        }
    }
}
