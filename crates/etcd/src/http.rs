//! What a member answers over HTTP at the port of its clients: its health, its version and
//! its metrics. Nothing here is kept for show: every number is read when it is asked for.

use crate::apply::{alarm_name, storage_version};
use crate::envelope::entry_size;
use crate::fact::RequestKey;
use crate::fail::Fail;
use crate::log::Level;
use crate::member::Member;
use crate::pb::{self, AlarmType};
use crate::read::ReadOp;
use crate::rpc::{Answer, HttpAnswer, HttpAsk};

const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// The checks behind `/readyz`, in the order of their registration.
const READY: [&str; 4] =
    ["data_corruption", "serializable_read", "linearizable_read", "non_learner"];
const LINEARIZABLE: &str = "linearizable_read";

/// An answer that waits for a linearizable read.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    /// `/health`.
    Health,
    /// `/readyz` or one of its checks.
    Checks { path: String, checks: Vec<&'static str>, verbose: bool },
}

/// Counters since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) leader_changes: u64,
    pub(crate) proposals_failed: u64,
    pub(crate) puts: u64,
    pub(crate) deletes: u64,
    pub(crate) ranges: u64,
    pub(crate) txns: u64,
    health_success: u64,
    health_failures: u64,
}

fn answer(status: u16, content_type: &'static str, body: impl Into<String>) -> HttpAnswer {
    HttpAnswer { status, content_type, body: body.into() }
}

/// `http.Error`: the text and a line end.
fn failure(status: u16, text: &str) -> HttpAnswer {
    answer(status, PLAIN, format!("{text}\n"))
}

/// The values of a name in a query.
fn query<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(key, _)| *key == name).map(|(_, value)| value)
}

impl Member {
    /// A request over HTTP.
    pub(crate) fn serve_http(&mut self, key: RequestKey, ask: &HttpAsk) {
        let (path, args) = ask.path.split_once('?').unwrap_or((&ask.path, ""));
        let known = matches!(path, "/health" | "/version" | "/metrics");
        let checks = self.checks_of(path, args);
        if !known && checks.is_none() {
            self.http_done(key, failure(404, "404 page not found"));
        } else if ask.method != "GET" && (ask.method != "HEAD" || path != "/metrics") {
            self.http_done(key, failure(405, "Method Not Allowed"));
        } else if let Some(checks) = checks {
            let verbose = query(args, "verbose").next().is_some();
            self.run_checks(key, Waiting::Checks { path: path.to_owned(), checks, verbose });
        } else {
            match path {
                "/health" => self.health(key, args),
                "/version" => {
                    let versions = self.versions();
                    self.http_done(key, answer(200, JSON, versions));
                }
                _ => {
                    let metrics = self.metrics();
                    self.http_done(key, answer(200, METRICS, metrics));
                }
            }
        }
    }

    fn http_done(&mut self, key: RequestKey, answer: HttpAnswer) {
        self.answer(key, Ok(Answer::Http(answer)));
    }

    fn versions(&self) -> String {
        let cluster = self.cluster.version();
        let cluster = cluster.map_or("not_decided".to_owned(), |version| version.to_string());
        let server = self.release();
        if !server.is_3_6() {
            return format!("{{\"etcdserver\":\"{server}\",\"etcdcluster\":\"{cluster}\"}}");
        }
        let storage = storage_version(&self.store);
        let storage = storage.map_or("unknown".to_owned(), |version| version.to_string());
        format!(
            "{{\"etcdserver\":\"{server}\",\"etcdcluster\":\"{cluster}\",\"storage\":\"{storage}\"}}"
        )
    }

    /// `/health`: no alarm, a leader, and a read that the leader confirms.
    fn health(&mut self, key: RequestKey, args: &str) {
        let serializable = query(args, "serializable").next() == Some("true");
        let excluded: Vec<&str> = query(args, "exclude").collect();
        let alarm = self.alarms.iter().map(|(kind, _)| alarm_name(*kind));
        let alarm = alarm.into_iter().find(|name| !excluded.contains(name));
        if let Some(name) = alarm {
            self.unhealthy(key, &format!("ALARM {name}"));
        } else if serializable {
            self.healthy(key);
        } else if self.node.leader().is_none() {
            self.unhealthy(key, "RAFT NO LEADER");
        } else {
            self.wait_for_read(key, Waiting::Health);
        }
    }

    fn healthy(&mut self, key: RequestKey) {
        self.stats.health_success += 1;
        self.http_done(key, answer(200, PLAIN, "{\"health\":\"true\",\"reason\":\"\"}"));
    }

    fn unhealthy(&mut self, key: RequestKey, reason: &str) {
        self.stats.health_failures += 1;
        let reason = serde_json::Value::from(reason);
        let output = format!("{{\"health\":\"false\",\"reason\":{reason}}}");
        let line = self.say(Level::Warn, "etcdhttp/health.go:99", "/health error");
        line.fields.push(("output", output.as_str().into()));
        line.fields.push(("status-code", 503.into()));
        self.http_done(key, failure(503, &output));
    }

    fn wait_for_read(&mut self, key: RequestKey, waiting: Waiting) {
        self.http_waiting.insert(key, waiting);
        let timeout_us = self.config.request_timeout_us();
        self.read(key, ReadOp::Http, String::new(), Some(timeout_us));
    }

    /// The checks a path stands for, without those that are excluded.
    fn checks_of(&self, path: &str, args: &str) -> Option<Vec<&'static str>> {
        let (kind, only) = match path[1..].split_once('/') {
            Some((kind, check)) => (kind, Some(check)),
            None => (path.strip_prefix('/')?, None),
        };
        let all: &[&'static str] = match kind {
            "livez" => &READY[1..2],
            // 3.5 knows nothing of learners here.
            "readyz" if self.release().is_3_6() => &READY,
            "readyz" => &READY[..3],
            _ => return None,
        };
        if let Some(only) = only {
            let check = all.iter().find(|check| **check == only)?;
            return Some(vec![check]);
        }
        let excluded: Vec<&str> = query(args, "exclude").collect();
        Some(all.iter().copied().filter(|check| !excluded.contains(check)).collect())
    }

    fn run_checks(&mut self, key: RequestKey, waiting: Waiting) {
        let Waiting::Checks { checks, .. } = &waiting else { return };
        if checks.contains(&LINEARIZABLE) {
            self.wait_for_read(key, waiting);
        } else {
            self.http_checked(key, &waiting, None);
        }
    }

    /// What the read, if one was needed, came to.
    fn http_checked(&mut self, key: RequestKey, waiting: &Waiting, read: Option<&Fail>) {
        let Waiting::Checks { path, checks, verbose } = waiting else {
            match read {
                None => self.healthy(key),
                Some(fail) => self.unhealthy(key, &format!("RANGE ERROR:{fail}")),
            }
            return;
        };
        let (mut report, mut failed) = (String::new(), false);
        for check in checks {
            let error = match *check {
                "data_corruption" if self.has_alarm(AlarmType::Corrupt) => {
                    Some("alarm activated: CORRUPT".to_owned())
                }
                "non_learner" if self.is_learner() => Some("not supported for learner".to_owned()),
                LINEARIZABLE => read.map(|fail| format!("RANGE ERROR:{fail}")),
                _ => None,
            };
            failed |= error.is_some();
            report.push_str(&match error {
                Some(error) => format!("[-]{check} failed: {error}\n"),
                None => format!("[+]{check} ok\n"),
            });
        }
        if failed {
            let line = self.say(Level::Error, "etcdhttp/health.go:357", "Health check error");
            line.fields.push(("path", path.as_str().into()));
            line.fields.push(("reason", report.as_str().into()));
            line.fields.push(("status-code", 503.into()));
            self.http_done(key, failure(503, &report));
        } else {
            let report = if *verbose { report } else { String::new() };
            self.http_done(key, answer(200, PLAIN, report + "ok\n"));
        }
    }

    /// Whether an answer belongs to somebody who asked over HTTP; it is then given here.
    pub(crate) fn http_answered(&mut self, key: RequestKey, fail: Option<&Fail>) -> bool {
        let Some(waiting) = self.http_waiting.remove(&key) else { return false };
        self.http_checked(key, &waiting, fail);
        true
    }

    /// `/metrics`: what a member can say of itself, in Prometheus' text.
    fn metrics(&self) -> String {
        let mut out = Metrics::default();
        self.server_metrics(&mut out);
        self.store_metrics(&mut out);
        out.text
    }

    fn server_metrics(&self, out: &mut Metrics) {
        let version = self.cluster.version().unwrap_or_default();
        let cluster = format!("cluster_version=\"{}\"", version.minor_text());
        out.gauge("etcd_cluster_version", "Which version is running.", &cluster, 1);
        let flag = u64::from;
        let has_leader = flag(self.node.leader().is_some());
        out.gauge(
            "etcd_server_has_leader",
            "Whether a leader is known: 1 yes, 0 no.",
            "",
            has_leader,
        );
        let id = format!("server_id=\"{}\"", self.id);
        out.gauge("etcd_server_id", "The id of this member in a label.", &id, 1);
        let leads = flag(self.node.is_leader());
        out.gauge("etcd_server_is_leader", "Whether this member leads: 1 yes, 0 no.", "", leads);
        let learns = flag(self.is_learner());
        out.gauge("etcd_server_is_learner", "Whether this member learns: 1 yes, 0 no.", "", learns);
        let stats = &self.stats;
        let changes = stats.leader_changes;
        out.counter("etcd_server_leader_changes_seen_total", "Changes of the leader.", "", changes);
        let applied = self.applied.index;
        out.gauge("etcd_server_proposals_applied_total", "Proposals applied.", "", applied);
        let commit = self.node.commit();
        out.gauge("etcd_server_proposals_committed_total", "Proposals committed.", "", commit);
        let failed = stats.proposals_failed;
        out.counter("etcd_server_proposals_failed_total", "Proposals that failed.", "", failed);
        let pending = self.proposals.pending();
        out.gauge("etcd_server_proposals_pending", "Proposals under way.", "", pending);
        let quota = u64::try_from(self.quota()).unwrap_or(0);
        out.gauge("etcd_server_quota_backend_bytes", "The quota in bytes.", "", quota);
        let healthy = stats.health_success;
        out.counter("etcd_server_health_success", "Checks of health that succeeded.", "", healthy);
        let sick = stats.health_failures;
        out.counter("etcd_server_health_failures", "Checks of health that failed.", "", sick);
        let release = format!("server_version=\"{}\"", self.release());
        out.gauge("etcd_server_version", "The release of this member.", &release, 1);
        let auth = self.auth.revision();
        out.gauge("etcd_debugging_auth_revision", "The revision of the auth store.", "", auth);
    }

    fn store_metrics(&self, out: &mut Metrics) {
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let stats = &self.stats;
        let revision = number(self.store.revision());
        out.gauge("etcd_debugging_mvcc_current_revision", "The newest revision.", "", revision);
        let compacted = number(self.store.compacted());
        out.gauge("etcd_debugging_mvcc_compact_revision", "The compacted one.", "", compacted);
        let all = pb::RangeRequest {
            key: [0].to_vec().into(),
            range_end: [0].to_vec().into(),
            count_only: true,
            ..pb::RangeRequest::default()
        };
        let keys = number(self.store.range(&all).map_or(0, |answer| answer.count));
        out.gauge("etcd_debugging_mvcc_keys_total", "Keys that live.", "", keys);
        let watchers = self.store.watch_count() as u64;
        out.gauge("etcd_debugging_mvcc_watcher_total", "Watchers.", "", watchers);
        let slow = self.store.watch_unsynced() as u64;
        out.gauge("etcd_debugging_mvcc_slow_watcher_total", "Watchers behind.", "", slow);
        let leases = self.store.lease_list().len() as u64;
        out.gauge("etcd_debugging_lease_total", "Leases.", "", leases);
        let size = self.store.size_bytes();
        out.gauge("etcd_mvcc_db_total_size_in_bytes", "Bytes of the file.", "", size);
        let (help, log) = ("Bytes of memory held: the file's pages and the log.", self.node.log());
        let entries = (log.first()..=log.last()).filter_map(|index| log.get(index));
        let entries: u64 = entries.map(entry_size).sum();
        out.gauge("process_resident_memory_bytes", help, "", size + entries);
        let in_use = self.store.in_use_bytes();
        let name = "etcd_mvcc_db_total_size_in_use_in_bytes";
        out.gauge(name, "Bytes of the file that hold something.", "", in_use);
        out.counter("etcd_mvcc_put_total", "Puts.", "", stats.puts);
        out.counter("etcd_mvcc_delete_total", "Deletions.", "", stats.deletes);
        out.counter("etcd_mvcc_range_total", "Ranges read.", "", stats.ranges);
        out.counter("etcd_mvcc_txn_total", "Transactions.", "", stats.txns);
    }
}

/// The text of metrics as it grows.
#[derive(Default)]
struct Metrics {
    text: String,
}

impl Metrics {
    fn gauge(&mut self, name: &str, help: &str, labels: &str, value: u64) {
        self.add(name, help, "gauge", labels, value);
    }

    fn counter(&mut self, name: &str, help: &str, labels: &str, value: u64) {
        self.add(name, help, "counter", labels, value);
    }

    fn add(&mut self, name: &str, help: &str, kind: &str, labels: &str, value: u64) {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let value = go_float(value);
        self.text.push_str(&format!(
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{labels} {value}\n"
        ));
    }
}

/// A whole number as Go prints a float: `20480`, `2.147483648e+09`.
fn go_float(value: u64) -> String {
    if value < 1_000_000 {
        return value.to_string();
    }
    let digits = value.to_string();
    let exponent = digits.len() - 1;
    let (first, rest) = digits.split_at(1);
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}e+{exponent:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_gos_floats() {
        let rows = [
            (0, "0"),
            (20_480, "20480"),
            (999_999, "999999"),
            (1_000_000, "1e+06"),
            (2_147_483_648, "2.147483648e+09"),
        ];
        for (value, text) in rows {
            assert_eq!(go_float(value), text);
        }
    }

    #[test]
    fn queries_are_taken_apart() {
        assert_eq!(query("exclude=NOSPACE&exclude=CORRUPT&x", "exclude").count(), 2);
        assert_eq!(query("verbose", "verbose").next(), Some(""));
        assert_eq!(query("", "verbose").next(), None);
    }
}
