//! Deleting: at once, or by asking those who still have to let go of an object.

use serde_json::{Value, json};
use sim::HttpResponse;

use super::Server;
use super::failure::Failure;
use super::rest::{Filter, answer};
use super::routes::{Query, Route};
use crate::value::{self, at, int, list, set, text};

impl Server {
    /// Deletes an object.
    pub(super) async fn delete(
        &self,
        route: &Route,
        query: &Query,
        options: &Value,
        dry: bool,
    ) -> Result<HttpResponse, Failure> {
        let (kind, name) = (route.kind, route.name.as_str());
        for _ in 0..8 {
            let old = self.store.get(kind, &route.namespace, name).await?;
            let old = old.ok_or_else(|| Failure::not_found(kind, name))?;
            let wanted = text(options, "preconditions.uid");
            if !wanted.is_empty() && wanted != value::uid(&old) {
                return Err(Failure::uid_conflict(kind, name, wanted, value::uid(&old)));
            }
            if kind.kind == "Namespace" && text(&old, "metadata.name") == "default"
                || kind.kind == "Namespace" && name.starts_with("kube-") && protected(name)
            {
                return Err(Failure::forbidden(kind, name, "this namespace may not be deleted"));
            }
            let revision = text(&old, "metadata.resourceVersion").parse().unwrap_or_default();
            let Some(new) = self.leaving(kind.kind, &old, query, options)? else {
                if dry || self.store.remove(kind, &route.namespace, name, revision).await? {
                    return Ok(deleted(kind.kind, route, &old));
                }
                continue;
            };
            if dry || new == old {
                return Ok(answer(200, &new));
            }
            if let Some(revision) = self.store.write(kind, &new, revision).await? {
                let mut new = new;
                set(&mut new, "metadata.resourceVersion", revision.to_string());
                return Ok(answer(200, &new));
            }
        }
        Err(Failure::conflict(kind, name))
    }

    /// The object as one that is on its way out; none when it can go at once.
    fn leaving(
        &self,
        kind: &str,
        old: &Value,
        query: &Query,
        options: &Value,
    ) -> Result<Option<Value>, Failure> {
        let mut new = old.clone();
        let now_us = self.sys.wall_us();
        if kind == "Namespace" {
            if value::is_deleted(old) {
                let done = list(old, "spec.finalizers").is_empty();
                let busy = Failure::namespace_busy(value::name(old));
                return if done { Ok(None) } else { Err(busy) };
            }
            set(&mut new, "metadata.deletionTimestamp", value::time(now_us));
            set(&mut new, "status.phase", "Terminating");
            return Ok(Some(new));
        }
        if kind == "Pod" {
            let asked = match query.get("gracePeriodSeconds") {
                "" => int(options, "gracePeriodSeconds"),
                text => text.parse().ok(),
            };
            let own = int(old, "spec.terminationGracePeriodSeconds").unwrap_or(30);
            let mut grace = asked.unwrap_or(own).max(0);
            let placed = !text(old, "spec.nodeName").is_empty();
            if !placed || matches!(text(old, "status.phase"), "Succeeded" | "Failed") {
                grace = 0;
            }
            if grace > 0 {
                let before = int(old, "metadata.deletionGracePeriodSeconds");
                if before.is_some_and(|before| before <= grace) {
                    return Ok(Some(new));
                }
                let until_us = now_us + u64::try_from(grace).unwrap_or_default() * 1_000_000;
                set(&mut new, "metadata.deletionTimestamp", value::time(until_us));
                set(&mut new, "metadata.deletionGracePeriodSeconds", grace);
                return Ok(Some(new));
            }
        }
        if list(old, "metadata.finalizers").is_empty() {
            return Ok(None);
        }
        if !value::is_deleted(old) {
            set(&mut new, "metadata.deletionTimestamp", value::time(now_us));
            set(&mut new, "metadata.deletionGracePeriodSeconds", 0);
        }
        Ok(Some(new))
    }

    /// Deletes every object of a list.
    pub(super) async fn delete_all(
        &self,
        route: &Route,
        query: &Query,
    ) -> Result<HttpResponse, Failure> {
        let filter = Filter::of(route.kind, query)?;
        let page = self.store.list(route.kind, &route.namespace, 0, None).await?;
        let mut items = page.items;
        items.retain(|item| filter.fits(item));
        for item in &items {
            let mut one = route.clone();
            one.namespace = value::namespace(item).to_owned();
            one.name = value::name(item).to_owned();
            match self.delete(&one, query, &Value::Null, false).await {
                // Somebody else was faster.
                Err(failure) if failure.code != 404 => return Err(failure),
                _ => {}
            }
        }
        let kind = format!("{}List", route.kind.kind);
        let version = route.kind.api_version();
        let metadata = json!({"resourceVersion": page.revision.to_string()});
        let list =
            json!({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items});
        Ok(answer(200, &list))
    }
}

fn protected(name: &str) -> bool {
    matches!(name, "kube-system" | "kube-public" | "kube-node-lease")
}

/// The answer when an object went at once: pods are shown, of others it is said.
fn deleted(kind: &str, route: &Route, old: &Value) -> HttpResponse {
    if kind == "Pod" {
        return answer(200, old);
    }
    let mut details =
        json!({"name": route.name, "kind": route.kind.plural, "uid": at(old, "metadata.uid")});
    if !route.kind.group.is_empty() {
        details["group"] = route.kind.group.into();
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": details});
    answer(200, &status)
}
