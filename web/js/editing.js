// Which editors programs show over the terminals. The editor itself is a chunk that is fetched
// when the first one asks for it.

const open = new Map();
let chunk;
let answer = () => {};

/** The chunk with the editor: {codeEditor, FileEditor}; see editor.js. */
export function load() {
  chunk ??= import(`./${EDITOR_URL}`).catch((error) => {
    chunk = undefined; // the network may be back when it is asked for again
    throw error;
  });
  return chunk;
}

/** `onAsk(tty, text|null, path|null, force, leave)` hears what a user asks of an editor. */
export function listen(onAsk) {
  answer = onAsk;
}

/** A program shows an editor over a terminal, or says something in its last line. */
export async function show(tty, keys, path, text, readOnly, message, failed, saved) {
  const file = { keys, path, text, readOnly, message, failed, saved };
  const known = open.get(tty);
  if (known) {
    known.file = file;
    known.editor?.show(file);
    return;
  }
  const entry = { file, editor: null };
  open.set(tty, entry);
  try {
    const { FileEditor } = await load();
    const screen = await drawn(`screen-${tty}`);
    if (open.get(tty) !== entry || !screen) return;
    entry.editor = new FileEditor(screen, entry.file, (...ask) => answer(tty, ...ask));
  } catch {
    // Without it the program would wait for ever: it is told that its user left.
    if (open.get(tty) === entry) answer(tty, null, null, false, true);
  }
}

/** The editor of a terminal goes; true where there was one. */
export function hide(tty) {
  const entry = open.get(tty);
  open.delete(tty);
  entry?.editor?.close();
  return entry !== undefined;
}

/** Moves the keyboard to the editor of a terminal; false where there is none. */
export function focus(tty) {
  const editor = open.get(tty)?.editor;
  editor?.focus();
  return Boolean(editor);
}

/** An element that is about to be drawn. */
async function drawn(id) {
  for (let frames = 0; frames < 120; frames++) {
    const element = document.getElementById(id);
    if (element) return element;
    await new Promise((next) => requestAnimationFrame(next));
  }
  return null;
}
