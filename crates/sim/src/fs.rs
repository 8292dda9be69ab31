//! The tree of one disk: directories, files, symbolic links and devices.
//!
//! Names change in the cache at once; the device learns of them through a journal that is
//! kept in order, as in ext4: what it holds after a power loss is always a state the tree
//! once had, only an older one. Content is the business of `disk::cache`, space and
//! latency that of `disk`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::cred::{Cred, Owner};
use crate::disk::{At, EXECUTE, FileData};
use crate::errno::Errno;
use crate::ids::Ino;
use crate::rng::Rng;

/// The journal of names is written after this time at the latest, as in ext4 (`commit=5`).
pub(crate) const COMMIT_US: u64 = 5_000_000;

const NAME_BYTES_MAX: usize = 255;
const SYMLINKS_MAX: u32 = 40;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link (`lstat` only).
    Symlink,
    /// A character device.
    Device,
}

/// The devices of `/dev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    Null,
    Zero,
    Full,
    /// Bytes by chance, of the world's seed.
    Random,
    /// The terminal of the process that opens it.
    Tty,
    /// An open file of the process that opens it: `/dev/stdin`.
    Fd(u32),
}

/// What `stat` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Its length in bytes; 4096 for a directory.
    pub size: u64,
    /// Permission bits.
    pub mode: u16,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When its content last changed: Unix time by the host's clock.
    pub mtime_us: u64,
    /// Its names, or for a directory 2 and one for each directory in it.
    pub nlink: u32,
    /// The number of its inode.
    pub ino: u32,
    /// What it takes on the disk.
    pub allocated_bytes: u64,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFlags {
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// Made if it is missing.
    pub create: bool,
    /// Emptied.
    pub truncate: bool,
    /// Every write goes to the end.
    pub append: bool,
    /// Must be missing (with `create`).
    pub exclusive: bool,
    /// Permission bits of a file that is made, before the process's umask.
    pub mode: u16,
}

impl OpenFlags {
    const NONE: OpenFlags = OpenFlags {
        read: false,
        write: false,
        create: false,
        truncate: false,
        append: false,
        exclusive: false,
        mode: 0o666,
    };

    /// `<`: for reading.
    pub const READ: OpenFlags = OpenFlags { read: true, ..OpenFlags::NONE };

    /// `>`: for writing, emptied or made.
    pub const WRITE: OpenFlags =
        OpenFlags { write: true, create: true, truncate: true, ..OpenFlags::NONE };

    /// `>>`: for writing at the end, made if missing.
    pub const APPEND: OpenFlags =
        OpenFlags { write: true, create: true, append: true, ..OpenFlags::NONE };
}

/// A directory: its names in the cache and those on the device.
#[derive(Debug, Default)]
pub(crate) struct DirData {
    pub(crate) names: BTreeMap<String, Ino>,
    device: BTreeMap<String, Ino>,
    parent: Option<Ino>,
}

#[derive(Debug)]
pub(crate) enum Node {
    File(FileData),
    Dir(DirData),
    Symlink(String),
    Device(Device),
}

#[derive(Debug)]
pub(crate) struct Inode {
    pub(crate) node: Node,
    pub(crate) mode: u16,
    pub(crate) owner: Owner,
    pub(crate) mtime_us: u64,
    /// Names in the cache.
    links: u32,
    /// Names on the device and in the journal.
    device_links: u32,
    /// Open file descriptions.
    opens: u32,
    /// The last journal entry that named this inode or, for a directory, a name in it.
    journal_no: u64,
}

/// One change of names.
#[derive(Debug)]
enum NameOp {
    Link { dir: Ino, name: String, ino: Ino },
    Unlink { dir: Ino, name: String },
    Rename { from_dir: Ino, from: String, to_dir: Ino, to: String, ino: Ino },
}

#[derive(Debug)]
struct JournalEntry {
    issued_us: u64,
    durable_us: u64,
    op: NameOp,
}

impl JournalEntry {
    fn sync(&mut self, issued_us: u64, done_us: u64) {
        if self.issued_us <= issued_us {
            self.durable_us = self.durable_us.min(done_us);
        }
    }
}

/// Where a path leads: the directory that holds its last name, and what stands there.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) dir: Ino,
    pub(crate) name: String,
    pub(crate) ino: Option<Ino>,
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Tree {
    inodes: BTreeMap<Ino, Inode>,
    root: Ino,
    next_ino: u32,
    journal: VecDeque<JournalEntry>,
    /// The number of the first entry of the journal.
    journal_first: u64,
}

impl Tree {
    pub(crate) fn new() -> Tree {
        let root = Ino(1);
        let dir = DirData { parent: Some(root), ..DirData::default() };
        let inode = Inode {
            node: Node::Dir(dir),
            mode: 0o755,
            owner: Owner::ROOT,
            mtime_us: 0,
            links: 1,
            device_links: 1,
            opens: 0,
            journal_no: 0,
        };
        Tree {
            inodes: BTreeMap::from([(root, inode)]),
            root,
            next_ino: 2,
            journal: VecDeque::new(),
            journal_first: 1,
        }
    }

    pub(crate) fn inode(&self, ino: Ino) -> &Inode {
        self.inodes.get(&ino).expect("an inode in use is kept")
    }

    pub(crate) fn inode_mut(&mut self, ino: Ino) -> &mut Inode {
        self.inodes.get_mut(&ino).expect("an inode in use is kept")
    }

    pub(crate) fn file(&self, ino: Ino) -> Result<&FileData, Errno> {
        match &self.inode(ino).node {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(Errno::Eisdir),
            Node::Symlink(_) | Node::Device(_) => Err(Errno::Einval),
        }
    }

    pub(crate) fn file_mut(&mut self, ino: Ino) -> Result<&mut FileData, Errno> {
        match &mut self.inode_mut(ino).node {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(Errno::Eisdir),
            Node::Symlink(_) | Node::Device(_) => Err(Errno::Einval),
        }
    }

    fn dir(&self, ino: Ino) -> Result<&DirData, Errno> {
        match &self.inode(ino).node {
            Node::Dir(dir) => Ok(dir),
            _ => Err(Errno::Enotdir),
        }
    }

    fn dir_mut(&mut self, ino: Ino) -> &mut DirData {
        match &mut self.inode_mut(ino).node {
            Node::Dir(dir) => dir,
            _ => unreachable!("only a directory is changed as one"),
        }
    }

    /// Walks an absolute path. `follow` says whether a symbolic link at its end is followed.
    pub(crate) fn walk(&self, path: &str, follow: bool) -> Result<Found, Errno> {
        self.walk_as(None, path, follow)
    }

    /// The same for somebody who needs to be allowed to search every directory on the way.
    pub(crate) fn walk_as(
        &self,
        who: Option<&Cred>,
        path: &str,
        follow: bool,
    ) -> Result<Found, Errno> {
        self.walk_counted(who.filter(|who| !who.is_root()), self.root, (path, follow), 0)
    }

    fn walk_counted(
        &self,
        who: Option<&Cred>,
        start: Ino,
        (path, follow): (&str, bool),
        depth: u32,
    ) -> Result<Found, Errno> {
        if depth > SYMLINKS_MAX {
            return Err(Errno::Eloop);
        }
        if path.is_empty() {
            return Err(Errno::Enoent);
        }
        let wants_dir = path.ends_with('/') || path.ends_with("/.");
        let mut at = if path.starts_with('/') { self.root } else { start };
        let mut found = Found { dir: at, name: ".".to_owned(), ino: Some(at) };
        let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            if part.len() > NAME_BYTES_MAX {
                return Err(Errno::Enametoolong);
            }
            let dir = self.dir(at)?;
            if let Some(who) = who {
                self.may(who, at, EXECUTE)?;
            }
            let next = match part {
                "." => Some(at),
                ".." => dir.parent,
                name => dir.names.get(name).copied(),
            };
            let last = parts.peek().is_none();
            found = Found { dir: at, name: part.to_owned(), ino: next };
            let Some(ino) = next else {
                return if last { Ok(found) } else { Err(Errno::Enoent) };
            };
            if let Node::Symlink(target) = &self.inode(ino).node
                && (!last || follow || wants_dir)
            {
                found = self.walk_counted(who, at, (target, true), depth + 1)?;
                if last {
                    break;
                }
            }
            at = found.ino.ok_or(Errno::Enoent)?;
        }
        if let Some(ino) = found.ino
            && wants_dir
        {
            self.dir(ino)?;
        }
        Ok(found)
    }

    /// What stands at a path.
    pub(crate) fn lookup(&self, path: &str) -> Result<Ino, Errno> {
        self.walk(path, true)?.ino.ok_or(Errno::Enoent)
    }

    pub(crate) fn stat(&self, ino: Ino) -> Stat {
        let inode = self.inode(ino);
        let (kind, size, pages) = match &inode.node {
            Node::File(file) => (FileKind::File, file.size(), file.allocated_pages()),
            Node::Dir(_) => (FileKind::Dir, 4096, 1),
            Node::Symlink(target) => (FileKind::Symlink, target.len() as u64, 0),
            Node::Device(_) => (FileKind::Device, 0, 0),
        };
        let nlink = match &inode.node {
            Node::Dir(dir) => {
                let dirs =
                    dir.names.values().filter(|&&ino| matches!(self.inode(ino).node, Node::Dir(_)));
                2 + dirs.count() as u32
            }
            _ => inode.links,
        };
        Stat {
            kind,
            size,
            mode: inode.mode,
            uid: inode.owner.uid,
            gid: inode.owner.gid,
            mtime_us: inode.mtime_us,
            nlink,
            ino: ino.0,
            allocated_bytes: pages * crate::disk::PAGE_BYTES,
        }
    }

    /// The names in a directory, sorted.
    pub(crate) fn names(&self, ino: Ino) -> Result<Vec<String>, Errno> {
        Ok(self.dir(ino)?.names.keys().cloned().collect())
    }

    /// Makes a new thing under a name that must be free.
    pub(crate) fn create(
        &mut self,
        found: &Found,
        node: Node,
        mode: u16,
        at: At,
    ) -> Result<Ino, Errno> {
        let At { now_us: issued_us, wall_us, owner } = at;
        if found.ino.is_some() {
            return Err(Errno::Eexist);
        }
        let ino = Ino(self.next_ino);
        self.next_ino += 1;
        let node = match node {
            Node::Dir(dir) => Node::Dir(DirData { parent: Some(found.dir), ..dir }),
            node => node,
        };
        let inode = Inode {
            node,
            mode,
            owner,
            mtime_us: wall_us,
            links: 1,
            device_links: 0,
            opens: 0,
            journal_no: 0,
        };
        self.inodes.insert(ino, inode);
        self.dir_mut(found.dir).names.insert(found.name.clone(), ino);
        self.inode_mut(found.dir).mtime_us = wall_us;
        self.log(NameOp::Link { dir: found.dir, name: found.name.clone(), ino }, issued_us);
        Ok(ino)
    }

    /// Takes a name away; the inode goes with its last name and its last user.
    pub(crate) fn unlink(&mut self, found: &Found, issued_us: u64, wall_us: u64) -> Freed {
        let ino = found.ino.expect("the caller saw it");
        self.dir_mut(found.dir).names.remove(&found.name);
        self.inode_mut(found.dir).mtime_us = wall_us;
        self.inode_mut(ino).links -= 1;
        self.log(NameOp::Unlink { dir: found.dir, name: found.name.clone() }, issued_us);
        self.release(ino)
    }

    /// Moves a name; whatever stood at the target is replaced.
    pub(crate) fn rename(
        &mut self,
        from: &Found,
        to: &Found,
        issued_us: u64,
        wall_us: u64,
    ) -> Result<Freed, Errno> {
        let ino = from.ino.ok_or(Errno::Enoent)?;
        if [&from.name, &to.name].iter().any(|name| *name == "." || *name == "..") {
            return Err(Errno::Ebusy);
        }
        if to.ino == Some(ino) {
            return Ok(Freed(0));
        }
        let is_dir = matches!(self.inode(ino).node, Node::Dir(_));
        if is_dir && self.is_within(to.dir, ino) {
            return Err(Errno::Einval);
        }
        if let Some(target) = to.ino {
            match (&self.inode(target).node, is_dir) {
                (Node::Dir(_), false) => return Err(Errno::Eisdir),
                (Node::Dir(dir), true) if !dir.names.is_empty() => return Err(Errno::Enotempty),
                (Node::Dir(_), true) => {}
                (_, true) => return Err(Errno::Enotdir),
                (_, false) => {}
            }
        }
        self.dir_mut(from.dir).names.remove(&from.name);
        self.dir_mut(to.dir).names.insert(to.name.clone(), ino);
        if is_dir {
            self.dir_mut(ino).parent = Some(to.dir);
        }
        for dir in [from.dir, to.dir] {
            self.inode_mut(dir).mtime_us = wall_us;
        }
        let op = NameOp::Rename {
            from_dir: from.dir,
            from: from.name.clone(),
            to_dir: to.dir,
            to: to.name.clone(),
            ino,
        };
        self.log(op, issued_us);
        Ok(match to.ino {
            Some(target) => {
                self.inode_mut(target).links -= 1;
                self.release(target)
            }
            None => Freed(0),
        })
    }

    /// Whether `inner` is `outer` or lies below it.
    fn is_within(&self, mut inner: Ino, outer: Ino) -> bool {
        loop {
            if inner == outer {
                return true;
            }
            match self.dir(inner) {
                Ok(dir) if inner != self.root => inner = dir.parent.unwrap_or(self.root),
                _ => return false,
            }
        }
    }

    /// Whether a directory can be removed.
    pub(crate) fn is_empty_dir(&self, ino: Ino) -> Result<bool, Errno> {
        Ok(self.dir(ino)?.names.is_empty())
    }

    pub(crate) fn is_root(&self, ino: Ino) -> bool {
        ino == self.root
    }

    /// An open file keeps its inode.
    pub(crate) fn open(&mut self, ino: Ino) {
        self.inode_mut(ino).opens += 1;
    }

    /// Ends an [`Tree::open`].
    pub(crate) fn close(&mut self, ino: Ino) -> Freed {
        self.inode_mut(ino).opens -= 1;
        self.release(ino)
    }

    /// What nobody can reach any more frees its space at once; the inode itself stays until
    /// the device has forgotten it too, for a power loss can bring it back.
    fn release(&mut self, ino: Ino) -> Freed {
        let inode = self.inode(ino);
        if inode.links > 0 || inode.opens > 0 {
            return Freed(0);
        }
        let pages = match &inode.node {
            Node::File(file) => file.allocated_pages(),
            _ => 0,
        };
        if inode.device_links == 0 {
            self.inodes.remove(&ino);
        }
        Freed(pages)
    }

    fn log(&mut self, op: NameOp, issued_us: u64) {
        let no = self.journal_first + self.journal.len() as u64;
        let named = match &op {
            NameOp::Link { dir, ino, .. } => [Some(*dir), Some(*ino), None],
            NameOp::Unlink { dir, .. } => [Some(*dir), None, None],
            NameOp::Rename { from_dir, to_dir, ino, .. } => {
                [Some(*from_dir), Some(*to_dir), Some(*ino)]
            }
        };
        for ino in named.into_iter().flatten() {
            self.inode_mut(ino).journal_no = no;
        }
        if let NameOp::Link { ino, .. } | NameOp::Rename { ino, .. } = &op {
            self.inode_mut(*ino).device_links += 1;
        }
        let durable_us = issued_us + COMMIT_US;
        self.journal.push_back(JournalEntry { issued_us, durable_us, op });
    }

    /// The names this inode is known by, and if it is a directory those in it, are safe
    /// from `done_us` on, and with them all the journal holds before them, as far as it was
    /// sent to the device by `issued_us`.
    pub(crate) fn sync_names(&mut self, ino: Ino, issued_us: u64, done_us: u64) {
        let no = self.inode(ino).journal_no;
        if no < self.journal_first {
            return;
        }
        let upto = (no - self.journal_first) as usize;
        for entry in self.journal.range_mut(..=upto) {
            entry.sync(issued_us, done_us);
        }
    }

    /// All names and all content are safe from `done_us` on.
    pub(crate) fn sync_all(&mut self, issued_us: u64, done_us: u64) {
        for entry in &mut self.journal {
            entry.sync(issued_us, done_us);
        }
        for inode in self.inodes.values_mut() {
            if let Node::File(file) = &mut inode.node {
                file.sync(issued_us, done_us);
            }
        }
    }

    /// Writes to the device what is safe by now, so that the journal stays short.
    pub(crate) fn retire(&mut self, now_us: u64) {
        while self.journal.front().is_some_and(|entry| entry.durable_us <= now_us) {
            let entry = self.journal.pop_front().expect("the front was just seen");
            self.journal_first += 1;
            self.arrive(entry.op);
        }
    }

    fn arrive(&mut self, op: NameOp) {
        match op {
            NameOp::Link { dir, name, ino } => self.set_device_name(dir, name, ino),
            NameOp::Unlink { dir, name } => self.drop_device_name(dir, &name),
            NameOp::Rename { from_dir, from, to_dir, to, ino } => {
                self.drop_device_name(from_dir, &from);
                self.set_device_name(to_dir, to, ino);
            }
        }
    }

    /// After a power loss the directory itself may never have reached the device; then
    /// neither did the name.
    fn set_device_name(&mut self, dir: Ino, name: String, ino: Ino) {
        let before = match self.inodes.get_mut(&dir).map(|inode| &mut inode.node) {
            Some(Node::Dir(dir)) => dir.device.insert(name, ino),
            _ => Some(ino),
        };
        self.forget(before);
    }

    fn drop_device_name(&mut self, dir: Ino, name: &str) {
        let before = match self.inodes.get_mut(&dir).map(|inode| &mut inode.node) {
            Some(Node::Dir(dir)) => dir.device.remove(name),
            _ => None,
        };
        self.forget(before);
    }

    /// The device lost a name of an inode.
    fn forget(&mut self, ino: Option<Ino>) {
        let Some(ino) = ino else { return };
        let inode = self.inode_mut(ino);
        inode.device_links -= 1;
        if inode.device_links == 0 && inode.links == 0 && inode.opens == 0 {
            self.inodes.remove(&ino);
        }
    }

    /// The power fails: the names are those of the device, with a part of the journal that
    /// was on its way, from its start.
    pub(crate) fn lose_power(&mut self, now_us: u64, rng: &mut Rng) {
        self.retire(now_us);
        let journal = std::mem::take(&mut self.journal);
        self.journal_first += journal.len() as u64;
        let safe = journal.iter().rposition(|entry| entry.durable_us <= now_us);
        let safe = safe.map_or(0, |index| index + 1);
        let arrived = safe + rng.below((journal.len() - safe) as u64 + 1) as usize;
        for (index, entry) in journal.into_iter().enumerate() {
            if index < arrived && entry.issued_us <= now_us {
                self.arrive(entry.op);
            } else if let NameOp::Link { ino, .. } | NameOp::Rename { ino, .. } = entry.op {
                self.forget(Some(ino));
            }
        }
        let mut reached = BTreeMap::from([(self.root, 1)]);
        self.restore_dir(self.root, self.root, &mut reached);
        self.inodes.retain(|ino, _| reached.contains_key(ino));
        for (ino, links) in reached {
            let inode = self.inode_mut(ino);
            (inode.links, inode.device_links, inode.opens) = (links, links, 0);
            if let Node::File(file) = &mut inode.node {
                file.lose_power(now_us, rng);
            }
        }
    }

    /// Makes the names of a directory those of the device, and counts the names of all it
    /// reaches. The tree is as deep as its paths are long, so recursion is bounded.
    fn restore_dir(&mut self, ino: Ino, parent: Ino, reached: &mut BTreeMap<Ino, u32>) {
        let dir = self.dir_mut(ino);
        dir.names = dir.device.clone();
        dir.parent = Some(parent);
        let children: BTreeSet<Ino> = dir.names.values().copied().collect();
        let names: Vec<Ino> = dir.names.values().copied().collect();
        for child in names {
            *reached.entry(child).or_insert(0) += 1;
        }
        for child in children {
            if matches!(self.inode(child).node, Node::Dir(_)) {
                self.restore_dir(child, ino, reached);
            }
        }
    }

    /// Pages all files take; used to count anew after a power loss.
    pub(crate) fn allocated_pages(&self) -> u64 {
        let files = self.inodes.values().filter_map(|inode| match &inode.node {
            Node::File(file) if inode.links > 0 || inode.opens > 0 => Some(file.allocated_pages()),
            _ => None,
        });
        files.sum()
    }
}

/// Pages that became free.
#[must_use]
#[derive(Debug)]
pub(crate) struct Freed(pub(crate) u64);
