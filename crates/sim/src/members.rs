//! Members as processes: the world calls `etcd::Member` one call at a time, and carries out
//! what it wants done: messages (`members/peers.rs`), writes, replies, log lines, facts.
//!
//! A member lives in a slot as long as its process does. A run number tells its runs apart,
//! so an event of an earlier life finds nobody.

mod boot;
mod peers;
mod peertls;
mod secure;
mod start;

use std::collections::VecDeque;

use bytes::Bytes;
use etcd::rpc::{ConnId, Reply};
use etcd::{
    ClusterId, Config, DiskError, Envelope, Fact, Lane, LogLine, Member, MemberId, MsgKind, Now,
    Output, Role, WriteBatch, WriteId,
};

use crate::event::{Ending, WorldEvent};
use crate::ids::{Fd, HostId, Pid};
use crate::kernel::Kernel;
use crate::net::Packet;
use crate::queue::{Event, EventKey};
use crate::trace::Mark;
pub(crate) use peers::PeerLink;
use secure::Secure;
pub(crate) use start::{start as start_now, start_planned};

/// Every member of a world, running or not.
#[derive(Debug)]
pub(crate) struct Members {
    slots: Vec<Hosted>,
    places: Vec<Place>,
    runs: u32,
    /// The vectors of the last output, emptied, for the next one.
    output: Output,
}

/// What a host remembers of its members beyond their runs.
#[derive(Debug, Default)]
struct Place {
    /// How the last one was started.
    last: Option<Launch>,
    /// What is to be started when its event comes.
    pending: Option<(u32, Launch)>,
    serial: u32,
    /// One ran when the power went.
    on_with_power: bool,
    /// To be started again when the present one is gone.
    restart: bool,
    journal: VecDeque<String>,
    /// Changes by others in each data directory, as counted when a member last booted there.
    foreign_seen: Vec<(String, u64)>,
    /// A file was damaged on purpose, and the disk not declared well since.
    damaged: bool,
    /// The same, until a member boots from it.
    damaged_unseen: bool,
}

/// How a member is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) config: Config,
    pub(crate) argv: Vec<String>,
}

/// A member's process.
pub(crate) struct Hosted {
    pub(crate) host: HostId,
    /// 0 while the slot is free.
    pub(crate) run: u32,
    pub(crate) pid: Pid,
    pub(crate) member: Option<Box<Member>>,
    pub(crate) id: MemberId,
    cluster: ClusterId,
    data_dir: String,
    heartbeat_us: u64,
    /// Lines less grave are not written.
    log_level: etcd::Level,
    stopped: bool,
    /// What waits for a stopped process, in order.
    inbox: VecDeque<Inbound>,
    missed_tick: bool,
    writes: [LaneLine; 2],
    wake: Option<(u64, EventKey)>,
    peers: Vec<PeerLink>,
    /// Connections that were made before the member served clients.
    waiting: Vec<ConnId>,
    /// Handshakes that were begun before that.
    handshakes: Vec<(ConnId, String)>,
    secure: Secure,
    exit: Option<i32>,
}

impl std::fmt::Debug for Hosted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "member {} on {:?}, run {}", self.id, self.host, self.run)
    }
}

/// What arrives at a member's process.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A client connects. `spoken`: at the port for clients.
    Accept { conn: ConnId, spoken: bool },
    /// A client asks.
    Packet { conn: ConnId, packet: Packet },
    /// A client's connection ended.
    Gone(ConnId),
    /// A peer's message.
    Peer(Envelope),
    /// The writes at the head of a lane are durable, or failed.
    Disk(Lane),
}

/// Batches of one lane on their way to the disk, in order, and which of them will fail.
#[derive(Debug, Default)]
struct LaneLine {
    batches: VecDeque<(WriteId, Option<DiskError>)>,
    done_us: u64,
}

/// Lines of a host's journal that are kept.
const JOURNAL_MAX: usize = 512;
/// Messages a stopped process's sockets hold before senders give up.
const INBOX_MAX: usize = 8192;

impl Members {
    pub(crate) fn new(hosts: usize) -> Members {
        Members {
            slots: Vec::new(),
            places: (0..hosts).map(|_| Place::default()).collect(),
            runs: 0,
            output: Output::default(),
        }
    }

    fn place(&mut self, host: HostId) -> &mut Place {
        &mut self.places[usize::from(host.0)]
    }

    fn slot(&self, slot: u16) -> &Hosted {
        &self.slots[usize::from(slot)]
    }

    fn slot_mut(&mut self, slot: u16) -> &mut Hosted {
        &mut self.slots[usize::from(slot)]
    }

    /// Whether this run of a member goes on.
    pub(crate) fn runs(&self, slot: u16, run: u32) -> bool {
        run > 0 && self.slot(slot).run == run
    }

    /// The slots of the members that run, oldest run first.
    pub(crate) fn running(&self) -> Vec<u16> {
        let mut slots: Vec<u16> =
            (0..).zip(&self.slots).filter(|(_, it)| it.run > 0).map(|(no, _)| no).collect();
        flat::sort_by_key(&mut slots, |slot| self.slot(*slot).run);
        slots
    }

    /// The member of a host: the one that runs longest.
    pub(crate) fn of_host(&self, host: HostId) -> Option<&Hosted> {
        let ours = self.slots.iter().filter(|it| it.host == host && it.run > 0);
        ours.min_by_key(|it| it.run)
    }

    /// The process of a member that runs.
    pub(crate) fn pid_of(&self, slot: u16) -> Option<Pid> {
        let hosted = self.slot(slot);
        (hosted.run > 0).then_some(hosted.pid)
    }

    fn slot_of_process(&self, pid: Pid) -> Option<u16> {
        (0..).zip(&self.slots).find(|(_, it)| it.run > 0 && it.pid == pid).map(|(slot, _)| slot)
    }

    /// The member that is this process.
    pub(crate) fn of_process(&self, pid: Pid) -> Option<&Hosted> {
        self.slots.iter().find(|it| it.run > 0 && it.pid == pid)
    }

    /// Whether a host ever had a member.
    pub(crate) fn ever(&self, host: HostId) -> bool {
        self.places[usize::from(host.0)].last.is_some()
    }

    /// How the host's member was last started.
    pub(crate) fn last_launch(&self, host: HostId) -> Option<&Launch> {
        self.places[usize::from(host.0)].last.as_ref()
    }

    /// The newest lines the members of a host wrote, oldest first.
    pub(crate) fn journal(&self, host: HostId) -> impl DoubleEndedIterator<Item = &String> {
        self.places[usize::from(host.0)].journal.iter()
    }

    /// A file of the host was damaged on purpose.
    pub(crate) fn set_damaged(&mut self, host: HostId, damaged: bool) {
        let place = self.place(host);
        place.damaged = damaged;
        place.damaged_unseen |= damaged;
    }

    /// Whether a file of the host was damaged on purpose and the disk not declared well.
    pub(crate) fn damaged(&self, host: HostId) -> bool {
        self.places[usize::from(host.0)].damaged
    }
}

impl Hosted {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// How long a tick is.
    pub(crate) fn heartbeat_us(&self) -> u64 {
        self.heartbeat_us
    }
}

impl Kernel {
    fn member_now(&self, host: HostId) -> Now {
        Now { mono_us: self.mono_us(host), wall_us: self.wall_us(host) }
    }

    /// A member's tick is due.
    pub(crate) fn member_tick(&mut self, slot: u16, run: u32) {
        if !self.members.runs(slot, run) {
            return;
        }
        let hosted = self.members.slot_mut(slot);
        if hosted.stopped {
            // Go's ticker keeps one tick for who is late, and drops the rest.
            hosted.missed_tick = true;
            return;
        }
        let (host, at_us) = (hosted.host, self.now_us + hosted.heartbeat_us);
        self.queue.push(at_us, Event::Tick { slot, run });
        self.trace.add(self.now_us, Mark::Tick, u64::from(host.0), u64::from(run));
        self.member_call(slot, |member, now| member.tick(now));
    }

    /// A member's wake-up is due.
    pub(crate) fn member_wake(&mut self, slot: u16, run: u32) {
        if !self.members.runs(slot, run) {
            return;
        }
        let hosted = self.members.slot_mut(slot);
        hosted.wake = None;
        if hosted.stopped {
            return;
        }
        let due = hosted.member.as_ref().and_then(|member| member.next_wake_us());
        if due.is_some_and(|due| due <= self.now_us) {
            let host = hosted.host;
            self.trace.add(self.now_us, Mark::Wake, u64::from(host.0), u64::from(run));
            self.member_call(slot, |member, now| member.wake(now));
        } else {
            self.member_schedule(slot);
        }
    }

    /// The disk is done with the writes at the head of a member's lane.
    pub(crate) fn member_disk(&mut self, slot: u16, run: u32, lane: Lane) {
        self.member_inbound(slot, run, Inbound::Disk(lane));
    }

    /// Something arrives at a member's process: handled now, or when it goes on.
    pub(crate) fn member_inbound(&mut self, slot: u16, run: u32, inbound: Inbound) {
        if !self.members.runs(slot, run) {
            return;
        }
        let hosted = self.members.slot_mut(slot);
        if hosted.stopped {
            let peer = matches!(inbound, Inbound::Peer(_));
            if !peer || hosted.inbox.len() < INBOX_MAX {
                hosted.inbox.push_back(inbound);
            }
        } else {
            self.member_handle(slot, inbound);
        }
    }

    fn member_handle(&mut self, slot: u16, inbound: Inbound) {
        let place = u64::from(self.members.slot(slot).host.0);
        match inbound {
            // gRPC begins to speak once the member serves clients.
            Inbound::Accept { conn, spoken: true } if !self.member_serves(slot) => {
                self.members.slot_mut(slot).waiting.push(conn);
            }
            Inbound::Accept { conn, spoken } => self.conn_accepted(conn, spoken),
            Inbound::Packet { conn, packet: Packet::Rpc(request) } => {
                self.trace.add(self.now_us, Mark::Request, place, request.call.0);
                self.member_call(slot, |member, now| member.request(conn, request, now));
            }
            // Members ask nothing of their clients, so no client answers.
            Inbound::Packet { packet: Packet::Reply { .. }, .. } => {}
            Inbound::Packet { conn, packet } => self.member_hears(slot, conn, packet),
            Inbound::Gone(conn) => self.member_call(slot, |member, _| member.disconnected(conn)),
            Inbound::Peer(envelope) => {
                let content =
                    envelope.index ^ envelope.commit.rotate_left(32) ^ envelope.term << 48;
                self.trace.add(self.now_us, Mark::Peer, place << 8 | envelope.kind as u64, content);
                self.member_call(slot, |member, now| member.step(envelope, now));
            }
            Inbound::Disk(lane) => {
                let line = &mut self.members.slot_mut(slot).writes[lane as usize];
                let (id, error) = line.batches.pop_front().expect("a batch that ends was begun");
                let content = id.0 << 1 | u64::from(error.is_some());
                self.trace.add(self.now_us, Mark::Disk, place, content);
                self.member_call(slot, |member, now| match error {
                    None => member.disk_done(id, now),
                    Some(error) => member.disk_failed(id, error, now),
                });
            }
        }
    }

    /// Calls a member and carries out what it wants.
    pub(crate) fn member_call(&mut self, slot: u16, call: impl FnOnce(&mut Member, Now)) {
        let now = self.member_now(self.members.slot(slot).host);
        let hosted = self.members.slot_mut(slot);
        if hosted.exit.is_some() {
            return;
        }
        let Some(member) = hosted.member.as_mut() else { return };
        call(member, now);
        self.member_pump(slot);
    }

    /// Carries out what a member wants, until it wants nothing more.
    fn member_pump(&mut self, slot: u16) {
        // The member is out of its slot meanwhile: what it wants may lead back to it only
        // through the queue.
        let Some(mut member) = self.members.slot_mut(slot).member.take() else { return };
        let now = self.member_now(self.members.slot(slot).host);
        let mut output = std::mem::take(&mut self.members.output);
        loop {
            member.drain_into(&mut output);
            let undelivered = self.member_output(slot, &member, &mut output);
            if undelivered.is_empty() || self.members.slot(slot).exit.is_some() {
                break;
            }
            for (peer, kind) in undelivered {
                if kind == MsgKind::Snapshot {
                    member.snapshot_sent(peer, false, now);
                } else {
                    member.peer_status(peer, false, now);
                }
            }
        }
        self.members.output = output;
        self.members.slot_mut(slot).member = Some(member);
        self.member_schedule(slot);
        if !self.members.slot(slot).waiting.is_empty() && self.member_serves(slot) {
            for conn in std::mem::take(&mut self.members.slot_mut(slot).waiting) {
                self.conn_accepted(conn, true);
            }
        }
        if !self.members.slot(slot).handshakes.is_empty() && self.member_serves(slot) {
            for (conn, name) in std::mem::take(&mut self.members.slot_mut(slot).handshakes) {
                self.member_shakes(slot, conn, name);
            }
        }
    }

    fn member_serves(&self, slot: u16) -> bool {
        self.members.slot(slot).member.as_ref().is_some_and(|member| member.is_ready())
    }

    /// One round. Returns the messages that did not leave the host.
    fn member_output(
        &mut self,
        slot: u16,
        member: &Member,
        output: &mut Output,
    ) -> Vec<(MemberId, MsgKind)> {
        let Output { send, write, replies, log, facts, exit } = output;
        self.checks.moved(self.now_us, slot, member);
        for fact in facts.drain(..) {
            self.member_fact(slot, member, fact);
        }
        for line in log.drain(..) {
            self.member_says(slot, &line);
        }
        for batch in write.drain(..) {
            self.member_writes(slot, batch);
        }
        let mut undelivered = Vec::new();
        for envelope in send.drain(..) {
            let (to, kind) = (envelope.to, envelope.kind);
            if !self.peer_send(slot, envelope) {
                undelivered.push((to, kind));
            }
        }
        for reply in replies.drain(..) {
            self.member_replies(slot, reply);
        }
        if let Some(code) = exit.take() {
            let hosted = self.members.slot_mut(slot);
            hosted.exit = Some(code);
            let pid = hosted.pid;
            self.wake(pid);
        }
        undelivered
    }

    fn member_replies(&mut self, slot: u16, reply: Reply) {
        let place = u64::from(self.members.slot(slot).host.0);
        let content = reply.call.0 << 1 | u64::from(reply.result.is_ok());
        self.trace.add(self.now_us, Mark::Reply, place, content);
        self.conn_reply(reply);
    }

    fn member_fact(&mut self, slot: u16, member: &Member, fact: Fact) {
        let (now_us, host) = (self.now_us, self.members.slot(slot).host);
        match &fact {
            Fact::Applied { index, hash, revision, .. } => {
                self.checks.applied(now_us, slot, *index, *hash, *revision);
                return;
            }
            Fact::Committed { .. } | Fact::ReadServed { .. } => return,
            Fact::SnapshotReceived { index, hash, revision, .. } => {
                self.checks.applied(now_us, slot, *index, *hash, *revision);
            }
            Fact::Role { role: Role::Leader, term, .. } => {
                self.checks.elected(now_us, slot, *term, member);
            }
            Fact::Conf { .. } => self.peers_changed(slot, member),
            _ => {}
        }
        self.events.push(WorldEvent::Fact { host, fact });
    }

    /// A log line: to the process's stderr and to the host's journal.
    fn member_says(&mut self, slot: u16, line: &LogLine) {
        let hosted = self.members.slot(slot);
        let (host, pid) = (hosted.host, hosted.pid);
        if line.level >= hosted.log_level {
            self.say(host, pid, line);
        }
    }

    fn say(&mut self, host: HostId, pid: Pid, line: &LogLine) {
        let mut text = line.to_json(self.wall_us(host));
        let journal = &mut self.members.place(host).journal;
        if journal.len() == JOURNAL_MAX {
            journal.pop_front();
        }
        journal.push_back(text.clone());
        text.push('\n');
        self.write_now(pid, Fd::STDERR, &Bytes::from(text));
    }

    fn member_writes(&mut self, slot: u16, batch: WriteBatch) {
        let hosted = self.members.slot(slot);
        let (run, pid) = (hosted.run, hosted.pid);
        let dir = std::mem::take(&mut self.members.slot_mut(slot).data_dir);
        let submitted = self.disk_submit(pid, &dir, batch.lane, &batch.ops);
        let hosted = self.members.slot_mut(slot);
        hosted.data_dir = dir;
        // A failure is heard of in its turn, not before the batches that went before.
        let (done_us, error) = match submitted {
            Ok(done_us) => (done_us, None),
            Err(error) => (self.now_us, Some(error)),
        };
        let line = &mut hosted.writes[batch.lane as usize];
        line.done_us = done_us.max(line.done_us);
        line.batches.push_back((batch.id, error));
        self.queue.push(line.done_us, Event::Disk { slot, run, lane: batch.lane });
    }

    /// Makes sure the member is woken when it wants to be.
    fn member_schedule(&mut self, slot: u16) {
        let hosted = self.members.slot_mut(slot);
        let wanted = hosted.member.as_ref().and_then(|member| member.next_wake_us());
        let Some(at_us) = wanted else { return };
        match hosted.wake {
            Some((planned, _)) if planned <= at_us => return,
            Some((_, key)) => self.queue.cancel(key),
            None => {}
        }
        let run = hosted.run;
        let at_us = at_us.max(self.now_us);
        let key = self.queue.push(at_us, Event::Wake { slot, run });
        self.members.slot_mut(slot).wake = Some((at_us, key));
    }

    /// SIGTERM reached the process of a member.
    pub(crate) fn member_shutdown(&mut self, slot: u16, run: u32) {
        if self.members.runs(slot, run) {
            self.member_call(slot, |member, now| member.shutdown(now));
        }
    }

    /// A process was stopped.
    pub(crate) fn process_stopped(&mut self, pid: Pid) {
        let Some(slot) = self.members.slot_of_process(pid) else { return };
        self.members.slot_mut(slot).stopped = true;
        self.review_peers();
    }

    /// A stopped process goes on: what waited for it comes in order.
    pub(crate) fn process_continued(&mut self, pid: Pid) {
        let Some(slot) = self.members.slot_of_process(pid) else { return };
        let hosted = self.members.slot_mut(slot);
        hosted.stopped = false;
        let run = hosted.run;
        let inbox = std::mem::take(&mut hosted.inbox);
        let missed_tick = std::mem::take(&mut hosted.missed_tick);
        for inbound in inbox {
            self.member_inbound(slot, run, inbound);
        }
        if missed_tick {
            self.member_tick(slot, run);
        }
        if self.members.runs(slot, run) {
            self.member_schedule(slot);
        }
        self.review_peers();
    }

    /// A process ended: with it its member, ports and connections.
    pub(crate) fn process_gone(&mut self, pid: Pid) {
        let ending = self.ending(pid).unwrap_or(Ending::PowerLost);
        let powerless = ending == Ending::PowerLost;
        if !powerless {
            self.conns_of_client_gone(pid);
        }
        self.ports_of_process_gone(pid, powerless);
        let Some(slot) = self.members.slot_of_process(pid) else { return };
        let hosted = self.members.slot_mut(slot);
        let (host, run) = (hosted.host, hosted.run);
        hosted.member = None;
        hosted.inbox = VecDeque::new();
        hosted.waiting = Vec::new();
        hosted.handshakes = Vec::new();
        hosted.writes = Default::default();
        hosted.peers = Vec::new();
        hosted.stopped = false;
        let wake = hosted.wake.take();
        let dir = std::mem::take(&mut hosted.data_dir);
        if let Some((_, key)) = wake {
            self.queue.cancel(key);
        }
        self.net.unlisten(slot, run);
        if !powerless {
            self.conns_of_server_gone(slot, run);
            self.host_mut(host).disk.release(&dir);
        }
        self.members.slot_mut(slot).run = 0;
        self.checks.ended(slot);
        self.trace.add(self.now_us, Mark::Exit, u64::from(host.0), u64::from(run));
        self.events.push(WorldEvent::MemberEnded { host, ending });
        self.review_peers();
        self.restart_if_asked(host);
    }
}
