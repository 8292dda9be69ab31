//! What can be wrong with a file: one value per kind, worded as bbolt words it where bbolt has
//! words for it.

use std::fmt;

/// Why a file cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The file ends before its second meta page.
    FileTooSmall {
        /// The length of the file.
        len_bytes: u64,
    },
    /// Neither meta page is valid: wrong magic, version, page size or checksum.
    Invalid,
    /// The file ends before the last page its meta page counts.
    Truncated {
        /// Pages counted by the meta page.
        pages: u64,
        /// The length of the file.
        len_bytes: u64,
    },
    /// The meta page counts more pages than the lab accepts.
    TooLarge {
        /// Pages counted by the meta page.
        pages: u64,
    },
    /// The file could not give a page.
    Unreadable {
        /// The page asked for.
        page: u64,
    },
    /// A page breaks the format.
    Damaged(Problem),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::FileTooSmall { len_bytes } => write!(f, "file size too small {len_bytes}"),
            Error::Invalid => f.write_str("invalid database"),
            Error::Truncated { pages, len_bytes } => {
                write!(f, "file size too small {len_bytes}, {pages} pages needed")
            }
            Error::TooLarge { pages } => write!(f, "database too large: {pages} pages"),
            Error::Unreadable { page } => write!(f, "page {page}: cannot be read"),
            Error::Damaged(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error::Damaged(problem)
    }
}

/// One thing wrong with one page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the numbers printed by Display")]
pub enum Problem {
    /// The meta pages are no use, or the file is too short: nothing else was looked at.
    Unopenable(Box<Error>),
    /// A reference leads outside the file's used pages.
    OutOfBounds { page: u64, high_water: u64 },
    /// Two references lead to one page, which is how a cycle shows as well.
    MultipleReferences { page: u64 },
    /// The page carries another page's id.
    WrongId { page: u64, found: u64 },
    /// The page is neither leaf nor branch.
    InvalidType { page: u64, flags: u16 },
    /// The page's elements do not fit in it.
    ElementsOutOfBounds { page: u64, count: u16 },
    /// One element's key or value lies outside the page.
    ElementOutOfBounds { page: u64, index: u16 },
    /// The keys and values of a page are together longer than the page.
    ElementsOverlap { page: u64 },
    /// A key without bytes, or too long.
    KeyLength { page: u64, index: u16, len: u64 },
    /// A key is not greater than the one before it, or less than its parent says.
    KeyOrder { page: u64, index: u16 },
    /// A key is not less than the next one of the parent.
    KeyBeyondParent { page: u64, index: u16 },
    /// A branch without children.
    EmptyBranch { page: u64 },
    /// More levels than a tree of any size has.
    TooDeep { page: u64 },
    /// The root bucket holds a plain value.
    NotABucket { page: u64, index: u16 },
    /// A bucket inside a bucket, which etcd never has.
    NestedBucket { page: u64, index: u16 },
    /// An element's flags are neither of a value nor of a bucket.
    ElementFlags { page: u64, index: u16, flags: u32 },
    /// The value of a bucket is too short for its header or its inline page.
    BucketHeader { page: u64, index: u16 },
    /// The freelist page is no freelist page or too short for its count.
    Freelist { page: u64 },
    /// The freelist names a page outside the file.
    FreeOutOfBounds { page: u64, high_water: u64 },
    /// The freelist names a page twice.
    AlreadyFreed { page: u64 },
    /// The freelist names a page that is in use.
    ReachableFreed { page: u64 },
    /// A page neither in use nor free.
    Unreachable { page: u64 },
    /// The file could not give the page.
    Unreadable { page: u64 },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Problem as P;
        match self {
            P::Unopenable(error) => error.fmt(f),
            P::OutOfBounds { page, high_water } => {
                write!(f, "page {page}: out of bounds: {high_water}")
            }
            P::MultipleReferences { page } => write!(f, "page {page}: multiple references"),
            P::WrongId { page, found } => write!(f, "page {page}: unexpected page id {found}"),
            P::InvalidType { page, flags } => {
                write!(f, "page {page}: invalid type: unknown<{flags:02x}>")
            }
            P::ElementsOutOfBounds { page, count } => {
                write!(f, "page {page}: {count} elements do not fit")
            }
            P::ElementOutOfBounds { page, index } => {
                write!(f, "page {page}: element {index} lies outside the page")
            }
            P::ElementsOverlap { page } => write!(f, "page {page}: elements overlap"),
            P::KeyLength { page, index, len } => {
                write!(f, "page {page}: key[{index}] has a length of {len}")
            }
            P::KeyOrder { page, index } => write!(
                f,
                "page {page}: key[{index}] needs to be > than previous element and >= the key \
                 in the ancestor"
            ),
            P::KeyBeyondParent { page, index } => write!(
                f,
                "page {page}: key[{index}] needs to be < than key of the next element in ancestor"
            ),
            P::EmptyBranch { page } => write!(f, "page {page}: branch without elements"),
            P::TooDeep { page } => write!(f, "page {page}: tree too deep"),
            P::NotABucket { page, index } => {
                write!(f, "page {page}: element {index} of the root bucket is not a bucket")
            }
            P::NestedBucket { page, index } => {
                write!(f, "page {page}: element {index} is a bucket inside a bucket")
            }
            P::ElementFlags { page, index, flags } => {
                write!(f, "page {page}: element {index} has unknown flags {flags:#x}")
            }
            P::BucketHeader { page, index } => {
                write!(f, "page {page}: element {index} is too short for a bucket")
            }
            P::Freelist { page } => write!(f, "page {page}: invalid freelist page"),
            P::FreeOutOfBounds { page, high_water } => {
                write!(f, "page {page}: freed page out of bounds: {high_water}")
            }
            P::AlreadyFreed { page } => write!(f, "page {page}: already freed"),
            P::ReachableFreed { page } => write!(f, "page {page}: reachable freed"),
            P::Unreachable { page } => write!(f, "page {page}: unreachable unfreed"),
            P::Unreadable { page } => write!(f, "page {page}: cannot be read"),
        }
    }
}
