//! Programs about processes: `ps sleep timeout env xargs nohup sync true false test`.

use sim::{Either, ExitStatus, Fd, OpenFlags, Pid, ProcInfo, ProcState, Signal, Sys, race};

use super::accounts::Accounts;
use super::calendar::Moment;
use super::io::whole;
use super::opts::{Options, Parsed};
use super::{Program, launch, units};
use crate::shell::builtins::test::evaluate;

/// The entry of the table of programs.
pub(super) const PS: Program = Program {
    name: "ps",
    summary: "list processes",
    usage: concat!(
        "ps [-e] [-f] [-p PID] [-o COLUMNS]   or   ps aux\n",
        "  -e  all of the host, not only those of this terminal    -f  with parents and arguments\n",
        "  -o  columns: pid,ppid,pgid,stat,tty,time,etime,comm,args,user",
    ),
    run: |sys| Box::pin(ps(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const SLEEP: Program = Program {
    name: "sleep",
    summary: "wait",
    usage: "sleep NUMBER[smhd]...\nThe numbers are added; 0.5 is half a second.",
    run: |sys| Box::pin(sleep(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const TIMEOUT: Program = Program {
    name: "timeout",
    summary: "run a command, and end it when it takes too long",
    usage: concat!(
        "timeout [-s SIGNAL] [-k DURATION] DURATION COMMAND [ARGUMENT...]\n",
        "  -s  this signal instead of TERM    -k  KILL after so long again\n",
        "The status is 124 when it took too long.",
    ),
    run: |sys| Box::pin(timeout(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const ENV: Program = Program {
    name: "env",
    summary: "print the environment, or run a command in another one",
    usage: concat!(
        "env [-i] [-u NAME] [NAME=VALUE...] [COMMAND [ARGUMENT...]]\n",
        "  -i  begin with an empty one    -u  without NAME",
    ),
    run: |sys| Box::pin(env(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const XARGS: Program = Program {
    name: "xargs",
    summary: "run a command with arguments from the input",
    usage: concat!(
        "xargs [-n N] [-I TEXT] [-0rt] [-d C] [COMMAND [ARGUMENT...]]\n",
        "  -n  at most N arguments each time    -I  a line in the place of TEXT\n",
        "  -0  arguments end at NUL    -r  nothing where there are none    -t  say what is run",
    ),
    run: |sys| Box::pin(xargs(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const NOHUP: Program = Program {
    name: "nohup",
    summary: "run a command that outlives its terminal",
    usage: concat!(
        "nohup COMMAND [ARGUMENT...]\n",
        "What it prints to a terminal is added to nohup.out instead.",
    ),
    run: |sys| Box::pin(nohup(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const SYNC: Program = Program {
    name: "sync",
    summary: "wait until all that was written is on the disk",
    usage: "sync",
    run: |sys| {
        Box::pin(async move {
            sys.sync().await;
            0
        })
    },
    complete: None,
};

/// The entry of the table of programs.
pub(super) const TRUE: Program = Program {
    name: "true",
    summary: "do nothing, successfully",
    usage: "true",
    run: |_| Box::pin(async { 0 }),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const FALSE: Program = Program {
    name: "false",
    summary: "do nothing, unsuccessfully",
    usage: "false",
    run: |_| Box::pin(async { 1 }),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const TEST: Program = Program {
    name: "test",
    summary: "test files, texts and numbers",
    usage: concat!(
        "test EXPRESSION   or   [ EXPRESSION ]\n",
        "  -e -f -d -s -x FILE   -z -n TEXT   A = B   A != B   N -eq -ne -lt -le -gt -ge M   ! E   E -a E   E -o E",
    ),
    run: |sys| Box::pin(test(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const BRACKET: Program = Program {
    name: "[",
    summary: "test files, texts and numbers",
    usage: "[ EXPRESSION ]",
    run: |sys| Box::pin(test(sys)),
    complete: None,
};

fn seconds(us: u64) -> String {
    let seconds = us / 1_000_000;
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let rest = format!("{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => rest,
        (0, hours) => format!("{hours:02}:{rest}"),
        (days, hours) => format!("{days}-{hours:02}:{rest}"),
    }
}

/// A column of `ps`: its title, whether it goes to the right, and its text.
fn column(
    name: &str,
    proc: &ProcInfo,
    now: (u64, u64),
    size: (u64, u64),
    accounts: &Accounts,
) -> Option<(&'static str, bool, String)> {
    let (mono_us, wall_us) = now;
    let age_us = mono_us.saturating_sub(proc.start_us);
    let tty = proc.tty.map_or("?".to_owned(), |tty| format!("pts/{}", tty.0));
    let command = proc.argv.first().map_or("", String::as_str);
    let short = command.trim_start_matches('-').rsplit('/').next().unwrap_or(command);
    let state = match proc.state {
        ProcState::Running => "S",
        ProcState::Stopped => "T",
        ProcState::Zombie => "Z",
    };
    let args = match proc.state {
        ProcState::Zombie => format!("[{short}] <defunct>"),
        _ => proc.argv.join(" "),
    };
    let started = Moment::from_us(wall_us.saturating_sub(age_us) as i64).format("%H:%M");
    Some(match name {
        "pid" => ("PID", true, proc.pid.to_string()),
        "ppid" if proc.pid == Pid(1) => ("PPID", true, "0".to_owned()),
        "ppid" => ("PPID", true, proc.parent.map_or(1, |parent| parent.0).to_string()),
        "c" => ("C", true, "0".to_owned()),
        "fuser" => ("UID", false, accounts.user_name(proc.uid)),
        "vsz" | "vsize" => ("VSZ", true, size.1.to_string()),
        "rss" | "rssize" => ("RSS", true, size.0.to_string()),
        "bsdstart" => ("START", true, started),
        "bsdtime" => ("TIME", true, "  0:00".to_owned()),
        "pgid" | "pgrp" => ("PGID", true, proc.group.to_string()),
        "uid" | "euid" => ("UID", true, proc.uid.to_string()),
        "user" | "euser" => ("USER", false, accounts.user_name(proc.uid)),
        "tty" | "tname" | "tt" => ("TTY", false, tty),
        "stat" | "state" | "s" => ("STAT", false, state.to_owned()),
        "time" | "cputime" => ("TIME", true, "00:00:00".to_owned()),
        "etime" => ("ELAPSED", true, seconds(age_us)),
        "start" | "stime" => ("STIME", false, started),
        "comm" | "ucmd" => ("COMMAND", false, short.to_owned()),
        "args" | "cmd" | "command" => ("COMMAND", false, args),
        "%cpu" | "pcpu" => ("%CPU", true, "0.0".to_owned()),
        "%mem" | "pmem" => {
            let share = super::sizes::per_mille(size.0);
            ("%MEM", true, format!("{}.{}", share / 10, share % 10))
        }
        _ => return None,
    })
}

/// What `ps` is to show of each process.
fn chosen_columns(parsed: &Parsed, bsd: bool) -> Vec<String> {
    match parsed.value('o') {
        Some(list) => list
            .split([',', ' '])
            .map(|name| name.split('=').next().unwrap_or(name).to_owned())
            .collect(),
        None if bsd => [
            "user", "pid", "%cpu", "%mem", "vsz", "rss", "tty", "stat", "bsdstart", "bsdtime",
            "args",
        ]
        .map(str::to_owned)
        .to_vec(),
        None if parsed.has('f') || parsed.has('F') => {
            ["fuser", "pid", "ppid", "c", "stime", "tty", "time", "args"]
                .map(str::to_owned)
                .to_vec()
        }
        None => ["pid", "tty", "time", "comm"].map(str::to_owned).to_vec(),
    }
}

async fn ps(sys: Sys) -> i32 {
    let args = sys.args();
    let bsd = args
        .get(1)
        .is_some_and(|arg| !arg.starts_with('-') && arg.chars().all(|c| "auxwf".contains(c)));
    const OPTIONS: Options =
        Options { short: "eAafFwxp:o:C:u:", long: &[("pid", 'p'), ("format", 'o')], mistake: 1 };
    let args = if bsd { &[] } else { args.get(1..).unwrap_or_default() };
    let parsed = match OPTIONS.read_args(&sys, &PS, args).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let columns = chosen_columns(&parsed, bsd);
    let mut all = sys.ps();
    all.sort_by_key(|proc| proc.pid);
    let own = all.iter().find(|proc| proc.pid == sys.pid()).and_then(|proc| proc.tty);
    let pids: Vec<&str> =
        parsed.value('p').map(|list| list.split([',', ' ']).collect()).unwrap_or_default();
    let everything = bsd || parsed.has('e') || parsed.has('A') || parsed.has('x');
    let accounts_of = Accounts::read(&sys);
    let wanted = |proc: &&ProcInfo| {
        if let Some(name) = parsed.value('C') {
            return proc.argv.first().is_some_and(|argv| super::io::last_name(argv) == name);
        }
        if !pids.is_empty() {
            return pids.contains(&proc.pid.to_string().as_str());
        }
        if let Some(user) = parsed.value('u') {
            let uid = accounts_of.user(user).map(|user| user.uid);
            return uid == Some(proc.uid);
        }
        everything || (proc.tty.is_some() && proc.tty == own)
    };
    let (now, accounts) = ((sys.mono_us(), sys.wall_us()), Accounts::read(&sys));
    let mut rows: Vec<Vec<(&'static str, bool, String)>> = Vec::new();
    for proc in all.iter().filter(wanted) {
        let mut row = Vec::new();
        let size = super::sizes::of(&sys, proc);
        for name in &columns {
            match column(name, proc, now, size, &accounts) {
                Some(cell) => row.push(cell),
                None => {
                    sys.eprint(&format!(
                        "error: unknown user-defined format specifier \"{name}\"\n"
                    ))
                    .await;
                    return 1;
                }
            }
        }
        rows.push(row);
    }
    let short = parsed.value('o').is_none() && !bsd;
    let headless = parsed.value('o').is_some_and(|list| list.ends_with('='));
    sys.print(&table(&rows, short, headless, bsd)).await;
    i32::from(rows.is_empty() && !everything)
}

fn table(
    rows: &[Vec<(&'static str, bool, String)>],
    short: bool,
    headless: bool,
    bsd: bool,
) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let least = |title: &str| match title {
        "PID" | "PPID" | "PGID" => 7,
        "TTY" | "USER" | "UID" => 8,
        // The short form of `ps aux` is narrower.
        "TIME" if !bsd => 8,
        "VSZ" => 6,
        "RSS" | "START" => 5,
        "C" => 2,
        "STAT" => 4,
        _ => 0,
    };
    let widths: Vec<usize> = (0..first.len())
        .map(|i| {
            let longest = rows.iter().map(|row| row[i].2.len()).max().unwrap_or(0);
            longest.max(first[i].0.len()).max(least(first[i].0))
        })
        .collect();
    let line = |cells: Vec<(bool, &str)>| {
        let last = cells.len() - 1;
        let cells: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(i, (right, text))| {
                let width = widths[i];
                match (i == last, right) {
                    (true, _) => (*text).to_owned(),
                    (false, true) => format!("{text:>width$}"),
                    (false, false) => format!("{text:<width$}"),
                }
            })
            .collect();
        cells.join(" ") + "\n"
    };
    let title = |name: &&'static str| if short && *name == "COMMAND" { "CMD" } else { *name };
    let titles = first.iter().map(|(name, right, _)| (*right, title(name))).collect();
    let mut text = if headless { String::new() } else { line(titles) };
    for row in rows {
        text.push_str(&line(row.iter().map(|(_, right, text)| (*right, text.as_str())).collect()));
    }
    text
}

async fn sleep(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "", long: &[], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &SLEEP).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &SLEEP, "missing operand").await;
    }
    let mut total_us = 0u64;
    for text in &parsed.operands {
        match units::duration_us(text) {
            Some(us) => total_us = total_us.saturating_add(us),
            None => {
                return OPTIONS
                    .refuse(&sys, &SLEEP, &format!("invalid time interval '{text}'"))
                    .await;
            }
        }
    }
    sys.sleep_us(total_us).await;
    0
}

/// What `timeout` was asked for.
struct Limit {
    after_us: u64,
    signal: Signal,
    kill_after_us: u64,
}

fn limit(parsed: &Parsed, duration: &str) -> Result<Limit, String> {
    let interval = |text: &str| {
        units::duration_us(text).ok_or_else(|| format!("invalid time interval '{text}'"))
    };
    let after_us = match interval(duration)? {
        0 => u64::MAX,
        us => us,
    };
    let kill_after_us = parsed.value('k').map_or(Ok(u64::MAX), interval)?;
    let signal = match parsed.value('s') {
        None => Signal::Term,
        Some(name) => {
            let number = name.parse::<u8>().ok().and_then(Signal::from_number);
            let found = number.or_else(|| Signal::from_name(name));
            found.ok_or_else(|| format!("'{name}': invalid signal"))?
        }
    };
    Ok(Limit { after_us, signal, kill_after_us })
}

async fn timeout(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "+s:k:v",
        long: &[("signal", 's'), ("kill-after", 'k'), ("verbose", 'v')],
        mistake: 125,
    };
    let parsed = match OPTIONS.read(&sys, &TIMEOUT).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let Some((duration, argv)) = parsed.operands.split_first().filter(|(_, argv)| !argv.is_empty())
    else {
        sys.eprint("Try 'timeout --help' for more information.\n").await;
        return 125;
    };
    let limit = match limit(&parsed, duration) {
        Ok(limit) => limit,
        Err(mistake) => return OPTIONS.refuse(&sys, &TIMEOUT, &mistake).await,
    };
    match launch::start(&sys, argv, sys.envs()) {
        Ok(pid) => guard(&sys, pid, &limit).await,
        Err(reason) => {
            let (name, why) = (&argv[0], reason.text());
            sys.eprint(&format!("timeout: failed to run command '{name}': {why}\n")).await;
            reason.status()
        }
    }
}

/// Waits for a command, and ends it when its time is over.
async fn guard(sys: &Sys, pid: Pid, limit: &Limit) -> i32 {
    // The command is told what this program is told.
    for passed in [Signal::Int, Signal::Term, Signal::Hup] {
        sys.catch(passed);
    }
    let told = match race(sys.wait(pid), race(sys.sleep_us(limit.after_us), sys.caught())).await {
        Either::Left(status) => return status.code(),
        Either::Right(Either::Left(())) => None,
        Either::Right(Either::Right(caught)) => Some(caught),
    };
    // The command may end by itself before the signal comes.
    let _ = sys.kill(pid, told.unwrap_or(limit.signal));
    let _ = sys.kill(pid, Signal::Cont);
    match race(sys.wait(pid), sys.sleep_us(limit.kill_after_us)).await {
        Either::Left(status) if told.is_some() => status.code(),
        Either::Left(_) if limit.signal == Signal::Kill => 137,
        Either::Left(_) => 124,
        Either::Right(()) => {
            let _ = sys.kill(pid, Signal::Kill);
            sys.wait(pid).await;
            137
        }
    }
}

async fn env(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "+iu:",
        long: &[("ignore-environment", 'i'), ("unset", 'u')],
        mistake: 125,
    };
    let parsed = match OPTIONS.read(&sys, &ENV).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let mut operands = parsed.operands.as_slice();
    let mut variables = if parsed.has('i') { Vec::new() } else { sys.envs() };
    if operands.first().is_some_and(|first| first == "-") {
        variables.clear();
        operands = &operands[1..];
    }
    for (flag, name) in &parsed.flags {
        if *flag == 'u' {
            variables.retain(|(other, _)| other != name);
        }
    }
    while let Some((name, value)) = operands.first().and_then(|arg| arg.split_once('=')) {
        variables.retain(|(other, _)| other != name);
        variables.push((name.to_owned(), value.to_owned()));
        operands = &operands[1..];
    }
    if operands.is_empty() {
        let text: String =
            variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        sys.print(&text).await;
        return 0;
    }
    match launch::start(&sys, operands, variables) {
        Ok(pid) => sys.wait(pid).await.code(),
        Err(reason) => {
            let text = match reason {
                launch::NotRun::Directory => "Permission denied".to_owned(),
                reason => reason.text(),
            };
            sys.eprint(&format!("env: '{}': {text}\n", operands[0])).await;
            reason.status()
        }
    }
}

/// Arguments of the input: at white space, with quotes; or at a separator.
fn arguments(bytes: &[u8], separator: Option<u8>) -> Result<Vec<String>, String> {
    if let Some(separator) = separator {
        let text = bytes.strip_suffix(&[separator]).unwrap_or(bytes);
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let parts = text.split(|byte| *byte == separator);
        return Ok(parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect());
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut found = Vec::new();
    let mut current: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let word = current.get_or_insert_with(String::new);
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        None | Some('\n') => {
                            let kind = if c == '\'' { "single" } else { "double" };
                            return Err(format!(
                                "unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
                            ));
                        }
                        Some(other) => word.push(other),
                    }
                }
            }
            '\\' => current.get_or_insert_with(String::new).extend(chars.next()),
            c if c.is_whitespace() => found.extend(current.take()),
            c => current.get_or_insert_with(String::new).push(c),
        }
    }
    found.extend(current);
    Ok(found)
}

async fn xargs(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "+n:I:0rtd:P:L:a:",
        long: &[
            ("max-args", 'n'),
            ("replace", 'I'),
            ("null", '0'),
            ("no-run-if-empty", 'r'),
            ("verbose", 't'),
            ("delimiter", 'd'),
            ("max-procs", 'P'),
            ("max-lines", 'L'),
        ],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &XARGS).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let Ok(input) = whole(&sys, "-").await else { return 1 };
    let runs = match runs(&parsed, &input) {
        Ok(runs) => runs,
        Err(mistake) => {
            sys.eprint(&format!("xargs: {mistake}\n")).await;
            return 1;
        }
    };
    let mut status = 0;
    for argv in runs {
        if parsed.has('t') {
            sys.eprint(&format!("{}\n", argv.join(" "))).await;
        }
        match run_one(&sys, &argv).await {
            Ok(true) => {}
            Ok(false) => status = 123,
            Err((why, fatal)) => {
                sys.eprint(&format!("xargs: {}: {why}\n", argv[0])).await;
                return fatal;
            }
        }
    }
    status
}

/// The command lines `xargs` runs.
fn runs(parsed: &Parsed, input: &[u8]) -> Result<Vec<Vec<String>>, String> {
    let by_line = parsed.has('I') || parsed.has('L');
    let separator = match parsed.value('d') {
        _ if parsed.has('0') => Some(0),
        Some(text) => Some(crate::shell::escape::ansi(text).first().copied().unwrap_or(b'\n')),
        None => by_line.then_some(b'\n'),
    };
    let mut found = arguments(input, separator)?;
    if by_line {
        found.retain(|line| !line.trim().is_empty());
    }
    let per_run = match parsed.value('n').or(parsed.value('L')) {
        None => usize::MAX,
        Some(text) => {
            let count = text.parse::<usize>().ok().filter(|count| *count > 0);
            count.ok_or_else(|| format!("invalid number \"{text}\" for -n option"))?
        }
    };
    let echo = ["echo".to_owned()];
    let command = if parsed.operands.is_empty() { &echo[..] } else { &parsed.operands[..] };
    if let Some(mark) = parsed.value('I') {
        let place = |line: &String| {
            command.iter().map(|word| word.replace(mark, line.trim_start())).collect()
        };
        return Ok(found.iter().map(place).collect());
    }
    if found.is_empty() {
        return Ok(if parsed.has('r') { Vec::new() } else { vec![command.to_vec()] });
    }
    Ok(found.chunks(per_run.min(found.len())).map(|chunk| [command, chunk].concat()).collect())
}

/// Whether a command succeeded; why it ends everything, and with which status.
async fn run_one(sys: &Sys, argv: &[String]) -> Result<bool, (String, i32)> {
    let started = start_without_input(sys, argv);
    let pid = started.map_err(|reason| (reason.text(), reason.status()))?;
    match sys.wait(pid).await {
        ExitStatus::Code(255) => Err(("exited with status 255; aborting".to_owned(), 124)),
        ExitStatus::Code(code) => Ok(code == 0),
        ExitStatus::Signal(signal) => {
            Err((format!("terminated by signal {}", signal.number()), 125))
        }
    }
}

/// The input is the list of arguments: the commands get none of it.
fn start_without_input(sys: &Sys, argv: &[String]) -> Result<Pid, launch::NotRun> {
    let null = sys.open("/dev/null", OpenFlags::READ).map_err(launch::NotRun::Other)?;
    let files = vec![(Fd::STDIN, null), (Fd::STDOUT, Fd::STDOUT), (Fd::STDERR, Fd::STDERR)];
    let started = launch::start_with(sys, argv, sys.envs(), files);
    // The child has its own.
    let _ = sys.close(null);
    started
}

async fn nohup(sys: Sys) -> i32 {
    let args = sys.args();
    let argv = args.get(1..).unwrap_or_default();
    if argv.is_empty() {
        sys.eprint("nohup: missing operand\nTry 'nohup --help' for more information.\n").await;
        return 125;
    }
    sys.ignore(Signal::Hup);
    let mut files =
        vec![(Fd::STDIN, Fd::STDIN), (Fd::STDOUT, Fd::STDOUT), (Fd::STDERR, Fd::STDERR)];
    if sys.is_tty(Fd::STDIN)
        && let Ok(null) = sys.open("/dev/null", OpenFlags::READ)
    {
        files[0].1 = null;
    }
    if sys.is_tty(Fd::STDOUT) {
        match sys.open("nohup.out", OpenFlags { mode: 0o600, ..OpenFlags::APPEND }) {
            Ok(fd) => {
                sys.eprint("nohup: ignoring input and appending output to 'nohup.out'\n").await;
                files[1].1 = fd;
            }
            Err(error) => {
                sys.eprint(&format!("nohup: failed to open 'nohup.out': {error}\n")).await;
                return 125;
            }
        }
    }
    if sys.is_tty(Fd::STDERR) {
        files[2].1 = files[1].1;
    }
    match launch::start_with(&sys, argv, sys.envs(), files) {
        Ok(pid) => sys.wait(pid).await.code(),
        Err(reason) => {
            sys.eprint(&format!("nohup: failed to run command '{}': {}\n", argv[0], reason.text()))
                .await;
            reason.status()
        }
    }
}

async fn test(sys: Sys) -> i32 {
    let args = sys.args();
    let name = super::io::last_name(args.first().map_or("test", String::as_str)).to_owned();
    let mut words = args.get(1..).unwrap_or_default();
    if name == "[" {
        match words.split_last() {
            Some((last, inner)) if last == "]" => words = inner,
            _ => {
                sys.eprint("[: missing ']'\n").await;
                return 2;
            }
        }
    }
    match evaluate(&sys, &|variable| sys.env(variable).is_some(), words) {
        Ok(holds) => i32::from(!holds),
        Err(text) => {
            sys.eprint(&format!("{name}: {text}\n")).await;
            2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split() {
        assert_eq!(
            arguments(b"a 'b c' d\\ e\n\"f\"", None),
            Ok(["a", "b c", "d e", "f"].map(str::to_owned).to_vec())
        );
        assert_eq!(
            arguments(b"a b\nc\n", Some(b'\n')),
            Ok(["a b", "c"].map(str::to_owned).to_vec())
        );
        assert!(arguments(b"it's\n", None).is_err());
    }

    #[test]
    fn elapsed() {
        assert_eq!(seconds(5_000_000), "00:05");
        assert_eq!(seconds(3_725_000_000), "01:02:05");
        assert_eq!(seconds(90_061_000_000), "1-01:01:01");
    }
}
