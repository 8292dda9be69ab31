//! The kubelet: runs the pods of a host, those of its manifest folder and those the API server
//! gives it, and says how they are.
//!
//! `manifests` reads the folder, `api` follows the API server, `worker` looks after one pod,
//! `volumes` and `probes` are parts of that, `status` is what the API is told, `node` the node
//! itself, `server` answers for logs and commands. Nothing here needs an API server to keep
//! pods running.

mod admit;
mod api;
mod manifests;
mod node;
mod probes;
mod server;
mod status;
mod volumes;
mod worker;

pub use manifests::static_pod;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) use probes::ask;
use serde_json::{Value, json};
use sim::{Fd, Signal, Sys, Task};

use crate::client::{self, Client, Kubeconfig};
use crate::flags::Flags;
use crate::klog::log;
use crate::resources::named;
use crate::runtime;
use crate::tasks::Spawner;
use crate::value::{self, text};
use crate::yaml;

/// Flags the kubelet knows.
const KNOWN: &[&str] = &[
    "bootstrap-kubeconfig",
    "cgroup-driver",
    "cluster-dns",
    "config",
    "container-runtime-endpoint",
    "fail-swap-on?",
    "feature-gates",
    "hostname-override",
    "kubeconfig",
    "node-ip",
    "node-labels",
    "pod-infra-container-image",
    "pod-manifest-path",
    "register-node?",
    "register-with-taints",
    "v",
];

/// Where a pod came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    File,
    Api,
}

/// A pod of this host.
struct Pod {
    uid: String,
    source: Source,
    object: RefCell<Value>,
    /// It is to end, with this grace.
    leaving_us: Cell<Option<u64>>,
    /// Its worker is done with it.
    ended: Cell<bool>,
    state: RefCell<worker::State>,
}

/// A kubelet that is up.
struct Kubelet {
    sys: Sys,
    spawner: Spawner,
    node: String,
    address: String,
    manifests: String,
    client: RefCell<Option<Rc<Client>>>,
    pods: RefCell<BTreeMap<String, Rc<Pod>>>,
    /// Static pods that may run, by full name; and those that wait, first come first.
    started: RefCell<BTreeMap<String, String>>,
    waiting: RefCell<BTreeMap<String, Vec<String>>>,
    /// Mirror pods the API server has, by full name.
    mirrors: RefCell<BTreeMap<String, Value>>,
    /// The API server was heard.
    heard: Cell<bool>,
    salt: Cell<u64>,
    next_ip: Cell<u32>,
}

/// The program.
pub(crate) fn program(sys: Sys) -> Task {
    Box::pin(async move {
        let spawner = Spawner::new();
        let main = run(sys, spawner.clone());
        spawner.run(main).await
    })
}

#[expect(clippy::too_many_lines, reason = "the start-up in its order")]
async fn run(sys: Sys, spawner: Spawner) -> i32 {
    sys.catch(Signal::Term);
    let args = sys.args();
    if args.get(1).is_some_and(|arg| arg == "--version") {
        sys.print(&format!("Kubernetes {}\n", crate::VERSION)).await;
        return 0;
    }
    let flags = match Flags::parse(args.get(1..).unwrap_or_default(), KNOWN) {
        Ok(flags) => flags,
        Err(text) => {
            let text = format!("\"command failed\" err=\"failed to parse kubelet flag: {text}\"");
            log(&sys, 'E', "run.go:72", &text).await;
            return 1;
        }
    };
    let config = match read_config(&sys, flags.get("config")) {
        Ok(config) => config,
        Err(text) => {
            let quoted = Value::from(text);
            log(&sys, 'E', "run.go:72", &format!("\"command failed\" err={quoted}")).await;
            return 1;
        }
    };
    let node = match flags.get("hostname-override") {
        "" => sys.hostname(),
        name => name.to_owned(),
    };
    let address = match flags.get("node-ip") {
        "" => crate::own_address(&sys),
        address => address.to_owned(),
    };
    let manifests = match flags.get("pod-manifest-path") {
        "" => text(&config, "staticPodPath").to_owned(),
        path => path.to_owned(),
    };
    log(
        &sys,
        'I',
        "server.go:529",
        &format!("\"Kubelet version\" kubeletVersion=\"{}\"", crate::VERSION),
    )
    .await;
    runtime::start(&sys);
    let kubelet = Rc::new(Kubelet {
        sys: sys.clone(),
        spawner: spawner.clone(),
        node,
        address,
        manifests,
        client: RefCell::default(),
        pods: RefCell::default(),
        started: RefCell::default(),
        waiting: RefCell::default(),
        mirrors: RefCell::default(),
        heard: Cell::default(),
        salt: Cell::default(),
        next_ip: Cell::new(2),
    });
    match flags.get("kubeconfig") {
        "" => {
            log(&sys, 'W', "server.go:1180", "\"Running in standalone mode: no kubeconfig\"").await;
        }
        path => match Kubeconfig::load(&sys, path, None) {
            Ok(config) => {
                let client = Client::new(&sys, config, "kubelet");
                *kubelet.client.borrow_mut() = Some(Rc::new(client));
            }
            Err(error) => {
                let text = format!(
                    "\"command failed\" err=\"failed to run Kubelet: unable to load bootstrap \
                     kubeconfig: {error}\""
                );
                log(&sys, 'E', "run.go:72", &text).await;
                return 1;
            }
        },
    }
    let _ = sys.write(Fd::STDERR, b"").await;
    for start in [manifests::follow, api::follow, node::follow, server::follow, housekeeping] {
        let kubelet = kubelet.clone();
        spawner.spawn(async move { start(kubelet).await });
    }
    sys.caught().await;
    0
}

type Part = std::pin::Pin<Box<dyn Future<Output = ()>>>;

fn read_config(sys: &Sys, path: &str) -> Result<Value, String> {
    if path.is_empty() {
        return Ok(json!({}));
    }
    let wrong = |text: String| {
        format!(
            "failed to load kubelet config file, path: {path}, error: failed to load Kubelet \
             config file {path}, error {text}"
        )
    };
    let bytes = sys.read_file(path).map_err(|errno| {
        let errno = errno.to_string().to_lowercase();
        wrong(format!("failed to read kubelet config file \"{path}\", error: open {path}: {errno}"))
    })?;
    yaml::parse(&String::from_utf8_lossy(&bytes)).map_err(wrong)
}

impl Kubelet {
    fn client(&self) -> Option<Rc<Client>> {
        self.client.borrow().clone()
    }

    fn salt(&self) -> u64 {
        self.salt.set(self.salt.get() + 1);
        self.salt.get()
    }

    /// Takes a pod in, or what has changed of one.
    fn take(self: &Rc<Self>, object: Value, source: Source) {
        let uid = value::uid(&object).to_owned();
        let known = self.pods.borrow().get(&uid).cloned();
        if let Some(pod) = known {
            *pod.object.borrow_mut() = object;
            self.spawner.kick();
            return;
        }
        let full = value::key(&object);
        let pod = Rc::new(Pod {
            uid: uid.clone(),
            source,
            object: RefCell::new(object),
            leaving_us: Cell::new(None),
            ended: Cell::new(false),
            state: RefCell::default(),
        });
        self.pods.borrow_mut().insert(uid.clone(), pod.clone());
        if source == Source::File {
            self.waiting.borrow_mut().entry(full).or_default().push(uid);
        }
        let kubelet = self.clone();
        self.spawner.spawn(async move { worker::look_after(kubelet, pod).await });
    }

    /// Lets a pod end.
    fn leave(&self, uid: &str, grace_us: u64) {
        if let Some(pod) = self.pods.borrow().get(uid)
            && pod.leaving_us.get().is_none_or(|before| grace_us < before)
        {
            pod.leaving_us.set(Some(grace_us));
            self.spawner.kick();
        }
    }

    /// Whether a static pod may run: of two with one name the first does, until it has ended.
    fn may_start(&self, full: &str, uid: &str) -> bool {
        if let Some(started) = self.started.borrow().get(full) {
            return started == uid;
        }
        let mut waiting = self.waiting.borrow_mut();
        let line = waiting.entry(full.to_owned()).or_default();
        let pods = self.pods.borrow();
        line.retain(|it| {
            pods.get(it).is_some_and(|pod| !pod.ended.get() && pod.leaving_us.get().is_none())
        });
        if line.first().is_some_and(|first| first != uid) {
            return false;
        }
        line.retain(|it| it != uid);
        self.started.borrow_mut().insert(full.to_owned(), uid.to_owned());
        true
    }

    /// A pod's worker is done: its name is free.
    fn ended(&self, pod: &Pod) {
        pod.ended.set(true);
        self.pods.borrow_mut().remove(&pod.uid);
        self.started.borrow_mut().retain(|_, uid| *uid != pod.uid);
        self.spawner.kick();
    }

    /// Tells the API server what happened to an object.
    async fn event(&self, object: &Value, kind: &str, reason: &str, message: &str) {
        let Some(client) = self.client() else { return };
        let wall_us = self.sys.wall_us();
        let now = value::time(wall_us);
        let namespace = match value::namespace(object) {
            "" => "default",
            namespace => namespace,
        };
        let name = format!("{}.{:x}", value::name(object), wall_us * 1000 + self.salt());
        let event = json!({
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {"kind": text(object, "kind"), "namespace": value::namespace(object),
                "name": value::name(object), "uid": value::uid(object), "apiVersion": "v1"},
            "reason": reason, "message": message, "type": kind, "count": 1,
            "source": {"component": "kubelet", "host": self.node},
            "reportingComponent": "kubelet", "reportingInstance": self.node,
            "firstTimestamp": now, "lastTimestamp": now,
        });
        // While no API server answers events are lost.
        let _ = client.create(&named("Event").path(namespace), &event).await;
    }

    fn pod_path(&self, pod: &Value) -> String {
        client::path(named("Pod"), value::namespace(pod), value::name(pod))
    }
}

/// Ends containers whose pods are gone: a kubelet that was away comes to know of it here.
fn housekeeping(kubelet: Rc<Kubelet>) -> Part {
    Box::pin(async move {
        loop {
            kubelet.sys.sleep_us(2_000_000).await;
            if !kubelet.heard.get() && kubelet.client().is_some() {
                continue;
            }
            for record in runtime::containers(&kubelet.sys) {
                let (uid, id) = (text(&record, "uid"), text(&record, "id"));
                if !kubelet.pods.borrow().contains_key(uid) {
                    runtime::stop(&kubelet.sys, id, 2_000_000).await;
                    runtime::remove(&kubelet.sys, id);
                }
            }
            for record in runtime::sandboxes(&kubelet.sys) {
                if !kubelet.pods.borrow().contains_key(text(&record, "uid")) {
                    runtime::remove_sandbox(&kubelet.sys, text(&record, "id"));
                }
            }
        }
    })
}
