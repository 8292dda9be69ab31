//! `defrag` and `migrate`: changes of a stopped member's database.

use std::rc::Rc;

use bytes::Bytes;
use etcd::Release;

use super::check::Dir;
use super::db::{Backend, MAP_BYTES, is_locked, must_exist, path_in};
use super::{Caller, info, log};
use crate::etcdctl::exit::{BAD_ARGS, ERROR};
use crate::etcdctl::go::{duration, json, number::humanize, quote::quote};
use crate::etcdctl::{Ctl, Exit};

/// How long a lock may be held before somebody says so.
const PATIENCE_US: u64 = 1_000_000;
const META: &[u8] = b"meta";
const STORAGE_VERSION: &[u8] = b"storageVersion";

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

/// `defrag`.
pub(super) async fn defrag(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let dir = ctl.flags.text("data-dir");
    match defrag_data(&ctl, dir).await {
        Ok(()) => Ok(()),
        // A panic says all itself.
        Err(exit) if exit.code != ERROR => Err(exit),
        Err(exit) => {
            let why = exit.text.trim_end().trim_start_matches("Error: ");
            Err(failed(format!("Failed to defragment etcd data[{dir}] ({why})")))
        }
    }
}

/// Rewrites the database of a data directory; while a member runs there it waits.
pub(crate) async fn defrag_data(ctl: &Ctl, dir: &str) -> Result<(), Exit> {
    let path = path_in(dir);
    must_exist(ctl, &path).map_err(failed)?;
    let patience = async {
        ctl.sys.sleep_us(PATIENCE_US).await;
        let hint =
            if ctl.release.is_3_6() { "use `etcdctl defrag` instead." } else { "omit --data-dir." };
        if is_locked(ctl, &path) {
            let path = quote(path.as_bytes());
            ctl.err(&format!(
                "waiting for etcd to close and release its lock on {path}. To defrag a running \
                 etcd instance, {hint}\n"
            ))
            .await;
        }
        std::future::pending::<()>().await;
    };
    let opening = Backend::open(ctl, &path, MAP_BYTES);
    let mut backend = match sim::race(opening, patience).await {
        sim::Either::Left(backend) => backend?,
        sim::Either::Right(()) => unreachable!("patience never ends"),
    };
    let start_us = ctl.sys.mono_us();
    let (size, in_use) = (backend.db.size_bytes(), backend.db.in_use_bytes());
    const BEGUN: Caller = ("backend/backend.go:522", "backend/backend.go:517");
    let fields = [
        ("path", json::zap(&path)),
        ("current-db-size-bytes", size.to_string()),
        ("current-db-size", json::zap(&humanize(size))),
        ("current-db-size-in-use-bytes", in_use.to_string()),
        ("current-db-size-in-use", json::zap(&humanize(in_use))),
    ];
    info(ctl, BEGUN, "defragmenting", &fields).await;
    backend.change(|_| {}).await?;
    backend.defragment().await?;
    let (new_size, new_in_use) = (backend.db.size_bytes(), backend.db.in_use_bytes());
    let took = ctl.sys.mono_us() - start_us;
    let took = duration::measured(took, u64::from(ctl.sys.pid().0));
    let difference = |new: u64, old: u64| new.cast_signed().wrapping_sub(old.cast_signed());
    const DONE: Caller = ("backend/backend.go:592", "backend/backend.go:579");
    let fields = [
        ("path", json::zap(&path)),
        ("current-db-size-bytes-diff", difference(new_size, size).to_string()),
        ("current-db-size-bytes", new_size.to_string()),
        ("current-db-size", json::zap(&humanize(new_size))),
        ("current-db-size-in-use-bytes-diff", difference(new_in_use, in_use).to_string()),
        ("current-db-size-in-use-bytes", new_in_use.to_string()),
        ("current-db-size-in-use", json::zap(&humanize(new_in_use))),
        ("took", json::zap(&took)),
    ];
    info(ctl, DONE, "finished defragmenting directory", &fields).await;
    Ok(())
}

/// A version of the layout of the database: major and minor.
type Layout = (u8, u8);

fn shown((major, minor): Layout) -> String {
    format!("{major}.{minor}.0")
}

/// `migrate`.
pub(super) async fn migrate(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let target =
        target(ctl.flags.text("target-version")).map_err(|error| Exit::new(BAD_ARGS, error))?;
    let dir = ctl.flags.text("data-dir");
    let path = path_in(dir);
    must_exist(&ctl, &path).map_err(failed)?;
    let mut backend = Backend::open(&ctl, &path, MAP_BYTES).await?;
    let Some(current) = layout(&backend) else {
        let msg = "failed to detect storage version. Please make sure you are using data dir \
                   from etcd v3.5 and older";
        say(&ctl, "error", "etcdutl/migrate_command.go:141", msg, &[]).await;
        return Err(failed("missing term information"));
    };
    if current == target {
        let version = format!("{}.{}", current.0, current.1);
        let fields = [("storage-version", json::zap(&version))];
        say(&ctl, "info", "etcdutl/migrate_command.go:145", "storage version up-to-date", &fields)
            .await;
        return Ok(());
    }
    let oldest = match needed_version(&ctl, dir) {
        Ok(oldest) => oldest,
        Err(error) => {
            let fields = [("error", json::zap(&error))];
            let caller = "etcdutl/migrate_command.go:150";
            say(&ctl, "error", caller, "Failed to finalize config", &fields).await;
            return Err(failed(error));
        }
    };
    match steps(current, target, oldest) {
        Ok(steps) => take(&ctl, &mut backend, &steps).await,
        Err(error) if !ctl.flags.bool("force") => Err(failed(error)),
        Err(error) => {
            let fields = [("error", json::zap(&error))];
            let msg = "normal migrate failed, trying with force";
            say(&ctl, "info", "etcdutl/migrate_command.go:159", msg, &fields).await;
            force(&ctl, &mut backend, target).await
        }
    }
}

async fn say(ctl: &Ctl, level: &str, caller: &'static str, msg: &str, fields: &[(&str, String)]) {
    log(ctl, level, (caller, caller), msg, fields).await;
}

/// `X.Y` of the flag.
fn target(text: &str) -> Result<Layout, String> {
    if text.matches('.').count() != 1 {
        let text = quote(text.as_bytes());
        return Err(format!("wrong target version format, expected \"X.Y\", got {text}"));
    }
    let number = |part: &str| {
        part.parse::<u64>().map_err(|_| {
            let part = quote(part.as_bytes());
            format!(
                "failed to parse target version: strconv.ParseInt: parsing {part}: invalid syntax"
            )
        })
    };
    let (major, minor) = text.split_once('.').unwrap_or_default();
    let (major, minor) = (number(major)?, number(minor)?);
    if (major, minor) < (3, 5) {
        return Err(format!("target version \"{major}.{minor}\" not supported. Minimal \"3.5\""));
    }
    let small = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    Ok((small(major), small(minor)))
}

/// `DetectSchemaVersion`.
fn layout(backend: &Backend<'_>) -> Option<Layout> {
    let stored = backend.db.get(META, STORAGE_VERSION);
    if let Some(stored) = stored.filter(|text| !text.is_empty()) {
        let release = Release::parse(std::str::from_utf8(&stored).ok()?)?;
        return Some((release.major, release.minor));
    }
    let term = backend.db.get(META, b"term")?;
    term.iter().any(|byte| *byte != 0).then_some((3, 5))
}

/// The oldest version that understands the log behind the newest snapshot.
fn needed_version(ctl: &Ctl, dir: &str) -> Result<Layout, String> {
    match etcd::restore::contents(&Dir::new(&ctl.sys, dir), "member/wal")? {
        Some(found) => Ok(found.oldest),
        None => Err("failed to get the lastest snapshot: wal: file not found".to_owned()),
    }
}

/// The versions on the way.
fn steps(current: Layout, target: Layout, oldest: Layout) -> Result<Vec<Layout>, String> {
    let plan = |why: String| Err(format!("cannot create migration plan: {why}"));
    if current.0 != target.0 {
        return plan("changing major storage version is not supported".to_owned());
    }
    let mut steps = Vec::new();
    let mut at = current;
    while at != target {
        let up = at.1 < target.1;
        let higher = if up { (at.0, at.1 + 1) } else { at };
        if higher != (3, 6) {
            return plan(format!("version \"{}\" is not supported", shown(higher)));
        }
        at = if up { higher } else { (at.0, at.1 - 1) };
        steps.push(at);
    }
    if target < current && target < oldest {
        return Err(format!(
            "cannot downgrade storage, WAL contains newer entries, as the target version ({}) is \
             lower than the version ({}) detected from WAL logs",
            shown(target),
            shown(oldest)
        ));
    }
    Ok(steps)
}

async fn take(ctl: &Ctl, backend: &mut Backend<'_>, steps: &[Layout]) -> Result<(), Exit> {
    for step in steps {
        let fields = [("new-storage-version", json::zap(&shown(*step)))];
        say(ctl, "info", "schema/migration.go:65", "updated storage version", &fields).await;
    }
    set(backend, steps.last().copied().unwrap_or((3, 5))).await
}

async fn force(ctl: &Ctl, backend: &mut Backend<'_>, target: Layout) -> Result<(), Exit> {
    if target < (3, 6) {
        let msg = "forcefully cleared storage version";
        say(ctl, "warn", "etcdutl/migrate_command.go:172", msg, &[]).await;
    } else {
        let fields = [("storage-version", json::zap(&format!("{}.{}", target.0, target.1)))];
        let msg = "forcefully set storage version";
        say(ctl, "warn", "etcdutl/migrate_command.go:175", msg, &fields).await;
    }
    set(backend, target).await
}

/// Before 3.6 the database had no version in it.
async fn set(backend: &mut Backend<'_>, version: Layout) -> Result<(), Exit> {
    backend
        .change(|tx| {
            if version < (3, 6) {
                tx.delete(META, STORAGE_VERSION);
            } else {
                let text = Bytes::from(shown(version));
                tx.put(META, Bytes::from_static(STORAGE_VERSION), text);
            }
        })
        .await?;
    backend.change(|_| {}).await
}
