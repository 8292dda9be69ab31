//! TLS at the ports of members: handshakes, what of them the log tells, and which members can
//! talk to each other at all.

use etcd::rpc::ConnId;
use etcd::{Level, LogLine};

use super::Inbound;
use crate::kernel::Kernel;
use crate::net::tls::{ReadFile, TlsError, TlsMessage, TlsServer, packet};
use crate::net::{Packet, PortRole};

/// The certificates a member was started with.
#[derive(Debug, Default)]
pub(crate) struct Secure {
    /// At the ports for clients.
    pub(super) client: Option<TlsServer>,
    /// At the ports for peers.
    pub(super) peer: Option<TlsServer>,
    /// Whether log lines name the source of 3.6.
    pub(super) six: bool,
}

impl Kernel {
    /// A member hears what is no call of gRPC.
    pub(super) fn member_hears(&mut self, slot: u16, id: ConnId, packet: Packet) {
        let Some(role) = self.conn_role(id) else { return };
        let Some(conn) = self.net.conns.of(id) else { return };
        let (wanted, done) = (conn.tls.wanted, conn.tls.done);
        match packet {
            Packet::Tls(TlsMessage::Hello { server_name }) if wanted && !done => {
                if role == PortRole::Client && !self.member_serves(slot) {
                    self.members.slot_mut(slot).handshakes.push((id, server_name));
                } else {
                    self.member_shakes(slot, id, server_name);
                }
            }
            Packet::Tls(TlsMessage::Finish { chain }) if wanted && !done => {
                self.member_judges(slot, id, role, chain);
            }
            Packet::Tls(TlsMessage::Alert(alert)) if wanted && !done => {
                self.member_rejects(slot, id, role, &TlsError::Remote(alert));
                self.conn_accepted(id, false);
            }
            _ if wanted && !done => {
                self.member_rejects(slot, id, role, &TlsError::NotTls);
                self.conn_accepted(id, false);
            }
            // Neither gRPC nor HTTP: the server hangs up.
            _ => self.conn_accepted(id, false),
        }
    }

    /// What is spoken at the port a connection came to.
    fn conn_role(&mut self, id: ConnId) -> Option<PortRole> {
        let target = self.net.conns.of(id)?.target();
        Some(self.net.port(target)?.role)
    }

    fn secure(&self, slot: u16, role: PortRole) -> Option<TlsServer> {
        let secure = &self.members.slot(slot).secure;
        match role {
            PortRole::Client => secure.client.clone(),
            PortRole::Peer => secure.peer.clone(),
            PortRole::Other => None,
        }
    }

    /// A member shows its certificates to a client.
    pub(super) fn member_shakes(&mut self, slot: u16, id: ConnId, server_name: String) {
        let Some(role) = self.conn_role(id) else { return };
        let Some(server) = self.secure(slot, role) else { return };
        let Some(conn) = self.net.conns.of(id) else { return };
        conn.tls.server_name = server_name;
        let hosted = self.members.slot(slot);
        let (host, pid) = (hosted.host, hosted.pid);
        let read = |path: &str| self.host(host).disk.read_file(&self.absolute(pid, path));
        let read: ReadFile<'_> = &read;
        match server.offer(read) {
            Ok(chain) => {
                let hello = TlsMessage::Server { chain, asks: server.asks() };
                self.conn_says(id, packet(hello), false);
            }
            Err((error, alert)) => {
                self.member_rejects(slot, id, role, &error);
                self.conn_says(id, packet(TlsMessage::Alert(alert)), true);
            }
        }
    }

    /// A member looks at a client's certificates.
    fn member_judges(&mut self, slot: u16, id: ConnId, role: PortRole, chain: Vec<bytes::Bytes>) {
        let Some(server) = self.secure(slot, role) else { return };
        let wall_us = self.wall_us(self.members.slot(slot).host);
        match server.judge(&chain, wall_us) {
            Ok(()) => {
                if let Some(conn) = self.net.conns.of(id) {
                    conn.tls.done = true;
                    conn.tls.client_chain = chain;
                }
                let spoken = role == PortRole::Client;
                self.member_handle(slot, Inbound::Accept { conn: id, spoken });
            }
            Err((error, alert)) => {
                self.member_rejects(slot, id, role, &error);
                self.conn_says(id, packet(TlsMessage::Alert(alert)), true);
            }
        }
    }

    /// The line about a handshake that failed.
    fn member_rejects(&mut self, slot: u16, id: ConnId, role: PortRole, error: &TlsError) {
        let Some(conn) = self.net.conns.of(id) else { return };
        let (from, name) = (conn.client_addr(), conn.tls.server_name.clone());
        let hosted = self.members.slot(slot);
        let (host, pid) = (hosted.host, hosted.pid);
        let six = hosted.secure.six;
        let what = if role == PortRole::Peer { "peer" } else { "client" };
        let caller = match (role, six) {
            (PortRole::Peer, true) => "embed/config_logging.go:169",
            (PortRole::Peer, false) => "embed/config_logging.go:152",
            (_, true) => "embed/config_logging.go:194",
            (_, false) => "embed/config_logging.go:177",
        };
        let line = LogLine {
            level: Level::Warn,
            logger: "",
            caller,
            msg: format!("rejected connection on {what} endpoint"),
            fields: vec![
                ("remote-addr", from.into()),
                ("server-name", name.into()),
                ("error", error.to_string().into()),
            ],
        };
        self.say(host, pid, &line);
    }
}
