//! `ls`

use sim::{Errno, Fd, FileKind, Stat, Sys};

use super::Program;
use super::accounts::Accounts;
use super::calendar::Moment;
use super::io::{Out, join};
use super::opts::{Options, Parsed};
use super::units::human;
use crate::shell::edit::columned;
use crate::shell::escape;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "ls",
    summary: "list directories",
    usage: concat!(
        "ls [-aAlhd1trSRFi] [FILE...]\n",
        "  -a  hidden names, too\n",
        "  -A  the same without . and ..\n",
        "  -l  with mode, owner, size and time\n",
        "  -h  sizes as 1.5K\n",
        "  -d  directories themselves, not what is in them\n",
        "  -1  a name on each line\n",
        "  -t  newest first      -S  largest first      -r  the other way round\n",
        "  -R  directories in directories, too\n",
        "  -F  mark directories, links and programs\n",
        "  -i  numbers of inodes",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

const OPTIONS: Options = Options {
    short: "aAlhd1trSRFipCgonsxUwv",
    long: &[
        ("all", 'a'),
        ("almost-all", 'A'),
        ("human-readable", 'h'),
        ("directory", 'd'),
        ("reverse", 'r'),
        ("recursive", 'R'),
        ("classify", 'F'),
        ("inode", 'i'),
        ("size", 's'),
    ],
    mistake: 2,
};

/// Directories in directories are followed so far.
const DEPTH_MAX: u32 = 64;

struct Entry {
    name: String,
    path: String,
    stat: Stat,
}

struct Ls {
    sys: Sys,
    flags: Parsed,
    out: Out,
    status: i32,
    columns: Option<u16>,
    now_us: u64,
    accounts: Accounts,
}

async fn run(sys: Sys) -> i32 {
    let flags = match OPTIONS.read(&sys, &PROGRAM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let on_lines = flags.last_of("1lC").is_some_and(|flag| flag != 'C');
    let columns = (!on_lines && (sys.is_tty(Fd::STDOUT) || flags.has('C')))
        .then(|| sys.env("COLUMNS").and_then(|columns| columns.parse().ok()).unwrap_or(80));
    let (now_us, accounts) = (sys.wall_us(), Accounts::read(&sys));
    let mut ls = Ls { out: Out::new(&sys), sys, flags, status: 0, columns, now_us, accounts };
    ls.all().await;
    let Ls { out, status, .. } = ls;
    out.finish("ls", status).await
}

impl Ls {
    async fn all(&mut self) {
        let mut operands = self.flags.operands.clone();
        if operands.is_empty() {
            operands.push(".".to_owned());
        }
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        for operand in operands {
            // A link named on the command line is followed unless its own facts are wanted.
            let follows = !self.flags.has('l') && !self.flags.has('d') && !self.flags.has('F');
            let looked = match self.sys.lstat(&operand) {
                Ok(link) if link.kind == FileKind::Symlink => {
                    let target = self.sys.stat(&operand);
                    Ok(target
                        .ok()
                        .filter(|stat| {
                            follows
                                || (stat.is_dir() && !self.flags.has('l') && !self.flags.has('d'))
                        })
                        .unwrap_or(link))
                }
                other => other,
            };
            match looked {
                Ok(stat) if stat.is_dir() && !self.flags.has('d') => {
                    directories.push(Entry { name: operand.clone(), path: operand, stat });
                }
                Ok(stat) => files.push(Entry { name: operand.clone(), path: operand, stat }),
                Err(error) => self.fail(&format!("cannot access '{operand}': {error}"), 2).await,
            }
        }
        self.sort(&mut files);
        self.sort(&mut directories);
        let titles = files.len() + directories.len() > 1 || self.status != 0 || self.flags.has('R');
        let mut first = files.is_empty();
        if !files.is_empty() {
            self.list(&files);
        }
        for directory in &directories {
            if !std::mem::take(&mut first) {
                self.out.text("\n");
            }
            self.directory(&directory.path, titles, 0).await;
        }
    }

    async fn fail(&mut self, what: &str, status: i32) {
        self.out.flush().await;
        self.sys.eprint(&format!("ls: {what}\n")).await;
        self.status = self.status.max(status);
    }

    async fn directory(&mut self, path: &str, titled: bool, depth: u32) {
        let names = match self.sys.read_dir(path) {
            Ok(names) => names,
            Err(error) => {
                self.fail(&format!("cannot open directory '{path}': {error}"), 2).await;
                return;
            }
        };
        if titled {
            self.out.text(&format!("{path}:\n"));
        }
        let mut entries = Vec::new();
        let dots = if self.flags.has('a') { &[".", ".."][..] } else { &[] };
        let hidden = self.flags.has('a') || self.flags.has('A');
        for name in dots.iter().map(|name| (*name).to_owned()).chain(names) {
            if name.starts_with('.') && !hidden {
                continue;
            }
            let path = join(path, &name);
            match self.sys.lstat(&path) {
                Ok(stat) => entries.push(Entry { name, path, stat }),
                Err(error) => self.fail(&format!("cannot access '{path}': {error}"), 1).await,
            }
        }
        self.sort(&mut entries);
        if self.flags.has('l') || self.flags.has('s') {
            let blocks: u64 = entries.iter().map(|entry| blocks(&entry.stat)).sum();
            let total = if self.flags.has('h') { human(blocks * 1024) } else { blocks.to_string() };
            self.out.text(&format!("total {total}\n"));
        }
        self.list(&entries);
        self.out.tick().await;
        if !self.flags.has('R') || depth >= DEPTH_MAX {
            return;
        }
        for entry in entries.iter().filter(|entry| entry.stat.is_dir()) {
            if matches!(entry.name.as_str(), "." | "..") {
                continue;
            }
            self.out.text("\n");
            Box::pin(self.directory(&entry.path, true, depth + 1)).await;
        }
    }

    fn sort(&self, entries: &mut [Entry]) {
        // Plain byte order, as in the C locale.
        match self.flags.last_of("tSUf") {
            Some('t') => flat::sort_by(entries, |a, b| {
                b.stat.mtime_us.cmp(&a.stat.mtime_us).then_with(|| a.name.cmp(&b.name))
            }),
            Some('S') => flat::sort_by(entries, |a, b| {
                b.stat.size.cmp(&a.stat.size).then_with(|| a.name.cmp(&b.name))
            }),
            Some('U') => {}
            _ => flat::sort_by(entries, |a, b| a.name.cmp(&b.name)),
        }
        if self.flags.has('r') {
            entries.reverse();
        }
    }

    fn list(&mut self, entries: &[Entry]) {
        if self.flags.has('l') {
            self.long(entries);
            return;
        }
        let names: Vec<String> = entries.iter().map(|entry| self.shown(entry)).collect();
        match self.columns {
            Some(columns) => {
                let text = grid(&names, columns);
                self.out.text(&text);
            }
            None => {
                for name in names {
                    self.out.text(&format!("{name}\n"));
                }
            }
        }
    }

    fn shown(&self, entry: &Entry) -> String {
        let quoted = self.columns.is_some() || (self.flags.has('l') && self.sys.is_tty(Fd::STDOUT));
        let mut name = entry.name.clone();
        if quoted && name.contains(|c: char| " '\"$&*();<>|\\`!?[]{}".contains(c) || c.is_control())
        {
            name = escape::quote_single(&name);
        }
        if self.flags.has('F') || (self.flags.has('p') && entry.stat.is_dir()) {
            name.push_str(mark(&entry.stat));
        }
        let mut head = String::new();
        if self.flags.has('i') {
            head.push_str(&format!("{} ", entry.stat.ino));
        }
        if self.flags.has('s') {
            head.push_str(&format!("{} ", blocks(&entry.stat)));
        }
        head + &name
    }

    fn long(&mut self, entries: &[Entry]) {
        let size = |stat: &Stat| {
            if self.flags.has('h') { human(stat.size) } else { stat.size.to_string() }
        };
        let width = |of: &dyn Fn(&Entry) -> usize| entries.iter().map(of).max().unwrap_or(0);
        let links = width(&|entry| entry.stat.nlink.to_string().len());
        let sizes = width(&|entry| size(&entry.stat).len());
        let column = |of: &dyn Fn(&Stat) -> String| {
            let names: Vec<String> = entries.iter().map(|entry| of(&entry.stat)).collect();
            let width = names.iter().map(String::len).max().unwrap_or(0);
            names.into_iter().map(|name| format!("{name:<width$}")).collect::<Vec<String>>()
        };
        let numbers = self.flags.has('n');
        let users = column(&|stat| match numbers {
            true => stat.uid.to_string(),
            false => self.accounts.user_name(stat.uid),
        });
        let groups = column(&|stat| match numbers {
            true => stat.gid.to_string(),
            false => self.accounts.group_name(stat.gid),
        });
        let mut text = String::new();
        for (at, entry) in entries.iter().enumerate() {
            let Stat { nlink, mtime_us, .. } = entry.stat;
            let group = if self.flags.has('o') { "" } else { &groups[at] };
            let owner = if self.flags.has('g') { "" } else { &users[at] };
            let owners = match (owner, group) {
                ("", one) | (one, "") => one.to_owned(),
                (owner, group) => format!("{owner} {group}"),
            };
            let mut name = self.shown(entry);
            if let Ok(target) = self.sys.read_link(&entry.path)
                && entry.stat.kind == FileKind::Symlink
            {
                name.push_str(&format!(" -> {target}"));
            }
            text.push_str(&format!(
                "{} {nlink:>links$} {owners} {:>sizes$} {} {name}\n",
                mode_text(&entry.stat),
                size(&entry.stat),
                time_text(mtime_us, self.now_us),
            ));
        }
        self.out.text(&text);
    }
}

/// Names in columns, as narrow as they go.
fn grid(names: &[String], columns: u16) -> String {
    let total: usize = names.iter().map(|name| crate::shell::width::text_columns(name) + 2).sum();
    if total <= usize::from(columns) + 2 {
        return if names.is_empty() { String::new() } else { names.join("  ") + "\n" };
    }
    let mut text = String::new();
    for block in names.chunks(200) {
        text.push_str(&columned(block, columns).replace("\r\n", "\n"));
    }
    text
}

/// Half kibibytes the disk gives it, in kibibytes.
fn blocks(stat: &Stat) -> u64 {
    stat.allocated_bytes.div_ceil(1024)
}

fn mark(stat: &Stat) -> &'static str {
    match stat.kind {
        FileKind::Dir => "/",
        FileKind::Symlink => "@",
        FileKind::File if stat.mode & 0o111 != 0 => "*",
        FileKind::File | FileKind::Device => "",
    }
}

/// `drwxr-xr-x`
pub(crate) fn mode_text(stat: &Stat) -> String {
    let mut text = String::from(match stat.kind {
        FileKind::File => "-",
        FileKind::Dir => "d",
        FileKind::Symlink => "l",
        FileKind::Device => "c",
    });
    for shift in [6, 3, 0] {
        let bits = stat.mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        let (bit, marks) = match shift {
            6 => (0o4000, ['s', 'S']),
            3 => (0o2000, ['s', 'S']),
            _ => (0o1000, ['t', 'T']),
        };
        let special = stat.mode & bit != 0;
        text.push(match (bits & 1 != 0, special) {
            (true, false) => 'x',
            (false, false) => '-',
            (true, true) => marks[0],
            (false, true) => marks[1],
        });
    }
    text
}

/// With the hour when it is less than half a year ago, else with the year.
fn time_text(mtime_us: u64, now_us: u64) -> String {
    let moment = Moment::from_us(mtime_us as i64);
    let half_year_us = 31_556_952_000_000 / 2;
    let recent = mtime_us <= now_us && now_us - mtime_us < half_year_us;
    moment.format(if recent { "%b %e %H:%M" } else { "%b %e  %Y" })
}

/// What `ls` says of a missing file; others say the same.
pub(crate) fn cannot_access(path: &str, error: Errno) -> String {
    format!("cannot access '{path}': {error}")
}
