//! Tests of the store through its public face.
//!
//! * `recorded.rs`: what real etcds said of files and of recorded commands.
//! * `rules.rs`, `txns.rs`, `compaction.rs`, `leases.rs`, `watches.rs`: a table for each rule.
//! * `model.rs`: random operations against a list that keeps every version; `watch_model.rs`:
//!   random watchers against the list of everything that happened. Together ten thousand cases.
//! * `reader.rs`: the model tests read what is on disk with a second reader of the format.

#![expect(clippy::unwrap_used, reason = "a test that meets a None has failed")]

mod compaction;
mod leases;
mod model;
mod naive;
mod reader;
mod recorded;
mod rules;
mod txns;
mod watch_model;
mod watches;

use bytes::Bytes;
use mvcc::Store;
use mvcc::pb::{
    DeleteRangeRequest, KeyValue, PutRequest, RangeRequest, RequestOp, TxnRequest,
    request_op::Request,
};

/// A request to put `value` under `key`.
fn put(key: &str, value: &str) -> PutRequest {
    PutRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        ..PutRequest::default()
    }
}

/// A request to delete a key or a range.
fn delete(key: &str, end: &str) -> DeleteRangeRequest {
    DeleteRangeRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        range_end: Bytes::copy_from_slice(end.as_bytes()),
        prev_kv: false,
    }
}

/// A request for a key or a range.
fn range(key: &str, end: &str) -> RangeRequest {
    RangeRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        range_end: Bytes::copy_from_slice(end.as_bytes()),
        ..RangeRequest::default()
    }
}

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

/// A transaction without compares.
fn then(success: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { success, ..TxnRequest::default() }
}

/// `key=value@create/mod/version` of each pair, blank separated.
fn show(kvs: &[KeyValue]) -> String {
    let pairs: Vec<String> = kvs
        .iter()
        .map(|kv| {
            format!(
                "{}={}@{}/{}/{}",
                kv.key.escape_ascii(),
                kv.value.escape_ascii(),
                kv.create_revision,
                kv.mod_revision,
                kv.version
            )
        })
        .collect();
    pairs.join(" ")
}

/// Everything in the store now.
fn all(store: &Store) -> String {
    show(&store.range(&range("\0", "\0")).unwrap().kvs)
}

/// Runs compactions to their end.
fn compact(store: &mut Store, rev: i64) {
    store.compact(rev).unwrap();
    while store.compact_step() {}
}

/// What a member finds on its disk: the store as of the last commit.
fn reopen(store: &Store) -> Store {
    Store::open(store.image().open().unwrap()).unwrap()
}

/// Pseudo-random numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
