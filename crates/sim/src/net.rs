//! The network: links between hosts, listening ports, messages on their way. It knows who
//! can be reached and how long it takes; what arrives is handled by `net/conn.rs` (clients)
//! and `members.rs` (peers). Programs hold their ends of connections (`net/end.rs`) and the
//! ports they serve (`net/listen.rs`); over either they speak gRPC, HTTP or TLS.

use std::collections::VecDeque;

use bytes::Bytes;

pub mod conn;
pub mod end;
mod flight;
pub mod http;
mod link;
pub mod listen;
mod packet;
pub mod tls;

pub(crate) use conn::Conns;
pub use conn::{Closed, DialError};
pub use end::Conn;
pub(crate) use flight::{Flight, Flights, Load};
pub use flight::{FlightInfo, FlightKind};
pub use link::LinkInfo;
pub(crate) use link::Links;
pub use listen::{ListenError, Listener, SocketInfo};
pub use packet::Packet;

use crate::ids::{HostId, Pid};

/// The network of a world.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) links: Links,
    pub(crate) flights: Flights,
    pub(crate) conns: Conns,
    pub(crate) ports: Vec<Port>,
    next_port: u32,
}

/// How the links of a world are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDefaults {
    /// One-way latency between two hosts.
    pub latency_us: u64,
    /// How much it varies, up and down.
    pub jitter_percent: u8,
    /// One-way latency of a host to itself.
    pub loopback_us: u64,
}

impl Default for LinkDefaults {
    fn default() -> LinkDefaults {
        LinkDefaults { latency_us: 500, jitter_percent: 10, loopback_us: 30 }
    }
}

impl Net {
    pub(crate) fn new(seed: u64, hosts: usize) -> Net {
        let hosts = u8::try_from(hosts).expect("a world has at most 255 hosts");
        Net {
            links: Links::new(seed, hosts, LinkDefaults::default()),
            flights: Flights::default(),
            conns: Conns::default(),
            ports: Vec::new(),
            next_port: 1,
        }
    }

    /// Who listens at a port, seen from where `to` says.
    pub(crate) fn port(&self, to: Target) -> Option<&Port> {
        self.ports
            .iter()
            .find(|port| port.host == to.host && port.port == to.port && port.scope.hears(to.scope))
    }

    /// The member behind a port, if it is one's.
    pub(crate) fn member_at(&self, to: Target) -> Option<(PortRole, u16, u32)> {
        let port = self.port(to)?;
        match port.owner {
            Owner::Member { slot, run } => Some((port.role, slot, run)),
            Owner::Process(_) => None,
        }
    }

    /// Listens, and names the port. None when it is taken.
    pub(crate) fn listen(&mut self, mut port: Port) -> Option<u32> {
        let taken = self.ports.iter().any(|other| {
            other.host == port.host
                && other.port == port.port
                && (other.scope.hears(port.scope) || port.scope.hears(other.scope))
        });
        if taken {
            return None;
        }
        port.id = self.next_port;
        self.next_port += 1;
        self.ports.push(port);
        Some(self.next_port - 1)
    }

    /// Stops listening, everywhere this run of a member does.
    pub(crate) fn unlisten(&mut self, slot: u16, run: u32) {
        self.ports.retain(|port| port.owner != Owner::Member { slot, run });
    }
}

/// A port somebody listens at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// Its number among all ports that ever were; given by [`Net::listen`].
    pub(crate) id: u32,
    pub(crate) host: HostId,
    pub(crate) scope: Scope,
    pub(crate) port: u16,
    pub(crate) role: PortRole,
    pub(crate) owner: Owner,
    /// Whether the owner speaks first only after a handshake of TLS.
    pub(crate) tls: bool,
    /// Connections a process has not accepted yet, as (slot, serial).
    pub(crate) backlog: VecDeque<(u32, u32)>,
}

/// Who listens at a port, or serves a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A run of a member: the kernel carries its packets in.
    Member { slot: u16, run: u32 },
    /// Any process: it accepts and reads for itself.
    Process(Pid),
}

/// What is spoken at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortRole {
    Client,
    Peer,
    /// A member's health and metrics: HTTP only.
    Metrics,
    /// Nothing the kernel knows of.
    Other,
}

impl PortRole {
    /// Whether a member talks to clients there.
    pub(crate) fn is_spoken(self) -> bool {
        matches!(self, PortRole::Client | PortRole::Metrics)
    }
}

/// Which of a host's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Any,
    /// 127.0.0.1.
    Loopback,
    /// Any other address that begins with 127: the host's too, but not the same one.
    Loopback2,
    Own,
}

impl Scope {
    fn hears(self, other: Scope) -> bool {
        self == Scope::Any || self == other
    }
}

/// Where a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: HostId,
    pub(crate) scope: Scope,
    pub(crate) port: u16,
}

/// The address of a host on the lab's network.
pub fn ip_of(host: HostId) -> [u8; 4] {
    [10, 0, 0, host.0 + 1]
}

/// An address as text.
pub(crate) fn ip_text(ip: [u8; 4]) -> String {
    let [a, b, c, d] = ip;
    format!("{a}.{b}.{c}.{d}")
}

/// What a name or an address means, asked on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    Host(HostId, Scope, [u8; 4]),
    /// An address nobody has: what is sent there vanishes.
    Nowhere([u8; 4]),
    Unknown,
}

/// Looks a name or an address up, as the resolver of `from` would.
pub(crate) fn resolve<'a>(
    names: impl Iterator<Item = &'a str>,
    from: HostId,
    name: &str,
) -> Resolved {
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if matches!(name, "localhost" | "::1") {
        return Resolved::Host(from, Scope::Loopback, [127, 0, 0, 1]);
    }
    if matches!(name, "" | "0.0.0.0" | "::") {
        return Resolved::Host(from, Scope::Any, [0, 0, 0, 0]);
    }
    let mut hosts = 0_u8;
    for other in names {
        // A host may be known by more names than one, as in a line of /etc/hosts.
        if other.split(' ').any(|other| other == name) {
            return Resolved::Host(HostId(hosts), Scope::Own, ip_of(HostId(hosts)));
        }
        hosts += 1;
    }
    match parse_ip(name) {
        Some(ip) if ip == [127, 0, 0, 1] => Resolved::Host(from, Scope::Loopback, ip),
        Some(ip) if ip[0] == 127 => Resolved::Host(from, Scope::Loopback2, ip),
        Some(ip) => match (0..hosts).map(HostId).find(|host| ip_of(*host) == ip) {
            Some(host) => Resolved::Host(host, Scope::Own, ip),
            None => Resolved::Nowhere(ip),
        },
        None => Resolved::Unknown,
    }
}

fn parse_ip(text: &str) -> Option<[u8; 4]> {
    let mut ip = [0; 4];
    let mut parts = text.split('.');
    for byte in &mut ip {
        *byte = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(ip)
}

/// Host and port of `http://n1:2380`; the port of the scheme when none is given.
pub(crate) fn split_url(url: &str) -> Option<(&str, u16)> {
    let (port, rest) = match url.split_once("://")? {
        ("http", rest) => (80, rest),
        ("https", rest) => (443, rest),
        _ => return None,
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((authority, port)),
    }
}

/// Some bytes' length as the network counts it.
pub(crate) fn len_of(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: u8, scope: Scope, port: u16) -> Port {
        let owner = Owner::Member { slot: 0, run: 1 };
        let (host, role) = (HostId(host), PortRole::Client);
        Port { id: 0, host, scope, port, role, owner, tls: false, backlog: VecDeque::new() }
    }

    #[test]
    fn names_and_addresses_resolve() {
        let names = ["n1", "n2"];
        let look = |name| resolve(names.iter().copied(), HostId(0), name);
        let local = Resolved::Host(HostId(0), Scope::Loopback, [127, 0, 0, 1]);
        assert_eq!(look("localhost"), local);
        assert_eq!(look("127.0.0.1"), local);
        assert_eq!(look("n2"), Resolved::Host(HostId(1), Scope::Own, [10, 0, 0, 2]));
        assert_eq!(look("10.0.0.2"), look("n2"));
        assert_eq!(look("10.0.0.9"), Resolved::Nowhere([10, 0, 0, 9]));
        assert_eq!(look("nosuchhost.invalid"), Resolved::Unknown);
    }

    #[test]
    fn urls_split() {
        assert_eq!(split_url("http://n1:2380"), Some(("n1", 2380)));
        assert_eq!(split_url("https://10.0.0.1:2379/x"), Some(("10.0.0.1", 2379)));
        assert_eq!(split_url("http://n1"), Some(("n1", 80)));
        assert_eq!(split_url("n1:2380"), None);
        assert_eq!(split_url("http://n1:port"), None);
    }

    #[test]
    fn a_port_is_taken_once_per_address() {
        let mut net = Net::new(1, 2);
        assert!(net.listen(at(0, Scope::Loopback, 2379)).is_some());
        assert!(net.listen(at(0, Scope::Own, 2379)).is_some());
        assert!(net.listen(at(0, Scope::Any, 2379)).is_none());
        assert!(net.listen(at(1, Scope::Any, 2379)).is_some());
        assert!(net.listen(at(1, Scope::Own, 2379)).is_none());
        let own = Target { host: HostId(1), scope: Scope::Own, port: 2379 };
        assert_eq!(net.port(own).map(|port| port.host), Some(HostId(1)));
        net.unlisten(0, 1);
        assert!(net.ports.is_empty());
    }
}
