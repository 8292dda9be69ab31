//! `quorum exercises`: lists them, proves them, plays one, begins a new one.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use lab::exercise::{self, Exercise, Folder, TABLE};
use lab::session::Stream;

use crate::Failure;

/// Where the folders are, seen from the repository.
const FOLDER: &str = "crates/lab/exercises";

/// What is asked for.
pub(crate) enum Exercises {
    List,
    /// One folder or slug, or all.
    Check {
        slug: Option<String>,
        seeds: u64,
    },
    Play {
        slug: String,
        seed: u64,
    },
    New(String),
}

/// Does it.
pub(crate) fn run(call: &Exercises) -> Result<(), Failure> {
    match call {
        Exercises::List => list(),
        Exercises::Check { slug: Some(slug), seeds } => check(&[slug.as_str()], *seeds),
        Exercises::Check { slug: None, seeds } => {
            check(&TABLE.iter().map(|entry| entry.slug).collect::<Vec<_>>(), *seeds)
        }
        Exercises::Play { slug, seed } => play(slug, *seed),
        Exercises::New(slug) => new(slug),
    }
}

fn list() -> Result<(), Failure> {
    for entry in TABLE {
        let exercise = Exercise::read(entry.source, 1).map_err(|why| why.to_string())?;
        println!(
            "{:<28} {:<5} {:>2} min  {}",
            exercise.slug,
            exercise.label.text(),
            exercise.minutes,
            exercise.title
        );
    }
    Ok(())
}

/// The folder of a slug, or the folder a path names.
fn folder(slug: &str) -> Result<PathBuf, String> {
    let candidates = [Path::new(slug).to_owned(), Path::new(FOLDER).join(slug)];
    let found = candidates.into_iter().find(|dir| dir.join("exercise.toml").is_file());
    found.ok_or_else(|| {
        format!("no exercise '{slug}': neither a folder nor one of {FOLDER} in this directory")
    })
}

fn check(slugs: &[&str], seeds: u64) -> Result<(), Failure> {
    let mut bad = 0;
    for slug in slugs {
        let problems = exercise::prove(&Folder::read(&folder(slug)?)?, seeds);
        println!("{slug}: {}", if problems.is_empty() { "ok" } else { "not ok" });
        for problem in &problems {
            println!("  {problem}");
        }
        bad += usize::from(!problems.is_empty());
    }
    match bad {
        0 => Ok(()),
        1 => Err(Failure::Proof("1 exercise does not hold what it promises".into())),
        bad => Err(Failure::Proof(format!("{bad} exercises do not hold what they promise"))),
    }
}

/// Reads commands from stdin until its end, and prints what ticks and what the coach says.
fn play(slug: &str, seed: u64) -> Result<(), Failure> {
    let source = match exercise::find(slug) {
        Some(entry) => entry.source.to_owned(),
        None => Folder::read(&folder(slug)?)?.source,
    };
    let mut typist = exercise::prepare(&source, seed)?;
    let lesson = typist.session().lesson().expect("the exercise has begun");
    println!("{} ({})\n{}\n", lesson.title, lesson.label, lesson.task);
    let (mut ticked, mut coached) = (Vec::new(), 0);
    print!("$ ");
    flush();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| format!("stdin: {error}"))?;
        typist.run(&line, &mut |stream, bytes| show(stream, bytes)).map_err(Failure::Violation)?;
        let until_us = typist.session().now_us() + 200_000;
        typist.session_mut().advance(until_us, u32::MAX)?;
        let lesson = typist.session().lesson().expect("the exercise has begun");
        for check in &lesson.checks {
            if check.holds && !ticked.contains(&check.id) {
                println!("[x] {}", check.text);
                ticked.push(check.id.clone());
            }
        }
        for row in lesson.coach.iter().skip(coached) {
            println!("[!] {}", row.text);
        }
        coached = lesson.coach.len();
        if lesson.done_us.is_some() {
            println!("\nDone, with {} commands that changed the world.", lesson.commands);
            println!("In real life: {}", lesson.life);
            return Ok(());
        }
        print!("$ ");
        flush();
    }
    println!();
    Ok(())
}

fn show(stream: Stream, bytes: &[u8]) {
    // A reader that went away is no reason to stop.
    let _ = match stream {
        Stream::Stdout => std::io::stdout().write_all(bytes),
        Stream::Stderr => std::io::stderr().write_all(bytes),
    };
}

fn flush() {
    let _ = std::io::stdout().flush();
}

fn new(slug: &str) -> Result<(), Failure> {
    let dir = Path::new(FOLDER).join(slug);
    let Folder { source, text, solution, scripts } = exercise::template(slug);
    Exercise::read(&source, 1).map_err(|why| why.to_string())?;
    if dir.exists() {
        return Err(Failure::Call(format!("{} is there already", dir.display())));
    }
    let own = [("exercise.toml", source), ("text.md", text), ("solution.txt", solution)];
    let files = own.map(|(name, text)| (name.to_owned(), text)).into_iter().chain(scripts);
    std::fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!(
        "{}: edit it, add '{slug}' to the table, then: quorum exercises check {slug}",
        dir.display()
    );
    Ok(())
}
