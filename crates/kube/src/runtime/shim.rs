//! The process that looks after one container: it starts it, writes down what it prints, and
//! how it ended. It belongs to nobody, so the kubelet may come and go.

use serde_json::Value;
use sim::{Errno, ExitStatus, Fd, Group, OpenFlags, SpawnSpec, Sys};

use super::{env, save, view, which};
use crate::value::{list, set, text};

/// Starts a created container. The error is the runtime's sentence.
pub(super) fn start(sys: &Sys, mut record: Value) -> Result<Value, String> {
    let container = view(&record);
    let argv: Vec<String> =
        list(&record, "argv").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let program = argv.first().cloned().unwrap_or_default();
    let Some(path) = which(sys, &container, &program) else {
        let why = match program.contains('/') {
            true => format!("exec: \"{program}\": stat {program}: no such file or directory"),
            false => format!("exec: \"{program}\": executable file not found in $PATH"),
        };
        super::remove(sys, text(&record, "id"));
        return Err(format!(
            "failed to create containerd task: failed to create shim task: OCI runtime create \
             failed: runc create failed: unable to start container process: error during \
             container init: {why}: unknown"
        ));
    };
    let id = text(&record, "id").to_owned();
    let shim_argv = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", &id];
    let spec = SpawnSpec { fds: Vec::new(), group: Group::Own, ..SpawnSpec::new("", &shim_argv) };
    set(&mut record, "state", "running");
    set(&mut record, "startedAt", sys.wall_us());
    save(sys, "containers", &record);
    let kept = record.clone();
    let shim = sys
        .fork_task(spec, move |sys| {
            Box::pin(async move {
                look_after(&sys, kept, &path, &argv).await;
                0
            })
        })
        .map_err(|errno| format!("failed to start shim: {errno}"))?;
    set(&mut record, "shim", shim.0);
    Ok(record)
}

async fn look_after(sys: &Sys, mut record: Value, path: &str, argv: &[String]) {
    set(&mut record, "shim", sys.pid().0);
    let ended = match run(sys, &mut record, path, argv).await {
        Ok(status) => status,
        Err(_) => ExitStatus::Code(128),
    };
    let code = ended.code();
    set(&mut record, "state", "exited");
    set(&mut record, "exitCode", code);
    set(&mut record, "finishedAt", sys.wall_us());
    set(&mut record, "reason", if code == 0 { "Completed" } else { "Error" });
    save(sys, "containers", &record);
}

async fn run(
    sys: &Sys,
    record: &mut Value,
    path: &str,
    argv: &[String],
) -> Result<ExitStatus, Errno> {
    let log = sys.open(text(record, "logPath"), OpenFlags { create: true, ..OpenFlags::APPEND })?;
    let (out, out_in) = sys.pipe()?;
    let (err, err_in) = sys.pipe()?;
    let null = sys.open("/dev/null", OpenFlags::READ)?;
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let spec = SpawnSpec {
        env: env(record),
        cwd: Some(text(record, "cwd")).filter(|cwd| !cwd.is_empty()).unwrap_or("/").to_owned(),
        fds: vec![(Fd::STDIN, null), (Fd::STDOUT, out_in), (Fd::STDERR, err_in)],
        group: Group::Own,
        ..SpawnSpec::new(path, &words)
    };
    let pid = sys.spawn_contained(spec, view(record))?;
    set(record, "pid", pid.0);
    save(sys, "containers", record);
    for fd in [out_in, err_in, null] {
        sys.close(fd)?;
    }
    let stdout = copy(sys, out, log, "stdout");
    let stderr = copy(sys, err, log, "stderr");
    both(stdout, stderr).await;
    Ok(sys.wait(pid).await)
}

/// Runs two futures to their ends.
async fn both(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    let mut a = std::pin::pin!(a);
    let mut b = std::pin::pin!(b);
    let (mut a_done, mut b_done) = (false, false);
    std::future::poll_fn(|cx| {
        a_done = a_done || a.as_mut().poll(cx).is_ready();
        b_done = b_done || b.as_mut().poll(cx).is_ready();
        if a_done && b_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Copies what a container prints into its log, line by line, as CRI writes it.
async fn copy(sys: &Sys, from: Fd, log: Fd, stream: &str) {
    let mut line: Vec<u8> = Vec::new();
    loop {
        let bytes = sys.read(from, 65_536).await.unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        line.extend_from_slice(&bytes);
        while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            let rest = line.split_off(end + 1);
            let whole = std::mem::replace(&mut line, rest);
            write_line(sys, log, stream, 'F', &whole).await;
        }
    }
    if !line.is_empty() {
        line.push(b'\n');
        write_line(sys, log, stream, 'P', &line).await;
    }
}

async fn write_line(sys: &Sys, log: Fd, stream: &str, tag: char, line: &[u8]) {
    let stamp = etcd::log::stamp(sys.wall_us());
    let head = format!("{}000Z {stream} {tag} ", stamp.trim_end_matches('Z'));
    let whole = [head.as_bytes(), line].concat();
    // A log that cannot be written is lost, as when a disk is full.
    let _ = sys.write(log, &whole).await;
}
