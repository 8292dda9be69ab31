//! One pod: its sandbox, its containers, their restarts, its end.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::admit::{self, Refusal};
use super::probes::{Look, Tally};
use super::{Kubelet, Pod, Source, status, volumes};
use crate::klog::log;
use crate::runtime::{self, ContainerSpec, images};
use crate::value::{self, at, int, list, set, text, yes};

const TICK_US: u64 = 1_000_000;
const BACKOFF_US: u64 = 10_000_000;
const BACKOFF_MAX_US: u64 = 300_000_000;
/// What a sandbox and a container take to come up, and an image to be pulled.
const SANDBOX_US: u64 = 150_000;
const CREATE_US: u64 = 60_000;
const PULL_US: u64 = 1_200_000;

/// What a worker knows of a container beside its record.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Why it does not run: reason and message.
    pub(super) waiting: Option<(String, String)>,
    backoff_us: u64,
    not_before_us: u64,
    pull_backoff_us: u64,
    pull_not_before_us: u64,
    pub(super) liveness: Tally,
    pub(super) readiness: Tally,
    pub(super) startup: Tally,
    probed: String,
}

/// What a worker knows of its pod.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    sandbox: Option<Value>,
    pub(super) address: String,
    pub(super) started_us: u64,
    pub(super) containers: BTreeMap<String, Known>,
    /// Why it may not run here; none before it was asked.
    pub(super) refusal: Option<Refusal>,
    /// It was let in, and counts for those that come later.
    pub(super) admitted: bool,
    /// What the API server was told last.
    pub(super) told: Value,
}

/// Looks after a pod until it has ended.
pub(super) async fn look_after(kubelet: Rc<Kubelet>, pod: Rc<Pod>) {
    loop {
        if pod.leaving_us.get().is_some() {
            break;
        }
        let full = value::key(&pod.object.borrow());
        if pod.source == Source::Api || kubelet.may_start(&full, &pod.uid) {
            if admit(&kubelet, &pod).await {
                sync(&kubelet, &pod).await;
            }
            status::tell(&kubelet, &pod, false).await;
        }
        let leaving = crate::tasks::until(|| pod.leaving_us.get().map(|_| ()));
        sim::race(leaving, kubelet.sys.sleep_us(TICK_US)).await;
    }
    end(&kubelet, &pod).await;
    kubelet.ended(&pod);
}

/// Whether the pod may run here; asked once, when it is to start.
async fn admit(kubelet: &Rc<Kubelet>, pod: &Rc<Pod>) -> bool {
    if pod.state.borrow().admitted || !records(kubelet, pod).is_empty() {
        pod.state.borrow_mut().admitted = true;
        return true;
    }
    if pod.state.borrow().refusal.is_some() {
        return false;
    }
    let Some(refusal) = admit::refusal(kubelet, pod) else {
        pod.state.borrow_mut().admitted = true;
        return true;
    };
    let Refusal { reason, message } = &refusal;
    let object = pod.object.borrow().clone();
    let full = value::key(&object);
    let text = format!(
        "\"Pod admission denied\" podUID=\"{}\" pod=\"{full}\" reason=\"{reason}\" message={}",
        pod.uid,
        Value::from(message.as_str())
    );
    log(&kubelet.sys, 'I', "kubelet.go:2306", &text).await;
    {
        let mut state = pod.state.borrow_mut();
        state.refusal = Some(refusal.clone());
        state.started_us = kubelet.sys.wall_us();
    }
    kubelet.event(&object, "Warning", reason, message).await;
    false
}

/// Containers of the pod, oldest first.
pub(super) fn records(kubelet: &Kubelet, pod: &Pod) -> Vec<Value> {
    let mut found = runtime::containers(&kubelet.sys);
    found.retain(|it| text(it, "uid") == pod.uid);
    found
}

async fn end(kubelet: &Rc<Kubelet>, pod: &Rc<Pod>) {
    let object = pod.object.borrow().clone();
    loop {
        let grace_us = pod.leaving_us.get().unwrap_or_default();
        let running: Vec<Value> =
            records(kubelet, pod).into_iter().filter(|it| text(it, "state") == "running").collect();
        if running.is_empty() {
            break;
        }
        for record in &running {
            let name = text(record, "name");
            kubelet
                .event(&object, "Normal", "Killing", &format!("Stopping container {name}"))
                .await;
        }
        for record in &running {
            runtime::stop(&kubelet.sys, text(record, "id"), grace_us).await;
        }
    }
    if let Some(sandbox) = pod.state.borrow().sandbox.as_ref() {
        runtime::stop_sandbox(&kubelet.sys, text(sandbox, "id"));
    }
    if pod.source == Source::Api
        && let Some(client) = kubelet.client()
        && value::is_deleted(&object)
    {
        status::tell(kubelet, pod, true).await;
        let options = json!({"gracePeriodSeconds": 0, "preconditions": {"uid": pod.uid}});
        let path = kubelet.pod_path(&object);
        let mut tries = 0;
        while let Err(error) = client.delete(&path, Some(&options)).await {
            if matches!(error.code(), 404 | 409) || tries > 60 {
                break;
            }
            tries += 1;
            kubelet.sys.sleep_us(TICK_US).await;
        }
    }
    for record in records(kubelet, pod) {
        runtime::remove(&kubelet.sys, text(&record, "id"));
    }
    for sandbox in runtime::sandboxes(&kubelet.sys) {
        if text(&sandbox, "uid") == pod.uid {
            runtime::remove_sandbox(&kubelet.sys, text(&sandbox, "id"));
        }
    }
    let logs =
        format!("/var/log/pods/{}_{}_{}", value::namespace(&object), value::name(&object), pod.uid);
    runtime::remove_all(&kubelet.sys, &logs);
    runtime::remove_all(&kubelet.sys, &format!("/var/lib/kubelet/pods/{}", pod.uid));
}

/// Does what brings the pod nearer to what it is to be.
async fn sync(kubelet: &Rc<Kubelet>, pod: &Rc<Pod>) {
    let object = pod.object.borrow().clone();
    if matches!(text(&object, "status.phase"), "Succeeded" | "Failed") && pod.source == Source::Api
    {
        return;
    }
    if pod.state.borrow().started_us == 0 {
        pod.state.borrow_mut().started_us = kubelet.sys.wall_us();
    }
    let Some(sandbox) = sandbox(kubelet, pod, &object).await else { return };
    let places = match volumes::ready(kubelet, &object).await {
        Ok(places) => places,
        Err(error) => {
            let mut waits = false;
            for container in list(&object, "spec.containers") {
                waits |= wait(pod, text(container, "name"), "ContainerCreating", "");
            }
            if waits {
                kubelet.event(&object, "Warning", "FailedMount", &error).await;
            }
            kubelet.sys.sleep_us(TICK_US).await;
            return;
        }
    };
    let all = records(kubelet, pod);
    let policy = text(&object, "spec.restartPolicy").to_owned();
    for init in list(&object, "spec.initContainers") {
        let last = all.iter().rfind(|it| text(it, "name") == text(init, "name"));
        if last.is_some_and(|it| text(it, "state") == "exited" && int(it, "exitCode") == Some(0)) {
            continue;
        }
        for container in list(&object, "spec.containers") {
            wait(pod, text(container, "name"), "PodInitializing", "");
        }
        let policy = if policy == "Never" { "Never" } else { "OnFailure" };
        let task = Step { object: &object, container: init, sandbox: &sandbox, places: &places };
        task.container(kubelet, pod, last, policy).await;
        return;
    }
    for container in list(&object, "spec.containers") {
        let name = text(container, "name");
        let last = all.iter().rfind(|it| text(it, "name") == name);
        let task = Step { object: &object, container, sandbox: &sandbox, places: &places };
        task.container(kubelet, pod, last, &policy).await;
    }
    forget_old(kubelet, &all);
}

/// Of the containers that have ended only the last of each name is kept.
fn forget_old(kubelet: &Kubelet, all: &[Value]) {
    for (place, record) in all.iter().enumerate() {
        let later = all[place + 1..].iter().filter(|it| text(it, "name") == text(record, "name"));
        if later.count() > 1 && text(record, "state") == "exited" {
            runtime::remove(&kubelet.sys, text(record, "id"));
        }
    }
}

async fn sandbox(kubelet: &Rc<Kubelet>, pod: &Rc<Pod>, object: &Value) -> Option<Value> {
    let all = runtime::sandboxes(&kubelet.sys);
    let ours: Vec<&Value> = all.iter().filter(|it| text(it, "uid") == pod.uid).collect();
    let ready = ours.iter().find(|it| text(it, "state") == "ready");
    let sandbox = match ready {
        Some(sandbox) => (*sandbox).clone(),
        None => {
            kubelet.sys.sleep_us(SANDBOX_US).await;
            let attempt = u32::try_from(ours.len()).unwrap_or_default();
            runtime::run_sandbox(&kubelet.sys, object, attempt)
        }
    };
    let mut state = pod.state.borrow_mut();
    if state.address.is_empty() {
        state.address = if yes(object, "spec.hostNetwork") {
            kubelet.address.clone()
        } else {
            let last = kubelet.address.rsplit('.').next().and_then(|it| it.parse::<u32>().ok());
            let next = kubelet.next_ip.get();
            kubelet.next_ip.set(next + 1);
            format!("10.244.{}.{next}", last.unwrap_or(1).saturating_sub(1))
        };
    }
    state.sandbox = Some(sandbox.clone());
    Some(sandbox)
}

/// Notes why a container does not run; true when that is news.
fn wait(pod: &Pod, name: &str, reason: &str, message: &str) -> bool {
    let mut state = pod.state.borrow_mut();
    let known = state.containers.entry(name.to_owned()).or_default();
    let now = Some((reason.to_owned(), message.to_owned()));
    let news = known.waiting != now;
    known.waiting = now;
    news
}

/// What is to be done for one container.
struct Step<'a> {
    object: &'a Value,
    container: &'a Value,
    sandbox: &'a Value,
    places: &'a [(String, String)],
}

impl Step<'_> {
    async fn container(
        &self,
        kubelet: &Rc<Kubelet>,
        pod: &Rc<Pod>,
        last: Option<&Value>,
        policy: &str,
    ) {
        let name = text(self.container, "name");
        let known = pod.state.borrow().containers.get(name).cloned().unwrap_or_default();
        let now_us = kubelet.sys.mono_us();
        let attempt = match last {
            None => 0,
            Some(record) if text(record, "state") == "running" => {
                self.watch(kubelet, pod, record).await;
                return;
            }
            Some(record) => {
                let failed = int(record, "exitCode") != Some(0);
                if policy == "Never" || policy == "OnFailure" && !failed {
                    return;
                }
                if now_us < known.not_before_us {
                    let full = format!(
                        "{}_{}({})",
                        value::name(self.object),
                        value::namespace(self.object),
                        pod.uid
                    );
                    let message = format!(
                        "back-off {} restarting failed container={name} pod={full}",
                        shown_back_off(known.backoff_us / 2)
                    );
                    if wait(pod, name, "CrashLoopBackOff", &message) {
                        let said =
                            format!("Back-off restarting failed container {name} in pod {full}");
                        kubelet.event(self.object, "Warning", "BackOff", &said).await;
                    }
                    return;
                }
                int(record, "attempt").unwrap_or_default() + 1
            }
        };
        if !self.pulled(kubelet, pod, &known).await {
            return;
        }
        if attempt > 0 || last.is_some() {
            let ran_us = last
                .and_then(|it| Some(int(it, "finishedAt")? - int(it, "startedAt")?))
                .unwrap_or_default();
            let mut state = pod.state.borrow_mut();
            let known = state.containers.entry(name.to_owned()).or_default();
            // One that ran long enough begins anew.
            let fresh = ran_us >= 600_000_000 || known.backoff_us == 0;
            let wait_us = if fresh { BACKOFF_US } else { known.backoff_us };
            known.not_before_us = now_us + wait_us;
            known.backoff_us = (wait_us * 2).min(BACKOFF_MAX_US);
        }
        self.start(kubelet, pod, u32::try_from(attempt).unwrap_or_default()).await;
    }

    /// Pulls the image where that is needed; false where it cannot be had.
    async fn pulled(&self, kubelet: &Rc<Kubelet>, pod: &Rc<Pod>, known: &Known) -> bool {
        let (name, image) = (text(self.container, "name"), text(self.container, "image"));
        let sys = &kubelet.sys;
        let found = images::find(image);
        let here = found.as_ref().is_ok_and(|it| runtime::has_image(sys, it));
        let policy = text(self.container, "imagePullPolicy");
        if here && policy != "Always" {
            return true;
        }
        if policy == "Never" && !here {
            let message =
                format!("Container image \"{image}\" is not present with pull policy of Never");
            if wait(pod, name, "ErrImageNeverPull", &message) {
                kubelet.event(self.object, "Warning", "ErrImageNeverPull", &message).await;
            }
            return false;
        }
        if sys.mono_us() < known.pull_not_before_us {
            let message = format!("Back-off pulling image \"{image}\"");
            if wait(pod, name, "ImagePullBackOff", &message) {
                kubelet.event(self.object, "Normal", "BackOff", &message).await;
                let message = "Error: ImagePullBackOff";
                kubelet.event(self.object, "Warning", "Failed", message).await;
            }
            return false;
        }
        wait(pod, name, "ContainerCreating", "");
        kubelet
            .event(self.object, "Normal", "Pulling", &format!("Pulling image \"{image}\""))
            .await;
        sys.sleep_us(if here { PULL_US / 4 } else { PULL_US }).await;
        match found {
            Ok(found) => {
                runtime::store_image(sys, &found);
                let message = format!("Successfully pulled image \"{image}\" in 1.2s");
                kubelet.event(self.object, "Normal", "Pulled", &message).await;
                true
            }
            Err(error) => {
                wait(pod, name, "ErrImagePull", &error);
                let message = format!("Failed to pull image \"{image}\": {error}");
                kubelet.event(self.object, "Warning", "Failed", &message).await;
                kubelet.event(self.object, "Warning", "Failed", "Error: ErrImagePull").await;
                let mut state = pod.state.borrow_mut();
                let known = state.containers.entry(name.to_owned()).or_default();
                let wait_us = known.pull_backoff_us.max(BACKOFF_US);
                known.pull_not_before_us = sys.mono_us() + wait_us;
                known.pull_backoff_us = (wait_us * 2).min(BACKOFF_MAX_US);
                false
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "the parts of a container in order")]
    async fn start(&self, kubelet: &Rc<Kubelet>, pod: &Rc<Pod>, attempt: u32) {
        let (object, container) = (self.object, self.container);
        let name = text(container, "name");
        let address = pod.state.borrow().address.clone();
        let env = match volumes::env(kubelet, object, container, &address).await {
            Ok(env) => env,
            Err(error) => {
                if wait(pod, name, "CreateContainerConfigError", &error) {
                    let message = format!("Error: {error}");
                    kubelet.event(object, "Warning", "Failed", &message).await;
                }
                return;
            }
        };
        kubelet.sys.sleep_us(CREATE_US).await;
        let image = images::find(text(container, "image")).map(|it| it.command).unwrap_or_default();
        let words = |path: &str| -> Vec<String> {
            let list = list(container, path).iter().filter_map(Value::as_str);
            list.map(|word| expand(word, &env)).collect()
        };
        let (command, args) = (words("command"), words("args"));
        let argv = match (command.is_empty(), args.is_empty()) {
            (true, true) => image,
            // An image with an entry point gets arguments; the others are replaced by them.
            (true, false) if image.first().is_some_and(|it| it.starts_with('/')) => {
                [image, args].concat()
            }
            (true, false) => args,
            (false, _) => [command, args].concat(),
        };
        let hostname = match yes(object, "spec.hostNetwork") {
            true => kubelet.sys.hostname(),
            false => value::name(object).to_owned(),
        };
        let log_path = format!(
            "/var/log/pods/{}_{}_{}/{name}/{attempt}.log",
            value::namespace(object),
            value::name(object),
            pod.uid
        );
        let spec = ContainerSpec {
            name: name.to_owned(),
            attempt,
            sandbox: self.sandbox.clone(),
            image: text(container, "image").to_owned(),
            argv,
            env,
            cwd: text(container, "workingDir").to_owned(),
            hostname,
            mounts: volumes::mounts(container, self.places),
            log_path: log_path.clone(),
        };
        match runtime::run(&kubelet.sys, &spec) {
            Ok(record) => {
                kubelet
                    .event(object, "Normal", "Created", &format!("Container created: {name}"))
                    .await;
                kubelet
                    .event(object, "Normal", "Started", &format!("Container started: {name}"))
                    .await;
                link_log(kubelet, object, name, text(&record, "id"), &log_path);
                let mut state = pod.state.borrow_mut();
                state.containers.entry(name.to_owned()).or_default().waiting = None;
            }
            Err(error) => {
                if wait(pod, name, "RunContainerError", &error) {
                    kubelet.event(object, "Warning", "Failed", &format!("Error: {error}")).await;
                }
                let mut state = pod.state.borrow_mut();
                let known = state.containers.entry(name.to_owned()).or_default();
                known.pull_not_before_us = 0;
            }
        }
    }

    /// Asks a running container's probes.
    async fn watch(&self, kubelet: &Rc<Kubelet>, pod: &Rc<Pod>, record: &Value) {
        let name = text(self.container, "name");
        let (address, mut known) = {
            let state = pod.state.borrow();
            let known = state.containers.get(name).cloned().unwrap_or_default();
            (state.address.clone(), known)
        };
        known.waiting = None;
        if known.probed != text(record, "id") {
            known.probed = text(record, "id").to_owned();
            known.liveness = Tally::default();
            known.readiness = Tally::default();
            known.startup = Tally::default();
        }
        let sys = &kubelet.sys;
        let since_us = sys.mono_us();
        let mut kill = None;
        // The network of pods is not there to be asked over; who runs is taken for well.
        if yes(self.object, "spec.hostNetwork") {
            let startup = at(self.container, "startupProbe");
            let up = startup.is_null() || known.startup.passed == Some(true);
            if !up {
                if known.startup.look(sys, startup, &address, since_us).await == Look::TooOften {
                    kill = Some(("startup", known.startup.said.clone(), startup.clone()));
                }
            } else {
                let readiness = at(self.container, "readinessProbe");
                if !readiness.is_null() {
                    known.readiness.look(sys, readiness, &address, since_us).await;
                }
                let liveness = at(self.container, "livenessProbe");
                if !liveness.is_null() {
                    match known.liveness.look(sys, liveness, &address, since_us).await {
                        Look::TooOften => {
                            kill =
                                Some(("liveness", known.liveness.said.clone(), liveness.clone()));
                        }
                        Look::Failed => {
                            let message = format!("Liveness probe failed: {}", known.liveness.said);
                            kubelet.event(self.object, "Warning", "Unhealthy", &message).await;
                        }
                        Look::Same | Look::Passed => {}
                    }
                }
            }
        }
        pod.state.borrow_mut().containers.insert(name.to_owned(), known);
        if let Some((which, said, _)) = kill {
            let title = if which == "liveness" { "Liveness" } else { "Startup" };
            let message = format!("{title} probe failed: {said}");
            kubelet.event(self.object, "Warning", "Unhealthy", &message).await;
            let message = format!("Container {name} failed {which} probe, will be restarted");
            kubelet.event(self.object, "Normal", "Killing", &message).await;
            let grace = int(self.object, "spec.terminationGracePeriodSeconds").unwrap_or(30);
            let grace_us = u64::try_from(grace).unwrap_or_default() * 1_000_000;
            runtime::stop(sys, text(record, "id"), grace_us).await;
        }
    }
}

fn shown_back_off(us: u64) -> String {
    let seconds = us.max(BACKOFF_US) / 1_000_000;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// `$(NAME)` stands for a variable.
fn expand(word: &str, env: &[(String, String)]) -> String {
    let mut word = word.to_owned();
    for (name, value) in env {
        word = word.replace(&format!("$({name})"), value);
    }
    word
}

fn link_log(kubelet: &Kubelet, pod: &Value, container: &str, id: &str, log_path: &str) {
    let dir = "/var/log/containers";
    // Only people read these links; without them nothing is lost.
    let _ = runtime::mkdir_all(&kubelet.sys, dir);
    let name = format!("{}_{}_{container}-{id}.log", value::name(pod), value::namespace(pod));
    let _ = kubelet.sys.symlink(log_path, &format!("{dir}/{name}"));
}

/// The pod's object with what its manifest or the API server says: kept for `status`.
pub(super) fn object(pod: &Pod) -> Value {
    let mut object = pod.object.borrow().clone();
    set(&mut object, "kind", "Pod");
    object
}
