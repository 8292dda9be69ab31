//! Nodes: `cordon`, `uncordon`, `drain`, `taint`.

use kube::resources::named;
use kube::value::{self, controller, list, text, yes};
use serde_json::{Value, json};

use super::{Ctl, Done, Stop, error};

impl Ctl {
    fn node_path(&self, name: &str) -> String {
        kube::client::path(named("Node"), "", name.trim_start_matches("node/"))
    }

    pub(super) async fn cordon(&self, on: bool) -> Done {
        let names = self.args.words(1).to_vec();
        if names.is_empty() {
            return error(format!(
                "USAGE: {} NODE [flags]\nSee 'kubectl cordon -h' for help and examples",
                if on { "cordon" } else { "uncordon" }
            ));
        }
        for name in names {
            self.set_cordon(&name, on).await?;
        }
        Ok(())
    }

    async fn set_cordon(&self, name: &str, on: bool) -> Done {
        let path = self.node_path(name);
        let node = self.client.get(&path).await?;
        let word = if on { "cordoned" } else { "uncordoned" };
        if yes(&node, "spec.unschedulable") == on {
            self.out(&format!("node/{} already {word}\n", value::name(&node))).await;
            return Ok(());
        }
        let patch =
            json!({"spec": {"unschedulable": if on { Value::Bool(true) } else { Value::Null }}});
        self.client.patch(&path, &patch).await?;
        self.out(&format!("node/{} {word}\n", value::name(&node))).await;
        Ok(())
    }

    pub(super) async fn drain(&self) -> Done {
        let Some(name) = self.args.word(1) else {
            return error(
                "USAGE: drain NODE [flags]\nSee 'kubectl drain -h' for help and examples",
            );
        };
        let name = name.trim_start_matches("node/").to_owned();
        self.set_cordon(&name, true).await?;
        let path = format!(
            "/api/v1/pods?fieldSelector={}",
            kube::client::escape(&format!("spec.nodeName={name}"))
        );
        let pods = self.client.get(&path).await?;
        let (mut daemons, mut bare, mut local, mut go) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for pod in list(&pods, "items") {
            let key = value::key(pod);
            if value::annotation(pod, "kubernetes.io/config.mirror").is_some() {
                continue;
            }
            if controller(pod).is_some_and(|(kind, ..)| kind == "DaemonSet") {
                daemons.push(key);
                continue;
            }
            if controller(pod).is_none() && !self.args.yes("force") {
                bare.push(key.clone());
            }
            let empties = list(pod, "spec.volumes").iter().any(|it| it.get("emptyDir").is_some());
            if empties && !self.args.yes("delete-emptydir-data") {
                local.push(key.clone());
            }
            go.push(pod.clone());
        }
        let mut reasons = Vec::new();
        if !daemons.is_empty() && !self.args.yes("ignore-daemonsets") {
            reasons.push(format!(
                "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): {}",
                daemons.join(", ")
            ));
        }
        if !bare.is_empty() {
            reasons.push(format!(
                "cannot delete Pods that declare no controller (use --force to override): {}",
                bare.join(", ")
            ));
        }
        if !local.is_empty() {
            reasons.push(format!("cannot delete Pods with local storage (use --delete-emptydir-data to override): {}", local.join(", ")));
        }
        if !reasons.is_empty() {
            let all = match reasons.as_slice() {
                [one] => one.clone(),
                many => format!("[{}]", many.join(", ")),
            };
            self.warn(&format!("error: unable to drain node \"{name}\" due to error: {all}, continuing command...\nThere are pending nodes to be drained:\n {name}\n")).await;
            return Err(Stop::Said(reasons.join("\n")));
        }
        if !daemons.is_empty() {
            self.warn(&format!(
                "Warning: ignoring DaemonSet-managed Pods: {}\n",
                daemons.join(", ")
            ))
            .await;
        }
        for pod in &go {
            self.out(&format!("evicting pod {}\n", value::key(pod))).await;
            let path = kube::client::path(named("Pod"), value::namespace(pod), value::name(pod));
            let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": value::name(pod), "namespace": value::namespace(pod)}});
            self.client.create(&format!("{path}/eviction"), &eviction).await?;
        }
        for pod in &go {
            let path = kube::client::path(named("Pod"), value::namespace(pod), value::name(pod));
            while self.client.get(&path).await.is_ok_and(|now| value::uid(&now) == value::uid(pod))
            {
                self.sys.sleep_us(500_000).await;
            }
            self.out(&format!("pod/{} evicted\n", value::name(pod))).await;
        }
        self.out(&format!("node/{name} drained\n")).await;
        Ok(())
    }

    pub(super) async fn taint(&self) -> Done {
        let words = self.args.words(1);
        let start = match words.first().map(String::as_str) {
            Some("node" | "nodes" | "no") => 1,
            Some(word) if word.starts_with("node/") => 0,
            _ => return error("must specify a resource of type node"),
        };
        let is_taint =
            |word: &&String| word.contains(':') || word.contains('=') || word.ends_with('-');
        let names: Vec<&String> = words[start..].iter().filter(|it| !is_taint(it)).collect();
        let taints: Vec<&String> = words[start..].iter().filter(is_taint).collect();
        if taints.is_empty() {
            return error("at least one taint update is required");
        }
        for name in names {
            let path = self.node_path(name);
            let node = self.client.get(&path).await?;
            let mut have = list(&node, "spec.taints").to_vec();
            let mut removed = false;
            for spec in &taints {
                if let Some(gone) = spec.strip_suffix('-') {
                    let (key, effect) = gone.split_once(':').unwrap_or((gone, ""));
                    let key = key.split('=').next().unwrap_or(key);
                    let before = have.len();
                    have.retain(|it| {
                        text(it, "key") != key || !effect.is_empty() && text(it, "effect") != effect
                    });
                    if have.len() == before {
                        return error(format!("taint \"{gone}\" not found"));
                    }
                    removed = true;
                    continue;
                }
                let Some((pair, effect)) = spec.rsplit_once(':') else {
                    return error(format!("unknown taint spec: {spec}"));
                };
                if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
                    return error(format!(
                        "invalid taint effect: {effect}, unsupported taint effect"
                    ));
                }
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let known =
                    have.iter().any(|it| text(it, "key") == key && text(it, "effect") == effect);
                if known && !self.args.yes("overwrite") {
                    return error(format!(
                        "node {name} already has {key} taint(s) with same effect(s) and --overwrite is false"
                    ));
                }
                have.retain(|it| text(it, "key") != key || text(it, "effect") != effect);
                let mut taint = json!({"key": key, "effect": effect});
                if !value.is_empty() {
                    taint["value"] = value.into();
                }
                have.push(taint);
            }
            let patch = json!({"spec": {"taints": if have.is_empty() { Value::Null } else { have.into() }}});
            let how = "application/merge-patch+json";
            self.client.ask("PATCH", &path, how, Some(&patch)).await?;
            let word = if removed { "untainted" } else { "tainted" };
            self.out(&format!("node/{} {word}\n", value::name(&node))).await;
        }
        Ok(())
    }
}
