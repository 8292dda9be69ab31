//! A set of watchers by what they watch.

use std::ops::Bound;

use bytes::Bytes;
use flat::{Map, Set};

use crate::index::Span;
use crate::watch::WatcherId;

/// Watchers of single keys and of ranges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    ids: Set<WatcherId>,
    keys: Map<Bytes, Set<WatcherId>>,
    /// By start, then by end; an end of `None` is open.
    ranges: Map<Bytes, Map<Option<Bytes>, Set<WatcherId>>>,
}

impl Group {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn contains(&self, id: WatcherId) -> bool {
        self.ids.contains(&id)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = WatcherId> + '_ {
        self.ids.iter().copied()
    }

    /// Up to `max` watchers in the order of their ids, beginning after `last` and going round.
    pub(crate) fn round_robin(&self, last: Option<WatcherId>, max: usize) -> Vec<WatcherId> {
        let Some(last) = last else { return self.ids().take(max).collect() };
        let after = self.ids.range((Bound::Excluded(last), Bound::Unbounded));
        after.chain(self.ids.range(..=last)).copied().take(max).collect()
    }

    pub(crate) fn add(&mut self, id: WatcherId, span: &Span) {
        self.ids.insert(id);
        match span {
            Span::One(key) => self.keys.entry(key.clone()).or_default(),
            Span::Until(key, end) => self.range(key).entry(Some(end.clone())).or_default(),
            Span::From(key) => self.range(key).entry(None).or_default(),
        }
        .insert(id);
    }

    fn range(&mut self, start: &Bytes) -> &mut Map<Option<Bytes>, Set<WatcherId>> {
        self.ranges.entry(start.clone()).or_default()
    }

    pub(crate) fn remove(&mut self, id: WatcherId, span: &Span) -> bool {
        if !self.ids.remove(&id) {
            return false;
        }
        let (start, end) = match span {
            Span::One(key) => {
                let watchers = self.keys.get_mut(key).expect("it was added under its key");
                watchers.remove(&id);
                if watchers.is_empty() {
                    self.keys.remove(key);
                }
                return true;
            }
            Span::Until(start, end) => (start, Some(end.clone())),
            Span::From(start) => (start, None),
        };
        let ends = self.ranges.get_mut(start).expect("it was added under its start");
        let watchers = ends.get_mut(&end).expect("it was added under its end");
        watchers.remove(&id);
        if watchers.is_empty() {
            ends.remove(&end);
        }
        if ends.is_empty() {
            self.ranges.remove(start);
        }
        true
    }

    /// Whether somebody watches the key.
    pub(crate) fn matches(&self, key: &[u8]) -> bool {
        !self.ids.is_empty() && self.watching(key).next().is_some()
    }

    /// Who watches the key.
    pub(crate) fn watching<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = WatcherId> + 'a {
        let ranges = self.ranges.range::<[u8], _>((Bound::Unbounded, Bound::Included(key)));
        let over = ranges
            .flat_map(|(_, ends)| ends)
            .filter(move |(end, _)| end.as_ref().is_none_or(|end| end.as_ref() > key))
            .flat_map(|(_, watchers)| watchers);
        self.keys.get(key).into_iter().flatten().chain(over).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::watch::StreamId;

    fn id(watch: i64) -> WatcherId {
        WatcherId { stream: StreamId(1), watch }
    }

    #[test]
    fn who_watches_a_key() {
        let spans = [("b", ""), ("a", "c"), ("b", "\0"), ("b", "ba"), ("c", "d"), ("b", "")];
        let span = |(key, end): (&'static str, &'static str)| {
            Span::new(&Bytes::from(key), &Bytes::from(end))
        };
        let mut group = Group::default();
        for (at, ends) in spans.iter().enumerate() {
            group.add(id(at as i64), &span(*ends));
        }
        let table = [("a", "1"), ("b", "01235"), ("ba", "12"), ("c", "24"), ("d", "2"), ("0", "")];
        for (key, want) in table {
            let found: BTreeSet<_> = group.watching(key.as_bytes()).map(|id| id.watch).collect();
            let found: String = found.iter().map(i64::to_string).collect();
            assert_eq!(found, want, "{key}");
            assert_eq!(group.matches(key.as_bytes()), !want.is_empty());
        }
        for (at, ends) in spans.iter().enumerate() {
            assert!(group.remove(id(at as i64), &span(*ends)));
            assert!(!group.remove(id(at as i64), &span(*ends)));
        }
        assert_eq!((group.len(), group.keys.len(), group.ranges.len()), (0, 0, 0));
    }

    #[test]
    fn the_round_goes_on_where_it_stopped() {
        let mut group = Group::default();
        for watch in 0..5 {
            group.add(id(watch), &Span::One(Bytes::from_static(b"k")));
        }
        let round = |last: Option<i64>| -> Vec<i64> {
            group.round_robin(last.map(id), 3).into_iter().map(|id| id.watch).collect()
        };
        assert_eq!(round(None), [0, 1, 2]);
        assert_eq!(round(Some(2)), [3, 4, 0]);
        assert_eq!(round(Some(9)), [0, 1, 2]);
    }
}
