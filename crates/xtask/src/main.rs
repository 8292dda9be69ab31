//! Automation of the repository: serve, build, test, ci, bench, setup.
//!
//! `cargo xtask help` lists the commands. Everything here runs on a developer's machine;
//! nothing of it is in the page.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the bans of this folder are for the core; this is a program of the real machine"
)]

mod bench;
mod browser;
mod ci;
mod page;
mod realetcd;
mod run;
mod serve;
mod setup;
mod shots;
mod test;

use std::process::ExitCode;

use lexopt::prelude::*;
use run::Failure;

const HELP: &str = "\
cargo xtask COMMAND

  serve [--port 8080] [--dev]   build the page and serve it on 127.0.0.1
                                (--dev: debug build, watches and reloads)
  build                         build the page into dist/
  test [--quick]                run every test (--quick: without the browser)
  ci                            what .ci/run runs: format, lints, licences, then test
  bench [--json FILE] [--no-browser]
                                measure; prints one table
  shots                         make the pictures of the README anew
  later                         note anew what a first visit needs of the page
  setup                         install what is missing, then stop
";

fn main() -> ExitCode {
    match command() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line and does what it says.
fn command() -> Result<(), Failure> {
    let mut parser = lexopt::Parser::from_env();
    let Some(Value(name)) = parser.next()? else {
        print!("{HELP}");
        return Ok(());
    };
    let mut flags = Flags::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("port") => flags.port = parser.value()?.parse()?,
            Long("dev") => flags.dev = true,
            Long("quick") => flags.quick = true,
            Long("no-browser") => flags.no_browser = true,
            Long("json") => flags.json = Some(parser.value()?.into()),
            _ => return Err(arg.unexpected().into()),
        }
    }
    std::env::set_current_dir(run::root())?;
    match name.to_string_lossy().as_ref() {
        "serve" if flags.dev => serve::dev(flags.port),
        "serve" => serve::release(flags.port),
        "build" => page::build().map(|_| ()),
        "test" => test::all(flags.quick),
        "ci" => ci::all(),
        "bench" => bench::all(flags.json.as_deref(), !flags.no_browser),
        "shots" => shots::all(),
        "later" => page::later(),
        "setup" => setup::page(),
        "help" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Failure::new(format!("unknown command '{other}'; see cargo xtask help"))),
    }
}

/// The flags of all commands together; each reads its own.
struct Flags {
    port: u16,
    dev: bool,
    quick: bool,
    no_browser: bool,
    json: Option<std::path::PathBuf>,
}

impl Default for Flags {
    fn default() -> Self {
        Flags { port: 8080, dev: false, quick: false, no_browser: false, json: None }
    }
}
