//! Regular expressions of POSIX, basic and extended, in terms of the regex crate's.
//!
//! Two things differ: back-references are refused, and of several alternatives the first that
//! fits wins, not the longest.

use regex_lite::{Regex, RegexBuilder};

/// A regex of `grep` and `sed` without `-E`.
pub(crate) fn basic(text: &str, ignore_case: bool) -> Result<Regex, String> {
    build(&translate(text, true)?, ignore_case)
}

/// A regex of `grep -E`, `sed -E` and `[[ =~ ]]`.
pub(crate) fn extended(text: &str, ignore_case: bool) -> Result<Regex, String> {
    build(&translate(text, false)?, ignore_case)
}

/// Builds a translated regex.
pub(crate) fn build(text: &str, ignore_case: bool) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .case_insensitive(ignore_case)
        .build()
        .map_err(|_| "Invalid regular expression".to_owned())
}

/// The regex crate's form of a POSIX regex.
pub(crate) fn translate(text: &str, basic: bool) -> Result<String, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut depth = 0u32;
    // Where an operator has nothing to repeat and `^` is an anchor.
    let mut at_start = true;
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        i += 1;
        let was_start = std::mem::replace(&mut at_start, false);
        if c == '\\' {
            let escaped = *chars.get(i).ok_or("Trailing backslash")?;
            i += 1;
            match (escaped, basic) {
                ('(', true) => at_start = open(&mut out, &mut depth),
                (')', true) => close(&mut out, &mut depth)?,
                ('|', true) => at_start = alternative(&mut out),
                ('{', true) => i = interval(&chars, i, true, &mut out)?,
                ('+' | '?', true) if !was_start => out.push(escaped),
                ('1'..='9', _) => return Err("back-references are not supported here".to_owned()),
                ('w' | 'W' | 's' | 'S' | 'b' | 'B', _) => out.extend(['\\', escaped]),
                ('<', _) => out.push_str(r"\b{start}"),
                ('>', _) => out.push_str(r"\b{end}"),
                ('`', _) => out.push_str(r"\A"),
                ('\'', _) => out.push_str(r"\z"),
                ('n', _) => out.push('\n'),
                ('t', _) => out.push('\t'),
                _ => push_plain(escaped, &mut out),
            }
            continue;
        }
        match (c, basic) {
            ('[', _) => i = bracket(&chars, i, &mut out)?,
            ('.', _) => out.push('.'),
            ('*', true) if was_start => out.push_str(r"\*"),
            ('*', _) => push_repeat('*', was_start, &mut out),
            ('^', true) if !was_start => out.push_str(r"\^"),
            ('^', _) => {
                out.push('^');
                at_start = true;
            }
            ('$', true) if !ends_here(&chars[i..]) => out.push_str(r"\$"),
            ('$', _) => out.push('$'),
            ('(', false) => at_start = open(&mut out, &mut depth),
            (')', false) if depth > 0 => close(&mut out, &mut depth)?,
            ('|', false) => at_start = alternative(&mut out),
            ('+' | '?', false) => push_repeat(c, was_start, &mut out),
            ('{', false) => match interval(&chars, i, false, &mut out) {
                Ok(next) => i = next,
                Err(_) => out.push_str(r"\{"),
            },
            _ => push_plain(c, &mut out),
        }
    }
    if depth > 0 {
        return Err(r"Unmatched ( or \(".to_owned());
    }
    Ok(out)
}

fn open(out: &mut String, depth: &mut u32) -> bool {
    *depth += 1;
    out.push('(');
    true
}

fn close(out: &mut String, depth: &mut u32) -> Result<(), String> {
    if *depth == 0 {
        return Err("Unmatched ) or \\)".to_owned());
    }
    *depth -= 1;
    out.push(')');
    Ok(())
}

fn alternative(out: &mut String) -> bool {
    out.push('|');
    true
}

/// A repetition of nothing is left out; one of a repetition needs a group.
fn push_repeat(op: char, at_start: bool, out: &mut String) {
    if at_start {
        return;
    }
    if out.ends_with(['*', '+', '?'])
        && !out.ends_with(r"\*")
        && !out.ends_with(r"\+")
        && !out.ends_with(r"\?")
    {
        // `a**` is `a*`; a second `?` would make it lazy.
        if out.ends_with(op) {
            return;
        }
        out.pop();
        out.push('*');
        return;
    }
    out.push(op);
}

fn push_plain(c: char, out: &mut String) {
    if c.is_ascii_punctuation() {
        out.push('\\');
        // These are not special, and an escape of them would be an error.
        if matches!(
            c,
            '<' | '>' | '"' | '\'' | '/' | ',' | ':' | ';' | '=' | '@' | '_' | '`' | '!' | '%'
        ) {
            out.pop();
        }
    }
    out.push(c);
}

/// Whether a `$` is at the end of a branch of a basic regex.
fn ends_here(rest: &[char]) -> bool {
    matches!(rest, [] | ['\\', ')' | '|', ..])
}

/// `{2,3}`, standing after the brace; gives the place after it.
fn interval(chars: &[char], mut i: usize, basic: bool, out: &mut String) -> Result<usize, String> {
    let mut inner = String::new();
    loop {
        let c = *chars.get(i).ok_or(r"Unmatched { or \{")?;
        i += 1;
        match c {
            '}' if !basic => break,
            '\\' if basic && chars.get(i) == Some(&'}') => {
                i += 1;
                break;
            }
            '0'..='9' | ',' => inner.push(c),
            _ => return Err(r"Invalid content of \{\}".to_owned()),
        }
    }
    let (low, high) = inner.split_once(',').unwrap_or((&inner, &inner));
    let number = |text: &str| text.parse::<u32>().is_ok_and(|n| n <= 1000);
    if (!low.is_empty() && !number(low)) || (!high.is_empty() && !number(high)) || inner.is_empty()
    {
        return Err(r"Invalid content of \{\}".to_owned());
    }
    let low = if low.is_empty() { "0" } else { low };
    out.push_str(&if inner.contains(',') {
        format!("{{{low},{high}}}")
    } else {
        format!("{{{low}}}")
    });
    Ok(i)
}

/// `[...]`, standing after the bracket; gives the place after it.
fn bracket(chars: &[char], mut i: usize, out: &mut String) -> Result<usize, String> {
    out.push('[');
    if chars.get(i) == Some(&'^') {
        out.push('^');
        i += 1;
    }
    let start = i;
    loop {
        let c = *chars.get(i).ok_or("Unmatched [, [^, [:, [., or [=")?;
        i += 1;
        match c {
            ']' if i > start + 1 => break,
            '[' if chars.get(i) == Some(&':') => {
                let rest: String = chars[i..].iter().collect();
                let end = rest.find(":]").ok_or("Unmatched [, [^, [:, [., or [=")?;
                let name = &rest[1..end];
                if !name.chars().all(|c| c.is_ascii_lowercase()) {
                    return Err("Invalid character class name".to_owned());
                }
                out.push_str(&format!("[:{name}:]"));
                i += end + 2;
            }
            '-' if i > start + 1 && chars.get(i).is_some_and(|next| *next != ']') => out.push('-'),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(']');
    Ok(i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_regexes() {
        let table = [
            ("a.c", "abc", true),
            ("a+", "a+", true),
            ("a+", "aa", false),
            (r"a\+$", "aa", true),
            (r"^\(ab\)*$", "abab", true),
            (r"a\{2,3\}", "aa", true),
            (r"^a\{2\}$", "aaa", false),
            ("*a", "*a", true),
            ("a^b$c", "a^b$c", true),
            (r"x\|y", "y", true),
            ("[]a]", "]", true),
            ("[^]a]", "]", false),
            (r"[\n]", "\\", true),
            ("[[:digit:]]", "7", true),
            ("[a-c]", "b", true),
            ("[a-]", "-", true),
            (r"\.", "a", false),
            (r"\<cat\>", "a cat b", true),
            (r"\<cat\>", "concat", false),
            (r"\w*", "", true),
            ("a|b", "a|b", true),
            ("{", "{", true),
        ];
        for (pattern, text, expected) in table {
            let regex = basic(pattern, false).expect(pattern);
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn extended_regexes() {
        let table = [
            ("a+$", "aa", true),
            ("^(a|b)c$", "bc", true),
            ("^a{2}$", "aa", true),
            ("a{,2}b", "aab", true),
            ("^a?b", "b", true),
            (r"a\+", "a+", true),
            (r"\(", "(", true),
            ("a{x", "a{x", true),
            (r"^[0-9]+\.[0-9]+$", "3.14", true),
            ("^$", "", true),
            ("a**", "aa", true),
        ];
        for (pattern, text, expected) in table {
            let regex = extended(pattern, false).expect(pattern);
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
        assert!(extended("ABC", true).expect("it is right").is_match("abc"));
    }

    #[test]
    fn mistakes_are_sentences() {
        for pattern in [r"\(", "[a", r"a\{1", "\\", r"\(a\)\1"] {
            assert!(basic(pattern, false).is_err(), "{pattern}");
        }
    }
}
