//! The client library etcdctl is made of (`client/v3` on grpc-go): connections to all
//! endpoints at once, calls that wait for one to be ready, retries, and the warning line that
//! each failed attempt leaves on standard error.
//!
//! etcdctl has at most one call of a client under way, so a call reads from its connection
//! itself and nothing needs to be dispatched.

mod call;
mod secure;
mod subconn;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use etcd::Release;
use etcd::pb;
use etcd::rpc::{Answer, CallId, Code, Op, Request, Status};
use sim::{Conn, Fd, Packet, Sys};

pub use call::Failure;
use call::{encoded_len, method_of};
pub use secure::{SYSTEM_ROOTS, Secure};
use subconn::SubConn;

use super::go::json;
use super::settings::translate;

/// What a client is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// As given.
    pub endpoints: Vec<String>,
    /// How connections are secured.
    pub tls: Secure,
    /// Larger requests are not sent.
    pub max_send_bytes: u64,
    /// Whom to log in as, and the password.
    pub user: Option<(String, String)>,
}

/// A client.
pub struct Client {
    sys: Sys,
    release: Release,
    logger: &'static str,
    target: String,
    endpoints: usize,
    max_send_bytes: u64,
    user: Option<(String, String)>,
    /// What logging in gave; empty for none.
    token: Rc<RefCell<String>>,
    subs: RefCell<Vec<SubConn>>,
    calls: Cell<u64>,
    turn: Cell<usize>,
}

/// A picked connection and its name in warnings.
struct Picked {
    conn: Rc<Conn>,
    peer: String,
}

/// An attempt that failed.
struct Fault {
    status: Status,
    peer: String,
}

const NO_PEER: &str = "Peer{Addr: <nil>, LocalAddr: <nil>, AuthInfo: <nil>}";
/// The most attempts of a call.
const ATTEMPTS_MAX: u64 = 100;
/// The pause after each round over a quorum of the endpoints.
const BACKOFF_US: u64 = 25_000;

impl Client {
    /// A client over a specification's endpoints; it begins to connect with its first call.
    pub fn new(sys: &Sys, release: Release, logger: &'static str, spec: &Spec) -> Client {
        let first = spec.endpoints.first().map(String::as_str).unwrap_or_default();
        let authority = first.split_once("://").map_or(first, |(_, rest)| rest);
        // The first endpoint's scheme decides for all.
        let tls = translate(first).1.unwrap_or(spec.tls.wanted).then(|| spec.tls.clone());
        let subs = spec.endpoints.iter().map(|endpoint| {
            let (address, _) = translate(endpoint);
            SubConn::new(address, tls.clone())
        });
        Client {
            sys: sys.clone(),
            release,
            logger,
            target: format!("etcd-endpoints://{:#x}/{authority}", pointer(sys)),
            endpoints: spec.endpoints.len(),
            max_send_bytes: spec.max_send_bytes,
            user: spec.user.clone().filter(|(name, word)| !name.is_empty() && !word.is_empty()),
            token: Rc::default(),
            subs: RefCell::new(subs.collect()),
            calls: Cell::new(1),
            turn: Cell::new(0),
        }
    }

    /// The same client, with calls to one endpoint only: what 3.5 does for `endpoint status`.
    pub fn aside(&self, endpoint: &str, tls: &Secure) -> Client {
        let (address, scheme) = translate(endpoint);
        Client {
            sys: self.sys.clone(),
            release: self.release,
            logger: self.logger,
            target: self.target.clone(),
            endpoints: self.endpoints,
            max_send_bytes: self.max_send_bytes,
            user: self.user.clone(),
            token: self.token.clone(),
            subs: RefCell::new(vec![SubConn::new(
                address,
                scheme.unwrap_or(tls.wanted).then(|| tls.clone()),
            )]),
            calls: Cell::new(1),
            turn: Cell::new(0),
        }
    }

    /// The same client over connections of its own, for what goes on beside its calls: the
    /// real library has one connection for all of it.
    pub fn twin(&self) -> Client {
        let subs = self.subs.borrow().iter().map(SubConn::twin).collect();
        Client {
            sys: self.sys.clone(),
            release: self.release,
            logger: self.logger,
            target: self.target.clone(),
            endpoints: self.endpoints,
            max_send_bytes: self.max_send_bytes,
            user: self.user.clone(),
            token: self.token.clone(),
            subs: RefCell::new(subs),
            calls: Cell::new(1),
            turn: Cell::new(0),
        }
    }

    /// Logs in, if there is somebody to log in as.
    pub(super) async fn log_in(&self, deadline_us: Option<u64>) -> Result<(), Failure> {
        let Some((name, password)) = self.user.clone() else { return Ok(()) };
        let op = Op::Authenticate(pb::AuthenticateRequest { name, password });
        let token = match Box::pin(self.call(&op, deadline_us)).await {
            Ok(Answer::Authenticate(answer)) => answer.token,
            Ok(_) => unreachable!("a login is answered as one"),
            Err(error) if error.status.message == "etcdserver: authentication is not enabled" => {
                String::new()
            }
            Err(error) => return Err(error),
        };
        *self.token.borrow_mut() = token;
        Ok(())
    }

    fn token(&self) -> String {
        self.token.borrow().clone()
    }

    /// Whether a new token could help, and trying again.
    fn is_stale(&self, op: &Op, message: &str) -> bool {
        match message {
            "etcdserver: user name is empty" => self.user.is_some(),
            "etcdserver: invalid auth token" | "etcdserver: revision of auth store is old" => {
                !matches!(op, Op::Authenticate(_))
            }
            _ => false,
        }
    }

    /// A call with one answer: the retry interceptor around single attempts.
    pub async fn call(&self, op: &Op, deadline_us: Option<u64>) -> Result<Answer, Failure> {
        let (method, repeatable) = method_of(op);
        let quorum = self.endpoints as u64 / 2 + 1;
        let mut last = Status { code: Code::Unknown, message: String::new() };
        for attempt in 0..ATTEMPTS_MAX {
            if attempt > 0 && attempt % quorum == 0 && !self.pause(BACKOFF_US, deadline_us).await {
                return Err(Failure::deadline());
            }
            let fault = match self.attempt(op, deadline_us).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            self.warn(method, attempt, &fault).await;
            last = fault.status;
            if matches!(last.code, Code::DeadlineExceeded | Code::Canceled) {
                if self.passed(deadline_us) {
                    return Err(Failure::deadline());
                }
                // The server's own deadline: try again.
                continue;
            }
            if self.is_stale(op, &last.message) {
                if let Err(error) = self.log_in(deadline_us).await {
                    self.warn_of_token(&error).await;
                    return Err(error);
                }
                continue;
            }
            let learner = last.message == "etcdserver: rpc not supported for learner";
            let retry =
                learner && self.endpoints > 1 || repeatable && last.code == Code::Unavailable;
            if !retry {
                break;
            }
        }
        Err(Failure::from(last))
    }

    async fn attempt(&self, op: &Op, deadline_us: Option<u64>) -> Result<Answer, Fault> {
        loop {
            let Picked { conn, peer } = self.pick(deadline_us).await?;
            let fault = |code, message: String| {
                Err(Fault { status: Status { code, message }, peer: peer.clone() })
            };
            let size = encoded_len(op);
            if size > self.max_send_bytes {
                let limit = self.max_send_bytes;
                return fault(
                    Code::ResourceExhausted,
                    format!("trying to send message larger than max ({size} vs. {limit})"),
                );
            }
            let call = self.next_call();
            let timeout_us = deadline_us.map(|at| at.saturating_sub(self.sys.mono_us()));
            let request = Request { call, timeout_us, token: self.token(), op: op.clone() };
            if conn.send(Packet::Rpc(request)).is_err() {
                // It broke since it was last looked at; nothing was sent.
                self.lost(&conn);
                continue;
            }
            return match self.within(deadline_us, receive(&conn, call)).await {
                Some(Ok((Ok(answer), _))) => Ok(answer),
                Some(Ok((Err(status), _))) => Err(Fault { status, peer }),
                Some(Err(_)) => {
                    self.lost(&conn);
                    fault(Code::Unavailable, "error reading from server: EOF".to_owned())
                }
                None => {
                    let _ = conn.send(cancel(call));
                    fault(Code::DeadlineExceeded, "context deadline exceeded".to_owned())
                }
            };
        }
    }

    /// Waits for a connection that is ready, as long as the call may take.
    async fn pick(&self, deadline_us: Option<u64>) -> Result<Picked, Fault> {
        let begun_us = self.sys.mono_us();
        let ready = poll_fn(|cx| {
            let mut subs = self.subs.borrow_mut();
            subs.iter_mut().for_each(|sub| sub.drive(&self.sys, cx));
            let ready: Vec<&Rc<Conn>> = subs.iter().filter_map(SubConn::ready).collect();
            if ready.is_empty() {
                return Poll::Pending;
            }
            let turn = self.turn.get();
            self.turn.set(turn + 1);
            Poll::Ready(ready[turn % ready.len()].clone())
        });
        match self.within(deadline_us, ready).await {
            Some(conn) => {
                let (addr, local) = (conn.remote_addr(), conn.local_addr());
                let how = if conn.peer_chain().is_empty() { "insecure" } else { "tls" };
                let peer =
                    format!("Peer{{Addr: '{addr}', LocalAddr: '{local}', AuthInfo: '{how}'}}");
                Ok(Picked { conn, peer })
            }
            None => {
                // One that had no time at all did not even wait.
                let message = match begun_us {
                    begun_us if deadline_us.is_some_and(|at| at <= begun_us) => {
                        "context deadline exceeded".to_owned()
                    }
                    _ => self.not_ready(),
                };
                let status = Status { code: Code::DeadlineExceeded, message };
                Err(Fault { status, peer: NO_PEER.to_owned() })
            }
        }
    }

    /// Why no connection was ready: the last error, once every endpoint has failed.
    fn not_ready(&self) -> String {
        let subs = self.subs.borrow();
        match subs.iter().map(SubConn::error).collect::<Option<Vec<_>>>() {
            Some(errors) if !errors.is_empty() => {
                format!("latest balancer error: connection error: desc = \"{}\"", errors[0])
            }
            _ => {
                "context deadline exceeded while waiting for connections to become ready".to_owned()
            }
        }
    }

    /// A connection turned out to be closed: connect anew.
    fn lost(&self, conn: &Rc<Conn>) {
        self.subs.borrow_mut().iter_mut().for_each(|sub| sub.lost(conn));
    }

    /// Opens a stream with its first message. None when the deadline passed first, with the
    /// reason.
    pub async fn stream(&self, op: Op, deadline_us: Option<u64>) -> Result<Stream, Failure> {
        if let Err(error) = self.log_in(deadline_us).await {
            self.say_no_token(&error).await;
            return Err(error);
        }
        loop {
            let picked = self.pick(deadline_us).await;
            let Picked { conn, .. } = picked.map_err(|fault| Failure::from(fault.status))?;
            let call = self.next_call();
            let request = Request { call, timeout_us: None, token: self.token(), op: op.clone() };
            if conn.send(Packet::Rpc(request)).is_ok() {
                return Ok(Stream { conn, call, over: Cell::new(false) });
            }
            self.lost(&conn);
        }
    }

    /// Gives a stream up and forgets its connection if that is what broke it.
    pub fn drop_stream(&self, stream: Stream) {
        if stream.over.get() {
            self.lost(&stream.conn);
        } else {
            let _ = stream.conn.send(cancel(stream.call));
        }
    }

    fn next_call(&self) -> CallId {
        let call = self.calls.get();
        self.calls.set(call + 2);
        CallId(call)
    }

    fn passed(&self, deadline_us: Option<u64>) -> bool {
        deadline_us.is_some_and(|at| self.sys.mono_us() >= at)
    }

    /// Sleeps, but not past the deadline; false if that came first.
    async fn pause(&self, us: u64, deadline_us: Option<u64>) -> bool {
        self.within(deadline_us, self.sys.sleep_us(us)).await.is_some()
    }

    /// A future's value, if it comes before the deadline.
    async fn within<T>(
        &self,
        deadline_us: Option<u64>,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let Some(at) = deadline_us else { return Some(future.await) };
        let mut future = pin!(future);
        let mut timer = pin!(self.sys.sleep_us(at.saturating_sub(self.sys.mono_us())));
        poll_fn(|cx| {
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(value));
            }
            timer.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// The line about a stream that could not be opened for want of a token.
    async fn say_no_token(&self, error: &Failure) {
        let release = self.release;
        let ts = etcd::log::stamp(self.sys.wall_us());
        let line = if release.is_3_6() { 120 } else { 119 };
        let error = json::zap(&error.to_string());
        let text = format!(
            "{{\"level\":\"error\",\"ts\":\"{ts}\",\"logger\":\"{}\",\
             \"caller\":\"v3@v{release}/retry_interceptor.go:{line}\",\
             \"msg\":\"clientv3/retry_interceptor: getToken failed\",\"error\":{error},\
             \"stacktrace\":\"…\"}}\n",
            self.logger
        );
        let _ = self.sys.write(Fd::STDERR, text.as_bytes()).await;
    }

    /// The line about a token that was not to be had.
    async fn warn_of_token(&self, error: &Failure) {
        let release = self.release;
        let ts = etcd::log::stamp(self.sys.wall_us());
        let line = if release.is_3_6() { 87 } else { 84 };
        let error = json::zap(&error.to_string());
        let text = format!(
            "{{\"level\":\"warn\",\"ts\":\"{ts}\",\"logger\":\"{}\",\
             \"caller\":\"v3@v{release}/retry_interceptor.go:{line}\",\
             \"msg\":\"retrying of unary invoker failed to fetch new auth token\",\
             \"target\":\"{}\",\"error\":{error}}}\n",
            self.logger, self.target
        );
        let _ = self.sys.write(Fd::STDERR, text.as_bytes()).await;
    }

    /// The line the client's logger writes about a failed attempt.
    async fn warn(&self, method: &str, attempt: u64, fault: &Fault) {
        let release = self.release;
        let ts = etcd::log::stamp(self.sys.wall_us());
        let (line, method) = if release.is_3_6() {
            (68, format!(",\"method\":\"/etcdserverpb.{method}\""))
        } else {
            (66, String::new())
        };
        let Status { code, message } = &fault.status;
        let error = json::zap(&format!("rpc error: code = {code} desc = {message}"));
        let text = format!(
            "{{\"level\":\"warn\",\"ts\":\"{ts}\",\"logger\":\"{}\",\
             \"caller\":\"v3@v{release}/retry_interceptor.go:{line}\",\
             \"msg\":\"retrying of unary invoker failed\",\"target\":\"{}\",\"peer\":\"{}\"{method},\
             \"attempt\":{attempt},\"error\":{error}}}\n",
            self.logger, self.target, fault.peer
        );
        let _ = self.sys.write(Fd::STDERR, text.as_bytes()).await;
    }
}

/// A stream of answers.
pub struct Stream {
    conn: Rc<Conn>,
    call: CallId,
    over: Cell<bool>,
}

impl Stream {
    /// Another message of the client.
    pub fn send(&self, op: Op) -> bool {
        self.conn
            .send(Packet::Rpc(Request {
                call: self.call,
                timeout_us: None,
                token: String::new(),
                op,
            }))
            .is_ok()
    }

    /// The next answer; none when the server ended the stream well.
    pub async fn recv(&self) -> Result<Option<Answer>, Failure> {
        if self.over.get() {
            return Ok(None);
        }
        match receive(&self.conn, self.call).await {
            Ok((result, done)) => {
                self.over.set(done);
                result.map(Some).map_err(Failure::from)
            }
            Err(_) => {
                self.over.set(true);
                Err(Failure::from(Status {
                    code: Code::Unavailable,
                    message: "error reading from server: EOF".to_owned(),
                }))
            }
        }
    }
}

/// The next answer to a call; what belongs to calls that were given up is dropped.
async fn receive(conn: &Conn, call: CallId) -> Result<(Result<Answer, Status>, bool), sim::Closed> {
    loop {
        match conn.recv().await? {
            Packet::Reply { call: of, result, done } if of == call => return Ok((result, done)),
            _ => {}
        }
    }
}

fn cancel(call: CallId) -> Packet {
    Packet::Rpc(Request { call, timeout_us: None, token: String::new(), op: Op::Cancel })
}

/// The address of the client as Go would print it: it tells clients apart in logs.
fn pointer(sys: &Sys) -> u64 {
    let mixed = (sys.wall_us() ^ u64::from(sys.pid().0) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    0xc0_0000_0000 + (mixed >> 36) * 0x20
}
