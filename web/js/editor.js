// The editor, a chunk of its own: fetched when the first program asks for one.
//
// `codeEditor` is CodeMirror with the page's colours, for whoever needs to edit a text.
// `FileEditor` is what `vi` and `nano` show over a terminal: their keys, their last line, and
// the questions they ask. What is written, and whether it may be, the program says.

import { defaultKeymap, emacsStyleKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { openSearchPanel, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, drawSelection, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { Vim, getCM, vim } from '@replit/codemirror-vim';
import css from '../../static/css/editor.css';

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
document.adoptedStyleSheets.push(sheet);

const YAML = /\.(ya?ml)$/i;
const INDENT = '  ';

/** Colours by purpose: the style sheet says what they are, light and dark. */
const highlight = syntaxHighlighting(
  HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--e-key)' },
    { tag: [tags.string, tags.content], color: 'var(--e-text)' },
    { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--e-value)' },
    { tag: [tags.comment, tags.lineComment], color: 'var(--e-comment)', fontStyle: 'italic' },
    { tag: [tags.punctuation, tags.separator, tags.meta], color: 'var(--e-sign)' },
  ]),
);

const theme = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'transparent', color: 'inherit', fontSize: 'inherit' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.45' },
  '.cm-content': { caretColor: 'var(--e-cursor)' },
  '.cm-cursor': { borderLeftColor: 'var(--e-cursor)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--e-comment)', border: '0' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground':
    { backgroundColor: 'var(--e-select)' },
  '.cm-fat-cursor': { background: 'var(--e-cursor) !important', color: 'var(--e-back) !important' },
  '&:not(.cm-focused) .cm-fat-cursor': {
    background: 'none !important',
    outline: '1px solid var(--e-cursor) !important',
    color: 'transparent !important',
  },
  '.cm-panels': { backgroundColor: 'transparent', color: 'inherit', borderColor: 'transparent' },
  '.cm-panels button, .cm-panels input': { color: 'inherit', background: 'var(--e-field)', border: '0' },
  '.cm-searchMatch': { backgroundColor: 'var(--e-select)' },
});

/** What every editor of the page is made of. */
function common(label, isYaml) {
  return [
    history(),
    drawSelection(),
    EditorState.allowMultipleSelections.of(true),
    indentOnInput(),
    indentUnit.of(INDENT),
    EditorState.tabSize.of(8),
    highlight,
    theme,
    isYaml ? yaml() : [],
    EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
  ];
}

/**
 * An editor in `parent`. `onChange(text)` hears of every change; Escape then Tab leaves it.
 * Answers with {text(), set(text), focus(), close()}.
 */
export function codeEditor(parent, { label, text = '', isYaml = false, readOnly = false, onChange }) {
  const changed = EditorView.updateListener.of((update) => {
    if (update.docChanged) onChange?.(update.state.doc.toString());
  });
  parent.classList.add('code-editor');
  const view = new EditorView({
    parent,
    doc: text,
    extensions: [
      keymap.of([indentWithTab, ...defaultKeymap, ...historyKeymap, ...searchKeymap]),
      search({ top: false }),
      lineNumbers(),
      EditorState.readOnly.of(readOnly),
      changed,
      ...common(label, isYaml),
    ],
  });
  return {
    text: () => view.state.doc.toString(),
    set: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    focus: () => view.focus(),
    close: () => view.destroy(),
  };
}

/** An element with a class, a text, and what is in it. */
function make(name, className, ...inner) {
  const element = document.createElement(name);
  element.className = className;
  element.append(...inner);
  return element;
}

/** The editors on screen by CodeMirror's own view, for vi's commands. */
const byView = new WeakMap();

/** What `vi` or `nano` shows over a terminal. `ask(text, path, force, leave)` speaks to it. */
export class FileEditor {
  constructor(parent, file, ask) {
    this.ask = ask;
    this.file = file;
    this.isVi = file.keys === 'vi';
    this.numbers = new Compartment();
    this.said = make('span', 'said');
    this.said.setAttribute('role', 'status');
    this.place = make('span', 'place');
    this.line = make('div', 'status', this.said, this.place);
    this.title = make('div', 'title');
    this.body = make('div', 'body');
    this.element = make('div', `file-editor ${file.keys}`, this.title, this.body, this.line);
    this.element.append(this.isVi ? this.viChips() : this.nanoChips());
    this.element.addEventListener('keydown', (event) => this.keep(event));
    parent.append(this.element);
    const isYaml = YAML.test(file.path) || /^(# .*\n)*apiVersion: /.test(file.text);
    this.view = new EditorView({
      parent: this.body,
      doc: file.text,
      extensions: [this.keys(), this.numbers.of([]), this.heard(), ...common(this.label(), isYaml)],
    });
    byView.set(this.view, this);
    this.kept = this.view.state.doc;
    this.sent = this.kept;
    this.show(file);
    if (this.isVi) this.watchMode();
    this.view.focus();
  }

  label() {
    return `${this.isVi ? 'vi' : 'nano'}: ${this.file.path || 'a new file'}`;
  }

  /** Their keys first; what they do not know is the editor's. */
  keys() {
    if (this.isVi) {
      return [vim(), keymap.of([...defaultKeymap, ...historyKeymap])];
    }
    const own = (key, run) => ({ key, run: () => (run(), true), preventDefault: true });
    return [
      keymap.of([
        own('Ctrl-o', () => this.writeOut(false)),
        own('Ctrl-s', () => this.write(null, false)),
        own('Ctrl-x', () => this.exit()),
        own('Ctrl-f', () => openSearchPanel(this.view)),
        own('Ctrl-w', () => openSearchPanel(this.view)),
        own('Ctrl-k', () => this.cut()),
        own('Ctrl-u', () => this.paste()),
        own('Ctrl-c', () => this.tell(this.whereabouts())),
        own('Ctrl-g', () => this.tell('^O write   ^X leave   ^F search   ^K cut a line   ^U put it back')),
        indentWithTab,
        ...emacsStyleKeymap,
        ...defaultKeymap,
        ...historyKeymap,
        ...searchKeymap,
      ]),
      search({ top: false }),
    ];
  }

  heard() {
    return EditorView.updateListener.of((update) => {
      if (update.docChanged || update.selectionSet) this.draw();
    });
  }

  get modified() {
    return !this.view.state.doc.eq(this.kept);
  }

  /** The program said something: what is kept, and its last line. */
  show(file) {
    if (file.saved > this.file.saved) this.kept = this.sent;
    this.file = file;
    this.tell(file.message, file.failed);
    this.draw();
  }

  tell(text, failed = false) {
    const framed = !this.isVi && text ? `[ ${text} ]` : text;
    this.said.textContent = framed;
    this.said.classList.toggle('failed', failed);
  }

  /** The title and where the cursor is. */
  draw() {
    const name = this.file.path || (this.isVi ? '[No Name]' : 'New Buffer');
    this.title.textContent = this.isVi
      ? ''
      : `  GNU nano 7.2     ${name}${this.modified ? '     Modified' : ''}`;
    const { state } = this.view;
    const { head } = state.selection.main;
    const line = state.doc.lineAt(head);
    this.place.textContent = `${line.number},${head - line.from + 1}`;
  }

  whereabouts() {
    const { state } = this.view;
    const line = state.doc.lineAt(state.selection.main.head);
    return `line ${line.number}/${state.doc.lines}, col ${state.selection.main.head - line.from + 1}`;
  }

  /** Keys belong to the editor; F6 goes on to the next area, as everywhere. */
  keep(event) {
    if (event.key !== 'F6') event.stopPropagation();
  }

  write(path, force, leave = false) {
    this.sent = this.view.state.doc;
    this.ask(this.sent.toString(), path || null, force, leave);
  }

  leave() {
    this.ask(null, null, false, true);
  }

  // vi

  watchMode() {
    const cm = getCM(this.view);
    cm.on('vim-mode-change', ({ mode }) => {
      const shown = { insert: '-- INSERT --', replace: '-- REPLACE --', visual: '-- VISUAL --' }[mode];
      this.tell(shown ?? '');
    });
    cm.on('dialog', () => {
      const dialog = cm.state.dialog;
      this.line.classList.toggle('asking', Boolean(dialog));
      this.prompt?.remove();
      this.prompt = dialog;
      if (dialog) {
        this.line.prepend(dialog);
        // It was made outside the document, where it could not take the keyboard.
        dialog.querySelector('input')?.focus();
      }
    });
  }

  /** `:w`, `:wq`, `:x`, `:q` and their kin. */
  command(name, { argString = '' }) {
    let rest = argString;
    const force = rest.startsWith('!');
    if (force) rest = rest.slice(1);
    const path = rest.trim();
    if (force && path && name !== 'quit') {
      this.tell('E145: Shell commands and some functionality not allowed here', true);
    } else if (name === 'quit') {
      if (this.modified && !force) {
        this.tell('E37: No write since last change (add ! to override)', true);
      } else {
        this.leave();
      }
    } else if (name === 'edit') {
      this.reload(force);
    } else if (name === 'xit' && !this.modified && !path) {
      this.leave();
    } else {
      this.write(path, force, name !== 'write' && name !== 'update');
    }
  }

  /** `:e!`: as it was written last. */
  reload(force) {
    if (this.modified && !force) {
      this.tell('E37: No write since last change (add ! to override)', true);
      return;
    }
    const text = this.kept.toString();
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  viChips() {
    const key = (label, run) => this.chip(label, run);
    return make(
      'div',
      'keys',
      key('Esc', () => Vim.handleKey(getCM(this.view), '<Esc>', 'user')),
      key('i', () => Vim.handleKey(getCM(this.view), 'i', 'user')),
      key('u', () => Vim.handleKey(getCM(this.view), 'u', 'user')),
      key(':w', () => this.command('write', {})),
      key(':wq', () => this.command('wq', {})),
      key(':q!', () => this.leave()),
    );
  }

  // nano

  nanoChips() {
    const key = (sign, what, run) => this.chip(make('b', '', sign), run, ` ${what}`);
    return make(
      'div',
      'keys',
      key('^O', 'Write Out', () => this.writeOut(false)),
      key('^X', 'Exit', () => this.exit()),
      key('^F', 'Where Is', () => openSearchPanel(this.view)),
      key('^K', 'Cut', () => this.cut()),
      key('^U', 'Paste', () => this.paste()),
      key('^C', 'Location', () => this.tell(this.whereabouts())),
    );
  }

  chip(inner, run, more = '') {
    const button = make('button', 'key', inner, more);
    button.type = 'button';
    button.addEventListener('click', () => {
      this.view.focus();
      run();
    });
    return button;
  }

  cut() {
    const { state } = this.view;
    const line = state.doc.lineAt(state.selection.main.head);
    const to = Math.min(line.to + 1, state.doc.length);
    const text = `${line.text}\n`;
    // Lines cut one after the other come back together.
    this.buffer = this.cutAt === line.from ? (this.buffer ?? '') + text : text;
    this.view.dispatch({ changes: { from: line.from, to }, selection: { anchor: line.from } });
    this.cutAt = line.from;
  }

  paste() {
    if (!this.buffer) return;
    const { head } = this.view.state.selection.main;
    this.view.dispatch({
      changes: { from: head, insert: this.buffer },
      selection: { anchor: head + this.buffer.length },
    });
    this.cutAt = undefined;
  }

  exit() {
    if (!this.modified) {
      this.leave();
      return;
    }
    this.question('Save modified buffer? (Y or N)', '', (answer) => {
      if (/^n/i.test(answer)) this.leave();
      else if (/^y/i.test(answer)) this.writeOut(true);
    }, true);
  }

  writeOut(leave) {
    this.question('File Name to Write:', this.file.path, (path) => {
      this.write(path === this.file.path ? null : path, false, leave);
    });
  }

  /** Asks in the last line; with `single` the first key is the answer. */
  question(text, value, answered, single = false) {
    const input = document.createElement('input');
    input.value = value;
    input.setAttribute('aria-label', text);
    const prompt = make('div', 'prompt', text, input);
    const close = () => {
      prompt.remove();
      this.line.classList.remove('asking');
      this.view.focus();
    };
    const answer = (said) => {
      close();
      answered(said);
    };
    input.addEventListener('keydown', (event) => {
      const cancels = event.key === 'Escape' || (event.ctrlKey && event.key === 'c');
      if (cancels) this.tell('Cancelled');
      if (cancels) close();
      else if (event.key === 'Enter') answer(input.value);
      else return;
      event.preventDefault();
    });
    if (single) {
      input.addEventListener('input', () => input.value && answer(input.value));
      for (const said of ['Yes', 'No']) {
        const button = make('button', 'key', said);
        button.type = 'button';
        button.addEventListener('click', () => answer(said));
        prompt.append(button);
      }
    }
    this.line.classList.add('asking');
    this.line.prepend(prompt);
    input.focus();
  }

  focus() {
    (this.line.querySelector('input') ?? this.view).focus();
  }

  close() {
    this.view.destroy();
    this.element.remove();
  }
}

/** vi's own commands: CodeMirror's vim knows no files. */
function defineCommands() {
  const on = (cm, name, params) => byView.get(cm.cm6)?.command(name, params ?? {});
  const names = [
    ['write', 'w'], ['quit', 'q'], ['wq', 'wq'], ['xit', 'x'], ['update', 'up'], ['edit', 'e'],
    ['qall', 'qa', 'quit'], ['wqall', 'wqa', 'wq'], ['xall', 'xa', 'xit'], ['exit', 'exi', 'xit'],
  ];
  for (const [name, prefix, as = name] of names) {
    Vim.defineEx(name, prefix, (cm, params) => on(cm, as, params));
  }
  Vim.defineAction('saveAndLeave', (cm) => on(cm, 'xit'));
  Vim.defineAction('leave', (cm) => byView.get(cm.cm6)?.leave());
  Vim.mapCommand('ZZ', 'action', 'saveAndLeave', {}, { context: 'normal' });
  Vim.mapCommand('ZQ', 'action', 'leave', {}, { context: 'normal' });
  const numbers = (value, cm) => {
    const editor = cm && byView.get(cm.cm6);
    if (value === undefined || !editor) return value;
    editor.view.dispatch({ effects: editor.numbers.reconfigure(value ? lineNumbers() : []) });
    return value;
  };
  Vim.defineOption('number', false, 'boolean', ['nu'], numbers);
  // What people set out of habit and what is so here anyway.
  for (const [name, short] of [['paste', 'pa'], ['expandtab', 'et'], ['autoindent', 'ai'], ['hlsearch', 'hls'], ['ignorecase', 'ic']]) {
    Vim.defineOption(name, false, 'boolean', [short], (value) => value);
  }
  for (const [name, short] of [['tabstop', 'ts'], ['shiftwidth', 'sw'], ['softtabstop', 'sts']]) {
    Vim.defineOption(name, 2, 'number', [short], (value) => value);
  }
  Vim.defineEx('syntax', 'sy', () => {});
}
defineCommands();
