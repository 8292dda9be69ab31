//! The executor: one future for each process, run when it is woken, in the order of waking.
//!
//! Wakers are plain ones of the standard library; they put the process on a queue. Nothing
//! here knows the time or the outside: what wakes a task are events of the world and other
//! tasks.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Wake};

use crate::ids::Pid;
use crate::sys::Sys;

/// The code of a process on its way.
pub type Task = Pin<Box<dyn Future<Output = i32>>>;

/// A program: what it does with the system it is given, and its exit code.
pub type Program = fn(Sys) -> Task;

/// A program that an executable file can name.
#[derive(Clone, Copy, Debug)]
pub struct ProgramEntry {
    /// Its name.
    pub name: &'static str,
    /// Its code.
    pub run: Program,
}

/// The programs of a world.
pub type ProgramTable = &'static [ProgramEntry];

/// Processes that were woken, first come first served.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadyQueue {
    pids: Arc<Mutex<VecDeque<Pid>>>,
}

impl ReadyQueue {
    /// The world has one thread: the lock is there only because a waker has to be `Send`.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Pid>> {
        self.pids.lock().expect("no holder of the lock can panic")
    }

    pub(crate) fn pop(&self) -> Option<Pid> {
        self.lock().pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(crate) fn waker(&self, pid: Pid) -> Arc<TaskWaker> {
        Arc::new(TaskWaker { pid, queued: AtomicBool::new(false), queue: self.clone() })
    }
}

/// Puts one process on the queue, once.
#[derive(Debug)]
pub(crate) struct TaskWaker {
    pid: Pid,
    queued: AtomicBool,
    queue: ReadyQueue,
}

impl TaskWaker {
    pub(crate) fn push(&self) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.queue.lock().push_back(self.pid);
        }
    }

    /// The process was taken from the queue: from now on it can be woken again.
    pub(crate) fn taken(&self) {
        self.queued.store(false, Ordering::Relaxed);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.push();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.push();
    }
}

/// The result of the one of two that was done first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The second.
    Right(B),
}

/// Waits for the first of two; the other is dropped. When both are ready the first wins.
pub async fn race<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let mut a = pin!(a);
    let mut b = pin!(b);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(result) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::Left(result));
        }
        b.as_mut().poll(cx).map(Either::Right)
    })
    .await
}
