//! `-w protobuf`: the answer's own bytes.

use etcd::pb::{self, ResponseHeader};
use prost::Message as _;

use super::Shown;

/// The bytes, or none for what the client library makes itself.
pub(super) fn bytes(shown: &Shown) -> Option<Vec<u8>> {
    // Go finds the header's Marshal on the structs that embed it: these print only that.
    let embedded =
        |header: &Option<ResponseHeader>| Some(header.clone().unwrap_or_default().encode_to_vec());
    match shown {
        Shown::Put(answer) => Some(answer.encode_to_vec()),
        Shown::Get(answer, _) => Some(answer.encode_to_vec()),
        Shown::Del(answer) => Some(answer.encode_to_vec()),
        Shown::Txn(answer) => Some(answer.encode_to_vec()),
        Shown::Watch(view) => {
            let answer = pb::WatchResponse {
                header: Some(view.header.clone()),
                created: view.created,
                canceled: view.canceled,
                compact_revision: view.compact_revision,
                events: view.events.clone().unwrap_or_default(),
                ..pb::WatchResponse::default()
            };
            Some(answer.encode_to_vec())
        }
        Shown::Grant(answer) => embedded(&answer.header),
        Shown::KeepAlive(answer) => embedded(&answer.header),
        Shown::TimeToLive(answer, _) => embedded(&answer.header),
        Shown::Leases(answer) => embedded(&answer.header),
        Shown::Revoke(_, answer) => Some(answer.encode_to_vec()),
        Shown::MemberAdd(answer) => Some(answer.encode_to_vec()),
        Shown::MemberChange(_, _, answer) | Shown::Members(answer) => Some(answer.encode_to_vec()),
        Shown::MoveLeader(_, _, answer) => Some(answer.encode_to_vec()),
        Shown::Alarm(answer) => Some(answer.encode_to_vec()),
        Shown::Done(_, answer) => Some(answer.encode_to_vec()),
        Shown::AuthStatus(answer) => Some(answer.encode_to_vec()),
        Shown::User(_, answer) => Some(answer.encode_to_vec()),
        Shown::Users(answer) => Some(answer.encode_to_vec()),
        Shown::Role(_, answer) => Some(answer.encode_to_vec()),
        Shown::Roles(answer) => Some(answer.encode_to_vec()),
        Shown::Downgrade(_, answer) => Some(answer.encode_to_vec()),
        Shown::Health(_) | Shown::Status(_) | Shown::HashKv(_) => None,
    }
}
