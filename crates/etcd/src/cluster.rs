//! Who belongs to the cluster: the member list, who was removed for ever, the agreed version.
//!
//! The list lives in the database's buckets `members` and `members_removed`; this is its image
//! in memory. A booting member knows its initial members before the log has told the database.

use bytes::Bytes;
use flat::{Map, Set};
use raft::eraftpb::ConfState;

use crate::confchange::{ChangeType, ConfChange, member_from_json, member_to_json};
use crate::config::Release;
use crate::fail::Fail;
use crate::ids::{ClusterId, MemberId};
use crate::status::MemberInfo;

const MEMBERS: &str = "members";
const REMOVED: &str = "members_removed";
const CLUSTER: &str = "cluster";
const CLUSTER_VERSION: &[u8] = b"clusterVersion";

/// The members a store of a cluster holds.
pub fn stored_members(store: &mvcc::Store) -> Vec<MemberInfo> {
    let members = store.iter(MEMBERS);
    members.iter().filter_map(|(_, json)| Some(member_from_json(json)?.0)).collect()
}

/// The membership as one member sees it.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) id: ClusterId,
    members: Map<MemberId, MemberInfo>,
    /// Those of them that the database has too.
    stored: Set<MemberId>,
    removed: Set<MemberId>,
    version: Option<Release>,
    max_learners: u64,
}

impl Cluster {
    /// What a member knows before its log says anything.
    pub(crate) fn new(id: ClusterId, members: Vec<MemberInfo>, max_learners: u64) -> Cluster {
        Cluster {
            id,
            members: members.into_iter().map(|m| (m.id, m)).collect(),
            stored: Set::new(),
            removed: Set::new(),
            version: None,
            max_learners,
        }
    }

    /// Replaces what is known by what the database says, if it says anything.
    pub(crate) fn recover(&mut self, store: &mvcc::Store) {
        let members: Map<_, _> = stored_members(store).into_iter().map(|m| (m.id, m)).collect();
        if !members.is_empty() {
            self.stored = members.keys().copied().collect();
            self.members = members;
        }
        let removed = store.iter(REMOVED);
        self.removed.extend(removed.iter().filter_map(|(key, _)| parse_hex(key)));
        let version = store.get(CLUSTER, CLUSTER_VERSION);
        self.version = version
            .and_then(|text| Release::parse(std::str::from_utf8(&text).ok()?))
            .or(self.version);
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &MemberInfo> {
        self.members.values()
    }

    pub(crate) fn voters(&self) -> impl Iterator<Item = &MemberInfo> {
        self.members.values().filter(|m| !m.is_learner)
    }

    pub(crate) fn member(&self, id: MemberId) -> Option<&MemberInfo> {
        self.members.get(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn removed(&self) -> Vec<MemberId> {
        self.removed.iter().copied().collect()
    }

    pub(crate) fn is_removed(&self, id: MemberId) -> bool {
        self.removed.contains(&id)
    }

    pub(crate) fn version(&self) -> Option<Release> {
        self.version
    }

    pub(crate) fn set_version(&mut self, version: Release, store: &mut mvcc::Store) {
        self.version = Some(version);
        let text = Bytes::from(version.to_string());
        store.set(CLUSTER, Bytes::from_static(CLUSTER_VERSION), text);
    }

    /// Whether a change is valid on the members the database has: the same answer on every
    /// member, since all apply the same log.
    pub(crate) fn validate(&self, change: &ConfChange) -> Result<(), Fail> {
        let id = MemberId(change.node_id);
        if self.removed.contains(&id) {
            return Err(Fail::MemberIdRemoved);
        }
        let known = self.members.get(&id).filter(|_| self.stored.contains(&id));
        match change.kind() {
            ChangeType::Remove => known.map(|_| ()).ok_or(Fail::MemberNotFound),
            ChangeType::Update => {
                known.ok_or(Fail::MemberNotFound)?;
                let (member, _) = change.member().ok_or(Fail::MemberNotFound)?;
                self.check_urls(&member)
            }
            ChangeType::Add | ChangeType::AddLearner => {
                let (member, promote) = change.member().ok_or(Fail::MemberNotFound)?;
                if promote {
                    let known = known.ok_or(Fail::MemberNotFound)?;
                    return if known.is_learner { Ok(()) } else { Err(Fail::NotLearner) };
                }
                if known.is_some() {
                    return Err(Fail::MemberIdExists);
                }
                self.check_urls(&member)?;
                let learners = self.stored().filter(|m| m.is_learner).count() as u64;
                if member.is_learner && learners >= self.max_learners {
                    return Err(Fail::TooManyLearners);
                }
                Ok(())
            }
        }
    }

    fn stored(&self) -> impl Iterator<Item = &MemberInfo> {
        self.members.values().filter(|m| self.stored.contains(&m.id))
    }

    fn check_urls(&self, member: &MemberInfo) -> Result<(), Fail> {
        let mut others = self.stored().filter(|m| m.id != member.id).flat_map(|m| &m.peer_urls);
        let taken = others.any(|url| member.peer_urls.contains(url));
        if taken { Err(Fail::PeerUrlExists) } else { Ok(()) }
    }

    pub(crate) fn add(&mut self, member: MemberInfo, store: &mut mvcc::Store) {
        self.save(&member, store);
        self.members.insert(member.id, member);
    }

    pub(crate) fn promote(&mut self, id: MemberId, store: &mut mvcc::Store) {
        self.change(id, store, |member| member.is_learner = false);
    }

    pub(crate) fn update_urls(&mut self, id: MemberId, urls: Vec<String>, store: &mut mvcc::Store) {
        self.change(id, store, |member| member.peer_urls = urls);
    }

    /// A member told its name and its clients' URLs. Of a removed one it is too late news.
    pub(crate) fn publish(
        &mut self,
        id: MemberId,
        name: String,
        client_urls: Vec<String>,
        store: &mut mvcc::Store,
    ) {
        self.change(id, store, |member| {
            member.name = name;
            member.client_urls = client_urls;
        });
    }

    fn change(
        &mut self,
        id: MemberId,
        store: &mut mvcc::Store,
        change: impl FnOnce(&mut MemberInfo),
    ) {
        let Some(mut member) = self.members.get(&id).cloned() else { return };
        change(&mut member);
        self.save(&member, store);
        self.members.insert(id, member);
    }

    fn save(&mut self, member: &MemberInfo, store: &mut mvcc::Store) {
        self.stored.insert(member.id);
        store.set(MEMBERS, hex_key(member.id), Bytes::from(member_to_json(member)));
    }

    pub(crate) fn remove(&mut self, id: MemberId, store: &mut mvcc::Store) {
        self.members.remove(&id);
        self.stored.remove(&id);
        self.removed.insert(id);
        store.unset(MEMBERS, hex_key(id));
        store.set(REMOVED, hex_key(id), Bytes::from_static(b"removed"));
    }

    /// Whether enough members have started for one more voter: the new one counts, and is not
    /// started yet. A single member may always get company.
    pub(crate) fn ready_to_add_voter(&self) -> bool {
        let voters = self.voters().count() + 1;
        let started = self.started();
        (started == 1 && voters == 2) || started > voters / 2
    }

    /// Whether enough of the remaining voters have started for one to go.
    pub(crate) fn ready_to_remove(&self, id: MemberId) -> bool {
        let remaining = || self.voters().filter(|m| m.id != id);
        let started = remaining().filter(|m| is_started(m)).count();
        started > remaining().count() / 2
    }

    /// Whether enough have started when a learner, itself started, becomes a voter.
    pub(crate) fn ready_to_promote(&self) -> bool {
        self.started() + 1 > self.voters().count().div_ceil(2)
    }

    fn started(&self) -> usize {
        self.voters().filter(|m| is_started(m)).count()
    }
}

/// The members the database has, as raft sees them; none when it has none.
pub(crate) fn stored_conf(store: &mvcc::Store) -> Option<ConfState> {
    let mut conf = ConfState::default();
    for (_, json) in store.iter(MEMBERS) {
        let (member, _) = member_from_json(&json)?;
        let list = if member.is_learner { &mut conf.learners } else { &mut conf.voters };
        list.push(member.id.0);
    }
    flat::sort(&mut conf.voters);
    flat::sort(&mut conf.learners);
    (!conf.voters.is_empty()).then_some(conf)
}

fn is_started(member: &MemberInfo) -> bool {
    !member.name.is_empty()
}

fn hex_key(id: MemberId) -> Bytes {
    Bytes::from(id.to_string())
}

fn parse_hex(key: &[u8]) -> Option<MemberId> {
    u64::from_str_radix(std::str::from_utf8(key).ok()?, 16).ok().map(MemberId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, started: bool, is_learner: bool) -> MemberInfo {
        MemberInfo {
            id: MemberId(id),
            name: if started { format!("m{id}") } else { String::new() },
            peer_urls: vec![format!("http://h{id}:2380")],
            client_urls: Vec::new(),
            is_learner,
        }
    }

    fn cluster(started: u64, unstarted: u64, learners: u64) -> (Cluster, mvcc::Store) {
        let (mut store, _) = mvcc::Store::create();
        let mut cluster = Cluster::new(ClusterId(1), Vec::new(), 1);
        let voters = (1..=started + unstarted).map(|id| member(id, id <= started, false));
        let learners = (100..100 + learners).map(|id| member(id, true, true));
        for member in voters.chain(learners) {
            cluster.add(member, &mut store);
        }
        (cluster, store)
    }

    /// Rows of etcd.md 3.5: started voters, unstarted voters, and whether one more is allowed.
    #[test]
    fn membership_rules_adding_a_voter() {
        let rows = [
            (1, 0, true),
            (1, 1, false),
            (2, 0, true),
            (3, 0, true),
            (3, 1, true),
            (3, 2, false),
            (5, 0, true),
            (2, 1, false),
        ];
        for (started, unstarted, allowed) in rows {
            let (cluster, _) = cluster(started, unstarted, 0);
            assert_eq!(cluster.ready_to_add_voter(), allowed, "{started} + {unstarted}");
        }
    }

    #[test]
    fn membership_rules_removing_a_voter() {
        // started, unstarted, whom, allowed
        let rows = [
            (1, 0, 1, false),
            (2, 0, 2, true),
            (3, 0, 1, true),
            (3, 1, 4, true),
            (2, 1, 1, false),
            (2, 1, 3, true),
        ];
        for (started, unstarted, whom, allowed) in rows {
            let (cluster, _) = cluster(started, unstarted, 0);
            assert_eq!(
                cluster.ready_to_remove(MemberId(whom)),
                allowed,
                "{started}+{unstarted}-{whom}"
            );
        }
    }

    #[test]
    fn membership_rules_of_a_change() {
        let (mut cluster, mut store) = cluster(3, 0, 1);
        let new = |id, learner| ConfChange::add(1, &member(id, false, learner));
        let taken =
            MemberInfo { peer_urls: vec!["http://h1:2380".to_owned()], ..member(9, false, false) };
        cluster.remove(MemberId(3), &mut store);
        let rows = [
            (new(9, false), Ok(())),
            (new(9, true), Err(Fail::TooManyLearners)),
            (new(1, false), Err(Fail::MemberIdExists)),
            (new(3, false), Err(Fail::MemberIdRemoved)),
            (ConfChange::add(1, &taken), Err(Fail::PeerUrlExists)),
            (ConfChange::remove(1, MemberId(9)), Err(Fail::MemberNotFound)),
            (ConfChange::remove(1, MemberId(2)), Ok(())),
            (ConfChange::promote(1, MemberId(2)), Err(Fail::NotLearner)),
            (ConfChange::promote(1, MemberId(9)), Err(Fail::MemberNotFound)),
            (ConfChange::promote(1, MemberId(100)), Ok(())),
            (
                ConfChange::update(1, &MemberInfo { id: MemberId(2), ..taken.clone() }),
                Err(Fail::PeerUrlExists),
            ),
            (ConfChange::update(1, &member(2, true, false)), Ok(())),
        ];
        for (change, answer) in rows {
            assert_eq!(cluster.validate(&change), answer, "{change:?}");
        }
    }

    #[test]
    fn a_member_list_survives_the_database() {
        let (mut cluster, mut store) = cluster(2, 1, 1);
        cluster.remove(MemberId(2), &mut store);
        cluster.set_version(Release::V3_6.cluster_version(), &mut store);
        let mut back = Cluster::new(ClusterId(1), Vec::new(), 1);
        back.recover(&store);
        assert_eq!(back.members, cluster.members);
        assert_eq!(back.removed, cluster.removed);
        assert_eq!(back.version(), cluster.version());
    }
}
