// The pictures of the README, taken from the built page: `cargo xtask shots`.
import { join } from "node:path";
import { browser, open, serve } from "./harness.mjs";
import { quorum, ready, screen, tool, type } from "./lab.mjs";

const server = await serve();
for (const scheme of ["light", "dark"]) {
  const { context, close } = await browser({ colorScheme: scheme });
  const { page } = await open(context, server.url);
  await ready(page);
  await type(page, "etcdctl put greeting hello");
  await screen(page, /hello\nOK\n/);
  await type(page, "etcdctl member list -w table");
  await screen(page, /false \|\n\+-[-+]+\n/);
  await tool(page, "n3", "Kill");
  await quorum(page, /reachable 2/);
  await page.locator(".card.leader").waitFor();
  await type(page, "etcdctl put greeting again");
  await screen(page, /again\nOK\n/);
  await page.keyboard.press("F6");
  // The keyboard has left the terminal, and two frames have drawn what follows from it.
  await page.locator(".screen.front .xterm.focus").waitFor({ state: "detached" });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.screenshot({ path: join(process.env.OUT, `shot-${scheme}.png`) });
  await close();
}
await server.close();
