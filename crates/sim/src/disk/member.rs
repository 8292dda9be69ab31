//! The disk as a member uses it: batches of operations under a data directory, and reads
//! when it boots.

use bytes::Bytes;
use etcd::{DiskError, DiskOp, DiskView, Lane};
use flat::Map;

use super::{At, Disk, FileData, PAGE_BYTES, Queue};
use crate::errno::Errno;
use crate::fs::Node;
use crate::ids::Ino;

/// The modes etcd gives what it makes.
const DIR_MODE: u16 = 0o700;
const FILE_MODE: u16 = 0o600;

/// The files a member has open. As with any process they stay usable when somebody takes
/// their names away: a member whose data directory was removed runs on until it starts anew.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    by_path: Map<String, Ino>,
}

impl Disk {
    /// Does a batch and tells when the last of it is done.
    ///
    /// Everything shows in the cache at once. What comes after a sync is sent to the device
    /// when that sync is done, as the member would have waited for it: a power loss in
    /// between leaves nothing of it. On an error the operations before it stay.
    pub fn submit(
        &mut self,
        dir: &str,
        lane: Lane,
        ops: &[DiskOp],
        at: At,
    ) -> Result<u64, DiskError> {
        let queue = match lane {
            Lane::Log => Queue::Log,
            Lane::Database => Queue::Database,
        };
        self.tree.retire(at.now_us);
        // Taken out for the time of the batch, so that looking up costs no allocation.
        let mut open = match self.members.get_mut(dir) {
            Some(open) => std::mem::take(open),
            None => OpenFiles::default(),
        };
        let mut issued = at;
        let mut result = Ok(());
        for op in ops {
            result = match op {
                DiskOp::Sync { file } => {
                    self.sync_member_file(dir, queue, &open, file, at.now_us, &mut issued)
                }
                op => self.submit_one(dir, lane, &mut open, op, &issued),
            };
            if result.is_err() {
                break;
            }
        }
        match self.members.get_mut(dir) {
            Some(place) => *place = open,
            None => drop(self.members.insert(dir.to_owned(), open)),
        }
        result.map(|()| issued.now_us).map_err(disk_error)
    }

    /// The member in this directory ended: its files are closed.
    pub fn release(&mut self, dir: &str) {
        for ino in self.members.remove(dir).unwrap_or_default().by_path.into_values() {
            self.close(ino);
        }
    }

    /// A sync of a batch: what follows is sent to the device when it is done.
    fn sync_member_file(
        &mut self,
        dir: &str,
        queue: Queue,
        open: &OpenFiles,
        file: &str,
        now_us: u64,
        issued: &mut At,
    ) -> Result<(), Errno> {
        let ino = match open.by_path.get(file) {
            Some(ino) => *ino,
            None => self.tree.lookup(&join(dir, file))?,
        };
        if let Node::File(file) = &mut self.tree.inode_mut(ino).node {
            file.retire(now_us);
        }
        issued.now_us = self.sync_in(queue, ino, issued.now_us);
        Ok(())
    }

    /// Any other operation. `at` is when it is sent to the device.
    fn submit_one(
        &mut self,
        dir: &str,
        lane: Lane,
        open: &mut OpenFiles,
        op: &DiskOp,
        at: &At,
    ) -> Result<(), Errno> {
        match op {
            DiskOp::Mkdir { dir: path } => self.mkdir_all(&join(dir, path), DIR_MODE, *at),
            DiskOp::Allocate { file, len_bytes } => {
                let ino = self.member_file(dir, file, open, *at)?;
                self.allocate(ino, lane, *len_bytes, *at)
            }
            DiskOp::Write { file, offset, bytes } => {
                let ino = self.member_file(dir, file, open, *at)?;
                self.write_parts(ino, &[(*offset, bytes)], *at)
            }
            DiskOp::Pages { file, pages } => {
                let ino = self.member_file(dir, file, open, *at)?;
                let whole = |bytes: &Bytes| (bytes.len() as u64).is_multiple_of(PAGE_BYTES);
                assert!(pages.iter().all(|(_, bytes)| whole(bytes)), "pages are written whole");
                let parts: Vec<(u64, &Bytes)> =
                    pages.iter().map(|(page_no, bytes)| (page_no * PAGE_BYTES, bytes)).collect();
                self.write_parts(ino, &parts, *at)
            }
            DiskOp::Truncate { file, len } => {
                let ino = self.member_file(dir, file, open, *at)?;
                self.set_size(ino, *len, *at)
            }
            DiskOp::Rename { from, to } => {
                self.rename(&join(dir, from), &join(dir, to), *at)?;
                let moved = open.by_path.remove(from);
                let replaced = match moved {
                    Some(ino) => open.by_path.insert(to.clone(), ino),
                    None => open.by_path.remove(to),
                };
                if let Some(ino) = replaced {
                    self.close(ino);
                }
                Ok(())
            }
            DiskOp::Remove { file } => {
                if let Some(ino) = open.by_path.remove(file) {
                    self.close(ino);
                }
                match self.remove_file(&join(dir, file), *at) {
                    Err(Errno::Enoent | Errno::Enotdir) => Ok(()),
                    result => result,
                }
            }
            DiskOp::Sync { .. } => unreachable!("a batch's syncs are handled by themselves"),
        }
    }

    /// The file a member writes: the one it has open, else the one at the path, made if it
    /// is missing.
    fn member_file(
        &mut self,
        dir: &str,
        file: &str,
        open: &mut OpenFiles,
        at: At,
    ) -> Result<Ino, Errno> {
        if let Some(ino) = open.by_path.get(file) {
            return Ok(*ino);
        }
        // etcd writes its snapshot files like any program, the others privately.
        let mode = if file.ends_with(".snap") { 0o644 } else { FILE_MODE };
        let ino = self.create(&join(dir, file), mode, at)?;
        self.tree.file(ino)?;
        self.tree.open(ino);
        open.by_path.insert(file.to_owned(), ino);
        Ok(ino)
    }

    /// Makes a file longer. etcd reserves the space of its log's segments (`fallocate`), so
    /// that a full disk does not stop them in the middle; bbolt only sets the length.
    fn allocate(&mut self, ino: Ino, lane: Lane, len: u64, at: At) -> Result<(), Errno> {
        if lane == Lane::Log {
            let needed = self.tree.file(ino)?.reserve_needed(len);
            self.room_for(needed)?;
            self.used_pages += needed;
            self.tree.file_mut(ino)?.reserve(len);
        }
        let file = self.tree.file_mut(ino)?;
        if file.size() < len {
            file.set_size(len, at.now_us);
        }
        Ok(())
    }

    /// Reads for a member that boots from this directory.
    pub fn view(&self, dir: &str) -> DirView<'_> {
        DirView { disk: self, dir: dir.to_owned() }
    }
}

/// A data directory, for reading.
#[derive(Debug)]
pub struct DirView<'a> {
    disk: &'a Disk,
    dir: String,
}

impl DirView<'_> {
    fn file(&self, file: &str) -> Option<&FileData> {
        let ino = self.disk.tree.lookup(&join(&self.dir, file)).ok()?;
        self.disk.tree.file(ino).ok()
    }
}

impl DiskView for DirView<'_> {
    fn list(&self, dir: &str) -> Vec<String> {
        self.disk.read_dir(&join(&self.dir, dir)).unwrap_or_default()
    }

    fn len(&self, file: &str) -> Option<u64> {
        Some(self.file(file)?.size())
    }

    fn read(&self, file: &str, offset: u64, len: u64) -> Option<Bytes> {
        Some(self.file(file)?.read(offset, len))
    }

    fn page(&self, file: &str, pgid: u64) -> Option<Bytes> {
        self.file(file)?.page(pgid)
    }
}

fn join(dir: &str, file: &str) -> String {
    if file.starts_with('/') {
        file.to_owned()
    } else if file.is_empty() {
        dir.to_owned()
    } else {
        format!("{dir}/{file}")
    }
}

fn disk_error(errno: Errno) -> DiskError {
    match errno {
        Errno::Enospc => DiskError::Full,
        _ => DiskError::Broken,
    }
}
