//! `quorum`: the lab without a screen. The same session as in the page, run natively.
//!
//! Exit codes: 0 when all lines ran, whatever their status; 2 when it was called wrongly, with
//! one line on stderr and nothing written; 1 when an exercise does not hold what it promises; 3 when a checker stopped the world, with what it
//! found and how to see it again.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the bans of this folder are for the core; this is a program of the real machine"
)]

mod args;
mod exec;
#[cfg(feature = "k8s")]
mod exercises;
#[cfg(feature = "k8s")]
mod measure;
mod replay;

use std::process::ExitCode;

use args::Call;

/// Why nothing more was done.
enum Failure {
    /// A wrong call, or a file that cannot be read or written.
    Call(String),
    /// A checker stopped the world.
    Violation(String),
    /// An exercise does not hold what it promises.
    #[cfg(feature = "k8s")]
    Proof(String),
}

impl From<String> for Failure {
    fn from(sentence: String) -> Failure {
        Failure::Call(sentence)
    }
}

fn main() -> ExitCode {
    let done = match args::read() {
        Ok(Call::Exec(call)) => exec::run(&call),
        Ok(Call::Replay(file)) => replay::run(&file).map_err(Failure::Call),
        #[cfg(feature = "k8s")]
        Ok(Call::Exercises(call)) => exercises::run(&call),
        #[cfg(feature = "k8s")]
        Ok(Call::Measure { sheets, members }) => measure::run(sheets, members),
        Ok(Call::Worlds) => {
            for world in lab::worlds::WORLDS {
                println!("{:<10} {}", world.name, world.summary);
            }
            Ok(())
        }
        Ok(Call::Help) => {
            print!("{}", args::help());
            Ok(())
        }
        Err(error) => Err(Failure::Call(error)),
    };
    let (error, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Call(error)) => (error, 2),
        Err(Failure::Violation(error)) => (error, 3),
        #[cfg(feature = "k8s")]
        Err(Failure::Proof(error)) => (error, 1),
    };
    eprintln!("quorum: {error}");
    ExitCode::from(code)
}
