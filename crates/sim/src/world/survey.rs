//! The world as a program sees it that is allowed to see all of it: what `sim status` prints
//! and `sim add` needs. Beside it the views into a member's keyspace, for the picture.

use bytes::Bytes;
use etcd::MemberStatus;
use etcd::pb::{KeyValue, RangeRequest};

use crate::errno::Errno;
use crate::exe;
use crate::ids::HostId;
use crate::kernel::Kernel;
use crate::net::{LinkInfo, Resolved, resolve, split_url};
use crate::sys::Sys;
use crate::world::{Power, World};

impl Sys {
    /// The hosts' names, in order of their ids.
    pub fn host_names(&self) -> Vec<String> {
        self.kernel.borrow().host_names()
    }

    /// What runs on a host.
    pub fn host_power(&self, host: HostId) -> Power {
        self.kernel.borrow().host_power(host)
    }

    /// The members that run or are frozen, one a host.
    pub fn members(&self) -> Vec<(HostId, MemberStatus)> {
        let kernel = self.kernel.borrow();
        let hosts = (0..kernel.hosts.len()).filter_map(|no| u8::try_from(no).ok()).map(HostId);
        hosts
            .filter_map(|host| {
                let member = kernel.members.of_host(host)?.member.as_ref()?;
                Some((host, member.status()))
            })
            .collect()
    }

    /// The links that are not as they were made.
    pub fn links(&self) -> Vec<LinkInfo> {
        self.kernel.borrow().net.links.changed()
    }

    /// The release of the program in a file of any host; empty when it is none of ours.
    pub fn release_on(&self, host: HostId, path: &str) -> String {
        let kernel = self.kernel.borrow();
        let file = kernel.host(host).disk.read_file(path).unwrap_or_default();
        exe::parse(&file).map(|exe| exe.release).unwrap_or_default()
    }

    /// Removes what is in a directory of any host, and the directory, as `rm -rf` does.
    pub fn wipe_on(&self, host: HostId, dir: &str) -> Result<(), Errno> {
        let mut kernel = self.kernel.borrow_mut();
        let at = kernel.at(host);
        let disk = &mut kernel.host_mut(host).disk;
        if disk.stat(dir) == Err(Errno::Enoent) {
            return Ok(());
        }
        // Directories come before what is in them; from the end it is the other way round.
        let mut paths = vec![dir.to_owned()];
        let mut next = 0;
        while let Some(path) = paths.get(next).cloned() {
            if disk.stat(&path)?.is_dir() {
                let names = disk.read_dir(&path)?;
                paths.extend(names.into_iter().map(|name| format!("{path}/{name}")));
            }
            next += 1;
        }
        for path in paths.into_iter().rev() {
            if disk.stat(&path)?.is_dir() {
                disk.remove_dir(&path, at)?;
            } else {
                disk.remove_file(&path, at)?;
            }
        }
        disk.note_change(dir);
        Ok(())
    }
}

impl Kernel {
    /// What runs on a host.
    pub(crate) fn host_power(&self, host: HostId) -> Power {
        if !self.host(host).on {
            return Power::Off;
        }
        match self.members.of_host(host) {
            Some(hosted) if hosted.is_stopped() => Power::Frozen,
            Some(_) => Power::Running,
            None if self.members.ever(host) => Power::Stopped,
            None => Power::Idle,
        }
    }
}

impl World {
    /// The newest changes of the keyspace of a host's member, newest first: revision, pair,
    /// whether it is a tombstone.
    pub fn history(&self, host: HostId, newest: usize) -> Vec<(etcd::Revision, KeyValue, bool)> {
        let kernel = self.kernel.borrow();
        let member = kernel.members.of_host(host).and_then(|hosted| hosted.member.as_ref());
        member.map_or_else(Vec::new, |member| member.store().history(newest))
    }

    /// How many keys live in it.
    pub fn live_keys(&self, host: HostId) -> u64 {
        let kernel = self.kernel.borrow();
        let member = kernel.members.of_host(host).and_then(|hosted| hosted.member.as_ref());
        // A key and an end of one zero byte are etcd's way to say "all keys".
        let all = Bytes::from_static(&[0]);
        let request = RangeRequest {
            key: all.clone(),
            range_end: all,
            count_only: true,
            ..Default::default()
        };
        let counted = member.and_then(|member| member.store().range(&request).ok());
        counted.and_then(|response| u64::try_from(response.count).ok()).unwrap_or(0)
    }

    /// The host a URL names.
    pub fn host_of_url(&self, url: &str) -> Option<HostId> {
        let (name, _) = split_url(url)?;
        let names = self.host_names().iter().map(String::as_str);
        match resolve(names, HostId(0), name) {
            Resolved::Host(host, ..) => Some(host),
            _ => None,
        }
    }
}
