//! Hostile files: a snapshot of 256 KiB with one bit flipped is refused with a sentence or
//! harmless, never a panic; and no wrong value is read unless the checksum, and the hash of the
//! keyspace, tell of it.
//!
//! By default one bit in 512 is flipped, and every bit of the page headers and meta pages.
//! `BITFLIPS=all` flips all 2,097,152 (a quarter of an hour). The files of the log are flipped bit by bit
//! in `crates/etcd`.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that unwraps fails")]

use std::sync::atomic::{AtomicU64, Ordering};

use bolt::{Db, FileBytes, PageFile};
use bytes::Bytes;
use lab::session::Session;
use lab::typist::Typist;
use lab::{api::Input, worlds};
use mvcc::Store;
use mvcc::pb::{DeleteRangeRequest, PutRequest, RangeRequest};
use sha2::{Digest, Sha256};

const LEN: usize = 256 << 10;
const PAGE: usize = 4096;
/// Bytes of a page header, and of a meta page's.
const HEADER: usize = 16;
const META: usize = 80;

fn put(store: &mut Store, key: String, value: Vec<u8>, lease: i64) {
    let (key, value) = (Bytes::from(key), Bytes::from(value));
    store.put(&PutRequest { key, value, lease, ..Default::default() }).unwrap();
}

/// A snapshot of exactly 256 KiB, with all that a store can hold, and its checksum.
fn snapshot() -> Vec<u8> {
    let (mut store, _) = Store::create();
    store.lease_grant(7, 300, 0).unwrap();
    store.set("members", Bytes::from_static(b"8e9e05c52164694d"), Bytes::from_static(b"{}"));
    let mut number: u64 = 0;
    while store.image_now().size_bytes() < LEN as u64 {
        number += 1;
        let len = usize::try_from(number * 37 % 400).unwrap();
        let lease = if number.is_multiple_of(9) { 7 } else { 0 };
        put(&mut store, format!("key{:05}", number * 7919 % 700), vec![b'v'; len], lease);
        if number.is_multiple_of(11) {
            let key = Bytes::from(format!("key{:05}", number * 31 % 700));
            let delete = DeleteRangeRequest { key, ..Default::default() };
            store.delete_range(&delete).unwrap();
        }
        if number == 60 {
            put(&mut store, "large".to_owned(), vec![b'L'; 30_000], 0);
            store.compact(20).unwrap();
            while store.compact_step() {}
        }
        drop(store.commit());
    }
    let mut file = store.image().to_bytes().to_vec();
    assert_eq!(file.len(), LEN, "the file has the size the test is about");
    let sum = Sha256::digest(&file);
    file.extend_from_slice(&sum);
    file
}

/// A file with one bit of one page flipped; all else is shared.
struct Flipped<'f> {
    file: &'f FileBytes,
    bit: u64,
}

impl PageFile for Flipped<'_> {
    fn len_bytes(&self) -> u64 {
        self.file.len_bytes()
    }

    fn page(&self, pgid: u64) -> Result<Bytes, bolt::Error> {
        self.run(pgid, 1)
    }

    fn run(&self, pgid: u64, count: u64) -> Result<Bytes, bolt::Error> {
        let run = self.file.run(pgid, count)?;
        let Some(at) = (self.bit / 8).checked_sub(pgid * PAGE as u64) else { return Ok(run) };
        let Ok(at) = usize::try_from(at) else { return Ok(run) };
        if at >= run.len() {
            return Ok(run);
        }
        let mut run = run.to_vec();
        run[at] ^= 1 << (self.bit % 8);
        Ok(Bytes::from(run))
    }
}

/// Opens as a restore without a look at the checksum does; none is a refusal with a sentence.
fn opened(file: &dyn PageFile) -> Option<Store> {
    match Db::open(file) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
        Ok(db) => match Store::open(db) {
            Err(error) => {
                assert!(!error.to_string().is_empty());
                None
            }
            Ok(store) => Some(store),
        },
    }
}

/// All pairs now and at an older revision, and the leases: what a client can read.
fn values(store: &Store) -> impl PartialEq + Sync + use<> {
    let all = Bytes::from_static(b"\0");
    let at = |revision| {
        let request = RangeRequest {
            key: all.clone(),
            range_end: all.clone(),
            revision,
            ..Default::default()
        };
        store.range(&request)
    };
    (at(0), at(100), store.revision())
}

/// Whether a bit is flipped in a default run.
fn chosen(bit: usize) -> bool {
    let (page, within) = (bit / 8 / PAGE, bit / 8 % PAGE);
    let structure = if page < 2 { META } else { HEADER };
    within < structure || (bit / 512 * 229 + 11) % 512 == bit % 512
}

#[test]
fn a_flipped_bit_in_a_snapshot_is_refused_or_harmless_or_known_by_its_hash() {
    let whole = snapshot();
    let file = FileBytes(Bytes::from(whole).slice(..LEN));
    let sound = opened(&file).unwrap();
    let (expected, hash) = (values(&sound), sound.hash_kv(0).unwrap().hash);
    let every = std::env::var("BITFLIPS").is_ok_and(|text| text == "all");
    let (refused, harmless, told) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let look = |bit: usize| {
        let flipped = Flipped { file: &file, bit: bit as u64 };
        let count = match opened(&flipped) {
            None => &refused,
            Some(store) if store.hash_kv(0).unwrap().hash != hash => &told,
            Some(store) => {
                assert!(values(&store) == expected, "bit {bit}: a wrong value, and no hash tells");
                &harmless
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let look = &look;
            scope.spawn(move || {
                let bits = (0..LEN * 8).filter(|bit| every || chosen(*bit));
                for bit in bits.skip(worker).step_by(workers) {
                    look(bit);
                }
            });
        }
    });
    let count = [refused, harmless, told].map(AtomicU64::into_inner);
    println!("refused {}, harmless {}, told by the hash {}", count[0], count[1], count[2]);
    assert!(count.iter().all(|count| *count > 500), "each of the three happens: {count:?}");
}

#[test]
fn the_checksum_tells_of_every_flipped_bit() {
    let whole = snapshot();
    let (file, sum) = whole.split_at(LEN);
    for bit in (0..LEN * 8).step_by(8191) {
        let mut flipped = file.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(Sha256::digest(&flipped)[..], *sum, "bit {bit}");
    }
}

#[test]
fn etcdutl_refuses_a_flipped_bit_and_says_why() {
    let whole = snapshot();
    let options = worlds::options("cluster", 1, "3.6", 1).unwrap();
    let mut session = Session::new(options).unwrap();
    session.settle_in().unwrap();
    let mut typist = Typist::new(session, "n1", 60_000_000);
    let mut run = |bytes: Vec<u8>, command: &str| {
        let (host, path) = ("n1".to_owned(), "/root/s.db".to_owned());
        typist.session_mut().apply(Input::Push { host, path, bytes }).unwrap();
        let outcome = typist.run(command, &mut |_, _| {}).unwrap();
        (outcome.exit, String::from_utf8_lossy(&outcome.stderr).into_owned())
    };
    let restore = "rm -rf r; etcdutl snapshot restore s.db --data-dir r";
    let (exit, said) = run(whole.clone(), restore);
    assert_eq!(exit, 0, "{said}");
    for number in 0..60 {
        let bit = (number * 34_963 + 17) % (whole.len() * 8);
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (exit, said) = run(flipped.clone(), restore);
        assert!(exit != 0 && said.contains("sha256"), "bit {bit}: {said}");
        // Without a look at the checksum it is another sentence, or none; never a panic of ours.
        run(flipped, &format!("{restore} --skip-hash-check"));
    }
}
