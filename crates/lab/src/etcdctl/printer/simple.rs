//! `-w simple`: lines for people and scripts.

use std::fmt::Write as _;

use etcd::pb::response_op::Response;
use etcd::pb::{self, EventType, KeyValue, PermissionType};

use super::super::kv::prefix_end;
use super::{Printer, Shown, Text, rows};

pub(super) fn text(printer: &Printer, shown: &Shown) -> Text {
    let mut text = Text::default();
    let out = &mut text.out;
    match shown {
        Shown::Put(answer) => put(printer, out, answer),
        Shown::Get(answer, values_only) => {
            answer.kvs.iter().for_each(|pair| kv(printer, out, *values_only, pair));
        }
        Shown::Del(answer) => del(printer, out, answer),
        Shown::Txn(answer) => txn(printer, out, answer),
        Shown::Watch(view) => {
            for event in view.events.iter().flatten() {
                line(out, event_name(event));
                event.prev_kv.iter().for_each(|pair| kv(printer, out, false, pair));
                event.kv.iter().for_each(|pair| kv(printer, out, false, pair));
            }
        }
        Shown::Health(list) => {
            for health in list {
                if health.error.is_empty() {
                    let took = &health.took;
                    let said = "is healthy: successfully committed proposal: took =";
                    line(out, &format!("{} {said} {took}", health.endpoint));
                } else {
                    let said = "is unhealthy: failed to commit proposal:";
                    line(&mut text.err, &format!("{} {said} {}", health.endpoint, health.error));
                }
            }
        }
        Shown::Members(_) | Shown::Status(_) | Shown::HashKv(_) => {
            let rows = rows::of(printer, shown).map(|(_, rows)| rows).unwrap_or_default();
            rows.iter().for_each(|row| line(out, &row.join(", ")));
        }
        Shown::User(name, answer) => {
            let roles: String = answer.roles.iter().map(|role| format!(" {role}")).collect();
            line(out, &format!("User: {name}\nRoles:{roles}"));
        }
        Shown::Users(answer) => answer.users.iter().for_each(|name| line(out, name)),
        Shown::Roles(answer) => answer.roles.iter().for_each(|name| line(out, name)),
        Shown::Role(name, answer) => role(printer, out, name, &answer.perm),
        _ => line_of(printer, shown, out),
    }
    text
}

/// A role's permissions, those to read and those to write.
fn role(printer: &Printer, out: &mut Vec<u8>, name: &str, permissions: &[pb::Permission]) {
    line(out, &format!("Role {name}"));
    for (title, kind) in [("Read", PermissionType::Read), ("Write", PermissionType::Write)] {
        line(out, &format!("KV {title}:"));
        if name == "root" && permissions.is_empty() && printer.is_3_6 {
            line(out, "\t[, <open ended>");
        }
        let both = PermissionType::Readwrite;
        for perm in permissions.iter().filter(|it| [kind, both].contains(&it.perm_type())) {
            out.push(b'\t');
            out.extend_from_slice(&keys_of(printer, perm));
            out.push(b'\n');
        }
    }
}

fn keys_of(printer: &Printer, perm: &pb::Permission) -> Vec<u8> {
    let (key, end) = (&perm.key[..], &perm.range_end[..]);
    let mut said = match end {
        b"" => return key.to_vec(),
        b"\0" => [b"[", key, b", <open ended>"].concat(),
        _ => [b"[", key, b", ", end, b")"].concat(),
    };
    // Until 3.5 the keys from the empty one on counted as a prefix too.
    if prefix_end(key) == end && (!key.is_empty() || !printer.is_3_6) {
        said.extend_from_slice(&[b" (prefix ", key, b")"].concat());
    }
    said
}

/// The answers that are a line or two.
fn line_of(printer: &Printer, shown: &Shown, out: &mut Vec<u8>) {
    let cluster =
        |header: &Option<pb::ResponseHeader>| header.as_ref().map_or(0, |header| header.cluster_id);
    let said = match shown {
        Shown::Grant(answer) => {
            format!("lease {:016x} granted with TTL({}s)", answer.id, answer.ttl)
        }
        Shown::Revoke(id, _) => format!("lease {id:016x} revoked"),
        Shown::KeepAlive(answer) => {
            format!("lease {:016x} keepalived with TTL({})", answer.id, answer.ttl)
        }
        Shown::TimeToLive(answer, keys) => time_to_live(answer, *keys),
        Shown::Leases(answer) => {
            let mut said = format!("found {} leases", answer.leases.len());
            for lease in &answer.leases {
                let _ = write!(said, "\n{:016x}", lease.id);
            }
            said
        }
        Shown::MemberAdd(answer) => {
            let member = answer.member.clone().unwrap_or_default();
            // 3.5 says the same of both.
            let learner = member.is_learner && printer.is_3_6;
            let kind = if learner { " as learner " } else { " " };
            let cluster = cluster(&answer.header);
            format!("Member {:16x} added{kind}to cluster {cluster:16x}", member.id)
        }
        Shown::MemberChange(id, done, answer) => {
            format!("Member {id:16x} {done} cluster {:16x}", cluster(&answer.header))
        }
        Shown::Done(said, _) => said.clone(),
        Shown::AuthStatus(answer) => {
            let (enabled, revision) = (answer.enabled, answer.auth_revision);
            format!("Authentication Status: {enabled}\nAuthRevision: {revision}")
        }
        Shown::Downgrade(done, answer) => {
            format!("Downgrade {done} success, cluster version {}", answer.version)
        }
        Shown::MoveLeader(from, to, _) => {
            format!("Leadership transferred from {from:x} to {to:x}")
        }
        Shown::Alarm(answer) => {
            for alarm in &answer.alarms {
                line(out, &alarm_text(alarm));
            }
            return;
        }
        _ => unreachable!("the caller prints the others"),
    };
    line(out, &said);
}

fn time_to_live(answer: &pb::LeaseTimeToLiveResponse, keys: bool) -> String {
    if answer.granted_ttl == 0 && answer.ttl == -1 {
        return format!("lease {:016x} already expired", answer.id);
    }
    let mut said = format!(
        "lease {:016x} granted with TTL({}s), remaining({}s)",
        answer.id, answer.granted_ttl, answer.ttl
    );
    if keys {
        let keys: Vec<_> = answer.keys.iter().map(|key| String::from_utf8_lossy(key)).collect();
        let _ = write!(said, ", attached keys([{}])", keys.join(" "));
    }
    said
}

/// An alarm as gogo/protobuf's compact text has it, with its trailing blank.
fn alarm_text(alarm: &pb::AlarmMember) -> String {
    let mut said = String::new();
    if alarm.member_id != 0 {
        let _ = write!(said, "memberID:{} ", alarm.member_id);
    }
    match alarm_name(alarm) {
        "NONE" => {}
        name => drop(write!(said, "alarm:{name} ")),
    }
    said
}

pub(super) fn alarm_name(alarm: &pb::AlarmMember) -> &'static str {
    match alarm.alarm() {
        pb::AlarmType::None => "NONE",
        pb::AlarmType::Nospace => "NOSPACE",
        pb::AlarmType::Corrupt => "CORRUPT",
    }
}

pub(super) fn event_name(event: &pb::Event) -> &'static str {
    match event.r#type() {
        EventType::Put => "PUT",
        EventType::Delete => "DELETE",
    }
}

fn put(printer: &Printer, out: &mut Vec<u8>, answer: &pb::PutResponse) {
    line(out, "OK");
    answer.prev_kv.iter().for_each(|pair| kv(printer, out, false, pair));
}

fn del(printer: &Printer, out: &mut Vec<u8>, answer: &pb::DeleteRangeResponse) {
    line(out, &answer.deleted.to_string());
    answer.prev_kvs.iter().for_each(|pair| kv(printer, out, false, pair));
}

fn txn(printer: &Printer, out: &mut Vec<u8>, answer: &pb::TxnResponse) {
    line(out, if answer.succeeded { "SUCCESS" } else { "FAILURE" });
    for op in &answer.responses {
        line(out, "");
        match &op.response {
            Some(Response::Range(answer)) => {
                answer.kvs.iter().for_each(|pair| kv(printer, out, false, pair));
            }
            Some(Response::Put(answer)) => put(printer, out, answer),
            Some(Response::DeleteRange(answer)) => del(printer, out, answer),
            Some(Response::Txn(answer)) => txn(printer, out, answer),
            None => {}
        }
    }
}

fn kv(printer: &Printer, out: &mut Vec<u8>, value_only: bool, pair: &KeyValue) {
    let mut put = |bytes: &[u8]| {
        if printer.hex {
            bytes
                .iter()
                .for_each(|byte| out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()));
        } else {
            out.extend_from_slice(bytes);
        }
        out.push(b'\n');
    };
    if !value_only {
        put(&pair.key);
    }
    put(&pair.value);
}

fn line(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}
