//! `systemctl edit`: the user's editor on a drop-in, or with `--full` on a copy of the unit.

use serde_json::json;
use sim::{Errno, Sys};

use super::ctl::ask;
use super::load;
use crate::programs::system::editor;

const ETC: &str = "/etc/systemd/system";
const BELOW: &str = "### Lines below this comment will be discarded";

/// `systemctl edit [--full] UNIT...`
pub(super) async fn edit(sys: &Sys, full: bool, units: &[String]) -> Result<i32, Errno> {
    if units.is_empty() {
        sys.eprint("Too few arguments.\n").await;
        return Ok(1);
    }
    let mut changed = false;
    for unit in units {
        let Some(path) = load::find(sys, unit).path else {
            let text = format!(
                "No files found for {unit}.\nRun 'systemctl edit --force --full {unit}' to create a new unit.\n"
            );
            sys.eprint(&text).await;
            return Ok(1);
        };
        let (target, text) = if full {
            let text = sys.read_file(&path)?;
            (format!("{ETC}/{unit}"), String::from_utf8_lossy(&text).into_owned())
        } else {
            let target = format!("{ETC}/{unit}.d/override.conf");
            let text = template(sys, &target, &path);
            (target, text)
        };
        match edit_one(sys, full, &target, &text).await {
            Ok(done) => changed |= done,
            Err(status) => return Ok(status),
        }
    }
    if changed {
        ask(sys, json!({ "verb": "daemon-reload" })).await?;
    }
    Ok(0)
}

/// What the editor of a drop-in shows: what is there, and the unit as a comment.
fn template(sys: &Sys, target: &str, path: &str) -> String {
    let read = |path: &str| {
        let bytes = sys.read_file(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let unit: String =
        read(path).lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect();
    format!(
        "### Editing {target}\n### Anything between here and the comment below will become the new contents of the file\n\n{}\n\n{BELOW}\n\n### {path}\n{unit}",
        read(target)
    )
}

/// Whether the file was written; the error is a status.
async fn edit_one(sys: &Sys, full: bool, target: &str, text: &str) -> Result<bool, i32> {
    let (folder, name) = target.rsplit_once('/').unwrap_or(("", target));
    let had_folder = sys.stat(folder).is_ok();
    // It may be there.
    let _ = sys.mkdir(folder, 0o755);
    let copy = format!("{folder}/.#{name}{:x}", sys.pid().0);
    let undo = |sys: &Sys| {
        if !had_folder {
            let _ = sys.remove_dir(folder);
        }
    };
    let variables = ["SYSTEMD_EDITOR", "EDITOR", "VISUAL"];
    let after = match editor::changed_text(sys, &variables, &copy, text).await {
        Ok(after) => after,
        Err(status) => {
            undo(sys);
            if sys.access(folder, 2).is_err() {
                sys.eprint(&format!(
                    "Failed to create temporary file \"{copy}\": Permission denied\n"
                ))
                .await;
            } else {
                sys.eprint(&format!("Editing \"{target}\" canceled: the editor failed.\n")).await;
            }
            return Err(status);
        }
    };
    let _ = sys.remove_file(&copy);
    let kept = if full { after } else { between(&after) };
    if kept.trim().is_empty() {
        sys.eprint(&format!("Editing \"{target}\" canceled: temporary file is empty.\n")).await;
        undo(sys);
        return Ok(false);
    }
    match sys.write_file(target, kept.as_bytes()) {
        Ok(()) => Ok(true),
        Err(error) => {
            sys.eprint(&format!("Failed to write {target}: {error}\n")).await;
            Err(1)
        }
    }
}

/// What stands between the comments of [`template`].
fn between(text: &str) -> String {
    let below = text.split(BELOW).next().unwrap_or("");
    let lines: Vec<&str> = below.lines().filter(|line| !line.starts_with("### ")).collect();
    format!("{}\n", lines.join("\n").trim_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_comments_is_kept() {
        let text =
            format!("### Editing x\n### Anything\n\n[Service]\nRestart=no\n\n\n{BELOW}\n\n# y\n");
        assert_eq!(between(&text), "[Service]\nRestart=no\n");
    }
}
