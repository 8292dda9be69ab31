//! Small tools for text: `tr cut tee tac basename dirname`.

use sim::{Fd, OpenFlags, Sys};

use super::io::{Input, Out, chomp, inputs, last_name, lines, whole};
use super::opts::Options;
use super::{Opened, Program};
use crate::shell::escape;
use crate::shell::pattern::in_class;

/// The entry of the table of programs.
pub(super) const TR: Program = Program {
    name: "tr",
    summary: "replace or delete characters",
    usage: concat!(
        "tr [-cds] SET1 [SET2]\n",
        "  -d  delete    -s  one for several in a row    -c  all characters but those of SET1\n",
        "Sets know a-z, \\n and [:alpha:], [:digit:], [:space:], [:upper:], [:lower:], [:punct:].",
    ),
    run: |sys| Box::pin(tr(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const CUT: Program = Program {
    name: "cut",
    summary: "print parts of lines",
    usage: concat!(
        "cut -f LIST [-d C] [-s] [FILE...]   or   cut -c LIST [FILE...]\n",
        "  LIST is like 1,3-5,7-\n",
        "  -d  fields end at C instead of a tab    -s  without lines that have none",
    ),
    run: |sys| Box::pin(cut(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const TEE: Program = Program {
    name: "tee",
    summary: "print the input and keep it in files",
    usage: "tee [-a] [FILE...]\n  -a  add to the files",
    run: |sys| Box::pin(tee(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const TAC: Program = Program {
    name: "tac",
    summary: "print lines, the last one first",
    usage: "tac [FILE...]",
    run: |sys| Box::pin(tac(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const BASENAME: Program = Program {
    name: "basename",
    summary: "print the last name of a path",
    usage: "basename PATH [SUFFIX]   or   basename -a [-s SUFFIX] PATH...",
    run: |sys| Box::pin(basename(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const DIRNAME: Program = Program {
    name: "dirname",
    summary: "print a path without its last name",
    usage: "dirname PATH...",
    run: |sys| Box::pin(dirname(sys)),
    complete: None,
};

/// No set holds more characters.
const SET_MAX: usize = 70_000;

/// A set of `tr`: its characters in order, and classes.
#[derive(Default)]
struct Set {
    chars: Vec<char>,
    classes: Vec<String>,
}

impl Set {
    fn has(&self, c: char) -> bool {
        self.chars.contains(&c) || self.classes.iter().any(|class| in_class(class, c))
    }
}

fn set(text: &str) -> Result<Set, String> {
    let mut found = Set::default();
    let expanded = String::from_utf8_lossy(&escape::ansi(text)).into_owned();
    let chars: Vec<char> = expanded.chars().collect();
    let mut i = 0;
    while i < chars.len() {
        let rest: String = chars[i..].iter().take(12).collect();
        if let Some((class, _)) = rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
            match class {
                "upper" => found.chars.extend('A'..='Z'),
                "lower" => found.chars.extend('a'..='z'),
                "digit" => found.chars.extend('0'..='9'),
                _ => found.classes.push(class.to_owned()),
            }
            i += class.len() + 4;
            continue;
        }
        let c = chars[i];
        if chars.get(i + 1) == Some(&'-') && i + 2 < chars.len() {
            let end = chars[i + 2];
            if end < c {
                return Err(format!(
                    "range-endpoints of '{c}-{end}' are in reverse collating sequence order"
                ));
            }
            if (end as usize - c as usize) + found.chars.len() > SET_MAX {
                return Err("set is too large".to_owned());
            }
            found.chars.extend(c..=end);
            i += 3;
        } else {
            found.chars.push(c);
            i += 1;
        }
    }
    Ok(found)
}

/// What `tr` does to characters.
struct Translation {
    first: Set,
    second: Option<Set>,
    complement: bool,
    deletes: bool,
    squeezes: bool,
    last: Option<char>,
}

impl Translation {
    fn change(&self, c: char) -> Option<char> {
        if self.first.has(c) == self.complement {
            return Some(c);
        }
        if self.deletes {
            return None;
        }
        let Some(to) = self.second.as_ref().filter(|to| !to.chars.is_empty()) else {
            return Some(c);
        };
        let at = self.first.chars.iter().rposition(|from| *from == c).filter(|_| !self.complement);
        at.and_then(|at| to.chars.get(at)).or(to.chars.last()).copied()
    }

    fn squeezed(&self, c: char) -> bool {
        self.squeezes
            && self.last == Some(c)
            && match &self.second {
                Some(second) => second.has(c),
                None => self.first.has(c) != self.complement,
            }
    }

    fn text(&mut self, text: &str, out: &mut Out) {
        for c in text.chars() {
            let Some(c) = self.change(c) else { continue };
            if !self.squeezed(c) {
                self.last = Some(c);
                out.text(c.encode_utf8(&mut [0; 4]));
            }
        }
    }
}

async fn tr(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "+cCdst",
        long: &[("complement", 'c'), ("delete", 'd'), ("squeeze-repeats", 's')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &TR).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let (first, second) = match parsed.operands.as_slice() {
        [] => return OPTIONS.refuse(&sys, &TR, "missing operand").await,
        [only] if !parsed.has('d') && !parsed.has('s') => {
            let mistake = format!(
                "missing operand after '{only}'\nTwo strings must be given when translating."
            );
            return OPTIONS.refuse(&sys, &TR, &mistake).await;
        }
        [first] => (set(first), None),
        [first, second] => (set(first), Some(set(second))),
        [_, _, extra, ..] => {
            return OPTIONS.refuse(&sys, &TR, &format!("extra operand '{extra}'")).await;
        }
    };
    let (first, second) = match (first, second.transpose()) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(text), _) | (_, Err(text)) => {
            sys.eprint(&format!("tr: {text}\n")).await;
            return 1;
        }
    };
    let translation = Translation {
        first,
        second,
        complement: parsed.has('c') || parsed.has('C'),
        deletes: parsed.has('d'),
        squeezes: parsed.has('s'),
        last: None,
    };
    translate(&sys, translation).await
}

async fn translate(sys: &Sys, mut translation: Translation) -> i32 {
    let mut out = Out::new(sys);
    let Ok(mut input) = Input::open(sys, "-") else { return 1 };
    let mut cut: Vec<u8> = Vec::new();
    loop {
        let Ok(piece) = input.piece(&mut out).await else { return 1 };
        let ended = piece.is_empty();
        cut.extend(piece);
        // A character may be cut between two pieces.
        let valid = match std::str::from_utf8(&cut) {
            Err(error) if error.error_len().is_none() && !ended => error.valid_up_to(),
            _ => cut.len(),
        };
        translation.text(&String::from_utf8_lossy(&cut[..valid]), &mut out);
        cut.drain(..valid);
        out.tick().await;
        if ended || out.has_failed() {
            return out.finish("tr", 0).await;
        }
    }
}

/// `1,3-5,7-` as ranges.
fn ranges(text: &str, what: &str) -> Result<Vec<(usize, usize)>, String> {
    let mut found = Vec::new();
    for part in text.split(',') {
        let number = |text: &str, default: usize| {
            if text.is_empty() {
                Ok(default)
            } else {
                text.parse::<usize>().map_err(|_| format!("invalid {what} value '{part}'"))
            }
        };
        let (from, to) = match part.split_once('-') {
            Some(("", "")) => return Err("invalid range with no endpoint: -".to_owned()),
            Some((from, to)) => (number(from, 1)?, number(to, usize::MAX)?),
            None => (number(part, 0)?, number(part, 0)?),
        };
        if from == 0 {
            let of = if what == "field" { "fields" } else { "byte/character positions" };
            return Err(format!("{of} are numbered from 1"));
        }
        if to < from {
            return Err("invalid decreasing range".to_owned());
        }
        found.push((from, to));
    }
    Ok(found)
}

async fn cut(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "b:c:f:d:sn",
        long: &[
            ("bytes", 'b'),
            ("characters", 'c'),
            ("fields", 'f'),
            ("delimiter", 'd'),
            ("only-delimited", 's'),
            ("complement", 'n'),
        ],
        mistake: 1,
    };
    let mut args = sys.args().get(1..).unwrap_or_default().to_vec();
    let joiner = args.iter().position(|arg| arg.starts_with("--output-delimiter="));
    let joiner = joiner.map(|at| args.remove(at)["--output-delimiter=".len()..].to_owned());
    let parsed = match OPTIONS.read_args(&sys, &CUT, &args).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let Some(kind) = parsed.last_of("bcf") else {
        return OPTIONS
            .refuse(&sys, &CUT, "you must specify a list of bytes, characters, or fields")
            .await;
    };
    let what = if kind == 'f' { "field" } else { "byte or character" };
    let ranges = match ranges(parsed.value(kind).unwrap_or(""), what) {
        Ok(ranges) => ranges,
        Err(mistake) => return OPTIONS.refuse(&sys, &CUT, &mistake).await,
    };
    let delimiter = parsed.value('d').unwrap_or("\t");
    if delimiter.chars().count() > 1 {
        return OPTIONS.refuse(&sys, &CUT, "the delimiter must be a single character").await;
    }
    let shape = Shape {
        ranges,
        complement: parsed.has('n'),
        delimiter: (kind == 'f').then(|| delimiter.to_owned()),
        joiner: joiner.unwrap_or_else(|| delimiter.to_owned()),
        only_delimited: parsed.has('s'),
    };
    let mut out = Out::new(&sys);
    let mut status = 0;
    for path in inputs(&parsed.operands) {
        let mut input = match Input::open(&sys, &path) {
            Ok(input) => input,
            Err(error) => {
                out.flush().await;
                sys.eprint(&format!("cut: {path}: {error}\n")).await;
                status = 1;
                continue;
            }
        };
        while let Ok(Some(line)) = input.line(&mut out).await {
            if let Some(shown) = shape.cut(&String::from_utf8_lossy(chomp(&line))) {
                out.text(&shown);
                out.text("\n");
                out.tick().await;
            }
        }
    }
    out.finish("cut", status).await
}

/// What `cut` leaves of a line.
struct Shape {
    ranges: Vec<(usize, usize)>,
    complement: bool,
    /// None: characters, not fields.
    delimiter: Option<String>,
    joiner: String,
    only_delimited: bool,
}

impl Shape {
    fn wants(&self, at: usize) -> bool {
        let listed = self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&(at + 1)));
        listed != self.complement
    }

    fn cut(&self, line: &str) -> Option<String> {
        let Some(delimiter) = &self.delimiter else {
            let kept = line.chars().enumerate().filter(|(at, _)| self.wants(*at));
            return Some(kept.map(|(_, c)| c).collect());
        };
        if !line.contains(delimiter.as_str()) {
            return (!self.only_delimited).then(|| line.to_owned());
        }
        let fields = line.split(delimiter.as_str()).enumerate();
        let kept: Vec<&str> =
            fields.filter(|(at, _)| self.wants(*at)).map(|(_, field)| field).collect();
        Some(kept.join(&self.joiner))
    }
}

async fn tee(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "ai", long: &[("append", 'a')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &TEE).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let flags = if parsed.has('a') { OpenFlags::APPEND } else { OpenFlags::WRITE };
    let mut files = Vec::new();
    let mut status = 0;
    for path in &parsed.operands {
        match sys.open(path, flags) {
            Ok(fd) => files.push((path.clone(), Opened::new(&sys, fd))),
            Err(error) => {
                sys.eprint(&format!("tee: {path}: {error}\n")).await;
                status = 1;
            }
        }
    }
    loop {
        let Ok(bytes) = sys.read(Fd::STDIN, 65_536).await else { return 1 };
        if bytes.is_empty() {
            return status;
        }
        for (path, file) in &files {
            if let Err(error) = sys.write(file.fd(), &bytes).await {
                sys.eprint(&format!("tee: {path}: {error}\n")).await;
                status = 1;
            }
        }
        if sys.write(Fd::STDOUT, &bytes).await.is_err() {
            return 1;
        }
    }
}

async fn tac(sys: Sys) -> i32 {
    let mut out = Out::new(&sys);
    let mut status = 0;
    for path in inputs(sys.args().get(1..).unwrap_or_default()) {
        match whole(&sys, &path).await {
            Ok(bytes) => {
                for line in lines(&bytes).iter().rev() {
                    out.bytes(line);
                    out.text("\n");
                }
            }
            Err(error) => {
                sys.eprint(&format!("tac: failed to open '{path}' for reading: {error}\n")).await;
                status = 1;
            }
        }
    }
    out.finish("tac", status).await
}

async fn basename(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "+as:z", long: &[("multiple", 'a'), ("suffix", 's')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &BASENAME).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let many = parsed.has('a') || parsed.has('s');
    let (paths, suffix) = match parsed.operands.as_slice() {
        [] => return OPTIONS.refuse(&sys, &BASENAME, "missing operand").await,
        paths if many => (paths, parsed.value('s').unwrap_or("")),
        [path] => (std::slice::from_ref(path), ""),
        [path, suffix] => (std::slice::from_ref(path), suffix.as_str()),
        [_, _, extra, ..] => {
            return OPTIONS.refuse(&sys, &BASENAME, &format!("extra operand '{extra}'")).await;
        }
    };
    let mut text = String::new();
    for path in paths {
        let name =
            if !path.is_empty() && path.chars().all(|c| c == '/') { "/" } else { last_name(path) };
        let cut = name.strip_suffix(suffix).filter(|cut| !cut.is_empty()).unwrap_or(name);
        text.push_str(&format!("{cut}\n"));
    }
    sys.print(&text).await;
    0
}

async fn dirname(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "z", long: &[], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &DIRNAME).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &DIRNAME, "missing operand").await;
    }
    let mut text = String::new();
    for path in &parsed.operands {
        let above = match path.trim_end_matches('/').rsplit_once('/') {
            Some((above, _)) => match above.trim_end_matches('/') {
                "" => "/",
                above => above,
            },
            None if path.starts_with('/') => "/",
            None => ".",
        };
        text.push_str(&format!("{above}\n"));
    }
    sys.print(&text).await;
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(ranges("1,3-5,7-", "field"), Ok(vec![(1, 1), (3, 5), (7, usize::MAX)]));
        assert!(ranges("0", "field").is_err());
        assert!(ranges("5-3", "field").is_err());
    }
}
