//! Asks about snapshots, about objects as the API server sees them, and about what the hosts
//! of a Kubernetes cluster run.

use std::rc::Rc;

use etcd::pb::{KeyValue, RangeRequest};
use kube::value::{self, at, int, text};
use serde_json::Value;
use sim::{HostId, Pid, ProcInfo, Serving};

use super::{Evidence, Moment, fits, flag_value, timed, yes};
use crate::exercise::predicate::{
    ApiServes, ContainersRun, DataDirIs, FileOf, Folder, LeaseHeld, LogsRead, ManifestsAre,
    ObjectIs, PodsRun, Predicate, ProcessIs, Restored, SnapshotIs,
};

/// Where static pods are read from.
const MANIFESTS: &str = "/etc/kubernetes/manifests";
/// Where the API server keeps its objects.
const ROOT: &str = "/registry";
/// A kubelet that was heard so long ago is no more believed.
const NODE_GRACE_US: u64 = 45_000_000;

fn found(name: &'static str, text: impl Into<String>) -> Evidence {
    Evidence::from([(name, text.into())])
}

impl Predicate {
    /// A question about what this file knows.
    pub(super) fn holds_there(&self, now: &Moment<'_>) -> Option<Evidence> {
        match self {
            Predicate::Unchanged(file) => now.unchanged(file),
            Predicate::Snapshot(snapshot) => now.snapshot(snapshot),
            Predicate::Restored(restored) => now.restored(restored),
            Predicate::Object(object) => now.object(object),
            Predicate::NodesReady(names) => now.nodes_ready(names),
            Predicate::Pods(pods) => now.pods(pods),
            Predicate::Containers(containers) => now.containers(containers),
            Predicate::Manifests(manifests) => now.manifests(manifests),
            Predicate::Process(process) => now.process(process),
            Predicate::ApiServes(serves) => now.api_serves(serves),
            Predicate::LeaseHeld(lease) => now.lease_held(lease),
            Predicate::DataDir(dir) => now.data_dir(dir),
            Predicate::PeerUrl(pattern) => now.peer_url(pattern),
            Predicate::LogsRead(read) => now.logs_read(read),
            _ => unreachable!("the others are asked where this is called"),
        }
    }
}

impl Moment<'_> {
    fn program(&self, host: HostId, name: &str) -> Vec<ProcInfo> {
        let is = |proc: &&ProcInfo| {
            proc.argv.first().and_then(|it| it.rsplit('/').next()).is_some_and(|it| it == name)
        };
        self.scene.procs(self.world, host).iter().filter(is).cloned().collect()
    }

    fn host_ids(&self) -> impl Iterator<Item = HostId> {
        (0..self.hosts.len()).filter_map(|no| u8::try_from(no).ok()).map(HostId)
    }

    /// How long a process has run.
    fn has_run(&self, proc: &ProcInfo, seconds: u32) -> bool {
        self.now_us >= proc.start_us + u64::from(seconds) * 1_000_000
    }

    /// The member an API server's flags lead to.
    fn store_of(&self, host: HostId, server: &ProcInfo) -> Option<Serving> {
        let urls = flag_value(&server.argv, "--etcd-servers")?;
        urls.split(',').find_map(|url| self.world.serving(host, url))
    }

    /// The member in which the cluster's API servers keep their objects; none while none runs.
    fn api_store(&self) -> Option<Serving> {
        let search = || {
            self.host_ids().find_map(|host| {
                let servers = self.program(host, "kube-apiserver");
                servers.iter().find_map(|server| self.store_of(host, server))
            })
        };
        self.scene.api_store.get_or_init(search).clone()
    }

    fn pairs(&self, member: Pid, key: String, prefix: bool) -> Vec<KeyValue> {
        let mut range_end = Vec::new();
        if prefix {
            range_end = key.clone().into_bytes();
            // Keys of objects end in text, so there is always a next byte.
            *range_end.last_mut().expect("a prefix is not empty") += 1;
        }
        let request = RangeRequest {
            key: key.into(),
            range_end: range_end.into(),
            ..RangeRequest::default()
        };
        self.world.range_of(member, &request).map(|it| it.kvs).unwrap_or_default()
    }

    /// Objects of a kind whose names fit, with what they are.
    fn objects(&self, kind: &str, namespace: &str, name: &str) -> Option<Vec<(String, Rc<Value>)>> {
        let kind = kube::resources::KINDS.iter().find(|it| it.kind == kind)?;
        let store = self.api_store()?;
        let exact = !name.contains('*');
        let root = kind.etcd_key(ROOT, namespace, "");
        let key = if exact { format!("{root}{name}") } else { root.clone() };
        let pairs = self.pairs(store.pid, key, !exact);
        let named = pairs.iter().filter_map(|pair| {
            let key = std::str::from_utf8(&pair.key).ok()?;
            let found = key.strip_prefix(&root)?;
            fits(name, found).then(|| (found.to_owned(), self.memo.object(store.pid, pair)))
        });
        Some(named.collect())
    }

    pub(super) fn object(&self, wanted: &ObjectIs) -> Option<Evidence> {
        let all = self.objects(&wanted.kind, &wanted.namespace, &wanted.name)?;
        let field = wanted.field.as_deref().unwrap_or("metadata.name");
        let fit = all.iter().find_map(|(_, object)| {
            let shown = match at(object, field) {
                Value::Null => return None,
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            wanted.is.as_ref().is_none_or(|is| fits(is, &shown)).then_some(shown)
        });
        match (fit, wanted.there) {
            (Some(shown), true) => Some(found("value", shown)),
            (None, false) => Some(Evidence::new()),
            _ => None,
        }
    }

    pub(super) fn restored(&self, wanted: &Restored) -> Option<Evidence> {
        let host = self.host(&wanted.host)?;
        // Asked first: it must be read when the exercise begins.
        let snapshot = self.memo.first_snapshot(self.world, host, &wanted.path);
        let then = snapshot?.get(&wanted.key)?;
        let store = self.api_store()?;
        let now = self.pairs(store.pid, wanted.key.clone(), false).into_iter().next()?;
        yes(now.create_revision == then.create_revision)
    }

    pub(super) fn snapshot(&self, wanted: &SnapshotIs) -> Option<Evidence> {
        let host = self.host(&wanted.host)?;
        let file = self.memo.snapshot(self.world, host, &wanted.path)?;
        if let Some(key) = &wanted.has {
            file.get(key)?;
        }
        let old = file.written_us < self.began_us || file.store.revision() < self.first_revision;
        if wanted.since_start && old {
            return None;
        }
        let evidence = found("value", file.store.revision().to_string());
        Some(timed(evidence, file.written_us, file.written_us))
    }

    pub(super) fn unchanged(&self, file: &FileOf) -> Option<Evidence> {
        yes(self.memo.is_unchanged(self.world, self.host(&file.host)?, &file.path))
    }

    pub(super) fn nodes_ready(&self, names: &[String]) -> Option<Evidence> {
        let is_ready = |name: &String| {
            let one = |kind, namespace| {
                let found = self.objects(kind, namespace, name)?;
                found.into_iter().next().map(|it| it.1)
            };
            let (node, lease) = (one("Node", "")?, one("Lease", "kube-node-lease")?);
            let beat_us = value::parse_time(text(&lease, "spec.renewTime"))?;
            let wall_us = self.world.wall_us(HostId(0));
            let fresh = wall_us.saturating_sub(beat_us) < NODE_GRACE_US;
            Some(fresh && value::holds(&node, "Ready"))
        };
        yes(names.iter().all(|name| is_ready(name).unwrap_or_default()))
    }

    pub(super) fn pods(&self, wanted: &PodsRun) -> Option<Evidence> {
        let all = self.objects("Pod", &wanted.namespace, &wanted.name)?;
        let runs =
            |pod: &Value| text(pod, "status.phase") == "Running" && value::holds(pod, "Ready");
        let enough = u32::try_from(all.len()).is_ok_and(|count| count >= wanted.at_least);
        yes(enough && all.iter().all(|(_, pod)| runs(pod)))
    }

    /// The containers of a host that run: the record, and the process where it is known.
    fn containers_of(&self, host: HostId) -> Vec<(Rc<Result<Value, String>>, ProcInfo)> {
        let procs = self.scene.procs(self.world, host);
        let mut all = Vec::new();
        let mut ids: Vec<&String> =
            procs.iter().filter_map(|proc| proc.container.as_ref()).collect();
        ids.dedup();
        for id in ids {
            let path = format!("{}/containers/{id}.json", kube::runtime::RECORDS);
            let Some(record) = self.memo.text(self.world, host, &path, read_json) else { continue };
            let Ok(object) = record.as_ref() else { continue };
            let pid = int(object, "pid").and_then(|pid| u32::try_from(pid).ok());
            if let Some(proc) = procs.iter().find(|proc| Some(proc.pid.0) == pid) {
                all.push((record, proc.clone()));
            }
        }
        all
    }

    pub(super) fn containers(&self, wanted: &ContainersRun) -> Option<Evidence> {
        let all = self.containers_of(self.host(&wanted.host)?);
        let named = all
            .iter()
            .filter(|it| it.0.as_ref().as_ref().is_ok_and(|it| text(it, "name") == wanted.name));
        let mut count = 0;
        for (_, proc) in named {
            count += 1;
            if !self.has_run(proc, wanted.seconds) {
                return None;
            }
        }
        yes(count == wanted.count)
    }

    pub(super) fn manifests(&self, wanted: &ManifestsAre) -> Option<Evidence> {
        let host = self.host(&wanted.host)?;
        let mut names = self.world.read_dir(host, MANIFESTS).unwrap_or_default();
        names.retain(|(name, is_dir)| !name.starts_with('.') && !is_dir);
        let (mut pods, mut broken, mut twice) = (Vec::new(), None, None);
        for (name, _) in names {
            let path = format!("{MANIFESTS}/{name}");
            let pod = self.memo.text(self.world, host, &path, kube::static_pod)?;
            match pod.as_ref() {
                Err(error) => broken = Some((name, error.clone())),
                Ok(pod) => {
                    let key = value::key(pod);
                    let other = pods.iter().find(|(other, _)| *other == key);
                    if let Some((_, first)) = other {
                        twice = Some(format!("{first} and {name}"));
                    }
                    pods.push((key, name));
                }
            }
        }
        let told = |mut evidence: Evidence| {
            evidence.insert("host", wanted.host.clone());
            evidence
        };
        match wanted.are {
            Folder::Good => yes(broken.is_none() && twice.is_none() && !pods.is_empty()),
            Folder::Broken => broken
                .map(|(name, error)| told(Evidence::from([("value", name), ("error", error)]))),
            Folder::Twice => twice.map(|names| told(found("value", names))),
        }
    }

    pub(super) fn process(&self, wanted: &ProcessIs) -> Option<Evidence> {
        let host = self.host(&wanted.host)?;
        let all = self.program(host, &wanted.program);
        all.iter().find_map(|proc| {
            if !self.has_run(proc, wanted.seconds) {
                return None;
            }
            let Some(flag) = &wanted.flag else { return yes(true) };
            let value = flag_value(&proc.argv, flag);
            let holds = match (&wanted.is, &value) {
                (Some(is), Some(value)) => fits(is, value),
                (None, None) => !wanted.reaches,
                (None, Some(_)) => wanted.reaches,
                (Some(_), None) => false,
            };
            let value = value.unwrap_or_default();
            let reached = || value.split(',').all(|url| self.world.serving(host, url).is_some());
            (holds && (!wanted.reaches || reached()))
                .then(|| Evidence::from([("value", value.clone()), ("host", wanted.host.clone())]))
        })
    }

    pub(super) fn api_serves(&self, wanted: &ApiServes) -> Option<Evidence> {
        let host = self.host(&wanted.host)?;
        let all = self.containers_of(host);
        let (_, server) = all.iter().find(|it| {
            it.0.as_ref().as_ref().is_ok_and(|it| text(it, "name") == "kube-apiserver")
                && self.has_run(&it.1, wanted.seconds)
        })?;
        let store = self.store_of(host, server)?;
        self.world.member_of(store.pid)?.leader?;
        // A server that serves says so in etcd every ten seconds, for fifteen.
        let address = flag_value(&server.argv, "--advertise-address")?;
        let lease = self.pairs(store.pid, format!("{ROOT}/masterleases/{address}"), false);
        yes(!lease.is_empty())
    }

    pub(super) fn lease_held(&self, wanted: &LeaseHeld) -> Option<Evidence> {
        let (_, lease) =
            self.objects("Lease", &wanted.namespace, &wanted.name)?.into_iter().next()?;
        let renewed_us = value::parse_time(text(&lease, "spec.renewTime"))?;
        let age_us = self.world.wall_us(HostId(0)).saturating_sub(renewed_us);
        yes(age_us <= u64::from(wanted.seconds) * 1_000_000)
    }

    pub(super) fn data_dir(&self, wanted: &DataDirIs) -> Option<Evidence> {
        let host = self.host(&wanted.host)?;
        self.world.member(host)?;
        let dir = self.world.data_dir(host)?;
        fits(&wanted.is, &dir).then(|| found("value", dir))
    }

    pub(super) fn peer_url(&self, pattern: &str) -> Option<Evidence> {
        let front = self.front()?;
        let mut urls = front.members.iter().flat_map(|member| &member.peer_urls);
        urls.find(|url| fits(pattern, url)).map(|url| found("value", url))
    }

    pub(super) fn logs_read(&self, wanted: &LogsRead) -> Option<Evidence> {
        let fit = |record: &&super::RanRecord| {
            record.logs_of.as_ref().is_some_and(|it| it.0 == wanted.of && it.1 == wanted.old)
        };
        let record = self.history.ran.iter().find(fit)?;
        let evidence = Evidence::from([
            ("command", record.argv.join(" ")),
            ("host", record.host.clone()),
            ("value", record.stdout.lines().next_back().unwrap_or_default().to_owned()),
        ]);
        Some(timed(evidence, record.at_us, record.at_us))
    }

    /// Whose log `crictl logs` showed, and whether there was a newer container of that name.
    pub(crate) fn container_of_logs(&self, host: &str, words: &[String]) -> Option<(String, bool)> {
        if words.first().map(String::as_str) != Some("crictl")
            || !words.iter().any(|word| word == "logs")
        {
            return None;
        }
        let host = self.host(host)?;
        let dir = format!("{}/containers", kube::runtime::RECORDS);
        let names = self.world.read_dir(host, &dir).ok()?;
        let records: Vec<_> = names
            .iter()
            .filter_map(|(name, _)| {
                self.memo.text(self.world, host, &format!("{dir}/{name}"), read_json)
            })
            .collect();
        let records: Vec<&Value> =
            records.iter().filter_map(|record| record.as_ref().as_ref().ok()).collect();
        let asked = records.iter().find(|record| {
            words.iter().skip(1).any(|word| word.len() > 3 && text(record, "id").starts_with(word))
        })?;
        let newer = |record: &&Value| {
            text(record, "name") == text(asked, "name")
                && int(record, "createdAt") > int(asked, "createdAt")
        };
        Some((text(asked, "name").to_owned(), records.iter().any(newer)))
    }
}

fn read_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
