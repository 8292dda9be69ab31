//! The command line of `sim`: every fault of the world, the speed of time, and the
//! cluster's growth, as one table. The page's buttons, the exercises and the shell
//! all say these lines; nothing else changes the world from outside.

mod units;

pub use units::duration_us;

use sim::{DiskFault, Fault, HostId};

use crate::api::Speed;

/// What a `sim` line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum SimCommand {
    /// A fault of the world, or its end.
    Fault(Fault),
    /// Starts a host's member: with the flags it last had, or with these.
    Start {
        /// Where.
        host: HostId,
        /// The words after `--`.
        args: Vec<String>,
    },
    /// How fast time passes; the page's business, not the world's.
    Speed(Speed),
    /// Adds a member on an idle host through the cluster's own API, and starts it.
    Add {
        /// Where.
        host: HostId,
        /// As a learner, to be promoted when it has caught up.
        learner: bool,
    },
    /// Makes a learner a voter.
    Promote(HostId),
    /// Takes a member out of the cluster.
    Remove(HostId),
    /// Prints how the world is.
    Status,
    /// Prints the table, or one line of it.
    Help(Option<&'static Verb>),
}

/// A row of the table.
#[derive(Debug)]
pub struct Verb {
    /// The first word.
    pub name: &'static str,
    /// Its arguments, as `sim help` prints them.
    pub args: &'static str,
    /// What it does, in half a line.
    pub summary: &'static str,
    parse: Parse,
}

type Parse = fn(&[&str], &dyn Hosts) -> Result<SimCommand, String>;

/// The note under which the session leaves why a verb is refused, if an exercise forbids it.
pub(crate) fn forbidden_note(verb: &str) -> String {
    format!("sim {verb}")
}

/// Which hosts a world has.
pub trait Hosts {
    /// Every host's name, in order of its id.
    fn names(&self) -> Vec<String>;
}

impl Hosts for Vec<String> {
    fn names(&self) -> Vec<String> {
        self.clone()
    }
}

impl PartialEq for Verb {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Every verb, in the order of `sim help`.
pub static VERBS: &[Verb] = &[
    Verb {
        name: "kill",
        args: "HOST",
        summary: "kill the member with SIGKILL; its disk cache survives",
        parse: |args, hosts| {
            one_host(args, hosts).map(|host| SimCommand::Fault(Fault::Kill { host }))
        },
    },
    Verb {
        name: "stop",
        args: "HOST",
        summary: "stop the member with SIGTERM; a leader hands over first",
        parse: |args, hosts| {
            one_host(args, hosts).map(|host| SimCommand::Fault(Fault::Stop { host }))
        },
    },
    Verb {
        name: "start",
        args: "HOST [-- FLAGS]",
        summary: "start the member with its last flags, or with these",
        parse: start,
    },
    Verb {
        name: "restart",
        args: "HOST",
        summary: "stop the member and start it again",
        parse: |args, hosts| {
            one_host(args, hosts).map(|host| SimCommand::Fault(Fault::Restart { host }))
        },
    },
    Verb {
        name: "poweroff",
        args: "HOST",
        summary: "cut the host's power; what was not synced is lost",
        parse: |args, hosts| {
            one_host(args, hosts).map(|host| SimCommand::Fault(Fault::PowerOff { host }))
        },
    },
    Verb {
        name: "poweron",
        args: "HOST",
        summary: "switch the host on; its member starts with its last flags",
        parse: |args, hosts| {
            one_host(args, hosts).map(|host| SimCommand::Fault(Fault::PowerOn { host }))
        },
    },
    Verb {
        name: "freeze",
        args: "HOST",
        summary: "pause the member (SIGSTOP); it does not know that time passes",
        parse: |args, hosts| {
            one_host(args, hosts).map(|host| SimCommand::Fault(Fault::Freeze { host }))
        },
    },
    Verb {
        name: "thaw",
        args: "HOST",
        summary: "let a frozen member go on (SIGCONT)",
        parse: |args, hosts| {
            one_host(args, hosts).map(|host| SimCommand::Fault(Fault::Thaw { host }))
        },
    },
    Verb {
        name: "isolate",
        args: "HOST",
        summary: "cut every link of the host",
        parse: |args, hosts| {
            one_host(args, hosts).map(|host| SimCommand::Fault(Fault::Isolate { host }))
        },
    },
    Verb {
        name: "partition",
        args: "A,B / C,D,E",
        summary: "split the network into groups; unnamed hosts form one more",
        parse: partition,
    },
    Verb {
        name: "cut",
        args: "FROM TO",
        summary: "cut one direction of one link",
        parse: |args, hosts| {
            let [from, to] = two_hosts(args, hosts)?;
            Ok(SimCommand::Fault(Fault::Cut { from, to }))
        },
    },
    Verb {
        name: "heal",
        args: "[HOST]",
        summary: "join all links again (latency, loss and duplication too), or one host's",
        parse: |args, hosts| match args {
            [] => Ok(SimCommand::Fault(Fault::Heal { host: None })),
            _ => one_host(args, hosts)
                .map(|host| SimCommand::Fault(Fault::Heal { host: Some(host) })),
        },
    },
    Verb {
        name: "latency",
        args: "A B TIME",
        summary: "one-way latency of a link, both directions (50ms)",
        parse: |args, hosts| {
            let ([a, b], value) = link(args, hosts)?;
            Ok(SimCommand::Fault(Fault::Latency { a, b, latency_us: units::duration_us(value)? }))
        },
    },
    Verb {
        name: "loss",
        args: "A B RATE",
        summary: "messages lost on a link, both directions (10%)",
        parse: |args, hosts| {
            let ([a, b], value) = link(args, hosts)?;
            Ok(SimCommand::Fault(Fault::Loss { a, b, per_10k: units::per_10k(value)? }))
        },
    },
    Verb {
        name: "duplicate",
        args: "A B RATE",
        summary: "messages that arrive twice on a link, both directions (5%)",
        parse: |args, hosts| {
            let ([a, b], value) = link(args, hosts)?;
            Ok(SimCommand::Fault(Fault::Duplicate { a, b, per_10k: units::per_10k(value)? }))
        },
    },
    Verb {
        name: "skew",
        args: "HOST OFFSET",
        summary: "set the host's clock off by this much (+2s, -300ms, 0s)",
        parse: |args, hosts| {
            let [host, offset] = args else { return Err("a host and an offset are needed".into()) };
            let (host, offset_us) = (find(host, hosts)?, units::offset_us(offset)?);
            Ok(SimCommand::Fault(Fault::Skew { host, offset_us }))
        },
    },
    Verb {
        name: "disk",
        args: "HOST slow|full|ok|corrupt FILE",
        summary: "make the host's disk slow or full, or damage a file on it",
        parse: disk,
    },
    Verb {
        name: "add",
        args: "HOST [--learner]",
        summary: "add a member (etcdctl member add) and start it",
        parse: |args, hosts| {
            let learner = args.contains(&"--learner");
            let rest: Vec<&str> = args.iter().copied().filter(|arg| *arg != "--learner").collect();
            one_host(&rest, hosts).map(|host| SimCommand::Add { host, learner })
        },
    },
    Verb {
        name: "promote",
        args: "HOST",
        summary: "make a learner a voter (etcdctl member promote)",
        parse: |args, hosts| one_host(args, hosts).map(SimCommand::Promote),
    },
    Verb {
        name: "remove",
        args: "HOST",
        summary: "take a member out (etcdctl member remove)",
        parse: |args, hosts| one_host(args, hosts).map(SimCommand::Remove),
    },
    Verb {
        name: "speed",
        args: "xN",
        summary: "virtual time per real time, from x1/1000 to x50",
        parse: |args, _| match args {
            [speed] => units::speed(speed).map(SimCommand::Speed),
            _ => Err("one speed is needed".into()),
        },
    },
    Verb {
        name: "pause",
        args: "",
        summary: "let time stand still",
        parse: |args, _| nothing(args, SimCommand::Speed(Speed::Pause)),
    },
    Verb {
        name: "run",
        args: "",
        summary: "let time go on",
        parse: |args, _| nothing(args, SimCommand::Speed(Speed::Run)),
    },
    Verb {
        name: "step",
        args: "",
        summary: "let exactly one event happen",
        parse: |args, _| nothing(args, SimCommand::Speed(Speed::Step)),
    },
    Verb {
        name: "status",
        args: "",
        summary: "print hosts, members, links and the quorum",
        parse: |args, _| nothing(args, SimCommand::Status),
    },
    Verb {
        name: "help",
        args: "[VERB]",
        summary: "print this table, or one line of it",
        parse: |args, _| match args {
            [] => Ok(SimCommand::Help(None)),
            [name] => verb(name).map(|verb| SimCommand::Help(Some(verb))),
            _ => Err("one verb at most".into()),
        },
    },
];

/// Reads the words after `sim`. The error is a sentence without the program's name.
pub fn parse(words: &[&str], hosts: &dyn Hosts) -> Result<SimCommand, String> {
    let Some((name, args)) = words.split_first() else { return Ok(SimCommand::Help(None)) };
    let name = if matches!(*name, "--help" | "-h") { "help" } else { name };
    let verb = verb(name)?;
    (verb.parse)(args, hosts).map_err(|error| {
        format!("{name}: {error} (usage: sim {} {})", verb.name, verb.args).replace(" )", ")")
    })
}

/// The completions of the last of `words` (those after `sim`).
pub fn complete(words: &[String], hosts: &dyn Hosts) -> Vec<String> {
    let candidates: Vec<String> = match words {
        [] | [_] => VERBS.iter().map(|verb| verb.name.to_string()).collect(),
        [verb, ..] if verb == "help" => VERBS.iter().map(|verb| verb.name.to_string()).collect(),
        [verb, _, _] if verb == "disk" => {
            ["slow", "full", "ok", "corrupt"].map(String::from).into()
        }
        _ => hosts.names(),
    };
    let last = words.last().map_or("", String::as_str);
    candidates.into_iter().filter(|candidate| candidate.starts_with(last)).collect()
}

/// The text of `sim help`.
pub fn help(verb: Option<&Verb>) -> String {
    let row = |verb: &Verb| {
        let left = format!("sim {} {}", verb.name, verb.args);
        format!("  {left:<41}{}\n", verb.summary)
    };
    match verb {
        Some(verb) => row(verb),
        None => {
            let rows: String = VERBS.iter().map(row).collect();
            format!("sim changes the world around the cluster, as the page's buttons do.\n\n{rows}")
        }
    }
}

fn verb(name: &str) -> Result<&'static Verb, String> {
    VERBS
        .iter()
        .find(|verb| verb.name == name)
        .ok_or_else(|| format!("unknown command '{name}'; 'sim help' lists them"))
}

fn nothing(args: &[&str], command: SimCommand) -> Result<SimCommand, String> {
    if args.is_empty() { Ok(command) } else { Err("no argument is taken".into()) }
}

fn find(name: &str, hosts: &dyn Hosts) -> Result<HostId, String> {
    let names = hosts.names();
    match names.iter().position(|host| host == name) {
        Some(place) => Ok(HostId(u8::try_from(place).expect("a world has at most 255 hosts"))),
        None => Err(format!("no host '{name}': this world has {}", names.join(" "))),
    }
}

fn one_host(args: &[&str], hosts: &dyn Hosts) -> Result<HostId, String> {
    match args {
        [name] => find(name, hosts),
        [] => Err("a host is needed".into()),
        _ => Err("one host only".into()),
    }
}

fn two_hosts(args: &[&str], hosts: &dyn Hosts) -> Result<[HostId; 2], String> {
    let [a, b] = args else { return Err("two hosts are needed".into()) };
    let (a, b) = (find(a, hosts)?, find(b, hosts)?);
    if a == b { Err("a host has no link to itself".into()) } else { Ok([a, b]) }
}

fn link<'a>(args: &[&'a str], hosts: &dyn Hosts) -> Result<([HostId; 2], &'a str), String> {
    let [a, b, value] = args else { return Err("two hosts and a value are needed".into()) };
    Ok((two_hosts(&[a, b], hosts)?, value))
}

fn start(args: &[&str], hosts: &dyn Hosts) -> Result<SimCommand, String> {
    let (before, flags) = match args.iter().position(|arg| *arg == "--") {
        Some(dashes) => (&args[..dashes], &args[dashes + 1..]),
        None => (args, &[][..]),
    };
    let host = one_host(before, hosts)?;
    let args = flags.iter().map(ToString::to_string).collect();
    Ok(SimCommand::Start { host, args })
}

fn partition(args: &[&str], hosts: &dyn Hosts) -> Result<SimCommand, String> {
    let text = args.join(" ");
    let mut seen = Vec::new();
    let mut groups = Vec::new();
    for part in text.split('/') {
        let names = part.split([',', ' ']).filter(|name| !name.is_empty());
        let group: Vec<HostId> = names.map(|name| find(name, hosts)).collect::<Result<_, _>>()?;
        if group.is_empty() {
            return Err("every group needs a host".into());
        }
        if group.iter().any(|host| seen.contains(host)) {
            return Err("a host can be in one group only".into());
        }
        seen.extend(&group);
        groups.push(group);
    }
    let all = hosts.names().len();
    let rest: Vec<HostId> = (0..all)
        .filter_map(|place| u8::try_from(place).ok())
        .map(HostId)
        .filter(|host| !seen.contains(host))
        .collect();
    if !rest.is_empty() {
        groups.push(rest);
    }
    if groups.len() < 2 {
        return Err("at least two groups are needed".into());
    }
    Ok(SimCommand::Fault(Fault::Partition { groups }))
}

fn disk(args: &[&str], hosts: &dyn Hosts) -> Result<SimCommand, String> {
    let [name, rest @ ..] = args else { return Err("a host is needed".into()) };
    let host = find(name, hosts)?;
    let state = match rest {
        ["slow"] => DiskFault::Slow,
        ["full"] => DiskFault::Full,
        ["ok"] => DiskFault::Ok,
        ["corrupt", file] => DiskFault::Corrupt { file: (*file).to_string() },
        ["corrupt"] => return Err("which file? such as /var/lib/etcd/member/snap/db".into()),
        _ => return Err("slow, full, ok or corrupt FILE is needed".into()),
    };
    Ok(SimCommand::Fault(Fault::Disk { host, fault: state }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<String> {
        (1..=5).map(|n| format!("n{n}")).collect()
    }

    fn read(line: &str) -> Result<SimCommand, String> {
        parse(&line.split_whitespace().collect::<Vec<_>>(), &hosts())
    }

    #[test]
    fn every_verb_of_the_table_has_a_line_that_works() {
        let lines = [
            "kill n1",
            "stop n1",
            "start n1",
            "start n1 -- --name n1 --force-new-cluster",
            "restart n1",
            "poweroff n2",
            "poweron n2",
            "freeze n3",
            "thaw n3",
            "isolate n1",
            "partition n1,n2 / n3,n4,n5",
            "cut n1 n2",
            "heal",
            "heal n1",
            "latency n1 n2 50ms",
            "loss n1 n2 10%",
            "duplicate n1 n2 5%",
            "skew n1 +2s",
            "disk n1 slow",
            "disk n1 corrupt /var/lib/etcd/member/snap/db",
            "add n4 --learner",
            "promote n4",
            "remove n4",
            "speed x10",
            "pause",
            "run",
            "step",
            "status",
            "help",
            "help kill",
        ];
        for line in lines {
            read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        for verb in VERBS {
            assert!(
                lines.iter().any(|line| line.split(' ').next() == Some(verb.name)),
                "{}",
                verb.name
            );
        }
    }

    #[test]
    fn wrong_lines_say_what_was_expected() {
        let table = [
            ("kil n1", "unknown command 'kil'; 'sim help' lists them"),
            ("kill", "kill: a host is needed (usage: sim kill HOST)"),
            ("kill n9", "kill: no host 'n9': this world has n1 n2 n3 n4 n5 (usage: sim kill HOST)"),
            ("cut n1 n1", "cut: a host has no link to itself (usage: sim cut FROM TO)"),
            ("pause now", "pause: no argument is taken (usage: sim pause)"),
        ];
        for (line, expected) in table {
            assert_eq!(read(line).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_partition_puts_unnamed_hosts_into_a_group_of_their_own() {
        let SimCommand::Fault(Fault::Partition { groups }) = read("partition n1,n2 / n3").unwrap()
        else {
            panic!("not a partition")
        };
        assert_eq!(
            groups,
            [vec![HostId(0), HostId(1)], vec![HostId(2)], vec![HostId(3), HostId(4)]]
        );
        assert!(read("partition n1,n2,n3,n4,n5").is_err());
        assert!(read("partition n1 / n1,n2").is_err());
    }
}
