//! Proposals: what clients, and the member itself, want to have in the log.
//!
//! As in etcd, a proposal waits while there is no leader, at most seven seconds or as long as
//! the client has; after it left for the log nobody knows more than that it was or was not
//! committed, and the error says so. While a leader's log is being written, proposals gather
//! and go as one.

use std::collections::BTreeMap;

use prost::Message as _;
use raft::eraftpb::{Entry, EntryType};

use crate::auth::Who;
use crate::confchange::ConfChange;
use crate::fact::RequestKey;
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::member::Member;
use crate::pb::{AuthenticateRequest, InternalRaftRequest, RequestHeader};

/// More committed and not yet applied entries than this, and proposals are refused.
const MAX_GAP: u64 = 5000;

/// Who waits for an entry to be applied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asker {
    /// A client.
    Client(RequestKey),
    /// A client whose request was refused for lack of space; it hears so once the alarm is up.
    NoSpace(RequestKey),
    /// A member that forwarded a promotion to us.
    Promotion { from: MemberId, token: u64 },
    /// A client that proved who it is: what it asked, and the auth revision it was checked at.
    Authentication { key: RequestKey, revision: u64, request: Box<AuthenticateRequest> },
    /// A client that changed the target of a downgrade.
    Downgrade(RequestKey),
    /// The compactor.
    Compactor { revision: i64, started_us: u64 },
    /// The member itself, to be known to the cluster.
    Publish,
    /// The leader, to set the cluster's version.
    Version,
    /// The member itself, and it does not wait.
    Nobody,
}

/// A proposal that is under way.
#[derive(Debug)]
struct Waiter {
    asker: Asker,
    started_us: u64,
    deadline_us: u64,
    /// Whether it has left for the log.
    proposed: bool,
}

/// All proposals of this member.
#[derive(Debug)]
pub(crate) struct Proposals {
    waiters: BTreeMap<u64, Waiter>,
    queue: Vec<(u64, Entry)>,
    pub(crate) next_deadline_us: u64,
}

impl Default for Proposals {
    fn default() -> Proposals {
        Proposals { waiters: BTreeMap::new(), queue: Vec::new(), next_deadline_us: u64::MAX }
    }
}

impl Proposals {
    /// Whoever waits for this request, who then waits no more.
    pub(crate) fn take(&mut self, id: u64) -> Option<Asker> {
        self.waiters.remove(&id).map(|waiter| waiter.asker)
    }

    pub(crate) fn client_of(&self, id: u64) -> Option<RequestKey> {
        match self.waiters.get(&id)?.asker {
            Asker::Client(key) => Some(key),
            _ => None,
        }
    }

    /// Clients that are gone are not answered. What they proposed stays proposed.
    pub(crate) fn forget(&mut self, gone: impl Fn(&RequestKey) -> bool) {
        self.waiters.retain(|_, waiter| match &waiter.asker {
            Asker::Client(key)
            | Asker::NoSpace(key)
            | Asker::Downgrade(key)
            | Asker::Authentication { key, .. } => !gone(key),
            _ => true,
        });
        let waiters = &self.waiters;
        self.queue.retain(|(id, _)| waiters.contains_key(id));
    }

    /// How many are under way.
    pub(crate) fn pending(&self) -> u64 {
        self.waiters.len() as u64
    }

    fn add(&mut self, id: u64, waiter: Waiter, entry: Entry) {
        self.next_deadline_us = self.next_deadline_us.min(waiter.deadline_us);
        self.waiters.insert(id, waiter);
        self.queue.push((id, entry));
    }
}

impl Member {
    /// Proposes a request for a client that gave it `timeout_us`.
    pub(crate) fn propose_for(
        &mut self,
        key: RequestKey,
        request: InternalRaftRequest,
        token: &str,
        timeout_us: Option<u64>,
    ) {
        let proposed = self.who(key, token).and_then(|who| {
            self.propose_as(who.unwrap_or_default(), Asker::Client(key), request, timeout_us)
        });
        if let Err(fail) = proposed {
            self.answer(key, Err(fail));
        }
    }

    /// Proposes a request. Its outcome goes to the asker.
    ///
    /// # Errors
    /// When it is refused here and now.
    pub(crate) fn propose(
        &mut self,
        asker: Asker,
        request: InternalRaftRequest,
        timeout_us: Option<u64>,
    ) -> Result<(), Fail> {
        self.propose_as(Who::default(), asker, request, timeout_us)
    }

    /// The same in somebody's name.
    pub(crate) fn propose_as(
        &mut self,
        who: Who,
        asker: Asker,
        mut request: InternalRaftRequest,
        timeout_us: Option<u64>,
    ) -> Result<(), Fail> {
        if self.node.commit() > self.applied.index + MAX_GAP {
            return Err(Fail::TooManyRequests);
        }
        let id = self.request_ids.next();
        let Who { user: username, revision: auth_revision } = who;
        request.header = Some(RequestHeader { id, username, auth_revision });
        let data = request.encode_to_vec();
        if data.len() as u64 > self.config.max_request_bytes {
            return Err(Fail::RequestTooLarge);
        }
        let limit_us = self.config.request_timeout_us();
        let limit_us = timeout_us.map_or(limit_us, |client_us| client_us.min(limit_us));
        self.enqueue(id, asker, Some(limit_us), Entry { data, ..Entry::default() });
        Ok(())
    }

    /// Proposes a change of the membership. Only the client limits how long it may take.
    pub(crate) fn propose_change(
        &mut self,
        asker: Asker,
        change: &ConfChange,
        timeout_us: Option<u64>,
    ) {
        let mut entry = Entry { data: change.for_entry(), ..Entry::default() };
        entry.set_entry_type(EntryType::EntryConfChange);
        self.enqueue(change.id, asker, timeout_us, entry);
    }

    fn enqueue(&mut self, id: u64, asker: Asker, limit_us: Option<u64>, entry: Entry) {
        let started_us = self.now.mono_us;
        let deadline_us = limit_us.map_or(u64::MAX, |limit_us| started_us.saturating_add(limit_us));
        self.proposals.add(id, Waiter { asker, started_us, deadline_us, proposed: false }, entry);
    }

    /// Hands waiting proposals to the core: at once if they are to be forwarded, in one piece
    /// per write of the log if this member leads, and not at all without a leader.
    pub(crate) fn flush_proposals(&mut self) {
        if self.proposals.queue.is_empty() || self.node.leader().is_none() {
            return;
        }
        if self.node.is_leader() && self.journal.is_busy() {
            return;
        }
        let (ids, entries): (Vec<u64>, Vec<Entry>) =
            std::mem::take(&mut self.proposals.queue).into_iter().unzip();
        for id in &ids {
            if let Some(waiter) = self.proposals.waiters.get_mut(id) {
                waiter.proposed = true;
            }
        }
        if self.node.propose(entries, &mut self.out).is_err() {
            for id in ids {
                self.fail_proposal(id, Fail::ProposalDropped);
            }
        }
    }

    /// Tells those whose time is up.
    pub(crate) fn expire_proposals(&mut self) {
        let now_us = self.now.mono_us;
        if now_us < self.proposals.next_deadline_us {
            return;
        }
        let due = self.proposals.waiters.iter().filter(|(_, w)| w.deadline_us <= now_us);
        let due: Vec<u64> = due.map(|(id, _)| *id).collect();
        for id in due {
            let fail = self.timeout_of(id);
            self.fail_proposal(id, fail);
        }
        let left = self.proposals.waiters.values();
        self.proposals.next_deadline_us = left.map(|w| w.deadline_us).min().unwrap_or(u64::MAX);
        let waiters = &self.proposals.waiters;
        self.proposals.queue.retain(|(id, _)| waiters.contains_key(id));
    }

    /// What a proposal's timeout most likely means.
    fn timeout_of(&self, id: u64) -> Fail {
        let Some(waiter) = self.proposals.waiters.get(&id).filter(|w| w.proposed) else {
            // It never left: there was no leader to give it to.
            return Fail::DeadlineExceeded;
        };
        let started_us = waiter.started_us;
        if let Some(elected_us) = self.applied.elected_us {
            let lost_us = elected_us.saturating_sub(2 * self.election_us());
            if started_us > lost_us && started_us < elected_us {
                return Fail::LeaderLost;
            }
        }
        let connected = match self.node.leader() {
            None => true,
            Some(leader) if leader == self.id => {
                let members: Vec<MemberId> = self.cluster.members().map(|m| m.id).collect();
                let up = members.iter().filter(|m| self.connected_since(**m, started_us)).count();
                up > members.len() / 2
            }
            Some(leader) => self.connected_since(leader, started_us),
        };
        if connected { Fail::Timeout } else { Fail::ConnectionLost }
    }

    /// A proposal that will not be answered by its entry.
    pub(crate) fn fail_proposal(&mut self, id: u64, fail: Fail) {
        self.stats.proposals_failed += 1;
        match self.proposals.take(id) {
            None | Some(Asker::Nobody) => {}
            Some(
                Asker::Client(key) | Asker::Downgrade(key) | Asker::Authentication { key, .. },
            ) => self.answer(key, Err(fail)),
            Some(Asker::NoSpace(key)) => self.answer(key, Err(Fail::NoSpace)),
            Some(Asker::Promotion { from, token }) => self.promotion_done(from, token, Err(fail)),
            Some(Asker::Compactor { revision, started_us }) => {
                self.auto_compacted(revision, started_us, Err(fail));
            }
            Some(Asker::Publish) => self.publish_failed(&fail),
            Some(Asker::Version) => self.version_failed(&fail),
        }
    }

    /// Fails everything that waits: the member stops.
    pub(crate) fn fail_all_proposals(&mut self) {
        let ids: Vec<u64> = self.proposals.waiters.keys().copied().collect();
        for id in ids {
            self.fail_proposal(id, Fail::Stopped);
        }
        self.proposals.queue.clear();
    }
}
