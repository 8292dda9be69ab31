//! The columns of `kubectl get`, kind by kind.

use kube::value::{self, at, condition, holds, int, is_deleted, label, list, pairs, text, yes};
use serde_json::Value;

/// The columns of a kind; those from `wide` on are shown with `-o wide` only.
pub(super) fn header(kind: &str) -> (&'static [&'static str], usize) {
    match kind {
        "Pod" => (
            &[
                "NAME",
                "READY",
                "STATUS",
                "RESTARTS",
                "AGE",
                "IP",
                "NODE",
                "NOMINATED NODE",
                "READINESS GATES",
            ],
            5,
        ),
        "Node" => (
            &[
                "NAME",
                "STATUS",
                "ROLES",
                "AGE",
                "VERSION",
                "INTERNAL-IP",
                "EXTERNAL-IP",
                "OS-IMAGE",
                "KERNEL-VERSION",
                "CONTAINER-RUNTIME",
            ],
            5,
        ),
        "Namespace" => (&["NAME", "STATUS", "AGE"], 3),
        "ComponentStatus" => (&["NAME", "STATUS", "MESSAGE", "ERROR"], 4),
        "Deployment" => (
            &[
                "NAME",
                "READY",
                "UP-TO-DATE",
                "AVAILABLE",
                "AGE",
                "CONTAINERS",
                "IMAGES",
                "SELECTOR",
            ],
            5,
        ),
        "ReplicaSet" => {
            (&["NAME", "DESIRED", "CURRENT", "READY", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"], 5)
        }
        "DaemonSet" => (
            &[
                "NAME",
                "DESIRED",
                "CURRENT",
                "READY",
                "UP-TO-DATE",
                "AVAILABLE",
                "NODE SELECTOR",
                "AGE",
                "CONTAINERS",
                "IMAGES",
                "SELECTOR",
            ],
            8,
        ),
        "Service" => {
            (&["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"], 6)
        }
        "Endpoints" => (&["NAME", "ENDPOINTS", "AGE"], 3),
        "EndpointSlice" => (&["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"], 5),
        "ConfigMap" => (&["NAME", "DATA", "AGE"], 3),
        "Secret" => (&["NAME", "TYPE", "DATA", "AGE"], 4),
        "ServiceAccount" => (&["NAME", "SECRETS", "AGE"], 3),
        "Event" => (&["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], 5),
        "Lease" => (&["NAME", "HOLDER", "AGE"], 3),
        _ => (&["NAME", "AGE"], 2),
    }
}

/// A span as kubectl shows it: `45s`, `3m5s`, `2d3h`.
pub(super) fn span(us: u64) -> String {
    let s = us / 1_000_000;
    let (m, h, d) = (s / 60, s / 3600, s / 86_400);
    let two = |big: u64, unit: &str, small: u64, other: &str| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{other}"),
    };
    match s {
        0..120 => format!("{s}s"),
        120..600 => two(m, "m", s % 60, "s"),
        600..10_800 => format!("{m}m"),
        10_800..28_800 => two(h, "h", m % 60, "m"),
        28_800..172_800 => format!("{h}h"),
        172_800..691_200 => two(d, "d", h % 24, "h"),
        691_200..63_072_000 => format!("{d}d"),
        _ => two(d / 365, "y", d % 365, "d"),
    }
}

/// How long ago a moment was.
pub(super) fn age(object: &Value, path: &str, now_us: u64) -> String {
    match value::parse_time(text(object, path)) {
        Some(at_us) => span(now_us.saturating_sub(at_us)),
        None => "<unknown>".to_owned(),
    }
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text.to_owned() }
}

pub(super) fn joined(object: &Value, path: &str) -> String {
    let pairs = pairs(object, path).into_iter().map(|(name, value)| format!("{name}={value}"));
    or_none(&pairs.collect::<Vec<_>>().join(","))
}

fn number(object: &Value, path: &str) -> String {
    int(object, path).unwrap_or_default().to_string()
}

fn containers(object: &Value) -> [String; 2] {
    let list = list(object, "spec.template.spec.containers");
    let all = |field: &str| list.iter().map(|it| text(it, field)).collect::<Vec<_>>().join(",");
    [all("name"), all("image")]
}

/// A row for an object.
pub(super) fn row(object: &Value, now_us: u64) -> Vec<String> {
    let name = value::name(object).to_owned();
    let age = age(object, "metadata.creationTimestamp", now_us);
    match text(object, "kind") {
        "Pod" => pod(object, name, age, now_us),
        "Node" => node(object, name, age),
        "ComponentStatus" => {
            let health = list(object, "conditions").first().cloned().unwrap_or_default();
            let well = if text(&health, "status") == "True" { "Healthy" } else { "Unhealthy" };
            let said = |field: &str| text(&health, field).to_owned();
            vec![name, well.to_owned(), said("message"), said("error")]
        }
        "Namespace" => vec![name, text(object, "status.phase").to_owned(), age],
        "Deployment" => {
            let ready = format!(
                "{}/{}",
                number(object, "status.readyReplicas"),
                number(object, "spec.replicas")
            );
            let [names, images] = containers(object);
            vec![
                name,
                ready,
                number(object, "status.updatedReplicas"),
                number(object, "status.availableReplicas"),
                age,
                names,
                images,
                joined(object, "spec.selector.matchLabels"),
            ]
        }
        "ReplicaSet" => {
            let [names, images] = containers(object);
            vec![
                name,
                number(object, "spec.replicas"),
                number(object, "status.replicas"),
                number(object, "status.readyReplicas"),
                age,
                names,
                images,
                joined(object, "spec.selector.matchLabels"),
            ]
        }
        "DaemonSet" => {
            let [names, images] = containers(object);
            vec![
                name,
                number(object, "status.desiredNumberScheduled"),
                number(object, "status.currentNumberScheduled"),
                number(object, "status.numberReady"),
                number(object, "status.updatedNumberScheduled"),
                number(object, "status.numberAvailable"),
                joined(object, "spec.template.spec.nodeSelector"),
                age,
                names,
                images,
                joined(object, "spec.selector.matchLabels"),
            ]
        }
        "Service" => service(object, name, age),
        "Endpoints" => vec![name, endpoints(object), age],
        "EndpointSlice" => {
            let ports: Vec<String> =
                list(object, "ports").iter().map(|it| number(it, "port")).collect();
            let all: Vec<String> = list(object, "endpoints")
                .iter()
                .flat_map(|it| list(it, "addresses"))
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            let unset = |list: Vec<String>| {
                if list.is_empty() { "<unset>".to_owned() } else { shorten(&list) }
            };
            vec![name, text(object, "addressType").to_owned(), unset(ports), unset(all), age]
        }
        "ConfigMap" => {
            let count = at(object, "data").as_object().map_or(0, serde_json::Map::len);
            vec![name, count.to_string(), age]
        }
        "Secret" => {
            let count = at(object, "data").as_object().map_or(0, serde_json::Map::len);
            vec![name, text(object, "type").to_owned(), count.to_string(), age]
        }
        "ServiceAccount" => vec![name, list(object, "secrets").len().to_string(), age],
        "Event" => {
            let seen = self::age(object, "lastTimestamp", now_us);
            let about = format!(
                "{}/{}",
                text(object, "involvedObject.kind").to_lowercase(),
                text(object, "involvedObject.name")
            );
            vec![
                seen,
                text(object, "type").to_owned(),
                text(object, "reason").to_owned(),
                about,
                text(object, "message").to_owned(),
            ]
        }
        "Lease" => vec![name, text(object, "spec.holderIdentity").to_owned(), age],
        _ => vec![name, age],
    }
}

fn shorten(list: &[String]) -> String {
    match list.len() {
        0..=3 => list.join(","),
        len => format!("{} + {} more...", list[..3].join(","), len - 3),
    }
}

fn endpoints(object: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(object, "subsets") {
        for address in list(subset, "addresses") {
            for port in list(subset, "ports") {
                all.push(format!("{}:{}", text(address, "ip"), number(port, "port")));
            }
        }
    }
    or_none(&shorten(&all))
}

/// What a pod's column STATUS says.
pub(super) fn pod_status(pod: &Value) -> String {
    let mut reason = match text(pod, "status.reason") {
        "" => text(pod, "status.phase").to_owned(),
        reason => reason.to_owned(),
    };
    let init = list(pod, "status.initContainerStatuses");
    for (place, status) in init.iter().enumerate() {
        if int(status, "state.terminated.exitCode") == Some(0) {
            continue;
        }
        let waiting = text(status, "state.waiting.reason");
        return if int(status, "state.terminated.exitCode").is_some() {
            format!("Init:{}", text(status, "state.terminated.reason"))
        } else if !waiting.is_empty()
            && waiting != "PodInitializing"
            && waiting != "ContainerCreating"
        {
            format!("Init:{waiting}")
        } else {
            format!("Init:{place}/{}", init.len())
        };
    }
    let mut running = false;
    for status in list(pod, "status.containerStatuses").iter().rev() {
        let (waiting, ended) =
            (text(status, "state.waiting.reason"), text(status, "state.terminated.reason"));
        if !waiting.is_empty() {
            reason = waiting.to_owned();
        } else if !ended.is_empty() {
            reason = ended.to_owned();
        } else if at(status, "state.terminated").is_object() {
            reason = format!("ExitCode:{}", number(status, "state.terminated.exitCode"));
        } else if yes(status, "ready") && at(status, "state.running").is_object() {
            running = true;
        }
    }
    if reason == "Completed" && running {
        reason = if holds(pod, "Ready") { "Running" } else { "NotReady" }.to_owned();
    }
    if is_deleted(pod) && !matches!(text(pod, "status.phase"), "Succeeded" | "Failed") {
        reason = "Terminating".to_owned();
    }
    reason
}

fn pod(pod: &Value, name: String, age: String, now_us: u64) -> Vec<String> {
    let statuses = list(pod, "status.containerStatuses");
    let ready = statuses.iter().filter(|it| yes(it, "ready")).count();
    let restarts: i64 = statuses.iter().filter_map(|it| int(it, "restartCount")).sum();
    let last = statuses
        .iter()
        .map(|it| text(it, "lastState.terminated.finishedAt"))
        .max()
        .unwrap_or_default();
    let restarts = match value::parse_time(last) {
        Some(at_us) if restarts > 0 => {
            format!("{restarts} ({} ago)", span(now_us.saturating_sub(at_us)))
        }
        _ => restarts.to_string(),
    };
    vec![
        name,
        format!("{ready}/{}", list(pod, "spec.containers").len()),
        pod_status(pod),
        restarts,
        age,
        or_none(text(pod, "status.podIP")),
        or_none(text(pod, "spec.nodeName")),
        "<none>".to_owned(),
        "<none>".to_owned(),
    ]
}

fn node(node: &Value, name: String, age: String) -> Vec<String> {
    let mut status = match condition(node, "Ready") {
        Some(ready) if text(ready, "status") == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if yes(node, "spec.unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let roles: Vec<&str> = pairs(node, "metadata.labels")
        .into_iter()
        .filter_map(|(name, _)| name.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    let internal =
        list(node, "status.addresses").iter().find(|it| text(it, "type") == "InternalIP");
    let info = |field: &str| text(node, &format!("status.nodeInfo.{field}")).to_owned();
    vec![
        name,
        status,
        or_none(&roles.join(",")),
        age,
        info("kubeletVersion"),
        or_none(internal.map(|it| text(it, "address")).unwrap_or_default()),
        "<none>".to_owned(),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn service(service: &Value, name: String, age: String) -> Vec<String> {
    let ports: Vec<String> = list(service, "spec.ports")
        .iter()
        .map(|port| {
            let (number, protocol) = (number(port, "port"), text(port, "protocol"));
            match int(port, "nodePort") {
                Some(node) => format!("{number}:{node}/{protocol}"),
                None => format!("{number}/{protocol}"),
            }
        })
        .collect();
    let external = match text(service, "spec.type") {
        "LoadBalancer" => "<pending>".to_owned(),
        "ExternalName" => text(service, "spec.externalName").to_owned(),
        _ => "<none>".to_owned(),
    };
    vec![
        name,
        text(service, "spec.type").to_owned(),
        or_none(text(service, "spec.clusterIP")),
        external,
        or_none(&ports.join(",")),
        age,
        joined(service, "spec.selector"),
    ]
}

/// A label as a column.
pub(super) fn label_column(object: &Value, name: &str) -> String {
    label(object, name).unwrap_or_default().to_owned()
}
