//! The course as the page knows it: which exercises there are, which is open, what was done.
//! What an exercise asks and whether it holds is the session's to say.

use std::rc::Rc;

use lab::api::{CourseRow, LessonView, Term};

use crate::progress::{Record, Records};

/// What happens in the course.
pub(crate) enum Do {
    /// The address names the course, or with a slug and a seed one of its exercises.
    Enter(String),
    /// The address names the front door: the sandbox comes back.
    Sandbox,
    /// The lab that is gone to was read from the store.
    Read(Box<(Goal, Result<Option<crate::store::SavedLab>, crate::store::StoreError>)>),
    /// The list could not be loaded: once more.
    Again,
    /// Back to where the exercise began.
    Reset,
    /// Opens the next hint.
    Hint,
    /// Asks whether the solution is to be shown, or puts the question away.
    Ask(bool),
    /// Shows the solution.
    Solve,
    /// Stops showing it.
    Stop,
    /// Sends answers.
    Answer(String),
    /// What the coach said last was read.
    Heard,
    /// Progress to a file.
    Export,
    /// Progress from a file.
    Import,
    /// The file was read.
    Imported(Vec<u8>),
}

/// A lab that is gone to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The sandbox that was open last.
    Sandbox,
    /// An exercise; without a seed as it was left, or with one drawn.
    Exercise { slug: String, seed: Option<u32> },
    /// A task of the exam under way.
    Task(u8),
    /// The run of a task of the exam that is over.
    Replay(u8),
    /// The drill.
    Drill,
}

/// What the course's screens look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Course {
    /// The exercises, once they are known.
    pub(crate) rows: Option<Rc<[CourseRow]>>,
    /// The words they use.
    pub(crate) words: Rc<[Term]>,
    /// Why the exercises could not be loaded.
    pub(crate) failed: Option<String>,
    /// The exercise whose lab is open.
    pub(crate) open: Option<String>,
    /// What was done.
    pub(crate) records: Rc<Records>,
    /// The question before the solution is on screen.
    pub(crate) asking: bool,
    /// The solution is being typed: lines typed and lines there are.
    pub(crate) playing: Option<(usize, usize)>,
    /// How long the last reset took, from the click to its picture.
    pub(crate) reset_ms: Option<u32>,
    /// How much of what the coach said was read.
    pub(crate) heard: usize,
}

impl Course {
    /// An exercise by its slug.
    pub(crate) fn row(&self, slug: &str) -> Option<&CourseRow> {
        self.rows.as_ref()?.iter().find(|row| row.slug == slug)
    }

    /// What was done of an exercise.
    pub(crate) fn record(&self, slug: &str) -> Record {
        self.records.get(slug).cloned().unwrap_or_default()
    }

    /// The first exercise that was not done yet.
    pub(crate) fn suggested(&self) -> Option<&CourseRow> {
        let done = |row: &&CourseRow| self.record(&row.slug).done_ms > 0;
        self.rows.as_ref()?.iter().find(|row| !done(row))
    }
}

/// The goal of an address' rest: `SLUG`, or `SLUG/SEED`.
pub(crate) fn goal_of(rest: &str) -> Option<Goal> {
    let (slug, seed) = rest.split_once('/').unwrap_or((rest, ""));
    let seed = seed.parse().ok();
    (!slug.is_empty()).then(|| Goal::Exercise { slug: slug.into(), seed })
}

/// Points that are held now, and points there are without bonus.
pub(crate) fn points(lesson: &LessonView) -> (u32, u32) {
    let (mut held, mut all) = (0, 0);
    for check in &lesson.checks {
        let points = u32::from(check.points);
        held += if check.holds { points } else { 0 };
        all += if check.bonus { 0 } else { points };
    }
    (held, all)
}

/// What changed from one picture of an exercise to the next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Sentences to be read aloud.
    pub(crate) said: Vec<String>,
    /// It was just done.
    pub(crate) done: bool,
}

/// Compares two pictures of the same exercise.
pub(crate) fn news(before: &LessonView, now: &LessonView) -> News {
    let mut said = Vec::new();
    for (old, new) in before.checks.iter().zip(&now.checks) {
        match (old.holds, new.holds) {
            (false, true) => said.push(format!("Done: {}", new.text)),
            (true, false) => said.push(format!("No longer so: {}", new.text)),
            _ => {}
        }
    }
    said.extend(now.coach.iter().skip(before.coach.len()).map(|row| row.text.clone()));
    let done = before.done_us.is_none() && now.done_us.is_some();
    if done {
        said.push(format!("{} is done.", now.title));
    }
    News { said, done }
}

/// Takes what an exercise shows now into its record; true when that is better than before.
pub(crate) fn noted(record: &mut Record, lesson: &LessonView, now_ms: u64) -> bool {
    let before = record.clone();
    let (held, all) = points(lesson);
    record.best = record.best.max(held);
    (record.of, record.par) = (all, u32::from(lesson.par));
    let whole = lesson.checks.iter().all(|check| check.holds || check.bonus);
    if lesson.done_us.is_some() && whole {
        if record.commands == 0 || lesson.commands < record.commands {
            record.commands = lesson.commands;
        }
        if record.done_ms == 0 {
            record.done_ms = now_ms;
        }
    }
    *record != before
}

/// A line for the program `answer`, of what was put into the fields.
pub(crate) fn answer_line(answers: &[(String, String)]) -> Option<String> {
    let mut line = String::from("answer");
    for (name, value) in answers {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        let plain = |c: char| c.is_alphanumeric() || "-_.:/,@".contains(c);
        if value.chars().all(plain) {
            line.push_str(&format!(" {name}={value}"));
        } else {
            line.push_str(&format!(" {name}='{}'", value.replace('\'', "'\\''")));
        }
    }
    (line != "answer").then_some(line)
}

#[cfg(test)]
mod tests {
    use lab::api::CheckView;

    use super::*;

    fn lesson(holds: [bool; 3]) -> LessonView {
        let check = |(place, holds): (usize, bool)| CheckView {
            id: place.to_string(),
            text: format!("check {place}"),
            points: 2,
            bonus: place == 2,
            holds,
        };
        LessonView {
            slug: "a".into(),
            title: "A".into(),
            label: "START".into(),
            task: String::new(),
            text: String::new(),
            began_us: 0,
            done_us: (holds[0] && holds[1]).then_some(7),
            ordered: false,
            checks: holds.into_iter().enumerate().map(check).collect(),
            coach: Vec::new(),
            hints: Vec::new(),
            commands: 5,
            par: 4,
            life: String::new(),
            read: Vec::new(),
            next: String::new(),
            answers: Vec::new(),
            terms: Vec::new(),
            goal: Vec::new(),
        }
    }

    #[test]
    fn what_changed_is_said_once() {
        let (before, after) = (lesson([true, false, false]), lesson([true, true, false]));
        let found = news(&before, &after);
        assert_eq!(found.said, ["Done: check 1", "A is done."]);
        assert!(found.done);
        assert_eq!(news(&after, &after), News::default());
        assert_eq!(news(&after, &before).said, ["No longer so: check 1"]);
    }

    #[test]
    fn a_record_keeps_the_best_and_the_first_day() {
        let mut record = Record::default();
        assert!(noted(&mut record, &lesson([true, false, false]), 100));
        assert_eq!((record.best, record.of, record.done_ms), (2, 4, 0));
        assert!(noted(&mut record, &lesson([true, true, true]), 200));
        assert_eq!((record.best, record.done_ms, record.commands), (6, 200, 5));
        assert!(!noted(&mut record, &lesson([false, true, false]), 300), "nothing is better");
    }

    #[test]
    fn an_address_names_an_exercise_and_a_seed() {
        let goal = |seed| Some(Goal::Exercise { slug: "who-leads".into(), seed });
        assert_eq!(goal_of(""), None);
        assert_eq!(goal_of("who-leads"), goal(None));
        assert_eq!(goal_of("who-leads/7"), goal(Some(7)));
        assert_eq!(goal_of("who-leads/x"), goal(None));
    }

    #[test]
    fn answers_are_a_line_that_could_have_been_typed() {
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        let answers = [pair("leader", " n2 "), pair("term", ""), pair("why", "it's late")];
        assert_eq!(answer_line(&answers).unwrap(), r"answer leader=n2 why='it'\''s late'");
        assert_eq!(answer_line(&[pair("term", " ")]), None);
    }
}
