//! Discovery: which groups, versions and kinds there are.

use serde_json::{Value, json};
use sim::HttpResponse;

use crate::resources::{KINDS, Kind};

fn groups() -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for kind in KINDS.iter().filter(|kind| !kind.group.is_empty()) {
        if !groups.contains(&(kind.group, kind.version)) {
            groups.push((kind.group, kind.version));
        }
    }
    groups
}

fn resource(kind: &Kind) -> Vec<Value> {
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let mut one = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced,
        "kind": kind.kind, "verbs": verbs,
    });
    if !kind.short.is_empty() {
        one["shortNames"] = json!(kind.short);
    }
    if kind.in_all {
        one["categories"] = json!(["all"]);
    }
    let subs = kind.subresources.iter().map(|sub| {
        json!({"name": format!("{}/{sub}", kind.plural), "singularName": "",
            "namespaced": kind.namespaced, "kind": kind.kind, "verbs": ["get", "patch", "update"]})
    });
    std::iter::once(one).chain(subs).collect()
}

/// Answers a question for groups, versions or kinds; none when the path is another.
pub(super) fn answer(path: &str) -> Option<HttpResponse> {
    let body = match path.trim_end_matches('/') {
        "" => {
            let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
            for (group, version) in groups() {
                paths.push(format!("/apis/{group}"));
                paths.push(format!("/apis/{group}/{version}"));
            }
            paths.extend(["/healthz", "/livez", "/readyz", "/version"].map(str::to_owned));
            json!({"paths": paths})
        }
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis" => {
            let groups: Vec<Value> = groups()
                .into_iter()
                .map(|(group, version)| {
                    let this =
                        json!({"groupVersion": format!("{group}/{version}"), "version": version});
                    json!({"name": group, "versions": [this], "preferredVersion": this})
                })
                .collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        path => {
            let version = path.strip_prefix("/apis/").or(path.strip_prefix("/api/"))?;
            let kinds = KINDS.iter().filter(|kind| kind.api_version() == version);
            let resources: Vec<Value> = kinds.flat_map(resource).collect();
            if resources.is_empty() {
                return None;
            }
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version,
                "resources": resources})
        }
    };
    Some(HttpResponse::new(200, "application/json", body.to_string() + "\n"))
}
