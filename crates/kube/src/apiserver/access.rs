//! Who may do what: the groups that may do everything, the nodes and what they need, the parts
//! of a control plane. There are no roles of one's own; whoever else shows a certificate of the
//! cluster's authority is known and may do nothing. And the reviews, by which one asks.

use serde_json::{Value, json};
use sim::{HttpRequest, HttpResponse};

use super::routes::{Query, Route, route};
use crate::identity::Identity;
use crate::resources;
use crate::value::text;

/// Groups that may do everything.
const MASTERS: [&str; 2] = ["system:masters", "kubeadm:cluster-admins"];

/// Parts of a control plane, which have wide roles in every cluster.
const PARTS: [&str; 4] = [
    "kube-apiserver-kubelet-client",
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
];

const READ: &[&str] = &["get", "list", "watch"];
const ALL: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

/// What a node may do with which kinds.
const NODES: &[(&str, &[&str])] = &[
    ("configmaps", &["get"]),
    ("endpoints", READ),
    ("events", &["create", "patch", "update"]),
    ("leases", ALL),
    ("nodes", &["create", "get", "list", "patch", "update", "watch"]),
    ("pods", ALL),
    ("secrets", &["get"]),
    ("serviceaccounts", &["get"]),
    ("services", READ),
];

/// Something somebody wants to do: in the words of the API's sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attempt {
    verb: String,
    /// With its subresource; empty where it is about a path.
    resource: String,
    group: String,
    namespace: String,
    name: String,
    path: String,
}

impl Attempt {
    /// What a request comes to.
    pub(super) fn of(request: &HttpRequest, path: &str, query: &Query) -> Attempt {
        let found = route(path);
        let named = found.as_ref().is_some_and(|it| !it.name.is_empty());
        let verb = match (request.method.as_str(), named) {
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "delete",
            ("DELETE", false) => "deletecollection",
            _ if query.yes("watch") => "watch",
            (_, false) if found.is_some() => "list",
            _ => "get",
        };
        let verb = verb.to_owned();
        let Some(Route { kind, namespace, name, subresource }) = found else {
            return Attempt { verb, path: path.to_owned(), ..Attempt::default() };
        };
        let resource = match subresource.as_str() {
            "" => kind.plural.to_owned(),
            sub => format!("{}/{sub}", kind.plural),
        };
        let (group, path) = (kind.group.to_owned(), String::new());
        Attempt { verb, resource, group, namespace, name, path }
    }

    /// What a `SelfSubjectAccessReview` asks about.
    fn asked(review: &Value) -> Attempt {
        let attribute =
            |name: &str| text(review, &format!("spec.resourceAttributes.{name}")).to_owned();
        let path = text(review, "spec.nonResourceAttributes.path").to_owned();
        let verb = match path.as_str() {
            "" => attribute("verb"),
            _ => text(review, "spec.nonResourceAttributes.verb").to_owned(),
        };
        Attempt {
            verb,
            resource: attribute("resource"),
            group: attribute("group"),
            namespace: attribute("namespace"),
            name: attribute("name"),
            path,
        }
    }

    /// The sentence for who may not.
    pub(super) fn refusal(&self, user: &str) -> String {
        let Attempt { verb, resource, group, namespace, name, path } = self;
        if !path.is_empty() {
            return format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"");
        }
        let plural = resource.split('/').next().unwrap_or(resource);
        let kind = match group.as_str() {
            "" => plural.to_owned(),
            group => format!("{plural}.{group}"),
        };
        let name = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let place = match namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace \"{namespace}\""),
        };
        format!(
            "{kind}{name} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API \
             group \"{group}\" {place}"
        )
    }
}

/// Paths everybody may read whose name is known.
fn for_all(path: &str) -> bool {
    let known = ["/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version"];
    path == "/" || known.iter().any(|start| path.starts_with(start))
}

/// Whether somebody may do something.
pub(super) fn may(user: &Identity, attempt: &Attempt) -> bool {
    if user.groups.iter().any(|it| MASTERS.contains(&it.as_str()))
        || PARTS.contains(&user.name.as_str())
    {
        return true;
    }
    if !attempt.path.is_empty() {
        return attempt.verb == "get" && for_all(&attempt.path) || is_review(&attempt.path);
    }
    let plural = attempt.resource.split('/').next().unwrap_or_default();
    let node =
        user.name.starts_with("system:node:") && user.groups.iter().any(|it| it == "system:nodes");
    node && NODES
        .iter()
        .any(|(kind, verbs)| *kind == plural && verbs.contains(&attempt.verb.as_str()))
}

const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const SELF: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

fn is_review(path: &str) -> bool {
    path == ACCESS || path == SELF
}

/// Answers a review; none when the request is another.
pub(super) fn review(user: &Identity, request: &HttpRequest, path: &str) -> Option<HttpResponse> {
    if request.method != "POST" || !is_review(path) {
        return None;
    }
    let mut body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if path == SELF {
        body = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
            "metadata": {}, "status": {"userInfo": {"username": user.name, "groups": groups(user)}}});
    } else {
        let attempt = Attempt::asked(&body);
        let known = !attempt.path.is_empty()
            || attempt.resource == "*"
            || resources::find(attempt.resource.split('/').next().unwrap_or_default()).is_some();
        body["status"] = json!({"allowed": known && may(user, &attempt)});
    }
    Some(HttpResponse::new(201, "application/json", body.to_string() + "\n"))
}

/// The groups of somebody who is known.
fn groups(user: &Identity) -> Vec<&str> {
    user.groups.iter().map(String::as_str).chain(["system:authenticated"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str, groups: &[&str]) -> Identity {
        let groups = groups.iter().map(|&it| it.to_owned()).collect();
        Identity { name: name.to_owned(), groups }
    }

    #[test]
    fn nodes_read_pods_and_do_not_list_secrets() {
        let attempt = |method: &str, target: &str| {
            let request = HttpRequest::new(method, target);
            let (path, query) = request.split();
            Attempt::of(&request, path, &Query::parse(query))
        };
        let node = who("system:node:node01", &["system:nodes"]);
        let jane = who("jane", &["developers"]);
        let root = who("kubernetes-admin", &["kubeadm:cluster-admins"]);
        let list = attempt("GET", "/api/v1/namespaces/default/secrets?limit=500");
        assert!(may(&root, &list) && !may(&node, &list) && !may(&jane, &list));
        assert_eq!(
            list.refusal("jane"),
            "secrets is forbidden: User \"jane\" cannot list resource \"secrets\" in API group \"\" \
             in the namespace \"default\""
        );
        assert!(may(&node, &attempt("GET", "/api/v1/pods?watch=true")));
        assert!(may(&node, &attempt("PATCH", "/api/v1/namespaces/a/pods/b/status")));
        assert!(!may(&jane, &attempt("GET", "/api/v1/pods")));
        assert!(may(&jane, &attempt("GET", "/version")));
        let scale = attempt("PATCH", "/apis/apps/v1/namespaces/a/deployments/b/scale");
        assert_eq!(
            scale.refusal("jane"),
            "deployments.apps \"b\" is forbidden: User \"jane\" cannot patch resource \
             \"deployments/scale\" in API group \"apps\" in the namespace \"a\""
        );
    }
}
