//! etcdctl: what it understands, how it talks to a cluster and what it prints, release by
//! release (3.6.14 and 3.5.33).
//!
//! One table of commands (`table`) feeds parsing, help and completion. A command reads its
//! flags and arguments from [`Ctl`], talks through `client` and prints through `printer`.
//!
//! Not here: what the server decides (`etcd`), processes and connections (`sim`).

mod auth;
mod check;
pub mod client;
mod complete;
mod endpoint;
mod exec;
pub(crate) mod exit;
mod feed;
pub(crate) mod flags;
pub mod go;
pub(crate) mod help;
mod kv;
mod lease;
mod lock;
mod maintenance;
mod member;
mod metrics;
mod mirror;
pub(crate) mod misc;
pub(crate) mod parse;
mod password;
mod printer;
pub(crate) mod settings;
pub(crate) mod table;
pub(crate) mod tables;
mod txn;
mod watch;

use std::rc::Rc;

use etcd::Release;
use sim::{Fd, Sys};

#[cfg(feature = "k8s")]
pub(crate) use client::SYSTEM_ROOTS;
pub use complete::complete;
pub(crate) use complete::complete_from;
pub use exit::Exit;
use flags::Flags;
use parse::Parsed;
use printer::{Printer, Shown};
use table::{Command, ROOT, Run};

/// A command at work.
pub struct Ctl {
    /// The machine.
    pub sys: Sys,
    /// The release this etcdctl is of.
    pub release: Release,
    /// The command, after those above it.
    pub path: Vec<&'static Command>,
    /// Its flags as the command line gave them; variables are in [`settings::Settings`].
    pub flags: Flags,
    /// Its arguments.
    pub args: Vec<String>,
}

impl Ctl {
    /// Writes to standard output.
    pub async fn out(&self, bytes: impl AsRef<[u8]>) {
        // A closed pipe has ended the process; nothing else can be done about a full disk.
        let _ = self.sys.write(Fd::STDOUT, bytes.as_ref()).await;
    }

    /// Writes to standard error.
    pub async fn err(&self, text: &str) {
        let _ = self.sys.write(Fd::STDERR, text.as_bytes()).await;
    }

    /// Prints an answer.
    pub async fn show(&self, printer: &Printer, shown: &Shown) -> Result<(), Exit> {
        let text = printer.text(shown)?;
        if !text.out.is_empty() {
            self.out(&text.out).await;
        }
        if !text.err.is_empty() {
            self.err(&String::from_utf8_lossy(&text.err)).await;
        }
        Ok(())
    }

    /// When a command that starts now must be done, by the flag alone: most commands look at
    /// it before they look at the environment.
    pub fn deadline_us(&self) -> Option<u64> {
        Some(self.sys.mono_us() + self.flags.duration_us("command-timeout"))
    }

    /// One line of etcdctl's own logger. `fields` is JSON, with its leading comma.
    pub async fn log(&self, level: &str, logger: &str, caller: &str, msg: &str, fields: &str) {
        let ts = etcd::log::stamp(self.sys.wall_us());
        let logger =
            if logger.is_empty() { String::new() } else { format!(",\"logger\":\"{logger}\"") };
        self.err(&format!(
            "{{\"level\":\"{level}\",\"ts\":\"{ts}\"{logger},\"caller\":\"{caller}\",\
             \"msg\":\"{msg}\"{fields}}}\n"
        ))
        .await;
    }
}

/// The release in the executable's name; one that cannot be read is the newest.
pub(crate) fn release_of(sys: &Sys) -> Release {
    Release::parse(&sys.release()).unwrap_or(Release::V3_6)
}

/// How long the real program takes to load and to get going. Without it a loop of commands
/// would put into one batch of the database what the real one spreads over several.
const START_US: u64 = 15_000;

/// The program.
pub async fn run(sys: Sys) -> i32 {
    sys.sleep_us(START_US).await;
    let release = release_of(&sys);
    let words: Vec<String> = sys.args().into_iter().skip(1).collect();
    let end = match api_refusal(&sys, release, &words) {
        Some(exit) => Err(exit),
        None => dispatch(&sys, release, &words).await,
    };
    match end {
        Ok(()) => 0,
        Err(exit) => {
            if !exit.text.is_empty() {
                let _ = sys.write(Fd::STDERR, exit.text.as_bytes()).await;
            }
            exit.code
        }
    }
}

/// The words of the client of API version 2.
const V2_COMMANDS: [&str; 17] = [
    "backup",
    "cluster-health",
    "mk",
    "mkdir",
    "rm",
    "rmdir",
    "get",
    "ls",
    "set",
    "setdir",
    "update",
    "updatedir",
    "watch",
    "exec-watch",
    "member",
    "user",
    "role",
];

/// Until 3.5 `ETCDCTL_API` chooses the API. The lab's members speak version 3 only.
fn api_refusal(sys: &Sys, release: Release, words: &[String]) -> Option<Exit> {
    if release.is_3_6() {
        return None;
    }
    let refuse = |code, text: String| Some(Exit { code, text: format!("{text}\n") });
    match sys.env("ETCDCTL_API")?.as_str() {
        "" | "3" => None,
        "2" => match words.iter().find(|word| !word.starts_with('-')) {
            Some(word) if !V2_COMMANDS.contains(&word.as_str()) => {
                refuse(3, format!("No help topic for '{word}'"))
            }
            _ => refuse(1, "API version 2 is not part of this lab".to_owned()),
        },
        other => refuse(1, format!("unsupported API version: {other}")),
    }
}

async fn dispatch(sys: &Sys, release: Release, words: &[String]) -> Result<(), Exit> {
    let usage = async |path: &[&'static Command]| {
        let _ = sys.write(Fd::STDOUT, help::usage(path, release).as_bytes()).await;
    };
    // cobra prints the error; until 3.5 main prints it once more.
    let complain = |error: &str, after: &str| {
        let again = if release.is_3_6() { String::new() } else { format!("Error: {error}\n") };
        Exit { code: exit::ERROR, text: format!("Error: {error}\n{after}\n{again}") }
    };
    match parse::parse(&ROOT, words, release) {
        Parsed::Help(path) => {
            usage(&path).await;
            Ok(())
        }
        Parsed::Misused(path, error) => {
            usage(&path).await;
            Err(complain(&error, ""))
        }
        Parsed::Unknown(error) => Err(complain(&error, "Run 'etcdctl --help' for usage.")),
        Parsed::Run { path, flags, args } => {
            let command = path[path.len() - 1];
            let ctl = Rc::new(Ctl { sys: sys.clone(), release, path, flags, args });
            match command.run {
                Run::Does(run) | Run::Hidden(run) => run(ctl).await,
                Run::Group | Run::Later => {
                    let name = command.name;
                    Err(Exit::new(exit::ERROR, format!("{name} is not part of this lab yet")))
                }
            }
        }
    }
}
