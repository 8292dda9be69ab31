//! What a client says to a member and what it hears back.
//!
//! One enum variant per gRPC method of etcd that the lab speaks. Unary calls get one
//! `Reply`; streams (watch, lease keep-alive, snapshot) get several, the last with `done`.

use crate::pb;

/// A gRPC status code, as far as etcd uses them. `Display` gives Go's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are gRPC's")]
pub enum Code {
    Canceled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    OutOfRange,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A failed call: the text is etcd's own, with its `etcdserver: ` prefix where etcd has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The code a client decides by whether to retry.
    pub code: Code,
    /// The description (`rpc error: code = {code} desc = {message}` is how Go prints both).
    pub message: String,
}

/// Names a call of one connection; chosen by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Names a client connection of a member; chosen by the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// A message of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The call it opens or continues.
    pub call: CallId,
    /// How long the client will wait, as gRPC's `grpc-timeout` header tells the server. None: for ever.
    pub timeout_us: Option<u64>,
    /// What `Op::Authenticate` answered, as gRPC metadata carries it; empty for none.
    pub token: String,
    /// What it asks.
    pub op: Op,
}

/// The methods.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of etcd's gRPC methods")]
pub enum Op {
    Range(pb::RangeRequest),
    Put(pb::PutRequest),
    DeleteRange(pb::DeleteRangeRequest),
    Txn(pb::TxnRequest),
    Compact(pb::CompactionRequest),
    LeaseGrant(pb::LeaseGrantRequest),
    LeaseRevoke(pb::LeaseRevokeRequest),
    /// Opens a keep-alive stream or, with the call of an open one, asks once more.
    LeaseKeepAlive(pb::LeaseKeepAliveRequest),
    LeaseTimeToLive(pb::LeaseTimeToLiveRequest),
    LeaseLeases,
    /// Opens a watch stream with `require_leader`, or adds a watcher to the call's open stream.
    WatchCreate {
        create: pb::WatchCreateRequest,
        require_leader: bool,
    },
    WatchCancel {
        watch_id: i64,
    },
    WatchProgress,
    MemberAdd(pb::MemberAddRequest),
    MemberRemove(pb::MemberRemoveRequest),
    MemberUpdate(pb::MemberUpdateRequest),
    MemberPromote(pb::MemberPromoteRequest),
    MemberList(pb::MemberListRequest),
    Alarm(pb::AlarmRequest),
    Status,
    HashKv(pb::HashKvRequest),
    Defragment,
    MoveLeader(pb::MoveLeaderRequest),
    Snapshot,
    /// The hash of the whole database, which no command of etcdctl asks for.
    Hash,
    Downgrade(pb::DowngradeRequest),
    AuthEnable,
    AuthDisable,
    AuthStatus,
    Authenticate(pb::AuthenticateRequest),
    UserAdd(pb::AuthUserAddRequest),
    UserGet(pb::AuthUserGetRequest),
    UserList,
    UserDelete(pb::AuthUserDeleteRequest),
    UserChangePassword(pb::AuthUserChangePasswordRequest),
    UserGrantRole(pb::AuthUserGrantRoleRequest),
    UserRevokeRole(pb::AuthUserRevokeRoleRequest),
    RoleAdd(pb::AuthRoleAddRequest),
    RoleGet(pb::AuthRoleGetRequest),
    RoleList,
    RoleDelete(pb::AuthRoleDeleteRequest),
    RoleGrantPermission(pb::AuthRoleGrantPermissionRequest),
    RoleRevokePermission(pb::AuthRoleRevokePermissionRequest),
    /// Not gRPC: a request over HTTP at the same port.
    Http(HttpAsk),
    /// The client gives the call up (its context ended).
    Cancel,
}

/// A message of the member to a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The connection it goes to.
    pub conn: ConnId,
    /// The call it answers.
    pub call: CallId,
    /// The answer.
    pub result: Result<Answer, Status>,
    /// True on the last message of the call.
    pub done: bool,
}

/// The answers, one per method with a body of its own.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of etcd's gRPC methods")]
pub enum Answer {
    Range(pb::RangeResponse),
    Put(pb::PutResponse),
    DeleteRange(pb::DeleteRangeResponse),
    Txn(pb::TxnResponse),
    Compact(pb::CompactionResponse),
    LeaseGrant(pb::LeaseGrantResponse),
    LeaseRevoke(pb::LeaseRevokeResponse),
    LeaseKeepAlive(pb::LeaseKeepAliveResponse),
    LeaseTimeToLive(pb::LeaseTimeToLiveResponse),
    LeaseLeases(pb::LeaseLeasesResponse),
    Watch(pb::WatchResponse),
    MemberAdd(pb::MemberAddResponse),
    /// List, remove, update, promote.
    Members(pb::MemberListResponse),
    Alarm(pb::AlarmResponse),
    Status(pb::StatusResponse),
    HashKv(pb::HashKvResponse),
    /// Defragment, move-leader, and what changes auth, users and roles: a header is all.
    Header(pb::HeaderResponse),
    Snapshot(pb::SnapshotResponse),
    Hash(pb::HashResponse),
    Downgrade(pb::DowngradeResponse),
    AuthStatus(pb::AuthStatusResponse),
    Authenticate(pb::AuthenticateResponse),
    UserGet(pb::AuthUserGetResponse),
    UserList(pb::AuthUserListResponse),
    RoleGet(pb::AuthRoleGetResponse),
    RoleList(pb::AuthRoleListResponse),
    Http(HttpAnswer),
}

/// What is asked over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAsk {
    /// `GET` and the like.
    pub method: String,
    /// Path and query.
    pub path: String,
}

/// What is answered over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// 200 and the like.
    pub status: u16,
    /// The header of this name.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}
