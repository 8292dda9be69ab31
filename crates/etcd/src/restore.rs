//! What `etcdutl snapshot restore` makes beside the database: the log and the snapshot file of
//! a member that begins with a restored state, and the members' entries in the database.
//!
//! Not here: the database file itself and its checks, which need no member (`lab::etcdutl`).

use prost::Message;
use raft::eraftpb::{ConfState, Entry, EntryType, HardState, SnapshotMetadata};

use crate::confchange::{ConfChange, entries_for_file, member_to_json};
use crate::disk::{DiskOp, DiskView};
use crate::ids::{ClusterId, MemberId};
use crate::snapfile::{self, V2Member};
use crate::status::MemberInfo;
use crate::wal::{self, Wal};

/// The term of the entries a restored log begins with.
pub const TERM: u64 = 1;

/// A cluster that begins with a restored state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCluster {
    /// Its id.
    pub id: ClusterId,
    /// Its members by id.
    pub members: Vec<MemberInfo>,
}

impl NewCluster {
    /// The cluster of these members (name and peer URLs), with the ids they have under a token.
    pub fn new(members: &[(String, Vec<String>)], token: &str) -> NewCluster {
        let member = |(name, urls): &(String, Vec<String>)| MemberInfo {
            id: MemberId::derive(urls, token, None),
            name: name.clone(),
            peer_urls: urls.clone(),
            client_urls: Vec::new(),
            is_learner: false,
        };
        let mut members: Vec<MemberInfo> = members.iter().map(member).collect();
        flat::sort_by_key(&mut members, |member| member.id);
        let ids: Vec<MemberId> = members.iter().map(|member| member.id).collect();
        NewCluster { id: ClusterId::derive(&ids), members }
    }

    /// The index the log begins at: one entry for each member.
    pub fn commit(&self) -> u64 {
        self.members.len() as u64
    }

    /// What the database's bucket `members` holds: key and value by member.
    pub fn records(&self) -> Vec<(String, Vec<u8>)> {
        self.members.iter().map(|m| (m.id.to_string(), member_to_json(m))).collect()
    }

    /// Writes the log and the snapshot file of one of the members. Both directories exist.
    pub fn files(&self, own: MemberId, wal_dir: &str, snap_dir: &str) -> Vec<DiskOp> {
        let (mut wal, mut ops) = Wal::create(wal_dir, own.0, self.id.0);
        let entries: Vec<Entry> = (1..).zip(&self.members).map(entry).collect();
        let vote = self.members.first().map_or(0, |member| member.id.0);
        let hard = HardState { term: TERM, vote, commit: self.commit() };
        ops.extend(wal.save(Some(&hard), &entries_for_file(&entries)));
        let voters = self.members.iter().map(|member| member.id.0).collect();
        let meta = SnapshotMetadata {
            conf_state: Some(ConfState { voters, ..ConfState::default() }),
            index: self.commit(),
            term: TERM,
        };
        let v2: Vec<V2Member> = self.members.iter().map(v2_member).collect();
        ops.extend(snapfile::save(snap_dir, &meta, &snapfile::v2_store(&v2, &[], None)));
        ops.extend(wal.save_snapshot(&meta));
        ops.extend(wal.close());
        ops
    }
}

/// What a log and its newest snapshot file hold beside keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The oldest version (major, minor) that understands every entry behind the snapshot.
    pub oldest: (u8, u8),
    /// The snapshot file has keys of the API version 2.
    pub v2_store: bool,
    /// The log has requests of the API version 2 that are not etcd's own.
    pub v2_log: bool,
}

/// A request as far as these questions go: the one of the API version 2, and the one that came
/// with 3.6.
#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(message, optional, tag = "2")]
    v2: Option<V2Request>,
    #[prost(bytes = "vec", optional, tag = "9900")]
    version_test: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct V2Request {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(string, tag = "3")]
    path: String,
}

impl V2Request {
    /// What members say of themselves, and the cluster's version.
    fn is_of_etcd(&self) -> bool {
        let attributes = self.path.starts_with("/0/members/") && self.path.ends_with("/attributes");
        self.method == "PUT" && (attributes || self.path == "/0/version")
    }
}

/// Reads the log of a stopped member; none when there is no log.
///
/// # Errors
/// When the log cannot be read, in etcd's words.
pub fn contents(disk: &dyn DiskView, wal_dir: &str) -> Result<Option<Contents>, String> {
    if !wal::exists(&disk.list(wal_dir)) {
        return Ok(None);
    }
    let marks = wal::valid_snapshots(disk, wal_dir)
        .map_err(|error| format!("failed to get the lastest snapshot: {error}"))?;
    let snapshot = snapfile::load_newest(disk, "member/snap", &marks).snapshot.unwrap_or_default();
    let from = snapshot.metadata.unwrap_or_default();
    let (_, replay) =
        Wal::open(disk, wal_dir, &from).map_err(|error| format!("failed to open wal: {error}"))?;
    let store: serde_json::Value = serde_json::from_slice(&snapshot.data).unwrap_or_default();
    let keys = store["Root"]["Children"]["1"]["Children"].as_object();
    let mut found = Contents {
        oldest: (3, 0),
        v2_store: keys.is_some_and(|keys| !keys.is_empty()),
        v2_log: false,
    };
    for entry in &replay.entries {
        if entry.get_entry_type() != EntryType::EntryNormal {
            continue;
        }
        let Ok(asked) = Asked::decode(entry.data.as_slice()) else { continue };
        found.v2_log |= asked.v2.is_some_and(|request| !request.is_of_etcd());
        if asked.version_test.is_some() {
            found.oldest = (3, 6);
        }
    }
    Ok(Some(found))
}

fn entry((index, member): (u64, &MemberInfo)) -> Entry {
    let data = ConfChange::add(0, member).for_entry();
    let mut entry = Entry { term: TERM, index, data, ..Entry::default() };
    entry.set_entry_type(EntryType::EntryConfChange);
    entry
}

fn v2_member(member: &MemberInfo) -> V2Member {
    V2Member {
        id: member.id.0,
        peer_urls: member.peer_urls.clone(),
        is_learner: member.is_learner,
        ..V2Member::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(ports: &[u32], token: &str) -> NewCluster {
        let members: Vec<_> = ports
            .iter()
            .map(|port| (format!("m{}", port % 10), vec![format!("http://127.0.0.1:{port}")]))
            .collect();
        NewCluster::new(&members, token)
    }

    #[test]
    fn ids_are_those_etcdutl_printed() {
        let made = cluster(&[23891, 23892, 23893], "etcd-cluster-1");
        let ids: Vec<String> = made.members.iter().map(|m| m.id.to_string()).collect();
        assert_eq!(ids, ["38e76e27b3a3210", "e0d064eb5acc16bd", "f3005ff7ea87c9bd"]);
        assert_eq!(made.id.to_string(), "bc1dfa4173ff2fdb");
    }

    #[test]
    fn the_snapshot_file_has_the_recorded_size() {
        let size = |cluster: &NewCluster| {
            let ops = cluster.files(cluster.members[0].id, "wal", "snap");
            ops.iter()
                .find_map(|op| match op {
                    DiskOp::Write { file, bytes, .. } if file.ends_with(".snap") => {
                        Some((file.clone(), bytes.len()))
                    }
                    _ => None,
                })
                .unwrap()
        };
        let url = vec!["http://localhost:2380".to_owned()];
        let one = NewCluster::new(&[("default".to_owned(), url)], "etcd-cluster");
        assert_eq!(size(&one), ("snap/0000000000000001-0000000000000001.snap".to_owned(), 6490));
        let three = cluster(&[25891, 25892, 25893], "etcd-cluster-1");
        assert_eq!(size(&three), ("snap/0000000000000001-0000000000000003.snap".to_owned(), 7571));
    }
}
