//! What the page asks about exercises. Builds without them answer with a sentence.

#[cfg(not(feature = "k8s"))]
pub(crate) use absent::{begin, draw, files, glossary, pack, prove, row, rows, solution, unpack};
#[cfg(feature = "k8s")]
pub(crate) use here::{begin, draw, files, glossary, pack, prove, row, rows, solution, unpack};

#[cfg(feature = "k8s")]
mod here {
    use sim::Rng;

    use crate::api::{CourseRow, ProofView, Term};
    use crate::exam::{ExamTask, TASKS_MAX};
    use crate::exercise::{self, Exercise, Folder, Proof, SEEDS, TABLE};
    use crate::session::Session;
    use crate::typist::commands;

    /// Seeds of an exam's worlds: small enough to be read out and typed.
    const SEED_MAX: u64 = 9999;

    /// Every exercise of this build.
    pub(crate) fn rows() -> Result<Vec<CourseRow>, String> {
        TABLE.iter().map(|entry| row(entry.source, entry.text, 1)).collect()
    }

    /// One exercise, by its files. What a bundle says itself comes before `text`.
    pub(crate) fn row(source: &str, text: &str, seed: u64) -> Result<CourseRow, String> {
        let folder = Folder::parse(source).map_err(|why| why.to_string())?;
        let exercise = Exercise::read(source, seed).map_err(|why| why.to_string())?;
        let own = Some(folder.text).filter(|own| !own.is_empty());
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
            text: own.unwrap_or_else(|| text.to_owned()),
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
        let entry = entry(slug)?;
        let exercise = Exercise::read(entry.source, seed).map_err(|why| why.to_string())?;
        let script = exercise.fill(entry.solution, seed).map_err(|why| why.to_string())?;
        Ok(commands(&script))
    }

    fn entry(slug: &str) -> Result<&'static exercise::Entry, String> {
        exercise::find(slug).ok_or_else(|| format!("there is no exercise '{slug}'"))
    }

    /// So many different tasks, each as likely as its weight says, each with a seed of its own.
    pub(crate) fn draw(seed: u64, tasks: u8) -> Result<Vec<ExamTask>, String> {
        let weights = TABLE.iter().map(|entry| {
            let exercise = Exercise::read(entry.source, 1).map_err(|why| why.to_string())?;
            Ok((entry.source, u64::from(exercise.weight)))
        });
        let mut left = weights.collect::<Result<Vec<_>, String>>()?;
        left.retain(|(_, weight)| *weight > 0);
        let mut rng = Rng::for_purpose(seed, "exam", 0);
        let mut drawn = Vec::new();
        while drawn.len() < usize::from(tasks.min(TASKS_MAX)) && !left.is_empty() {
            let total: u64 = left.iter().map(|(_, weight)| weight).sum();
            let mut ticket = rng.below(total);
            let place = left.iter().position(|(_, weight)| match ticket.checked_sub(*weight) {
                Some(rest) => {
                    ticket = rest;
                    false
                }
                None => true,
            });
            let (source, _) = left.remove(place.expect("a ticket is below the total"));
            drawn.push(task(source, rng.below(SEED_MAX) + 1)?);
        }
        Ok(drawn)
    }

    fn task(source: &str, seed: u64) -> Result<ExamTask, String> {
        let row = row(source, "", seed)?;
        Ok(ExamTask {
            slug: row.slug,
            title: row.title,
            label: row.label,
            task: row.task,
            weight: row.weight,
            world: row.world,
            host: row.host,
            seed,
            source: row.source,
        })
    }

    /// One step of the proof that an exercise works.
    pub(crate) fn prove(bundle: &str, step: u32) -> Result<ProofView, String> {
        let folder = Folder::parse(bundle).map_err(|why| why.to_string())?;
        let proof = Proof::of(folder, SEEDS)?;
        let place = usize::try_from(step).map_err(|_| "there is no such step")?;
        Ok(ProofView {
            step,
            steps: u32::try_from(proof.len()).expect("a bundle has few scripts"),
            next: proof.name(place + 1),
            problems: proof.run(place),
        })
    }

    /// The text of a link that opens it. What cannot be opened gets none.
    pub(crate) fn pack(bundle: &str) -> Result<String, String> {
        row(bundle, "", 1)?;
        exercise::to_link(bundle)
    }

    /// What a link holds, if it is an exercise.
    pub(crate) fn unpack(link: &str) -> Result<String, String> {
        let bundle = exercise::from_link(link)?;
        row(&bundle, "", 1)?;
        Ok(bundle)
    }

    /// The files of an exercise of this build, or of a new one.
    pub(crate) fn files(slug: &str) -> Result<String, String> {
        if slug.is_empty() {
            return Ok(exercise::template("my-exercise").to_text());
        }
        let entry = entry(slug)?;
        let folder = Folder {
            source: entry.source.into(),
            text: entry.text.into(),
            solution: entry.solution.into(),
            scripts: Vec::new(),
        };
        Ok(folder.to_text())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_exam_draws_different_tasks_and_the_same_ones_again() {
            let exam = draw(7, 6).unwrap();
            assert_eq!(exam, draw(7, 6).unwrap());
            assert_ne!(exam, draw(8, 6).unwrap());
            assert_eq!(exam.len(), 6);
            let mut slugs: Vec<&str> = exam.iter().map(|task| task.slug.as_str()).collect();
            slugs.sort_unstable();
            slugs.dedup();
            assert_eq!(slugs.len(), exam.len());
            assert!(draw(1, u8::MAX).unwrap().len() <= usize::from(TASKS_MAX));
        }

        #[test]
        fn every_task_of_an_exam_has_a_world_of_its_own() {
            let exam = draw(3, TASKS_MAX).unwrap();
            assert!(exam.iter().all(|task| task.weight > 0 && task.label != "START"));
            assert!(exam.iter().any(|task| task.seed != exam[0].seed));
            let again = task(&exam[0].source, exam[0].seed).unwrap();
            assert_eq!(again, exam[0]);
        }

        #[test]
        fn the_heavier_a_task_the_more_often_it_is_drawn() {
            let mut drawn = std::collections::BTreeMap::new();
            for seed in 0..600 {
                let task = draw(seed, 1).unwrap().remove(0);
                *drawn.entry((task.weight, task.slug)).or_insert(0_u32) += 1;
            }
            let all: u32 = drawn.keys().map(|(weight, _)| u32::from(*weight)).sum();
            for ((weight, slug), times) in drawn {
                let expected = 600 * u32::from(weight) / all;
                let off = times.abs_diff(expected);
                assert!(off < expected / 2 + 12, "{slug}: {times} times, {expected} expected");
            }
        }

        #[test]
        fn a_report_tells_points_wrong_turns_and_commands_and_so_does_its_replay() {
            let bundle = files("").unwrap();
            let mut typist = exercise::prepare(&bundle, 5).unwrap();
            assert_eq!(typist.session().report().unwrap().earned(), 0);
            let mut hear = |_, _: &[u8]| ();
            for (line, exit) in [("etcdctl put a 2", 0), ("no-such", 127), ("etcdctl put a 1", 0)] {
                assert_eq!(typist.run(line, &mut hear).unwrap().exit, exit);
            }
            // The exercise looks at every tenth of a second.
            let until_us = typist.session().now_us() + 200_000;
            typist.session_mut().advance(until_us, u32::MAX).unwrap();
            let report = typist.session().report().unwrap();
            assert_eq!((report.earned(), report.points()), (1, 1));
            let typed: Vec<_> = report.typed.iter().map(|row| (&row.text[..], row.exit)).collect();
            assert_eq!(typed[1], ("no-such", Some(127)));
            assert_eq!((typed.len(), &report.typed[0].host[..]), (3, "n1"));
            assert_eq!(report.turns[0].id, "other-value");
            assert!(report.turns[0].text.contains("`etcdctl put a 2` stored another value"));
            let turn_us = report.turns[0].at_us;
            assert!(report.typed[0].at_us <= turn_us && turn_us <= report.typed[1].at_us);
            assert!(report.began_us <= report.typed[0].at_us && turn_us <= report.until_us);

            let recipe = typist.session_mut().recipe();
            let mut again = Session::load(recipe).unwrap();
            again.advance(report.until_us, u32::MAX).unwrap();
            assert_eq!(again.report(), Some(report));
        }

        #[test]
        fn a_new_exercise_holds_what_it_promises() {
            let bundle = files("").unwrap();
            let mut step = 0;
            loop {
                let found = prove(&bundle, step).unwrap();
                assert_eq!(found.problems, Vec::<String>::new());
                step += 1;
                if step == found.steps {
                    break;
                }
            }
            assert_eq!(step, 23);
            assert_eq!(unpack(&pack(&bundle).unwrap()).unwrap(), bundle);
        }

        #[test]
        fn a_proof_says_what_is_wrong_and_where() {
            let bundle = files("").unwrap().replace("etcdctl put a 1", "true");
            let found = prove(&bundle, 2).unwrap();
            assert!(found.problems[0].starts_with("solution.txt, seed 1: these checks stay open"));
            let bundle = files("").unwrap();
            let (without, _) = bundle.split_once("=== wrong-").unwrap();
            assert!(prove(without, 0).unwrap().problems[0].contains("is missing"));
            assert!(pack(&bundle.replace("label", "labels")).unwrap_err().starts_with("line 3, "));
        }
    }
}

#[cfg(not(feature = "k8s"))]
mod absent {
    use crate::api::{CourseRow, ProofView, Term};
    use crate::exam::ExamTask;
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

    pub(crate) fn draw(_seed: u64, _tasks: u8) -> Result<Vec<ExamTask>, String> {
        Err(NONE.into())
    }

    pub(crate) fn prove(_bundle: &str, _step: u32) -> Result<ProofView, String> {
        Err(NONE.into())
    }

    pub(crate) fn pack(_bundle: &str) -> Result<String, String> {
        Err(NONE.into())
    }

    pub(crate) fn unpack(_link: &str) -> Result<String, String> {
        Err(NONE.into())
    }

    pub(crate) fn files(_slug: &str) -> Result<String, String> {
        Err(NONE.into())
    }
}
