//! Do all members have the same data? The leader asks now and then, a booting member asks
//! before it serves, and who differs is named in a CORRUPT alarm.
//!
//! Two members are compared at the same revision and the same compacted revision only: a
//! compaction changes what is hashed.

use flat::{Map, Set};

use crate::envelope::{Body, MsgKind};
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::log::{Level, LogLine, go_duration};
use crate::member::{BootError, Member};
use crate::pb::{self, InternalRaftRequest};
use crate::propose::Asker;

/// What a member says of its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerHash {
    /// The hash up to the revision asked for.
    pub hash: u32,
    /// The compacted revision it was reckoned with.
    pub compact_revision: i64,
    /// The member's newest revision.
    pub revision: i64,
}

/// Why the leader asks.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// `--corrupt-check-time` is over; the leader's own hash.
    Periodic(mvcc::KvHash),
    /// A compaction's hash; how many of the recorded ones were looked at before.
    Compaction(mvcc::KvHash, usize),
}

/// A round of questions.
#[derive(Debug)]
struct Poll {
    token: u64,
    purpose: Purpose,
    asked: Vec<MemberId>,
    waiting: Set<MemberId>,
    answers: Map<MemberId, PeerHash>,
    deadline_us: u64,
}

/// The checks of a member.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    poll: Option<Poll>,
    next_token: u64,
    periodic_us: u64,
    compaction_us: u64,
    /// The newest compaction that all members were found to agree on.
    checked_revision: i64,
}

impl Checker {
    pub(crate) fn new(periodic_us: u64, compaction_us: u64, now_us: u64) -> Checker {
        Checker {
            periodic_us: now_us.saturating_add(periodic_us),
            compaction_us: now_us.saturating_add(compaction_us),
            ..Checker::default()
        }
    }
}

impl Member {
    /// What this member says of its history up to a revision.
    pub fn peer_hash(&self, revision: i64) -> Option<PeerHash> {
        let hash = self.store.hash_kv(revision).ok()?;
        let (hash, compact_revision) = (hash.hash, hash.compact_revision);
        Some(PeerHash { hash, compact_revision, revision: self.store.revision() })
    }

    /// `InitialCorruptCheck`, before anybody is served: `peers` are the members that answered.
    ///
    /// # Errors
    /// When a peer's history differs: etcd does not start.
    pub fn initial_check(&mut self, peers: &[(MemberId, PeerHash)]) -> Result<(), BootError> {
        let own = self.id.to_string();
        let timeout = go_duration(self.config.request_timeout_us());
        let msg = "starting initial corruption check";
        let line = self.say(Level::Info, "etcdserver/corrupt.go:90", msg);
        line.fields.push(("local-member-id", own.as_str().into()));
        line.fields.push(("timeout", timeout.into()));
        let hash = self.store.hash_kv(0).expect("the present is never compacted");
        let mut differs = false;
        for (peer, answer) in peers.iter().filter(|(_, answer)| answer.hash != hash.hash) {
            let same = answer.compact_revision == hash.compact_revision;
            differs |= same;
            let (caller, what) = if same {
                ("etcdserver/corrupt.go:119", "hash")
            } else {
                ("etcdserver/corrupt.go:122", "compact revision")
            };
            let msg = format!("found different {what} values from remote peer");
            let line = self.say(Level::Warn, caller, &msg);
            line.fields.push(("local-member-id", own.as_str().into()));
            line.fields.push(("local-member-revision", hash.hash_revision.into()));
            line.fields.push(("local-member-compact-revision", hash.compact_revision.into()));
            line.fields.push(("local-member-hash", hash.hash.into()));
            line.fields.push(("remote-peer-id", peer.to_string().into()));
            line.fields.push(("remote-peer-revision", answer.revision.into()));
            line.fields.push(("remote-peer-compact-revision", answer.compact_revision.into()));
            line.fields.push(("remote-peer-hash", answer.hash.into()));
        }
        if !differs {
            let msg = "initial corruption checking passed; no corruption";
            let line = self.say(Level::Info, "etcdserver/corrupt.go:178", msg);
            line.fields.push(("local-member-id", own.into()));
            return Ok(());
        }
        let error = format!("{own} found data inconsistency with peers");
        let mut log = std::mem::take(&mut self.out.log);
        if !self.release().is_3_6() {
            let line = LogLine::new(Level::Warn, "etcdmain/etcd.go:146", "failed to start etcd");
            log.push(line.with("error", error.as_str()));
        }
        let fatal = LogLine::new(Level::Fatal, "etcdmain/etcd.go:183", "discovery failed");
        log.push(fatal.with("error", error));
        Err(BootError { log, exit_code: 1 })
    }

    /// With every tick: the leader begins its checks, and gives up waiting.
    pub(crate) fn check_corruption(&mut self) {
        let now_us = self.now.mono_us;
        if self.checker.poll.as_ref().is_some_and(|poll| poll.deadline_us <= now_us) {
            self.conclude();
        }
        let config = &self.config;
        let (corrupt_us, compact_us) = (config.corrupt_check_us, config.compact_hash_check_us);
        let compaction_on = config.compact_hash_check;
        if corrupt_us > 0 && now_us >= self.checker.periodic_us {
            self.checker.periodic_us = now_us + corrupt_us;
            if self.node.is_leader() && self.checker.poll.is_none() {
                let hash = self.store.hash_kv(0).expect("the present is never compacted");
                self.ask_peers(Purpose::Periodic(hash), hash.hash_revision);
            }
        }
        if compaction_on && now_us >= self.checker.compaction_us {
            self.checker.compaction_us = now_us + compact_us;
            if self.node.is_leader() && self.checker.poll.is_none() {
                let own = self.id.to_string();
                let timeout = go_duration(self.config.request_timeout_us());
                let msg = "starting compact hash check";
                let line = self.say(Level::Info, "etcdserver/corrupt.go:260", msg);
                line.fields.push(("local-member-id", own.into()));
                line.fields.push(("timeout", timeout.into()));
                self.check_compaction(0);
            }
        }
    }

    /// The next recorded hash that was not checked yet, the newest first.
    fn check_compaction(&mut self, looked_at: usize) {
        let checked = self.checker.checked_revision;
        let hashes = self.store.hashes().iter().rev();
        let unchecked: Vec<mvcc::KvHash> =
            hashes.take_while(|hash| hash.hash_revision > checked).copied().collect();
        match unchecked.get(looked_at) {
            Some(hash) => {
                self.ask_peers(Purpose::Compaction(*hash, looked_at), hash.hash_revision);
            }
            None => self.compactions_checked(unchecked.len()),
        }
    }

    fn compactions_checked(&mut self, number: usize) {
        let msg = "finished compaction hash check";
        let line = self.say(Level::Info, "etcdserver/corrupt.go:276", msg);
        line.fields.push(("number-of-hashes-checked", number.into()));
    }

    fn ask_peers(&mut self, purpose: Purpose, revision: i64) {
        let others = self.cluster.members().map(|m| m.id).filter(|id| *id != self.id);
        let asked: Vec<MemberId> = others.collect();
        self.checker.next_token += 1;
        let token = self.checker.next_token;
        for peer in &asked {
            let body = Body::HashCall { token, revision };
            let envelope = self.envelope(*peer, MsgKind::HashRequest, 64, body);
            self.out.send.push(envelope);
        }
        let waiting: Set<MemberId> = asked.iter().copied().collect();
        let deadline_us = self.now.mono_us + self.config.request_timeout_us();
        let alone = waiting.is_empty();
        let answers = Map::new();
        self.checker.poll = Some(Poll { token, purpose, asked, waiting, answers, deadline_us });
        if alone {
            self.conclude();
        }
    }

    /// A peer asks.
    pub(crate) fn hash_asked(&mut self, from: MemberId, token: u64, revision: i64) {
        let body = Body::HashAnswer { token, answer: self.peer_hash(revision) };
        let envelope = self.envelope(from, MsgKind::HashResponse, 96, body);
        self.out.send.push(envelope);
    }

    /// A peer answered.
    pub(crate) fn hash_answered(&mut self, from: MemberId, token: u64, answer: Option<PeerHash>) {
        let Some(poll) = self.checker.poll.as_mut().filter(|poll| poll.token == token) else {
            return;
        };
        if poll.waiting.remove(&from)
            && let Some(answer) = answer
        {
            poll.answers.insert(from, answer);
        }
        if poll.waiting.is_empty() {
            self.conclude();
        }
    }

    fn conclude(&mut self) {
        let Some(poll) = self.checker.poll.take() else { return };
        if !self.node.is_leader() {
            return;
        }
        match poll.purpose {
            Purpose::Periodic(hash) => self.conclude_periodic(hash, &poll.answers),
            Purpose::Compaction(hash, looked_at) => {
                if poll.asked.is_empty() || !self.conclude_compaction(hash, &poll) {
                    self.check_compaction(looked_at + 1);
                } else {
                    self.compactions_checked(looked_at + 1);
                }
            }
        }
    }

    fn conclude_periodic(&mut self, first: mvcc::KvHash, answers: &Map<MemberId, PeerHash>) {
        let again = self.store.hash_kv(0).expect("the present is never compacted");
        let mut wrong = None;
        let same = again.hash_revision == first.hash_revision
            && again.compact_revision == first.compact_revision;
        if same && again.hash != first.hash {
            self.say(Level::Warn, "etcdserver/corrupt.go:219", "found hash mismatch");
            wrong = Some(self.id);
        }
        let leader = self.store.revision();
        for (peer, answer) in answers {
            let mut says = Vec::new();
            if answer.revision > leader {
                says.push((
                    "etcdserver/corrupt.go:240",
                    "revision from follower must be less than or equal to leader's",
                ));
            }
            if answer.compact_revision > again.compact_revision {
                says.push((
                    "etcdserver/corrupt.go:251",
                    "compact revision from follower must be less than or equal to leader's",
                ));
            }
            if answer.compact_revision == first.compact_revision && answer.hash != first.hash {
                says.push((
                    "etcdserver/corrupt.go:262",
                    "same compact revision then hashes must match",
                ));
            }
            for (caller, msg) in says {
                let line = self.say(Level::Warn, caller, msg);
                line.fields.push(("leader-compact-revision", again.compact_revision.into()));
                line.fields.push(("leader-hash", first.hash.into()));
                line.fields.push(("follower-compact-revision", answer.compact_revision.into()));
                line.fields.push(("follower-hash", answer.hash.into()));
                line.fields.push(("follower-peer-id", peer.to_string().into()));
                wrong = wrong.or(Some(*peer));
            }
        }
        // Only the first that differs is named.
        if let Some(id) = wrong {
            self.raise_corrupt(id);
        }
        let msg = "finished peer corruption check";
        let line = self.say(Level::Info, "etcdserver/corrupt.go:274", msg);
        line.fields.push(("number-of-peers-checked", answers.len().into()));
    }

    /// True when nothing is left to find out.
    fn conclude_compaction(&mut self, hash: mvcc::KvHash, poll: &Poll) -> bool {
        let mut groups: Map<u32, Vec<MemberId>> = Map::from([(hash.hash, vec![self.id])]);
        let mut checked = 0;
        for peer in &poll.asked {
            let answer = poll.answers.get(peer);
            match answer.filter(|answer| answer.compact_revision == hash.compact_revision) {
                Some(answer) => {
                    checked += 1;
                    groups.entry(answer.hash).or_default().push(*peer);
                }
                None => self.tell_skipped(*peer, poll.asked.len(), answer, &hash),
            }
        }
        if groups.len() == 1 {
            return self.all_equal(&hash, checked, poll.asked.len());
        }
        let members = poll.asked.len() + 1;
        let quorum = members / 2 + 1;
        let majority = groups.iter().find(|(_, members)| members.len() >= quorum);
        let majority = majority.map(|(hash, _)| *hash);
        if majority.is_none() {
            let msg = "Detected compaction hash mismatch but cannot identify the corrupted \
                       members, so intentionally set the memberID as 0";
            self.tell_mismatch("etcdserver/corrupt.go:357", msg, &hash);
            self.raise_corrupt(MemberId(0));
        }
        for (other, members) in groups.iter().filter(|(other, _)| Some(**other) != majority) {
            if majority.is_some() {
                members.iter().for_each(|member| self.raise_corrupt(*member));
            }
            let ids: Vec<String> = members.iter().map(MemberId::to_string).collect();
            let line = self.tell_mismatch(
                "etcdserver/corrupt.go:375",
                "Detected compaction hash mismatch",
                &hash,
            );
            line.fields.push(("peer-hash", (*other).into()));
            line.fields.push(("peer-ids", ids.join(",").into()));
            line.fields.push(("quorum-exist", majority.is_some().into()));
        }
        true
    }

    fn tell_skipped(
        &mut self,
        peer: MemberId,
        peers: usize,
        answer: Option<&PeerHash>,
        hash: &mvcc::KvHash,
    ) {
        let own = self.id.to_string();
        let reason = answer.map_or("no response".to_owned(), |answer| {
            format!(
                "the peer's CompactRevision {} doesn't match leader's CompactRevision {}",
                answer.compact_revision, hash.compact_revision
            )
        });
        let line = self.say(Level::Warn, "etcdserver/corrupt.go:312", "Skipped peer's hash");
        line.fields.push(("number-of-peers", peers.into()));
        line.fields.push(("leader-id", own.into()));
        line.fields.push(("peer-id", peer.to_string().into()));
        line.fields.push(("reason", reason.into()));
    }

    fn tell_mismatch(
        &mut self,
        caller: &'static str,
        msg: &str,
        hash: &mvcc::KvHash,
    ) -> &mut LogLine {
        let own = self.id.to_string();
        let line = self.say(Level::Error, caller, msg);
        line.fields.push(("leader-id", own.into()));
        line.fields.push(("leader-revision", hash.hash_revision.into()));
        line.fields.push(("leader-compact-revision", hash.compact_revision.into()));
        line.fields.push(("leader-hash", hash.hash.into()));
        line
    }

    fn all_equal(&mut self, hash: &mvcc::KvHash, checked: usize, peers: usize) -> bool {
        let all = checked == peers;
        let (level, caller, msg) = if all {
            self.checker.checked_revision = self.checker.checked_revision.max(hash.hash_revision);
            (Level::Info, "etcdserver/corrupt.go:391", "successfully checked hash on whole cluster")
        } else {
            let msg = "skipped revision in compaction hash check; was not able to check all peers";
            (Level::Warn, "etcdserver/corrupt.go:403", msg)
        };
        let line = self.say(level, caller, msg);
        line.fields.push(("number-of-peers-checked", checked.into()));
        if !all {
            line.fields.push(("number-of-peers", peers.into()));
        }
        line.fields.push(("revision", hash.hash_revision.into()));
        line.fields.push(("compactRevision", hash.compact_revision.into()));
        all
    }

    fn raise_corrupt(&mut self, member: MemberId) {
        let alarm = pb::AlarmRequest {
            action: pb::AlarmAction::Activate.into(),
            member_id: member.0,
            alarm: pb::AlarmType::Corrupt.into(),
        };
        let request = InternalRaftRequest { alarm: Some(alarm), ..InternalRaftRequest::default() };
        // A check that comes later raises it again.
        let raised: Result<(), Fail> = self.propose(Asker::Nobody, request, None);
        if let Err(fail) = raised {
            let line = self.say(Level::Warn, "etcdserver/corrupt.go:441", "failed to raise alarm");
            line.fields.push(("error", fail.to_string().into()));
        }
    }
}
