//! `journalctl`: reading what was written down.

use sim::{Errno, Sys};

use super::journal::{self, Entry};
use super::load::full_name;
use crate::programs::Program;
use crate::programs::calendar;
use crate::programs::posix;

/// The entry of the table of programs.
pub(crate) const PROGRAM: Program = Program {
    name: "journalctl",
    summary: "read the journal",
    usage: concat!(
        "journalctl [-u UNIT] [-f] [-n LINES] [-r] [-e] [-x] [-b] [-k] [-p PRIORITY] [-g TEXT]\n",
        "           [-o short|short-iso|cat|json] [-t NAME] [--since TIME] [--until TIME]\n",
        "           [--no-pager] [--no-hostname] [--list-boots]",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// How often a reader that follows looks for more.
const FOLLOW_US: u64 = 200_000;

#[derive(Debug, Default)]
struct Call {
    units: Vec<String>,
    follow: bool,
    lines: Option<usize>,
    reverse: bool,
    end: bool,
    boot: Option<String>,
    priority: Option<u8>,
    grep: Option<String>,
    output: String,
    idents: Vec<String>,
    since_us: Option<u64>,
    until_us: Option<u64>,
    quiet: bool,
    kernel: bool,
    list_boots: bool,
    no_hostname: bool,
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    if args.iter().any(|arg| arg == "--disk-usage") {
        let size = sys.stat(super::JOURNAL).map_or(0, |stat| stat.size);
        let shown = crate::programs::units::human(size.max(8 << 20));
        let text = format!("Archived and active journals take up {shown} in the file system.\n");
        sys.print(&text).await;
        return 0;
    }
    let call = match parse(&sys, &args[1..]) {
        Ok(call) => call,
        Err(mistake) => {
            sys.eprint(&format!("{mistake}\n")).await;
            return 1;
        }
    };
    let Some(entries) = journal::read(&sys) else {
        sys.eprint(
            "Hint: You are currently not seeing messages from other users and the system.\n      \
             Users in groups 'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn \
             off this notice.\nNo journal files were opened due to insufficient permissions.\n",
        )
        .await;
        return 1;
    };
    let boots = journal::boots(&entries);
    if call.list_boots {
        return list_boots(&sys, &entries, &boots).await;
    }
    let mut shown: Vec<&Entry> =
        entries.iter().filter(|entry| fits(&call, &boots, entry)).collect();
    let limit =
        call.lines.or((call.follow || call.end).then_some(if call.end { 1000 } else { 10 }));
    if let Some(limit) = limit {
        shown.drain(..shown.len().saturating_sub(limit));
    }
    if call.reverse {
        shown.reverse();
    }
    if shown.is_empty() && !call.follow && !call.quiet {
        sys.print("-- No entries --\n").await;
    }
    let mut boot = None;
    for entry in &shown {
        let before = boot.replace(entry.boot.clone());
        if before.is_some_and(|before| before != entry.boot)
            && call.output != "cat"
            && call.output != "json"
        {
            sys.print(&format!("-- Boot {} --\n", entry.boot)).await;
        }
        sys.print(&line(&call, entry)).await;
    }
    if call.follow { follow(&sys, &call, entries.len()).await } else { 0 }
}

#[expect(clippy::infinite_loop, reason = "it reads until somebody ends it")]
async fn follow(sys: &Sys, call: &Call, mut seen: usize) -> i32 {
    loop {
        sys.sleep_us(FOLLOW_US).await;
        let entries = journal::read(sys).unwrap_or_default();
        let boots = journal::boots(&entries);
        // A new file was begun: what is in it is new.
        seen = if seen > entries.len() { 0 } else { seen };
        for entry in entries[seen..].iter().filter(|entry| fits(call, &boots, entry)) {
            sys.print(&line(call, entry)).await;
        }
        seen = entries.len();
    }
}

fn line(call: &Call, entry: &Entry) -> String {
    match call.output.as_str() {
        "cat" => format!("{}\n", entry.message),
        "json" => format!("{}\n", entry.to_json()),
        "json-pretty" => {
            let text = serde_json::to_string_pretty(&entry.to_json());
            format!("{}\n", text.unwrap_or_default())
        }
        other => {
            let mut text = entry.short(other.contains("iso"));
            if call.no_hostname {
                text = text.replacen(&format!(" {} ", entry.host), " ", 1);
            }
            text + "\n"
        }
    }
}

fn fits(call: &Call, boots: &[String], entry: &Entry) -> bool {
    let boot = call.boot.as_ref().is_none_or(|wanted| match wanted.parse::<i64>() {
        Ok(offset) if offset <= 0 => {
            let back = usize::try_from(-offset).unwrap_or(0);
            boots.iter().rev().nth(back) == Some(&entry.boot)
        }
        Ok(number) => {
            let place = usize::try_from(number - 1).unwrap_or(0);
            boots.get(place) == Some(&entry.boot)
        }
        Err(_) => entry.boot.starts_with(wanted.as_str()),
    });
    let found = call.grep.as_ref().is_none_or(|text| {
        let lower = !text.contains(|c: char| c.is_ascii_uppercase());
        posix::extended(text, lower).is_ok_and(|regex| regex.is_match(&entry.message))
    });
    boot && found
        && !call.kernel
        && (call.units.is_empty() || call.units.contains(&entry.unit))
        && (call.idents.is_empty() || call.idents.contains(&entry.ident))
        && call.priority.is_none_or(|most| entry.priority <= most)
        && call.since_us.is_none_or(|from| entry.at_us >= from)
        && call.until_us.is_none_or(|to| entry.at_us <= to)
}

async fn list_boots(sys: &Sys, entries: &[Entry], boots: &[String]) -> i32 {
    sys.print("IDX BOOT ID                          FIRST ENTRY                 LAST ENTRY\n")
        .await;
    for (at, boot) in boots.iter().enumerate() {
        let of = || entries.iter().filter(|entry| entry.boot == *boot);
        let time = |entry: Option<&Entry>| {
            let at_us = entry.map_or(0, |entry| entry.at_us as i64);
            calendar::Moment::from_us(at_us).format("%a %Y-%m-%d %H:%M:%S UTC")
        };
        let offset = at as i64 + 1 - boots.len() as i64;
        let line = format!("{offset:>3} {boot} {} {}\n", time(of().next()), time(of().next_back()));
        sys.print(&line).await;
    }
    0
}

fn parse(sys: &Sys, args: &[String]) -> Result<Call, String> {
    let mut call = Call { output: "short".into(), ..Call::default() };
    let mut rest: std::collections::VecDeque<String> = args.iter().cloned().collect();
    while let Some(arg) = rest.pop_front() {
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            long_option(sys, &mut call, name, value, &mut rest)?;
        } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            letters_option(sys, &mut call, letters, &mut rest)?;
        } else if let Some((name, value)) = arg.split_once('=') {
            match name {
                "_SYSTEMD_UNIT" | "UNIT" => call.units.push(value.to_owned()),
                "SYSLOG_IDENTIFIER" | "_COMM" => call.idents.push(value.to_owned()),
                _ => {}
            }
        } else {
            return Err(format!("Failed to add match '{arg}': {}", Errno::Einval));
        }
    }
    Ok(call)
}

type Rest = std::collections::VecDeque<String>;

fn letters_option(
    sys: &Sys,
    call: &mut Call,
    letters: &str,
    rest: &mut Rest,
) -> Result<(), String> {
    for (at, letter) in letters.char_indices() {
        let tail = &letters[at + letter.len_utf8()..];
        let name = match letter {
            'u' => "unit",
            'n' => "lines",
            'o' => "output",
            'p' => "priority",
            't' => "identifier",
            'g' => "grep",
            'S' => "since",
            'U' => "until",
            'f' | 'r' | 'e' | 'x' | 'q' | 'a' | 'l' | 'k' | 'm' => {
                let name = match letter {
                    'f' => "follow",
                    'r' => "reverse",
                    'e' => "pager-end",
                    'q' => "quiet",
                    'k' => "dmesg",
                    _ => "catalog",
                };
                long_option(sys, call, name, None, rest)?;
                continue;
            }
            'b' => {
                let own = tail.parse::<i64>().is_ok();
                let next = rest.front().is_some_and(|next| next.parse::<i64>().is_ok());
                let value = match (own, next && tail.is_empty()) {
                    (true, _) => Some(tail.to_owned()),
                    (_, true) => rest.pop_front(),
                    _ => None,
                };
                long_option(sys, call, "boot", value, rest)?;
                if own {
                    return Ok(());
                }
                continue;
            }
            other => return Err(format!("journalctl: invalid option -- '{other}'")),
        };
        let value = (!tail.is_empty()).then(|| tail.trim_start_matches('=').to_owned());
        return long_option(sys, call, name, value, rest);
    }
    Ok(())
}

fn long_option(
    sys: &Sys,
    call: &mut Call,
    name: &str,
    value: Option<String>,
    rest: &mut Rest,
) -> Result<(), String> {
    let takes = ["unit", "output", "priority", "identifier", "grep", "since", "until"];
    let value = match value {
        None if takes.contains(&name) => Some(
            rest.pop_front()
                .ok_or_else(|| format!("journalctl: option '--{name}' requires an argument"))?,
        ),
        // The number of lines may be left out.
        None if name == "lines" => {
            let next =
                rest.front().is_some_and(|next| next.parse::<usize>().is_ok() || next == "all");
            Some(if next { rest.pop_front().unwrap_or_default() } else { "10".into() })
        }
        other => other,
    };
    let text = value.unwrap_or_default();
    match name {
        "unit" => call.units.push(full_name(&text)),
        "lines" => call.lines = text.parse().ok().or((text != "all").then_some(10)),
        "output" => call.output = text,
        "priority" => call.priority = Some(priority(&text)?),
        "identifier" => call.idents.push(text),
        "grep" => call.grep = Some(text),
        "since" => call.since_us = Some(time(sys, &text)?),
        "until" => call.until_us = Some(time(sys, &text)?),
        "follow" => call.follow = true,
        "reverse" => call.reverse = true,
        "pager-end" => call.end = true,
        "quiet" => call.quiet = true,
        "dmesg" => call.kernel = true,
        "list-boots" => call.list_boots = true,
        "no-hostname" => call.no_hostname = true,
        "boot" => call.boot = Some(if text.is_empty() { "0".into() } else { text }),
        "catalog" | "no-pager" | "all" | "full" | "no-full" | "utc" | "system" | "no-tail"
        | "merge" => {}
        other => return Err(format!("journalctl: unrecognized option '--{other}'")),
    }
    Ok(())
}

fn priority(text: &str) -> Result<u8, String> {
    const NAMES: [&str; 8] =
        ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    let last = text.rsplit("..").next().unwrap_or(text);
    let place = NAMES.iter().position(|name| *name == last);
    let number = last.parse::<u8>().ok().filter(|number| *number < 8);
    number
        .or(place.and_then(|place| u8::try_from(place).ok()))
        .ok_or_else(|| format!("Unknown log level {text}"))
}

fn time(sys: &Sys, text: &str) -> Result<u64, String> {
    let now_us = sys.wall_us() as i64;
    let day_us = 86_400_000_000;
    let parsed = match text {
        "now" => Some(now_us),
        "today" => Some(now_us - now_us % day_us),
        "yesterday" => Some(now_us - now_us % day_us - day_us),
        // `-5m` and `-1h`.
        ago if ago.starts_with('-') => {
            super::unit::span_us(&ago[1..]).and_then(|us| Some(now_us - i64::try_from(us).ok()?))
        }
        ago if ago.ends_with(" ago") => {
            let span = super::unit::span_us(ago.trim_end_matches(" ago"));
            span.and_then(|us| Some(now_us - i64::try_from(us).ok()?))
        }
        // A time alone is one of today.
        clock if clock.contains(':') && !clock.contains('-') => {
            let today = calendar::Moment::from_us(now_us).format("%F");
            calendar::parse(&format!("{today} {clock}"), now_us)
        }
        other => calendar::parse(other, now_us),
    };
    parsed
        .and_then(|us| u64::try_from(us).ok())
        .ok_or_else(|| format!("Failed to parse timestamp: {text}"))
}
