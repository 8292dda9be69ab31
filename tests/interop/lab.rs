//! The lab's side: a world typed into, and what a file says, read by our own crates.

use bytes::Bytes;
use lab::session::Session;
use lab::typist::{Outcome, Typist};
use lab::worlds;
use mvcc::pb::RangeRequest;
use sha2::{Digest, Sha256};

/// Bytes of the checksum behind a snapshot.
const SUM_LEN: usize = 32;

/// A world with somebody at `n1`.
pub(crate) fn world(members: u8, seed: u64) -> Typist {
    world_named("cluster", members, seed)
}

/// The same in another world.
pub(crate) fn world_named(name: &str, members: u8, seed: u64) -> Typist {
    let options = worlds::options(name, members, "3.5", seed).unwrap();
    let mut session = Session::new(options).unwrap();
    session.settle_in().unwrap();
    Typist::new(session, "n1", 60_000_000)
}

/// Types a command.
pub(crate) fn typed(typist: &mut Typist, command: &str) -> Outcome {
    typist.run(command, &mut |_, _| {}).unwrap()
}

/// Types a command that must succeed; gives what it printed.
pub(crate) fn said(typist: &mut Typist, command: &str) -> String {
    let outcome = typed(typist, command);
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    assert_eq!(outcome.exit, 0, "{command}: {stderr}");
    String::from_utf8(outcome.stdout).unwrap()
}

/// A pair with all that etcd says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) create: i64,
    pub(crate) modified: i64,
    pub(crate) version: i64,
    pub(crate) lease: i64,
}

/// A lease: id, granted time to live, keys.
pub(crate) type Lease = (i64, i64, Vec<Vec<u8>>);

/// A snapshot opened by our own crates.
pub(crate) struct File {
    store: mvcc::Store,
}

impl File {
    /// Checks the checksum, then opens.
    pub(crate) fn open(bytes: &[u8]) -> File {
        let (file, sum) = bytes.split_at(bytes.len() - SUM_LEN);
        assert_eq!(Sha256::digest(file)[..], *sum, "the checksum of the snapshot");
        let file = bolt::FileBytes(Bytes::copy_from_slice(file));
        assert_eq!(bolt::check(&file), [], "pages of the snapshot");
        let db = bolt::Db::open(&file).unwrap();
        File { store: mvcc::Store::open(db).unwrap() }
    }

    pub(crate) fn revision(&self) -> i64 {
        self.store.revision()
    }

    /// The hash at the newest revision, and the compacted revision.
    pub(crate) fn hash(&self) -> (u32, i64) {
        let hash = self.store.hash_kv(0).unwrap();
        (hash.hash, hash.compact_revision)
    }

    pub(crate) fn compacted(&self) -> i64 {
        self.store.compacted()
    }

    /// Every pair at a revision; 0 is the newest.
    pub(crate) fn rows(&self, revision: i64) -> Vec<Row> {
        let all = Bytes::from_static(b"\0");
        let request =
            RangeRequest { key: all.clone(), range_end: all, revision, ..Default::default() };
        let found = self.store.range(&request).unwrap();
        let row = |kv: mvcc::pb::KeyValue| Row {
            key: kv.key.to_vec(),
            value: kv.value.to_vec(),
            create: kv.create_revision,
            modified: kv.mod_revision,
            version: kv.version,
            lease: kv.lease,
        };
        found.kvs.into_iter().map(row).collect()
    }

    pub(crate) fn leases(&self) -> Vec<Lease> {
        let info = |id| {
            let info = self.store.lease_info(id, 0).unwrap();
            (id, info.granted_ttl_s, info.keys.iter().map(|key| key.to_vec()).collect())
        };
        let mut ids = self.store.lease_list();
        ids.sort_unstable();
        ids.into_iter().map(info).collect()
    }

    /// The bucket of a name, as it is stored.
    pub(crate) fn bucket(&self, name: &str) -> Vec<(Bytes, Bytes)> {
        self.store.iter(name)
    }
}
