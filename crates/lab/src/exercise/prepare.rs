//! Builds the start state of an exercise: a world, time to settle, the start commands.

use super::format::Exercise;
use crate::api::Input;
use crate::session::Session;
use crate::typist::{Typist, split_host};

/// How long a command may take, in virtual time, before it is interrupted.
const COMMAND_MAX_US: u64 = 600_000_000;
/// How long all of them may take: a world that needs longer is no start state.
const START_MAX_US: u64 = 3_600_000_000;

/// Somebody at the terminals of a session in which the exercise has just begun. The source is that of
/// `exercise.toml`; the error is a sentence.
pub fn prepare(source: &str, seed: u64) -> Result<Typist, String> {
    let exercise = Exercise::read(source, seed).map_err(|why| why.to_string())?;
    let options = exercise.options(seed).map_err(|why| why.to_string())?;
    let home = exercise.host().map_err(|why| why.to_string())?;
    let mut session = Session::new(options)?;
    session.settle_in()?;
    let mut typist = Typist::new(session, &home, COMMAND_MAX_US);
    let mut jobs = Vec::new();
    for command in &exercise.start {
        let line = typist.session().fill(command);
        let outcome = typist.run(&line, &mut |_, _| ())?;
        if outcome.exit != 0 {
            let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
            let exit = outcome.exit;
            return Err(format!("start: '{command}' ended with status {exit}: {}", said.trim()));
        }
        if typist.session().now_us() > START_MAX_US {
            let minutes = START_MAX_US / 60_000_000;
            return Err(format!("start: it takes more than {minutes} minutes of virtual time"));
        }
        // A shell in which a job of the start state runs is left open.
        if command.trim_end().ends_with('&') {
            jobs.push(split_host(command).0.unwrap_or(&home).to_owned());
        }
    }
    let mut session = typist.leave(&jobs)?;
    session.apply(Input::Begin { source: source.to_owned() })?;
    session.drain_events();
    Ok(Typist::new(session, &home, COMMAND_MAX_US))
}
