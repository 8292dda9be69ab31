//! Watches, rule by rule.

use bytes::Bytes;
use mvcc::pb::{EventType, WatchCreateRequest, WatchFilter};
use mvcc::{Error, PROGRESS_ALL, STREAM_BUFFER, Store, StreamId, WatchBatch, WatcherId};

use crate::{compact, delete, op, put, reopen, then};

const ONE: StreamId = StreamId(1);

fn watch(key: &str, end: &str, start_revision: i64) -> WatchCreateRequest {
    WatchCreateRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        range_end: Bytes::copy_from_slice(end.as_bytes()),
        start_revision,
        ..WatchCreateRequest::default()
    }
}

/// `rev:+key=value(previous)` of each event, `-` for a delete.
fn show(batch: &WatchBatch) -> String {
    let events: Vec<String> = batch
        .events
        .iter()
        .map(|event| {
            let kv = event.kv.as_ref().unwrap();
            let sign = if event.r#type() == EventType::Put { '+' } else { '-' };
            let previous = event.prev_kv.as_ref();
            let previous =
                previous.map_or(String::new(), |kv| format!("({})", kv.value.escape_ascii()));
            let (key, value) = (kv.key.escape_ascii(), kv.value.escape_ascii());
            format!("{}:{sign}{key}={value}{previous}", kv.mod_revision)
        })
        .collect();
    events.join(" ")
}

fn drained(store: &mut Store) -> Vec<String> {
    let batches = store.drain_watch(usize::MAX);
    batches
        .iter()
        .map(|(id, batch)| format!("{}@{} {}", id.watch, batch.revision, show(batch)))
        .collect()
}

/// a=1, a=2, b=1, delete a, then a and b in one transaction: revisions 2 to 6.
fn story() -> Store {
    let (mut store, _) = Store::create();
    for (key, value) in [("a", "1"), ("a", "2"), ("b", "1")] {
        store.put(&put(key, value)).unwrap();
    }
    store.delete_range(&delete("a", "")).unwrap();
    both(&mut store, "3");
    store
}

fn both(store: &mut Store, value: &str) {
    use mvcc::pb::request_op::Request::Put;
    store.txn(&then(vec![op(Put(put("a", value))), op(Put(put("b", value)))])).unwrap();
}

#[test]
fn what_the_watcher_of_each_range_and_start_sees() {
    let table: [(&str, &str, i64, &[&str]); 9] = [
        ("a", "", 0, &["0@7 7:+a=4"]),
        ("a", "", 7, &["0@7 7:+a=4"]),
        ("a", "", 8, &[]),
        ("b", "", 0, &["0@7 7:+b=4"]),
        ("c", "\0", 2, &[]),
        ("a", "", 2, &["0@7 2:+a=1 3:+a=2 5:-a= 6:+a=3 7:+a=4"]),
        ("a", "c", 5, &["0@7 5:-a= 6:+a=3 6:+b=3 7:+a=4 7:+b=4"]),
        ("\0", "\0", 6, &["0@7 6:+a=3 6:+b=3 7:+a=4 7:+b=4"]),
        ("", "", 2, &[]),
    ];
    for (key, end, start, want) in table {
        let mut store = story();
        store.watch_create(ONE, &watch(key, end, start)).unwrap();
        assert_eq!(store.watch_unsynced(), usize::from((1..=6).contains(&start)));
        both(&mut store, "4");
        store.watch_sync();
        assert_eq!(drained(&mut store), want, "{key:?} {end:?} from {start}");
        assert_eq!(store.watch_unsynced(), 0);
    }
}

#[test]
fn previous_pairs_and_filters() {
    let no_put = vec![WatchFilter::NoPut.into()];
    let no_delete = vec![WatchFilter::NoDelete.into()];
    let table: [(bool, Vec<i32>, &[&str]); 4] = [
        (true, vec![], &["0@6 2:+a=1 3:+a=2(1) 5:-a=(2) 6:+a=3", "0@7 7:+a=4(3)", "0@8 8:-a=(4)"]),
        (false, no_put.clone(), &["0@6 5:-a=", "0@8 8:-a="]),
        (true, no_delete.clone(), &["0@6 2:+a=1 3:+a=2(1) 6:+a=3", "0@7 7:+a=4(3)"]),
        (true, [no_put, no_delete].concat(), &[]),
    ];
    for (prev_kv, filters, want) in table {
        let mut store = story();
        let request = WatchCreateRequest { prev_kv, filters, ..watch("a", "", 1) };
        store.watch_create(ONE, &request).unwrap();
        store.watch_sync();
        both(&mut store, "4");
        store.delete_range(&delete("a", "")).unwrap();
        assert_eq!(drained(&mut store), want);
    }
}

/// Two nested transactions may change one key: the pair before is that of the revision before.
#[test]
fn a_key_changed_twice_in_one_revision() {
    use mvcc::pb::request_op::Request::{DeleteRange, Put, Txn};
    for late in [false, true] {
        let mut store = story();
        let request = WatchCreateRequest { prev_kv: true, ..watch("a", "", 7) };
        if !late {
            store.watch_create(ONE, &request).unwrap();
        }
        let nested = [Put(put("a", "x")), DeleteRange(delete("a", ""))];
        let nested = nested.map(|change| op(Txn(then(vec![op(change)]))));
        store.txn(&then(nested.to_vec())).unwrap();
        if late {
            store.watch_create(ONE, &request).unwrap();
            store.watch_sync();
        }
        assert_eq!(drained(&mut store), ["0@7 7:+a=x(3) 7:-a=(3)"], "late: {late}");
    }
}

#[test]
fn a_previous_pair_that_is_compacted_is_left_out() {
    let mut store = story();
    compact(&mut store, 3);
    let request = WatchCreateRequest { prev_kv: true, ..watch("a", "", 3) };
    store.watch_create(ONE, &request).unwrap();
    store.watch_sync();
    assert_eq!(drained(&mut store), ["0@6 3:+a=2 5:-a=(2) 6:+a=3"]);
}

#[test]
fn ids_and_refusals() {
    let mut store = story();
    let mut create = |watch_id: i64, request: WatchCreateRequest| {
        let request = WatchCreateRequest { watch_id, ..request };
        store.watch_create(ONE, &request).map(|id| id.watch)
    };
    assert_eq!(create(0, watch("a", "", 0)), Ok(0));
    assert_eq!(create(2, watch("a", "", 0)), Ok(2));
    assert_eq!(create(0, watch("a", "", 0)), Ok(1));
    assert_eq!(create(0, watch("a", "", 0)), Ok(3));
    assert_eq!(create(2, watch("a", "", 0)), Err(Error::DuplicateWatchId));
    assert_eq!(create(0, watch("b", "a", 0)), Err(Error::EmptyWatchRange));
    assert_eq!(create(0, watch("b", "b", 0)), Err(Error::EmptyWatchRange));
    assert_eq!(create(0, watch("a", "", -1)), Err(Error::Compacted));
    let id = |watch| WatcherId { stream: ONE, watch };
    assert_eq!(store.watch_cancel(id(2)), Ok(()));
    assert_eq!(store.watch_cancel(id(2)), Err(Error::WatcherNotFound));
    let elsewhere = WatcherId { stream: StreamId(2), watch: 0 };
    assert_eq!(store.watch_cancel(elsewhere), Err(Error::WatcherNotFound));
    both(&mut store, "4");
    assert_eq!(store.watch_cancel(id(3)), Ok(()));
    assert_eq!(drained(&mut store), ["0@7 7:+a=4", "1@7 7:+a=4"], "none for cancelled ones");
    store.watch_close(ONE);
    both(&mut store, "5");
    assert_eq!((drained(&mut store), store.watch_count()), (vec![], 0));
}

#[test]
fn a_start_below_the_compacted_revision_is_cancelled() {
    let mut store = story();
    store.watch_create(ONE, &watch("a", "", 3)).unwrap();
    store.watch_create(ONE, &watch("a", "", 4)).unwrap();
    store.watch_create(ONE, &watch("a", "", 0)).unwrap();
    compact(&mut store, 4);
    store.watch_sync();
    let batches = store.drain_watch(9);
    let cancelled = WatchBatch { compacted: 4, ..WatchBatch::default() };
    assert_eq!(batches[0], (WatcherId { stream: ONE, watch: 0 }, cancelled));
    assert_eq!(show(&batches[1].1), "5:-a= 6:+a=3", "the compacted revision itself is fine");
    assert_eq!(batches.len(), 2);
    assert_eq!(store.watch_count(), 2);
    assert!(!store.watch_progress_all(ONE), "until the client cancels it");
    assert_eq!(store.watch_cancel(WatcherId { stream: ONE, watch: 0 }), Ok(()));
    assert!(store.watch_progress_all(ONE));
}

#[test]
fn progress_is_for_those_who_have_seen_everything() {
    let mut store = story();
    let id = store.watch_create(ONE, &watch("a", "", 0)).unwrap();
    assert!(store.watch_progress(id));
    assert!(store.watch_progress_all(ONE));
    let notes = store.drain_watch(9);
    let note = WatchBatch { revision: 6, ..WatchBatch::default() };
    let all = WatcherId { stream: ONE, watch: PROGRESS_ALL };
    assert_eq!(notes, [(id, note.clone()), (all, note)]);
    let late = store.watch_create(ONE, &watch("a", "", 2)).unwrap();
    assert!(!store.watch_progress(late));
    assert!(!store.watch_progress_all(ONE));
    store.watch_sync();
    assert!(store.watch_progress(late));
    assert!(store.watch_progress_all(ONE));
    let future = store.watch_create(ONE, &watch("a", "", 99)).unwrap();
    assert!(!store.watch_progress(future), "it starts later");
    assert!(!store.watch_progress_all(ONE));
    assert!(!store.watch_progress(WatcherId { stream: StreamId(7), watch: 0 }));
}

#[test]
fn history_comes_a_thousand_revisions_at_a_time() {
    let (mut store, _) = Store::create();
    for number in 0..1500 {
        both(&mut store, &number.to_string());
    }
    drop(store.commit());
    for number in 1500..2500 {
        both(&mut store, &number.to_string());
    }
    store.watch_create(ONE, &watch("\0", "\0", 1)).unwrap();
    let mut events = Vec::new();
    for _ in 0..3 {
        assert_eq!(store.watch_unsynced(), 1);
        assert!(!store.watch_sync(), "no watcher finished, or none is left");
        for (_, batch) in store.drain_watch(9) {
            events.push(batch.events.len());
        }
    }
    assert_eq!(events, [2000, 2000, 1000]);
    assert_eq!(store.watch_unsynced(), 0);
}

#[test]
fn a_round_serves_512_watchers() {
    let mut store = story();
    for _ in 0..600 {
        store.watch_create(ONE, &watch("b", "", 1)).unwrap();
    }
    assert!(store.watch_sync(), "more at once");
    assert_eq!(store.watch_unsynced(), 600 - 512);
    assert!(!store.watch_sync());
    assert_eq!(store.watch_unsynced(), 0);
    assert_eq!(store.drain_watch(usize::MAX).len(), 600, "all of them got theirs, slowly or not");
}

#[test]
fn a_slow_client_bounds_the_memory_and_misses_nothing() {
    let (mut store, _) = Store::create();
    store.watch_create(ONE, &watch("a", "", 0)).unwrap();
    store.watch_create(StreamId(2), &watch("a", "", 0)).unwrap();
    let mut fast = 0;
    for number in 0..3000 {
        store.put(&put("a", &number.to_string())).unwrap();
        fast += store.drain_stream(StreamId(2), 9).len();
    }
    assert_eq!(fast, 3000);
    let mut seen = Vec::new();
    let mut batches = 0;
    loop {
        let drained = store.drain_stream(ONE, 1);
        let Some((_, batch)) = drained.first() else {
            if store.watch_unsynced() == 0 {
                break;
            }
            store.watch_sync();
            continue;
        };
        batches += 1;
        seen.extend(batch.events.iter().map(|event| event.kv.as_ref().unwrap().mod_revision));
    }
    assert_eq!(seen, (2..=3001).collect::<Vec<_>>());
    assert_eq!(batches, STREAM_BUFFER + 1 + 3, "buffer, victim, three batches of history");
}

#[test]
fn watchers_outlive_a_snapshot() {
    let mut ahead = story();
    let (mut behind, _) = Store::create();
    behind.put(&put("a", "1")).unwrap();
    behind.watch_create(ONE, &watch("a", "", 0)).unwrap();
    behind.watch_create(ONE, &watch("a", "", 99)).unwrap();
    behind.put(&put("a", "2")).unwrap();
    assert_eq!(drained(&mut behind), ["0@3 3:+a=2"]);
    drop(ahead.commit());
    behind.restore(ahead.image().open().unwrap()).unwrap();
    assert_eq!((behind.revision(), behind.running_hash()), (6, ahead.running_hash()));
    behind.watch_sync();
    assert_eq!(drained(&mut behind), ["0@6 5:-a= 6:+a=3"]);
    both(&mut behind, "4");
    assert_eq!(drained(&mut behind), ["0@7 7:+a=4"], "the future one still waits");
}

#[test]
fn revokes_are_watched_too() {
    let (mut store, _) = Store::create();
    store.lease_grant(1, 60, 0).unwrap();
    for key in ["b", "a"] {
        let mut request = put(key, "v");
        request.lease = 1;
        store.put(&request).unwrap();
    }
    store.watch_create(ONE, &watch("\0", "\0", 0)).unwrap();
    store.lease_revoke(1).unwrap();
    assert_eq!(drained(&mut store), ["0@4 4:-a= 4:-b="]);
    drop(store.commit());
    let mut store = reopen(&store);
    store.watch_create(ONE, &watch("\0", "\0", 4)).unwrap();
    store.watch_sync();
    assert_eq!(drained(&mut store), ["0@4 4:-a= 4:-b="]);
}
