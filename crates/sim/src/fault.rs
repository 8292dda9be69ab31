//! Everything that can be done to a world from outside, as one closed enum. The page, the
//! shell command `sim`, the exercises and the tests all speak it. How a fault is carried out
//! is the world's business (`world/inject.rs`), how its line is read is the lab's.

use etcd::Config;

use crate::ids::HostId;

/// A fault, or the end of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to the host's member. What it wrote stays in the host's cache.
    Kill {
        /// Where.
        host: HostId,
    },
    /// SIGTERM to the host's member: a leader hands over first.
    Stop {
        /// Where.
        host: HostId,
    },
    /// Starts a member on a host that runs none.
    Start {
        /// Where.
        host: HostId,
        /// What as; none means as it last ran there.
        config: Option<Box<Config>>,
        /// Its command line as `ps` shows it, when a configuration is given.
        argv: Vec<String>,
    },
    /// SIGTERM, and a start when the member is gone.
    Restart {
        /// Where.
        host: HostId,
    },
    /// Cuts the power: processes are gone, and so is what was not synced.
    PowerOff {
        /// Where.
        host: HostId,
    },
    /// Power again; the member starts if one ran when the power went.
    PowerOn {
        /// Where.
        host: HostId,
    },
    /// SIGSTOP to the host's member.
    Freeze {
        /// Where.
        host: HostId,
    },
    /// SIGCONT to the host's member.
    Thaw {
        /// Where.
        host: HostId,
    },
    /// Cuts every link of a host.
    Isolate {
        /// Where.
        host: HostId,
    },
    /// Makes all links, or those of one host, as they were at the beginning.
    Heal {
        /// Where; none means everywhere.
        host: Option<HostId>,
    },
    /// Hosts of different groups no longer reach each other. Hosts in no group form one more.
    Partition {
        /// The groups.
        groups: Vec<Vec<HostId>>,
    },
    /// Nothing passes in one direction.
    Cut {
        /// From here.
        from: HostId,
        /// To there.
        to: HostId,
    },
    /// One-way latency of a link, in both directions.
    Latency {
        /// One end.
        a: HostId,
        /// The other.
        b: HostId,
        /// How long a message is on its way, before the jitter of a tenth.
        latency_us: u64,
    },
    /// Messages lost, in both directions.
    Loss {
        /// One end.
        a: HostId,
        /// The other.
        b: HostId,
        /// In ten thousand.
        per_10k: u16,
    },
    /// Messages that arrive twice, in both directions.
    Duplicate {
        /// One end.
        a: HostId,
        /// The other.
        b: HostId,
        /// In ten thousand.
        per_10k: u16,
    },
    /// Sets a host's wall clock off.
    Skew {
        /// Where.
        host: HostId,
        /// By how much, from the world's clock.
        offset_us: i64,
    },
    /// Does something to a host's disk.
    Disk {
        /// Where.
        host: HostId,
        /// What.
        fault: DiskFault,
    },
}

/// What can happen to a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// As it was made: neither slow nor full. Damage to files stays.
    Ok,
    /// Every sync takes a hundred times as long.
    Slow,
    /// Nothing more can be written: ENOSPC.
    Full,
    /// Some bits of a file flip.
    Corrupt {
        /// Its absolute path on the host.
        file: String,
    },
}

/// Why a fault was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// The world has no such host.
    NoSuchHost(HostId),
    /// The host is switched off.
    HostOff(String),
    /// The host is on already.
    HostOn(String),
    /// No member runs there.
    NotRunning(String),
    /// A member runs there already.
    AlreadyRunning(String),
    /// No member ever ran there, so there are no flags to start one with.
    NeverRan(String),
    /// The member is frozen already.
    AlreadyFrozen(String),
    /// The member is not frozen.
    NotFrozen(String),
    /// A link joins two hosts.
    SameHost(String),
    /// A host stands in two groups of a partition.
    InTwoGroups(String),
    /// A rate above ten thousand in ten thousand.
    RateTooHigh(u16),
    /// A latency above a minute.
    LatencyTooHigh(u64),
    /// There is no such file to damage.
    NoSuchFile(String),
    /// The process could not be started.
    NotStarted(String),
}

impl std::fmt::Display for FaultError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FaultError::NoSuchHost(host) => write!(f, "no host number {}", host.0),
            FaultError::HostOff(host) => write!(f, "{host} is off"),
            FaultError::HostOn(host) => write!(f, "{host} is on already"),
            FaultError::NotRunning(host) => write!(f, "no member runs on {host}"),
            FaultError::AlreadyRunning(host) => write!(f, "a member runs on {host} already"),
            FaultError::NeverRan(host) => {
                write!(f, "no member ever ran on {host}: give its flags after --")
            }
            FaultError::AlreadyFrozen(host) => {
                write!(f, "the member on {host} is frozen already")
            }
            FaultError::NotFrozen(host) => write!(f, "the member on {host} is not frozen"),
            FaultError::SameHost(host) => write!(f, "{host} has no link to itself"),
            FaultError::InTwoGroups(host) => write!(f, "{host} can be in one group only"),
            FaultError::RateTooHigh(rate) => {
                write!(f, "{rate} in ten thousand is more than all")
            }
            FaultError::LatencyTooHigh(us) => {
                write!(f, "a latency of {} s is more than a minute", us / 1_000_000)
            }
            FaultError::NoSuchFile(file) => write!(f, "{file}: no such file"),
            FaultError::NotStarted(why) => write!(f, "the member was not started: {why}"),
        }
    }
}

/// The longest latency a link can have.
pub(crate) const LATENCY_MAX_US: u64 = 60_000_000;

impl Fault {
    /// The words after `sim` that say this fault. `Start` with flags says only the host.
    pub fn words(&self, names: &[String]) -> String {
        let name = |host: HostId| names.get(usize::from(host.0)).map_or("?", String::as_str);
        let percent = |rate: u16| {
            let (whole, rest) = (rate / 100, rate % 100);
            if rest == 0 { format!("{whole}%") } else { format!("{whole}.{rest:02}%") }
        };
        match self {
            Fault::Kill { host } => format!("kill {}", name(*host)),
            Fault::Stop { host } => format!("stop {}", name(*host)),
            Fault::Start { host, .. } => format!("start {}", name(*host)),
            Fault::Restart { host } => format!("restart {}", name(*host)),
            Fault::PowerOff { host } => format!("poweroff {}", name(*host)),
            Fault::PowerOn { host } => format!("poweron {}", name(*host)),
            Fault::Freeze { host } => format!("freeze {}", name(*host)),
            Fault::Thaw { host } => format!("thaw {}", name(*host)),
            Fault::Isolate { host } => format!("isolate {}", name(*host)),
            Fault::Heal { host: None } => "heal".to_owned(),
            Fault::Heal { host: Some(host) } => format!("heal {}", name(*host)),
            Fault::Partition { groups } => {
                let text = |group: &Vec<HostId>| {
                    group.iter().map(|host| name(*host)).collect::<Vec<_>>().join(",")
                };
                format!("partition {}", groups.iter().map(text).collect::<Vec<_>>().join(" / "))
            }
            Fault::Cut { from, to } => format!("cut {} {}", name(*from), name(*to)),
            Fault::Latency { a, b, latency_us } => {
                format!("latency {} {} {latency_us}us", name(*a), name(*b))
            }
            Fault::Loss { a, b, per_10k } => {
                format!("loss {} {} {}", name(*a), name(*b), percent(*per_10k))
            }
            Fault::Duplicate { a, b, per_10k } => {
                format!("duplicate {} {} {}", name(*a), name(*b), percent(*per_10k))
            }
            Fault::Skew { host, offset_us } => format!("skew {} {offset_us:+}us", name(*host)),
            Fault::Disk { host, fault } => format!("disk {} {fault}", name(*host)),
        }
    }

    /// The hosts it names, for range checks.
    pub(crate) fn hosts(&self) -> Vec<HostId> {
        match self {
            Fault::Kill { host }
            | Fault::Stop { host }
            | Fault::Start { host, .. }
            | Fault::Restart { host }
            | Fault::PowerOff { host }
            | Fault::PowerOn { host }
            | Fault::Freeze { host }
            | Fault::Thaw { host }
            | Fault::Isolate { host }
            | Fault::Heal { host: Some(host) }
            | Fault::Skew { host, .. }
            | Fault::Disk { host, .. } => vec![*host],
            Fault::Heal { host: None } => Vec::new(),
            Fault::Partition { groups } => groups.concat(),
            Fault::Cut { from, to } => vec![*from, *to],
            Fault::Latency { a, b, .. }
            | Fault::Loss { a, b, .. }
            | Fault::Duplicate { a, b, .. } => vec![*a, *b],
        }
    }
}

impl std::fmt::Display for DiskFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DiskFault::Ok => f.write_str("ok"),
            DiskFault::Slow => f.write_str("slow"),
            DiskFault::Full => f.write_str("full"),
            DiskFault::Corrupt { file } => write!(f, "corrupt {file}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_line() {
        let names: Vec<String> = (1..=5).map(|n| format!("n{n}")).collect();
        let [n1, n2, n3] = [HostId(0), HostId(1), HostId(2)];
        let table = [
            (Fault::Kill { host: n2 }, "kill n2"),
            (Fault::Stop { host: n2 }, "stop n2"),
            (Fault::Start { host: n2, config: None, argv: Vec::new() }, "start n2"),
            (Fault::Restart { host: n2 }, "restart n2"),
            (Fault::PowerOff { host: n2 }, "poweroff n2"),
            (Fault::PowerOn { host: n2 }, "poweron n2"),
            (Fault::Freeze { host: n2 }, "freeze n2"),
            (Fault::Thaw { host: n2 }, "thaw n2"),
            (Fault::Isolate { host: n2 }, "isolate n2"),
            (Fault::Heal { host: None }, "heal"),
            (Fault::Heal { host: Some(n3) }, "heal n3"),
            (Fault::Partition { groups: vec![vec![n1, n2], vec![n3]] }, "partition n1,n2 / n3"),
            (Fault::Cut { from: n1, to: n3 }, "cut n1 n3"),
            (Fault::Latency { a: n1, b: n2, latency_us: 50_000 }, "latency n1 n2 50000us"),
            (Fault::Loss { a: n1, b: n2, per_10k: 1000 }, "loss n1 n2 10%"),
            (Fault::Duplicate { a: n1, b: n2, per_10k: 55 }, "duplicate n1 n2 0.55%"),
            (Fault::Skew { host: n1, offset_us: 2_000_000 }, "skew n1 +2000000us"),
            (Fault::Skew { host: n1, offset_us: -5 }, "skew n1 -5us"),
            (Fault::Disk { host: n1, fault: DiskFault::Slow }, "disk n1 slow"),
            (
                Fault::Disk { host: n1, fault: DiskFault::Corrupt { file: "/x".to_owned() } },
                "disk n1 corrupt /x",
            ),
        ];
        for (fault, words) in table {
            assert_eq!(fault.words(&names), words);
        }
    }
}
