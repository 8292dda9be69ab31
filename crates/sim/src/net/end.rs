//! The ends of connections as programs hold them: dialing, sending, receiving. A server that
//! is a process holds the other end in the same way; a member's is the kernel's.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;

use super::conn::{Closed, ConnState, DialError, Phase, id_of};
use super::flight::Cargo;
use super::tls::{self, Alert, TlsClient, TlsError, TlsMessage, TlsServer};
use super::{Owner, Packet, Resolved, Scope, Target, ip_text, resolve};
use crate::ids::{ConnId, Pid};
use crate::kernel::Kernel;
use crate::sys::Sys;

/// A program's end of a connection. Dropping it closes the connection.
pub struct Conn {
    kernel: Rc<RefCell<Kernel>>,
    slot: u32,
    serial: u32,
    side: Side,
}

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conn({:?} of {}#{})", self.side, self.slot, self.serial)
    }
}

/// The first words of HTTP/2, which a client that knows of no TLS begins with.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
        Conn { kernel: self.kernel.clone(), slot, serial, side: Side::Client }
    }
}

/// How long Linux tries to connect to a silent address.
const CONNECT_TIMEOUT_US: u64 = 127_000_000;

impl Conn {
    /// The server's end of a connection a process has accepted.
    pub(super) fn accepted(kernel: &Rc<RefCell<Kernel>>, slot: u32, serial: u32) -> Conn {
        Conn { kernel: kernel.clone(), slot, serial, side: Side::Server }
    }

    /// Waits until the process behind the port spoke gRPC: a frozen one never does, and one
    /// that wants a handshake first hangs up on who has made none.
    pub async fn ready(&self) -> Result<(), Closed> {
        poll_fn(|_| {
            let mut kernel = self.kernel.borrow_mut();
            let Some(conn) = kernel.net.conns.get(self.slot, self.serial) else {
                return Poll::Ready(Err(Closed));
            };
            if conn.ready {
                return Poll::Ready(Ok(()));
            }
            if conn.phase != Phase::Open {
                return Poll::Ready(Err(Closed));
            }
            // A client's own preface only matters where it is not understood.
            let clear = conn.tls.wanted && conn.tls.server_chain.is_empty();
            if clear && !std::mem::replace(&mut conn.tls.greeted, true) {
                let preface = Packet::Bytes(Bytes::from_static(PREFACE));
                kernel.conn_transmit(self.slot, true, Cargo::Data(preface));
            }
            Poll::Pending
        })
        .await
    }

    /// Sends a packet; it arrives in order, unless the connection breaks before.
    pub fn send(&self, packet: Packet) -> Result<(), Closed> {
        let mut kernel = self.kernel.borrow_mut();
        match self.side {
            Side::Client => kernel.conn_send(self.slot, self.serial, packet),
            Side::Server => kernel.conn_answer(self.slot, self.serial, packet),
        }
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
        let (inbox, open) = match self.side {
            Side::Client => (&mut conn.inbox, conn.phase == Phase::Open),
            Side::Server => (&mut conn.server_inbox, conn.server_open && !conn.server_heard_end),
        };
        match inbox.pop_front() {
            Some(packet) => Ok(Some(packet)),
            None if open => Ok(None),
            None => Err(Closed),
        }
    }

    /// Waits until the other end has closed; what arrived and was not read stays.
    pub async fn closed(&self) {
        poll_fn(|_| {
            let mut kernel = self.kernel.borrow_mut();
            let open = match (kernel.net.conns.get(self.slot, self.serial), self.side) {
                (None, _) => false,
                (Some(conn), Side::Client) => conn.phase == Phase::Open,
                (Some(conn), Side::Server) => conn.server_open && !conn.server_heard_end,
            };
            if open { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Gives the end to another process: that one is woken by what arrives from now on.
    pub fn adopt(&self, pid: Pid) {
        let mut kernel = self.kernel.borrow_mut();
        if let Some(conn) = kernel.net.conns.get(self.slot, self.serial) {
            match self.side {
                Side::Client => conn.pid = pid,
                Side::Server => conn.server = Some(Owner::Process(pid)),
            }
        }
        kernel.wake(pid);
    }

    /// The client's part of a handshake. `wall_us` of the caller's clock judges validity.
    pub async fn start_tls(&self, sys: &Sys, client: &TlsClient) -> Result<(), TlsError> {
        // Addresses are not told to the server.
        let named = client.server_name.parse::<std::net::IpAddr>().is_err();
        let name = if named { client.server_name.clone() } else { String::new() };
        self.send(tls::packet(TlsMessage::Hello { server_name: name }))
            .map_err(|_| TlsError::Eof)?;
        let (chain, asks) = match self.recv().await {
            Ok(Packet::Tls(TlsMessage::Server { chain, asks })) => (chain, asks),
            Ok(Packet::Tls(TlsMessage::Alert(alert))) => return Err(TlsError::Remote(alert)),
            Ok(_) => return Err(TlsError::NotTls),
            Err(Closed) => return Err(TlsError::Eof),
        };
        match client.judge(&chain, sys.wall_us()) {
            Err((error, alert)) => {
                let _ = self.send(tls::packet(TlsMessage::Alert(alert)));
                Err(error)
            }
            Ok(own) => {
                let own = if asks { own } else { Vec::new() };
                let mut kernel = self.kernel.borrow_mut();
                if let Some(conn) = kernel.net.conns.get(self.slot, self.serial) {
                    conn.tls.server_chain = chain;
                }
                drop(kernel);
                let last = tls::packet(TlsMessage::Finish { chain: own });
                self.send(last).map_err(|_| TlsError::Eof)
            }
        }
    }

    /// The server's part of a handshake, for a process. A packet in clear is given back with
    /// the error, so that an HTTP server can say what is wrong.
    pub async fn accept_tls(
        &self,
        sys: &Sys,
        server: &TlsServer,
    ) -> Result<(), (TlsError, Option<Packet>)> {
        let name = match self.recv().await {
            Ok(Packet::Tls(TlsMessage::Hello { server_name })) => server_name,
            Ok(packet) => return Err((TlsError::NotTls, Some(packet))),
            Err(Closed) => return Err((TlsError::Eof, None)),
        };
        let refuse = |(error, alert): (TlsError, Alert)| {
            let _ = self.send(tls::packet(TlsMessage::Alert(alert)));
            (error, None)
        };
        let read = |path: &str| sys.read_file(path);
        let chain = server.offer(&read).map_err(refuse)?;
        let hello = TlsMessage::Server { chain, asks: server.asks() };
        self.send(tls::packet(hello)).map_err(|_| (TlsError::Eof, None))?;
        let chain = match self.recv().await {
            Ok(Packet::Tls(TlsMessage::Finish { chain })) => chain,
            Ok(Packet::Tls(TlsMessage::Alert(alert))) => {
                return Err((TlsError::Remote(alert), None));
            }
            Ok(packet) => return Err((TlsError::NotTls, Some(packet))),
            Err(Closed) => return Err((TlsError::Eof, None)),
        };
        server.judge(&chain, sys.wall_us()).map_err(refuse)?;
        let mut kernel = self.kernel.borrow_mut();
        if let Some(conn) = kernel.net.conns.get(self.slot, self.serial) {
            conn.tls.done = true;
            conn.tls.server_name = name;
            conn.tls.client_chain = chain;
        }
        Ok(())
    }

    /// The certificates of the other end (DER), its own first; none without TLS, or where the
    /// client showed none.
    pub fn peer_chain(&self) -> Vec<Bytes> {
        let mut kernel = self.kernel.borrow_mut();
        let Some(conn) = kernel.net.conns.get(self.slot, self.serial) else { return Vec::new() };
        match self.side {
            Side::Client => conn.tls.server_chain.clone(),
            Side::Server => conn.tls.client_chain.clone(),
        }
    }

    /// Why the server ended the connection after the client's last word of the handshake.
    pub fn alert(&self) -> Option<Alert> {
        self.kernel.borrow_mut().net.conns.get(self.slot, self.serial)?.tls.alert
    }

    /// Its name in the world.
    pub fn id(&self) -> ConnId {
        id_of(self.slot, self.serial)
    }

    /// This end, as `127.0.0.1:34092`; empty when the connection is forgotten.
    pub fn local_addr(&self) -> String {
        match self.side {
            Side::Client => self.addr(|conn| conn.local.clone()),
            Side::Server => self.addr(|conn| conn.remote.clone()),
        }
    }

    /// The other end, as `127.0.0.1:2379`; empty when the connection is forgotten.
    pub fn remote_addr(&self) -> String {
        match self.side {
            Side::Client => self.addr(|conn| conn.remote.clone()),
            Side::Server => self.addr(|conn| conn.local.clone()),
        }
    }

    fn addr(&self, read: impl Fn(&ConnState) -> String) -> String {
        let mut kernel = self.kernel.borrow_mut();
        kernel.net.conns.get(self.slot, self.serial).map(|conn| read(conn)).unwrap_or_default()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        let mut kernel = self.kernel.borrow_mut();
        match self.side {
            Side::Client => kernel.conn_close(self.slot, self.serial),
            Side::Server => kernel.conn_close_server(self.slot, self.serial),
        }
    }
}
