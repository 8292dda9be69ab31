//! Take it home: one archive that starts the cluster of a world on real machines.
//!
//! It holds a snapshot and, for each member, its flags as `etcd.env`, its certificates where it
//! serves TLS, the restore command and a systemd unit; a compose file for one machine; a README.
//! Nothing of the world changes. The texts are in `texts` and `readme`, the certificates in `certs`,
//! the archive's format in `tar`.

mod certs;
mod readme;
mod tar;
mod texts;

use bytes::Bytes;
use etcd::{Config, MemberInfo, Release, Role};
use sha2::{Digest, Sha256};
use sim::{HostId, Saved, World};

use crate::api::WorldOptions;
use tar::Tar;

/// The folder everything is in.
const FOLDER: &str = "take-home";

/// What the archive is made of.
struct Plan {
    /// The host the snapshot was taken on, and the revision it has.
    source: String,
    revision: i64,
    /// Whether its member ran: a file of a stopped one may lack what is only in its log.
    live: bool,
    release: Release,
    members: Vec<Planned>,
    /// Members that have no name yet, by peer URL.
    left_out: Vec<String>,
    /// Names of members that were learners and start as voters.
    promoted: Vec<String>,
}

/// A member that will be started.
struct Planned {
    /// Its folder, its service and its host.
    label: String,
    config: Config,
    /// The files of its certificates and what lies beside them, by absolute path.
    certs: Vec<(String, Bytes)>,
}

impl Plan {
    /// Whether any member serves TLS from files.
    fn has_certs(&self) -> bool {
        self.members.iter().any(|member| !member.certs.is_empty())
    }
}

/// The archive. The error is a sentence for the screen.
pub(crate) fn archive(world: &World, options: &WorldOptions) -> Result<Vec<u8>, String> {
    let (host, saved) = best(world).ok_or("there is no member's data to take home yet")?;
    let source = world.host_names()[usize::from(host.0)].clone();
    let plan = plan(world, host, source, &saved)?;
    let mut file = saved.file.to_vec();
    let sum = Sha256::digest(&file);
    file.extend_from_slice(&sum);
    let mut tar = Tar::new((options.epoch_us + world.now_us()) / 1_000_000);
    let mut put = |path: &str, mode: u32, bytes: &[u8]| {
        tar.file(&format!("{FOLDER}/{path}"), mode, bytes);
    };
    put("README.md", 0o644, readme::readme(&plan).as_bytes());
    put("snapshot.db", 0o600, &file);
    put("compose.yaml", 0o644, texts::compose(&plan).as_bytes());
    for member in &plan.members {
        let label = &member.label;
        put(&format!("{label}/etcd.env"), 0o644, texts::env(&plan, member).as_bytes());
        put(&format!("{label}/restore.sh"), 0o755, texts::restore(member).as_bytes());
        put(&format!("{label}/etcd.service"), 0o644, texts::unit(member).as_bytes());
        for (path, bytes) in &member.certs {
            put(&format!("{label}/root{path}"), certs::mode(path), bytes);
        }
    }
    Ok(tar.finish())
}

/// The data to take: the leader's, else that of the member that has applied most, else the
/// newest file of a stopped one.
fn best(world: &World) -> Option<(HostId, Saved)> {
    let hosts = (0..).map_while(|no| world.host_names().get(usize::from(no)).map(|_| HostId(no)));
    let rank = |host: &HostId| {
        let status = world.member(*host).filter(|status| !status.members.is_empty());
        let leads = status.as_ref().is_some_and(|it| it.role == Role::Leader);
        status.map(|it| (leads && it.ready, it.applied))
    };
    let hosts: Vec<HostId> = hosts.collect();
    if let Some(host) = hosts.iter().copied().filter(|h| rank(h).is_some()).max_by_key(rank) {
        return Some((host, world.saved(host)?));
    }
    let files = hosts.into_iter().filter_map(|host| Some((host, world.saved(host)?)));
    files.filter(|(_, it)| !it.members.is_empty()).max_by_key(|(_, saved)| saved.revision)
}

fn plan(world: &World, host: HostId, source: String, saved: &Saved) -> Result<Plan, String> {
    let base = world.config(host).ok_or("there is no member's data to take home yet")?;
    let (named, nameless): (Vec<_>, Vec<_>) =
        saved.members.iter().partition(|member| !member.name.is_empty());
    let mut initial: Vec<(String, Vec<String>)> =
        named.iter().map(|member| (member.name.clone(), member.peer_urls.clone())).collect();
    flat::sort(&mut initial);
    let mut plan = Plan {
        source,
        revision: saved.revision,
        live: world.member(host).is_some(),
        release: base.release,
        members: Vec::new(),
        left_out: nameless.iter().map(|member| member.peer_urls.join(",")).collect(),
        promoted: Vec::new(),
    };
    for member in named {
        let known = known(world, member);
        let mut config = config_of(known.as_ref(), member, base.release);
        config.initial_cluster.clone_from(&initial);
        config.initial_cluster_token.clone_from(&base.initial_cluster_token);
        if !member.client_urls.is_empty() {
            config.advertise_client_urls.clone_from(&member.client_urls);
        }
        for text in [&config.name, &config.data_dir, &config.initial_cluster_token] {
            if text.contains(['\'', '\n', '\r']) {
                return Err(format!("{text:?} cannot be written into a file of settings"));
            }
        }
        if member.is_learner {
            plan.promoted.push(member.name.clone());
        }
        let label = label(member);
        let certs = known.map_or_else(Vec::new, |(host, _)| certs::of(world, host, &config));
        plan.members.push(Planned { label, config, certs });
    }
    if plan.members.is_empty() {
        return Err("no member of this cluster has started yet".to_owned());
    }
    flat::sort_by(&mut plan.members, |a, b| a.label.cmp(&b.label));
    Ok(plan)
}

/// The host a member was started on, and how.
fn known(world: &World, member: &MemberInfo) -> Option<(HostId, Config)> {
    let hosts = (0..).map_while(|no| world.host_names().get(usize::from(no)).map(|_| HostId(no)));
    let mut known = hosts.filter_map(|host| Some((host, world.config(host)?)));
    known.find(|(_, config)| config.name == member.name)
}

/// How a member was started, or etcd's defaults where nobody knows.
fn config_of(known: Option<&(HostId, Config)>, member: &MemberInfo, release: Release) -> Config {
    let mut config = known.map(|(_, config)| config.clone()).unwrap_or_else(|| Config {
        data_dir: "/var/lib/etcd".to_owned(),
        listen_peer_urls: vec!["http://0.0.0.0:2380".to_owned()],
        listen_client_urls: vec!["http://0.0.0.0:2379".to_owned()],
        ..Config::new(&member.name, release)
    });
    config.initial_advertise_peer_urls.clone_from(&member.peer_urls);
    config
}

/// A name for folders and services: the member's own where it is plain, else its id.
fn label(member: &MemberInfo) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = &member.name;
    if name.chars().all(plain) && !name.starts_with(['.', '-']) && name.len() < 64 {
        return name.clone();
    }
    format!("member-{:016x}", member.id.0)
}
