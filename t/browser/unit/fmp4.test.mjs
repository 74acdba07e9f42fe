/* The muxer: boxes parsed back, and ffmpeg decodes what it makes. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { fragment, joined, opusInit, parameters, samplesOf, splitNals,
         videoInit } from '../../../web/media/fmp4.js';
import { CLIP } from '../../../web/media/lite-clip.js';

const CONTAINERS = ['moov', 'trak', 'mdia', 'minf', 'dinf', 'stbl', 'mvex', 'moof', 'traf'];
const UNITS = CLIP.pictures.map(one => ({
    key: one.key, bytes: Uint8Array.from(Buffer.from(one.data, 'base64')) }));

/** Every box, with its path and what it holds; each must fill its parent.
 *
 * @param {Uint8Array} bytes
 * @param {string} [path]
 * @returns {Record<string, Uint8Array>} */
function boxes(bytes, path = '') {
    /** @type {Record<string, Uint8Array>} */
    const found = {};
    let at = 0;

    while (at < bytes.length) {
        const size = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
        const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));

        assert.ok(size >= 8 && at + size <= bytes.length, `${path}/${type} fits`);

        const body = bytes.subarray(at + 8, at + size);

        found[`${path}/${type}`] = body;

        if (CONTAINERS.includes(type)) {
            Object.assign(found, boxes(body, `${path}/${type}`));
        }

        at += size;
    }

    return found;
}

/** @param {Uint8Array | undefined} bytes
 *  @param {number} at */
function u32(bytes, at) {
    assert.ok(bytes !== undefined);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

/** The clip as one file.
 *
 * @param {number} step */
function film(step) {
    const set = parameters(splitNals(UNITS[0]?.bytes ?? new Uint8Array()));

    assert.ok(set !== null);
    return joined([videoInit(set.avcC, CLIP.width, CLIP.height, 1000000),
                   ...UNITS.map((unit, i) => fragment(i + 1, {
                       time: i * step, duration: step, key: unit.key,
                       data: samplesOf(splitNals(unit.bytes)) }))]);
}

test('an access unit is taken apart at its start codes', () => {
    const nals = splitNals(Uint8Array.from(
        [0, 0, 0, 1, 0x67, 0, 0, 3, 1, 0, 0, 1, 0x68, 9, 0, 0, 0, 0, 1, 0x65, 1, 1, 0, 0]));

    assert.deepEqual(nals.map(nal => [...nal]),
                     [[0x67, 0, 0, 3, 1], [0x68, 9], [0x65, 1, 1]]);
    assert.deepEqual(splitNals(new Uint8Array()), []);
    assert.deepEqual(splitNals(Uint8Array.from([1, 1, 1])), []);
    assert.deepEqual(splitNals(Uint8Array.from([0, 0, 1])), []);
});

test('parameter sets: the codec, avcC, and null without them', () => {
    const nals = splitNals(UNITS[0]?.bytes ?? new Uint8Array());
    const set = parameters(nals);

    assert.equal(set?.codec, 'avc1.42c01f');

    const [sps = new Uint8Array(), pps = new Uint8Array()] = nals;

    assert.deepEqual([...set?.avcC.subarray(8) ?? []],
                     [1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, sps.length, ...sps, 1, 0,
                      pps.length, ...pps]);
    assert.equal(parameters(nals.slice(1)), null);
    assert.equal(parameters([sps]), null);
    assert.equal(parameters([]), null);
});

test('profiles above Main tell their chroma and depth', () => {
    /* profile 244, level 3.1: id 0, chroma 3, no separate planes, 8 bits each */
    const sps = Uint8Array.from([0x67, 0xf4, 0, 0x1f, 0b10010001, 0b11000000]);
    const set = parameters([sps, Uint8Array.from([0x68, 0xce])]);

    assert.equal(set?.codec, 'avc1.f4001f');
    assert.deepEqual([...set?.avcC.subarray(-4) ?? []], [0xff, 0xf8, 0xf8, 0]);

    /* profile 100: id 0, chroma 1 */
    const high = parameters([Uint8Array.from([0x67, 100, 0, 0x1f, 0b10101110]),
                             Uint8Array.from([0x68, 0xce])]);

    assert.deepEqual([...high?.avcC.subarray(-4) ?? []], [0xfd, 0xf8, 0xf8, 0]);
});

test('an init segment: boxes that fit, size, timescale, no duration', () => {
    const set = parameters(splitNals(UNITS[0]?.bytes ?? new Uint8Array()));
    const found = boxes(videoInit(set?.avcC ?? new Uint8Array(), 1280, 720, 1000000));
    const tkhd = found['/moov/trak/tkhd'];
    const stsd = found['/moov/trak/mdia/minf/stbl/stsd'];

    assert.equal(found['/moov/mvhd']?.length, 100);
    assert.equal(tkhd?.length, 84);
    assert.equal(u32(tkhd, 76), 1280 << 16);
    assert.equal(u32(tkhd, 80), 720 << 16);
    assert.equal(u32(found['/moov/trak/mdia/mdhd'], 12), 1000000);
    assert.equal(u32(found['/moov/trak/mdia/mdhd'], 16), 0);
    assert.equal(u32(found['/moov/mvex/trex'], 4), 1);
    assert.equal(Buffer.from(stsd ?? []).toString('latin1', 12, 16), 'avc1');
    assert.deepEqual(boxes(stsd?.subarray(8 + 86) ?? new Uint8Array())['/avcC'],
                     set?.avcC.subarray(8));
});

test('a fragment: time beyond 32 bits, flags, where its data is', () => {
    const data = [Uint8Array.from([0, 0, 0, 3]), Uint8Array.from([0x65, 1, 2])];
    const whole = fragment(7, { time: 0x123456789a, duration: 40, key: true, data });
    const found = boxes(whole);
    const trun = found['/moof/traf/trun'];

    assert.equal(u32(found['/moof/mfhd'], 4), 7);
    assert.equal(u32(found['/moof/traf/tfdt'], 4), 0x12);
    assert.equal(u32(found['/moof/traf/tfdt'], 8), 0x3456789a);
    assert.deepEqual([4, 12, 16, 20].map(at => u32(trun, at)), [1, 40, 7, 0x02000000]);
    assert.deepEqual([...whole.subarray(u32(trun, 8))], [0, 0, 0, 3, 0x65, 1, 2]);
    assert.equal(u32(boxes(fragment(8, { time: 0, duration: 1, key: false, data }))[
        '/moof/traf/trun'], 20), 0x01010000);
});

test('samples have lengths, and no parameter sets', () => {
    const data = joined(samplesOf(splitNals(UNITS[0]?.bytes ?? new Uint8Array())));

    assert.equal((data[4] ?? 0) % 32, 5);
    assert.equal(u32(data, 0), data.length - 4);
});

test('ffprobe knows what it is, ffmpeg decodes every picture of it', () => {
    const input = film(40000);
    const told = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-of', 'json',
        '-show_streams', '-show_packets', '-'], { input }).toString());

    assert.equal(told.streams[0].codec_name, 'h264');
    assert.equal(told.streams[0].width, CLIP.width);
    assert.equal(told.streams[0].height, CLIP.height);
    assert.deepEqual(told.packets.map((/** @type {any} */ packet) => Number(packet.pts)),
                     UNITS.map((_, i) => i * 40000));
    assert.deepEqual(told.packets.map((/** @type {any} */ packet) => packet.flags.includes('K')),
                     UNITS.map(unit => unit.key));

    const decode = (/** @type {string[]} */ options, /** @type {Uint8Array} */ bytes) =>
        execFileSync('ffmpeg', ['-v', 'error', ...options, '-i', '-', '-fps_mode', 'passthrough',
                                '-pix_fmt', 'yuv420p', '-f', 'rawvideo', '-'],
                     { input: bytes, maxBuffer: 1 << 28 });

    /* the same pictures as of the stream itself */
    const pictures = decode([], input);

    assert.equal(pictures.length, UNITS.length * CLIP.width * CLIP.height * 3 / 2);
    assert.deepEqual(pictures, decode(['-f', 'h264'], joined(UNITS.map(unit => unit.bytes))));
});

test('Opus: ffmpeg decodes the packets of a tone', () => {
    const page = execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i',
        'sine=440:d=0.4:r=48000', '-ac', '2', '-c:a', 'libopus', '-frame_duration', '20',
        '-f', 'opus', '-page_duration', '1', '-']);
    const packets = [];

    /* Ogg, a packet a page */
    for (let at = 0; at < page.length;) {
        const count = page[at + 26] ?? 0;
        const size = page.subarray(at + 27, at + 27 + count).reduce((sum, n) => sum + n, 0);

        packets.push(Uint8Array.from(page.subarray(at + 27 + count, at + 27 + count + size)));
        at += 27 + count + size;
    }

    const film = joined([opusInit(2), ...packets.slice(2).map((packet, i) => fragment(i + 1, {
        time: i * 960, duration: 960, key: true, data: [packet] }))]);
    const pcm = execFileSync('ffmpeg', ['-v', 'error', '-i', '-', '-f', 's16le', '-'],
                             { input: film });
    const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length / 2);

    assert.ok(samples.length >= 0.38 * 96000);

    let rises = 0;

    for (let i = 9600; i < 28800; i += 2) {
        rises += (samples[i - 2] ?? 0) < 0 && (samples[i] ?? 0) >= 0 ? 1 : 0;
    }

    assert.ok(Math.abs(rises - 88) <= 2, `${rises} periods in 0.2 s`);
});
