//! Who may do what to which file: owner, group and mode as POSIX has them.
//!
//! The superuser is not asked, so a world where everybody is root pays nothing.

use super::Disk;
use crate::cred::{Cred, Owner};
use crate::errno::Errno;
use crate::ids::Ino;

const READ: u16 = 4;
const WRITE: u16 = 2;
pub(crate) const EXECUTE: u16 = 1;
const STICKY: u16 = 0o1000;

/// What somebody wants to do at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Know what stands there.
    Reach,
    /// Read it.
    Read,
    /// Write it; make it when it is missing.
    Write,
    /// Both.
    ReadWrite,
    /// Run it, or go there.
    Execute,
    /// Make a name.
    Make,
    /// Take a name away.
    Remove,
    /// What only its owner may.
    Own,
}

impl Disk {
    /// Whether somebody may do that. What is missing is for the call itself to report.
    pub(crate) fn permits(
        &self,
        who: &Cred,
        path: &str,
        follow: bool,
        need: Need,
    ) -> Result<(), Errno> {
        if who.is_root() {
            return Ok(());
        }
        let found = self.tree.walk_as(Some(who), path, follow)?;
        let bits = match need {
            Need::Reach => return Ok(()),
            Need::Read => READ,
            Need::Write => WRITE,
            Need::ReadWrite => READ | WRITE,
            Need::Execute => EXECUTE,
            Need::Make | Need::Own | Need::Remove => 0,
        };
        match (need, found.ino) {
            (Need::Make | Need::Write | Need::ReadWrite, None) => {
                self.tree.may(who, found.dir, WRITE | EXECUTE)
            }
            (Need::Make, Some(_)) | (_, None) => Ok(()),
            (Need::Remove, Some(ino)) => {
                self.tree.may(who, found.dir, WRITE | EXECUTE)?;
                let dir = self.tree.inode(found.dir);
                let owned = [dir.owner.uid, self.tree.inode(ino).owner.uid].contains(&who.uid);
                if dir.mode & STICKY != 0 && !owned { Err(Errno::Eperm) } else { Ok(()) }
            }
            (Need::Own, Some(ino)) => {
                let own = self.tree.inode(ino).owner.uid == who.uid;
                if own { Ok(()) } else { Err(Errno::Eperm) }
            }
            (_, Some(ino)) => self.tree.may(who, ino, bits),
        }
    }

    /// Changes owner, group or both. The superuser may; an owner may change the group to one
    /// of his own.
    pub(crate) fn chown(
        &mut self,
        who: &Cred,
        path: &str,
        follow: bool,
        (uid, gid): (Option<u32>, Option<u32>),
    ) -> Result<(), Errno> {
        let ino = self.tree.walk_as(Some(who), path, follow)?.ino.ok_or(Errno::Enoent)?;
        let inode = self.tree.inode_mut(ino);
        let Owner { uid: old_uid, gid: old_gid } = inode.owner;
        let (uid, gid) = (uid.unwrap_or(old_uid), gid.unwrap_or(old_gid));
        let own = who.uid == old_uid && uid == old_uid && (gid == old_gid || who.is_in(gid));
        if !who.is_root() && !own {
            return Err(Errno::Eperm);
        }
        inode.owner = Owner { uid, gid };
        Ok(())
    }

    /// Gives what stands at a path to somebody: how a host is furnished.
    pub fn give(&mut self, path: &str, owner: Owner) -> Result<(), Errno> {
        let ino = self.tree.walk(path, false)?.ino.ok_or(Errno::Enoent)?;
        self.tree.inode_mut(ino).owner = owner;
        Ok(())
    }
}

impl crate::fs::Tree {
    /// Whether somebody has these bits on an inode.
    pub(crate) fn may(&self, who: &Cred, ino: Ino, bits: u16) -> Result<(), Errno> {
        if who.is_root() {
            return Ok(());
        }
        let inode = self.inode(ino);
        let shift = if inode.owner.uid == who.uid {
            6
        } else if who.is_in(inode.owner.gid) {
            3
        } else {
            0
        };
        if inode.mode >> shift & bits == bits { Ok(()) } else { Err(Errno::Eacces) }
    }
}
