//! Members under random faults, from seeds. The harness checks with every event that no term
//! has two leaders and that equal indexes mean equal states; here in the end also that what
//! was acknowledged is still there.

use super::harness::{Net, SECOND, get, put};
use crate::MsgKind;
use crate::node::mix;
use crate::rpc::Answer;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0) % limit
    }
}

const KINDS: [MsgKind; 10] = [
    MsgKind::Append,
    MsgKind::AppendResponse,
    MsgKind::Heartbeat,
    MsgKind::HeartbeatResponse,
    MsgKind::Propose,
    MsgKind::ReadIndex,
    MsgKind::ReadIndexResponse,
    MsgKind::RequestVoteResponse,
    MsgKind::RequestPreVoteResponse,
    MsgKind::Snapshot,
];

/// A put that was sent: its call, its host, its number.
struct Sent {
    host: usize,
    call: u64,
    number: u64,
}

fn fault(net: &mut Net, random: &mut Random) {
    let hosts = net.hosts.len() as u64;
    let host = random.below(hosts) as usize;
    let kind = KINDS[random.below(KINDS.len() as u64) as usize];
    match random.below(12) {
        0 | 1 if net.hosts[host].member.is_some() => net.kill(host),
        0..=3 => {
            for host in 0..net.hosts.len() {
                if net.hosts[host].member.is_none() {
                    net.start(host);
                }
            }
        }
        4 => net.partition(&[host]),
        5 => net.partition(&[host, (host + 1) % hosts as usize]),
        6 => net.heal(),
        7 => net.hosts[host].disk_us = 500 + random.below(400_000),
        8 => net.hosts[host].disk_us = 1000,
        9 => {
            net.double.insert(kind);
        }
        10 => {
            net.lose.insert(kind);
        }
        _ => {
            net.lose.clear();
            net.double.clear();
        }
    }
}

fn settle(net: &mut Net) {
    net.lose.clear();
    net.double.clear();
    net.heal();
    for host in 0..net.hosts.len() {
        net.hosts[host].disk_us = 1000;
        if net.hosts[host].member.is_none() {
            net.start(host);
        }
    }
    net.run(40 * SECOND);
    net.wait_leader();
    net.agree();
}

/// Runs one seed; the answer is its trace, and how many puts were acknowledged.
fn soak(seed: u64, members: usize) -> (u64, u64) {
    let mut random = Random(mix(seed));
    let mut net = Net::off(members);
    for host in &mut net.hosts {
        host.config.seed = seed;
        host.config.snapshot_count = 15;
        host.config.snapshot_catchup = 5;
    }
    for host in 0..members {
        net.start(host);
    }
    net.run(4 * SECOND);
    let mut sent: Vec<Sent> = Vec::new();
    let mut acknowledged = 0;
    for number in 1..=150 {
        if random.below(4) == 0 {
            fault(&mut net, &mut random);
        }
        let host = random.below(members as u64) as usize;
        if net.hosts[host].member.is_some() {
            let call = net.send(host, put(&format!("k{number}"), "v"), Some(5 * SECOND));
            sent.push(Sent { host, call, number });
            let read = net.send(host, get("k1", false), Some(5 * SECOND));
            sent.push(Sent { host, call: read, number: 0 });
        }
        net.run(random.below(300_000));
    }
    settle(&mut net);
    for Sent { host, call, number } in sent {
        let replies = net.replies.get(&(host, call)).into_iter().flatten();
        let ok = replies.into_iter().any(|reply| matches!(reply.result, Ok(Answer::Put(_))));
        if number > 0 && ok {
            acknowledged += 1;
            let value = net.get(host, &format!("k{number}")).expect("the cluster is healthy");
            assert_eq!(value, Some("v".to_owned()), "seed {seed} lost k{number}");
        }
    }
    (net.trace, acknowledged)
}

#[test]
fn nothing_acknowledged_is_lost_whatever_happens() {
    let mut acknowledged = 0;
    for seed in 0..40 {
        acknowledged += soak(seed, if seed % 3 == 0 { 5 } else { 3 }).1;
    }
    assert!(acknowledged > 500, "{acknowledged} puts in all");
}

#[test]
fn a_soak_can_be_repeated() {
    assert_eq!(soak(99, 3), soak(99, 3));
}
