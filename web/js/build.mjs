// Trunk's pre_build hook: builds what is not the Yew crate into web/dist.
//
//   web/dist/page.js, page.css         entry points, hashed by Trunk
//   web/dist/hashed/core-HASH.wasm     the session (crate lab) for plain clusters, hashed here:
//   web/dist/hashed/core-HASH-later.wasm   what the first picture needs, the rest (split.mjs)
//   web/dist/hashed/core-k8s-HASH.wasm the same with all other worlds, fetched when needed
//   web/dist/hashed/worker-HASH.js     the shim around it, hashed here
//   web/dist/hashed/editor-HASH.js     CodeMirror, fetched when the first program asks for it
//
// QUORUM_CORE and QUORUM_CORE_K8S name modules built elsewhere and skip those steps.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { split } from './split.mjs';

const web = join(dirname(fileURLToPath(import.meta.url)), '..');
const root = join(web, '..');
const dist = join(web, 'dist');
const hashed = join(dist, 'hashed');

const release = process.env.TRUNK_PROFILE !== 'debug';

// No wasm-opt: after brotli it saves nothing on what LLVM made (measured on both modules).
const core = readFileSync(process.env.QUORUM_CORE ?? buildCore('core'));
const k8s = readFileSync(process.env.QUORUM_CORE_K8S ?? buildCore('core,k8s'));
const urls = { CORE_URL: `core-${hash(core)}.wasm`, K8S_URL: `core-k8s-${hash(k8s)}.wasm` };
mkdirSync(hashed, { recursive: true });
const halves = split(core, firstCommands());
const later = { CORE_URL: urls.CORE_URL, LATER_URL: `core-${hash(core)}-later.wasm` };
put(urls.CORE_URL, halves.first);
put(later.LATER_URL, halves.later);
put(urls.K8S_URL, k8s);

// Fetched when the first program shows an editor.
const editor = await bundle('editor.js', {}, { '.css': 'text' });
urls.EDITOR_URL = `editor-${hash(editor)}.js`;
put(urls.EDITOR_URL, editor);

// The build is the hash of all that must fit together: page and worker compare it.
const worker = await bundle('worker.js', { BUILD: '', ...later });
const page = await bundle('page.js', { BUILD: '', ...urls, WORKER_URL: '' });
const buildName = hash(core, k8s, worker, page);
const workerText = await bundle('worker.js', { BUILD: buildName, ...later });
const workerName = `worker-${hash(workerText)}.js`;
put(workerName, workerText);

writeFileSync(
  join(dist, 'page.js'),
  await bundle('page.js', { BUILD: buildName, ...urls, WORKER_URL: workerName }),
);
writeFileSync(join(dist, 'page.css'), await bundle('../../static/css/main.css', {}));

const current = new Set([urls.CORE_URL, later.LATER_URL, urls.K8S_URL, urls.EDITOR_URL, workerName]);
for (const name of readdirSync(hashed)) {
  if (!current.has(name)) rmSync(join(hashed, name));
}

/**
 * Builds a module with cargo and says where it is. The crate is a library for Rust
 * programs; here alone it is to be a module, which `--crate-type` asks for.
 */
function buildCore(features) {
  const args = ['rustc', '-p', 'lab', '--lib', '--release', '--no-default-features'];
  args.push('--features', features, '--target', 'wasm32-unknown-unknown', '--crate-type', 'cdylib');
  execFileSync('cargo', args, { cwd: root, stdio: 'inherit' });
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  return join(target, 'wasm32-unknown-unknown', 'release', 'lab.wasm');
}

/** The commands a page begins with, as the words of this build have them. */
function firstCommands() {
  const file = join(dist, 'first.stream');
  const args = ['run', '--quiet', '-p', 'lab', '--no-default-features', '--bin', 'first'];
  execFileSync('cargo', [...args, '--', file], { cwd: root, stdio: 'inherit' });
  const stream = readFileSync(file);
  rmSync(file);
  return stream;
}

/** One bundled file, with constants put in. */
async function bundle(entry, constants, loaders = {}) {
  const define = Object.fromEntries(
    Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)]),
  );
  const result = await build({
    entryPoints: [join(web, 'js', entry)],
    absWorkingDir: web,
    nodePaths: [join(web, 'node_modules')],
    bundle: true,
    write: false,
    minify: release,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    define,
    loader: { '.woff2': 'dataurl', ...loaders },
  });
  return result.outputFiles[0].contents;
}

function put(name, bytes) {
  writeFileSync(join(hashed, name), bytes);
}

function hash(...parts) {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest('hex').slice(0, 16);
}
