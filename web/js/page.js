// The start of the page: everything is fetched at once, then the Yew crate takes over.
//
// The crate finds the terminal, the platform words and the worker under `quorumLab`.

import * as editing from './editing.js';
import { firstHalf } from './later.js';
import * as platform from './platform.js';
import * as terminal from './terminal.js';

// Under Trusted Types only this policy may name scripts, and it names two.
const OURS = [WORKER_URL, 'sw.js'];
const policy = globalThis.trustedTypes?.createPolicy('quorum-lab', {
  createScriptURL: (url) => {
    if (!OURS.includes(url)) throw new TypeError(`not a script of this page: ${url}`);
    return url;
  },
});
const scriptUrl = (url) => policy?.createScriptURL(url) ?? url;

function startWorker() {
  return new Worker(scriptUrl(WORKER_URL), { type: 'module' });
}

globalThis.quorumLab = {
  build: BUILD,
  coreUrl: CORE_URL,
  k8sUrl: K8S_URL,
  startWorker,
  terminal,
  editing,
  platform,
};

async function start() {
  const js = document.querySelector('link[rel=modulepreload]').href;
  const wasm = document.querySelector('link[rel=preload][as=fetch]').href;
  const [{ default: init }, module] = await Promise.all([import(js), firstHalf(wasm)]);
  await init({ module_or_path: module });
}

/** The shell of the page says what went wrong; without a script it says so by itself. */
function say(error) {
  const line = document.getElementById('boot-line');
  if (line) line.textContent = `The page could not start: ${error?.message ?? error}`;
}

start().catch(say);

// A trap of the page's own module (not of the world, which the worker brings back) leaves a
// picture that does nothing: say so over it.
addEventListener('error', ({ error }) => {
  if (!(error instanceof WebAssembly.RuntimeError) || document.getElementById('crash')) return;
  const note = document.createElement('p');
  note.id = 'crash';
  note.setAttribute('role', 'alert');
  note.textContent = 'The page stopped unexpectedly. What you did is saved: reload to go on.';
  document.body.append(note);
});

// Offline after the first visit. Optional: an insecure origin or a refusal changes nothing.
if (navigator.serviceWorker && location.protocol !== 'file:') {
  addEventListener('load', () => {
    navigator.serviceWorker.register(scriptUrl('sw.js')).catch(() => {});
  });
}
