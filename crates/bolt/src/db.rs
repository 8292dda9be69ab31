//! A database: the table of its pages, the directory of its buckets and the free pages.

use bytes::Bytes;
use flat::Map;

use crate::cursor::{self, Range};
use crate::image::Image;
use crate::node::Node;
use crate::page::{BUCKET_LEN, FLAG_FREELIST, FLAG_LEAF, HEADER_LEN, Header, Meta};
use crate::spans::Spans;
use crate::table::Table;
use crate::tx::{Commit, Tx, bucket_value};
use crate::walk;
use crate::{Error, PAGE_LEN, PAGE_SIZE, PageFile};

/// How far bbolt grows a file beyond what it needs.
pub(crate) const GROW_BYTES: u64 = 16 * 1024 * 1024;

/// etcd's defrag copies this many keys and then commits.
const DEFRAG_KEYS: u64 = 10_000;
const DEFRAG_FILL: u8 = 90;

/// A database in memory, in the state of its last commit.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) table: Table,
    pub(crate) meta: Meta,
    pub(crate) buckets: Map<Bytes, Bucket>,
    pub(crate) free: Spans,
    /// Freed by the last transaction: the tree on disk before it still needs them should its meta
    /// page be lost, so they are reused from the next transaction on.
    pub(crate) pending: Vec<(u64, u64)>,
    /// Free pages after the last commit, without those pending.
    pub(crate) free_pages: u64,
    /// The pages of a stored freelist, until the first commit drops it.
    pub(crate) freelist_run: u64,
    pub(crate) file_bytes: u64,
    /// The high-water mark the file was last looked at for growing.
    pub(crate) grown_from: u64,
}

/// One bucket of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The root page, or 0 for an inline bucket.
    pub(crate) root: u64,
    pub(crate) sequence: u64,
    /// The leaf page image of an inline bucket.
    pub(crate) inline: Bytes,
    /// The number of entries.
    pub(crate) len: u64,
}

impl Bucket {
    pub(crate) fn empty() -> Bucket {
        let mut inline = Vec::with_capacity(HEADER_LEN);
        Header { id: 0, flags: FLAG_LEAF, count: 0, overflow: 0 }.append_to(&mut inline);
        Bucket { root: 0, sequence: 0, inline: Bytes::from(inline), len: 0 }
    }

    /// The bucket's value in the bucket of buckets.
    pub(crate) fn to_value(&self) -> Bytes {
        bucket_value(self.root, self.sequence, &self.inline)
    }

    pub(crate) fn from_value(value: &Bytes, len: u64) -> Bucket {
        let root = crate::page::u64_at(value, 0);
        let inline = if root == 0 { value.slice(BUCKET_LEN..) } else { Bytes::new() };
        Bucket { root, sequence: crate::page::u64_at(value, 8), inline, len }
    }

    /// The bytes of the bucket's root page.
    pub(crate) fn page<'b>(&'b self, table: &'b Table) -> &'b Bytes {
        if self.root == 0 { &self.inline } else { table.run(self.root) }
    }

    pub(crate) fn decode(&self, table: &Table) -> Node {
        Node::decode(self.root, self.page(table))
    }
}

impl Db {
    /// A fresh file as bbolt lays it out: two meta pages, an empty freelist, an empty leaf.
    pub fn create() -> (Db, Commit) {
        let meta = Meta { root: 3, sequence: 0, freelist: 2, high_water: 4, txid: 1 };
        let empty = |id, flags| {
            let mut page = Vec::with_capacity(PAGE_LEN);
            Header { id, flags, count: 0, overflow: 0 }.append_to(&mut page);
            page.resize(PAGE_LEN, 0);
            Bytes::from(page)
        };
        let (freelist, root) = (empty(2, FLAG_FREELIST), empty(3, FLAG_LEAF));
        let mut table = Table::default();
        table.insert(2, &freelist);
        table.insert(3, &root);
        let older = Bytes::from(Meta { txid: 0, ..meta }.render(0));
        let newer = Bytes::from(meta.render(1));
        let size_bytes = meta.high_water * PAGE_SIZE;
        let db = Db {
            table,
            meta,
            buckets: Map::new(),
            free: Spans::default(),
            pending: Vec::new(),
            free_pages: 0,
            freelist_run: 1,
            file_bytes: size_bytes,
            grown_from: meta.high_water,
        };
        let pages = vec![(2, freelist), (3, root), (0, older), (1, newer)];
        (db, Commit { pages, size_bytes, file_bytes: size_bytes })
    }

    /// Opens a file after looking at every page in use.
    ///
    /// # Errors
    /// The first thing found wrong. No file, however made, leads to a panic.
    pub fn open(file: &dyn PageFile) -> Result<Db, Error> {
        let tree = walk::open(file)?;
        let free = tree.used.complement(2, tree.meta.high_water);
        Ok(Db {
            table: tree.table,
            meta: tree.meta,
            buckets: tree.buckets,
            free_pages: free.pages(),
            free,
            pending: Vec::new(),
            freelist_run: tree.freelist_run,
            file_bytes: file.len_bytes(),
            grown_from: tree.meta.high_water,
        })
    }

    /// The value of a key.
    pub fn get(&self, bucket: &[u8], key: &[u8]) -> Option<Bytes> {
        let bucket = self.buckets.get(bucket)?;
        cursor::get(&self.table, bucket.page(&self.table), key).map(|(_, value)| value)
    }

    /// The entries of a bucket from a key on, ascending; none when there is no such bucket.
    pub fn range(&self, bucket: &[u8], from: &[u8]) -> Range<'_> {
        match self.buckets.get(bucket) {
            Some(bucket) => Range::new(&self.table, bucket.page(&self.table).clone(), from),
            None => Range::empty(&self.table),
        }
    }

    /// The names of all buckets, ascending.
    pub fn bucket_names(&self) -> Vec<Bytes> {
        self.buckets.keys().cloned().collect()
    }

    /// Whether the bucket exists.
    pub fn has_bucket(&self, bucket: &[u8]) -> bool {
        self.buckets.contains_key(bucket)
    }

    /// The number of entries of a bucket, 0 when there is no such bucket.
    pub fn bucket_len(&self, bucket: &[u8]) -> u64 {
        self.buckets.get(bucket).map_or(0, |bucket| bucket.len)
    }

    /// Begins the one write transaction.
    pub fn tx(&mut self) -> Tx<'_> {
        Tx::new(self)
    }

    /// Pages ever used, in bytes: etcd's `dbSize`.
    pub fn size_bytes(&self) -> u64 {
        self.meta.high_water * PAGE_SIZE
    }

    /// [`Db::size_bytes`] without free pages: etcd's `dbSizeInUse`. Pages the last transaction
    /// freed count as used until the next one, as they do in bbolt.
    pub fn in_use_bytes(&self) -> u64 {
        self.size_bytes() - self.free_pages * PAGE_SIZE
    }

    /// The length the file has: at least [`Db::size_bytes`], because bbolt grows it ahead.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The number of the last transaction.
    pub fn txid(&self) -> u64 {
        self.meta.txid
    }

    /// A copy of the present state that shares its pages.
    pub fn image(&self) -> Image {
        Image::new(self.table.clone(), self.meta)
    }

    /// The same entries in a fresh file, as etcd's defrag copies them. The commit holds the whole
    /// new file.
    pub fn defragmented(&self) -> (Db, Commit) {
        let (mut fresh, _) = Db::create();
        let mut file_bytes = fresh.file_bytes;
        let mut copied = 0;
        let mut tx = fresh.tx();
        for name in self.buckets.keys() {
            tx.create_bucket(name);
            tx.set_fill_percent(name, DEFRAG_FILL);
            for (key, value) in self.range(name, b"") {
                copied += 1;
                if copied > DEFRAG_KEYS {
                    file_bytes = tx.commit().file_bytes.max(file_bytes);
                    copied = 0;
                    tx = fresh.tx();
                    tx.set_fill_percent(name, DEFRAG_FILL);
                }
                tx.put(name, key, value);
            }
        }
        let last = tx.commit();
        fresh.release_pending();
        // etcd opens the new file again, and then all pages out of use are free.
        fresh.free_pages = fresh.free.pages();
        let mut pages: Vec<_> = fresh.image().pages().collect();
        pages.rotate_left(2);
        if fresh.meta.page() == 0 {
            let metas = pages.len() - 2;
            pages.swap(metas, metas + 1);
        }
        let size_bytes = fresh.size_bytes();
        fresh.file_bytes = last.file_bytes.max(file_bytes);
        let commit = Commit { pages, size_bytes, file_bytes: fresh.file_bytes };
        (fresh, commit)
    }

    /// Lets the pages freed by the last transaction be used again.
    pub(crate) fn release_pending(&mut self) {
        for (pgid, run) in std::mem::take(&mut self.pending) {
            self.free.insert(pgid, run).expect("a page is freed once");
        }
    }
}

#[cfg(test)]
#[path = "db_tests.rs"]
mod tests;
