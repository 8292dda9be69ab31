//! What clients meet: connections, refusals, silence, ports.

use std::cell::RefCell;
use std::rc::Rc;

use etcd::rpc::CallId;
use sim::{Either, Fault, Group, HostId, SpawnSpec, Sys, World, race};

use crate::common::*;

const N1: HostId = HostId(0);

/// Dials in a process of its own and tells how it went after at most `limit_us`: the words,
/// and how long it took.
fn dial(world: &mut World, from: HostId, addr: &str, limit_us: u64) -> (String, u64) {
    let slot: Rc<RefCell<Option<(String, u64)>>> = Rc::default();
    let (shared, addr) = (slot.clone(), addr.to_owned());
    let spec =
        SpawnSpec { fds: Vec::new(), group: Group::Own, ..SpawnSpec::new("/dial", &["dial"]) };
    let code = move |sys: Sys| -> sim::Task {
        Box::pin(async move {
            let begin = sys.mono_us();
            let attempt = async {
                match sys.dial(&addr).await {
                    Err(error) => error.to_string(),
                    Ok(conn) => match race(conn.ready(), sys.sleep_us(2 * SECOND_US)).await {
                        Either::Left(Ok(())) => format!("ready {}", conn.remote_addr()),
                        Either::Left(Err(_)) => "closed".to_owned(),
                        Either::Right(()) => "connected".to_owned(),
                    },
                }
            };
            let words = match race(attempt, sys.sleep_us(limit_us)).await {
                Either::Left(words) => words,
                Either::Right(()) => "silence".to_owned(),
            };
            *shared.borrow_mut() = Some((words, sys.mono_us() - begin));
            0
        })
    };
    world.spawn_task(from, spec, Box::new(code)).unwrap();
    wait(world, limit_us + 5 * SECOND_US, "dialling", |_| slot.borrow().is_some());
    slot.borrow_mut().take().unwrap()
}

#[test]
fn dialling_meets_what_tcp_would() {
    let mut world = World::new(spec(3, 4, 41));
    wait_leader(&mut world);
    let table = [
        ("127.0.0.1:2379", "ready 127.0.0.1:2379"),
        ("localhost:2379", "ready 127.0.0.1:2379"),
        ("n2:2379", "ready 10.0.0.2:2379"),
        ("10.0.0.2:2379", "ready 10.0.0.2:2379"),
        ("127.0.0.1:2380", "dial tcp 127.0.0.1:2380: connect: connection refused"),
        ("n2:2380", "closed"),
        ("n4:2379", "dial tcp 10.0.0.4:2379: connect: connection refused"),
        ("n1", "dial tcp: address n1: missing port in address"),
        ("n1:http", "dial tcp: lookup tcp/http: unknown port"),
        (
            "nosuchhost.invalid:2379",
            "dial tcp: lookup nosuchhost.invalid on 10.255.255.53:53: no such host",
        ),
        ("10.9.9.9:2379", "silence"),
    ];
    for (addr, words) in table {
        let (said, took) = dial(&mut world, N1, addr, 5 * SECOND_US);
        assert_eq!(said, words, "{addr}");
        assert!(said == "silence" || took < 5000, "{addr}: {took} us");
    }
}

#[test]
fn silence_refusal_and_a_frozen_process_are_different_things() {
    let mut world = cluster(3, 42);
    wait_leader(&mut world);
    let n3 = HostId(2);
    inject(&mut world, Fault::Freeze { host: n3 });
    assert_eq!(dial(&mut world, N1, "n3:2379", 5 * SECOND_US).0, "connected");
    inject(&mut world, Fault::Thaw { host: n3 });
    assert_eq!(dial(&mut world, N1, "n3:2379", 5 * SECOND_US).0, "ready 10.0.0.3:2379");
    inject(&mut world, Fault::Kill { host: n3 });
    assert!(dial(&mut world, N1, "n3:2379", 5 * SECOND_US).0.ends_with("connection refused"));
    inject(&mut world, Fault::Isolate { host: n3 });
    assert_eq!(dial(&mut world, N1, "n3:2379", 5 * SECOND_US).0, "silence");
    inject(&mut world, Fault::Heal { host: None });
    inject(&mut world, Fault::PowerOff { host: n3 });
    assert_eq!(dial(&mut world, N1, "n3:2379", 5 * SECOND_US).0, "silence");
    let (said, took) = dial(&mut world, N1, "n3:2379", 600 * SECOND_US);
    assert_eq!(said, "dial tcp 10.0.0.3:2379: connect: connection timed out");
    assert!((100 * SECOND_US..150 * SECOND_US).contains(&took), "{took}");
}

#[test]
fn a_connection_outlives_a_cut_and_ends_with_its_server() {
    let mut world = cluster(3, 43);
    // The server leads, so that what it asks of others does not cross the cut.
    let server = wait_leader(&mut world);
    let from = hosts(&world).find(|host| *host != server).unwrap();
    let endpoint = format!("n{}:2379", server.0 + 1);
    run(&mut world, 2 * SECOND_US);
    let seen: Rc<RefCell<Vec<String>>> = Rc::default();
    let shared = seen.clone();
    let spec = SpawnSpec { fds: Vec::new(), ..SpawnSpec::new("/c", &["c"]) };
    let code = move |sys: Sys| -> sim::Task {
        Box::pin(async move {
            let conn = sys.dial(&endpoint).await.unwrap();
            conn.ready().await.unwrap();
            for call in 1.. {
                let answer = ask(&sys, &conn, CallId(call), put("k", "v"), 30 * SECOND_US).await;
                let took = sys.mono_us();
                let ended = answer.is_none();
                shared.borrow_mut().push(format!("{} {took}", answer.is_some_and(|it| it.is_ok())));
                if ended {
                    break;
                }
                sys.sleep_us(SECOND_US).await;
            }
            0
        })
    };
    world.spawn_task(from, spec, Box::new(code)).unwrap();
    run(&mut world, SECOND_US / 2);
    assert_eq!(seen.borrow().len(), 1);
    inject(&mut world, Fault::Cut { from: server, to: from });
    run(&mut world, 3 * SECOND_US);
    assert_eq!(seen.borrow().len(), 1, "the answer waits behind the cut");
    inject(&mut world, Fault::Heal { host: None });
    run(&mut world, 4 * SECOND_US);
    assert!(seen.borrow().len() >= 2, "{seen:?}");
    assert!(seen.borrow().iter().all(|line| line.starts_with("true")), "{seen:?}");
    inject(&mut world, Fault::Kill { host: server });
    run(&mut world, 2 * SECOND_US);
    assert!(seen.borrow().last().unwrap().starts_with("false"), "{seen:?}");
}

#[test]
fn a_second_member_on_the_same_ports_is_refused() {
    let mut world = cluster(1, 44);
    wait_leader(&mut world);
    run(&mut world, SECOND_US);
    let mut config = world.config(N1).unwrap();
    config.data_dir = "/elsewhere".to_owned();
    let code: Rc<RefCell<Option<i32>>> = Rc::default();
    let shared = code.clone();
    let spec = SpawnSpec { fds: Vec::new(), ..SpawnSpec::new("/etcd", &["etcd"]) };
    let task = move |sys: Sys| -> sim::Task {
        Box::pin(async move {
            let exit = sys.run_member(config).await;
            *shared.borrow_mut() = Some(exit);
            exit
        })
    };
    world.spawn_task(N1, spec, Box::new(task)).unwrap();
    run(&mut world, 1000);
    assert_eq!(*code.borrow(), Some(1));
    let line = world.journal(N1, 1).remove(0);
    assert!(line.contains("\"msg\":\"discovery failed\""), "{line}");
    assert!(line.contains("listen tcp 10.0.0.1:2380: bind: address already in use"), "{line}");
    assert_eq!(members(&world).len(), 1, "the first one goes on");
    call(&mut world, N1, "127.0.0.1:2379", put("a", "1")).unwrap();
}

#[test]
fn a_member_of_one_answers_ten_thousand_puts() {
    let mut world = cluster(1, 45);
    wait_leader(&mut world);
    let tally = client(&mut world, N1, 45, 0);
    wait(&mut world, 120 * SECOND_US, "puts", |_| tally.borrow().puts >= 10_000);
    assert_eq!(tally.borrow().failed, 0, "{tally:?}");
    let counters = world.counters();
    assert_eq!(counters.writes_acked, tally.borrow().puts);
    assert_eq!(counters.reads_checked, tally.borrow().reads);
    assert!(counters.waiting < 50, "nothing piles up: {counters:?}");
}
