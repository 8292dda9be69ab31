//! Tests of the log: what comes back after every cut, every flipped bit, every crash.

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, EntryType, HardState, SnapshotMetadata};

use super::decode::Decoder;
use super::record::{KIND_CRC, KIND_ENTRY, KIND_METADATA, KIND_SNAPSHOT, KIND_STATE};
use super::testing::MemDisk;
use super::*;
use crate::disk::DiskView;

const DIR: &str = "member/wal";
const IDS: Metadata = Metadata { node_id: 0x8e9e_05c5_2164_694d, cluster_id: 77 };

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

fn entry(term: u64, index: u64, len: usize) -> Entry {
    Entry { term, index, data: vec![index as u8; len], ..Entry::default() }
}

fn state(term: u64, vote: u64, commit: u64) -> HardState {
    HardState { term, vote, commit }
}

fn mark(index: u64, term: u64) -> SnapshotMetadata {
    let conf_state = Some(ConfState { voters: vec![1, 300], ..ConfState::default() });
    SnapshotMetadata { conf_state, index, term }
}

fn start() -> SnapshotMetadata {
    SnapshotMetadata::default()
}

fn open(disk: &MemDisk, from: &SnapshotMetadata) -> Result<(Wal, Replay), WalError> {
    Wal::open(disk, DIR, from)
}

/// A log with a bit of everything, and its only file.
fn small() -> (MemDisk, String, Replay) {
    let mut disk = MemDisk::default();
    let (mut wal, ops) = Wal::create(DIR, IDS.node_id, IDS.cluster_id);
    disk.apply(&ops);
    let mut entries = vec![entry(1, 1, 0), entry(1, 2, 30), entry(2, 3, 700)];
    entries[0].set_entry_type(EntryType::EntryConfChange);
    entries[1].context = b"context".to_vec();
    disk.apply(&wal.save(Some(&state(2, IDS.node_id, 1)), &entries));
    disk.apply(&wal.save(Some(&state(2, IDS.node_id, 3)), &[]));
    disk.apply(&wal.save_snapshot(&mark(2, 1)));
    disk.apply(&wal.save(None, &[entry(2, 4, 9)]));
    entries.push(entry(2, 4, 9));
    let replay = Replay {
        metadata: IDS,
        hard_state: state(2, IDS.node_id, 3),
        entries,
        snapshots: vec![start(), mark(2, 1)],
        ..Replay::default()
    };
    (disk, wal.tail(), replay)
}

fn without_ops(mut replay: Replay) -> Replay {
    replay.ops.clear();
    replay
}

#[test]
fn a_log_comes_back() {
    let (mut disk, file, expected) = small();
    assert_eq!(file, "member/wal/0000000000000000-0000000000000000.wal");
    assert_eq!(disk.len(&file), Some(SEGMENT_BYTES));
    assert_eq!(disk.len("member/wal/0.tmp"), Some(SEGMENT_BYTES));
    let (mut wal, replay) = open(&disk, &start()).unwrap();
    disk.apply(&replay.ops);
    assert_eq!(without_ops(replay), expected);
    // From a snapshot on, and only with the right term.
    let (_, replay) = open(&disk, &mark(2, 1)).unwrap();
    assert_eq!(replay.entries, expected.entries[2..]);
    assert_eq!(open(&disk, &mark(2, 9)).unwrap_err(), WalError::SnapshotMismatch);
    assert_eq!(valid_snapshots(&disk, DIR), Ok(vec![start(), mark(2, 1)]));
    // It goes on where it was, and entries of a new leader replace those they overrule.
    disk.apply(&wal.save(Some(&state(3, 1, 3)), &[entry(3, 3, 1)]));
    let (_, replay) = open(&disk, &start()).unwrap();
    assert_eq!(replay.entries.len(), 3);
    assert_eq!(replay.entries[2], entry(3, 3, 1));
    assert_eq!(replay.hard_state, state(3, 1, 3));
    disk.apply(&wal.close());
    assert_eq!(disk.list(DIR).len(), 1);
}

#[test]
fn begins_with_the_bytes_etcd_writes() {
    let (disk, file, _) = small();
    let head = disk.read(&file, 0, 16).unwrap();
    assert_eq!(head[..], [4, 0, 0, 0, 0, 0, 0, 0x84, 8, 4, 0x10, 0, 0, 0, 0, 0]);
}

/// The log of a real etcd 3.5.1 with 25 puts: read, and written again byte for byte.
#[test]
fn reads_and_writes_as_the_real_one() {
    let real: &[u8] = include_bytes!("../../tests/data/etcd-3.5.1.wal");
    let mut disk = MemDisk::default();
    let name = format!("{DIR}/0000000000000000-0000000000000000.wal");
    disk.files.insert(name, (real.to_vec(), SEGMENT_BYTES));
    let (_, replay) = open(&disk, &start()).unwrap();
    assert_eq!(replay.metadata.node_id, 9_265_619_892_315_062_708);
    assert_eq!(replay.hard_state, state(2, replay.metadata.node_id, 29));
    assert_eq!(replay.entries.len(), 29);
    assert_eq!(replay.repaired, None);
    let marks: Vec<_> = replay.snapshots.iter().map(|mark| (mark.index, mark.term)).collect();
    assert_eq!(marks, [(0, 0), (11, 2), (22, 2)]);
    assert_eq!(valid_snapshots(&disk, DIR).unwrap().len(), 3);

    let files = decode::log_files(&disk, DIR).unwrap();
    let mut decoder = Decoder::new(&disk, DIR, files);
    let mut encoder = Encoder::new(0);
    while let Some(record) = decoder.next().unwrap() {
        match record.kind {
            KIND_CRC => encoder.crc(),
            KIND_METADATA => encoder.metadata(replay.metadata),
            KIND_ENTRY => encoder.entry(&decoder.message(&record).unwrap()),
            KIND_STATE => encoder.hard_state(&decoder.message(&record).unwrap()),
            kind => {
                assert_eq!(kind, KIND_SNAPSHOT);
                encoder.snapshot(&decode::decode_mark(&decoder, &record).unwrap());
            }
        }
    }
    let bytes = encoder.take();
    assert_eq!(bytes, real[..bytes.len()]);
    assert_eq!(bytes.len(), 3048);
}

#[test]
fn agrees_with_a_model_over_many_files() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let mut disk = MemDisk::default();
        let (mut wal, ops) = Wal::create_with(DIR, IDS, 8192);
        disk.apply(&ops);
        let mut log: Vec<Entry> = Vec::new();
        let (mut term, mut hard, mut snapshot) = (1, HardState::default(), start());
        for _ in 0..150 {
            let mut count = random.below(6);
            if random.below(10) == 0 && log.len() as u64 > hard.commit {
                // A new leader overrules what was not committed.
                term += 1;
                log.truncate((hard.commit + random.below(3)).min(log.len() as u64) as usize);
                count += 1;
            }
            let first = log.len() as u64 + 1;
            let new: Vec<_> = (first..first + count)
                .map(|i| entry(term, i, random.below(700) as usize))
                .collect();
            log.extend(new.clone());
            let commit = hard.commit + random.below(log.len() as u64 - hard.commit + 1);
            let changed = state(term, IDS.node_id + term, commit);
            let changed = (random.below(3) > 0).then_some(changed);
            hard = changed.clone().unwrap_or(hard);
            let before = disk.clone();
            let ops = wal.save(changed.as_ref(), &new);
            assert!(ops.iter().filter(|op| matches!(op, DiskOp::Write { .. })).count() <= 2);
            crash_between(&before, &ops, &snapshot);
            disk.apply(&ops);
            if random.below(12) == 0 && hard.commit > snapshot.index {
                snapshot = mark(hard.commit, log[hard.commit as usize - 1].term);
                disk.apply(&wal.save_snapshot(&snapshot));
                disk.apply(&wal.release_to(snapshot.index));
                assert!(wal.files.len() <= FILES_KEPT || wal.files[0].needed);
            }
            let (reopened, replay) = Wal::open_with(&disk, DIR, &snapshot, 8192).unwrap();
            assert!(replay.entries == log[snapshot.index as usize..], "seed {seed}");
            assert_eq!((&replay.hard_state, replay.metadata), (&hard, IDS));
            assert_eq!(replay.repaired, None);
            if random.below(5) == 0 {
                disk.apply(&replay.ops);
                wal = reopened;
            }
        }
        assert!(wal.files.back().unwrap().sequence > 5, "files were cut");
    }
}

/// Between any two operations, and with the write cut anywhere, the log opens to a prefix of
/// what it will be, without the help of more than the repair.
fn crash_between(before: &MemDisk, ops: &[DiskOp], from: &SnapshotMetadata) {
    let entries = |disk: &MemDisk| {
        let (_, replay) = Wal::open_with(disk, DIR, from, 8192).expect("a crashed log opens");
        replay.entries
    };
    let old = entries(before);
    let mut after = before.clone();
    after.apply(ops);
    let new = entries(&after);
    let mut disk = before.clone();
    for op in ops {
        disk.apply_one(op);
        let seen = entries(&disk);
        assert!(seen == old || seen == new, "after {op:?}");
    }
    // The first write, torn at a sector.
    if let Some(DiskOp::Write { file, offset, bytes }) = ops.first() {
        let at = bytes.len() / 2;
        let at = (at as u64 + offset).next_multiple_of(512) - offset;
        let bytes = bytes.slice(..bytes.len().min(at as usize));
        let mut disk = before.clone();
        disk.apply_one(&DiskOp::Write { file: file.clone(), offset: *offset, bytes });
        let seen = entries(&disk);
        assert!(seen.len() <= old.len().max(new.len()));
        assert!(seen.iter().all(|entry| old.contains(entry) || new.contains(entry)));
    }
}

#[test]
fn every_cut_leaves_a_prefix() {
    let (disk, file, whole) = small();
    let end = disk.files[&file].0.len();
    // The head was durable before the file had its name: a cut in there is no torn write.
    let head = 16 + 8 + disk.files[&file].0[16].next_multiple_of(8) as usize;
    let mut counts = Vec::new();
    for len in 0..=end {
        // The file ends there; or the sectors from there on were never written.
        for torn in [false, true] {
            if torn && !len.is_multiple_of(512) {
                continue;
            }
            let mut cut = disk.clone();
            let held = cut.files.get_mut(&file).unwrap();
            held.0.truncate(len);
            held.1 = if torn { 16384 } else { len as u64 };
            let opened = open(&cut, &start());
            assert_eq!(opened.is_err(), len < head, "cut at {len}");
            let Ok((mut wal, replay)) = opened else { continue };
            let count = replay.entries.len();
            assert_eq!(replay.entries, whole.entries[..count], "cut at {len}");
            counts.push(count);
            // A cut within a record is a repair, one between records is none.
            let repaired = replay.repaired.clone();
            cut.apply(&replay.ops);
            assert_eq!(cut.files.contains_key(&format!("{file}.broken")), repaired.is_some());
            // What is appended afterwards is read again.
            let next = entry(9, count as u64 + 1, 3);
            cut.apply(&wal.save(None, std::slice::from_ref(&next)));
            let (_, again) = open(&cut, &start()).unwrap();
            assert_eq!(again.repaired, None);
            assert_eq!(again.entries.last(), Some(&next));
            assert_eq!(again.entries.len(), count + 1);
        }
    }
    assert_eq!(counts.iter().max(), Some(&4));
    assert!((0..4).all(|n| counts.contains(&n)));
}

#[test]
fn every_flipped_bit_is_reported_or_harmless() {
    let (disk, file, whole) = small();
    let end = disk.files[&file].0.len();
    let (mut reported, mut repaired, mut harmless) = (0, 0, 0);
    for bit in 0..(end + 64) * 8 {
        let mut bytes = disk.files[&file].0.clone();
        bytes.resize(end + 64, 0);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut flipped = disk.clone();
        flipped.files.insert(file.clone(), (bytes, 16384));
        let _ = valid_snapshots(&flipped, DIR);
        match open(&flipped, &start()) {
            Err(error) => {
                assert!(!error.to_string().is_empty());
                reported += 1;
            }
            Ok((_, replay)) if replay.repaired.is_some() => {
                let count = replay.entries.len();
                assert!(replay.entries == whole.entries[..count], "bit {bit}");
                repaired += 1;
            }
            Ok((_, mut replay)) => {
                // The first record of the first file says nothing; taken for a mark of the
                // beginning it still says nothing.
                replay.snapshots.dedup();
                assert!(without_ops(replay) == whole, "bit {bit}");
                harmless += 1;
            }
        }
    }
    // Most bits are data under the checksum. Lengths that reach too far look like a torn write,
    // to etcd as well; padding means nothing.
    assert!(reported > 4 * repaired, "{reported} {repaired} {harmless}");
}

#[test]
fn refuses_in_the_words_of_etcd() {
    let (disk, file, _) = small();
    assert_eq!(open(&MemDisk::default(), &start()).unwrap_err().to_string(), "wal: file not found");
    let mut damaged = disk;
    damaged.files.get_mut(&file).unwrap().0[220] ^= 1;
    let error = open(&damaged, &start()).unwrap_err();
    assert!(matches!(error, WalError::CrcMismatch { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("walpb: crc mismatch: expected: "), "{text}");
    let WalError::CrcMismatch { position, .. } = error else { unreachable!() };
    assert!((1..220).contains(&position), "the record holds byte 220");
    let place =
        format!(": in file '0000000000000000-0000000000000000.wal' at position: {position}");
    assert!(text.ends_with(&place), "{text}");
    assert!(valid_snapshots(&damaged, DIR).is_err());

    // A file that does not continue the one before it, one of another member, one missing.
    let (mut wal, ops) = Wal::create_with(DIR, IDS, 600);
    let mut two = MemDisk::default();
    two.apply(&ops);
    for index in 1..6 {
        two.apply(&wal.save(Some(&state(1, 1, 1)), &[entry(1, index, 300)]));
    }
    let names: Vec<_> = two.list(DIR).into_iter().filter(|name| name.ends_with("wal")).collect();
    assert!(names.len() > 2, "{names:?}");
    let path = |n: usize| format!("{DIR}/{}", names[n]);
    let mut missing = two.clone();
    missing.files.remove(&path(1));
    assert_eq!(open(&missing, &start()).unwrap_err().to_string(), "walpb: crc mismatch");
    missing.files.remove(&path(0));
    assert_eq!(open(&missing, &start()).unwrap_err(), WalError::NoFileForSnapshot { index: 0 });
    let mut other = two.clone();
    let (_, ops) = Wal::create_with("x", Metadata { node_id: 5, ..IDS }, 600);
    other.apply(&ops);
    let foreign = other.files["x/0000000000000000-0000000000000000.wal"].clone();
    other.files.insert(path(0), foreign);
    let error = open(&other, &start()).unwrap_err();
    assert_eq!(error.to_string(), "walpb: crc mismatch");
    // A bad end anywhere but in the last file is not repaired.
    let mut early = two;
    let held = early.files.get_mut(&path(0)).unwrap();
    held.0.truncate(held.0.len() - 8);
    held.1 = held.0.len() as u64;
    assert!(open(&early, &start()).unwrap_err().is_unexpected_eof());
}

#[test]
fn names_are_parsed_strictly() {
    let cases = [
        ("0000000000000000-0000000000000000.wal", true),
        ("00000000000000ff-0000000000002711.wal", true),
        ("0.tmp", false),
        ("0000000000000000-0000000000000000.wal.broken", false),
        ("000000000000000-00000000000000000.wal", false),
        ("+000000000000000-0000000000000000.wal", false),
        ("wal", false),
    ];
    for (name, good) in cases {
        assert_eq!(LogFile::parse(name).map(|file| file.name() == name), good.then_some(true));
        assert_eq!(exists(&[name.to_owned()]), name.ends_with(".wal"), "{name}");
    }
}

#[test]
fn a_sync_only_where_something_is_promised() {
    let (mut wal, _) = Wal::create(DIR, 1, 2);
    let synced = |ops: Vec<DiskOp>| ops.iter().any(|op| matches!(op, DiskOp::Sync { .. }));
    assert!(synced(wal.save(Some(&state(1, 0, 0)), &[])));
    assert!(synced(wal.save(Some(&state(1, 2, 0)), &[])));
    assert!(!synced(wal.save(Some(&state(1, 2, 7)), &[])));
    assert!(synced(wal.save(None, &[entry(1, 1, 1)])));
    assert_eq!(wal.save(None, &[]), []);
    assert_eq!(wal.save(Some(&HardState::default()), &[]), []);
}

#[test]
fn damage_never_panics() {
    let (disk, file, _) = small();
    let mut random = Random(3);
    for _ in 0..20_000 {
        let mut damaged = disk.clone();
        let held = damaged.files.get_mut(&file).unwrap();
        for _ in 0..1 + random.below(5) {
            let at = random.below(held.0.len() as u64) as usize;
            held.0[at] = random.below(256) as u8;
        }
        held.1 = if random.below(2) == 0 { 16384 } else { held.0.len() as u64 };
        let _ = valid_snapshots(&damaged, DIR);
        if let Ok((mut wal, replay)) = open(&damaged, &start()) {
            damaged.apply(&replay.ops);
            damaged.apply(&wal.save(None, &[entry(9, 1, 1)]));
        }
    }
    let garbage = MemDisk { files: [(file, (vec![0xff; 5000], 5000))].into_iter().collect() };
    assert!(open(&garbage, &start()).is_err());
    let _: Bytes = garbage.page("none", 0).unwrap_or_default();
}
