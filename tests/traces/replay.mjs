// Replays recorded command streams in core.wasm: every answer must be equal, byte by byte,
// to what the native session answered. A stream is a list of (u32 length, bytes), commands
// and answers in turn; `src/bin/traces.rs` writes it. The core is taken whole, and then as the
// page takes it: a world begins in what the commands of `first.stream` need, and the whole takes
// over where that ends, or after some calls.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { Core } from "../../web/js/core.js";
import { sift } from "../../web/js/first.mjs";

const [, , file, folder, first] = process.argv;
/** The whole takes over after so many calls, if it was not needed sooner. */
const ENOUGH_CALLS = 40;

const parts = sift(readFileSync(file), readFileSync(first));
const beginning = new WebAssembly.Module(parts.first);
const all = new WebAssembly.Module(parts.whole);
const whole = () => all;
const ways = [
  ["whole", () => ({ whole })],
  ["as needed", () => ({ first: beginning, whole })],
  ["in turn", (calls) => ({ first: beginning, whole, get ready() { return calls() > ENOUGH_CALLS ? all : null; } })],
];

let failed = 0;
const streams = readdirSync(folder).filter((name) => name.endsWith(".stream"));
for (const [way, made] of ways) for (const name of streams) replay(way, made, name);

function replay(way, made, name) {
  const data = readFileSync(join(folder, name));
  let [at, count, equal] = [0, 0, true];
  const core = new Core(made(() => count));
  const next = () => {
    const length = data.readUInt32LE(at);
    at += 4 + length;
    return data.subarray(at - length, at);
  };
  while (at < data.length && equal) {
    const command = next();
    const expected = next();
    equal = Buffer.compare(Buffer.from(core.call(command)), expected) === 0;
    count += 1;
  }
  console.log(`${equal ? "ok  " : "FAIL"} ${name}, ${way}: ${count} answers`);
  if (!equal) failed += 1;
}
console.log(`${streams.length * ways.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 && streams.length > 0 ? 0 : 1);
