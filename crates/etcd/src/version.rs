//! Being known to the cluster, and the version the cluster agrees on.
//!
//! A member that starts tells the others its name and where its clients find it, through the
//! log, until it is done; only then it serves. The leader sets the cluster's version to the
//! lowest release among the members, at its first commit and then every few seconds.

use crate::apply::storage_version;
use crate::config::Release;
use crate::downgrade::allowed_below;
use crate::fact::Fact;
use crate::fail::Fail;
use crate::log::Level;
use crate::member::Member;
use crate::pb::{
    Attributes, ClusterMemberAttrSetRequest, ClusterVersionSetRequest, InternalRaftRequest,
};
use crate::propose::Asker;

const MONITOR_US: u64 = 4_000_000;
/// How long the leader waits for a member to say what release it is.
const ASK_US: u64 = 1_000_000;

/// What a member still has to tell the cluster.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    ready: bool,
    publishing: bool,
    setting_version: bool,
    check_version_us: u64,
    /// Set while the leader waits for members to say their release.
    asked_us: Option<u64>,
    check_storage_us: u64,
    check_now: bool,
}

impl Publisher {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    /// The leader's first commit of its term.
    pub(crate) fn check_now(&mut self) {
        self.check_now = true;
    }
}

impl Member {
    /// Proposes this member's attributes, until the log has them.
    pub(crate) fn publish(&mut self) {
        if self.publisher.ready || self.publisher.publishing {
            return;
        }
        let attributes = Attributes {
            name: self.config.name.clone(),
            client_urls: self.config.advertise_client_urls.clone(),
        };
        let request = InternalRaftRequest {
            cluster_member_attr_set: Some(ClusterMemberAttrSetRequest {
                member_id: self.id.0,
                member_attributes: Some(attributes),
            }),
            ..InternalRaftRequest::default()
        };
        self.publisher.publishing = self.propose(Asker::Publish, request, None).is_ok();
    }

    pub(crate) fn published(&mut self) {
        self.publisher.ready = true;
        self.publisher.publishing = false;
        let fields = self.publish_fields();
        let line = self.say(
            Level::Info,
            "etcdserver/server.go:1834",
            "published local member to cluster through raft",
        );
        line.fields.extend(fields);
        self.say(Level::Info, "embed/serve.go:139", "ready to serve client requests");
        self.out.facts.push(Fact::Published);
    }

    pub(crate) fn publish_failed(&mut self, fail: &Fail) {
        self.publisher.publishing = false;
        let fields = self.publish_fields();
        let line = self.say(
            Level::Warn,
            "etcdserver/server.go:1844",
            "failed to publish local member to cluster through raft",
        );
        line.fields.extend(fields);
        line.fields.push(("error", fail.to_string().into()));
    }

    fn publish_fields(&self) -> Vec<(&'static str, serde_json::Value)> {
        let urls = self.config.advertise_client_urls.join(" ");
        let attributes = format!("{{Name:{} ClientURLs:[{urls}]}}", self.config.name);
        let timeout = format!("{}s", self.config.request_timeout_us() / 1_000_000);
        vec![
            ("local-member-id", self.id.to_string().into()),
            ("local-member-attributes", attributes.into()),
            ("cluster-id", self.cluster.id.to_string().into()),
            ("publish-timeout", timeout.into()),
        ]
    }

    /// With every tick: publish, agree on the version, note the version of the file.
    pub(crate) fn check_versions(&mut self) {
        self.publish();
        let now_us = self.now.mono_us;
        if self.publisher.check_storage_us <= now_us {
            self.publisher.check_storage_us = now_us + MONITOR_US;
            self.update_storage_version();
        }
        let due = self.publisher.check_now || self.publisher.check_version_us <= now_us;
        if !due || !self.node.is_leader() || self.publisher.setting_version {
            return;
        }
        if !self.node.raft().commit_to_current_term() {
            return;
        }
        self.publisher.check_now = false;
        self.publisher.check_version_us = now_us + MONITOR_US;
        self.decide_version();
    }

    fn decide_version(&mut self) {
        let now_us = self.now.mono_us;
        let current = self.cluster.version();
        let lowest = match self.lowest_release() {
            Ok(lowest) => lowest,
            Err(()) => {
                let asked_us = *self.publisher.asked_us.get_or_insert(now_us);
                if now_us - asked_us < ASK_US {
                    self.publisher.check_version_us = now_us;
                    return;
                }
                None
            }
        };
        self.publisher.asked_us = None;
        let lowest = lowest.map(Release::cluster_version);
        if let (Some(current), Some(target)) = (current, self.downgrade.target()) {
            if lowest.is_some() && current != target {
                self.lower_version(current, target, lowest);
            }
            return;
        }
        let version = match (current, lowest) {
            (None, Some(lowest)) => lowest,
            // Somebody is silent: the oldest version etcd knows, until it speaks.
            (None, None) => Release { major: 3, minor: 0, patch: 0 },
            (Some(current), Some(lowest)) if current < lowest => lowest,
            _ => return,
        };
        self.set_cluster_version(current, version);
    }

    /// On the way down: the target must be the release before, for the cluster and for the
    /// lowest of its members.
    fn lower_version(&mut self, current: Release, target: Release, lowest: Option<Release>) {
        if allowed_below(current) != Some(target) {
            let msg = "Cannot downgrade from cluster-version to downgrade-target";
            let line = self.say(Level::Error, "version/monitor.go:78", msg);
            line.fields.push(("downgrade-target", target.to_string().into()));
            line.fields.push(("cluster-version", current.to_string().into()));
        } else if lowest.and_then(allowed_below) != Some(target) {
            let lowest = lowest.unwrap_or_default().to_string();
            let msg = "Cannot downgrade from minimal-server-version to downgrade-target";
            let line = self.say(Level::Error, "version/monitor.go:85", msg);
            line.fields.push(("downgrade-target", target.to_string().into()));
            line.fields.push(("minimal-server-version", lowest.into()));
        } else {
            self.set_cluster_version(Some(current), target);
        }
    }

    fn set_cluster_version(&mut self, current: Option<Release>, version: Release) {
        match current {
            None => {
                let msg = "setting up initial cluster version using v3 API";
                let line = self.say(Level::Info, "etcdserver/server.go:2434", msg);
                line.fields.push(("cluster-version", version.minor_text().into()));
            }
            Some(current) => {
                let msg = "updating cluster version using v3 API";
                let line = self.say(Level::Info, "etcdserver/server.go:2439", msg);
                line.fields.push(("from", current.minor_text().into()));
                line.fields.push(("to", version.minor_text().into()));
            }
        }
        let request = InternalRaftRequest {
            cluster_version_set: Some(ClusterVersionSetRequest { ver: version.to_string() }),
            ..InternalRaftRequest::default()
        };
        self.publisher.setting_version = self.propose(Asker::Version, request, None).is_ok();
    }

    /// The lowest release of all members; none when one of them cannot be asked, an error
    /// while one may still answer.
    fn lowest_release(&self) -> Result<Option<Release>, ()> {
        let mut lowest = self.release();
        let mut pending = false;
        for member in self.cluster.members().filter(|m| m.id != self.id) {
            match self.peers.release(member.id) {
                Ok(Some(release)) => lowest = lowest.min(release),
                Ok(None) => return Ok(None),
                Err(()) => pending = true,
            }
        }
        if pending { Err(()) } else { Ok(Some(lowest)) }
    }

    pub(crate) fn version_done(&mut self) {
        self.publisher.setting_version = false;
        let version = self.cluster.version().unwrap_or(self.release());
        let line = self.say(Level::Info, "etcdserver/server.go:2453", "cluster version is updated");
        line.fields.push(("cluster-version", version.minor_text().into()));
    }

    pub(crate) fn version_failed(&mut self, fail: &Fail) {
        self.publisher.setting_version = false;
        let line =
            self.say(Level::Warn, "etcdserver/server.go:2461", "failed to update cluster version");
        line.fields.push(("error", fail.to_string().into()));
    }

    pub(crate) fn cluster_version_changed(&mut self, before: Option<Release>, version: Release) {
        let (cluster, own) = (self.cluster.id.to_string(), self.id.to_string());
        let (caller, msg) = match before {
            None => ("membership/cluster.go:687", "set initial cluster version"),
            Some(_) => ("membership/cluster.go:680", "updated cluster version"),
        };
        let line = self.say(Level::Info, caller, msg);
        line.fields.push(("cluster-id", cluster.into()));
        line.fields.push(("local-member-id", own.into()));
        match before {
            None => line.fields.push(("cluster-version", version.minor_text().into())),
            Some(before) => {
                line.fields.push(("from", before.minor_text().into()));
                line.fields.push(("to", version.minor_text().into()));
            }
        }
        self.publisher.check_now = true;
        self.update_storage_version();
    }

    /// From 3.6 on the file says what layout it has, once the whole cluster is there; before a
    /// downgrade it says so no more.
    fn update_storage_version(&mut self) {
        const NO_VERSION: Release = Release { major: 3, minor: 0, patch: 0 };
        let Some(wanted) = self.cluster.version().filter(|v| *v != NO_VERSION) else { return };
        if !self.release().is_3_6() {
            return;
        }
        let stored = storage_version(&self.store);
        if stored.map(Release::cluster_version) == Some(wanted) {
            return;
        }
        if let Some(stored) = stored {
            let msg = "cluster version differs from storage version.";
            let line = self.say(Level::Info, "version/monitor.go:108", msg);
            line.fields.push(("cluster-version", wanted.to_string().into()));
            line.fields.push(("storage-version", stored.to_string().into()));
        }
        match self.migrate_storage(stored, wanted) {
            Err(error) => {
                let msg = "failed to update storage version";
                let line = self.say(Level::Error, "version/monitor.go:112", msg);
                line.fields.push(("cluster-version", wanted.to_string().into()));
                line.fields.push(("error", error.into()));
            }
            Ok(()) => {
                let line =
                    self.say(Level::Info, "schema/migration.go:66", "updated storage version");
                line.fields.push(("new-storage-version", wanted.to_string().into()));
                if let Some(target) = self.downgrade.target() {
                    let release = self.release().to_string();
                    let msg = "The server is ready to downgrade";
                    let line = self.say(Level::Info, "version/monitor.go:117", msg);
                    line.fields.push(("target-version", target.to_string().into()));
                    line.fields.push(("server-version", release.into()));
                }
            }
        }
    }

    /// The layouts of 3.5 and 3.6 differ in the field that says which it is.
    fn migrate_storage(&mut self, stored: Option<Release>, wanted: Release) -> Result<(), String> {
        const V3_5: Release = Release { major: 3, minor: 5, patch: 0 };
        const V3_6: Release = Release { major: 3, minor: 6, patch: 0 };
        if stored.is_none() {
            let error = "cannot detect storage schema version: missing term information";
            return Err(error.to_owned());
        }
        match wanted {
            V3_6 => self.set_storage_version(V3_6),
            V3_5 => self.clear_storage_version(),
            other => {
                return Err(format!(
                    "cannot create migration plan: version \"{other}\" is not supported"
                ));
            }
        }
        Ok(())
    }
}
