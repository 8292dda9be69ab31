// An exam and the drill as a candidate takes them, and the teacher's side: an exercise written,
// mended, linked, and shown in another page.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, open, serve } from "../harness.mjs";
import { clean, screen, type, written } from "../lab.mjs";

let server, chromium;
before(async () => {
  server = await serve();
});
after(() => server.close());
beforeEach(async () => {
  chromium = await browser();
});
afterEach(() => chromium.close());

/** A prompt, whoever asks and wherever. */
const PROMPT = /[#$] $/;

/** Time that is left, in seconds. */
async function left(page) {
  const [minutes, seconds] = (await page.locator("#exam-clock").innerText()).split(":").map(Number);
  return minutes * 60 + seconds;
}

/** Waits until the exam's clock runs on a task whose machines are there. */
async function atTask(page, number) {
  await page.locator(`.tasks li:nth-child(${number}) [aria-current="true"]`).waitFor();
  await page.locator(".veil").waitFor({ state: "detached" });
  await page.waitForFunction(() => /^\d+:\d\d$/.test(document.querySelector("#exam-clock")?.textContent));
}

/** Begins an exam of two tasks. */
async function begin(page) {
  await page.getByRole("heading", { name: "Exam", exact: true }).waitFor();
  await page.locator('.choices.tasks label:has(input[value="2"])').click();
  await page.locator("#exam-seed").fill("11");
  await page.locator("#exam-begin").click();
  await atTask(page, 1);
  await screen(page, PROMPT);
}

test("an exam is left and come back to, survives a reload, and ends in a report", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/exam`);
  await begin(page);
  assert.equal(await page.locator(".tasks li").count(), 2);
  assert.equal(await page.locator("#coach").count(), 0, "nobody helps");
  await type(page, "echo first-task");
  await screen(page, /echo first-task\nfirst-task\n/);
  assert.ok(await page.locator("#undo").isDisabled(), "nothing is taken back");
  await page.locator("#exam-flag").click();
  await page.locator('.tasks li:first-child .flag[aria-label="flagged"]').waitFor();

  await page.getByRole("button", { name: "Next", exact: true }).click();
  await atTask(page, 2);
  await screen(page, PROMPT);
  await type(page, "echo second-task");
  const other = await screen(page, /echo second-task\nsecond-task\n/);
  assert.doesNotMatch(other, /first-task/, "each task has machines of its own");

  await page.locator(".tasks li:first-child button").click();
  await atTask(page, 1);
  await screen(page, /echo first-task\nfirst-task\n/);
  await written(page);
  const before = await left(page);
  await page.reload();
  await atTask(page, 1);
  await screen(page, /echo first-task\nfirst-task\n/);
  const now = await left(page);
  assert.ok(now <= before && now > before - 60, `${before} s before the reload, ${now} s after`);
  assert.equal(await page.locator('.tasks li:first-child .flag[aria-label="flagged"]').count(), 1);

  await page.locator("#exam-end").click();
  await page.getByText("0 not opened, 1 flagged").waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await page.locator("#exam-end").click();
  await page.locator("#exam-end-now").click();
  const score = await page.locator("#exam-score").innerText();
  assert.match(score, /^0 %\s+Not passed/);
  assert.equal(await page.locator(".report > li").count(), 2);
  const first = page.locator(".report > li").first();
  await first.locator(".typed summary").click();
  await first.getByText("echo first-task").waitFor();
  assert.ok(await first.locator(".check-list li.open").count() > 0);

  await page.reload();
  await page.locator("#exam-score").waitFor();
  clean(errors);
});

test("the run of a task is shown again on its timeline", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/exam`);
  await begin(page);
  await type(page, "echo one");
  await screen(page, /echo one\none\n/);
  await type(page, "echo two");
  await screen(page, /echo two\ntwo\n/);
  await page.locator("#exam-end").click();
  await page.locator("#exam-end-now").click();
  await page.getByRole("link", { name: "Watch the run again" }).first().click();
  await page.locator("#replay-time").waitFor();
  const events = page.locator(".events-of li");
  assert.equal(await events.count(), 2);
  await events.nth(1).getByRole("button").click();
  await screen(page, /echo one\none\n/);
  await events.nth(0).getByRole("button").click();
  await page.locator(".events-of li:nth-child(2):not(.past)").waitFor();
  await page.locator("#toggle").click();
  await screen(page, /echo two\ntwo\n/);
  assert.equal(await page.locator(".timeline .tick").count(), 2);
  // What is typed here changes nothing.
  await type(page, "echo three");
  await page.getByRole("link", { name: "Report" }).click();
  await page.locator("#exam-score").waitFor();
  await page.locator("#exam-again").click();
  await page.locator("#exam-begin").waitFor();
  clean(errors);
});

test("when the time is up the exam ends by itself", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/exam`);
  await page.locator("#exam-minutes").fill("1");
  await begin(page);
  // The tab was closed with a second left.
  await written(page);
  await page.addInitScript(() => localStorage.setItem("quorum-lab.exam", "11 1000"));
  await page.reload();
  await page.locator("#exam-score").waitFor();
  await page.getByText("The time is up").waitFor();
  clean(errors);
});

test("a drill gives a task, a verdict when asked, and the next", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/exam/drill`);
  await screen(page, PROMPT);
  assert.ok((await page.locator(".task-line").first().innerText()).length > 10);
  assert.equal(await page.locator("#drill-result").count(), 0);
  await page.locator("#drill-verdict").click();
  await page.locator("#drill-result").getByText("Not yet").waitFor();
  await page.locator("#drill-next").click();
  await page.getByText("0 right of 2 begun.").waitFor();
  await page.locator("#drill-result").waitFor({ state: "detached" });
  await page.locator(".veil").waitFor({ state: "detached" });
  await screen(page, PROMPT);
  await type(page, "echo drilled");
  await screen(page, /echo drilled\ndrilled\n/);
  await written(page);
  await page.reload();
  await screen(page, /echo drilled\ndrilled\n/);
  await page.getByText("0 right of 2 begun.").waitFor();
  clean(errors);
});

/** Waits for the session's word on the text. */
function judged(page, pattern) {
  return page.waitForFunction((source) => new RegExp(source).test(document.querySelector("#teach-state")?.innerText), pattern.source);
}

test("an exercise is written, mended and begun by its link", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/teach`);
  const text = page.locator("#teach-text");
  await judged(page, /A short title/);
  const good = await text.inputValue();
  await text.fill(good.replace("minutes = 5", 'minutes = "five"'));
  await judged(page, /line 4, minutes: invalid type: string "five", expected u16/);
  assert.equal(await page.locator(".gutter .wrong").innerText(), "4");
  assert.ok(await page.locator("#teach-try").isDisabled());
  await page.locator("#teach-jump").click();
  const chosen = await text.evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd));
  assert.equal(chosen, 'minutes = "five"');
  await text.fill(`${good}=== notes.txt\n`);
  await judged(page, /'notes.txt' is no file of an exercise/);

  const title = 'title = "<img src=x onerror=alert(1)>"';
  await text.fill(good.replace('title = "A short title"', title));
  await judged(page, /<img src=x onerror=alert\(1\)>/);
  assert.equal(await page.locator("img").count(), 0, "text is text");

  await page.locator("#teach-prove").click();
  await page.waitForFunction(() => document.querySelector(".teach progress")?.value >= 2);
  await page.locator("#teach-stop").click();
  await page.getByText(/Stopped after \d+ of 23 steps/).waitFor();

  await page.locator("#teach-make-link").click();
  const link = await page.locator("#teach-link").inputValue();
  assert.ok(link.startsWith(`${server.url}#/teach/open/`), link);
  const other = await browser();
  const { page: pupil, errors: theirs } = await open(other.context, link);
  await pupil.getByText("<img src=x onerror=alert(1)>").first().waitFor();
  await screen(pupil, /root@n1:~# $/);
  assert.equal(await pupil.locator("img").count(), 0);
  await type(pupil, "etcdctl put a 1");
  await pupil.locator('[data-check="there"][data-holds="true"]').waitFor();
  assert.match(pupil.url(), /#\/course\/my-exercise\/1$/);
  await written(pupil);
  await pupil.reload();
  await screen(pupil, /put a 1\nOK\n/);
  await other.close();
  clean([...errors, ...theirs]);
});

test("a damaged link to an exercise gets a sentence", async () => {
  const { page, errors } = await open(chromium.context, `${server.url}#/teach/open/UUVYMQAAAAAAAAAA`);
  await page.getByText(/This link or file holds no exercise that can be opened: this link is damaged/).waitFor();
  clean(errors);
});

test("another page shows an exercise in a frame, with its panel or without", async () => {
  const { page, errors } = await open(chromium.context, server.url);
  const outer = new URL("../teacher.html", server.url).href;
  const frame = (panel) => `<iframe src="${server.url}?panel=${panel}#/course/predict-then-kill/5" width="1200" height="700"></iframe>`;
  for (const panel of ["hidden", "shown"]) {
    await page.route(outer, (route) => route.fulfill({ contentType: "text/html", body: `<!doctype html>${frame(panel)}` }));
    await page.goto(outer, { waitUntil: "domcontentloaded" });
    const inner = page.frameLocator("iframe");
    await inner.locator('[data-host="n1"]').waitFor();
    await inner.locator(".veil").waitFor({ state: "detached" });
    assert.equal(await inner.locator("#screens").count(), 0, "no way to other screens");
    assert.equal(await inner.locator("#area-beside").count(), panel === "shown" ? 1 : 0);
    await page.unroute(outer);
  }
  clean(errors);
});
