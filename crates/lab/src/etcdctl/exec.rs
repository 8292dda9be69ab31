//! Commands that etcdctl runs: for a watched event, or while it holds a lock.

use sim::{ExitStatus, Fd, FileKind, OpenFlags, Signal, SpawnSpec, Sys};

use super::go::quote::quote;
use super::settings::go_errno;

/// How a command failed.
pub(super) struct Failed {
    /// The exit code to pass on.
    pub code: i32,
    /// Go's words for it.
    pub text: String,
}

impl Failed {
    fn to_start(text: String) -> Failed {
        Failed { code: super::exit::ERROR, text }
    }
}

/// Runs a command to its end, with nothing to read and the streams of etcdctl.
pub(super) async fn run(
    sys: &Sys,
    words: &[String],
    env: Vec<(String, String)>,
) -> Result<(), Failed> {
    let path = look_path(sys, &words[0]).map_err(Failed::to_start)?;
    let argv: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut spec = SpawnSpec { env, ..SpawnSpec::new(&path, &argv) };
    let null = sys.open("/dev/null", OpenFlags::READ);
    let null = null.map_err(|errno| Failed::to_start(errno.to_string()))?;
    spec.fds = vec![(Fd::STDIN, null), (Fd::STDOUT, Fd::STDOUT), (Fd::STDERR, Fd::STDERR)];
    let child = sys.spawn(spec);
    let _ = sys.close(null);
    let child = child.map_err(|errno| {
        Failed::to_start(format!("fork/exec {path}: {}", go_errno(&errno.to_string())))
    })?;
    match sys.wait(child).await {
        ExitStatus::Code(0) => Ok(()),
        ExitStatus::Code(code) => Err(Failed { code, text: format!("exit status {code}") }),
        // Go knows no code of what a signal ended, and exits with -1.
        ExitStatus::Signal(signal) => {
            Err(Failed { code: 255, text: format!("signal: {}", signal_text(signal)) })
        }
    }
}

/// `exec.LookPath`.
fn look_path(sys: &Sys, name: &str) -> Result<String, String> {
    let executable = |path: &str| {
        sys.stat(path).is_ok_and(|stat| stat.kind == FileKind::File && stat.mode & 0o111 != 0)
    };
    if name.contains('/') {
        return match sys.stat(name) {
            Ok(_) if executable(name) => Ok(name.to_owned()),
            Ok(_) => Err(format!("fork/exec {name}: permission denied")),
            Err(errno) => {
                let text = go_errno(&errno.to_string());
                Err(format!("fork/exec {name}: {text}"))
            }
        };
    }
    let path = sys.env("PATH").unwrap_or_default();
    path.split(':')
        .map(|dir| if dir.is_empty() { format!("./{name}") } else { format!("{dir}/{name}") })
        .find(|path| executable(path))
        .ok_or_else(|| {
            format!("exec: {}: executable file not found in $PATH", quote(name.as_bytes()))
        })
}

/// What Go calls a signal.
fn signal_text(signal: Signal) -> &'static str {
    match signal {
        Signal::Hup => "hangup",
        Signal::Int => "interrupt",
        Signal::Quit => "quit",
        Signal::Abrt => "aborted",
        Signal::Kill => "killed",
        Signal::Usr1 => "user defined signal 1",
        Signal::Usr2 => "user defined signal 2",
        Signal::Pipe => "broken pipe",
        Signal::Alrm => "alarm clock",
        Signal::Term => "terminated",
        Signal::Chld => "child exited",
        Signal::Cont => "continued",
        Signal::Stop => "stopped (signal)",
        Signal::Tstp => "stopped",
    }
}
