//! A database as of one commit, as a value: what a snapshot carries.

use bytes::Bytes;

use crate::page::Meta;
use crate::table::Table;
use crate::{Db, Error, PAGE_LEN, PAGE_SIZE, PageFile};

static ZEROS: [u8; PAGE_LEN] = [0; PAGE_LEN];

/// All pages of a database as of one commit. Cloning it, and holding it while the database goes
/// on, costs next to nothing: the pages are shared.
#[derive(Clone, Debug)]
pub struct Image {
    table: Table,
    meta: Meta,
}

impl Image {
    pub(crate) fn new(table: Table, meta: Meta) -> Image {
        Image { table, meta }
    }

    /// The length of the image: pages ever used, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.meta.high_water * PAGE_SIZE
    }

    /// The number of the transaction the image was taken after.
    pub fn txid(&self) -> u64 {
        self.meta.txid
    }

    /// Page runs in use, by page, both meta pages first. What lies between them is free and
    /// reads as zeros.
    pub fn pages(&self) -> impl Iterator<Item = (u64, Bytes)> + '_ {
        let mut next = 2;
        let runs = std::iter::from_fn(move || {
            while next < self.meta.high_water {
                let pgid = next;
                let run = self.table.get(pgid);
                next += run.map_or(1, |run| run.len() as u64 / PAGE_SIZE);
                if let Some(run) = run {
                    return Some((pgid, run.clone()));
                }
            }
            None
        });
        [(0, self.meta_page(0)), (1, self.meta_page(1))].into_iter().chain(runs)
    }

    /// The file as `snapshot save` writes it, without the SHA-256 at its end.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.size_bytes() as usize);
        for (pgid, run) in self.pages() {
            out.resize((pgid * PAGE_SIZE) as usize, 0);
            out.extend_from_slice(&run);
        }
        out.resize(self.size_bytes() as usize, 0);
        Bytes::from(out)
    }

    /// A database that begins in this state.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn open(&self) -> Result<Db, Error> {
        Db::open(self)
    }

    /// The first meta page is of the image's transaction, the second of the one before, with the
    /// same root, as bbolt copies a file.
    fn meta_page(&self, pgid: u64) -> Bytes {
        let txid = if pgid == 0 { self.meta.txid } else { self.meta.txid.saturating_sub(1) };
        Bytes::from(Meta { txid, ..self.meta }.render(pgid))
    }
}

impl PageFile for Image {
    fn len_bytes(&self) -> u64 {
        self.size_bytes()
    }

    fn page(&self, pgid: u64) -> Result<Bytes, Error> {
        match pgid {
            0 | 1 => Ok(self.meta_page(pgid)),
            _ if pgid >= self.meta.high_water => Err(Error::Unreadable { page: pgid }),
            _ => Ok(match self.table.get(pgid) {
                Some(run) => run.slice(..PAGE_LEN),
                None => Bytes::from_static(&ZEROS),
            }),
        }
    }

    fn run(&self, pgid: u64, count: u64) -> Result<Bytes, Error> {
        match self.table.get(pgid) {
            Some(run) if run.len() as u64 >= count * PAGE_SIZE => {
                Ok(run.slice(..(count * PAGE_SIZE) as usize))
            }
            _ => (pgid..pgid + count)
                .map(|id| self.page(id))
                .collect::<Result<Vec<_>, _>>()
                .map(|pages| Bytes::from(pages.concat())),
        }
    }
}
