//! A file's bytes as sparse pages that copies share.

use bytes::Bytes;
use flat::Map;

/// The unit of allocation, and of what the cache holds.
pub(crate) const PAGE_BYTES: u64 = 4096;

static ZEROS: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];

/// The page a hole reads as.
pub(crate) fn zero_page() -> Bytes {
    Bytes::from_static(&ZEROS)
}

/// Pages by number. One that is missing is a hole and reads as zeros.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    map: Map<u64, Bytes>,
}

impl Pages {
    /// The page, if it is no hole.
    pub(crate) fn get(&self, page_no: u64) -> Option<&Bytes> {
        self.map.get(&page_no)
    }

    /// The page, zeros for a hole.
    pub(crate) fn page(&self, page_no: u64) -> Bytes {
        self.map.get(&page_no).cloned().unwrap_or_else(zero_page)
    }

    pub(crate) fn set(&mut self, page_no: u64, page: Bytes) {
        assert_eq!(page.len() as u64, PAGE_BYTES, "a page is always whole");
        self.map.insert(page_no, page);
    }

    /// Forgets the pages from this one on.
    pub(crate) fn cut(&mut self, from_page: u64) {
        self.map.split_off(&from_page);
    }

    /// How many pages from this one on are no holes.
    pub(crate) fn count_from(&self, from_page: u64) -> u64 {
        if from_page == 0 {
            return self.map.len() as u64;
        }
        self.map.range(from_page..).count() as u64
    }

    /// The numbers of the pages that are no holes, ascending.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.map.keys().copied()
    }

    /// Bytes of the file; the caller has cut the range to the file's size. Within one page
    /// they are shared, not copied.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Bytes {
        if len == 0 {
            return Bytes::new();
        }
        let first = offset / PAGE_BYTES;
        let last = (offset + len - 1) / PAGE_BYTES;
        let skip = (offset % PAGE_BYTES) as usize;
        if first == last {
            return self.page(first).slice(skip..skip + len as usize);
        }
        let mut out = Vec::with_capacity(len as usize);
        for page_no in first..=last {
            let from = if page_no == first { skip } else { 0 };
            let to = (len as usize - out.len() + from).min(PAGE_BYTES as usize);
            match self.map.get(&page_no) {
                Some(page) => out.extend_from_slice(&page[from..to]),
                None => out.resize(out.len() + (to - from), 0),
            }
        }
        Bytes::from(out)
    }
}

/// The pages a write touches, each with its new content: whole pages are shared with the
/// bytes written, the others are patched into what `old` has there.
pub(crate) fn split(old: &Pages, offset: u64, bytes: &Bytes) -> Vec<(u64, Bytes)> {
    let mut out = Vec::with_capacity(bytes.len() / PAGE_BYTES as usize + 2);
    let mut done = 0;
    while done < bytes.len() {
        let at = offset + done as u64;
        let (page_no, skip) = (at / PAGE_BYTES, (at % PAGE_BYTES) as usize);
        let take = (PAGE_BYTES as usize - skip).min(bytes.len() - done);
        let page = if take as u64 == PAGE_BYTES {
            bytes.slice(done..done + take)
        } else {
            let mut page = match old.get(page_no) {
                Some(page) => page.to_vec(),
                None => vec![0; PAGE_BYTES as usize],
            };
            page[skip..skip + take].copy_from_slice(&bytes[done..done + take]);
            Bytes::from(page)
        };
        out.push((page_no, page));
        done += take;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cross_pages_and_holes() {
        let mut pages = Pages::default();
        let text = Bytes::from(vec![7; 5000]);
        for (no, page) in split(&pages, 4000, &text) {
            pages.set(no, page);
        }
        assert_eq!(pages.count_from(0), 3);
        let got = pages.read(3990, 5020);
        assert_eq!(&got[..10], &[0; 10]);
        assert_eq!(&got[10..5010], &text[..]);
        assert_eq!(&got[5010..], &[0; 10]);
        assert_eq!(pages.read(1 << 40, 3), Bytes::from_static(&[0; 3]));
    }

    #[test]
    fn whole_pages_are_shared_with_what_was_written() {
        let pages = Pages::default();
        let text = Bytes::from(vec![7; 3 * PAGE_BYTES as usize]);
        let split = split(&pages, PAGE_BYTES, &text);
        assert_eq!(split.len(), 3);
        assert!(std::ptr::eq(split[1].1.as_ptr(), &text[PAGE_BYTES as usize]));
    }
}
