//! What the store refuses, in etcd's words.

use std::fmt;

/// Why the store refused. `Display` is etcd's own text (3.6), with its prefix where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The revision asked for is below the compacted one.
    Compacted,
    /// The revision asked for does not exist yet.
    FutureRevision,
    /// No lease of that id.
    LeaseNotFound,
    /// A grant named an id in use.
    LeaseExists,
    /// A grant asked for more than [`crate::MAX_LEASE_TTL_S`].
    LeaseTtlTooLarge,
    /// Only the leader's lessor renews.
    NotPrimary,
    /// `ignore_value` or `ignore_lease` on a key that does not exist, or an empty operation.
    KeyNotFound,
    /// A request without a key.
    EmptyKey,
    /// `ignore_value` together with a value.
    ValueProvided,
    /// `ignore_lease` together with a lease.
    LeaseProvided,
    /// More operations than a transaction may have.
    TooManyOps,
    /// A transaction would change one key twice.
    DuplicateKey,
    /// A sort order or target that does not exist.
    InvalidSortOption,
    /// A watch on a range that ends before it starts.
    EmptyWatchRange,
    /// A watch id chosen by the client is in use on its stream.
    DuplicateWatchId,
    /// A cancel named a watcher that does not exist.
    WatcherNotFound,
    /// The file is a bbolt file, but not one that etcd wrote: what is wrong with it.
    Corrupt(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Error::Compacted => "etcdserver: mvcc: required revision has been compacted",
            Error::FutureRevision => "etcdserver: mvcc: required revision is a future revision",
            Error::LeaseNotFound => "etcdserver: requested lease not found",
            Error::LeaseExists => "etcdserver: lease already exists",
            Error::LeaseTtlTooLarge => "etcdserver: too large lease TTL",
            Error::NotPrimary => "not a primary lessor",
            Error::KeyNotFound => "etcdserver: key not found",
            Error::EmptyKey => "etcdserver: key is not provided",
            Error::ValueProvided => "etcdserver: value is provided",
            Error::LeaseProvided => "etcdserver: lease is provided",
            Error::TooManyOps => "etcdserver: too many operations in txn request",
            Error::DuplicateKey => "etcdserver: duplicate key given in txn request",
            Error::InvalidSortOption => "etcdserver: invalid sort option",
            Error::EmptyWatchRange => "mvcc: watcher range is empty",
            Error::DuplicateWatchId => "mvcc: duplicate watch ID provided on the WatchStream",
            Error::WatcherNotFound => "mvcc: watcher does not exist",
            Error::Corrupt(what) => what,
        };
        f.write_str(text)
    }
}

impl std::error::Error for Error {}
