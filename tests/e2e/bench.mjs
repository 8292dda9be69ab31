// All figures: the workloads of `tests/src/workload.rs` natively, in core.wasm under Node, and
// in core.wasm in Chromium; then what criterion measured natively, under the names of etcd's own
// benchmarks where it has the same; with --dist the page's frames too (frames.mjs); with --json also as
// a file.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";

const flags = Object.fromEntries(
  process.argv.slice(2).join(" ").split("--").filter(Boolean).map((flag) => flag.trim().split(" ")),
);
const root = new URL("../..", import.meta.url).pathname;
const folder = join(root, "target/bench");
const cargo = ["run", "--quiet", "--release", "-p", "tests", "--bin", "speed", "--", folder];
const rows = JSON.parse(execFileSync("cargo", cargo, { cwd: root, maxBuffer: 1 << 26 }));
const core = readFileSync(flags.core);

/**
 * Runs a stream in core.wasm: the best of three in seconds, and the memory it took in megabytes.
 * Also runs inside the browser.
 */
async function measure(coreBytes, streamBytes) {
  const { instance } = await WebAssembly.instantiate(coreBytes, {});
  let [best, memory] = [Infinity, 0];
  for (let round = 0; round < 3; round += 1) {
    const wasm = round === 0 ? instance.exports : (await WebAssembly.instantiate(coreBytes, {})).instance.exports;
    const view = new DataView(streamBytes.buffer, streamBytes.byteOffset, streamBytes.byteLength);
    let at = 0;
    const next = () => {
      const length = view.getUint32(at, true);
      at += 4 + length;
      return streamBytes.subarray(at - length, at);
    };
    const call = (bytes) => {
      const place = wasm.alloc(bytes.length);
      new Uint8Array(wasm.memory.buffer, place, bytes.length).set(bytes);
      const packed = BigInt.asUintN(64, wasm.call(place, bytes.length));
      wasm.free(Number(packed >> 32n), Number(packed & 0xffffffffn));
    };
    const part = () => {
      const count = next();
      const commands = new DataView(count.buffer, count.byteOffset, 4).getUint32(0, true);
      for (let n = 0; n < commands; n += 1) call(next());
    };
    part();
    const start = performance.now();
    part();
    best = Math.min(best, (performance.now() - start) / 1000);
    memory = wasm.memory.buffer.byteLength / 1e6;
  }
  return [best, memory];
}

for (const row of rows) {
  const stream = readFileSync(join(folder, row.stream));
  [row.node_s, row.memory_mb] = await measure(core, new Uint8Array(stream));
}
if (process.env.CHROMIUM) {
  const { browser } = await import("./harness.mjs");
  const { context, close } = await browser();
  const page = await context.newPage();
  for (const row of rows) {
    const stream = readFileSync(join(folder, row.stream)).toString("base64");
    const args = [measure.toString(), core.toString("base64"), stream];
    [row.chromium_s] = await page.evaluate(inBrowser, args);
  }
  await close();
}

/** On a blank page: nothing else runs there. */
function inBrowser([source, coreText, streamText]) {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const run = (0, eval)(`(${source})`);
  return run(bytes(coreText), bytes(streamText));
}

const figure = (row, seconds) => (seconds ? Math.round(row.amount / seconds).toLocaleString("en") : "-");
const megabytes = (value) => (value ? value.toFixed(0) : "-");
print(["workload", "unit", "native", "node", "chromium", "goal (page)", "MB", "goal"], 2, rows.map((row) => [
  row.name,
  row.unit,
  figure(row, row.native_s),
  figure(row, row.node_s),
  figure(row, row.chromium_s),
  row.goal ? row.goal.toLocaleString("en") : "-",
  megabytes(row.memory_mb),
  megabytes(row.memory_goal_mb),
]));

/** What the goals of the store are, in nanoseconds. */
const GOALS = {
  "WatchableStorePut, 256 B, 10 watchers": 3_000,
  StoreRangeKey100: 50_000,
  "StoreRestore/Revs1": 150_000_000,
};
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const store = existsSync(join(target, "criterion")) ? estimates(join(target, "criterion")) : [];
const micros = (ns) => (ns ? (ns / 1000).toLocaleString("en", { maximumFractionDigits: 2 }) : "-");
print(["benchmark (native)", "us", "goal"], 1, store.map((row) => [row.name, micros(row.ns), micros(row.goal_ns)]));

/** What criterion last wrote: name and nanoseconds of every benchmark but the workloads. */
function estimates(folder) {
  const own = new Set(rows.map((row) => row.name));
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith(join("new", "benchmark.json")))
    .map((file) => {
      const { group_id, full_id } = JSON.parse(readFileSync(join(folder, file)));
      const found = JSON.parse(readFileSync(join(folder, dirname(file), "estimates.json")));
      const ns = (found.slope ?? found.mean).point_estimate;
      return { name: full_id, ns, goal_ns: GOALS[full_id], workload: own.has(group_id) };
    })
    .filter((row) => !row.workload)
    .map(({ name, ns, goal_ns }) => ({ name, ns, goal_ns }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Prints columns; the first ones are words, the others figures. */
function print(heads, words, lines) {
  const all = [heads, ...lines];
  const widths = heads.map((_, column) => Math.max(...all.map((line) => line[column].length)));
  const pad = (cell, n) => (n < words ? cell.padEnd(widths[n]) : cell.padStart(widths[n]));
  for (const line of all) console.log(line.map(pad).join("  ").trimEnd());
  console.log();
}

let page;
if (flags.dist && process.env.CHROMIUM) {
  process.env.DIST = flags.dist;
  const { frames } = await import("./frames.mjs");
  page = await frames();
  const ms = (value) => `${value.toFixed(1)} ms`;
  console.log(
    `page at nine members: ${Math.round(page.fps)} frames a second (goal 60), script in a frame ` +
      `${ms(page.script_p50_ms)} at the median, ${ms(page.script_p99_ms)} at the 99th percentile (goal 8 ms)`,
  );
}
if (flags.json) {
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version };
  writeFileSync(flags.json, `${JSON.stringify({ machine, rows, store, page }, null, 2)}\n`);
}
