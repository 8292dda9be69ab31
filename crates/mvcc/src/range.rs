//! Reads.

use std::cmp::Ordering;

use crate::Error;
use crate::index::{Entry, Span};
use crate::pb::{KeyValue, RangeRequest, RangeResponse, SortOrder, SortTarget};
use crate::record;
use crate::revision::Revision;
use crate::store::Store;

impl Store {
    /// The revision a read of the present sees: inside a transaction that has changed something
    /// the one it will end at.
    pub(crate) fn current(&self) -> i64 {
        self.revision + i64::from(self.sub > 0)
    }

    /// Answers a range request. The header is left to the caller: its revision is
    /// [`Store::revision`], whatever revision was asked for.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResponse, Error> {
        let rev = self.readable(request.revision)?;
        let span = Span::new(&request.key, &request.range_end);
        let mut response = RangeResponse::default();
        if request.count_only {
            response.count = self.entries_at(&span, rev).count() as i64;
            return Ok(response);
        }
        let order = Ordered::of(request);
        // Everything is read when what comes first is known only at the end.
        let limit = if order.is_key_order() && !has_filters(request) { request.limit } else { 0 };
        let limit = usize::try_from(limit).unwrap_or(0);
        for (entry, at) in self.entries_at(&span, rev) {
            response.count += 1;
            if limit == 0 || response.kvs.len() <= limit {
                response.kvs.push(self.value_of(entry, at));
            }
        }
        response.kvs.retain(|kv| passes(request, kv));
        order.sort(&mut response.kvs);
        let limit = usize::try_from(request.limit).unwrap_or(0);
        if limit > 0 && response.kvs.len() > limit {
            response.kvs.truncate(limit);
            response.more = true;
        }
        if request.keys_only {
            response.kvs.iter_mut().for_each(|kv| kv.value.clear());
        }
        Ok(response)
    }

    /// The revision a request for `rev` reads at.
    fn readable(&self, rev: i64) -> Result<i64, Error> {
        let current = self.current();
        let rev = match rev {
            rev if rev > current => return Err(Error::FutureRevision),
            rev if rev <= 0 => current,
            rev => rev,
        };
        if rev < self.compacted { Err(Error::Compacted) } else { Ok(rev) }
    }

    /// The keys of a span that exist at `rev`; with the revision of their value when that is not
    /// the living one.
    fn entries_at(
        &self,
        span: &Span,
        rev: i64,
    ) -> impl Iterator<Item = (&Entry, Option<Revision>)> {
        let present = rev == self.current();
        self.index.span(span).filter_map(move |entry| {
            if present {
                return entry.live.is_some().then_some((entry, None));
            }
            let at = entry.at(rev)?;
            let is_live = entry.live.as_ref().is_some_and(|kv| kv.mod_revision == at.main);
            Some((entry, (!is_live).then_some(at)))
        })
    }

    fn value_of(&self, entry: &Entry, at: Option<Revision>) -> KeyValue {
        match at {
            None => entry.live.clone().expect("entries_at saw it living"),
            Some(rev) => {
                let value = self.backend.value(rev).expect("what the index names is stored");
                record::decode(value).expect("opening the store decoded every record")
            }
        }
    }

    /// The value of `key` as it was at `rev`; nothing when that revision cannot be read.
    pub(crate) fn value_at(&self, key: &[u8], rev: i64) -> Option<KeyValue> {
        if rev < self.compacted {
            return None;
        }
        let entry = self.index.get(key)?;
        let at = entry.at(rev)?;
        let is_live = entry.live.as_ref().is_some_and(|kv| kv.mod_revision == at.main);
        Some(self.value_of(entry, (!is_live).then_some(at)))
    }
}

fn has_filters(request: &RangeRequest) -> bool {
    request.min_mod_revision != 0
        || request.max_mod_revision != 0
        || request.min_create_revision != 0
        || request.max_create_revision != 0
}

fn passes(request: &RangeRequest, kv: &KeyValue) -> bool {
    let within =
        |min: i64, rev: i64, max: i64| (max == 0 || rev <= max) && (min == 0 || rev >= min);
    within(request.min_mod_revision, kv.mod_revision, request.max_mod_revision)
        && within(request.min_create_revision, kv.create_revision, request.max_create_revision)
}

/// How an answer is ordered.
struct Ordered {
    order: SortOrder,
    target: SortTarget,
}

impl Ordered {
    fn of(request: &RangeRequest) -> Ordered {
        Ordered { order: request.sort_order(), target: request.sort_target() }
    }

    /// Whether a limit may cut while reading. etcd looks at the order only, so that a target
    /// without an order sorts what the limit left.
    fn is_key_order(&self) -> bool {
        self.order == SortOrder::None
            || (self.order == SortOrder::Ascend && self.target == SortTarget::Key)
    }

    fn sort(&self, kvs: &mut [KeyValue]) {
        if self.target == SortTarget::Key && self.order != SortOrder::Descend {
            return;
        }
        let compare = |a: &KeyValue, b: &KeyValue| -> Ordering {
            match self.target {
                SortTarget::Key => a.key.cmp(&b.key),
                SortTarget::Version => a.version.cmp(&b.version),
                SortTarget::Create => a.create_revision.cmp(&b.create_revision),
                SortTarget::Mod => a.mod_revision.cmp(&b.mod_revision),
                SortTarget::Value => a.value.cmp(&b.value),
            }
        };
        // Stable both ways: ties stay in key order, as in etcd for answers of up to a dozen pairs.
        match self.order {
            SortOrder::Descend => flat::sort_by(kvs, |a, b| compare(b, a)),
            SortOrder::None | SortOrder::Ascend => flat::sort_by(kvs, compare),
        }
    }
}
