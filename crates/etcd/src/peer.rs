//! The other members: who is reachable since when, and what goes to and comes from them.

use flat::Map;
use raft::eraftpb::{Message, MessageType};

use crate::config::Release;
use crate::envelope::{Body, Envelope, MsgKind, Refusal, Serial, message_size};
use crate::fact::Fact;
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::log::{Level, LogLine};
use crate::maintenance::Stage;
use crate::member::Member;

/// A refusal is logged at most this often.
const REFUSAL_LOG_US: u64 = 1_000_000;
/// Runs of a peer whose forwarded proposals are told apart.
const RUNS_KEPT: usize = 8;
/// For so long after its start a member waits for its peers to move its election clock.
const ADVANCE_WITHIN_US: u64 = 5_000_000;

/// What is known of one peer.
#[derive(Debug, Default)]
struct Peer {
    /// Since when it is reachable, on our clock.
    active_since_us: Option<u64>,
    /// Whether the transport has said anything about it yet.
    known: bool,
    release: Option<Release>,
    /// The last forwarded proposal of each of its latest runs.
    serials: Vec<Serial>,
    refusal_logged_us: Option<u64>,
}

/// All peers.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    by_id: Map<MemberId, Peer>,
    /// Distinguishes this run in forwarded proposals.
    pub(crate) boot: u64,
    serial: u64,
    advanced: bool,
}

impl Peers {
    pub(crate) fn new(boot: u64) -> Peers {
        Peers { boot, ..Peers::default() }
    }

    fn entry(&mut self, id: MemberId) -> &mut Peer {
        self.by_id.entry(id).or_default()
    }

    pub(crate) fn active_since_us(&self, id: MemberId) -> Option<u64> {
        self.by_id.get(&id)?.active_since_us
    }

    /// The peer's release; `Err` while it can still be hoped for.
    pub(crate) fn release(&self, id: MemberId) -> Result<Option<Release>, ()> {
        match self.by_id.get(&id) {
            Some(Peer { release: Some(release), .. }) => Ok(Some(*release)),
            Some(Peer { known: true, active_since_us: None, .. }) => Ok(None),
            _ => Err(()),
        }
    }

    /// Whether a forwarded proposal comes for the first time.
    fn is_first(&mut self, from: MemberId, serial: Serial) -> bool {
        if serial.number == 0 {
            return true;
        }
        let serials = &mut self.entry(from).serials;
        match serials.iter_mut().find(|known| known.boot == serial.boot) {
            Some(known) if known.number >= serial.number => false,
            Some(known) => {
                known.number = serial.number;
                true
            }
            None => {
                if serials.len() == RUNS_KEPT {
                    serials.remove(0);
                }
                serials.push(serial);
                true
            }
        }
    }
}

impl Member {
    /// Whether this member has been in touch with another since before a moment.
    pub(crate) fn connected_since(&self, peer: MemberId, since_us: u64) -> bool {
        peer == self.id || self.peers.active_since_us(peer).is_some_and(|active| active < since_us)
    }

    pub(crate) fn peer_changed(&mut self, id: MemberId, connected: bool) {
        let now_us = self.now.mono_us;
        let peer = self.peers.entry(id);
        peer.known = true;
        if connected {
            if peer.active_since_us.is_none() {
                peer.active_since_us = Some(now_us);
                self.advance_election();
            }
            return;
        }
        peer.active_since_us = None;
        self.node.report_unreachable(id);
        self.snapshot_reported(id, false);
    }

    /// What etcd does at its start: once two peers are heard, the election comes sooner.
    fn advance_election(&mut self) {
        let ticks = self.config.election_ticks();
        let early = self.now.mono_us - self.timers.booted_us <= ADVANCE_WITHIN_US;
        let active = self.peers.by_id.values().filter(|p| p.active_since_us.is_some()).count();
        let wanted = self.config.initial_election_tick_advance && self.cluster.len() > 1;
        if !wanted || self.peers.advanced || !early || active < 2 {
            return;
        }
        self.peers.advanced = true;
        self.node.advance_ticks(ticks.saturating_sub(2));
        let id = self.id.to_string();
        let line = self.say(
            Level::Info,
            "etcdserver/server.go:522",
            "initialized peer connections; fast-forwarding election ticks",
        );
        line.fields.push(("local-member-id", id.into()));
        line.fields.push(("forward-ticks", (ticks - 2).into()));
    }

    /// A message of our own, outside the core.
    pub(crate) fn envelope(
        &self,
        to: MemberId,
        kind: MsgKind,
        size_bytes: u64,
        body: Body,
    ) -> Envelope {
        Envelope {
            from: self.id,
            to,
            cluster: self.cluster.id,
            release: self.release(),
            kind,
            term: self.node.term(),
            index: 0,
            log_term: 0,
            commit: 0,
            entries: 0,
            reject: false,
            size_bytes,
            body,
        }
    }

    /// Sends a message of the core.
    pub(crate) fn send(&mut self, mut m: Message) {
        let Some(kind) = MsgKind::of(m.get_msg_type()) else { return };
        let to = MemberId(m.to);
        if self.cluster.is_removed(to) {
            return;
        }
        let mut envelope = Envelope {
            term: m.term,
            index: m.index,
            log_term: m.log_term,
            commit: m.commit,
            entries: u32::try_from(m.entries.len()).unwrap_or(u32::MAX),
            reject: m.reject,
            ..self.envelope(to, kind, message_size(&m), Body::Refusal(Refusal::Removed))
        };
        if m.get_msg_type() == MessageType::MsgSnapshot {
            let (meta, image) = self.state_to_send();
            envelope.index = meta.index;
            envelope.log_term = meta.term;
            envelope.size_bytes += image.size_bytes();
            self.snapshot_leaves(to, &meta, envelope.size_bytes);
            let data = self.members_for_file();
            m.snapshot = Some(raft::eraftpb::Snapshot { data, metadata: Some(meta) });
            envelope.body = Body::Snapshot { message: Box::new(m), image };
        } else {
            let mut serial = Serial::default();
            if kind == MsgKind::Propose {
                self.peers.serial += 1;
                serial = Serial { boot: self.peers.boot, number: self.peers.serial };
            }
            envelope.body = Body::Raft { message: Box::new(m), serial };
        }
        self.out.send.push(envelope);
    }

    /// A message arrived.
    pub(crate) fn receive(&mut self, env: Envelope) {
        let from = env.from;
        if let Body::Refusal(refusal) = env.body {
            self.refused(from, refusal);
            return;
        }
        if env.cluster != self.cluster.id {
            self.refuse(
                from,
                Refusal::OtherCluster,
                "rafthttp/http.go:511",
                "request cluster ID mismatch",
            );
            return;
        }
        if self.cluster.is_removed(from) {
            let msg = "rejected Raft message from removed member";
            self.refuse(from, Refusal::Removed, "etcdserver/server.go:718", msg);
            return;
        }
        if env.to != self.id {
            self.say(
                Level::Warn,
                "etcdserver/server.go:726",
                "rejected Raft message to mismatch member",
            );
            return;
        }
        self.peers.entry(from).release = Some(env.release);
        match env.body {
            Body::Raft { message, serial } => {
                if self.peers.is_first(from, serial) {
                    self.step_raft(*message);
                }
            }
            Body::Snapshot { message, image } => {
                if self.keep_received(from, env.index, image) {
                    self.step_raft(*message);
                    self.drop_unwanted();
                }
            }
            Body::Call { token, call } => self.called(from, token, call),
            Body::Answer { token, answer } => self.call_answered(token, answer),
            Body::HashCall { token, revision } => self.hash_asked(from, token, revision),
            Body::HashAnswer { token, answer } => self.hash_answered(from, token, answer),
            Body::Refusal(_) => {}
        }
    }

    fn step_raft(&mut self, m: Message) {
        if let Err(danger) = self.node.step(m, &mut self.out) {
            self.crash(LogLine::raft(Level::Panic, danger.caller, danger.message), 2);
        }
    }

    fn may_log_refusal(&mut self, from: MemberId) -> bool {
        let now_us = self.now.mono_us;
        let peer = self.peers.entry(from);
        let due = peer.refusal_logged_us.is_none_or(|last_us| now_us - last_us >= REFUSAL_LOG_US);
        if due {
            peer.refusal_logged_us = Some(now_us);
        }
        due
    }

    fn refuse(&mut self, from: MemberId, why: Refusal, caller: &'static str, msg: &str) {
        if self.may_log_refusal(from) {
            let (own, level) = (self.id.to_string(), Level::Warn);
            let line = self.say(level, caller, msg);
            line.fields.push(("local-member-id", own.into()));
            line.fields.push(("remote-peer-id", from.to_string().into()));
        }
        let envelope = self.envelope(from, MsgKind::Refusal, 32, Body::Refusal(why));
        self.out.send.push(envelope);
    }

    fn refused(&mut self, from: MemberId, why: Refusal) {
        match why {
            Refusal::Removed if self.stage == Stage::Running => {
                self.removed(0, 0);
            }
            Refusal::OtherCluster if self.may_log_refusal(from) => {
                let own = self.cluster.id.to_string();
                let line = self.say(
                    Level::Error,
                    "rafthttp/util.go:99",
                    "request sent was ignored due to cluster ID mismatch",
                );
                line.fields.push(("remote-peer-id", from.to_string().into()));
                line.fields.push(("local-member-cluster-id", own.into()));
            }
            _ => {}
        }
    }

    /// This member was removed from the cluster: it stops in a moment.
    pub(crate) fn removed(&mut self, delay_us: u64, code: i32) {
        if self.stage != Stage::Running {
            return;
        }
        self.stage = Stage::Removed;
        let error = "the member has been permanently removed from the cluster";
        let line = self.say(Level::Warn, "etcdserver/server.go:860", "server error");
        line.fields.push(("error", error.into()));
        self.say(
            Level::Warn,
            "etcdserver/server.go:861",
            "data-dir used by this member must be removed",
        );
        self.out.facts.push(Fact::Removed);
        self.timers.exit = Some((self.now.mono_us + delay_us, code));
    }

    /// Follows who leads: clients that wait are told, leases change hands.
    pub(crate) fn watch_leader(&mut self) {
        if !self.node.is_leader() && self.store.lease_is_primary() {
            self.store.lease_demote();
        }
        let leader = self.node.leader();
        if leader == self.applied.leader {
            return;
        }
        let is_new = leader.is_some() && leader != self.applied.leader;
        self.applied.leader = leader;
        if is_new {
            self.stats.leader_changes += 1;
            if leader == Some(self.id) {
                self.applied.elected_us = Some(self.now.mono_us);
            }
            self.fail_round(&Fail::LeaderChanged);
            self.send_forwards();
        }
        self.check_transfer();
    }
}
