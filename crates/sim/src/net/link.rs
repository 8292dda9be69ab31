//! Links: one direction between two hosts, with its latency, its rates and its cuts.

use crate::ids::HostId;
use crate::net::LinkDefaults;
use crate::rng::Rng;

/// Every link of a world, and who is cut off from whom.
#[derive(Debug)]
pub(crate) struct Links {
    hosts: u8,
    defaults: LinkDefaults,
    links: Vec<Link>,
    isolated: Vec<bool>,
    /// The group of each host while the network is partitioned.
    groups: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Link {
    latency_us: u64,
    loss_per_10k: u16,
    duplicate_per_10k: u16,
    cut: bool,
    /// When the last message of the peers' stream arrives: none may overtake it.
    last_arrival_us: u64,
    rng: Rng,
}

/// A link that is not as it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// From here.
    pub from: HostId,
    /// To there.
    pub to: HostId,
    /// Nothing passes, for whatever reason.
    pub cut: bool,
    /// One-way latency.
    pub latency_us: u64,
    /// Lost messages in ten thousand.
    pub loss_per_10k: u16,
    /// Duplicated messages in ten thousand.
    pub duplicate_per_10k: u16,
}

/// What the link does with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) arrive_us: u64,
    pub(crate) lost: bool,
    pub(crate) twice: bool,
}

/// Bytes a link carries in a microsecond: a gigabit network.
const BYTES_PER_US: u64 = 125;

impl Links {
    pub(crate) fn new(seed: u64, hosts: u8, defaults: LinkDefaults) -> Links {
        let link = |place: u64| Link {
            latency_us: defaults.latency_us,
            loss_per_10k: 0,
            duplicate_per_10k: 0,
            cut: false,
            last_arrival_us: 0,
            rng: Rng::for_purpose(seed, "link", place),
        };
        let places = u64::from(hosts) * u64::from(hosts);
        let mut links = Links {
            hosts,
            defaults,
            links: (0..places).map(link).collect(),
            isolated: vec![false; usize::from(hosts)],
            groups: None,
        };
        links.set_defaults(defaults);
        links
    }

    /// Makes every link this way, before anything was sent.
    pub(crate) fn set_defaults(&mut self, defaults: LinkDefaults) {
        self.defaults = defaults;
        for link in &mut self.links {
            link.latency_us = defaults.latency_us;
        }
        for host in (0..self.hosts).map(HostId) {
            self.link_mut(host, host).latency_us = defaults.loopback_us;
        }
    }

    fn place(&self, from: HostId, to: HostId) -> usize {
        usize::from(from.0) * usize::from(self.hosts) + usize::from(to.0)
    }

    fn link_mut(&mut self, from: HostId, to: HostId) -> &mut Link {
        let place = self.place(from, to);
        &mut self.links[place]
    }

    /// Whether nothing passes from one host to another.
    pub(crate) fn blocked(&self, from: HostId, to: HostId) -> bool {
        if from == to {
            return false;
        }
        let (a, b) = (usize::from(from.0), usize::from(to.0));
        self.links[self.place(from, to)].cut
            || self.isolated[a]
            || self.isolated[b]
            || self.groups.as_ref().is_some_and(|groups| groups[a] != groups[b])
    }

    /// Whether both directions are open, which every TCP connection needs.
    pub(crate) fn open_both_ways(&self, a: HostId, b: HostId) -> bool {
        !self.blocked(a, b) && !self.blocked(b, a)
    }

    /// One way, without chance.
    pub(crate) fn latency_us(&self, from: HostId, to: HostId) -> u64 {
        self.links[self.place(from, to)].latency_us
    }

    /// Sends a message of the peers' stream. What the link's rates say is decided here.
    pub(crate) fn send(&mut self, from: HostId, to: HostId, now_us: u64, size: u64) -> Passage {
        let blocked = self.blocked(from, to);
        let jitter = self.jitter(from, to);
        let link = self.link_mut(from, to);
        let travel_us = link.rng.jitter(link.latency_us, jitter) + size / BYTES_PER_US;
        let arrive_us = (now_us + travel_us).max(link.last_arrival_us);
        let lost = blocked || link.rng.chance(link.loss_per_10k);
        let twice = !lost && link.rng.chance(link.duplicate_per_10k);
        if !lost {
            link.last_arrival_us = arrive_us;
        }
        Passage { arrive_us, lost, twice }
    }

    /// Sends something big beside the stream: a snapshot has a connection of its own.
    pub(crate) fn send_aside(&mut self, from: HostId, to: HostId, now_us: u64, size: u64) -> u64 {
        let jitter = self.jitter(from, to);
        let link = self.link_mut(from, to);
        now_us + link.rng.jitter(link.latency_us, jitter) + size / BYTES_PER_US
    }

    /// Sends a packet of a TCP connection. Loss costs it retransmissions, never itself.
    pub(crate) fn send_stream(&mut self, from: HostId, to: HostId, now_us: u64, size: u64) -> u64 {
        let mut arrive_us = self.send_aside(from, to, now_us, size);
        let link = self.link_mut(from, to);
        let mut timeout_us = RETRANSMIT_MIN_US;
        for _ in 0..LOST_IN_A_ROW_MAX {
            if !link.rng.chance(link.loss_per_10k) {
                break;
            }
            arrive_us += timeout_us;
            timeout_us = (2 * timeout_us).min(RETRANSMIT_MAX_US);
        }
        arrive_us
    }

    /// Some time below `bound_us`, for what happens on its own beat at the far end.
    pub(crate) fn some_time_us(&mut self, from: HostId, to: HostId, bound_us: u64) -> u64 {
        self.link_mut(from, to).rng.below(bound_us)
    }

    fn jitter(&self, from: HostId, to: HostId) -> u64 {
        if from == to { 0 } else { u64::from(self.defaults.jitter_percent) }
    }

    pub(crate) fn cut(&mut self, from: HostId, to: HostId) {
        self.link_mut(from, to).cut = true;
    }

    pub(crate) fn isolate(&mut self, host: HostId) {
        self.isolated[usize::from(host.0)] = true;
    }

    /// Hosts in none of the groups form one more.
    pub(crate) fn partition(&mut self, groups: &[Vec<HostId>]) {
        let rest = u8::try_from(groups.len()).expect("no more groups than hosts");
        let mut of_host = vec![rest; usize::from(self.hosts)];
        for (number, group) in (0_u8..).zip(groups) {
            for host in group {
                of_host[usize::from(host.0)] = number;
            }
        }
        self.groups = Some(of_host);
    }

    pub(crate) fn set_latency(&mut self, a: HostId, b: HostId, latency_us: u64) {
        self.link_mut(a, b).latency_us = latency_us;
        self.link_mut(b, a).latency_us = latency_us;
    }

    pub(crate) fn set_loss(&mut self, a: HostId, b: HostId, per_10k: u16) {
        self.link_mut(a, b).loss_per_10k = per_10k;
        self.link_mut(b, a).loss_per_10k = per_10k;
    }

    pub(crate) fn set_duplicate(&mut self, a: HostId, b: HostId, per_10k: u16) {
        self.link_mut(a, b).duplicate_per_10k = per_10k;
        self.link_mut(b, a).duplicate_per_10k = per_10k;
    }

    /// Makes the links as they were made: all of them, or those of one host. Healing one
    /// host of a partition joins it to every other.
    pub(crate) fn heal(&mut self, host: Option<HostId>) {
        let latency_us = self.defaults.latency_us;
        for from in (0..self.hosts).map(HostId) {
            for to in (0..self.hosts).map(HostId) {
                if from != to && host.is_none_or(|host| host == from || host == to) {
                    let link = self.link_mut(from, to);
                    link.latency_us = latency_us;
                    (link.loss_per_10k, link.duplicate_per_10k) = (0, 0);
                    link.cut = false;
                }
            }
        }
        match host {
            None => {
                self.isolated.fill(false);
                self.groups = None;
            }
            Some(host) => self.heal_one(host),
        }
    }

    /// A host leaves its group of a partition: what divides the others becomes plain cuts.
    fn heal_one(&mut self, host: HostId) {
        self.isolated[usize::from(host.0)] = false;
        let Some(groups) = self.groups.take() else { return };
        for from in (0..self.hosts).map(HostId) {
            for to in (0..self.hosts).map(HostId) {
                let apart = groups[usize::from(from.0)] != groups[usize::from(to.0)];
                if apart && from != host && to != host {
                    self.link_mut(from, to).cut = true;
                }
            }
        }
    }

    /// The links that are not as they were made.
    pub(crate) fn changed(&self) -> Vec<LinkInfo> {
        let mut changed = Vec::new();
        for from in (0..self.hosts).map(HostId) {
            for to in (0..self.hosts).map(HostId).filter(|to| *to != from) {
                let link = &self.links[self.place(from, to)];
                let info = LinkInfo {
                    from,
                    to,
                    cut: self.blocked(from, to),
                    latency_us: link.latency_us,
                    loss_per_10k: link.loss_per_10k,
                    duplicate_per_10k: link.duplicate_per_10k,
                };
                let usual = !info.cut
                    && info.latency_us == self.defaults.latency_us
                    && info.loss_per_10k == 0
                    && info.duplicate_per_10k == 0;
                if !usual {
                    changed.push(info);
                }
            }
        }
        changed
    }
}

/// TCP's first retransmission timeout, and where we stop doubling it.
pub(crate) const RETRANSMIT_MIN_US: u64 = 200_000;
pub(crate) const RETRANSMIT_MAX_US: u64 = 3_200_000;
/// A link that loses everything is tried again by the connection, not here.
const LOST_IN_A_ROW_MAX: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const A: HostId = HostId(0);
    const B: HostId = HostId(1);
    const C: HostId = HostId(2);

    fn links() -> Links {
        Links::new(1, 3, LinkDefaults::default())
    }

    #[test]
    fn cuts_are_one_way_and_partitions_both() {
        let mut links = links();
        links.cut(A, B);
        assert!(links.blocked(A, B) && !links.blocked(B, A) && !links.open_both_ways(B, A));
        links.heal(None);
        assert!(!links.blocked(A, B));
        links.partition(&[vec![A]]);
        assert!(links.blocked(A, B) && links.blocked(C, A) && !links.blocked(B, C));
        links.isolate(B);
        assert!(links.blocked(B, C) && !links.blocked(B, B));
        assert_eq!(links.changed().len(), 6);
        links.heal(None);
        assert!(links.changed().is_empty());
    }

    #[test]
    fn healing_one_host_leaves_the_others_apart() {
        let mut links = links();
        links.partition(&[vec![A], vec![B], vec![C]]);
        links.heal(Some(A));
        assert!(links.open_both_ways(A, B) && links.open_both_ways(A, C));
        assert!(links.blocked(B, C) && links.blocked(C, B));
        links.heal(None);
        assert!(links.open_both_ways(B, C));
    }

    #[test]
    fn messages_keep_their_order_and_their_latency() {
        let mut links = links();
        let mut last = 0;
        for now in 0..1000 {
            let passage = links.send(A, B, now, 100);
            assert!(!passage.lost && !passage.twice);
            assert!(passage.arrive_us >= last);
            assert!((now + 450..=now + 560).contains(&passage.arrive_us));
            last = passage.arrive_us;
        }
        links.set_latency(A, B, 20_000);
        assert!(links.send(B, A, 0, 0).arrive_us >= 18_000);
    }

    #[test]
    fn rates_are_met() {
        let mut links = links();
        links.set_loss(A, B, 1000);
        links.set_duplicate(A, C, 1000);
        let lost = (0..10_000).filter(|now| links.send(A, B, *now, 0).lost).count();
        let twice = (0..10_000).filter(|now| links.send(C, A, *now, 0).twice).count();
        assert!((900..1100).contains(&lost) && (900..1100).contains(&twice), "{lost} {twice}");
        let late =
            (0..10_000).filter(|now| links.send_stream(A, B, *now, 0) > now + 200_000).count();
        assert!((900..1100).contains(&late), "{late}");
    }
}
