//! A host's first process, and turning hosts off and on in good order.
//!
//! Where a world names a first process (`WorldSpec::init`), it is process 1 of its host: it
//! starts with the host, cannot be killed, and what runs at the start is its business. Hosts of
//! other worlds have none, and start the member they ran.

use crate::ids::{HostId, Pid};
use crate::kernel::{Kernel, KernelRef, spawn_exec};
use crate::proc::{Group, SpawnSpec, Stdio};
use crate::queue::Event;
use crate::sys::Sys;

/// How long a machine takes from the end of one run to the first process of the next.
const BOOT_US: u64 = 4_000_000;

/// The number of a host's first process, as its host knows it.
pub(crate) const INIT: Pid = Pid(1);

impl Sys {
    /// Ends this run of the host: everything is written to the disk, then the power goes; with
    /// `again` it comes back. Only root may, so the answer is whether it will happen.
    pub fn power(&self, again: bool) -> bool {
        let kernel = &mut *self.kernel.borrow_mut();
        if !kernel.caller(self.pid).cred.is_root() {
            return false;
        }
        let host = kernel.host_of(self.pid);
        kernel.host_mut(host).reboots = again;
        kernel.queue.push(kernel.now_us, Event::Power { host, on: false });
        if again {
            kernel.queue.push(kernel.now_us + BOOT_US, Event::Power { host, on: true });
        }
        true
    }
}

impl crate::world::World {
    /// Whether a host went off by itself, and will come back by itself.
    pub fn reboots(&self, host: HostId) -> bool {
        self.kernel.borrow().host(host).reboots
    }
}

impl Kernel {
    /// The number a host's processes know this one by.
    pub(crate) fn shown(&self, host: HostId, pid: Pid) -> Pid {
        if self.host(host).init == Some(pid) { INIT } else { pid }
    }

    /// The process a host's processes know by this number.
    pub(crate) fn meant(&self, host: HostId, pid: Pid) -> Pid {
        match self.host(host).init {
            Some(init) if pid == INIT => init,
            _ => pid,
        }
    }

    /// The host is turned off or on from within, or its first process is to start.
    pub(crate) fn power_event(&mut self, host: HostId, on: bool) {
        if on == self.host(host).on {
            return;
        }
        if on {
            // It was off, so the power can come back.
            self.host_mut(host).reboots = false;
            let _ = self.give_power(host);
        } else {
            let now_us = self.now_us;
            self.host_mut(host).disk.settle(now_us);
            let _ = self.cut_power(host);
        }
    }
}

/// Starts the first process of a host that has just been turned on.
pub(crate) fn start_init(kernel: &KernelRef, host: HostId) {
    let path = kernel.borrow().init_path.clone();
    let Some(path) = path else { return };
    let mut spec = SpawnSpec::new(&path, &["/sbin/init"]);
    spec.group = Group::Own;
    spec.env =
        vec![("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin".into())];
    // A host whose system was removed does not start, and stays on.
    if let Ok(pid) = spawn_exec(kernel, host, spec, Stdio::Null) {
        kernel.borrow_mut().host_mut(host).init = Some(pid);
    }
}
