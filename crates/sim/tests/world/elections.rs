//! Who leads, when, and what happens when the leader is gone.

use etcd::{Fact, Role, Why};
use sim::{Fault, HostId, Power, WorldEvent};

use crate::common::*;

#[test]
fn clusters_of_every_size_elect_once_and_agree() {
    for size in [1_u8, 2, 3, 5, 7, 9] {
        let mut world = cluster(size, u64::from(size));
        let leader = wait_leader(&mut world);
        run(&mut world, 3 * SECOND_US);
        assert!(agree(&world), "{}", picture(&world));
        let status = world.member(leader).unwrap();
        // The founders' entries, the leader's empty one, a name each, the cluster's version.
        assert_eq!(status.last_index, 2 * u64::from(size) + 2, "{}", picture(&world));
        assert_eq!((status.term, status.revision), (2, 1));
        assert_eq!(status.voters.len(), usize::from(size));
    }
}

#[test]
fn a_killed_leader_is_replaced_and_follows_when_it_is_back() {
    let mut world = cluster(3, 7);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    call(&mut world, first, "127.0.0.1:2379", put("a", "1")).unwrap();
    inject(&mut world, Fault::Kill { host: first });
    assert_eq!(world.host_power(first), Power::Stopped);
    assert!(world.member(first).is_none());
    let took = wait(&mut world, 4 * SECOND_US, "another leader", |world| leader(world).is_some());
    assert!(took > 500_000, "nobody can know so soon: {took} us");
    let second = leader(&world).unwrap();
    assert_ne!(first, second);
    call(&mut world, second, "127.0.0.1:2379", put("b", "2")).unwrap();
    inject(&mut world, Fault::Start { host: first, config: None, argv: Vec::new() });
    wait(&mut world, 3 * SECOND_US, "agreement of three", |world| {
        agree(world) && members(world).len() == 3
    });
    assert_eq!(leader(&world), Some(second), "who comes back does not disturb");
    assert_eq!(world.member(first).unwrap().revision, 3);
}

#[test]
fn a_stopped_leader_hands_over_without_a_pause() {
    let mut world = cluster(3, 3);
    let first = wait_leader(&mut world);
    run(&mut world, 6 * SECOND_US);
    inject(&mut world, Fault::Stop { host: first });
    let took = wait(&mut world, SECOND_US, "another leader", |world| {
        leader(world).is_some_and(|host| host != first)
    });
    assert!(took <= 200_000, "{took} us");
    wait(&mut world, SECOND_US, "its end", |world| world.member(first).is_none());
    let ended = |happened: &sim::Happened| matches!(happened.what, WorldEvent::MemberEnded { .. });
    assert_eq!(world.drain_events().iter().filter(|it| ended(it)).count(), 1);
}

#[test]
fn a_restart_is_a_stop_and_a_start() {
    let mut world = cluster(3, 4);
    let host = wait_leader(&mut world);
    run(&mut world, 6 * SECOND_US);
    inject(&mut world, Fault::Restart { host });
    wait(&mut world, 3 * SECOND_US, "a new run", |world| {
        world.ps(host).first().is_some_and(|process| process.pid.0 > 1003)
    });
    wait(&mut world, 5 * SECOND_US, "agreement of three", |world| {
        agree(world) && members(world).len() == 3 && leader(world).is_some()
    });
}

#[test]
fn a_frozen_leader_is_replaced_and_gives_in_when_it_thaws() {
    let mut world = cluster(3, 5);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    inject(&mut world, Fault::Freeze { host: first });
    assert_eq!(world.host_power(first), Power::Frozen);
    wait(&mut world, 4 * SECOND_US, "another leader", |world| {
        leader(world).is_some_and(|host| host != first)
    });
    assert_eq!(world.member(first).unwrap().role, Role::Leader, "it does not know yet");
    inject(&mut world, Fault::Thaw { host: first });
    wait(&mut world, 2 * SECOND_US, "its stepping down", |world| {
        world.member(first).unwrap().role == Role::Follower && agree(world)
    });
}

#[test]
fn two_of_three_lost_means_no_leader_until_one_is_back() {
    let mut world = cluster(3, 6);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    world.drain_events();
    let others: Vec<HostId> = hosts(&world).filter(|host| *host != first).collect();
    for &host in &others {
        inject(&mut world, Fault::Kill { host });
    }
    wait(&mut world, 3 * SECOND_US, "stepping down", |world| {
        world.member(first).unwrap().role != Role::Leader
    });
    let lost = |happened: &sim::Happened| {
        let quorum_lost = |fact: &Fact| {
            matches!(fact, Fact::QuorumLost { .. })
                || matches!(fact, Fact::Role { why: Why::QuorumLost, .. })
        };
        matches!(&happened.what, WorldEvent::Fact { fact, .. } if quorum_lost(fact))
    };
    assert!(world.drain_events().iter().any(lost));
    let error = call(&mut world, first, "127.0.0.1:2379", put("a", "1")).unwrap_err();
    assert_eq!(error, "context deadline exceeded");
    let term = world.member(first).unwrap().term;
    inject(&mut world, Fault::Start { host: others[0], config: None, argv: Vec::new() });
    wait_leader(&mut world);
    assert_eq!(world.member(first).unwrap().term, term + 1, "rehearsals cost no terms");
    call(&mut world, first, "127.0.0.1:2379", put("a", "1")).unwrap();
}

#[test]
fn clocks_that_differ_change_nothing_but_dates() {
    let mut world = cluster(3, 8);
    let leader = wait_leader(&mut world);
    inject(&mut world, Fault::Skew { host: leader, offset_us: 86_400 * 1_000_000 });
    let other = hosts(&world).find(|host| *host != leader).unwrap();
    inject(&mut world, Fault::Skew { host: other, offset_us: -3_600 * 1_000_000 });
    let client = client(&mut world, other, 1, 20_000);
    run(&mut world, 20 * SECOND_US);
    assert!(client.borrow().puts > 100, "{client:?}");
    inject(&mut world, Fault::Restart { host: leader });
    run(&mut world, 5 * SECOND_US);
    let line = world.journal(leader, 1).remove(0);
    assert!(line.contains("\"ts\":\"2026-11-23T"), "{line}");
    assert_eq!(world.skew_us(other), -3_600_000_000);
}
