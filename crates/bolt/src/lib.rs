//! The file format of bbolt, etcd's storage engine, over an abstract file of pages.
//!
//! A [`Db`] is a set of named buckets, each a B+tree of ordered keys. Pages are kept as the bytes
//! they have on disk and shared with whoever holds an [`Image`]; a write transaction ([`Tx`])
//! decodes only what it touches and its [`Commit`] lists the pages to write, the meta page last.
//! Until that last page is on disk the old tree stays whole, so a crash between any two page
//! writes leaves the state before or the state after.
//!
//! What it is not: it does no I/O, knows no keys' meaning and no buckets inside buckets (etcd has
//! none). A file that comes from outside is checked in full by [`Db::open`] before anything
//! relies on it.
//!
//! Suggested reading: `page` (bytes), `node` (split and merge), `tx`, `db`, `walk` (the checks).

mod cursor;
mod db;
mod error;
mod image;
mod node;
mod page;
mod spans;
mod table;
#[cfg(test)]
mod testing;
mod tx;
mod walk;

pub use crate::cursor::Range;
pub use crate::db::Db;
pub use crate::error::{Error, Problem};
pub use crate::image::Image;
pub use crate::tx::{Commit, Tx};
pub use crate::walk::check;

use bytes::Bytes;

/// The size of a page in bytes, the same on every host of the lab.
pub const PAGE_SIZE: u64 = 4096;

/// The longest file accepted, in pages: 16 GiB, twice what etcd advises at most.
pub const PAGES_MAX: u64 = 1 << 22;

/// The longest key bbolt takes, in bytes.
pub const KEY_LEN_MAX: u64 = 32768;

/// [`PAGE_SIZE`] for indexing memory.
pub(crate) const PAGE_LEN: usize = 4096;

/// A file of pages. Reading one page must be cheap: implementors share their bytes.
pub trait PageFile {
    /// The length of the file in bytes.
    fn len_bytes(&self) -> u64;

    /// The page with the given id, exactly [`PAGE_SIZE`] bytes.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when the file cannot give the page.
    fn page(&self, pgid: u64) -> Result<Bytes, Error>;

    /// A run of `count` pages as one piece. Only worth implementing where the pages of a run lie
    /// in one piece already.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when the file cannot give one of the pages.
    fn run(&self, pgid: u64, count: u64) -> Result<Bytes, Error> {
        if count == 1 {
            return self.page(pgid);
        }
        let mut bytes = Vec::new();
        for id in pgid..pgid.saturating_add(count) {
            bytes.extend_from_slice(&self.page(id)?);
        }
        Ok(Bytes::from(bytes))
    }
}

/// A whole file in memory.
#[derive(Clone, Debug)]
pub struct FileBytes(pub Bytes);

impl PageFile for FileBytes {
    fn len_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn page(&self, pgid: u64) -> Result<Bytes, Error> {
        self.run(pgid, 1)
    }

    fn run(&self, pgid: u64, count: u64) -> Result<Bytes, Error> {
        let from = pgid.checked_mul(PAGE_SIZE);
        let until = pgid.checked_add(count).and_then(|end| end.checked_mul(PAGE_SIZE));
        match (from, until) {
            (Some(from), Some(until)) if until <= self.len_bytes() => {
                Ok(self.0.slice(from as usize..until as usize))
            }
            _ => Err(Error::Unreadable { page: pgid }),
        }
    }
}

impl PageFile for Vec<u8> {
    fn len_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn page(&self, pgid: u64) -> Result<Bytes, Error> {
        let from = pgid.checked_mul(PAGE_SIZE).filter(|from| *from < self.len() as u64);
        let page = from.and_then(|from| self.get(from as usize..from as usize + PAGE_LEN));
        page.map(Bytes::copy_from_slice).ok_or(Error::Unreadable { page: pgid })
    }
}
