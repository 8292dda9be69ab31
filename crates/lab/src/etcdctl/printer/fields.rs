//! `-w fields`: one `"Name" : value` a line.

use std::fmt::{Display, Write as _};

use etcd::pb::response_op::Response;
use etcd::pb::{self, KeyValue, ResponseHeader};

use super::super::go::quote::quote;
use super::simple::{alarm_name, event_name};
use super::{Printer, Shown};

/// The text, or none where etcdctl has no fields for an answer.
pub(super) fn text(printer: &Printer, shown: &Shown) -> Option<Vec<u8>> {
    let mut fields = Fields { printer, out: String::new() };
    match shown {
        Shown::Put(answer) => fields.put(answer),
        Shown::Get(answer, _) => fields.get(answer),
        Shown::Del(answer) => fields.del(answer),
        Shown::Txn(answer) => fields.txn(answer),
        Shown::Watch(view) => {
            fields.header(Some(&view.header));
            for event in view.events.iter().flatten() {
                fields.line("Type", event_name(event));
                event.prev_kv.iter().for_each(|pair| fields.kv("Prev", pair));
                event.kv.iter().for_each(|pair| fields.kv("", pair));
            }
        }
        Shown::Members(answer) => fields.members(answer),
        Shown::Health(list) => {
            for health in list {
                fields.quoted("Endpoint", &health.endpoint);
                fields.line("Health", health.error.is_empty());
                fields.line("Took", &health.took);
                fields.line("Error", &health.error);
                fields.out.push('\n');
            }
        }
        Shown::Status(list) => list.iter().for_each(|(ep, answer)| fields.status(ep, answer)),
        Shown::HashKv(list) => {
            for (endpoint, answer) in list {
                fields.header(answer.header.as_ref());
                fields.quoted("Endpoint", endpoint);
                fields.line("Hash", answer.hash);
                if printer.is_3_6 {
                    fields.line("HashRevision", answer.hash_revision);
                }
                fields.out.push('\n');
            }
        }
        Shown::Alarm(answer) => {
            fields.header(answer.header.as_ref());
            for alarm in &answer.alarms {
                fields.id("MemberID", alarm.member_id);
                fields.line("AlarmType", alarm_name(alarm));
                fields.out.push('\n');
            }
        }
        Shown::Done(_, answer) => fields.header(answer.header.as_ref()),
        Shown::Role(_, answer) => fields.role(answer),
        Shown::Roles(answer) => {
            fields.header(answer.header.as_ref());
            let quoted = answer.roles.iter().map(|name| format!(" {}", quote(name.as_bytes())));
            let _ = writeln!(fields.out, "\"Roles\" :{}", quoted.collect::<String>());
        }
        _ => return fields.lease(shown).then(|| fields.out.into_bytes()),
    }
    Some(fields.out.into_bytes())
}

struct Fields<'a> {
    printer: &'a Printer,
    out: String,
}

impl Fields<'_> {
    fn line(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.out, "\"{name}\" : {value}");
    }

    fn quoted(&mut self, name: &str, value: &str) {
        self.line(name, quote(value.as_bytes()));
    }

    /// Whether ids are printed in hexadecimal: 3.5 ignores the flag here.
    fn hex(&self) -> bool {
        self.printer.hex && self.printer.is_3_6
    }

    fn id(&mut self, name: &str, id: u64) {
        if self.hex() { self.line(name, format!("{id:x}")) } else { self.line(name, id) }
    }

    fn lease_id(&mut self, name: &str, id: i64) {
        if self.hex() { self.line(name, format!("{id:016x}")) } else { self.line(name, id) }
    }

    fn header(&mut self, header: Option<&ResponseHeader>) {
        let header = header.cloned().unwrap_or_default();
        self.id("ClusterID", header.cluster_id);
        self.id("MemberID", header.member_id);
        if header.revision > 0 || !self.printer.is_3_6 {
            self.line("Revision", header.revision);
        }
        self.line("RaftTerm", header.raft_term);
    }

    fn kv(&mut self, prefix: &str, pair: &KeyValue) {
        self.line(&format!("{prefix}Key"), quote(&pair.key));
        self.line(&format!("{prefix}CreateRevision"), pair.create_revision);
        self.line(&format!("{prefix}ModRevision"), pair.mod_revision);
        self.line(&format!("{prefix}Version"), pair.version);
        self.line(&format!("{prefix}Value"), quote(&pair.value));
        self.lease_id(&format!("{prefix}Lease"), pair.lease);
    }

    fn put(&mut self, answer: &pb::PutResponse) {
        self.header(answer.header.as_ref());
        answer.prev_kv.iter().for_each(|pair| self.kv("Prev", pair));
    }

    fn get(&mut self, answer: &pb::RangeResponse) {
        self.header(answer.header.as_ref());
        answer.kvs.iter().for_each(|pair| self.kv("", pair));
        self.line("More", answer.more);
        self.line("Count", answer.count);
    }

    fn del(&mut self, answer: &pb::DeleteRangeResponse) {
        self.header(answer.header.as_ref());
        self.line("Deleted", answer.deleted);
        answer.prev_kvs.iter().for_each(|pair| self.kv("Prev", pair));
    }

    fn txn(&mut self, answer: &pb::TxnResponse) {
        self.header(answer.header.as_ref());
        self.line("Succeeded", answer.succeeded);
        for op in &answer.responses {
            match &op.response {
                Some(Response::Range(answer)) => self.get(answer),
                Some(Response::Put(answer)) => self.put(answer),
                Some(Response::DeleteRange(answer)) => self.del(answer),
                Some(Response::Txn(answer)) => self.txn(answer),
                None => {}
            }
        }
    }

    /// The lease answers; false for what has no fields.
    fn lease(&mut self, shown: &Shown) -> bool {
        match shown {
            Shown::Grant(answer) => {
                self.header(answer.header.as_ref());
                self.lease_id("ID", answer.id);
                self.line("TTL", answer.ttl);
            }
            Shown::Revoke(_, answer) => self.header(answer.header.as_ref()),
            Shown::KeepAlive(answer) => {
                self.header(answer.header.as_ref());
                self.lease_id("ID", answer.id);
                self.line("TTL", answer.ttl);
            }
            Shown::TimeToLive(answer, _) => {
                self.header(answer.header.as_ref());
                self.lease_id("ID", answer.id);
                self.line("TTL", answer.ttl);
                self.line("GrantedTTL", answer.granted_ttl);
                answer.keys.iter().for_each(|key| self.line("Key", quote(key)));
            }
            Shown::Leases(answer) => {
                self.header(answer.header.as_ref());
                answer.leases.iter().for_each(|lease| self.lease_id("ID", lease.id));
            }
            _ => return false,
        }
        true
    }

    fn role(&mut self, answer: &pb::AuthRoleGetResponse) {
        self.header(answer.header.as_ref());
        for perm in &answer.perm {
            let kind = match perm.perm_type() {
                pb::PermissionType::Read => "READ",
                pb::PermissionType::Write => "WRITE",
                pb::PermissionType::Readwrite => "READWRITE",
            };
            // etcdctl prints a blank too many here.
            self.line("PermType", format!(" {kind}"));
            self.line("Key", quote(&perm.key));
            self.line("RangeEnd", quote(&perm.range_end));
        }
    }

    fn members(&mut self, answer: &pb::MemberListResponse) {
        self.header(answer.header.as_ref());
        for member in &answer.members {
            self.id("ID", member.id);
            self.quoted("Name", &member.name);
            member.peer_urls.iter().for_each(|url| self.quoted("PeerURL", url));
            member.client_urls.iter().for_each(|url| self.quoted("ClientURL", url));
            self.line("IsLearner", member.is_learner);
            self.out.push('\n');
        }
    }

    fn status(&mut self, endpoint: &str, status: &pb::StatusResponse) {
        self.header(status.header.as_ref());
        self.quoted("Version", &status.version);
        if self.printer.is_3_6 {
            self.quoted("StorageVersion", &status.storage_version);
        }
        self.line("DBSize", status.db_size);
        if self.printer.is_3_6 {
            self.line("DBSizeInUse", status.db_size_in_use);
            self.line("DBSizeQuota", status.db_size_quota);
        }
        self.line("Leader", status.leader);
        self.line("IsLearner", status.is_learner);
        self.line("RaftIndex", status.raft_index);
        self.line("RaftTerm", status.raft_term);
        self.line("RaftAppliedIndex", status.raft_applied_index);
        self.line("Errors", format!("[{}]", status.errors.join(" ")));
        self.quoted("Endpoint", endpoint);
        if self.printer.is_3_6 {
            let downgrade = status.downgrade_info.clone().unwrap_or_default();
            self.quoted("DowngradeTargetVersion", &downgrade.target_version);
            self.line("DowngradeEnabled", downgrade.enabled);
        }
        self.out.push('\n');
    }
}
