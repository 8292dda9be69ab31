// Notes which functions of the page a first visit does not enter: web/js/later.txt, by which the
// page's module is cut in two (web/js/split.mjs). It wants a page that was just built.
//
//   cargo xtask later
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { functionNames } from "../../web/js/split.mjs";
import {
  CALL, CODE, COUNT, DATA, ELEMENT, EXPORT, FUNCTION, GLOBAL, HEADER, I32, I32_CONST, IMPORT, MEMORY, TABLE, TYPE,
  decode, encode, exported, filled, i32, list, parse, places, section, sized, text, u32,
} from "../../web/js/wasm.mjs";

const root = new URL("../..", import.meta.url).pathname;
/** How long the page is left to itself after its prompt stands. */
const REST_MS = 3000;
/** Shorter functions stay: what stands in for one would be as long. */
const BYTES_MIN = 48;
/** Of these crates a module is listed as a whole where nothing in it was entered. */
const OURS = /^(web|lab)::/;

const page = parse(readFileSync(join(root, "web/dist/page.wasm")));
const folder = mkdtempSync(join(tmpdir(), "quorum-later-"));
cpSync(process.env.DIST ?? join(root, "dist"), folder, { recursive: true });
const wasm = readdirSync(folder).find((name) => /^web-[0-9a-f]+_bg\.wasm$/.test(name));
writeFileSync(join(folder, wasm), noting());
process.env.DIST = folder;
const entered = await visit();
rmSync(folder, { recursive: true });

const imported = page.imports.length;
const names = functionNames(page);
const [hot, cold] = [new Set(), new Set()];
page.bodies.forEach((body, n) => {
  const name = names.get(imported + n) ?? "";
  if (entered.has(n)) hot.add(name);
  else if (body.length >= BYTES_MIN) cold.add(name);
});
const lines = [...new Set([...cold].filter((name) => !hot.has(name)).map(short))].sort();
const head = "# Functions that a first visit does not enter. Written by `cargo xtask later`.\n";
writeFileSync(join(root, "web/js/later.txt"), `${head}${lines.join("\n")}\n`);
console.log(`${entered.size} functions are entered; ${lines.length} lines name what is not`);
process.exit(0);

/** The outermost module of ours that was not entered at all stands for what is in it. */
function short(name) {
  if (!OURS.test(name)) return name;
  const parts = name.split("::");
  for (let n = 2; n < parts.length && /^\w+$/.test(parts[n - 1]); n += 1) {
    const module = `${parts.slice(0, n).join("::")}::`;
    if (![...hot].some((it) => it.includes(module))) return `${module}*`;
  }
  return name;
}

/** The page's module with a note at the entry of every function: import `note.at` hears it. */
function noting() {
  const note = page.imports.length;
  const moved = (index) => (index < note ? index : index + 1);
  const copied = (id) => (page.sections.has(id) ? [section(id, [page.sections.get(id)])] : []);
  const imports = page.imports.map((it) => [...text(it.module), ...text(it.name), 0, ...u32(it.type)]);
  const body = (bytes, n) => {
    const { locals, code } = decode(bytes);
    const out = [...locals, I32_CONST, ...i32(n), CALL, ...u32(note)];
    for (const ins of code) encode(out, bytes, ins, moved);
    return sized(Buffer.from(out));
  };
  return Buffer.concat([
    Buffer.from(HEADER),
    section(TYPE, list([...page.types.map((it) => it.bytes), [0x60, 1, I32, 0]])),
    section(IMPORT, list([...imports, [...text("note"), ...text("at"), 0, ...u32(page.types.length)]])),
    ...[FUNCTION, TABLE, MEMORY, GLOBAL].flatMap(copied),
    section(EXPORT, list(page.exports.map((it) => exported(it.kind === 0 ? { ...it, index: moved(it.index) } : it)))),
    section(ELEMENT, list(filled(places(page).map(([at, index]) => [at, moved(index)])))),
    ...copied(COUNT),
    section(CODE, list(page.bodies.map(body))),
    ...copied(DATA),
  ]);
}

/** The functions that a first visit enters. */
async function visit() {
  const { browser, open, serve } = await import("./harness.mjs");
  const { ready } = await import("./lab.mjs");
  const server = await serve();
  const { context, close } = await browser({ serviceWorkers: "block" });
  await context.addInitScript(() => {
    globalThis.entered = new Set();
    const plain = WebAssembly.instantiate;
    const at = (n) => globalThis.entered.add(n);
    WebAssembly.instantiate = (module, imports) => plain(module, { ...imports, note: { at } });
  });
  const { page: tab, errors } = await open(context, server.url);
  await ready(tab);
  await tab.waitForTimeout(REST_MS);
  const numbers = await tab.evaluate(() => [...globalThis.entered]);
  await close();
  await server.close();
  if (errors.length > 0) throw errors[0];
  return new Set(numbers);
}
