//! From flags and variables to a member's configuration, with etcd's checks in etcd's order.

use etcd::{AutoCompaction, Config, InitialState, Level, Release, TlsFiles};

use super::flags::{Fault, Values};
use super::gates::is_on;
use crate::etcdctl::go::{addr, duration, json, quote::quote};

/// Something to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A line of the log: level, caller, message and fields (JSON, with the leading comma).
    Log(&'static str, &'static str, String, String),
    /// Text for standard error.
    Err(String),
    /// Text for standard output.
    Out(String),
}

/// What the command line comes to.
#[derive(Debug)]
pub(super) struct Start {
    /// The member to run.
    pub(super) config: Config,
    /// What was said on the way.
    pub(super) said: Vec<Said>,
    /// `--log-level` and `--log-outputs` as given.
    pub(super) log_level: String,
    pub(super) log_outputs: String,
}

impl Start {
    /// What was said that is at least as grave.
    pub(super) fn said_from(&self, level: Level) -> Vec<Said> {
        let grave = |said: &&Said| match said {
            Said::Log(of, ..) => log_level(of).is_none_or(|of| of >= level),
            _ => true,
        };
        self.said.iter().filter(grave).cloned().collect()
    }
}

/// etcd does not start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The exit code; 0 for `--help` and `--version`.
    pub(super) exit_code: i32,
    /// In one line.
    pub(super) reason: String,
    pub(super) said: Vec<Said>,
}

/// Lines of etcd's source that log lines name, in 3.6.14 and 3.5.33.
pub(super) fn caller(release: Release, in_3_6: &'static str, in_3_5: &'static str) -> &'static str {
    if release.is_3_6() { in_3_6 } else { in_3_5 }
}

/// A field of a log line.
pub(super) fn field(key: &str, value: &str) -> String {
    format!(",{}:{}", json::zap(key), json::zap(value))
}

/// The longest election timeout.
const ELECTION_MAX_MS: u64 = 50_000;
const CONFLICTING_BOOTSTRAP: &str = "multiple discovery or bootstrap flags are set. Choose one \
    of \"initial-cluster\", \"discovery\", \"discovery-endpoints\" or \"discovery-srv\"";
const UNSET_ADVERTISE: &str =
    "--advertise-client-urls is required when --listen-client-urls is set explicitly";

/// What the command line may look at: `absolute` makes paths absolute, `read` reads a file, its
/// error being Go's.
pub(super) struct Around<'a> {
    pub(super) env: &'a [(String, String)],
    pub(super) absolute: &'a dyn Fn(&str) -> String,
    pub(super) read: &'a dyn Fn(&str) -> Result<String, String>,
}

/// Flags of 3.6 that have another name now, and may not be given beside it.
const RENAMED: [(&str, &str); 16] = [
    ("experimental-compact-hash-check-time", "compact-hash-check-time"),
    ("experimental-corrupt-check-time", "corrupt-check-time"),
    ("experimental-compaction-batch-limit", "compaction-batch-limit"),
    ("experimental-watch-progress-notify-interval", "watch-progress-notify-interval"),
    ("experimental-warning-apply-duration", "warning-apply-duration"),
    ("experimental-bootstrap-defrag-threshold-megabytes", "bootstrap-defrag-threshold-megabytes"),
    ("experimental-memory-mlock", "memory-mlock"),
    ("experimental-snapshot-catchup-entries", "snapshot-catchup-entries"),
    ("experimental-compaction-sleep-interval", "compaction-sleep-interval"),
    ("experimental-downgrade-check-time", "downgrade-check-time"),
    ("experimental-peer-skip-client-san-verification", "peer-skip-client-san-verification"),
    ("experimental-enable-distributed-tracing", "enable-distributed-tracing"),
    ("experimental-distributed-tracing-address", "distributed-tracing-address"),
    ("experimental-distributed-tracing-service-name", "distributed-tracing-service-name"),
    ("experimental-distributed-tracing-instance-id", "distributed-tracing-instance-id"),
    ("experimental-distributed-tracing-sampling-rate", "distributed-tracing-sampling-rate"),
];

/// Reads a command line, its name first, with the environment or the file that it names.
pub(super) fn parse(
    release: Release,
    args: &[String],
    around: &Around<'_>,
) -> Result<Start, Refusal> {
    let mut reading = Reading { release, said: Vec::new(), from_file: false };
    let values = match Values::parse(release, args.get(1..).unwrap_or_default()) {
        Ok(values) => values,
        Err(fault) => return Err(reading.unread(fault, args)),
    };
    if values.bool("version") {
        return Err(reading.version());
    }
    reading.check(values, args, around)
}

struct Reading {
    release: Release,
    said: Vec<Said>,
    from_file: bool,
}

impl Reading {
    fn caller(&self, in_3_6: &'static str, in_3_5: &'static str) -> &'static str {
        caller(self.release, in_3_6, in_3_5)
    }

    fn log(&mut self, level: &'static str, caller: &'static str, msg: &str, fields: String) {
        self.said.push(Said::Log(level, caller, msg.to_owned(), fields));
    }

    fn refuse(&mut self, exit_code: i32, reason: impl Into<String>) -> Refusal {
        Refusal { exit_code, reason: reason.into(), said: std::mem::take(&mut self.said) }
    }

    fn unread(&mut self, fault: Fault, args: &[String]) -> Refusal {
        match fault {
            Fault::Help => {
                self.said.push(Said::Err(super::usage()));
                self.said.push(Said::Out(super::flag_help(self.release)));
                self.refuse(0, "help was asked for")
            }
            Fault::Flag(error) => {
                self.said.push(Said::Err(format!("{error}\n{}", super::usage())));
                self.refuse(2, error)
            }
            Fault::Word(word) => {
                let error = format!("{} is not a valid flag", quote(word.as_bytes()));
                self.running(args);
                self.unverified(error)
            }
        }
    }

    fn version(&mut self) -> Refusal {
        // The releases imitated were built from these commits.
        let sha = if self.release.is_3_6() { "fc04cf702" } else { "9f4b12540" };
        self.said.push(Said::Out(format!(
            "etcd Version: {}\nGit SHA: {sha}\nGo Version: go1.26.10\nGo OS/Arch: linux/amd64\n",
            self.release
        )));
        self.refuse(0, "the version was asked for")
    }

    fn running(&mut self, args: &[String]) {
        let args: Vec<String> = args.iter().map(|arg| json::zap(arg)).collect();
        let caller = self.caller("etcdmain/etcd.go:64", "etcdmain/etcd.go:73");
        self.log("info", caller, "Running: ", format!(",\"args\":[{}]", args.join(",")));
    }

    /// The flags do not make sense together.
    fn unverified(&mut self, error: impl Into<String>) -> Refusal {
        let error = error.into();
        let caller = self.caller("etcdmain/etcd.go:66", "etcdmain/etcd.go:75");
        self.log("warn", caller, "failed to verify flags", field("error", &error));
        if error == UNSET_ADVERTISE {
            let caller = self.caller("etcdmain/etcd.go:69", "etcdmain/etcd.go:78");
            self.log("warn", caller, "advertise client URLs are not set", field("error", &error));
        }
        self.refuse(1, error)
    }

    /// The flags make sense and the member still cannot start.
    fn fatal(&mut self, error: impl Into<String>) -> Refusal {
        let error = error.into();
        if !self.release.is_3_6() {
            let fields = field("error", &error);
            self.log("warn", "etcdmain/etcd.go:146", "failed to start etcd", fields);
        }
        let caller = self.caller("etcdmain/etcd.go:183", "etcdmain/etcd.go:204");
        let fields = format!("{},\"stacktrace\":\"…\"", field("error", &error));
        self.log("fatal", caller, "discovery failed", fields);
        self.refuse(1, error)
    }

    fn check(
        mut self,
        mut values: Values,
        args: &[String],
        around: &Around<'_>,
    ) -> Result<Start, Refusal> {
        let absolute = around.absolute;
        let in_env = |(key, _): &&(String, String)| key == "ETCD_CONFIG_FILE";
        let file = match (values.text("config-file"), around.env.iter().find(in_env)) {
            ("", Some((_, path))) => path.clone(),
            (path, _) => path.to_owned(),
        };
        self.from_file = !file.is_empty();
        let mut verdict = if self.from_file {
            // A file is all there is: other flags, and variables, do not count.
            values.forget();
            (around.read)(&file).and_then(|text| super::file::read(&text, &mut values)).err()
        } else {
            self.environment(&mut values, around.env)?
        };
        if verdict.is_none() {
            let fine = super::gates::conflict(self.release, &values);
            verdict = fine.and_then(|()| self.validate(&values)).err();
        }
        if self.from_file && verdict.is_none() {
            let caller = self.caller("etcdmain/config.go:175", "etcdmain/config.go:368");
            let msg = "loaded server configuration, other configuration command line flags and \
                       environment variables will be ignored if provided";
            self.log("info", caller, msg, field("path", &file));
        }
        self.deprecated(&values);
        self.running(args);
        if let Some(error) = verdict {
            return Err(self.unverified(error));
        }
        if let Some(what) = beyond_the_lab(&values) {
            let text = format!("{what} is not part of this lab yet");
            self.said.push(Said::Err(format!("etcd: {text}\n")));
            return Err(self.refuse(1, text));
        }
        let name = values.text("name").to_owned();
        let advertised = values.urls("initial-advertise-peer-urls");
        let cluster = if values.is_set("initial-cluster") || name == "default" {
            values.text("initial-cluster").to_owned()
        } else {
            let own: Vec<String> = advertised.iter().map(|url| format!("{name}={url}")).collect();
            own.join(",")
        };
        let mut data_dir = values.text("data-dir").to_owned();
        if data_dir.is_empty() {
            data_dir = format!("{name}.etcd");
            let caller = self.caller("etcdmain/etcd.go:96", "etcdmain/etcd.go:105");
            let fields = field("data-dir", &data_dir);
            self.log("warn", caller, "'data-dir' was empty; using default", fields);
        }
        let initial_cluster = initial_cluster(&cluster)
            .map_err(|error| self.fatal(format!("error setting up initial cluster: {error}")))?;
        self.retention(&values)?;
        self.auth(&values)?;
        let config = self.config(&values, initial_cluster, absolute(&data_dir), absolute);
        let text = |name: &str| values.text(name).to_owned();
        let (log_level, log_outputs) = (text("log-level"), text("log-outputs"));
        Ok(Start { config, said: self.said, log_level, log_outputs })
    }

    /// The options of tokens and passwords, which etcd looks at when it builds the server.
    fn auth(&mut self, values: &Values) -> Result<(), Refusal> {
        let token = values.text("auth-token");
        match token.split(',').next().unwrap_or_default() {
            "simple" | "" => {}
            "jwt" => {
                let text = "--auth-token=jwt is not part of this lab: its members give out \
                            simple tokens only";
                self.said.push(Said::Err(format!("etcd: {text}\n")));
                return Err(self.refuse(1, text));
            }
            kind => {
                let error = "auth: invalid auth options";
                let fields = field("type", kind) + &field("error", error);
                self.log("warn", "auth/store.go:1149", "unknown token type", fields);
                let fields = field("error", error);
                let msg = "failed to create token provider";
                self.log("warn", "etcdserver/server.go:372", msg, fields);
                return Err(self.fatal(error));
            }
        }
        let cost = values.uint("bcrypt-cost").unwrap_or_default();
        if !(4..=31).contains(&cost) {
            let msg = "use default bcrypt cost instead of the invalid given cost";
            let fields = format!(
                ",\"min-cost\":4,\"max-cost\":31,\"default-cost\":10,\"given-cost\":{cost}"
            );
            let caller = self.caller("auth/store.go:950", "auth/store.go:1037");
            self.log("warn", caller, msg, fields);
        }
        Ok(())
    }

    /// A warning for each flag that is on its way out.
    fn deprecated(&mut self, values: &Values) {
        for name in values.given() {
            let Some(text) = deprecation(self.release, name) else { continue };
            let caller = self.caller("etcdmain/config.go:272", "etcdmain/config.go:390");
            self.log("warn", caller, &text, String::new());
        }
    }

    /// `flags.SetFlagsFromEnv`. A variable that cannot be read is an error of the whole; one
    /// that a flag shadows ends the program at once.
    fn environment(
        &mut self,
        values: &mut Values,
        env: &[(String, String)],
    ) -> Result<Option<String>, Refusal> {
        let given: Vec<&'static str> =
            values.names().into_iter().filter(|name| values.is_set(name)).collect();
        let (mut used, mut error) = (Vec::new(), None);
        for name in values.names() {
            let variable = variable_of(name);
            let found = env.iter().find(|(key, value)| *key == variable && !value.is_empty());
            let Some((_, value)) = found.filter(|_| !given.contains(&name)) else { continue };
            used.push(variable.clone());
            let kind = values.find(name).map(|(_, kind)| kind).expect("it is a known name");
            if let Err(why) = values.set(name, kind, value) {
                let value = quote(value.as_bytes());
                error = Some(format!("invalid value {value} for {variable}: {why}"));
                continue;
            }
            let caller = self.caller("flags/flag.go:114", "flags/flag.go:113");
            let fields = field("variable-name", &variable) + &field("variable-value", value);
            self.log("info", caller, "recognized and used environment variable", fields);
        }
        for (key, value) in env.iter().filter(|(key, _)| !used.contains(key)) {
            if given.iter().any(|name| variable_of(name) == *key) {
                let msg = "conflicting environment variable is shadowed by corresponding \
                           command-line flag (either unset environment variable or disable \
                           flag))";
                let caller = self.caller("flags/flag.go:86", "flags/flag.go:85");
                let fields = field("environment-variable", key) + ",\"stacktrace\":\"…\"";
                self.log("fatal", caller, msg, fields);
                return Err(self.refuse(1, format!("{key} is set beside its flag")));
            }
            if key.starts_with("ETCD_") {
                let caller = self.caller("flags/flag.go:94", "flags/flag.go:93");
                let fields = field("environment-variable", &format!("{key}={value}"));
                self.log("warn", caller, "unrecognized environment variable", fields);
            }
        }
        Ok(error)
    }

    /// `embed.Config.Validate`.
    fn validate(&mut self, values: &Values) -> Result<(), String> {
        let both = |(old, new): &&(&str, &str)| values.is_set(old) && values.is_set(new);
        if let Some((old, new)) = RENAMED.iter().find(both).filter(|_| self.release.is_3_6()) {
            return Err(format!(
                "cannot set --{old} and --{new} at the same time, please use --{new} only"
            ));
        }
        if values.text("logger") == "capnslog" {
            return Err("--logger=capnslog is removed in v3.5".to_owned());
        }
        if values.text("logger") != "zap" {
            return Err(format!(
                "unknown logger option {}",
                quote(values.text("logger").as_bytes())
            ));
        }
        bindable(&values.urls("listen-peer-urls"))?;
        bindable(&values.urls("listen-client-urls"))?;
        if values.urls("listen-client-http-urls").is_empty() {
            let caller = self.caller("embed/config.go:1207", "embed/config.go:689");
            let msg = "Running http and grpc server on single port. This is not recommended \
                       for production.";
            self.log("warn", caller, msg, String::new());
        }
        bindable(&values.urls("listen-metrics-urls"))?;
        for name in ["initial-advertise-peer-urls", "advertise-client-urls"] {
            let urls = values.urls(name);
            reachable(&urls).map_err(|error| {
                let urls = quote(urls.join(",").as_bytes());
                format!("--{name} {urls} must be \"host:port\" ({error})")
            })?;
        }
        let discovery = ["discovery", "discovery-srv", "discovery-endpoints"];
        let ways = discovery.iter().filter(|name| !values.text(name).is_empty()).count();
        if ways + usize::from(ways == 0 || values.is_set("initial-cluster")) > 1 {
            return Err(CONFLICTING_BOOTSTRAP.to_owned());
        }
        timing(values)?;
        let listens = values.is_set("listen-client-urls") && !self.from_file;
        if listens && !values.is_set("advertise-client-urls") {
            return Err(UNSET_ADVERTISE.to_owned());
        }
        match values.text("auto-compaction-mode") {
            "periodic" | "revision" => {}
            "" => return Err("undefined auto-compaction-mode".to_owned()),
            mode => {
                return Err(format!("unknown auto-compaction-mode {}", quote(mode.as_bytes())));
            }
        }
        self.checks(values)?;
        if self.release.is_3_6() && values.text("name") == "default" {
            let msg = "it isn't recommended to use default name, please set a value for \
                       --name. Note that etcd might run into issue when multiple members have \
                       the same default name";
            self.log("warn", "embed/config.go:1318", msg, field("name", "default"));
        }
        Ok(())
    }

    /// What etcd says of checkpoints and of the intervals of its checks.
    fn checks(&mut self, values: &Values) -> Result<(), String> {
        let checkpoint = is_on(values, "LeaseCheckpoint");
        let persist = is_on(values, "LeaseCheckpointPersist");
        let (feature, beside) = if self.release.is_3_6() {
            ("enabling feature gate LeaseCheckpointPersist", "feature gate LeaseCheckpoint")
        } else {
            (
                "setting experimental-enable-lease-checkpoint-persist",
                "experimental-enable-lease-checkpoint",
            )
        };
        if checkpoint && !persist {
            let (caller, msg) = if self.release.is_3_6() {
                let msg = "Detected that checkpointing is enabled without persistence. Consider \
                           enabling feature gate LeaseCheckpointPersist";
                ("embed/config.go:1296", msg)
            } else {
                let msg = "Detected that checkpointing is enabled without persistence. Consider \
                           enabling experimental-enable-lease-checkpoint-persist";
                ("embed/config.go:775", msg)
            };
            self.log("warn", caller, msg, String::new());
        }
        if persist && !checkpoint {
            return Err(format!("{feature} requires enabling {beside}"));
        }
        for name in ["experimental-compact-hash-check-time", "compact-hash-check-time"] {
            let known = values.find(name).is_some();
            if known && values.duration_us(name).is_none_or(|us| us == 0) {
                return Err(format!("--{name} must be >0 (set to {})", values.text(name)));
            }
        }
        Ok(())
    }

    /// `parseCompactionRetention`.
    fn retention(&mut self, values: &Values) -> Result<(), Refusal> {
        let text = values.text("auto-compaction-retention");
        if text.parse::<u64>().is_ok() {
            return Ok(());
        }
        let error = match duration::parse(text) {
            Ok(_) if values.text("auto-compaction-mode") == "periodic" => return Ok(()),
            Ok(_) => format!("strconv.Atoi: parsing {}: invalid syntax", quote(text.as_bytes())),
            Err(error) => error,
        };
        Err(self.fatal(format!("error parsing CompactionRetention: {error}")))
    }

    fn config(
        &self,
        values: &Values,
        initial_cluster: Vec<(String, Vec<String>)>,
        data_dir: String,
        absolute: &dyn Fn(&str) -> String,
    ) -> Config {
        let defaults = Config::new(values.text("name"), self.release);
        // A flag's old name counts where the new one was not given.
        let renamed = |name: &'static str, old: &'static str| {
            if self.release.is_3_6() && (values.is_set(name) || !values.is_set(old)) {
                name
            } else {
                old
            }
        };
        let catchup = renamed("snapshot-catchup-entries", "experimental-snapshot-catchup-entries");
        let corrupt = renamed("corrupt-check-time", "experimental-corrupt-check-time");
        let compaction = renamed("compact-hash-check-time", "experimental-compact-hash-check-time");
        let downgrade = renamed("downgrade-check-time", "experimental-downgrade-check-time");
        let duration = |name, default| values.duration_us(name).unwrap_or(default);
        let notify = renamed(
            "watch-progress-notify-interval",
            "experimental-watch-progress-notify-interval",
        );
        let wal_dir = values.text("wal-dir");
        let existing = values.text("initial-cluster-state") == "existing";
        let uint = |name, default| values.uint(name).unwrap_or(default);
        Config {
            data_dir,
            wal_dir: (!wal_dir.is_empty()).then(|| absolute(wal_dir)),
            listen_peer_urls: values.urls("listen-peer-urls"),
            listen_client_urls: values.urls("listen-client-urls"),
            initial_advertise_peer_urls: values.urls("initial-advertise-peer-urls"),
            advertise_client_urls: values.urls("advertise-client-urls"),
            initial_cluster,
            initial_cluster_state: if existing {
                InitialState::Existing
            } else {
                InitialState::New
            },
            initial_cluster_token: values.text("initial-cluster-token").to_owned(),
            heartbeat_ms: uint("heartbeat-interval", defaults.heartbeat_ms),
            election_ms: uint("election-timeout", defaults.election_ms),
            initial_election_tick_advance: values.bool("initial-election-tick-advance"),
            pre_vote: values.bool("pre-vote"),
            snapshot_count: uint("snapshot-count", defaults.snapshot_count),
            snapshot_catchup: uint(catchup, defaults.snapshot_catchup),
            quota_bytes: values.int("quota-backend-bytes"),
            max_txn_ops: uint("max-txn-ops", defaults.max_txn_ops),
            max_request_bytes: uint("max-request-bytes", defaults.max_request_bytes),
            max_learners: uint("max-learners", defaults.max_learners),
            strict_reconfig_check: values.bool("strict-reconfig-check"),
            auto_compaction: auto_compaction(values),
            auth_token_ttl_s: uint("auth-token-ttl", defaults.auth_token_ttl_s),
            bcrypt_cost: uint("bcrypt-cost", defaults.bcrypt_cost),
            initial_corrupt_check: is_on(values, "InitialCorruptCheck"),
            compact_hash_check: is_on(values, "CompactHashCheck"),
            lease_checkpoint: is_on(values, "LeaseCheckpoint"),
            corrupt_check_us: duration(corrupt, defaults.corrupt_check_us),
            compact_hash_check_us: duration(compaction, defaults.compact_hash_check_us),
            downgrade_check_us: duration(downgrade, defaults.downgrade_check_us),
            listen_metrics_urls: values.urls("listen-metrics-urls"),
            log_level: log_level(values.text("log-level")).unwrap_or(defaults.log_level),
            watch_progress_notify_us: values
                .duration_us(notify)
                .unwrap_or(defaults.watch_progress_notify_us),
            force_new_cluster: values.bool("force-new-cluster"),
            client_cert_auth: values.bool("client-cert-auth"),
            client_tls: client_tls(values),
            peer_tls: peer_tls(values),
            ..defaults
        }
    }
}

/// zap's levels by name.
pub(super) fn log_level(name: &str) -> Option<Level> {
    Some(match name {
        "debug" | "DEBUG" => Level::Debug,
        "info" | "INFO" | "" => Level::Info,
        "warn" | "WARN" => Level::Warn,
        "error" | "ERROR" => Level::Error,
        "panic" | "PANIC" | "dpanic" | "DPANIC" => Level::Panic,
        "fatal" | "FATAL" => Level::Fatal,
        _ => return None,
    })
}

/// What etcd says when a flag that will go is given.
fn deprecation(release: Release, name: &str) -> Option<String> {
    if !release.is_3_6() {
        let old = name == "enable-v2" || name == "experimental-enable-v2v3";
        let old = old || name == "proxy" || name.starts_with("proxy-");
        return old.then(|| format!("--{name} is deprecated"));
    }
    let gate = match name {
        "max-snapshots" => {
            let text = "--max-snapshots is deprecated in 3.6 and will be decommissioned in 3.8.";
            return Some(text.to_owned());
        }
        "v2-deprecation" => {
            let text = "--v2-deprecation is deprecated and scheduled for removal in v3.8. The \
                        default value is enforced, ignoring user input.";
            return Some(text.to_owned());
        }
        "experimental-compact-hash-check-enabled" => "CompactHashCheck",
        "experimental-txn-mode-write-with-shared-buffer" => "TxnModeWriteWithSharedBuffer",
        name => {
            let (_, new) = RENAMED.iter().find(|(old, _)| *old == name)?;
            return Some(renaming(name, new));
        }
    };
    let (this, next) = if gate == "CompactHashCheck" { ("3.6", "3.7") } else { ("v3.6", "v3.7") };
    Some(format!(
        "--{name} is deprecated in {this} and will be decommissioned in {next}. Use \
         '--feature-gates={gate}=true' instead."
    ))
}

/// The sentences differ in their `v`s and quotes, as they do in etcd.
fn renaming(old: &str, new: &str) -> String {
    let tracing = old.contains("distributed-tracing");
    let v = if tracing || old == "experimental-compact-hash-check-time" { "" } else { "v" };
    let new = match old {
        "experimental-compaction-sleep-interval" => format!("'{new}'"),
        _ if tracing => format!("--{new}"),
        _ => format!("'--{new}'"),
    };
    format!(
        "--{old} is deprecated in {v}3.6 and will be decommissioned in {v}3.7. Use {new} instead."
    )
}

/// `parseCompactionRetention`, of what was found readable: whole hours, a duration, revisions.
fn auto_compaction(values: &Values) -> AutoCompaction {
    let text = values.text("auto-compaction-retention");
    let periodic = values.text("auto-compaction-mode") != "revision";
    match (text.parse::<u64>(), duration::parse(text)) {
        (Ok(0), _) | (Err(_), Ok(0) | Err(_)) => AutoCompaction::Off,
        (Ok(hours), _) if periodic => {
            AutoCompaction::Periodic { period_us: hours.saturating_mul(3_600_000_000) }
        }
        (Ok(revisions), _) => {
            AutoCompaction::Revision { retention: i64::try_from(revisions).unwrap_or(i64::MAX) }
        }
        (_, Ok(ns)) if periodic => {
            AutoCompaction::Periodic { period_us: u64::try_from(ns / 1000).unwrap_or(0) }
        }
        // Go's duration is a number of nanoseconds, and that many revisions are kept.
        (_, Ok(retention)) => AutoCompaction::Revision { retention },
    }
}

/// What etcd would do and the lab does not: better said than ignored.
fn beyond_the_lab(values: &Values) -> Option<String> {
    let given = ["discovery", "discovery-srv", "discovery-endpoints"];
    if let Some(name) = given.into_iter().find(|name| !values.text(name).is_empty()) {
        return Some(format!("--{name}"));
    }
    let listening = ["listen-peer-urls", "listen-client-urls"];
    let mut urls = listening.iter().flat_map(|name| values.urls(name));
    let served = |url: &String| {
        url.starts_with("http://") || (cfg!(feature = "k8s") && url.starts_with("https://"))
    };
    let url = urls.find(|url| !served(url))?;
    Some(format!("listening on {url}"))
}

/// A list separated by commas.
fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// The flags about certificates at the ports for clients.
fn client_tls(values: &Values) -> TlsFiles {
    let text = |name: &str| values.text(name).to_owned();
    TlsFiles {
        cert_file: text("cert-file"),
        key_file: text("key-file"),
        client_cert_file: text("client-cert-file"),
        client_key_file: text("client-key-file"),
        trusted_ca_file: text("trusted-ca-file"),
        client_cert_auth: values.bool("client-cert-auth"),
        auto: values.bool("auto-tls"),
        allowed_cns: Vec::new(),
        allowed_hostnames: list(values.text("client-cert-allowed-hostname")),
        skip_client_san: false,
        self_signed_years: values.uint("self-signed-cert-validity").unwrap_or(1),
    }
}

/// Those for peers.
fn peer_tls(values: &Values) -> TlsFiles {
    let text = |name: &str| values.text(name).to_owned();
    TlsFiles {
        cert_file: text("peer-cert-file"),
        key_file: text("peer-key-file"),
        client_cert_file: text("peer-client-cert-file"),
        client_key_file: text("peer-client-key-file"),
        trusted_ca_file: text("peer-trusted-ca-file"),
        client_cert_auth: values.bool("peer-client-cert-auth"),
        auto: values.bool("peer-auto-tls"),
        allowed_cns: list(values.text("peer-cert-allowed-cn")),
        allowed_hostnames: list(values.text("peer-cert-allowed-hostname")),
        skip_client_san: values.bool("peer-skip-client-san-verification")
            || values.bool("experimental-peer-skip-client-san-verification"),
        self_signed_years: values.uint("self-signed-cert-validity").unwrap_or(1),
    }
}

fn timing(values: &Values) -> Result<(), String> {
    let heartbeat = values.uint("heartbeat-interval").unwrap_or_default();
    let election = values.uint("election-timeout").unwrap_or_default();
    for (name, value) in [("heartbeat-interval", heartbeat), ("election-timeout", election)] {
        if value == 0 {
            return Err(format!("--{name} must be >0 (set to {value}ms)"));
        }
    }
    if heartbeat.saturating_mul(5) > election {
        return Err(format!(
            "--election-timeout[{election}ms] should be at least as 5 times as \
             --heartbeat-interval[{heartbeat}ms]"
        ));
    }
    if election > ELECTION_MAX_MS {
        return Err(format!(
            "--election-timeout[{election}ms] is too long, and should be set less than \
             {ELECTION_MAX_MS}ms"
        ));
    }
    Ok(())
}

/// `checkBindURLs`: addresses, no names but localhost.
fn bindable(urls: &[String]) -> Result<(), String> {
    for url in urls {
        let parsed = addr::parse_url(url)?;
        if parsed.scheme.starts_with("unix") {
            continue;
        }
        let (host, _) = addr::split_host_port(&parsed.host)?;
        if host != "localhost" && host.parse::<std::net::IpAddr>().is_err() {
            return Err(format!("expected IP in URL for binding ({url})"));
        }
    }
    Ok(())
}

/// `checkHostURLs`.
fn reachable(urls: &[String]) -> Result<(), String> {
    for url in urls {
        let parsed = addr::parse_url(url)?;
        let (host, _) = addr::split_host_port(&parsed.host)?;
        if host.is_empty() {
            return Err(format!("unexpected empty host ({url})"));
        }
    }
    Ok(())
}

/// `types.NewURLsMap`: names with their URLs, sorted by name.
fn initial_cluster(text: &str) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut members: Vec<(String, Vec<String>)> = Vec::new();
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let (name, url) = item.split_once('=').unwrap_or((item, ""));
        match members.iter_mut().find(|(known, _)| known == name) {
            Some((_, urls)) => urls.push(url.to_owned()),
            None => members.push((name.to_owned(), vec![url.to_owned()])),
        }
    }
    flat::sort(&mut members);
    members.into_iter().map(|(name, urls)| Ok((name, addr::parse_urls(&urls)?))).collect()
}

fn variable_of(flag: &str) -> String {
    format!("ETCD_{}", flag.to_uppercase().replace('-', "_"))
}
