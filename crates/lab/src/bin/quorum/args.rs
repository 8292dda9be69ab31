//! The command line of `quorum`, read and checked before anything is done.

use std::ffi::OsString;
use std::path::PathBuf;

use lab::api::WorldOptions;
use lab::worlds;
use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
quorum exec [FLAGS] [FILE|-]    type each line of the file into a shell of a world
quorum replay FILE              replay a recipe and print its trace hash
quorum worlds                   list the worlds

Flags of exec:
  --world NAME              the world (cluster)
  --members N               members at the start, 1 to 9 (3)
  --release VERSION         3.6, 3.5 or a full version (3.6)
  --seed N                  root of every random draw (1)
  --host HOST               the host whose shell is typed into (the world's first)
  --line-timeout TIME       virtual time a command may take (600s)
  --json                    one JSON object a command
  --push LOCAL=HOST:PATH    copy a file in at the start (repeatable)
  --pull HOST:PATH=LOCAL    copy a file out at the end (repeatable)
  --recipe FILE             save the run

A line `@n2 CMD` runs in a shell on host n2.
";

/// What is asked for.
pub(crate) enum Call {
    Exec(Box<Exec>),
    Replay(PathBuf),
    Worlds,
    Help,
}

/// The flags of `exec`.
pub(crate) struct Exec {
    pub(crate) options: WorldOptions,
    pub(crate) host: String,
    pub(crate) json: bool,
    pub(crate) line_timeout_us: u64,
    pub(crate) push: Vec<Copy>,
    pub(crate) pull: Vec<Copy>,
    pub(crate) recipe: Option<PathBuf>,
    /// None: standard input.
    pub(crate) file: Option<PathBuf>,
}

/// A file on both sides of the border.
pub(crate) struct Copy {
    pub(crate) local: PathBuf,
    pub(crate) host: String,
    pub(crate) path: String,
}

/// Reads the real command line.
pub(crate) fn read() -> Result<Call, String> {
    let mut parser = lexopt::Parser::from_env();
    let name = match parser.next().map_err(text)? {
        Some(Value(name)) => name.to_string_lossy().into_owned(),
        Some(Long("help") | Short('h')) | None => return Ok(Call::Help),
        Some(other) => return Err(text(other.unexpected())),
    };
    match name.as_str() {
        "exec" => exec(&mut parser),
        "replay" => {
            let first = match parser.next().map_err(text)? {
                Some(Value(file)) => Some(file),
                _ => None,
            };
            let more = parser.next().map_err(text)?.is_some();
            let file = first.filter(|_| !more).ok_or("replay takes one recipe file")?;
            Ok(Call::Replay(file.into()))
        }
        "worlds" => Ok(Call::Worlds),
        "help" => Ok(Call::Help),
        other => Err(format!("unknown command '{other}'; see quorum help")),
    }
}

fn text(error: lexopt::Error) -> String {
    error.to_string()
}

fn exec(parser: &mut lexopt::Parser) -> Result<Call, String> {
    let mut world = "cluster".to_string();
    let (mut members, mut release, mut seed) = (3_u8, "3.6".to_string(), 1_u64);
    let (mut host, mut json, mut line_timeout_us) = (None, false, 600_000_000);
    let (mut push, mut pull) = (Vec::new(), Vec::new());
    let (mut recipe, mut file) = (None, None);
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Long("world") => world = value(parser)?,
            Long("members") => members = number(parser, "--members")?,
            Long("release") => release = value(parser)?,
            Long("seed") => seed = number(parser, "--seed")?,
            Long("host") => host = Some(value(parser)?),
            Long("json") => json = true,
            Long("line-timeout") => {
                line_timeout_us = lab::simctl::duration_us(&value(parser)?)
                    .map_err(|error| format!("--line-timeout: {error}"))?;
            }
            Long("push") => push.push(copy_in(&value(parser)?)?),
            Long("pull") => pull.push(copy_out(&value(parser)?)?),
            Long("recipe") => recipe = Some(path(parser)?),
            Value(name) if file.is_none() => file = Some(name),
            Long("help") | Short('h') => return Ok(Call::Help),
            other => return Err(text(other.unexpected())),
        }
    }
    let options = worlds::options(&world, members, &release, seed)?;
    let hosts = worlds::hosts(&options);
    let host = host.unwrap_or_else(|| hosts[0].clone());
    for name in [&host].into_iter().chain(push.iter().chain(&pull).map(|copy| &copy.host)) {
        if !hosts.contains(name) {
            return Err(format!("world {world} has no host '{name}', only {}", hosts.join(" ")));
        }
    }
    let file = file.filter(|name| name != "-").map(PathBuf::from);
    Ok(Call::Exec(Box::new(Exec {
        options,
        host,
        json,
        line_timeout_us,
        push,
        pull,
        recipe,
        file,
    })))
}

fn value(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().map_err(text)?.into_string().map_err(|value| format!("{value:?} is not UTF-8"))
}

fn path(parser: &mut lexopt::Parser) -> Result<PathBuf, String> {
    parser.value().map_err(text).map(|value: OsString| value.into())
}

fn number<T: std::str::FromStr>(parser: &mut lexopt::Parser, flag: &str) -> Result<T, String> {
    let value = value(parser)?;
    value.parse().map_err(|_| format!("{flag}: '{value}' is not a number it takes"))
}

/// `LOCAL=HOST:PATH`
fn copy_in(text: &str) -> Result<Copy, String> {
    let wrong = || format!("--push '{text}': write LOCAL=HOST:PATH");
    let (local, place) = text.rsplit_once('=').ok_or_else(wrong)?;
    let (host, path) = place.split_once(':').ok_or_else(wrong)?;
    copy(local, host, path).ok_or_else(wrong)
}

/// `HOST:PATH=LOCAL`
fn copy_out(text: &str) -> Result<Copy, String> {
    let wrong = || format!("--pull '{text}': write HOST:PATH=LOCAL, with an absolute PATH");
    let (host, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (path, local) = rest.split_once('=').ok_or_else(wrong)?;
    copy(local, host, path).ok_or_else(wrong)
}

fn copy(local: &str, host: &str, path: &str) -> Option<Copy> {
    let whole = !local.is_empty() && !host.is_empty() && path.starts_with('/');
    whole.then(|| Copy { local: local.into(), host: host.into(), path: path.into() })
}
