// The course: from the list into an exercise and back, checks that tick, wrong turns, starting
// over, the solution, progress that is kept, sent to a file and read from one.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, open, serve } from "../harness.mjs";
import { clean, quorum, ready, screen, type, written } from "../lab.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");
const rules = { region: { enabled: false }, "label-content-name-mismatch": { enabled: false } };
/** How long an engine may take to come and an exercise to be set up on a busy machine. */
const SLOW = { timeout: 60_000 };
let server, chromium;
before(async () => {
  server = await serve();
});
after(() => server.close());
beforeEach(async () => {
  chromium = await browser({ serviceWorkers: "block" });
});
afterEach(() => chromium.close());

/** Opens an exercise by its address and waits for its first prompt. */
async function exercise(slug) {
  const { page, errors } = await open(chromium.context, `${server.url}#/course/${slug}`);
  await begun(page, slug);
  return { page, errors };
}

/** Waits until an exercise can be worked at. */
async function begun(page, slug) {
  await page.locator(`.lesson[data-slug="${slug}"] #ticks`).waitFor(SLOW);
  await page.locator(".veil").waitFor({ state: "detached", ...SLOW });
  await screen(page, /root@n1:~# /);
}

/** Whether the virtual clock shows at least so many seconds; without a number, what it shows. Runs in the page. */
function clock(least) {
  const now = document.getElementById("clock").textContent.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return least === undefined ? now : now >= least;
}

/** Waits until so many virtual seconds have passed. */
async function later(page, seconds) {
  await page.waitForFunction(clock, (await page.evaluate(clock)) + seconds, SLOW);
}

/** Waits until a check holds, or does not. */
async function holds(page, check, so = true) {
  await page.locator(`[data-check="${check}"][data-holds="${so}"]`).waitFor(SLOW);
}

test("the first tour is done by typing, step by step, and is remembered", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  // A newcomer sees where to begin.
  await page.locator("#tour").click();
  await begun(page, "first-tour");
  assert.match(await page.title(), /^A first tour/);
  assert.equal(await page.locator("#ticks li").count(), 1, "one step at a time");
  const lines = [
    ["one", "etcdctl put greeting hello"],
    ["", "sim add n2"],
    ["three", "sim add n3"],
    ["replicate", "etcdctl put greeting again"],
  ];
  for (const [check, line] of lines) {
    // etcd adds nobody before all have been connected for five seconds.
    if (line === "sim add n3") await later(page, 8);
    await type(page, line);
    if (check) await holds(page, check);
  }
  const leader = await page.locator('[data-host]:has-text("Leader")').getAttribute("data-host");
  await type(page, `sim kill ${leader}`);
  await holds(page, "death");
  // What was just done is also said.
  await page.locator("#aloud", { hasText: "Done: Kill the leader" }).waitFor();
  await type(page, `sim start ${leader}`);
  await holds(page, "back");
  await type(page, "sim partition n1 / n2,n3");
  await screen(page, /partition n1/);
  // The split is looked at for a second before it heals.
  await later(page, 1);
  await type(page, "sim heal");
  await holds(page, "partition");
  await page.locator("#done").waitFor();
  assert.equal(await page.locator("#points").innerText(), "6/6");
  await written(page);
  await page.goto(`${server.url}#/course`);
  await page.locator('[data-slug="first-tour"].done').waitFor();
  await page.reload();
  await page.locator('[data-slug="first-tour"].done').waitFor(SLOW);
  clean(errors);
});

test("the sandbox comes back as it was, and so does the exercise", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put mine sandbox");
  await screen(page, /put mine sandbox\nOK\n/);
  await page.goto(`${server.url}#/course/first-tour`);
  await begun(page, "first-tour");
  await type(page, "etcdctl put greeting hello");
  await holds(page, "one");
  await page.locator('nav[aria-label="Screens"] a', { hasText: "Lab" }).click();
  await screen(page, /put mine sandbox\nOK\n/);
  assert.equal(await page.locator(".lesson").count(), 0);
  await page.goBack();
  await begun(page, "first-tour");
  await holds(page, "one");
  // And over a reload in the middle.
  await page.reload();
  await begun(page, "first-tour");
  await holds(page, "one");
  await screen(page, /put greeting hello\nOK\n/);
  clean(errors);
});

test("a wrong turn is named with what was typed, and can be undone", async () => {
  const { page, errors } = await exercise("predict-then-kill");
  await page.locator("#answer-lose-3").fill("2");
  await page.locator("#answers button").click();
  await screen(page, /answer lose-3=2\n/);
  const strip = page.locator('#coach[data-wrong="three-loses-two"]');
  await strip.waitFor(SLOW);
  assert.match(await strip.innerText(), /You said 3 members can lose 2/);
  await page.locator('#wrongs [data-wrong="three-loses-two"]').waitFor();
  await strip.getByRole("button", { name: "Undo" }).click();
  await strip.waitFor({ state: "detached" });
  // A shortcut that would spare the work is refused with the reason.
  await type(page, "sim partition n1 / n2,n3,n4,n5");
  await screen(page, /this exercise is about members that die/);
  clean(errors);
});

test("starting over is quick, also after a reload", async () => {
  const { page, errors } = await exercise("predict-then-kill");
  const reset = async () => {
    await type(page, "sim kill n5");
    await quorum(page, /reachable 4/);
    await page.locator("#reset").click();
    await quorum(page, /reachable 5/);
    await screen(page, /^root@n1:~# $/);
  };
  await reset();
  await written(page);
  await page.reload();
  await begun(page, "predict-then-kill");
  await reset();
  assert.equal(await page.locator("[data-check][data-holds=true]").count(), 0);
  clean(errors);
});

test("hints come one by one and stay; the solution is typed and does not count", async () => {
  const { page, errors } = await exercise("one-to-three");
  await page.locator("#hint").click();
  assert.equal(await page.locator("#hints li").count(), 1);
  await page.locator("#solution").click();
  await page.locator("#solve").click();
  await page.locator("#stop").waitFor();
  await screen(page, /root@n1:~# etcdctl \w/);
  // Any key stops it.
  await page.locator(".screen.front .xterm-helper-textarea").first().press("x");
  await page.locator("#stop").waitFor({ state: "detached" });
  await page.locator("#reset").click();
  await screen(page, /^root@n1:~# $/);
  assert.equal(await page.locator("#hints li").count(), 1, "what was read stays read");
  await page.locator("#solution").click();
  await page.locator("#solve").click();
  await page.locator("#done").waitFor({ timeout: 240_000 });
  await written(page);
  await page.goto(`${server.url}#/course`);
  const row = page.locator('[data-slug="one-to-three"]');
  await row.waitFor();
  assert.doesNotMatch(await row.getAttribute("class"), /done/);
  clean(errors);
});

test("progress goes to a file and comes from one; a damaged one changes nothing", async () => {
  const { page } = await exercise("first-tour");
  await type(page, "etcdctl put greeting hello");
  await holds(page, "one");
  await page.locator(".lesson .up").click();
  const row = (where) => where.locator('[data-slug="first-tour"].begun', { hasText: "1/6 so far" });
  await row(page).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#progress-out").click()]);
  const file = readFileSync(await download.path());
  assert.match(file.toString(), /^Quorum Lab progress 1\nfirst-tour 1 6 /);

  const other = await browser({ serviceWorkers: "block" });
  const { page: fresh, errors } = await open(other.context, `${server.url}#/course`);
  const load = async (buffer) => {
    const [chooser] = await Promise.all([fresh.waitForEvent("filechooser"), fresh.locator("#progress-in").click()]);
    await chooser.setFiles({ name: "progress.txt", mimeType: "text/plain", buffer });
  };
  await fresh.locator(".exercises").waitFor(SLOW);
  const damaged = Buffer.from(file);
  damaged[damaged.indexOf("1 6")] = "9".charCodeAt(0);
  await load(damaged);
  await fresh.locator(".notice.bad", { hasText: "Nothing was loaded" }).waitFor();
  assert.equal(await fresh.locator(".exercise.begun, .exercise.done").count(), 0);
  await load(file);
  await row(fresh).waitFor();
  await written(fresh);
  await load(damaged);
  await row(fresh).waitFor();
  await fresh.reload();
  await row(fresh).waitFor(SLOW);
  clean(errors);
  await other.close();
});

/** Makes the page's store anew in the form of the release before: without the course. Runs in the page. */
async function asBefore() {
  const asked = (request) => new Promise((done, failed) => ((request.onsuccess = () => done(request.result)), (request.onerror = () => failed(request.error))));
  const now = await asked(indexedDB.open("quorum-lab"));
  const names = [...now.objectStoreNames].filter((name) => name !== "course");
  const rows = [];
  for (const name of names) {
    const store = now.transaction(name).objectStore(name);
    const [keys, values] = await Promise.all([asked(store.getAllKeys()), asked(store.getAll())]);
    keys.forEach((key, i) => name === "app" && key === "sandbox" || rows.push([name, key, values[i]]));
  }
  now.close();
  await asked(indexedDB.deleteDatabase("quorum-lab"));
  const request = indexedDB.open("quorum-lab", 1);
  request.onupgradeneeded = () => names.forEach((name) => request.result.createObjectStore(name));
  const old = await asked(request);
  const tx = old.transaction(names, "readwrite");
  rows.forEach(([name, key, value]) => tx.objectStore(name).put(value, key));
  await new Promise((done) => (tx.oncomplete = done));
  old.close();
}

test("the lab of the release before is there when the store has grown", async () => {
  const { page } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put kept yes");
  await screen(page, /put kept yes\nOK\n/);
  await written(page);
  // Away from the page, so that nobody holds the store.
  await page.goto(`${server.url}manifest.webmanifest`);
  await page.evaluate(asBefore);
  await page.goto(server.url);
  await screen(page, /put kept yes\nOK\n/);
  await page.goto(`${server.url}#/course/first-tour`);
  await begun(page, "first-tour");
  await type(page, "etcdctl put greeting hello");
  await holds(page, "one");
  await written(page);
  await page.goto(`${server.url}#/course`);
  await page.locator('[data-slug="first-tour"].begun').waitFor();
});

test("a word opens its meaning by keyboard", async () => {
  const { page, errors } = await exercise("predict-then-kill");
  const word = page.locator(".prose .word", { hasText: "quorum" }).first();
  await word.focus();
  await page.keyboard.press("Enter");
  const meaning = page.locator(".meaning:popover-open");
  assert.match(await meaning.innerText(), /N\/2 \+ 1/);
  await page.keyboard.press("Escape");
  await meaning.waitFor({ state: "detached" }).catch(() => {});
  assert.equal(await page.locator(".meaning:popover-open").count(), 0);
  clean(errors);
});

test("the course fits a phone and has no accessibility faults that a machine can find", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/course`);
  const check = async (where) => {
    for (const width of [360, 390, 1000, 1440]) {
      await page.setViewportSize({ width, height: 844 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${where}: ${over} pixels too wide at ${width}`);
      for (const scheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
        await page.evaluate(axe);
        const found = await page.evaluate((rules) => window.axe.run(document, { rules }), rules);
        const faults = found.violations.map((it) => `${where} ${width} ${scheme}: ${it.id}: ${it.nodes.map((node) => node.target).join(" ")}`);
        assert.deepEqual(faults, []);
      }
    }
  };
  await page.locator(".exercises").waitFor(SLOW);
  await check("list");
  // By the navigation of a narrow screen to the lab and back.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator(".rooms-button").click();
  await page.locator("#rooms a", { hasText: "Lab" }).click();
  await page.locator('[data-host="n1"]').waitFor();
  await page.goto(`${server.url}#/course/predict-then-kill`);
  await begun(page, "predict-then-kill");
  await check("exercise");
  clean(errors);
});
