//! Open files: what a file descriptor leads to, and what reading and writing mean there.
//!
//! A call that would have to wait answers `None` and leaves the process's number where it
//! will be woken; `sys` turns that into futures.

use bytes::Bytes;
use flat::Map;

use super::Kernel;
use crate::disk::{Need, zero_page};
use crate::errno::Errno;
use crate::fs::{Device, Node, OpenFlags, Stat};
use crate::ids::{Fd, HostId, Ino, OpenId, Pid, PipeId, TtyId};
use crate::pipe::Pipe;
use crate::proc::Stdio;
use crate::tty::Stream;

/// Files a process opens itself get numbers from here on, so that they never become
/// standard files by chance.
const FD_FIRST: u32 = 3;

/// Files one process can have open.
const FDS_MAX: usize = 1024;

/// What an open file description leads to.
#[derive(Clone, Debug)]
pub(super) enum Target {
    File {
        ino: Ino,
        path: String,
    },
    Dir,
    PipeOut(PipeId),
    PipeIn(PipeId),
    Tty(TtyId, Stream),
    Null,
    Zero,
    Full,
    Random,
    /// A text of the kernel's own, under `/proc`.
    Text(Bytes),
}

/// An open file description. Processes that inherited it share its offset.
#[derive(Clone, Debug)]
pub(super) struct Open {
    host: HostId,
    target: Target,
    flags: OpenFlags,
    offset: u64,
    users: u32,
}

/// So much of `/dev/urandom` is read at once.
const RANDOM_MAX: usize = 4096;

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) bytes: usize,
    /// How long the writer has to rest before it goes on.
    pub(crate) rest_us: Option<u64>,
}

impl Kernel {
    fn add_open(&mut self, host: HostId, target: Target, flags: OpenFlags) -> OpenId {
        let id = OpenId(self.next_open);
        self.next_open += 1;
        self.opens.insert(id, Open { host, target, flags, offset: 0, users: 1 });
        id
    }

    /// One more file descriptor leads there.
    pub(super) fn share(&mut self, id: OpenId) {
        self.opens.get_mut(&id).expect("a description in use is kept").users += 1;
    }

    /// One file descriptor less leads there.
    pub(super) fn close_open(&mut self, id: OpenId) {
        let open = self.opens.get_mut(&id).expect("a description in use is kept");
        open.users -= 1;
        if open.users > 0 {
            return;
        }
        let open = self.opens.remove(&id).expect("it was there a line ago");
        match open.target {
            Target::File { ino, .. } => self.host_mut(open.host).disk.close(ino),
            Target::PipeOut(pipe) => self.pipe_change(pipe, |pipe| pipe.readers -= 1),
            Target::PipeIn(pipe) => self.pipe_change(pipe, |pipe| pipe.writers -= 1),
            Target::Dir
            | Target::Tty(..)
            | Target::Null
            | Target::Zero
            | Target::Full
            | Target::Random
            | Target::Text(_) => {}
        }
    }

    /// Changes a pipe and wakes those who wait at it; a pipe without ends is gone.
    fn pipe_change<T>(&mut self, id: PipeId, change: impl FnOnce(&mut Pipe) -> T) -> T {
        let pipe = self.pipes.get_mut(&id).expect("a pipe with an open end is kept");
        let result = change(pipe);
        let waiting = pipe.take_waiting();
        if pipe.readers == 0 && pipe.writers == 0 {
            self.pipes.remove(&id);
        }
        for pid in waiting {
            self.wake(pid);
        }
        result
    }

    fn add_fd(&mut self, pid: Pid, open: OpenId) -> Result<Fd, Errno> {
        let proc = self.proc_mut(pid).ok_or(Errno::Esrch)?;
        let fd = (FD_FIRST..).map(Fd).find(|fd| !proc.fds.contains_key(fd));
        match fd {
            Some(fd) if proc.fds.len() < FDS_MAX && (proc.fds.len() as u64) < proc.files_max.0 => {
                proc.fds.insert(fd, open);
                Ok(fd)
            }
            _ => {
                self.close_open(open);
                Err(Errno::Emfile)
            }
        }
    }

    fn open_of(&self, pid: Pid, fd: Fd) -> Result<OpenId, Errno> {
        self.proc(pid).and_then(|proc| proc.fds.get(&fd)).copied().ok_or(Errno::Ebadf)
    }

    /// The standard files of a process without a parent.
    pub(super) fn open_stdio(
        &mut self,
        host: HostId,
        stdio: &Stdio,
    ) -> Result<Map<Fd, OpenId>, Errno> {
        let read = OpenFlags::READ;
        let write = OpenFlags { read: true, ..OpenFlags::APPEND };
        let (input, output, error) = match stdio {
            Stdio::Null => (Target::Null, Target::Null, Target::Null),
            Stdio::Tty(tty) => (
                Target::Tty(*tty, Stream::Stdout),
                Target::Tty(*tty, Stream::Stdout),
                Target::Tty(*tty, Stream::Stderr),
            ),
            Stdio::Log(path) => {
                let at = self.at(host);
                let disk = &mut self.host_mut(host).disk;
                let ino = disk.create(path, 0o644, at)?;
                disk.tree.file(ino)?;
                disk.tree.open(ino);
                disk.tree.open(ino);
                let target = Target::File { ino, path: path.clone() };
                (Target::Null, target.clone(), target)
            }
        };
        Ok(Map::from([
            (Fd::STDIN, self.add_open(host, input, read)),
            (Fd::STDOUT, self.add_open(host, output, write)),
            (Fd::STDERR, self.add_open(host, error, write)),
        ]))
    }

    /// Opens a file for a process.
    pub(crate) fn open(&mut self, pid: Pid, path: &str, flags: OpenFlags) -> Result<Fd, Errno> {
        if let Some(rest) = path.strip_prefix("/proc/") {
            if flags.write {
                return Err(Errno::Eacces);
            }
            let text = self.proc_text(pid, rest)?;
            let open = self.add_open(self.host_of(pid), Target::Text(text.into()), flags);
            return self.add_fd(pid, open);
        }
        let path = match flags.write || flags.create {
            // What a device takes does not change the mount it lies on.
            true if path.starts_with("/dev/") => self.on_disk(pid, path),
            true => self.on_disk_to_change(pid, path)?,
            false => self.on_disk(pid, path),
        };
        let host = self.host_of(pid);
        let at = self.at_for(pid);
        let caller = self.caller(pid);
        let (mode, who) = (flags.mode & !caller.umask, caller.cred.clone());
        let disk = &mut self.host_mut(host).disk;
        let need = match (flags.read, flags.write) {
            (true, true) => Need::ReadWrite,
            (false, true) => Need::Write,
            (_, false) => Need::Read,
        };
        disk.permits(&who, &path, true, need)?;
        let existing = disk.tree.walk(&path, true)?.ino;
        let ino = match existing {
            Some(_) if flags.create && flags.exclusive => return Err(Errno::Eexist),
            Some(ino) => ino,
            None if flags.create => disk.create(&path, mode, at)?,
            None => return Err(Errno::Enoent),
        };
        let target = match &disk.tree.inode(ino).node {
            Node::File(_) => Target::File { ino, path: path.clone() },
            Node::Dir(_) if flags.write => return Err(Errno::Eisdir),
            Node::Dir(_) => Target::Dir,
            Node::Symlink(_) => return Err(Errno::Eloop),
            Node::Device(Device::Null) => Target::Null,
            Node::Device(Device::Zero) => Target::Zero,
            Node::Device(Device::Full) => Target::Full,
            Node::Device(Device::Random) => Target::Random,
            Node::Device(Device::Tty) => {
                let tty = self.caller(pid).tty.ok_or(Errno::Enxio)?;
                Target::Tty(tty, Stream::Stdout)
            }
            Node::Device(Device::Fd(number)) => {
                let number = *number;
                return self.dup(pid, Fd(number));
            }
        };
        if let Target::File { .. } = target {
            let disk = &mut self.host_mut(host).disk;
            if flags.truncate && flags.write {
                disk.set_size(ino, 0, at)?;
            }
            disk.tree.open(ino);
            if existing.is_none() || (flags.truncate && flags.write) {
                disk.note_change(&path);
            }
        }
        let open = self.add_open(host, target, flags);
        self.add_fd(pid, open)
    }

    /// One more number for an open file.
    pub(crate) fn dup(&mut self, pid: Pid, fd: Fd) -> Result<Fd, Errno> {
        let open = self.open_of(pid, fd)?;
        self.share(open);
        self.add_fd(pid, open)
    }

    /// Makes one number lead where another does.
    pub(crate) fn dup_to(&mut self, pid: Pid, fd: Fd, to: Fd) -> Result<(), Errno> {
        let open = self.open_of(pid, fd)?;
        if fd == to {
            return Ok(());
        }
        self.share(open);
        let proc = self.proc_mut(pid).ok_or(Errno::Esrch)?;
        if let Some(before) = proc.fds.insert(to, open) {
            self.close_open(before);
        }
        Ok(())
    }

    /// Closes a file of a process.
    pub(crate) fn close(&mut self, pid: Pid, fd: Fd) -> Result<(), Errno> {
        let open = self.proc_mut(pid).and_then(|proc| proc.fds.remove(&fd)).ok_or(Errno::Ebadf)?;
        self.close_open(open);
        Ok(())
    }

    /// A new pipe: the end to read from, the end to write to.
    pub(crate) fn pipe(&mut self, pid: Pid) -> Result<(Fd, Fd), Errno> {
        let id = PipeId(self.next_pipe);
        self.next_pipe += 1;
        self.pipes.insert(id, Pipe::new());
        let host = self.host_of(pid);
        let write = OpenFlags { read: false, ..OpenFlags::APPEND };
        let out = self.add_open(host, Target::PipeOut(id), OpenFlags::READ);
        let into = self.add_open(host, Target::PipeIn(id), write);
        let out = match self.add_fd(pid, out) {
            Ok(fd) => fd,
            Err(errno) => {
                self.close_open(into);
                return Err(errno);
            }
        };
        match self.add_fd(pid, into) {
            Ok(into) => Ok((out, into)),
            Err(errno) => {
                self.close(pid, out)?;
                Err(errno)
            }
        }
    }

    /// Reads: none means wait, empty means the end.
    pub(crate) fn try_read(
        &mut self,
        pid: Pid,
        fd: Fd,
        max: usize,
    ) -> Result<Option<Bytes>, Errno> {
        let id = self.open_of(pid, fd)?;
        let open = self.opens.get(&id).expect("a description in use is kept");
        if !open.flags.read {
            return Err(Errno::Ebadf);
        }
        if max == 0 {
            return Ok(Some(Bytes::new()));
        }
        match open.target {
            Target::File { ino, .. } => {
                let (host, offset) = (open.host, open.offset);
                let bytes = self.host(host).disk.read(ino, offset, max as u64)?;
                let open = self.opens.get_mut(&id).expect("a description in use is kept");
                open.offset += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Target::Dir => Err(Errno::Eisdir),
            Target::Text(ref text) => {
                let from = (open.offset as usize).min(text.len());
                let bytes = text.slice(from..(from + max).min(text.len()));
                let open = self.opens.get_mut(&id).expect("a description in use is kept");
                open.offset += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Target::PipeOut(pipe) => {
                let pipe_now = self.pipes.get_mut(&pipe).expect("its end is open");
                let bytes = pipe_now.read(max, pid);
                if bytes.is_some() {
                    self.pipe_change(pipe, |_| ());
                }
                Ok(bytes)
            }
            Target::Tty(tty, _) => Ok(self.tty_read(tty, max, pid)),
            Target::Null => Ok(Some(Bytes::new())),
            Target::Zero | Target::Full => {
                let page = zero_page();
                Ok(Some(page.slice(..max.min(page.len()))))
            }
            Target::Random => {
                let count = max.min(RANDOM_MAX);
                let mut bytes = vec![0; count];
                for part in bytes.chunks_mut(8) {
                    part.copy_from_slice(&self.draw().to_le_bytes()[..part.len()]);
                }
                Ok(Some(bytes.into()))
            }
            Target::PipeIn(_) => Err(Errno::Ebadf),
        }
    }

    /// Writes some of the bytes, at least one: none means wait.
    pub(crate) fn try_write(
        &mut self,
        pid: Pid,
        fd: Fd,
        bytes: &[u8],
    ) -> Result<Option<Written>, Errno> {
        let id = self.open_of(pid, fd)?;
        let open = self.opens.get(&id).expect("a description in use is kept");
        if !open.flags.write && !matches!(open.target, Target::Tty(..)) {
            return Err(Errno::Ebadf);
        }
        let mut written = Written { bytes: bytes.len(), rest_us: None };
        match open.target {
            Target::File { .. } => self.write_file_at(id, bytes)?,
            Target::Dir | Target::PipeOut(_) | Target::Text(_) => return Err(Errno::Ebadf),
            Target::PipeIn(pipe) => {
                let pipe_now = self.pipes.get_mut(&pipe).expect("its end is open");
                let Some(count) = pipe_now.write(bytes, pid)? else { return Ok(None) };
                self.pipe_change(pipe, |_| ());
                written.bytes = count;
            }
            Target::Tty(tty, stream) => written.rest_us = self.tty_print(tty, stream, bytes),
            Target::Null | Target::Zero | Target::Random => {}
            Target::Full if bytes.is_empty() => {}
            Target::Full => return Err(Errno::Enospc),
        }
        self.witness_said(pid, fd, &bytes[..written.bytes]);
        Ok(Some(written))
    }

    fn write_file_at(&mut self, id: OpenId, bytes: &[u8]) -> Result<(), Errno> {
        let open = self.opens.get_mut(&id).expect("a description in use is kept");
        let Target::File { ino, path } = &open.target else { return Err(Errno::Ebadf) };
        let (ino, path, host) = (*ino, path.clone(), open.host);
        let at = self.at(host);
        let disk = &mut self.hosts[usize::from(host.0)].disk;
        let open = self.opens.get_mut(&id).expect("a description in use is kept");
        if open.flags.append {
            open.offset = disk.tree.file(ino)?.size();
        }
        disk.write(ino, open.offset, &Bytes::copy_from_slice(bytes), at)?;
        open.offset += bytes.len() as u64;
        disk.note_change(&path);
        self.file_changes += 1;
        Ok(())
    }

    /// Writes without ever waiting, for what is no program: a pipe takes all of it, an
    /// error loses it.
    pub(crate) fn write_now(&mut self, pid: Pid, fd: Fd, bytes: &[u8]) {
        let Ok(id) = self.open_of(pid, fd) else { return };
        let open = self.opens.get(&id).expect("a description in use is kept");
        if let Target::PipeIn(pipe) = open.target {
            self.pipe_change(pipe, |pipe| pipe.force(bytes));
        } else {
            // A log that cannot be written is lost, as when a disk is full.
            let _ = self.try_write(pid, fd, bytes);
        }
    }

    /// Moves the offset of an open file.
    pub(crate) fn seek(&mut self, pid: Pid, fd: Fd, offset: u64) -> Result<(), Errno> {
        let id = self.open_of(pid, fd)?;
        let open = self.opens.get_mut(&id).expect("a description in use is kept");
        match open.target {
            Target::File { .. } => {
                open.offset = offset;
                Ok(())
            }
            _ => Err(Errno::Espipe),
        }
    }

    /// Cuts an open file or lengthens it with a hole.
    pub(crate) fn truncate_fd(&mut self, pid: Pid, fd: Fd, size: u64) -> Result<(), Errno> {
        let id = self.open_of(pid, fd)?;
        let open = self.opens.get(&id).expect("a description in use is kept");
        let Target::File { ino, path } = open.target.clone() else { return Err(Errno::Einval) };
        let host = open.host;
        let at = self.at(host);
        let disk = &mut self.host_mut(host).disk;
        disk.note_change(&path);
        disk.set_size(ino, size, at)
    }

    /// Starts a sync of an open file and tells when it will be done.
    pub(crate) fn sync_fd(&mut self, pid: Pid, fd: Fd) -> Result<u64, Errno> {
        let id = self.open_of(pid, fd)?;
        let open = self.opens.get(&id).expect("a description in use is kept");
        let Target::File { ino, .. } = open.target else { return Err(Errno::Einval) };
        let host = open.host;
        let at = self.at(host);
        Ok(self.host_mut(host).disk.sync(ino, at))
    }

    /// What an open file is.
    pub(crate) fn stat_fd(&self, pid: Pid, fd: Fd) -> Result<Option<Stat>, Errno> {
        let open = &self.opens[&self.open_of(pid, fd)?];
        Ok(match open.target {
            Target::File { ino, .. } => Some(self.host(open.host).disk.tree.stat(ino)),
            _ => None,
        })
    }

    /// Whether a file descriptor leads to a terminal.
    pub(crate) fn is_tty(&self, pid: Pid, fd: Fd) -> bool {
        let open = self.open_of(pid, fd).ok().and_then(|id| self.opens.get(&id));
        open.is_some_and(|open| matches!(open.target, Target::Tty(..)))
    }
}
