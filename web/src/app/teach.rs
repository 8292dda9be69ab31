//! The teacher's side: a text that is checked while it is written, its proof in a worker of
//! its own, files and links.

use std::rc::Rc;

use js_sys::Uint8Array;
use lab::api::{Answer, Command, CourseRow};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlTextAreaElement;

use super::App;
use crate::boot;
use crate::course::Do as CourseDo;
use crate::link::{Ask, Link, Reply};
use crate::msg::Msg;
use crate::platform::{self, browser};
use crate::store::{Batch, course_lab};
use crate::teach::{Do, Proof, place_of};

/// The text area's element.
pub(crate) const TEXT_ID: &str = "teach-text";
/// Seeds that are drawn are small, to be read out.
const SEEDS: u32 = 9999;
/// The height of its lines, as the style sheet has it.
const LINE_PX: i32 = 20;
/// A file larger than this is no exercise; the session says the same of its text.
const FILE_BYTES_MAX: usize = 512 << 10;

impl App {
    pub(super) fn teach(&mut self, what: Do) {
        match what {
            Do::Enter(rest) => self.enter_teach(&rest),
            Do::Text(text) => self.set_text(text.into()),
            Do::Take(slug) => {
                self.link.aside(Ask::Files, &Command::ExerciseFiles { slug });
            }
            Do::OpenFile => self.choose_exercise(),
            Do::FileRead(bytes) => self.exercise_file(bytes),
            Do::Save => self.save_exercise(),
            Do::Seed(seed) => {
                self.ui.teach.seed = seed;
                self.ui.teach.link = None;
                self.check_text();
            }
            Do::Try => {
                if let Some(row) = self.ui.teach.row().cloned() {
                    self.begin_own(row, self.ui.teach.seed);
                }
            }
            Do::Link => {
                let text = self.ui.teach.text.to_string();
                self.link.aside(Ask::PackExercise, &Command::PackExercise(text));
            }
            Do::Copy(text) => spawn_local(async move {
                // Where the browser refuses, the text is there to be copied by hand.
                JsFuture::from(browser::copy(&text)).await.ok();
            }),
            Do::Prove => self.begin_proof(),
            Do::Stop => self.stop_proof(),
            Do::Proved(reply) => self.proved(*reply),
            Do::Jump(line) => self.jump_to_line(line),
        }
    }

    fn enter_teach(&mut self, rest: &str) {
        if let Some(link) = rest.strip_prefix("open/") {
            let (text, seed) = link.split_once('/').unwrap_or((link, ""));
            let seed = seed.parse().unwrap_or(1);
            let command = Command::UnpackExercise(text.into());
            self.link.aside(Ask::UnpackExercise { seed }, &command);
            return;
        }
        self.ask_for_course();
        if self.ui.teach.text.is_empty() {
            let draft = browser::recall("draft");
            if draft.is_empty() {
                self.teach(Do::Take(String::new()));
            } else {
                self.set_text(draft.into());
            }
        }
    }

    // The text.

    fn set_text(&mut self, text: Rc<str>) {
        let teach = &mut self.ui.teach;
        teach.text = text;
        teach.link = None;
        self.check_text();
    }

    /// Asks the session about the text; while it thinks, only that it changed is noted.
    fn check_text(&mut self) {
        self.ui.teach.changed = true;
        if self.link.waits_for(|ask| matches!(ask, Ask::CheckExercise)) {
            return;
        }
        let teach = &mut self.ui.teach;
        self.checked_text = Rc::clone(&teach.text);
        browser::remember("draft", &teach.text);
        let (source, seed) = (teach.text.to_string(), u64::from(teach.seed));
        self.link.aside(Ask::CheckExercise, &Command::InspectExercise { source, seed });
    }

    /// What the session says of the text.
    pub(super) fn text_checked(&mut self, answer: Option<Answer>) {
        let teach = &mut self.ui.teach;
        match answer {
            Some(Answer::Course(mut rows)) => {
                teach.checked = rows.pop().map(|row| Ok(Rc::new(row)));
            }
            Some(Answer::Refused(why)) => teach.checked = Some(Err(why)),
            _ => {
                teach.checked =
                    Some(Err("The exercises could not be loaded. Is the network there?".into()));
            }
        }
        teach.changed = !Rc::ptr_eq(&teach.text, &self.checked_text);
        if teach.changed {
            self.check_text();
        }
    }

    /// The files of an exercise that is to be changed.
    pub(super) fn files_read(&mut self, answer: Option<Answer>) {
        match answer {
            Some(Answer::Text(text)) => self.set_text(text.into()),
            Some(Answer::Refused(why)) => self.ui.notice(true, why),
            _ => {}
        }
    }

    fn jump_to_line(&self, line: u32) {
        let Some(area) = platform::by_id(TEXT_ID) else { return };
        let (from, to) = place_of(&self.ui.teach.text, line);
        if let Some(area) = area.dyn_ref::<HtmlTextAreaElement>() {
            area.focus().ok();
            area.set_selection_range(from, to).ok();
        }
        if let Some(frame) = area.parent_element() {
            let line = i32::try_from(line).unwrap_or(0);
            frame.set_scroll_top((line - 4).max(0) * LINE_PX);
        }
    }

    // Files and links.

    fn choose_exercise(&mut self) {
        let emit = self.emit.clone();
        spawn_local(async move {
            let chosen = JsFuture::from(browser::choose_file()).await;
            if let Ok(bytes) = chosen.unwrap_or_default().dyn_into::<Uint8Array>() {
                emit.emit(Msg::Teach(Do::FileRead(bytes.to_vec())));
            }
        });
    }

    fn exercise_file(&mut self, bytes: Vec<u8>) {
        if bytes.len() > FILE_BYTES_MAX {
            self.ui.notice(true, "This file is too large to be an exercise: one has at most 512 KiB. Nothing was changed.");
            return;
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.set_text(text.replace("\r\n", "\n").into()),
            Err(_) => self
                .ui
                .notice(true, "This file is no text, so it is no exercise. Nothing was changed."),
        }
    }

    fn save_exercise(&self) {
        let slug = self.ui.teach.row().map_or("exercise", |row| &row.slug);
        let bytes = Uint8Array::from(self.ui.teach.text.as_bytes());
        browser::download(&format!("{slug}.exercise.txt"), bytes);
    }

    /// The text of its link is there.
    pub(super) fn exercise_packed(&mut self, answer: Option<Answer>) {
        match answer {
            Some(Answer::Text(text)) => {
                let path = format!("/teach/open/{text}/{}", self.ui.teach.seed);
                self.ui.teach.link = Some(boot::share_url(&path).into());
            }
            Some(Answer::Refused(why)) => self.ui.notice(true, why),
            _ => {}
        }
    }

    /// What a link holds: looked into like a text of one's own.
    pub(super) fn exercise_unpacked(&mut self, seed: u32, answer: Option<Answer>) {
        match answer {
            Some(Answer::Text(source)) => {
                let command = Command::InspectExercise { source, seed: u64::from(seed) };
                self.link.aside(Ask::OpenExercise { seed }, &command);
            }
            other => self.exercise_opened(seed, other),
        }
    }

    /// A file of the menu: an exercise, or else a lab.
    pub(super) fn opened_file(&mut self, bytes: Vec<u8>) {
        let text = std::str::from_utf8(&bytes).ok().filter(|text| text.contains("[[check]]"));
        match text.map(str::to_string) {
            Some(source) => {
                let seed = platform::draw(SEEDS) + 1;
                let command = Command::InspectExercise { source, seed: u64::from(seed) };
                self.link.aside(Ask::OpenExercise { seed }, &command);
            }
            None => self.inspect(bytes),
        }
    }

    /// An exercise that came by link or file begins.
    pub(super) fn exercise_opened(&mut self, seed: u32, answer: Option<Answer>) {
        let why = match answer {
            Some(Answer::Course(mut rows)) => match rows.pop() {
                Some(row) => return self.begin_own(row, seed),
                None => "It is empty.".into(),
            },
            Some(Answer::Refused(why)) => why,
            _ => "The exercises could not be loaded. Is the network there?".into(),
        };
        let why = why.trim_end_matches('.');
        self.ui.notice(true, format!("This link or file holds no exercise that can be opened: {why}. Nothing was changed."));
        platform::set_fragment("/course");
    }

    /// An exercise of somebody's own joins the course, and begins.
    fn begin_own(&mut self, row: CourseRow, seed: u32) {
        let known = self.ui.course.row(&row.slug);
        let taken = known
            .is_some_and(|known| !self.ui.teach.own.contains(known) && known.source != row.source);
        if taken && !self.ui.teach.own.iter().any(|own| own.slug == row.slug) {
            self.ui.notice(
                true,
                format!(
                    "slug: '{}' is an exercise of the lab itself: choose another name.",
                    row.slug
                ),
            );
            return;
        }
        let name = course_lab(&row.slug);
        let mut batch = Batch::default();
        batch.own(&row);
        if self.lab.as_ref() != Some(&name) {
            // What was done of it before may be of another text.
            batch.drop_lab(&name);
        }
        self.commit(batch);
        self.ui.teach.own.retain(|own| own.slug != row.slug);
        self.ui.teach.own.push(row.clone());
        self.join_own();
        if self.lab.as_ref() == Some(&name) {
            self.begin_exercise_as(name, &row, u64::from(seed));
        }
        platform::set_fragment(&format!("/course/{}/{seed}", row.slug));
    }

    /// Exercises of somebody's own are rows of the course.
    pub(super) fn join_own(&mut self) {
        let Some(rows) = &self.ui.course.rows else {
            self.course(CourseDo::Again);
            return;
        };
        let own = &self.ui.teach.own;
        let of_lab = rows.iter().filter(|row| own.iter().all(|own| own.slug != row.slug));
        let joined: Vec<CourseRow> = of_lab.chain(own).cloned().collect();
        self.ui.course.rows = Some(joined.into());
    }

    // The proof.

    fn begin_proof(&mut self) {
        let emit = self.emit.clone();
        let prover = Link::start(
            emit.reform(|reply| Msg::Teach(Do::Proved(Box::new(reply)))),
            emit.reform(|()| Msg::Teach(Do::Stop)),
        );
        prover.load();
        let text = self.ui.teach.text.to_string();
        prover.aside(Ask::Prove, &Command::Prove { text: text.clone(), step: 0 });
        self.prover = Some((prover, text));
        let now = "every wrong turn has its script".into();
        self.ui.teach.proof = Some(Proof { now, ..Proof::default() });
    }

    /// Ends the second worker: whatever it was doing is over.
    fn stop_proof(&mut self) {
        self.prover = None;
        if let Some(proof) = &mut self.ui.teach.proof {
            proof.ended = true;
        }
    }

    fn proved(&mut self, reply: Reply) {
        let (Some((prover, text)), Some(proof)) = (&self.prover, &mut self.ui.teach.proof) else {
            return;
        };
        prover.done(reply.id);
        if !matches!(reply.ask, Ask::Prove) {
            return;
        }
        match (reply.answer, reply.failed, reply.trapped) {
            (Some(Answer::Proof(view)), _, _) => {
                proof.problems.extend(view.problems);
                (proof.done, proof.steps, proof.now) = (view.step + 1, view.steps, view.next);
                if proof.done < proof.steps {
                    let (text, step) = (text.clone(), proof.done);
                    prover.aside(Ask::Prove, &Command::Prove { text, step });
                    return;
                }
            }
            (Some(Answer::Refused(why)), _, _) | (_, Some(why), _) => proof.problems.push(why),
            _ => proof.problems.push("The engine stopped unexpectedly in this step.".into()),
        }
        let problems = proof.problems.len() as u64;
        self.ui.aloud = match problems {
            0 => "The exercise holds what it promises.".into(),
            _ => format!("The proof found {}.", crate::text::plural(problems, "problem")),
        };
        self.stop_proof();
    }
}
