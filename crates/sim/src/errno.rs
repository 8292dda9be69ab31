//! What a system call can answer instead of doing its work.
//!
//! `Display` is the text of C's `strerror`, which is what programs print.

/// The reasons, named as in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are C's, the texts are below")]
pub enum Errno {
    Eperm,
    Enoent,
    Esrch,
    Eio,
    Enxio,
    Enoexec,
    Ebadf,
    Echild,
    Eacces,
    Ebusy,
    Eexist,
    Enotdir,
    Eisdir,
    Einval,
    Emfile,
    Enotty,
    Efbig,
    Enospc,
    Espipe,
    Epipe,
    Erofs,
    Enametoolong,
    Enotempty,
    Eloop,
    Econnrefused,
}

impl Errno {
    /// The text.
    pub fn text(self) -> &'static str {
        match self {
            Errno::Eperm => "Operation not permitted",
            Errno::Enoent => "No such file or directory",
            Errno::Esrch => "No such process",
            Errno::Eio => "Input/output error",
            Errno::Enxio => "No such device or address",
            Errno::Enoexec => "Exec format error",
            Errno::Ebadf => "Bad file descriptor",
            Errno::Echild => "No child processes",
            Errno::Eacces => "Permission denied",
            Errno::Ebusy => "Device or resource busy",
            Errno::Eexist => "File exists",
            Errno::Enotdir => "Not a directory",
            Errno::Eisdir => "Is a directory",
            Errno::Einval => "Invalid argument",
            Errno::Emfile => "Too many open files",
            Errno::Enotty => "Inappropriate ioctl for device",
            Errno::Efbig => "File too large",
            Errno::Enospc => "No space left on device",
            Errno::Espipe => "Illegal seek",
            Errno::Epipe => "Broken pipe",
            Errno::Erofs => "Read-only file system",
            Errno::Enametoolong => "File name too long",
            Errno::Enotempty => "Directory not empty",
            Errno::Eloop => "Too many levels of symbolic links",
            Errno::Econnrefused => "Connection refused",
        }
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Errno {}
