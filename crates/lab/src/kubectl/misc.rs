//! `version`, `cluster-info`, `config`, `api-resources`, `explain`.

use kube::resources::KINDS;
use kube::value::{list, text};
use kube::yaml;
use serde_json::Value;

use super::output::table;
use super::{Ctl, Done, Stop, config_path, error};

/// Reads `5m`, `1h30m`, `30s`; a bare number is seconds.
pub(super) fn duration_us(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds * 1_000_000);
    }
    let (mut total, mut digits) = (0_u64, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let scale = match c {
            'h' => 3_600_000_000,
            'm' => 60_000_000,
            's' => 1_000_000,
            _ => return None,
        };
        total += digits.parse::<u64>().ok()? * scale;
        digits.clear();
    }
    digits.is_empty().then_some(total)
}

impl Ctl {
    pub(super) async fn version(&self) -> Done {
        self.complaints.set(0);
        let own = format!("Client Version: {}\nKustomize Version: v5.8.1\n", kube::VERSION);
        if self.args.yes("client") {
            self.out(&own).await;
            return Ok(());
        }
        self.out(&own).await;
        let server = self.client.get("/version").await?;
        self.out(&format!("Server Version: {}\n", text(&server, "gitVersion"))).await;
        Ok(())
    }

    /// `kubectl top`: the lab's clusters have no metrics server, as kubeadm's have none.
    pub(super) async fn top(&self) -> Done {
        if !matches!(self.args.word(1), Some("no" | "node" | "nodes" | "po" | "pod" | "pods")) {
            return error(format!(
                "unknown command \"{}\" for \"kubectl top\"",
                self.args.word(1).unwrap_or_default()
            ));
        }
        let groups = self.client.get("/apis").await?;
        let known = list(&groups, "groups").iter().any(|it| text(it, "name") == "metrics.k8s.io");
        assert!(!known, "no API server of the lab serves metrics");
        error("Metrics API not available")
    }

    pub(super) async fn cluster_info(&self) -> Done {
        let help =
            "\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n";
        let services = match self.client.get("/api/v1/namespaces/kube-system/services").await {
            Ok(services) => services,
            Err(failure) => {
                self.out(help).await;
                return Err(Stop::Api(failure));
            }
        };
        let server = &self.client.config().server;
        self.out(&format!("Kubernetes control plane is running at {server}\n")).await;
        for service in list(&services, "items") {
            if let Some(title) = kube::value::label(service, "kubernetes.io/name") {
                let name = kube::value::name(service);
                self.out(&format!("{title} is running at {server}/api/v1/namespaces/kube-system/services/{name}:dns/proxy\n")).await;
            }
        }
        self.out(help).await;
        Ok(())
    }

    pub(super) async fn api_resources(&self) -> Done {
        // What there is, the server says; it knows the kinds of the table.
        self.client.get("/apis").await?;
        let mut rows = vec![
            ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"].map(str::to_owned).to_vec(),
        ];
        let mut kinds: Vec<_> = KINDS.iter().collect();
        kinds.sort_by_key(|kind| (kind.group, kind.plural));
        for kind in kinds {
            let wanted = self.args.get("namespaced");
            if !wanted.is_empty() && wanted != kind.namespaced.to_string() {
                continue;
            }
            rows.push(vec![
                kind.plural.to_owned(),
                kind.short.join(","),
                kind.api_version(),
                kind.namespaced.to_string(),
                kind.kind.to_owned(),
            ]);
        }
        self.out(&table(&rows)).await;
        Ok(())
    }

    pub(super) async fn api_versions(&self) -> Done {
        let groups = self.client.get("/apis").await?;
        let mut lines: Vec<String> = list(&groups, "groups")
            .iter()
            .flat_map(|group| list(group, "versions"))
            .map(|version| text(version, "groupVersion").to_owned())
            .collect();
        lines.push("v1".to_owned());
        lines.sort();
        self.out(&(lines.join("\n") + "\n")).await;
        Ok(())
    }

    pub(super) async fn explain(&self) -> Done {
        let Some(word) = self.args.word(1) else {
            return error(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.",
            );
        };
        let kind = self.kind(word.split('.').next().unwrap_or(word))?;
        let group = if kind.group.is_empty() {
            String::new()
        } else {
            format!("GROUP:      {}\n", kind.group)
        };
        self.out(&format!("{group}KIND:       {}\nVERSION:    {}\n\nFIELDS:\n  apiVersion\t<string>\n  kind\t<string>\n  metadata\t<ObjectMeta>\n  spec\t<{}Spec>\n  status\t<{}Status>\n", kind.kind, kind.version, kind.kind, kind.kind)).await;
        Ok(())
    }

    fn config_file(&self) -> Result<(String, Value), Stop> {
        let Some(path) = config_path(&self.sys, &self.args) else {
            return Ok((
                String::new(),
                serde_json::json!({"apiVersion": "v1", "kind": "Config", "clusters": null, "contexts": null, "current-context": "", "users": null}),
            ));
        };
        let bytes = self.sys.read_file(&path).map_err(|errno| {
            Stop::Said(format!("error: open {path}: {}", errno.to_string().to_lowercase()))
        })?;
        let file = yaml::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|why| Stop::Said(format!("error: {why}")))?;
        Ok((path, file))
    }

    pub(super) async fn config(&self) -> Done {
        let (path, mut file) = self.config_file()?;
        match self.args.word(1) {
            Some("view") => {
                if !self.args.has("raw") {
                    for (names, inner, fields) in [
                        ("clusters", "cluster", &["certificate-authority-data"][..]),
                        ("users", "user", &["client-certificate-data", "client-key-data"][..]),
                    ] {
                        let Some(all) = file.get_mut(names).and_then(Value::as_array_mut) else {
                            continue;
                        };
                        for field in fields {
                            let hidden = "DATA+OMITTED";
                            all.iter_mut()
                                .filter_map(|it| it.get_mut(inner)?.get_mut(*field))
                                .for_each(|it| *it = hidden.into());
                        }
                    }
                }
                self.out(&yaml::print(&file)).await;
            }
            Some("current-context") => match text(&file, "current-context") {
                "" => return error("current-context is not set"),
                context => self.out(&format!("{context}\n")).await,
            },
            Some("get-contexts") => {
                let mut rows = vec![
                    ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]
                        .map(str::to_owned)
                        .to_vec(),
                ];
                for it in list(&file, "contexts") {
                    let name = text(it, "name");
                    let mark = if name == text(&file, "current-context") { "*" } else { "" };
                    rows.push(
                        [
                            mark,
                            name,
                            text(it, "context.cluster"),
                            text(it, "context.user"),
                            text(it, "context.namespace"),
                        ]
                        .map(str::to_owned)
                        .to_vec(),
                    );
                }
                self.out(&table(&rows)).await;
            }
            Some("get-clusters") => {
                let names: String = list(&file, "clusters")
                    .iter()
                    .map(|it| format!("{}\n", text(it, "name")))
                    .collect();
                self.out(&format!("NAME\n{names}")).await;
            }
            Some("use-context") => {
                let name = self.args.word(2).unwrap_or_default().to_owned();
                if !list(&file, "contexts").iter().any(|it| text(it, "name") == name) {
                    return error(format!("no context exists with the name: \"{name}\""));
                }
                kube::value::set(&mut file, "current-context", name.as_str());
                self.write_config(&path, &file)?;
                self.out(&format!("Switched to context \"{name}\".\n")).await;
            }
            Some("set-context") => {
                let current = text(&file, "current-context").to_owned();
                let name = if self.args.yes("current") {
                    current
                } else {
                    self.args.word(2).unwrap_or_default().to_owned()
                };
                let namespace = self.args.get("namespace").to_owned();
                let contexts = file.get_mut("contexts").and_then(Value::as_array_mut);
                let found =
                    contexts.and_then(|all| all.iter_mut().find(|it| text(it, "name") == name));
                let Some(context) = found else {
                    return error(format!("no context exists with the name: \"{name}\""));
                };
                if !namespace.is_empty() {
                    kube::value::set(context, "context.namespace", namespace);
                }
                self.write_config(&path, &file)?;
                self.out(&format!("Context \"{name}\" modified.\n")).await;
            }
            other => return error(format!("unknown command \"{}\"", other.unwrap_or_default())),
        }
        Ok(())
    }

    fn write_config(&self, path: &str, file: &Value) -> Done {
        let written = self.sys.write_file(path, yaml::print(file).as_bytes());
        written.map_err(|errno| {
            Stop::Said(format!("error: open {path}: {}", errno.to_string().to_lowercase()))
        })
    }
}
