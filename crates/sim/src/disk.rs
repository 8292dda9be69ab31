//! A host's disk: space, latency, and what survives a power loss.
//!
//! Reading and writing happen in the cache, at once. A sync takes the latency of the
//! device, and its end is known when it starts: nothing on a disk needs an event. The tree
//! is in `fs`, the content of one file in `disk::cache`, what members ask for in
//! `disk::member`.

mod access;
mod cache;
mod member;
mod pages;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use flat::Map;

pub(crate) use access::{EXECUTE, Need};
pub(crate) use cache::FileData;
pub use member::DirView;
pub(crate) use pages::{PAGE_BYTES, zero_page};

use crate::cred::Owner;
use crate::errno::Errno;
use crate::fs::{Device, FileKind, Freed, Node, Stat, Tree};
use crate::ids::Ino;
use crate::rng::Rng;

/// What a disk holds unless told otherwise.
pub const CAPACITY_BYTES: u64 = 20 << 30;

/// What one disk may really take of the page's memory; beyond it is full, whatever its size.
const RESIDENT_PAGES_MAX: u64 = (2 << 30) / PAGE_BYTES;

/// The latency of a sync unless told otherwise: a good solid-state disk.
const SYNC_US: u64 = 800;

/// How much longer a sync takes on a slow disk.
const SLOW_FACTOR: u64 = 250;

/// How far the latency varies, in per cent.
const SYNC_JITTER_PERCENT: u64 = 20;

/// Pages of a file that `corrupt` spoils, one bit each.
const CORRUPT_PAGES: u32 = 3;

/// The largest file: ext4's limit with pages of 4 KiB.
const FILE_BYTES_MAX: u64 = 16 << 40;

/// How a disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskState {
    /// As it should.
    Ok,
    /// Syncs take 250 times as long.
    Slow,
    /// No page can be allocated; what is allocated can be written.
    Full,
}

/// The queues of the device. Syncs of one queue end in the order they were asked for, those
/// of different queues do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Log,
    Database,
    Programs,
}

/// A moment, as a disk wants to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The world's clock.
    pub now_us: u64,
    /// The host's clock: Unix time, for time stamps.
    pub wall_us: u64,
    /// Whose is what is made at it.
    pub owner: Owner,
}

/// A disk. Paths are absolute.
#[derive(Debug)]
pub struct Disk {
    pub(crate) tree: Tree,
    state: DiskState,
    corrupted: bool,
    capacity_pages: u64,
    used_pages: u64,
    base_sync_us: u64,
    /// When the last sync of each queue ends.
    last_done_us: [u64; 3],
    rng: Rng,
    /// Directories somebody watches, with the number of changes made by programs.
    watched: Map<String, u64>,
    /// The open files of members, by data directory.
    members: Map<String, member::OpenFiles>,
}

impl Disk {
    /// An empty disk. The generator decides latencies and what a power loss tears.
    pub fn new(capacity_bytes: u64, rng: Rng) -> Disk {
        Disk {
            tree: Tree::new(),
            state: DiskState::Ok,
            corrupted: false,
            capacity_pages: capacity_bytes / PAGE_BYTES,
            used_pages: 0,
            base_sync_us: SYNC_US,
            last_done_us: [0; 3],
            rng,
            watched: Map::new(),
            members: Map::new(),
        }
    }

    /// How it behaves.
    pub fn state(&self) -> DiskState {
        self.state
    }

    /// Changes how it behaves from now on.
    pub fn set_state(&mut self, state: DiskState) {
        self.state = state;
        self.corrupted &= state != DiskState::Ok;
    }

    /// Whether a file was spoiled since the disk was last made as it should be.
    pub fn corrupted(&self) -> bool {
        self.corrupted
    }

    /// The latency of a sync on a disk that is not slow.
    pub fn set_base_sync_us(&mut self, latency_us: u64) {
        self.base_sync_us = latency_us;
    }

    /// Its size.
    pub fn capacity_bytes(&self) -> u64 {
        self.capacity_pages * PAGE_BYTES
    }

    /// What files take of it; all of it when it is full.
    pub fn used_bytes(&self) -> u64 {
        match self.state {
            DiskState::Full => self.capacity_bytes(),
            DiskState::Ok | DiskState::Slow => self.used_pages * PAGE_BYTES,
        }
    }

    /// Draws the latency of one sync.
    pub fn sync_us(&mut self) -> u64 {
        let latency_us = match self.state {
            DiskState::Slow => self.base_sync_us * SLOW_FACTOR,
            DiskState::Ok | DiskState::Full => self.base_sync_us,
        };
        self.rng.jitter(latency_us, SYNC_JITTER_PERCENT)
    }

    /// What stands at a path; a symbolic link at its end is followed.
    pub fn stat(&self, path: &str) -> Result<Stat, Errno> {
        Ok(self.tree.stat(self.tree.lookup(path)?))
    }

    /// The same without following the last symbolic link.
    pub fn lstat(&self, path: &str) -> Result<Stat, Errno> {
        let ino = self.tree.walk(path, false)?.ino.ok_or(Errno::Enoent)?;
        Ok(self.tree.stat(ino))
    }

    /// The names in a directory, sorted.
    pub fn read_dir(&self, path: &str) -> Result<Vec<String>, Errno> {
        self.tree.names(self.tree.lookup(path)?)
    }

    /// All files below a directory with their lengths, by their paths from there.
    pub fn files(&self, dir: &str) -> Vec<(String, u64)> {
        let mut files = Vec::new();
        let mut dirs = vec![String::new()];
        while let Some(below) = dirs.pop() {
            for name in self.read_dir(&format!("{dir}/{below}")).unwrap_or_default() {
                let path = if below.is_empty() { name } else { format!("{below}/{name}") };
                match self.lstat(&format!("{dir}/{path}")) {
                    Ok(stat) if stat.is_dir() => dirs.push(path),
                    Ok(stat) if stat.is_file() => files.push((path, stat.size)),
                    _ => {}
                }
            }
        }
        flat::sort(&mut files);
        files
    }

    /// Where a symbolic link leads.
    pub fn read_link(&self, path: &str) -> Result<String, Errno> {
        let ino = self.tree.walk(path, false)?.ino.ok_or(Errno::Enoent)?;
        match &self.tree.inode(ino).node {
            Node::Symlink(target) => Ok(target.clone()),
            _ => Err(Errno::Einval),
        }
    }

    /// A whole file.
    pub fn read_file(&self, path: &str) -> Result<Bytes, Errno> {
        let file = self.tree.file(self.tree.lookup(path)?)?;
        Ok(file.read(0, file.size()))
    }

    /// Makes a directory.
    pub fn mkdir(&mut self, path: &str, mode: u16, at: At) -> Result<(), Errno> {
        let found = self.tree.walk(path, false)?;
        self.make(&found, Node::Dir(crate::fs::DirData::default()), mode, at)?;
        Ok(())
    }

    /// Makes a directory and those above it that are missing.
    pub fn mkdir_all(&mut self, path: &str, mode: u16, at: At) -> Result<(), Errno> {
        let mut upto = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            upto.push('/');
            upto.push_str(part);
            let found = self.tree.walk(&upto, true)?;
            match found.ino {
                Some(ino) => drop(self.tree.names(ino)?),
                None => {
                    self.room_for(1)?;
                    let dir = Node::Dir(crate::fs::DirData::default());
                    self.tree.create(&found, dir, mode, at)?;
                }
            }
        }
        Ok(())
    }

    /// Makes a symbolic link.
    pub fn symlink(&mut self, target: &str, path: &str, at: At) -> Result<(), Errno> {
        let found = self.tree.walk(path, false)?;
        self.make(&found, Node::Symlink(target.to_owned()), 0o777, at)?;
        Ok(())
    }

    /// Makes a device.
    pub(crate) fn make_device(&mut self, path: &str, device: Device, at: At) -> Result<(), Errno> {
        let found = self.tree.walk(path, false)?;
        self.make(&found, Node::Device(device), 0o666, at)?;
        Ok(())
    }

    /// Makes an empty file where there is none, and returns what is there.
    pub(crate) fn create(&mut self, path: &str, mode: u16, at: At) -> Result<Ino, Errno> {
        let found = self.tree.walk(path, true)?;
        match found.ino {
            Some(ino) => Ok(ino),
            None if path.ends_with('/') => Err(Errno::Eisdir),
            None => self.make(&found, Node::File(FileData::default()), mode, at),
        }
    }

    fn make(
        &mut self,
        found: &crate::fs::Found,
        node: Node,
        mode: u16,
        at: At,
    ) -> Result<Ino, Errno> {
        if found.ino.is_some() {
            return Err(Errno::Eexist);
        }
        // A new name needs no page of its own unless the disk has none left at all.
        self.room_for(1)?;
        self.tree.create(found, node, mode, at)
    }

    /// Takes a name of a file away.
    pub fn remove_file(&mut self, path: &str, at: At) -> Result<(), Errno> {
        let found = self.tree.walk(path, false)?;
        let ino = found.ino.ok_or(Errno::Enoent)?;
        if matches!(self.tree.inode(ino).node, Node::Dir(_)) {
            return Err(Errno::Eisdir);
        }
        let freed = self.tree.unlink(&found, at.now_us, at.wall_us);
        self.give_back(freed);
        Ok(())
    }

    /// Removes an empty directory.
    pub fn remove_dir(&mut self, path: &str, at: At) -> Result<(), Errno> {
        let found = self.tree.walk(path, false)?;
        let ino = found.ino.ok_or(Errno::Enoent)?;
        if !self.tree.is_empty_dir(ino)? {
            return Err(Errno::Enotempty);
        }
        if self.tree.is_root(ino) || found.name == "." || found.name == ".." {
            return Err(Errno::Ebusy);
        }
        let freed = self.tree.unlink(&found, at.now_us, at.wall_us);
        self.give_back(freed);
        Ok(())
    }

    /// Moves a file or directory; what stood at the target is replaced.
    pub fn rename(&mut self, from: &str, to: &str, at: At) -> Result<(), Errno> {
        let from = self.tree.walk(from, false)?;
        let to = self.tree.walk(to, false)?;
        let freed = self.tree.rename(&from, &to, at.now_us, at.wall_us)?;
        self.give_back(freed);
        Ok(())
    }

    /// Sets permission bits.
    pub fn chmod(&mut self, path: &str, mode: u16) -> Result<(), Errno> {
        let ino = self.tree.lookup(path)?;
        self.tree.inode_mut(ino).mode = mode & 0o7777;
        Ok(())
    }

    /// Sets the time stamp of a file.
    pub fn set_mtime(&mut self, path: &str, wall_us: u64) -> Result<(), Errno> {
        let ino = self.tree.lookup(path)?;
        self.tree.inode_mut(ino).mtime_us = wall_us;
        Ok(())
    }

    /// Cuts a file or lengthens it with a hole.
    pub(crate) fn set_size(&mut self, ino: Ino, size: u64, at: At) -> Result<(), Errno> {
        if size > FILE_BYTES_MAX {
            return Err(Errno::Efbig);
        }
        let file = self.tree.file_mut(ino)?;
        let before = file.allocated_pages();
        file.set_size(size, at.now_us);
        let freed = before - file.allocated_pages();
        self.tree.inode_mut(ino).mtime_us = at.wall_us;
        self.give_back(Freed(freed));
        Ok(())
    }

    /// Reads up to `len` bytes; fewer at the end of the file.
    pub(crate) fn read(&self, ino: Ino, offset: u64, len: u64) -> Result<Bytes, Errno> {
        Ok(self.tree.file(ino)?.read(offset, len))
    }

    /// Writes all of the bytes or nothing.
    pub(crate) fn write(
        &mut self,
        ino: Ino,
        offset: u64,
        bytes: &Bytes,
        at: At,
    ) -> Result<(), Errno> {
        self.tree.file_mut(ino)?.retire(at.now_us);
        self.write_parts(ino, &[(offset, bytes)], at)
    }

    /// Writes several parts of a file as one, with `at` the moment that is sent to the
    /// device, which may be to come.
    fn write_parts(&mut self, ino: Ino, parts: &[(u64, &Bytes)], at: At) -> Result<(), Errno> {
        let mut needed = 0;
        for (offset, bytes) in parts {
            let len = bytes.len() as u64;
            if offset.checked_add(len).is_none_or(|end| end > FILE_BYTES_MAX) {
                return Err(Errno::Efbig);
            }
            needed += self.tree.file(ino)?.pages_needed(*offset, len);
        }
        self.room_for(needed)?;
        let file = self.tree.file_mut(ino)?;
        let before = file.allocated_pages();
        file.write(parts.iter().copied(), at.now_us);
        // Parts may overlap, so what they took is counted afterwards.
        self.used_pages += self.tree.file(ino)?.allocated_pages() - before;
        self.tree.inode_mut(ino).mtime_us = at.wall_us;
        Ok(())
    }

    /// Puts a whole file there, durable at once: how a host is furnished.
    pub fn install(&mut self, path: &str, bytes: &Bytes, mode: u16, at: At) -> Result<(), Errno> {
        if let Some((dir, _)) = path.rsplit_once('/') {
            self.mkdir_all(dir, 0o755, at)?;
        }
        let ino = self.create(path, mode, at)?;
        self.set_size(ino, 0, at)?;
        self.write(ino, 0, bytes, at)?;
        self.tree.inode_mut(ino).mode = mode;
        self.tree.file_mut(ino)?.sync(at.now_us, at.now_us);
        self.tree.sync_names(ino, at.now_us, at.now_us);
        Ok(())
    }

    /// Starts a sync of a file or directory for a program and tells when it will be done.
    pub(crate) fn sync(&mut self, ino: Ino, at: At) -> u64 {
        self.sync_in(Queue::Programs, ino, at.now_us)
    }

    fn sync_in(&mut self, queue: Queue, ino: Ino, issued_us: u64) -> u64 {
        let done_us = self.next_done_us(queue, issued_us);
        if let Node::File(file) = &mut self.tree.inode_mut(ino).node {
            file.sync(issued_us, done_us);
        }
        self.tree.sync_names(ino, issued_us, done_us);
        done_us
    }

    fn next_done_us(&mut self, queue: Queue, issued_us: u64) -> u64 {
        let latency_us = self.sync_us();
        let last_done_us = &mut self.last_done_us[queue as usize];
        *last_done_us = (issued_us + latency_us).max(*last_done_us);
        *last_done_us
    }

    /// Starts a sync of everything and tells when it will be done.
    pub(crate) fn sync_all(&mut self, at: At) -> u64 {
        let done_us = self.next_done_us(Queue::Programs, at.now_us);
        self.tree.sync_all(at.now_us, done_us);
        done_us
    }

    /// Everything is durable now: the state a world starts with.
    pub fn settle(&mut self, now_us: u64) {
        self.tree.sync_all(now_us, now_us);
    }

    /// The power fails: only what the device holds is left, and of what was on its way to
    /// it the parts that arrived.
    pub fn lose_power(&mut self, now_us: u64) {
        self.members.clear();
        self.tree.lose_power(now_us, &mut self.rng);
        self.used_pages = self.tree.allocated_pages();
        self.last_done_us = [now_us; 3];
    }

    /// Spoils a few bits of a file, in the cache and on the device. EINVAL when it is empty.
    pub fn corrupt(&mut self, path: &str) -> Result<(), Errno> {
        let ino = self.tree.lookup(path)?;
        let file = self.tree.file_mut(ino)?;
        let before = file.allocated_pages();
        if !file.flip_bits(CORRUPT_PAGES, &mut self.rng) {
            return Err(Errno::Einval);
        }
        self.used_pages += file.allocated_pages() - before;
        self.corrupted = true;
        Ok(())
    }

    /// An open file description ended.
    pub(crate) fn close(&mut self, ino: Ino) {
        let freed = self.tree.close(ino);
        self.give_back(freed);
    }

    fn give_back(&mut self, freed: Freed) {
        assert!(freed.0 <= self.used_pages, "a disk never frees more than it holds");
        self.used_pages -= freed.0;
    }

    fn room_for(&self, pages: u64) -> Result<(), Errno> {
        let after = self.used_pages + pages;
        let full = match self.state {
            DiskState::Full => true,
            DiskState::Ok | DiskState::Slow => after > self.capacity_pages.min(RESIDENT_PAGES_MAX),
        };
        if pages > 0 && full { Err(Errno::Enospc) } else { Ok(()) }
    }

    /// A program changed something at this path.
    pub(crate) fn note_change(&mut self, path: &str) {
        for (dir, changes) in &mut self.watched {
            if is_below(path, dir) || is_below(dir, path) {
                *changes += 1;
            }
        }
    }

    /// How often programs changed something in or above a directory since it was first
    /// asked about; what members write through [`Disk::submit`] does not count.
    pub fn foreign_changes(&mut self, dir: &str) -> u64 {
        *self.watched.entry(dir.trim_end_matches('/').to_owned()).or_insert(0)
    }
}

/// Whether a path is `dir` or lies in it.
fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a `stat` found a regular file.
impl Stat {
    /// True for a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == FileKind::File
    }

    /// True for a directory.
    pub fn is_dir(&self) -> bool {
        self.kind == FileKind::Dir
    }
}
