//! `diff`: the shortest list of changes between two files.

use sim::Sys;

use super::Program;
use super::calendar::Moment;
use super::io::{Out, join, last_name, lines, whole};
use super::opts::{Options, Parsed};

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "diff",
    summary: "show how files differ",
    usage: concat!(
        "diff [-uqsrNiwbB] [-U N] FILE1 FILE2\n",
        "  -u  with three lines around each change    -q  only whether they differ\n",
        "  -r  directories    -i  whatever the case    -w  whatever the white space\n",
        "The status is 0 when they are equal, 1 when they differ, 2 after an error.",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

const OPTIONS: Options = Options {
    short: "uU:qsrNiwbBa",
    long: &[
        ("unified", 'u'),
        ("brief", 'q'),
        ("report-identical-files", 's'),
        ("recursive", 'r'),
        ("new-file", 'N'),
        ("ignore-case", 'i'),
        ("ignore-all-space", 'w'),
        ("ignore-space-change", 'b'),
    ],
    mistake: 2,
};

/// Files that differ in more lines than this are told apart as a whole.
const CHANGES_MAX: usize = 1000;

async fn run(sys: Sys) -> i32 {
    let parsed = match OPTIONS.read(&sys, &PROGRAM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let [left, right] = match parsed.operands.as_slice() {
        [] => return OPTIONS.refuse(&sys, &PROGRAM, "missing operand after 'diff'").await,
        [only] => {
            return OPTIONS
                .refuse(&sys, &PROGRAM, &format!("missing operand after '{only}'"))
                .await;
        }
        [left, right] => [left.clone(), right.clone()],
        [_, _, extra, ..] => {
            return OPTIONS.refuse(&sys, &PROGRAM, &format!("extra operand '{extra}'")).await;
        }
    };
    let is_directory = |path: &str| sys.stat(path).is_ok_and(|stat| stat.is_dir());
    let mut diff = Diff { sys: sys.clone(), flags: parsed, out: Out::new(&sys), status: 0 };
    match (is_directory(&left), is_directory(&right)) {
        (true, true) => diff.directories(&left, &right, 0).await,
        (true, false) => diff.files(&join(&left, last_name(&right)), &right, None).await,
        (false, true) => diff.files(&left, &join(&right, last_name(&left)), None).await,
        (false, false) => diff.files(&left, &right, None).await,
    }
    let Diff { out, status, .. } = diff;
    out.finish("diff", status).await
}

struct Diff {
    sys: Sys,
    flags: Parsed,
    out: Out,
    status: i32,
}

impl Diff {
    async fn directories(&mut self, left: &str, right: &str, depth: u32) {
        let names = |path: &str| self.sys.read_dir(path).unwrap_or_default();
        let (ours, theirs) = (names(left), names(right));
        let mut all: Vec<&String> = ours.iter().chain(theirs.iter()).collect();
        flat::sort(&mut all);
        all.dedup();
        for name in all {
            let (a, b) = (join(left, name), join(right, name));
            let is_directory = |path: &str| self.sys.stat(path).is_ok_and(|stat| stat.is_dir());
            let only = match (ours.contains(name), theirs.contains(name)) {
                (true, false) => Some(left),
                (false, true) => Some(right),
                _ => None,
            };
            if let Some(place) = only.filter(|_| !self.flags.has('N')) {
                self.out.text(&format!("Only in {place}: {name}\n"));
                self.status = self.status.max(1);
            } else if is_directory(&a) && is_directory(&b) {
                if self.flags.has('r') && depth < 64 {
                    Box::pin(self.directories(&a, &b, depth + 1)).await;
                } else {
                    self.out.text(&format!("Common subdirectories: {a} and {b}\n"));
                }
            } else {
                self.files(&a, &b, Some(format!("diff {}{a} {b}\n", self.flag_text()))).await;
            }
        }
    }

    fn flag_text(&self) -> String {
        let flags = self.flags.flags.iter().map(|(flag, value)| format!("-{flag}{value} "));
        flags.collect()
    }

    async fn files(&mut self, left: &str, right: &str, title: Option<String>) {
        let mut texts = Vec::new();
        for path in [left, right] {
            match whole(&self.sys, path).await {
                Ok(bytes) => texts.push(bytes),
                Err(_) if self.flags.has('N') => texts.push(Vec::new()),
                Err(error) => {
                    self.out.flush().await;
                    self.sys.eprint(&format!("diff: {path}: {error}\n")).await;
                    self.status = 2;
                }
            }
        }
        let [a, b] = texts.as_slice() else { return };
        let binary = a.contains(&0) || b.contains(&0);
        let (left_lines, right_lines) = (lines(a), lines(b));
        let key = |line: &[u8]| self.key(line);
        let keys: [Vec<String>; 2] = [
            left_lines.iter().map(|line| key(line)).collect(),
            right_lines.iter().map(|line| key(line)).collect(),
        ];
        let last_differs =
            a.ends_with(b"\n") != b.ends_with(b"\n") && !a.is_empty() && !b.is_empty();
        let equal = if binary { a == b } else { keys[0] == keys[1] && !last_differs };
        if equal {
            if self.flags.has('s') {
                self.out.text(&format!("Files {left} and {right} are identical\n"));
            }
            return;
        }
        self.status = self.status.max(1);
        if self.flags.has('q') {
            self.out.text(&format!("Files {left} and {right} differ\n"));
            return;
        }
        if let Some(title) = title {
            self.out.text(&title);
        }
        if binary {
            self.out.text(&format!("Binary files {left} and {right} differ\n"));
            return;
        }
        let mut changes = changes(&keys[0], &keys[1]);
        if last_differs && changes.last().is_none_or(|change| change.left.1 < left_lines.len()) {
            // Only the newline at the end is missing.
            changes.push(Change {
                left: (left_lines.len() - 1, left_lines.len()),
                right: (right_lines.len() - 1, right_lines.len()),
            });
        }
        let sides = [Side::new(left, a, left_lines), Side::new(right, b, right_lines)];
        let text = if self.flags.last_of("uU").is_some() {
            let around = self.flags.value('U').and_then(|text| text.parse().ok()).unwrap_or(3);
            self.unified(&sides, &changes, around)
        } else {
            normal(&sides, &changes)
        };
        self.out.text(&text);
    }

    /// What of a line is compared.
    fn key(&self, line: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(line).into_owned();
        if self.flags.has('i') {
            text = text.to_lowercase();
        }
        if self.flags.has('w') {
            text.retain(|c| !c.is_whitespace());
        } else if self.flags.has('b') {
            text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        text
    }

    fn unified(&self, sides: &[Side<'_>; 2], changes: &[Change], around: usize) -> String {
        let mut text = String::new();
        for (mark, side) in ["---", "+++"].iter().zip(sides) {
            let changed = match self.sys.stat(side.path) {
                Ok(stat) => stat.mtime_us as i64,
                Err(_) => self.sys.wall_us() as i64,
            };
            let time = Moment::from_us(changed).format("%F %T.%N %z");
            text.push_str(&format!("{mark} {}\t{time}\n", side.path));
        }
        let mut at = 0;
        while at < changes.len() {
            let mut end = at + 1;
            while end < changes.len() && changes[end].left.0 - changes[end - 1].left.1 <= 2 * around
            {
                end += 1;
            }
            hunk(sides, &changes[at..end], around, &mut text);
            at = end;
        }
        text
    }
}

/// One of the two files.
struct Side<'a> {
    path: &'a str,
    lines: Vec<&'a [u8]>,
    unended: bool,
}

impl<'a> Side<'a> {
    fn new(path: &'a str, bytes: &[u8], lines: Vec<&'a [u8]>) -> Side<'a> {
        Side { path, unended: !bytes.ends_with(b"\n") && !bytes.is_empty(), lines }
    }

    fn line(&self, mark: &str, at: usize) -> String {
        let missing = self.unended && at + 1 == self.lines.len();
        let end = if missing { "\n\\ No newline at end of file\n" } else { "\n" };
        format!("{mark}{}{end}", String::from_utf8_lossy(self.lines[at]))
    }
}

/// Lines of the left that are replaced by lines of the right: from and to, from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    left: (usize, usize),
    right: (usize, usize),
}

/// `3` or `3,5`; for no lines the one before.
fn span((from, to): (usize, usize)) -> String {
    if to <= from + 1 { to.max(from).to_string() } else { format!("{},{to}", from + 1) }
}

fn normal(sides: &[Side<'_>; 2], changes: &[Change]) -> String {
    let mut text = String::new();
    for Change { left, right } in changes {
        let letter = match (left.0 == left.1, right.0 == right.1) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        text.push_str(&format!("{}{letter}{}\n", span(*left), span(*right)));
        for at in left.0..left.1 {
            text.push_str(&sides[0].line("< ", at));
        }
        if letter == 'c' {
            text.push_str("---\n");
        }
        for at in right.0..right.1 {
            text.push_str(&sides[1].line("> ", at));
        }
    }
    text
}

fn hunk(sides: &[Side<'_>; 2], changes: &[Change], around: usize, text: &mut String) {
    let (first, last) = (changes[0], changes[changes.len() - 1]);
    let before = first.left.0.min(around);
    let after = (sides[0].lines.len() - last.left.1).min(around);
    let left = (first.left.0 - before, last.left.1 + after);
    let right = (first.right.0 - before, last.right.1 + after);
    let range = |(from, to): (usize, usize)| match to - from {
        0 => format!("{from},0"),
        1 => (from + 1).to_string(),
        len => format!("{},{len}", from + 1),
    };
    text.push_str(&format!("@@ -{} +{} @@\n", range(left), range(right)));
    let mut at = left.0;
    for change in changes {
        for same in at..change.left.0 {
            text.push_str(&sides[0].line(" ", same));
        }
        for old in change.left.0..change.left.1 {
            text.push_str(&sides[0].line("-", old));
        }
        for new in change.right.0..change.right.1 {
            text.push_str(&sides[1].line("+", new));
        }
        at = change.left.1;
    }
    for same in at..left.1 {
        text.push_str(&sides[0].line(" ", same));
    }
}

/// Myers' algorithm: the shortest way from one list to the other.
fn changes(a: &[String], b: &[String]) -> Vec<Change> {
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a_rest, b_rest) = (&a[prefix..], &b[prefix..]);
    let suffix = a_rest.iter().rev().zip(b_rest.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a_mid, b_mid) = (&a_rest[..a_rest.len() - suffix], &b_rest[..b_rest.len() - suffix]);
    let mut found: Vec<Change> = Vec::new();
    for (x, y, deletes) in steps(a_mid, b_mid) {
        let (x, y) = (x + prefix, y + prefix);
        let (x_end, y_end) = if deletes { (x + 1, y) } else { (x, y + 1) };
        match found.last_mut() {
            Some(last) if last.left.1 == x && last.right.1 == y => {
                last.left.1 = x_end;
                last.right.1 = y_end;
            }
            _ => found.push(Change { left: (x, x_end), right: (y, y_end) }),
        }
    }
    found
}

/// The deletions (true) and insertions, each with where it happens.
fn steps(a: &[String], b: &[String]) -> Vec<(usize, usize, bool)> {
    let (n, m) = (a.len() as i64, b.len() as i64);
    let max = (n + m).min(CHANGES_MAX as i64);
    let offset = max + 1;
    let mut furthest = vec![0i64; (2 * max + 3) as usize];
    let mut trace = Vec::new();
    for d in 0..=max {
        trace.push(furthest.clone());
        for k in (-d..=d).step_by(2) {
            let index = (k + offset) as usize;
            let down = k == -d || (k != d && furthest[index - 1] < furthest[index + 1]);
            let mut x = if down { furthest[index + 1] } else { furthest[index - 1] + 1 };
            let mut y = x - k;
            while x < n && y < m && a[x as usize] == b[y as usize] {
                x += 1;
                y += 1;
            }
            furthest[index] = x;
            if x >= n && y >= m {
                return back(&trace, n, m, offset);
            }
        }
    }
    // Too different: all of one for all of the other.
    let removed = (0..a.len()).map(|x| (x, 0, true));
    removed.chain((0..b.len()).map(|y| (a.len(), y, false))).collect()
}

fn back(trace: &[Vec<i64>], mut x: i64, mut y: i64, offset: i64) -> Vec<(usize, usize, bool)> {
    let mut found = Vec::new();
    for (d, furthest) in trace.iter().enumerate().rev() {
        let d = d as i64;
        if d == 0 {
            break;
        }
        let k = x - y;
        let index = (k + offset) as usize;
        let down = k == -d || (k != d && furthest[index - 1] < furthest[index + 1]);
        let before_k = if down { k + 1 } else { k - 1 };
        let before_x = furthest[(before_k + offset) as usize];
        let before_y = before_x - before_k;
        found.push((before_x as usize, before_y as usize, !down));
        (x, y) = (before_x, before_y);
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(a: &[String], b: &[String]) -> Vec<String> {
        let mut out = Vec::new();
        let mut at = 0;
        for change in changes(a, b) {
            out.extend_from_slice(&a[at..change.left.0]);
            out.extend_from_slice(&b[change.right.0..change.right.1]);
            at = change.left.1;
        }
        out.extend_from_slice(&a[at..]);
        out
    }

    #[test]
    fn changes_lead_from_one_to_the_other() {
        let mut seed = 1u32;
        for _ in 0..300 {
            let mut list = || -> Vec<String> {
                let mut next = || {
                    seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                    seed >> 16
                };
                let len = next() % 12;
                (0..len).map(|_| (next() % 4).to_string()).collect()
            };
            let (a, b) = (list(), list());
            assert_eq!(apply(&a, &b), b, "{a:?} {b:?}");
        }
    }

    #[test]
    fn spans() {
        assert_eq!(span((0, 1)), "1");
        assert_eq!(span((0, 3)), "1,3");
        assert_eq!(span((2, 2)), "2");
    }
}
