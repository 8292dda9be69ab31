//! Random faults over many seeds. Goal: no promise is ever broken while anything at all may
//! happen, and the cluster works again soon after everything is well. Method: two phases. In
//! the first, faults come from the seed while clients write and read, and the checkers
//! watch; in the second all is healed, and a leader, progress and agreement must come within
//! a bound. Each seed runs twice and must leave the same trace.

use sim::{DiskFault, Fault, HostId, Power, Rng, World};

use crate::common::*;

/// Seeds of one run of the tests: about twenty seconds without a faster profile. A hunt sets
/// `SOAK_SEEDS` to `from..to`.
const SEEDS: std::ops::Range<u64> = 0..72;
/// How long faults come.
const SAFETY_US: u64 = 60 * SECOND_US;
/// How long recovery may take: an election of split votes, snapshots, streams.
const RECOVERY_US: u64 = 20 * SECOND_US;

/// A fault from the seed: mostly sensible ones, some of which the world refuses.
pub(crate) fn any_fault(rng: &mut Rng, hosts: u8) -> Fault {
    let mut pick = || HostId(u8::try_from(rng.below(u64::from(hosts))).unwrap());
    let (host, other) = (pick(), pick());
    let rate = u16::try_from(rng.below(3000)).unwrap();
    match rng.below(20) {
        0 | 1 => Fault::Kill { host },
        2 => Fault::Stop { host },
        3..=5 => Fault::Start { host, config: None, argv: Vec::new() },
        6 => Fault::Restart { host },
        7 => Fault::PowerOff { host },
        8 | 9 => Fault::PowerOn { host },
        10 => Fault::Freeze { host },
        11 => Fault::Thaw { host },
        12 => Fault::Isolate { host },
        13 => Fault::Heal { host: (rate < 1500).then_some(host) },
        14 => Fault::Partition { groups: vec![vec![host], vec![other]] },
        15 => Fault::Cut { from: host, to: other },
        16 => Fault::Latency { a: host, b: other, latency_us: rng.below(200_000) },
        17 => Fault::Loss { a: host, b: other, per_10k: rate },
        18 => Fault::Duplicate { a: host, b: other, per_10k: rate },
        _ => {
            let fault = match rng.below(4) {
                0 => DiskFault::Slow,
                1 => DiskFault::Full,
                _ => DiskFault::Ok,
            };
            Fault::Disk { host, fault }
        }
    }
}

pub(crate) fn heal_all(world: &mut World) {
    inject(world, Fault::Heal { host: None });
    for host in hosts(world) {
        inject(world, Fault::Disk { host, fault: DiskFault::Ok });
        match world.host_power(host) {
            Power::Off => inject(world, Fault::PowerOn { host }),
            Power::Frozen => inject(world, Fault::Thaw { host }),
            _ => {}
        }
    }
    // A member that was told to stop may take its time to hand leadership over.
    for _ in 0..10 {
        run(world, SECOND_US);
        for host in hosts(world) {
            if world.host_power(host) == Power::Stopped {
                inject(world, Fault::Start { host, config: None, argv: Vec::new() });
            }
        }
    }
}

/// One seed; returns the trace, and how many writes came through.
fn soak(seed: u64) -> (u64, u64) {
    let mut rng = Rng::for_purpose(seed, "soak", 0);
    let size = [3, 5, 3, 7][usize::try_from(seed % 4).unwrap()];
    let mut spec = spec(size, size, seed);
    for member in &mut spec.members {
        // Small logs, so that snapshots are a matter of course.
        member.config.snapshot_count = 50 + rng.below(200);
        member.config.snapshot_catchup = 20 + rng.below(50);
    }
    let mut world = World::new(spec);
    let clients: Vec<Shared> =
        (0..2).map(|host| client(&mut world, HostId(host), seed, 20_000)).collect();
    let mut history = Vec::new();
    while world.now_us() < SAFETY_US {
        let fault = any_fault(&mut rng, size);
        history.push(format!("{:>9} {fault:?}", world.now_us()));
        let _refused = world.inject(fault);
        let until = world.now_us() + 100_000 + rng.below(2 * SECOND_US);
        world.advance(until, u32::MAX);
        if let Some(violation) = world.violation() {
            panic!("seed {seed}: {violation}\n{}\n{}", history.join("\n"), picture(&world));
        }
        world.drain_events();
    }
    heal_all(&mut world);
    let before: i64 = members(&world).iter().map(|(_, it)| it.revision).max().unwrap_or(0);
    // Clients of hosts that lost their power are gone; this one drives the second phase.
    let last = client(&mut world, HostId(2), seed + 1000, 20_000);
    let count = usize::from(size);
    wait(&mut world, RECOVERY_US, &format!("seed {seed}: progress"), |world| {
        let all = members(world);
        leader(world).is_some()
            && last.borrow().puts > 10
            && all.len() == count
            && all.iter().all(|(_, it)| it.revision > before)
    });
    for client in clients.iter().chain([&last]) {
        client.borrow_mut().stop = true;
    }
    wait(&mut world, RECOVERY_US, &format!("seed {seed}: agreement"), agree);
    let revision = clients.iter().map(|client| client.borrow().revision).max().unwrap();
    assert!(members(&world).iter().all(|(_, it)| it.revision >= revision));
    (world.trace_hash(), world.counters().writes_acked)
}

#[expect(clippy::disallowed_methods, reason = "a hunt chooses its own seeds")]
fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("SOAK_SEEDS") else { return SEEDS };
    let (from, to) = text.split_once("..").expect("SOAK_SEEDS is from..to");
    from.parse().expect("a seed")..to.parse().expect("a seed")
}

#[test]
fn no_promise_is_broken_and_clusters_recover() {
    let (mut writes, mut count) = (0, 0);
    for seed in seeds() {
        let (trace, acked) = soak(seed);
        assert_eq!(soak(seed).0, trace, "seed {seed} runs differently the second time");
        (writes, count) = (writes + acked, count + 1);
    }
    assert!(writes > 100 * count, "the clients hardly came through: {writes}");
}
