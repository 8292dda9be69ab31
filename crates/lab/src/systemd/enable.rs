//! What happens at the start of a host: links from targets to units.

use serde_json::json;
use sim::{Errno, FileKind, Sys};

use super::ctl::{Call, ask};
use super::load;

const ETC: &str = "/etc/systemd/system";

/// `enable`, `disable`, `mask`, `unmask`, `reenable`.
pub(super) async fn change(sys: &Sys, verb: &str, units: &[String]) -> Result<i32, Errno> {
    if !sys.cred().is_root() {
        let verb = if verb == "reenable" { "reenable" } else { verb };
        sys.eprint(&format!("Failed to {verb} unit: Interactive authentication required.\n")).await;
        return Ok(1);
    }
    for unit in units {
        let done = match verb {
            "enable" => enable(sys, unit).await,
            "disable" => disable(sys, unit).await,
            "reenable" => {
                disable(sys, unit).await?;
                enable(sys, unit).await
            }
            "mask" => mask(sys, unit).await,
            _ => unmask(sys, unit).await,
        }?;
        if done != 0 {
            return Ok(done);
        }
    }
    ask(sys, json!({ "verb": "daemon-reload" })).await?;
    Ok(0)
}

/// The links a unit asks for in `[Install]`.
fn wanted_links(sys: &Sys, unit: &str) -> Vec<String> {
    let settings = load::settings(sys, &load::find(sys, unit));
    let mut links = Vec::new();
    for (key, kind) in [("WantedBy", "wants"), ("RequiredBy", "requires")] {
        for target in settings.names("Install", key) {
            links.push(format!("{ETC}/{target}.{kind}/{unit}"));
        }
    }
    links.extend(settings.names("Install", "Alias").iter().map(|alias| format!("{ETC}/{alias}")));
    links
}

async fn missing(sys: &Sys, verb: &str, unit: &str) -> i32 {
    sys.eprint(&format!("Failed to {verb} unit: Unit file {unit} does not exist.\n")).await;
    1
}

async fn enable(sys: &Sys, unit: &str) -> Result<i32, Errno> {
    let found = load::find(sys, unit);
    let Some(path) = found.path else { return Ok(missing(sys, "enable", unit).await) };
    if found.masked {
        sys.eprint(&format!("Failed to enable unit: Unit file {path} is masked.\n")).await;
        return Ok(1);
    }
    let links = wanted_links(sys, unit);
    if links.is_empty() {
        sys.eprint(
            "The unit files have no installation config (WantedBy=, RequiredBy=, Also=,\n\
             Alias= settings in the [Install] section, and DefaultInstance= for template\n\
             units). This means they are not meant to be enabled using systemctl.\n \n\
             Possible reasons for having this kind of units are:\n\
             • A unit may be statically enabled by being symlinked from another unit's\n  \
             .wants/ or .requires/ directory.\n\
             • A unit's purpose may be to act as a helper for some other unit which has\n  \
             a requirement dependency on it.\n\
             • A unit may be started when needed via activation (socket, path, timer,\n  \
             D-Bus, udev, scripted systemctl call, ...).\n\
             • In case of template units, the unit is meant to be enabled with some\n  \
             instance name specified.\n",
        )
        .await;
        return Ok(0);
    }
    for link in links {
        if sys.lstat(&link).is_ok() {
            continue;
        }
        if let Some((dir, _)) = link.rsplit_once('/') {
            // It may be there.
            let _ = sys.mkdir(dir, 0o755);
        }
        if let Err(error) = sys.symlink(&path, &link) {
            sys.eprint(&format!("Failed to enable unit: {error}\n")).await;
            return Ok(1);
        }
        sys.eprint(&format!("Created symlink {link} → {path}.\n")).await;
    }
    Ok(0)
}

async fn disable(sys: &Sys, unit: &str) -> Result<i32, Errno> {
    if load::find(sys, unit).path.is_none() && load::file_state(sys, unit).is_none() {
        return Ok(missing(sys, "disable", unit).await);
    }
    for entry in sys.read_dir(ETC).unwrap_or_default() {
        let links = [format!("{ETC}/{entry}/{unit}"), format!("{ETC}/{entry}")];
        let in_target = entry.ends_with(".wants") || entry.ends_with(".requires");
        let alias = sys
            .read_link(&links[1])
            .is_ok_and(|target| target.rsplit('/').next() == Some(unit) && entry != unit);
        let link = match (in_target, alias) {
            (true, _) => &links[0],
            (_, true) => &links[1],
            _ => continue,
        };
        if sys.lstat(link).is_ok_and(|stat| stat.kind == FileKind::Symlink)
            && sys.remove_file(link).is_ok()
        {
            sys.eprint(&format!("Removed \"{link}\".\n")).await;
        }
    }
    Ok(0)
}

async fn mask(sys: &Sys, unit: &str) -> Result<i32, Errno> {
    let link = format!("{ETC}/{unit}");
    if let Ok(stat) = sys.lstat(&link) {
        if stat.kind != FileKind::Symlink {
            sys.eprint(&format!("Failed to mask unit: File {link} already exists.\n")).await;
            return Ok(1);
        }
        return Ok(0);
    }
    match sys.symlink("/dev/null", &link) {
        Ok(()) => sys.eprint(&format!("Created symlink {link} → /dev/null.\n")).await,
        Err(error) => {
            sys.eprint(&format!("Failed to mask unit: {error}\n")).await;
            return Ok(1);
        }
    }
    Ok(0)
}

async fn unmask(sys: &Sys, unit: &str) -> Result<i32, Errno> {
    let link = format!("{ETC}/{unit}");
    if sys.read_link(&link).is_ok_and(|target| target == "/dev/null")
        && sys.remove_file(&link).is_ok()
    {
        sys.eprint(&format!("Removed \"{link}\".\n")).await;
    }
    Ok(0)
}

/// `is-enabled`
pub(super) async fn is_enabled(sys: &Sys, units: &[String]) -> Result<i32, Errno> {
    let mut good = false;
    for unit in units {
        match load::file_state(sys, unit) {
            Some(state) => {
                sys.print(&format!("{state}\n")).await;
                good |= matches!(state, "enabled" | "static" | "alias");
            }
            None => {
                let text = format!("Failed to get unit file state for {unit}: {}\n", Errno::Enoent);
                sys.eprint(&text).await;
            }
        }
    }
    Ok(i32::from(!good))
}

/// `list-unit-files`
pub(super) async fn list_files(sys: &Sys, call: &Call, patterns: &[String]) -> Result<i32, Errno> {
    let mut rows = Vec::new();
    for name in load::all_names(sys) {
        let kind = name.rsplit('.').next().unwrap_or_default().to_owned();
        let wanted = (call.types.is_empty() || call.types.contains(&kind))
            && (patterns.is_empty() || patterns.contains(&name));
        let state = load::file_state(sys, &name).unwrap_or("bad");
        if wanted && (call.states.is_empty() || call.states.iter().any(|it| it == state)) {
            let preset = if matches!(state, "static" | "alias") { "-" } else { "enabled" };
            rows.push((name, state, preset));
        }
    }
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0).max(9);
    let states = rows.iter().map(|(_, state, _)| state.len()).max().unwrap_or(0).max(5);
    let mut text = String::new();
    if !call.no_legend {
        text = format!("{:<width$} {:<states$} PRESET\n", "UNIT FILE", "STATE");
    }
    for (name, state, preset) in &rows {
        text.push_str(&format!("{name:<width$} {state:<states$} {preset}\n"));
    }
    if !call.no_legend {
        text.push_str(&format!("\n{} unit files listed.\n", rows.len()));
    }
    sys.print(&text).await;
    Ok(0)
}
