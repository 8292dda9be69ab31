//! How fast a world runs on this machine: idle, under a hundred writes a second, and at full
//! load. `cargo run --release -p sim --example speed`

#![expect(clippy::disallowed_types, reason = "this measures the machine, not the world")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use etcd::rpc::{CallId, Op, Request};
use etcd::{Config, Release, pb};
use sim::{Group, HostId, MemberSpec, Packet, SpawnSpec, Sys, Task, World, WorldSpec};

fn world(members: u8, checkers: bool) -> World {
    let hosts: Vec<String> = (1..=members).map(|number| format!("n{number}")).collect();
    let initial: Vec<(String, Vec<String>)> =
        hosts.iter().map(|name| (name.clone(), vec![format!("http://{name}:2380")])).collect();
    let member = |(seed, name): (u64, &String)| MemberSpec {
        host: name.clone(),
        config: Config {
            data_dir: "/var/lib/etcd".to_owned(),
            listen_peer_urls: vec![format!("http://{name}:2380")],
            listen_client_urls: vec![format!("http://{name}:2379")],
            initial_advertise_peer_urls: vec![format!("http://{name}:2380")],
            advertise_client_urls: vec![format!("http://{name}:2379")],
            initial_cluster: initial.clone(),
            seed,
            ..Config::new(name, Release::V3_6)
        },
        argv: Vec::new(),
    };
    let members = (1..).zip(&hosts).map(member).collect();
    let spec = WorldSpec { hosts, members, seed: 1, checkers, ..WorldSpec::default() };
    let mut world = World::new(spec);
    world.advance(5_000_000, u32::MAX);
    world
}

fn leader(world: &World) -> HostId {
    let hosts = (0..u8::try_from(world.host_names().len()).expect("few hosts")).map(HostId);
    let leads =
        |host: &HostId| world.member(*host).is_some_and(|member| member.role == etcd::Role::Leader);
    hosts.into_iter().find(leads).expect("five seconds are enough for an election")
}

/// Keeps `outstanding` puts of 256 bytes on their way, each connection at most every
/// `pause_us`.
fn load(world: &mut World, outstanding: u64, pause_us: u64) -> Rc<RefCell<u64>> {
    let done: Rc<RefCell<u64>> = Rc::default();
    let counted = done.clone();
    let host = leader(world);
    let endpoint = format!("{}:2379", world.host_names()[usize::from(host.0)]);
    let code = move |sys: Sys| -> Task {
        Box::pin(async move {
            let conn = sys.dial(&endpoint).await.expect("the leader listens");
            conn.ready().await.expect("the leader answers");
            let value = Bytes::from(vec![b'v'; 256]);
            let ask = |number: u64| {
                let put = pb::PutRequest {
                    key: Bytes::from(format!("key{:06}", number % 10_000)),
                    value: value.clone(),
                    ..Default::default()
                };
                let request = Request {
                    call: CallId(number),
                    timeout_us: None,
                    token: String::new(),
                    op: Op::Put(put),
                };
                conn.send(Packet::Rpc(request)).expect("the leader stays");
            };
            let mut asked = 0;
            while asked < outstanding {
                asked += 1;
                ask(asked);
            }
            loop {
                let Ok(Packet::Reply { result, .. }) = conn.recv().await else { return 1 };
                result.expect("a put succeeds");
                *counted.borrow_mut() += 1;
                if pause_us > 0 {
                    sys.sleep_us(pause_us).await;
                }
                asked += 1;
                ask(asked);
            }
        })
    };
    let spec =
        SpawnSpec { fds: Vec::new(), group: Group::Own, ..SpawnSpec::new("/load", &["load"]) };
    world.spawn_task(host, spec, Box::new(code)).expect("the host is on");
    done
}

/// Processor time of this process in microseconds, where the system tells it; a busy machine
/// would spoil a wall clock's numbers.
fn cpu_us(begin: Instant) -> u128 {
    let told = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse::<u128>().ok());
    nanos.map_or_else(|| begin.elapsed().as_micros(), |nanos| nanos / 1000)
}

fn measure(name: &str, mut world: World, virtual_s: u64, done: Option<Rc<RefCell<u64>>>) {
    let (from_us, events) = (world.now_us(), world.counters().events);
    let puts_before = done.as_ref().map_or(0, |done| *done.borrow());
    let clock = Instant::now();
    let begin_us = cpu_us(clock);
    world.advance(from_us + virtual_s * 1_000_000, u32::MAX);
    let wall_us = (cpu_us(clock) - begin_us).max(1);
    assert!(world.violation().is_none(), "{:?}", world.violation());
    let events = u128::from(world.counters().events - events);
    let speed = u128::from(virtual_s) * 1_000_000 / wall_us;
    let puts = done.map_or(0, |done| *done.borrow() - puts_before);
    let rate = u128::from(puts) * 1_000_000 / wall_us;
    println!(
        "{name:<34} {virtual_s:>5} s in {:>7} ms: x{speed:<7} {:>6} ns/event {puts:>8} puts {rate:>7} puts/s",
        wall_us / 1000,
        wall_us * 1000 / events.max(1),
    );
}

fn main() {
    // One of the three can be chosen, for a profiler.
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    for (members, checkers) in [(3, true), (3, false), (9, true)] {
        if wanted("idle") {
            let name = format!("idle, {members} members, checkers {checkers}");
            measure(&name, world(members, checkers), 2000, None);
        }
    }
    for checkers in [true, false] {
        if wanted("slow") {
            let mut slow = world(3, checkers);
            let done = load(&mut slow, 1, 8000);
            measure(&format!("about 100 puts/s, checkers {checkers}"), slow, 200, Some(done));
        }
    }
    for checkers in [true, false] {
        if wanted("full") {
            let mut full = world(3, checkers);
            let done = load(&mut full, 256, 0);
            measure(&format!("256 outstanding, checkers {checkers}"), full, 4, Some(done));
        }
    }
}
