//! Runs the workloads natively, prints their figures as JSON, and writes their commands as
//! streams for `tests/e2e/bench.mjs`, which runs the same in a browser.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "measuring needs a real clock"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lab::api::Command;
use lab::machine::Machine;
use serde_json::{Value, json};
use tests::workload::{self, Workload};

const ROUNDS: u32 = 3;

fn main() {
    let folder =
        std::env::args_os().nth(1).map(PathBuf::from).expect("name the folder for the streams");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let rows: Vec<Value> =
        workload::all().iter().enumerate().map(|(place, load)| row(&folder, place, load)).collect();
    println!("{}", Value::Array(rows));
}

fn row(folder: &Path, place: usize, load: &Workload) -> Value {
    let stream = format!("{place}.stream");
    let mut bytes = Vec::new();
    for part in [&load.setup, &load.measured] {
        push(&mut bytes, &u32::try_from(part.len()).expect("few commands").to_le_bytes());
        for command in part {
            push(&mut bytes, &postcard::to_allocvec(command).expect("a command is plain data"));
        }
    }
    fs::write(folder.join(&stream), bytes).expect("the stream can be written");
    json!({
        "name": load.name,
        "unit": load.unit,
        "amount": load.amount,
        "goal": load.goal,
        "memory_goal_mb": load.memory_goal_mb,
        "stream": stream,
        "native_s": best(&load.setup, &load.measured),
    })
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(part.len()).expect("a short command").to_le_bytes());
    bytes.extend_from_slice(part);
}

/// The best of some rounds, in seconds: noise only ever adds.
fn best(setup: &[Command], measured: &[Command]) -> f64 {
    let round = |_| {
        let mut machine = Machine::new();
        workload::run(&mut machine, setup);
        let start = Instant::now();
        workload::run(&mut machine, measured);
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}
