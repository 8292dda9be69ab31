//! Mistakes in the words of jq.

use jaq_core::compile::Undefined;
use jaq_core::load::{self, Error as LoadError};
use jaq_json::{Val, read};

use super::print::Style;

/// What `jq` shows of a value in a sentence.
const SHOWN_BYTES: usize = 11;

fn kind(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "boolean",
        Val::Num(_) => "number",
        Val::BStr(_) | Val::TStr(_) => "string",
        Val::Arr(_) => "array",
        Val::Obj(_) => "object",
    }
}

fn shown(value: &Val) -> String {
    let mut text = Vec::new();
    Style::default().write(value, &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    if text.len() <= SHOWN_BYTES {
        return text;
    }
    let cut = (0..SHOWN_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}...", &text[..cut])
}

fn named(value: &Val) -> String {
    format!("{} ({})", kind(value), shown(value))
}

/// What follows `jq: error (at PLACE)`.
pub(super) fn failed(value: &Val) -> String {
    match value {
        Val::TStr(bytes) | Val::BStr(bytes) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            format!(": {}", translated(&text).unwrap_or(text))
        }
        Val::Null => " (not a string): null".to_owned(),
        other => {
            let mut text = Vec::new();
            Style::default().write(other, &mut text);
            format!(" (not a string): {}", String::from_utf8_lossy(&text))
        }
    }
}

/// The interpreter's sentence in jq's words; none where it is not one of those.
fn translated(text: &str) -> Option<String> {
    let value = |text: &str| read::parse_single(text.as_bytes()).ok();
    if let Some(rest) = text.strip_prefix("cannot use ") {
        let (shown_value, what) = rest.rsplit_once(" as ")?;
        let value = value(shown_value)?;
        return Some(match what {
            "iterable (array or object)" if !matches!(value, Val::Null) => {
                format!("Cannot iterate over {}", named(&value))
            }
            "iterable (array or object)" => "Cannot iterate over null (null)".to_owned(),
            "string" => format!("{} cannot be matched, as it is not a string", named(&value)),
            "array" => format!("{} cannot be sorted, as it is not an array", named(&value)),
            "number" => format!("{} number required", named(&value)),
            _ => return None,
        });
    }
    if let Some(rest) = text.strip_prefix("cannot index ") {
        let (left, right) = rest.rsplit_once(" with ")?;
        let (left, right) = (value(left)?, value(right)?);
        return Some(match &right {
            Val::TStr(key) => {
                let key = String::from_utf8_lossy(key).into_owned();
                format!("Cannot index {} with string \"{key}\"", kind(&left))
            }
            other => format!("Cannot index {} with {}", kind(&left), kind(other)),
        });
    }
    if let Some(rest) = text.strip_prefix("cannot calculate ") {
        for (sign, verb) in [
            (" + ", "added"),
            (" - ", "subtracted"),
            (" * ", "multiplied"),
            (" / ", "divided"),
            (" % ", "divided"),
        ] {
            let Some((left, right)) = rest.split_once(sign) else { continue };
            let (Some(left), Some(right)) = (value(left), value(right)) else { continue };
            let zero = matches!((&left, &right), (Val::Num(_), Val::Num(_)));
            let why = if zero { " because the divisor is zero" } else { "" };
            return Some(format!("{} and {} cannot be {verb}{why}", named(&left), named(&right)));
        }
    }
    None
}

/// What is wrong with a text that is no JSON.
pub(super) fn parse_error(bytes: &[u8], from: usize) -> String {
    let rest = &bytes[from..];
    let error = serde_json::from_slice::<serde::de::IgnoredAny>(rest).err();
    let lines_before = bytes[..from].iter().filter(|byte| **byte == b'\n').count();
    let last_line =
        |end: usize| bytes[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let Some(error) = error else { return "Unfinished JSON term".to_owned() };
    let line = lines_before + error.line();
    if error.is_eof() {
        let line = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = bytes.len() - last_line(bytes.len());
        let what = if rest.contains(&b'"') && rest.iter().filter(|it| **it == b'"').count() % 2 == 1
        {
            "Unfinished string"
        } else {
            "Unfinished JSON term"
        };
        return format!("{what} at EOF at line {line}, column {column}");
    }
    // jq notices a bad word at the character that ends it.
    let text = rest.split(|byte| *byte == b'\n').nth(error.line() - 1).unwrap_or(&[]);
    let at = error.column().saturating_sub(1).min(text.len());
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+.".contains(byte);
    let more = text[at..].iter().take_while(|byte| is_word(byte)).count();
    let word = text.get(at).is_some_and(is_word);
    if word && at + more >= text.len() && error.line() == rest.split(|it| *it == b'\n').count() {
        return format!("Invalid numeric literal at EOF at line {line}, column {}", at + more);
    }
    if word && at + more >= text.len() {
        return format!("Invalid numeric literal at line {}, column 0", line + 1);
    }
    let what = match text.get(at) {
        _ if word => "Invalid numeric literal",
        Some(b'}') => "Objects must consist of key:value pairs",
        Some(b',') => "Expected value before ','",
        Some(b']') => "Unmatched ']'",
        Some(b':') => "':' not as part of an object",
        _ => "Invalid literal",
    };
    format!("{what} at line {line}, column {}", at + more + 1)
}

/// A filter that is no filter.
pub(super) fn not_loaded(code: &str, errors: &load::Errors<&str, ()>) -> String {
    let mut text = String::new();
    let mut count = 0;
    for (_, error) in errors {
        let founds: Vec<&str> = match error {
            LoadError::Io(all) => all.iter().map(|(found, _)| *found).collect(),
            LoadError::Lex(all) => all.iter().map(|(_, found)| *found).collect(),
            LoadError::Parse(all) => all.iter().map(|(_, found)| *found).collect(),
        };
        for found in founds.into_iter().take(1) {
            count += 1;
            let what = unexpected(found);
            let line = line_of(code, found);
            let at = (found.as_ptr() as usize).saturating_sub(code.as_ptr() as usize);
            let closed =
                code.matches(['(', '[', '{']).count() == code.matches([')', ']', '}']).count();
            let ends = matches!(what.as_str(), "IDENT" | "LITERAL" | "FIELD") && closed;
            let expecting = if ends { ", expecting $end" } else { "" };
            let under = " ".repeat(at.min(code.len().saturating_sub(1)));
            text.push_str(&format!(
                "jq: error: syntax error, unexpected {what}{expecting} (Unix shell quoting issues?) at <top-level>, line {line}:\n{code}{under}\n"
            ));
        }
    }
    text + &compile_errors(count)
}

/// A token by the name of jq's grammar.
fn unexpected(found: &str) -> String {
    match found.chars().next() {
        None => "$end".to_owned(),
        Some(c) if c.is_alphabetic() || c == '_' => "IDENT".to_owned(),
        Some(c) if c.is_ascii_digit() => "LITERAL".to_owned(),
        Some('"') => "QQSTRING_START".to_owned(),
        Some('.') if found.len() > 1 => "FIELD".to_owned(),
        Some('\'' | '`' | '&' | '\\' | '~') => "INVALID_CHARACTER".to_owned(),
        Some(c) => format!("'{c}'"),
    }
}

fn line_of(code: &str, found: &str) -> usize {
    let from = (found.as_ptr() as usize).saturating_sub(code.as_ptr() as usize);
    code.get(..from.min(code.len())).map_or(1, |text| text.matches('\n').count() + 1)
}

fn compile_errors(count: usize) -> String {
    format!("jq: {count} compile error{}\n", if count == 1 { "" } else { "s" })
}

/// A filter that names what is not there.
pub(super) fn not_compiled(code: &str, errors: &jaq_core::compile::Errors<&str, ()>) -> String {
    let mut text = String::new();
    let mut count = 0;
    for (name, what) in errors.iter().flat_map(|(_, errors)| errors) {
        count += 1;
        let name = match what {
            Undefined::Filter(arity) => format!("{name}/{arity}"),
            Undefined::Label => format!("$*label-{}", name.trim_start_matches('$')),
            _ => (*name).to_owned(),
        };
        text.push_str(&format!(
            "jq: error: {name} is not defined at <top-level>, line 1:\n{code}\n"
        ));
    }
    text + &compile_errors(count)
}
