//! Commands at set times: the daemon `cron` and its tables, `crontab`.

use sim::{Errno, Fd, Group, OpenFlags, SpawnSpec, Sys};

use super::accounts::Accounts;
use crate::programs::calendar::Moment;
use crate::programs::{Opened, Program};
use crate::systemd::journal;

/// The entry of the table of programs.
pub(super) const CRON: Program = Program {
    name: "cron",
    summary: "run commands at set times",
    usage: "cron [-f]",
    run: |sys| Box::pin(cron(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const CRONTAB: Program = Program {
    name: "crontab",
    summary: "show or set your table of commands at set times",
    usage: "crontab [-u USER] FILE|-\ncrontab [-u USER] -l|-r",
    run: |sys| Box::pin(crontab(sys)),
    complete: None,
};

const TABLES: &str = "/var/spool/cron/crontabs";
const MINUTE_US: u64 = 60_000_000;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Minute, hour, day of the month, month, day of the week: a bit for each that fits.
    fields: [u64; 5],
    /// Whether both fields for days were given: then one that fits is enough.
    either_day: bool,
    /// At the start of the host, and at no other time.
    reboot: bool,
    user: String,
    command: String,
}

/// A line of a table: none for one without a command; the error names the bad field.
fn entry(line: &str, system: bool, owner: &str) -> Result<Option<Entry>, &'static str> {
    let line = line.trim();
    let assigns = line.split_once('=').is_some_and(|(name, _)| crate::shell::is_name(name.trim()));
    if line.is_empty() || line.starts_with('#') || assigns {
        return Ok(None);
    }
    let (times, mut rest) = match line.strip_prefix('@') {
        Some(_) => {
            let (name, rest) = line.split_once(char::is_whitespace).ok_or("bad command")?;
            let times = match name {
                "@reboot" => "@",
                "@yearly" | "@annually" => "0 0 1 1 *",
                "@monthly" => "0 0 1 * *",
                "@weekly" => "0 0 * * 0",
                "@daily" | "@midnight" => "0 0 * * *",
                "@hourly" => "0 * * * *",
                _ => return Err("bad time specifier"),
            };
            (times.to_owned(), rest)
        }
        None => {
            let mut rest = line;
            let mut times = Vec::new();
            for _ in 0..5 {
                let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                times.push(word);
                rest = after.trim_start();
            }
            (times.join(" "), rest)
        }
    };
    let reboot = times == "@";
    let mut fields = [0; 5];
    let limits = [
        (0, 59, "bad minute"),
        (0, 23, "bad hour"),
        (1, 31, "bad day-of-month"),
        (1, 12, "bad month"),
        (0, 7, "bad day-of-week"),
    ];
    if !reboot {
        let words: Vec<&str> = times.split(' ').collect();
        for (at, (low, high, mistake)) in limits.into_iter().enumerate() {
            let names: &[&str] = match at {
                3 => &MONTHS,
                4 => &DAYS,
                _ => &[],
            };
            fields[at] =
                field(words.get(at).copied().unwrap_or(""), (low, high), names).ok_or(mistake)?;
        }
        // Sunday is 0 and 7.
        fields[4] |= fields[4] >> 7 & 1;
    }
    let mut user = owner.to_owned();
    if system {
        let (name, after) =
            rest.trim_start().split_once(char::is_whitespace).ok_or("bad username")?;
        user = name.to_owned();
        rest = after;
    }
    if rest.trim().is_empty() {
        return Err("bad command");
    }
    let stars: Vec<bool> = times.split(' ').map(|word| word.starts_with('*')).collect();
    let either_day = !reboot && !stars[2] && !stars[4];
    Ok(Some(Entry { fields, either_day, reboot, user, command: rest.trim().to_owned() }))
}

/// `*/15`, `1-5`, `0,30`, `mon`.
fn field(text: &str, (low, high): (u64, u64), names: &[&str]) -> Option<u64> {
    let mut bits = 0;
    let number = |text: &str| {
        let place = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = place.map(|place| place as u64 + low);
        named.or_else(|| text.parse().ok()).filter(|n| (low..=high).contains(n))
    };
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u64>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            None if part.contains('/') => (number(range)?, high),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return None;
        }
        let mut at = from;
        while at <= to {
            bits |= 1 << at;
            at += step;
        }
    }
    Some(bits)
}

fn due(entry: &Entry, time: &Moment) -> bool {
    let has = |at: usize, value: u32| entry.fields[at] >> value & 1 == 1;
    let (day, weekday) = (has(2, time.day), has(4, time.weekday));
    let days = if entry.either_day { day || weekday } else { day && weekday };
    !entry.reboot && has(0, time.minute) && has(1, time.hour) && has(3, time.month) && days
}

fn entries(sys: &Sys) -> Vec<Entry> {
    let mut all = Vec::new();
    let mut read = |path: &str, system: bool, owner: &str| {
        let bytes = sys.read_file(path).unwrap_or_default();
        for line in String::from_utf8_lossy(&bytes).lines() {
            // A line with a mistake is left out; `crontab` does not let one in.
            if let Ok(Some(entry)) = entry(line, system, owner) {
                all.push(entry);
            }
        }
    };
    read("/etc/crontab", true, "root");
    for name in sys.read_dir("/etc/cron.d").unwrap_or_default() {
        read(&format!("/etc/cron.d/{name}"), true, "root");
    }
    for name in sys.read_dir(TABLES).unwrap_or_default() {
        read(&format!("{TABLES}/{name}"), false, &name);
    }
    all
}

#[expect(clippy::infinite_loop, reason = "it serves until its host goes off")]
async fn cron(sys: Sys) -> i32 {
    for entry in entries(&sys).iter().filter(|entry| entry.reboot) {
        run(&sys, entry).await;
    }
    loop {
        let now_us = sys.wall_us();
        sys.sleep_us(MINUTE_US - now_us % MINUTE_US).await;
        let time = Moment::from_us(sys.wall_us() as i64);
        for entry in entries(&sys).iter().filter(|entry| due(entry, &time)) {
            run(&sys, entry).await;
        }
        while sys.children().into_iter().any(|child| sys.try_wait(child).is_some()) {}
    }
}

async fn run(sys: &Sys, entry: &Entry) {
    let accounts = Accounts::read(sys);
    let Some(user) = accounts.user(&entry.user) else { return };
    journal::say(sys, "CRON", &format!("({}) CMD ({})", user.name, entry.command)).await;
    let Ok(null) = sys.open("/dev/null", OpenFlags { read: true, ..OpenFlags::WRITE }) else {
        return;
    };
    let null = Opened::new(sys, null);
    // `%` is the end of a line to cron, unless it is escaped.
    let command = entry.command.replace("\\%", "%");
    let mut spec = SpawnSpec::new("/bin/sh", &["/bin/sh", "-c", &command]);
    spec.env = [
        ("HOME", user.home.as_str()),
        ("LOGNAME", user.name.as_str()),
        ("PATH", "/usr/bin:/bin"),
        ("SHELL", "/bin/sh"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    spec.cwd = if sys.stat(&user.home).is_ok() { user.home.clone() } else { "/".to_owned() };
    spec.fds = [Fd::STDIN, Fd::STDOUT, Fd::STDERR].map(|fd| (fd, null.fd())).to_vec();
    spec.group = Group::Own;
    spec.user = Some(accounts.cred(user));
    if sys.spawn(spec).is_err() {
        journal::say(sys, "CRON", &format!("({}) could not be run", user.name)).await;
    }
}

async fn crontab(sys: Sys) -> i32 {
    let args = sys.args();
    let accounts = Accounts::read(&sys);
    let mut user = accounts.user_name(sys.real_uid());
    let (mut action, mut file) = (None, None);
    let mut rest = args[1..].iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-u" => {
                let name = rest.next().cloned().unwrap_or_default();
                if sys.real_uid() != 0 && name != user {
                    sys.eprint("must be privileged to use -u\n").await;
                    return 1;
                }
                if accounts.user(&name).is_none() {
                    sys.eprint(&format!("crontab:  user `{name}' unknown\n")).await;
                    return 1;
                }
                user = name;
            }
            "-l" | "-r" | "-e" | "-i" => action = Some(arg.clone()),
            other => file = Some(other.to_owned()),
        }
    }
    let path = format!("{TABLES}/{user}");
    match action.as_deref() {
        Some("-l") => match sys.read_file(&path) {
            Ok(bytes) => {
                let _ = sys.write(Fd::STDOUT, &bytes).await;
                0
            }
            Err(_) => {
                sys.eprint(&format!("no crontab for {user}\n")).await;
                1
            }
        },
        Some("-r") => match sys.remove_file(&path) {
            Ok(()) => 0,
            Err(_) => {
                sys.eprint(&format!("no crontab for {user}\n")).await;
                1
            }
        },
        Some("-e") => edit(&sys, &accounts, &path, &user).await,
        _ => install(&sys, file.as_deref().unwrap_or("-"), &path, &user).await,
    }
}

/// What a table begins with that somebody edits for the first time.
const FIRST_TABLE: &str = "\
# Edit this file to introduce tasks to be run by cron.
#
# Each task to run has to be defined through a single line: when it runs, and what.
# The time is minute (m), hour (h), day of month (dom), month (mon), day of week (dow),
# or '*' in these fields (for 'any').
#
# m h  dom mon dow   command
";

/// `crontab -e`: the user's editor, run as the user, on a copy of the table.
async fn edit(sys: &Sys, accounts: &Accounts, path: &str, user: &str) -> i32 {
    let before = sys.read_file(path);
    if before.is_err() {
        sys.eprint(&format!("no crontab for {user} - using an empty one\n")).await;
    }
    let text = before.unwrap_or_else(|_| FIRST_TABLE.into());
    let folder = format!("/tmp/crontab.{}", sys.pid());
    let copy = format!("{folder}/crontab");
    let editor = accounts.users.iter().find(|it| it.uid == sys.real_uid());
    let cred = editor.map(|user| accounts.cred(user));
    let made = sys.mkdir(&folder, 0o700).and_then(|()| sys.write_file(&copy, &text));
    let owned = |path: &str| match &cred {
        Some(cred) => sys.chown(path, Some(cred.uid), Some(cred.gid), true),
        None => Ok(()),
    };
    if made.and_then(|()| owned(&copy)).and_then(|()| owned(&folder)).is_err() {
        sys.eprint("crontab: cannot make a copy in /tmp\n").await;
        return 1;
    }
    let status = super::editor::change(sys, &["VISUAL", "EDITOR"], "vi", &copy, cred).await;
    let after = sys.read_file(&copy).unwrap_or_default();
    let _ = sys.remove_file(&copy).and_then(|()| sys.remove_dir(&folder));
    if status != 0 {
        sys.eprint(&format!("crontab: \"/usr/bin/sensible-editor\" exited with status {status}\n"))
            .await;
        return 1;
    }
    if after == text {
        sys.eprint("No modification made\n").await;
        return 0;
    }
    sys.eprint("crontab: installing new crontab\n").await;
    put_in(sys, &after, &copy, path, user).await
}

async fn install(sys: &Sys, file: &str, path: &str, user: &str) -> i32 {
    let bytes = if file == "-" {
        sys.read_to_end(Fd::STDIN).await
    } else {
        // As the one who asks, not as root.
        sys.read_file(file)
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            sys.eprint(&format!("{file}: {error}\n")).await;
            return 1;
        }
    };
    put_in(sys, &bytes, file, path, user).await
}

/// Makes these bytes a user's table, if they are one.
async fn put_in(sys: &Sys, bytes: &[u8], file: &str, path: &str, user: &str) -> i32 {
    let text = String::from_utf8_lossy(bytes).into_owned();
    for (number, line) in text.lines().enumerate() {
        if let Err(mistake) = entry(line, false, user) {
            let text =
                format!("\"{file}\":{number}: {mistake}\nerrors in crontab file, can't install.\n");
            sys.eprint(&text).await;
            return 1;
        }
    }
    let done = sys.write_file(path, text.as_bytes()).and_then(|()| sys.chmod(path, 0o600));
    match done {
        Ok(()) => 0,
        Err(error @ Errno::Eacces) => {
            sys.eprint(&format!("crontab: {path}: {error}\n")).await;
            1
        }
        Err(error) => {
            sys.eprint(&format!("crontab: {error}\n")).await;
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let at = |text: &str| {
            let us = crate::programs::calendar::parse(text, 0).unwrap();
            Moment::from_us(us)
        };
        for (line, time, want) in [
            ("*/15 * * * * x", "2026-11-22 09:30", true),
            ("*/15 * * * * x", "2026-11-22 09:31", false),
            ("0 2 * * * x", "2026-11-22 02:00", true),
            ("0 0 1 * mon x", "2026-11-23 00:00", true),
            ("0 0 1 * mon x", "2026-11-24 00:00", false),
            ("0 0 * * 7 x", "2026-11-22 00:00", true),
            ("5-10,20 9 * nov * x", "2026-11-22 09:20", true),
            ("@hourly x", "2026-11-22 09:00", true),
        ] {
            let entry = entry(line, false, "root").unwrap().unwrap();
            assert_eq!(due(&entry, &at(time)), want, "{line} {time}");
        }
        assert_eq!(entry("61 * * * * x", false, "root"), Err("bad minute"));
        assert_eq!(entry("* * * * *", false, "root"), Err("bad command"));
        assert_eq!(entry("# x", false, "root"), Ok(None));
        let system = entry("0 1 * * * root a b", true, "").unwrap().unwrap();
        assert_eq!((system.user.as_str(), system.command.as_str()), ("root", "a b"));
    }
}
