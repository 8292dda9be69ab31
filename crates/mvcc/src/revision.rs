//! Revisions and their keys in the bucket `key`.

use std::fmt;

/// When a change happened: `main` counts transactions, `sub` the changes inside one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// The transaction.
    pub main: i64,
    /// The change in it.
    pub sub: i64,
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.main, self.sub)
    }
}

/// No store gets so far: a greater number in a file is made up, and has no successor.
pub(crate) const NUMBER_MAX: i64 = 1 << 62;
/// A transaction changes fewer keys.
const SUB_MAX: i64 = u32::MAX as i64;

/// Bytes of a put's key: main, `_`, sub.
pub(crate) const REV_LEN: usize = 17;
/// A tombstone's key has one more byte, `t`.
pub(crate) const TOMBSTONE_LEN: usize = REV_LEN + 1;

impl Revision {
    /// The 17 bytes under which a put of this revision is stored; bytewise order is revision order.
    pub(crate) fn to_bytes(self) -> [u8; REV_LEN] {
        let mut bytes = [b'_'; REV_LEN];
        bytes[..8].copy_from_slice(&self.main.to_be_bytes());
        bytes[9..].copy_from_slice(&self.sub.to_be_bytes());
        bytes
    }

    /// The 18 bytes of a tombstone.
    pub(crate) fn to_tombstone_bytes(self) -> [u8; TOMBSTONE_LEN] {
        let mut bytes = [b't'; TOMBSTONE_LEN];
        bytes[..REV_LEN].copy_from_slice(&self.to_bytes());
        bytes
    }

    /// Reads a key of the bucket `key`: the revision, and whether it is a tombstone.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<(Revision, bool)> {
        let tombstone = match bytes.len() {
            REV_LEN => false,
            TOMBSTONE_LEN if bytes[REV_LEN] == b't' => true,
            _ => return None,
        };
        let main = i64::from_be_bytes(bytes[..8].try_into().ok()?);
        let sub = i64::from_be_bytes(bytes[9..REV_LEN].try_into().ok()?);
        let numbers = (0..=NUMBER_MAX).contains(&main) && (0..=SUB_MAX).contains(&sub);
        (bytes[8] == b'_' && numbers).then_some((Revision { main, sub }, tombstone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_and_sort_as_revisions() {
        let revisions = [(1, 0), (1, 1), (1, 255), (1, 256), (2, 0), (256, 0), (NUMBER_MAX, 7)];
        let keys: Vec<_> =
            revisions.iter().map(|&(main, sub)| Revision { main, sub }.to_bytes()).collect();
        assert!(keys.is_sorted());
        for (key, &(main, sub)) in keys.iter().zip(&revisions) {
            assert_eq!(Revision::from_bytes(key), Some((Revision { main, sub }, false)));
        }
        let rev = Revision { main: 5, sub: 1 };
        assert_eq!(Revision::from_bytes(&rev.to_tombstone_bytes()), Some((rev, true)));
        assert!(rev.to_bytes().as_slice() < rev.to_tombstone_bytes().as_slice());
    }

    #[test]
    fn what_is_no_revision_is_refused() {
        let good = Revision { main: 5, sub: 1 }.to_tombstone_bytes();
        let mut negative = good;
        negative[0] = 0x80;
        let mut separator = good;
        separator[8] = b'-';
        let mut beyond = good;
        beyond[0] = 0x7f;
        let mut many = good;
        many[12] = 1;
        let mut mark = good;
        mark[17] = b'x';
        for bad in [&good[..16], &negative, &separator, &beyond, &many, &mark, b""] {
            assert_eq!(Revision::from_bytes(bad), None, "{bad:?}");
        }
    }
}
