//! `/healthz`, `/livez`, `/readyz`, `/version`, `/metrics`.

use etcd::pb;
use etcd::rpc::Op;
use sim::HttpResponse;

use super::Server;
use super::routes::Query;

/// How long the check of etcd waits.
const ETCD_CHECK_US: u64 = 2_000_000;

/// Checks that hold as soon as a server listens.
const HOOKS: &[&str] = &[
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/bootstrap-controller",
    "autoregister-completion",
];

/// Whether a path is served to anybody.
pub(super) fn is_public(path: &str) -> bool {
    let root = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(root, "healthz" | "livez" | "readyz" | "version")
}

impl Server {
    /// Answers what probes ask; none when the path is no such question.
    pub(super) async fn health(&self, path: &str, query: &Query) -> Option<HttpResponse> {
        let text = |code, body: String| HttpResponse::new(code, "text/plain; charset=utf-8", body);
        let mut parts = path.trim_matches('/').splitn(2, '/');
        let root = parts.next().unwrap_or_default();
        match root {
            "version" => {
                let version = crate::version_info().to_string();
                return Some(HttpResponse::new(200, "application/json", version));
            }
            "healthz" | "livez" | "readyz" => {}
            _ => return None,
        }
        let only = parts.next();
        let excluded = query.all("exclude");
        let mut checks = vec![("ping", true), ("log", true)];
        let etcd = if excluded.contains(&"etcd") { true } else { self.etcd_is_well().await };
        checks.push(("etcd", etcd));
        if root == "readyz" {
            checks.push(("etcd-readiness", etcd));
            checks.push(("informer-sync", self.caches.ready()));
        }
        checks.extend(HOOKS.iter().map(|name| (*name, true)));
        if root == "readyz" {
            checks.push(("poststarthook/apiservice-registration-controller", self.ready.get()));
            checks.push(("shutdown", true));
        }
        checks.retain(|(name, _)| !excluded.contains(name));
        if let Some(only) = only {
            let found = checks.iter().find(|(name, _)| *name == only);
            return Some(match found {
                None => text(404, "404 page not found\n".to_owned()),
                Some((_, true)) => text(200, "ok".to_owned()),
                Some((_, false)) => {
                    text(500, "internal server error: reason withheld\n".to_owned())
                }
            });
        }
        let well = checks.iter().all(|(_, well)| *well);
        if well && !query.has("verbose") {
            return Some(text(200, "ok".to_owned()));
        }
        let mut body = String::new();
        for (name, well) in checks {
            body.push_str(&match well {
                true => format!("[+]{name} ok\n"),
                false => format!("[-]{name} failed: reason withheld\n"),
            });
        }
        Some(match well {
            true => text(200, format!("{body}{root} check passed\n")),
            false => text(500, format!("{body}{root} check failed\n")),
        })
    }

    async fn etcd_is_well(&self) -> bool {
        let key = format!("{}/health", self.store.root);
        let range = pb::RangeRequest { key: key.into(), ..Default::default() };
        self.store.etcd.call(Op::Range(range), ETCD_CHECK_US).await.is_ok()
    }
}
