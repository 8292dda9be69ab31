//! `kubectl create`, `run` and `expose`: objects from a few words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::resources::{Kind, named};
use kube::value::{self, at, default, list, set};
use serde_json::{Value, json};

use super::{Ctl, Done, Stop, error};

impl Ctl {
    pub(super) async fn create(&self) -> Done {
        if self.args.has("filename") {
            let documents = self.documents().await?;
            let mut failed = false;
            for object in documents {
                let kind = self.kind_of(&object)?;
                match self.make(kind, object).await {
                    Err(Stop::Api(failure)) => {
                        self.say_of_file("creating", failure).await?;
                        failed = true;
                    }
                    other => other?,
                }
            }
            return if failed { Err(Stop::Code(1)) } else { Ok(()) };
        }
        let Some(what) = self.args.word(1) else {
            return error("must specify one of -f and -k");
        };
        let mut from = 2;
        if what == "secret" {
            from = 3;
        }
        let Some(name) = self.args.word(from) else {
            return error(
                "exactly one NAME is required, got 0\nSee 'kubectl create -h' for help and examples",
            );
        };
        self.complaints.set(0);
        let (kind, object) = match what {
            "namespace" | "ns" => ("Namespace", json!({"metadata": {"name": name}})),
            "deployment" | "deploy" => ("Deployment", self.deployment(name)?),
            "configmap" | "cm" => {
                ("ConfigMap", json!({"metadata": {"name": name}, "data": self.data(false)?}))
            }
            "secret" => {
                let kind = match self.args.word(2) {
                    Some("generic") => "Opaque",
                    other => {
                        return error(format!("unknown secret type {}", other.unwrap_or_default()));
                    }
                };
                (
                    "Secret",
                    json!({"metadata": {"name": name}, "type": kind, "data": self.data(true)?}),
                )
            }
            "serviceaccount" | "sa" => ("ServiceAccount", json!({"metadata": {"name": name}})),
            "service" | "svc" => return self.create_service().await,
            other => {
                return error(format!(
                    "unknown command \"{other}\"\nSee 'kubectl create -h' for help and examples"
                ));
            }
        };
        self.make(named(kind), object).await
    }

    /// Sends an object that is to be made, unless it is only to be shown.
    pub(super) async fn make(&self, kind: &'static Kind, mut object: Value) -> Done {
        set(&mut object, "apiVersion", kind.api_version());
        set(&mut object, "kind", kind.kind);
        let place = if kind.namespaced { self.space_of(&object) } else { String::new() };
        match self.args.get("dry-run") {
            "client" | "true" => {
                if kind.namespaced && self.args.has("namespace") {
                    set(&mut object, "metadata.namespace", place);
                }
                return self.did(&object, "created").await;
            }
            dry => {
                let query = if dry == "server" { "?dryRun=All" } else { "" };
                let made =
                    self.client.create(&format!("{}{query}", kind.path(&place)), &object).await?;
                self.did(&made, "created").await
            }
        }
    }

    fn deployment(&self, name: &str) -> Result<Value, Stop> {
        let images = self.args.all("image");
        if images.is_empty() {
            return error("required flag(s) \"image\" not set");
        }
        let replicas: i64 = match self.args.get("replicas") {
            "" => 1,
            text => text.parse().map_err(|_| {
                Stop::Said(format!(
                    "error: invalid argument \"{text}\" for \"-r, --replicas\" flag"
                ))
            })?,
        };
        let containers: Vec<Value> = images
            .iter()
            .map(|image| {
                let short = image.rsplit('/').next().unwrap_or(image);
                let short = short.split([':', '@']).next().unwrap_or(short);
                let mut container = json!({"name": short, "image": image, "resources": {}});
                if let Ok(port) = self.args.get("port").parse::<i64>() {
                    container["ports"] = json!([{"containerPort": port}]);
                }
                if let Some(command) = &self.args.rest {
                    container["command"] = json!(command);
                }
                container
            })
            .collect();
        let labels = json!({"app": name});
        Ok(json!({
            "metadata": {"name": name, "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "strategy": {},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}},
            "status": {},
        }))
    }

    /// `--from-literal` and `--from-file`.
    fn data(&self, encoded: bool) -> Result<Value, Stop> {
        let mut data = json!({});
        let keep = |bytes: &[u8]| match encoded {
            true => STANDARD.encode(bytes),
            false => String::from_utf8_lossy(bytes).into_owned(),
        };
        for literal in self.args.all("from-literal") {
            let Some((name, text)) = literal.split_once('=') else {
                return error(format!("invalid literal source {literal}, expected key=value"));
            };
            data[name] = keep(text.as_bytes()).into();
        }
        for source in self.args.all("from-file") {
            let (name, path) = match source.split_once('=') {
                Some((name, path)) => (name, path),
                None => (source.rsplit('/').next().unwrap_or(source), source),
            };
            let bytes = self.sys.read_file(path).map_err(|errno| {
                Stop::Said(format!(
                    "error: error reading {path}: {}",
                    errno.to_string().to_lowercase()
                ))
            })?;
            data[name] = keep(&bytes).into();
        }
        Ok(data)
    }

    async fn create_service(&self) -> Done {
        let (kind, name) =
            (self.args.word(2).unwrap_or_default(), self.args.word(3).unwrap_or_default());
        let kind = match kind {
            "clusterip" => "ClusterIP",
            "nodeport" => "NodePort",
            other => return error(format!("unknown command \"{other}\"")),
        };
        let mut ports = Vec::new();
        for tcp in self.args.all("tcp") {
            let (port, target) = tcp.split_once(':').unwrap_or((tcp, tcp));
            let (Ok(port), Ok(target)) = (port.parse::<i64>(), target.parse::<i64>()) else {
                return error(format!("invalid port format {tcp}"));
            };
            ports.push(json!({"name": tcp.replace(':', "-"), "port": port, "protocol": "TCP", "targetPort": target}));
        }
        let object = json!({"metadata": {"name": name, "labels": {"app": name}},
            "spec": {"type": kind, "selector": {"app": name}, "ports": ports}});
        self.make(named("Service"), object).await
    }

    pub(super) async fn run_pod(&self) -> Done {
        self.complaints.set(1);
        let Some(name) = self.args.word(1) else { return error("NAME is required for run") };
        let image = self.args.get("image");
        if image.is_empty() {
            return error("required flag(s) \"image\" not set");
        }
        let mut container = json!({"name": name, "image": image, "resources": {}});
        if let Some(words) = &self.args.rest {
            let field = if self.args.yes("command") { "command" } else { "args" };
            container[field] = json!(words);
        }
        if let Ok(port) = self.args.get("port").parse::<i64>() {
            container["ports"] = json!([{"containerPort": port}]);
        }
        let env: Vec<Value> = self
            .args
            .all("env")
            .iter()
            .filter_map(|it| it.split_once('='))
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        if !env.is_empty() {
            container["env"] = env.into();
        }
        let mut labels = json!({"run": name});
        if self.args.has("labels") {
            labels = json!({});
            for (name, value) in
                self.args.get("labels").split(',').filter_map(|it| it.split_once('='))
            {
                labels[name] = value.into();
            }
        }
        let restart = match self.args.get("restart") {
            "" => "Always",
            policy @ ("Always" | "OnFailure" | "Never") => policy,
            other => return error(format!("invalid restart policy: {other}")),
        };
        let pod = json!({
            "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart},
            "status": {},
        });
        self.make(named("Pod"), pod).await?;
        if self.args.yes("expose") {
            let port: i64 = self.args.get("port").parse().unwrap_or_default();
            let service = json!({"metadata": {"name": name},
                "spec": {"selector": {"run": name}, "ports": [{"port": port, "protocol": "TCP", "targetPort": port}]}});
            self.make(named("Service"), service).await?;
        }
        Ok(())
    }

    pub(super) async fn expose(&self) -> Done {
        let targets = self.targets(1)?;
        let Some((kind, Some(name))) = targets.first() else {
            return error("you must provide one or more resources by argument or filename");
        };
        let object = self.client.get(&kube::client::path(kind, &self.namespace, name)).await?;
        let selector = match kind.kind {
            "Deployment" | "ReplicaSet" => at(&object, "spec.selector.matchLabels").clone(),
            "Service" => at(&object, "spec.selector").clone(),
            "Pod" => at(&object, "metadata.labels").clone(),
            _ => return error(format!("cannot expose a {}", kind.qualified_singular())),
        };
        if selector.as_object().is_none_or(serde_json::Map::is_empty) {
            return error(
                "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed",
            );
        }
        let containers = match kind.kind {
            "Pod" => list(&object, "spec.containers"),
            _ => list(&object, "spec.template.spec.containers"),
        };
        let declared = containers
            .iter()
            .flat_map(|it| list(it, "ports"))
            .find_map(|it| value::int(it, "containerPort"));
        let port = match self.args.get("port").parse::<i64>().ok().or(declared) {
            Some(port) => port,
            None => {
                return error(
                    "couldn't find port via --port flag or introspection\nSee 'kubectl expose -h' for help and examples",
                );
            }
        };
        let target = match self.args.get("target-port") {
            "" => json!(port),
            text => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        };
        let own = match self.args.get("name") {
            "" => name.as_str(),
            own => own,
        };
        let mut service = json!({
            "metadata": {"name": own, "labels": at(&object, "metadata.labels").clone()},
            "spec": {"selector": selector, "ports": [{"port": port, "protocol": "TCP", "targetPort": target}]},
        });
        if self.args.has("type") {
            set(&mut service, "spec.type", self.args.get("type"));
        }
        if self.args.has("cluster-ip") {
            set(&mut service, "spec.clusterIP", self.args.get("cluster-ip"));
        }
        default(&mut service, "metadata.namespace", self.namespace.as_str());
        let made = match self.args.get("dry-run") {
            "" | "none" => {
                self.client.create(&named("Service").path(&self.namespace), &service).await?
            }
            _ => {
                set(&mut service, "apiVersion", "v1");
                set(&mut service, "kind", "Service");
                service
            }
        };
        self.did(&made, "exposed").await
    }
}
