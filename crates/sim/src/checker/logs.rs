//! Committed entries are the same on every member. By raft's log matching, index and term
//! name an entry.

use std::collections::VecDeque;

use etcd::Member;

/// The terms of the newest committed entries, as the first member to commit them had them.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// The index of the first one remembered.
    first: u64,
    terms: VecDeque<u64>,
}

/// Entries remembered. What lags further behind gets a snapshot, whose hash is compared.
const ENTRIES_MAX: usize = 16_384;

/// What a member's log holds at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// An entry of this term.
    Term(u64),
    /// It is part of a snapshot.
    Compacted,
    /// Nothing: the log ends before.
    Nothing,
}

/// What a member's log holds at an index.
pub(crate) fn held(member: &Member, index: u64) -> Held {
    match member.entry_term(index) {
        Some(term) => Held::Term(term),
        None if index < member.status().first_index => Held::Compacted,
        None => Held::Nothing,
    }
}

impl Logs {
    /// A member knows the entries above `from` up to `to` to be committed. `term_at` is its
    /// log; none where it holds only a snapshot.
    pub(crate) fn committed(
        &mut self,
        from: u64,
        to: u64,
        term_at: impl Fn(u64) -> Option<u64>,
    ) -> Result<(), String> {
        let lowest = self.first.max(to.saturating_sub(ENTRIES_LOOKED_MAX));
        for index in (from + 1).max(lowest)..=to {
            if let Some(term) = term_at(index) {
                self.note(index, term)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, index: u64, term: u64) -> Result<(), String> {
        let next = self.first + self.len();
        if self.terms.is_empty() || index > next {
            // The entries between are in nobody's log: they were compacted away.
            self.terms.clear();
            self.first = index;
            self.terms.push_back(term);
        } else if index == next {
            self.terms.push_back(term);
            if self.terms.len() > ENTRIES_MAX {
                self.terms.pop_front();
                self.first += 1;
            }
        } else if let Some(known) = self.term_of(index)
            && known != term
        {
            return Err(format!("entry {index} is committed with term {known} and with {term}"));
        }
        Ok(())
    }

    fn len(&self) -> u64 {
        u64::try_from(self.terms.len()).expect("a length fits 64 bits")
    }

    /// The term of a committed entry, if it is remembered.
    pub(crate) fn term_of(&self, index: u64) -> Option<u64> {
        let place = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.terms.get(place).copied()
    }
}

/// At most this many entries are compared in one go, when a member comes up.
const ENTRIES_LOOKED_MAX: u64 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_different_committed_entry_is_found() {
        let mut logs = Logs::default();
        assert_eq!(logs.committed(0, 5, |_| Some(2)), Ok(()));
        assert_eq!(logs.committed(5, 8, |_| Some(3)), Ok(()));
        assert_eq!(logs.committed(0, 8, |index| Some(if index > 5 { 3 } else { 2 })), Ok(()));
        let found = logs.committed(4, 7, |index| Some(if index > 6 { 4 } else { 2 + index / 6 }));
        assert_eq!(found, Err("entry 7 is committed with term 3 and with 4".to_owned()));
    }

    #[test]
    fn compacted_entries_are_not_compared_and_memory_is_bounded() {
        let mut logs = Logs::default();
        assert_eq!(logs.committed(0, 40_000, |_| Some(2)), Ok(()));
        assert_eq!(logs.terms.len(), ENTRIES_MAX);
        assert_eq!(logs.term_of(40_000), Some(2));
        assert_eq!(logs.term_of(1), None);
        assert_eq!(logs.committed(0, 10, |_| Some(9)), Ok(()));
        assert_eq!(logs.committed(39_990, 40_000, |_| None), Ok(()));
        assert!(logs.committed(39_990, 40_000, |_| Some(1)).is_err());
    }
}
