/**
 * A browser on a leash, for t/browser/*.t: one JSON command a line on stdin,
 * one JSON answer a line on stdout, {ok: true, value} or {ok: false, error}.
 *
 *   node t/browser/driver.mjs chromium|firefox /path/of/the/browser
 *
 *   open {url, width, height, dpr}   a page of its own; ends when it has loaded;
 *        {mobile, scheme}            with fingers (Chromium); dark or light
 *        {script}                    runs before any script of the page
 *   page {n}                         which of the open pages is meant
 *   eval {code}                      the body of an async function in the page
 *   press {key} · type {text} · down {key} · up {key}
 *   move {x, y} · click {x, y, button} · wheel {dx, dy}
 *   viewport {width, height}
 *   devtools {method, params}        of Chromium's protocol: touch, input methods
 *   shot {path}                      a picture of the page
 *   problems                         console errors, exceptions, CSP violations
 *   far {port, ms}                   a port that leads to another, that long a way
 *                                    there and back
 *   close
 *   pace {messages, ms}, tell {text} what that one sends
 *   stand-in {have}                  starts a server of our own: its address
 *   show {i, id, data}               it sends a picture of the clip
 *   heard                            what its newest websocket said so far
 *   drop {code, reason}              it closes that
 *   sockets                          {opened, closed}: how many; codes of the page
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { createInterface } from 'node:readline';

const [name, executablePath] = process.argv.slice(2);
/** a wave that Chromium's microphone says, over and over, instead of a beep */
const SAYS = process.env.SELKIES_SAYS;

/** Runs in the page before any script of its own. */
function watchPolicy() {
    /* when the first picture was there */
    new MutationObserver((_, observer) => {
        if (document.documentElement.dataset.state === 'live') {
            /** @type {any} */ (globalThis).selkiesLiveAt = performance.now();
            observer.disconnect();
        }
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-state'] });

    /** @type {any} */ (globalThis).selkiesViolations = [];
    globalThis.addEventListener('securitypolicyviolation', event => {
        /** @type {any} */ (globalThis).selkiesViolations.push(
            `${event.violatedDirective} ${event.blockedURI}`);
    });
}


class Chromium {
    /** @param {string} path */
    async start(path) {
        const { chromium } = await import('playwright-core');

        this.browser = await chromium.launch({ executablePath: path,
                                               args: ['--no-sandbox',
                /* an address that is not secure, unlike localhost */
                '--host-resolver-rules=MAP desk.test 127.0.0.1',
                /* as for people */ '--autoplay-policy=document-user-activation-required',
                /* a microphone that beeps, and a yes to the question */
                '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
                ...SAYS ? [`--use-file-for-fake-audio-capture=${SAYS}`] : []] });
    }

    /** @param {any} o */
    async newPage(o) {
        const context = await /** @type {any} */ (this.browser).newContext({
            viewport: { width: o.width, height: o.height },
            deviceScaleFactor: o.dpr, hasTouch: o.mobile === true,
            isMobile: o.mobile === true, colorScheme: o.scheme,
            permissions: o.permissions, httpCredentials: o.credentials });
        const page = await context.newPage();

        await page.addInitScript(watchPolicy);
        return page;
    }

    /** @param {any} page
     *  @param {any} o */
    viewport(page, o) {
        return page.setViewportSize({ width: o.width, height: o.height });
    }

    /** @param {any} page
     *  @param {string} script */
    before(page, script) {
        return page.addInitScript(script);
    }

    /** @param {any} page
     *  @param {any} o */
    wheel(page, o) {
        return page.mouse.wheel(o.dx, o.dy);
    }
}


class Firefox {
    /** @param {string} path */
    async start(path) {
        const { default: puppeteer } = await import('puppeteer-core');

        this.browser = await puppeteer.launch({ browser: 'firefox', headless: true,
                                                executablePath: path,
            extraPrefsFirefox: { 'network.dns.localDomains': 'desk.test',
                                 'media.navigator.streams.fake': true,
                                 'media.navigator.permission.disabled': true } });
    }

    /** @param {any} o */
    async newPage(o) {
        const page = await /** @type {any} */ (this.browser).newPage();

        if (o.credentials !== undefined) {
            await page.authenticate(o.credentials);
        }

        await page.evaluateOnNewDocument(watchPolicy);
        await this.viewport(page, o);
        return page;
    }

    /** @param {any} page
     *  @param {any} o */
    viewport(page, o) {
        return page.setViewport({ width: o.width, height: o.height,
                                  deviceScaleFactor: o.dpr });
    }

    /** @param {any} page
     *  @param {string} script */
    before(page, script) {
        return page.evaluateOnNewDocument(script);
    }

    /** @param {any} page
     *  @param {any} o */
    wheel(page, o) {
        return page.mouse.wheel({ deltaX: o.dx, deltaY: o.dy });
    }
}


const driver = name === 'firefox' ? new Firefox() : new Chromium();
/** @type {any[]} */
const pages = [];
/** @type {any} */
let page = null;
/** @type {string[]} */
const problems = [];
/** @type {import('./stand-in.mjs').StandIn | null} */
let standIn = null;


/** @param {any} o */
async function open(o) {
    page = await driver.newPage({ dpr: 1, width: 1280, height: 720, ...o });
    pages.push(page);

    if (o.script !== undefined) {
        await driver.before(page, o.script);
    }

    page.on('console', (/** @type {any} */ message) => {
        if (message.type() === 'error') {
            problems.push(`console: ${message.text()} ${message.location()?.url ?? ''}`);
        }
    });
    page.on('pageerror', (/** @type {any} */ error) => {
        problems.push(`exception: ${error.message}`);
    });
    await page.goto(o.url, { waitUntil: 'load' });
    return pages.length - 1;
}


/** @param {string} code */
function run(code) {
    return page.evaluate(`(async () => { ${code} })()`);
}


/** @type {Record<string, (o: any) => any>} */
const commands = {
    open,
    page: o => {
        page = pages[o.n];
    },
    eval: o => run(o.code),
    press: o => page.keyboard.press(o.key),
    type: o => page.keyboard.type(o.text),
    down: o => page.keyboard.down(o.key),
    up: o => page.keyboard.up(o.key),
    move: o => page.mouse.move(o.x, o.y),
    click: o => page.mouse.click(o.x, o.y, { button: o.button ?? 'left' }),
    wheel: o => driver.wheel(page, o),
    devtools: async o => {
        page.devtools ??= await page.context().newCDPSession(page);
        return page.devtools.send(o.method, o.params);
    },
    shot: async o => {
        await page.screenshot({ path: o.path });
    },
    viewport: o => driver.viewport(page, { dpr: 1, ...o }),
    problems: async () => {
        const violations = [];

        for (const one of pages) {
            if (!one.isClosed()) {
                violations.push(...await one.evaluate('selkiesViolations'));
            }
        }

        return [...problems.splice(0), ...violations.map(text => `policy: ${text}`)];
    },
    close: async () => {
        await page.close();
        pages[pages.indexOf(page)] = { isClosed: () => true };
    },
    far: async o => {
        const { far } = await import('./far.mjs');

        return far(o.port, o.ms);
    },
    'stand-in': async o => {
        const { StandIn } = await import('./stand-in.mjs');

        standIn?.close();
        standIn = new StandIn(o.have);
        return standIn.start();
    },
    show: o => standIn?.show(o),
    pace: o => standIn?.pace(o),
    heard: () => standIn?.heard,
    tell: o => standIn?.say(o.text),
    drop: o => standIn?.drop(o.code, o.reason ?? ''),
    sockets: () => ({ opened: standIn?.opened, closed: standIn?.closed })
};


/** @param {any} answer */
function say(answer) {
    process.stdout.write(JSON.stringify(answer) + '\n');
}


try {
    await driver.start(executablePath);
    say({ ok: true, value: 'ready' });

    for await (const line of createInterface({ input: process.stdin })) {
        const order = JSON.parse(line);

        try {
            say({ ok: true, value: await commands[order.cmd](order) ?? null });
        } catch (error) {
            say({ ok: false, error: String(error) });
        }
    }
} catch (error) {
    say({ ok: false, error: String(error) });
} finally {
    standIn?.close();
    await driver.browser?.close();
}
