//! What a member wants written, in two lanes: the log, which others wait for, and the
//! database, which nobody waits for.
//!
//! One batch of the log is under way at a time; what comes meanwhile is gathered into the
//! next, so a slow disk makes larger batches, as in etcd. Messages that promise something
//! wait here until it is durable.

use std::collections::VecDeque;

use bytes::Bytes;
use raft::eraftpb::{Entry, HardState, Message, SnapshotMetadata};

use crate::confchange::entries_for_file;
use crate::disk::{DiskOp, Lane, WriteBatch, WriteId};
use crate::snapfile;
use crate::wal::Wal;

/// The database file and the directory of snapshots.
pub(crate) const SNAP_DIR: &str = "member/snap";
pub(crate) const DB_FILE: &str = "member/snap/db";

/// etcd commits its database this often, or after so many operations.
const COMMIT_INTERVAL_US: u64 = 100_000;
const COMMIT_OPS: u64 = 10_000;

/// `0000000000000010.snap.db`: a received database that waits to become the database.
pub(crate) fn received_db(index: u64) -> String {
    format!("{SNAP_DIR}/{index:016x}.snap.db")
}

/// Numbers the batches of one run, over both lanes.
#[derive(Debug, Default)]
pub(crate) struct WriteIds(u64);

impl WriteIds {
    fn next(&mut self) -> WriteId {
        self.0 += 1;
        WriteId(self.0)
    }
}

/// The log lane.
pub(crate) struct Journal {
    wal: Wal,
    snap_files: Vec<String>,
    ops: Vec<DiskOp>,
    /// Whether something in `ops` must be durable before others hear of it.
    must_sync: bool,
    /// The newest ready batch whose writes are in `ops`.
    number: u64,
    under_way: Option<(WriteId, u64)>,
    /// Messages that wait for ready batches up to a number.
    waiting: VecDeque<(u64, Vec<Message>)>,
}

impl Journal {
    /// A journal that begins with writes of its own: the making of the files.
    pub(crate) fn new(wal: Wal, ops: Vec<DiskOp>, snap_files: Vec<String>) -> Journal {
        let must_sync = !ops.is_empty();
        Journal {
            wal,
            snap_files,
            ops,
            must_sync,
            number: 0,
            under_way: None,
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn save(&mut self, hard: Option<&HardState>, entries: &[Entry]) {
        self.ops.extend(self.wal.save(hard, &entries_for_file(entries)));
    }

    /// A received snapshot becomes the log's beginning.
    pub(crate) fn snapshot(&mut self, meta: &SnapshotMetadata, members: &[u8]) {
        self.ops.extend(snapfile::save(SNAP_DIR, meta, members));
        self.ops.extend(self.wal.save_snapshot(meta));
        self.snap_files.push(snapfile::file_name(meta.term, meta.index));
    }

    /// A snapshot of our own state: the file, its record in the log, and the release of files
    /// that hold only what is older.
    pub(crate) fn own_snapshot(&mut self, meta: &SnapshotMetadata, members: &[u8]) {
        self.snapshot(meta, members);
        self.ops.extend(self.wal.release_to(meta.index));
        for name in snapfile::surplus(&self.snap_files, ".snap") {
            self.ops.push(DiskOp::Remove { file: format!("{SNAP_DIR}/{name}") });
            self.snap_files.retain(|kept| *kept != name);
        }
        self.must_sync = true;
    }

    /// The end of an orderly stop.
    pub(crate) fn close(&mut self) {
        let ops = self.wal.close();
        self.push(ops);
    }

    pub(crate) fn push(&mut self, ops: Vec<DiskOp>) {
        self.ops.extend(ops);
        self.must_sync = true;
    }

    /// Notes a ready batch whose writes are all here. The answer: may its `later` messages go
    /// at once, because nothing they promise is waiting for the disk?
    pub(crate) fn ready(&mut self, number: u64, must_sync: bool) -> bool {
        self.number = number;
        self.must_sync |= must_sync;
        !self.must_sync && self.under_way.is_none()
    }

    pub(crate) fn wait(&mut self, messages: Vec<Message>) {
        if !messages.is_empty() {
            self.waiting.push_back((self.number, messages));
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.is_some() || self.must_sync
    }

    /// The next batch, if there is something to sync and none is under way. `lazy` also takes
    /// what nobody waits for.
    pub(crate) fn flush(&mut self, ids: &mut WriteIds, lazy: bool) -> Option<WriteBatch> {
        if self.under_way.is_some() || self.ops.is_empty() || !(self.must_sync || lazy) {
            return None;
        }
        self.must_sync = false;
        let id = ids.next();
        self.under_way = Some((id, self.number));
        Some(WriteBatch { id, lane: Lane::Log, ops: coalesce(std::mem::take(&mut self.ops)) })
    }

    /// A batch is durable: the ready number it reached, if it was ours.
    pub(crate) fn done(&mut self, id: WriteId) -> Option<u64> {
        let (_, number) = self.under_way.take_if(|(under_way, _)| *under_way == id)?;
        Some(number)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_none() && self.ops.is_empty()
    }

    /// The messages that waited for ready batches up to `number`.
    pub(crate) fn released(&mut self, number: u64) -> Vec<Message> {
        let mut messages = Vec::new();
        while self.waiting.front().is_some_and(|(waits_for, _)| *waits_for <= number) {
            messages.extend(self.waiting.pop_front().into_iter().flat_map(|(_, m)| m));
        }
        messages
    }
}

/// Joins writes that continue each other and drops a sync that a later one of the same file
/// repeats.
fn coalesce(ops: Vec<DiskOp>) -> Vec<DiskOp> {
    let mut out: Vec<DiskOp> = Vec::with_capacity(ops.len());
    let mut joined: Vec<u8> = Vec::new();
    let mut moved = false;
    for op in ops {
        match (out.last_mut(), op) {
            (Some(DiskOp::Sync { file }), DiskOp::Write { file: next, offset, bytes })
                if *file == next =>
            {
                // The sync moves behind this write.
                out.pop();
                moved = true;
                append_write(&mut out, &mut joined, next, offset, bytes);
            }
            (_, DiskOp::Write { file, offset, bytes }) => {
                append_write(&mut out, &mut joined, file, offset, bytes);
            }
            (_, op) => {
                finish_write(&mut out, &mut joined);
                out.push(op);
            }
        }
    }
    finish_write(&mut out, &mut joined);
    let missing = out.iter().rev().find_map(|op| match op {
        DiskOp::Write { file, .. } => Some(file.clone()),
        DiskOp::Sync { .. } => Some(String::new()),
        _ => None,
    });
    if let Some(file) = missing.filter(|file| moved && !file.is_empty()) {
        out.push(DiskOp::Sync { file });
    }
    out
}

/// Adds a write, gathering in `joined` what continues the last one.
fn append_write(
    out: &mut Vec<DiskOp>,
    joined: &mut Vec<u8>,
    file: String,
    offset: u64,
    bytes: Bytes,
) {
    if let Some(DiskOp::Write { file: last, offset: at, bytes: head }) = out.last_mut() {
        let len = if joined.is_empty() { head.len() } else { joined.len() };
        if *last == file && *at + len as u64 == offset {
            if joined.is_empty() {
                joined.extend_from_slice(head);
            }
            joined.extend_from_slice(&bytes);
            return;
        }
    }
    finish_write(out, joined);
    out.push(DiskOp::Write { file, offset, bytes });
}

fn finish_write(out: &mut [DiskOp], joined: &mut Vec<u8>) {
    if joined.is_empty() {
        return;
    }
    if let Some(DiskOp::Write { bytes, .. }) = out.last_mut() {
        *bytes = Bytes::from(std::mem::take(joined));
    }
}

/// The database lane.
#[derive(Debug, Default)]
pub(crate) struct DbLane {
    ops: Vec<DiskOp>,
    /// The applied index that is in the file once `ops` are.
    index: u64,
    under_way: Option<(WriteId, u64)>,
    file_bytes: u64,
    commit_at_us: u64,
    /// Nothing was to be committed since the last commit.
    idle: bool,
    /// Set while a received database is not yet the database: nothing may be written to it.
    held: bool,
}

impl DbLane {
    pub(crate) fn new(file_bytes: u64) -> DbLane {
        DbLane { file_bytes, ..DbLane::default() }
    }

    /// Whether the buffered operations are to be committed now. etcd's timer runs on while
    /// there is nothing to commit.
    pub(crate) fn is_due(&mut self, pending_ops: u64, now_us: u64) -> bool {
        if now_us > self.commit_at_us && self.idle {
            let periods = (now_us - self.commit_at_us).div_ceil(COMMIT_INTERVAL_US);
            self.commit_at_us += periods * COMMIT_INTERVAL_US;
        }
        self.idle = false;
        pending_ops >= COMMIT_OPS || now_us >= self.commit_at_us
    }

    pub(crate) fn due_at_us(&self) -> u64 {
        self.commit_at_us
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.held || self.under_way.is_some()
    }

    /// Writes a commit: data, sync, meta page, sync, so that a crash leaves one state or the
    /// other.
    pub(crate) fn commit(&mut self, mut commit: bolt::Commit, index: u64, now_us: u64) {
        self.commit_at_us = now_us + COMMIT_INTERVAL_US;
        self.idle = true;
        self.index = index;
        let file = || DB_FILE.to_owned();
        if self.file_bytes == 0 {
            // A new file is whole or empty after a power loss: bbolt writes and syncs its
            // first pages before anything makes it longer.
            self.ops.push(DiskOp::Pages { file: file(), pages: std::mem::take(&mut commit.pages) });
            self.ops.push(DiskOp::Sync { file: file() });
        }
        if commit.file_bytes > self.file_bytes {
            self.file_bytes = commit.file_bytes;
            self.ops.push(DiskOp::Allocate { file: file(), len_bytes: self.file_bytes });
        }
        let meta = commit.pages.pop();
        if !commit.pages.is_empty() {
            self.ops.push(DiskOp::Pages { file: file(), pages: commit.pages });
            self.ops.push(DiskOp::Sync { file: file() });
        }
        if let Some(meta) = meta {
            self.ops.push(DiskOp::Pages { file: file(), pages: vec![meta] });
            self.ops.push(DiskOp::Sync { file: file() });
        }
    }

    /// Writes a whole new file beside the old and puts it in its place (defragmentation).
    pub(crate) fn replace(&mut self, commit: bolt::Commit, index: u64, now_us: u64) {
        self.commit_at_us = now_us + COMMIT_INTERVAL_US;
        self.idle = true;
        self.index = index;
        self.file_bytes = commit.file_bytes;
        let temp = format!("{SNAP_DIR}/db.tmp.1");
        self.ops.push(DiskOp::Remove { file: temp.clone() });
        self.ops.push(DiskOp::Allocate { file: temp.clone(), len_bytes: commit.file_bytes });
        self.ops.push(DiskOp::Pages { file: temp.clone(), pages: commit.pages });
        self.ops.push(DiskOp::Sync { file: temp.clone() });
        self.ops.push(DiskOp::Rename { from: temp, to: DB_FILE.to_owned() });
        self.ops.push(DiskOp::Sync { file: DB_FILE.to_owned() });
    }

    pub(crate) fn hold(&mut self) {
        self.held = true;
    }

    /// The received database of this index takes the place of the old one.
    pub(crate) fn install(&mut self, index: u64, file_bytes: u64) {
        self.held = false;
        self.file_bytes = file_bytes;
        self.ops.push(DiskOp::Rename { from: received_db(index), to: DB_FILE.to_owned() });
        self.ops.push(DiskOp::Sync { file: DB_FILE.to_owned() });
    }

    pub(crate) fn flush(&mut self, ids: &mut WriteIds) -> Option<WriteBatch> {
        if self.under_way.is_some() || self.ops.is_empty() {
            return None;
        }
        let id = ids.next();
        self.under_way = Some((id, self.index));
        Some(WriteBatch { id, lane: Lane::Database, ops: std::mem::take(&mut self.ops) })
    }

    /// A batch is durable: the applied index the file now holds, if it was ours.
    pub(crate) fn done(&mut self, id: WriteId) -> Option<u64> {
        self.under_way.take_if(|(under_way, _)| *under_way == id).map(|(_, index)| index)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_none() && self.ops.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(offset: u64, text: &'static str) -> DiskOp {
        DiskOp::Write { file: "w".to_owned(), offset, bytes: Bytes::from_static(text.as_bytes()) }
    }

    fn sync() -> DiskOp {
        DiskOp::Sync { file: "w".to_owned() }
    }

    #[test]
    fn writes_that_continue_each_other_become_one() {
        let ops = vec![write(0, "ab"), sync(), write(2, "cd"), write(4, "e"), sync()];
        assert_eq!(coalesce(ops), vec![write(0, "abcde"), sync()]);
    }

    #[test]
    fn a_gap_is_kept_and_a_sync_moves_to_the_end() {
        let ops = vec![write(0, "ab"), sync(), write(3, "cd")];
        assert_eq!(coalesce(ops), vec![write(0, "ab"), write(3, "cd"), sync()]);
        assert_eq!(coalesce(vec![write(0, "ab")]), vec![write(0, "ab")]);
    }

    #[test]
    fn nothing_moves_across_a_rename() {
        let rename = DiskOp::Rename { from: "a".to_owned(), to: "b".to_owned() };
        let ops = vec![write(0, "a"), sync(), rename.clone(), write(1, "b"), sync()];
        let kept = vec![write(0, "a"), sync(), rename, write(1, "b"), sync()];
        assert_eq!(coalesce(ops), kept);
    }
}
