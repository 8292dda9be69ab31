//! An acknowledged write is never lost: whoever told a client of a revision had it applied,
//! and every later leader holds the entry that made it.
//!
//! By raft's log matching it is enough to remember the newest: a log that holds it holds all
//! entries before it. So nothing has to be pruned.

use crate::checker::hashes::Hashes;
use crate::checker::logs::{Held, Logs};

/// The newest revision a client was told of.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    revision: i64,
    /// Index and term of the entry that made it.
    entry: Option<(u64, u64)>,
}

impl Writes {
    /// The highest revision acknowledged to anybody.
    pub(crate) fn acknowledged_revision(&self) -> i64 {
        self.revision
    }

    /// A client is told of a revision.
    pub(crate) fn acknowledged(
        &mut self,
        revision: i64,
        hashes: &Hashes,
        logs: &Logs,
    ) -> Result<(), String> {
        if revision <= self.revision {
            return Ok(());
        }
        let Some(index) = hashes.index_of_revision(revision) else {
            return Err(format!("revision {revision} was acknowledged, but nobody applied it"));
        };
        self.revision = revision;
        match logs.term_of(index) {
            Some(term) => self.entry = Some((index, term)),
            // The first states of a cluster come with its snapshot: their entries are gone.
            None if self.entry.is_none() => {}
            None => {
                return Err(format!(
                    "revision {revision} was acknowledged, but its entry {index} is not committed"
                ));
            }
        }
        Ok(())
    }

    /// A member became leader of a term. `held` is its log.
    pub(crate) fn elected(&self, term: u64, held: impl Fn(u64) -> Held) -> Result<(), String> {
        let Some((index, entry_term)) = self.entry else { return Ok(()) };
        let revision = self.revision;
        match held(index) {
            Held::Compacted => Ok(()),
            Held::Term(found) if found == entry_term => Ok(()),
            // Somebody who leads an older term without knowing that it is over.
            _ if term < entry_term => Ok(()),
            Held::Term(found) => Err(format!(
                "the leader of term {term} has another entry at {index} (term {found}, not \
                 {entry_term}): revision {revision} was acknowledged"
            )),
            Held::Nothing => Err(format!(
                "the leader of term {term} lacks entry {index}: revision {revision} was \
                 acknowledged"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> (Writes, Hashes, Logs) {
        let (mut hashes, mut logs) = (Hashes::default(), Logs::default());
        logs.committed(0, 6, |_| Some(2)).unwrap();
        for (index, revision) in [(4, 1), (5, 2), (6, 3)] {
            hashes.applied(index, index, revision).unwrap();
        }
        (Writes::default(), hashes, logs)
    }

    #[test]
    fn a_leader_without_an_acknowledged_entry_is_found() {
        let (mut writes, hashes, logs) = history();
        assert_eq!(writes.elected(3, |_| Held::Nothing), Ok(()));
        assert_eq!(writes.acknowledged(2, &hashes, &logs), Ok(()));
        assert_eq!(writes.acknowledged_revision(), 2);
        let log = |last: u64, term: u64| {
            move |index| if index <= last { Held::Term(term) } else { Held::Nothing }
        };
        assert_eq!(writes.elected(3, log(5, 2)), Ok(()));
        assert_eq!(writes.elected(3, |_| Held::Compacted), Ok(()));
        assert!(writes.elected(3, log(4, 2)).unwrap_err().contains("lacks entry 5"));
        assert!(writes.elected(3, log(9, 1)).unwrap_err().contains("another entry at 5"));
    }

    #[test]
    fn an_acknowledgement_of_what_nobody_applied_is_found() {
        let (mut writes, mut hashes, logs) = history();
        assert!(writes.acknowledged(4, &hashes, &logs).unwrap_err().contains("nobody applied"));
        assert_eq!(writes.acknowledged(3, &hashes, &logs), Ok(()));
        hashes.applied(7, 7, 4).unwrap();
        assert!(writes.acknowledged(4, &hashes, &logs).unwrap_err().contains("not committed"));
    }
}
