/**
 * Starts the page: checks what the browser can do, gives the picture its place,
 * connects, and loads the rest (input, toolbar, overlays) beside the handshake.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { placePicture } from './protocol.js';
import { applyTheme } from './screen.js';
import { Session } from './session.js';

const RESIZE_DEBOUNCE_MS = 100;
/** the default of ui_title: nobody has chosen one */
const PLAIN_TITLE = 'Selkies';

const stage = /** @type {HTMLElement} */ (document.getElementById('stage'));
const loading = /** @type {HTMLElement} */ (document.getElementById('loading'));
const probing = new URLSearchParams(location.search).get('probe') === '1';
const workers = ['worker', 'relay'].map(
    name => new URL(`media/${name}.js`, import.meta.url).href);
/** @type {any} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('selkies', {
    createScriptURL: (/** @type {string} */ wanted) => {
        if (!workers.includes(wanted)) {
            throw new TypeError('not a worker of this client');
        }
        return wanted;
    }
});

/** @param {number} [which] of the workers
 *  @returns {Worker} */
function startWorker(which = 0) {
    const url = workers[which] ?? '';

    return new Worker(policy?.createScriptURL(url) ?? url,
                      { type: 'module', name: 'selkies media' });
}


/** What is to be decoded in another way than the usual one, see ladder.js. */
function demoted() {
    try {
        return localStorage.getItem('selkies-ladder-1') !== null;
    } catch {
        return false;
    }
}


/** The element that shows the stream, and its place on the stage. */
export class Picture {
    constructor() {
        /** @type {HTMLVideoElement | HTMLCanvasElement | null} */
        this.element = null;
        this.size = { width: 0, height: 0 };
        /** CSS pixels */
        this.place = { left: 0, top: 0, width: 0, height: 0, crisp: true };
        /** what is made of the place, see input/view.js
         *
         * @type {((base: Picture['place']) => Picture['place']) | null} */
        this.view = null;
    }

    /** @param {HTMLVideoElement | HTMLCanvasElement} element */
    mount(element) {
        element.id = 'screen';
        this.element?.remove();
        this.element = element;
        stage.prepend(element);
        this.layout();
    }

    /** @param {MediaStreamTrack} track */
    mountTrack(track) {
        const video = document.createElement('video');

        video.muted = true;
        video.autoplay = true;
        video.playsInline = true;
        video.disablePictureInPicture = true;
        video.srcObject = new MediaStream([track]);
        this.mount(video);
    }

    layout() {
        if (this.element === null || this.size.width === 0) {
            return;
        }

        const style = this.element.style;
        const base = placePicture(stage.getBoundingClientRect(), this.size,
                                  devicePixelRatio);

        this.place = this.view?.(base) ?? base;
        style.width = `${this.place.width}px`;
        style.height = `${this.place.height}px`;
        style.left = `${this.place.left}px`;
        style.top = `${this.place.top}px`;
        this.element.classList.toggle('crisp', this.place.crisp);
    }
}


/** Hands the worker a place to put frames, best first.
 *
 * @param {Picture} picture
 * @param {Session} session
 * @param {boolean} [flat]  a canvas, and nothing else */
function connectSink(picture, session, flat) {
    const { worker } = session;
    const Generator = /** @type {any} */ (globalThis).MediaStreamTrackGenerator;

    if (Generator !== undefined && flat !== true) {
        const track = new Generator({ kind: 'video' });

        picture.mountTrack(track);
        worker.postMessage({ t: 'init', writable: track.writable, probe: probing },
                           [track.writable]);
        return;
    }

    session.on('track', message => picture.mountTrack(message.track));
    session.whenReady(message => {
        if (worker !== session.worker) {
            return;
        }

        if (message.generator && flat !== true) {
            worker.postMessage({ t: 'init', probe: probing });
            return;
        }

        const canvas = document.createElement('canvas');
        const offscreen = canvas.transferControlToOffscreen();

        picture.mount(canvas);
        worker.postMessage({ t: 'init', canvas: offscreen, probe: probing },
                           [offscreen]);
    });
}


/** @param {Session} session
 *  @param {Picture} picture */
function watchPage(session, picture) {
    let timer = 0;

    const resized = () => {
        picture.layout();
        session.emit('layout');
        clearTimeout(timer);
        timer = window.setTimeout(() => session.sendSize(), RESIZE_DEBOUNCE_MS);
    };
    const watchRatio = () => {
        matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener(
            'change', () => {
                resized();
                watchRatio();
            }, { once: true });
    };

    new ResizeObserver(resized).observe(stage);
    watchRatio();
}


/** @param {unknown} text  of the operator's, if there is one */
function setTitle(text) {
    if (typeof text === 'string' && text !== '') {
        document.title = text;
        /** @type {HTMLElement} */ (loading.querySelector('h1')).textContent = text;
    }
}


/** `selkies_title`, which the manifest has, or what the settings say instead.
 *
 * @param {Session} session */
async function readTitle(session) {
    let own = false;
    const consider = () => {
        const title = session.settings.ui_title?.value ?? PLAIN_TITLE;

        if (title !== PLAIN_TITLE) {
            own = true;
            setTitle(title);
        }
    };

    session.on('settings', consider);
    consider();

    try {
        const answer = await fetch(new URL('manifest.json', document.baseURI),
                                   { credentials: 'same-origin' });
        const manifest = answer.ok ? await answer.json() : {};

        setTitle(own ? '' : manifest.name);
    } catch {
        /* the page keeps the title it has */
    }
}


/** @param {Session} session */
function watchLoading(session) {
    const line = /** @type {HTMLElement} */ (loading.querySelector('p'));

    session.on('state', state => {
        if (state === 'waiting') {
            line.textContent = 'Waiting for the picture…';
        }

        if (state === 'live' || state === 'ended') {
            loading.classList.add('gone');
            stage.classList.toggle('shown', true);
        }

        document.documentElement.dataset.state = state;
    });
}


/** Sound has the time that pictures leave, and only where there is some.
 *
 * @param {Session} session */
function watchSound(session) {
    let loading = false;
    const consider = () => {
        if (!loading && session.state === 'live'
            && session.settings.audio_enabled?.value === true)
        {
            loading = true;
            void (typeof AudioWorkletNode === 'undefined' || typeof AudioDecoder === 'undefined'
                ? import('./plain-sound.js') : import('./sound.js')
            ).then(module => module.watch(session, probing));
        }
    };

    session.on('state', consider);
    session.on('settings', consider);
    consider();
}


/** Gamepads are nothing to a page until there is one; it may have come
 * while the page was loading.
 *
 * @param {Session} session */
function watchGamepads(session) {
    const watch = () => {
        void import('./input/gamepad.js').then(module => module.watch(session));
    };

    addEventListener('gamepadconnected', watch, { once: true });

    try {
        if (navigator.getGamepads().some(Boolean)) {
            watch();
        }

    } catch {
        /* a page within one that does not allow them */
    }

    if (wantsTouchGamepad()) {
        void import('./ui/touchgamepad.js')
            .then(module => module.touchGamepad(session)).then(pad => pad.show(true));
    }
}


/** Where one was on show, and for a player who may have nothing but fingers. */
function wantsTouchGamepad() {
    let kept = null;

    try {
        kept = localStorage.getItem(`selkies-touchgamepad${location.hash}`);
    } catch {
        /* a page may have no storage */
    }

    return kept === '1' || kept === null && /^#player[2-4]$/.test(location.hash)
                           && matchMedia('(pointer: coarse)').matches;
}


/** What needs no socket, and what loads beside its handshake.
 *
 * @param {Session} session
 * @param {Picture} picture */
async function loadRest(session, picture) {
    if (probing) {
        (await import('./ui/probe.js')).expose(session);
    }

    void readTitle(session);

    const [dom, screens, pointer, keyboard, toolbar, lite, colour, clip, alive] = await Promise.all([
        import('./ui/dom.js'), import('./ui/screens.js'), import('./input/pointer.js'),
        import('./input/keyboard.js'), import('./ui/toolbar.js'), import('./lite.js'),
        import('./colour.js'), import('./clipboard.js'), import('./alive.js')]);
    const point = new pointer.Pointer(session, stage, picture);
    const keys = new keyboard.Keyboard(session, stage, point);
    const clipboard = new clip.Clipboard(session, keys);

    await dom.styled();
    screens.watch(session, stage);
    alive.watch(session);
    lite.watch(session);
    colour.watch(session);
    toolbar.mount({ session, stage, picture, pointer: point, keyboard: keys, clipboard });
    watchSound(session);
    watchGamepads(session);

    if (!isSecureContext) {
        (await import('./ui/plain.js')).advise();
    }
}


/** What can be decoded here, and how: nothing is asked where all is well.
 *
 * @param {Picture} picture */
async function findWay(picture) {
    const { Ladder } = await import('./ladder.js');

    return new Ladder({ picture, probing, startWorker, connectSink });
}


async function start() {
    const picture = new Picture();
    let ladder = typeof VideoDecoder === 'undefined' || typeof Worker === 'undefined'
                 || demoted() ? await findWay(picture) : null;

    if (ladder !== null && !await ladder.find()) {
        const screens = await import('./ui/screens.js');

        await (await import('./ui/dom.js')).styled();
        loading.classList.add('gone');
        screens.show(isSecureContext ? 'decoder' : 'insecure');
        return;
    }

    const session = new Session(ladder === null ? startWorker() : await ladder.spawn(),
                                () => stage.getBoundingClientRect());

    session.on('demote', async ({ detail, place }) => {
        ladder ??= await findWay(picture);
        await ladder.demote(session, detail, place);
    });
    session.on('size', size => {
        picture.size = size;
        picture.layout();
        session.emit('layout');
    });

    /* everything else comes behind the first attempt to connect */
    let loaded = false;
    const rest = () => {
        if (!loaded) {
            loaded = true;
            void loadRest(session, picture);
        }
    };

    session.on('theme', applyTheme);
    session.on('opening', rest);
    session.on('end', rest);
    watchLoading(session);
    watchPage(session, picture);

    if (ladder !== null) {
        await ladder.attach(session);
    }

    session.connect(false);

    /* a video without a picture holds back the page's load event */
    const attach = () => {
        if (ladder === null) {
            connectSink(picture, session);
        }
    };

    if (document.readyState === 'complete') {
        attach();
    } else {
        addEventListener('load', attach, { once: true });
    }
}


/* leaving `#shared` for another screen is another role: start over */
addEventListener('hashchange', () => location.reload());
applyTheme();
void start();
