//! `-w json`: Go's `encoding/json` of the answers' Go structs, field order and all.

use etcd::pb::response_op::Response;
use etcd::pb::{self, KeyValue, ResponseHeader};

use super::super::go::json::{self, Object};
use super::{Printer, Shown, WatchView};

/// The text. Everything has JSON.
pub(super) fn text(printer: &Printer, shown: &Shown) -> Option<Vec<u8>> {
    let text = match shown {
        Shown::Put(answer) => put(answer),
        Shown::Get(answer, _) => range(answer),
        Shown::Del(answer) => delete(answer),
        Shown::Txn(answer) => txn(answer),
        Shown::Watch(view) => watch(view),
        Shown::Revoke(_, answer) => with_header(answer.header.as_ref()).end(),
        Shown::MoveLeader(_, _, answer) => with_header(answer.header.as_ref()).end(),
        Shown::MemberAdd(answer) => {
            let mut object = with_header(answer.header.as_ref());
            if let Some(added) = &answer.member {
                object = object.raw("member", &member(added));
            }
            object.some_list("members", &members(&answer.members)).end()
        }
        Shown::Members(answer) if printer.hex => hex_members(printer, answer),
        Shown::Members(answer) | Shown::MemberChange(_, _, answer) => {
            with_header(answer.header.as_ref())
                .some_list("members", &members(&answer.members))
                .end()
        }
        Shown::Health(list) => nil_list(
            printer,
            list.iter().map(|health| {
                Object::default()
                    .string("endpoint", &health.endpoint)
                    .raw("health", &health.error.is_empty().to_string())
                    .string("took", &health.took)
                    .some_string("error", &health.error)
                    .end()
            }),
        ),
        Shown::Status(list) => nil_list(
            printer,
            list.iter().map(|(endpoint, answer)| {
                let answer = status(printer, answer);
                Object::default().string("Endpoint", endpoint).raw("Status", &answer).end()
            }),
        ),
        Shown::HashKv(list) => nil_list(
            printer,
            list.iter().map(|(endpoint, answer)| {
                let answer = hash_kv(printer, answer);
                Object::default().string("Endpoint", endpoint).raw("HashKV", &answer).end()
            }),
        ),
        Shown::Alarm(answer) => {
            let alarms: Vec<String> = answer.alarms.iter().map(alarm).collect();
            with_header(answer.header.as_ref()).some_list("alarms", &alarms).end()
        }
        Shown::Done(_, answer) => with_header(answer.header.as_ref()).end(),
        Shown::AuthStatus(_)
        | Shown::User(..)
        | Shown::Users(_)
        | Shown::Role(..)
        | Shown::Roles(_)
        | Shown::Downgrade(..) => auth(shown),
        _ => lease(shown),
    };
    Some(format!("{text}\n").into_bytes())
}

/// Users, roles and the like.
fn auth(shown: &Shown) -> String {
    let names = |names: &[String]| names.iter().map(|name| json::string(name)).collect::<Vec<_>>();
    let object = |header: &Option<ResponseHeader>| with_header(header.as_ref());
    match shown {
        Shown::AuthStatus(answer) => object(&answer.header)
            .some_true("enabled", answer.enabled)
            .some_number("authRevision", answer.auth_revision.into())
            .end(),
        Shown::User(_, answer) => {
            object(&answer.header).some_list("roles", &names(&answer.roles)).end()
        }
        Shown::Users(answer) => {
            object(&answer.header).some_list("users", &names(&answer.users)).end()
        }
        Shown::Roles(answer) => {
            object(&answer.header).some_list("roles", &names(&answer.roles)).end()
        }
        Shown::Role(_, answer) => {
            let permissions: Vec<String> = answer
                .perm
                .iter()
                .map(|perm| {
                    Object::default()
                        .some_number("permType", perm.perm_type.into())
                        .some_bytes("key", &perm.key)
                        .some_bytes("range_end", &perm.range_end)
                        .end()
                })
                .collect();
            object(&answer.header).some_list("perm", &permissions).end()
        }
        Shown::Downgrade(_, answer) => {
            object(&answer.header).some_string("version", &answer.version).end()
        }
        _ => unreachable!("the caller prints the others"),
    }
}

/// 3.6 leaves an empty list nil, 3.5 makes it empty.
fn nil_list(printer: &Printer, items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() && printer.is_3_6 { "null".to_owned() } else { json::list(&items) }
}

fn header_fields(object: Object, header: &ResponseHeader) -> Object {
    object
        .some_number("cluster_id", header.cluster_id.into())
        .some_number("member_id", header.member_id.into())
        .some_number("revision", header.revision.into())
        .some_number("raft_term", header.raft_term.into())
}

fn header(header: &ResponseHeader) -> String {
    header_fields(Object::default(), header).end()
}

fn with_header(of: Option<&ResponseHeader>) -> Object {
    match of {
        Some(of) => Object::default().raw("header", &header(of)),
        None => Object::default(),
    }
}

fn kv(pair: &KeyValue) -> String {
    Object::default()
        .some_bytes("key", &pair.key)
        .some_number("create_revision", pair.create_revision.into())
        .some_number("mod_revision", pair.mod_revision.into())
        .some_number("version", pair.version.into())
        .some_bytes("value", &pair.value)
        .some_number("lease", pair.lease.into())
        .end()
}

fn kvs(pairs: &[KeyValue]) -> Vec<String> {
    pairs.iter().map(kv).collect()
}

fn put(answer: &pb::PutResponse) -> String {
    let object = with_header(answer.header.as_ref());
    match &answer.prev_kv {
        Some(pair) => object.raw("prev_kv", &kv(pair)).end(),
        None => object.end(),
    }
}

fn range(answer: &pb::RangeResponse) -> String {
    with_header(answer.header.as_ref())
        .some_list("kvs", &kvs(&answer.kvs))
        .some_true("more", answer.more)
        .some_number("count", answer.count.into())
        .end()
}

fn delete(answer: &pb::DeleteRangeResponse) -> String {
    with_header(answer.header.as_ref())
        .some_number("deleted", answer.deleted.into())
        .some_list("prev_kvs", &kvs(&answer.prev_kvs))
        .end()
}

fn txn(answer: &pb::TxnResponse) -> String {
    let responses: Vec<String> = answer
        .responses
        .iter()
        .map(|op| {
            let (name, body) = match &op.response {
                Some(Response::Range(answer)) => ("response_range", range(answer)),
                Some(Response::Put(answer)) => ("response_put", put(answer)),
                Some(Response::DeleteRange(answer)) => ("response_delete_range", delete(answer)),
                Some(Response::Txn(answer)) => ("response_txn", txn(answer)),
                None => return Object::default().raw("Response", "null").end(),
            };
            let inner = Object::default().raw(name, &body).end();
            Object::default().raw("Response", &inner).end()
        })
        .collect();
    with_header(answer.header.as_ref())
        .some_true("succeeded", answer.succeeded)
        .some_list("responses", &responses)
        .end()
}

fn watch(view: &WatchView) -> String {
    let event = |event: &pb::Event| {
        let mut object = Object::default().some_number("type", event.r#type.into());
        if let Some(pair) = &event.kv {
            object = object.raw("kv", &kv(pair));
        }
        if let Some(pair) = &event.prev_kv {
            object = object.raw("prev_kv", &kv(pair));
        }
        object.end()
    };
    let events = match &view.events {
        Some(events) => json::list(&events.iter().map(event).collect::<Vec<_>>()),
        None => "null".to_owned(),
    };
    Object::default()
        .raw("Header", &header(&view.header))
        .raw("Events", &events)
        .number("CompactRevision", view.compact_revision)
        .number("Canceled", view.canceled)
        .number("Created", view.created)
        .end()
}

/// The lease answers of the client library carry the header's fields at their top.
fn lease(shown: &Shown) -> String {
    let top = |header: &Option<ResponseHeader>| {
        header_fields(Object::default(), &header.clone().unwrap_or_default())
    };
    match shown {
        Shown::Grant(answer) => top(&answer.header)
            .number("ID", answer.id)
            .number("TTL", answer.ttl)
            .string("Error", &answer.error)
            .end(),
        Shown::KeepAlive(answer) => {
            top(&answer.header).number("ID", answer.id).number("TTL", answer.ttl).end()
        }
        Shown::TimeToLive(answer, _) => {
            let keys: Vec<String> = answer.keys.iter().map(|key| json::bytes(key)).collect();
            let keys = if keys.is_empty() { "null".to_owned() } else { json::list(&keys) };
            top(&answer.header)
                .number("id", answer.id)
                .number("ttl", answer.ttl)
                .number("granted-ttl", answer.granted_ttl)
                .raw("keys", &keys)
                .end()
        }
        Shown::Leases(answer) => {
            let id = |lease: &pb::LeaseStatus| Object::default().number("id", lease.id).end();
            let leases: Vec<String> = answer.leases.iter().map(id).collect();
            top(&answer.header).raw("leases", &json::list(&leases)).end()
        }
        _ => unreachable!("the caller prints the others"),
    }
}

fn member(member: &pb::Member) -> String {
    let urls = |urls: &[String]| urls.iter().map(|url| json::string(url)).collect::<Vec<_>>();
    Object::default()
        .some_number("ID", member.id.into())
        .some_string("name", &member.name)
        .some_list("peerURLs", &urls(&member.peer_urls))
        .some_list("clientURLs", &urls(&member.client_urls))
        .some_true("isLearner", member.is_learner)
        .end()
}

fn members(list: &[pb::Member]) -> Vec<String> {
    list.iter().map(member).collect()
}

/// `member list --hex` is put together by hand in etcdctl and leaves things out.
fn hex_members(printer: &Printer, answer: &pb::MemberListResponse) -> String {
    let header = answer.header.clone().unwrap_or_default();
    let head = Object::default()
        .string("cluster_id", &format!("{:x}", header.cluster_id))
        .string("member_id", &format!("{:x}", header.member_id))
        .number("raft_term", header.raft_term)
        .end();
    let client_urls = if printer.is_3_6 { "clientURLs" } else { "clientURLS" };
    let members: Vec<String> = answer
        .members
        .iter()
        .map(|member| {
            Object::default()
                .string("ID", &format!("{:x}", member.id))
                .raw("name", &format!("\"{}\"", member.name))
                .raw("peerURLs", &json::strings(&member.peer_urls))
                .raw(client_urls, &json::strings(&member.client_urls))
                .end()
        })
        .collect();
    Object::default().raw("header", &head).some_list("members", &members).end()
}

fn status(printer: &Printer, status: &pb::StatusResponse) -> String {
    let errors: Vec<String> = status.errors.iter().map(|error| json::string(error)).collect();
    let mut object = with_header(status.header.as_ref())
        .some_string("version", &status.version)
        .some_number("dbSize", status.db_size.into())
        .some_number("leader", status.leader.into())
        .some_number("raftIndex", status.raft_index.into())
        .some_number("raftTerm", status.raft_term.into())
        .some_number("raftAppliedIndex", status.raft_applied_index.into())
        .some_list("errors", &errors)
        .some_number("dbSizeInUse", status.db_size_in_use.into())
        .some_true("isLearner", status.is_learner);
    if printer.is_3_6 {
        object = object
            .some_string("storageVersion", &status.storage_version)
            .some_number("dbSizeQuota", status.db_size_quota.into());
        if let Some(downgrade) = &status.downgrade_info {
            let downgrade = Object::default()
                .some_true("enabled", downgrade.enabled)
                .some_string("targetVersion", &downgrade.target_version)
                .end();
            object = object.raw("downgradeInfo", &downgrade);
        }
    }
    object.end()
}

fn hash_kv(printer: &Printer, answer: &pb::HashKvResponse) -> String {
    let object = with_header(answer.header.as_ref())
        .some_number("hash", answer.hash.into())
        .some_number("compact_revision", answer.compact_revision.into());
    if printer.is_3_6 {
        return object.some_number("hash_revision", answer.hash_revision.into()).end();
    }
    object.end()
}

fn alarm(alarm: &pb::AlarmMember) -> String {
    Object::default()
        .some_number("memberID", alarm.member_id.into())
        .some_number("alarm", alarm.alarm.into())
        .end()
}
