//! What happened inside a member, with the reason: material for the checkers and the story.
//!
//! Facts are values, never sentences: the lab words them.

use crate::ids::MemberId;
use crate::rpc::{CallId, ConnId};
use crate::status::Role;

/// Names the call of a client that caused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKey {
    /// The connection.
    pub conn: ConnId,
    /// The call on it.
    pub call: CallId,
}

/// Why a role changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The member just started.
    Booted,
    /// It heard no leader for a whole election timeout.
    ElectionTimeout,
    /// A majority said in the rehearsal that they would vote for it.
    PreVoteWon,
    /// A majority voted for it.
    ElectionWon,
    /// A majority refused it.
    ElectionLost,
    /// A message showed a later term.
    HigherTerm,
    /// A message of the leader of this term arrived.
    LeaderHeard,
    /// The leader did not hear from a majority for an election timeout (CheckQuorum).
    QuorumLost,
    /// The leader handed its leadership over.
    Transfer,
    /// It was promoted from learner to voter, or removed.
    Reconfigured,
}

/// A change of the membership.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of member add, remove, update, promote")]
pub enum Change {
    Add {
        member: MemberId,
        learner: bool,
    },
    Promote {
        member: MemberId,
    },
    Remove {
        member: MemberId,
    },
    Update {
        member: MemberId,
    },
    /// A change that was valid when proposed and no longer when applied.
    Refused,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are documented, their fields say what they are")]
pub enum Fact {
    /// The role or the term changed.
    Role { role: Role, term: u64, why: Why },
    /// This member answered a candidate. `log_behind`: the candidate lacks entries;
    /// `leader_alive`: a leader was heard within an election timeout.
    Voted {
        candidate: MemberId,
        term: u64,
        pre: bool,
        granted: bool,
        log_behind: bool,
        leader_alive: bool,
    },
    /// This candidate got an answer.
    Ballot { from: MemberId, term: u64, pre: bool, granted: bool },
    /// The leader this member follows changed.
    LeaderSeen { leader: Option<MemberId>, term: u64 },
    /// A leader stepped down because it heard only from `heard` of `voters`.
    QuorumLost { term: u64, heard: Vec<MemberId>, voters: Vec<MemberId> },
    /// Entries up to here are known to be on a majority.
    Committed { index: u64, term: u64 },
    /// An entry was applied to the store. `hash` is the store's running hash after it.
    /// `request` is set on the member whose client asked for it.
    Applied { index: u64, term: u64, hash: u64, revision: i64, request: Option<RequestKey> },
    /// A read was answered from the state at `applied`.
    ReadServed { request: RequestKey, linearizable: bool, applied: u64, revision: i64 },
    /// The membership changed.
    Conf { index: u64, change: Change, voters: Vec<MemberId>, learners: Vec<MemberId> },
    /// The member told the cluster its name and its clients' URLs.
    Published,
    /// A snapshot of the state was written and the log before `first_index` dropped.
    SnapshotSaved { index: u64, term: u64, first_index: u64 },
    /// The whole database goes to a follower whose entries are gone from the log.
    SnapshotSent { to: MemberId, index: u64, term: u64, size_bytes: u64 },
    /// The whole database came from the leader and replaced what was there.
    SnapshotReceived { from: MemberId, index: u64, term: u64, hash: u64, revision: i64 },
    /// A lease ended and its revocation was proposed.
    LeaseExpired { lease: i64 },
    /// An alarm was switched on or off.
    Alarm { member: MemberId, name: &'static str, on: bool },
    /// The leader hands its leadership to another.
    TransferStarted { to: MemberId },
    /// The member found out that it was removed, and stops.
    Removed,
    /// The member crashed: what etcd would print when it panics.
    Crashed { message: String },
}
