//! `exercise.toml`: what it may say, and the sentence for what it may not.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use sim::Rng;

use super::bundle::{self, BUNDLE_BYTES_MAX};
use super::predicate::Predicate;
use crate::api::WorldOptions;
use crate::simctl;
use crate::worlds;

/// What drawn values may make of it.
const DRAWN_BYTES_MAX: usize = 2 * BUNDLE_BYTES_MAX;
/// A title is one line of a list.
const TITLE_CHARS_MAX: usize = 120;
/// Values written as keys with dots nest without brackets; nobody needs so many.
const DOTS_MAX: usize = 16;
/// How deep a question may lie in others, and how many there may be.
const QUESTIONS_DEEP_MAX: usize = 24;
const QUESTIONS_MAX: usize = 1000;
/// How many of each there may be: more than anybody reads, and few enough to look at them
/// ten times a second.
const START_MAX: usize = 200;
const CHECKS_MAX: usize = 64;
const WRONGS_MAX: usize = 128;
const OTHERS_MAX: usize = 64;

/// What an exercise is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Label {
    /// In the wording of today's CKA syllabus.
    #[serde(rename = "EXAM")]
    Exam,
    /// Left the syllabus, still the job.
    #[serde(rename = "JOB")]
    Job,
    /// Why it works.
    #[serde(rename = "DEEP")]
    Deep,
    /// Where somebody begins who has never heard of it.
    #[serde(rename = "START")]
    Start,
}

impl Label {
    /// As it is printed.
    pub fn text(self) -> &'static str {
        match self {
            Label::Exam => "EXAM",
            Label::Job => "JOB",
            Label::Deep => "DEEP",
            Label::Start => "START",
        }
    }
}

/// An exercise, as its file says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exercise {
    /// Its identity: progress is kept under it.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it is good for.
    pub label: Label,
    /// How long it takes.
    pub minutes: u16,
    /// What it counts in an exam; 0 keeps it out.
    #[serde(default)]
    pub weight: u16,
    /// The task in one or two sentences, enough to do it without the text.
    pub task: String,
    /// The world it begins in.
    #[serde(default)]
    pub world: WorldChoice,
    /// Names and the values one of which the seed draws; `${name}` stands for it everywhere.
    #[serde(default)]
    pub draw: BTreeMap<String, Vec<String>>,
    /// Commands that make the start state, typed before the learner comes.
    #[serde(default)]
    pub start: Vec<String>,
    /// Shortcuts that are refused.
    #[serde(default)]
    pub forbid: Vec<Forbid>,
    /// Whether the checks come true one after the other, and stay true.
    #[serde(default)]
    pub ordered: bool,
    /// What must be true in the end.
    pub check: Vec<Check>,
    /// What learners get wrong.
    #[serde(default)]
    pub wrong: Vec<Wrong>,
    /// Help, in the order in which it is given.
    #[serde(default)]
    pub hints: Vec<String>,
    /// How many commands that change the world the shortest good way takes.
    #[serde(default)]
    pub par: u16,
    /// The words it uses that are defined in the glossary.
    #[serde(default)]
    pub terms: Vec<String>,
    /// What differs on a real cluster.
    pub life: Life,
}

/// The world an exercise begins in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WorldChoice {
    /// Its name, as `quorum worlds` lists it.
    pub name: String,
    /// Members at the start.
    pub members: u8,
    /// `3.6`, `3.5` or a full version.
    pub release: String,
    /// The host of the learner's first terminal; the world's first if empty.
    pub host: String,
}

impl Default for WorldChoice {
    fn default() -> WorldChoice {
        let (name, release) = ("cluster".into(), "3.6".into());
        WorldChoice { name, members: 3, release, host: String::new() }
    }
}

/// A shortcut that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forbid {
    /// Verbs of `sim`.
    pub sim: Vec<String>,
    /// Why, politely.
    pub say: String,
}

/// Something that must be true in the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name within the exercise.
    pub id: String,
    /// The sentence on screen.
    pub text: String,
    /// The sentence once it is so, if another; with evidence as in `say`.
    #[serde(default)]
    pub held: String,
    /// What it counts.
    #[serde(default = "one")]
    pub points: u16,
    /// Counts extra; the exercise is done without it.
    #[serde(default)]
    pub bonus: bool,
    /// What is asked.
    pub when: Predicate,
}

fn one() -> u16 {
    1
}

/// A mistake, and what is said when it is seen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    /// Its name within the exercise.
    pub id: String,
    /// When it is seen.
    pub when: Predicate,
    /// What is said. `{command}`, `{host}`, `{error}` and `{value}` stand for the evidence.
    pub say: String,
}

/// What differs on a real cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Life {
    /// In a few sentences.
    pub text: String,
    /// Pages of the Kubernetes or etcd documentation to keep open.
    #[serde(default)]
    pub read: Vec<String>,
    /// The exercise to try next.
    #[serde(default)]
    pub next: String,
}

/// Why a file is no exercise: the place, the key and what was expected, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadExercise(String);

impl fmt::Display for BadExercise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BadExercise {
    pub(super) fn new(why: String) -> BadExercise {
        BadExercise(why)
    }
}

impl Exercise {
    /// Reads a file, with the values its seed draws. What follows the `exercise.toml` in a
    /// bundle is left alone.
    pub fn read(source: &str, seed: u64) -> Result<Exercise, BadExercise> {
        if source.len() > BUNDLE_BYTES_MAX {
            let most = BUNDLE_BYTES_MAX >> 10;
            return Err(BadExercise(format!("an exercise has at most {most} KiB")));
        }
        let source = bundle::toml_of(source);
        dots(source)?;
        let draft: Exercise = parse(source)?;
        draft.check_size()?;
        let drawn = substitute(source, &draft.draw, seed)?;
        let exercise: Exercise = parse(&drawn)?;
        exercise.check_size()?;
        exercise.check_whole()?;
        Ok(exercise)
    }

    /// Refuses what is too much of anything: files come from strangers.
    fn check_size(&self) -> Result<(), BadExercise> {
        let counts = [
            ("start", self.start.len(), START_MAX),
            ("check", self.check.len(), CHECKS_MAX),
            ("wrong", self.wrong.len(), WRONGS_MAX),
            ("hints", self.hints.len(), OTHERS_MAX),
            ("forbid", self.forbid.len(), OTHERS_MAX),
            ("terms", self.terms.len(), OTHERS_MAX),
            ("draw", self.draw.len(), OTHERS_MAX),
            ("life.read", self.life.read.len(), OTHERS_MAX),
        ];
        if let Some((key, is, most)) = counts.into_iter().find(|(_, is, most)| is > most) {
            return Err(BadExercise(format!("{key}: there are {is}, expected at most {most}")));
        }
        let title = self.title.chars().count();
        if title > TITLE_CHARS_MAX {
            return Err(BadExercise(format!(
                "title: it has {title} characters, expected at most {TITLE_CHARS_MAX}"
            )));
        }
        let mut left = QUESTIONS_MAX;
        let checks = self.check.iter().map(|check| ("check", &check.id, &check.when));
        let wrongs = self.wrong.iter().map(|wrong| ("wrong", &wrong.id, &wrong.when));
        for (kind, id, when) in checks.chain(wrongs) {
            if !small(when, QUESTIONS_DEEP_MAX, &mut left) {
                return Err(BadExercise(format!(
                    "{kind} '{id}', when: expected at most {QUESTIONS_DEEP_MAX} questions in each other, and {QUESTIONS_MAX} in all"
                )));
            }
        }
        Ok(())
    }

    /// Puts the drawn values into a text or script that belongs to the exercise.
    pub fn fill(&self, text: &str, seed: u64) -> Result<String, BadExercise> {
        substitute(text, &self.draw, seed)
    }

    /// The world it begins in.
    pub fn options(&self, seed: u64) -> Result<WorldOptions, BadExercise> {
        let world = &self.world;
        worlds::options(&world.name, world.members, &world.release, seed)
            .map_err(|why| BadExercise(format!("world: {why}")))
    }

    /// The points of all checks that are no bonus.
    pub fn points(&self) -> u32 {
        self.check.iter().filter(|check| !check.bonus).map(|check| u32::from(check.points)).sum()
    }

    /// The names it wants answered, in the order of its checks.
    pub fn answers(&self) -> Vec<String> {
        let mut names = Vec::new();
        for check in &self.check {
            check.when.answers(&mut names);
        }
        names
    }

    /// The voters there are when it is done, if a check says so.
    pub fn goal(&self) -> Vec<String> {
        self.check.iter().rev().find_map(|check| check.when.voters()).unwrap_or_default()
    }

    /// Says what no type can say.
    fn check_whole(&self) -> Result<(), BadExercise> {
        let wrong = |what: String| Err(BadExercise(what));
        if !is_slug(&self.slug) {
            return wrong(format!(
                "slug: '{}' may hold lower case letters, digits and '-' only",
                self.slug
            ));
        }
        if self.check.iter().all(|check| check.bonus) {
            return wrong("check: at least one check is needed that is no bonus".into());
        }
        let ids = self.check.iter().map(|check| &check.id);
        let mut ids: Vec<&String> = ids.chain(self.wrong.iter().map(|wrong| &wrong.id)).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong(format!("id: '{}' is there twice", pair[0]));
        }
        for verb in self.forbid.iter().flat_map(|forbid| &forbid.sim) {
            if !simctl::VERBS.iter().any(|known| known.name == verb) {
                return wrong(format!("forbid.sim: '{verb}' is no verb of sim"));
            }
        }
        if let Some(page) = self.life.read.iter().find(|page| !page.starts_with("https://")) {
            return wrong(format!("life.read: '{page}' is no page, expected https://..."));
        }
        let options = self.options(0)?;
        worlds::check(&options).map_err(|why| BadExercise(format!("world: {why}")))?;
        let hosts = worlds::hosts(&options);
        if !self.world.host.is_empty() && !hosts.contains(&self.world.host) {
            return wrong(format!(
                "world.host: there is no host '{}', only {}",
                self.world.host,
                hosts.join(" ")
            ));
        }
        Ok(())
    }

    /// The host of the learner's first terminal.
    pub fn host(&self) -> Result<String, BadExercise> {
        if !self.world.host.is_empty() {
            return Ok(self.world.host.clone());
        }
        Ok(worlds::hosts(&self.options(0)?)[0].clone())
    }
}

/// Refuses keys of very many parts before anybody follows them down.
fn dots(source: &str) -> Result<(), BadExercise> {
    for (place, line) in source.lines().enumerate() {
        let key = line.split('=').next().unwrap_or_default();
        let deep = key.matches('.').count() > DOTS_MAX && !key.contains(['"', '\'', '#']);
        if deep {
            return Err(BadExercise(format!(
                "line {}: expected a key of at most {DOTS_MAX} parts",
                place + 1
            )));
        }
    }
    Ok(())
}

/// Whether a question is neither too deep nor too much.
fn small(question: &Predicate, deep: usize, left: &mut usize) -> bool {
    if deep == 0 || *left == 0 {
        return false;
    }
    *left -= 1;
    match question {
        Predicate::All(parts) | Predicate::Any(parts) | Predicate::Then(parts) => {
            parts.iter().all(|part| small(part, deep - 1, left))
        }
        Predicate::Not(part) | Predicate::Once(part) | Predicate::Always(part) => {
            small(part, deep - 1, left)
        }
        Predicate::Lasting(lasting) => small(&lasting.that, deep - 1, left),
        Predicate::Before(before) => {
            small(&before.first, deep - 1, left) && small(&before.then, deep - 1, left)
        }
        Predicate::During(during) => {
            small(&during.that, deep - 1, left) && small(&during.happened, deep - 1, left)
        }
        _ => true,
    }
}

fn parse(source: &str) -> Result<Exercise, BadExercise> {
    toml::from_str(source).map_err(|error| {
        let place = error.span().map(|span| {
            let before = &source[..span.start.min(source.len())];
            let line = before.matches('\n').count() + 1;
            let key = key_at(source, span.start);
            if key.is_empty() { format!("line {line}: ") } else { format!("line {line}, {key}: ") }
        });
        let message = error.message().trim().replace('\n', " ");
        BadExercise(format!("{}{message}", place.unwrap_or_default()))
    })
}

/// The key of the line at a place, if the line has one.
fn key_at(source: &str, at: usize) -> &str {
    let start = source[..at.min(source.len())].rfind('\n').map_or(0, |end| end + 1);
    let line = source[start..].lines().next().unwrap_or_default().trim_start();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    line[..end.unwrap_or(line.len())].trim()
}

fn is_slug(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 64 && text.chars().all(fits)
}

/// Replaces `${name}`. What is not drawn is left alone: the shell has variables too.
fn substitute(
    text: &str,
    draw: &BTreeMap<String, Vec<String>>,
    seed: u64,
) -> Result<String, BadExercise> {
    let mut out = text.to_owned();
    for (name, values) in draw {
        let count = u64::try_from(values.len()).expect("a file has few values");
        if count == 0 {
            return Err(BadExercise(format!("draw.{name}: there is nothing to draw from")));
        }
        let mut rng = Rng::for_purpose(seed, name, 0);
        let place = usize::try_from(rng.below(count)).expect("below the length");
        let (mark, value) = (format!("${{{name}}}"), &values[place]);
        // Values may name other values: a few lines could grow without end.
        if out.matches(&mark).count().saturating_mul(value.len()) > DRAWN_BYTES_MAX
            || out.len() > DRAWN_BYTES_MAX
        {
            let most = DRAWN_BYTES_MAX >> 10;
            return Err(BadExercise(format!("draw.{name}: it makes more than {most} KiB of this")));
        }
        out = out.replace(&mark, value);
    }
    Ok(out)
}
