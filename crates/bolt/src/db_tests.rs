//! Tests of whole databases: contents, sizes, crashes, and files that lie.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::testing::Random;
use crate::{Commit, Db, Error, FileBytes, PAGE_SIZE, PageFile, Problem, check};

/// A disk with one file.
#[derive(Clone, Default)]
struct Disk(Vec<u8>);

impl Disk {
    /// Writes the first `count` page runs of a commit.
    fn write(&mut self, commit: &Commit, count: usize) {
        self.0.resize(self.0.len().max(commit.size_bytes as usize), 0);
        for (pgid, run) in &commit.pages[..count] {
            self.write_at((pgid * PAGE_SIZE) as usize, run);
        }
    }

    fn write_all(&mut self, commit: &Commit) {
        self.write(commit, commit.pages.len());
    }

    fn write_at(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn file(&self) -> FileBytes {
        FileBytes(Bytes::from(self.0.clone()))
    }

    fn open(&self) -> Db {
        let file = self.file();
        assert_eq!(check(&file), []);
        Db::open(&file).expect("our own file opens")
    }
}

type Model = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>;

fn contents(db: &Db) -> Model {
    let mut model = Model::new();
    for name in db.bucket_names() {
        let entries: BTreeMap<_, _> =
            db.range(&name, b"").map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
        assert_eq!(db.bucket_len(&name), entries.len() as u64);
        model.insert(name.to_vec(), entries);
    }
    model
}

fn value(len: u64, random: &mut Random) -> Bytes {
    Bytes::from(vec![random.below(256) as u8; len as usize])
}

fn revision(n: u64) -> Bytes {
    Bytes::from([&n.to_be_bytes()[..], b"_", &[0; 8]].concat())
}

const ETCD_BUCKETS: [&[u8]; 10] = [
    b"alarm",
    b"auth",
    b"authRoles",
    b"authUsers",
    b"cluster",
    b"key",
    b"lease",
    b"members",
    b"members_removed",
    b"meta",
];

#[test]
fn a_fresh_member_has_the_sizes_of_the_real_one() {
    // The real one says 20 kB of which 16 kB are in use, and its file has 16801792 bytes.
    let (mut db, _) = Db::create();
    let mut sizes = Vec::new();
    for round in 0..4u64 {
        let mut tx = db.tx();
        for name in ETCD_BUCKETS {
            assert_eq!(tx.create_bucket(name), round == 0);
        }
        let index = Bytes::copy_from_slice(&round.to_be_bytes());
        tx.put(b"meta", Bytes::from_static(b"consistent_index"), index);
        let commit = tx.commit();
        assert_eq!((commit.size_bytes, commit.file_bytes), (20480, 16_801_792));
        sizes.push((db.size_bytes(), db.in_use_bytes()));
    }
    assert_eq!(sizes, [(20480, 20480), (20480, 16384), (20480, 16384), (20480, 16384)]);
    // etcdutl defrag says 12288 in use for the same contents.
    let (fresh, commit) = db.defragmented();
    assert_eq!((fresh.size_bytes(), fresh.in_use_bytes()), (20480, 12288));
    let mut disk = Disk::default();
    disk.write_all(&commit);
    let reopened = disk.open();
    assert_eq!((reopened.size_bytes(), reopened.in_use_bytes()), (20480, 12288));
    assert_eq!(contents(&reopened), contents(&db));
}

/// One random change of a transaction, in the model as well.
fn change(tx: &mut crate::Tx<'_>, model: &mut Model, random: &mut Random, counter: &mut u64) {
    let names: [&[u8]; 4] = [b"append", b"random", b"small", b"come-and-go"];
    let name = names[random.below(4) as usize];
    if name == b"come-and-go" && random.below(8) == 0 {
        assert_eq!(tx.delete_bucket(name), model.remove(name).is_some());
    }
    if !tx.has_bucket(name) {
        assert!(tx.create_bucket(name));
        model.insert(name.to_vec(), BTreeMap::new());
    }
    let entries = model.get_mut(name).expect("the bucket was created");
    if name == b"append" {
        tx.set_fill_percent(name, 90);
    }
    if random.below(100) < 55 {
        *counter += 1;
        let key = match name {
            b"append" => revision(*counter),
            b"small" => Bytes::from(format!("{}", random.below(12))),
            _ => Bytes::from(format!("key-{:05}", random.below(3000))),
        };
        let len = match random.below(40) {
            0 if name != b"small" => random.below(20000),
            1..10 => random.below(900),
            _ => random.below(60),
        };
        let value = value(len, random);
        entries.insert(key.to_vec(), value.to_vec());
        tx.put(name, key, value);
    } else {
        // Deletes come in runs from a random place, as a compaction's do.
        let from = format!("key-{:05}", random.below(3000)).into_bytes();
        let count = random.below(6) as usize;
        let mut keys: Vec<_> = match name {
            b"append" | b"small" => entries.keys().take(count).cloned().collect(),
            _ => entries.range(from..).take(count).map(|(key, _)| key.clone()).collect(),
        };
        keys.push(b"no such key".to_vec());
        for key in keys {
            assert_eq!(tx.delete(name, &key), entries.remove(&key).is_some());
            assert_eq!(tx.get(name, &key), None);
        }
    }
    let probe = entries.keys().nth(random.below(1 + entries.len() as u64) as usize);
    if let Some(key) = probe {
        assert_eq!(tx.get(name, key).expect("the model has it"), entries[key]);
    }
}

#[test]
fn agrees_with_a_map_and_survives_every_crash() {
    for seed in 0..12 {
        let mut random = Random::new(seed);
        let (mut db, commit) = Db::create();
        let mut disk = Disk::default();
        disk.write_all(&commit);
        let (mut model, mut counter) = (Model::new(), 0);
        for round in 0..60 {
            let before = model.clone();
            let mut tx = db.tx();
            for _ in 0..random.below(if round % 10 == 9 { 800 } else { 60 }) {
                change(&mut tx, &mut model, &mut random, &mut counter);
            }
            if random.below(8) == 0 {
                drop(tx);
                model = before;
                assert_eq!(contents(&db), model);
                continue;
            }
            let commit = tx.commit();
            assert_eq!(contents(&db), model);
            crash_everywhere(&disk, &commit, &before, &model, &mut random);
            disk.write_all(&commit);
            let reopened = disk.open();
            assert_eq!(contents(&reopened), model);
            assert_eq!(reopened.size_bytes(), db.size_bytes());
            if random.below(6) == 0 {
                db = reopened;
            }
        }
        let (small, commit) = db.defragmented();
        assert_eq!(contents(&small), model);
        let mut copy = Disk::default();
        copy.write_all(&commit);
        assert_eq!(contents(&copy.open()), model);
        let mut image = Disk::default();
        image.0 = db.image().to_bytes().to_vec();
        assert_eq!(contents(&image.open()), model);
        assert_eq!(contents(&db.image().open().expect("an image opens")), model);
    }
}

/// The state after each prefix of the page writes is the old one or the new one. Data pages may
/// also reach the disk in any order, as they are not synced one by one, and the meta page may be
/// torn.
fn crash_everywhere(
    disk: &Disk,
    commit: &Commit,
    before: &Model,
    after: &Model,
    random: &mut Random,
) {
    let (meta_pgid, meta) = commit.pages.last().expect("a commit ends with a meta page");
    let data = commit.pages.len() - 1;
    let step = 1 + data / 12;
    for count in (0..=data).step_by(step) {
        let mut crashed = disk.clone();
        crashed.write(commit, count);
        assert_eq!(&contents(&crashed.open()), before, "{count} of {data} pages written");
    }
    let mut crashed = disk.clone();
    for (pgid, run) in &commit.pages[..data] {
        if random.below(2) == 0 {
            crashed.write(&Commit { pages: vec![(*pgid, run.clone())], ..commit.clone() }, 1);
        }
    }
    crashed.0.resize(crashed.0.len().max(commit.size_bytes as usize), 0);
    assert_eq!(&contents(&crashed.open()), before);
    crashed.write(commit, data);
    let cut = random.below(PAGE_SIZE) as usize;
    crashed.write_at((meta_pgid * PAGE_SIZE) as usize, &meta[..cut]);
    let torn = contents(&crashed.open());
    assert!(&torn == before || &torn == after, "meta page torn at {cut}");
}

#[test]
fn an_image_does_not_change() {
    let (mut db, _) = Db::create();
    let mut tx = db.tx();
    tx.create_bucket(b"b");
    for n in 0..2000u64 {
        tx.put(b"b", revision(n), Bytes::from(vec![1; 100]));
    }
    let _ = tx.commit();
    let (image, model) = (db.image(), contents(&db));
    let bytes = image.to_bytes();
    for round in 0..10u64 {
        let mut tx = db.tx();
        for n in 0..200 {
            tx.delete(b"b", &revision(round * 200 + n));
        }
        let _ = tx.commit();
    }
    assert_eq!(db.bucket_len(b"b"), 0);
    assert_eq!(image.to_bytes(), bytes);
    assert_eq!(contents(&image.open().expect("it opens")), model);
    assert_eq!(bytes.len() as u64, image.size_bytes());
}

#[test]
fn pages_fill_as_bbolt_fills_them() {
    // 117-byte entries take 133 bytes: 27 to a page of 3686 bytes, 15 to one of 2048.
    for (fill, per_page) in [(90, 27), (50, 15)] {
        let (mut db, _) = Db::create();
        let mut tx = db.tx();
        tx.create_bucket(b"key");
        tx.set_fill_percent(b"key", fill);
        for n in 0..1000u64 {
            tx.put(b"key", revision(n), Bytes::from(vec![7; 100]));
        }
        let commit = tx.commit();
        let leaves = commit.pages.iter().filter(|(_, run)| run[8] == 2 && run[10] == per_page);
        // What is left for the last page fits in it whole.
        assert_eq!(leaves.count() as u64, 1000 / u64::from(per_page) - 1);
        // All gone again: the bucket is inline and every page but one is free.
        for _ in 0..2 {
            let mut tx = db.tx();
            for n in 0..1000u64 {
                tx.delete(b"key", &revision(n));
            }
            let _ = tx.commit();
        }
        let _ = db.tx().commit();
        assert_eq!(db.buckets[&b"key"[..]].root, 0);
        assert_eq!(db.in_use_bytes(), 3 * PAGE_SIZE);
    }
}

#[test]
fn a_file_of_another_writer_opens() {
    let bytes = Bytes::from_static(include_bytes!("../tests/data/foreign.db"));
    let file = FileBytes(bytes);
    assert_eq!(check(&file), []);
    let mut db = Db::open(&file).expect("it is sound");
    assert_eq!(db.bucket_len(b"key"), 400);
    assert_eq!(db.bucket_len(b"members"), 30);
    assert_eq!(db.bucket_len(b"lease"), 0);
    assert_eq!(db.get(b"meta", b"term").expect("there"), 3u64.to_be_bytes()[..]);
    let (key, value) = db.range(b"key", &revision(400)).next().expect("there");
    assert_eq!((key, value.len()), (revision(400), 9016));
    // Its stored freelist goes with the first commit.
    let mut tx = db.tx();
    assert!(tx.delete(b"key", &revision(400)));
    let commit = tx.commit();
    let mut disk = Disk(file.0.to_vec());
    disk.write_all(&commit);
    assert_eq!(disk.open().bucket_len(b"key"), 399);
}

#[test]
fn a_file_of_the_real_etcd_opens_and_goes_on() {
    // etcd 3.5.1, one member, 25 puts, stopped in order.
    let bytes = include_bytes!("../tests/data/etcd-3.5.1.db");
    let mut disk = Disk(bytes.to_vec());
    let mut db = disk.open();
    assert_eq!(db.bucket_names(), ETCD_BUCKETS.map(Bytes::from_static));
    let counts = ETCD_BUCKETS.map(|name| db.bucket_len(name));
    assert_eq!(counts, [0, 1, 0, 0, 1, 25, 0, 1, 0, 3]);
    assert_eq!((db.size_bytes(), db.in_use_bytes(), db.txid()), (24576, 16384, 17));
    let (key, value) = db.range(b"key", b"").next().expect("there");
    assert_eq!((key, &value[..4]), (revision(2), &b"\x0a\x02k1"[..]));
    assert_eq!(db.get(b"cluster", b"clusterVersion").expect("there"), "3.5.0");
    let before = contents(&db);
    let mut tx = db.tx();
    tx.put(b"cluster", Bytes::from_static(b"clusterVersion"), Bytes::from_static(b"3.6.0"));
    let commit = tx.commit();
    // Three pages were free, so the file does not grow.
    assert_eq!(commit.size_bytes, 24576);
    disk.write(&commit, commit.pages.len() - 1);
    assert_eq!(contents(&disk.open()), before);
    disk.write_all(&commit);
    assert_eq!(disk.open().get(b"cluster", b"clusterVersion").expect("there"), "3.6.0");
}

/// A small file with a branch, an inline bucket and an overflow value, and where its pages are.
fn small_file() -> Disk {
    let (mut db, commit) = Db::create();
    let mut disk = Disk::default();
    disk.write_all(&commit);
    let mut tx = db.tx();
    for name in [b"alarm", b"inner"] {
        tx.create_bucket(name);
    }
    tx.create_bucket(b"key");
    tx.put(b"inner", Bytes::from_static(b"a"), Bytes::from_static(b"1"));
    tx.put(b"inner", Bytes::from_static(b"b"), Bytes::from_static(b"2"));
    for n in 0..5u64 {
        tx.put(b"key", revision(n), Bytes::from(vec![n as u8; 1300]));
    }
    tx.put(b"key", revision(5), Bytes::from(vec![9; 5000]));
    disk.write_all(&tx.commit());
    disk
}

/// Uses everything a database offers, in a file that opened.
fn exercise(mut db: Db) {
    let entries: Vec<_> = db
        .bucket_names()
        .iter()
        .flat_map(|name| db.range(name, b"").map(|(key, _)| (name.clone(), key)))
        .collect();
    let _ = db.defragmented();
    let mut tx = db.tx();
    for (name, key) in entries {
        assert!(tx.get(&name, &key).is_some());
        tx.put(&name, revision(3), Bytes::from_static(b"x"));
        tx.delete(&name, &key);
    }
    let _ = tx.commit();
    let _ = db.image().to_bytes();
}

#[test]
fn no_flipped_bit_leads_to_a_panic() {
    let disk = small_file();
    let sound = contents(&disk.open());
    let mut silent = 0;
    for bit in 0..disk.0.len() * 8 {
        let mut bytes = disk.0.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let file = FileBytes(Bytes::from(bytes));
        let opened = Db::open(&file);
        assert_eq!(opened.is_err(), !check(&file).is_empty(), "bit {bit}");
        if let Ok(db) = opened {
            if contents(&db) != sound {
                silent += 1;
            }
            if bit % 7 == 0 {
                exercise(db);
            }
        }
    }
    // What nothing in the format protects: the bytes of keys and values, and a key's length at
    // the expense of its value's.
    assert!(silent > 50_000, "{silent}");
}

#[test]
fn random_damage_never_panics() {
    let disk = small_file();
    let mut random = Random::new(77);
    for _ in 0..30_000 {
        let mut bytes = disk.0.clone();
        for _ in 0..1 + random.below(6) {
            // Mostly where the structure is: the first bytes of a page.
            let page = random.below(disk.0.len() as u64 / PAGE_SIZE);
            let within = if random.below(4) == 0 { PAGE_SIZE } else { 120 };
            let at = (page * PAGE_SIZE + random.below(within)) as usize;
            bytes[at] = [0, 1, 2, 4, 5, 6, 16, 255][random.below(8) as usize];
        }
        for pgid in 0..2 {
            seal(&mut bytes, pgid);
        }
        bytes.truncate(random.below(40 * bytes.len() as u64) as usize);
        let file = FileBytes(Bytes::from(bytes));
        let problems = check(&file);
        match Db::open(&file) {
            Ok(db) => exercise(db),
            Err(error) => {
                assert!(!problems.is_empty());
                assert!(!error.to_string().is_empty());
            }
        }
    }
}

/// Gives a meta page the checksum its bytes ask for.
fn seal(bytes: &mut [u8], pgid: usize) {
    let at = pgid * PAGE_SIZE as usize + 16;
    let sum = bytes[at..at + 56].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    bytes[at + 56..at + 64].copy_from_slice(&sum.to_le_bytes());
}

/// One damage: its name, page, offset, the bytes written there, what is found.
type Damage = (&'static str, u64, u64, Vec<u8>, Problem);

fn damages(disk: &Disk) -> Vec<Damage> {
    // The last commit of the small file is transaction 2: its meta page is page 0.
    let at = |page: u64| (page * PAGE_SIZE) as usize;
    let db = disk.open();
    let (root, branch) = (db.meta.root, db.buckets[&b"key"[..]].root);
    let high_water = db.meta.high_water;
    let branch_at = at(branch);
    let child = |n: usize| {
        let from = branch_at + 16 + n * 16 + 8;
        u64::from_le_bytes(disk.0[from..from + 8].try_into().expect("eight bytes"))
    };
    let (leaf, second) = (child(0), child(1));
    let key_value = disk.0[at(root)..]
        .windows(19)
        .position(|w| &w[..3] == b"key" && w[3..11] == branch.to_le_bytes())
        .expect("the root lists the bucket") as u64;
    let le = |n: u64| n.to_le_bytes().to_vec();
    vec![
        ("id", leaf, 0, le(99), Problem::WrongId { page: leaf, found: 99 }),
        ("type", leaf, 8, vec![16, 0], Problem::InvalidType { page: leaf, flags: 16 }),
        (
            "leaf count",
            leaf,
            10,
            vec![255, 255],
            Problem::ElementsOutOfBounds { page: leaf, count: 65535 },
        ),
        (
            "overflow",
            second,
            12,
            vec![200],
            Problem::OutOfBounds { page: second + 200, high_water },
        ),
        ("no children", branch, 10, vec![0], Problem::EmptyBranch { page: branch }),
        ("cycle", branch, 24, le(branch), Problem::MultipleReferences { page: branch }),
        ("twice", branch, 40, le(leaf), Problem::MultipleReferences { page: leaf }),
        ("child 0", branch, 24, le(0), Problem::OutOfBounds { page: 0, high_water }),
        (
            "child far",
            branch,
            24,
            le(u64::MAX),
            Problem::OutOfBounds { page: u64::MAX, high_water },
        ),
        ("key length", leaf, 24, vec![0; 4], Problem::KeyLength { page: leaf, index: 0, len: 0 }),
        (
            "value length",
            leaf,
            28,
            vec![255; 4],
            Problem::ElementOutOfBounds { page: leaf, index: 0 },
        ),
        ("position", leaf, 20, vec![255; 4], Problem::ElementOutOfBounds { page: leaf, index: 0 }),
        ("nested", leaf, 16, vec![1], Problem::NestedBucket { page: leaf, index: 0 }),
        ("flags", leaf, 16, vec![6], Problem::ElementFlags { page: leaf, index: 0, flags: 6 }),
        ("plain", root, 16, vec![0], Problem::NotABucket { page: root, index: 0 }),
        ("short bucket", root, 28, vec![9, 0], Problem::BucketHeader { page: root, index: 0 }),
        ("bucket root", root, key_value + 3, le(1), Problem::OutOfBounds { page: 1, high_water }),
    ]
}

#[test]
fn each_kind_of_damage_has_its_name() {
    let disk = small_file();
    for (name, page, offset, bytes, problem) in damages(&disk) {
        let mut damaged = disk.clone();
        damaged.write_at((page * PAGE_SIZE + offset) as usize, &bytes);
        let file = damaged.file();
        let problems = check(&file);
        assert_eq!(Db::open(&file).map(|_| ()), Err(Error::Damaged(problem.clone())), "{name}");
        assert!(problems.contains(&problem), "{name}: {problems:?}");
    }
}

#[test]
fn a_useless_file_is_named_as_etcdutl_names_it() {
    let disk = small_file();
    let open = |bytes: &[u8]| match Db::open(&bytes.to_vec()) {
        Ok(_) => "opened".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(open(b""), "invalid database");
    assert_eq!(open(&[b'x'; 9000]), "invalid database");
    assert_eq!(open(&disk.0[..5000]), "file size too small 5000");
    assert_eq!(open(&disk.0[..12288]), "file size too small 12288, 10 pages needed");
    // One meta page is enough, and the older one leads to the older state.
    let mut bytes = disk.0;
    bytes[100..200].fill(1);
    bytes[60] ^= 1;
    assert_eq!(Db::open(&bytes).map(|db| db.txid()), Ok(1));
    bytes[4096 + 60] ^= 1;
    assert_eq!(open(&bytes), "invalid database");
}

#[test]
fn a_stored_freelist_is_compared() {
    let bytes = include_bytes!("../tests/data/foreign.db");
    let file = FileBytes(Bytes::from_static(bytes));
    let freelist = Db::open(&file).expect("sound").meta.freelist;
    let at = (freelist * PAGE_SIZE) as usize;
    let with = |ids: &[u64]| {
        let mut damaged = bytes.to_vec();
        damaged[at + 10] = ids.len() as u8;
        for (n, id) in ids.iter().enumerate() {
            damaged[at + 16 + n * 8..][..8].copy_from_slice(&id.to_le_bytes());
        }
        check(&damaged)
    };
    let high_water = file.len_bytes() / PAGE_SIZE;
    assert_eq!(with(&[]), []);
    assert_eq!(with(&[5]), [Problem::ReachableFreed { page: 5 }]);
    assert_eq!(with(&[1]), [Problem::FreeOutOfBounds { page: 1, high_water }]);
    let twice = [Problem::ReachableFreed { page: 5 }, Problem::AlreadyFreed { page: 5 }];
    assert_eq!(with(&[5, 5]), twice);
}

#[test]
fn a_tree_without_end_is_refused() {
    // A chain of branches, each with one child.
    let pages = 60u64;
    let mut bytes = vec![0; (pages * PAGE_SIZE) as usize];
    let meta =
        crate::page::Meta { root: 2, sequence: 0, freelist: u64::MAX, high_water: pages, txid: 4 };
    bytes[..4096].copy_from_slice(&meta.render(0));
    for pgid in 2..pages {
        let at = (pgid * PAGE_SIZE) as usize;
        bytes[at..at + 8].copy_from_slice(&pgid.to_le_bytes());
        bytes[at + 8] = 1;
        bytes[at + 10] = 1;
        bytes[at + 16] = 16;
        bytes[at + 20] = 1;
        bytes[at + 24..at + 32].copy_from_slice(&(pgid + 1).to_le_bytes());
        bytes[at + 32] = b'k';
    }
    assert_eq!(Db::open(&bytes).map(|_| ()), Err(Problem::TooDeep { page: 42 }.into()));
}
