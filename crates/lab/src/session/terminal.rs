//! A terminal of the page: the line editor at the prompt, the line discipline of a tty while
//! a program runs, and the bytes that wait to be shown.
//!
//! None of it is in the world: keys become recorded inputs only when a line is complete.

use sim::{HostId, World};

use super::sim_tty;
use crate::api::{Edited, Input, TtyId, TtySignal};
use crate::shell::complete::Surroundings;
use crate::shell::edit::{Editor, Outcome, Submitted};

/// Columns before the page has said how wide it is.
const COLUMNS: u16 = 80;
/// Bytes kept for a page that does not look.
const SHOWN_BYTES_MAX: usize = 4 << 20;

/// The state of a terminal.
pub(crate) struct Terminal {
    host: HostId,
    name: String,
    /// Who sits at it, and where he is at home.
    user: String,
    home: String,
    editor: Editor,
    columns: u16,
    /// The size of the screen, as the world knows it.
    size: Option<(u16, u16)>,
    /// A line typed to the running program, not yet ended by Enter.
    typed: String,
    /// Bytes nobody has been shown yet.
    fresh: Vec<u8>,
    /// Whether the last thing shown ended a line.
    at_line_start: bool,
    /// A command the editor held ready, to be submitted when the one before ended.
    next: Option<Submitted>,
    /// When the last command was submitted.
    since_us: u64,
}

/// What completion may know, asked of the world.
struct Around<'a> {
    world: &'a World,
    host: HostId,
    cwd: String,
    home: String,
}

const PATH: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];
const VARIABLES: [&str; 6] = ["HOME", "HOSTNAME", "PATH", "PWD", "SHELL", "USER"];

impl Surroundings for Around<'_> {
    fn programs(&self) -> Vec<String> {
        let mut names: Vec<String> =
            PATH.iter().flat_map(|folder| self.list(folder)).map(|(name, _)| name).collect();
        flat::sort(&mut names);
        names.dedup();
        names
    }

    fn list(&self, directory: &str) -> Vec<(String, bool)> {
        let path = match directory {
            "" => self.cwd.clone(),
            absolute if absolute.starts_with('/') => absolute.to_string(),
            relative => format!("{}/{relative}", self.cwd),
        };
        // What cannot be listed has nothing to offer.
        self.world.read_dir(self.host, &path).unwrap_or_default()
    }

    fn variables(&self) -> Vec<String> {
        VARIABLES.map(String::from).into()
    }

    fn home(&self) -> String {
        self.home.clone()
    }
}

impl Terminal {
    /// A terminal whose shell was just opened, at its first prompt.
    pub(crate) fn new(host: HostId, name: String, user: &str) -> Terminal {
        let home = if user == "root" { "/root".into() } else { format!("/home/{user}") };
        let mut terminal = Terminal {
            host,
            name,
            user: user.into(),
            home,
            editor: Editor::new(),
            columns: COLUMNS,
            size: None,
            typed: String::new(),
            fresh: Vec::new(),
            at_line_start: true,
            next: None,
            since_us: 0,
        };
        let home = terminal.home.clone();
        terminal.show_prompt(&home, None);
        terminal
    }

    /// Where its shell runs.
    pub(crate) fn host(&self) -> HostId {
        self.host
    }

    /// The host's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes the bytes nobody has been shown yet, at most `max` of them.
    pub(crate) fn take_fresh(&mut self, max: usize) -> Vec<u8> {
        let rest = self.fresh.split_off(self.fresh.len().min(max));
        std::mem::replace(&mut self.fresh, rest)
    }

    /// A program printed something.
    pub(crate) fn printed(&mut self, bytes: &[u8]) {
        if self.editor.is_busy() {
            self.show(bytes);
            return;
        }
        // A background job prints into a line that is being typed: it goes above it.
        let hidden = self.editor.hide();
        self.show(&hidden);
        self.show(bytes);
        if !self.at_line_start {
            self.show(b"\n");
        }
        let line = self.editor.redraw();
        self.show(&line);
    }

    fn show(&mut self, bytes: &[u8]) {
        self.fresh.extend_from_slice(bytes);
        if let Some(last) = bytes.last() {
            self.at_line_start = *last == b'\n';
        }
        if self.fresh.len() > SHOWN_BYTES_MAX {
            let cut = self.fresh.len() - SHOWN_BYTES_MAX / 2;
            self.fresh.drain(..cut);
        }
    }

    /// A command was submitted. One that did not come from this editor (a replay, a driver
    /// without a screen) is shown as if it had been typed.
    pub(crate) fn line_submitted(&mut self, text: &str, now_us: u64) {
        self.typed.clear();
        self.since_us = now_us;
        if self.editor.is_busy() {
            return;
        }
        let pasted = format!("\x1b[200~{text}\x1b[201~\r");
        let outcome =
            self.editor.keys(pasted.as_bytes(), self.columns, &crate::shell::complete::Nowhere);
        self.editor.forget_ahead();
        self.show(&outcome.echo);
    }

    /// The command ended: the next prompt, and what was typed ahead.
    pub(crate) fn command_done(&mut self, cwd: Option<&str>, world: &World) {
        if !self.at_line_start {
            self.show(b"\n");
        }
        let home = self.home.clone();
        self.show_prompt(cwd.unwrap_or(&home), Some(world));
    }

    fn show_prompt(&mut self, cwd: &str, world: Option<&World>) {
        let place = match cwd.strip_prefix(self.home.as_str()) {
            Some("") => "~".to_string(),
            Some(rest) if rest.starts_with('/') => format!("~{rest}"),
            _ => cwd.to_string(),
        };
        let sign = if self.user == "root" { '#' } else { '$' };
        let prompt = format!("{}@{}:{place}{sign} ", self.user, self.name);
        let outcome = match world {
            Some(world) => {
                let around = Around {
                    world,
                    host: self.host,
                    cwd: cwd.to_string(),
                    home: self.home.clone(),
                };
                self.editor.prompt(&prompt, self.columns, &around)
            }
            None => self.editor.prompt(&prompt, self.columns, &crate::shell::complete::Nowhere),
        };
        self.show(&outcome.echo);
        self.next = outcome.submitted;
    }

    /// Since when the running command runs; 0 at the prompt.
    pub(crate) fn since_us(&self) -> u64 {
        if self.editor.is_busy() { self.since_us } else { 0 }
    }

    /// A command that waited for the one before it.
    pub(crate) fn take_next(&mut self, tty: TtyId) -> Option<Input> {
        self.next.take().map(|submitted| input_of(tty, submitted))
    }

    /// A key: at the prompt it edits the line, else it goes to the running program.
    pub(crate) fn key(
        &mut self,
        tty: TtyId,
        bytes: &[u8],
        size: (u16, u16),
        world: &World,
    ) -> Edited {
        let columns = size.0;
        self.columns = columns;
        if self.editor.is_busy() {
            if world.tty_raw(sim_tty(tty)) {
                return raw(tty, bytes);
            }
            return self.cooked(tty, bytes, world.tty_echo(sim_tty(tty)));
        }
        let cwd = world.tty_cwd(sim_tty(tty)).unwrap_or_else(|| self.home.clone());
        let around = Around { world, host: self.host, cwd, home: self.home.clone() };
        let Outcome { echo, submitted } = self.editor.keys(bytes, columns, &around);
        if let Some(last) = echo.last() {
            self.at_line_start = *last == b'\n';
        }
        let mut submit: Vec<Input> =
            submitted.map(|submitted| input_of(tty, submitted)).into_iter().collect();
        // What is about to run may ask how large the screen is.
        if !submit.is_empty() && self.size != Some(size) {
            submit.insert(0, Input::Screen { tty, columns, rows: size.1 });
        }
        Edited { echo, submit }
    }

    /// The screen has this size, as the world was told.
    pub(crate) fn resized(&mut self, size: (u16, u16)) {
        self.size = Some(size);
    }

    /// The line discipline of a tty: echo, erase, and lines for the program.
    fn cooked(&mut self, tty: TtyId, bytes: &[u8], echo: bool) -> Edited {
        let at_line_start = self.at_line_start;
        let mut edited = self.discipline(tty, bytes);
        let interrupted = edited.submit.iter().any(|it| matches!(it, Input::Signal { .. }));
        if !echo && !interrupted {
            edited.echo.clear();
            self.at_line_start = at_line_start;
        }
        edited
    }

    fn discipline(&mut self, tty: TtyId, bytes: &[u8]) -> Edited {
        let mut edited = Edited { echo: Vec::new(), submit: Vec::new() };
        for c in String::from_utf8_lossy(bytes).chars() {
            match c {
                '\x03' | '\x1c' | '\x1a' => {
                    self.editor.forget_ahead();
                    self.typed.clear();
                    self.next = None;
                    let (shown, signal) = match c {
                        '\x03' => ("^C\n", TtySignal::Interrupt),
                        '\x1a' => ("^Z\n", TtySignal::Suspend),
                        _ => ("^\\\n", TtySignal::Quit),
                    };
                    edited.echo.extend_from_slice(shown.as_bytes());
                    self.at_line_start = true;
                    edited.submit.push(Input::Signal { tty, signal });
                }
                '\x04' if self.typed.is_empty() => edited.submit.push(Input::Eof { tty }),
                '\x04' => {
                    let bytes = std::mem::take(&mut self.typed).into_bytes();
                    edited.submit.push(Input::Stdin { tty, bytes });
                }
                '\r' | '\n' => {
                    let mut line = std::mem::take(&mut self.typed);
                    line.push('\n');
                    edited.echo.push(b'\n');
                    self.at_line_start = true;
                    edited.submit.push(Input::Stdin { tty, bytes: line.into_bytes() });
                }
                '\x7f' | '\x08' if self.typed.pop().is_some() => {
                    edited.echo.extend_from_slice(b"\x08 \x08");
                }
                '\x15' => {
                    for _ in self.typed.drain(..) {
                        edited.echo.extend_from_slice(b"\x08 \x08");
                    }
                }
                // The rest of an escape sequence would only be noise in a program's input.
                '\x1b' => break,
                c if c == '\t' || !c.is_control() => {
                    self.typed.push(c);
                    self.at_line_start = false;
                    edited.echo.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => {}
            }
        }
        edited
    }
}

/// Keys for a program that takes them one by one: only the signals are not its own.
fn raw(tty: TtyId, bytes: &[u8]) -> Edited {
    let submit = match bytes {
        [0x03] => Input::Signal { tty, signal: TtySignal::Interrupt },
        [0x1a] => Input::Signal { tty, signal: TtySignal::Suspend },
        _ => Input::Stdin { tty, bytes: bytes.to_vec() },
    };
    Edited { echo: Vec::new(), submit: vec![submit] }
}

fn input_of(tty: TtyId, submitted: Submitted) -> Input {
    match submitted {
        Submitted::Line(text) => Input::Line { tty, text },
        Submitted::Eof => Input::CloseTty { tty },
    }
}
