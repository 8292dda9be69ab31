// Trunk's pre_build hook: builds what is not the Yew crate into web/dist.
//
//   web/dist/page.js, page.css         entry points, hashed by Trunk
//   web/dist/hashed/core-HASH.wasm     the session (crate lab) for plain clusters, hashed here
//   web/dist/hashed/core-HASH-first.wasm   what the first picture needs of it (first.mjs)
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
import { sift } from './first.mjs';

const web = join(dirname(fileURLToPath(import.meta.url)), '..');
const root = join(web, '..');
const dist = join(web, 'dist');
const hashed = join(dist, 'hashed');

const release = process.env.TRUNK_PROFILE !== 'debug';

mkdirSync(hashed, { recursive: true });

// No wasm-opt: after brotli it saves nothing on what LLVM made (measured on both modules).
const core = sift(readFileSync(process.env.QUORUM_CORE ?? buildCore('core')), firstCommands());
const k8s = sift(readFileSync(process.env.QUORUM_CORE_K8S ?? buildCore('core,k8s')));
const coreName = `core-${hash(core.whole, core.first)}`;
const urls = { CORE_URL: `${coreName}-first.wasm`, K8S_URL: `core-k8s-${hash(k8s.whole)}.wasm` };
const own = { CORE_URL: urls.CORE_URL, WHOLE_URL: `${coreName}.wasm` };
put(urls.CORE_URL, core.first);
put(own.WHOLE_URL, core.whole);
put(urls.K8S_URL, k8s.whole);

// Fetched when the first program shows an editor.
const editor = await bundle('editor.js', {}, { '.css': 'text' });
urls.EDITOR_URL = `editor-${hash(editor)}.js`;
put(urls.EDITOR_URL, editor);

// The build is the hash of all that must fit together: page and worker compare it.
const worker = await bundle('worker.js', { BUILD: '', ...own });
const page = await bundle('page.js', { BUILD: '', ...urls, WORKER_URL: '' });
const buildName = hash(core.whole, core.first, k8s.whole, worker, page);
const workerText = await bundle('worker.js', { BUILD: buildName, ...own });
const workerName = `worker-${hash(workerText)}.js`;
put(workerName, workerText);

writeFileSync(
  join(dist, 'page.js'),
  await bundle('page.js', { BUILD: buildName, ...urls, WORKER_URL: workerName }),
);
writeFileSync(join(dist, 'page.css'), await bundle('../../static/css/main.css', {}));

const current = new Set([urls.CORE_URL, own.WHOLE_URL, urls.K8S_URL, urls.EDITOR_URL, workerName]);
for (const name of readdirSync(hashed)) {
  if (!current.has(name)) rmSync(join(hashed, name));
}

/**
 * Builds a module with cargo and says where it is. The crate is a library for Rust
 * programs; here alone it is to be a module, which `--crate-type` asks for. The linker's notes
 * are for first.mjs, which leaves them out of what is loaded. (xtask says the same words, so
 * that the module is built once.)
 */
function buildCore(features) {
  const args = ['rustc', '-p', 'lab', '--lib', '--release', '--no-default-features'];
  args.push('--features', features, '--target', 'wasm32-unknown-unknown', '--crate-type', 'cdylib');
  args.push('--', '-Cstrip=none', '-Clink-arg=--emit-relocs');
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
