//! What a judge need not work out anew at every look: files and objects that have not changed
//! since they were last read, and what was so when the exercise began.
//!
//! Everything in it follows from the world: who forgets it all comes to the same answers, only
//! later. The exception is what was there at the first look.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bolt::{Db, FileBytes};
use bytes::Bytes;
use etcd::pb::{KeyValue, RangeRequest};
use mvcc::Store;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sim::{HostId, Pid, ProcInfo, ProcState, Serving, World};

/// bbolt's files are whole blocks; a snapshot has a checksum behind them.
const BLOCK_BYTES: usize = 512;
const CHECKSUM_BYTES: usize = 32;

/// What tells that a file was not changed: inode, length, time.
type Stamp = (u32, u64, u64);

type Place = (HostId, String);

/// What was read of files, with what tells that they are the same still.
type Read<T> = RefCell<BTreeMap<Place, (Stamp, T)>>;

/// An object with the revision of its last change.
type Object = (i64, Rc<Value>);

/// A snapshot that was read.
pub(super) struct SnapshotFile {
    pub(super) store: Store,
    pub(super) written_us: u64,
}

impl SnapshotFile {
    /// The pair of a key, if the snapshot has it.
    pub(super) fn get(&self, key: &str) -> Option<KeyValue> {
        let request = RangeRequest { key: key.to_owned().into(), ..RangeRequest::default() };
        self.store.range(&request).ok()?.kvs.into_iter().next()
    }
}

/// What is remembered from look to look.
#[derive(Default)]
pub(super) struct Memo {
    snapshots: Read<Option<Rc<SnapshotFile>>>,
    first_snapshots: RefCell<BTreeMap<Place, Option<Rc<SnapshotFile>>>>,
    first_files: RefCell<BTreeMap<Place, Option<Bytes>>>,
    texts: Read<Rc<Result<Value, String>>>,
    objects: RefCell<BTreeMap<(Pid, Bytes), Object>>,
}

/// What one look has found so far.
#[derive(Default)]
pub(super) struct Scene {
    procs: RefCell<BTreeMap<HostId, Rc<Vec<ProcInfo>>>>,
    pub(super) api_store: OnceCell<Option<Serving>>,
}

impl Scene {
    /// The processes of a host that live.
    pub(super) fn procs(&self, world: &World, host: HostId) -> Rc<Vec<ProcInfo>> {
        let mut all = self.procs.borrow_mut();
        let read = || {
            let mut procs = world.ps(host);
            procs.retain(|proc| proc.state != ProcState::Zombie);
            Rc::new(procs)
        };
        all.entry(host).or_insert_with(read).clone()
    }
}

fn stamp(world: &World, host: HostId, path: &str) -> Option<Stamp> {
    let stat = world.stat(host, path).ok().filter(sim::Stat::is_file)?;
    Some((stat.ino, stat.size, stat.mtime_us))
}

impl Memo {
    /// The snapshot in a file, if it is a whole one.
    pub(super) fn snapshot(
        &self,
        world: &World,
        host: HostId,
        path: &str,
    ) -> Option<Rc<SnapshotFile>> {
        let place = (host, path.to_owned());
        let now = stamp(world, host, path)?;
        if let Some((then, read)) = self.snapshots.borrow().get(&place)
            && *then == now
        {
            return read.clone();
        }
        let bytes = world.read_file(host, path).ok()?;
        let written_us = world.now_us().saturating_sub(world.wall_us(host).saturating_sub(now.2));
        let read = read_snapshot(&bytes).map(|store| Rc::new(SnapshotFile { store, written_us }));
        self.snapshots.borrow_mut().insert(place, (now, read.clone()));
        read
    }

    /// The same as the file was at the first look.
    pub(super) fn first_snapshot(
        &self,
        world: &World,
        host: HostId,
        path: &str,
    ) -> Option<Rc<SnapshotFile>> {
        let place = (host, path.to_owned());
        if let Some(first) = self.first_snapshots.borrow().get(&place) {
            return first.clone();
        }
        let first = self.snapshot(world, host, path);
        self.first_snapshots.borrow_mut().insert(place, first.clone());
        first
    }

    /// Whether a file is what it was at the first look.
    pub(super) fn is_unchanged(&self, world: &World, host: HostId, path: &str) -> bool {
        let now = world.read_file(host, path).ok();
        let mut firsts = self.first_files.borrow_mut();
        *firsts.entry((host, path.to_owned())).or_insert_with(|| now.clone()) == now
    }

    /// What a file says, read by `read` when it has changed; none where there is no file.
    pub(super) fn text(
        &self,
        world: &World,
        host: HostId,
        path: &str,
        read: impl FnOnce(&str) -> Result<Value, String>,
    ) -> Option<Rc<Result<Value, String>>> {
        let place = (host, path.to_owned());
        let now = stamp(world, host, path)?;
        if let Some((then, said)) = self.texts.borrow().get(&place)
            && *then == now
        {
            return Some(said.clone());
        }
        let bytes = world.read_file(host, path).ok()?;
        let said = Rc::new(read(&String::from_utf8_lossy(&bytes)));
        self.texts.borrow_mut().insert(place, (now, said.clone()));
        Some(said)
    }

    /// The object a member holds under a key; null for what is no JSON, such as what was
    /// encrypted.
    pub(super) fn object(&self, member: Pid, pair: &KeyValue) -> Rc<Value> {
        let place = (member, pair.key.clone());
        let mut objects = self.objects.borrow_mut();
        if let Some((revision, object)) = objects.get(&place)
            && *revision == pair.mod_revision
        {
            return object.clone();
        }
        let object = Rc::new(serde_json::from_slice(&pair.value).unwrap_or_default());
        objects.insert(place, (pair.mod_revision, Rc::clone(&object)));
        object
    }
}

/// The store in a snapshot whose checksum and pages are right.
fn read_snapshot(bytes: &Bytes) -> Option<Store> {
    if bytes.len() % BLOCK_BYTES != CHECKSUM_BYTES {
        return None;
    }
    let database = bytes.slice(..bytes.len() - CHECKSUM_BYTES);
    let checksum = Sha256::digest(&database);
    if checksum[..] != bytes[database.len()..] {
        return None;
    }
    let file = FileBytes(database);
    if !bolt::check(&file).is_empty() {
        return None;
    }
    Store::open(Db::open(&file).ok()?).ok()
}
