//! `snapshot restore`: a data directory from a snapshot, byte for byte as a member of a new
//! cluster would have begun it: database, log and snapshot file.

use std::rc::Rc;

use bytes::Bytes;
use etcd::DiskOp;
use etcd::restore::{NewCluster, TERM};
use flat::Map;
use sha2::{Digest as _, Sha256};
use sim::{Errno, OpenFlags, Sys};

use super::db::{Backend, MAP_BYTES, join, path_error};
use super::{Caller, info};
use crate::etcdctl::exit::{BAD_ARGS, ERROR};
use crate::etcdctl::go::{addr, json, quote::quote};
use crate::etcdctl::{Ctl, Exit};

/// Bytes of the checksum at the end of a snapshot.
const HASH_LEN: usize = 32;
const MEMBERS: &[u8] = b"members";
const REMOVED: &[u8] = b"members_removed";

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

/// What the flags ask for.
struct Plan {
    source: String,
    data_dir: String,
    wal_dir: String,
    snap_dir: String,
    map_bytes: u64,
    bump: u64,
    skip_hash: bool,
    cluster: NewCluster,
    own: etcd::MemberId,
}

/// `snapshot restore`.
pub(crate) async fn restore(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [source] = ctl.args.as_slice() else {
        return Err(Exit::new(BAD_ARGS, "snapshot restore requires exactly one argument"));
    };
    let flags = &ctl.flags;
    let bump = flags.uint("bump-revision");
    if (bump > 0) != flags.bool("mark-compacted") {
        let text = "--mark-compacted required if --revision-bump > 0";
        return Err(Exit::new(BAD_ARGS, text));
    }
    let name = flags.text("name");
    let data_dir = match flags.text("data-dir") {
        "" => format!("{name}.etcd"),
        dir => dir.to_owned(),
    };
    let wal_dir = match flags.text("wal-dir") {
        "" => join(&data_dir, "member/wal"),
        dir => dir.to_owned(),
    };
    let (cluster, own) = new_cluster(&ctl).await?;
    check_place(&ctl.sys, &data_dir, &wal_dir).map_err(failed)?;
    let plan = Plan {
        source: source.clone(),
        snap_dir: join(&data_dir, "member/snap"),
        data_dir,
        wal_dir,
        map_bytes: flags.uint("initial-memory-map-size"),
        bump,
        skip_hash: flags.bool("skip-hash-check"),
        cluster,
        own,
    };
    let fields = plan.fields();
    const BEGUN: Caller = ("snapshot/v3_snapshot.go:305", "snapshot/v3_snapshot.go:265");
    info(&ctl, BEGUN, "restoring snapshot", &fields).await;
    plan.run(&ctl).await?;
    const DONE: Caller = ("snapshot/v3_snapshot.go:333", "snapshot/v3_snapshot.go:293");
    info(&ctl, DONE, "restored snapshot", &fields).await;
    Ok(())
}

/// Nothing may be where the directories are to be.
fn check_place(sys: &Sys, data_dir: &str, wal_dir: &str) -> Result<(), String> {
    let is_free = match sys.stat(data_dir) {
        Ok(_) => sys.read_dir(data_dir).is_ok_and(|names| names.is_empty()),
        Err(_) => true,
    };
    if !is_free {
        let dir = quote(data_dir.as_bytes());
        return Err(format!("data-dir {dir} not empty or could not be read"));
    }
    if sys.stat(wal_dir).is_ok() {
        return Err(format!("wal-dir {} exists", quote(wal_dir.as_bytes())));
    }
    Ok(())
}

/// The new cluster of the flags, after the checks of `VerifyBootstrap`.
async fn new_cluster(ctl: &Ctl) -> Result<(NewCluster, etcd::MemberId), Exit> {
    let flags = &ctl.flags;
    let name = flags.text("name");
    let advertised: Vec<&str> = flags.text("initial-advertise-peer-urls").split(',').collect();
    let mut advertised = addr::parse_urls(&advertised).map_err(failed)?;
    flat::sort(&mut advertised);
    let mut map: Map<String, Vec<String>> = Map::new();
    for item in flags.text("initial-cluster").split(',').filter(|item| !item.is_empty()) {
        let (name, url) = item.split_once('=').unwrap_or((item, ""));
        map.entry(name.to_owned()).or_default().push(url.to_owned());
    }
    for urls in map.values_mut() {
        *urls = addr::parse_urls(urls).map_err(failed)?;
    }
    let Some(wanted) = map.get(name) else {
        let name = quote(name.as_bytes());
        let text = format!("couldn't find local name {name} in the initial cluster configuration");
        return Err(failed(text));
    };
    if let Some(error) = differs(ctl, name, wanted, &advertised).await {
        return Err(failed(error));
    }
    let mut all: Vec<&String> = map.values().flatten().collect();
    let count = all.len();
    flat::sort(&mut all);
    all.dedup();
    if all.len() != count {
        let mut pairs: Vec<String> = map
            .iter()
            .flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={url}")))
            .collect();
        flat::sort(&mut pairs);
        return Err(failed(format!("initial cluster {} has duplicate url", pairs.join(","))));
    }
    let members: Vec<(String, Vec<String>)> = map.clone().into_iter().collect();
    let cluster = NewCluster::new(&members, flags.text("initial-cluster-token"));
    let own = cluster.members.iter().find(|member| member.name == name);
    let own = own.expect("the name is in the map").id;
    Ok((cluster, own))
}

/// `advertiseMatchesCluster`: why the member's URLs are not those of the cluster.
async fn differs(
    ctl: &Ctl,
    name: &str,
    wanted: &[String],
    advertised: &[String],
) -> Option<String> {
    let list = |urls: &[String]| {
        let quoted: Vec<String> = urls.iter().map(|url| quote(url.as_bytes())).collect();
        format!("[{}]", quoted.join(" "))
    };
    let why = if wanted.len() != advertised.len() {
        format!("len({}) != len({})", list(advertised), list(wanted))
    } else if wanted == advertised {
        return None;
    } else {
        for url in advertised.iter().chain(wanted) {
            let host = addr::parse_url(url).map(|url| url.host).unwrap_or_default();
            if !host.starts_with("localhost:") {
                const CALLER: Caller = ("netutil/netutil.go:113", "netutil/netutil.go:112");
                let fields = [
                    ("url", json::zap(url)),
                    ("host", json::zap(&host)),
                    ("resolved-addr", json::zap(&host)),
                ];
                info(ctl, CALLER, "resolved URL Host", &fields).await;
            }
        }
        let (theirs, ours) = advertised.iter().zip(wanted).find(|(a, b)| a != b)?;
        let (theirs, ours) = (quote(theirs.as_bytes()), quote(ours.as_bytes()));
        format!("resolved urls: {theirs} != {ours}")
    };
    let missing: Vec<String> = wanted
        .iter()
        .filter(|url| !advertised.contains(url))
        .map(|url| format!("{name}={url}"))
        .collect();
    if !missing.is_empty() {
        return Some(format!(
            "--initial-cluster has {} but missing from --initial-advertise-peer-urls={} ({why})",
            missing.join(","),
            advertised.join(",")
        ));
    }
    let extra: Vec<&str> =
        advertised.iter().filter(|url| !wanted.contains(url)).map(String::as_str).collect();
    let own: Vec<String> = advertised.iter().map(|url| format!("{name}={url}")).collect();
    Some(format!(
        "--initial-advertise-peer-urls has {} but missing from --initial-cluster={}",
        extra.join(","),
        own.join(",")
    ))
}

impl Plan {
    fn fields(&self) -> [(&'static str, String); 5] {
        [
            ("path", json::zap(&self.source)),
            ("wal-dir", json::zap(&self.wal_dir)),
            ("data-dir", json::zap(&self.data_dir)),
            ("snap-dir", json::zap(&self.snap_dir)),
            ("initial-memory-map-size", self.map_bytes.to_string()),
        ]
    }

    async fn run(&self, ctl: &Ctl) -> Result<(), Exit> {
        let path = join(&self.snap_dir, "db");
        self.copy(ctl, &path).await?;
        let mut backend = Backend::open(ctl, &path, self.map_bytes).await?;
        self.trim(ctl, &mut backend).await?;
        if self.bump > 0 {
            let map_bytes = if ctl.release.is_3_6() { MAP_BYTES } else { self.map_bytes };
            backend.again(map_bytes).await?;
            self.bump(ctl, &mut backend).await?;
        }
        make_dirs(&ctl.sys, &self.wal_dir).map_err(failed)?;
        backend.again(self.map_bytes).await?;
        self.add_members(ctl, &mut backend).await?;
        for op in self.cluster.files(self.own, &self.wal_dir, &self.snap_dir) {
            apply(&ctl.sys, op).await.map_err(failed)?;
        }
        backend.again(self.map_bytes).await?;
        let index = Bytes::copy_from_slice(&self.cluster.commit().to_be_bytes());
        let term = Bytes::copy_from_slice(&TERM.to_be_bytes());
        backend
            .change(|tx| {
                tx.create_bucket(b"meta");
                tx.put(b"meta", Bytes::from_static(b"consistent_index"), index);
                tx.put(b"meta", Bytes::from_static(b"term"), term);
            })
            .await
    }

    /// Copies the database and compares its checksum.
    async fn copy(&self, ctl: &Ctl, path: &str) -> Result<(), Exit> {
        let (sys, source) = (&ctl.sys, &self.source);
        let opened = sys.open(source, OpenFlags::READ);
        let opened = opened.map_err(|errno| failed(path_error("open", source, errno)))?;
        let _ = sys.close(opened);
        let bytes = sys.read_file(source);
        let bytes = bytes.map_err(|errno| failed(path_error("read", source, errno)))?;
        if bytes.len() < HASH_LEN {
            return Err(failed(format!("seek {source}: invalid argument")));
        }
        make_dirs(sys, &self.snap_dir).map_err(failed)?;
        // A checksum behind whole sectors is how its presence is known.
        let has_hash = bytes.len() % 512 == HASH_LEN;
        let end = if has_hash { bytes.len() - HASH_LEN } else { bytes.len() };
        let flags = OpenFlags { mode: 0o600, ..OpenFlags::WRITE };
        let file =
            sys.open(path, flags).map_err(|errno| failed(path_error("open", path, errno)))?;
        let written = sys.write(file, &bytes[..end]).await;
        let _ = sys.close(file);
        written.map_err(|errno| failed(path_error("write", path, errno)))?;
        if self.skip_hash {
            return Ok(());
        }
        if !has_hash {
            return Err(failed("snapshot missing hash but --skip-hash-check=false"));
        }
        let (wanted, got) = (&bytes[end..], Sha256::digest(&bytes[..end]));
        if *wanted == *got {
            return Ok(());
        }
        let list = |bytes: &[u8]| {
            let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
            bytes.join(" ")
        };
        Err(failed(format!("expected sha256 [{}], got [{}]", list(wanted), list(&got))))
    }

    /// Forgets the members of the old cluster.
    async fn trim(&self, ctl: &Ctl, backend: &mut Backend<'_>) -> Result<(), Exit> {
        const CALLER: Caller = ("schema/membership.go:138", "membership/store.go:138");
        info(ctl, CALLER, "Trimming membership information from the backend...", &[]).await;
        let old: Vec<(&[u8], Bytes)> = [MEMBERS, REMOVED]
            .into_iter()
            .flat_map(|bucket| backend.db.range(bucket, b"").map(move |(key, _)| (bucket, key)))
            .collect();
        backend
            .change(|tx| {
                for (bucket, key) in &old {
                    tx.delete(bucket, key);
                }
            })
            .await
    }

    /// Makes a revision far ahead the newest, and marks what is before it as compacted.
    async fn bump(&self, ctl: &Ctl, backend: &mut Backend<'_>) -> Result<(), Exit> {
        let last = backend.db.range(b"key", b"").last().map(|(key, _)| key);
        let latest = last.filter(|key| key.len() >= 8).map_or(0, |key| {
            i64::from_be_bytes(key[..8].try_into().expect("at least eight bytes"))
        });
        let amount = self.bump.cast_signed();
        let bumped = latest.wrapping_add(amount);
        const BUMPING: Caller = ("snapshot/v3_snapshot.go:396", "snapshot/v3_snapshot.go:356");
        let fields = [
            ("latest-revision", latest.to_string()),
            ("bump-amount", amount.to_string()),
            ("new-latest-revision", bumped.to_string()),
        ];
        info(ctl, BUMPING, "bumping latest revision", &fields).await;
        const MARKING: Caller = ("snapshot/v3_snapshot.go:413", "snapshot/v3_snapshot.go:373");
        let fields = [("revision", bumped.to_string())];
        info(ctl, MARKING, "marking revision compacted", &fields).await;
        let mut revision = bumped.to_be_bytes().to_vec();
        revision.push(b'_');
        revision.extend_from_slice(&[0; 8]);
        let revision = Bytes::from(revision);
        backend
            .change(|tx| {
                tx.create_bucket(b"key");
                tx.create_bucket(b"meta");
                tx.put(b"key", revision.clone(), Bytes::new());
                tx.put(b"meta", Bytes::from_static(b"scheduledCompactRev"), revision);
            })
            .await?;
        // One commit is forced, another comes with closing.
        backend.change(|_| {}).await
    }

    async fn add_members(&self, ctl: &Ctl, backend: &mut Backend<'_>) -> Result<(), Exit> {
        const CALLER: Caller = ("membership/cluster.go:424", "membership/cluster.go:421");
        for member in &self.cluster.members {
            let urls: Vec<String> = member.peer_urls.iter().map(|url| json::zap(url)).collect();
            let fields = [
                ("cluster-id", json::zap(&self.cluster.id.to_string())),
                ("local-member-id", json::zap("0")),
                ("added-peer-id", json::zap(&member.id.to_string())),
                ("added-peer-peer-urls", format!("[{}]", urls.join(", "))),
                ("added-peer-is-learner", "false".to_owned()),
            ];
            info(ctl, CALLER, "added member", &fields).await;
        }
        let records = self.cluster.records();
        backend
            .change(|tx| {
                for bucket in [MEMBERS, REMOVED, b"cluster"] {
                    tx.create_bucket(bucket);
                }
                for (key, value) in records {
                    tx.put(MEMBERS, Bytes::from(key), Bytes::from(value));
                }
            })
            .await
    }
}

/// `os.MkdirAll` with etcd's mode.
fn make_dirs(sys: &Sys, dir: &str) -> Result<(), String> {
    let mut at = 0;
    loop {
        let next = dir[at..].find('/').map(|slash| at + slash);
        let part = &dir[..next.unwrap_or(dir.len())];
        if !part.is_empty() {
            match sys.stat(part) {
                Ok(stat) if stat.is_dir() => {}
                Ok(_) => return Err(path_error("mkdir", part, Errno::Enotdir)),
                Err(_) => {
                    sys.mkdir(part, 0o700).map_err(|errno| path_error("mkdir", part, errno))?;
                }
            }
        }
        match next {
            Some(slash) => at = slash + 1,
            None => return Ok(()),
        }
    }
}

/// Does one operation of a member's disk as a program does it.
async fn apply(sys: &Sys, op: DiskOp) -> Result<(), String> {
    let fail = |call: &str, file: &str, errno| path_error(call, file, errno);
    // The log is private, the snapshot file is not.
    let open = |file: &str| {
        let mode = if file.ends_with(".snap") { 0o644 } else { 0o600 };
        let flags = OpenFlags { truncate: false, mode, ..OpenFlags::WRITE };
        sys.open(file, flags).map_err(|errno| fail("open", file, errno))
    };
    match op {
        DiskOp::Mkdir { dir } => make_dirs(sys, &dir),
        DiskOp::Allocate { file, len_bytes } | DiskOp::Truncate { file, len: len_bytes } => {
            let _ = sys.close(open(&file)?);
            sys.truncate(&file, len_bytes).map_err(|errno| fail("truncate", &file, errno))
        }
        DiskOp::Write { file, offset, bytes } => {
            let fd = open(&file)?;
            let written = match sys.seek(fd, offset) {
                Ok(()) => sys.write(fd, &bytes).await,
                Err(errno) => Err(errno),
            };
            let _ = sys.close(fd);
            written.map_err(|errno| fail("write", &file, errno))
        }
        DiskOp::Sync { file } => {
            let fd = open(&file)?;
            let synced = sys.fsync(fd).await;
            let _ = sys.close(fd);
            synced.map_err(|errno| fail("sync", &file, errno))
        }
        DiskOp::Rename { from, to } => {
            sys.rename(&from, &to).map_err(|errno| fail("rename", &from, errno))
        }
        DiskOp::Remove { file } => {
            let _ = sys.remove_file(&file);
            Ok(())
        }
        DiskOp::Pages { .. } => unreachable!("neither log nor snapshot file is made of pages"),
    }
}
