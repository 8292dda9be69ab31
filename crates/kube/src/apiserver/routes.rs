//! What a request's path and query mean.

use crate::client::unescape;
use crate::resources::{self, Kind};

/// A request for objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) kind: &'static Kind,
    /// Empty for all namespaces, and for kinds that have none.
    pub(crate) namespace: String,
    /// Empty for the whole list.
    pub(crate) name: String,
    /// Empty for the object itself.
    pub(crate) subresource: String,
}

/// Finds out what a path asks for; none when it is no path of objects.
pub(crate) fn route(path: &str) -> Option<Route> {
    let mut parts = path.trim_matches('/').split('/').map(unescape);
    let group = match parts.next()?.as_str() {
        "api" => String::new(),
        "apis" => parts.next()?,
        _ => return None,
    };
    let version = parts.next()?;
    let rest: Vec<String> = parts.collect();
    let get = |place: usize| rest.get(place).cloned().unwrap_or_default();
    let (namespace, from) = match rest.first()?.as_str() {
        // A namespace itself, or something of it.
        "namespaces" if rest.len() >= 3 && !matches!(rest[2].as_str(), "status" | "finalize") => {
            (rest[1].clone(), 2)
        }
        _ => (String::new(), 0),
    };
    let kind = resources::by_plural(&group, rest.get(from)?)?;
    let known = kind.version == version && rest.len() <= from + 3;
    let sub = get(from + 2);
    let known = known && (sub.is_empty() || kind.subresources.contains(&sub.as_str()));
    let placed = kind.namespaced || namespace.is_empty();
    (known && placed).then(|| Route { kind, namespace, name: get(from + 1), subresource: sub })
}

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Query {
        let parts = text.split('&').filter(|part| !part.is_empty());
        Query(
            parts
                .map(|part| {
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    (unescape(name), unescape(value))
                })
                .collect(),
        )
    }

    /// A parameter's value; empty where it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    pub(crate) fn yes(&self, name: &str) -> bool {
        self.has(name) && !matches!(self.get(name), "false" | "0")
    }

    pub(crate) fn int(&self, name: &str) -> i64 {
        self.get(name).parse().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_objects() {
        for (path, want) in [
            ("/api/v1/pods", Some(("Pod", "", "", ""))),
            ("/api/v1/namespaces", Some(("Namespace", "", "", ""))),
            ("/api/v1/namespaces/a", Some(("Namespace", "", "a", ""))),
            ("/api/v1/namespaces/a/finalize", Some(("Namespace", "", "a", "finalize"))),
            ("/api/v1/namespaces/a/pods/b/log", Some(("Pod", "a", "b", "log"))),
            ("/apis/apps/v1/namespaces/a/deployments", Some(("Deployment", "a", "", ""))),
            ("/apis/apps/v1beta1/deployments", None),
            ("/api/v1/deployments", None),
            ("/api/v1/pods/a/b/c", None),
            ("/api", None),
        ] {
            let got = route(path);
            let got = got.as_ref().map(|it| {
                (it.kind.kind, it.namespace.as_str(), it.name.as_str(), it.subresource.as_str())
            });
            assert_eq!(got, want, "{path}");
        }
    }
}
