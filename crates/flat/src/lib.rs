//! What costs little to download: a map and a set as one sorted list, a sort whose bulk is there
//! once for all types, a checksum that makes its own tables.
//!
//! The standard library's B-tree and its sorts are compiled again for every type they hold, some
//! kilobytes each time. What holds a handful of things (members, watchers, open files, variables)
//! is as fast in a sorted list, and the list is a tenth of the code. It is no replacement where
//! there are tens of thousands of things that come and go in any order: an insertion moves what
//! lies behind it. The order of iteration is the same, so one can take the other's place.

mod crc;
mod map;
mod set;
mod sort;

pub use crc::{crc32c, crc32c_append};
pub use map::{Entry, Iter, IterMut, Map};
pub use set::{Keys, Set};
pub use sort::{sort, sort_by, sort_by_key};
