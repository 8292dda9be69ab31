//! The kernel of all hosts: one value that holds the whole world.
//!
//! It sits in one `RefCell`. Programs reach it through `Sys`, which borrows it only for the
//! length of a call; the executor polls and drops tasks only while nobody borrows it.
//! Processes are in `kernel::procs`, their open files in `kernel::files`, terminals in
//! `kernel::ttys`. Network, members, checkers and the queue are fields here and have
//! modules of their own.

mod files;
mod procs;
mod proctext;
#[cfg(test)]
mod tests;
mod ttys;
mod witness;

use flat::Map;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use etcd::{DiskError, DiskOp, Lane};

use crate::cred::Owner;
use crate::disk::At;
use crate::errno::Errno;
use crate::event::Ending;
use crate::host::Host;
use crate::ids::{HostId, OpenId, Pid, PipeId, TtyId};
use crate::pipe::Pipe;
use crate::proc::{Proc, REST_US, SpawnSpec, Stdio};
use crate::queue::Event;
use crate::sys::Sys;
use crate::task::{ProgramTable, ReadyQueue, Task};
use crate::tty::Tty;
use files::Open;
pub(crate) use ttys::open as tty_open;
pub(crate) use witness::Said;

/// The kernel as its users hold it.
pub(crate) type KernelRef = Rc<RefCell<Kernel>>;

/// What the kernel itself asks the queue for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KernelEvent {
    /// A process wanted to run again at this time.
    Wake { pid: Pid },
}

/// The first process of a world has this number.
const PID_FIRST: u32 = 1001;

/// The whole world.
pub(crate) struct Kernel {
    pub(crate) now_us: u64,
    pub(crate) epoch_us: u64,
    pub(crate) seed: u64,
    pub(crate) queue: crate::queue::Queue,
    pub(crate) net: crate::net::Net,
    pub(crate) members: crate::members::Members,
    pub(crate) checks: crate::checker::Checks,
    pub(crate) trace: crate::trace::Trace,
    pub(crate) events: crate::event::EventLog,
    pub(crate) locals: crate::local::Locals,
    /// The program every host starts first.
    pub(crate) init_path: Option<String>,
    pub(crate) hosts: Vec<Host>,
    programs: ProgramTable,
    procs: Map<Pid, Proc>,
    next_pid: u32,
    ready: ReadyQueue,
    /// Tasks of processes that were ended; they are dropped when nobody borrows the kernel.
    graveyard: Vec<Task>,
    opens: Map<OpenId, Open>,
    next_open: u32,
    pipes: Map<PipeId, Pipe>,
    next_pipe: u32,
    ttys: Map<TtyId, Tty>,
    /// Whether what programs print and how they end is told.
    pub(crate) witness: bool,
    /// What the session lets programs know, by name.
    pub(crate) notes: Map<String, String>,
    /// Changes of files by programs so far.
    pub(crate) file_changes: u64,
    /// What programs drew from the seed so far.
    pub(crate) draws: u64,
}

impl Kernel {
    /// Hosts that are on and empty but for the directories every system has.
    pub(crate) fn new(
        epoch_us: u64,
        seed: u64,
        host_names: &[String],
        programs: ProgramTable,
        net: crate::net::Net,
        checks: crate::checker::Checks,
    ) -> Kernel {
        let count = u8::try_from(host_names.len()).expect("a world has few hosts");
        let hosts =
            (0..count).map(|no| Host::new(HostId(no), host_names, seed, epoch_us)).collect();
        Kernel {
            now_us: 0,
            epoch_us,
            seed,
            queue: crate::queue::Queue::new(),
            net,
            members: crate::members::Members::new(host_names.len()),
            checks,
            trace: crate::trace::Trace::new(seed),
            events: crate::event::EventLog::new(),
            locals: crate::local::Locals::default(),
            init_path: None,
            hosts,
            programs,
            procs: Map::new(),
            next_pid: PID_FIRST,
            ready: ReadyQueue::default(),
            graveyard: Vec::new(),
            opens: Map::new(),
            next_open: 1,
            pipes: Map::new(),
            next_pipe: 1,
            ttys: Map::new(),
            witness: false,
            notes: Map::new(),
            file_changes: 0,
            draws: 0,
        }
    }

    /// A number by chance for a program.
    pub(crate) fn draw(&mut self) -> u64 {
        self.draws += 1;
        crate::rng::Rng::for_purpose(self.seed, "programs", self.draws).next_u64()
    }

    /// The host of this id.
    pub(crate) fn host(&self, host: HostId) -> &Host {
        &self.hosts[usize::from(host.0)]
    }

    pub(crate) fn host_mut(&mut self, host: HostId) -> &mut Host {
        &mut self.hosts[usize::from(host.0)]
    }

    /// Unix time by a host's clock.
    pub(crate) fn wall_us(&self, host: HostId) -> u64 {
        (self.epoch_us + self.now_us).saturating_add_signed(self.host(host).skew_us)
    }

    /// A host's monotonic clock; skew does not touch it.
    pub(crate) fn mono_us(&self, _host: HostId) -> u64 {
        self.now_us
    }

    /// Now, as a disk wants to know it.
    pub(crate) fn at(&self, host: HostId) -> At {
        At { now_us: self.now_us, wall_us: self.wall_us(host), owner: Owner::ROOT }
    }

    /// Now, for what a process does.
    pub(crate) fn at_for(&self, pid: Pid) -> At {
        let caller = self.caller(pid);
        At { owner: caller.cred.owner(), ..self.at(caller.host) }
    }

    /// Does a member's batch of writes and tells when it will be durable.
    pub(crate) fn disk_submit(
        &mut self,
        pid: Pid,
        dir: &str,
        lane: Lane,
        ops: &[DiskOp],
    ) -> Result<u64, DiskError> {
        let (at, host) = (self.at_for(pid), self.host_of(pid));
        self.host_mut(host).disk.submit(dir, lane, ops, at)
    }

    /// Handles an event of the queue.
    pub(crate) fn handle_kernel_event(&mut self, event: KernelEvent) {
        match event {
            KernelEvent::Wake { pid } => self.wake(pid),
        }
    }

    /// Lets a process run again. It looks for itself whether what it waits for is there, so
    /// waking it once too often does no harm.
    pub(crate) fn wake(&mut self, pid: Pid) {
        if let Some(proc) = self.procs.get(&pid) {
            proc.waker.push();
        }
    }

    /// Whether [`run_ready`] has something to do.
    pub(crate) fn has_ready(&self) -> bool {
        !self.graveyard.is_empty() || !self.ready.is_empty()
    }

    /// The next task that can run, out of its process for the time it is polled.
    fn take_ready(&mut self) -> Option<(Pid, Task, Waker)> {
        while let Some(pid) = self.ready.pop() {
            let Some(proc) = self.procs.get_mut(&pid) else { continue };
            proc.waker.taken();
            if proc.stopped {
                proc.woken = true;
                continue;
            }
            if proc.effort.poll(self.now_us) {
                let event = Event::Kernel(KernelEvent::Wake { pid });
                self.queue.push(self.now_us + REST_US, event);
                continue;
            }
            if let Some(task) = proc.task.take() {
                proc.polled = true;
                return Some((pid, task, Waker::from(proc.waker.clone())));
            }
        }
        None
    }

    /// Gives a task to its process; gives it back when the process ended meanwhile.
    fn put_back(&mut self, pid: Pid, task: Task) -> Option<Task> {
        match self.procs.get_mut(&pid) {
            Some(proc) if proc.ending.is_none() => {
                proc.task = Some(task);
                None
            }
            _ => Some(task),
        }
    }

    /// A process is no longer polled.
    fn polled(&mut self, pid: Pid) {
        let Some(proc) = self.procs.get_mut(&pid) else { return };
        proc.polled = false;
        if proc.forgotten {
            self.forget(pid);
        }
    }

    /// Cuts a host's power: its processes are gone without a word, its disk keeps what was
    /// durable.
    pub(crate) fn power_off(&mut self, host: HostId) {
        let pids: Vec<Pid> = self
            .procs
            .values()
            .filter(|proc| proc.host == host && proc.ending.is_none())
            .map(|proc| proc.pid)
            .collect();
        for pid in pids {
            self.end(pid, Ending::PowerLost);
        }
        // Children that ended before, and whose parents are gone now, are forgotten with them.
        assert!(self.procs.values().all(|proc| proc.host != host || proc.polled));
        let now_us = self.now_us;
        let host = self.host_mut(host);
        host.disk.lose_power(now_us);
        host.on = false;
        host.init = None;
    }

    /// Gives a host its power back. Nothing runs on it yet.
    pub(crate) fn power_on(&mut self, host: HostId) {
        self.host_mut(host).on = true;
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kernel at {} us, {} processes", self.now_us, self.procs.len())
    }
}

/// Runs every task that can run until none can, and returns how many polls that took. No
/// time passes.
pub(crate) fn run_ready(kernel: &KernelRef) -> u32 {
    let mut polls = 0;
    loop {
        let (buried, next) = {
            let mut kernel = kernel.borrow_mut();
            (std::mem::take(&mut kernel.graveyard), kernel.take_ready())
        };
        let idle = buried.is_empty() && next.is_none();
        // What a task owned may call the kernel when it is dropped.
        drop(buried);
        if let Some((pid, task, waker)) = next {
            polls += 1;
            poll_one(kernel, pid, task, &waker);
        }
        if idle {
            return polls;
        }
    }
}

fn poll_one(kernel: &KernelRef, pid: Pid, mut task: Task, waker: &Waker) {
    let poll = task.as_mut().poll(&mut Context::from_waker(waker));
    let ended = match poll {
        Poll::Ready(_) => Some(task),
        Poll::Pending => kernel.borrow_mut().put_back(pid, task),
    };
    drop(ended);
    let mut kernel = kernel.borrow_mut();
    if let Poll::Ready(code) = poll {
        kernel.end(pid, Ending::Exit(code));
    }
    kernel.polled(pid);
}

/// Drops all tasks: they hold the kernel that holds them.
pub(crate) fn clear(kernel: &KernelRef) {
    let tasks: Vec<Task> = {
        let mut kernel = kernel.borrow_mut();
        let mut tasks = std::mem::take(&mut kernel.graveyard);
        tasks.extend(kernel.procs.values_mut().filter_map(|proc| proc.task.take()));
        tasks
    };
    drop(tasks);
}

/// Starts the program of an executable file, without a parent.
pub(crate) fn spawn_exec(
    kernel: &KernelRef,
    host: HostId,
    spec: SpawnSpec,
    stdio: Stdio,
) -> Result<Pid, Errno> {
    let (pid, run) = kernel.borrow_mut().exec_system(host, spec, &stdio)?;
    start(kernel, pid, run);
    Ok(pid)
}

/// Starts code that is in no file, without a parent.
pub(crate) fn spawn_task(
    kernel: &KernelRef,
    host: HostId,
    spec: SpawnSpec,
    stdio: Stdio,
    code: Box<dyn FnOnce(Sys) -> Task>,
) -> Result<Pid, Errno> {
    let pid = kernel.borrow_mut().make_system_process(host, spec, &stdio)?;
    start(kernel, pid, code);
    Ok(pid)
}

/// Gives a new process its code. The code may call the kernel as soon as it exists.
pub(crate) fn start(kernel: &KernelRef, pid: Pid, code: impl FnOnce(Sys) -> Task) {
    let task = code(Sys::new(kernel.clone(), pid));
    let mut kernel = kernel.borrow_mut();
    if let Some(task) = kernel.put_back(pid, task) {
        kernel.graveyard.push(task);
    }
    kernel.wake(pid);
}
