// The second half of the page's module (see split.mjs): what a first visit does not enter.
//
// It is fetched when the first picture stands. Should something need it sooner, the page waits
// for it; that is the price of a click in the first second.

let url; // of the second half
let half; // {module, exports}: compiled; what the first half shares with it
let coming;

/** Static hosts do not always name wasm's media type; then the bytes are taken as they are. */
async function compiled(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} for ${address}`);
  if (answer.headers.get('content-type')?.startsWith('application/wasm')) {
    return WebAssembly.compileStreaming(answer);
  }
  return WebAssembly.compile(await answer.arrayBuffer());
}

/**
 * Compiles the page's module. The glue of wasm-bindgen makes the instance, so that is where the
 * first half is given the word with which it asks for the second.
 */
export async function firstHalf(address) {
  const module = await compiled(address);
  if (!WebAssembly.Module.imports(module).some((it) => it.module === 'later')) return module;
  url = address.replace('_bg.wasm', '_later.wasm');
  half = {};
  const plain = WebAssembly.instantiate;
  WebAssembly.instantiate = async (what, imports) => {
    WebAssembly.instantiate = plain;
    const instance = await plain(what, { ...imports, later: { load } });
    half.exports ??= instance.exports;
    return instance;
  };
  return module;
}

/** Fetches the second half without being asked for it. */
export async function later() {
  if (!half || coming) return;
  try {
    coming = compiled(url);
    const module = await coming;
    if (half.exports.loaded.value === 0) join(module);
  } catch {
    coming = null; // whoever needs it asks again
  }
}

/** A function of the second half is called, and it is not there yet. */
function load() {
  join(new WebAssembly.Module(bytesNow(url)));
}

function join(module) {
  new WebAssembly.Instance(module, { first: half.exports });
  half.exports.loaded.value = 1;
}

/** A file's bytes, at once. A page may only ask for text like this, so it asks for bytes as text. */
function bytesNow(address) {
  const ask = new XMLHttpRequest();
  ask.open('GET', address, false);
  ask.overrideMimeType('text/plain; charset=x-user-defined');
  ask.send();
  if (ask.status !== 200) throw new Error(`${ask.status} for ${address}`);
  return Uint8Array.from(ask.responseText, (it) => it.charCodeAt(0));
}
