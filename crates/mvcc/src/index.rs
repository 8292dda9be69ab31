//! Which revisions each key has. It holds the newest value of a living key too, so that reads of
//! the present never walk the file.
//!
//! etcd keeps generations (lives) of revisions; here they are one ascending list per key in which
//! a tombstone ends a life. A lookup at a revision is the last entry at or before it: a tombstone
//! means that the key did not exist.
//!
//! Entries lie in a slab. An ordered map finds them for ranges, a hash table for single keys: with
//! many keys that is four times as fast as the map, whose every step down misses the cache. The
//! table is never iterated, so its order shows nowhere.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::hash::bytes_hash;
use crate::pb::KeyValue;
use crate::revision::Revision;

/// One change of a key, in 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Change {
    main: i64,
    sub: u32,
    tombstone: bool,
}

impl Change {
    fn new(rev: Revision, tombstone: bool) -> Change {
        let sub = u32::try_from(rev.sub).expect("a transaction changes less than 2^32 keys");
        Change { main: rev.main, sub, tombstone }
    }

    fn rev(self) -> Revision {
        Revision { main: self.main, sub: self.sub.into() }
    }
}

/// A key that has at least one revision.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) key: Bytes,
    /// The newest value, when the key exists at the present.
    pub(crate) live: Option<KeyValue>,
    /// What the living value adds to the running hash.
    pub(crate) hash: u64,
    /// The newest change. Main revision 0: none, the entry is on its way in or out.
    last: Change,
    /// Those before it, ascending. Most keys of most stores have none.
    older: Vec<Change>,
}

impl Entry {
    /// The newest change at or before `rev`, and its position.
    fn find(&self, rev: i64) -> Option<(usize, Change)> {
        if self.last.main <= rev {
            return (self.last.main != 0).then_some((self.older.len(), self.last));
        }
        let after = self.older.partition_point(|change| change.main <= rev);
        let at = after.checked_sub(1)?;
        Some((at, self.older[at]))
    }

    /// The revision of the put that was current at `rev`.
    pub(crate) fn at(&self, rev: i64) -> Option<Revision> {
        let (_, change) = self.find(rev)?;
        (!change.tombstone).then(|| change.rev())
    }

    pub(crate) fn push(&mut self, rev: Revision, tombstone: bool) {
        debug_assert!(self.last.rev() < rev);
        let before = std::mem::replace(&mut self.last, Change::new(rev, tombstone));
        if before.main != 0 {
            self.older.push(before);
        }
    }

    /// Drops what compaction at `rev` removes, and answers what it keeps of the changes up to it.
    fn compact(&mut self, rev: i64) -> Option<Revision> {
        let (at, change) = self.find(rev)?;
        // A tombstone exactly at the compacted revision stays (3.5.16 and later).
        let stays = !change.tombstone || change.main == rev;
        let cut = if stays { at } else { at + 1 };
        if cut > self.older.len() {
            self.last = Change::default();
        }
        self.older.drain(..cut.min(self.older.len()));
        self.older.shrink_to_fit();
        stays.then(|| change.rev())
    }

    fn is_empty(&self) -> bool {
        self.last.main == 0
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

/// Entries a chunk of the slab holds: growing never copies one.
const CHUNK: usize = 1024;
/// The smallest hash table; a power of two, as all are.
const TABLE_MIN: usize = 16;

/// The index of all keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// Key to slot.
    ordered: BTreeMap<Bytes, u32>,
    slab: Vec<Vec<Entry>>,
    /// Slots to use again.
    free: Vec<u32>,
    /// Linear probing, at most half full. 0 is empty; else the upper half of the key's hash above
    /// its slot + 1.
    table: Vec<u64>,
}

impl Index {
    fn slot(&self, slot: u32) -> &Entry {
        &self.slab[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    fn slot_mut(&mut self, slot: u32) -> &mut Entry {
        &mut self.slab[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    fn find(&self, key: &[u8]) -> Option<u32> {
        let mask = self.table.len().checked_sub(1)?;
        let hash = bytes_hash(key);
        let mut at = hash as usize & mask;
        loop {
            let cell = self.table[at];
            if cell == 0 {
                return None;
            }
            if cell >> 32 == hash >> 32 {
                let slot = cell as u32 - 1;
                if self.slot(slot).key == key {
                    return Some(slot);
                }
            }
            at = (at + 1) & mask;
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.find(key).map(|slot| self.slot(slot))
    }

    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.find(key).map(|slot| self.slot_mut(slot))
    }

    /// Makes the entry of a key that has none.
    pub(crate) fn insert(&mut self, key: Bytes) -> &mut Entry {
        let entry = Entry { key: key.clone(), ..Entry::default() };
        let slot = match self.free.pop() {
            Some(slot) => {
                *self.slot_mut(slot) = entry;
                slot
            }
            None => self.append(entry),
        };
        let replaced = self.ordered.insert(key, slot);
        assert_eq!(replaced, None, "the key has no entry");
        if self.ordered.len() * 2 > self.table.len() {
            self.rebuild_table();
        } else {
            self.link(slot);
        }
        self.slot_mut(slot)
    }

    fn append(&mut self, entry: Entry) -> u32 {
        if self.slab.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.slab.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.slab.len() - 1) * CHUNK;
        let chunk = self.slab.last_mut().expect("one was just pushed if there was none");
        chunk.push(entry);
        u32::try_from(before + chunk.len() - 1).expect("less than 2^32 keys fit in memory")
    }

    fn link(&mut self, slot: u32) {
        let hash = bytes_hash(&self.slot(slot).key);
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while self.table[at] != 0 {
            at = (at + 1) & mask;
        }
        self.table[at] = (hash >> 32) << 32 | u64::from(slot + 1);
    }

    fn rebuild_table(&mut self) {
        let len = (self.ordered.len() * 4).next_power_of_two().max(TABLE_MIN);
        self.table.clear();
        self.table.resize(len, 0);
        let slots: Vec<u32> = self.ordered.values().copied().collect();
        for slot in slots {
            self.link(slot);
        }
    }

    /// The newest value of a key that exists at the present.
    pub(crate) fn live(&self, key: &[u8]) -> Option<&KeyValue> {
        self.get(key)?.live.as_ref()
    }

    /// The entries of a span in key order.
    pub(crate) fn span(&self, span: &Span) -> impl Iterator<Item = &Entry> {
        let (start, end): (&[u8], Bound<&[u8]>) = match span {
            Span::One(key) => (key, Bound::Included(key)),
            Span::From(key) => (key, Bound::Unbounded),
            // The map panics on a range that ends before it starts; etcd finds nothing in it.
            Span::Until(key, end) => (key, Bound::Excluded(end.max(key))),
        };
        let one = matches!(span, Span::One(_)).then(|| self.get(start)).flatten();
        let many = (!matches!(span, Span::One(_)))
            .then(|| self.ordered.range::<[u8], _>((Bound::Included(start), end)));
        let many = many.into_iter().flatten().map(|(_, slot)| self.slot(*slot));
        one.into_iter().chain(many)
    }

    /// Visits every entry, in key order.
    pub(crate) fn for_each(&mut self, mut visit: impl FnMut(&mut Entry)) {
        for slot in self.ordered.values() {
            let slot = *slot as usize;
            visit(&mut self.slab[slot / CHUNK][slot % CHUNK]);
        }
    }

    /// Forgets what compaction at `rev` removes. The answer is what it keeps of the revisions up
    /// to `rev`, ascending.
    pub(crate) fn compact(&mut self, rev: i64) -> Vec<Revision> {
        let mut kept = Vec::new();
        let (slab, free) = (&mut self.slab, &mut self.free);
        let before = self.ordered.len();
        self.ordered.retain(|_, slot| {
            let entry = &mut slab[*slot as usize / CHUNK][*slot as usize % CHUNK];
            kept.extend(entry.compact(rev));
            let gone = entry.is_empty();
            if gone {
                *entry = Entry::default();
                free.push(*slot);
            }
            !gone
        });
        if self.ordered.len() < before {
            self.rebuild_table();
        }
        flat::sort(&mut kept);
        kept
    }

    /// What compaction at `rev` would keep, ascending; tombstones left out, as older releases
    /// removed them and hashes must agree with theirs.
    pub(crate) fn keep(&self, rev: i64) -> Vec<Revision> {
        let slots = self.ordered.values();
        let mut kept: Vec<_> = slots.filter_map(|slot| self.slot(*slot).at(rev)).collect();
        flat::sort(&mut kept);
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

    fn insert(index: &mut Index, key: &'static str) {
        let key = Bytes::from(key);
        let entry = index.insert(key.clone());
        *entry = Entry { key, ..story() };
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
            insert(&mut index, "foo");
            index.compact(rev);
            let left: Vec<i64> = index
                .get(b"foo")
                .map(|entry| {
                    entry.older.iter().chain([&entry.last]).map(|change| change.main).collect()
                })
                .unwrap_or_default();
            assert_eq!(left, want, "at {rev}");
        }
    }

    #[test]
    fn compact_answers_tombstones_and_keep_does_not() {
        let mut index = Index::default();
        insert(&mut index, "foo");
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
            insert(&mut index, key);
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
                index.span(&span).map(|entry| std::str::from_utf8(&entry.key).unwrap()).collect();
            assert_eq!(found.join(","), want, "{key:?} {end:?}");
        }
    }

    #[test]
    fn many_keys_come_and_go() {
        let mut index = Index::default();
        let key = |number: i64| Bytes::from(format!("{number:04}"));
        for number in 1..=3000 {
            let rev = Revision { main: number, sub: 0 };
            index.insert(key(number)).push(rev, number % 3 == 0);
        }
        for round in [1500, 2999, 3000, 3001] {
            index.compact(round);
            for number in 1..=3000 {
                let stays = number % 3 != 0 || number >= round;
                assert_eq!(index.get(&key(number)).is_some(), stays, "{number} at {round}");
            }
        }
        let again = Revision { main: 4000, sub: 0 };
        index.insert(key(3)).push(again, false);
        assert_eq!(index.get(&key(3)).and_then(|entry| entry.at(4000)), Some(again));
        let slots: usize = index.slab.iter().map(Vec::len).sum();
        assert_eq!((slots, index.free.len(), index.ordered.len()), (3000, 999, 2001));
    }
}
