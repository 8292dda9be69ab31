//! What the page asks about exercises. Builds without them answer with a sentence.

#[cfg(not(feature = "k8s"))]
pub(crate) use absent::{begin, draw, glossary, row, rows, solution};
#[cfg(feature = "k8s")]
pub(crate) use here::{begin, draw, glossary, row, rows, solution};

#[cfg(feature = "k8s")]
mod here {
    use sim::Rng;

    use crate::api::{CourseRow, Term};
    use crate::exercise::{self, Exercise, TABLE};
    use crate::session::Session;
    use crate::typist::commands;

    /// Every exercise of this build.
    pub(crate) fn rows() -> Result<Vec<CourseRow>, String> {
        TABLE.iter().map(|entry| row(entry.source, entry.text, 1)).collect()
    }

    /// One exercise, by its files.
    pub(crate) fn row(source: &str, text: &str, seed: u64) -> Result<CourseRow, String> {
        let exercise = Exercise::read(source, seed).map_err(|why| why.to_string())?;
        Ok(CourseRow {
            host: exercise.host().map_err(|why| why.to_string())?,
            slug: exercise.slug,
            title: exercise.title,
            label: exercise.label.text().into(),
            minutes: exercise.minutes,
            weight: exercise.weight,
            task: exercise.task,
            world: exercise.world.name,
            terms: exercise.terms,
            text: text.to_owned(),
            source: source.to_owned(),
        })
    }

    /// The words they use.
    #[expect(clippy::unnecessary_wraps, reason = "builds without exercises have none")]
    pub(crate) fn glossary() -> Result<Vec<Term>, String> {
        Ok(exercise::glossary())
    }

    /// A world in which it has just begun.
    pub(crate) fn begin(source: &str, seed: u64) -> Result<Session, String> {
        let mut session = exercise::prepare(source, seed)?.into_session();
        session.stop_listening();
        Ok(session)
    }

    /// The commands of its solution.
    pub(crate) fn solution(slug: &str, seed: u64) -> Result<Vec<String>, String> {
        let entry = exercise::find(slug).ok_or_else(|| format!("there is no exercise '{slug}'"))?;
        let exercise = Exercise::read(entry.source, seed).map_err(|why| why.to_string())?;
        let script = exercise.fill(entry.solution, seed).map_err(|why| why.to_string())?;
        Ok(commands(&script))
    }

    /// So many different exercises, each as likely as its weight says.
    pub(crate) fn draw(seed: u64, tasks: u8) -> Result<Vec<String>, String> {
        let mut left: Vec<(String, u64)> = rows()?
            .into_iter()
            .filter(|row| row.weight > 0)
            .map(|row| (row.slug, u64::from(row.weight)))
            .collect();
        let mut rng = Rng::for_purpose(seed, "exam", 0);
        let mut drawn = Vec::new();
        while drawn.len() < usize::from(tasks) && !left.is_empty() {
            let total: u64 = left.iter().map(|(_, weight)| weight).sum();
            let mut ticket = rng.below(total);
            let place = left.iter().position(|(_, weight)| match ticket.checked_sub(*weight) {
                Some(rest) => {
                    ticket = rest;
                    false
                }
                None => true,
            });
            drawn.push(left.remove(place.expect("a ticket is below the total")).0);
        }
        Ok(drawn)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_exam_draws_different_tasks_and_the_same_ones_again() {
            let exam = draw(7, 6).unwrap();
            assert_eq!(exam, draw(7, 6).unwrap());
            assert_ne!(exam, draw(8, 6).unwrap());
            let mut slugs = exam.clone();
            slugs.sort_unstable();
            slugs.dedup();
            assert_eq!(slugs.len(), exam.len());
            let weights = rows().unwrap().iter().filter(|row| row.weight > 0).count();
            assert_eq!(draw(1, u8::MAX).unwrap().len(), weights);
        }
    }
}

#[cfg(not(feature = "k8s"))]
mod absent {
    use crate::api::{CourseRow, Term};
    use crate::session::Session;

    const NONE: &str = "this build has no exercises";

    pub(crate) fn rows() -> Result<Vec<CourseRow>, String> {
        Err(NONE.into())
    }

    pub(crate) fn row(_source: &str, _text: &str, _seed: u64) -> Result<CourseRow, String> {
        Err(NONE.into())
    }

    pub(crate) fn glossary() -> Result<Vec<Term>, String> {
        Err(NONE.into())
    }

    pub(crate) fn begin(_source: &str, _seed: u64) -> Result<Session, String> {
        Err(NONE.into())
    }

    pub(crate) fn solution(_slug: &str, _seed: u64) -> Result<Vec<String>, String> {
        Err(NONE.into())
    }

    pub(crate) fn draw(_seed: u64, _tasks: u8) -> Result<Vec<String>, String> {
        Err(NONE.into())
    }
}
