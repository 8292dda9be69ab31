//! Kubernetes, small and true: the API server, the scheduler, the controllers, the kubelet and
//! the container runtime as programs of the world's hosts.
//!
//! The API server keeps its objects in the etcd it is told of and nowhere else, and every other
//! part speaks to it over the network; so what a lost quorum or a restored snapshot does to a
//! cluster happens here too.
//!
//! Not here: `kubectl` and `crictl` (`lab`), what lies on a host of which world (`lab::worlds`).
mod apiserver;
pub mod bootstrap;
pub mod client;
mod controllers;
mod elect;
pub mod etcd3;
pub mod flags;
mod identity;
mod informer;
pub mod klog;
mod kubelet;
pub mod patch;
pub mod resources;
pub mod runtime;
mod scheduler;
pub mod selector;
pub mod tasks;
pub mod value;
mod workload;
pub mod yaml;

pub use kubelet::static_pod;
use serde_json::{Value, json};

/// The release of Kubernetes the lab runs.
pub const VERSION: &str = "v1.36.4";

/// What `/version` answers.
pub fn version_info() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35", "gitVersion": VERSION,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "2026-11-12T00:00:00Z",
        "goVersion": "go1.26.3", "compiler": "gc", "platform": "linux/amd64",
    })
}

/// The address of the host a process runs on, as its `/etc/hosts` says.
pub fn own_address(sys: &sim::Sys) -> String {
    let hosts = sys.read_file("/etc/hosts").unwrap_or_default();
    let hosts = String::from_utf8_lossy(&hosts).into_owned();
    let name = sys.hostname();
    let line = hosts.lines().find(|line| line.split_whitespace().skip(1).any(|it| it == name));
    line.and_then(|line| line.split_whitespace().next()).unwrap_or("127.0.0.1").to_owned()
}

/// The programs of this crate, sorted by name. `kubelet` is installed on hosts, the
/// others come with images.
pub static PROGRAMS: &[sim::ProgramEntry] = &[
    sim::ProgramEntry { name: "coredns", run: workload::coredns },
    sim::ProgramEntry { name: "kube-apiserver", run: apiserver::program },
    sim::ProgramEntry { name: "kube-controller-manager", run: controllers::program },
    sim::ProgramEntry { name: "kube-proxy", run: workload::proxy },
    sim::ProgramEntry { name: "kube-scheduler", run: scheduler::program },
    sim::ProgramEntry { name: "kubeadm-bootstrap", run: bootstrap::program },
    sim::ProgramEntry { name: "kubelet", run: kubelet::program },
    sim::ProgramEntry { name: "pause", run: workload::pause },
    sim::ProgramEntry { name: "workload", run: workload::server },
];
