//! Small tools of scripts: `column envsubst expr comm fold yes printenv nice logger wget apt`.

use sim::{Fd, Sys};

use super::reports::texts;
use crate::programs::calendar::Moment;
use crate::programs::opts::Options;
use crate::programs::{Program, io, launch, posix};
use crate::systemd::journal;

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

program!(
    COLUMN,
    "column",
    "put words under each other",
    "column -t [-s CHARS] [-o TEXT] [FILE...]",
    column
);
program!(ENVSUBST, "envsubst", "put variables into a text", "envsubst [SHELL-FORMAT]", envsubst);
program!(EXPR, "expr", "evaluate an expression", "expr EXPRESSION", expr);
program!(COMM, "comm", "compare two sorted files", "comm [-123] FILE1 FILE2", comm);
program!(FOLD, "fold", "break long lines", "fold [-s] [-w WIDTH] [FILE...]", fold);
program!(YES, "yes", "print a text for ever", "yes [TEXT...]", yes);
program!(PRINTENV, "printenv", "print the environment", "printenv [NAME...]", printenv);
program!(
    NICE,
    "nice",
    "run a command with another priority",
    "nice [-n N] COMMAND [ARGUMENT...]",
    nice
);
program!(LOGGER, "logger", "write to the journal", "logger [-t TAG] [-p PRIORITY] TEXT...", logger);
program!(WGET, "wget", "download a URL", "wget [-q] [-O FILE] [-P DIRECTORY] URL...", wget);
program!(APT, "apt", "ask the package manager", "apt update|install PACKAGE...", apt);
program!(APT_GET, "apt-get", "ask the package manager", "apt-get update|install PACKAGE...", apt);

async fn column(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "ts:o:nN:", long: &[("table", 't'), ("separator", 's')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &COLUMN).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let text = match texts(&sys, "column", &parsed.operands).await {
        Ok(texts) => texts.concat(),
        Err(status) => return status,
    };
    let signs = parsed.value('s').unwrap_or(" \t").to_owned();
    let split = |line: &str| -> Vec<String> {
        let words = line.split(|c: char| signs.contains(c)).map(str::to_owned);
        match parsed.has('s') {
            true => words.collect(),
            false => words.filter(|word| !word.is_empty()).collect(),
        }
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    if !parsed.has('t') {
        for line in lines {
            sys.print(&format!("{line}\n")).await;
        }
        return 0;
    }
    let rows: Vec<Vec<String>> = lines.map(split).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let between = parsed.value('o').unwrap_or("  ");
    let mut out = String::new();
    for row in &rows {
        for (at, cell) in row.iter().enumerate() {
            let last = at + 1 == row.len();
            let pad = if last { 0 } else { widths[at].saturating_sub(cell.chars().count()) };
            out.push_str(cell);
            out.push_str(&" ".repeat(pad));
            if !last {
                out.push_str(between);
            }
        }
        out.push('\n');
    }
    sys.print(&out).await;
    0
}

async fn envsubst(sys: Sys) -> i32 {
    let args = sys.args();
    let only: Option<Vec<String>> = args.get(1).map(|text| {
        let name = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        text.split(name).filter(|it| !it.is_empty()).map(str::to_owned).collect()
    });
    let bytes = sys.read_to_end(Fd::STDIN).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.starts_with('{');
        let body = if braced { &after[1..] } else { after };
        let len =
            body.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(body.len());
        let name = &body[..len];
        let closed = !braced || body[len..].starts_with('}');
        let starts = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
        let wanted = only.as_ref().is_none_or(|only| only.iter().any(|it| it == name));
        let whole = 1 + usize::from(braced) * 2 + len;
        if starts && closed && wanted {
            out.push_str(&sys.env(name).unwrap_or_default());
            rest = &rest[at + whole..];
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    sys.print(&out).await;
    0
}

/// The words of `expr`, weakest operators first.
struct Expr<'a> {
    words: &'a [String],
    at: usize,
}

const LEVELS: [&[&str]; 5] =
    [&["|"], &["&"], &["<", "<=", "=", "==", "!=", ">=", ">"], &["+", "-"], &["*", "/", "%"]];

fn is_true(text: &str) -> bool {
    !text.is_empty() && text.parse::<i64>() != Ok(0)
}

impl Expr<'_> {
    fn level(&mut self, level: usize) -> Result<String, String> {
        let Some(signs) = LEVELS.get(level) else { return self.matching() };
        let mut left = self.level(level + 1)?;
        while let Some(sign) = self.words.get(self.at).filter(|it| signs.contains(&it.as_str())) {
            self.at += 1;
            let right = self.level(level + 1)?;
            left = apply(sign, &left, &right)?;
        }
        Ok(left)
    }

    fn matching(&mut self) -> Result<String, String> {
        let mut left = self.primary()?;
        while self.words.get(self.at).is_some_and(|it| it == ":") {
            self.at += 1;
            let pattern = self.primary()?;
            left = matched(&left, &pattern)?;
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<String, String> {
        let Some(word) = self.words.get(self.at).cloned() else {
            let last = self.words.last().map_or("", String::as_str);
            return Err(format!("syntax error: missing argument after '{last}'"));
        };
        self.at += 1;
        match word.as_str() {
            "(" => {
                let inner = self.level(0)?;
                if self.words.get(self.at).is_none_or(|it| it != ")") {
                    return Err("syntax error: expecting ')'".to_owned());
                }
                self.at += 1;
                Ok(inner)
            }
            "length" => Ok(self.primary()?.chars().count().to_string()),
            "match" => {
                let text = self.primary()?;
                let pattern = self.primary()?;
                matched(&text, &pattern)
            }
            "substr" => {
                let text = self.primary()?;
                let from = self.primary()?.parse::<usize>().unwrap_or(0);
                let len = self.primary()?.parse::<usize>().unwrap_or(0);
                if from == 0 {
                    return Ok(String::new());
                }
                Ok(text.chars().skip(from - 1).take(len).collect())
            }
            "index" => {
                let text = self.primary()?;
                let signs = self.primary()?;
                let at = text.chars().position(|c| signs.contains(c));
                Ok(at.map_or(0, |at| at + 1).to_string())
            }
            _ => Ok(word),
        }
    }
}

fn matched(text: &str, pattern: &str) -> Result<String, String> {
    let regex = posix::basic(&format!("^{}", pattern.trim_start_matches('^')), false)?;
    let groups = regex.captures_len() > 1;
    let found = regex.captures(text);
    Ok(match (found, groups) {
        (Some(found), true) => found.get(1).map_or(String::new(), |it| it.as_str().to_owned()),
        (Some(found), false) => {
            found.get(0).map_or(0, |it| it.as_str().chars().count()).to_string()
        }
        (None, true) => String::new(),
        (None, false) => "0".to_owned(),
    })
}

fn apply(sign: &str, left: &str, right: &str) -> Result<String, String> {
    let number = |text: &str| text.parse::<i64>().map_err(|_| "non-integer argument".to_owned());
    let both = (left.parse::<i64>(), right.parse::<i64>());
    let order = match both {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.cmp(right),
    };
    let holds = |yes: bool| Ok(u8::from(yes).to_string());
    match sign {
        "|" => Ok(if is_true(left) {
            left
        } else if is_true(right) {
            right
        } else {
            "0"
        }
        .to_owned()),
        "&" => Ok(if is_true(left) && is_true(right) { left } else { "0" }.to_owned()),
        "<" => holds(order.is_lt()),
        "<=" => holds(order.is_le()),
        "=" | "==" => holds(order.is_eq()),
        "!=" => holds(order.is_ne()),
        ">=" => holds(order.is_ge()),
        ">" => holds(order.is_gt()),
        "/" | "%" if number(right)? == 0 => Err("division by zero".to_owned()),
        "+" => Ok(number(left)?.wrapping_add(number(right)?).to_string()),
        "-" => Ok(number(left)?.wrapping_sub(number(right)?).to_string()),
        "*" => Ok(number(left)?.wrapping_mul(number(right)?).to_string()),
        "/" => Ok(number(left)?.wrapping_div(number(right)?).to_string()),
        _ => Ok(number(left)?.wrapping_rem(number(right)?).to_string()),
    }
}

async fn expr(sys: Sys) -> i32 {
    let args = sys.args();
    if args.len() < 2 {
        sys.eprint("expr: missing operand\nTry 'expr --help' for more information.\n").await;
        return 2;
    }
    let mut expression = Expr { words: &args[1..], at: 0 };
    let result = expression.level(0).and_then(|value| match args.get(expression.at + 1) {
        Some(extra) => Err(format!("syntax error: unexpected argument '{extra}'")),
        None => Ok(value),
    });
    match result {
        Ok(value) => {
            sys.print(&format!("{value}\n")).await;
            i32::from(!is_true(&value))
        }
        Err(mistake) => {
            sys.eprint(&format!("expr: {mistake}\n")).await;
            2
        }
    }
}

async fn comm(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "123", long: &[], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &COMM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let [one, other] = parsed.operands.as_slice() else {
        return OPTIONS.refuse(&sys, &COMM, "missing operand").await;
    };
    let mut sides = Vec::new();
    for path in [one, other] {
        match io::whole(&sys, path).await {
            Ok(bytes) => sides.push(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => {
                sys.eprint(&format!("comm: {path}: {error}\n")).await;
                return 1;
            }
        }
    }
    let (mut left, mut right) = (sides[0].lines().peekable(), sides[1].lines().peekable());
    let mut out = String::new();
    let shows = |column: char| !parsed.has(column);
    let second = if shows('1') { "\t" } else { "" };
    let third = format!("{second}{}", if shows('2') { "\t" } else { "" });
    loop {
        let (column, before, line) = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => {
                right.next();
                ('3', third.as_str(), left.next())
            }
            (Some(a), Some(b)) if a < b => ('1', "", left.next()),
            (Some(_), None) => ('1', "", left.next()),
            _ => ('2', second, right.next()),
        };
        if shows(column) {
            out.push_str(&format!("{before}{}\n", line.unwrap_or_default()));
        }
    }
    sys.print(&out).await;
    0
}

async fn fold(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "sbw:", long: &[("width", 'w'), ("spaces", 's')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &FOLD).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let width = parsed.value('w').and_then(|it| it.parse().ok()).unwrap_or(80).max(1);
    let text = match texts(&sys, "fold", &parsed.operands).await {
        Ok(texts) => texts.concat(),
        Err(status) => return status,
    };
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let (body, end) = match line.strip_suffix('\n') {
            Some(body) => (body, "\n"),
            None => (line, ""),
        };
        let mut chars: Vec<char> = body.chars().collect();
        while chars.len() > width {
            let blank = chars[..width].iter().rposition(|c| *c == ' ').filter(|_| parsed.has('s'));
            let cut = blank.map_or(width, |at| at + 1);
            out.extend(chars.drain(..cut));
            out.push('\n');
        }
        out.extend(chars);
        out.push_str(end);
    }
    sys.print(&out).await;
    0
}

async fn yes(sys: Sys) -> i32 {
    let args = sys.args();
    let line = if args.len() > 1 { args[1..].join(" ") } else { "y".to_owned() };
    let many = format!("{line}\n").repeat(512);
    while sys.write(Fd::STDOUT, many.as_bytes()).await.is_ok() {}
    1
}

async fn printenv(sys: Sys) -> i32 {
    let args = sys.args();
    let names: Vec<&String> = args[1..].iter().filter(|arg| !arg.starts_with('-')).collect();
    let mut text = String::new();
    let mut status = 0;
    if names.is_empty() {
        text = sys.envs().iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    }
    for name in names {
        match sys.env(name) {
            Some(value) => text.push_str(&format!("{value}\n")),
            None => status = 1,
        }
    }
    sys.print(&text).await;
    status
}

async fn nice(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "+n:", long: &[("adjustment", 'n')], mistake: 125 };
    let parsed = match OPTIONS.read(&sys, &NICE).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        sys.print("0\n").await;
        return 0;
    }
    match launch::start(&sys, &parsed.operands, sys.envs()) {
        Ok(pid) => sys.wait(pid).await.code(),
        Err(reason) => {
            sys.eprint(&format!("nice: '{}': {}\n", parsed.operands[0], reason.text())).await;
            127
        }
    }
}

async fn logger(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "t:p:sif:", long: &[("tag", 't'), ("priority", 'p')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &LOGGER).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let user = sys.user();
    let tag = parsed.value('t').unwrap_or(&user).to_owned();
    let text = if parsed.operands.is_empty() {
        let bytes = sys.read_to_end(Fd::STDIN).await.unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        parsed.operands.join(" ")
    };
    for line in text.lines() {
        journal::say(&sys, &tag, line).await;
        if parsed.has('s') {
            sys.eprint(&format!("<13>{tag}: {line}\n")).await;
        }
    }
    0
}

/// `wget`: the transfer is `curl`'s, the words are its own.
async fn wget(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "qO:P:cNnvt:T:S",
        long: &[
            ("quiet", 'q'),
            ("output-document", 'O'),
            ("directory-prefix", 'P'),
            ("no-verbose", 'n'),
            ("show-progress", 'S'),
            ("https-only", 'S'),
            ("timestamping", 'N'),
            ("no-check-certificate", 'k'),
            ("continue", 'c'),
            ("tries", 't'),
            ("timeout", 'T'),
        ],
        mistake: 2,
    };
    let parsed = match OPTIONS.read(&sys, &WGET).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        sys.eprint("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n").await;
        return 1;
    }
    let quiet = parsed.has('q');
    let mut status = 0;
    for url in &parsed.operands {
        let full = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        let name =
            full.rsplit('/').next().filter(|it| !it.is_empty() && full.matches('/').count() > 2);
        let name = name.map_or("index.html", |it| it.split('?').next().unwrap_or(it));
        let file = match (parsed.value('O'), parsed.value('P')) {
            (Some(file), _) => file.to_owned(),
            (None, Some(folder)) => format!("{folder}/{name}"),
            (None, None) => name.to_owned(),
        };
        let got = fetch(&sys, &full, &file, parsed.has('k'), quiet).await;
        status = if got == 0 { status } else { got };
    }
    status
}

/// Downloads one URL.
async fn fetch(sys: &Sys, url: &str, file: &str, insecure: bool, quiet: bool) -> i32 {
    let stamp = |sys: &Sys| Moment::from_us(sys.wall_us() as i64).format("%Y-%m-%d %H:%M:%S");
    let say = async |text: String| {
        if !quiet {
            sys.eprint(&text).await;
        }
    };
    say(format!("--{}--  {url}\n", stamp(sys))).await;
    let begin_us = sys.mono_us();
    let mut argv = vec!["curl", "-sSL", "-o", file, "-w", "%{http_code} %{size_download}"];
    if insecure {
        argv.push("-k");
    }
    argv.push(url);
    let answer = crate::programs::capture(sys, "/usr/bin/curl", &argv).await;
    let Ok((code, out, err)) = answer else {
        sys.eprint("wget: cannot start a transfer\n").await;
        return 1;
    };
    let host = url.split("://").nth(1).unwrap_or("").split(['/', ':']).next().unwrap_or("");
    match code {
        0 => {}
        6 => {
            say(format!("Resolving {host} ({host})... failed: Name or service not known.\n")).await;
            sys.eprint(&format!("wget: unable to resolve host address ‘{host}’\n")).await;
            return 4;
        }
        7 => {
            say(format!("Connecting to {host} ({host})... failed: Connection refused.\n")).await;
            return 4;
        }
        35 | 60 => {
            sys.eprint(&format!(
                "ERROR: cannot verify {host}'s certificate: {}",
                err.trim_start_matches("curl: ")
            ))
            .await;
            return 5;
        }
        _ => {
            sys.eprint(&err.replace("curl", "wget")).await;
            return 4;
        }
    }
    let mut words = out.split_whitespace();
    let http = words.next().unwrap_or("000");
    let size: u64 = words.next().and_then(|it| it.parse().ok()).unwrap_or(0);
    if !http.starts_with('2') {
        let why = if http == "404" { "Not Found" } else { "Error" };
        say(format!("HTTP request sent, awaiting response... {http} {why}\n")).await;
        say(format!("{} ERROR {http}: {why}.\n\n", stamp(sys))).await;
        if file != "-" {
            // What curl wrote is the page that tells of the error.
            let _ = sys.remove_file(file);
        }
        return 8;
    }
    let spent_us = (sys.mono_us() - begin_us).max(1);
    let rate = size.saturating_mul(1_000_000) / spent_us;
    say(format!(
        "HTTP request sent, awaiting response... 200 OK\nLength: {size} ({}) [application/octet-stream]\nSaving to: ‘{file}’\n\n{} ({}B/s) - ‘{file}’ saved [{size}/{size}]\n\n",
        crate::programs::units::human(size),
        stamp(sys),
        crate::programs::units::human(rate)
    ))
    .await;
    0
}

/// `apt` and `apt-get`: the lists are those of the installed system; nothing else is on offer.
async fn apt(sys: Sys) -> i32 {
    let args = sys.args();
    let words: Vec<&str> =
        args[1..].iter().map(String::as_str).filter(|arg| !arg.starts_with('-')).collect();
    let Some((verb, packages)) = words.split_first() else {
        sys.print("apt 2.6.1 (amd64)\nUsage: apt [options] command\n").await;
        return 1;
    };
    let root = sys.cred().is_root();
    match *verb {
        "update" | "install" | "upgrade" | "remove" if !root => {
            let lock = if *verb == "update" {
                "/var/lib/apt/lists/lock"
            } else {
                "/var/lib/dpkg/lock-frontend"
            };
            sys.eprint(&format!("E: Could not open lock file {lock} - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock ({lock}), are you root?\n")).await;
            100
        }
        "update" => {
            sys.print("Hit:1 http://deb.debian.org/debian bookworm InRelease\nReading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\nAll packages are up to date.\n").await;
            0
        }
        "install" => {
            sys.print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n").await;
            let installed = |name: &str| {
                matches!(
                    name,
                    "ca-certificates"
                        | "coreutils"
                        | "procps"
                        | "iproute2"
                        | "tar"
                        | "gzip"
                        | "vim"
                        | "dnsutils"
                        | "bash-completion"
                ) || crate::programs::find(name).is_some()
            };
            if let Some(missing) = packages.iter().find(|name| !installed(name)) {
                sys.eprint(&format!("E: Unable to locate package {missing}\n")).await;
                return 100;
            }
            let mut text = String::new();
            for name in packages {
                text.push_str(&format!("{name} is already the newest version.\n"));
            }
            sys.print(&format!(
                "{text}0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n"
            ))
            .await;
            0
        }
        "upgrade" | "remove" | "autoremove" | "clean" => {
            sys.print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n").await;
            0
        }
        other => {
            sys.eprint(&format!("E: Invalid operation {other}\n")).await;
            100
        }
    }
}
