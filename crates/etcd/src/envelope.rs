//! A message between members: readable on the outside, raft's own on the inside.

use bolt::Image;
use raft::eraftpb::{Entry, Message, MessageType};

use crate::config::Release;
use crate::corrupt::PeerHash;
use crate::ids::{ClusterId, MemberId};
use crate::lease::{LeaseAnswer, LeaseCall};

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the first group has raft's names, the second is documented")]
pub enum MsgKind {
    Propose,
    Append,
    AppendResponse,
    RequestVote,
    RequestVoteResponse,
    RequestPreVote,
    RequestPreVoteResponse,
    Snapshot,
    Heartbeat,
    HeartbeatResponse,
    TransferLeader,
    TimeoutNow,
    ReadIndex,
    ReadIndexResponse,
    /// A keep-alive or time-to-live on its way to the leader (etcd: HTTP on the peer port).
    LeaseRequest,
    LeaseResponse,
    /// A promotion on its way to the leader.
    PromoteRequest,
    PromoteResponse,
    /// The leader asks for the hash of a member's history (etcd: HTTP on the peer port).
    HashRequest,
    HashResponse,
    /// The receiver does not speak with the sender: other cluster, or sender removed.
    Refusal,
}

/// A message between members.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Who sends it.
    pub from: MemberId,
    /// Who should get it.
    pub to: MemberId,
    /// The sender's cluster.
    pub cluster: ClusterId,
    /// The sender's release, as the header of etcd's requests between members tells it.
    pub release: Release,
    /// What kind it is.
    pub kind: MsgKind,
    /// The sender's term (0 for what carries none).
    pub term: u64,
    /// The index before its entries, or the one it speaks of.
    pub index: u64,
    /// The term of the entry at `index`.
    pub log_term: u64,
    /// The sender's commit index.
    pub commit: u64,
    /// How many entries it carries.
    pub entries: u32,
    /// Whether it says no.
    pub reject: bool,
    /// Its size on the wire.
    pub size_bytes: u64,
    pub(crate) body: Body,
}

/// What travels inside.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// A message of the raft core, with a number that tells a duplicate where that matters.
    Raft { message: Box<Message>, serial: Serial },
    /// The same with a whole database.
    Snapshot { message: Box<Message>, image: Image },
    /// A call to the leader.
    Call { token: u64, call: LeaseCall },
    /// Its answer.
    Answer { token: u64, answer: LeaseAnswer },
    /// A question for the hash up to a revision.
    HashCall { token: u64, revision: i64 },
    /// Its answer; none when the revision is compacted or not there yet.
    HashAnswer { token: u64, answer: Option<PeerHash> },
    /// The receiver does not listen.
    Refusal(Refusal),
}

/// Numbers forwarded proposals: a link may deliver one twice, a connection of etcd would not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Serial {
    /// The run of the sender.
    pub(crate) boot: u64,
    /// Counts up; 0 for messages that may arrive twice.
    pub(crate) number: u64,
}

/// Why a member does not listen to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The sender was removed from the cluster.
    Removed,
    /// The sender belongs to another cluster.
    OtherCluster,
}

/// The bytes of an entry on the wire, about.
pub(crate) fn entry_size(entry: &Entry) -> u64 {
    (entry.data.len() + entry.context.len()) as u64 + 12
}

/// The bytes of a message on the wire, about.
pub(crate) fn message_size(m: &Message) -> u64 {
    let entries: u64 = m.entries.iter().map(entry_size).sum();
    40 + m.context.len() as u64 + entries
}

impl MsgKind {
    pub(crate) fn of(kind: MessageType) -> Option<MsgKind> {
        Some(match kind {
            MessageType::MsgPropose => MsgKind::Propose,
            MessageType::MsgAppend => MsgKind::Append,
            MessageType::MsgAppendResponse => MsgKind::AppendResponse,
            MessageType::MsgRequestVote => MsgKind::RequestVote,
            MessageType::MsgRequestVoteResponse => MsgKind::RequestVoteResponse,
            MessageType::MsgRequestPreVote => MsgKind::RequestPreVote,
            MessageType::MsgRequestPreVoteResponse => MsgKind::RequestPreVoteResponse,
            MessageType::MsgSnapshot => MsgKind::Snapshot,
            MessageType::MsgHeartbeat => MsgKind::Heartbeat,
            MessageType::MsgHeartbeatResponse => MsgKind::HeartbeatResponse,
            MessageType::MsgTransferLeader => MsgKind::TransferLeader,
            MessageType::MsgTimeoutNow => MsgKind::TimeoutNow,
            MessageType::MsgReadIndex => MsgKind::ReadIndex,
            MessageType::MsgReadIndexResp => MsgKind::ReadIndexResponse,
            MessageType::MsgHup
            | MessageType::MsgBeat
            | MessageType::MsgUnreachable
            | MessageType::MsgSnapStatus
            | MessageType::MsgCheckQuorum => return None,
        })
    }

    /// Whether it answers another message.
    pub fn is_response(self) -> bool {
        matches!(
            self,
            MsgKind::AppendResponse
                | MsgKind::RequestVoteResponse
                | MsgKind::RequestPreVoteResponse
                | MsgKind::HeartbeatResponse
                | MsgKind::ReadIndexResponse
                | MsgKind::LeaseResponse
                | MsgKind::PromoteResponse
                | MsgKind::HashResponse
                | MsgKind::Refusal
        )
    }
}

impl Envelope {
    /// What the picture shows when somebody points at the message.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields =
            vec![("kind", format!("{:?}", self.kind)), ("term", self.term.to_string())];
        let numbers = [
            ("index", self.index),
            ("log term", self.log_term),
            ("commit", self.commit),
            ("entries", self.entries.into()),
        ];
        fields
            .extend(numbers.iter().filter(|(_, n)| *n > 0).map(|(name, n)| (*name, n.to_string())));
        if self.reject {
            fields.push(("reject", "true".to_owned()));
        }
        fields.push(("size", format!("{} B", self.size_bytes)));
        fields
    }
}
