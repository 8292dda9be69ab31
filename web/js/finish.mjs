// Trunk's post_build hook: writes the service worker, which must name every other file.
//
// While developing, Trunk injects an inline script that reloads the page; then the content
// security policy goes and so does the cache.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

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
