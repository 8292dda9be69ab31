//! What the flags of `etcd` become, and what it refuses.

use super::config::{Around, Refusal, Said, parse};
use super::*;

fn args(line: &str) -> Vec<String> {
    std::iter::once("etcd").chain(line.split_whitespace()).map(str::to_owned).collect()
}

fn start(line: &str, env: &[(&str, &str)]) -> Result<config::Start, Refusal> {
    let env: Vec<_> =
        env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let read = |path: &str| match path {
        "good.yml" => Ok("name: m9\nauto-compaction-retention: 5m\n".to_owned()),
        _ => Err(format!("open {path}: no such file or directory")),
    };
    let absolute = |path: &str| format!("/cwd/{path}");
    parse(Release::V3_6, &args(line), &Around { env: &env, absolute: &absolute, read: &read })
}

fn messages(said: &[Said]) -> Vec<&str> {
    said.iter()
        .map(|said| match said {
            Said::Log(_, _, msg, _) => msg.as_str(),
            Said::Err(text) | Said::Out(text) => text,
        })
        .collect()
}

#[test]
fn defaults_are_those_of_etcd() {
    let started = start("", &[]).unwrap();
    let expected = Config {
        data_dir: "/cwd/default.etcd".to_owned(),
        ..Config::new("default", Release::V3_6)
    };
    assert_eq!(started.config, expected);
    assert_eq!(
        messages(&started.said),
        [
            "Running http and grpc server on single port. This is not recommended for production.",
            "it isn't recommended to use default name, please set a value for --name. Note that etcd might run into issue when multiple members have the same default name",
            "Running: ",
            "'data-dir' was empty; using default",
        ]
    );
}

#[test]
fn a_name_alone_makes_a_cluster_of_one() {
    let config = start("--name m1 --data-dir d", &[]).unwrap().config;
    let urls = vec!["http://localhost:2380".to_owned()];
    assert_eq!(config.initial_cluster, vec![("m1".to_owned(), urls)]);
    assert_eq!(config.data_dir, "/cwd/d");
}

#[test]
fn variables_count_and_shadowed_ones_are_fatal() {
    let started = start("", &[("ETCD_NAME", "m2"), ("ETCD_BOGUS", "1")]).unwrap();
    assert_eq!(started.config.name, "m2");
    let said = messages(&started.said);
    assert_eq!(said[0], "recognized and used environment variable");
    assert_eq!(said[1], "unrecognized environment variable");
    let refusal = start("--name m1", &[("ETCD_NAME", "m1")]).unwrap_err();
    assert_eq!(refusal.exit_code, 1);
    let refusal = start("", &[("ETCD_HEARTBEAT_INTERVAL", "x")]).unwrap_err();
    assert_eq!(refusal.reason, "invalid value \"x\" for ETCD_HEARTBEAT_INTERVAL: parse error");
}

#[test]
fn refusals_have_the_words_of_etcd() {
    let table = [
        ("--bogus", 2, "flag provided but not defined: -bogus"),
        ("word", 1, "\"word\" is not a valid flag"),
        ("--listen-peer-urls=http://n1:2380", 1, "expected IP in URL for binding (http://n1:2380)"),
        (
            "--listen-client-urls=http://0.0.0.0:2379",
            1,
            "--advertise-client-urls is required when --listen-client-urls is set explicitly",
        ),
        (
            "--election-timeout=300",
            1,
            "--election-timeout[300ms] should be at least as 5 times as --heartbeat-interval[100ms]",
        ),
        (
            "--election-timeout=60000",
            1,
            "--election-timeout[60000ms] is too long, and should be set less than 50000ms",
        ),
        ("--auto-compaction-mode=x", 1, "unknown auto-compaction-mode \"x\""),
        (
            "--name a --initial-cluster=garbage",
            1,
            "error setting up initial cluster: URL scheme must be http, https, unix, or unixs: ",
        ),
        (
            "--auto-compaction-retention=x",
            1,
            "error parsing CompactionRetention: time: invalid duration \"x\"",
        ),
    ];
    for (line, exit_code, reason) in table {
        let refusal = start(line, &[]).unwrap_err();
        assert_eq!((refusal.exit_code, refusal.reason.as_str()), (exit_code, reason), "{line}");
    }
}

#[test]
fn version_and_help_end_well() {
    let version = start("--version", &[]).unwrap_err();
    assert_eq!(version.exit_code, 0);
    assert!(messages(&version.said)[0].starts_with("etcd Version: 3.6.14\nGit SHA: "));
    assert_eq!(start("-h", &[]).unwrap_err().exit_code, 0);
}

#[test]
fn the_session_configures_members_too() {
    let flags = ["--name=n1", "--initial-cluster-state=existing"].map(str::to_owned);
    let (config, argv) = configure("3.5.33", &flags).unwrap();
    assert_eq!((config.name.as_str(), config.snapshot_count), ("n1", 100_000));
    assert_eq!(argv[0], "etcd");
    assert!(configure("3.5.33", &["--nope".to_owned()]).is_err());
    assert!(configure("three", &[]).is_err());
}

#[test]
fn a_file_counts_instead_of_flags_and_variables() {
    let started = start("--config-file good.yml --name x", &[("ETCD_NAME", "y")]).unwrap();
    assert_eq!(started.config.name, "m9");
    let period_us = 300_000_000;
    assert_eq!(started.config.auto_compaction, etcd::AutoCompaction::Periodic { period_us });
    let said = messages(&started.said);
    assert!(said[1].starts_with("loaded server configuration"), "{said:?}");
    let refusal = start("--config-file nofile.yml", &[]).unwrap_err();
    assert_eq!(refusal.reason, "open nofile.yml: no such file or directory");
    assert_eq!(refusal.exit_code, 1);
    assert_eq!(messages(&refusal.said), ["Running: ", "failed to verify flags"]);
}

#[test]
fn features_are_switched_by_gates_and_by_their_old_flags() {
    let config = |line: &str| start(line, &[]).unwrap().config;
    assert!(config("--feature-gates=InitialCorruptCheck=true").initial_corrupt_check);
    assert!(config("--experimental-initial-corrupt-check").initial_corrupt_check);
    let all = config("--feature-gates=AllAlpha=true,CompactHashCheck=false");
    assert!(all.initial_corrupt_check && !all.compact_hash_check && all.lease_checkpoint);
    let checks = config("--corrupt-check-time=5s --compact-hash-check-time 2m");
    assert_eq!((checks.corrupt_check_us, checks.compact_hash_check_us), (5_000_000, 120_000_000));
    let both = "--feature-gates=CompactHashCheck=true --experimental-compact-hash-check-enabled";
    assert_eq!(
        start(both, &[]).unwrap_err().reason,
        "cannot specify both flags: --experimental-compact-hash-check-enabled=true and \
         --feature-gates=CompactHashCheck=true at the same time, please just use \
         --feature-gates=CompactHashCheck=true"
    );
    assert_eq!(
        start("--feature-gates=Nope=true", &[]).unwrap_err().reason,
        "invalid value \"Nope=true\" for flag -feature-gates: unrecognized feature gate: Nope"
    );
    assert_eq!(
        start("--corrupt-check-time=5s --experimental-corrupt-check-time=5s", &[])
            .unwrap_err()
            .reason,
        "cannot set --experimental-corrupt-check-time and --corrupt-check-time at the same time, \
         please use --corrupt-check-time only"
    );
}

#[test]
fn tokens_costs_and_levels() {
    let config = start("--bcrypt-cost 4 --auth-token-ttl 60 --log-level warn", &[]).unwrap().config;
    assert_eq!((config.bcrypt_cost, config.auth_token_ttl_s), (4, 60));
    assert_eq!(config.log_level, etcd::Level::Warn);
    let started = start("--bcrypt-cost 99", &[]).unwrap();
    let said = messages(&started.said);
    assert!(said.contains(&"use default bcrypt cost instead of the invalid given cost"));
    let refusal = start("--auth-token=nonsense", &[]).unwrap_err();
    assert_eq!((refusal.reason.as_str(), refusal.exit_code), ("auth: invalid auth options", 1));
    assert!(
        start("--auth-token=jwt,pub-key=/k", &[]).unwrap_err().reason.contains("simple tokens")
    );
    let started = start("--experimental-corrupt-check-time 5s", &[]).unwrap();
    let said = messages(&started.said);
    let old = "--experimental-corrupt-check-time is deprecated in v3.6 and will be decommissioned \
               in v3.7. Use '--corrupt-check-time' instead.";
    assert!(said.contains(&old), "{said:?}");
}
