//! What etcd's gRPC layer refuses before a request is proposed.

use bytes::Bytes;
use flat::Set;

use crate::Error;
use crate::pb::{
    DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, SortOrder, SortTarget, TxnRequest,
    request_op::Request,
};

/// Checks a range request.
pub fn validate_range(request: &RangeRequest) -> Result<(), Error> {
    if request.key.is_empty() {
        return Err(Error::EmptyKey);
    }
    let known =
        SortOrder::is_valid(request.sort_order) && SortTarget::is_valid(request.sort_target);
    if known { Ok(()) } else { Err(Error::InvalidSortOption) }
}

/// Checks a put request.
pub fn validate_put(request: &PutRequest) -> Result<(), Error> {
    if request.key.is_empty() {
        Err(Error::EmptyKey)
    } else if request.ignore_value && !request.value.is_empty() {
        Err(Error::ValueProvided)
    } else if request.ignore_lease && request.lease != 0 {
        Err(Error::LeaseProvided)
    } else {
        Ok(())
    }
}

/// Checks a delete request.
pub fn validate_delete(request: &DeleteRangeRequest) -> Result<(), Error> {
    if request.key.is_empty() { Err(Error::EmptyKey) } else { Ok(()) }
}

/// Checks a transaction: its operations, how many there are (`max_ops` for the compares and for
/// each branch; what is nested shares the rest), and that no branch changes a key twice.
pub fn validate_txn(request: &TxnRequest, max_ops: u64) -> Result<(), Error> {
    validate_ops(request, max_ops)?;
    changes(&request.success)?;
    changes(&request.failure)?;
    Ok(())
}

fn validate_ops(request: &TxnRequest, max_ops: u64) -> Result<(), Error> {
    let lens = [request.compare.len(), request.success.len(), request.failure.len()];
    let ops = lens.into_iter().max().unwrap_or(0) as u64;
    let Some(rest) = max_ops.checked_sub(ops) else { return Err(Error::TooManyOps) };
    if request.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(Error::EmptyKey);
    }
    request.success.iter().chain(&request.failure).try_for_each(|op| match &op.request {
        Some(Request::Range(range)) => validate_range(range),
        Some(Request::Put(put)) => validate_put(put),
        Some(Request::DeleteRange(delete)) => validate_delete(delete),
        Some(Request::Txn(nested)) => validate_ops(nested, rest),
        None => Err(Error::KeyNotFound),
    })
}

/// A key or range that a branch deletes.
#[derive(Clone)]
struct Deleted {
    key: Bytes,
    range_end: Bytes,
}

impl Deleted {
    /// Whether a put of `key` collides with it. An end of `\0` ("from this key on") is taken
    /// literally here, as etcd does: such a delete collides with puts of its first key only.
    fn collides(&self, key: &Bytes) -> bool {
        match self.key.cmp(key) {
            std::cmp::Ordering::Less => self.range_end > *key,
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Greater => false,
        }
    }
}

/// What a list of operations may change.
struct Changes {
    puts: Set<Bytes>,
    deletes: Vec<Deleted>,
}

/// Collects what a branch changes. Deletes may overlap; a put must be alone on its key, but the
/// two branches of a nested transaction may put the same one.
fn changes(ops: &[RequestOp]) -> Result<Changes, Error> {
    let deletes = ops.iter().filter_map(|op| match &op.request {
        Some(Request::DeleteRange(delete)) => {
            Some(Deleted { key: delete.key.clone(), range_end: delete.range_end.clone() })
        }
        _ => None,
    });
    let mut all = Changes { puts: Set::new(), deletes: deletes.collect() };
    for op in ops {
        let Some(Request::Txn(nested)) = &op.request else { continue };
        let then = changes(&nested.success)?;
        let otherwise = changes(&nested.failure)?;
        for key in &then.puts {
            all.put(key, false)?;
        }
        for key in &otherwise.puts {
            all.put(key, then.puts.contains(key))?;
        }
        all.deletes.extend(then.deletes);
        all.deletes.extend(otherwise.deletes);
    }
    for op in ops {
        if let Some(Request::Put(put)) = &op.request {
            all.put(&put.key, false)?;
        }
    }
    Ok(all)
}

impl Changes {
    fn put(&mut self, key: &Bytes, excluded_by_branch: bool) -> Result<(), Error> {
        let twice = self.puts.contains(key) && !excluded_by_branch;
        if twice || self.deletes.iter().any(|deleted| deleted.collides(key)) {
            return Err(Error::DuplicateKey);
        }
        self.puts.insert(key.clone());
        Ok(())
    }
}
