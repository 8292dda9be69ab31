//! Reading a log back: records over all files, the torn end, the repair.

use bytes::Bytes;
use prost::Message;
use raft::eraftpb::{Entry, HardState, SnapshotMetadata};

use super::record::{
    Broken, Encoder, KIND_CRC, KIND_ENTRY, KIND_METADATA, KIND_SNAPSHOT, KIND_STATE, Record,
};
use super::{LogFile, Metadata, SEGMENT_BYTES, Wal, WalError, path};
use crate::disk::{DiskOp, DiskView};

/// So much is read at once: of a preallocated file only the part that was written.
const CHUNK_BYTES: u64 = 64 * 1024;

/// No cluster holds so many elections; an id read in place of a term is greater.
const TERM_MAX: u64 = 1 << 40;

/// A disk writes sectors whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// What a log held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// The ids at the head of the files.
    pub metadata: Metadata,
    /// The last hard state.
    pub hard_state: HardState,
    /// The entries after the snapshot the log was opened from, without gaps.
    pub entries: Vec<Entry>,
    /// All marks of snapshots in the files read.
    pub snapshots: Vec<SnapshotMetadata>,
    /// Set when the log ended in a torn write, which `ops` cuts off.
    pub repaired: Option<Repaired>,
    /// What the log needs written before it goes on.
    pub ops: Vec<DiskOp>,
}

/// A torn write at the end of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The file that was cut; what it was is kept beside it with `.broken` at the end.
    pub file: String,
    /// Where it was cut.
    pub position: u64,
    /// What was met there.
    pub error: WalError,
}

/// The marks of snapshots in a log that were committed, oldest first: a `.snap` file without its
/// mark is none.
///
/// # Errors
/// As [`Wal::open`], but a torn end is no error.
pub fn valid_snapshots(disk: &dyn DiskView, dir: &str) -> Result<Vec<SnapshotMetadata>, WalError> {
    let files = log_files(disk, dir)?;
    let mut decoder = Decoder::new(disk, dir, files);
    let mut replay = Replay::default();
    loop {
        match decoder.next() {
            Ok(None) => break,
            Err(error) if error.is_unexpected_eof() => break,
            Err(error) => return Err(error),
            Ok(Some(record)) => match record.kind {
                KIND_SNAPSHOT => replay.snapshots.push(decode_mark(&decoder, &record)?),
                KIND_STATE => replay.hard_state = decoder.message(&record)?,
                _ => {}
            },
        }
    }
    let commit = replay.hard_state.commit;
    replay.snapshots.retain(|snapshot| snapshot.index <= commit);
    Ok(replay.snapshots)
}

impl Wal {
    /// Opens a log for appending and gives back what it holds after a snapshot (index and term;
    /// zeros for the beginning).
    ///
    /// # Errors
    /// What etcd refuses to start with. A torn write at the end of the last file is not among
    /// them: it is cut off, and the replay says so.
    pub fn open(
        disk: &dyn DiskView,
        dir: &str,
        from: &SnapshotMetadata,
    ) -> Result<(Wal, Replay), WalError> {
        Wal::open_with(disk, dir, from, SEGMENT_BYTES)
    }

    pub(super) fn open_with(
        disk: &dyn DiskView,
        dir: &str,
        from: &SnapshotMetadata,
        segment_bytes: u64,
    ) -> Result<(Wal, Replay), WalError> {
        let mut files = log_files(disk, dir)?;
        let first = files.iter().rposition(|file| file.index <= from.index);
        let first = first.ok_or(WalError::NoFileForSnapshot { index: from.index })?;
        // etcd does not look at what follows file 0; the chain of checksums does.
        let gap =
            |pair: &[LogFile]| pair[0].sequence != 0 && pair[0].sequence + 1 != pair[1].sequence;
        if files[first..].windows(2).any(gap) {
            return Err(WalError::SequenceGap { from: first });
        }
        for file in &mut files[..first] {
            file.needed = false;
        }
        let mut decoder = Decoder::new(disk, dir, files[first..].to_vec());
        let mut reading = Reading { from, replay: Replay::default(), metadata: None, last: 0 };
        let torn = loop {
            match decoder.next() {
                Ok(Some(record)) => reading.take(&decoder, &record)?,
                Ok(None) => break None,
                Err(error) if error.is_unexpected_eof() && decoder.in_last_file() => {
                    break Some(error);
                }
                Err(error) => return Err(error),
            }
        };
        let Reading { mut replay, metadata, last, .. } = reading;
        if let Some(data) = metadata {
            let ids = parse_metadata(&data);
            replay.metadata = ids.ok_or_else(|| decoder.implausible("metadata without ids"))?;
        } else {
            // The head is durable before a file has its name, so this is no torn write.
            return Err(decoder.implausible("no metadata"));
        }
        let newest = files.last().expect("an opened log has a file").name();
        let mut wal = Wal {
            dir: dir.to_owned(),
            segment_bytes,
            metadata: replay.metadata,
            tail: path(dir, &newest),
            files: files.into(),
            offset: decoder.position,
            encoder: Encoder::new(decoder.crc),
            last_index: last,
            hard_state: replay.hard_state.clone(),
            ready_count: 0,
        };
        replay.ops = wal.end_ops(disk, torn.is_some());
        replay.repaired =
            torn.map(|error| Repaired { file: wal.tail(), position: wal.offset, error });
        replay.ops.extend(wal.make_ready());
        wal.ready_count = 0;
        Ok((wal, replay))
    }

    /// Clears whatever follows the last record: etcd cuts a torn file there after a copy, and
    /// zeroes the rest of any other, because new records would only cover parts of it.
    fn end_ops(&self, disk: &dyn DiskView, torn: bool) -> Vec<DiskOp> {
        let file = self.tail();
        let len = disk.len(&file).unwrap_or(0);
        let mut ops = Vec::new();
        if torn {
            ops.extend(copy(disk, &file, len));
        }
        ops.push(DiskOp::Truncate { file: file.clone(), len: self.offset });
        if !torn {
            ops.push(DiskOp::Allocate { file: file.clone(), len_bytes: len });
        }
        ops.push(DiskOp::Sync { file });
        ops
    }
}

/// Keeps a copy of a file that is about to be cut, holes left out.
fn copy(disk: &dyn DiskView, file: &str, len: u64) -> Vec<DiskOp> {
    let to = format!("{file}.broken");
    let mut ops = vec![
        DiskOp::Remove { file: to.clone() },
        DiskOp::Allocate { file: to.clone(), len_bytes: len },
    ];
    for offset in (0..len).step_by(CHUNK_BYTES as usize) {
        let bytes = disk.read(file, offset, CHUNK_BYTES.min(len - offset)).unwrap_or_default();
        if bytes.iter().any(|byte| *byte != 0) {
            ops.push(DiskOp::Write { file: to.clone(), offset, bytes });
        }
    }
    ops.push(DiskOp::Sync { file: to });
    ops
}

/// The log files of a directory in order of their sequence.
pub(super) fn log_files(disk: &dyn DiskView, dir: &str) -> Result<Vec<LogFile>, WalError> {
    let mut names = disk.list(dir);
    flat::sort(&mut names);
    let files: Vec<_> = names.iter().filter_map(|name| LogFile::parse(name)).collect();
    if files.is_empty() { Err(WalError::FileNotFound) } else { Ok(files) }
}

/// A replay being gathered.
struct Reading<'s> {
    from: &'s SnapshotMetadata,
    replay: Replay,
    metadata: Option<Bytes>,
    last: u64,
}

impl Reading<'_> {
    fn take(&mut self, decoder: &Decoder<'_>, record: &Record) -> Result<(), WalError> {
        let from = self.from;
        let replay = &mut self.replay;
        match record.kind {
            KIND_ENTRY => {
                let entry: Entry = decoder.message(record)?;
                follows(from, &replay.entries, &entry).map_err(|what| decoder.implausible(what))?;
                self.last = entry.index;
                if entry.index > from.index {
                    let offset = entry.index - from.index - 1;
                    if offset > replay.entries.len() as u64 {
                        return Err(WalError::SliceOutOfRange {
                            start_index: from.index,
                            start_term: from.term,
                            index: entry.index,
                            term: entry.term,
                            len: replay.entries.len(),
                        });
                    }
                    // An entry takes the place of those a new leader overruled.
                    replay.entries.truncate(offset as usize);
                    replay.entries.push(entry);
                }
            }
            KIND_STATE => {
                let state = decoder.message(record)?;
                succeeds(&replay.hard_state, &state).map_err(|what| decoder.implausible(what))?;
                replay.hard_state = state;
            }
            KIND_METADATA => {
                if self.metadata.as_ref().is_some_and(|known| *known != record.data) {
                    return Err(WalError::MetadataConflict);
                }
                self.metadata = Some(record.data.clone());
            }
            KIND_CRC => {}
            KIND_SNAPSHOT => {
                let snapshot = decode_mark(decoder, record)?;
                if snapshot.index == from.index && snapshot.term != from.term {
                    return Err(WalError::SnapshotMismatch);
                }
                self.last = self.last.max(snapshot.index);
                replay.snapshots.push(snapshot);
            }
            kind => return Err(WalError::UnexpectedBlock { kind }),
        }
        Ok(())
    }
}

// The kind of a record is not under its checksum. One wrong bit turns an entry into a hard state
// or back, and etcd goes on with it. Here the log is held against what raft promises.

fn follows(from: &SnapshotMetadata, entries: &[Entry], entry: &Entry) -> Result<(), &'static str> {
    let offset = entry.index.checked_sub(from.index + 1).and_then(|n| usize::try_from(n).ok());
    let before = offset.and_then(|offset| entries.get(offset.checked_sub(1)?));
    if entry.term == 0 || entry.term > TERM_MAX || !(0..=2).contains(&entry.entry_type) {
        Err("entry of no term or no type")
    } else if before.is_some_and(|before| before.term > entry.term) {
        Err("entry of an earlier term than the one before it")
    } else {
        Ok(())
    }
}

fn succeeds(old: &HardState, new: &HardState) -> Result<(), &'static str> {
    if new.term < old.term || new.term > TERM_MAX {
        Err("term goes back")
    } else if new.commit < old.commit {
        Err("commit index goes back")
    } else if new.term == old.term && old.vote != 0 && new.vote != old.vote {
        Err("second vote in a term")
    } else {
        Ok(())
    }
}

/// A mark is {1 index, 2 term, 3 membership}: the fields of a snapshot's metadata in another
/// order.
#[derive(Clone, PartialEq, Message)]
struct Mark {
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(uint64, tag = "2")]
    term: u64,
    #[prost(message, optional, tag = "3")]
    conf_state: Option<raft::eraftpb::ConfState>,
}

#[derive(Clone, PartialEq, Message)]
struct Ids {
    #[prost(uint64, tag = "1")]
    node_id: u64,
    #[prost(uint64, tag = "2")]
    cluster_id: u64,
}

fn parse_metadata(data: &Bytes) -> Option<Metadata> {
    let ids = Ids::decode(data.clone()).ok()?;
    Some(Metadata { node_id: ids.node_id, cluster_id: ids.cluster_id })
}

pub(super) fn decode_mark(
    decoder: &Decoder<'_>,
    record: &Record,
) -> Result<SnapshotMetadata, WalError> {
    let Mark { index, term, conf_state } = decoder.message(record)?;
    Ok(SnapshotMetadata { conf_state, index, term })
}

/// Walks the records of some files as if they were one.
pub(super) struct Decoder<'d> {
    disk: &'d dyn DiskView,
    dir: &'d str,
    files: Vec<LogFile>,
    current: usize,
    /// The end of the last good record in the current file.
    position: u64,
    crc: u32,
    /// The file's name, length and the piece of it read last.
    name: String,
    len: u64,
    chunk_at: u64,
    chunk: Bytes,
}

impl<'d> Decoder<'d> {
    pub(super) fn new(disk: &'d dyn DiskView, dir: &'d str, files: Vec<LogFile>) -> Decoder<'d> {
        let mut decoder = Decoder {
            disk,
            dir,
            files,
            current: 0,
            position: 0,
            crc: 0,
            name: String::new(),
            len: 0,
            chunk_at: 0,
            chunk: Bytes::new(),
        };
        decoder.enter(0);
        decoder
    }

    fn enter(&mut self, current: usize) {
        self.current = current;
        self.position = 0;
        self.name = self.files[current].name();
        self.len = self.disk.len(&self.path()).unwrap_or(0);
        self.chunk_at = 0;
        self.chunk = Bytes::new();
    }

    fn path(&self) -> String {
        format!("{}/{}", self.dir, self.name)
    }

    fn in_last_file(&self) -> bool {
        self.current + 1 == self.files.len()
    }

    /// The next record, checked; nothing at the end of the last file.
    pub(super) fn next(&mut self) -> Result<Option<Record>, WalError> {
        let (len, padding) = loop {
            let word = self.read(self.position, 8);
            if !word.is_empty() && word.len() < 8 {
                return Err(self.torn());
            }
            let word = word[..].try_into().map_or(0, u64::from_le_bytes);
            if word != 0 {
                break split_word(word);
            }
            // The end of the file, or the part of it never written.
            if self.in_last_file() {
                let room = SECTOR_BYTES - self.position % SECTOR_BYTES;
                if self.read(self.position, room).iter().any(|byte| *byte != 0) {
                    return Err(self.implausible("record without a length"));
                }
                return Ok(None);
            }
            self.enter(self.current + 1);
        };
        if len.saturating_add(padding).saturating_add(self.position) > self.len {
            return Err(WalError::EntryTooLong {
                file: self.name.clone(),
                record: len,
                len: self.len,
                position: self.position,
                padding,
            });
        }
        let bytes = self.read(self.position + 8, len + padding);
        if (bytes.len() as u64) < len + padding {
            return Err(self.torn());
        }
        let record = match Record::parse(&bytes.slice(..len as usize)) {
            Ok(record) => record,
            Err(_) if self.is_torn(&bytes) => return Err(self.torn()),
            Err(Broken::Short) => return Err(self.torn()),
            Err(Broken::Illegal(what)) => return Err(self.malformed(&what)),
        };
        self.verify(&record, &bytes)?;
        self.position += 8 + len + padding;
        Ok(Some(record))
    }

    fn verify(&mut self, record: &Record, bytes: &Bytes) -> Result<(), WalError> {
        let (expected, before) = (record.crc, self.crc);
        if record.kind == KIND_CRC {
            // A file goes on with the checksum of the one before it.
            if before != 0 && expected != before {
                return Err(WalError::ChainMismatch { expected, computed: before });
            }
            self.crc = expected;
            return Ok(());
        }
        let computed = flat::crc32c_append(before, &record.data);
        if computed == expected {
            self.crc = computed;
            return Ok(());
        }
        if self.is_torn(bytes) {
            return Err(self.torn());
        }
        let (file, position) = (self.name.clone(), self.position);
        Err(WalError::CrcMismatch { expected, computed, file, position })
    }

    /// Whether a bad record looks like a write cut short: it is in the last file, and one of its
    /// sectors never reached the disk.
    fn is_torn(&self, bytes: &[u8]) -> bool {
        if !self.in_last_file() {
            return false;
        }
        let mut rest = bytes;
        let mut room = SECTOR_BYTES - (self.position + 8) % SECTOR_BYTES;
        while !rest.is_empty() {
            let (sector, after) = rest.split_at(rest.len().min(room as usize));
            if sector.iter().all(|byte| *byte == 0) {
                return true;
            }
            rest = after;
            room = SECTOR_BYTES;
        }
        false
    }

    fn torn(&self) -> WalError {
        WalError::UnexpectedEof { file: self.name.clone(), position: self.position }
    }

    fn malformed(&self, what: &str) -> WalError {
        let (file, position) = (self.name.clone(), self.position);
        WalError::Malformed { file, position, what: what.to_owned() }
    }

    fn implausible(&self, what: &str) -> WalError {
        self.malformed(&format!("wal: {what}: in file '{}' before {}", self.name, self.position))
    }

    /// The message in a record whose checksum is right. etcd panics where this fails.
    pub(super) fn message<M: Message + Default>(&self, record: &Record) -> Result<M, WalError> {
        M::decode(record.data.clone()).map_err(|error| self.malformed(&error.to_string()))
    }

    /// Bytes of the current file, fewer at its end.
    fn read(&mut self, offset: u64, len: u64) -> Bytes {
        let len = len.min(self.len.saturating_sub(offset));
        let held = self.chunk_at + self.chunk.len() as u64;
        if offset < self.chunk_at || offset + len > held {
            self.chunk_at = offset;
            let want = len.max(CHUNK_BYTES).min(self.len - offset);
            self.chunk = self.disk.read(&self.path(), offset, want).unwrap_or_default();
        }
        let from = ((offset - self.chunk_at) as usize).min(self.chunk.len());
        self.chunk.slice(from..(from + len as usize).min(self.chunk.len()))
    }
}

/// The length of a record and of its padding.
fn split_word(word: u64) -> (u64, u64) {
    let padding = if word >> 63 == 1 { word >> 56 & 7 } else { 0 };
    (word & ((1 << 56) - 1), padding)
}
