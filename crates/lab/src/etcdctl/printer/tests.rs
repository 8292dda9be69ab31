//! Answers against what the real etcdctl printed of them.

use etcd::pb::response_op::Response;
use etcd::pb::{self, KeyValue, ResponseHeader, ResponseOp};

use super::*;

fn printer(name: &str, is_3_6: bool) -> Printer {
    Printer::named(name, false, is_3_6).unwrap()
}

fn out(printer: &Printer, shown: &Shown) -> String {
    String::from_utf8(printer.text(shown).unwrap().out).unwrap()
}

fn header(revision: i64) -> Option<ResponseHeader> {
    let (cluster_id, member_id) = (3_388_170_197_278_998_629, 6_987_771_583_291_745_523);
    Some(ResponseHeader { cluster_id, member_id, revision, raft_term: 2 })
}

fn pair(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned().into(),
        value: value.to_owned().into(),
        create_revision: 19,
        mod_revision: 19,
        version: 1,
        lease: 0,
    }
}

fn got() -> Shown {
    let kvs = vec![pair("a1", "v-a1")];
    Shown::Get(pb::RangeResponse { header: header(25), kvs, more: false, count: 1 }, false)
}

#[test]
fn a_pair_in_every_format() {
    assert_eq!(out(&printer("simple", true), &got()), "a1\nv-a1\n");
    assert_eq!(
        out(&printer("json", true), &got()),
        "{\"header\":{\"cluster_id\":3388170197278998629,\"member_id\":6987771583291745523,\
         \"revision\":25,\"raft_term\":2},\"kvs\":[{\"key\":\"YTE=\",\"create_revision\":19,\
         \"mod_revision\":19,\"version\":1,\"value\":\"di1hMQ==\"}],\"count\":1}\n"
    );
    assert_eq!(
        out(&printer("fields", true), &got()),
        "\"ClusterID\" : 3388170197278998629\n\"MemberID\" : 6987771583291745523\n\
         \"Revision\" : 25\n\"RaftTerm\" : 2\n\"Key\" : \"a1\"\n\"CreateRevision\" : 19\n\
         \"ModRevision\" : 19\n\"Version\" : 1\n\"Value\" : \"v-a1\"\n\"Lease\" : 0\n\
         \"More\" : false\n\"Count\" : 1\n"
    );
    let complaint = printer("table", true).text(&got()).unwrap_err();
    assert_eq!(complaint, Exit::new(BAD_FEATURE, "table not supported as output format"));
    let bytes = printer("protobuf", true).text(&got()).unwrap().out;
    assert_eq!(bytes.len(), 24 + 2 + 18 + 2);
    let hex = Printer { hex: true, ..printer("simple", true) };
    assert_eq!(out(&hex, &got()), "\\x61\\x31\n\\x76\\x2d\\x61\\x31\n");
}

#[test]
fn a_transaction() {
    let inner = Some(ResponseHeader { revision: 9, ..ResponseHeader::default() });
    let put = pb::PutResponse { header: inner, prev_kv: None };
    let responses = vec![ResponseOp { response: Some(Response::Put(put)) }];
    let shown = Shown::Txn(pb::TxnResponse { header: header(9), succeeded: true, responses });
    assert_eq!(out(&printer("simple", true), &shown), "SUCCESS\n\nOK\n");
    assert!(out(&printer("json", true), &shown).ends_with(
        "\"succeeded\":true,\"responses\":[{\"Response\":{\"response_put\":{\"header\":{\"revision\":9}}}}]}\n"
    ));
}

#[test]
fn no_endpoint_answered() {
    let none = Shown::Status(Vec::new());
    assert_eq!(out(&printer("json", true), &none), "null\n");
    assert_eq!(out(&printer("json", false), &none), "[]\n");
    assert_eq!(out(&printer("simple", true), &none), "");
}

#[test]
fn a_learner_is_named_in_3_6() {
    let member = pb::Member { id: 0xc45_a017_0681_6719, is_learner: true, ..pb::Member::default() };
    let answer = pb::MemberAddResponse { header: header(0), member: Some(member), members: vec![] };
    let shown = Shown::MemberAdd(answer);
    assert_eq!(
        out(&printer("simple", true), &shown),
        "Member  c45a01706816719 added as learner to cluster 2f0532d7d7614065\n"
    );
    assert_eq!(
        out(&printer("simple", false), &shown),
        "Member  c45a01706816719 added to cluster 2f0532d7d7614065\n"
    );
}

#[test]
fn status_in_both_releases() {
    let status = pb::StatusResponse {
        header: header(1),
        version: "3.6.14".to_owned(),
        db_size: 24_576,
        db_size_in_use: 16_384,
        leader: 6_987_771_583_291_745_523,
        raft_index: 12,
        raft_term: 2,
        raft_applied_index: 12,
        storage_version: "3.6.0".to_owned(),
        db_size_quota: 2_147_483_648,
        downgrade_info: Some(pb::DowngradeInfo::default()),
        ..pb::StatusResponse::default()
    };
    let shown = Shown::Status(vec![("127.0.0.1:23791".to_owned(), status)]);
    assert_eq!(
        out(&printer("simple", true), &shown),
        "127.0.0.1:23791, 60f98d3b71ac64f3, 3.6.14, 3.6.0, 25 kB, 16 kB, 34%, 2.1 GB, true, false, 2, 12, 12, , , false\n"
    );
    assert_eq!(
        out(&printer("simple", false), &shown),
        "127.0.0.1:23791, 60f98d3b71ac64f3, 3.6.14, 25 kB, true, false, 2, 12, 12, \n"
    );
}

#[test]
fn an_alarm_has_a_trailing_blank() {
    let alarms = vec![pb::AlarmMember { member_id: 7_445_599_390_133_392_379, alarm: 1 }];
    let shown = Shown::Alarm(pb::AlarmResponse { header: header(1), alarms });
    assert_eq!(
        out(&printer("simple", true), &shown),
        "memberID:7445599390133392379 alarm:NOSPACE \n"
    );
}
