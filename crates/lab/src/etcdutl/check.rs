//! `check v2store` of 3.5, and a data directory as the code of members reads one.

use std::rc::Rc;

use bytes::Bytes;
use etcd::DiskView;
use etcd::restore::{self, Contents};
use sim::Sys;

use super::db::join;
use crate::etcdctl::exit::ERROR;
use crate::etcdctl::{Ctl, Exit};

/// A data directory.
pub(super) struct Dir {
    sys: Sys,
    dir: String,
}

impl Dir {
    pub(super) fn new(sys: &Sys, dir: &str) -> Dir {
        Dir { sys: sys.clone(), dir: dir.to_owned() }
    }

    fn path(&self, file: &str) -> String {
        if file.starts_with('/') { file.to_owned() } else { join(&self.dir, file) }
    }
}

impl DiskView for Dir {
    fn list(&self, dir: &str) -> Vec<String> {
        self.sys.read_dir(&self.path(dir)).unwrap_or_default()
    }

    fn len(&self, file: &str) -> Option<u64> {
        self.sys.stat(&self.path(file)).ok().map(|stat| stat.size)
    }

    fn read(&self, file: &str, offset: u64, len: u64) -> Option<Bytes> {
        let bytes = self.sys.read_file(&self.path(file)).ok()?;
        let end = usize::try_from(offset.saturating_add(len)).ok()?.min(bytes.len());
        let start = usize::try_from(offset).ok()?.min(end);
        Some(bytes.slice(start..end))
    }

    fn page(&self, file: &str, pgid: u64) -> Option<Bytes> {
        self.read(file, pgid.checked_mul(4096)?, 4096)
    }
}

/// `check v2store`.
pub(super) async fn v2store(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let wal_dir = match ctl.flags.text("wal-dir") {
        "" => "member/wal".to_owned(),
        dir => ctl.sys.absolute(dir),
    };
    let dir = Dir::new(&ctl.sys, ctl.flags.text("data-dir"));
    let failed = |error: &str| Exit::new(ERROR, error);
    let found = restore::contents(&dir, &wal_dir).map_err(|error| failed(&error))?;
    let Contents { v2_store, v2_log, .. } = found.unwrap_or_default();
    match (v2_store, v2_log) {
        (true, true) => Err(failed("detected custom v2 content in both v2store and WAL records")),
        (true, false) => Err(failed("detected custom content in v2store")),
        (false, true) => Err(failed("detected custom v2 content in WAL records")),
        (false, false) => {
            ctl.out("No custom content found in both v2store and WAL records.\n").await;
            Ok(())
        }
    }
}
