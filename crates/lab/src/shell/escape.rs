//! Backslash escapes, in their three dialects, and the way back: quoting for the shell.

/// `$'...'`: all escapes, octal without a leading zero.
pub(crate) fn ansi(text: &str) -> Vec<u8> {
    unescape(text, Dialect::Ansi).0
}

/// `echo -e`: octal with a leading zero; true when `\c` ended the output.
pub(crate) fn echo(text: &str) -> (Vec<u8>, bool) {
    unescape(text, Dialect::Echo)
}

/// `%b` of `printf`: like `echo -e`, and octal without a leading zero too.
pub(crate) fn percent_b(text: &str) -> (Vec<u8>, bool) {
    unescape(text, Dialect::PercentB)
}

/// The format of `printf`: octal without a leading zero, `\c` is not special.
pub(crate) fn format(text: &str) -> Vec<u8> {
    unescape(text, Dialect::Format).0
}

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Ansi,
    Echo,
    PercentB,
    Format,
}

fn unescape(text: &str, dialect: Dialect) -> (Vec<u8>, bool) {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        i += 1;
        let Some(escape) = chars.get(i).copied().filter(|_| c == '\\') else {
            push(&mut out, c);
            continue;
        };
        i += 1;
        match escape {
            'a' => out.push(7),
            'b' => out.push(8),
            'e' | 'E' => out.push(27),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' => out.push(b'\\'),
            '\'' | '"' | '?' if matches!(dialect, Dialect::Ansi) => push(&mut out, escape),
            '"' if dialect == Dialect::Format => out.push(b'"'),
            'c' if matches!(dialect, Dialect::Echo | Dialect::PercentB) => return (out, true),
            'c' if dialect == Dialect::Ansi && i < chars.len() => {
                out.push((chars[i] as u32 & 0x1f) as u8);
                i += 1;
            }
            'x' => match digits(&chars, &mut i, 16, 2) {
                Some(value) => out.push(value as u8),
                None => out.extend(b"\\x"),
            },
            'u' | 'U' => {
                let len = if escape == 'u' { 4 } else { 8 };
                match digits(&chars, &mut i, 16, len).map(char::from_u32) {
                    Some(value) => push(&mut out, value.unwrap_or('\u{fffd}')),
                    None => out.extend([b'\\', escape as u8]),
                }
            }
            '0' if matches!(dialect, Dialect::Echo | Dialect::PercentB) => {
                out.push(digits(&chars, &mut i, 8, 3).unwrap_or(0) as u8);
            }
            '0'..='7' if dialect != Dialect::Echo => {
                i -= 1;
                out.push(digits(&chars, &mut i, 8, 3).unwrap_or(0) as u8);
            }
            _ => {
                out.push(b'\\');
                push(&mut out, escape);
            }
        }
    }
    (out, false)
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn digits(chars: &[char], i: &mut usize, radix: u32, len_max: usize) -> Option<u32> {
    let mut value = None;
    for _ in 0..len_max {
        let Some(digit) = chars.get(*i).and_then(|c| c.to_digit(radix)) else { break };
        value = Some(value.unwrap_or(0u32).wrapping_mul(radix).wrapping_add(digit));
        *i += 1;
    }
    value
}

/// Quotes a text so that the shell reads it back as one word, as `printf %q` does.
pub(crate) fn quote(text: &str) -> String {
    if text.is_empty() {
        return "''".to_owned();
    }
    if text.chars().any(char::is_control) {
        return format!("$'{}'", control_escapes(text));
    }
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        let special = " \t!\"#$&'()*,;<>?[\\]^`{|}".contains(c) && !(c == '#' && i > 0);
        if special || (c == '~' && i == 0) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Quotes a value as `declare -p` and `set` do: single quotes where any are needed.
pub(crate) fn quote_single(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return format!("$'{}'", control_escapes(text));
    }
    let plain = |c: char| c.is_alphanumeric() || "_-+=./:@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The same, quoted even where nothing asks for it.
pub(crate) fn quote_always(text: &str) -> String {
    let quoted = quote_single(text);
    if quoted == text { format!("'{text}'") } else { quoted }
}

fn control_escapes(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            '\x1b' => out.push_str("\\E"),
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\{:03o}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_differ_where_bash_says_so() {
        assert_eq!(ansi(r"a\tb\n\x41\101\u00e9\'"), "a\tb\nAA\u{e9}'".as_bytes());
        assert_eq!(ansi(r"\cA\q\xZ"), b"\x01\\q\\xZ");
        assert_eq!(echo(r"\0101\101\x41"), (b"A\\101A".to_vec(), false));
        assert_eq!(echo(r"a\cb"), (b"a".to_vec(), true));
        assert_eq!(percent_b(r"\0101\101"), (b"AA".to_vec(), false));
        assert_eq!(format(r"\101\0101\\"), b"A\x081\\");
    }

    #[test]
    fn quoting_is_read_back() {
        assert_eq!(quote("a b"), r"a\ b");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("it's"), r"it\'s");
        assert_eq!(quote("a\nb"), r"$'a\nb'");
        assert_eq!(quote_single("a b"), "'a b'");
        assert_eq!(quote_single("it's"), r"'it'\''s'");
        assert_eq!(quote_single("plain/1.2"), "plain/1.2");
    }
}
