//! `snapshot status` and `hashkv`: what a database file holds.

use std::collections::BTreeSet;
use std::rc::Rc;

use bolt::FileBytes;
use etcd::pb::KeyValue;
use prost::Message as _;

use super::db::{must_exist, path_error, read, wait_for_lock, wording};
use crate::etcdctl::exit::{BAD_ARGS, BAD_FEATURE, ERROR};
use crate::etcdctl::go::json::Object;
use crate::etcdctl::go::number::humanize;
use crate::etcdctl::go::quote::quote;
use crate::etcdctl::{Ctl, Exit, tables};

/// Bytes of a revision; a tombstone's has one more.
const REVISION_LEN: usize = 17;

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

/// What there is to print: for the tables and lines, for fields, for JSON.
struct Shown {
    header: &'static [&'static str],
    row: Vec<String>,
    fields: Vec<(&'static str, String)>,
    json: String,
}

async fn show(ctl: &Ctl, shown: &Shown) -> Result<(), Exit> {
    let text = match ctl.flags.text("write-out") {
        "simple" => format!("{}\n", shown.row.join(", ")),
        "json" => format!("{}\n", shown.json),
        "table" => tables::draw(shown.header, std::slice::from_ref(&shown.row)),
        "fields" => {
            let lines = shown.fields.iter().map(|(name, value)| format!("\"{name}\" : {value}\n"));
            lines.collect()
        }
        _ => return Err(Exit::new(BAD_FEATURE, "protobuf not supported as output format")),
    };
    ctl.out(text).await;
    Ok(())
}

fn check_format(ctl: &Ctl) -> Result<(), Exit> {
    let known = ["simple", "json", "table", "fields", "protobuf"];
    if known.contains(&ctl.flags.text("write-out")) {
        return Ok(());
    }
    Err(Exit::new(BAD_FEATURE, "unsupported output format"))
}

/// `snapshot status`.
pub(crate) async fn status(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [path] = ctl.args.as_slice() else {
        return Err(Exit::new(BAD_ARGS, "snapshot status requires exactly one argument"));
    };
    let six = ctl.release.is_3_6();
    if six {
        must_exist(&ctl, path).map_err(failed)?;
    }
    check_format(&ctl)?;
    must_exist(&ctl, path).map_err(failed)?;
    wait_for_lock(&ctl, path).await;
    let bytes = ctl.sys.read_file(path).map_err(|errno| failed(path_error("open", path, errno)))?;
    if bytes.is_empty() {
        // bbolt makes a database of an empty file, which it opened for reading only.
        return Err(failed(format!("write {path}: bad file descriptor")));
    }
    let status = Status::of(&ctl, bytes).map_err(failed)?;
    let mut shown = Shown {
        header: &["hash", "revision", "total keys", "total size"],
        row: vec![
            format!("{:x}", status.hash),
            status.revision.to_string(),
            status.keys.to_string(),
            humanize(status.size),
        ],
        fields: vec![
            ("Hash", status.hash.to_string()),
            ("Revision", status.revision.to_string()),
            ("Keys", status.keys.to_string()),
            ("Size", status.size.to_string()),
        ],
        json: String::new(),
    };
    let mut object = Object::default()
        .number("hash", status.hash)
        .number("revision", status.revision)
        .number("totalKey", status.keys)
        .number("totalSize", status.size);
    if six {
        shown.header = &["hash", "revision", "total keys", "total size", "version"];
        shown.row.push(status.version.clone());
        shown.fields.push(("Version", status.version.clone()));
        object = object.string("version", &status.version);
    }
    shown.json = object.end();
    show(&ctl, &shown).await
}

struct Status {
    hash: u32,
    revision: i64,
    keys: u64,
    size: u64,
    version: String,
}

impl Status {
    fn of(ctl: &Ctl, bytes: bytes::Bytes) -> Result<Status, String> {
        let file = FileBytes(bytes);
        let problems = bolt::check(&file);
        if let Some(bolt::Problem::Unopenable(error)) = problems.first() {
            return Err(wording(ctl, error));
        }
        if !problems.is_empty() {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(format!(
                "snapshot file integrity check failed. {} errors found.\n{}",
                lines.len(),
                lines.join("\n")
            ));
        }
        let db = read(file.0, ctl)?;
        let version = db.get(b"meta", b"storageVersion").unwrap_or_default();
        let version = String::from_utf8_lossy(&version).into_owned();
        let mut status = Status { hash: 0, revision: 0, keys: 0, size: db.size_bytes(), version };
        let mut living = BTreeSet::new();
        let six = ctl.release.is_3_6();
        for name in db.bucket_names() {
            status.hash = flat::crc32c_append(status.hash, &name);
            for (key, value) in db.range(&name, b"") {
                status.hash = flat::crc32c_append(status.hash, &key);
                status.hash = flat::crc32c_append(status.hash, &value);
                status.keys += u64::from(!six);
                if name == "key" {
                    status.revision = revision(&key)?;
                    if six {
                        live(&mut living, &key, &value)?;
                    }
                }
            }
        }
        if six {
            status.keys = living.len() as u64;
        }
        Ok(status)
    }
}

/// The main number of a revision.
fn revision(key: &[u8]) -> Result<i64, String> {
    if key.len() != REVISION_LEN && key.len() != REVISION_LEN + 1 {
        let shown = quote(key);
        return Err(format!(
            "error during bucket key iteration, name: \"key\" err: cannot parse revision key: \
             {shown} err: invalid revision length: {}",
            key.len()
        ));
    }
    Ok(i64::from_be_bytes(key[..8].try_into().expect("eight of seventeen bytes")))
}

/// Counts a key in, or out again.
fn live(
    living: &mut BTreeSet<bytes::Bytes>,
    key: &[u8],
    value: &bytes::Bytes,
) -> Result<(), String> {
    let pair = KeyValue::decode(value.clone()).map_err(|error| {
        format!(
            "error during bucket key iteration, name: \"key\" err: cannot unmarshal value, key: \
             {} value: {} err: {error}",
            quote(key),
            quote(value)
        )
    })?;
    if key.len() > REVISION_LEN {
        living.remove(&pair.key);
    } else {
        living.insert(pair.key);
    }
    Ok(())
}

/// `hashkv`. It opens the file to write, and does: a snapshot has no valid checksum then.
pub(super) async fn hashkv(ctl: Rc<Ctl>) -> Result<(), Exit> {
    check_format(&ctl)?;
    let path = ctl.args[0].clone();
    must_exist(&ctl, &path).map_err(failed)?;
    let mut backend = super::db::Backend::open_quietly(&ctl, &path).await?;
    backend
        .change(|tx| {
            tx.create_bucket(b"key");
            tx.create_bucket(b"meta");
        })
        .await?;
    let store = mvcc::Store::open(backend.db.clone())
        .map_err(|error| Exit::panic(&format!("failed to recover the store: {error}")))?;
    let hash = store
        .hash_kv(ctl.flags.int("rev"))
        .map_err(|error| failed(error.to_string().trim_start_matches("etcdserver: ")))?;
    let (hash, revision, compacted) = (hash.hash, hash.hash_revision, hash.compact_revision);
    let shown = Shown {
        header: &["hash", "hash revision", "compact revision"],
        row: vec![hash.to_string(), revision.to_string(), compacted.to_string()],
        fields: vec![
            ("Hash", hash.to_string()),
            ("Hash revision", revision.to_string()),
            ("Compact revision", compacted.to_string()),
        ],
        json: Object::default()
            .number("hash", hash)
            .number("hashRevision", revision)
            .number("compactRevision", compacted)
            .end(),
    };
    show(&ctl, &shown).await
}
