//! An exercise under way: it hears every event, looks at the world at fixed times, and says
//! which checks hold and which wrong turns were taken.
//!
//! It looks after every input and at every tenth of a virtual second, never at the end of a
//! slice: so a replay judges as the run did.

use sim::{Happened, HostId, World};

use super::bundle::Folder;
use super::format::{BadExercise, Exercise};
use super::history::History;
use super::judge::{Evidence, Moment, Node};
use super::memo::{Memo, Scene};
use super::table;
use crate::api::{CheckView, CoachRow, LessonView, TtyId};
use crate::exam::{CheckReport, TaskReport, TypedRow};
use crate::simctl::forbidden_note;

/// How often the world is looked at.
pub(crate) const LOOK_US: u64 = 100_000;
/// Commands that are kept for a report; nobody types more, but a paste could.
const TYPED_MAX: usize = 5000;

/// One exercise under way.
pub(crate) struct Lesson {
    exercise: Exercise,
    text: String,
    solution: String,
    began_us: u64,
    checks: Vec<Judged>,
    wrongs: Vec<Node>,
    history: History,
    coach: Vec<CoachRow>,
    first_term: Option<u64>,
    first_revision: Option<i64>,
    memo: Memo,
    /// Programs that ran and were looked at.
    ran_seen: usize,
    /// Term and leader at the last look, and since when.
    steady: (u64, Option<HostId>, u64),
    typing: Typing,
    done_us: Option<u64>,
}

/// A check and what it said at the last look.
struct Judged {
    node: Node,
    holds: bool,
    evidence: Evidence,
    /// What it said at the first look.
    from_start: Option<bool>,
}

/// What was typed, and how much of it changed the world.
#[derive(Debug, Default)]
struct Typing {
    /// Terminals in which a command runs, the changes of the world when it began, and its
    /// place among all.
    running: Vec<(TtyId, u64, usize)>,
    commands: u32,
    rows: Vec<TypedRow>,
}

impl Lesson {
    /// Begins an exercise now. The source is that of `exercise.toml`.
    pub(crate) fn begin(source: &str, seed: u64, now_us: u64) -> Result<Lesson, BadExercise> {
        let exercise = Exercise::read(source, seed)?;
        let folder = Folder::parse(source)?;
        let new = Node::new;
        let judged = |question| Judged {
            node: new(question),
            holds: false,
            evidence: Evidence::new(),
            from_start: None,
        };
        let checks = exercise.check.iter().map(|check| judged(check.when.clone())).collect();
        let wrongs = exercise.wrong.iter().map(|wrong| Node::new(wrong.when.clone())).collect();
        let entry = table::find(&exercise.slug).filter(|entry| entry.source == source);
        let own = (folder.text.as_str(), folder.solution.as_str());
        let (text, solution) = entry.map_or(own, |entry| (entry.text, entry.solution));
        let (text, solution) = (exercise.fill(text, seed)?, exercise.fill(solution, seed)?);
        Ok(Lesson {
            exercise,
            text,
            solution,
            began_us: now_us,
            checks,
            wrongs,
            history: History::default(),
            coach: Vec::new(),
            first_term: None,
            first_revision: None,
            memo: Memo::default(),
            ran_seen: 0,
            steady: (0, None, now_us),
            typing: Typing::default(),
            done_us: None,
        })
    }

    /// Tells the world what an exercise needs of it.
    pub(crate) fn furnish(&self, world: &mut World) {
        world.witness(true);
        for forbid in &self.exercise.forbid {
            for verb in &forbid.sim {
                world.set_note(&forbidden_note(verb), &forbid.say);
            }
        }
    }

    /// Takes in an event.
    pub(crate) fn hear(&mut self, happened: &Happened, hosts: &[String]) {
        self.history.hear(happened, hosts);
    }

    /// A command was typed on a host.
    pub(crate) fn typed(&mut self, tty: TtyId, host: &str, text: &str, world: &World) {
        let place = self.typing.rows.len();
        self.typing.running.push((tty, self.history.changes + world.file_changes(), place));
        if place < TYPED_MAX && !text.trim().is_empty() {
            let (at_us, host, text) = (world.now_us(), host.to_owned(), text.to_owned());
            self.typing.rows.push(TypedRow { at_us, host, text, exit: None });
        }
    }

    /// It ended.
    pub(crate) fn typed_done(&mut self, tty: TtyId, exit: i32, world: &World) {
        let Some(place) = self.typing.running.iter().position(|it| it.0 == tty) else { return };
        let (_, before, row) = self.typing.running.remove(place);
        if let Some(row) = self.typing.rows.get_mut(row).filter(|row| row.exit.is_none()) {
            row.exit = Some(exit);
        }
        let changed = self.history.changes + world.file_changes() > before;
        self.typing.commands += u32::from(changed && exit == 0);
    }

    /// The next time at which it wants to look.
    pub(crate) fn next_look_us(&self, now_us: u64) -> u64 {
        (now_us / LOOK_US + 1) * LOOK_US
    }

    /// Looks at the world; true when something new came of it.
    pub(crate) fn look(&mut self, world: &World, hosts: &[String]) -> bool {
        let now_us = world.now_us();
        let truth = self.moment(world, hosts, now_us).truth();
        for answer in self.history.answers.iter_mut().filter(|answer| answer.truth.is_none()) {
            answer.truth = Some(truth.clone());
        }
        self.watch_terms(world, hosts, now_us);
        self.watch_logs(world, hosts, now_us);
        let before = (self.coach.len(), self.held());
        let mut checks = std::mem::take(&mut self.checks);
        let mut wrongs = std::mem::take(&mut self.wrongs);
        let moment = self.moment(world, hosts, now_us);
        let mut open = true;
        for check in &mut checks {
            let found = check.node.look(&moment);
            let holds = found.is_some();
            check.evidence = found.unwrap_or_default();
            check.from_start.get_or_insert(holds);
            check.holds = if self.exercise.ordered { check.holds || open && holds } else { holds };
            open &= check.holds;
        }
        let seen: Vec<Option<Evidence>> =
            wrongs.iter_mut().map(|wrong| wrong.look(&moment)).collect();
        (self.checks, self.wrongs) = (checks, wrongs);
        self.advise(seen, now_us);
        let whole = self.exercise.check.iter().zip(&self.checks);
        if whole.filter(|(check, _)| !check.bonus).all(|(_, judged)| judged.holds) {
            self.done_us.get_or_insert(now_us);
        }
        before != (self.coach.len(), self.held())
    }

    fn held(&self) -> Vec<bool> {
        self.checks.iter().map(|check| check.holds).collect()
    }

    fn moment<'a>(&'a self, world: &'a World, hosts: &'a [String], now_us: u64) -> Moment<'a> {
        Moment {
            world,
            hosts,
            history: &self.history,
            memo: &self.memo,
            scene: Scene::default(),
            now_us,
            began_us: self.began_us,
            first_term: self.first_term.unwrap_or_default(),
            first_revision: self.first_revision.unwrap_or_default(),
            steady_since_us: self.steady.2,
        }
    }

    fn watch_terms(&mut self, world: &World, hosts: &[String], now_us: u64) {
        let moment = self.moment(world, hosts, now_us);
        let leader = moment.leader().map(|(host, _)| host);
        let term = moment.members().iter().map(|it| it.1.term).max().unwrap_or_default();
        let revision = moment.front().map(|front| front.revision);
        if (term, leader) != (self.steady.0, self.steady.1) {
            self.steady = (term, leader, now_us);
        }
        self.first_term.get_or_insert(term);
        self.first_revision = self.first_revision.or(revision);
    }

    /// Notes whose logs were read: which container is the newest changes later.
    fn watch_logs(&mut self, world: &World, hosts: &[String], now_us: u64) {
        let moment = self.moment(world, hosts, now_us);
        let fresh = self.history.ran.iter().enumerate().skip(self.ran_seen);
        let read: Vec<_> = fresh
            .filter_map(|(place, record)| {
                Some((place, moment.container_of_logs(&record.host, &record.words)?))
            })
            .collect();
        self.ran_seen = self.history.ran.len();
        for (place, logs_of) in read {
            self.history.ran[place].logs_of = Some(logs_of);
        }
    }

    /// Says each wrong turn once, with its evidence.
    fn advise(&mut self, seen: Vec<Option<Evidence>>, now_us: u64) {
        for (wrong, evidence) in self.exercise.wrong.iter().zip(seen) {
            let Some(evidence) = evidence else { continue };
            if self.coach.iter().any(|row| row.id == wrong.id) {
                continue;
            }
            let text = put_in(&wrong.say, &evidence);
            self.coach.push(CoachRow { at_us: now_us, id: wrong.id.clone(), text });
        }
    }

    /// Its solution, as commands are typed; empty where nobody wrote one.
    pub(crate) fn solution(&self) -> &str {
        &self.solution
    }

    /// How it stands, and what led there: for the end of an exam.
    pub(crate) fn report(&self, now_us: u64) -> TaskReport {
        let judged = self.exercise.check.iter().zip(&self.checks);
        let checks = judged.map(|(check, judged)| CheckReport {
            text: check.text.clone(),
            points: check.points,
            bonus: check.bonus,
            holds: judged.holds,
            from_start: judged.from_start == Some(true),
        });
        TaskReport {
            began_us: self.began_us,
            until_us: now_us,
            checks: checks.collect(),
            turns: self.coach.clone(),
            typed: self.typing.rows.clone(),
        }
    }

    /// What is on screen of it.
    pub(crate) fn view(&self) -> LessonView {
        let judged = self.exercise.check.iter().zip(&self.checks);
        let checks = judged
            .map(|(check, judged)| CheckView {
                id: check.id.clone(),
                text: match judged.holds && !check.held.is_empty() {
                    true => put_in(&check.held, &judged.evidence),
                    false => check.text.clone(),
                },
                points: check.points,
                bonus: check.bonus,
                holds: judged.holds,
            })
            .collect();
        LessonView {
            slug: self.exercise.slug.clone(),
            title: self.exercise.title.clone(),
            label: self.exercise.label.text().into(),
            task: self.exercise.task.clone(),
            text: self.text.clone(),
            began_us: self.began_us,
            done_us: self.done_us,
            ordered: self.exercise.ordered,
            checks,
            coach: self.coach.clone(),
            hints: self.exercise.hints.clone(),
            commands: self.typing.commands,
            par: self.exercise.par,
            life: self.exercise.life.text.clone(),
            read: self.exercise.life.read.clone(),
            next: self.exercise.life.next.clone(),
            answers: self.exercise.answers(),
            terms: self.exercise.terms.clone(),
            goal: self.exercise.goal(),
        }
    }
}

/// A sentence with its evidence.
fn put_in(sentence: &str, evidence: &Evidence) -> String {
    evidence.iter().fold(sentence.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}
