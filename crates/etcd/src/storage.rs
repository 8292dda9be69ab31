//! The raft log in memory, as the raft core reads it.
//!
//! Entries are here as soon as raft hands them out to be written; the write-ahead log makes
//! them durable behind this. What happened before the first entry is in the database.

use std::collections::VecDeque;

use raft::eraftpb::{ConfState, Entry, HardState, Snapshot, SnapshotMetadata};
use raft::{Error, GetEntriesContext, RaftState, Result, Storage, StorageError};

use crate::envelope::entry_size;

/// The log of one member.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The entry before the first: what compaction or a snapshot left of the past.
    before: (u64, u64),
    entries: VecDeque<Entry>,
    hard: HardState,
    conf: ConfState,
    /// Index, term and membership of the newest state a lagging follower could be sent. The
    /// database itself is attached when the message leaves.
    snapshot: SnapshotMetadata,
}

impl Log {
    pub(crate) fn new(before: (u64, u64), hard: HardState, conf: ConfState) -> Log {
        let snapshot =
            SnapshotMetadata { conf_state: Some(conf.clone()), index: before.0, term: before.1 };
        Log { before, entries: VecDeque::new(), hard, conf, snapshot }
    }

    pub(crate) fn first(&self) -> u64 {
        self.before.0 + 1
    }

    pub(crate) fn last(&self) -> u64 {
        self.before.0 + self.entries.len() as u64
    }

    pub(crate) fn get(&self, index: u64) -> Option<&Entry> {
        let offset = index.checked_sub(self.first())?;
        self.entries.get(usize::try_from(offset).ok()?)
    }

    pub(crate) fn term_of(&self, index: u64) -> Option<u64> {
        if index == self.before.0 { Some(self.before.1) } else { self.get(index).map(|e| e.term) }
    }

    /// Takes entries over, replacing what contradicts them.
    pub(crate) fn append(&mut self, entries: Vec<Entry>) {
        let Some(first) = entries.first() else { return };
        assert!(
            first.index > self.before.0 && first.index <= self.last() + 1,
            "entries from {} do not follow a log of [{}, {}]",
            first.index,
            self.first(),
            self.last(),
        );
        let keep = first.index - self.first();
        self.entries.truncate(usize::try_from(keep).expect("a log fits into memory"));
        self.entries.extend(entries);
    }

    pub(crate) fn set_hard(&mut self, hard: HardState) {
        self.hard = hard;
    }

    pub(crate) fn set_conf(&mut self, conf: ConfState) {
        self.conf = conf;
    }

    /// Everything up to a snapshot's index is replaced by the snapshot.
    pub(crate) fn restore(&mut self, meta: &SnapshotMetadata) {
        self.before = (meta.index, meta.term);
        self.entries.clear();
        self.conf = meta.conf_state.clone().unwrap_or_default();
        self.snapshot = meta.clone();
    }

    /// What a follower that needs a whole database will be told it got: the applied state.
    pub(crate) fn offer_snapshot(&mut self, index: u64, term: u64, conf: ConfState) {
        self.snapshot = SnapshotMetadata { conf_state: Some(conf), index, term };
    }

    /// Forgets the entries up to and with `index`.
    pub(crate) fn compact(&mut self, index: u64) {
        let Some(term) = self.term_of(index) else { return };
        if index <= self.before.0 {
            return;
        }
        let gone = usize::try_from(index - self.before.0).expect("a log fits into memory");
        self.entries.drain(..gone);
        self.before = (index, term);
    }
}

impl Storage for Log {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(RaftState::new(self.hard.clone(), self.conf.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        if low < self.first() {
            return Err(Error::Store(StorageError::Compacted));
        }
        if high > self.last() + 1 || low > high {
            return Err(Error::Store(StorageError::Unavailable));
        }
        let from = (low - self.first()) as usize;
        let until = (high - self.first()) as usize;
        let limit = max_size.into().unwrap_or(u64::MAX);
        let mut size = 0;
        let mut entries = Vec::with_capacity((until - from).min(1024));
        for entry in self.entries.range(from..until) {
            size += entry_size(entry);
            if size > limit && !entries.is_empty() {
                break;
            }
            entries.push(entry.clone());
        }
        Ok(entries)
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index < self.before.0 {
            return Err(Error::Store(StorageError::Compacted));
        }
        self.term_of(index).ok_or(Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.first())
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.last())
    }

    fn snapshot(&self, request_index: u64, _to: u64) -> Result<Snapshot> {
        if self.snapshot.index == 0 || self.snapshot.index < request_index {
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        }
        Ok(Snapshot { data: Vec::new(), metadata: Some(self.snapshot.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: u64, term: u64) -> Entry {
        Entry { index, term, data: vec![7; 10], ..Entry::default() }
    }

    fn log(before: u64, last: u64) -> Log {
        let mut log = Log::new((before, 1), HardState::default(), ConfState::default());
        log.append((before + 1..=last).map(|i| entry(i, 1)).collect());
        log
    }

    fn read(log: &Log, low: u64, high: u64, max: Option<u64>) -> Result<Vec<u64>> {
        let entries = log.entries(low, high, max, GetEntriesContext::empty(false))?;
        Ok(entries.iter().map(|e| e.index).collect())
    }

    #[test]
    fn h18_storage_errors_are_exact() {
        let log = log(10, 15);
        let compacted = Err(Error::Store(StorageError::Compacted));
        let unavailable = Err(Error::Store(StorageError::Unavailable));
        assert_eq!(read(&log, 10, 12, None), compacted);
        assert_eq!(read(&log, 11, 17, None), unavailable);
        assert_eq!(read(&log, 11, 16, None), Ok(vec![11, 12, 13, 14, 15]));
        assert_eq!(read(&log, 13, 13, None), Ok(vec![]));
        assert_eq!(log.term(9), Err(Error::Store(StorageError::Compacted)));
        assert_eq!(log.term(10), Ok(1));
        assert_eq!(log.term(15), Ok(1));
        assert_eq!(log.term(16), Err(Error::Store(StorageError::Unavailable)));
    }

    #[test]
    fn h18_a_limit_still_gives_one_entry() {
        let log = log(0, 5);
        assert_eq!(read(&log, 1, 6, Some(0)), Ok(vec![1]));
        assert_eq!(read(&log, 1, 6, Some(entry_size(&entry(1, 1)) * 2)), Ok(vec![1, 2]));
    }

    #[test]
    fn h18_a_snapshot_is_only_given_when_there_is_one() {
        let mut log = log(0, 5);
        let wait = Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        assert_eq!(log.snapshot(0, 2), wait);
        log.offer_snapshot(4, 1, ConfState::default());
        assert_eq!(log.snapshot(5, 2), wait);
        assert_eq!(log.snapshot(4, 2).map(|s| s.get_metadata().index), Ok(4));
    }

    /// The log against a plain map from index to term, over random operations.
    #[test]
    fn h18_the_log_agrees_with_a_model() {
        let mut seed = 7_u64;
        let mut random = move |below: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut log = Log::new((0, 0), HardState::default(), ConfState::default());
        let mut model = std::collections::BTreeMap::from([(0_u64, 0_u64)]);
        for step in 0..3000_u64 {
            let first = *model.keys().next().expect("the model is never empty");
            let last = *model.keys().last().expect("the model is never empty");
            match random(3) {
                0 | 1 => {
                    let from = first + 1 + random(last - first + 1);
                    let new: Vec<Entry> =
                        (from..from + 1 + random(5)).map(|i| entry(i, step)).collect();
                    model.retain(|index, _| *index < from);
                    model.extend(new.iter().map(|e| (e.index, e.term)));
                    log.append(new);
                }
                _ => {
                    let until = first + random(last - first + 1);
                    log.compact(until);
                    model.retain(|index, _| *index >= until);
                }
            }
            let first = *model.keys().next().expect("the model is never empty");
            let last = *model.keys().last().expect("the model is never empty");
            assert_eq!((log.first() - 1, log.last()), (first, last));
            for (index, term) in &model {
                assert_eq!(log.term(*index), Ok(*term));
            }
        }
    }
}
