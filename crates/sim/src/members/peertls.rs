//! Handshakes between members. A stream between two of them is no connection of the table, so
//! what would happen when one calls the other is asked here: by the transport before a stream
//! comes up, and at boot by who wants to know the cluster.

use bytes::Bytes;
use etcd::Level;

use super::secure::{PeerDial, line};
use crate::ids::{HostId, Pid};
use crate::kernel::Kernel;
use crate::net::tls::{Alert, TlsClient, TlsError, names_in};
use crate::net::{PortRole, Resolved, Target, ip_of, ip_text, resolve, split_url};

/// Who calls.
pub(super) struct Caller<'a> {
    pub(super) host: HostId,
    pub(super) pid: Pid,
    pub(super) dial: &'a PeerDial,
}

impl Kernel {
    /// What comes of a member's call to a peer's URL that leads to a running member. Whoever
    /// is called says so when it hangs up.
    pub(super) fn peer_shakes(
        &mut self,
        caller: &Caller<'_>,
        url: &str,
        target: Target,
        called: u16,
    ) -> Result<(), TlsError> {
        let Some(port) = self.net.port(target) else { return Err(TlsError::Eof) };
        match (url.starts_with("https://"), port.tls) {
            (false, false) => return Ok(()),
            (true, false) => {
                let text = "http: server gave HTTP response to HTTPS client";
                return Err(TlsError::Other(text.to_owned()));
            }
            (false, true) => {
                self.peer_rejected(caller, target, called, "", &TlsError::NotTls, &[]);
                return Err(TlsError::Eof);
            }
            (true, true) => {}
        }
        let name = split_url(url).map_or("", |(name, _)| name);
        let sni = if name.parse::<std::net::IpAddr>().is_ok() { "" } else { name };
        let Some(server) = self.members.slot(called).secure.peer.clone() else {
            return Err(TlsError::Eof);
        };
        let called_pid = self.members.slot(called).pid;
        let offered = match server.offer(&|path| self.read_as(called_pid, path)) {
            Ok(chain) => chain,
            Err((error, alert)) => {
                self.peer_rejected(caller, target, called, sni, &error, &[]);
                return Err(TlsError::Remote(alert));
            }
        };
        let read = |path: &str| self.read_as(caller.pid, path).unwrap_or_default();
        let client = TlsClient {
            roots: caller.dial.roots.clone(),
            certificate: read(&caller.dial.certificate),
            key: read(&caller.dial.key),
            server_name: name.to_owned(),
            insecure_skip_verify: caller.dial.trusting,
        };
        let own = match client.judge(&offered, self.wall_us(caller.host)) {
            Ok(own) => own,
            Err((error, alert)) => {
                let remote = TlsError::Remote(alert);
                self.peer_rejected(caller, target, called, sni, &remote, &[]);
                return Err(error);
            }
        };
        let own = if server.asks() { own } else { Vec::new() };
        let wall_us = self.wall_us(target.host);
        let judged = match server.judge(&own, wall_us) {
            Ok(()) => self.comes_from_its_address(caller, target, called, &own),
            refused => refused,
        };
        judged.map_err(|(error, alert)| {
            self.peer_rejected(caller, target, called, sni, &error, &own);
            TlsError::Remote(alert)
        })
    }

    /// A caller's certificate that names addresses or hosts has to name his.
    fn comes_from_its_address(
        &self,
        caller: &Caller<'_>,
        target: Target,
        called: u16,
        chain: &[Bytes],
    ) -> Result<(), (TlsError, Alert)> {
        let Some(leaf) = chain.first() else { return Ok(()) };
        let (ips, names) = names_in(leaf);
        let skip = self.members.slot(called).secure.dial.skip_san;
        if skip || (ips.is_empty() && names.is_empty()) {
            return Ok(());
        }
        let from = caller_ip(caller, target);
        let here = |name: &String| {
            let hosts = self.hosts.iter().map(|host| host.name.as_str());
            let found = resolve(hosts, target.host, name);
            matches!(found, Resolved::Host(_, _, ip) if ip_text(ip) == from)
                || name.strip_prefix('*').is_some_and(|end| {
                    end.starts_with('.') && self.host(caller.host).name.ends_with(end)
                })
        };
        if ips.contains(&from) || names.iter().any(here) {
            return Ok(());
        }
        let text = match names.is_empty() {
            true => format!("x509: certificate is valid for {}, not {from}", ips.join(", ")),
            false => {
                let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
                format!("tls: \"{from}\" does not match any of DNSNames [{}]", names.join(" "))
            }
        };
        Err((TlsError::Other(text), Alert::UnexpectedMessage))
    }

    fn peer_rejected(
        &mut self,
        caller: &Caller<'_>,
        target: Target,
        called: u16,
        sni: &str,
        error: &TlsError,
        chain: &[Bytes],
    ) {
        let port = self.net.conns.ephemeral_port();
        let from = format!("{}:{port}", caller_ip(caller, target));
        let who = (from, sni.to_owned());
        self.member_tells_rejection(called, PortRole::Peer, who, error, chain);
    }

    /// The transport could not reach a peer for a fault of its certificates: it says so now
    /// and then, as its prober does.
    pub(super) fn peer_refuses(&mut self, slot: u16, place: usize, error: &TlsError) {
        const PROBE_US: u64 = 5_000_000;
        let now_us = self.now_us;
        let hosted = self.members.slot_mut(slot);
        let (host, pid, six) = (hosted.host, hosted.pid, hosted.secure.six);
        let link = &mut hosted.peers[place];
        if link.told_us.is_some_and(|told_us| now_us < told_us + PROBE_US) {
            return;
        }
        link.told_us = Some(now_us);
        let peer = link.id.to_string();
        for tripper in ["ROUND_TRIPPER_SNAPSHOT", "ROUND_TRIPPER_RAFT_MESSAGE"] {
            let callers = ("rafthttp/probing_status.go:68", "rafthttp/probing_status.go:68");
            let mut told = line(six, Level::Warn, callers, "prober detected unhealthy status");
            told.fields = vec![
                ("round-tripper-name", tripper.into()),
                ("remote-peer-id", peer.clone().into()),
                ("rtt", "0s".into()),
                ("error", error.to_string().into()),
            ];
            self.say(host, pid, &told);
        }
    }
}

/// The address a call comes from.
fn caller_ip(caller: &Caller<'_>, target: Target) -> String {
    match caller.host == target.host && target.scope == crate::net::Scope::Loopback {
        true => "127.0.0.1".to_owned(),
        false => ip_text(ip_of(caller.host)),
    }
}
