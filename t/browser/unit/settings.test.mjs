/* The panel of settings: what it may be made of, what is kept, and that every
   setting of the module has a control or a reason to have none. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { beforeEach, test } from 'node:test';

const page = /** @type {any} */ (globalThis);
const root = new URL('../../../', import.meta.url);

/** @type {Map<string, string> | null} null refuses, as private windows do */
let stored;

beforeEach(() => {
    stored = new Map();
    page.location = { pathname: '/desk/' };
    page.localStorage = {
        getItem(/** @type {string} */ key) {
            if (stored === null) {
                throw new Error('denied');
            }
            return stored.get(key) ?? null;
        },
        setItem(/** @type {string} */ key, /** @type {string} */ value) {
            if (stored === null) {
                throw new Error('denied');
            }
            stored.set(key, value);
        }
    };
});

const { GROUPS } = await import('../../../web/ui/settings-table.js');
const { kindOf, spell } = await import('../../../web/ui/settings.js');
const { Preferences, applyTheme, theme } = await import('../../../web/screen.js');

/** @param {string} section  of the page
 *  @returns {Promise<[string, string[]][]>} its rows: the other cell, and names */
async function documented(section) {
    const text = await readFile(new URL('docs/settings-panel.md', root), 'utf8');
    const part = text.split(`## ${section}\n`)[1]?.split('\n## ')[0] ?? '';

    return part.split('\n').filter(line => line.includes('`') && line.startsWith('|'))
        .map(line => {
            const cells = line.split('|').map(cell => cell.trim()).filter(Boolean);
            const names = cells.flatMap(cell => (
                cell.startsWith('`') ? [...cell.matchAll(/`(\w+)`/g)].map(m => m[1] ?? '') : []));

            return [cells.find(cell => !cell.startsWith('`')) ?? '', names];
        });
}

test('every setting of the module has a control, or a reason to have none', async () => {
    const table = await readFile(
        new URL('ngx_selkies_module/selkies_settings_table.c', root), 'utf8');
    const settings = [...table.matchAll(/^ {4}\[SELKIES_SET_(\w+)\]/gm)]
        .map(match => (match[1] ?? '').toLowerCase());
    const controls = GROUPS.flatMap(group => group.controls.map(control => control.name));
    const reasons = (await documented('Settings without one')).flatMap(([why, names]) => {
        assert.ok(why.length > 15, names.join());
        return names;
    });

    assert.ok(settings.length > 60, String(settings.length));
    assert.deepEqual([...controls, ...reasons].sort(), [...settings].sort());

    const shown = (await documented('Settings with a control'))
        .map(([group, names]) => [group, names]);

    assert.deepEqual(shown, GROUPS.filter(group => group.controls.length > 0)
        .map(group => [group.title, group.controls.map(control => control.name)]));
});

test('a setting that a client may change is not among the reasons by mistake', async () => {
    const text = await readFile(new URL('docs/settings.md', root), 'utf8');
    const live = text.split('\n').filter(line => /\| (live|restarts) \|/.test(line))
        .map(line => /`selkies_(\w+)`/.exec(line)?.[1] ?? '');
    const controls = GROUPS.flatMap(group => group.controls.map(control => control.name));
    const elsewhere = ['is_manual_resolution_mode', 'manual_width', 'manual_height',
                       'scaling_dpi', 'force_aligned_resolution'];

    assert.ok(live.length > 15);
    assert.deepEqual(live.filter(name => !controls.includes(name)), elsewhere);
});

test('what an entry lets one choose', () => {
    assert.equal(kindOf(undefined), '');
    assert.equal(kindOf({ value: true, locked: false }), 'switch');
    assert.equal(kindOf({ value: true, locked: true }), '');
    assert.equal(kindOf({ value: 'x', allowed: ['x', 'y'] }), 'menu');
    assert.equal(kindOf({ value: 'x', allowed: ['x'] }), '');
    assert.equal(kindOf({ value: 'x', allowed: [] }), '');
    assert.equal(kindOf({ value: [5, 50], min: 5, max: 50, default: 25 }), 'slider');
    assert.equal(kindOf({ value: [30, 30], min: 30, max: 30, default: 30 }), '');
    assert.equal(kindOf({ value: 0 }), '');
});

test('values are said in words', () => {
    const find = (/** @type {string} */ name) => /** @type {any} */ (
        GROUPS.flatMap(group => group.controls).find(control => control.name === name));

    assert.equal(spell(find('framerate'), 60), '60 fps');
    assert.equal(spell(find('use_cpu'), true), 'on');
    assert.equal(spell(find('audio_bitrate'), '96000'), '96 kbit/s');
    assert.equal(spell(find('encoder'), 'jpeg'), 'JPEG, only what changed');
    assert.equal(spell(find('encoder'), 'av1enc'), 'av1enc');
});

const SETTINGS = {
    framerate: { value: [8, 120], min: 8, max: 120, default: 60 },
    encoder: { value: 'jpeg', allowed: ['x264enc', 'jpeg'] },
    audio_bitrate: { value: '128000', allowed: ['64000', '128000'] },
    use_cpu: { value: false, locked: false },
    h264_fullcolor: { value: true, locked: true }
};

test('without a wish the server’s value is in force', () => {
    const wishes = new Preferences('primary');

    assert.equal(wishes.inForce(SETTINGS, 'framerate'), 60);
    assert.equal(wishes.inForce(SETTINGS, 'audio_bitrate'), '128000');
    assert.equal(wishes.inForce(SETTINGS, 'use_cpu'), false);
    assert.equal(wishes.inForce(SETTINGS, 'nothing'), undefined);
    /* its value is what runs at present, perhaps for another page */
    assert.equal(wishes.inForce(SETTINGS, 'encoder'), 'x264enc');
});

test('a wish is in force within what the server allows', () => {
    const wishes = new Preferences('primary');

    wishes.change('framerate', 500);
    wishes.change('encoder', 'av1enc');
    wishes.change('audio_bitrate', '64000');
    wishes.change('use_cpu', true);
    wishes.change('h264_fullcolor', false);
    assert.equal(wishes.inForce(SETTINGS, 'framerate'), 120);
    assert.equal(wishes.inForce(SETTINGS, 'encoder'), 'x264enc');
    assert.equal(wishes.inForce(SETTINGS, 'audio_bitrate'), '64000');
    assert.equal(wishes.inForce(SETTINGS, 'use_cpu'), true);
    assert.equal(wishes.inForce(SETTINGS, 'h264_fullcolor'), true);
});

test('wishes are kept for a screen of a desktop, and forgotten', () => {
    new Preferences('primary').change('framerate', 30);
    assert.deepEqual(new Preferences('primary').values, { framerate: 30 });
    assert.deepEqual(new Preferences('display2').values, {});
    page.location = { pathname: '/other/' };
    assert.deepEqual(new Preferences('primary').values, {});
    page.location = { pathname: '/desk/' };

    const again = new Preferences('primary');

    again.change('use_cpu', true);
    again.change('framerate');
    assert.deepEqual(new Preferences('primary').values, { use_cpu: true });
    again.forget();
    assert.deepEqual(new Preferences('primary').values, {});
});

test('what lies in the storage may be anything', () => {
    for (const text of ['{', 'null', '7', '"x"', '[1,2]', '{"framerate":{"a":1},"x y":1,"":2}',
                        '{"framerate":null}']) {
        stored?.set('selkies-settings:/desk/:primary', text);

        const { values } = new Preferences('primary');

        for (const [name, value] of Object.entries(values)) {
            assert.match(name, /^[a-z0-9_]+$/);
            assert.match(typeof value, /^(boolean|number|string)$/);
        }
    }
});

test('a browser that keeps nothing still has what was wished', () => {
    stored = null;

    const wishes = new Preferences('primary');

    wishes.change('framerate', 30);
    assert.equal(wishes.inForce(SETTINGS, 'framerate'), 30);
    assert.equal(theme(), 'auto');
});

test('colours: as the system is, or as this browser was told', () => {
    const dark = { dataset: { theme: 'dark' }, media: '' };
    const light = { dataset: { theme: 'light' }, media: '' };

    page.document = { documentElement: { dataset: {} }, querySelectorAll: () => [dark, light] };
    applyTheme();
    assert.equal(page.document.documentElement.dataset.theme, 'auto');
    assert.equal(dark.media, '(prefers-color-scheme: dark)');
    applyTheme('light');
    assert.equal(theme(), 'light');
    assert.deepEqual([dark.media, light.media], ['not all', 'all']);
    applyTheme('auto');
    assert.equal(theme(), 'auto');
});
