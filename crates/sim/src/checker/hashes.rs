//! Members that applied the same entries hold the same data, down to the revision.

use std::collections::VecDeque;

/// The state after each of the newest applied entries, as the first member had it.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    /// The index of the first one remembered.
    first: u64,
    states: VecDeque<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// None where nobody told.
    hash: Option<u64>,
    revision: i64,
}

/// States remembered.
const STATES_MAX: usize = 16_384;

impl Hashes {
    /// A member's store has this hash and revision after the entry at `index`.
    pub(crate) fn applied(&mut self, index: u64, hash: u64, revision: i64) -> Result<(), String> {
        let state = State { hash: Some(hash), revision };
        let Some(last) = self.states.back().copied() else {
            self.first = index;
            self.states.push_back(state);
            return Ok(());
        };
        let next = self.first + u64::try_from(self.states.len()).expect("a length fits");
        if index < next {
            return self.compare(index, hash, revision);
        }
        if revision < last.revision {
            let before = last.revision;
            return Err(format!(
                "entry {index} takes the revision back from {before} to {revision}"
            ));
        }
        let gap = usize::try_from(index - next).unwrap_or(usize::MAX).min(STATES_MAX);
        if gap == STATES_MAX {
            self.states.clear();
            self.first = index;
        }
        self.states.extend(std::iter::repeat_n(State { hash: None, ..last }, gap % STATES_MAX));
        self.states.push_back(state);
        while self.states.len() > STATES_MAX {
            self.states.pop_front();
            self.first += 1;
        }
        Ok(())
    }

    fn compare(&mut self, index: u64, hash: u64, revision: i64) -> Result<(), String> {
        let Some(place) = index.checked_sub(self.first).and_then(|at| usize::try_from(at).ok())
        else {
            return Ok(());
        };
        let known = &mut self.states[place];
        match known.hash {
            None => {
                known.hash = Some(hash);
                Ok(())
            }
            Some(other) if other == hash && known.revision == revision => Ok(()),
            Some(other) => {
                let before = known.revision;
                Err(format!(
                    "after entry {index} one member holds revision {before} with hash \
                     {other:016x}, another revision {revision} with hash {hash:016x}"
                ))
            }
        }
    }

    /// The entry that made a revision: none when no member applied it yet.
    pub(crate) fn index_of_revision(&self, revision: i64) -> Option<u64> {
        let place = self.states.partition_point(|state| state.revision < revision);
        let offset = u64::try_from(place).expect("a length fits 64 bits");
        (place < self.states.len()).then_some(self.first + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_data_after_the_same_entry_is_found() {
        let mut hashes = Hashes::default();
        for index in 4..10 {
            assert_eq!(hashes.applied(index, index * 7, 1), Ok(()));
        }
        assert_eq!(hashes.applied(6, 42, 1), Ok(()));
        assert!(hashes.applied(6, 43, 1).unwrap_err().contains("after entry 6"));
        assert!(hashes.applied(6, 42, 2).is_err());
    }

    #[test]
    fn revisions_never_go_back_and_name_their_entry() {
        let mut hashes = Hashes::default();
        for (index, revision) in [(4, 1), (5, 2), (6, 2), (7, 3)] {
            assert_eq!(hashes.applied(index, index, revision), Ok(()));
        }
        assert_eq!(hashes.index_of_revision(2), Some(5));
        assert_eq!(hashes.index_of_revision(3), Some(7));
        assert_eq!(hashes.index_of_revision(4), None);
        assert!(hashes.applied(8, 8, 2).is_err());
    }

    #[test]
    fn gaps_are_filled_when_somebody_tells() {
        let mut hashes = Hashes::default();
        assert_eq!(hashes.applied(1, 1, 1), Ok(()));
        assert_eq!(hashes.applied(5, 5, 5), Ok(()));
        assert_eq!(hashes.applied(3, 3, 1), Ok(()));
        assert!(hashes.applied(3, 4, 1).is_err());
        assert_eq!(hashes.applied(100_000, 9, 9), Ok(()));
        assert_eq!(hashes.states.len(), 1);
        for index in 100_001..200_000 {
            assert_eq!(hashes.applied(index, index, 9), Ok(()));
        }
        assert_eq!(hashes.states.len(), STATES_MAX);
        assert_eq!(hashes.applied(100_000, 10, 9), Ok(()));
    }
}
