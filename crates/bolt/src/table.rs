//! Where a database keeps the bytes of its pages: a table by page id that clones in next to no
//! time, because its chunks are shared until one of the copies changes them.

use std::rc::Rc;

use bytes::Bytes;

use crate::PAGE_LEN;

const CHUNK: u64 = 64;

type Chunk = Rc<Vec<Option<Bytes>>>;

/// Pages in use by id. The first page of a run holds the bytes of the whole run, the pages after
/// it the rest from there on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    chunks: Vec<Option<Chunk>>,
}

impl Table {
    /// The run that starts at a page in use.
    pub(crate) fn run(&self, pgid: u64) -> &Bytes {
        self.get(pgid).expect("a reachable page is in the table")
    }

    pub(crate) fn get(&self, pgid: u64) -> Option<&Bytes> {
        let chunk = self.chunks.get((pgid / CHUNK) as usize)?.as_ref()?;
        chunk[(pgid % CHUNK) as usize].as_ref()
    }

    pub(crate) fn insert(&mut self, pgid: u64, run: &Bytes) {
        assert!(!run.is_empty() && run.len().is_multiple_of(PAGE_LEN), "a run is whole pages");
        for (at, id) in (0..run.len()).step_by(PAGE_LEN).zip(pgid..) {
            *self.slot(id) = Some(if at == 0 { run.clone() } else { run.slice(at..) });
        }
    }

    pub(crate) fn remove(&mut self, pgid: u64, count: u64) {
        for id in pgid..pgid + count {
            *self.slot(id) = None;
        }
    }

    fn slot(&mut self, pgid: u64) -> &mut Option<Bytes> {
        let index = (pgid / CHUNK) as usize;
        if index >= self.chunks.len() {
            self.chunks.resize(index + 1, None);
        }
        let chunk = self.chunks[index].get_or_insert_with(|| Rc::new(vec![None; CHUNK as usize]));
        &mut Rc::make_mut(chunk)[(pgid % CHUNK) as usize]
    }
}
