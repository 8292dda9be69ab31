//! The file and what is not in it yet.
//!
//! Writes gather here until the next commit, and reads see them. Records of the bucket `key` only
//! ever come with rising revisions, so those not committed are a list behind the file; the other
//! buckets are small and kept as a map of changes.

use std::collections::BTreeMap;

use bytes::Bytes;
use flat::Map;

use crate::record::Record;
use crate::revision::Revision;

/// The bucket of the revisions.
pub(crate) const KEY: &str = "key";
/// The bucket of single facts.
pub(crate) const META: &str = "meta";
/// The bucket of leases.
pub(crate) const LEASE: &str = "lease";

/// How full etcd leaves the pages of the bucket `key`.
const KEY_FILL_PERCENT: u8 = 90;

/// A stored change, as a scan meets it.
pub(crate) struct Stored {
    pub(crate) rev: Revision,
    pub(crate) tombstone: bool,
    pub(crate) key: Bytes,
    pub(crate) value: Bytes,
}

/// A bbolt file with a write buffer.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    db: bolt::Db,
    /// Buckets that the file lacks; the next commit makes them.
    missing: Vec<&'static str>,
    /// Records of `key` since the last commit, ascending, all newer than what the file holds.
    tail: Vec<Record>,
    /// Records of `key` in the file that compaction removed since the last commit.
    removed: BTreeMap<Revision, bool>,
    /// Changes of the other buckets since the last commit; `None` deletes.
    other: Map<&'static str, Map<Bytes, Option<Bytes>>>,
    ops: u64,
}

impl Backend {
    pub(crate) fn new(db: bolt::Db, buckets: &[&'static str]) -> Backend {
        let names = db.bucket_names();
        let missing = buckets
            .iter()
            .copied()
            .filter(|bucket| !names.iter().any(|name| name == bucket.as_bytes()))
            .collect();
        Backend {
            db,
            missing,
            tail: Vec::new(),
            removed: BTreeMap::new(),
            other: Map::new(),
            ops: 0,
        }
    }

    pub(crate) fn db(&self) -> &bolt::Db {
        &self.db
    }

    /// Puts and deletes since the last commit.
    pub(crate) fn pending_ops(&self) -> u64 {
        self.ops
    }

    pub(crate) fn append(&mut self, record: Record) {
        debug_assert!(self.tail.last().is_none_or(|last| last.rev < record.rev));
        self.tail.push(record);
        self.ops += 1;
    }

    /// The value stored for a put of revision `rev`.
    pub(crate) fn value(&self, rev: Revision) -> Option<Bytes> {
        if self.tail.first().is_some_and(|first| first.rev <= rev) {
            let at = self.tail.binary_search_by_key(&rev, |record| record.rev).ok()?;
            return Some(self.tail[at].stored_value());
        }
        self.db.get(KEY.as_bytes(), &rev.to_bytes())
    }

    /// Every stored change from revision `from` on, ascending.
    pub(crate) fn scan(&self, from: Revision) -> impl Iterator<Item = Stored> + '_ {
        let in_file = self
            .db
            .range(KEY.as_bytes(), &from.to_bytes())
            .map(|(key, value)| {
                let (rev, tombstone) =
                    Revision::from_bytes(&key).expect("opening the store checked every key");
                Stored { rev, tombstone, key, value }
            })
            .filter(|stored| !self.removed.contains_key(&stored.rev));
        let start = self.tail.partition_point(|record| record.rev < from);
        let pending = self.tail[start..].iter().map(|record| Stored {
            rev: record.rev,
            tombstone: record.tombstone,
            key: record.stored_key(),
            value: record.stored_value(),
        });
        in_file.chain(pending)
    }

    /// Removes stored changes (revision, tombstone), ascending.
    pub(crate) fn remove(&mut self, gone: &[(Revision, bool)]) {
        self.ops += gone.len() as u64;
        let pending = match self.tail.first() {
            Some(first) => gone.partition_point(|(rev, _)| *rev < first.rev),
            None => gone.len(),
        };
        self.removed.extend(gone[..pending].iter().copied());
        let gone = &gone[pending..];
        if !gone.is_empty() {
            self.tail.retain(|record| gone.binary_search_by_key(&record.rev, |g| g.0).is_err());
        }
    }

    pub(crate) fn set(&mut self, bucket: &'static str, key: Bytes, value: Option<Bytes>) {
        debug_assert_ne!(bucket, KEY);
        self.other.entry(bucket).or_default().insert(key, value);
        self.ops += 1;
    }

    pub(crate) fn get(&self, bucket: &str, key: &[u8]) -> Option<Bytes> {
        match self.other.get(bucket).and_then(|changes| changes.get(key)) {
            Some(change) => change.clone(),
            None => self.db.get(bucket.as_bytes(), key),
        }
    }

    pub(crate) fn iter(&self, bucket: &str) -> Vec<(Bytes, Bytes)> {
        let mut all: Map<Bytes, Bytes> = self.db.range(bucket.as_bytes(), b"").collect();
        for (key, change) in self.other.get(bucket).into_iter().flatten() {
            match change {
                Some(value) => all.insert(key.clone(), value.clone()),
                None => all.remove(key),
            };
        }
        all.into_iter().collect()
    }

    /// Writes the buffer into the file's pages.
    pub(crate) fn commit(&mut self) -> bolt::Commit {
        let mut tx = self.db.tx();
        for bucket in self.missing.drain(..) {
            tx.create_bucket(bucket.as_bytes());
        }
        // Revisions only ever come at the end: no need to leave room between them.
        tx.set_fill_percent(KEY.as_bytes(), KEY_FILL_PERCENT);
        for (rev, tombstone) in std::mem::take(&mut self.removed) {
            if tombstone {
                tx.delete(KEY.as_bytes(), &rev.to_tombstone_bytes());
            } else {
                tx.delete(KEY.as_bytes(), &rev.to_bytes());
            }
        }
        for record in self.tail.drain(..) {
            tx.put(KEY.as_bytes(), record.stored_key(), record.stored_value());
        }
        for (bucket, changes) in std::mem::take(&mut self.other) {
            for (key, change) in changes {
                match change {
                    Some(value) => tx.put(bucket.as_bytes(), key, value),
                    None => drop(tx.delete(bucket.as_bytes(), &key)),
                }
            }
        }
        self.ops = 0;
        tx.commit()
    }

    /// Copies everything into a fresh file. What was pending must have been committed.
    pub(crate) fn defrag(&mut self) -> bolt::Commit {
        assert_eq!(self.ops, 0, "a commit comes before defragmenting");
        let (db, commit) = self.db.defragmented();
        self.db = db;
        commit
    }
}
