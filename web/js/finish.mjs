// Trunk's post_build hook: cuts the page's module in two (split.mjs), makes the JavaScript
// around it small, writes the service worker, which must name every other file.
//
// While developing, Trunk injects an inline script that reloads the page; then the content
// security policy goes and so does the cache.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { laterNames, split } from './split.mjs';

const staging = process.env.TRUNK_STAGING_DIR;
const release = process.env.TRUNK_PROFILE !== 'debug';
const here = dirname(fileURLToPath(import.meta.url));

const index = join(staging, 'index.html');
let html = readFileSync(index, 'utf8');
if (!release) html = html.replace(/<meta[^>]*Content-Security-Policy[^>]*>/i, '');
// Browsers ignore the digest of a preloaded module, and warn about it.
html = html.replace(/<link\b[^>]*>/g, (tag) =>
  /\bas="?fetch\b/.test(tag) ? tag.replace(/\s+integrity=("[^"]*"|[^\s>]+)/, '') : tag,
);
if (release) html = await small(html);
writeFileSync(index, html);

const files = readdirSync(staging, { recursive: true, withFileTypes: true })
  .filter((it) => it.isFile() && it.name !== 'sw.js')
  .map((it) => relative(staging, join(it.parentPath ?? it.path, it.name)).split(sep).join('/'))
  .sort();
const digest = createHash('sha256');
for (const name of files) digest.update(name).update(readFileSync(join(staging, name)));
const version = digest.digest('hex').slice(0, 16);
const assets = release ? files.map((name) => (name === 'index.html' ? './' : name)) : [];

const text = readFileSync(join(here, 'sw.js'), 'utf8')
  .replace("'%VERSION%'", JSON.stringify(version))
  .replace("'%ASSETS%'", JSON.stringify(assets));
writeFileSync(join(staging, 'sw.js'), text);

/** The same page with its module in two halves and small glue, under new names. */
async function small(page) {
  const found = (pattern) => readdirSync(staging).find((name) => pattern.test(name));
  const [glue, wasm] = [found(/^web-[0-9a-f]+\.js$/), found(/^web-[0-9a-f]+_bg\.wasm$/)];
  const whole = readFileSync(join(staging, wasm));
  // Whoever notes what a visit enters (tests/e2e/later.mjs) needs it as it was.
  writeFileSync(join(here, '../dist/page.wasm'), whole);
  const halves = split(whole, laterNames());
  const plain = readFileSync(join(staging, glue), 'utf8');
  const { code } = await transform(plain, { minify: true, format: 'esm', target: 'es2022', charset: 'utf8' });
  const name = `web-${hashOf('sha256', 'hex', halves.first, halves.later, code).slice(0, 16)}`;
  rmSync(join(staging, wasm));
  rmSync(join(staging, glue));
  writeFileSync(join(staging, `${name}_bg.wasm`), halves.first);
  writeFileSync(join(staging, `${name}_later.wasm`), halves.later);
  writeFileSync(join(staging, `${name}.js`), code);
  const digest = `sha384-${hashOf('sha384', 'base64', code)}`;
  return page.replaceAll(wasm, `${name}_bg.wasm`).replace(/<link\b[^>]*>/g, (tag) =>
    tag.includes(glue) ? tag.replace(glue, `${name}.js`).replace(/sha384-[^"\s>]+/, digest) : tag,
  );
}

function hashOf(kind, form, ...parts) {
  const digest = createHash(kind);
  for (const part of parts) digest.update(part);
  return digest.digest(form);
}
