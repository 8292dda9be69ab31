//! Deployments: one replica set for each template, and a rolling change from one to the next.

use std::rc::Rc;

use serde_json::{Value, json};

use super::Work;
use crate::value::{
    self, annotation, at, controller, int, object_mut, set, set_condition, text, yes,
};

const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH: &str = "pod-template-hash";

pub(super) async fn reconcile(work: &Work) {
    for deployment in work.informers.all("Deployment") {
        if !value::is_deleted(&deployment) {
            one(work, &deployment).await;
        }
    }
}

fn replicas(object: &Value) -> i64 {
    int(object, "spec.replicas").unwrap_or_default()
}

fn revision(object: &Value) -> i64 {
    annotation(object, REVISION).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// A number or a share such as `25%` of the replicas.
fn share(value: &Value, total: i64, up: bool) -> i64 {
    match value {
        Value::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or_default();
            let product = percent * total;
            if up { (product + 99) / 100 } else { product / 100 }
        }
        value => value.as_i64().unwrap_or_default(),
    }
}

/// The template without the mark of its replica set.
fn plain_template(replica_set: &Value) -> Value {
    let mut template = at(replica_set, "spec.template").clone();
    object_mut(&mut template, "metadata.labels").remove(HASH);
    template
}

fn new_set(deployment: &Value, number: i64, count: i64) -> Value {
    let hash = value::template_hash(at(deployment, "spec.template"));
    let mut template = at(deployment, "spec.template").clone();
    object_mut(&mut template, "metadata.labels").insert(HASH.to_owned(), hash.clone().into());
    let mut selector = at(deployment, "spec.selector").clone();
    object_mut(&mut selector, "matchLabels").insert(HASH.to_owned(), hash.clone().into());
    let surge =
        share(at(deployment, "spec.strategy.rollingUpdate.maxSurge"), replicas(deployment), true);
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", value::name(deployment)),
            "namespace": value::namespace(deployment),
            "labels": at(&template, "metadata.labels").clone(),
            "annotations": {REVISION: number.to_string(),
                "deployment.kubernetes.io/desired-replicas": replicas(deployment).to_string(),
                "deployment.kubernetes.io/max-replicas": (replicas(deployment) + surge).to_string()},
            "ownerReferences": [value::owned_by(deployment)],
        },
        "spec": {"replicas": count, "selector": selector, "template": template},
    })
}

async fn one(work: &Work, deployment: &Value) {
    let mut sets = work.informers.all("ReplicaSet");
    sets.retain(|it| controller(it).is_some_and(|(_, _, uid)| uid == value::uid(deployment)));
    sets.sort_by_key(|it| revision(it));
    let template = at(deployment, "spec.template");
    let current = sets.iter().find(|it| plain_template(it) == *template).cloned();
    let last = sets.iter().map(|it| revision(it)).max().unwrap_or_default();
    let old: Vec<Rc<Value>> = sets
        .iter()
        .filter(|it| current.as_ref().is_none_or(|new| value::uid(new) != value::uid(it)))
        .cloned()
        .collect();
    let paused = yes(deployment, "spec.paused");
    let current = match current {
        Some(current) => {
            let older = old.iter().any(|it| revision(it) > revision(&current));
            if older && !paused {
                // A template that comes back is the newest once more.
                let mut current = (*current).clone();
                object_mut(&mut current, "metadata.annotations")
                    .insert(REVISION.to_owned(), (last + 1).to_string().into());
                work.update("ReplicaSet", &current).await;
            }
            Some(current)
        }
        None if paused => None,
        None => {
            let begun = if old.is_empty() { replicas(deployment) } else { 0 };
            let set = new_set(deployment, last + 1, begun);
            let made = work.create("ReplicaSet", value::namespace(deployment), &set).await.ok();
            if let Some(made) = &made
                && begun > 0
            {
                scaled(work, deployment, made, 0, begun).await;
            }
            made.map(Rc::new)
        }
    };
    if let Some(current) = &current {
        if !paused {
            roll(work, deployment, current, &old).await;
        }
        clean(work, deployment, &old).await;
    }
    status(work, deployment, current.as_deref(), &old).await;
}

async fn scaled(work: &Work, deployment: &Value, set: &Value, from: i64, to: i64) {
    let way = if to > from { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {} from {from} to {to}", value::name(set));
    work.event(deployment, "ScalingReplicaSet", &message).await;
}

async fn scale(work: &Work, deployment: &Value, replica_set: &Value, to: i64) {
    let from = replicas(replica_set);
    if from == to {
        return;
    }
    let mut new = replica_set.clone();
    set(&mut new, "spec.replicas", to);
    object_mut(&mut new, "metadata.annotations").insert(
        "deployment.kubernetes.io/desired-replicas".to_owned(),
        replicas(deployment).to_string().into(),
    );
    work.update("ReplicaSet", &new).await;
    scaled(work, deployment, replica_set, from, to).await;
}

/// One step from the old sets to the new one, within surge and unavailability.
async fn roll(work: &Work, deployment: &Value, current: &Value, old: &[Rc<Value>]) {
    let wanted = replicas(deployment);
    let old: Vec<&Rc<Value>> = old.iter().filter(|it| replicas(it) > 0).collect();
    if text(deployment, "spec.strategy.type") == "Recreate" {
        for set in &old {
            scale(work, deployment, set, 0).await;
        }
        let lives = old.iter().any(|it| int(it, "status.replicas").unwrap_or_default() > 0);
        if !lives {
            scale(work, deployment, current, wanted).await;
        }
        return;
    }
    if old.is_empty() {
        scale(work, deployment, current, wanted).await;
        return;
    }
    let rolling = "spec.strategy.rollingUpdate";
    let surge = share(at(deployment, &format!("{rolling}.maxSurge")), wanted, true);
    let mut gap = share(at(deployment, &format!("{rolling}.maxUnavailable")), wanted, false);
    if surge == 0 && gap == 0 {
        gap = 1;
    }
    let total: i64 = replicas(current) + old.iter().map(|it| replicas(it)).sum::<i64>();
    let room = (wanted + surge - total).min(wanted - replicas(current));
    if room > 0 {
        scale(work, deployment, current, replicas(current) + room).await;
        return;
    }
    if replicas(current) > wanted {
        scale(work, deployment, current, wanted).await;
        return;
    }
    let ready = |it: &Value| int(it, "status.availableReplicas").unwrap_or_default();
    let unready_new = replicas(current) - ready(current);
    let mut spare = total - (wanted - gap) - unready_new;
    // Old pods that do not serve are of no use to anybody.
    for set in &old {
        let broken = (replicas(set) - ready(set)).min(spare).max(0);
        if broken > 0 {
            scale(work, deployment, set, replicas(set) - broken).await;
            return;
        }
    }
    let serving: i64 = ready(current) + old.iter().map(|it| ready(it)).sum::<i64>();
    spare = spare.min(serving - (wanted - gap));
    for set in &old {
        let less = replicas(set).min(spare).max(0);
        if less > 0 {
            scale(work, deployment, set, replicas(set) - less).await;
            spare -= less;
        }
    }
}

/// Old sets without pods are kept only up to the limit.
async fn clean(work: &Work, deployment: &Value, old: &[Rc<Value>]) {
    let limit = int(deployment, "spec.revisionHistoryLimit").unwrap_or(10);
    let empty: Vec<&Rc<Value>> = old
        .iter()
        .filter(|it| replicas(it) == 0 && int(it, "status.replicas").unwrap_or_default() == 0)
        .collect();
    let spare = empty.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for set in empty.into_iter().take(spare) {
        work.delete("ReplicaSet", set).await;
    }
}

async fn status(work: &Work, deployment: &Value, current: Option<&Value>, old: &[Rc<Value>]) {
    let all = || current.into_iter().chain(old.iter().map(|it| &**it));
    let sum = |path: &str| all().map(|it| int(it, path).unwrap_or_default()).sum::<i64>();
    let (total, ready) = (sum("status.replicas"), sum("status.readyReplicas"));
    let available = sum("status.availableReplicas");
    let updated =
        current.map(|it| int(it, "status.replicas").unwrap_or_default()).unwrap_or_default();
    let wanted = replicas(deployment);
    let mut new = deployment.clone();
    if let Some(current) = current {
        let number = revision(current).max(1).to_string();
        if annotation(deployment, REVISION) != Some(&number) {
            object_mut(&mut new, "metadata.annotations").insert(REVISION.to_owned(), number.into());
            work.update("Deployment", &new).await;
            return;
        }
    }
    let mut status = json!({"observedGeneration": at(deployment, "metadata.generation").clone(),
        "conditions": at(deployment, "status.conditions").clone()});
    for (name, count) in [
        ("replicas", total),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", available),
        ("unavailableReplicas", (wanted.max(total) - available).max(0)),
    ] {
        if count > 0 {
            status[name] = count.into();
        }
    }
    let gap = share(at(deployment, "spec.strategy.rollingUpdate.maxUnavailable"), wanted, false);
    let now = work.now();
    let mut holder = json!({"status": status});
    let enough = available >= wanted - gap;
    let condition = if enough {
        json!({"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.", "lastUpdateTime": now})
    } else {
        json!({"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
            "message": "Deployment does not have minimum availability.", "lastUpdateTime": now})
    };
    keep_or_set(&mut holder, condition, &now);
    if let Some(current) = current {
        let complete = updated == wanted && total == wanted && available == wanted;
        let name = value::name(current);
        let condition = if complete {
            json!({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                "message": format!("ReplicaSet \"{name}\" has successfully progressed."),
                "lastUpdateTime": now})
        } else {
            progressing(work, deployment, &holder, name, &now)
        };
        keep_or_set(&mut holder, condition, &now);
    }
    if at(deployment, "status") != at(&holder, "status") {
        set(&mut new, "status", at(&holder, "status").clone());
        work.status("Deployment", &new).await;
    }
}

/// A rollout that makes no progress for too long has failed.
fn progressing(work: &Work, deployment: &Value, holder: &Value, name: &str, now: &str) -> Value {
    let deadline = int(deployment, "spec.progressDeadlineSeconds").unwrap_or(600);
    let deadline_us = u64::try_from(deadline).unwrap_or_default() * 1_000_000;
    let counts = |value: &Value| {
        ["updatedReplicas", "readyReplicas", "availableReplicas", "replicas"]
            .map(|field| int(value, &format!("status.{field}")).unwrap_or_default())
    };
    let moved = counts(deployment) != counts(holder)
        || int(deployment, "status.observedGeneration") != int(holder, "status.observedGeneration");
    let before = value::condition(holder, "Progressing");
    let since = before.and_then(|it| value::parse_time(text(it, "lastUpdateTime")));
    let late = since.is_some_and(|at_us| work.sys.wall_us() > at_us + deadline_us);
    match before {
        Some(before) if !moved && text(before, "reason") != "NewReplicaSetAvailable" => {
            if late && text(before, "status") == "True" {
                return json!({"type": "Progressing", "status": "False",
                    "reason": "ProgressDeadlineExceeded", "lastUpdateTime": now,
                    "message": format!("ReplicaSet \"{name}\" has timed out progressing.")});
            }
            before.clone()
        }
        _ => json!({"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
            "message": format!("ReplicaSet \"{name}\" is progressing."), "lastUpdateTime": now}),
    }
}

/// Sets a condition unless it says the same already.
fn keep_or_set(holder: &mut Value, condition: Value, now: &str) {
    let same = value::condition(holder, text(&condition, "type")).is_some_and(|old| {
        ["status", "reason", "message"].iter().all(|field| at(old, field) == at(&condition, field))
            && text(&condition, "reason") != "ReplicaSetUpdated"
    });
    if !same && value::condition(holder, text(&condition, "type")) != Some(&condition) {
        set_condition(holder, condition, now);
    }
}
