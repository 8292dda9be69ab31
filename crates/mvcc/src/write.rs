//! Puts and deletes.
//!
//! A write transaction is a run of changes followed by [`Store::end`]. All of them get the main
//! revision after the present one; `Store::sub` counts them and tells readers inside the
//! transaction that they are in one.

use bytes::Bytes;

use crate::Error;
use crate::hash::pair_hash;
use crate::index::Span;
use crate::pb::{
    DeleteRangeRequest, DeleteRangeResponse, Event, EventType, KeyValue, PutRequest, PutResponse,
};
use crate::record::Record;
use crate::revision::Revision;
use crate::store::Store;

impl Store {
    /// Puts one pair. The header is left to the caller.
    pub fn put(&mut self, request: &PutRequest) -> Result<PutResponse, Error> {
        self.check_put(request)?;
        let response = self.run_put(request);
        self.end();
        Ok(response)
    }

    /// Deletes a key or a range in one revision. The header is left to the caller.
    pub fn delete_range(
        &mut self,
        request: &DeleteRangeRequest,
    ) -> Result<DeleteRangeResponse, Error> {
        let response = self.run_delete(request);
        self.end();
        Ok(response)
    }

    /// What can be wrong with a put at the moment it is applied.
    pub(crate) fn check_put(&self, request: &PutRequest) -> Result<(), Error> {
        if request.lease != 0 && !self.leases.exists(request.lease) {
            return Err(Error::LeaseNotFound);
        }
        let keeps_old = request.ignore_value || request.ignore_lease;
        if keeps_old && self.index.live(&request.key).is_none() {
            return Err(Error::KeyNotFound);
        }
        Ok(())
    }

    pub(crate) fn run_put(&mut self, request: &PutRequest) -> PutResponse {
        let value = (!request.ignore_value).then(|| request.value.clone());
        let lease = (!request.ignore_lease).then_some(request.lease);
        let previous = self.write_put(&request.key, value, lease);
        PutResponse { header: None, prev_kv: previous.filter(|_| request.prev_kv) }
    }

    pub(crate) fn run_delete(&mut self, request: &DeleteRangeRequest) -> DeleteRangeResponse {
        let span = Span::new(&request.key, &request.range_end);
        let doomed: Vec<Bytes> = self
            .index
            .span(&span)
            .filter(|entry| entry.live.is_some())
            .map(|entry| entry.key.clone())
            .collect();
        let mut response =
            DeleteRangeResponse { deleted: doomed.len() as i64, ..Default::default() };
        for key in doomed {
            let previous = self.write_delete(&key);
            if request.prev_kv {
                response.prev_kvs.extend(previous);
            }
        }
        response
    }

    /// Puts a pair into the open transaction; what is `None` stays as it was. Answers the pair
    /// that was there.
    fn write_put(
        &mut self,
        key: &Bytes,
        value: Option<Bytes>,
        lease: Option<i64>,
    ) -> Option<KeyValue> {
        let rev = self.next_revision();
        let entry = match self.index.get_mut(key) {
            Some(entry) => entry,
            // A copy: the request's bytes are a part of a log entry, which must not stay in memory
            // for as long as the key.
            None => self.index.insert(Bytes::copy_from_slice(key)),
        };
        let previous = entry.live.take();
        let old = previous.as_ref();
        let kv = KeyValue {
            key: entry.key.clone(),
            create_revision: old.map_or(rev.main, |kv| kv.create_revision),
            mod_revision: rev.main,
            version: old.map_or(0, |kv| kv.version) + 1,
            value: value.or_else(|| old.map(|kv| kv.value.clone())).unwrap_or_default(),
            lease: lease.or_else(|| old.map(|kv| kv.lease)).unwrap_or_default(),
        };
        let (record, kv) = Record::put(rev, kv);
        let hash = pair_hash(&kv);
        self.sum = self.sum.wrapping_sub(entry.hash).wrapping_add(hash);
        entry.hash = hash;
        entry.push(rev, false);
        let old_lease = old.map_or(0, |kv| kv.lease);
        if old_lease != kv.lease {
            self.leases.detach(old_lease, &kv.key);
            self.leases.attach(kv.lease, &kv.key);
        }
        entry.live = Some(kv.clone());
        self.backend.append(record);
        self.tell(EventType::Put, kv, previous.as_ref());
        previous
    }

    /// Deletes a key in the open transaction. Answers the pair that was there; without one nothing
    /// happens.
    pub(crate) fn write_delete(&mut self, key: &Bytes) -> Option<KeyValue> {
        let entry = self.index.get_mut(key)?;
        let previous = entry.live.take()?;
        let rev = Revision { main: self.revision + 1, sub: self.sub };
        self.sub += 1;
        entry.push(rev, true);
        self.sum = self.sum.wrapping_sub(std::mem::take(&mut entry.hash));
        self.backend.append(Record::tombstone(rev, &previous.key));
        self.leases.detach(previous.lease, &previous.key);
        let kv =
            KeyValue { mod_revision: rev.main, key: previous.key.clone(), ..KeyValue::default() };
        self.tell(EventType::Delete, kv, Some(&previous));
        Some(previous)
    }

    /// Notes an event of the open transaction, if somebody watches its key.
    fn tell(&mut self, kind: EventType, kv: KeyValue, previous: Option<&KeyValue>) {
        if !self.hub.is_watched(&kv.key) {
            return;
        }
        let prev_kv = match previous {
            // Nested transactions may change a key twice: the pair before is the one of the
            // revision before.
            Some(previous) if previous.mod_revision == kv.mod_revision => {
                self.value_at(&kv.key, kv.mod_revision - 1)
            }
            previous => previous.cloned(),
        };
        self.events.push(Event { r#type: kind.into(), kv: Some(kv), prev_kv });
    }

    fn next_revision(&mut self) -> Revision {
        let rev = Revision { main: self.revision + 1, sub: self.sub };
        self.sub += 1;
        rev
    }

    /// Ends a write transaction: if it changed something the revision rises by one and the
    /// watchers hear of it.
    pub(crate) fn end(&mut self) {
        if self.sub == 0 {
            return;
        }
        self.sub = 0;
        self.revision += 1;
        if !self.events.is_empty() {
            self.hub.notify(self.revision, &self.events);
            self.events.clear();
        }
    }
}
