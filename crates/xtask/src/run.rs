//! Running programs, with a line that says what and how long it took.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Why a command of xtask stopped: one sentence.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Failure(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

/// The repository's root, found from this crate's folder at build time.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask is two deep")
        .into()
}

/// Where the tools that xtask installs live: they touch nothing outside the repository.
pub(crate) fn tools() -> PathBuf {
    root().join("target").join("tools")
}

/// A program to run, with the tools' folder first on its PATH.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    let mut paths = vec![tools().join("bin"), root().join("web/node_modules/.bin")];
    if let Some(path) = std::env::var_os("PATH") {
        paths.extend(std::env::split_paths(&path));
    }
    if let Ok(joined) = std::env::join_paths(paths) {
        command.env("PATH", joined);
    }
    command
}

/// Says `what`, runs it with its output visible, says how long it took; fails if it does.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<(), Failure> {
    println!("xtask: {what}");
    let start = Instant::now();
    let status = command.status().map_err(|error| {
        Failure(format!("{what}: cannot run {:?}: {error}", command.get_program()))
    })?;
    if !status.success() {
        return Err(Failure(format!("{what}: failed ({status})")));
    }
    println!("xtask: {what}: done in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// What a program prints, or none if it cannot be run or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Cargo itself, the one that runs us.
pub(crate) fn cargo() -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
