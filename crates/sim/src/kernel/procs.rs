//! Processes: making, signalling and ending them.

use std::rc::Rc;

use super::{Kernel, KernelEvent};
use crate::container::Container;
use crate::cred::Cred;
use crate::disk::Need;
use crate::errno::Errno;
use crate::event::Ending;
use crate::exe::{self, Exe};
use crate::ids::{Fd, HostId, OpenId, Pid, TtyId};
use crate::proc::{
    Effort, ExitStatus, FILES_MAX, Group, Proc, ProcInfo, ProcState, Signal, SpawnSpec, Stdio,
};
use crate::queue::{Event, EventKey};
use crate::task::Program;
use flat::Map;

/// How many scripts may name each other as interpreters.
const INTERPRETERS_MAX: u32 = 4;

/// What `exec` reads of a file to know it.
const HEADER_BYTES: u64 = 256;

/// Who runs such a file acts as its owner.
const SETUID: u16 = 0o4000;

/// What is taken from the permissions of what a process makes, unless it says otherwise.
const UMASK: u16 = 0o022;

/// What a new process is made of.
struct NewProc {
    host: HostId,
    parent: Option<Pid>,
    release: String,
    spec: SpawnSpec,
    fds: Map<Fd, OpenId>,
    tty: Option<TtyId>,
    container: Option<Rc<Container>>,
    cred: Cred,
    real_uid: u32,
    umask: u16,
}

impl Kernel {
    /// The process, as long as it is in the table.
    pub(crate) fn proc(&self, pid: Pid) -> Option<&Proc> {
        self.procs.get(&pid)
    }

    pub(crate) fn proc_mut(&mut self, pid: Pid) -> Option<&mut Proc> {
        self.procs.get_mut(&pid)
    }

    /// The process that makes a call.
    pub(crate) fn caller(&self, pid: Pid) -> &Proc {
        self.procs.get(&pid).expect("a process that runs is in the table")
    }

    /// The host of a process that is in the table.
    pub(crate) fn host_of(&self, pid: Pid) -> HostId {
        self.caller(pid).host
    }

    /// Whether a process is there and has not ended.
    pub(crate) fn is_alive(&self, pid: Pid) -> bool {
        self.procs.get(&pid).is_some_and(|proc| proc.ending.is_none())
    }

    /// How a process ended, as long as somebody may ask.
    pub(crate) fn ending(&self, pid: Pid) -> Option<Ending> {
        self.procs.get(&pid)?.ending
    }

    /// A path as a process means it, absolute.
    pub(crate) fn absolute(&self, pid: Pid, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        let cwd = &self.caller(pid).cwd;
        if path.is_empty() { String::new() } else { format!("{cwd}/{path}") }
    }

    /// Finds the program of an executable file, by way of a script's interpreter if need be,
    /// and the owner of a setuid file.
    fn load(
        &self,
        host: HostId,
        who: &Cred,
        spec: &mut SpawnSpec,
        container: Option<&Container>,
    ) -> Result<(Program, Exe, Option<u32>), Errno> {
        let disk = &self.host(host).disk;
        for _ in 0..INTERPRETERS_MAX {
            let file = match container {
                Some(container) => container.place(&spec.path).0,
                None => spec.path.clone(),
            };
            disk.permits(who, &file, true, Need::Execute)?;
            let stat = disk.stat(&file)?;
            if !stat.is_file() || stat.mode & 0o111 == 0 {
                return Err(Errno::Eacces);
            }
            let header = disk.read(disk.tree.lookup(&file)?, 0, HEADER_BYTES)?;
            if let Some(exe) = exe::parse(&header) {
                let entry = self.programs.iter().find(|entry| entry.name == exe.program);
                let owner = (stat.mode & SETUID != 0).then_some(stat.uid);
                return Ok((entry.ok_or(Errno::Enoexec)?.run, exe, owner));
            }
            let (path, argument) = exe::interpreter(&header).ok_or(Errno::Enoexec)?;
            let script = std::mem::replace(&mut spec.path, path.clone());
            let mut argv = vec![path];
            argv.extend(argument);
            argv.push(script);
            argv.extend(spec.argv.drain(..).skip(1));
            spec.argv = argv;
        }
        Err(Errno::Eloop)
    }

    /// A process without parent that runs an executable file.
    pub(super) fn exec_system(
        &mut self,
        host: HostId,
        mut spec: SpawnSpec,
        stdio: &Stdio,
    ) -> Result<(Pid, Program), Errno> {
        let who = spec.user.clone().unwrap_or(Cred::ROOT);
        let (program, exe, _) = self.load(host, &who, &mut spec, None)?;
        let pid = self.make_system_process(host, spec, stdio)?;
        if let Some(proc) = self.procs.get_mut(&pid) {
            proc.release = exe.release;
        }
        self.witness_start(pid);
        Ok((pid, program))
    }

    /// A process without parent; its code is given to it by `start`.
    pub(super) fn make_system_process(
        &mut self,
        host: HostId,
        mut spec: SpawnSpec,
        stdio: &Stdio,
    ) -> Result<Pid, Errno> {
        if !self.host(host).on {
            return Err(Errno::Eio);
        }
        let fds = self.open_stdio(host, stdio)?;
        let tty = match stdio {
            Stdio::Tty(tty) => Some(*tty),
            Stdio::Null | Stdio::Log(_) => None,
        };
        if spec.cwd.is_empty() {
            spec.cwd = "/".to_owned();
        }
        let cred = spec.user.take().unwrap_or(Cred::ROOT);
        let (real_uid, release) = (cred.uid, String::new());
        let (parent, container, umask) = (None, None, UMASK);
        let new =
            NewProc { host, parent, release, spec, fds, tty, container, cred, real_uid, umask };
        Ok(self.add(new))
    }

    /// A child that runs an executable file.
    pub(crate) fn exec_child(
        &mut self,
        parent: Pid,
        spec: SpawnSpec,
    ) -> Result<(Pid, Program), Errno> {
        let container = self.caller(parent).container.clone();
        self.exec_contained(parent, spec, container)
    }

    /// A child that runs an executable file as this container sees it.
    pub(crate) fn exec_contained(
        &mut self,
        parent: Pid,
        mut spec: SpawnSpec,
        container: Option<Rc<Container>>,
    ) -> Result<(Pid, Program), Errno> {
        spec.path = self.absolute(parent, &spec.path);
        let caller = self.caller(parent);
        let who = spec.user.as_ref().unwrap_or(&caller.cred).clone();
        let (program, exe, setuid) =
            self.load(caller.host, &who, &mut spec, container.as_deref())?;
        let pid = self.make_child(parent, spec)?;
        if let Some(proc) = self.procs.get_mut(&pid) {
            proc.release = exe.release;
            proc.cred.uid = setuid.unwrap_or(proc.cred.uid);
            proc.container = container;
        }
        self.witness_start(pid);
        Ok((pid, program))
    }

    /// A child of the same program; its code is given to it by `start`.
    pub(crate) fn make_child(&mut self, parent: Pid, mut spec: SpawnSpec) -> Result<Pid, Errno> {
        let caller = self.caller(parent);
        if caller.ending.is_some() {
            return Err(Errno::Esrch);
        }
        let (host, tty, release) = (caller.host, caller.tty, caller.release.clone());
        let container = caller.container.clone();
        let umask = caller.umask;
        let (cred, real_uid) = match spec.user.take() {
            Some(_) if !caller.cred.is_root() => return Err(Errno::Eperm),
            Some(cred) => (cred.clone(), cred.uid),
            None => (caller.cred.clone(), caller.cred.uid),
        };
        let mut fds = Map::new();
        for (theirs, mine) in &spec.fds {
            fds.insert(*theirs, *caller.fds.get(mine).ok_or(Errno::Ebadf)?);
        }
        if spec.cwd.is_empty() {
            spec.cwd = caller.cwd.clone();
        } else {
            spec.cwd = self.absolute(parent, &spec.cwd);
        }
        for open in fds.values() {
            self.share(*open);
        }
        let parent = Some(parent);
        let new =
            NewProc { host, parent, release, spec, fds, tty, container, cred, real_uid, umask };
        Ok(self.add(new))
    }

    fn add(&mut self, new: NewProc) -> Pid {
        let pid = Pid(self.next_pid);
        self.next_pid += 1;
        let parent = new.parent.and_then(|parent| self.procs.get(&parent));
        let group = match (new.spec.group, parent) {
            (Group::Of(group), _) => group,
            (Group::Inherit, Some(parent)) => parent.group,
            (Group::Inherit, None) | (Group::Own, _) => pid,
        };
        let files_max = parent.map_or(FILES_MAX, |parent| parent.files_max);
        let ignored = parent.map(|parent| parent.ignored.clone()).unwrap_or_default();
        let proc = Proc {
            pid,
            parent: new.parent,
            group,
            host: new.host,
            release: new.release,
            argv: new.spec.argv,
            env: new.spec.env.into_iter().collect(),
            cwd: new.spec.cwd,
            fds: new.fds,
            tty: new.tty,
            container: new.container,
            cred: new.cred,
            real_uid: new.real_uid,
            umask: new.umask,
            files_max,
            start_us: self.now_us,
            task: None,
            polled: false,
            forgotten: false,
            waker: self.ready.waker(pid),
            stopped: false,
            woken: false,
            ending: None,
            caught: flat::Set::new(),
            ignored,
            pending: std::collections::VecDeque::new(),
            held: Vec::new(),
            effort: Effort::default(),
            said: None,
        };
        self.procs.insert(pid, proc);
        pid
    }

    /// Sends a signal.
    pub(crate) fn signal(&mut self, pid: Pid, signal: Signal) -> Result<(), Errno> {
        let proc = self.procs.get_mut(&pid).ok_or(Errno::Esrch)?;
        if proc.ending.is_some() {
            return Ok(());
        }
        // The first process gets only what it listens to.
        let first = self.hosts[usize::from(proc.host.0)].init == Some(pid);
        if first && !proc.caught.contains(&signal) {
            return Ok(());
        }
        match signal {
            Signal::Kill => self.end(pid, killed(signal)),
            Signal::Stop => self.stop(pid),
            Signal::Cont => self.go_on(pid),
            _ if proc.caught.contains(&signal) => {
                proc.pending.push_back(signal);
                proc.waker.push();
            }
            _ if proc.ignored.contains(&signal) => {}
            Signal::Chld => {}
            Signal::Tstp => self.stop(pid),
            _ if proc.stopped => proc.held.push(signal),
            _ => self.end(pid, killed(signal)),
        }
        Ok(())
    }

    /// Sends a signal to every process of a group; false when there is none.
    pub(crate) fn signal_group(&mut self, group: Pid, signal: Signal) -> bool {
        let pids: Vec<Pid> = self
            .procs
            .values()
            .filter(|proc| proc.group == group && proc.ending.is_none())
            .map(|proc| proc.pid)
            .collect();
        for pid in &pids {
            // One of them may have ended by what another got.
            let _ = self.signal(*pid, signal);
        }
        !pids.is_empty()
    }

    fn stop(&mut self, pid: Pid) {
        let Some(proc) = self.procs.get_mut(&pid) else { return };
        if !proc.stopped {
            proc.stopped = true;
            let parent = proc.parent;
            self.process_stopped(pid);
            // A shell that waits for it takes its terminal back.
            if let Some(parent) = parent {
                self.wake(parent);
            }
        }
    }

    fn go_on(&mut self, pid: Pid) {
        let Some(proc) = self.procs.get_mut(&pid) else { return };
        if !proc.stopped {
            return;
        }
        proc.stopped = false;
        if std::mem::take(&mut proc.woken) {
            proc.waker.push();
        }
        if let Some(signal) = std::mem::take(&mut proc.held).first() {
            self.end(pid, killed(*signal));
            return;
        }
        self.process_continued(pid);
    }

    /// Ends a process: its task will be dropped, its files are closed, its parent hears of
    /// it. Once only.
    pub(crate) fn end(&mut self, pid: Pid, ending: Ending) {
        let Some(proc) = self.procs.get_mut(&pid) else { return };
        if proc.ending.is_some() {
            return;
        }
        proc.ending = Some(ending);
        proc.stopped = false;
        self.witness_end(pid, ending);
        let Some(proc) = self.procs.get_mut(&pid) else { return };
        let parent = proc.parent;
        let task = proc.task.take();
        let fds: Vec<OpenId> = std::mem::take(&mut proc.fds).into_values().collect();
        self.graveyard.extend(task);
        for open in fds {
            self.close_open(open);
        }
        self.process_gone(pid);
        self.locals_gone(pid);
        self.shell_gone(pid);
        let orphans: Vec<Pid> = self
            .procs
            .values()
            .filter(|proc| proc.parent == Some(pid))
            .map(|proc| proc.pid)
            .collect();
        for orphan in orphans {
            self.adopt(orphan);
        }
        match parent {
            Some(parent) if self.is_alive(parent) => {
                let _ = self.signal(parent, Signal::Chld);
                self.wake(parent);
            }
            _ => self.forget(pid),
        }
    }

    /// Takes an ended process from the table. One that ended itself goes on to its next
    /// wait, and its calls find it until then.
    pub(super) fn forget(&mut self, pid: Pid) {
        match self.procs.get_mut(&pid) {
            Some(proc) if proc.polled => proc.forgotten = true,
            _ => drop(self.procs.remove(&pid)),
        }
    }

    /// A process lost its parent: nobody will ask how it ended.
    fn adopt(&mut self, orphan: Pid) {
        let Some(proc) = self.procs.get_mut(&orphan) else { return };
        proc.parent = None;
        if proc.ending.is_some() {
            self.forget(orphan);
        }
    }

    /// How a child ended, which is asked only once; none while it runs. What is no child
    /// has the status shells give it.
    pub(crate) fn reap(&mut self, parent: Pid, child: Pid) -> Option<ExitStatus> {
        let Some(proc) = self.procs.get(&child).filter(|proc| proc.parent == Some(parent)) else {
            return Some(ExitStatus::Code(127));
        };
        let status = status_of(proc.ending?);
        self.forget(child);
        Some(status)
    }

    /// Whether a signal has stopped a process.
    pub(crate) fn is_stopped(&self, pid: Pid) -> bool {
        self.procs.get(&pid).is_some_and(|proc| proc.stopped)
    }

    /// The numbers of a process's children, ended ones included.
    pub(crate) fn children(&self, pid: Pid) -> Vec<Pid> {
        self.procs.values().filter(|proc| proc.parent == Some(pid)).map(|proc| proc.pid).collect()
    }

    /// The processes of a host.
    pub(crate) fn ps(&self, host: HostId) -> Vec<ProcInfo> {
        let shown = |proc: &Proc| {
            let mut info = info(proc);
            info.pid = self.shown(host, info.pid);
            info.parent = info.parent.map(|parent| self.shown(host, parent));
            info
        };
        self.procs.values().filter(|proc| proc.host == host).map(shown).collect()
    }

    /// Asks the queue to wake a process.
    pub(crate) fn wake_at(&mut self, pid: Pid, at_us: u64) -> EventKey {
        self.queue.push(at_us, Event::Kernel(KernelEvent::Wake { pid }))
    }
}

fn info(proc: &Proc) -> ProcInfo {
    ProcInfo {
        pid: proc.pid,
        parent: proc.parent,
        group: proc.group,
        state: match (proc.ending, proc.stopped) {
            (Some(_), _) => ProcState::Zombie,
            (None, true) => ProcState::Stopped,
            (None, false) => ProcState::Running,
        },
        argv: proc.argv.clone(),
        start_us: proc.start_us,
        tty: proc.tty,
        container: proc.container.as_ref().map(|container| container.id.clone()),
        uid: proc.cred.uid,
    }
}

fn killed(signal: Signal) -> Ending {
    Ending::Killed(signal.number())
}

fn status_of(ending: Ending) -> ExitStatus {
    match ending {
        Ending::Exit(code) => ExitStatus::Code(code & 0xff),
        Ending::Killed(number) => {
            ExitStatus::Signal(Signal::from_number(number).unwrap_or(Signal::Kill))
        }
        Ending::PowerLost => ExitStatus::Signal(Signal::Kill),
    }
}
