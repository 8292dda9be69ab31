//! Values as jq writes them.

use jaq_json::{Num, Val};

/// How values are written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// Blanks for each level; 0 puts all in one line.
    pub(super) indent: usize,
    /// Tabs instead of blanks.
    pub(super) tabs: bool,
    pub(super) sort: bool,
    pub(super) ascii: bool,
    pub(super) colour: bool,
}

const RESET: &str = "\x1b[0m";
const KEY: &str = "\x1b[0m\x1b[34;1m";

/// A number's shortest digits, in jq's form.
pub(super) fn number(number: &Num) -> String {
    let value: f64 = number.to_string().parse().unwrap_or(f64::NAN);
    if value.is_nan() {
        return "null".to_owned();
    }
    let value = value.clamp(f64::MIN, f64::MAX);
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let digits = digits.replace('.', "");
    let count = digits.len() as i32;
    // Where the decimal point stands, counted in digits.
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let body = if digits == "0" {
        digits
    } else if point <= -4 || point > count + 15 {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { String::new() } else { format!(".{rest}") };
        let exponent = point - 1;
        let plus = if exponent < 0 { "-" } else { "+" };
        format!("{first}{rest}e{plus}{:02}", exponent.abs())
    } else if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if point >= count {
        format!("{digits}{}", "0".repeat((point - count) as usize))
    } else {
        let (whole, rest) = digits.split_at(point as usize);
        format!("{whole}.{rest}")
    };
    format!("{sign}{body}")
}

impl Style {
    /// Writes a value.
    pub(super) fn write(&self, value: &Val, out: &mut Vec<u8>) {
        self.value(value, 0, out);
    }

    fn coloured(&self, code: &str, text: &str, out: &mut Vec<u8>) {
        if self.colour {
            out.extend_from_slice(format!("\x1b[{code}m{text}{RESET}").as_bytes());
        } else {
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn value(&self, value: &Val, level: usize, out: &mut Vec<u8>) {
        match value {
            Val::Null => self.coloured("1;30", "null", out),
            Val::Bool(value) => self.coloured("0;39", if *value { "true" } else { "false" }, out),
            Val::Num(value) => self.coloured("0;39", &number(value), out),
            Val::TStr(bytes) | Val::BStr(bytes) => {
                self.coloured("0;32", &self.quoted(bytes), out);
            }
            Val::Arr(list) => self.list(list, level, out),
            Val::Obj(map) => {
                let mut pairs: Vec<(&Val, &Val)> = map.iter().collect();
                if self.sort {
                    pairs.sort_by(|a, b| a.0.cmp(b.0));
                }
                self.object(&pairs, level, out);
            }
        }
    }

    fn list(&self, list: &[Val], level: usize, out: &mut Vec<u8>) {
        self.open("[", list.is_empty(), out);
        for (i, item) in list.iter().enumerate() {
            self.line(level + 1, i, out);
            self.value(item, level + 1, out);
        }
        self.close("]", list.is_empty(), level, out);
    }

    fn object(&self, pairs: &[(&Val, &Val)], level: usize, out: &mut Vec<u8>) {
        self.open("{", pairs.is_empty(), out);
        for (i, (key, value)) in pairs.iter().enumerate() {
            self.line(level + 1, i, out);
            let name = match key {
                Val::TStr(bytes) => self.quoted(bytes),
                other => other.to_string(),
            };
            if self.colour {
                out.extend_from_slice(format!("{KEY}{name}{RESET}\x1b[1;39m:").as_bytes());
            } else {
                out.extend_from_slice(format!("{name}:").as_bytes());
            }
            if self.breaks() {
                out.push(b' ');
            }
            if self.colour {
                out.extend_from_slice(RESET.as_bytes());
            }
            self.value(value, level + 1, out);
        }
        self.close("}", pairs.is_empty(), level, out);
    }

    fn breaks(&self) -> bool {
        self.tabs || self.indent > 0
    }

    fn open(&self, sign: &str, _: bool, out: &mut Vec<u8>) {
        if self.colour {
            out.extend_from_slice(b"\x1b[1;39m");
        }
        out.extend_from_slice(sign.as_bytes());
    }

    /// The beginning of the next element.
    fn line(&self, level: usize, place: usize, out: &mut Vec<u8>) {
        if place > 0 {
            if self.colour {
                out.extend_from_slice(b"\x1b[1;39m");
            }
            out.push(b',');
        }
        if self.breaks() {
            self.newline(level, out);
        }
        if self.colour {
            out.extend_from_slice(RESET.as_bytes());
        }
    }

    fn newline(&self, level: usize, out: &mut Vec<u8>) {
        out.push(b'\n');
        let blank = if self.tabs { "\t".to_owned() } else { " ".repeat(self.indent) };
        out.extend_from_slice(blank.repeat(level).as_bytes());
    }

    fn close(&self, sign: &str, empty: bool, level: usize, out: &mut Vec<u8>) {
        if self.colour {
            out.extend_from_slice(b"\x1b[1;39m");
        }
        if !empty && self.breaks() {
            self.newline(level, out);
        }
        if self.colour {
            out.extend_from_slice(format!("\x1b[1;39m{sign}{RESET}").as_bytes());
        } else {
            out.extend_from_slice(sign.as_bytes());
        }
    }

    fn quoted(&self, bytes: &[u8]) -> String {
        let mut text = String::from("\"");
        for c in String::from_utf8_lossy(bytes).chars() {
            match c {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\x08' => text.push_str("\\b"),
                '\x0c' => text.push_str("\\f"),
                c if (c as u32) < 0x20 || c == '\x7f' => {
                    text.push_str(&format!("\\u{:04x}", c as u32));
                }
                c if self.ascii && !c.is_ascii() => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        text.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => text.push(c),
            }
        }
        text.push('"');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_doubles() {
        for (text, want) in [
            ("1", "1"),
            ("1.0", "1"),
            ("-0.5", "-0.5"),
            ("10501334649042878790", "10501334649042878000"),
            ("1e17", "1e+17"),
            ("1e18", "1e+18"),
            ("1e-5", "1e-05"),
            ("0.0001", "0.0001"),
            ("123456789012", "123456789012"),
        ] {
            assert_eq!(number(&Num::from_dec_str(text)), want, "{text}");
        }
    }
}
