//! Calls: their gRPC names, which may be repeated, how large they are, and how they fail.

use etcd::rpc::{Code, Op, Status};
use prost::Message as _;

/// The method behind an operation, and whether the client library calls it repeatable: only
/// those are tried again after they reached a server.
pub(super) fn method_of(op: &Op) -> (&'static str, bool) {
    match op {
        Op::Range(_) => ("KV/Range", true),
        Op::Put(_) => ("KV/Put", false),
        Op::DeleteRange(_) => ("KV/DeleteRange", false),
        Op::Txn(_) => ("KV/Txn", false),
        Op::Compact(_) => ("KV/Compact", false),
        Op::LeaseGrant(_) => ("Lease/LeaseGrant", true),
        Op::LeaseRevoke(_) => ("Lease/LeaseRevoke", true),
        Op::LeaseKeepAlive(_) => ("Lease/LeaseKeepAlive", true),
        Op::LeaseTimeToLive(_) => ("Lease/LeaseTimeToLive", true),
        Op::LeaseLeases => ("Lease/LeaseLeases", true),
        Op::WatchCreate { .. }
        | Op::WatchCancel { .. }
        | Op::WatchProgress
        | Op::Http(_)
        | Op::Cancel => ("Watch/Watch", false),
        Op::MemberAdd(_) => ("Cluster/MemberAdd", false),
        Op::MemberRemove(_) => ("Cluster/MemberRemove", false),
        Op::MemberUpdate(_) => ("Cluster/MemberUpdate", false),
        Op::MemberPromote(_) => ("Cluster/MemberPromote", false),
        Op::MemberList(_) => ("Cluster/MemberList", true),
        Op::Alarm(_) => ("Maintenance/Alarm", true),
        Op::Status => ("Maintenance/Status", true),
        Op::HashKv(_) => ("Maintenance/HashKV", true),
        Op::Defragment => ("Maintenance/Defragment", false),
        Op::MoveLeader(_) => ("Maintenance/MoveLeader", true),
        Op::Snapshot => ("Maintenance/Snapshot", true),
        Op::Hash => ("Maintenance/Hash", true),
        Op::Downgrade(_) => ("Maintenance/Downgrade", false),
        Op::AuthEnable => ("Auth/AuthEnable", false),
        Op::AuthDisable => ("Auth/AuthDisable", false),
        Op::AuthStatus => ("Auth/AuthStatus", false),
        Op::Authenticate(_) => ("Auth/Authenticate", false),
        Op::UserAdd(_) => ("Auth/UserAdd", false),
        Op::UserGet(_) => ("Auth/UserGet", true),
        Op::UserList => ("Auth/UserList", true),
        Op::UserDelete(_) => ("Auth/UserDelete", false),
        Op::UserChangePassword(_) => ("Auth/UserChangePassword", false),
        Op::UserGrantRole(_) => ("Auth/UserGrantRole", false),
        Op::UserRevokeRole(_) => ("Auth/UserRevokeRole", false),
        Op::RoleAdd(_) => ("Auth/RoleAdd", false),
        Op::RoleGet(_) => ("Auth/RoleGet", true),
        Op::RoleList => ("Auth/RoleList", true),
        Op::RoleDelete(_) => ("Auth/RoleDelete", false),
        Op::RoleGrantPermission(_) => ("Auth/RoleGrantPermission", false),
        Op::RoleRevokePermission(_) => ("Auth/RoleRevokePermission", false),
    }
}

/// Bytes of the request on the wire. Only those that carry values can be too large.
pub(super) fn encoded_len(op: &Op) -> u64 {
    let len = match op {
        Op::Put(request) => request.encoded_len(),
        Op::Txn(request) => request.encoded_len(),
        Op::Range(request) => request.encoded_len(),
        Op::DeleteRange(request) => request.encoded_len(),
        _ => 0,
    };
    u64::try_from(len).expect("a length fits 64 bits")
}

/// A call that failed for good. `Display` is what `Error: ` is followed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the last attempt came to.
    pub status: Status,
    /// Whether the client's own deadline had passed.
    pub timed_out: bool,
}

impl Failure {
    pub(super) fn deadline() -> Failure {
        let message = "context deadline exceeded".to_owned();
        let status = Status { code: Code::DeadlineExceeded, message };
        Failure { status, timed_out: true }
    }

    /// As gRPC words it, where the library does not reword it.
    pub fn raw(&self) -> String {
        let Status { code, message } = &self.status;
        format!("rpc error: code = {code} desc = {message}")
    }

    /// Whether trying again makes no sense (`isHaltErr`).
    pub fn halts(&self) -> bool {
        self.status.code != Code::Unavailable
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure { status, timed_out: false }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Status { code, message } = &self.status;
        if self.timed_out {
            f.write_str("context deadline exceeded")
        } else if message.starts_with("etcdserver: ") {
            // The library knows etcd's own errors and shows them bare.
            f.write_str(message)
        } else {
            write!(f, "rpc error: code = {code} desc = {message}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_etcd_are_shown_bare() {
        let show = |code, message: &str| {
            Failure::from(Status { code, message: message.to_owned() }).to_string()
        };
        assert_eq!(
            show(Code::InvalidArgument, "etcdserver: key is not provided"),
            "etcdserver: key is not provided"
        );
        assert_eq!(
            show(Code::ResourceExhausted, "trying to send"),
            "rpc error: code = ResourceExhausted desc = trying to send"
        );
        assert_eq!(Failure::deadline().to_string(), "context deadline exceeded");
    }
}
