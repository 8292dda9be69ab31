//! What travels on a client connection: typed values, as gRPC's frames would carry them.

use etcd::pb::{RangeResponse, ResponseOp, TxnResponse};
use etcd::rpc::{Answer, CallId, Op, Request, Status};

use bytes::Bytes;

use crate::net::http::Http;
use crate::net::len_of;
use crate::net::tls::TlsMessage;

/// A message on a client connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Packet {
    /// A client asks.
    Rpc(Request),
    /// A member answers.
    Reply {
        /// The call it answers.
        call: CallId,
        /// The answer.
        result: Result<Answer, Status>,
        /// True on the last message of the call.
        done: bool,
    },
    /// HTTP, either way.
    Http(Http),
    /// The handshake of TLS, either way.
    Tls(TlsMessage),
    /// Anything else that programs say to each other.
    Bytes(Bytes),
}

/// Frame, headers and small fields of a message: enough for a simulation of bandwidth.
const OVERHEAD_BYTES: u64 = 64;

impl Packet {
    /// About how many bytes it takes on the wire.
    pub fn size_bytes(&self) -> u64 {
        OVERHEAD_BYTES
            + match self {
                Packet::Rpc(request) => op_bytes(&request.op),
                Packet::Reply { result: Ok(answer), .. } => answer_bytes(answer),
                Packet::Reply { result: Err(_), .. } => 0,
                Packet::Http(http) => http.size_bytes(),
                Packet::Tls(message) => message.size_bytes(),
                Packet::Bytes(bytes) => len_of(bytes),
            }
    }
}

/// The gRPC method of a request.
pub(crate) fn op_name(op: &Op) -> &'static str {
    match op {
        Op::Range(_) => "Range",
        Op::Put(_) => "Put",
        Op::DeleteRange(_) => "DeleteRange",
        Op::Txn(_) => "Txn",
        Op::Compact(_) => "Compact",
        Op::LeaseGrant(_) => "LeaseGrant",
        Op::LeaseRevoke(_) => "LeaseRevoke",
        Op::LeaseKeepAlive(_) => "LeaseKeepAlive",
        Op::LeaseTimeToLive(_) => "LeaseTimeToLive",
        Op::LeaseLeases => "LeaseLeases",
        Op::WatchCreate { .. } | Op::WatchCancel { .. } | Op::WatchProgress => "Watch",
        Op::MemberAdd(_) => "MemberAdd",
        Op::MemberRemove(_) => "MemberRemove",
        Op::MemberUpdate(_) => "MemberUpdate",
        Op::MemberPromote(_) => "MemberPromote",
        Op::MemberList(_) => "MemberList",
        Op::Alarm(_) => "Alarm",
        Op::Status => "Status",
        Op::HashKv(_) => "HashKV",
        Op::Defragment => "Defragment",
        Op::MoveLeader(_) => "MoveLeader",
        Op::Snapshot => "Snapshot",
        Op::Hash => "Hash",
        Op::Downgrade(_) => "Downgrade",
        Op::AuthEnable => "AuthEnable",
        Op::AuthDisable => "AuthDisable",
        Op::AuthStatus => "AuthStatus",
        Op::Authenticate(_) => "Authenticate",
        Op::UserAdd(_) => "UserAdd",
        Op::UserGet(_) => "UserGet",
        Op::UserList => "UserList",
        Op::UserDelete(_) => "UserDelete",
        Op::UserChangePassword(_) => "UserChangePassword",
        Op::UserGrantRole(_) => "UserGrantRole",
        Op::UserRevokeRole(_) => "UserRevokeRole",
        Op::RoleAdd(_) => "RoleAdd",
        Op::RoleGet(_) => "RoleGet",
        Op::RoleList => "RoleList",
        Op::RoleDelete(_) => "RoleDelete",
        Op::RoleGrantPermission(_) => "RoleGrantPermission",
        Op::RoleRevokePermission(_) => "RoleRevokePermission",
        Op::Http(_) => "HTTP",
        Op::Cancel => "cancel",
    }
}

/// The gRPC method of an answer.
pub(crate) fn answer_name(answer: &Answer) -> &'static str {
    match answer {
        Answer::Range(_) => "Range",
        Answer::Put(_) => "Put",
        Answer::DeleteRange(_) => "DeleteRange",
        Answer::Txn(_) => "Txn",
        Answer::Compact(_) => "Compact",
        Answer::LeaseGrant(_) => "LeaseGrant",
        Answer::LeaseRevoke(_) => "LeaseRevoke",
        Answer::LeaseKeepAlive(_) => "LeaseKeepAlive",
        Answer::LeaseTimeToLive(_) => "LeaseTimeToLive",
        Answer::LeaseLeases(_) => "LeaseLeases",
        Answer::Watch(_) => "Watch",
        Answer::MemberAdd(_) => "MemberAdd",
        Answer::Members(_) => "MemberList",
        Answer::Alarm(_) => "Alarm",
        Answer::Status(_) => "Status",
        Answer::HashKv(_) => "HashKV",
        Answer::Header(_) => "done",
        Answer::Snapshot(_) => "Snapshot",
        Answer::Hash(_) => "Hash",
        Answer::Downgrade(_) => "Downgrade",
        Answer::AuthStatus(_) => "AuthStatus",
        Answer::Authenticate(_) => "Authenticate",
        Answer::UserGet(_) => "UserGet",
        Answer::UserList(_) => "UserList",
        Answer::RoleGet(_) => "RoleGet",
        Answer::RoleList(_) => "RoleList",
        Answer::Http(_) => "HTTP",
    }
}

fn op_bytes(op: &Op) -> u64 {
    match op {
        Op::Put(put) => len_of(&put.key) + len_of(&put.value),
        Op::Txn(txn) => prost_len(txn),
        _ => 0,
    }
}

fn answer_bytes(answer: &Answer) -> u64 {
    match answer {
        Answer::Range(range) => range_bytes(range),
        Answer::Txn(txn) => txn_bytes(txn),
        Answer::Watch(watch) => prost_len(watch),
        Answer::Snapshot(part) => len_of(&part.blob),
        _ => 0,
    }
}

fn range_bytes(range: &RangeResponse) -> u64 {
    range.kvs.iter().map(|kv| OVERHEAD_BYTES / 2 + len_of(&kv.key) + len_of(&kv.value)).sum()
}

fn txn_bytes(txn: &TxnResponse) -> u64 {
    txn.responses.iter().map(|op: &ResponseOp| prost_len(op)).sum()
}

fn prost_len(message: &impl prost::Message) -> u64 {
    u64::try_from(message.encoded_len()).expect("a length fits 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use etcd::pb;

    #[test]
    fn values_count() {
        let put = |value: &'static [u8]| {
            let put = pb::PutRequest {
                key: Bytes::from_static(b"k"),
                value: Bytes::from_static(value),
                ..Default::default()
            };
            Packet::Rpc(Request {
                call: CallId(1),
                timeout_us: None,
                token: String::new(),
                op: Op::Put(put),
            })
        };
        assert_eq!(put(b"four").size_bytes() - put(b"").size_bytes(), 4);
    }
}
