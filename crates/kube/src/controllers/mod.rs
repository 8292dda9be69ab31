//! kube-controller-manager: brings what is nearer to what is asked for.
//!
//! All controllers look at one local copy of the objects. Whenever that changes each of them
//! looks at everything again: they are level-triggered, and a cluster of the lab is small.

mod daemons;
mod deployments;
mod endpoints;
mod garbage;
mod namespaces;
mod nodes;
mod replicas;

use std::rc::Rc;

use serde_json::{Value, json};
use sim::{Http, HttpResponse, Packet, Pem, Sys, Task, TlsServer};

use crate::client::{self, ApiError, Client};
use crate::elect::Elector;
use crate::informer::Informers;
use crate::resources::named;
use crate::scheduler::{begin, record};
use crate::tasks::Spawner;
use crate::value;

const KNOWN: &[&str] = &[
    "allocate-node-cidrs?",
    "authentication-kubeconfig",
    "authorization-kubeconfig",
    "bind-address",
    "client-ca-file",
    "cluster-cidr",
    "cluster-name",
    "cluster-signing-cert-file",
    "cluster-signing-key-file",
    "controllers",
    "feature-gates",
    "kubeconfig",
    "leader-elect?",
    "leader-elect-lease-duration",
    "leader-elect-renew-deadline",
    "leader-elect-retry-period",
    "node-cidr-mask-size",
    "node-monitor-grace-period",
    "node-monitor-period",
    "pod-eviction-timeout",
    "requestheader-client-ca-file",
    "root-ca-file",
    "secure-port",
    "service-account-private-key-file",
    "service-cluster-ip-range",
    "terminated-pod-gc-threshold",
    "use-service-account-credentials?",
    "v",
];

const KINDS: &[&str] = &[
    "ConfigMap",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Endpoints",
    "Lease",
    "Namespace",
    "Node",
    "Pod",
    "ReplicaSet",
    "Secret",
    "Service",
    "ServiceAccount",
];

/// Time alone changes things too: nodes that are silent, timeouts.
const TICK_US: u64 = 1_000_000;

/// What every controller works with.
struct Work {
    sys: Sys,
    client: Rc<Client>,
    informers: Informers,
    root_ca: String,
}

/// The program.
pub(crate) fn program(sys: Sys) -> Task {
    Box::pin(async move {
        let spawner = Spawner::new();
        let main = run(sys, spawner.clone());
        spawner.run(main).await
    })
}

async fn run(sys: Sys, spawner: Spawner) -> i32 {
    let (flags, client) = match begin(&sys, KNOWN, "kube-controller-manager").await {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let root_ca = match flags.get("root-ca-file") {
        "" => String::new(),
        path => match sys.read_file(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(errno) => {
                let errno = errno.to_string().to_lowercase();
                let text = format!(
                    "\"command failed\" err=\"error parsing root-ca-file at {path}: open {path}: {errno}\""
                );
                crate::klog::log(&sys, 'E', "run.go:72", &text).await;
                return 1;
            }
        },
    };
    healthz(&sys, &spawner, 10_257);
    let elector = Elector::new(&sys, &client, "kube-controller-manager");
    let work = async {
        elector.lead().await;
        let informers = Informers::start(&sys, &spawner, &client, KINDS);
        informers.synced().await;
        let work = Work { sys: sys.clone(), client: client.clone(), informers, root_ca };
        sim::race(elector.keep(), reconcile(&work)).await;
    };
    match sim::race(work, sys.caught()).await {
        sim::Either::Left(()) => 1,
        sim::Either::Right(_) => 0,
    }
}

async fn reconcile(work: &Work) -> ! {
    let mut watched = nodes::Watched::default();
    loop {
        let version = work.informers.version();
        namespaces::reconcile(work).await;
        namespaces::furnish(work).await;
        deployments::reconcile(work).await;
        replicas::reconcile(work).await;
        daemons::reconcile(work).await;
        endpoints::reconcile(work).await;
        nodes::reconcile(work, &mut watched).await;
        garbage::reconcile(work).await;
        sim::race(work.informers.change(version), work.sys.sleep_us(TICK_US)).await;
    }
}

impl Work {
    async fn create(&self, kind: &str, namespace: &str, object: &Value) -> Result<Value, ApiError> {
        let made = self.client.create(&named(kind).path(namespace), object).await?;
        self.informers.put(kind, &made);
        Ok(made)
    }

    async fn status(&self, kind: &str, object: &Value) {
        let (namespace, name) = (value::namespace(object), value::name(object));
        let path = format!("{}/status", client::path(named(kind), namespace, name));
        // A conflict comes from a change, and a change calls for another look.
        if let Ok(new) = self.client.update(&path, object).await {
            self.informers.put(kind, &new);
        }
    }

    async fn update(&self, kind: &str, object: &Value) {
        let path = client::path(named(kind), value::namespace(object), value::name(object));
        if let Ok(new) = self.client.update(&path, object).await {
            self.informers.put(kind, &new);
        }
    }

    async fn delete(&self, kind: &str, object: &Value) {
        let path = client::path(named(kind), value::namespace(object), value::name(object));
        let options = json!({"preconditions": {"uid": value::uid(object)}});
        if let Ok(answer) = self.client.delete(&path, Some(&options)).await {
            if value::is_deleted(&answer) {
                self.informers.put(kind, &answer);
            } else {
                self.informers.drop(kind, &value::key(object));
            }
        }
    }

    async fn event(&self, object: &Value, reason: &str, message: &str) {
        record(&self.sys, &self.client, object, ("Normal", reason, message)).await;
    }

    fn now(&self) -> String {
        value::time(self.sys.wall_us())
    }
}

/// Serves `/healthz` on the loopback, with a certificate nobody signed.
pub(crate) fn healthz(sys: &Sys, spawner: &Spawner, port: u16) {
    let Ok(listener) = sys.listen(&format!("127.0.0.1:{port}")) else { return };
    let (sys, inner) = (sys.clone(), spawner.clone());
    let now_s = i64::try_from(sys.wall_us() / 1_000_000).unwrap_or_default();
    let own = pki::authority("localhost", u64::from(port), now_s, now_s + 31_536_000);
    let tls = TlsServer {
        certificate: Pem::Bytes(own.certificate.to_pem().into()),
        key: Pem::Bytes(own.key.to_pem().into()),
        ..TlsServer::from_files("", "")
    };
    spawner.spawn(async move {
        loop {
            let conn = listener.accept().await;
            let (sys, tls) = (sys.clone(), tls.clone());
            inner.spawn(async move {
                if conn.accept_tls(&sys, &tls).await.is_err() {
                    return;
                }
                while let Ok(Packet::Http(Http::Request(_))) = conn.recv().await {
                    let ok = HttpResponse::new(200, "text/plain; charset=utf-8", "ok");
                    if conn.send(Packet::Http(Http::Response(ok))).is_err() {
                        return;
                    }
                }
            });
        }
    });
}
