//! Configuration changes as etcd writes them into its log.
//!
//! The raft core has the same message with other numbers: it knows no update of a member, gives
//! a learner's number 2 where etcd has 3, and panics on a number it does not know. So the
//! entries carry its numbers while they are with the core and its messages, and etcd's numbers
//! in the files, where etcd's tools read them.

use std::borrow::Cow;

use prost::{Enumeration, Message};
use raft::eraftpb::{self, Entry, EntryType};
use serde::{Deserialize, Serialize};

use crate::ids::MemberId;
use crate::status::MemberInfo;

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum ChangeType {
    Add = 0,
    Remove = 1,
    Update = 2,
    AddLearner = 3,
}

impl ChangeType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ChangeType::Add => "ConfChangeAddNode",
            ChangeType::Remove => "ConfChangeRemoveNode",
            ChangeType::Update => "ConfChangeUpdateNode",
            ChangeType::AddLearner => "ConfChangeAddLearnerNode",
        }
    }
}

/// `raftpb.ConfChange`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ConfChange {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(enumeration = "ChangeType", tag = "2")]
    pub(crate) change_type: i32,
    #[prost(uint64, tag = "3")]
    pub(crate) node_id: u64,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) context: Vec<u8>,
}

/// A change as the core's entries carry it: its own message, and a field that it skips.
#[derive(Clone, PartialEq, Message)]
struct InCore {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int32, tag = "2")]
    change_type: i32,
    #[prost(uint64, tag = "3")]
    node_id: u64,
    #[prost(bytes = "vec", tag = "4")]
    context: Vec<u8>,
    #[prost(bool, tag = "15")]
    update: bool,
}

/// Entries with etcd's numbers, for the files. Borrowed when no change is among them.
pub(crate) fn entries_for_file(entries: &[Entry]) -> Cow<'_, [Entry]> {
    if entries.iter().all(|entry| !is_change(entry)) {
        return Cow::Borrowed(entries);
    }
    let mut entries = entries.to_vec();
    for entry in entries.iter_mut().filter(|entry| is_change(entry)) {
        if let Some(change) = ConfChange::of_entry(entry) {
            entry.data = change.encode_to_vec();
        }
    }
    Cow::Owned(entries)
}

/// Turns entries of a file into those the core reads.
pub(crate) fn entries_from_file(entries: &mut [Entry]) {
    for entry in entries.iter_mut().filter(|entry| is_change(entry)) {
        if let Ok(change) = ConfChange::decode(entry.data.as_slice()) {
            entry.data = change.for_entry();
        }
    }
}

fn is_change(entry: &Entry) -> bool {
    entry.get_entry_type() == EntryType::EntryConfChange
}

impl ConfChange {
    /// The change of an entry of the core.
    pub(crate) fn of_entry(entry: &Entry) -> Option<ConfChange> {
        let change = InCore::decode(entry.data.as_slice()).ok()?;
        let kind = match change.change_type {
            _ if change.update => ChangeType::Update,
            0 => ChangeType::Add,
            1 => ChangeType::Remove,
            2 => ChangeType::AddLearner,
            _ => return None,
        };
        let InCore { id, node_id, context, .. } = change;
        Some(ConfChange { id, change_type: kind.into(), node_id, context })
    }

    /// The data of an entry of the core.
    pub(crate) fn for_entry(&self) -> Vec<u8> {
        let kind = self.kind();
        let change_type = match kind {
            ChangeType::Add | ChangeType::Update => 0,
            ChangeType::Remove => 1,
            ChangeType::AddLearner => 2,
        };
        let (id, node_id, context) = (self.id, self.node_id, self.context.clone());
        let update = kind == ChangeType::Update;
        InCore { id, change_type, node_id, context, update }.encode_to_vec()
    }

    /// Adds a member, as a voter or as a learner.
    pub(crate) fn add(id: u64, member: &MemberInfo) -> ConfChange {
        let change = if member.is_learner { ChangeType::AddLearner } else { ChangeType::Add };
        ConfChange {
            id,
            change_type: change.into(),
            node_id: member.id.0,
            context: member_to_json(member),
        }
    }

    /// Gives a learner its vote.
    pub(crate) fn promote(id: u64, member: MemberId) -> ConfChange {
        let context = MemberJson {
            id: member.0,
            peer_urls: None,
            is_learner: false,
            name: String::new(),
            client_urls: Vec::new(),
            is_promote: true,
        };
        ConfChange {
            id,
            change_type: ChangeType::Add.into(),
            node_id: member.0,
            context: context.bytes(),
        }
    }

    /// Takes a member out for ever.
    pub(crate) fn remove(id: u64, member: MemberId) -> ConfChange {
        let change_type = ChangeType::Remove.into();
        ConfChange { id, change_type, node_id: member.0, context: Vec::new() }
    }

    /// Changes a member's peer URLs.
    pub(crate) fn update(id: u64, member: &MemberInfo) -> ConfChange {
        ConfChange {
            id,
            change_type: ChangeType::Update.into(),
            node_id: member.id.0,
            context: member_to_json(member),
        }
    }

    pub(crate) fn kind(&self) -> ChangeType {
        self.change_type()
    }

    /// The member in the context, and whether this is a promotion.
    pub(crate) fn member(&self) -> Option<(MemberInfo, bool)> {
        member_from_json(&self.context)
    }

    /// The change in the raft core's numbers; none for an update, which the core does not see.
    pub(crate) fn for_raft(&self) -> Option<eraftpb::ConfChange> {
        let change_type = match self.kind() {
            ChangeType::Add => eraftpb::ConfChangeType::AddNode,
            ChangeType::Remove => eraftpb::ConfChangeType::RemoveNode,
            ChangeType::AddLearner => eraftpb::ConfChangeType::AddLearnerNode,
            ChangeType::Update => return None,
        };
        let mut change = eraftpb::ConfChange { node_id: self.node_id, ..Default::default() };
        change.set_change_type(change_type);
        Some(change)
    }
}

/// A member as etcd stores it: the order of the fields is that of etcd's struct.
#[derive(Serialize, Deserialize)]
struct MemberJson {
    id: u64,
    #[serde(rename = "peerURLs")]
    peer_urls: Option<Vec<String>>,
    #[serde(rename = "isLearner", default, skip_serializing_if = "is_false")]
    is_learner: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(rename = "clientURLs", default, skip_serializing_if = "Vec::is_empty")]
    client_urls: Vec<String>,
    #[serde(rename = "isPromote", default, skip_serializing_if = "is_false")]
    is_promote: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl MemberJson {
    fn of(member: &MemberInfo) -> MemberJson {
        MemberJson {
            id: member.id.0,
            peer_urls: Some(member.peer_urls.clone()),
            is_learner: member.is_learner,
            name: member.name.clone(),
            client_urls: member.client_urls.clone(),
            is_promote: false,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers, flags and strings always serialise")
    }
}

/// A member as bucket `members` holds it.
pub(crate) fn member_to_json(member: &MemberInfo) -> Vec<u8> {
    MemberJson::of(member).bytes()
}

/// Reads what [`member_to_json`] wrote, or etcd itself; and whether it is a promotion.
pub(crate) fn member_from_json(json: &[u8]) -> Option<(MemberInfo, bool)> {
    let json: MemberJson = serde_json::from_slice(json).ok()?;
    let member = MemberInfo {
        id: MemberId(json.id),
        name: json.name,
        peer_urls: json.peer_urls.unwrap_or_default(),
        client_urls: json.client_urls,
        is_learner: json.is_learner,
    };
    Some((member, json.is_promote))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> MemberInfo {
        MemberInfo {
            id: MemberId(7),
            name: "m1".to_owned(),
            peer_urls: vec!["http://127.0.0.1:23891".to_owned()],
            client_urls: Vec::new(),
            is_learner: true,
        }
    }

    #[test]
    fn a_change_survives_its_bytes() {
        let change = ConfChange::add(3, &member());
        let back = ConfChange::decode(change.encode_to_vec().as_slice()).expect("our own bytes");
        assert_eq!(back.kind(), ChangeType::AddLearner);
        assert_eq!(back.member(), Some((member(), false)));
        assert_eq!(ConfChange::promote(4, MemberId(7)).member().map(|m| m.1), Some(true));
    }

    /// The core must be able to read every change, and the file must hold etcd's numbers.
    #[test]
    fn every_change_goes_through_the_core_and_the_file() {
        let changes = [
            ConfChange::add(1, &member()),
            ConfChange::add(1, &MemberInfo { is_learner: false, ..member() }),
            ConfChange::remove(2, MemberId(7)),
            ConfChange::promote(3, MemberId(7)),
            ConfChange::update(4, &member()),
        ];
        for change in changes {
            let mut entry = Entry { data: change.for_entry(), index: 1, ..Entry::default() };
            entry.set_entry_type(EntryType::EntryConfChange);
            let core = eraftpb::ConfChange::decode(entry.data.as_slice()).expect("it reads it");
            let _known = core.get_change_type();
            assert_eq!(ConfChange::of_entry(&entry), Some(change.clone()));
            let mut filed = entries_for_file(std::slice::from_ref(&entry)).into_owned();
            assert_eq!(ConfChange::decode(filed[0].data.as_slice()), Ok(change));
            entries_from_file(&mut filed);
            assert_eq!(filed[0], entry);
        }
    }

    #[test]
    fn a_context_reads_like_etcds() {
        let change = ConfChange::add(3, &MemberInfo { is_learner: false, ..member() });
        let json = r#"{"id":7,"peerURLs":["http://127.0.0.1:23891"],"name":"m1"}"#;
        assert_eq!(String::from_utf8_lossy(&change.context), json);
        let json = r#"{"id":7,"peerURLs":null,"isPromote":true}"#;
        assert_eq!(String::from_utf8_lossy(&ConfChange::promote(4, MemberId(7)).context), json);
    }

    #[test]
    fn the_core_hears_its_own_numbers() {
        let learner = ConfChange::add(3, &member()).for_raft().expect("adding is known to raft");
        assert_eq!(learner.get_change_type(), eraftpb::ConfChangeType::AddLearnerNode);
        assert_eq!(ConfChange::update(3, &member()).for_raft(), None);
    }
}
