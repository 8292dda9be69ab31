// The worker: owns core.wasm, lets its time pass in short slices, keeps checkpoints.
//
// It knows nothing of what the bytes mean but `Advance` (see postcard.js). The page sends
// {id, kind, ...}; every message is answered by one {id, ...}. A trap of the core is answered
// by {trapped} on the call that met it, after the world was brought back as far as it goes.

import { Core } from './core.js';
import { Points } from './points.js';
import { advance, advanced } from './postcard.js';

const SLICE_MS = 6; // aimed at, so that 8 is kept
const REPLAY_MS_MAX = 20_000;
const EVENTS_MIN = 32;
const EVENTS_MAX = 1 << 20;

const urls = {}; // of the two modules: `core` for plain clusters, `k8s` for everything
const modules = {}; // promises of them, compiled, as `Core` takes them
let module; // a promise of those that run
let core;
let points = new Points();
let journal = []; // {seq, at, bytes}: inputs since the oldest checkpoint
let lastSeq = 0;
let now = 0;
let eventsMax = 512;
let home = null; // the checkpoint a reset goes to: where a fresh world began
let dead = false; // no checkpoint came through: nothing is answered any more
let starts = 0; // counts worlds that were begun
let epoch = 0; // counts restores, so that a frame under way notices

/** Compiles the core; the page starts it before it knows what to run. */
function load({ build, core, k8s }) {
  if (build !== BUILD) return { refused: 'build' };
  Object.assign(urls, { core, k8s });
  return engine('core').then(() => ({}));
}

/** The modules of an engine, fetched when they are first asked for; a failure is tried again. */
function engine(name) {
  const url = urls[name];
  modules[name] ??= compiled(url)
    .then((module) => (url === CORE_URL ? new Halves(module) : { whole: () => module }))
    .catch((error) => {
      delete modules[name];
      throw error;
    });
  return modules[name];
}

async function compiled(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} for ${url}`);
  return compile(answer);
}

/**
 * What a fresh world begins with, and the whole core, which is fetched when that has begun. A
 * command that needs it sooner waits for it: a worker may.
 */
class Halves {
  constructor(first) {
    this.first = first;
  }

  async later() {
    if (this.ready) return;
    this.coming ??= compiled(WHOLE_URL);
    try {
      this.ready ??= await this.coming;
    } catch (error) {
      this.coming = null;
      throw error;
    }
  }

  whole() {
    return (this.ready ??= fetched(WHOLE_URL));
  }
}

/** Fetches and compiles at once, without letting anything else happen. */
function fetched(url) {
  try {
    const ask = new XMLHttpRequest();
    ask.open('GET', url, false);
    ask.responseType = 'arraybuffer';
    ask.send();
    return new WebAssembly.Module(ask.response);
  } catch (error) {
    throw new Missing(`A part of it could not be fetched: ${error.message}`);
  }
}

/** A call that was not made for want of a module: nothing happened. */
class Missing extends Error {}

/** What the large module answers without a world: the worlds and the exercises it knows. */
async function aside({ bytes }) {
  return { bytes: new Core(await engine('k8s')).call(bytes) };
}

/** Static hosts do not always name wasm's media type; then the bytes are taken as they are. */
async function compile(answer) {
  if (answer.headers.get('content-type')?.startsWith('application/wasm')) {
    return WebAssembly.compileStreaming(answer);
  }
  return WebAssembly.compile(await answer.arrayBuffer());
}

/** A fresh core, or one with a saved checkpoint (and the one behind the undo button). */
async function start({ engine: name, point, undo, home: began, keep, blocks, seq, bytes }) {
  module = engine(name);
  points = new Points();
  journal = [];
  lastSeq = seq ?? 0;
  epoch++;
  const mine = ++starts;
  let undoPoint = 0;
  home = null;
  const parts = await module;
  if (mine !== starts) return { none: true }; // another world was begun meanwhile
  if (point) {
    await parts.later?.(); // only a fresh world can begin with less than the whole
    if (mine !== starts) return { none: true };
    if (began) {
      home = points.adopt(began, blocks);
      points.drop(home.id);
    }
    if (undo) undoPoint = points.adopt({ ...undo, action: true }, blocks).id;
    const adopted = points.adopt(point, blocks);
    core = new Core(parts, adopted);
    lastSeq = point.seq;
    now = point.now;
    return { point: adopted.id, undoPoint, homePoint: home?.id };
  }
  core = new Core(parts);
  now = 0;
  const answer = core.call(bytes);
  tick(0, 0); // an exercise begins where its start commands ended
  const first = points.take(core.memory, lastSeq, now, false); // recovery has somewhere to begin
  if (keep) home = first;
  parts.later?.().catch(() => {}); // it is asked for again by whoever needs it
  return { bytes: answer, at: now, homePoint: home?.id };
}

/** Any command that is no input. */
function call({ bytes }) {
  return { bytes: core.call(bytes) };
}

/** A key of a terminal. `action` asks for a checkpoint first: the key may end a command. */
function edit({ bytes, action }) {
  const point = action ? points.take(core.memory, lastSeq, now, true).id : 0;
  return { bytes: core.call(bytes), point };
}

/** An input: noted with its time, so that it can be replayed. */
function input({ bytes, seq, action }) {
  tick(0, 0);
  const point = action ? points.take(core.memory, lastSeq, now, true).id : 0;
  const entry = { seq, at: now, bytes };
  const before = lastSeq;
  journal.push(entry);
  lastSeq = seq;
  try {
    return { bytes: core.call(bytes), at: entry.at, point };
  } catch (error) {
    if (!(error instanceof Missing)) throw new Culprit(error, seq);
    journal.pop();
    lastSeq = before;
    throw error;
  }
}

/** Lets time pass up to `until` or as long as `budget` allows, then asks for the picture. */
async function frame({ until, budget, want, step }) {
  const began = performance.now();
  const mine = epoch;
  let answer = step ? core.call(step) : null;
  const target = Math.max(until, now); // the page may not know yet how far time has come
  let events = 0;
  while (!step) {
    answer = tick(target, eventsMax);
    const state = advanced(answer);
    if (!state) break;
    events += state.events;
    const spent = performance.now() - began;
    if (state.reached || state.violated || state.asked || spent >= budget) break;
    await breath();
    if (mine !== epoch) return { stale: true };
  }
  if (step) now = advanced(answer)?.now ?? now;
  return { bytes: answer, events, delta: core.call(want), spent: performance.now() - began };
}

/** One slice; the number of events adapts to what the machine does in SLICE_MS. */
function tick(until, events) {
  const began = performance.now();
  const answer = core.call(advance(until, events));
  const spent = performance.now() - began;
  const state = advanced(answer);
  if (state) now = state.now;
  if (events > 0 && spent > SLICE_MS) {
    eventsMax = Math.max(EVENTS_MIN, Math.floor((events * SLICE_MS) / spent));
  } else if (events > 0 && state && state.events === events) {
    eventsMax = Math.min(EVENTS_MAX, eventsMax * 2);
  }
  return answer;
}

/** Lets waiting messages be handled: Ctrl-C must not wait for a long slice. */
const channel = new MessageChannel();
let wake = null;
channel.port1.onmessage = () => wake?.();
function breath() {
  return new Promise((done) => {
    wake = done;
    channel.port2.postMessage(0);
  });
}

/** Back to before the last action. */
async function undo() {
  const point = points.undo();
  if (!point) return { none: true };
  points.cut(point);
  core = new Core(await module, point);
  settleAt(point);
  return { point: point.id, seq: point.seq, now: point.now };
}

/** Back to where the world began. */
async function reset() {
  if (!home) return { none: true };
  points.list = [home];
  core = new Core(await module, home);
  settleAt(home);
  return { point: home.id, seq: home.seq, now: home.now };
}

function settleAt(point) {
  epoch++;
  journal = journal.filter((it) => it.seq <= point.seq);
  lastSeq = point.seq;
  now = point.now;
}

/** A checkpoint for the page's store: the newest state, the one behind undo, new blocks. */
function save({ all, keep }) {
  if (all) points.saved = new Set([0]);
  const undoPoint = points.undo();
  const point = points.take(core.memory, lastSeq, now, false);
  const kept = [point, undoPoint, keep && home].filter((it) => it);
  const fresh = points.fresh(kept);
  const began = points.list[0]?.seq ?? 0;
  journal = journal.filter((it) => it.seq > began);
  return { ...plainly({ point, undo: undoPoint, home: keep && home }), blocks: [...fresh] };
}

function plainly(kept) {
  return Object.fromEntries(Object.entries(kept).map(([name, it]) => [name, it && plain(it)]));
}

function plain(point) {
  const blocks = Uint32Array.from(point.blocks, (it) => it.id);
  return { id: point.id, seq: point.seq, now: point.now, blocks };
}

/** The page has these blocks now. */
function saved({ ids }) {
  for (const id of ids) points.saved.add(id);
  return {};
}

function drop({ point }) {
  points.drop(point);
  return {};
}

class Culprit extends Error {
  constructor(cause, seq) {
    super(cause.message, { cause });
    this.seq = seq;
  }
}

/**
 * The core trapped: its memory is lost. The nearest checkpoint is put into a fresh instance
 * and the inputs after it are replayed, but for the one that trapped; where that traps again,
 * all inputs after an older checkpoint are given up.
 */
async function recover(error) {
  epoch++;
  const until = now;
  const bad = error instanceof Culprit ? error.seq : (journal.at(-1)?.seq ?? 0);
  const compiled = await module;
  for (const point of [...points.list].reverse()) {
    const later = journal.filter((it) => it.seq > point.seq);
    const kept = later.filter((it) => it.seq !== bad);
    const tries = kept.length === later.length && later.length > 0 ? [[]] : [kept, []];
    for (const entries of tries) {
      if (!replay(compiled, point, entries, until)) continue;
      const dropped = later.filter((it) => !entries.includes(it)).map((it) => it.seq);
      points.list = points.list.filter((it) => it.id <= point.id);
      journal = journal.filter((it) => !dropped.includes(it.seq));
      lastSeq = journal.at(-1)?.seq ?? point.seq;
      return { point: point.id, dropped, now };
    }
  }
  dead = true;
  return { dead: true };
}

/** True when it came through. */
function replay(compiled, point, entries, until) {
  const began = performance.now();
  try {
    core = new Core(compiled, point);
    now = point.now;
    for (const entry of entries) {
      run(entry.at, began);
      core.call(entry.bytes);
    }
    if (entries.length > 0) run(until, began);
    return true;
  } catch {
    return false;
  }
}

function run(until, began) {
  while (now < until && performance.now() - began < REPLAY_MS_MAX) {
    if (advanced(tick(until, eventsMax))?.reached !== false) return;
  }
}

const KINDS = { load, aside, start, call, edit, input, frame, undo, reset, save, saved, drop };

/**
 * What a first picture does not need waits for the whole core here, in the order in which it
 * came, while the world goes on.
 */
const WAITING = new Set(['edit', 'call', 'save', 'undo']);

async function wholeCore() {
  // A failure is told by what needs it: the call asks again.
  await (await module)?.later?.().catch(() => {});
}

self.onmessage = async ({ data }) => {
  const { id, kind } = data;
  let answer;
  try {
    if (WAITING.has(kind) || data.action) await wholeCore();
    answer = dead ? { none: true } : await KINDS[kind](data);
  } catch (error) {
    // What is no trap (a module that could not be fetched) has nothing to be brought back.
    const text = String(error?.message ?? error);
    const trap = error instanceof WebAssembly.RuntimeError || error instanceof Culprit;
    if (trap) console.error(`core.wasm trapped in '${kind}':`, error.cause ?? error);
    answer = trap ? { trapped: await recover(error), text } : { failed: text };
  }
  postMessage({ id, kind, ...answer }, transfer(answer));
};

function transfer(answer) {
  const list = [];
  for (const bytes of [answer.bytes, answer.delta]) if (bytes) list.push(bytes.buffer);
  return list;
}
