//! What a user's roles allow, as intervals of keys.
//!
//! A range is allowed when intervals of the user's roles cover it together; etcd walks its
//! interval tree in order of the beginnings, and so does this.

use bytes::Bytes;

use crate::pb;

/// Beginning and end; no end stands for the end of all keys.
type Interval = (Bytes, Option<Bytes>);

/// Everything the roles of one user allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Permissions {
    read: Vec<Interval>,
    write: Vec<Interval>,
}

impl Permissions {
    pub(super) fn of<'a>(granted: impl Iterator<Item = &'a pb::Permission>) -> Permissions {
        let mut all = Permissions::default();
        for permission in granted {
            let interval = interval(&permission.key, &permission.range_end);
            let kind = permission.perm_type();
            if kind != pb::PermissionType::Write {
                all.read.push(interval.clone());
            }
            if kind != pb::PermissionType::Read {
                all.write.push(interval);
            }
        }
        all.read.sort_unstable();
        all.write.sort_unstable();
        all
    }

    pub(super) fn may_read(&self, key: &[u8], end: &[u8]) -> bool {
        covers(&self.read, key, end)
    }

    pub(super) fn may_write(&self, key: &[u8], end: &[u8]) -> bool {
        covers(&self.write, key, end)
    }
}

/// An end of one zero byte is no end.
fn is_open(end: &[u8]) -> bool {
    end == [0]
}

/// Whether a permission can be given on a range.
pub(super) fn is_valid(key: &[u8], end: &[u8]) -> bool {
    !key.is_empty() && (end.is_empty() || key < end || is_open(end))
}

fn interval(key: &Bytes, end: &Bytes) -> Interval {
    let end = match end.as_ref() {
        [] => Some(after(key)),
        end if is_open(end) => None,
        _ => Some(end.clone()),
    };
    (key.clone(), end)
}

/// The first key behind this one.
fn after(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    Bytes::from(next)
}

/// Whether one end lies before a key.
fn is_before(end: Option<&Bytes>, key: &[u8]) -> bool {
    end.is_some_and(|end| end.as_ref() < key)
}

fn covers(intervals: &[Interval], key: &[u8], end: &[u8]) -> bool {
    let wanted = match end {
        [] => Some(after(key)),
        end if is_open(end) => None,
        end => Some(Bytes::copy_from_slice(end)),
    };
    // Those that meet the range: they begin before its end and end behind its beginning.
    let meets = |(from, to): &&Interval| {
        wanted.as_ref().is_none_or(|end| *from < *end)
            && to.as_ref().is_none_or(|to| to.as_ref() > key)
    };
    let mut met = intervals.iter().filter(meets);
    let Some((first, to)) = met.next() else { return false };
    let mut reached = to.as_ref();
    for (from, to) in met {
        if is_before(reached, from) {
            break;
        }
        if let Some(so_far) = reached
            && to.as_ref().is_none_or(|to| to > so_far)
        {
            reached = to.as_ref();
        }
    }
    let enough = match (reached, &wanted) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(reached), Some(end)) => reached >= end,
    };
    enough && first.as_ref() <= key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(list: &[(&'static [u8], &'static [u8])]) -> Permissions {
        let perms: Vec<pb::Permission> = list
            .iter()
            .map(|(key, end)| pb::Permission {
                perm_type: pb::PermissionType::Read.into(),
                key: Bytes::from_static(key),
                range_end: Bytes::from_static(end),
            })
            .collect();
        Permissions::of(perms.iter())
    }

    #[test]
    fn ranges_are_covered_together() {
        let both = granted(&[(b"a", b"c"), (b"c", b"e"), (b"x", b""), (b"z", b"\0")]);
        type Row = (&'static [u8], &'static [u8], bool);
        let rows: [Row; 13] = [
            (b"a", b"", true),
            (b"a", b"e", true),
            (b"b", b"d", true),
            (b"a", b"f", false),
            (b"e", b"", false),
            (b"x", b"", true),
            (b"x", b"x\0", true),
            (b"x", b"y", false),
            (b"z", b"\0", true),
            (b"zz", b"\0", true),
            (b"y", b"\0", false),
            (b"z", b"zzz", true),
            (b"0", b"b", false),
        ];
        for (key, end, allowed) in rows {
            assert_eq!(both.may_read(key, end), allowed, "{key:?} {end:?}");
            assert!(!both.may_write(key, end));
        }
    }

    #[test]
    fn gaps_are_seen() {
        let gap = granted(&[(b"a", b"c"), (b"d", b"e")]);
        assert!(!gap.may_read(b"a", b"e"));
        assert!(!gap.may_read(b"c", b""));
        assert!(gap.may_read(b"d", b"e"));
    }

    #[test]
    fn a_permission_needs_a_range_that_is_one() {
        assert!(is_valid(b"a", b""));
        assert!(is_valid(b"a", b"b"));
        assert!(is_valid(b"a", b"\0"));
        assert!(!is_valid(b"b", b"a"));
        assert!(!is_valid(b"", b"a"));
        assert!(!is_valid(b"a", b"a"));
    }

    /// Against every key of a small universe, one by one.
    #[test]
    fn model_of_small_universe() {
        let keys: Vec<Bytes> = (b'a'..=b'h').map(|c| Bytes::copy_from_slice(&[c])).collect();
        let mut state = 7_u64;
        let mut draw = |max: usize| {
            state = crate::node::mix(state);
            usize::try_from(state % max as u64).expect("small")
        };
        for _ in 0..2000 {
            let mut perms = Vec::new();
            for _ in 0..draw(4) {
                let (from, to) = (draw(8), draw(9));
                let end = if to == 8 { Bytes::from_static(&[0]) } else { keys[to].clone() };
                if is_valid(&keys[from], &end) {
                    perms.push(pb::Permission {
                        perm_type: 0,
                        key: keys[from].clone(),
                        range_end: end,
                    });
                }
            }
            let all = Permissions::of(perms.iter());
            let allowed = |key: &Bytes| {
                perms.iter().any(|p| p.key <= *key && (is_open(&p.range_end) || *key < p.range_end))
            };
            let (from, to) = (draw(8), draw(8));
            if from < to {
                // Every letter of the range, and the room between letters that the same
                // intervals cover.
                let expected = keys[from..to].iter().all(allowed);
                assert_eq!(all.may_read(&keys[from], &keys[to]), expected, "{perms:?} {from} {to}");
            }
            assert_eq!(all.may_read(&keys[from], b""), allowed(&keys[from]));
        }
    }
}
