//! Reading a bucket in order, straight from the bytes of its pages.

use bytes::Bytes;

use crate::page::{self, FLAG_BRANCH, Header};
use crate::table::Table;

/// The entries of a bucket from a key on, ascending.
#[derive(Clone, Debug)]
pub struct Range<'a> {
    table: &'a Table,
    /// The pages from the root down, each with the element to go to next.
    stack: Vec<(Bytes, usize)>,
}

impl<'a> Range<'a> {
    /// No entries at all.
    pub(crate) fn empty(table: &'a Table) -> Range<'a> {
        Range { table, stack: Vec::new() }
    }

    pub(crate) fn new(table: &'a Table, root: Bytes, from: &[u8]) -> Range<'a> {
        let mut range = Range { table, stack: Vec::new() };
        let mut page = root;
        while is_branch(&page) {
            let index = page::branch_search(&page, from);
            let child = table.run(page::branch_element(&page, index).1).clone();
            range.stack.push((std::mem::replace(&mut page, child), index + 1));
        }
        let index = page::leaf_search(&page, from).unwrap_or_else(|at| at);
        range.stack.push((page, index));
        range
    }
}

impl Iterator for Range<'_> {
    type Item = (Bytes, Bytes);

    fn next(&mut self) -> Option<(Bytes, Bytes)> {
        loop {
            let (page, next) = self.stack.last_mut()?;
            if *next >= usize::from(Header::read(page).count) {
                self.stack.pop();
                continue;
            }
            let index = *next;
            *next += 1;
            if is_branch(page) {
                let child = page::branch_element(page, index).1;
                let run = self.table.run(child).clone();
                self.stack.push((run, 0));
                continue;
            }
            let element = page::leaf_element(page, index);
            return Some((page.slice(element.key), page.slice(element.value)));
        }
    }
}

/// The value of one key, with its flags.
pub(crate) fn get(table: &Table, root: &Bytes, key: &[u8]) -> Option<(u32, Bytes)> {
    let mut page = root;
    while is_branch(page) {
        let index = page::branch_search(page, key);
        page = table.run(page::branch_element(page, index).1);
    }
    let element = page::leaf_element(page, page::leaf_search(page, key).ok()?);
    Some((element.flags, page.slice(element.value)))
}

pub(crate) fn is_branch(page: &[u8]) -> bool {
    Header::read(page).flags & FLAG_BRANCH != 0
}
