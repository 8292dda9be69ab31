//! Which revisions each key has. It holds the newest value of a living key too, so that reads of
//! the present never walk the file.
//!
//! etcd keeps generations (lives) of revisions; here they are one ascending list per key in which
//! a tombstone ends a life. A lookup at a revision is the last entry at or before it: a tombstone
//! means that the key did not exist.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::pb::KeyValue;
use crate::revision::Revision;

/// One change of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    rev: Revision,
    tombstone: bool,
}

/// A key that has at least one revision.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// The newest value, when the key exists at the present.
    pub(crate) live: Option<KeyValue>,
    /// What the living value adds to the running hash.
    pub(crate) hash: u64,
    changes: Vec<Change>,
}

impl Entry {
    /// The revision of the put that was current at `rev`.
    pub(crate) fn at(&self, rev: i64) -> Option<Revision> {
        let after = self.changes.partition_point(|change| change.rev.main <= rev);
        let change = self.changes[..after].last()?;
        (!change.tombstone).then_some(change.rev)
    }

    pub(crate) fn push(&mut self, rev: Revision, tombstone: bool) {
        debug_assert!(self.changes.last().is_none_or(|last| last.rev < rev));
        self.changes.push(Change { rev, tombstone });
    }

    /// Where compaction at `rev` cuts: what is before the position goes.
    fn cut(&self, rev: i64) -> usize {
        let after = self.changes.partition_point(|change| change.rev.main <= rev);
        match self.changes[..after].last() {
            // A tombstone exactly at the compacted revision stays (3.5.16 and later).
            Some(last) if !last.tombstone || last.rev.main == rev => after - 1,
            _ => after,
        }
    }
}

/// What a request's `key` and `range_end` mean.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Span {
    /// One key.
    One(Bytes),
    /// `[start, end)`.
    Until(Bytes, Bytes),
    /// Every key from this one on.
    From(Bytes),
}

impl Span {
    /// An empty end is the single key, `\0` everything from the key on.
    pub(crate) fn new(key: &Bytes, range_end: &Bytes) -> Span {
        match range_end.as_ref() {
            b"" => Span::One(key.clone()),
            b"\0" => Span::From(key.clone()),
            _ => Span::Until(key.clone(), range_end.clone()),
        }
    }
}

/// The index of all keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    keys: BTreeMap<Bytes, Entry>,
}

impl Index {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.keys.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.keys.get_mut(key)
    }

    /// The entry of a key, made when it is not there.
    pub(crate) fn entry(&mut self, key: Bytes) -> &mut Entry {
        self.keys.entry(key).or_default()
    }

    /// The newest value of a key that exists at the present.
    pub(crate) fn live(&self, key: &[u8]) -> Option<&KeyValue> {
        self.keys.get(key)?.live.as_ref()
    }

    /// The entries of a span in key order.
    pub(crate) fn span(&self, span: &Span) -> impl Iterator<Item = (&Bytes, &Entry)> {
        let (start, end): (&[u8], Bound<&[u8]>) = match span {
            Span::One(key) => (key, Bound::Included(key)),
            Span::From(key) => (key, Bound::Unbounded),
            // The map panics on a range that ends before it starts; etcd finds nothing in it.
            Span::Until(key, end) => (key, Bound::Excluded(end.max(key))),
        };
        self.keys.range::<[u8], _>((Bound::Included(start), end))
    }

    /// Every entry in key order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Bytes, &mut Entry)> {
        self.keys.iter_mut()
    }

    /// Forgets what compaction at `rev` removes. The answer is what it keeps of the revisions up
    /// to `rev`, ascending.
    pub(crate) fn compact(&mut self, rev: i64) -> Vec<Revision> {
        let mut kept = Vec::new();
        self.keys.retain(|_, entry| {
            let cut = entry.cut(rev);
            entry.changes.drain(..cut);
            if let Some(first) = entry.changes.first().filter(|first| first.rev.main <= rev) {
                kept.push(first.rev);
            }
            !entry.changes.is_empty()
        });
        kept.sort_unstable();
        kept
    }

    /// What compaction at `rev` would keep, ascending; tombstones left out, as older releases
    /// removed them and hashes must agree with theirs.
    pub(crate) fn keep(&self, rev: i64) -> Vec<Revision> {
        let mut kept: Vec<_> = self.keys.values().filter_map(|entry| entry.at(rev)).collect();
        kept.sort_unstable();
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The life story etcd explains its index with: put 1, put 2, delete 3, put 4, delete 5.
    fn story() -> Entry {
        let mut entry = Entry::default();
        for (main, tombstone) in [(1, false), (2, false), (3, true), (4, false), (5, true)] {
            entry.push(Revision { main, sub: 0 }, tombstone);
        }
        entry
    }

    #[test]
    fn lookups_at_each_revision() {
        let table = [(0, None), (1, Some(1)), (2, Some(2)), (3, None), (4, Some(4)), (5, None)];
        for (rev, want) in table {
            assert_eq!(story().at(rev).map(|found| found.main), want, "at {rev}");
        }
    }

    #[test]
    fn compaction_keeps_what_etcd_keeps() {
        let table: [(i64, &[i64]); 7] = [
            (0, &[1, 2, 3, 4, 5]),
            (1, &[1, 2, 3, 4, 5]),
            (2, &[2, 3, 4, 5]),
            (3, &[3, 4, 5]),
            (4, &[4, 5]),
            (5, &[5]),
            (6, &[]),
        ];
        for (rev, want) in table {
            let mut index = Index::default();
            *index.entry(Bytes::from_static(b"foo")) = story();
            index.compact(rev);
            let left: Vec<i64> = index
                .get(b"foo")
                .map(|entry| entry.changes.iter().map(|change| change.rev.main).collect())
                .unwrap_or_default();
            assert_eq!(left, want, "at {rev}");
        }
    }

    #[test]
    fn compact_answers_tombstones_and_keep_does_not() {
        let mut index = Index::default();
        *index.entry(Bytes::from_static(b"foo")) = story();
        let (three, four) = (Revision { main: 3, sub: 0 }, Revision { main: 4, sub: 0 });
        assert_eq!(index.keep(3), []);
        assert_eq!(index.keep(4), [four]);
        assert_eq!(index.clone().compact(4), [four]);
        assert_eq!(index.compact(3), [three]);
    }

    #[test]
    fn spans() {
        let mut index = Index::default();
        for key in ["a", "b", "ba", "c"] {
            *index.entry(Bytes::from(key)) = story();
        }
        let table = [
            ("b", "", "b"),
            ("x", "", ""),
            ("b", "c", "b,ba"),
            ("b", "\0", "b,ba,c"),
            ("b", "b", ""),
            ("c", "a", ""),
            ("\0", "\0", "a,b,ba,c"),
        ];
        for (key, end, want) in table {
            let span = Span::new(&Bytes::from(key), &Bytes::from(end));
            let found: Vec<&str> =
                index.span(&span).map(|(key, _)| std::str::from_utf8(key).unwrap()).collect();
            assert_eq!(found.join(","), want, "{key:?} {end:?}");
        }
    }
}
