//! What the real etcdctl and etcd printed, command by command, against what ours print.
//!
//! A recording is played in a world of one host with three members on the recorder's ports,
//! each command through the lab's own shell. `transcripts/known.txt` names the commands that
//! still differ, with the reason; the list may only become shorter.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use lab::programs;
use serde_json::json;
use sim::{
    Either, ExitStatus, Fd, Group, HostId, Http, HttpResponse, Install, OpenFlags, Packet, Pid,
    Signal, SpawnSpec, Stdio, Sys, World, WorldSpec, race,
};
use tests::recorded::{Names, Recorded, Step, masked, parse};

const HOST: HostId = HostId(0);
/// Where the API server of the recording of kubectl listens.
const API_SERVER: &str = "127.0.0.1:36443";
/// Where commands run.
const WORK: &str = "/root/work";
/// The server of a recording whose client is of another release.
const OTHER_SERVER: &str = "/opt/etcd";
/// How long a command may take.
const LIMIT_US: u64 = 120_000_000;
/// Time between two commands, as a recorder's process starts take it.
const PAUSE_US: u64 = 30_000;
/// When what runs beside a command begins, and the time between two of those.
const MEANWHILE_US: u64 = 1_000_000;
/// Elections depend on the seed; the leader of the recording is found among these.
const SEEDS: u64 = 64;

/// The certificates of the recordings of TLS, where commands run: an authority, what it
/// signed, and a stranger's.
fn certificates() -> Vec<(String, Bytes, u16)> {
    const YEAR_S: i64 = 365 * 86_400;
    let now_s = i64::try_from(WorldSpec::default().epoch_us / 1_000_000).expect("a date");
    let ca = pki::authority("etcd-ca", 1, now_s, now_s + YEAR_S);
    let other = pki::authority("other-ca", 2, now_s, now_s + YEAR_S);
    let mut files = vec![
        ("ca.crt".to_owned(), ca.certificate.to_pem()),
        ("otherca.crt".to_owned(), other.certificate.to_pem()),
    ];
    let both = [pki::Usage::ServerAuth, pki::Usage::ClientAuth];
    for (name, issuer) in [("server", &ca), ("peer", &ca), ("client", &ca), ("foreign", &other)] {
        let names = match name {
            "client" | "foreign" => Vec::new(),
            _ => vec![
                pki::GeneralName::Dns("localhost".to_owned()),
                pki::GeneralName::Ip(vec![127, 0, 0, 1]),
            ],
        };
        let key = pki::PrivateKey::from_seed(3, name);
        let leaf = pki::Template::leaf(pki::Name::new(&[], name), &both, names);
        let certificate = leaf.valid(now_s, now_s + YEAR_S).issue(&key, issuer);
        files.push((format!("{name}.crt"), certificate.to_pem()));
        files.push((format!("{name}.key"), key.to_pem()));
    }
    let file =
        |(name, text): (String, String)| (format!("{WORK}/{name}"), Bytes::from(text), 0o644);
    files.into_iter().map(file).collect()
}

/// What a process printed and how it ended.
#[derive(Clone, Debug, Default)]
struct Outcome {
    exit: i32,
    stdout: String,
    stderr: String,
}

/// A world being played in.
struct Stage {
    world: World,
    /// The first digits of client and peer ports.
    ports: (u32, u32),
    /// Where servers write their logs.
    logs: String,
    /// Whether members want certificates.
    tls: bool,
    /// The server's file, and flags all members have.
    server: &'static str,
    flags: Vec<String>,
    env: Vec<(String, String)>,
    members: BTreeMap<String, Pid>,
    /// What happens while the next command runs.
    beside: Vec<Beside>,
    names: Names,
}

/// Something beside a command.
#[derive(Clone, Debug)]
enum Beside {
    Run(u64, String),
    Kill(u64, Pid),
}

impl Stage {
    fn new(release: &str, server: &str, ports: (u32, u32), seed: u64) -> Stage {
        let files = programs::files(release);
        let other = (OTHER_SERVER.to_owned(), sim::exe::image("etcd", server), 0o755);
        let kubectl = ("/usr/bin/kubectl".to_owned(), sim::exe::image("kubectl", ""), 0o755);
        let world = World::new(WorldSpec {
            hosts: vec!["r1".to_owned()],
            seed,
            programs: programs::TABLE,
            install: files
                .into_iter()
                .chain([other, kubectl])
                .chain([(format!("{WORK}/.keep"), Bytes::new(), 0o644)])
                .chain([("/data/.keep".to_owned(), Bytes::new(), 0o644)])
                .chain([(format!("/data/{release}-tls/.keep"), Bytes::new(), 0o644)])
                .chain(programs::tools())
                .chain(certificates())
                .map(Install::everywhere)
                .collect(),
            ..WorldSpec::default()
        });
        Stage {
            world,
            ports,
            logs: "/data".to_owned(),
            tls: false,
            server: "/usr/local/bin/etcd",
            flags: Vec::new(),
            env: Vec::new(),
            members: BTreeMap::new(),
            beside: Vec::new(),
            names: Names::default(),
        }
    }

    /// `@ cluster 3 leader=m2 seed=4 health ports=237,238`: fresh members.
    fn cluster(release: &str, words: &[&str]) -> Stage {
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let ports = option("ports=").map_or((237, 238), |ports| {
            let (client, peer) = ports.split_once(',').expect("two ports");
            (client.parse().expect("a number"), peer.parse().expect("a number"))
        });
        let wanted = option("leader=");
        let count: u32 = words[1].parse().expect("a number of members");
        let first = option("seed=").map_or(1, |seed| seed.parse().expect("a number"));
        for seed in first..=first + SEEDS {
            let server = option("server=");
            let mut stage = Stage::new(release, server.unwrap_or(release), ports, seed);
            if server.is_some() {
                stage.server = OTHER_SERVER;
            }
            if words.contains(&"tls") {
                stage.tls = true;
                stage.logs = format!("/data/{release}-tls");
            }
            let quota = option("quota=").map(|bytes| format!("--quota-backend-bytes={bytes}"));
            stage.flags.extend(quota);
            let names: Vec<String> = (1..=count).map(|n| format!("m{n}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            for name in &names {
                stage.start(name, "new", &names);
            }
            stage.wait(4_000_000);
            let leader = if stage.tls { None } else { stage.leader() };
            if wanted.is_none_or(|wanted| leader.as_deref() == Some(wanted)) {
                if words.contains(&"health") {
                    let endpoints: Vec<String> =
                        (1..=count).map(|n| format!("127.0.0.1:{}9{n}", ports.0)).collect();
                    let endpoints = endpoints.join(",");
                    stage.shell(&format!("etcdctl --endpoints={endpoints} endpoint health"), &[]);
                }
                return stage;
            }
        }
        panic!("none of {SEEDS} seeds makes {wanted:?} the leader");
    }

    /// The member that leads.
    fn leader(&mut self) -> Option<String> {
        let client = self.ports.0;
        (1..=3).find_map(|n| {
            let asked = format!("etcdctl --endpoints=127.0.0.1:{client}9{n} endpoint status");
            let said = self.shell(&asked, &[]);
            said.stdout.split(", ").any(|field| field == "true").then(|| format!("m{n}"))
        })
    }

    fn member_flags(&self, name: &str, state: &str, cluster: &[&str]) -> Vec<String> {
        let digit = |name: &str| name.chars().last().unwrap_or('0');
        let (client, peer) = self.ports;
        let n = digit(name);
        let scheme = if self.tls { "https" } else { "http" };
        let initial: Vec<String> = cluster
            .iter()
            .map(|name| format!("{name}={scheme}://127.0.0.1:{peer}9{}", digit(name)))
            .collect();
        let mut flags: Vec<String> = [
            format!("--name={name}"),
            format!("--data-dir=/data/{name}.etcd"),
            format!("--listen-client-urls={scheme}://127.0.0.1:{client}9{n}"),
            format!("--advertise-client-urls={scheme}://127.0.0.1:{client}9{n}"),
            format!("--listen-peer-urls={scheme}://127.0.0.1:{peer}9{n}"),
            format!("--initial-advertise-peer-urls={scheme}://127.0.0.1:{peer}9{n}"),
            format!("--initial-cluster={}", initial.join(",")),
            format!("--initial-cluster-state={state}"),
            "--initial-cluster-token=etcd-cluster".to_owned(),
        ]
        .into();
        if self.tls {
            for (prefix, pair) in [("", "server"), ("peer-", "peer")] {
                flags.extend([
                    format!("--{prefix}cert-file={WORK}/{pair}.crt"),
                    format!("--{prefix}key-file={WORK}/{pair}.key"),
                    format!("--{prefix}trusted-ca-file={WORK}/ca.crt"),
                    format!("--{prefix}client-cert-auth"),
                ]);
            }
        }
        flags
    }

    fn start(&mut self, name: &str, state: &str, cluster: &[&str]) {
        let mut argv = vec!["etcd".to_owned()];
        argv.extend(self.member_flags(name, state, cluster));
        argv.extend(self.flags.iter().cloned());
        self.server(name, argv);
    }

    fn server(&mut self, name: &str, argv: Vec<String>) -> Pid {
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let spec = SpawnSpec { group: Group::Own, ..SpawnSpec::new(self.server, &argv) };
        let log = Stdio::Log(format!("{}/{name}.log", self.logs));
        let pid = self.world.spawn(HOST, spec, log).expect("etcd is installed");
        self.members.insert(name.to_owned(), pid);
        pid
    }

    fn wait(&mut self, us: u64) {
        let until_us = self.world.now_us() + us;
        while !self.world.advance(until_us, 100_000).reached {
            assert_eq!(self.world.violation().map(|it| format!("{it:?}")), None);
        }
    }

    /// `@ kubectl`: a host without members whose kubeconfig names a port nobody listens on.
    fn kubectl() -> Stage {
        let mut stage = Stage::new("3.6.14", "3.6.14", (237, 238), 1);
        let server = format!("http://{API_SERVER}");
        let config = format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {{server: \"{server}\"}}\n\
             contexts:\n- name: c\n  context: {{cluster: c, user: u}}\ncurrent-context: c\n\
             users:\n- name: u\n  user: {{}}\n"
        );
        stage.shell(&format!("cat > {WORK}/kubeconfig"), config.as_bytes());
        stage.env.push(("KUBECONFIG".to_owned(), format!("{WORK}/kubeconfig")));
        stage
    }

    /// `@ apiserver CODE REASON MESSAGE`: the small server of the recording, which knows the
    /// kinds there are and answers everything else like this; `raw` is a health check that
    /// failed.
    fn api_server(&mut self, line: &str) {
        if let Some(pid) = self.members.remove("apiserver") {
            self.world.signal(pid, Signal::Kill).expect("it serves until it is ended");
            self.wait(1000);
        }
        let spec = SpawnSpec { group: Group::Own, ..SpawnSpec::new("/bin/sh", &["apiserver"]) };
        let line = line.to_owned();
        let pid = self
            .world
            .spawn_task(HOST, spec, Box::new(|sys| Box::pin(serve(sys, line))))
            .expect("the server starts");
        self.members.insert("apiserver".to_owned(), pid);
        self.world.settle();
        self.wait(1000);
    }

    /// Carries out a line of the recorder.
    fn act(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "apiserver" => self.api_server(line.trim_start_matches("apiserver ")),
            "env" => {
                self.env = words[1..]
                    .iter()
                    .filter_map(|pair| pair.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
            }
            "wait" => self.wait(duration_us(words[1])),
            "kill" => self.signal(words[1], Signal::Kill),
            "stop" => {
                self.signal(words[1], Signal::Term);
                self.wait(500_000);
            }
            "freeze" => self.signal(words[1], Signal::Stop),
            "wipe" => drop(self.shell(&format!("rm -rf /data/{}.etcd", words[1]), &[])),
            "start" => {
                let state = words.get(2).copied().unwrap_or("new");
                let all = words.get(3).copied().unwrap_or("m1,m2,m3");
                self.start(words[1], state, &all.split(',').collect::<Vec<_>>());
            }
            "ready" => {
                self.wait(1_500_000);
                let n = words[1].trim_start_matches('m');
                let endpoint = format!("127.0.0.1:{}9{n}", self.ports.0);
                self.shell(&format!("etcdctl --endpoints={endpoint} endpoint health"), &[]);
            }
            "meanwhile" => {
                let text = line.trim_start_matches("meanwhile ");
                for (nth, command) in (0..).zip(text.split(" ; ")) {
                    let at_us = MEANWHILE_US + nth * 200_000;
                    self.beside.push(Beside::Run(at_us, command.to_owned()));
                }
            }
            "later" => {
                let at_us = duration_us(words[1]);
                self.beside.push(match words[2] {
                    "kill" => Beside::Kill(at_us, self.members[words[3]]),
                    _ => Beside::Run(at_us, self.names.applied(&words[3..].join(" "))),
                });
            }
            other => panic!("the recorder knows no {other}"),
        }
    }

    fn signal(&mut self, name: &str, signal: Signal) {
        if let Some(pid) = self.members.get(name) {
            // A member that ended by itself is no longer there to be signalled.
            let _ = self.world.signal(*pid, signal);
        }
        self.wait(1000);
    }

    /// Runs a command to its end, with what was planned beside it.
    fn shell(&mut self, command: &str, stdin: &[u8]) -> Outcome {
        self.run(command, stdin, None)
    }

    fn run(&mut self, command: &str, stdin: &[u8], signal: Option<(u64, Signal)>) -> Outcome {
        let signalled = signal.is_some();
        let ended: Rc<RefCell<Option<i32>>> = Rc::default();
        let job = Job {
            command: command.to_owned(),
            stdin: Bytes::copy_from_slice(stdin),
            env: self.env.clone(),
            signal,
            beside: std::mem::take(&mut self.beside),
            ended: ended.clone(),
        };
        let spec = SpawnSpec { group: Group::Own, ..SpawnSpec::new("/bin/sh", &["recorder"]) };
        self.world
            .spawn_task(HOST, spec, Box::new(|sys| Box::pin(play(sys, job))))
            .expect("the recorder starts");
        self.world.settle();
        let limit_us = self.world.now_us() + LIMIT_US;
        while ended.borrow().is_none() {
            let next_us = self.world.next_event_us().unwrap_or(limit_us).min(limit_us);
            self.world.advance(next_us, 10_000);
            assert!(self.world.now_us() < limit_us, "`{command}` does not end");
        }
        let read = |name: &str| {
            let bytes = self.world.read_file(HOST, &format!("/tmp/{name}")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let outcome = Outcome {
            exit: ended.borrow().unwrap_or_default(),
            stdout: read("stdout"),
            stderr: if signalled { without_epitaph(&read("stderr")) } else { read("stderr") },
        };
        self.wait(PAUSE_US);
        outcome
    }

    /// A server of the recording: its grave lines and how it ended.
    fn run_server(&mut self, recorded: &Recorded) -> Outcome {
        let argv: Vec<String> = recorded.command.split(' ').map(str::to_owned).collect();
        let dir = argv.iter().find(|word| word.starts_with("/data/") || word.starts_with(WORK));
        let dir = dir.and_then(|dir| dir.rsplit('/').next()).unwrap_or("m4.etcd");
        let name = dir.trim_end_matches(".etcd").to_owned();
        let log = format!("{}/{name}.log", self.logs);
        let before = self.world.read_file(HOST, &log).map_or(0, |log| log.len());
        let pid = self.server(&name, argv);
        self.wait(3_500_000);
        let alive = self.world.ps(HOST).iter().any(|process| process.pid == pid);
        let text = self.world.read_file(HOST, &log).unwrap_or_default();
        let stderr = String::from_utf8_lossy(&text[before..]).into_owned();
        Outcome { exit: i32::from(!alive), stdout: String::new(), stderr }
    }
}

/// Serves like the small API server of the recording.
#[expect(clippy::infinite_loop, reason = "the recorder's server, too, ran until it was killed")]
async fn serve(sys: Sys, line: String) -> i32 {
    let listener = sys.listen(API_SERVER).expect("nobody else listens there");
    loop {
        let conn = listener.accept().await;
        while let Ok(Packet::Http(Http::Request(request))) = conn.recv().await {
            let response = api_answer(&line, request.split().0);
            if conn.send(Packet::Http(Http::Response(response))).is_err() {
                break;
            }
        }
    }
}

fn api_answer(line: &str, path: &str) -> HttpResponse {
    if line == "raw" {
        let body = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[-]etcd-readiness \
                    failed: reason withheld\n[+]informer-sync ok\nreadyz check failed";
        return HttpResponse::new(500, "text/plain; charset=utf-8", body);
    }
    let known = match path {
        "/api" => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})),
        _ => None,
    };
    if let Some(known) = known {
        return HttpResponse::new(200, "application/json", known.to_string());
    }
    let mut words = line.splitn(3, ' ');
    let code: u16 = words.next().and_then(|word| word.parse().ok()).expect("a status");
    let reason = words.next().filter(|word| *word != "-").unwrap_or_default();
    let message = words.next().unwrap_or_default();
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code});
    HttpResponse::new(code, "application/json", status.to_string())
}

/// A command to play.
struct Job {
    command: String,
    stdin: Bytes,
    env: Vec<(String, String)>,
    signal: Option<(u64, Signal)>,
    beside: Vec<Beside>,
    ended: Rc<RefCell<Option<i32>>>,
}

/// The recorder: a process that runs one command, with others beside it.
async fn play(sys: Sys, job: Job) -> i32 {
    let mut env = job.env.clone();
    env.push(("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()));
    env.push(("HOME".to_owned(), "/root".to_owned()));
    sys.write_file("/tmp/stdin", &job.stdin).expect("/tmp is there");
    let open = |name: &str, flags| sys.open(&format!("/tmp/{name}"), flags).expect("/tmp is there");
    let files = [
        open("stdin", OpenFlags::READ),
        open("stdout", OpenFlags::WRITE),
        open("stderr", OpenFlags::WRITE),
    ];
    let start = |command: &str, files: [Fd; 3]| {
        let spec = SpawnSpec {
            env: env.clone(),
            cwd: WORK.to_owned(),
            fds: [Fd::STDIN, Fd::STDOUT, Fd::STDERR].into_iter().zip(files).collect(),
            group: Group::Own,
            ..SpawnSpec::new("/bin/sh", &["sh", "-c", command])
        };
        sys.spawn(spec).expect("a shell is installed")
    };
    let main = start(&job.command, files);
    let beside = async {
        let begun_us = sys.mono_us();
        for planned in &job.beside {
            let (Beside::Run(at_us, _) | Beside::Kill(at_us, _)) = planned;
            sys.sleep_us((begun_us + at_us).saturating_sub(sys.mono_us())).await;
            match planned {
                Beside::Kill(_, pid) => drop(sys.kill(*pid, Signal::Kill)),
                Beside::Run(_, command) => {
                    let null = sys.open("/dev/null", OpenFlags::READ).expect("it is there");
                    let sink = open("beside", OpenFlags::WRITE);
                    let pid = start(command, [null, sink, sink]);
                    sys.wait(pid).await;
                }
            }
        }
    };
    let signalled = async {
        match job.signal {
            Some((after_us, signal)) => {
                sys.sleep_us(after_us).await;
                // The real shell has become its last command; ours waits for it, and is to
                // tell how it ended.
                let all = sys.ps();
                let commands = all.iter().filter(|it| it.group == main && it.pid != main);
                for command in commands {
                    let _ = sys.kill(command.pid, signal);
                }
            }
            None => std::future::pending().await,
        }
    };
    let waiting = async {
        match race(sys.wait(main), signalled).await {
            Either::Left(status) => status,
            Either::Right(()) => sys.wait(main).await,
        }
    };
    let status = both(waiting, beside).await;
    *job.ended.borrow_mut() = Some(match status {
        ExitStatus::Code(code) => code,
        ExitStatus::Signal(signal) => 128 + i32::from(signal.number()),
    });
    0
}

/// What a command said without the shell's word on how a signal ended it: the real recorder's
/// shell had become the command, and nobody was left to say it.
fn without_epitaph(stderr: &str) -> String {
    let words = ["Killed", "Terminated", "Interrupt"];
    let said = |line: &&str| {
        !words
            .iter()
            .any(|word| line.split("  ").any(|it| it == *word || it.ends_with(&format!(" {word}"))))
    };
    stderr.split_inclusive('\n').filter(|line| said(&line.trim_end())).collect()
}

/// Runs two futures to their ends; the first one's value.
async fn both<T>(first: impl Future<Output = T>, second: impl Future<Output = ()>) -> T {
    let mut first = std::pin::pin!(first);
    let mut second = std::pin::pin!(second);
    match race(first.as_mut(), second.as_mut()).await {
        Either::Left(value) => {
            second.await;
            value
        }
        Either::Right(()) => first.await,
    }
}

fn duration_us(text: &str) -> u64 {
    let (digits, scale) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1_000),
        None => (text.trim_end_matches('s'), 1_000_000),
    };
    digits.parse::<u64>().expect("a number and its unit") * scale
}

/// Something a command did differently.
struct Difference {
    line: usize,
    command: String,
    what: String,
}

fn play_file(path: &Path, release: &str) -> (usize, Vec<Difference>) {
    let text = std::fs::read_to_string(path).expect("the recording can be read");
    let mut stage: Option<Stage> = None;
    let (mut commands, mut differences) = (0, Vec::new());
    for step in parse(&text) {
        match step {
            Step::Do(line) if line.starts_with("cluster ") => {
                let words: Vec<&str> = line.split(' ').collect();
                stage = Some(Stage::cluster(release, &words));
            }
            Step::Do(line) if line == "kubectl" => stage = Some(Stage::kubectl()),
            Step::Do(line) => stage.as_mut().expect("a cluster comes first").act(&line),
            Step::Command(recorded) => {
                commands += 1;
                let stage = stage.as_mut().expect("a cluster comes first");
                if let Some(what) = compare(stage, &recorded) {
                    let Recorded { line, command, .. } = recorded;
                    differences.push(Difference { line, command, what });
                }
            }
        }
    }
    (commands, differences)
}

/// Plays a command; what differs, if anything does.
fn compare(stage: &mut Stage, recorded: &Recorded) -> Option<String> {
    if let Some(exit) = recorded.server {
        let outcome = stage.run_server(recorded);
        let (expected, actual) = (grave(&recorded.stderr), grave(&outcome.stderr));
        let ended = i32::from(exit.is_some());
        return (expected != actual || outcome.exit != ended).then(|| {
            format!("ended: {ended} {}\nexpected: {expected:#?}\nactual: {actual:#?}", outcome.exit)
        });
    }
    let signal = recorded.signal_after_us.map(|after_us| {
        // One that catches its signal ends by itself.
        let number = u8::try_from(-recorded.exit).ok().filter(|number| *number > 0).unwrap_or(2);
        (after_us, Signal::from_number(number).expect("a signal"))
    });
    let command = stage.names.applied(&recorded.command);
    let outcome = stage.run(&command, recorded.stdin.as_bytes(), signal);
    stage.names.learn(&recorded.stdout, &outcome.stdout);
    let exit = if recorded.exit < 0 { 128 - recorded.exit } else { recorded.exit };
    let mut what = String::new();
    if outcome.exit != exit {
        let _ = writeln!(what, "exit: expected {exit}, got {}", outcome.exit);
    }
    for (name, expected, actual) in [
        ("stdout", &recorded.stdout, &outcome.stdout),
        ("stderr", &recorded.stderr, &outcome.stderr),
    ] {
        let (expected, actual) = (masked(expected, &command), masked(actual, &command));
        if expected != actual {
            let _ = writeln!(what, "{name}:");
            what.push_str(&difference(&expected, &actual));
        }
    }
    (!what.is_empty()).then_some(what)
}

/// What a log complains of, each once.
fn grave(log: &str) -> Vec<String> {
    let mut lines: Vec<String> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| matches!(line["level"].as_str(), Some("error" | "fatal" | "panic")))
        .map(|line| {
            let text = format!("{} {} {}", line["level"], line["msg"], line["error"]);
            masked(&text, "")
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

fn difference(expected: &str, actual: &str) -> String {
    let mut text = String::new();
    let (mut left, mut right) = (expected.lines(), actual.lines());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return text,
            (a, b) if a == b => {}
            (a, b) => {
                for (mark, line) in [('-', a), ('+', b)] {
                    if let Some(line) = line {
                        writeln!(text, "  {mark} {line}").expect("a string takes it");
                    }
                }
            }
        }
    }
}

/// The commands of a file that are known to differ: `file:line<TAB>reason`.
fn known(file: &str) -> Vec<usize> {
    let text = std::fs::read_to_string(folder().join("known.txt")).expect("the list is there");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(place, _)| place.rsplit_once(':'))
        .filter(|(known, _)| *known == file)
        .map(|(_, line)| line.parse().expect("a line number"))
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

fn check(release: &str, name: &str) {
    let file = format!("{release}/{name}.txt");
    let (commands, differences) = play_file(&folder().join(&file), release);
    let known = known(&file);
    let mut report = String::new();
    for Difference { line, command, what } in &differences {
        if !known.contains(line) {
            let _ = writeln!(report, "{file}:{line}: $ {command}\n{what}");
        }
    }
    for line in known.iter().filter(|line| !differences.iter().any(|it| it.line == **line)) {
        let _ = writeln!(report, "{file}:{line} is equal now: take it off known.txt");
    }
    assert!(report.is_empty(), "{} of {commands} commands differ\n{report}", differences.len());
}

#[test]
fn kubectl_messages() {
    check("kubectl-1.36.4", "01-messages");
}

macro_rules! recordings {
    ($($test:ident: $name:literal),* $(,)?) => {
        mod v3_6_14 {
            $(#[test] fn $test() { super::check("3.6.14", $name); })*
        }
        mod v3_5_33 {
            $(#[test] fn $test() { super::check("3.5.33", $name); })*
        }
    };
}

recordings! {
    fresh_cluster: "01-fresh-cluster",
    kv: "02-kv",
    txn: "03-txn",
    watch: "04-watch",
    lease: "05-lease",
    maintenance: "06-maintenance",
    membership: "07-membership",
    auth: "08-auth",
    cli: "09-cli",
    failures: "10-failures",
    tls: "11-tls",
    nospace: "12-quota-nospace",
    restore_boot: "13-restore-boot",
    check_perf: "14-check-perf",
    join_errors: "15-join-errors",
    mixed_releases: "16-mixed-releases",
}
