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
        let line = self.input.iter().position(|&byte| byte == b'\n');
        let len = line.map_or(self.input.len(), |index| index + 1).min(max);
        Some(self.input.drain(..len).collect::<Vec<u8>>().into())
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
        self.running = None;
        self.silent = false;
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
