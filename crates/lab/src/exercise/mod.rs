//! Exercises: a start state, what must become true of the world, and what learners get wrong.
//!
//! `bundle` is all files of one in a text or a link; `format` reads an `exercise.toml`; `predicate` is the closed set of things that can be
//! asked of a world and its history; `judge` asks them, again and again, and remembers (`memo`: what need not be worked out anew at every look);
//! `lesson` is one exercise under way inside a session; `prepare` builds its start state;
//! `proof` shows that an exercise works; `glossary` defines the words; `table` lists the exercises that come with the lab.
//!
//! Nothing here looks at what was typed: a check asks what the world is, or what ran in it.

mod bundle;
mod format;
mod glossary;
mod history;
mod judge;
mod lesson;
mod memo;
mod predicate;
mod prepare;
mod proof;
mod table;
mod template;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub use bundle::{Folder, from_link, to_link};
pub use format::{BadExercise, Exercise, Label};
pub use glossary::glossary;
pub(crate) use lesson::Lesson;
pub use prepare::prepare;
pub use proof::{Proof, SEEDS, prove};
pub use table::{Entry, TABLE, find};
pub use template::template;
