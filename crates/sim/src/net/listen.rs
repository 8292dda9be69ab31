//! Ports that processes serve: listening, accepting, and the list of a host's sockets.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use super::conn::Phase;
use super::end::Conn;
use super::{Owner, Port, PortRole, Resolved, Scope, ip_of, ip_text, resolve};
use crate::ids::{HostId, Pid};
use crate::kernel::Kernel;
use crate::sys::Sys;

/// Why a port cannot be served. `Display` is what Go's `net.Listen` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// Somebody listens there.
    InUse {
        /// Address and port.
        addr: String,
    },
    /// The address is another host's, or nobody's.
    NotOurs {
        /// Address and port.
        addr: String,
    },
    /// The name is not known.
    NoSuchHost {
        /// The name.
        name: String,
    },
    /// There is no port in the address.
    BadAddress {
        /// The address.
        addr: String,
    },
}

impl std::fmt::Display for ListenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ListenError::InUse { addr } => {
                write!(f, "listen tcp {addr}: bind: address already in use")
            }
            ListenError::NotOurs { addr } => {
                write!(f, "listen tcp {addr}: bind: cannot assign requested address")
            }
            ListenError::NoSuchHost { name } => {
                write!(f, "listen tcp: lookup {name}: no such host")
            }
            ListenError::BadAddress { addr } => {
                write!(f, "listen tcp: address {addr}: missing port in address")
            }
        }
    }
}

/// A port a process serves. Dropping it closes the port, and what it had not accepted.
pub struct Listener {
    kernel: Rc<RefCell<Kernel>>,
    id: u32,
    addr: String,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listener({})", self.addr)
    }
}

/// A socket of a host, for who lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketInfo {
    /// Whether it waits for connections.
    pub listening: bool,
    /// This end: an address, or `*` for any, and the port.
    pub local: String,
    /// The other end; empty where there is none.
    pub remote: String,
    /// Whose it is, if he lives.
    pub pid: Option<Pid>,
}

impl Sys {
    /// Serves `host:port` of this host; an empty host is every address.
    pub fn listen(&self, addr: &str) -> Result<Listener, ListenError> {
        let bad = || ListenError::BadAddress { addr: addr.to_owned() };
        let (name, port) = addr.rsplit_once(':').ok_or_else(bad)?;
        let port: u16 = port.parse().map_err(|_| bad())?;
        let mut kernel = self.kernel.borrow_mut();
        let host = kernel.host_of(self.pid);
        let names = kernel.hosts.iter().map(|host| host.name.as_str());
        let (scope, ip) = match resolve(names, host, name) {
            Resolved::Host(of, scope, ip) if of == host => (scope, ip),
            Resolved::Host(_, _, ip) | Resolved::Nowhere(ip) => {
                return Err(ListenError::NotOurs { addr: format!("{}:{port}", ip_text(ip)) });
            }
            Resolved::Unknown => return Err(ListenError::NoSuchHost { name: name.to_owned() }),
        };
        let shown = if scope == Scope::Any { String::new() } else { ip_text(ip) };
        let addr = format!("{shown}:{port}");
        let (role, owner) = (PortRole::Other, Owner::Process(self.pid));
        let backlog = VecDeque::new();
        let port = Port { id: 0, host, scope, port, role, owner, tls: false, backlog };
        match kernel.net.listen(port) {
            Some(id) => Ok(Listener { kernel: self.kernel.clone(), id, addr }),
            None => Err(ListenError::InUse { addr }),
        }
    }

    /// The sockets of this host: ports first, then connections.
    pub fn sockets(&self) -> Vec<SocketInfo> {
        let kernel = self.kernel.borrow();
        kernel.sockets(kernel.host_of(self.pid))
    }
}

impl Listener {
    /// Waits for the next connection.
    pub async fn accept(&self) -> Conn {
        poll_fn(|_| match self.try_accept() {
            Some(conn) => Poll::Ready(conn),
            None => Poll::Pending,
        })
        .await
    }

    /// A connection if one waits.
    pub fn try_accept(&self) -> Option<Conn> {
        let mut kernel = self.kernel.borrow_mut();
        let port = kernel.net.ports.iter_mut().find(|port| port.id == self.id)?;
        let (slot, serial) = port.backlog.pop_front()?;
        Some(Conn::accepted(&self.kernel, slot, serial))
    }

    /// Where it listens, as `127.0.0.1:6443` or `:6443`.
    pub fn addr(&self) -> &str {
        &self.addr
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.kernel.borrow_mut().close_port(self.id);
    }
}

impl Kernel {
    fn close_port(&mut self, id: u32) {
        let Some(place) = self.net.ports.iter().position(|port| port.id == id) else { return };
        let port = self.net.ports.remove(place);
        for (slot, serial) in port.backlog {
            self.conn_close_server(slot, serial);
        }
    }

    /// Closes what a process served: it ended. After a loss of power nobody is told.
    pub(crate) fn ports_of_process_gone(&mut self, pid: Pid, powerless: bool) {
        self.net.ports.retain(|port| port.owner != Owner::Process(pid));
        if !powerless {
            self.conns_of_owner_gone(Owner::Process(pid));
        }
    }

    /// The sockets of a host: ports first, then connections.
    pub(crate) fn sockets(&self, host: HostId) -> Vec<SocketInfo> {
        let owner = |owner: Owner| match owner {
            Owner::Process(pid) => Some(pid),
            Owner::Member { slot, .. } => self.members.pid_of(slot),
        };
        let ports = self.net.ports.iter().filter(|port| port.host == host).map(|port| {
            let ip = match port.scope {
                Scope::Any => "*".to_owned(),
                Scope::Loopback => "127.0.0.1".to_owned(),
                Scope::Loopback2 => "127.0.0.2".to_owned(),
                Scope::Own => ip_text(ip_of(host)),
            };
            let local = format!("{ip}:{}", port.port);
            let pid = owner(port.owner);
            SocketInfo { listening: true, local, remote: String::new(), pid }
        });
        let mut list: Vec<SocketInfo> = ports.collect();
        for conn in self.net.conns.iter().filter(|conn| conn.phase == Phase::Open) {
            let (local, remote) = (conn.local.clone(), conn.remote.clone());
            if conn.client == host {
                let (local, remote) = (local.clone(), remote.clone());
                list.push(SocketInfo { listening: false, local, remote, pid: Some(conn.pid) });
            }
            if let (Some(who), true) = (conn.server, conn.target.host == host && conn.server_open) {
                let (local, remote) = (remote, local);
                list.push(SocketInfo { listening: false, local, remote, pid: owner(who) });
            }
        }
        list
    }
}
