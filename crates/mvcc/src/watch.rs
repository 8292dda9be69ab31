//! Watches: who wants to hear of which keys, and what has not been fetched yet.
//!
//! A watcher is *synced* (it hears of each transaction as it ends), *unsynced* (it reads history
//! first, [`Store::watch_sync`]) or a *victim*: the buffer of its stream was full, and one batch
//! waits for room. The events of one revision always come in one batch.

use std::collections::VecDeque;

use bytes::Bytes;
use flat::{Map, Set};

use crate::Error;
use crate::group::Group;
use crate::index::Span;
use crate::pb::{Event, EventType, WatchCreateRequest, WatchFilter};
use crate::record;
use crate::revision::Revision;
use crate::store::Store;

/// How many batches wait for a client before its watchers become victims.
pub const STREAM_BUFFER: usize = 128;
/// The watch id of a progress notice for every watcher of a stream.
pub const PROGRESS_ALL: i64 = -1;

/// How many watchers one round of reading history serves.
const SYNC_WATCHERS_MAX: usize = 512;
/// How many revisions a batch of history spans.
const BATCH_REVISIONS_MAX: u32 = 1000;

/// A client's watch stream; chosen by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// A watcher: its stream, and its id there as the client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatcherId {
    /// The stream.
    pub stream: StreamId,
    /// The watch id.
    pub watch: i64,
}

/// What a client is told in one response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WatchBatch {
    /// The events; none in a progress notice and in a cancellation.
    pub events: Vec<Event>,
    /// The revision for the header.
    pub revision: i64,
    /// When not 0, the watcher is cancelled because it asked for less than this revision.
    pub compacted: i64,
}

/// Events on their way to one watcher, before its filters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    events: Vec<Event>,
    revisions: u32,
    /// The first revision that did not fit; 0 when all did.
    more: i64,
}

impl Pending {
    fn push(&mut self, event: &Event, with_previous: bool) {
        if self.more != 0 {
            return;
        }
        let rev = mod_revision(event);
        if self.events.last().is_none_or(|last| mod_revision(last) < rev) {
            if self.revisions == BATCH_REVISIONS_MAX {
                self.more = rev;
                return;
            }
            self.revisions += 1;
        }
        self.events.push(told(event, with_previous));
    }
}

/// An event as one watcher hears of it.
fn told(event: &Event, with_previous: bool) -> Event {
    let prev_kv = event.prev_kv.as_ref().filter(|_| with_previous).cloned();
    Event { r#type: event.r#type, kv: event.kv.clone(), prev_kv }
}

fn mod_revision(event: &Event) -> i64 {
    event.kv.as_ref().map_or(0, |kv| kv.mod_revision)
}

#[derive(Clone, Debug)]
struct Watcher {
    span: Span,
    start: i64,
    /// The first revision it has not been told of.
    next: i64,
    no_put: bool,
    no_delete: bool,
    prev_kv: bool,
}

impl Watcher {
    fn wants(&self, event: &Event) -> bool {
        match event.r#type() {
            EventType::Put => !self.no_put,
            EventType::Delete => !self.no_delete,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Stream {
    next_id: i64,
    /// Every id not cancelled by the client.
    ids: Set<i64>,
    queue: VecDeque<(WatcherId, WatchBatch)>,
}

/// All watchers of a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct WatchHub {
    streams: Map<StreamId, Stream>,
    watchers: Map<WatcherId, Watcher>,
    synced: Group,
    unsynced: Group,
    victims: Map<WatcherId, Pending>,
    last_chosen: Option<WatcherId>,
    /// Streams with something in their queue.
    ready: Set<StreamId>,
}

impl WatchHub {
    /// Whether a synced watcher would hear of a change of the key.
    pub(crate) fn is_watched(&self, key: &[u8]) -> bool {
        self.synced.matches(key)
    }

    /// Puts a batch into a stream's queue; false when there is no room.
    fn push(&mut self, id: WatcherId, batch: WatchBatch) -> bool {
        let Some(stream) = self.streams.get_mut(&id.stream) else { return true };
        if stream.queue.len() >= STREAM_BUFFER {
            return false;
        }
        stream.queue.push_back((id, batch));
        self.ready.insert(id.stream);
        true
    }

    /// Sends events through the watcher's filters. Without room they come back.
    fn send(&mut self, id: WatcherId, pending: Pending, revision: i64) -> Result<(), Pending> {
        let watcher = &self.watchers[&id];
        if !pending.events.iter().any(|event| watcher.wants(event)) {
            return Ok(());
        }
        if self.streams.get(&id.stream).is_some_and(|s| s.queue.len() >= STREAM_BUFFER) {
            return Err(pending);
        }
        let mut events = pending.events;
        events.retain(|event| watcher.wants(event));
        self.push(id, WatchBatch { events, revision, compacted: 0 });
        Ok(())
    }

    /// Tells the synced watchers of the transaction that ended at `revision`.
    pub(crate) fn notify(&mut self, revision: i64, events: &[Event]) {
        if let [event] = events {
            return self.notify_of_one(revision, event);
        }
        let mut batches: Map<WatcherId, Pending> = Map::new();
        for event in events {
            let Some(kv) = &event.kv else { continue };
            for id in self.synced.watching(&kv.key) {
                let watcher = &self.watchers[&id];
                if revision >= watcher.next {
                    batches.entry(id).or_default().push(event, watcher.prev_kv);
                }
            }
        }
        for (id, pending) in batches {
            let outcome = self.send(id, pending, revision);
            let watcher = self.watchers.get_mut(&id).expect("it is synced");
            watcher.next = revision + 1;
            if let Err(pending) = outcome {
                self.synced.remove(id, &watcher.span);
                self.victims.insert(id, pending);
            }
        }
    }

    /// The same for what most transactions are: nothing has to be gathered.
    fn notify_of_one(&mut self, revision: i64, event: &Event) {
        let Some(kv) = &event.kv else { return };
        let mut ids: Vec<WatcherId> = self.synced.watching(&kv.key).collect();
        if !ids.is_sorted() {
            flat::sort(&mut ids);
        }
        for id in ids {
            let watcher = self.watchers.get_mut(&id).expect("it is synced");
            if revision < watcher.next {
                continue;
            }
            watcher.next = revision + 1;
            if !watcher.wants(event) {
                continue;
            }
            let events = vec![told(event, watcher.prev_kv)];
            let Some(stream) = self.streams.get_mut(&id.stream) else { continue };
            if stream.queue.len() < STREAM_BUFFER {
                stream.queue.push_back((id, WatchBatch { events, revision, compacted: 0 }));
                self.ready.insert(id.stream);
            } else {
                self.synced.remove(id, &watcher.span);
                self.victims.insert(id, Pending { events, revisions: 1, more: 0 });
            }
        }
    }

    /// The history was replaced: everybody looks for what they have not seen.
    pub(crate) fn restored(&mut self) {
        for id in std::mem::take(&mut self.synced).ids() {
            self.unsynced.add(id, &self.watchers[&id].span);
        }
    }

    /// Chooses unsynced watchers for a round of reading history and cancels those among them that
    /// ask for what is compacted.
    fn choose(&mut self, compacted: i64) -> Round {
        let mut round = Round { group: Group::default(), batches: Map::new(), from: i64::MAX };
        let chosen = self.unsynced.round_robin(self.last_chosen, SYNC_WATCHERS_MAX);
        self.last_chosen = chosen.last().copied();
        for id in chosen {
            let watcher = self.watchers[&id].clone();
            if watcher.next >= compacted {
                round.from = round.from.min(watcher.next);
                round.group.add(id, &watcher.span);
                continue;
            }
            // Without room in the queue it is tried again in a later round.
            if self.push(id, WatchBatch { compacted, ..WatchBatch::default() }) {
                self.unsynced.remove(id, &watcher.span);
                self.watchers.remove(&id);
            }
        }
        round
    }

    /// Sends what a round found and sorts its watchers anew.
    fn finish(&mut self, mut round: Round, current: i64) {
        for id in round.group.ids() {
            let pending = round.batches.remove(&id);
            let more = pending.as_ref().map_or(0, |pending| pending.more);
            let outcome = pending.map_or(Ok(()), |pending| self.send(id, pending, current));
            let watcher = self.watchers.get_mut(&id).expect("it is unsynced");
            watcher.next = if more == 0 { watcher.next.max(current + 1) } else { more };
            match outcome {
                Err(pending) => {
                    self.unsynced.remove(id, &watcher.span);
                    self.victims.insert(id, pending);
                }
                Ok(()) if more == 0 => {
                    self.unsynced.remove(id, &watcher.span);
                    self.synced.add(id, &watcher.span);
                }
                Ok(()) => {}
            }
        }
    }

    /// Offers the batches of a stream's victims again.
    fn move_victims(&mut self, stream: StreamId, current: i64) {
        let first = WatcherId { stream, watch: i64::MIN };
        let last = WatcherId { stream, watch: i64::MAX };
        let ids: Vec<_> = self.victims.range(first..=last).map(|(id, _)| *id).collect();
        for id in ids {
            let pending = self.victims.remove(&id).expect("it was just listed");
            let seen = self.watchers[&id].next - 1;
            if let Err(pending) = self.send(id, pending, seen) {
                self.victims.insert(id, pending);
                return;
            }
            let watcher = &self.watchers[&id];
            if watcher.next <= current {
                self.unsynced.add(id, &watcher.span);
            } else {
                self.synced.add(id, &watcher.span);
            }
        }
    }

    fn drain(
        &mut self,
        stream: StreamId,
        max: usize,
        current: i64,
    ) -> Vec<(WatcherId, WatchBatch)> {
        let waiting = self.streams.get(&stream).map_or(0, |state| state.queue.len());
        let mut drained = Vec::with_capacity(waiting.min(max));
        while drained.len() < max
            && let Some(state) = self.streams.get_mut(&stream)
            && let Some(item) = state.queue.pop_front()
        {
            drained.push(item);
            if !self.victims.is_empty() {
                self.move_victims(stream, current);
            }
        }
        if self.streams.get(&stream).is_none_or(|state| state.queue.is_empty()) {
            self.ready.remove(&stream);
        }
        drained
    }

    fn forget(&mut self, id: WatcherId) {
        if let Some(watcher) = self.watchers.remove(&id) {
            self.synced.remove(id, &watcher.span);
            self.unsynced.remove(id, &watcher.span);
            self.victims.remove(&id);
        }
    }
}

/// One round of reading history: the watchers it is for and what it found for each.
struct Round {
    group: Group,
    batches: Map<WatcherId, Pending>,
    from: i64,
}

impl Round {
    /// Whether every watcher has as much as one batch may hold.
    fn is_full(&self) -> bool {
        self.batches.len() == self.group.len() && self.batches.values().all(|p| p.more != 0)
    }
}

/// Watches. A stream comes into being with its first watcher.
impl Store {
    /// Adds a watcher. The answer is its id on the stream: the one asked for, or the next free one
    /// when that is 0. A start of 0 means from now on.
    pub fn watch_create(
        &mut self,
        stream: StreamId,
        request: &WatchCreateRequest,
    ) -> Result<WatcherId, Error> {
        if request.start_revision < 0 {
            return Err(Error::Compacted);
        }
        let smallest = Bytes::from_static(b"\0");
        let key = if request.key.is_empty() { &smallest } else { &request.key };
        let span = Span::new(key, &request.range_end);
        if matches!(&span, Span::Until(key, end) if key >= end) {
            return Err(Error::EmptyWatchRange);
        }
        let state = self.hub.streams.entry(stream).or_default();
        let mut watch = request.watch_id;
        if watch == 0 {
            while state.ids.contains(&state.next_id) {
                state.next_id += 1;
            }
            watch = state.next_id;
            state.next_id += 1;
        } else if state.ids.contains(&watch) {
            return Err(Error::DuplicateWatchId);
        }
        state.ids.insert(watch);
        let id = WatcherId { stream, watch };
        let start = request.start_revision;
        let synced = start == 0 || start > self.revision;
        let has = |filter: WatchFilter| request.filters.contains(&filter.into());
        let watcher = Watcher {
            span,
            start,
            next: if synced { start.max(self.revision + 1) } else { start },
            no_put: has(WatchFilter::NoPut),
            no_delete: has(WatchFilter::NoDelete),
            prev_kv: request.prev_kv,
        };
        let group = if synced { &mut self.hub.synced } else { &mut self.hub.unsynced };
        group.add(id, &watcher.span);
        self.hub.watchers.insert(id, watcher);
        Ok(id)
    }

    /// Ends a watcher; what waits for it is dropped.
    pub fn watch_cancel(&mut self, id: WatcherId) -> Result<(), Error> {
        let stream = self.hub.streams.get_mut(&id.stream).ok_or(Error::WatcherNotFound)?;
        if !stream.ids.remove(&id.watch) {
            return Err(Error::WatcherNotFound);
        }
        stream.queue.retain(|(other, _)| *other != id);
        self.hub.forget(id);
        Ok(())
    }

    /// Ends a stream with all its watchers.
    pub fn watch_close(&mut self, stream: StreamId) {
        let Some(state) = self.hub.streams.remove(&stream) else { return };
        self.hub.ready.remove(&stream);
        for watch in state.ids {
            self.hub.forget(WatcherId { stream, watch });
        }
    }

    /// One round of reading history for up to 512 unsynced watchers. etcd does one every 100 ms,
    /// and the next at once while this answers true.
    pub fn watch_sync(&mut self) -> bool {
        let before = self.hub.unsynced.len();
        if before == 0 {
            return false;
        }
        let mut round = self.hub.choose(self.compacted);
        self.read_history(&mut round);
        self.hub.finish(round, self.revision);
        let after = self.hub.unsynced.len();
        after != 0 && after < before
    }

    fn read_history(&self, round: &mut Round) {
        for stored in self.backend.scan(Revision { main: round.from, sub: 0 }) {
            let mut kv = record::decode(stored.value).expect("opening the store decoded it");
            if !round.group.matches(&kv.key) {
                continue;
            }
            kv.mod_revision = stored.rev.main;
            let kind = if stored.tombstone { EventType::Delete } else { EventType::Put };
            let is_create = !stored.tombstone && kv.create_revision == kv.mod_revision;
            let mut event = Event { r#type: kind.into(), kv: None, prev_kv: None };
            let key = kv.key.clone();
            let ids: Vec<_> = round.group.watching(&key).collect();
            if !is_create && ids.iter().any(|id| self.hub.watchers[id].prev_kv) {
                event.prev_kv = self.value_at(&key, stored.rev.main - 1);
            }
            event.kv = Some(kv);
            for id in ids {
                let watcher = &self.hub.watchers[&id];
                if stored.rev.main >= watcher.next {
                    round.batches.entry(id).or_default().push(&event, watcher.prev_kv);
                }
            }
            if round.is_full() {
                return;
            }
        }
    }

    /// How many watchers have history to read.
    pub fn watch_unsynced(&self) -> usize {
        self.hub.unsynced.len()
    }

    /// How many watchers there are.
    pub fn watch_count(&self) -> usize {
        self.hub.watchers.len()
    }

    /// Queues a progress notice for a watcher, if it has nothing to catch up with.
    pub fn watch_progress(&mut self, id: WatcherId) -> bool {
        let synced = self.has_seen_all(id);
        if synced {
            self.hub.push(id, WatchBatch { revision: self.revision, ..WatchBatch::default() });
        }
        synced
    }

    /// Queues one progress notice, of id [`PROGRESS_ALL`], for all watchers of a stream, if none
    /// has anything to catch up with.
    pub fn watch_progress_all(&mut self, stream: StreamId) -> bool {
        let Some(state) = self.hub.streams.get(&stream) else { return true };
        let mut ids = state.ids.iter().map(|watch| WatcherId { stream, watch: *watch });
        if !ids.all(|id| self.has_seen_all(id)) {
            return false;
        }
        if !state.ids.is_empty() {
            let id = WatcherId { stream, watch: PROGRESS_ALL };
            self.hub.push(id, WatchBatch { revision: self.revision, ..WatchBatch::default() });
        }
        true
    }

    fn has_seen_all(&self, id: WatcherId) -> bool {
        self.hub.synced.contains(id) && self.hub.watchers[&id].start <= self.revision
    }

    /// The streams for which something waits.
    pub fn watch_ready(&self) -> Vec<StreamId> {
        self.hub.ready.iter().copied().collect()
    }

    /// Takes up to `max` batches of one stream, in order. A caller whose client does not read
    /// leaves them: after [`STREAM_BUFFER`] the watchers become victims and memory stays bounded.
    pub fn drain_stream(&mut self, stream: StreamId, max: usize) -> Vec<(WatcherId, WatchBatch)> {
        self.hub.drain(stream, max, self.revision)
    }

    /// Takes up to `max` batches of all streams, stream by stream.
    pub fn drain_watch(&mut self, max: usize) -> Vec<(WatcherId, WatchBatch)> {
        let ready = self.watch_ready();
        if let [only] = ready[..] {
            return self.drain_stream(only, max);
        }
        let mut drained = Vec::new();
        for stream in ready {
            drained.extend(self.drain_stream(stream, max - drained.len()));
        }
        drained
    }
}
