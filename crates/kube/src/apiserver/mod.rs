//! kube-apiserver: serves objects over HTTPS and keeps them in etcd.
//!
//! `options` reads the command line, `routes` the paths, `rest`, `delete` and `watch` are the
//! verbs, `store` is etcd, `cache` what watchers are fed from, `boot` what a server does when it
//! comes up, `health` what probes ask, `access` who may do what, by the names and groups of
//! certificates: who shows none only asks for health and version.

mod access;
mod boot;
mod cache;
mod codec;
mod components;
mod crypt;
mod defaults;
mod delete;
mod discovery;
mod encryption_config;
mod failure;
mod health;
mod options;
mod proxy;
mod rest;
mod routes;
mod store;
mod validate;
mod watch;

use std::cell::Cell;
use std::rc::Rc;

use sim::{
    ClientAuth, Conn, Fd, Http, HttpRequest, HttpResponse, Packet, Pem, Signal, Sys, Task,
    TlsServer,
};

use crate::etcd3::Etcd;
use crate::identity::Identity;
use crate::klog::log;
use crate::tasks::Spawner;
use access::Attempt;
use cache::Caches;
use failure::Failure;
use options::{Options, Refusal};
use routes::{Query, route};
use store::Store;

/// How long a server that comes up waits for etcd.
const ETCD_WAIT_US: u64 = 20_000_000;

/// A server that is up.
pub(crate) struct Server {
    sys: Sys,
    spawner: Spawner,
    options: Options,
    store: Store,
    caches: Caches,
    service_net: [u8; 4],
    /// Its start-up work is done.
    ready: Cell<bool>,
}

/// The program.
pub(crate) fn program(sys: Sys) -> Task {
    Box::pin(async move {
        let spawner = Spawner::new();
        let main = run(sys, spawner.clone());
        spawner.run(main).await
    })
}

async fn refuse(sys: &Sys, text: &str) -> i32 {
    let quoted = serde_json::Value::from(text);
    log(sys, 'E', "run.go:72", &format!("\"command failed\" err={quoted}")).await;
    1
}

#[expect(clippy::too_many_lines, reason = "the start-up in its order")]
async fn run(sys: Sys, spawner: Spawner) -> i32 {
    sys.catch(Signal::Term);
    let options = match options::read(&sys) {
        Ok(options) => options,
        Err(Refusal::Flags(text)) => {
            let _ = sys.write(Fd::STDERR, format!("Error: {text}\n").as_bytes()).await;
            return 1;
        }
        Err(Refusal::Command(text)) => return refuse(&sys, &text).await,
    };
    log(
        &sys,
        'I',
        "options.go:249",
        &format!("external host was not specified, using {}", options.advertise),
    )
    .await;
    let version = format!("\"Version: {}\"", crate::VERSION);
    log(&sys, 'I', "server.go:150", &version).await;
    let etcd = Etcd::new(&sys, &spawner, options.etcd.clone());
    if !etcd_answers(&sys, &etcd).await {
        let text =
            "Error creating leases: error creating storage factory: context deadline exceeded";
        log(&sys, 'F', "instance.go:226", text).await;
        return 1;
    }
    let codec = codec::Codec { encryption: options.encryption.clone() };
    let store = Store::new(&sys, etcd, codec, &options.root);
    let caches = Caches::new(&spawner);
    caches.start(&store);
    let service_net = options.service_net;
    let server = Rc::new(Server {
        sys: sys.clone(),
        spawner: spawner.clone(),
        options,
        store,
        caches,
        service_net,
        ready: Cell::new(false),
    });
    let address = format!("{}:{}", server.options.bind, server.options.port);
    let listener = match sys.listen(&address) {
        Ok(listener) => listener,
        Err(error) => {
            let text = format!("failed to create listener: failed to listen on {address}: {error}");
            return refuse(&sys, &text).await;
        }
    };
    log(
        &sys,
        'I',
        "secure_serving.go:211",
        &format!("Serving securely on [::]:{}", server.options.port),
    )
    .await;
    boot::start(&server);
    let accept = async {
        loop {
            let conn = listener.accept().await;
            let server = server.clone();
            spawner.spawn(async move { server.serve(conn).await });
        }
    };
    // Accepting never ends.
    let _: sim::Either<(), Signal> = sim::race(accept, sys.caught()).await;
    log(
        &sys,
        'I',
        "genericapiserver.go:544",
        "\"[graceful-termination] shutdown event\" name=\"ShutdownInitiated\"",
    )
    .await;
    boot::stop(&server).await;
    0
}

/// Waits for etcd; says now and then why it has to.
async fn etcd_answers(sys: &Sys, etcd: &Etcd) -> bool {
    let deadline_us = sys.mono_us() + ETCD_WAIT_US;
    let mut said = 0_u64;
    loop {
        if etcd.ready(1_000_000).await {
            return true;
        }
        if sys.mono_us() >= deadline_us {
            return false;
        }
        if let Some(error) = etcd.error() {
            said += 1;
            let address = etcd.dialed();
            let text = format!(
                "[core] [Channel #{said} SubChannel #{}]grpc: addrConn.createTransport failed to \
                 connect to {{Addr: \"{address}\", ServerName: \"{address}\", }}. Err: connection \
                 error: desc = \"{error}\"",
                said + 1
            );
            log(sys, 'W', "logging.go:55", &text).await;
        }
    }
}

/// Who asks without a certificate.
const ANONYMOUS: &str = "system:anonymous";

impl Server {
    /// Serves a connection until either side ends it.
    async fn serve(self: Rc<Self>, conn: Conn) {
        let tls = TlsServer {
            certificate: Pem::File(self.options.cert_file.clone()),
            key: Pem::File(self.options.key_file.clone()),
            client_ca: Some(self.options.client_ca.clone()),
            client_auth: ClientAuth::Request,
            allowed_cn: Vec::new(),
            allowed_hostname: Vec::new(),
        };
        if let Err((error, packet)) = conn.accept_tls(&self.sys, &tls).await {
            if let Some(Packet::Http(Http::Request(_))) = packet {
                let text = "Client sent an HTTP request to an HTTPS server.\n";
                let response = HttpResponse::new(400, "text/plain; charset=utf-8", text);
                let _ = conn.send(Packet::Http(Http::Response(response)));
            } else {
                let text =
                    format!("http: TLS handshake error from {}: {error}", conn.remote_addr());
                log(&self.sys, 'I', "server.go:3504", &text).await;
            }
            return;
        }
        let user = self.identify(&conn);
        while let Ok(packet) = conn.recv().await {
            let Packet::Http(Http::Request(request)) = packet else { return };
            let Some(response) = self.answer(&conn, &user, &request).await else { return };
            if conn.send(Packet::Http(Http::Response(response))).is_err() {
                return;
            }
        }
    }

    /// Who is at the other end; the error when the certificate shown is not of the authority.
    fn identify(&self, conn: &Conn) -> Result<Identity, Failure> {
        let chain = conn.peer_chain();
        if chain.is_empty() {
            let known = self.options.anonymous;
            let nobody = Identity { name: ANONYMOUS.to_owned(), groups: Vec::new() };
            return if known { Ok(nobody) } else { Err(Failure::unauthorized()) };
        }
        let judged = crate::identity::judge(&chain, &self.options.client_ca, self.sys.wall_us());
        judged.map_err(|_| Failure::unauthorized())
    }

    /// Answers a request; none when the answer was a stream that has ended.
    async fn answer(
        &self,
        conn: &Conn,
        user: &Result<Identity, Failure>,
        request: &HttpRequest,
    ) -> Option<HttpResponse> {
        let (path, query) = request.split();
        let query = Query::parse(query);
        let public = health::is_public(path);
        let user = match user {
            Err(failure) => return Some(failure.response()),
            Ok(user) => user,
        };
        let attempt = Attempt::of(request, path, &query);
        let allowed = user.name != ANONYMOUS && access::may(user, &attempt);
        if !public && !allowed {
            let why = attempt.refusal(&user.name);
            return Some(Failure::not_allowed(why).response());
        }
        if let Some(response) = access::review(user, request, path) {
            return Some(response);
        }
        if let Some(response) = self.health(path, &query).await {
            return Some(response);
        }
        if let Some(response) = discovery::answer(path) {
            return Some(response);
        }
        let Some(route) = route(path) else {
            return Some(Failure::no_such_path().response());
        };
        let watching = request.method == "GET" && query.yes("watch");
        let result = if watching {
            match self.watch(conn, &route, &query).await {
                Ok(()) => return None,
                Err(failure) => Err(failure),
            }
        } else if matches!(route.subresource.as_str(), "log" | "exec") {
            match self.proxy(conn, &route, &query, request).await {
                Ok(None) => return None,
                Ok(Some(response)) => Ok(response),
                Err(failure) => Err(failure),
            }
        } else {
            self.rest(&route, &query, request).await
        };
        Some(result.unwrap_or_else(|failure| failure.response()))
    }
}
