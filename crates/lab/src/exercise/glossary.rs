//! The words a learner may ask for, each with its meaning in one sentence. The data is
//! `exercises/glossary.txt`.

use crate::api::Term;

static SOURCE: &str = include_str!("../../exercises/glossary.txt");

/// Every term, in the order of the file.
pub fn glossary() -> Vec<Term> {
    let lines = SOURCE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(term).collect()
}

fn term(line: &str) -> Option<Term> {
    let (names, means) = line.split_once(": ")?;
    let names = names.split(", ").map(str::to_owned).collect();
    Some(Term { names, means: means.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::{Exercise, TABLE};
    use super::*;

    #[test]
    fn every_term_of_every_exercise_is_defined() {
        let known = glossary();
        for entry in TABLE {
            let exercise = Exercise::read(entry.source, 1).unwrap();
            for term in exercise.terms {
                let there = known.iter().any(|it| it.names.contains(&term));
                assert!(there, "{}: '{term}' is not in exercises/glossary.txt", entry.slug);
            }
        }
    }

    #[test]
    fn a_term_is_there_once_and_in_one_sentence() {
        let all = glossary();
        let lines = SOURCE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(all.len(), lines.count(), "every line is a term");
        let mut names: Vec<String> =
            all.iter().flat_map(|it| &it.names).map(|name| name.to_lowercase()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None);
        for term in all {
            assert!(term.means.ends_with('.') && term.means.len() <= 140, "{}", term.names[0]);
        }
    }
}
