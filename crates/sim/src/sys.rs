//! The system as a program sees it: the only thing it is given.
//!
//! `Sys` is one process's handle on the kernel, cheap to clone. Calls that may wait are
//! `async`; a process that is ended while it waits simply never goes on. Files are in
//! `sys::files`, processes and signals in `sys::procs`; the network's calls are written
//! beside the network.

mod files;
mod procs;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::event::WorldEvent;
use crate::ids::Pid;
use crate::kernel::{Kernel, KernelRef};
use crate::queue::EventKey;

/// A process's handle on the kernel.
#[derive(Clone)]
pub struct Sys {
    pub(crate) kernel: KernelRef,
    pub(crate) pid: Pid,
}

impl std::fmt::Debug for Sys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sys(pid {})", self.pid)
    }
}

impl Sys {
    pub(crate) fn new(kernel: KernelRef, pid: Pid) -> Sys {
        Sys { kernel, pid }
    }

    fn with<T>(&self, call: impl FnOnce(&mut Kernel) -> T) -> T {
        call(&mut self.kernel.borrow_mut())
    }

    /// The process's number.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The number of the process that started it; 1 if that one is gone or was the system.
    pub fn parent_pid(&self) -> Pid {
        self.with(|kernel| {
            let caller = kernel.caller(self.pid);
            caller.parent.map_or(Pid(1), |parent| kernel.shown(caller.host, parent))
        })
    }

    /// The arguments; the first is the name it was called by.
    pub fn args(&self) -> Vec<String> {
        self.with(|kernel| kernel.caller(self.pid).argv.clone())
    }

    /// A variable of the environment.
    pub fn env(&self, name: &str) -> Option<String> {
        self.with(|kernel| kernel.caller(self.pid).env.get(name).cloned())
    }

    /// The environment, sorted by name.
    pub fn envs(&self) -> Vec<(String, String)> {
        self.with(|kernel| {
            let env = &kernel.caller(self.pid).env;
            env.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        })
    }

    /// Where relative paths begin.
    pub fn cwd(&self) -> String {
        self.with(|kernel| kernel.caller(self.pid).cwd.clone())
    }

    /// The name of the host.
    pub fn hostname(&self) -> String {
        self.with(|kernel| match &kernel.caller(self.pid).container {
            Some(container) => container.hostname.clone(),
            None => kernel.host(kernel.host_of(self.pid)).name.clone(),
        })
    }

    /// The host.
    pub fn host(&self) -> crate::ids::HostId {
        self.with(|kernel| kernel.host_of(self.pid))
    }

    /// The name of the user.
    pub fn user(&self) -> String {
        self.env("USER").unwrap_or_else(|| "root".to_owned())
    }

    /// The release of the executable file the process runs; empty when it names none.
    pub fn release(&self) -> String {
        self.with(|kernel| kernel.caller(self.pid).release.clone())
    }

    /// Unix time by the host's clock.
    pub fn wall_us(&self) -> u64 {
        self.with(|kernel| kernel.wall_us(kernel.host_of(self.pid)))
    }

    /// Time by the host's monotonic clock.
    pub fn mono_us(&self) -> u64 {
        self.with(|kernel| kernel.mono_us(kernel.host_of(self.pid)))
    }

    /// A number by chance: drawn from the world's seed, and another one each time.
    pub fn draw(&self) -> u64 {
        self.with(crate::kernel::Kernel::draw)
    }

    /// Waits.
    pub async fn sleep_us(&self, us: u64) {
        let until_us = self.with(|kernel| kernel.now_us.saturating_add(us));
        self.sleep_until(until_us).await;
    }

    /// Waits until the world's clock shows this time.
    async fn sleep_until(&self, until_us: u64) {
        Sleep { sys: self, until_us, key: None }.await;
    }

    /// Lets every other process that can run do so first.
    pub async fn yield_now(&self) {
        let mut yielded = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// What the session left for programs under this name.
    pub fn note(&self, name: &str) -> Option<String> {
        self.with(|kernel| kernel.notes.get(name).cloned())
    }

    /// Says something to the session that drives the world.
    pub fn tell_session(&self, text: String) {
        self.with(|kernel| kernel.tell(WorldEvent::Session { text }));
    }
}

/// A time to come. Only the deadline counts: being woken earlier, or late because the
/// process was stopped, changes nothing.
struct Sleep<'a> {
    sys: &'a Sys,
    until_us: u64,
    key: Option<EventKey>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut kernel = self.sys.kernel.borrow_mut();
        if kernel.now_us >= self.until_us {
            return Poll::Ready(());
        }
        if self.key.is_none() {
            let key = kernel.wake_at(self.sys.pid, self.until_us);
            drop(kernel);
            self.key = Some(key);
        }
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.sys.kernel.borrow_mut().queue.cancel(key);
        }
    }
}
