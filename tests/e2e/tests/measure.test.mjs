// The screens Quorum and Compare: what is measured there is shown, step by step, with the
// pointer and with keys alone, and the learner's lab stays as it was.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, open, serve } from "../harness.mjs";
import { clean, ready, screen, type } from "../lab.mjs";

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

const cluster = (page, members) => page.locator(`.trial[data-members="${members}"]`);
const sheet = (page, kind) => page.locator(`[data-sheet="${kind}"]`);
const all = (page) => page.locator('.trial[data-members="9"]').waitFor();

/** The texts of a table's cells, once it is measured to its end. */
async function measured(page, kind) {
  await page.locator(`[data-sheet="${kind}"][data-done="true"]`).waitFor();
  return sheet(page, kind)
    .locator("tbody tr")
    .evaluateAll((rows) => rows.map((row) => Array.from(row.cells, (cell) => cell.innerText.trim())));
}

test("predict, kill one by one, and see who was right", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/quorum`);
  await all(page);
  assert.ok(await page.locator("#end-one").isDisabled(), "nothing is predicted yet");
  const [four, five] = [cluster(page, 4), cluster(page, 5)];
  assert.ok(await four.locator(".dot").first().isDisabled(), "predict first");
  await four.getByRole("combobox").selectOption("2");
  await five.getByRole("combobox").selectOption("2");
  for (let dead = 1; dead <= 3; dead++) {
    await page.locator("#end-one").click();
    await page.waitForFunction((dead) => document.querySelectorAll('.trial[data-members="5"] .dead').length === dead, dead);
  }
  await five.getByText("right").waitFor();
  await four.getByText("not 2").waitFor();
  assert.match(await five.locator(".found").innerText(), /may lose 2, so 3 must live: ⌊5\/2⌋ \+ 1 = 3/);
  assert.match(await four.locator(".found").innerText(), /may lose 1, so 3 must live: ⌊4\/2⌋ \+ 1 = 3/);
  assert.match(await five.locator(".wrote").innerText(), /deadline exceeded/);
  assert.equal(await cluster(page, 3).locator(".dead").count(), 0, "who predicted nothing loses nobody");
  await page.locator("#fresh").click();
  await five.locator(".wrote.good").waitFor();
  clean(errors);
});

test("a member is killed and started by keys alone, and it is said aloud", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/quorum`);
  await all(page);
  const three = cluster(page, 3);
  await three.getByRole("combobox").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await three.locator(".dot").first().focus();
  await page.keyboard.press("Enter");
  await three.locator(".dead").waitFor();
  await page.waitForFunction(() => /3 members, 1 dead: a write took/.test(document.querySelector("#aloud").textContent));
  await page.keyboard.press("Enter");
  await three.locator(".dead").waitFor({ state: "detached" });
  clean(errors);
});

test("the tables of quorum are measured, stopped, and measured again", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/quorum`);
  await all(page);
  await sheet(page, "Kills").getByRole("button", { name: "Measure" }).click();
  const kills = await measured(page, "Kills");
  assert.deepEqual(kills.map((row) => row[2]), ["1", "2", "2", "3", "3", "4", "4", "5", "5"], "measured");
  assert.deepEqual(kills.slice(1).map((row) => row[4] === "nothing"), [true, false, true, false, true, false, true, false]);
  await sheet(page, "Latency").getByRole("button", { name: "Measure" }).click();
  const latency = await measured(page, "Latency");
  assert.ok(latency.every((row) => / ms$/.test(row[1])), JSON.stringify(latency));
  await page.locator(".picks").getByRole("button", { name: "5", exact: true }).click();
  const zones = await measured(page, "Zones");
  assert.deepEqual(zones.map((row) => row.at(-1)), ["no", "no", "no", "yes", "yes"]);
  clean(errors);
});

test("a measurement can be stopped, and begun anew", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/compare`);
  const window = sheet(page, "Window");
  await window.getByRole("button", { name: "Stop" }).click();
  await window.getByRole("button", { name: /again/ }).click();
  const rows = await measured(page, "Window");
  assert.match(rows[0][1], /^0 of 20$/);
  clean(errors);
});

test("one split, and what each way to read got on both sides", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/compare`);
  const rows = await measured(page, "Split");
  const few = Object.fromEntries(rows.map((row) => [row[0], row[1]]));
  assert.match(few["etcd, linearizable"], /error: context deadline exceeded/);
  assert.match(few["etcd, serializable"], /old: stale/);
  assert.match(few["Consul, default (model)"], /error: No cluster leader/);
  assert.match(few["Consul, stale (model)"], /old: stale/);
  assert.match(few["ZooKeeper, read (model)"], /error: ConnectionLoss/);
  assert.ok(rows.slice(1).every((row) => /new: fresh/.test(row[3])), "the majority reads what it wrote");
  await page.getByRole("button", { name: "Consul, stale (model)" }).click();
  assert.match(await page.locator(".rift").innerText(), /Consul, stale[\s\S]*old: stale[\s\S]*new: fresh/);
  assert.match(await sheet(page, "Books").innerText(), /Read on 2026-11-22/);
  clean(errors);
});

test("measuring leaves the lab as it was", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put mine 1");
  await screen(page, /put mine 1\nOK\n/);
  await page.getByRole("link", { name: "Quorum", exact: true }).click();
  await all(page);
  await page.getByRole("link", { name: "Lab", exact: true }).click();
  await type(page, "etcdctl get mine");
  await screen(page, /get mine\nmine\n1\n/);
  clean(errors);
});

test("both screens fit 360 px and are sound for screen readers", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/quorum`);
  await page.setViewportSize({ width: 360, height: 740 });
  await all(page);
  for (const kind of ["Kills", "Latency"]) {
    await sheet(page, kind).getByRole("button", { name: "Measure" }).click();
    await measured(page, kind);
  }
  for (const path of ["quorum", "compare"]) {
    await page.evaluate((path) => (location.hash = `#/${path}`), path);
    if (path === "compare") await measured(page, "Reads");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth || document.querySelector(".whole").scrollWidth > innerWidth);
    assert.equal(wide, false, `${path} is wider than the screen`);
    await page.evaluate(axe);
    const found = await page.evaluate(async () => (await axe.run(document.querySelector(".whole"))).violations.map((it) => [it.id, it.nodes[0].html]));
    assert.deepEqual(found, []);
  }
  clean(errors);
});
