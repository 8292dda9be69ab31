//! Sockets within a host: a process offers a service under a path, others of the host ask it
//! one question at a time. What systemd, journald and the container runtime talk over.
//!
//! Only words travel, and at no cost of time; what goes from host to host is the net's.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use flat::Map;

use crate::errno::Errno;
use crate::ids::{HostId, Pid};
use crate::kernel::Kernel;
use crate::sys::Sys;

/// A question somebody asked a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCall {
    /// Its number, for the answer.
    pub id: u64,
    /// Who asks.
    pub from: Pid,
    /// As whom.
    pub uid: u32,
    /// The words.
    pub bytes: Bytes,
}

/// A service.
#[derive(Debug)]
struct Service {
    owner: Pid,
    waiting: VecDeque<LocalCall>,
}

/// A question on its way.
#[derive(Debug)]
struct Asked {
    from: Pid,
    service: Pid,
    answer: Option<Bytes>,
}

/// All services and questions of a world.
#[derive(Debug, Default)]
pub(crate) struct Locals {
    services: Map<(HostId, String), Service>,
    asked: Map<u64, Asked>,
    last: u64,
}

impl Kernel {
    /// A process ended: its services are gone, and its questions are nobody's.
    pub(crate) fn locals_gone(&mut self, pid: Pid) {
        self.locals.services.retain(|_, service| service.owner != pid);
        self.locals.asked.retain(|_, asked| asked.from != pid);
        let lost = self.locals.asked.values().filter(|it| it.service == pid && it.answer.is_none());
        let lost: Vec<Pid> = lost.map(|asked| asked.from).collect();
        for from in lost {
            self.wake(from);
        }
    }
}

impl Sys {
    /// Offers a service under a path. EEXIST when another process does.
    pub fn offer(&self, path: &str) -> Result<(), Errno> {
        let mut kernel = self.kernel.borrow_mut();
        let key = (kernel.host_of(self.pid), path.to_owned());
        if kernel.locals.services.contains_key(&key) {
            return Err(Errno::Eexist);
        }
        let service = Service { owner: self.pid, waiting: VecDeque::new() };
        kernel.locals.services.insert(key, service);
        Ok(())
    }

    /// The next question at a service of this process, without waiting.
    pub fn try_asked(&self, path: &str) -> Option<LocalCall> {
        let mut kernel = self.kernel.borrow_mut();
        let key = (kernel.host_of(self.pid), path.to_owned());
        kernel.locals.services.get_mut(&key)?.waiting.pop_front()
    }

    /// The next question at a service of this process.
    pub async fn asked(&self, path: &str) -> LocalCall {
        poll_fn(|_| self.try_asked(path).map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Answers a question; whoever asked may be gone.
    pub fn answer(&self, call: u64, bytes: impl Into<Bytes>) {
        let mut kernel = self.kernel.borrow_mut();
        if let Some(asked) = kernel.locals.asked.get_mut(&call) {
            asked.answer = Some(bytes.into());
            let from = asked.from;
            kernel.wake(from);
        }
    }

    /// Asks a service of this host. ECONNREFUSED where nobody answers, or no longer.
    pub async fn ask_local(&self, path: &str, bytes: impl Into<Bytes>) -> Result<Bytes, Errno> {
        let id = {
            let kernel = &mut *self.kernel.borrow_mut();
            let caller = kernel.caller(self.pid);
            let (host, uid) = (caller.host, caller.cred.uid);
            let id = kernel.locals.last + 1;
            let key = (host, path.to_owned());
            let service = kernel.locals.services.get_mut(&key).ok_or(Errno::Econnrefused)?;
            service.waiting.push_back(LocalCall { id, from: self.pid, uid, bytes: bytes.into() });
            let owner = service.owner;
            kernel.locals.last = id;
            let asked = Asked { from: self.pid, service: owner, answer: None };
            kernel.locals.asked.insert(id, asked);
            kernel.wake(owner);
            id
        };
        poll_fn(|_| {
            let kernel = &mut *self.kernel.borrow_mut();
            let Some(asked) = kernel.locals.asked.get_mut(&id) else {
                return Poll::Ready(Err(Errno::Econnrefused));
            };
            let (answer, service) = (asked.answer.take(), asked.service);
            if answer.is_none() && kernel.is_alive(service) {
                return Poll::Pending;
            }
            kernel.locals.asked.remove(&id);
            Poll::Ready(answer.ok_or(Errno::Econnrefused))
        })
        .await
    }
}
