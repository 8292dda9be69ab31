//! Frames: wall time becomes virtual time, the picture comes back.

use super::{App, RENDER_EVERY_MS, Resync};
use crate::clock;
use crate::coach::{Deed, Scene as Look};
use crate::link::Ask;
use crate::platform::{self, browser, terminal};
use crate::screens::Place;
use crate::state::{Brought, Phase};
use lab::api::{Advanced, Delta, Speed, StoryKind};

/// How long the worker may run for a frame of the screen.
const BUDGET_MS: f64 = 13.0;
/// The same while a run is done again: the screen only shows how far it is.
const REPLAY_BUDGET_MS: f64 = 120.0;
/// Terminal bytes written and not yet drawn, beyond which the world waits for the screen.
const OWED_BYTES_MAX: f64 = 512.0 * 1024.0;
/// How often the exact time is noted, so that a reload comes back to it.
const NOTE_EVERY_MS: f64 = 250.0;

impl App {
    /// A frame of the screen begins. True when the page is to be drawn anew.
    pub(super) fn frame(&mut self, wall_ms: f64) -> bool {
        self.show_clock();
        self.exam_tick(wall_ms);
        // Out of sight the lab stands still, but for a run that is done again.
        let away = self.ui.place() == Place::Whole;
        let passed = self.clock.frame_us(wall_ms);
        let due = if away { 0 } else { passed };
        // A slow machine falls behind the wall instead of running after it.
        self.owed_us = (self.owed_us + due).min(100 * u64::from(self.clock.per_mille));
        self.play(wall_ms);
        if self.may_ask() {
            self.ask_for_frame();
        }
        self.note_time(wall_ms);
        if self.ui.phase == Phase::Running && self.writes() && self.saver.take_due(wall_ms) {
            self.save();
        }
        if self.render_due && wall_ms - self.rendered_ms >= RENDER_EVERY_MS {
            self.rendered_ms = wall_ms;
            self.render_due = false;
            return true;
        }
        false
    }

    fn may_ask(&self) -> bool {
        let away = |ask: &Ask| {
            matches!(
                ask,
                Ask::Frame | Ask::Undo | Ask::Reset | Ask::Start | Ask::Replay | Ask::Load
            )
        };
        let alive = matches!(self.ui.phase, Phase::Running | Phase::Replaying { .. });
        alive && !self.link.waits_for(away) && terminal::owed() < OWED_BYTES_MAX
    }

    fn ask_for_frame(&mut self) {
        let (until_us, budget_ms) = match (&self.ui.phase, self.resync) {
            (_, Resync::Acknowledge(_) | Resync::Settle | Resync::Everything) => {
                (self.now_us, BUDGET_MS)
            }
            (Phase::Replaying { .. }, Resync::None) => (self.next_stop_us(), REPLAY_BUDGET_MS),
            _ => (self.now_us + self.owed_us, BUDGET_MS),
        };
        let passes = until_us > self.now_us || matches!(self.ui.phase, Phase::Replaying { .. });
        if !passes && !self.stale && !self.step && self.resync == Resync::None {
            return;
        }
        let seen = match self.resync {
            Resync::Acknowledge(seen) => seen,
            Resync::Everything => 0,
            Resync::None | Resync::Settle => self.seen,
        };
        let want = self.ui.want(&self.view, seen);
        self.link.frame(until_us, budget_ms, &want, self.step && self.resync == Resync::None);
        self.stale = false;
        self.owed_us = 0;
        if self.resync == Resync::None {
            self.step = false;
        }
    }

    /// Where time must stop while a run is done again: at the next input, or at its end.
    fn next_stop_us(&self) -> u64 {
        self.replay.front().map_or(self.target_us, |(_, stamped)| stamped.at_us)
    }

    /// A frame's answer.
    pub(super) fn frame_answered(
        &mut self,
        advanced: Option<Advanced>,
        delta: Option<Delta>,
    ) -> bool {
        if let Some(delta) = delta {
            self.take_delta(delta);
        }
        if let Some(advanced) = advanced {
            self.saver.ran(advanced.events);
            if let Some(speed) = advanced.speed {
                self.obey(speed);
            }
            if advanced.violated {
                self.clock.running = false;
            }
            if self.resync == Resync::None && matches!(self.ui.phase, Phase::Replaying { .. }) {
                self.replayed(&advanced);
            }
        }
        self.render_due |= matches!(self.ui.phase, Phase::Replaying { .. });
        false
    }

    fn take_delta(&mut self, delta: Delta) {
        let anew = self.resync == Resync::Everything;
        if anew {
            self.view = Default::default();
        }
        self.resync = match self.resync {
            Resync::Acknowledge(_) => Resync::Settle,
            Resync::Settle => Resync::Everything,
            Resync::Everything | Resync::None => Resync::None,
        };
        self.seen = delta.seq;
        self.now_us = delta.now_us;
        let (before, lesson) = (Counts::of(self), self.view.lesson.clone());
        let brought = self.view.take(delta.parts);
        let Brought { changed, flights, timers, output, editors, told } = brought;
        self.scene.borrow_mut().take(self.now_us, timers, flights);
        for (tty, bytes) in output {
            self.show(tty, &bytes);
        }
        for (tty, editor) in editors {
            self.show_editor(tty, editor);
        }
        if self.resync == Resync::None {
            self.type_early();
        }
        self.render_due |= changed;
        self.notice_deeds(&before);
        if !anew {
            self.read_aloud(&told);
        }
        self.lesson_came(lesson);
        self.note_reset();
        self.end_loan();
        if anew && std::mem::take(&mut self.interrupt_after) {
            self.typed(self.ui.terminal, vec![3]);
        }
    }

    /// What the learner brought about shows in the counts.
    fn notice_deeds(&mut self, before: &Counts) {
        if self.ui.phase != Phase::Running {
            return;
        }
        let now = Counts::of(self);
        let mut deeds = Vec::new();
        match (before.has_quorum, now.has_quorum) {
            (Some(true), Some(false)) => deeds.push(Deed::QuorumLost),
            (Some(false), Some(true)) => deeds.push(Deed::QuorumBack),
            _ => {}
        }
        if before.learners.is_some_and(|before| now.learners > Some(before)) {
            deeds.push(Deed::LearnerJoined);
        }
        if before.voters.is_some_and(|before| now.voters > Some(before)) {
            deeds.push(Deed::VoterJoined);
        }
        for deed in deeds {
            self.saw(&deed);
        }
    }

    /// Tells the coach.
    pub(super) fn saw(&mut self, deed: &Deed) {
        if self.ui.course.open.is_some() || self.ui.exam.alone() {
            return;
        }
        let look = Look { view: &self.view };
        if self.ui.progress.saw(deed, &look) {
            self.render_due = true;
        }
    }

    fn read_aloud(&mut self, told: &[lab::api::StoryRow]) {
        if self.ui.phase != Phase::Running {
            return;
        }
        let loud = |kind: StoryKind| !matches!(kind, StoryKind::Action | StoryKind::Data);
        let rows = told.iter().filter(|row| loud(row.kind));
        let sentences: Vec<String> = rows
            .map(|row| match &row.host {
                Some(host) if !row.text.contains(host.as_str()) => format!("{host}: {}", row.text),
                _ => row.text.clone(),
            })
            .collect();
        if !sentences.is_empty() {
            self.ui.aloud = sentences.join(" ");
        }
    }

    /// The command that was let through has ended.
    fn end_loan(&mut self) {
        if self.clock.resume.is_some() && self.view.running(self.ui.terminal).is_none() {
            self.clock.end_loan();
            self.render_due = true;
        }
    }

    /// What `sim speed`, `pause`, `run` or `step` asked for.
    fn obey(&mut self, speed: Speed) {
        self.step |= self.clock.obey(speed);
        self.noticed_speed();
        self.render_due = true;
    }

    pub(super) fn toggle(&mut self) {
        self.clock.resume = None;
        self.clock.running = !self.clock.running && !self.ui.read_only;
        self.saver.touched(platform::wall_ms());
    }

    pub(super) fn step(&mut self) {
        self.clock.running = false;
        self.step = !self.ui.read_only;
    }

    pub(super) fn speed(&mut self, per_mille: u32) {
        self.clock.set(per_mille);
        self.clock.running = !self.ui.read_only;
        self.noticed_speed();
    }

    pub(super) fn nudge(&mut self, faster: bool) {
        self.clock.nudge(faster);
        self.noticed_speed();
    }

    fn noticed_speed(&mut self) {
        self.saver.touched(platform::wall_ms());
        if self.clock.per_mille <= clock::REAL / 10 && self.ui.phase == Phase::Running {
            self.saw(&Deed::Slowed);
        }
    }

    /// Writes the virtual clock past the virtual DOM.
    fn show_clock(&mut self) {
        let text = crate::text::clock(self.now_us);
        let text = match self.clock.is_slow() {
            true => format!("{text} {:03}", self.now_us % 1000),
            false => text,
        };
        if text != self.clock_shown
            && let Some(place) = platform::by_id("clock")
        {
            place.set_text_content(Some(&text));
            self.clock_shown = text;
        }
    }

    fn note_time(&mut self, wall_ms: f64) {
        if wall_ms - self.noted_ms >= NOTE_EVERY_MS {
            self.noted_ms = wall_ms;
            self.note_time_now();
        }
    }

    /// Notes where time is; a reload runs on to there from the last checkpoint.
    pub(super) fn note_time_now(&self) {
        if let (Some(lab), true, Phase::Running) = (&self.lab, self.writes(), &self.ui.phase) {
            browser::remember("now", &format!("{lab} {}", self.now_us));
        }
    }

    /// The tab went out of sight or came back: time stands still meanwhile.
    pub(super) fn hidden(&mut self, hidden: bool) {
        self.clock.skip();
        if hidden {
            self.note_time_now();
            self.note_exam();
            if self.ui.phase == Phase::Running && self.writes() {
                self.saver.begin();
                self.save();
            }
        }
    }
}

/// Numbers whose change is a deed.
struct Counts {
    has_quorum: Option<bool>,
    voters: Option<usize>,
    learners: Option<usize>,
}

impl Counts {
    fn of(app: &App) -> Counts {
        let quorum = app.view.quorum.as_deref();
        Counts {
            has_quorum: quorum.map(|it| it.has_quorum),
            voters: quorum.map(|it| it.voters.len()),
            learners: quorum.map(|it| it.learners.len()),
        }
    }
}
