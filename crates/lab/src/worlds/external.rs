//! World `external`: three hosts that run etcd under systemd with certificates, beside a control
//! plane that is their client and a node. The API server is a static pod, as kubeadm's topology
//! with external etcd has it: no unit of that name is on any host.

use pki::{GeneralName, Issuer, Name, PrivateKey, Template, Usage};
use sim::{HostId, Install, WorldSpec};

use super::kubeadm::{self, Cluster, Node};
use super::{doors, system};
use crate::api::WorldOptions;

/// Where etcd's hosts keep their certificates.
const PKI_DIR: &str = "/etc/etcd/pki";

/// Where the control plane keeps those it reaches etcd with.
const CLIENT_DIR: &str = "/etc/kubernetes/pki";

/// The number of the user `etcd`, and of its group.
pub(super) const ETCD: u32 = 996;

/// An authority lives ten years, what it signs one.
pub(super) const YEAR_S: i64 = 365 * 86_400;

/// The hosts that are there for members. As many of them as the options say run one from the
/// beginning; the others have all but the unit.
const MEMBERS: [&str; 3] = ["etcd1", "etcd2", "etcd3"];

const LINK: &str = "/etc/systemd/system/multi-user.target.wants/etcd.service";

/// How the doors of this world are at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doors {
    /// TLS everywhere, and certificates in use.
    Locked,
    /// Plain HTTP; certificates, good and bad, wait in a directory of root's.
    Open,
}

/// The control plane first, then etcd's hosts and a node.
pub(super) fn hosts(_options: &WorldOptions) -> Vec<String> {
    ["controlplane", "etcd1", "etcd2", "etcd3", "node01"].map(str::to_owned).to_vec()
}

/// The members at the beginning.
fn founders(options: &WorldOptions) -> &'static [&'static str] {
    &MEMBERS[..usize::from(options.members).clamp(1, MEMBERS.len())]
}

/// The world's parts.
pub(super) fn spec(options: &WorldOptions) -> WorldSpec {
    parts(options, Doors::Locked)
}

/// World `external-plain`: the same, and nothing is locked yet.
pub(super) fn plain_spec(options: &WorldOptions) -> WorldSpec {
    parts(options, Doors::Open)
}

fn parts(options: &WorldOptions, doors: Doors) -> WorldSpec {
    let names = hosts(options);
    let mut spec = system::spec(options, names.clone(), "student");
    let now_s = i64::try_from(options.epoch_us / 1_000_000).expect("checked options");
    let ca = pki::authority("etcd-ca", options.seed, now_s, now_s + 10 * YEAR_S);
    for (number, host) in (0..).map(HostId).zip(&names) {
        if MEMBERS.contains(&host.as_str()) {
            spec.install.extend(member(options, (host, number), doors, &ca, now_s));
        }
    }
    let address = |host: &str| {
        let number = (0..).map(HostId).zip(&names).find(|(_, name)| *name == host);
        let [a, b, c, d] = sim::net::ip_of(number.expect("a host of this world").0);
        format!("{a}.{b}.{c}.{d}")
    };
    let nodes = [("controlplane", true), ("node01", false)].map(|(name, control_plane)| Node {
        name: name.to_owned(),
        address: address(name),
        control_plane,
    });
    let scheme = if doors == Doors::Open { "http" } else { "https" };
    let servers: Vec<String> =
        founders(options).iter().map(|name| format!("{scheme}://{}:2379", address(name))).collect();
    let cluster = Cluster { options, nodes: &nodes, external: &servers, user: "student" };
    spec.install.extend(cluster.install());
    spec.install.extend(client(options, &ca, now_s));
    spec
}

/// Whether all that are to serve do, and the cluster is up that keeps its objects with them.
pub(super) fn ready(world: &sim::World) -> bool {
    let founder =
        |name: &&&str| world.host(name).is_some_and(|host| world.lstat(host, LINK).is_ok());
    let serves = |name: &&str| {
        let status = world.host(name).and_then(|host| world.member(host));
        status.is_some_and(|status| status.ready && status.leader.is_some())
    };
    MEMBERS.iter().filter(founder).all(serves) && kubeadm::ready(world)
}

fn signed(
    options: &WorldOptions,
    ca: &Issuer,
    now_s: i64,
    (purpose, common): (&str, &str),
    usages: &[Usage],
    names: Vec<GeneralName>,
) -> (String, String) {
    let key = PrivateKey::from_seed(options.seed, purpose);
    let leaf = Template::leaf(Name::new(&[], common), usages, names);
    let certificate = leaf.valid(now_s, now_s + YEAR_S).issue(&key, ca);
    (certificate.to_pem(), key.to_pem())
}

/// What etcd's hosts have.
fn member(
    options: &WorldOptions,
    (host, number): (&str, HostId),
    doors: Doors,
    ca: &Issuer,
    now_s: i64,
) -> Vec<Install> {
    let file = |path: &str, text: String, mode| Install::file(host, path, text.into_bytes(), mode);
    let mut all = vec![Install::dir(host, "/var/lib/etcd", 0o700).owned(ETCD, ETCD)];
    match doors {
        Doors::Locked => all.extend(in_use(options, (host, number), ca, now_s)),
        Doors::Open => all.extend(doors::choice(options, (host, number), ca, now_s)),
    }
    for program in ["etcd", "etcdctl", "etcdutl"] {
        let image = sim::exe::image(program, &options.release);
        all.push(Install::file(host, &format!("/usr/local/bin/{program}"), image, 0o755));
    }
    if founders(options).contains(&host) {
        let unit = unit(host, founders(options), doors);
        all.push(file("/etc/systemd/system/etcd.service", unit, 0o644));
        all.push(Install::link(host, LINK, "/etc/systemd/system/etcd.service"));
    }
    all.push(file("/etc/passwd", system::passwd("etcd:x:996:996::/home/etcd:/bin/false\n"), 0o644));
    all.push(file("/etc/group", system::group("etcd:x:996:\n"), 0o644));
    all
}

/// The names a member's certificates are for.
fn names_of(host: &str, number: HostId) -> Vec<GeneralName> {
    vec![
        GeneralName::Dns(host.to_owned()),
        GeneralName::Dns("localhost".to_owned()),
        GeneralName::Ip(sim::net::ip_of(number).to_vec()),
        GeneralName::Ip(vec![127, 0, 0, 1]),
    ]
}

/// The certificates a member uses.
fn in_use(
    options: &WorldOptions,
    (host, number): (&str, HostId),
    ca: &Issuer,
    now_s: i64,
) -> Vec<Install> {
    let file = |path: &str, text: String, mode| Install::file(host, path, text.into_bytes(), mode);
    let mut all = vec![
        Install::dir(host, PKI_DIR, 0o755),
        file(&format!("{PKI_DIR}/ca.crt"), ca.certificate.to_pem(), 0o644),
    ];
    for name in ["server", "peer"] {
        let purpose = format!("{host} {name}");
        let usages = [Usage::ServerAuth, Usage::ClientAuth];
        let names = names_of(host, number);
        let (certificate, key) = signed(options, ca, now_s, (&purpose, host), &usages, names);
        all.push(file(&format!("{PKI_DIR}/{name}.crt"), certificate, 0o644));
        all.push(file(&format!("{PKI_DIR}/{name}.key"), key, 0o600).owned(ETCD, ETCD));
    }
    all
}

/// The unit, as guides write it.
fn unit(host: &str, founders: &[&str], doors: Doors) -> String {
    let (scheme, tls) = match doors {
        Doors::Open => ("http", String::new()),
        Doors::Locked => (
            "https",
            format!(
                " \\
  --client-cert-auth \\
  --trusted-ca-file {PKI_DIR}/ca.crt \\
  --cert-file {PKI_DIR}/server.crt \\
  --key-file {PKI_DIR}/server.key \\
  --peer-client-cert-auth \\
  --peer-trusted-ca-file {PKI_DIR}/ca.crt \\
  --peer-cert-file {PKI_DIR}/peer.crt \\
  --peer-key-file {PKI_DIR}/peer.key"
            ),
        ),
    };
    let cluster: Vec<String> =
        founders.iter().map(|name| format!("{name}={scheme}://{name}:2380")).collect();
    format!(
        "[Unit]
Description=etcd
Documentation=https://github.com/etcd-io/etcd
After=network-online.target
Wants=network-online.target

[Service]
User=etcd
Type=notify
ExecStart=/usr/local/bin/etcd \\
  --name {host} \\
  --data-dir /var/lib/etcd \\
  --listen-client-urls {scheme}://0.0.0.0:2379 \\
  --advertise-client-urls {scheme}://{host}:2379 \\
  --listen-peer-urls {scheme}://0.0.0.0:2380 \\
  --initial-advertise-peer-urls {scheme}://{host}:2380 \\
  --initial-cluster {} \\
  --initial-cluster-token etcd-cluster \\
  --initial-cluster-state new{tls}
Restart=on-failure
RestartSec=5
LimitNOFILE=40000

[Install]
WantedBy=multi-user.target
",
        cluster.join(",")
    )
}

/// What the control plane reaches etcd with.
fn client(options: &WorldOptions, ca: &Issuer, now_s: i64) -> Vec<Install> {
    let host = "controlplane";
    let purpose = ("apiserver etcd client", "kube-apiserver-etcd-client");
    let (certificate, key) = signed(options, ca, now_s, purpose, &[Usage::ClientAuth], Vec::new());
    let file =
        |path: String, text: String, mode| Install::file(host, &path, text.into_bytes(), mode);
    vec![
        file(format!("{CLIENT_DIR}/etcd/ca.crt"), ca.certificate.to_pem(), 0o644),
        file(format!("{CLIENT_DIR}/apiserver-etcd-client.crt"), certificate, 0o644),
        file(format!("{CLIENT_DIR}/apiserver-etcd-client.key"), key, 0o600),
    ]
}
