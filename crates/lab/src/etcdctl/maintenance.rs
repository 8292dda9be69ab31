//! `compaction`, `alarm`, `defrag`, `move-leader` and `snapshot save`.

use std::rc::Rc;

use etcd::pb;
use etcd::rpc::{Answer, Op};
use sim::{OpenFlags, Sys};

use super::Ctl;
use super::client::{Client, Failure, Stream};
use super::endpoint::{endpoints, over_all, single};
use super::exit::{BAD_ARGS, ERROR, Exit, INTERRUPTED};
use super::go::{duration, json, number};
use super::printer::{Format, Shown};
use super::settings::go_errno;
use crate::etcdutl;

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

pub(super) async fn compaction(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [revision] = ctl.args.as_slice() else {
        return Err(Exit::new(BAD_ARGS, "compaction command needs 1 argument"));
    };
    let revision = number::parse_int(revision, 10).map_err(failed)?;
    let (client, settings) = ctl.client().await?;
    let physical = ctl.flags.bool("physical");
    let op = Op::Compact(pb::CompactionRequest { revision, physical });
    client.call(&op, settings.deadline_us(&ctl.sys)).await.map_err(failed)?;
    ctl.out(format!("compacted revision {revision}\n")).await;
    Ok(())
}

async fn alarm_call(
    client: &Client,
    request: pb::AlarmRequest,
    deadline_us: Option<u64>,
) -> Result<pb::AlarmResponse, Exit> {
    match client.call(&Op::Alarm(request), deadline_us).await.map_err(failed)? {
        Answer::Alarm(answer) => Ok(answer),
        _ => unreachable!("an alarm request is answered as one"),
    }
}

pub(super) async fn alarm_list(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if !ctl.args.is_empty() {
        return Err(Exit::new(BAD_ARGS, "alarm list command accepts no arguments"));
    }
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    let answer = alarm_call(&client, pb::AlarmRequest::default(), deadline_us).await?;
    ctl.show(&settings.printer, &Shown::Alarm(answer)).await
}

pub(super) async fn alarm_disarm(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if !ctl.args.is_empty() {
        return Err(Exit::new(BAD_ARGS, "alarm disarm command accepts no arguments"));
    }
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    // "All" is done by the library: it lists them and disarms one after the other.
    let list = alarm_call(&client, pb::AlarmRequest::default(), deadline_us).await?;
    let mut disarmed = pb::AlarmResponse::default();
    for alarm in list.alarms {
        let action = pb::AlarmAction::Deactivate.into();
        let request = pb::AlarmRequest { action, member_id: alarm.member_id, alarm: alarm.alarm };
        disarmed.alarms.extend(alarm_call(&client, request, deadline_us).await?.alarms);
    }
    if settings.printer.format == Format::Fields {
        // The answer has no header, and etcdctl reads it all the same.
        return Err(Exit::panic(
            "runtime error: invalid memory address or nil pointer dereference",
        ));
    }
    ctl.show(&settings.printer, &Shown::Alarm(disarmed)).await
}

pub(super) async fn defrag(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let dir = ctl.flags.text("data-dir");
    if !dir.is_empty() {
        return defrag_dir(&ctl, dir).await;
    }
    let settings = ctl.settings().await?;
    let all = over_all(&ctl, &settings).await?;
    let six = ctl.release.is_3_6();
    let mut failures = false;
    for endpoint in endpoints(&ctl, &settings).await? {
        let client = single(&ctl, &settings, all.as_ref(), &endpoint).await?;
        let start_us = ctl.sys.mono_us();
        let done = client.call(&Op::Defragment, settings.deadline_us(&ctl.sys)).await;
        let took = took(&ctl.sys, start_us);
        let took = if six { format!(". took {took}") } else { String::new() };
        match done {
            Ok(_) => {
                let text = format!("Finished defragmenting etcd member[{endpoint}]{took}\n");
                ctl.out(text).await;
            }
            Err(error) => {
                failures = true;
                let dot = if six { "." } else { "" };
                let text = format!("Failed to defragment etcd member[{endpoint}]{took}{dot}");
                ctl.err(&format!("{text} ({error})\n")).await;
            }
        }
    }
    if failures { Err(Exit::silent(ERROR)) } else { Ok(()) }
}

/// Until 3.5 the directory of a stopped member could be given.
async fn defrag_dir(ctl: &Ctl, dir: &str) -> Result<(), Exit> {
    let text = "Use `etcdutl defrag` instead. The --data-dir is going to be decomissioned in \
                v3.6.\n\n";
    ctl.err(text).await;
    etcdutl::defrag_data(ctl, dir).await
}

/// 3.5's `snapshot status`, which is etcdutl's.
pub(super) async fn snapshot_status(ctl: Rc<Ctl>) -> Result<(), Exit> {
    ctl.err("Deprecated: Use `etcdutl snapshot status` instead.\n\n").await;
    etcdutl::snapshot_status(ctl).await
}

/// 3.5's `snapshot restore`, which is etcdutl's.
pub(super) async fn snapshot_restore(ctl: Rc<Ctl>) -> Result<(), Exit> {
    ctl.err("Deprecated: Use `etcdutl snapshot restore` instead.\n\n").await;
    etcdutl::snapshot_restore(ctl).await
}

pub(super) async fn move_leader(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [target] = ctl.args.as_slice() else {
        return Err(Exit::new(BAD_ARGS, "move-leader command needs 1 argument"));
    };
    let target_id = number::parse_uint(target, 16).map_err(|error| Exit::new(BAD_ARGS, error))?;
    let settings = ctl.settings().await?;
    // Without endpoints there is no client to ask for them.
    ctl.connect(&settings.spec).await?;
    let deadline_us = settings.deadline_us(&ctl.sys);
    for endpoint in &settings.spec.endpoints {
        let client = single(&ctl, &settings, None, endpoint).await?;
        let status = client.call(&Op::Status, deadline_us).await.map_err(failed)?;
        let Answer::Status(status) = status else {
            unreachable!("a status is answered as one");
        };
        let member = status.header.as_ref().map_or(0, |header| header.member_id);
        if member != status.leader {
            continue;
        }
        let op = Op::MoveLeader(pb::MoveLeaderRequest { target_id });
        let Answer::Header(answer) = client.call(&op, deadline_us).await.map_err(failed)? else {
            unreachable!("a move is answered with a header");
        };
        return ctl.show(&settings.printer, &Shown::MoveLeader(member, target_id, answer)).await;
    }
    let list = settings.spec.endpoints.join(" ");
    Err(Exit::new(BAD_ARGS, format!("no leader endpoint given at [{list}]")))
}

fn took(sys: &Sys, since_us: u64) -> String {
    duration::measured(sys.mono_us() - since_us, u64::from(sys.pid().0))
}

/// The places in the client's source that its log lines name.
struct Callers {
    created: &'static str,
    opened: &'static str,
    fetching: &'static str,
    read: &'static str,
    fetched: &'static str,
    saved: &'static str,
}

const CALLERS: [Callers; 2] = [
    Callers {
        created: "snapshot/v3_snapshot.go:83",
        opened: "maintenance.go:236",
        fetching: "snapshot/v3_snapshot.go:96",
        read: "maintenance.go:302",
        fetched: "snapshot/v3_snapshot.go:111",
        saved: "snapshot/v3_snapshot.go:121",
    },
    Callers {
        created: "snapshot/v3_snapshot.go:65",
        opened: "maintenance.go:212",
        fetching: "snapshot/v3_snapshot.go:73",
        read: "maintenance.go:220",
        fetched: "snapshot/v3_snapshot.go:88",
        saved: "snapshot/v3_snapshot.go:97",
    },
];

pub(super) async fn snapshot_save(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [path] = ctl.args.as_slice() else {
        let name = if ctl.release.is_3_6() { " <filename>" } else { "" };
        let text = format!("snapshot save expects one argument{name}");
        return Err(Exit::new(BAD_ARGS, text));
    };
    let settings = ctl.settings().await?;
    let given = settings.flags.changed("command-timeout");
    let deadline_us = settings.deadline_us(&ctl.sys).filter(|_| given);
    let interrupted = |error: String| Exit::new(INTERRUPTED, error);
    if settings.spec.endpoints.len() != 1 {
        let list = settings.spec.endpoints.join(" ");
        let text =
            format!("snapshot must be requested to one selected node, not multiple [{list}]");
        return Err(interrupted(text));
    }
    let endpoint = settings.spec.endpoints[0].clone();
    let client = Client::new(&ctl.sys, ctl.release, "client", &settings.spec);
    ctl.log_in(&client).await.map_err(|error| interrupted(error.to_string()))?;
    let callers = &CALLERS[usize::from(!ctl.release.is_3_6())];
    let part = format!("{path}.part");
    let flags = OpenFlags { mode: 0o600, ..OpenFlags::WRITE };
    let file = ctl.sys.open(&part, flags).map_err(|errno| {
        let errno = go_errno(&errno.to_string());
        interrupted(format!("could not open {part} (open {part}: {errno})"))
    })?;
    let fields = format!(",\"path\":{}", json::zap(&part));
    ctl.log("info", "", callers.created, "created temporary db file", &fields).await;
    let save = Save { ctl: &ctl, client: &client, endpoint: &endpoint, callers, deadline_us };
    let version = match save.download(file).await {
        Ok(version) => version,
        Err(error) => {
            let _ = ctl.sys.remove_file(&part);
            return Err(interrupted(error));
        }
    };
    let _ = ctl.sys.close(file);
    ctl.sys.rename(&part, path).map_err(|errno| {
        let errno = go_errno(&errno.to_string());
        interrupted(format!("could not rename {part} to {path} (rename {part} {path}: {errno})"))
    })?;
    ctl.log("info", "", callers.saved, "saved", &format!(",\"path\":{}", json::zap(path))).await;
    ctl.out(format!("Snapshot saved at {path}\n")).await;
    if ctl.release.is_3_6() && !version.is_empty() {
        ctl.out(format!("Server version {version}\n")).await;
    }
    Ok(())
}

/// One download.
struct Save<'a> {
    ctl: &'a Ctl,
    client: &'a Client,
    endpoint: &'a str,
    callers: &'a Callers,
    deadline_us: Option<u64>,
}

impl Save<'_> {
    /// Writes the stream to a file; gives the version the server names.
    async fn download(&self, file: sim::Fd) -> Result<String, String> {
        let (ctl, callers) = (self.ctl, self.callers);
        let source = format!("v3@v{}/", ctl.release);
        let start_us = ctl.sys.mono_us();
        let stream = match self.client.stream(Op::Snapshot, self.deadline_us).await {
            Ok(stream) => stream,
            Err(failure) => {
                let status = &failure.status;
                let text = format!("rpc error: code = {} desc = {}", status.code, status.message);
                let fields = format!(",\"error\":{},\"stacktrace\":\"…\"", json::zap(&text));
                let caller = format!("{source}retry_interceptor.go:134");
                let msg = "streamer failed to create ClientStream";
                ctl.log("error", "client", &caller, msg, &fields).await;
                return Err("context deadline exceeded".to_owned());
            }
        };
        let opened = format!("{source}{}", callers.opened);
        ctl.log("info", "client", &opened, "opened snapshot stream; downloading", "").await;
        let endpoint = json::zap(self.endpoint);
        let fields = format!(",\"endpoint\":{endpoint}");
        let first = self.part(&stream).await;
        if ctl.release.is_3_6()
            && let Err(failure) = &first
        {
            self.failed(failure).await;
            return Err(failure.raw());
        }
        ctl.log("info", "", callers.fetching, "fetching snapshot", &fields).await;
        let mut part = match first {
            Ok(part) => part,
            Err(failure) => return Err(self.failed(&failure).await),
        };
        let version = part.as_ref().map(|part| part.version.clone()).unwrap_or_default();
        let mut size = 0_u64;
        while let Some(bytes) = part {
            size += u64::try_from(bytes.blob.len()).expect("a length fits 64 bits");
            ctl.sys.write(file, &bytes.blob).await.map_err(|errno| {
                format!("could not write snapshot: {}", go_errno(&errno.to_string()))
            })?;
            part = match self.part(&stream).await {
                Ok(part) => part,
                Err(failure) => return Err(self.failed(&failure).await),
            };
        }
        let read = format!("{source}{}", callers.read);
        ctl.log("info", "client", &read, "completed snapshot read; closing", "").await;
        // A checksum behind whole sectors is how its presence is known.
        if size % 512 != 32 {
            return Err(format!("sha256 checksum not found [bytes: {size}]"));
        }
        ctl.sys.fsync(file).await.map_err(|errno| {
            format!("could not fsync snapshot: {}", go_errno(&errno.to_string()))
        })?;
        let size = number::humanize(size);
        let fields = if ctl.release.is_3_6() {
            let took = took(&ctl.sys, start_us);
            format!(
                ",\"endpoint\":{endpoint},\"size\":\"{size}\",\"took\":\"{took}\",\
                 \"etcd-version\":\"{version}\""
            )
        } else {
            format!(",\"endpoint\":{endpoint},\"size\":\"{size}\",\"took\":\"now\"")
        };
        ctl.log("info", "", callers.fetched, "fetched snapshot", &fields).await;
        Ok(version)
    }

    /// The stream broke: the library's line about it, and what the copying then says.
    async fn failed(&self, failure: &Failure) -> String {
        let line = if self.ctl.release.is_3_6() { 304 } else { 222 };
        let caller = format!("v3@v{}/maintenance.go:{line}", self.ctl.release);
        let fields = format!(",\"error\":{}", json::zap(&failure.raw()));
        let msg = "failed to receive from snapshot stream; closing";
        self.ctl.log("warn", "client", &caller, msg, &fields).await;
        if self.ctl.release.is_3_6() {
            format!("could not write snapshot: {failure}")
        } else {
            failure.to_string()
        }
    }

    /// The next piece; none at the end.
    async fn part(&self, stream: &Stream) -> Result<Option<pb::SnapshotResponse>, Failure> {
        match stream.recv().await? {
            Some(Answer::Snapshot(part)) if !part.blob.is_empty() => Ok(Some(part)),
            _ => Ok(None),
        }
    }
}

/// `downgrade validate`, `enable` and `cancel`.
pub(super) async fn downgrade(ctl: Rc<Ctl>, action: pb::DowngradeAction) -> Result<(), Exit> {
    let version = match (action, ctl.args.as_slice()) {
        (pb::DowngradeAction::Cancel, _) => String::new(),
        (_, []) => return Err(Exit::new(BAD_ARGS, "TARGET_VERSION not provided")),
        (_, [version]) if version.is_empty() => {
            return Err(Exit::new(BAD_ARGS, "target version not provided"));
        }
        (_, [version]) => version.clone(),
        _ => return Err(Exit::new(BAD_ARGS, "too many arguments")),
    };
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    let op = Op::Downgrade(pb::DowngradeRequest { action: action.into(), version });
    match client.call(&op, deadline_us).await.map_err(failed)? {
        Answer::Downgrade(answer) => {
            let name = match action {
                pb::DowngradeAction::Validate => "validate",
                pb::DowngradeAction::Enable => "enable",
                pb::DowngradeAction::Cancel => "cancel",
            };
            ctl.show(&settings.printer, &Shown::Downgrade(name, answer)).await
        }
        _ => unreachable!("a downgrade is answered as one"),
    }
}
