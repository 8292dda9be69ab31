//! Files, pipes and terminals for programs.

use std::future::{pending, poll_fn};
use std::task::Poll;

use bytes::Bytes;

use super::Sys;
use crate::container::normal;
use crate::disk::{At, Disk, Need};
use crate::errno::Errno;
use crate::fs::{OpenFlags, Stat};
use crate::ids::{Fd, HostId};
use crate::kernel::Kernel;
use crate::proc::{REST_US, Signal};

/// What `read_to_end` asks for at once.
const READ_BYTES: usize = 65_536;

impl Sys {
    /// A path as this process means it, absolute, without `.` and `..`.
    pub fn absolute(&self, path: &str) -> String {
        let path = self.with(|kernel| kernel.absolute(self.pid, path));
        normal(&path)
    }

    /// Changes where relative paths begin.
    pub fn chdir(&self, path: &str) -> Result<(), Errno> {
        let to = self.absolute(path);
        if !self.stat(path)?.is_dir() {
            return Err(Errno::Enotdir);
        }
        self.look(path, true, Need::Execute, |_, _| Ok(()))?;
        self.with(|kernel| {
            if let Some(proc) = kernel.proc_mut(self.pid) {
                proc.cwd = to;
            }
        });
        Ok(())
    }

    /// Opens a file.
    pub fn open(&self, path: &str, flags: OpenFlags) -> Result<Fd, Errno> {
        self.with(|kernel| kernel.open(self.pid, path, flags))
    }

    /// Closes a file.
    pub fn close(&self, fd: Fd) -> Result<(), Errno> {
        self.with(|kernel| kernel.close(self.pid, fd))
    }

    /// One more number for an open file.
    pub fn dup(&self, fd: Fd) -> Result<Fd, Errno> {
        self.with(|kernel| kernel.dup(self.pid, fd))
    }

    /// Makes the number `to` lead where `fd` does.
    pub fn dup_to(&self, fd: Fd, to: Fd) -> Result<(), Errno> {
        self.with(|kernel| kernel.dup_to(self.pid, fd, to))
    }

    /// A new pipe: the end to read from, the end to write to.
    pub fn pipe(&self) -> Result<(Fd, Fd), Errno> {
        self.with(|kernel| kernel.pipe(self.pid))
    }

    /// Sets the offset of an open file.
    pub fn seek(&self, fd: Fd, offset: u64) -> Result<(), Errno> {
        self.with(|kernel| kernel.seek(self.pid, fd, offset))
    }

    /// Whether a file leads to a terminal.
    pub fn is_tty(&self, fd: Fd) -> bool {
        self.with(|kernel| kernel.is_tty(self.pid, fd))
    }

    /// Reads up to `max` bytes; empty at the end. A terminal gives a line at a time.
    pub async fn read(&self, fd: Fd, max: usize) -> Result<Bytes, Errno> {
        let bytes =
            poll_fn(|_| self.when_alive(|kernel| kernel.try_read(self.pid, fd, max).transpose()))
                .await?;
        self.rest_after(bytes.len()).await;
        Ok(bytes)
    }

    /// Writes all of the bytes. A pipe nobody reads ends the process with SIGPIPE, unless
    /// it ignores or catches that.
    pub async fn write(&self, fd: Fd, bytes: &[u8]) -> Result<(), Errno> {
        let mut done = 0;
        loop {
            let written = poll_fn(|_| {
                self.when_alive(|kernel| kernel.try_write(self.pid, fd, &bytes[done..]).transpose())
            })
            .await;
            let written = match written {
                Ok(written) => written,
                Err(Errno::Epipe) => return self.broken_pipe().await,
                Err(errno) => return Err(errno),
            };
            done += written.bytes;
            if let Some(rest_us) = written.rest_us {
                self.sleep_us(rest_us).await;
            }
            self.rest_after(written.bytes).await;
            if done == bytes.len() {
                return Ok(());
            }
        }
    }

    /// Tries a call that may have to wait. A process that ended waits for ever: its task is
    /// dropped as soon as it does.
    fn when_alive<T>(&self, call: impl FnOnce(&mut Kernel) -> Option<T>) -> Poll<T> {
        self.with(|kernel| {
            if !kernel.is_alive(self.pid) {
                return Poll::Pending;
            }
            call(kernel).map_or(Poll::Pending, Poll::Ready)
        })
    }

    async fn broken_pipe(&self) -> Result<(), Errno> {
        let dead = self.with(|kernel| {
            // Signalling oneself cannot fail.
            let _ = kernel.signal(self.pid, Signal::Pipe);
            !kernel.is_alive(self.pid)
        });
        if dead { pending().await } else { Err(Errno::Epipe) }
    }

    /// Programs compute in no time at all: one that moves bytes without end has to rest now
    /// and then, or no other would ever run.
    async fn rest_after(&self, bytes: usize) {
        let tired = self.with(|kernel| {
            let now_us = kernel.now_us;
            let proc = kernel.proc_mut(self.pid);
            proc.is_some_and(|proc| proc.effort.call(bytes as u64, now_us))
        });
        if tired {
            self.sleep_us(REST_US).await;
        }
    }

    /// Reads to the end.
    pub async fn read_to_end(&self, fd: Fd) -> Result<Bytes, Errno> {
        let mut all = Vec::new();
        loop {
            let bytes = self.read(fd, READ_BYTES).await?;
            if bytes.is_empty() {
                return Ok(Bytes::from(all));
            }
            all.extend_from_slice(&bytes);
        }
    }

    /// Prints to standard output; an error there is nobody's business.
    pub async fn print(&self, text: &str) {
        let _ = self.write(Fd::STDOUT, text.as_bytes()).await;
    }

    /// Prints to standard error.
    pub async fn eprint(&self, text: &str) {
        let _ = self.write(Fd::STDERR, text.as_bytes()).await;
    }

    /// Waits until all that was written to a file is durable.
    pub async fn fsync(&self, fd: Fd) -> Result<(), Errno> {
        let done_us = self.with(|kernel| kernel.sync_fd(self.pid, fd))?;
        self.sleep_until(done_us).await;
        Ok(())
    }

    /// Waits until all that was written to the disk is durable.
    pub async fn sync(&self) {
        let done_us = self.with(|kernel| {
            let host = kernel.host_of(self.pid);
            let at = kernel.at(host);
            kernel.host_mut(host).disk.sync_all(at)
        });
        self.sleep_until(done_us).await;
    }

    /// What stands at a path; a symbolic link at its end is followed.
    pub fn stat(&self, path: &str) -> Result<Stat, Errno> {
        self.look(path, true, Need::Reach, Disk::stat)
    }

    /// The same without following it.
    pub fn lstat(&self, path: &str) -> Result<Stat, Errno> {
        self.look(path, false, Need::Reach, Disk::lstat)
    }

    /// What an open file is; none when it is no file of the disk.
    pub fn stat_fd(&self, fd: Fd) -> Result<Option<Stat>, Errno> {
        self.with(|kernel| kernel.stat_fd(self.pid, fd))
    }

    /// The names in a directory, sorted.
    pub fn read_dir(&self, path: &str) -> Result<Vec<String>, Errno> {
        self.look(path, true, Need::Read, Disk::read_dir)
    }

    /// Where a symbolic link leads.
    pub fn read_link(&self, path: &str) -> Result<String, Errno> {
        self.look(path, false, Need::Reach, Disk::read_link)
    }

    /// A whole file.
    pub fn read_file(&self, path: &str) -> Result<Bytes, Errno> {
        self.look(path, true, Need::Read, Disk::read_file)
    }

    /// Makes a file what these bytes are.
    pub fn write_file(&self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        let bytes = Bytes::copy_from_slice(bytes);
        let mode = 0o666 & !self.umask();
        self.change(path, true, Need::Write, |disk, path, at| {
            let ino = disk.create(path, mode, at)?;
            disk.set_size(ino, 0, at)?;
            disk.write(ino, 0, &bytes, at)
        })
    }

    /// Adds to the end of a file, made if it is missing.
    pub fn append_file(&self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        let bytes = Bytes::copy_from_slice(bytes);
        let mode = 0o666 & !self.umask();
        self.change(path, true, Need::Write, |disk, path, at| {
            let ino = disk.create(path, mode, at)?;
            let size = disk.tree.file(ino)?.size();
            disk.write(ino, size, &bytes, at)
        })
    }

    /// Makes a directory with these permissions, less the process's umask.
    pub fn mkdir(&self, path: &str, mode: u16) -> Result<(), Errno> {
        let mode = mode & !self.umask();
        self.change(path, false, Need::Make, |disk, path, at| disk.mkdir(path, mode, at))
    }

    /// Takes a name of a file away.
    pub fn remove_file(&self, path: &str) -> Result<(), Errno> {
        self.change(path, false, Need::Remove, Disk::remove_file)
    }

    /// Removes an empty directory.
    pub fn remove_dir(&self, path: &str) -> Result<(), Errno> {
        self.change(path, false, Need::Remove, Disk::remove_dir)
    }

    /// Moves a file or directory; what stood at the target is replaced.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), Errno> {
        let target = self.with(|kernel| kernel.on_disk_to_change(self.pid, to))?;
        self.look(to, false, Need::Make, |_, _| Ok(()))?;
        self.look(to, false, Need::Remove, |_, _| Ok(()))?;
        self.change(from, false, Need::Remove, |disk, from, at| {
            disk.rename(from, &target, at)?;
            disk.note_change(&target);
            Ok(())
        })
    }

    /// Makes a symbolic link.
    pub fn symlink(&self, target: &str, path: &str) -> Result<(), Errno> {
        self.change(path, false, Need::Make, |disk, path, at| disk.symlink(target, path, at))
    }

    /// Sets permission bits.
    pub fn chmod(&self, path: &str, mode: u16) -> Result<(), Errno> {
        self.change(path, true, Need::Own, |disk, path, _| disk.chmod(path, mode))
    }

    /// Gives a file away: only root may, but for a group the owner is in. `follow` says
    /// whether a symbolic link stands for what it leads to.
    pub fn chown(
        &self,
        path: &str,
        uid: Option<u32>,
        gid: Option<u32>,
        follow: bool,
    ) -> Result<(), Errno> {
        let who = self.cred();
        self.change(path, follow, Need::Reach, |disk, path, _| {
            disk.chown(&who, path, follow, (uid, gid))
        })
    }

    /// Whether the process may read (4), write (2) or run (1) a file.
    pub fn access(&self, path: &str, mode: u16) -> Result<(), Errno> {
        self.stat(path)?;
        let needs = [(4, Need::Read), (2, Need::Write), (1, Need::Execute)];
        for (_, need) in needs.into_iter().filter(|(bit, _)| mode & bit != 0) {
            self.look(path, true, need, |_, _| Ok(()))?;
        }
        // Root may read and write everything, and run what anybody may run.
        let runs = self.stat(path)?.mode & 0o111 != 0;
        if mode & 1 != 0 && !runs { Err(Errno::Eacces) } else { Ok(()) }
    }

    /// The permission bits that what the process makes does not get.
    pub fn umask(&self) -> u16 {
        self.with(|kernel| kernel.caller(self.pid).umask)
    }

    /// Sets them, for this process and those it starts from now on.
    pub fn set_umask(&self, umask: u16) {
        self.with(|kernel| {
            if let Some(proc) = kernel.proc_mut(self.pid) {
                proc.umask = umask & 0o777;
            }
        });
    }

    /// Sets the time a file was last changed, in Unix time.
    pub fn set_mtime(&self, path: &str, wall_us: u64) -> Result<(), Errno> {
        self.change(path, true, Need::Write, |disk, path, _| disk.set_mtime(path, wall_us))
    }

    /// Cuts a file or lengthens it with a hole.
    pub fn truncate(&self, path: &str, size: u64) -> Result<(), Errno> {
        self.change(path, true, Need::Write, |disk, path, at| {
            let ino = disk.tree.lookup(path)?;
            disk.set_size(ino, size, at)
        })
    }

    /// The same for an open file.
    pub fn truncate_fd(&self, fd: Fd, size: u64) -> Result<(), Errno> {
        self.with(|kernel| kernel.truncate_fd(self.pid, fd, size))
    }

    /// The size of the host's disk and what is used of it, in bytes.
    pub fn disk_usage(&self) -> (u64, u64) {
        self.with(|kernel| {
            let disk = &kernel.host(kernel.host_of(self.pid)).disk;
            (disk.capacity_bytes(), disk.used_bytes())
        })
    }

    fn look<T>(
        &self,
        path: &str,
        follow: bool,
        need: Need,
        call: impl FnOnce(&Disk, &str) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        self.with(|kernel| {
            let path = kernel.on_disk(self.pid, path);
            let caller = kernel.caller(self.pid);
            let disk = &kernel.host(caller.host).disk;
            disk.permits(&caller.cred, &path, follow, need)?;
            call(disk, &path)
        })
    }

    /// A change of the disk by a program; those who watch the place are told.
    fn change(
        &self,
        path: &str,
        follow: bool,
        need: Need,
        call: impl FnOnce(&mut Disk, &str, At) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        self.with(|kernel: &mut Kernel| {
            let path = kernel.on_disk_to_change(self.pid, path)?;
            let host: HostId = kernel.host_of(self.pid);
            let at = kernel.at_for(self.pid);
            let who = kernel.caller(self.pid).cred.clone();
            let disk = &mut kernel.host_mut(host).disk;
            disk.permits(&who, &path, follow, need)?;
            call(disk, &path, at)?;
            disk.note_change(&normal(&path));
            kernel.file_changes += 1;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::container::normal;

    #[test]
    fn paths_are_made_normal() {
        for (path, want) in
            [("/", "/"), ("/a/../..", "/"), ("//a/./b/", "/a/b"), ("/a/b/../c", "/a/c")]
        {
            assert_eq!(normal(path), want);
        }
    }
}
