//! The world as its users hold it: it lets time pass, carries out faults, and shows itself.

mod inject;
mod probe;
mod saved;
mod survey;
#[cfg(test)]
mod tests;
mod views;

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use etcd::Config;

use crate::checker::{Checks, Violation};
use crate::cred::{self, Owner};
use crate::errno::Errno;
use crate::event::{Happened, WorldEvent};
use crate::fault::{Fault, FaultError};
use crate::ids::{HostId, Pid, TtyId};
use crate::kernel::{self, Kernel, KernelRef};
use crate::members::{Launch, start_now, start_planned};
use crate::net::{LinkDefaults, Net};
use crate::proc::{Signal, SpawnSpec, Stdio};
use crate::queue::Event;
use crate::task::ProgramTable;
use crate::trace::Mark;
pub use saved::Saved;
pub use views::{Counters, Power, Serving};

/// How a world is made.
#[derive(Clone, Debug)]
pub struct WorldSpec {
    /// The hosts' names, `n1` first.
    pub hosts: Vec<String>,
    /// The members that start with the world.
    pub members: Vec<MemberSpec>,
    /// The root of every random draw.
    pub seed: u64,
    /// The date at the world's beginning: microseconds since 1970.
    pub epoch_us: u64,
    /// How the links are made.
    pub links: LinkDefaults,
    /// How long a disk takes to sync.
    pub sync_us: u64,
    /// Whether the checkers look.
    pub checkers: bool,
    /// What executable files can name.
    pub programs: ProgramTable,
    /// What lies on the hosts' disks.
    pub install: Vec<Install>,
    /// Who sits at the terminals.
    pub user: String,
    /// The program that is every host's first process.
    pub init: Option<String>,
}

/// A member that starts with the world.
#[derive(Clone, Debug)]
pub struct MemberSpec {
    /// The name of its host.
    pub host: String,
    /// What as.
    pub config: Config,
    /// Its command line as `ps` shows it; empty: made from the configuration.
    pub argv: Vec<String>,
}

/// A file on a host's disk, there from the beginning.
#[derive(Clone, Debug)]
pub struct Install {
    /// The name of the host; none means every host.
    pub host: Option<String>,
    /// Its absolute path.
    pub path: String,
    /// What it is.
    pub content: Content,
    /// Its permissions.
    pub mode: u16,
    /// Whose it is.
    pub owner: Owner,
}

/// What stands on a disk from the beginning.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file with these bytes.
    File(Bytes),
    /// A directory.
    Dir,
    /// A symbolic link that leads there.
    Link(String),
}

impl Install {
    /// A file on every host.
    pub fn everywhere((path, bytes, mode): (String, Bytes, u16)) -> Install {
        Install { host: None, path, content: Content::File(bytes), mode, owner: Owner::ROOT }
    }

    /// A file on one host.
    pub fn file(host: &str, path: &str, bytes: impl Into<Bytes>, mode: u16) -> Install {
        let (host, path) = (Some(host.to_owned()), path.to_owned());
        Install { host, path, content: Content::File(bytes.into()), mode, owner: Owner::ROOT }
    }

    /// A directory on one host.
    pub fn dir(host: &str, path: &str, mode: u16) -> Install {
        let (host, path) = (Some(host.to_owned()), path.to_owned());
        Install { host, path, content: Content::Dir, mode, owner: Owner::ROOT }
    }

    /// A symbolic link on one host.
    pub fn link(host: &str, path: &str, target: &str) -> Install {
        let (host, path) = (Some(host.to_owned()), path.to_owned());
        let content = Content::Link(target.to_owned());
        Install { host, path, content, mode: 0o777, owner: Owner::ROOT }
    }

    /// The same, but it is somebody's.
    pub fn owned(self, uid: u32, gid: u32) -> Install {
        Install { owner: Owner { uid, gid }, ..self }
    }

    fn put(&self, disk: &mut crate::disk::Disk, at: crate::disk::At) -> Result<(), Errno> {
        match &self.content {
            Content::File(bytes) => disk.install(&self.path, bytes, self.mode, at)?,
            Content::Dir => {
                disk.mkdir_all(&self.path, 0o755, at)?;
                disk.chmod(&self.path, self.mode)?;
            }
            Content::Link(target) => disk.symlink(target, &self.path, at)?,
        }
        if self.owner != Owner::ROOT {
            disk.give(&self.path, self.owner)?;
        }
        Ok(())
    }
}

impl Default for WorldSpec {
    /// No hosts, and what every world has.
    fn default() -> WorldSpec {
        WorldSpec {
            hosts: Vec::new(),
            members: Vec::new(),
            seed: 0,
            epoch_us: 1_795_338_000_000_000,
            links: LinkDefaults::default(),
            sync_us: 800,
            checkers: true,
            programs: &[],
            install: Vec::new(),
            user: "root".to_owned(),
            init: None,
        }
    }
}

/// How far time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The world's clock.
    pub now_us: u64,
    /// Whether the time asked for was reached.
    pub reached: bool,
    /// Events handled.
    pub events: u32,
}

/// A world.
pub struct World {
    pub(crate) kernel: KernelRef,
    names: Vec<String>,
    user: String,
}

impl World {
    /// Makes a world at time zero; its members start in the first instant.
    pub fn new(spec: WorldSpec) -> World {
        let mut net = Net::new(spec.seed, spec.hosts.len());
        net.links.set_defaults(spec.links);
        let checks = Checks::new(spec.checkers);
        let mut kernel =
            Kernel::new(spec.epoch_us, spec.seed, &spec.hosts, spec.programs, net, checks);
        for (host, name) in (0..).map(HostId).zip(&spec.hosts) {
            let at = kernel.at(host);
            let disk = &mut kernel.host_mut(host).disk;
            disk.set_base_sync_us(spec.sync_us);
            for file in &spec.install {
                if file.host.as_ref().is_none_or(|it| it == name) {
                    file.put(disk, at)
                        .unwrap_or_else(|error| panic!("installing {}: {error}", file.path));
                }
            }
        }
        kernel.init_path = spec.init;
        if kernel.init_path.is_some() {
            for host in (0..).map(HostId).take(spec.hosts.len()) {
                kernel.queue.push(0, Event::Init { host });
            }
        }
        let (names, user) = (spec.hosts, spec.user);
        let mut world = World { kernel: Rc::new(RefCell::new(kernel)), names, user };
        for MemberSpec { host, config, argv } in spec.members {
            let host = world.host(&host).unwrap_or_else(|| panic!("no host {host} in the world"));
            start_now(&world.kernel, host, Launch { config, argv })
                .unwrap_or_else(|error| panic!("starting a member: {error}"));
        }
        world.settle();
        world
    }

    /// Lets time pass up to `until_us`, or until `events_max` events were handled, or until
    /// a checker found something.
    pub fn advance(&mut self, until_us: u64, events_max: u32) -> Advanced {
        self.run(until_us, events_max, false)
    }

    /// The same, but time stops as soon as a terminal has said something: for a driver that
    /// waits for the end of a command and for nothing after it.
    pub fn advance_until_said(&mut self, until_us: u64, events_max: u32) -> Advanced {
        self.run(until_us, events_max, true)
    }

    fn run(&mut self, until_us: u64, events_max: u32, until_said: bool) -> Advanced {
        let mut events = 0;
        kernel::run_ready(&self.kernel);
        let mut reached = false;
        while events < events_max && !(until_said && self.kernel.borrow().events.has_said()) {
            let (count, stop) = self.run_quiet(until_us, events_max - events);
            events += count;
            match stop {
                Stop::Ready => {
                    kernel::run_ready(&self.kernel);
                }
                Stop::Start(host, serial) => {
                    start_planned(&self.kernel, host, serial);
                    kernel::run_ready(&self.kernel);
                }
                Stop::Init(host) => {
                    crate::power::start_init(&self.kernel, host);
                    kernel::run_ready(&self.kernel);
                }
                Stop::Until => {
                    reached = true;
                    break;
                }
                Stop::Count => {}
                Stop::Violation => break,
            }
        }
        if reached {
            self.kernel.borrow_mut().set_now(until_us);
        }
        Advanced { now_us: self.now_us(), reached, events }
    }

    /// Runs what can run at this instant, and handles what is due by now. No time passes.
    pub fn settle(&mut self) {
        let now_us = self.now_us();
        while !self.advance(now_us, u32::MAX).reached && self.violation().is_none() {}
    }

    /// Handles exactly one event, however far off it is. None when nothing will ever happen,
    /// or a checker found something.
    pub fn step(&mut self) -> Option<Advanced> {
        let advanced = self.advance(u64::MAX - 1, 1);
        (advanced.events > 0).then_some(advanced)
    }

    /// Handles events as long as no task can run.
    fn run_quiet(&mut self, until_us: u64, events_max: u32) -> (u32, Stop) {
        let kernel = &mut *self.kernel.borrow_mut();
        let mut events = 0;
        loop {
            if kernel.report_violation() {
                return (events, Stop::Violation);
            }
            if kernel.has_ready() {
                return (events, Stop::Ready);
            }
            if events == events_max {
                return (events, Stop::Count);
            }
            let Some((at_us, event)) = kernel.queue.pop(until_us) else {
                return (events, if until_us > FOREVER_US { Stop::Count } else { Stop::Until });
            };
            kernel.set_now(at_us);
            events += 1;
            if let Event::Start { host, serial } = event {
                return (events, Stop::Start(host, serial));
            }
            if let Event::Init { host } = event {
                return (events, Stop::Init(host));
            }
            kernel.handle(event);
        }
    }

    /// Does something to the world, at this instant.
    pub fn inject(&mut self, fault: Fault) -> Result<(), FaultError> {
        self.kernel.borrow_mut().inject(fault)?;
        self.settle();
        Ok(())
    }

    /// What happened since the last call.
    pub fn drain_events(&mut self) -> Vec<Happened> {
        self.kernel.borrow_mut().events.drain()
    }

    /// The world's clock.
    pub fn now_us(&self) -> u64 {
        self.kernel.borrow().now_us
    }

    /// When the next event is due.
    pub fn next_event_us(&self) -> Option<u64> {
        self.kernel.borrow_mut().queue.next_at()
    }

    /// One number for everything that happened so far.
    pub fn trace_hash(&self) -> u64 {
        self.kernel.borrow().trace.hash()
    }

    /// The broken promise that stopped the world.
    pub fn violation(&self) -> Option<Violation> {
        self.kernel.borrow().checks.violation().cloned()
    }

    /// Starts the program of an executable file on a host.
    pub fn spawn(&mut self, host: HostId, spec: SpawnSpec, stdio: Stdio) -> Result<Pid, Errno> {
        kernel::spawn_exec(&self.kernel, host, spec, stdio)
    }

    /// Starts code of one's own on a host: what tests and benches drive a world with.
    pub fn spawn_task(
        &mut self,
        host: HostId,
        spec: SpawnSpec,
        code: Box<dyn FnOnce(crate::sys::Sys) -> crate::task::Task>,
    ) -> Result<Pid, Errno> {
        kernel::spawn_task(&self.kernel, host, spec, Stdio::Null, code)
    }

    /// Sends a signal to a process.
    pub fn signal(&mut self, pid: Pid, signal: Signal) -> Result<(), Errno> {
        self.kernel.borrow_mut().signal(pid, signal)
    }
}

/// Why handling events paused.
enum Stop {
    Ready,
    Start(HostId, u32),
    Init(HostId),
    Until,
    Count,
    Violation,
}

/// No run is asked to go further; beyond it `until` means "whatever comes next".
const FOREVER_US: u64 = u64::MAX / 2;

impl Kernel {
    fn set_now(&mut self, now_us: u64) {
        assert!(now_us >= self.now_us, "time never goes back");
        self.now_us = now_us;
        self.events.now_us = now_us;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Kernel(event) => {
                let crate::kernel::KernelEvent::Wake { pid } = event;
                self.trace.add(self.now_us, Mark::Kernel, u64::from(pid.0), 0);
                self.handle_kernel_event(event);
            }
            Event::Tick { slot, run } => self.member_tick(slot, run),
            Event::Wake { slot, run } => self.member_wake(slot, run),
            Event::Disk { slot, run, lane } => self.member_disk(slot, run, lane),
            Event::Peer { flight } => self.peer_arrives(flight),
            Event::PeerStatus { slot, run, peer } => self.peer_noticed(slot, run, peer),
            Event::Stream { flight } => self.stream_arrives(flight),
            Event::Power { host, on } => self.power_event(host, on),
            Event::Start { .. } | Event::Init { .. } => {
                unreachable!("the world starts processes itself")
            }
        }
    }

    /// Whether a checker found something; says so once.
    fn report_violation(&mut self) -> bool {
        let Some(violation) = self.checks.take_news() else {
            return self.checks.violation().is_some();
        };
        self.events.push(WorldEvent::Violation(violation));
        true
    }
}

impl Drop for World {
    fn drop(&mut self) {
        kernel::clear(&self.kernel);
    }
}

/// Terminals.
impl World {
    /// Opens a terminal on a host: this shell starts in it, as the world's user's login shell.
    pub fn tty_open(&mut self, host: HostId, tty: TtyId, shell: &str) -> Result<(), Errno> {
        let name = shell.rsplit('/').next().unwrap_or(shell);
        let user = self.login(host).ok_or(Errno::Eperm)?;
        let home = user.0.home.as_str();
        let mut spec = SpawnSpec::new(shell, &[&format!("-{name}")]);
        let env = [
            ("HOME", home),
            ("HOSTNAME", self.names[usize::from(host.0)].as_str()),
            ("LOGNAME", user.0.name.as_str()),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("SHELL", shell),
            ("TERM", "xterm-256color"),
            ("USER", user.0.name.as_str()),
        ];
        spec.env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        spec.cwd = home.to_owned();
        spec.user = Some(user.1.clone());
        kernel::tty_open(&self.kernel, tty, host, spec).map(|_| ())
    }

    /// The world's user, as a host knows it.
    fn login(&self, host: HostId) -> Option<(cred::User, cred::Cred)> {
        let read = |path| {
            let bytes = self.kernel.borrow().host(host).disk.read_file(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let users = cred::users(&read("/etc/passwd"));
        let found = users.into_iter().find(|user| user.name == self.user);
        // Whatever a learner did to the file, root gets in.
        let root =
            || cred::users(crate::host::PASSWD).into_iter().find(|user| user.name == self.user);
        let user = found.or_else(root)?;
        let cred = user.cred(&cred::groups(&read("/etc/group")));
        Some((user, cred))
    }

    /// Closes a terminal; what runs in it gets SIGHUP.
    pub fn tty_close(&mut self, tty: TtyId) {
        self.kernel.borrow_mut().tty_close(tty);
    }

    /// Enters a whole command.
    pub fn tty_command(&mut self, tty: TtyId, command: String) {
        self.kernel.borrow_mut().tty_command(tty, command);
    }

    /// Types bytes for the program in the foreground.
    pub fn tty_stdin(&mut self, tty: TtyId, bytes: Bytes) {
        self.kernel.borrow_mut().tty_stdin(tty, &bytes);
    }

    /// Types Ctrl-D.
    pub fn tty_eof(&mut self, tty: TtyId) {
        self.kernel.borrow_mut().tty_eof(tty);
    }

    /// Sends a signal to the program in the foreground.
    pub fn tty_signal(&mut self, tty: TtyId, signal: Signal) {
        self.kernel.borrow_mut().tty_signal(tty, signal);
    }

    /// The command in the foreground; none at the prompt.
    pub fn tty_running(&self, tty: TtyId) -> Option<String> {
        self.kernel.borrow().tty_running(tty)
    }

    /// Whether what is typed is to be shown.
    pub fn tty_echo(&self, tty: TtyId) -> bool {
        self.kernel.borrow().tty_echo(tty)
    }

    /// Whether keys go to the program in the foreground one by one.
    pub fn tty_raw(&self, tty: TtyId) -> bool {
        self.kernel.borrow().tty_raw(tty)
    }

    /// The terminal is a screen of so many columns and rows.
    pub fn tty_resize(&mut self, tty: TtyId, columns: u16, rows: u16) {
        self.kernel.borrow_mut().tty_resize(tty, (columns, rows));
    }

    /// The editor a program shows in the terminal.
    pub fn tty_editor(&self, tty: TtyId) -> Option<crate::tty::Editor> {
        self.kernel.borrow().tty_editor(tty).cloned()
    }

    /// The user asks something of that editor.
    pub fn tty_ask_editor(&mut self, tty: TtyId, ask: crate::tty::EditorAsk) {
        self.kernel.borrow_mut().tty_ask_editor(tty, ask);
    }

    /// Whether the terminal's shell lives.
    pub fn tty_alive(&self, tty: TtyId) -> bool {
        self.kernel.borrow().tty_alive(tty)
    }

    /// The working directory of the terminal's shell.
    pub fn tty_cwd(&self, tty: TtyId) -> Option<String> {
        self.kernel.borrow().tty_cwd(tty)
    }
}
