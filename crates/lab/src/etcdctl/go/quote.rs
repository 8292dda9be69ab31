//! `strconv.Quote` and its way back: the `%q` of Go's fmt.

use std::fmt::Write as _;

/// `%q` of a Go string, which is any bytes: what is not UTF-8 becomes `\xff`.
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(&mut out, c));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// `%q` of a slice of strings: `["sh" "-c"]`.
pub fn quote_all<S: AsRef<str>>(items: &[S]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| quote(item.as_ref().as_bytes())).collect();
    format!("[{}]", quoted.join(" "))
}

/// `%q` of a rune: `'v'`.
pub fn quote_char(c: char) -> String {
    match c {
        '\'' => r"'\''".to_owned(),
        '"' => "'\"'".to_owned(),
        _ => {
            let quoted = quote(c.to_string().as_bytes());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}

fn push(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ if printable(c) => out.push(c),
        _ if (c as u32) < 0x80 => drop(write!(out, "\\x{:02x}", c as u32)),
        _ if (c as u32) < 0x1_0000 => drop(write!(out, "\\u{:04x}", c as u32)),
        _ => drop(write!(out, "\\U{:08x}", c as u32)),
    }
}

/// `unicode.IsPrint`. Rust's Debug of a string leaves the same characters alone but for the
/// single quote; it stands second so that a combining mark is not escaped for standing first.
fn printable(c: char) -> bool {
    if c == '\'' {
        return true;
    }
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().eq(text.chars())
}

/// Reads one interpreted string literal from the start of `text`, as `Sscanf("%q")` does.
/// Answers the value and how many bytes the literal took.
pub fn unquote_prefix(text: &str) -> Option<(Vec<u8>, usize)> {
    if let Some(raw) = text.strip_prefix('`') {
        let end = raw.find('`')?;
        return Some((raw.as_bytes()[..end].to_vec(), end + 2));
    }
    let body = text.strip_prefix('"')?;
    let mut value = Vec::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, at + 2)),
            '\n' => return None,
            '\\' => escape(&mut chars, &mut value)?,
            _ => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    None
}

fn escape(chars: &mut std::str::CharIndices<'_>, value: &mut Vec<u8>) -> Option<()> {
    let (_, kind) = chars.next()?;
    let digits = |chars: &mut std::str::CharIndices<'_>, first: Option<char>, count, radix| {
        let mut number = first.map_or(Some(0), |c| c.to_digit(radix))?;
        for _ in 0..count {
            number = number.checked_mul(radix)?.checked_add(chars.next()?.1.to_digit(radix)?)?;
        }
        Some(number)
    };
    let byte = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '"' => b'"',
        'x' => u8::try_from(digits(chars, None, 2, 16)?).ok()?,
        '0'..='7' => u8::try_from(digits(chars, Some(kind), 2, 8)?).ok()?,
        'u' | 'U' => {
            let code = digits(chars, None, if kind == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(code)?;
            value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(());
        }
        _ => return None,
    };
    value.push(byte);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        let table: &[(&[u8], &str)] = &[
            (b"a1", r#""a1""#),
            (b"q'q", r#""q'q""#),
            (b"\x00\x01\xff", r#""\x00\x01\xff""#),
            ("héllo ☃".as_bytes(), r#""héllo ☃""#),
            (b"a\"b\\c\nd\te", r#""a\"b\\c\nd\te""#),
            ("e\u{301}\u{200b}\u{1f600}\u{e000}".as_bytes(), "\"e\u{301}\\u200b😀\\ue000\""),
            ("\u{a0}".as_bytes(), r#""\u00a0""#),
        ];
        for (bytes, expected) in table {
            assert_eq!(&quote(bytes), expected);
        }
        assert_eq!(quote_all(&["sh", "-c"]), r#"["sh" "-c"]"#);
        assert_eq!(quote_char('v'), "'v'");
    }

    #[test]
    fn unquotes_what_it_quoted() {
        for bytes in [&b"plain"[..], b"\x00\xff\"\\\n", "☃".as_bytes()] {
            let text = format!("{} rest", quote(bytes));
            assert_eq!(unquote_prefix(&text), Some((bytes.to_vec(), text.len() - 5)));
        }
        assert_eq!(unquote_prefix("\"open"), None);
        assert_eq!(unquote_prefix("key"), None);
        assert_eq!(unquote_prefix(r#""\q""#), None);
    }
}
