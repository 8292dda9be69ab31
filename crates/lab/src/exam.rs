//! An exam: what is drawn, what is kept of it, and what it comes to.
//!
//! Plain data and sums, built with or without the engine: the page keeps an [`ExamRecord`] and
//! shows its [`Score`], the engine draws [`ExamTask`]s and writes a [`TaskReport`] for each.
//! Nothing here asks the world; the checks were judged before they come here.

use serde::{Deserialize, Serialize};

use crate::api::CoachRow;

/// The share of all points that passes, in percent.
pub const PASS_PERCENT: u32 = 66;
/// How long an exam takes unless the learner says otherwise, in minutes.
pub const MINUTES: u16 = 40;
/// The longest exam, in minutes.
pub const MINUTES_MAX: u16 = 240;
/// How many tasks it has unless the learner says otherwise.
pub const TASKS: u8 = 6;
/// The most tasks of an exam.
pub const TASKS_MAX: u8 = 8;
/// A whole, in the unit of shares: a millionth.
pub const WHOLE: u64 = 1_000_000;

/// How a kept record begins.
const MAGIC: &[u8; 4] = b"QEXM";
/// The form of [`ExamRecord`]; another number is not read.
const FORMAT: u8 = 1;

/// A task that was drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExamTask {
    /// The exercise's identity.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// `EXAM`, `JOB` or `DEEP`.
    pub label: String,
    /// The task in one or two sentences, with the values its seed drew.
    pub task: String,
    /// What it counts.
    pub weight: u16,
    /// The world it begins in.
    pub world: String,
    /// The host of its first terminal.
    pub host: String,
    /// The seed of its world and of its values.
    pub seed: u64,
    /// Its `exercise.toml`.
    pub source: String,
}

/// A check as it stood when the task was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The sentence on screen.
    pub text: String,
    /// What it counts.
    pub points: u16,
    /// Counts extra.
    pub bonus: bool,
    /// Whether it was met.
    pub holds: bool,
    /// Whether it was so before anything was done.
    pub from_start: bool,
}

/// A command as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedRow {
    /// When.
    pub at_us: u64,
    /// Where.
    pub host: String,
    /// What.
    pub text: String,
    /// Its exit status; none while it ran.
    pub exit: Option<i32>,
}

/// How a task was left, and what led there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    /// When it began, on its world's clock.
    pub began_us: u64,
    /// When it was left.
    pub until_us: u64,
    /// Its checks.
    pub checks: Vec<CheckReport>,
    /// The wrong turns that were seen, with their evidence.
    pub turns: Vec<CoachRow>,
    /// The commands, in order.
    pub typed: Vec<TypedRow>,
}

impl TaskReport {
    /// The points that are no bonus.
    pub fn points(&self) -> u32 {
        sum(self.checks.iter().filter(|check| !check.bonus))
    }

    /// Points earned. What was so from the start counts only when something else was done, and
    /// a bonus makes up for lost points but never gives more than all.
    pub fn earned(&self) -> u32 {
        let met = || self.checks.iter().filter(|check| check.holds);
        if met().all(|check| check.from_start) {
            return 0;
        }
        sum(met()).min(self.points())
    }

    /// The share of the task that was earned, in millionths; a rest is in the learner's favour.
    pub fn share(&self) -> u64 {
        let points = u64::from(self.points().max(1));
        (u64::from(self.earned()) * WHOLE).div_ceil(points)
    }
}

fn sum<'a>(checks: impl Iterator<Item = &'a CheckReport>) -> u32 {
    checks.map(|check| u32::from(check.points)).sum()
}

/// A task of an exam under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// What was drawn.
    pub task: ExamTask,
    /// The lab in which it is done; empty before it was opened for the first time.
    pub lab: String,
    /// The learner wants to come back to it.
    pub flagged: bool,
    /// How it was left; none where it was never opened.
    pub report: Option<TaskReport>,
}

/// An exam, as it is kept: enough to go on after a closed tab, and to show its report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExamRecord {
    /// What drew its tasks.
    pub seed: u64,
    /// How long it takes.
    pub minutes: u16,
    /// Wall time that is left.
    pub left_ms: u64,
    /// Its tasks, in the order of the list.
    pub tasks: Vec<TaskRecord>,
    /// The task on screen.
    pub open: u8,
    /// Whether it is over.
    pub ended: bool,
}

/// Why bytes are no exam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRecord {
    /// Another form, by its number.
    Format(u8),
    /// Damaged, or something else.
    Damaged,
}

/// What an exam comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// The share of all points, in tenths of a percent, cut.
    pub per_mille: u32,
    /// Whether it is enough.
    pub passed: bool,
}

impl ExamRecord {
    /// An exam that begins now.
    pub fn begin(seed: u64, minutes: u16, tasks: Vec<ExamTask>) -> ExamRecord {
        let minutes = minutes.clamp(1, MINUTES_MAX);
        let record = |task| TaskRecord { task, lab: String::new(), flagged: false, report: None };
        ExamRecord {
            seed,
            minutes,
            left_ms: u64::from(minutes) * 60_000,
            tasks: tasks.into_iter().take(usize::from(TASKS_MAX)).map(record).collect(),
            open: 0,
            ended: false,
        }
    }

    /// The task on screen.
    pub fn open_task(&self) -> Option<&TaskRecord> {
        self.tasks.get(usize::from(self.open))
    }

    /// What it comes to. A task that was never opened earns nothing.
    pub fn score(&self) -> Score {
        let weights: u64 = self.tasks.iter().map(|it| u64::from(it.task.weight)).sum();
        let earned: u64 = self
            .tasks
            .iter()
            .map(|it| u64::from(it.task.weight) * it.report.as_ref().map_or(0, TaskReport::share))
            .sum();
        let share = earned.div_ceil(weights.max(1));
        Score {
            per_mille: u32::try_from(share / 1000).expect("a share is at most a whole"),
            passed: share >= u64::from(PASS_PERCENT) * WHOLE / 100,
        }
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(FORMAT);
        postcard::to_extend(self, bytes).expect("a record is plain data, all of it encodable")
    }

    /// Reads what was kept. What cannot be is refused whole.
    pub fn from_bytes(bytes: &[u8]) -> Result<ExamRecord, BadRecord> {
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(BadRecord::Damaged)?;
        let (format, rest) = rest.split_first().ok_or(BadRecord::Damaged)?;
        if *format != FORMAT {
            return Err(BadRecord::Format(*format));
        }
        let (record, after): (ExamRecord, &[u8]) =
            postcard::take_from_bytes(rest).map_err(|_| BadRecord::Damaged)?;
        let whole = after.is_empty()
            && (1..=usize::from(TASKS_MAX)).contains(&record.tasks.len())
            && usize::from(record.open) < record.tasks.len()
            && (1..=MINUTES_MAX).contains(&record.minutes)
            && record.left_ms <= u64::from(record.minutes) * 60_000;
        if whole { Ok(record) } else { Err(BadRecord::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(points: u16, bonus: bool, holds: bool, from_start: bool) -> CheckReport {
        CheckReport { text: "it is so".into(), points, bonus, holds, from_start }
    }

    fn report(checks: Vec<CheckReport>) -> TaskReport {
        TaskReport { checks, ..TaskReport::default() }
    }

    fn task(weight: u16) -> ExamTask {
        ExamTask {
            slug: "s".into(),
            title: "S".into(),
            label: "EXAM".into(),
            task: "Do it.".into(),
            weight,
            world: "cluster".into(),
            host: "n1".into(),
            seed: 7,
            source: "slug = \"s\"".into(),
        }
    }

    fn exam(reports: Vec<(u16, Option<TaskReport>)>) -> ExamRecord {
        let tasks = reports.iter().map(|(weight, _)| task(*weight)).collect();
        let mut exam = ExamRecord::begin(7, 40, tasks);
        for (record, (_, report)) in exam.tasks.iter_mut().zip(reports) {
            record.report = report;
        }
        exam
    }

    #[test]
    fn each_check_gives_its_points() {
        let half = report(vec![check(2, false, true, false), check(2, false, false, false)]);
        assert_eq!((half.earned(), half.points(), half.share()), (2, 4, WHOLE / 2));
        assert_eq!(report(vec![check(3, false, false, false)]).earned(), 0);
    }

    #[test]
    fn what_was_so_from_the_start_is_nothing_done() {
        let idle = report(vec![check(1, false, true, true), check(3, false, false, false)]);
        assert_eq!(idle.earned(), 0);
        let done = report(vec![check(1, false, true, true), check(3, false, true, false)]);
        assert_eq!(done.earned(), 4);
    }

    #[test]
    fn a_bonus_makes_up_for_lost_points_and_gives_no_more_than_all() {
        let lost = [check(2, false, true, false), check(2, false, false, false)];
        let with = report([&lost[..], &[check(1, true, true, false)]].concat());
        assert_eq!((with.earned(), with.points()), (3, 4));
        let all = report(vec![check(2, false, true, false), check(9, true, true, false)]);
        assert_eq!((all.earned(), all.points()), (2, 2));
    }

    #[test]
    fn tasks_count_by_weight_and_two_thirds_pass() {
        let all = || Some(report(vec![check(1, false, true, false)]));
        let none = || Some(report(vec![check(1, false, false, false)]));
        let score = exam(vec![(66, all()), (34, none())]).score();
        assert_eq!(score, Score { per_mille: 660, passed: true });
        let score = exam(vec![(65, all()), (35, None)]).score();
        assert_eq!(score, Score { per_mille: 650, passed: false });
        assert_eq!(exam(vec![(8, all()), (7, all())]).score().per_mille, 1000);
        assert_eq!(exam(vec![(8, None)]).score(), Score { per_mille: 0, passed: false });
    }

    #[test]
    fn thirds_are_not_lost_by_rounding() {
        // 33 of 50 points are 66 %, in three parts none of which can be written down.
        let third = |met: u16| {
            let row = |place| check(1, false, place < met, false);
            Some(report((0..3).map(row).collect()))
        };
        let score =
            exam(vec![(24, third(3)), (6, third(2)), (15, third(1)), (5, third(0))]).score();
        assert_eq!(score, Score { per_mille: 660, passed: true });
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let mut record =
            exam(vec![(8, None), (5, Some(report(vec![check(1, false, true, true)])))]);
        record.tasks[1].flagged = true;
        record.tasks[1].lab = "lab".into();
        (record.open, record.left_ms) = (1, 1234);
        assert_eq!(ExamRecord::from_bytes(&record.to_bytes()), Ok(record));
    }

    #[test]
    fn a_damaged_record_is_refused_whole() {
        let bytes = exam(vec![(8, None)]).to_bytes();
        for len in 0..bytes.len() {
            assert_eq!(ExamRecord::from_bytes(&bytes[..len]), Err(BadRecord::Damaged), "{len}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(ExamRecord::from_bytes(&longer), Err(BadRecord::Damaged));
        let mut newer = bytes.clone();
        newer[4] = 9;
        assert_eq!(ExamRecord::from_bytes(&newer), Err(BadRecord::Format(9)));
        // A flipped bit may give another text, but never a record that cannot be shown.
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = ExamRecord::from_bytes(&damaged) {
                assert!(read.open_task().is_some());
            }
        }
    }

    #[test]
    fn an_exam_is_neither_endless_nor_over_at_once() {
        assert_eq!(ExamRecord::begin(1, 0, vec![task(1)]).left_ms, 60_000);
        assert_eq!(ExamRecord::begin(1, u16::MAX, vec![task(1)]).minutes, MINUTES_MAX);
        assert_eq!(ExamRecord::begin(1, 5, vec![task(1); 30]).tasks.len(), usize::from(TASKS_MAX));
    }
}
