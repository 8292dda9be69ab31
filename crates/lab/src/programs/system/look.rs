//! Questions about the host, its names and its people: `dig host nslookup who w last users
//! hostnamectl timedatectl lsb_release dpkg arch tty stty tput pidof readlink realpath file tree`.

use sim::{Fd, FileKind, Sys};

use super::accounts::Accounts;
use crate::programs::Program;
use crate::programs::calendar::Moment;
use crate::programs::opts::Options;

macro_rules! program {
    ($const:ident, $name:literal, $summary:literal, $usage:literal, $run:expr) => {
        /// The entry of the table of programs.
        pub(super) const $const: Program = Program {
            name: $name,
            summary: $summary,
            usage: $usage,
            run: |sys| Box::pin($run(sys)),
            complete: None,
        };
    };
}

program!(DIG, "dig", "ask for the addresses of a name", "dig [+short] NAME [TYPE]", dig);
program!(HOST, "host", "ask for the address of a name", "host NAME", host);
program!(NSLOOKUP, "nslookup", "ask for the address of a name", "nslookup NAME", nslookup);
program!(WHO, "who", "show who is logged in", "who [am i]", who);
program!(W, "w", "show who is logged in and what he does", "w [-h]", w);
program!(LAST, "last", "show who was logged in", "last [-n COUNT]", last);
program!(USERS, "users", "print who is logged in", "users", users);
program!(HOSTNAMECTL, "hostnamectl", "show the host's name and system", "hostnamectl", hostnamectl);
program!(TIMEDATECTL, "timedatectl", "show the host's clock", "timedatectl", timedatectl);
program!(LSB_RELEASE, "lsb_release", "name the distribution", "lsb_release [-a] [-cs]", lsb);
program!(ARCH, "arch", "print the architecture", "arch", arch);
program!(DPKG, "dpkg", "ask the package manager", "dpkg --print-architecture | -l", dpkg);
program!(TTY, "tty", "print the terminal's name", "tty [-s]", tty);
program!(STTY, "stty", "show the terminal's settings", "stty [size] [-echo|echo|sane]", stty);
program!(TPUT, "tput", "ask the terminal", "tput cols|lines|clear|bold|sgr0", tput);
program!(PIDOF, "pidof", "find processes by exact name", "pidof [-s] NAME...", pidof);
program!(READLINK, "readlink", "print where a link leads", "readlink [-fem] FILE...", readlink);
program!(REALPATH, "realpath", "print absolute paths", "realpath FILE...", realpath);
program!(FILE, "file", "say what files are", "file [-b] FILE...", file);
program!(TREE, "tree", "show directories as a tree", "tree [-adf] [-L LEVEL] [DIRECTORY]", tree);

/// The address of a name by the host's table.
pub(super) fn address(sys: &Sys, name: &str) -> Option<String> {
    let bytes = sys.read_file("/etc/hosts").unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().find(|line| {
        let plain = line.split('#').next().unwrap_or("");
        plain.split_whitespace().skip(1).any(|other| other == name)
    })?;
    line.split_whitespace().next().map(str::to_owned)
}

async fn dig(sys: Sys) -> i32 {
    let args = sys.args();
    let plain = |arg: &&String| {
        !arg.starts_with(['+', '-', '@'])
            && !matches!(arg.as_str(), "A" | "AAAA" | "SRV" | "ANY" | "IN")
    };
    let Some(name) = args[1..].iter().find(plain) else {
        sys.print("\n; <<>> DiG 9.18.33-1~deb12u2-Debian <<>>\n;; no servers could be reached\n")
            .await;
        return 9;
    };
    let other_type =
        args[1..].iter().any(|arg| matches!(arg.as_str(), "AAAA" | "SRV" | "MX" | "TXT"));
    let found = address(&sys, name).filter(|_| !other_type);
    if args.iter().any(|arg| arg == "+short") {
        if let Some(ip) = found {
            sys.print(&format!("{ip}\n")).await;
        }
        return 0;
    }
    let (status, answers) = if found.is_some() { ("NOERROR", 1) } else { ("NXDOMAIN", 0) };
    let answer = found
        .map(|ip| format!(";; ANSWER SECTION:\n{name}.\t\t0\tIN\tA\t{ip}\n\n"))
        .unwrap_or_default();
    let time = Moment::from_us(sys.wall_us() as i64).format("%a %b %d %H:%M:%S UTC %Y");
    sys.print(&format!(
        "\n; <<>> DiG 9.18.33-1~deb12u2-Debian <<>> {}\n;; global options: +cmd\n;; Got answer:\n\
         ;; ->>HEADER<<- opcode: QUERY, status: {status}, id: {}\n\
         ;; flags: qr aa rd ra; QUERY: 1, ANSWER: {answers}, AUTHORITY: 0, ADDITIONAL: 1\n\n\
         ;; QUESTION SECTION:\n;{name}.\t\t\tIN\tA\n\n{answer}\
         ;; Query time: 0 msec\n;; SERVER: 127.0.0.53#53(127.0.0.53) (UDP)\n;; WHEN: {time}\n;; MSG SIZE  rcvd: 55\n\n",
        args[1..].join(" "),
        sys.pid().0 % 65_536
    ))
    .await;
    0
}

async fn host(sys: Sys) -> i32 {
    let args = sys.args();
    let Some(name) = args.get(1) else {
        sys.eprint("Usage: host [-aCdilrTvVw] [-c class] [-t type] {hostname} [server]\n").await;
        return 1;
    };
    match address(&sys, name) {
        Some(ip) => {
            sys.print(&format!("{name} has address {ip}\n")).await;
            0
        }
        None => {
            sys.print(&format!("Host {name} not found: 3(NXDOMAIN)\n")).await;
            1
        }
    }
}

async fn nslookup(sys: Sys) -> i32 {
    let args = sys.args();
    let Some(name) = args.get(1) else { return 1 };
    let head = "Server:\t\t127.0.0.53\nAddress:\t127.0.0.53#53\n\n";
    match address(&sys, name) {
        Some(ip) => {
            sys.print(&format!("{head}Name:\t{name}\nAddress: {ip}\n\n")).await;
            0
        }
        None => {
            sys.print(&format!("{head}** server can't find {name}: NXDOMAIN\n\n")).await;
            1
        }
    }
}

/// Login shells with their terminals: user, terminal, start by the host's clock, command.
fn sessions(sys: &Sys) -> Vec<(String, String, Moment, String)> {
    let accounts = Accounts::read(sys);
    let (now_us, wall_us) = (sys.mono_us(), sys.wall_us());
    let all = sys.ps();
    let logged_in = all.iter().filter_map(|proc| {
        let tty = proc.tty?;
        proc.argv.first().filter(|name| name.starts_with('-'))?;
        let running = all.iter().rev().find(|other| other.tty == Some(tty));
        let command = running.map_or_else(String::new, |it| it.argv.join(" "));
        let age_us = now_us.saturating_sub(proc.start_us);
        let start = Moment::from_us(wall_us.saturating_sub(age_us) as i64);
        Some((accounts.user_name(proc.uid), format!("pts/{}", tty.0 - 1), start, command))
    });
    logged_in.collect()
}

async fn who(sys: Sys) -> i32 {
    let mut text = String::new();
    for (user, tty, start, _) in sessions(&sys) {
        text.push_str(&format!("{user:<8} {tty:<12} {}\n", start.format("%Y-%m-%d %H:%M")));
    }
    sys.print(&text).await;
    0
}

async fn users(sys: Sys) -> i32 {
    let names: Vec<String> = sessions(&sys).into_iter().map(|(user, ..)| user).collect();
    sys.print(&format!("{}\n", names.join(" "))).await;
    0
}

async fn w(sys: Sys) -> i32 {
    let all = sessions(&sys);
    let mut text = String::new();
    if !sys.args().iter().any(|arg| arg == "-h") {
        text = format!(
            " {}\nUSER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n",
            super::reports::load_line(&sys)
        );
    }
    for (user, tty, start, command) in all {
        text.push_str(&format!(
            "{user:<8} {tty:<8} -                {}    0.00s  0.00s  0.00s {command}\n",
            start.format("%H:%M")
        ));
    }
    sys.print(&text).await;
    0
}

async fn last(sys: Sys) -> i32 {
    let mut text = String::new();
    let mut begin = None;
    for (user, tty, start, _) in sessions(&sys).iter().rev() {
        let when = start.format("%a %b %e %H:%M");
        text.push_str(&format!("{user:<8} {tty:<12}                  {when}   still logged in\n"));
        begin = Some(start.format("%a %b %e %H:%M:%S %Y"));
    }
    let up = Moment::from_us(sys.wall_us().saturating_sub(sys.mono_us()) as i64);
    text.push_str(&format!(
        "reboot   system boot  6.1.0-quorum     {}   still running\n\nwtmp begins {}\n",
        up.format("%a %b %e %H:%M"),
        begin.unwrap_or_else(|| up.format("%a %b %e %H:%M:%S %Y"))
    ));
    sys.print(&text).await;
    0
}

async fn hostnamectl(sys: Sys) -> i32 {
    let args = sys.args();
    if matches!(args.get(1).map(String::as_str), Some("set-hostname" | "hostname"))
        && args.len() > 2
    {
        sys.eprint("Could not set static hostname: the hosts of this lab keep their names\n").await;
        return 1;
    }
    if args.get(1).is_some_and(|arg| arg == "hostname") {
        sys.print(&format!("{}\n", sys.hostname())).await;
        return 0;
    }
    sys.print(&format!(
        " Static hostname: {}\n       Icon name: computer-vm\n         Chassis: vm\n  Virtualization: quorum\nOperating System: Debian GNU/Linux 12 (bookworm)\n          Kernel: Linux 6.1.0-quorum\n    Architecture: x86-64\n",
        sys.hostname()
    ))
    .await;
    0
}

async fn timedatectl(sys: Sys) -> i32 {
    let now = Moment::from_us(sys.wall_us() as i64);
    let date = now.format("%a %Y-%m-%d %H:%M:%S");
    sys.print(&format!(
        "               Local time: {date} UTC\n           Universal time: {date} UTC\n                 RTC time: {date}\n                Time zone: Etc/UTC (UTC, +0000)\nSystem clock synchronized: yes\n              NTP service: active\n          RTC in local TZ: no\n"
    ))
    .await;
    0
}

async fn lsb(sys: Sys) -> i32 {
    let flags: String = sys.args()[1..].iter().map(|arg| arg.trim_start_matches('-')).collect();
    let short = flags.contains('s');
    let rows = [
        ('i', "Distributor ID", "Debian"),
        ('d', "Description", "Debian GNU/Linux 12 (bookworm)"),
        ('r', "Release", "12"),
        ('c', "Codename", "bookworm"),
    ];
    let mut text = String::new();
    for (flag, name, value) in rows {
        if flags.contains('a') || flags.contains(flag) {
            text.push_str(&if short {
                format!("{value}\n")
            } else {
                format!("{name}:\t{value}\n")
            });
        }
    }
    sys.print(if text.is_empty() { "No LSB modules are available.\n" } else { &text }).await;
    0
}

async fn arch(sys: Sys) -> i32 {
    sys.print("x86_64\n").await;
    0
}

async fn dpkg(sys: Sys) -> i32 {
    match sys.args().get(1).map(String::as_str) {
        Some("--print-architecture") => {
            sys.print("amd64\n").await;
            0
        }
        Some("-l" | "--list") => {
            sys.print("Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n||/ Name           Version      Architecture Description\n+++-==============-============-============-=================================\nii  bash           5.2.15-2     amd64        GNU Bourne Again SHell\nii  curl           7.88.1-10    amd64        command line tool for transferring data\nii  systemd        252.39-1     amd64        system and service manager\n").await;
            0
        }
        _ => {
            sys.eprint("dpkg: error: need an action option\n").await;
            2
        }
    }
}

async fn tty(sys: Sys) -> i32 {
    let own = sys.ps().into_iter().find(|proc| proc.pid == sys.pid()).and_then(|proc| proc.tty);
    match own.filter(|_| sys.is_tty(Fd::STDIN)) {
        Some(tty) => {
            sys.print(&format!("/dev/pts/{}\n", tty.0 - 1)).await;
            0
        }
        None => {
            sys.print("not a tty\n").await;
            1
        }
    }
}

async fn stty(sys: Sys) -> i32 {
    if !sys.is_tty(Fd::STDIN) {
        sys.eprint("stty: 'standard input': Inappropriate ioctl for device\n").await;
        return 1;
    }
    let (columns, rows) = sys.screen().unwrap_or((80, 24));
    match sys.args().get(1).map(String::as_str) {
        Some("size") => sys.print(&format!("{rows} {columns}\n")).await,
        Some("-echo") => sys.set_echo(false),
        Some("echo" | "sane") => sys.set_echo(true),
        _ => {
            let text = format!("speed 38400 baud; rows {rows}; columns {columns}; line = 0;\n");
            sys.print(&text).await;
        }
    }
    0
}

async fn tput(sys: Sys) -> i32 {
    let (columns, rows) = sys.screen().unwrap_or((80, 24));
    let args = sys.args();
    let text = match args.get(1).map(String::as_str) {
        Some("cols") => format!("{columns}\n"),
        Some("lines") => format!("{rows}\n"),
        Some("clear") => "\x1b[H\x1b[2J".to_owned(),
        Some("bold") => "\x1b[1m".to_owned(),
        Some("sgr0") => "\x1b(B\x1b[m".to_owned(),
        Some("smul") => "\x1b[4m".to_owned(),
        Some("rev") => "\x1b[7m".to_owned(),
        Some("setaf") => format!("\x1b[3{}m", args.get(2).map_or("7", String::as_str)),
        Some(other) => {
            sys.eprint(&format!("tput: unknown terminfo capability '{other}'\n")).await;
            return 4;
        }
        None => {
            sys.eprint("usage: tput [-V] [-S] [-T term] capname\n").await;
            return 2;
        }
    };
    sys.print(&text).await;
    0
}

async fn pidof(sys: Sys) -> i32 {
    let args = sys.args();
    let single = args.iter().any(|arg| arg == "-s");
    let mut found: Vec<u32> = Vec::new();
    for proc in sys.ps() {
        let command = proc.argv.first().map_or("", String::as_str).trim_start_matches('-');
        let name = command.rsplit('/').next().unwrap_or(command);
        if args[1..].iter().any(|arg| arg == name || arg == command) {
            found.push(proc.pid.0);
        }
    }
    flat::sort(&mut found);
    found.reverse();
    if single {
        found.truncate(1);
    }
    if found.is_empty() {
        return 1;
    }
    let words: Vec<String> = found.iter().map(u32::to_string).collect();
    sys.print(&format!("{}\n", words.join(" "))).await;
    0
}

/// A path with all links followed and no `.` or `..`.
fn canonical(sys: &Sys, path: &str) -> String {
    let mut left: Vec<String> = sys.absolute(path).split('/').rev().map(str::to_owned).collect();
    let mut done: Vec<String> = Vec::new();
    let mut links = 0;
    while let Some(part) = left.pop() {
        match part.as_str() {
            "" | "." => {}
            ".." => drop(done.pop()),
            _ => {
                let here = format!("/{}/{part}", done.join("/")).replace("//", "/");
                match sys.read_link(&here) {
                    Ok(target) if links < 40 => {
                        links += 1;
                        if target.starts_with('/') {
                            done.clear();
                        }
                        left.extend(target.split('/').rev().map(str::to_owned));
                    }
                    _ => done.push(part),
                }
            }
        }
    }
    format!("/{}", done.join("/"))
}

async fn readlink(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "femnqsv",
        long: &[("canonicalize", 'f'), ("canonicalize-existing", 'e')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &READLINK).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &READLINK, "missing operand").await;
    }
    let mut status = 0;
    for path in &parsed.operands {
        let found = match parsed.last_of("fem") {
            Some('e') => Some(canonical(&sys, path)).filter(|path| sys.stat(path).is_ok()),
            Some('m') => Some(canonical(&sys, path)),
            Some(_) => Some(canonical(&sys, path)).filter(|path| {
                path.rsplit_once('/').is_none_or(|(dir, _)| dir.is_empty() || sys.stat(dir).is_ok())
            }),
            None => sys.read_link(path).ok(),
        };
        match found {
            Some(path) => sys.print(&format!("{path}\n")).await,
            None => status = 1,
        }
    }
    status
}

async fn realpath(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "emsq", long: &[], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &REALPATH).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &REALPATH, "missing operand").await;
    }
    let mut status = 0;
    for path in &parsed.operands {
        let real = canonical(&sys, path);
        let parent =
            real.rsplit_once('/').map_or("/", |(dir, _)| if dir.is_empty() { "/" } else { dir });
        if parsed.has('m') || sys.stat(parent).is_ok() {
            sys.print(&format!("{real}\n")).await;
        } else {
            sys.eprint(&format!("realpath: {path}: No such file or directory\n")).await;
            status = 1;
        }
    }
    status
}

fn what(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "empty".to_owned();
    }
    if bytes.starts_with(b"\x7fELF") {
        return "ELF 64-bit LSB executable, x86-64, version 1 (SYSV), statically linked, stripped"
            .to_owned();
    }
    if bytes.starts_with(b"\x1f\x8b") {
        return "gzip compressed data".to_owned();
    }
    if bytes.get(257..262) == Some(b"ustar".as_slice()) {
        return "POSIX tar archive".to_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with("-----BEGIN CERTIFICATE") => "PEM certificate".to_owned(),
        Ok(text) if text.contains("PRIVATE KEY-----") && text.starts_with("-----BEGIN") => {
            "PEM EC private key".to_owned()
        }
        Ok(text) if text.starts_with("#!/bin/sh") => {
            "POSIX shell script, ASCII text executable".to_owned()
        }
        Ok(text) if text.starts_with("#!") => {
            "Bourne-Again shell script, ASCII text executable".to_owned()
        }
        Ok(text)
            if text.trim_start().starts_with(['{', '['])
                && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() =>
        {
            "JSON text data".to_owned()
        }
        Ok(text) if text.is_ascii() && !text.bytes().any(|byte| byte == 0) => {
            "ASCII text".to_owned()
        }
        Ok(text) if !text.bytes().any(|byte| byte == 0) => "Unicode text, UTF-8 text".to_owned(),
        _ => "data".to_owned(),
    }
}

async fn file(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "bLi", long: &[("brief", 'b')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &FILE).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let width = parsed.operands.iter().map(String::len).max().unwrap_or(0) + 1;
    for path in &parsed.operands {
        let kind = match sys.lstat(path) {
            Err(error) => format!("cannot open `{path}' ({error})"),
            Ok(stat) if stat.is_dir() => "directory".to_owned(),
            Ok(stat) if stat.kind == FileKind::Symlink => {
                format!("symbolic link to {}", sys.read_link(path).unwrap_or_default())
            }
            Ok(stat) if stat.kind == FileKind::Device => "character special".to_owned(),
            Ok(_) => match sys.read_file(path) {
                Ok(bytes) => what(&bytes),
                Err(_) => "regular file, no read permission".to_owned(),
            },
        };
        let name = format!("{path}:");
        let text =
            if parsed.has('b') { format!("{kind}\n") } else { format!("{name:<width$} {kind}\n") };
        sys.print(&text).await;
    }
    0
}

async fn tree(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "adfL:pugshiC", long: &[], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &TREE).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let root = parsed.operands.first().map_or(".", String::as_str);
    if !sys.stat(root).is_ok_and(|stat| stat.is_dir()) {
        sys.print(&format!("{root}  [error opening dir]\n\n0 directories, 0 files\n")).await;
        return 2;
    }
    let depth = parsed.value('L').and_then(|it| it.parse().ok()).unwrap_or(usize::MAX);
    let mut text = format!("{root}\n");
    let (mut folders, mut files) = (1u32, 0u32);
    // What is still to be shown: path, name, the lines before it, whether it is the last.
    let mut left: Vec<(String, String, String, bool, usize)> = Vec::new();
    let push = |left: &mut Vec<_>, path: &str, before: &str, level: usize| {
        let mut names = sys.read_dir(path).unwrap_or_default();
        flat::sort(&mut names);
        names.retain(|name| parsed.has('a') || !name.starts_with('.'));
        let count = names.len();
        for (i, name) in names.into_iter().enumerate().rev() {
            left.push((format!("{path}/{name}"), name, before.to_owned(), i + 1 == count, level));
        }
    };
    push(&mut left, root, "", 1);
    while let Some((path, name, before, is_last, level)) = left.pop() {
        let stat = sys.lstat(&path);
        let is_dir = stat.as_ref().is_ok_and(|stat| stat.is_dir());
        if parsed.has('d') && !is_dir {
            continue;
        }
        let arm = if is_last { "└── " } else { "├── " };
        let shown = if parsed.has('f') { &path } else { &name };
        let link = match sys.read_link(&path) {
            Ok(target) => format!(" -> {target}"),
            Err(_) => String::new(),
        };
        text.push_str(&format!("{before}{arm}{shown}{link}\n"));
        if is_dir {
            folders += 1;
            if level < depth {
                let more = if is_last { "    " } else { "│   " };
                push(&mut left, &path, &format!("{before}{more}"), level + 1);
            }
        } else {
            files += 1;
        }
    }
    let plural = |count: u32, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    let folders = plural(folders, "directory", "directories");
    let files = if parsed.has('d') {
        String::new()
    } else {
        format!(", {}", plural(files, "file", "files"))
    };
    text.push_str(&format!("\n{folders}{files}\n"));
    sys.print(&text).await;
    0
}
