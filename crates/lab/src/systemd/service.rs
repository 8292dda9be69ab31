//! The life of one service: its commands, its main process, what is done when that ends.

use std::collections::BTreeMap;

use sim::{
    Cred, Either, Errno, ExitStatus, Fd, Group, OpenFlags, Pid, Signal, SpawnSpec, Sys, race,
};

use super::NOTIFY;
use super::exec::{self, Command, Specifiers};
use super::manager::{Kind, Manager, Outcome, Ran, Shared, enqueue, go, until};
use super::unit::Settings;
use crate::programs::Opened;
use crate::programs::launch;

const SECOND_US: u64 = 1_000_000;
const TIMEOUT_US: u64 = 90 * SECOND_US;
const RESTART_US: u64 = 100_000;
const LIMIT_INTERVAL_US: u64 = 10 * SECOND_US;
const LIMIT_BURST: usize = 5;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Exit codes by which systemd says what went wrong before a program ran.
const EXIT_CHDIR: i32 = 200;
const EXIT_EXEC: i32 = 203;
const EXIT_GROUP: i32 = 216;
const EXIT_USER: i32 = 217;

/// Whether a service can be run at all; the error is what the journal says.
pub(super) fn check(name: &str, settings: &Settings) -> Result<(), String> {
    let kind = settings.one("Service", "Type").unwrap_or("simple");
    let starts = settings.all("Service", "ExecStart");
    let stops = settings.all("Service", "ExecStop");
    if starts.is_empty() && (kind != "oneshot" || stops.is_empty()) {
        return Err("Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.".into());
    }
    if starts.len() > 1 && kind != "oneshot" {
        return Err("Service has more than one ExecStart= setting, which is only allowed for \
                    Type=oneshot services. Refusing."
            .into());
    }
    let specifiers = Specifiers { unit: name, host: "", user: "root" };
    for key in ["ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop"] {
        for value in settings.all("Service", key) {
            Command::parse(value, &specifiers)?;
        }
    }
    Ok(())
}

/// Whether it can be told to read its configuration again.
pub(super) fn reloads(settings: &Settings) -> bool {
    !settings.all("Service", "ExecReload").is_empty()
}

/// Why a command was not even started: the exit code and the lines for the journal.
struct NotStarted {
    code: i32,
    lines: Vec<String>,
}

/// What a start needs to know, read when it begins.
struct Plan {
    name: String,
    kind: String,
    settings: Settings,
    specifier_host: String,
    env: BTreeMap<String, String>,
}

impl Plan {
    fn commands(&self, key: &str) -> Vec<Command> {
        let user = self.settings.one("Service", "User").unwrap_or("root");
        let specifiers = Specifiers { unit: &self.name, host: &self.specifier_host, user };
        let values = self.settings.all("Service", key).iter();
        values.filter_map(|value| Command::parse(value, &specifiers).ok()).collect()
    }

    fn span(&self, key: &str, default_us: u64) -> u64 {
        let own = self.settings.span_us("Service", key);
        let both =
            key.starts_with("Timeout").then(|| self.settings.span_us("Service", "TimeoutSec"));
        // Zero switches a time limit off.
        let span = own.or(both.flatten()).unwrap_or(default_us);
        if span == 0 && key.starts_with("Timeout") { u64::MAX } else { span }
    }
}

fn plan(manager: &mut Manager, name: &str) -> Result<Plan, Errno> {
    let sys = manager.sys.clone();
    let settings = manager.unit(name).settings.clone();
    let mut env = BTreeMap::from([
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("PATH".to_owned(), PATH.to_owned()),
    ]);
    let specifiers = Specifiers { unit: name, host: &sys.hostname(), user: "root" };
    for value in settings.all("Service", "Environment") {
        env.extend(exec::assignments(&specifiers.put_in(value)));
    }
    for value in settings.all("Service", "EnvironmentFile") {
        let (path, optional) = match value.strip_prefix('-') {
            Some(path) => (path, true),
            None => (value.as_str(), false),
        };
        match sys.read_file(path) {
            Ok(bytes) => env.extend(exec::environment_file(&String::from_utf8_lossy(&bytes))),
            Err(_) if optional => {}
            Err(error) => return Err(error),
        }
    }
    let kind = settings.one("Service", "Type").unwrap_or("simple").to_owned();
    Ok(Plan { name: name.to_owned(), kind, settings, specifier_host: sys.hostname(), env })
}

/// Starts a service and waits until it has started.
pub(super) async fn start(shared: &Shared, name: &str) -> Outcome {
    {
        let mut manager = shared.borrow_mut();
        let unit = manager.unit(name);
        if unit.active == "active" {
            return "done";
        }
        unit.generation += 1;
        unit.cancel = false;
        if let Err(outcome) = may_start(&mut manager, name) {
            return outcome;
        }
    }
    let planned = plan(&mut shared.borrow_mut(), name);
    let plan = match planned {
        Ok(plan) => plan,
        Err(error) => {
            for what in ["load environment files", "run 'start' task"] {
                shared.borrow().log(name, 4, &format!("{name}: Failed to {what}: {error}"));
            }
            return start_failed(shared, name, "resources").await;
        }
    };
    {
        let mut manager = shared.borrow_mut();
        let title = manager.titled(name);
        manager.set(name, "activating", "start");
        let unit = manager.unit(name);
        unit.ran.clear();
        unit.main = None;
        unit.main_exit = None;
        unit.ready.clear();
        unit.status_text.clear();
        unit.result = "success";
        let quiet = matches!(plan.kind.as_str(), "simple" | "exec")
            && plan.settings.all("Service", "ExecStartPre").is_empty();
        if !quiet {
            manager.log(name, 6, &format!("Starting {title}..."));
        }
        directories(&manager.sys, &plan);
    }
    if let Err(result) = run_all(shared, &plan, "ExecStartPre", "start-pre").await {
        return start_failed(shared, name, result).await;
    }
    let outcome = match plan.kind.as_str() {
        "oneshot" => start_oneshot(shared, &plan).await,
        _ => start_main(shared, &plan).await,
    };
    match outcome {
        Ok(()) => "done",
        Err("canceled") => "canceled",
        Err(result) => start_failed(shared, name, result).await,
    }
}

/// Conditions, and the limit on how often a service is started.
fn may_start(manager: &mut Manager, name: &str) -> Result<(), Outcome> {
    let (sys, title) = (manager.sys.clone(), manager.titled(name));
    let now_us = sys.mono_us();
    let unit = manager.unit(name);
    for condition in unit.settings.all("Unit", "ConditionPathExists") {
        let (path, wanted) = match condition.strip_prefix('!') {
            Some(path) => (path, false),
            None => (condition.as_str(), true),
        };
        if sys.stat(path).is_ok() != wanted {
            let reason = format!("(ConditionPathExists={condition})");
            manager.log(
                name,
                6,
                &format!("{title} was skipped because of an unmet condition check {reason}."),
            );
            return Err("done");
        }
    }
    let interval_us = ["StartLimitIntervalSec", "StartLimitInterval"]
        .iter()
        .find_map(|key| {
            unit.settings.span_us("Unit", key).or(unit.settings.span_us("Service", key))
        })
        .unwrap_or(LIMIT_INTERVAL_US);
    let burst = ["Unit", "Service"]
        .iter()
        .find_map(|section| unit.settings.one(section, "StartLimitBurst")?.parse().ok())
        .unwrap_or(LIMIT_BURST);
    unit.starts.retain(|at_us| now_us.saturating_sub(*at_us) < interval_us);
    if interval_us > 0 && unit.starts.len() >= burst {
        let result = if unit.result == "success" { "start-limit-hit" } else { unit.result };
        (unit.result, unit.active, unit.sub) = (result, "failed", "failed");
        manager.log(name, 4, &format!("{name}: Start request repeated too quickly."));
        manager.log(name, 4, &format!("{name}: Failed with result '{result}'."));
        manager.log(name, 3, &format!("Failed to start {title}."));
        return Err("start-limit-hit");
    }
    unit.starts.push(now_us);
    Ok(())
}

/// `StateDirectory` and `RuntimeDirectory`.
fn directories(sys: &Sys, plan: &Plan) {
    let owner = credentials(sys, &plan.settings).unwrap_or(Cred::ROOT);
    for (key, above) in [("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")] {
        for name in plan.settings.names("Service", key) {
            let path = format!("{above}/{name}");
            // One that is there already stays what it is, but for its owner.
            let _ = sys.mkdir(&path, 0o755);
            let _ = sys.chown(&path, Some(owner.uid), Some(owner.gid), true);
        }
    }
}

async fn start_failed(shared: &Shared, name: &str, result: &'static str) -> Outcome {
    let title = shared.borrow_mut().titled(name);
    shared.borrow_mut().unit(name).result = result;
    shared.borrow().log(name, 4, &format!("{name}: Failed with result '{result}'."));
    shared.borrow().log(name, 3, &format!("Failed to start {title}."));
    end_or_restart(shared, name);
    "failed"
}

/// Runs commands one after the other; the error is the result of the unit.
async fn run_all(
    shared: &Shared,
    plan: &Plan,
    key: &'static str,
    sub: &'static str,
) -> Result<(), &'static str> {
    for command in plan.commands(key) {
        {
            let mut manager = shared.borrow_mut();
            let active = manager.unit(&plan.name).active;
            manager.set(&plan.name, active, sub);
        }
        let pid = spawn(shared, plan, &command, false);
        let sys = shared.borrow().sys.clone();
        note(shared, plan, key, &command, pid);
        let limit = plan.span("TimeoutStartSec", TIMEOUT_US);
        let status = match race(sys.wait(pid), sys.sleep_us(limit)).await {
            Either::Left(status) => status,
            Either::Right(()) => {
                let _ = sys.kill_group(pid, Signal::Kill);
                sys.wait(pid).await
            }
        };
        if let Some(ran) = shared.borrow_mut().unit(&plan.name).ran.last_mut() {
            ran.status = Some(status);
        }
        if status != ExitStatus::Code(0) && !command.tolerant {
            let (words, result) = ending(status);
            let name = &plan.name;
            shared.borrow().log(name, 5, &format!("{name}: Control process exited, {words}"));
            return Err(result);
        }
    }
    Ok(())
}

fn note(shared: &Shared, plan: &Plan, kind: &'static str, command: &Command, pid: Pid) {
    let ran = Ran { kind, shown: command.shown(), pid, status: None };
    shared.borrow_mut().unit(&plan.name).ran.push(ran);
}

async fn start_oneshot(shared: &Shared, plan: &Plan) -> Result<(), &'static str> {
    run_all(shared, plan, "ExecStart", "start").await?;
    run_all(shared, plan, "ExecStartPost", "start-post").await?;
    let mut manager = shared.borrow_mut();
    let title = manager.titled(&plan.name);
    if plan.settings.yes("Service", "RemainAfterExit") {
        manager.set(&plan.name, "active", "exited");
    } else {
        manager.set(&plan.name, "inactive", "dead");
        manager.log(&plan.name, 6, &format!("{}: Deactivated successfully.", plan.name));
    }
    manager.log(&plan.name, 6, &format!("Finished {title}."));
    Ok(())
}

async fn start_main(shared: &Shared, plan: &Plan) -> Result<(), &'static str> {
    let name = &plan.name;
    let Some(command) = plan.commands("ExecStart").into_iter().next() else {
        return Err("resources");
    };
    let pid = spawn(shared, plan, &command, true);
    note(shared, plan, "ExecStart", &command, pid);
    shared.borrow_mut().unit(name).main = Some(pid);
    go(shared, Box::pin(watch(shared.clone(), name.clone(), pid)));
    match plan.kind.as_str() {
        "notify" | "notify-reload" | "dbus" => ready(shared, plan, pid).await?,
        "forking" => forked(shared, plan, pid).await?,
        // What could not be run has ended by now.
        "exec" => started(shared, plan, pid).await?,
        _ => {}
    }
    if let Err(result) = run_all(shared, plan, "ExecStartPost", "start-post").await {
        finish(shared, plan, pid).await;
        return Err(result);
    }
    let generation = {
        let mut manager = shared.borrow_mut();
        let title = manager.titled(name);
        manager.set(name, "active", "running");
        manager.log(name, 6, &format!("Started {title}."));
        manager.unit(name).generation
    };
    let pid = shared.borrow_mut().unit(name).main.unwrap_or(pid);
    let (worker, unit) = (shared.clone(), name.clone());
    go(shared, Box::pin(supervise(worker, unit, pid, generation)));
    Ok(())
}

/// `Type=exec`: the program was executed, or was not.
async fn started(shared: &Shared, plan: &Plan, pid: Pid) -> Result<(), &'static str> {
    let sys = shared.borrow().sys.clone();
    match race(exited(shared, &plan.name, pid), sys.sleep_us(1000)).await {
        Either::Left(status) if status.code() >= EXIT_CHDIR => Err(ending(status).1),
        _ => Ok(()),
    }
}

/// Waits for the end of a main process, alone; all others hear of it by `exited`.
async fn watch(shared: Shared, name: String, pid: Pid) {
    let sys = shared.borrow().sys.clone();
    let status = sys.wait(pid).await;
    main_ended(&shared, &name, pid, status);
}

/// Waits until a main process has ended, and tells how.
async fn exited(shared: &Shared, name: &str, pid: Pid) -> ExitStatus {
    let last = |manager: &Manager| manager.units.get(name).and_then(|unit| unit.main_exit);
    until(shared, |manager| last(manager).is_some_and(|(ended, _)| ended == pid)).await;
    last(&shared.borrow()).map_or(ExitStatus::Code(0), |(_, status)| status)
}

/// `Type=notify`: waits until the service says that it is ready.
async fn ready(shared: &Shared, plan: &Plan, pid: Pid) -> Result<(), &'static str> {
    let name = &plan.name;
    let sys = shared.borrow().sys.clone();
    let said = until(shared, |manager| {
        manager.units.get(name).is_some_and(|unit| !unit.ready.is_empty() || unit.cancel)
    });
    let limit = plan.span("TimeoutStartSec", TIMEOUT_US);
    let first = race(race(said, exited(shared, name, pid)), sys.sleep_us(limit)).await;
    match first {
        Either::Left(Either::Left(())) => {
            let given_up = shared.borrow_mut().unit(name).cancel;
            if !given_up {
                return Ok(());
            }
            terminate(shared, plan, pid).await;
            shared.borrow_mut().set(name, "inactive", "dead");
            Err("canceled")
        }
        Either::Left(Either::Right(status)) => {
            let (_, result) = ending(status);
            Err(if result == "success" { "protocol" } else { result })
        }
        Either::Right(()) => {
            shared.borrow().log(
                name,
                4,
                &format!("{name}: start operation timed out. Terminating."),
            );
            terminate(shared, plan, pid).await;
            Err("timeout")
        }
    }
}

/// `Type=forking`: the first process ends, one of those it left is the service.
async fn forked(shared: &Shared, plan: &Plan, pid: Pid) -> Result<(), &'static str> {
    let sys = shared.borrow().sys.clone();
    let limit = plan.span("TimeoutStartSec", TIMEOUT_US);
    let status = match race(exited(shared, &plan.name, pid), sys.sleep_us(limit)).await {
        Either::Left(status) => status,
        Either::Right(()) => {
            let name = &plan.name;
            shared.borrow().log(
                name,
                4,
                &format!("{name}: start operation timed out. Terminating."),
            );
            terminate(shared, plan, pid).await;
            return Err("timeout");
        }
    };
    if status != ExitStatus::Code(0) {
        return Err(ending(status).1);
    }
    let left = sys.ps().into_iter().find(|proc| proc.group == pid).map(|proc| proc.pid);
    shared.borrow_mut().unit(&plan.name).main = left;
    let left = left.ok_or("protocol")?;
    let (worker, name) = (shared.clone(), plan.name.clone());
    let watch = async move {
        // It is nobody's child any more, so nobody is told when it ends.
        while sys.exists(left) {
            sys.sleep_us(SECOND_US).await;
        }
        main_ended(&worker, &name, left, ExitStatus::Code(0));
    };
    go(shared, Box::pin(watch));
    Ok(())
}

/// Watches the main process of a service that runs.
async fn supervise(shared: Shared, name: String, pid: Pid, generation: u32) {
    let sys = shared.borrow().sys.clone();
    let status = exited(&shared, &name, pid).await;
    {
        let mut manager = shared.borrow_mut();
        let unit = manager.unit(&name);
        if unit.generation != generation || unit.sub.starts_with("stop") {
            return;
        }
        let result = ending(status).1;
        unit.result = result;
        let words = match result {
            "success" => format!("{name}: Deactivated successfully."),
            _ => format!("{name}: Failed with result '{result}'."),
        };
        manager.log(&name, if result == "success" { 6 } else { 4 }, &words);
    }
    // Those it started go with it.
    let _ = sys.kill_group(pid, Signal::Kill);
    end_or_restart(&shared, &name);
}

/// The main process ended: that is written down.
fn main_ended(shared: &Shared, name: &str, pid: Pid, status: ExitStatus) {
    let mut manager = shared.borrow_mut();
    let status = plainly(status);
    let (words, result) = ending(status);
    let unit = manager.unit(name);
    unit.main = None;
    unit.main_exit = Some((pid, status));
    if let Some(ran) = unit.ran.iter_mut().find(|ran| ran.pid == pid) {
        ran.status = Some(status);
    }
    if result != "success" {
        manager.log(name, 5, &format!("{name}: Main process exited, {words}"));
    }
}

/// The service ended: it stays ended, or comes back.
fn end_or_restart(shared: &Shared, name: &str) {
    let mut manager = shared.borrow_mut();
    let unit = manager.unit(name);
    let result = unit.result;
    let code = unit.main_exit.map(|(_, status)| status.code().to_string());
    let prevented = unit.settings.names("Service", "RestartPreventExitStatus");
    let never = code.is_some_and(|code| prevented.contains(&code));
    let again = match unit.settings.one("Service", "Restart").unwrap_or("no") {
        "always" => true,
        "on-success" => result == "success",
        "on-failure" => result != "success",
        "on-abnormal" => !matches!(result, "success" | "exit-code"),
        "on-abort" => matches!(result, "signal" | "core-dump"),
        _ => false,
    };
    if again && !never && !unit.cancel {
        unit.generation += 1;
        let generation = unit.generation;
        let pause_us = unit.settings.span_us("Service", "RestartSec").unwrap_or(RESTART_US);
        manager.set(name, "activating", "auto-restart");
        drop(manager);
        let (worker, name) = (shared.clone(), name.to_owned());
        go(shared, Box::pin(restart_later(worker, name, generation, pause_us)));
        return;
    }
    let (active, sub) =
        if result == "success" { ("inactive", "dead") } else { ("failed", "failed") };
    manager.set(name, active, sub);
}

async fn restart_later(shared: Shared, name: String, generation: u32, pause_us: u64) {
    let sys = shared.borrow().sys.clone();
    let changed = until(&shared, |manager| {
        manager.units.get(&name).is_none_or(|unit| unit.generation != generation)
    });
    if matches!(race(changed, sys.sleep_us(pause_us)).await, Either::Left(())) {
        return;
    }
    {
        let mut manager = shared.borrow_mut();
        let unit = manager.unit(&name);
        unit.restarts += 1;
        let count = unit.restarts;
        manager.log(
            &name,
            6,
            &format!("{name}: Scheduled restart job, restart counter is at {count}."),
        );
        let title = manager.titled(&name);
        manager.log(&name, 6, &format!("Stopped {title}."));
    }
    enqueue(&shared, &name, Kind::Start);
}

/// Stops a service and waits until it has stopped.
pub(super) async fn stop(shared: &Shared, name: &str) -> Outcome {
    let (main, title, was) = {
        let mut manager = shared.borrow_mut();
        let title = manager.titled(name);
        let unit = manager.unit(name);
        unit.generation += 1;
        (unit.main, title, unit.active)
    };
    let plan = match plan(&mut shared.borrow_mut(), name) {
        Ok(plan) => plan,
        Err(_) => Plan {
            name: name.to_owned(),
            kind: String::new(),
            settings: Settings::default(),
            specifier_host: String::new(),
            env: BTreeMap::new(),
        },
    };
    let Some(pid) = main else {
        if !matches!(was, "inactive" | "failed") {
            let mut manager = shared.borrow_mut();
            manager.set(name, "inactive", "dead");
            manager.log(name, 6, &format!("Stopped {title}."));
        }
        return "done";
    };
    shared.borrow().log(name, 6, &format!("Stopping {title}..."));
    {
        let mut manager = shared.borrow_mut();
        manager.set(name, "deactivating", "stop");
        let unit = manager.unit(name);
        // What `ExecStop` may say of the main process.
        unit.result = "success";
    }
    let mut plan = plan;
    plan.env.insert("MAINPID".to_owned(), pid.0.to_string());
    let _ = run_all(shared, &plan, "ExecStop", "stop").await;
    finish(shared, &plan, pid).await;
    let mut manager = shared.borrow_mut();
    let result = manager.unit(name).result;
    if result == "success" {
        manager.set(name, "inactive", "dead");
        manager.log(name, 6, &format!("{name}: Deactivated successfully."));
    } else {
        manager.set(name, "failed", "failed");
        manager.log(name, 4, &format!("{name}: Failed with result '{result}'."));
    }
    manager.log(name, 6, &format!("Stopped {title}."));
    "done"
}

/// Ends the processes of a service, and says how that went in its result.
async fn finish(shared: &Shared, plan: &Plan, pid: Pid) {
    let name = &plan.name;
    shared.borrow_mut().set(name, "deactivating", "stop-sigterm");
    let status = terminate(shared, plan, pid).await;
    let timed_out = status == ExitStatus::Signal(Signal::Kill);
    let result = if timed_out { "timeout" } else { ending(plainly(status)).1 };
    shared.borrow_mut().unit(name).result = result;
}

/// SIGTERM, and SIGKILL to what does not listen.
async fn terminate(shared: &Shared, plan: &Plan, pid: Pid) -> ExitStatus {
    let name = &plan.name;
    let sys = shared.borrow().sys.clone();
    let signal = plan.settings.one("Service", "KillSignal").and_then(Signal::from_name);
    let signal = signal.unwrap_or(Signal::Term);
    let mode = plan.settings.one("Service", "KillMode").unwrap_or("control-group");
    if mode == "process" || mode == "mixed" {
        let _ = sys.kill(pid, signal);
    } else {
        let _ = sys.kill_group(pid, signal);
    }
    // A stopped process hears nothing else.
    let _ = sys.kill(pid, Signal::Cont);
    let limit = plan.span("TimeoutStopSec", TIMEOUT_US);
    let status = match race(exited(shared, name, pid), sys.sleep_us(limit)).await {
        Either::Left(status) => status,
        Either::Right(()) => {
            let text = format!("{name}: State 'stop-sigterm' timed out. Killing.");
            shared.borrow().log(name, 4, &text);
            let title = sys.ps().into_iter().find(|proc| proc.pid == pid);
            let title = title.and_then(|proc| proc.argv.first().cloned()).unwrap_or_default();
            let program = title.rsplit('/').next().unwrap_or_default().to_owned();
            let text =
                format!("{name}: Killing process {} ({program}) with signal SIGKILL.", pid.0);
            shared.borrow().log(name, 5, &text);
            let _ = sys.kill_group(pid, Signal::Kill);
            exited(shared, name, pid).await
        }
    };
    if mode != "process" {
        let _ = sys.kill_group(pid, Signal::Kill);
    }
    status
}

/// Tells a service to read its configuration again.
pub(super) async fn reload(shared: &Shared, name: &str) -> Outcome {
    let planned = plan(&mut shared.borrow_mut(), name);
    let Ok(mut plan) = planned else { return "failed" };
    let main = shared.borrow_mut().unit(name).main;
    let title = shared.borrow_mut().titled(name);
    if let Some(pid) = main {
        plan.env.insert("MAINPID".to_owned(), pid.0.to_string());
    }
    shared.borrow().log(name, 6, &format!("Reloading {title}..."));
    let done = run_all(shared, &plan, "ExecReload", "reload").await;
    shared.borrow_mut().set(name, "active", "running");
    match done {
        Ok(()) => {
            shared.borrow().log(name, 6, &format!("Reloaded {title}."));
            "done"
        }
        Err(_) => "failed",
    }
}

/// A program that catches a signal and then ends by it does so with 128 and its number.
fn plainly(status: ExitStatus) -> ExitStatus {
    match status {
        ExitStatus::Code(143) => ExitStatus::Signal(Signal::Term),
        ExitStatus::Code(130) => ExitStatus::Signal(Signal::Int),
        other => other,
    }
}

/// How a process ended, in the journal's words, and the result of its unit.
pub(super) fn ending(status: ExitStatus) -> (String, &'static str) {
    match plainly(status) {
        ExitStatus::Code(code) => {
            let result = if code == 0 { "success" } else { "exit-code" };
            (format!("code=exited, status={code}/{}", code_name(code)), result)
        }
        ExitStatus::Signal(signal) => {
            let clean = matches!(signal, Signal::Hup | Signal::Int | Signal::Term | Signal::Pipe);
            let how =
                if matches!(signal, Signal::Abrt | Signal::Quit) { "dumped" } else { "killed" };
            let words = format!("code={how}, status={}/{}", signal.number(), signal.name());
            let result = match (clean, how) {
                (true, _) => "success",
                (_, "dumped") => "core-dump",
                _ => "signal",
            };
            (words, result)
        }
    }
}

/// systemd's names of exit codes.
pub(super) fn code_name(code: i32) -> &'static str {
    match code {
        0 => "SUCCESS",
        1 => "FAILURE",
        2 => "INVALIDARGUMENT",
        3 => "NOTIMPLEMENTED",
        4 => "NOPERMISSION",
        5 => "NOTINSTALLED",
        6 => "NOTCONFIGURED",
        7 => "NOTRUNNING",
        EXIT_CHDIR => "CHDIR",
        EXIT_EXEC => "EXEC",
        EXIT_GROUP => "GROUP",
        EXIT_USER => "USER",
        _ => "n/a",
    }
}

/// As whom a service runs; the error is the step that failed.
fn credentials(sys: &Sys, settings: &Settings) -> Result<Cred, NotStarted> {
    let read =
        |path| String::from_utf8_lossy(&sys.read_file(path).unwrap_or_default()).into_owned();
    let (users, groups) =
        (sim::cred::users(&read("/etc/passwd")), sim::cred::groups(&read("/etc/group")));
    let mut cred = Cred::ROOT;
    let gone = "No such process";
    if let Some(name) = settings.one("Service", "User") {
        let user = users.iter().find(|user| user.name == name || user.uid.to_string() == name);
        cred = user.map(|user| user.cred(&groups)).ok_or_else(|| NotStarted {
            code: EXIT_USER,
            lines: vec![
                format!("Failed to determine user credentials: {gone}"),
                format!("Failed at step USER spawning {{path}}: {gone}"),
            ],
        })?;
    }
    if let Some(name) = settings.one("Service", "Group") {
        let group = groups.iter().find(|group| group.name == name || group.gid.to_string() == name);
        cred.gid = group.map(|group| group.gid).ok_or_else(|| NotStarted {
            code: EXIT_GROUP,
            lines: vec![
                format!("Failed to determine group credentials: {gone}"),
                format!("Failed at step GROUP spawning {{path}}: {gone}"),
            ],
        })?;
    }
    Ok(cred)
}

/// Starts a command of a unit. What cannot be started is a process that ends at once with the
/// code that says why.
/// The value of `LimitNOFILE`: a number for both limits, or one for each.
pub(super) fn files_max(text: &str) -> Option<(u64, u64)> {
    let number = |text: &str| match text.trim() {
        "infinity" => Some(1_048_576),
        text => match text.strip_suffix(['K', 'k']) {
            Some(text) => text.parse::<u64>().ok()?.checked_mul(1024),
            None => text.parse().ok(),
        },
    };
    match text.split_once(':') {
        Some((soft, hard)) => Some((number(soft)?, number(hard)?)),
        None => number(text).map(|both| (both, both)),
    }
}

fn spawn(shared: &Shared, plan: &Plan, command: &Command, main: bool) -> Pid {
    let sys = shared.borrow().sys.clone();
    let (out, into) = sys.pipe().expect("process 1 has few files open");
    let (out, into) = (Opened::new(&sys, out), Opened::new(&sys, into));
    let null = Opened::new(&sys, sys.open("/dev/null", OpenFlags::READ).unwrap_or(out.fd()));
    let fds = vec![(Fd::STDIN, null.fd()), (Fd::STDOUT, into.fd()), (Fd::STDERR, into.fd())];
    let started = prepared(&sys, plan, command, main).and_then(|mut spec| {
        spec.fds = fds.clone();
        let path = spec.path.clone();
        sys.spawn(spec).map_err(|error| {
            let verb = match error {
                Errno::Enoent | Errno::Eacces => "locate executable",
                _ => "execute",
            };
            not_executed(verb, &path, error)
        })
    });
    let pid = match started {
        Ok(pid) => {
            if let Some(limits) = plan.settings.one("Service", "LimitNOFILE").and_then(files_max) {
                // Process 1 may set any limit of its child.
                let _ = sys.set_files_max(pid, limits);
            }
            pid
        }
        Err(NotStarted { code, lines }) => {
            let mut spec = SpawnSpec::new("", &["(systemd)"]);
            spec.group = Group::Own;
            spec.fds = fds;
            let pid = sys
                .fork_task(spec, move |_| Box::pin(async move { code }))
                .expect("process 1 lives and its files are open");
            for line in lines {
                let line = line.replace("{path}", command.path());
                let line = format!("{}: {line}", plan.name);
                shared.borrow().log_as(&plan.name, 3, ("systemd", pid.0), &line);
            }
            pid
        }
    };
    drop((into, null));
    let ident = plan.settings.one("Service", "SyslogIdentifier").map_or_else(
        || command.path().rsplit('/').next().unwrap_or_default().to_owned(),
        str::to_owned,
    );
    let (worker, name) = (shared.clone(), plan.name.clone());
    go(shared, Box::pin(record(worker, name, ident, pid, out)));
    pid
}

fn not_executed(verb: &str, path: &str, error: Errno) -> NotStarted {
    NotStarted {
        code: EXIT_EXEC,
        lines: vec![
            format!("Failed to {verb} {path}: {error}"),
            format!("Failed at step EXEC spawning {path}: {error}"),
        ],
    }
}

/// The process a command is to become.
fn prepared(
    sys: &Sys,
    plan: &Plan,
    command: &Command,
    main: bool,
) -> Result<SpawnSpec, NotStarted> {
    let cred = credentials(sys, &plan.settings)?;
    let cred = if command.privileged { Cred::ROOT } else { cred };
    let mut env = plan.env.clone();
    let passwd = sys.read_file("/etc/passwd").unwrap_or_default();
    let users = sim::cred::users(&String::from_utf8_lossy(&passwd));
    let user = users.into_iter().find(|user| user.uid == cred.uid);
    if let (Some(user), true) = (&user, plan.settings.one("Service", "User").is_some()) {
        for (name, value) in [
            ("HOME", &user.home),
            ("LOGNAME", &user.name),
            ("USER", &user.name),
            ("SHELL", &user.shell),
        ] {
            env.entry(name.to_owned()).or_insert_with(|| value.clone());
        }
    }
    if main && plan.kind.starts_with("notify") {
        env.insert("NOTIFY_SOCKET".to_owned(), NOTIFY.to_owned());
    }
    let mut cwd = "/".to_owned();
    if let Some(dir) = plan.settings.one("Service", "WorkingDirectory") {
        let (dir, optional) = match dir.strip_prefix('-') {
            Some(dir) => (dir, true),
            None => (dir, false),
        };
        let home = user.as_ref().map_or("/root", |user| user.home.as_str());
        let dir = if dir == "~" { home } else { dir };
        match sys.stat(dir) {
            Ok(stat) if stat.is_dir() => cwd = dir.to_owned(),
            _ if optional => {}
            other => {
                let error = other.err().unwrap_or(Errno::Enotdir);
                return Err(NotStarted {
                    code: EXIT_CHDIR,
                    lines: vec![
                        format!("Changing to the requested working directory failed: {error}"),
                        format!("Failed at step CHDIR spawning {{path}}: {error}"),
                    ],
                });
            }
        }
    }
    let path = match launch::resolve(sys, PATH, command.path()) {
        Ok(path) => path,
        Err(launch::NotRun::NotFound) => {
            return Err(not_executed("locate executable", command.path(), Errno::Enoent));
        }
        Err(_) => return Err(not_executed("locate executable", command.path(), Errno::Eacces)),
    };
    let mut spec = SpawnSpec::new(&path, &[]);
    spec.argv = command.argv(&env);
    spec.env = env.into_iter().collect();
    spec.cwd = cwd;
    spec.group = Group::Own;
    spec.user = Some(cred);
    Ok(spec)
}

/// Writes down what a service prints, line by line.
async fn record(shared: Shared, name: String, ident: String, pid: Pid, out: Opened) {
    let sys = shared.borrow().sys.clone();
    let mut open = Vec::new();
    loop {
        let bytes = sys.read(out.fd(), 65_536).await.unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        open.extend_from_slice(&bytes);
        while let Some(end) = open.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = open.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            shared.borrow().log_as(&name, 6, (&ident, pid.0), &line);
        }
    }
    if !open.is_empty() {
        let line = String::from_utf8_lossy(&open).into_owned();
        shared.borrow().log_as(&name, 6, (&ident, pid.0), &line);
    }
}
