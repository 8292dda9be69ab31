// How long a first visit takes to a living cluster with a prompt, over a line of some megabits:
//
//   node arrive.mjs [MEGABITS] [ROUNDS]
//
// The files are compressed with brotli as a static host does, and all connections share the line.
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

import { BASE, TYPES, browser } from "./harness.mjs";
import { ready } from "./lab.mjs";

const [megabits, rounds] = [Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 3)];
const LATENCY_MS = 40;
const PIECE_BYTES = 4096;
const dist = process.env.DIST ?? new URL("../../dist", import.meta.url).pathname;

/** The highest takes minutes and saves a twentieth. */
const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
const files = new Map(
  readdirSync(dist).map((name) => [name, brotliCompressSync(readFileSync(join(dist, name)), { params })]),
);
let free_ms = 0; // when the line has carried all it was given
let carried = 0;

/** Sends pieces in turn with those of other files, as fast as the line is. */
async function send(response, bytes) {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    free_ms = Math.max(free_ms, performance.now()) + (piece.length * 8) / (megabits * 1000);
    carried += piece.length;
    await new Promise((resolve) => setTimeout(resolve, free_ms - performance.now()));
    response.write(piece);
  }
  response.end();
}

const server = createServer((request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  const name = path === BASE ? "index.html" : path.slice(BASE.length);
  const bytes = files.get(name);
  if (!bytes) return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream", "Content-Encoding": "br" });
  setTimeout(send, LATENCY_MS, response, bytes);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
for (let round = 0; round < rounds; round += 1) {
  const { context, close } = await browser({ serviceWorkers: "block" });
  const page = await context.newPage();
  [free_ms, carried] = [0, 0];
  const began = performance.now();
  await page.goto(`http://127.0.0.1:${server.address().port}${BASE}`, { waitUntil: "commit" });
  await page.locator('[data-host="n1"]').waitFor();
  const [cluster_ms, cluster_kib] = [performance.now() - began, carried / 1024];
  await ready(page);
  const prompt_ms = performance.now() - began;
  console.log(JSON.stringify({ cluster_ms, cluster_kib, prompt_ms, prompt_kib: carried / 1024 }, (_, it) => (typeof it === "number" ? Math.round(it) : it)));
  await close();
}
process.exit(0);
