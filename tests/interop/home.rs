//! (c) What *take it home* makes starts three real members that serve the data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{File, said, world, world_named};
use crate::real::{Scratch, Server, free_port, limited, programs, run};

/// The settings of a file `etcd.env`, as systemd reads them.
fn settings(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap();
        (name.to_owned(), value.trim_matches('\'').to_owned())
    };
    lines.map(pair).collect()
}

/// What a reader of the README edits: the URLs, the data directory of this machine, and where
/// the certificates are, which all members have under the same path.
fn edited(text: &str, ports: &Ports, home: &Path, own: &str, data: &Path) -> String {
    let mut text = text.to_owned();
    for (name, (client, peer)) in ports {
        text = text.replace(&format!("//{name}:2380"), &format!("//127.0.0.1:{peer}"));
        text = text.replace(&format!("//{name}:2379"), &format!("//127.0.0.1:{client}"));
    }
    let (client, peer) = ports[own];
    text = text.replace("//0.0.0.0:2380", &format!("//127.0.0.1:{peer}"));
    text = text.replace("//0.0.0.0:2379", &format!("//127.0.0.1:{client}"));
    let root = home.join(own).join("root");
    text = text.replace("'/etc/etcd/pki", &format!("'{}/etc/etcd/pki", root.display()));
    text.replace("'/var/lib/etcd'", &format!("'{}'", data.display()))
}

/// The ports of a member on this machine: for clients, for peers.
type Ports = BTreeMap<String, (u16, u16)>;

/// Unpacks an archive, edits it for this machine, restores and starts its three members.
fn at_home(programs: &Path, scratch: &Scratch, archive: Vec<u8>) -> (PathBuf, Vec<Server>) {
    fs::write(scratch.path("home.tar"), archive).unwrap();
    let (tar, into) = (scratch.path("home.tar"), scratch.path(""));
    let unpacked = Command::new("tar").arg("xf").arg(tar).arg("-C").arg(into).status().unwrap();
    assert!(unpacked.success(), "tar does not read the archive");
    let home = scratch.path("take-home");
    let names = ["n1", "n2", "n3"].map(str::to_owned);
    let ports: Ports =
        names.iter().map(|name| (name.clone(), (free_port(), free_port()))).collect();
    let start = |name: &String| {
        let file = home.join(name).join("etcd.env");
        let text = fs::read_to_string(&file).unwrap();
        let text = edited(&text, &ports, &home, name, &scratch.path(&format!("data-{name}")));
        fs::write(&file, &text).unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let restore = home.join(name).join("restore.sh");
        let ran = limited(&restore, 40).env("PATH", path).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let unit = fs::read_to_string(home.join(name).join("etcd.service")).unwrap();
        assert!(unit.contains("ExecStart=/usr/local/bin/etcd\n"), "no flag beside the settings");
        let log = scratch.path(&format!("log-{name}"));
        Server::start(programs, log, ports[name].0, &settings(&text))
    };
    let servers = names.iter().map(start).collect();
    (home, servers)
}

#[test]
fn a_cluster_taken_home_starts_three_real_members_that_serve_its_data() {
    let Some(programs) = programs("take it home") else { return };
    let scratch = Scratch::new("home");
    let mut typist = world(3, 77);
    for line in [
        "etcdctl put greeting 'hello from the lab'",
        "for i in $(seq 1 300); do etcdctl put many/$i $i; done",
        "etcdctl del many/7",
        "etcdctl lease grant 5000",
        "etcdctl compaction 100",
    ] {
        said(&mut typist, line);
    }
    let (home, servers) = at_home(&programs, &scratch, typist.session().take_home().unwrap());
    let file = File::open(&fs::read(home.join("snapshot.db")).unwrap());
    let hash = file.hash().0.to_string();
    for server in &servers {
        server.wait_ready();
        assert_eq!(server.etcdctl(&["get", "greeting"]), "greeting\nhello from the lab\n");
        let count = server.etcdctl(&["get", "many/", "--prefix", "--count-only", "-w", "fields"]);
        assert!(count.contains("\"Count\" : 299"), "{count}");
        let hashed = server.etcdctl(&["endpoint", "hashkv"]);
        assert_eq!(hashed.trim().rsplit(", ").next(), Some(hash.as_str()));
    }
    let listed = servers[0].etcdctl(&["member", "list"]);
    assert_eq!(listed.matches(", started, n").count(), 3, "{listed}");
    // A write through one is read through another.
    servers[1].etcdctl(&["put", "at", "home"]);
    assert_eq!(servers[2].etcdctl(&["get", "at", "--print-value-only"]), "home\n");
}

#[test]
fn a_cluster_with_certificates_taken_home_serves_those_who_show_one() {
    let Some(programs) = programs("take it home with certificates") else { return };
    let scratch = Scratch::new("home-tls");
    let mut typist = world_named("cluster-tls", 3, 78);
    said(&mut typist, "export ETCDCTL_CACERT=/etc/etcd/pki/ca.crt");
    said(
        &mut typist,
        "export ETCDCTL_CERT=/etc/etcd/pki/client.crt ETCDCTL_KEY=/etc/etcd/pki/client.key",
    );
    said(&mut typist, "etcdctl --endpoints=https://n1:2379 put greeting 'hello from the lab'");
    let (home, servers) = at_home(&programs, &scratch, typist.session().take_home().unwrap());
    let pki = home.join("n1/root/etc/etcd/pki");
    let flags = ["cacert=ca.crt", "cert=client.crt", "key=client.key"].map(|flag| {
        let (flag, file) = flag.split_once('=').unwrap();
        format!("--{flag}={}", pki.join(file).display())
    });
    let asked = |server: &Server, args: &[&str]| {
        let endpoint = format!("--endpoints=https://127.0.0.1:{}", server.client());
        let mut all = vec![endpoint.as_str(), "--dial-timeout=20s", "--command-timeout=20s"];
        all.extend(flags.iter().map(String::as_str));
        all.extend(args);
        run(&programs.join("etcdctl"), &all)
    };
    for server in &servers {
        assert_eq!(asked(server, &["get", "greeting"]), "greeting\nhello from the lab\n");
    }
    let listed = asked(&servers[0], &["member", "list"]);
    assert_eq!(listed.matches(", started, n").count(), 3, "{listed}");
}
