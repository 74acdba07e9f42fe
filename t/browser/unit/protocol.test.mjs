/* The page's half of the wire: text messages, sizes, back-off, wheel. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { buttonMask, wheelMessages } from '../../../web/input/wheel.js';
import { backOff, claimOf, dpiFor, even, parseFragment, parseText, placePicture, streamSize }
    from '../../../web/protocol.js';

test('text messages are sorted by their prefix', () => {
    assert.deepEqual(parseText('MODE websockets'), { kind: 'mode' });
    assert.deepEqual(parseText('KILL a new primary client connected'),
                     { kind: 'kill', text: 'a new primary client connected' });
    assert.deepEqual(parseText('PIPELINE_RESETTING display2'),
                     { kind: 'reset', text: 'display2' });
    assert.deepEqual(parseText('MK_ACCESS,1'), { kind: 'access', granted: true });
    assert.deepEqual(parseText('MK_ACCESS,0'), { kind: 'access', granted: false });
    assert.deepEqual(parseText('VIDEO_STOPPED'), { kind: 'video', started: false });
    assert.deepEqual(parseText('AUTH_SUCCESS,{"role":"viewer","slot":null}'),
                     { kind: 'auth', data: { role: 'viewer', slot: null } });
    assert.deepEqual(parseText('_ext,{"open":true,"have":["status"]}'),
                     { kind: 'ext', data: { open: true, have: ['status'] } });
    assert.deepEqual(parseText('cursor,{"curdata":"","handle":0}'),
                     { kind: 'cursor', data: { curdata: '', handle: 0 } });
    assert.deepEqual(parseText('{"type":"reload"}'),
                     { kind: 'json', type: 'reload', data: { type: 'reload' } });
});

test('what is unknown or malformed is ignored', () => {
    for (const text of ['', ',', '{', '{}', '[]', '{"type":7}', 'null', 'cursor,',
                        'cursor,[]', 'cursor,null', 'cursor,{', '_ext', 'mode websockets',
                        'MODE  websockets', 'constructor,{}', '__proto__,{}',
                        'toString,{"a":1}', 'AUDIO_STARTED'])
    {
        assert.deepEqual(parseText(text), { kind: 'other' }, text);
    }
});

test('random text never throws', () => {
    let state = 12345;

    for (let round = 0; round < 5000; round++) {
        let text = ['', '{', 'cursor,{', 'KILL', '_ext,'][round % 5] ?? '';

        for (let i = 0; i < 20; i++) {
            state = (state * 1103515245 + 12345) & 0x7fffffff;
            text += String.fromCharCode(state >> 8 & 0x7f);
        }

        assert.equal(typeof parseText(text).kind, 'string');
    }
});

test('fragments of shared and further screens', () => {
    const control = { shared: false, display: 'primary', position: '' };

    assert.deepEqual(parseFragment(''), control);
    assert.deepEqual(parseFragment('#'), control);
    assert.deepEqual(parseFragment('#display2'), control);
    assert.deepEqual(parseFragment('#display5-right'), control);
    assert.deepEqual(parseFragment('#player1'), control);
    assert.deepEqual(parseFragment('#sharedx'), control);
    assert.deepEqual(parseFragment('#shared'), { ...control, shared: true });
    assert.deepEqual(parseFragment('#player4'), { ...control, shared: true });
    assert.deepEqual(parseFragment('#display2-right'),
                     { shared: false, display: 'display2', position: 'right' });
    assert.deepEqual(parseFragment('#display3-up'),
                     { shared: false, display: 'display3', position: 'up' });
});

test('stream sizes are whole, even device pixels and never zero', () => {
    assert.deepEqual(streamSize(1001, 603, 1), { width: 1000, height: 602 });
    assert.deepEqual(streamSize(1001, 603, 1.25), { width: 1250, height: 752 });
    assert.deepEqual(streamSize(1001, 603, 1.5), { width: 1500, height: 904 });
    assert.deepEqual(streamSize(1001, 603, 2), { width: 2002, height: 1206 });
    assert.deepEqual(streamSize(0, 0, 1), { width: 2, height: 2 });
    assert.deepEqual(streamSize(1, 3, 1), { width: 2, height: 2 });

    /* 1.1 is not a binary fraction: 1000 x 1.1 must stay 1100 */
    for (let css = 10; css <= 4000; css += 10) {
        for (const ratio of [1.1, 1.2, 1.3, 1.7, 2.1]) {
            assert.equal(streamSize(css, css, ratio).width,
                         even(Math.round(css * ratio * 1000) / 1000 | 0), `${css} ${ratio}`);
        }
    }
});

test('a picture of the size asked for lies 1:1 on device pixels', () => {
    for (const ratio of [1, 1.25, 1.5, 1.75, 2, 3]) {
        for (let width = 300; width < 330; width++) {
            const area = { width, height: width - 77 };
            const size = streamSize(area.width, area.height, ratio);
            const place = placePicture(area, size, ratio);

            assert.equal(place.crisp, true);
            assert.ok(Math.abs(place.width * ratio - size.width) < 1e-9);
            assert.ok(Math.abs(place.height * ratio - size.height) < 1e-9);
            assert.ok(Math.abs(place.left * ratio - Math.round(place.left * ratio)) < 1e-9);
            assert.ok(place.left * ratio + size.width <= area.width * ratio + 1e-6);
        }
    }
});

test('another picture is scaled to fit, in proportion and centred', () => {
    const place = placePicture({ width: 1000, height: 1000 },
                               { width: 1280, height: 720 }, 1);

    assert.equal(place.crisp, false);
    assert.equal(place.width, 1000);
    assert.equal(place.height, 563);
    assert.equal(place.left, 0);
    assert.equal(place.top, 218);

    const wide = placePicture({ width: 1280, height: 720 }, { width: 640, height: 640 }, 2);

    assert.equal(wide.height, 720);
    assert.equal(wide.width, 720);
    assert.equal(wide.left, 280);
    assert.equal(wide.top, 0);
});

test('an enlargement by a whole number stays crisp', () => {
    assert.equal(placePicture({ width: 1280, height: 720 },
                              { width: 640, height: 360 }, 1).crisp, true);
});

test('DPI stops follow the device pixel ratio', () => {
    assert.deepEqual([0.5, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 2.75, 3, 4].map(dpiFor),
                     [96, 96, 96, 120, 144, 168, 192, 240, 264, 288, 288]);
});

test('a claim names the display, the size and what differs from the default', () => {
    assert.equal(claimOf({ display: 'primary', position: '', plain: true },
                         { width: 2, height: 2 }, 96).h264_fullcolor, false);
    assert.deepEqual(claimOf(parseFragment(''), { width: 1280, height: 720 }, 96),
                     { displayId: 'primary', initialClientWidth: 1280,
                       initialClientHeight: 720 });
    assert.deepEqual(claimOf(parseFragment('#display2-left'), { width: 2, height: 2 }, 192),
                     { displayId: 'display2', initialClientWidth: 2, initialClientHeight: 2,
                       displayPosition: 'left', scaling_dpi: '192' });
});

test('the first attempt after a restart is at once, the rest backs off', () => {
    for (const code of [1001, 1006, 1012]) {
        assert.equal(backOff(0, code, 0), 0);
        assert.equal(backOff(0, code, 1), 100);
    }

    assert.deepEqual([1, 2, 3, 4, 5, 50].map(n => Math.round(backOff(n, 1006, 0.5))),
                     [250, 1000, 2000, 5000, 5000, 5000]);
    assert.equal(Math.round(backOff(0, 1011, 0.5)), 250);
    assert.equal(Math.round(backOff(0, 4029, 0.5)), 250);

    for (let random = 0; random <= 1; random += 0.125) {
        const wait = backOff(9, 1011, random);
        assert.ok(wait >= 4500 && wait <= 5500, String(wait));
    }
});

test('button masks name the bit of each button', () => {
    assert.deepEqual([0, 1, 2, 4, 8, 16, 32, 7].map(buttonMask),
                     [0, 1, 4, 2, 8, 16, 32, 7]);
});

test('a wheel tick is a press edge, also with that button held', () => {
    assert.deepEqual(wheelMessages(0, 3, 1), ['m2,0,0,8,1', 'm2,0,0,0,0']);
    assert.deepEqual(wheelMessages(1, 4, 3), ['m2,0,0,17,3', 'm2,0,0,1,0']);
    assert.deepEqual(wheelMessages(8, 3, 2),
                     ['m2,0,0,0,0', 'm2,0,0,8,2', 'm2,0,0,8,0']);
    assert.deepEqual(wheelMessages(0, 7, 999), ['m2,0,0,128,64', 'm2,0,0,0,0']);
});
