//! A session behind the page's commands: what `core.wasm` runs, and what the trace tests
//! run natively beside it.

use std::ops::ControlFlow;

use crate::api::{Answer, Command};
use crate::course;
use crate::recipe;
use crate::session::Session;
use crate::typist::commands;
use crate::worlds;

/// At most one session, and the commands it understands.
#[derive(Default)]
pub struct Machine {
    session: Option<Session>,
    #[cfg(feature = "k8s")]
    bench: crate::measure::Bench,
}

impl Machine {
    /// Without a world; the first command makes one.
    pub fn new() -> Machine {
        Machine::default()
    }

    /// The session, once there is one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The same as [`Machine::call`], with both sides as postcard bytes.
    pub fn call_bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let answer = match postcard::from_bytes(bytes) {
            Ok(command) => self.call(command),
            Err(_) => {
                Answer::Refused("the page and its core do not speak the same words: reload".into())
            }
        };
        postcard::to_allocvec(&answer).expect("an answer is plain data, all of it encodable")
    }

    /// Runs a command.
    pub fn call(&mut self, command: Command) -> Answer {
        match self.try_call(command) {
            Ok(answer) => answer,
            Err(sentence) => Answer::Refused(sentence),
        }
    }

    /// What needs no world, or begins one. A command that asks a world comes back.
    fn without_world(&mut self, command: Command) -> ControlFlow<Result<Answer, String>, Command> {
        ControlFlow::Break(match command {
            Command::New(options) => Session::new(options).map(|session| self.begin(session)),
            Command::Load(bytes) => {
                read_recipe(&bytes).and_then(Session::load).map(|session| self.begin(session))
            }
            Command::Exercise { source, seed } => {
                course::begin(&source, seed).map(|session| self.begin(session))
            }
            Command::Inspect(bytes) => read_recipe(&bytes).map(Answer::Recipe),
            Command::Course => course::rows().map(Answer::Course),
            Command::InspectExercise { source, seed } => {
                course::row(&source, "", seed).map(|row| Answer::Course(vec![row]))
            }
            Command::DrawExam { seed, tasks } => course::draw(seed, tasks).map(Answer::Exam),
            Command::Glossary => course::glossary().map(Answer::Glossary),
            Command::Prove { text, step } => course::prove(&text, step).map(Answer::Proof),
            Command::PackExercise(text) => course::pack(&text).map(Answer::Text),
            Command::UnpackExercise(text) => course::unpack(&text).map(Answer::Text),
            Command::ExerciseFiles { slug } => course::files(&slug).map(Answer::Text),
            Command::Worlds => Ok(Answer::Worlds(worlds::rows())),
            #[cfg(feature = "k8s")]
            Command::Measure(ask) => self.bench.call(ask),
            #[cfg(not(feature = "k8s"))]
            Command::Measure(_) => Err("this build does not measure".into()),
            command => return ControlFlow::Continue(command),
        })
    }

    fn begin(&mut self, session: Session) -> Answer {
        self.session = Some(session);
        Answer::Ok
    }

    fn try_call(&mut self, command: Command) -> Result<Answer, String> {
        let command = match self.without_world(command) {
            ControlFlow::Break(answered) => return answered,
            ControlFlow::Continue(command) => command,
        };
        let session = self.session.as_mut().ok_or("there is no world yet")?;
        Ok(match command {
            Command::Apply(input) => {
                session.apply(input)?;
                Answer::Ok
            }
            Command::Advance { until_us, events_max } => {
                Answer::Advanced(session.advance(until_us, events_max)?)
            }
            Command::Step => Answer::Advanced(session.step()?),
            Command::Edit { tty, bytes, columns, rows } => {
                Answer::Edited(session.edit(tty, &bytes, (columns, rows)))
            }
            Command::View(want) => Answer::Delta(session.view(&want)),
            Command::Recipe => Answer::Bytes(recipe::to_bytes(&session.recipe())),
            Command::Share => Answer::Text(recipe::to_text(&session.recipe())),
            Command::Pull { host, path } => Answer::Bytes(session.pull(&host, &path)?),
            Command::TakeHome => Answer::Bytes(session.take_home()?),
            Command::Solution { slug } => {
                // That of an exercise that came by file or link is known to it alone.
                let own = session.solution().filter(|own| !own.is_empty());
                let own = own.map(|own| Ok(commands(own)));
                Answer::Lines(
                    own.unwrap_or_else(|| course::solution(&slug, session.options().seed))?,
                )
            }
            Command::Report => Answer::Report(session.report().ok_or("no exercise is under way")?),
            Command::Fill(line) => Answer::Text(session.fill(&line)),
            _ => unreachable!("answered above, where no world is needed"),
        })
    }
}

/// A recipe as bytes or, when they do not begin like one, as the text of a share link.
fn read_recipe(bytes: &[u8]) -> Result<crate::api::Recipe, String> {
    let read = match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.starts_with(b"QLAB") => recipe::from_text(text),
        _ => recipe::from_bytes(bytes),
    };
    read.map_err(|error| error.to_string())
}
