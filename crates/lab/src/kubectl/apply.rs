//! Objects from files: reading them, `apply`, `patch`, `set`.

use kube::client::ApiError;
use kube::patch::three_way;
use kube::resources::{self, Kind};
use kube::value::{self, annotation, object_mut, set, text};
use kube::yaml;
use serde_json::{Value, json};
use sim::{Fd, OpenFlags};

use super::output::reference;
use super::{Ctl, Done, Stop, error};

const LAST: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Ctl {
    /// The objects of the files of `-f`.
    pub(super) async fn documents(&self) -> Result<Vec<Value>, Stop> {
        let mut found = Vec::new();
        for path in self.args.all("filename").iter().flat_map(|it| it.split(',')) {
            let mut paths = vec![path.to_owned()];
            if path != "-" && self.sys.stat(path).is_ok_and(|stat| stat.is_dir()) {
                let names = self.sys.read_dir(path).unwrap_or_default();
                let good = |name: &String| {
                    [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
                };
                paths =
                    names.into_iter().filter(good).map(|name| format!("{path}/{name}")).collect();
            }
            for path in paths {
                let bytes = match path.as_str() {
                    "-" => self.sys.read_to_end(Fd::STDIN).await.unwrap_or_default(),
                    path => self.read_source(path).await?,
                };
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let shown = if path == "-" { "STDIN".to_owned() } else { path };
                let documents = yaml::parse_all(&text).map_err(|why| {
                    Stop::Said(format!(
                        "error: error parsing {shown}: error converting YAML to JSON: {why}"
                    ))
                })?;
                for document in documents.into_iter().filter(|it| !it.is_null()) {
                    let items = value::list(&document, "items");
                    match value::text(&document, "kind").ends_with("List") {
                        true => found.extend(items.iter().cloned()),
                        false => found.push(document),
                    }
                }
            }
        }
        if found.is_empty() {
            let what = self.args.word(0).unwrap_or_default();
            return error(format!("no objects passed to {what}"));
        }
        for object in &found {
            if text(object, "kind").is_empty() {
                let path = self.args.get("filename");
                return error(format!(
                    "error validating \"{path}\": error validating data: kind not set; if you choose to ignore these errors, turn validation off with --validate=false"
                ));
            }
            if text(object, "apiVersion").is_empty() {
                let path = self.args.get("filename");
                return error(format!(
                    "error validating \"{path}\": error validating data: apiVersion not set; if you choose to ignore these errors, turn validation off with --validate=false"
                ));
            }
        }
        Ok(found)
    }

    /// All of a file, or of a device.
    async fn read_source(&self, path: &str) -> Result<bytes::Bytes, Stop> {
        let opened = self.sys.open(path, OpenFlags::READ).map_err(|errno| match errno {
            sim::Errno::Enoent => Stop::Said(format!("error: the path \"{path}\" does not exist")),
            errno => {
                let errno = errno.to_string().to_lowercase();
                Stop::Said(format!("error: open {path}: {errno}"))
            }
        })?;
        let read = self.sys.read_to_end(opened).await;
        // It was only read.
        let _ = self.sys.close(opened);
        read.map_err(|errno| {
            Stop::Said(format!("error: read {path}: {}", errno.to_string().to_lowercase()))
        })
    }

    /// The kind of an object of a file.
    pub(super) fn kind_of(&self, object: &Value) -> Result<&'static Kind, Stop> {
        let (version, kind) = (text(object, "apiVersion"), text(object, "kind"));
        resources::by_kind(version, kind).ok_or_else(|| {
            let name = value::name(object);
            let namespace = value::namespace(object);
            let path = self.args.get("filename");
            Stop::Said(format!(
                "error: resource mapping not found for name: \"{name}\" namespace: \"{namespace}\" \
                 from \"{path}\": no matches for kind \"{kind}\" in version \"{version}\"\nensure \
                 CRDs are installed first"
            ))
        })
    }

    /// The namespace of an object of a file.
    pub(super) fn space_of(&self, object: &Value) -> String {
        match value::namespace(object) {
            "" => self.namespace.clone(),
            own => own.to_owned(),
        }
    }

    pub(super) async fn apply(&self) -> Done {
        if !self.args.has("filename") {
            return error("must specify one of -f and -k");
        }
        let mut failed = false;
        for object in self.documents().await? {
            match self.apply_one(object).await {
                Err(Stop::Api(failure)) => {
                    self.say_of_file("creating", failure).await?;
                    failed = true;
                }
                other => other?,
            }
        }
        if failed { Err(Stop::Code(1)) } else { Ok(()) }
    }

    async fn apply_one(&self, mut object: Value) -> Done {
        let kind = self.kind_of(&object)?;
        let place = if kind.namespaced { self.space_of(&object) } else { String::new() };
        if kind.namespaced {
            set(&mut object, "metadata.namespace", place.as_str());
        }
        let mut plain = object.clone();
        object_mut(&mut plain, "metadata.annotations").remove(LAST);
        let kept = plain.to_string() + "\n";
        object_mut(&mut object, "metadata.annotations").insert(LAST.to_owned(), kept.into());
        let path = kube::client::path(kind, &place, value::name(&object));
        let query = match self.args.get("dry-run") {
            "" | "none" => "",
            "server" => "?dryRun=All",
            _ => {
                let known = self.client.get(&path).await.is_ok();
                return self.did(&object, if known { "configured" } else { "created" }).await;
            }
        };
        let current = match self.client.get(&path).await {
            Ok(current) => current,
            Err(failure) if failure.code() == 404 => {
                let made =
                    self.client.create(&format!("{}{query}", kind.path(&place)), &object).await?;
                return self.did(&made, "created").await;
            }
            Err(failure) => return Err(Stop::Api(failure)),
        };
        let original = annotation(&current, LAST).and_then(|text| serde_json::from_str(text).ok());
        if original.is_none() {
            self.warn(&format!(
                "Warning: resource {}/{} is missing the {LAST} annotation which is required by \
                 kubectl apply. kubectl apply should only be used on resources created declaratively \
                 by either kubectl create --save-config or kubectl apply. The missing annotation \
                 will be patched automatically.\n",
                kind.plural,
                value::name(&object)
            ))
            .await;
        }
        let patch = three_way(&original.unwrap_or(Value::Null), &object, &current);
        if patch.as_object().is_some_and(serde_json::Map::is_empty) {
            return self.did(&current, "unchanged").await;
        }
        let new = self.client.patch(&format!("{path}{query}"), &patch).await?;
        let same = value::text(&new, "metadata.resourceVersion")
            == value::text(&current, "metadata.resourceVersion");
        self.did(&new, if same { "unchanged" } else { "configured" }).await
    }

    /// `kubectl replace`: what is there becomes what a file says; `--force` deletes it first.
    pub(super) async fn replace(&self) -> Done {
        if !self.args.has("filename") {
            return error("must specify --filename");
        }
        let query = match self.args.get("dry-run") {
            "server" => "?dryRun=All",
            _ => "",
        };
        let mut failed = false;
        for mut object in self.documents().await? {
            let kind = self.kind_of(&object)?;
            let place = if kind.namespaced { self.space_of(&object) } else { String::new() };
            if kind.namespaced {
                set(&mut object, "metadata.namespace", place.as_str());
            }
            let path = kube::client::path(kind, &place, value::name(&object));
            if self.args.get("dry-run") == "client" {
                self.did(&object, "replaced").await?;
                continue;
            }
            if self.args.yes("force") {
                self.replace_by_force(kind, &place, &path, object).await?;
                continue;
            }
            match self.client.update(&format!("{path}{query}"), &object).await {
                Ok(new) => self.did(&new, "replaced").await?,
                Err(failure) => {
                    self.say_of_file("replacing", failure).await?;
                    failed = true;
                }
            }
        }
        if failed { Err(Stop::Code(1)) } else { Ok(()) }
    }

    /// Says why something of a file was not done. The rest of the file has its turn all the
    /// same, unless no server answers.
    pub(super) async fn say_of_file(&self, doing: &str, failure: ApiError) -> Done {
        if !matches!(failure, ApiError::Status(_)) {
            return Err(Stop::Api(failure));
        }
        let from = match self.args.get("filename") {
            "-" => "STDIN",
            path => path,
        };
        let words = self.words(&failure);
        let start = match failure.reason() {
            "" => "Error from server: ".to_owned(),
            reason => format!("Error from server ({reason}): "),
        };
        let words = match words.strip_prefix(&start) {
            Some(rest) => format!("{start}error when {doing} \"{from}\": {rest}"),
            None => words,
        };
        self.warn(&format!("{words}\n")).await;
        Ok(())
    }

    async fn replace_by_force(
        &self,
        kind: &'static Kind,
        place: &str,
        path: &str,
        mut object: Value,
    ) -> Done {
        let grace = self.args.get("grace-period").parse::<i64>().unwrap_or(0);
        let options = json!({"gracePeriodSeconds": grace});
        match self.client.delete(path, Some(&options)).await {
            Ok(_) => {
                let name = value::name(&object);
                let from = match place {
                    "" => String::new(),
                    place => format!(" from {place} namespace"),
                };
                self.out(&format!("{} \"{name}\" deleted{from}\n", kind.qualified_singular()))
                    .await;
            }
            Err(failure) if failure.code() == 404 => {}
            Err(failure) => return Err(Stop::Api(failure)),
        }
        while self.client.get(path).await.is_ok() {
            self.sys.sleep_us(250_000).await;
        }
        for field in ["metadata.resourceVersion", "metadata.uid"] {
            value::unset(&mut object, field);
        }
        let made = self.client.create(&kind.path(place), &object).await?;
        self.did(&made, "replaced").await
    }

    pub(super) async fn patch(&self) -> Done {
        let targets = self.targets(1)?;
        let text = self.args.get("patch");
        if text.is_empty() {
            return error(
                "must specify --patch or --patch-file containing the contents of the patch",
            );
        }
        let patch = yaml::parse(text)
            .map_err(|why| Stop::Said(format!("error: unable to parse \"{text}\": {why}")))?;
        let how = match self.args.get("type") {
            "" | "strategic" => "application/strategic-merge-patch+json",
            "merge" => "application/merge-patch+json",
            "json" => "application/json-patch+json",
            other => {
                return error(format!(
                    "--type must be one of [json merge strategic], not \"{other}\""
                ));
            }
        };
        for (kind, name) in targets {
            let Some(name) = name else { return error("resource name may not be empty") };
            let place = if kind.namespaced { self.namespace.as_str() } else { "" };
            let path = kube::client::path(kind, place, &name);
            let before = self.client.get(&path).await?;
            let new = self.client.ask("PATCH", &path, how, Some(&patch)).await?;
            let same = value::text(&new, "metadata.resourceVersion")
                == value::text(&before, "metadata.resourceVersion");
            self.did(&new, if same { "patched (no change)" } else { "patched" }).await?;
        }
        Ok(())
    }

    /// `kubectl set image`.
    pub(super) async fn set(&self) -> Done {
        if self.args.word(1) != Some("image") {
            return error("must specify one of: image");
        }
        let (images, _): (Vec<&String>, Vec<&String>) =
            self.args.words(2).iter().partition(|it| it.contains('='));
        let words: Vec<&String> =
            self.args.words(2).iter().filter(|it| !it.contains('=')).collect();
        let (kind, name) = match words.as_slice() {
            [one] => one.split_once('/').map(|(k, n)| (k.to_owned(), n.to_owned())),
            [kind, name] => Some(((*kind).clone(), (*name).clone())),
            _ => None,
        }
        .ok_or_else(|| Stop::Said("error: one or more resources must be specified as <resource> <name> or <resource>/<name>".to_owned()))?;
        let kind = self.kind(&kind)?;
        let path = kube::client::path(kind, &self.namespace, &name);
        let object = self.client.get(&path).await?;
        let root =
            if kind.kind == "Pod" { "spec.containers" } else { "spec.template.spec.containers" };
        let mut containers = Vec::new();
        for image in images {
            let (container, image) = image.split_once('=').unwrap_or_default();
            let known = value::list(&object, root).iter().any(|it| text(it, "name") == container);
            if !known && container != "*" {
                return error(format!("unable to find container named \"{container}\""));
            }
            for it in value::list(&object, root) {
                if container == "*" || text(it, "name") == container {
                    containers.push(json!({"name": text(it, "name"), "image": image}));
                }
            }
        }
        let mut patch = json!({});
        set(&mut patch, root, containers);
        let new = self.client.patch(&path, &patch).await?;
        if value::text(&new, "metadata.resourceVersion")
            != value::text(&object, "metadata.resourceVersion")
        {
            self.out(&format!("{} image updated\n", reference(&new))).await;
        }
        Ok(())
    }
}
