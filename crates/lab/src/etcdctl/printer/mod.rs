//! What an answer looks like: the formats of `-w`, one file each. Answers in, text out.

mod fields;
mod json;
mod protobuf;
mod rows;
mod simple;

use etcd::pb;

use super::exit::{BAD_FEATURE, Exit};
use super::tables;

/// The format asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines to read.
    Simple,
    /// One `"Name" : value` a line.
    Fields,
    /// Go's JSON of the answer.
    Json,
    /// A table, where there is one.
    Table,
    /// The answer's own bytes.
    Protobuf,
}

/// One endpoint of `endpoint health`.
#[derive(Clone, Debug)]
pub struct Health {
    /// As it was given.
    pub endpoint: String,
    /// How long the probe took, as Go prints it; empty if there was none.
    pub took: String,
    /// Empty if it is healthy.
    pub error: String,
}

/// A watch answer as the client library hands it on.
#[derive(Clone, Debug, Default)]
pub struct WatchView {
    /// The header; all zero where the library made the answer up.
    pub header: pb::ResponseHeader,
    /// None stands for Go's nil list.
    pub events: Option<Vec<pb::Event>>,
    /// The compacted revision that ended the watch.
    pub compact_revision: i64,
    /// Whether the watch is over.
    pub canceled: bool,
    /// Whether it just began.
    pub created: bool,
}

/// What a command has to show.
pub enum Shown {
    /// `put`.
    Put(pb::PutResponse),
    /// `get`, and whether keys are left out.
    Get(pb::RangeResponse, bool),
    /// `del`.
    Del(pb::DeleteRangeResponse),
    /// `txn`.
    Txn(pb::TxnResponse),
    /// One answer of `watch`.
    Watch(WatchView),
    /// `lease grant`.
    Grant(pb::LeaseGrantResponse),
    /// `lease revoke` of an id.
    Revoke(i64, pb::LeaseRevokeResponse),
    /// One answer of `lease keep-alive`.
    KeepAlive(pb::LeaseKeepAliveResponse),
    /// `lease timetolive`, and whether keys were asked for.
    TimeToLive(pb::LeaseTimeToLiveResponse, bool),
    /// `lease list`.
    Leases(pb::LeaseLeasesResponse),
    /// `member add`.
    MemberAdd(pb::MemberAddResponse),
    /// `member remove`, `update` or `promote` of an id, with what was done to it.
    MemberChange(u64, &'static str, pb::MemberListResponse),
    /// `member list`.
    Members(pb::MemberListResponse),
    /// `endpoint health`.
    Health(Vec<Health>),
    /// `endpoint status`.
    Status(Vec<(String, pb::StatusResponse)>),
    /// `endpoint hashkv`.
    HashKv(Vec<(String, pb::HashKvResponse)>),
    /// `move-leader` from one to another.
    MoveLeader(u64, u64, pb::HeaderResponse),
    /// What is said of a change of users or roles, and its answer.
    Done(String, pb::HeaderResponse),
    /// `auth status`.
    AuthStatus(pb::AuthStatusResponse),
    /// `user get` of a name.
    User(String, pb::AuthUserGetResponse),
    /// `user list`.
    Users(pb::AuthUserListResponse),
    /// `role get` of a name.
    Role(String, pb::AuthRoleGetResponse),
    /// `role list`.
    Roles(pb::AuthRoleListResponse),
    /// `downgrade`, with what was done.
    Downgrade(&'static str, pb::DowngradeResponse),
    /// `alarm list` and `alarm disarm`. Without a header where the library makes the answer.
    Alarm(pb::AlarmResponse),
}

/// What goes to the two streams.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: Vec<u8>,
}

/// A format with what bends it.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    /// The format.
    pub format: Format,
    /// `--hex`.
    pub hex: bool,
    /// Whether it is 3.6's.
    pub is_3_6: bool,
}

impl Printer {
    /// The printer of a `--write-out` value.
    pub fn named(name: &str, hex: bool, is_3_6: bool) -> Option<Printer> {
        let format = match name {
            "simple" => Format::Simple,
            "fields" => Format::Fields,
            "json" => Format::Json,
            "table" => Format::Table,
            "protobuf" => Format::Protobuf,
            _ => return None,
        };
        Some(Printer { format, hex, is_3_6 })
    }

    /// The text of an answer, or the complaint that the format has none for it.
    pub fn text(&self, shown: &Shown) -> Result<Text, Exit> {
        let out = match self.format {
            Format::Simple => return Ok(simple::text(self, shown)),
            Format::Fields => fields::text(self, shown),
            Format::Json => json::text(self, shown),
            Format::Table => rows::of(self, shown)
                .map(|(header, rows)| tables::draw(&header, &rows).into_bytes()),
            Format::Protobuf => protobuf::bytes(shown),
        };
        let name = match self.format {
            Format::Simple => "simple",
            Format::Fields => "fields",
            Format::Json => "json",
            Format::Table => "table",
            Format::Protobuf => "protobuf",
        };
        let complaint = || Exit::new(BAD_FEATURE, format!("{name} not supported as output format"));
        Ok(Text { out: out.ok_or_else(complaint)?, err: Vec::new() })
    }
}

#[cfg(test)]
mod tests;
