//! How fast the store is on this machine: `cargo run --release -p mvcc --example speed`.
//!
//! Not a test: nothing depends on what it prints.

#![expect(clippy::disallowed_types, reason = "it measures wall time")]

use std::time::Instant;

use bytes::Bytes;
use mvcc::pb::{PutRequest, RangeRequest, WatchCreateRequest};
use mvcc::{Store, StreamId};

const ROUNDS: u64 = 10;
const OPS: u64 = 100_000;

fn key(number: u64) -> Bytes {
    Bytes::from(format!("/registry/things/{:08}", number.wrapping_mul(7919) % OPS))
}

/// Prints the best and the mean of several rounds, in nanoseconds an operation.
fn measure(name: &str, mut round: impl FnMut(u64) -> u64) {
    let mut best = u128::MAX;
    let mut sum = 0;
    for at in 0..ROUNDS {
        let start = Instant::now();
        let ops = u128::from(round(at));
        let each = start.elapsed().as_nanos() / ops.max(1);
        best = best.min(each);
        sum += each;
    }
    println!("{name:40} best {best:6} ns   mean {:6} ns", sum / u128::from(ROUNDS));
}

fn puts(store: &mut Store, keys: &[Bytes], value: &[u8], commit_every: u64) -> u64 {
    for key in keys {
        let request = PutRequest {
            key: key.clone(),
            value: Bytes::copy_from_slice(value),
            ..PutRequest::default()
        };
        store.put(&request).expect("a plain put");
        if store.pending_ops() >= commit_every {
            drop(store.commit());
        }
    }
    keys.len() as u64
}

fn main() {
    let value = [7; 256];
    let keys: Vec<Bytes> = (0..OPS).map(key).collect();
    let few: Vec<Bytes> = (0..OPS).map(|number| key(number % 100)).collect();

    measure("put, new keys, no commit", |_| puts(&mut Store::create().0, &keys, &value, u64::MAX));
    let (mut store, _) = Store::create();
    measure("put, 100 keys, no commit", |_| puts(&mut store, &few, &value, u64::MAX));
    let (mut store, _) = Store::create();
    measure("put, 100k keys, commit every 10k", |at| {
        let ops = puts(&mut store, &keys, &value, 10_000);
        if at % 2 == 1 {
            store.compact(store.revision()).expect("newer than the last");
            while store.compact_step() {}
            drop(store.commit());
        }
        ops
    });
    let watch = WatchCreateRequest { range_end: Bytes::from_static(b"\0"), ..Default::default() };
    store.watch_create(StreamId(1), &watch).expect("a plain watch");
    measure("put, one watcher of everything", |_| {
        let mut ops = 0;
        for some in keys.chunks(100) {
            ops += puts(&mut store, some, &value, 10_000);
            store.drain_watch(1000);
        }
        ops
    });
    measure("get of one key", |_| {
        for key in &keys {
            let request = RangeRequest { key: key.clone(), ..RangeRequest::default() };
            assert_eq!(store.range(&request).expect("the present").count, 1);
        }
        OPS
    });
    let all = RangeRequest {
        key: Bytes::from_static(b"\0"),
        range_end: Bytes::from_static(b"\0"),
        ..RangeRequest::default()
    };
    measure("list of everything, per pair", |_| {
        store.range(&all).expect("the present").count as u64
    });
    let then = RangeRequest { revision: store.revision() - 50_000, ..all };
    measure("the same in the past, per pair", |_| store.range(&then).expect("kept").count as u64);
    measure("hash_kv, per record", |_| {
        store.hash_kv(0).expect("the present");
        store.iter("key").len() as u64
    });
    drop(store.commit());
    let image = store.image();
    measure("open, per record", |_| {
        let db = image.open().expect("what was written");
        Store::open(db).expect("what was written").iter("key").len() as u64
    });
}
