//! What `systemctl` shows of units: `status`, `show`, `cat`, `list-units`, dependencies.

use serde_json::{Value, json};
use sim::{Errno, Pid, Sys};

use super::ctl::{Call, ask, each, stale_warning};
use super::{journal, load, service};
use crate::programs::calendar::Moment;

fn text<'a>(unit: &'a Value, name: &str) -> &'a str {
    unit.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// `status`
pub(super) async fn status(sys: &Sys, call: &Call, units: &[String]) -> Result<i32, Errno> {
    if units.is_empty() {
        return whole(sys).await;
    }
    let answer = ask(sys, json!({ "verb": "show", "units": units })).await?;
    let mut worst = 0;
    let mut first = true;
    for unit in each(&answer, "units") {
        let name = text(unit, "name");
        if text(unit, "load") == "not-found" && text(unit, "active") == "inactive" {
            sys.eprint(&format!("Unit {name} could not be found.\n")).await;
            worst = worst.max(4);
            continue;
        }
        if !std::mem::take(&mut first) {
            sys.print("\n").await;
        }
        if unit["stale"] == true {
            sys.eprint(&stale_warning(name)).await;
        }
        let shown = head(sys, unit) + &lines(sys, call, name);
        sys.print(&shown).await;
        worst = worst.max(match text(unit, "active") {
            "active" | "reloading" => 0,
            _ => 3,
        });
    }
    Ok(worst)
}

async fn whole(sys: &Sys) -> Result<i32, Errno> {
    let answer = ask(sys, json!({ "verb": "list" })).await?;
    let failed = each(&answer, "units").filter(|unit| unit["active"] == "failed").count();
    let state = if failed > 0 { "degraded" } else { "running" };
    let dot = if failed > 0 { '×' } else { '●' };
    let text = format!(
        "{dot} {}\n    State: {state}\n    Units: {} loaded (incl. loaded aliases)\n     Jobs: 0 \
         queued\n   Failed: {failed} units\n  systemd: 252.39-1~deb12u1\n",
        sys.hostname(),
        each(&answer, "units").count()
    );
    sys.print(&text).await;
    Ok(0)
}

fn head(sys: &Sys, unit: &Value) -> String {
    let name = text(unit, "name");
    let (active, sub) = (text(unit, "active"), text(unit, "sub"));
    let dot = match active {
        "failed" => '×',
        "inactive" => '○',
        _ => '●',
    };
    let mut out = format!("{dot} {name}");
    if text(unit, "description") != name {
        out.push_str(&format!(" - {}", text(unit, "description")));
    }
    out.push('\n');
    let loaded = match (text(unit, "path"), text(unit, "file_state")) {
        ("", _) => format!("not-found (Reason: Unit {name} not found.)"),
        (_, "masked") => format!("masked (Reason: Unit {name} is masked.)"),
        (path, state) if matches!(state, "static" | "alias") => {
            format!("{} ({path}; {state})", text(unit, "load"))
        }
        (path, state) => format!("{} ({path}; {state}; preset: enabled)", text(unit, "load")),
    };
    out.push_str(&format!("     Loaded: {loaded}\n"));
    drop_ins(unit, &mut out);
    let result = text(unit, "result");
    let mut state = format!("{active} ({sub})");
    if active == "failed" {
        state = format!("failed (Result: {result})");
    } else if sub == "auto-restart" {
        state = format!("activating (auto-restart) (Result: {result})");
    }
    let since_us = unit.get("since_us").and_then(Value::as_u64).unwrap_or(0);
    if since_us > 0 {
        let time = Moment::from_us(since_us as i64).format("%a %Y-%m-%d %H:%M:%S UTC");
        state.push_str(&format!(
            " since {time}; {} ago",
            ago(sys.wall_us().saturating_sub(since_us))
        ));
    }
    out.push_str(&format!("     Active: {state}\n"));
    for (at, doc) in each(unit, "docs").filter_map(Value::as_str).enumerate() {
        out.push_str(&format!(
            "{}{doc}\n",
            if at == 0 { "       Docs: " } else { "             " }
        ));
    }
    processes(unit, &mut out);
    if let Some(main) = unit.get("main").and_then(Value::as_u64) {
        running(sys, unit, main, &mut out);
    }
    out
}

fn drop_ins(unit: &Value, out: &mut String) {
    let files: Vec<&str> = each(unit, "drop_ins").filter_map(Value::as_str).collect();
    let Some((dir, _)) = files.first().and_then(|path| path.rsplit_once('/')) else { return };
    let names: Vec<&str> = files.iter().filter_map(|path| path.rsplit('/').next()).collect();
    out.push_str(&format!("    Drop-In: {dir}\n             └─{}\n", names.join(", ")));
}

fn status_words(status: &Value) -> String {
    if let Some(code) = status.get("code").and_then(Value::as_i64) {
        let name = service::code_name(i32::try_from(code).unwrap_or(-1));
        return if name == "n/a" {
            format!("code=exited, status={code}")
        } else {
            format!("code=exited, status={code}/{name}")
        };
    }
    format!("code=killed, signal={}", text(status, "signal"))
}

fn processes(unit: &Value, out: &mut String) {
    let main = unit.get("main").and_then(Value::as_u64);
    for ran in each(unit, "ran") {
        let Some(status) = ran.get("status").filter(|status| !status.is_null()) else { continue };
        let pid = ran.get("pid").and_then(Value::as_u64);
        if pid == main {
            continue;
        }
        out.push_str(&format!(
            "    Process: {} {}={} ({})\n",
            pid.unwrap_or(0),
            text(ran, "kind"),
            text(ran, "shown"),
            status_words(status)
        ));
    }
    if let (None, Some(last)) = (main, unit.get("last").filter(|last| !last.is_null())) {
        let pid = last.get("pid").and_then(Value::as_u64).unwrap_or(0);
        let words = last.get("status").map(status_words).unwrap_or_default();
        out.push_str(&format!("   Main PID: {pid} ({words})\n"));
    }
}

fn running(sys: &Sys, unit: &Value, main: u64, out: &mut String) {
    let pid = Pid(u32::try_from(main).unwrap_or(0));
    let mut group: Vec<_> = sys.ps().into_iter().filter(|proc| proc.group == pid).collect();
    group.sort_by_key(|proc| proc.pid);
    let program = group.iter().find(|proc| proc.pid == pid).and_then(|proc| proc.argv.first());
    let program = program.and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    out.push_str(&format!("   Main PID: {main} ({program})\n"));
    if !text(unit, "status_text").is_empty() {
        out.push_str(&format!("     Status: \"{}\"\n", text(unit, "status_text")));
    }
    out.push_str(&format!("      Tasks: {} (limit: 4915)\n", group.len()));
    out.push_str(&format!("     CGroup: /system.slice/{}\n", text(unit, "name")));
    for (at, proc) in group.iter().enumerate() {
        let branch = if at + 1 == group.len() { "└─" } else { "├─" };
        out.push_str(&format!("             {branch}{} {}\n", proc.pid.0, proc.argv.join(" ")));
    }
}

fn lines(sys: &Sys, call: &Call, name: &str) -> String {
    let count = call.lines.unwrap_or(10);
    match journal::newest(sys, name, count) {
        None => "\nWarning: some journal files were not opened due to insufficient permissions.\n"
            .into(),
        Some(entries) if entries.is_empty() => String::new(),
        Some(entries) => {
            let lines: Vec<String> = entries.iter().map(|entry| entry.short(false)).collect();
            format!("\n{}\n", lines.join("\n"))
        }
    }
}

/// A time span as systemd rounds it: the two largest units.
pub(super) fn ago(us: u64) -> String {
    let seconds = us / 1_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if us < 1_000_000 {
        format!("{}ms", us / 1000)
    } else if minutes == 0 {
        format!("{seconds}s")
    } else if hours == 0 {
        format!("{minutes}min {}s", seconds % 60)
    } else if days == 0 {
        format!("{hours}h {}min", minutes % 60)
    } else {
        let plural = if days == 1 { "day" } else { "days" };
        format!("{days} {plural}")
    }
}

/// `cat`
pub(super) async fn cat(sys: &Sys, units: &[String]) -> Result<i32, Errno> {
    let mut status = 0;
    let mut first = true;
    for unit in units {
        let found = load::find(sys, unit);
        if found.path.is_none() {
            sys.eprint(&format!("No files found for {unit}.\n")).await;
            status = 1;
            continue;
        }
        for path in found.path.iter().chain(&found.drop_ins) {
            if !std::mem::take(&mut first) {
                sys.print("\n").await;
            }
            let bytes = sys.read_file(path)?;
            sys.print(&format!("# {path}\n{}", String::from_utf8_lossy(&bytes))).await;
        }
        let answer = ask(sys, json!({ "verb": "show", "units": [unit] })).await?;
        if each(&answer, "units").any(|unit| unit["stale"] == true) {
            sys.eprint(&stale_warning(unit)).await;
        }
    }
    Ok(status)
}

/// `show`: the properties people ask for.
pub(super) async fn show(sys: &Sys, call: &Call, units: &[String]) -> Result<i32, Errno> {
    let answer = ask(sys, json!({ "verb": "show", "units": units })).await?;
    let mut first = true;
    for unit in each(&answer, "units") {
        if !std::mem::take(&mut first) {
            sys.print("\n").await;
        }
        let all = properties(unit);
        let wanted: Vec<&(&str, String)> = if call.properties.is_empty() {
            all.iter().collect()
        } else {
            all.iter().filter(|(name, _)| call.properties.iter().any(|it| it == name)).collect()
        };
        for (name, value) in wanted {
            let line =
                if call.value_only { format!("{value}\n") } else { format!("{name}={value}\n") };
            sys.print(&line).await;
        }
    }
    Ok(0)
}

fn properties(unit: &Value) -> Vec<(&'static str, String)> {
    let joined = |name: &str| {
        let words: Vec<&str> = each(unit, name).filter_map(Value::as_str).collect();
        words.join(" ")
    };
    let since_us = unit.get("since_us").and_then(Value::as_u64).unwrap_or(0);
    let since = if since_us == 0 {
        String::new()
    } else {
        Moment::from_us(since_us as i64).format("%a %Y-%m-%d %H:%M:%S UTC")
    };
    let last = unit.get("last").and_then(|last| last.get("status"));
    let code = last.and_then(|status| status.get("code")).and_then(Value::as_i64).unwrap_or(0);
    let exec: Vec<String> = each(unit, "exec_start")
        .filter_map(Value::as_str)
        .map(|line| {
            let path = line.split_whitespace().next().unwrap_or_default();
            let argv: Vec<&str> = line.split_whitespace().collect();
            format!("{{ path={path} ; argv[]={} ; ignore_errors=no }}", argv.join(" "))
        })
        .collect();
    let active_since = if text(unit, "active") == "active" { since.clone() } else { String::new() };
    vec![
        ("Type", text(unit, "type").to_owned()),
        ("Restart", text(unit, "restart").to_owned()),
        ("NRestarts", unit.get("restarts").map(Value::to_string).unwrap_or_default()),
        ("MainPID", unit.get("main").and_then(Value::as_u64).unwrap_or(0).to_string()),
        ("ExecMainStatus", code.to_string()),
        ("Result", text(unit, "result").to_owned()),
        ("ExecStart", exec.join(" ")),
        ("Environment", joined("environment")),
        ("WorkingDirectory", text(unit, "working_directory").to_owned()),
        ("LimitNOFILE", unit["limit_nofile"].to_string()),
        ("LimitNOFILESoft", unit["limit_nofile_soft"].to_string()),
        ("User", text(unit, "user").to_owned()),
        ("Group", text(unit, "group").to_owned()),
        ("Id", text(unit, "name").to_owned()),
        ("Names", text(unit, "name").to_owned()),
        ("Requires", joined("requires")),
        ("Wants", joined("wants")),
        ("WantedBy", joined("wanted_by")),
        ("After", joined("after")),
        ("Documentation", joined("docs")),
        ("Description", text(unit, "description").to_owned()),
        ("LoadState", text(unit, "load").to_owned()),
        ("ActiveState", text(unit, "active").to_owned()),
        ("SubState", text(unit, "sub").to_owned()),
        ("FragmentPath", text(unit, "path").to_owned()),
        ("DropInPaths", joined("drop_ins")),
        ("UnitFileState", text(unit, "file_state").to_owned()),
        ("UnitFilePreset", "enabled".to_owned()),
        ("StateChangeTimestamp", since),
        ("ActiveEnterTimestamp", active_since),
        ("NeedDaemonReload", if unit["stale"] == true { "yes" } else { "no" }.to_owned()),
    ]
}

/// `list-units`
pub(super) async fn list_units(sys: &Sys, call: &Call, patterns: &[String]) -> Result<i32, Errno> {
    let answer = ask(sys, json!({ "verb": "list" })).await?;
    let mut rows: Vec<[&str; 5]> = Vec::new();
    for unit in each(&answer, "units") {
        let row = ["name", "load", "active", "sub", "description"].map(|name| text(unit, name));
        let kind = row[0].rsplit('.').next().unwrap_or_default();
        let state = call.states.is_empty()
            || call.states.iter().any(|it| it == row[1] || it == row[2] || it == row[3]);
        let shown = call.all || !call.states.is_empty() || row[2] != "inactive";
        let wanted = patterns.is_empty() || patterns.iter().any(|it| it == row[0]);
        if state
            && shown
            && wanted
            && (call.types.is_empty() || call.types.iter().any(|it| it == kind))
        {
            rows.push(row);
        }
    }
    let titles = ["UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION"];
    let width =
        |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0).max(titles[at].len());
    let widths = [width(0), width(1), width(2), width(3)];
    let line = |mark: &str, row: &[&str; 5]| {
        format!(
            "{mark} {:<a$} {:<b$} {:<c$} {:<d$} {}\n",
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            a = widths[0],
            b = widths[1],
            c = widths[2],
            d = widths[3]
        )
    };
    let mut out = String::new();
    if !call.no_legend {
        out.push_str(&line(" ", &titles));
    }
    for row in &rows {
        out.push_str(&line(
            if row[2] == "failed" || row[1] == "not-found" { "●" } else { " " },
            row,
        ));
    }
    if !call.no_legend {
        out.push_str(&format!(
            "\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The \
             high-level unit activation state, i.e. generalization of SUB.\nSUB    = The low-level \
             unit activation state, values depend on unit type.\n{} loaded units listed.{}\n",
            rows.len(),
            if call.all { "" } else { " Pass --all to see loaded but inactive units, too." }
        ));
        if call.states.is_empty() {
            out.push_str("To show all installed unit files use 'systemctl list-unit-files'.\n");
        }
    }
    sys.print(&out).await;
    Ok(0)
}

/// `list-dependencies`
pub(super) async fn dependencies(sys: &Sys, units: &[String]) -> Result<i32, Errno> {
    let name = units.first().map_or("multi-user.target", String::as_str);
    let answer = ask(sys, json!({ "verb": "show", "units": [name] })).await?;
    let Some(unit) = each(&answer, "units").next() else { return Ok(1) };
    let mut names: Vec<String> = ["wants", "requires"]
        .iter()
        .flat_map(|key| each(unit, key).filter_map(Value::as_str).map(str::to_owned))
        .chain(load::linked(sys, name, "wants"))
        .collect();
    names.sort();
    names.dedup();
    let states = ask(sys, json!({ "verb": "show", "units": names })).await?;
    let mut out = format!("{name}\n");
    let count = names.len();
    for (at, unit) in each(&states, "units").enumerate() {
        let dot = if text(unit, "active") == "active" { '●' } else { '○' };
        let branch = if at + 1 == count { "└─" } else { "├─" };
        out.push_str(&format!("{dot} {branch}{}\n", text(unit, "name")));
    }
    sys.print(&out).await;
    Ok(0)
}
