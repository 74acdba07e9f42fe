/**
 * From what a browser calls a key to what X11 calls it. Pure.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

export const SHIFT_L = 0xffe1;
export const CONTROL_L = 0xffe3;
export const CAPS_LOCK = 0xffe5;
export const ALT_L = 0xffe9;
export const SUPER_L = 0xffeb;
export const SUPER_R = 0xffec;
export const LEVEL3_SHIFT = 0xfe03;
export const MODE_SWITCH = 0xff7e;
export const BACKSPACE = 0xff08;
export const RETURN = 0xff0d;
export const DELETE = 0xffff;

/** Named keys (UI Events KeyboardEvent key values) and their keysyms: one, or
 *  one for each KeyboardEvent.location from 0.
 *
 * @type {Record<string, number | number[]>} */
const NAMED = {
    Backspace: BACKSPACE, Tab: 0xff09, Clear: 0xff0b, Enter: RETURN, Pause: 0xff13,
    ScrollLock: 0xff14, Escape: 0xff1b, Home: 0xff50, ArrowLeft: 0xff51,
    ArrowUp: 0xff52, ArrowRight: 0xff53, ArrowDown: 0xff54, PageUp: 0xff55,
    PageDown: 0xff56, End: 0xff57, Select: 0xff60, PrintScreen: 0xff61,
    Execute: 0xff62, Insert: 0xff63, Undo: 0xff65, Redo: 0xff66, ContextMenu: 0xff67,
    Find: 0xff68, Cancel: 0xff69, Help: 0xff6a, NumLock: 0xff7f, Delete: DELETE,
    Shift: [SHIFT_L, SHIFT_L, 0xffe2], Control: [CONTROL_L, CONTROL_L, 0xffe4],
    CapsLock: CAPS_LOCK, Alt: [ALT_L, ALT_L, 0xffea], Meta: [SUPER_L, SUPER_L, SUPER_R],
    OS: [SUPER_L, SUPER_L, SUPER_R], Super: [SUPER_L, SUPER_L, SUPER_R],
    Hyper: 0xffed, AltGraph: LEVEL3_SHIFT,
    Convert: 0xff23, NonConvert: 0xff22, KanaMode: 0xff2d, KanjiMode: 0xff21,
    Romaji: 0xff24, Hiragana: 0xff25, Katakana: 0xff26, HiraganaKatakana: 0xff27,
    Zenkaku: 0xff28, Hankaku: 0xff29, ZenkakuHankaku: 0xff2a, Eisu: 0xff2f,
    Alphanumeric: 0xff2f, HangulMode: 0xff31, HanjaMode: 0xff34, CodeInput: 0xff37,
    SingleCandidate: 0xff3c, AllCandidates: 0xff3d, PreviousCandidate: 0xff3e,
    ModeChange: MODE_SWITCH,
    AudioVolumeDown: 0x1008ff11, AudioVolumeMute: 0x1008ff12,
    AudioVolumeUp: 0x1008ff13, MediaPlayPause: 0x1008ff14, MediaPlay: 0x1008ff14,
    MediaStop: 0x1008ff15, MediaTrackPrevious: 0x1008ff16,
    MediaTrackNext: 0x1008ff17, MediaPause: 0x1008ff31, MediaRecord: 0x1008ff1c,
    MediaRewind: 0x1008ff3e, MediaFastForward: 0x1008ff97, Eject: 0x1008ff2c,
    BrowserHome: 0x1008ff18, LaunchMail: 0x1008ff19, BrowserSearch: 0x1008ff1b,
    LaunchApplication2: 0x1008ff1d, BrowserBack: 0x1008ff26,
    BrowserForward: 0x1008ff27, BrowserStop: 0x1008ff28, BrowserRefresh: 0x1008ff29,
    PowerOff: 0x1008ff2a, WakeUp: 0x1008ff2b, Sleep: 0x1008ff2f,
    Standby: 0x1008ff10, BrowserFavorites: 0x1008ff30, LaunchMediaPlayer: 0x1008ff32,
    LaunchApplication1: 0x1008ff33, BrightnessUp: 0x1008ff02,
    BrightnessDown: 0x1008ff03, Copy: 0x1008ff57, Cut: 0x1008ff58, Paste: 0x1008ff6d,
    ZoomIn: 0x1008ff8b, ZoomOut: 0x1008ff8c
};

const MODIFIER_SYMS = new Set([
    0xffe1, 0xffe2, 0xffe3, 0xffe4, 0xffe7, 0xffe8, 0xffe9, 0xffea, 0xffeb, 0xffec,
    0xffed, LEVEL3_SHIFT, MODE_SWITCH]);

/** Keys of which some systems send no key-up, or the next time only. */
const TAPS = new Set([
    'KanaMode', 'KanjiMode', 'Romaji', 'Hiragana', 'Katakana', 'HiraganaKatakana', 'Zenkaku',
    'Hankaku', 'ZenkakuHankaku', 'Eisu', 'Alphanumeric', 'HangulMode', 'HanjaMode',
    'CodeInput', 'ModeChange']);

/** @param {string} key  KeyboardEvent.key */
export function isTap(key) {
    return TAPS.has(key);
}

/** @param {number} keysym */
export function isModifier(keysym) {
    return MODIFIER_SYMS.has(keysym);
}


/**
 * Latin-1 characters are their own keysyms; all others are 0x01000000 plus the
 * code point, which the server maps to a legacy keysym where one exists.
 *
 * @param {number} point  a Unicode code point
 * @returns {number} 0 for what cannot be typed
 */
export function keysymOfPoint(point) {
    if (point === 0x0a || point === 0x0d) {
        return RETURN;
    }

    if (point === 0x09) {
        return 0xff09;
    }

    if (point === 0x08 || point === 0x7f) {
        return BACKSPACE;
    }

    if (point < 0x20 || (point >= 0x80 && point < 0xa0)
        || (point >= 0xd800 && point < 0xe000))
    {
        return 0;
    }

    return point < 0x100 ? point : 0x01000000 + point;
}


/**
 * @param {string} key       KeyboardEvent.key
 * @param {number} location  KeyboardEvent.location
 * @returns {number} the keysym, or 0 when the key has none
 */
export function keysymOf(key, location) {
    const point = key.codePointAt(0) ?? 0;

    if (key.length === (point > 0xffff ? 2 : 1)) {
        return keysymOfPoint(point);
    }

    const named = Object.hasOwn(NAMED, key) ? NAMED[key] : undefined;

    if (named !== undefined) {
        return typeof named === 'number' ? named : named[location] ?? named[0] ?? 0;
    }

    const f = /^F([1-9]|[12][0-9]|3[0-5])$/.exec(key);

    return f === null ? 0 : 0xffbe + Number(f[1]) - 1;
}


/** Letters of other scripts begin here. */
const LATIN_END = 0x250;

/**
 * A key of a shortcut: a letter that is not Latin stands for the one of its
 * place, as every desktop and most programs expect it.
 *
 * @param {string} key
 * @param {string} code      KeyboardEvent.code
 * @param {number} location
 */
export function latinOf(key, code, location) {
    const letter = /^Key([A-Z])$/.exec(code)?.[1];
    const other = key.length === 1 && key.charCodeAt(0) >= LATIN_END
                  && key.toLowerCase() !== key.toUpperCase() || /^[\u0590-\u0fff\u3040-\u318e]$/.test(key);

    if (letter === undefined || !other) {
        return keysymOf(key, location);
    }

    return keysymOf(key === key.toLowerCase() ? letter.toLowerCase() : letter, 0);
}


/** @param {string} text
 *  @returns {number[]} a keysym for each code point that has one */
export function keysymsOfText(text) {
    return Array.from(text, c => keysymOfPoint(c.codePointAt(0) ?? 0))
        .filter(keysym => keysym !== 0);
}


/** What macOS calls a modifier, and what Linux programs expect of it. */
const MAC = new Map([[SUPER_L, ALT_L], [SUPER_R, SUPER_L], [ALT_L, MODE_SWITCH],
                     [0xffea, LEVEL3_SHIFT]]);

/** @param {number} keysym */
export function macKeysym(keysym) {
    return MAC.get(keysym) ?? keysym;
}
