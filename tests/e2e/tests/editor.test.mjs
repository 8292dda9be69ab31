// The editors over a terminal: vi and nano in a real browser, and what a saved file does.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, open, serve } from "../harness.mjs";
import { clean, ready, screen, shown, type, written } from "../lab.mjs";

let server, chromium;
before(async () => {
  server = await serve();
});
after(() => server.close());
beforeEach(async () => {
  chromium = await browser();
});
afterEach(() => chromium.close());

/** Loads the page anew and waits until the lab is back. */
async function reload(page) {
  await written(page);
  await page.reload();
  await page.locator("[data-host]").first().waitFor();
  await page.locator(".veil").waitFor({ state: "detached" });
}

/** Opens a lab of another world than the plain cluster. */
async function world(page, name, prompt) {
  await ready(page);
  await page.locator("#menu-button").click();
  await page.getByRole("button", { name: "New lab" }).click();
  await page.locator("dialog .note", { hasText: "Looking" }).waitFor({ state: "detached" });
  await page.locator(`dialog input[value="${name}"]`).check({ force: true });
  await page.locator("dialog").getByRole("button", { name: "Start it" }).click();
  await screen(page, prompt);
}

test("vi edits etcd's manifest, and the kubelet restarts its pod", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  const chunks = [];
  page.on("request", (request) => {
    if (/editor-[0-9a-f]+\.js$/.test(request.url())) chunks.push(request.url());
  });
  await world(page, "kubeadm", /root@controlplane:~# /);
  assert.equal(chunks.length, 0, "the editor is fetched when it is asked for");
  await type(page, "crictl ps --name etcd -q");
  await screen(page, /-q\n[0-9a-f]{64}\nroot@/);
  const before = /-q\n([0-9a-f]{64})/.exec(await shown(page))[1];
  await type(page, "vi /etc/kubernetes/manifests/etcd.yaml");
  const editor = page.locator(".file-editor.vi");
  await editor.locator(".cm-content").waitFor();
  assert.equal(chunks.length, 1);
  await editor.locator(".said", { hasText: /etcd\.yaml" \d+L, \d+B/ }).waitFor();
  // Escape is vi's: the page keeps nothing of it.
  await page.keyboard.type("/snapshot-count\n");
  await page.keyboard.type("O");
  await editor.locator(".said", { hasText: "-- INSERT --" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.type("u");
  await page.keyboard.type(":%s/snapshot-count=10000/snapshot-count=5000/\n");
  await page.keyboard.type(":q\n");
  await editor.locator(".said.failed", { hasText: "E37: No write since last change" }).waitFor();
  await page.keyboard.type(":w\n");
  await editor.locator(".said", { hasText: /B written$/ }).waitFor();
  await page.keyboard.type("ZZ");
  await editor.waitFor({ state: "detached" });
  await type(page, "sim speed x20");
  await type(page, "sleep 60; clear; grep -c snapshot-count=5000 /etc/kubernetes/manifests/etcd.yaml; crictl ps --name etcd -q");
  await screen(page, /^1\n[0-9a-f]{64}\nroot@/);
  const now = /^1\n([0-9a-f]{64})\n/.exec(await shown(page))[1];
  assert.notEqual(now, before, "the pod runs in a new container");
  clean(errors);
});

test("an open editor is there after a reload, and what it saved after another", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await world(page, "bare", /student@etcd1:~\$ /);
  await type(page, "nano notes.yaml");
  const editor = page.locator(".file-editor.nano");
  await editor.locator(".said", { hasText: "[ New File ]" }).waitFor();
  await reload(page);
  await editor.locator(".cm-content").waitFor();
  await editor.locator(".cm-content").click();
  await page.keyboard.type("kind: note");
  await page.keyboard.press("Control+o");
  await editor.locator("input").press("Enter");
  await editor.locator(".said", { hasText: "[ Wrote 1 line ]" }).waitFor();
  await page.keyboard.press("Control+x");
  await editor.waitFor({ state: "detached" });
  await type(page, "cat notes.yaml");
  await screen(page, /\nkind: note\nstudent@/);
  await reload(page);
  await type(page, "wc -c notes.yaml");
  await screen(page, /\n11 notes.yaml\n/);
  clean(errors);
});
