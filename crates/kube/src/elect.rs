//! Leader election by a Lease: who holds it works, the others wait.

use std::rc::Rc;

use serde_json::json;
use sim::Sys;

use crate::client::{self, ApiError, Client};
use crate::klog::log;
use crate::resources::named;
use crate::value::{self, at, int, set, text};

const DURATION_S: i64 = 15;
const RENEW_US: u64 = 10_000_000;
const RETRY_US: u64 = 2_000_000;

/// A candidate.
#[derive(Debug)]
pub(crate) struct Elector {
    sys: Sys,
    client: Rc<Client>,
    name: &'static str,
    identity: String,
}

impl Elector {
    pub(crate) fn new(sys: &Sys, client: &Rc<Client>, name: &'static str) -> Elector {
        let identity = format!("{}_{}", sys.hostname(), value::new_uid(sys));
        Elector { sys: sys.clone(), client: client.clone(), name, identity }
    }

    /// Waits until this candidate leads.
    pub(crate) async fn lead(&self) {
        let text = format!("attempting to acquire leader lease kube-system/{}...", self.name);
        log(&self.sys, 'I', "leaderelection.go:257", &text).await;
        loop {
            match self.renew().await {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => self.complain(&error).await,
            }
            self.sys.sleep_us(RETRY_US).await;
        }
        let text = format!("successfully acquired lease kube-system/{}", self.name);
        log(&self.sys, 'I', "leaderelection.go:271", &text).await;
    }

    /// Keeps the lead, and returns when it is lost.
    pub(crate) async fn keep(&self) {
        let mut renewed_us = self.sys.mono_us();
        loop {
            self.sys.sleep_us(RETRY_US).await;
            let left_us = (renewed_us + RENEW_US).saturating_sub(self.sys.mono_us());
            match sim::race(self.renew(), self.sys.sleep_us(left_us)).await {
                sim::Either::Left(Ok(true)) => renewed_us = self.sys.mono_us(),
                sim::Either::Left(Ok(false)) => break,
                sim::Either::Left(Err(error)) => self.complain(&error).await,
                sim::Either::Right(()) => {}
            }
            if self.sys.mono_us() >= renewed_us + RENEW_US {
                break;
            }
        }
        let text =
            format!("failed to renew lease kube-system/{}: context deadline exceeded", self.name);
        log(&self.sys, 'I', "leaderelection.go:297", &text).await;
        log(&self.sys, 'E', "server.go:352", "\"leaderelection lost\"").await;
    }

    async fn complain(&self, error: &ApiError) {
        let server = &self.client.config().server;
        let path = client::path(named("Lease"), "kube-system", self.name);
        let text = match error {
            ApiError::Status(_) => {
                format!("error retrieving resource lock kube-system/{}: {error}", self.name)
            }
            error => format!(
                "error retrieving resource lock kube-system/{}: Get \"{server}{path}?timeout=5s\": {error}",
                self.name
            ),
        };
        log(&self.sys, 'E', "leaderelection.go:436", &text).await;
    }

    async fn renew(&self) -> Result<bool, ApiError> {
        let kind = named("Lease");
        let path = client::path(kind, "kube-system", self.name);
        let now_us = self.sys.wall_us();
        let now = value::micro_time(now_us);
        let mut lease = match self.client.get(&path).await {
            Ok(lease) => lease,
            Err(error) if error.reason() == "NotFound" => {
                let lease = json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": self.name, "namespace": "kube-system"},
                    "spec": {"holderIdentity": self.identity, "leaseDurationSeconds": DURATION_S,
                        "acquireTime": now, "renewTime": now, "leaseTransitions": 0},
                });
                let made = self.client.create(&kind.path("kube-system"), &lease).await;
                return match made {
                    Ok(_) => Ok(true),
                    Err(error) if error.reason() == "AlreadyExists" => Ok(false),
                    Err(error) => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        if text(&lease, "spec.holderIdentity") != self.identity {
            let renewed_us = value::parse_time(text(&lease, "spec.renewTime")).unwrap_or_default();
            let lasts_us = u64::try_from(DURATION_S).unwrap_or_default() * 1_000_000;
            let held = !text(&lease, "spec.holderIdentity").is_empty();
            if held && now_us < renewed_us + lasts_us {
                return Ok(false);
            }
            let changes = int(&lease, "spec.leaseTransitions").unwrap_or_default() + 1;
            set(&mut lease, "spec.leaseTransitions", changes);
            set(&mut lease, "spec.holderIdentity", self.identity.as_str());
            set(&mut lease, "spec.acquireTime", now.as_str());
        }
        set(&mut lease, "spec.renewTime", now);
        debug_assert!(at(&lease, "metadata").is_object());
        match self.client.update(&path, &lease).await {
            Ok(_) => Ok(true),
            Err(error) if error.reason() == "Conflict" => Ok(false),
            Err(error) => Err(error),
        }
    }
}
