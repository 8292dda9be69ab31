//! Several things at once within one process.
//!
//! A process of the world is one future. A server has many connections and timers, so it runs
//! them as a [`Tasks`] list: whenever the process is woken every entry is polled, in order.
//! Nothing here waits by itself or knows the time.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

type Local = Pin<Box<dyn Future<Output = ()>>>;

/// Starts further tasks of the process it belongs to.
#[derive(Clone, Default)]
pub struct Spawner {
    new: Rc<RefCell<Vec<Local>>>,
    changed: Rc<Cell<bool>>,
}

impl std::fmt::Debug for Spawner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spawner")
    }
}

impl Spawner {
    /// A list without tasks.
    pub fn new() -> Spawner {
        Spawner::default()
    }

    /// Adds a task; it runs when the process is polled next.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.new.borrow_mut().push(Box::pin(task));
        self.changed.set(true);
    }

    /// Something changed that another task may wait for: all are polled once more.
    pub fn kick(&self) {
        self.changed.set(true);
    }

    /// Runs a future and every task that is spawned, until that future is done.
    pub async fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = std::pin::pin!(main);
        let mut tasks: Vec<Local> = Vec::new();
        poll_fn(|cx| {
            loop {
                self.changed.set(false);
                if let Poll::Ready(value) = main.as_mut().poll(cx) {
                    return Poll::Ready(value);
                }
                tasks.append(&mut self.new.borrow_mut());
                tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
                if !self.changed.get() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Waits until a condition holds; whoever makes it true calls [`Spawner::kick`].
pub async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    poll_fn(|_| look().map_or(Poll::Pending, Poll::Ready)).await
}
