//! The proof that an exercise works: doing nothing does not solve it, its solution does, on
//! every seed; so do other right ways; every wrong turn is seen; no cheat gets through.

use std::path::Path;

use super::format::Exercise;
use super::prepare::prepare;
use crate::typist::{Typist, commands};

/// Seeds the solution is played on.
pub const SEEDS: u64 = 20;
/// How long "do nothing" waits.
const IDLE_US: u64 = 30_000_000;
/// Time for the last look after a script.
const SETTLE_US: u64 = 1_000_000;

/// How the names of the other scripts begin.
const KINDS: [&str; 3] = ["also-", "wrong-", "cheat-"];

/// The files of an exercise.
pub struct Folder {
    /// `exercise.toml`.
    pub source: String,
    /// `solution.txt`.
    pub solution: String,
    /// `also-*.txt`, `wrong-*.txt` and `cheat-*.txt`, by their names, in order.
    pub scripts: Vec<(String, String)>,
}

impl Folder {
    /// Reads a folder. The error names the file.
    pub fn read(dir: &Path) -> Result<Folder, String> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        read("text.md")?;
        let (source, solution) = (read("exercise.toml")?, read("solution.txt")?);
        let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()));
        let mut names: Vec<String> = entries?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".txt"))
            .filter(|name| KINDS.iter().any(|kind| name.starts_with(kind)))
            .collect();
        names.sort_unstable();
        let scripts = names.into_iter().map(|name| Ok((name.clone(), read(&name)?)));
        Ok(Folder { source, solution, scripts: scripts.collect::<Result<_, String>>()? })
    }
}

/// What is wrong with an exercise; empty when nothing is.
pub fn prove(folder: &Folder, seeds: u64) -> Vec<String> {
    let mut problems = Vec::new();
    let exercise = match Exercise::read(&folder.source, 1) {
        Ok(exercise) => exercise,
        Err(why) => return vec![format!("exercise.toml: {why}")],
    };
    for seed in 1..=seeds {
        if let Err(why) = solution(folder, &folder.solution, seed) {
            problems.push(format!("solution.txt, seed {seed}: {why}"));
        }
    }
    if let Err(why) = nothing(folder) {
        problems.push(why);
    }
    for (name, script) in &folder.scripts {
        let proof = if let Some(rest) = name.strip_prefix("wrong-") {
            // `wrong-ID.2.txt` is another way to take the same turn.
            wrong(folder, rest.split('.').next().unwrap_or(rest), script)
        } else if name.starts_with("also-") {
            solution(folder, script, 1)
        } else {
            cheat(folder, script)
        };
        problems.extend(proof.err().map(|why| format!("{name}: {why}")));
    }
    for turn in &exercise.wrong {
        let name = format!("wrong-{}.txt", turn.id);
        if !folder.scripts.iter().any(|(other, _)| *other == name) {
            problems.push(format!("{name} is missing: nothing shows that this turn is seen"));
        }
    }
    problems
}

fn play(folder: &Folder, script: &str, seed: u64) -> Result<(Typist, String), String> {
    let exercise = Exercise::read(&folder.source, seed).map_err(|why| why.to_string())?;
    let script = exercise.fill(script, seed).map_err(|why| why.to_string())?;
    let mut player = prepare(&folder.source, seed)?;
    let mut said = String::new();
    for command in commands(&script) {
        let line = player.session().fill(&command);
        let mut bytes = Vec::new();
        let outcome = player.run(&line, &mut |_, more| bytes.extend_from_slice(more))?;
        let output = String::from_utf8_lossy(&bytes);
        said.push_str(&format!("  $ {line}\n  {}\n  [{}]\n", output.trim_end(), outcome.exit));
    }
    let until_us = player.session().now_us() + SETTLE_US;
    player.session_mut().advance(until_us, u32::MAX)?;
    Ok((player, said))
}

fn open_checks(player: &Typist) -> Vec<String> {
    let lesson = player.session().lesson().expect("the exercise has begun");
    let open = lesson.checks.into_iter().filter(|check| !check.bonus && !check.holds);
    open.map(|check| check.id).collect()
}

fn coached(player: &Typist) -> Vec<String> {
    let lesson = player.session().lesson().expect("the exercise has begun");
    lesson.coach.into_iter().map(|row| row.id).collect()
}

fn solution(folder: &Folder, script: &str, seed: u64) -> Result<(), String> {
    let (player, said) = play(folder, script, seed)?;
    let open = open_checks(&player);
    if !open.is_empty() {
        return Err(format!("these checks stay open: {}\n{said}", open.join(", ")));
    }
    let coached = coached(&player);
    if !coached.is_empty() {
        return Err(format!("what is right is told it is wrong: {}\n{said}", coached.join(", ")));
    }
    Ok(())
}

fn nothing(folder: &Folder) -> Result<(), String> {
    let mut player = prepare(&folder.source, 1)?;
    let until_us = player.session().now_us() + IDLE_US;
    player.session_mut().advance(until_us, u32::MAX)?;
    if open_checks(&player).is_empty() {
        return Err("who does nothing passes".into());
    }
    let coached = coached(&player);
    if !coached.is_empty() {
        return Err(format!("who does nothing is told: {}", coached.join(", ")));
    }
    Ok(())
}

fn wrong(folder: &Folder, id: &str, script: &str) -> Result<(), String> {
    let (player, said) = play(folder, script, 1)?;
    let coached = coached(&player);
    if !coached.iter().any(|other| other == id) {
        return Err(format!("the turn was not seen, only [{}]\n{said}", coached.join(", ")));
    }
    Ok(())
}

fn cheat(folder: &Folder, script: &str) -> Result<(), String> {
    let (player, said) = play(folder, script, 1)?;
    if open_checks(&player).is_empty() {
        return Err(format!("it passes\n{said}"));
    }
    Ok(())
}
