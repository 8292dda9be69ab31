//! A small world to measure in: members, hosts for clients, and nothing else. Nobody types
//! here; clients are code that speaks to members over the virtual network.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use bytes::Bytes;
use etcd::pb;
use etcd::rpc::Op;
use sim::{Fault, HostId, MemberSpec, SpawnSpec, Sys, Task, World, WorldSpec};

use super::peers::Peers;
use crate::programs;
use crate::worlds::member_flags;

/// The release that is measured.
pub(super) const RELEASE: &str = "3.6.14";
/// What etcdctl waits for an answer unless told otherwise.
pub(super) const PATIENCE_US: u64 = 5_000_000;
/// The value of every measured write.
const VALUE_BYTES: usize = 256;
/// Longer than the leader of a lost quorum takes to notice and others to elect one.
const CALM_US: u64 = 3_000_000;
/// How long an election is waited for.
const ELECTION_US: u64 = 8_000_000;
/// Events between two looks at what a client has done.
const SLICE_EVENTS: u32 = 8;
const SLICE_US: u64 = 10_000;

/// A world with `members` members, `n1` first, and clients' hosts after them.
pub(super) struct Field {
    pub(super) world: World,
    members: u8,
    /// Messages between hosts while they are counted.
    counted: Option<u64>,
}

impl Field {
    /// Members that have elected a leader, and `clients` hosts without one.
    pub(super) fn new(members: u8, clients: u8, seed: u64) -> Field {
        let founders: Vec<String> = (1..=members).map(|n| format!("n{n}")).collect();
        let cluster: Vec<String> =
            founders.iter().map(|name| format!("{name}=http://{name}:2380")).collect();
        let cluster = cluster.join(",");
        let member = |name: &String| {
            let (config, argv) = programs::etcd::configure(RELEASE, &member_flags(name, &cluster))
                .expect("the flags of the founders are ours, and right");
            MemberSpec { host: name.clone(), config, argv }
        };
        let specs = founders.iter().map(member).collect();
        let guests = (1..=clients).map(|n| format!("c{n}"));
        let world = World::new(WorldSpec {
            hosts: founders.iter().cloned().chain(guests).collect(),
            members: specs,
            seed,
            ..WorldSpec::default()
        });
        let mut field = Field { world, members, counted: None };
        field.calm();
        field
    }

    /// The host of a member, counted from 0.
    pub(super) fn member(&self, place: u8) -> HostId {
        debug_assert!(place < self.members);
        HostId(place)
    }

    /// The host of the first client.
    pub(super) fn client(&self) -> HostId {
        HostId(self.members)
    }

    /// How many members it was made with.
    pub(super) fn members(&self) -> u8 {
        self.members
    }

    /// Whether a member runs there.
    pub(super) fn is_alive(&self, place: u8) -> bool {
        self.world.member(HostId(place)).is_some()
    }

    /// The member that leads, if one does: of several that think so, the one of the newest term.
    pub(super) fn leader(&self) -> Option<u8> {
        let mut best = None;
        for place in 0..self.members {
            let Some(status) = self.world.member(HostId(place)) else { continue };
            let leads = status.role == etcd::Role::Leader && status.ready;
            if leads && best.is_none_or(|(term, _)| term < status.term) {
                best = Some((status.term, place));
            }
        }
        best.map(|(_, place)| place)
    }

    /// The highest term a living member knows.
    pub(super) fn term(&self) -> u64 {
        let terms = (0..self.members).filter_map(|place| self.world.member(HostId(place)));
        terms.map(|status| status.term).max().unwrap_or(0)
    }

    /// Does something to the world that cannot be refused here.
    pub(super) fn inject(&mut self, fault: Fault) {
        self.world.inject(fault).expect("what is measured is chosen from what is possible");
    }

    /// Waits until whoever lost its majority has noticed, and a leader is there if one can be.
    pub(super) fn calm(&mut self) {
        self.pass(CALM_US);
        let until_us = self.world.now_us() + ELECTION_US;
        while self.leader().is_none() && self.world.now_us() < until_us {
            self.pass(100_000);
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, us: u64) {
        let until_us = self.world.now_us() + us;
        while self.world.now_us() < until_us {
            self.advance(until_us);
        }
    }

    fn advance(&mut self, until_us: u64) {
        let events_max = if self.counted.is_some() { SLICE_EVENTS } else { u32::MAX };
        self.slice(until_us, events_max);
    }

    fn slice(&mut self, until_us: u64, events_max: u32) {
        self.world.advance(until_us, events_max);
        let violation = self.world.violation();
        assert!(violation.is_none(), "a checker stopped a measurement: {violation:?}");
        if let Some(count) = &mut self.counted {
            let sent = self.world.take_flights();
            *count += sent.iter().filter(|flight| flight.from != flight.to).count() as u64;
        }
    }

    /// Runs a client on a host to its end.
    pub(super) fn run<T, F>(&mut self, host: HostId, code: impl FnOnce(Sys) -> F + 'static) -> T
    where
        T: 'static,
        F: Future<Output = T> + 'static,
    {
        let got: Rc<RefCell<Option<T>>> = Rc::default();
        let out = Rc::clone(&got);
        self.start(host, move |sys| async move {
            let value = code(sys).await;
            *out.borrow_mut() = Some(value);
        });
        loop {
            if let Some(value) = got.borrow_mut().take() {
                return value;
            }
            // Never far ahead: where nothing runs any more, time would run away.
            self.slice(self.world.now_us() + SLICE_US, SLICE_EVENTS);
        }
    }

    /// Starts a client on a host.
    pub(super) fn start<F>(&mut self, host: HostId, code: impl FnOnce(Sys) -> F + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        let task = move |sys: Sys| -> Task {
            Box::pin(async move {
                code(sys).await;
                0
            })
        };
        let spec = SpawnSpec { fds: Vec::new(), ..SpawnSpec::new("/client", &["client"]) };
        self.world.spawn_task(host, spec, Box::new(task)).expect("the hosts of clients stay on");
    }

    /// Counts the messages between hosts from now on, heartbeats included.
    pub(super) fn count(&mut self) {
        self.world.record_flights(true);
        self.world.take_flights();
        self.counted = Some(0);
    }

    /// The messages since [`Field::count`].
    pub(super) fn counted(&mut self) -> u64 {
        self.world.record_flights(false);
        self.counted.take().unwrap_or(0)
    }

    /// Messages in ten seconds in which nobody asks for anything.
    pub(super) fn idle_in_10s(&mut self) -> u64 {
        self.count();
        self.pass(10_000_000);
        self.counted()
    }

    /// Who its members are: id and address of each.
    pub(super) fn directory(&self) -> Vec<(u64, String)> {
        let one = |place: u8| {
            let status = self.world.member(HostId(place));
            let id = status.map_or(0, |status| status.id.0);
            (id, format!("n{}:2379", place + 1))
        };
        (0..self.members).map(one).collect()
    }

    /// Makes the first member the leader.
    pub(super) fn lead_from_first(&mut self) {
        let Some(leader) = self.leader().filter(|leader| *leader != 0) else { return };
        let directory = self.directory();
        let target_id = directory[0].0;
        let host = self.member(leader);
        self.run(host, move |sys| async move {
            let peers = Peers::new(&sys, directory);
            let op = Op::MoveLeader(pb::MoveLeaderRequest { target_id });
            peers.call(usize::from(leader), op, PATIENCE_US).await
        })
        .expect("a healthy leader hands over");
        self.calm();
    }
}

/// A write of the usual size.
pub(super) fn put(key: &str, value: &str) -> Op {
    let mut value = value.as_bytes().to_vec();
    if value.is_empty() {
        value.resize(VALUE_BYTES, b'v');
    }
    let key = Bytes::copy_from_slice(key.as_bytes());
    Op::Put(pb::PutRequest { key, value: value.into(), ..Default::default() })
}
