//! One number for a whole run: a hash over every event the world handled, in order. Two runs
//! that differ anywhere differ here. It is no checksum against an enemy.

use crate::rng::mix;

/// The running hash.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    hash: u64,
    events: u64,
}

/// What kind of event a line of the trace speaks of. The numbers are part of the hash and
/// so never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mark {
    Kernel = 1,
    Tick = 2,
    Wake = 3,
    Disk = 4,
    Peer = 5,
    PeerLost = 6,
    PeerStatus = 7,
    Fault = 9,
    Exit = 10,
    Start = 11,
    Reply = 12,
    Request = 13,
}

impl Trace {
    pub(crate) fn new(seed: u64) -> Trace {
        Trace { hash: mix(seed), events: 0 }
    }

    /// Adds an event: when, what, where, and a summary of its content.
    pub(crate) fn add(&mut self, at_us: u64, mark: Mark, place: u64, content: u64) {
        let head = at_us.rotate_left(16) ^ (u64::from(mark as u8) << 56) ^ place;
        let mixed = (self.hash ^ head).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.hash = (mixed ^ (mixed >> 29) ^ content).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        self.hash ^= self.hash >> 32;
        self.events += 1;
    }

    /// The hash so far.
    pub(crate) fn hash(&self) -> u64 {
        mix(self.hash)
    }

    /// How many events it holds.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }
}

/// Hashes bytes for the trace.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    for chunk in bytes.chunks(8) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(eight)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_time_kind_place_and_content_all_count() {
        let base = [(1, Mark::Tick, 0, 0), (2, Mark::Wake, 1, 5)];
        let run = |lines: &[(u64, Mark, u64, u64)]| {
            let mut trace = Trace::new(1);
            for &(at, mark, place, content) in lines {
                trace.add(at, mark, place, content);
            }
            trace.hash()
        };
        let others = [
            [(2, Mark::Wake, 1, 5), (1, Mark::Tick, 0, 0)],
            [(1, Mark::Tick, 0, 0), (3, Mark::Wake, 1, 5)],
            [(1, Mark::Tick, 0, 0), (2, Mark::Disk, 1, 5)],
            [(1, Mark::Tick, 0, 0), (2, Mark::Wake, 2, 5)],
            [(1, Mark::Tick, 0, 0), (2, Mark::Wake, 1, 6)],
        ];
        assert_eq!(run(&base), run(&base));
        assert!(others.iter().all(|other| run(other) != run(&base)));
    }

    #[test]
    fn bytes_hash_by_content_and_length() {
        assert_ne!(hash_bytes(b"a"), hash_bytes(b"a\0"));
        assert_ne!(hash_bytes(b"abcdefgh1"), hash_bytes(b"abcdefgh2"));
    }
}
