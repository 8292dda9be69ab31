//! What an API server does by itself: the namespaces every cluster has, the service
//! `kubernetes` and who stands behind it, and compaction.

use std::rc::Rc;

use bytes::Bytes;
use etcd::pb;
use etcd::rpc::{Answer, Op};
use serde_json::{Value, json};

use super::Server;
use super::failure::Failure;
use super::routes::Route;
use super::store::{compare_mod, prefix_end};
use crate::klog::log;
use crate::resources::named;
use crate::value::{self, set};

/// How often a server says that it is there, and how long that holds.
const MASTER_LEASE_US: u64 = 10_000_000;
const MASTER_LEASE_S: i64 = 15;
const CALL_US: u64 = 10_000_000;
const COMPACT_KEY: &str = "compact_rev_key";

/// Starts the work that goes on as long as the server does.
pub(super) fn start(server: &Rc<Server>) {
    let first = server.clone();
    server.spawner.spawn(async move {
        let mut announced = false;
        loop {
            match first.found().await {
                Ok(()) => {
                    first.ready.set(true);
                    announced = true;
                    first.sys.sleep_us(MASTER_LEASE_US).await;
                }
                Err(failure) => {
                    if announced {
                        let text = format!("Error in getting master lease: {}", failure.message());
                        log(&first.sys, 'E', "controller.go:95", &text).await;
                    }
                    first.sys.sleep_us(1_000_000).await;
                }
            }
        }
    });
    let compactor = server.clone();
    server.spawner.spawn(async move {
        let interval_us = compactor.options.compaction_us;
        let (mut version, mut revision) = (0, 0);
        if interval_us == 0 {
            return;
        }
        loop {
            if let Some(next) = compactor.compact(version, revision).await {
                (version, revision) = next;
            }
            compactor.sys.sleep_us(interval_us).await;
        }
    });
}

/// Takes the server out of the service `kubernetes`.
pub(super) async fn stop(server: &Server) {
    let key = format!("{}/masterleases/{}", server.store.root, server.options.advertise);
    let delete = pb::DeleteRangeRequest { key: key.into(), ..Default::default() };
    // An etcd that is gone forgets the lease later.
    let _ = server.store.etcd.call(Op::DeleteRange(delete), 1_000_000).await;
}

impl Server {
    /// Makes what every cluster has, where it is not there.
    async fn found(&self) -> Result<(), Failure> {
        for name in ["kube-system", "kube-public", "kube-node-lease", "default"] {
            let space = json!({"metadata": {"name": name}});
            self.ensure("Namespace", "", space).await?;
        }
        let [a, b, c, _] = self.service_net;
        let service = json!({
            "metadata": {"name": "kubernetes",
                "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": format!("{a}.{b}.{c}.1"),
                "ports": [{"name": "https", "port": 443, "targetPort": self.options.port}]},
        });
        self.ensure("Service", "default", service).await?;
        let masters = self.masters().await?;
        self.publish(&masters).await
    }

    async fn ensure(&self, kind: &str, namespace: &str, object: Value) -> Result<(), Failure> {
        let kind = named(kind);
        let name = value::name(&object).to_owned();
        if self.store.get(kind, namespace, &name).await?.is_some() {
            return Ok(());
        }
        let namespace = namespace.to_owned();
        let route = Route { kind, namespace, name: String::new(), subresource: String::new() };
        match self.create(&route, object, false).await {
            Err(failure) if failure.code != 409 => Err(failure),
            _ => Ok(()),
        }
    }

    /// Says that this server is there, and asks who else is.
    async fn masters(&self) -> Result<Vec<String>, Failure> {
        let etcd = &self.store.etcd;
        let failed = |status| Failure::etcd(&status);
        let grant = pb::LeaseGrantRequest { ttl: MASTER_LEASE_S, ..Default::default() };
        let lease = match etcd.call(Op::LeaseGrant(grant), CALL_US).await.map_err(failed)? {
            Answer::LeaseGrant(lease) => lease.id,
            _ => 0,
        };
        let prefix = format!("{}/masterleases/", self.store.root);
        let address = &self.options.advertise;
        let body = json!({"kind": "Endpoints", "apiVersion": "v1", "metadata": {},
            "subsets": [{"addresses": [{"ip": address}]}]});
        let put = pb::PutRequest {
            key: format!("{prefix}{address}").into(),
            value: format!("{body}\n").into(),
            lease,
            ..Default::default()
        };
        etcd.call(Op::Put(put), CALL_US).await.map_err(failed)?;
        let range = pb::RangeRequest {
            key: prefix.clone().into(),
            range_end: prefix_end(&prefix),
            ..Default::default()
        };
        let found = self.store.range(range).await.map_err(|status| Failure::etcd(&status))?;
        let name = |kv: &pb::KeyValue| {
            String::from_utf8_lossy(&kv.key).trim_start_matches(&prefix).to_owned()
        };
        Ok(found.kvs.iter().map(name).collect())
    }

    /// Writes down who stands behind the service `kubernetes`.
    async fn publish(&self, masters: &[String]) -> Result<(), Failure> {
        let port = self.options.port;
        let addresses: Vec<Value> = masters.iter().map(|ip| json!({"ip": ip})).collect();
        let ports = json!([{"name": "https", "port": port, "protocol": "TCP"}]);
        let endpoints = json!({
            "metadata": {"name": "kubernetes", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [{"addresses": addresses, "ports": ports}],
        });
        let ready: Vec<Value> = masters
            .iter()
            .map(|ip| json!({"addresses": [ip], "conditions": {"ready": true}}))
            .collect();
        let slice = json!({
            "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv4", "endpoints": ready, "ports": ports,
        });
        for (kind, object, field) in
            [("Endpoints", endpoints, "subsets"), ("EndpointSlice", slice, "endpoints")]
        {
            let have = self.store.get(named(kind), "default", "kubernetes").await?;
            match have {
                None => self.ensure(kind, "default", object).await?,
                Some(have) if have[field] != object[field] => {
                    let (namespace, name) = ("default".to_owned(), "kubernetes".to_owned());
                    let subresource = String::new();
                    let route = Route { kind: named(kind), namespace, name, subresource };
                    let change = |old: &Value| {
                        let mut new = old.clone();
                        set(&mut new, field, object[field].clone());
                        Ok(new)
                    };
                    self.change(&route, false, change).await?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// One step of the compactor (`storage/etcd3/compact.go`): who first finds the key as it
    /// was last time compacts to the revision of that time.
    async fn compact(&self, version: i64, revision: i64) -> Option<(i64, i64)> {
        let etcd = &self.store.etcd;
        let key = Bytes::from_static(COMPACT_KEY.as_bytes());
        let put = pb::PutRequest {
            key: key.clone(),
            value: revision.to_string().into(),
            ..Default::default()
        };
        let mut compare = compare_mod(COMPACT_KEY, 0);
        compare.target = pb::CompareTarget::Version as i32;
        compare.target_union = Some(pb::compare::TargetUnion::Version(version));
        let read = pb::RangeRequest { key, ..Default::default() };
        let txn = pb::TxnRequest {
            compare: vec![compare],
            success: vec![pb::RequestOp { request: Some(pb::request_op::Request::Put(put)) }],
            failure: vec![pb::RequestOp { request: Some(pb::request_op::Request::Range(read)) }],
        };
        let Ok(Answer::Txn(answer)) = etcd.call(Op::Txn(txn), CALL_US).await else { return None };
        let now = answer.header.map(|header| header.revision).unwrap_or_default();
        if !answer.succeeded {
            let found = answer.responses.into_iter().find_map(|op| match op.response {
                Some(pb::response_op::Response::Range(range)) => range.kvs.into_iter().next(),
                _ => None,
            });
            return Some((found.map(|kv| kv.version).unwrap_or_default(), now));
        }
        if revision > 0 {
            let request = pb::CompactionRequest { revision, physical: false };
            // One that was compacted already is as good.
            let _ = etcd.call(Op::Compact(request), CALL_US).await;
        }
        Some((version + 1, now))
    }
}
