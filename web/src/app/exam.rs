//! An exam from its draw to its report, the replay of a task, and the drill.
//!
//! Each task is a lab of its own, saved like any other; going from one to the next is going
//! from lab to lab (`course.rs`). A task is judged when its lab is left: its world stands
//! still from there on.

use std::rc::Rc;

use lab::api::{Answer, Command, CourseRow, Recipe};
use lab::exam::{ExamRecord, ExamTask, TaskReport};

use super::App;
use super::labs::follow;
use crate::course::Goal;
use crate::exam::{self, Choices, DRILL, DRILL_LAB, Do, Drill, Exam, LATE_MS, Replay};
use crate::link::{Ask, LARGE};
use crate::platform::{self, browser};
use crate::screens;
use crate::state::{Area, Phase};
use crate::store::{self, Batch, SavedLab};

/// A lab that is looked at and never saved.
const REPLAY_LAB: &str = "exam-replay";
/// Seeds that are drawn are small, to be read out.
const SEEDS: u32 = 9999;

impl App {
    pub(super) fn exam(&mut self, what: Do) {
        match what {
            Do::Enter(rest) => self.enter_exam(&rest),
            Do::Choose(choices) => self.ui.exam.choices = choices,
            Do::Begin => self.draw_exam(),
            Do::Open(task) => self.open_task(task),
            Do::Flag => self.change_exam(|record| {
                let open = usize::from(record.open);
                let flagged = &mut record.tasks[open].flagged;
                *flagged = !*flagged;
            }),
            Do::Ask(asks) => self.ui.exam.asking = asks,
            Do::End => self.end_exam(),
            Do::Forget => self.forget_exam(),
            Do::Seek(at_us) => self.seek(at_us),
            Do::Next => self.next_drill(),
            Do::Verdict => self.link.call(Ask::Report { task: None }, &Command::Report),
        }
    }

    /// What was kept of an exam, when the page opens.
    pub(super) fn exam_read(&mut self, kept: Option<Vec<u8>>) {
        let choices = Choices { seed: platform::draw(SEEDS) + 1, ..Exam::default().choices };
        self.ui.exam.choices = choices;
        let tried = browser::recall(DRILL);
        let mut counts = tried.split(' ').map(|word| word.parse().unwrap_or(0));
        let (tried, right) = (counts.next().unwrap_or(0), counts.next().unwrap_or(0));
        self.ui.exam.drill = Drill { tried, right, ..Drill::default() };
        match kept.map(|bytes| ExamRecord::from_bytes(&bytes)) {
            Some(Ok(record)) => {
                self.exam_left_ms = exam::left_ms(&record, &browser::recall("exam"));
                self.ui.exam.record = Some(Rc::new(record));
            }
            Some(Err(_)) => self.ui.notice(true, "The exam that is kept in this browser cannot be read: it is damaged, or another version of this page wrote it."),
            None => {}
        }
    }

    fn enter_exam(&mut self, rest: &str) {
        self.ui.exam.asking = false;
        if let Some(goal) = self.exam_goal(rest) {
            self.ui.area = Area::Beside;
            self.go_for(goal);
        }
    }

    /// The lab an address of this screen asks for.
    pub(super) fn exam_goal(&self, rest: &str) -> Option<Goal> {
        let exam = &self.ui.exam;
        match rest.split_once('/').unwrap_or((rest, "")) {
            (DRILL, _) => Some(Goal::Drill),
            ("replay", number) => {
                let task: u8 = number.parse().ok().filter(|number| *number > 0)?;
                let record = exam.over()?.tasks.get(usize::from(task) - 1)?;
                record.report.as_ref().map(|_| Goal::Replay(task - 1))
            }
            _ => exam.running().map(|record| Goal::Task(record.open)),
        }
    }

    /// The name of a goal's lab; none where it was never begun.
    pub(super) fn exam_lab(&self, goal: &Goal) -> Option<String> {
        let task = |task: &u8| self.ui.exam.record.as_ref()?.tasks.get(usize::from(*task));
        match goal {
            Goal::Drill => Some(DRILL_LAB.into()),
            Goal::Task(at) | Goal::Replay(at) => {
                task(at).map(|it| it.lab.clone()).filter(|lab| !lab.is_empty())
            }
            Goal::Sandbox | Goal::Exercise { .. } => None,
        }
    }

    /// Whether the open lab is what is gone to.
    pub(super) fn exam_is_there(&self, goal: &Goal) -> bool {
        match goal {
            Goal::Replay(task) => self.ui.exam.replay.as_ref().is_some_and(|it| it.task == *task),
            _ => self.lab.is_some() && self.exam_lab(goal) == self.lab,
        }
    }

    /// The lab of a goal was read, or there is none yet.
    pub(super) fn exam_goal_read(&mut self, goal: &Goal, saved: Option<SavedLab>) {
        match (goal, saved) {
            (Goal::Replay(task), Some(saved)) => {
                let bytes = saved.record.recipe;
                let ask = Ask::InspectReplay { task: *task, bytes: bytes.clone() };
                self.link.aside(ask, &Command::Inspect(bytes));
            }
            (Goal::Replay(_), None) => {
                self.ui.notice(true, "This run is not kept in this browser any more.");
                platform::set_fragment("/exam");
            }
            (Goal::Drill, None) => self.next_drill(),
            (Goal::Task(_), None) if self.ui.exam.ending => self.end_if_asked(),
            (Goal::Task(task), None) => self.begin_task(*task),
            (_, Some(saved)) => self.begin_saved(saved),
            (_, None) => {}
        }
    }

    // The exam.

    fn draw_exam(&mut self) {
        if !self.writes() {
            self.ui.notice(true, "An exam needs this browser's storage, and this tab has none: every task is saved there.");
            return;
        }
        let Choices { tasks, seed, .. } = self.ui.exam.choices;
        self.ui.exam.drawing = true;
        self.link.aside(Ask::DrawExam, &Command::DrawExam { seed: u64::from(seed), tasks });
    }

    /// The tasks are there: the clock starts with the first.
    pub(super) fn exam_drawn(&mut self, answer: Option<Answer>) {
        self.ui.exam.drawing = false;
        let tasks = match answer {
            Some(Answer::Exam(tasks)) if !tasks.is_empty() => tasks,
            Some(Answer::Refused(why)) => return self.ui.notice(true, why),
            _ => {
                return self
                    .ui
                    .notice(true, "The exercises could not be loaded. Is the network there?");
            }
        };
        let Choices { minutes, seed, .. } = self.ui.exam.choices;
        let record = ExamRecord::begin(u64::from(seed), minutes, tasks);
        self.exam_left_ms = record.left_ms as f64;
        self.ui.exam.late = false;
        self.ui.area = Area::Beside;
        self.ui.exam.record = Some(Rc::new(record));
        self.keep_exam();
        self.go_for(Goal::Task(0));
    }

    fn begin_task(&mut self, at: u8) {
        let Some(record) = &mut self.ui.exam.record else { return };
        let Some(task) = Rc::make_mut(record).tasks.get_mut(usize::from(at)) else { return };
        task.lab = format!("exam-{}", store::new_name());
        let (name, task) = (task.lab.clone(), task.task.clone());
        self.keep_exam();
        self.begin_drawn(name, task);
    }

    fn begin_drawn(&mut self, name: String, task: ExamTask) {
        let row = CourseRow {
            slug: task.slug,
            title: task.title,
            label: task.label,
            minutes: 0,
            weight: task.weight,
            task: task.task,
            world: task.world,
            host: task.host,
            terms: Vec::new(),
            text: String::new(),
            source: task.source,
        };
        self.begin_exercise_as(name, &row, task.seed);
    }

    fn open_task(&mut self, task: u8) {
        if self.ui.read_only || self.ui.exam.ending {
            return;
        }
        // The task that is left is judged on the way.
        self.go_for(Goal::Task(task));
        self.change_exam(|record| record.open = task);
        self.ui.exam.at_task = false;
    }

    /// Asks how the open task stands, if its lab is open: before the lab is left.
    pub(super) fn judge_task(&mut self) {
        let open = self.ui.exam.running().map(|record| record.open);
        if let Some(open) = open.filter(|_| self.ui.exam.at_task && self.ui.phase == Phase::Running)
        {
            self.link.call(Ask::Report { task: Some(open) }, &Command::Report);
        }
    }

    /// How a task stands.
    pub(super) fn reported(&mut self, task: Option<u8>, answer: Option<Answer>) {
        let Some(Answer::Report(report)) = answer else {
            return self.end_if_asked();
        };
        match task {
            Some(task) => {
                self.change_exam(|record| {
                    if let Some(task) = record.tasks.get_mut(usize::from(task)) {
                        task.report = Some(report);
                    }
                });
                self.end_if_asked();
            }
            None => self.judge_drill(report),
        }
    }

    fn end_exam(&mut self) {
        self.ui.exam.asking = false;
        self.ui.exam.ending = true;
        let open = self.ui.exam.running().and_then(|record| record.open_task());
        if open.is_none_or(|task| task.lab.is_empty()) {
            self.end_if_asked();
        } else if !self.ui.exam.at_task {
            // It is judged on its machines, so they come first.
            platform::set_fragment("/exam");
        }
    }

    fn end_if_asked(&mut self) {
        if !std::mem::take(&mut self.ui.exam.ending) {
            return;
        }
        self.change_exam(|record| record.ended = true);
        // The last task's lab is saved as it was judged, for its replay.
        if self.ui.phase == Phase::Running && self.writes() {
            self.saver.begin();
            self.save();
        }
        self.clock.running = false;
        self.went = true;
        self.ui.aloud = "The exam has ended. This is its report.".into();
    }

    fn forget_exam(&mut self) {
        let Some(record) = self.ui.exam.record.take() else { return };
        let mut batch = Batch::default();
        for task in record.tasks.iter().filter(|task| self.lab.as_ref() != Some(&task.lab)) {
            batch.drop_lab(&task.lab);
        }
        batch.exam(&[]);
        self.commit(batch);
        self.ui.exam.choices.seed = platform::draw(SEEDS) + 1;
        self.went = true;
    }

    fn change_exam(&mut self, change: impl FnOnce(&mut ExamRecord)) {
        if let Some(record) = &mut self.ui.exam.record {
            change(Rc::make_mut(record));
            self.keep_exam();
        }
    }

    /// Into the store, with the time that is left.
    fn keep_exam(&mut self) {
        let Some(record) = &mut self.ui.exam.record else { return };
        Rc::make_mut(record).left_ms = self.exam_left_ms.max(0.0) as u64;
        let bytes = record.to_bytes();
        let mut batch = Batch::default();
        batch.exam(&bytes);
        self.commit(batch);
        self.render_due = true;
    }

    /// Wall time passes: while a task's machines are there, whatever is on screen.
    pub(super) fn exam_tick(&mut self, wall_ms: f64) {
        let passed = wall_ms - std::mem::replace(&mut self.exam_ms, wall_ms);
        self.end_of_replay();
        let at_task = self.ui.exam.running().is_some_and(|record| {
            record.open_task().is_some_and(|task| Some(&task.lab) == self.lab.as_ref())
        });
        self.ui.exam.at_task = at_task;
        self.ui.exam.drilling = self.lab.as_deref() == Some(DRILL_LAB);
        let Some(record) = self.ui.exam.running() else { return };
        let seed = record.seed;
        let ready = at_task && self.ui.phase == Phase::Running;
        if self.ui.exam.ending {
            if ready && !self.link.waits_for(|ask| matches!(ask, Ask::Report { .. })) {
                self.judge_task();
            }
            return;
        }
        // Preparing machines costs no time; looking at another screen does.
        let away = !self.ui.path.starts_with(screens::EXAM);
        if (ready || away) && !self.ui.read_only {
            self.exam_left_ms -= passed.max(0.0);
        }
        let text = exam::countdown(self.exam_left_ms);
        if let Some(place) = platform::by_id("exam-clock")
            && place.text_content().as_deref() != Some(&text)
        {
            place.set_text_content(Some(&text));
            browser::remember("exam", &exam::note(seed, self.exam_left_ms));
        }
        let late = self.exam_left_ms <= LATE_MS;
        if late && !self.ui.exam.late {
            self.ui.aloud = format!("{text} minutes of the exam are left.");
        }
        self.render_due |= late != self.ui.exam.late;
        self.ui.exam.late = late;
        if self.exam_left_ms <= 0.0 {
            self.ui.notice(false, "The time is up: the exam has ended.");
            self.end_exam();
            self.render_due = true;
        }
    }

    /// The time is noted where a closing tab cannot lose it.
    pub(super) fn note_exam(&self) {
        if let Some(record) = self.ui.exam.running() {
            browser::remember("exam", &exam::note(record.seed, self.exam_left_ms));
        }
    }

    // The replay.

    /// What a run holds is known: it is done again, up to where the learner came in.
    pub(super) fn replay_inspected(&mut self, task: u8, bytes: Vec<u8>, answer: Option<Answer>) {
        let Some(Answer::Recipe(recipe)) = answer else { return };
        if self.exam_goal(screens::of_path(&self.ui.path).1) != Some(Goal::Replay(task)) {
            return;
        }
        let report =
            self.ui.exam.over().and_then(|it| it.tasks.get(usize::from(task))?.report.clone());
        let Some(TaskReport { began_us, until_us, .. }) = report else { return };
        let Recipe { options, inputs, .. } = recipe;
        let mut terminals = Vec::new();
        follow(&mut terminals, inputs.iter());
        let replay = Replay { task, recipe: bytes.into(), options, terminals, began_us, until_us };
        self.run_again(replay, began_us, true);
    }

    fn run_again(&mut self, replay: Replay, at_us: u64, running: bool) {
        self.clear(REPLAY_LAB.into());
        self.options = Some(replay.options.clone());
        self.ui.terminals.clone_from(&replay.terminals);
        self.ui.terminal = self.ui.terminals.last().map_or(1, |it| it.tty);
        let command = Command::Load(replay.recipe.to_vec());
        self.ui.exam.replay = Some(replay);
        self.link.start_fresh(Ask::Replay, &command, 0, LARGE);
        self.clock.running = running;
        self.run_to(at_us);
    }

    fn run_to(&mut self, at_us: u64) {
        self.target_us = at_us;
        self.ui.phase = Phase::Replaying { until_us: at_us, what: "The run is being done again" };
    }

    fn seek(&mut self, at_us: u64) {
        let Some(replay) = self.ui.exam.replay.clone() else { return };
        let at_us = at_us.clamp(replay.began_us, replay.until_us);
        if at_us < self.now_us {
            self.run_again(replay, at_us, false);
        } else {
            self.clock.running = false;
            self.run_to(at_us);
        }
    }

    /// A replay ends where the run did.
    fn end_of_replay(&mut self) {
        let Some(replay) = &self.ui.exam.replay else { return };
        if self.clock.running && self.now_us >= replay.until_us {
            self.clock.running = false;
        }
        let moved = self.ui.exam.replayed_us.abs_diff(self.now_us) >= 250_000;
        if moved {
            self.ui.exam.replayed_us = self.now_us;
            self.render_due = true;
        }
    }

    // The drill.

    fn next_drill(&mut self) {
        if self.ui.exam.drill.busy || self.ui.read_only {
            return;
        }
        self.ui.exam.drill.busy = true;
        self.ui.phase = Phase::Starting("The next task is being drawn");
        let seed = u64::from(platform::draw(u32::MAX));
        self.link.aside(Ask::DrawDrill, &Command::DrawExam { seed, tasks: 1 });
    }

    /// A task was drawn for the drill.
    pub(super) fn drill_drawn(&mut self, answer: Option<Answer>) {
        self.ui.exam.drill.busy = false;
        let task = match answer {
            Some(Answer::Exam(mut tasks)) => tasks.pop(),
            _ => None,
        };
        let Some(task) = task else {
            self.ui.notice(true, "The exercises could not be loaded. Is the network there?");
            platform::set_fragment("/exam");
            return;
        };
        let mut batch = Batch::default();
        batch.drop_lab(DRILL_LAB);
        self.commit(batch);
        let drill = &mut self.ui.exam.drill;
        drill.tried += 1;
        (drill.verdict, drill.counted) = (None, false);
        self.note_drill();
        self.begin_drawn(DRILL_LAB.into(), task);
    }

    fn judge_drill(&mut self, report: TaskReport) {
        let drill = &mut self.ui.exam.drill;
        let whole = report.earned() == report.points();
        if whole && !drill.counted {
            drill.right += 1;
            drill.counted = true;
        }
        let (earned, points) = (report.earned(), report.points());
        drill.verdict = Some(Rc::new(report));
        self.ui.aloud = format!("{earned} of {points} points.");
        self.note_drill();
    }

    fn note_drill(&self) {
        let Drill { tried, right, .. } = self.ui.exam.drill;
        browser::remember(DRILL, &format!("{tried} {right}"));
    }
}
