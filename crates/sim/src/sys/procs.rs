//! Processes, signals and the login shell's terminal for programs.

use std::future::poll_fn;
use std::task::Poll;

use super::Sys;
use crate::cred::Cred;
use crate::errno::Errno;
use crate::ids::Pid;
use crate::kernel::start;
use crate::proc::{ExitStatus, ProcInfo, Signal, SpawnSpec};
use crate::task::Task;
use crate::tty::{Editor, EditorAsk};

impl Sys {
    /// Starts the program of an executable file as a child.
    pub fn spawn(&self, spec: SpawnSpec) -> Result<Pid, Errno> {
        let (pid, run) = self.with(|kernel| kernel.exec_child(self.pid, spec))?;
        start(&self.kernel, pid, run);
        Ok(pid)
    }

    /// Starts a child of the same program that runs this code: a subshell, a builtin in a
    /// pipeline.
    pub fn fork_task(&self, spec: SpawnSpec, code: impl FnOnce(Sys) -> Task) -> Result<Pid, Errno> {
        let pid = self.with(|kernel| kernel.make_child(self.pid, spec))?;
        start(&self.kernel, pid, code);
        Ok(pid)
    }

    /// Waits for a child to end and tells how. Each child is told of once; what is no child
    /// (any more) counts as ended with 127, as shells say it.
    pub async fn wait(&self, child: Pid) -> ExitStatus {
        poll_fn(|_| match self.try_wait(child) {
            Some(status) => Poll::Ready(status),
            None => Poll::Pending,
        })
        .await
    }

    /// Waits for a child to end, or to be stopped by a signal: none then.
    pub async fn wait_or_stop(&self, child: Pid) -> Option<ExitStatus> {
        poll_fn(|_| match self.try_wait(child) {
            Some(status) => Poll::Ready(Some(status)),
            None if self.with(|kernel| kernel.is_stopped(child)) => Poll::Ready(None),
            None => Poll::Pending,
        })
        .await
    }

    /// The same without waiting: none while it runs.
    pub fn try_wait(&self, child: Pid) -> Option<ExitStatus> {
        self.with(|kernel| kernel.reap(self.pid, child))
    }

    /// Waits for any child to end; none when there is none.
    pub async fn wait_any(&self) -> Option<(Pid, ExitStatus)> {
        poll_fn(|_| {
            let children = self.children();
            if children.is_empty() {
                return Poll::Ready(None);
            }
            for child in children {
                if let Some(status) = self.try_wait(child) {
                    return Poll::Ready(Some((child, status)));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The children, those that ended and were not waited for included.
    pub fn children(&self) -> Vec<Pid> {
        self.with(|kernel| kernel.children(self.pid))
    }

    /// Sends a signal to a process of this host.
    pub fn kill(&self, pid: Pid, signal: Signal) -> Result<(), Errno> {
        self.with(|kernel| {
            let pid = kernel.meant(kernel.host_of(self.pid), pid);
            if !self.sees(kernel, pid) {
                return Err(Errno::Esrch);
            }
            if !self.may_signal(kernel, pid) {
                return Err(Errno::Eperm);
            }
            kernel.signal(pid, signal)
        })
    }

    /// Sends a signal to all processes of a group of this host.
    pub fn kill_group(&self, group: Pid, signal: Signal) -> Result<(), Errno> {
        self.with(|kernel| {
            let host = kernel.host_of(self.pid);
            let here = kernel.ps(host).iter().any(|proc| proc.group == group);
            if here && kernel.signal_group(group, signal) { Ok(()) } else { Err(Errno::Esrch) }
        })
    }

    /// Whether a process of this host exists (`kill -0`).
    pub fn exists(&self, pid: Pid) -> bool {
        self.with(|kernel| self.sees(kernel, kernel.meant(kernel.host_of(self.pid), pid)))
    }

    /// Root may signal everybody, others themselves.
    fn may_signal(&self, kernel: &crate::kernel::Kernel, pid: Pid) -> bool {
        let caller = kernel.caller(self.pid);
        let same = |proc: &crate::proc::Proc| {
            [proc.real_uid, proc.cred.uid]
                .iter()
                .any(|uid| *uid == caller.real_uid || *uid == caller.cred.uid)
        };
        caller.cred.is_root() || kernel.proc(pid).is_some_and(same)
    }

    /// As whom the process acts.
    pub fn cred(&self) -> Cred {
        self.with(|kernel| kernel.caller(self.pid).cred.clone())
    }

    /// The number of the user who started it: another one than [`Sys::cred`] says only where
    /// its file is setuid.
    pub fn real_uid(&self) -> u32 {
        self.with(|kernel| kernel.caller(self.pid).real_uid)
    }

    fn sees(&self, kernel: &crate::kernel::Kernel, pid: Pid) -> bool {
        let host = kernel.host_of(self.pid);
        kernel.proc(pid).is_some_and(|proc| proc.host == host)
    }

    /// The processes of this host; in a container, only those of it.
    pub fn ps(&self) -> Vec<ProcInfo> {
        let mut procs = self.with(|kernel| kernel.ps(kernel.host_of(self.pid)));
        if let Some(container) = self.container() {
            procs.retain(|proc| proc.container.as_ref() == Some(&container.id));
        }
        procs
    }

    /// The size of the database that an etcd among the host's processes has open; 0 for others.
    pub fn database_bytes(&self, pid: Pid) -> u64 {
        self.with(|kernel| {
            let Some(proc) = kernel.proc(kernel.meant(kernel.host_of(self.pid), pid)) else {
                return 0;
            };
            let mut flags = proc.argv.iter().map(|arg| arg.trim_start_matches('-'));
            let flag = flags.find_map(|flag| match flag.strip_prefix("data-dir")? {
                "" => Some(String::new()),
                value => value.strip_prefix('=').map(str::to_owned),
            });
            let flag = match flag {
                Some(value) if value.is_empty() => flags.next().map(str::to_owned),
                found => found.or_else(|| proc.env.get("ETCD_DATA_DIR").cloned()),
            };
            let folder = flag.unwrap_or_else(|| format!("{}/default.etcd", proc.cwd));
            let path = format!("{folder}/member/snap/db");
            let path = match &proc.container {
                Some(container) => container.place(&path).0,
                None => path,
            };
            kernel.host(proc.host).disk.stat(&path).map_or(0, |stat| stat.size)
        })
    }

    /// How many files a process of this host may have open: now, and how far it may raise that.
    pub fn files_max(&self, pid: Pid) -> Option<(u64, u64)> {
        self.with(|kernel| {
            Some(kernel.proc(kernel.meant(kernel.host_of(self.pid), pid))?.files_max)
        })
    }

    /// Sets that, for itself or for a child. Only root goes beyond the second number.
    pub fn set_files_max(&self, pid: Pid, limits: (u64, u64)) -> Result<(), Errno> {
        self.with(|kernel| {
            let root = kernel.caller(self.pid).cred.is_root();
            let own = kernel.meant(kernel.host_of(self.pid), pid);
            let proc = kernel.proc_mut(own).ok_or(Errno::Esrch)?;
            if own != self.pid && proc.parent != Some(self.pid) {
                return Err(Errno::Eperm);
            }
            if limits.0 > limits.1 {
                return Err(Errno::Einval);
            }
            if limits.1 > proc.files_max.1 && !root {
                return Err(Errno::Eperm);
            }
            proc.files_max = limits;
            Ok(())
        })
    }

    /// From now on this signal does not end the process; [`Sys::caught`] tells of it. KILL
    /// and STOP cannot be caught.
    pub fn catch(&self, signal: Signal) {
        self.with(|kernel| {
            if let Some(proc) = kernel.proc_mut(self.pid) {
                proc.ignored.remove(&signal);
                proc.caught.insert(signal);
            }
        });
    }

    /// From now on this signal means nothing to the process and to those it starts.
    pub fn ignore(&self, signal: Signal) {
        self.with(|kernel| {
            if let Some(proc) = kernel.proc_mut(self.pid) {
                proc.caught.remove(&signal);
                proc.ignored.insert(signal);
            }
        });
    }

    /// Takes back [`Sys::catch`] and [`Sys::ignore`].
    pub fn restore(&self, signal: Signal) {
        self.with(|kernel| {
            if let Some(proc) = kernel.proc_mut(self.pid) {
                proc.caught.remove(&signal);
                proc.ignored.remove(&signal);
                proc.pending.retain(|pending| *pending != signal);
            }
        });
    }

    /// Waits for the next caught signal.
    pub async fn caught(&self) -> Signal {
        poll_fn(|_| match self.take_caught() {
            Some(signal) => Poll::Ready(signal),
            None => Poll::Pending,
        })
        .await
    }

    /// The next caught signal, if one came.
    pub fn take_caught(&self) -> Option<Signal> {
        self.with(|kernel| kernel.proc_mut(self.pid)?.pending.pop_front())
    }

    /// Has the process's terminal show what is typed, or not: for a password. The end of the
    /// command turns it on again.
    pub fn set_echo(&self, on: bool) {
        self.with(|kernel| kernel.tty_set_echo(self.pid, on));
    }

    /// Has the process's terminal give it each key as it is typed, unseen. The end of the
    /// command turns it off again.
    pub fn set_raw(&self, on: bool) {
        self.with(|kernel| kernel.tty_set_raw(self.pid, on));
    }

    /// Columns and rows of the process's terminal; none where it has no screen.
    pub fn screen(&self) -> Option<(u16, u16)> {
        self.with(|kernel| kernel.tty_size(self.pid))
    }

    /// Shows an editor in the process's terminal, or what it says now; none puts it away.
    pub fn show_editor(&self, editor: Option<Editor>) {
        self.with(|kernel| kernel.tty_show_editor(self.pid, editor));
    }

    /// Waits for what the user asks of the editor.
    pub async fn editor_ask(&self) -> EditorAsk {
        poll_fn(|_| {
            let ask = self.with(|kernel| kernel.tty_take_ask(self.pid));
            ask.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The login shell waits for its next command; none when the terminal was closed.
    pub async fn next_command(&self) -> Option<String> {
        poll_fn(|_| {
            let next = self.with(|kernel| {
                let Some(tty) = kernel.caller(self.pid).tty else { return Some(None) };
                kernel.tty_next_command(tty, self.pid)
            });
            next.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The login shell is done with a command.
    pub fn command_done(&self, exit: i32) {
        self.with(|kernel| {
            if let Some(tty) = kernel.caller(self.pid).tty {
                kernel.tty_done(tty, exit);
            }
        });
    }

    /// Sets the process groups that get the keyboard's signals: those the foreground command
    /// consists of, by their leaders. With none they go to the login shell.
    pub fn set_foreground(&self, groups: &[Pid]) {
        self.with(|kernel| {
            if let Some(tty) = kernel.caller(self.pid).tty {
                kernel.tty_set_foreground(tty, groups);
            }
        });
    }
}
