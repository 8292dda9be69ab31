//! Endpoint slices: which pods stand behind a service.

use serde_json::{Value, json};

use super::Work;
use crate::selector::Labels;
use crate::value::{self, at, holds, int, list, set, text};

const SERVICE: &str = "kubernetes.io/service-name";

pub(super) async fn reconcile(work: &Work) {
    for service in work.informers.all("Service") {
        if at(&service, "spec.selector").is_object() && !value::is_deleted(&service) {
            one(work, &service).await;
        }
    }
}

/// The number a port of a service leads to, in a pod.
fn target(port: &Value, pods: &[std::rc::Rc<Value>]) -> Option<i64> {
    match at(port, "targetPort") {
        Value::String(name) => pods.iter().find_map(|pod| {
            let ports = list(pod, "spec.containers").iter().flat_map(|it| list(it, "ports"));
            ports.filter(|it| text(it, "name") == name).find_map(|it| int(it, "containerPort"))
        }),
        number => number.as_i64(),
    }
}

async fn one(work: &Work, service: &Value) {
    let selector = Labels::of_map(at(service, "spec.selector"));
    let mut pods = work.informers.all("Pod");
    pods.retain(|pod| {
        value::namespace(pod) == value::namespace(service)
            && selector.fits(pod)
            && !text(pod, "status.podIP").is_empty()
            && !matches!(text(pod, "status.phase"), "Succeeded" | "Failed")
    });
    let reference = |pod: &Value| {
        json!({"kind": "Pod", "name": value::name(pod), "namespace": value::namespace(pod),
            "uid": value::uid(pod)})
    };
    let ready = |pod: &Value| holds(pod, "Ready") && !value::is_deleted(pod);
    let slice_endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            json!({"addresses": [text(pod, "status.podIP")], "nodeName": text(pod, "spec.nodeName"),
                "conditions": {"ready": ready(pod), "serving": holds(pod, "Ready"),
                    "terminating": value::is_deleted(pod)},
                "targetRef": reference(pod)})
        })
        .collect();
    let ports: Vec<Value> = list(service, "spec.ports")
        .iter()
        .filter_map(|port| {
            let number = target(port, &pods)?;
            Some(json!({"name": text(port, "name"), "port": number, "protocol": text(port, "protocol")}))
        })
        .collect();
    let address = |pod: &std::rc::Rc<Value>| {
        json!({"ip": text(pod, "status.podIP"), "nodeName": text(pod, "spec.nodeName"),
            "targetRef": reference(pod)})
    };
    let (good, bad): (Vec<_>, Vec<_>) = pods.iter().partition(|pod| ready(pod));
    let mut subset = json!({"ports": ports});
    for (field, pods) in [("addresses", &good), ("notReadyAddresses", &bad)] {
        if !pods.is_empty() {
            let list: Vec<Value> = pods.iter().map(|pod| address(pod)).collect();
            subset[field] = list.into();
        }
    }
    let subsets = if pods.is_empty() { json!([]) } else { json!([subset]) };
    write_slice(work, service, slice_endpoints, ports).await;
    write_endpoints(work, service, subsets).await;
}

async fn write_slice(work: &Work, service: &Value, endpoints: Vec<Value>, ports: Vec<Value>) {
    let slices = work.informers.all("EndpointSlice");
    let have = slices.iter().find(|it| {
        value::namespace(it) == value::namespace(service)
            && value::label(it, SERVICE) == Some(value::name(service))
    });
    let (endpoints, ports) = (Value::from(endpoints), Value::from(ports));
    match have {
        Some(have) => {
            if have["endpoints"] != endpoints || have["ports"] != ports {
                let mut new = (**have).clone();
                new["endpoints"] = endpoints;
                new["ports"] = ports;
                work.update("EndpointSlice", &new).await;
            }
        }
        None => {
            let slice = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {
                    "generateName": format!("{}-", value::name(service)),
                    "namespace": value::namespace(service),
                    "labels": {SERVICE: value::name(service),
                        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                    "ownerReferences": [value::owned_by(service)],
                },
                "endpoints": endpoints, "ports": ports,
            });
            // A namespace that goes away takes none.
            let _ = work.create("EndpointSlice", value::namespace(service), &slice).await;
        }
    }
}

async fn write_endpoints(work: &Work, service: &Value, subsets: Value) {
    match work.informers.get("Endpoints", &value::key(service)) {
        Some(have) => {
            if have["subsets"] != subsets {
                let mut new = (*have).clone();
                set(&mut new, "subsets", subsets);
                work.update("Endpoints", &new).await;
            }
        }
        None => {
            let endpoints = json!({
                "apiVersion": "v1", "kind": "Endpoints", "subsets": subsets,
                "metadata": {"name": value::name(service), "namespace": value::namespace(service),
                    "ownerReferences": [value::owned_by(service)]},
            });
            let _ = work.create("Endpoints", value::namespace(service), &endpoints).await;
        }
    }
}
