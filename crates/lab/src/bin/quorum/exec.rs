//! `quorum exec`: types the lines of a file into shells of a world.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::api::{Input, TtyId, TtySignal};
use lab::session::{Session, SessionEvent, Stream};
use lab::{recipe, shell};

use crate::args::{Copy, Exec};

/// How long an interrupted command may take to end before its shell is given up.
const INTERRUPT_GRACE_US: u64 = 10_000_000;
/// The exit of a command that SIGINT ended, as a shell reports it.
const EXIT_INTERRUPTED: i32 = 130;
/// The exit of a command whose host is off, as ssh reports a lost connection.
const EXIT_NO_HOST: i32 = 255;

/// Runs the file; an error means that nothing was run and nothing written.
pub(crate) fn run(call: &Exec) -> Result<(), String> {
    let text = read_lines(call)?;
    let pushes = call.push.iter().map(read_push).collect::<Result<Vec<_>, _>>()?;
    let mut session = Session::new(call.options.clone())?;
    session.settle_in()?;
    for (copy, bytes) in call.push.iter().zip(pushes) {
        let (host, path) = (copy.host.clone(), copy.path.clone());
        session.apply(Input::Push { host, path, bytes })?;
    }
    let mut typist = Typist { session, call, ttys: BTreeMap::new() };
    for command in commands(&text) {
        typist.run(&command)?;
    }
    let session = &mut typist.session;
    for copy in &call.pull {
        let bytes = session
            .pull(&copy.host, &copy.path)
            .map_err(|error| format!("--pull {}:{}: {error}", copy.host, copy.path))?;
        fs::write(&copy.local, bytes)
            .map_err(|error| format!("{}: {error}", copy.local.display()))?;
    }
    if let Some(file) = &call.recipe {
        fs::write(file, recipe::to_bytes(&session.recipe()))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

fn read_lines(call: &Exec) -> Result<String, String> {
    let mut bytes = Vec::new();
    match &call.file {
        Some(file) => {
            bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        None => {
            std::io::stdin().read_to_end(&mut bytes).map_err(|error| format!("stdin: {error}"))?;
        }
    }
    String::from_utf8(bytes).map_err(|_| "the lines to run are not UTF-8 text".into())
}

fn read_push(copy: &Copy) -> Result<Vec<u8>, String> {
    fs::read(&copy.local).map_err(|error| format!("--push {}: {error}", copy.local.display()))
}

/// The commands of a file: lines joined while one is not complete; blank lines and
/// comments give none.
fn commands(text: &str) -> Vec<String> {
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
fn split_host(command: &str) -> (Option<&str>, &str) {
    match command
        .trim_start()
        .strip_prefix('@')
        .and_then(|rest| rest.split_once(char::is_whitespace))
    {
        Some((host, command)) => (Some(host), command),
        None => (None, command),
    }
}

/// Who types, and into what.
struct Typist<'a> {
    session: Session,
    call: &'a Exec,
    /// The open shell of each host.
    ttys: BTreeMap<String, TtyId>,
}

/// What a command left behind.
#[derive(Default)]
struct Outcome {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    exit: i32,
}

impl Typist<'_> {
    fn run(&mut self, command: &str) -> Result<(), String> {
        let (host, line) = split_host(command);
        let host = host.unwrap_or(&self.call.host).to_string();
        let start_us = self.session.now_us();
        let outcome = match self.tty(&host) {
            Ok(tty) => self.type_line(tty, line)?,
            Err(sentence) => {
                let stderr = format!("{sentence}\n").into_bytes();
                let outcome = Outcome { stderr, exit: EXIT_NO_HOST, ..Outcome::default() };
                self.show(Stream::Stderr, &outcome.stderr);
                outcome
            }
        };
        if self.call.json {
            self.print_json(command, &outcome, start_us);
        }
        Ok(())
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
        self.session.apply(Input::OpenTty { tty, host: host.to_string() })?;
        self.ttys.insert(host.to_string(), tty);
        Ok(tty)
    }

    /// Types a line and waits for its end, interrupting it when it takes too long.
    fn type_line(&mut self, tty: TtyId, line: &str) -> Result<Outcome, String> {
        let mut outcome = Outcome::default();
        self.session.apply(Input::Line { tty, text: line.to_string() })?;
        let deadline_us = self.session.now_us() + self.call.line_timeout_us;
        if let Some(exit) = self.wait(tty, deadline_us, &mut outcome)? {
            outcome.exit = exit;
            return Ok(outcome);
        }
        self.session.apply(Input::Signal { tty, signal: TtySignal::Interrupt })?;
        let deadline_us = self.session.now_us() + INTERRUPT_GRACE_US;
        if self.wait(tty, deadline_us, &mut outcome)?.is_none() {
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
    ) -> Result<Option<i32>, String> {
        loop {
            let mut exit = None;
            for event in self.session.drain_events() {
                match event {
                    SessionEvent::Output { tty: from, stream, bytes } if from == tty => {
                        self.show(stream, &bytes);
                        match stream {
                            Stream::Stdout => outcome.stdout.extend_from_slice(&bytes),
                            Stream::Stderr => outcome.stderr.extend_from_slice(&bytes),
                        }
                    }
                    // What a background job of another shell prints belongs to no command.
                    SessionEvent::Output { stream, bytes, .. } => self.show(stream, &bytes),
                    SessionEvent::Done { tty: from, exit: status } if from == tty => {
                        exit = Some(status);
                    }
                    SessionEvent::Done { .. } => {}
                }
            }
            if exit.is_some() {
                return Ok(exit);
            }
            if let Some(violation) = self.session.violation() {
                return Err(format!("a checker stopped the world: {violation}"));
            }
            if !self.session.tty_is_open(tty) {
                return Ok(Some(EXIT_NO_HOST));
            }
            if self.session.now_us() >= deadline_us {
                return Ok(None);
            }
            self.session.advance_until_output(deadline_us);
        }
    }

    /// Prints as a terminal would; with `--json` the object says it later.
    fn show(&self, stream: Stream, bytes: &[u8]) {
        if self.call.json {
            return;
        }
        // A reader that went away is no reason to stop the world.
        let _ = match stream {
            Stream::Stdout => std::io::stdout().write_all(bytes),
            Stream::Stderr => std::io::stderr().write_all(bytes),
        };
    }

    fn print_json(&self, command: &str, outcome: &Outcome, start_us: u64) {
        let (stdout, stdout_b64) = match std::str::from_utf8(&outcome.stdout) {
            Ok(stdout) => (Some(stdout), None),
            Err(_) => (None, Some(STANDARD.encode(&outcome.stdout))),
        };
        let row = Row {
            cmd: command,
            stdout,
            stdout_b64,
            stderr: &String::from_utf8_lossy(&outcome.stderr),
            exit: outcome.exit,
            start_us,
            time_us: self.session.now_us() - start_us,
        };
        let row = serde_json::to_string(&row).expect("a row is plain data");
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{row}").and_then(|()| out.flush());
    }
}

/// The object of one command; the names are the contract of `--json`.
#[derive(serde::Serialize)]
struct Row<'a> {
    cmd: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_b64: Option<String>,
    stderr: &'a str,
    exit: i32,
    start_us: u64,
    time_us: u64,
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
