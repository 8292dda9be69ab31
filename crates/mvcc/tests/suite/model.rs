//! Random operations against the naive store.

use std::collections::BTreeMap;

use bytes::Bytes;
use mvcc::pb::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
    compare::TargetUnion, request_op::Request,
};
use mvcc::{Renewal, Store, validate_txn};

use crate::naive::{Naive, Version, lease_record};
use crate::reader::buckets;
use crate::{Random, op, reopen};

/// Many short cases, which meet every beginning, and some long ones, which meet full pages.
const SHORT: (std::ops::Range<u64>, u64) = (1000..8900, 25);
const LONG: (std::ops::Range<u64>, u64) = (0..100, 300);

const KEYS: [&[u8]; 9] = [b"a", b"aa", b"ab", b"a\0", b"b", b"ba", b"c", b"\xff", b"\xff\xff"];
const ENDS: [&[u8]; 8] = [b"", b"", b"", b"\0", b"b", b"c", b"a\x01", b"\xff"];
const VALUES: [&[u8]; 6] = [b"", b"v", b"w", b"value", b"another value", b"\0\xff"];
const SECOND_US: u64 = 1_000_000;

/// The store, its model, and both as of the last commit.
struct Pair {
    random: Random,
    store: Store,
    model: Naive,
    committed: Naive,
    committed_hash: u64,
    now_us: u64,
    /// On the leader: when each lease runs out, by the model.
    expiry: Option<BTreeMap<i64, u64>>,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let (store, _) = Store::create();
        let committed_hash = store.running_hash();
        Pair {
            random: Random(seed),
            store,
            model: Naive::new(),
            committed: Naive::new(),
            committed_hash,
            now_us: SECOND_US,
            expiry: None,
        }
    }

    fn key(&mut self) -> Bytes {
        Bytes::from_static(self.random.pick(&KEYS))
    }

    fn end(&mut self) -> Bytes {
        Bytes::from_static(self.random.pick(&ENDS))
    }

    /// 0, or a revision around what exists.
    fn revision(&mut self) -> i64 {
        if self.random.one_in(2) {
            return 0;
        }
        self.random.below(self.model.revision as u64 + 3) as i64 - 1
    }

    fn lease(&mut self) -> i64 {
        if self.random.one_in(3) { self.random.below(5) as i64 } else { 0 }
    }

    fn put_request(&mut self) -> PutRequest {
        let mut request = PutRequest {
            key: self.key(),
            value: Bytes::from_static(self.random.pick(&VALUES)),
            lease: self.lease(),
            prev_kv: self.random.one_in(2),
            ignore_value: self.random.one_in(8),
            ignore_lease: self.random.one_in(8),
        };
        if request.ignore_value {
            request.value.clear();
        }
        if request.ignore_lease {
            request.lease = 0;
        }
        request
    }

    fn delete_request(&mut self) -> DeleteRangeRequest {
        let range_end = if self.random.one_in(2) { self.end() } else { Bytes::new() };
        DeleteRangeRequest { key: self.key(), range_end, prev_kv: self.random.one_in(2) }
    }

    fn range_request(&mut self) -> RangeRequest {
        let filters = [(); 4].map(|()| if self.random.one_in(6) { self.revision() } else { 0 });
        RangeRequest {
            key: self.key(),
            range_end: self.end(),
            limit: self.random.below(6) as i64 - 1,
            revision: self.revision(),
            sort_order: self.random.below(3) as i32,
            sort_target: self.random.below(5) as i32,
            serializable: false,
            keys_only: self.random.one_in(4),
            count_only: self.random.one_in(6),
            min_mod_revision: filters[0],
            max_mod_revision: filters[1],
            min_create_revision: filters[2],
            max_create_revision: filters[3],
        }
    }

    fn compare(&mut self) -> Compare {
        let number = self.random.below(5) as i64;
        let rev = self.revision();
        let (target, union) = match self.random.below(5) {
            0 => (0, TargetUnion::Version(number)),
            1 => (1, TargetUnion::CreateRevision(rev)),
            2 => (2, TargetUnion::ModRevision(rev)),
            3 => (3, TargetUnion::Value(Bytes::from_static(self.random.pick(&VALUES)))),
            _ => (4, TargetUnion::Lease(number)),
        };
        Compare {
            result: self.random.below(4) as i32,
            target,
            key: self.key(),
            target_union: Some(union),
            range_end: self.end(),
        }
    }

    fn ops(&mut self, depth: u64) -> Vec<RequestOp> {
        let len = self.random.below(4);
        let one = |pair: &mut Pair| match pair.random.below(if depth == 0 { 3 } else { 4 }) {
            0 => op(Request::Range(pair.range_request())),
            1 => op(Request::Put(pair.put_request())),
            2 => op(Request::DeleteRange(pair.delete_request())),
            _ => op(Request::Txn(pair.txn_request(depth - 1))),
        };
        (0..len).map(|_| one(self)).collect()
    }

    fn txn_request(&mut self, depth: u64) -> TxnRequest {
        let compares = self.random.below(3);
        TxnRequest {
            compare: (0..compares).map(|_| self.compare()).collect(),
            success: self.ops(depth),
            failure: self.ops(depth),
        }
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..6 => {
                let request = self.put_request();
                assert_eq!(self.store.put(&request), self.model.put(&request), "{request:?}");
            }
            6..8 => {
                let request = self.delete_request();
                let found = self.store.delete_range(&request).unwrap();
                assert_eq!(found, self.model.delete(&request), "{request:?}");
            }
            8..12 => {
                let request = self.txn_request(2);
                if validate_txn(&request, 128).is_ok() {
                    assert_eq!(self.store.txn(&request), self.model.txn(&request), "{request:?}");
                }
            }
            12 => {
                let request = self.range_request();
                assert_eq!(self.store.range(&request), self.model.range(&request), "{request:?}");
            }
            13 => {
                let rev = self.revision();
                assert_eq!(self.store.compact(rev), self.model.compact(rev), "{rev}");
            }
            14 => assert_eq!(self.store.compact_step(), self.model.compact_step()),
            15..17 => self.lease_step(),
            17 => self.time_step(),
            18 => self.commit(),
            _ if self.random.one_in(4) => self.reopen(),
            _ => {}
        }
        self.compare_all();
    }

    fn lease_step(&mut self) {
        let id = 1 + self.random.below(4) as i64;
        if self.random.one_in(4) {
            assert_eq!(self.store.lease_revoke(id), self.model.revoke(id));
            if let Some(expiry) = &mut self.expiry {
                expiry.remove(&id);
            }
            return;
        }
        let ttl_s = self.random.below(12) as i64;
        let granted = self.store.lease_grant(id, ttl_s, self.now_us);
        assert_eq!(granted.is_err(), self.model.leases.contains_key(&id));
        if let Ok(ttl_s) = granted {
            self.model.leases.insert(id, ttl_s);
            if let Some(expiry) = &mut self.expiry {
                expiry.insert(id, self.now_us + ttl_s as u64 * SECOND_US);
            }
        }
    }

    /// Time passes; what has run out is revoked; the leader may change.
    fn time_step(&mut self) {
        self.now_us += self.random.below(4 * SECOND_US);
        let now_us = self.now_us;
        if self.random.one_in(4) {
            if self.expiry.take().is_some() {
                self.store.lease_demote();
            } else {
                self.store.lease_promote(now_us, SECOND_US);
                let until = |ttl_s: &i64| now_us + SECOND_US + *ttl_s as u64 * SECOND_US;
                let leases = self.model.leases.iter();
                self.expiry = Some(leases.map(|(id, ttl_s)| (*id, until(ttl_s))).collect());
            }
        }
        let Some(expiry) = &mut self.expiry else {
            assert_eq!(self.store.lease_expired(now_us, 500), []);
            return;
        };
        let mut over: Vec<(u64, i64)> =
            expiry.iter().filter(|(_, at)| **at <= now_us).map(|(id, at)| (*at, *id)).collect();
        over.sort_unstable();
        let over: Vec<i64> = over.into_iter().map(|(_, id)| id).collect();
        assert_eq!(self.store.lease_expired(now_us, 500), over);
        for id in over {
            assert_eq!(self.store.lease_renew(id, now_us), Ok(Renewal::Expiring));
            expiry.remove(&id);
            assert_eq!(self.store.lease_revoke(id), self.model.revoke(id));
        }
        if let Some((id, at)) = expiry.iter_mut().next() {
            let ttl_s = self.model.leases[id];
            assert_eq!(self.store.lease_renew(*id, now_us), Ok(Renewal::Renewed { ttl_s }));
            *at = now_us + ttl_s as u64 * SECOND_US;
        }
    }

    fn commit(&mut self) {
        drop(self.store.commit());
        self.on_disk();
        self.committed = self.model.clone();
        self.committed_hash = self.store.running_hash();
    }

    /// What is in the file's pages is what the model holds.
    fn on_disk(&self) {
        let buckets = buckets(&self.store.image().to_bytes());
        let versions: Vec<_> = self.model.stored.iter().map(Version::record).collect();
        assert_eq!(buckets["key"], versions);
        let leases: Vec<_> = self.model.leases.iter().map(lease_record).collect();
        assert_eq!(buckets["lease"], leases);
    }

    /// Stops the member, with or without a last commit.
    fn reopen(&mut self) {
        if self.random.one_in(2) {
            self.commit();
        }
        if self.random.one_in(4) {
            drop(self.store.defrag());
            self.committed = self.model.clone();
            self.committed_hash = self.store.running_hash();
        }
        self.store = reopen(&self.store);
        self.model = self.committed.clone();
        self.model.crash();
        self.expiry = None;
        assert_eq!(self.store.running_hash(), self.committed_hash);
    }

    fn compare_all(&mut self) {
        assert_eq!(self.store.revision(), self.model.revision);
        assert_eq!(self.store.compacted(), self.model.compacted);
        let mut request = RangeRequest {
            key: Bytes::from_static(b"\0"),
            range_end: Bytes::from_static(b"\0"),
            ..RangeRequest::default()
        };
        assert_eq!(self.store.range(&request), self.model.range(&request));
        request.revision = self.revision();
        assert_eq!(self.store.range(&request), self.model.range(&request));
        let rev = self.revision();
        let hash = self.store.hash_kv(rev).map(|hash| (hash.hash, hash.compact_revision));
        if rev >= 0 {
            assert_eq!(hash, self.model.hash_kv(rev), "hash at {rev}");
        }
        let state = self.model.state(self.model.revision);
        for id in 0..5 {
            let info = self.store.lease_info(id, self.now_us);
            let ttl = self.model.leases.get(&id);
            assert_eq!(info.as_ref().map(|info| info.granted_ttl_s), ttl.copied());
            if let Some(info) = info {
                let keys = state.values().filter(|kv| kv.lease == id).map(|kv| kv.key.clone());
                assert_eq!(info.keys, keys.collect::<Vec<_>>());
            }
        }
        let newest = self.random.below(12) as usize;
        let found: Vec<_> = self
            .store
            .history(newest)
            .into_iter()
            .map(|(rev, kv, tombstone)| (rev.main, rev.sub, kv, tombstone))
            .collect();
        let stored = self.model.stored.iter().rev().take(newest);
        let wanted: Vec<_> = stored.map(|v| (v.main, v.sub, v.kv.clone(), v.tombstone)).collect();
        assert_eq!(found, wanted);
    }
}

#[test]
fn random_operations_do_as_the_model() {
    for (seeds, ops) in [LONG, SHORT] {
        let (mut revisions, cases) = (0, seeds.clone().count() as u64);
        for seed in seeds {
            let mut pair = Pair::new(seed);
            let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                (0..ops).for_each(|_| pair.step());
                pair.commit();
            }));
            if let Err(cause) = run {
                eprintln!("seed {seed} fails");
                std::panic::resume_unwind(cause);
            }
            revisions += pair.model.revision as u64;
        }
        assert!(revisions > cases * ops / 6, "the seeds change something: {revisions}");
    }
}

/// Members apply the same entries but commit and compact at their own pace.
#[test]
fn the_running_hash_depends_on_what_was_applied_only() {
    let mut random = Random(9);
    let (mut one, _) = Store::create();
    let (mut two, _) = Store::create();
    let mut hashes = Vec::new();
    for step in 0..500 {
        let key = Bytes::from_static(random.pick(&KEYS));
        if random.one_in(3) {
            let request = DeleteRangeRequest { key, ..DeleteRangeRequest::default() };
            assert_eq!(one.delete_range(&request), two.delete_range(&request));
        } else {
            let value = Bytes::from_static(random.pick(&VALUES));
            let request = PutRequest { key, value, ..PutRequest::default() };
            assert_eq!(one.put(&request), two.put(&request));
        }
        if step % 40 == 39 {
            let rev = one.revision();
            assert_eq!(one.compact(rev), two.compact(rev));
            while one.compact_step() {}
            drop(two.commit());
        }
        if step % 70 == 69 {
            drop(two.commit());
            two = reopen(&two);
        }
        assert_eq!(one.running_hash(), two.running_hash(), "step {step}");
        hashes.push(one.running_hash());
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert!(hashes.len() > 350, "a change changes the hash: {}", hashes.len());
}
