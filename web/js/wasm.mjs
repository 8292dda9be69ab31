// Reading and writing WebAssembly modules, as far as cutting one in parts needs it.
//
// It is no optimiser and no general tool: what the linker does not write for this project is
// refused with a sentence.

export const [TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEMENT, CODE, DATA, COUNT] =
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
export const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
export const FUNC_REF = 0x70;
export const I32 = 0x7f;
export const [UNREACHABLE, BLOCK, LOOP, IF, ELSE, END, BR_IF, CALL, I32_CONST] =
  [0x00, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0d, 0x10, 0x41];

/** Reads bytes one number after the other. */
export class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get done() {
    return this.at >= this.bytes.length;
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

  i32() {
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = this.byte();
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    return shift < 32 && byte & 64 ? value | (-1 << shift) : value;
  }

  /** A number of any width whose value is of no interest. */
  skip() {
    while (this.byte() & 128);
  }

  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  name() {
    return Buffer.from(this.take(this.u32())).toString();
  }

  list(read) {
    return Array.from({ length: this.u32() }, (_, n) => read(n));
  }
}

export function u32(value) {
  const out = [];
  do {
    out.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value > 0);
  return out;
}

export function i32(value) {
  const out = [];
  for (;;) {
    const byte = value & 127;
    value >>= 7;
    const last = (value === 0 && !(byte & 64)) || (value === -1 && byte & 64);
    out.push(last ? byte : byte | 128);
    if (last) return out;
  }
}

export const text = (name) => [...u32(Buffer.byteLength(name)), ...Buffer.from(name)];
export const list = (items) => [u32(items.length), ...items];
export const section = (id, parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([id, ...u32(body.length)]), body]);
};
export const custom = (name, bytes) => section(0, [text(name), bytes]);
export const sized = (bytes) => Buffer.concat([Buffer.from(u32(bytes.length)), bytes]);
export const exported = ({ name, kind, index }) => [...text(name), kind, ...u32(index)];
export const elements = (offset, members) => [
  0, I32_CONST, ...i32(offset), END, ...u32(members.length), ...members.flatMap(u32),
];
export const active = (offset, bytes) =>
  Buffer.concat([Buffer.from([0, I32_CONST, ...i32(offset), END, ...u32(bytes.length)]), bytes]);

/** A module by its parts. Functions are counted with the imported ones first, as in wasm. */
export function parse(bytes) {
  const sections = new Map();
  const customs = new Map();
  const reader = new Reader(bytes, HEADER.length);
  while (!reader.done) {
    const id = reader.byte();
    const inner = new Reader(reader.take(reader.u32()));
    if (id === 0) customs.set(inner.name(), inner.bytes.subarray(inner.at));
    else sections.set(id, inner.bytes);
  }
  if (sections.has(START)) throw new Error('a start function is of no use here');
  const read = (id, item) => {
    const inner = new Reader(sections.get(id) ?? [0]);
    return inner.list(() => item(inner));
  };
  const raw = (it, skip) => {
    const from = it.at;
    const value = skip();
    return { ...value, bytes: it.bytes.subarray(from, it.at) };
  };
  const types = read(TYPE, (it) => raw(it, () => {
    if (it.byte() !== 0x60) throw new Error('a type that is no function');
    return { params: it.list(() => it.byte()), results: it.list(() => it.byte()) };
  }));
  const imports = read(IMPORT, (it) => {
    const [module, name, kind] = [it.name(), it.name(), it.byte()];
    if (kind !== 0) throw new Error(`an import that is no function: ${module}.${name}`);
    return { module, name, type: it.u32() };
  });
  const bodies = read(CODE, (it) => it.take(it.u32()));
  const exports = read(EXPORT, (it) => ({ name: it.name(), kind: it.byte(), index: it.u32() }));
  const globals = read(GLOBAL, (it) => raw(it, () => {
    const [type, mutable] = [it.byte(), it.byte()];
    while (it.byte() !== END);
    return { type, mutable };
  }));
  const tables = read(TABLE, (it) => {
    const [type, flags, min] = [it.byte(), it.byte(), it.u32()];
    return { type, flags, min, max: flags & 1 ? it.u32() : undefined };
  });
  const functions = [...imports.map((it) => it.type), ...read(FUNCTION, (it) => it.u32())];
  const filled = read(ELEMENT, segmentOfElements);
  const data = read(DATA, segmentOfData);
  return { sections, customs, types, imports, functions, bodies, exports, globals, tables, elements: filled, data };
}

function constant(it) {
  if (it.byte() !== I32_CONST) throw new Error('an offset that is no constant');
  const value = it.i32();
  if (it.byte() !== END) throw new Error('an offset that is no constant');
  return value;
}

function segmentOfElements(it) {
  const flags = it.u32();
  const table = flags === 2 ? it.u32() : 0;
  if (flags !== 0 && flags !== 2) throw new Error('an element segment of a new kind');
  const offset = constant(it);
  if (flags === 2 && it.byte() !== 0) throw new Error('elements that are no functions');
  return { table, offset, list: it.list(() => it.u32()) };
}

function segmentOfData(it) {
  if (it.u32() !== 0) throw new Error('a data segment of a new kind');
  return { offset: constant(it), bytes: it.take(it.u32()) };
}

/** What a table's places hold: place and function. */
export const places = (module, table = 0) =>
  module.elements.filter((it) => it.table === table).flatMap((it) => it.list.map((index, n) => [it.offset + n, index]));

/** Segments of elements for places in rising order. */
export function filled(pairs) {
  const segments = [];
  for (let n = 0; n < pairs.length; ) {
    let end = n + 1;
    while (end < pairs.length && pairs[end][0] === pairs[end - 1][0] + 1) end += 1;
    segments.push(elements(pairs[n][0], pairs.slice(n, end).map(([, index]) => index)));
    n = end;
  }
  return segments;
}

/**
 * The instructions of a body, as {op, from, to} with what they name: `call` a function, `type`
 * and `table` of an indirect call, `wide` the numbers the linker leaves room around.
 */
export function decode(body) {
  const it = new Reader(body);
  it.list(() => [it.u32(), it.byte()]);
  const start = it.at;
  const code = [];
  while (!it.done) {
    const from = it.at;
    const op = it.byte();
    const found = operands(it, op);
    code.push({ op, from, to: it.at, ...found });
  }
  return { locals: body.subarray(0, start), code };
}

function operands(it, op) {
  if (op === CALL || op === 0x12 || op === 0xd2) return { call: it.u32() };
  if (op === 0x11 || op === 0x13) return { wide: [it.u32(), it.u32()] };
  if (op === 0x0c || op === BR_IF || (op >= 0x20 && op <= 0x26)) return { wide: [it.u32()] };
  if (op >= 0x28 && op <= 0x3e) return { wide: [it.u32(), it.u32()] };
  if (op === I32_CONST) return { number: it.i32() };
  if (op >= BLOCK && op <= IF) it.skip();
  else if (op === 0x0e) {
    it.list(() => it.u32());
    it.u32();
  } else if (op === 0x1c) it.list(() => it.byte());
  else if (op === 0x3f || op === 0x40 || op === 0xd0) it.byte();
  else if (op === 0x42) it.skip();
  else if (op === 0x43) it.at += 4;
  else if (op === 0x44) it.at += 8;
  else if (op === 0xfc) bulk(it);
  else if (op > 0xc4 && op !== 0xd1) throw new Error(`an instruction of a new kind: ${op}`);
  return {};
}

function bulk(it) {
  const op = it.u32();
  if (op > 17) throw new Error(`an instruction of a new kind: 0xfc ${op}`);
  if (op === 8 || op === 10 || op === 12 || op === 14) it.u32();
  if (op >= 8) it.u32();
}

/** Appends one instruction, each number as short as it goes. */
export function encode(out, body, ins, moved) {
  if (ins.call !== undefined) out.push(ins.op, ...u32(moved(ins.call)));
  else if (ins.wide) out.push(ins.op, ...ins.wide.flatMap(u32));
  else if (ins.number !== undefined) out.push(ins.op, ...i32(ins.number));
  else for (let n = ins.from; n < ins.to; n += 1) out.push(body[n]);
}

/** A whole body with other numbers for the functions it names. */
export function rewritten(body, moved) {
  const { locals, code } = decode(body);
  const out = [...locals];
  for (const ins of code) encode(out, body, ins, moved);
  return sized(Buffer.from(out));
}
