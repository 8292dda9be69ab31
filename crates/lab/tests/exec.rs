//! The contract of the binary `quorum`: what `exec`, `replay` and `worlds` promise.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    missing_docs,
    reason = "these tests run a program of the real machine, and fail where they unwrap"
)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs `quorum` with lines on its standard input.
fn quorum(args: &[&str], lines: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quorum"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A quorum that refuses its flags reads nothing: then the pipe is closed, and that is right.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    child.wait_with_output().unwrap()
}

/// The objects of `exec --json`.
fn rows(args: &[&str], lines: &str) -> Vec<Value> {
    let mut all = vec!["exec", "--json"];
    all.extend(args);
    let output = quorum(&all, lines);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

#[test]
fn each_command_gives_one_object_and_blanks_give_none() {
    let rows = rows(&[], "# a comment\n\necho a\ncat <<EOF\nb\nEOF\nfalse\necho err >&2\n");
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("cmd"), ["echo a", "cat <<EOF\nb\nEOF", "false", "echo err >&2"]);
    assert_eq!(column("stdout"), ["a\n", "b\n", "", ""]);
    assert_eq!(column("stderr"), ["", "", "", "err\n"]);
    assert_eq!(column("exit"), [0, 0, 1, 0]);
    assert!(rows[0]["start_us"].as_u64().unwrap() >= 6_000_000, "{rows:?}");
}

#[test]
fn virtual_time_is_not_waited_for() {
    let rows = rows(&[], "sleep 90\n");
    let time_us = rows[0]["time_us"].as_u64().unwrap();
    assert!((90_000_000..90_100_000).contains(&time_us), "{time_us}");
}

#[test]
fn bytes_that_are_not_text_come_as_base64() {
    let rows = rows(&[], "printf '\\377\\000'\n");
    assert_eq!(rows[0]["stdout_b64"], "/wA=");
    assert!(rows[0].get("stdout").is_none());
}

#[test]
fn a_line_can_name_another_host_and_shells_keep_their_state() {
    let lines = "x=1\n@n2 hostname\n@n2 x=2\necho $x\n@n2 echo $x\nhostname\n";
    let rows = rows(&["--host", "n3"], lines);
    let stdout: Vec<_> = rows.iter().map(|row| row["stdout"].as_str().unwrap()).collect();
    assert_eq!(stdout, ["", "n2\n", "", "1\n", "2\n", "n3\n"]);
}

#[test]
fn a_command_that_takes_too_long_is_interrupted_and_the_shell_goes_on() {
    let rows = rows(&["--line-timeout", "5s"], "sleep 600\necho on\n");
    assert_eq!((&rows[0]["exit"], &rows[1]["stdout"]), (&130.into(), &"on\n".into()));
    assert!(rows[0]["time_us"].as_u64().unwrap() < 5_200_000);
}

#[test]
fn a_host_that_is_off_answers_with_one_line_and_255() {
    let rows = rows(&[], "sim poweroff n2\n@n2 echo a\nsim poweron n2\n@n2 echo b\n");
    assert_eq!(rows[1]["exit"], 255);
    assert_eq!(rows[1]["stderr"].as_str().unwrap().lines().count(), 1);
    assert_eq!(rows[3]["stdout"], "b\n");
}

#[test]
fn a_lost_quorum_makes_writes_wait_and_fail_and_serializable_reads_answer() {
    let lines = "etcdctl put a 1\nsim kill n2\nsim kill n3\netcdctl put b 2\netcdctl get a\n\
                 etcdctl get a --consistency=s\nsim start n2\nsleep 5\netcdctl put b 2\n";
    let rows = rows(&[], lines);
    assert_eq!(rows[3]["exit"], 1);
    assert!((4_900_000..7_100_000).contains(&rows[3]["time_us"].as_u64().unwrap()));
    assert_eq!(rows[4]["exit"], 1);
    assert_eq!(rows[5]["stdout"], "a\n1\n");
    assert_eq!(rows[8]["stdout"], "OK\n", "{}", rows[8]);
}

#[test]
fn a_cluster_grows_from_one_to_three_through_learners() {
    let lines = "etcdctl put a 1\nsim add n2 --learner\nsleep 6\nsim promote n2\nsleep 6\n\
                 sim add n3 --learner\nsleep 6\nsim promote n3\nsleep 2\nsim kill n1\nsleep 4\n\
                 @n3 etcdctl get a\n@n3 etcdctl put b 2\n@n3 etcdctl member list\n";
    let rows = rows(&["--members", "1"], lines);
    for row in &rows {
        assert_eq!(row["exit"], 0, "{row}");
    }
    assert_eq!(rows[11]["stdout"], "a\n1\n");
    assert_eq!(rows[13]["stdout"].as_str().unwrap().matches("started").count(), 3);
}

#[test]
fn files_cross_the_border_both_ways() {
    let (local_in, local_out) = (scratch("in"), scratch("out"));
    fs::write(&local_in, "pushed\n").unwrap();
    let push = format!("{}=n2:/root/in", local_in.display());
    let pull = format!("n1:/root/out={}", local_out.display());
    let lines = "@n2 cat /root/in\necho pulled > out\n";
    let rows = rows(&["--push", &push, "--pull", &pull], lines);
    assert_eq!(rows[0]["stdout"], "pushed\n");
    assert_eq!(fs::read_to_string(&local_out).unwrap(), "pulled\n");
}

#[test]
fn a_saved_run_replays_to_the_same_trace() {
    let file = scratch("recipe");
    let name = file.to_str().unwrap();
    let lines = "etcdctl put a 1\nsim partition n1 / n2,n3\nsleep 4\n@n2 etcdctl put b 2\nsim heal\nsleep 3\n";
    rows(&["--seed", "11", "--recipe", name], lines);
    let hash = |_| {
        let output = quorum(&["replay", name], "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let hashes: Vec<_> = (0..2).map(hash).collect();
    assert_eq!(hashes[0].trim().len(), 16);
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn a_cluster_is_taken_home_in_one_archive_that_is_always_the_same() {
    let files = [scratch("home1"), scratch("home2")];
    for file in &files {
        let lines = "etcdctl put a 1\netcdctl member add n4 --learner --peer-urls=http://n4:2380\nsim kill n1\nsleep 3\n";
        rows(&["--take-home", file.to_str().unwrap()], lines);
    }
    let archive = fs::read(&files[0]).unwrap();
    assert_eq!(archive, fs::read(&files[1]).unwrap());
    let text = String::from_utf8_lossy(&archive);
    for part in ["take-home/snapshot.db", "take-home/n1/restore.sh", "take-home/n3/etcd.service"] {
        assert!(text.contains(part), "{part}");
    }
    let cluster = "ETCD_INITIAL_CLUSTER='n1=http://n1:2380,n2=http://n2:2380,n3=http://n3:2380'\n";
    assert_eq!(text.matches(cluster).count(), 3);
    assert!(text.contains("The member of http://n4:2380 had not started"));
}

#[test]
fn a_cluster_with_certificates_takes_them_home() {
    let file = scratch("home4");
    rows(&["--take-home", file.to_str().unwrap(), "--tls"], "etcdctl version\n");
    let archive = fs::read(&file).unwrap();
    let text = String::from_utf8_lossy(&archive);
    let cert = "ETCD_CERT_FILE='/etc/etcd/pki/server.crt'\n";
    assert_eq!(text.matches(cert).count(), 3, "each member's settings name its certificate");
    assert!(text.contains("ETCD_CLIENT_CERT_AUTH='true'\n"));
    for part in ["take-home/n1/root/etc/etcd/pki/server.key", "BEGIN CERTIFICATE"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("./n2/root/etc/etcd/pki:/etc/etcd/pki:ro"), "containers see them");
    assert!(text.contains("--cacert=n1/root/etc/etcd/pki/ca.crt"), "the first question works");
}

#[test]
fn a_cluster_whose_members_all_stopped_can_be_taken_home_from_their_files() {
    let file = scratch("home3");
    let lines = "etcdctl put a 1\nsleep 1\nsim stop n1\nsim stop n2\nsim poweroff n3\nsleep 9\n";
    rows(&["--take-home", file.to_str().unwrap()], lines);
    let archive = fs::read(&file).unwrap();
    let text = String::from_utf8_lossy(&archive);
    assert!(text.contains("at revision 2") && text.contains("No member ran"));
}

#[test]
fn wrong_calls_get_one_line_exit_2_and_write_nothing() {
    let never = scratch("never");
    let never = never.to_str().unwrap();
    let damaged = scratch("damaged");
    fs::write(&damaged, "QLAB....").unwrap();
    for args in [
        &["exec", "--bogus"][..],
        &["exec", "--members", "12"],
        &["exec", "--release", "2.3"],
        &["exec", "--world", "moon"],
        &["exec", "--host", "n12"],
        &["exec", "--recipe", never, "/no/such/file"],
        &["exec", "--push", "/no/such/file=n1:/x"],
        &["exec", "--push", "nonsense"],
        &["exec", "--line-timeout", "soon"],
        &["replay", "/no/such/file"],
        &["replay", damaged.to_str().unwrap()],
        &["replay"],
        &["bogus"],
    ] {
        let output = quorum(args, "");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    }
    assert!(!fs::exists(never).unwrap());
}

#[test]
fn the_worlds_are_listed() {
    let output = quorum(&["worlds"], "");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("cluster "));
}

/// A restored directory may carry the ids of a cluster that went further: its promises are new.
#[test]
fn a_cluster_is_restored_under_its_own_name_twice() {
    let flags = "--listen-peer-urls=http://0.0.0.0:2380 --listen-client-urls=http://0.0.0.0:2379 \
                 --initial-advertise-peer-urls=http://n1:2380 --advertise-client-urls=http://n1:2379";
    let mut lines = String::from(
        "etcdctl put a 1\netcdctl snapshot save /tmp/s.db\netcdctl put a 2\netcdctl put b 2\n",
    );
    for dir in ["/var/lib/etcd-restored", "/var/lib/etcd-again"] {
        lines.push_str(&format!(
            "sim kill n1\netcdutl snapshot restore /tmp/s.db --name n1 --data-dir {dir} \
             --initial-cluster n1=http://n1:2380 --initial-advertise-peer-urls http://n1:2380\n\
             sim start n1 -- --name=n1 --data-dir={dir} {flags}\nsleep 5\n\
             etcdctl get a --print-value-only\netcdctl put a 3\n"
        ));
    }
    let rows = rows(&["--members", "1"], &lines);
    let read = rows.iter().filter(|row| row["cmd"].as_str().unwrap().contains("get a"));
    assert_eq!(read.map(|row| row["stdout"].as_str().unwrap()).collect::<Vec<_>>(), ["1\n", "1\n"]);
}
