//! Goal: a disk reads back what was written, and after a power loss holds what it promised
//! and nothing that never was. Method: random operations from seeds against a naive model
//! that keeps every version of every file and every state of the names.

use std::collections::BTreeMap;

use bytes::Bytes;
use etcd::{DiskError, DiskOp, DiskView, Lane};

use super::cache::{SECTOR_BYTES, WRITEBACK_US};
use super::{At, Disk, DiskState, PAGE_BYTES};
use crate::errno::Errno;
use crate::fs::COMMIT_US;
use crate::ids::Ino;
use crate::rng::Rng;

fn at(now_us: u64) -> At {
    At { now_us, wall_us: now_us + 1_000_000, owner: crate::cred::Owner::ROOT }
}

fn disk(seed: u64) -> Disk {
    Disk::new(64 << 20, Rng::for_purpose(seed, "disk", 0))
}

/// A version of a file: from when it was, from when it is safe, and what it was.
#[derive(Clone, Debug)]
struct Version {
    safe_us: u64,
    bytes: Vec<u8>,
}

/// The names at some time, by inode, and from when that state is safe.
#[derive(Clone, Debug)]
struct Names {
    safe_us: u64,
    names: BTreeMap<String, u32>,
    touched: Vec<u32>,
}

#[derive(Debug)]
struct Model {
    files: BTreeMap<u32, Vec<Version>>,
    states: Vec<Names>,
}

impl Model {
    fn names(&self) -> &BTreeMap<String, u32> {
        &self.states.last().unwrap().names
    }

    fn bytes(&self, ino: u32) -> &Vec<u8> {
        &self.files[&ino].last().unwrap().bytes
    }

    fn change(&mut self, ino: u32, bytes: Vec<u8>, now_us: u64) {
        let version = Version { safe_us: now_us + WRITEBACK_US, bytes };
        self.files.get_mut(&ino).unwrap().push(version);
    }

    fn rename(&mut self, now_us: u64, touched: Vec<u32>, names: BTreeMap<String, u32>) {
        self.states.push(Names { safe_us: now_us + COMMIT_US, names, touched });
    }

    fn sync(&mut self, ino: u32, done_us: u64) {
        for version in self.files.get_mut(&ino).unwrap() {
            version.safe_us = version.safe_us.min(done_us);
        }
        if let Some(last) = self.states.iter().rposition(|state| state.touched.contains(&ino)) {
            for state in &mut self.states[..=last] {
                state.safe_us = state.safe_us.min(done_us);
            }
        }
    }

    /// Compares with the disk after a power loss, and forgets what it lost.
    fn check_survivors(&mut self, disk: &Disk, now_us: u64) {
        let found: BTreeMap<String, u32> = disk
            .read_dir("/")
            .unwrap()
            .into_iter()
            .map(|name| (name.clone(), disk.stat(&format!("/{name}")).unwrap().ino))
            .collect();
        let safe = self.states.iter().rposition(|state| state.safe_us <= now_us).unwrap();
        assert!(
            self.states[safe..].iter().any(|state| state.names == found),
            "names {found:?} never were, or not since {:?}",
            self.states[safe]
        );
        for (name, ino) in &found {
            let bytes = disk.read_file(&format!("/{name}")).unwrap();
            check_file(&self.files[ino], &bytes, now_us);
            let version = Version { safe_us: 0, bytes: bytes.to_vec() };
            self.files.insert(*ino, vec![version]);
        }
        self.states = vec![Names { safe_us: 0, names: found, touched: Vec::new() }];
    }
}

/// Each sector must be that of the last safe version or of a later one, and so must the
/// length.
fn check_file(versions: &[Version], bytes: &[u8], now_us: u64) {
    let safe = versions.iter().rposition(|version| version.safe_us <= now_us).unwrap();
    let possible = &versions[safe..];
    assert!(possible.iter().any(|version| version.bytes.len() == bytes.len()), "a length");
    for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
        let start = index * SECTOR_BYTES;
        let fits = possible.iter().any(|version| {
            let old = version.bytes.get(start..).unwrap_or_default();
            sector.iter().enumerate().all(|(i, byte)| *byte == old.get(i).copied().unwrap_or(0))
        });
        assert!(fits, "sector {index} of {} is of no version", bytes.len());
    }
}

#[test]
fn files_and_durability_follow_the_model() {
    for seed in 0..60 {
        let mut rng = Rng::for_purpose(seed, "model", 0);
        let mut disk = disk(seed);
        let start = Names { safe_us: 0, names: BTreeMap::new(), touched: Vec::new() };
        let mut model = Model { files: BTreeMap::new(), states: vec![start] };
        let mut now_us = 0;
        for _ in 0..400 {
            now_us += match rng.below(20) {
                0 => rng.below(WRITEBACK_US),
                _ => rng.below(2000),
            };
            step(&mut disk, &mut model, &mut rng, now_us);
            for (name, ino) in model.names() {
                let path = format!("/{name}");
                assert_eq!(disk.read_file(&path).unwrap(), model.bytes(*ino), "seed {seed}");
            }
            assert_eq!(disk.read_dir("/").unwrap().len(), model.names().len());
        }
        for name in disk.read_dir("/").unwrap() {
            disk.remove_file(&format!("/{name}"), at(now_us)).unwrap();
        }
        assert_eq!(disk.used_bytes(), 0, "space is given back");
    }
}

fn step(disk: &mut Disk, model: &mut Model, rng: &mut Rng, now_us: u64) {
    let name = format!("f{}", rng.below(6));
    let path = format!("/{name}");
    let ino = model.names().get(&name).copied();
    let mut names = model.names().clone();
    match (rng.below(12), ino) {
        (0, _) => {
            disk.lose_power(now_us);
            model.check_survivors(disk, now_us);
        }
        (1, Some(ino)) => {
            disk.remove_file(&path, at(now_us)).unwrap();
            names.remove(&name);
            model.rename(now_us, Vec::new(), names);
            let _ = ino;
        }
        (2, Some(ino)) => {
            let target = format!("f{}", rng.below(6));
            disk.rename(&path, &format!("/{target}"), at(now_us)).unwrap();
            if target != name {
                names.remove(&name);
                names.insert(target, ino);
                model.rename(now_us, vec![ino], names);
            }
        }
        (3, Some(ino)) => {
            let size = rng.below(20_000);
            disk.set_size(Ino(ino), size, at(now_us)).unwrap();
            let mut bytes = model.bytes(ino).clone();
            bytes.resize(size as usize, 0);
            model.change(ino, bytes, now_us);
        }
        (4 | 5, Some(ino)) => {
            let done_us = disk.sync(Ino(ino), at(now_us));
            assert!(done_us > now_us);
            model.sync(ino, done_us);
        }
        (_, Some(ino)) => {
            let (offset, len) = (rng.below(12_000), rng.below(9000) + 1);
            let fill = u8::try_from(rng.below(255)).unwrap() + 1;
            let written = Bytes::from(vec![fill; len as usize]);
            disk.write(Ino(ino), offset, &written, at(now_us)).unwrap();
            let mut bytes = model.bytes(ino).clone();
            bytes.resize(bytes.len().max((offset + len) as usize), 0);
            bytes[offset as usize..(offset + len) as usize].fill(fill);
            model.change(ino, bytes, now_us);
        }
        (_, None) => {
            let ino = disk.create(&path, 0o644, at(now_us)).unwrap().0;
            names.insert(name, ino);
            let empty = Version { safe_us: 0, bytes: Vec::new() };
            model.files.insert(ino, vec![empty]);
            model.rename(now_us, vec![ino], names);
        }
    }
}

/// What comes after a sync in a batch must not be there when what comes before it is not.
#[test]
fn a_power_loss_respects_the_syncs_of_a_batch() {
    let page = |byte| Bytes::from(vec![byte; PAGE_BYTES as usize]);
    let batch = |byte| {
        vec![
            DiskOp::Pages { file: "db".into(), pages: vec![(2, page(byte)), (3, page(byte))] },
            DiskOp::Sync { file: "db".into() },
            DiskOp::Pages { file: "db".into(), pages: vec![(0, page(byte))] },
            DiskOp::Sync { file: "db".into() },
        ]
    };
    let (mut olds, mut news, mut torn) = (0, 0, 0);
    for seed in 0..400 {
        let mut disk = disk(seed);
        disk.mkdir_all("/data", 0o700, at(0)).unwrap();
        disk.submit("/data", Lane::Log, &batch(1), at(0)).unwrap();
        let lost_us = 10_000 + seed * 6;
        let done_us = disk.submit("/data", Lane::Log, &batch(2), at(10_000)).unwrap();
        assert_eq!(disk.view("/data").page("db", 0), Some(page(2)), "the cache shows it at once");
        disk.lose_power(lost_us);
        let view = disk.view("/data");
        let meta = view.page("db", 0).unwrap();
        let data = view.read("db", 2 * PAGE_BYTES, 2 * PAGE_BYTES).unwrap();
        if meta.contains(&2) {
            assert!(data.iter().all(|&byte| byte == 2), "seed {seed}: a meta before its data");
        }
        if lost_us >= done_us {
            assert_eq!(meta, page(2));
            news += 1;
        } else if data.iter().all(|&byte| byte == 1) {
            olds += 1;
        } else {
            torn += 1;
        }
    }
    assert!(olds > 0 && news > 20 && torn > 20, "{olds} old, {news} new, {torn} torn");
}

#[test]
fn a_torn_write_touches_only_pages_that_were_not_synced() {
    for seed in 0..100 {
        let mut disk = disk(seed);
        let ino = disk.create("/f", 0o600, at(0)).unwrap();
        let old = Bytes::from(vec![1; 8 * PAGE_BYTES as usize]);
        disk.write(ino, 0, &old, at(0)).unwrap();
        let done_us = disk.sync(ino, at(0));
        let new = Bytes::from(vec![2; 2 * PAGE_BYTES as usize]);
        disk.write(ino, 3 * PAGE_BYTES, &new, at(done_us)).unwrap();
        disk.lose_power(done_us + 1);
        let bytes = disk.read_file("/f").unwrap();
        let (first, last) = (3 * PAGE_BYTES as usize, 5 * PAGE_BYTES as usize);
        assert_eq!(bytes[..first], old[..first]);
        assert_eq!(bytes[last..], old[last..]);
        for sector in bytes[first..last].chunks(SECTOR_BYTES) {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "half a sector");
        }
    }
}

/// A database that loses power before its first sync is whole or empty.
#[test]
fn a_file_never_ends_in_what_was_not_written() {
    let (mut empty, mut whole) = (0, 0);
    let page = Bytes::from(vec![1; PAGE_BYTES as usize]);
    let pages = [2, 3, 0, 1].map(|page_no| (page_no, page.clone())).to_vec();
    for seed in 0..100 {
        let mut disk = disk(seed);
        disk.install("/data/db", &Bytes::new(), 0o600, at(0)).unwrap();
        let write = DiskOp::Pages { file: "db".into(), pages: pages.clone() };
        disk.submit("/data", Lane::Database, &[write], at(0)).unwrap();
        disk.lose_power(1);
        match disk.read_file("/data/db").unwrap() {
            left if left.is_empty() => empty += 1,
            left => {
                assert_eq!(left, vec![1; 4 * PAGE_BYTES as usize]);
                whole += 1;
            }
        }
    }
    assert!(empty > 20 && whole > 20, "{empty} and {whole}");
}

#[test]
fn a_full_disk_takes_only_what_was_reserved() {
    let mut disk = disk(1);
    disk.mkdir_all("/data", 0o700, at(0)).unwrap();
    let reserve = [DiskOp::Allocate { file: "wal".into(), len_bytes: 1 << 20 }];
    disk.submit("/data", Lane::Log, &reserve, at(0)).unwrap();
    assert_eq!(disk.used_bytes(), 1 << 20);
    disk.set_state(DiskState::Full);
    let bytes = Bytes::from_static(b"entry");
    let inside = [DiskOp::Write { file: "wal".into(), offset: 5000, bytes: bytes.clone() }];
    disk.submit("/data", Lane::Log, &inside, at(1)).unwrap();
    for op in [
        DiskOp::Write { file: "wal".into(), offset: 1 << 20, bytes: bytes.clone() },
        DiskOp::Write { file: "db".into(), offset: 0, bytes },
        DiskOp::Allocate { file: "wal".into(), len_bytes: 2 << 20 },
    ] {
        assert_eq!(disk.submit("/data", Lane::Log, &[op], at(2)), Err(DiskError::Full));
    }
    let page = Bytes::from(vec![1; PAGE_BYTES as usize]);
    let grow = [
        DiskOp::Allocate { file: "wal".into(), len_bytes: 2 << 20 },
        DiskOp::Pages { file: "wal".into(), pages: vec![(300, page)] },
    ];
    assert_eq!(disk.submit("/data", Lane::Database, &grow[..1], at(2)), Ok(2));
    assert_eq!(disk.submit("/data", Lane::Database, &grow, at(2)), Err(DiskError::Full));
    assert_eq!(disk.mkdir("/new", 0o755, at(2)), Err(Errno::Enospc));
    disk.set_state(DiskState::Ok);
    assert_eq!(disk.mkdir("/new", 0o755, at(3)), Ok(()));
}

#[test]
fn a_member_keeps_its_files_when_their_names_are_taken_away() {
    let mut disk = disk(1);
    disk.mkdir_all("/data", 0o700, at(0)).unwrap();
    assert_eq!(disk.foreign_changes("/data"), 0);
    let write = |offset| {
        let bytes = Bytes::from_static(b"entry");
        [DiskOp::Write { file: "wal".into(), offset, bytes }, DiskOp::Sync { file: "wal".into() }]
    };
    disk.submit("/data", Lane::Log, &write(0), at(0)).unwrap();
    disk.remove_file("/data/wal", at(1)).unwrap();
    disk.remove_dir("/data", at(1)).unwrap();
    disk.note_change("/data");
    assert_eq!(
        disk.submit("/data", Lane::Log, &write(5), at(2)).map(|done_us| done_us > 2),
        Ok(true)
    );
    let other = [DiskOp::Allocate { file: "other".into(), len_bytes: 10 }];
    assert_eq!(disk.submit("/data", Lane::Log, &other, at(3)), Err(DiskError::Broken));
    assert_eq!(disk.foreign_changes("/data"), 1);
    disk.release("/data");
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn corruption_shows_at_once_and_stays() {
    let mut disk = disk(3);
    let text = Bytes::from(vec![7; 30_000]);
    disk.install("/etc/file", &text, 0o644, at(0)).unwrap();
    assert_eq!(disk.corrupt("/etc"), Err(Errno::Eisdir));
    assert_eq!(disk.corrupt("/none"), Err(Errno::Enoent));
    disk.corrupt("/etc/file").unwrap();
    let spoiled = disk.read_file("/etc/file").unwrap();
    let bits =
        |a: &[u8], b: &[u8]| -> u32 { a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum() };
    assert!((1..=3).contains(&bits(&text, &spoiled)), "{} bits", bits(&text, &spoiled));
    assert!(disk.corrupted());
    disk.install("/etc/empty", &Bytes::new(), 0o644, at(0)).unwrap();
    assert_eq!(disk.corrupt("/etc/empty"), Err(Errno::Einval));
    let hole = disk.create("/etc/hole", 0o644, at(0)).unwrap();
    disk.set_size(hole, 10_000, at(0)).unwrap();
    disk.corrupt("/etc/hole").unwrap();
    assert!(disk.read_file("/etc/hole").unwrap().iter().any(|&byte| byte != 0));
    disk.lose_power(1);
    assert_eq!(disk.read_file("/etc/file").unwrap(), spoiled);
}

#[test]
fn a_slow_disk_is_slow_and_syncs_end_in_order() {
    let mut disk = disk(2);
    let ino = disk.create("/f", 0o600, at(0)).unwrap();
    let quick_us = disk.sync(ino, at(0));
    disk.set_state(DiskState::Slow);
    let slow_us = disk.sync(ino, at(0));
    assert!(slow_us > 50 * quick_us, "{slow_us} against {quick_us}");
    disk.set_state(DiskState::Ok);
    assert!(disk.sync(ino, at(0)) >= slow_us);
    let log = [
        DiskOp::Write { file: "f".into(), offset: 0, bytes: Bytes::from_static(b"x") },
        DiskOp::Sync { file: "f".into() },
    ];
    let log_us = disk.submit("", Lane::Log, &log, at(0)).unwrap();
    assert!(log_us < slow_us, "another lane does not wait");
}

#[test]
fn paths_lead_where_they_should() {
    let mut disk = disk(1);
    disk.install("/usr/bin/cat", &Bytes::from_static(b"x"), 0o755, at(0)).unwrap();
    disk.symlink("usr/bin", "/bin", at(0)).unwrap();
    disk.symlink("/loop", "/loop", at(0)).unwrap();
    disk.symlink("../usr/bin/cat", "/usr/c", at(0)).unwrap();
    let table: &[(&str, Result<bool, Errno>)] = &[
        ("/bin/cat", Ok(true)),
        ("/bin/../bin/./cat", Ok(true)),
        ("/usr/c", Ok(true)),
        ("/bin", Ok(false)),
        ("/bin/", Ok(false)),
        ("/", Ok(false)),
        ("/../..", Ok(false)),
        ("/bin/cat/", Err(Errno::Enotdir)),
        ("/bin/cat/x", Err(Errno::Enotdir)),
        ("/none/x", Err(Errno::Enoent)),
        ("/loop", Err(Errno::Eloop)),
        ("", Err(Errno::Enoent)),
    ];
    for (path, want) in table {
        assert_eq!(disk.stat(path).map(|stat| stat.is_file()), *want, "{path}");
    }
    assert_eq!(disk.lstat("/bin").unwrap().kind, crate::fs::FileKind::Symlink);
    assert_eq!(disk.files("/usr"), [("bin/cat".to_owned(), 1)]);
    assert_eq!(disk.rename("/usr", "/usr/bin/usr", at(1)), Err(Errno::Einval));
    assert_eq!(disk.remove_dir("/usr", at(1)), Err(Errno::Enotempty));
    assert_eq!(disk.remove_dir("/usr/c", at(1)), Err(Errno::Enotdir));
    assert_eq!(disk.mkdir("/usr", 0o755, at(1)), Err(Errno::Eexist));
}

#[test]
fn a_new_file_in_a_new_directory_is_there_after_its_own_sync() {
    for seed in 0..50 {
        let mut disk = disk(seed);
        disk.mkdir_all("/var/lib/etcd", 0o700, at(0)).unwrap();
        let ino = disk.create("/var/lib/etcd/wal", 0o600, at(0)).unwrap();
        disk.write(ino, 0, &Bytes::from_static(b"x"), at(0)).unwrap();
        let done_us = disk.sync(ino, at(0));
        disk.create("/var/lib/etcd/other", 0o600, at(done_us)).unwrap();
        disk.lose_power(done_us);
        assert_eq!(disk.read_file("/var/lib/etcd/wal").unwrap(), Bytes::from_static(b"x"));
    }
}

/// A name that was synced must be there even if one that was asked for before it was not
/// yet sent to the device.
#[test]
fn a_slow_batch_does_not_hold_the_names_of_others() {
    for seed in 0..20 {
        let mut disk = disk(seed);
        disk.install("/data/0.tmp", &Bytes::from_static(b"x"), 0o600, at(0)).unwrap();
        disk.set_state(DiskState::Slow);
        let batch = [
            DiskOp::Sync { file: "0.tmp".into() },
            DiskOp::Rename { from: "0.tmp".into(), to: "1.wal".into() },
        ];
        let renamed_us = disk.submit("/data", Lane::Log, &batch, at(0)).unwrap();
        disk.set_state(DiskState::Ok);
        let ino = disk.create("/other", 0o600, at(1)).unwrap();
        let done_us = disk.sync(ino, at(1));
        assert!(done_us < renamed_us);
        disk.lose_power(done_us);
        assert_eq!(disk.read_dir("/data").unwrap(), ["0.tmp"]);
        assert!(disk.stat("/other").is_ok());
    }
}
