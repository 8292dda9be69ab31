//! What the tests of the world share: clusters, waiting, and clients that write and read.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use etcd::rpc::{Answer, CallId, Op, Request, Status};
use etcd::{Config, MemberStatus, Release, Role, pb};
use sim::{
    Conn, Either, Fault, Group, HostId, MemberSpec, Packet, Rng, SpawnSpec, Sys, World, WorldSpec,
    race,
};

pub(crate) const SECOND_US: u64 = 1_000_000;

/// A world of `hosts` hosts whose first `members` found a cluster.
pub(crate) fn spec(members: u8, hosts: u8, seed: u64) -> WorldSpec {
    let names: Vec<String> = (1..=hosts).map(|number| format!("n{number}")).collect();
    let founders = &names[..usize::from(members)];
    let initial: Vec<(String, Vec<String>)> =
        founders.iter().map(|name| (name.clone(), vec![format!("http://{name}:2380")])).collect();
    let members = (0..)
        .zip(founders)
        .map(|(place, name)| MemberSpec {
            host: name.clone(),
            config: config(name, &initial, seed * 100 + place),
            argv: Vec::new(),
        })
        .collect();
    WorldSpec { hosts: names, members, seed, ..WorldSpec::default() }
}

/// The configuration of a member of world `cluster`.
pub(crate) fn config(name: &str, initial: &[(String, Vec<String>)], seed: u64) -> Config {
    let peer = vec![format!("http://{name}:2380")];
    let client = format!("http://{name}:2379");
    Config {
        data_dir: "/var/lib/etcd".to_owned(),
        listen_peer_urls: peer.clone(),
        listen_client_urls: vec![client.clone(), "http://127.0.0.1:2379".to_owned()],
        initial_advertise_peer_urls: peer,
        advertise_client_urls: vec![client],
        initial_cluster: initial.to_vec(),
        seed,
        ..Config::new(name, Release::V3_6)
    }
}

pub(crate) fn cluster(members: u8, seed: u64) -> World {
    World::new(spec(members, members, seed))
}

pub(crate) fn run(world: &mut World, us: u64) {
    let until = world.now_us() + us;
    world.advance(until, u32::MAX);
    sound(world);
}

/// No checker found anything.
#[track_caller]
pub(crate) fn sound(world: &World) {
    if let Some(violation) = world.violation() {
        panic!("{violation}");
    }
}

/// Lets time pass until something holds; fails after `limit_us`.
#[track_caller]
pub(crate) fn wait(
    world: &mut World,
    limit_us: u64,
    what: &str,
    holds: impl Fn(&World) -> bool,
) -> u64 {
    let begin = world.now_us();
    while !holds(world) {
        sound(world);
        let now = world.now_us();
        assert!(now - begin < limit_us, "{what}: not within {limit_us} us\n{}", picture(world));
        world.advance(now + 10_000, u32::MAX);
    }
    world.now_us() - begin
}

/// Every member as a line.
pub(crate) fn picture(world: &World) -> String {
    let mut text = String::new();
    for (place, name) in (0..).zip(world.host_names()) {
        let host = HostId(place);
        text += &format!("{name} {:?}", world.host_power(host));
        if let Some(it) = world.member(host) {
            text += &format!(
                " {:?} term {} leader {:?} last {} commit {} applied {} rev {}",
                it.role, it.term, it.leader, it.last_index, it.commit, it.applied, it.revision
            );
        }
        for line in world.journal(host, 3) {
            text += &format!("\n    {line}");
        }
        text.push('\n');
    }
    text
}

pub(crate) fn hosts(world: &World) -> impl Iterator<Item = HostId> + use<> {
    (0..u8::try_from(world.host_names().len()).unwrap()).map(HostId)
}

/// The states of all members that run.
pub(crate) fn members(world: &World) -> Vec<(HostId, MemberStatus)> {
    hosts(world).filter_map(|host| Some((host, world.member(host)?))).collect()
}

/// The leader of the latest term, if that term has one.
pub(crate) fn leader(world: &World) -> Option<HostId> {
    let members = members(world);
    let term = members.iter().map(|(_, it)| it.term).max()?;
    let leads = |it: &MemberStatus| it.role == Role::Leader && it.term == term;
    members.iter().find(|(_, it)| leads(it)).map(|(host, _)| *host)
}

#[track_caller]
pub(crate) fn wait_leader(world: &mut World) -> HostId {
    wait(world, 15 * SECOND_US, "a leader", |world| leader(world).is_some());
    leader(world).unwrap()
}

/// All running members applied the same, and something.
pub(crate) fn agree(world: &World) -> bool {
    let members = members(world);
    let first = members.first().map(|(_, it)| (it.applied, it.running_hash, it.revision));
    first.is_some_and(|(applied, ..)| applied > 0)
        && members.iter().all(|(_, it)| Some((it.applied, it.running_hash, it.revision)) == first)
}

#[track_caller]
pub(crate) fn inject(world: &mut World, fault: Fault) {
    world.inject(fault.clone()).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
}

/// What a client came through with.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) puts: u64,
    pub(crate) reads: u64,
    pub(crate) failed: u64,
    /// The answers' texts of what failed.
    pub(crate) errors: Vec<String>,
    /// The highest revision of an acknowledged put.
    pub(crate) revision: i64,
    pub(crate) stop: bool,
}

pub(crate) type Shared = Rc<RefCell<Tally>>;

/// A client process that puts and reads until it is told to stop, on one endpoint after the
/// other.
pub(crate) fn client(world: &mut World, host: HostId, seed: u64, pause_us: u64) -> Shared {
    let tally = Shared::default();
    let shared = tally.clone();
    let endpoints: Vec<String> =
        world.host_names().iter().map(|name| format!("{name}:2379")).collect();
    let spec =
        SpawnSpec { fds: Vec::new(), group: Group::Own, ..SpawnSpec::new("/client", &["client"]) };
    world
        .spawn_task(
            host,
            spec,
            Box::new(move |sys| {
                Box::pin(async move {
                    let mut rng = Rng::for_purpose(seed, "client", u64::from(host.0));
                    while !shared.borrow().stop {
                        let count = u64::try_from(endpoints.len()).unwrap();
                        let pick = usize::try_from(rng.below(count)).unwrap();
                        talk(&sys, &endpoints[pick], &mut rng, &shared, pause_us).await;
                        sys.sleep_us(50_000).await;
                    }
                    0
                })
            }),
        )
        .unwrap();
    tally
}

async fn within<F: Future>(sys: &Sys, us: u64, future: F) -> Option<F::Output> {
    match race(future, sys.sleep_us(us)).await {
        Either::Left(output) => Some(output),
        Either::Right(()) => None,
    }
}

/// Puts and reads on one connection until something fails.
async fn talk(sys: &Sys, endpoint: &str, rng: &mut Rng, tally: &Shared, pause_us: u64) {
    let Some(Ok(conn)) = within(sys, 500_000, sys.dial(endpoint)).await else {
        tally.borrow_mut().failed += 1;
        return;
    };
    let Some(Ok(())) = within(sys, 500_000, conn.ready()).await else {
        tally.borrow_mut().failed += 1;
        return;
    };
    for call in 1.. {
        if tally.borrow().stop {
            return;
        }
        let read = rng.chance(3000);
        let key = format!("key{}", rng.below(50));
        let op = if read { get(&key) } else { put(&key, &call.to_string()) };
        match ask(sys, &conn, CallId(call), op, 3 * SECOND_US).await {
            Some(Ok(answer)) => {
                let mut tally = tally.borrow_mut();
                match answer {
                    Answer::Put(put) => {
                        tally.puts += 1;
                        tally.revision = tally.revision.max(put.header.unwrap().revision);
                    }
                    _ => tally.reads += 1,
                }
            }
            Some(Err(status)) => {
                let mut tally = tally.borrow_mut();
                tally.failed += 1;
                tally.errors.push(status.message);
                return;
            }
            None => {
                tally.borrow_mut().failed += 1;
                return;
            }
        }
        sys.sleep_us(pause_us).await;
    }
}

/// One call, with the time the client gives it. None: no answer, or the connection ended.
pub(crate) async fn ask(
    sys: &Sys,
    conn: &Conn,
    call: CallId,
    op: Op,
    timeout_us: u64,
) -> Option<Result<Answer, Status>> {
    let request = Request { call, timeout_us: Some(timeout_us), token: String::new(), op };
    conn.send(Packet::Rpc(request)).ok()?;
    let answer = async {
        loop {
            match conn.recv().await {
                Ok(Packet::Reply { call: other, result, done: true }) if other == call => {
                    return Some(result);
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    };
    within(sys, timeout_us + 100_000, answer).await.flatten()
}

pub(crate) fn put(key: &str, value: &str) -> Op {
    Op::Put(pb::PutRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        ..Default::default()
    })
}

pub(crate) fn get(key: &str) -> Op {
    Op::Range(pb::RangeRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        ..Default::default()
    })
}

/// Runs one call in a process of its own, and waits for its answer.
#[track_caller]
pub(crate) fn call(
    world: &mut World,
    from: HostId,
    endpoint: &str,
    op: Op,
) -> Result<Answer, String> {
    let slot: Rc<RefCell<Option<Result<Answer, String>>>> = Rc::default();
    let (shared, endpoint) = (slot.clone(), endpoint.to_owned());
    let spec =
        SpawnSpec { fds: Vec::new(), group: Group::Own, ..SpawnSpec::new("/call", &["call"]) };
    let code = move |sys: Sys| -> sim::Task {
        Box::pin(async move {
            let result = async {
                let conn = sys.dial(&endpoint).await.map_err(|error| error.to_string())?;
                conn.ready().await.map_err(|_| "closed".to_owned())?;
                match ask(&sys, &conn, CallId(1), op, 10 * SECOND_US).await {
                    Some(Ok(answer)) => Ok(answer),
                    Some(Err(status)) => Err(status.message),
                    None => Err("no answer".to_owned()),
                }
            };
            *shared.borrow_mut() = Some(result.await);
            0
        })
    };
    world.spawn_task(from, spec, Box::new(code)).unwrap();
    wait(world, 200 * SECOND_US, "an answer", |_| slot.borrow().is_some());
    slot.borrow_mut().take().unwrap()
}
