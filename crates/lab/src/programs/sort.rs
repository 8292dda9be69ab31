//! `sort` and `uniq`

use std::cmp::Ordering;

use sim::{Errno, Sys};

use super::Program;
use super::io::{Input, Out, chomp, inputs, lines, whole};
use super::opts::{Options, Parsed};

/// The entry of the table of programs.
pub(super) const SORT: Program = Program {
    name: "sort",
    summary: "sort lines",
    usage: concat!(
        "sort [-nrufbhVsc] [-k FIELD[,FIELD]] [-t C] [-o FILE] [FILE...]\n",
        "  -n  by number    -h  by size (2K, 1M)    -V  by version\n",
        "  -r  the other way round    -u  each only once\n",
        "  -k  by these fields: 2, 2,3, 2n, 1.3,1.5    -t  fields end at C\n",
        "  -f  whatever the case    -b  without blanks in front    -c  only check",
    ),
    run: |sys| Box::pin(sort(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const UNIQ: Program = Program {
    name: "uniq",
    summary: "one line for several equal ones in a row",
    usage: concat!(
        "uniq [-cdui] [-f N] [FILE]\n",
        "  -c  with how many there were\n",
        "  -d  only those there were more of    -u  only those there was one of\n",
        "  -i  whatever the case    -f  without the first N fields",
    ),
    run: |sys| Box::pin(uniq(sys)),
    complete: None,
};

const SORT_OPTIONS: Options = Options {
    short: "nrufbhVscdMgik:t:o:z",
    long: &[
        ("numeric-sort", 'n'),
        ("reverse", 'r'),
        ("unique", 'u'),
        ("ignore-case", 'f'),
        ("ignore-leading-blanks", 'b'),
        ("human-numeric-sort", 'h'),
        ("version-sort", 'V'),
        ("stable", 's'),
        ("check", 'c'),
        ("key", 'k'),
        ("field-separator", 't'),
        ("output", 'o'),
    ],
    mistake: 2,
};

/// How two keys are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rule {
    numeric: bool,
    human: bool,
    version: bool,
    reverse: bool,
    fold: bool,
    blanks: bool,
}

impl Rule {
    fn set(&mut self, letter: char) -> bool {
        match letter {
            'n' | 'g' => self.numeric = true,
            'h' => self.human = true,
            'V' => self.version = true,
            'r' => self.reverse = true,
            'f' => self.fold = true,
            'b' => self.blanks = true,
            'd' | 'i' | 'M' => {}
            _ => return false,
        }
        true
    }
}

/// A key: its first and last field, each with a character in it, from 1; 0 means to the end.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    from: (usize, usize),
    to: (usize, usize),
    rule: Rule,
}

fn key(text: &str, base: Rule) -> Option<Key> {
    let (from, to) = match text.split_once(',') {
        Some((from, to)) => (from, Some(to)),
        None => (text, None),
    };
    let mut rule = Rule::default();
    let mut own = false;
    let mut position = |text: &str, default: usize| -> Option<(usize, usize)> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        for letter in text[digits.len()..].chars() {
            own |= rule.set(letter);
        }
        let (field, character) = match digits.split_once('.') {
            Some((field, character)) => (field, character.parse().ok()?),
            None => (digits, default),
        };
        Some((field.parse().ok().filter(|field| *field > 0)?, character))
    };
    let from = position(from, 1)?;
    let to = match to {
        Some(to) => position(to, 0)?,
        None => (0, 0),
    };
    Some(Key { from, to, rule: if own { rule } else { base } })
}

/// The ranges of the fields of a line. Without a separator a field has its blanks in front.
fn fields(line: &str, separator: Option<char>) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    if let Some(separator) = separator {
        let mut start = 0;
        for (at, _) in line.match_indices(separator) {
            ranges.push((start, at));
            start = at + separator.len_utf8();
        }
        ranges.push((start, line.len()));
        return ranges;
    }
    let mut start = 0;
    let mut in_blank = true;
    for (at, c) in line.char_indices() {
        let blank = c == ' ' || c == '\t';
        if blank && !in_blank {
            ranges.push((start, at));
            start = at;
        }
        in_blank = blank;
    }
    ranges.push((start, line.len()));
    ranges
}

fn part<'a>(line: &'a str, key: &Key, separator: Option<char>) -> &'a str {
    let ranges = fields(line, separator);
    let offset = |start: usize, end: usize, characters: usize| {
        let text = &line[start..end];
        start + text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
    };
    let start = match ranges.get(key.from.0 - 1) {
        Some((start, end)) => {
            let blanks = if key.rule.blanks {
                line[*start..*end].len() - line[*start..*end].trim_start().len()
            } else {
                0
            };
            offset(start + blanks, *end, key.from.1.saturating_sub(1))
        }
        None => return "",
    };
    let end = match (key.to.0, ranges.get(key.to.0.wrapping_sub(1))) {
        (0, _) | (_, None) => line.len(),
        (_, Some((_, end))) if key.to.1 == 0 => *end,
        (_, Some((start, end))) => offset(*start, *end, key.to.1),
    };
    line.get(start..end.max(start)).unwrap_or("")
}

/// The number at the front of a text: sign, digits, decimals.
fn number(text: &str) -> (bool, &str, &str) {
    let text = text.trim_start();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let whole_len = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let rest = &text[whole_len..];
    let decimals = rest.strip_prefix('.').unwrap_or("");
    let decimals_len = decimals.find(|c: char| !c.is_ascii_digit()).unwrap_or(decimals.len());
    (
        negative,
        text[..whole_len].trim_start_matches('0'),
        decimals[..decimals_len].trim_end_matches('0'),
    )
}

fn by_number(a: &str, b: &str) -> Ordering {
    let ((a_negative, a_whole, a_part), (b_negative, b_whole, b_part)) = (number(a), number(b));
    let sign = |negative: bool, whole: &str, part: &str| match (
        negative,
        whole.is_empty() && part.is_empty(),
    ) {
        (_, true) => 0,
        (true, _) => -1,
        (false, _) => 1,
    };
    let (a_sign, b_sign) = (sign(a_negative, a_whole, a_part), sign(b_negative, b_whole, b_part));
    if a_sign != b_sign {
        return a_sign.cmp(&b_sign);
    }
    let larger = a_whole
        .len()
        .cmp(&b_whole.len())
        .then_with(|| a_whole.cmp(b_whole))
        .then_with(|| a_part.cmp(b_part));
    if a_sign < 0 { larger.reverse() } else { larger }
}

fn human_unit(text: &str) -> u32 {
    let rest = text
        .trim_start()
        .trim_start_matches('-')
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    match rest.chars().next() {
        Some('k' | 'K') => 1,
        Some('M') => 2,
        Some('G') => 3,
        Some('T') => 4,
        Some('P') => 5,
        _ => 0,
    }
}

/// Runs of digits are compared as numbers, the rest as text.
fn by_version(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let cut = |text: &str, digits: bool| {
            text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len())
        };
        let (a_text, b_text) = (cut(a, false), cut(b, false));
        let order = a[..a_text].cmp(&b[..b_text]);
        if order != Ordering::Equal || (a.is_empty() && b.is_empty()) {
            return order;
        }
        (a, b) = (&a[a_text..], &b[b_text..]);
        let (a_digits, b_digits) = (cut(a, true), cut(b, true));
        let order = by_number(&a[..a_digits], &b[..b_digits]);
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (&a[a_digits..], &b[b_digits..]);
    }
}

fn compare(a: &str, b: &str, rule: Rule) -> Ordering {
    let (a, b) = if rule.blanks { (a.trim_start(), b.trim_start()) } else { (a, b) };
    let order = if rule.numeric {
        by_number(a, b)
    } else if rule.human {
        human_unit(a).cmp(&human_unit(b)).then_with(|| by_number(a, b))
    } else if rule.version {
        by_version(a, b)
    } else if rule.fold {
        a.to_uppercase().cmp(&b.to_uppercase())
    } else {
        a.cmp(b)
    };
    if rule.reverse { order.reverse() } else { order }
}

/// The order of lines: by the keys, then by the whole line.
struct Sorter {
    keys: Vec<Key>,
    rule: Rule,
    separator: Option<char>,
    last_resort: bool,
}

impl Sorter {
    fn by_keys(&self, a: &str, b: &str) -> Ordering {
        if self.keys.is_empty() {
            return compare(a, b, self.rule);
        }
        let separator = self.separator;
        let orders = self
            .keys
            .iter()
            .map(|key| compare(part(a, key, separator), part(b, key, separator), key.rule));
        orders.into_iter().find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
    }

    fn whole(&self, a: &str, b: &str) -> Ordering {
        let order = self.by_keys(a, b);
        if order != Ordering::Equal || !self.last_resort {
            return order;
        }
        if self.rule.reverse { b.cmp(a) } else { a.cmp(b) }
    }
}

fn sorter(parsed: &Parsed) -> Result<Sorter, String> {
    let mut rule = Rule::default();
    for (flag, _) in &parsed.flags {
        rule.set(*flag);
    }
    let separator = match parsed.value('t') {
        Some("\\0") => Some('\0'),
        Some(text) => {
            let mut chars = text.chars();
            let first = chars.next().ok_or("empty tab")?;
            if chars.next().is_some() {
                return Err(format!("multi-character tab '{text}'"));
            }
            Some(first)
        }
        None => None,
    };
    let mut keys = Vec::new();
    for (_, text) in parsed.flags.iter().filter(|(flag, _)| *flag == 'k') {
        keys.push(
            key(text, rule).ok_or(format!(
                "invalid number at field start: invalid count at start of '{text}'"
            ))?,
        );
    }
    let last_resort = !parsed.has('s') && !parsed.has('u');
    Ok(Sorter { keys, rule, separator, last_resort })
}

async fn sort(sys: Sys) -> i32 {
    let parsed = match SORT_OPTIONS.read(&sys, &SORT).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let sorter = match sorter(&parsed) {
        Ok(sorter) => sorter,
        Err(text) => {
            sys.eprint(&format!("sort: {text}\n")).await;
            return 2;
        }
    };
    let mut all: Vec<String> = Vec::new();
    for path in inputs(&parsed.operands) {
        match whole(&sys, &path).await {
            Ok(bytes) => all.extend(
                lines(&bytes).iter().map(|line| String::from_utf8_lossy(line).into_owned()),
            ),
            Err(error) => {
                let what = if error == Errno::Eisdir { "read failed" } else { "cannot read" };
                sys.eprint(&format!("sort: {what}: {path}: {error}\n")).await;
                return 2;
            }
        }
    }
    if parsed.has('c') {
        let disorder = |pair: &[String]| {
            let order = sorter.whole(&pair[0], &pair[1]);
            order == Ordering::Greater || (order == Ordering::Equal && parsed.has('u'))
        };
        let Some(at) = all.windows(2).position(disorder) else { return 0 };
        let name = inputs(&parsed.operands).remove(0);
        sys.eprint(&format!("sort: {name}:{}: disorder: {}\n", at + 2, all[at + 1])).await;
        return 1;
    }
    flat::sort_by(&mut all, |a, b| sorter.whole(a, b));
    if parsed.has('u') {
        all.dedup_by(|a, b| sorter.by_keys(a, b) == Ordering::Equal);
    }
    let mut text = all.join("\n");
    if !all.is_empty() {
        text.push('\n');
    }
    match parsed.value('o') {
        Some(path) => match sys.write_file(path, text.as_bytes()) {
            Ok(()) => 0,
            Err(error) => {
                sys.eprint(&format!("sort: open failed: {path}: {error}\n")).await;
                2
            }
        },
        None => {
            let mut out = Out::new(&sys);
            out.text(&text);
            out.finish("sort", 0).await
        }
    }
}

const UNIQ_OPTIONS: Options = Options {
    short: "cduif:s:w:",
    long: &[
        ("count", 'c'),
        ("repeated", 'd'),
        ("unique", 'u'),
        ("ignore-case", 'i'),
        ("skip-fields", 'f'),
    ],
    mistake: 1,
};

async fn uniq(sys: Sys) -> i32 {
    let parsed = match UNIQ_OPTIONS.read(&sys, &UNIQ).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let path = parsed.operands.first().map_or("-", String::as_str);
    let mut input = match Input::open(&sys, path) {
        Ok(input) => input,
        Err(error) => {
            sys.eprint(&format!("uniq: {path}: {error}\n")).await;
            return 1;
        }
    };
    let number = |flag: char| parsed.value(flag).and_then(|text| text.parse::<usize>().ok());
    let skipped = number('f').unwrap_or(0);
    let compared = |line: &str| {
        let start = fields(line, None).get(skipped).map_or(line.len(), |(start, _)| *start);
        let mut text: String = line[if skipped == 0 { 0 } else { start }..]
            .chars()
            .skip(number('s').unwrap_or(0))
            .collect();
        if let Some(width) = number('w') {
            text = text.chars().take(width).collect();
        }
        if parsed.has('i') { text.to_lowercase() } else { text }
    };
    let mut out = Out::new(&sys);
    let mut group: Option<(String, String, u64)> = None;
    loop {
        let line = match input.line(&mut out).await {
            Ok(line) => line.map(|line| String::from_utf8_lossy(chomp(&line)).into_owned()),
            Err(error) => {
                sys.eprint(&format!("uniq: error reading '{path}': {error}\n")).await;
                return 1;
            }
        };
        let key = line.as_deref().map(compared);
        match (&mut group, &line) {
            (Some((seen, _, count)), Some(_)) if key.as_ref() == Some(seen) => *count += 1,
            _ => {
                if let Some((_, text, count)) = group.take() {
                    put(&mut out, &parsed, &text, count);
                    out.tick().await;
                }
                let (Some(line), Some(key)) = (line, key) else { break };
                group = Some((key, line, 1));
            }
        }
    }
    out.finish("uniq", 0).await
}

fn put(out: &mut Out, parsed: &Parsed, text: &str, count: u64) {
    if (parsed.has('d') && count < 2) || (parsed.has('u') && count > 1) {
        return;
    }
    if parsed.has('c') {
        out.text(&format!("{count:>7} "));
    }
    out.text(text);
    out.text("\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read() {
        let base = Rule::default();
        assert_eq!(key("2", base).map(|key| (key.from, key.to)), Some(((2, 1), (0, 0))));
        assert_eq!(key("2,3", base).map(|key| (key.from, key.to)), Some(((2, 1), (3, 0))));
        assert_eq!(
            key("1.3,1.5n", base).map(|key| (key.from, key.to, key.rule.numeric)),
            Some(((1, 3), (1, 5), true))
        );
        assert_eq!(key("0", base), None);
    }

    #[test]
    fn parts_of_lines() {
        let part_of = |line, text, separator| {
            part(line, &key(text, Rule::default()).expect(text), separator).to_owned()
        };
        assert_eq!(part_of("a b  c", "2,2", None), " b");
        assert_eq!(part_of("a b  c", "3", None), "  c");
        assert_eq!(part_of("a:b:c", "2", Some(':')), "b:c");
        assert_eq!(part_of("a:b:c", "2,2", Some(':')), "b");
        assert_eq!(part_of("abcdef", "1.3,1.4", None), "cd");
        assert_eq!(part_of("a", "4", None), "");
    }

    #[test]
    fn numbers_of_any_length() {
        for (a, b) in [
            ("2", "10"),
            ("-3", "2"),
            ("-10", "-9"),
            ("1.05", "1.5"),
            ("x", "1"),
            ("99999999999999999998", "99999999999999999999"),
        ] {
            assert_eq!(by_number(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(by_number(b, a), Ordering::Greater, "{a} {b}");
        }
        assert_eq!(by_number("007", "7.0"), Ordering::Equal);
        assert_eq!(by_version("v1.9.0", "v1.10.0"), Ordering::Less);
    }
}
