//! `quorum`: the lab without a screen. The same session as in the page, run natively.
//!
//! Exit codes: 0 when all lines ran, whatever their status; 2 when it was called wrongly,
//! with one line on stderr and nothing written.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the bans of this folder are for the core; this is a program of the real machine"
)]

mod args;
mod exec;
mod replay;

use std::process::ExitCode;

use args::Call;

fn main() -> ExitCode {
    let done = match args::read() {
        Ok(Call::Exec(call)) => exec::run(&call),
        Ok(Call::Replay(file)) => replay::run(&file),
        Ok(Call::Worlds) => {
            for world in lab::worlds::WORLDS {
                println!("{:<10} {}", world.name, world.summary);
            }
            Ok(())
        }
        Ok(Call::Help) => {
            print!("{}", args::HELP);
            Ok(())
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quorum: {error}");
            ExitCode::from(2)
        }
    }
}
