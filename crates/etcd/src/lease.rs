//! Leases on their way to the leader: only the leader counts their time.
//!
//! Grant and revoke go through the log. Keep-alive and time-to-live do not: a follower sends
//! them to the leader by a message of their own, as etcd does by HTTP on the peer port.

use crate::envelope::{Body, Envelope, MsgKind};
use crate::fact::{Fact, RequestKey};
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::log::Level;
use crate::member::Member;
use crate::pb::{self, InternalRaftRequest};
use crate::propose::Asker;
use crate::read::ReadOp;
use crate::rpc::Answer;

const CHECK_US: u64 = 500_000;
const REVOKES_PER_CHECK: usize = 500;
const CHECKPOINT_S: i64 = 300;
/// How often checkpoints are made.
pub(crate) const CHECKPOINT_US: u64 = 300_000_000;
const CHECKPOINTS_PER_ENTRY: usize = 1000;
/// How long a forwarded call waits before it is sent again: it may have been lost.
const RESEND_US: u64 = 500_000;

/// What a member asks the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeaseCall {
    Renew(i64),
    TimeToLive { lease: i64, keys: bool },
    Promote(MemberId),
}

/// What the leader answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LeaseAnswer {
    /// Time to live; 0 for a lease that is gone.
    Renewed(i64),
    TimeToLive(pb::LeaseTimeToLiveResponse),
    Promoted(Result<(), Fail>),
    /// It is not the leader: ask the one who is.
    NotLeader,
}

/// A call that waits for the leader.
#[derive(Debug)]
struct Forward {
    token: u64,
    key: RequestKey,
    call: LeaseCall,
    resend_us: u64,
    deadline_us: u64,
}

/// All calls that wait for the leader.
#[derive(Debug)]
pub(crate) struct Forwards {
    calls: Vec<Forward>,
    next_token: u64,
    pub(crate) next_us: u64,
}

impl Default for Forwards {
    fn default() -> Forwards {
        Forwards { calls: Vec::new(), next_token: 0, next_us: u64::MAX }
    }
}

impl Forwards {
    pub(crate) fn forget(&mut self, gone: impl Fn(&RequestKey) -> bool) {
        self.calls.retain(|forward| !gone(&forward.key));
    }

    fn reckon(&mut self) {
        let next = self.calls.iter().map(|f| f.resend_us.min(f.deadline_us)).min();
        self.next_us = next.unwrap_or(u64::MAX);
    }
}

impl Member {
    pub(crate) fn grant(
        &mut self,
        key: RequestKey,
        mut request: pb::LeaseGrantRequest,
        token: &str,
        timeout_us: Option<u64>,
    ) {
        if let Err(fail) = self.require_someone(key, token) {
            self.answer(key, Err(fail));
            return;
        }
        while request.id == 0 {
            request.id = (self.request_ids.next() & (u64::MAX >> 1)).cast_signed();
        }
        let request = InternalRaftRequest { lease_grant: Some(request), ..Default::default() };
        self.propose_for(key, request, token, timeout_us);
    }

    pub(crate) fn revoke(
        &mut self,
        key: RequestKey,
        request: pb::LeaseRevokeRequest,
        token: &str,
        timeout_us: Option<u64>,
    ) {
        if let Err(fail) = self.require_someone(key, token) {
            self.answer(key, Err(fail));
            return;
        }
        let request = InternalRaftRequest { lease_revoke: Some(request), ..Default::default() };
        self.propose_for(key, request, token, timeout_us);
    }

    /// A keep-alive: a leader makes sure that it is one, everybody else asks it.
    pub(crate) fn keep_alive(
        &mut self,
        key: RequestKey,
        lease: i64,
        token: String,
        timeout_us: Option<u64>,
    ) {
        if self.node.is_leader() {
            self.read(key, ReadOp::Renew(lease), token, timeout_us);
        } else if let Err(fail) = self.may_renew(key, &token, lease) {
            self.answer(key, Err(fail));
        } else {
            self.forward(key, LeaseCall::Renew(lease), timeout_us);
        }
    }

    /// The leader knows it still leads: the lease gets its time.
    pub(crate) fn renew_confirmed(&mut self, key: RequestKey, lease: i64) {
        match self.renew(lease) {
            LeaseAnswer::Renewed(ttl) => self.renewed(key, lease, ttl),
            _ => self.forward(key, LeaseCall::Renew(lease), None),
        }
    }

    pub(crate) fn renew_unconfirmed(&mut self, key: RequestKey, _lease: i64, fail: Fail) {
        let fail = if fail == Fail::Stopped { fail } else { Fail::LeaseNotPrimary };
        self.answer(key, Err(fail));
    }

    fn renew(&mut self, lease: i64) -> LeaseAnswer {
        match self.store.lease_renew(lease, self.now.mono_us) {
            Ok(mvcc::Renewal::Renewed { ttl_s }) => {
                if self.config.lease_checkpoint && self.store.lease_has_checkpoint(lease) {
                    // What a checkpoint said remains is the whole time again.
                    self.propose_checkpoints(vec![pb::LeaseCheckpoint {
                        id: lease,
                        remaining_ttl: 0,
                    }]);
                }
                LeaseAnswer::Renewed(ttl_s)
            }
            // About to be revoked: too late.
            Ok(mvcc::Renewal::Expiring) | Err(mvcc::Error::LeaseNotFound) => {
                LeaseAnswer::Renewed(0)
            }
            Err(_) => LeaseAnswer::NotLeader,
        }
    }

    fn renewed(&mut self, key: RequestKey, lease: i64, ttl: i64) {
        let header = Some(self.header());
        let answer = Answer::LeaseKeepAlive(pb::LeaseKeepAliveResponse { header, id: lease, ttl });
        self.answer_more(key, answer);
    }

    pub(crate) fn time_to_live(
        &mut self,
        key: RequestKey,
        request: &pb::LeaseTimeToLiveRequest,
        token: &str,
        timeout_us: Option<u64>,
    ) {
        let mut allowed = self.require_someone(key, token);
        if request.keys && allowed.is_ok() {
            allowed = self.may_see_leases(key, token, &[request.id]);
        }
        if let Err(fail) = allowed {
            self.answer(key, Err(fail));
            return;
        }
        let (lease, keys) = (request.id, request.keys);
        if self.node.is_leader() && self.store.lease_is_primary() {
            let answer = self.lease_state(lease, keys);
            self.lease_told(key, answer);
        } else {
            self.forward(key, LeaseCall::TimeToLive { lease, keys }, timeout_us);
        }
    }

    fn lease_state(&self, lease: i64, keys: bool) -> pb::LeaseTimeToLiveResponse {
        let Some(info) = self.store.lease_info(lease, self.now.mono_us) else {
            return pb::LeaseTimeToLiveResponse { id: lease, ttl: -1, ..Default::default() };
        };
        pb::LeaseTimeToLiveResponse {
            header: None,
            id: lease,
            ttl: info.remaining_s,
            granted_ttl: info.granted_ttl_s,
            keys: if keys { info.keys } else { Vec::new() },
        }
    }

    fn lease_told(&mut self, key: RequestKey, mut answer: pb::LeaseTimeToLiveResponse) {
        answer.header = Some(self.header());
        self.answer(key, Ok(Answer::LeaseTimeToLive(answer)));
    }

    pub(crate) fn lease_list(
        &mut self,
        key: RequestKey,
        token: &str,
    ) -> Result<pb::LeaseLeasesResponse, Fail> {
        let leases = self.store.lease_list();
        self.may_see_leases(key, token, &leases)?;
        let leases = leases.into_iter().map(|id| pb::LeaseStatus { id }).collect();
        Ok(pb::LeaseLeasesResponse { header: Some(self.header()), leases })
    }

    /// Sends a call to the leader, now or when there is one.
    pub(crate) fn forward(&mut self, key: RequestKey, call: LeaseCall, timeout_us: Option<u64>) {
        let limit_us = self.config.request_timeout_us();
        let limit_us = timeout_us.map_or(limit_us, |client_us| client_us.min(limit_us));
        self.forwards.next_token += 1;
        let forward = Forward {
            token: self.forwards.next_token,
            key,
            call,
            resend_us: self.now.mono_us,
            deadline_us: self.now.mono_us + limit_us,
        };
        self.forwards.calls.push(forward);
        self.send_forwards();
    }

    /// Sends again what was not answered, and gives up what waited too long.
    pub(crate) fn check_forwards(&mut self) {
        if self.now.mono_us >= self.forwards.next_us {
            let now_us = self.now.mono_us;
            let no_leader = self.node.leader().is_none();
            let late: Vec<Forward> =
                self.forwards.calls.extract_if(.., |f| f.deadline_us <= now_us).collect();
            for forward in late {
                let fail = if no_leader { Fail::NoLeader } else { Fail::Timeout };
                self.answer(forward.key, Err(fail));
            }
            self.send_forwards();
        }
    }

    pub(crate) fn send_forwards(&mut self) {
        let now_us = self.now.mono_us;
        let leader = self.node.leader();
        let mut due = Vec::new();
        for forward in &mut self.forwards.calls {
            if forward.resend_us <= now_us {
                // Without a leader etcd looks again after an election timeout.
                forward.resend_us = now_us + RESEND_US;
                due.push((forward.token, forward.call.clone(), forward.key));
            }
        }
        for (token, call, key) in due {
            match leader {
                Some(leader) if leader == self.id => self.call_here(token, call, key),
                Some(leader) => self.send_call(leader, token, call),
                None => {}
            }
        }
        self.forwards.reckon();
    }

    /// The member became leader while a call waited.
    fn call_here(&mut self, token: u64, call: LeaseCall, key: RequestKey) {
        self.forwards.calls.retain(|forward| forward.token != token);
        match call {
            // It was allowed when it came.
            LeaseCall::Renew(lease) => self.renew_confirmed(key, lease),
            LeaseCall::TimeToLive { lease, keys } => {
                let answer = self.lease_state(lease, keys);
                self.lease_told(key, answer);
            }
            LeaseCall::Promote(member) => self.promote(key, member, None),
        }
    }

    fn send_call(&mut self, leader: MemberId, token: u64, call: LeaseCall) {
        let kind = match call {
            LeaseCall::Promote(_) => MsgKind::PromoteRequest,
            _ => MsgKind::LeaseRequest,
        };
        let envelope = self.envelope(leader, kind, 64, Body::Call { token, call });
        self.out.send.push(envelope);
    }

    /// A member asks this one because it believes it leads.
    pub(crate) fn called(&mut self, from: MemberId, token: u64, call: LeaseCall) {
        if !self.node.is_leader() {
            self.answer_call(from, token, LeaseAnswer::NotLeader);
            return;
        }
        match call {
            LeaseCall::Renew(lease) => {
                let answer = self.renew(lease);
                self.answer_call(from, token, answer);
            }
            LeaseCall::TimeToLive { lease, keys } => {
                let answer = LeaseAnswer::TimeToLive(self.lease_state(lease, keys));
                self.answer_call(from, token, answer);
            }
            LeaseCall::Promote(member) => {
                if let Err(fail) =
                    self.propose_promotion(Asker::Promotion { from, token }, member, None)
                {
                    self.promotion_done(from, token, Err(fail));
                }
            }
        }
    }

    pub(crate) fn answer_call(&mut self, to: MemberId, token: u64, answer: LeaseAnswer) {
        let kind = match answer {
            LeaseAnswer::Promoted(_) => MsgKind::PromoteResponse,
            _ => MsgKind::LeaseResponse,
        };
        let envelope: Envelope = self.envelope(to, kind, 64, Body::Answer { token, answer });
        self.out.send.push(envelope);
    }

    /// The leader answered a call.
    pub(crate) fn call_answered(&mut self, token: u64, answer: LeaseAnswer) {
        if answer == LeaseAnswer::NotLeader {
            // It is asked again in a moment, whoever leads then.
            return;
        }
        let Some(at) = self.forwards.calls.iter().position(|f| f.token == token) else { return };
        let Forward { key, call, .. } = self.forwards.calls.remove(at);
        self.forwards.reckon();
        match (answer, call) {
            (LeaseAnswer::Renewed(ttl), LeaseCall::Renew(lease)) => self.renewed(key, lease, ttl),
            (LeaseAnswer::TimeToLive(answer), _) => self.lease_told(key, answer),
            (LeaseAnswer::Promoted(Ok(())), _) => {
                let members = self.member_list();
                self.answer(key, Ok(Answer::Members(members)));
            }
            (LeaseAnswer::Promoted(Err(fail)), _) => self.answer(key, Err(fail)),
            _ => {}
        }
    }

    /// The leader looks for leases that ran out, and proposes to revoke them.
    pub(crate) fn check_leases(&mut self) {
        let now_us = self.now.mono_us;
        if !self.store.lease_is_primary() || now_us < self.timers.lease_check_us {
            return;
        }
        self.timers.lease_check_us = now_us + CHECK_US;
        if !self.node.is_leader() {
            return;
        }
        for lease in self.store.lease_expired(now_us, REVOKES_PER_CHECK) {
            self.out.facts.push(Fact::LeaseExpired { lease });
            let request = InternalRaftRequest {
                lease_revoke: Some(pb::LeaseRevokeRequest { id: lease }),
                ..Default::default()
            };
            let root = self.as_root();
            if self.propose_as(root, Asker::Nobody, request, None).is_err() {
                let line =
                    self.say(Level::Warn, "etcdserver/server.go:900", "failed to revoke lease");
                line.fields.push(("lease-id", format!("{lease:016x}").into()));
            }
        }
    }

    /// Every five minutes the log hears what remains of each lease that lives longer: the next
    /// leader then does not give it its whole time again.
    pub(crate) fn check_checkpoints(&mut self) {
        let now_us = self.now.mono_us;
        if !self.config.lease_checkpoint
            || now_us < self.timers.checkpoint_us
            || !self.node.is_leader()
            || !self.store.lease_is_primary()
        {
            return;
        }
        self.timers.checkpoint_us = now_us + CHECKPOINT_US;
        let infos = self.store.lease_list().into_iter();
        let infos = infos.filter_map(|id| self.store.lease_info(id, now_us));
        let due = infos.filter(|info| {
            info.granted_ttl_s > CHECKPOINT_S && (0..info.granted_ttl_s).contains(&info.remaining_s)
        });
        let due: Vec<pb::LeaseCheckpoint> = due
            .map(|info| pb::LeaseCheckpoint { id: info.id, remaining_ttl: info.remaining_s + 1 })
            .collect();
        for batch in due.chunks(CHECKPOINTS_PER_ENTRY) {
            self.propose_checkpoints(batch.to_vec());
        }
    }

    fn propose_checkpoints(&mut self, checkpoints: Vec<pb::LeaseCheckpoint>) {
        let request = InternalRaftRequest {
            lease_checkpoint: Some(pb::LeaseCheckpointRequest { checkpoints }),
            ..InternalRaftRequest::default()
        };
        // One that is lost is made up for by the next.
        let _ = self.propose(Asker::Nobody, request, None);
    }

    pub(crate) fn fail_all_forwards(&mut self) {
        for forward in std::mem::take(&mut self.forwards.calls) {
            self.answer(forward.key, Err(Fail::Stopped));
        }
        self.forwards.reckon();
    }
}
