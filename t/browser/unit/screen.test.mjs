/**
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

const page = /** @type {any} */ (globalThis);

/** @type {Map<string, string>} */
let stored;

beforeEach(() => {
    stored = new Map();
    page.location = { pathname: '/desk/' };
    page.devicePixelRatio = 2;
    page.localStorage = {
        getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
        setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
            stored.set(key, value);
        }
    };
});

const { ScreenChoice } = await import('../../../web/screen.js');
const area = { width: 801, height: 600 };

test('without a wish a screen has the device pixels of its area', () => {
    const choice = new ScreenChoice('primary');

    assert.deepEqual(choice.streamSize(area, {}), { width: 1602, height: 1200 });
    assert.equal(choice.dpi({}), 192);
    assert.equal(choice.inCss({}), false);
});

test('the operator may want pixels of the page, the user something else', () => {
    const choice = new ScreenChoice('primary');
    const css = { use_css_scaling: { value: true, locked: false } };
    const locked = { use_css_scaling: { value: true, locked: true } };

    assert.deepEqual(choice.streamSize(area, css), { width: 800, height: 600 });
    assert.equal(choice.dpi(css), 96);
    choice.change({ css: false });
    assert.deepEqual(choice.streamSize(area, css), { width: 1602, height: 1200 });
    assert.deepEqual(choice.streamSize(area, locked), { width: 800, height: 600 });
});

test('a size is kept for its screen, and others keep theirs', () => {
    new ScreenChoice('primary').change({ size: '1921x1080', dpi: 144 });

    const again = new ScreenChoice('primary');

    assert.deepEqual(again.streamSize(area, {}), { width: 1920, height: 1080 });
    assert.equal(again.dpi({}), 144);
    assert.deepEqual(new ScreenChoice('display2').streamSize(area, {}),
                     { width: 1602, height: 1200 });
    again.change({ size: '' });
    assert.deepEqual(again.streamSize(area, {}), { width: 1602, height: 1200 });
});

test('what is no wish is none', () => {
    for (const text of ['', 'null', '[]', '{"size":"0x0","css":1,"dpi":5}',
        '{"size":"800x600x2","dpi":"abc"}', '{"size":"123456x1","dpi":1000}'])
    {
        stored.set('selkies-screen:/desk/:primary', text);
        assert.deepEqual(new ScreenChoice('primary').wishes,
                         { size: '', css: null, dpi: 0 }, text);
    }

    page.localStorage = undefined;
    assert.equal(new ScreenChoice('primary').wishes.size, '');
});
