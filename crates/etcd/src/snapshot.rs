//! Snapshots: of our own state, so that the log may forget; of the leader's state, for a
//! follower whose next entry the leader's log has forgotten.
//!
//! What travels is the whole database. The receiver writes it beside its own, then the record
//! in its log, and only then puts it in the old one's place: a crash between any two of these
//! leaves a member that can come back.

use bytes::Bytes;
use flat::Map;
use raft::eraftpb::SnapshotMetadata;

use crate::disk::DiskOp;
use crate::downgrade::Downgrade;
use crate::fact::{Fact, RequestKey};
use crate::ids::MemberId;
use crate::log::{Level, LogLine};
use crate::member::Member;
use crate::persist::received_db;
use crate::snapfile::{V2Member, v2_store};

/// From 3.6 on the log in memory is cut this often.
const MEMORY_COUNT: u64 = 100;
/// A transport that never reports what became of a snapshot has lost it.
const REPORT_TIMEOUT_US: u64 = 30_000_000;
/// After a snapshot arrived the log is kept a while for the follower to catch up.
const KEEP_LOG_US: u64 = 30_000_000;

/// Snapshots of this member, coming and going.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// The index of the newest snapshot on disk.
    pub(crate) on_disk: u64,
    in_memory: u64,
    /// A snapshot to be written once the database is durable up to its index.
    wanted: Option<SnapshotMetadata>,
    /// A received database that is not yet the database.
    received: Option<Received>,
    /// Peers a snapshot is on its way to, and since when.
    sending: Map<MemberId, u64>,
    keep_log_until_us: u64,
    compactions: Vec<(i64, RequestKey)>,
}

#[derive(Debug)]
struct Received {
    from: MemberId,
    index: u64,
    image: bolt::Image,
    installing: bool,
}

impl Snapshots {
    pub(crate) fn at(index: u64) -> Snapshots {
        Snapshots { on_disk: index, in_memory: index, ..Snapshots::default() }
    }

    pub(crate) fn wait_for_compaction(&mut self, revision: i64, key: RequestKey) {
        self.compactions.push((revision, key));
    }

    /// Whose physical compaction is finished.
    pub(crate) fn finished_compactions(&mut self, store: &mvcc::Store) -> Vec<RequestKey> {
        let done = self.compactions.extract_if(.., |(rev, _)| store.compaction_finished(*rev));
        done.map(|(_, key)| key).collect()
    }
}

impl Member {
    /// After entries were applied: is it time to write a snapshot, or to cut the log?
    pub(crate) fn after_apply(&mut self) {
        let index = self.applied.index;
        if self.snapshots.wanted.is_none()
            && index - self.snapshots.on_disk.min(index) > self.config.snapshot_count
        {
            self.say(Level::Info, "etcdserver/server.go:2214", "triggering snapshot");
            let meta = self.own_meta();
            self.snapshots.wanted = Some(meta);
            self.commit_db(true);
        }
        let in_memory = index - self.snapshots.in_memory.min(index);
        if self.release().is_3_6() && in_memory > MEMORY_COUNT {
            self.cut_log(index);
        }
    }

    /// The membership as the snapshot file has it, for versions of etcd that look there.
    pub(crate) fn members_for_file(&self) -> Vec<u8> {
        let member = |m: &crate::status::MemberInfo| V2Member {
            id: m.id.0,
            peer_urls: m.peer_urls.clone(),
            is_learner: m.is_learner,
            name: m.name.clone(),
            client_urls: m.client_urls.clone(),
        };
        let members: Vec<V2Member> = self.cluster.members().map(member).collect();
        let removed: Vec<u64> = self.cluster.removed().iter().map(|id| id.0).collect();
        let version = self.cluster.version().map(|version| version.to_string());
        v2_store(&members, &removed, version.as_deref())
    }

    fn own_meta(&self) -> SnapshotMetadata {
        SnapshotMetadata {
            conf_state: Some(self.applied.conf.clone()),
            index: self.applied.index,
            term: self.applied.term,
        }
    }

    /// Forgets entries that are in a snapshot, but for what lagging followers may still want.
    fn cut_log(&mut self, snapshot: u64) {
        self.snapshots.in_memory = snapshot;
        let held = !self.snapshots.sending.is_empty()
            || self.now.mono_us < self.snapshots.keep_log_until_us;
        let until = snapshot.saturating_sub(self.config.snapshot_catchup);
        if held || until < self.node.log().first() {
            return;
        }
        let (index, term, conf) =
            (self.applied.index, self.applied.term, self.applied.conf.clone());
        let log = self.node.log_mut();
        log.offer_snapshot(index, term, conf);
        log.compact(until);
    }

    /// The database is durable up to this applied index.
    pub(crate) fn db_written(&mut self, index: u64) {
        self.finish_defrags();
        let ready = self.snapshots.wanted.as_ref().is_some_and(|m| m.index <= index);
        match self.snapshots.wanted.take_if(|_| ready) {
            Some(meta) => self.save_snapshot(&meta),
            // The commit under way when it was wanted was an older one.
            None if self.snapshots.wanted.is_some() => self.commit_db(true),
            None => {}
        }
    }

    fn save_snapshot(&mut self, meta: &SnapshotMetadata) {
        let members = self.members_for_file();
        self.journal.own_snapshot(meta, &members);
        self.snapshots.on_disk = meta.index;
        self.cut_log(meta.index);
        let line = self.say(Level::Info, "etcdserver/server.go:2260", "saved snapshot to disk");
        line.fields.push(("snapshot-index", meta.index.into()));
        let first_index = self.node.log().first();
        let (index, term) = (meta.index, meta.term);
        self.out.facts.push(Fact::SnapshotSaved { index, term, first_index });
    }

    /// The state as it is, for a follower: what it is the state of, and the whole database.
    pub(crate) fn state_to_send(&mut self) -> (SnapshotMetadata, bolt::Image) {
        self.commit_db(true);
        if self.store.pending_ops() > 0 {
            // A commit is under way: this one is written with the next.
            self.store_progress();
            let commit = self.store.commit();
            self.db.commit(commit, self.applied.stored, self.now.mono_us);
        }
        (self.own_meta(), self.store.image())
    }

    pub(crate) fn snapshot_leaves(
        &mut self,
        to: MemberId,
        meta: &SnapshotMetadata,
        size_bytes: u64,
    ) {
        self.snapshots.sending.insert(to, self.now.mono_us);
        let line = self.say(Level::Info, "etcdserver/server.go:1867", "sending merged snapshot");
        line.fields.push(("to", to.to_string().into()));
        line.fields.push(("bytes", size_bytes.into()));
        let (index, term) = (meta.index, meta.term);
        self.out.facts.push(Fact::SnapshotSent { to, index, term, size_bytes });
    }

    /// The transport says what became of a snapshot.
    pub(crate) fn snapshot_reported(&mut self, peer: MemberId, ok: bool) {
        if self.snapshots.sending.remove(&peer).is_none() {
            return;
        }
        self.node.report_snapshot(peer, ok);
        if ok {
            self.snapshots.keep_log_until_us = self.now.mono_us + KEEP_LOG_US;
            let line = self.say(Level::Info, "etcdserver/server.go:1885", "sent merged snapshot");
            line.fields.push(("to", peer.to_string().into()));
        }
    }

    /// A follower must not wait for ever for a snapshot nobody reports on.
    pub(crate) fn check_snapshots(&mut self) {
        let now_us = self.now.mono_us;
        let lost = self.snapshots.sending.iter();
        let lost = lost.filter(|(_, since_us)| **since_us + REPORT_TIMEOUT_US <= now_us);
        let lost: Vec<MemberId> = lost.map(|(id, _)| *id).collect();
        for peer in lost {
            self.snapshot_reported(peer, false);
        }
    }

    /// A database arrived: it is written beside ours before raft hears of it. False when it
    /// is of no use.
    pub(crate) fn keep_received(&mut self, from: MemberId, index: u64, image: bolt::Image) -> bool {
        if self.snapshots.received.is_some() || self.node.is_installing() {
            return false;
        }
        if index > self.node.commit() {
            let file = received_db(index);
            let len_bytes = image.size_bytes();
            self.journal.push(vec![
                DiskOp::Remove { file: file.clone() },
                DiskOp::Allocate { file: file.clone(), len_bytes },
                DiskOp::Pages { file: file.clone(), pages: image.pages().collect() },
                DiskOp::Sync { file },
            ]);
            self.snapshots.received = Some(Received { from, index, image, installing: false });
        }
        true
    }

    /// A received database that raft did not want after all.
    pub(crate) fn drop_unwanted(&mut self) {
        let unwanted = !self.node.is_installing() && self.node.raft().snap().is_none();
        if let Some(received) = self.snapshots.received.take_if(|r| !r.installing && unwanted) {
            self.journal.push(vec![DiskOp::Remove { file: received_db(received.index) }]);
        }
    }

    /// Raft took a snapshot: its database is ours from now on.
    pub(crate) fn take_snapshot(&mut self, meta: &SnapshotMetadata) {
        let Some(received) = &mut self.snapshots.received else {
            let line = LogLine::new(
                Level::Panic,
                "etcdserver/server.go:1055",
                "failed to open snapshot backend",
            );
            self.crash(line, 2);
            return;
        };
        received.installing = true;
        let from = received.from;
        let opened = received.image.open().map_err(|error| error.to_string());
        let opened =
            opened.and_then(|db| self.store.restore(db).map_err(|error| error.to_string()));
        if let Err(error) = opened {
            let line = LogLine::new(
                Level::Panic,
                "etcdserver/server.go:1055",
                "failed to open snapshot backend",
            );
            self.crash(line.with("error", error), 2);
            return;
        }
        self.db.hold();
        let line = self.say(Level::Info, "etcdserver/server.go:1013", "applying snapshot");
        line.fields.push(("incoming-leader-snapshot-index", meta.index.into()));
        self.applied.index = meta.index;
        self.applied.term = meta.term;
        self.applied.stored = meta.index;
        self.applied.conf = meta.conf_state.clone().unwrap_or_default();
        self.snapshots.on_disk = meta.index;
        self.snapshots.in_memory = meta.index;
        self.snapshots.wanted = None;
        self.cluster.recover(&self.store);
        self.recover_alarms();
        self.auth.recover(&self.store);
        self.downgrade = Downgrade::stored(&self.store);
        self.timers.compact_step_us = self.now.mono_us;
        self.out.facts.push(Fact::SnapshotReceived {
            from,
            index: meta.index,
            term: meta.term,
            hash: self.store.running_hash(),
            revision: self.store.revision(),
        });
    }

    /// After a write of the log: a received database whose record is durable takes its place.
    pub(crate) fn snapshot_durable(&mut self) {
        if self.node.is_installing() {
            return;
        }
        if let Some(received) = self.snapshots.received.take_if(|r| r.installing) {
            self.node.applied(received.index);
            self.db.install(received.index, received.image.size_bytes());
            let line = self.say(Level::Info, "etcdserver/server.go:1021", "applied snapshot");
            line.fields.push(("incoming-leader-snapshot-index", received.index.into()));
        }
    }

    pub(crate) fn recover_alarms(&mut self) {
        self.alarms = stored_alarms(&self.store);
    }
}

/// The alarms in the database.
pub(crate) fn stored_alarms(store: &mvcc::Store) -> flat::Set<(crate::pb::AlarmType, MemberId)> {
    let decode = |key: &Bytes| {
        let alarm = <crate::pb::AlarmMember as prost::Message>::decode(key.clone()).ok()?;
        Some((alarm.alarm(), MemberId(alarm.member_id)))
    };
    store.iter("alarm").iter().filter_map(|(key, _)| decode(key)).collect()
}
