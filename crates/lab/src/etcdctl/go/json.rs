//! `encoding/json` as far as etcdctl prints with it, and the strings of zap's encoder.

use base64::Engine as _;
use std::fmt::Write as _;

/// A string as `encoding/json` writes it: HTML characters escaped, line separators too.
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => drop(write!(out, "\\u{:04x}", c as u32)),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            _ => plain(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// A string as zap's JSON encoder writes it: no HTML escapes.
pub fn zap(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    text.chars().for_each(|c| plain(&mut out, c));
    out.push('"');
    out
}

fn plain(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if (c as u32) < 0x20 => drop(write!(out, "\\u{:04x}", c as u32)),
        _ => out.push(c),
    }
}

/// A list of strings; null stands for Go's nil slice.
pub fn strings(items: &[String]) -> String {
    if items.is_empty() {
        return "null".to_owned();
    }
    let items: Vec<String> = items.iter().map(|item| string(item)).collect();
    format!("[{}]", items.join(","))
}

/// Bytes are base64 in Go's JSON.
pub fn bytes(bytes: &[u8]) -> String {
    format!("\"{}\"", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// An object under construction. The `some_*` ones leave a zero value out (`omitempty`).
#[derive(Default)]
pub struct Object {
    text: String,
}

impl Object {
    /// A field whose value is JSON already.
    pub fn raw(mut self, key: &str, json: &str) -> Object {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        let _ = write!(self.text, "\"{key}\":{json}");
        self
    }

    /// A number.
    pub fn number(self, key: &str, value: impl std::fmt::Display) -> Object {
        self.raw(key, &value.to_string())
    }

    /// A number, if it is not zero.
    pub fn some_number(self, key: &str, value: i128) -> Object {
        if value == 0 { self } else { self.number(key, value) }
    }

    /// A string.
    pub fn string(self, key: &str, value: &str) -> Object {
        self.raw(key, &string(value))
    }

    /// A string, if it is not empty.
    pub fn some_string(self, key: &str, value: &str) -> Object {
        if value.is_empty() { self } else { self.string(key, value) }
    }

    /// Bytes, if there are any.
    pub fn some_bytes(self, key: &str, value: &[u8]) -> Object {
        if value.is_empty() { self } else { self.raw(key, &bytes(value)) }
    }

    /// True, if it is.
    pub fn some_true(self, key: &str, value: bool) -> Object {
        if value { self.raw(key, "true") } else { self }
    }

    /// A list, if it is not empty.
    pub fn some_list(self, key: &str, items: &[String]) -> Object {
        if items.is_empty() { self } else { self.raw(key, &list(items)) }
    }

    /// The object.
    pub fn end(self) -> String {
        format!("{{{}}}", self.text)
    }
}

/// A list of JSON values.
pub fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        assert_eq!(string("<a&\"b\">\n"), r#""\u003ca\u0026\"b\"\u003e\n""#);
        assert_eq!(zap("<a>\u{1}\\"), r#""<a>\u0001\\""#);
        assert_eq!(bytes(b"foo"), "\"Zm9v\"");
    }

    #[test]
    fn objects_leave_zeros_out() {
        let object = Object::default()
            .some_number("a", 0)
            .some_number("b", 2)
            .some_true("c", false)
            .some_list("d", &[])
            .string("e", "");
        assert_eq!(object.end(), r#"{"b":2,"e":""}"#);
    }
}
