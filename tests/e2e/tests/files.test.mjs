// Files out of the virtual hosts and into them, the cluster as an archive, other worlds.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, open, serve } from "../harness.mjs";
import { back, clean, ready, screen, type, written } from "../lab.mjs";

let server, chromium;
before(async () => {
  server = await serve();
});
after(() => server.close());
beforeEach(async () => {
  chromium = await browser({ acceptDownloads: true });
});
afterEach(() => chromium.close());

/** Presses something that ends in a download; answers with its name and content. */
async function download(page, press) {
  const [file] = await Promise.all([page.waitForEvent("download"), press()]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

test("any file of a host comes out as it is", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "printf 'one\\ntwo\\n' > /root/lines.txt");
  await screen(page, /lines.txt\nroot@n1/);
  await page.locator('[data-host="n1"]').click();
  await page.getByRole("tab", { name: "Files" }).click();
  await page.locator(".files button", { hasText: /^root$/ }).click();
  const lines = page.locator(".files button", { hasText: "lines.txt" });
  const file = await download(page, () => lines.click());
  assert.equal(file.name, "lines.txt");
  assert.equal(file.bytes.toString(), "one\ntwo\n");
  clean(errors);
});

test("a file that was put in is there, after a reload too, and undo takes it away", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await page.locator('[data-host="n1"]').click();
  await page.getByRole("tab", { name: "Files" }).click();
  await page.locator(".files button", { hasText: /^root$/ }).click();
  const buffer = Buffer.alloc(300_000, "0123456789abcdef\n");
  const put = async () => {
    const [chooser] = await Promise.all([
      page.waitForEvent("filechooser"),
      page.getByRole("button", { name: "Put a file here" }).click(),
    ]);
    await chooser.setFiles({ name: "mine.txt", mimeType: "text/plain", buffer });
    await page.locator(".files button", { hasText: "mine.txt" }).waitFor();
  };
  await put();
  const hash = createHash("sha256").update(buffer).digest("hex").slice(0, 16);
  await page.locator(".notice", { hasText: `SHA-256 ${hash}` }).waitFor();
  await page.locator("#undo").click();
  await page.locator(".files button", { hasText: "mine.txt" }).waitFor({ state: "detached" });
  await put();
  await type(page, "wc -c /root/mine.txt");
  await screen(page, /300000 \/root\/mine.txt\n/);
  await written(page);
  await page.reload();
  await back(page);
  await type(page, "tail -n 1 /root/mine.txt | wc -c");
  await screen(page, /wc -c\n\d+\n/);
  clean(errors);
});

test("the cluster can be taken home as one archive", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  await type(page, "etcdctl put a 1");
  await screen(page, /put a 1\nOK\n/);
  await page.getByRole("tab", { name: "Files" }).click();
  const archive = await download(page, () => page.getByRole("button", { name: "Take it home" }).click());
  assert.match(archive.name, /^take-home-seed\d+\.tar$/);
  for (const name of ["README.md", "snapshot.db", "n1/restore.sh", "n3/etcd.service"]) {
    assert.ok(archive.bytes.includes(`take-home/${name}`), `${name} is in it`);
  }
  clean(errors);
});

test("every world that is offered begins, with a terminal on its first host", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  await ready(page);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const choose = async () => {
    await page.locator("#menu-button").click();
    await page.getByRole("button", { name: "New lab" }).click();
    await page.locator("dialog .note", { hasText: "Looking" }).waitFor({ state: "detached" });
    return page.locator('dialog input[name="world"]').evaluateAll((all) => all.map((it) => it.value));
  };
  const worlds = await choose();
  assert.ok(worlds.includes("cluster"), worlds.join());
  for (const world of worlds) {
    await page.locator(`dialog input[value="${world}"]`).check({ force: true });
    await page.locator("dialog").getByRole("button", { name: "Start it" }).click();
    await screen(page, /^\S+@\S+:.*[$#] $/);
    assert.deepEqual(await page.locator(".notice").allInnerTexts(), [], world);
    assert.ok((await page.locator("[data-host]").count()) > 0, `${world}: hosts are drawn`);
    await type(page, "hostname");
    await screen(page, /hostname\n\S+\n/);
    await choose();
  }
  clean(errors);
});
