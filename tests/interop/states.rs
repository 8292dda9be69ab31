//! (a) Random states made in the lab: snapshot in the lab, restore by the real etcdutl, served by
//! the real etcd; hashes, pairs, leases and history are equal, and equal again after the way back.
//! (b) Random states made by the real etcd, read here.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::typist::Typist;
use serde_json::{Value, json};

use crate::lab::{File, Lease, Row, said, typed, world};
use crate::random::Random;
use crate::real::{Scratch, Server, programs, run};

/// Worlds, and snapshots taken of each while it goes on.
const WORLDS: u64 = 25;
const SNAPSHOTS: u64 = 8;
/// Threads that restore and serve.
const WORKERS: u64 = 2;
/// States made by the real etcd.
const REAL_STATES: u64 = 24;

const KEYS: [&str; 14] = [
    "a",
    "b",
    "c",
    "key",
    "key1",
    "key2",
    "key3",
    "/registry/pods/default/web-1",
    "/registry/pods/default/web-2",
    "/registry/events/x",
    "with blank",
    "ümläut",
    "z",
    "zz",
];

/// Somebody who types random commands.
struct Hand {
    random: Random,
    leases: Vec<String>,
    ops: u64,
}

impl Hand {
    fn key(&mut self) -> String {
        if self.random.one_in(3) {
            return format!("many/{:03}", self.random.below(200));
        }
        (*self.random.pick(&KEYS)).to_owned()
    }

    fn act(&mut self, typist: &mut Typist) {
        self.ops += 1;
        let key = self.key();
        match self.random.below(21) {
            0..9 => {
                let value = "v".repeat(usize::try_from(self.random.below(300)).unwrap());
                let lease = match self.leases.last() {
                    Some(id) if self.random.one_in(3) => format!(" --lease={id}"),
                    _ => String::new(),
                };
                said(typist, &format!("etcdctl put '{key}' '{value}{}'{lease}", self.ops));
            }
            9 | 10 => drop(said(typist, &format!("etcdctl del '{key}'"))),
            11 => drop(said(typist, &format!("etcdctl del --prefix 'many/{}'", self.ops % 10))),
            12..14 => {
                let text = format!(
                    "etcdctl txn <<'EOF'\nmod(\"{key}\") > \"0\"\n\nput \"{key}\" \"{}\"\nput t1 x\ndel t3\n\n\
                     put t2 y\ndel many/0 --prefix\n\nEOF",
                    self.ops
                );
                said(typist, &text);
            }
            14 | 15 => {
                let ttl = 3600 + self.random.below(100_000);
                let granted = said(typist, &format!("etcdctl lease grant {ttl}"));
                self.leases.extend(granted.split(' ').nth(1).map(str::to_owned));
            }
            16 if !self.leases.is_empty() => {
                let at = usize::try_from(self.random.below(self.leases.len() as u64)).unwrap();
                let id = self.leases.remove(at);
                said(typist, &format!("etcdctl lease revoke {id}"));
            }
            17 => {
                let status = said(typist, "etcdctl get nothing -w json");
                let status: Value = serde_json::from_str(&status).unwrap();
                let now = status["header"]["revision"].as_u64().unwrap();
                let back = self.random.below(30);
                // Refused when it lies before the last compaction, and that is well too.
                typed(typist, &format!("etcdctl compaction {}", now.saturating_sub(back).max(1)));
            }
            18 => drop(said(typist, "seq 1 3000 | etcdctl put big")),
            19 => {
                // Names are not taken twice: what is refused changes nothing, and that is well.
                let number = self.random.below(6);
                typed(typist, &format!("etcdctl user add user{number} --no-password"));
                typed(typist, &format!("etcdctl role add role{}", number / 2));
                let grant = format!("role{} readwrite '{key}' --prefix", number / 2);
                typed(typist, &format!("etcdctl role grant-permission {grant}"));
                typed(typist, &format!("etcdctl user grant-role user{number} role{}", number / 2));
            }
            _ if self.random.one_in(8) => drop(said(typist, "etcdctl defrag")),
            _ => drop(said(typist, "sleep 1")),
        }
    }
}

/// A state made in the lab: the snapshot, and what the lab's etcdctl said of the hash.
struct State {
    name: String,
    snapshot: Vec<u8>,
    hash: u64,
}

/// The states of one world, while it goes on.
fn states_of(seed: u64) -> Vec<State> {
    let mut typist = world(if seed.is_multiple_of(3) { 3 } else { 1 }, seed);
    let mut hand = Hand { random: Random::new(seed), leases: Vec::new(), ops: 0 };
    let mut states = Vec::new();
    // 3.5.1 hashes a store in which nothing lives otherwise: this key always does.
    said(&mut typist, "etcdctl put ! 1");
    for number in 0..SNAPSHOTS {
        for _ in 0..10 + hand.random.below(40) {
            hand.act(&mut typist);
        }
        said(&mut typist, &format!("etcdctl snapshot save s{number}.db"));
        let snapshot = typist.session().pull("n1", &format!("/root/s{number}.db")).unwrap();
        let hash = said(&mut typist, "etcdctl endpoint hashkv -w json");
        let hash: Value = serde_json::from_str(&hash).unwrap();
        let hash = hash[0]["HashKV"]["hash"].as_u64().unwrap();
        states.push(State { name: format!("world {seed}, snapshot {number}"), snapshot, hash });
    }
    states
}

/// A number that the gateway writes as text, or leaves out when it is 0.
fn number(value: &Value) -> i64 {
    value.as_str().map_or(0, |text| text.parse().unwrap())
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap_or_default()).unwrap()
}

/// Every pair the real etcd has at a revision.
fn real_rows(server: &Server, revision: i64) -> Vec<Row> {
    let body = json!({"key": "AA==", "range_end": "AA==", "revision": revision});
    let answer = server.post("/v3/kv/range", &body.to_string());
    let row = |kv: &Value| Row {
        key: bytes(&kv["key"]),
        value: bytes(&kv["value"]),
        create: number(&kv["create_revision"]),
        modified: number(&kv["mod_revision"]),
        version: number(&kv["version"]),
        lease: number(&kv["lease"]),
    };
    assert!(answer.get("error").is_none(), "range at {revision}: {answer}");
    answer["kvs"].as_array().into_iter().flatten().map(row).collect()
}

fn real_leases(server: &Server) -> Vec<Lease> {
    let list = server.post("/v3/lease/leases", "{}");
    let one = |lease: &Value| {
        let body = json!({"ID": lease["ID"], "keys": true}).to_string();
        let info = server.post("/v3/lease/timetolive", &body);
        let mut keys: Vec<_> = info["keys"].as_array().into_iter().flatten().map(bytes).collect();
        keys.sort();
        (number(&info["ID"]), number(&info["grantedTTL"]), keys)
    };
    let mut leases: Vec<Lease> = list["leases"].as_array().into_iter().flatten().map(one).collect();
    leases.sort();
    leases
}

/// Hash, revision and compacted revision, as the real etcdctl prints them.
fn real_hash(server: &Server) -> (u64, i64, i64) {
    let said = server.etcdctl(&["endpoint", "hashkv", "-w", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let hash = &said[0]["HashKV"];
    let revision = hash["header"]["revision"].as_i64().unwrap();
    (hash["hash"].as_u64().unwrap(), revision, hash["compact_revision"].as_i64().unwrap_or(0))
}

/// The real etcd and a file agree in all a client can see.
fn same(server: &Server, file: &File, name: &str) {
    let (hash, compacted) = file.hash();
    assert_eq!(real_hash(server), (hash.into(), file.revision(), compacted), "{name}: hash");
    assert_eq!(real_rows(server, 0), file.rows(0), "{name}: pairs");
    assert_eq!(real_leases(server), file.leases(), "{name}: leases");
    let (first, last) = (file.compacted().max(1), file.revision());
    for revision in [first, first.midpoint(last), last] {
        let rows = real_rows(server, revision);
        assert_eq!(rows, file.rows(revision), "{name}: pairs at {revision}");
    }
}

/// What real etcd saves of itself now.
fn saved(server: &Server, scratch: &Scratch) -> Vec<u8> {
    let path = scratch.path("back.db");
    server.etcdctl(&["snapshot", "save", path.to_str().unwrap()]);
    fs::read(path).unwrap()
}

/// Restores with the real etcdutl and serves with the real etcd.
fn restored(programs: &Path, scratch: &Scratch, snapshot: &[u8]) -> Server {
    let (file, dir) = (scratch.path("snapshot.db"), scratch.path("data"));
    fs::write(&file, snapshot).unwrap();
    let args = ["snapshot", "restore", file.to_str().unwrap(), "--data-dir"];
    let args: Vec<&str> = args.into_iter().chain([dir.to_str().unwrap()]).collect();
    run(&programs.join("etcdutl"), &args);
    Server::quick(programs, scratch, &dir)
}

/// The lab's own etcdutl restores a file of the real etcd, and a member of the lab serves it.
fn served_by_the_lab(programs: &Path, typist: &mut Typist, bytes: &[u8], name: &str) {
    let (host, path) = ("n2".to_owned(), "/root/back.db".to_owned());
    let push = lab::api::Input::Push { host, path, bytes: bytes.to_vec() };
    typist.session_mut().apply(push).unwrap();
    let file = File::open(bytes);
    let scratch = Scratch::new("status");
    let local = scratch.path("back.db");
    fs::write(&local, bytes).unwrap();
    let args = ["snapshot", "status", local.to_str().unwrap(), "-w", "json"];
    let real = run(&programs.join("etcdutl"), &args);
    let ours = said(typist, "@n2 etcdutl snapshot status back.db -w json");
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&ours), json(&real), "{name}: snapshot status");
    said(typist, "@n2 rm -rf r; etcdutl snapshot restore back.db --data-dir r");
    said(typist, "@n2 etcd --data-dir r > log 2>&1 &");
    said(typist, "@n2 sleep 4");
    let hash = json(&said(typist, "@n2 etcdctl endpoint hashkv -w json"));
    let hash = &hash[0]["HashKV"];
    assert_eq!(hash["hash"].as_u64(), Some(file.hash().0.into()), "{name}: hash in the lab");
    assert_eq!(hash["header"]["revision"].as_i64(), Some(file.revision()), "{name}: revision");
    let pairs = json(&said(typist, "@n2 etcdctl get '' --prefix --keys-only -w json"));
    let count = pairs["kvs"].as_array().map_or(0, Vec::len);
    assert_eq!(count, file.rows(0).len(), "{name}: pairs in the lab");
    typed(typist, "@n2 kill %1; wait");
}

/// There and back again; gives what came back.
fn round_trip(programs: &Path, state: &State) -> Vec<u8> {
    let name = &state.name;
    let scratch = Scratch::new("state");
    let file = File::open(&state.snapshot);
    assert_eq!(u64::from(file.hash().0), state.hash, "{name}: the lab's own hash");
    let server = restored(programs, &scratch, &state.snapshot);
    same(&server, &file, name);
    // The real etcd goes on with our file; what it writes comes back.
    for key in ["YQ==", "bmV3"] {
        let body = json!({"key": key, "value": "cmVhbA=="}).to_string();
        server.post("/v3/kv/put", &body);
    }
    let bytes = saved(&server, &scratch);
    let back = File::open(&bytes);
    assert_eq!(back.revision(), file.revision() + 2, "{name}: went on");
    same(&server, &back, &format!("{name}, back"));
    for bucket in ["auth", "authUsers", "authRoles", "alarm", "lease"] {
        assert_eq!(back.bucket(bucket), file.bucket(bucket), "{name}: bucket {bucket}");
    }
    bytes
}

#[test]
fn states_of_the_lab_are_served_by_the_real_etcd_and_come_back() {
    let Some(programs) = programs("states of the lab") else { return };
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let programs = &programs;
            scope.spawn(move || {
                let mut typist = world(1, 900 + worker);
                for seed in (0..WORLDS).filter(|seed| seed % WORKERS == worker) {
                    for (number, state) in (0..).zip(states_of(seed)) {
                        let back = round_trip(programs, &state);
                        if number == seed % SNAPSHOTS {
                            served_by_the_lab(programs, &mut typist, &back, &state.name);
                        }
                    }
                }
            });
        }
    });
}

/// A change made through the gateway.
fn real_act(server: &Server, random: &mut Random, leases: &mut Vec<String>, revision: i64) {
    let key = STANDARD.encode(random.pick(&KEYS));
    match random.below(10) {
        0..5 => {
            let value = STANDARD.encode("w".repeat(usize::try_from(random.below(2000)).unwrap()));
            let lease = leases.last().filter(|_| random.one_in(3)).cloned().unwrap_or_default();
            let lease = if lease.is_empty() { "0".to_owned() } else { lease };
            let body = json!({"key": key, "value": value, "lease": lease});
            server.post("/v3/kv/put", &body.to_string());
        }
        5 => {
            let end = STANDARD.encode(random.pick(&KEYS));
            let body = json!({"key": key, "range_end": end});
            server.post("/v3/kv/deleterange", &body.to_string());
        }
        6 => {
            let put = |value: &str| json!({"request_put": {"key": key, "value": value}});
            let gone = json!({"request_delete_range": {"key": "Yg=="}});
            let other = json!({"request_put": {"key": "dHhu", "value": "dHhu"}});
            let body = json!({"compare": [{"key": key, "target": "VERSION", "version": "1"}],
                "success": [put("eWVz"), gone], "failure": [put("bm8="), other]});
            server.post("/v3/kv/txn", &body.to_string());
        }
        7 => {
            let granted = server.post("/v3/lease/grant", r#"{"TTL":"7200"}"#);
            leases.extend(granted["ID"].as_str().map(str::to_owned));
        }
        8 if leases.len() > 2 => {
            let id = leases.remove(0);
            server.post("/v3/lease/revoke", &json!({ "ID": id }).to_string());
        }
        _ => {
            let at = revision - i64::try_from(random.below(20)).unwrap();
            let body = json!({"revision": at.max(1), "physical": true});
            server.post("/v3/kv/compaction", &body.to_string());
        }
    }
}

#[test]
fn states_of_the_real_etcd_are_read_by_the_lab() {
    let Some(programs) = programs("states of the real etcd") else { return };
    let scratch = Scratch::new("real");
    let server = Server::quick(&programs, &scratch, &scratch.path("data"));
    let mut random = Random::new(351);
    let mut leases = Vec::new();
    let mut typist = world(1, 800);
    for number in 0..REAL_STATES {
        for _ in 0..40 {
            let header = server.post("/v3/kv/range", r#"{"key":"YQ==","serializable":true}"#);
            let revision = self::number(&header["header"]["revision"]);
            real_act(&server, &mut random, &mut leases, revision);
        }
        let (bytes, name) = (saved(&server, &scratch), format!("real state {number}"));
        same(&server, &File::open(&bytes), &name);
        if number % 6 == 5 {
            served_by_the_lab(&programs, &mut typist, &bytes, &name);
        }
    }
}
