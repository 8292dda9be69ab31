//! What real etcds said.

use bytes::Bytes;
use mvcc::{Error, Store};

use crate::{compact, delete, put, range};

/// A fresh store always has this hash: CRC-32C of `key`.
#[test]
fn a_fresh_store_hashes_as_every_fresh_etcd() {
    let (store, _) = Store::create();
    for rev in [0, 1] {
        let hash = store.hash_kv(rev).unwrap();
        assert_eq!((hash.hash, hash.compact_revision, hash.hash_revision), (1_084_519_789, -1, 1));
    }
}

/// Recorded from etcd 3.6.14: ten puts, a put, a delete, compactions at 5, 8, 9 and 10.
#[test]
fn hashes_of_a_recorded_session() {
    let (mut store, _) = Store::create();
    for i in 1..=10 {
        store.put(&put(&format!("key{i}"), &format!("value{i}"))).unwrap();
    }
    store.put(&put("key1", "again")).unwrap();
    assert_eq!(store.delete_range(&delete("key2", "")).unwrap().deleted, 1);
    compact(&mut store, 5);
    for rev in [5, 4, 0, -1] {
        assert_eq!(store.compact(rev), Err(Error::Compacted), "{rev}");
    }
    assert_eq!(store.compact(9999), Err(Error::FutureRevision));
    for rev in [8, 9, 10] {
        compact(&mut store, rev);
    }
    let table =
        [(0, 3_392_377_947, 10, 13), (11, 1_610_233_720, 10, 11), (10, 2_298_366_474, 9, 10)];
    for (rev, hash, compact_revision, hash_revision) in table {
        let found = store.hash_kv(rev).unwrap();
        assert_eq!(found.hash, hash, "at {rev}");
        assert_eq!(found.compact_revision, compact_revision, "at {rev}");
        assert_eq!((found.hash_revision, found.current), (hash_revision, 13), "at {rev}");
    }
    assert_eq!(store.hash_kv(3), Err(Error::Compacted));
    assert_eq!(store.hash_kv(9999), Err(Error::FutureRevision));
}

/// A snapshot that etcd 3.5.1 saved after random puts, deletes, transactions, leases and two
/// compactions, and what it said of it.
#[test]
fn a_snapshot_of_etcd_reads_as_etcd_read_it() {
    const SNAPSHOT: &[u8] = include_bytes!("../data/etcd-3.5.1.db");
    const SHA_LEN: usize = 32;
    let file = bolt::FileBytes(Bytes::from_static(&SNAPSHOT[..SNAPSHOT.len() - SHA_LEN]));
    let store = Store::open(bolt::Db::open(&file).unwrap()).unwrap();
    let mut at = 0;
    let mut left = Vec::new();
    let mut seen = 0;
    for line in include_str!("../data/etcd-3.5.1.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: usize| words[word].parse::<i64>().unwrap();
        seen += 1;
        match words[0] {
            "hash" => {
                let hash = store.hash_kv(number(1)).unwrap();
                let found = (i64::from(hash.hash), hash.compact_revision);
                assert_eq!(found, (number(2), number(3)), "{line}");
            }
            "at" => {
                assert_eq!(left, [], "pairs of {at}");
                at = number(1);
                let mut request = range("\0", "\0");
                request.revision = at;
                let found = store.range(&request).unwrap();
                assert_eq!(found.count, number(2), "{line}");
                left = found.kvs;
            }
            "pair" => {
                let kv = left.remove(0);
                let found = format!(
                    "pair {} {} {} {} {:x} {}",
                    kv.key.escape_ascii(),
                    kv.create_revision,
                    kv.mod_revision,
                    kv.version,
                    kv.lease,
                    kv.value.escape_ascii()
                );
                assert_eq!(found, line, "at {at}");
            }
            "lease" => {
                let lease =
                    store.lease_info(i64::from_str_radix(words[1], 16).unwrap(), 0).unwrap();
                let keys: Vec<_> =
                    lease.keys.iter().map(|key| key.escape_ascii().to_string()).collect();
                assert_eq!((lease.granted_ttl_s, keys.join(",")), (number(2), words[3].into()));
            }
            "#" => seen -= 1,
            _ => panic!("unknown line {line}"),
        }
    }
    assert_eq!(left, []);
    assert_eq!(seen, 169);
}
