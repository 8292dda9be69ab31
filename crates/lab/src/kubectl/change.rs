//! Changes of objects by a few words: `delete`, `scale`, `label`, `annotate`, `wait`.

use kube::client::ApiError;
use kube::resources::Kind;
use kube::value::{self, at, text};
use serde_json::{Value, json};

use super::output::reference;
use super::{Ctl, Done, Stop, error};

impl Ctl {
    pub(super) async fn delete(&self) -> Done {
        let mut targets: Vec<(&'static Kind, String, String)> = Vec::new();
        if self.args.has("filename") {
            for object in self.documents().await? {
                let kind = self.kind_of(&object)?;
                let place = if kind.namespaced { self.space_of(&object) } else { String::new() };
                targets.push((kind, place, value::name(&object).to_owned()));
            }
        } else {
            let words = self.targets(1)?;
            if words.is_empty() {
                return error(
                    "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
                );
            }
            for (kind, name) in words {
                match name {
                    Some(name) => {
                        let place =
                            if kind.namespaced { self.namespace.clone() } else { String::new() };
                        targets.push((kind, place, name));
                    }
                    None if self.args.yes("all")
                        || self.args.has("selector")
                        || self.args.has("field-selector") =>
                    {
                        for object in self.fetch(kind, None).await? {
                            targets.push((
                                kind,
                                value::namespace(&object).to_owned(),
                                value::name(&object).to_owned(),
                            ));
                        }
                    }
                    None => return error("resource(s) were provided, but no name was specified"),
                }
            }
        }
        if targets.is_empty() {
            self.out("No resources found\n").await;
            return Ok(());
        }
        self.delete_all(&targets).await
    }

    async fn delete_all(&self, targets: &[(&'static Kind, String, String)]) -> Done {
        let mut grace = self.args.get("grace-period").parse::<i64>().ok().filter(|it| *it >= 0);
        if self.args.yes("now") {
            grace = Some(1);
        }
        if self.args.yes("force") {
            grace = Some(grace.unwrap_or(0));
            self.warn("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n").await;
        }
        let options = grace.map(|seconds| json!({"gracePeriodSeconds": seconds}));
        let dry = match self.args.get("dry-run") {
            "" | "none" => "",
            "server" => " (server dry run)",
            _ => " (dry run)",
        };
        let (mut failed, mut gone) = (false, Vec::new());
        for (kind, place, name) in targets {
            let path = kube::client::path(kind, place, name);
            let answer = match dry {
                "" => self.client.delete(&path, options.as_ref()).await,
                " (server dry run)" => {
                    self.client.delete(&format!("{path}?dryRun=All"), options.as_ref()).await
                }
                _ => self.client.get(&path).await,
            };
            match answer {
                Ok(_) => {
                    let from = if kind.namespaced {
                        format!(" from {place} namespace")
                    } else {
                        String::new()
                    };
                    let word = if self.args.yes("force") { "force deleted" } else { "deleted" };
                    let line = match self.args.get("output") {
                        "name" => format!("{}/{name}\n", kind.qualified_singular()),
                        _ => {
                            format!("{} \"{name}\" {word}{from}{dry}\n", kind.qualified_singular())
                        }
                    };
                    self.out(&line).await;
                    gone.push(path);
                }
                Err(failure) if failure.code() == 404 && self.args.yes("ignore-not-found") => {}
                Err(failure @ ApiError::Status(_)) => {
                    self.warn(&format!("{}\n", self.words(&failure))).await;
                    failed = true;
                }
                Err(failure) => return Err(Stop::Api(failure)),
            }
        }
        if dry.is_empty() && self.args.get("wait") != "false" && !self.args.yes("force") {
            for path in gone {
                while self.client.get(&path).await.is_ok() {
                    self.sys.sleep_us(250_000).await;
                }
            }
        }
        if failed { Err(Stop::Code(1)) } else { Ok(()) }
    }

    pub(super) async fn scale(&self) -> Done {
        let Ok(replicas) = self.args.get("replicas").parse::<i64>() else {
            return error("required flag(s) \"replicas\" not set");
        };
        if replicas < 0 {
            return error(
                "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
            );
        }
        for (kind, name) in self.targets(1)? {
            let objects = self.fetch(kind, name.as_deref()).await?;
            for object in objects {
                if !kind.subresources.contains(&"scale") {
                    return Err(Stop::Said("Error from server (NotFound): the server could not find the requested resource".to_owned()));
                }
                let path =
                    kube::client::path(kind, value::namespace(&object), value::name(&object));
                let patch = json!({"spec": {"replicas": replicas}});
                self.client
                    .ask(
                        "PATCH",
                        &format!("{path}/scale"),
                        "application/merge-patch+json",
                        Some(&patch),
                    )
                    .await?;
                self.did(&object, "scaled").await?;
            }
        }
        Ok(())
    }

    /// `label` and `annotate`.
    pub(super) async fn mark(&self, field: &str) -> Done {
        let is_mark = |word: &String| word.contains('=') || word.ends_with('-');
        let marks: Vec<String> =
            self.args.words(1).iter().filter(|it| is_mark(it)).cloned().collect();
        let words: Vec<String> =
            self.args.words(1).iter().filter(|it| !is_mark(it)).cloned().collect();
        let (one, past) =
            if field == "labels" { ("label", "labeled") } else { ("annotation", "annotated") };
        if words.is_empty() {
            return error(
                "one or more resources must be specified as <resource> <name> or <resource>/<name>",
            );
        }
        if marks.is_empty() && !self.args.yes("list") {
            return error(format!("at least one {one} update is required"));
        }
        let kinds: Vec<(&'static Kind, Option<String>)> = match words[0].split_once('/') {
            Some((kind, name)) => vec![(self.kind(kind)?, Some(name.to_owned()))],
            None if words.len() == 1 => vec![(self.kind(&words[0])?, None)],
            None => {
                let kind = self.kind(&words[0])?;
                words[1..].iter().map(|name| (kind, Some(name.clone()))).collect()
            }
        };
        for (kind, name) in kinds {
            if name.is_none() && !self.args.yes("all") && !self.args.has("selector") {
                return error("resource(s) were provided, but no name was specified");
            }
            for object in self.fetch(kind, name.as_deref()).await? {
                self.mark_one(kind, &object, field, &marks, one, past).await?;
            }
        }
        Ok(())
    }

    async fn mark_one(
        &self,
        kind: &'static Kind,
        object: &Value,
        field: &str,
        marks: &[String],
        one: &str,
        past: &str,
    ) -> Done {
        let have = at(object, &format!("metadata.{field}"));
        if self.args.yes("list") {
            for (name, value) in value::pairs(have, "") {
                self.out(&format!("{name}={value}\n")).await;
            }
            return Ok(());
        }
        let mut changes = json!({});
        let (mut changed, mut removed) = (false, false);
        for mark in marks {
            match mark.split_once('=') {
                Some((name, new)) => {
                    match have.get(name).and_then(Value::as_str) {
                        Some(old) if old != new && !self.args.yes("overwrite") => {
                            return error(format!(
                                "'{name}' already has a value ({old}), and --overwrite is false"
                            ));
                        }
                        Some(old) if old == new => {}
                        _ => changed = true,
                    }
                    changes[name] = new.into();
                }
                None => {
                    let name = mark.trim_end_matches('-');
                    if have.get(name).is_none() {
                        self.out(&format!("{one} \"{name}\" not found.\n")).await;
                    } else {
                        removed = true;
                    }
                    changes[name] = Value::Null;
                }
            }
        }
        let path = kube::client::path(kind, value::namespace(object), value::name(object));
        let patch = json!({"metadata": {field: changes}});
        let dry = match self.args.get("dry-run") {
            "" | "none" => "",
            _ => "?dryRun=All",
        };
        let new = self
            .client
            .ask("PATCH", &format!("{path}{dry}"), "application/merge-patch+json", Some(&patch))
            .await?;
        let what = match (field, changed, removed) {
            ("labels", false, true) => "unlabeled",
            ("labels", false, false) => "not labeled",
            _ => past,
        };
        self.did(&new, what).await
    }

    pub(super) async fn wait(&self) -> Done {
        let wanted = self.args.get("for").to_owned();
        if wanted.is_empty() {
            return error("must specify --for");
        }
        let timeout_us = match self.args.get("timeout") {
            "" => 30_000_000,
            text => super::misc::duration_us(text).ok_or_else(|| {
                Stop::Said(format!("error: invalid argument \"{text}\" for \"--timeout\" flag"))
            })?,
        };
        let until_us = self.sys.mono_us() + timeout_us;
        for (kind, name) in self.targets(1)? {
            let objects = self.fetch(kind, name.as_deref()).await?;
            if objects.is_empty() {
                return error("no matching resources found");
            }
            for object in objects {
                let path =
                    kube::client::path(kind, value::namespace(&object), value::name(&object));
                loop {
                    let now = match self.client.get(&path).await {
                        Ok(now) => Some(now),
                        Err(failure) if failure.code() == 404 => None,
                        Err(failure) => return Err(Stop::Api(failure)),
                    };
                    if holds(&wanted, now.as_ref())? {
                        let word = if wanted == "delete" { "deleted" } else { "condition met" };
                        self.out(&format!("{} {word}\n", reference(&object))).await;
                        break;
                    }
                    if self.sys.mono_us() >= until_us {
                        return error(format!(
                            "timed out waiting for the condition on {}/{}",
                            kind.plural,
                            value::name(&object)
                        ));
                    }
                    self.sys.sleep_us(500_000).await;
                }
            }
        }
        Ok(())
    }
}

/// Whether what `--for` says has come.
fn holds(wanted: &str, object: Option<&Value>) -> Result<bool, Stop> {
    let Some(object) = object else { return Ok(wanted == "delete") };
    if wanted == "delete" {
        return Ok(false);
    }
    if wanted == "create" {
        return Ok(true);
    }
    if let Some(rest) = wanted.strip_prefix("condition=") {
        let (name, status) = rest.split_once('=').unwrap_or((rest, "true"));
        let list = value::list(object, "status.conditions");
        let found = list.iter().find(|it| text(it, "type").eq_ignore_ascii_case(name));
        return Ok(found.is_some_and(|it| text(it, "status").eq_ignore_ascii_case(status)));
    }
    if let Some(rest) = wanted.strip_prefix("jsonpath=") {
        let (path, want) = rest.rsplit_once('=').unwrap_or((rest, ""));
        let path = path.trim_matches(['\'', '{', '}']);
        let found = super::jsonpath::eval(path, object, object).unwrap_or_default();
        let shown = found.first().map(|it| super::jsonpath::shown(it));
        return Ok(shown.is_some_and(|it| it == want || want.is_empty()));
    }
    error(format!("unrecognized condition: \"{wanted}\""))
}
