//! Decoded nodes of a tree being changed: put, delete, merge, split, render.
//!
//! A node is decoded when a change reaches it and owned by its parent until the transaction
//! commits. Sizes, split points and merge rules are bbolt's, so that files come out as large as
//! etcd's.

use bytes::Bytes;

use crate::PAGE_LEN;
use crate::cursor;
use crate::page::{
    self, ELEMENT_BUCKET, ELEMENT_LEN, FLAG_BRANCH, FLAG_LEAF, HEADER_LEN, Header, INLINE_LEN_MAX,
};
use crate::table::Table;
use crate::tx::Writer;

/// A split leaves at least this many elements on each side.
const KEYS_MIN: usize = 2;

#[derive(Debug)]
pub(crate) struct Node {
    /// The page the node was read from; 0 when it is new or comes from an inline bucket.
    pub(crate) page: u64,
    /// The pages it takes there.
    run: u64,
    /// Something was deleted, so the node may have become too small.
    unbalanced: bool,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Leaf(Vec<Item>),
    Branch(Vec<Child>),
}

#[derive(Debug)]
struct Item {
    key: Bytes,
    value: Bytes,
    flags: u32,
}

#[derive(Debug)]
pub(crate) struct Child {
    key: Bytes,
    link: Link,
}

#[derive(Debug)]
enum Link {
    Page(u64),
    Node(Box<Node>),
}

impl Link {
    fn load(&mut self, table: &Table) -> &mut Node {
        if let Link::Page(pgid) = self {
            *self = Link::Node(Box::new(Node::decode(*pgid, table.run(*pgid))));
        }
        match self {
            Link::Node(node) => node,
            Link::Page(_) => unreachable!("just decoded"),
        }
    }
}

impl Node {
    pub(crate) fn decode(pgid: u64, bytes: &Bytes) -> Node {
        let header = Header::read(bytes);
        let count = usize::from(header.count);
        let body = if cursor::is_branch(bytes) {
            let child = |i| {
                let (key, pgid) = page::branch_element(bytes, i);
                Child { key: bytes.slice(key), link: Link::Page(pgid) }
            };
            Body::Branch((0..count).map(child).collect())
        } else {
            let item = |i| {
                let element = page::leaf_element(bytes, i);
                let (key, value) = (bytes.slice(element.key), bytes.slice(element.value));
                Item { key, value, flags: element.flags }
            };
            Body::Leaf((0..count).map(item).collect())
        };
        Node { page: pgid, run: header.run(), unbalanced: false, body }
    }

    pub(crate) fn get(&self, table: &Table, key: &[u8]) -> Option<(u32, Bytes)> {
        let mut node = self;
        loop {
            match &node.body {
                Body::Branch(children) => match &child_for(children, key).link {
                    Link::Page(pgid) => return cursor::get(table, table.run(*pgid), key),
                    Link::Node(child) => node = child,
                },
                Body::Leaf(items) => {
                    let item = &items[search_items(items, key).ok()?];
                    return Some((item.flags, item.value.clone()));
                }
            }
        }
    }

    /// Stores a value; true when the key was not there before.
    pub(crate) fn put(&mut self, table: &Table, key: Bytes, value: Bytes, flags: u32) -> bool {
        let leaf = self.leaf_for(table, &key);
        let Body::Leaf(items) = &mut leaf.body else { unreachable!("leaf_for ends at a leaf") };
        match search_items(items, &key) {
            Ok(index) => {
                items[index] = Item { key, value, flags };
                false
            }
            Err(index) => {
                items.insert(index, Item { key, value, flags });
                true
            }
        }
    }

    /// Deletes a key; false, and nothing decoded, when it is not there.
    pub(crate) fn delete(&mut self, table: &Table, key: &[u8]) -> bool {
        if self.get(table, key).is_none() {
            return false;
        }
        let leaf = self.leaf_for(table, key);
        let Body::Leaf(items) = &mut leaf.body else { unreachable!("leaf_for ends at a leaf") };
        items.remove(search_items(items, key).expect("get found the key"));
        leaf.unbalanced = true;
        true
    }

    fn leaf_for(&mut self, table: &Table, key: &[u8]) -> &mut Node {
        let mut node = self;
        while matches!(node.body, Body::Branch(_)) {
            let Body::Branch(children) = &mut node.body else { unreachable!("matched above") };
            let index = child_index_for(children, key);
            node = children[index].link.load(table);
        }
        node
    }

    /// Gives up all pages of the tree.
    pub(crate) fn free_tree(self, table: &Table, freed: &mut Vec<(u64, u64)>) {
        let mut nodes = vec![self];
        while let Some(node) = nodes.pop() {
            node.free_page(freed);
            if let Body::Branch(children) = node.body {
                nodes.extend(children.into_iter().map(|child| match child.link {
                    Link::Page(pgid) => Node::decode(pgid, table.run(pgid)),
                    Link::Node(node) => *node,
                }));
            }
        }
    }

    fn free_page(&self, freed: &mut Vec<(u64, u64)>) {
        if self.page != 0 {
            freed.push((self.page, self.run));
        }
    }

    fn len(&self) -> usize {
        match &self.body {
            Body::Leaf(items) => items.len(),
            Body::Branch(children) => children.len(),
        }
    }

    /// The length of the node's page image.
    fn size(&self) -> usize {
        let elements: usize = match &self.body {
            Body::Leaf(items) => items.iter().map(Item::size).sum(),
            Body::Branch(children) => children.iter().map(Child::size).sum(),
        };
        HEADER_LEN + elements
    }

    /// Merges what deletions left too small, in the whole tree, then drops a root with a single
    /// child.
    pub(crate) fn rebalance(&mut self, fill: u8, table: &Table, freed: &mut Vec<(u64, u64)>) {
        self.rebalance_children(fill, table, freed);
        while self.unbalanced {
            let Body::Branch(children) = &mut self.body else { return };
            match children.len() {
                0 => self.body = Body::Leaf(Vec::new()),
                1 => {
                    let mut child = children.pop().expect("one child");
                    let node = child.link.load(table);
                    node.free_page(freed);
                    self.body = std::mem::replace(&mut node.body, Body::Leaf(Vec::new()));
                }
                _ => return,
            }
        }
    }

    fn rebalance_children(&mut self, fill: u8, table: &Table, freed: &mut Vec<(u64, u64)>) {
        let Body::Branch(children) = &mut self.body else { return };
        let mut index = 0;
        while index < children.len() {
            let Link::Node(child) = &mut children[index].link else {
                index += 1;
                continue;
            };
            child.rebalance_children(fill, table, freed);
            if !child.take_underfull(fill) {
                index += 1;
            } else if child.len() == 0 {
                child.free_page(freed);
                children.remove(index);
                self.unbalanced = true;
            } else if children.len() == 1 {
                index += 1;
            } else {
                // The first child merges with its right sibling, the others with their left one.
                let right = index.max(1);
                if index == 0 {
                    children[1].link.load(table).rebalance_children(fill, table, freed);
                }
                if merge(children, right, table, freed) {
                    self.unbalanced = true;
                    index = right;
                } else {
                    index += 1;
                }
            }
        }
    }

    /// Whether the node should be merged; asks once, as bbolt does.
    fn take_underfull(&mut self, fill: u8) -> bool {
        let keys_min = if matches!(self.body, Body::Leaf(_)) { 1 } else { 2 };
        std::mem::take(&mut self.unbalanced)
            && (self.size() <= threshold(fill) / 2 || self.len() <= keys_min)
    }

    /// Whether a bucket with this root is kept inside its own header's value.
    pub(crate) fn is_inlineable(&self) -> bool {
        match &self.body {
            Body::Leaf(items) => {
                let plain = items.iter().all(|item| item.flags & ELEMENT_BUCKET == 0);
                plain && self.size() <= INLINE_LEN_MAX
            }
            Body::Branch(_) => false,
        }
    }

    /// Appends the page image of an inline bucket; the page the root had is given up.
    pub(crate) fn render_inline(self, out: &mut Vec<u8>, freed: &mut Vec<(u64, u64)>) {
        self.free_page(freed);
        let Body::Leaf(items) = &self.body else { unreachable!("is_inlineable was asked") };
        render_leaf(items, 0, 0, out);
    }

    /// Writes the tree's decoded nodes to fresh pages and returns the root's page.
    pub(crate) fn spill_root(self, fill: u8, writer: &mut Writer<'_>) -> u64 {
        let mut parts = self.spill(fill, writer);
        while parts.len() > 1 {
            let root = Node { page: 0, run: 0, unbalanced: false, body: Body::Branch(parts) };
            parts = root.spill(fill, writer);
        }
        match parts.pop() {
            Some(Child { link: Link::Page(pgid), .. }) => pgid,
            Some(_) => unreachable!("spill returns pages"),
            None => writer.write(HEADER_LEN, |id, overflow, out| {
                render_leaf(&[], id, overflow, out);
            }),
        }
    }

    /// Writes children before parents, left to right. A node without elements leaves nothing.
    fn spill(self, fill: u8, writer: &mut Writer<'_>) -> Vec<Child> {
        self.free_page(writer.freed);
        match self.body {
            Body::Leaf(items) => {
                let write = |part: &[Item]| {
                    let size = HEADER_LEN + part.iter().map(Item::size).sum::<usize>();
                    let pgid = writer.write(size, |id, overflow, out| {
                        render_leaf(part, id, overflow, out);
                    });
                    Child { key: part[0].key.clone(), link: Link::Page(pgid) }
                };
                split(&items, Item::size, fill).into_iter().map(write).collect()
            }
            Body::Branch(children) => {
                let mut spilled = Vec::with_capacity(children.len() + 8);
                for child in children {
                    match child.link {
                        Link::Page(_) => spilled.push(child),
                        Link::Node(node) => spilled.append(&mut node.spill(fill, writer)),
                    }
                }
                let write = |part: &[Child]| {
                    let size = HEADER_LEN + part.iter().map(Child::size).sum::<usize>();
                    let pgid = writer.write(size, |id, overflow, out| {
                        render_branch(part, id, overflow, out);
                    });
                    Child { key: part[0].key.clone(), link: Link::Page(pgid) }
                };
                split(&spilled, Child::size, fill).into_iter().map(write).collect()
            }
        }
    }
}

impl Item {
    fn size(&self) -> usize {
        ELEMENT_LEN + self.key.len() + self.value.len()
    }
}

impl Child {
    fn size(&self) -> usize {
        ELEMENT_LEN + self.key.len()
    }
}

fn search_items(items: &[Item], key: &[u8]) -> Result<usize, usize> {
    page::search(items.len(), |i| items[i].key[..].cmp(key))
}

fn child_index_for(children: &[Child], key: &[u8]) -> usize {
    page::child_index(page::search(children.len(), |i| children[i].key[..].cmp(key)))
}

fn child_for<'c>(children: &'c [Child], key: &[u8]) -> &'c Child {
    &children[child_index_for(children, key)]
}

/// Merges the child at `right` into the one before it. A foreign file may have a leaf beside a
/// branch; those stay apart.
fn merge(
    children: &mut Vec<Child>,
    right: usize,
    table: &Table,
    freed: &mut Vec<(u64, u64)>,
) -> bool {
    let (left, rest) = children.split_at_mut(right);
    let left = left[right - 1].link.load(table);
    let node = rest[0].link.load(table);
    match (&mut left.body, &mut node.body) {
        (Body::Leaf(items), Body::Leaf(more)) => items.append(more),
        (Body::Branch(items), Body::Branch(more)) => items.append(more),
        _ => return false,
    }
    node.free_page(freed);
    children.remove(right);
    true
}

/// How full a page gets before the next one is begun, in bytes.
fn threshold(fill: u8) -> usize {
    PAGE_LEN * usize::from(fill) / 100
}

/// Cuts elements into pages where bbolt would: up to the fill threshold, at least two to a page.
/// Four or fewer stay together however long they are.
fn split<T>(elements: &[T], size: impl Fn(&T) -> usize, fill: u8) -> Vec<&[T]> {
    let mut parts = Vec::new();
    let mut rest = elements;
    while rest.len() > KEYS_MIN * 2 && !fits_in_page(rest, &size) {
        let mut filled = HEADER_LEN;
        let last = rest.len() - KEYS_MIN - 1;
        let mut index = 0;
        while index < last {
            let next = size(&rest[index]);
            if index >= KEYS_MIN && filled + next > threshold(fill) {
                break;
            }
            filled += next;
            index += 1;
        }
        let (part, others) = rest.split_at(index);
        parts.push(part);
        rest = others;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

fn fits_in_page<T>(elements: &[T], size: impl Fn(&T) -> usize) -> bool {
    let mut total = HEADER_LEN;
    for element in elements {
        total += size(element);
        if total >= PAGE_LEN {
            return false;
        }
    }
    true
}

fn render_leaf(items: &[Item], id: u64, overflow: u32, out: &mut Vec<u8>) {
    let count = u16::try_from(items.len()).expect("a page of 16-byte elements");
    Header { id, flags: FLAG_LEAF, count, overflow }.append_to(out);
    let mut pos = items.len() * ELEMENT_LEN;
    for item in items {
        for word in [item.flags, pos as u32, item.key.len() as u32, item.value.len() as u32] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        pos = pos + item.key.len() + item.value.len() - ELEMENT_LEN;
    }
    for item in items {
        out.extend_from_slice(&item.key);
        out.extend_from_slice(&item.value);
    }
}

fn render_branch(children: &[Child], id: u64, overflow: u32, out: &mut Vec<u8>) {
    let count = u16::try_from(children.len()).expect("a page of 16-byte elements");
    Header { id, flags: FLAG_BRANCH, count, overflow }.append_to(out);
    let mut pos = children.len() * ELEMENT_LEN;
    for child in children {
        let Link::Page(pgid) = child.link else { unreachable!("children are spilled first") };
        out.extend_from_slice(&(pos as u32).to_le_bytes());
        out.extend_from_slice(&(child.key.len() as u32).to_le_bytes());
        out.extend_from_slice(&pgid.to_le_bytes());
        pos = pos + child.key.len() - ELEMENT_LEN;
    }
    for child in children {
        out.extend_from_slice(&child.key);
    }
}
