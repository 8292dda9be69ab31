//! The node itself: it makes itself known, says how it is, and renews its lease.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{Kubelet, Part};
use crate::client::{self, ApiError};
use crate::klog::log;
use crate::resources::named;
use crate::value::{self, set, set_condition};

const LEASE_US: u64 = 10_000_000;
const LEASE_S: i64 = 40;

pub(super) fn follow(kubelet: Rc<Kubelet>) -> Part {
    Box::pin(async move {
        while !register(&kubelet).await {
            kubelet.sys.sleep_us(400_000).await;
        }
        let lease = kubelet.clone();
        kubelet.spawner.spawn(async move {
            loop {
                renew(&lease).await;
                lease.sys.sleep_us(LEASE_US).await;
            }
        });
        loop {
            report(&kubelet).await;
            kubelet.sys.sleep_us(LEASE_US).await;
        }
    })
}

async fn register(kubelet: &Kubelet) -> bool {
    let Some(client) = kubelet.client() else { return true };
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": kubelet.node, "labels": {
            "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
            "kubernetes.io/hostname": kubelet.node,
        }},
        "spec": {},
    });
    describe(kubelet, &mut node);
    let text = format!("\"Attempting to register node\" node=\"{}\"", kubelet.node);
    match client.create(&named("Node").path(""), &node).await {
        Ok(_) => {
            let text = format!("\"Successfully registered node\" node=\"{}\"", kubelet.node);
            log(&kubelet.sys, 'I', "kubelet_node_status.go:78", &text).await;
            true
        }
        Err(error) if error.reason() == "AlreadyExists" => true,
        Err(error) => {
            log(&kubelet.sys, 'I', "kubelet_node_status.go:75", &text).await;
            let error = Value::from(shown(client.config().server.as_str(), &error));
            let text = format!(
                "\"Unable to register node with API server\" err={error} node=\"{}\"",
                kubelet.node
            );
            log(&kubelet.sys, 'E', "kubelet_node_status.go:107", &text).await;
            kubelet.sys.sleep_us(600_000).await;
            false
        }
    }
}

fn shown(server: &str, error: &ApiError) -> String {
    match error {
        ApiError::Status(_) => error.to_string(),
        error => format!("Post \"{server}/api/v1/nodes\": {error}"),
    }
}

/// What the node says of itself.
fn describe(kubelet: &Kubelet, node: &mut Value) {
    let now = value::time(kubelet.sys.wall_us());
    let resources = |cpu: &str, memory: &str, storage: &str| {
        json!({"cpu": cpu, "memory": memory, "pods": "110", "ephemeral-storage": storage,
            "hugepages-1Gi": "0", "hugepages-2Mi": "0"})
    };
    set(node, "status.capacity", resources(super::admit::CPUS, "4026128Ki", "19221248Ki"));
    set(node, "status.allocatable", resources(super::admit::CPUS, "3923728Ki", "17714302130"));
    set(
        node,
        "status.addresses",
        json!([
            {"type": "InternalIP", "address": kubelet.address},
            {"type": "Hostname", "address": kubelet.node},
        ]),
    );
    set(node, "status.daemonEndpoints", json!({"kubeletEndpoint": {"Port": 10250}}));
    let id = value::uuid(kubelet.node.repeat(8).as_bytes());
    set(
        node,
        "status.nodeInfo",
        json!({
            "architecture": "amd64", "bootID": id, "containerRuntimeVersion": "containerd://2.1.5",
            "kernelVersion": "6.8.0-87-generic", "kubeProxyVersion": "", "kubeletVersion": crate::VERSION,
            "machineID": id.replace('-', ""), "operatingSystem": "linux",
            "osImage": "Ubuntu 24.04.3 LTS", "systemUUID": id,
        }),
    );
    let images: Vec<Value> = crate::runtime::images_here(&kubelet.sys)
        .iter()
        .map(|image| json!({"names": [image.reference()]}))
        .collect();
    set(node, "status.images", images);
    for (kind, status, reason, message) in [
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ] {
        let condition = json!({"type": kind, "status": status, "reason": reason,
            "message": message, "lastHeartbeatTime": now});
        set_condition(node, condition, &now);
    }
}

async fn report(kubelet: &Kubelet) {
    let Some(client) = kubelet.client() else { return };
    let path = client::path(named("Node"), "", &kubelet.node);
    let mut node = match client.get(&path).await {
        Ok(node) => node,
        Err(error) if error.reason() == "NotFound" => {
            register(kubelet).await;
            return;
        }
        Err(_) => return,
    };
    let before = node.clone();
    describe(kubelet, &mut node);
    // Heartbeats are the lease's; the status is written when it has changed, or is old.
    let quiet = |node: &Value| {
        let mut node = node.clone();
        if let Some(list) = node.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
            list.iter_mut().for_each(|it| drop(value::unset(it, "lastHeartbeatTime")));
        }
        node
    };
    let beat = value::condition(&before, "Ready").map(|it| value::text(it, "lastHeartbeatTime"));
    let age_us = beat
        .and_then(value::parse_time)
        .map(|at_us| kubelet.sys.wall_us().saturating_sub(at_us))
        .unwrap_or(u64::MAX);
    if quiet(&before) != quiet(&node) || age_us >= 300_000_000 {
        // The next report says it again.
        let _ = client.update(&format!("{path}/status"), &node).await;
    }
}

async fn renew(kubelet: &Kubelet) {
    let Some(client) = kubelet.client() else { return };
    let kind = named("Lease");
    let path = client::path(kind, "kube-node-lease", &kubelet.node);
    let now = value::micro_time(kubelet.sys.wall_us());
    match client.get(&path).await {
        Ok(mut lease) => {
            set(&mut lease, "spec.renewTime", now);
            // One that fails is followed by the next.
            let _ = client.update(&path, &lease).await;
        }
        Err(error) if error.reason() == "NotFound" => {
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": kubelet.node, "namespace": "kube-node-lease"},
                "spec": {"holderIdentity": kubelet.node, "leaseDurationSeconds": LEASE_S,
                    "renewTime": now},
            });
            let _ = client.create(&kind.path("kube-node-lease"), &lease).await;
        }
        Err(error) => {
            let quoted = Value::from(error.to_string());
            let text = format!("\"Failed to update lease\" err={quoted}");
            log(&kubelet.sys, 'E', "controller.go:195", &text).await;
        }
    }
}
