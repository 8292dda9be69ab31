//! The line editor: key bytes in, terminal bytes and whole commands out.
//!
//! It never touches the world and knows no clock, so a terminal can be typed into while time
//! stands still. What it needs to know of the host for completion it asks [`Surroundings`].
//!
//! Between a submitted command and the next [`Editor::prompt`] the editor is *busy*: keys are
//! kept and taken up then, so a pasted list of commands runs one after the other.

use super::complete::{self, Surroundings};
use super::history::History;
use super::keys::{Decoder, Key};
use super::parser::needs_more;
use super::width::{Place, shown, text_columns};

/// What the editor hands to the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// A whole command: here-documents and open quotes are complete.
    Line(String),
    /// Ctrl-D on an empty line.
    Eof,
}

/// What came of some keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes for the terminal.
    pub echo: Vec<u8>,
    /// A command for the shell; the editor is busy until [`Editor::prompt`] then.
    pub submitted: Option<Submitted>,
}

/// How a command goes on on the next line.
const CONTINUATION: &str = "> ";

/// Kept characters while a command runs; what is typed beyond is dropped.
const AHEAD_MAX_BYTES: usize = 1 << 20;

/// At most so many candidates are listed.
const LISTED_MAX: usize = 200;

/// The state of the editor of one terminal.
#[derive(Clone, Debug)]
pub struct Editor {
    decoder: Decoder,
    /// The lines of an unfinished command, each with its newline.
    above: String,
    line: Vec<char>,
    cursor: usize,
    prompt: String,
    prompt_now: String,
    columns: u16,
    /// Where the cursor was left on the screen, counted from the prompt.
    place: Place,
    history: History,
    search: Option<Search>,
    killed: Vec<char>,
    last: Last,
    pasting: bool,
    busy: bool,
    echo: Vec<u8>,
}

/// What the key before did, where the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Other,
    Kill,
    Tab,
    History,
}

/// Ctrl-R in progress.
#[derive(Clone, Debug)]
struct Search {
    query: String,
    /// The entry found, counted from the oldest.
    at: usize,
    failed: bool,
    saved: Vec<char>,
}

impl Default for Editor {
    fn default() -> Editor {
        Editor::new()
    }
}

impl Editor {
    /// An editor that waits for its first prompt.
    pub fn new() -> Editor {
        Editor {
            decoder: Decoder::default(),
            above: String::new(),
            line: Vec::new(),
            cursor: 0,
            prompt: String::new(),
            prompt_now: String::new(),
            columns: 80,
            place: Place::default(),
            history: History::default(),
            search: None,
            killed: Vec::new(),
            last: Last::Other,
            pasting: false,
            busy: true,
            echo: Vec::new(),
        }
    }

    /// Whether a command runs, so that keys belong to it.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// What was typed so far and not submitted.
    pub fn text(&self) -> String {
        let line: String = self.line.iter().collect();
        format!("{}{line}", self.above)
    }

    /// The commands submitted so far, oldest first.
    pub fn history(&self) -> &[String] {
        self.history.entries()
    }

    /// Adds a command to the history, such as one of a session that was saved.
    pub fn remember(&mut self, command: &str) {
        self.history.push(command);
    }

    /// Shows a prompt: the command before it is done. Keys that waited are taken up.
    pub fn prompt(&mut self, prompt: &str, columns: u16, around: &dyn Surroundings) -> Outcome {
        self.busy = false;
        self.prompt = prompt.to_owned();
        self.columns = columns.max(2);
        self.begin_line();
        self.run(around)
    }

    /// Takes up keys.
    pub fn keys(&mut self, bytes: &[u8], columns: u16, around: &dyn Surroundings) -> Outcome {
        if !self.busy || self.decoder_has_room(bytes.len()) {
            self.decoder.push(bytes);
        }
        let columns = columns.max(2);
        if columns != self.columns && !self.busy {
            self.columns = columns;
            self.resized();
        }
        self.run(around)
    }

    /// Forgets keys that wait for the next prompt, as Ctrl-C does while a command runs.
    pub fn forget_ahead(&mut self) {
        self.decoder = Decoder::default();
        self.pasting = false;
    }

    /// Takes the line off the screen so that something else can be printed; [`Editor::redraw`]
    /// brings it back.
    pub fn hide(&mut self) -> Vec<u8> {
        if self.busy {
            return Vec::new();
        }
        self.erase();
        self.place = Place::default();
        std::mem::take(&mut self.echo)
    }

    /// Draws the prompt and the line again, from the cursor on.
    pub fn redraw(&mut self) -> Vec<u8> {
        if self.busy {
            return Vec::new();
        }
        self.place = Place::default();
        self.draw();
        std::mem::take(&mut self.echo)
    }

    fn decoder_has_room(&self, len: usize) -> bool {
        self.decoder.len() + len <= AHEAD_MAX_BYTES
    }

    fn run(&mut self, around: &dyn Surroundings) -> Outcome {
        let mut submitted = None;
        while !self.busy && submitted.is_none() {
            let Some(key) = self.decoder.next() else { break };
            submitted = self.key(key, around);
            self.busy = submitted.is_some();
        }
        Outcome { echo: std::mem::take(&mut self.echo), submitted }
    }

    fn begin_line(&mut self) {
        self.line.clear();
        self.cursor = 0;
        self.search = None;
        self.last = Last::Other;
        self.history.leave();
        self.prompt_now =
            if self.above.is_empty() { self.prompt.clone() } else { CONTINUATION.to_owned() };
        self.place = Place::default();
        self.draw();
    }

    fn key(&mut self, key: Key, around: &dyn Surroundings) -> Option<Submitted> {
        if self.pasting {
            return self.paste_key(key);
        }
        if self.search.is_some() && self.search_key(key) {
            return None;
        }
        let last = std::mem::replace(&mut self.last, Last::Other);
        match key {
            Key::Char(c) => self.insert(c),
            Key::Enter => return self.enter(),
            Key::Tab => self.tab(last, around),
            Key::PasteStart => self.pasting = true,
            Key::Ctrl('c') => self.abandon(),
            Key::Ctrl('d') if self.line.is_empty() && self.above.is_empty() => {
                self.print("exit\r\n");
                return Some(Submitted::Eof);
            }
            Key::Ctrl('l') => {
                self.print("\x1b[H\x1b[2J");
                self.place = Place::default();
                self.draw();
            }
            Key::Ctrl('r') => self.start_search(),
            Key::Up | Key::Ctrl('p') => self.travel(last, true),
            Key::Down | Key::Ctrl('n') => self.travel(last, false),
            Key::Alt('<') => self.travel_to_end(true),
            Key::Alt('>') => self.travel_to_end(false),
            _ => {
                if !self.move_key(key) {
                    self.change_key(key, last);
                }
            }
        }
        None
    }

    /// Keys that move the cursor.
    fn move_key(&mut self, key: Key) -> bool {
        let to = match key {
            Key::Ctrl('a') | Key::Home => 0,
            Key::Ctrl('e') | Key::End => self.line.len(),
            Key::Ctrl('b') | Key::Left => self.cursor.saturating_sub(1),
            Key::Ctrl('f') | Key::Right => (self.cursor + 1).min(self.line.len()),
            Key::Alt('b') | Key::WordLeft => self.word_left(),
            Key::Alt('f') | Key::WordRight => self.word_right(),
            _ => return false,
        };
        self.cursor = to;
        self.move_cursor();
        true
    }

    /// Keys that change the line.
    fn change_key(&mut self, key: Key, last: Last) {
        match key {
            Key::Backspace if self.cursor > 0 => self.delete(self.cursor - 1, self.cursor),
            Key::Delete | Key::Ctrl('d') if self.cursor < self.line.len() => {
                self.delete(self.cursor, self.cursor + 1);
            }
            Key::Ctrl('k') => self.kill(self.cursor, self.line.len(), last),
            Key::Ctrl('u') => self.kill(0, self.cursor, last),
            Key::Ctrl('w') => self.kill(self.blank_word_left(), self.cursor, last),
            Key::AltBackspace => self.kill(self.word_left(), self.cursor, last),
            Key::Alt('d') => self.kill(self.cursor, self.word_right(), last),
            Key::Ctrl('y') => {
                let killed = self.killed.clone();
                self.insert_all(&killed);
            }
            Key::Ctrl('t') => self.transpose(),
            Key::Alt(c @ ('u' | 'l' | 'c')) => self.recase(c),
            _ => {}
        }
    }

    fn insert(&mut self, c: char) {
        self.line.insert(self.cursor, c);
        self.cursor += 1;
        let after = self.place.after(c, self.columns);
        if self.cursor == self.line.len() && after.row == self.place.row && c != '\n' {
            // The common case costs one character.
            self.place = after;
            self.print(&shown(c));
        } else {
            self.draw();
        }
    }

    fn insert_all(&mut self, chars: &[char]) {
        self.line.splice(self.cursor..self.cursor, chars.iter().copied());
        self.cursor += chars.len();
        self.draw();
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.line.drain(from..to);
        self.cursor = from;
        self.draw();
    }

    /// Takes a range out of the line and keeps it for Ctrl-Y; kills in a row are kept together.
    fn kill(&mut self, from: usize, to: usize, last: Last) {
        self.last = Last::Kill;
        let backward = to == self.cursor && from < to;
        let taken: Vec<char> = self.line[from..to].to_vec();
        if last != Last::Kill {
            self.killed.clear();
        }
        if backward {
            self.killed.splice(0..0, taken);
        } else {
            self.killed.extend(taken);
        }
        self.delete(from, to);
    }

    fn word_left(&self) -> usize {
        let mut at = self.cursor;
        while at > 0 && !self.line[at - 1].is_alphanumeric() {
            at -= 1;
        }
        while at > 0 && self.line[at - 1].is_alphanumeric() {
            at -= 1;
        }
        at
    }

    fn word_right(&self) -> usize {
        let mut at = self.cursor;
        while at < self.line.len() && !self.line[at].is_alphanumeric() {
            at += 1;
        }
        while at < self.line.len() && self.line[at].is_alphanumeric() {
            at += 1;
        }
        at
    }

    /// Where Ctrl-W goes: words end at white space only.
    fn blank_word_left(&self) -> usize {
        let mut at = self.cursor;
        while at > 0 && self.line[at - 1].is_whitespace() {
            at -= 1;
        }
        while at > 0 && !self.line[at - 1].is_whitespace() {
            at -= 1;
        }
        at
    }

    fn transpose(&mut self) {
        if self.cursor == 0 || self.line.len() < 2 {
            return;
        }
        let right = self.cursor.min(self.line.len() - 1);
        self.line.swap(right - 1, right);
        self.cursor = right + 1;
        self.draw();
    }

    fn recase(&mut self, how: char) {
        let end = self.word_right();
        let mut first = true;
        for at in self.cursor..end {
            let c = self.line[at];
            let upper = how == 'u' || (how == 'c' && first);
            let mut changed: Vec<char> =
                if upper { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
            if let (Some(new), None) = (changed.pop(), changed.pop()) {
                self.line[at] = new;
            }
            first &= !c.is_alphanumeric();
        }
        self.cursor = end;
        self.draw();
    }

    /// Enter: the command is submitted when it is whole, else a line is added to it.
    fn enter(&mut self) -> Option<Submitted> {
        self.cursor = self.line.len();
        self.move_cursor();
        self.print("\r\n");
        let text = self.text();
        if needs_more(&text) {
            self.above = text + "\n";
            self.begin_line();
            return None;
        }
        self.above.clear();
        self.line.clear();
        self.cursor = 0;
        if text.trim().is_empty() {
            self.begin_line();
            return None;
        }
        self.history.push(&text);
        Some(Submitted::Line(text))
    }

    /// Ctrl-C: nothing of the line is kept.
    fn abandon(&mut self) {
        self.cursor = self.line.len();
        self.move_cursor();
        self.print("^C\r\n");
        self.above.clear();
        self.begin_line();
    }

    /// Inside a bracketed paste every key is text, except that lines end.
    fn paste_key(&mut self, key: Key) -> Option<Submitted> {
        match key {
            Key::PasteEnd => self.pasting = false,
            Key::Enter => return self.enter(),
            Key::Char(c) => self.insert(c),
            Key::Tab => self.insert('\t'),
            _ => {}
        }
        None
    }

    /// Up and down: only commands that begin with what was typed are shown.
    fn travel(&mut self, last: Last, older: bool) {
        self.last = Last::History;
        let line: String = self.line.iter().collect();
        if last != Last::History {
            self.history.enter(&line);
        }
        let found = if older { self.history.older() } else { self.history.newer() };
        if let Some(text) = found {
            self.replace(&text);
        }
    }

    fn travel_to_end(&mut self, oldest: bool) {
        self.last = Last::History;
        self.history.enter("");
        let mut found = None;
        while let Some(text) = self.history.older() {
            found = Some(text);
        }
        self.replace(if oldest { found.as_deref().unwrap_or("") } else { "" });
        if !oldest {
            self.history.leave();
        }
    }

    fn replace(&mut self, text: &str) {
        self.line = text.chars().collect();
        self.cursor = self.line.len();
        self.draw();
    }

    fn start_search(&mut self) {
        let at = self.history.entries().len();
        self.search =
            Some(Search { query: String::new(), at, failed: false, saved: self.line.clone() });
        self.show_search();
    }

    /// A key while Ctrl-R is in progress; false when the search ends and the key goes on.
    fn search_key(&mut self, key: Key) -> bool {
        let Some(mut search) = self.search.take() else { return false };
        match key {
            Key::Char(c) => {
                search.query.push(c);
                self.find(&mut search, false);
            }
            Key::Backspace => {
                search.query.pop();
                search.at = self.history.entries().len();
                self.find(&mut search, false);
            }
            Key::Ctrl('r') => self.find(&mut search, true),
            Key::Ctrl('g' | 'c') => {
                self.prompt_now = self.prompt_for_line();
                self.line = search.saved;
                self.cursor = self.line.len();
                self.draw();
                return true;
            }
            _ => {
                self.prompt_now = self.prompt_for_line();
                self.draw();
                return matches!(key, Key::Escape | Key::Other);
            }
        }
        self.search = Some(search);
        self.show_search();
        true
    }

    /// The newest entry at or before the present one that has the query in it.
    fn find(&mut self, search: &mut Search, further: bool) {
        let entries = self.history.entries();
        let end = if further { search.at } else { (search.at + 1).min(entries.len()) };
        let found = entries[..end].iter().rposition(|entry| entry.contains(&search.query));
        search.failed = found.is_none();
        if let Some(at) = found {
            search.at = at;
            self.line = entries[at].chars().collect();
            let bytes = entries[at].find(&search.query).unwrap_or(0);
            self.cursor = entries[at][..bytes].chars().count();
        }
    }

    fn show_search(&mut self) {
        let Some(search) = &self.search else { return };
        let failed = if search.failed { "failed " } else { "" };
        self.prompt_now = format!("({failed}reverse-i-search)`{}': ", search.query);
        self.draw();
    }

    fn prompt_for_line(&self) -> String {
        if self.above.is_empty() { self.prompt.clone() } else { CONTINUATION.to_owned() }
    }

    /// Tab: one candidate is inserted, of several what they share; a second Tab lists them.
    fn tab(&mut self, last: Last, around: &dyn Surroundings) {
        self.last = Last::Tab;
        let before: String = self.line[..self.cursor].iter().collect();
        let found = complete::complete(&format!("{}{before}", self.above), around);
        let typed = found.typed_chars;
        if let Some(insert) = found.insertion() {
            let from = self.cursor - typed;
            self.line.drain(from..self.cursor);
            self.cursor = from;
            let chars: Vec<char> = insert.chars().collect();
            self.insert_all(&chars);
            return;
        }
        if found.candidates.is_empty() {
            self.print("\x07");
        } else if last == Last::Tab {
            let cursor = self.cursor;
            self.cursor = self.line.len();
            self.move_cursor();
            self.cursor = cursor;
            let listing = columned(&found.shown(), self.columns);
            self.print(&format!("\r\n{listing}"));
            self.place = Place::default();
            self.draw();
        } else {
            self.print("\x07");
        }
    }

    fn print(&mut self, text: &str) {
        self.echo.extend_from_slice(text.as_bytes());
    }

    fn erase(&mut self) {
        if self.place.row > 0 {
            self.print(&format!("\x1b[{}A", self.place.row));
        }
        self.print("\r\x1b[J");
    }

    /// Draws prompt and line over what was there.
    fn draw(&mut self) {
        if self.place != Place::default() {
            self.erase();
        }
        let mut text = String::new();
        let mut place = Place::default();
        for c in printable(&self.prompt_now) {
            place = place.after(c, self.columns);
        }
        text.push_str(&self.prompt_now);
        let mut at_cursor = place;
        for (i, c) in self.line.iter().enumerate() {
            if i == self.cursor {
                at_cursor = place;
            }
            text.push_str(&shown(*c));
            place = place.after(*c, self.columns);
        }
        if self.cursor == self.line.len() {
            at_cursor = place;
        }
        if place.column == 0 && place.row > 0 && self.line.last() != Some(&'\n') {
            // A full row leaves the terminal's cursor on it: go on to the next one.
            text.push_str("\r\n");
        }
        self.print(&text);
        self.place = place;
        self.go(at_cursor);
    }

    /// Moves the terminal's cursor to where the editor's is, without drawing.
    fn move_cursor(&mut self) {
        let mut place = Place::default();
        for c in printable(&self.prompt_now) {
            place = place.after(c, self.columns);
        }
        for c in &self.line[..self.cursor] {
            place = place.after(*c, self.columns);
        }
        self.go(place);
    }

    fn go(&mut self, to: Place) {
        if to == self.place {
            return;
        }
        let from = self.place;
        if to.row < from.row {
            self.print(&format!("\x1b[{}A", from.row - to.row));
        } else if to.row > from.row {
            self.print(&format!("\x1b[{}B", to.row - from.row));
        }
        if to.column == 0 {
            self.print("\r");
        } else if to.column != from.column {
            self.print(&format!("\x1b[{}G", to.column + 1));
        }
        self.place = to;
    }

    /// The width changed: the terminal has wrapped the line anew, so begin again below.
    fn resized(&mut self) {
        self.print("\r\x1b[J");
        self.place = Place::default();
        self.draw();
    }
}

/// The characters of a prompt that take columns: colour sequences do not.
fn printable(prompt: &str) -> impl Iterator<Item = char> + '_ {
    let mut in_sequence = false;
    prompt.chars().filter(move |c| {
        if *c == '\x1b' {
            in_sequence = true;
            return false;
        }
        if in_sequence {
            in_sequence = !c.is_ascii_alphabetic();
            return false;
        }
        true
    })
}

/// Names side by side in columns, filled downwards, as bash and `ls` do.
pub(crate) fn columned(names: &[String], columns: u16) -> String {
    let listed = &names[..names.len().min(LISTED_MAX)];
    let width = listed.iter().map(|name| text_columns(name)).max().unwrap_or(0) + 2;
    let per_row = (usize::from(columns) / width).max(1);
    let rows = listed.len().div_ceil(per_row);
    let mut out = String::new();
    for row in 0..rows {
        let cells: Vec<&String> = listed.iter().skip(row).step_by(rows).collect();
        for (i, name) in cells.iter().enumerate() {
            out.push_str(name);
            if i + 1 < cells.len() {
                out.push_str(&" ".repeat(width - text_columns(name)));
            }
        }
        out.push_str("\r\n");
    }
    if names.len() > listed.len() {
        out.push_str(&format!("... and {} more\r\n", names.len() - listed.len()));
    }
    out
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
