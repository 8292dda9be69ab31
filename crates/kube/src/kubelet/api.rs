//! What the API server says: which pods are this host's. And mirror pods: what the API server
//! is shown of the pods of the manifest folder.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{Kubelet, Part, Source};
use crate::client::escape;
use crate::resources::named;
use crate::value::{self, annotation, at, int, list, set, text};

const MIRROR: &str = "kubernetes.io/config.mirror";

pub(super) fn follow(kubelet: Rc<Kubelet>) -> Part {
    Box::pin(async move {
        let mirror = kubelet.clone();
        kubelet.spawner.spawn(async move {
            loop {
                mirror_all(&mirror).await;
                mirror.sys.sleep_us(1_000_000).await;
            }
        });
        loop {
            watch(&kubelet).await;
            kubelet.sys.sleep_us(1_000_000).await;
        }
    })
}

async fn watch(kubelet: &Rc<Kubelet>) {
    let Some(client) = kubelet.client() else { return };
    let path = named("Pod").path("");
    let select = format!("fieldSelector={}", escape(&format!("spec.nodeName={}", kubelet.node)));
    let Ok(pods) = client.get(&format!("{path}?{select}&resourceVersion=0")).await else { return };
    let mut seen = Vec::new();
    kubelet.mirrors.borrow_mut().clear();
    for pod in list(&pods, "items") {
        let mut pod = pod.clone();
        set(&mut pod, "kind", "Pod");
        set(&mut pod, "apiVersion", "v1");
        seen.push(value::uid(&pod).to_owned());
        take(kubelet, pod);
    }
    let gone: Vec<String> = kubelet
        .pods
        .borrow()
        .values()
        .filter(|pod| pod.source == Source::Api && !seen.contains(&pod.uid))
        .map(|pod| pod.uid.clone())
        .collect();
    for uid in gone {
        kubelet.leave(&uid, 1_000_000);
    }
    kubelet.heard.set(true);
    let revision = text(&pods, "metadata.resourceVersion");
    let path = format!("{path}?{select}&watch=true&resourceVersion={revision}&timeoutSeconds=480");
    let Ok(mut watch) = client.watch(&path).await else { return };
    while let Some((kind, pod)) = watch.next().await {
        match kind.as_str() {
            "ADDED" | "MODIFIED" => take(kubelet, pod),
            "DELETED" => {
                kubelet.mirrors.borrow_mut().remove(&value::key(&pod));
                kubelet.leave(value::uid(&pod), 0);
            }
            _ => return,
        }
        kubelet.spawner.kick();
    }
}

fn take(kubelet: &Rc<Kubelet>, pod: Value) {
    if annotation(&pod, MIRROR).is_some() {
        kubelet.mirrors.borrow_mut().insert(value::key(&pod), pod);
        return;
    }
    let uid = value::uid(&pod).to_owned();
    if matches!(text(&pod, "status.phase"), "Succeeded" | "Failed")
        && !value::is_deleted(&pod)
        && !kubelet.pods.borrow().contains_key(&uid)
    {
        return;
    }
    let leaving = value::is_deleted(&pod);
    let grace = int(&pod, "metadata.deletionGracePeriodSeconds").unwrap_or_default();
    kubelet.take(pod, Source::Api);
    if leaving {
        kubelet.leave(&uid, u64::try_from(grace).unwrap_or_default() * 1_000_000);
    }
}

/// Shows the API server what runs by files, and takes back what does no longer.
async fn mirror_all(kubelet: &Rc<Kubelet>) {
    let Some(client) = kubelet.client() else { return };
    if !kubelet.heard.get() {
        return;
    }
    let pods: Vec<Value> = {
        let pods = kubelet.pods.borrow();
        let ours = pods
            .values()
            .filter(|pod| pod.source == Source::File && pod.leaving_us.get().is_none());
        let may = |pod: &&Rc<super::Pod>| {
            let full = value::key(&pod.object.borrow());
            kubelet.started.borrow().get(&full) == Some(&pod.uid)
        };
        ours.filter(may).map(|pod| pod.object.borrow().clone()).collect()
    };
    let mirrors = kubelet.mirrors.borrow().clone();
    for (full, mirror) in &mirrors {
        let same = |pod: &Value| {
            value::key(pod) == *full && annotation(mirror, MIRROR) == Some(value::uid(pod))
        };
        if !pods.iter().any(same) || value::is_deleted(mirror) {
            let options =
                json!({"gracePeriodSeconds": 0, "preconditions": {"uid": value::uid(mirror)}});
            if client.delete(&kubelet.pod_path(mirror), Some(&options)).await.is_ok() {
                kubelet.mirrors.borrow_mut().remove(full);
            }
        }
    }
    for pod in pods {
        if kubelet.mirrors.borrow().contains_key(&value::key(&pod)) {
            continue;
        }
        let mut mirror = pod.clone();
        let hash = value::uid(&pod).to_owned();
        value::object_mut(&mut mirror, "metadata.annotations")
            .insert(MIRROR.to_owned(), hash.into());
        value::unset(&mut mirror, "metadata.uid");
        value::unset(&mut mirror, "metadata.creationTimestamp");
        value::unset(&mut mirror, "status");
        if let Ok(node) = client.get(&format!("{}/{}", named("Node").path(""), kubelet.node)).await
        {
            let owner = json!([{"apiVersion": "v1", "controller": true, "kind": "Node",
                "name": kubelet.node, "uid": at(&node, "metadata.uid")}]);
            set(&mut mirror, "metadata.ownerReferences", owner);
        }
        let path = named("Pod").path(value::namespace(&pod));
        if let Ok(made) = client.create(&path, &mirror).await {
            kubelet.mirrors.borrow_mut().insert(value::key(&pod), made);
            kubelet.spawner.kick();
        }
    }
}
