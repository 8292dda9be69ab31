//! Every exercise that comes with the lab keeps its promises; bad files get a clear sentence.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn folder(slug: &str) -> Folder {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("exercises").join(slug);
    Folder::read(&dir).expect("the folder of an exercise is whole")
}

#[test]
fn every_folder_is_in_the_table() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("exercises");
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut folders: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort_unstable();
    let mut slugs: Vec<&str> = TABLE.iter().map(|entry| entry.slug).collect();
    slugs.sort_unstable();
    assert_eq!(folders, slugs);
    for entry in TABLE {
        let exercise = Exercise::read(entry.source, 1).unwrap();
        assert_eq!(exercise.slug, entry.slug);
        assert!(entry.text.starts_with("# "), "{}: text.md begins with its title", entry.slug);
        assert!(
            exercise.life.next.is_empty() || find(&exercise.life.next).is_some(),
            "{}: life.next names no exercise: {}",
            entry.slug,
            exercise.life.next
        );
    }
}

#[test]
fn every_exercise_is_solved_by_its_solution_and_sees_its_wrong_turns() {
    // The proofs know nothing of each other: every thread takes the next one that is left.
    let next = AtomicUsize::new(0);
    let work = || {
        let mut problems = Vec::new();
        while let Some(entry) = TABLE.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = prove(&folder(entry.slug), SEEDS);
            problems.extend(found.into_iter().map(|why| format!("{}: {why}", entry.slug)));
        }
        problems
    };
    let problems: Vec<String> = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

const GOOD: &str = r#"
slug = "one"
title = "One"
label = "DEEP"
minutes = 1
task = "Put a."

[[check]]
id = "a"
text = "a is there"
when = { key = { name = "a" } }

[life]
text = "The same."
"#;

#[test]
fn a_bad_file_gets_the_line_the_key_and_what_was_expected() {
    assert!(Exercise::read(GOOD, 1).is_ok());
    let error = |from: &str, to: &str| {
        assert!(GOOD.contains(from));
        Exercise::read(&GOOD.replace(from, to), 1).unwrap_err().to_string()
    };
    assert_eq!(
        error("label = \"DEEP\"", "label = \"SHALLOW\""),
        "line 4, label: unknown variant `SHALLOW`, expected one of `EXAM`, `JOB`, `DEEP`, `START`"
    );
    assert_eq!(
        error("minutes = 1", "minutes = \"one\""),
        "line 5, minutes: invalid type: string \"one\", expected u16"
    );
    assert!(error("{ key =", "{ keyy =").starts_with("line 11, when: unknown variant `keyy`"));
    assert!(error("slug = \"one\"", "slug = \"One!\"").starts_with("slug: 'One!' may hold"));
    assert!(error("[life]", "[lives]").contains("life"));
}

#[test]
fn the_same_seed_draws_the_same_values() {
    let source = GOOD.replace("Put a.", "Put ${v}.") + "\n[draw]\nv = [\"x\", \"y\", \"z\"]\n";
    let task = |seed| Exercise::read(&source, seed).unwrap().task;
    assert_eq!(task(3), task(3));
    let drawn: std::collections::BTreeSet<String> = (0..30).map(task).collect();
    assert_eq!(drawn.len(), 3);
}
