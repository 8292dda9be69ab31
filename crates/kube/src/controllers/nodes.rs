//! Nodes: one that is silent is not ready, and later its pods go elsewhere.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Work;
use crate::scheduler::tolerates;
use crate::value::{self, at, condition, int, list, set, set_condition, text, yes};

/// `--node-monitor-grace-period`.
const GRACE_US: u64 = 40_000_000;
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// When each node was last heard, by this process's own clock.
#[derive(Debug, Default)]
pub(super) struct Watched {
    heard: BTreeMap<String, (String, u64)>,
}

pub(super) async fn reconcile(work: &Work, watched: &mut Watched) {
    let now_us = work.sys.mono_us();
    let nodes = work.informers.all("Node");
    watched.heard.retain(|name, _| nodes.iter().any(|node| value::name(node) == name));
    for node in &nodes {
        let name = value::name(node);
        let lease = work.informers.get("Lease", &format!("kube-node-lease/{name}"));
        let renewed = lease.map(|it| text(&it, "spec.renewTime").to_owned()).unwrap_or_default();
        let entry = watched.heard.entry(name.to_owned()).or_insert((renewed.clone(), now_us));
        if entry.0 != renewed {
            *entry = (renewed, now_us);
        }
        let silent = now_us.saturating_sub(entry.1) > GRACE_US;
        if at(node, "spec.podCIDR").is_null() {
            give_range(work, node, &nodes).await;
            continue;
        }
        let state = condition(node, "Ready").map(|it| text(it, "status").to_owned());
        if silent && state.as_deref() != Some("Unknown") {
            lost(work, node).await;
        }
        let state = if silent { Some("Unknown".to_owned()) } else { state };
        taint(work, node, state.as_deref().unwrap_or("Unknown")).await;
    }
    evict(work).await;
}

async fn give_range(work: &Work, node: &Value, nodes: &[std::rc::Rc<Value>]) {
    let addresses = list(node, "status.addresses");
    let own = addresses.iter().find(|it| text(it, "type") == "InternalIP");
    let last = own.and_then(|it| text(it, "address").rsplit('.').next()?.parse::<usize>().ok());
    let range = format!("10.244.{}.0/24", last.unwrap_or(nodes.len()).saturating_sub(1));
    let mut new = node.clone();
    set(&mut new, "spec.podCIDR", range.as_str());
    set(&mut new, "spec.podCIDRs", json!([range]));
    work.update("Node", &new).await;
}

async fn lost(work: &Work, node: &Value) {
    let now = work.now();
    let mut new = node.clone();
    for kind in ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"] {
        let beat = condition(node, kind).map(|it| at(it, "lastHeartbeatTime").clone());
        let unknown = json!({"type": kind, "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
            "lastHeartbeatTime": beat.unwrap_or_default()});
        set_condition(&mut new, unknown, &now);
    }
    work.status("Node", &new).await;
    let name = value::name(node);
    work.event(node, "NodeNotReady", &format!("Node {name} status is now: NodeNotReady")).await;
    for pod in work.informers.all("Pod") {
        if text(&pod, "spec.nodeName") == name && value::holds(&pod, "Ready") {
            let mut pod = (*pod).clone();
            let unready = json!({"type": "Ready", "status": "False", "lastProbeTime": null});
            set_condition(&mut pod, unready, &now);
            work.status("Pod", &pod).await;
        }
    }
}

/// Marks a node by how it is, so that pods keep away or leave.
async fn taint(work: &Work, node: &Value, state: &str) {
    let wanted: &[(&str, &str)] = match state {
        "True" => &[],
        "False" => &[(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")],
        _ => &[(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")],
    };
    let ours = |it: &Value| {
        [NOT_READY, UNREACHABLE, "node.kubernetes.io/unschedulable"].contains(&text(it, "key"))
    };
    let before = list(node, "spec.taints");
    let mut taints: Vec<Value> = before.iter().filter(|it| !ours(it)).cloned().collect();
    let unschedulable = ("node.kubernetes.io/unschedulable", "NoSchedule");
    let cordoned = yes(node, "spec.unschedulable").then_some(&unschedulable);
    for (key, effect) in wanted.iter().chain(cordoned) {
        let same = |it: &&Value| text(it, "key") == *key && text(it, "effect") == *effect;
        taints.push(before.iter().find(same).cloned().unwrap_or_else(|| {
            let mut taint = json!({"key": key, "effect": effect});
            set(&mut taint, "timeAdded", work.now());
            taint
        }));
    }
    if taints != before {
        let mut new = node.clone();
        match taints.is_empty() {
            true => drop(value::unset(&mut new, "spec.taints")),
            false => set(&mut new, "spec.taints", taints),
        }
        work.update("Node", &new).await;
    }
}

/// Deletes pods that may not stay on their nodes, or no longer.
async fn evict(work: &Work) {
    let now_us = work.sys.wall_us();
    for pod in work.informers.all("Pod") {
        let node = text(&pod, "spec.nodeName");
        if node.is_empty() {
            continue;
        }
        let Some(node) = work.informers.get("Node", node) else {
            // Its node is no more: nobody will ever end it.
            let mut options = json!({"gracePeriodSeconds": 0});
            set(&mut options, "preconditions.uid", value::uid(&pod));
            let kind = crate::resources::named("Pod");
            let path = crate::client::path(kind, value::namespace(&pod), value::name(&pod));
            let _ = work.client.delete(&path, Some(&options)).await;
            continue;
        };
        if value::is_deleted(&pod)
            || value::annotation(&pod, "kubernetes.io/config.mirror").is_some()
        {
            continue;
        }
        for taint in
            list(&node, "spec.taints").iter().filter(|it| text(it, "effect") == "NoExecute")
        {
            let fits = |it: &&Value| tolerates(it, taint);
            let stays = list(&pod, "spec.tolerations").iter().find(fits);
            let until_us = match stays.map(|it| int(it, "tolerationSeconds")) {
                Some(None) => continue,
                Some(Some(seconds)) => {
                    let added = value::parse_time(text(taint, "timeAdded")).unwrap_or(now_us);
                    added + u64::try_from(seconds).unwrap_or_default() * 1_000_000
                }
                None => 0,
            };
            if now_us >= until_us {
                let message = format!("Marking for deletion Pod {}", value::key(&pod));
                work.event(&pod, "TaintManagerEviction", &message).await;
                work.delete("Pod", &pod).await;
                break;
            }
        }
    }
}
