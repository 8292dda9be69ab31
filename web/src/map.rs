//! A map of a few entries, as a list, and a set of numbers, as bits.
//!
//! The page never has more than some dozens of anything it looks up by key, and one `BTreeMap`
//! weighs about four kilobytes of code for each pair of types.

use std::borrow::Borrow;

/// Keys with values, in the order of keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Map<K, V>(Vec<(K, V)>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map(Vec::new())
    }
}

impl<K: Ord, V> Map<K, V> {
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        self.0.iter().position(|(it, _)| it.borrow() == key)
    }

    /// The value of a key.
    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.place(key).map(|place| &self.0[place].1)
    }

    /// Whether a key is there.
    pub(crate) fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_some()
    }

    /// The value of a key, to be changed.
    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.place(key).map(|place| &mut self.0[place].1)
    }

    /// Sets the value of a key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Some(place) => self.0[place].1 = value,
            None => {
                let after = self.0.iter().position(|(it, _)| *it > key);
                self.0.insert(after.unwrap_or(self.0.len()), (key, value));
            }
        }
    }

    /// The value of a key, made if there is none.
    pub(crate) fn at(&mut self, key: K) -> &mut V
    where
        K: Clone,
        V: Default,
    {
        let place = match self.place(&key) {
            Some(place) => place,
            None => {
                self.insert(key.clone(), V::default());
                self.place(&key).expect("it was just put in")
            }
        };
        &mut self.0[place].1
    }

    /// Takes a key out.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(place) = self.place(key) {
            self.0.remove(place);
        }
    }

    /// Takes everything out.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps what fits.
    pub(crate) fn retain(&mut self, fits: impl Fn(&K, &V) -> bool) {
        self.0.retain(|(key, value)| fits(key, value));
    }

    /// Keys and values, in the order of keys.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &(K, V)> {
        self.0.iter()
    }

    /// The same, to be changed; keys must stay as they are.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut (K, V)> {
        self.0.iter_mut()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A set of small numbers, a bit each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// Whether nothing was put in.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts numbers in.
    pub(crate) fn add(&mut self, numbers: &[u32]) {
        for number in numbers {
            let word = *number as usize / 64;
            if word >= self.0.len() {
                self.0.resize(word + 1, 0);
            }
            self.0[word] |= 1 << (number % 64);
        }
    }

    /// Those that are not in `other`.
    pub(crate) fn without(&self, other: &Bits) -> Vec<u32> {
        let mut numbers = Vec::new();
        for (word, bits) in self.0.iter().enumerate() {
            let mut rest = bits & !other.0.get(word).copied().unwrap_or(0);
            while rest != 0 {
                numbers.push(word as u32 * 64 + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_know_what_is_missing() {
        let (mut old, mut new) = (Bits::default(), Bits::default());
        old.add(&[1, 63, 64, 700]);
        new.add(&[63, 64]);
        assert_eq!(old.without(&new), [1, 700]);
        assert!(new.without(&old).is_empty());
    }

    #[test]
    fn entries_stay_in_order() {
        let mut map = Map::default();
        for key in ["n3", "n1", "n2", "n1"] {
            *map.at(key.to_string()) += 1;
        }
        let all: Vec<_> = map.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(all, [("n1", 2), ("n2", 1), ("n3", 1)]);
        map.remove("n2");
        assert!(!map.contains("n2") && map.get("n3") == Some(&1));
        map.insert("n1".into(), 9);
        map.retain(|_, value| *value > 5);
        assert_eq!(map.len(), 1);
    }
}
