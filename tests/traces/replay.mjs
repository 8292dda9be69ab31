// Replays recorded command streams in core.wasm: every answer must be equal, byte by byte,
// to what the native session answered. A stream is a list of (u32 length, bytes), commands
// and answers in turn; `src/bin/traces.rs` writes it. The core is taken whole, and then in the
// two halves the page loads, cut along the commands of `first.stream`.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { Core } from "../../web/js/core.js";
import { split } from "../../web/js/split.mjs";

const [, , file, folder, first] = process.argv;
const whole = readFileSync(file);
const compiled = (bytes) => new WebAssembly.Module(bytes);
const ways = [["whole", { first: compiled(whole) }]];
if (first) {
  const halves = split(whole, readFileSync(first));
  const later = compiled(halves.later);
  ways.push(["in halves", { first: compiled(halves.first), later: () => later }]);
}

let failed = 0;
const streams = readdirSync(folder).filter((name) => name.endsWith(".stream"));
for (const [way, halves] of ways) for (const name of streams) replay(way, halves, name);

function replay(way, halves, name) {
  const data = readFileSync(join(folder, name));
  const core = new Core(halves);
  let [at, count, equal] = [0, 0, true];
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
