//! The usual mistakes in objects, in the API server's words.

use serde_json::Value;

use crate::selector::Labels;
use crate::value::{at, list, pairs, text};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
    or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
    regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

fn is_label(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(|c| good(c) || c == '-')
        && name.starts_with(good)
        && name.ends_with(good)
}

/// What is wrong with an object of a kind; nothing where it may be stored.
pub(crate) fn faults(kind: &str, object: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let name = text(object, "metadata.name");
    let quoted = |text: &str| Value::from(text).to_string();
    if name.is_empty() {
        faults.push("metadata.name: Required value: name or generateName is required".to_owned());
    } else if matches!(kind, "Namespace" | "Service") {
        if !is_label(name) {
            faults.push(format!("metadata.name: Invalid value: {}: {LABEL}", quoted(name)));
        }
    } else if !name.split('.').all(is_label) {
        faults.push(format!("metadata.name: Invalid value: {}: {SUBDOMAIN}", quoted(name)));
    }
    label_values(object, &mut faults);
    match kind {
        "Pod" => pod_spec(at(object, "spec"), "spec", &mut faults),
        "Deployment" | "ReplicaSet" | "DaemonSet" => workload(object, &mut faults),
        "Service" => service(object, &mut faults),
        _ => {}
    }
    faults
}

fn label_values(object: &Value, faults: &mut Vec<String>) {
    for (_, value) in pairs(object, "metadata.labels") {
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let outer = |c: char| c.is_ascii_alphanumeric();
        let good = value.is_empty()
            || value.len() <= 63
                && value.chars().all(inner)
                && value.starts_with(outer)
                && value.ends_with(outer);
        if !good {
            faults.push(format!(
                "metadata.labels: Invalid value: {}: a valid label must be an empty string or \
                 consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
                 an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
                 used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
                Value::from(value)
            ));
        }
    }
}

fn workload(object: &Value, faults: &mut Vec<String>) {
    let selector = at(object, "spec.selector");
    let template = at(object, "spec.template");
    if selector.is_null() {
        faults.push("spec.selector: Required value".to_owned());
    } else if !Labels::of(selector).fits(template) {
        let labels = at(template, "metadata.labels");
        let shown = if labels.is_null() { "{}".to_owned() } else { labels.to_string() };
        faults.push(format!(
            "spec.template.metadata.labels: Invalid value: {shown}: `selector` does not match \
             template `labels`"
        ));
    }
    if let Some(count) = crate::value::int(object, "spec.replicas").filter(|count| *count < 0) {
        faults.push(format!(
            "spec.replicas: Invalid value: {count}: must be greater than or equal to 0"
        ));
    }
    pod_spec(at(template, "spec"), "spec.template.spec", faults);
}

fn pod_spec(spec: &Value, path: &str, faults: &mut Vec<String>) {
    let containers = list(spec, "containers");
    if containers.is_empty() {
        faults.push(format!("{path}.containers: Required value"));
    }
    let volumes: Vec<&str> = list(spec, "volumes").iter().map(|it| text(it, "name")).collect();
    let mut names: Vec<&str> = Vec::new();
    for (place, container) in containers.iter().enumerate() {
        let at = format!("{path}.containers[{place}]");
        match text(container, "name") {
            "" => faults.push(format!("{at}.name: Required value")),
            name if names.contains(&name) => {
                faults.push(format!("{at}.name: Duplicate value: {}", Value::from(name)));
            }
            name if !is_label(name) => {
                faults.push(format!("{at}.name: Invalid value: {}: {LABEL}", Value::from(name)));
            }
            name => names.push(name),
        }
        match text(container, "image") {
            "" => faults.push(format!("{at}.image: Required value")),
            image if image.trim() != image => faults.push(format!(
                "{at}.image: Invalid value: {}: must not have leading or trailing whitespace",
                Value::from(image)
            )),
            _ => {}
        }
        for (mount_place, mount) in list(container, "volumeMounts").iter().enumerate() {
            let name = text(mount, "name");
            if !volumes.contains(&name) {
                let at = format!("{at}.volumeMounts[{mount_place}].name");
                faults.push(format!("{at}: Not found: {}", Value::from(name)));
            }
        }
    }
    match text(spec, "restartPolicy") {
        "" | "Always" | "OnFailure" | "Never" => {}
        other => faults.push(format!(
            "{path}.restartPolicy: Unsupported value: {}: supported values: \"Always\", \
             \"OnFailure\", \"Never\"",
            Value::from(other)
        )),
    }
}

fn service(object: &Value, faults: &mut Vec<String>) {
    let ports = list(object, "spec.ports");
    let headless = text(object, "spec.clusterIP") == "None";
    if ports.is_empty() && !headless && text(object, "spec.type") != "ExternalName" {
        faults.push("spec.ports: Required value".to_owned());
    }
    for (place, port) in ports.iter().enumerate() {
        let number = crate::value::int(port, "port").unwrap_or_default();
        if !(1..=65_535).contains(&number) {
            faults.push(format!(
                "spec.ports[{place}].port: Invalid value: {number}: must be between 1 and 65535, \
                 inclusive"
            ));
        }
    }
}
