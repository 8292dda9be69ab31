//! Watch streams of clients: what they ask, what they are told, and when they are ended.
//!
//! The watchers themselves live in the store; here a stream is a client's call.

use flat::Map;
use mvcc::{PROGRESS_ALL, StreamId, WatchBatch, WatcherId};

use crate::fact::RequestKey;
use crate::fail::Fail;
use crate::member::Member;
use crate::pb;
use crate::rpc::{Answer, Reply};

/// Watchers that ask for history are served in rounds.
const SYNC_US: u64 = 100_000;
/// A stream that requires a leader is ended after so many election timeouts without one.
const MAX_NO_LEADER: u64 = 3;

#[derive(Debug)]
struct Stream {
    id: StreamId,
    require_leader: bool,
    /// Watchers that want to hear from time to time that nothing happened, and when next.
    progress: Map<i64, u64>,
}

/// The watch streams, and the open keep-alive streams.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    by_key: Map<RequestKey, Stream>,
    by_id: Map<StreamId, RequestKey>,
    next_id: u64,
    no_leader_checks: u64,
    check_leader_us: u64,
}

impl Member {
    /// Opens a stream with its first watcher, or adds a watcher to it.
    pub(crate) fn watch(
        &mut self,
        key: RequestKey,
        request: &pb::WatchCreateRequest,
        token: &str,
        require_leader: bool,
    ) {
        if !self.streams.by_key.contains_key(&key) {
            if require_leader && self.node.leader().is_none() {
                self.answer(key, Err(Fail::NoLeader));
                return;
            }
            self.streams.next_id += 1;
            let id = StreamId(self.streams.next_id);
            self.streams.by_id.insert(id, key);
            let stream = Stream { id, require_leader, progress: Map::new() };
            self.streams.by_key.insert(key, stream);
        }
        if let Err(fail) = self.may_watch(key, token, request) {
            self.refuse_watch(key, &fail);
            return;
        }
        let Some(stream) = self.streams.by_key.get_mut(&key) else { return };
        let created = self.store.watch_create(stream.id, request);
        if let (Ok(watcher), true) = (&created, request.progress_notify) {
            let due_us = self.now.mono_us + self.config.watch_progress_notify_us;
            stream.progress.insert(watcher.watch, due_us);
        }
        let mut response = pb::WatchResponse {
            header: Some(self.header()),
            created: true,
            ..pb::WatchResponse::default()
        };
        match created {
            Ok(watcher) => response.watch_id = watcher.watch,
            Err(error) => {
                response.watch_id = -1;
                response.canceled = true;
                response.cancel_reason = error.to_string();
            }
        }
        self.answer_more(key, Answer::Watch(response));
        if self.store.watch_unsynced() > 0 {
            self.timers.watch_sync_us = self.timers.watch_sync_us.min(self.now.mono_us);
            self.sync_watches();
        }
    }

    /// Created and cancelled in one: the reason is gRPC's whole error in Go's words.
    fn refuse_watch(&mut self, key: RequestKey, fail: &Fail) {
        let status = fail.status(self.config.release);
        let response = pb::WatchResponse {
            header: Some(self.header()),
            watch_id: -1,
            created: true,
            canceled: true,
            cancel_reason: format!("rpc error: code = {} desc = {}", status.code, status.message),
            ..pb::WatchResponse::default()
        };
        self.answer_more(key, Answer::Watch(response));
    }

    pub(crate) fn cancel_watch(&mut self, key: RequestKey, watch: i64) {
        let Some(stream) = self.streams.by_key.get_mut(&key) else { return };
        stream.progress.remove(&watch);
        if self.store.watch_cancel(WatcherId { stream: stream.id, watch }).is_ok() {
            let response = pb::WatchResponse {
                header: Some(self.header()),
                watch_id: watch,
                canceled: true,
                ..pb::WatchResponse::default()
            };
            self.answer_more(key, Answer::Watch(response));
        }
    }

    pub(crate) fn watch_progress(&mut self, key: RequestKey) {
        if let Some(stream) = self.streams.by_key.get(&key) {
            self.store.watch_progress_all(stream.id);
        }
    }

    /// Ends streams without a word: their clients are gone.
    pub(crate) fn close_streams(&mut self, gone: impl Fn(&RequestKey) -> bool) {
        let keys: Vec<RequestKey> =
            self.streams.by_key.keys().filter(|key| gone(key)).copied().collect();
        for key in keys {
            self.close_stream(key);
        }
    }

    fn close_stream(&mut self, key: RequestKey) {
        if let Some(stream) = self.streams.by_key.remove(&key) {
            self.streams.by_id.remove(&stream.id);
            self.store.watch_close(stream.id);
        }
    }

    pub(crate) fn end_all_streams(&mut self, fail: &Fail) {
        let keys: Vec<RequestKey> = self.streams.by_key.keys().copied().collect();
        for key in keys {
            self.close_stream(key);
            self.answer(key, Err(fail.clone()));
        }
    }

    /// Reads history for the watchers that asked for it.
    pub(crate) fn sync_watches(&mut self) {
        let now_us = self.now.mono_us;
        if now_us < self.timers.watch_sync_us {
            return;
        }
        while self.store.watch_sync() {}
        let more = self.store.watch_unsynced() > 0;
        self.timers.watch_sync_us = if more { now_us + SYNC_US } else { u64::MAX };
    }

    /// Sends what waits for the clients.
    pub(crate) fn send_watches(&mut self) {
        for (watcher, batch) in self.store.drain_watch(usize::MAX) {
            self.send_batch(watcher, batch);
        }
        if self.timers.watch_sync_us == u64::MAX && self.store.watch_unsynced() > 0 {
            self.timers.watch_sync_us = self.now.mono_us + SYNC_US;
        }
    }

    fn send_batch(&mut self, watcher: WatcherId, batch: WatchBatch) {
        let Some(key) = self.streams.by_id.get(&watcher.stream).copied() else { return };
        let header = Some(self.header_at(batch.revision));
        let interval_us = self.config.watch_progress_notify_us;
        let due_us = self.now.mono_us + interval_us;
        if let Some(stream) = self.streams.by_key.get_mut(&key)
            && watcher.watch != PROGRESS_ALL
            && let Some(next_us) = stream.progress.get_mut(&watcher.watch)
        {
            *next_us = due_us;
        }
        let canceled = batch.compacted != 0;
        if canceled {
            let _ = self.store.watch_cancel(watcher);
        }
        let response = pb::WatchResponse {
            header,
            watch_id: watcher.watch,
            canceled,
            compact_revision: batch.compacted,
            events: batch.events,
            ..pb::WatchResponse::default()
        };
        let result = Ok(Answer::Watch(response));
        self.out.replies.push(Reply { conn: key.conn, call: key.call, result, done: false });
    }

    /// With every tick: streams that miss a leader, watchers that want a sign of life.
    pub(crate) fn check_streams(&mut self) {
        if self.streams.by_key.is_empty() {
            return;
        }
        let now_us = self.now.mono_us;
        let due = self.streams.by_key.values().flat_map(|stream| {
            let late = stream.progress.iter().filter(|(_, due_us)| **due_us <= now_us);
            late.map(|(watch, _)| WatcherId { stream: stream.id, watch: *watch })
        });
        let due: Vec<WatcherId> = due.collect();
        for watcher in due {
            self.store.watch_progress(watcher);
        }
        if now_us < self.streams.check_leader_us {
            return;
        }
        self.streams.check_leader_us = now_us + self.election_us();
        if self.node.leader().is_some() {
            self.streams.no_leader_checks = 0;
            return;
        }
        self.streams.no_leader_checks += 1;
        if self.streams.no_leader_checks >= MAX_NO_LEADER {
            let lost = self.streams.by_key.iter().filter(|(_, stream)| stream.require_leader);
            let lost: Vec<RequestKey> = lost.map(|(key, _)| *key).collect();
            for key in lost {
                self.close_stream(key);
                self.answer(key, Err(Fail::NoLeader));
            }
        }
    }
}
