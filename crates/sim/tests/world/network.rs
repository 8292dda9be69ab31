//! Partitions, cuts, loss, duplicates, slow links.

use etcd::Role;
use sim::{Fault, FlightKind, HostId, WorldEvent};

use crate::common::*;

fn groups(groups: &[&[HostId]]) -> Fault {
    Fault::Partition { groups: groups.iter().map(|group| group.to_vec()).collect() }
}

#[test]
fn the_larger_side_of_a_partition_goes_on_and_the_smaller_waits() {
    let mut world = cluster(5, 11);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    let others: Vec<HostId> = hosts(&world).filter(|host| *host != first).collect();
    let (small, large) = (vec![first, others[0]], others[1..].to_vec());
    inject(&mut world, groups(&[&small, &large]));
    assert!(!world.reachable(first, large[0]) && world.reachable(first, small[1]));
    assert_eq!(world.links().iter().filter(|link| link.cut).count(), 12);
    wait(&mut world, 5 * SECOND_US, "a leader of three", |world| {
        leader(world).is_some_and(|host| large.contains(&host))
    });
    wait(&mut world, 2 * SECOND_US, "stepping down", |world| {
        world.member(first).unwrap().role != Role::Leader
    });
    let to = |host: HostId| format!("n{}:2379", host.0 + 1);
    call(&mut world, large[0], &to(large[0]), put("a", "large")).unwrap();
    call(&mut world, first, &to(first), put("a", "small")).unwrap_err();
    inject(&mut world, Fault::Heal { host: None });
    wait(&mut world, 5 * SECOND_US, "agreement of five", agree);
    assert!(world.links().is_empty());
    assert_eq!(world.member(first).unwrap().revision, 2);
}

#[test]
fn a_leader_that_is_not_heard_is_replaced() {
    let mut world = cluster(3, 12);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    for to in hosts(&world).filter(|host| *host != first) {
        inject(&mut world, Fault::Cut { from: first, to });
    }
    wait(&mut world, 5 * SECOND_US, "another leader", |world| {
        leader(world).is_some_and(|host| host != first)
    });
    inject(&mut world, Fault::Heal { host: Some(first) });
    wait(&mut world, 10 * SECOND_US, "agreement", |world| agree(world) && leader(world).is_some());
}

#[test]
fn a_leader_that_hears_nobody_steps_down() {
    let mut world = cluster(3, 13);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    for from in hosts(&world).filter(|host| *host != first) {
        inject(&mut world, Fault::Cut { from, to: first });
    }
    wait(&mut world, 4 * SECOND_US, "stepping down", |world| {
        world.member(first).unwrap().role != Role::Leader
    });
    wait(&mut world, 12 * SECOND_US, "another leader", |world| {
        leader(world).is_some_and(|host| host != first)
    });
    inject(&mut world, Fault::Heal { host: None });
    wait(&mut world, 10 * SECOND_US, "agreement", agree);
}

#[test]
fn an_isolated_member_does_not_raise_its_term() {
    let mut world = cluster(3, 14);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    let host = hosts(&world).find(|host| *host != first).unwrap();
    inject(&mut world, Fault::Isolate { host });
    run(&mut world, 60 * SECOND_US);
    assert_eq!(world.member(host).unwrap().term, 2, "rehearsals cost no terms");
    inject(&mut world, Fault::Heal { host: Some(host) });
    wait(&mut world, 5 * SECOND_US, "agreement", agree);
    assert_eq!(leader(&world), Some(first), "the leader is not disturbed");
}

#[test]
fn writes_go_on_while_a_tenth_is_lost_and_a_fifth_comes_twice() {
    let faults: [fn(HostId, HostId) -> Fault; 2] = [
        |a, b| Fault::Loss { a, b, per_10k: 1000 },
        |a, b| Fault::Duplicate { a, b, per_10k: 2000 },
    ];
    for (seed, fault) in (15..).zip(faults) {
        let mut world = cluster(3, seed);
        wait_leader(&mut world);
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            inject(&mut world, fault(HostId(a), HostId(b)));
        }
        let client = client(&mut world, HostId(0), seed, 10_000);
        run(&mut world, 60 * SECOND_US);
        let tally = client.borrow();
        assert!(tally.puts > 300 && tally.reads > 100, "{tally:?}");
        drop(tally);
        inject(&mut world, Fault::Heal { host: None });
        client.borrow_mut().stop = true;
        run(&mut world, 2 * SECOND_US);
        wait(&mut world, 5 * SECOND_US, "agreement", agree);
    }
}

#[test]
fn far_hosts_make_slow_writes() {
    let mut world = cluster(3, 17);
    wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    let took = |world: &mut sim::World| {
        let begin = world.now_us();
        call(world, HostId(0), "n1:2379", put("a", "1")).unwrap();
        world.now_us() - begin
    };
    let near = took(&mut world);
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let latency_us = 50_000;
        inject(&mut world, Fault::Latency { a: HostId(a), b: HostId(b), latency_us });
    }
    let far = took(&mut world);
    assert!(near < 20_000 && far > 90_000, "{near} us, then {far} us");
}

#[test]
fn what_is_sent_can_be_seen() {
    let mut world = cluster(3, 18);
    wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    assert!(world.take_flights().is_empty(), "nobody looked");
    world.record_flights(true);
    call(&mut world, HostId(0), "n2:2379", put("a", "1")).unwrap();
    let flights = world.take_flights();
    let seen = |kind: FlightKind| flights.iter().any(|flight| flight.kind == kind);
    assert!(seen(FlightKind::Client) && seen(FlightKind::ClientReply));
    assert!(seen(FlightKind::Peer(etcd::MsgKind::Append)));
    assert!(seen(FlightKind::Peer(etcd::MsgKind::AppendResponse)));
    assert!(flights.iter().all(|flight| flight.arrive_us >= flight.sent_us && !flight.lost));
    assert!(flights.is_sorted_by_key(|flight| flight.id));
    run(&mut world, 600 * SECOND_US);
    assert_eq!(world.take_flights().len(), 256, "what nobody takes is bounded");
    // In the air: shortly after a tick of the leader its heartbeats are.
    let mut most = 0;
    for _ in 0..200 {
        world.step();
        most = most.max(world.flights().len());
    }
    assert!((2..20).contains(&most), "{most}");
}

#[test]
fn transports_notice_after_as_long_as_they_would() {
    let mut world = cluster(3, 19);
    wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    let mut noticed = |fault: Fault| {
        world.drain_events();
        let begin = world.now_us();
        inject(&mut world, fault);
        run(&mut world, 8 * SECOND_US);
        let events = world.drain_events();
        let times = events.iter().filter_map(|happened| match happened.what {
            WorldEvent::PeerStatus { host: HostId(0), .. } => Some(happened.at_us - begin),
            _ => None,
        });
        times.collect::<Vec<u64>>()
    };
    // A process that ends closes its connections; a cut is silence.
    let killed = noticed(Fault::Kill { host: HostId(2) });
    assert!(matches!(killed[..], [at] if at < 1000), "{killed:?}");
    let back = noticed(Fault::Start { host: HostId(2), config: None, argv: Vec::new() });
    assert!(matches!(back[..], [at] if at < 150_000), "{back:?}");
    let cut = noticed(Fault::Isolate { host: HostId(1) });
    assert_eq!(cut, [5_000_000]);
    let healed = noticed(Fault::Heal { host: None });
    assert!(matches!(healed[..], [at] if at < 1_100_000), "{healed:?}");
}

#[test]
fn faults_that_make_no_sense_are_refused_with_a_sentence() {
    let mut world = cluster(3, 20);
    wait_leader(&mut world);
    let before = world.trace_hash();
    let (n1, n9) = (HostId(0), HostId(8));
    let table = [
        (Fault::Kill { host: n9 }, "no host number 8"),
        (Fault::Start { host: n1, config: None, argv: Vec::new() }, "a member runs on n1 already"),
        (Fault::Thaw { host: n1 }, "the member on n1 is not frozen"),
        (Fault::PowerOn { host: n1 }, "n1 is on already"),
        (Fault::Cut { from: n1, to: n1 }, "n1 has no link to itself"),
        (groups(&[&[n1], &[n1]]), "n1 can be in one group only"),
        (
            Fault::Loss { a: n1, b: HostId(1), per_10k: 10_001 },
            "10001 in ten thousand is more than all",
        ),
        (
            Fault::Disk { host: n1, fault: sim::DiskFault::Corrupt { file: "/x".to_owned() } },
            "/x: no such file",
        ),
    ];
    for (fault, sentence) in table {
        assert_eq!(world.inject(fault).unwrap_err().to_string(), sentence);
    }
    assert_eq!(world.trace_hash(), before, "what is refused has no effect");
    inject(&mut world, Fault::PowerOff { host: n1 });
    let error = world.inject(Fault::Freeze { host: n1 }).unwrap_err();
    assert_eq!(error.to_string(), "n1 is off");
}
