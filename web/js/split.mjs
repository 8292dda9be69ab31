// Cuts the page's module in two: what a first visit enters, and the rest.
//
//   node split.mjs web_bg.wasm FOLDER   writes FOLDER/first.wasm and FOLDER/later.wasm
//
// `later.txt` names the functions that go into the second module; `cargo xtask later` notes them
// from a visit in a browser. A function it does not name stays, so a list that is old costs
// bytes and never a wait. Where the first module may call one that went, a short stand-in is
// left, which has the second module loaded (import `later.load`) and calls on. Both share
// memory, tables and globals. The JavaScript around the module needs no change.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CALL, CODE, COUNT, DATA, ELEMENT, END, EXPORT, FUNCTION, FUNC_REF, GLOBAL, HEADER, I32, I32_CONST, IF, IMPORT,
  MEMORY, Reader, TABLE, TYPE, decode, elements, exported, filled, i32, list, parse, places, rewritten, section,
  sized, text, u32,
} from './wasm.mjs';

const [GLOBAL_GET, LOCAL_GET, EQZ, CALL_INDIRECT, NOTHING] = [0x23, 0x20, 0x45, 0x11, 0x40];
const EXTERN_REF = 0x6f;
/** A stand-in is about this long, so that shorter functions stay. */
const BYTES_MIN = 48;

/** The names of functions, without what differs from one compiler to another. */
export function functionNames(page) {
  const names = new Map();
  const it = new Reader(page.customs.get('name') ?? []);
  while (!it.done) {
    const kind = it.byte();
    const inner = new Reader(it.take(it.u32()));
    if (kind === 1) inner.list(() => names.set(inner.u32(), plain(inner.name())));
  }
  return names;
}

const plain = (name) =>
  name.replace(/\.\d+$/, '').replace(/::h[0-9a-f]{16}$/, '').replace(/\[[0-9a-f]{16}\]/g, '').replace(/\[\d+\]$/, '');

/** Whether a list names a function: by its whole name, or by the module or type it is in. */
export function listed(lines) {
  const whole = new Set(lines);
  const parts = lines.filter((line) => line.endsWith('*')).map((line) => line.slice(0, -1));
  return (name) => whole.has(name) || parts.some((part) => name.startsWith(part));
}

/** Which function is where, and what the two halves must know of each other. */
function plan(page, isLater) {
  const imported = page.imports.length;
  const names = functionNames(page);
  const body = (index) => page.bodies[index - imported];
  const all = page.bodies.map((_, n) => imported + n);
  const away = all.filter((index) => body(index).length >= BYTES_MIN && isLater(names.get(index) ?? ''));
  const cold = new Set(away);
  const hot = all.filter((index) => !cold.has(index));
  const named = (group, wanted) => new Set(group.flatMap((index) =>
    decode(body(index)).code.flatMap(({ call }) => (call !== undefined && wanted(call) ? [call] : []))));
  const needed = named(hot, (index) => cold.has(index));
  for (const [, index] of places(page)) if (cold.has(index)) needed.add(index);
  for (const { kind, index } of page.exports) if (kind === 0 && cold.has(index)) needed.add(index);
  const lent = named(away, (index) => !cold.has(index));
  const sorted = (set) => [...set].sort((a, b) => a - b);
  return { hot, away, standIns: sorted(needed), lent: sorted(lent), body };
}

const copied = (page, id) => (page.sections.has(id) ? [section(id, [page.sections.get(id)])] : []);

/** What comes first. Functions: those imported, `later.load`, the hot ones, the stand-ins. */
function first(page, { hot, standIns, lent, body }) {
  const load = page.imports.length;
  const place = new Map([...hot, ...standIns].map((index, n) => [index, load + 1 + n]));
  const moved = (index) => place.get(index) ?? index;
  const nothing = page.types.length;
  const loaded = page.globals.length;
  const slots = page.tables[0].min;
  const bodies = standIns.map((index, n) => {
    const type = page.functions[index];
    const params = page.types[type].params.flatMap((_, p) => [LOCAL_GET, ...u32(p)]);
    // Load unless loaded; then the same arguments to the function's slot of the table.
    const ask = [GLOBAL_GET, ...u32(loaded), EQZ, IF, NOTHING, CALL, ...u32(load), END];
    const go = [I32_CONST, ...i32(slots + n), CALL_INDIRECT, ...u32(type), 0, END];
    return sized(Buffer.from([0, ...ask, ...params, ...go]));
  });
  const shared = [
    ...page.tables.map((_, n) => ({ name: `t${n}`, kind: 1, index: n })),
    { name: 'm', kind: 2, index: 0 },
    ...page.globals.map((_, n) => ({ name: `g${n}`, kind: 3, index: n })),
    { name: 'loaded', kind: 3, index: loaded },
    ...lent.map((index, n) => ({ name: `f${n}`, kind: 0, index: moved(index) })),
  ];
  const own = page.exports.map((it) => (it.kind === 0 ? { ...it, index: moved(it.index) } : it));
  const imports = page.imports.map((it) => [...text(it.module), ...text(it.name), 0, ...u32(it.type)]);
  const tables = page.tables.map((it, n) => tableOf(n === 0 ? { ...it, min: slots + standIns.length } : it));
  return Buffer.concat([
    Buffer.from(HEADER),
    section(TYPE, list([...page.types.map((it) => it.bytes), [0x60, 0, 0]])),
    section(IMPORT, list([...imports, [...text('later'), ...text('load'), 0, ...u32(nothing)]])),
    section(FUNCTION, list([...hot, ...standIns].map((index) => u32(page.functions[index])))),
    section(TABLE, list(tables)),
    ...copied(page, MEMORY),
    section(GLOBAL, list([...page.globals.map((it) => it.bytes), [I32, 1, I32_CONST, 0, END]])),
    section(EXPORT, list([...own, ...shared].map(exported))),
    section(ELEMENT, list(filled(places(page).map(([at, index]) => [at, moved(index)])))),
    ...copied(page, COUNT),
    section(CODE, list([...hot.map((index) => rewritten(body(index), moved)), ...bodies])),
    ...copied(page, DATA),
  ]);
}

/** A table's entry; one of a fixed size keeps one. */
function tableOf({ type, flags, min }) {
  return flags & 1 ? [type, 1, ...u32(min), ...u32(min)] : [type, 0, ...u32(min)];
}

/** What comes later. Functions: those lent by the first module, then its own. */
function later(page, { standIns, away, lent, body }) {
  const place = new Map([...lent, ...away].map((index, n) => [index, n]));
  const moved = (index) => place.get(index);
  const from = (name, kind) => [...text('first'), ...text(name), ...kind];
  const imports = [
    from('m', [2, 0, 0]),
    ...page.tables.map((it, n) => from(`t${n}`, [1, it.type, 0, 0])),
    ...page.globals.map((it, n) => from(`g${n}`, [3, it.type, it.mutable])),
    ...lent.map((index, n) => from(`f${n}`, [0, ...u32(page.functions[index])])),
  ];
  // The table's own places, where they are cold, and the slots behind the stand-ins.
  const cold = new Set(away);
  const own = places(page).filter(([, index]) => cold.has(index)).map(([at, index]) => [at, moved(index)]);
  const slots = page.tables[0].min;
  return Buffer.concat([
    Buffer.from(HEADER),
    ...copied(page, TYPE),
    section(IMPORT, list(imports)),
    section(FUNCTION, list(away.map((index) => u32(page.functions[index])))),
    section(ELEMENT, list([elements(slots, standIns.map(moved)), ...filled(own)])),
    section(CODE, list(away.map((index) => rewritten(body(index), moved)))),
  ]);
}

/** Both halves of a page, cut along what a list names. */
export function split(bytes, lines) {
  const page = parse(bytes);
  const kinds = page.tables.map((it) => it.type);
  if (kinds[0] !== FUNC_REF || kinds.slice(1).some((it) => it !== EXTERN_REF) || page.tables[0].flags !== 1) {
    throw new Error('the first table holds functions and has a fixed size, others hold what is JavaScript\'s');
  }
  const halves = plan(page, listed(lines));
  return { first: first(page, halves), later: later(page, halves) };
}

/** The list that belongs to this source. */
export function laterNames() {
  const file = join(dirname(fileURLToPath(import.meta.url)), 'later.txt');
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , page, folder] = process.argv;
  const halves = split(readFileSync(page), laterNames());
  writeFileSync(join(folder, 'first.wasm'), halves.first);
  writeFileSync(join(folder, 'later.wasm'), halves.later);
}
