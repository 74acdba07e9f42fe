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

const stage = /** @type {HTMLElement} */ (document.getElementById('stage'));
const loading = /** @type {HTMLElement} */ (document.getElementById('loading'));
const probing = new URLSearchParams(location.search).get('probe') === '1';
const workers = [new URL('media/start.js', import.meta.url),
                 new URL('media/relay.js', import.meta.url)].map(url => url.href);
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


/** What is around the picture loads beside the handshake.
 *
 * @param {Session} session
 * @param {Picture} picture */
async function loadDesk(session, picture) {
    if (probing) {
        (await import('./ui/probe.js')).expose(session);
    }

    const desk = await import('./desk.js');

    await desk.mount(session, stage, picture, probing);
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
        await (await import('./desk.js')).refuse(isSecureContext ? 'decoder' : 'insecure');
        loading.classList.add('gone');
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
            void loadDesk(session, picture);
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
