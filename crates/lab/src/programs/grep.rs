//! `grep`

use regex_lite::Regex;
use sim::{Errno, Sys};

use super::Program;
use super::io::{Input, Out, chomp, join};
use super::opts::{Options, Parsed};
use super::posix;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "grep",
    summary: "print the lines that fit a pattern",
    usage: concat!(
        "grep [-ivncrEFowqlLhHsx] [-e PATTERN] [-m N] [-A N] [-B N] [-C N] PATTERN [FILE...]\n",
        "  -i  whatever the case\n",
        "  -v  lines that do not fit\n",
        "  -n  with line numbers\n",
        "  -c  only count them\n",
        "  -r  in directories, too\n",
        "  -E  extended regular expressions    -F  plain texts\n",
        "  -o  only what fits    -w  whole words    -x  whole lines\n",
        "  -q  print nothing    -l  only names of files that have some    -L  that have none\n",
        "  -m  at most N lines   -A -B -C  with N lines after, before, around\n",
        "The status is 0 when a line fits, 1 when none does, 2 after an error.",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const EGREP: Program = Program {
    name: "egrep",
    summary: "grep -E",
    usage: "egrep [OPTION...] PATTERN [FILE...]\nThe same as grep -E.",
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const FGREP: Program = Program {
    name: "fgrep",
    summary: "grep -F",
    usage: "fgrep [OPTION...] PATTERN [FILE...]\nThe same as grep -F.",
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

const OPTIONS: Options = Options {
    short: "ivncrREFGowqlLhHsxae:m:A:B:C:Pz",
    long: &[
        ("ignore-case", 'i'),
        ("invert-match", 'v'),
        ("line-number", 'n'),
        ("count", 'c'),
        ("recursive", 'r'),
        ("extended-regexp", 'E'),
        ("fixed-strings", 'F'),
        ("only-matching", 'o'),
        ("word-regexp", 'w'),
        ("quiet", 'q'),
        ("silent", 'q'),
        ("files-with-matches", 'l'),
        ("files-without-match", 'L'),
        ("no-filename", 'h'),
        ("with-filename", 'H'),
        ("no-messages", 's'),
        ("line-regexp", 'x'),
        ("regexp", 'e'),
        ("max-count", 'm'),
        ("after-context", 'A'),
        ("before-context", 'B'),
        ("context", 'C'),
        ("color", 'a'),
        ("text", 'a'),
    ],
    mistake: 2,
};

struct Grep {
    sys: Sys,
    flags: Parsed,
    regex: Regex,
    out: Out,
    max: u64,
    before: usize,
    after: usize,
    names: bool,
    found: bool,
    failed: bool,
    /// Something with context was printed: the next group is set apart.
    printed_group: bool,
}

async fn run(sys: Sys) -> i32 {
    let mut flags = match OPTIONS.read(&sys, &PROGRAM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let Some(patterns) = patterns(&mut flags) else {
        let usage = "Usage: grep [OPTION]... PATTERNS [FILE]...";
        sys.eprint(&format!("{usage}\nTry 'grep --help' for more information.\n")).await;
        return 2;
    };
    let patterns: Vec<&str> = patterns.iter().flat_map(|pattern| pattern.split('\n')).collect();
    match super::io::last_name(&sys.args()[0]) {
        "egrep" => flags.flags.insert(0, ('E', String::new())),
        "fgrep" => flags.flags.insert(0, ('F', String::new())),
        _ => {}
    }
    let regex = match regex(&flags, &patterns) {
        Ok(regex) => regex,
        Err(error) => {
            sys.eprint(&format!("grep: {error}\n")).await;
            return 2;
        }
    };
    let (max, before, after) = match numbers(&flags) {
        Ok(numbers) => numbers,
        Err(text) => {
            sys.eprint(&format!("grep: {text}\n")).await;
            return 2;
        }
    };
    let recursive = flags.has('r') || flags.has('R');
    let operands = match (flags.operands.is_empty(), recursive) {
        (true, true) => vec![".".to_owned()],
        (true, false) => vec!["-".to_owned()],
        _ => flags.operands.clone(),
    };
    let names = flags.last_of("hH").map_or(operands.len() > 1 || recursive, |flag| flag == 'H');
    let out = Out::new(&sys);
    let mut grep = Grep {
        sys,
        flags,
        regex,
        out,
        max,
        before,
        after,
        names,
        found: false,
        failed: false,
        printed_group: false,
    };
    for operand in &operands {
        let shown = if *operand == "." && recursive && grep.flags.operands.is_empty() {
            ""
        } else {
            operand
        };
        grep.path(operand, shown, recursive, 0).await;
        if grep.found && grep.flags.has('q') {
            return 0;
        }
    }
    let status = if grep.failed { 2 } else { i32::from(!grep.found) };
    grep.out.finish("grep", status).await
}

/// The patterns of `-e`, or the first operand.
fn patterns(flags: &mut Parsed) -> Option<Vec<String>> {
    let given = flags.flags.iter().filter(|(flag, _)| *flag == 'e');
    let patterns: Vec<String> = given.map(|(_, value)| value.clone()).collect();
    if !patterns.is_empty() {
        return Some(patterns);
    }
    (!flags.operands.is_empty()).then(|| vec![flags.operands.remove(0)])
}

fn regex(flags: &Parsed, patterns: &[&str]) -> Result<Regex, String> {
    let mut branches = Vec::new();
    for pattern in patterns {
        let translated = match flags.last_of("EFGP") {
            Some('F') => regex_lite::escape(pattern),
            Some('E') => posix::translate(pattern, false)?,
            Some('P') => (*pattern).to_owned(),
            _ => posix::translate(pattern, true)?,
        };
        branches.push(format!("(?:{translated})"));
    }
    let mut whole = branches.join("|");
    if flags.has('x') {
        whole = format!("^(?:{whole})$");
    } else if flags.has('w') {
        whole = format!(r"\b{{start-half}}(?:{whole})\b{{end-half}}");
    }
    posix::build(&whole, flags.has('i'))
}

fn numbers(flags: &Parsed) -> Result<(u64, usize, usize), String> {
    let context = |flag: char| -> Result<Option<usize>, String> {
        let Some(text) = flags.value(flag) else { return Ok(None) };
        let wrong = || format!("{text}: invalid context length argument");
        text.parse::<usize>().map(Some).map_err(|_| wrong())
    };
    let around = context('C')?.unwrap_or(0);
    let max = match flags.value('m') {
        Some(text) => text.parse().map_err(|_| "invalid max count".to_owned())?,
        None => u64::MAX,
    };
    Ok((max, context('B')?.unwrap_or(around).min(10_000), context('A')?.unwrap_or(around)))
}

impl Grep {
    async fn complain(&mut self, name: &str, error: &str) {
        self.failed = true;
        if !self.flags.has('s') {
            self.out.flush().await;
            self.sys.eprint(&format!("grep: {name}: {error}\n")).await;
        }
    }

    async fn path(&mut self, path: &str, shown: &str, recursive: bool, depth: u32) {
        let is_directory = path != "-" && self.sys.stat(path).is_ok_and(|stat| stat.is_dir());
        if is_directory && !recursive {
            return self.complain(path, "Is a directory").await;
        }
        if is_directory {
            if depth > 64 {
                return;
            }
            match self.sys.read_dir(path) {
                Ok(names) => {
                    for name in names {
                        let below = join(path, &name);
                        let shown = if shown.is_empty() { name } else { join(shown, &name) };
                        Box::pin(self.path(&below, &shown, true, depth + 1)).await;
                    }
                }
                Err(error) => self.complain(path, &error.to_string()).await,
            }
            return;
        }
        let shown = if path == "-" { "(standard input)" } else { shown };
        if let Err(error) = self.file(path, shown).await {
            self.complain(shown, &error.to_string()).await;
        }
    }

    async fn file(&mut self, path: &str, shown: &str) -> Result<(), Errno> {
        let mut input = Input::open(&self.sys, path)?;
        let mut file = File { shown: shown.to_owned(), ..File::default() };
        let silent = self.flags.last_of("qlLc").is_some();
        while file.count < self.max {
            let Some(line) = input.line(&mut self.out).await? else { break };
            file.number += 1;
            file.binary |= line.contains(&0) && !self.flags.has('a');
            let text = String::from_utf8_lossy(chomp(&line)).into_owned();
            let fits = self.regex.is_match(&text) != self.flags.has('v');
            if fits {
                file.count += 1;
                self.found = true;
                if self.flags.has('q')
                    || (self.flags.last_of("lL").is_some())
                    || (file.binary && !silent)
                {
                    break;
                }
            }
            if !silent {
                self.line(&mut file, &text, fits);
                self.out.tick().await;
                if self.out.has_failed() {
                    return Ok(());
                }
            }
        }
        self.end(&mut input, &file).await
    }

    /// A line that fits, or one around it.
    fn line(&mut self, file: &mut File, text: &str, fits: bool) {
        let context = self.before + self.after > 0;
        if fits {
            let gap = file.last_shown + 1 < file.number - file.waiting.len() as u64;
            if context && self.printed_group && (gap || file.last_shown == 0) {
                self.out.text("--\n");
            }
            for (number, line) in std::mem::take(&mut file.waiting) {
                self.put(file, number, '-', &line);
            }
            if self.flags.has('o') && !self.flags.has('v') {
                let parts: Vec<String> =
                    self.regex.find_iter(text).map(|m| m.as_str().to_owned()).collect();
                for part in parts.iter().filter(|part| !part.is_empty()) {
                    self.put(file, file.number, ':', part);
                }
            } else {
                self.put(file, file.number, ':', text);
            }
            file.last_shown = file.number;
            file.after_left = self.after;
            self.printed_group = true;
        } else if file.after_left > 0 {
            file.after_left -= 1;
            self.put(file, file.number, '-', text);
            file.last_shown = file.number;
        } else if self.before > 0 {
            if file.waiting.len() == self.before {
                file.waiting.remove(0);
            }
            file.waiting.push((file.number, text.to_owned()));
        }
    }

    fn put(&mut self, file: &File, number: u64, sign: char, text: &str) {
        if self.names {
            self.out.text(&format!("{}{sign}", file.shown));
        }
        if self.flags.has('n') {
            self.out.text(&format!("{number}{sign}"));
        }
        self.out.text(text);
        self.out.text("\n");
    }

    /// What is said of a file as a whole.
    async fn end(&mut self, input: &mut Input, file: &File) -> Result<(), Errno> {
        // Lines after the last one that counts still belong to it.
        let mut number = file.number;
        for _ in 0..file.after_left {
            let Some(line) = input.line(&mut self.out).await? else { break };
            number += 1;
            let text = String::from_utf8_lossy(chomp(&line)).into_owned();
            self.put(file, number, '-', &text);
        }
        let name = &file.shown;
        match self.flags.last_of("qlLc") {
            Some('l') if file.count > 0 => self.out.text(&format!("{name}\n")),
            Some('L') if file.count == 0 => self.out.text(&format!("{name}\n")),
            Some('c') if self.names => self.out.text(&format!("{name}:{}\n", file.count)),
            Some('c') => self.out.text(&format!("{}\n", file.count)),
            None if file.binary && file.count > 0 => {
                self.out.flush().await;
                self.sys.print(&format!("grep: {name}: binary file matches\n")).await;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Where the search of one file stands.
#[derive(Default)]
struct File {
    shown: String,
    number: u64,
    count: u64,
    binary: bool,
    /// Lines before a possible hit.
    waiting: Vec<(u64, String)>,
    after_left: usize,
    last_shown: u64,
}
