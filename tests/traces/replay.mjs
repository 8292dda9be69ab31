// Replays recorded command streams in core.wasm: every answer must be equal, byte by byte,
// to what the native session answered. A stream is a list of (u32 length, bytes), commands
// and answers in turn; `src/bin/traces.rs` writes it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const [, , core, folder] = process.argv;
const module = new WebAssembly.Module(readFileSync(core));

/** Runs one command's bytes; answers with a copy of the bytes that came back. */
function call(wasm, bytes) {
  const place = wasm.alloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, place, bytes.length).set(bytes);
  const packed = BigInt.asUintN(64, wasm.call(place, bytes.length));
  const [at, length] = [Number(packed >> 32n), Number(packed & 0xffffffffn)];
  const answer = new Uint8Array(wasm.memory.buffer, at, length).slice();
  wasm.free(at, length);
  return answer;
}

let failed = 0;
const streams = readdirSync(folder).filter((name) => name.endsWith(".stream"));
for (const name of streams) {
  const data = readFileSync(join(folder, name));
  const wasm = new WebAssembly.Instance(module, {}).exports;
  let [at, count, equal] = [0, 0, true];
  const next = () => {
    const length = data.readUInt32LE(at);
    at += 4 + length;
    return data.subarray(at - length, at);
  };
  while (at < data.length && equal) {
    const command = next();
    const expected = next();
    equal = Buffer.compare(Buffer.from(call(wasm, command)), expected) === 0;
    count += 1;
  }
  console.log(`${equal ? "ok  " : "FAIL"} ${name}: ${count} answers`);
  if (!equal) failed += 1;
}
console.log(`${streams.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 && streams.length > 0 ? 0 : 1);
