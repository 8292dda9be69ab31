// Weighs the first screen: every file of dist/ that is loaded before the page can be used,
// compressed with brotli as a static host does.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const [, , dist, limit] = process.argv;
/** Loaded after the first screen or when asked for: not part of it. */
const LATER = [
  /\.map$/, /^sw.*\.js$/, /icon-\d+\.png$/, /shot.*\.png$/, /^core-k8s-/, /^core-[0-9a-f]+\.wasm$/,
  /_later\.wasm$/, /^editor-/,
];

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

let total = 0;
for (const path of files(dist)) {
  const name = relative(dist, path);
  const plain = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
  const packed = brotliCompressSync(plain, { params }).length;
  const later = LATER.some((pattern) => pattern.test(name));
  if (!later) total += packed;
  console.log(`${(packed / 1024).toFixed(1).padStart(8)} KiB  ${name}${later ? "  (later)" : ""}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(8)} KiB  first screen, of ${limit} KiB`);
process.exit(total <= Number(limit) * 1024 ? 0 : 1);
