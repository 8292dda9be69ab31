//! Typing whole commands into the shells of a session, and waiting for their ends: what
//! `quorum exec` does with the lines of a file, and what tests of more than one crate do.
//!
//! It knows no flags and no files of the real machine.

use crate::api::{Input, TtyId, TtySignal};
use crate::session::{Session, SessionEvent, Stream};
use crate::shell;
use flat::Map;

/// How long an interrupted command may take to end before its shell is given up.
const INTERRUPT_GRACE_US: u64 = 10_000_000;
/// The exit of a command that SIGINT ended, as a shell reports it.
const EXIT_INTERRUPTED: i32 = 130;
/// The exit of a command whose host is off, as ssh reports a lost connection.
const EXIT_NO_HOST: i32 = 255;

/// How long a host that is rebooting is waited for.
const REBOOT_US: u64 = 30_000_000;

/// Who types, and into what.
pub struct Typist {
    session: Session,
    /// The host of a command that names none.
    host: String,
    line_timeout_us: u64,
    /// The open shell of each host.
    ttys: Map<String, TtyId>,
}

/// What a command left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
    /// Its exit status.
    pub exit: i32,
    /// When it was typed.
    pub start_us: u64,
    /// How long it took.
    pub time_us: u64,
}

/// Hears what terminals print while a command runs.
pub type Listener<'a> = &'a mut dyn FnMut(Stream, &[u8]);

impl Typist {
    /// Somebody at `host`, who interrupts what takes longer than `line_timeout_us`. The session
    /// must have been settled in.
    pub fn new(session: Session, host: &str, line_timeout_us: u64) -> Typist {
        Typist { session, host: host.to_owned(), line_timeout_us, ttys: Map::new() }
    }

    /// The session typed into.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, when nobody types any more.
    pub fn into_session(self) -> Session {
        self.session
    }

    /// The session typed into.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Closes the shells but those on these hosts, and gives the session back.
    #[cfg(feature = "k8s")]
    pub(crate) fn leave(mut self, keep: &[String]) -> Result<Session, String> {
        for (host, tty) in std::mem::take(&mut self.ttys) {
            if !keep.contains(&host) && self.session.tty_is_open(tty) {
                self.session.apply(Input::CloseTty { tty })?;
            }
        }
        self.session.drain_events();
        Ok(self.session)
    }

    /// Types one command and waits for its end. The error says that a checker stopped the world.
    pub fn run(&mut self, command: &str, heard: Listener<'_>) -> Result<Outcome, String> {
        let (host, line) = split_host(command);
        let host = host.unwrap_or(&self.host).to_owned();
        let start_us = self.session.now_us();
        let mut outcome = match self.tty(&host) {
            Ok(tty) => self.type_line(tty, line, heard)?,
            Err(sentence) => {
                self.stopped()?;
                let stderr = format!("{sentence}\n").into_bytes();
                heard(Stream::Stderr, &stderr);
                Outcome { stderr, exit: EXIT_NO_HOST, ..Outcome::default() }
            }
        };
        outcome.start_us = start_us;
        outcome.time_us = self.session.now_us() - start_us;
        Ok(outcome)
    }

    /// The shell of a host, opened on first use and again after a power cut.
    fn tty(&mut self, host: &str) -> Result<TtyId, String> {
        if let Some(tty) = self.ttys.get(host).copied() {
            if self.session.tty_is_open(tty) {
                return Ok(tty);
            }
            self.ttys.remove(host);
        }
        let tty = self.session.next_tty();
        let open =
            |session: &mut Session| session.apply(Input::OpenTty { tty, host: host.to_owned() });
        // Somebody who has just rebooted a host tries again until it is back.
        let until_us = self.session.now_us() + REBOOT_US;
        while self.session.reboots(host) && self.session.now_us() < until_us {
            self.session.advance_until_output(self.session.now_us() + 1_000_000);
        }
        open(&mut self.session)?;
        self.ttys.insert(host.to_owned(), tty);
        Ok(tty)
    }

    /// Types a line and waits for its end, interrupting it when it takes too long.
    fn type_line(
        &mut self,
        tty: TtyId,
        line: &str,
        heard: Listener<'_>,
    ) -> Result<Outcome, String> {
        let mut outcome = Outcome::default();
        self.session.apply(Input::Line { tty, text: line.to_owned() })?;
        let deadline_us = self.session.now_us() + self.line_timeout_us;
        if let Some(exit) = self.wait(tty, deadline_us, &mut outcome, heard)? {
            outcome.exit = exit;
            return Ok(outcome);
        }
        self.session.apply(Input::Signal { tty, signal: TtySignal::Interrupt })?;
        let deadline_us = self.session.now_us() + INTERRUPT_GRACE_US;
        if self.wait(tty, deadline_us, &mut outcome, heard)?.is_none() {
            self.session.apply(Input::CloseTty { tty })?;
        }
        outcome.exit = EXIT_INTERRUPTED;
        Ok(outcome)
    }

    /// Lets time pass until the command of a terminal ends: its exit status, or none at the
    /// deadline. A shell that goes away with its host ends its command too.
    fn wait(
        &mut self,
        tty: TtyId,
        deadline_us: u64,
        outcome: &mut Outcome,
        heard: Listener<'_>,
    ) -> Result<Option<i32>, String> {
        loop {
            let mut exit = None;
            for event in self.session.drain_events() {
                match event {
                    SessionEvent::Output { tty: from, stream, bytes } if from == tty => {
                        heard(stream, &bytes);
                        match stream {
                            Stream::Stdout => outcome.stdout.extend_from_slice(&bytes),
                            Stream::Stderr => outcome.stderr.extend_from_slice(&bytes),
                        }
                    }
                    // What a background job of another shell prints belongs to no command.
                    SessionEvent::Output { stream, bytes, .. } => heard(stream, &bytes),
                    SessionEvent::Done { tty: from, exit: status } if from == tty => {
                        exit = Some(status);
                    }
                    SessionEvent::Done { .. } => {}
                }
            }
            if exit.is_some() {
                return Ok(exit);
            }
            self.stopped()?;
            if !self.session.tty_is_open(tty) {
                return Ok(Some(EXIT_NO_HOST));
            }
            if self.session.now_us() >= deadline_us {
                return Ok(None);
            }
            self.session.advance_until_output(deadline_us);
        }
    }

    /// An error when a checker stopped the world.
    fn stopped(&self) -> Result<(), String> {
        match self.session.violation() {
            Some(violation) => Err(format!("a checker stopped the world: {violation}")),
            None => Ok(()),
        }
    }
}

/// The commands of a text: lines joined while one is not complete; blank lines and comments
/// give none.
pub fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        if open.is_empty() && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
            continue;
        }
        if !open.is_empty() {
            open.push('\n');
        }
        open.push_str(line);
        if !shell::needs_more(split_host(&open).1) {
            commands.push(std::mem::take(&mut open));
        }
    }
    if !open.is_empty() {
        commands.push(open);
    }
    commands
}

/// `@n2 CMD` names a host.
pub(crate) fn split_host(command: &str) -> (Option<&str>, &str) {
    match command
        .trim_start()
        .strip_prefix('@')
        .and_then(|rest| rest.split_once(char::is_whitespace))
    {
        Some((host, command)) => (Some(host), command),
        None => (None, command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_here_document_and_an_open_quote_are_one_command() {
        let text =
            "# comment\n\necho a\ncat <<EOF\nx\n\n# y\nEOF\necho 'b\nc'\n@n2 cat <<EOF\nz\nEOF\n";
        assert_eq!(
            commands(text),
            ["echo a", "cat <<EOF\nx\n\n# y\nEOF", "echo 'b\nc'", "@n2 cat <<EOF\nz\nEOF"]
        );
    }

    #[test]
    fn a_host_is_named_by_an_at_sign() {
        assert_eq!(split_host("@n2 echo a"), (Some("n2"), "echo a"));
        assert_eq!(split_host("echo @n2"), (None, "echo @n2"));
    }
}
