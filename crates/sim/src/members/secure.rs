//! TLS at the ports of members: what a member is started with, the handshakes of its clients,
//! and the lines about those that fail. Handshakes between members are in `peertls.rs`.

use bytes::Bytes;
use etcd::rpc::{CallId, ConnId, HttpAsk, Op, Request};
use etcd::{BootError, Config, Level, LogLine, TlsFiles};

use super::Inbound;
use crate::disk::Need;
use crate::errno::Errno;
use crate::ids::{HostId, Pid};
use crate::kernel::Kernel;
use crate::net::http::{Http, HttpRequest};
use crate::net::tls::{self, ClientAuth, TlsError, TlsMessage, TlsServer, packet};
use crate::net::{Packet, PortRole, split_url};

/// The certificates a member was started with.
#[derive(Debug, Default)]
pub(crate) struct Secure {
    /// At the ports for clients.
    pub(super) client: Option<TlsServer>,
    /// At the ports for peers.
    pub(super) peer: Option<TlsServer>,
    /// What it shows and trusts when it calls a peer.
    pub(super) dial: PeerDial,
    /// Whether log lines name the source of 3.6.
    pub(super) six: bool,
}

impl super::Hosted {
    /// The side of its ports for clients, or for peers, where they speak TLS.
    pub(crate) fn secure_server(&self, peers: bool) -> Option<&TlsServer> {
        if peers { self.secure.peer.as_ref() } else { self.secure.client.as_ref() }
    }
}

/// A member's own side when it calls a peer.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerDial {
    /// Whom it trusts: PEM, read at the start.
    pub(super) roots: Bytes,
    /// Its certificate's file, read for every call; empty for none.
    pub(super) certificate: String,
    /// Its key's file.
    pub(super) key: String,
    /// It takes any certificate: it made its own.
    pub(super) trusting: bool,
    /// It does not look at the addresses in its callers' certificates.
    pub(super) skip_san: bool,
}

/// A line of etcd's log; the callers are of 3.6 and 3.5.
pub(super) fn line(
    six: bool,
    level: Level,
    callers: (&'static str, &'static str),
    msg: &str,
) -> LogLine {
    let caller = if six { callers.0 } else { callers.1 };
    LogLine { level, logger: "", caller, msg: msg.to_owned(), fields: Vec::new() }
}

/// Which ports are being prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Peer,
}

impl Kernel {
    /// A file as a process may read it.
    pub(crate) fn read_as(&self, pid: Pid, path: &str) -> Result<Bytes, Errno> {
        let path = self.on_disk(pid, path);
        let caller = self.caller(pid);
        let disk = &self.host(caller.host).disk;
        disk.permits(&caller.cred, &path, true, Need::Read)?;
        disk.read_file(&path)
    }

    fn read_for_go(&self, pid: Pid, path: &str) -> Result<Bytes, String> {
        let said = |errno: Errno| format!("open {path}: {}", errno.to_string().to_lowercase());
        self.read_as(pid, path).map_err(said)
    }

    /// Prepares what a member shows at its ports, with etcd's checks in etcd's order. What is
    /// said on the way is said at once.
    pub(super) fn member_secure(&mut self, pid: Pid, config: &Config) -> Result<Secure, BootError> {
        let six = config.release.is_3_6();
        let mut secure = Secure { six, ..Secure::default() };
        let lists = [&config.listen_peer_urls, &config.listen_client_urls];
        let any = lists.iter().any(|urls| urls.iter().any(|url| url.starts_with("https://")));
        let dials = config.initial_cluster.iter().flat_map(|(_, urls)| urls);
        let dials = dials.clone().any(|url| url.starts_with("https://"));
        let files = [&config.peer_tls, &config.client_tls];
        if !any && !dials && files.iter().all(|files| files.is_empty() && !files.auto) {
            return Ok(secure);
        }
        let peer = self.self_signed(pid, Side::Peer, config);
        if !peer.is_empty() {
            let callers = ("embed/etcd.go:544", "embed/etcd.go:528");
            let mut told = line(six, Level::Info, callers, "starting with peer TLS");
            told.fields = vec![
                ("tls-info", peer.to_string().into()),
                ("cipher-suites", Vec::<String>::new().into()),
            ];
            self.say(self.host_of(pid), pid, &told);
        }
        secure.peer = self.listener(pid, Side::Peer, &peer, config)?;
        secure.dial = self.peer_dial(pid, &peer);
        let client = self.self_signed(pid, Side::Client, config);
        secure.client = self.listener(pid, Side::Client, &client, config)?;
        if !client.is_empty() {
            let callers = ("embed/etcd.go:766", "embed/etcd.go:762");
            let mut told = line(six, Level::Info, callers, "starting with client TLS");
            told.fields = vec![
                ("tls-info", client.to_string().into()),
                ("cipher-suites", Vec::<String>::new().into()),
            ];
            self.say(self.host_of(pid), pid, &told);
        }
        Ok(secure)
    }

    fn peer_dial(&self, pid: Pid, files: &TlsFiles) -> PeerDial {
        let (certificate, key) = match files.client_cert_file.is_empty() {
            true => (files.cert_file.clone(), files.key_file.clone()),
            false => (files.client_cert_file.clone(), files.client_key_file.clone()),
        };
        let roots = self.read_as(pid, &files.trusted_ca_file).unwrap_or_default();
        PeerDial { roots, certificate, key, trusting: files.auto, skip_san: files.skip_client_san }
    }

    /// The side of a listener that asks for TLS; none when no URL does.
    fn listener(
        &mut self,
        pid: Pid,
        side: Side,
        files: &TlsFiles,
        config: &Config,
    ) -> Result<Option<TlsServer>, BootError> {
        let six = config.release.is_3_6();
        let urls = match side {
            Side::Peer => &config.listen_peer_urls,
            Side::Client => &config.listen_client_urls,
        };
        let mut secured = None;
        for url in urls {
            if !url.starts_with("https://") {
                self.ignored(pid, side, files, url, six);
            } else if secured.is_none() {
                secured = Some(url);
            }
        }
        let Some(url) = secured else { return Ok(None) };
        if files.is_empty() {
            let error = match side {
                Side::Client => format!(
                    "TLS key/cert (--cert-file, --key-file) must be provided for client url {url} \
                     with HTTPS scheme"
                ),
                Side::Peer => format!(
                    "cannot listen on TLS for {}: KeyFile and CertFile are not presented",
                    shown_addr(url)
                ),
            };
            return Err(self.not_started(pid, side, config, &error));
        }
        match self.server_side(pid, files) {
            Ok(server) => Ok(Some(server)),
            // The ports of clients are opened when all else is up.
            Err(error) if side == Side::Client => {
                let callers = ("etcdmain/etcd.go:198", "etcdmain/etcd.go:219");
                let mut fatal = line(six, Level::Fatal, callers, "listener failed");
                fatal.fields = vec![("error", error.into())];
                Err(BootError { log: vec![fatal], exit_code: 1 })
            }
            Err(error) => Err(self.not_started(pid, side, config, &error)),
        }
    }

    fn not_started(&self, _pid: Pid, side: Side, config: &Config, error: &str) -> BootError {
        let mut refusal = super::boot::start_failed(config, error);
        if side == Side::Peer {
            let callers = ("embed/etcd.go:586", "embed/etcd.go:570");
            let six = config.release.is_3_6();
            let mut told = line(six, Level::Error, callers, "creating peer listener failed");
            told.fields = vec![("error", error.into())];
            refusal.log.insert(0, told);
        }
        refusal
    }

    /// Certificates beside a URL that does not use them.
    fn ignored(&mut self, pid: Pid, side: Side, files: &TlsFiles, url: &str, six: bool) {
        let host = self.host_of(pid);
        let (field, what, flag, lines) = match side {
            Side::Peer => (
                "peer-url",
                "HTTP",
                "peer-client-cert-auth",
                [
                    ("embed/etcd.go:573", "embed/etcd.go:557"),
                    ("embed/etcd.go:576", "embed/etcd.go:560"),
                ],
            ),
            Side::Client => (
                "client-url",
                "http or unix",
                "client-cert-auth",
                [
                    ("embed/etcd.go:665", "embed/etcd.go:661"),
                    ("embed/etcd.go:668", "embed/etcd.go:664"),
                ],
            ),
        };
        let keys = format!(
            "scheme is {what} while key and cert files are present; ignoring key and cert files"
        );
        let auth = format!(
            "scheme is {what} while --{flag} is enabled; ignoring client cert auth for this URL"
        );
        for (given, callers, msg) in
            [(!files.is_empty(), lines[0], keys), (files.client_cert_auth, lines[1], auth)]
        {
            if given {
                let mut told = line(six, Level::Warn, callers, &msg);
                told.fields = vec![(field, url.into())];
                self.say(host, pid, &told);
            }
        }
    }

    /// `TLSInfo.ServerConfig`.
    fn server_side(&self, pid: Pid, files: &TlsFiles) -> Result<TlsServer, String> {
        let TlsFiles { cert_file, key_file, client_cert_file, client_key_file, .. } = files;
        if cert_file.is_empty() || key_file.is_empty() {
            return Err(format!(
                "KeyFile and CertFile must both be present[key: {key_file}, cert: {cert_file}]"
            ));
        }
        let pair = |certificate: &str, key: &str| {
            let (certificate, key) =
                (self.read_for_go(pid, certificate)?, self.read_for_go(pid, key)?);
            tls::pair_fault(&certificate, &key).map_or(Ok(()), Err)
        };
        pair(cert_file, key_file)?;
        if client_cert_file.is_empty() != client_key_file.is_empty() {
            return Err(format!(
                "ClientKeyFile and ClientCertFile must both be present or both absent: key: \
                 {client_key_file}, cert: {client_cert_file}]"
            ));
        }
        if !client_cert_file.is_empty() {
            pair(client_cert_file, client_key_file)?;
        }
        if !files.allowed_cns.is_empty() && !files.allowed_hostnames.is_empty() {
            return Err(format!(
                "AllowedCNs and AllowedHostnames are mutually exclusive (cns={:?}, \
                 hostnames={:?})",
                files.allowed_cns, files.allowed_hostnames
            ));
        }
        let mut server = TlsServer::from_files(cert_file, key_file);
        server.allowed_cn = files.allowed_cns.clone();
        server.allowed_hostname = files.allowed_hostnames.clone();
        if !files.trusted_ca_file.is_empty() || files.client_cert_auth {
            server.client_auth = ClientAuth::RequireAndVerify;
        }
        if !files.trusted_ca_file.is_empty() {
            let pool = self.read_for_go(pid, &files.trusted_ca_file)?;
            tls::pool_fault(&pool).map_or(Ok(()), Err)?;
            server.client_ca = Some(pool);
        }
        Ok(server)
    }

    /// `--auto-tls` and `--peer-auto-tls`: certificates of the member's own making, in its
    /// data directory. The key is on P-256, where etcd takes P-521.
    fn self_signed(&mut self, pid: Pid, side: Side, config: &Config) -> TlsFiles {
        let (files, urls, what) = match side {
            Side::Peer => (&config.peer_tls, &config.listen_peer_urls, "peer"),
            Side::Client => (&config.client_tls, &config.listen_client_urls, "client"),
        };
        let (host, six) = (self.host_of(pid), config.release.is_3_6());
        let mut files = files.clone();
        if !files.auto {
            return files;
        }
        if !files.is_empty() {
            let callers = match side {
                Side::Peer => ("embed/config.go:1541", "embed/config.go:938"),
                Side::Client => ("embed/config.go:1519", "embed/config.go:916"),
            };
            let msg = format!("ignoring {what} auto TLS since certs given");
            self.say(host, pid, &line(six, Level::Warn, callers, &msg));
            files.auto = false;
            return files;
        }
        let dir = format!("{}/fixtures/{what}", config.data_dir);
        let (cert, key) = (format!("{dir}/cert.pem"), format!("{dir}/key.pem"));
        if self.read_as(pid, &cert).is_err() || self.read_as(pid, &key).is_err() {
            let names: Vec<&str> =
                urls.iter().filter_map(|url| split_url(url)).map(|(name, _)| name).collect();
            let now_s = self.wall_us(host) / 1_000_000;
            let until_s = now_s + files.self_signed_years * 365 * 86_400;
            let purpose = format!("{} {what}", config.name);
            let made = tls::self_signed((self.seed, &purpose), &names, now_s, until_s);
            let until = etcd::log::stamp(until_s * 1_000_000);
            let callers = ("transport/listener.go:283", "transport/listener.go:281");
            let mut told = line(six, Level::Warn, callers, "automatically generate certificates");
            told.fields = vec![("certificate-validity-bound-not-after", until.into())];
            self.say(host, pid, &told);
            for (path, text, kind, mode, callers) in [
                (
                    &cert,
                    made.0,
                    "cert",
                    0o644,
                    ("transport/listener.go:327", "transport/listener.go:330"),
                ),
                (
                    &key,
                    made.1,
                    "key",
                    0o600,
                    ("transport/listener.go:344", "transport/listener.go:351"),
                ),
            ] {
                let (place, at) = (self.on_disk(pid, path), self.at(host));
                // A disk that takes nothing is found out when the file is read.
                let _ = self.host_mut(host).disk.install(&place, &Bytes::from(text), mode, at);
                let mut told = line(six, Level::Info, callers, &format!("created {kind} file"));
                told.fields = vec![("path", path.as_str().into())];
                self.say(host, pid, &told);
            }
        }
        files.client_cert_file.clone_from(&cert);
        files.client_key_file.clone_from(&key);
        (files.cert_file, files.key_file) = (cert, key);
        files
    }

    /// A member hears what is no call of gRPC.
    pub(super) fn member_hears(&mut self, slot: u16, id: ConnId, packet: Packet) {
        let Some(role) = self.conn_role(id) else { return };
        let Some(conn) = self.net.conns.of(id) else { return };
        let pending = conn.tls.wanted && !conn.tls.done;
        match packet {
            Packet::Tls(TlsMessage::Hello { server_name }) if pending => {
                if role == PortRole::Client && !self.member_serves(slot) {
                    self.members.slot_mut(slot).handshakes.push((id, server_name));
                } else {
                    self.member_shakes(slot, id, server_name);
                }
            }
            Packet::Tls(TlsMessage::Finish { chain }) if pending => {
                self.member_judges(slot, id, role, chain);
            }
            Packet::Tls(TlsMessage::Alert(alert)) if pending => {
                self.member_rejects(slot, id, role, &TlsError::Remote(alert), &[]);
                self.conn_accepted(id, false);
            }
            _ if pending => {
                self.member_rejects(slot, id, role, &TlsError::NotTls, &[]);
                self.conn_accepted(id, false);
            }
            Packet::Http(Http::Request(request)) if role.is_spoken() => {
                self.member_asked(slot, id, request);
            }
            // Neither gRPC nor HTTP: the server hangs up.
            _ => self.conn_accepted(id, false),
        }
    }

    /// HTTP at the port for clients: HTTP/1 answers in the order it is asked, so one number
    /// is enough for all calls of a connection.
    fn member_asked(&mut self, slot: u16, id: ConnId, request: HttpRequest) {
        let HttpRequest { method, path, .. } = request;
        let op = Op::Http(HttpAsk { method, path });
        let request = Request { call: CallId(0), timeout_us: None, token: String::new(), op };
        self.member_call(slot, |member, now| member.request(id, request, now));
    }

    /// What is spoken at the port a connection came to.
    fn conn_role(&mut self, id: ConnId) -> Option<PortRole> {
        let target = self.net.conns.of(id)?.target();
        Some(self.net.port(target)?.role)
    }

    fn secure(&self, slot: u16, role: PortRole) -> Option<TlsServer> {
        let secure = &self.members.slot(slot).secure;
        match role {
            PortRole::Client | PortRole::Metrics => secure.client.clone(),
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
        let pid = self.members.slot(slot).pid;
        match server.offer(&|path| self.read_as(pid, path)) {
            Ok(chain) => {
                let hello = TlsMessage::Server { chain, asks: server.asks() };
                self.conn_says(id, packet(hello), false);
            }
            Err((error, alert)) => {
                self.member_rejects(slot, id, role, &error, &[]);
                self.conn_says(id, packet(TlsMessage::Alert(alert)), true);
            }
        }
    }

    /// A member looks at a client's certificates.
    fn member_judges(&mut self, slot: u16, id: ConnId, role: PortRole, chain: Vec<Bytes>) {
        let Some(server) = self.secure(slot, role) else { return };
        let wall_us = self.wall_us(self.members.slot(slot).host);
        match server.judge(&chain, wall_us) {
            Ok(()) => {
                if let Some(leaf) = chain.first() {
                    let name = tls::common_name(leaf);
                    self.member_call(slot, |member, _| member.identified(id, &name));
                }
                if let Some(conn) = self.net.conns.of(id) {
                    conn.tls.done = true;
                    conn.tls.client_chain = chain;
                }
                let spoken = role.is_spoken();
                self.member_handle(slot, Inbound::Accept { conn: id, spoken });
            }
            Err((error, alert)) => {
                self.member_rejects(slot, id, role, &error, &chain);
                self.conn_says(id, packet(TlsMessage::Alert(alert)), true);
            }
        }
    }

    fn member_rejects(
        &mut self,
        slot: u16,
        id: ConnId,
        role: PortRole,
        error: &TlsError,
        chain: &[Bytes],
    ) {
        let Some(conn) = self.net.conns.of(id) else { return };
        let (from, name) = (conn.client_addr(), conn.tls.server_name.clone());
        self.member_tells_rejection(slot, role, (from, name), error, chain);
    }

    /// The line about a handshake that failed: with the caller's address and the name asked
    /// for, and with the names in the caller's certificate where that was not the reason.
    pub(super) fn member_tells_rejection(
        &mut self,
        slot: u16,
        role: PortRole,
        (from, name): (String, String),
        error: &TlsError,
        chain: &[Bytes],
    ) {
        let hosted = self.members.slot(slot);
        let (host, pid, six): (HostId, Pid, bool) = (hosted.host, hosted.pid, hosted.secure.six);
        let what = if role == PortRole::Peer { "peer" } else { "client" };
        let mut fields = vec![("remote-addr", from.into()), ("server-name", name.into())];
        let taken = matches!(error, TlsError::Other(_)) && !chain.is_empty();
        let callers = match taken {
            true => ("embed/config_logging.go:185", "embed/config_logging.go:168"),
            false => ("embed/config_logging.go:194", "embed/config_logging.go:177"),
        };
        if taken {
            let (ips, names) = tls::names_in(&chain[0]);
            fields.push(("ip-addresses", ips.into()));
            fields.push(("dns-names", names.into()));
        }
        fields.push(("error", error.to_string().into()));
        let msg = format!("rejected connection on {what} endpoint");
        let mut told = line(six, Level::Warn, callers, &msg);
        told.fields = fields;
        self.say(host, pid, &told);
    }
}

/// An address as Go's listener shows it.
fn shown_addr(url: &str) -> String {
    match split_url(url) {
        Some(("0.0.0.0" | "", port)) => format!("[::]:{port}"),
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        Some((name, port)) => format!("{name}:{port}"),
        None => url.to_owned(),
    }
}
