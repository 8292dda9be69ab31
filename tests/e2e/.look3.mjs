import { browser, open, serve } from "./harness.mjs";
import { quorum, screen, type, written } from "./lab.mjs";
const server = await serve();
const dark = process.env.DARK === "1"; const D = dark ? "-dark" : "";
const { context, close } = await browser({ serviceWorkers: "block", colorScheme: dark ? "dark" : "light" });
const { page, errors } = await open(context, server.url + "#/course/predict-then-kill");
page.on("console", (m) => { if (!/Manifest|404/.test(m.text())) console.log("console:", m.text().slice(0, 300)); });
const shot = (n) => page.screenshot({ path: `/tmp/t/course/${n}${D}.png` });
try {
  await page.locator("#ticks").waitFor({ timeout: 60000 });
  await screen(page, /root@n1:~# /);
  await page.locator("#answer-lose-3").fill("2"); await page.locator("#answers button").click();
  await page.locator("#coach.wrong").waitFor({ timeout: 20000 });
  await shot("predict");
  await page.locator(".lesson .body").evaluate((b) => b.scrollTo(0, 0));
  const w = page.locator(".prose .word").first(); await w.focus(); await page.keyboard.press("Enter");
  await page.waitForTimeout(300);
  await shot("word");
  await page.keyboard.press("Escape");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator('.area-tabs button:has-text("Task")').click();
  await page.waitForTimeout(300);
  await shot("predict-390");
  await page.locator('.area-tabs button:has-text("Terminal")').click();
  await page.waitForTimeout(300);
  await shot("predict-390-term");
  await page.setViewportSize({ width: 1100, height: 800 });
  await page.waitForTimeout(300);
  await shot("predict-1100");
  await page.setViewportSize({ width: 1440, height: 900 });
  const times = [];
  for (let i = 0; i < 20; i++) {
    await type(page, "sim kill n5"); await quorum(page, /reachable 4/);
    const before = await page.locator(".lesson").getAttribute("data-resets");
    await page.locator("#reset").click(); await quorum(page, /reachable 5/); await screen(page, /^root@n1:~# $/);
    times.push(Number(await page.locator(".lesson").getAttribute("data-reset-ms")));
  }
  console.log("resets", times.sort((a, b) => a - b).join(" "));
} catch (e) { console.log(String(e)); await shot("fail"); }
console.log(errors.map(String), await page.locator(".notice").allInnerTexts());
await close(); await server.close();
