//! Questions about the host: `hostname date whoami id uname df du stat which pwd clear`.

use sim::{FileKind, Stat, Sys};

use super::Program;
use super::accounts::Accounts;
use super::calendar::{self, Moment};
use super::io::{Out, join};
use super::ls::mode_text;
use super::opts::{Options, Parsed};
use super::units::human;

/// The entry of the table of programs.
pub(super) const HOSTNAME: Program = Program {
    name: "hostname",
    summary: "print the name of the host",
    usage: "hostname [-sfiI]",
    run: |sys| Box::pin(hostname(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const DATE: Program = Program {
    name: "date",
    summary: "print the time of the host's clock",
    usage: concat!(
        "date [-u] [-R] [-I[seconds]] [-d DATE] [-r FILE] [+FORMAT]\n",
        "  -d  another time: @1795341649, 2026-11-22 09:30, '5 minutes ago'\n",
        "  -r  when the file was changed last\n",
        "FORMAT: %Y-%m-%d %H:%M:%S %s %N %F %T %a %b %j %Z and more. The time zone is UTC.",
    ),
    run: |sys| Box::pin(date(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const WHOAMI: Program = Program {
    name: "whoami",
    summary: "print the name of the user",
    usage: "whoami",
    run: |sys| {
        Box::pin(async move {
            let name = Accounts::read(&sys).user_name(sys.cred().uid);
            sys.print(&format!("{name}\n")).await;
            0
        })
    },
    complete: None,
};

/// The entry of the table of programs.
pub(super) const ID: Program = Program {
    name: "id",
    summary: "print the numbers of user and groups",
    usage: "id [-ugGn]",
    run: |sys| Box::pin(id(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const UNAME: Program = Program {
    name: "uname",
    summary: "print what the system is",
    usage: "uname [-asnrvmo]",
    run: |sys| Box::pin(uname(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const DF: Program = Program {
    name: "df",
    summary: "print what is free on the disk",
    usage: "df [-h] [FILE...]\n  -h  sizes as 1.5G",
    run: |sys| Box::pin(df(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const DU: Program = Program {
    name: "du",
    summary: "print what files take on the disk",
    usage: concat!(
        "du [-shabc] [-d DEPTH] [FILE...]\n",
        "  -s  only the sum of each    -h  sizes as 1.5M    -a  files, too    -b  lengths in bytes",
    ),
    run: |sys| Box::pin(du(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const STAT: Program = Program {
    name: "stat",
    summary: "print the facts of files",
    usage: concat!(
        "stat [-L] [-c FORMAT] FILE...\n",
        "FORMAT: %n name  %s size  %a mode  %A mode as letters  %U %G owners  %u %g their numbers\n",
        "  %y %Y time of the last change  %F kind  %i inode  %h links  %b blocks",
    ),
    run: |sys| Box::pin(stat(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const WHICH: Program = Program {
    name: "which",
    summary: "print where a program is",
    usage: "which [-a] NAME...",
    run: |sys| Box::pin(which(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const PWD: Program = Program {
    name: "pwd",
    summary: "print the current directory",
    usage: "pwd",
    run: |sys| {
        Box::pin(async move {
            sys.print(&format!("{}\n", sys.cwd())).await;
            0
        })
    },
    complete: None,
};

/// The entry of the table of programs.
pub(super) const CLEAR: Program = Program {
    name: "clear",
    summary: "empty the screen",
    usage: "clear",
    run: |sys| {
        Box::pin(async move {
            sys.print("\x1b[H\x1b[2J\x1b[3J").await;
            0
        })
    },
    complete: None,
};

async fn hostname(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "sfiId",
        long: &[("short", 's'), ("fqdn", 'f'), ("long", 'f'), ("ip-address", 'i')],
        mistake: 255,
    };
    let parsed = match OPTIONS.read(&sys, &HOSTNAME).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if !parsed.operands.is_empty() {
        sys.eprint("hostname: you don't have permission to set the host name\n").await;
        return 1;
    }
    let text = match parsed.last_of("iI") {
        Some('I') => format!("{} ", ip_text(&sys)),
        Some(_) => ip_text(&sys),
        None => sys.hostname(),
    };
    sys.print(&format!("{text}\n")).await;
    0
}

fn ip_text(sys: &Sys) -> String {
    let [a, b, c, d] = sim::net::ip_of(sys.host());
    format!("{a}.{b}.{c}.{d}")
}

async fn date(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "uRId:r:s:",
        long: &[
            ("utc", 'u'),
            ("universal", 'u'),
            ("rfc-email", 'R'),
            ("date", 'd'),
            ("reference", 'r'),
            ("set", 's'),
        ],
        mistake: 1,
    };
    let mut precision = None;
    let mut args = Vec::new();
    for arg in sys.args().iter().skip(1) {
        match arg.strip_prefix("--iso-8601").or(arg.strip_prefix("-I")) {
            Some(value) => precision = Some(value.trim_start_matches('=').to_owned()),
            None => args.push(arg.clone()),
        }
    }
    let parsed = match OPTIONS.read_args(&sys, &DATE, &args).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.has('s') {
        sys.eprint("date: cannot set date: Operation not permitted\n").await;
        return 1;
    }
    let mut us = sys.wall_us() as i64;
    if let Some(text) = parsed.value('d') {
        match calendar::parse(text, us) {
            Some(found) => us = found,
            None => {
                sys.eprint(&format!("date: invalid date '{text}'\n")).await;
                return 1;
            }
        }
    }
    if let Some(path) = parsed.value('r') {
        match sys.stat(path) {
            Ok(stat) => us = stat.mtime_us as i64,
            Err(error) => {
                sys.eprint(&format!("date: {path}: {error}\n")).await;
                return 1;
            }
        }
    }
    let format = match date_format(&parsed, precision.as_deref()) {
        Ok(format) => format,
        Err((mistake, true)) => return OPTIONS.refuse(&sys, &DATE, &mistake).await,
        Err((mistake, false)) => {
            sys.eprint(&format!("date: {mistake}\n")).await;
            return 1;
        }
    };
    sys.print(&format!("{}\n", Moment::from_us(us).format(format))).await;
    0
}

/// The format asked for; a mistake with whether it is one of usage.
fn date_format<'a>(parsed: &'a Parsed, precision: Option<&str>) -> Result<&'a str, (String, bool)> {
    match parsed.operands.as_slice() {
        [] if parsed.has('R') => Ok("%a, %d %b %Y %H:%M:%S %z"),
        [] => Ok(match precision {
            None => "%a %b %e %H:%M:%S %Z %Y",
            Some("" | "date") => "%F",
            Some("hours") => "%FT%H%:z",
            Some("minutes") => "%FT%R%:z",
            Some("seconds") => "%FT%T%:z",
            Some("ns") => "%FT%T,%N%:z",
            Some(other) => {
                return Err((format!("invalid argument '{other}' for '--iso-8601'"), true));
            }
        }),
        [only] => only.strip_prefix('+').ok_or_else(|| (format!("invalid date '{only}'"), false)),
        [_, extra, ..] => Err((format!("extra operand '{extra}'"), true)),
    }
}

async fn id(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "ugGnr",
        long: &[("user", 'u'), ("group", 'g'), ("groups", 'G'), ("name", 'n')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &ID).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let accounts = Accounts::read(&sys);
    let cred = match parsed.operands.first() {
        None => sys.cred(),
        Some(name) => match accounts.user(name) {
            Some(user) => accounts.cred(user),
            None => {
                sys.eprint(&format!("id: '{name}': no such user\n")).await;
                return 1;
            }
        },
    };
    let gids = Accounts::groups_of(&cred);
    let named = parsed.has('n');
    let group = |gid: u32| if named { accounts.group_name(gid) } else { gid.to_string() };
    let text = match parsed.last_of("ugG") {
        None => {
            let with = |id: u32, name: String| match name.parse::<u32>() {
                // A number without a name stands alone.
                Ok(_) => id.to_string(),
                Err(_) => format!("{id}({name})"),
            };
            let groups: Vec<String> =
                gids.iter().map(|gid| with(*gid, accounts.group_name(*gid))).collect();
            format!(
                "uid={} gid={} groups={}",
                with(cred.uid, accounts.user_name(cred.uid)),
                with(cred.gid, accounts.group_name(cred.gid)),
                groups.join(",")
            )
        }
        Some('u') if named => accounts.user_name(cred.uid),
        Some('u') => cred.uid.to_string(),
        Some('g') => group(cred.gid),
        Some(_) => gids.into_iter().map(group).collect::<Vec<String>>().join(" "),
    };
    sys.print(&format!("{text}\n")).await;
    0
}

async fn uname(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "asnrvmpio",
        long: &[
            ("all", 'a'),
            ("kernel-name", 's'),
            ("nodename", 'n'),
            ("kernel-release", 'r'),
            ("kernel-version", 'v'),
            ("machine", 'm'),
            ("operating-system", 'o'),
        ],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &UNAME).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if let Some(extra) = parsed.operands.first() {
        return OPTIONS.refuse(&sys, &UNAME, &format!("extra operand '{extra}'")).await;
    }
    let parts = [
        ('s', "Linux".to_owned()),
        ('n', sys.hostname()),
        ('r', "6.1.0-quorum".to_owned()),
        ('v', "#1 SMP Quorum Lab".to_owned()),
        ('m', "x86_64".to_owned()),
        ('o', "GNU/Linux".to_owned()),
    ];
    let none = parsed.flags.is_empty();
    let wanted = |flag: char| parsed.has('a') || parsed.has(flag) || (none && flag == 's');
    let shown: Vec<&str> =
        parts.iter().filter(|(flag, _)| wanted(*flag)).map(|(_, text)| text.as_str()).collect();
    sys.print(&format!("{}\n", shown.join(" "))).await;
    0
}

async fn df(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "hkTPai",
        long: &[("human-readable", 'h'), ("print-type", 'T')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &DF).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let mut status = 0;
    for path in &parsed.operands {
        if let Err(error) = sys.stat(path) {
            sys.eprint(&format!("df: {path}: {error}\n")).await;
            status = 1;
        }
    }
    if status != 0 && parsed.operands.len() == 1 {
        return status;
    }
    let (capacity, used) = sys.disk_usage();
    let free = capacity.saturating_sub(used);
    let share = if capacity == 0 { 0 } else { (used * 100).div_ceil(capacity) };
    let text = if parsed.has('h') {
        format!(
            "Filesystem      Size  Used Avail Use% Mounted on\n/dev/vda1      {:>5} {:>5} {:>5} {share:>3}% /\n",
            human(capacity),
            human(used),
            human(free),
        )
    } else {
        format!(
            "Filesystem     1K-blocks    Used Available Use% Mounted on\n/dev/vda1      {:>9} {:>7} {:>9} {share:>3}% /\n",
            capacity / 1024,
            used.div_ceil(1024),
            free / 1024,
        )
    };
    sys.print(&text).await;
    status
}

struct Du {
    flags: Parsed,
    depth_max: u32,
    out: Out,
    status: i32,
}

async fn du(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "shabckmd:",
        long: &[
            ("summarize", 's'),
            ("human-readable", 'h'),
            ("all", 'a'),
            ("bytes", 'b'),
            ("total", 'c'),
            ("max-depth", 'd'),
        ],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &DU).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let depth_max = match parsed.value('d').map(|text| (text, text.parse())) {
        Some((_, Ok(depth))) => depth,
        Some((text, Err(_))) => {
            return OPTIONS.refuse(&sys, &DU, &format!("invalid maximum depth '{text}'")).await;
        }
        None if parsed.has('s') => 0,
        None => u32::MAX,
    };
    let paths =
        if parsed.operands.is_empty() { vec![".".to_owned()] } else { parsed.operands.clone() };
    let mut du = Du { depth_max, out: Out::new(&sys), status: 0, flags: parsed };
    let mut total = 0;
    for path in &paths {
        total += du.add(&sys, path, 0).await;
    }
    if du.flags.has('c') {
        let line = du.line(total, "total");
        du.out.text(&line);
    }
    let Du { out, status, .. } = du;
    out.finish("du", status).await
}

impl Du {
    fn line(&self, bytes: u64, path: &str) -> String {
        let size = if self.flags.has('h') {
            human(bytes)
        } else if self.flags.has('b') {
            bytes.to_string()
        } else {
            bytes.div_ceil(1024).to_string()
        };
        format!("{size}\t{path}\n")
    }

    async fn add(&mut self, sys: &Sys, path: &str, depth: u32) -> u64 {
        let stat = match sys.lstat(path) {
            Ok(stat) => stat,
            Err(error) => {
                self.out.flush().await;
                sys.eprint(&format!("du: {}\n", super::ls::cannot_access(path, error))).await;
                self.status = 1;
                return 0;
            }
        };
        let mut bytes = if self.flags.has('b') { stat.size } else { stat.allocated_bytes };
        if stat.is_dir() {
            if bytes == 0 {
                bytes = 4096;
            }
            if depth < 64 {
                for name in sys.read_dir(path).unwrap_or_default() {
                    bytes += Box::pin(self.add(sys, &join(path, &name), depth + 1)).await;
                }
            }
        }
        let shown = depth <= self.depth_max && (stat.is_dir() || depth == 0 || self.flags.has('a'));
        if shown {
            let line = self.line(bytes, path);
            self.out.text(&line);
        }
        bytes
    }
}

fn kind_text(stat: &Stat) -> &'static str {
    match stat.kind {
        FileKind::File if stat.size == 0 => "regular empty file",
        FileKind::File => "regular file",
        FileKind::Dir => "directory",
        FileKind::Symlink => "symbolic link",
        FileKind::Device => "character special file",
    }
}

async fn stat(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "Lc:ft",
        long: &[("dereference", 'L'), ("format", 'c'), ("printf", 'p')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &STAT).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &STAT, "missing operand").await;
    }
    let mut status = 0;
    for path in &parsed.operands {
        let looked = if parsed.has('L') { sys.stat(path) } else { sys.lstat(path) };
        let facts = match looked {
            Ok(facts) => facts,
            Err(error) => {
                sys.eprint(&format!("stat: cannot statx '{path}': {error}\n")).await;
                status = 1;
                continue;
            }
        };
        let text = match parsed.value('c') {
            Some(format) => stat_format(&sys, format, path, &facts) + "\n",
            None => stat_format(
                &sys,
                "  File: %N\n  Size: %s\tBlocks: %b\tIO Block: 4096   %F\nDevice: 254,1\tInode: %i\tLinks: %h\nAccess: (0%a/%A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %y\nModify: %y\nChange: %y\n Birth: -\n",
                path,
                &facts,
            ),
        };
        sys.print(&text).await;
    }
    status
}

fn stat_format(sys: &Sys, format: &str, path: &str, facts: &Stat) -> String {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut width = 0usize;
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            width = (width * 10 + digit as usize - '0' as usize).min(1024);
        }
        let modified = Moment::from_us(facts.mtime_us as i64);
        let text = match chars.next() {
            Some('n') => path.to_owned(),
            Some('N') => match sys.read_link(path) {
                Ok(target) if facts.kind == FileKind::Symlink => format!("{path} -> {target}"),
                _ => path.to_owned(),
            },
            Some('s') => facts.size.to_string(),
            Some('b') => facts.allocated_bytes.div_ceil(512).to_string(),
            Some('B') => "512".to_owned(),
            Some('a') => format!("{:o}", facts.mode),
            Some('A') => mode_text(facts),
            Some('f') => format!("{:x}", facts.mode),
            Some('F') => kind_text(facts).to_owned(),
            Some('u') => facts.uid.to_string(),
            Some('g') => facts.gid.to_string(),
            Some('U') => Accounts::read(sys).user_name(facts.uid),
            Some('G') => Accounts::read(sys).group_name(facts.gid),
            Some('i') => facts.ino.to_string(),
            Some('h') => facts.nlink.to_string(),
            Some('x' | 'y' | 'z') => modified.format("%F %T.%N %z"),
            Some('X' | 'Y' | 'Z') => modified.unix.to_string(),
            Some('w') => "-".to_owned(),
            Some('W') => "0".to_owned(),
            Some('%') => "%".to_owned(),
            Some(other) => format!("%{other}"),
            None => "%".to_owned(),
        };
        out.push_str(&format!("{text:>width$}"));
    }
    out
}

async fn which(sys: Sys) -> i32 {
    let args = sys.args();
    let all = args.get(1).is_some_and(|arg| arg == "-a");
    let names = args.get(1 + usize::from(all)..).unwrap_or_default();
    let search = sys.env("PATH").unwrap_or_default();
    let mut status = i32::from(names.is_empty());
    for name in names {
        let mut found = false;
        let directories: Vec<&str> =
            if name.contains('/') { vec![""] } else { search.split(':').collect() };
        for directory in directories {
            let path = if directory.is_empty() { name.clone() } else { join(directory, name) };
            if sys.stat(&path).is_ok_and(|stat| stat.is_file() && stat.mode & 0o111 != 0) {
                sys.print(&format!("{path}\n")).await;
                found = true;
                if !all {
                    break;
                }
            }
        }
        if !found {
            status = 1;
        }
    }
    status
}
