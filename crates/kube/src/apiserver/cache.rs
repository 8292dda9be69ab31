//! The watch cache: one etcd watch for each kind, whose events go to every watcher of the API.
//!
//! It goes on where it was when its connection breaks. So a cache that has seen more than a
//! restored etcd holds stays as it was until etcd's revision has passed its own: in life, too,
//! that is why API servers are restarted after a restore.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use etcd::pb;
use etcd::rpc::{Answer, Op};
use serde_json::Value;

use super::failure::Failure;
use super::store::{Store, prefix_end};
use crate::resources::{KINDS, Kind};
use crate::tasks::Spawner;

/// Events kept for watchers that are behind.
const EVENTS_MAX: usize = 1000;

/// Something that happened to an object.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) revision: i64,
    /// As it is now; none when it was deleted.
    pub(crate) object: Option<Rc<Value>>,
    /// As it was; none when it is new.
    pub(crate) before: Option<Rc<Value>>,
}

#[derive(Default)]
struct Of {
    objects: BTreeMap<String, Rc<Value>>,
    events: VecDeque<Rc<Event>>,
    revision: i64,
    /// Nothing is known of what happened up to here.
    oldest: i64,
    ready: bool,
}

/// The caches of all kinds.
#[derive(Clone)]
pub(crate) struct Caches {
    of: Rc<Vec<RefCell<Of>>>,
    spawner: Spawner,
}

fn place(kind: &Kind) -> usize {
    KINDS.iter().position(|it| std::ptr::eq(it, kind)).expect("kinds are those of the table")
}

impl Caches {
    pub(crate) fn new(spawner: &Spawner) -> Caches {
        let of = KINDS.iter().map(|_| RefCell::default()).collect();
        Caches { of: Rc::new(of), spawner: spawner.clone() }
    }

    /// Starts to follow etcd.
    pub(crate) fn start(&self, store: &Store) {
        for kind in KINDS {
            let (caches, store) = (self.clone(), store.clone());
            self.spawner.spawn(async move {
                caches.follow(&store, kind).await;
            });
        }
    }

    /// Whether every kind was listed once.
    pub(crate) fn ready(&self) -> bool {
        self.of.iter().all(|of| of.borrow().ready)
    }

    async fn follow(&self, store: &Store, kind: &'static Kind) -> ! {
        let prefix = store.prefix(kind, "");
        let mut listed = false;
        loop {
            if !listed {
                listed = self.relist(store, kind).await;
            }
            if listed {
                listed = self.watch(store, kind, &prefix).await;
            }
            store.sys.sleep_us(1_000_000).await;
        }
    }

    async fn relist(&self, store: &Store, kind: &Kind) -> bool {
        let Ok(page) = store.list(kind, "", 0, None).await else { return false };
        let mut of = self.of[place(kind)].borrow_mut();
        let fresh = page.items.into_iter().map(|item| {
            let key = store.key(kind, crate::value::namespace(&item), crate::value::name(&item));
            (key, Rc::new(item))
        });
        of.objects = fresh.collect();
        of.events.clear();
        of.revision = page.revision;
        of.oldest = page.revision;
        of.ready = true;
        self.spawner.kick();
        true
    }

    /// Watches from where the cache is. False when it has to be filled anew.
    async fn watch(&self, store: &Store, kind: &Kind, prefix: &str) -> bool {
        let from = self.of[place(kind)].borrow().revision + 1;
        let create = pb::WatchCreateRequest {
            key: prefix.to_owned().into(),
            range_end: prefix_end(prefix),
            start_revision: from,
            ..Default::default()
        };
        let op = Op::WatchCreate { create, require_leader: true };
        let Ok(stream) = store.etcd.open(op, None).await else { return true };
        while let Some(answer) = stream.next().await {
            match answer {
                Ok(Answer::Watch(watch)) if watch.compact_revision > 0 => return false,
                Ok(Answer::Watch(watch)) if watch.canceled => return true,
                Ok(Answer::Watch(watch)) => {
                    for event in watch.events {
                        self.take(store, kind, event);
                    }
                    self.spawner.kick();
                }
                Ok(_) => {}
                Err(_) => return true,
            }
        }
        true
    }

    fn take(&self, store: &Store, kind: &Kind, event: pb::Event) {
        let Some(kv) = event.kv else { return };
        let key = String::from_utf8_lossy(&kv.key).into_owned();
        let deleted = event.r#type == pb::EventType::Delete as i32;
        let object = match deleted {
            true => None,
            // What nobody can read does not reach watchers, and is kept out of the cache.
            false => store.decode(kind, &kv).ok().map(Rc::new),
        };
        let mut of = self.of[place(kind)].borrow_mut();
        let before = match &object {
            Some(object) => of.objects.insert(key, object.clone()),
            None => of.objects.remove(&key),
        };
        of.revision = of.revision.max(kv.mod_revision);
        if of.events.len() == EVENTS_MAX
            && let Some(old) = of.events.pop_front()
        {
            of.oldest = old.revision;
        }
        let revision = kv.mod_revision;
        of.events.push_back(Rc::new(Event { revision, object, before }));
    }

    /// Everything, and the revision of it.
    pub(crate) fn all(&self, kind: &Kind) -> Result<(Vec<Rc<Value>>, i64), Failure> {
        let of = self.of[place(kind)].borrow();
        if !of.ready {
            return Err(Failure::not_ready());
        }
        Ok((of.objects.values().cloned().collect(), of.revision))
    }

    /// Whether the events after a revision are still known.
    pub(crate) fn reaches(&self, kind: &Kind, revision: i64) -> Result<(), Failure> {
        let of = self.of[place(kind)].borrow();
        if !of.ready {
            return Err(Failure::not_ready());
        }
        if revision < of.oldest { Err(Failure::expired(revision, of.oldest)) } else { Ok(()) }
    }

    /// The events after a revision; none where there are none (yet). The error: they are no
    /// longer known.
    pub(crate) fn after(
        &self,
        kind: &Kind,
        revision: i64,
    ) -> Option<Result<Vec<Rc<Event>>, Failure>> {
        let of = self.of[place(kind)].borrow();
        if revision < of.oldest {
            return Some(Err(Failure::expired(revision, of.oldest)));
        }
        let from = of.events.partition_point(|event| event.revision <= revision);
        if from == of.events.len() {
            return None;
        }
        Some(Ok(of.events.iter().skip(from).cloned().collect()))
    }
}
