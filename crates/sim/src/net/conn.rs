//! Client connections: TCP with what a gRPC client sees of it. Loss and cuts delay packets,
//! they never lose them; a closed port refuses, a host that is off stays silent, a frozen
//! process lets itself be connected to and says nothing.
//!
//! A connection lives in the kernel's table; what a program holds is [`Conn`].

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use etcd::rpc::{CallId, ConnId, Reply};

use crate::checker::CallNote;
use crate::ids::{HostId, Pid};
use crate::kernel::Kernel;
use crate::members::Inbound;
use crate::net::flight::{Cargo, Flight, Load};
use crate::net::link::{RETRANSMIT_MAX_US, RETRANSMIT_MIN_US};
use crate::net::{Packet, PortRole, Resolved, Scope, Target, ip_of, ip_text, resolve};
use crate::queue::Event;
use crate::sys::Sys;

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
struct ConnState {
    serial: u32,
    client: HostId,
    pid: Pid,
    target: Target,
    local: String,
    remote: String,
    server: Option<(u16, u32)>,
    phase: Phase,
    ready: bool,
    inbox: VecDeque<Packet>,
    lanes: [Lane; 2],
    calls: VecDeque<(CallId, CallNote)>,
    client_open: bool,
    server_open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
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

fn id_of(slot: u32, serial: u32) -> ConnId {
    ConnId(u64::from(serial) << 32 | u64::from(slot))
}

fn slot_of(id: ConnId) -> (u32, u32) {
    let low = u32::try_from(id.0 & u64::from(u32::MAX)).expect("masked to 32 bits");
    (low, u32::try_from(id.0 >> 32).expect("shifted to 32 bits"))
}

impl Conns {
    fn open(&mut self, client: HostId, pid: Pid, target: Target, ip: [u8; 4]) -> (u32, u32) {
        self.dialed += 1;
        // Linux hands out ports from 32768 to 60999.
        let port = 32_768 + self.dialed * 2 % 28_232;
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

    fn get(&mut self, slot: u32, serial: u32) -> Option<&mut ConnState> {
        let conn = self.slots.get_mut(slot as usize)?;
        (conn.serial == serial && conn.phase != Phase::Free).then_some(conn)
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
    fn conn_transmit(&mut self, slot: u32, to_server: bool, cargo: Cargo) {
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
        let (pid, server) = (conn.pid, conn.server.take().filter(|_| conn.server_open));
        conn.server_open = false;
        self.wake(pid);
        if let Some((member, run)) = server {
            self.member_inbound(member, run, Inbound::Gone(id_of(slot, serial)));
        }
        self.conn_release(slot);
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
            Cargo::Syn => {
                let target = conn.target;
                match self.net.listener(target).copied() {
                    Some(listener) => {
                        let conn = &mut self.net.conns.slots[slot as usize];
                        conn.server = Some((listener.slot, listener.run));
                        conn.server_open = true;
                        self.conn_transmit(slot, false, Cargo::SynAck);
                        let spoken = listener.role == PortRole::Client;
                        let accepted = Inbound::Accept { conn: id, spoken };
                        self.member_inbound(listener.slot, listener.run, accepted);
                    }
                    None => self.conn_transmit(slot, false, Cargo::Reset),
                }
            }
            Cargo::Data(packet) => match conn.server.filter(|_| conn.server_open) {
                Some((member, run)) if self.members.runs(member, run) => {
                    self.member_inbound(member, run, Inbound::Packet { conn: id, packet });
                }
                _ => self.conn_transmit(slot, false, Cargo::Reset),
            },
            Cargo::Fin | Cargo::Reset => {
                let server = conn.server.filter(|_| conn.server_open);
                conn.server_open = false;
                if let Some((member, run)) = server {
                    self.member_inbound(member, run, Inbound::Gone(id));
                }
                self.conn_release(slot);
            }
            Cargo::SynAck | Cargo::Preface => unreachable!("servers send these"),
        }
    }

    fn deliver_to_client(&mut self, slot: u32, serial: u32, cargo: Cargo) {
        let Some(conn) = self.net.conns.get(slot, serial) else { return };
        let pid = conn.pid;
        match cargo {
            Cargo::SynAck if conn.phase == Phase::Dialing => conn.phase = Phase::Open,
            Cargo::SynAck => {}
            Cargo::Preface => conn.ready = true,
            Cargo::Data(packet) if conn.client_open => conn.inbox.push_back(packet),
            // The client's kernel answers what nobody reads any more with a reset.
            Cargo::Data(_) if conn.server_open => self.conn_transmit(slot, true, Cargo::Reset),
            Cargo::Data(_) => {}
            Cargo::Reset if conn.phase == Phase::Dialing => conn.phase = Phase::Refused,
            Cargo::Reset | Cargo::Fin => {
                conn.phase = Phase::Closed;
                let server = conn.server.take().filter(|_| conn.server_open);
                conn.server_open = false;
                if let Some((member, run)) = server {
                    self.member_inbound(member, run, Inbound::Gone(id_of(slot, serial)));
                }
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
            if let Some((member, _)) = conn.server {
                self.checks.replied(self.now_us, member, note, &result);
            }
        }
        self.conn_transmit(slot, false, Cargo::Data(Packet::Reply { call, result, done }));
    }

    /// Closes the connections of a client process that ended.
    pub(crate) fn conns_of_client_gone(&mut self, pid: Pid) {
        for (slot, serial) in self.net.conns.matching(|conn| conn.client_open && conn.pid == pid) {
            self.conn_close(slot, serial);
        }
    }

    /// Closes the connections of a member that ended; its host says so to the clients.
    pub(crate) fn conns_of_server_gone(&mut self, member: u16, run: u32) {
        let ours = |conn: &ConnState| conn.server_open && conn.server == Some((member, run));
        for (slot, _) in self.net.conns.matching(ours) {
            self.net.conns.slots[slot as usize].server_open = false;
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

    fn conn_close(&mut self, slot: u32, serial: u32) {
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

    fn conn_send(&mut self, slot: u32, serial: u32, packet: Packet) -> Result<(), Closed> {
        let conn = self.net.conns.get(slot, serial).ok_or(Closed)?;
        if conn.phase != Phase::Open {
            return Err(Closed);
        }
        if let (Packet::Rpc(request), Some((member, _))) = (&packet, conn.server)
            && let Some(note) = self.checks.asked(member, &request.op)
        {
            conn.calls.push_back((request.call, note));
        }
        self.conn_transmit(slot, true, Cargo::Data(packet));
        Ok(())
    }
}

/// A program's end of a connection. Dropping it closes the connection.
pub struct Conn {
    kernel: Rc<RefCell<Kernel>>,
    slot: u32,
    serial: u32,
}

impl Sys {
    /// Connects to `host:port`, as TCP does: refused at once where nobody listens, silent
    /// where nothing comes back. The connection says nothing of the process behind the port
    /// until [`Conn::ready`].
    pub async fn dial(&self, addr: &str) -> Result<Conn, DialError> {
        let (name, port) = addr
            .rsplit_once(':')
            .ok_or_else(|| DialError::MissingPort { addr: addr.to_owned() })?;
        let port: u16 =
            port.parse().map_err(|_| DialError::UnknownPort { port: port.to_owned() })?;
        let resolved = {
            let kernel = self.kernel.borrow();
            let from = kernel.host_of(self.pid);
            (from, resolve(kernel.hosts.iter().map(|host| host.name.as_str()), from, name))
        };
        let (target, ip) = match resolved {
            (from, Resolved::Host(host, scope, ip)) => {
                // Connecting to the address that means any reaches the loopback.
                let (scope, ip) = match scope {
                    Scope::Any => (Scope::Loopback, [127, 0, 0, 1]),
                    _ => (scope, ip),
                };
                assert!(scope != Scope::Loopback || host == from, "a loopback is one's own");
                (Target { host, scope, port }, ip)
            }
            (_, Resolved::Nowhere(ip)) => {
                self.sleep_us(CONNECT_TIMEOUT_US).await;
                return Err(DialError::TimedOut { addr: format!("{}:{port}", ip_text(ip)) });
            }
            (_, Resolved::Unknown) => return Err(DialError::NoSuchHost { name: name.to_owned() }),
        };
        let conn = self.start_dialing(target, ip);
        let phase = poll_fn(|_| {
            let mut kernel = self.kernel.borrow_mut();
            match kernel.net.conns.get(conn.slot, conn.serial).map(|state| state.phase) {
                Some(Phase::Dialing) => Poll::Pending,
                phase => Poll::Ready(phase),
            }
        })
        .await;
        match phase {
            Some(Phase::Open | Phase::Closed) => Ok(conn),
            Some(Phase::Refused) => Err(DialError::Refused { addr: conn.remote_addr() }),
            _ => Err(DialError::TimedOut { addr: format!("{}:{port}", ip_text(ip)) }),
        }
    }

    fn start_dialing(&self, target: Target, ip: [u8; 4]) -> Conn {
        let mut kernel = self.kernel.borrow_mut();
        let client = kernel.host_of(self.pid);
        let (slot, serial) = kernel.net.conns.open(client, self.pid, target, ip);
        kernel.conn_transmit(slot, true, Cargo::Syn);
        Conn { kernel: self.kernel.clone(), slot, serial }
    }
}

/// How long Linux tries to connect to a silent address.
const CONNECT_TIMEOUT_US: u64 = 127_000_000;

impl Conn {
    /// Waits until the process behind the port spoke: a frozen one never does.
    pub async fn ready(&self) -> Result<(), Closed> {
        poll_fn(|_| match self.kernel.borrow_mut().net.conns.get(self.slot, self.serial) {
            Some(conn) if conn.ready => Poll::Ready(Ok(())),
            Some(conn) if conn.phase == Phase::Open => Poll::Pending,
            _ => Poll::Ready(Err(Closed)),
        })
        .await
    }

    /// Sends a packet; it arrives in order, unless the connection breaks before.
    pub fn send(&self, packet: Packet) -> Result<(), Closed> {
        self.kernel.borrow_mut().conn_send(self.slot, self.serial, packet)
    }

    /// Waits for a packet. What arrived before the end comes before the error.
    pub async fn recv(&self) -> Result<Packet, Closed> {
        poll_fn(|_| match self.try_recv() {
            Ok(Some(packet)) => Poll::Ready(Ok(packet)),
            Ok(None) => Poll::Pending,
            Err(closed) => Poll::Ready(Err(closed)),
        })
        .await
    }

    /// A packet if one is there.
    pub fn try_recv(&self) -> Result<Option<Packet>, Closed> {
        let mut kernel = self.kernel.borrow_mut();
        let conn = kernel.net.conns.get(self.slot, self.serial).ok_or(Closed)?;
        match conn.inbox.pop_front() {
            Some(packet) => Ok(Some(packet)),
            None if conn.phase == Phase::Open => Ok(None),
            None => Err(Closed),
        }
    }

    /// Its name in the world.
    pub fn id(&self) -> ConnId {
        id_of(self.slot, self.serial)
    }

    /// This end, as `127.0.0.1:34092`; empty when the connection is forgotten.
    pub fn local_addr(&self) -> String {
        self.addr(|conn| conn.local.clone())
    }

    /// The other end, as `127.0.0.1:2379`; empty when the connection is forgotten.
    pub fn remote_addr(&self) -> String {
        self.addr(|conn| conn.remote.clone())
    }

    fn addr(&self, read: impl Fn(&ConnState) -> String) -> String {
        let mut kernel = self.kernel.borrow_mut();
        kernel.net.conns.get(self.slot, self.serial).map(|conn| read(conn)).unwrap_or_default()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.kernel.borrow_mut().conn_close(self.slot, self.serial);
    }
}
