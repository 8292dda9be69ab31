//! What each answer of the worker does.

use lab::api::{Answer, Input, Recipe};
use yew::Context;

use super::App;
use crate::boot;
use crate::link::{Ask, Origin, Reply, Trapped};
use crate::platform::browser;
use crate::state::Dialog;

impl App {
    /// True when the page is to be drawn anew.
    pub(super) fn answered(&mut self, ctx: &Context<Self>, reply: Reply) -> bool {
        if !self.link.done(reply.id) {
            return false;
        }
        if matches!(reply.ask, Ask::Save) {
            self.ui.writes -= 1;
        }
        if let Some(trapped) = &reply.trapped {
            self.trapped(trapped);
            return true;
        }
        if let Some(text) = &reply.failed {
            self.failed(&reply, text);
            return true;
        }
        match reply.ask.clone() {
            Ask::Frame => {
                let advanced = match reply.answer {
                    Some(Answer::Advanced(advanced)) if !reply.nothing => Some(advanced),
                    _ => None,
                };
                return self.frame_answered(advanced, reply.delta);
            }
            Ask::Edit { tty } => return self.edited(tty, reply),
            Ask::Input { seq, input, origin } => self.input_answered(seq, &input, origin, &reply),
            Ask::Start => self.started(&reply),
            Ask::Replay => self.replay_begun(reply.answer),
            Ask::Undo if !reply.nothing => self.undone(reply.point),
            Ask::Save => {
                self.write_checkpoint(ctx, &reply);
                match std::mem::take(&mut self.going.save_again) {
                    true => self.save(),
                    false => self.go_on(),
                }
            }
            Ask::RecipeSave => self.keep_recipe(reply.answer),
            Ask::RecipeFile => self.download(reply.answer),
            Ask::Pull { name } => self.pulled(&name, reply),
            Ask::Push { .. } => self.pushed(&reply),
            Ask::Worlds => self.worlds_read(reply.answer),
            Ask::Course => self.course_read(reply.answer),
            Ask::Glossary => self.glossary_read(reply.answer),
            Ask::Solution => self.solution_read(reply.answer),
            Ask::Fill => self.line_filled(reply.answer),
            Ask::Reset => self.was_reset(&reply),
            Ask::DrawExam => self.exam_drawn(reply.answer),
            Ask::DrawDrill => self.drill_drawn(reply.answer),
            Ask::Report { task } => self.reported(task, reply.answer),
            Ask::InspectReplay { task, bytes } => self.replay_inspected(task, bytes, reply.answer),
            Ask::CheckExercise => self.text_checked(reply.answer),
            Ask::Files => self.files_read(reply.answer),
            Ask::PackExercise => self.exercise_packed(reply.answer),
            Ask::UnpackExercise { seed } => self.exercise_unpacked(seed, reply.answer),
            Ask::OpenExercise { seed } => self.exercise_opened(seed, reply.answer),
            Ask::Share => self.shared(reply.answer),
            Ask::Inspect { bytes } => self.inspected(bytes, reply.answer),
            Ask::Load | Ask::Note | Ask::Undo | Ask::Prove => return false,
        }
        true
    }

    fn edited(&mut self, tty: u32, reply: Reply) -> bool {
        let Some(Answer::Edited(edited)) = reply.answer else { return false };
        let acts = edited.submit.iter().any(|input| matches!(input, Input::Line { .. }));
        match (reply.point, acts) {
            (0, _) => {}
            (point, true) => {
                self.note_point(point, self.seq, self.now_us);
                self.push_undo(point);
            }
            (point, false) => self.link.drop_point(point),
        }
        self.show(tty, &edited.echo);
        for input in edited.submit {
            self.input(input, Origin::Terminal, false);
        }
        acts
    }

    fn input_answered(&mut self, seq: u32, input: &Input, origin: Origin, reply: &Reply) {
        self.stale = true;
        if reply.point != 0 {
            self.note_point(reply.point, seq - 1, reply.at_us);
            self.push_undo(reply.point);
        }
        let refused = match &reply.answer {
            Some(Answer::Refused(why)) => Some(why.clone()),
            _ => None,
        };
        match origin {
            Origin::Replay => return,
            Origin::Click => {
                if let Some(said) = &mut self.ui.said {
                    said.refused = refused;
                }
            }
            Origin::Terminal | Origin::Page => {
                if let Some(why) = refused {
                    self.ui.notice(true, why);
                }
            }
        }
        self.store_input(seq, reply.at_us, input);
    }

    /// The core trapped: the worker has brought the world back as far as it goes.
    fn trapped(&mut self, trapped: &Trapped) {
        match trapped {
            Trapped::Back { point, dropped } => {
                for seq in dropped {
                    self.drop_inputs(*seq, *seq);
                }
                self.jump_to(*point);
                self.clock.running = !dropped.is_empty() && self.clock.running;
                // The checkpoint holds the line that led here, ready to be sent again: Ctrl-C.
                self.interrupt_after = !dropped.is_empty();
                let what = match dropped.len() {
                    0 => "Time is paused there; undo the last action, or start a new lab.".to_string(),
                    1 => "The last action, which led to it, was left out. Everything before it is as it was.".to_string(),
                    count => format!("The last {count} actions were left out. Everything before them is as it was."),
                };
                self.ui.notice(true, format!("The engine stopped unexpectedly and was brought back from a checkpoint. {what}"));
            }
            Trapped::Dead => self.die(
                "The engine stopped unexpectedly, and no checkpoint came through. What is saved is kept: reload the page to begin there.",
            ),
        }
    }

    fn failed(&mut self, reply: &Reply, text: &str) {
        match reply.ask {
            Ask::Load => self.die(format!("The cluster's engine could not be loaded. {text}")),
            Ask::Start | Ask::Replay => self.start_failed(text),
            Ask::Worlds => self.worlds_read(None),
            Ask::Course => self.course_read(None),
            Ask::Glossary => {}
            _ => self.ui.notice(true, format!("The engine did not answer. {text}")),
        }
    }

    fn download(&mut self, answer: Option<Answer>) {
        let Some(Answer::Bytes(bytes)) = answer else { return };
        let seed = self.options.as_ref().map_or(0, |options| options.seed);
        let name = format!("quorum-lab-seed{seed}.qlab");
        browser::download(&name, js_sys::Uint8Array::from(bytes.as_slice()));
    }

    fn shared(&mut self, answer: Option<Answer>) {
        if let Some(Answer::Text(text)) = answer {
            let url = boot::share_url(&text);
            self.ui.dialog = Some(Dialog::Share { url, copied: false });
        }
    }

    fn inspected(&mut self, bytes: Vec<u8>, answer: Option<Answer>) {
        match answer {
            Some(Answer::Recipe(recipe)) => self.incoming(bytes, recipe),
            Some(Answer::Refused(why)) => self.not_a_lab(&why),
            _ => self.not_a_lab("It could not be read."),
        }
    }

    fn incoming(&mut self, bytes: Vec<u8>, recipe: Recipe) {
        if self.lab.is_none() {
            self.begin_replay(bytes, &recipe);
            return;
        }
        let incoming = crate::state::Incoming { bytes, recipe };
        self.ui.dialog = Some(Dialog::Open(std::rc::Rc::new(incoming)));
    }

    fn not_a_lab(&mut self, why: &str) {
        self.ui.notice(
            true,
            format!(
                "This link or file holds no lab that can be opened: {}. Nothing was changed.",
                why.trim_end_matches('.')
            ),
        );
        if self.lab.is_none() {
            self.begin_new(&crate::state::NewLab::draw());
        }
    }

    fn keep_recipe(&mut self, answer: Option<Answer>) {
        if let Some(Answer::Bytes(bytes)) = answer {
            self.recipe = bytes;
        }
    }
}
