//! The course: from sandbox to exercise and back, hints, solutions, progress.

use std::rc::Rc;

use js_sys::Uint8Array;
use lab::api::{Answer, Command, CourseRow, LessonView, WorldOptions};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{App, PointInfo};
use crate::course::{self, Do, Goal};
use crate::link::{Ask, LARGE, Reply};
use crate::msg::Msg;
use crate::platform::{self, browser};
use crate::player::{Deed, Player, SLEEP_SPEED};
use crate::progress;
use crate::screens;
use crate::state::{NewLab, Phase, Terminal};
use crate::store::{Batch, SavedLab, StoreError, course_lab, is_sandbox};

/// The seeds that are drawn: small ones, to be read aloud.
const SEEDS: u32 = 9999;

impl App {
    pub(super) fn course(&mut self, what: Do) {
        match what {
            Do::Enter(rest) => self.enter_course(&rest),
            Do::Sandbox => self.go_for(Goal::Sandbox),
            Do::Read(read) => self.goal_read(read.0, read.1),
            Do::Again => self.ask_for_course(),
            Do::Reset => self.reset(),
            Do::Hint => self.open_hint(),
            Do::Ask(asks) => self.ui.course.asking = asks,
            Do::Solve => self.solve(),
            Do::Stop => self.stop_playing(),
            Do::Answer(line) => {
                // What was half typed goes: Ctrl-U.
                self.type_text(&format!("\u{15}{line}\r"));
            }
            Do::Heard => {
                self.ui.course.heard = self.view.lesson.as_ref().map_or(0, |it| it.coach.len());
            }
            Do::Export => {
                let text = progress::to_file(&self.ui.course.records);
                browser::download("quorum-lab-progress.txt", Uint8Array::from(text.as_bytes()));
            }
            Do::Import => self.choose_progress(),
            Do::Imported(bytes) => self.import(&bytes),
        }
    }

    // From lab to lab.

    fn enter_course(&mut self, rest: &str) {
        self.ui.course.asking = false;
        if self.ui.course.rows.is_none() {
            self.ask_for_course();
        } else if let Some(goal) = course::goal_of(rest) {
            self.go_for(goal);
        }
    }

    pub(super) fn ask_for_course(&mut self) {
        self.ui.course.failed = None;
        if !self.link.waits_for(|ask| matches!(ask, Ask::Course)) {
            self.link.aside(Ask::Course, &Command::Course);
            self.link.aside(Ask::Glossary, &Command::Glossary);
        }
    }

    /// The exercises are known now.
    pub(super) fn course_read(&mut self, answer: Option<Answer>) {
        match answer {
            Some(Answer::Course(rows)) => {
                self.ui.course.rows = Some(rows.into());
                self.join_own();
                self.enter();
            }
            Some(Answer::Refused(why)) => self.ui.course.failed = Some(why),
            _ => {
                self.ui.course.failed =
                    Some("They could not be loaded. Is the network there?".into());
            }
        }
    }

    pub(super) fn glossary_read(&mut self, answer: Option<Answer>) {
        if let Some(Answer::Glossary(words)) = answer {
            self.ui.course.words = words.into();
        }
    }

    /// Whether the open lab is what is gone to.
    fn is_there(&self, goal: &Goal) -> bool {
        let Some(name) = &self.lab else { return false };
        match goal {
            Goal::Sandbox => is_sandbox(name),
            Goal::Exercise { slug, seed } => {
                let same = |options: &WorldOptions| {
                    seed.is_none_or(|seed| options.seed == u64::from(seed))
                };
                *name == course_lab(slug) && self.options.as_ref().is_some_and(same)
            }
            Goal::Task(_) | Goal::Replay(_) | Goal::Drill => self.exam_is_there(goal),
        }
    }

    /// What the address asks for.
    fn wanted(&self) -> Option<Goal> {
        match screens::of_path(&self.ui.path) {
            (screen, _) if screen.id.is_empty() => Some(Goal::Sandbox),
            (screen, rest) if screen.id == screens::COURSE => course::goal_of(rest),
            (screen, rest) if screen.id == screens::EXAM => self.exam_goal(rest),
            _ => None,
        }
    }

    /// Goes to another lab, when the present one is saved.
    pub(super) fn go_for(&mut self, goal: Goal) {
        if self.lab.is_none() || self.is_there(&goal) {
            return;
        }
        if self.ui.read_only {
            if goal != Goal::Sandbox {
                self.ui.notice(
                    true,
                    "This tab only shows the lab: take it over first, then open the exercise.",
                );
            }
            return;
        }
        self.stop_playing();
        // What is asked before the save is answered before it.
        self.judge_task();
        if self.ui.phase == Phase::Running && self.writes() {
            self.going.goal = Some(goal);
            self.saver.begin();
            self.save();
        } else {
            self.read_goal(goal);
        }
    }

    /// The present lab is saved: on to where the learner wants to go.
    pub(super) fn go_on(&mut self) {
        if let Some(goal) = self.going.goal.take() {
            self.read_goal(goal);
        }
    }

    fn read_goal(&mut self, goal: Goal) {
        self.ui.phase = Phase::Starting(match goal {
            Goal::Sandbox => "The lab is coming back",
            Goal::Exercise { .. } => "The exercise is being set up",
            Goal::Task(_) | Goal::Drill => "The machines of the task are being prepared",
            Goal::Replay(_) => "The run is being read",
        });
        let Some(db) = self.db.clone() else { return self.goal_read(goal, Ok(None)) };
        let (emit, of_exam) = (self.emit.clone(), self.exam_lab(&goal));
        spawn_local(async move {
            let name = match &goal {
                Goal::Sandbox => db.sandbox().await.ok().flatten(),
                Goal::Exercise { slug, .. } => Some(course_lab(slug)),
                Goal::Task(_) | Goal::Replay(_) | Goal::Drill => of_exam,
            };
            let saved = match name {
                Some(name) => db.read(&name).await,
                None => Ok(None),
            };
            emit.emit(Msg::Course(Do::Read(Box::new((goal, saved)))));
        });
    }

    fn goal_read(&mut self, goal: Goal, saved: Result<Option<SavedLab>, StoreError>) {
        if self.wanted().as_ref() != Some(&goal) || self.is_there(&goal) {
            // The learner went elsewhere meanwhile, and that is under way.
            return;
        }
        let saved = saved.ok().flatten();
        match goal {
            Goal::Sandbox => match saved {
                Some(saved) => self.begin_saved(saved),
                None => self.begin_new(&NewLab::draw()),
            },
            Goal::Exercise { slug, seed } => {
                let fits = |saved: &SavedLab| {
                    seed.is_none_or(|seed| saved.record.options.seed == u64::from(seed))
                };
                match (saved.filter(fits), self.ui.course.row(&slug).cloned()) {
                    (Some(saved), _) => self.begin_saved(saved),
                    (None, Some(row)) => {
                        let seed = seed.unwrap_or_else(|| platform::draw(SEEDS) + 1);
                        self.begin_exercise(&row, seed);
                    }
                    (None, None) => {
                        self.ui.notice(true, format!("There is no exercise '{slug}'."));
                        platform::set_fragment("/course");
                        self.begin_sandbox_again();
                    }
                }
            }
            Goal::Task(_) | Goal::Replay(_) | Goal::Drill => self.exam_goal_read(&goal, saved),
        }
    }

    fn begin_sandbox_again(&mut self) {
        if self.lab.as_deref().is_some_and(is_sandbox) {
            self.ui.phase = Phase::Running;
        } else {
            self.begin_new(&NewLab::draw());
        }
    }

    /// An exercise begins anew, as a lab of its own; what was there of it goes.
    fn begin_exercise(&mut self, row: &CourseRow, seed: u32) {
        let name = course_lab(&row.slug);
        let mut batch = Batch::default();
        batch.drop_lab(&name);
        self.commit(batch);
        self.begin_exercise_as(name, row, u64::from(seed));
    }

    /// The same under another name.
    pub(super) fn begin_exercise_as(&mut self, name: String, row: &CourseRow, seed: u64) {
        self.clear(name);
        // The session knows how the world is made; what is not known yet is corrected then.
        self.options = Some(WorldOptions {
            world: row.world.clone(),
            members: 0,
            release: String::new(),
            seed,
            epoch_us: 0,
            checkers: true,
        });
        self.promise_terminal(&row.host);
        self.ui.phase = Phase::Replaying { until_us: 0, what: "The exercise is being set up" };
        let command = Command::Exercise { source: row.source.clone(), seed };
        self.link.start_fresh(Ask::Start, &command, 0, LARGE);
    }

    /// An exercise could not be set up.
    pub(super) fn exercise_failed(&mut self, why: &str) {
        self.ui.notice(true, format!("The exercise could not be set up: {why}."));
        platform::set_fragment("/course");
        self.begin_new(&NewLab::draw());
    }

    /// The checkpoint a reset goes to, of a world that just began.
    pub(super) fn note_home(&mut self, reply: &Reply) {
        self.going.home_point = reply.home;
        match self.going.home.clone() {
            _ if reply.home == 0 => {}
            Some(saved) => self.restore_point(reply.home, &saved),
            None => {
                let info = PointInfo { seq: 0, now_us: reply.at_us, seen: 0, ttys: Vec::new() };
                self.points.insert(reply.home, info);
            }
        }
    }

    // Starting over.

    /// Back to where the exercise began, by its checkpoint.
    fn reset(&mut self) {
        self.stop_playing();
        if self.is_live() && self.ui.course.open.is_some() {
            self.going.reset_ms = Some(platform::wall_ms());
            self.mark_shown(false);
            self.link.ask(Ask::Reset, "reset");
        }
    }

    /// Measures a reset: from the click to its picture.
    pub(super) fn note_reset(&mut self) {
        if self.resync == super::Resync::None
            && !self.link.waits_for(|ask| matches!(ask, Ask::Reset))
            && let Some(from_ms) = self.going.reset_ms.take()
        {
            self.ui.course.reset_ms = Some((platform::wall_ms() - from_ms) as u32);
        }
    }

    /// Remembers that what is done in this lab from here on is the solution's, not the
    /// learner's; over a reload, too.
    fn mark_shown(&self, shown: bool) {
        let name = self.lab.as_deref().unwrap_or_default();
        browser::remember("shown", if shown { name } else { "" });
    }

    fn is_shown(&self) -> bool {
        self.lab.as_deref().is_some_and(|name| browser::recall("shown") == name)
    }

    /// It is there again.
    pub(super) fn was_reset(&mut self, reply: &Reply) {
        let slug = self.ui.course.open.clone().unwrap_or_default();
        let Some(row) = self.ui.course.row(&slug).cloned() else { return };
        if reply.nothing {
            let seed = self.options.as_ref().map_or(1, |options| options.seed as u32);
            self.begin_exercise(&row, seed);
            return;
        }
        self.undone(reply.point);
        self.undo.clear();
        self.early.clear();
        let ui = &mut self.ui;
        (ui.undo, ui.course.heard, ui.terminal) = (0, 0, 1);
        ui.terminals = vec![Terminal { tty: 1, host: row.host.clone() }];
        self.clock.set(crate::clock::REAL);
        self.clock.running = true;
        self.open_promised();
        // Until then the store has the state that was left.
        self.saver.begin();
        self.save();
    }

    // Help.

    fn open_hint(&mut self) {
        let Some(lesson) = self.view.lesson.clone() else { return };
        let most = u32::try_from(lesson.hints.len()).unwrap_or(u32::MAX);
        self.record(&lesson.slug, |record| record.hints = (record.hints + 1).min(most));
    }

    fn solve(&mut self) {
        let Some(slug) = self.ui.course.open.clone() else { return };
        self.ui.course.asking = false;
        self.record(&slug, |record| record.solution = true);
        self.reset();
        self.mark_shown(true);
        self.link.call(Ask::Solution, &Command::Solution { slug });
    }

    /// The solution's lines are there: they are typed, one after the other.
    pub(super) fn solution_read(&mut self, answer: Option<Answer>) {
        match answer {
            Some(Answer::Lines(lines)) => {
                self.going.player = Some(Player::new(lines));
                self.ui.course.playing = Some((0, 0));
            }
            Some(Answer::Refused(why)) => self.ui.notice(true, why),
            _ => {}
        }
    }

    pub(super) fn stop_playing(&mut self) {
        if self.going.player.take().is_some() {
            self.ui.course.playing = None;
            self.clock.set(crate::clock::REAL);
        }
    }

    /// The next key of a solution, if one is due.
    pub(super) fn play(&mut self, wall_ms: f64) {
        let Some(mut player) = self.going.player.take() else { return };
        let tty = self.ui.terminal;
        let going = |ask: &Ask| matches!(ask, Ask::Edit { .. } | Ask::Input { .. } | Ask::Reset);
        let prompt = self.hears(tty) && self.view.running(tty).is_none();
        let free = prompt && self.resync == super::Resync::None && !self.link.waits_for(going);
        match player.due(wall_ms, free) {
            Deed::Wait => {}
            Deed::Fill { host, line, sleeps } => {
                let home = self.ui.course.open.as_deref().and_then(|slug| self.ui.course.row(slug));
                let host = host.or_else(|| home.map(|row| row.host.clone()));
                host.into_iter().for_each(|host| self.bring(host));
                self.clock.set(if sleeps { SLEEP_SPEED } else { crate::clock::REAL });
                self.clock.running = true;
                self.link.call(Ask::Fill, &Command::Fill(line));
            }
            Deed::Type(bytes) => self.edit(self.ui.terminal, bytes),
            Deed::End => {
                self.clock.set(crate::clock::REAL);
                self.ui.course.playing = None;
                self.ui.aloud = "The solution has ended.".into();
                self.render_due = true;
                return;
            }
        }
        let count = Some(player.count());
        self.render_due |= self.ui.course.playing != count;
        self.ui.course.playing = count;
        self.going.player = Some(player);
    }

    /// A terminal on this host comes to the front, if another one is there.
    fn bring(&mut self, host: String) {
        let here = self.ui.terminals.iter().find(|it| it.tty == self.ui.terminal);
        if here.is_none_or(|it| it.host != host) {
            self.open_terminal(host);
        }
    }

    pub(super) fn line_filled(&mut self, answer: Option<Answer>) {
        if let (Some(Answer::Text(line)), Some(player)) = (answer, &mut self.going.player) {
            player.filled(&line, platform::wall_ms());
        }
    }

    // Progress.

    /// A picture of the exercise came: what changed is said, what is better is kept.
    pub(super) fn lesson_came(&mut self, before: Option<Rc<LessonView>>) {
        if let Some(player) = &mut self.going.player {
            player.pictured();
        }
        let Some(now) = self.view.lesson.clone() else { return };
        if before.as_ref() == Some(&now) || self.ui.course.open.as_ref() != Some(&now.slug) {
            return;
        }
        let heard = self.ui.course.heard;
        self.ui.course.heard =
            if before.is_none() { now.coach.len() } else { heard.min(now.coach.len()) };
        if let Some(before) = before.filter(|it| it.slug == now.slug && self.is_live()) {
            let news = course::news(&before, &now);
            if !news.said.is_empty() {
                self.ui.aloud = news.said.join(" ");
            }
        }
        let now_ms = platform::date_ms() as u64;
        let mut record = self.ui.course.record(&now.slug);
        // What the solution does is not the learner's.
        if !self.is_shown() && course::noted(&mut record, &now, now_ms) {
            self.record(&now.slug, |it| *it = record);
        }
    }

    /// Changes a record and saves it at once.
    fn record(&mut self, slug: &str, change: impl FnOnce(&mut progress::Record)) {
        if self.ui.read_only {
            return;
        }
        let mut record = self.ui.course.record(slug);
        change(&mut record);
        let mut batch = Batch::default();
        batch.progress(slug, &record);
        Rc::make_mut(&mut self.ui.course.records).insert(slug.into(), record);
        self.commit(batch);
    }

    fn choose_progress(&mut self) {
        let emit = self.emit.clone();
        spawn_local(async move {
            let chosen = JsFuture::from(browser::choose_file()).await;
            if let Ok(bytes) = chosen.unwrap_or_default().dyn_into::<Uint8Array>() {
                emit.emit(Msg::Course(Do::Imported(bytes.to_vec())));
            }
        });
    }

    /// All of a file, or nothing of it.
    fn import(&mut self, bytes: &[u8]) {
        if self.ui.read_only {
            self.ui.notice(
                true,
                "This tab only shows the lab: take it over first, then load the file.",
            );
            return;
        }
        let records = match progress::of_file(bytes) {
            Ok(records) => records,
            Err(why) => {
                self.ui
                    .notice(true, format!("Nothing was loaded. {why} Your progress is as it was."));
                return;
            }
        };
        let mut batch = Batch::default();
        let mine = Rc::make_mut(&mut self.ui.course.records);
        for (slug, record) in records.iter() {
            let mut joined = mine.get(slug).cloned().unwrap_or_default();
            joined.join(record);
            batch.progress(slug, &joined);
            mine.insert(slug.clone(), joined);
        }
        self.commit(batch);
        let count = crate::text::plural(records.iter().count() as u64, "exercise");
        self.ui.notice(
            false,
            format!("Progress of {count} was loaded; where both knew one, the better counts."),
        );
    }
}
