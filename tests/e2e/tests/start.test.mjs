// Openings: what is typed early, what is damaged, what the browser refuses. In each case
// something is there to work with, a sentence says what happened, nothing saved is lost.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, open, serve } from "../harness.mjs";
import { back, clean, keyboard, ready, screen, type, written } from "../lab.mjs";

let server, chromium;
before(async () => {
  server = await serve();
});
after(() => server.close());
beforeEach(async () => {
  // A service worker would answer for what these tests hold back.
  chromium = await browser({ serviceWorkers: "block" });
});
afterEach(() => chromium.close());

/** Holds the engine back until the answer of this is called. */
async function holdEngine(context) {
  let go;
  const held = new Promise((resolve) => (go = resolve));
  await context.route(/core-[^/]*\.wasm$/, async (route) => {
    await held;
    await route.continue();
  });
  return go;
}

/** Has the page make a checkpoint of all that was done, as when its tab is closed. */
async function checkpoint(page) {
  const count = () => Number(document.getElementById("saved").dataset.checkpoints);
  const before = await page.evaluate(count);
  await page.evaluate(() => dispatchEvent(new Event("pagehide")));
  // One may have been under way: the one after it holds everything.
  await page.waitForFunction((last) => Number(document.getElementById("saved").dataset.checkpoints) > last, before);
  await written(page);
}

/** What the page says across its top. */
async function said(page, pattern) {
  await page.locator(".notice", { hasText: pattern }).waitFor();
}

/** Does something to the page's database and waits until it is done. */
function inStore(page, change) {
  const body = `new Promise((done, failed) => {
    const request = indexedDB.open("quorum-lab");
    request.onsuccess = () => {
      const tx = request.result.transaction(["app", "labs", "inputs", "blocks"], "readwrite");
      tx.oncomplete = () => { request.result.close(); done(); };
      tx.onabort = () => failed(tx.error);
      (${change})(tx);
    };
    request.onerror = () => failed(request.error);
  })`;
  return page.evaluate(body);
}

test("what is typed before the engine is there is typed when it is", async () => {
  const go = await holdEngine(chromium.context);
  const { page, errors } = await open(chromium.context, server.url);
  await keyboard(page).waitFor({ state: "attached" });
  await type(page, "etcdctl put early bird");
  await page.locator(".veil").waitFor();
  go();
  await screen(page, /put early bird\nOK\n/);
  clean(errors);
});

test("what is typed while a saved lab comes back is typed when it is there", async () => {
  const { page } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put kept yes");
  await screen(page, /put kept yes\nOK\n/);
  await written(page);
  const go = await holdEngine(chromium.context);
  await page.reload();
  await keyboard(page).waitFor({ state: "attached" });
  await type(page, "etcdctl get kept --print-value-only");
  await page.locator(".veil").waitFor();
  go();
  await screen(page, /print-value-only\nyes\n/);
});

test("a reload before the first checkpoint brings the terminals back, each once", async () => {
  await chromium.context.addInitScript(() => {
    // Checkpoints are kept from the store: all there is are the inputs.
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...parts) {
      return this.name === "blocks" ? this.transaction.abort() : put.apply(this, parts);
    };
  });
  const { page } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put kept yes");
  await screen(page, /put kept yes\nOK\n/);
  await page.locator('#saved[data-writes="0"]').waitFor();
  await page.reload();
  await screen(page, /put kept yes\nOK\n/);
  await back(page);
  assert.equal(await page.getByRole("tab", { name: "n1" }).count(), 1);
  assert.doesNotMatch((await page.locator(".notice").allInnerTexts()).join(), /open already/);
});

test("a frame that asks from the past does not stop the lab", async () => {
  await chromium.context.addInitScript(() => {
    // As a page does that is too slow to have handled the last answer.
    const post = Worker.prototype.postMessage;
    let frames = 0;
    Worker.prototype.postMessage = function (message, ...rest) {
      const late = message.kind === "frame" && ++frames % 3 === 0;
      if (late) message.until = Math.max(0, message.until - 200_000);
      return post.call(this, message, ...rest);
    };
  });
  const { page, errors } = await open(chromium.context, server.url);
  const trouble = [];
  page.on("console", (line) => /trapped/.test(line.text()) && trouble.push(line.text()));
  await ready(page);
  await type(page, "etcdctl put late comer");
  await screen(page, /put late comer\nOK\n/);
  assert.deepEqual(trouble, []);
  clean(errors);
});

test("a lab with a damaged checkpoint is done again from its recipe", async () => {
  const { page } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put kept yes");
  await screen(page, /put kept yes\nOK\n/);
  await written(page);
  await checkpoint(page);
  // Half of one of its blocks is gone.
  await inStore(page, (tx) => {
    const keys = tx.objectStore("blocks").getAllKeys();
    keys.onsuccess = () => tx.objectStore("blocks").put(new Uint8Array(32768), keys.result.at(-1));
  });
  await page.reload();
  await said(page, /checkpoint is damaged/);
  await back(page);
  await screen(page, /put kept yes\nOK\n/);
  await type(page, "etcdctl get kept --print-value-only");
  await screen(page, /print-value-only\nyes\n/);
  await checkpoint(page);
  await page.reload();
  await screen(page, /print-value-only\nyes\n/);
  await back(page);
  assert.equal(await page.locator(".notice").count(), 0, "the new checkpoint is whole");
});

test("a saved lab that cannot be read is kept, and another one begins", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await written(page);
  await page.goto("about:blank");
  await page.goto(`${server.url}manifest.webmanifest`);
  await inStore(page, (tx) => {
    const labs = tx.objectStore("labs");
    const keys = labs.getAllKeys();
    keys.onsuccess = () => labs.put(new Uint8Array([7, 7, 7]), keys.result[0]);
  });
  await page.goto(server.url);
  await said(page, /cannot be read/);
  await ready(page);
  await written(page);
  await type(page, "etcdctl put a 1");
  await screen(page, /put a 1\nOK\n/);
  const labs = await page.evaluate(
    () =>
      new Promise((done) => {
        const request = indexedDB.open("quorum-lab");
        request.onsuccess = () => {
          const all = request.result.transaction("labs").objectStore("labs").getAll();
          all.onsuccess = () => done(all.result.map((it) => it.length));
        };
      }),
  );
  assert.equal(labs.length, 2);
  assert.equal(labs[0], 3, "the damaged record is as it was");
  clean(errors);
});

test("another saved lab opens with what its terminal showed", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put first lab");
  await screen(page, /put first lab\nOK\n/);
  await written(page);
  await page.locator("#menu-button").click();
  await page.getByRole("button", { name: "New lab" }).click();
  await page.locator("dialog").getByRole("button", { name: "Start it" }).click();
  await screen(page, /^root@n1:~# $/);
  await written(page);
  await page.locator("#menu-button").click();
  await page.getByRole("button", { name: "Saved labs" }).click();
  await page.locator("dialog li button").nth(2).click();
  await screen(page, /put first lab\nOK\n/);
  await back(page);
  await type(page, "etcdctl get first --print-value-only");
  await screen(page, /print-value-only\nlab\n/);
  clean(errors);
});

test("a browser that refuses storage gets a lab that lasts as long as its tab", async () => {
  await chromium.context.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("blocked", "SecurityError");
    };
  });
  const { page, errors } = await open(chromium.context, server.url);
  await said(page, /keeps no data/);
  await ready(page);
  await type(page, "etcdctl put a 1");
  await screen(page, /put a 1\nOK\n/);
  assert.equal(await page.locator("#saved").innerText(), "not saved");
  clean(errors);
});

test("a full disk is told, and what was saved before is kept", async () => {
  await chromium.context.addInitScript(() => {
    // A full disk ends a transaction when it commits, not when it is written to.
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...parts) {
      const request = put.apply(this, parts);
      if (globalThis.fullDisk) this.transaction.abort();
      return request;
    };
    const full = new DOMException("no room", "QuotaExceededError");
    Object.defineProperty(IDBTransaction.prototype, "error", {
      get: () => (globalThis.fullDisk ? full : null),
    });
  });
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put before full");
  await screen(page, /put before full\nOK\n/);
  await written(page);
  await page.evaluate(() => (globalThis.fullDisk = true));
  await type(page, "etcdctl put after full");
  await screen(page, /put after full\nOK\n/);
  await said(page, /no room left/);
  await page.reload();
  await back(page);
  await type(page, "etcdctl get before --print-value-only");
  await screen(page, /print-value-only\nfull\n/);
  clean(errors);
});
