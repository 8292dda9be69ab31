// xterm.js behind the few words the page needs. Handles are small numbers: the page keeps
// no JavaScript object of a terminal.

import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import * as editing from './editing.js';

const SCROLLBACK_LINES = 10_000;
const live = new Map();
const encoder = new TextEncoder();

/**
 * xterm writes rules into <style> elements, which the content security policy refuses. Such
 * an element gets a constructed style sheet instead, which it allows.
 */
function styleBySheet() {
  const make = document.createElement.bind(document);
  document.createElement = (name, options) => {
    if (name !== 'style') return make(name, options);
    const element = make('template', options);
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
    Object.defineProperty(element, 'textContent', { set: (text) => sheet.replaceSync(text) });
    const remove = element.remove.bind(element);
    element.remove = () => {
      remove();
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((it) => it !== sheet);
    };
    return element;
  };
}
styleBySheet();

/** Makes a terminal in `element`; `onBytes(Uint8Array)` gets what is typed and pasted. */
export function open(handle, element, theme, fontSize, onBytes) {
  const term = new Terminal({
    allowProposedApi: false,
    convertEol: true,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
    fontSize,
    lineHeight: 1.2,
    scrollback: SCROLLBACK_LINES,
    theme: JSON.parse(theme),
    minimumContrastRatio: 4.5,
  });
  const fitter = new FitAddon();
  term.loadAddon(fitter);
  term.open(element);
  term.onData((text) => onBytes(encoder.encode(text)));
  term.onBinary((text) => onBytes(Uint8Array.from(text, (it) => it.charCodeAt(0))));
  term.attachCustomKeyEventHandler((event) => keep(event, term));
  const resized = new ResizeObserver(() => fit(handle));
  resized.observe(element);
  live.set(handle, { term, fitter, element, resized, owed: 0 });
  fit(handle);
}

/** Keys the page wants for itself; Ctrl-C copies while something is selected. */
function keep(event, term) {
  if (event.key === 'F6') return false;
  if (event.ctrlKey && !event.altKey && event.key.toLowerCase() === 'c' && term.hasSelection()) {
    if (event.type === 'keydown') {
      navigator.clipboard?.writeText(term.getSelection());
      term.clearSelection();
    }
    return false;
  }
  // Ctrl-V and Ctrl-Shift-V paste, as everywhere else in the browser.
  return !(event.ctrlKey && event.key.toLowerCase() === 'v');
}

export function close(handle) {
  const it = live.get(handle);
  it?.resized.disconnect();
  it?.term.dispose();
  live.delete(handle);
}

export function write(handle, bytes) {
  const it = live.get(handle);
  if (!it) return;
  it.owed += bytes.length;
  it.term.write(bytes, () => {
    it.owed -= bytes.length;
  });
}

/** Bytes written and not yet shown, of all terminals: the page waits when they are many. */
export function owed() {
  let sum = 0;
  for (const it of live.values()) sum += it.owed;
  return sum;
}

/** Starts over with these bytes, as after an undo. */
export function reset(handle, bytes) {
  live.get(handle)?.term.reset();
  write(handle, bytes);
}

export function fit(handle) {
  const it = live.get(handle);
  if (it && it.element.clientWidth > 0 && it.element.clientHeight > 0) it.fitter.fit();
}

export function columns(handle) {
  return live.get(handle)?.term.cols ?? 80;
}

export function rows(handle) {
  return live.get(handle)?.term.rows ?? 24;
}

export function focus(handle) {
  if (!editing.focus(handle)) live.get(handle)?.term.focus();
}

export function setTheme(theme) {
  for (const it of live.values()) it.term.options.theme = JSON.parse(theme);
}

export function setReader(on) {
  for (const it of live.values()) it.term.options.screenReaderMode = on;
}

/** What is on the screen and above it, as text; tests and "copy all" read it. */
export function text(handle) {
  const buffer = live.get(handle)?.term.buffer.active;
  if (!buffer) return '';
  const lines = [];
  for (let i = 0; i < buffer.length; i++) {
    const line = buffer.getLine(i);
    const part = line.translateToString(true);
    if (line.isWrapped) lines[lines.length - 1] += part;
    else lines.push(part);
  }
  return lines.join('\n').trimEnd();
}
