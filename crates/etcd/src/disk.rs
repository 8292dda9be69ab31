//! What a member asks of its disk. Paths are relative to the data directory, `/` separated;
//! a path that begins with `/` (a `--wal-dir`) is taken as it is.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Reads of the disk, which only booting does: what runs keeps in memory what it needs.
pub trait DiskView {
    /// The names in a directory, sorted; empty when there is none.
    fn list(&self, dir: &str) -> Vec<String>;
    /// Length of a file, or none when it does not exist.
    fn len(&self, file: &str) -> Option<u64>;
    /// A part of a file; shorter at its end, none when the file does not exist.
    fn read(&self, file: &str, offset: u64, len: u64) -> Option<Bytes>;
    /// One page of 4096 bytes, shared if the disk can; none beyond the end of the file.
    fn page(&self, file: &str, pgid: u64) -> Option<Bytes>;
}

/// Names a batch of writes of one run of a member, counting up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WriteId(pub u64);

/// Which queue of the disk a batch goes through. Batches of one lane are done in order; the
/// log never waits for the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lane {
    /// The write-ahead log and what must be durable with it.
    Log,
    /// The database file.
    Database,
}

/// Operations done in order. The member hears `disk_done` once the last of them, normally a
/// sync, is done.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteBatch {
    /// What `disk_done` names.
    pub id: WriteId,
    /// The queue it goes through.
    pub lane: Lane,
    /// What to do.
    pub ops: Vec<DiskOp>,
}

/// One operation on the disk.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum DiskOp {
    /// Makes a directory and those above it; one that exists is fine.
    Mkdir { dir: String },
    /// Makes a file this long if it is not, without writing to it (sparse).
    Allocate { file: String, len_bytes: u64 },
    /// Writes bytes, making the file if needed.
    Write { file: String, offset: u64, bytes: Bytes },
    /// Writes runs of whole pages of 4096 bytes, each at its page number.
    Pages { file: String, pages: Vec<(u64, Bytes)> },
    /// Cuts a file.
    Truncate { file: String, len: u64 },
    /// Renames a file, replacing the target.
    Rename { from: String, to: String },
    /// Removes a file; one that is missing is fine.
    Remove { file: String },
    /// Makes a file's data durable, and with it its directory entry.
    Sync { file: String },
}

/// Why a batch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskError {
    /// ENOSPC.
    Full,
    /// EIO.
    Broken,
}

impl std::fmt::Display for DiskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DiskError::Full => "no space left on device",
            DiskError::Broken => "input/output error",
        })
    }
}
