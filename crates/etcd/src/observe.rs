//! What the raft core just did, as facts for the lab and as etcd's own log lines.
//!
//! The core is asked before and after every call; the difference tells the story.

use raft::StateRole;
use raft::eraftpb::{Message, MessageType};

use crate::fact::{Fact, Why};
use crate::ids::MemberId;
use crate::log::{Level, LogLine};
use crate::member::Output;
use crate::node::Node;
use crate::status::Role;

/// The core's state when it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    term: u64,
    state: StateRole,
    leader: u64,
    commit: u64,
    vote: u64,
    promotable: bool,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen {
            term: 0,
            state: StateRole::Follower,
            leader: 0,
            commit: 0,
            vote: 0,
            promotable: false,
        }
    }
}

impl Seen {
    pub(crate) fn of(node: &Node) -> Seen {
        let raft = node.raft();
        Seen {
            term: raft.term,
            state: raft.state,
            leader: raft.leader_id,
            commit: raft.raft_log.committed,
            vote: raft.vote,
            promotable: raft.promotable(),
        }
    }
}

/// What made the core move.
pub(crate) enum Cause {
    /// A tick, with whom a leader heard when it is about to count.
    Tick(Option<Vec<MemberId>>),
    /// A message.
    Step(StepCause),
    /// A change of the membership.
    Conf,
    /// A call of our own: a proposal, a write that is done.
    Local,
}

/// What must be kept of a message to explain its effect.
pub(crate) struct StepCause {
    kind: MessageType,
    from: u64,
    term: u64,
    index: u64,
    log_term: u64,
    reject: bool,
    /// For a request of a vote: the candidate's log is older than ours.
    log_behind: bool,
    /// For a request of a vote: ticks for which a live leader protects us from elections.
    lease_ticks: u64,
    /// Messages waiting in the core before the call.
    queued: usize,
}

impl Cause {
    pub(crate) fn tick(node: &Node) -> Cause {
        let raft = node.raft();
        let counts =
            raft.state == StateRole::Leader && raft.election_elapsed + 1 >= raft.election_timeout();
        if !counts {
            return Cause::Tick(None);
        }
        let active = raft.prs().iter().filter(|(id, pr)| **id == raft.id || pr.recent_active);
        let mut heard: Vec<MemberId> = active.map(|(id, _)| MemberId(*id)).collect();
        flat::sort(&mut heard);
        Cause::Tick(Some(heard))
    }

    pub(crate) fn step(node: &Node, m: &Message) -> Cause {
        let raft = node.raft();
        let kind = m.get_msg_type();
        let asks = matches!(kind, MessageType::MsgRequestVote | MessageType::MsgRequestPreVote);
        let forced = m.context == raft::CAMPAIGN_TRANSFER;
        let in_lease = asks
            && !forced
            && m.term > raft.term
            && raft.leader_id != 0
            && raft.election_elapsed < raft.election_timeout();
        let left = raft.election_timeout().saturating_sub(raft.election_elapsed);
        Cause::Step(StepCause {
            kind,
            from: m.from,
            term: m.term,
            index: m.index,
            log_term: m.log_term,
            reject: m.reject,
            log_behind: asks && !raft.raft_log.is_up_to_date(m.index, m.log_term),
            lease_ticks: if in_lease { left as u64 } else { 0 },
            queued: raft.msgs.len(),
        })
    }

    fn is(&self, kinds: &[MessageType]) -> bool {
        matches!(self, Cause::Step(step) if kinds.contains(&step.kind))
    }
}

const OF_LEADER: [MessageType; 3] =
    [MessageType::MsgAppend, MessageType::MsgHeartbeat, MessageType::MsgSnapshot];
const VOTES: [MessageType; 2] =
    [MessageType::MsgRequestVoteResponse, MessageType::MsgRequestPreVoteResponse];

impl Node {
    /// Compares the core with what was seen of it last, and tells what changed.
    pub(crate) fn observe(&mut self, cause: Cause, out: &mut Output) {
        let before = self.seen;
        let now = Seen::of(self);
        self.tell_votes(&cause, out);
        if before == now {
            return;
        }
        self.seen = now;
        let moved = before.state != now.state || before.term != now.term;
        if moved || before.promotable != now.promotable {
            let why = why(&before, &now, &cause);
            self.tell_role(&before, &now, &cause, out);
            out.facts.push(Fact::Role { role: self.role(), term: now.term, why });
        }
        if let (StateRole::Leader, StateRole::Follower, Cause::Tick(Some(heard))) =
            (before.state, now.state, &cause)
        {
            let voters = self.conf_state().voters.into_iter().map(MemberId).collect();
            out.facts.push(Fact::QuorumLost { term: now.term, heard: heard.clone(), voters });
        }
        if before.leader != now.leader {
            self.tell_leader(before.leader, &now, out);
        }
        if before.commit < now.commit {
            let term = self.log_term(now.commit);
            out.facts.push(Fact::Committed { index: now.commit, term });
        }
    }

    fn log_term(&self, index: u64) -> u64 {
        self.raft().raft_log.term(index).unwrap_or(0)
    }

    fn tell_votes(&self, cause: &Cause, out: &mut Output) {
        let Cause::Step(step) = cause else { return };
        let pre = matches!(
            step.kind,
            MessageType::MsgRequestPreVote | MessageType::MsgRequestPreVoteResponse
        );
        match step.kind {
            MessageType::MsgRequestVote | MessageType::MsgRequestPreVote => {
                self.tell_answer(step, pre, out);
            }
            MessageType::MsgRequestVoteResponse | MessageType::MsgRequestPreVoteResponse
                if matches!(self.seen.state, StateRole::Candidate | StateRole::PreCandidate) =>
            {
                let name = if pre { "MsgPreVoteResp" } else { "MsgVoteResp" };
                let rejection = if step.reject { " rejection" } else { "" };
                let granted = !step.reject;
                let from = MemberId(step.from);
                out.facts.push(Fact::Ballot { from, term: step.term, pre, granted });
                let text = format!(
                    "{} received {name}{rejection} from {from} at term {}",
                    self.id(),
                    self.seen.term
                );
                out.log.push(self.line(Level::Info, "v3@v3.6.0/raft.go:1077", text));
            }
            _ => {}
        }
    }

    /// Tells how this member answered a candidate.
    fn tell_answer(&self, step: &StepCause, pre: bool, out: &mut Output) {
        let raft = self.raft();
        let name = if pre { "MsgPreVote" } else { "MsgVote" };
        let candidate = MemberId(step.from);
        let answer =
            raft.msgs[step.queued.min(raft.msgs.len())..].iter().find(|m| m.to == step.from);
        let granted = answer.is_some_and(|m| !m.reject);
        let leader_alive = step.lease_ticks > 0;
        if answer.is_none() && !leader_alive {
            return;
        }
        let ours = format!(
            "{} [logterm: {}, index: {}, vote: {:x}]",
            self.id(),
            raft.raft_log.last_term(),
            raft.raft_log.last_index(),
            self.seen.vote
        );
        let theirs =
            format!("[logterm: {}, index: {}] at term {}", step.log_term, step.index, raft.term);
        let (caller, text) = if leader_alive {
            let left = step.lease_ticks;
            let tail = format!("lease is not expired (remaining ticks: {left})");
            let text = format!("{ours} ignored {name} from {candidate} {theirs}: {tail}");
            ("v3@v3.6.0/raft.go:1101", text)
        } else if granted {
            ("v3@v3.6.0/raft.go:1233", format!("{ours} cast {name} for {candidate} {theirs}"))
        } else {
            ("v3@v3.6.0/raft.go:1251", format!("{ours} rejected {name} from {candidate} {theirs}"))
        };
        out.log.push(self.line(Level::Info, caller, text));
        let log_behind = step.log_behind;
        let term = step.term;
        out.facts.push(Fact::Voted { candidate, term, pre, granted, log_behind, leader_alive });
    }

    fn tell_role(&self, before: &Seen, now: &Seen, cause: &Cause, out: &mut Output) {
        let id = self.id();
        let mut say = |caller, text| out.log.push(self.line(Level::Info, caller, text));
        if let Cause::Step(step) = cause
            && now.term > before.term
            && step.term == now.term
            && now.state == StateRole::Follower
        {
            let kind = go_name(step.kind);
            let (old, from, term) = (before.term, MemberId(step.from), step.term);
            let text = format!(
                "{id} [term: {old}] received a {kind} message with higher term from {from} \
                 [term: {term}]"
            );
            say("v3@v3.6.0/raft.go:1116", text);
        }
        let begins = matches!(before.state, StateRole::Follower)
            && matches!(
                now.state,
                StateRole::PreCandidate | StateRole::Candidate | StateRole::Leader
            );
        if begins || (matches!(cause, Cause::Tick(_)) && now.state == StateRole::PreCandidate) {
            let text = format!("{id} is starting a new election at term {}", before.term);
            say("v3@v3.6.0/raft.go:988", text);
        }
        let term = now.term;
        match now.state {
            StateRole::Follower => {
                if before.state == StateRole::Leader && matches!(cause, Cause::Tick(_)) {
                    let text = format!("{id} stepped down to follower since quorum is not active");
                    out.log.push(self.line(Level::Warn, "v3@v3.6.0/raft.go:1275", text));
                }
                let text = format!("{id} became follower at term {term}");
                out.log.push(self.line(Level::Info, "v3@v3.6.0/raft.go:897", text));
            }
            StateRole::PreCandidate => {
                say("v3@v3.6.0/raft.go:930", format!("{id} became pre-candidate at term {term}"));
            }
            StateRole::Candidate => {
                say("v3@v3.6.0/raft.go:912", format!("{id} became candidate at term {term}"));
            }
            StateRole::Leader => {
                if before.state == StateRole::Follower {
                    say("v3@v3.6.0/raft.go:912", format!("{id} became candidate at term {term}"));
                }
                say("v3@v3.6.0/raft.go:970", format!("{id} became leader at term {term}"));
            }
        }
    }

    fn tell_leader(&self, before: u64, now: &Seen, out: &mut Output) {
        let (id, term) = (self.id(), now.term);
        let (caller, text) = match (before, now.leader) {
            (0, new) => (
                "v3@v3.6.0/node.go:370",
                format!("raft.node: {id} elected leader {new:x} at term {term}"),
            ),
            (old, 0) => (
                "v3@v3.6.0/node.go:376",
                format!("raft.node: {id} lost leader {old:x} at term {term}"),
            ),
            (old, new) => (
                "v3@v3.6.0/node.go:372",
                format!("raft.node: {id} changed leader from {old:x} to {new:x} at term {term}"),
            ),
        };
        out.log.push(self.line(Level::Info, caller, text));
        out.facts.push(Fact::LeaderSeen { leader: self.leader(), term });
    }

    fn line(&self, level: Level, caller: &'static str, text: String) -> LogLine {
        LogLine::raft(level, caller, text)
    }
}

fn why(before: &Seen, now: &Seen, cause: &Cause) -> Why {
    match (cause, now.state) {
        (Cause::Conf, _) => Why::Reconfigured,
        (Cause::Tick(_), StateRole::Follower) => Why::QuorumLost,
        (_, StateRole::Leader) => Why::ElectionWon,
        (Cause::Tick(_), _) => Why::ElectionTimeout,
        (_, StateRole::Candidate) if before.state == StateRole::PreCandidate => Why::PreVoteWon,
        (_, StateRole::Candidate | StateRole::PreCandidate) => Why::Transfer,
        _ if cause.is(&OF_LEADER) => Why::LeaderHeard,
        _ if cause.is(&VOTES) && before.term == now.term => Why::ElectionLost,
        _ => Why::HigherTerm,
    }
}

/// A message's name in etcd's log.
fn go_name(kind: MessageType) -> &'static str {
    match kind {
        MessageType::MsgPropose => "MsgProp",
        MessageType::MsgAppend => "MsgApp",
        MessageType::MsgAppendResponse => "MsgAppResp",
        MessageType::MsgRequestVote => "MsgVote",
        MessageType::MsgRequestVoteResponse => "MsgVoteResp",
        MessageType::MsgRequestPreVote => "MsgPreVote",
        MessageType::MsgRequestPreVoteResponse => "MsgPreVoteResp",
        MessageType::MsgSnapshot => "MsgSnap",
        MessageType::MsgHeartbeat => "MsgHeartbeat",
        MessageType::MsgHeartbeatResponse => "MsgHeartbeatResp",
        MessageType::MsgTransferLeader => "MsgTransferLeader",
        MessageType::MsgTimeoutNow => "MsgTimeoutNow",
        MessageType::MsgReadIndex => "MsgReadIndex",
        MessageType::MsgReadIndexResp => "MsgReadIndexResp",
        MessageType::MsgHup
        | MessageType::MsgBeat
        | MessageType::MsgUnreachable
        | MessageType::MsgSnapStatus
        | MessageType::MsgCheckQuorum => "local",
    }
}

/// The role a learner or voter boots in.
pub(crate) fn booted(node: &Node) -> Fact {
    let role = if node.is_learner() { Role::Learner } else { Role::Follower };
    Fact::Role { role, term: node.term(), why: Why::Booted }
}
