//! (c) What *take it home* makes starts three real members that serve the data.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::lab::{File, said, world};
use crate::real::{Scratch, Server, free_port, limited, programs};

/// The settings of a file `etcd.env`, as systemd reads them.
fn settings(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap();
        (name.to_owned(), value.trim_matches('\'').to_owned())
    };
    lines.map(pair).collect()
}

/// What a reader of the README edits: the URLs and the data directory of this machine.
fn edited(text: &str, ports: &BTreeMap<String, (u16, u16)>, own: &str, data: &Path) -> String {
    let mut text = text.to_owned();
    for (name, (client, peer)) in ports {
        text = text.replace(&format!("http://{name}:2380"), &format!("http://127.0.0.1:{peer}"));
        text = text.replace(&format!("http://{name}:2379"), &format!("http://127.0.0.1:{client}"));
    }
    let (client, peer) = ports[own];
    text = text.replace("http://0.0.0.0:2380", &format!("http://127.0.0.1:{peer}"));
    text = text.replace("http://0.0.0.0:2379", &format!("http://127.0.0.1:{client}"));
    text.replace("'/var/lib/etcd'", &format!("'{}'", data.display()))
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
    let archive = typist.session().take_home().unwrap();
    fs::write(scratch.path("home.tar"), archive).unwrap();
    let (tar, into) = (scratch.path("home.tar"), scratch.path(""));
    let unpacked = Command::new("tar").arg("xf").arg(tar).arg("-C").arg(into).status().unwrap();
    assert!(unpacked.success(), "tar does not read the archive");
    let home = scratch.path("take-home");
    let names = ["n1", "n2", "n3"].map(str::to_owned);
    let ports: BTreeMap<String, (u16, u16)> =
        names.iter().map(|name| (name.clone(), (free_port(), free_port()))).collect();
    let mut servers = Vec::new();
    for name in &names {
        let file = home.join(name).join("etcd.env");
        let data = scratch.path(&format!("data-{name}"));
        let text = edited(&fs::read_to_string(&file).unwrap(), &ports, name, &data);
        fs::write(&file, &text).unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let restore = home.join(name).join("restore.sh");
        let ran = limited(&restore, 40).env("PATH", path).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let unit = fs::read_to_string(home.join(name).join("etcd.service")).unwrap();
        assert!(unit.contains("ExecStart=/usr/local/bin/etcd\n"), "no flag beside the settings");
        let log = scratch.path(&format!("log-{name}"));
        servers.push(Server::start(&programs, log, ports[name].0, &settings(&text)));
    }
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
