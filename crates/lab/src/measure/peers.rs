//! What a client of a measurement holds: one kept connection to each server it speaks to.
//! It tries nothing twice: a measurement wants to know what one request came to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use etcd::pb;
use etcd::rpc::{Answer, CallId, Op, Request};
use sim::{Conn, Either, Packet, Sys, race};

/// Connections to the members, by their place.
pub(super) struct Peers {
    sys: Sys,
    directory: Vec<(u64, String)>,
    conns: RefCell<Vec<Option<Rc<Conn>>>>,
    calls: Cell<u64>,
}

impl Peers {
    /// To these members: id and address of each. Nothing is dialed yet.
    pub(super) fn new(sys: &Sys, directory: Vec<(u64, String)>) -> Peers {
        let conns = RefCell::new(vec![None; directory.len()]);
        Peers { sys: sys.clone(), directory, conns, calls: Cell::new(1) }
    }

    /// Where a member stands.
    pub(super) fn place_of(&self, id: u64) -> Option<usize> {
        self.directory.iter().position(|(other, _)| *other == id && id != 0)
    }

    /// The id of a member.
    pub(super) fn id(&self, place: usize) -> u64 {
        self.directory[place].0
    }

    /// Its clock.
    pub(super) fn now_us(&self) -> u64 {
        self.sys.mono_us()
    }

    /// Waits.
    pub(super) async fn sleep_us(&self, us: u64) {
        self.sys.sleep_us(us).await;
    }

    /// One request, one answer.
    pub(super) async fn call(&self, to: usize, op: Op, within_us: u64) -> Result<Answer, String> {
        let mut answers = self.calls(to, vec![op], within_us).await?;
        Ok(answers.remove(0))
    }

    /// Requests sent at once, and their answers in order. The error is what a user is told.
    pub(super) async fn calls(
        &self,
        to: usize,
        ops: Vec<Op>,
        within_us: u64,
    ) -> Result<Vec<Answer>, String> {
        match race(self.ask(to, ops), self.sys.sleep_us(within_us)).await {
            Either::Left(Ok(answers)) => Ok(answers),
            Either::Left(Err(error)) => Err(error),
            Either::Right(()) => {
                self.forget(to);
                Err("context deadline exceeded".to_owned())
            }
        }
    }

    async fn ask(&self, to: usize, ops: Vec<Op>) -> Result<Vec<Answer>, String> {
        let closed = |_| {
            self.forget(to);
            "error reading from server: EOF".to_owned()
        };
        let conn = self.conn(to).await?;
        let first = self.calls.get();
        self.calls.set(first + ops.len() as u64);
        let wanted = ops.len();
        for (call, op) in (first..).map(CallId).zip(ops) {
            let request = Request { call, timeout_us: None, token: String::new(), op };
            conn.send(Packet::Rpc(request)).map_err(closed)?;
        }
        let mut answers: Vec<Option<Answer>> = vec![None; wanted];
        while answers.iter().any(Option::is_none) {
            if let Packet::Reply { call, result, .. } = conn.recv().await.map_err(closed)? {
                let place = call.0.checked_sub(first).and_then(|place| usize::try_from(place).ok());
                if let Some(slot) = place.and_then(|place| answers.get_mut(place)) {
                    *slot = Some(result.map_err(|status| status.message)?);
                }
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    async fn conn(&self, to: usize) -> Result<Rc<Conn>, String> {
        if let Some(conn) = &self.conns.borrow()[to] {
            return Ok(Rc::clone(conn));
        }
        let conn = self.sys.dial(&self.directory[to].1).await.map_err(|error| error.to_string())?;
        conn.ready().await.map_err(|_| "error reading from server: EOF".to_owned())?;
        let conn = Rc::new(conn);
        self.conns.borrow_mut()[to] = Some(Rc::clone(&conn));
        Ok(conn)
    }

    fn forget(&self, to: usize) {
        self.conns.borrow_mut()[to] = None;
    }

    /// What a member says of itself.
    pub(super) async fn status(
        &self,
        of: usize,
        within_us: u64,
    ) -> Result<pb::StatusResponse, String> {
        match self.call(of, Op::Status, within_us).await? {
            Answer::Status(status) => Ok(status),
            _ => unreachable!("a question for the status is answered with it"),
        }
    }
}

/// A read of one key: linearizable, or of what the member has.
pub(super) fn range(key: &str, serializable: bool) -> Op {
    let key = Bytes::copy_from_slice(key.as_bytes());
    Op::Range(pb::RangeRequest { key, serializable, ..Default::default() })
}

/// The value a read brought.
pub(super) fn value(answer: &Answer) -> String {
    let Answer::Range(found) = answer else { unreachable!("a read is answered as one") };
    found.kvs.first().map_or_else(String::new, |kv| String::from_utf8_lossy(&kv.value).into_owned())
}
