//! Informers: a local copy of the objects of some kinds, kept by list and watch.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;
use sim::Sys;

use crate::client::Client;
use crate::resources::{Kind, named};
use crate::tasks::{Spawner, until};
use crate::value::{self, list, set, text};

type Objects = BTreeMap<String, Rc<Value>>;

/// The objects of some kinds.
#[derive(Clone)]
pub(crate) struct Informers {
    of: Rc<BTreeMap<&'static str, RefCell<Objects>>>,
    synced: Rc<RefCell<BTreeMap<&'static str, bool>>>,
    /// Counts what has changed.
    version: Rc<Cell<u64>>,
    spawner: Spawner,
}

impl Informers {
    /// Starts to follow these kinds.
    pub(crate) fn start(
        sys: &Sys,
        spawner: &Spawner,
        client: &Rc<Client>,
        kinds: &[&'static str],
    ) -> Informers {
        let informers = Informers {
            of: Rc::new(kinds.iter().map(|kind| (*kind, RefCell::default())).collect()),
            synced: Rc::default(),
            version: Rc::default(),
            spawner: spawner.clone(),
        };
        for kind in kinds.iter().copied() {
            let (informers, sys, client) = (informers.clone(), sys.clone(), client.clone());
            spawner.spawn(async move {
                loop {
                    informers.follow(&client, named(kind)).await;
                    sys.sleep_us(1_000_000).await;
                }
            });
        }
        informers
    }

    async fn follow(&self, client: &Client, kind: &'static Kind) {
        let path = kind.path("");
        let Ok(all) = client.get(&format!("{path}?resourceVersion=0")).await else { return };
        {
            let mut objects = self.of[kind.kind].borrow_mut();
            objects.clear();
            for item in list(&all, "items") {
                let mut item = item.clone();
                set(&mut item, "kind", kind.kind);
                set(&mut item, "apiVersion", kind.api_version());
                objects.insert(value::key(&item), Rc::new(item));
            }
        }
        self.synced.borrow_mut().insert(kind.kind, true);
        self.changed();
        let revision = text(&all, "metadata.resourceVersion");
        let path = format!("{path}?watch=true&resourceVersion={revision}&timeoutSeconds=480");
        let Ok(mut watch) = client.watch(&path).await else { return };
        while let Some((event, object)) = watch.next().await {
            let key = value::key(&object);
            match event.as_str() {
                "ADDED" | "MODIFIED" => {
                    self.of[kind.kind].borrow_mut().insert(key, Rc::new(object));
                }
                "DELETED" => drop(self.of[kind.kind].borrow_mut().remove(&key)),
                _ => return,
            }
            self.changed();
        }
    }

    fn changed(&self) {
        self.version.set(self.version.get() + 1);
        self.spawner.kick();
    }

    /// Takes in what a write was answered with, ahead of the watch.
    pub(crate) fn put(&self, kind: &str, object: &Value) {
        let version = |it: &Value| text(it, "metadata.resourceVersion").parse().unwrap_or(0_i64);
        let mut objects = self.of[kind].borrow_mut();
        let key = value::key(object);
        if objects.get(&key).is_none_or(|have| version(have) < version(object)) {
            objects.insert(key, Rc::new(object.clone()));
            drop(objects);
            self.changed();
        }
    }

    /// Forgets an object, ahead of the watch.
    pub(crate) fn drop(&self, kind: &str, key: &str) {
        if self.of[kind].borrow_mut().remove(key).is_some() {
            self.changed();
        }
    }

    /// Asks for another look.
    pub(crate) fn kick(&self) {
        self.changed();
    }

    /// Waits until every kind was listed.
    pub(crate) async fn synced(&self) {
        until(|| (self.synced.borrow().len() == self.of.len()).then_some(())).await;
    }

    /// How much has changed so far.
    pub(crate) fn version(&self) -> u64 {
        self.version.get()
    }

    /// Waits until something has changed since `version`.
    pub(crate) async fn change(&self, version: u64) {
        until(|| (self.version.get() != version).then_some(())).await;
    }

    /// The objects of a kind, sorted by namespace and name.
    pub(crate) fn all(&self, kind: &str) -> Vec<Rc<Value>> {
        self.of[kind].borrow().values().cloned().collect()
    }

    /// An object by namespace and name.
    pub(crate) fn get(&self, kind: &str, key: &str) -> Option<Rc<Value>> {
        self.of[kind].borrow().get(key).cloned()
    }
}
