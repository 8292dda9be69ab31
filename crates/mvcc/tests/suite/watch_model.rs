//! Random watchers against the list of everything that happened.

use std::collections::BTreeMap;

use bytes::Bytes;
use mvcc::pb::{Event, EventType, KeyValue, WatchCreateRequest, request_op::Request};
use mvcc::{Store, StreamId, WatcherId};

use crate::naive::Naive;
use crate::{Random, delete, op, put, reopen, then};

/// Long cases, in which much is compacted, and short ones.
const LONG: (std::ops::Range<u64>, u64) = (0..30, 500);
const SHORT: (std::ops::Range<u64>, u64) = (1000..2970, 50);
const KEYS: [&str; 6] = ["a", "aa", "b", "ba", "c", "d"];
const RANGES: [(&str, &str); 7] =
    [("a", ""), ("b", ""), ("a", "b"), ("aa", "c"), ("b", "\0"), ("\0", "\0"), ("zz", "\0")];

struct Expected {
    request: WatchCreateRequest,
    /// The first revision it must see.
    from: i64,
    /// Revision and position in the history of what it has seen.
    seen: Vec<Event>,
    last: i64,
    cancelled: bool,
}

struct Watched {
    random: Random,
    store: Store,
    model: Naive,
    watchers: BTreeMap<WatcherId, Expected>,
    cancelled: u64,
}

fn wanted(request: &WatchCreateRequest, kv: &KeyValue, tombstone: bool) -> bool {
    let in_range = match request.range_end.as_ref() {
        b"" => kv.key == request.key,
        b"\0" => kv.key >= request.key,
        end => kv.key >= request.key && kv.key < *end,
    };
    in_range && !request.filters.contains(&i32::from(tombstone))
}

impl Watched {
    fn new(seed: u64) -> Watched {
        Watched {
            random: Random(seed),
            store: Store::create().0,
            model: Naive::new(),
            watchers: BTreeMap::new(),
            cancelled: 0,
        }
    }

    fn step(&mut self) {
        match self.random.below(24) {
            0..8 => {
                let key = self.random.pick(&KEYS);
                let request = put(key, &self.random.below(100).to_string());
                assert_eq!(self.store.put(&request), self.model.put(&request));
            }
            8..11 => {
                let end = self.random.pick(&["", "", "b", "\0"]);
                let request = delete(self.random.pick(&KEYS), end);
                let found = self.store.delete_range(&request).unwrap();
                assert_eq!(found, self.model.delete(&request));
            }
            11..14 => {
                let request = then(vec![
                    op(Request::Put(put("a", "txn"))),
                    op(Request::DeleteRange(delete("b", "c"))),
                    op(Request::Put(put("d", "txn"))),
                ]);
                assert_eq!(self.store.txn(&request), self.model.txn(&request));
            }
            14..16 => self.create(),
            16 if self.random.one_in(2) => self.cancel(),
            17 if self.random.one_in(2) => {
                let rev = self.random.below(self.model.revision as u64 + 1) as i64;
                assert_eq!(self.store.compact(rev), self.model.compact(rev));
                while self.store.compact_step() {}
            }
            18 if self.random.one_in(8) => {
                drop(self.store.commit());
                let db = reopen(&self.store).image().open().unwrap();
                self.store.restore(db).unwrap();
            }
            19 => drop(self.store.commit()),
            20 => drop(self.store.watch_sync()),
            _ => {
                let stream = StreamId(self.random.below(3));
                let max = self.random.below(40) as usize;
                self.drain(stream, max);
            }
        }
    }

    fn create(&mut self) {
        let (key, range_end) = self.random.pick(&RANGES);
        let start_revision = match self.random.below(3) {
            0 => 0,
            1 => self.random.below(self.model.revision as u64 + 1) as i64,
            _ => self.model.revision + self.random.below(20) as i64,
        };
        let filters = self.random.pick(&[&[][..], &[], &[0], &[1], &[0, 1]]).to_vec();
        let request = WatchCreateRequest {
            key: Bytes::from(key),
            range_end: Bytes::from(range_end),
            start_revision,
            filters,
            prev_kv: self.random.one_in(2),
            ..WatchCreateRequest::default()
        };
        let stream = StreamId(self.random.below(3));
        let id = self.store.watch_create(stream, &request).unwrap();
        let from = if start_revision == 0 { self.model.revision + 1 } else { start_revision };
        let expected = Expected { request, from, seen: Vec::new(), last: 0, cancelled: false };
        assert!(self.watchers.insert(id, expected).is_none());
    }

    fn cancel(&mut self) {
        let ids: Vec<WatcherId> = self.watchers.keys().copied().collect();
        if !ids.is_empty() {
            let id = self.random.pick(&ids);
            self.store.watch_cancel(id).unwrap();
            self.check(id, false);
            self.watchers.remove(&id);
        }
    }

    fn drain(&mut self, stream: StreamId, max: usize) -> usize {
        let drained = self.store.drain_stream(stream, max);
        let many = drained.len();
        assert!(many <= max);
        for (id, batch) in drained {
            let expected = self.watchers.get_mut(&id).expect("it was not cancelled");
            assert!(!expected.cancelled, "nothing comes after a cancellation");
            if batch.compacted != 0 {
                assert!(batch.events.is_empty());
                assert!(batch.compacted <= self.model.compacted);
                assert!(expected.last.max(expected.from - 1) < batch.compacted);
                expected.cancelled = true;
                self.cancelled += 1;
                continue;
            }
            let revision = |event: &Event| event.kv.as_ref().unwrap().mod_revision;
            let first = batch.events.first().map(revision).expect("no empty batches");
            assert!(first > expected.last, "a revision is never split, nor told twice");
            expected.last = batch.events.last().map(revision).unwrap();
            assert!(expected.last <= batch.revision && batch.revision <= self.model.revision);
            expected.seen.extend(batch.events);
        }
        many
    }

    /// What a watcher saw is the beginning of what happened, or all of it.
    fn check(&self, id: WatcherId, all: bool) {
        let expected = &self.watchers[&id];
        let happened = self.model.history.iter().filter(|version| {
            version.main >= expected.from
                && wanted(&expected.request, &version.kv, version.tombstone)
        });
        let happened: Vec<_> = happened.collect();
        if all && !expected.cancelled {
            assert_eq!(expected.seen.len(), happened.len(), "{:?}", expected.request);
        }
        assert!(expected.seen.len() <= happened.len());
        for (event, version) in expected.seen.iter().zip(happened) {
            let mut kv = version.kv.clone();
            kv.mod_revision = version.main;
            assert_eq!(event.kv.as_ref(), Some(&kv));
            assert_eq!(event.r#type() == EventType::Delete, version.tombstone);
            let previous = self.model.state(version.main - 1).remove(&kv.key);
            if !expected.request.prev_kv {
                assert_eq!(event.prev_kv, None);
            } else if event.prev_kv.is_some() || version.main > self.model.compacted {
                let is_create = !version.tombstone && kv.create_revision == version.main;
                assert_eq!(event.prev_kv, previous.filter(|_| !is_create));
            }
        }
    }

    /// Lets every client read everything.
    fn settle(&mut self) {
        loop {
            self.store.watch_sync();
            let drained: usize = (0..3).map(|stream| self.drain(StreamId(stream), 1000)).sum();
            if drained == 0 && self.store.watch_unsynced() == 0 {
                return;
            }
        }
    }
}

#[test]
fn every_watcher_sees_each_event_once_in_order() {
    let (mut cancelled, mut seen) = (0, 0);
    let cases = |(seeds, steps): (std::ops::Range<u64>, u64)| seeds.map(move |seed| (seed, steps));
    for (seed, steps) in cases(LONG).chain(cases(SHORT)) {
        let mut watched = Watched::new(seed);
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..steps {
                watched.step();
            }
            watched.settle();
            for id in watched.watchers.keys() {
                watched.check(*id, true);
            }
        }));
        if let Err(cause) = run {
            eprintln!("seed {seed} fails");
            std::panic::resume_unwind(cause);
        }
        cancelled += watched.cancelled;
        seen += watched.watchers.values().map(|watcher| watcher.seen.len()).sum::<usize>();
    }
    assert!(cancelled > 50, "some ask for what is compacted: {cancelled}");
    assert!(seen > 10_000, "and there is something to see: {seen}");
}
