//! HashKV, as every etcd computes it, and the running hash of our checkers.

use crate::Error;
use crate::backend::{KEY, Stored};
use crate::pb::KeyValue;
use crate::revision::Revision;
use crate::store::Store;

/// How many compactions' hashes are remembered.
const HASHES_MAX: usize = 10;

/// The answer of HashKV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvHash {
    /// CRC-32C over the history.
    pub hash: u32,
    /// The compacted revision it starts from; -1 when there never was a compaction.
    pub compact_revision: i64,
    /// The revision up to which it was computed.
    pub hash_revision: i64,
    /// The store's revision.
    pub current: i64,
}

/// Computes HashKV over changes offered in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct KvHasher {
    crc: u32,
    compacted: i64,
    rev: i64,
    /// Of the changes up to the compacted revision only these count, ascending. When there are
    /// none, all of them do.
    keep: Vec<Revision>,
}

impl KvHasher {
    pub(crate) fn new(compacted: i64, rev: i64, keep: Vec<Revision>) -> KvHasher {
        KvHasher { crc: flat::crc32c(KEY.as_bytes()), compacted, rev, keep }
    }

    pub(crate) fn add(&mut self, stored: &Stored) {
        let main = stored.rev.main;
        if main > self.rev {
            return;
        }
        let counts = main > self.compacted
            || self.keep.is_empty()
            || self.keep.binary_search(&stored.rev).is_ok();
        // Older releases remove a tombstone at the compacted revision, newer ones keep it.
        if !counts || (main == self.compacted && stored.tombstone) {
            return;
        }
        self.crc = flat::crc32c_append(self.crc, &stored.key);
        self.crc = flat::crc32c_append(self.crc, &stored.value);
    }

    pub(crate) fn finish(&self, current: i64) -> KvHash {
        KvHash {
            hash: self.crc,
            compact_revision: self.compacted,
            hash_revision: self.rev,
            current,
        }
    }
}

impl Store {
    /// The hash of the history up to `rev`; 0 means the present. If a compaction happened at that
    /// very revision (one of the last ten), the hash it recorded.
    pub fn hash_kv(&self, rev: i64) -> Result<KvHash, Error> {
        let current = self.revision;
        if let Some(recorded) = self.hashes.iter().find(|hash| hash.hash_revision == rev) {
            return Ok(KvHash { current, ..*recorded });
        }
        if rev > 0 && rev < self.compacted {
            return Err(Error::Compacted);
        }
        if rev > 0 && rev > current {
            return Err(Error::FutureRevision);
        }
        let rev = if rev == 0 { current } else { rev };
        let mut hasher = KvHasher::new(self.compacted, rev, self.index.keep(rev));
        for stored in self.backend.scan(Revision::default()) {
            if stored.rev.main > rev {
                break;
            }
            hasher.add(&stored);
        }
        Ok(hasher.finish(current))
    }

    /// The hash of the whole file, without the keys of bucket `meta` that are named: etcd's
    /// `Hash`, whose answer depends on all that was ever stored.
    pub fn hash_all(&self, unhashed: &[&[u8]]) -> u32 {
        let mut hash = 0;
        let mut add = |bytes: &[u8]| hash = flat::crc32c_append(hash, bytes);
        for bucket in crate::BUCKETS {
            add(bucket.as_bytes());
            if bucket == crate::backend::KEY {
                for stored in self.backend.scan(Revision::default()) {
                    add(&stored.key);
                    add(&stored.value);
                }
                continue;
            }
            for (key, value) in self.backend.iter(bucket) {
                if bucket != crate::backend::META || !unhashed.contains(&key.as_ref()) {
                    add(&key);
                    add(&value);
                }
            }
        }
        hash
    }

    /// The hashes that compactions recorded, ascending by revision.
    pub fn hashes(&self) -> &[KvHash] {
        &self.hashes
    }

    pub(crate) fn record_hash(&mut self, hash: KvHash) {
        self.hashes.push(hash);
        flat::sort_by_key(&mut self.hashes, |hash| hash.hash_revision);
        let excess = self.hashes.len().saturating_sub(HASHES_MAX);
        self.hashes.drain(..excess);
    }

    /// A hash of the state: every living pair with its revisions, every lease, the revision and the
    /// compacted revision. Members that applied the same entries have the same, also after a
    /// restart or a snapshot; it is kept up to date with each change, not computed here.
    pub fn running_hash(&self) -> u64 {
        let state = self.sum.wrapping_add(self.leases.sum());
        finish(fold_word(fold_word(state, self.revision as u64), self.compacted as u64))
    }
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

fn fold_word(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER)
}

fn fold(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
        hash = fold_word(hash, word);
    }
    let rest = words.remainder().iter().fold(0, |rest, byte| rest << 8 | u64::from(*byte));
    fold_word(fold_word(hash, rest), bytes.len() as u64)
}

fn finish(mut hash: u64) -> u64 {
    for multiplier in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(multiplier);
    }
    hash ^ (hash >> 33)
}

/// A hash for tables, the same on every target.
pub(crate) fn bytes_hash(bytes: &[u8]) -> u64 {
    finish(fold(3, bytes))
}

/// What a living pair adds to the running hash. The parts are added up, so that their order does
/// not matter and one can be taken out again.
pub(crate) fn pair_hash(kv: &KeyValue) -> u64 {
    let mut hash = fold(fold(1, &kv.key), &kv.value);
    for number in [kv.create_revision, kv.mod_revision, kv.version, kv.lease] {
        hash = fold_word(hash, number as u64);
    }
    finish(hash)
}

/// What a lease adds to the running hash.
pub(crate) fn lease_hash(id: i64, ttl: i64, remaining_ttl: i64) -> u64 {
    finish([id, ttl, remaining_ttl].iter().fold(2, |hash, number| fold_word(hash, *number as u64)))
}
