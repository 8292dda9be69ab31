// The words the browser tests speak: what a learner does, found by what a learner sees.
import assert from "node:assert/strict";

/** Waits until the lab runs and its first terminal shows a prompt. */
export async function ready(page) {
  await page.locator('[data-host="n1"]').waitFor();
  await screen(page, /root@n1:~# $/);
}

/** Waits until a saved lab runs again, whatever its terminals show. */
export async function back(page) {
  await page.locator('[data-host="n1"]').waitFor();
  await page.locator(".veil").waitFor({ state: "detached" });
}

/** Waits until nothing is left to be written, so that a reload finds all that was done. */
export async function written(page) {
  await page.locator('#saved.on[data-writes="0"]').waitFor();
}

/** Where keys go; it is there before the lab is. */
export function keyboard(page) {
  return page.locator(".screen.front .xterm-helper-textarea").first();
}

/**
 * The text of the terminal in front, as a screen reader would be given it; with a pattern,
 * whether it is there. Runs in the page.
 */
function terminal(pattern) {
  const rows = document.querySelectorAll(".screen.front .xterm-rows > div");
  const lines = Array.from(rows, (row) => row.textContent.replace(/\u00a0/g, " ").trimEnd());
  const text = lines.join("\n").trimEnd() + " ";
  return pattern === undefined ? text : new RegExp(pattern).test(text);
}

/** The text of the terminal in front. */
export function shown(page) {
  return page.evaluate(terminal);
}

/** Waits for the terminal to show something. */
export async function screen(page, pattern) {
  try {
    await page.waitForFunction(terminal, pattern.source, { timeout: 30_000 });
  } catch {
    const said = await page.locator(".notice").allInnerTexts();
    assert.fail(`the terminal never showed ${pattern}; it shows:\n${await shown(page)}\n${said.join("\n")}`);
  }
  return shown(page);
}

/** Types a command into the terminal in front. */
export async function type(page, line) {
  const keys = keyboard(page);
  await keys.pressSequentially(line);
  await keys.press("Enter");
}

/** Waits for the quorum bar to say something. */
export async function quorum(page, pattern) {
  const bar = page.locator('section[aria-label="Quorum"]');
  await page.waitForFunction(
    ([source]) => new RegExp(source).test(document.querySelector('section[aria-label="Quorum"]').innerText.replace(/\s+/g, " ")),
    [pattern.source],
    { timeout: 30_000 },
  );
  return bar.innerText();
}

/** Chooses a member and presses one of the tools. */
export async function tool(page, host, name) {
  await page.locator(`[data-host="${host}"]`).click();
  await page.locator('[role="toolbar"]').getByRole("button", { name }).first().click();
}

/** Nothing went wrong behind the learner's back. */
export function clean(errors) {
  assert.deepEqual(errors.map(String), []);
}
