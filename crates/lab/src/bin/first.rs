//! Writes the commands with which a page begins, as `web/js/first.mjs` runs them: a world of
//! three members comes up and settles, a terminal is opened, its prompt stands, the cluster
//! lives on for a while. Several seeds, because not every election goes the same way; before
//! each stands an empty command, which begins a new world. Built without the engine.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it writes a real file")]

use std::process::ExitCode;

use lab::api::{Command, Input, TtyId, Want, WorldOptions};

/// Worlds that are tried. What none of them does is only loaded later.
const SEEDS: [u64; 8] = [7, 11, 1009, 2003, 4001, 5003, 7919, 9973];
/// The page lets a fresh world run this far before it shows it, and opens its terminal then.
const SETTLED_US: u64 = 6_000_000;
const UNTIL_US: u64 = 12_000_000;
/// Time between two pictures.
const FRAME_US: u64 = 50_000;
/// How many events the page begins with in one slice.
const EVENTS_MAX: u32 = 512;

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else {
        eprintln!("name the file to write");
        return ExitCode::from(2);
    };
    let mut stream = Vec::new();
    for bytes in commands() {
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

fn commands() -> Vec<Vec<u8>> {
    let bytes =
        |command: &Command| postcard::to_allocvec(command).expect("a command is plain data");
    let world = |seed| commands_of(seed).iter().map(bytes).collect::<Vec<_>>();
    SEEDS.iter().flat_map(|seed| std::iter::once(Vec::new()).chain(world(*seed))).collect()
}

/// One fresh visit.
fn commands_of(seed: u64) -> Vec<Command> {
    let options = WorldOptions {
        world: "cluster".into(),
        members: 3,
        release: "3.6.14".into(),
        seed,
        epoch_us: 1_793_534_400_000_000,
        checkers: true,
    };
    let tty = TtyId(1);
    let mut all = vec![Command::New(options)];
    for (seen, until_us) in (0_u64..).zip((FRAME_US..=UNTIL_US).step_by(FRAME_US as usize)) {
        all.push(Command::Advance { until_us, events_max: EVENTS_MAX });
        if until_us == SETTLED_US {
            all.push(Command::Advance { until_us: 0, events_max: 0 });
            all.push(Command::Apply(Input::OpenTty { tty, host: "n1".into() }));
        }
        all.push(Command::View(Want { seen, flights: true, ..Want::default() }));
    }
    all
}
