//! Transactions: compares, then one of two branches, all or nothing.

use std::slice::Iter;

use crate::Error;
use crate::index::Span;
use crate::pb::{
    Compare, CompareResult, CompareTarget, KeyValue, RangeRequest, RequestOp, ResponseHeader,
    ResponseOp, TxnRequest, TxnResponse, compare::TargetUnion, request_op::Request,
    response_op::Response,
};
use crate::store::Store;

/// Whether every operation of both branches is a range: then the transaction never enters the log.
pub fn is_txn_readonly(request: &TxnRequest) -> bool {
    all_ops(request).all(|op| matches!(op.request, Some(Request::Range(_))))
}

/// Whether every operation of both branches is a serializable range.
pub fn is_txn_serializable(request: &TxnRequest) -> bool {
    all_ops(request).all(|op| matches!(&op.request, Some(Request::Range(r)) if r.serializable))
}

fn all_ops(request: &TxnRequest) -> impl Iterator<Item = &RequestOp> {
    request.success.iter().chain(&request.failure)
}

fn branch(request: &TxnRequest, succeeded: bool) -> &[RequestOp] {
    if succeeded { &request.success } else { &request.failure }
}

impl Store {
    /// Runs a transaction: all of the chosen branch, or an error and nothing at all. Its own
    /// header is left to the caller, those of its operations say the revision they saw.
    pub fn txn(&mut self, request: &TxnRequest) -> Result<TxnResponse, Error> {
        let mut path = Vec::new();
        self.choose(request, &mut path);
        self.check_txn(request, &mut path.iter())?;
        let response = self.run_txn(request, &mut path.iter());
        self.end();
        Ok(response)
    }

    /// Runs a transaction for which [`is_txn_readonly`] holds.
    pub fn txn_read(&self, request: &TxnRequest) -> Result<TxnResponse, Error> {
        let mut path = Vec::new();
        self.choose(request, &mut path);
        self.check_txn(request, &mut path.iter())?;
        let succeeded = path[0];
        let mut responses = Vec::new();
        for op in branch(request, succeeded) {
            let Some(Request::Range(range)) = &op.request else {
                panic!("txn_read is only for transactions that read");
            };
            responses.push(ResponseOp { response: Some(Response::Range(self.inner_range(range))) });
        }
        Ok(TxnResponse { header: None, succeeded, responses })
    }

    /// Evaluates the compares of a transaction and, in order, of those nested in its chosen
    /// branch: all of them on the state at the beginning.
    fn choose(&self, request: &TxnRequest, path: &mut Vec<bool>) {
        let succeeded = request.compare.iter().all(|compare| self.holds(compare));
        path.push(succeeded);
        for op in branch(request, succeeded) {
            if let Some(Request::Txn(nested)) = &op.request {
                self.choose(nested, path);
            }
        }
    }

    fn holds(&self, compare: &Compare) -> bool {
        let span = Span::new(&compare.key, &compare.range_end);
        let mut found = self.index.span(&span).filter_map(|entry| entry.live.as_ref()).peekable();
        if found.peek().is_none() {
            // A key that does not exist has no value to compare; its numbers are 0.
            let value = compare.target() == CompareTarget::Value;
            return !value && compare_pair(compare, &KeyValue::default());
        }
        found.all(|kv| compare_pair(compare, kv))
    }

    /// Looks for what would fail in the chosen path before any of it is applied.
    fn check_txn(&self, request: &TxnRequest, path: &mut Iter<'_, bool>) -> Result<(), Error> {
        let succeeded = *path.next().expect("choose pushed one for each transaction");
        for op in branch(request, succeeded) {
            match &op.request {
                Some(Request::Range(range)) => self.check_range(range)?,
                Some(Request::Put(put)) => self.check_put(put)?,
                Some(Request::Txn(nested)) => self.check_txn(nested, path)?,
                Some(Request::DeleteRange(_)) | None => {}
            }
        }
        Ok(())
    }

    fn check_range(&self, request: &RangeRequest) -> Result<(), Error> {
        match request.revision {
            0 => Ok(()),
            rev if rev > self.revision => Err(Error::FutureRevision),
            // Negative revisions are refused too, unlike outside of transactions.
            rev if rev < self.compacted => Err(Error::Compacted),
            _ => Ok(()),
        }
    }

    fn run_txn(&mut self, request: &TxnRequest, path: &mut Iter<'_, bool>) -> TxnResponse {
        let succeeded = *path.next().expect("choose pushed one for each transaction");
        let ops = branch(request, succeeded);
        let responses = ops.iter().map(|op| self.run_op(op, path)).collect();
        TxnResponse { header: None, succeeded, responses }
    }

    fn run_op(&mut self, op: &RequestOp, path: &mut Iter<'_, bool>) -> ResponseOp {
        let response = match &op.request {
            Some(Request::Range(range)) => Response::Range(self.inner_range(range)),
            Some(Request::Put(put)) => {
                let mut response = self.run_put(put);
                response.header = self.inner_header();
                Response::Put(response)
            }
            Some(Request::DeleteRange(delete)) => {
                let mut response = self.run_delete(delete);
                response.header = self.inner_header();
                Response::DeleteRange(response)
            }
            Some(Request::Txn(nested)) => {
                let mut response = self.run_txn(nested, path);
                // etcd leaves the header of a nested transaction empty.
                response.header = Some(ResponseHeader::default());
                Response::Txn(response)
            }
            None => return ResponseOp { response: None },
        };
        ResponseOp { response: Some(response) }
    }

    fn inner_range(&self, request: &RangeRequest) -> crate::pb::RangeResponse {
        let mut response = self.range(request).expect("check_txn looked at its revision");
        response.header = self.inner_header();
        response
    }

    fn inner_header(&self) -> Option<ResponseHeader> {
        Some(ResponseHeader { revision: self.current(), ..ResponseHeader::default() })
    }
}

fn compare_pair(compare: &Compare, kv: &KeyValue) -> bool {
    // A union that does not fit the target compares with nothing: 0 or the empty value.
    let union = compare.target_union.as_ref();
    let order = match compare.target() {
        CompareTarget::Value => match union {
            Some(TargetUnion::Value(value)) => kv.value.cmp(value),
            _ => kv.value.as_ref().cmp(b""),
        },
        CompareTarget::Create => match union {
            Some(TargetUnion::CreateRevision(rev)) => kv.create_revision.cmp(rev),
            _ => kv.create_revision.cmp(&0),
        },
        CompareTarget::Mod => match union {
            Some(TargetUnion::ModRevision(rev)) => kv.mod_revision.cmp(rev),
            _ => kv.mod_revision.cmp(&0),
        },
        CompareTarget::Version => match union {
            Some(TargetUnion::Version(version)) => kv.version.cmp(version),
            _ => kv.version.cmp(&0),
        },
        CompareTarget::Lease => match union {
            Some(TargetUnion::Lease(lease)) => kv.lease.cmp(lease),
            _ => kv.lease.cmp(&0),
        },
    };
    match compare.result() {
        CompareResult::Equal => order.is_eq(),
        CompareResult::NotEqual => order.is_ne(),
        CompareResult::Greater => order.is_gt(),
        CompareResult::Less => order.is_lt(),
    }
}
