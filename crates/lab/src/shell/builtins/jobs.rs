//! Builtins for what runs in the background.

use sim::{ExitStatus, Pid, Signal};

use super::super::exec::Shell;
use crate::programs::kill as signals;

pub(super) async fn jobs(shell: &mut Shell, args: &[String]) -> i32 {
    shell.poll_jobs();
    let flag = args.first().map(String::as_str);
    let mut text = String::new();
    for index in 0..shell.jobs.list.len() {
        match flag {
            Some("-p") => {
                let pid = shell.jobs.list[index].pids.first();
                text.push_str(&pid.map(|pid| format!("{pid}\n")).unwrap_or_default());
            }
            _ => text.push_str(&shell.job_line(index, flag == Some("-l"))),
        }
    }
    // What was said once is not said again before the prompt.
    for index in (0..shell.jobs.list.len()).rev() {
        if shell.jobs.list[index].is_done() {
            shell.jobs.remove(index);
        }
    }
    shell.print(1, text.as_bytes()).await;
    0
}

async fn find(shell: &mut Shell, name: &str, spec: Option<&String>) -> Option<usize> {
    let found = shell.jobs.find(spec.map_or("%%", String::as_str));
    if found.is_none() {
        let shown = spec.map_or("current", String::as_str);
        shell.complain(&format!("{name}: {shown}: no such job")).await;
    }
    found
}

/// Wakes all of a job: a subshell has children.
fn go_on(shell: &Shell, job: &super::super::jobs::Job) {
    for pid in &job.running {
        if shell.sys.kill_group(*pid, Signal::Cont).is_err() {
            // It may have ended by now.
            let _ = shell.sys.kill(*pid, Signal::Cont);
        }
    }
}

pub(super) async fn fg(shell: &mut Shell, args: &[String]) -> i32 {
    if !shell.job_control() {
        shell.complain("fg: no job control").await;
        return 1;
    }
    let Some(index) = find(shell, "fg", args.first()).await else { return 1 };
    let job = shell.jobs.list[index].clone();
    shell.print(1, format!("{}\n", job.text).as_bytes()).await;
    go_on(shell, &job);
    shell.sys.set_foreground(&job.pids);
    let mut stopped = false;
    for pid in &job.running {
        let Some(status) = shell.sys.wait_or_stop(*pid).await else {
            stopped = true;
            break;
        };
        if let Some(job) = shell.jobs.list.iter_mut().find(|other| other.id == job.id) {
            job.ended(*pid, status);
        }
    }
    shell.sys.set_foreground(&shell.home_groups);
    let Some(index) = shell.jobs.list.iter().position(|other| other.id == job.id) else {
        return 0;
    };
    if stopped {
        let line = format!("\n{}", shell.job_line(index, false));
        shell.print(2, line.as_bytes()).await;
        return 128 + i32::from(Signal::Tstp.number());
    }
    let status = shell.jobs.list[index].status.map_or(0, ExitStatus::code);
    shell.jobs.remove(index);
    status
}

pub(super) async fn bg(shell: &mut Shell, args: &[String]) -> i32 {
    if !shell.job_control() {
        shell.complain("bg: no job control").await;
        return 1;
    }
    let Some(index) = find(shell, "bg", args.first()).await else { return 1 };
    let job = shell.jobs.list[index].clone();
    go_on(shell, &job);
    let line = format!("[{}]{} {} &\n", job.id, shell.jobs.mark(index), job.text);
    shell.print(1, line.as_bytes()).await;
    0
}

pub(super) async fn disown(shell: &mut Shell, args: &[String]) -> i32 {
    if args.is_empty() {
        let Some(index) = find(shell, "disown", None).await else { return 1 };
        shell.jobs.list.remove(index);
        return 0;
    }
    let mut status = 0;
    for arg in args {
        if matches!(arg.as_str(), "-a" | "-r" | "-h") {
            shell.jobs.list.clear();
        } else if let Some(index) = find(shell, "disown", Some(arg)).await {
            shell.jobs.list.remove(index);
        } else {
            status = 1;
        }
    }
    status
}

/// Waits for all processes of a job.
async fn wait_job(shell: &mut Shell, id: u32) -> i32 {
    loop {
        let Some(job) = shell.jobs.list.iter().find(|job| job.id == id) else { return 127 };
        let Some(pid) = job.running.first().copied() else {
            return job.status.map_or(0, ExitStatus::code);
        };
        let status = shell.sys.wait(pid).await;
        if let Some(job) = shell.jobs.list.iter_mut().find(|job| job.id == id) {
            job.ended(pid, status);
        }
    }
}

/// `wait -n`: for whichever job ends first.
async fn wait_next(shell: &mut Shell) -> i32 {
    shell.poll_jobs();
    loop {
        if let Some(index) = shell.jobs.list.iter().position(|job| job.is_done()) {
            let status = shell.jobs.list[index].status.map_or(0, ExitStatus::code);
            shell.jobs.remove(index);
            return status;
        }
        if shell.jobs.list.is_empty() {
            return 127;
        }
        let Some((pid, status)) = shell.sys.wait_any().await else { return 127 };
        for job in &mut shell.jobs.list {
            if job.running.contains(&pid) {
                job.ended(pid, status);
            }
        }
    }
}

pub(super) async fn wait(shell: &mut Shell, args: &[String]) -> i32 {
    if args.first().is_some_and(|arg| arg == "-n") {
        return wait_next(shell).await;
    }
    if args.is_empty() {
        let ids: Vec<u32> = shell.jobs.list.iter().map(|job| job.id).collect();
        for id in ids {
            wait_job(shell, id).await;
        }
        return 0;
    }
    let mut status = 0;
    for arg in args {
        status = match shell.jobs.find(arg) {
            Some(index) => {
                let id = shell.jobs.list[index].id;
                wait_job(shell, id).await
            }
            None => wait_unknown(shell, arg).await,
        };
    }
    status
}

async fn wait_unknown(shell: &mut Shell, arg: &str) -> i32 {
    if arg.starts_with('%') {
        shell.complain(&format!("wait: {arg}: no such job")).await;
        return 127;
    }
    let Ok(pid) = arg.parse::<u32>() else {
        shell.complain(&format!("wait: `{arg}': not a pid or valid job spec")).await;
        return 1;
    };
    if let Some((_, status)) = shell.jobs.ended.iter().find(|(ended, _)| *ended == Pid(pid)) {
        return *status;
    }
    shell.complain(&format!("wait: pid {pid} is not a child of this shell")).await;
    127
}

pub(super) async fn kill(shell: &mut Shell, args: &[String]) -> i32 {
    let wish = match signals::parse(args) {
        Ok(wish) => wish,
        Err(signals::Refused::Usage) => {
            let usage = "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n";
            shell.print(2, usage.as_bytes()).await;
            return 2;
        }
        Err(signals::Refused::Signal(name)) => {
            shell.complain(&format!("kill: {name}: invalid signal specification")).await;
            return 1;
        }
    };
    let (signal, targets) = match wish {
        signals::Wish::List(text) => {
            shell.print(1, text.as_bytes()).await;
            return 0;
        }
        signals::Wish::Send { signal, targets } => (signal, targets),
    };
    let mut status = 0;
    for target in &targets {
        if !send(shell, signal, target).await {
            status = 1;
        }
    }
    status
}

async fn send(shell: &mut Shell, signal: Option<Signal>, target: &str) -> bool {
    let pids = if target.starts_with('%') {
        let Some(index) = shell.jobs.find(target) else {
            shell.complain(&format!("kill: {target}: no such job")).await;
            return false;
        };
        shell.jobs.list[index].running.clone()
    } else if target.parse::<i64>().is_ok() {
        if let Err(error) = signals::send(&shell.sys, signal, target) {
            shell.complain(&format!("kill: ({target}) - {error}")).await;
            return false;
        }
        return true;
    } else {
        shell.complain(&format!("kill: {target}: arguments must be process or job IDs")).await;
        return false;
    };
    let Some(signal) = signal else { return true };
    for pid in pids {
        // The group: a job that is a subshell has children.
        if shell.sys.kill_group(pid, signal).is_err() {
            let _ = shell.sys.kill(pid, signal);
        }
    }
    true
}
