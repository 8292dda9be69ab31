//! YAML in and out: documents to JSON values and back, as kubectl and the kubelet read and
//! print them.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};

/// Reads every document of a text. The error is what Go's YAML reader says.
pub fn parse_all(text: &str) -> Result<Vec<Value>, String> {
    let mut builder = Builder::default();
    for event in Parser::<StrInput<'_>>::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                let line = u64::try_from(span.start.line()).unwrap_or_default();
                builder.event(event, line)?;
            }
            Err(error) => {
                let line = error.marker().line();
                return Err(format!("yaml: line {line}: {}", error.info()));
            }
        }
    }
    Ok(builder.documents)
}

/// Reads the first document; null where there is none.
pub fn parse(text: &str) -> Result<Value, String> {
    Ok(parse_all(text)?.into_iter().next().unwrap_or(Value::Null))
}

/// A collection that is being read.
enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

#[derive(Default)]
struct Builder {
    documents: Vec<Value>,
    open: Vec<Open>,
    anchors: std::collections::BTreeMap<usize, Value>,
    anchored: Vec<usize>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: u64) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = scalar(&text, style);
                self.add(value, anchor, line)
            }
            Event::SequenceStart(anchor, _) => {
                self.open.push(Open::List(Vec::new()));
                self.anchored.push(anchor);
                Ok(())
            }
            Event::MappingStart(anchor, _) => {
                self.open.push(Open::Map(Map::new(), None));
                self.anchored.push(anchor);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let value = match self.open.pop() {
                    Some(Open::List(list)) => Value::Array(list),
                    Some(Open::Map(map, _)) => Value::Object(map),
                    None => return Ok(()),
                };
                let anchor = self.anchored.pop().unwrap_or_default();
                self.add(value, anchor, line)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or(Value::Null);
                self.add(value, 0, line)
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, value: Value, anchor: usize, line: u64) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            None => self.documents.push(value),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Map(map, key @ None)) => {
                let name = match value {
                    Value::String(text) => text,
                    Value::Object(_) | Value::Array(_) => {
                        return Err(format!("yaml: line {line}: invalid map key"));
                    }
                    other => other.to_string(),
                };
                if map.contains_key(&name) {
                    return Err(format!("yaml: line {line}: key \"{name}\" already set in map"));
                }
                *key = Some(name);
            }
            Some(Open::Map(map, key)) => {
                let name = key.take().expect("the other arm takes what has none");
                map.insert(name, value);
            }
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "on" | "On" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "off" | "Off" => Value::Bool(false),
        _ => match text.parse::<i64>() {
            Ok(number) if !text.starts_with('+') => Value::from(number),
            _ if looks_like_float(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
            }
            _ => Value::String(text.to_owned()),
        },
    }
}

fn looks_like_float(text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c))
        && digits.matches('.').count() <= 1
}

/// Prints a value as Go's `sigs.k8s.io/yaml` does: keys sorted, lists not indented.
pub fn print(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if map.is_empty() => out.push_str("{}\n"),
        Value::Array(list) if list.is_empty() => out.push_str("[]\n"),
        Value::Object(map) => print_map(&mut out, map, 0),
        Value::Array(list) => print_list(&mut out, list, 0),
        value => {
            print_scalar(&mut out, value, 0);
            out.push('\n');
        }
    }
    out
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn print_map(out: &mut String, map: &Map<String, Value>, depth: usize) {
    for (place, (name, value)) in map.iter().enumerate() {
        // The first line of an element of a list stands behind its dash.
        if place > 0 || !out.ends_with("- ") {
            indent(out, depth);
        }
        print_text(out, name, depth);
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                print_map(out, inner, depth + 1);
            }
            Value::Array(list) if !list.is_empty() => {
                out.push('\n');
                print_list(out, list, depth);
            }
            value => {
                out.push(' ');
                print_scalar(out, value, depth + 1);
                out.push('\n');
            }
        }
    }
}

fn print_list(out: &mut String, list: &[Value], depth: usize) {
    for (place, value) in list.iter().enumerate() {
        if place > 0 || !out.ends_with("- ") {
            indent(out, depth);
        }
        out.push_str("- ");
        match value {
            Value::Object(map) if !map.is_empty() => print_map(out, map, depth + 1),
            Value::Array(list) if !list.is_empty() => print_list(out, list, depth + 1),
            value => {
                print_scalar(out, value, depth + 1);
                out.push('\n');
            }
        }
    }
}

fn print_scalar(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(text) => print_text(out, text, depth),
        value => out.push_str(&value.to_string()),
    }
}

fn print_text(out: &mut String, text: &str, depth: usize) {
    if text.contains('\n') && !text.contains(|c: char| c.is_control() && c != '\n') {
        out.push_str(match (text.ends_with('\n'), text.ends_with("\n\n")) {
            (false, _) => "|-",
            (true, false) => "|",
            (true, true) => "|+",
        });
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            out.push('\n');
            if !line.is_empty() {
                indent(out, depth.max(1));
                out.push_str(line);
            }
        }
    } else if text.contains(|c: char| c.is_control()) {
        out.push_str(&Value::String(text.to_owned()).to_string());
    } else if needs_quotes(text) {
        // What would read as something else stands in double quotes, the rest in single ones.
        if text.is_empty() || !is_plain_text(text) {
            out.push_str(&format!("\"{text}\""));
        } else {
            out.push_str(&format!("'{}'", text.replace('\'', "''")));
        }
    } else {
        out.push_str(text);
    }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || !is_plain_text(text)
        || text.starts_with(|c: char| "!&*-?|>@`%{}[]#,\"'=: ".contains(c))
            && !(text.starts_with('-') && text[1..].starts_with(|c: char| c != ' '))
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with(':')
        || text.ends_with(' ')
}

/// Whether Go's YAML reads this as text: numbers, times and its many words for yes and no are
/// something else.
fn is_plain_text(text: &str) -> bool {
    let base60 = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    let bools = ["y", "yes", "on", "n", "no", "off"];
    scalar(text, ScalarStyle::Plain).is_string()
        && crate::value::parse_time(text).is_none()
        && !bools.contains(&text.to_lowercase().as_str())
        && !(text.contains(':') && text.split(':').all(base60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_printed_is_read_back() {
        let value = json!({
            "a": {"b": [1, {"c": "x", "d": ["y", "z"]}, [2, 3]], "e": {}, "f": []},
            "quoted": ["true", "1", "", "- x", "a: b", "2026-11-22T09:00:00Z", "it's"],
            "text": "two\nlines\n", "g": null, "h": true, "open": "no\nend",
        });
        let text = print(&value);
        assert_eq!(parse(&text).unwrap(), value, "{text}");
    }

    #[test]
    fn lists_stand_where_go_puts_them() {
        let value = json!({"spec": {"args": ["--a=b", "c"], "ports": [{"name": "x", "port": 80}]}});
        let want = "spec:\n  args:\n  - --a=b\n  - c\n  ports:\n  - name: x\n    port: 80\n";
        assert_eq!(print(&value), want);
    }

    #[test]
    fn documents_and_faults_are_seen() {
        assert_eq!(parse_all("a: 1\n---\nb: 2\n").unwrap().len(), 2);
        let error = parse("a: b\n c: d: e\n").unwrap_err();
        assert!(error.starts_with("yaml: line "), "{error}");
    }
}
