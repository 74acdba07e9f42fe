/**
 * The panel of sound: how loud, where to, how late.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { button, element, icon } from './dom.js';

const REFRESH_MS = 100;

/** @type {Record<string, string>} */
const WORDS = {
    off: 'The desktop has no sound at present.',
    locked: 'The browser plays nothing before you click or type.',
    muted: 'Muted: nothing is sent.',
    on: 'Playing'
};

/**
 * @param {import('../sound.js').Sound} sound
 * @param {(text: string) => void} say
 * @returns {{ row: HTMLElement, refresh: () => Promise<void> }}
 */
function outputs(sound, say) {
    const list = /** @type {HTMLSelectElement} */ (
        element('select', { 'aria-label': 'Output device' }));
    const row = element('label', { class: 'field', hidden: '' }, 'Output device', list);

    list.addEventListener('change', async () => {
        try {
            await /** @type {any} */ (sound.context).setSinkId(list.value);
        } catch {
            say('This device cannot be used.');
            list.value = '';
        }
    });

    return { row, async refresh() {
        const can = sound.context !== null && 'setSinkId' in sound.context;
        /* their names are told once the microphone was allowed */
        const all = can ? await navigator.mediaDevices.enumerateDevices() : [];
        const devices = all.filter(device => device.kind === 'audiooutput'
                                             && device.deviceId !== '' && device.label !== '');
        const chosen = list.value;

        list.replaceChildren(new Option('The system’s choice', ''), ...devices
            .filter(device => device.deviceId !== 'default')
            .map(device => new Option(device.label, device.deviceId)));
        list.value = chosen;
        row.hidden = devices.length === 0;
    } };
}


/**
 * The switch, and how loud: of one that is told by its level alone that it works.
 *
 * @param {import('../session.js').Session} session
 * @returns {{ box: HTMLElement, refresh: () => void }}
 */
function microphone(session) {
    /** @type {import('../microphone.js').Microphone | null} */
    let mic = null;
    let busy = false;
    const act = button({ text: '', icon: 'mic', class: 'act', run: () => void turn() });
    const level = element('meter', { min: '0', max: '1', high: '0.9', 'aria-label': 'Level' });
    const gain = /** @type {HTMLInputElement} */ (element('input', {
        type: 'range', min: '0', max: '200', value: '100', 'aria-label': 'Gain' }));
    const trouble = element('p', { class: 'trouble', role: 'alert', hidden: '' });
    const more = element('div', { class: 'row', hidden: '' },
                         element('label', { class: 'grow' }, 'Gain', gain), level);
    const box = element('section', { class: 'microphone' },
                        element('h3', {}, 'Microphone'),
                        element('p', { class: 'quiet' },
                                'What you say is heard by the programs of the desktop.'),
                        element('div', { class: 'row' }, act), more, trouble);

    const refresh = () => {
        act.replaceChildren(icon('mic'), mic?.on ? 'Turn off' : 'Turn on');
        act.classList.toggle('main', mic?.on === true);
        act.disabled = busy;
        more.hidden = mic?.on !== true;
        level.setAttribute('value', String(mic?.level ?? 0));
        box.hidden = !session.control || session.settings.microphone_enabled?.value !== true;
    };

    async function turn() {
        busy = true;
        trouble.hidden = true;
        refresh();

        if (mic?.on) {
            mic.stop();
        } else {
            mic ??= new (await import('../microphone.js')).Microphone(session);
            trouble.textContent = await mic.start();
            trouble.hidden = trouble.textContent === '';
        }

        busy = false;
        refresh();
    }

    gain.addEventListener('input', () => mic?.setVolume(Number(gain.value) / 100));
    session.on('microphone', refresh);
    return { box, refresh };
}


/**
 * @param {HTMLElement} body
 * @param {import('./toolbar.js').Parts} parts
 * @param {(text: string) => void} say
 * @returns {import('./panels.js').View}
 */
export function mount(body, parts, say) {
    const { session } = parts;
    const sound = /** @type {import('../sound.js').Sound} */ (session.sound);
    const volume = /** @type {HTMLInputElement} */ (element('input', {
        type: 'range', min: '0', max: '100', value: String(Math.round(sound.volume * 100)),
        'aria-label': 'Volume' }));
    const mute = button({ text: '', icon: 'sound', class: 'act',
                          run: () => sound.mute(sound.state !== 'muted') });
    const word = element('p', { class: 'quiet', role: 'status' });
    const figures = element('p', { class: 'quiet figures' });
    const devices = outputs(sound, say);
    const mic = microphone(session);
    let timer = 0;

    const refresh = () => {
        const silent = sound.state === 'muted';
        const { levelMs, gaps } = sound.figures;

        mic.refresh();
        mute.replaceChildren(icon(silent ? 'muted' : 'sound'),
                             silent ? 'Unmute' : 'Mute');
        word.textContent = WORDS[sound.state] ?? '';
        figures.textContent = sound.state !== 'on' ? ''
            : `Buffer ${Math.round(levelMs)} ms · to the ear ${Math.round(sound.latencyMs)} ms`
              + (gaps > 0 ? ` · ${gaps} gaps` : '');
    };

    volume.addEventListener('input', () => sound.setVolume(Number(volume.value) / 100));
    session.on('sound', refresh);
    body.append(word, element('div', { class: 'row' },
                              element('div', { class: 'grow' }, volume), mute),
                devices.row, figures, mic.box);
    session.on('microphone', () => void devices.refresh());

    return {
        shown() {
            refresh();
            void devices.refresh();
            timer = window.setInterval(refresh, REFRESH_MS);
        },
        hidden() {
            clearInterval(timer);
        }
    };
}
