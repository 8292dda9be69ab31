// The words the browser tests speak: what a learner does, found by what a learner sees.
import assert from "node:assert/strict";

/** Waits until the lab runs and its first terminal shows a prompt. */
export async function ready(page) {
  await page.locator('[data-host="n1"]').waitFor();
  // Before its time passes, the page takes no keys.
  await page.waitForFunction(() => document.getElementById("clock").textContent !== "0:00.000");
  await screen(page, /root@n1:~# $/);
  await page.locator("#saved", { hasText: "saved" }).waitFor();
}

/** The text of the terminal in front, as a screen reader would be given it. */
export async function shown(page) {
  return page.evaluate(() => {
    const rows = document.querySelectorAll('.screen.front .xterm-rows > div');
    const lines = Array.from(rows, (row) => row.textContent.replace(/ /g, " ").trimEnd());
    return lines.join("\n").trimEnd() + " ";
  });
}

/** Waits for the terminal to show something. */
export async function screen(page, pattern) {
  const deadline = Date.now() + 30_000;
  let text = "";
  while (Date.now() < deadline) {
    text = await shown(page);
    if (pattern.test(text)) return text;
    await page.waitForTimeout(50);
  }
  assert.fail(`the terminal never showed ${pattern}; it shows:\n${text}`);
}

/** Types a command into the terminal in front. */
export async function type(page, line) {
  const keys = page.locator(".screen.front .xterm-helper-textarea").first();
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
