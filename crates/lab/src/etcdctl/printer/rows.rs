//! Members and endpoints as rows: the tables, and the lines of simple output made of them.

use etcd::pb;

use super::super::go::number::humanize;
use super::{Printer, Shown};

type Rows = (Vec<&'static str>, Vec<Vec<String>>);

/// Header and rows of what has a table.
pub(super) fn of(printer: &Printer, shown: &Shown) -> Option<Rows> {
    Some(match shown {
        Shown::Members(list) => members(list),
        Shown::Health(list) => {
            let rows = list.iter().map(|health| {
                let healthy = health.error.is_empty().to_string();
                vec![health.endpoint.clone(), healthy, health.took.clone(), health.error.clone()]
            });
            (vec!["endpoint", "health", "took", "error"], rows.collect())
        }
        Shown::Status(list) => status(printer, list),
        Shown::HashKv(list) => hashes(printer, list),
        _ => return None,
    })
}

fn members(list: &pb::MemberListResponse) -> Rows {
    let rows = list.members.iter().map(|member| {
        vec![
            format!("{:x}", member.id),
            if member.name.is_empty() { "unstarted" } else { "started" }.to_owned(),
            member.name.clone(),
            member.peer_urls.join(","),
            member.client_urls.join(","),
            member.is_learner.to_string(),
        ]
    });
    (vec!["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"], rows.collect())
}

fn status(printer: &Printer, list: &[(String, pb::StatusResponse)]) -> Rows {
    let bytes = |size: i64| humanize(u64::try_from(size).unwrap_or_default());
    let rows = list.iter().map(|(endpoint, status)| {
        let member = status.header.as_ref().map_or(0, |header| header.member_id);
        let mut row = vec![endpoint.clone(), format!("{member:x}"), status.version.clone()];
        if printer.is_3_6 {
            row.push(status.storage_version.clone());
        }
        row.push(bytes(status.db_size));
        if printer.is_3_6 {
            let in_use = (status.db_size_in_use * 100).checked_div(status.db_size);
            row.push(bytes(status.db_size_in_use));
            row.push(format!("{}%", 100 - in_use.unwrap_or_default()));
            row.push(bytes(status.db_size_quota));
        }
        row.push((status.leader == member).to_string());
        row.push(status.is_learner.to_string());
        row.push(status.raft_term.to_string());
        row.push(status.raft_index.to_string());
        row.push(status.raft_applied_index.to_string());
        row.push(status.errors.join(", "));
        if printer.is_3_6 {
            let downgrade = status.downgrade_info.clone().unwrap_or_default();
            row.push(downgrade.target_version);
            row.push(downgrade.enabled.to_string());
        }
        row
    });
    let header: &[&str] = if printer.is_3_6 {
        &[
            "endpoint",
            "ID",
            "version",
            "storage version",
            "db size",
            "in use",
            "percentage not in use",
            "quota",
            "is leader",
            "is learner",
            "raft term",
            "raft index",
            "raft applied index",
            "errors",
            "downgrade target version",
            "downgrade enabled",
        ]
    } else {
        &[
            "endpoint",
            "ID",
            "version",
            "db size",
            "is leader",
            "is learner",
            "raft term",
            "raft index",
            "raft applied index",
            "errors",
        ]
    };
    (header.to_vec(), rows.collect())
}

fn hashes(printer: &Printer, list: &[(String, pb::HashKvResponse)]) -> Rows {
    let mut header = vec!["endpoint", "hash"];
    if printer.is_3_6 {
        header.push("hash_revision");
    }
    let rows = list.iter().map(|(endpoint, hash)| {
        let mut row = vec![endpoint.clone(), hash.hash.to_string()];
        if printer.is_3_6 {
            row.push(hash.hash_revision.to_string());
        }
        row
    });
    (header, rows.collect())
}
