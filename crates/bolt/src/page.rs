//! Bytes of a page: header, meta, elements. Reading here trusts its input: `walk` has checked
//! every page of a foreign file before, and our own pages are right by construction.

use std::ops::Range;

use crate::PAGE_LEN;

/// Page header and element sizes of the format.
pub(crate) const HEADER_LEN: usize = 16;
pub(crate) const ELEMENT_LEN: usize = 16;
/// The header of a bucket in front of its inline page: root page and sequence.
pub(crate) const BUCKET_LEN: usize = 16;
/// The largest page a bucket keeps inline.
pub(crate) const INLINE_LEN_MAX: usize = PAGE_LEN / 4;

pub(crate) const FLAG_BRANCH: u16 = 0x01;
pub(crate) const FLAG_LEAF: u16 = 0x02;
pub(crate) const FLAG_META: u16 = 0x04;
pub(crate) const FLAG_FREELIST: u16 = 0x10;
/// Element flag: the value is a bucket.
pub(crate) const ELEMENT_BUCKET: u32 = 0x01;

/// The freelist page of a file that stores none, as etcd's do.
pub(crate) const NO_FREELIST: u64 = u64::MAX;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const META_SUM_AT: usize = HEADER_LEN + 56;

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("a slice of four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a slice of eight bytes"))
}

/// The first sixteen bytes of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: u64,
    pub(crate) flags: u16,
    pub(crate) count: u16,
    pub(crate) overflow: u32,
}

impl Header {
    pub(crate) fn read(page: &[u8]) -> Header {
        Header {
            id: u64_at(page, 0),
            flags: u16_at(page, 8),
            count: u16_at(page, 10),
            overflow: u32_at(page, 12),
        }
    }

    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.overflow.to_le_bytes());
    }

    /// Pages taken, this one and its overflow.
    pub(crate) fn run(self) -> u64 {
        u64::from(self.overflow) + 1
    }
}

/// The root of everything, stored in page 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) root: u64,
    pub(crate) sequence: u64,
    pub(crate) freelist: u64,
    /// The first page never used.
    pub(crate) high_water: u64,
    pub(crate) txid: u64,
}

impl Meta {
    /// The meta of a page, or nothing where magic, version, page size or checksum are wrong.
    pub(crate) fn read(page: &[u8]) -> Option<Meta> {
        let at = HEADER_LEN;
        let known = u32_at(page, at) == MAGIC
            && u32_at(page, at + 4) == VERSION
            && u32_at(page, at + 8) as usize == PAGE_LEN
            && u64_at(page, META_SUM_AT) == fnv1a(&page[at..META_SUM_AT]);
        known.then(|| Meta {
            root: u64_at(page, at + 16),
            sequence: u64_at(page, at + 24),
            freelist: u64_at(page, at + 32),
            high_water: u64_at(page, at + 40),
            txid: u64_at(page, at + 48),
        })
    }

    /// The page transaction ids take turns in.
    pub(crate) fn page(self) -> u64 {
        self.txid % 2
    }

    pub(crate) fn render(self, pgid: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAGE_LEN);
        Header { id: pgid, flags: FLAG_META, count: 0, overflow: 0 }.append_to(&mut out);
        for word in [MAGIC, VERSION, PAGE_LEN as u32, 0] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for word in [self.root, self.sequence, self.freelist, self.high_water, self.txid] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        let sum = fnv1a(&out[HEADER_LEN..META_SUM_AT]);
        out.extend_from_slice(&sum.to_le_bytes());
        out.resize(PAGE_LEN, 0);
        out
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// One element of a leaf, as places in the page.
pub(crate) struct LeafElement {
    pub(crate) flags: u32,
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

pub(crate) fn leaf_element(page: &[u8], index: usize) -> LeafElement {
    let at = HEADER_LEN + index * ELEMENT_LEN;
    let key_at = at + u32_at(page, at + 4) as usize;
    let value_at = key_at + u32_at(page, at + 8) as usize;
    let end = value_at + u32_at(page, at + 12) as usize;
    LeafElement { flags: u32_at(page, at), key: key_at..value_at, value: value_at..end }
}

/// One element of a branch: where its key lies, and the child's page.
pub(crate) fn branch_element(page: &[u8], index: usize) -> (Range<usize>, u64) {
    let at = HEADER_LEN + index * ELEMENT_LEN;
    let key_at = at + u32_at(page, at) as usize;
    (key_at..key_at + u32_at(page, at + 4) as usize, u64_at(page, at + 8))
}

/// The index of a key in a leaf, or where it would be inserted.
pub(crate) fn leaf_search(page: &[u8], key: &[u8]) -> Result<usize, usize> {
    search(usize::from(Header::read(page).count), |i| page[leaf_element(page, i).key].cmp(key))
}

/// The index of the child whose subtree a key belongs to.
pub(crate) fn branch_search(page: &[u8], key: &[u8]) -> usize {
    let found =
        search(usize::from(Header::read(page).count), |i| page[branch_element(page, i).0].cmp(key));
    child_index(found)
}

/// The child a search result stands for: keys less than the first child's belong to it as well.
pub(crate) fn child_index(found: Result<usize, usize>) -> usize {
    found.unwrap_or_else(|at| at.saturating_sub(1))
}

/// Binary search over `count` ordered things; the last is looked at first because most keys are
/// appended.
pub(crate) fn search(
    count: usize,
    order: impl Fn(usize) -> std::cmp::Ordering,
) -> Result<usize, usize> {
    use std::cmp::Ordering;
    if count == 0 {
        return Err(0);
    }
    match order(count - 1) {
        Ordering::Less => return Err(count),
        Ordering::Equal => return Ok(count - 1),
        Ordering::Greater => {}
    }
    let (mut low, mut high) = (0, count - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match order(middle) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => high = middle,
        }
    }
    Err(low)
}
