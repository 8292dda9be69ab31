//! (d) Random command sequences, typed into the real etcdctl 3.5.1 and ours of release 3.5: equal
//! stdout, stderr and exit code after masking ids, times, ports, sizes and source lines.
//!
//! What 3.5.33, which ours imitates, does otherwise than 3.5.1 stands in [`OTHERWISE`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use lab::typist::Typist;
use regex_lite::Regex;
use tests::recorded::masked;

use crate::lab::{typed, world};
use crate::random::Random;
use crate::real::{Scratch, Server, limited, programs};

/// Sequences, and commands of each. `INTEROP_SEQUENCES=from..to` runs others.
const SEQUENCES: std::ops::Range<u64> = 0..16;
const COMMANDS: u64 = 40;
/// Longest time of a command on the real side.
const LIMIT_S: u32 = 30;

const KEYS: [&str; 9] = ["a", "b", "foo", "foo1", "foo2", "'b c'", "x/1", "x/2", "zed"];
const VALUES: [&str; 7] = ["1", "bar", "'two words'", "''", "\"q'q\"", "10", "ü"];
const FORMATS: [&str; 8] = ["", "", "", "", " -w json", " -w fields", " -w simple", " -w table"];

/// A command both sides answer, and why not alike.
struct Otherwise {
    command: &'static str,
    /// Found in what the real one said; empty where that does not matter.
    real: &'static str,
    reason: &'static str,
}

/// The differences between the releases that random commands meet.
static OTHERWISE: &[Otherwise] = &[];

/// Writes random commands.
struct Writer {
    random: Random,
    /// Leases granted so far; `{L0}` stands for the first.
    leases: u64,
    revision: u64,
}

impl Writer {
    fn pick(&mut self, from: &[&str]) -> String {
        (*self.random.pick(from)).to_owned()
    }

    fn key(&mut self) -> String {
        self.pick(&KEYS)
    }

    fn format(&mut self) -> String {
        self.pick(&FORMATS)
    }

    fn revision(&mut self) -> String {
        match self.random.below(6) {
            0 => "0".to_owned(),
            1 => "-1".to_owned(),
            2 => (self.revision + 100).to_string(),
            _ => (1 + self.random.below(self.revision + 2)).to_string(),
        }
    }

    fn lease(&mut self) -> String {
        match self.random.below(8) {
            0 => "1234".to_owned(),
            1 => "nothex".to_owned(),
            _ if self.leases == 0 => "0".to_owned(),
            _ => format!("{{L{}}}", self.random.below(self.leases)),
        }
    }

    fn flags(&mut self, from: &[&str]) -> String {
        let mut text = String::new();
        for flag in from {
            if self.random.one_in(4) {
                let flag = flag.replace("REV", &self.revision()).replace("LEASE", &self.lease());
                let _ = write!(text, " {flag}");
            }
        }
        text
    }

    /// One line for a shell; `$E` is the endpoint.
    fn line(&mut self) -> String {
        let command = match self.random.below(24) {
            0..5 => self.put(),
            5..9 => self.get(),
            9 | 10 => self.del(),
            11..13 => return self.txn(),
            13..15 => self.lease_command(),
            15 => self.compaction(),
            16 => return self.watch(),
            17 | 18 => self.cluster(),
            19..21 => self.users(),
            _ => self.wrong(),
        };
        format!("etcdctl --endpoints=$E {command}")
    }

    fn put(&mut self) -> String {
        self.revision += 1;
        let flags = self.flags(&["--prev-kv", "--lease=LEASE", "--ignore-value", "--ignore-lease"]);
        let (key, value, format) = (self.key(), self.pick(&VALUES), self.format());
        let value = if flags.contains("--ignore-value") { String::new() } else { value };
        format!("put {key} {value}{flags}{format}")
    }

    fn get(&mut self) -> String {
        let flags = self.flags(&[
            "--prefix",
            "--from-key",
            "--rev=REV",
            "--limit=2",
            "--keys-only",
            "--count-only",
            "--print-value-only",
            "--order=descend",
            "--sort-by=modify",
            "--consistency=s",
            "--hex",
        ]);
        let end = if self.random.one_in(6) { format!(" {}", self.key()) } else { String::new() };
        format!("get {}{end}{flags}{}", self.key(), self.format())
    }

    fn del(&mut self) -> String {
        self.revision += 1;
        let flags = self.flags(&["--prefix", "--prev-kv", "--from-key"]);
        format!("del {}{flags}{}", self.key(), self.format())
    }

    fn txn(&mut self) -> String {
        self.revision += 1;
        let (key, other) = (self.random.pick(&KEYS[..5]).to_string(), "foo2");
        let compares = [
            format!("value(\"{key}\") = \"1\""),
            format!("ver(\"{key}\") > \"0\""),
            format!("create(\"{key}\") = \"0\""),
            format!("mod(\"{key}\") < \"{}\"", self.revision()),
            format!("lease(\"{key}\") = \"0\""),
            "nonsense".to_owned(),
            String::new(),
        ];
        let compare = self.random.pick(&compares).clone();
        let requests = [
            format!("put {key} new\nget {key}"),
            format!("del {other}\nput {other} x"),
            format!("get {key} --prefix\nget nothing"),
            format!("put {key} 1\nput {key} 2"),
            "fly away".to_owned(),
            String::new(),
        ];
        let (success, failure) = (self.random.pick(&requests).clone(), self.random.pick(&requests));
        let compare = if compare.is_empty() { compare } else { compare + "\n" };
        let list = |text: &str| if text.is_empty() { String::new() } else { format!("{text}\n") };
        format!(
            "etcdctl --endpoints=$E txn{} <<'EOF'\n{compare}\n{}\n{}\nEOF",
            self.format(),
            list(&success),
            list(failure)
        )
    }

    /// Not at 0: later patches then answer the hash of the present from their notes of compactions.
    fn compaction(&mut self) -> String {
        let revision = self.revision();
        let revision = if revision == "0" { "x".to_owned() } else { revision };
        format!("compaction {revision}{}", self.flags(&["--physical"]))
    }

    fn lease_command(&mut self) -> String {
        match self.random.below(7) {
            0..3 => format!("lease grant {}{}", 200 + self.random.below(9000), self.format()),
            3 => format!("lease timetolive {}{}", self.lease(), self.flags(&["--keys"])),
            4 => format!("lease revoke {}{}", self.lease(), self.format()),
            5 => format!("lease keep-alive --once {}{}", self.lease(), self.format()),
            _ => format!("lease list{}", self.format()),
        }
    }

    /// A watch that a signal ends; it shows history only, so that nothing races.
    fn watch(&mut self) -> String {
        let flags = self.flags(&["--prefix", "--prev-kv"]);
        let rev = 1 + self.random.below(self.revision + 1);
        let format = self.pick(&["", "", " -w json", " -w fields"]);
        let key = self.key();
        format!("timeout -s INT 0.4 etcdctl --endpoints=$E watch {key} --rev={rev}{flags}{format}")
    }

    /// Without a promotion of nobody, which 3.5.1 takes through the log and later patches do not.
    fn cluster(&mut self) -> String {
        let commands = [
            "member list",
            "member list -w table",
            "member list -w json",
            "member list -w fields",
            "endpoint status",
            "endpoint status -w json",
            "endpoint status -w fields",
            "endpoint status --cluster",
            "endpoint health",
            "endpoint hashkv",
            "endpoint hashkv -w json",
            "alarm list",
            "alarm disarm",
            "member remove 1234",
            "member remove nothex",
            "member update 1234 --peer-urls=http://x:1",
            "member add",
            "member add n9",
            "member add n9 --peer-urls=nothing",
            "move-leader 1234",
            "defrag",
            "endpoint",
            "snapshot save",
        ];
        self.pick(&commands)
    }

    /// Users and roles, without switching authentication on.
    fn users(&mut self) -> String {
        let commands = [
            "user list",
            "user add ann --new-user-password=secret",
            "user add bob --no-password",
            "user add ''  --no-password",
            "user add ann:secret",
            "user get ann",
            "user get ann --detail",
            "user get nobody",
            "user delete bob",
            "user delete nobody",
            "user grant-role ann reader",
            "user grant-role ann nothing",
            "user grant-role nobody reader",
            "user revoke-role ann reader",
            "user list -w json",
            "role list",
            "role list -w json",
            "role add reader",
            "role add ''",
            "role add",
            "role get reader",
            "role get nothing",
            "role get reader -w json",
            "role grant-permission reader read foo",
            "role grant-permission reader readwrite x/ --prefix",
            "role grant-permission reader write a b",
            "role grant-permission reader fly a",
            "role grant-permission nothing read a",
            "role grant-permission reader read z --from-key",
            "role revoke-permission reader foo",
            "role revoke-permission reader a b",
            "role revoke-permission reader never",
            "role delete reader",
            "role delete nothing",
            "auth status",
            "auth disable",
            "auth enable",
            "user",
            "role",
        ];
        self.pick(&commands)
    }

    fn wrong(&mut self) -> String {
        let commands = [
            "put",
            "put a </dev/null",
            "put a b c",
            "get",
            "get a b c",
            "get a --rev=x",
            "get a --limit=x",
            "get a --order=sideways",
            "get a --sort-by=colour",
            "get a --consistency=z",
            "get a --prefix --from-key",
            "get a --bogus",
            "get a -w bogus",
            "get a b --prefix",
            "get '' --prefix",
            "get ''",
            "del",
            "del a b c",
            "del a b --prefix",
            "del a --prefix --from-key",
            "put a b --lease=nothex",
            "put a b --ignore-lease --lease=1",
            "put '' x",
            "compaction",
            "compaction x",
            "compact 1",
            "lease",
            "lease grant",
            "lease grant x",
            "lease grant 0",
            "lease grant -5",
            "lease revoke",
            "lease timetolive",
            "lease keep-alive",
            "watch",
            "bogus",
            "gte a",
            "member",
            "member remove",
            "txn bogus",
            "version",
            "--command-timeout=x get a",
            "--dial-timeout=1s get a --keys-only",
            "endpoint bogus",
            "move-leader",
            "elect",
            "lock",
            "snapshot bogus",
            "alarm",
        ];
        self.pick(&commands)
    }
}

/// What a command left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    stdout: String,
    stderr: String,
    exit: i32,
}

impl Said {
    fn masked(&self, command: &str) -> Said {
        Said {
            stdout: mask(&self.stdout, command),
            stderr: mask(&self.stderr, command),
            exit: self.exit,
        }
    }
}

/// What differs beside what recordings mask: who serves where, sizes, places in the source, and
/// the field that later patches added to the client's warnings.
static MASKS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"http://(n1:\d+|127\.0\.0\.1:<port>)", "<url>"),
        (r"\b\d+ [kM]B\b", "<size>"),
        (r#""(dbSize|dbSizeInUse)":\d+"#, r#""$1":<size>"#),
        (r#""(DBSize|DBSizeInUse)" : \d+"#, r#""$1" : <size>"#),
        (r#""caller":"[^"]*""#, r#""caller":"<line>""#),
        (r#""peer":"[^"]*","#, ""),
        (r"(?s)\s*goroutine 1 \[running\]:.*", ""),
        (r#""target":"[^"]*""#, r#""target":"<target>""#),
        (r"remaining\(\d+s\)", "remaining(<s>)"),
        (r"3\.5\.\d+", "3.5.<patch>"),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).unwrap(), with))
    .collect()
});

static HASH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b\d{7,10}\b").unwrap());

fn mask(text: &str, command: &str) -> String {
    let mut text = masked(text, command);
    if command.contains("hashkv") {
        // It covers the ids of leases. That hashes agree is proved by states.
        text = HASH.replace_all(&text, "<hash>").into_owned();
    }
    for (pattern, with) in MASKS.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    text
}

/// Both sides of one sequence.
struct Sides {
    server: Server,
    path: String,
    typist: Typist,
    /// The ids of leases granted so far: real, ours.
    leases: Vec<(String, String)>,
}

impl Sides {
    fn new(programs: &Path, scratch: &Scratch, seed: u64) -> Sides {
        let server = Server::single(programs, scratch, &scratch.path("data"), &[]);
        let mut typist = world(1, seed);
        typed(&mut typist, "E=127.0.0.1:2379");
        // 3.5.1 hashes a store in which nothing lives otherwise: this key always does.
        typed(&mut typist, "etcdctl put ! 1");
        server.etcdctl(&["put", "!", "1"]);
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        Sides { server, path, typist, leases: Vec::new() }
    }

    fn real(&self, line: &str) -> Said {
        let endpoint = format!("127.0.0.1:{}", self.server.client);
        let output = limited(Path::new("bash"), LIMIT_S)
            .args(["-c", line])
            .env("PATH", &self.path)
            .env("E", endpoint)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            exit: output.status.code().unwrap_or(-1),
        }
    }

    fn ours(&mut self, line: &str) -> Said {
        let outcome = typed(&mut self.typist, line);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { stdout: text(outcome.stdout), stderr: text(outcome.stderr), exit: outcome.exit }
    }

    /// Runs a line on both sides.
    fn both(&mut self, line: &str) -> (Said, Said) {
        let (mut real, mut ours) = (line.to_owned(), line.to_owned());
        for (number, (theirs, mine)) in self.leases.iter().enumerate() {
            real = real.replace(&format!("{{L{number}}}"), theirs);
            ours = ours.replace(&format!("{{L{number}}}"), mine);
        }
        let (real, ours) = (self.real(&real), self.ours(&ours));
        // A lease of two seconds runs out on the side where time passes by itself.
        if line.contains("lease grant")
            && !line.ends_with(" 0")
            && let (Some(theirs), Some(mine)) = (granted(&real.stdout), granted(&ours.stdout))
        {
            self.leases.push((theirs, mine));
        }
        (real, ours)
    }
}

/// The id in what `lease grant` printed, in hex.
fn granted(text: &str) -> Option<String> {
    static SIMPLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^lease ([0-9a-f]+) granted").unwrap());
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""ID" ?: ?(\d+)"#).unwrap());
    if let Some(found) = SIMPLE.captures(text) {
        return Some(found[1].to_owned());
    }
    let found = NUMBER.captures(text)?;
    Some(format!("{:016x}", found[1].parse::<u64>().ok()?))
}

fn range() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("INTEROP_SEQUENCES") else { return SEQUENCES };
    let (from, to) = text.split_once("..").expect("INTEROP_SEQUENCES is from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn random_commands_are_answered_as_the_real_etcdctl_answers_them() {
    let Some(programs) = programs("command sequences") else { return };
    let mut wrong = String::new();
    let (mut count, mut known) = (0_u64, BTreeMap::new());
    for seed in range() {
        let scratch = Scratch::new("sequence");
        let mut sides = Sides::new(&programs, &scratch, seed + 1);
        let mut writer = Writer { random: Random::new(seed), leases: 0, revision: 2 };
        let mut history = Vec::new();
        for _ in 0..COMMANDS {
            let line = writer.line();
            let (real, ours) = sides.both(&line);
            history.push(line.clone());
            writer.leases = sides.leases.len() as u64;
            count += 1;
            let (real, ours) = (real.masked(&line), ours.masked(&line));
            if real == ours {
                continue;
            }
            let excuse = OTHERWISE.iter().find(|it| {
                line.contains(it.command)
                    && (real.stdout.contains(it.real) || real.stderr.contains(it.real))
            });
            match excuse {
                Some(it) => *known.entry(it.reason).or_insert(0) += 1,
                None => {
                    let before = history.join("\n");
                    let _ = writeln!(
                        wrong,
                        "{before}\nsequence {seed}: {line}\n--- real\n{}{}[exit {}]\n--- ours\n{}{}[exit {}]\n",
                        real.stdout, real.stderr, real.exit, ours.stdout, ours.stderr, ours.exit
                    );
                }
            }
        }
    }
    println!("{count} commands; known differences: {known:?}");
    let number = wrong.matches("--- real").count();
    assert_eq!(number, 0, "{number} of {count} commands differ:\n{wrong}");
}
