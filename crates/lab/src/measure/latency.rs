//! What one more member costs a write: time and messages, by the size of the cluster, in one
//! room, over two sites, and with one disk that is slow.

use sim::{DiskFault, Fault};

use super::field::{Field, PATIENCE_US, put};
use super::peers::Peers;
use super::quorum::SEED;
use super::sheet::{bar, cell, percentile, tenths, time};
use crate::api::Cell;

/// Writes of one measurement, one after the other.
const WRITES: u64 = 100;
/// One way between the two sites.
pub(super) const APART_US: u64 = 10_000;

/// Where the members stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// All links alike.
    Room,
    /// The larger half, leader included, at one site, the others [`APART_US`] away.
    TwoSites,
    /// The last member syncs a hundred times slower.
    SlowDisk,
}

/// What writes cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// How long each took, the fastest first.
    pub(super) us: Vec<u64>,
    /// Messages between hosts for one write, in tenths, heartbeats of that time taken off.
    pub(super) messages: u64,
}

/// Measures a cluster.
pub(super) fn measure(members: u8, setting: Setting) -> Cost {
    let mut field = Field::new(members, 1, SEED);
    field.lead_from_first();
    match setting {
        Setting::Room => {}
        Setting::TwoSites => {
            let near = members.div_ceil(2);
            for a in 0..near {
                for b in near..members {
                    let (a, b) = (field.member(a), field.member(b));
                    field.inject(Fault::Latency { a, b, latency_us: APART_US });
                }
            }
            field.calm();
        }
        Setting::SlowDisk => {
            let host = field.member(members - 1);
            field.inject(Fault::Disk { host, fault: DiskFault::Slow });
            field.calm();
        }
    }
    let idle = field.idle_in_10s();
    let directory = field.directory();
    let client = field.client();
    field.count();
    let (mut us, whole_us) = field.run(client, move |sys| async move {
        let peers = Peers::new(&sys, directory);
        let begun_us = peers.now_us();
        let mut all = Vec::new();
        for _ in 0..WRITES {
            let at_us = peers.now_us();
            let done = peers.call(0, put("k", ""), PATIENCE_US).await;
            done.expect("a healthy cluster writes");
            all.push(peers.now_us() - at_us);
        }
        // The first one also made the connection.
        all.remove(0);
        (all, peers.now_us() - begun_us)
    });
    let sent = field.counted();
    let background = idle * whole_us / 1_000_000;
    flat::sort(&mut us);
    Cost { us, messages: (sent * 10).saturating_sub(background) / WRITES }
}

/// The measured rows, written anew with each: bars need the longest, costs the one before.
pub(super) fn rows(measured: &[[Cost; 3]]) -> Vec<Vec<Cell>> {
    let median = |cost: &Cost| percentile(&cost.us, 50);
    let longest = |setting: usize| {
        measured.iter().map(|costs| median(&costs[setting])).max().unwrap_or_default()
    };
    let whole = [longest(0), longest(1), longest(2)];
    let mut before = None;
    (1..)
        .zip(measured)
        .map(|(members, costs)| {
            let [room, sites, slow] = costs;
            let more = match before.replace(median(room)) {
                None => String::new(),
                Some(last) if median(room) >= last => format!("+{}", time(median(room) - last)),
                Some(last) => format!("−{}", time(last - median(room))),
            };
            let timed = |cost: &Cost, whole| bar(time(median(cost)), median(cost), whole);
            vec![
                cell(members.to_string()),
                timed(room, whole[0]),
                cell(time(percentile(&room.us, 99))),
                cell(more),
                cell(tenths(room.messages)),
                timed(sites, whole[1]),
                timed(slow, whole[2]),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(members: u8, setting: Setting) -> u64 {
        percentile(&measure(members, setting).us, 50)
    }

    #[test]
    fn an_even_number_waits_for_the_far_site_and_an_odd_one_does_not() {
        for members in 2..=5 {
            let far = median(members, Setting::TwoSites) > 2 * APART_US * 9 / 10;
            assert_eq!(far, members % 2 == 0, "{members} members");
        }
    }

    #[test]
    fn one_slow_disk_is_felt_only_while_it_is_needed() {
        for members in 1..=4 {
            let felt = median(members, Setting::SlowDisk) > 50_000;
            assert_eq!(felt, members <= 2, "{members} members");
        }
    }

    #[test]
    fn each_member_costs_messages() {
        let costs: Vec<u64> =
            (1..=5).map(|members| measure(members, Setting::Room).messages).collect();
        assert!(costs.windows(2).all(|pair| pair[0] < pair[1]), "{costs:?}");
        assert_eq!(costs[0], 20, "alone it answers its client, and that is all");
    }
}
