//! The write-ahead log in etcd's file format.
//!
//! A [`Wal`] turns entries, hard states and snapshot marks into bytes to append, and says so as
//! [`DiskOp`]s; it keeps no entries. Reading happens once, in [`Wal::open`].
//!
//! Files are called `<sequence>-<first index>.wal` (16 hex digits each) and preallocated to
//! 64 MB. Each begins with the checksum so far, the ids of member and cluster, and the last hard
//! state. The file to come next lies ready as `0.tmp` or `1.tmp` and gets its name by a rename
//! once its head is durable, so a crash never leaves half a file.

mod decode;
mod record;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use raft::eraftpb::{Entry, HardState, SnapshotMetadata};

use crate::disk::DiskOp;
pub use decode::{Repaired, Replay, valid_snapshots};
use record::Encoder;
pub(crate) use record::{conf_state, put_len, put_uint};

/// A file is cut once it has grown beyond this.
pub const SEGMENT_BYTES: u64 = 64 * 1000 * 1000;

/// So many files are kept even when nothing needs them any more.
pub const FILES_KEPT: usize = 5;

/// The ids at the head of every file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The member the log belongs to.
    pub node_id: u64,
    /// Its cluster.
    pub cluster_id: u64,
}

/// Why a log cannot be read. Displayed in etcd's words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the numbers printed by Display")]
pub enum WalError {
    /// The directory holds no log file.
    FileNotFound,
    /// No file begins at or before the snapshot.
    NoFileForSnapshot { index: u64 },
    /// A file is missing between two others.
    SequenceGap { from: usize },
    /// A record's bytes are not those written.
    CrcMismatch { expected: u32, computed: u32, file: String, position: u64 },
    /// A file does not continue the one before it.
    ChainMismatch { expected: u32, computed: u32 },
    /// A record is longer than the rest of its file: a torn write, or damage.
    EntryTooLong { file: String, record: u64, len: u64, position: u64, padding: u64 },
    /// A record ends early: a torn write.
    UnexpectedEof { file: String, position: u64 },
    /// A record that is not what its kind says, under a correct checksum or none.
    Malformed { file: String, position: u64, what: String },
    /// Files of two members.
    MetadataConflict,
    /// The snapshot to start from has another term in the log.
    SnapshotMismatch,
    /// An entry does not follow those before it.
    SliceOutOfRange { start_index: u64, start_term: u64, index: u64, term: u64, len: usize },
    /// A record of a kind that does not exist.
    UnexpectedBlock { kind: i64 },
}

impl WalError {
    /// Whether this is how a write looks that was cut short. At the end of the last file it is
    /// repaired.
    pub fn is_unexpected_eof(&self) -> bool {
        matches!(self, WalError::EntryTooLong { .. } | WalError::UnexpectedEof { .. })
    }
}

impl fmt::Display for WalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use WalError as W;
        match self {
            W::FileNotFound => f.write_str("wal: file not found"),
            W::NoFileForSnapshot { index } => {
                write!(f, "wal: file not found which matches the snapshot index '{index}'")
            }
            W::SequenceGap { from } => write!(
                f,
                "wal: file sequence numbers (starting from {from}) do not increase continuously"
            ),
            W::CrcMismatch { expected, computed, file, position } => write!(
                f,
                "walpb: crc mismatch: expected: {expected:x} computed: {computed:x}: in file \
                 '{file}' at position: {position}"
            ),
            W::ChainMismatch { .. } => f.write_str("walpb: crc mismatch"),
            W::EntryTooLong { file, record, len, position, padding } => write!(
                f,
                "unexpected EOF: [wal] max entry size limit exceeded when reading {file:?}, \
                 recBytes: {record}, fileSize({len}) - offset({position}) - padBytes({padding}) = \
                 entryLimit({})",
                i128::from(*len) - i128::from(*position) - i128::from(*padding)
            ),
            W::UnexpectedEof { file, position } => {
                write!(f, "unexpected EOF: in file '{file}' at position: {position}")
            }
            W::Malformed { what, .. } => f.write_str(what),
            W::MetadataConflict => f.write_str("wal: conflicting metadata found"),
            W::SnapshotMismatch => f.write_str("wal: snapshot mismatch"),
            W::SliceOutOfRange { start_index, start_term, index, term, len } => write!(
                f,
                "wal: slice bounds out of range, snapshot[Index: {start_index}, Term: \
                 {start_term}], current entry[Index: {index}, Term: {term}], len(ents): {len}"
            ),
            W::UnexpectedBlock { kind } => write!(f, "unexpected block type {kind}"),
        }
    }
}

impl std::error::Error for WalError {}

/// One log, open for appending.
#[derive(Debug)]
pub struct Wal {
    dir: String,
    segment_bytes: u64,
    metadata: Metadata,
    /// Files from the oldest to the one appended to.
    files: VecDeque<LogFile>,
    /// The path of the last of them: every write names it.
    tail: String,
    /// Where the next record goes in the last file.
    offset: u64,
    encoder: Encoder,
    last_index: u64,
    hard_state: HardState,
    /// How many files were made ready; the next is called by its last bit.
    ready_count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LogFile {
    sequence: u64,
    /// The first index that may be in the file.
    index: u64,
    /// Whether a restart could need it.
    needed: bool,
}

fn path(dir: &str, name: &str) -> String {
    format!("{dir}/{name}")
}

impl LogFile {
    fn name(self) -> String {
        format!("{:016x}-{:016x}.wal", self.sequence, self.index)
    }

    /// The file of that name, unless it is the name of something else.
    fn parse(name: &str) -> Option<LogFile> {
        let (sequence, index) = name.strip_suffix(".wal")?.split_once('-')?;
        let hex = |digits: &str| {
            let plain = digits.len() == 16 && digits.bytes().all(|c| c.is_ascii_hexdigit());
            plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        Some(LogFile { sequence: hex(sequence)?, index: hex(index)?, needed: true })
    }
}

/// Whether a directory listing holds a log: what etcd asks to tell a restart from a first start.
pub fn exists(names: &[String]) -> bool {
    names.iter().any(|name| name.ends_with(".wal"))
}

impl Wal {
    /// A new log in `dir`. Without the operations it does not exist.
    pub fn create(dir: &str, node_id: u64, cluster_id: u64) -> (Wal, Vec<DiskOp>) {
        Wal::create_with(dir, Metadata { node_id, cluster_id }, SEGMENT_BYTES)
    }

    fn create_with(dir: &str, metadata: Metadata, segment_bytes: u64) -> (Wal, Vec<DiskOp>) {
        let first = LogFile { sequence: 0, index: 0, needed: true };
        let mut wal = Wal {
            dir: dir.to_owned(),
            segment_bytes,
            metadata,
            tail: path(dir, &first.name()),
            files: VecDeque::from([first]),
            offset: 0,
            encoder: Encoder::new(0),
            last_index: 0,
            hard_state: HardState::default(),
            ready_count: 0,
        };
        let mut ops = vec![DiskOp::Mkdir { dir: dir.to_owned() }];
        wal.encoder.crc();
        wal.encoder.metadata(metadata);
        wal.encoder.snapshot(&SnapshotMetadata::default());
        // etcd makes the first file in a directory of another name and renames that; here the
        // file itself is renamed, with the same effect.
        ops.extend(wal.make_ready());
        ops.extend(wal.begin_file());
        // Only files cut later alternate their names.
        wal.ready_count = 0;
        ops.extend(wal.make_ready());
        (wal, ops)
    }

    /// Appends entries and a changed hard state, in one write. It ends with a sync when something
    /// must be durable before it is acknowledged: entries, a vote, a term; a commit index alone
    /// need not be.
    pub fn save(&mut self, hard_state: Option<&HardState>, entries: &[Entry]) -> Vec<DiskOp> {
        let hard_state = hard_state.filter(|state| **state != HardState::default());
        if hard_state.is_none() && entries.is_empty() {
            return Vec::new();
        }
        let known = (self.hard_state.term, self.hard_state.vote);
        let must_sync =
            !entries.is_empty() || hard_state.is_some_and(|new| (new.term, new.vote) != known);
        self.encoder.reserve(entries);
        for entry in entries {
            self.encoder.entry(entry);
            self.last_index = entry.index;
        }
        if let Some(state) = hard_state {
            self.encoder.hard_state(state);
            self.hard_state = state.clone();
        }
        let mut ops = Vec::with_capacity(2);
        ops.push(self.write());
        if self.offset >= self.segment_bytes {
            ops.extend(self.cut());
        } else if must_sync {
            ops.push(DiskOp::Sync { file: self.tail() });
        }
        ops
    }

    /// Appends the mark of a snapshot whose `.snap` file is durable.
    pub fn save_snapshot(&mut self, snapshot: &SnapshotMetadata) -> Vec<DiskOp> {
        assert!(
            snapshot.index == 0 || snapshot.conf_state.is_some(),
            "a mark carries the membership, etcd refuses one without"
        );
        self.encoder.snapshot(snapshot);
        self.last_index = self.last_index.max(snapshot.index);
        vec![self.write(), DiskOp::Sync { file: self.tail() }]
    }

    /// Entries up to `index` are in a snapshot: the files that hold nothing else are given up,
    /// and removed while more than [`FILES_KEPT`] files remain.
    pub fn release_to(&mut self, index: u64) -> Vec<DiskOp> {
        let beyond = self.files.iter().position(|file| file.needed && file.index >= index);
        let keep_from = beyond.unwrap_or(self.files.len()).saturating_sub(1);
        for file in self.files.iter_mut().take(keep_from) {
            file.needed = false;
        }
        let mut ops = Vec::new();
        while self.files.len() > FILES_KEPT && !self.files[0].needed {
            let file = self.files.pop_front().expect("more than five");
            ops.push(DiskOp::Remove { file: self.path(&file.name()) });
        }
        ops
    }

    /// The end of an orderly stop: what is written becomes durable and the spare file goes.
    pub fn close(&mut self) -> Vec<DiskOp> {
        vec![DiskOp::Sync { file: self.tail() }, DiskOp::Remove { file: self.ready_file() }]
    }

    /// The ids at the head of every file.
    pub fn metadata(&self) -> Metadata {
        self.metadata
    }

    /// The path of the file appended to.
    pub fn tail(&self) -> String {
        self.tail.clone()
    }

    fn path(&self, name: &str) -> String {
        path(&self.dir, name)
    }

    fn ready_file(&self) -> String {
        self.path(&format!("{}.tmp", self.ready_count % 2))
    }

    /// Makes the next file ready. What a crash left under its name is of no use.
    fn make_ready(&self) -> [DiskOp; 2] {
        let file = self.ready_file();
        [
            DiskOp::Remove { file: file.clone() },
            DiskOp::Allocate { file, len_bytes: self.segment_bytes },
        ]
    }

    /// Writes what is encoded to the last file.
    fn write(&mut self) -> DiskOp {
        let bytes = self.encoder.take();
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        DiskOp::Write { file: self.tail(), offset, bytes }
    }

    /// Gives the ready file the encoded head and the name of the last file.
    fn begin_file(&mut self) -> [DiskOp; 4] {
        let (from, to) = (self.ready_file(), self.tail());
        let bytes: Bytes = self.encoder.take();
        self.offset = bytes.len() as u64;
        self.ready_count += 1;
        [
            DiskOp::Write { file: from.clone(), offset: 0, bytes },
            DiskOp::Sync { file: from.clone() },
            DiskOp::Rename { from, to: to.clone() },
            DiskOp::Sync { file: to },
        ]
    }

    fn cut(&mut self) -> Vec<DiskOp> {
        let full = self.tail();
        let mut ops = vec![
            DiskOp::Truncate { file: full.clone(), len: self.offset },
            DiskOp::Sync { file: full },
        ];
        let last = self.files.back().expect("there is always one file");
        let (sequence, index) = (last.sequence + 1, self.last_index + 1);
        let next = LogFile { sequence, index, needed: true };
        self.tail = self.path(&next.name());
        self.files.push_back(next);
        self.encoder.crc();
        self.encoder.metadata(self.metadata);
        if self.hard_state != HardState::default() {
            self.encoder.hard_state(&self.hard_state);
        }
        ops.extend(self.begin_file());
        ops.extend(self.make_ready());
        ops
    }
}
