//! `kubectl auth`: who one is, and what one may do.

use kube::value::{list, text};
use serde_json::{Value, json};

use super::output::table;
use super::{Ctl, Done, Stop, error};

impl Ctl {
    pub(super) async fn auth(&self) -> Done {
        match self.args.word(1) {
            Some("can-i") => self.can_i().await,
            Some("whoami") => self.who_am_i().await,
            other => error(format!(
                "unknown command \"{}\" for \"kubectl auth\"",
                other.unwrap_or_default()
            )),
        }
    }

    async fn who_am_i(&self) -> Done {
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let said = self.client.create(path, &review).await?;
        if self.args.has("output") {
            return self.print(&[said], false).await;
        }
        let groups: Vec<&str> =
            list(&said, "status.userInfo.groups").iter().filter_map(Value::as_str).collect();
        let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
        let rows = [
            row("ATTRIBUTE", "VALUE"),
            row("Username", text(&said, "status.userInfo.username")),
            row("Groups", &format!("[{}]", groups.join(" "))),
        ];
        self.out(&table(&rows)).await;
        Ok(())
    }

    async fn can_i(&self) -> Done {
        let (Some(verb), Some(what)) = (self.args.word(2), self.args.word(3)) else {
            return error(
                "you must specify two arguments: verb resource or verb resource/resourceName.\nSee \
                 'kubectl auth can-i -h' for help and examples.",
            );
        };
        let mut spec = json!({});
        if what.starts_with('/') {
            spec["nonResourceAttributes"] = json!({"path": what, "verb": verb});
        } else {
            let (what, name) = what.split_once('/').unwrap_or((what, ""));
            let kind = kube::resources::find(what);
            if kind.is_none() && what != "*" {
                self.warn(&format!(
                    "Warning: the server doesn't have a resource type '{what}'\n\n"
                ))
                .await;
            }
            let scoped = kind.is_none_or(|kind| kind.namespaced);
            if !scoped {
                self.warn(&format!("Warning: resource '{what}' is not namespace scoped")).await;
                let group = kind.map_or("", |kind| kind.group);
                let of =
                    if group.is_empty() { String::new() } else { format!(" in group '{group}'") };
                self.warn(&format!("{of}\n\n")).await;
            }
            let place =
                if self.args.yes("all-namespaces") || !scoped { "" } else { &self.namespace };
            spec["resourceAttributes"] = json!({
                "verb": verb, "resource": kind.map_or(what, |kind| kind.plural), "name": name,
                "group": kind.map_or("", |kind| kind.group), "namespace": place,
            });
        }
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let review = json!({"apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview", "spec": spec});
        let said = self.client.create(path, &review).await?;
        let allowed = said["status"]["allowed"] == true;
        self.out(if allowed { "yes\n" } else { "no\n" }).await;
        if allowed { Ok(()) } else { Err(Stop::Code(1)) }
    }
}
