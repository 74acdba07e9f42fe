/* Keys and text to keysyms. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isModifier, keysymOf, keysymsOfText,
         macKeysym } from '../../../web/input/keysyms.js';

test('Latin-1 is its own keysym', () => {
    for (let point = 0x20; point < 0x100; point++) {
        if (point >= 0x7f && point < 0xa0) {
            continue;
        }
        assert.equal(keysymOf(String.fromCodePoint(point), 0), point);
    }
});

test('everything else is 0x01000000 plus the code point', () => {
    assert.equal(keysymOf('€', 0), 0x010020ac);
    assert.equal(keysymOf('ω', 0), 0x010003c9);
    assert.equal(keysymOf('я', 0), 0x0100044f);
    assert.equal(keysymOf('日', 0), 0x010065e5);
});

test('a surrogate pair is one code point, half of one is nothing', () => {
    assert.equal(keysymOf('😀', 0), 0x0101f600);
    assert.equal(keysymOf('\ud83d', 0), 0);
    assert.deepEqual(keysymsOfText('a😀\ude00b'), [0x61, 0x0101f600, 0x62]);
});

test('named keys', () => {
    /** @type {[string, number, number][]} */
    const table = [['Enter', 0, 65293], ['Enter', 3, 65293], ['Backspace', 0, 0xff08],
                   ['Tab', 0, 0xff09], ['Escape', 0, 0xff1b], ['Delete', 0, 0xffff],
                   ['ArrowLeft', 0, 0xff51], ['ArrowLeft', 3, 0xff51],
                   ['PageDown', 0, 0xff56], ['Shift', 1, 65505], ['Shift', 2, 0xffe2],
                   ['Control', 1, 0xffe3], ['Control', 2, 0xffe4], ['Alt', 1, 0xffe9],
                   ['Alt', 2, 0xffea], ['Meta', 1, 0xffeb], ['Meta', 2, 0xffec],
                   ['AltGraph', 2, 0xfe03], ['CapsLock', 0, 0xffe5],
                   ['F1', 0, 0xffbe], ['F5', 0, 65474], ['F12', 0, 0xffc9],
                   ['F35', 0, 0xffe0], ['PrintScreen', 0, 0xff61],
                   ['AudioVolumeMute', 0, 0x1008ff12]];

    for (const [key, location, keysym] of table) {
        assert.equal(keysymOf(key, location), keysym, key);
    }
});

test('keys without a keysym, and names of object members, are 0', () => {
    for (const key of ['', 'Dead', 'Process', 'Unidentified', 'F36', 'F0', 'Fn', 'constructor',
                       '__proto__', 'toString', 'ab', '\u0001', '\u0085'])
    {
        assert.equal(keysymOf(key, 0), 0, JSON.stringify(key));
    }
});

test('text to keysyms, control characters to their keys', () => {
    assert.deepEqual(keysymsOfText('a\né\t'), [0x61, 0xff0d, 0xe9, 0xff09]);
    assert.deepEqual(keysymsOfText(''), []);
});

test('modifiers', () => {
    assert.ok([0xffe1, 0xffe4, 0xffe9, 0xffeb, 0xfe03].every(isModifier));
    assert.ok(![0x61, 0xff0d, 0xffe5, 0].some(isModifier));
});

test('macOS modifiers', () => {
    assert.deepEqual([0xffeb, 0xffec, 0xffe9, 0xffea, 0xffe3].map(macKeysym),
                     [0xffe9, 0xffeb, 0xff7e, 0xfe03, 0xffe3]);
});
