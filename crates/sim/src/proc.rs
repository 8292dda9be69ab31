//! Processes: what the kernel keeps of each, and the words programs use about them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cred::Cred;
use crate::event::Ending;
use crate::ids::{Fd, HostId, OpenId, Pid, TtyId};
use crate::kernel::Said;
use crate::task::{Task, TaskWaker};
use flat::{Map, Set};

/// Signals, with their numbers on Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of signal(7)")]
#[repr(u8)]
pub enum Signal {
    Hup = 1,
    Int = 2,
    Quit = 3,
    Abrt = 6,
    Kill = 9,
    Usr1 = 10,
    Usr2 = 12,
    Pipe = 13,
    Alrm = 14,
    Term = 15,
    Chld = 17,
    Cont = 18,
    Stop = 19,
    Tstp = 20,
}

impl Signal {
    /// All of them.
    pub const ALL: [Signal; 14] = [
        Signal::Hup,
        Signal::Int,
        Signal::Quit,
        Signal::Abrt,
        Signal::Kill,
        Signal::Usr1,
        Signal::Usr2,
        Signal::Pipe,
        Signal::Alrm,
        Signal::Term,
        Signal::Chld,
        Signal::Cont,
        Signal::Stop,
        Signal::Tstp,
    ];

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The signal of a number.
    pub fn from_number(number: u8) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.number() == number)
    }

    /// The name without `SIG`: `TERM`.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Hup => "HUP",
            Signal::Int => "INT",
            Signal::Quit => "QUIT",
            Signal::Abrt => "ABRT",
            Signal::Kill => "KILL",
            Signal::Usr1 => "USR1",
            Signal::Usr2 => "USR2",
            Signal::Pipe => "PIPE",
            Signal::Alrm => "ALRM",
            Signal::Term => "TERM",
            Signal::Chld => "CHLD",
            Signal::Cont => "CONT",
            Signal::Stop => "STOP",
            Signal::Tstp => "TSTP",
        }
    }

    /// The signal of a name such as `TERM`, `SIGTERM` or `term`.
    pub fn from_name(name: &str) -> Option<Signal> {
        let name = name.to_ascii_uppercase();
        let name = name.strip_prefix("SIG").unwrap_or(&name);
        Signal::ALL.into_iter().find(|signal| signal.name() == name)
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(Signal),
}

impl ExitStatus {
    /// The number a shell shows: the code, or 128 and the signal's number.
    pub fn code(self) -> i32 {
        match self {
            ExitStatus::Code(code) => code,
            ExitStatus::Signal(signal) => 128 + i32::from(signal.number()),
        }
    }
}

/// The process group a new process belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// A new one, of which it is the leader.
    Own,
    /// That of its parent.
    #[default]
    Inherit,
    /// One that exists: that of the first process of a pipeline.
    Of(Pid),
}

/// What a new process is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnSpec {
    /// The file to execute, absolute or seen from the parent's directory; unused by
    /// `fork_task`.
    pub path: String,
    /// Its arguments; the first is its name.
    pub argv: Vec<String>,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// Where it starts; empty means where its parent is.
    pub cwd: String,
    /// Its open files: its own number and the parent's. What is not named is closed.
    pub fds: Vec<(Fd, Fd)>,
    /// Its process group.
    pub group: Group,
    /// As whom it acts; none means as its parent. Only root may choose.
    pub user: Option<Cred>,
}

impl SpawnSpec {
    /// A process with the standard files of its parent and no environment.
    pub fn new(path: &str, argv: &[&str]) -> SpawnSpec {
        SpawnSpec {
            path: path.to_owned(),
            argv: argv.iter().map(|&arg| arg.to_owned()).collect(),
            env: Vec::new(),
            cwd: String::new(),
            fds: [Fd::STDIN, Fd::STDOUT, Fd::STDERR].map(|fd| (fd, fd)).to_vec(),
            group: Group::Inherit,
            user: None,
        }
    }
}

/// The standard files of a process without a parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// `/dev/null`.
    Null,
    /// A terminal.
    Tty(TtyId),
    /// Nothing to read; what it prints is appended to this file.
    Log(String),
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcState {
    /// Running or waiting for something.
    Running,
    /// Stopped by a signal.
    Stopped,
    /// Ended; its parent has not asked yet.
    Zombie,
}

/// A process as `ps` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcInfo {
    /// Its number.
    pub pid: Pid,
    /// Its parent's; none for those of the system.
    pub parent: Option<Pid>,
    /// Its process group.
    pub group: Pid,
    /// What it does.
    pub state: ProcState,
    /// Its arguments.
    pub argv: Vec<String>,
    /// The world's time at its start.
    pub start_us: u64,
    /// Its terminal.
    pub tty: Option<TtyId>,
    /// The id of its container.
    pub container: Option<String>,
    /// As whom it acts.
    pub uid: u32,
}

/// A process as the kernel keeps it.
pub(crate) struct Proc {
    pub(crate) pid: Pid,
    pub(crate) parent: Option<Pid>,
    pub(crate) group: Pid,
    pub(crate) host: HostId,
    /// The release of its executable file.
    pub(crate) release: String,
    pub(crate) argv: Vec<String>,
    pub(crate) env: Map<String, String>,
    pub(crate) cwd: String,
    pub(crate) fds: Map<Fd, OpenId>,
    pub(crate) tty: Option<TtyId>,
    /// The container it is in; its children are in it too.
    pub(crate) container: Option<std::rc::Rc<crate::container::Container>>,
    /// As whom it acts.
    pub(crate) cred: Cred,
    /// Who started it: another one only where the file is setuid.
    pub(crate) real_uid: u32,
    /// The permission bits that what it makes does not get.
    pub(crate) umask: u16,
    /// How many files it may have open: the limit in force, and how far it may raise that.
    pub(crate) files_max: (u64, u64),
    pub(crate) start_us: u64,
    /// Its code; away while it is polled, gone when the process has ended.
    pub(crate) task: Option<Task>,
    /// Whether it is being polled: then it stays in the table, whatever happens to it.
    pub(crate) polled: bool,
    /// Whether it is to be taken from the table when it is not polled any more.
    pub(crate) forgotten: bool,
    pub(crate) waker: Arc<TaskWaker>,
    pub(crate) stopped: bool,
    /// Woken while stopped.
    pub(crate) woken: bool,
    pub(crate) ending: Option<Ending>,
    pub(crate) caught: Set<Signal>,
    pub(crate) ignored: Set<Signal>,
    /// Caught signals it has not taken.
    pub(crate) pending: VecDeque<Signal>,
    /// Deadly signals that came while it was stopped.
    pub(crate) held: Vec<Signal>,
    pub(crate) effort: Effort,
    /// What it printed, where a witness watches.
    pub(crate) said: Option<Box<Said>>,
}

/// What a process did within one instant of virtual time. Programs take no time to compute,
/// so one that never waits would stop the world; it is made to rest instead.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    at_us: u64,
    calls: u32,
    bytes: u64,
    polls: u32,
}

/// Reads and writes a process may do at one instant, and how much they may move.
const CALLS_MAX: u32 = 1000;
const CALL_BYTES_MAX: u64 = 4 << 20;

/// How often it may run at one instant.
const POLLS_MAX: u32 = 20_000;

/// How long it rests after that.
pub(crate) const REST_US: u64 = 1000;

/// How many files a process may have open where nobody said otherwise.
pub(crate) const FILES_MAX: (u64, u64) = (1024, 524_288);

impl Effort {
    fn at(&mut self, now_us: u64) {
        if self.at_us != now_us {
            *self = Effort { at_us: now_us, ..Effort::default() };
        }
    }

    /// Counts a call; true when the process has to rest.
    pub(crate) fn call(&mut self, bytes: u64, now_us: u64) -> bool {
        self.at(now_us);
        self.calls += 1;
        self.bytes += bytes;
        if self.calls < CALLS_MAX && self.bytes < CALL_BYTES_MAX {
            return false;
        }
        (self.calls, self.bytes) = (0, 0);
        true
    }

    /// Counts a poll; true when the process has to rest.
    pub(crate) fn poll(&mut self, now_us: u64) -> bool {
        self.at(now_us);
        self.polls += 1;
        if self.polls < POLLS_MAX {
            return false;
        }
        self.polls = 0;
        true
    }
}

impl std::fmt::Debug for Proc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proc({} {:?})", self.pid, self.argv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_their_names_and_numbers() {
        for signal in Signal::ALL {
            assert_eq!(Signal::from_number(signal.number()), Some(signal));
            assert_eq!(Signal::from_name(signal.name()), Some(signal));
        }
        assert_eq!(Signal::from_name("sigterm"), Some(Signal::Term));
        assert_eq!(Signal::from_name("SIGNAL"), None);
        assert_eq!(ExitStatus::Signal(Signal::Int).code(), 130);
    }

    #[test]
    fn effort_is_counted_by_instant() {
        let mut effort = Effort::default();
        assert!((1..CALLS_MAX).all(|_| !effort.call(1, 5)));
        assert!(effort.call(1, 5));
        assert!((1..CALLS_MAX).all(|_| !effort.call(1, 6)));
        assert!(!effort.call(1, 7));
        assert!(effort.call(CALL_BYTES_MAX, 7));
    }
}
