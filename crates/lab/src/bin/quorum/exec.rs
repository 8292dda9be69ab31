//! `quorum exec`: types the lines of a file into shells of a world.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::api::Input;
use lab::recipe;
use lab::session::{Session, Stream};
use lab::typist::{Outcome, Typist, commands};

use crate::Failure;
use crate::args::{Copy, Exec};

/// Runs the file. A wrong call is found out before anything is run or written.
pub(crate) fn run(call: &Exec) -> Result<(), Failure> {
    let text = read_lines(call)?;
    let pushes = call.push.iter().map(read_push).collect::<Result<Vec<_>, _>>()?;
    let mut session = Session::new(call.options.clone())?;
    session.settle_in()?;
    for (copy, bytes) in call.push.iter().zip(pushes) {
        let (host, path) = (copy.host.clone(), copy.path.clone());
        session.apply(Input::Push { host, path, bytes })?;
    }
    let mut typist = Typist::new(session, &call.host, call.line_timeout_us);
    for command in commands(&text) {
        let ran = typist.run(&command, &mut |stream, bytes| show(call, stream, bytes));
        match ran {
            Ok(outcome) if call.json => print_json(&command, &outcome),
            Ok(_) => {}
            Err(violation) => return Err(stopped(call, typist.session_mut(), &violation)),
        }
    }
    leave(call, typist.session_mut()).map_err(Failure::Call)
}

/// Writes what was asked for at the end.
fn leave(call: &Exec, session: &mut Session) -> Result<(), String> {
    for copy in &call.pull {
        let bytes = session
            .pull(&copy.host, &copy.path)
            .map_err(|error| format!("--pull {}:{}: {error}", copy.host, copy.path))?;
        write(&copy.local, &bytes)?;
    }
    if let Some(file) = &call.take_home {
        let archive = session.take_home().map_err(|error| format!("--take-home: {error}"))?;
        write(file, &archive)?;
    }
    if let Some(file) = &call.recipe {
        write(file, &recipe::to_bytes(&session.recipe()))?;
    }
    Ok(())
}

/// A checker stopped the world: what it found, and how to see it again.
fn stopped(call: &Exec, session: &mut Session, violation: &str) -> Failure {
    let again = match &call.recipe {
        Some(file) => match write(file, &recipe::to_bytes(&session.recipe())) {
            Ok(()) => format!("reproduce it with: quorum replay {}", file.display()),
            Err(error) => format!("the recipe could not be saved: {error}"),
        },
        None => format!(
            "reproduce it with the same lines and: quorum exec {} --recipe FILE",
            call.world_flags()
        ),
    };
    Failure::Violation(format!("{violation}\n{again}"))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))
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

/// Prints as a terminal would; with `--json` the object says it later.
fn show(call: &Exec, stream: Stream, bytes: &[u8]) {
    if call.json {
        return;
    }
    // A reader that went away is no reason to stop the world.
    let _ = match stream {
        Stream::Stdout => std::io::stdout().write_all(bytes),
        Stream::Stderr => std::io::stderr().write_all(bytes),
    };
}

fn print_json(command: &str, outcome: &Outcome) {
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
        start_us: outcome.start_us,
        time_us: outcome.time_us,
    };
    let row = serde_json::to_string(&row).expect("a row is plain data");
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{row}").and_then(|()| out.flush());
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
