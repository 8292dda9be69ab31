//! One connection of a client: dialing, being ready, waiting to dial again (grpc-go's
//! `addrConn` under `pick_first`).

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use sim::{Conn, Sys};

use super::super::go::addr;
use super::secure::Secure;

type Pending<T> = Pin<Box<dyn Future<Output = T>>>;

/// How long a connection may take before it counts as failed.
const CONNECT_TIMEOUT_US: u64 = 20_000_000;
/// The wait after the first failure; each further one takes 1.6 times as long.
const BACKOFF_US: u64 = 1_000_000;
const BACKOFF_MAX_US: u64 = 120_000_000;

enum Phase {
    Idle,
    Dialing(Pending<Result<Conn, String>>),
    Ready(Rc<Conn>),
    Waiting(Pending<()>),
}

/// A connection to one address.
pub(super) struct SubConn {
    address: String,
    tls: Option<Secure>,
    phase: Phase,
    backoff_us: u64,
    error: Option<String>,
}

impl SubConn {
    pub(super) fn new(address: String, tls: Option<Secure>) -> SubConn {
        SubConn { address, tls, phase: Phase::Idle, backoff_us: BACKOFF_US, error: None }
    }

    /// Another one to the same address.
    pub(super) fn twin(&self) -> SubConn {
        SubConn::new(self.address.clone(), self.tls.clone())
    }

    /// The connection, if it can be used.
    pub(super) fn ready(&self) -> Option<&Rc<Conn>> {
        match &self.phase {
            Phase::Ready(conn) => Some(conn),
            _ => None,
        }
    }

    /// The last failure since it was ready. It stands while it is dialed again.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Forgets a connection that broke.
    pub(super) fn lost(&mut self, conn: &Rc<Conn>) {
        if self.ready().is_some_and(|ready| Rc::ptr_eq(ready, conn)) {
            self.phase = Phase::Idle;
        }
    }

    /// Moves on as far as it can without waiting.
    pub(super) fn drive(&mut self, sys: &Sys, cx: &mut Context<'_>) {
        loop {
            self.phase = match &mut self.phase {
                Phase::Idle => {
                    let (sys, address, tls) = (sys.clone(), self.address.clone(), self.tls.clone());
                    Phase::Dialing(Box::pin(
                        async move { connect(&sys, &address, tls.as_ref()).await },
                    ))
                }
                Phase::Dialing(dialing) => match dialing.as_mut().poll(cx) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(conn)) => {
                        self.backoff_us = BACKOFF_US;
                        self.error = None;
                        Phase::Ready(Rc::new(conn))
                    }
                    Poll::Ready(Err(error)) => {
                        self.error = Some(error);
                        let (sys, wait_us) = (sys.clone(), self.backoff_us);
                        self.backoff_us = (wait_us * 8 / 5).min(BACKOFF_MAX_US);
                        Phase::Waiting(Box::pin(async move { sys.sleep_us(wait_us).await }))
                    }
                },
                Phase::Waiting(waiting) => match waiting.as_mut().poll(cx) {
                    Poll::Pending => return,
                    Poll::Ready(()) => Phase::Idle,
                },
                Phase::Ready(_) => return,
            };
        }
    }
}

/// What Go finds wrong with an address before it dials.
fn check_address(address: &str) -> Result<(), String> {
    if address.is_empty() {
        return Err("missing address".to_owned());
    }
    let (_, port) = addr::split_host_port(address)?;
    match port.parse::<u64>() {
        Ok(number) if number > 65_535 => Err(format!("address {port}: invalid port")),
        _ => Ok(()),
    }
}

/// Dials, and waits for the server's first word, within the time grpc allows.
async fn connect(sys: &Sys, address: &str, tls: Option<&Secure>) -> Result<Conn, String> {
    let dialing = async {
        let dial = |error: String| format!("transport: Error while dialing: {error}");
        check_address(address).map_err(|error| dial(format!("dial tcp: {error}")))?;
        let conn = sys.dial(address).await.map_err(|error| dial(error.to_string()))?;
        if let Some(tls) = tls {
            tls.handshake(sys, &conn, address).await?;
        }
        match (conn.ready().await, conn.alert()) {
            (Ok(()), _) => Ok(conn),
            (Err(_), Some(alert)) => {
                Err(format!("error reading server preface: remote error: tls: {alert}"))
            }
            (Err(_), None) => Err("error reading server preface: EOF".to_owned()),
        }
    };
    match sim::race(dialing, sys.sleep_us(CONNECT_TIMEOUT_US)).await {
        sim::Either::Left(result) => result,
        sim::Either::Right(()) => {
            Err(format!("transport: Error while dialing: dial tcp {address}: i/o timeout"))
        }
    }
}
