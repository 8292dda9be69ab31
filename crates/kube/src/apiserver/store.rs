//! Objects in etcd: every read is a linearizable range, every write a transaction that fails
//! when the object has changed since it was read.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use etcd::pb;
use etcd::rpc::{Answer, Op, Status};
use serde_json::Value;
use sim::Sys;

use super::codec::Codec;
use super::failure::Failure;
use crate::etcd3::Etcd;
use crate::resources::Kind;
use crate::value;

/// How long a request waits for etcd.
const TIMEOUT_US: u64 = 60_000_000;
/// A lease serves what is written within this time.
const LEASE_REUSE_US: u64 = 60_000_000;

/// The objects.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) sys: Sys,
    pub(crate) etcd: Etcd,
    pub(crate) codec: Rc<Codec>,
    pub(crate) root: String,
    lease: Rc<RefCell<Option<(i64, u64)>>>,
}

/// A page of a list.
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) revision: i64,
    /// The last key of the page, and how many come after it.
    pub(crate) rest: Option<(String, i64)>,
}

impl Store {
    pub(crate) fn new(sys: &Sys, etcd: Etcd, codec: Codec, root: &str) -> Store {
        Store {
            sys: sys.clone(),
            etcd,
            codec: Rc::new(codec),
            root: root.to_owned(),
            lease: Rc::default(),
        }
    }

    pub(crate) fn key(&self, kind: &Kind, namespace: &str, name: &str) -> String {
        kind.etcd_key(&self.root, if kind.namespaced { namespace } else { "" }, name)
    }

    /// A range, tried once more where a connection was lost under it.
    pub(crate) async fn range(
        &self,
        request: pb::RangeRequest,
    ) -> Result<pb::RangeResponse, Status> {
        let mut tries = 0;
        loop {
            let epoch = self.etcd.epoch();
            match self.etcd.call(Op::Range(request.clone()), TIMEOUT_US).await {
                Ok(Answer::Range(answer)) => return Ok(answer),
                Ok(_) => unreachable!("a range is answered by a range"),
                Err(_) if self.etcd.epoch() != epoch && tries < 3 => tries += 1,
                Err(status) => return Err(status),
            }
        }
    }

    /// Reads an object; none where there is none.
    pub(crate) async fn get(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, Failure> {
        Ok(self.read(kind, namespace, name).await?.map(|(object, _)| object))
    }

    /// Reads an object, and whether it is stored in a form in which it would no longer be
    /// written.
    pub(crate) async fn read(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<(Value, bool)>, Failure> {
        let key = self.key(kind, namespace, name);
        let request = pb::RangeRequest { key: key.into(), ..Default::default() };
        let answer = self.range(request).await.map_err(|status| Failure::etcd(&status))?;
        let read = answer.kvs.first().map(|kv| self.codec.decode(kind, &kv.value, kv.mod_revision));
        read.transpose().map_err(Failure::internal)
    }

    /// The object of one of many keys.
    pub(crate) fn decode(&self, kind: &Kind, kv: &pb::KeyValue) -> Result<Value, Failure> {
        let read = self.codec.decode(kind, &kv.value, kv.mod_revision);
        read.map(|(object, _)| object).map_err(|error| {
            let key = String::from_utf8_lossy(&kv.key);
            Failure::internal(format!("unable to transform key \"{key}\": {error}"))
        })
    }

    /// The start of the keys of a kind, in a namespace or everywhere.
    pub(crate) fn prefix(&self, kind: &Kind, namespace: &str) -> String {
        match namespace {
            "" => format!("{}/{}/", self.root, kind.prefix),
            namespace => format!("{}/{}/{namespace}/", self.root, kind.prefix),
        }
    }

    /// Lists objects. `from` and `revision` go on with an earlier page.
    pub(crate) async fn list(
        &self,
        kind: &Kind,
        namespace: &str,
        limit: i64,
        from: Option<(String, i64)>,
    ) -> Result<Page, Failure> {
        let prefix = self.prefix(kind, namespace);
        let (key, at) = match &from {
            Some((last, revision)) => (format!("{last}\0"), *revision),
            None => (prefix.clone(), 0),
        };
        let request = pb::RangeRequest {
            key: key.into(),
            range_end: prefix_end(&prefix),
            limit,
            revision: at,
            ..Default::default()
        };
        let answer = self.range(request).await.map_err(|status| match from {
            Some(_) if status.message.contains("compacted") => Failure::continue_expired(),
            _ => Failure::etcd(&status),
        })?;
        let revision = match at {
            0 => answer.header.as_ref().map(|header| header.revision).unwrap_or_default(),
            at => at,
        };
        let mut items = Vec::new();
        for kv in &answer.kvs {
            items.push(self.decode(kind, kv)?);
        }
        let rest = match answer.kvs.last() {
            Some(last) if answer.more => {
                let shown = i64::try_from(answer.kvs.len()).unwrap_or(i64::MAX);
                let last = String::from_utf8_lossy(&last.key).into_owned();
                Some((last, answer.count - shown))
            }
            _ => None,
        };
        Ok(Page { items, revision, rest })
    }

    /// Writes an object if its key is as it was at `revision` (0: not there). Gives the new
    /// revision, or none where somebody was faster.
    pub(crate) async fn write(
        &self,
        kind: &Kind,
        object: &Value,
        revision: i64,
    ) -> Result<Option<i64>, Failure> {
        let key = self.key(kind, value::namespace(object), value::name(object));
        let lease = if kind.kind == "Event" { self.event_lease().await? } else { 0 };
        let put = pb::PutRequest {
            key: key.clone().into(),
            value: self.codec.encode(&self.sys, kind, object).into(),
            lease,
            ..Default::default()
        };
        self.txn(&key, revision, pb::request_op::Request::Put(put)).await
    }

    /// Deletes an object that is as it was at `revision`. False where somebody was faster.
    pub(crate) async fn remove(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        revision: i64,
    ) -> Result<bool, Failure> {
        let key = self.key(kind, namespace, name);
        let delete = pb::DeleteRangeRequest { key: key.clone().into(), ..Default::default() };
        let request = pb::request_op::Request::DeleteRange(delete);
        Ok(self.txn(&key, revision, request).await?.is_some())
    }

    async fn txn(
        &self,
        key: &str,
        revision: i64,
        request: pb::request_op::Request,
    ) -> Result<Option<i64>, Failure> {
        let read = pb::RangeRequest { key: Bytes::from(key.to_owned()), ..Default::default() };
        let read = pb::request_op::Request::Range(read);
        let txn = pb::TxnRequest {
            compare: vec![compare_mod(key, revision)],
            success: vec![pb::RequestOp { request: Some(request) }],
            failure: vec![pb::RequestOp { request: Some(read) }],
        };
        match self.etcd.call(Op::Txn(txn), TIMEOUT_US).await {
            Ok(Answer::Txn(answer)) => {
                let now = answer.header.map(|header| header.revision).unwrap_or_default();
                Ok(answer.succeeded.then_some(now))
            }
            Ok(_) => unreachable!("a transaction is answered by a transaction"),
            Err(status) => Err(Failure::etcd(&status)),
        }
    }

    /// The lease by which events go away after an hour.
    async fn event_lease(&self) -> Result<i64, Failure> {
        let now_us = self.sys.mono_us();
        if let Some((id, until_us)) = *self.lease.borrow()
            && now_us < until_us
        {
            return Ok(id);
        }
        // It outlives what is written last with it.
        let ttl = 3600 + i64::try_from(LEASE_REUSE_US / 1_000_000).unwrap_or_default();
        let grant = pb::LeaseGrantRequest { ttl, ..Default::default() };
        match self.etcd.call(Op::LeaseGrant(grant), TIMEOUT_US).await {
            Ok(Answer::LeaseGrant(lease)) => {
                *self.lease.borrow_mut() = Some((lease.id, now_us + LEASE_REUSE_US));
                Ok(lease.id)
            }
            Ok(_) => unreachable!("a grant is answered by a lease"),
            Err(status) => Err(Failure::etcd(&status)),
        }
    }
}

/// `mod(key) == revision`.
pub(crate) fn compare_mod(key: &str, revision: i64) -> pb::Compare {
    pb::Compare {
        result: pb::CompareResult::Equal as i32,
        target: pb::CompareTarget::Mod as i32,
        key: Bytes::from(key.to_owned()),
        target_union: Some(pb::compare::TargetUnion::ModRevision(revision)),
        ..Default::default()
    }
}

/// The end of the range of all keys that begin so.
pub(crate) fn prefix_end(prefix: &str) -> Bytes {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end.into()
}
