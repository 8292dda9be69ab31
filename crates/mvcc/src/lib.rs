//! etcd's key-value store: revisions, index, ranges, transactions, compaction, hashes, leases and
//! watches over one file of the bbolt format.
//!
//! It knows nothing of raft, has no clock (whoever needs the time passes it, in microseconds) and
//! does no I/O: a commit hands out the pages to write. The start is [`Store`].
//!
//! * `store.rs`: the store, opening, the other buckets, commits.
//! * `range.rs`, `write.rs`, `txn.rs`: what reads and writes do. `validate.rs`: what the gRPC layer
//!   refuses before a request reaches the store.
//! * `compact.rs`, `hash.rs`: compaction in steps, HashKV.
//! * `lease.rs`, `watch.rs`, `group.rs`: the lessor and the watch hub.
//! * `index.rs`, `backend.rs`, `record.rs`: key to revisions; revision to record; its bytes.

mod backend;
mod compact;
mod error;
mod group;
mod hash;
mod index;
mod lease;
pub mod pb;
mod range;
mod record;
mod revision;
mod store;
mod txn;
mod validate;
mod watch;
mod write;

pub use error::Error;
pub use hash::KvHash;
pub use lease::{LeaseInfo, MAX_LEASE_TTL_S, Renewal};
pub use revision::Revision;
pub use store::{BUCKETS, Store};
pub use txn::{is_txn_readonly, is_txn_serializable};
pub use validate::{validate_delete, validate_put, validate_range, validate_txn};
pub use watch::{PROGRESS_ALL, STREAM_BUFFER, StreamId, WatchBatch, WatcherId};
