//! Puts, deletes and ranges, rule by rule.

use bytes::Bytes;
use mvcc::pb::{RangeRequest, SortOrder, SortTarget};
use mvcc::{BUCKETS, Error, Store, validate_delete, validate_put, validate_range};

use crate::{all, delete, put, range, reopen, show};

#[test]
fn every_error_speaks_as_etcd_does() {
    let table = [
        (Error::Compacted, "etcdserver: mvcc: required revision has been compacted"),
        (Error::FutureRevision, "etcdserver: mvcc: required revision is a future revision"),
        (Error::LeaseNotFound, "etcdserver: requested lease not found"),
        (Error::LeaseExists, "etcdserver: lease already exists"),
        (Error::LeaseTtlTooLarge, "etcdserver: too large lease TTL"),
        (Error::KeyNotFound, "etcdserver: key not found"),
        (Error::EmptyKey, "etcdserver: key is not provided"),
        (Error::ValueProvided, "etcdserver: value is provided"),
        (Error::LeaseProvided, "etcdserver: lease is provided"),
        (Error::TooManyOps, "etcdserver: too many operations in txn request"),
        (Error::DuplicateKey, "etcdserver: duplicate key given in txn request"),
        (Error::InvalidSortOption, "etcdserver: invalid sort option"),
        (Error::EmptyWatchRange, "mvcc: watcher range is empty"),
        (Error::DuplicateWatchId, "mvcc: duplicate watch ID provided on the WatchStream"),
        (Error::WatcherNotFound, "mvcc: watcher does not exist"),
    ];
    for (error, text) in table {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_life_has_versions_and_a_delete_ends_it() {
    let (mut store, _) = Store::create();
    assert_eq!((store.revision(), store.compacted()), (1, -1));
    let steps = [
        ("put 1", "a=1@2/2/1"),
        ("put 2", "a=2@2/3/2"),
        ("del", ""),
        ("del", ""),
        ("put 3", "a=3@5/5/1"),
        ("put 3", "a=3@5/6/2"),
    ];
    for (step, want) in steps {
        match step.split_once(' ') {
            Some((_, value)) => drop(store.put(&put("a", value)).unwrap()),
            None => drop(store.delete_range(&delete("a", "")).unwrap()),
        }
        assert_eq!(all(&store), want, "after {step}");
    }
    assert_eq!(store.revision(), 6, "a delete of nothing makes no revision");
    let past = [(2, "a=1@2/2/1"), (3, "a=2@2/3/2"), (4, ""), (5, "a=3@5/5/1")];
    for reopened in [false, true] {
        for (revision, want) in past {
            let request = RangeRequest { revision, ..range("a", "") };
            assert_eq!(show(&store.range(&request).unwrap().kvs), want, "at {revision}");
        }
        if !reopened {
            drop(store.commit());
            store = reopen(&store);
        }
    }
    let future = RangeRequest { revision: 7, ..range("a", "") };
    assert_eq!(store.range(&future), Err(Error::FutureRevision));
}

#[test]
fn puts_that_keep_a_part() {
    let (mut store, _) = Store::create();
    let keep_value = mvcc::pb::PutRequest { ignore_value: true, ..put("a", "") };
    let keep_lease = mvcc::pb::PutRequest { ignore_lease: true, ..put("a", "new") };
    assert_eq!(store.put(&keep_value), Err(Error::KeyNotFound));
    assert_eq!(store.put(&keep_lease), Err(Error::KeyNotFound));
    let mut leased = put("a", "old");
    leased.lease = 7;
    assert_eq!(store.put(&leased), Err(Error::LeaseNotFound));
    assert_eq!(store.revision(), 1, "what fails changes nothing");
    store.lease_grant(7, 60, 0).unwrap();
    store.put(&leased).unwrap();
    store.put(&keep_lease).unwrap();
    let kv = &store.range(&range("a", "")).unwrap().kvs[0];
    assert_eq!((kv.value.as_ref(), kv.lease), (&b"new"[..], 7));
    let previous = store.put(&mvcc::pb::PutRequest { prev_kv: true, ..keep_value }).unwrap();
    assert_eq!(previous.prev_kv.unwrap().lease, 7);
    let kv = &store.range(&range("a", "")).unwrap().kvs[0];
    assert_eq!((kv.value.as_ref(), kv.lease), (&b"new"[..], 0), "a put without lease detaches");
}

#[test]
fn deletes_of_ranges() {
    let table = [
        ("b", "", 1, "a ba c"),
        ("b", "c", 2, "a c"),
        ("b", "\0", 3, "a"),
        ("\0", "\0", 4, ""),
        ("c", "a", 0, "a b ba c"),
        ("x", "", 0, "a b ba c"),
    ];
    for (key, end, deleted, left) in table {
        let (mut store, _) = Store::create();
        for name in ["a", "b", "ba", "c"] {
            store.put(&put(name, "v")).unwrap();
        }
        let mut request = delete(key, end);
        request.prev_kv = true;
        let response = store.delete_range(&request).unwrap();
        assert_eq!(response.deleted, deleted, "{key:?} {end:?}");
        assert_eq!(response.prev_kvs.len() as i64, deleted);
        let keys: Vec<String> = store
            .range(&range("\0", "\0"))
            .unwrap()
            .kvs
            .iter()
            .map(|kv| kv.key.escape_ascii().to_string())
            .collect();
        assert_eq!(keys.join(" "), left, "{key:?} {end:?}");
        assert_eq!(store.revision(), 5 + i64::from(deleted > 0), "all of it is one revision");
    }
}

/// a created first with the highest version, d last; values against the order of keys.
fn sortable() -> Store {
    let (mut store, _) = Store::create();
    for (key, value) in [("b", "3"), ("a", "4"), ("c", "2"), ("d", "1"), ("a", "4"), ("c", "2")] {
        store.put(&put(key, value)).unwrap();
    }
    store
}

#[test]
fn sorting_limits_and_counts() {
    use SortOrder::{Ascend, Descend, None};
    use SortTarget::{Create, Key, Mod, Value, Version};
    let table = [
        (None, Key, 0, "abcd", false),
        (Ascend, Key, 0, "abcd", false),
        (Descend, Key, 0, "dcba", false),
        (Descend, Key, 2, "dc", true),
        (Ascend, Create, 0, "bacd", false),
        (None, Create, 0, "bacd", false),
        (Descend, Create, 3, "dca", true),
        (Ascend, Mod, 0, "bdac", false),
        (Ascend, Version, 0, "bdac", false),
        (Descend, Version, 0, "acbd", false),
        (Ascend, Value, 0, "dcba", false),
        (None, Key, 4, "abcd", false),
        (None, Key, 3, "abc", true),
        (None, Key, -1, "abcd", false),
        // etcd's own quirk: without an order the limit cuts (at one more) before the sort.
        (None, Value, 2, "cb", true),
        (None, Value, 1, "b", true),
    ];
    for (order, target, limit, want, more) in table {
        let request = RangeRequest {
            sort_order: order.into(),
            sort_target: target.into(),
            limit,
            ..range("\0", "\0")
        };
        let response = sortable().range(&request).unwrap();
        let keys: Vec<u8> = response.kvs.iter().map(|kv| kv.key[0]).collect();
        let case = format!("{order:?} {target:?} {limit}");
        assert_eq!(String::from_utf8(keys).unwrap(), want, "{case}");
        assert_eq!((response.more, response.count), (more, 4), "{case}");
    }
}

#[test]
fn filters_count_and_keys_only() {
    let store = sortable();
    // a 3/6, b 2/2, c 4/7, d 5/5 (create/mod).
    let table = [
        ((0, 0, 0, 0), "abcd"),
        ((6, 0, 0, 0), "ac"),
        ((0, 5, 0, 0), "bd"),
        ((0, 0, 4, 0), "cd"),
        ((0, 0, 0, 3), "ab"),
        ((3, 6, 4, 5), "d"),
        ((8, 0, 0, 0), ""),
    ];
    for ((min_mod, max_mod, min_create, max_create), want) in table {
        let request = RangeRequest {
            min_mod_revision: min_mod,
            max_mod_revision: max_mod,
            min_create_revision: min_create,
            max_create_revision: max_create,
            ..range("\0", "\0")
        };
        let response = store.range(&request).unwrap();
        let keys: Vec<u8> = response.kvs.iter().map(|kv| kv.key[0]).collect();
        assert_eq!(String::from_utf8(keys).unwrap(), want);
        assert_eq!(response.count, 4, "the count comes before the filters");
    }
    let limited = RangeRequest { max_mod_revision: 6, limit: 2, ..range("\0", "\0") };
    let response = store.range(&limited).unwrap();
    assert_eq!((response.kvs.len(), response.more), (2, true), "a limit comes after the filters");
    let counted = store.range(&RangeRequest { count_only: true, limit: 1, ..range("b", "d") });
    let counted = counted.unwrap();
    assert_eq!((counted.kvs.len(), counted.count, counted.more), (0, 2, false));
    let names = store.range(&RangeRequest { keys_only: true, ..range("a", "") }).unwrap();
    assert_eq!(show(&names.kvs), "a=@3/6/2");
}

#[test]
fn what_the_api_refuses() {
    assert_eq!(validate_range(&range("", "\0")), Err(Error::EmptyKey));
    assert_eq!(validate_range(&range("a", "")), Ok(()));
    for (sort_order, sort_target) in [(3, 0), (-1, 0), (0, 5), (0, -1)] {
        let request = RangeRequest { sort_order, sort_target, ..range("a", "") };
        assert_eq!(validate_range(&request), Err(Error::InvalidSortOption));
    }
    assert_eq!(validate_delete(&delete("", "a")), Err(Error::EmptyKey));
    assert_eq!(validate_delete(&delete("a", "")), Ok(()));
    assert_eq!(validate_put(&put("", "v")), Err(Error::EmptyKey));
    assert_eq!(validate_put(&put("a", "")), Ok(()));
    let mut request = put("a", "v");
    request.ignore_value = true;
    assert_eq!(validate_put(&request), Err(Error::ValueProvided));
    let mut request = put("a", "v");
    (request.ignore_lease, request.lease) = (true, 1);
    assert_eq!(validate_put(&request), Err(Error::LeaseProvided));
}

#[test]
fn the_other_buckets_share_the_commit() {
    let (mut store, first) = Store::create();
    assert!(!first.pages.is_empty());
    let names: Vec<Bytes> = store.image().open().unwrap().bucket_names();
    assert_eq!(names, BUCKETS.map(Bytes::from));
    let (one, two) = (Bytes::from_static(b"1"), Bytes::from_static(b"2"));
    store.set("members", one.clone(), one.clone());
    store.set("members", two.clone(), two.clone());
    assert_eq!(store.pending_ops(), 2);
    drop(store.commit());
    assert_eq!(store.pending_ops(), 0);
    store.unset("members", one.clone());
    store.set("members", two.clone(), one.clone());
    store.put(&put("a", "v")).unwrap();
    assert_eq!(store.get("members", b"1"), None);
    assert_eq!(store.iter("members"), [(two.clone(), one.clone())]);
    let before = reopen(&store);
    assert_eq!(before.iter("members"), [(one.clone(), one.clone()), (two.clone(), two)]);
    assert_eq!(before.revision(), 1);
    drop(store.commit());
    let after = reopen(&store);
    assert_eq!((after.get("members", b"2"), after.revision()), (Some(one), 2));
}

#[test]
fn defragmenting_keeps_everything_in_less() {
    let (mut store, _) = Store::create();
    for number in 0..2000 {
        store.put(&put(&format!("{}", number % 10), &"v".repeat(200))).unwrap();
        if number % 100 == 0 {
            drop(store.commit());
        }
    }
    crate::compact(&mut store, 2001);
    let (hash, running) = (store.hash_kv(0), store.running_hash());
    drop(store.commit());
    let before = store.size_bytes();
    store.put(&put("late", "v")).unwrap();
    let (late, late_running) = (store.hash_kv(0), store.running_hash());
    assert_ne!((hash, running), (late.clone(), late_running));
    let commit = store.defrag();
    assert!(store.size_bytes() < before / 4, "{} of {before}", store.size_bytes());
    assert_eq!(commit.size_bytes, store.size_bytes());
    assert_eq!((store.hash_kv(0), store.running_hash()), (late.clone(), late_running));
    let reopened = reopen(&store);
    assert_eq!((reopened.hash_kv(0), reopened.running_hash()), (late, late_running));
}

#[test]
fn files_that_no_etcd_wrote_are_refused() {
    type Pair = (&'static [u8], &'static [u8]);
    let put = |key: &'static [u8], value: &'static [u8]| (key, value);
    let good = b"\0\0\0\0\0\0\0\x02_\0\0\0\0\0\0\0\0";
    let twice = b"\0\0\0\0\0\0\0\x02_\0\0\0\0\0\0\0\0t";
    let table: [(&str, &[Pair]); 4] = [
        ("key", &[put(b"short", b"")]),
        ("key", &[put(good, b"\x0a\xff")]),
        ("key", &[put(good, b"\x0a\x01a"), put(twice, b"\x0a\x01a")]),
        ("lease", &[put(b"12345678", b"\xff")]),
    ];
    for (bucket, entries) in table {
        let (mut db, _) = bolt::Db::create();
        let mut tx = db.tx();
        tx.create_bucket(bucket.as_bytes());
        for (key, value) in entries {
            tx.put(bucket.as_bytes(), Bytes::from_static(key), Bytes::from_static(value));
        }
        drop(tx.commit());
        let error = Store::open(db).unwrap_err();
        assert!(error.to_string().starts_with(&format!("bucket {bucket}, key ")), "{error}");
    }
}
