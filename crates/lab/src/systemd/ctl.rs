//! `systemctl` and `service`: what was asked for, in systemd's words.

use serde_json::{Value, json};
use sim::{Errno, Sys};

use super::{PRIVATE, enable, load, status};
use crate::programs::Program;

/// The entry of the table of programs.
pub(crate) const SYSTEMCTL: Program = Program {
    name: "systemctl",
    summary: "control services",
    usage: concat!(
        "systemctl [OPTIONS...] COMMAND [UNIT...]\n",
        "  start stop restart try-restart reload reload-or-restart kill status is-active is-failed\n",
        "  enable disable mask unmask is-enabled cat show list-units list-unit-files\n",
        "  list-dependencies reset-failed daemon-reload reboot poweroff\n",
        "  --now  start or stop it, too      --no-block  do not wait    -n LINES  of the journal\n",
        "  -p NAME  only this property       --failed, --state=STATE, --type=TYPE  only these",
    ),
    run: |sys| Box::pin(systemctl(sys)),
    complete: Some(complete),
};

/// The entry of the table of programs.
pub(crate) const SERVICE: Program = Program {
    name: "service",
    summary: "control a service",
    usage: "service NAME start|stop|restart|reload|status\n  --status-all lists them",
    run: |sys| Box::pin(service(sys)),
    complete: None,
};

const VERBS: &[&str] = &[
    "cat",
    "daemon-reload",
    "daemon-reexec",
    "disable",
    "edit",
    "enable",
    "halt",
    "is-active",
    "is-enabled",
    "is-failed",
    "is-system-running",
    "kill",
    "list-dependencies",
    "list-unit-files",
    "list-units",
    "mask",
    "poweroff",
    "reboot",
    "reenable",
    "reload",
    "reload-or-restart",
    "reset-failed",
    "restart",
    "show",
    "start",
    "status",
    "stop",
    "try-restart",
    "unmask",
    "get-default",
];

fn complete(words: &[String]) -> Vec<String> {
    let [last] = words else { return Vec::new() };
    VERBS
        .iter()
        .filter(|verb| verb.starts_with(last.as_str()))
        .map(|&verb| verb.to_owned())
        .collect()
}

/// What was asked for.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) now: bool,
    no_block: bool,
    pub(super) quiet: bool,
    pub(super) all: bool,
    pub(super) full: bool,
    pub(super) value_only: bool,
    pub(super) lines: Option<usize>,
    pub(super) properties: Vec<String>,
    pub(super) states: Vec<String>,
    pub(super) types: Vec<String>,
    pub(super) no_legend: bool,
    signal: String,
    words: Vec<String>,
}

fn parse(args: &[String]) -> Result<Call, String> {
    let mut call = Call { signal: "TERM".into(), ..Call::default() };
    let mut rest = args.iter();
    let list = |value: &str| value.split(',').map(str::to_owned).collect::<Vec<String>>();
    while let Some(arg) = rest.next() {
        let (name, value) = match arg.split_once('=').filter(|_| arg.starts_with("--")) {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => match arg.get(..2).filter(|_| arg.starts_with('-') && !arg.starts_with("--")) {
                Some(short) if arg.len() > 2 && "-p-n-s-t-o".contains(short) => {
                    (short, Some(arg[2..].to_owned()))
                }
                _ => (arg.as_str(), None),
            },
        };
        let mut value_of = || {
            let own = value.clone().or_else(|| rest.next().cloned());
            own.ok_or_else(|| format!("option '{name}' requires an argument"))
        };
        match name {
            "--now" => call.now = true,
            "--no-block" => call.no_block = true,
            "-q" | "--quiet" => call.quiet = true,
            "-a" | "--all" => call.all = true,
            "-l" | "--full" => call.full = true,
            "--value" => call.value_only = true,
            "--no-legend" => call.no_legend = true,
            "--failed" => call.states.push("failed".into()),
            "--no-pager" | "--system" | "--force" | "-f" | "--plain" | "--wait"
            | "--no-ask-password" | "--runtime" | "--no-reload" | "--no-wall" | "-i" => {}
            "-n" | "--lines" => call.lines = Some(value_of()?.parse().unwrap_or(10)),
            "-p" | "--property" => call.properties.extend(list(&value_of()?)),
            "-s" | "--signal" => call.signal = value_of()?,
            "--state" => call.states.extend(list(&value_of()?)),
            "-t" | "--type" => call.types.extend(list(&value_of()?)),
            "-o" | "--output" | "--kill-who" | "--kill-whom" | "--job-mode" => drop(value_of()?),
            "-h" | "--help" | "--version" => call.words.push(name.to_owned()),
            other if other.starts_with('-') && other.len() > 1 => {
                return Err(if other.starts_with("--") {
                    format!("unrecognized option '{other}'")
                } else {
                    format!("invalid option -- '{}'", &other[1..])
                });
            }
            other => call.words.push(other.to_owned()),
        }
    }
    Ok(call)
}

/// Asks process 1.
pub(super) async fn ask(sys: &Sys, request: Value) -> Result<Value, Errno> {
    let bytes = sys.ask_local(PRIVATE, request.to_string()).await?;
    serde_json::from_slice(&bytes).map_err(|_| Errno::Eio)
}

async fn systemctl(sys: Sys) -> i32 {
    let args = sys.args();
    let call = match parse(&args[1..]) {
        Ok(call) => call,
        Err(mistake) => {
            sys.eprint(&format!("systemctl: {mistake}\n")).await;
            return 1;
        }
    };
    let mut words = call.words.iter();
    let verb = words.next().map_or("list-units", String::as_str).to_owned();
    let units: Vec<String> = words.map(|name| load::full_name(name)).collect();
    match verb.as_str() {
        "-h" | "--help" => {
            sys.print(&crate::programs::help::page(&SYSTEMCTL)).await;
            return 0;
        }
        "--version" => {
            sys.print("systemd 252 (252.39-1~deb12u1)\n").await;
            return 0;
        }
        _ => {}
    }
    if !VERBS.contains(&verb.as_str()) {
        sys.eprint(&format!("Unknown command verb {verb}.\n")).await;
        return 1;
    }
    let needs_units = matches!(
        verb.as_str(),
        "start"
            | "stop"
            | "restart"
            | "try-restart"
            | "reload"
            | "reload-or-restart"
            | "enable"
            | "disable"
            | "mask"
            | "unmask"
            | "is-active"
            | "is-enabled"
            | "is-failed"
            | "cat"
            | "kill"
            | "reenable"
            | "edit"
    );
    if needs_units && units.is_empty() {
        sys.eprint("Too few arguments.\n").await;
        return 1;
    }
    match run(&sys, &call, &verb, &units).await {
        Ok(status) => status,
        Err(_) => {
            sys.eprint(
                "System has not been booted with systemd as init system (PID 1). Can't operate.\n\
                 Failed to connect to bus: Host is down\n",
            )
            .await;
            1
        }
    }
}

async fn run(sys: &Sys, call: &Call, verb: &str, units: &[String]) -> Result<i32, Errno> {
    match verb {
        "start" | "stop" | "restart" | "try-restart" | "reload" | "reload-or-restart" => {
            jobs(sys, call, verb, units).await
        }
        "daemon-reload" | "daemon-reexec" => {
            let answer = ask(sys, json!({ "verb": "daemon-reload" })).await?;
            denied(sys, &answer, "Failed to reload daemon").await
        }
        "reset-failed" => {
            let answer = ask(sys, json!({ "verb": verb, "units": units })).await?;
            denied(sys, &answer, "Failed to reset failed state").await
        }
        "kill" => {
            let request = json!({ "verb": verb, "units": units, "signal": call.signal });
            let answer = ask(sys, request).await?;
            denied(sys, &answer, &format!("Failed to kill unit {}", units[0])).await
        }
        "reboot" | "poweroff" | "halt" => super::power::ask(sys, verb == "reboot").await,
        "status" => status::status(sys, call, units).await,
        "show" => status::show(sys, call, units).await,
        "cat" => status::cat(sys, units).await,
        "is-active" | "is-failed" => is_state(sys, call, verb, units).await,
        "is-enabled" => enable::is_enabled(sys, units).await,
        "is-system-running" => {
            let answer = ask(sys, json!({ "verb": "list" })).await?;
            let failed = each(&answer, "units").any(|unit| unit["active"] == "failed");
            sys.print(if failed { "degraded\n" } else { "running\n" }).await;
            Ok(i32::from(failed))
        }
        "list-units" => status::list_units(sys, call, units).await,
        "list-unit-files" => enable::list_files(sys, call, units).await,
        "list-dependencies" => status::dependencies(sys, units).await,
        "get-default" => {
            sys.print("multi-user.target\n").await;
            Ok(0)
        }
        "edit" => super::edit::edit(sys, call.full, units).await,
        _ => {
            let status = enable::change(sys, verb, units).await?;
            if status == 0 && call.now {
                let verb = if verb == "enable" { "start" } else { "stop" };
                return jobs(sys, call, verb, units).await;
            }
            Ok(status)
        }
    }
}

/// The elements of a list in an answer.
pub(super) fn each<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    answer.get(name).and_then(Value::as_array).into_iter().flatten()
}

async fn denied(sys: &Sys, answer: &Value, what: &str) -> Result<i32, Errno> {
    if answer.get("denied").is_none() {
        return Ok(0);
    }
    sys.eprint(&format!("{what}: Interactive authentication required.\n")).await;
    Ok(1)
}

async fn jobs(sys: &Sys, call: &Call, verb: &str, units: &[String]) -> Result<i32, Errno> {
    let request = json!({ "verb": verb, "units": units, "no_block": call.no_block });
    let answer = ask(sys, request).await?;
    if answer.get("denied").is_some() {
        for unit in units {
            sys.eprint(&format!(
                "Failed to {verb} {unit}: Interactive authentication required.\n\
                 See system logs and 'systemctl status {unit}' for details.\n"
            ))
            .await;
        }
        return Ok(1);
    }
    let mut status = 0;
    for result in each(&answer, "results") {
        let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
        let unit = text("unit");
        if result["stale"] == true {
            sys.eprint(&stale_warning(unit)).await;
        }
        let (said, exit) = job_words(verb, unit, text("outcome"), text("result"));
        if !said.is_empty() {
            sys.eprint(&said).await;
        }
        status = status.max(exit);
    }
    Ok(status)
}

/// What is said of a unit whose files changed since they were read.
pub(super) fn stale_warning(unit: &str) -> String {
    format!(
        "Warning: The unit file, source configuration file or drop-ins of {unit} changed on disk. \
         Run 'systemctl daemon-reload' to reload units.\n"
    )
}

/// The sentence about a job that did not go well, and the exit status.
fn job_words(verb: &str, unit: &str, outcome: &str, result: &str) -> (String, i32) {
    let details =
        format!("See \"systemctl status {unit}\" and \"journalctl -xeu {unit}\" for details.\n");
    let because = |reason: &str| format!("Job for {unit} failed because {reason}.\n{details}");
    match outcome {
        "done" => (String::new(), 0),
        "not-found" => (format!("Failed to {verb} {unit}: Unit {unit} not found.\n"), 5),
        "not-loaded" => (format!("Failed to {verb} {unit}: Unit {unit} not loaded.\n"), 5),
        "masked" => (format!("Failed to {verb} {unit}: Unit {unit} is masked.\n"), 1),
        "bad-setting" => (
            format!(
                "Failed to {verb} {unit}: Unit {unit} has a bad unit file setting.\n\
                 See system logs and 'systemctl status {unit}' for details.\n"
            ),
            1,
        ),
        "not-applicable" => (
            format!(
                "Failed to {verb} {unit}: Job type reload is not applicable for unit {unit}.\n\
                 See system logs and 'systemctl status {unit}' for details.\n"
            ),
            1,
        ),
        "not-running" => (format!("{unit} is not active, cannot reload.\n"), 1),
        "canceled" => (format!("Job for {unit} canceled.\n"), 1),
        "dependency" => {
            (format!("A dependency job for {unit} failed. See 'journalctl -xe' for details.\n"), 1)
        }
        "start-limit-hit" => (format!("Job for {unit} failed.\n{details}"), 1),
        _ => (
            match result {
                "exit-code" => because("the control process exited with error code"),
                "timeout" => because("a timeout was exceeded"),
                "signal" => because("a fatal signal was delivered to the control process"),
                "core-dump" => {
                    because("a fatal signal was delivered causing the control process to dump core")
                }
                "protocol" => {
                    because("the service did not take the steps required by its unit configuration")
                }
                "resources" => because("of unavailable resources or another system error"),
                _ => format!("Job for {unit} failed.\n{details}"),
            },
            1,
        ),
    }
}

async fn is_state(sys: &Sys, call: &Call, verb: &str, units: &[String]) -> Result<i32, Errno> {
    let answer = ask(sys, json!({ "verb": "show", "units": units })).await?;
    let mut good = false;
    for unit in each(&answer, "units") {
        let active = unit.get("active").and_then(Value::as_str).unwrap_or("inactive");
        if !call.quiet {
            sys.print(&format!("{active}\n")).await;
        }
        good |= if verb == "is-failed" { active == "failed" } else { active == "active" };
    }
    Ok(match (good, verb) {
        (true, _) => 0,
        (false, "is-failed") => 1,
        (false, _) => 3,
    })
}

async fn service(sys: Sys) -> i32 {
    let args = sys.args();
    let words: Vec<&str> = args[1..].iter().map(String::as_str).collect();
    let (name, verb) = match words.as_slice() {
        ["--status-all"] => {
            let answer = ask(&sys, json!({ "verb": "list" })).await.unwrap_or_default();
            for unit in each(&answer, "units") {
                let name = unit.get("name").and_then(Value::as_str).unwrap_or_default();
                if let Some(stem) = name.strip_suffix(".service") {
                    let mark = if unit["active"] == "active" { '+' } else { '-' };
                    sys.print(&format!(" [ {mark} ]  {stem}\n")).await;
                }
            }
            return 0;
        }
        [name, verb, ..] => (load::full_name(name), (*verb).to_owned()),
        _ => {
            sys.eprint(
                "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n",
            )
            .await;
            return 1;
        }
    };
    let found = load::find(&sys, &name).path.is_some();
    let stem = name.trim_end_matches(".service").to_owned();
    if !found && verb != "status" && verb != "stop" && verb != "start" && verb != "restart" {
        sys.eprint(&format!("{stem}: unrecognized service\n")).await;
        return 1;
    }
    let units = [name];
    let call = Call { no_block: false, ..Call::default() };
    let done = match verb.as_str() {
        "status" => status::status(&sys, &call, &units).await,
        "start" | "stop" | "restart" | "reload" | "try-restart" => {
            jobs(&sys, &call, &verb, &units).await
        }
        "force-reload" => jobs(&sys, &call, "reload-or-restart", &units).await,
        other => {
            sys.eprint(&format!("{stem}: unknown action: {other}\n")).await;
            return 2;
        }
    };
    done.unwrap_or(1)
}
