//! JSONPath as kubectl reads it: `{.items[*].metadata.name}{"\n"}`, `{range .items[*]}...{end}`.

use serde_json::Value;

/// Evaluates a template. The error is kubectl's.
pub(super) fn template(text: &str, value: &Value) -> Result<String, String> {
    let mut out = String::new();
    let parts = split(text)?;
    run(&parts, value, value, &mut out)?;
    Ok(out)
}

#[derive(Debug)]
enum Part {
    Text(String),
    Path(String),
    Range(String, Vec<Part>),
}

fn split(text: &str) -> Result<Vec<Part>, String> {
    let mut stack: Vec<(String, Vec<Part>)> = vec![(String::new(), Vec::new())];
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let top = &mut stack.last_mut().expect("the outermost stays").1;
        if open > 0 {
            top.push(Part::Text(rest[..open].to_owned()));
        }
        let close = closing(&rest[open..]).ok_or("unclosed action")? + open;
        let inner = rest[open + 1..close].trim();
        rest = &rest[close + 1..];
        if let Some(path) = inner.strip_prefix("range ") {
            stack.push((path.trim().to_owned(), Vec::new()));
        } else if inner == "end" {
            let (path, parts) = stack.pop().expect("the outermost stays");
            let Some((_, top)) = stack.last_mut() else {
                return Err("not in range, nothing to end".to_owned());
            };
            top.push(Part::Range(path, parts));
        } else if inner.starts_with(['"', '\'']) {
            let quoted = inner[1..].trim_end_matches(['"', '\'']);
            let text = quoted.replace("\\n", "\n").replace("\\t", "\t");
            top.push(Part::Text(text));
        } else {
            top.push(Part::Path(inner.to_owned()));
        }
    }
    let (_, mut parts) = stack.pop().expect("the outermost stays");
    if !stack.is_empty() {
        return Err("unterminated range".to_owned());
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// The brace that closes the first one, outside quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (place, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '}') => return Some(place),
            _ => {}
        }
    }
    None
}

fn run(parts: &[Part], value: &Value, root: &Value, out: &mut String) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(path) => {
                let found = eval(path, value, root)?;
                let words: Vec<String> = found.iter().map(|it| shown(it)).collect();
                out.push_str(&words.join(" "));
            }
            Part::Range(path, inner) => {
                for item in eval(path, value, root)? {
                    run(inner, item, root, out)?;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// The values a path leads to.
pub(super) fn eval<'a>(
    path: &str,
    value: &'a Value,
    root: &'a Value,
) -> Result<Vec<&'a Value>, String> {
    let (mut rest, mut found) = match path.strip_prefix('$') {
        Some(rest) => (rest, vec![root]),
        None => (path.trim_start_matches('@'), vec![value]),
    };
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let mut deep = Vec::new();
            found.iter().for_each(|it| descend(it, &after[..end], &mut deep));
            found = deep;
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('.') {
            let (name, after) = field(after);
            rest = after;
            if name.is_empty() {
                continue;
            }
            found = match name.as_str() {
                "*" => found.into_iter().flat_map(children).collect(),
                name => {
                    let next: Vec<&Value> = found.iter().filter_map(|it| it.get(name)).collect();
                    next
                }
            };
        } else if let Some(after) = rest.strip_prefix('[') {
            let close = after.find(']').ok_or("unterminated array")?;
            let close = if after.starts_with("?(") {
                after.find(")]").ok_or("unterminated filter")? + 1
            } else {
                close
            };
            found = index(&after[..close], found, root)?;
            rest = &after[close + 1..];
        } else {
            let (name, after) = field(rest);
            found = found.iter().filter_map(|it| it.get(&name)).collect();
            rest = after;
        }
    }
    Ok(found)
}

/// A field's name, with `\.` for a dot in it.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((place, c)) = chars.next() {
        match c {
            '\\' => {
                if let Some((_, c)) = chars.next() {
                    name.push(c);
                }
            }
            '.' | '[' => return (name, &text[place..]),
            c => name.push(c),
        }
    }
    (name, "")
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

fn descend<'a>(value: &'a Value, name: &str, out: &mut Vec<&'a Value>) {
    if let Some(found) = value.get(name) {
        out.push(found);
    }
    children(value).into_iter().for_each(|it| descend(it, name, out));
}

fn index<'a>(
    inner: &str,
    found: Vec<&'a Value>,
    root: &'a Value,
) -> Result<Vec<&'a Value>, String> {
    if inner == "*" {
        return Ok(found.into_iter().flat_map(children).collect());
    }
    if let Some(filter) = inner.strip_prefix("?(").and_then(|it| it.strip_suffix(')')) {
        let items: Vec<&Value> = found.into_iter().flat_map(children).collect();
        let mut kept = Vec::new();
        for item in items {
            if passes(filter, item, root)? {
                kept.push(item);
            }
        }
        return Ok(kept);
    }
    let name = inner.trim_matches(['\'', '"']);
    if name != inner {
        return Ok(found.iter().filter_map(|it| it.get(name)).collect());
    }
    let mut out = Vec::new();
    for value in found {
        let list = value.as_array().ok_or_else(|| format!("{value} is not array or slice"))?;
        let len = i64::try_from(list.len()).unwrap_or(i64::MAX);
        let place = |text: &str, default: i64| -> Result<usize, String> {
            let number = match text {
                "" => default,
                text => text.parse::<i64>().map_err(|_| format!("invalid array index {text}"))?,
            };
            let number = if number < 0 { number + len } else { number };
            usize::try_from(number.clamp(0, len)).map_err(|_| "invalid array index".to_owned())
        };
        match inner.split_once(':') {
            Some((from, to)) => {
                let (from, to) = (place(from, 0)?, place(to, len)?);
                out.extend(list.iter().take(to).skip(from));
            }
            None => match list.get(place(inner, 0)?) {
                Some(item) => out.push(item),
                None => {
                    return Err(format!("array index out of bounds: index {inner}, length {len}"));
                }
            },
        }
    }
    Ok(out)
}

fn passes(filter: &str, item: &Value, root: &Value) -> Result<bool, String> {
    for operator in ["==", "!=", ">=", "<=", ">", "<"] {
        let Some((left, right)) = filter.split_once(operator) else { continue };
        let left = eval(left.trim(), item, root)?.first().map(|it| shown(it));
        let right = right.trim().trim_matches(['"', '\'']).to_owned();
        let Some(left) = left else { return Ok(operator == "!=") };
        let order = match (left.parse::<i64>(), right.parse::<i64>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            _ => left.cmp(&right),
        };
        return Ok(match operator {
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_lt(),
        });
    }
    Ok(!eval(filter.trim(), item, root)?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_are_evaluated() {
        let value = json!({"items": [
            {"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "c": [{"t": "R", "s": "T"}]},
            {"metadata": {"name": "b"}, "c": [{"t": "R", "s": "F"}]},
        ]});
        for (text, want) in [
            ("{.items[*].metadata.name}", "a b"),
            ("{.items[0].metadata.name}", "a"),
            ("{.items[-1:].metadata.name}", "b"),
            ("{range .items[*]}{.metadata.name}{\"\\n\"}{end}", "a\nb\n"),
            ("{.items[0].metadata.labels.x\\.y/z}", "1"),
            ("{.items[*].c[?(@.t==\"R\")].s}", "T F"),
            ("{..name}", "a b"),
            ("{.gone}", ""),
        ] {
            assert_eq!(template(text, &value).unwrap(), want, "{text}");
        }
        assert!(template("{.items[7]}", &value).is_err());
        assert!(template("{.items", &value).is_err());
    }
}
