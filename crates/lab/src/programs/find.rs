//! `find`: a walk through directories with an expression.

use sim::{FileKind, Stat, Sys};

use super::Program;
use super::io::{Out, join, last_name};
use super::launch;
use crate::shell::pattern::Pattern;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "find",
    summary: "find files",
    usage: concat!(
        "find [PATH...] [EXPRESSION]\n",
        "  -name -iname -path PATTERN   -type f|d|l|c   -size [+-]N[ckMG]   -empty\n",
        "  -newer FILE   -mmin [+-]N   -maxdepth N   -mindepth N   ! -not -o -a ( )\n",
        "  -print -print0 -printf FORMAT -delete   -exec COMMAND {} \\;   -exec COMMAND {} +",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

const DEPTH_MAX: u32 = 64;

/// An expression of `find`.
enum Test {
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Always(bool),
    Name(Pattern, bool),
    Path(Pattern),
    Type(FileKind),
    Size(char, u64, u64),
    Empty,
    NewerThan(u64),
    Minutes(char, u64),
    Print(u8),
    Printf(String),
    Delete,
    Exec(Vec<String>),
    /// Collects for one run at the end.
    ExecAll(Vec<String>),
    Prune,
}

struct Parser<'a> {
    sys: &'a Sys,
    words: &'a [String],
    at: usize,
    acts: bool,
    depth_max: u32,
    depth_min: u32,
    nesting: u32,
}

type Parse<T> = Result<T, String>;

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    fn value(&mut self, name: &str) -> Parse<String> {
        self.at += 1;
        let value =
            self.words.get(self.at).cloned().ok_or(format!("missing argument to `{name}'"))?;
        self.at += 1;
        Ok(value)
    }

    fn or(&mut self) -> Parse<Test> {
        let mut left = self.and()?;
        while matches!(self.peek(), Some("-o" | "-or")) {
            self.at += 1;
            left = Test::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parse<Test> {
        let mut left = self.primary()?;
        loop {
            match self.peek() {
                Some("-a" | "-and") => self.at += 1,
                None | Some("-o" | "-or" | ")") => return Ok(left),
                Some(_) => {}
            }
            left = Test::And(Box::new(left), Box::new(self.primary()?));
        }
    }

    fn primary(&mut self) -> Parse<Test> {
        self.nesting += 1;
        if self.nesting > 500 {
            return Err("the expression is too long".to_owned());
        }
        let Some(word) = self.peek().map(str::to_owned) else {
            return Err("expected an expression".to_owned());
        };
        match word.as_str() {
            "!" | "-not" => {
                self.at += 1;
                Ok(Test::Not(Box::new(self.primary()?)))
            }
            "(" => {
                self.at += 1;
                let inner = self.or()?;
                if self.peek() != Some(")") {
                    return Err("invalid expression; I was expecting to find a ')' somewhere but did not see one.".to_owned());
                }
                self.at += 1;
                Ok(inner)
            }
            _ => self.test(&word),
        }
    }

    fn test(&mut self, word: &str) -> Parse<Test> {
        let plain = match word {
            "-true" => Some(Test::Always(true)),
            "-false" => Some(Test::Always(false)),
            "-empty" => Some(Test::Empty),
            "-print" => Some(Test::Print(b'\n')),
            "-print0" => Some(Test::Print(0)),
            "-delete" => Some(Test::Delete),
            "-prune" => Some(Test::Prune),
            _ => None,
        };
        if let Some(test) = plain {
            self.acts |= matches!(test, Test::Print(_) | Test::Delete);
            self.at += 1;
            return Ok(test);
        }
        Ok(match word {
            "-name" => Test::Name(Pattern::new(&self.value(word)?), false),
            "-iname" => Test::Name(Pattern::new(&self.value(word)?.to_lowercase()), true),
            "-path" | "-wholename" => Test::Path(Pattern::new(&self.value(word)?)),
            "-type" => {
                let letter = self.value(word)?;
                Test::Type(match letter.as_str() {
                    "f" => FileKind::File,
                    "d" => FileKind::Dir,
                    "l" => FileKind::Symlink,
                    "c" => FileKind::Device,
                    _ => return Err(format!("Unknown argument to -type: {letter}")),
                })
            }
            "-maxdepth" | "-mindepth" => self.depth(word)?,
            "-size" => self.size(word)?,
            "-mmin" => {
                let text = self.value(word)?;
                let (sign, rest) = signed(&text);
                let wrong = |_| format!("invalid argument `{text}' to `-mmin'");
                Test::Minutes(sign, rest.parse().map_err(wrong)?)
            }
            "-newer" => {
                let path = self.value(word)?;
                let stat = self.sys.stat(&path).map_err(|error| format!("'{path}': {error}"))?;
                Test::NewerThan(stat.mtime_us)
            }
            "-printf" => {
                self.acts = true;
                Test::Printf(self.value(word)?)
            }
            "-exec" => self.exec()?,
            _ if word.starts_with('-') => return Err(format!("unknown predicate `{word}'")),
            _ => return Err(format!("paths must precede expression: `{word}'")),
        })
    }

    fn depth(&mut self, name: &str) -> Parse<Test> {
        let text = self.value(name)?;
        let wrong =
            |_| format!("Expected a positive decimal integer argument to {name}, but got `{text}'");
        let depth = text.parse().map_err(wrong)?;
        match name {
            "-maxdepth" => self.depth_max = depth,
            _ => self.depth_min = depth,
        }
        Ok(Test::Always(true))
    }

    /// Sizes are compared in the unit they are given in, rounded up.
    fn size(&mut self, name: &str) -> Parse<Test> {
        let text = self.value(name)?;
        let (sign, rest) = signed(&text);
        let (digits, unit) = match rest.chars().last() {
            Some('c') => (&rest[..rest.len() - 1], 1),
            Some('b') => (&rest[..rest.len() - 1], 512),
            Some('k') => (&rest[..rest.len() - 1], 1 << 10),
            Some('M') => (&rest[..rest.len() - 1], 1 << 20),
            Some('G') => (&rest[..rest.len() - 1], 1 << 30),
            _ => (rest, 512),
        };
        let wrong = |_| format!("Invalid argument `{text}' to -size");
        Ok(Test::Size(sign, digits.parse().map_err(wrong)?, unit))
    }

    fn exec(&mut self) -> Parse<Test> {
        self.acts = true;
        self.at += 1;
        let mut argv = Vec::new();
        while let Some(word) = self.peek().map(str::to_owned) {
            self.at += 1;
            match word.as_str() {
                ";" if !argv.is_empty() => return Ok(Test::Exec(argv)),
                "+" if argv.last().is_some_and(|last: &String| last == "{}") => {
                    argv.pop();
                    return Ok(Test::ExecAll(argv));
                }
                _ => argv.push(word),
            }
        }
        Err("missing argument to `-exec'".to_owned())
    }
}

fn signed(text: &str) -> (char, &str) {
    match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.chars().next().unwrap_or('='), rest),
        None => ('=', text),
    }
}

fn compared(sign: char, found: u64, wanted: u64) -> bool {
    match sign {
        '+' => found > wanted,
        '-' => found < wanted,
        _ => found == wanted,
    }
}

struct Find {
    sys: Sys,
    out: Out,
    status: i32,
    depth_max: u32,
    depth_min: u32,
    deepest_first: bool,
    /// The path of the command line it is below of.
    start: String,
    collected: Vec<String>,
    pruned: bool,
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let args = args.get(1..).unwrap_or_default();
    if args.first().is_some_and(|arg| arg == "--help") {
        sys.print(&super::help::page(&PROGRAM)).await;
        return 0;
    }
    let is_expression = |arg: &String| arg.starts_with('-') || matches!(arg.as_str(), "!" | "(");
    let cut = args.iter().position(is_expression).unwrap_or(args.len());
    let (paths, words) = args.split_at(cut);
    let mut parser = Parser {
        sys: &sys,
        words,
        at: 0,
        acts: false,
        depth_max: DEPTH_MAX,
        depth_min: 0,
        nesting: 0,
    };
    let parsed = if words.is_empty() { Ok(Test::Always(true)) } else { parser.or() };
    let parsed = parsed.and_then(|test| match parser.peek() {
        None => Ok(test),
        Some(_) => Err("invalid expression; you have too many ')'".to_owned()),
    });
    let (acts, depth_max, depth_min) = (parser.acts, parser.depth_max, parser.depth_min);
    let mut test = match parsed {
        Ok(test) => test,
        Err(text) => {
            sys.eprint(&format!("find: {text}\n")).await;
            return 1;
        }
    };
    if !acts {
        test = Test::And(Box::new(test), Box::new(Test::Print(b'\n')));
    }
    let mut find = Find {
        out: Out::new(&sys),
        status: 0,
        depth_max: depth_max.min(DEPTH_MAX),
        depth_min,
        deepest_first: deletes(&test),
        start: String::new(),
        collected: Vec::new(),
        pruned: false,
        sys,
    };
    let here = [".".to_owned()];
    for path in if paths.is_empty() { &here[..] } else { paths } {
        find.start.clone_from(path);
        find.walk(path, &test, 0).await;
    }
    if let Some(argv) = collector(&test)
        && !find.collected.is_empty()
    {
        let argv = [argv, &find.collected].concat();
        find.exec(&argv).await;
    }
    let Find { out, status, .. } = find;
    out.finish("find", status).await
}

fn deletes(test: &Test) -> bool {
    match test {
        Test::Delete => true,
        Test::Not(inner) => deletes(inner),
        Test::And(left, right) | Test::Or(left, right) => deletes(left) || deletes(right),
        _ => false,
    }
}

fn collector(test: &Test) -> Option<&[String]> {
    match test {
        Test::ExecAll(argv) => Some(argv),
        Test::Not(inner) => collector(inner),
        Test::And(left, right) | Test::Or(left, right) => {
            collector(left).or_else(|| collector(right))
        }
        _ => None,
    }
}

impl Find {
    async fn complain(&mut self, text: &str) {
        self.out.flush().await;
        self.sys.eprint(&format!("find: {text}\n")).await;
        self.status = 1;
    }

    async fn walk(&mut self, path: &str, test: &Test, depth: u32) {
        let stat = match self.sys.lstat(path) {
            Ok(stat) => stat,
            Err(error) => return self.complain(&format!("'{path}': {error}")).await,
        };
        self.pruned = false;
        if !self.deepest_first && depth >= self.depth_min {
            self.holds(test, path, &stat).await;
        }
        if stat.is_dir() && depth < self.depth_max && !self.pruned {
            match self.sys.read_dir(path) {
                Ok(names) => {
                    for name in names {
                        Box::pin(self.walk(&join(path, &name), test, depth + 1)).await;
                    }
                }
                Err(error) => self.complain(&format!("'{path}': {error}")).await,
            }
        }
        if self.deepest_first && depth >= self.depth_min {
            self.holds(test, path, &stat).await;
        }
        self.out.tick().await;
    }

    async fn holds(&mut self, test: &Test, path: &str, stat: &Stat) -> bool {
        match test {
            Test::Not(inner) => !Box::pin(self.holds(inner, path, stat)).await,
            Test::And(left, right) => {
                Box::pin(self.holds(left, path, stat)).await
                    && Box::pin(self.holds(right, path, stat)).await
            }
            Test::Or(left, right) => {
                Box::pin(self.holds(left, path, stat)).await
                    || Box::pin(self.holds(right, path, stat)).await
            }
            Test::Print(end) => {
                self.out.text(path);
                self.out.bytes(&[*end]);
                true
            }
            Test::Printf(format) => {
                let text = self.printed(format, path, stat);
                self.out.bytes(&text);
                true
            }
            Test::Delete => {
                if matches!(path, "." | "..") {
                    return true;
                }
                let removed = if stat.is_dir() {
                    self.sys.remove_dir(path)
                } else {
                    self.sys.remove_file(path)
                };
                if let Err(error) = removed {
                    self.complain(&format!("cannot delete '{path}': {error}")).await;
                }
                removed.is_ok()
            }
            Test::Exec(argv) => {
                let argv: Vec<String> = argv.iter().map(|word| word.replace("{}", path)).collect();
                self.exec(&argv).await
            }
            Test::ExecAll(_) => {
                self.collected.push(path.to_owned());
                true
            }
            Test::Prune => {
                self.pruned = true;
                true
            }
            test => self.fits(test, path, stat),
        }
    }

    /// `-printf`
    fn printed(&self, format: &str, path: &str, stat: &Stat) -> Vec<u8> {
        let mut text = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let below = path.strip_prefix(self.start.as_str()).unwrap_or(path);
            text.push_str(&match chars.next() {
                Some('p') => path.to_owned(),
                Some('P') => below.trim_start_matches('/').to_owned(),
                Some('f') => last_name(path).to_owned(),
                Some('h') => path.rsplit_once('/').map_or(".", |(above, _)| above).to_owned(),
                Some('s') => stat.size.to_string(),
                Some('m') => format!("{:o}", stat.mode),
                Some('M') => super::ls::mode_text(stat),
                Some('u') => super::accounts::Accounts::read(&self.sys).user_name(stat.uid),
                Some('g') => super::accounts::Accounts::read(&self.sys).group_name(stat.gid),
                Some('i') => stat.ino.to_string(),
                Some('n') => stat.nlink.to_string(),
                Some('y') => match stat.kind {
                    FileKind::File => "f",
                    FileKind::Dir => "d",
                    FileKind::Symlink => "l",
                    FileKind::Device => "c",
                }
                .to_owned(),
                Some('%') => "%".to_owned(),
                Some(other) => format!("%{other}"),
                None => "%".to_owned(),
            });
        }
        crate::shell::escape::ansi(&text)
    }

    /// Tests that only look.
    fn fits(&self, test: &Test, path: &str, stat: &Stat) -> bool {
        match test {
            Test::Always(value) => *value,
            Test::Name(pattern, true) => pattern.matches(&last_name(path).to_lowercase()),
            Test::Name(pattern, false) => pattern.matches(last_name(path)),
            Test::Path(pattern) => pattern.matches(path),
            Test::Type(kind) => stat.kind == *kind,
            Test::Size(sign, wanted, unit) => compared(*sign, stat.size.div_ceil(*unit), *wanted),
            Test::Empty if stat.is_dir() => {
                self.sys.read_dir(path).is_ok_and(|names| names.is_empty())
            }
            Test::Empty => stat.kind == FileKind::File && stat.size == 0,
            Test::NewerThan(time) => stat.mtime_us > *time,
            Test::Minutes(sign, wanted) => {
                let age_us = self.sys.wall_us().saturating_sub(stat.mtime_us);
                compared(*sign, age_us.div_ceil(60_000_000), *wanted)
            }
            _ => false,
        }
    }

    async fn exec(&mut self, argv: &[String]) -> bool {
        self.out.flush().await;
        match launch::start(&self.sys, argv, self.sys.envs()) {
            Ok(pid) => self.sys.wait(pid).await.code() == 0,
            Err(reason) => {
                self.complain(&format!("'{}': {}", argv[0], reason.text())).await;
                false
            }
        }
    }
}
