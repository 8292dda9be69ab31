//! Questions about members and hosts that nobody in the world asks: who would be let in at a
//! port, which process a member is, what a host's first process knows of its services. Asking
//! changes nothing: no packet flies, no log line is written.

use crate::ids::{HostId, Pid};
use crate::net::tls::{TlsClient, TlsError};
use crate::sys::Sys;
use crate::world::World;

impl Sys {
    /// Leaves something for those who look at the world: [`World::note`](World::note).
    pub fn leave_note(&self, name: &str, text: &str) {
        self.kernel.borrow_mut().notes.insert(name.to_owned(), text.to_owned());
    }
}

impl World {
    /// The process of the host's member.
    pub fn member_pid(&self, host: HostId) -> Option<Pid> {
        self.kernel.borrow().members.of_host(host).map(|hosted| hosted.pid)
    }

    /// What would come of a handshake, made now, with the member of a host at its ports for
    /// clients or, with `peers`, for members. None when no member runs there, or when these
    /// ports speak no TLS at all.
    pub fn would_shake(
        &self,
        host: HostId,
        peers: bool,
        client: &TlsClient,
    ) -> Option<Result<(), TlsError>> {
        let kernel = self.kernel.borrow();
        let hosted = kernel.members.of_host(host)?;
        let server = hosted.secure_server(peers)?;
        let read = |path: &str| kernel.read_as(hosted.pid, path);
        let wall_us = kernel.wall_us(host);
        let shaken = server
            .offer(&read)
            .and_then(|chain| client.judge(&chain, wall_us))
            .and_then(|own| server.judge(if server.asks() { &own } else { &[] }, wall_us));
        Some(shaken.map_err(|(error, _)| error))
    }

    /// The last line the members of a host wrote since a time of their clock that has this
    /// text.
    pub fn journal_line(&self, host: HostId, since_wall_us: u64, text: &str) -> Option<String> {
        let kernel = self.kernel.borrow();
        let since = format!("\"ts\":\"{}", etcd::log::stamp(since_wall_us));
        // Lines begin alike up to their time, and times compare as texts.
        let new = |line: &&String| {
            let at = line.find("\"ts\":\"").unwrap_or(0);
            line[at..] > since[..]
        };
        let mut lines = kernel.members.journal(host).rev().take_while(new);
        lines.find(|line| line.contains(text)).cloned()
    }
}
