//! Going back to the release before: asking whether the cluster may, telling it to, stopping.
//!
//! `downgrade enable` puts a target into the log. The leader then lowers the cluster version,
//! every member's file loses what its layout had too much, and members may be replaced one by
//! one by the older release; when all are, the leader takes the target away.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::Release;
use crate::fact::RequestKey;
use crate::fail::Fail;
use crate::log::Level;
use crate::member::Member;
use crate::pb::{self, DowngradeAction, InternalRaftRequest};
use crate::propose::Asker;
use crate::read::ReadOp;
use crate::rpc::Answer;
use crate::status::MemberInfo;

const CLUSTER: &str = "cluster";
const DOWNGRADE: &[u8] = b"downgrade";

/// A downgrade under way, as bucket `cluster` holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Downgrade {
    #[serde(rename = "target-version", default)]
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) enabled: bool,
}

impl Downgrade {
    pub(crate) fn stored(store: &mvcc::Store) -> Downgrade {
        let json = store.get(CLUSTER, DOWNGRADE);
        json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    /// The version to go to, while the cluster is on its way.
    pub(crate) fn target(&self) -> Option<Release> {
        Release::parse(&self.target).filter(|_| self.enabled)
    }
}

/// The only version a cluster may go down to.
pub(crate) fn allowed_below(version: Release) -> Option<Release> {
    Some(Release { minor: version.minor.checked_sub(1)?, patch: 0, ..version })
}

/// A target as people write it: `3.5` or `3.5.0`.
fn parse_target(text: &str) -> Result<Release, Fail> {
    let release = Release::parse(text).or_else(|| Release::parse(&format!("{text}.0")));
    Ok(release.ok_or(Fail::WrongDowngradeVersion)?.cluster_version())
}

impl Member {
    /// All three actions first learn what the cluster has agreed on.
    pub(crate) fn downgrade(
        &mut self,
        key: RequestKey,
        request: pb::DowngradeRequest,
        timeout_us: Option<u64>,
    ) -> Result<(), Fail> {
        let cancels = request.action() == DowngradeAction::Cancel;
        if !cancels && let Err(fail) = parse_target(&request.version) {
            self.reject_downgrade(&request, &fail);
            return Err(fail);
        }
        if !cancels && self.cluster.version().is_none() {
            return Err(Fail::ClusterVersionUnavailable);
        }
        self.read(key, ReadOp::Downgrade(request), String::new(), timeout_us);
        Ok(())
    }

    fn reject_downgrade(&mut self, request: &pb::DowngradeRequest, fail: &Fail) {
        if request.action() == DowngradeAction::Enable {
            let line =
                self.say(Level::Warn, "etcdserver/v3_server.go:1147", "reject downgrade request");
            line.fields.push(("error", fail.to_string().into()));
        }
    }

    /// The state is fresh: decides, and proposes what is to be.
    pub(crate) fn downgrade_confirmed(&mut self, key: RequestKey, request: &pb::DowngradeRequest) {
        match self.decide_downgrade(request) {
            Err(fail) => {
                self.reject_downgrade(request, &fail);
                self.answer(key, Err(fail));
            }
            Ok(None) => self.downgrade_done(key),
            Ok(Some(set)) => {
                let request = InternalRaftRequest {
                    downgrade_info_set: Some(Box::new(set)),
                    ..InternalRaftRequest::default()
                };
                if let Err(fail) = self.propose(Asker::Downgrade(key), request, None) {
                    self.answer(key, Err(fail));
                }
            }
        }
    }

    fn decide_downgrade(
        &mut self,
        request: &pb::DowngradeRequest,
    ) -> Result<Option<pb::DowngradeInfoSetRequest>, Fail> {
        let under_way = self.downgrade.enabled;
        if request.action() == DowngradeAction::Cancel {
            if under_way {
                return Ok(Some(pb::DowngradeInfoSetRequest::default()));
            }
            if !self.release().is_3_6() {
                return Err(Fail::NoInflightDowngrade);
            }
            // 3.6 says it in its log, and to the client that all is well.
            let line =
                self.say(Level::Warn, "etcdserver/v3_server.go:1157", "failed to cancel downgrade");
            line.fields.push(("error", Fail::NoInflightDowngrade.to_string().into()));
            return Ok(None);
        }
        let target = parse_target(&request.version)?;
        let version = self.cluster.version().ok_or(Fail::ClusterVersionUnavailable)?;
        if allowed_below(version) != Some(target) {
            return Err(Fail::InvalidDowngradeTarget);
        }
        if under_way {
            return Err(Fail::DowngradeInProcess);
        }
        let ver = target.to_string();
        let enables = request.action() == DowngradeAction::Enable;
        Ok(enables.then_some(pb::DowngradeInfoSetRequest { enabled: true, ver }))
    }

    /// The answer names the version the cluster has now.
    pub(crate) fn downgrade_done(&mut self, key: RequestKey) {
        let version = self.cluster.version().unwrap_or_default();
        let version = if self.release().is_3_6() {
            format!("{}.{}", version.major, version.minor)
        } else {
            version.to_string()
        };
        let header = Some(self.header());
        self.answer(key, Ok(Answer::Downgrade(pb::DowngradeResponse { header, version })));
    }

    /// A target was set, or taken away.
    pub(crate) fn apply_downgrade(&mut self, set: &pb::DowngradeInfoSetRequest) {
        let target = if set.enabled { set.ver.clone() } else { String::new() };
        self.downgrade = Downgrade { target, enabled: set.enabled };
        let json = serde_json::to_vec(&self.downgrade).expect("text and a flag serialise");
        self.store.set(CLUSTER, Bytes::from_static(DOWNGRADE), Bytes::from(json));
    }

    /// The leader ends a downgrade once every member has the older release.
    pub(crate) fn check_downgrade(&mut self) {
        let now_us = self.now.mono_us;
        if self.config.downgrade_check_us == 0 || now_us < self.timers.downgrade_check_us {
            return;
        }
        self.timers.downgrade_check_us = now_us.saturating_add(self.config.downgrade_check_us);
        let Some(target) = self.downgrade.target().filter(|_| self.node.is_leader()) else {
            return;
        };
        let there = |release: Release| release.cluster_version() == target;
        let is_there = |m: &MemberInfo| match self.peers.release(m.id) {
            _ if m.id == self.id => there(self.release()),
            Ok(Some(release)) => there(release),
            _ => false,
        };
        let all = self.cluster.members().all(is_there);
        if !all {
            return;
        }
        let msg = "the cluster has been downgraded";
        let line = self.say(Level::Info, "version/monitor.go:143", msg);
        line.fields.push(("cluster-version", target.to_string().into()));
        let request = InternalRaftRequest {
            downgrade_info_set: Some(Box::default()),
            ..InternalRaftRequest::default()
        };
        // It is tried again at the next check.
        let _ = self.propose(Asker::Nobody, request, None);
    }
}
