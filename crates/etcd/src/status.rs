//! What a member shows of itself: to the picture, to the checkers, to `endpoint status`.

use serde::{Deserialize, Serialize};

use crate::config::Release;
use crate::ids::{ClusterId, MemberId};
use crate::pb;

/// The role in raft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Follows the leader it knows, or waits for one.
    Follower,
    /// Asks whether it would win an election.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Orders the log.
    Leader,
    /// Follows without a vote.
    Learner,
}

/// A member of the cluster, as `member list` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInfo {
    /// Its id.
    pub id: MemberId,
    /// Its name; empty until it published itself ("unstarted").
    pub name: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Where its clients reach it; empty until it published itself.
    pub client_urls: Vec<String>,
    /// Whether it has no vote yet.
    pub is_learner: bool,
}

impl From<&MemberInfo> for pb::Member {
    fn from(info: &MemberInfo) -> pb::Member {
        pb::Member {
            id: info.id.0,
            name: info.name.clone(),
            peer_urls: info.peer_urls.clone(),
            client_urls: info.client_urls.clone(),
            is_learner: info.is_learner,
        }
    }
}

/// The clock that will make a member campaign (or, on a leader, beat).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// Ticks since it was set back.
    pub elapsed_ticks: u64,
    /// Ticks at which it fires.
    pub timeout_ticks: u64,
    /// The member's monotonic clock at its last tick, in microseconds.
    pub ticked_us: u64,
}

/// What a leader knows of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerProgress {
    /// The peer.
    pub id: MemberId,
    /// The highest index known to be on its disk.
    pub matched: u64,
    /// The next index to send.
    pub next: u64,
    /// Whether it answered since the last quorum check.
    pub active: bool,
    /// Whether it waits for a whole snapshot.
    pub snapshot: bool,
}

/// Everything worth showing of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of endpoint status and of raft")]
pub struct MemberStatus {
    pub id: MemberId,
    pub cluster: ClusterId,
    pub name: String,
    pub release: Release,
    pub term: u64,
    pub role: Role,
    pub is_learner: bool,
    /// Whom it voted for in this term.
    pub vote: Option<MemberId>,
    /// The answers it got as a candidate of this round, by id.
    pub ballots: Vec<(MemberId, bool)>,
    pub leader: Option<MemberId>,
    /// Whom it is handing leadership to.
    pub transferee: Option<MemberId>,
    pub first_index: u64,
    pub last_index: u64,
    /// The last index on its disk.
    pub persisted: u64,
    pub commit: u64,
    pub applied: u64,
    pub revision: i64,
    pub compacted: i64,
    pub running_hash: u64,
    pub timer: Timer,
    /// Of each peer; empty unless leader.
    pub progress: Vec<PeerProgress>,
    pub voters: Vec<MemberId>,
    pub learners: Vec<MemberId>,
    pub members: Vec<MemberInfo>,
    pub db_size_bytes: u64,
    pub db_in_use_bytes: u64,
    pub quota_bytes: i64,
    pub alarms: Vec<(MemberId, String)>,
    pub leases: u64,
    pub watchers: u64,
    /// Whether it published itself and serves clients.
    pub ready: bool,
}

/// An entry of the log, for the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryInfo {
    /// Its place.
    pub index: u64,
    /// The term of the leader that appended it.
    pub term: u64,
    /// What it does, in a few words.
    pub text: String,
}
