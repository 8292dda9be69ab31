//! `etcd`: the server. Its flags and variables become a configuration, and the process a
//! member; what a member then does is `etcd::Member`'s.

mod config;
mod file;
mod flags;
mod gates;
#[cfg(test)]
mod tests;

use etcd::{Config, Release};
use sim::{Errno, Fd, Sys};

use super::Program;
use crate::etcdctl::release_of;
use config::{Said, caller, field};

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "etcd",
    summary: "run a member of an etcd cluster",
    usage: "etcd [flags]\n  etcd --help lists the flags; ETCD_NAME and the like set them too.",
    run: |sys| Box::pin(run(sys)),
    complete: Some(complete),
};

/// The flags that begin like the last word.
fn complete(words: &[String]) -> Vec<String> {
    let last = words.last().map(String::as_str).unwrap_or_default();
    let names = flags::known(Release::V3_6).into_iter().map(|(name, ..)| format!("--{name}"));
    names.filter(|name| last.starts_with('-') && name.starts_with(last)).collect()
}

/// The program.
async fn run(sys: Sys) -> i32 {
    let release = release_of(&sys);
    let absolute = |path: &str| sys.absolute(path);
    let read = |path: &str| match sys.read_file(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(Errno::Eisdir) => Err(format!("read {path}: is a directory")),
        Err(errno) => Err(format!("open {path}: {}", errno.to_string().to_lowercase())),
    };
    let env = sys.envs();
    let around = config::Around { env: &env, absolute: &absolute, read: &read };
    match config::parse(release, &sys.args(), &around) {
        Err(refusal) => {
            say(&sys, &refusal.said).await;
            refusal.exit_code
        }
        Ok(start) => {
            if let Err(text) = send_log(&sys, &start) {
                sys.eprint(&text).await;
                return if text.starts_with("panic") { 2 } else { 1 };
            }
            say(&sys, &start.said_from(start.config.log_level)).await;
            match look_at_dir(&sys, &start.config) {
                Ok(said) => say(&sys, &said).await,
                Err(said) => {
                    say(&sys, &said).await;
                    return 1;
                }
            }
            serve(&sys, start.config).await
        }
    }
}

/// Runs the member; systemd, where it started the process, hears when it serves.
#[cfg(feature = "k8s")]
async fn serve(sys: &Sys, config: Config) -> i32 {
    const LOOK_US: u64 = 10_000;
    let told = async {
        if sys.env("NOTIFY_SOCKET").is_some() {
            while !sys.serves() {
                sys.sleep_us(LOOK_US).await;
            }
            crate::systemd::notify(sys, "READY=1").await;
        }
        std::future::pending::<()>().await;
    };
    match sim::race(sys.run_member(config), told).await {
        sim::Either::Left(code) => code,
        sim::Either::Right(()) => unreachable!("what is told last never ends"),
    }
}

/// Runs the member.
#[cfg(not(feature = "k8s"))]
async fn serve(sys: &Sys, config: Config) -> i32 {
    sys.run_member(config).await
}

/// The configuration of a member whose flags are not typed into a shell, and its command
/// line. `release` is a full version; a flag that etcd refuses is refused in its words.
pub fn configure(release: &str, flags: &[String]) -> Result<(Config, Vec<String>), String> {
    let release =
        Release::parse(release).ok_or_else(|| format!("{release} is no release of etcd"))?;
    let argv: Vec<String> =
        std::iter::once("etcd".to_owned()).chain(flags.iter().cloned()).collect();
    let absolute = |path: &str| {
        if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
    };
    let read = |path: &str| Err(format!("open {path}: no such file or directory"));
    let around = config::Around { env: &[], absolute: &absolute, read: &read };
    match config::parse(release, &argv, &around) {
        Ok(start) => Ok((start.config, argv)),
        Err(refusal) => Err(refusal.reason),
    }
}

/// `--log-level` and `--log-outputs`: the log goes where they say. The error is what etcd
/// prints when it cannot.
fn send_log(sys: &Sys, start: &config::Start) -> Result<(), String> {
    if config::log_level(&start.log_level).is_none() {
        let level = &start.log_level;
        return Err(format!("panic: unrecognized level: \"{level}\"\n\ngoroutine 1 [running]:\n"));
    }
    // The lab's members write to one place: the first that is named.
    match start.log_outputs.split(',').next().unwrap_or_default() {
        "" | "default" | "stderr" | "systemd/journal" => Ok(()),
        "stdout" => sys.dup_to(Fd::STDOUT, Fd::STDERR).map_err(|errno| format!("{errno}\n")),
        path => {
            let opened = sys.open(path, sim::OpenFlags::APPEND).and_then(|fd| {
                sys.dup_to(fd, Fd::STDERR)?;
                sys.close(fd)
            });
            opened.map_err(|errno| {
                let errno = errno.to_string().to_lowercase();
                format!("couldn't open sink \"{path}\": open {path}: {errno}\n")
            })
        }
    }
}

/// `identifyDataDirOrDie`.
fn look_at_dir(sys: &Sys, config: &Config) -> Result<Vec<Said>, Vec<Said>> {
    let release = config.release;
    let dir = &config.data_dir;
    let log = |level, caller, msg: &str, fields| Said::Log(level, caller, msg.to_owned(), fields);
    let mut said = Vec::new();
    let names = match sys.read_dir(dir) {
        Ok(names) => names,
        Err(Errno::Enoent) => Vec::new(),
        Err(errno) => {
            let error = match errno {
                Errno::Enotdir => format!("readdirent {dir}: not a directory"),
                _ => format!("open {dir}: {}", errno.to_string().to_lowercase()),
            };
            let caller = caller(release, "etcdmain/etcd.go:227", "etcdmain/etcd.go:435");
            let fields = field("dir", dir) + &field("error", &error) + ",\"stacktrace\":\"…\"";
            return Err(vec![log("fatal", caller, "failed to list data directory", fields)]);
        }
    };
    for name in names.iter().filter(|name| *name != "member" && *name != "proxy") {
        let caller = caller(release, "etcdmain/etcd.go:238", "etcdmain/etcd.go:446");
        let fields = field("filename", name) + &field("data-dir", dir);
        said.push(log("warn", caller, "found invalid file under data directory", fields));
    }
    let kind = if names.iter().any(|name| name == "member") { "member" } else { "empty" };
    let fields = field("data-dir", dir) + &field("dir-type", kind);
    if kind == "member" {
        let (caller, msg) = if release.is_3_6() {
            ("etcdmain/etcd.go:107", "server has already been initialized")
        } else {
            ("etcdmain/etcd.go:116", "server has been already initialized")
        };
        said.push(log("info", caller, msg, fields));
    } else if release.is_3_6() {
        said.push(log("info", "etcdmain/etcd.go:124", "Initialize and start etcd server", fields));
    }
    Ok(said)
}

async fn say(sys: &Sys, said: &[Said]) {
    for said in said {
        let (fd, text) = match said {
            Said::Out(text) => (Fd::STDOUT, text.clone()),
            Said::Err(text) => (Fd::STDERR, text.clone()),
            Said::Log(level, caller, msg, fields) => {
                let ts = etcd::log::stamp(sys.wall_us());
                let msg = crate::etcdctl::go::json::zap(msg);
                let line = format!(
                    "{{\"level\":\"{level}\",\"ts\":\"{ts}\",\"caller\":\"{caller}\",\
                     \"msg\":{msg}{fields}}}\n"
                );
                (Fd::STDERR, line)
            }
        };
        let _ = sys.write(fd, text.as_bytes()).await;
    }
}

/// How etcd is called, in our words.
fn usage() -> String {
    "Usage:\n\n  etcd [flags]\n    Run a member of a cluster.\n\n  etcd --version\n    Show the \
     version of etcd.\n\n  etcd -h | --help\n    Explain the flags.\n\n"
        .to_owned()
}

/// The flags, in etcd's layout.
fn flag_help(release: Release) -> String {
    let known = flags::known(release);
    let mut text = String::new();
    for (title, list) in flags::SECTIONS {
        text.push_str(&format!("\n{title}:\n"));
        for flag in list.iter().filter(|flag| known.iter().any(|(name, ..)| *name == flag.name)) {
            let default = Some(flag.default).filter(|text| !text.is_empty()).unwrap_or_default();
            text.push_str(&format!("  --{} '{default}'\n    {}.\n", flag.name, flag.usage));
        }
    }
    text.push_str("\nAlso understood, without an effect in the lab:\n");
    for (name, ..) in known {
        if !flags::SECTIONS.iter().any(|(_, list)| list.iter().any(|flag| flag.name == name)) {
            text.push_str(&format!("  --{name}\n"));
        }
    }
    text.push('\n');
    text
}
