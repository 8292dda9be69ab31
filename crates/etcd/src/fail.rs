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
    Unimplemented,
    WrongDowngradeVersion,
    InvalidDowngradeTarget,
    ClusterVersionUnavailable,
    DowngradeInProcess,
    NoInflightDowngrade,
    Auth(AuthFail),
    /// The same where 3.5 forgets to translate it for clients.
    Untranslated(AuthFail),
}

/// What the auth store refuses with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthFail {
    RootUserNotExist,
    RootRoleNotExist,
    UserAlreadyExist,
    UserEmpty,
    UserNotFound,
    RoleAlreadyExist,
    RoleNotFound,
    RoleEmpty,
    PermissionNotGiven,
    Failed,
    NoPasswordUser,
    PermissionDenied,
    RoleNotGranted,
    PermissionNotGranted,
    NotEnabled,
    OldRevision,
    InvalidToken,
    InvalidMgmt,
    PasswordTooLong,
}

impl AuthFail {
    /// What a client sees.
    fn text(self) -> &'static str {
        match self {
            AuthFail::RootUserNotExist => "etcdserver: root user does not exist",
            AuthFail::RootRoleNotExist => "etcdserver: root user does not have root role",
            AuthFail::UserAlreadyExist => "etcdserver: user name already exists",
            AuthFail::UserEmpty => "etcdserver: user name is empty",
            AuthFail::UserNotFound => "etcdserver: user name not found",
            AuthFail::RoleAlreadyExist => "etcdserver: role name already exists",
            AuthFail::RoleNotFound => "etcdserver: role name not found",
            AuthFail::RoleEmpty => "etcdserver: role name is empty",
            AuthFail::PermissionNotGiven => "etcdserver: permission not given",
            AuthFail::Failed => "etcdserver: authentication failed, invalid user ID or password",
            AuthFail::PermissionDenied => "etcdserver: permission denied",
            AuthFail::RoleNotGranted => "etcdserver: role is not granted to the user",
            AuthFail::PermissionNotGranted => "etcdserver: permission is not granted to the role",
            AuthFail::NotEnabled => "etcdserver: authentication is not enabled",
            AuthFail::OldRevision => "etcdserver: revision of auth store is old",
            AuthFail::InvalidToken => "etcdserver: invalid auth token",
            AuthFail::InvalidMgmt => "etcdserver: invalid auth management",
            // The server's table has no entry for these, so they show as they are.
            AuthFail::NoPasswordUser | AuthFail::PasswordTooLong => self.internal_text(),
        }
    }

    /// What the member's own log says.
    pub(crate) fn internal_text(self) -> &'static str {
        match self {
            AuthFail::RootUserNotExist => "auth: root user does not exist",
            AuthFail::RootRoleNotExist => "auth: root user does not have root role",
            AuthFail::UserAlreadyExist => "auth: user already exists",
            AuthFail::UserEmpty => "auth: user name is empty",
            AuthFail::UserNotFound => "auth: user not found",
            AuthFail::RoleAlreadyExist => "auth: role already exists",
            AuthFail::RoleNotFound => "auth: role not found",
            AuthFail::RoleEmpty => "auth: role name is empty",
            AuthFail::PermissionNotGiven => "auth: permission not given",
            AuthFail::Failed => "auth: authentication failed, invalid user ID or password",
            AuthFail::NoPasswordUser => {
                "auth: authentication failed, password was given for no password user"
            }
            AuthFail::PermissionDenied => "auth: permission denied",
            AuthFail::RoleNotGranted => "auth: role is not granted to the user",
            AuthFail::PermissionNotGranted => "auth: permission is not granted to the role",
            AuthFail::NotEnabled => "auth: authentication is not enabled",
            AuthFail::OldRevision => "auth: revision in header is old",
            AuthFail::InvalidToken => "auth: invalid auth token",
            AuthFail::InvalidMgmt => "auth: invalid auth management",
            AuthFail::PasswordTooLong => "bcrypt: password length exceeds 72 bytes",
        }
    }

    fn code(self) -> Code {
        match self {
            AuthFail::UserEmpty
            | AuthFail::RoleEmpty
            | AuthFail::Failed
            | AuthFail::PermissionNotGiven
            | AuthFail::InvalidMgmt
            | AuthFail::OldRevision => Code::InvalidArgument,
            AuthFail::PermissionDenied => Code::PermissionDenied,
            AuthFail::InvalidToken => Code::Unauthenticated,
            AuthFail::NoPasswordUser | AuthFail::PasswordTooLong => Code::Unknown,
            AuthFail::RootUserNotExist
            | AuthFail::RootRoleNotExist
            | AuthFail::UserAlreadyExist
            | AuthFail::UserNotFound
            | AuthFail::RoleAlreadyExist
            | AuthFail::RoleNotFound
            | AuthFail::RoleNotGranted
            | AuthFail::PermissionNotGranted
            | AuthFail::NotEnabled => Code::FailedPrecondition,
        }
    }
}

impl From<AuthFail> for Fail {
    fn from(fail: AuthFail) -> Fail {
        Fail::Auth(fail)
    }
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
            Fail::Unimplemented => "etcdserver: unknown method",
            Fail::WrongDowngradeVersion => "etcdserver: wrong downgrade target version format",
            Fail::InvalidDowngradeTarget => "etcdserver: invalid downgrade target version",
            Fail::ClusterVersionUnavailable => {
                "etcdserver: cluster version not found during downgrade"
            }
            Fail::DowngradeInProcess => "etcdserver: cluster has a downgrade job in progress",
            Fail::NoInflightDowngrade => "etcdserver: no inflight downgrade job",
            Fail::Auth(fail) => fail.text(),
            Fail::Untranslated(fail) => fail.internal_text(),
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
            | Fail::WrongDowngradeVersion
            | Fail::InvalidDowngradeTarget
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
            | Fail::DowngradeInProcess
            | Fail::NoInflightDowngrade
            | Fail::BadLeaderTransferee => Code::FailedPrecondition,
            Fail::LearnerUnsupported | Fail::ClusterVersionUnavailable if release.is_3_6() => {
                Code::FailedPrecondition
            }
            Fail::Auth(fail) => fail.code(),
            Fail::Untranslated(_) => Code::Unknown,
            Fail::UnhealthyCluster
            | Fail::NoLeader
            | Fail::LeaderChanged
            | Fail::Stopped
            | Fail::Timeout
            | Fail::LeaderLost
            | Fail::ConnectionLost
            | Fail::ClusterVersionUnavailable
            | Fail::LearnerUnsupported => Code::Unavailable,
            Fail::DeadlineExceeded => Code::DeadlineExceeded,
            Fail::Corrupt => Code::DataLoss,
            // These are missing from the server's translation table, so gRPC calls them unknown.
            Fail::LeaseNotPrimary
            | Fail::Unimplemented
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
