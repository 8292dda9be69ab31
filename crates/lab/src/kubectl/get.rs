//! `kubectl get`, with its watches.

use kube::client::ApiError;
use kube::resources::Kind;
use kube::value::{self, at, text};
use serde_json::Value;

use super::output::table;
use super::{Ctl, Done, Stop, error, jsonpath};

impl Ctl {
    pub(super) async fn get(&self) -> Done {
        if self.args.has("raw") {
            return self.raw().await;
        }
        if self.args.has("filename") {
            let mut objects = Vec::new();
            for object in self.documents().await? {
                let kind = self.kind_of(&object)?;
                let place = if kind.namespaced { self.space_of(&object) } else { String::new() };
                objects.push(
                    self.client
                        .get(&kube::client::path(kind, &place, value::name(&object)))
                        .await?,
                );
            }
            let many = objects.len() > 1;
            return self.print(&objects, many).await;
        }
        let targets = self.targets(1)?;
        if targets.is_empty() {
            return error(
                "Required resource not specified.\nSee 'kubectl get -h' for help and examples",
            );
        }
        let (mut objects, mut failures): (Vec<Value>, Vec<ApiError>) = (Vec::new(), Vec::new());
        let mut many = targets.len() > 1;
        for (kind, name) in &targets {
            many |= name.is_none();
            match self.fetch(kind, name.as_deref()).await {
                Ok(found) => {
                    if kind.kind == "ComponentStatus" {
                        let text = "Warning: v1 ComponentStatus is deprecated in v1.19+\n";
                        self.warn(text).await;
                    }
                    objects.extend(found);
                }
                Err(failure) if failure.code() == 404 && self.args.yes("ignore-not-found") => {}
                Err(failure) if failure.code() == 404 => failures.push(failure),
                Err(failure) => return Err(Stop::Api(failure)),
            }
        }
        self.sort(&mut objects)?;
        let plain = matches!(self.args.get("output"), "" | "wide");
        if self.args.yes("watch") || self.args.yes("watch-only") {
            return self.watch(targets[0].0, targets[0].1.as_deref(), objects).await;
        }
        if objects.is_empty() && failures.is_empty() && plain {
            let place = self.place(targets[0].0);
            let text = match place.as_str() {
                "" => "No resources found\n".to_owned(),
                place => format!("No resources found in {place} namespace.\n"),
            };
            if !self.args.yes("ignore-not-found") {
                self.warn(&text).await;
            }
            return Ok(());
        }
        if !objects.is_empty() || failures.is_empty() {
            self.print(&objects, many).await?;
        }
        if failures.is_empty() {
            return Ok(());
        }
        for failure in &failures {
            self.warn(&format!("{}\n", self.words(failure))).await;
        }
        Err(Stop::Code(1))
    }

    fn sort(&self, objects: &mut [Value]) -> Done {
        let path = self.args.get("sort-by");
        if path.is_empty() {
            // Events come as they happened, the rest by name as the server lists them.
            if objects.iter().all(|it| text(it, "kind") == "Event") {
                objects.sort_by(|a, b| text(a, "lastTimestamp").cmp(text(b, "lastTimestamp")));
            }
            return Ok(());
        }
        let path = path.trim_start_matches('{').trim_end_matches('}').to_owned();
        let path = if path.starts_with('.') { path } else { format!(".{path}") };
        let key = |object: &Value| {
            let found = jsonpath::eval(&path, object, object).unwrap_or_default();
            let first = found.first().copied().cloned().unwrap_or_default();
            (first.as_i64(), jsonpath::shown(&first))
        };
        if jsonpath::eval(&path, &Value::Null, &Value::Null).is_err() {
            return error(format!(
                "couldn't find any field with path \"{{{path}}}\" in the list of objects"
            ));
        }
        objects.sort_by_cached_key(key);
        Ok(())
    }

    async fn raw(&self) -> Done {
        self.complaints.set(0);
        let path = self.args.get("raw");
        let response = self.client.raw("GET", path, "", bytes::Bytes::new()).await?;
        let body = String::from_utf8_lossy(&response.body).into_owned();
        if response.status >= 300 {
            let failure = match kube::client::read(&response) {
                Err(failure) => failure,
                Ok(_) => return Ok(()),
            };
            return Err(Stop::Api(failure));
        }
        self.out(&body).await;
        Ok(())
    }

    /// Prints what is there, and what changes, until it is interrupted.
    async fn watch(&self, kind: &'static Kind, name: Option<&str>, first: Vec<Value>) -> Done {
        let place = self.place(kind);
        let mut query = self.selection();
        if let Some(name) = name {
            query.push_str(&format!(
                "&fieldSelector={}",
                kube::client::escape(&format!("metadata.name={name}"))
            ));
        }
        let list = self.client.get(&format!("{}?limit=1", kind.path(&place))).await?;
        let revision = text(&list, "metadata.resourceVersion").to_owned();
        let plain = matches!(self.args.get("output"), "" | "wide");
        let mut titled = true;
        if !self.args.yes("watch-only") && !first.is_empty() {
            match plain {
                true => self.out(&table(&self.rows(&first, false, true))).await,
                false => self.print(&first, false).await?,
            }
            titled = false;
        }
        let path = format!("{}?watch=true&resourceVersion={revision}&{query}", kind.path(&place));
        let mut watch = self.client.watch(&path).await?;
        while let Some((event, object)) = watch.next().await {
            if event == "ERROR" {
                return Err(Stop::Api(ApiError::Status(object)));
            }
            if at(&object, "metadata").is_null() {
                continue;
            }
            match plain {
                true => self.out(&table(&self.rows(&[object], false, titled))).await,
                false => self.print(&[object], false).await?,
            }
            titled = false;
        }
        Ok(())
    }

    pub(super) async fn events(&self) -> Done {
        let kind = self.kind("events")?;
        let mut objects = self.fetch(kind, None).await?;
        let about = self.args.get("for").to_lowercase();
        objects.retain(|it| {
            let name = format!(
                "{}/{}",
                text(it, "involvedObject.kind").to_lowercase(),
                text(it, "involvedObject.name")
            );
            about.is_empty() || about == name
        });
        self.sort(&mut objects)?;
        if objects.is_empty() {
            self.warn(&format!("No events found in {} namespace.\n", self.namespace)).await;
            return Ok(());
        }
        self.print(&objects, true).await
    }
}
