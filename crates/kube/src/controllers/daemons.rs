//! Daemon sets: one pod on every node that takes it.

use serde_json::{Value, json};

use super::Work;
use super::replicas::{is_active, pod_from, pods_of};
use crate::scheduler::tolerates;
use crate::value::{self, at, holds, list, set, text};

pub(super) async fn reconcile(work: &Work) {
    for daemon in work.informers.all("DaemonSet") {
        if !value::is_deleted(&daemon) {
            one(work, &daemon).await;
        }
    }
}

fn takes(daemon: &Value, node: &Value) -> bool {
    let template = at(daemon, "spec.template");
    let tolerations = list(template, "spec.tolerations");
    list(node, "spec.taints").iter().all(|taint| {
        text(taint, "effect") == "PreferNoSchedule"
            || text(taint, "key").starts_with("node.kubernetes.io/")
            || tolerations.iter().any(|it| tolerates(it, taint))
    })
}

async fn one(work: &Work, daemon: &Value) {
    let pods = pods_of(work, daemon);
    let hash = value::template_hash(at(daemon, "spec.template"));
    let mut nodes = work.informers.all("Node");
    nodes.retain(|node| takes(daemon, node));
    let (mut current, mut ready, mut updated) = (0, 0, 0);
    for node in &nodes {
        let name = value::name(node);
        let pod = pods.iter().find(|pod| is_active(pod) && text(pod, "spec.nodeName") == name);
        match pod {
            Some(pod) => {
                current += 1;
                ready += i64::from(holds(pod, "Ready"));
                let fresh = value::label(pod, "controller-revision-hash") == Some(&hash);
                updated += i64::from(fresh);
                if !fresh && holds(pod, "Ready") {
                    work.delete("Pod", pod).await;
                }
            }
            None => {
                let mut pod = pod_from(daemon);
                set(&mut pod, "spec.nodeName", name);
                value::object_mut(&mut pod, "metadata.labels")
                    .insert("controller-revision-hash".to_owned(), hash.clone().into());
                let all = json!([{"operator": "Exists"}]);
                set(&mut pod, "spec.tolerations", all);
                if let Ok(pod) = work.create("Pod", value::namespace(daemon), &pod).await {
                    let message = format!("Created pod: {}", value::name(&pod));
                    work.event(daemon, "SuccessfulCreate", &message).await;
                }
            }
        }
    }
    for pod in pods.iter().filter(|pod| is_active(pod)) {
        let node = text(pod, "spec.nodeName");
        if !nodes.iter().any(|it| value::name(it) == node) {
            work.delete("Pod", pod).await;
        }
    }
    let status = json!({
        "currentNumberScheduled": current, "desiredNumberScheduled": nodes.len(),
        "numberAvailable": ready, "numberMisscheduled": 0, "numberReady": ready,
        "updatedNumberScheduled": updated,
        "observedGeneration": at(daemon, "metadata.generation").clone(),
    });
    if at(daemon, "status") != &status {
        let mut new = daemon.clone();
        set(&mut new, "status", status);
        work.status("DaemonSet", &new).await;
    }
}
