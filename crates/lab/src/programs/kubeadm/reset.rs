//! `kubeadm reset`: what `kubeadm init` or `join` put on a host goes, and its member leaves etcd.

use etcd::pb;
use etcd::rpc::{Answer, Op};
use kube::client::{Client, Kubeconfig};
use kube::etcd3::{Etcd, EtcdConfig, shown};
use kube::tasks::Spawner;
use kube::value::{annotation, list, text};
use kube::yaml;
use serde_json::Value;
use sim::{Fd, SpawnSpec};

use super::{DIR, Kubeadm};

const CALL_US: u64 = 5_000_000;

impl Kubeadm {
    /// Takes a host out of its cluster: what `kubeadm init` or `join` put on it goes.
    pub(super) async fn reset(&self, flags: &[&str]) -> Result<(), String> {
        let Self(sys) = self;
        if !sys.cred().is_root() {
            return Err("error execution phase preflight: [preflight] Some fatal errors \
                 occurred:\n\t[ERROR IsPrivilegedUser]: user is not running as root\n[preflight] If \
                 you know what you are doing, you can make a check non-fatal with \
                 `--ignore-preflight-errors=...`"
                .to_owned());
        }
        self.settings("reset").await;
        if !flags.iter().any(|it| matches!(*it, "-f" | "--force")) {
            sys.print(
                "[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will \
                 be reverted.\n[reset] Are you sure you want to proceed? [y/N]: ",
            )
            .await;
            let answer = sys.read(Fd::STDIN, 64).await.unwrap_or_default();
            if !matches!(String::from_utf8_lossy(&answer).trim(), "y" | "Y") {
                return Err("error execution phase preflight: aborted reset operation".to_owned());
            }
        }
        sys.print("[preflight] Running pre-flight checks\n").await;
        self.leave_etcd().await;
        sys.print("[reset] Stopping the kubelet service\n").await;
        let stop = SpawnSpec::new("/usr/bin/systemctl", &["systemctl", "stop", "kubelet"]);
        if let Ok(pid) = sys.spawn(stop) {
            sys.wait(pid).await;
        }
        for record in kube::runtime::containers(sys) {
            kube::runtime::stop(sys, text(&record, "id"), 10_000_000).await;
            kube::runtime::remove(sys, text(&record, "id"));
        }
        for record in kube::runtime::sandboxes(sys) {
            kube::runtime::remove_sandbox(sys, text(&record, "id"));
        }
        let dirs = ["/etc/kubernetes/manifests", "/var/lib/kubelet", "/etc/kubernetes/pki"];
        let files = [
            "admin.conf",
            "super-admin.conf",
            "kubelet.conf",
            "bootstrap-kubelet.conf",
            "controller-manager.conf",
            "scheduler.conf",
        ]
        .map(|name| format!("{DIR}/{name}"));
        sys.print(&format!(
            "[reset] Unmounting mounted directories in \"/var/lib/kubelet\"\n[reset] Deleting \
             contents of directories: [{}]\n[reset] Deleting files: [{}]\n",
            dirs.join(" "),
            files.join(" ")
        ))
        .await;
        for dir in dirs {
            self.empty(dir);
        }
        for file in files {
            // Some were never there.
            let _ = sys.remove_file(&file);
        }
        sys.print(
            "\nThe reset process does not perform cleanup of CNI plugin configuration,\nnetwork \
             filtering rules and kubeconfig files.\n\nFor information on how to perform this \
             cleanup manually, please see:\n    \
             https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/\n\n",
        )
        .await;
        Ok(())
    }

    /// Takes this host's member out of etcd, and empties its directory.
    async fn leave_etcd(&self) {
        let Self(sys) = self;
        let Ok(manifest) = self.read("manifests/etcd.yaml") else { return };
        let manifest = yaml::parse(&String::from_utf8_lossy(&manifest)).unwrap_or_default();
        let volumes = list(&manifest, "spec.volumes").iter();
        let dir = volumes
            .filter(|it| text(it, "name") == "etcd-data")
            .map(|it| text(it, "hostPath.path").to_owned())
            .next()
            .unwrap_or_else(|| "/var/lib/etcd".to_owned());
        let own = list(&manifest, "spec.containers.0.command")
            .iter()
            .filter_map(Value::as_str)
            .find_map(|word| word.strip_prefix("--initial-advertise-peer-urls="));
        // Without an API server or without quorum the member stays in the list, as in life.
        if let Err(why) = self.remove_member(own.unwrap_or_default()).await {
            let stamp = kube::klog::stamp(sys.wall_us());
            let text = format!(
                "W{stamp} {:>7} removeetcdmember.go:106] [reset] Failed to remove etcd member: \
                 {why}, please manually remove this etcd member using etcdctl\n",
                sys.pid().0
            );
            sys.eprint(&text).await;
        }
        sys.print(&format!("[reset] Deleted contents of the etcd data directory: {dir}\n")).await;
        self.empty(&dir);
    }

    fn empty(&self, dir: &str) {
        let Self(sys) = self;
        for name in sys.read_dir(dir).unwrap_or_default() {
            kube::runtime::remove_all(sys, &format!("{dir}/{name}"));
        }
    }

    /// Asks the other members to go on without this host's.
    async fn remove_member(&self, own: &str) -> Result<(), String> {
        let Self(sys) = self;
        let config = Kubeconfig::load(sys, &format!("{DIR}/admin.conf"), None)?;
        let client = Client::new(sys, config, "kubeadm");
        let path = "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Detcd";
        let pods = client.get(path).await.map_err(|error| error.to_string())?;
        let note = "kubeadm.kubernetes.io/etcd.advertise-client-urls";
        let servers = list(&pods, "items").iter().filter_map(|pod| annotation(pod, note));
        let host = own.rsplit_once(':').map_or(own, |(host, _)| host);
        let servers: Vec<String> =
            servers.filter(|url| !url.starts_with(host)).map(str::to_owned).collect();
        if servers.is_empty() {
            sys.print(
                "[etcd] This is the only remaining etcd member in the etcd cluster, skip removing \
                 it\n",
            )
            .await;
            return Ok(());
        }
        let pki = format!("{DIR}/pki/etcd");
        let config = EtcdConfig {
            servers,
            ca_file: format!("{pki}/ca.crt"),
            cert_file: format!("{pki}/healthcheck-client.crt"),
            key_file: format!("{pki}/healthcheck-client.key"),
        };
        let spawner = Spawner::new();
        let etcd = Etcd::new(sys, &spawner, config);
        spawner.run(remove(&etcd, own)).await
    }
}

/// Removes the member with this peer URL.
async fn remove(etcd: &Etcd, own: &str) -> Result<(), String> {
    let asked = Op::MemberList(pb::MemberListRequest { linearizable: true });
    let members = match etcd.call(asked, CALL_US).await.map_err(|status| shown(&status))? {
        Answer::Members(answer) => answer.members,
        _ => Vec::new(),
    };
    let member = members.iter().find(|it| it.peer_urls.iter().any(|url| url == own));
    let Some(member) = member else { return Ok(()) };
    let remove = Op::MemberRemove(pb::MemberRemoveRequest { id: member.id });
    etcd.call(remove, CALL_US).await.map(|_| ()).map_err(|status| shown(&status))
}
