//! Client connections: TCP with what a gRPC client sees of it. Loss and cuts delay packets,
//! they never lose them; a closed port refuses, a host that is off stays silent, a frozen
//! process lets itself be connected to and says nothing.
//!
//! A connection lives in the kernel's table; what a program holds is `net::end::Conn`.

use std::collections::VecDeque;

use bytes::Bytes;
use etcd::rpc::{Answer, CallId, ConnId, HttpAnswer, Reply};

use crate::checker::CallNote;
use crate::ids::{HostId, Pid};
use crate::kernel::Kernel;
use crate::members::Inbound;
use crate::net::flight::{Cargo, Flight, Load};
use crate::net::http::{Http, HttpResponse};
use crate::net::link::{RETRANSMIT_MAX_US, RETRANSMIT_MIN_US};
use crate::net::tls::{Alert, TlsMessage};
use crate::net::{Owner, Packet, Target, ip_of, ip_text};
use crate::queue::Event;

/// Why a connection could not be made. `Display` is what Go's dialer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialError {
    /// The host is up and nobody listens at the port.
    Refused {
        /// Address and port.
        addr: String,
    },
    /// Nothing was heard for as long as TCP tries.
    TimedOut {
        /// Address and port.
        addr: String,
    },
    /// The name is not known.
    NoSuchHost {
        /// The name.
        name: String,
    },
    /// The address has no port.
    MissingPort {
        /// The address.
        addr: String,
    },
    /// The port is no number.
    UnknownPort {
        /// What stands there.
        port: String,
    },
}

impl std::fmt::Display for DialError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DialError::Refused { addr } => {
                write!(f, "dial tcp {addr}: connect: connection refused")
            }
            DialError::TimedOut { addr } => {
                write!(f, "dial tcp {addr}: connect: connection timed out")
            }
            DialError::NoSuchHost { name } => {
                write!(f, "dial tcp: lookup {name} on 10.255.255.53:53: no such host")
            }
            DialError::MissingPort { addr } => {
                write!(f, "dial tcp: address {addr}: missing port in address")
            }
            DialError::UnknownPort { port } => {
                write!(f, "dial tcp: lookup tcp/{port}: unknown port")
            }
        }
    }
}

/// The connection is closed: by the other end, or because it broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Every connection of a world.
#[derive(Debug, Default)]
pub(crate) struct Conns {
    slots: Vec<ConnState>,
    free: Vec<u32>,
    dialed: u64,
}

#[derive(Debug)]
pub(crate) struct ConnState {
    serial: u32,
    pub(super) client: HostId,
    pub(super) pid: Pid,
    pub(super) target: Target,
    pub(super) local: String,
    pub(super) remote: String,
    pub(super) server: Option<Owner>,
    /// What the client's end came to.
    pub(super) phase: Phase,
    /// The server's process spoke.
    pub(super) ready: bool,
    pub(super) inbox: VecDeque<Packet>,
    lanes: [Lane; 2],
    calls: VecDeque<(CallId, CallNote)>,
    client_open: bool,
    pub(super) server_open: bool,
    /// What waits for a server that is a process.
    pub(super) server_inbox: VecDeque<Packet>,
    /// That server heard the end of the connection.
    pub(super) server_heard_end: bool,
    /// The handshake of TLS, where the port asks for one or somebody tried.
    pub(crate) tls: TlsState,
}

/// How far the two ends of a connection came with TLS.
#[derive(Debug, Default)]
pub(crate) struct TlsState {
    /// The server waits for a handshake.
    pub(crate) wanted: bool,
    /// A client that does not know spoke in clear.
    pub(super) greeted: bool,
    /// The server has finished it.
    pub(crate) done: bool,
    /// The name the client asked for.
    pub(crate) server_name: String,
    /// The certificates of the client, its own first, once the server took them.
    pub(crate) client_chain: Vec<Bytes>,
    /// Those of the server.
    pub(super) server_chain: Vec<Bytes>,
    /// Why the server ended it.
    pub(super) alert: Option<Alert>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Dialing,
    Refused,
    TimedOut,
    Open,
    Closed,
    Free,
}

/// One direction: packets in order, and those that wait behind one that is tried again.
#[derive(Debug, Default)]
struct Lane {
    last_arrival_us: u64,
    held: VecDeque<u32>,
}

/// Tries before a connection is given up: a bit over two minutes for a first packet.
const TRIES_MAX: u8 = 42;
/// The first wait of a connection attempt that nobody answers.
const SYN_RETRY_US: u64 = 1_000_000;

pub(super) fn id_of(slot: u32, serial: u32) -> ConnId {
    ConnId(u64::from(serial) << 32 | u64::from(slot))
}

pub(super) fn slot_of(id: ConnId) -> (u32, u32) {
    let low = u32::try_from(id.0 & u64::from(u32::MAX)).expect("masked to 32 bits");
    (low, u32::try_from(id.0 >> 32).expect("shifted to 32 bits"))
}

impl ConnState {
    /// Where it leads.
    pub(crate) fn target(&self) -> Target {
        self.target
    }

    /// The client's end.
    pub(crate) fn client_addr(&self) -> String {
        self.local.clone()
    }
}

impl Conns {
    pub(super) fn open(
        &mut self,
        client: HostId,
        pid: Pid,
        target: Target,
        ip: [u8; 4],
    ) -> (u32, u32) {
        let port = self.ephemeral_port();
        let local_ip = if ip[0] == 127 { [127, 0, 0, 1] } else { ip_of(client) };
        let state = |serial| ConnState {
            serial,
            client,
            pid,
            target,
            local: format!("{}:{port}", ip_text(local_ip)),
            remote: format!("{}:{}", ip_text(ip), target.port),
            server: None,
            phase: Phase::Dialing,
            ready: false,
            inbox: VecDeque::new(),
            lanes: [Lane::default(), Lane::default()],
            calls: VecDeque::new(),
            client_open: true,
            server_open: false,
            server_inbox: VecDeque::new(),
            server_heard_end: false,
            tls: TlsState::default(),
        };
        match self.free.pop() {
            Some(slot) => {
                let serial = self.slots[slot as usize].serial + 1;
                self.slots[slot as usize] = state(serial);
                (slot, serial)
            }
            None => {
                self.slots.push(state(1));
                (u32::try_from(self.slots.len() - 1).expect("fewer than 4 billion connections"), 1)
            }
        }
    }

    /// The port of a client's end: Linux hands out those from 32768 to 60999.
    pub(crate) fn ephemeral_port(&mut self) -> u64 {
        self.dialed += 1;
        32_768 + self.dialed * 2 % 28_232
    }

    pub(super) fn get(&mut self, slot: u32, serial: u32) -> Option<&mut ConnState> {
        let conn = self.slots.get_mut(slot as usize)?;
        (conn.serial == serial && conn.phase != Phase::Free).then_some(conn)
    }

    /// A connection by its name.
    pub(crate) fn of(&mut self, id: ConnId) -> Option<&mut ConnState> {
        let (slot, serial) = slot_of(id);
        self.get(slot, serial)
    }

    /// The connections that are open, for who lists sockets.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ConnState> {
        self.slots.iter().filter(|conn| conn.phase != Phase::Free)
    }

    /// Frees the place of a connection that both ends forgot. Returns the packets nobody
    /// will ever ask for again: those that wait behind one that is tried again.
    fn release(&mut self, slot: u32) -> Vec<u32> {
        let conn = &mut self.slots[slot as usize];
        if conn.client_open || conn.server_open || conn.phase == Phase::Free {
            return Vec::new();
        }
        conn.phase = Phase::Free;
        conn.inbox = VecDeque::new();
        conn.calls = VecDeque::new();
        conn.server_inbox = VecDeque::new();
        conn.tls = TlsState::default();
        self.free.push(slot);
        let lanes = conn.lanes.iter_mut();
        lanes.flat_map(|lane| std::mem::take(&mut lane.held).into_iter().skip(1)).collect()
    }

    fn matching(&self, wanted: impl Fn(&ConnState) -> bool) -> Vec<(u32, u32)> {
        (0..)
            .zip(&self.slots)
            .filter(|(_, conn)| conn.phase != Phase::Free && wanted(conn))
            .map(|(slot, conn)| (slot, conn.serial))
            .collect()
    }
}

impl Kernel {
    fn conn_release(&mut self, slot: u32) {
        for flight in self.net.conns.release(slot) {
            self.net.flights.take(flight);
        }
    }

    /// Puts a packet on a connection, one way or the other.
    pub(super) fn conn_transmit(&mut self, slot: u32, to_server: bool, cargo: Cargo) {
        let conn = &mut self.net.conns.slots[slot as usize];
        let (from, to) = match to_server {
            true => (conn.client, conn.target.host),
            false => (conn.target.host, conn.client),
        };
        let (now_us, serial) = (self.now_us, conn.serial);
        let size = match &cargo {
            Cargo::Data(packet) => packet.size_bytes(),
            _ => 0,
        };
        let arrive_us = self.net.links.send_stream(from, to, now_us, size);
        let lane = &mut conn.lanes[usize::from(to_server)];
        let arrive_us = arrive_us.max(lane.last_arrival_us);
        lane.last_arrival_us = arrive_us;
        let load = Load::Stream { conn: slot, serial, to_server, cargo, tries: 0 };
        let flight = Flight { id: 0, from, to, sent_us: now_us, arrive_us, lost: false, load };
        let flight = self.net.flights.add(flight);
        self.queue.push(arrive_us, Event::Stream { flight });
    }

    /// A packet's time has come: it arrives, waits behind another, or is tried again.
    pub(crate) fn stream_arrives(&mut self, flight: u32) {
        let (from, to) = (self.net.flights.get(flight).from, self.net.flights.get(flight).to);
        let Load::Stream { conn: slot, serial, to_server, tries, .. } =
            self.net.flights.get(flight).load
        else {
            unreachable!("only packets of connections are asked for as such")
        };
        let open = self.hosts[usize::from(to.0)].on && !self.net.links.blocked(from, to);
        let sender_on = self.hosts[usize::from(from.0)].on;
        let Some(conn) = self.net.conns.get(slot, serial) else {
            self.net.flights.take(flight);
            return;
        };
        let lane = &mut conn.lanes[usize::from(to_server)];
        let head = lane.held.front().copied();
        if head.is_some_and(|head| head != flight) {
            lane.held.push_back(flight);
        } else if open {
            let waiting = std::mem::take(&mut lane.held);
            self.stream_deliver(flight);
            for flight in waiting.into_iter().skip(usize::from(head.is_some())) {
                self.stream_deliver(flight);
            }
        } else if !sender_on || tries == TRIES_MAX {
            for waiting in std::mem::take(&mut lane.held) {
                if waiting != flight {
                    self.net.flights.take(waiting);
                }
            }
            self.net.flights.take(flight);
            self.conn_broken(slot, serial);
        } else {
            if head.is_none() {
                lane.held.push_back(flight);
            }
            self.stream_retry(flight);
        }
    }

    /// Tries the head of a lane once more, later and later.
    fn stream_retry(&mut self, flight: u32) {
        let now_us = self.now_us;
        let entry = self.net.flights.get_mut(flight);
        let Load::Stream { tries, cargo, .. } = &mut entry.load else { return };
        let first = if matches!(cargo, Cargo::Syn) { SYN_RETRY_US } else { RETRANSMIT_MIN_US };
        let wait_us = (first << (*tries).min(8)).min(RETRANSMIT_MAX_US);
        *tries += 1;
        entry.arrive_us = now_us + wait_us;
        self.queue.push(now_us + wait_us, Event::Stream { flight });
    }

    /// TCP gave up: both ends learn it as far as they live.
    fn conn_broken(&mut self, slot: u32, serial: u32) {
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        conn.phase = if conn.phase == Phase::Dialing { Phase::TimedOut } else { Phase::Closed };
        let pid = conn.pid;
        self.wake(pid);
        self.server_hears_end(slot, serial);
        self.conn_release(slot);
    }

    /// The server's end hears that the connection is over. A process keeps its end until it
    /// drops it; a member has none to keep.
    fn server_hears_end(&mut self, slot: u32, serial: u32) {
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        if !conn.server_open {
            return;
        }
        match conn.server {
            Some(Owner::Process(pid)) => {
                conn.server_heard_end = true;
                self.wake(pid);
            }
            Some(Owner::Member { slot: member, run }) => {
                conn.server_open = false;
                conn.server = None;
                self.member_inbound(member, run, Inbound::Gone(id_of(slot, serial)));
            }
            None => conn.server_open = false,
        }
    }

    fn stream_deliver(&mut self, flight: u32) {
        let flight = self.net.flights.take(flight);
        let Load::Stream { conn: slot, serial, to_server, cargo, .. } = flight.load else { return };
        if to_server {
            self.deliver_to_server(slot, serial, cargo);
        } else {
            self.deliver_to_client(slot, serial, cargo);
        }
    }

    fn deliver_to_server(&mut self, slot: u32, serial: u32, cargo: Cargo) {
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        let id = id_of(slot, serial);
        match cargo {
            Cargo::Syn => self.conn_arrives(slot, serial),
            Cargo::Data(packet) => match conn.server.filter(|_| conn.server_open) {
                Some(Owner::Member { slot: member, run }) if self.members.runs(member, run) => {
                    self.member_inbound(member, run, Inbound::Packet { conn: id, packet });
                }
                Some(Owner::Process(pid)) => {
                    if !conn.server_heard_end {
                        conn.server_inbox.push_back(packet);
                    }
                    self.wake(pid);
                }
                _ => self.conn_transmit(slot, false, Cargo::Reset),
            },
            Cargo::Fin | Cargo::Reset => {
                self.server_hears_end(slot, serial);
                self.conn_release(slot);
            }
            Cargo::SynAck | Cargo::Preface => unreachable!("servers send these"),
        }
    }

    /// A client's first packet reaches the server's host.
    fn conn_arrives(&mut self, slot: u32, serial: u32) {
        let target = self.net.conns.slots[slot as usize].target;
        let Some(port) = self.net.port(target) else {
            return self.conn_transmit(slot, false, Cargo::Reset);
        };
        let (owner, role, tls, port) = (port.owner, port.role, port.tls, port.id);
        let conn = &mut self.net.conns.slots[slot as usize];
        conn.server = Some(owner);
        conn.server_open = true;
        conn.tls.wanted = tls || matches!(owner, Owner::Process(_));
        self.conn_transmit(slot, false, Cargo::SynAck);
        match owner {
            // The member speaks when the handshake is done.
            Owner::Member { .. } if tls => {}
            Owner::Member { slot: member, run } => {
                let conn = id_of(slot, serial);
                let accepted = Inbound::Accept { conn, spoken: role.is_spoken() };
                self.member_inbound(member, run, accepted);
            }
            Owner::Process(pid) => {
                let port = self.net.ports.iter_mut().find(|other| other.id == port);
                port.expect("it was found above").backlog.push_back((slot, serial));
                self.wake(pid);
            }
        }
    }

    fn deliver_to_client(&mut self, slot: u32, serial: u32, cargo: Cargo) {
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        let pid = conn.pid;
        match cargo {
            Cargo::SynAck if conn.phase == Phase::Dialing => conn.phase = Phase::Open,
            Cargo::SynAck => {}
            Cargo::Preface => conn.ready = true,
            // After the client's last word of the handshake an alert is the end.
            Cargo::Data(Packet::Tls(TlsMessage::Alert(alert)))
                if !conn.tls.server_chain.is_empty() =>
            {
                conn.tls.alert = Some(alert);
            }
            Cargo::Data(packet) if conn.client_open => conn.inbox.push_back(packet),
            // The client's kernel answers what nobody reads any more with a reset.
            Cargo::Data(_) if conn.server_open => self.conn_transmit(slot, true, Cargo::Reset),
            Cargo::Data(_) => {}
            Cargo::Reset if conn.phase == Phase::Dialing => conn.phase = Phase::Refused,
            Cargo::Reset | Cargo::Fin => {
                conn.phase = Phase::Closed;
                self.server_hears_end(slot, serial);
            }
            Cargo::Syn => unreachable!("clients send these"),
        }
        self.conn_release(slot);
        self.wake(pid);
    }

    /// The server's process answers a new connection: with HTTP/2's preface where clients
    /// are served, by closing it elsewhere.
    pub(crate) fn conn_accepted(&mut self, id: ConnId, spoken: bool) {
        let (slot, serial) = slot_of(id);
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        if spoken {
            self.conn_transmit(slot, false, Cargo::Preface);
        } else {
            conn.server_open = false;
            self.conn_transmit(slot, false, Cargo::Fin);
        }
    }

    /// A member answers a client.
    pub(crate) fn conn_reply(&mut self, reply: Reply) {
        let Reply { conn: id, call, result, done } = reply;
        let (slot, serial) = slot_of(id);
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        if !conn.server_open {
            return;
        }
        let place = conn.calls.iter().position(|(other, _)| *other == call);
        if let Some(place) = place {
            let note = conn.calls[place].1;
            if done {
                conn.calls.remove(place);
            }
            if let Some(Owner::Member { slot: member, .. }) = conn.server {
                self.checks.replied(self.now_us, member, note, &result);
            }
        }
        let packet = match result {
            Ok(Answer::Http(answer)) => {
                let HttpAnswer { status, content_type, body } = answer;
                Packet::Http(Http::Response(HttpResponse::new(status, content_type, body)))
            }
            result => Packet::Reply { call, result, done },
        };
        self.conn_transmit(slot, false, Cargo::Data(packet));
    }

    /// Closes the connections of a client process that ended.
    pub(crate) fn conns_of_client_gone(&mut self, pid: Pid) {
        for (slot, serial) in self.net.conns.matching(|conn| conn.client_open && conn.pid == pid) {
            self.conn_close(slot, serial);
        }
    }

    /// Closes the connections of a member that ended; its host says so to the clients.
    pub(crate) fn conns_of_server_gone(&mut self, member: u16, run: u32) {
        self.conns_of_owner_gone(Owner::Member { slot: member, run });
    }

    /// Closes the server's ends of what somebody served who is gone.
    pub(crate) fn conns_of_owner_gone(&mut self, owner: Owner) {
        let ours = |conn: &ConnState| conn.server_open && conn.server == Some(owner);
        for (slot, _) in self.net.conns.matching(ours) {
            self.net.conns.slots[slot as usize].server_open = false;
            self.conn_transmit(slot, false, Cargo::Fin);
        }
    }

    /// The server's end is closed from within.
    pub(crate) fn conn_close_server(&mut self, slot: u32, serial: u32) {
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        if !std::mem::replace(&mut conn.server_open, false) {
            return;
        }
        conn.server_inbox.clear();
        if conn.client_open && conn.phase == Phase::Open {
            self.conn_transmit(slot, false, Cargo::Fin);
        }
        self.conn_release(slot);
    }

    /// A server that is a process sends.
    pub(super) fn conn_answer(
        &mut self,
        slot: u32,
        serial: u32,
        packet: Packet,
    ) -> Result<(), Closed> {
        let conn = self.net.conns.get(slot, serial).ok_or(Closed)?;
        if !conn.server_open || conn.server_heard_end {
            return Err(Closed);
        }
        self.conn_transmit(slot, false, Cargo::Data(packet));
        Ok(())
    }

    /// A member's side of a connection sends something that is no reply, and may end it.
    pub(crate) fn conn_says(&mut self, id: ConnId, packet: Packet, over: bool) {
        let (slot, serial) = slot_of(id);
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        if !conn.server_open {
            return;
        }
        conn.server_open = !over;
        self.conn_transmit(slot, false, Cargo::Data(packet));
        if over {
            self.conn_transmit(slot, false, Cargo::Fin);
        }
    }

    /// A host lost its power: its ends of all connections are gone, and nobody is told.
    pub(crate) fn conns_of_host_gone(&mut self, host: HostId) {
        let of_host = |conn: &ConnState| conn.client == host || conn.target.host == host;
        for (slot, _) in self.net.conns.matching(of_host) {
            let conn = &mut self.net.conns.slots[slot as usize];
            conn.client_open &= conn.client != host;
            conn.server_open &= conn.target.host != host;
            self.conn_release(slot);
        }
    }

    pub(super) fn conn_close(&mut self, slot: u32, serial: u32) {
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        if !std::mem::replace(&mut conn.client_open, false) {
            return;
        }
        conn.inbox.clear();
        if conn.server_open || conn.phase == Phase::Dialing {
            self.conn_transmit(slot, true, Cargo::Fin);
        }
        self.conn_release(slot);
    }

    pub(super) fn conn_send(
        &mut self,
        slot: u32,
        serial: u32,
        packet: Packet,
    ) -> Result<(), Closed> {
        let conn = self.net.conns.get(slot, serial).ok_or(Closed)?;
        if conn.phase != Phase::Open {
            return Err(Closed);
        }
        if let (Packet::Rpc(request), Some(Owner::Member { slot: member, .. })) =
            (&packet, conn.server)
            && let Some(note) = self.checks.asked(member, &request.op)
        {
            conn.calls.push_back((request.call, note));
        }
        self.conn_transmit(slot, true, Cargo::Data(packet));
        Ok(())
    }
}
