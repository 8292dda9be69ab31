//! What the API server fills in where an object says nothing.

use serde_json::{Value, json};

use crate::value::{at, default, list, object_mut, set, text};

/// Fills in the defaults of an object of a kind.
pub(crate) fn fill(kind: &str, object: &mut Value) {
    match kind {
        "Namespace" => {
            default(object, "spec.finalizers", json!(["kubernetes"]));
            default(object, "status.phase", "Active");
            let name = text(object, "metadata.name").to_owned();
            object_mut(object, "metadata.labels")
                .insert("kubernetes.io/metadata.name".to_owned(), name.into());
        }
        "Node" => {
            default(object, "spec", json!({}));
            default(object, "status", json!({}));
        }
        "Pod" => {
            if let Some(spec) = object.get_mut("spec") {
                pod_spec(spec);
            }
            default(object, "status.phase", "Pending");
            let class = qos(object);
            default(object, "status.qosClass", class);
        }
        "Deployment" => deployment(object),
        "ReplicaSet" => {
            default(object, "spec.replicas", 1);
            labels_of_template(object);
            template(object);
            default(object, "status.replicas", 0);
        }
        "DaemonSet" => {
            default(object, "spec.revisionHistoryLimit", 10);
            default(
                object,
                "spec.updateStrategy",
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
            );
            template(object);
            default(
                object,
                "status",
                json!({"currentNumberScheduled": 0,
                "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0}),
            );
        }
        "Service" => service(object),
        "Secret" => {
            default(object, "type", "Opaque");
            secret_text(object);
        }
        _ => {}
    }
}

/// `stringData` becomes part of `data`.
fn secret_text(object: &mut Value) {
    use base64::Engine as _;
    let Some(Value::Object(text)) = crate::value::unset(object, "stringData") else { return };
    for (name, value) in text {
        let value = value.as_str().unwrap_or_default();
        let data = base64::engine::general_purpose::STANDARD.encode(value);
        object_mut(object, "data").insert(name, data.into());
    }
}

fn deployment(object: &mut Value) {
    default(object, "spec.replicas", 1);
    default(object, "spec.revisionHistoryLimit", 10);
    default(object, "spec.progressDeadlineSeconds", 600);
    default(object, "spec.strategy.type", "RollingUpdate");
    if text(object, "spec.strategy.type") == "RollingUpdate" {
        default(object, "spec.strategy.rollingUpdate.maxSurge", "25%");
        default(object, "spec.strategy.rollingUpdate.maxUnavailable", "25%");
    }
    labels_of_template(object);
    template(object);
    default(object, "status", json!({}));
}

/// A workload without labels has those of its template.
fn labels_of_template(object: &mut Value) {
    let labels = at(object, "spec.template.metadata.labels").clone();
    if labels.is_object() && at(object, "metadata.labels").is_null() {
        set(object, "metadata.labels", labels);
    }
}

fn template(object: &mut Value) {
    if let Some(spec) = object.pointer_mut("/spec/template/spec") {
        pod_spec(spec);
    }
}

fn pod_spec(spec: &mut Value) {
    default(spec, "restartPolicy", "Always");
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "schedulerName", "default-scheduler");
    default(spec, "securityContext", json!({}));
    for place in ["containers", "initContainers"] {
        let Some(containers) = spec.get_mut(place).and_then(Value::as_array_mut) else { continue };
        for container in containers {
            let policy =
                if always_pulled(text(container, "image")) { "Always" } else { "IfNotPresent" };
            default(container, "imagePullPolicy", policy);
            default(container, "terminationMessagePath", "/dev/termination-log");
            default(container, "terminationMessagePolicy", "File");
            default(container, "resources", json!({}));
            if let Some(ports) = container.get_mut("ports").and_then(Value::as_array_mut) {
                for port in ports {
                    default(port, "protocol", "TCP");
                }
            }
            for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
                if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
                    default(probe, "timeoutSeconds", 1);
                    default(probe, "periodSeconds", 10);
                    default(probe, "successThreshold", 1);
                    default(probe, "failureThreshold", 3);
                }
            }
        }
    }
}

/// Whether an image's tag moves.
fn always_pulled(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => !last.contains('@'),
    }
}

/// The class of a pod by what it asks for.
fn qos(pod: &Value) -> &'static str {
    let containers = list(pod, "spec.containers");
    let some = |path: &str| {
        containers.iter().any(|it| at(it, path).as_object().is_some_and(|map| !map.is_empty()))
    };
    let equal = containers.iter().all(|it| {
        let limits = at(it, "resources.limits");
        limits.get("cpu").is_some()
            && limits.get("memory").is_some()
            && (at(it, "resources.requests").is_null() || at(it, "resources.requests") == limits)
    });
    match (some("resources.requests") || some("resources.limits"), equal) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn service(object: &mut Value) {
    default(object, "spec.type", "ClusterIP");
    default(object, "spec.sessionAffinity", "None");
    if text(object, "spec.type") != "ExternalName" {
        default(object, "spec.internalTrafficPolicy", "Cluster");
        default(object, "spec.ipFamilies", json!(["IPv4"]));
        default(object, "spec.ipFamilyPolicy", "SingleStack");
    }
    if let Some(ports) = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut) {
        for port in ports {
            default(port, "protocol", "TCP");
            let number = at(port, "port").clone();
            default(port, "targetPort", number);
        }
    }
    default(object, "status", json!({"loadBalancer": {}}));
}
