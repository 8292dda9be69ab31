//! A disk in memory for the tests of the files.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::disk::{DiskOp, DiskView};

/// Files as bytes and a length; what lies beyond the bytes reads as zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MemDisk {
    pub(crate) files: BTreeMap<String, (Vec<u8>, u64)>,
}

impl MemDisk {
    pub(crate) fn apply(&mut self, ops: &[DiskOp]) {
        for op in ops {
            self.apply_one(op);
        }
    }

    pub(crate) fn apply_one(&mut self, op: &DiskOp) {
        match op {
            DiskOp::Mkdir { .. } => {}
            DiskOp::Sync { file } => assert!(self.files.contains_key(file), "sync of {file}"),
            DiskOp::Allocate { file, len_bytes } => {
                let held = &mut self.files.entry(file.clone()).or_default().1;
                *held = (*held).max(*len_bytes);
            }
            DiskOp::Write { file, offset, bytes } => {
                let (data, len) = self.files.entry(file.clone()).or_default();
                let end = *offset as usize + bytes.len();
                data.resize(data.len().max(end), 0);
                data[*offset as usize..end].copy_from_slice(bytes);
                *len = (*len).max(end as u64);
            }
            DiskOp::Pages { file, pages } => {
                for (pgid, bytes) in pages {
                    let (file, offset, bytes) = (file.clone(), pgid * 4096, bytes.clone());
                    self.apply_one(&DiskOp::Write { file, offset, bytes });
                }
            }
            DiskOp::Truncate { file, len } => {
                let (data, held) = self.files.get_mut(file).expect("the file exists");
                data.truncate(*len as usize);
                *held = *len;
            }
            DiskOp::Rename { from, to } => {
                let file = self.files.remove(from).expect("the file exists");
                self.files.insert(to.clone(), file);
            }
            DiskOp::Remove { file } => {
                self.files.remove(file);
            }
        }
    }
}

impl DiskView for MemDisk {
    fn list(&self, dir: &str) -> Vec<String> {
        let inside = |path: &String| path.strip_prefix(dir)?.strip_prefix('/').map(str::to_owned);
        self.files.keys().filter_map(inside).collect()
    }

    fn len(&self, file: &str) -> Option<u64> {
        self.files.get(file).map(|(_, len)| *len)
    }

    fn read(&self, file: &str, offset: u64, len: u64) -> Option<Bytes> {
        let (data, size) = self.files.get(file)?;
        let end = (offset + len).min(*size) as usize;
        let from = (offset as usize).min(end);
        let mut out = data[from.min(data.len())..end.min(data.len())].to_vec();
        out.resize(end - from, 0);
        Some(Bytes::from(out))
    }

    fn page(&self, file: &str, pgid: u64) -> Option<Bytes> {
        self.read(file, pgid * 4096, 4096)
    }
}
