//! Compaction: what is refused, what stays, steps, crashes, recorded hashes.

use mvcc::pb::RangeRequest;
use mvcc::{Error, KvHash, Store};

use crate::{compact, delete, put, range, reopen, show};

fn records(store: &Store) -> Vec<String> {
    let all = store.history(usize::MAX);
    all.iter()
        .rev()
        .map(|(rev, kv, gone)| {
            format!("{rev}{}{}", if *gone { "-" } else { "+" }, kv.key.escape_ascii())
        })
        .collect()
}

#[test]
fn tombstones_and_old_values_go() {
    let table = [
        (2, "2_0+a 3_0+b 4_0+a 5_0-b 6_0+b 7_0-a"),
        (3, "2_0+a 3_0+b 4_0+a 5_0-b 6_0+b 7_0-a"),
        (4, "3_0+b 4_0+a 5_0-b 6_0+b 7_0-a"),
        (5, "4_0+a 5_0-b 6_0+b 7_0-a"),
        (6, "4_0+a 6_0+b 7_0-a"),
        (7, "6_0+b 7_0-a"),
    ];
    for (rev, want) in table {
        let (mut store, _) = Store::create();
        for key in ["a", "b", "a"] {
            store.put(&put(key, "v")).unwrap();
        }
        store.delete_range(&delete("b", "")).unwrap();
        store.put(&put("b", "v")).unwrap();
        store.delete_range(&delete("a", "")).unwrap();
        compact(&mut store, rev);
        assert_eq!(records(&store).join(" "), want, "uncommitted, at {rev}");
        drop(store.commit());
        assert_eq!(records(&store).join(" "), want, "at {rev}");
        assert_eq!(records(&reopen(&store)).join(" "), want, "reopened, at {rev}");
    }
    let (mut store, _) = Store::create();
    store.put(&put("a", "v")).unwrap();
    store.delete_range(&delete("a", "")).unwrap();
    store.put(&put("b", "v")).unwrap();
    drop(store.commit());
    compact(&mut store, 3);
    compact(&mut store, 4);
    assert_eq!(records(&store), ["4_0+b"], "a tombstone below the compacted revision goes");
}

#[test]
fn what_is_compacted_cannot_be_read() {
    let (mut store, _) = Store::create();
    for value in ["1", "2", "3"] {
        store.put(&put("a", value)).unwrap();
    }
    let at = |revision| RangeRequest { revision, ..range("a", "") };
    store.compact(3).unwrap();
    for stepped in [false, true] {
        assert_eq!(store.range(&at(2)), Err(Error::Compacted), "at once");
        assert_eq!(show(&store.range(&at(3)).unwrap().kvs), "a=2@2/3/2");
        assert_eq!(store.hash_kv(2), Err(Error::Compacted));
        assert_eq!(store.compaction_finished(3), stepped);
        assert!(!store.compact_step());
    }
    assert_eq!(store.compact(3), Err(Error::Compacted));
    assert_eq!(store.compact(0), Err(Error::Compacted));
    assert_eq!(store.compact(-1), Err(Error::Compacted));
    assert_eq!(store.compact(5), Err(Error::FutureRevision));
    assert_eq!(store.compact(4), Ok(()), "the present can be compacted");
}

/// 2500 revisions of one key.
fn long() -> Store {
    let (mut store, _) = Store::create();
    for number in 0..2500 {
        store.put(&put("k", &number.to_string())).unwrap();
        if number == 1700 {
            drop(store.commit());
        }
    }
    store
}

#[test]
fn steps_look_at_a_thousand_records() {
    let mut store = long();
    store.compact(2501).unwrap();
    let mut left = Vec::new();
    while store.compact_step() {
        left.push(records(&store).len());
    }
    left.push(records(&store).len());
    assert_eq!(left, [1500, 500, 1]);

    let mut store = long();
    store.compact(1001).unwrap();
    assert!(store.compact_step(), "after a full step it looks once more");
    assert!(!store.compaction_finished(1001));
    assert!(!store.compact_step());
    assert_eq!(records(&store).len(), 1501);
}

#[test]
fn a_crash_in_the_middle_is_made_up_for() {
    for steps in 0..3 {
        let mut store = long();
        store.compact(2400).unwrap();
        for _ in 0..steps {
            assert!(store.compact_step());
        }
        drop(store.commit());
        let mut store = reopen(&store);
        assert_eq!(store.compacted(), 2400, "after {steps} steps");
        assert!(!store.compaction_finished(2400));
        while store.compact_step() {}
        assert_eq!(records(&store).len(), 102);
        assert_eq!(store.hashes(), [], "its hash would lack what was gone before");
        drop(store.commit());
        let mut store = reopen(&store);
        assert!(store.compaction_finished(2400));
        assert!(!store.compact_step());
        compact(&mut store, 2450);
        assert_eq!(store.hashes().len(), 1);
    }
}

/// Everything deleted and compacted away: the file's newest record is older than the revision.
#[test]
fn the_revision_never_goes_back() {
    for step in [false, true] {
        let (mut store, _) = Store::create();
        store.put(&put("a", "v")).unwrap();
        store.delete_range(&delete("a", "")).unwrap();
        store.put(&put("a", "v")).unwrap();
        store.put(&put("b", "v")).unwrap();
        store.delete_range(&delete("b", "")).unwrap();
        compact(&mut store, 5);
        store.compact(6).unwrap();
        if step {
            store.compact_step();
        }
        drop(store.commit());
        let store = reopen(&store);
        assert_eq!((store.revision(), store.compacted()), (6, 6));
    }
}

/// Older releases removed the tombstone at the compacted revision too, and may have crashed before
/// they said so.
#[test]
fn a_scheduled_compaction_is_a_revision_that_existed() {
    let (mut db, _) = bolt::Db::create();
    let mut tx = db.tx();
    tx.create_bucket(b"meta");
    let rev = b"\0\0\0\0\0\0\0\x09_\0\0\0\0\0\0\0\0";
    tx.put(b"meta", "scheduledCompactRev".into(), rev.as_slice().into());
    drop(tx.commit());
    let mut store = Store::open(db).unwrap();
    assert_eq!((store.revision(), store.compacted()), (9, 9));
    assert!(!store.compact_step());
    assert_eq!(store.get("meta", b"finishedCompactRev").unwrap(), rev.as_slice());
}

#[test]
fn the_last_ten_compactions_record_their_hash() {
    let (mut store, _) = Store::create();
    let mut asked = Vec::new();
    for number in 0..12 {
        store.put(&put("a", &number.to_string())).unwrap();
        store.put(&put("b", &number.to_string())).unwrap();
        let rev = store.revision();
        asked.push(store.hash_kv(rev).unwrap());
        compact(&mut store, rev);
    }
    assert_eq!(store.hashes().len(), 10);
    for (at, before) in asked.iter().enumerate() {
        let found = store.hash_kv(before.hash_revision);
        match at {
            0 | 1 => assert_eq!(found, Err(Error::Compacted)),
            _ => assert_eq!(found, Ok(KvHash { current: 25, ..*before }), "compaction {at}"),
        }
    }
    store.put(&put("a", "late")).unwrap();
    let (early, late) = (store.revision() - 1, store.revision());
    store.compact(early).unwrap_err();
    store.compact(late).unwrap();
    store.put(&put("a", "later")).unwrap();
    store.compact(late + 1).unwrap();
    while store.compact_step() {}
    let recorded: Vec<i64> = store.hashes().iter().map(|hash| hash.hash_revision).collect();
    assert!(recorded.contains(&late));
    assert!(!recorded.contains(&(late + 1)), "the one before it was still going on");
}
