// What every browser test needs: the built page served under a sub-path of a local port,
// and a Chromium with an empty profile.
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const DIST = process.env.DIST ?? new URL("../../dist", import.meta.url).pathname;
/** dist/ must work under any path of any host, so it is never served from the root. */
export const BASE = "/some/where/lab/";

export const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/json",
  ".woff2": "font/woff2",
  ".png": "image/png",
};

/** Serves dist/ on a free port of the loopback interface. */
export async function serve() {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const name = path === BASE ? "index.html" : normalize(path.slice(BASE.length));
    const file = join(DIST, name);
    if (!path.startsWith(BASE) || name.startsWith("..") || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end("not found\n");
      return;
    }
    response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}${BASE}`;
  return { url, close: () => new Promise((resolve) => server.close(resolve)) };
}

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser context with a profile of its own, so that what a page saves is kept between reloads. */
export async function browser(options = {}) {
  const profile = mkdtempSync(join(tmpdir(), "quorum-lab-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: FLAGS,
    viewport: { width: 1440, height: 900 },
    ...options,
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, close };
}

/** Opens a page that fails the test on an uncaught error. */
export async function open(context, url) {
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(url);
  return { page, errors };
}
