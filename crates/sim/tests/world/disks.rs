//! Power, slow, full and damaged disks.

use etcd::Role;
use sim::{DiskFault, Fault, HostId, Power, WorldEvent};

use crate::common::*;

#[test]
fn acknowledged_writes_survive_the_power_of_all_hosts() {
    for seed in 21..24 {
        let mut world = cluster(3, seed);
        wait_leader(&mut world);
        let client = client(&mut world, HostId(0), seed, 1000);
        run(&mut world, 5 * SECOND_US + seed * 1234);
        for host in hosts(&world) {
            inject(&mut world, Fault::PowerOff { host });
            assert_eq!(world.host_power(host), Power::Off);
        }
        let (puts, revision) = (client.borrow().puts, client.borrow().revision);
        assert!(puts > 200, "{client:?}");
        run(&mut world, SECOND_US);
        for host in hosts(&world) {
            inject(&mut world, Fault::PowerOn { host });
        }
        let leader = wait_leader(&mut world);
        wait(&mut world, 5 * SECOND_US, "agreement", |world| {
            agree(world) && members(world).len() == 3
        });
        assert!(world.member(leader).unwrap().revision >= revision);
        call(&mut world, leader, "127.0.0.1:2379", put("after", "it")).unwrap();
    }
}

#[test]
fn a_host_without_power_is_silent_and_comes_back() {
    let mut world = cluster(3, 24);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    inject(&mut world, Fault::PowerOff { host: first });
    assert!(world.ps(first).is_empty() && world.member(first).is_none());
    wait_leader(&mut world);
    inject(&mut world, Fault::PowerOn { host: first });
    wait(&mut world, 5 * SECOND_US, "agreement of three", |world| {
        agree(world) && members(world).len() == 3
    });
}

#[test]
fn a_slow_disk_slows_writes_when_a_majority_has_one() {
    let mut world = cluster(3, 25);
    wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    let took = |world: &mut sim::World| {
        let begin = world.now_us();
        call(world, HostId(0), "n1:2379", put("a", "1")).unwrap();
        world.now_us() - begin
    };
    let quick = took(&mut world);
    for host in hosts(&world).take(2) {
        inject(&mut world, Fault::Disk { host, fault: DiskFault::Slow });
    }
    let slow = took(&mut world);
    assert!(slow > 2 * quick && slow > 40_000, "{quick} us, then {slow} us");
    for host in hosts(&world).take(2) {
        inject(&mut world, Fault::Disk { host, fault: DiskFault::Ok });
    }
    run(&mut world, SECOND_US);
    assert!(took(&mut world) < 20_000);
}

#[test]
fn a_member_with_a_full_disk_dies_and_the_others_go_on() {
    let mut world = cluster(3, 26);
    let first = wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    let client = client(&mut world, first, 26, 5000);
    inject(&mut world, Fault::Disk { host: first, fault: DiskFault::Full });
    wait(&mut world, 5 * SECOND_US, "its end", |world| world.member(first).is_none());
    let last = world.journal(first, 1).remove(0);
    assert!(last.contains("no space left on device"), "{last}");
    wait_leader(&mut world);
    let puts = client.borrow().puts;
    run(&mut world, 5 * SECOND_US);
    assert!(client.borrow().puts > puts);
    inject(&mut world, Fault::Disk { host: first, fault: DiskFault::Ok });
    inject(&mut world, Fault::Start { host: first, config: None, argv: Vec::new() });
    client.borrow_mut().stop = true;
    run(&mut world, 4 * SECOND_US);
    wait(&mut world, 5 * SECOND_US, "agreement of three", |world| {
        agree(world) && members(world).len() == 3
    });
}

#[test]
fn a_damaged_log_is_refused_at_the_next_start() {
    let mut world = cluster(3, 27);
    let first = wait_leader(&mut world);
    let client = client(&mut world, first, 27, 5000);
    run(&mut world, 5 * SECOND_US);
    client.borrow_mut().stop = true;
    run(&mut world, 4 * SECOND_US);
    let host = hosts(&world).find(|host| *host != first).unwrap();
    inject(&mut world, Fault::Kill { host });
    let dir = "/var/lib/etcd/member/wal";
    let names = world.read_dir(host, dir).unwrap();
    let (name, _) = names.iter().find(|(name, _)| name.ends_with(".wal")).unwrap();
    let file = format!("{dir}/{name}");
    let before = world.read_file(host, &file).unwrap();
    // The fault flips bits anywhere in the log, also where it looks like a write cut short
    // and is repaired; here the damage goes into a record that others follow.
    let mut bytes = before.to_vec();
    bytes[600] ^= 0x10;
    world.write_file(host, &file, bytes.into(), 0o600).unwrap();
    world.drain_events();
    inject(&mut world, Fault::Start { host, config: None, argv: Vec::new() });
    run(&mut world, SECOND_US);
    assert!(world.member(host).is_none(), "{}", picture(&world));
    let refused = |happened: &sim::Happened| matches!(&happened.what, WorldEvent::MemberRefused { exit_code, .. } if *exit_code != 0);
    assert!(world.drain_events().iter().any(refused));
    assert!(leader(&world).is_some());
}

#[test]
fn a_damaged_file_is_reported_and_never_takes_the_world_down() {
    for seed in 28..36 {
        let mut world = cluster(3, seed);
        wait_leader(&mut world);
        let client = client(&mut world, HostId(0), seed, 5000);
        run(&mut world, 3 * SECOND_US);
        client.borrow_mut().stop = true;
        let host = HostId(1);
        inject(&mut world, Fault::Kill { host });
        let files = world.files(host, "/var/lib/etcd");
        let place = usize::try_from(seed).unwrap() % files.len();
        let file = format!("/var/lib/etcd/{}", files[place].0);
        inject(&mut world, Fault::Disk { host, fault: DiskFault::Corrupt { file } });
        assert!(world.disk_corrupted(host));
        inject(&mut world, Fault::Start { host, config: None, argv: Vec::new() });
        run(&mut world, 10 * SECOND_US);
        let others = members(&world).into_iter().filter(|(other, _)| *other != host);
        assert!(others.clone().any(|(_, it)| it.role == Role::Leader), "{}", picture(&world));
        inject(&mut world, Fault::Disk { host, fault: DiskFault::Ok });
        assert!(!world.disk_corrupted(host));
    }
}

#[test]
fn a_wiped_disk_voids_the_promise_instead_of_breaking_it() {
    let mut world = cluster(3, 37);
    let first = wait_leader(&mut world);
    let client = client(&mut world, first, 37, 5000);
    run(&mut world, 5 * SECOND_US);
    // Two of three forget everything: a new cluster of the same name may come out of it.
    for host in hosts(&world).filter(|host| *host != first).collect::<Vec<_>>() {
        inject(&mut world, Fault::Kill { host });
        wipe(&mut world, host);
    }
    inject(&mut world, Fault::Kill { host: first });
    world.drain_events();
    for host in hosts(&world) {
        inject(&mut world, Fault::Start { host, config: None, argv: Vec::new() });
    }
    run(&mut world, 20 * SECOND_US);
    client.borrow_mut().stop = true;
    let void = |it: &sim::Happened| matches!(it.what, WorldEvent::PromiseVoid { .. });
    assert!(world.drain_events().iter().any(void), "{}", picture(&world));
}

fn wipe(world: &mut sim::World, host: HostId) {
    let spec = sim::SpawnSpec { fds: Vec::new(), ..sim::SpawnSpec::new("/rm", &["rm"]) };
    let files = world.files(host, "/var/lib/etcd");
    let code = move |sys: sim::Sys| -> sim::Task {
        Box::pin(async move {
            for (file, _) in files {
                sys.remove_file(&format!("/var/lib/etcd/{file}")).unwrap();
            }
            0
        })
    };
    world.spawn_task(host, spec, Box::new(code)).unwrap();
    world.settle();
    assert!(world.files(host, "/var/lib/etcd").is_empty());
}
