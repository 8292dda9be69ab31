//! A message between members: readable on the outside, raft's own on the inside.

use raft::eraftpb::{Message, MessageType};

use crate::ids::{ClusterId, MemberId};

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
    Raft(Box<Message>),
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
