//! Worlds `kubeadm` and `kubeadm-ha`: clusters as kubeadm leaves them, with etcd in static pods
//! on the control planes. Certificates, manifests and configurations lie where kubeadm puts
//! them; what the API server holds is made in the first seconds, by the same parts as in life.

mod manifests;
mod pki;

use bytes::Bytes;
use sim::{Install, WorldSpec};

use super::system;
use crate::api::WorldOptions;
use crate::programs;

/// Where the static pods' manifests lie.
const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// A host of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) control_plane: bool,
}

fn nodes(names: &[(&str, bool)]) -> Vec<Node> {
    let node = |(place, (name, control_plane)): (usize, &(&str, bool))| Node {
        name: (*name).to_owned(),
        address: format!("10.0.0.{}", place + 1),
        control_plane: *control_plane,
    };
    names.iter().enumerate().map(node).collect()
}

const SINGLE: &[(&str, bool)] = &[("controlplane", true), ("node01", false)];
const HA: &[(&str, bool)] = &[("cp1", true), ("cp2", true), ("cp3", true), ("node01", false)];

fn names(of: &[(&str, bool)]) -> Vec<String> {
    of.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// `controlplane` and `node01`.
pub(super) fn hosts(_: &WorldOptions) -> Vec<String> {
    names(SINGLE)
}

/// `cp1` to `cp3` and `node01`.
pub(super) fn ha_hosts(_: &WorldOptions) -> Vec<String> {
    names(HA)
}

/// One control plane.
pub(super) fn spec(options: &WorldOptions) -> WorldSpec {
    cluster(options, &nodes(SINGLE))
}

/// Three control planes.
pub(super) fn ha_spec(options: &WorldOptions) -> WorldSpec {
    cluster(options, &nodes(HA))
}

fn cluster(options: &WorldOptions, nodes: &[Node]) -> WorldSpec {
    let pki = pki::Pki::new(options, nodes);
    let mut install = Vec::new();
    for node in nodes {
        install.extend(host_files(options, node, nodes, &pki));
    }
    let mut spec = system::spec(options, hosts_of(nodes), "root");
    spec.install.extend(install);
    spec
}

fn hosts_of(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| node.name.clone()).collect()
}

/// Whether the cluster is up: its first host says so.
pub(super) fn ready(world: &sim::World) -> bool {
    world.read_file(sim::HostId(0), kube::bootstrap::READY).is_ok()
}

const UNITS: &str = "/lib/systemd/system";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

const KUBELET_UNIT: &str = "[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
";

/// What lies on a host.
fn host_files(options: &WorldOptions, node: &Node, nodes: &[Node], pki: &pki::Pki) -> Vec<Install> {
    let host = node.name.as_str();
    let mut files = pki.files(node, nodes);
    let server = api_server(node, nodes);
    files.push(("/etc/kubernetes/kubelet.conf".to_owned(), pki.kubelet_conf(node, &server), 0o600));
    files.push(("/var/lib/kubelet/config.yaml".to_owned(), manifests::KUBELET.to_owned(), 0o644));
    files.push((format!("{UNITS}/kubelet.service"), KUBELET_UNIT.to_owned(), 0o644));
    let mut units = vec!["kubelet.service"];
    if node.control_plane {
        for (name, text) in manifests::all(options, node, nodes) {
            files.push((format!("{MANIFESTS}/{name}"), text, 0o600));
        }
    }
    if host == nodes[0].name {
        let masters: Vec<&str> =
            nodes.iter().filter(|it| it.control_plane).map(|it| it.name.as_str()).collect();
        let unit = format!(
            "[Unit]\nDescription=What kubeadm init leaves in the API server\n\
             ConditionPathExists=!{ready}\n\n[Service]\nExecStart=/usr/lib/kubeadm-bootstrap \
             {}\n\n[Install]\nWantedBy=multi-user.target\n",
            masters.join(" "),
            ready = kube::bootstrap::READY
        );
        files.push((format!("{UNITS}/kubeadm-bootstrap.service"), unit, 0o644));
        units.push("kubeadm-bootstrap.service");
    }
    for image in manifests::images(options, node) {
        let image = kube::runtime::images::find(&image).expect("the lab's own images are there");
        let (path, text) = kube::runtime::image_file(&image);
        files.push((path, text, 0o644));
    }
    let mut all: Vec<Install> = files
        .into_iter()
        .map(|(path, text, mode)| Install::file(host, &path, Bytes::from(text), mode))
        .collect();
    for unit in units {
        all.push(Install::link(host, &format!("{WANTS}/{unit}"), &format!("{UNITS}/{unit}")));
    }
    for dir in [MANIFESTS, "/etc/ca-certificates", "/usr/share/ca-certificates"] {
        all.push(Install::dir(host, dir, 0o755));
    }
    let image = |path: &str, name: &str, release: &str| {
        Install::file(host, path, sim::exe::image(name, release), 0o755)
    };
    all.push(image("/usr/bin/kubelet", "kubelet", ""));
    all.push(image("/usr/lib/kubeadm-bootstrap", "kubeadm-bootstrap", ""));
    for tool in programs::TOOLS {
        all.push(image(&format!("/usr/bin/{}", tool.name), tool.name, ""));
    }
    for name in ["etcdctl", "etcdutl"] {
        all.push(image(&format!("/usr/local/bin/{name}"), name, &options.release));
    }
    all
}

/// The API server a host speaks to: its own, or the first.
fn api_server(node: &Node, nodes: &[Node]) -> String {
    let own = if node.control_plane { node } else { &nodes[0] };
    format!("https://{}:6443", own.address)
}
