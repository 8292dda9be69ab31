//! One function a target: bytes in, a panic if something is wrong.

use std::cell::RefCell;

use bolt::{Db, FileBytes, PageFile};
use bytes::Bytes;
use lab::recipe;
use lab::session::Session;
use lab::typist::Typist;
use lab::worlds;
use mvcc::Store;
use mvcc::pb::{DeleteRangeRequest, PutRequest, RangeRequest};
use sha2::{Digest, Sha256};

const PAGE: usize = 4096;

/// The bbolt reader: a file that opens is sound in every use, one that does not has a sentence.
pub fn bolt(data: &[u8]) {
    for sealed in [false, true] {
        let mut file = data.to_vec();
        if sealed {
            (0..2).for_each(|page| seal(&mut file, page));
        }
        let file = FileBytes(Bytes::from(file));
        let problems = bolt::check(&file);
        match Db::open(&file) {
            Err(error) => {
                assert!(!error.to_string().is_empty() && !problems.is_empty());
            }
            Ok(db) => use_up(db),
        }
    }
}

/// Makes the checksum of a meta page right, or nothing would look further.
fn seal(file: &mut [u8], page: usize) {
    let Some(meta) = file.get_mut(page * PAGE + 16..page * PAGE + 80) else { return };
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for byte in &meta[..56] {
        sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    meta[56..].copy_from_slice(&sum.to_le_bytes());
}

/// Everything a database offers.
fn use_up(mut db: Db) {
    let names = db.bucket_names();
    let all = |db: &Db| -> Vec<(Bytes, Bytes, Bytes)> {
        let of = |name: &Bytes| {
            let name = name.clone();
            db.range(&name, b"").map(move |(key, value)| (name.clone(), key, value)).collect()
        };
        db.bucket_names().iter().flat_map(|name| -> Vec<_> { of(name) }).collect()
    };
    let before = all(&db);
    let (copy, _) = db.defragmented();
    assert_eq!(all(&copy), before, "a copy has the same entries");
    let mut tx = db.tx();
    for (name, key, value) in before.iter().step_by(3) {
        assert_eq!(tx.get(name, key).as_ref(), Some(value));
        tx.delete(name, key);
    }
    if let Some(name) = names.first() {
        tx.put(name, Bytes::from_static(b"a new key"), Bytes::from(vec![b'x'; 5000]));
    }
    drop(tx.commit());
    let image = db.image();
    let again = Db::open(&image).expect("what was written by us opens");
    assert_eq!(all(&again), all(&db));
    assert_eq!(image.len_bytes(), image.to_bytes().len() as u64);
}

/// A snapshot file, as `snapshot restore --skip-hash-check` reads it: a store that opens can be
/// read, written, compacted and opened again.
pub fn snapshot(data: &[u8]) {
    let mut file = data.to_vec();
    if file.len() % 512 == 32 {
        file.truncate(file.len() - 32);
    }
    (0..2).for_each(|page| seal(&mut file, page));
    let Ok(db) = Db::open(&FileBytes(Bytes::from(file))) else { return };
    let mut store = match Store::open(db) {
        Ok(store) => store,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let all = Bytes::from_static(b"\0");
    let range = |revision| RangeRequest {
        key: all.clone(),
        range_end: all.clone(),
        revision,
        ..RangeRequest::default()
    };
    let _ = (store.hash_kv(0), store.range(&range(0)), store.range(&range(store.compacted())));
    store.lease_promote(1, 1);
    for id in store.lease_list() {
        let _ = (store.lease_info(id, 5), store.lease_renew(id, 5));
    }
    let put = PutRequest { key: all.clone(), value: all.clone(), ..PutRequest::default() };
    store.put(&put).expect("a put without conditions");
    let delete = DeleteRangeRequest { key: all.clone(), range_end: all, prev_kv: true };
    store.delete_range(&delete).expect("a delete without conditions");
    while store.compact_step() {}
    let _ = store.compact(store.revision() - 1);
    while store.compact_step() {}
    drop(store.commit());
    let again = Store::open(store.image().open().expect("our own file")).expect("our own store");
    assert_eq!(again.running_hash(), store.running_hash());
}

/// So many lines are typed into one world.
const LINES: u32 = 300;

thread_local! {
    static WORLD: RefCell<Option<(u32, Typist)>> = const { RefCell::new(None) };
}

/// A line of etcdctl, word by word as it is, in a living world. A word ends with a blank.
pub fn etcdctl(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(2000)]).into_owned();
    let quoted = |word: &str| format!("'{}'", word.replace(['\'', '\0', '\n', '\r'], ""));
    let words: Vec<String> = text.split(' ').map(quoted).collect();
    let line = format!("echo 'put a 1' | etcdctl {}", words.join(" "));
    WORLD.with_borrow_mut(|world| {
        // A panic leaves none behind.
        let (typed, mut typist) =
            world.take().filter(|(typed, _)| *typed < LINES).unwrap_or_else(|| (0, fresh()));
        let outcome = typist.run(&line, &mut |_, _| {}).expect("no checker finds anything");
        assert!((0..=255).contains(&outcome.exit), "{line}");
        *world = Some((typed + 1, typist));
    });
}

fn fresh() -> Typist {
    let options = worlds::options("cluster", 1, "3.6", 1).expect("the options of a test");
    let mut session = Session::new(options).expect("a world");
    session.settle_in().expect("a cluster");
    Typist::new(session, "n1", 20_000_000)
}

/// A recipe: as it is, and with its checksum made right, and around any plain text.
pub fn recipe(data: &[u8]) {
    look(data);
    let mut sealed = data.to_vec();
    if sealed.len() > 16 {
        sealed[..4].copy_from_slice(b"QLAB");
        sealed[4..8].copy_from_slice(&lab::api::RECIPE_FORMAT.to_le_bytes());
        let sum = Sha256::digest(&sealed[16..]);
        sealed[8..16].copy_from_slice(&sum[..8]);
        look(&sealed);
        let packed = miniz_oxide::deflate::compress_to_vec(&sealed[16..], 1);
        let sum = Sha256::digest(&packed);
        let whole = [&sealed[..8], &sum[..8], &packed].concat();
        look(&whole);
    }
}

/// What is a recipe survives its own form, and its world begins.
fn look(bytes: &[u8]) {
    let Ok(recipe) = recipe::from_bytes(bytes) else { return };
    assert_eq!(recipe::from_bytes(&recipe::to_bytes(&recipe)).as_ref(), Ok(&recipe));
    if let Ok(mut session) = Session::load(recipe) {
        let _ = session.advance(8_000_000, 30_000);
    }
}

/// The text of a share link.
pub fn link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(recipe) = recipe::from_text(&text) {
        let again = recipe::to_text(&recipe);
        assert_eq!(recipe::from_text(&again).as_ref(), Ok(&recipe));
    }
}
