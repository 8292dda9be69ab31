//! `kubectl`: a client of the API server, with the texts people know. It prints what it is
//! given; all it knows of a cluster comes over the network.

#![expect(clippy::too_many_lines, reason = "texts are printed line after line")]

mod apply;
mod args;
mod auth;
mod change;
mod columns;
mod create;
mod describe;
mod edit;
mod get;
mod jsonpath;
mod misc;
mod node;
mod output;
mod pods;
mod rollout;

pub(crate) use output::tabwriter;

use kube::client::{ApiError, Client, Kubeconfig};
use kube::resources::{self, Kind};
use kube::value::{int, text};
use serde_json::Value;
use sim::Sys;

use crate::programs::Program;
use args::Args;

/// The entry of the table of programs.
pub(crate) const PROGRAM: Program = Program {
    name: "kubectl",
    summary: "control a Kubernetes cluster",
    usage: "kubectl COMMAND [TYPE] [NAME] [flags]\n  kubectl with no command lists the commands.",
    run: |sys| Box::pin(run(sys)),
    complete: Some(complete),
};

const COMMANDS: &[(&str, &str)] = &[
    ("annotate", "Update the annotations on a resource"),
    ("api-resources", "Print the supported API resources on the server"),
    (
        "api-versions",
        "Print the supported API versions on the server, in the form of \"group/version\"",
    ),
    ("apply", "Apply a configuration to a resource by file name or stdin"),
    ("auth", "Inspect authorization"),
    ("cluster-info", "Display cluster information"),
    (
        "completion",
        "Output shell completion code for the specified shell (bash, zsh, fish, or powershell)",
    ),
    ("config", "Modify kubeconfig files"),
    ("cordon", "Mark node as unschedulable"),
    ("create", "Create a resource from a file or from stdin"),
    (
        "delete",
        "Delete resources by file names, stdin, resources and names, or by resources and label selector",
    ),
    ("describe", "Show details of a specific resource or group of resources"),
    ("drain", "Drain node in preparation for maintenance"),
    ("edit", "Edit a resource on the server"),
    ("events", "List events"),
    ("exec", "Execute a command in a container"),
    ("explain", "Get documentation for a resource"),
    (
        "expose",
        "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
    ),
    ("get", "Display one or many resources"),
    ("label", "Update the labels on a resource"),
    ("logs", "Print the logs for a container in a pod"),
    ("patch", "Update fields of a resource"),
    ("replace", "Replace a resource by file name or stdin"),
    ("rollout", "Manage the rollout of a resource"),
    ("run", "Run a particular image on the cluster"),
    ("scale", "Set a new size for a deployment, replica set, or replication controller"),
    ("set", "Set specific features on objects"),
    ("taint", "Update the taints on one or more nodes"),
    ("top", "Display resource (CPU/memory) usage"),
    ("uncordon", "Mark node as schedulable"),
    ("version", "Print the client and server version information"),
    ("wait", "Wait for a specific condition on one or many resources"),
];

fn complete(words: &[String]) -> Vec<String> {
    let last = words.last().map(String::as_str).unwrap_or_default();
    let fits = |word: &&str| word.starts_with(last);
    match words.len() {
        0 | 1 => COMMANDS.iter().map(|(name, _)| *name).filter(fits).map(str::to_owned).collect(),
        2 => resources::KINDS.iter().map(|it| it.plural).filter(fits).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Why a command ended without having done what it was asked.
pub(crate) enum Stop {
    /// A line on standard error.
    Said(String),
    /// The server's refusal, or none was reached.
    Api(ApiError),
    /// All was said; this is the exit code.
    Code(i32),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Stop {
        Stop::Api(error)
    }
}

/// What a command works with.
pub(crate) struct Ctl {
    sys: Sys,
    args: Args,
    client: Client,
    namespace: String,
    /// How often discovery complains when nobody listens.
    complaints: std::cell::Cell<u32>,
}

type Done = Result<(), Stop>;

fn error<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Said(format!("error: {}", text.into())))
}

async fn run(sys: Sys) -> i32 {
    let all = sys.args();
    let args = match Args::parse(all.get(1..).unwrap_or_default()) {
        Ok(args) => args,
        Err(text) => {
            sys.eprint(&format!("error: {text}\nSee 'kubectl --help' for usage.\n")).await;
            return 1;
        }
    };
    let Some(command) = args.word(0).map(str::to_owned) else {
        let mut text =
            String::from("kubectl controls the Kubernetes cluster manager.\n\nCommands:\n");
        for (name, summary) in COMMANDS {
            text.push_str(&format!("  {name:<15} {summary}\n"));
        }
        sys.print(&text).await;
        return 0;
    };
    if args.yes("help") {
        let found = COMMANDS.iter().find(|(name, _)| *name == command);
        let summary = found.map(|(_, summary)| *summary).unwrap_or_default();
        sys.print(&format!("{summary}.\n\nUsage:\n  kubectl {command} [flags]\n")).await;
        return 0;
    }
    if !COMMANDS.iter().any(|(name, _)| *name == command) {
        let text = format!("error: unknown command \"{command}\" for \"kubectl\"\n");
        sys.eprint(&text).await;
        return 1;
    }
    if command == "completion" {
        return completion(&sys, args.word(1)).await;
    }
    let config = match kubeconfig(&sys, &args) {
        Ok(config) => config,
        Err(text) => {
            sys.eprint(&format!("error: {text}\n")).await;
            return 1;
        }
    };
    let namespace = match (args.get("namespace"), config.namespace.as_str()) {
        ("", "") => "default".to_owned(),
        ("", own) => own.to_owned(),
        (namespace, _) => namespace.to_owned(),
    };
    let client = Client::new(&sys, config, &format!("kubectl/{} (linux/amd64)", kube::VERSION));
    let complaints = std::cell::Cell::new(5);
    let ctl = Ctl { sys, args, client, namespace, complaints };
    match ctl.command(&command).await {
        Ok(()) => 0,
        Err(stop) => ctl.say(stop).await,
    }
}

/// A script to be sourced. The lab's shell completes kubectl by itself, so it does nothing.
async fn completion(sys: &Sys, shell: Option<&str>) -> i32 {
    let said = match shell {
        Some(shell @ ("bash" | "zsh" | "fish" | "powershell")) => {
            let text = format!("# {shell} completion for kubectl: this shell has it built in.\n");
            sys.print(&text).await;
            return 0;
        }
        None => "error: shell not specified\nSee 'kubectl completion -h' for help and examples\n"
            .to_owned(),
        Some(other) => format!("error: unsupported shell type \"{other}\"\n"),
    };
    sys.eprint(&said).await;
    1
}

/// Finds the configuration as kubectl does: flag, variable, home.
fn kubeconfig(sys: &Sys, args: &Args) -> Result<Kubeconfig, String> {
    let context = Some(args.get("context")).filter(|it| !it.is_empty());
    let mut config = match config_path(sys, args) {
        Some(path) => Kubeconfig::load(sys, &path, context)?,
        None => Kubeconfig::of(sys, &Value::Null, context)?,
    };
    if args.has("server") {
        config.server = args.get("server").to_owned();
    }
    if args.yes("insecure-skip-tls-verify") {
        config.insecure = true;
    }
    Ok(config)
}

/// The file kubectl reads; none when there is none.
fn config_path(sys: &Sys, args: &Args) -> Option<String> {
    if args.has("kubeconfig") {
        return Some(args.get("kubeconfig").to_owned());
    }
    if let Some(path) = sys.env("KUBECONFIG").filter(|it| !it.is_empty()) {
        let mut paths = path.split(':');
        return paths.find(|path| sys.stat(path).is_ok()).map(str::to_owned);
    }
    let path = format!("{}/.kube/config", sys.env("HOME").unwrap_or_default());
    sys.stat(&path).is_ok().then_some(path)
}

impl Ctl {
    async fn command(&self, command: &str) -> Done {
        match command {
            "annotate" => self.mark("annotations").await,
            "api-resources" => self.api_resources().await,
            "api-versions" => self.api_versions().await,
            "apply" => self.apply().await,
            "auth" => self.auth().await,
            "cluster-info" => self.cluster_info().await,
            "config" => self.config().await,
            "cordon" => self.cordon(true).await,
            "create" => self.create().await,
            "delete" => self.delete().await,
            "describe" => self.describe().await,
            "drain" => self.drain().await,
            "edit" => self.edit().await,
            "events" => self.events().await,
            "exec" => self.exec().await,
            "explain" => self.explain().await,
            "expose" => self.expose().await,
            "get" => self.get().await,
            "label" => self.mark("labels").await,
            "logs" => self.logs().await,
            "patch" => self.patch().await,
            "replace" => self.replace().await,
            "rollout" => self.rollout().await,
            "run" => self.run_pod().await,
            "scale" => self.scale().await,
            "set" => self.set().await,
            "taint" => self.taint().await,
            "top" => self.top().await,
            "uncordon" => self.cordon(false).await,
            "version" => self.version().await,
            "wait" => self.wait().await,
            other => error(format!("unknown command \"{other}\" for \"kubectl\"")),
        }
    }

    async fn out(&self, text: &str) {
        self.sys.print(text).await;
    }

    async fn warn(&self, text: &str) {
        self.sys.eprint(text).await;
    }

    /// Says why a command ended; gives the exit code.
    async fn say(&self, stop: Stop) -> i32 {
        match stop {
            Stop::Said(text) => {
                self.warn(&format!("{text}\n")).await;
                1
            }
            Stop::Code(code) => code,
            Stop::Api(error) => {
                self.complain(&error).await;
                self.warn(&format!("{}\n", self.words(&error))).await;
                1
            }
        }
    }

    /// What discovery says first when nobody listens.
    async fn complain(&self, error: &ApiError) {
        let inner = match error {
            ApiError::Refused(text) | ApiError::Network(text) => text,
            ApiError::Status(_) => return,
        };
        for _ in 0..self.complaints.get() {
            let server = &self.client.config().server;
            let text = format!(
                "couldn't get current server API group list: Get \"{server}/api?timeout=32s\": {inner}"
            );
            let quoted = Value::from(text);
            let stamp = kube::klog::stamp(self.sys.wall_us());
            let pid = self.sys.pid().0;
            self.warn(&format!(
                "E{stamp} {pid:>7} memcache.go:265] \"Unhandled Error\" err={quoted}\n"
            ))
            .await;
            self.sys.sleep_us(300).await;
        }
    }

    fn words(&self, error: &ApiError) -> String {
        match error {
            ApiError::Refused(_) => {
                let server = self.client.config().server.as_str();
                let host = server.split_once("://").map_or(server, |(_, host)| host);
                format!(
                    "The connection to the server {host} was refused - did you specify the right host or port?"
                )
            }
            ApiError::Network(text) => format!("Unable to connect to the server: {text}"),
            ApiError::Status(status) => {
                let (reason, message) = (text(status, "reason"), text(status, "message"));
                if reason == "Invalid" {
                    let name = Value::from(text(status, "details.name"));
                    let kind = message.split(['.', ' ']).next().unwrap_or_default();
                    let rest =
                        message.split_once(" is invalid: ").map_or(message, |(_, rest)| rest);
                    return format!("The {kind} {name} is invalid: {rest}");
                }
                if reason == "Unauthorized" || int(status, "code") == Some(401) {
                    return "error: You must be logged in to the server (Unauthorized)".to_owned();
                }
                match reason {
                    "" => format!("Error from server: {message}"),
                    reason => format!("Error from server ({reason}): {message}"),
                }
            }
        }
    }

    /// The kind of a word of the command line.
    fn kind(&self, word: &str) -> Result<&'static Kind, Stop> {
        resources::find(word).ok_or_else(|| {
            Stop::Said(format!("error: the server doesn't have a resource type \"{word}\""))
        })
    }

    /// The namespace in which a kind's objects are looked for; empty for all.
    fn place(&self, kind: &Kind) -> String {
        if !kind.namespaced || self.args.yes("all-namespaces") {
            String::new()
        } else {
            self.namespace.clone()
        }
    }

    /// What the words from `from` on name: kinds and names, `TYPE NAME...` or `TYPE/NAME...`.
    fn targets(&self, from: usize) -> Result<Vec<(&'static Kind, Option<String>)>, Stop> {
        let words = self.args.words(from);
        let Some(first) = words.first() else { return Ok(Vec::new()) };
        if first.contains('/') {
            let mut found = Vec::new();
            for word in words {
                let Some((kind, name)) = word.split_once('/') else {
                    return error(
                        "there is no need to specify a resource type as a separate \
                        argument when passing arguments in resource/name form (e.g. 'kubectl get \
                        resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
                    );
                };
                found.push((self.kind(kind)?, Some(name.to_owned())));
            }
            return Ok(found);
        }
        let mut kinds = Vec::new();
        for word in first.split(',') {
            if word == "all" {
                kinds.extend(resources::KINDS.iter().filter(|kind| kind.in_all));
            } else {
                kinds.push(self.kind(word)?);
            }
        }
        let names = &words[1..];
        let mut found = Vec::new();
        for kind in kinds {
            if names.is_empty() {
                found.push((kind, None));
            }
            found.extend(names.iter().map(|name| (kind, Some(name.clone()))));
        }
        Ok(found)
    }

    /// The query of `-l` and `--field-selector`.
    fn selection(&self) -> String {
        let mut parts = Vec::new();
        for (flag, name) in [("selector", "labelSelector"), ("field-selector", "fieldSelector")] {
            if self.args.has(flag) {
                parts.push(format!("{name}={}", kube::client::escape(self.args.get(flag))));
            }
        }
        parts.join("&")
    }

    /// Fetches the objects some words name. `Err` of one is kept for the end.
    async fn fetch(&self, kind: &'static Kind, name: Option<&str>) -> Result<Vec<Value>, ApiError> {
        let place = self.place(kind);
        match name {
            Some(name) => {
                let place = if kind.namespaced { &self.namespace } else { "" };
                Ok(vec![self.client.get(&kube::client::path(kind, place, name)).await?])
            }
            None => {
                let list = self
                    .client
                    .get(&format!("{}?limit=500&{}", kind.path(&place), self.selection()))
                    .await?;
                let mut items = kube::value::list(&list, "items").to_vec();
                for item in &mut items {
                    kube::value::set(item, "kind", kind.kind);
                    kube::value::set(item, "apiVersion", kind.api_version());
                }
                Ok(items)
            }
        }
    }
}
