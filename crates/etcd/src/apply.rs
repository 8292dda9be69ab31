//! What committed entries do: to the store, to the membership, to whoever waits for them.
//!
//! How far the log is applied goes into the same file transaction as what was applied, so a
//! member that comes back knows exactly where to go on (etcd's consistent index).

use bytes::Bytes;
use prost::Message as _;
use raft::eraftpb::{ConfState, Entry, EntryType};
use serde::{Deserialize, Serialize};

use crate::confchange::{ChangeType, ConfChange};
use crate::config::Release;
use crate::fact::{Change, Fact};
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::log::{Level, LogLine};
use crate::member::Member;
use crate::pb::{self, InternalRaftRequest};
use crate::propose::Asker;
use crate::rpc::Answer;

const META: &str = "meta";
/// etcd removes what a compaction freed in pieces, with a pause between them.
const COMPACT_PAUSE_US: u64 = 10_000;
/// A removed member stays long enough for its peers to hear of it.
const REMOVED_DELAY_US: u64 = 1_000_000;

type Outcome = Result<Option<Answer>, Fail>;

/// `confState` as bucket `meta` holds it.
#[derive(Serialize, Deserialize)]
struct ConfStateJson {
    #[serde(default)]
    voters: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    learners: Vec<u64>,
    #[serde(default)]
    auto_leave: bool,
}

/// What the file says of how far it got: index, term, membership.
pub(crate) fn stored_progress(store: &mvcc::Store) -> (u64, u64, Option<ConfState>) {
    let number = |key: &[u8]| {
        let bytes = store.get(META, key)?;
        Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?))
    };
    let conf = store.get(META, b"confState").and_then(|json| {
        let json: ConfStateJson = serde_json::from_slice(&json).ok()?;
        let (voters, learners) = (json.voters, json.learners);
        Some(ConfState { voters, learners, ..ConfState::default() })
    });
    // etcd's restore leaves the old cluster's `confState` beside the new members, and a member
    // that began so keeps it until the next change: the members are what counts.
    let conf = crate::cluster::stored_conf(store).or(conf);
    (number(b"consistent_index").unwrap_or(0), number(b"term").unwrap_or(0), conf)
}

/// The version of the file's layout, once its `term` and `confState` are there.
pub(crate) fn storage_version(store: &mvcc::Store) -> Option<Release> {
    store.get(META, b"confState")?;
    store.get(META, b"term")?;
    let stored = store.get(META, b"storageVersion");
    let stored = stored.and_then(|text| Release::parse(std::str::from_utf8(&text).ok()?));
    Some(stored.unwrap_or(Release { major: 3, minor: 5, patch: 0 }))
}

impl Member {
    /// Commits the store's buffer if it is time, or now.
    pub(crate) fn commit_db(&mut self, now: bool) {
        let pending = self.store.pending_ops();
        if self.db.is_busy() || (pending == 0 && !now) {
            return;
        }
        if now || self.db.is_due(pending, self.now.mono_us) {
            self.store_progress();
            let commit = self.store.commit();
            self.db.commit(commit, self.applied.stored, self.now.mono_us);
        }
    }

    /// Puts index, term and membership beside the data they belong to.
    pub(crate) fn store_progress(&mut self) {
        if self.applied.stored == 0 {
            return;
        }
        let mut set = |key: &'static [u8], value: Bytes| {
            self.store.set(META, Bytes::from_static(key), value);
        };
        let number = |n: u64| Bytes::copy_from_slice(&n.to_be_bytes());
        set(b"consistent_index", number(self.applied.stored));
        set(b"term", number(self.applied.term));
        let conf = &self.applied.conf;
        let json = ConfStateJson {
            voters: conf.voters.clone(),
            learners: conf.learners.clone(),
            auto_leave: conf.auto_leave,
        };
        let json = serde_json::to_vec(&json).expect("numbers and flags always serialise");
        set(b"confState", Bytes::from(json));
    }

    pub(crate) fn set_storage_version(&mut self, version: Release) {
        let text = Bytes::from(version.to_string());
        self.store.set(META, Bytes::from_static(b"storageVersion"), text);
    }

    /// A file of 3.5 does not say what layout it has.
    pub(crate) fn clear_storage_version(&mut self) {
        self.store.unset(META, Bytes::from_static(b"storageVersion"));
    }

    /// Applies one committed entry.
    pub(crate) fn apply(&mut self, entry: Entry) {
        let (index, term) = (entry.index, entry.term);
        let fresh = index > self.applied.stored;
        let kind = entry.get_entry_type();
        self.applied.index = index;
        self.applied.term = term;
        if fresh {
            self.applied.stored = index;
        }
        let request = match kind {
            EntryType::EntryNormal => self.apply_normal(entry, fresh),
            EntryType::EntryConfChange => {
                if fresh {
                    self.apply_change(&entry);
                }
                None
            }
            EntryType::EntryConfChangeV2 => {
                let msg = "unknown entry type; must be either EntryNormal or EntryConfChange";
                self.crash(LogLine::new(Level::Panic, "etcdserver/server.go:1939", msg), 2);
                None
            }
        };
        let hash = self.store.running_hash();
        let revision = self.store.revision();
        self.out.facts.push(Fact::Applied { index, term, hash, revision, request });
    }

    fn apply_normal(&mut self, entry: Entry, fresh: bool) -> Option<crate::fact::RequestKey> {
        if entry.data.is_empty() {
            self.first_commit_of_term();
            return None;
        }
        let Ok(request) = InternalRaftRequest::decode(Bytes::from(entry.data)) else {
            let line = LogLine::new(Level::Panic, "pbutil/pbutil.go:33", "failed to unmarshal");
            self.crash(line, 2);
            return None;
        };
        if !fresh {
            return None;
        }
        let id = request.header.as_ref().map_or(request.id, |header| header.id);
        let client = self.proposals.client_of(id);
        let outcome = self.perform(&request);
        match self.proposals.take(id) {
            None | Some(Asker::Nobody) => {}
            Some(asker) => self.deliver(asker, request, outcome),
        }
        client
    }

    /// The new leader's first entry: reads may go on, leases count from now.
    fn first_commit_of_term(&mut self) {
        if self.node.is_leader() {
            self.store.lease_promote(self.now.mono_us, self.election_us());
            self.publisher.check_now();
        }
    }

    fn deliver(&mut self, asker: Asker, request: InternalRaftRequest, outcome: Outcome) {
        match asker {
            Asker::Client(key)
                if outcome == Err(Fail::NoSpace) && !self.has_alarm(pb::AlarmType::Nospace) =>
            {
                // Applied, or not, but over the quota: the client hears when the alarm is up.
                self.say(
                    Level::Warn,
                    "etcdserver/server.go:2023",
                    "message exceeded backend quota; raising alarm",
                );
                self.raise_no_space(key);
            }
            Asker::Client(key) => {
                if let Some(compaction) = &request.compaction
                    && compaction.physical
                    && outcome.is_ok()
                    && !self.store.compaction_finished(compaction.revision)
                {
                    self.snapshots.wait_for_compaction(compaction.revision, key);
                    return;
                }
                if let Some(answer) = outcome.transpose() {
                    self.answer(key, answer);
                }
            }
            Asker::NoSpace(key) => self.answer(key, Err(Fail::NoSpace)),
            Asker::Authentication { key, revision, request } => {
                self.authenticated(key, revision, *request, outcome);
            }
            Asker::Downgrade(key) => self.downgrade_done(key),
            Asker::Compactor { revision, started_us } => {
                self.auto_compacted(revision, started_us, outcome.map(|_| ()));
            }
            Asker::Promotion { from, token } => {
                self.promotion_done(from, token, outcome.map(|_| ()));
            }
            Asker::Publish => self.published(),
            Asker::Version => self.version_done(),
            Asker::Nobody => {}
        }
    }

    /// Carries a request out. The answer is the same on every member.
    fn perform(&mut self, request: &InternalRaftRequest) -> Outcome {
        if let Some(set) = &request.cluster_version_set {
            if let Some(version) = Release::parse(&set.ver) {
                let before = self.cluster.version();
                self.cluster.set_version(version, &mut self.store);
                self.cluster_version_changed(before, version);
            }
            return Ok(None);
        }
        if let Some(set) = &request.cluster_member_attr_set {
            let attributes = set.member_attributes.clone().unwrap_or_default();
            let id = MemberId(set.member_id);
            self.cluster.publish(id, attributes.name, attributes.client_urls, &mut self.store);
            return Ok(None);
        }
        if let Some(set) = &request.downgrade_info_set {
            self.apply_downgrade(set);
            return Ok(None);
        }
        if request.downgrade_version_test.is_some() {
            return Ok(None);
        }
        if let Some(alarm) = &request.alarm {
            return Ok(Some(Answer::Alarm(self.apply_alarm(alarm))));
        }
        if is_refused_when_corrupt(request) && self.has_alarm(pb::AlarmType::Corrupt) {
            return Err(Fail::Corrupt);
        }
        self.perform_data(request)
    }

    fn perform_data(&mut self, request: &InternalRaftRequest) -> Outcome {
        let cost = cost(request);
        if cost > 0 && self.has_alarm(pb::AlarmType::Nospace) {
            return Err(Fail::NoSpace);
        }
        self.may_apply(request)?;
        let fits = self.has_space(cost);
        let answer = self.perform_write(request)?;
        if fits { Ok(answer) } else { Err(Fail::NoSpace) }
    }

    fn perform_write(&mut self, request: &InternalRaftRequest) -> Outcome {
        let now_us = self.now.mono_us;
        let answer = if let Some(put) = &request.put {
            self.stats.puts += 1;
            let mut response = self.store.put(put)?;
            response.header = Some(self.header());
            Answer::Put(response)
        } else if let Some(delete) = &request.delete_range {
            self.stats.deletes += 1;
            let mut response = self.store.delete_range(delete)?;
            response.header = Some(self.header());
            Answer::DeleteRange(response)
        } else if let Some(txn) = &request.txn {
            self.stats.txns += 1;
            let mut response = self.store.txn(txn)?;
            response.header = Some(self.header());
            Answer::Txn(response)
        } else if let Some(range) = &request.range {
            let mut response = self.store.range(range)?;
            response.header = Some(self.header());
            Answer::Range(response)
        } else if let Some(compaction) = &request.compaction {
            self.store.compact(compaction.revision)?;
            self.timers.compact_step_us = now_us;
            Answer::Compact(pb::CompactionResponse { header: Some(self.header()) })
        } else if let Some(grant) = &request.lease_grant {
            let ttl = self.store.lease_grant(grant.id, grant.ttl, now_us)?;
            let header = Some(self.header());
            Answer::LeaseGrant(pb::LeaseGrantResponse {
                header,
                id: grant.id,
                ttl,
                error: String::new(),
            })
        } else if let Some(revoke) = &request.lease_revoke {
            self.store.lease_revoke(revoke.id)?;
            Answer::LeaseRevoke(pb::LeaseRevokeResponse { header: Some(self.header()) })
        } else if let Some(answer) = self.apply_auth(request) {
            answer?
        } else {
            let checkpoints = request.lease_checkpoint.iter().flat_map(|c| &c.checkpoints);
            for checkpoint in checkpoints {
                self.store.lease_checkpoint(checkpoint.id, checkpoint.remaining_ttl);
            }
            return Ok(None);
        };
        Ok(Some(answer))
    }

    fn apply_alarm(&mut self, request: &pb::AlarmRequest) -> pb::AlarmResponse {
        let wanted = request.alarm();
        let alarm = |kind: pb::AlarmType, id: MemberId| pb::AlarmMember {
            member_id: id.0,
            alarm: kind.into(),
        };
        let id = MemberId(request.member_id);
        let mut alarms = Vec::new();
        match request.action() {
            pb::AlarmAction::Get => {
                let active = self.alarms.iter();
                let active =
                    active.filter(|(kind, _)| wanted == pb::AlarmType::None || wanted == *kind);
                alarms.extend(active.map(|(kind, id)| alarm(*kind, *id)));
            }
            pb::AlarmAction::Activate if wanted != pb::AlarmType::None => {
                let member = alarm(wanted, id);
                if self.alarms.insert((wanted, id)) {
                    let key = Bytes::from(member.encode_to_vec());
                    self.store.set("alarm", key, Bytes::new());
                    self.out.facts.push(Fact::Alarm {
                        member: id,
                        name: alarm_name(wanted),
                        on: true,
                    });
                }
                alarms.push(member);
            }
            pb::AlarmAction::Deactivate => {
                if self.alarms.remove(&(wanted, id)) {
                    let member = alarm(wanted, id);
                    self.store.unset("alarm", Bytes::from(member.encode_to_vec()));
                    self.out.facts.push(Fact::Alarm {
                        member: id,
                        name: alarm_name(wanted),
                        on: false,
                    });
                    alarms.push(member);
                }
            }
            pb::AlarmAction::Activate => {}
        }
        pb::AlarmResponse { header: Some(self.header()), alarms }
    }

    fn apply_change(&mut self, entry: &Entry) {
        let Some(change) = ConfChange::of_entry(entry) else {
            // The core leaves an entry without data where it refused a second change at a time.
            return;
        };
        let asker = self.proposals.take(change.id);
        if let Err(fail) = self.cluster.validate(&change) {
            self.say(
                Level::Error,
                "etcdserver/server.go:2103",
                "Validation on configuration change failed",
            )
            .fields
            .push(("error", fail.to_string().into()));
            self.conf_changed(entry.index, Change::Refused);
            self.change_done(asker, &change, Err(fail));
            return;
        }
        if let Some(for_raft) = change.for_raft() {
            self.applied.conf = self.node.apply_conf_change(&for_raft, &mut self.out);
        }
        let done = self.change_members(&change);
        self.conf_changed(entry.index, done);
        self.change_done(asker, &change, Ok(()));
        if change.kind() == ChangeType::Remove && change.node_id == self.id.0 {
            self.removed(REMOVED_DELAY_US, 0);
        }
    }

    fn conf_changed(&mut self, index: u64, change: Change) {
        let ids = |ids: &[u64]| ids.iter().copied().map(MemberId).collect();
        let voters = ids(&self.applied.conf.voters);
        let learners = ids(&self.applied.conf.learners);
        self.out.facts.push(Fact::Conf { index, change, voters, learners });
    }

    /// Removes a piece of what compactions freed.
    pub(crate) fn compact_more(&mut self) {
        let now_us = self.now.mono_us;
        if now_us < self.timers.compact_step_us {
            return;
        }
        let more = self.store.compact_step();
        self.timers.compact_step_us = if more { now_us + COMPACT_PAUSE_US } else { u64::MAX };
        for key in self.snapshots.finished_compactions(&self.store) {
            let header = Some(self.header());
            self.answer(key, Ok(Answer::Compact(pb::CompactionResponse { header })));
        }
    }

    pub(crate) fn has_alarm(&self, kind: pb::AlarmType) -> bool {
        self.alarms.iter().any(|(active, _)| *active == kind)
    }

    /// Whether the file may grow by this much. What costs nothing always may.
    pub(crate) fn has_space(&self, cost: u64) -> bool {
        let quota = self.quota();
        let Ok(quota) = u64::try_from(quota) else { return true };
        cost == 0 || self.store.size_bytes() + cost < quota
    }

    /// The quota in force; negative for none.
    pub(crate) fn quota(&self) -> i64 {
        const DEFAULT: i64 = 2 * 1024 * 1024 * 1024;
        if self.config.quota_bytes == 0 { DEFAULT } else { self.config.quota_bytes }
    }
}

pub(crate) fn alarm_name(kind: pb::AlarmType) -> &'static str {
    match kind {
        pb::AlarmType::None => "NONE",
        pb::AlarmType::Nospace => "NOSPACE",
        pb::AlarmType::Corrupt => "CORRUPT",
    }
}

/// What a corrupt cluster refuses: all that reads or writes keys and leases through the log.
fn is_refused_when_corrupt(request: &InternalRaftRequest) -> bool {
    request.put.is_some()
        || request.range.is_some()
        || request.delete_range.is_some()
        || request.txn.is_some()
        || request.compaction.is_some()
        || request.lease_grant.is_some()
        || request.lease_revoke.is_some()
}

/// What etcd reckons a request adds to the file.
fn cost(request: &InternalRaftRequest) -> u64 {
    if let Some(put) = &request.put {
        put_cost(put)
    } else if let Some(txn) = &request.txn {
        txn_cost(txn)
    } else if request.lease_grant.is_some() {
        LEASE_COST
    } else {
        0
    }
}

pub(crate) const LEASE_COST: u64 = 64;

pub(crate) fn put_cost(put: &pb::PutRequest) -> u64 {
    256 + (put.key.len() + put.value.len()) as u64
}

/// The larger branch counts; what nested transactions put does not, as in etcd.
pub(crate) fn txn_cost(txn: &pb::TxnRequest) -> u64 {
    let branch = |ops: &[pb::RequestOp]| -> u64 {
        let puts = ops.iter().filter_map(|op| match &op.request {
            Some(pb::request_op::Request::Put(put)) => Some(put_cost(put)),
            _ => None,
        });
        puts.sum()
    };
    branch(&txn.success).max(branch(&txn.failure))
}
