/**
 * The statistics overlay: what the stream does, measured in this page.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { element } from './dom.js';
import { percentile } from '../media/figures.js';

const HISTORY = 120;

/** @param {number} value */
function milliseconds(value) {
    return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}


/** @param {number[]} pair  p50 and p95 */
function pair(pair) {
    const [p50, p95] = pair;

    return p50 === undefined || p95 === undefined || Number.isNaN(p50) ? '–'
        : `${milliseconds(p50)} / ${milliseconds(p95)} ms`;
}


/** @param {number} kbps */
function rate(kbps) {
    return kbps >= 1000 ? `${(kbps / 1000).toFixed(1)} Mbit/s` : `${Math.round(kbps)} kbit/s`;
}


/** @param {string} codec  avc1.PPCCLL */
function codecName(codec) {
    const profile = { '42': 'Baseline', '4d': 'Main', '64': 'High', 'f4': 'High 4:4:4' }[
        codec.slice(5, 7)];
    const level = parseInt(codec.slice(9), 16) / 10;

    if (codec === 'jpeg') {
        return 'JPEG';
    }

    return codec === '' ? '–' : `H.264 ${profile ?? codec} @ ${level}`;
}


/** What became of lite pictures, in words.
 *
 * @param {import('../session.js').Session} session */
function liteName(session) {
    /** @type {Record<string, string>} */
    const words = { passed: 'on', testing: 'off, testing the decoder',
                    wrong: 'off, the decoder shows them wrong',
                    error: 'off, the decoder refuses them',
                    slow: 'off, the decoder is too slow',
                    withdrawn: 'off since the decoder failed' };

    return session.extended && session.have.includes('lite')
        ? words[session.lite] ?? 'off' : 'off, the server sends none';
}


export class Stats {
    /** @param {import('./toolbar.js').Parts} parts
     *  @param {import('./quality.js').Quality} quality */
    constructor(parts, quality) {
        this.parts = parts;
        this.quality = quality;
        /** @type {number[]} */
        this.rates = [];
        /** @type {number[]} */
        this.frames = [];
        this.canvas = /** @type {HTMLCanvasElement} */ (element('canvas', {
            width: '472', height: '88', 'aria-hidden': 'true' }));

        /** @type {Record<string, HTMLElement>} */
        this.cells = {};
        const rows = [['size', 'Picture'], ['fps', 'Frame rate'], ['rate', 'Bit rate'],
                      ['answer', 'Input → picture', 'From a key press, click or wheel on a '
                       + 'still screen to the next decoded picture: p50 / p95'],
                      ['rtt', 'Round trip', 'Of the network, as the server measures it: '
                       + 'p50 / p95'],
                      ['decode', 'Decoding', 'From arrival to decoded: p50 / p95'],
                      ['lost', 'Left out', 'Pictures that came too late to be shown'],
                      ['cpu', 'Server', 'How busy its processor is'],
                      ['encoder', 'Encoder'], ['decoder', 'Stream'],
                      ['lite', 'Quick pictures', 'Small changes come as small pictures, past '
                       + 'the encoder, where the decoder has shown that it takes them'],
                      ['sink', 'Shown by']];
        const list = element('dl', {});

        for (const [key = '', label = '', title = ''] of rows) {
            const cell = element('dd', {}, '–');

            this.cells[key] = cell;
            list.append(element('dt', { title }, label), cell);
        }

        this.why = element('p', { class: 'why' });
        this.panel = element('aside', { id: 'stats', 'aria-label': 'Statistics', hidden: '' },
            this.why, this.canvas, list, element('p', {}, 'Times are p50 / p95'));
        parts.session.on('stats', stats => this.update(stats));
    }

    /** @returns {boolean} whether it is shown now */
    toggle() {
        this.panel.hidden = !this.panel.hidden;

        if (!this.panel.hidden) {
            this.update(this.parts.session.stats);
        }

        return !this.panel.hidden;
    }

    /** @param {Record<string, any>} stats */
    update(stats) {
        if (stats.codec === undefined) {
            return;
        }

        this.rates.push(stats.kbps);
        this.frames.push(stats.fps);

        if (this.rates.length > HISTORY) {
            this.rates.shift();
            this.frames.shift();
        }

        if (this.panel.hidden) {
            return;
        }

        const { session, picture } = this.parts;
        const { latencies, cpu } = this.quality;
        const { level, text } = this.quality.now();
        const exact = picture.place.crisp ? '1:1' : 'scaled';

        this.why.textContent = text;
        this.why.dataset.quality = level;
        this.set('size', stats.width > 0 ? `${stats.width} × ${stats.height}  ${exact}` : '–');
        this.set('fps', `${Math.round(stats.fps)} fps`);
        this.set('rate', rate(stats.kbps));
        this.set('answer', pair(stats.answer));
        this.set('rtt', pair([percentile(latencies, 0.5), percentile(latencies, 0.95)]));
        this.set('decode', pair(stats.decode));
        this.set('lost', String(stats.dropped ?? '–'));
        this.set('cpu', cpu >= 0 ? `${Math.round(cpu)} %` : '–');
        this.set('encoder', String((session.control ? session.value('encoder')
            : session.settings.encoder?.value) ?? '–'));
        this.set('decoder', codecName(stats.codec) + (stats.software ? ', software' : ''));
        this.set('lite', liteName(session));
        this.set('sink', stats.sink);
        this.draw();
    }

    /** @param {string} key
     *  @param {string} text */
    set(key, text) {
        const cell = this.cells[key];

        if (cell !== undefined) {
            cell.textContent = text;
        }
    }

    draw() {
        const context = this.canvas.getContext('2d');

        if (context === null) {
            return;
        }

        const { width, height } = this.canvas;
        const style = getComputedStyle(this.canvas);
        const step = width / (HISTORY - 1);

        context.clearRect(0, 0, width, height);

        for (const [values, colour, fill] of /** @type {[number[], string, boolean][]} */ ([
            [this.rates, style.color, true],
            [this.frames, style.caretColor, false]]))
        {
            const top = Math.max(...values, 1);
            const at = (/** @type {number} */ i) => (
                height - 3 - (values[i] ?? 0) / top * (height - 8));
            const first = width - (values.length - 1) * step;

            context.beginPath();
            context.moveTo(first, at(0));

            for (let i = 1; i < values.length; i++) {
                context.lineTo(first + i * step, at(i));
            }

            context.strokeStyle = colour;
            context.lineWidth = 3;
            context.stroke();

            if (fill) {
                context.lineTo(width, height);
                context.lineTo(first, height);
                context.globalAlpha = 0.18;
                context.fillStyle = colour;
                context.fill();
                context.globalAlpha = 1;
            }
        }
    }
}
