//! The worlds `kubeadm` and `kubeadm-ha` as somebody uses them who follows a guide: typed line
//! by line through `quorum exec`, with the state checked in which they end.
#![cfg(feature = "k8s")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    missing_docs,
    reason = "these tests run a program of the real machine, and fail where they unwrap"
)]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

const CERTS: &str = "--cacert=/etc/kubernetes/pki/etcd/ca.crt \
     --cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key";

/// What each line came to: exit code, standard output, standard error.
fn play(world: &str, lines: &str) -> Vec<(i64, String, String)> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quorum"))
        .args(["exec", "--json", "--world", world])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines.replace("CERTS", CERTS);
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (row["exit"].as_i64().unwrap(), text("stdout"), text("stderr"))
    };
    stdout.lines().map(row).collect()
}

#[test]
fn a_deployment_runs_and_lies_in_etcd() {
    let rows = play(
        "kubeadm",
        "kubectl create deployment web --image=nginx --replicas=3\n\
         kubectl rollout status deployment web\n\
         kubectl get pods -l app=web -o jsonpath='{.items[*].status.phase}'\n\
         etcdctl CERTS get /registry/deployments/default/web --print-value-only\n\
         kubectl scale deployment web --replicas=1\n\
         sleep 40\n\
         kubectl get pods -l app=web --no-headers\n",
    );
    assert_eq!(rows[0].1, "deployment.apps/web created\n");
    assert!(rows[1].1.ends_with("deployment \"web\" successfully rolled out\n"), "{}", rows[1].1);
    assert_eq!(rows[2].1, "Running Running Running");
    assert!(rows[3].1.starts_with("{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\","));
    assert_eq!(rows[6].1.lines().count(), 1, "{}", rows[6].1);
}

#[test]
fn a_snapshot_restored_under_the_static_pod_brings_a_namespace_back() {
    let rows = play(
        "kubeadm",
        "kubectl create namespace shop\n\
         etcdctl CERTS snapshot save /opt/backup.db\n\
         kubectl delete namespace shop\n\
         kubectl get namespace shop\n\
         etcdutl snapshot restore /opt/backup.db --data-dir /var/lib/etcd-restored\n\
         sed -i 's#path: /var/lib/etcd$#path: /var/lib/etcd-restored#' \
         /etc/kubernetes/manifests/etcd.yaml\n\
         sleep 60\n\
         kubectl get namespace shop -o name\n",
    );
    assert_eq!(rows[3].2, "Error from server (NotFound): namespaces \"shop\" not found\n");
    assert_eq!(rows[7].1, "namespace/shop\n", "{}", rows[7].2);
}

#[test]
fn a_wrong_certificate_path_is_found_in_the_container_s_log() {
    let rows = play(
        "kubeadm",
        "sed -i 's/apiserver-etcd-client.crt/nope.crt/' \
         /etc/kubernetes/manifests/kube-apiserver.yaml\n\
         sleep 40\n\
         kubectl get pods\n\
         crictl logs $(crictl ps -aq --name kube-apiserver | head -n 1)\n\
         sed -i 's/nope.crt/apiserver-etcd-client.crt/' \
         /etc/kubernetes/manifests/kube-apiserver.yaml\n\
         sleep 60\n\
         kubectl get nodes -o name\n",
    );
    let refused = "The connection to the server 10.0.0.1:6443 was refused - did you specify the \
                   right host or port?\n";
    assert!(rows[2].2.ends_with(refused), "{}", rows[2].2);
    assert!(rows[3].2.contains("open /etc/kubernetes/pki/nope.crt: no such file or directory"));
    assert_eq!(rows[6].1, "node/controlplane\nnode/node01\n", "{}", rows[6].2);
}

#[test]
fn a_backup_left_among_the_manifests_is_a_pod_too() {
    let rows = play(
        "kubeadm",
        "cp /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes/manifests/etcd.yaml.bak\n\
         sleep 5\n\
         crictl ps -q --name etcd\n\
         rm /etc/kubernetes/manifests/etcd.yaml\n\
         sleep 60\n\
         crictl ps -q --name etcd\n",
    );
    // Of two files with one pod the first runs; when it goes, the backup comes up.
    assert_eq!(rows[2].1.lines().count(), 1, "{}", rows[2].1);
    assert_eq!(rows[5].1.lines().count(), 1, "{}", rows[5].1);
    assert_ne!(rows[2].1, rows[5].1);
}

#[test]
fn three_control_planes_hold_one_cluster() {
    let rows = play(
        "kubeadm-ha",
        "etcdctl CERTS member list\nkubectl get nodes -o name\nkubectl get leases -A -o name\n",
    );
    assert_eq!(rows[0].1.matches("started").count(), 3, "{}", rows[0].1);
    assert_eq!(rows[1].1.lines().count(), 4);
}
