//! `crictl`: the container runtime asked directly, with or without an API server.

use kube::runtime;
use kube::value::{int, list, text};
use serde_json::{Value, json};
use sim::{Fd, Sys};

use super::Program;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "crictl",
    summary: "look at containers, pods and images of this host",
    usage: "crictl ps [-a] [-q] [--name NAME] | pods | images\n\
            crictl logs [-f] [--tail N] ID | inspect ID | stop ID... | rm [-f] ID...",
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// Flags that take a value.
const VALUED: [&str; 8] = ["name", "tail", "state", "s", "o", "output", "runtime-endpoint", "r"];

struct Line {
    words: Vec<String>,
    flags: Vec<(String, String)>,
}

impl Line {
    fn parse(args: &[String]) -> Line {
        let mut line = Line { words: Vec::new(), flags: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let Some(name) = arg.strip_prefix('-') else {
                line.words.push(arg.clone());
                continue;
            };
            let name = name.trim_start_matches('-');
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None if VALUED.contains(&name) => (name, args.next().cloned().unwrap_or_default()),
                None => (name, "true".to_owned()),
            };
            line.flags.push((name.to_owned(), value));
        }
        line
    }

    fn get(&self, name: &str) -> &str {
        let found = self.flags.iter().rfind(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    fn yes(&self, short: &str, long: &str) -> bool {
        self.flags.iter().any(|(it, _)| it == short || it == long || it == "aq" || it == "qa")
    }
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let line = Line::parse(args.get(1..).unwrap_or_default());
    if !sys.cred().is_root() {
        sys.eprint(
            "level=fatal msg=\"validate service connection: validate CRI v1 runtime API for endpoint \
             \\\"unix:///run/containerd/containerd.sock\\\": rpc error: code = Unavailable desc = \
             connection error: desc = \\\"transport: Error while dialing: dial unix \
             /run/containerd/containerd.sock: connect: permission denied\\\"\"\n",
        )
        .await;
        return 1;
    }
    match line.words.first().map(String::as_str) {
        Some("ps") => ps(&sys, &line).await,
        Some("pods") => pods(&sys, &line).await,
        Some("images") => images(&sys).await,
        Some("logs") => logs(&sys, &line).await,
        Some("inspect") => inspect(&sys, &line).await,
        Some(verb @ ("stop" | "rm")) => stop(&sys, &line, verb == "rm").await,
        Some(other) => {
            let text = format!("No help topic for '{other}'\n");
            sys.eprint(&text).await;
            3
        }
        None => {
            sys.print("crictl - client for CRI\n").await;
            0
        }
    }
}

/// How long ago, in words.
fn ago(us: u64) -> String {
    let s = us / 1_000_000;
    match s {
        0 => "Less than a second ago".to_owned(),
        1 => "1 second ago".to_owned(),
        2..60 => format!("{s} seconds ago"),
        60..120 => "About a minute ago".to_owned(),
        120..3600 => format!("{} minutes ago", s / 60),
        3600..7200 => "About an hour ago".to_owned(),
        7200..172_800 => format!("{} hours ago", s / 3600),
        _ => format!("{} days ago", s / 86_400),
    }
}

fn moment(record: &Value, field: &str) -> u64 {
    u64::try_from(int(record, field).unwrap_or_default()).unwrap_or_default()
}

fn short(id: &str) -> &str {
    id.get(..13).unwrap_or(id)
}

fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        (cells.map(String::len).max().unwrap_or_default() / 4 + 1) * 4 + 4
    };
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(&format!("{cell:<width$}", width = width(column)));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn titles(titles: &[&str]) -> Vec<Vec<String>> {
    vec![titles.iter().map(|&it| it.to_owned()).collect()]
}

async fn show(sys: &Sys, line: &Line, found: &[Value], rows: &[Vec<String>]) -> i32 {
    if line.yes("q", "quiet") {
        let ids: String = found.iter().map(|it| format!("{}\n", text(it, "id"))).collect();
        sys.print(&ids).await;
    } else {
        sys.print(&table(rows)).await;
    }
    0
}

async fn ps(sys: &Sys, line: &Line) -> i32 {
    let mut found = runtime::containers(sys);
    found.reverse();
    found.retain(|it| {
        (line.yes("a", "all") || text(it, "state") == "running")
            && text(it, "name").contains(line.get("name"))
    });
    let mut rows = titles(&[
        "CONTAINER",
        "IMAGE",
        "CREATED",
        "STATE",
        "NAME",
        "ATTEMPT",
        "POD ID",
        "POD",
        "NAMESPACE",
    ]);
    for it in &found {
        let state = match text(it, "state") {
            "running" => "Running",
            "exited" => "Exited",
            _ => "Created",
        };
        rows.push(vec![
            short(text(it, "id")).to_owned(),
            short(text(it, "imageId")).to_owned(),
            ago(sys.wall_us().saturating_sub(moment(it, "createdAt"))),
            state.to_owned(),
            text(it, "name").to_owned(),
            int(it, "attempt").unwrap_or_default().to_string(),
            short(text(it, "sandbox")).to_owned(),
            text(it, "pod").to_owned(),
            text(it, "namespace").to_owned(),
        ]);
    }
    show(sys, line, &found, &rows).await
}

async fn pods(sys: &Sys, line: &Line) -> i32 {
    let mut found = runtime::sandboxes(sys);
    found.reverse();
    found.retain(|it| text(it, "name").contains(line.get("name")));
    let mut rows =
        titles(&["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"]);
    for it in &found {
        rows.push(vec![
            short(text(it, "id")).to_owned(),
            ago(sys.wall_us().saturating_sub(moment(it, "createdAt"))),
            if text(it, "state") == "ready" { "Ready" } else { "NotReady" }.to_owned(),
            text(it, "name").to_owned(),
            text(it, "namespace").to_owned(),
            int(it, "attempt").unwrap_or_default().to_string(),
            "(default)".to_owned(),
        ]);
    }
    show(sys, line, &found, &rows).await
}

async fn images(sys: &Sys) -> i32 {
    let mut rows = titles(&["IMAGE", "TAG", "IMAGE ID", "SIZE"]);
    for image in runtime::images_here(sys) {
        let id = short(&image.id()).to_owned();
        rows.push(vec![image.repository.clone(), image.tag.clone(), id, image.size.to_owned()]);
    }
    sys.print(&table(&rows)).await;
    0
}

/// The container an id, or its beginning, stands for.
async fn find(sys: &Sys, id: &str) -> Option<Value> {
    let mut found = runtime::containers(sys);
    found.retain(|it| !id.is_empty() && text(it, "id").starts_with(id));
    let record = found.pop();
    if record.is_none() {
        sys.eprint(&format!(
            "level=fatal msg=\"rpc error: code = NotFound desc = an error occurred when try to find \
             container \\\"{id}\\\": not found\"\n"
        ))
        .await;
    }
    record
}

async fn logs(sys: &Sys, line: &Line) -> i32 {
    let id = line.words.get(1).cloned().unwrap_or_default();
    let Some(record) = find(sys, &id).await else { return 1 };
    let path = text(&record, "logPath").to_owned();
    let whole = || String::from_utf8_lossy(&sys.read_file(&path).unwrap_or_default()).into_owned();
    let mut lines = whole();
    let mut seen = lines.len();
    if let Ok(tail) = line.get("tail").parse::<usize>() {
        let all: Vec<&str> = lines.split_inclusive('\n').collect();
        lines = all[all.len().saturating_sub(tail)..].concat();
    }
    say(sys, &lines).await;
    while line.yes("f", "follow") {
        sys.sleep_us(200_000).await;
        let now = whole();
        if now.len() > seen {
            say(sys, &now[seen..]).await;
            seen = now.len();
        }
        let same = |it: &Value| text(it, "id") == text(&record, "id");
        let state = runtime::containers(sys).into_iter().find(same);
        if state.is_none_or(|it| text(&it, "state") != "running") {
            break;
        }
    }
    0
}

/// Prints lines of a log where the container printed them.
async fn say(sys: &Sys, lines: &str) {
    for line in lines.lines() {
        let mut parts = line.splitn(4, ' ').skip(1);
        let fd = if parts.next() == Some("stderr") { Fd::STDERR } else { Fd::STDOUT };
        let rest = parts.nth(1).unwrap_or_default();
        // An error there is nobody's business.
        let _ = sys.write(fd, format!("{rest}\n").as_bytes()).await;
    }
}

async fn inspect(sys: &Sys, line: &Line) -> i32 {
    let id = line.words.get(1).cloned().unwrap_or_default();
    let Some(record) = find(sys, &id).await else { return 1 };
    let time = |field: &str| kube::value::micro_time(moment(&record, field));
    let state = match text(&record, "state") {
        "running" => "CONTAINER_RUNNING",
        "exited" => "CONTAINER_EXITED",
        _ => "CONTAINER_CREATED",
    };
    let mounts: Vec<Value> = list(&record, "mounts")
        .iter()
        .map(|it| {
            json!({"containerPath": text(it, "at"), "hostPath": text(it, "host"),
                "readonly": it["readOnly"]})
        })
        .collect();
    let shown = json!({
        "info": {"pid": int(&record, "pid"), "sandboxID": text(&record, "sandbox"),
            "config": {"args": record["argv"]}},
        "status": {"id": text(&record, "id"), "state": state, "createdAt": time("createdAt"),
            "startedAt": time("startedAt"), "finishedAt": time("finishedAt"),
            "exitCode": int(&record, "exitCode").unwrap_or_default(),
            "reason": text(&record, "reason"), "image": {"image": text(&record, "imageRef")},
            "logPath": text(&record, "logPath"), "mounts": mounts,
            "metadata": {"attempt": int(&record, "attempt"), "name": text(&record, "name")}},
    });
    let shown = serde_json::to_string_pretty(&shown).unwrap_or_default();
    sys.print(&(shown + "\n")).await;
    0
}

async fn stop(sys: &Sys, line: &Line, remove: bool) -> i32 {
    let mut code = 0;
    for id in &line.words[1..] {
        let Some(record) = find(sys, id).await else {
            code = 1;
            continue;
        };
        if remove && text(&record, "state") == "running" && !line.yes("f", "force") {
            let text = format!(
                "level=error msg=\"container \\\"{id}\\\" is running, please stop it first\"\n"
            );
            sys.eprint(&text).await;
            code = 1;
            continue;
        }
        runtime::stop(sys, text(&record, "id"), if remove { 0 } else { 10_000_000 }).await;
        if remove {
            runtime::remove(sys, text(&record, "id"));
        }
        sys.print(&format!("{id}\n")).await;
    }
    code
}
