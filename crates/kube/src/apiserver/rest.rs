//! The verbs of objects: get, list, create, update, patch, delete.

use serde_json::{Value, json};
use sim::{HttpRequest, HttpResponse};

use super::Server;
use super::failure::Failure;
use super::routes::{Query, Route};
use super::{defaults, validate};
use crate::patch;
use crate::resources::{Kind, named};
use crate::selector::{Fields, Labels};
use crate::value::{self, at, default, int, name, set, text};

/// How often an update is tried again when somebody was faster.
const TRIES_MAX: u32 = 8;

/// An object as an answer.
pub(super) fn answer(code: u16, object: &Value) -> HttpResponse {
    HttpResponse::new(code, "application/json", object.to_string() + "\n")
}

/// What a list is narrowed to.
pub(super) struct Filter {
    pub(super) labels: Labels,
    pub(super) fields: Fields,
}

impl Filter {
    pub(super) fn of(kind: &Kind, query: &Query) -> Result<Filter, Failure> {
        let labels = Labels::parse(query.get("labelSelector")).map_err(Failure::bad)?;
        let fields = Fields::parse(query.get("fieldSelector"), kind.kind).map_err(Failure::bad)?;
        Ok(Filter { labels, fields })
    }

    pub(super) fn fits(&self, object: &Value) -> bool {
        self.labels.fits(object) && self.fields.fits(object)
    }
}

impl Server {
    /// Carries out a request for objects.
    pub(super) async fn rest(
        &self,
        route: &Route,
        query: &Query,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        if route.kind.kind == "ComponentStatus" {
            return self.components(route, &request.method).await;
        }
        let dry = query.get("dryRun") == "All";
        match (request.method.as_str(), route.name.is_empty(), route.subresource.as_str()) {
            ("GET", true, _) => self.list(route, query).await,
            ("POST", true, _) => self.create(route, parse(request)?, dry).await,
            ("DELETE", true, _) => self.delete_all(route, query).await,
            ("GET", false, "" | "status") => {
                let object = self.store.get(route.kind, &route.namespace, &route.name).await?;
                let object = object.ok_or_else(|| Failure::not_found(route.kind, &route.name))?;
                Ok(answer(200, &object))
            }
            ("PUT", false, "" | "status" | "finalize") => {
                self.update(route, parse(request)?, dry).await
            }
            ("PATCH", false, "" | "status") => self.patch(route, request, dry).await,
            ("DELETE", false, "") => {
                let options = if request.body.is_empty() { Value::Null } else { parse(request)? };
                self.delete(route, query, &options, dry).await
            }
            (_, false, "scale") => self.scale(route, request, dry).await,
            ("POST", false, "binding") => self.bind(route, &parse(request)?).await,
            ("POST", false, "eviction") => {
                self.delete(route, query, &Value::Null, dry).await?;
                Ok(answer(
                    201,
                    &json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
                    "status": "Success", "code": 201}),
                ))
            }
            _ => Err(Failure::method()),
        }
    }

    async fn list(&self, route: &Route, query: &Query) -> Result<HttpResponse, Failure> {
        let kind = route.kind;
        let filter = Filter::of(kind, query)?;
        let (limit, token) = (query.int("limit"), query.get("continue"));
        let from = match token {
            "" => None,
            token => Some(
                read_token(token)
                    .ok_or_else(|| Failure::bad("continue key is not valid: it cannot be read"))?,
            ),
        };
        let mut metadata = json!({});
        let mut items: Vec<Value>;
        if query.get("resourceVersion") == "0" && limit == 0 {
            let (objects, revision) = self.caches.all(kind)?;
            let ours = |object: &Value| {
                route.namespace.is_empty() || value::namespace(object) == route.namespace
            };
            items = objects.iter().filter(|it| ours(it)).map(|it| (**it).clone()).collect();
            metadata["resourceVersion"] = revision.to_string().into();
        } else {
            let page = self.store.list(kind, &route.namespace, limit, from).await?;
            items = page.items;
            metadata["resourceVersion"] = page.revision.to_string().into();
            if let Some((last, count)) = page.rest {
                metadata["continue"] = write_token(&last, page.revision).into();
                metadata["remainingItemCount"] = count.into();
            }
        }
        items.retain(|item| filter.fits(item));
        for item in &mut items {
            // A list says once what its items are.
            let map = item.as_object_mut().expect("what is stored is an object");
            map.remove("kind");
            map.remove("apiVersion");
        }
        let list = json!({
            "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
            "metadata": metadata, "items": items,
        });
        Ok(answer(200, &list))
    }

    /// Whether things may be made in a namespace.
    async fn admit_namespace(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Result<(), Failure> {
        if !kind.namespaced {
            return Ok(());
        }
        let spaces = named("Namespace");
        let space = self.store.get(spaces, "", namespace).await?;
        let space = space.ok_or_else(|| Failure::not_found(spaces, namespace))?;
        if value::is_deleted(&space) && kind.kind != "Event" {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being \
                 terminated"
            );
            return Err(Failure::forbidden(kind, name, &why));
        }
        Ok(())
    }

    pub(super) async fn create(
        &self,
        route: &Route,
        mut object: Value,
        dry: bool,
    ) -> Result<HttpResponse, Failure> {
        let kind = route.kind;
        check_type(kind, &object)?;
        if kind.namespaced {
            default(&mut object, "metadata.namespace", route.namespace.as_str());
            if value::namespace(&object) != route.namespace {
                return Err(Failure::bad(
                    "the namespace of the provided object does not match the namespace sent on \
                     the request",
                ));
            }
        } else {
            value::unset(&mut object, "metadata.namespace");
        }
        if name(&object).is_empty() && !text(&object, "metadata.generateName").is_empty() {
            let start = text(&object, "metadata.generateName");
            let full = format!("{start}{}", value::suffix(&self.sys));
            set(&mut object, "metadata.name", full);
        }
        let object_name = name(&object).to_owned();
        self.admit_namespace(kind, &route.namespace, &object_name).await?;
        set(&mut object, "kind", kind.kind);
        set(&mut object, "apiVersion", kind.api_version());
        set(&mut object, "metadata.uid", value::new_uid(&self.sys));
        set(&mut object, "metadata.creationTimestamp", value::time(self.sys.wall_us()));
        let revision = value::unset(&mut object, "metadata.resourceVersion").unwrap_or_default();
        if !at(&object, "spec").is_null() && !matches!(kind.kind, "Namespace" | "Node" | "Service")
        {
            set(&mut object, "metadata.generation", 1);
        }
        if !matches!(kind.kind, "Node" | "Pod" | "Event" | "Lease") {
            // What is to come of it is not for its maker to say.
            value::unset(&mut object, "status");
        }
        defaults::fill(kind.kind, &mut object);
        self.admit(kind, &mut object).await?;
        let faults = validate::faults(kind.kind, &object);
        if !faults.is_empty() {
            return Err(Failure::invalid(kind, &object_name, &faults));
        }
        if revision.as_str().is_some_and(|it| !matches!(it, "" | "0")) {
            let text = "resourceVersion should not be set on objects to be created";
            return Err(Failure::bare(text.to_owned()));
        }
        if dry {
            if self.store.get(kind, &route.namespace, &object_name).await?.is_some() {
                return Err(Failure::exists(kind, &object_name));
            }
            return Ok(answer(201, &object));
        }
        match self.store.write(kind, &object, 0).await? {
            Some(revision) => {
                set(&mut object, "metadata.resourceVersion", revision.to_string());
                Ok(answer(201, &object))
            }
            None => Err(Failure::exists(kind, &object_name)),
        }
    }

    /// What admission adds or refuses.
    async fn admit(&self, kind: &'static Kind, object: &mut Value) -> Result<(), Failure> {
        match kind.kind {
            "Pod" => self.admit_pod(kind, object).await,
            "Service" => self.give_address(object).await,
            _ => Ok(()),
        }
    }

    async fn admit_pod(&self, kind: &'static Kind, pod: &mut Value) -> Result<(), Failure> {
        if value::annotation(pod, "kubernetes.io/config.mirror").is_some() {
            return Ok(());
        }
        default(pod, "spec.serviceAccountName", "default");
        let account = text(pod, "spec.serviceAccountName").to_owned();
        set(pod, "spec.serviceAccount", account.as_str());
        let namespace = value::namespace(pod).to_owned();
        let accounts = named("ServiceAccount");
        if self.store.get(accounts, &namespace, &account).await?.is_none() {
            let why = format!(
                "error looking up service account {namespace}/{account}: serviceaccount \
                 \"{account}\" not found"
            );
            return Err(Failure::forbidden(kind, name(pod), &why));
        }
        default(pod, "spec.priority", 0);
        default(pod, "spec.preemptionPolicy", "PreemptLowerPriority");
        default(pod, "spec.enableServiceLinks", true);
        let tolerations = value::object_mut(pod, "spec");
        let list = tolerations.entry("tolerations").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
                let tolerated = |it: &Value| {
                    text(it, "key") == key
                        || text(it, "key").is_empty() && text(it, "operator") == "Exists"
                };
                if !list.iter().any(tolerated) {
                    list.push(json!({"effect": "NoExecute", "key": key, "operator": "Exists",
                        "tolerationSeconds": 300}));
                }
            }
        }
        Ok(())
    }

    /// Gives a service the address it asked for or the next free one.
    async fn give_address(&self, service: &mut Value) -> Result<(), Failure> {
        let kind = named("Service");
        let mut taken: Vec<String> = Vec::new();
        let mut ports: Vec<i64> = Vec::new();
        for other in self.store.list(kind, "", 0, None).await?.items {
            taken.push(text(&other, "spec.clusterIP").to_owned());
            ports.extend(
                value::list(&other, "spec.ports").iter().filter_map(|p| int(p, "nodePort")),
            );
        }
        if text(service, "spec.type") == "ExternalName" {
            return Ok(());
        }
        let wanted = text(service, "spec.clusterIP").to_owned();
        let address = match wanted.as_str() {
            "None" => "None".to_owned(),
            "" => self.free_address(&taken, name(service)),
            wanted if taken.iter().any(|it| it == wanted) => {
                let fault = format!(
                    "spec.clusterIPs: Invalid value: [\"{wanted}\"]: failed to allocate IP \
                     {wanted}: provided IP is already allocated"
                );
                return Err(Failure::invalid(kind, name(service), &[fault]));
            }
            wanted => wanted.to_owned(),
        };
        set(service, "spec.clusterIP", address.as_str());
        set(service, "spec.clusterIPs", json!([address]));
        if matches!(text(service, "spec.type"), "NodePort" | "LoadBalancer") {
            default(service, "spec.externalTrafficPolicy", "Cluster");
            let mut next = (30_000..32_768).filter(|port| !ports.contains(port));
            if let Some(list) = service.pointer_mut("/spec/ports").and_then(Value::as_array_mut) {
                for port in list {
                    if let Some(free) = next.next() {
                        default(port, "nodePort", free);
                    }
                }
            }
        }
        Ok(())
    }

    fn free_address(&self, taken: &[String], name: &str) -> String {
        // Spread over the range by name, as the real one spreads by chance.
        let start = name.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31) + u32::from(byte));
        let [a, b, ..] = self.service_net;
        (0..65_000_u32)
            .map(|step| 300 + (start % 60_000 + step) % 65_000)
            .map(|n| format!("{a}.{}.{}.{}", u32::from(b) + n / 65_536, n / 256 % 256, n % 256))
            .find(|address| !taken.contains(address))
            .unwrap_or_default()
    }

    /// An update by PUT: of the object, or of its status.
    async fn update(
        &self,
        route: &Route,
        object: Value,
        dry: bool,
    ) -> Result<HttpResponse, Failure> {
        check_type(route.kind, &object)?;
        if name(&object) != route.name {
            return Err(Failure::bad(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                name(&object),
                route.name
            )));
        }
        let wanted: i64 = text(&object, "metadata.resourceVersion").parse().unwrap_or_default();
        let uid = value::uid(&object).to_owned();
        self.change(route, dry, |old| {
            let have: i64 = text(old, "metadata.resourceVersion").parse().unwrap_or_default();
            if !uid.is_empty() && uid != value::uid(old) {
                let (kind, have) = (route.kind, value::uid(old));
                return Err(Failure::uid_conflict(kind, &route.name, &uid, have));
            }
            if wanted != 0 && wanted != have {
                return Err(Failure::conflict(route.kind, &route.name));
            }
            Ok(object.clone())
        })
        .await
    }

    async fn patch(
        &self,
        route: &Route,
        request: &HttpRequest,
        dry: bool,
    ) -> Result<HttpResponse, Failure> {
        let how = request.header("Content-Type").unwrap_or_default().to_owned();
        let patch = parse(request)?;
        let wanted = text(&patch, "metadata.resourceVersion").to_owned();
        self.change(route, dry, |old| {
            if !wanted.is_empty() && wanted != text(old, "metadata.resourceVersion") {
                return Err(Failure::conflict(route.kind, &route.name));
            }
            let mut new = old.clone();
            match how.as_str() {
                "application/merge-patch+json" => patch::merge(&mut new, &patch),
                "application/json-patch+json" => {
                    patch::json(&mut new, &patch).map_err(Failure::bad)?;
                }
                _ => patch::strategic(&mut new, &patch),
            }
            Ok(new)
        })
        .await
    }

    /// Reads, changes and writes an object, again when somebody was faster.
    pub(super) async fn change(
        &self,
        route: &Route,
        dry: bool,
        change: impl Fn(&Value) -> Result<Value, Failure>,
    ) -> Result<HttpResponse, Failure> {
        for _ in 0..TRIES_MAX {
            let (kind, name) = (route.kind, &route.name);
            let old = self.store.read(kind, &route.namespace, name).await?;
            let (old, stale) = old.ok_or_else(|| Failure::not_found(kind, name))?;
            let mut new = prepare(route, &old, change(&old)?);
            let faults = match route.subresource.as_str() {
                "" => validate::faults(kind.kind, &new),
                _ => Vec::new(),
            };
            let faults: Vec<String> =
                faults.into_iter().chain(immutable(kind.kind, &old, &new)).collect();
            if !faults.is_empty() {
                return Err(Failure::invalid(kind, name, &faults));
            }
            // What is stored under an older key is written anew even where nothing has changed.
            if dry || new == old && !stale {
                return Ok(answer(200, &new));
            }
            let revision = text(&old, "metadata.resourceVersion").parse().unwrap_or_default();
            if gone_now(&new) {
                if self.store.remove(kind, &route.namespace, name, revision).await? {
                    return Ok(answer(200, &new));
                }
            } else if let Some(revision) = self.store.write(kind, &new, revision).await? {
                set(&mut new, "metadata.resourceVersion", revision.to_string());
                return Ok(answer(200, &new));
            }
        }
        Err(Failure::conflict(route.kind, &route.name))
    }

    async fn scale(
        &self,
        route: &Route,
        request: &HttpRequest,
        dry: bool,
    ) -> Result<HttpResponse, Failure> {
        let mut inner = route.clone();
        inner.subresource = String::new();
        let shown = |object: &Value| {
            json!({
                "kind": "Scale", "apiVersion": "autoscaling/v1",
                "metadata": {"name": name(object), "namespace": value::namespace(object),
                    "uid": value::uid(object), "creationTimestamp": at(object, "metadata.creationTimestamp"),
                    "resourceVersion": text(object, "metadata.resourceVersion")},
                "spec": {"replicas": int(object, "spec.replicas").unwrap_or_default()},
                "status": {"replicas": int(object, "status.replicas").unwrap_or_default()},
            })
        };
        if request.method == "GET" {
            let object = self.store.get(route.kind, &route.namespace, &route.name).await?;
            let object = object.ok_or_else(|| Failure::not_found(route.kind, &route.name))?;
            return Ok(answer(200, &shown(&object)));
        }
        let body = parse(request)?;
        let wanted = text(&body, "metadata.resourceVersion").to_owned();
        let response = self
            .change(&inner, dry, |old| {
                if !wanted.is_empty() && wanted != text(old, "metadata.resourceVersion") {
                    return Err(Failure::conflict(route.kind, &route.name));
                }
                let mut new = old.clone();
                set(&mut new, "spec.replicas", int(&body, "spec.replicas").unwrap_or_default());
                Ok(new)
            })
            .await?;
        let object: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        Ok(answer(200, &shown(&object)))
    }

    async fn bind(&self, route: &Route, binding: &Value) -> Result<HttpResponse, Failure> {
        let node = text(binding, "target.name").to_owned();
        let now = value::time(self.sys.wall_us());
        let mut inner = route.clone();
        inner.subresource = "binding".to_owned();
        self.change(&inner, false, |old| {
            let bound = text(old, "spec.nodeName");
            if !bound.is_empty() {
                let why = format!("pod {} is already assigned to node \"{bound}\"", route.name);
                return Err(Failure::forbidden(route.kind, &route.name, &why));
            }
            let mut new = old.clone();
            set(&mut new, "spec.nodeName", node.as_str());
            let scheduled = json!({"type": "PodScheduled", "status": "True"});
            value::set_condition(&mut new, scheduled, &now);
            Ok(new)
        })
        .await?;
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Success", "code": 201});
        Ok(answer(201, &status))
    }
}

/// The body of a request.
pub(super) fn parse(request: &HttpRequest) -> Result<Value, Failure> {
    serde_json::from_slice(&request.body).map_err(|error| {
        Failure::bad(format!("the object provided is unrecognized (must be of type JSON): {error}"))
    })
}

fn check_type(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let (version, name) = (text(object, "apiVersion"), text(object, "kind"));
    if (!name.is_empty() && name != kind.kind)
        || (!version.is_empty() && version != kind.api_version())
    {
        return Err(Failure::bad(format!(
            "{name} in version \"{version}\" cannot be handled as a {}: no kind \"{name}\" is \
             registered for version \"{version}\"",
            kind.kind
        )));
    }
    Ok(())
}

/// An update as it will be stored: what it may not touch is as it was.
fn prepare(route: &Route, old: &Value, mut new: Value) -> Value {
    let keep = |new: &mut Value, path: &str| match at(old, path) {
        Value::Null => drop(value::unset(new, path)),
        value => set(new, path, value.clone()),
    };
    for path in [
        "kind",
        "apiVersion",
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.creationTimestamp",
        "metadata.resourceVersion",
        "metadata.generation",
        "metadata.deletionTimestamp",
        "metadata.deletionGracePeriodSeconds",
    ] {
        keep(&mut new, path);
    }
    let kind = route.kind;
    match route.subresource.as_str() {
        "status" => {
            let status = at(&new, "status").clone();
            let annotations = at(&new, "metadata.annotations").clone();
            new = old.clone();
            set(&mut new, "status", status);
            if kind.kind == "Node" && annotations.is_object() {
                set(&mut new, "metadata.annotations", annotations);
            }
        }
        "finalize" => {
            let finalizers = at(&new, "spec.finalizers").clone();
            new = old.clone();
            set(&mut new, "spec.finalizers", finalizers);
        }
        "binding" => {}
        _ => {
            if kind.subresources.contains(&"status") {
                keep(&mut new, "status");
            }
            if kind.kind == "Namespace" {
                keep(&mut new, "spec.finalizers");
            }
            defaults::fill(kind.kind, &mut new);
            let counted = !at(old, "metadata.generation").is_null();
            if counted && at(&new, "spec") != at(old, "spec") {
                let generation = int(old, "metadata.generation").unwrap_or_default() + 1;
                set(&mut new, "metadata.generation", generation);
            }
        }
    }
    for path in ["metadata.annotations", "metadata.labels", "metadata.finalizers"] {
        let empty = match at(&new, path) {
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if empty {
            value::unset(&mut new, path);
        }
    }
    new
}

/// Whether nothing holds an object that is on its way out any more.
fn gone_now(object: &Value) -> bool {
    let held = !value::list(object, "metadata.finalizers").is_empty()
        || !value::list(object, "spec.finalizers").is_empty();
    let pod = text(object, "kind") == "Pod";
    value::is_deleted(object) && !held && !pod
}

/// What an update may not change.
fn immutable(kind: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let changed = |path: &str| at(old, path) != at(new, path);
    match kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" if changed("spec.selector") => {
            let selector = at(new, "spec.selector");
            faults.push(format!("spec.selector: Invalid value: {selector}: field is immutable"));
        }
        "Pod" => {
            let stripped = |pod: &Value| {
                let mut spec = at(pod, "spec").clone();
                for path in [
                    "nodeName",
                    "tolerations",
                    "activeDeadlineSeconds",
                    "terminationGracePeriodSeconds",
                ] {
                    value::unset(&mut spec, path);
                }
                if let Some(list) = spec.get_mut("containers").and_then(Value::as_array_mut) {
                    list.iter_mut().for_each(|it| drop(value::unset(it, "image")));
                }
                spec
            };
            if stripped(old) != stripped(new) {
                faults.push(
                    "spec: Forbidden: pod updates may not change fields other than \
                     `spec.containers[*].image`,`spec.initContainers[*].image`,\
                     `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                     tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if \
                     it was previously negative)"
                        .to_owned(),
                );
            }
        }
        "Service" if changed("spec.clusterIP") && text(new, "spec.type") != "ExternalName" => {
            faults.push(format!(
                "spec.clusterIPs[0]: Invalid value: [{}]: may not change once set",
                at(new, "spec.clusterIP")
            ));
        }
        _ => {}
    }
    faults
}

/// Where a list goes on: the last key and the revision, so that all pages show one moment.
fn write_token(last: &str, revision: i64) -> String {
    use base64::Engine as _;
    let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": last});
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Option<(String, i64)> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok()?;
    let token: Value = serde_json::from_slice(&bytes).ok()?;
    Some((text(&token, "start").to_owned(), int(&token, "rv")?))
}
