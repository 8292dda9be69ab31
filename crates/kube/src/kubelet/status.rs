//! What the API server is told of a pod.

use std::rc::Rc;

use serde_json::{Value, json};

use super::worker::{Known, State, object, records};
use super::{Kubelet, Pod, Source};
use crate::value::{self, at, int, list, set, set_condition, text};

/// Tells the API server how a pod is, if that has changed.
pub(super) async fn tell(kubelet: &Rc<Kubelet>, pod: &Rc<Pod>, ending: bool) {
    let Some(client) = kubelet.client() else { return };
    let mut target = object(pod);
    if pod.source == Source::File {
        let mirror = kubelet.mirrors.borrow().get(&value::key(&target)).cloned();
        let Some(mirror) = mirror else { return };
        if value::annotation(&mirror, "kubernetes.io/config.mirror") != Some(pod.uid.as_str()) {
            return;
        }
        target = mirror;
    }
    let status = make(kubelet, pod, &target, ending);
    if pod.state.borrow().told == status && at(&target, "status.phase") == at(&status, "phase") {
        return;
    }
    let uid = value::uid(&target).to_owned();
    let patch = json!({"metadata": {"uid": uid}, "status": status});
    let path = format!("{}/status", kubelet.pod_path(&target));
    let told = client.ask("PATCH", &path, "application/merge-patch+json", Some(&patch)).await;
    if told.is_ok() {
        pod.state.borrow_mut().told = status;
    }
}

fn make(kubelet: &Kubelet, pod: &Pod, target: &Value, ending: bool) -> Value {
    let now = value::time(kubelet.sys.wall_us());
    let state = pod.state.borrow().clone();
    if let Some(refusal) = &state.refusal {
        let message = format!("Pod was rejected: {}", refusal.message);
        return json!({"phase": "Failed", "reason": refusal.reason, "message": message,
            "startTime": value::time(state.started_us)});
    }
    let spec = object(pod);
    let all = records(kubelet, pod);
    let mut holder = json!({"status": {"conditions": at(target, "status.conditions").clone()}});
    let one = |container: &Value| container_status(container, &all, &state, ending);
    let init: Vec<Value> = list(&spec, "spec.initContainers").iter().map(one).collect();
    let main: Vec<Value> = list(&spec, "spec.containers").iter().map(one).collect();
    let phase = phase(&spec, &init, &main);
    let unready: Vec<&str> =
        main.iter().filter(|it| !value::yes(it, "ready")).map(|it| text(it, "name")).collect();
    let initialized = init.iter().all(|it| int(it, "state.terminated.exitCode") == Some(0));
    let condition = |kind: &str, good: bool, reason: &str, message: String| {
        let mut condition = json!({"type": kind, "status": if good { "True" } else { "False" },
            "lastProbeTime": null});
        if !good {
            set(&mut condition, "reason", reason);
            set(&mut condition, "message", message);
        }
        condition
    };
    let message = format!("containers with unready status: [{}]", unready.join(" "));
    let ready = unready.is_empty() && phase == "Running";
    let reason = if phase == "Succeeded" { "PodCompleted" } else { "ContainersNotReady" };
    let some = !all.is_empty();
    for condition in [
        condition("PodReadyToStartContainers", some, "", String::new()),
        condition("Initialized", initialized, "ContainersNotInitialized", String::new()),
        condition("Ready", ready, reason, message.clone()),
        condition("ContainersReady", ready, reason, message),
        condition("PodScheduled", true, "", String::new()),
    ] {
        set_condition(&mut holder, condition, &now);
    }
    let mut status = json!({
        "phase": phase, "conditions": at(&holder, "status.conditions").clone(),
        "hostIP": kubelet.address, "hostIPs": [{"ip": kubelet.address}],
        "startTime": value::time(state.started_us), "containerStatuses": main,
    });
    if !init.is_empty() {
        set(&mut status, "initContainerStatuses", init);
    }
    if !state.address.is_empty() {
        set(&mut status, "podIP", state.address.as_str());
        set(&mut status, "podIPs", json!([{"ip": state.address}]));
    }
    status
}

fn phase(spec: &Value, init: &[Value], main: &[Value]) -> &'static str {
    let policy = text(spec, "spec.restartPolicy");
    let failed = |it: &&Value| int(it, "state.terminated.exitCode").is_some_and(|code| code != 0);
    if policy == "Never" && init.iter().any(|it| failed(&it)) {
        return "Failed";
    }
    let ended = main.iter().all(|it| at(it, "state.terminated").is_object());
    if ended && !main.is_empty() {
        return match (policy, main.iter().any(|it| failed(&it))) {
            ("Never", true) => "Failed",
            ("Never" | "OnFailure", false) => "Succeeded",
            _ => "Running",
        };
    }
    let begun = |it: &Value| {
        at(it, "state.running").is_object()
            || at(it, "state.terminated").is_object()
            || at(it, "lastState.terminated").is_object()
    };
    if main.iter().any(begun) { "Running" } else { "Pending" }
}

fn terminated(record: &Value) -> Value {
    let time = |path: &str| {
        value::time(u64::try_from(int(record, path).unwrap_or_default()).unwrap_or_default())
    };
    json!({
        "exitCode": int(record, "exitCode").unwrap_or_default(), "reason": text(record, "reason"),
        "startedAt": time("startedAt"), "finishedAt": time("finishedAt"),
        "containerID": format!("containerd://{}", text(record, "id")),
    })
}

fn container_status(container: &Value, all: &[Value], state: &State, ending: bool) -> Value {
    let name = text(container, "name");
    let none = Known::default();
    let known = state.containers.get(name).unwrap_or(&none);
    let mine: Vec<&Value> = all.iter().filter(|it| text(it, "name") == name).collect();
    let last = mine.last().copied();
    let before = mine.iter().rev().nth(1).copied();
    let running = last.filter(|it| text(it, "state") == "running");
    let (mut now, mut earlier) = (json!({}), json!({}));
    let waiting = known.waiting.as_ref().filter(|_| running.is_none());
    let mut started = false;
    match (running, last, waiting) {
        (Some(record), _, _) => {
            let since = int(record, "startedAt").unwrap_or_default();
            let since = value::time(u64::try_from(since).unwrap_or_default());
            now["running"] = json!({"startedAt": since});
            started = at(container, "startupProbe").is_null() || known.startup.passed == Some(true);
            if let Some(before) = before {
                earlier["terminated"] = terminated(before);
            }
        }
        (None, Some(record), Some((reason, message))) if !ending => {
            now["waiting"] = json!({"reason": reason, "message": message});
            earlier["terminated"] = terminated(record);
        }
        (None, Some(record), _) => {
            now["terminated"] = terminated(record);
            if let Some(before) = before {
                earlier["terminated"] = terminated(before);
            }
        }
        (None, None, Some((reason, message))) => {
            now["waiting"] = json!({"reason": reason});
            if !message.is_empty() {
                now["waiting"]["message"] = message.as_str().into();
            }
        }
        (None, None, None) => now["waiting"] = json!({"reason": "ContainerCreating"}),
    }
    let probed = at(container, "readinessProbe").is_null() || known.readiness.passed == Some(true);
    let done = now.pointer("/terminated/exitCode").and_then(Value::as_i64) == Some(0);
    let init = false;
    let mut status = json!({
        "name": name, "state": now, "lastState": earlier,
        "ready": running.is_some() && started && probed || init && done,
        "started": started, "restartCount": last.and_then(|it| int(it, "attempt")).unwrap_or_default(),
        "image": text(container, "image"), "imageID": "",
    });
    if let Some(record) = last {
        let reference = text(record, "imageRef");
        let repository = reference.rsplit_once(':').map_or(reference, |(name, _)| name);
        status["image"] = reference.into();
        status["imageID"] = format!("{repository}@sha256:{}", text(record, "imageId")).into();
        status["containerID"] = format!("containerd://{}", text(record, "id")).into();
    }
    status
}
