//! Terms, commits and applied indexes never go back. Over a restart the commit and what was
//! applied may (they are written lazily), but never a term the member spoke in.

use etcd::Member;

/// The numbers of a member that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vitals {
    pub(crate) term: u64,
    pub(crate) commit: u64,
    pub(crate) applied: u64,
}

impl Vitals {
    pub(crate) fn of(member: &Member) -> Vitals {
        let (term, commit, applied) = member.vitals();
        Vitals { term, commit, applied }
    }
}

/// Watches one run of a member.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    last: Vitals,
}

impl Order {
    pub(crate) fn starting(at: Vitals) -> Order {
        Order { last: at }
    }

    pub(crate) fn now(&self) -> Vitals {
        self.last
    }

    pub(crate) fn moved(&mut self, to: Vitals) -> Result<(), String> {
        let from = std::mem::replace(&mut self.last, to);
        let pairs = [
            ("term", from.term, to.term),
            ("commit index", from.commit, to.commit),
            ("applied index", from.applied, to.applied),
        ];
        for (what, before, after) in pairs {
            if after < before {
                return Err(format!("the {what} went back from {before} to {after}"));
            }
        }
        if to.applied > to.commit {
            let Vitals { commit, applied, .. } = to;
            return Err(format!("entry {applied} is applied and only {commit} committed"));
        }
        Ok(())
    }
}

/// A member came up with a term; `spoken` is the last one it spoke in before.
pub(crate) fn check_restart(spoken: u64, term: u64) -> Result<(), String> {
    if term >= spoken {
        return Ok(());
    }
    Err(format!("the member spoke in term {spoken} and came up again in term {term}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vitals(term: u64, commit: u64, applied: u64) -> Vitals {
        Vitals { term, commit, applied }
    }

    #[test]
    fn every_number_that_goes_back_is_found() {
        let table = [
            (vitals(3, 5, 5), None),
            (vitals(4, 9, 6), None),
            (vitals(2, 5, 5), Some("the term went back from 3 to 2")),
            (vitals(3, 4, 4), Some("the commit index went back from 5 to 4")),
            (vitals(3, 5, 4), Some("the applied index went back from 5 to 4")),
            (vitals(3, 5, 6), Some("entry 6 is applied and only 5 committed")),
        ];
        for (to, found) in table {
            let mut order = Order::starting(vitals(3, 5, 5));
            assert_eq!(order.moved(to).err().as_deref(), found);
        }
    }

    #[test]
    fn a_forgotten_term_is_found_at_the_start() {
        assert_eq!(check_restart(3, 3), Ok(()));
        assert!(check_restart(3, 2).is_err());
    }
}
