// What the page promises besides its job: links, bad input, two tabs, narrow screens,
// keyboard and screen readers, and that nothing is loaded from anywhere else.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, open, serve } from "../harness.mjs";
import { clean, quorum, ready, screen, tool, type, written } from "../lab.mjs";

/** A card's name is a sentence that says all it shows, in another order; and the page is one region. */
const rules = { region: { enabled: false }, "label-content-name-mismatch": { enabled: false } };
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");
let server, chromium;
before(async () => {
  server = await serve();
});
after(() => server.close());
beforeEach(async () => {
  chromium = await browser();
});
afterEach(() => chromium.close());

test("a share link rebuilds the world in another browser", async () => {
  const { page } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put shared by-link");
  await screen(page, /put shared by-link\nOK\n/);
  await tool(page, "n2", "Kill");
  await quorum(page, /reachable 2/);
  await page.locator("#share").click();
  const link = await page.locator("#share-url").inputValue();
  assert.ok(link.startsWith(server.url), link);
  const other = await browser();
  const { page: copy, errors } = await open(other.context, link);
  await copy.locator('[data-host="n1"]').waitFor();
  const incoming = copy.locator("#open-incoming");
  if (await incoming.isVisible().catch(() => false)) await incoming.click();
  await quorum(copy, /reachable 2/);
  await screen(copy, /put shared by-link\nOK\n/);
  clean(errors);
  await other.close();
});

test("a damaged share link gets a sentence, and the saved lab stays", async () => {
  const { page } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put mine 1");
  await screen(page, /put mine 1\nOK\n/);
  await written(page);
  await page.close();
  const { page: again, errors } = await open(chromium.context, `${server.url}#run=UUxBQgEAAAAAAAAA`);
  await again.locator('[data-host="n1"]').waitFor();
  await again.waitForFunction(() => /link|recipe/i.test(document.querySelector(".notice, dialog[open]")?.innerText ?? ""));
  clean(errors);
});

test("the second tab only looks until it takes over", async () => {
  const { page: first } = await open(chromium.context, server.url);
  await ready(first);
  const { page: second, errors } = await open(chromium.context, server.url);
  await second.locator("#read-only").waitFor();
  await second.locator("#read-only button").click();
  await second.locator("#read-only").waitFor({ state: "detached" });
  await first.locator("#read-only").waitFor();
  clean(errors);
});

test("the page has no accessibility faults that a machine can find", async () => {
  const { page } = await open(chromium.context, server.url);
  await ready(page);
  for (const scheme of ["light", "dark"]) {
    // Without motion a colour is at once what it will be.
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.evaluate(axe);
    const found = await page.evaluate((rules) => window.axe.run(document, { rules }), rules);
    const faults = found.violations.map((it) => `${scheme}: ${it.id}: ${it.nodes.map((node) => node.target).join(" ")}`);
    assert.deepEqual(faults, []);
  }
});

test("a phone shows every area without scrolling sideways", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  for (const width of [360, 390, 768, 1024, 1440, 2200]) {
    await page.setViewportSize({ width, height: 844 });
    await page.locator('[data-host="n1"]').waitFor({ state: "attached" });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${over} pixels too wide at ${width}`);
  }
  clean(errors);
});

test("nothing is asked of any other host", async () => {
  const asked = [];
  chromium.context.on("request", (request) => asked.push(request.url()));
  const { page } = await open(chromium.context, server.url);
  await ready(page);
  const foreign = asked.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:") && !url.startsWith("blob:"));
  assert.deepEqual(foreign, []);
});
