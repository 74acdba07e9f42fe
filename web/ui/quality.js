/**
 * Why it is slow: which of the stages between a key and its picture is late. Each
 * stage has a figure and two limits; the worst one is named.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/** What the statistics of the worker come every. */
const STATS_MS = 500;
const GAPS = 12;
const LATENCIES = 60;

/**
 * @typedef {object} Figures  milliseconds; NaN is not known
 * @property {number} latency  a ping behind a picture, there and back
 * @property {number} decode   p50 from arrival to decoded
 * @property {number} queue    pictures that wait for the decoder
 * @property {number} answer   p50 from input to picture
 * @property {number} late     how long this page was held up
 * @property {number} cpu      of the server, percent
 *
 * @typedef {'good' | 'fair' | 'poor'} Level
 * @typedef {'' | 'network' | 'decoder' | 'computer' | 'server'} Stage
 */

/** @param {number} value */
const ms = value => `${Math.round(value)} ms`;

/** @param {Figures} f what of an answer neither the network nor the decoder took */
const work = f => f.answer - (f.latency || 0) - (f.decode || 0);

/** @type {{ stage: Stage, fair: number, poor: number, of: (f: Figures) => number,
 *           text: (value: number, f: Figures) => string }[]} */
const STAGES = [
    { stage: 'network', fair: 80, poor: 200, of: f => f.latency,
      text: value => `The network is slow: there and back takes ${ms(value)}.` },
    { stage: 'decoder', fair: 4, poor: 8, of: f => f.queue,
      text: value => `This browser’s decoder is behind by ${value} pictures.` },
    { stage: 'decoder', fair: 30, poor: 80, of: f => f.decode,
      text: value => `This browser’s decoder takes ${ms(value)} for a picture.` },
    { stage: 'computer', fair: 150, poor: 500, of: f => f.late,
      text: value => `This computer is busy: the page was held up for ${ms(value)}.` },
    /* no more than fair: a key may have had nothing to change at once */
    { stage: 'server', fair: 150, poor: Infinity, of: work,
      text: (value, f) => `The server or its desktop takes ${ms(value)} to answer`
                          + (f.cpu >= 90 ? `, its processor is ${Math.round(f.cpu)} % busy.` : '.') },
    { stage: 'server', fair: 95, poor: Infinity, of: f => f.cpu,
      text: value => `The server is busy: its processor is at ${Math.round(value)} %.` }
];


/**
 * @param {Figures} figures
 * @returns {{ level: Level, stage: Stage, text: string }}
 */
export function diagnose(figures) {
    let most = 1;
    /** @type {{ level: Level, stage: Stage, text: string }} */
    let worst = { level: 'good', stage: '', text: 'Nothing is slow.' };

    for (const { stage, fair, poor, of, text } of STAGES) {
        const value = of(figures);
        const weight = value / fair;

        /* a figure that is not known is NaN, and larger than nothing */
        if (weight >= 1 && (worst.stage === '' || weight > most)) {
            most = weight;
            worst = { level: value >= poor ? 'poor' : 'fair', stage, text: text(value, figures) };
        }
    }

    return worst;
}


/** Gathers what the page knows of itself and of its server. */
export class Quality {
    /** @param {import('../session.js').Session} session */
    constructor(session) {
        this.session = session;
        this.cpu = NaN;
        /** @type {number[]} milliseconds */
        this.latencies = [];
        /** @type {number[]} by how much the last statistics were late */
        this.gaps = [];
        this.heardAt = 0;

        session.on('json:system_stats', data => {
            this.cpu = Number(data.cpu_percent);
        });
        session.on('json:network_stats', () => {
            this.latencies = [...this.latencies, session.latency].slice(-LATENCIES);
        });
        session.on('stats', () => this.heard());
        document.addEventListener('visibilitychange', () => {
            this.heardAt = 0;
        });
    }

    /** The worker says its figures by a clock: what is late has waited for this page. */
    heard() {
        const now = performance.now();

        if (this.heardAt !== 0) {
            this.gaps = [...this.gaps, Math.max(0, now - this.heardAt - STATS_MS)].slice(-GAPS);
        }

        this.heardAt = now;
    }

    /** The second worst: one hitch is none. */
    late() {
        return [...this.gaps].sort((a, b) => b - a)[1] ?? 0;
    }

    /** @returns {{ level: Level | 'off', stage: Stage, text: string }} */
    now() {
        const { state, missing, stats, latency } = this.session;

        if (state !== 'live' || missing !== '') {
            return { level: 'off', stage: '',
                     text: missing !== '' ? 'Waiting for the display.' : 'Not connected.' };
        }

        return diagnose({ latency, decode: stats.decode?.[0] ?? NaN,
                          answer: stats.answer?.[0] ?? NaN, queue: stats.queue ?? 0,
                          late: this.late(), cpu: this.cpu });
    }
}
