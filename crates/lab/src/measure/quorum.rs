//! Quorum by experiment: clusters whose members are ended one by one, and zones that go dark.
//! Whether a write still commits is seen by writing, never by counting.

use sim::Fault;

use super::field::{Field, PATIENCE_US, put};
use super::peers::Peers;
use super::sheet::{cell, time, toned};
use crate::api::{BenchRow, Cell, Tone};

/// The seed of the clusters on the bench.
pub(super) const SEED: u64 = 7;
/// The largest cluster.
pub(super) const MEMBERS_MAX: u8 = 9;
/// Zones a cluster is spread over.
const ZONES: std::ops::RangeInclusive<u8> = 2..=4;

/// A cluster on the bench, with the last write somebody tried.
pub(super) struct Cluster {
    field: Field,
    wrote: Option<Result<u64, String>>,
}

impl Cluster {
    /// A cluster of so many members, with one write that went through.
    pub(super) fn new(members: u8) -> Cluster {
        let mut cluster = Cluster { field: Field::new(members, 1, SEED), wrote: None };
        cluster.write();
        cluster
    }

    /// Ends a member, or starts it again; then the others get time, and a client writes.
    pub(super) fn toggle(&mut self, place: u8) {
        let host = self.field.member(place);
        let fault = match self.field.is_alive(place) {
            true => Fault::Kill { host },
            false => Fault::Start { host, config: None, argv: Vec::new() },
        };
        self.field.inject(fault);
        self.field.calm();
        self.write();
    }

    /// Writes through the first member that runs, as etcdctl would with that endpoint.
    fn write(&mut self) {
        let alive = (0..self.field.members()).find(|place| self.field.is_alive(*place));
        self.wrote = Some(write(&mut self.field, alive.unwrap_or(0)));
    }

    /// The member to end next: the leader while there is one, since that is the hardest.
    fn next_to_end(&self) -> Option<u8> {
        let first = || (0..self.field.members()).find(|place| self.field.is_alive(*place));
        self.field.leader().or_else(first)
    }

    /// What is seen of it.
    pub(super) fn row(&self) -> BenchRow {
        let members = self.field.members();
        let leader = self.field.leader();
        let (wrote, said) = match &self.wrote {
            Some(Ok(us)) => (true, time(*us)),
            Some(Err(error)) => (false, error.clone()),
            None => (false, String::new()),
        };
        BenchRow {
            members,
            quorum: rule(members),
            alive: (0..members).map(|place| self.field.is_alive(place)).collect(),
            leader: leader.filter(|_| wrote),
            term: self.field.term(),
            wrote,
            said,
        }
    }
}

/// What the books say; it stands beside what was measured and decides nothing.
pub(super) fn rule(members: u8) -> u8 {
    members / 2 + 1
}

/// One write from the client's host: how long it took, or what the user is told.
pub(super) fn write(field: &mut Field, through: u8) -> Result<u64, String> {
    let directory = field.directory();
    let client = field.client();
    field.run(client, move |sys| async move {
        let peers = Peers::new(&sys, directory);
        let begun_us = peers.now_us();
        peers.call(usize::from(through), put("k", ""), PATIENCE_US).await?;
        Ok(peers.now_us() - begun_us)
    })
}

/// Writes tried with 0, 1, 2 … members ended: the answer to each.
pub(super) fn kill_one_by_one(members: u8) -> Vec<Result<u64, String>> {
    let mut cluster = Cluster::new(members);
    let mut all = Vec::new();
    loop {
        all.extend(cluster.wrote.clone());
        let Some(next) = cluster.next_to_end() else { return all };
        cluster.toggle(next);
    }
}

/// The row of a cluster in the table of ended members, and how many of its members may be lost.
/// `before` is that number for one member less.
pub(super) fn kills(members: u8, before: Option<u8>) -> (Vec<Cell>, u8) {
    let tried = kill_one_by_one(members);
    let lost = tried.iter().take_while(|wrote| wrote.is_ok()).count() as u8 - 1;
    let quorum = members - lost;
    let agrees = if quorum == rule(members) { Tone::Good } else { Tone::Bad };
    let mut row = vec![
        cell(members.to_string()),
        cell(format!("⌊{members}/2⌋ + 1 = {}", rule(members))),
        toned(agrees, quorum.to_string()),
        cell(lost.to_string()),
        match before {
            None => cell(""),
            Some(before) if before < lost => toned(Tone::Good, "1 failure more"),
            Some(_) => toned(Tone::Warn, "nothing"),
        },
    ];
    for ended in 0..=MEMBERS_MAX {
        row.push(match tried.get(usize::from(ended)) {
            Some(Ok(us)) => toned(Tone::Good, time(*us)),
            Some(Err(_)) => toned(Tone::Bad, "no"),
            None => cell(""),
        });
    }
    (row, lost)
}

/// Every way to spread members over zones, the largest zone first; zones are alike.
pub(super) fn spreads(members: u8) -> Vec<Vec<u8>> {
    fn rest(left: u8, zones: u8, most: u8, so_far: &mut Vec<u8>, all: &mut Vec<Vec<u8>>) {
        if zones == 0 {
            if left == 0 {
                all.push(so_far.clone());
            }
            return;
        }
        for size in (1..=most.min(left)).rev() {
            so_far.push(size);
            rest(left - size, zones - 1, size, so_far, all);
            so_far.pop();
        }
    }
    let mut all = Vec::new();
    for zones in ZONES {
        rest(members, zones, members, &mut Vec::new(), &mut all);
    }
    all
}

/// Takes each zone's power in turn, and gives it back: whether a write went through without it.
pub(super) fn lose_zones(spread: &[u8]) -> Vec<bool> {
    let mut field = Field::new(spread.iter().sum(), 1, SEED);
    let mut begin = 0;
    let mut survived = Vec::new();
    for size in spread {
        let zone = begin..begin + size;
        begin += size;
        for place in zone.clone() {
            let host = field.member(place);
            field.inject(Fault::PowerOff { host });
        }
        field.calm();
        let outside = (0..field.members()).find(|place| !zone.contains(place));
        let through = outside.expect("a spread has a second zone");
        survived.push(write(&mut field, through).is_ok());
        for place in zone {
            let host = field.member(place);
            field.inject(Fault::PowerOn { host });
        }
        field.calm();
    }
    survived
}

/// The row of a spread in the table of zones.
pub(super) fn zones(spread: &[u8]) -> Vec<Cell> {
    let survived = lose_zones(spread);
    let sizes: Vec<String> = spread.iter().map(u8::to_string).collect();
    let mut row = vec![cell(spread.len().to_string()), cell(sizes.join(" + "))];
    for place in 0..usize::from(*ZONES.end()) {
        row.push(match survived.get(place) {
            Some(true) => toned(Tone::Good, "writes go on"),
            Some(false) => toned(Tone::Bad, "writes stop"),
            None => cell(""),
        });
    }
    row.push(match survived.iter().all(|it| *it) {
        true => toned(Tone::Good, "yes"),
        false => toned(Tone::Bad, "no"),
    });
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_quorum_is_the_one_of_the_books() {
        for members in 1..=MEMBERS_MAX {
            let tried = kill_one_by_one(members);
            assert_eq!(tried.len(), usize::from(members) + 1, "nobody left is tried too");
            for (ended, wrote) in (0..).zip(&tried) {
                let enough = members - ended >= rule(members);
                assert_eq!(wrote.is_ok(), enough, "{ended} of {members} ended: {wrote:?}");
            }
        }
    }

    #[test]
    fn a_lost_quorum_comes_back_with_its_members() {
        let mut cluster = Cluster::new(3);
        for (place, writes) in [(0, true), (1, false), (0, true), (1, true)] {
            cluster.toggle(place);
            assert_eq!(cluster.row().wrote, writes, "{:?}", cluster.row());
        }
        let row = cluster.row();
        assert_eq!((row.quorum, row.alive.as_slice()), (2, [true; 3].as_slice()));
        assert!(row.leader.is_some() && row.term > 1, "{row:?}");
    }

    #[test]
    fn spreads_are_every_way_to_share_members_out() {
        assert_eq!(spreads(1), Vec::<Vec<u8>>::new());
        assert_eq!(spreads(3), [vec![2, 1], vec![1, 1, 1]]);
        let five = spreads(5);
        let expected: [&[u8]; 5] = [&[4, 1], &[3, 2], &[3, 1, 1], &[2, 2, 1], &[2, 1, 1, 1]];
        assert_eq!(five, expected.map(<[u8]>::to_vec));
        assert_eq!(spreads(9).len(), 4 + 7 + 6);
    }

    #[test]
    fn a_zone_may_go_if_the_others_are_a_majority() {
        for members in 2..=5 {
            for spread in spreads(members) {
                let expected: Vec<bool> =
                    spread.iter().map(|size| members - size >= rule(members)).collect();
                assert_eq!(lose_zones(&spread), expected, "{spread:?}");
            }
        }
    }
}
