// Sifts out of core.wasm what the first picture needs.
//
//   node first.mjs core.wasm first.stream FOLDER   writes FOLDER/first.wasm and FOLDER/whole.wasm
//
// The commands of first.stream (`lab/src/bin/first.rs` writes it) are run in a copy that notes
// which places of which functions are reached. `first.wasm` keeps these and only these: where
// the run would leave them stands a trap, and constants that nothing kept can name are zeros.
// Addresses, table places and layout are those of the whole, so that its memory between two
// calls is the whole's memory. Whoever runs it (core.js) takes the whole module and does the
// calls again when it traps, so nothing depends on what the sieve held back.
//
// The core must be linked with --emit-relocs: they say which constants an instruction names.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  BR_IF, CALL, CODE, COUNT, DATA, ELEMENT, ELSE, END, EXPORT, FUNCTION, GLOBAL, HEADER, I32, I32_CONST, IF, BLOCK,
  IMPORT, LOOP, MEMORY, Reader, TABLE, TYPE, UNREACHABLE, active, custom, decode, encode, exported, filled, list,
  parse, places, rewritten, section, sized, text, u32,
} from './wasm.mjs';

/** The name of the section that tells where the constants lie: two numbers of 32 bits. */
const CONSTANTS = 'constants';
/** Kept constants this near to each other are one segment. */
const GAP_BYTES = 8;

/** Whether the run may come to this place without having been at the one before. */
const opens = (op) => op === IF || op === ELSE || op === END || op === BR_IF;

/** Every place of every function that is noted: its number is its position in this list. */
function probes(core) {
  let count = 0;
  return core.bodies.map((body) => {
    const { locals, code } = decode(body);
    const ids = code.map(({ op }, n) => (opens(op) && n + 1 < code.length ? count++ : -1));
    return { body, locals, code, entry: count++, ids };
  });
}

const copied = (core, id) => (core.sections.has(id) ? [section(id, [core.sections.get(id)])] : []);

/** The module with a note at every place: import `note.at` hears it. */
function noting(core, functions) {
  const type = core.types.length;
  const moved = (index) => index + 1;
  const note = (id) => [I32_CONST, ...signed(id), CALL, 0];
  const bodies = functions.map(({ body, locals, code, entry, ids }) => {
    const out = [...locals, ...note(entry)];
    code.forEach((ins, n) => {
      encode(out, body, ins, moved);
      if (ids[n] >= 0) out.push(...note(ids[n]));
    });
    return sized(Buffer.from(out));
  });
  return Buffer.concat([
    Buffer.from(HEADER),
    section(TYPE, list([...core.types.map((it) => it.bytes), [0x60, 1, I32, 0]])),
    section(IMPORT, list([[...text('note'), ...text('at'), 0, ...u32(type)]])),
    ...[FUNCTION, TABLE, MEMORY, GLOBAL].flatMap((id) => copied(core, id)),
    section(EXPORT, list(core.exports.map((it) => exported(it.kind === 0 ? { ...it, index: moved(it.index) } : it)))),
    section(ELEMENT, list(filled(places(core).map(([at, index]) => [at, moved(index)])))),
    ...copied(core, COUNT),
    section(CODE, list(bodies)),
    ...copied(core, DATA),
  ]);
}

function signed(value) {
  const out = [];
  while (value > 63) {
    out.push((value & 127) | 128);
    value >>>= 7;
  }
  return [...out, value];
}

/** The places reached by the commands; an empty one begins a fresh world of its own. */
function reached(core, functions, stream) {
  const count = functions.at(-1).ids.reduce((most, id) => Math.max(most, id), functions.at(-1).entry) + 1;
  const seen = new Uint8Array(count);
  const at = (id) => (seen[id] = 1);
  const module = new WebAssembly.Module(noting(core, functions));
  const begin = () => new WebAssembly.Instance(module, { note: { at } }).exports;
  let wasm = begin();
  for (let from = 0; from < stream.length; ) {
    const length = stream.readUInt32LE(from);
    const bytes = stream.subarray(from + 4, from + 4 + length);
    from += 4 + length;
    if (length === 0) wasm = begin();
    else answer(wasm, bytes);
  }
  return seen;
}

function answer(wasm, bytes) {
  const place = wasm.alloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, place, bytes.length).set(bytes);
  const packed = BigInt.asUintN(64, wasm.call(place, bytes.length));
  wasm.free(Number(packed >> 32n), Number(packed & 0xffffffffn));
}

/** The instructions that stay, in order; `null` stands for a trap. */
function sifted({ code, ids }, seen) {
  const kept = [];
  let dead = false;
  let depth = 0; // of what is left out
  code.forEach((ins, n) => {
    const { op } = ins;
    if (dead) {
      if (op === BLOCK || op === LOOP || op === IF) depth += 1;
      else if (op === END && depth > 0) depth -= 1;
      else if (depth === 0 && (op === END || op === ELSE)) dead = false;
      if (dead) return;
    }
    kept.push(ins);
    if (ids[n] < 0 || seen[ids[n]]) return;
    dead = true;
    kept.push(null);
  });
  return kept;
}

/** Where names of data stand: relocations of one section, as [offset, symbol]. */
function relocations(core, name) {
  const ADDEND = new Set([3, 4, 5, 8, 9, 11, 14, 15, 16, 17, 21, 22, 23]);
  const ADDRESS = new Set([3, 4, 5, 11]);
  const it = new Reader(core.customs.get(name));
  it.u32();
  return it.list(() => {
    const [type, offset, symbol] = [it.byte(), it.u32(), it.u32()];
    if (ADDEND.has(type)) it.skip();
    return ADDRESS.has(type) ? [offset, symbol] : null;
  }).filter(Boolean);
}

/** The linker's own table: pieces of data as {segment, offset, size}, and the segments' names. */
function linking(core) {
  const it = new Reader(core.customs.get('linking'));
  if (it.u32() !== 2) throw new Error('linking: a new version');
  const found = { symbols: [], segments: [] };
  while (!it.done) {
    const kind = it.byte();
    const inner = new Reader(it.take(it.u32()));
    if (kind === 5) found.segments = inner.list(() => [inner.name(), inner.u32(), inner.u32()][0]);
    if (kind === 8) found.symbols = inner.list(() => symbol(inner));
  }
  return found;
}

function symbol(it) {
  const [kind, flags] = [it.byte(), it.u32()];
  const [undefined_, named] = [flags & 0x10, flags & 0x40];
  if (kind === 1) {
    it.name();
    return undefined_ ? null : { segment: it.u32(), offset: it.u32(), size: it.u32() };
  }
  it.u32();
  if (kind !== 3 && (!undefined_ || named)) it.name();
  return null;
}

/** Segments with zeros where nothing that stays can look. */
function constants(core, keptCode) {
  const { symbols, segments } = linking(core);
  const rodata = segments.indexOf('.rodata');
  if (rodata < 0) throw new Error('linking: no .rodata');
  // Relocations in data count from the section's begin: where a segment's bytes lie in it.
  const section_ = core.sections.get(DATA);
  const starts = core.data.map((it) => it.bytes.byteOffset - section_.byteOffset);
  const inData = relocations(core, 'reloc.DATA');
  const marked = new Set();
  const queue = [];
  const mark = (id) => {
    if (!symbols[id] || marked.has(id)) return;
    marked.add(id);
    queue.push(id);
  };
  const range = (from, to) => {
    for (let n = lower(inData, from); n < inData.length && inData[n][0] < to; n += 1) mark(inData[n][1]);
  };
  keptCode.forEach(mark);
  core.data.forEach((it, n) => n !== rodata && range(starts[n], starts[n] + it.bytes.length));
  while (queue.length > 0) {
    const { segment, offset, size } = symbols[queue.pop()];
    range(starts[segment] + offset, starts[segment] + offset + size);
  }
  const keep = new Uint8Array(core.data[rodata].bytes.length);
  for (const id of marked) {
    const { segment, offset, size } = symbols[id];
    if (segment === rodata) keep.fill(1, offset, offset + size);
  }
  return { rodata, keep };
}

/** The first relocation at or after a place. */
function lower(sorted, place) {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle][0] < place) from = middle + 1;
    else to = middle;
  }
  return from;
}

function dataSegments(core, { rodata, keep }) {
  return core.data.flatMap((it, n) => {
    if (n !== rodata) return [active(it.offset, it.bytes)];
    const out = [];
    for (let at = 0; at < keep.length; ) {
      if (!keep[at]) {
        at += 1;
        continue;
      }
      let [end, gap] = [at, 0];
      for (let to = at; to < keep.length && gap <= GAP_BYTES; to += 1) {
        gap = keep[to] ? 0 : gap + 1;
        if (keep[to]) end = to + 1;
      }
      out.push(active(it.offset + at, it.bytes.subarray(at, end)));
      at = end;
    }
    return out;
  });
}

/** The module that comes first, of what was reached. */
function first(core, functions, seen, where) {
  const hot = functions.map((_, n) => n).filter((n) => seen[functions[n].entry]);
  const place = new Map(hot.map((index, n) => [index, n]));
  const moved = (index) => {
    if (!place.has(index)) throw new Error(`function ${index} is named but was never entered`);
    return place.get(index);
  };
  const inCode = relocations(core, 'reloc.CODE');
  const codeStart = core.sections.get(CODE).byteOffset;
  const named = [];
  const bodies = hot.map((index) => {
    const it = functions[index];
    const from = it.body.byteOffset - codeStart;
    const out = [...it.locals];
    for (const ins of sifted(it, seen)) {
      if (ins === null) {
        out.push(UNREACHABLE);
        continue;
      }
      encode(out, it.body, ins, moved);
      const near = lower(inCode, from + ins.from);
      if (near < inCode.length && inCode[near][0] < from + ins.to) named.push(inCode[near][1]);
    }
    return sized(Buffer.from(out));
  });
  const own = core.exports.filter((it) => (it.kind === 0 ? place.has(it.index) : it.kind === 2));
  return Buffer.concat([
    Buffer.from(HEADER),
    ...copied(core, TYPE),
    section(FUNCTION, list(hot.map((index) => u32(core.functions[index])))),
    ...[TABLE, MEMORY, GLOBAL].flatMap((id) => copied(core, id)),
    section(EXPORT, list(own.map((it) => exported(it.kind === 0 ? { ...it, index: moved(it.index) } : it)))),
    section(ELEMENT, list(filled(places(core).filter(([, index]) => place.has(index)).map(([at, index]) => [at, moved(index)])))),
    section(CODE, list(bodies)),
    section(DATA, list(dataSegments(core, constants(core, named)))),
    where,
  ]);
}

/** The whole module as it is loaded: without what only linkers and people read. */
function whole(core, where) {
  const same = (index) => index;
  return Buffer.concat([
    Buffer.from(HEADER),
    ...[TYPE, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, ELEMENT, COUNT].flatMap((id) => copied(core, id)),
    section(CODE, list(core.bodies.map((body) => rewritten(body, same)))),
    ...copied(core, DATA),
    where,
  ]);
}

/** Where the constants lie, told to whoever puts a memory into an instance. */
function constantsAt(core) {
  const it = core.data[linking(core).segments.indexOf('.rodata')];
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(it.offset, 0);
  bytes.writeUInt32LE(it.offset + it.bytes.length, 4);
  return custom(CONSTANTS, bytes);
}

/** A core as it is loaded; with a stream also what that one's commands need of it. */
export function sift(bytes, stream) {
  const core = parse(bytes);
  if (core.imports.length > 0) throw new Error('core.wasm stands alone');
  if (!stream) return { whole: whole(core, Buffer.alloc(0)) };
  const where = constantsAt(core);
  const functions = probes(core);
  const seen = reached(core, functions, stream);
  return { first: first(core, functions, seen, where), whole: whole(core, where) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , core, stream, folder] = process.argv;
  const parts = sift(readFileSync(core), readFileSync(stream));
  writeFileSync(join(folder, 'first.wasm'), parts.first);
  writeFileSync(join(folder, 'whole.wasm'), parts.whole);
}
