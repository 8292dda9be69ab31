//! `componentstatuses`: the scheduler, the controllers and each server of etcd are asked how
//! they are while somebody waits. Nothing of it is stored.

use serde_json::{Value, json};
use sim::{Either, HttpResponse, race};

use super::Server;
use super::failure::Failure;
use super::rest::answer;
use super::routes::Route;
use crate::kubelet;

/// How long a component has to answer.
const WAIT_US: u64 = 20_000_000;
/// How long etcd has.
const ETCD_US: u64 = 2_000_000;

impl Server {
    pub(super) async fn components(
        &self,
        route: &Route,
        method: &str,
    ) -> Result<HttpResponse, Failure> {
        if method != "GET" {
            return Err(Failure::method());
        }
        let mut items = Vec::new();
        for (name, port) in [("controller-manager", 10_257), ("scheduler", 10_259)] {
            items.push(status(name, self.component(port).await));
        }
        for (place, server) in self.options.etcd.servers.iter().enumerate() {
            let well = self.store.etcd.health(server, &self.store.root, ETCD_US).await;
            items.push(status(&format!("etcd-{place}"), well.map(|()| "ok".to_owned())));
        }
        if !route.name.is_empty() {
            let found = items.into_iter().find(|it| it["metadata"]["name"] == *route.name);
            let mut found = found.ok_or_else(|| Failure::not_found(route.kind, &route.name))?;
            found["kind"] = route.kind.kind.into();
            found["apiVersion"] = "v1".into();
            return Ok(answer(200, &found));
        }
        let list = json!({"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {},
            "items": items});
        Ok(answer(200, &list))
    }

    /// Asks a part of this control plane.
    async fn component(&self, port: u16) -> Result<String, String> {
        let probe = json!({"httpGet": {"host": "127.0.0.1", "port": port, "scheme": "HTTPS",
            "path": "/healthz"}});
        let asking = kubelet::ask(&self.sys, &probe, "127.0.0.1");
        match race(asking, self.sys.sleep_us(WAIT_US)).await {
            Either::Left(said) => said.map(|()| "ok".to_owned()),
            Either::Right(()) => {
                Err(format!("Get \"https://127.0.0.1:{port}/healthz\": context deadline exceeded"))
            }
        }
    }
}

fn status(name: &str, said: Result<String, String>) -> Value {
    let (well, message) = match said {
        Ok(message) => ("True", message),
        Err(message) => ("False", message),
    };
    json!({"metadata": {"name": name},
        "conditions": [{"type": "Healthy", "status": well, "message": message}]})
}
