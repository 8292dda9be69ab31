//! One etcd member as a state machine.
//!
//! A [`Member`] is told what happens (a tick, a message of a peer, a request of a client, a
//! write that reached the disk) and answers with an [`Output`]: what to send, what to write,
//! what to tell its clients. It knows no network, no clock and no randomness of its own, so
//! the same calls give the same bytes everywhere.
//!
//! Not here: keys and revisions (`mvcc`), the file format (`bolt`), hosts and faults (`sim`).

mod apply;
mod auth;
mod boot;
mod cluster;
mod compactor;
mod confchange;
pub mod config;
mod corrupt;
mod danger;
pub mod disk;
mod downgrade;
pub mod envelope;
pub mod fact;
mod fail;
mod http;
pub mod ids;
mod lease;
pub mod log;
mod maintenance;
pub mod member;
mod membership;
mod node;
mod observe;
pub mod pb;
mod peer;
mod persist;
mod propose;
mod read;
pub mod restore;
pub mod rpc;
mod serve;
pub mod snapfile;
mod snapshot;
pub mod status;
mod storage;
#[cfg(test)]
mod tests;
mod version;
pub mod wal;
mod watch;

pub use cluster::stored_members;
pub use compactor::AutoCompaction;
pub use config::{Config, InitialState, PeerCluster, Release, TlsFiles};
pub use corrupt::PeerHash;
pub use disk::{DiskError, DiskOp, DiskView, Lane, WriteBatch, WriteId};
pub use envelope::{Envelope, MsgKind};
pub use fact::{Change, Fact, RequestKey, Why};
pub use ids::{ClusterId, MemberId};
pub use log::{Level, LogLine};
pub use member::{BootError, Member, Now, Output};
pub use mvcc::Revision;
pub use status::{EntryInfo, MemberInfo, MemberStatus, PeerProgress, Role, Timer};
