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
        timeout_us: Option<u64>,
    ) {
        while request.id == 0 {
            request.id = (self.request_ids.next() & (u64::MAX >> 1)).cast_signed();
        }
        let request = InternalRaftRequest { lease_grant: Some(request), ..Default::default() };
        self.propose_for(key, request, timeout_us);
    }

    /// A keep-alive: a leader makes sure that it is one, everybody else asks it.
    pub(crate) fn keep_alive(&mut self, key: RequestKey, lease: i64, timeout_us: Option<u64>) {
        if self.node.is_leader() {
            self.read(key, ReadOp::Renew(lease), timeout_us);
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
            Ok(mvcc::Renewal::Renewed { ttl_s }) => LeaseAnswer::Renewed(ttl_s),
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
        timeout_us: Option<u64>,
    ) {
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

    pub(crate) fn lease_list(&self) -> pb::LeaseLeasesResponse {
        let leases = self.store.lease_list().into_iter().map(|id| pb::LeaseStatus { id }).collect();
        pb::LeaseLeasesResponse { header: Some(self.header()), leases }
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
            LeaseCall::Renew(lease) => self.read(key, ReadOp::Renew(lease), None),
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
            if self.propose(Asker::Nobody, request, None).is_err() {
                let line =
                    self.say(Level::Warn, "etcdserver/server.go:900", "failed to revoke lease");
                line.fields.push(("lease-id", format!("{lease:016x}").into()));
            }
        }
    }

    pub(crate) fn fail_all_forwards(&mut self) {
        for forward in std::mem::take(&mut self.forwards.calls) {
            self.answer(forward.key, Err(Fail::Stopped));
        }
        self.forwards.reckon();
    }
}
