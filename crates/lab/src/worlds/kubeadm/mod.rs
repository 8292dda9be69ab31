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

/// A cluster to be laid out.
#[derive(Debug)]
pub(super) struct Cluster<'a> {
    pub(super) options: &'a WorldOptions,
    pub(super) nodes: &'a [Node],
    /// Where etcd serves that is not kubeadm's. Without any each control plane has a member.
    pub(super) external: &'a [String],
    /// Who sits at the terminals, and has a kubeconfig.
    pub(super) user: &'a str,
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
    let mut spec = system::spec(options, hosts_of(nodes), "root");
    let cluster = Cluster { options, nodes, external: &[], user: "root" };
    spec.install.extend(cluster.install());
    spec
}

impl Cluster<'_> {
    /// What lies on the hosts.
    pub(super) fn install(&self) -> Vec<Install> {
        let pki = pki::Pki::new(self.options);
        self.nodes.iter().flat_map(|node| self.host_files(node, &pki)).collect()
    }
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

impl Cluster<'_> {
    /// What lies on a host.
    fn host_files(&self, node: &Node, pki: &pki::Pki) -> Vec<Install> {
        let (options, nodes, host) = (self.options, self.nodes, node.name.as_str());
        let stacked = self.external.is_empty();
        let mut files = pki.files(node, nodes, stacked);
        let server = api_server(node, nodes);
        let conf = pki.kubelet_conf(node, &server);
        files.push(("/etc/kubernetes/kubelet.conf".to_owned(), conf, 0o600));
        let config = manifests::KUBELET.to_owned();
        files.push(("/var/lib/kubelet/config.yaml".to_owned(), config, 0o644));
        files.push((format!("{UNITS}/kubelet.service"), KUBELET_UNIT.to_owned(), 0o644));
        let mut units = vec!["kubelet.service"];
        if node.control_plane {
            for (name, text) in manifests::all(options, node, nodes, self.external) {
                files.push((format!("{MANIFESTS}/{name}"), text, 0o600));
            }
        }
        if host == nodes[0].name {
            files.push((
                format!("{UNITS}/kubeadm-bootstrap.service"),
                self.bootstrap_unit(),
                0o644,
            ));
            units.push("kubeadm-bootstrap.service");
        }
        for image in manifests::images(options, node, stacked) {
            let image =
                kube::runtime::images::find(&image).expect("the lab's own images are there");
            let (path, text) = kube::runtime::image_file(&image);
            files.push((path, text, 0o644));
        }
        let mut all: Vec<Install> = Vec::new();
        if node.control_plane {
            all.extend(self.kubeconfigs(host, &files));
        }
        all.extend(
            files
                .into_iter()
                .map(|(path, text, mode)| Install::file(host, &path, Bytes::from(text), mode)),
        );
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

    /// The unit that does once what `kubeadm init` does with a running API server.
    fn bootstrap_unit(&self) -> String {
        let masters = self.nodes.iter().filter(|it| it.control_plane);
        let mut words: Vec<String> = masters.map(|it| it.name.clone()).collect();
        let others = self.nodes.iter().filter(|it| !it.control_plane);
        words.extend(others.map(|it| format!("--node={}", it.name)));
        words.extend(self.external.iter().map(|url| format!("--external-etcd={url}")));
        format!(
            "[Unit]\nDescription=What kubeadm init leaves in the API server\n\
             ConditionPathExists=!{ready}\n\n[Service]\nExecStart=/usr/lib/kubeadm-bootstrap \
             {}\n\n[Install]\nWantedBy=multi-user.target\n",
            words.join(" "),
            ready = kube::bootstrap::READY
        )
    }

    /// The administrator's configuration in the homes of those who work here, as the last words
    /// of `kubeadm init` tell them to copy it.
    fn kubeconfigs(&self, host: &str, files: &[pki::File]) -> Vec<Install> {
        let admin = files.iter().find(|(path, ..)| path == "/etc/kubernetes/admin.conf");
        let (_, text, _) = admin.expect("a control plane has one");
        let config = |home: &str| {
            let path = format!("{home}/.kube/config");
            let config = Install::file(host, &path, Bytes::from(text.clone()), 0o600);
            vec![Install::dir(host, &format!("{home}/.kube"), 0o755), config]
        };
        let mut all = config("/root");
        if self.user != "root" {
            let own = config(&format!("/home/{}", self.user));
            all.extend(own.into_iter().map(|it| it.owned(system::STUDENT, system::STUDENT)));
        }
        all
    }
}

/// The API server a host speaks to: its own, or the first.
fn api_server(node: &Node, nodes: &[Node]) -> String {
    let own = if node.control_plane { node } else { &nodes[0] };
    format!("https://{}:6443", own.address)
}
