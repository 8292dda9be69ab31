//! Running a script of `sed` over its input.

use regex_lite::{Captures, Regex};
use sim::{Errno, OpenFlags, Sys};

use super::parse::{Action, Address, Addresses, Command, Piece, Script, Substitute};
use crate::programs::Opened;
use crate::programs::io::{Input, Out, chomp};

/// Commands for one line; a script that loops longer rests a little.
const STEPS_PER_REST: u32 = 10_000;
const REST_US: u64 = 1000;

/// No space grows beyond this.
const SPACE_MAX_BYTES: usize = 16 << 20;

/// What follows a command.
enum After {
    Next,
    Jump(usize),
    /// The line is done; true: it is printed.
    End(bool),
    /// The same line again, without reading one (`D`).
    Again,
    Quit(i32, bool),
}

/// The state of a run.
pub(super) struct Editor<'a> {
    sys: Sys,
    script: &'a Script,
    silent: bool,
    paths: std::slice::Iter<'a, String>,
    input: Option<Input>,
    ahead: Option<(String, bool)>,
    number: u64,
    pattern: String,
    hold: String,
    /// Whether the present line has a newline at its end.
    ended: bool,
    /// Which ranges are open, and the line where a `+N` ends.
    open: Vec<Option<u64>>,
    substituted: bool,
    last_regex: Option<Regex>,
    /// Printed at the end of the cycle.
    queue: Vec<String>,
    status: i32,
    /// True: what is printed is kept, for `-i`.
    pub(super) collects: bool,
    kept: Vec<u8>,
    opened_one: bool,
    files: Vec<(String, Opened)>,
}

impl<'a> Editor<'a> {
    pub(super) fn new(
        sys: &Sys,
        script: &'a Script,
        silent: bool,
        paths: &'a [String],
    ) -> Editor<'a> {
        Editor {
            sys: sys.clone(),
            script,
            silent,
            paths: paths.iter(),
            input: None,
            ahead: None,
            number: 0,
            pattern: String::new(),
            hold: String::new(),
            ended: true,
            open: script.commands.iter().map(|_| None).collect(),
            substituted: false,
            last_regex: None,
            queue: Vec::new(),
            status: 0,
            collects: false,
            kept: Vec::new(),
            opened_one: false,
            files: Vec::new(),
        }
    }

    /// What was kept; none when the file could not be read.
    pub(super) fn collected(self) -> Option<Vec<u8>> {
        self.opened_one.then_some(self.kept)
    }

    pub(super) async fn run(&mut self, out: &mut Out) -> i32 {
        self.ahead = self.fetch(out).await;
        let mut again = false;
        loop {
            if !again && !self.advance(out).await {
                return self.status;
            }
            let (print, quit) = match self.cycle(out).await {
                After::End(print) => (print, None),
                After::Again => {
                    again = true;
                    self.flush_queue(out);
                    continue;
                }
                After::Quit(status, print) => (print, Some(status)),
                After::Next | After::Jump(_) => (true, None),
            };
            again = false;
            if print && !self.silent {
                let line = std::mem::take(&mut self.pattern);
                self.put_line(out, &line);
            }
            self.flush_queue(out);
            out.tick().await;
            if let Some(status) = quit {
                return status.max(self.status);
            }
            if out.has_failed() {
                return self.status;
            }
        }
    }

    /// The next line of any input, and whether it has a newline.
    async fn fetch(&mut self, out: &mut Out) -> Option<(String, bool)> {
        loop {
            if let Some(input) = &mut self.input {
                match input.line(out).await {
                    Ok(Some(line)) => {
                        let text = String::from_utf8_lossy(chomp(&line)).into_owned();
                        return Some((text, line.ends_with(b"\n")));
                    }
                    Ok(None) => {}
                    Err(error) => {
                        self.complain(out, &format!("read error on input: {error}")).await;
                    }
                }
                self.input = None;
            }
            let path = self.paths.next()?;
            match Input::open(&self.sys, path) {
                Ok(_) if self.sys.stat(path).is_ok_and(|stat| stat.is_dir()) => {
                    self.complain(out, &format!("couldn't edit {path}: not a regular file")).await;
                }
                Ok(input) => {
                    self.input = Some(input);
                    self.opened_one = true;
                }
                Err(error) => self.complain(out, &format!("can't read {path}: {error}")).await,
            }
        }
    }

    async fn complain(&mut self, out: &mut Out, what: &str) {
        out.flush().await;
        self.sys.eprint(&format!("sed: {what}\n")).await;
        self.status = 2;
    }

    /// Makes the line ahead the present one; false at the end.
    async fn advance(&mut self, out: &mut Out) -> bool {
        let Some((line, ended)) = self.ahead.take() else { return false };
        self.pattern = line;
        self.ended = ended;
        self.number += 1;
        self.substituted = false;
        self.ahead = self.fetch(out).await;
        true
    }

    fn put(&mut self, out: &mut Out, text: &str) {
        if self.collects { self.kept.extend_from_slice(text.as_bytes()) } else { out.text(text) }
    }

    /// A line, with a newline unless the input's last one had none.
    fn put_line(&mut self, out: &mut Out, line: &str) {
        let newline = if self.ended || self.ahead.is_some() { "\n" } else { "" };
        self.put(out, &format!("{line}{newline}"));
    }

    fn flush_queue(&mut self, out: &mut Out) {
        for text in std::mem::take(&mut self.queue) {
            self.put(out, &text);
        }
    }

    async fn cycle(&mut self, out: &mut Out) -> After {
        let script = self.script;
        let mut at = 0;
        let mut steps = 0;
        while let Some(command) = script.commands.get(at) {
            steps += 1;
            if steps % STEPS_PER_REST == 0 {
                self.sys.sleep_us(REST_US).await;
            }
            if self.pattern.len() + self.hold.len() > SPACE_MAX_BYTES {
                self.complain(out, "memory exhausted").await;
                return After::Quit(4, false);
            }
            let selected = self.selects(at, command) != command.negated;
            at += 1;
            if !selected {
                if let Action::Block(end) = command.action {
                    at = end + 1;
                }
                continue;
            }
            match self.act(at - 1, &command.action, out).await {
                After::Next => {}
                After::Jump(to) => at = to,
                other => return other,
            }
        }
        After::End(true)
    }

    fn selects(&mut self, at: usize, command: &Command) -> bool {
        let (first, second) = match &command.addresses {
            Addresses::All => return true,
            Addresses::One(address) => return self.fits(address),
            Addresses::Range(first, second) => (first, second),
        };
        if let Some(until) = self.open[at] {
            let ends = match second {
                Address::Line(line) => {
                    if self.number > *line {
                        // The range ended before: this line may begin it anew.
                        self.open[at] = None;
                        return self.begins(at, first, second);
                    }
                    self.number == *line
                }
                Address::Plus(_) => self.number >= until,
                second => self.fits(second),
            };
            if ends {
                self.open[at] = None;
            }
            return true;
        }
        self.begins(at, first, second)
    }

    fn begins(&mut self, at: usize, first: &Address, second: &Address) -> bool {
        if matches!(first, Address::Line(0)) && self.number == 1 {
            // `0,/re/`: the first line may end it.
            if !self.fits(second) {
                self.open[at] = Some(0);
            }
            return true;
        }
        if !self.fits(first) {
            return false;
        }
        self.open[at] = match second {
            Address::Line(line) if *line <= self.number => None,
            Address::Last if self.ahead.is_none() => None,
            Address::Plus(0) => None,
            Address::Plus(count) => Some(self.number + count),
            _ => Some(0),
        };
        true
    }

    fn fits(&mut self, address: &Address) -> bool {
        match address {
            Address::Line(line) => self.number == *line,
            Address::Last => self.ahead.is_none(),
            Address::Step(first, 0) => self.number == *first,
            Address::Step(first, step) => {
                self.number >= *first && (self.number - first).is_multiple_of(*step)
            }
            Address::Plus(_) => false,
            Address::Regex(regex) => {
                if let Some(regex) = regex {
                    self.last_regex = Some(regex.clone());
                }
                self.last_regex.as_ref().is_some_and(|regex| regex.is_match(&self.pattern))
            }
        }
    }

    async fn act(&mut self, at: usize, action: &Action, out: &mut Out) -> After {
        match action {
            Action::Block(_) | Action::EndBlock | Action::Label => {}
            Action::Substitute(substitute) => self.substitute(substitute, out).await,
            Action::Delete => return After::End(false),
            Action::DeleteFirst => match self.pattern.find('\n') {
                Some(newline) => {
                    self.pattern.drain(..=newline);
                    return After::Again;
                }
                None => return After::End(false),
            },
            Action::Print => {
                let line = self.pattern.clone();
                self.put_line(out, &line);
            }
            Action::PrintFirst => {
                let line = self.pattern.split('\n').next().unwrap_or("").to_owned();
                self.put(out, &format!("{line}\n"));
            }
            Action::Quit(status, print) => return After::Quit(*status, *print),
            Action::Number => self.put(out, &format!("{}\n", self.number)),
            Action::Append(text) => self.queue.push(text.clone()),
            Action::Insert(text) => self.put(out, text),
            Action::Change(text) => {
                // Of a range only the last line is replaced, the others go.
                let range = matches!(self.script.commands[at].addresses, Addresses::Range(..));
                if !(range && self.open[at].is_some()) {
                    self.put(out, text);
                }
                return After::End(false);
            }
            Action::Translate(from, to) => {
                let change = |c: char| from.iter().position(|f| *f == c).map_or(c, |i| to[i]);
                self.pattern = self.pattern.chars().map(change).collect();
            }
            Action::Next | Action::AppendNext => return self.next_line(action, out).await,
            Action::Branch(to) => return After::Jump(to.unwrap_or(usize::MAX)),
            Action::BranchIf(to) => {
                if std::mem::take(&mut self.substituted) {
                    return After::Jump(to.unwrap_or(usize::MAX));
                }
            }
            Action::Write(path) => {
                let line = format!("{}\n", self.pattern);
                self.write(path, &line, out).await;
            }
            Action::Read(path) => {
                if let Ok(bytes) = self.sys.read_file(path) {
                    self.queue.push(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
            Action::List => {
                let text = listed(&self.pattern);
                self.put(out, &text);
            }
            space => self.spaces(space),
        }
        After::Next
    }

    /// `n` and `N`: on with the next line; without one the run ends.
    async fn next_line(&mut self, action: &Action, out: &mut Out) -> After {
        if self.ahead.is_none() {
            return After::Quit(0, true);
        }
        let before = std::mem::take(&mut self.pattern);
        let substituted = self.substituted;
        if matches!(action, Action::AppendNext) {
            self.advance(out).await;
            self.pattern = format!("{before}\n{}", self.pattern);
        } else {
            if !self.silent {
                self.put_line(out, &before);
            }
            self.flush_queue(out);
            self.advance(out).await;
        }
        self.substituted = substituted;
        After::Next
    }

    /// The commands between pattern space and hold space.
    fn spaces(&mut self, action: &Action) {
        match action {
            Action::Hold => self.hold.clone_from(&self.pattern),
            Action::HoldAppend => self.hold = format!("{}\n{}", self.hold, self.pattern),
            Action::Get => self.pattern.clone_from(&self.hold),
            Action::GetAppend => self.pattern = format!("{}\n{}", self.pattern, self.hold),
            _ => std::mem::swap(&mut self.pattern, &mut self.hold),
        }
    }

    async fn substitute(&mut self, wish: &Substitute, out: &mut Out) {
        if let Some(regex) = &wish.regex {
            self.last_regex = Some(regex.clone());
        }
        let Some(regex) = self.last_regex.clone() else { return };
        let mut result = String::new();
        let mut end = 0;
        let mut count = 0;
        let mut changed = false;
        for captures in regex.captures_iter(&self.pattern) {
            let whole = captures.get(0).expect("group 0 is the match");
            count += 1;
            if count < wish.nth {
                continue;
            }
            result.push_str(&self.pattern[end..whole.start()]);
            replacement(&wish.with, &captures, &mut result);
            end = whole.end();
            changed = true;
            if !wish.all {
                break;
            }
        }
        if !changed {
            return;
        }
        result.push_str(&self.pattern[end..]);
        self.pattern = result;
        self.substituted = true;
        if wish.print {
            let line = self.pattern.clone();
            self.put_line(out, &line);
        }
        if let Some(path) = &wish.write {
            let line = format!("{}\n", self.pattern);
            self.write(path, &line, out).await;
        }
    }

    async fn write(&mut self, path: &str, line: &str, out: &mut Out) {
        if path == "/dev/stdout" {
            return self.put(out, line);
        }
        if let Err(error) = self.write_file(path, line).await {
            self.complain(out, &format!("couldn't open file {path}: {error}")).await;
            self.status = 4;
        }
    }

    async fn write_file(&mut self, path: &str, line: &str) -> Result<(), Errno> {
        let at = match self.files.iter().position(|(name, _)| name == path) {
            Some(at) => at,
            None => {
                let fd = self.sys.open(path, OpenFlags::WRITE)?;
                self.files.push((path.to_owned(), Opened::new(&self.sys, fd)));
                self.files.len() - 1
            }
        };
        self.sys.write(self.files[at].1.fd(), line.as_bytes()).await
    }
}

fn replacement(pieces: &[Piece], captures: &Captures<'_>, out: &mut String) {
    let mut case = 'E';
    let mut once = None;
    for piece in pieces {
        let text = match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Group(group) => captures.get(*group).map_or("", |m| m.as_str()),
            Piece::Case(c @ ('u' | 'l')) => {
                once = Some(*c);
                continue;
            }
            Piece::Case(c) => {
                case = *c;
                continue;
            }
        };
        let mut changed = match case {
            'U' => text.to_uppercase(),
            'L' => text.to_lowercase(),
            _ => text.to_owned(),
        };
        if let (Some(how), Some(first)) = (once, changed.chars().next()) {
            let first_text: String = if how == 'u' {
                first.to_uppercase().collect()
            } else {
                first.to_lowercase().collect()
            };
            changed = format!("{first_text}{}", &changed[first.len_utf8()..]);
            once = None;
        }
        out.push_str(&changed);
    }
}

/// A line so that everything in it can be seen.
fn listed(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            32..=126 => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out + "$\n"
}
