//! Replica sets: as many pods as asked for.

use std::rc::Rc;

use serde_json::{Value, json};

use super::Work;
use crate::selector::Labels;
use crate::value::{self, at, controller, holds, int, set, text};

/// How many pods are made or deleted in one go.
const BURST: usize = 100;

pub(super) async fn reconcile(work: &Work) {
    for set in work.informers.all("ReplicaSet") {
        one(work, &set).await;
    }
}

/// The pods a controller counts as its own.
pub(super) fn pods_of(work: &Work, owner: &Value) -> Vec<Rc<Value>> {
    let mut pods = work.informers.all("Pod");
    pods.retain(|pod| controller(pod).is_some_and(|(_, _, uid)| uid == value::uid(owner)));
    pods
}

/// A pod that counts: it neither ended nor is it on its way out.
pub(super) fn is_active(pod: &Value) -> bool {
    !value::is_deleted(pod) && !matches!(text(pod, "status.phase"), "Succeeded" | "Failed")
}

/// A pod made from a template, owned by what asked for it.
pub(super) fn pod_from(owner: &Value) -> Value {
    let template = at(owner, "spec.template");
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "spec": at(template, "spec").clone(),
        "metadata": {
            "generateName": format!("{}-", value::name(owner)),
            "namespace": value::namespace(owner),
            "labels": at(template, "metadata.labels").clone(),
            "ownerReferences": [value::owned_by(owner)],
        },
    });
    let annotations = at(template, "metadata.annotations");
    if annotations.is_object() {
        set(&mut pod, "metadata.annotations", annotations.clone());
    }
    pod
}

async fn adopt(work: &Work, replica_set: &Value) {
    let selector = Labels::of(at(replica_set, "spec.selector"));
    for pod in work.informers.all("Pod") {
        let orphan = value::namespace(&pod) == value::namespace(replica_set)
            && controller(&pod).is_none()
            && is_active(&pod)
            && selector.fits(&pod);
        if orphan && !selector.is_empty() {
            let mut pod = (*pod).clone();
            set(&mut pod, "metadata.ownerReferences", json!([value::owned_by(replica_set)]));
            work.update("Pod", &pod).await;
        }
    }
}

async fn one(work: &Work, replica_set: &Value) {
    if value::is_deleted(replica_set) {
        return;
    }
    adopt(work, replica_set).await;
    let selector = Labels::of(at(replica_set, "spec.selector"));
    let all = pods_of(work, replica_set);
    for pod in all.iter().filter(|pod| is_active(pod) && !selector.fits(pod)) {
        // Its labels were changed: it is let go.
        let mut pod = (**pod).clone();
        value::unset(&mut pod, "metadata.ownerReferences");
        work.update("Pod", &pod).await;
    }
    let mut active: Vec<Rc<Value>> =
        all.iter().filter(|pod| is_active(pod) && selector.fits(pod)).cloned().collect();
    let wanted =
        usize::try_from(int(replica_set, "spec.replicas").unwrap_or(1)).unwrap_or_default();
    if active.len() < wanted {
        for _ in 0..(wanted - active.len()).min(BURST) {
            let pod = pod_from(replica_set);
            let namespace = value::namespace(replica_set);
            match work.create("Pod", namespace, &pod).await {
                Ok(pod) => {
                    let message = format!("Created pod: {}", value::name(&pod));
                    work.event(replica_set, "SuccessfulCreate", &message).await;
                    active.push(Rc::new(pod));
                }
                Err(_) => break,
            }
        }
    } else if active.len() > wanted {
        // Who serves least goes first: unplaced, unready, young.
        active.sort_by_key(|pod| {
            let placed = !text(pod, "spec.nodeName").is_empty();
            let ready = holds(pod, "Ready");
            let age = std::cmp::Reverse(text(pod, "metadata.creationTimestamp").to_owned());
            (placed, ready, age, value::name(pod).to_owned())
        });
        let spare = active.len() - wanted;
        for pod in active.drain(..spare.min(BURST)) {
            work.delete("Pod", &pod).await;
            let message = format!("Deleted pod: {}", value::name(&pod));
            work.event(replica_set, "SuccessfulDelete", &message).await;
        }
    }
    let ready = active.iter().filter(|pod| holds(pod, "Ready")).count();
    let mut status = json!({"replicas": active.len(),
        "observedGeneration": at(replica_set, "metadata.generation").clone()});
    if !active.is_empty() {
        status["fullyLabeledReplicas"] = active.len().into();
    }
    if ready > 0 {
        status["readyReplicas"] = ready.into();
        status["availableReplicas"] = ready.into();
    }
    if at(replica_set, "status") != &status {
        let mut new = replica_set.clone();
        set(&mut new, "status", status);
        work.status("ReplicaSet", &new).await;
    }
}
