//! The API server's client of etcd: one connection, many calls and watches at once.
//!
//! It tries one endpoint after the other until one answers, and again when that is lost. A
//! call that finds no connection fails with the last reason, as gRPC does, unless the first
//! attempt is still under way. Retries are the caller's business.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use etcd::rpc::{Answer, CallId, Code, Op, Request, Status};
use sim::{Conn, Either, Packet, Sys, TlsClient, race};

use crate::tasks::Spawner;

/// How long a connection may take before it counts as failed.
const CONNECT_TIMEOUT_US: u64 = 20_000_000;
const BACKOFF_US: u64 = 1_000_000;
const BACKOFF_MAX_US: u64 = 5_000_000;

/// Where etcd is and how to speak to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdConfig {
    /// `--etcd-servers`.
    pub servers: Vec<String>,
    /// `--etcd-cafile`.
    pub ca_file: String,
    /// `--etcd-certfile`.
    pub cert_file: String,
    /// `--etcd-keyfile`.
    pub key_file: String,
}

type Part = (Result<Answer, Status>, bool);

#[derive(Default)]
struct State {
    conn: Option<Rc<Conn>>,
    error: Option<String>,
    /// The address that was dialed when the error came.
    dialed: String,
    parts: BTreeMap<CallId, VecDeque<Part>>,
    epoch: u64,
}

/// A client.
#[derive(Clone)]
pub struct Etcd {
    sys: Sys,
    config: Rc<EtcdConfig>,
    state: Rc<RefCell<State>>,
    calls: Rc<Cell<u64>>,
    spawner: Spawner,
}

impl std::fmt::Debug for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Etcd({:?})", self.config.servers)
    }
}

/// Host and port of a URL, and whether it is https.
pub fn address(url: &str) -> (String, bool) {
    let (tls, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme == "https", rest),
        None => (false, url),
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let port = if tls { 443 } else { 80 };
    let address = match authority.rsplit_once(':') {
        Some(_) => authority.to_owned(),
        None => format!("{authority}:{port}"),
    };
    (address, tls)
}

impl Etcd {
    /// A client that connects as soon as the tasks of `spawner` run, and stays connected.
    pub fn new(sys: &Sys, spawner: &Spawner, config: EtcdConfig) -> Etcd {
        let client = Etcd {
            sys: sys.clone(),
            config: Rc::new(config),
            state: Rc::default(),
            calls: Rc::new(Cell::new(1)),
            spawner: spawner.clone(),
        };
        let keeper = client.clone();
        spawner.spawn(async move { keeper.stay_connected().await });
        client
    }

    /// The address of the server that could not be reached last.
    pub fn dialed(&self) -> String {
        self.state.borrow().dialed.clone()
    }

    /// Counts the connections made: it differs when what was asked on an earlier one is void.
    pub fn epoch(&self) -> u64 {
        self.state.borrow().epoch
    }

    async fn stay_connected(&self) {
        let mut backoff_us = BACKOFF_US;
        let mut turn = 0;
        loop {
            let servers = &self.config.servers;
            let Some(server) = servers.get(turn % servers.len().max(1)) else { return };
            turn += 1;
            let connecting = race(self.connect(server), self.sys.sleep_us(CONNECT_TIMEOUT_US));
            let result = match connecting.await {
                Either::Left(result) => result,
                Either::Right(()) => {
                    let (address, _) = address(server);
                    Err(format!("transport: Error while dialing: dial tcp {address}: i/o timeout"))
                }
            };
            match result {
                Ok(conn) => {
                    let conn = Rc::new(conn);
                    backoff_us = BACKOFF_US;
                    self.up(&conn);
                    conn.closed().await;
                    self.lost(&conn);
                }
                Err(error) => {
                    {
                        let mut state = self.state.borrow_mut();
                        state.error = Some(error);
                        state.dialed = address(server).0;
                    }
                    self.spawner.kick();
                    if turn % servers.len() == 0 {
                        self.sys.sleep_us(backoff_us).await;
                        backoff_us = (backoff_us * 8 / 5).min(BACKOFF_MAX_US);
                    }
                }
            }
        }
    }

    fn up(&self, conn: &Rc<Conn>) {
        let mut state = self.state.borrow_mut();
        state.conn = Some(conn.clone());
        state.error = None;
        state.epoch += 1;
        self.spawner.kick();
    }

    fn lost(&self, conn: &Rc<Conn>) {
        let mut state = self.state.borrow_mut();
        if state.conn.as_ref().is_some_and(|have| Rc::ptr_eq(have, conn)) {
            state.conn = None;
            state.epoch += 1;
            self.spawner.kick();
        }
    }

    async fn connect(&self, server: &str) -> Result<Conn, String> {
        let (address, tls) = address(server);
        let dial = self.sys.dial(&address).await;
        let conn = dial.map_err(|error| format!("transport: Error while dialing: {error}"))?;
        if tls {
            let read = |path: &str| match path {
                "" => Ok(bytes::Bytes::new()),
                path => self.sys.read_file(path).map_err(|errno| {
                    let errno = errno.to_string().to_lowercase();
                    format!("transport: authentication handshake failed: open {path}: {errno}")
                }),
            };
            let client = TlsClient {
                roots: read(&self.config.ca_file)?,
                certificate: read(&self.config.cert_file)?,
                key: read(&self.config.key_file)?,
                server_name: address.rsplit_once(':').map_or("", |(name, _)| name).to_owned(),
                insecure_skip_verify: false,
            };
            conn.start_tls(&self.sys, &client)
                .await
                .map_err(|error| format!("transport: authentication handshake failed: {error}"))?;
        }
        match conn.ready().await {
            Ok(()) => Ok(conn),
            Err(_) => Err(match conn.alert() {
                Some(alert) => {
                    format!(
                        "transport: authentication handshake failed: remote error: tls: {alert}"
                    )
                }
                None => "error reading server preface: EOF".to_owned(),
            }),
        }
    }

    /// The connection; waits for the first attempt, then fails at once where there is none.
    async fn conn(&self) -> Result<Rc<Conn>, Status> {
        crate::tasks::until(|| {
            let state = self.state.borrow();
            match (&state.conn, &state.error) {
                (Some(conn), _) => Some(Ok(conn.clone())),
                (None, Some(error)) => Some(Err(Status {
                    code: Code::Unavailable,
                    message: format!("connection error: desc = \"{error}\""),
                })),
                (None, None) => None,
            }
        })
        .await
    }

    /// The last reason why there is no connection.
    pub fn error(&self) -> Option<String> {
        self.state.borrow().error.clone()
    }

    /// Waits until there is a connection; false when that takes too long.
    pub async fn ready(&self, timeout_us: u64) -> bool {
        let connected = crate::tasks::until(|| self.state.borrow().conn.as_ref().map(|_| ()));
        matches!(race(connected, self.sys.sleep_us(timeout_us)).await, Either::Left(()))
    }

    /// One question, one answer.
    pub async fn call(&self, op: Op, timeout_us: u64) -> Result<Answer, Status> {
        let asking = async {
            let stream = self.open(op, Some(timeout_us)).await?;
            match stream.next().await {
                Some(result) => result,
                None => Err(Status {
                    code: Code::Unavailable,
                    message: "error reading from server: EOF".to_owned(),
                }),
            }
        };
        match race(asking, self.sys.sleep_us(timeout_us)).await {
            Either::Left(result) => result,
            Either::Right(()) => Err(Status {
                code: Code::DeadlineExceeded,
                message: "context deadline exceeded".to_owned(),
            }),
        }
    }

    /// Whether one server answers a read that needs a quorum, asked on a connection of its own.
    pub async fn health(&self, server: &str, root: &str, timeout_us: u64) -> Result<(), String> {
        let asking = async {
            let conn = self.connect(server).await?;
            let key = format!("{root}/health").into();
            let op = Op::Range(etcd::pb::RangeRequest { key, ..Default::default() });
            let call = CallId(1);
            let request = Request { call, timeout_us: Some(timeout_us), token: String::new(), op };
            conn.send(Packet::Rpc(request)).map_err(|_| "EOF".to_owned())?;
            loop {
                match conn.recv().await {
                    Ok(Packet::Reply { result, .. }) => {
                        return result.map(|_| ()).map_err(|status| shown(&status));
                    }
                    Ok(_) => {}
                    Err(_) => return Err("error reading from server: EOF".to_owned()),
                }
            }
        };
        match race(asking, self.sys.sleep_us(timeout_us)).await {
            Either::Left(result) => result,
            Either::Right(()) => Err("context deadline exceeded".to_owned()),
        }
    }

    /// A call with many answers.
    pub async fn open(&self, op: Op, timeout_us: Option<u64>) -> Result<EtcdStream, Status> {
        let conn = self.conn().await?;
        let call = CallId(self.calls.get());
        self.calls.set(call.0 + 2);
        self.state.borrow_mut().parts.insert(call, VecDeque::new());
        let stream =
            EtcdStream { client: self.clone(), conn: conn.clone(), call, once: Cell::new(false) };
        if conn.send(Packet::Rpc(Request { call, timeout_us, token: String::new(), op })).is_err() {
            self.lost(&conn);
        }
        Ok(stream)
    }

    /// Takes what arrived and gives each part to the call it belongs to. False when the
    /// connection is over.
    fn receive(&self, conn: &Rc<Conn>) -> bool {
        loop {
            match conn.try_recv() {
                Ok(Some(Packet::Reply { call, result, done })) => {
                    let mut state = self.state.borrow_mut();
                    if let Some(parts) = state.parts.get_mut(&call) {
                        parts.push_back((result, done));
                        self.spawner.kick();
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => {
                    self.lost(conn);
                    return false;
                }
            }
        }
    }
}

/// An open call.
pub struct EtcdStream {
    client: Etcd,
    conn: Rc<Conn>,
    call: CallId,
    once: Cell<bool>,
}

impl std::fmt::Debug for EtcdStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EtcdStream({:?})", self.call)
    }
}

impl EtcdStream {
    /// The next answer; none when the stream or the connection is over.
    pub async fn next(&self) -> Option<Result<Answer, Status>> {
        poll_fn(|_| {
            let open = self.client.receive(&self.conn);
            let mut state = self.client.state.borrow_mut();
            let parts = state.parts.get_mut(&self.call).expect("a stream's parts are kept with it");
            match parts.pop_front() {
                Some((result, done)) => {
                    self.once.set(done);
                    Poll::Ready(Some(result))
                }
                None if open && !self.once.get() => Poll::Pending,
                None => Poll::Ready(None),
            }
        })
        .await
    }
}

impl Drop for EtcdStream {
    fn drop(&mut self) {
        self.client.state.borrow_mut().parts.remove(&self.call);
        if !self.once.get() {
            let (call, token) = (self.call, String::new());
            let cancel = Request { call, timeout_us: None, token, op: Op::Cancel };
            // A connection that is gone cancels by itself.
            let _ = self.conn.send(Packet::Rpc(cancel));
        }
    }
}

/// An error of etcd as its Go client shows it.
pub fn shown(status: &Status) -> String {
    let Status { code, message } = status;
    if message.starts_with("etcdserver: ") || message == "context deadline exceeded" {
        message.clone()
    } else {
        format!("rpc error: code = {code} desc = {message}")
    }
}
