//! Containers as the kernel knows them: a process tree with a name of its own and another view
//! of its host's files. Images, restarts and logs are the business of who starts them.

use std::rc::Rc;

use crate::errno::Errno;
use crate::ids::Pid;
use crate::kernel::{Kernel, start};
use crate::proc::SpawnSpec;
use crate::sys::Sys;

/// A place of the host that a container sees at a path of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The path in the container, absolute and normal.
    pub at: String,
    /// The path on the host, absolute and normal.
    pub host: String,
    /// Whether nothing there can be changed through this mount.
    pub read_only: bool,
}

/// What the processes of a container share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What its processes take for the name of the host.
    pub hostname: String,
    /// The directory of the host that is its `/`.
    pub root: String,
    /// What lies elsewhere; of two that fit the longer counts.
    pub mounts: Vec<Mount>,
}

impl Container {
    /// Where a path of the container lies on the host, and whether it may be changed there.
    /// `path` is absolute; `..` never leaves the container.
    pub fn place(&self, path: &str) -> (String, bool) {
        let path = normal(path);
        let inside = |at: &str| {
            at == "/"
                || path
                    .strip_prefix(at)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mount = self.mounts.iter().filter(|mount| inside(&mount.at)).max_by_key(|m| m.at.len());
        match mount {
            Some(mount) => {
                let rest = path.strip_prefix(mount.at.trim_end_matches('/')).unwrap_or_default();
                (format!("{}{rest}", mount.host.trim_end_matches('/')), !mount.read_only)
            }
            None => (format!("{}{path}", self.root), true),
        }
    }
}

/// An absolute path without `.`, `..` and double slashes.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Kernel {
    /// Where a path of a process lies on its host's disk.
    pub(crate) fn on_disk(&self, pid: Pid, path: &str) -> String {
        self.place_of(pid, path).0
    }

    /// The same for a change; a read-only mount refuses it.
    pub(crate) fn on_disk_to_change(&self, pid: Pid, path: &str) -> Result<String, Errno> {
        let (path, writable) = self.place_of(pid, path);
        if writable { Ok(path) } else { Err(Errno::Erofs) }
    }

    fn place_of(&self, pid: Pid, path: &str) -> (String, bool) {
        let path = self.absolute(pid, path);
        match &self.caller(pid).container {
            // An empty path names nothing, in a container too.
            Some(container) if !path.is_empty() => container.place(&path),
            _ => (path, true),
        }
    }
}

impl Sys {
    /// Starts a program of a container's files as a child, inside the container. All that it
    /// starts is in there too.
    pub fn spawn_contained(&self, spec: SpawnSpec, container: Rc<Container>) -> Result<Pid, Errno> {
        let (pid, run) =
            self.kernel.borrow_mut().exec_contained(self.pid, spec, Some(container))?;
        start(&self.kernel, pid, run);
        Ok(pid)
    }

    /// The container this process runs in.
    pub fn container(&self) -> Option<Rc<Container>> {
        self.kernel.borrow().caller(self.pid).container.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(at: &str, host: &str, read_only: bool) -> Mount {
        Mount { at: at.to_owned(), host: host.to_owned(), read_only }
    }

    #[test]
    fn the_longest_mount_counts_and_dots_stay_inside() {
        let container = Container {
            id: String::new(),
            name: "etcd".to_owned(),
            hostname: "cp1".to_owned(),
            root: "/run/c1".to_owned(),
            mounts: vec![
                mount("/var", "/host/var", false),
                mount("/var/lib/etcd", "/srv/data", true),
            ],
        };
        for (path, want) in [
            ("/etc/hosts", ("/run/c1/etc/hosts", true)),
            ("/var", ("/host/var", true)),
            ("/various", ("/run/c1/various", true)),
            ("/var/lib/etcd", ("/srv/data", false)),
            ("/var/lib/etcd/member/wal", ("/srv/data/member/wal", false)),
            ("/var/lib/etcd2/x", ("/host/var/lib/etcd2/x", true)),
            ("/../../etc/passwd", ("/run/c1/etc/passwd", true)),
        ] {
            let (host, writable) = container.place(path);
            assert_eq!((host.as_str(), writable), want, "{path}");
        }
    }
}
