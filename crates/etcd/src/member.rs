//! The member: its whole public face, and the loop that carries out what it asks for.
//!
//! What the calls mean is in the files of their topics: `node.rs` (raft), `propose.rs`,
//! `apply.rs`, `read.rs`, `lease.rs`, `watch.rs`, `membership.rs`, `maintenance.rs`,
//! `snapshot.rs`, `version.rs`, `peer.rs`, `boot.rs`.

use flat::{Map, Set};
use raft::eraftpb::{ConfState, Message};

use crate::auth::Auth;
use crate::cluster::Cluster;
use crate::compactor::Compactor;
use crate::config::{Config, PeerCluster, Release};
use crate::corrupt::Checker;
use crate::disk::{DiskError, DiskView, WriteBatch, WriteId};
use crate::downgrade::Downgrade;
use crate::envelope::Envelope;
use crate::fact::{Fact, RequestKey};
use crate::fail::Fail;
use crate::http::{Stats, Waiting};
use crate::ids::{ClusterId, MemberId, RequestIds};
use crate::lease::Forwards;
use crate::log::{Level, LogLine};
use crate::maintenance::{Chores, Stage};
use crate::node::{Batch, Node};
use crate::pb;
use crate::peer::Peers;
use crate::persist::{DbLane, Journal, WriteIds};
use crate::propose::Proposals;
use crate::read::Reads;
use crate::rpc::{Answer, ConnId, Reply, Request};
use crate::snapshot::Snapshots;
use crate::status::{EntryInfo, MemberInfo, MemberStatus};
use crate::version::Publisher;
use crate::watch::Streams;

/// The time, as the member's host sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Its monotonic clock.
    pub mono_us: u64,
    /// Its wall clock: microseconds since 1970, with whatever skew the host has.
    pub wall_us: u64,
}

/// What a member wants done. Taken with [`Member::drain`] after every call.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Messages to peers.
    pub send: Vec<Envelope>,
    /// Writes to the disk, in order.
    pub write: Vec<WriteBatch>,
    /// Answers to clients.
    pub replies: Vec<Reply>,
    /// Lines for stderr.
    pub log: Vec<LogLine>,
    /// What happened.
    pub facts: Vec<Fact>,
    /// Set when the process ends, with its exit code. The member must not be called again.
    pub exit: Option<i32>,
}

impl Output {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.send.is_empty()
            && self.write.is_empty()
            && self.replies.is_empty()
            && self.log.is_empty()
            && self.facts.is_empty()
            && self.exit.is_none()
    }
}

/// A member that did not come up.
#[derive(Clone, Debug, PartialEq)]
pub struct BootError {
    /// What it says on stderr.
    pub log: Vec<LogLine>,
    /// Its exit code.
    pub exit_code: i32,
}

/// One etcd member.
pub struct Member {
    pub(crate) config: Config,
    pub(crate) id: MemberId,
    pub(crate) node: Node,
    pub(crate) store: mvcc::Store,
    pub(crate) cluster: Cluster,
    pub(crate) peers: Peers,
    pub(crate) journal: Journal,
    pub(crate) db: DbLane,
    pub(crate) write_ids: WriteIds,
    pub(crate) out: Output,
    pub(crate) now: Now,
    pub(crate) request_ids: RequestIds,
    pub(crate) applied: Applied,
    pub(crate) proposals: Proposals,
    pub(crate) reads: Reads,
    pub(crate) forwards: Forwards,
    pub(crate) streams: Streams,
    pub(crate) snapshots: Snapshots,
    pub(crate) publisher: Publisher,
    pub(crate) auth: Auth,
    /// The names in the certificates of clients.
    pub(crate) identities: Map<ConnId, String>,
    /// Requests whose token was given out by an entry that is not applied here yet.
    pub(crate) early: Vec<(u64, RequestKey, Request)>,
    pub(crate) downgrade: Downgrade,
    pub(crate) compactor: Compactor,
    pub(crate) checker: Checker,
    pub(crate) http_waiting: Map<RequestKey, Waiting>,
    pub(crate) stats: Stats,
    pub(crate) alarms: Set<(pb::AlarmType, MemberId)>,
    pub(crate) stage: Stage,
    pub(crate) chores: Chores,
    pub(crate) timers: Timers,
}

/// How far the log has been applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    pub(crate) index: u64,
    /// The term of the entry at `index`: the term that answers to clients carry.
    pub(crate) term: u64,
    /// Entries up to here are in the store already (etcd's consistent index).
    pub(crate) stored: u64,
    pub(crate) conf: ConfState,
    /// The leader this member last told its readers of.
    pub(crate) leader: Option<MemberId>,
    /// When this member became leader, on its own clock.
    pub(crate) elected_us: Option<u64>,
}

/// What happens at its time, on the monotonic clock. `u64::MAX` stands for never.
#[derive(Clone, Debug)]
pub(crate) struct Timers {
    pub(crate) booted_us: u64,
    pub(crate) ticked_us: u64,
    pub(crate) lease_check_us: u64,
    pub(crate) compact_step_us: u64,
    pub(crate) watch_sync_us: u64,
    pub(crate) downgrade_check_us: u64,
    pub(crate) checkpoint_us: u64,
    pub(crate) exit: Option<(u64, i32)>,
}

impl Timers {
    pub(crate) fn new(now_us: u64) -> Timers {
        Timers {
            booted_us: now_us,
            ticked_us: now_us,
            lease_check_us: 0,
            compact_step_us: now_us,
            watch_sync_us: u64::MAX,
            downgrade_check_us: now_us,
            checkpoint_us: now_us + crate::lease::CHECKPOINT_US,
            exit: None,
        }
    }
}

impl Member {
    /// Starts a member on a disk: a fresh one, one that joins, or one that was here before.
    /// `peers` is what another member of `--initial-cluster` told, if one answered; it is
    /// not asked for when the disk holds a log.
    ///
    /// # Errors
    /// What etcd would refuse to start with, as it says it.
    pub fn boot(
        config: Config,
        disk: &dyn DiskView,
        peers: Option<PeerCluster>,
        now: Now,
    ) -> Result<Member, BootError> {
        let is_3_6 = config.release.is_3_6();
        crate::boot::boot(config, disk, peers, now).map_err(|mut error| {
            if !is_3_6 {
                error.log.iter_mut().for_each(crate::log::in_3_5);
            }
            error
        })
    }

    /// To be called every `heartbeat_ms` of the member's own clock.
    pub fn tick(&mut self, now: Now) {
        if !self.begin(now) {
            return;
        }
        self.timers.ticked_us = now.mono_us;
        self.node.tick(&mut self.out);
        self.watch_leader();
        self.check_leases();
        self.check_checkpoints();
        self.check_versions();
        self.check_downgrade();
        self.auto_compact();
        self.check_corruption();
        self.auth.tokens.check(now.mono_us);
        self.check_streams();
        self.check_snapshots();
        self.check_transfer();
        self.pump();
        // A commit index that nobody waits for is written now and then, without a sync.
        self.out.write.extend(self.journal.flush(&mut self.write_ids, true));
    }

    /// When, on the monotonic clock, the member wants [`Member::wake`] besides its ticks.
    pub fn next_wake_us(&self) -> Option<u64> {
        if self.out.exit.is_some() {
            return None;
        }
        let mut next = self.timers.exit.map_or(u64::MAX, |(at_us, _)| at_us);
        if self.store.pending_ops() > 0 && !self.db.is_busy() {
            next = next.min(self.db.due_at_us());
        }
        next = next
            .min(self.proposals.next_deadline_us)
            .min(self.reads.next_us)
            .min(self.forwards.next_us)
            .min(self.timers.compact_step_us)
            .min(self.timers.watch_sync_us);
        (next != u64::MAX).then_some(next)
    }

    /// The time asked for by [`Member::next_wake_us`] has come.
    pub fn wake(&mut self, now: Now) {
        if !self.begin(now) {
            return;
        }
        if let Some((at_us, code)) = self.timers.exit
            && now.mono_us >= at_us
        {
            self.exit(code);
            return;
        }
        self.expire_proposals();
        self.check_reads();
        self.check_forwards();
        self.compact_more();
        self.sync_watches();
        self.pump();
    }

    /// A message of a peer arrived.
    pub fn step(&mut self, env: Envelope, now: Now) {
        if self.begin(now) {
            self.receive(env);
            self.pump();
        }
    }

    /// A client asks.
    pub fn request(&mut self, conn: ConnId, req: Request, now: Now) {
        if self.begin(now) {
            let key = RequestKey { conn, call: req.call };
            self.serve(key, req);
            self.pump();
        }
    }

    /// A client's connection ended.
    pub fn disconnected(&mut self, conn: ConnId) {
        self.close_streams(|key| key.conn == conn);
        self.proposals.forget(|key| key.conn == conn);
        self.reads.forget(|key| key.conn == conn);
        self.forwards.forget(|key| key.conn == conn);
        self.early.retain(|(_, key, _)| key.conn != conn);
        self.identities.remove(&conn);
        self.http_waiting.retain(|key, _| key.conn != conn);
    }

    /// The transport found a peer reachable, or not. To be told on every change: false starts
    /// the five seconds of the health check anew, and gives up a snapshot on its way.
    pub fn peer_status(&mut self, peer: MemberId, connected: bool, now: Now) {
        if self.begin(now) {
            self.peer_changed(peer, connected);
            self.pump();
        }
    }

    /// The transport finished sending a snapshot to a peer, or gave up.
    pub fn snapshot_sent(&mut self, peer: MemberId, ok: bool, now: Now) {
        if self.begin(now) {
            self.snapshot_reported(peer, ok);
            self.pump();
        }
    }

    /// A batch of writes is durable.
    pub fn disk_done(&mut self, id: WriteId, now: Now) {
        if !self.begin(now) {
            return;
        }
        if let Some(number) = self.journal.done(id) {
            self.log_written(number);
        } else if let Some(index) = self.db.done(id) {
            self.db_written(index);
        }
        self.pump();
    }

    /// A batch of writes failed. etcd goes on from neither: a log it cannot write is fatal,
    /// and so is a database.
    pub fn disk_failed(&mut self, id: WriteId, err: DiskError, now: Now) {
        if !self.begin(now) {
            return;
        }
        let (caller, msg) = if self.journal.done(id).is_some() {
            ("etcdserver/raft.go:261", "failed to save Raft hard state and entries")
        } else {
            ("backend/batch_tx.go:264", "failed to commit tx")
        };
        let error = format!("write: {err}");
        self.out.log.push(LogLine::new(Level::Fatal, caller, msg).with("error", error.as_str()));
        self.out.facts.push(Fact::Crashed { message: format!("{msg}: {error}") });
        self.exit(1);
    }

    /// SIGTERM: hands leadership over if it has it, then stops. `Output::exit` tells when.
    pub fn shutdown(&mut self, now: Now) {
        if self.begin(now) {
            self.stop();
            self.pump();
        }
    }

    /// Takes what the last calls want done.
    pub fn drain(&mut self) -> Output {
        self.tell_as_released();
        std::mem::take(&mut self.out)
    }

    /// The same without an allocation: `output`, which must be empty, changes places with
    /// what the last calls want done.
    pub fn drain_into(&mut self, output: &mut Output) {
        assert!(output.is_empty(), "what was wanted before is done");
        self.tell_as_released();
        std::mem::swap(&mut self.out, output);
    }

    /// The log lines are written as 3.6 has them.
    fn tell_as_released(&mut self) {
        if !self.config.release.is_3_6() {
            self.out.log.iter_mut().for_each(crate::log::in_3_5);
        }
    }

    /// Everything worth showing.
    pub fn status(&self) -> MemberStatus {
        self.show()
    }

    /// Term, commit index and applied index: what the checkers look at after every call.
    pub fn vitals(&self) -> (u64, u64, u64) {
        (self.node.term(), self.node.commit(), self.applied.index)
    }

    /// Whether it published itself and serves clients; before, connections wait.
    pub fn is_ready(&self) -> bool {
        self.publisher.is_ready()
    }

    /// This member's id.
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// The cluster it belongs to.
    pub fn cluster_id(&self) -> ClusterId {
        self.cluster.id
    }

    /// Up to `max` entries of the log from an index on.
    pub fn entries(&self, from: u64, max: usize) -> Vec<EntryInfo> {
        crate::maintenance::describe(self.node.log(), from, max)
    }

    /// The term of an entry; none when it is compacted away or not there yet.
    pub fn entry_term(&self, index: u64) -> Option<u64> {
        self.node.log().term_of(index)
    }

    /// What this member answers a booting one (`GET /members`).
    pub fn peer_cluster(&self) -> PeerCluster {
        PeerCluster {
            cluster: self.cluster.id,
            members: self.cluster.members().cloned().collect(),
            removed: self.cluster.removed(),
            version: self.cluster.version(),
        }
    }

    /// The peers and where they listen, for the transport. Changes with [`Fact::Conf`].
    pub fn peers(&self) -> Vec<(MemberId, Vec<String>)> {
        let others = self.cluster.members().filter(|m| m.id != self.id);
        others.map(|m| (m.id, m.peer_urls.clone())).collect()
    }

    /// The store, for the picture: keys, history, the file's pages.
    pub fn store(&self) -> &mvcc::Store {
        &self.store
    }

    /// Notes the time. False once the process has ended: nothing is done any more.
    fn begin(&mut self, now: Now) -> bool {
        self.now = now;
        self.out.exit.is_none() && self.stage != Stage::Gone
    }

    pub(crate) fn exit(&mut self, code: i32) {
        self.stage = Stage::Gone;
        self.out.exit = Some(code);
    }

    /// The member crashes as etcd does when it panics.
    pub(crate) fn crash(&mut self, line: LogLine, code: i32) {
        self.out.facts.push(Fact::Crashed { message: line.msg.clone() });
        self.out.log.push(line);
        self.exit(code);
    }

    /// Carries out what the core and the queues ask for, until nothing is left.
    pub(crate) fn pump(&mut self) {
        loop {
            if self.stage == Stage::Gone {
                return;
            }
            self.flush_proposals();
            self.start_read();
            let Some(batch) = self.node.take_ready(&mut self.journal) else { break };
            self.handle(batch);
        }
        self.commit_db(false);
        self.send_watches();
        self.finish_stopping();
        let ids = &mut self.write_ids;
        self.out.write.extend(self.journal.flush(ids, false));
        self.out.write.extend(self.db.flush(ids));
    }

    fn handle(&mut self, batch: Batch) {
        self.watch_leader();
        self.send_all(batch.now);
        let free = self.journal.ready(batch.number, batch.must_sync);
        if free {
            self.node.persisted(batch.number, &mut self.out);
            self.send_all(batch.later);
        } else {
            self.journal.wait(batch.later);
        }
        if let Some(meta) = batch.snapshot {
            self.take_snapshot(&meta);
        }
        for (seq, index) in batch.reads {
            self.reads.confirmed(seq, index);
        }
        if let Some(last) = batch.committed.last().map(|e| e.index) {
            for entry in batch.committed {
                self.apply(entry);
                if self.stage == Stage::Gone {
                    return;
                }
            }
            self.node.applied(last);
            self.after_apply();
            self.serve_early();
        }
        self.serve_reads();
    }

    fn send_all(&mut self, messages: Vec<Message>) {
        for m in messages {
            self.send(m);
        }
    }

    /// The log is durable up to this ready batch.
    fn log_written(&mut self, number: u64) {
        self.node.persisted(number, &mut self.out);
        self.snapshot_durable();
        let released = self.journal.released(number);
        self.send_all(released);
    }

    pub(crate) fn answer(&mut self, key: RequestKey, result: Result<Answer, Fail>) {
        if let Err(fail) = &result
            && !self.http_waiting.is_empty()
            && self.http_answered(key, Some(fail))
        {
            return;
        }
        let result = result.map_err(|fail| fail.status(self.config.release));
        self.out.replies.push(Reply { conn: key.conn, call: key.call, result, done: true });
    }

    pub(crate) fn answer_more(&mut self, key: RequestKey, answer: Answer) {
        let result = Ok(answer);
        self.out.replies.push(Reply { conn: key.conn, call: key.call, result, done: false });
    }

    /// The header of an answer at a revision.
    pub(crate) fn header_at(&self, revision: i64) -> pb::ResponseHeader {
        pb::ResponseHeader {
            cluster_id: self.cluster.id.0,
            member_id: self.id.0,
            revision,
            raft_term: self.applied.term,
        }
    }

    pub(crate) fn header(&self) -> pb::ResponseHeader {
        self.header_at(self.store.revision())
    }

    pub(crate) fn say(&mut self, level: Level, caller: &'static str, msg: &str) -> &mut LogLine {
        let line = LogLine::new(level, caller, msg);
        self.out.log.push(line);
        self.out.log.last_mut().expect("a line was just pushed")
    }

    pub(crate) fn release(&self) -> Release {
        self.config.release
    }

    pub(crate) fn election_us(&self) -> u64 {
        self.config.election_ms * 1000
    }

    pub(crate) fn own_info(&self) -> Option<&MemberInfo> {
        self.cluster.member(self.id)
    }
}
