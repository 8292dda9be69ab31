//! A term has at most one leader.

use std::collections::VecDeque;

use etcd::MemberId;

/// The leaders of the newest terms, by term.
#[derive(Debug, Default)]
pub(crate) struct Leaders {
    by_term: VecDeque<(u64, MemberId)>,
}

/// Terms remembered. An older one cannot win an election any more.
const TERMS_MAX: usize = 1024;

impl Leaders {
    pub(crate) fn elected(&mut self, term: u64, who: MemberId) -> Result<(), String> {
        let place = self.by_term.partition_point(|(other, _)| *other < term);
        match self.by_term.get(place) {
            Some((other, leader)) if *other == term && *leader != who => {
                Err(format!("term {term} has two leaders, {leader} and {who}"))
            }
            Some((other, _)) if *other == term => Ok(()),
            _ => {
                self.by_term.insert(place, (term, who));
                if self.by_term.len() > TERMS_MAX {
                    self.by_term.pop_front();
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_leader_of_a_term_is_found() {
        let mut leaders = Leaders::default();
        assert_eq!(leaders.elected(2, MemberId(1)), Ok(()));
        assert_eq!(leaders.elected(4, MemberId(2)), Ok(()));
        assert_eq!(leaders.elected(3, MemberId(3)), Ok(()));
        assert_eq!(leaders.elected(4, MemberId(2)), Ok(()));
        let found = leaders.elected(3, MemberId(1));
        assert_eq!(found, Err("term 3 has two leaders, 3 and 1".to_owned()));
    }

    #[test]
    fn memory_is_bounded() {
        let mut leaders = Leaders::default();
        assert!((1..5000).all(|term| leaders.elected(term, MemberId(term)).is_ok()));
        assert_eq!(leaders.by_term.len(), TERMS_MAX);
        assert!(leaders.elected(4999, MemberId(1)).is_err());
    }
}
