//! Why a request failed: etcd's errors with the code and the text its clients see.

use crate::config::Release;
use crate::rpc::{Code, Status};

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fail {
    EmptyKey,
    ValueProvided,
    LeaseProvided,
    TooManyOps,
    DuplicateKey,
    InvalidSortOption,
    KeyNotFound,
    Compacted,
    FutureRevision,
    NoSpace,
    LeaseNotFound,
    LeaseExists,
    LeaseTtlTooLarge,
    LeaseNotPrimary,
    MemberNotFound,
    MemberIdExists,
    MemberIdRemoved,
    PeerUrlExists,
    BadMemberUrls,
    NotEnoughStarted,
    NotLearner,
    LearnerNotReady,
    TooManyLearners,
    UnhealthyCluster,
    RequestTooLarge,
    TooManyRequests,
    NoLeader,
    NotLeader,
    LeaderChanged,
    BadLeaderTransferee,
    Stopped,
    Timeout,
    LeaderLost,
    ConnectionLost,
    TransferTooSlow,
    /// The client's own time was up before the server's.
    DeadlineExceeded,
    ProposalDropped,
    LearnerUnsupported,
    Corrupt,
}

impl Fail {
    fn text(&self) -> &'static str {
        match self {
            Fail::EmptyKey => "etcdserver: key is not provided",
            Fail::ValueProvided => "etcdserver: value is provided",
            Fail::LeaseProvided => "etcdserver: lease is provided",
            Fail::TooManyOps => "etcdserver: too many operations in txn request",
            Fail::DuplicateKey => "etcdserver: duplicate key given in txn request",
            Fail::InvalidSortOption => "etcdserver: invalid sort option",
            Fail::KeyNotFound => "etcdserver: key not found",
            Fail::Compacted => "etcdserver: mvcc: required revision has been compacted",
            Fail::FutureRevision => "etcdserver: mvcc: required revision is a future revision",
            Fail::NoSpace => "etcdserver: mvcc: database space exceeded",
            Fail::LeaseNotFound => "etcdserver: requested lease not found",
            Fail::LeaseExists => "etcdserver: lease already exists",
            Fail::LeaseTtlTooLarge => "etcdserver: too large lease TTL",
            Fail::LeaseNotPrimary => "not a primary lessor",
            Fail::MemberNotFound => "etcdserver: member not found",
            Fail::MemberIdExists => "etcdserver: member ID already exist",
            // A removed id is told like one that never was.
            Fail::MemberIdRemoved => "etcdserver: member not found",
            Fail::PeerUrlExists => "etcdserver: Peer URLs already exists",
            Fail::BadMemberUrls => "etcdserver: given member URLs are invalid",
            Fail::NotEnoughStarted => {
                "etcdserver: re-configuration failed due to not enough started members"
            }
            Fail::NotLearner => "etcdserver: can only promote a learner member",
            Fail::LearnerNotReady => {
                "etcdserver: can only promote a learner member which is in sync with leader"
            }
            Fail::TooManyLearners => "etcdserver: too many learner members in cluster",
            Fail::UnhealthyCluster => "etcdserver: unhealthy cluster",
            Fail::RequestTooLarge => "etcdserver: request is too large",
            Fail::TooManyRequests => "etcdserver: too many requests",
            Fail::NoLeader => "etcdserver: no leader",
            Fail::NotLeader => "etcdserver: not leader",
            Fail::LeaderChanged => "etcdserver: leader changed",
            Fail::BadLeaderTransferee => "etcdserver: bad leader transferee",
            Fail::Stopped => "etcdserver: server stopped",
            Fail::Timeout => "etcdserver: request timed out",
            Fail::LeaderLost => {
                "etcdserver: request timed out, possibly due to previous leader failure"
            }
            Fail::ConnectionLost => {
                "etcdserver: request timed out, possibly due to connection lost"
            }
            Fail::TransferTooSlow => "etcdserver: request timed out, leader transfer took too long",
            Fail::DeadlineExceeded => "context deadline exceeded",
            Fail::ProposalDropped => "raft proposal dropped",
            Fail::LearnerUnsupported => "etcdserver: rpc not supported for learner",
            Fail::Corrupt => "etcdserver: corrupt cluster",
        }
    }

    fn code(&self, release: Release) -> Code {
        match self {
            Fail::EmptyKey
            | Fail::ValueProvided
            | Fail::LeaseProvided
            | Fail::TooManyOps
            | Fail::DuplicateKey
            | Fail::InvalidSortOption
            | Fail::KeyNotFound
            | Fail::BadMemberUrls
            | Fail::RequestTooLarge => Code::InvalidArgument,
            Fail::Compacted | Fail::FutureRevision | Fail::LeaseTtlTooLarge => Code::OutOfRange,
            Fail::NoSpace | Fail::TooManyRequests => Code::ResourceExhausted,
            Fail::LeaseNotFound | Fail::MemberNotFound | Fail::MemberIdRemoved => Code::NotFound,
            Fail::LeaseExists
            | Fail::MemberIdExists
            | Fail::PeerUrlExists
            | Fail::NotLearner
            | Fail::LearnerNotReady
            | Fail::TooManyLearners
            | Fail::NotLeader
            | Fail::BadLeaderTransferee => Code::FailedPrecondition,
            Fail::LearnerUnsupported if release.is_3_6() => Code::FailedPrecondition,
            Fail::UnhealthyCluster
            | Fail::NoLeader
            | Fail::LeaderChanged
            | Fail::Stopped
            | Fail::Timeout
            | Fail::LeaderLost
            | Fail::ConnectionLost
            | Fail::LearnerUnsupported => Code::Unavailable,
            Fail::DeadlineExceeded => Code::DeadlineExceeded,
            Fail::Corrupt => Code::DataLoss,
            // These are missing from the server's translation table, so gRPC calls them unknown.
            Fail::LeaseNotPrimary
            | Fail::NotEnoughStarted
            | Fail::TransferTooSlow
            | Fail::ProposalDropped => Code::Unknown,
        }
    }

    pub(crate) fn status(&self, release: Release) -> Status {
        Status { code: self.code(release), message: self.text().to_owned() }
    }
}

impl std::fmt::Display for Fail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl From<mvcc::Error> for Fail {
    fn from(error: mvcc::Error) -> Fail {
        match error {
            mvcc::Error::Compacted => Fail::Compacted,
            mvcc::Error::FutureRevision => Fail::FutureRevision,
            mvcc::Error::LeaseNotFound => Fail::LeaseNotFound,
            mvcc::Error::KeyNotFound => Fail::KeyNotFound,
            mvcc::Error::LeaseExists => Fail::LeaseExists,
            mvcc::Error::LeaseTtlTooLarge => Fail::LeaseTtlTooLarge,
            mvcc::Error::NotPrimary => Fail::LeaseNotPrimary,
            mvcc::Error::EmptyKey => Fail::EmptyKey,
            mvcc::Error::ValueProvided => Fail::ValueProvided,
            mvcc::Error::LeaseProvided => Fail::LeaseProvided,
            mvcc::Error::TooManyOps => Fail::TooManyOps,
            mvcc::Error::DuplicateKey => Fail::DuplicateKey,
            mvcc::Error::InvalidSortOption => Fail::InvalidSortOption,
            mvcc::Error::EmptyWatchRange
            | mvcc::Error::DuplicateWatchId
            | mvcc::Error::WatcherNotFound
            | mvcc::Error::Corrupt(_) => Fail::Corrupt,
        }
    }
}
