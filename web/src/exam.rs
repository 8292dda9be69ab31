//! The exam as the page knows it: what is chosen before it, what is under way, what is shown
//! after. What is drawn and how it is judged is the session's to say, what it comes to is
//! counted in `lab::exam`.

use std::rc::Rc;

use lab::api::WorldOptions;
use lab::exam::{ExamRecord, MINUTES, TASKS, TaskReport};

use crate::state::Terminal;

/// The lab of the drill: there is one, begun anew with every task.
pub(crate) const DRILL_LAB: &str = "exam-drill";
/// The part of the address that means the drill.
pub(crate) const DRILL: &str = "drill";
/// From here on the clock is drawn as a warning.
pub(crate) const LATE_MS: f64 = 5.0 * 60_000.0;

/// What happens in an exam or a drill.
pub(crate) enum Do {
    /// The address names the exam, or with `drill` the drill.
    Enter(String),
    /// The choices of the start page.
    Choose(Choices),
    /// Begins with what is chosen.
    Begin,
    /// Goes to a task.
    Open(u8),
    /// Marks the open task to come back to, or takes the mark away.
    Flag,
    /// Asks whether the exam is to end, or puts the question away.
    Ask(bool),
    /// Ends it.
    End,
    /// Puts the report away: another exam can begin.
    Forget,
    /// Goes to a time of the run that is shown again.
    Seek(u64),
    /// Another task of the drill.
    Next,
    /// How it stands.
    Verdict,
}

/// What is chosen before an exam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choices {
    /// How many tasks.
    pub(crate) tasks: u8,
    /// How long.
    pub(crate) minutes: u16,
    /// What draws the tasks.
    pub(crate) seed: u32,
}

/// A run that is shown again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Replay {
    /// Of which task.
    pub(crate) task: u8,
    /// Its recipe.
    pub(crate) recipe: Rc<[u8]>,
    /// How its world was made.
    pub(crate) options: WorldOptions,
    /// The terminals that were open in the end.
    pub(crate) terminals: Vec<Terminal>,
    /// Where the learner came in, and where it was left.
    pub(crate) began_us: u64,
    pub(crate) until_us: u64,
}

/// A drill under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Drill {
    /// Tasks that were begun.
    pub(crate) tried: u32,
    /// Tasks that were right when they were asked about.
    pub(crate) right: u32,
    /// A task is being drawn or prepared.
    pub(crate) busy: bool,
    /// How it stood when it was last asked.
    pub(crate) verdict: Option<Rc<TaskReport>>,
    /// The open task was counted as right.
    pub(crate) counted: bool,
}

/// What the exam's screens look at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exam {
    /// What is chosen.
    pub(crate) choices: Choices,
    /// The exam under way, or the last one.
    pub(crate) record: Option<Rc<ExamRecord>>,
    /// Its tasks are being drawn.
    pub(crate) drawing: bool,
    /// It ends as soon as the open task is judged.
    pub(crate) ending: bool,
    /// The question before the end is on screen.
    pub(crate) asking: bool,
    /// Little time is left.
    pub(crate) late: bool,
    /// The lab that is open is the open task's.
    pub(crate) at_task: bool,
    /// A run shown again.
    pub(crate) replay: Option<Replay>,
    /// How far it has come, as it was last drawn.
    pub(crate) replayed_us: u64,
    /// The drill.
    pub(crate) drill: Drill,
    /// Whether the drill's lab is open.
    pub(crate) drilling: bool,
}

impl Default for Exam {
    fn default() -> Exam {
        Exam {
            choices: Choices { tasks: TASKS, minutes: MINUTES, seed: 1 },
            record: None,
            drawing: false,
            ending: false,
            asking: false,
            late: false,
            at_task: false,
            replay: None,
            replayed_us: 0,
            drill: Drill::default(),
            drilling: false,
        }
    }
}

impl Exam {
    /// The exam that is under way.
    pub(crate) fn running(&self) -> Option<&ExamRecord> {
        self.record.as_deref().filter(|record| !record.ended)
    }

    /// The exam that is over.
    pub(crate) fn over(&self) -> Option<&ExamRecord> {
        self.record.as_deref().filter(|record| record.ended)
    }

    /// Whether the open lab is one in which nobody helps: no coach, no undo.
    pub(crate) fn alone(&self) -> bool {
        self.replay.is_some() || self.drilling || self.at_task && self.running().is_some()
    }
}

/// Time that is left, as the clock shows it.
pub(crate) fn countdown(left_ms: f64) -> String {
    // Rounded up: 0:00 is shown when it is over, not a second before.
    let seconds = (left_ms.max(0.0) / 1000.0).ceil() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// A share in tenths of a percent, as text.
pub(crate) fn percent(per_mille: u32) -> String {
    match per_mille % 10 {
        0 => format!("{} %", per_mille / 10),
        rest => format!("{}.{rest} %", per_mille / 10),
    }
}

/// A time of a run, as seconds since it began.
pub(crate) fn since(at_us: u64, began_us: u64) -> String {
    let seconds = at_us.saturating_sub(began_us) / 1_000_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// What is noted of the clock beside the record: `SEED LEFT`.
pub(crate) fn note(seed: u64, left_ms: f64) -> String {
    format!("{seed} {}", left_ms.max(0.0) as u64)
}

/// Time that is left by the record and by what was noted since; a note of another exam, or one
/// that gives time back, is none.
pub(crate) fn left_ms(record: &ExamRecord, note: &str) -> f64 {
    let noted = note.split_once(' ').filter(|(seed, _)| *seed == record.seed.to_string());
    let noted = noted.and_then(|(_, left)| left.parse::<u64>().ok());
    noted.unwrap_or(u64::MAX).min(record.left_ms) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_read_well() {
        assert_eq!(countdown(40.0 * 60_000.0), "40:00");
        assert_eq!(countdown(59_001.0), "1:00");
        assert_eq!(countdown(1.0), "0:01");
        assert_eq!(countdown(-5.0), "0:00");
        assert_eq!(
            (percent(660), percent(714), percent(0)),
            ("66 %".into(), "71.4 %".into(), "0 %".into())
        );
        assert_eq!(since(65_000_000, 5_000_000), "1:00");
        assert_eq!(since(1, 2), "0:00");
    }

    #[test]
    fn a_closed_tab_comes_back_with_the_time_it_had() {
        let record = ExamRecord {
            seed: 7,
            minutes: 1,
            left_ms: 50_000,
            tasks: Vec::new(),
            open: 0,
            ended: false,
        };
        assert_eq!(left_ms(&record, &note(7, 41_500.7)), 41_500.0);
        assert_eq!(left_ms(&record, &note(8, 41_500.0)), 50_000.0);
        assert_eq!(left_ms(&record, "7 999999999"), 50_000.0);
        assert_eq!(left_ms(&record, "nonsense"), 50_000.0);
    }
}
