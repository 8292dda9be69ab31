//! Process 1: it loads units, does jobs in order, answers `systemctl`, and keeps the journal.
//!
//! It is one process with many things going on. Each is a future of its own over one shared
//! state; all are polled whenever the process runs, until none of them gets any further.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use serde_json::{Value, json};
use sim::{Pid, Signal, Sys};

use super::journal::Entry;
use super::load::{self, Found};
use super::service;
use super::unit::Settings;
use super::{JOURNAL, LOG, NOTIFY, PRIVATE, journal};
use crate::programs::Program;

/// The entry of the table of programs.
pub(crate) const PROGRAM: Program = Program {
    name: "systemd",
    summary: "the first process of a host",
    usage: "systemd",
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// Something that goes on.
pub(super) type Work = Pin<Box<dyn Future<Output = ()>>>;
/// The state everything that goes on shares.
pub(super) type Shared = Rc<RefCell<Manager>>;

/// How a unit was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Loaded,
    NotFound,
    Masked,
    /// With the reason.
    Bad(String),
}

impl Load {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Load::Loaded => "loaded",
            Load::NotFound => "not-found",
            Load::Masked => "masked",
            Load::Bad(_) => "bad-setting",
        }
    }
}

/// A command of a unit that was run.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    pub(super) kind: &'static str,
    pub(super) shown: String,
    pub(super) pid: Pid,
    pub(super) status: Option<sim::ExitStatus>,
}

/// A unit as the manager knows it.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) found: Found,
    pub(super) settings: Settings,
    pub(super) load: Load,
    pub(super) active: &'static str,
    pub(super) sub: &'static str,
    pub(super) since_us: u64,
    pub(super) result: &'static str,
    pub(super) main: Option<Pid>,
    pub(super) main_exit: Option<(Pid, sim::ExitStatus)>,
    pub(super) ran: Vec<Ran>,
    pub(super) starts: Vec<u64>,
    pub(super) restarts: u32,
    pub(super) status_text: String,
    /// The job that is being done, and what it is to do.
    pub(super) job: Option<(u64, Kind)>,
    /// Whether a start is to be given up.
    pub(super) cancel: bool,
    /// Counts starts and stops, so that what waits for the one before goes away.
    pub(super) generation: u32,
    /// Processes that said they are ready.
    pub(super) ready: Vec<Pid>,
}

/// What a job is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    Stop,
    Restart,
    Reload,
}

/// How a job ended, in systemd's words.
pub(super) type Outcome = &'static str;

/// All a manager knows.
pub(super) struct Manager {
    pub(super) sys: Sys,
    boot: String,
    pub(super) units: BTreeMap<String, Unit>,
    /// What is to go on from the next moment.
    new: Vec<Work>,
    /// Jobs that wait or are done now, by number.
    jobs: BTreeMap<u64, (String, Kind)>,
    outcomes: BTreeMap<u64, Outcome>,
    last_job: u64,
    /// Counts changes: somebody may wait for one.
    touched: u64,
    /// What it was when those who look at the world were told last.
    shown: u64,
}

async fn run(sys: Sys) -> i32 {
    // The first process is known to its host by another number than its own.
    if sys.ps().iter().any(|proc| proc.pid == sys.pid()) {
        let text =
            "Trying to run as user instance, but the system has not been booted with systemd.";
        sys.eprint(&format!("{text}\n")).await;
        return 1;
    }
    let boot = boot_id(&sys);
    prepare(&sys);
    let manager = Manager {
        sys: sys.clone(),
        boot,
        units: BTreeMap::new(),
        new: Vec::new(),
        jobs: BTreeMap::new(),
        outcomes: BTreeMap::new(),
        last_job: 0,
        touched: 0,
        shown: 0,
    };
    let shared: Shared = Rc::new(RefCell::new(manager));
    let (served, noted, logged) = (shared.clone(), shared.clone(), shared.clone());
    go(&shared, Box::pin(serve(served)));
    go(&shared, Box::pin(notes(noted)));
    go(&shared, Box::pin(lines(logged)));
    enqueue(&shared, "multi-user.target", Kind::Start);
    drive(shared).await
}

/// Directories a running system has, and what none may find from the run before.
fn prepare(sys: &Sys) {
    for (dir, mode) in [("/run", 0o755), ("/run/systemd", 0o755), ("/var/log", 0o755)] {
        // Where it is there already, nothing is to be done.
        let _ = sys.mkdir(dir, mode);
    }
    let dir = JOURNAL.rsplit_once('/').map_or("", |(dir, _)| dir);
    if sys.mkdir(dir, 0o755).is_ok() {
        let _ = sys.chown(dir, None, Some(4), true);
        let _ = sys.chmod(dir, 0o2755);
    }
}

/// A number of this run: from the host, and when it began.
fn boot_id(sys: &Sys) -> String {
    use sha2::Digest;
    let text = format!("{} {}", sys.hostname(), sys.wall_us());
    let hash = sha2::Sha256::digest(text.as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Runs all that goes on, for ever.
async fn drive(shared: Shared) -> i32 {
    let mut works: Vec<Work> = Vec::new();
    poll_fn(move |cx| {
        loop {
            works.append(&mut shared.borrow_mut().new);
            let before = shared.borrow().touched;
            works.retain_mut(|work| work.as_mut().poll(cx).is_pending());
            let quiet = shared.borrow().touched == before && shared.borrow().new.is_empty();
            if quiet {
                shared.borrow_mut().show();
                return Poll::Pending;
            }
        }
    })
    .await
}

/// From now on this goes on, too.
pub(super) fn go(shared: &Shared, work: Work) {
    shared.borrow_mut().new.push(work);
}

/// Waits until something is so.
pub(super) async fn until(shared: &Shared, is: impl Fn(&Manager) -> bool) {
    poll_fn(|_| if is(&shared.borrow()) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Manager {
    /// The unit of this name, loaded if it was not.
    pub(super) fn unit(&mut self, name: &str) -> &mut Unit {
        self.touched += 1;
        let keep = self.units.get(name).is_some_and(|unit| {
            !self.forgettable(name, unit) || load::find(&self.sys, name).stamps == unit.found.stamps
        });
        if !keep {
            let fresh = self.load(name);
            let old = self.units.get(name);
            let unit = match old {
                Some(old) => Unit {
                    ran: old.ran.clone(),
                    main_exit: old.main_exit,
                    since_us: old.since_us,
                    result: old.result,
                    starts: old.starts.clone(),
                    generation: old.generation,
                    ..fresh
                },
                None => fresh,
            };
            self.units.insert(name.to_owned(), unit);
        }
        self.units.get_mut(name).expect("it was put there if it was missing")
    }

    /// A unit that does nothing and that no other names is not kept: the next look at it reads
    /// its files anew, without any `daemon-reload`.
    fn forgettable(&self, name: &str, unit: &Unit) -> bool {
        if unit.active != "inactive" || unit.job.is_some() {
            return false;
        }
        let named = |other: &Unit| {
            let lists = ["Wants", "Requires", "BindsTo"];
            lists.iter().any(|key| other.settings.names("Unit", key).iter().any(|it| it == name))
        };
        let linked = self.units.iter().any(|(other, unit)| {
            unit.active == "active"
                && (load::linked(&self.sys, other, "wants").iter().any(|it| it == name)
                    || named(unit))
        });
        !(linked && unit.load == Load::Loaded)
    }

    fn load(&mut self, name: &str) -> Unit {
        let found = load::find(&self.sys, name);
        let settings = load::settings(&self.sys, &found);
        let load = match &found.path {
            None => Load::NotFound,
            Some(_) if found.masked => Load::Masked,
            Some(_) if name.ends_with(".service") => {
                service::check(name, &settings).map_or_else(Load::Bad, |()| Load::Loaded)
            }
            Some(_) => Load::Loaded,
        };
        for warning in settings.warnings.clone() {
            self.log(name, 4, &warning);
        }
        if let Load::Bad(reason) = &load {
            let reason = format!("{name}: {reason}");
            self.log(name, 3, &reason);
        }
        Unit {
            found,
            settings,
            load,
            active: "inactive",
            sub: "dead",
            since_us: 0,
            result: "success",
            main: None,
            main_exit: None,
            ran: Vec::new(),
            starts: Vec::new(),
            restarts: 0,
            status_text: String::new(),
            job: None,
            cancel: false,
            generation: 0,
            ready: Vec::new(),
        }
    }

    /// `daemon-reload`: every unit's files are read again; what runs goes on running.
    fn reload(&mut self) {
        self.log("init.scope", 6, "Reloading.");
        let names: Vec<String> = self.units.keys().cloned().collect();
        for name in names {
            let fresh = self.load(&name);
            let unit = self.units.get_mut(&name).expect("its name was just seen");
            unit.found = fresh.found;
            unit.settings = fresh.settings;
            unit.load = fresh.load;
        }
        self.touched += 1;
    }

    /// Puts a unit into a state.
    pub(super) fn set(&mut self, name: &str, active: &'static str, sub: &'static str) {
        let now_us = self.sys.wall_us();
        let unit = self.unit(name);
        if unit.active != active || matches!(sub, "auto-restart") {
            unit.since_us = now_us;
        }
        (unit.active, unit.sub) = (active, sub);
    }

    /// Writes down what systemd has to say of a unit.
    pub(super) fn log(&self, unit: &str, priority: u8, message: &str) {
        self.log_as(unit, priority, ("systemd", 1), message);
    }

    /// Writes down what somebody says.
    pub(super) fn log_as(
        &self,
        unit: &str,
        priority: u8,
        (ident, pid): (&str, u32),
        message: &str,
    ) {
        let entry = Entry {
            at_us: self.sys.wall_us(),
            boot: self.boot.clone(),
            unit: unit.to_owned(),
            ident: ident.to_owned(),
            pid,
            priority,
            message: message.to_owned(),
            host: self.sys.hostname(),
        };
        journal::write(&self.sys, &entry);
    }

    /// `etcd.service - etcd key-value store`
    pub(super) fn titled(&mut self, name: &str) -> String {
        match self.unit(name).settings.one("Unit", "Description") {
            Some(text) => format!("{name} - {text}"),
            None => name.to_owned(),
        }
    }

    /// Units this one pulls in: those it needs, and those it would like.
    fn pulled(&mut self, name: &str) -> (Vec<String>, Vec<String>) {
        let sys = self.sys.clone();
        let unit = self.unit(name);
        let mut needed: Vec<String> = Vec::new();
        for key in ["Requires", "BindsTo", "Requisite"] {
            needed.extend(unit.settings.names("Unit", key));
        }
        needed.extend(load::linked(&sys, name, "requires"));
        let mut liked = unit.settings.names("Unit", "Wants");
        liked.extend(load::linked(&sys, name, "wants"));
        (needed, liked)
    }

    /// Whether the start of `late` waits for that of `early`.
    fn comes_after(&self, late: &str, early: &str) -> bool {
        let has = |name: &str, key: &str, other: &str| {
            let unit = self.units.get(name);
            unit.is_some_and(|unit| unit.settings.names("Unit", key).iter().any(|it| it == other))
        };
        let target = late.ends_with(".target")
            && (has(late, "Wants", early)
                || has(late, "Requires", early)
                || load::linked(&self.sys, late, "wants").iter().any(|it| it == early));
        has(late, "After", early) || has(early, "Before", late) || target
    }

    /// Whether a job has to wait for another one; circles are broken by the order of asking.
    fn waits(&self, job: u64, name: &str, kind: Kind) -> bool {
        self.jobs.iter().any(|(other, (their, _))| {
            let same = their == name && *other < job;
            let ordered = their != name
                && kind != Kind::Stop
                && self.comes_after(name, their)
                && !self.comes_after(their, name);
            same || ordered
        })
    }
}

/// Asks for a job, with those it brings along; gives its number.
pub(super) fn enqueue(shared: &Shared, name: &str, kind: Kind) -> u64 {
    let waiting = {
        let manager = shared.borrow();
        let mut jobs = manager.jobs.iter();
        jobs.find(|(_, (other, what))| other == name && *what == kind).map(|(job, _)| *job)
    };
    if let Some(job) = waiting {
        return job;
    }
    let job = {
        let mut manager = shared.borrow_mut();
        manager.last_job += 1;
        let job = manager.last_job;
        manager.jobs.insert(job, (name.to_owned(), kind));
        if kind == Kind::Stop || kind == Kind::Restart {
            let unit = manager.unit(name);
            unit.cancel = unit.job.is_some_and(|(_, now)| now == Kind::Start) || unit.cancel;
        }
        job
    };
    let mut needed = Vec::new();
    if matches!(kind, Kind::Start | Kind::Restart) {
        let (need, like) = shared.borrow_mut().pulled(name);
        for other in like {
            pull(shared, &other);
        }
        for other in need {
            let job = pull(shared, &other);
            needed.push((other, job));
        }
    }
    let (worker, name) = (shared.clone(), name.to_owned());
    go(shared, Box::pin(do_job(worker, job, name, kind, needed)));
    job
}

/// Starts what another unit needs or likes, unless it runs.
fn pull(shared: &Shared, name: &str) -> Option<u64> {
    let idle = {
        let mut manager = shared.borrow_mut();
        let unit = manager.unit(name);
        unit.load == Load::Loaded && unit.active != "active"
    };
    idle.then(|| enqueue(shared, name, Kind::Start))
}

async fn do_job(
    shared: Shared,
    job: u64,
    name: String,
    kind: Kind,
    needed: Vec<(String, Option<u64>)>,
) {
    until(&shared, |manager| !manager.waits(job, &name, kind)).await;
    shared.borrow_mut().unit(&name).job = Some((job, kind));
    // One that is needed and was ordered before has ended by now: how?
    let failed = needed.iter().any(|(other, asked)| {
        let manager = shared.borrow();
        let ordered = manager.comes_after(&name, other);
        let broken =
            asked.and_then(|job| manager.outcomes.get(&job)).is_some_and(|it| *it != "done");
        let absent = manager.units.get(other).is_none_or(|unit| unit.load != Load::Loaded);
        (ordered && broken) || (asked.is_none() && absent)
    });
    let outcome = if failed {
        let title = shared.borrow_mut().titled(&name);
        shared.borrow().log(&name, 4, &format!("Dependency failed for {title}."));
        shared.borrow().log(
            &name,
            5,
            &format!("{name}: Job {name}/start failed with result 'dependency'."),
        );
        "dependency"
    } else {
        perform(&shared, &name, kind).await
    };
    let mut manager = shared.borrow_mut();
    let unit = manager.unit(&name);
    unit.job = None;
    unit.cancel = false;
    manager.jobs.remove(&job);
    manager.outcomes.insert(job, outcome);
    manager.touched += 1;
}

async fn perform(shared: &Shared, name: &str, kind: Kind) -> Outcome {
    if !name.ends_with(".service") {
        let mut manager = shared.borrow_mut();
        let title = manager.titled(name);
        let (state, words) = match kind {
            Kind::Stop => (("inactive", "dead"), "Stopped target"),
            _ => (("active", "active"), "Reached target"),
        };
        if manager.unit(name).active != state.0 {
            manager.set(name, state.0, state.1);
            manager.log(name, 6, &format!("{words} {title}."));
        }
        return "done";
    }
    match kind {
        Kind::Start => service::start(shared, name).await,
        Kind::Stop => service::stop(shared, name).await,
        Kind::Reload => service::reload(shared, name).await,
        Kind::Restart => {
            service::stop(shared, name).await;
            shared.borrow_mut().unit(name).cancel = false;
            service::start(shared, name).await
        }
    }
}

/// Waits for a job to end.
async fn ended(shared: &Shared, job: u64) -> Outcome {
    until(shared, |manager| manager.outcomes.contains_key(&job)).await;
    shared.borrow().outcomes.get(&job).copied().unwrap_or("done")
}

/// Processes that say they are ready.
#[expect(clippy::infinite_loop, reason = "it serves until its host goes off")]
async fn notes(shared: Shared) {
    let sys = shared.borrow().sys.clone();
    if sys.offer(NOTIFY).is_err() {
        return;
    }
    loop {
        let call = sys.asked(NOTIFY).await;
        let text = String::from_utf8_lossy(&call.bytes).into_owned();
        {
            let mut manager = shared.borrow_mut();
            let groups: Vec<(Pid, Pid)> =
                sys.ps().iter().map(|proc| (proc.pid, proc.group)).collect();
            let group = groups.iter().find(|(pid, _)| *pid == call.from).map(|(_, group)| *group);
            let names: Vec<String> = manager.units.keys().cloned().collect();
            for name in names {
                let main = manager.units.get(&name).and_then(|unit| unit.main);
                if main.is_none() || (main != Some(call.from) && main != group) {
                    continue;
                }
                let unit = manager.unit(&name);
                for line in text.lines() {
                    match line.split_once('=') {
                        Some(("READY", "1")) => unit.ready.push(call.from),
                        Some(("STATUS", status)) => unit.status_text = status.to_owned(),
                        _ => {}
                    }
                }
            }
        }
        sys.answer(call.id, "");
    }
}

/// Lines programs leave for the journal.
#[expect(clippy::infinite_loop, reason = "it serves until its host goes off")]
async fn lines(shared: Shared) {
    let sys = shared.borrow().sys.clone();
    if sys.offer(LOG).is_err() {
        return;
    }
    loop {
        let call = sys.asked(LOG).await;
        let value: Value = serde_json::from_slice(&call.bytes).unwrap_or_default();
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let unit = shared.borrow().unit_of(call.from);
        let who = (text("ident"), call.from.0);
        shared.borrow().log_as(&unit, 6, who, text("message"));
        sys.answer(call.id, "");
    }
}

impl Manager {
    /// The unit a process belongs to; the session of a user where it is none's.
    fn unit_of(&self, pid: Pid) -> String {
        let group = self.sys.ps().into_iter().find(|proc| proc.pid == pid).map(|proc| proc.group);
        let mine =
            |unit: &Unit| unit.main.is_some() && (unit.main == Some(pid) || unit.main == group);
        let found = self.units.iter().find(|(_, unit)| mine(unit));
        found.map_or_else(|| "session.scope".to_owned(), |(name, _)| name.clone())
    }
}

/// Requests of `systemctl`.
#[expect(clippy::infinite_loop, reason = "it serves until its host goes off")]
async fn serve(shared: Shared) {
    let sys = shared.borrow().sys.clone();
    if sys.offer(PRIVATE).is_err() {
        return;
    }
    loop {
        let call = sys.asked(PRIVATE).await;
        let (worker, sys) = (shared.clone(), sys.clone());
        go(
            &shared,
            Box::pin(async move {
                let request: Value = serde_json::from_slice(&call.bytes).unwrap_or_default();
                let answer = request_one(&worker, &request, call.uid).await;
                sys.answer(call.id, answer.to_string());
            }),
        );
    }
}

async fn request_one(shared: &Shared, request: &Value, uid: u32) -> Value {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let names: Vec<String> = request
        .get("units")
        .and_then(Value::as_array)
        .map(|units| units.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let verb = text("verb");
    if verb == "show" {
        let mut manager = shared.borrow_mut();
        let infos: Vec<Value> = names.iter().map(|name| manager.info(name)).collect();
        return json!({ "units": infos });
    }
    if verb == "list" {
        let mut manager = shared.borrow_mut();
        let names: Vec<String> = manager.units.keys().cloned().collect();
        let infos: Vec<Value> = names.iter().map(|name| manager.info(name)).collect();
        return json!({ "units": infos });
    }
    if uid != 0 {
        return json!({ "denied": true });
    }
    match verb {
        "daemon-reload" => {
            shared.borrow_mut().reload();
            json!({})
        }
        "power" => {
            let again = request.get("again").and_then(Value::as_bool).unwrap_or(false);
            shut_down(shared, again);
            json!({})
        }
        "reset-failed" => {
            let mut manager = shared.borrow_mut();
            let all: Vec<String> = manager.units.keys().cloned().collect();
            for name in if names.is_empty() { all } else { names } {
                let unit = manager.unit(&name);
                unit.starts.clear();
                if unit.active == "failed" {
                    (unit.active, unit.sub, unit.result) = ("inactive", "dead", "success");
                }
            }
            json!({})
        }
        "kill" => {
            let signal = Signal::from_name(text("signal")).unwrap_or(Signal::Term);
            let manager = shared.borrow();
            for name in &names {
                if let Some(main) = manager.units.get(name).and_then(|unit| unit.main) {
                    // It may just have ended.
                    let _ = manager.sys.kill_group(main, signal);
                }
            }
            json!({})
        }
        _ => json!({ "results": run_jobs(shared, verb, &names, request).await }),
    }
}

async fn run_jobs(shared: &Shared, verb: &str, names: &[String], request: &Value) -> Vec<Value> {
    let wait = !request.get("no_block").and_then(Value::as_bool).unwrap_or(false);
    let mut asked = Vec::new();
    for name in names {
        let asked_one = {
            let mut manager = shared.borrow_mut();
            let stale = manager.stale(name);
            let unit = manager.unit(name);
            let running = unit.active == "active" || unit.active == "activating";
            let kind = match verb {
                "start" => Some(Kind::Start),
                "stop" => Some(Kind::Stop),
                "restart" => Some(Kind::Restart),
                "try-restart" => running.then_some(Kind::Restart),
                "reload-or-restart" if service::reloads(&unit.settings) && running => {
                    Some(Kind::Reload)
                }
                "reload-or-restart" => Some(Kind::Restart),
                _ => Some(Kind::Reload),
            };
            let refusal = match (&unit.load, kind) {
                (Load::NotFound, Some(Kind::Stop)) if !running => Some("not-loaded"),
                (_, Some(Kind::Stop)) => None,
                (Load::NotFound, _) => Some("not-found"),
                (Load::Masked, _) => Some("masked"),
                (Load::Bad(_), _) => Some("bad-setting"),
                (Load::Loaded, Some(Kind::Reload)) if !service::reloads(&unit.settings) => {
                    Some("not-applicable")
                }
                (Load::Loaded, Some(Kind::Reload)) if !running => Some("not-running"),
                (Load::Loaded, _) => None,
            };
            if kind == Some(Kind::Start) && !running {
                unit.restarts = 0;
            }
            (kind, refusal, stale)
        };
        let (kind, refusal, stale) = asked_one;
        let job = match (kind, refusal) {
            (Some(kind), None) => Some(enqueue(shared, name, kind)),
            _ => None,
        };
        asked.push((name, job, refusal, stale));
    }
    let mut results = Vec::new();
    for (name, job, refusal, stale) in asked {
        let outcome = match (job, refusal) {
            (_, Some(refusal)) => refusal,
            (Some(job), None) if wait => ended(shared, job).await,
            _ => "done",
        };
        let result = shared.borrow_mut().unit(name).result;
        results.push(json!({ "unit": name, "outcome": outcome, "result": result, "stale": stale }));
    }
    results
}

/// Stops everything, writes everything down, and lets the power go.
fn shut_down(shared: &Shared, again: bool) {
    let worker = shared.clone();
    let work = async move {
        let names: Vec<String> = worker.borrow().units.keys().cloned().collect();
        let running: Vec<String> =
            names
                .into_iter()
                .filter(|name| {
                    name.ends_with(".service")
                        && worker.borrow().units.get(name).is_some_and(|unit| {
                            unit.active != "inactive" && unit.active != "failed"
                        })
                })
                .collect();
        let jobs: Vec<u64> =
            running.iter().map(|name| enqueue(&worker, name, Kind::Stop)).collect();
        for job in jobs {
            ended(&worker, job).await;
        }
        let (sys, words) = {
            let manager = worker.borrow();
            (
                manager.sys.clone(),
                if again { "System is rebooting." } else { "System is powering down." },
            )
        };
        worker.borrow().log("init.scope", 6, words);
        sys.power(again);
    };
    go(shared, Box::pin(work));
}

impl Manager {
    /// Leaves word of its services for those who look at the world.
    fn show(&mut self) {
        if self.shown == self.touched {
            return;
        }
        self.shown = self.touched;
        let services = self.units.iter().filter(|(name, _)| name.ends_with(".service"));
        let known = services.filter(|(_, unit)| unit.load != Load::NotFound);
        let shown = known.map(|(name, unit)| super::seen::Seen::of(name, unit)).collect();
        super::seen::leave(&self.sys, shown);
    }

    /// Whether the files of a unit changed since they were read.
    pub(super) fn stale(&mut self, name: &str) -> bool {
        let sys = self.sys.clone();
        let unit = self.unit(name);
        let files = unit.load != Load::NotFound;
        files && load::find(&sys, name).stamps != unit.found.stamps
    }

    /// What there is to know about a unit.
    fn info(&mut self, name: &str) -> Value {
        let stale = self.stale(name);
        let sys = self.sys.clone();
        let unit = self.unit(name);
        let code = |status: &sim::ExitStatus| match status {
            sim::ExitStatus::Code(code) => json!({ "code": code }),
            sim::ExitStatus::Signal(signal) => json!({ "signal": signal.name() }),
        };
        let ran: Vec<Value> = unit
            .ran
            .iter()
            .map(|ran| {
                json!({ "kind": ran.kind, "shown": ran.shown, "pid": ran.pid.0,
                        "status": ran.status.as_ref().map(code) })
            })
            .collect();
        let last = unit.main_exit.as_ref();
        let limits = unit.settings.one("Service", "LimitNOFILE");
        let limits = limits.and_then(service::files_max).unwrap_or((1024, 524_288));
        json!({
            "name": name,
            "description": unit.settings.one("Unit", "Description").unwrap_or(name),
            "docs": unit.settings.names("Unit", "Documentation"),
            "load": unit.load.name(),
            "path": unit.found.path,
            "drop_ins": unit.found.drop_ins,
            "file_state": load::file_state(&sys, name),
            "active": unit.active,
            "sub": unit.sub,
            "since_us": unit.since_us,
            "result": unit.result,
            "main": unit.main.map(|pid| pid.0),
            "last": last.map(|(pid, status)| json!({ "pid": pid.0, "status": code(status) })),
            "ran": ran,
            "restarts": unit.restarts,
            "status_text": unit.status_text,
            "stale": stale,
            "type": unit.settings.one("Service", "Type").unwrap_or("simple"),
            "restart": unit.settings.one("Service", "Restart").unwrap_or("no"),
            "user": unit.settings.one("Service", "User").unwrap_or(""),
            "group": unit.settings.one("Service", "Group").unwrap_or(""),
            "working_directory": unit.settings.one("Service", "WorkingDirectory").unwrap_or(""),
            "limit_nofile": limits.1,
            "limit_nofile_soft": limits.0,
            "environment": unit.settings.all("Service", "Environment"),
            "exec_start": unit.settings.all("Service", "ExecStart"),
            "after": unit.settings.names("Unit", "After"),
            "wants": unit.settings.names("Unit", "Wants"),
            "requires": unit.settings.names("Unit", "Requires"),
            "wanted_by": unit.settings.names("Install", "WantedBy"),
        })
    }
}
