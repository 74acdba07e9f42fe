/**
 * Builds elements without markup in strings, and keeps the icons in the page: a
 * failure screen must not need the network for its picture.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const SVG = 'http://www.w3.org/2000/svg';

let loaded = false;

function loadIcons() {
    if (loaded) {
        return;
    }

    /* the one way to a document that trusted types leave alone */
    const request = new XMLHttpRequest();

    loaded = true;
    request.open('GET', new URL('../icons.svg', import.meta.url));
    request.responseType = 'document';
    request.overrideMimeType('image/svg+xml');
    request.onload = () => {
        const sprite = request.responseXML?.documentElement;

        if (sprite !== undefined && request.status === 200) {
            sprite.setAttribute('hidden', '');
            document.body.append(document.adoptNode(sprite));
        }
    };
    request.send();
}


/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes, ...children) {
    const made = document.createElement(tag);

    for (const [name, value] of Object.entries(attributes)) {
        made.setAttribute(name, value);
    }

    made.append(...children);
    return made;
}


/**
 * @param {string} name  a symbol of icons.svg
 * @returns {SVGElement}
 */
export function icon(name) {
    const svg = document.createElementNS(SVG, 'svg');
    const use = document.createElementNS(SVG, 'use');

    svg.setAttribute('class', 'icon');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    loadIcons();
    use.setAttribute('href', '#icon-' + name);
    svg.append(use);
    return svg;
}


/**
 * @param {{ text: string, run: () => void, class?: string, icon?: string,
 *           title?: string }} what
 * @returns {HTMLButtonElement}
 */
export function button(what) {
    const made = /** @type {HTMLButtonElement} */ (element('button', { type: 'button' }));

    if (what.class !== undefined) {
        made.className = what.class;
    }

    if (what.icon !== undefined) {
        made.append(icon(what.icon));
    }

    if (what.title !== undefined) {
        made.title = what.title;
    }

    made.append(element('span', {}, what.text));
    made.addEventListener('click', () => what.run());
    return made;
}


/** @type {Map<string, Promise<void>>} */
const styles = new Map();

/** Loads a style sheet, once: that of everything but the picture, or another. A
 *  page whose server is gone has to do without.
 *
 * @param {URL} [url]
 * @returns {Promise<void>} */
export function styled(url = new URL('ui.css', import.meta.url)) {
    const { href } = url;
    const loading = styles.get(href) ?? new Promise(resolve => {
        const link = element('link', { rel: 'stylesheet', href });

        link.onload = () => resolve();
        link.onerror = () => resolve();
        document.head.append(link);
    });

    styles.set(href, loading);
    return loading;
}
