//! `logs` and `exec`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::client::escape;
use kube::resources::{Kind, named};
use kube::selector::Labels;
use kube::value::{self, at, text};
use serde_json::Value;
use sim::Fd;

use super::{Ctl, Done, Stop, error};

impl Ctl {
    /// The pod somebody means: by name, or the first behind a workload.
    async fn pod(&self, word: &str) -> Result<Value, Stop> {
        let (kind, name): (&'static Kind, &str) = match word.split_once('/') {
            Some((kind, name)) => (self.kind(kind)?, name),
            None => (named("Pod"), word),
        };
        let object = self.client.get(&kube::client::path(kind, &self.namespace, name)).await?;
        if kind.kind == "Pod" {
            return Ok(object);
        }
        let selector = Labels::of(at(&object, "spec.selector"));
        let pods = self.client.get(&named("Pod").path(&self.namespace)).await?;
        let found: Vec<&Value> =
            value::list(&pods, "items").iter().filter(|it| selector.fits(it)).collect();
        match found.first() {
            Some(pod) => {
                if found.len() > 1 {
                    self.warn(&format!(
                        "Found {} pods, using pod/{}\n",
                        found.len(),
                        value::name(pod)
                    ))
                    .await;
                }
                Ok((*pod).clone())
            }
            None => error("timed out waiting for the condition"),
        }
    }

    pub(super) async fn logs(&self) -> Done {
        self.complaints.set(4);
        let mut pods = Vec::new();
        if self.args.has("selector") {
            pods = self.fetch(named("Pod"), None).await?;
        } else {
            let Some(word) = self.args.word(1) else {
                return error(
                    "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for help and examples",
                );
            };
            pods.push(self.pod(word).await?);
        }
        let named_container = match (self.args.get("container"), self.args.word(2)) {
            ("", Some(word)) => word.to_owned(),
            (container, _) => container.to_owned(),
        };
        for pod in pods {
            let mut query = String::new();
            if !named_container.is_empty() {
                query.push_str(&format!("&container={}", escape(&named_container)));
            }
            for (flag, name) in [("follow", "follow"), ("previous", "previous")] {
                if self.args.yes(flag) {
                    query.push_str(&format!("&{name}=true"));
                }
            }
            if let Ok(tail) = self.args.get("tail").parse::<u32>() {
                query.push_str(&format!("&tailLines={tail}"));
            }
            let path = kube::client::path(named("Pod"), value::namespace(&pod), value::name(&pod));
            let path = format!("{path}/log?{}", query.trim_start_matches('&'));
            if self.args.yes("follow") {
                let mut stream = self.client.stream(&path).await?;
                while let Some(bytes) = stream.next_bytes().await {
                    let _ = self.sys.write(Fd::STDOUT, &bytes).await;
                }
                continue;
            }
            let response = self.client.raw("GET", &path, "", bytes::Bytes::new()).await?;
            if response.status >= 300
                && let Err(failure) = kube::client::read(&response)
            {
                return Err(Stop::Api(failure));
            }
            let _ = self.sys.write(Fd::STDOUT, &response.body).await;
        }
        Ok(())
    }

    pub(super) async fn exec(&self) -> Done {
        let Some(word) = self.args.word(1) else {
            return error("pod, type/name or --filename must be specified");
        };
        let command = match &self.args.rest {
            Some(command) if !command.is_empty() => command.clone(),
            _ if self.args.words(2).is_empty() => {
                return error("you must specify at least one command for the container");
            }
            _ => {
                return error(
                    "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec -h' for help and examples",
                );
            }
        };
        let pod = self.pod(word).await?;
        let mut query: Vec<String> =
            command.iter().map(|word| format!("command={}", escape(word))).collect();
        if self.args.has("container") {
            query.push(format!("container={}", escape(self.args.get("container"))));
        } else if let [first, _, ..] = value::list(&pod, "spec.containers") {
            let name = text(first, "name");
            let all: Vec<&str> =
                value::list(&pod, "spec.containers").iter().map(|it| text(it, "name")).collect();
            self.warn(&format!("Defaulted container \"{name}\" out of: {}\n", all.join(", ")))
                .await;
            query.push(format!("container={}", escape(name)));
        }
        let path = kube::client::path(named("Pod"), value::namespace(&pod), value::name(&pod));
        let path = format!("{path}/exec?{}", query.join("&"));
        let input = match self.args.yes("stdin") && !self.sys.is_tty(Fd::STDIN) {
            true => self.sys.read_to_end(Fd::STDIN).await.unwrap_or_default(),
            false => bytes::Bytes::new(),
        };
        let response = self.client.raw("POST", &path, "application/octet-stream", input).await?;
        if response.status >= 300
            && let Err(failure) = kube::client::read(&response)
        {
            return Err(Stop::Api(failure));
        }
        let mut code = 0;
        for line in response.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let part: Value = serde_json::from_slice(line).unwrap_or_default();
            let why = text(&part, "error");
            if !why.is_empty() {
                let name = command.first().cloned().unwrap_or_default();
                return error(format!(
                    "Internal error occurred: Internal error occurred: error executing command in \
                     container: failed to exec in container: failed to start exec \"{name}\": {why}: unknown"
                ));
            }
            let bytes = STANDARD.decode(text(&part, "data")).unwrap_or_default();
            let fd = if text(&part, "stream") == "stderr" { Fd::STDERR } else { Fd::STDOUT };
            let _ = self.sys.write(fd, &bytes).await;
            if let Some(exit) = value::int(&part, "exit") {
                code = i32::try_from(exit).unwrap_or(1);
            }
        }
        if code != 0 {
            self.warn(&format!("command terminated with exit code {code}\n")).await;
            return Err(Stop::Code(code));
        }
        Ok(())
    }
}
