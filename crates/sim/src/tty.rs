//! Terminals: commands for a login shell, input for what runs in it, output for the screen.
//!
//! Line editing and echo are the lab's; what arrives here is complete commands and bytes.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::ids::Pid;

/// What one instant may bring to a screen before its writer has to rest.
pub(crate) const FLOOD_BYTES: u64 = 65_536;

/// How long it rests then: loops that print make time pass.
pub(crate) const FLOOD_REST_US: u64 = 10_000;

/// The two streams a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What was written to the standard output of the login shell or of what it started.
    Stdout,
    /// The same for standard error.
    Stderr,
}

/// An editor that a program shows in its terminal. Its text is the user's until he saves it,
/// so what changes in between is no part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editor {
    /// Which keys it understands: `vi` or `nano`.
    pub keys: String,
    /// The file, as it was named.
    pub path: String,
    /// What is in the file.
    pub text: String,
    /// Whether changes are warned of.
    pub read_only: bool,
    /// What the program says in the editor's last line.
    pub message: String,
    /// Whether `message` says that something failed.
    pub failed: bool,
    /// How often the text was written; with it what the user holds is saved.
    pub saved: u32,
}

/// What the user of an [`Editor`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditorAsk {
    /// The text to be written; none writes nothing.
    pub text: Option<String>,
    /// Another file than the one it was opened with.
    pub path: Option<String>,
    /// Write where a warning would say no (`:w!`).
    pub force: bool,
    /// Leave the editor, if the writing went well.
    pub leave: bool,
}

/// A terminal.
#[derive(Debug)]
pub(crate) struct Tty {
    /// The login shell while it lives.
    pub(crate) shell: Option<Pid>,
    /// Commands its user has entered and the shell has not taken.
    commands: VecDeque<String>,
    /// The command the shell is at.
    pub(crate) running: Option<String>,
    input: VecDeque<u8>,
    /// How many times the end of input was entered and not yet read.
    ends: u32,
    /// Process groups that get the signals of the keyboard.
    pub(crate) foreground: Vec<Pid>,
    pub(crate) closed: bool,
    /// What is typed is not to be shown: somebody asks for a password.
    pub(crate) silent: bool,
    /// Keys go to the program one by one, and are not shown.
    pub(crate) raw: bool,
    /// Columns and rows, where there is a screen at all.
    pub(crate) size: Option<(u16, u16)>,
    /// The editor a process shows.
    editor: Option<(Pid, Editor)>,
    asks: VecDeque<EditorAsk>,
    waiting: Vec<Pid>,
    flood_at_us: u64,
    flood_bytes: u64,
}

impl Tty {
    pub(crate) fn new() -> Tty {
        Tty {
            shell: None,
            commands: VecDeque::new(),
            running: None,
            input: VecDeque::new(),
            ends: 0,
            foreground: Vec::new(),
            closed: false,
            silent: false,
            raw: false,
            size: None,
            editor: None,
            asks: VecDeque::new(),
            waiting: Vec::new(),
            flood_at_us: 0,
            flood_bytes: 0,
        }
    }

    pub(crate) fn enter(&mut self, command: String) {
        self.commands.push_back(command);
    }

    /// The next command: `None` means wait, `Some(None)` that the terminal is closed.
    pub(crate) fn take_command(&mut self, pid: Pid) -> Option<Option<String>> {
        if let Some(command) = self.commands.pop_front() {
            self.running = Some(command.clone());
            return Some(Some(command));
        }
        if self.closed {
            return Some(None);
        }
        self.wait(pid);
        None
    }

    pub(crate) fn type_in(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
    }

    pub(crate) fn type_end(&mut self) {
        self.ends += 1;
    }

    /// What was typed and not read is dropped, as Ctrl-C does.
    pub(crate) fn flush_input(&mut self) {
        self.input.clear();
        self.ends = 0;
    }

    /// At most one line of input: none means wait, empty means the end.
    pub(crate) fn read(&mut self, max: usize, pid: Pid) -> Option<Bytes> {
        if self.input.is_empty() {
            if self.ends > 0 {
                self.ends -= 1;
                return Some(Bytes::new());
            }
            if self.closed {
                return Some(Bytes::new());
            }
            self.wait(pid);
            return None;
        }
        let line = self.input.iter().position(|&byte| byte == b'\n' && !self.raw);
        let len = line.map_or(self.input.len(), |index| index + 1).min(max);
        Some(self.input.drain(..len).collect::<Vec<u8>>().into())
    }

    /// Shows an editor, or what it says now; none puts it away.
    pub(crate) fn show_editor(&mut self, pid: Pid, editor: Option<Editor>) {
        self.asks.clear();
        self.editor = editor.map(|editor| (pid, editor));
    }

    pub(crate) fn editor(&self) -> Option<&(Pid, Editor)> {
        self.editor.as_ref()
    }

    /// The user asks something of the editor.
    pub(crate) fn ask_editor(&mut self, ask: EditorAsk) {
        if self.editor.is_some() {
            self.asks.push_back(ask);
        }
    }

    /// What was asked of the editor: none means wait.
    pub(crate) fn take_ask(&mut self, pid: Pid) -> Option<EditorAsk> {
        let ask = self.asks.pop_front();
        if ask.is_none() {
            self.wait(pid);
        }
        ask
    }

    /// A command has ended, however: the terminal is as it is at a prompt.
    pub(crate) fn sane(&mut self) {
        self.running = None;
        self.silent = false;
        self.raw = false;
        self.editor = None;
        self.asks.clear();
    }

    fn wait(&mut self, pid: Pid) {
        if !self.waiting.contains(&pid) {
            self.waiting.push(pid);
        }
    }

    pub(crate) fn take_waiting(&mut self) -> Vec<Pid> {
        std::mem::take(&mut self.waiting)
    }

    /// The login shell ended, and with it the command it was at.
    pub(crate) fn lose_shell(&mut self) {
        self.shell = None;
        self.sane();
        self.closed = true;
        self.foreground.clear();
        self.commands.clear();
    }

    /// Counts output; tells how long its writer has to rest.
    pub(crate) fn count(&mut self, bytes: u64, now_us: u64) -> Option<u64> {
        if self.flood_at_us != now_us {
            (self.flood_at_us, self.flood_bytes) = (now_us, 0);
        }
        self.flood_bytes += bytes;
        if self.flood_bytes < FLOOD_BYTES {
            return None;
        }
        self.flood_bytes = 0;
        Some(FLOOD_REST_US)
    }
}
