//! `quorum replay`: a saved run, once more, from its first event.

use std::fs;
use std::path::Path;

use lab::recipe;
use lab::session::Session;

/// Replays a recipe and prints the trace hash at its end.
pub(crate) fn run(file: &Path) -> Result<(), String> {
    let name = file.display();
    let bytes = fs::read(file).map_err(|error| format!("{name}: {error}"))?;
    let recipe = recipe::from_bytes(&bytes).map_err(|error| format!("{name}: {error}"))?;
    let mut session = Session::load(recipe).map_err(|error| format!("{name}: {error}"))?;
    session.replay_to_end().map_err(|error| format!("{name}: {error}"))?;
    println!("{:016x}", session.trace_hash());
    Ok(())
}
