/**
 * Fragmented MP4 (ISO 14496-12 and -15, Opus in ISOBMFF) out of what the wire
 * has: an init segment for the parameter sets or the channels there are, then
 * a fragment for each access unit or packet. Pure, and nobody's but mse.js's.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/** @typedef {Uint8Array | number[]} Bytes */

const SPS = 7;
const PPS = 8;
const DELIMITER = 9;
/** profiles whose avcC says more (14496-15, 5.3.3.1.2) */
const HIGH = [100, 110, 122, 144, 244];
const MATRIX = [0, 1, 0, 0, ...zeros(12), 0, 1, 0, 0, ...zeros(12), 0x40, 0, 0, 0];
const TRACK = 1;

/** sample_depends_on and sample_is_non_sync_sample */
const KEY_FLAGS = 0x02000000;
const DELTA_FLAGS = 0x01010000;

/** @param {number} count */
function zeros(count) {
    return Array(count).fill(0);
}


/** @param {number} value */
function u16(value) {
    return [value >> 8 & 255, value & 255];
}


/** @param {number} value */
function u32(value) {
    return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}


/** @param {number} value  below 2^53 */
function u64(value) {
    return [...u32(Math.floor(value / 0x100000000)), ...u32(value % 0x100000000)];
}


/**
 * @param {string}   type
 * @param {...Bytes} parts
 */
function box(type, ...parts) {
    const size = parts.reduce((sum, part) => sum + part.length, 8);
    const out = new Uint8Array(size);
    let at = 8;

    out.set([...u32(size), ...[...type].map(c => c.charCodeAt(0))]);

    for (const part of parts) {
        out.set(part, at);
        at += part.length;
    }

    return out;
}


/**
 * The NAL units of an Annex-B access unit, without start codes.
 *
 * @param {Uint8Array} bytes
 * @returns {Uint8Array[]} views
 */
export function splitNals(bytes) {
    const nals = [];
    let start = -1;
    let at = bytes.indexOf(1, 2);

    /* a start code ends in the only 1 behind two zeros */
    for (; at !== -1; at = bytes.indexOf(1, at + 1)) {
        if (bytes[at - 1] === 0 && bytes[at - 2] === 0) {
            if (start !== -1) {
                nals.push(trimmed(bytes.subarray(start, at - 2)));
            }

            start = at + 1;
        }
    }

    if (start !== -1) {
        nals.push(trimmed(bytes.subarray(start)));
    }

    return nals.filter(nal => nal.length > 0);
}


/** Without the zeros behind a NAL unit, which never ends in one.
 *
 * @param {Uint8Array} nal */
function trimmed(nal) {
    let end = nal.length;

    while (end > 0 && nal[end - 1] === 0) {
        end--;
    }

    return nal.subarray(0, end);
}


/** Reads the bits of a NAL unit's payload. */
class Bits {
    /** @param {Uint8Array} nal */
    constructor(nal) {
        /* without the bytes that prevent start codes */
        this.bytes = nal.filter((byte, i) => byte !== 3 || nal[i - 1] !== 0
                                             || nal[i - 2] !== 0);
        this.at = 0;
    }

    bit() {
        const byte = this.bytes[this.at >> 3] ?? 0;

        return byte >> (7 - (this.at++ & 7)) & 1;
    }

    /** ue(v) of H.264 9.1 */
    golomb() {
        let zeroBits = 0;
        let value = 1;

        while (this.bit() === 0 && zeroBits < 31) {
            zeroBits++;
        }

        for (let i = 0; i < zeroBits; i++) {
            value = value * 2 + this.bit();
        }

        return value - 1;
    }
}


/** @param {number} value */
function hex(value) {
    return value.toString(16).padStart(2, '0');
}


/**
 * What a key frame says of its stream.
 *
 * @param {Uint8Array[]} nals
 * @returns {{ codec: string, avcC: Uint8Array } | null} null without both
 *          parameter sets
 */
export function parameters(nals) {
    const of = (/** @type {number} */ type) => nals.filter(
        nal => (nal[0] ?? 0) % 32 === type && nal.length > 3);
    const [sps] = of(SPS);
    const pictures = nals.filter(nal => (nal[0] ?? 0) % 32 === PPS && nal.length > 1);

    if (sps === undefined || pictures.length === 0) {
        return null;
    }

    const [, profile = 0, flags = 0, level = 0] = sps;
    const body = [1, profile, flags, level, 0xff, 0xe1, ...u16(sps.length), ...sps,
                  pictures.length, ...pictures.flatMap(pps => [...u16(pps.length), ...pps])];

    if (HIGH.includes(profile)) {
        const bits = new Bits(sps.subarray(4));

        bits.golomb();

        const chroma = bits.golomb();

        if (chroma === 3) {
            bits.bit();
        }

        body.push(0xfc | chroma, 0xf8 | bits.golomb(), 0xf8 | bits.golomb(), 0);
    }

    return { codec: 'avc1.' + hex(profile) + hex(flags) + hex(level),
             avcC: box('avcC', body) };
}


/** @param {'vide' | 'soun'} kind
 *  @param {number} timescale
 *  @param {number} width
 *  @param {number} height
 *  @param {Uint8Array} entry  of the sample table */
function initSegment(kind, timescale, width, height, entry) {
    const sound = kind === 'soun';
    const media = box('minf',
        sound ? box('smhd', zeros(8)) : box('vmhd', [0, 0, 0, 1, ...zeros(8)]),
        box('dinf', box('dref', [...zeros(7), 1], box('url ', [0, 0, 0, 1]))),
        box('stbl', box('stsd', [...zeros(7), 1], entry), box('stts', zeros(8)),
            box('stsc', zeros(8)), box('stsz', zeros(12)), box('stco', zeros(8))));

    /* no duration anywhere: players hold back less of what is live */
    const movie = box('moov',
        box('mvhd', zeros(12), u32(timescale), zeros(4), [0, 1, 0, 0, 1, 0], zeros(10),
            MATRIX, zeros(24), u32(TRACK + 1)),
        box('trak',
            box('tkhd', [0, 0, 0, 3], zeros(8), u32(TRACK), zeros(20), sound ? [1, 0] : [0, 0],
                zeros(2), MATRIX, u16(width), [0, 0], u16(height), [0, 0]),
            box('mdia',
                box('mdhd', zeros(12), u32(timescale), zeros(4), [0x55, 0xc4, 0, 0]),
                box('hdlr', zeros(8), [...kind].map(c => c.charCodeAt(0)), zeros(13)),
                media)),
        box('mvex', box('trex', zeros(4), u32(TRACK), u32(1), zeros(12))));
    const brand = [...'iso5'].map(c => c.charCodeAt(0));

    return joined([box('ftyp', brand, u32(1), brand), movie]);
}


/** @param {Uint8Array[]} parts */
export function joined(parts) {
    const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;

    for (const part of parts) {
        out.set(part, at);
        at += part.length;
    }

    return out;
}


/** @param {Uint8Array} avcC
 *  @param {number} width   pixels
 *  @param {number} height  pixels
 *  @param {number} timescale */
export function videoInit(avcC, width, height, timescale) {
    return initSegment('vide', timescale, width, height,
        box('avc1', [...zeros(7), 1], zeros(16), u16(width), u16(height),
            [0, 0x48, 0, 0, 0, 0x48, 0, 0], zeros(4), [0, 1], zeros(32), [0, 24, 0xff, 0xff],
            avcC));
}


/** @param {number} channels  one or two */
export function opusInit(channels) {
    return initSegment('soun', 48000, 0, 0,
        box('Opus', [...zeros(7), 1], zeros(8), u16(channels), [0, 16], zeros(4),
            [0xbb, 0x80, 0, 0],
            box('dOps', [0, channels, 0, 0], u32(48000), [0, 0, 0])));
}


/** The samples of an access unit: what is not told in avcC, with lengths.
 *
 * @param {Uint8Array[]} nals */
export function samplesOf(nals) {
    return nals.filter(nal => ![SPS, PPS, DELIMITER].includes((nal[0] ?? 0) % 32))
        .flatMap(nal => [Uint8Array.from(u32(nal.length)), nal]);
}


/**
 * @param {number} sequence  counts fragments
 * @param {{ time: number, duration: number, key: boolean, data: Uint8Array[] }} sample
 */
export function fragment(sequence, sample) {
    const { time, duration, key, data } = sample;
    const size = data.reduce((sum, part) => sum + part.length, 0);
    const moof = box('moof', box('mfhd', zeros(4), u32(sequence)),
        box('traf',
            /* offsets count from the moof */
            box('tfhd', [0, 2, 0, 0], u32(TRACK)),
            box('tfdt', [1, 0, 0, 0], u64(time)),
            box('trun', [0, 0, 7, 1], u32(1), u32(0), u32(duration), u32(size),
                u32(key ? KEY_FLAGS : DELTA_FLAGS))));

    /* data_offset, which is known only now; the last box is the trun */
    moof.set(u32(moof.length + 8), moof.length - 16);
    return joined([moof, Uint8Array.from([...u32(size + 8), 0x6d, 0x64, 0x61, 0x74]), ...data]);
}
