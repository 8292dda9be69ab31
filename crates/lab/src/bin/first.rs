//! Writes the commands with which a page begins, as `web/js/split.mjs` runs them: a world of
//! three members comes up, is drawn, and a terminal is opened. Built without the engine.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it writes a real file")]

use std::process::ExitCode;

use lab::api::{Command, Input, TtyId, Want, WorldOptions};

/// A frame of the page, and what it shows before anything is touched.
const FRAME_US: u64 = 50_000;
const UNTIL_US: u64 = 12_000_000;
/// When the page opens its first terminal.
const TTY_AT_US: u64 = 1_000_000;

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else {
        eprintln!("name the file to write");
        return ExitCode::from(2);
    };
    let mut stream = Vec::new();
    for command in commands() {
        let bytes = postcard::to_allocvec(&command).expect("a command is plain data");
        let len = u32::try_from(bytes.len()).expect("a short command");
        stream.extend_from_slice(&len.to_le_bytes());
        stream.extend_from_slice(&bytes);
    }
    match std::fs::write(file, stream) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn commands() -> Vec<Command> {
    let options = WorldOptions {
        world: "cluster".into(),
        members: 3,
        release: "3.6.14".into(),
        seed: 7,
        epoch_us: 1_793_534_400_000_000,
        checkers: true,
    };
    let tty = TtyId(1);
    let mut all = vec![Command::New(options)];
    for (seen, until_us) in (0_u64..).zip((FRAME_US..=UNTIL_US).step_by(FRAME_US as usize)) {
        all.push(Command::Advance { until_us, events_max: 1 << 20 });
        if until_us == TTY_AT_US {
            all.push(Command::Apply(Input::OpenTty { tty, host: "n1".into() }));
        }
        let logs = vec!["n1".into(), "n2".into(), "n3".into()];
        all.push(Command::View(Want { seen, flights: true, logs, ..Want::default() }));
    }
    all.push(Command::Edit { tty, bytes: b"l".to_vec(), columns: 80, rows: 24 });
    all.push(Command::Recipe);
    all
}
