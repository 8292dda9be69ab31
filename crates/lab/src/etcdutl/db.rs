//! A database file as etcd's backend holds it: opened with its log lines, changed in
//! transactions that are written page by page, closed.
//!
//! Each opening is one of etcd's: it ends with a commit, whether something changed or not.

use bolt::{Commit, Db, FileBytes, PAGE_SIZE, Tx};
use bytes::Bytes;
use sim::{Fd, OpenFlags};

use super::{Caller, log};
use crate::etcdctl::exit::ERROR;
use crate::etcdctl::go::json;
use crate::etcdctl::settings::go_errno;
use crate::etcdctl::{Ctl, Exit};

/// What bbolt maps at first unless told otherwise.
pub(super) const MAP_BYTES: u64 = 10_737_418_240;
/// How often a lock that is held is looked at.
const LOCK_US: u64 = 50_000;

/// The database of a data directory.
pub(super) fn path_in(dir: &str) -> String {
    join(dir, "member/snap/db")
}

/// `filepath.Join`, as far as it matters.
pub(super) fn join(dir: &str, rest: &str) -> String {
    let mut dir = dir;
    while let Some(shorter) = dir.strip_prefix("./") {
        dir = shorter.trim_start_matches('/');
    }
    match dir.trim_end_matches('/') {
        "" if dir.starts_with('/') => format!("/{rest}"),
        "" | "." => rest.to_owned(),
        dir => format!("{dir}/{rest}"),
    }
}

/// Go's text of a failed call on a path.
pub(super) fn path_error(call: &str, path: &str, errno: sim::Errno) -> String {
    format!("{call} {path}: {}", go_errno(&errno.to_string()))
}

/// `os.Stat` before anything else.
pub(super) fn must_exist(ctl: &Ctl, path: &str) -> Result<(), String> {
    ctl.sys.stat(path).map(|_| ()).map_err(|errno| path_error("stat", path, errno))
}

/// Waits while a member holds the lock of a file.
pub(super) async fn wait_for_lock(ctl: &Ctl, path: &str) {
    while is_locked(ctl, path) {
        ctl.sys.sleep_us(LOCK_US).await;
    }
}

/// Whether a member holds the lock of a file.
pub(super) fn is_locked(ctl: &Ctl, path: &str) -> bool {
    let path = ctl.sys.absolute(path);
    path.strip_suffix("/member/snap/db").is_some_and(|dir| ctl.sys.holds_lock(dir))
}

/// The database in bytes of a file, or what is wrong with it.
pub(super) fn read(bytes: Bytes, ctl: &Ctl) -> Result<Db, String> {
    Db::open(&FileBytes(bytes)).map_err(|error| wording(ctl, &error))
}

/// The same for a file that is opened to be written: bbolt makes an empty one a database.
fn read_or_make(ctl: &Ctl, path: &str) -> Result<(Db, Option<Commit>), String> {
    let bytes = ctl.sys.read_file(path).map_err(|errno| path_error("open", path, errno))?;
    if bytes.is_empty() {
        let (db, first) = Db::create();
        return Ok((db, Some(first)));
    }
    Ok((read(bytes, ctl)?, None))
}

/// The text of an error, as the release's bbolt words it.
pub(super) fn wording(ctl: &Ctl, error: &bolt::Error) -> String {
    match error {
        bolt::Error::FileTooSmall { .. } if !ctl.release.is_3_6() => {
            "file size too small".to_owned()
        }
        error => error.to_string(),
    }
}

/// An open database file.
pub(super) struct Backend<'a> {
    ctl: &'a Ctl,
    path: String,
    map_bytes: u64,
    pub(super) db: Db,
}

impl<'a> Backend<'a> {
    /// Opens a file; one that is no database ends the program as etcd's logger does.
    pub(super) async fn open(
        ctl: &'a Ctl,
        path: &str,
        map_bytes: u64,
    ) -> Result<Backend<'a>, Exit> {
        say_opening(ctl, path, map_bytes, "backend/backend.go:203").await;
        wait_for_lock(ctl, path).await;
        let (db, first) = match read_or_make(ctl, path) {
            Ok(made) => made,
            Err(error) => return Err(panic(ctl, path, &error).await),
        };
        say_opened(ctl, path).await;
        Backend { ctl, path: path.to_owned(), map_bytes, db }.begun(first).await
    }

    /// Writes the first pages, if they were just made.
    async fn begun(self, first: Option<Commit>) -> Result<Backend<'a>, Exit> {
        if let Some(first) = first {
            self.write(&first, true).await?;
        }
        Ok(self)
    }

    /// The same without a logger.
    pub(super) async fn open_quietly(ctl: &'a Ctl, path: &str) -> Result<Backend<'a>, Exit> {
        wait_for_lock(ctl, path).await;
        match read_or_make(ctl, path) {
            Ok((db, first)) => {
                let path = path.to_owned();
                Backend { ctl, path, map_bytes: MAP_BYTES, db }.begun(first).await
            }
            Err(_) => Err(Exit::panic("failed to open database")),
        }
    }

    /// The same file opened once more.
    pub(super) async fn again(&mut self, map_bytes: u64) -> Result<(), Exit> {
        self.map_bytes = map_bytes;
        say_opening(self.ctl, &self.path, map_bytes, "backend/backend.go:203").await;
        say_opened(self.ctl, &self.path).await;
        // What a transaction freed is free for the next process.
        match self.db.image().open() {
            Ok(db) => self.db = db,
            Err(error) => {
                let error = wording(self.ctl, &error);
                return Err(panic(self.ctl, &self.path, &error).await);
            }
        }
        Ok(())
    }

    /// One transaction, on the disk when this returns.
    pub(super) async fn change(&mut self, change: impl FnOnce(&mut Tx<'_>)) -> Result<(), Exit> {
        let mut tx = self.db.tx();
        change(&mut tx);
        let commit = tx.commit();
        self.write(&commit, false).await
    }

    /// Replaces the file by a copy without holes, as etcd's backend defragments.
    pub(super) async fn defragment(&mut self) -> Result<(), Exit> {
        let (db, commit) = self.db.defragmented();
        self.db = db;
        self.write(&commit, true).await?;
        say_opening(self.ctl, &self.path, self.map_bytes, "backend/backend.go:574").await;
        say_opened(self.ctl, &self.path).await;
        Ok(())
    }

    async fn write(&self, commit: &Commit, anew: bool) -> Result<(), Exit> {
        let failed = |call: &str, errno| Exit::new(ERROR, path_error(call, &self.path, errno));
        let flags = OpenFlags { truncate: anew, mode: 0o600, ..OpenFlags::WRITE };
        let sys = &self.ctl.sys;
        let file = sys.open(&self.path, flags).map_err(|errno| failed("open", errno))?;
        let written = self.write_pages(file, commit).await;
        let _ = sys.close(file);
        written.map_err(|errno| failed("write", errno))
    }

    async fn write_pages(&self, file: Fd, commit: &Commit) -> Result<(), sim::Errno> {
        let sys = &self.ctl.sys;
        for (pgid, bytes) in &commit.pages {
            sys.seek(file, pgid * PAGE_SIZE)?;
            sys.write(file, bytes).await?;
        }
        let len = sys.stat_fd(file)?.map_or(0, |stat| stat.size);
        if len < commit.file_bytes {
            sys.truncate_fd(file, commit.file_bytes)?;
        }
        sys.fsync(file).await
    }
}

/// 3.6 has bbolt write to etcd's log.
async fn say_opening(ctl: &Ctl, path: &str, map_bytes: u64, caller: &'static str) {
    if !ctl.release.is_3_6() {
        return;
    }
    let logger = etcd_pointer(ctl);
    let msg = format!(
        "Opening db file ({path}) with mode -rw------- and with options: {{Timeout: 0s, \
         NoGrowSync: false, NoFreelistSync: true, PreLoadFreelist: false, FreelistType: , \
         ReadOnly: false, MmapFlags: 8000, InitialMmapSize: {map_bytes}, PageSize: 0, NoSync: \
         false, OpenFile: 0x0, Mlock: false, Logger: {logger:#x}}}"
    );
    log(ctl, "info\tbbolt", (caller, caller), &msg, &[]).await;
}

async fn say_opened(ctl: &Ctl, path: &str) {
    if ctl.release.is_3_6() {
        const CALLER: Caller = ("bbolt@v1.4.3/db.go:322", "");
        let msg = format!("Opening bbolt db ({path}) successfully");
        log(ctl, "info\tbbolt", CALLER, &msg, &[]).await;
    }
}

/// An address as Go prints one; it means nothing.
fn etcd_pointer(ctl: &Ctl) -> u64 {
    let mixed =
        (ctl.sys.mono_us() ^ u64::from(ctl.sys.pid().0) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    0xc0_0000_0000 + (mixed >> 36) * 8
}

async fn panic(ctl: &Ctl, path: &str, error: &str) -> Exit {
    const CALLER: Caller = ("backend/backend.go:206", "backend/backend.go:189");
    let fields = [("path", json::zap(path)), ("error", json::zap(error))];
    log(ctl, "panic", CALLER, "failed to open database", &fields).await;
    Exit::panic("failed to open database")
}
