import { browser, open, serve } from "./harness.mjs";
const server = await serve();
const dark = process.env.DARK === "1";
const { context, close } = await browser({ colorScheme: dark ? "dark" : "light", serviceWorkers: "block" });
const { page, errors } = await open(context, server.url + "#/course");
page.on("console", (m) => console.log("console:", m.text()));
const shot = (n) => page.screenshot({ path: `/tmp/t/course/${n}${dark ? "-dark" : ""}.png` });
try {
  await page.locator(".exercises").waitFor({ timeout: 60000 });
  await shot("list");
  await page.setViewportSize({ width: 390, height: 844 }); await shot("list-390"); await page.setViewportSize({ width: 1440, height: 900 });
  await page.locator("#suggestion").click();
  await page.locator("#ticks").waitFor({ timeout: 60000 });
  await page.waitForTimeout(1500);
  await shot("tour");
  console.log(await page.title(), await page.evaluate(() => document.activeElement.id));
  const keys = page.locator(".screen.front .xterm-helper-textarea").first();
  await keys.pressSequentially("etcdctl put greeting hello"); await keys.press("Enter");
  await page.locator('[data-check="one"][data-holds="true"]').waitFor({ timeout: 20000 });
  await shot("tour-1");
  await page.locator("#reset").click();
  await page.locator('[data-check="one"][data-holds="false"]').waitFor({ timeout: 20000 });
  await page.waitForTimeout(800);
  console.log("reset ms", await page.locator(".lesson").getAttribute("data-reset-ms"));
  await shot("tour-reset");
} catch (e) { console.log(String(e)); await shot("fail"); }
console.log(errors.map(String), await page.locator(".notice").allInnerTexts());
await close(); await server.close();
