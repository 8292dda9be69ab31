//! `kubectl edit`: an object as YAML in the user's editor, and what he changed as a patch.

use kube::patch::three_way;
use kube::resources::Kind;
use kube::value::{self, unset};
use kube::yaml;
use serde_json::Value;

use super::{Ctl, Done, Stop, error};
use crate::programs::system::editor;

const HEAD: &str = "\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
";

impl Ctl {
    pub(super) async fn edit(&self) -> Done {
        if self.args.words(1).is_empty() && !self.args.has("filename") {
            return error("must specify one of -f and -k");
        }
        let targets = self.targets(1)?;
        for (kind, name) in targets {
            let Some(name) = name else { return error("resource name may not be empty") };
            self.edit_one(kind, &name).await?;
        }
        Ok(())
    }

    async fn edit_one(&self, kind: &'static Kind, name: &str) -> Done {
        let place = if kind.namespaced { self.namespace.as_str() } else { "" };
        let path = kube::client::path(kind, place, name);
        let mut before = self.client.get(&path).await?;
        unset(&mut before, "metadata.managedFields");
        let mut text = format!("{HEAD}{}", yaml::print(&before));
        let mut refused = false;
        loop {
            let edited = self.in_editor(&text).await?;
            let same = plain(&edited) == plain(&text);
            if plain(&edited).trim().is_empty() || same {
                return self.cancelled(&edited, refused).await;
            }
            let why = match yaml::parse(&edited) {
                Err(why) => format!("# {why}\n#\n"),
                Ok(after) => match self.put_edited(&path, &before, &after).await {
                    Ok(()) => return Ok(()),
                    Err(Stop::Api(failure)) if failure.code() == 422 || failure.code() == 409 => {
                        format!(
                            "# {} \"{name}\" was not valid:\n# * {}\n#\n",
                            kind.plural,
                            self.words(&failure)
                                .trim_start_matches("error: ")
                                .replace('\n', "\n# ")
                        )
                    }
                    Err(stop) => return Err(stop),
                },
            };
            text = format!("{HEAD}{why}{}", plain(&edited));
            refused = true;
        }
    }

    /// Sends what differs.
    async fn put_edited(&self, path: &str, before: &Value, after: &Value) -> Done {
        for field in ["apiVersion", "kind", "metadata.name"] {
            if value::text(before, field) != value::text(after, field) {
                return error("At least one of apiVersion, kind and name was changed");
            }
        }
        let patch = three_way(before, after, before);
        if patch.as_object().is_some_and(serde_json::Map::is_empty) {
            self.warn("Edit cancelled, no changes made.\n").await;
            return Ok(());
        }
        let new = self.client.patch(path, &patch).await?;
        self.did(&new, "edited").await
    }

    async fn cancelled(&self, edited: &str, refused: bool) -> Done {
        if !refused {
            self.warn("Edit cancelled, no changes made.\n").await;
            return Ok(());
        }
        let copy = self.copy();
        if self.sys.write_file(&copy, edited.as_bytes()).is_ok() {
            self.warn(&format!("A copy of your changes has been stored to \"{copy}\"\n")).await;
        }
        error("Edit cancelled, no valid changes were saved.")
    }

    fn copy(&self) -> String {
        format!("/tmp/kubectl-edit-{}.yaml", self.sys.pid())
    }

    /// The text as the user's editor left it.
    async fn in_editor(&self, text: &str) -> Result<String, Stop> {
        const VARIABLES: [&str; 2] = ["KUBE_EDITOR", "EDITOR"];
        let copy = self.copy();
        match editor::changed_text(&self.sys, &VARIABLES, &copy, text).await {
            Ok(edited) => {
                let _ = self.sys.remove_file(&copy);
                Ok(edited)
            }
            Err(_) => {
                let chosen = VARIABLES.iter().find_map(|name| self.sys.env(name));
                let name = chosen.unwrap_or_else(|| "vi".to_owned());
                error(format!("there was a problem with the editor {name:?}"))
            }
        }
    }
}

/// The text without the lines that speak to the user.
fn plain(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}
