//! Looking at every page of a file before anything relies on it.
//!
//! The file may be hostile. Each page is entered at most once and each run of pages is read only
//! after it is known to be referenced once, so the work is bounded by the length of the file;
//! there is no recursion, and the depth of a tree has a bound.

use bytes::Bytes;
use flat::Map;

use crate::db::Bucket;
use crate::page::{
    self, BUCKET_LEN, ELEMENT_BUCKET, ELEMENT_LEN, FLAG_BRANCH, FLAG_FREELIST, FLAG_LEAF,
    HEADER_LEN, Header, Meta, NO_FREELIST,
};
use crate::spans::Spans;
use crate::table::Table;
use crate::{Error, KEY_LEN_MAX, PAGE_LEN, PAGE_SIZE, PAGES_MAX, PageFile, Problem};

/// More levels than a tree within [`PAGES_MAX`] has, if each branch has two children.
const DEPTH_MAX: usize = 40;

/// No file is written so often: a greater transaction number is made up, and has no successor.
const TXID_MAX: u64 = 1 << 62;

/// [`check`] stops here: a file that is no database at all would give millions.
const PROBLEMS_MAX: usize = 1000;

/// What a walk over a sound file gathers.
pub(crate) struct Tree {
    pub(crate) meta: Meta,
    pub(crate) table: Table,
    pub(crate) used: Spans,
    pub(crate) buckets: Map<Bytes, Bucket>,
    pub(crate) freelist_run: u64,
}

pub(crate) fn open(file: &dyn PageFile) -> Result<Tree, Error> {
    let meta = newest_meta(file)?;
    let mut walk = Walk::new(file, meta, 1);
    walk.everything();
    match walk.problems.pop() {
        Some(Problem::Unreadable { page }) => Err(Error::Unreadable { page }),
        Some(problem) => Err(Error::Damaged(problem)),
        None => Ok(Tree {
            meta,
            table: walk.table,
            used: walk.used,
            buckets: walk.buckets,
            freelist_run: walk.freelist_run,
        }),
    }
}

/// Everything wrong with a file, worded as bbolt's own check does. Nothing when it is sound.
pub fn check(file: &dyn PageFile) -> Vec<Problem> {
    let meta = match newest_meta(file) {
        Ok(meta) => meta,
        Err(error) => return vec![Problem::Unopenable(Box::new(error))],
    };
    let mut walk = Walk::new(file, meta, PROBLEMS_MAX);
    walk.everything();
    walk.freelist_agrees();
    walk.problems
}

/// The valid meta page of the higher transaction; the first one on a tie.
fn newest_meta(file: &dyn PageFile) -> Result<Meta, Error> {
    let read = |pgid| file.page(pgid).ok().filter(|page| page.len() == PAGE_LEN);
    let valid = |page: Bytes| Meta::read(&page).filter(|meta| meta.txid <= TXID_MAX);
    let first = read(0).and_then(valid);
    let len_bytes = file.len_bytes();
    if len_bytes < 2 * PAGE_SIZE {
        // bbolt takes the page size from the first meta page before it looks at the length.
        return Err(if first.is_some() {
            Error::FileTooSmall { len_bytes }
        } else {
            Error::Invalid
        });
    }
    let second = read(1).and_then(valid);
    let meta = match (first, second) {
        (Some(first), Some(second)) if second.txid > first.txid => second,
        (Some(meta), _) | (None, Some(meta)) => meta,
        (None, None) => return Err(Error::Invalid),
    };
    let pages = meta.high_water;
    if pages > PAGES_MAX {
        return Err(Error::TooLarge { pages });
    }
    if pages * PAGE_SIZE > len_bytes {
        return Err(Error::Truncated { pages, len_bytes });
    }
    Ok(meta)
}

struct Walk<'f> {
    file: &'f dyn PageFile,
    meta: Meta,
    table: Table,
    used: Spans,
    buckets: Map<Bytes, Bucket>,
    freelist_run: u64,
    problems: Vec<Problem>,
    problems_max: usize,
}

/// A branch whose children are being looked at.
struct Frame {
    page: Bytes,
    next: usize,
    /// Keys below this branch are less than this.
    upper: Option<Bytes>,
}

/// The keys a page may hold.
#[derive(Clone)]
struct Bounds {
    /// The first key at least; none at a root.
    lower: Option<Bytes>,
    upper: Option<Bytes>,
}

impl<'f> Walk<'f> {
    fn new(file: &'f dyn PageFile, meta: Meta, problems_max: usize) -> Walk<'f> {
        Walk {
            file,
            meta,
            table: Table::default(),
            used: Spans::default(),
            buckets: Map::new(),
            freelist_run: 0,
            problems: Vec::new(),
            problems_max,
        }
    }

    fn full(&self) -> bool {
        self.problems.len() >= self.problems_max
    }

    fn report(&mut self, problem: Problem) {
        if !self.full() {
            self.problems.push(problem);
        }
    }

    fn everything(&mut self) {
        if self.meta.freelist != NO_FREELIST
            && let Err(problem) = self.freelist_page()
        {
            self.report(problem);
        }
        let mut found = Vec::new();
        self.tree(self.meta.root, |pgid, run| bucket_elements(pgid, run, &mut found));
        for (pgid, index, name, value) in found {
            if self.full() {
                return;
            }
            let root = page::u64_at(&value, 0);
            let len = if root == 0 {
                match inline_len(pgid, index, &value) {
                    Ok(len) => len,
                    Err(problem) => {
                        self.report(problem);
                        continue;
                    }
                }
            } else {
                let mut len = 0;
                self.tree(root, |pgid, run| {
                    len += u64::from(Header::read(run).count);
                    plain_elements(pgid, run)
                });
                len
            };
            self.buckets.insert(name, Bucket::from_value(&value, len));
        }
    }

    /// Looks at every page of one tree; `leaf` looks at what the elements of a leaf mean.
    fn tree(&mut self, root: u64, mut leaf: impl FnMut(u64, &Bytes) -> Result<(), Problem>) {
        let mut stack: Vec<Frame> = Vec::new();
        let mut visit = Some((root, Bounds { lower: None, upper: None }));
        loop {
            if self.full() {
                return;
            }
            if let Some((pgid, bounds)) = visit.take() {
                if stack.len() >= DEPTH_MAX {
                    self.report(Problem::TooDeep { page: pgid });
                } else {
                    match self.page(pgid, &bounds) {
                        Ok(page) if crate::cursor::is_branch(&page) => {
                            stack.push(Frame { page, next: 0, upper: bounds.upper });
                        }
                        Ok(page) => {
                            if let Err(problem) = leaf(pgid, &page) {
                                self.report(problem);
                            }
                        }
                        Err(problem) => self.report(problem),
                    }
                }
            }
            let Some(frame) = stack.last_mut() else { return };
            let count = usize::from(Header::read(&frame.page).count);
            if frame.next == count {
                stack.pop();
                continue;
            }
            let key = |i| frame.page.slice(page::branch_element(&frame.page, i).0);
            let (index, child) = (frame.next, page::branch_element(&frame.page, frame.next).1);
            let upper = if index + 1 < count { Some(key(index + 1)) } else { frame.upper.clone() };
            visit = Some((child, Bounds { lower: Some(key(index)), upper }));
            frame.next += 1;
        }
    }

    /// Takes one page, with its overflow, into the table.
    fn page(&mut self, pgid: u64, bounds: &Bounds) -> Result<Bytes, Problem> {
        let run = self.enter(pgid)?;
        let flags = Header::read(&run).flags;
        if flags != FLAG_BRANCH && flags != FLAG_LEAF {
            return Err(Problem::InvalidType { page: pgid, flags });
        }
        check_elements(pgid, &run, bounds)?;
        if flags == FLAG_BRANCH && Header::read(&run).count == 0 {
            return Err(Problem::EmptyBranch { page: pgid });
        }
        Ok(run)
    }

    /// Reads a page with its overflow, if it lies in the file and nothing else refers to it.
    fn enter(&mut self, pgid: u64) -> Result<Bytes, Problem> {
        let high_water = self.meta.high_water;
        if pgid < 2 || pgid >= high_water {
            return Err(Problem::OutOfBounds { page: pgid, high_water });
        }
        if self.used.contains(pgid) {
            return Err(Problem::MultipleReferences { page: pgid });
        }
        let unreadable = |_| Problem::Unreadable { page: pgid };
        let first = self.file.page(pgid).map_err(unreadable)?;
        if first.len() != PAGE_LEN {
            return Err(Problem::Unreadable { page: pgid });
        }
        let header = Header::read(&first);
        if header.id != pgid {
            return Err(Problem::WrongId { page: pgid, found: header.id });
        }
        let count = header.run();
        if pgid + count > high_water {
            return Err(Problem::OutOfBounds { page: pgid + count - 1, high_water });
        }
        self.used.insert(pgid, count).map_err(|page| Problem::MultipleReferences { page })?;
        let run =
            if count == 1 { first } else { self.file.run(pgid, count).map_err(unreadable)? };
        if run.len() as u64 != count * PAGE_SIZE {
            return Err(Problem::Unreadable { page: pgid });
        }
        self.table.insert(pgid, &run);
        Ok(run)
    }

    fn freelist_page(&mut self) -> Result<(), Problem> {
        let pgid = self.meta.freelist;
        let run = self.enter(pgid)?;
        let header = Header::read(&run);
        let fits = freelist_ids(&run).is_some();
        if header.flags != FLAG_FREELIST || !fits {
            return Err(Problem::Freelist { page: pgid });
        }
        self.freelist_run = header.run();
        Ok(())
    }

    /// Compares a stored freelist with what is in use. Without one, all the rest is free.
    fn freelist_agrees(&mut self) {
        let high_water = self.meta.high_water;
        if self.freelist_run == 0 {
            return;
        }
        let run = self.table.run(self.meta.freelist).clone();
        let mut freed = Spans::default();
        for at in freelist_ids(&run).into_iter().flatten() {
            let page = page::u64_at(&run, at);
            if page < 2 || page >= high_water {
                self.report(Problem::FreeOutOfBounds { page, high_water });
            } else if freed.insert(page, 1).is_err() {
                self.report(Problem::AlreadyFreed { page });
            } else if self.used.contains(page) {
                self.report(Problem::ReachableFreed { page });
            }
        }
        let lost = self.used.complement(2, high_water);
        for page in lost.runs().flat_map(|(start, len)| start..start + len) {
            if self.full() {
                return;
            }
            if !freed.contains(page) {
                self.report(Problem::Unreachable { page });
            }
        }
    }
}

/// Where the page ids of a freelist lie, or nothing when the page is too short for its count.
fn freelist_ids(run: &[u8]) -> Option<std::iter::StepBy<std::ops::Range<usize>>> {
    let count = Header::read(run).count;
    let (at, count) = if count == u16::MAX {
        (HEADER_LEN + 8, page::u64_at(run, HEADER_LEN))
    } else {
        (HEADER_LEN, u64::from(count))
    };
    let end = count.checked_mul(8)?.checked_add(at as u64)?;
    (end <= run.len() as u64).then(|| (at..end as usize).step_by(8))
}

/// Elements, keys and values of a page lie within it, do not overlap, and the keys ascend within
/// the bounds.
fn check_elements(pgid: u64, run: &Bytes, bounds: &Bounds) -> Result<(), Problem> {
    let header = Header::read(run);
    let len = run.len() as u64;
    let mut total = HEADER_LEN as u64 + u64::from(header.count) * ELEMENT_LEN as u64;
    if total > len {
        return Err(Problem::ElementsOutOfBounds { page: pgid, count: header.count });
    }
    let is_branch = header.flags & FLAG_BRANCH != 0;
    let mut previous: &[u8] = &[];
    for index in 0..header.count {
        let at = HEADER_LEN + usize::from(index) * ELEMENT_LEN;
        // A leaf's element begins with its flags; a branch's ends with the child's page.
        let word = |n: usize| u64::from(page::u32_at(run, at + n * 4));
        let (pos, key_len, value_len) =
            if is_branch { (word(0), word(1), 0) } else { (word(1), word(2), word(3)) };
        if key_len == 0 || key_len > KEY_LEN_MAX {
            return Err(Problem::KeyLength { page: pgid, index, len: key_len });
        }
        let key_at = at as u64 + pos;
        if pos < ELEMENT_LEN as u64 || key_at + key_len + value_len > len {
            return Err(Problem::ElementOutOfBounds { page: pgid, index });
        }
        total += key_len + value_len;
        let key = &run[key_at as usize..(key_at + key_len) as usize];
        let lower = bounds.lower.as_ref().filter(|_| index == 0);
        if (index > 0 && key <= previous) || lower.is_some_and(|lower| key < lower) {
            return Err(Problem::KeyOrder { page: pgid, index });
        }
        if bounds.upper.as_ref().is_some_and(|upper| key >= upper) {
            return Err(Problem::KeyBeyondParent { page: pgid, index });
        }
        previous = key;
    }
    if total > len {
        return Err(Problem::ElementsOverlap { page: pgid });
    }
    Ok(())
}

/// The elements of a leaf of an ordinary bucket: plain values only.
fn plain_elements(pgid: u64, run: &Bytes) -> Result<(), Problem> {
    for index in 0..Header::read(run).count {
        match page::leaf_element(run, usize::from(index)).flags {
            0 => {}
            ELEMENT_BUCKET => return Err(Problem::NestedBucket { page: pgid, index }),
            flags => return Err(Problem::ElementFlags { page: pgid, index, flags }),
        }
    }
    Ok(())
}

/// A bucket met in the bucket of buckets: page, element, name, value.
type Found = (u64, u16, Bytes, Bytes);

fn bucket_elements(pgid: u64, run: &Bytes, found: &mut Vec<Found>) -> Result<(), Problem> {
    for index in 0..Header::read(run).count {
        let element = page::leaf_element(run, usize::from(index));
        match element.flags {
            ELEMENT_BUCKET => {}
            0 => return Err(Problem::NotABucket { page: pgid, index }),
            flags => return Err(Problem::ElementFlags { page: pgid, index, flags }),
        }
        if element.value.len() < BUCKET_LEN {
            return Err(Problem::BucketHeader { page: pgid, index });
        }
        found.push((pgid, index, run.slice(element.key), run.slice(element.value)));
    }
    Ok(())
}

/// The number of entries of an inline bucket, once its page is known to be sound.
fn inline_len(pgid: u64, index: u16, value: &Bytes) -> Result<u64, Problem> {
    let run = value.slice(BUCKET_LEN..);
    if run.len() < HEADER_LEN {
        return Err(Problem::BucketHeader { page: pgid, index });
    }
    let header = Header::read(&run);
    if header.flags != FLAG_LEAF {
        return Err(Problem::InvalidType { page: pgid, flags: header.flags });
    }
    check_elements(pgid, &run, &Bounds { lower: None, upper: None })?;
    plain_elements(pgid, &run)?;
    Ok(u64::from(header.count))
}
