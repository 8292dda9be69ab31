//! `kubectl rollout`.

use kube::resources::named;
use kube::value::{self, annotation, at, condition, controller, int, object_mut, text};
use serde_json::{Value, json};

use super::{Ctl, Done, Stop, error};

const REVISION: &str = "deployment.kubernetes.io/revision";
const CAUSE: &str = "kubernetes.io/change-cause";

impl Ctl {
    pub(super) async fn rollout(&self) -> Done {
        let Some(verb) = self.args.word(1).map(str::to_owned) else {
            return error("must specify one of: history, pause, restart, resume, status, undo");
        };
        let targets = self.targets(2)?;
        if targets.is_empty() {
            return error("required resource not specified");
        }
        for (kind, name) in targets {
            let Some(name) = name else { return error("required resource not specified") };
            let path = kube::client::path(kind, &self.namespace, &name);
            let object = self.client.get(&path).await?;
            let qualified = format!("{}/{name}", kind.qualified_singular());
            match verb.as_str() {
                "status" => self.rollout_status(kind.kind, &path, &name).await?,
                "restart" => {
                    let now = value::time(self.sys.wall_us());
                    let patch = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}});
                    self.client.patch(&path, &patch).await?;
                    self.out(&format!("{qualified} restarted\n")).await;
                }
                "pause" | "resume" => {
                    let pause = verb == "pause";
                    if value::yes(&object, "spec.paused") == pause {
                        let word = if pause { "paused" } else { "running" };
                        return error(format!("deployments.apps \"{name}\" is already {word}"));
                    }
                    let patch = json!({"spec": {"paused": if pause { Value::Bool(true) } else { Value::Null }}});
                    self.client.patch(&path, &patch).await?;
                    self.out(&format!("{qualified} {verb}d\n")).await;
                }
                "history" => self.history(&object, &qualified).await?,
                "undo" => self.undo(&object, &path, &qualified).await?,
                other => return error(format!("unknown command \"{other}\"")),
            }
        }
        Ok(())
    }

    async fn rollout_status(&self, kind: &str, path: &str, name: &str) -> Done {
        let timeout_us = super::misc::duration_us(self.args.get("timeout")).filter(|it| *it > 0);
        let until_us = timeout_us.map(|us| self.sys.mono_us() + us);
        let mut said = String::new();
        loop {
            let object = self.client.get(path).await?;
            let count = |path: &str| int(&object, path).unwrap_or_default();
            let wanted = count("spec.replicas");
            if kind == "DaemonSet" {
                if count("status.numberAvailable") >= count("status.desiredNumberScheduled") {
                    self.out(&format!("daemon set \"{name}\" successfully rolled out\n")).await;
                    return Ok(());
                }
                self.sys.sleep_us(500_000).await;
                continue;
            }
            if condition(&object, "Progressing")
                .is_some_and(|it| text(it, "reason") == "ProgressDeadlineExceeded")
            {
                return error(format!("deployment \"{name}\" exceeded its progress deadline"));
            }
            let (updated, total) = (count("status.updatedReplicas"), count("status.replicas"));
            let available = count("status.availableReplicas");
            let line = if count("metadata.generation") > count("status.observedGeneration") {
                "Waiting for deployment spec update to be observed...\n".to_owned()
            } else if updated < wanted {
                format!(
                    "Waiting for deployment \"{name}\" rollout to finish: {updated} out of {wanted} new replicas have been updated...\n"
                )
            } else if total > updated {
                format!(
                    "Waiting for deployment \"{name}\" rollout to finish: {} old replicas are pending termination...\n",
                    total - updated
                )
            } else if available < updated {
                format!(
                    "Waiting for deployment \"{name}\" rollout to finish: {available} of {updated} updated replicas are available...\n"
                )
            } else {
                self.out(&format!("deployment \"{name}\" successfully rolled out\n")).await;
                return Ok(());
            };
            if line != said {
                self.out(&line).await;
                said = line;
            }
            if self.args.get("watch") == "false" {
                return Ok(());
            }
            if until_us.is_some_and(|until_us| self.sys.mono_us() >= until_us) {
                return error("timed out waiting for the condition");
            }
            self.sys.sleep_us(200_000).await;
        }
    }

    async fn sets(&self, deployment: &Value) -> Result<Vec<(i64, Value)>, Stop> {
        let all = self.client.get(&named("ReplicaSet").path(value::namespace(deployment))).await?;
        let mut found: Vec<(i64, Value)> = value::list(&all, "items")
            .iter()
            .filter(|it| controller(it).is_some_and(|(_, _, uid)| uid == value::uid(deployment)))
            .filter_map(|it| Some((annotation(it, REVISION)?.parse().ok()?, it.clone())))
            .collect();
        found.sort_by_key(|(revision, _)| *revision);
        Ok(found)
    }

    async fn history(&self, deployment: &Value, qualified: &str) -> Done {
        let sets = self.sets(deployment).await?;
        if let Ok(wanted) = self.args.get("revision").parse::<i64>() {
            let Some((_, set)) = sets.iter().find(|(revision, _)| *revision == wanted) else {
                return error("unable to find the specified revision");
            };
            self.out(&format!("{qualified} with revision #{wanted}\nPod Template:\n")).await;
            let text = super::describe::template(at(set, "spec.template"));
            self.out(&format!("{text}\n")).await;
            return Ok(());
        }
        let mut rows = vec![vec!["REVISION".to_owned(), "CHANGE-CAUSE".to_owned()]];
        for (revision, set) in &sets {
            rows.push(vec![
                revision.to_string(),
                annotation(set, CAUSE).unwrap_or("<none>").to_owned(),
            ]);
        }
        let lines: String = rows.iter().map(|row| format!("{:<10}{}\n", row[0], row[1])).collect();
        self.out(&format!("{qualified} \n{lines}\n")).await;
        Ok(())
    }

    async fn undo(&self, deployment: &Value, path: &str, qualified: &str) -> Done {
        let sets = self.sets(deployment).await?;
        let wanted = self.args.get("to-revision").parse::<i64>().ok().filter(|it| *it > 0);
        let set = match wanted {
            Some(wanted) => sets.iter().find(|(revision, _)| *revision == wanted),
            None => sets.iter().rev().nth(1),
        };
        let Some((_, set)) = set else {
            return match wanted {
                Some(_) => error("unable to find specified revision in history"),
                None => error(format!(
                    "no rollout history found for deployment \"{}\"",
                    value::name(deployment)
                )),
            };
        };
        let mut template = at(set, "spec.template").clone();
        object_mut(&mut template, "metadata.labels").remove("pod-template-hash");
        if &template == at(deployment, "spec.template") {
            self.out(&format!(
                "{qualified} skipped rollback (current template already matches revision {})\n",
                wanted.unwrap_or_default()
            ))
            .await;
            return Ok(());
        }
        let patch = json!([{"op": "replace", "path": "/spec/template", "value": template}]);
        self.client.ask("PATCH", path, "application/json-patch+json", Some(&patch)).await?;
        self.out(&format!("{qualified} rolled back\n")).await;
        Ok(())
    }
}
