//! The raft core behind what it needs to be trusted: same calls, same bytes.
//!
//! The core draws its election timeouts from a generator of its own and walks hash maps; here
//! every timeout is set from the seed and every batch of messages sorted. It panics on states
//! that cannot be; here they are found before it sees them (`danger.rs`). A ready batch is
//! taken and given back inside one call ([`Node::take_ready`]), so nothing can step the core
//! while one is outstanding.

use flat::Map;
use raft::eraftpb::{ConfState, Entry, HardState, Message, MessageType, SnapshotMetadata};
use raft::{Error, RawNode, SnapshotStatus, StateRole};

use crate::danger::{self, Danger};
use crate::ids::MemberId;
use crate::member::Output;
use crate::observe::{Cause, Seen};
use crate::persist::Journal;
use crate::status::Role;
use crate::storage::Log;

/// etcd's limits on one message and on messages under way.
const MAX_SIZE_PER_MSG: u64 = 1024 * 1024;
const MAX_INFLIGHT_MSGS: usize = 512;
/// Reads that wait for a new leader's first commit; more are dropped and asked again.
const HELD_READS_MAX: usize = 4096;

/// The timing and safety settings of the core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) election_ticks: u64,
    pub(crate) pre_vote: bool,
    pub(crate) seed: u64,
    /// Tells the runs of a member apart, so that an answer to a read of an earlier run is
    /// never taken for an answer to one of this run.
    pub(crate) boot: u64,
}

/// The raft core of a member.
pub(crate) struct Node {
    raw: RawNode<Log>,
    id: MemberId,
    settings: Settings,
    /// Elections begun in the present term: makes equal timeouts part again.
    attempt: u64,
    attempt_term: u64,
    /// The ready batch whose snapshot is not on disk yet. Until it is, the core must neither
    /// campaign nor take another snapshot.
    installing: Option<u64>,
    read_seq: u64,
    /// Reads of others under the context we gave them, with the one they came with.
    foreign_reads: Map<u64, Vec<u8>>,
    /// Reads that came before this leader committed an entry of its term.
    held_reads: Vec<Message>,
    pub(crate) seen: Seen,
}

/// What a ready batch of the core asks for. What it wants written is in the journal already.
pub(crate) struct Batch {
    pub(crate) number: u64,
    /// Whether something must be durable before `later` may be sent.
    pub(crate) must_sync: bool,
    /// Messages of a leader: they may overtake its own disk.
    pub(crate) now: Vec<Message>,
    /// Messages that promise what is in the journal.
    pub(crate) later: Vec<Message>,
    /// Reads that are confirmed: our sequence number and the index to wait for.
    pub(crate) reads: Vec<(u64, u64)>,
    pub(crate) snapshot: Option<SnapshotMetadata>,
    pub(crate) committed: Vec<Entry>,
}

impl Node {
    pub(crate) fn new(id: MemberId, log: Log, applied: u64, settings: Settings) -> Node {
        let config = raft::Config {
            id: id.0,
            election_tick: ticks(settings.election_ticks),
            heartbeat_tick: 1,
            applied,
            max_size_per_msg: MAX_SIZE_PER_MSG,
            max_inflight_msgs: MAX_INFLIGHT_MSGS,
            check_quorum: true,
            pre_vote: settings.pre_vote,
            ..raft::Config::default()
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let raw = RawNode::new(&config, log, &logger)
            .expect("booting checked that the state of the log is one raft accepts");
        let mut node = Node {
            raw,
            id,
            settings,
            attempt: 0,
            attempt_term: 0,
            installing: None,
            read_seq: 0,
            foreign_reads: Map::new(),
            held_reads: Vec::new(),
            seen: Seen::default(),
        };
        node.set_timeout();
        node.seen = Seen::of(&node);
        node
    }

    pub(crate) fn id(&self) -> MemberId {
        self.id
    }

    pub(crate) fn raft(&self) -> &raft::Raft<Log> {
        &self.raw.raft
    }

    pub(crate) fn log(&self) -> &Log {
        self.raw.store()
    }

    pub(crate) fn log_mut(&mut self) -> &mut Log {
        self.raw.mut_store()
    }

    pub(crate) fn term(&self) -> u64 {
        self.raw.raft.term
    }

    pub(crate) fn commit(&self) -> u64 {
        self.raw.raft.raft_log.committed
    }

    pub(crate) fn leader(&self) -> Option<MemberId> {
        Some(self.raw.raft.leader_id).filter(|id| *id != 0).map(MemberId)
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.raw.raft.state == StateRole::Leader
    }

    pub(crate) fn role(&self) -> Role {
        match self.raw.raft.state {
            StateRole::Leader => Role::Leader,
            StateRole::Candidate => Role::Candidate,
            StateRole::PreCandidate => Role::PreCandidate,
            StateRole::Follower if self.is_learner() => Role::Learner,
            StateRole::Follower => Role::Follower,
        }
    }

    pub(crate) fn is_learner(&self) -> bool {
        self.raw.raft.prs().conf().learners().contains(&self.id.0)
    }

    /// Voters and learners, sorted: the core keeps them in hash order.
    pub(crate) fn conf_state(&self) -> ConfState {
        sorted(self.raw.raft.prs().conf().to_conf_state())
    }

    /// One tick of the member's clock.
    pub(crate) fn tick(&mut self, out: &mut Output) {
        let campaigns = !self.is_leader()
            && self.raw.raft.promotable()
            && self.raw.raft.election_elapsed + 1 >= self.raw.raft.randomized_election_timeout();
        if campaigns && !self.may_campaign() {
            // Its own disk lags: campaigning now would break the core's assumptions, and etcd,
            // whose raft loop waits for the disk, would not have ticked either.
            return;
        }
        if campaigns {
            self.attempt += 1;
        }
        let cause = Cause::tick(self);
        self.raw.tick();
        self.after(cause, out);
    }

    fn may_campaign(&self) -> bool {
        let log = &self.raw.raft.raft_log;
        self.installing.is_none() && log.persisted == log.last_index()
    }

    /// Takes a message of a peer.
    ///
    /// # Errors
    /// When the message and our log contradict each other so that the core would panic.
    pub(crate) fn step(&mut self, mut m: Message, out: &mut Output) -> Result<(), Danger> {
        match m.get_msg_type() {
            MessageType::MsgReadIndex => {
                self.take_foreign_read(m);
                return Ok(());
            }
            MessageType::MsgReadIndexResp if self.own_read(&m).is_none() => return Ok(()),
            MessageType::MsgSnapshot if self.installing.is_some() => return Ok(()),
            MessageType::MsgTimeoutNow if !self.may_campaign() => return Ok(()),
            _ => {}
        }
        danger::check(&self.raw.raft, &m)?;
        let cause = Cause::step(self, &m);
        if m.get_msg_type() == MessageType::MsgAppend {
            m.entries.shrink_to_fit();
        }
        // What a peer's message can make the core refuse is a dropped proposal or an unknown
        // sender: both are silent, the client's time limit speaks for them.
        let _ = self.raw.step(m);
        self.after(cause, out);
        Ok(())
    }

    /// Proposes entries, all in one message.
    ///
    /// # Errors
    /// When the core drops them at once.
    pub(crate) fn propose(&mut self, entries: Vec<Entry>, out: &mut Output) -> Result<(), Error> {
        let mut m = Message { from: self.id.0, ..Message::default() };
        m.set_msg_type(MessageType::MsgPropose);
        m.set_entries(entries);
        let result = self.raw.raft.step(m);
        self.after(Cause::Local, out);
        result
    }

    pub(crate) fn transfer_leader(&mut self, to: MemberId, out: &mut Output) {
        self.raw.transfer_leader(to.0);
        self.after(Cause::Local, out);
    }

    pub(crate) fn report_unreachable(&mut self, peer: MemberId) {
        self.raw.report_unreachable(peer.0);
    }

    pub(crate) fn report_snapshot(&mut self, peer: MemberId, ok: bool) {
        let status = if ok { SnapshotStatus::Finish } else { SnapshotStatus::Failure };
        self.raw.report_snapshot(peer.0, status);
    }

    /// Applies a change of the membership to the core.
    pub(crate) fn apply_conf_change(
        &mut self,
        change: &raft::eraftpb::ConfChange,
        out: &mut Output,
    ) -> ConfState {
        let conf = self
            .raw
            .apply_conf_change(change)
            .expect("the change was checked against the membership before");
        let removed_self =
            change.node_id == self.id.0 && self.raw.raft.prs().get(self.id.0).is_none();
        if removed_self && self.is_leader() {
            // The core would go on as a leader that is no member, and panic at the next write.
            let term = self.raw.raft.term;
            self.raw.raft.become_follower(term, 0);
        }
        let conf = sorted(conf);
        self.raw.mut_store().set_conf(conf.clone());
        self.after(Cause::Conf, out);
        conf
    }

    /// Asks for a linearizable read; the answer comes as a `reads` of a batch, or never.
    pub(crate) fn read_index(&mut self) -> u64 {
        let seq = self.next_read();
        let context = self.context(seq);
        if self.is_leader() && !self.raw.raft.commit_to_current_term() {
            self.hold_read(read_message(context, 0));
        } else {
            self.raw.read_index(context);
        }
        seq
    }

    fn next_read(&mut self) -> u64 {
        self.read_seq += 1;
        self.read_seq
    }

    /// Every read that enters a member gets a context nobody ever used: an acknowledgement of
    /// an older round can then never confirm it.
    fn context(&self, seq: u64) -> Vec<u8> {
        let mut context = Vec::with_capacity(24);
        for part in [self.id.0, self.settings.boot, seq] {
            context.extend_from_slice(&part.to_be_bytes());
        }
        context
    }

    fn own_seq(&self, context: &[u8]) -> Option<u64> {
        let (run, seq) = context.split_at_checked(16)?;
        let own = self.context(0);
        (run == &own[..16]).then(|| u64::from_be_bytes(seq.try_into().unwrap_or_default()))
    }

    fn own_read(&self, m: &Message) -> Option<u64> {
        self.own_seq(&m.entries.first()?.data)
    }

    fn take_foreign_read(&mut self, mut m: Message) {
        let Some(context) = m.entries.first_mut().map(|e| std::mem::take(&mut e.data)) else {
            return;
        };
        if !self.is_leader() {
            // It was sent to a leader that is none any more: its sender asks again.
            return;
        }
        let seq = self.next_read();
        let ours = read_message(self.context(seq), m.from);
        self.foreign_reads.insert(seq, context);
        if self.raw.raft.commit_to_current_term() {
            let _ = self.raw.raft.step(ours);
        } else {
            self.hold_read(ours);
        }
    }

    fn hold_read(&mut self, m: Message) {
        if self.held_reads.len() < HELD_READS_MAX {
            self.held_reads.push(m);
        }
    }

    fn release_reads(&mut self) {
        if !self.is_leader() {
            self.held_reads.clear();
            self.foreign_reads.clear();
        } else if !self.held_reads.is_empty() && self.raw.raft.commit_to_current_term() {
            for m in std::mem::take(&mut self.held_reads) {
                let _ = self.raw.raft.step(m);
            }
        }
    }

    /// To follow every call that may have changed the role or the term.
    fn after(&mut self, cause: Cause, out: &mut Output) {
        if self.attempt_term != self.raw.raft.term {
            self.attempt_term = self.raw.raft.term;
            self.attempt = 0;
        }
        self.set_timeout();
        self.observe(cause, out);
    }

    /// A pure function of seed, node, term, role and attempt, in [T, 2T) ticks as in etcd.
    fn set_timeout(&mut self) {
        let role = match self.raw.raft.state {
            StateRole::Follower => 0,
            StateRole::PreCandidate => 1,
            StateRole::Candidate => 2,
            StateRole::Leader => 3,
        };
        let base = self.settings.election_ticks;
        let hash = [self.id.0, self.raw.raft.term, role, self.attempt]
            .iter()
            .fold(self.settings.seed, |hash, part| mix(hash ^ part));
        self.raw.raft.set_randomized_election_timeout(ticks(base + hash % base));
    }

    /// Moves the election clock forward without letting it fire: what etcd does at boot.
    pub(crate) fn advance_ticks(&mut self, count: u64) {
        if !self.is_leader() {
            let elapsed = self.raw.raft.election_elapsed + ticks(count);
            let last = self.raw.raft.randomized_election_timeout() - 1;
            self.raw.raft.election_elapsed = elapsed.min(last);
        }
    }

    /// Takes a ready batch, writes it to the journal and tells the core so. None: all done.
    pub(crate) fn take_ready(&mut self, journal: &mut Journal) -> Option<Batch> {
        self.release_reads();
        if !self.raw.has_ready() {
            return None;
        }
        let mut ready = self.raw.ready();
        let snapshot = Some(ready.snapshot()).filter(|s| !s.is_empty());
        let snapshot = snapshot.and_then(|s| {
            let meta = s.metadata.clone()?;
            journal.snapshot(&meta, &s.data);
            Some(meta)
        });
        if let Some(meta) = &snapshot {
            self.raw.mut_store().restore(meta);
            self.installing = Some(ready.number());
        }
        if ready.hs().is_some() || !ready.entries().is_empty() {
            journal.save(ready.hs(), ready.entries());
        }
        if let Some(hard) = ready.hs() {
            let hard: HardState = hard.clone();
            self.raw.mut_store().set_hard(hard);
        }
        let entries = ready.take_entries();
        self.raw.mut_store().append(entries);
        let mut batch = Batch {
            number: ready.number(),
            must_sync: ready.must_sync(),
            now: ready.take_messages(),
            later: ready.take_persisted_messages(),
            reads: Vec::new(),
            snapshot,
            committed: ready.take_committed_entries(),
        };
        for read in ready.take_read_states() {
            batch.reads.extend(self.own_seq(&read.request_ctx).map(|seq| (seq, read.index)));
        }
        self.raw.advance_append_async(ready);
        self.finish_messages(&mut batch.now);
        self.finish_messages(&mut batch.later);
        Some(batch)
    }

    /// Gives answered reads their askers' own contexts back, and an order that does not
    /// depend on a hash map.
    fn finish_messages(&mut self, messages: &mut Vec<Message>) {
        messages.retain_mut(|m| {
            if m.get_msg_type() != MessageType::MsgReadIndexResp {
                return true;
            }
            let seq = self.own_read(m);
            let context = seq.and_then(|seq| self.foreign_reads.remove(&seq));
            match (context, m.entries.first_mut()) {
                (Some(context), Some(entry)) => {
                    entry.data = context;
                    true
                }
                _ => false,
            }
        });
        flat::sort_by_key(messages, |m| m.to);
    }

    /// The journal up to this batch is durable.
    pub(crate) fn persisted(&mut self, number: u64, out: &mut Output) {
        if self.installing.is_some_and(|installing| installing <= number) {
            self.installing = None;
        }
        self.raw.on_persist_ready(number);
        self.after(Cause::Local, out);
    }

    /// Entries up to here, or a snapshot, are in the store.
    pub(crate) fn applied(&mut self, index: u64) {
        self.raw.advance_apply_to(index);
    }

    pub(crate) fn is_installing(&self) -> bool {
        self.installing.is_some()
    }
}

fn read_message(context: Vec<u8>, from: u64) -> Message {
    let mut m = Message { from, ..Message::default() };
    m.set_msg_type(MessageType::MsgReadIndex);
    m.set_entries(vec![Entry { data: context, ..Entry::default() }]);
    m
}

fn sorted(mut conf: ConfState) -> ConfState {
    flat::sort(&mut conf.voters);
    flat::sort(&mut conf.learners);
    conf
}

fn ticks(count: u64) -> usize {
    usize::try_from(count).expect("ticks are few")
}

/// One round of splitmix64: spreads neighbouring inputs over the whole range.
pub(crate) fn mix(input: u64) -> u64 {
    let mut z = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
