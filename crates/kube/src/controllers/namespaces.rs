//! Namespaces: what every one has, and the end of one with all that is in it.

use serde_json::{Value, json};

use super::Work;
use crate::resources::KINDS;
use crate::value::{self, list, set};

/// Gives every namespace its default account and the cluster's authority.
pub(super) async fn furnish(work: &Work) {
    for space in work.informers.all("Namespace") {
        if value::is_deleted(&space) {
            continue;
        }
        let name = value::name(&space);
        if work.informers.get("ServiceAccount", &format!("{name}/default")).is_none() {
            let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": name}});
            // The namespace may be gone already.
            let _ = work.create("ServiceAccount", name, &account).await;
        }
        if work.informers.get("ConfigMap", &format!("{name}/kube-root-ca.crt")).is_none() {
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "kube-root-ca.crt", "namespace": name,
                    "annotations": {"kubernetes.io/description": "Contains a CA bundle that can be \
                        used to verify the kube-apiserver when using internal endpoints such as \
                        the internal service IP or kubernetes.default.svc. No other usage is \
                        guaranteed across distributions of Kubernetes clusters."}},
                "data": {"ca.crt": work.root_ca}});
            let _ = work.create("ConfigMap", name, &map).await;
        }
    }
}

/// Empties namespaces that are on their way out, and lets them go when they are empty.
pub(super) async fn reconcile(work: &Work) {
    for space in work.informers.all("Namespace") {
        if !value::is_deleted(&space) || list(&space, "spec.finalizers").is_empty() {
            continue;
        }
        let name = value::name(&space);
        let mut left = false;
        for kind in KINDS.iter().filter(|kind| kind.namespaced) {
            let Ok(all) = work.client.get(&kind.path(name)).await else {
                left = true;
                continue;
            };
            for item in list(&all, "items") {
                if !value::is_deleted(item) {
                    let mut item = item.clone();
                    set(&mut item, "kind", kind.kind);
                    let path = crate::client::path(kind, name, value::name(&item));
                    // What is not gone now is looked at again.
                    let _ = work.client.delete(&path, None).await;
                    work.informers.kick();
                }
                left |= kind.kind == "Pod";
            }
        }
        if left {
            continue;
        }
        let mut done = (*space).clone();
        set(&mut done, "spec.finalizers", json!([]));
        let path = format!("/api/v1/namespaces/{name}/finalize");
        let finalized: Result<Value, _> = work.client.update(&path, &done).await;
        if finalized.is_ok() {
            work.informers.drop("Namespace", name);
        }
    }
}
