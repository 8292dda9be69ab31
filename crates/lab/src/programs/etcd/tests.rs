//! What the flags of `etcd` become, and what it refuses.

use super::config::{Refusal, Said, parse};
use super::*;

fn args(line: &str) -> Vec<String> {
    std::iter::once("etcd").chain(line.split_whitespace()).map(str::to_owned).collect()
}

fn start(line: &str, env: &[(&str, &str)]) -> Result<config::Start, Refusal> {
    let env: Vec<_> =
        env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    parse(Release::V3_6, &args(line), &env, &|path| format!("/cwd/{path}"))
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
