//! One file between its cache and the device.
//!
//! Whatever is written shows at once to everyone who reads (`live`). The device holds an
//! older image until the write is on it. When that is, is known the moment a sync is asked
//! for, so durability is a question about a time and needs no event of its own: each
//! pending change carries the time it is sent to the device and the time from which it
//! is safe.

use std::collections::VecDeque;

use bytes::Bytes;

use super::pages::{PAGE_BYTES, Pages, split};
use crate::rng::Rng;

/// What nobody syncs is written back after this time, as Linux does (`dirty_expire`).
pub(crate) const WRITEBACK_US: u64 = 30_000_000;

/// The device writes sectors of this size as one: half of one is never seen.
pub(crate) const SECTOR_BYTES: usize = 512;

/// A change on its way to the device.
#[derive(Clone, Debug)]
struct Pending {
    /// When it is sent to the device; before that a power loss leaves nothing of it.
    issued_us: u64,
    /// From when on it is safe.
    durable_us: u64,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Page(u64, Bytes),
    /// A length that was set.
    Size(u64),
    /// A length that grew by writing. It reaches the device after what was written, as in
    /// ext4 (`data=ordered`): a file never ends in something that was not written.
    Grown(u64),
}

/// A file's content, in the cache and on the device.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileData {
    size: u64,
    live: Pages,
    /// Pages from the start that `Allocate` reserved: writing them needs no more space.
    reserved_pages: u64,
    device_size: u64,
    device: Pages,
    /// Oldest first.
    pending: VecDeque<Pending>,
}

impl FileData {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn page(&self, page_no: u64) -> Option<Bytes> {
        (page_no < self.size.div_ceil(PAGE_BYTES)).then(|| self.live.page(page_no))
    }

    /// Up to `len` bytes; fewer at the end of the file.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Bytes {
        if offset >= self.size {
            return Bytes::new();
        }
        self.live.read(offset, len.min(self.size - offset))
    }

    /// Pages the file takes on the disk.
    pub(crate) fn allocated_pages(&self) -> u64 {
        self.reserved_pages + self.live.count_from(self.reserved_pages)
    }

    /// Pages a write would have to allocate.
    pub(crate) fn pages_needed(&self, offset: u64, len: u64) -> u64 {
        if len == 0 {
            return 0;
        }
        let first = (offset / PAGE_BYTES).max(self.reserved_pages);
        let last = (offset + len - 1) / PAGE_BYTES;
        (first..=last).filter(|&no| self.live.get(no).is_none()).count() as u64
    }

    /// Pages that reserving a length would have to allocate.
    pub(crate) fn reserve_needed(&self, len: u64) -> u64 {
        let pages = len.div_ceil(PAGE_BYTES);
        if pages <= self.reserved_pages {
            return 0;
        }
        let there = self.live.count_from(self.reserved_pages) - self.live.count_from(pages);
        pages - self.reserved_pages - there
    }

    pub(crate) fn reserve(&mut self, len: u64) {
        self.reserved_pages = self.reserved_pages.max(len.div_ceil(PAGE_BYTES));
    }

    /// Writes parts, all in one call: the file's length grows at the end of it, if at all.
    pub(crate) fn write<'a>(
        &mut self,
        parts: impl IntoIterator<Item = (u64, &'a Bytes)>,
        issued_us: u64,
    ) {
        let mut end = self.size;
        for (offset, bytes) in parts {
            for (page_no, page) in split(&self.live, offset, bytes) {
                self.push(issued_us, Change::Page(page_no, page.clone()));
                self.live.set(page_no, page);
            }
            end = end.max(offset + bytes.len() as u64);
        }
        if end > self.size {
            self.size = end;
            self.push(issued_us, Change::Grown(end));
        }
    }

    /// Cuts the file or lengthens it with a hole.
    pub(crate) fn set_size(&mut self, size: u64, issued_us: u64) {
        if size == self.size {
            return;
        }
        let shorter = size < self.size;
        self.size = size;
        self.push(issued_us, Change::Size(size));
        if shorter {
            let pages = size.div_ceil(PAGE_BYTES);
            self.reserved_pages = self.reserved_pages.min(pages);
            // What follows the end in its page must read as zeros if the file grows again.
            if let Some(page) = cut_tail(&mut self.live, size) {
                self.push(issued_us, Change::Page(size / PAGE_BYTES, page));
            }
        }
    }

    fn push(&mut self, issued_us: u64, change: Change) {
        let durable_us = issued_us + WRITEBACK_US;
        self.pending.push_back(Pending { issued_us, durable_us, change });
    }

    /// All that was sent to the device by `issued_us` is safe from `done_us` on.
    pub(crate) fn sync(&mut self, issued_us: u64, done_us: u64) {
        for pending in &mut self.pending {
            if pending.issued_us <= issued_us {
                pending.durable_us = pending.durable_us.min(done_us);
            }
        }
    }

    /// Moves to the device's image what is safe by now, so that the list stays short.
    pub(crate) fn retire(&mut self, now_us: u64) {
        while self.pending.front().is_some_and(|pending| pending.durable_us <= now_us) {
            let pending = self.pending.pop_front().expect("the front was just seen");
            self.arrive(pending.change);
        }
    }

    fn arrive(&mut self, change: Change) {
        match change {
            Change::Page(page_no, page) => self.device.set(page_no, page),
            Change::Size(size) | Change::Grown(size) => {
                // The zeros after a new end within its page are a change of their own.
                if size < self.device_size {
                    self.device.cut(size.div_ceil(PAGE_BYTES));
                }
                self.device_size = size;
            }
        }
    }

    /// The power fails: what was safe stays, of what was on its way to the device each
    /// sector may or may not have arrived, the rest is gone.
    pub(crate) fn lose_power(&mut self, now_us: u64, rng: &mut Rng) {
        self.retire(now_us);
        let pending = std::mem::take(&mut self.pending);
        let issued: Vec<Pending> =
            pending.into_iter().filter(|pending| pending.issued_us <= now_us).collect();
        // Lengths that arrive take all that was written before them along.
        let whole = issued.iter().rposition(|pending| match pending.change {
            Change::Grown(_) => pending.durable_us <= now_us || rng.next_u64() & 1 == 1,
            Change::Page(..) | Change::Size(_) => false,
        });
        for (index, pending) in issued.into_iter().enumerate() {
            let arrives = pending.durable_us <= now_us;
            match pending.change {
                Change::Page(page_no, page) if !arrives && whole.is_none_or(|it| it < index) => {
                    let old = self.device.page(page_no);
                    self.device.set(page_no, torn(&old, &page, rng));
                }
                Change::Grown(_) if whole.is_none_or(|it| it < index) => {}
                Change::Size(_) if !arrives && rng.next_u64() & 1 == 0 => {}
                change => self.arrive(change),
            }
        }
        // Pages that arrived beyond the end of the file belong to nobody.
        let size = self.device_size;
        cut_tail(&mut self.device, size);
        self.size = size;
        self.reserved_pages = self.reserved_pages.min(size.div_ceil(PAGE_BYTES));
        self.live = self.device.clone();
    }

    /// The medium decays: one bit each of up to `pages` pages changes, in the cache and on
    /// the device alike. Bytes that hold something are hit first: damage to padding would
    /// not show. False when the file is empty.
    pub(crate) fn flip_bits(&mut self, pages: u32, rng: &mut Rng) -> bool {
        if self.size == 0 {
            return false;
        }
        let numbers: Vec<u64> = self
            .live
            .numbers()
            .filter(|&no| self.live.get(no).is_some_and(|page| page.iter().any(|&b| b != 0)))
            .collect();
        if numbers.is_empty() {
            let byte = rng.below(self.size.min(PAGE_BYTES)) as usize;
            self.flip_bit(0, byte, rng);
            return true;
        }
        for _ in 0..pages.min(numbers.len() as u32) {
            let page_no = numbers[rng.below(numbers.len() as u64) as usize];
            let page = self.live.page(page_no);
            let used: Vec<usize> = (0..page.len()).filter(|&i| page[i] != 0).collect();
            // An earlier flip may have cleared the page's only byte.
            if !used.is_empty() {
                let byte = used[rng.below(used.len() as u64) as usize];
                self.flip_bit(page_no, byte, rng);
            }
        }
        true
    }

    fn flip_bit(&mut self, page_no: u64, byte: usize, rng: &mut Rng) {
        let mask = 1 << rng.below(8);
        let flip = |page: &Bytes| {
            let mut page = page.to_vec();
            page[byte] ^= mask;
            Bytes::from(page)
        };
        self.live.set(page_no, flip(&self.live.page(page_no)));
        self.device.set(page_no, flip(&self.device.page(page_no)));
        for pending in &mut self.pending {
            if let Change::Page(no, page) = &mut pending.change
                && *no == page_no
            {
                *page = flip(page);
            }
        }
    }
}

/// Drops the pages behind the end and zeroes the rest of the last one, which is returned
/// when it changed.
fn cut_tail(pages: &mut Pages, size: u64) -> Option<Bytes> {
    pages.cut(size.div_ceil(PAGE_BYTES));
    let kept = (size % PAGE_BYTES) as usize;
    let page = pages.get(size / PAGE_BYTES)?;
    if kept == 0 || page[kept..].iter().all(|&byte| byte == 0) {
        return None;
    }
    let mut page = page.to_vec();
    page[kept..].fill(0);
    let page = Bytes::from(page);
    pages.set(size / PAGE_BYTES, page.clone());
    Some(page)
}

/// A page of which some sectors are new and some old.
fn torn(old: &Bytes, new: &Bytes, rng: &mut Rng) -> Bytes {
    let arrived = rng.next_u64();
    // One bit a sector; the upper half of the draw decides whether the write was torn at
    // all: most writes arrive whole or not at all.
    if arrived >> 62 == 0 {
        return old.clone();
    }
    if arrived >> 62 == 1 {
        return new.clone();
    }
    let mut page = old.to_vec();
    for sector in 0..page.len() / SECTOR_BYTES {
        if arrived >> sector & 1 == 1 {
            let range = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
            page[range.clone()].copy_from_slice(&new[range]);
        }
    }
    Bytes::from(page)
}
