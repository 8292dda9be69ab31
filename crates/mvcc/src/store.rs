//! The store: what it is made of, how it is opened, and commits.

use bytes::Bytes;
use prost::Message;

use crate::Error;
use crate::backend::{Backend, KEY, LEASE};
use crate::compact::Jobs;
use crate::hash::{KvHash, pair_hash};
use crate::index::Index;
use crate::lease::{Lessor, MAX_LEASE_TTL_S};
use crate::pb::{Event, KeyValue, StoredLease};
use crate::record;
use crate::revision::{NUMBER_MAX, Revision};
use crate::watch::WatchHub;

/// The buckets of every etcd file.
pub const BUCKETS: [&str; 10] = [
    "alarm",
    "auth",
    "authRoles",
    "authUsers",
    "cluster",
    "key",
    "lease",
    "members",
    "members_removed",
    "meta",
];

/// etcd's key-value store over a file of the bbolt format.
///
/// Writes are visible at once; [`Store::commit`] turns those since the last commit into pages.
#[derive(Debug)]
pub struct Store {
    pub(crate) backend: Backend,
    pub(crate) index: Index,
    pub(crate) revision: i64,
    pub(crate) compacted: i64,
    pub(crate) jobs: Jobs,
    pub(crate) hashes: Vec<KvHash>,
    /// The sum of the living pairs' hashes.
    pub(crate) sum: u64,
    pub(crate) leases: Lessor,
    pub(crate) hub: WatchHub,
    /// How many changes the open transaction has made; 0 when none is open.
    pub(crate) sub: i64,
    /// Those of them that somebody watches.
    pub(crate) events: Vec<Event>,
}

impl Store {
    /// A fresh store, and its first pages.
    pub fn create() -> (Store, bolt::Commit) {
        let (db, mut first) = bolt::Db::create();
        let mut store = Store::open(db).expect("a fresh file has nothing wrong in it");
        let second = store.commit();
        first.pages.extend(second.pages);
        (store, bolt::Commit { pages: first.pages, ..second })
    }

    /// Opens a file that a store wrote, this one or etcd's: rebuilds the index, the leases and
    /// what they hold, and takes up a compaction that was not finished.
    pub fn open(db: bolt::Db) -> Result<Store, Error> {
        let mut store = Store {
            backend: Backend::new(db, &BUCKETS),
            index: Index::default(),
            revision: 1,
            compacted: -1,
            jobs: Jobs::new(),
            hashes: Vec::new(),
            sum: 0,
            leases: Lessor::new(),
            hub: WatchHub::default(),
            sub: 0,
            events: Vec::new(),
        };
        store.load_leases()?;
        store.load_keys()?;
        store.resume_compaction();
        Ok(store)
    }

    /// Replaces everything by the contents of another file, as a member does that received a
    /// snapshot. Watchers stay: each gets what it has not seen from the new history.
    pub fn restore(&mut self, db: bolt::Db) -> Result<(), Error> {
        let mut store = Store::open(db)?;
        store.set_min_lease_ttl(self.leases.min_ttl_s());
        store.hashes = std::mem::take(&mut self.hashes);
        store.hub = std::mem::take(&mut self.hub);
        store.hub.restored();
        *self = store;
        Ok(())
    }

    fn load_leases(&mut self) -> Result<(), Error> {
        for (key, value) in self.backend.iter(LEASE) {
            let stored = StoredLease::decode(value)
                .map_err(|error| corrupt(LEASE, &key, &error.to_string()))?;
            if stored.ttl.max(stored.remaining_ttl) > MAX_LEASE_TTL_S {
                return Err(corrupt(LEASE, &key, "no lease lives so long"));
            }
            self.leases.restore(stored);
        }
        Ok(())
    }

    fn load_keys(&mut self) -> Result<(), Error> {
        let mut last = Revision::default();
        for (key, value) in self.backend.db().range(KEY.as_bytes(), b"") {
            let (rev, tombstone) = Revision::from_bytes(&key)
                .ok_or_else(|| corrupt(KEY, &key, "it is no revision"))?;
            if rev.main == 0 {
                return Err(corrupt(KEY, &key, "no change has revision 0"));
            }
            if rev <= last {
                return Err(corrupt(KEY, &key, "its revision is there twice"));
            }
            last = rev;
            // A copy of its own, or each living value would hold on to a whole page.
            let kv = record::decode(Bytes::copy_from_slice(&value))
                .filter(|kv| (0..=NUMBER_MAX).contains(&kv.version))
                .ok_or_else(|| corrupt(KEY, &key, "its value is no KeyValue"))?;
            let entry = match self.index.get_mut(&kv.key) {
                Some(entry) => entry,
                None => self.index.insert(Bytes::copy_from_slice(&kv.key)),
            };
            entry.push(rev, tombstone);
            entry.live = (!tombstone).then_some(kv);
        }
        self.revision = last.main.max(1);
        let (sum, leases) = (&mut self.sum, &mut self.leases);
        self.index.for_each(|entry| {
            let Some(kv) = &mut entry.live else { return };
            kv.key = entry.key.clone();
            entry.hash = pair_hash(kv);
            *sum = sum.wrapping_add(entry.hash);
            leases.attach(kv.lease, &entry.key);
        });
        Ok(())
    }

    /// The revision of the last transaction that changed something; 1 in a fresh store.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The revision of the last compaction; -1 when there never was one.
    pub fn compacted(&self) -> i64 {
        self.compacted
    }

    /// Sets a value of a bucket other than `key`, in the same file transaction as the data.
    pub fn set(&mut self, bucket: &'static str, key: Bytes, value: Bytes) {
        assert_ne!(bucket, KEY, "revisions are written by puts and deletes only");
        self.backend.set(bucket, key, Some(value));
    }

    /// Removes a value of a bucket other than `key`.
    pub fn unset(&mut self, bucket: &'static str, key: Bytes) {
        assert_ne!(bucket, KEY, "revisions are written by puts and deletes only");
        self.backend.set(bucket, key, None);
    }

    /// A value of a bucket other than `key`, committed or not.
    pub fn get(&self, bucket: &str, key: &[u8]) -> Option<Bytes> {
        self.backend.get(bucket, key)
    }

    /// Everything in a bucket other than `key`, committed or not, ascending.
    pub fn iter(&self, bucket: &str) -> Vec<(Bytes, Bytes)> {
        self.backend.iter(bucket)
    }

    /// Puts and deletes since the last commit: etcd commits every 10,000 or 100 ms.
    pub fn pending_ops(&self) -> u64 {
        self.backend.pending_ops()
    }

    /// Writes what happened since the last commit into pages. A commit without changes is one too:
    /// it writes a meta page.
    pub fn commit(&mut self) -> bolt::Commit {
        self.backend.commit()
    }

    /// The pages ever used, in bytes (etcd's `dbSize`), as of the last commit.
    pub fn size_bytes(&self) -> u64 {
        self.backend.db().size_bytes()
    }

    /// The pages in use, in bytes (etcd's `dbSizeInUse`), as of the last commit.
    pub fn in_use_bytes(&self) -> u64 {
        self.backend.db().in_use_bytes()
    }

    /// A shared copy of the file as of the last commit. A snapshot commits first, and writes what
    /// that answers.
    pub fn image(&self) -> bolt::Image {
        self.backend.db().image()
    }

    /// The file as a commit would leave it now. The store stays as it is: this is for somebody
    /// who looks on.
    pub fn image_now(&self) -> bolt::Image {
        let mut copy = self.backend.clone();
        drop(copy.commit());
        copy.db().image()
    }

    /// Copies everything, committed or not, into a fresh file, which takes the place of the old.
    /// The commit holds all of the new file.
    pub fn defrag(&mut self) -> bolt::Commit {
        // The old file goes away: nobody needs these pages on a disk.
        let _replaced = self.backend.commit();
        self.backend.defrag()
    }

    /// The newest changes that are still stored, newest first: revision, pair, whether it is a
    /// tombstone (then the pair is only a key). For the picture.
    pub fn history(&self, newest: usize) -> Vec<(Revision, KeyValue, bool)> {
        // Every revision above the compacted one has a record, so this many back are enough
        // unless compaction thinned them out; then twice as far is tried.
        let mut back = i64::try_from(newest).unwrap_or(i64::MAX).max(1);
        loop {
            let main = self.revision.saturating_sub(back - 1).max(0);
            let mut found: Vec<_> = self
                .backend
                .scan(Revision { main, sub: 0 })
                .map(|stored| {
                    let kv = record::decode(stored.value).expect("opening the store decoded it");
                    (stored.rev, kv, stored.tombstone)
                })
                .collect();
            if found.len() >= newest || main == 0 {
                found.reverse();
                found.truncate(newest);
                return found;
            }
            back = back.saturating_mul(2);
        }
    }
}

fn corrupt(bucket: &str, key: &[u8], what: &str) -> Error {
    Error::Corrupt(format!("bucket {bucket}, key {}: {what}", key.escape_ascii()))
}
