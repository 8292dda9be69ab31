// The main job, as a newcomer does it: a leader dies, the quorum is lost, it comes back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, open, serve } from "../harness.mjs";
import { back, clean, quorum, ready, screen, shown, tool, type, written } from "../lab.mjs";

let server, chromium;
before(async () => {
  server = await serve();
  chromium = await browser();
});
after(async () => {
  await chromium.close();
  await server.close();
});

test("a cluster runs, loses its quorum, says so, and comes back", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await quorum(page, /voters 3 .*= 2 .*reachable 3/);
  await type(page, "etcdctl put a 1");
  await screen(page, /put a 1\nOK\n/);
  await tool(page, "n2", "Kill");
  await tool(page, "n3", "Kill");
  await quorum(page, /reachable 1/);
  await type(page, "etcdctl put b 2");
  const failed = await screen(page, /Error: (context deadline exceeded|etcdserver: request timed out)/);
  assert.match(failed, /"level":"warn"/);
  await type(page, "etcdctl get a --consistency=s");
  await screen(page, /consistency=s\na\n1\n/);
  await tool(page, "n2", "Start");
  await quorum(page, /reachable 2/);
  await type(page, "etcdctl put b 2");
  await screen(page, /put b 2\nOK\n/);
  clean(errors);
  await page.close();
});

test("what was done is there again after a reload, and undo takes the last of it back", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put kept yes");
  await screen(page, /put kept yes\nOK\n/);
  await written(page);
  await page.reload();
  await back(page);
  assert.match(await screen(page, /put kept yes/), /OK/);
  await type(page, "etcdctl get kept --print-value-only");
  await screen(page, /print-value-only\nyes\n/);
  await tool(page, "n3", "Power off");
  await quorum(page, /reachable (1|2)/);
  await page.locator("#undo").click();
  await page.waitForFunction(() => !document.querySelector('[data-host="n3"]').innerText.includes("Off"));
  clean(errors);
  await page.close();
});

test("a command typed while time stands still says so and offers to go on", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await back(page);
  await page.locator("#toggle").click();
  await type(page, "etcdctl get kept");
  await page.locator("#strip").waitFor();
  assert.doesNotMatch((await shown(page)).split("get kept").pop(), /yes/);
  await page.locator("#strip button").first().click();
  await screen(page, /get kept\nkept\nyes\n/);
  clean(errors);
  await page.close();
});
