//! Writes the commands with which a page begins, as `web/js/first.mjs` runs them: a world of
//! three members comes up and settles, a terminal is opened, its prompt stands, the cluster
//! lives on for a while. Several seeds, because not every election goes the same way; before
//! each stands an empty command, which begins a new world. Built without the engine.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it writes a real file")]

use std::process::ExitCode;

use lab::api::{Command, Input, TtyId, Want, WorldOptions};

/// Worlds that are tried. What none of them does is only loaded later.
const SEEDS: [u64; 24] = [
    7, 11, 211, 503, 1009, 1301, 1613, 2003, 2503, 3001, 3511, 4001, 4507, 5003, 5501, 6007, 6521,
    7001, 7507, 7919, 8501, 9001, 9511, 9973,
];
/// Each world has a date and a time of day of its own: how these are written depends on them.
const EPOCH_US: u64 = 1_793_534_400_000_000;
const STRIDE_US: u64 = 12_345_679_000;
/// The page lets a fresh world run this far before it shows it, and opens its terminal then.
const SETTLED_US: u64 = 6_000_000;
const UNTIL_US: u64 = 12_000_000;
/// Time between two pictures, at the least; by how much more it is in the next world.
const FRAME_US: u64 = 16_700;
const FRAME_STEP_US: u64 = 4_567;
/// How many events the page begins with in one slice; it takes more where that was quick.
const EVENTS_MAX: u32 = 512;
const SLICES: u32 = 12;
const DOUBLED_MAX: u32 = 3;

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
        epoch_us: EPOCH_US + seed * STRIDE_US,
        checkers: true,
    };
    let tty = TtyId(1);
    let nothing = Command::Advance { until_us: 0, events_max: 0 };
    let view = |seen| Command::View(Want { seen, flights: true, ..Want::default() });
    let mut all = vec![Command::New(options), nothing.clone()];
    // As far as it is shown only when it is there: in slices of as many events as take no time.
    for slice in 0..SLICES {
        let events_max = EVENTS_MAX << slice.min(DOUBLED_MAX);
        all.push(Command::Advance { until_us: SETTLED_US, events_max });
        all.push(view(0));
    }
    all.push(nothing);
    all.push(Command::Apply(Input::OpenTty { tty, host: "n1".into() }));
    let frame_us = FRAME_US + seed % SEEDS.len() as u64 * FRAME_STEP_US;
    let frames = (SETTLED_US + frame_us..=UNTIL_US).step_by(frame_us as usize);
    for (seen, until_us) in (1_u64..).zip(frames) {
        all.push(Command::Advance { until_us, events_max: EVENTS_MAX });
        all.push(view(seen));
    }
    all
}
