//! kube-scheduler: gives pods without a node the least busy one they may run on.

use std::rc::Rc;

use serde_json::{Value, json};
use sim::{Signal, Sys, Task};

use crate::client::{self, Client, Kubeconfig};
use crate::elect::Elector;
use crate::flags::Flags;
use crate::informer::Informers;
use crate::klog::log;
use crate::resources::named;
use crate::tasks::Spawner;
use crate::value::{self, at, list, text, yes};

const KNOWN: &[&str] = &[
    "authentication-kubeconfig",
    "authorization-kubeconfig",
    "bind-address",
    "config",
    "feature-gates",
    "kubeconfig",
    "leader-elect?",
    "leader-elect-lease-duration",
    "leader-elect-renew-deadline",
    "leader-elect-retry-period",
    "secure-port",
    "v",
];

/// How long a pod that fits nowhere waits for the next try.
const RETRY_US: u64 = 5_000_000;

/// The program.
pub(crate) fn program(sys: Sys) -> Task {
    Box::pin(async move {
        let spawner = Spawner::new();
        let main = run(sys, spawner.clone());
        spawner.run(main).await
    })
}

/// Reads flags and kubeconfig as every component does; the error is its exit code.
pub(crate) async fn begin(
    sys: &Sys,
    known: &[&str],
    agent: &str,
) -> Result<(Flags, Rc<Client>), i32> {
    sys.catch(Signal::Term);
    let args = sys.args();
    let flags = match Flags::parse(args.get(1..).unwrap_or_default(), known) {
        Ok(flags) => flags,
        Err(text) => {
            sys.eprint(&format!("Error: {text}\n")).await;
            return Err(1);
        }
    };
    match Kubeconfig::load(sys, flags.get("kubeconfig"), None) {
        Ok(config) => Ok((flags, Rc::new(Client::new(sys, config, agent)))),
        Err(error) => {
            let quoted = Value::from(error);
            log(sys, 'E', "run.go:72", &format!("\"command failed\" err={quoted}")).await;
            Err(1)
        }
    }
}

async fn run(sys: Sys, spawner: Spawner) -> i32 {
    let (_, client) = match begin(&sys, KNOWN, "kube-scheduler").await {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    crate::controllers::healthz(&sys, &spawner, 10_259);
    let elector = Elector::new(&sys, &client, "kube-scheduler");
    let work = async {
        elector.lead().await;
        let informers = Informers::start(&sys, &spawner, &client, &["Node", "Pod"]);
        informers.synced().await;
        sim::race(elector.keep(), schedule(&sys, &client, &informers)).await;
    };
    match sim::race(work, sys.caught()).await {
        sim::Either::Left(()) => 1,
        sim::Either::Right(_) => 0,
    }
}

async fn schedule(sys: &Sys, client: &Client, informers: &Informers) -> ! {
    let mut said: std::collections::BTreeMap<String, String> = Default::default();
    loop {
        let version = informers.version();
        for pod in informers.all("Pod") {
            let waits = text(&pod, "spec.nodeName").is_empty()
                && !value::is_deleted(&pod)
                && text(&pod, "spec.schedulerName") == "default-scheduler";
            if !waits {
                continue;
            }
            match choose(&pod, informers) {
                Ok(node) => bind(sys, client, informers, &pod, &node).await,
                Err(why) => {
                    if said.get(value::uid(&pod)) != Some(&why) {
                        said.insert(value::uid(&pod).to_owned(), why.clone());
                        unschedulable(sys, client, &pod, &why).await;
                    }
                }
            }
        }
        sim::race(informers.change(version), sys.sleep_us(RETRY_US)).await;
    }
}

async fn bind(sys: &Sys, client: &Client, informers: &Informers, pod: &Value, node: &str) {
    let (namespace, name) = (value::namespace(pod), value::name(pod));
    let path = format!("{}/binding", client::path(named("Pod"), namespace, name));
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node}});
    if client.create(&path, &binding).await.is_err() {
        return;
    }
    let message = format!("Successfully assigned {namespace}/{name} to {node}");
    record(sys, client, pod, ("Normal", "Scheduled", &message)).await;
    // The copy must know of it before the next pod is looked at.
    let placed = || {
        informers
            .get("Pod", &value::key(pod))
            .is_none_or(|it| !text(&it, "spec.nodeName").is_empty())
            .then_some(())
    };
    sim::race(crate::tasks::until(placed), sys.sleep_us(1_000_000)).await;
}

/// Says what happened to an object.
pub(crate) async fn record(sys: &Sys, client: &Client, object: &Value, said: (&str, &str, &str)) {
    let (kind, reason, message) = said;
    let agent = client.agent();
    let wall_us = sys.wall_us();
    let now = value::time(wall_us);
    let namespace = match value::namespace(object) {
        "" => "default",
        namespace => namespace,
    };
    let salt = message.bytes().fold(0_u64, |sum, byte| sum * 31 % 999_983 + u64::from(byte));
    let event = json!({
        "metadata": {"name": format!("{}.{:x}", value::name(object), wall_us * 1000 + salt),
            "namespace": namespace},
        "involvedObject": {"kind": text(object, "kind"), "namespace": value::namespace(object),
            "name": value::name(object), "uid": value::uid(object),
            "apiVersion": text(object, "apiVersion")},
        "reason": reason, "message": message, "type": kind, "count": 1,
        "source": {"component": agent}, "reportingComponent": agent,
        "firstTimestamp": now, "lastTimestamp": now,
    });
    // An event that is lost changes nothing.
    let _ = client.create(&named("Event").path(namespace), &event).await;
}

async fn unschedulable(sys: &Sys, client: &Client, pod: &Value, why: &str) {
    record(sys, client, pod, ("Warning", "FailedScheduling", why)).await;
    let mut holder = json!({"status": {"conditions": at(pod, "status.conditions").clone()}});
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": why, "lastProbeTime": null});
    value::set_condition(&mut holder, condition, &value::time(sys.wall_us()));
    let path = client::path(named("Pod"), value::namespace(pod), value::name(pod));
    // The next try says it again.
    let _ = client.patch(&format!("{path}/status"), &holder).await;
}

/// The node for a pod. The error says why there is none.
fn choose(pod: &Value, informers: &Informers) -> Result<String, String> {
    let nodes = informers.all("Node");
    let pods = informers.all("Pod");
    let count = |node: &str| pods.iter().filter(|it| text(it, "spec.nodeName") == node).count();
    let mut reasons: Vec<(String, u32)> = Vec::new();
    let mut best: Option<(usize, String)> = None;
    for node in &nodes {
        let here = pods.iter().filter(|it| {
            text(it, "spec.nodeName") == value::name(node)
                && !matches!(text(it, "status.phase"), "Succeeded" | "Failed")
        });
        match refuses(pod, node, &here.collect::<Vec<_>>()) {
            Some(reason) => match reasons.iter_mut().find(|(have, _)| *have == reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason, 1)),
            },
            None => {
                let busy = (count(value::name(node)), value::name(node).to_owned());
                if best.as_ref().is_none_or(|best| busy < *best) {
                    best = Some(busy);
                }
            }
        }
    }
    if let Some((_, node)) = best {
        return Ok(node);
    }
    reasons.sort();
    let list: Vec<String> = reasons.into_iter().map(|(why, n)| format!("{n} {why}")).collect();
    let total = nodes.len();
    if total == 0 {
        return Err("no nodes available to schedule pods".to_owned());
    }
    Err(format!(
        "0/{total} nodes are available: {}. no new claims to deallocate, preemption: 0/{total} \
         nodes are available: {total} Preemption is not helpful for scheduling.",
        list.join(", ")
    ))
}

/// Why a node does not take a pod beside those that are there.
fn refuses(pod: &Value, node: &Value, here: &[&Rc<Value>]) -> Option<String> {
    let tolerations = list(pod, "spec.tolerations");
    for taint in list(node, "spec.taints") {
        let effect = text(taint, "effect");
        if effect == "PreferNoSchedule" || tolerations.iter().any(|it| tolerates(it, taint)) {
            continue;
        }
        let key = text(taint, "key");
        if key == "node.kubernetes.io/unschedulable" {
            return Some("node(s) were unschedulable".to_owned());
        }
        let value = text(taint, "value");
        return Some(format!("node(s) had untolerated taint {{{key}: {value}}}"));
    }
    if yes(node, "spec.unschedulable") {
        return Some("node(s) were unschedulable".to_owned());
    }
    let wanted = value::pairs(pod, "spec.nodeSelector");
    if wanted.iter().any(|(name, value)| value::label(node, name) != Some(value)) {
        return Some("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    let asked = |pod: &Value, resource: &str| -> u64 {
        let requests = list(pod, "spec.containers").iter();
        requests.map(|it| quantity(at(it, "resources.requests").get(resource))).sum()
    };
    for (resource, have) in [
        ("cpu", at(node, "status.allocatable.cpu")),
        ("memory", at(node, "status.allocatable.memory")),
    ] {
        let taken: u64 = here.iter().map(|it| asked(it, resource)).sum();
        let wanted = asked(pod, resource);
        if wanted > 0 && taken + wanted > quantity(Some(have)) {
            return Some(format!("Insufficient {resource}"));
        }
    }
    None
}

/// A quantity in thousandths.
pub(crate) fn quantity(value: Option<&Value>) -> u64 {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return 0,
    };
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().unwrap_or_default();
    let unit = &text[digits.len()..];
    let scale: u64 = match unit {
        "m" => return number,
        "k" => 1000,
        "Ki" => 1 << 10,
        "M" => 1_000_000,
        "Mi" => 1 << 20,
        "G" => 1_000_000_000,
        "Gi" => 1 << 30,
        _ => 1,
    };
    number.saturating_mul(scale).saturating_mul(1000)
}

/// Whether a toleration is for a taint.
pub(crate) fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let (key, effect) = (text(toleration, "key"), text(toleration, "effect"));
    if !effect.is_empty() && effect != text(taint, "effect") {
        return false;
    }
    match text(toleration, "operator") {
        "Exists" => key.is_empty() || key == text(taint, "key"),
        _ => key == text(taint, "key") && text(toleration, "value") == text(taint, "value"),
    }
}
