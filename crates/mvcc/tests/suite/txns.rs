//! Transactions, rule by rule.

use bytes::Bytes;
use mvcc::pb::{
    Compare, RangeRequest, RequestOp, ResponseHeader, TxnRequest, compare::TargetUnion,
    request_op::Request, response_op::Response,
};
use mvcc::{Error, Store, is_txn_readonly, is_txn_serializable, validate_txn};

use crate::{all, compact, delete, op, put, range, then};

fn put_op(key: &str) -> RequestOp {
    op(Request::Put(put(key, "v")))
}

fn del_op(key: &str, end: &str) -> RequestOp {
    op(Request::DeleteRange(delete(key, end)))
}

fn get_op(key: &str) -> RequestOp {
    op(Request::Range(range(key, "")))
}

fn txn_op(success: Vec<RequestOp>, failure: Vec<RequestOp>) -> RequestOp {
    op(Request::Txn(TxnRequest { compare: Vec::new(), success, failure }))
}

#[test]
fn no_branch_changes_a_key_twice() {
    let table = [
        (vec![put_op("a"), put_op("b")], true),
        (vec![put_op("a"), put_op("a")], false),
        (vec![put_op("a"), del_op("a", "")], false),
        (vec![del_op("a", ""), put_op("a")], false),
        (vec![del_op("a", "c"), put_op("b")], false),
        (vec![del_op("a", "c"), put_op("c")], true),
        (vec![del_op("b", "c"), put_op("a")], true),
        (vec![del_op("a", ""), del_op("a", "")], true),
        (vec![del_op("a", "c"), del_op("b", "")], true),
        (vec![get_op("a"), put_op("a"), get_op("a")], true),
        // From a key on: etcd compares with the end as it is written.
        (vec![del_op("a", "\0"), put_op("b")], true),
        (vec![del_op("a", "\0"), put_op("a")], false),
        (vec![put_op("a"), txn_op(vec![put_op("a")], vec![])], false),
        (vec![put_op("a"), txn_op(vec![], vec![put_op("a")])], false),
        (vec![txn_op(vec![put_op("a")], vec![put_op("a")])], true),
        (vec![txn_op(vec![put_op("a")], vec![del_op("a", "")])], true),
        (vec![txn_op(vec![put_op("a")], vec![]), txn_op(vec![put_op("a")], vec![])], false),
        (vec![txn_op(vec![put_op("a")], vec![]), txn_op(vec![], vec![put_op("a")])], false),
        (vec![txn_op(vec![del_op("a", "")], vec![]), put_op("a")], false),
        (vec![del_op("a", ""), txn_op(vec![put_op("a")], vec![])], false),
        (vec![txn_op(vec![txn_op(vec![put_op("a")], vec![])], vec![]), put_op("a")], false),
        // Not looked for: a put in one nested transaction, a delete in a later one.
        (vec![txn_op(vec![put_op("a")], vec![]), txn_op(vec![del_op("a", "")], vec![])], true),
    ];
    for (at, (ops, fine)) in table.into_iter().enumerate() {
        let want = if fine { Ok(()) } else { Err(Error::DuplicateKey) };
        let success = then(ops.clone());
        let failure = TxnRequest { failure: ops, ..TxnRequest::default() };
        assert_eq!(validate_txn(&success, 128), want, "row {at}");
        assert_eq!(validate_txn(&failure, 128), want, "row {at}");
    }
}

#[test]
fn a_transaction_has_so_many_operations() {
    let puts = |many: usize| -> Vec<RequestOp> {
        (0..many).map(|number| put_op(&number.to_string())).collect()
    };
    let compares = |many: usize| -> Vec<Compare> {
        let compare = Compare { key: Bytes::from_static(b"k"), ..Compare::default() };
        vec![compare; many]
    };
    let table = [
        (TxnRequest { success: puts(128), failure: puts(128), compare: compares(128) }, true),
        (TxnRequest { success: puts(129), ..TxnRequest::default() }, false),
        (TxnRequest { failure: puts(129), ..TxnRequest::default() }, false),
        (TxnRequest { compare: compares(129), ..TxnRequest::default() }, false),
        (then(vec![txn_op(puts(127), vec![])]), true),
        (then(vec![txn_op(puts(128), vec![])]), false),
        (then(vec![txn_op(vec![txn_op(puts(126), vec![])], vec![])]), true),
        (then(vec![txn_op(vec![txn_op(puts(127), vec![])], vec![])]), false),
    ];
    for (at, (request, fine)) in table.into_iter().enumerate() {
        let want = if fine { Ok(()) } else { Err(Error::TooManyOps) };
        assert_eq!(validate_txn(&request, 128), want, "row {at}");
    }
}

#[test]
fn operations_are_checked_one_by_one() {
    let bad_sort = RangeRequest { sort_order: 9, ..range("a", "") };
    let mut bad_put = put("a", "v");
    bad_put.ignore_value = true;
    let table = [
        (then(vec![put_op("")]), Error::EmptyKey),
        (then(vec![del_op("", "a")]), Error::EmptyKey),
        (then(vec![get_op("")]), Error::EmptyKey),
        (then(vec![op(Request::Range(bad_sort))]), Error::InvalidSortOption),
        (then(vec![op(Request::Put(bad_put))]), Error::ValueProvided),
        (then(vec![RequestOp { request: None }]), Error::KeyNotFound),
        (then(vec![txn_op(vec![], vec![put_op("")])]), Error::EmptyKey),
        (TxnRequest { compare: vec![Compare::default()], ..then(vec![]) }, Error::EmptyKey),
    ];
    for (request, want) in table {
        assert_eq!(validate_txn(&request, 128), Err(want), "{request:?}");
    }
}

fn compare(text: &str) -> Compare {
    let words: Vec<&str> = text.split(' ').collect();
    let number = || words[3].parse().unwrap();
    let (target, union) = match words[0] {
        "ver" => (0, TargetUnion::Version(number())),
        "create" => (1, TargetUnion::CreateRevision(number())),
        "mod" => (2, TargetUnion::ModRevision(number())),
        "val" => (3, TargetUnion::Value(Bytes::from(words[3].to_string()))),
        "lease" => (4, TargetUnion::Lease(number())),
        other => panic!("{other}"),
    };
    let result = ["=", ">", "<", "!="].iter().position(|op| *op == words[2]).unwrap();
    let (key, range_end) = words[1].split_once('-').unwrap_or((words[1], ""));
    Compare {
        result: result as i32,
        target,
        key: Bytes::from(key.to_string()),
        target_union: Some(union),
        range_end: Bytes::from(range_end.to_string()),
    }
}

#[test]
fn compares() {
    let (mut store, _) = Store::create();
    store.lease_grant(7, 60, 0).unwrap();
    for (key, value, lease) in [("a", "1", 0), ("b", "5", 7), ("b", "5", 7), ("c", "9", 7)] {
        let mut request = put(key, value);
        request.lease = lease;
        store.put(&request).unwrap();
    }
    let table = [
        ("ver b = 2", true),
        ("ver b > 1", true),
        ("ver b < 2", false),
        ("ver b != 2", false),
        ("create b = 3", true),
        ("mod b = 4", true),
        ("mod b > 4", false),
        ("val b = 5", true),
        ("val b > 10", true),
        ("val b < 6", true),
        ("val b != 5", false),
        ("lease b = 7", true),
        ("lease a = 0", true),
        ("ver x = 0", true),
        ("mod x > 0", false),
        ("lease x = 0", true),
        ("val x != 1", false),
        ("val x = ", false),
        ("mod a-d > 1", true),
        ("mod a-d > 2", false),
        ("val a-d < 9", false),
        ("ver x-z = 0", true),
        ("val x-z != 1", false),
    ];
    for (text, want) in table {
        let request = TxnRequest { compare: vec![compare(text)], ..TxnRequest::default() };
        assert_eq!(store.txn_read(&request).unwrap().succeeded, want, "{text}");
        assert_eq!(store.txn(&request).unwrap().succeeded, want, "{text}");
        let both = TxnRequest { compare: vec![compare("ver b = 2"), compare(text)], ..request };
        assert_eq!(store.txn(&both).unwrap().succeeded, want, "all must hold: {text}");
    }
    assert_eq!(store.revision(), 5);
}

#[test]
fn operations_see_those_before_them() {
    let (mut store, _) = Store::create();
    store.put(&put("a", "old")).unwrap();
    let past = RangeRequest { revision: 2, ..range("a", "") };
    let request = then(vec![
        get_op("a"),
        op(Request::Put(put("a", "new"))),
        get_op("a"),
        op(Request::Range(past)),
        del_op("b", "z"),
        txn_op(vec![put_op("b"), get_op("b")], vec![]),
    ]);
    let response = store.txn(&request).unwrap();
    assert!(response.succeeded);
    let header = |revision| Some(ResponseHeader { revision, ..ResponseHeader::default() });
    let value = |response: &Response| match response {
        Response::Range(found) => found.kvs[0].value.clone(),
        other => panic!("{other:?}"),
    };
    let inner: Vec<&Response> =
        response.responses.iter().map(|r| r.response.as_ref().unwrap()).collect();
    assert_eq!(value(inner[0]), "old");
    assert_eq!(value(inner[2]), "new");
    assert_eq!(value(inner[3]), "old");
    let headers: Vec<_> = inner
        .iter()
        .map(|response| match response {
            Response::Range(found) => found.header.clone(),
            Response::Put(found) => found.header.clone(),
            Response::DeleteRange(found) => found.header.clone(),
            Response::Txn(found) => found.header.clone(),
        })
        .collect();
    assert_eq!(headers[..5], [2, 3, 3, 3, 3].map(header), "before and after the first change");
    assert_eq!(headers[5], header(0), "that of a nested transaction stays empty");
    assert_eq!(all(&store), "a=new@2/3/2 b=v@3/3/1", "one revision for all");
    let newest: Vec<String> = store.history(2).iter().map(|(rev, ..)| rev.to_string()).collect();
    assert_eq!(newest, ["3_1", "3_0"]);
}

/// Compares of nested transactions look at the state before the outer one.
#[test]
fn nested_compares_see_the_beginning() {
    let (mut store, _) = Store::create();
    let nested = TxnRequest {
        compare: vec![compare("ver a = 0")],
        success: vec![put_op("then")],
        failure: vec![put_op("else")],
    };
    store.txn(&then(vec![put_op("a"), op(Request::Txn(nested))])).unwrap();
    assert_eq!(all(&store), "a=v@2/2/1 then=v@2/2/1");
}

#[test]
fn what_would_fail_is_found_before_anything_is_applied() {
    let (mut store, _) = Store::create();
    for value in ["1", "2", "3"] {
        store.put(&put("a", value)).unwrap();
    }
    compact(&mut store, 3);
    let mut leased = put("l", "v");
    leased.lease = 99;
    let mut keeping = put("k", "");
    keeping.ignore_value = true;
    let at = |revision| op(Request::Range(RangeRequest { revision, ..range("a", "") }));
    let table = [
        (op(Request::Put(leased)), Err(Error::LeaseNotFound)),
        (op(Request::Put(keeping)), Err(Error::KeyNotFound)),
        (at(9), Err(Error::FutureRevision)),
        (at(5), Err(Error::FutureRevision)),
        (at(2), Err(Error::Compacted)),
        (at(-1), Err(Error::Compacted)),
        (at(3), Ok(())),
    ];
    for (bad, want) in table {
        let before = (store.revision(), store.running_hash());
        let request = then(vec![put_op("b"), txn_op(vec![bad.clone()], vec![])]);
        assert_eq!(store.txn(&request).map(drop), want, "{bad:?}");
        if want.is_err() {
            assert_eq!((store.revision(), store.running_hash()), before, "{bad:?}");
        }
        let other_branch = TxnRequest { success: vec![], failure: vec![bad], ..then(vec![]) };
        assert!(store.txn(&other_branch).is_ok(), "only the chosen branch is looked at");
    }
    assert_eq!(store.revision(), 5);
}

#[test]
fn what_only_reads() {
    let serializable = op(Request::Range(RangeRequest { serializable: true, ..range("a", "") }));
    let table = [
        (then(vec![]), true, true),
        (then(vec![get_op("a")]), true, false),
        (then(vec![serializable.clone()]), true, true),
        (then(vec![serializable.clone(), get_op("a")]), true, false),
        (then(vec![put_op("a")]), false, false),
        (TxnRequest { failure: vec![del_op("a", "")], ..then(vec![]) }, false, false),
        // etcd does not look inside.
        (then(vec![txn_op(vec![serializable], vec![])]), false, false),
    ];
    for (request, readonly, all_serializable) in table {
        assert_eq!(is_txn_readonly(&request), readonly, "{request:?}");
        assert_eq!(is_txn_serializable(&request), all_serializable, "{request:?}");
    }
}
