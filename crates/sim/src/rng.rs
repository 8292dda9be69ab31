//! The chances of the world: one generator per purpose, each derived from the root seed, so
//! that one more draw for one purpose changes no other. Not for cryptography.

/// A small, fast generator (SplitMix64): its whole state is one number.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

/// Mixes a number so that near inputs give far outputs.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The generator of one purpose ("disk", "link") and place (a host, a pair of hosts).
    pub fn for_purpose(seed: u64, purpose: &str, place: u64) -> Rng {
        let mut state = mix(seed);
        for byte in purpose.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        Rng { state: mix(state ^ mix(place)) }
    }

    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing is below zero");
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the product's upper half is below the bound")
    }

    /// True this many times in ten thousand.
    pub fn chance(&mut self, per_10k: u16) -> bool {
        per_10k > 0 && self.below(10_000) < u64::from(per_10k)
    }

    /// `value` changed by at most `percent` per cent up or down.
    pub fn jitter(&mut self, value: u64, percent: u64) -> u64 {
        let spread = value * percent / 100;
        value - spread + self.below(2 * spread + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_places_have_generators_of_their_own() {
        let mut draws: Vec<u64> = [("disk", 0), ("disk", 1), ("link", 0)]
            .map(|(purpose, place)| Rng::for_purpose(7, purpose, place).next_u64())
            .to_vec();
        flat::sort(&mut draws);
        draws.dedup();
        assert_eq!(draws.len(), 3);
        let again = Rng::for_purpose(7, "disk", 0).next_u64();
        assert!(draws.contains(&again));
    }

    #[test]
    fn bounds_hold_and_chances_come_near_their_rate() {
        let mut rng = Rng::for_purpose(1, "test", 0);
        assert!((0..1000).all(|_| rng.below(7) < 7));
        assert!((0..1000).all(|_| (900..=1100).contains(&rng.jitter(1000, 10))));
        assert!(!rng.chance(0));
        let hits = (0..10_000).filter(|_| rng.chance(1000)).count();
        assert!((900..1100).contains(&hits), "{hits} of 10000 at one in ten");
    }
}
