import { browser, open, serve } from "/tmp/h/web/tests/e2e/harness.mjs";
import { ready, screen, shown, type, written } from "/tmp/h/web/tests/e2e/lab.mjs";
const server = await serve();
for (let i = 0; i < 8; i++) {
const two = await browser();
let { page } = await open(two.context, server.url);
await ready(page);
await type(page, "etcdctl put mine 1");
await screen(page, /put mine 1\nOK\n/);
await written(page);
await page.close();
page = await two.context.newPage();
page.on("console", (m) => console.log("C", m.text()));
await page.goto(`${server.url}#run=UUxBQgEAAAAAAAAA`);
const ok = await page.waitForFunction(() => /link|recipe/i.test(document.querySelector(".notice, dialog[open]")?.innerText ?? ""), undefined, {timeout: 8000}).then(() => true, () => false);
if (!ok) {
console.log(i, page.url(), (await page.evaluate(() => document.body.innerText)).slice(0, 300), await shown(page));
await page.screenshot({ path: "/tmp/t/web/p.png" });
}
await two.close();
}
await server.close();
