// The page's own figures: frames a second and script in each of them, with nine members at
// work. Chromium's trace tells; script counts the thread's processor time, so that what else
// the machine does is left out.
import { browser, open, serve } from "./harness.mjs";
import { ready, screen, type } from "./lab.mjs";

const SECONDS = 10;
const SAME_FRAME_US = 5000;
/** What Chromium calls the running of a page's script; what lies inside another counts once. */
const SCRIPT = new Set(["FunctionCall", "RunMicrotasks", "FireAnimationFrame", "TimerFire", "EventDispatch", "EvaluateScript"]);

/** Opens a lab of nine members that writes all the time, and measures for some seconds. */
export async function frames() {
  const server = await serve();
  const { context, close } = await browser();
  const { page } = await open(context, server.url);
  await ready(page);
  await page.locator("#menu-button").click();
  await page.getByRole("button", { name: "New lab" }).click();
  await page.locator('dialog input[name="members"][value="9"]').check({ force: true });
  await page.locator("dialog").getByRole("button", { name: "Start it" }).click();
  await page.locator('[data-host="n9"]').waitFor();
  await screen(page, /^root@n1:~# $/);
  await type(page, "for i in $(seq 100000); do etcdctl put key$i value; done");
  await screen(page, /OK\nOK\n/);
  const devtools = await context.newCDPSession(page);
  const events = [];
  devtools.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const done = new Promise((resolve) => devtools.once("Tracing.tracingComplete", resolve));
  const categories = "devtools.timeline,disabled-by-default-devtools.timeline,v8,__metadata";
  await devtools.send("Tracing.start", { categories, transferMode: "ReportEvents" });
  await page.evaluate((ms) => new Promise((end) => setTimeout(end, ms)), SECONDS * 1000);
  await devtools.send("Tracing.end");
  await done;
  await close();
  await server.close();
  return figures(events);
}

function figures(events) {
  const named = events.find((it) => it.name === "thread_name" && it.args.name === "CrRendererMain" && animates(events, it));
  const mine = (it) => it.pid === named.pid && it.tid === named.tid && it.ph === "X";
  const all = events.filter(mine).sort((a, b) => a.ts - b.ts);
  const calls = all.filter((it) => it.name === "FireAnimationFrame").map((it) => it.ts);
  // The page and its terminal each ask for the frame: calls close together are of one.
  const starts = calls.filter((at, n) => n === 0 || at - calls[n - 1] > SAME_FRAME_US);
  const script = starts.map(() => 0);
  let [end, frame] = [0, 0];
  for (const it of all) {
    if (!SCRIPT.has(it.name) || it.ts < end || it.ts < starts[0]) continue;
    end = it.ts + it.dur;
    while (frame + 1 < starts.length && starts[frame + 1] <= it.ts) frame += 1;
    script[frame] += (it.tdur ?? it.dur) / 1000;
  }
  const gaps = starts.slice(1).map((at, n) => (at - starts[n]) / 1000);
  const span = (starts.at(-1) - starts[0]) / 1e6;
  return { fps: gaps.length / span, script_p50_ms: part(script, 0.5), script_p99_ms: part(script, 0.99), gap_p99_ms: part(gaps, 0.99) };
}

function animates(events, { pid, tid }) {
  return events.some((it) => it.name === "FireAnimationFrame" && it.pid === pid && it.tid === tid);
}

function part(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

if (process.argv[1] === new URL(import.meta.url).pathname) console.log(JSON.stringify(await frames()));
