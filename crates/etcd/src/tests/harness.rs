//! A handful of members in one queue of events: links with latency, disks that take their
//! time, crashes. The real world is crate `sim`; this is as little as the tests here need.

use crate::disk::{DiskOp, WriteBatch};
use crate::envelope::Envelope;
use crate::fact::Fact;
use crate::member::{Member, Now, Output};
use crate::pb;
use crate::rpc::{Answer, CallId, ConnId, Op, Reply, Request, Status};
use crate::wal::testing::MemDisk;
use crate::{Config, InitialState, MemberId, MemberStatus, MsgKind, PeerCluster, Release, Role};
use flat::{Map, Set};

/// 2026-11-22, so that ids look like those of the transcripts.
const EPOCH_US: u64 = 1_795_336_000_000_000;
pub(crate) const SECOND: u64 = 1_000_000;

enum Event {
    Tick,
    Wake,
    Deliver(Box<Envelope>),
    Disk(WriteBatch),
    Peer(MemberId, bool),
}

/// One host: its disk outlives its member.
pub(crate) struct Host {
    pub(crate) config: Config,
    pub(crate) member: Option<Member>,
    pub(crate) disk: MemDisk,
    /// Every operation done on the disk, in order.
    pub(crate) ops: Vec<DiskOp>,
    pub(crate) disk_us: u64,
    /// Neither hears nor does anything.
    pub(crate) frozen: bool,
    run: u64,
    wake_us: Option<u64>,
    pub(crate) exit: Option<i32>,
    pub(crate) log: Vec<String>,
}

/// All of them.
pub(crate) struct Net {
    pub(crate) hosts: Vec<Host>,
    pub(crate) now_us: u64,
    queue: Map<(u64, u64), (usize, u64, Event)>,
    seq: u64,
    pub(crate) latency_us: u64,
    /// Directed links that lose everything.
    pub(crate) cut: Set<(usize, usize)>,
    /// Kinds of messages that are lost, or delivered twice, everywhere.
    pub(crate) lose: Set<MsgKind>,
    pub(crate) double: Set<MsgKind>,
    /// Kinds of messages that wait here instead of being delivered.
    pub(crate) hold: Set<MsgKind>,
    pub(crate) held: Vec<Envelope>,
    pub(crate) replies: Map<(usize, u64), Vec<Reply>>,
    calls: u64,
    /// A test damaged data: members may differ.
    pub(crate) damaged: bool,
    /// Goes with every request.
    pub(crate) token: String,
    pub(crate) facts: Vec<(usize, Fact)>,
    pub(crate) sent: Map<MsgKind, u64>,
    leaders: Map<(crate::ClusterId, u64), usize>,
    /// Term and hash at each applied index, by cluster.
    pub(crate) applied: Map<(crate::ClusterId, u64), (u64, u64)>,
    pub(crate) trace: u64,
}

fn url(host: usize, port: u16) -> Vec<String> {
    vec![format!("http://n{}:{port}", host + 1)]
}

/// The flags of a host among the first `members`.
pub(crate) fn config(host: usize, members: usize) -> Config {
    let mut config = Config::new(&format!("n{}", host + 1), Release::V3_6);
    config.initial_cluster =
        (0..members).map(|host| (format!("n{}", host + 1), url(host, 2380))).collect();
    config.initial_advertise_peer_urls = url(host, 2380);
    config.advertise_client_urls = url(host, 2379);
    config.seed = 42;
    config
}

impl Net {
    /// A cluster of hosts, all off.
    pub(crate) fn off(members: usize) -> Net {
        let host = |at| Host {
            config: config(at, members),
            member: None,
            disk: MemDisk::default(),
            ops: Vec::new(),
            disk_us: 1000,
            frozen: false,
            run: 0,
            wake_us: None,
            exit: None,
            log: Vec::new(),
        };
        Net {
            hosts: (0..members).map(host).collect(),
            now_us: 0,
            queue: Map::new(),
            seq: 0,
            latency_us: 500,
            cut: Set::new(),
            lose: Set::new(),
            double: Set::new(),
            hold: Set::new(),
            held: Vec::new(),
            replies: Map::new(),
            calls: 0,
            damaged: false,
            token: String::new(),
            facts: Vec::new(),
            sent: Map::new(),
            leaders: Map::new(),
            applied: Map::new(),
            trace: 0,
        }
    }

    /// A cluster that has settled: published, version set, six seconds old.
    pub(crate) fn new(members: usize) -> Net {
        let mut net = Net::off(members);
        for host in 0..members {
            net.start(host);
        }
        net.run(6 * SECOND);
        assert!(net.leader().is_some(), "a leader was elected");
        for host in &net.hosts {
            assert!(host.member.as_ref().is_some_and(Member::is_ready), "everybody published");
        }
        net
    }

    pub(crate) fn add_host(&mut self, config: Config) -> usize {
        let mut host = Net::off(1).hosts.remove(0);
        host.config = config;
        self.hosts.push(host);
        self.hosts.len() - 1
    }

    fn now(&self) -> Now {
        Now { mono_us: self.now_us, wall_us: EPOCH_US + self.now_us }
    }

    fn push(&mut self, at_us: u64, host: usize, event: Event) {
        self.seq += 1;
        let run = self.hosts[host].run;
        self.queue.insert((at_us, self.seq), (host, run, event));
    }

    /// What a running member tells a booting one.
    fn ask_peers(&self, host: usize) -> Option<PeerCluster> {
        let others = self.hosts.iter().enumerate().filter(|(at, _)| *at != host);
        let mut up = others.filter(|(at, _)| !self.cut.contains(&(host, *at)));
        up.find_map(|(_, other)| other.member.as_ref()).map(Member::peer_cluster)
    }

    pub(crate) fn start(&mut self, host: usize) {
        self.try_start(host).expect("the member starts");
    }

    pub(crate) fn try_start(&mut self, host: usize) -> Result<(), crate::BootError> {
        let peers = self.ask_peers(host);
        let (now, config) = (self.now(), self.hosts[host].config.clone());
        self.hosts[host].run += 1;
        self.hosts[host].exit = None;
        let member = Member::boot(config, &self.hosts[host].disk, peers, now)?;
        self.hosts[host].member = Some(member);
        let tick_us = self.hosts[host].config.heartbeat_ms * 1000;
        self.push(self.now_us + tick_us, host, Event::Tick);
        for other in 0..self.hosts.len() {
            self.tell_peers(host, other, true);
        }
        self.collect(host);
        Ok(())
    }

    /// Both ends of a pair learn that they can, or cannot, reach each other.
    fn tell_peers(&mut self, a: usize, b: usize, up: bool) {
        let id = |net: &Net, host: usize| net.hosts[host].member.as_ref().map(Member::id);
        if a == b {
            return;
        }
        let (id_a, id_b) = (id(self, a), id(self, b));
        let at_us = self.now_us + 10_000;
        if let (Some(_), Some(b_id)) = (id_a, id_b) {
            self.push(at_us, a, Event::Peer(b_id, up));
        }
        if let (Some(a_id), Some(_)) = (id_a, id_b) {
            self.push(at_us, b, Event::Peer(a_id, up));
        }
    }

    /// The process dies, and with it whatever was on its way to the disk.
    pub(crate) fn kill(&mut self, host: usize) {
        for other in 0..self.hosts.len() {
            self.tell_peers(host, other, false);
        }
        self.hosts[host].member = None;
        self.hosts[host].run += 1;
        self.hosts[host].wake_us = None;
    }

    pub(crate) fn restart(&mut self, host: usize) {
        self.kill(host);
        self.start(host);
    }

    /// Cuts every link between two groups, both ways.
    pub(crate) fn partition(&mut self, group: &[usize]) {
        for a in 0..self.hosts.len() {
            for b in 0..self.hosts.len() {
                if group.contains(&a) != group.contains(&b) {
                    self.cut.insert((a, b));
                    if a < b {
                        self.tell_peers(a, b, false);
                    }
                }
            }
        }
    }

    pub(crate) fn heal(&mut self) {
        for (a, b) in std::mem::take(&mut self.cut) {
            if a < b {
                self.tell_peers(a, b, true);
            }
        }
    }

    pub(crate) fn run(&mut self, for_us: u64) {
        let until_us = self.now_us + for_us;
        self.run_until(until_us, |_| false);
    }

    /// Runs until a condition holds; false when time is up first.
    pub(crate) fn wait(&mut self, for_us: u64, done: impl Fn(&Net) -> bool) -> bool {
        let until_us = self.now_us + for_us;
        self.run_until(until_us, done)
    }

    fn run_until(&mut self, until_us: u64, done: impl Fn(&Net) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            let next = self.queue.first_key_value().map(|(key, _)| *key);
            let Some(key) = next.filter(|(at_us, _)| *at_us <= until_us) else {
                self.now_us = until_us;
                return done(self);
            };
            let (host, run, event) = self.queue.remove(&key).expect("it was just seen");
            self.now_us = key.0;
            self.handle(host, run, event);
        }
    }

    fn handle(&mut self, host: usize, run: u64, event: Event) {
        let of_this_run = self.hosts[host].run == run;
        let now = self.now();
        if let Event::Disk(batch) = event {
            self.disk_done(host, batch, of_this_run);
            return;
        }
        let is_message = matches!(event, Event::Deliver(_));
        if !of_this_run && !is_message {
            return;
        }
        if self.hosts[host].frozen {
            if !is_message {
                self.push(self.now_us + 10_000, host, event);
            }
            return;
        }
        let Some(member) = &mut self.hosts[host].member else { return };
        match event {
            Event::Tick => {
                member.tick(now);
                let tick_us = self.hosts[host].config.heartbeat_ms * 1000;
                self.push(self.now_us + tick_us, host, Event::Tick);
            }
            Event::Wake => {
                self.hosts[host].wake_us = None;
                if let Some(member) = &mut self.hosts[host].member {
                    member.wake(now);
                }
            }
            Event::Deliver(envelope) => member.step(*envelope, now),
            Event::Peer(peer, up) => member.peer_status(peer, up, now),
            Event::Disk(_) => {}
        }
        self.collect(host);
    }

    fn disk_done(&mut self, host: usize, batch: WriteBatch, of_this_run: bool) {
        if !of_this_run {
            return;
        }
        self.hosts[host].disk.apply(&batch.ops);
        self.hosts[host].ops.extend(batch.ops);
        let now = self.now();
        if let Some(member) = &mut self.hosts[host].member {
            member.disk_done(batch.id, now);
        }
        self.collect(host);
    }

    fn collect(&mut self, host: usize) {
        let Some(member) = &mut self.hosts[host].member else { return };
        let out = member.drain();
        let wake_us = member.next_wake_us();
        self.take(host, out);
        let Some(wake_us) = wake_us else { return };
        let planned = self.hosts[host].wake_us;
        if planned.is_none_or(|planned| wake_us < planned) {
            self.hosts[host].wake_us = Some(wake_us);
            self.push(wake_us.max(self.now_us), host, Event::Wake);
        }
    }

    fn take(&mut self, host: usize, out: Output) {
        for batch in out.write {
            let at_us = self.now_us + self.hosts[host].disk_us;
            self.push(at_us, host, Event::Disk(batch));
        }
        for envelope in out.send {
            self.route(host, envelope);
        }
        for reply in out.replies {
            self.replies.entry((host, reply.call.0)).or_default().push(reply);
        }
        for line in out.log {
            self.hosts[host].log.push(line.to_json(EPOCH_US + self.now_us));
        }
        for fact in out.facts {
            self.check(host, &fact);
            self.facts.push((host, fact));
        }
        if let Some(code) = out.exit {
            self.kill(host);
            self.hosts[host].exit = Some(code);
        }
    }

    pub(crate) fn route(&mut self, from: usize, envelope: Envelope) {
        *self.sent.entry(envelope.kind).or_default() += 1;
        let parts = [self.now_us, envelope.from.0, envelope.to.0, envelope.term, envelope.index];
        for part in parts {
            self.trace = crate::node::mix(self.trace ^ part);
        }
        let to = self
            .hosts
            .iter()
            .position(|h| h.member.as_ref().is_some_and(|m| m.id() == envelope.to));
        let Some(to) = to else { return };
        if self.cut.contains(&(from, to)) || self.lose.contains(&envelope.kind) {
            return;
        }
        if self.hold.contains(&envelope.kind) {
            self.held.push(envelope);
            return;
        }
        if self.double.contains(&envelope.kind) {
            let copy = Box::new(envelope.clone());
            self.push(self.now_us + 3 * self.latency_us, to, Event::Deliver(copy));
        }
        self.push(self.now_us + self.latency_us, to, Event::Deliver(Box::new(envelope)));
    }

    /// Delivers a message as if it had just arrived.
    pub(crate) fn deliver(&mut self, envelope: Envelope) {
        let to = self.host_of(envelope.to).expect("the receiver is up");
        let run = self.hosts[to].run;
        self.handle(to, run, Event::Deliver(Box::new(envelope)));
    }

    /// The invariants that hold whatever happens.
    fn check(&mut self, host: usize, fact: &Fact) {
        let Some(member) = &self.hosts[host].member else { return };
        let cluster = member.cluster_id();
        match fact {
            Fact::Role { role: Role::Leader, term, .. } => {
                let known = *self.leaders.entry((cluster, *term)).or_insert(host);
                assert_eq!(known, host, "two leaders in term {term}");
            }
            Fact::Applied { index, term, hash, .. } => {
                let known = *self.applied.entry((cluster, *index)).or_insert((*term, *hash));
                let equal = known == (*term, *hash) || self.damaged;
                assert!(equal, "hosts differ at index {index}");
            }
            Fact::SnapshotReceived { index, hash, .. } => {
                let known = self.applied.get(&(cluster, *index)).map(|known| known.1);
                assert_eq!(known, Some(*hash), "a snapshot differs at index {index}");
            }
            _ => {}
        }
    }

    pub(crate) fn host_of(&self, id: MemberId) -> Option<usize> {
        self.hosts.iter().position(|h| h.member.as_ref().is_some_and(|m| m.id() == id))
    }

    pub(crate) fn member(&self, host: usize) -> &Member {
        self.hosts[host].member.as_ref().expect("the host is up")
    }

    pub(crate) fn status(&self, host: usize) -> MemberStatus {
        self.member(host).status()
    }

    /// The leader of the highest term.
    pub(crate) fn leader(&self) -> Option<usize> {
        let up = (0..self.hosts.len()).filter(|at| self.hosts[*at].member.is_some());
        let leaders = up.filter(|at| self.status(*at).role == Role::Leader);
        leaders.max_by_key(|at| self.status(*at).term)
    }

    pub(crate) fn wait_leader(&mut self) -> usize {
        assert!(self.wait(30 * SECOND, |net| net.leader().is_some()), "a leader is elected");
        self.leader().expect("just waited for")
    }

    pub(crate) fn follower(&self) -> usize {
        let leader = self.leader().expect("there is a leader");
        let up = |at: &usize| *at != leader && self.hosts[*at].member.is_some();
        (0..self.hosts.len()).find(up).expect("there is a follower")
    }

    /// Sends a request; its replies appear in `replies`.
    pub(crate) fn send(&mut self, host: usize, op: Op, timeout_us: Option<u64>) -> u64 {
        self.calls += 1;
        let call = self.calls;
        self.send_on(host, call, op, timeout_us);
        call
    }

    /// Sends a request on an open call.
    pub(crate) fn send_on(&mut self, host: usize, call: u64, op: Op, timeout_us: Option<u64>) {
        let now = self.now();
        let request = Request { call: CallId(call), timeout_us, token: self.token.clone(), op };
        let member = self.hosts[host].member.as_mut().expect("the host is up");
        member.request(ConnId(1), request, now);
        self.collect(host);
    }

    /// A request and its one answer.
    pub(crate) fn call(&mut self, host: usize, op: Op) -> Result<Answer, Status> {
        self.call_within(host, op, Some(20 * SECOND))
    }

    pub(crate) fn call_within(
        &mut self,
        host: usize,
        op: Op,
        timeout_us: Option<u64>,
    ) -> Result<Answer, Status> {
        let call = self.send(host, op, timeout_us);
        assert!(
            self.wait(60 * SECOND, |net| net.replies.contains_key(&(host, call))),
            "a call is answered"
        );
        self.replies.remove(&(host, call)).expect("just waited for").remove(0).result
    }

    pub(crate) fn put(&mut self, host: usize, key: &str, value: &str) -> Result<i64, Status> {
        let answer = self.call(host, put(key, value))?;
        let Answer::Put(put) = answer else { panic!("a put answers a put") };
        Ok(put.header.expect("answers have a header").revision)
    }

    pub(crate) fn get(&mut self, host: usize, key: &str) -> Result<Option<String>, Status> {
        let answer = self.call(host, get(key, false))?;
        let Answer::Range(range) = answer else { panic!("a range answers a range") };
        Ok(range.kvs.first().map(|kv| String::from_utf8_lossy(&kv.value).into_owned()))
    }

    /// A signal to stop.
    pub(crate) fn shutdown(&mut self, host: usize) {
        let now = self.now();
        self.hosts[host].member.as_mut().expect("the host is up").shutdown(now);
        self.collect(host);
    }

    pub(crate) fn snapshot_sent(&mut self, host: usize, peer: MemberId, ok: bool) {
        let now = self.now();
        let member = self.hosts[host].member.as_mut().expect("the host is up");
        member.snapshot_sent(peer, ok, now);
        self.collect(host);
    }

    /// All live members have applied everything and agree.
    pub(crate) fn agree(&mut self) {
        let same = |net: &Net| {
            let up = net.hosts.iter().filter_map(|h| h.member.as_ref());
            let states: Set<(u64, u64, i64)> =
                up.map(|m| m.status()).map(|s| (s.applied, s.running_hash, s.revision)).collect();
            states.len() == 1
        };
        assert!(self.wait(30 * SECOND, same), "the members agree in the end");
    }

    /// A member that joins: added by `member add`, started with what that told.
    pub(crate) fn join(&mut self, at: usize, learner: bool) -> usize {
        let new = self.hosts.len();
        let add = pb::MemberAddRequest { peer_urls: url(new, 2380), is_learner: learner };
        let answer = self.call(at, Op::MemberAdd(add)).expect("the member is added");
        let Answer::MemberAdd(added) = answer else { panic!("an add answers an add") };
        let mut config = config(new, 0);
        config.initial_cluster_state = InitialState::Existing;
        config.initial_cluster = added
            .members
            .iter()
            .map(|m| {
                let own = added.member.as_ref().is_some_and(|own| own.id == m.id);
                let name = if own { config.name.clone() } else { m.name.clone() };
                (name, m.peer_urls.clone())
            })
            .collect();
        self.add_host(config);
        // Whoever the newcomer asks must have heard of it.
        self.run(100_000);
        self.start(new);
        new
    }
}

pub(crate) fn put(key: &str, value: &str) -> Op {
    Op::Put(pb::PutRequest {
        key: key.as_bytes().to_vec().into(),
        value: value.as_bytes().to_vec().into(),
        ..pb::PutRequest::default()
    })
}

pub(crate) fn get(key: &str, serializable: bool) -> Op {
    Op::Range(pb::RangeRequest {
        key: key.as_bytes().to_vec().into(),
        serializable,
        ..pb::RangeRequest::default()
    })
}
