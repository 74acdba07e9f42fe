/**
 * Makes of web/ the few small files that `make install` puts into v/VERSION/:
 *
 *   node web/tools/bundle.mjs FOLDER
 *
 * The client needs no build: web/ is served as it lies, and is what one works with.
 * This is for what people load. The page's modules become one script for what comes
 * before the socket, one for what is around the picture and one for all that is loaded
 * later; the worker and the worklets one each. Comments and long names go. All scripts of the page lie in the
 * folder itself, so what they address by `import.meta.url` is rewritten to be found
 * from there.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { cp, mkdir, readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build, transform } from 'esbuild';

const WEB = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TARGET = ['chrome120', 'firefox121', 'safari17.4'];
const NOTICE = '/* Copyright (C) ngx_selkies authors. SPDX-License-Identifier: BSD-2-Clause */';

/** What is no module is copied. */
const PLAIN = /\.(ico|png|svg|json)$/;
/** Style sheets: all but the first are one, whichever is asked for. */
const STYLES = ['app.css', 'files.css', 'ui/ui.css'];
const STYLE = 'ui/ui.css';
const LATER = /^ui\/\w+\.css$/;

const [folder] = process.argv.slice(2);

if (folder === undefined) {
    process.stderr.write('usage: node web/tools/bundle.mjs FOLDER\n');
    process.exit(1);
}

const out = resolve(folder);

/** A module without its comments, with `new URL('x', import.meta.url)` as it is from
 *  where it will lie.
 *
 * @param {string} path
 * @param {string} base  that place, below web/ */
async function sourceOf(path, base) {
    const from = dirname(relative(WEB, path));
    const { code } = await transform(await readFile(path, 'utf8'),
                                     { minifyWhitespace: true, charset: 'utf8' });

    return code.replace(/new URL\("([^"]+)",import\.meta\.url\)/g, (_, name) => (
        `new URL("${posix.relative(base, posix.join(from, name)).replace(LATER, STYLE)}",import.meta.url)`));
}


/** @param {string} base
 *  @returns {import('esbuild').Plugin} */
const moved = base => ({
    name: 'moved',
    setup(all) {
        all.onLoad({ filter: /\.js$/ }, async ({ path }) => (
            { loader: 'js', contents: await sourceOf(path, base) }));
    }
});

const IMPORT = /\bimport\("([^"]+)"\)/g;

/** What has a file of its own. */
const ALONE = /^(desk|ui\/probe|media\/(worker|relay|lite-clip))\.js$/;

/** What a group has of a module: all that it exports.
 *
 * @param {string} name
 * @param {number} i */
async function part(name, i) {
    const text = await sourceOf(join(WEB, name), '.');
    const names = [...text.matchAll(/\bexport (?:async )?(?:function|class|const|let) (\w+)/g)]
        .map(match => match[1]);

    return `import {${names.map(one => `${one} as ${one}${i}`)}} from './${name}';
            export const part${i} = {${names.map(one => `${one}: ${one}${i}`)}};`;
}


/** Parts that are loaded later come together: apart they are small, and would be
 *  compressed badly.
 *
 * @type {import('esbuild').Plugin} */
const together = {
    name: 'together',
    async setup(all) {
        /** @type {Record<string, string[]>} modules, by group */
        const groups = { more: [] };

        /** @param {string} path of who imports
         *  @param {string} name */
        const placeOf = (path, name) => {
            const module = posix.join(dirname(relative(WEB, path)), name);
            const group = ALONE.test(module) ? '' : 'more';
            const list = groups[group] ?? [];
            const at = list.indexOf(module);

            return { group, at: at === -1 ? list.push(module) - 1 : at };
        };

        /** @param {string} path */
        const rewritten = async path => (await sourceOf(path, '.')).replace(IMPORT, (text, name) => {
            const { group, at } = placeOf(path, name);

            return group === '' ? text : `import("group:${group}").then(all=>all.part${at})`;
        });

        for (const name of (await readdir(WEB, { recursive: true })).sort()) {
            if (name.endsWith('.js') && !name.startsWith('media')) {
                await rewritten(join(WEB, name));
            }
        }

        all.onLoad({ filter: /\.js$/ }, async ({ path }) => (
            { loader: 'js', contents: await rewritten(path) }));
        all.onResolve({ filter: /^group:/ }, ({ path }) => (
            { path: path.slice(6), namespace: 'group' }));
        all.onLoad({ filter: /.*/, namespace: 'group' }, async ({ path }) => ({
            resolveDir: WEB, contents: (await Promise.all((groups[path] ?? []).map(part))).join('\n')
        }));
    }
};

/** What the worker runs, a page whose worker fails runs as well, and both have the
 *  clip: those are not part of the page's own scripts.
 *
 * @param {string} base
 * @returns {import('esbuild').Plugin} */
const apart = base => ({
    name: 'apart',
    setup(all) {
        all.onResolve({ filter: /\/(worker|relay|lite-clip)\.js$/ }, ({ kind, path }) => (
            kind !== 'dynamic-import' || base === 'media' && !path.includes('clip') ? undefined
                : { external: true, path: `./${posix.relative(base, `media/${posix.basename(path)}`)}` }));
    }
});

/** @param {string[]} entries  below web/, in one folder
 *  @param {import('esbuild').BuildOptions} [more] */
function bundle(entries, more) {
    const base = dirname(entries[0] ?? '');

    return build({ entryPoints: entries.map(entry => join(WEB, entry)), outdir: join(out, base), bundle: true,
                   format: 'esm', target: TARGET, minify: true, legalComments: 'none',
                   charset: 'utf8', splitting: true, entryNames: '[name]',
                   chunkNames: '[name]-[hash]', metafile: true, logLevel: 'warning',
                   plugins: [apart(base), base === '.' ? together : moved(base)], absWorkingDir: WEB, ...more });
}


/** The scripts without which the page's own does not begin: the browser is told of
 *  them by the page, instead of finding one after the other.
 *
 * @param {import('esbuild').Metafile} meta
 * @returns {string[]} below the folder */
function needed(meta) {
    const files = Object.entries(meta.outputs);
    const all = new Set(files.filter(([, file]) => file.entryPoint === 'app.js')
        .map(([name]) => name));

    for (const name of all) {
        for (const other of meta.outputs[name]?.imports ?? []) {
            if (other.kind === 'import-statement') {
                all.add(other.path);
            }
        }
    }

    return [...all].slice(1).map(name => relative(out, resolve(WEB, name))).sort();
}


/** @param {string[]} scripts */
async function page(scripts) {
    const text = await readFile(join(WEB, 'index.html'), 'utf8');
    const links = scripts.map(name => `<link rel="modulepreload" href="${name}">\n`).join('');
    const without = text.replace(/<link rel="modulepreload"[^>]*>\n/g, '');
    const at = without.indexOf('<script ');

    return without.slice(0, at) + links + without.slice(at);
}


/** What is made is as old as the newest of its sources: it is the same again. */
async function newest() {
    const names = await readdir(WEB, { recursive: true });
    const times = await Promise.all(names.map(async name => (await stat(join(WEB, name))).mtimeMs));

    return new Date(Math.max(...times));
}


await mkdir(out, { recursive: true });

const app = await bundle(['app.js']);

await Promise.all([
    bundle(['start', 'worker', 'relay', 'lite-clip'].map(name => `media/${name}.js`)),
    bundle(['audio-worklet', 'mic-worklet'].map(name => `media/${name}.js`), { splitting: false })
]);

for (const name of await readdir(WEB, { recursive: true })) {
    if (PLAIN.test(name)) {
        await cp(join(WEB, name), join(out, name));
    }
}

for (const name of STYLES) {
    const later = name !== STYLE ? [] : (await readdir(join(WEB, 'ui'))).sort()
        .map(other => `ui/${other}`).filter(other => LATER.test(other) && other !== STYLE);
    const texts = await Promise.all([name, ...later].map(other => readFile(join(WEB, other), 'utf8')));
    const { code } = await transform(texts.join('\n'), { loader: 'css', minify: true, target: TARGET });

    await mkdir(dirname(join(out, name)), { recursive: true });
    await writeFile(join(out, name), code);
}

const script = join(out, 'app.js');

await writeFile(script, `${NOTICE}\n${await readFile(script, 'utf8')}`);
await writeFile(join(out, 'index.html'), await page(needed(app.metafile)));

const time = await newest();

for (const name of await readdir(out, { recursive: true })) {
    await utimes(join(out, name), time, time);
}
