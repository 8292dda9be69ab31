import { browser, open, serve } from "./harness.mjs";
import { quorum, screen, type, written } from "./lab.mjs";
const server = await serve();
const { context, close } = await browser({ serviceWorkers: "block" });
const { page, errors } = await open(context, server.url + "#/course/predict-then-kill");
page.on("console", (m) => console.log("console:", m.text().slice(0, 400)));
const shot = (n) => page.screenshot({ path: `/tmp/t/course/${n}.png` });
try {
  await page.locator("#ticks").waitFor({ timeout: 60000 });
  await screen(page, /root@n1:~# /);
  await type(page, "sim kill n5");
  await quorum(page, /reachable 4/);
  await page.locator("#reset").click();
  await quorum(page, /reachable 5/);
  await screen(page, /^root@n1:~# $/);
  await written(page);
  await page.reload();
  await page.waitForTimeout(6000);
  await shot("reload");
  console.log(await page.locator(".veil").allInnerTexts());
  console.log(await page.evaluate(() => document.querySelector('.lesson').outerHTML.slice(0,300)));
} catch (e) { console.log(String(e)); await shot("fail"); }
console.log(errors.map(String), await page.locator(".notice").allInnerTexts());
await close(); await server.close();
