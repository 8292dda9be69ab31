//! A store that keeps every version in a list and answers by looking at all of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use mvcc::Error;
use mvcc::pb::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, DeleteRangeResponse, KeyValue,
    PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp, ResponseHeader, ResponseOp,
    SortOrder, SortTarget, TxnRequest, TxnResponse, compare::TargetUnion, request_op::Request,
    response_op::Response,
};
use prost::Message;

/// One version of a key; without a value it is a tombstone.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) main: i64,
    pub(crate) sub: i64,
    pub(crate) kv: KeyValue,
    pub(crate) tombstone: bool,
}

impl Version {
    /// The revision's key and the value behind it, as the bucket `key` has them.
    pub(crate) fn record(&self) -> (Vec<u8>, Vec<u8>) {
        let mut key = self.main.to_be_bytes().to_vec();
        key.push(b'_');
        key.extend(self.sub.to_be_bytes());
        if self.tombstone {
            key.push(b't');
            let only_key = KeyValue { key: self.kv.key.clone(), ..KeyValue::default() };
            return (key, only_key.encode_to_vec());
        }
        (key, self.kv.encode_to_vec())
    }
}

/// A lease as the bucket `lease` has it: fields 1 and 2 are its id and its time to live.
pub(crate) fn lease_record((id, ttl_s): (&i64, &i64)) -> (Vec<u8>, Vec<u8>) {
    let small = |n: i64| u8::try_from(n).ok().filter(|n| *n < 128).unwrap();
    let mut value = vec![0x08, small(*id)];
    if *ttl_s != 0 {
        value.extend([0x10, small(*ttl_s)]);
    }
    (id.to_be_bytes().to_vec(), value)
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) rev: i64,
    pub(crate) previous: i64,
    pub(crate) record: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Naive {
    /// Every version ever.
    pub(crate) history: Vec<Version>,
    /// Those that compaction left.
    pub(crate) stored: Vec<Version>,
    pub(crate) revision: i64,
    pub(crate) compacted: i64,
    pub(crate) finished: Option<i64>,
    pub(crate) jobs: Vec<Job>,
    /// Revision, hash, compacted revision it was computed with.
    pub(crate) hashes: Vec<(i64, u32, i64)>,
    /// Id to time to live.
    pub(crate) leases: BTreeMap<i64, i64>,
}

pub(crate) type State = BTreeMap<Bytes, KeyValue>;

fn within(key: &Bytes, from: &Bytes, end: &Bytes) -> bool {
    match end.as_ref() {
        b"" => key == from,
        b"\0" => key >= from,
        _ => key >= from && key < end,
    }
}

impl Naive {
    pub(crate) fn new() -> Naive {
        Naive {
            history: Vec::new(),
            stored: Vec::new(),
            revision: 1,
            compacted: -1,
            finished: None,
            jobs: Vec::new(),
            hashes: Vec::new(),
            leases: BTreeMap::new(),
        }
    }

    pub(crate) fn state(&self, rev: i64) -> State {
        let mut state = State::new();
        for version in self.history.iter().filter(|version| version.main <= rev) {
            if version.tombstone {
                state.remove(&version.kv.key);
            } else {
                state.insert(version.kv.key.clone(), version.kv.clone());
            }
        }
        state
    }

    /// The changes of the transaction that is going on.
    fn open(&self) -> i64 {
        self.history.iter().filter(|version| version.main > self.revision).count() as i64
    }

    fn current(&self) -> i64 {
        self.revision + i64::from(self.open() > 0)
    }

    fn end(&mut self) {
        self.revision = self.current();
    }

    fn add(&mut self, kv: KeyValue, tombstone: bool) {
        let version = Version { main: self.revision + 1, sub: self.open(), kv, tombstone };
        self.history.push(version.clone());
        self.stored.push(version);
    }

    pub(crate) fn range(&self, request: &RangeRequest) -> Result<RangeResponse, Error> {
        let current = self.current();
        if request.revision > current {
            return Err(Error::FutureRevision);
        }
        let rev = if request.revision <= 0 { current } else { request.revision };
        if rev < self.compacted {
            return Err(Error::Compacted);
        }
        let mut kvs: Vec<KeyValue> = self.state(rev).into_values().collect();
        kvs.retain(|kv| within(&kv.key, &request.key, &request.range_end));
        let count = kvs.len() as i64;
        if request.count_only {
            return Ok(RangeResponse { count, ..RangeResponse::default() });
        }
        let limit = if request.limit > 0 { request.limit as usize } else { usize::MAX - 1 };
        let (target, order) = (request.sort_target(), request.sort_order());
        if order == SortOrder::None && !filtered(request) {
            kvs.truncate(limit + 1);
        }
        kvs.retain(|kv| {
            (request.max_mod_revision == 0 || kv.mod_revision <= request.max_mod_revision)
                && (request.min_mod_revision == 0 || kv.mod_revision >= request.min_mod_revision)
                && (request.max_create_revision == 0
                    || kv.create_revision <= request.max_create_revision)
                && (request.min_create_revision == 0
                    || kv.create_revision >= request.min_create_revision)
        });
        kvs.sort_by_key(|kv| match target {
            SortTarget::Key => (0, Bytes::new()),
            SortTarget::Version => (kv.version, Bytes::new()),
            SortTarget::Create => (kv.create_revision, Bytes::new()),
            SortTarget::Mod => (kv.mod_revision, Bytes::new()),
            SortTarget::Value => (0, kv.value.clone()),
        });
        if order == SortOrder::Descend {
            // Descending, but ties in ascending order of keys.
            let rank = |kv: &KeyValue| match target {
                SortTarget::Key => (0, kv.key.clone()),
                SortTarget::Version => (kv.version, Bytes::new()),
                SortTarget::Create => (kv.create_revision, Bytes::new()),
                SortTarget::Mod => (kv.mod_revision, Bytes::new()),
                SortTarget::Value => (0, kv.value.clone()),
            };
            kvs.sort_by_key(|kv| std::cmp::Reverse(rank(kv)));
        }
        let more = kvs.len() > limit;
        kvs.truncate(limit);
        if request.keys_only {
            kvs.iter_mut().for_each(|kv| kv.value = Bytes::new());
        }
        Ok(RangeResponse { header: None, kvs, more, count })
    }

    fn check_put(&self, request: &PutRequest) -> Result<(), Error> {
        if request.lease != 0 && !self.leases.contains_key(&request.lease) {
            return Err(Error::LeaseNotFound);
        }
        let there = self.state(self.revision).contains_key(&request.key);
        if (request.ignore_value || request.ignore_lease) && !there {
            return Err(Error::KeyNotFound);
        }
        Ok(())
    }

    fn run_put(&mut self, request: &PutRequest) -> PutResponse {
        let old = self.state(i64::MAX).remove(&request.key);
        let mut kv = KeyValue {
            key: request.key.clone(),
            create_revision: self.revision + 1,
            mod_revision: self.revision + 1,
            version: 1,
            value: request.value.clone(),
            lease: request.lease,
        };
        if let Some(old) = &old {
            kv.create_revision = old.create_revision;
            kv.version = old.version + 1;
            if request.ignore_value {
                kv.value = old.value.clone();
            }
            if request.ignore_lease {
                kv.lease = old.lease;
            }
        }
        self.add(kv, false);
        PutResponse { header: None, prev_kv: old.filter(|_| request.prev_kv) }
    }

    fn run_delete(&mut self, request: &DeleteRangeRequest) -> DeleteRangeResponse {
        let mut doomed: Vec<KeyValue> = self.state(i64::MAX).into_values().collect();
        doomed.retain(|kv| within(&kv.key, &request.key, &request.range_end));
        for kv in &doomed {
            self.add(KeyValue { key: kv.key.clone(), ..KeyValue::default() }, true);
        }
        let deleted = doomed.len() as i64;
        let prev_kvs = if request.prev_kv { doomed } else { Vec::new() };
        DeleteRangeResponse { header: None, deleted, prev_kvs }
    }

    pub(crate) fn put(&mut self, request: &PutRequest) -> Result<PutResponse, Error> {
        self.check_put(request)?;
        let response = self.run_put(request);
        self.end();
        Ok(response)
    }

    pub(crate) fn delete(&mut self, request: &DeleteRangeRequest) -> DeleteRangeResponse {
        let response = self.run_delete(request);
        self.end();
        response
    }

    pub(crate) fn revoke(&mut self, id: i64) -> Result<(), Error> {
        self.leases.remove(&id).ok_or(Error::LeaseNotFound)?;
        for kv in self.state(i64::MAX).into_values().filter(|kv| kv.lease == id) {
            self.add(KeyValue { key: kv.key, ..KeyValue::default() }, true);
        }
        self.end();
        Ok(())
    }

    pub(crate) fn txn(&mut self, request: &TxnRequest) -> Result<TxnResponse, Error> {
        let begin = self.state(self.revision);
        self.check_txn(&begin, request)?;
        let response = self.run_txn(&begin, request);
        self.end();
        Ok(response)
    }

    fn check_txn(&self, begin: &State, request: &TxnRequest) -> Result<(), Error> {
        for op in chosen(begin, request).1 {
            match op.request.as_ref().unwrap() {
                Request::Range(range) if range.revision > self.revision => {
                    return Err(Error::FutureRevision);
                }
                Request::Range(range) if range.revision != 0 && range.revision < self.compacted => {
                    return Err(Error::Compacted);
                }
                Request::Put(put) => self.check_put(put)?,
                Request::Txn(nested) => self.check_txn(begin, nested)?,
                Request::Range(_) | Request::DeleteRange(_) => {}
            }
        }
        Ok(())
    }

    fn run_txn(&mut self, begin: &State, request: &TxnRequest) -> TxnResponse {
        let (succeeded, ops) = chosen(begin, request);
        let mut responses = Vec::new();
        for op in ops {
            let mut response = match op.request.as_ref().unwrap() {
                Request::Range(range) => Response::Range(self.range(range).unwrap()),
                Request::Put(put) => Response::Put(self.run_put(put)),
                Request::DeleteRange(delete) => Response::DeleteRange(self.run_delete(delete)),
                Request::Txn(nested) => Response::Txn(self.run_txn(begin, nested)),
            };
            let header =
                Some(ResponseHeader { revision: self.current(), ..ResponseHeader::default() });
            match &mut response {
                Response::Range(response) => response.header = header,
                Response::Put(response) => response.header = header,
                Response::DeleteRange(response) => response.header = header,
                Response::Txn(response) => response.header = Some(ResponseHeader::default()),
            }
            responses.push(ResponseOp { response: Some(response) });
        }
        TxnResponse { header: None, succeeded, responses }
    }

    pub(crate) fn compact(&mut self, rev: i64) -> Result<(), Error> {
        if rev <= self.compacted {
            return Err(Error::Compacted);
        }
        if rev > self.revision {
            return Err(Error::FutureRevision);
        }
        self.jobs.push(Job { rev, previous: self.compacted, record: self.jobs.is_empty() });
        self.compacted = rev;
        Ok(())
    }

    /// The whole of the oldest compaction.
    pub(crate) fn compact_step(&mut self) -> bool {
        if self.jobs.is_empty() {
            return false;
        }
        let job = self.jobs.remove(0);
        let kept = self.kept(job.rev, true);
        if job.record {
            let hash = self.hash(job.previous, job.rev, &kept);
            self.hashes.push((job.rev, hash, job.previous));
            let excess = self.hashes.len().saturating_sub(10);
            self.hashes.drain(..excess);
        }
        self.stored.retain(|v| v.main > job.rev || kept.contains(&(v.main, v.sub)));
        self.finished = Some(job.rev);
        !self.jobs.is_empty()
    }

    /// What a crash leaves: one compaction to finish at most.
    pub(crate) fn crash(&mut self) {
        if let Some(last) = self.jobs.pop() {
            let previous = self.finished.unwrap_or(-1);
            self.jobs = vec![Job { rev: last.rev, previous, record: false }];
        }
        self.hashes.clear();
    }

    /// Key by key the newest version up to `rev`, if it is no tombstone, or one at `rev` itself.
    fn kept(&self, rev: i64, tombstones: bool) -> Vec<(i64, i64)> {
        let mut newest: BTreeMap<&Bytes, &Version> = BTreeMap::new();
        for version in self.stored.iter().filter(|version| version.main <= rev) {
            newest.insert(&version.kv.key, version);
        }
        let keeps = |v: &&Version| !v.tombstone || (tombstones && v.main == rev);
        newest.into_values().filter(keeps).map(|v| (v.main, v.sub)).collect()
    }

    fn hash(&self, compacted: i64, rev: i64, keep: &[(i64, i64)]) -> u32 {
        let mut bytes = b"key".to_vec();
        for v in self.stored.iter().filter(|v| v.main <= rev) {
            let skipped =
                v.main <= compacted && !keep.is_empty() && !keep.contains(&(v.main, v.sub));
            let no_longer_kept = v.main == compacted && v.tombstone;
            if !(skipped || no_longer_kept) {
                let (key, value) = v.record();
                bytes.extend([key, value].concat());
            }
        }
        crc32c::crc32c(&bytes)
    }

    /// Hash, compacted revision.
    pub(crate) fn hash_kv(&self, rev: i64) -> Result<(u32, i64), Error> {
        if let Some((_, hash, compacted)) = self.hashes.iter().find(|(at, ..)| *at == rev) {
            return Ok((*hash, *compacted));
        }
        if rev > 0 && rev < self.compacted {
            return Err(Error::Compacted);
        }
        if rev > self.revision {
            return Err(Error::FutureRevision);
        }
        let rev = if rev == 0 { self.revision } else { rev };
        Ok((self.hash(self.compacted, rev, &self.kept(rev, false)), self.compacted))
    }
}

fn filtered(request: &RangeRequest) -> bool {
    [
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    ]
    .iter()
    .any(|filter| *filter != 0)
}

fn chosen<'a>(begin: &State, request: &'a TxnRequest) -> (bool, &'a [RequestOp]) {
    let succeeded = request.compare.iter().all(|compare| holds(begin, compare));
    (succeeded, if succeeded { &request.success } else { &request.failure })
}

fn holds(state: &State, compare: &Compare) -> bool {
    let found: Vec<&KeyValue> =
        state.values().filter(|kv| within(&kv.key, &compare.key, &compare.range_end)).collect();
    if found.is_empty() {
        return compare.target() != CompareTarget::Value && one(compare, &KeyValue::default());
    }
    found.into_iter().all(|kv| one(compare, kv))
}

fn one(compare: &Compare, kv: &KeyValue) -> bool {
    let order = match compare.target_union.as_ref().unwrap() {
        TargetUnion::Version(version) => kv.version.cmp(version),
        TargetUnion::CreateRevision(rev) => kv.create_revision.cmp(rev),
        TargetUnion::ModRevision(rev) => kv.mod_revision.cmp(rev),
        TargetUnion::Value(value) => kv.value.cmp(value),
        TargetUnion::Lease(lease) => kv.lease.cmp(lease),
    };
    match compare.result() {
        CompareResult::Equal => order.is_eq(),
        CompareResult::Greater => order.is_gt(),
        CompareResult::Less => order.is_lt(),
        CompareResult::NotEqual => order.is_ne(),
    }
}
