//! etcdutl: etcd's program for files, without a server: snapshots, databases, data
//! directories. Releases 3.6.14 and 3.5.33.
//!
//! Commands, flags and exits are etcdctl's types (`etcdctl::table`); the layout of help and of
//! errors is cobra's own. etcdctl 3.5 runs some of these commands too.

mod check;
mod db;
mod migrate;
mod restore;
mod status;

use std::rc::Rc;

use etcd::Release;
use sim::{Fd, Sys};

use crate::etcdctl::exit::{BAD_ARGS, ERROR};
use crate::etcdctl::flags::{Flag, Kind, Since};
use crate::etcdctl::go::json;
use crate::etcdctl::misc::script;
use crate::etcdctl::parse::{self, Parsed};
use crate::etcdctl::table::{COMPLETION_ABOUT, Command, Run, SHELLS};
use crate::etcdctl::{Ctl, Exit, complete_from, help, release_of};

pub(crate) use migrate::defrag_data;
pub(crate) use restore::restore as snapshot_restore;
pub(crate) use status::status as snapshot_status;

/// How long the real program takes to load.
const START_US: u64 = 15_000;

const WRITE_OUT: Flag = Flag::new(
    "write-out",
    Kind::Text,
    "simple",
    "output format: fields, json, protobuf, simple or table",
)
.short('w')
.values(&["fields", "json", "protobuf", "simple", "table"]);

/// The flags of `snapshot restore`, in etcdutl and in etcdctl 3.5, which maps other bytes at first.
pub(crate) const fn restore_flags(map_bytes: &'static str) -> [Flag; 10] {
    [
        Flag::new("bump-revision", Kind::Uint, "0", "add this to the newest revision"),
        Flag::new("data-dir", Kind::Text, "", "directory to make"),
        Flag::new(
            "initial-advertise-peer-urls",
            Kind::Text,
            "http://localhost:2380",
            "peer URLs of this member",
        ),
        Flag::new(
            "initial-cluster",
            Kind::Text,
            "default=http://localhost:2380",
            "members of the new cluster: name=URL, separated by commas",
        ),
        Flag::new("initial-cluster-token", Kind::Text, "etcd-cluster", "token of the new cluster"),
        Flag::new(
            "initial-memory-map-size",
            Kind::Uint,
            map_bytes,
            "bytes of the database to map at first",
        ),
        Flag::switch(
            "mark-compacted",
            "count the newest revision as compacted (with --bump-revision)",
        ),
        Flag::new("name", Kind::Text, "default", "name of this member"),
        Flag::switch("skip-hash-check", "take the file without its checksum"),
        Flag::new("wal-dir", Kind::Text, "", "directory of the log, if not in --data-dir"),
    ]
}

static RESTORE: [Flag; 10] = restore_flags("10737418240");

const DATA_DIR: Flag =
    Flag::new("data-dir", Kind::Text, "", "data directory of a member that is stopped (required)");

static SNAPSHOT: [Command; 3] = [
    Command::new(
        "restore",
        "<filename> --data-dir {output dir} [options]",
        "Makes a data directory from a snapshot",
        Run::Does(|c| Box::pin(restore::restore(c))),
    )
    .flags(&RESTORE)
    .required(&[("data-dir", Since::Until35)]),
    Command::new(
        "status",
        "<filename>",
        "Shows what a snapshot holds",
        Run::Does(|c| Box::pin(status::status(c))),
    ),
    Command::new("save", "<filename>", "", Run::Hidden(|c| Box::pin(save(c))))
        .since(Since::Until35),
];

static CHECK: [Command; 1] = [Command::new(
    "v2store",
    "",
    "Looks for content of the API version 2",
    Run::Does(|c| Box::pin(check::v2store(c))),
)
.flags(&[DATA_DIR, Flag::new("wal-dir", Kind::Text, "", "directory of the log")])
.required(&[("data-dir", Since::Both)])];

static COMMANDS: &[Command] = &[
    Command::later("backup").since(Since::Until35),
    Command::new(
        "defrag",
        "",
        "Rewrites a database file without holes",
        Run::Does(|c| Box::pin(migrate::defrag(c))),
    )
    .flags(&[DATA_DIR])
    .required(&[("data-dir", Since::Both)]),
    Command::group("snapshot", "Commands about snapshot files", &SNAPSHOT),
    Command::new(
        "hashkv",
        "<filename>",
        "Shows a hash over the history of keys in a file",
        Run::Does(|c| Box::pin(status::hashkv(c))),
    )
    .flags(&[Flag::new("rev", Kind::Int, "0", "hash up to this revision (0: the newest)")])
    .one_of(&[])
    .since(Since::V36),
    Command::new(
        "version",
        "",
        "Shows the version of etcdutl",
        Run::Does(|c| Box::pin(version(c))),
    ),
    Command::new(
        "completion",
        "[bash|zsh|fish|powershell]",
        "Prints a completion script for a shell",
        Run::Does(|c| Box::pin(completion(c))),
    )
    .about(COMPLETION_ABOUT)
    .one_of(&SHELLS)
    .since(Since::V36),
    Command::new(
        "migrate",
        "",
        "Changes a database file for another version of etcd",
        Run::Does(|c| Box::pin(migrate::migrate(c))),
    )
    .flags(&[
        Flag::new("data-dir", Kind::Text, "", "data directory of a stopped member"),
        Flag::switch("force", "change the version even where that is not safe"),
        Flag::new("target-version", Kind::Text, "", "version to change to: X.Y, at least 3.5"),
    ])
    .required(&[("data-dir", Since::Both), ("target-version", Since::Both)])
    .since(Since::V36),
    Command::group("check", "Commands that check properties of files", &CHECK)
        .since(Since::Until35),
    Command::new("help", "[command]", "Explains a command", Run::Does(|c| Box::pin(explain(c)))),
];

/// etcdutl itself.
static ROOT: Command = Command {
    inherited: &[WRITE_OUT],
    subs: COMMANDS,
    ..Command::new("etcdutl", "", "Works on the files of etcd.", Run::Group)
};

/// What could stand in place of the last of these words.
pub fn complete(words: &[String]) -> Vec<String> {
    complete_from(&ROOT, words)
}

/// The program.
pub async fn run(sys: Sys) -> i32 {
    sys.sleep_us(START_US).await;
    let release = release_of(&sys);
    let words: Vec<String> = sys.args().into_iter().skip(1).collect();
    match dispatch(&sys, release, &words).await {
        Ok(()) => 0,
        Err(exit) => {
            if !exit.text.is_empty() {
                let _ = sys.write(Fd::STDERR, exit.text.as_bytes()).await;
            }
            exit.code
        }
    }
}

async fn dispatch(sys: &Sys, release: Release, words: &[String]) -> Result<(), Exit> {
    // cobra prints the error and main prints it once more.
    let complain = |error: &str, between: &str| {
        let text = format!("Error: {error}\n{between}Error: {error}\n");
        Exit { code: ERROR, text }
    };
    match parse::parse(&ROOT, words, release) {
        Parsed::Help(path) => {
            sys.print(&help::cobra_usage(&path, release)).await;
            Ok(())
        }
        Parsed::Misused(path, error) => {
            let usage = help::cobra_usage(&path, release);
            Err(complain(&error, &format!("{usage}\n")))
        }
        Parsed::Unknown(error) => Err(complain(&error, "Run 'etcdutl --help' for usage.\n")),
        Parsed::Run { path, flags, args } => {
            let command = path[path.len() - 1];
            let ctl = Rc::new(Ctl { sys: sys.clone(), release, path, flags, args });
            match command.run {
                Run::Does(run) | Run::Hidden(run) => run(ctl).await,
                Run::Group | Run::Later => {
                    let name = command.name;
                    Err(Exit::new(ERROR, format!("{name} is not part of this lab yet")))
                }
            }
        }
    }
}

async fn version(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let release = ctl.release;
    let api = format!("{}.{}", release.major, release.minor);
    ctl.out(format!("etcdutl version: {release}\nAPI version: {api}\n")).await;
    Ok(())
}

async fn completion(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let shell = ctl.args.first().map(String::as_str).unwrap_or_default();
    ctl.out(script(&ROOT, shell, ctl.release)).await;
    Ok(())
}

async fn explain(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if let Ok((path, _)) = parse::find(&ROOT, &ctl.args, ctl.release) {
        ctl.out(help::cobra_usage(&path, ctl.release)).await;
        return Ok(());
    }
    let usage = help::cobra_usage(&[&ROOT], ctl.release);
    // Nobody has given the root its flag for help by then.
    let usage: String =
        usage.split_inclusive('\n').filter(|line| !line.starts_with("  -h, --help")).collect();
    ctl.err(&format!("Unknown help topic {}\n{usage}", parse::topic(&ctl.args))).await;
    Ok(())
}

/// There never was one: 3.5 says where it is.
async fn save(ctl: Rc<Ctl>) -> Result<(), Exit> {
    ctl.err("Command \"save\" is deprecated, Use `etcdctl snapshot save` to download snapshot\n")
        .await;
    let text = "In order to download snapshot use: `etcdctl snapshot save ...`";
    Err(Exit::new(BAD_ARGS, text))
}

/// Where in etcd's source a log line comes from, in 3.6 and in 3.5.
type Caller = (&'static str, &'static str);

/// One line of the console form of etcd's logger. Fields are name and JSON.
async fn log(ctl: &Ctl, level: &str, caller: Caller, msg: &str, fields: &[(&str, String)]) {
    let stamp = etcd::log::stamp(ctl.sys.wall_us());
    let second = stamp.split('.').next().unwrap_or_default();
    let caller = if ctl.release.is_3_6() { caller.0 } else { caller.1 };
    let mut line = format!("{second}Z\t{level}\t{caller}\t{msg}");
    if !fields.is_empty() {
        let fields: Vec<String> =
            fields.iter().map(|(name, json)| format!("{}: {json}", json::zap(name))).collect();
        line.push_str(&format!("\t{{{}}}", fields.join(", ")));
    }
    line.push('\n');
    ctl.err(&line).await;
}

async fn info(ctl: &Ctl, caller: Caller, msg: &str, fields: &[(&str, String)]) {
    log(ctl, "info", caller, msg, fields).await;
}
