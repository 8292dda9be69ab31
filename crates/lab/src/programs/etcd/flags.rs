//! The flags of the `etcd` server: a table, and Go's `flag` package reading them.

use etcd::Release;

use crate::etcdctl::go::{addr, duration, number, quote::quote};

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Text,
    Int,
    Uint,
    Duration,
    /// URLs separated by commas; these words stand for none or all.
    Urls,
    /// Features to switch on and off.
    Gates,
    /// One of these.
    OneOf(&'static [&'static str]),
}

use Kind::{Bool, Duration, Gates, Int, OneOf, Text, Uint, Urls};

/// Which releases have a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    Both,
    V36,
    Until35,
}

use Since::{Both, Until35, V36};

/// A flag that does something here.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
    pub(super) usage: &'static str,
    since: Since,
}

const fn flag(name: &'static str, kind: Kind, default: &'static str, usage: &'static str) -> Flag {
    Flag { name, kind, default, usage, since: Both }
}

/// A heading of the help and what stands below it.
type Section = (&'static str, &'static [Flag]);

/// The flags that are carried out, as help lists them.
pub(super) static SECTIONS: &[Section] = &[
    (
        "Member",
        &[
            flag("name", Text, "default", "the member's name"),
            flag("data-dir", Text, "", "where its data lies; ${name}.etcd if not given"),
            flag("wal-dir", Text, "", "where its log lies, if not in the data directory"),
            flag(
                "snapshot-count",
                Uint,
                "",
                "entries applied between two raft snapshots (3.6: 10000, before: 100000)",
            ),
            flag("heartbeat-interval", Uint, "100", "milliseconds between heartbeats"),
            flag(
                "election-timeout",
                Uint,
                "1000",
                "milliseconds without a leader until an election",
            ),
            flag(
                "initial-election-tick-advance",
                Bool,
                "true",
                "let a booting member elect sooner",
            ),
            flag("listen-peer-urls", Urls, "http://localhost:2380", "where to listen for peers"),
            flag(
                "listen-client-urls",
                Urls,
                "http://localhost:2379",
                "where to listen for clients",
            ),
            flag(
                "listen-metrics-urls",
                Urls,
                "",
                "where to serve metrics and health beside the client URLs",
            ),
            flag("max-txn-ops", Uint, "128", "most operations of a transaction"),
            flag("max-request-bytes", Uint, "1572864", "largest request of a client"),
            flag(
                "quota-backend-bytes",
                Int,
                "0",
                "size of the data file at which writes stop (0: 2 GiB)",
            ),
        ],
    ),
    (
        "Clustering",
        &[
            flag(
                "initial-advertise-peer-urls",
                Urls,
                "http://localhost:2380",
                "peer URLs told to the cluster",
            ),
            flag(
                "advertise-client-urls",
                Urls,
                "http://localhost:2379",
                "client URLs told to the cluster",
            ),
            flag(
                "initial-cluster",
                Text,
                "default=http://localhost:2380",
                "the members to begin with: name=URL,...",
            ),
            flag(
                "initial-cluster-state",
                OneOf(&["new", "existing"]),
                "new",
                "new begins a cluster, existing joins one",
            ),
            flag(
                "initial-cluster-token",
                Text,
                "etcd-cluster",
                "goes into the ids, so that clusters with equal URLs differ",
            ),
            flag(
                "strict-reconfig-check",
                Bool,
                "true",
                "refuse membership changes that would lose quorum",
            ),
            flag("pre-vote", Bool, "true", "ask before an election whether it can be won"),
            flag("auto-compaction-mode", Text, "periodic", "periodic or revision"),
            flag(
                "auto-compaction-retention",
                Text,
                "0",
                "history to keep: hours or a duration, or revisions; 0 keeps all",
            ),
            Flag { since: V36, ..flag("max-learners", Int, "1", "most learners at a time") },
        ],
    ),
    (
        "Unsafe",
        &[flag(
            "force-new-cluster",
            Bool,
            "false",
            "make a cluster of one out of this member's data",
        )],
    ),
    (
        "Others",
        &[
            flag("version", Bool, "false", "show the version and end"),
            Flag {
                since: V36,
                ..flag("snapshot-catchup-entries", Uint, "5000", "entries kept behind a snapshot")
            },
            flag("experimental-snapshot-catchup-entries", Uint, "5000", "the same by its old name"),
            Flag {
                since: V36,
                ..flag(
                    "watch-progress-notify-interval",
                    Duration,
                    "10m0s",
                    "time between progress notifications",
                )
            },
            flag(
                "experimental-watch-progress-notify-interval",
                Duration,
                "10m0s",
                "the same by its old name",
            ),
            flag("config-file", Text, "", "a file that says all this, instead of flags"),
            flag("logger", Text, "zap", "the only logger there is"),
            flag("log-level", Text, "info", "debug, info, warn, error, panic or fatal"),
            flag("log-outputs", Text, "default", "stderr, stdout, or a file"),
        ],
    ),
    (
        "Auth",
        &[
            flag("auth-token", Text, "simple", "the kind of tokens: simple"),
            flag("bcrypt-cost", Uint, "10", "strength of the hashes of passwords, 4 to 31"),
            flag("auth-token-ttl", Uint, "300", "seconds a simple token lives unused"),
        ],
    ),
    (
        "Features and checks",
        &[
            Flag { since: V36, ..flag("feature-gates", Gates, "", "features: Name=true,...") },
            flag(
                "experimental-initial-corrupt-check",
                Bool,
                "false",
                "compare data before serving",
            ),
            Flag {
                since: V36,
                ..flag("corrupt-check-time", Duration, "0s", "time between comparisons of all data")
            },
            flag("experimental-corrupt-check-time", Duration, "0s", "the same by its old name"),
            flag(
                "experimental-compact-hash-check-enabled",
                Bool,
                "false",
                "compare the hashes of compactions",
            ),
            Flag {
                since: V36,
                ..flag(
                    "compact-hash-check-time",
                    Duration,
                    "1m0s",
                    "time between comparisons of the hashes of compactions",
                )
            },
            flag(
                "experimental-compact-hash-check-time",
                Duration,
                "1m0s",
                "the same by its old name",
            ),
            flag(
                "experimental-enable-lease-checkpoint",
                Bool,
                "false",
                "let a new leader know what leases have left",
            ),
            flag(
                "experimental-enable-lease-checkpoint-persist",
                Bool,
                "false",
                "keep that in the data file too",
            ),
            Flag {
                since: V36,
                ..flag("downgrade-check-time", Duration, "5s", "time between checks of a downgrade")
            },
            flag("experimental-downgrade-check-time", Duration, "5s", "the same by its old name"),
        ],
    ),
];

/// The flags that are understood and change nothing here.
pub(super) static ACCEPTED: &[(Kind, Since, &[&str])] = &[
    (
        Bool,
        Both,
        &[
            "auto-tls",
            "client-cert-auth",
            "enable-grpc-gateway",
            "enable-log-rotation",
            "enable-pprof",
            "experimental-enable-distributed-tracing",
            "experimental-memory-mlock",
            "experimental-peer-skip-client-san-verification",
            "experimental-stop-grpc-service-on-defrag",
            "experimental-txn-mode-write-with-shared-buffer",
            "peer-auto-tls",
            "peer-client-cert-auth",
            "socket-reuse-address",
            "socket-reuse-port",
            "unsafe-no-fsync",
        ],
    ),
    (Bool, Until35, &["enable-v2"]),
    (
        Bool,
        V36,
        &[
            "discovery-insecure-skip-tls-verify",
            "discovery-insecure-transport",
            "enable-distributed-tracing",
            "memory-mlock",
            "peer-skip-client-san-verification",
        ],
    ),
    (OneOf(&["exit", "proxy"]), Both, &["discovery-fallback"]),
    (OneOf(&["not-yet", "write-only", "write-only-drop-data", "gone"]), Both, &["v2-deprecation"]),
    (OneOf(&["off", "readonly", "on"]), Until35, &["proxy"]),
    (
        Duration,
        Both,
        &[
            "backend-batch-interval",
            "experimental-compaction-sleep-interval",
            "experimental-warning-apply-duration",
            "grpc-keepalive-interval",
            "grpc-keepalive-min-time",
            "grpc-keepalive-timeout",
            "raft-read-timeout",
            "raft-write-timeout",
        ],
    ),
    (
        Duration,
        V36,
        &[
            "compaction-sleep-interval",
            "discovery-dial-timeout",
            "discovery-keepalive-time",
            "discovery-keepalive-timeout",
            "discovery-request-timeout",
            "experimental-warning-unary-request-duration",
            "warning-apply-duration",
            "warning-unary-request-duration",
        ],
    ),
    (
        Int,
        Both,
        &[
            "backend-batch-limit",
            "experimental-compaction-batch-limit",
            "experimental-distributed-tracing-sampling-rate",
        ],
    ),
    (Int, V36, &["compaction-batch-limit", "distributed-tracing-sampling-rate"]),
    (
        Uint,
        Both,
        &[
            "experimental-bootstrap-defrag-threshold-megabytes",
            "max-concurrent-streams",
            "max-snapshots",
            "max-wals",
            "self-signed-cert-validity",
        ],
    ),
    (Uint, V36, &["bootstrap-defrag-threshold-megabytes"]),
    (
        Uint,
        Until35,
        &[
            "proxy-dial-timeout",
            "proxy-failure-wait",
            "proxy-read-timeout",
            "proxy-refresh-interval",
            "proxy-write-timeout",
        ],
    ),
    (
        Text,
        Both,
        &[
            "backend-bbolt-freelist-type",
            "cert-file",
            "cipher-suites",
            "client-cert-allowed-hostname",
            "client-cert-file",
            "client-crl-file",
            "client-key-file",
            "cors",
            "discovery",
            "discovery-proxy",
            "discovery-srv",
            "discovery-srv-name",
            "experimental-distributed-tracing-address",
            "experimental-distributed-tracing-instance-id",
            "experimental-distributed-tracing-service-name",
            "host-whitelist",
            "key-file",
            "log-rotation-config-json",
            "metrics",
            "peer-cert-allowed-cn",
            "peer-cert-allowed-hostname",
            "peer-cert-file",
            "peer-client-cert-file",
            "peer-client-key-file",
            "peer-crl-file",
            "peer-key-file",
            "peer-trusted-ca-file",
            "tls-max-version",
            "tls-min-version",
            "trusted-ca-file",
        ],
    ),
    (Text, Until35, &["experimental-enable-v2v3"]),
    (
        Text,
        V36,
        &[
            "discovery-cacert",
            "discovery-cert",
            "discovery-endpoints",
            "discovery-key",
            "discovery-password",
            "discovery-token",
            "discovery-user",
            "distributed-tracing-address",
            "distributed-tracing-instance-id",
            "distributed-tracing-service-name",
            "log-format",
        ],
    ),
    (Urls, Both, &["listen-client-http-urls"]),
];

/// The flags of a release: name, kind and default.
pub(super) fn known(release: Release) -> Vec<(&'static str, Kind, &'static str)> {
    let has = |since: Since| match since {
        Both => true,
        V36 => release.is_3_6(),
        Until35 => !release.is_3_6(),
    };
    let ours = SECTIONS.iter().flat_map(|(_, flags)| *flags).filter(|flag| has(flag.since));
    let others = ACCEPTED.iter().filter(|(_, since, _)| has(*since));
    let mut all: Vec<_> = ours
        .map(|flag| (flag.name, flag.kind, flag.default))
        .chain(others.flat_map(|(kind, _, names)| names.iter().map(|name| (*name, *kind, ""))))
        .collect();
    flat::sort_by_key(&mut all, |(name, ..)| *name);
    all
}

/// The values that were given. What is missing has its default.
#[derive(Debug)]
pub(super) struct Values {
    known: Vec<(&'static str, Kind, &'static str)>,
    given: Vec<(&'static str, String)>,
}

/// Why the command line could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `-h`.
    Help,
    /// What Go's flag package prints before the usage.
    Flag(String),
    /// A word that is no flag.
    Word(String),
}

impl Values {
    /// `flag.FlagSet.Parse`: one dash or two, a value after `=` or in the next word.
    pub(super) fn parse(release: Release, words: &[String]) -> Result<Values, Fault> {
        let mut values = Values { known: known(release), given: Vec::new() };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else {
                return Err(Fault::Word(word.clone()));
            };
            let name = name.strip_prefix('-').unwrap_or(name);
            if name.is_empty() {
                // `--` ends the flags; what follows is none.
                return match rest.next() {
                    Some(word) => Err(Fault::Word(word.clone())),
                    None => Ok(values),
                };
            }
            if name.starts_with(['-', '=']) {
                return Err(Fault::Flag(format!("bad flag syntax: {word}")));
            }
            let (name, given) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            let Some((name, kind)) = values.find(name) else {
                return Err(match name {
                    "help" | "h" => Fault::Help,
                    _ => Fault::Flag(format!("flag provided but not defined: -{name}")),
                });
            };
            let value = match given {
                Some(value) => value,
                None if kind == Bool => "true".to_owned(),
                None => rest
                    .next()
                    .ok_or_else(|| Fault::Flag(format!("flag needs an argument: -{name}")))?
                    .clone(),
            };
            values.set(name, kind, &value).map_err(|error| {
                let value = quote(value.as_bytes());
                Fault::Flag(match kind {
                    Bool => format!("invalid boolean value {value} for -{name}: {error}"),
                    _ => format!("invalid value {value} for flag -{name}: {error}"),
                })
            })?;
        }
        Ok(values)
    }

    pub(super) fn find(&self, name: &str) -> Option<(&'static str, Kind)> {
        self.known.iter().find(|(known, ..)| *known == name).map(|(name, kind, _)| (*name, *kind))
    }

    /// The names of all flags, sorted.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.known.iter().map(|(name, ..)| *name).collect()
    }

    pub(super) fn set(
        &mut self,
        name: &'static str,
        kind: Kind,
        value: &str,
    ) -> Result<(), String> {
        check(kind, value)?;
        self.given.retain(|(given, _)| *given != name);
        self.given.push((name, value.to_owned()));
        Ok(())
    }

    /// As if nothing was given.
    pub(super) fn forget(&mut self) {
        self.given.clear();
    }

    /// The flags that were given, sorted.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let mut given: Vec<&'static str> = self.given.iter().map(|(name, _)| *name).collect();
        flat::sort(&mut given);
        given
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        let given = self.given.iter().find(|(given, _)| *given == name);
        given.map_or_else(|| self.default_of(name), |(_, value)| value.as_str())
    }

    fn default_of(&self, name: &str) -> &'static str {
        self.known.iter().find(|(known, ..)| *known == name).map_or("", |(.., default)| default)
    }

    pub(super) fn bool(&self, name: &str) -> bool {
        number::parse_bool(self.text(name)).unwrap_or(false)
    }

    pub(super) fn uint(&self, name: &str) -> Option<u64> {
        number::parse_uint(self.text(name), 0).ok()
    }

    pub(super) fn int(&self, name: &str) -> i64 {
        number::parse_int(self.text(name), 0).unwrap_or(0)
    }

    pub(super) fn duration_us(&self, name: &str) -> Option<u64> {
        u64::try_from(duration::parse(self.text(name)).ok()? / 1000).ok()
    }

    /// URLs, sorted and each once.
    pub(super) fn urls(&self, name: &str) -> Vec<String> {
        let text = self.text(name);
        if text.is_empty() {
            return Vec::new();
        }
        let items: Vec<&str> = text.split(',').collect();
        let mut urls = addr::parse_urls(&items).unwrap_or_default();
        urls.dedup();
        urls
    }
}

/// Whether Go's flag package would take a value.
fn check(kind: Kind, value: &str) -> Result<(), String> {
    // The package has its own short words for what strconv says at length.
    let short = |error: String| {
        if error.ends_with("value out of range") { "value out of range" } else { "parse error" }
            .to_owned()
    };
    match kind {
        Bool => number::parse_bool(value).map(drop).map_err(short),
        Int => number::parse_int(value, 0).map(drop).map_err(short),
        Uint => number::parse_uint(value, 0).map(drop).map_err(short),
        Duration => duration::parse(value).map(drop).map_err(short),
        Urls if value.is_empty() => Ok(()),
        Urls => addr::parse_urls(&value.split(',').collect::<Vec<_>>()).map(drop),
        Gates => super::gates::check(value),
        OneOf(words) if !words.contains(&value) => Err("invalid value".to_owned()),
        OneOf(_) | Text => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Values, Fault> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Values::parse(Release::V3_6, &words)
    }

    #[test]
    fn one_dash_is_as_good_as_two() {
        let values = parse("-name m1 --data-dir=/d --pre-vote=false -force-new-cluster").unwrap();
        assert_eq!(values.text("name"), "m1");
        assert_eq!(values.text("data-dir"), "/d");
        assert!(!values.bool("pre-vote") && values.bool("force-new-cluster"));
        assert!(values.is_set("name") && !values.is_set("heartbeat-interval"));
        assert_eq!(values.uint("heartbeat-interval"), Some(100));
        assert_eq!(values.urls("listen-peer-urls"), ["http://localhost:2380"]);
    }

    #[test]
    fn faults_are_those_of_the_flag_package() {
        let table = [
            ("--bogus", "flag provided but not defined: -bogus"),
            ("--name", "flag needs an argument: -name"),
            ("--pre-vote=maybe", "invalid boolean value \"maybe\" for -pre-vote: parse error"),
            (
                "--heartbeat-interval abc",
                "invalid value \"abc\" for flag -heartbeat-interval: parse error",
            ),
            (
                "--initial-cluster-state=old",
                "invalid value \"old\" for flag -initial-cluster-state: invalid value",
            ),
            (
                "--listen-peer-urls=garbage",
                "invalid value \"garbage\" for flag -listen-peer-urls: URL scheme must be http, https, unix, or unixs: garbage",
            ),
            ("--max-learners=2 --enable-v2", "flag provided but not defined: -enable-v2"),
        ];
        for (line, error) in table {
            assert_eq!(parse(line).unwrap_err(), Fault::Flag(error.to_owned()));
        }
        assert_eq!(parse("--help").unwrap_err(), Fault::Help);
        assert_eq!(parse("--name m1 word").unwrap_err(), Fault::Word("word".to_owned()));
    }
}
