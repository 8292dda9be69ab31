// Cuts core.wasm in two: what runs before the first picture, and the rest.
//
//   node split.mjs core.wasm first.stream FOLDER   writes FOLDER/first.wasm and FOLDER/later.wasm
//
// The commands of first.stream (`lab/src/bin/first.rs` writes it) are run once, in a copy that
// notes which functions are entered. Those stay; the others go into a second module, and where
// one of them may be called from the first a short stand-in is left, which has the second
// module loaded (import `later.load`) and calls on. Both share memory, table and globals, so
// nothing of the world is different: only when the code comes is. It is no optimiser: every
// function keeps its own bytes but for the numbers of those it calls.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEMENT, CODE, DATA, COUNT] =
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const FUNC_REF = 0x70;
const I32 = 0x7f;

/** Reads a module byte by byte. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  u32() {
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = this.byte();
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    return value >>> 0;
  }

  /** A signed number of any width; its value is of no interest here. */
  skip() {
    while (this.byte() & 128);
  }

  name() {
    const length = this.u32();
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at)).toString();
  }

  list(read) {
    return Array.from({ length: this.u32() }, (_, n) => read(n));
  }
}

const u32 = (value) => {
  const out = [];
  do {
    out.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value > 0);
  return out;
};
const i32 = (value) => {
  const out = [];
  for (;;) {
    const byte = value & 127;
    value >>= 7;
    const last = (value === 0 && !(byte & 64)) || (value === -1 && byte & 64);
    out.push(last ? byte : byte | 128);
    if (last) return out;
  }
};
const text = (name) => [...u32(name.length), ...Buffer.from(name)];
const list = (items) => [u32(items.length), ...items];
const section = (id, parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([id, ...u32(body.length)]), body]);
};

/** The parts of a module that are of interest; it has no imports, as `cargo xtask test` checks. */
function parse(bytes) {
  const sections = new Map();
  const reader = new Reader(bytes, HEADER.length);
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const length = reader.u32();
    if (id !== 0) sections.set(id, bytes.subarray(reader.at, reader.at + length));
    reader.at += length;
  }
  if (sections.has(IMPORT) || sections.has(START)) throw new Error('core.wasm stands alone');
  const read = (id, item) => {
    const inner = new Reader(sections.get(id));
    return inner.list(() => item(inner));
  };
  const types = read(TYPE, (it) => {
    const from = it.at;
    if (it.byte() !== 0x60) throw new Error('a type that is no function');
    const params = it.list(() => it.byte());
    it.list(() => it.byte());
    return { params, bytes: it.bytes.subarray(from, it.at) };
  });
  const functions = read(FUNCTION, (it) => it.u32());
  const bodies = read(CODE, (it) => {
    const length = it.u32();
    it.at += length;
    return it.bytes.subarray(it.at - length, it.at);
  });
  const exports = read(EXPORT, (it) => ({ name: it.name(), kind: it.byte(), index: it.u32() }));
  const elements = read(ELEMENT, (it) => {
    const flags = it.u32();
    if (flags !== 0 || it.byte() !== 0x41) throw new Error('an element segment of a new kind');
    const offset = it.u32();
    if (it.byte() !== 0x0b) throw new Error('an offset that is no constant');
    return { offset, list: it.list(() => it.u32()) };
  });
  const globals = read(GLOBAL, (it) => {
    const from = it.at;
    const [type, mutable] = [it.byte(), it.byte()];
    while (it.byte() !== 0x0b);
    return { type, mutable, bytes: it.bytes.subarray(from, it.at) };
  });
  const table = read(TABLE, (it) => ({ type: it.byte(), flags: it.byte(), min: it.u32(), max: it.u32() }));
  if (table.length !== 1 || table[0].flags !== 1) throw new Error('one table of a fixed size');
  return { sections, types, functions, bodies, exports, elements, globals, table: table[0] };
}

/** Where a body's instructions begin: after its list of locals. */
function afterLocals(body) {
  const reader = new Reader(body);
  reader.list(() => [reader.u32(), reader.byte()]);
  return reader.at;
}

/** The places in a body that name a function: [from, to, function]. */
function calls(body) {
  const it = new Reader(body, afterLocals(body));
  const found = [];
  const name = () => {
    const from = it.at;
    const index = it.u32();
    found.push([from, it.at, index]);
  };
  while (it.at < body.length) instruction(it, name);
  return found;
}

/** Passes over one instruction. */
function instruction(it, name) {
  const op = it.byte();
  if (op === 0x10 || op === 0x12 || op === 0xd2) name();
  else if (op <= 0x04 && op >= 0x02) it.skip();
  else if (op === 0x0c || op === 0x0d || (op >= 0x20 && op <= 0x26)) it.u32();
  else if (op === 0x0e) {
    it.list(() => it.u32());
    it.u32();
  } else if (op === 0x11 || op === 0x13) {
    it.u32();
    it.u32();
  } else if (op === 0x1c) it.list(() => it.byte());
  else if (op >= 0x28 && op <= 0x3e) {
    it.u32();
    it.skip();
  } else if (op === 0x3f || op === 0x40 || op === 0xd0) it.byte();
  else if (op === 0x41 || op === 0x42) it.skip();
  else if (op === 0x43) it.at += 4;
  else if (op === 0x44) it.at += 8;
  else if (op === 0xfc) bulk(it);
  else if (op > 0xc4 && op !== 0xd1) throw new Error(`an instruction of a new kind: ${op}`);
}

function bulk(it) {
  const op = it.u32();
  if (op > 17) throw new Error(`an instruction of a new kind: 0xfc ${op}`);
  if (op === 8 || op === 10 || op === 12 || op === 14) it.u32();
  if (op >= 8) it.u32();
}

/** A body with other numbers for the functions it names, and with something before it. */
function rewritten(body, number, before = []) {
  const parts = [];
  const start = afterLocals(body);
  let at = 0;
  if (before.length > 0) {
    parts.push(body.subarray(0, start), before);
    at = start;
  }
  for (const [from, to, index] of calls(body)) {
    parts.push(body.subarray(at, from), u32(number(index)));
    at = to;
  }
  parts.push(body.subarray(at));
  return sized(parts);
}

function sized(parts) {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from(u32(body.length)), body]);
}

const copied = (core, id) => (core.sections.has(id) ? [section(id, [core.sections.get(id)])] : []);
const exported = ({ name, kind, index }) => [...text(name), kind, ...u32(index)];
const segment = (offset, members) => [
  0, 0x41, ...i32(offset), 0x0b, ...u32(members.length), ...members.flatMap(u32),
];

/** The module with a note at the entry of every function: import `later.load` hears it. */
function noting(core) {
  const type = core.types.length;
  const moved = (index) => index + 1;
  return Buffer.concat([
    Buffer.from(HEADER),
    section(TYPE, list([...core.types.map((it) => it.bytes), [0x60, 1, I32, 0]])),
    section(IMPORT, list([[...text('later'), ...text('load'), 0, ...u32(type)]])),
    ...[FUNCTION, TABLE, MEMORY, GLOBAL].flatMap((id) => copied(core, id)),
    section(EXPORT, list(core.exports.map((it) =>
      exported(it.kind === 0 ? { ...it, index: moved(it.index) } : it)))),
    section(ELEMENT, list(core.elements.map((it) => segment(it.offset, it.list.map(moved))))),
    ...copied(core, COUNT),
    section(CODE, list(core.bodies.map((body, n) =>
      rewritten(body, moved, [0x41, ...i32(n), 0x10, 0])))),
    ...copied(core, DATA),
  ]);
}

/** The functions that the commands enter. */
function entered(core, stream) {
  const seen = new Set();
  const load = (index) => seen.add(index);
  const module = new WebAssembly.Module(noting(core));
  const wasm = new WebAssembly.Instance(module, { later: { load } }).exports;
  let at = 0;
  while (at < stream.length) {
    const length = stream.readUInt32LE(at);
    const place = wasm.alloc(length);
    new Uint8Array(wasm.memory.buffer, place, length).set(stream.subarray(at + 4, at + 4 + length));
    const answer = BigInt.asUintN(64, wasm.call(place, length));
    wasm.free(Number(answer >> 32n), Number(answer & 0xffffffffn));
    at += 4 + length;
  }
  return seen;
}

/** Which function is where, and what the two halves must know of each other. */
function plan(core, stays) {
  const cold = (index) => !stays.has(index);
  const needed = new Set(); // cold, but named by the first module
  for (const index of stays) {
    for (const [, , callee] of calls(core.bodies[index])) if (cold(callee)) needed.add(callee);
  }
  const inTable = core.elements.flatMap((it) => it.list).filter(cold);
  for (const index of [...inTable, ...core.exports.filter((it) => it.kind === 0 && cold(it.index)).map((it) => it.index)]) {
    needed.add(index);
  }
  const hot = core.bodies.map((_, n) => n).filter((n) => stays.has(n));
  const standIns = [...needed].sort((a, b) => a - b);
  const away = core.bodies.map((_, n) => n).filter(cold);
  const lent = new Set(); // hot, but named by the second module
  for (const index of away) {
    for (const [, , callee] of calls(core.bodies[index])) if (!cold(callee)) lent.add(callee);
  }
  return { hot, standIns, away, lent: [...lent].sort((a, b) => a - b) };
}

/** What comes first. Functions: `later.load`, the hot ones, the stand-ins. */
function first(core, { hot, standIns, lent }) {
  const place = new Map([...hot, ...standIns].map((index, n) => [index, n + 1]));
  const moved = (index) => place.get(index);
  const nothing = core.types.length;
  const loaded = core.globals.length;
  const slots = core.table.min;
  const bodies = standIns.map((index, n) => {
    const type = core.functions[index];
    const params = core.types[type].params.flatMap((_, p) => [0x20, ...u32(p)]);
    // Load unless loaded; then the same arguments to the function's slot of the table.
    const ask = [0x23, ...u32(loaded), 0x45, 0x04, 0x40, 0x10, 0, 0x0b];
    return sized([[0], ask, params, [0x41, ...i32(slots + n), 0x11, ...u32(type), 0, 0x0b]]);
  });
  const shared = [
    { name: 't', kind: 1, index: 0 },
    ...core.globals.map((_, n) => ({ name: `g${n}`, kind: 3, index: n })),
    { name: 'loaded', kind: 3, index: loaded },
    ...lent.map((index, n) => ({ name: `f${n}`, kind: 0, index: moved(index) })),
  ];
  const own = core.exports
    .filter((it) => it.kind === 0 || it.kind === 2)
    .map((it) => (it.kind === 0 ? { ...it, index: moved(it.index) } : it));
  const types = [...core.types.map((it) => it.bytes), [0x60, 0, 0]];
  const functions = [...hot, ...standIns].map((index) => u32(core.functions[index]));
  const size = u32(slots + standIns.length);
  return Buffer.concat([
    Buffer.from(HEADER),
    section(TYPE, list(types)),
    section(IMPORT, list([[...text('later'), ...text('load'), 0, ...u32(nothing)]])),
    section(FUNCTION, list(functions)),
    section(TABLE, list([[FUNC_REF, 1, ...size, ...size]])),
    ...copied(core, MEMORY),
    section(GLOBAL, list([...core.globals.map((it) => it.bytes), [I32, 1, 0x41, 0, 0x0b]])),
    section(EXPORT, list([...own, ...shared].map(exported))),
    section(ELEMENT, list(core.elements.map((it) => segment(it.offset, it.list.map(moved))))),
    ...copied(core, COUNT),
    section(CODE, list([...hot.map((index) => rewritten(core.bodies[index], moved)), ...bodies])),
    ...copied(core, DATA),
  ]);
}

/** What comes later. Functions: those lent by the first module, then its own. */
function later(core, { standIns, away, lent }) {
  const place = new Map([...lent, ...away].map((index, n) => [index, n]));
  const moved = (index) => place.get(index);
  const size = u32(core.table.min + standIns.length);
  const from = (name, kind) => [...text('first'), ...text(name), ...kind];
  const imports = [
    from('memory', [2, 0, 0]),
    from('t', [1, FUNC_REF, 1, ...size, ...size]),
    ...core.globals.map((it, n) => from(`g${n}`, [3, it.type, it.mutable])),
    ...lent.map((index, n) => from(`f${n}`, [0, ...u32(core.functions[index])])),
  ];
  // The table's own places, where they are cold, and the slots behind the stand-ins.
  const cold = new Set(away);
  const runs = core.elements.flatMap((it) => it.list.flatMap((index, n) =>
    cold.has(index) ? [[it.offset + n, moved(index)]] : []));
  const segments = [segment(core.table.min, standIns.map(moved))];
  for (let n = 0; n < runs.length; ) {
    let end = n + 1;
    while (end < runs.length && runs[end][0] === runs[end - 1][0] + 1) end += 1;
    segments.push(segment(runs[n][0], runs.slice(n, end).map(([, index]) => index)));
    n = end;
  }
  return Buffer.concat([
    Buffer.from(HEADER),
    section(TYPE, [core.sections.get(TYPE)]),
    section(IMPORT, list(imports)),
    section(FUNCTION, list(away.map((index) => u32(core.functions[index])))),
    section(ELEMENT, list(segments)),
    section(CODE, list(away.map((index) => rewritten(core.bodies[index], moved)))),
  ]);
}

/** Both halves of a core, cut along what the commands of a stream enter. */
export function split(bytes, stream) {
  const core = parse(bytes);
  const stays = entered(core, stream);
  for (const { kind, index } of core.exports) if (kind === 0) stays.add(index);
  const halves = plan(core, stays);
  return { first: first(core, halves), later: later(core, halves) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , core, stream, folder] = process.argv;
  const halves = split(readFileSync(core), readFileSync(stream));
  writeFileSync(join(folder, 'first.wasm'), halves.first);
  writeFileSync(join(folder, 'later.wasm'), halves.later);
}
