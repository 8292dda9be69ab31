//! The store by criterion, under the names of etcd's own Go benchmarks, so that the two tables
//! can be laid side by side. As there, keys and values are of 64 bytes unless a name says more.
//!
//! etcd's index and lessor are types of their own; here they are reached through the store, so
//! `IndexPut` is a put that stays in memory and `IndexGet` a range without values.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group, criterion_main};
use mvcc::pb::{PutRequest, RangeRequest, RequestOp, TxnRequest, WatchCreateRequest, request_op};
use mvcc::{Store, StreamId};

/// etcd commits its batch at this many operations, or after 100 ms.
const BATCH_OPS: u64 = 10_000;
const STREAM: StreamId = StreamId(1);

/// A key of 64 bytes; the numbers are strewn, as random keys are.
fn key(number: u64) -> Bytes {
    Bytes::from(format!("{:064}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn put(store: &mut Store, key: Bytes, value: &Bytes, lease: i64) {
    let value = value.clone();
    let request = PutRequest { key, value, lease, ..PutRequest::default() };
    store.put(&request).expect("a plain put");
    if store.pending_ops() >= BATCH_OPS {
        drop(store.commit());
    }
}

fn put_txn(store: &mut Store, key: Bytes, value: &Bytes) {
    let value = value.clone();
    let put = request_op::Request::Put(PutRequest { key, value, ..PutRequest::default() });
    let success = vec![RequestOp { request: Some(put) }];
    store.txn(&TxnRequest { success, ..TxnRequest::default() }).expect("a plain transaction");
    if store.pending_ops() >= BATCH_OPS {
        drop(store.commit());
    }
}

fn value(len: usize) -> Bytes {
    Bytes::from(vec![7; len])
}

/// A store of this many keys, each put this often, all of it in the file.
fn filled(keys: u64, revisions: u64) -> Store {
    let (mut store, _) = Store::create();
    let value = value(64);
    for number in (0..revisions).flat_map(|_| 0..keys) {
        put(&mut store, key(number), &value, 0);
    }
    drop(store.commit());
    store
}

/// Watches everything, this many times, from this revision on.
fn watch(store: &mut Store, watchers: u64, start_revision: i64) {
    let all = Bytes::from_static(b"\0");
    let request = WatchCreateRequest {
        key: all.clone(),
        range_end: all,
        start_revision,
        ..WatchCreateRequest::default()
    };
    for _ in 0..watchers {
        store.watch_create(STREAM, &request).expect("a plain watch");
    }
}

/// Puts of ever new keys; `each` is what follows every put.
fn puts(bencher: &mut Bencher<'_>, mut store: Store, len: usize, each: fn(&mut Store)) {
    let (mut number, value) = (1 << 32, value(len));
    bencher.iter(|| {
        number += 1;
        put(&mut store, key(number), &value, 0);
        each(&mut store);
    });
}

fn store(criterion: &mut Criterion) {
    let fresh = || Store::create().0;
    criterion.bench_function("StorePut", |b| puts(b, fresh(), 64, |_| ()));
    criterion.bench_function("StorePutUpdate", |bencher| {
        let (mut store, value) = (filled(1, 1), value(1024));
        bencher.iter(|| put(&mut store, key(0), &value, 0));
    });
    criterion.bench_function("StoreTxnPut", |bencher| {
        let (mut store, mut number, value) = (fresh(), 0, value(64));
        bencher.iter(|| {
            number += 1;
            put_txn(&mut store, key(number), &value);
        });
    });
    for keys in [1, 100] {
        criterion.bench_function(&format!("StoreRangeKey{keys}"), |bencher| {
            let store = filled(keys, 1);
            let all = Bytes::from_static(b"\0");
            let request =
                RangeRequest { key: all.clone(), range_end: all, ..RangeRequest::default() };
            bencher.iter(|| store.range(&request).expect("the present").kvs.len());
        });
    }
    let mut group = criterion.benchmark_group("StoreRestore");
    for (keys, revisions) in [(100_000, 1), (10_000, 10), (5_000, 20)] {
        let store = filled(keys, revisions);
        let image = store.image();
        group.sample_size(10).throughput(Throughput::Elements(keys * revisions));
        group.bench_function(format!("Revs{revisions}"), |bencher| {
            bencher.iter(|| {
                let db = image.open().expect("what was written");
                Store::open(db).expect("what was written").revision()
            });
        });
    }
    group.finish();
}

fn watchable(criterion: &mut Criterion) {
    criterion.bench_function("WatchableStorePut", |b| puts(b, Store::create().0, 64, |_| ()));
    criterion.bench_function("WatchableStorePut, 256 B, 10 watchers", |bencher| {
        let (mut store, _) = Store::create();
        watch(&mut store, 10, 0);
        puts(bencher, store, 256, |store| {
            black_box(store.drain_watch(64));
        });
    });
    criterion.bench_function("WatchableStoreTxnPut", |bencher| {
        let (mut store, mut number, value) = (Store::create().0, 0, value(64));
        watch(&mut store, 1, 0);
        bencher.iter(|| {
            number += 1;
            put_txn(&mut store, key(number), &value);
            black_box(store.drain_watch(64));
        });
    });
    // A put that one synced watcher hears of, and one beside watchers that lag behind.
    criterion.bench_function("WatchableStoreWatchPutSync", |bencher| {
        let (mut store, _) = Store::create();
        watch(&mut store, 1, 0);
        puts(bencher, store, 64, |store| {
            black_box(store.drain_watch(64));
        });
    });
    criterion.bench_function("WatchableStoreWatchPutUnsync", |bencher| {
        let mut store = filled(10, 1);
        watch(&mut store, 1024, 1);
        puts(bencher, store, 64, |_| ());
    });
    for (name, start) in [("Synced", 0), ("Unsynced", 1)] {
        criterion.bench_function(&format!("WatchableStore{name}Cancel"), |bencher| {
            let watched = || {
                let mut store = filled(10, 1);
                watch(&mut store, 1000, start);
                store
            };
            let cancel = |store: &mut Store| store.watch_close(STREAM);
            bencher.iter_batched_ref(watched, cancel, BatchSize::PerIteration);
        });
    }
}

fn index(criterion: &mut Criterion) {
    for keys in [1, 100, 10_000, 100_000] {
        // Filling a store takes longer than compacting it, and is done for each run.
        let mut group = criterion.benchmark_group("IndexCompact");
        group.sample_size(10).warm_up_time(Duration::from_millis(50));
        group.measurement_time(Duration::from_millis(200));
        group.bench_function(keys.to_string(), |bencher| {
            let old = || filled(keys, 2);
            let compact = |store: &mut Store| store.compact(store.revision()).expect("it is new");
            bencher.iter_batched_ref(old, compact, BatchSize::PerIteration);
        });
        group.finish();
    }
    criterion.bench_function("IndexPut", |bencher| {
        let (mut store, mut number) = (Store::create().0, 0);
        bencher.iter(|| {
            number += 1;
            let request = PutRequest { key: key(number), ..PutRequest::default() };
            store.put(&request).expect("a plain put").header.is_some()
        });
    });
    criterion.bench_function("IndexGet", |bencher| {
        let (store, mut number) = (filled(100_000, 1), 0);
        bencher.iter(|| {
            number = (number + 7919) % 100_000;
            let key = key(number);
            let request = RangeRequest { key, count_only: true, ..RangeRequest::default() };
            store.range(&request).expect("the present").count
        });
    });
}

fn lessor(criterion: &mut Criterion) {
    const LEASES: i64 = 1000;
    let granted = || {
        let (mut store, _) = Store::create();
        store.lease_promote(0, 0);
        for id in 1..=LEASES {
            store.lease_grant(id * 7919, 100 + id, 0).expect("a new lease");
        }
        store
    };
    let mut group = criterion.benchmark_group("Lessor");
    group.throughput(Throughput::Elements(LEASES as u64));
    group.bench_function("Grant1000", |b| {
        b.iter(|| black_box(granted()));
    });
    let each = |store: &mut Store, act: fn(&mut Store, i64)| {
        for id in 1..=LEASES {
            act(store, id * 7919);
        }
    };
    group.bench_function("Renew1000", |bencher| {
        let renew = |store: &mut Store, id| {
            store.lease_renew(id, 1).expect("it is there");
        };
        bencher.iter_batched_ref(granted, |store| each(store, renew), BatchSize::PerIteration);
    });
    group.bench_function("Revoke1000", |bencher| {
        let revoke = |store: &mut Store, id| store.lease_revoke(id).expect("it is there");
        bencher.iter_batched_ref(granted, |store| each(store, revoke), BatchSize::PerIteration);
    });
    group.bench_function("FindExpired1000", |bencher| {
        let find = |store: &mut Store| store.lease_expired(10_000_000_000, 1000).len();
        bencher.iter_batched_ref(granted, find, BatchSize::PerIteration);
    });
    group.finish();
}

/// Short, so that the whole table takes minutes: the figures are compared by their ratios.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500))
}

criterion_group!(name = benches; config = short(); targets = store, watchable, index, lessor);
criterion_main!(benches);
