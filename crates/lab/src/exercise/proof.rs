//! The proof that an exercise works: doing nothing does not solve it, its solution does, on
//! every seed; so do other right ways; every wrong turn is seen; no cheat gets through.
//!
//! It goes in steps, each a world of its own, so that a page can show how far it is and stop.

use super::bundle::Folder;
use super::format::Exercise;
use super::prepare::prepare;
use crate::typist::{Typist, commands};

/// Seeds the solution is played on.
pub const SEEDS: u64 = 20;
/// How long "do nothing" waits.
const IDLE_US: u64 = 30_000_000;
/// Time for the last look after a script.
const SETTLE_US: u64 = 1_000_000;

#[cfg(feature = "cli")]
impl Folder {
    /// Reads a folder. The error names the file.
    pub fn read(dir: &std::path::Path) -> Result<Folder, String> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let (text, source, solution) =
            (read("text.md")?, read("exercise.toml")?, read("solution.txt")?);
        let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()));
        let mut names: Vec<String> = entries?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".txt"))
            .filter(|name| super::bundle::SCRIPTS.iter().any(|kind| name.starts_with(kind)))
            .collect();
        names.sort_unstable();
        let scripts = names.into_iter().map(|name| Ok((name.clone(), read(&name)?)));
        let scripts = scripts.collect::<Result<_, String>>()?;
        Ok(Folder { source, text, solution, scripts })
    }
}

/// One world of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Every wrong turn has its script; no world at all.
    Complete,
    Nothing,
    Solution(u64),
    Script(usize),
}

/// A proof to be made, step by step.
pub struct Proof {
    folder: Folder,
    exercise: Exercise,
    steps: Vec<Step>,
}

impl Proof {
    /// What there is to show, with the solution on so many seeds. The error says why the
    /// files are no exercise.
    pub fn of(folder: Folder, seeds: u64) -> Result<Proof, String> {
        let exercise = Exercise::read(&folder.source, 1).map_err(|why| why.to_string())?;
        let mut steps = vec![Step::Complete, Step::Nothing];
        steps.extend((1..=seeds).map(Step::Solution));
        steps.extend((0..folder.scripts.len()).map(Step::Script));
        Ok(Proof { folder, exercise, steps })
    }

    /// How many steps it has.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Never: doing nothing is always tried.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What a step shows, in a few words.
    pub fn name(&self, step: usize) -> String {
        match self.steps.get(step) {
            Some(Step::Complete) => "every wrong turn has its script".into(),
            Some(Step::Nothing) => "doing nothing".into(),
            Some(Step::Solution(seed)) => format!("solution.txt, seed {seed}"),
            Some(Step::Script(place)) => self.folder.scripts[*place].0.clone(),
            None => String::new(),
        }
    }

    /// What is wrong with the exercise there; empty when nothing is.
    pub fn run(&self, step: usize) -> Vec<String> {
        let folder = &self.folder;
        let found = match self.steps.get(step) {
            Some(Step::Complete) => return self.missing(),
            Some(Step::Nothing) => return nothing(folder).err().into_iter().collect(),
            Some(Step::Solution(seed)) => solution(folder, &folder.solution, *seed),
            Some(Step::Script(place)) => {
                let (name, script) = &folder.scripts[*place];
                if let Some(rest) = name.strip_prefix("wrong-") {
                    // `wrong-ID.2.txt` is another way to take the same turn.
                    wrong(folder, rest.split('.').next().unwrap_or(rest), script)
                } else if name.starts_with("also-") {
                    solution(folder, script, 1)
                } else {
                    cheat(folder, script)
                }
            }
            None => Ok(()),
        };
        found.err().map(|why| format!("{}: {why}", self.name(step))).into_iter().collect()
    }

    fn missing(&self) -> Vec<String> {
        let name = |id: &str| format!("wrong-{id}.txt");
        let names = self.exercise.wrong.iter().map(|turn| name(&turn.id));
        names
            .filter(|name| !self.folder.scripts.iter().any(|(other, _)| other == name))
            .map(|name| format!("{name} is missing: nothing shows that this turn is seen"))
            .collect()
    }
}

/// What is wrong with an exercise; empty when nothing is.
pub fn prove(folder: &Folder, seeds: u64) -> Vec<String> {
    match Proof::of(folder.clone(), seeds) {
        Ok(proof) => (0..proof.len()).flat_map(|step| proof.run(step)).collect(),
        Err(why) => vec![format!("exercise.toml: {why}")],
    }
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
