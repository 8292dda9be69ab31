//! Stable sorting: the bulk of it sorts places and is compiled once, the items follow.

use std::cmp::Ordering;

/// Up to here it costs less to move the items themselves, one by one.
const FEW: usize = 16;

/// Sorts by the items' own order. Equal ones keep theirs.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts by a key. Items of equal keys keep their order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], mut key: impl FnMut(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts by a comparison. Equal items keep their order.
pub fn sort_by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    if items.len() > FEW {
        let order = places(items.len(), &mut |a, b| compare(&items[a], &items[b]));
        return follow(items, &order);
    }
    for next in 1..items.len() {
        let mut at = next;
        while at > 0 && compare(&items[at - 1], &items[at]).is_gt() {
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// The places of a list in their right order.
#[inline(never)]
fn places(len: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<u32> {
    let len = u32::try_from(len).expect("a list in memory is shorter than this");
    let mut order: Vec<u32> = (0..len).collect();
    order.sort_by(|a, b| compare(*a as usize, *b as usize));
    order
}

/// Puts what lies at `order[n]` to `n`. What was swapped away already is found by going on along
/// the places it was swapped to.
fn follow<T>(items: &mut [T], order: &[u32]) {
    for place in 0..order.len() {
        let mut from = order[place] as usize;
        while from < place {
            from = order[from] as usize;
        }
        items.swap(place, from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of numbers: xorshift, as good as any here.
    fn draws(seed: u64, len: usize, below: u64) -> Vec<u64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let draw = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        (0..len).map(draw).collect()
    }

    #[test]
    fn it_is_stable_at_every_length() {
        for len in (0..80).chain([500, 3000]) {
            for below in [1, 3, 50, u64::MAX] {
                let drawn = draws((len as u64).wrapping_add(below), len, below);
                let mut ours: Vec<_> = drawn.into_iter().zip(0_u32..).collect();
                let mut theirs = ours.clone();
                theirs.sort_by_key(|(key, _)| *key);
                sort_by_key(&mut ours, |(key, _)| *key);
                assert_eq!(ours, theirs);
                theirs.sort_by(|a, b| b.cmp(a));
                sort_by(&mut ours, |a, b| b.cmp(a));
                assert_eq!(ours, theirs);
                theirs.sort();
                sort(&mut ours);
                assert_eq!(ours, theirs);
            }
        }
    }
}
