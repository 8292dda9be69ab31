//! The command line of `quorum`: one table of flags, read and checked before anything is done.

use std::path::PathBuf;

use lab::api::WorldOptions;
use lab::worlds;
use lexopt::prelude::*;

#[cfg(feature = "k8s")]
use crate::exercises::Exercises;

/// What is asked for.
pub(crate) enum Call {
    Exec(Box<Exec>),
    Replay(PathBuf),
    Worlds,
    #[cfg(feature = "k8s")]
    Exercises(Exercises),
    #[cfg(feature = "k8s")]
    Measure {
        sheets: &'static [lab::api::SheetKind],
        members: u8,
    },
    Help,
}

/// What `exec` was told.
pub(crate) struct Exec {
    pub(crate) options: WorldOptions,
    pub(crate) host: String,
    pub(crate) json: bool,
    pub(crate) line_timeout_us: u64,
    pub(crate) push: Vec<Copy>,
    pub(crate) pull: Vec<Copy>,
    pub(crate) take_home: Option<PathBuf>,
    pub(crate) recipe: Option<PathBuf>,
    /// None: standard input.
    pub(crate) file: Option<PathBuf>,
}

impl Exec {
    /// The flags that make the same world again.
    pub(crate) fn world_flags(&self) -> String {
        let WorldOptions { world, members, release, seed, .. } = &self.options;
        let host = &self.host;
        format!(
            "--world {world} --members {members} --release {release} --seed {seed} --host {host}"
        )
    }
}

/// A file on both sides of the border.
pub(crate) struct Copy {
    pub(crate) local: PathBuf,
    pub(crate) host: String,
    pub(crate) path: String,
}

/// A flag of `exec`.
struct Flag {
    name: &'static str,
    /// What its value is called; a switch has none.
    value: &'static str,
    help: &'static str,
    set: fn(&mut Draft, String) -> Result<(), String>,
}

/// What the flags said so far.
struct Draft {
    world: String,
    tls: bool,
    members: u8,
    release: String,
    seed: u64,
    host: Option<String>,
    json: bool,
    line_timeout_us: u64,
    push: Vec<Copy>,
    pull: Vec<Copy>,
    take_home: Option<PathBuf>,
    recipe: Option<PathBuf>,
    file: Option<PathBuf>,
}

/// The flags of `exec`, as help lists them.
static FLAGS: &[Flag] = &[
    Flag {
        name: "world",
        value: "NAME",
        help: "the world (cluster)",
        set: |draft, value| {
            draft.world = value;
            Ok(())
        },
    },
    Flag {
        name: "tls",
        value: "",
        help: "with certificates under /etc/etcd/pki (world cluster)",
        set: |draft, _| {
            draft.tls = true;
            Ok(())
        },
    },
    Flag {
        name: "members",
        value: "N",
        help: "members at the start, 1 to 9 (3)",
        set: |draft, value| number("members", &value).map(|members| draft.members = members),
    },
    Flag {
        name: "release",
        value: "VERSION",
        help: "3.6, 3.5 or a full version (3.6)",
        set: |draft, value| {
            draft.release = value;
            Ok(())
        },
    },
    Flag {
        name: "seed",
        value: "N",
        help: "root of every random draw (1)",
        set: |draft, value| number("seed", &value).map(|seed| draft.seed = seed),
    },
    Flag {
        name: "host",
        value: "HOST",
        help: "the host whose shell is typed into (the world's first)",
        set: |draft, value| {
            draft.host = Some(value);
            Ok(())
        },
    },
    Flag {
        name: "line-timeout",
        value: "TIME",
        help: "virtual time a command may take (600s)",
        set: |draft, value| {
            let us = lab::simctl::duration_us(&value);
            draft.line_timeout_us = us.map_err(|error| format!("--line-timeout: {error}"))?;
            Ok(())
        },
    },
    Flag {
        name: "json",
        value: "",
        help: "one JSON object a command",
        set: |draft, _| {
            draft.json = true;
            Ok(())
        },
    },
    Flag {
        name: "push",
        value: "LOCAL=HOST:PATH",
        help: "copy a file in at the start (repeatable)",
        set: |draft, value| copy_in(&value).map(|copy| draft.push.push(copy)),
    },
    Flag {
        name: "pull",
        value: "HOST:PATH=LOCAL",
        help: "copy a file out at the end (repeatable)",
        set: |draft, value| copy_out(&value).map(|copy| draft.pull.push(copy)),
    },
    Flag {
        name: "take-home",
        value: "FILE",
        help: "at the end, save what starts this cluster on real machines (tar)",
        set: |draft, value| {
            draft.take_home = Some(value.into());
            Ok(())
        },
    },
    Flag {
        name: "recipe",
        value: "FILE",
        help: "save the run",
        set: |draft, value| {
            draft.recipe = Some(value.into());
            Ok(())
        },
    },
];

/// How `quorum` is called.
pub(crate) fn help() -> String {
    let mut text = "\
quorum exec [FLAGS] [FILE|-]    type each line of the file into a shell of a world
quorum replay FILE              replay a recipe and print its trace hash
quorum worlds                   list the worlds
quorum exercises list           list the exercises
quorum exercises check SLUG     prove one: its solution on 20 seeds, its wrong turns, its cheats
quorum exercises check --all    prove all of them (--seeds N: on so many)
quorum exercises play SLUG      do one here, with commands from stdin (--seed N)
quorum exercises new SLUG       begin a new one
quorum measure quorum           kill members and zones, see what still writes (--members N)
quorum measure latency          what one more member costs a write
quorum measure compare          reads of etcd, Consul and ZooKeeper on the same partition

Flags of exec:
"
    .to_owned();
    for flag in FLAGS {
        let usage = format!("--{} {}", flag.name, flag.value);
        text.push_str(&format!("  {usage:<25} {}\n", flag.help));
    }
    text.push_str("\nA line `@n2 CMD` runs in a shell on host n2.\n");
    text
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
        #[cfg(feature = "k8s")]
        "exercises" => exercises(&mut parser),
        #[cfg(feature = "k8s")]
        "measure" => measure(&mut parser),
        "help" => Ok(Call::Help),
        other => Err(format!("unknown command '{other}'; see quorum help")),
    }
}

fn text(error: lexopt::Error) -> String {
    error.to_string()
}

/// `list`, `check SLUG|--all [--seeds N]`, `play SLUG [--seed N]`, `new SLUG`.
#[cfg(feature = "k8s")]
fn exercises(parser: &mut lexopt::Parser) -> Result<Call, String> {
    let (mut words, mut all, mut seed) = (Vec::new(), false, 1);
    let mut seeds = lab::exercise::SEEDS;
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Long("all") => all = true,
            Long("seed") => seed = number("seed", &value(parser)?)?,
            Long("seeds") => seeds = number("seeds", &value(parser)?)?,
            Value(word) => words.push(word.to_string_lossy().into_owned()),
            other => return Err(text(other.unexpected())),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(Call::Exercises(match (words.as_slice(), all) {
        (["list"], false) => Exercises::List,
        (["check"], true) => Exercises::Check { slug: None, seeds },
        (["check", slug], false) => Exercises::Check { slug: Some((*slug).to_owned()), seeds },
        (["play", slug], false) => Exercises::Play { slug: (*slug).to_owned(), seed },
        (["new", slug], false) => Exercises::New((*slug).to_owned()),
        _ => return Err("exercises: list, check SLUG, check --all, play SLUG or new SLUG".into()),
    }))
}

/// `quorum|latency|compare [--members N]`.
#[cfg(feature = "k8s")]
fn measure(parser: &mut lexopt::Parser) -> Result<Call, String> {
    let (mut sheets, mut members) = (None, 5);
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Long("members") => members = number("members", &value(parser)?)?,
            Value(word) if sheets.is_none() => {
                sheets = crate::measure::topic(&word.to_string_lossy());
                sheets.ok_or("measure: quorum, latency or compare")?;
            }
            other => return Err(text(other.unexpected())),
        }
    }
    let sheets = sheets.ok_or("measure: quorum, latency or compare")?;
    Ok(Call::Measure { sheets, members })
}

fn exec(parser: &mut lexopt::Parser) -> Result<Call, String> {
    let mut draft = Draft {
        world: "cluster".to_owned(),
        tls: false,
        members: 3,
        release: "3.6".to_owned(),
        seed: 1,
        host: None,
        json: false,
        line_timeout_us: 600_000_000,
        push: Vec::new(),
        pull: Vec::new(),
        take_home: None,
        recipe: None,
        file: None,
    };
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Long("help") | Short('h') => return Ok(Call::Help),
            Long(name) => {
                let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) else {
                    return Err(text(Long(name).unexpected()));
                };
                let value = if flag.value.is_empty() { String::new() } else { value(parser)? };
                (flag.set)(&mut draft, value)?;
            }
            Value(name) if draft.file.is_none() => draft.file = Some(name.into()),
            other => return Err(text(other.unexpected())),
        }
    }
    checked(draft)
}

/// What the flags say together.
fn checked(draft: Draft) -> Result<Call, String> {
    let Draft { mut world, push, pull, .. } = draft;
    if draft.tls {
        world.push_str("-tls");
    }
    let options = worlds::options(&world, draft.members, &draft.release, draft.seed)?;
    let hosts = worlds::hosts(&options);
    let host = draft.host.unwrap_or_else(|| hosts[0].clone());
    for name in [&host].into_iter().chain(push.iter().chain(&pull).map(|copy| &copy.host)) {
        if !hosts.contains(name) {
            return Err(format!("world {world} has no host '{name}', only {}", hosts.join(" ")));
        }
    }
    Ok(Call::Exec(Box::new(Exec {
        options,
        host,
        json: draft.json,
        line_timeout_us: draft.line_timeout_us,
        push,
        pull,
        take_home: draft.take_home,
        recipe: draft.recipe,
        file: draft.file.filter(|name| name.as_os_str() != "-"),
    })))
}

fn value(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().map_err(text)?.into_string().map_err(|value| format!("{value:?} is not UTF-8"))
}

fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("--{flag}: '{value}' is not a number it takes"))
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
