//! Looking after a member: status, hashes, defragmentation, snapshots for clients, moving the
//! leadership, and stopping in order.

use bytes::Bytes;
use prost::Message as _;
use raft::ProgressState;
use raft::eraftpb::{Entry, EntryType};
use sha2::{Digest, Sha256};

use crate::apply::{alarm_name, storage_version};
use crate::confchange::{ChangeType, ConfChange};
use crate::fact::{Fact, RequestKey};
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::log::Level;
use crate::member::Member;
use crate::pb::{self, InternalRaftRequest};
use crate::propose::Asker;
use crate::rpc::Answer;
use crate::status::{EntryInfo, MemberStatus, PeerProgress, Timer};
use crate::storage::Log;

/// A snapshot goes to a client in pieces of this size.
const SNAPSHOT_CHUNK: usize = 32 * 1024;

/// What differs between members that applied the same.
const UNHASHED: [&[u8]; 3] = [b"consistent_index", b"term", b"storageVersion"];

/// Where a member is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Running,
    /// Removed from the cluster; it stops in a moment.
    Removed,
    /// Told to stop; it may still hand its leadership over.
    Stopping,
    /// Its files are being finished.
    Closing,
    /// The process has ended.
    Gone,
}

/// A hand-over of the leadership.
#[derive(Debug)]
struct Transfer {
    to: MemberId,
    asker: Option<RequestKey>,
    deadline_us: u64,
}

/// What maintenance waits for.
#[derive(Debug, Default)]
pub(crate) struct Chores {
    transfer: Option<Transfer>,
    /// Clients whose defragmentation has not begun, and those whose has.
    defrag_wanted: Vec<RequestKey>,
    defrag_under_way: Vec<RequestKey>,
}

impl Member {
    pub(crate) fn status_response(&self) -> pb::StatusResponse {
        let mut errors = Vec::new();
        if self.node.leader().is_none() {
            errors.push(Fail::NoLeader.to_string());
        }
        for (kind, member) in &self.alarms {
            errors.push(format!("memberID:{} alarm:{} ", member.0, alarm_name(*kind)));
        }
        let mut status = pb::StatusResponse {
            header: Some(self.header()),
            version: self.release().to_string(),
            db_size: self.store.size_bytes().cast_signed(),
            leader: self.node.leader().map_or(0, |id| id.0),
            raft_index: self.node.commit(),
            raft_term: self.applied.term,
            raft_applied_index: self.applied.index,
            errors,
            db_size_in_use: self.store.in_use_bytes().cast_signed(),
            is_learner: self.is_learner(),
            ..pb::StatusResponse::default()
        };
        if self.release().is_3_6() {
            let version = storage_version(&self.store);
            status.storage_version = version.map(|v| v.to_string()).unwrap_or_default();
            status.db_size_quota = self.quota();
            status.downgrade_info = Some(pb::DowngradeInfo {
                enabled: self.downgrade.enabled,
                target_version: self.downgrade.target.clone(),
            });
        }
        status
    }

    pub(crate) fn is_learner(&self) -> bool {
        self.own_info().is_some_and(|info| info.is_learner)
    }

    pub(crate) fn hash_kv(&self, revision: i64) -> Result<pb::HashKvResponse, Fail> {
        let hash = self.store.hash_kv(revision)?;
        Ok(pb::HashKvResponse {
            header: Some(self.header_at(hash.current)),
            hash: hash.hash,
            compact_revision: hash.compact_revision,
            hash_revision: if self.release().is_3_6() { hash.hash_revision } else { 0 },
        })
    }

    /// The hash of the whole database, but for how far the log is applied.
    pub(crate) fn hash(&self) -> pb::HashResponse {
        let hash = self.store.hash_all(&UNHASHED);
        pb::HashResponse { header: Some(self.header()), hash }
    }

    /// Rewrites the database without its holes, once it is not being written.
    pub(crate) fn defragment(&mut self, key: RequestKey) {
        self.chores.defrag_wanted.push(key);
        self.start_defrag();
    }

    fn start_defrag(&mut self) {
        if self.chores.defrag_wanted.is_empty() || self.db.is_busy() {
            return;
        }
        self.say(Level::Info, "v3rpc/maintenance.go:107", "starting defragment");
        self.store_progress();
        let commit = self.store.defrag();
        self.db.replace(commit, self.applied.stored, self.now.mono_us);
        let begun = std::mem::take(&mut self.chores.defrag_wanted);
        self.chores.defrag_under_way.extend(begun);
    }

    pub(crate) fn finish_defrags(&mut self) {
        for key in std::mem::take(&mut self.chores.defrag_under_way) {
            self.say(Level::Info, "v3rpc/maintenance.go:113", "finished defragment");
            // etcd answers without a header.
            self.answer(key, Ok(Answer::Header(pb::HeaderResponse::default())));
        }
        self.start_defrag();
    }

    /// The database for `snapshot save`: pieces, then the SHA-256 of all of them.
    pub(crate) fn send_snapshot(&mut self, key: RequestKey) {
        let (_, image) = self.state_to_send();
        let bytes = image.to_bytes();
        // Only what is written down counts here, not what the layout shows.
        let stored = self.store.get("meta", b"storageVersion").unwrap_or_default();
        let version = String::from_utf8_lossy(&stored).into_owned();
        let mut remaining = bytes.len() as u64;
        for start in (0..bytes.len()).step_by(SNAPSHOT_CHUNK) {
            let blob = bytes.slice(start..bytes.len().min(start + SNAPSHOT_CHUNK));
            remaining -= blob.len() as u64;
            let piece = self.snapshot_piece(remaining, blob, &version);
            self.answer_more(key, piece);
        }
        let sum = Bytes::copy_from_slice(&Sha256::digest(&bytes));
        let last = self.snapshot_piece(0, sum, &version);
        self.answer(key, Ok(last));
    }

    fn snapshot_piece(&self, remaining_bytes: u64, blob: Bytes, version: &str) -> Answer {
        Answer::Snapshot(pb::SnapshotResponse {
            header: Some(self.header()),
            remaining_bytes,
            blob,
            version: version.to_owned(),
        })
    }

    /// Raises the alarm of a full database; the client hears of it afterwards.
    pub(crate) fn raise_no_space(&mut self, key: RequestKey) {
        let request = InternalRaftRequest {
            alarm: Some(pb::AlarmRequest {
                action: pb::AlarmAction::Activate.into(),
                member_id: self.id.0,
                alarm: pb::AlarmType::Nospace.into(),
            }),
            ..InternalRaftRequest::default()
        };
        if self.propose(Asker::NoSpace(key), request, None).is_err() {
            self.answer(key, Err(Fail::NoSpace));
        }
    }

    pub(crate) fn move_leader(&mut self, key: RequestKey, to: MemberId, timeout_us: Option<u64>) {
        if !self.node.is_leader() {
            self.answer(key, Err(Fail::NotLeader));
            return;
        }
        if self.cluster.member(to).is_none_or(|member| member.is_learner) {
            self.answer(key, Err(Fail::BadLeaderTransferee));
            return;
        }
        if to == self.id {
            let header = Some(self.header());
            self.answer(key, Ok(Answer::Header(pb::HeaderResponse { header })));
            return;
        }
        let deadline_us = timeout_us.map_or(u64::MAX, |us| self.now.mono_us.saturating_add(us));
        self.start_transfer(to, Some(key), deadline_us);
    }

    fn start_transfer(&mut self, to: MemberId, asker: Option<RequestKey>, deadline_us: u64) {
        self.end_transfer(Err(Fail::TransferTooSlow));
        let own = self.id.to_string();
        let line =
            self.say(Level::Info, "etcdserver/server.go:1257", "leadership transfer starting");
        line.fields.push(("local-member-id", own.as_str().into()));
        line.fields.push(("current-leader-member-id", own.into()));
        line.fields.push(("transferee-member-id", to.to_string().into()));
        self.out.facts.push(Fact::TransferStarted { to });
        self.chores.transfer = Some(Transfer { to, asker, deadline_us });
        self.node.transfer_leader(to, &mut self.out);
    }

    /// After a change of the leader, and with every tick.
    pub(crate) fn check_transfer(&mut self) {
        let Some(transfer) = &self.chores.transfer else { return };
        if self.node.leader() == Some(transfer.to) {
            self.say(Level::Info, "etcdserver/server.go:1274", "leadership transfer finished");
            self.end_transfer(Ok(()));
        } else if self.now.mono_us >= transfer.deadline_us {
            self.end_transfer(Err(Fail::TransferTooSlow));
        }
    }

    fn end_transfer(&mut self, result: Result<(), Fail>) {
        let Some(transfer) = self.chores.transfer.take() else { return };
        if let Some(key) = transfer.asker {
            // The header stays empty: etcdctl prints `{}`.
            let answer = result.map(|()| Answer::Header(pb::HeaderResponse::default()));
            self.answer(key, answer);
        }
    }

    /// SIGTERM.
    pub(crate) fn stop(&mut self) {
        if self.stage != Stage::Running {
            return;
        }
        self.stage = Stage::Stopping;
        if !self.node.is_leader() {
            self.say(
                Level::Info,
                "etcdserver/server.go:1288",
                "skipped leadership transfer; local server is not leader",
            );
            return;
        }
        let others = || self.cluster.voters().filter(|m| m.id != self.id);
        if others().next().is_none() {
            self.say(
                Level::Info,
                "etcdserver/server.go:1297",
                "skipped leadership transfer for single voting member cluster",
            );
            return;
        }
        let since = |m: &&crate::status::MemberInfo| self.peers.active_since_us(m.id);
        let oldest = others().filter(|m| since(m).is_some()).min_by_key(|m| since(m));
        match oldest.map(|m| m.id) {
            Some(to) => {
                let deadline_us = self.now.mono_us + self.config.request_timeout_us();
                self.start_transfer(to, None, deadline_us);
            }
            None => {
                let line = self.say(
                    Level::Warn,
                    "etcdserver/server.go:1336",
                    "leadership transfer failed",
                );
                line.fields.push(("error", "etcdserver: unhealthy cluster".into()));
            }
        }
    }

    /// Goes on with stopping, as far as it can.
    pub(crate) fn finish_stopping(&mut self) {
        if self.stage == Stage::Stopping && self.chores.transfer.is_none() {
            self.stage = Stage::Closing;
            self.fail_all_proposals();
            self.fail_all_reads();
            self.fail_all_forwards();
            self.end_all_streams(&Fail::Stopped);
            self.commit_db(true);
            self.journal.close();
        } else if self.stage == Stage::Closing && self.journal.is_idle() && self.db.is_idle() {
            self.exit(0);
        }
    }

    /// Everything worth showing.
    pub(crate) fn show(&self) -> MemberStatus {
        let raft = self.node.raft();
        let member = |id: u64| Some(id).filter(|id| *id != 0).map(MemberId);
        let mut ballots: Vec<(MemberId, bool)> =
            raft.prs().votes().iter().map(|(id, granted)| (MemberId(*id), *granted)).collect();
        flat::sort(&mut ballots);
        let conf = self.node.conf_state();
        let ids = |ids: &[u64]| ids.iter().copied().map(MemberId).collect();
        MemberStatus {
            id: self.id,
            cluster: self.cluster.id,
            name: self.config.name.clone(),
            release: self.release(),
            term: raft.term,
            role: self.node.role(),
            is_learner: self.is_learner(),
            vote: member(raft.vote),
            ballots: if self.node.is_leader() { Vec::new() } else { ballots },
            leader: self.node.leader(),
            transferee: raft.lead_transferee.map(MemberId),
            first_index: self.node.log().first(),
            last_index: raft.raft_log.last_index(),
            persisted: raft.raft_log.persisted,
            commit: self.node.commit(),
            applied: self.applied.index,
            revision: self.store.revision(),
            compacted: self.store.compacted(),
            running_hash: self.store.running_hash(),
            timer: self.timer(),
            progress: self.progress(),
            voters: ids(&conf.voters),
            learners: ids(&conf.learners),
            members: self.cluster.members().cloned().collect(),
            db_size_bytes: self.store.size_bytes(),
            db_in_use_bytes: self.store.in_use_bytes(),
            quota_bytes: self.quota(),
            alarms: self
                .alarms
                .iter()
                .map(|(kind, id)| (*id, alarm_name(*kind).to_owned()))
                .collect(),
            leases: self.store.lease_list().len() as u64,
            watchers: self.store.watch_count() as u64,
            ready: self.is_ready(),
        }
    }

    fn timer(&self) -> Timer {
        let raft = self.node.raft();
        let (elapsed, timeout) = if self.node.is_leader() {
            (raft.heartbeat_elapsed(), raft.heartbeat_timeout())
        } else {
            (raft.election_elapsed, raft.randomized_election_timeout())
        };
        Timer {
            elapsed_ticks: elapsed as u64,
            timeout_ticks: timeout as u64,
            ticked_us: self.timers.ticked_us,
        }
    }

    fn progress(&self) -> Vec<PeerProgress> {
        if !self.node.is_leader() {
            return Vec::new();
        }
        let others = self.node.raft().prs().iter().filter(|(id, _)| **id != self.id.0);
        let mut progress: Vec<PeerProgress> = others
            .map(|(id, pr)| PeerProgress {
                id: MemberId(*id),
                matched: pr.matched,
                next: pr.next_idx,
                active: pr.recent_active,
                snapshot: pr.state == ProgressState::Snapshot,
            })
            .collect();
        flat::sort_by_key(&mut progress, |pr| pr.id);
        progress
    }
}

/// Up to `max` entries, each in a few words.
pub(crate) fn describe(log: &Log, from: u64, max: usize) -> Vec<EntryInfo> {
    let from = from.max(log.first());
    let indexes = (from..=log.last()).take(max);
    let entries = indexes.filter_map(|index| log.get(index));
    entries.map(|e| EntryInfo { index: e.index, term: e.term, text: words(e) }).collect()
}

fn words(entry: &Entry) -> String {
    if entry.get_entry_type() != EntryType::EntryNormal {
        let change = ConfChange::of_entry(entry);
        return change.map_or_else(|| "no change".to_owned(), |change| change_words(&change));
    }
    if entry.data.is_empty() {
        return "leader's first entry".to_owned();
    }
    let Ok(request) = InternalRaftRequest::decode(entry.data.as_slice()) else {
        return "damaged".to_owned();
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Some(put) = &request.put {
        format!("put {}", text(&put.key))
    } else if let Some(delete) = &request.delete_range {
        format!("delete {}", text(&delete.key))
    } else if request.txn.is_some() {
        "txn".to_owned()
    } else if let Some(compaction) = &request.compaction {
        format!("compact {}", compaction.revision)
    } else if let Some(grant) = &request.lease_grant {
        format!("grant lease {:016x}", grant.id)
    } else if let Some(revoke) = &request.lease_revoke {
        format!("revoke lease {:016x}", revoke.id)
    } else if let Some(set) = &request.cluster_member_attr_set {
        let name = set.member_attributes.as_ref().map_or("", |a| a.name.as_str());
        format!("publish {name}")
    } else if let Some(set) = &request.cluster_version_set {
        format!("cluster version {}", set.ver)
    } else if request.alarm.is_some() {
        "alarm".to_owned()
    } else {
        "lease checkpoint".to_owned()
    }
}

fn change_words(change: &ConfChange) -> String {
    let member = MemberId(change.node_id);
    let promote = change.member().is_some_and(|(_, promote)| promote);
    match change.kind() {
        ChangeType::Add if promote => format!("promote member {member}"),
        ChangeType::Add => format!("add member {member}"),
        ChangeType::AddLearner => format!("add learner {member}"),
        ChangeType::Remove => format!("remove member {member}"),
        ChangeType::Update => format!("update member {member}"),
    }
}
