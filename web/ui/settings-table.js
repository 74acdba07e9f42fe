/**
 * The settings that a person may change, in the groups in which people look for
 * them. Whether one is offered, as what, and in which bounds, is the server's
 * word; docs/settings-panel.md says for each other setting why it has no control.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

/** @typedef {(name: string) => any} InForce  the value of a setting */

/**
 * @typedef {object} Control
 * @property {string} name   of the setting
 * @property {string} label
 * @property {string} [hint]
 * @property {string} [unit]  behind the number of a slider
 * @property {boolean} [reverse]  lower is better: a slider has the lowest at its end
 * @property {boolean} [permit]  of a switch: what the server has turned off stays so
 * @property {(item: string) => string} [word]  for an item of a menu
 * @property {(value: InForce, session: import('../session.js').Session) => boolean} [when]
 *           it has an effect
 *
 * @typedef {object} Group
 * @property {string} title
 * @property {string} [shown]  the part that the operator may hide, see Session.shows()
 * @property {boolean} [closed]  until somebody opens it
 * @property {string} [own]  what the page adds: screen, page
 * @property {Control[]} controls
 */

const video = (/** @type {InForce} */ value) => value('encoder') !== 'jpeg';
const jpeg = (/** @type {InForce} */ value) => value('encoder') === 'jpeg';
const limited = (/** @type {InForce} */ value) => (
    video(value) && value('rate_control_mode') === 'cbr');
const refined = (/** @type {InForce} */ value) => value('use_paint_over_quality') === true;

/** @param {Record<string, string>} words */
const named = words => (/** @type {string} */ item) => words[item] ?? item;

/** @type {Group[]} */
export const GROUPS = [
    {
        title: 'Picture',
        shown: 'sidebar_show_video_settings',
        controls: [
            { name: 'encoder', label: 'Sent as',
              word: named({ 'x264enc': 'H.264, whole pictures',
                            'x264enc-striped': 'H.264, in stripes',
                            'jpeg': 'JPEG, only what changed' }) },
            { name: 'h264_crf', label: 'Quality of what moves', reverse: true,
              hint: 'A lower number is better, and more to send.',
              when: value => video(value) && !limited(value) },
            { name: 'jpeg_quality', label: 'Quality of what moves', unit: '%', when: jpeg },
            { name: 'use_paint_over_quality', label: 'Refine what stands still' },
            { name: 'h264_paintover_crf', label: 'Quality of what stands still', reverse: true,
              when: value => video(value) && refined(value) },
            { name: 'paint_over_jpeg_quality', label: 'Quality of what stands still', unit: '%',
              when: value => jpeg(value) && refined(value) },
            { name: 'h264_fullcolor', label: 'Full colour (4:4:4)',
              hint: 'Coloured text is sharper; not every browser can show it.',
              when: (value, session) => video(value) && session.fragment.plain !== true }
        ]
    },
    {
        title: 'Speed and bandwidth',
        shown: 'sidebar_show_video_settings',
        controls: [
            { name: 'framerate', label: 'Pictures a second, at most', unit: 'fps' },
            { name: 'rate_control_mode', label: 'Bandwidth',
              word: named({ crf: 'What the quality takes', cbr: 'Limited' }),
              when: value => video(value) && value('enable_rate_control') === true },
            { name: 'video_bitrate', label: 'Limit', unit: 'Mbit/s', when: limited }
        ]
    },
    {
        title: 'Sound',
        shown: 'sidebar_show_audio_settings',
        controls: [
            { name: 'audio_bitrate', label: 'Bit rate',
              word: item => `${Number(item) / 1000} kbit/s`,
              when: value => value('audio_enabled') === true }
        ]
    },
    {
        title: 'Input',
        controls: [
            { name: 'use_browser_cursors', label: 'The browser draws the pointer',
              hint: 'It follows the mouse at once. Off: it is part of the page.' }
        ]
    },
    {
        title: 'Clipboard and files',
        shown: 'sidebar_show_clipboard',
        controls: [
            { name: 'clipboard_in_enabled', label: 'Paste from this computer', permit: true,
              when: value => value('clipboard_enabled') === true },
            { name: 'clipboard_out_enabled', label: 'Copy to this computer', permit: true,
              when: value => value('clipboard_enabled') === true },
            { name: 'enable_binary_clipboard', label: 'Images, too',
              when: value => value('clipboard_enabled') === true }
        ]
    },
    {
        title: 'Screen',
        shown: 'sidebar_show_screen_settings',
        own: 'screen',
        controls: []
    },
    {
        title: 'Advanced',
        shown: 'sidebar_show_video_settings',
        closed: true,
        controls: [
            { name: 'h264_paintover_burst_frames', label: 'Pictures of a refinement',
              when: value => video(value) && refined(value) },
            { name: 'h264_streaming_mode', label: 'Send every picture, changed or not',
              hint: 'Steady, and costly even while nothing moves.', when: video },
            { name: 'use_cpu', label: 'Do not use the graphics card', when: video }
        ]
    },
    {
        title: 'This page',
        own: 'page',
        controls: []
    }
];
