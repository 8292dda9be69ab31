//! What only somebody inside can do to a world: let its disks lie.

use super::*;
use crate::checker::Check;
use crate::net::Packet;
use etcd::rpc::{CallId, Op, Request};
use etcd::{Release, Role, pb};

const SECOND_US: u64 = 1_000_000;

fn cluster() -> World {
    let hosts: Vec<String> = (1..=3).map(|number| format!("n{number}")).collect();
    let urls = |name: &str, port: u16| vec![format!("http://{name}:{port}")];
    let initial: Vec<(String, Vec<String>)> =
        hosts.iter().map(|name| (name.clone(), urls(name, 2380))).collect();
    let member = |name: &String| MemberSpec {
        host: name.clone(),
        config: Config {
            data_dir: "/var/lib/etcd".to_owned(),
            listen_peer_urls: urls(name, 2380),
            listen_client_urls: urls(name, 2379),
            initial_advertise_peer_urls: urls(name, 2380),
            advertise_client_urls: urls(name, 2379),
            initial_cluster: initial.clone(),
            ..Config::new(name, Release::V3_6)
        },
        argv: Vec::new(),
    };
    let members = hosts.iter().map(member).collect();
    let mut world = World::new(WorldSpec { hosts, members, seed: 38, ..WorldSpec::default() });
    world.advance(3 * SECOND_US, u32::MAX);
    world
}

/// Puts one key after the other through a member.
fn put_for(world: &mut World, host: HostId, us: u64) {
    let endpoint = format!("n{}:2379", host.0 + 1);
    let code = move |sys: crate::sys::Sys| -> crate::task::Task {
        Box::pin(async move {
            let conn = sys.dial(&endpoint).await.unwrap();
            conn.ready().await.unwrap();
            for call in 1.. {
                let put = pb::PutRequest { key: Bytes::from_static(b"k"), ..Default::default() };
                let op = Op::Put(put);
                let request =
                    Request { call: CallId(call), timeout_us: None, token: String::new(), op };
                if conn.send(Packet::Rpc(request)).is_err() || conn.recv().await.is_err() {
                    break;
                }
            }
            0
        })
    };
    let spec = SpawnSpec { fds: Vec::new(), ..SpawnSpec::new("/put", &["put"]) };
    world.spawn_task(host, spec, Box::new(code)).unwrap();
    world.advance(world.now_us() + us, u32::MAX);
}

/// Goal: the checkers find a lost write in a real world, not only in forged histories.
/// Method: two of three members come up on what their disks held seconds ago, as if the
/// disks had lied about every sync since; nobody else touched a file.
#[test]
fn disks_that_lied_are_found_out() {
    let mut world = cluster();
    let all = [HostId(0), HostId(1), HostId(2)];
    let leads = |host: &HostId| world.member(*host).unwrap().role == Role::Leader;
    let first = all.into_iter().find(leads).unwrap();
    let liars: Vec<HostId> = all.into_iter().filter(|host| *host != first).collect();
    let dir = "/var/lib/etcd";
    let mut copies = Vec::new();
    for &host in &liars {
        for (file, _) in world.files(host, dir) {
            let path = format!("{dir}/{file}");
            copies.push((host, path.clone(), world.read_file(host, &path).unwrap()));
        }
    }
    put_for(&mut world, first, 3 * SECOND_US);
    assert!(world.counters().writes_acked > 100);
    for host in all {
        world.inject(Fault::Kill { host }).unwrap();
    }
    for (host, path, bytes) in copies {
        let mut kernel = world.kernel.borrow_mut();
        let at = kernel.at(host);
        kernel.host_mut(host).disk.install(&path, &bytes, 0o600, at).unwrap();
    }
    for host in liars {
        world.inject(Fault::Start { host, config: None, argv: Vec::new() }).unwrap();
    }
    let until = world.now_us() + 20 * SECOND_US;
    let advanced = world.advance(until, u32::MAX);
    let violation = world.violation().expect("an acknowledged write is gone");
    assert_eq!(violation.check, Check::Writes, "{violation}");
    assert!(!advanced.reached, "the world stands still");
    let now_us = world.now_us();
    assert_eq!(world.advance(until, u32::MAX), Advanced { now_us, reached: false, events: 0 });
    let told = |it: &Happened| matches!(it.what, WorldEvent::Violation(_));
    assert_eq!(world.drain_events().iter().filter(|it| told(it)).count(), 1);
}
