//! Clusters that grow and shrink.

use bytes::Bytes;
use etcd::rpc::{Answer, Op};
use etcd::{InitialState, pb};
use sim::{Fault, HostId, World};

use crate::common::*;

const N1: HostId = HostId(0);

fn add(world: &mut World, name: &str, is_learner: bool) -> pb::MemberAddResponse {
    let peer_urls = vec![format!("http://{name}:2380")];
    let op = Op::MemberAdd(pb::MemberAddRequest { peer_urls, is_learner });
    match call(world, N1, "n1:2379", op) {
        Ok(Answer::MemberAdd(added)) => added,
        other => panic!("{other:?}"),
    }
}

fn start_joining(world: &mut World, name: &str) {
    let host = world.host(name).unwrap();
    let names = world.host_names()[..=usize::from(host.0)].to_vec();
    let initial: Vec<(String, Vec<String>)> =
        names.iter().map(|name| (name.clone(), vec![format!("http://{name}:2380")])).collect();
    let mut config = config(name, &initial, 99);
    config.initial_cluster_state = InitialState::Existing;
    inject(world, Fault::Start { host, config: Some(Box::new(config)), argv: Vec::new() });
}

#[test]
fn a_cluster_grows_from_one_to_five_through_learners() {
    let mut world = World::new(spec(1, 5, 51));
    wait_leader(&mut world);
    let client = client(&mut world, N1, 51, 10_000);
    for name in ["n2", "n3", "n4", "n5"] {
        run(&mut world, 6 * SECOND_US);
        let id = add(&mut world, name, true).member.unwrap().id;
        start_joining(&mut world, name);
        let host = world.host(name).unwrap();
        wait(&mut world, 10 * SECOND_US, "a ready learner", |world| {
            world.member(host).is_some_and(|it| it.ready && it.is_learner)
        });
        run(&mut world, SECOND_US);
        let promote = Op::MemberPromote(pb::MemberPromoteRequest { id });
        call(&mut world, N1, "n1:2379", promote).unwrap();
    }
    client.borrow_mut().stop = true;
    run(&mut world, 5 * SECOND_US);
    wait(&mut world, 5 * SECOND_US, "agreement of five", |world| {
        agree(world) && members(world).len() == 5
    });
    assert!(members(&world).iter().all(|(_, it)| it.voters.len() == 5 && it.learners.is_empty()));
    assert!(client.borrow().puts > 100);
}

#[test]
fn a_removed_member_learns_it_and_stops() {
    let mut world = cluster(3, 52);
    let first = wait_leader(&mut world);
    run(&mut world, 6 * SECOND_US);
    let host = hosts(&world).find(|host| *host != first).unwrap();
    let id = world.member(host).unwrap().id.0;
    let endpoint = format!("n{}:2379", first.0 + 1);
    call(&mut world, first, &endpoint, Op::MemberRemove(pb::MemberRemoveRequest { id })).unwrap();
    wait(&mut world, 10 * SECOND_US, "its end", |world| world.member(host).is_none());
    assert_eq!(world.member(first).unwrap().voters.len(), 2);
}

#[test]
fn a_member_far_behind_gets_a_snapshot() {
    let mut spec = spec(3, 3, 53);
    for member in &mut spec.members {
        member.config.snapshot_count = 100;
        member.config.snapshot_catchup = 50;
    }
    let mut world = World::new(spec);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    let host = hosts(&world).find(|host| *host != first).unwrap();
    inject(&mut world, Fault::Kill { host });
    let client = client(&mut world, first, 53, 1000);
    wait(&mut world, 60 * SECOND_US, "writes", |_| client.borrow().puts > 1000);
    client.borrow_mut().stop = true;
    run(&mut world, 4 * SECOND_US);
    world.drain_events();
    inject(&mut world, Fault::Start { host, config: None, argv: Vec::new() });
    wait(&mut world, 10 * SECOND_US, "agreement of three", |world| {
        agree(world) && members(world).len() == 3
    });
    let received = |it: &sim::Happened| {
        let snapshot = |fact: &etcd::Fact| matches!(fact, etcd::Fact::SnapshotReceived { .. });
        matches!(&it.what, sim::WorldEvent::Fact { fact, .. } if snapshot(fact))
    };
    assert!(world.drain_events().iter().any(received), "{}", picture(&world));
    let value = Bytes::from_static(b"key1");
    let range = pb::RangeRequest { key: value, serializable: true, ..Default::default() };
    let endpoint = format!("n{}:2379", host.0 + 1);
    assert!(call(&mut world, host, &endpoint, Op::Range(range)).is_ok());
}
