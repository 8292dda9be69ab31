//! What a world shows of itself. Reading changes nothing, and nothing is computed that is
//! not asked for.

use bytes::Bytes;
use etcd::pb::{RangeRequest, RangeResponse};
use etcd::{EntryInfo, MemberStatus, Role};

use crate::checker::Check;
use crate::disk::DiskState;
use crate::errno::Errno;
use crate::fs::Stat;
use crate::ids::{HostId, Pid};
use crate::members::Hosted;
use crate::net::{
    FlightInfo, LinkInfo, PortRole, Resolved, SocketInfo, Target, resolve, split_url,
};
use crate::proc::ProcInfo;
use crate::world::World;

/// What runs on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// A member runs.
    Running,
    /// The host is on, its member ended.
    Stopped,
    /// The member is frozen.
    Frozen,
    /// The host is off.
    Off,
    /// The host is on and never had a member.
    Idle,
}

/// A member that serves clients, as one finds it who follows a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Where it runs.
    pub host: HostId,
    /// As which process.
    pub pid: Pid,
    /// Where on its host's disk it keeps its data.
    pub data_dir: String,
    /// The number of its run among all runs of members.
    pub run: u32,
}

/// What the world and its checkers counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Events handled.
    pub events: u64,
    /// Events that wait.
    pub waiting: u64,
    /// Messages sent.
    pub messages: u64,
    /// Facts that were dropped because nobody took them.
    pub facts_dropped: u64,
    /// Writes acknowledged to clients.
    pub writes_acked: u64,
    /// Linearizable reads answered.
    pub reads_checked: u64,
    /// Each promise: its name, how often it was looked at, and what it says.
    pub checks: Vec<(&'static str, u64, &'static str)>,
}

impl World {
    fn with_member<T>(&self, host: HostId, read: impl FnOnce(&Hosted) -> T) -> Option<T> {
        self.kernel.borrow().members.of_host(host).map(read)
    }

    /// The state of the host's member, running or frozen; of the oldest if there are several.
    pub fn member(&self, host: HostId) -> Option<MemberStatus> {
        self.with_member(host, |hosted| Some(hosted.member.as_ref()?.status()))?
    }

    /// The newest entries of its log, oldest first.
    pub fn entries(&self, host: HostId, newest: usize) -> Vec<EntryInfo> {
        let entries = self.with_member(host, |hosted| {
            let member = hosted.member.as_ref()?;
            let status = member.status();
            let count = u64::try_from(newest).unwrap_or(u64::MAX);
            let from = (status.last_index + 1).saturating_sub(count).max(status.first_index);
            Some(member.entries(from, newest))
        });
        entries.flatten().unwrap_or_default()
    }

    /// When, on the world's clock, the member's election timer was set and will fire. None
    /// for a leader and where nothing runs.
    pub fn timer(&self, host: HostId) -> Option<(u64, u64)> {
        let timer = self.with_member(host, |hosted| {
            let status = hosted.member.as_ref()?.status();
            let tick_us = hosted.heartbeat_us();
            let from_us =
                status.timer.ticked_us.saturating_sub(status.timer.elapsed_ticks * tick_us);
            let until_us = from_us + status.timer.timeout_ticks * tick_us;
            (status.role != Role::Leader).then_some((from_us, until_us))
        });
        timer.flatten()
    }

    /// The newest lines the host's members wrote, oldest first.
    pub fn journal(&self, host: HostId, newest: usize) -> Vec<String> {
        let kernel = self.kernel.borrow();
        let lines = kernel.members.journal(host).rev().take(newest).cloned();
        let mut lines: Vec<String> = lines.collect();
        lines.reverse();
        lines
    }

    /// The command line of the host's member, running or last.
    pub fn argv(&self, host: HostId) -> Vec<String> {
        let kernel = self.kernel.borrow();
        kernel.members.last_launch(host).map(|launch| launch.argv.clone()).unwrap_or_default()
    }

    /// The data directory of the host's member, running or last.
    pub fn data_dir(&self, host: HostId) -> Option<String> {
        let kernel = self.kernel.borrow();
        let running = kernel.members.of_host(host).map(|hosted| hosted.data_dir().to_owned());
        running.or_else(|| {
            kernel.members.last_launch(host).map(|launch| launch.config.data_dir.clone())
        })
    }

    /// The configuration of the host's member, running or last.
    pub fn config(&self, host: HostId) -> Option<etcd::Config> {
        let kernel = self.kernel.borrow();
        kernel.members.last_launch(host).map(|launch| launch.config.clone())
    }

    /// What runs on a host.
    pub fn host_power(&self, host: HostId) -> Power {
        self.kernel.borrow().host_power(host)
    }

    /// The hosts' names, in order of their ids.
    pub fn host_names(&self) -> &[String] {
        &self.names
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<HostId> {
        let place = self.names.iter().position(|other| other == name)?;
        u8::try_from(place).ok().map(HostId)
    }

    /// Whether both hosts are on and the network lets both directions pass.
    pub fn reachable(&self, a: HostId, b: HostId) -> bool {
        let kernel = self.kernel.borrow();
        kernel.host(a).on && kernel.host(b).on && kernel.net.links.open_both_ways(a, b)
    }

    /// The links that are not as they were made.
    pub fn links(&self) -> Vec<LinkInfo> {
        self.kernel.borrow().net.links.changed()
    }

    /// All messages in the air.
    pub fn flights(&self) -> Vec<FlightInfo> {
        let kernel = self.kernel.borrow();
        let mut flights: Vec<FlightInfo> =
            kernel.net.flights.iter().filter_map(FlightInfo::of).collect();
        flat::sort_by_key(&mut flights, |flight| flight.id);
        flights
    }

    /// Leaves something for programs to read by [`Sys::note`](crate::Sys::note).
    pub fn set_note(&mut self, name: &str, text: &str) {
        self.kernel.borrow_mut().notes.insert(name.to_owned(), text.to_owned());
    }

    /// What was left under this name.
    pub fn note(&self, name: &str) -> Option<String> {
        self.kernel.borrow().notes.get(name).cloned()
    }

    /// How often programs changed a file, a directory or a name so far.
    pub fn file_changes(&self) -> u64 {
        self.kernel.borrow().file_changes
    }

    /// What a file or directory is.
    pub fn stat(&self, host: HostId, path: &str) -> Result<Stat, Errno> {
        self.kernel.borrow().host(host).disk.stat(path)
    }

    /// A range of the keyspace of a host's member, as that member has applied it.
    pub fn range(&self, host: HostId, request: &RangeRequest) -> Option<RangeResponse> {
        let read =
            self.with_member(host, |hosted| hosted.member.as_ref()?.store().range(request).ok());
        read.flatten()
    }

    /// The member that serves clients at a URL in the way the URL says, seen from a host; links
    /// do not count.
    pub fn serving(&self, from: HostId, url: &str) -> Option<Serving> {
        let (name, port) = split_url(url)?;
        let names = self.host_names().iter().map(String::as_str);
        let Resolved::Host(host, scope, _) = resolve(names, from, name) else { return None };
        let kernel = self.kernel.borrow();
        let target = Target { host, scope, port };
        let (role, slot, run) = kernel.net.member_at(target)?;
        if kernel.net.port(target)?.tls != url.starts_with("https://") {
            return None;
        }
        let pid = kernel.members.pid_of(slot).filter(|_| role == PortRole::Client)?;
        let hosted = kernel.members.of_process(pid)?;
        Some(Serving { host, pid, data_dir: hosted.data_dir().to_owned(), run })
    }

    /// The state of the member that is this process.
    pub fn member_of(&self, pid: Pid) -> Option<MemberStatus> {
        Some(self.kernel.borrow().members.of_process(pid)?.member.as_ref()?.status())
    }

    /// A range of the keyspace of the member that is this process.
    pub fn range_of(&self, pid: Pid, request: &RangeRequest) -> Option<RangeResponse> {
        let kernel = self.kernel.borrow();
        kernel.members.of_process(pid)?.member.as_ref()?.store().range(request).ok()
    }

    /// The sockets of a host: ports first, then connections.
    pub fn sockets(&self, host: HostId) -> Vec<SocketInfo> {
        self.kernel.borrow().sockets(host)
    }

    /// A host's clock: Unix time.
    pub fn wall_us(&self, host: HostId) -> u64 {
        self.kernel.borrow().wall_us(host)
    }

    /// Tells from now on which programs ran, what they printed and how they ended.
    pub fn witness(&mut self, on: bool) {
        self.kernel.borrow_mut().witness = on;
    }

    /// Keeps from now on every message that is sent, or no longer.
    pub fn record_flights(&mut self, on: bool) {
        self.kernel.borrow_mut().net.flights.record(on);
    }

    /// The messages sent since the last call: at most 256, heartbeats first to be left out.
    pub fn take_flights(&mut self) -> Vec<FlightInfo> {
        self.kernel.borrow_mut().net.flights.take_recorded()
    }

    /// How a host's disk is.
    pub fn disk_state(&self, host: HostId) -> DiskState {
        self.kernel.borrow().host(host).disk.state()
    }

    /// Whether a file of the host was damaged and the disk not declared well since.
    pub fn disk_corrupted(&self, host: HostId) -> bool {
        self.kernel.borrow().members.damaged(host)
    }

    /// How far a host's clock is off.
    pub fn skew_us(&self, host: HostId) -> i64 {
        self.kernel.borrow().host(host).skew_us
    }

    /// The processes of a host.
    pub fn ps(&self, host: HostId) -> Vec<ProcInfo> {
        self.kernel.borrow().ps(host)
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        let kernel = self.kernel.borrow();
        let counted = kernel.checks.counters();
        let looked = Check::ALL.iter().zip(counted.looked);
        Counters {
            events: kernel.trace.events(),
            waiting: kernel.queue.len().into(),
            messages: kernel.net.flights.sent(),
            facts_dropped: kernel.events.dropped(),
            writes_acked: counted.writes,
            reads_checked: counted.reads,
            checks: looked.map(|(check, looks)| (check.name(), looks, check.promise())).collect(),
        }
    }

    /// The content of a file.
    pub fn read_file(&self, host: HostId, path: &str) -> Result<Bytes, Errno> {
        self.kernel.borrow().host(host).disk.read_file(path)
    }

    /// Puts a file on a disk, durable at once: a change by somebody who is no member.
    pub fn write_file(
        &mut self,
        host: HostId,
        path: &str,
        bytes: Bytes,
        mode: u16,
    ) -> Result<(), Errno> {
        let mut kernel = self.kernel.borrow_mut();
        let at = kernel.at(host);
        let disk = &mut kernel.host_mut(host).disk;
        disk.install(path, &bytes, mode, at)?;
        disk.note_change(path);
        Ok(())
    }

    /// The names in a directory, sorted, and which of them are directories.
    pub fn read_dir(&self, host: HostId, path: &str) -> Result<Vec<(String, bool)>, Errno> {
        let kernel = self.kernel.borrow();
        let disk = &kernel.host(host).disk;
        let names = disk.read_dir(path)?;
        let is_dir =
            |name: &String| disk.stat(&format!("{path}/{name}")).is_ok_and(|it| it.is_dir());
        Ok(names.into_iter().map(|name| (name.clone(), is_dir(&name))).collect())
    }

    /// What is known of a name, without following a symbolic link.
    pub fn lstat(&self, host: HostId, path: &str) -> Result<Stat, Errno> {
        self.kernel.borrow().host(host).disk.lstat(path)
    }

    /// All files under a directory, by their path from there, with their sizes.
    pub fn files(&self, host: HostId, dir: &str) -> Vec<(String, u64)> {
        self.kernel.borrow().host(host).disk.files(dir)
    }
}
