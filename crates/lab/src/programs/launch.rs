//! Starting programs by name: the search along `PATH`, shared by the shell and by programs
//! that run others.

use sim::{Errno, Fd, Pid, SpawnSpec, Sys};

/// Why a name is not something to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRun {
    NotFound,
    Directory,
    Denied,
    Other(Errno),
}

impl NotRun {
    /// The status a program gives that was asked to run it.
    pub(crate) fn status(self) -> i32 {
        if self == NotRun::NotFound { 127 } else { 126 }
    }

    /// The words of C's library.
    pub(crate) fn text(self) -> String {
        match self {
            NotRun::NotFound => Errno::Enoent.to_string(),
            NotRun::Directory | NotRun::Denied => Errno::Eacces.to_string(),
            NotRun::Other(error) => error.to_string(),
        }
    }
}

/// The file a name stands for.
pub(crate) fn resolve(sys: &Sys, search: &str, name: &str) -> Result<String, NotRun> {
    if name.contains('/') {
        return runnable(sys, name).map(|()| name.to_owned());
    }
    let mut reason = NotRun::NotFound;
    for directory in search.split(':') {
        let directory = if directory.is_empty() { "." } else { directory };
        let path = super::io::join(directory, name);
        match runnable(sys, &path) {
            Ok(()) if !name.is_empty() => return Ok(path),
            Err(NotRun::Denied) => reason = NotRun::Denied,
            _ => {}
        }
    }
    Err(reason)
}

fn runnable(sys: &Sys, path: &str) -> Result<(), NotRun> {
    let stat = sys.stat(path).map_err(|error| match error {
        Errno::Enoent => NotRun::NotFound,
        Errno::Eacces => NotRun::Denied,
        error => NotRun::Other(error),
    })?;
    if stat.is_dir() {
        return Err(NotRun::Directory);
    }
    sys.access(path, 1).map_err(|_| NotRun::Denied)
}

/// Whether a file without `#!` may be a script: nothing in its beginning is binary.
pub(crate) fn is_text(sys: &Sys, path: &str) -> bool {
    let Ok(bytes) = sys.read_file(path) else { return false };
    let start = &bytes[..bytes.len().min(128)];
    !start.starts_with(b"\x7fELF") && !start.contains(&0)
}

/// Starts a command with the standard files of the caller.
pub(crate) fn start(sys: &Sys, argv: &[String], env: Vec<(String, String)>) -> Result<Pid, NotRun> {
    let files = [Fd::STDIN, Fd::STDOUT, Fd::STDERR].map(|fd| (fd, fd)).to_vec();
    start_with(sys, argv, env, files)
}

/// Starts a command with these files: its number for each, and ours.
pub(crate) fn start_with(
    sys: &Sys,
    argv: &[String],
    env: Vec<(String, String)>,
    files: Vec<(Fd, Fd)>,
) -> Result<Pid, NotRun> {
    let search = env
        .iter()
        .find(|(name, _)| name == "PATH")
        .map_or("/usr/local/bin:/usr/bin:/bin", |(_, value)| value.as_str());
    let path = resolve(sys, search, &argv[0])?;
    let mut spec = SpawnSpec::new(&path, &[]);
    spec.argv = argv.to_vec();
    spec.env = env;
    spec.fds = files;
    match sys.spawn(spec.clone()) {
        Err(Errno::Enoexec) if is_text(sys, &path) => {
            // As C's execvp does: a text is given to the shell.
            spec.argv.insert(0, "sh".to_owned());
            spec.argv[1] = path;
            spec.path = "/bin/sh".to_owned();
            sys.spawn(spec).map_err(NotRun::Other)
        }
        Err(Errno::Eacces) => Err(NotRun::Denied),
        other => other.map_err(NotRun::Other),
    }
}
