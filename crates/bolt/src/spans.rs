//! A set of pages kept as runs of consecutive ids: the free pages, and the pages a walk has met.

use std::collections::BTreeMap;

/// Runs of pages, disjoint and not adjacent: start to length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    runs: BTreeMap<u64, u64>,
    pages: u64,
}

impl Spans {
    /// How many pages are in the set.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.runs.iter().map(|(start, len)| (*start, *len))
    }

    /// Adds a run; when one of its pages is there already, gives that page back and adds nothing.
    pub(crate) fn insert(&mut self, start: u64, len: u64) -> Result<(), u64> {
        assert!(len > 0, "a run has at least one page");
        let end = start + len;
        let below = self.runs.range(..=start).next_back().map(|(s, l)| (*s, *l));
        let above = self.runs.range(start..).next().map(|(s, l)| (*s, *l));
        if below.is_some_and(|(s, l)| s + l > start) {
            return Err(start);
        }
        if let Some((s, _)) = above.filter(|(s, _)| *s < end) {
            return Err(s);
        }
        let (mut new_start, mut new_len) = (start, len);
        if let Some((s, l)) = below.filter(|(s, l)| s + l == start) {
            self.runs.remove(&s);
            new_start = s;
            new_len += l;
        }
        if let Some((s, l)) = above.filter(|(s, _)| *s == end) {
            self.runs.remove(&s);
            new_len += l;
        }
        self.runs.insert(new_start, new_len);
        self.pages += len;
        Ok(())
    }

    /// Takes the lowest run of `len` consecutive pages out of the set.
    pub(crate) fn take(&mut self, len: u64) -> Option<u64> {
        let (start, have) = self.runs().find(|(_, have)| *have >= len)?;
        self.runs.remove(&start);
        if have > len {
            self.runs.insert(start + len, have - len);
        }
        self.pages -= len;
        Some(start)
    }

    pub(crate) fn contains(&self, page: u64) -> bool {
        self.runs.range(..=page).next_back().is_some_and(|(s, l)| page < s + l)
    }

    /// The pages from `from` to `until` that are not in the set.
    pub(crate) fn complement(&self, from: u64, until: u64) -> Spans {
        let mut gaps = Spans::default();
        let mut next = from;
        for (start, len) in self.runs() {
            if start > next && next < until {
                let end = start.min(until);
                gaps.runs.insert(next, end - next);
                gaps.pages += end - next;
            }
            next = next.max(start + len);
        }
        if next < until {
            gaps.runs.insert(next, until - next);
            gaps.pages += until - next;
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use std::collections::BTreeSet;

    #[test]
    fn agrees_with_a_plain_set() {
        let mut random = Random::new(5);
        let (mut spans, mut model) = (Spans::default(), BTreeSet::new());
        for _ in 0..4000 {
            if random.below(2) == 0 {
                let (start, len) = (random.below(300), 1 + random.below(6));
                let taken = (start..start + len).find(|page| model.contains(page));
                assert_eq!(spans.insert(start, len).is_err(), taken.is_some());
                if taken.is_none() {
                    model.extend(start..start + len);
                }
            } else {
                let len = 1 + random.below(6);
                let lowest =
                    (0..310).find(|start| (*start..start + len).all(|page| model.contains(&page)));
                assert_eq!(spans.take(len), lowest);
                for page in lowest.into_iter().flat_map(|start| start..start + len) {
                    model.remove(&page);
                }
            }
            assert_eq!(spans.pages(), model.len() as u64);
            let gaps = spans.complement(2, 290);
            for page in 0..310 {
                assert_eq!(spans.contains(page), model.contains(&page));
                let gap = (2..290).contains(&page) && !model.contains(&page);
                assert_eq!(gaps.contains(page), gap, "page {page}");
            }
        }
    }
}
