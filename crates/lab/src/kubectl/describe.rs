//! `kubectl describe`.

use kube::resources::named;
use kube::value::{self, at, int, list, pairs, text, yes};
use serde_json::Value;

use super::output::tabbed;
use super::{Ctl, Done, Stop, columns, error};

/// `Name:` and a value, in columns that stand where Go's tabwriter puts them.
fn line(out: &mut String, indent: usize, name: &str, text: &str) {
    let pad = " ".repeat(indent);
    out.push_str(&format!("{pad}{name}:\t{text}\n"));
}

/// A map, one pair a line.
fn map(out: &mut String, indent: usize, name: &str, object: &Value, path: &str, sign: &str) {
    let pairs = pairs(object, path).into_iter();
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}{sign}{value}")).collect();
    let next = format!("\n{}\t", " ".repeat(indent));
    line(out, indent, name, or_none(&pairs.join(&next)));
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

/// A moment as describe shows it: `Sun, 22 Nov 2026 09:00:00 +0000`.
fn moment(text: &str) -> String {
    let Some(us) = value::parse_time(text) else { return text.to_owned() };
    let moment = crate::programs::calendar::Moment::from_us(i64::try_from(us).unwrap_or_default());
    moment.format("%a, %d %b %Y %H:%M:%S +0000")
}

impl Ctl {
    pub(super) async fn describe(&self) -> Done {
        let targets = self.targets(1)?;
        if targets.is_empty() {
            return error(
                "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.",
            );
        }
        let mut first = true;
        for (kind, name) in targets {
            let mut objects = Vec::new();
            match &name {
                None => objects = self.fetch(kind, None).await?,
                Some(name) => match self.fetch(kind, Some(name)).await {
                    Ok(found) => objects = found,
                    // What no object is called may be the beginning of some names.
                    Err(failure) if failure.code() == 404 => {
                        let all = self.fetch(kind, None).await?;
                        objects.extend(
                            all.into_iter().filter(|it| value::name(it).starts_with(name.as_str())),
                        );
                        if objects.is_empty() {
                            return Err(Stop::Api(failure));
                        }
                    }
                    Err(failure) => return Err(Stop::Api(failure)),
                },
            }
            if objects.is_empty() {
                let place = self.place(kind);
                let text = if place.is_empty() {
                    "No resources found\n".to_owned()
                } else {
                    format!("No resources found in {place} namespace.\n")
                };
                self.warn(&text).await;
            }
            for object in objects {
                if !first {
                    self.out("\n\n").await;
                }
                first = false;
                let text = self.described(&object).await;
                self.out(&text).await;
            }
        }
        Ok(())
    }

    async fn described(&self, object: &Value) -> String {
        let mut out = match text(object, "kind") {
            "Pod" => pod(object),
            "Node" => self.node(object).await,
            "Deployment" => self.deployment_text(object).await,
            "Service" => self.service_text(object).await,
            "ReplicaSet" | "DaemonSet" => workload(object),
            _ => other(object),
        };
        if matches!(
            text(object, "kind"),
            "Pod" | "Node" | "Deployment" | "Service" | "ReplicaSet" | "DaemonSet"
        ) {
            out.push_str(&self.events_of(object).await);
        }
        tabbed(&out)
    }

    async fn events_of(&self, object: &Value) -> String {
        let place = match value::namespace(object) {
            "" => "default",
            namespace => namespace,
        };
        let all = self.client.get(&named("Event").path(place)).await.unwrap_or_default();
        let mut found: Vec<&Value> = list(&all, "items")
            .iter()
            .filter(|it| {
                let uid = text(it, "involvedObject.uid");
                let mirror = value::annotation(object, "kubernetes.io/config.hash") == Some(uid);
                uid == value::uid(object) || mirror
            })
            .collect();
        found.sort_by_key(|it| text(it, "lastTimestamp").to_owned());
        if found.is_empty() {
            return "Events:\t<none>\n".to_owned();
        }
        let now_us = self.sys.wall_us();
        let mut out = String::from(
            "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------\n",
        );
        for event in found {
            out.push_str(&format!(
                "  {}\t{}\t{}\t{}\t{}\n",
                text(event, "type"),
                text(event, "reason"),
                columns::age(event, "lastTimestamp", now_us),
                text(event, "source.component"),
                text(event, "message")
            ));
        }
        out
    }

    async fn node(&self, node: &Value) -> String {
        let mut out = String::new();
        line(&mut out, 0, "Name", value::name(node));
        let row = columns::row(node, self.sys.wall_us());
        line(&mut out, 0, "Roles", &row[2]);
        map(&mut out, 0, "Labels", node, "metadata.labels", "=");
        map(&mut out, 0, "Annotations", node, "metadata.annotations", ": ");
        line(&mut out, 0, "CreationTimestamp", &moment(text(node, "metadata.creationTimestamp")));
        let taints: Vec<String> = list(node, "spec.taints")
            .iter()
            .map(|it| match text(it, "value") {
                "" => format!("{}:{}", text(it, "key"), text(it, "effect")),
                value => format!("{}={value}:{}", text(it, "key"), text(it, "effect")),
            })
            .collect();
        line(&mut out, 0, "Taints", or_none(&taints.join("\n\t")));
        line(
            &mut out,
            0,
            "Unschedulable",
            if yes(node, "spec.unschedulable") { "true" } else { "false" },
        );
        out.push_str("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n  ----\t------\t-----------------\t------------------\t------\t-------\n");
        for it in list(node, "status.conditions") {
            out.push_str(&format!(
                "  {} \t{} \t{} \t{} \t{} \t{} \n",
                text(it, "type"),
                text(it, "status"),
                moment(text(it, "lastHeartbeatTime")),
                moment(text(it, "lastTransitionTime")),
                text(it, "reason"),
                text(it, "message")
            ));
        }
        out.push_str("Addresses:\n");
        for it in list(node, "status.addresses") {
            out.push_str(&format!("  {}:\t{}\n", text(it, "type"), text(it, "address")));
        }
        for (title, path) in
            [("Capacity", "status.capacity"), ("Allocatable", "status.allocatable")]
        {
            out.push_str(&format!("{title}:\n"));
            for (name, value) in pairs(node, path) {
                out.push_str(&format!("  {name}:\t{value}\n"));
            }
        }
        out.push_str("System Info:\n");
        for (title, field) in [
            ("Machine ID", "machineID"),
            ("System UUID", "systemUUID"),
            ("Boot ID", "bootID"),
            ("Kernel Version", "kernelVersion"),
            ("OS Image", "osImage"),
            ("Operating System", "operatingSystem"),
            ("Architecture", "architecture"),
            ("Container Runtime Version", "containerRuntimeVersion"),
            ("Kubelet Version", "kubeletVersion"),
            ("Kube-Proxy Version", "kubeProxyVersion"),
        ] {
            out.push_str(&format!(
                "  {title}:\t{}\n",
                text(node, &format!("status.nodeInfo.{field}"))
            ));
        }
        line(&mut out, 0, "PodCIDR", text(node, "spec.podCIDR"));
        line(&mut out, 0, "PodCIDRs", text(node, "spec.podCIDR"));
        let path = format!(
            "/api/v1/pods?fieldSelector={}",
            kube::client::escape(&format!("spec.nodeName={}", value::name(node)))
        );
        let pods = self.client.get(&path).await.unwrap_or_default();
        let pods = list(&pods, "items");
        out.push_str(&format!("Non-terminated Pods:\t({} in total)\n", pods.len()));
        out.push_str("  Namespace\tName\t\tAge\n  ---------\t----\t\t---\n");
        for pod in pods {
            let age = columns::age(pod, "metadata.creationTimestamp", self.sys.wall_us());
            out.push_str(&format!("  {}\t{}\t\t{age}\n", value::namespace(pod), value::name(pod)));
        }
        out
    }

    async fn deployment_text(&self, it: &Value) -> String {
        let mut out = String::new();
        line(&mut out, 0, "Name", value::name(it));
        line(&mut out, 0, "Namespace", value::namespace(it));
        line(&mut out, 0, "CreationTimestamp", &moment(text(it, "metadata.creationTimestamp")));
        map(&mut out, 0, "Labels", it, "metadata.labels", "=");
        map(&mut out, 0, "Annotations", it, "metadata.annotations", ": ");
        line(&mut out, 0, "Selector", &columns::joined(it, "spec.selector.matchLabels"));
        let n = |path: &str| int(it, path).unwrap_or_default();
        line(
            &mut out,
            0,
            "Replicas",
            &format!(
                "{} desired | {} updated | {} total | {} available | {} unavailable",
                n("spec.replicas"),
                n("status.updatedReplicas"),
                n("status.replicas"),
                n("status.availableReplicas"),
                n("status.unavailableReplicas")
            ),
        );
        line(&mut out, 0, "StrategyType", text(it, "spec.strategy.type"));
        line(&mut out, 0, "MinReadySeconds", &n("spec.minReadySeconds").to_string());
        if text(it, "spec.strategy.type") == "RollingUpdate" {
            let part = |name: &str| match at(it, &format!("spec.strategy.rollingUpdate.{name}")) {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            line(
                &mut out,
                0,
                "RollingUpdateStrategy",
                &format!(
                    "{} max unavailable, {} max surge",
                    part("maxUnavailable"),
                    part("maxSurge")
                ),
            );
        }
        out.push_str("Pod Template:\n");
        out.push_str(&template(at(it, "spec.template")));
        out.push_str("Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n");
        for condition in list(it, "status.conditions") {
            out.push_str(&format!(
                "  {} \t{}\t{}\n",
                text(condition, "type"),
                text(condition, "status"),
                text(condition, "reason")
            ));
        }
        let sets = self
            .client
            .get(&named("ReplicaSet").path(value::namespace(it)))
            .await
            .unwrap_or_default();
        let mut ours: Vec<&Value> = list(&sets, "items")
            .iter()
            .filter(|set| value::controller(set).is_some_and(|(_, _, uid)| uid == value::uid(it)))
            .collect();
        let revision = |set: &&Value| {
            value::annotation(set, "deployment.kubernetes.io/revision")
                .and_then(|it| it.parse::<i64>().ok())
                .unwrap_or_default()
        };
        ours.sort_by_key(revision);
        let shown = |set: &&Value| {
            format!(
                "{} ({}/{} replicas created)",
                value::name(set),
                int(set, "status.replicas").unwrap_or_default(),
                int(set, "spec.replicas").unwrap_or_default()
            )
        };
        let new = ours.pop().map(|it| shown(&it));
        let old: Vec<String> = ours.iter().map(shown).collect();
        line(&mut out, 0, "OldReplicaSets", or_none(&old.join(", ")));
        line(&mut out, 0, "NewReplicaSet", or_none(new.as_deref().unwrap_or_default()));
        out
    }

    async fn service_text(&self, it: &Value) -> String {
        let mut out = String::new();
        line(&mut out, 0, "Name", value::name(it));
        line(&mut out, 0, "Namespace", value::namespace(it));
        map(&mut out, 0, "Labels", it, "metadata.labels", "=");
        map(&mut out, 0, "Annotations", it, "metadata.annotations", ": ");
        line(&mut out, 0, "Selector", &columns::joined(it, "spec.selector"));
        line(&mut out, 0, "Type", text(it, "spec.type"));
        line(&mut out, 0, "IP Family Policy", text(it, "spec.ipFamilyPolicy"));
        line(&mut out, 0, "IP Families", text(it, "spec.ipFamilies.0"));
        line(&mut out, 0, "IP", text(it, "spec.clusterIP"));
        line(&mut out, 0, "IPs", text(it, "spec.clusterIPs.0"));
        let path = kube::client::path(named("Endpoints"), value::namespace(it), value::name(it));
        let endpoints = self.client.get(&path).await.unwrap_or_default();
        let mut shown = serde_json::json!({"kind": "Endpoints"});
        shown["subsets"] = at(&endpoints, "subsets").clone();
        let row = columns::row(&shown, 0);
        for port in list(it, "spec.ports") {
            let name = or_unset(text(port, "name"));
            line(
                &mut out,
                0,
                "Port",
                &format!(
                    "{name}\t{}/{}",
                    int(port, "port").unwrap_or_default(),
                    text(port, "protocol")
                ),
            );
            let target = match at(port, "targetPort") {
                Value::String(text) => text.clone(),
                number => number.to_string(),
            };
            line(&mut out, 0, "TargetPort", &format!("{target}/{}", text(port, "protocol")));
            if let Some(node) = int(port, "nodePort") {
                line(
                    &mut out,
                    0,
                    "NodePort",
                    &format!("{name}\t{node}/{}", text(port, "protocol")),
                );
            }
            line(&mut out, 0, "Endpoints", &row[1].replace("<none>", ""));
        }
        line(&mut out, 0, "Session Affinity", text(it, "spec.sessionAffinity"));
        line(&mut out, 0, "Internal Traffic Policy", text(it, "spec.internalTrafficPolicy"));
        out
    }
}

fn or_unset(text: &str) -> &str {
    if text.is_empty() { "<unset>" } else { text }
}

/// A pod template.
pub(super) fn template(template: &Value) -> String {
    let mut out = String::new();
    map(&mut out, 2, "Labels", template, "metadata.labels", "=");
    if !text(template, "spec.serviceAccountName").is_empty() {
        line(&mut out, 2, "Service Account", text(template, "spec.serviceAccountName"));
    }
    out.push_str("  Containers:\n");
    for container in list(template, "spec.containers") {
        out.push_str(&format!("   {}:\n", text(container, "name")));
        container_text(&mut out, container, None);
    }
    let spec = at(template, "spec");
    volumes(&mut out, spec, "  ");
    map(&mut out, 2, "Node-Selectors", spec, "nodeSelector", "=");
    line(&mut out, 2, "Tolerations", or_none(&tolerations(spec, "  ")));
    out
}

fn words(out: &mut String, title: &str, list: &[Value]) {
    if list.is_empty() {
        return;
    }
    out.push_str(&format!("    {title}:\n"));
    for word in list.iter().filter_map(Value::as_str) {
        out.push_str(&format!("      {word}\n"));
    }
}

fn container_text(out: &mut String, container: &Value, status: Option<&Value>) {
    if let Some(status) = status {
        line(out, 4, "Container ID", text(status, "containerID"));
    }
    line(out, 4, "Image", text(container, "image"));
    if let Some(status) = status {
        line(out, 4, "Image ID", text(status, "imageID"));
    }
    let ports = |number: &str, named: bool| -> Vec<String> {
        let one = |it: &Value| {
            let (port, protocol) = (int(it, number).unwrap_or_default(), text(it, "protocol"));
            match text(it, "name") {
                name if named && !name.is_empty() => format!("{port}/{protocol} ({name})"),
                _ => format!("{port}/{protocol}"),
            }
        };
        list(container, "ports").iter().map(one).collect()
    };
    for (title, list) in
        [("Port", ports("containerPort", true)), ("Host Port", ports("hostPort", false))]
    {
        let title = if list.len() > 1 { format!("{title}s") } else { title.to_owned() };
        line(out, 4, &title, or_none(&list.join(", ")));
    }
    words(out, "Command", list(container, "command"));
    words(out, "Args", list(container, "args"));
    if let Some(status) = status {
        state(out, "State", at(status, "state"));
        if at(status, "lastState").as_object().is_some_and(|it| !it.is_empty()) {
            state(out, "Last State", at(status, "lastState"));
        }
        line(out, 4, "Ready", if yes(status, "ready") { "True" } else { "False" });
        line(out, 4, "Restart Count", &int(status, "restartCount").unwrap_or_default().to_string());
    }
    for (title, path) in [("Limits", "resources.limits"), ("Requests", "resources.requests")] {
        let all = pairs(container, path);
        if !all.is_empty() {
            out.push_str(&format!("    {title}:\n"));
            for (name, value) in all {
                out.push_str(&format!("      {name}:\t{value}\n"));
            }
        }
    }
    for (title, field) in [
        ("Liveness", "livenessProbe"),
        ("Readiness", "readinessProbe"),
        ("Startup", "startupProbe"),
    ] {
        let probe = at(container, field);
        if probe.is_object() {
            let n = |name: &str, default: i64| int(probe, name).unwrap_or(default);
            let http = at(probe, "httpGet");
            let port = match at(http, "port") {
                Value::String(text) => text.clone(),
                number => number.to_string(),
            };
            let what = format!(
                "http-get {}://{}:{port}{}",
                text(http, "scheme").to_lowercase(),
                text(http, "host"),
                text(http, "path")
            );
            line(
                out,
                4,
                title,
                &format!(
                    "{what} delay={}s timeout={}s period={}s #success={} #failure={}",
                    n("initialDelaySeconds", 0),
                    n("timeoutSeconds", 1),
                    n("periodSeconds", 10),
                    n("successThreshold", 1),
                    n("failureThreshold", 3)
                ),
            );
        }
    }
    let env = list(container, "env");
    if env.is_empty() {
        line(out, 4, "Environment", "<none>");
    } else {
        out.push_str("    Environment:\n");
        for it in env {
            let value = match text(it, "valueFrom.fieldRef.fieldPath") {
                "" => text(it, "value").to_owned(),
                path => format!(" (v1:{path})"),
            };
            out.push_str(&format!("      {}:\t{value}\n", text(it, "name")));
        }
    }
    let mounts = list(container, "volumeMounts");
    if mounts.is_empty() {
        line(out, 4, "Mounts", "<none>");
    } else {
        out.push_str("    Mounts:\n");
        let mut mounts: Vec<&Value> = mounts.iter().collect();
        mounts.sort_by_key(|it| text(it, "mountPath"));
        for it in mounts {
            let mode = if yes(it, "readOnly") { "ro" } else { "rw" };
            out.push_str(&format!(
                "      {} from {} ({mode})\n",
                text(it, "mountPath"),
                text(it, "name")
            ));
        }
    }
}

fn state(out: &mut String, title: &str, state: &Value) {
    let (running, waiting, ended) =
        (at(state, "running"), at(state, "waiting"), at(state, "terminated"));
    if running.is_object() {
        line(out, 4, title, "Running");
        line(out, 6, "Started", &moment(text(running, "startedAt")));
    } else if waiting.is_object() {
        line(out, 4, title, "Waiting");
        line(out, 6, "Reason", text(waiting, "reason"));
    } else if ended.is_object() {
        line(out, 4, title, "Terminated");
        line(out, 6, "Reason", text(ended, "reason"));
        line(out, 6, "Exit Code", &int(ended, "exitCode").unwrap_or_default().to_string());
        line(out, 6, "Started", &moment(text(ended, "startedAt")));
        line(out, 6, "Finished", &moment(text(ended, "finishedAt")));
    }
}

fn volumes(out: &mut String, spec: &Value, space: &str) {
    let all = list(spec, "volumes");
    if all.is_empty() {
        out.push_str(&format!("{space}Volumes:\t<none>\n"));
        return;
    }
    out.push_str(&format!("{space}Volumes:\n"));
    let name_pad = if space.is_empty() { "" } else { " " };
    for volume in all {
        out.push_str(&format!("  {name_pad}{}:\n", text(volume, "name")));
        let mut field = |name: &str, value: &str| line(out, 4, name, value);
        if at(volume, "hostPath").is_object() {
            field("Type", "HostPath (bare host directory volume)");
            field("Path", text(volume, "hostPath.path"));
            field("HostPathType", text(volume, "hostPath.type"));
        } else if at(volume, "configMap").is_object() {
            field("Type", "ConfigMap (a volume populated by a ConfigMap)");
            field("Name", text(volume, "configMap.name"));
            field("Optional", optional(volume, "configMap"));
        } else if at(volume, "secret").is_object() {
            field("Type", "Secret (a volume populated by a Secret)");
            field("SecretName", text(volume, "secret.secretName"));
            field("Optional", optional(volume, "secret"));
        } else {
            field("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)");
            field("Medium", text(volume, "emptyDir.medium"));
            field("SizeLimit", "<unset>");
        }
    }
}

fn optional(volume: &Value, kind: &str) -> &'static str {
    if yes(volume, &format!("{kind}.optional")) { "true" } else { "false" }
}

/// What a pod tolerates, one a line.
fn tolerations(spec: &Value, pad: &str) -> String {
    let one = |it: &Value| {
        let effect = match text(it, "effect") {
            "" => String::new(),
            effect => format!(":{effect}"),
        };
        let exists = if text(it, "operator") == "Exists" { " op=Exists" } else { "" };
        let time = int(it, "tolerationSeconds").map(|s| format!(" for {s}s")).unwrap_or_default();
        format!("{}{effect}{exists}{time}", text(it, "key"))
    };
    let mut all: Vec<String> = list(spec, "tolerations").iter().map(one).collect();
    all.sort();
    all.join(&format!("\n{pad}\t"))
}

fn pod(pod: &Value) -> String {
    let mut out = String::new();
    line(&mut out, 0, "Name", value::name(pod));
    line(&mut out, 0, "Namespace", value::namespace(pod));
    let priority = int(pod, "spec.priority");
    line(&mut out, 0, "Priority", &priority.unwrap_or_default().to_string());
    let class = text(pod, "spec.priorityClassName");
    if !class.is_empty() {
        line(&mut out, 0, "Priority Class Name", class);
    }
    if !text(pod, "spec.serviceAccountName").is_empty() {
        line(&mut out, 0, "Service Account", text(pod, "spec.serviceAccountName"));
    }
    let node = match (text(pod, "spec.nodeName"), text(pod, "status.hostIP")) {
        ("", _) => "<none>".to_owned(),
        (node, ip) => format!("{node}/{ip}"),
    };
    line(&mut out, 0, "Node", &node);
    if !text(pod, "status.startTime").is_empty() {
        line(&mut out, 0, "Start Time", &moment(text(pod, "status.startTime")));
    }
    map(&mut out, 0, "Labels", pod, "metadata.labels", "=");
    map(&mut out, 0, "Annotations", pod, "metadata.annotations", ": ");
    line(
        &mut out,
        0,
        "Status",
        &match value::is_deleted(pod) {
            true => "Terminating".to_owned(),
            false => text(pod, "status.phase").to_owned(),
        },
    );
    let seccomp = text(pod, "spec.securityContext.seccompProfile.type");
    if !seccomp.is_empty() {
        line(&mut out, 0, "SeccompProfile", seccomp);
    }
    line(&mut out, 0, "IP", text(pod, "status.podIP"));
    match text(pod, "status.podIP") {
        "" => line(&mut out, 0, "IPs", "<none>"),
        ip => out.push_str(&format!("IPs:\n  IP:\t{ip}\n")),
    }
    if let Some((kind, name, _)) = value::controller(pod) {
        line(&mut out, 0, "Controlled By", &format!("{kind}/{name}"));
    }
    out.push_str("Containers:\n");
    for container in list(pod, "spec.containers") {
        let name = text(container, "name");
        out.push_str(&format!("  {name}:\n"));
        let status =
            list(pod, "status.containerStatuses").iter().find(|it| text(it, "name") == name);
        container_text(&mut out, container, status);
    }
    out.push_str("Conditions:\n  Type\tStatus\n");
    for it in list(pod, "status.conditions") {
        out.push_str(&format!("  {} \t{} \n", text(it, "type"), text(it, "status")));
    }
    volumes(&mut out, at(pod, "spec"), "");
    line(&mut out, 0, "QoS Class", text(pod, "status.qosClass"));
    map(&mut out, 0, "Node-Selectors", pod, "spec.nodeSelector", "=");
    line(&mut out, 0, "Tolerations", or_none(&tolerations(at(pod, "spec"), "")));
    out
}

fn workload(it: &Value) -> String {
    let mut out = String::new();
    line(&mut out, 0, "Name", value::name(it));
    line(&mut out, 0, "Namespace", value::namespace(it));
    line(&mut out, 0, "Selector", &columns::joined(it, "spec.selector.matchLabels"));
    map(&mut out, 0, "Labels", it, "metadata.labels", "=");
    map(&mut out, 0, "Annotations", it, "metadata.annotations", ": ");
    if let Some((kind, name, _)) = value::controller(it) {
        line(&mut out, 0, "Controlled By", &format!("{kind}/{name}"));
    }
    let n = |path: &str| int(it, path).unwrap_or_default();
    if text(it, "kind") == "DaemonSet" {
        out.push_str(&format!("Desired Number of Nodes Scheduled: {}\nCurrent Number of Nodes Scheduled: {}\nNumber of Nodes Scheduled with Available Pods: {}\n",
            n("status.desiredNumberScheduled"), n("status.currentNumberScheduled"), n("status.numberAvailable")));
    } else {
        line(
            &mut out,
            0,
            "Replicas",
            &format!("{} current / {} desired", n("status.replicas"), n("spec.replicas")),
        );
    }
    out.push_str("Pod Template:\n");
    out.push_str(&template(at(it, "spec.template")));
    out
}

fn other(it: &Value) -> String {
    let mut out = String::new();
    line(&mut out, 0, "Name", value::name(it));
    if !value::namespace(it).is_empty() {
        line(&mut out, 0, "Namespace", value::namespace(it));
    }
    map(&mut out, 0, "Labels", it, "metadata.labels", "=");
    map(&mut out, 0, "Annotations", it, "metadata.annotations", ": ");
    match text(it, "kind") {
        "Namespace" => {
            line(&mut out, 0, "Status", text(it, "status.phase"));
            out.push_str("\nNo resource quota.\n\nNo LimitRange resource.\n");
        }
        "ConfigMap" => {
            out.push_str("\nData\n====\n");
            for (name, value) in pairs(it, "data") {
                out.push_str(&format!("{name}:\n----\n{value}\n\n"));
            }
            out.push_str("\nBinaryData\n====\n\n");
        }
        "Secret" => {
            out.push_str(&format!("\nType:  {}\n\nData\n====\n", text(it, "type")));
            for (name, value) in pairs(it, "data") {
                use base64::Engine as _;
                let bytes =
                    base64::engine::general_purpose::STANDARD.decode(value).unwrap_or_default();
                out.push_str(&format!("{name}:  {} bytes\n", bytes.len()));
            }
        }
        _ => {
            let mut rest = it.clone();
            for path in [
                "metadata.managedFields",
                "metadata.labels",
                "metadata.annotations",
                "metadata.name",
                "metadata.namespace",
            ] {
                value::unset(&mut rest, path);
            }
            out.push_str(&kube::yaml::print(&rest));
        }
    }
    out
}
