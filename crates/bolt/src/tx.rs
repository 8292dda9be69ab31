//! A write transaction: changes decoded nodes in memory, and on commit writes them to free pages.

use bytes::Bytes;
use flat::Map;

use crate::db::{Bucket, Db, GROW_BYTES};
use crate::node::Node;
use crate::page::{BUCKET_LEN, ELEMENT_BUCKET, NO_FREELIST};
use crate::spans::Spans;
use crate::{KEY_LEN_MAX, PAGE_LEN, PAGE_SIZE, cursor};

/// How full bbolt leaves the pages of a node it splits, where nothing else is asked for.
const FILL_DEFAULT: u8 = 50;

/// What a transaction wants written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a commit exists on disk only when its pages are written"]
pub struct Commit {
    /// Page runs (first page, n x 4096 bytes) in write order, the meta page last. The writer
    /// syncs before the meta page and again after it.
    pub pages: Vec<(u64, Bytes)>,
    /// The pages ever used, in bytes: what etcd calls the size of the database.
    pub size_bytes: u64,
    /// The length the file must have before the pages are written. bbolt grows a file in steps
    /// of 16 MiB, as a hole; the file never shrinks.
    pub file_bytes: u64,
}

/// The one write transaction of a [`Db`]. Dropping it without [`Tx::commit`] changes nothing.
#[derive(Debug)]
pub struct Tx<'a> {
    db: &'a mut Db,
    /// The bucket of buckets, decoded once a bucket appears or goes.
    root: Option<Node>,
    /// Touched buckets by name; none where the bucket was deleted.
    buckets: Map<Bytes, Option<Work>>,
    freed: Vec<(u64, u64)>,
}

/// A touched bucket.
#[derive(Debug)]
struct Work {
    /// Decoded with the first change.
    root: Option<Node>,
    bucket: Bucket,
    fill: u8,
}

impl Work {
    fn new(bucket: Bucket) -> Work {
        Work { root: None, bucket, fill: FILL_DEFAULT }
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn new(db: &'a mut Db) -> Tx<'a> {
        db.release_pending();
        Tx { db, root: None, buckets: Map::new(), freed: Vec::new() }
    }

    /// Whether the bucket exists.
    pub fn has_bucket(&self, name: &[u8]) -> bool {
        match self.buckets.get(name) {
            Some(touched) => touched.is_some(),
            None => self.db.buckets.contains_key(name),
        }
    }

    /// Creates a bucket; false when it exists already.
    pub fn create_bucket(&mut self, name: &[u8]) -> bool {
        assert!(!name.is_empty() && name.len() as u64 <= KEY_LEN_MAX, "a bucket has a name");
        if self.has_bucket(name) {
            return false;
        }
        let name = Bytes::copy_from_slice(name);
        let bucket = Bucket::empty();
        self.decode_root();
        let root = self.root.as_mut().expect("just decoded");
        root.put(&self.db.table, name.clone(), bucket.to_value(), ELEMENT_BUCKET);
        self.buckets.insert(name, Some(Work::new(bucket)));
        true
    }

    /// Deletes a bucket with all it holds; false when there is none of that name.
    pub fn delete_bucket(&mut self, name: &[u8]) -> bool {
        if !self.has_bucket(name) {
            return false;
        }
        let work = self.work(name);
        let root = work.root.take();
        let bucket = work.bucket.clone();
        let root = root.unwrap_or_else(|| bucket.decode(&self.db.table));
        root.free_tree(&self.db.table, &mut self.freed);
        self.decode_root();
        let root = self.root.as_mut().expect("just decoded");
        assert!(root.delete(&self.db.table, name), "the root bucket lists every bucket");
        self.buckets.insert(Bytes::copy_from_slice(name), None);
        true
    }

    /// Sets how full pages of the bucket are left when they split, 10 to 100 percent; it holds
    /// for this transaction. etcd asks for 90 wherever it only appends (bucket `key`).
    pub fn set_fill_percent(&mut self, bucket: &[u8], percent: u8) {
        self.work(bucket).fill = percent.clamp(10, 100);
    }

    /// Stores a value.
    pub fn put(&mut self, bucket: &[u8], key: Bytes, value: Bytes) {
        assert!(!key.is_empty() && key.len() as u64 <= KEY_LEN_MAX, "a key has 1 to 32768 bytes");
        assert!((value.len() as u64) < 1 << 30, "a value is shorter than 1 GiB");
        let (work, db) = self.decoded(bucket);
        let root = work.root.as_mut().expect("decoded");
        if root.put(&db.table, key, value, 0) {
            work.bucket.len += 1;
        }
    }

    /// Deletes a key; false when it is not there.
    pub fn delete(&mut self, bucket: &[u8], key: &[u8]) -> bool {
        // A bucket nobody changes is not decoded for a key that is not there.
        let untouched = self.work(bucket).root.is_none();
        if untouched && self.get(bucket, key).is_none() {
            return false;
        }
        let (work, db) = self.decoded(bucket);
        let deleted = work.root.as_mut().expect("decoded").delete(&db.table, key);
        work.bucket.len -= u64::from(deleted);
        deleted
    }

    /// The value of a key as this transaction sees it.
    pub fn get(&self, bucket: &[u8], key: &[u8]) -> Option<Bytes> {
        match self.buckets.get(bucket) {
            Some(None) => None,
            Some(Some(Work { root: Some(root), .. })) => {
                root.get(&self.db.table, key).map(|(_, value)| value)
            }
            Some(Some(Work { bucket, .. })) => {
                cursor::get(&self.db.table, bucket.page(&self.db.table), key).map(|(_, v)| v)
            }
            None => self.db.get(bucket, key),
        }
    }

    /// Ends the transaction: the database is in the new state, and the commit says what to write.
    pub fn commit(mut self) -> Commit {
        self.rebalance();
        let mut pages = self.spill();
        let Tx { db, freed, .. } = self;
        db.pending.extend(freed);
        if db.meta.freelist != NO_FREELIST {
            let run = db.freelist_run;
            db.pending.push((std::mem::replace(&mut db.meta.freelist, NO_FREELIST), run));
        }
        for (pgid, run) in &db.pending {
            db.table.remove(*pgid, *run);
        }
        flat::sort_by_key(&mut pages, |(pgid, _)| *pgid);
        for (pgid, run) in &pages {
            db.table.insert(*pgid, run);
        }
        db.meta.txid += 1;
        db.free_pages = db.free.pages();
        let size_bytes = db.size_bytes();
        if db.file_bytes < size_bytes + PAGE_SIZE && db.grown_from < db.meta.high_water {
            db.file_bytes = size_bytes + PAGE_SIZE + GROW_BYTES;
        }
        db.grown_from = db.meta.high_water;
        let meta_page = db.meta.page();
        pages.push((meta_page, Bytes::from(db.meta.render(meta_page))));
        Commit { pages, size_bytes, file_bytes: db.file_bytes }
    }

    fn rebalance(&mut self) {
        let Tx { db, root, buckets, freed } = self;
        if let Some(root) = root {
            root.rebalance(FILL_DEFAULT, &db.table, freed);
        }
        for work in buckets.values_mut().flatten() {
            if let Some(root) = &mut work.root {
                root.rebalance(work.fill, &db.table, freed);
            }
        }
    }

    /// Renders what changed, buckets by name before the bucket of buckets.
    fn spill(&mut self) -> Vec<(u64, Bytes)> {
        let mut pages = Vec::new();
        for (name, touched) in std::mem::take(&mut self.buckets) {
            let Some(mut work) = touched else {
                self.db.buckets.remove(&name);
                continue;
            };
            if let Some(node) = work.root.take() {
                if node.is_inlineable() {
                    let mut image = Vec::new();
                    node.render_inline(&mut image, &mut self.freed);
                    (work.bucket.root, work.bucket.inline) = (0, Bytes::from(image));
                } else {
                    let mut writer = self.writer(&mut pages);
                    work.bucket.root = node.spill_root(work.fill, &mut writer);
                    work.bucket.inline = Bytes::new();
                }
                self.decode_root();
                let value = work.bucket.to_value();
                let root = self.root.as_mut().expect("just decoded");
                root.put(&self.db.table, name.clone(), value, ELEMENT_BUCKET);
            }
            self.db.buckets.insert(name, work.bucket);
        }
        if let Some(root) = self.root.take() {
            let mut writer = self.writer(&mut pages);
            self.db.meta.root = root.spill_root(FILL_DEFAULT, &mut writer);
        }
        pages
    }

    fn writer<'w>(&'w mut self, pages: &'w mut Vec<(u64, Bytes)>) -> Writer<'w> {
        Writer {
            free: &mut self.db.free,
            high_water: &mut self.db.meta.high_water,
            freed: &mut self.freed,
            pages,
        }
    }

    fn decode_root(&mut self) {
        if self.root.is_none() {
            let pgid = self.db.meta.root;
            self.root = Some(Node::decode(pgid, self.db.table.run(pgid)));
        }
    }

    /// The touched bucket of that name. A missing bucket is a mistake of the caller.
    fn work(&mut self, name: &[u8]) -> &mut Work {
        if !self.buckets.contains_key(name) {
            let bucket = self.db.buckets.get(name);
            let bucket = bucket.unwrap_or_else(|| panic!("no bucket {}", name.escape_ascii()));
            let work = Work::new(bucket.clone());
            self.buckets.insert(Bytes::copy_from_slice(name), Some(work));
        }
        let work = self.buckets.get_mut(name).expect("just inserted");
        work.as_mut().unwrap_or_else(|| panic!("bucket {} was deleted", name.escape_ascii()))
    }

    fn decoded(&mut self, name: &[u8]) -> (&mut Work, &Db) {
        self.work(name);
        let work = self.buckets.get_mut(name).and_then(Option::as_mut).expect("touched above");
        if work.root.is_none() {
            work.root = Some(work.bucket.decode(&self.db.table));
        }
        (work, self.db)
    }
}

/// Where nodes are written: fresh pages, the lowest free ones first.
pub(crate) struct Writer<'a> {
    free: &'a mut Spans,
    high_water: &'a mut u64,
    pub(crate) freed: &'a mut Vec<(u64, u64)>,
    pages: &'a mut Vec<(u64, Bytes)>,
}

impl Writer<'_> {
    /// Allocates pages for `size` bytes and has them rendered.
    pub(crate) fn write(
        &mut self,
        size: usize,
        render: impl FnOnce(u64, u32, &mut Vec<u8>),
    ) -> u64 {
        let run = size.div_ceil(PAGE_LEN);
        let pgid = self.free.take(run as u64).unwrap_or_else(|| {
            let pgid = *self.high_water;
            *self.high_water += run as u64;
            pgid
        });
        let mut out = Vec::with_capacity(run * PAGE_LEN);
        render(pgid, run as u32 - 1, &mut out);
        assert_eq!(out.len(), size, "a node renders to the size it was measured at");
        out.resize(run * PAGE_LEN, 0);
        self.pages.push((pgid, Bytes::from(out)));
        pgid
    }
}

/// The value of a bucket in the bucket of buckets.
pub(crate) fn bucket_value(root: u64, sequence: u64, inline: &[u8]) -> Bytes {
    let mut value = Vec::with_capacity(BUCKET_LEN + inline.len());
    value.extend_from_slice(&root.to_le_bytes());
    value.extend_from_slice(&sequence.to_le_bytes());
    value.extend_from_slice(inline);
    Bytes::from(value)
}
