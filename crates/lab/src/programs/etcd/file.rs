//! `--config-file`: the part of YAML that etcd's configuration needs, and how its values become
//! those of flags. Unknown keys mean nothing, as in etcd.
//!
//! Understood: `key: value` with plain and quoted scalars, lists in brackets or line by line,
//! and one level of nesting (`client-transport-security`). No anchors, no text blocks.

use super::flags::{Kind, Values};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Yaml {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// What Go's decoder of JSON calls it.
    fn name(&self) -> &'static str {
        match self {
            Yaml::Null => "null",
            Yaml::Bool(_) => "bool",
            Yaml::Number(_) => "number",
            Yaml::Text(_) => "string",
            Yaml::List(_) => "array",
            Yaml::Map(_) => "object",
        }
    }

    fn scalar(text: &str) -> Yaml {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Yaml::Null,
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
                Yaml::Bool(true)
            }
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
                Yaml::Bool(false)
            }
            text if is_number(text) => Yaml::Number(text.to_owned()),
            text => Yaml::Text(text.to_owned()),
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let point = digits.matches('.').count();
    !digits.is_empty()
        && point <= 1
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A line with something on it.
struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

fn error(line: usize, why: &str) -> String {
    format!("error converting YAML to JSON: yaml: line {line}: {why}")
}

/// The line without its comment: `#` begins one at the start or after a blank.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut before) = (None, ' ');
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' && before.is_whitespace() => return &line[..at],
            None if matches!(c, '"' | '\'') && matches!(before, ' ' | '[' | ',') => {
                quote = Some(c);
            }
            None => {}
        }
        before = c;
    }
    line
}

fn lines(text: &str) -> Result<Vec<Line<'_>>, String> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let body = without_comment(line).trim_end();
        let text = body.trim_start_matches(' ');
        if text.is_empty() || text == "---" {
            continue;
        }
        if text.starts_with('\t') {
            return Err(error(number, "found character that cannot start any token"));
        }
        lines.push(Line { number, indent: body.len() - text.len(), text });
    }
    Ok(lines)
}

/// The text of a scalar, quoted or not.
fn value(number: usize, text: &str) -> Result<Yaml, String> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('[') {
        let Some(inner) = rest.strip_suffix(']') else {
            return Err(error(number, "did not find expected ',' or ']'"));
        };
        let items = inner.split(',').map(str::trim).filter(|item| !item.is_empty());
        return Ok(Yaml::List(items.map(|item| value(number, item)).collect::<Result<_, _>>()?));
    }
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inner = text[1..].strip_suffix(quote).filter(|_| text.len() > 1);
            let inner = inner.ok_or_else(|| error(number, "found unexpected end of stream"))?;
            Ok(Yaml::Text(if quote == '\'' {
                inner.replace("''", "'")
            } else {
                inner.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\")
            }))
        }
        Some('{') if text == "{}" => Ok(Yaml::Map(Vec::new())),
        Some('{' | '&' | '*' | '|' | '>' | '@' | '`') => {
            Err(error(number, "this lab reads plain values here, not this part of YAML"))
        }
        _ => Ok(Yaml::scalar(text)),
    }
}

/// The entries of a mapping that begins at `at` with this indentation.
fn mapping(
    lines: &[Line<'_>],
    at: &mut usize,
    indent: usize,
) -> Result<Vec<(String, Yaml)>, String> {
    let mut entries = Vec::new();
    while let Some(line) = lines.get(*at).filter(|line| line.indent >= indent) {
        if line.indent > indent {
            return Err(error(line.number, "mapping values are not allowed in this context"));
        }
        let split = match line.text.split_once(": ") {
            Some(split) => Some(split),
            None => line.text.strip_suffix(':').map(|key| (key, "")),
        };
        let Some((key, rest)) = split else {
            return Err(error(line.number + 1, "could not find expected ':'"));
        };
        *at += 1;
        let key = key.trim().trim_matches(['"', '\'']).to_owned();
        let below = lines.get(*at);
        let item = |line: &&Line<'_>| line.text == "-" || line.text.starts_with("- ");
        let yaml = if !rest.trim().is_empty() {
            value(line.number, rest)?
        } else if let Some(first) = below.filter(item).filter(|below| below.indent >= indent) {
            let depth = first.indent;
            let mut items = Vec::new();
            while let Some(line) = lines.get(*at).filter(item).filter(|line| line.indent == depth) {
                items.push(value(line.number, &line.text[1..])?);
                *at += 1;
            }
            Yaml::List(items)
        } else if let Some(below) = below.filter(|below| below.indent > indent) {
            let depth = below.indent;
            Yaml::Map(mapping(lines, at, depth)?)
        } else {
            Yaml::Null
        };
        entries.push((key, yaml));
    }
    Ok(entries)
}

fn parse(text: &str) -> Result<Vec<(String, Yaml)>, String> {
    let lines = lines(text)?;
    let mut at = 0;
    let indent = lines.first().map_or(0, |line| line.indent);
    let entries = mapping(&lines, &mut at, indent)?;
    match lines.get(at) {
        Some(line) => Err(error(line.number, "did not find expected key")),
        None => Ok(entries),
    }
}

/// Go's type of a flag's field.
fn go_type(name: &str, kind: Kind) -> &'static str {
    match (name, kind) {
        (_, Kind::Bool) => "bool",
        ("quota-backend-bytes", _) => "int64",
        ("snapshot-count" | "snapshot-catchup-entries", _) => "uint64",
        ("experimental-snapshot-catchup-entries", _) => "uint64",
        ("max-concurrent-streams", _) => "uint32",
        (_, Kind::Int) => "int",
        (_, Kind::Uint) => "uint",
        (_, Kind::Duration) => "time.Duration",
        _ => "string",
    }
}

/// Reads a configuration file into the values of flags.
pub(super) fn read(text: &str, values: &mut Values) -> Result<(), String> {
    for (key, yaml) in parse(text)? {
        match (key.as_str(), yaml) {
            ("client-transport-security", yaml) => security("", yaml, values)?,
            ("peer-transport-security", yaml) => security("peer-", yaml, values)?,
            ("experimental-snapshot-catch-up-entries", yaml) => {
                set("experimental-snapshot-catchup-entries", yaml, values)?;
            }
            (key, yaml) => set(key, yaml, values)?,
        }
    }
    Ok(())
}

fn security(prefix: &str, yaml: Yaml, values: &mut Values) -> Result<(), String> {
    let entries = match yaml {
        Yaml::Map(entries) => entries,
        Yaml::Null => return Ok(()),
        _ if prefix.is_empty() => Vec::new(),
        _ => return Err("invalid peer-transport-security".to_owned()),
    };
    for (key, yaml) in entries {
        let name = match (prefix, key.as_str()) {
            ("", "allowed-hostname") => "client-cert-allowed-hostname".to_owned(),
            (_, "allowed-hostname") => "peer-cert-allowed-hostname".to_owned(),
            (_, "allowed-cn") => "peer-cert-allowed-cn".to_owned(),
            (_, key) => format!("{prefix}{key}"),
        };
        set(&name, yaml, values)?;
    }
    Ok(())
}

fn set(key: &str, yaml: Yaml, values: &mut Values) -> Result<(), String> {
    let Some((name, kind)) = values.find(key) else { return Ok(()) };
    let wrong = |yaml: &Yaml| {
        Err(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go \
             struct field configYAML.{name} of type {}",
            yaml.name(),
            go_type(name, kind)
        ))
    };
    let text = match (&yaml, kind) {
        (Yaml::Null, _) => return Ok(()),
        (Yaml::Bool(on), Kind::Bool) => on.to_string(),
        (Yaml::Number(number), Kind::Int | Kind::Uint) => number.clone(),
        // Go's durations are nanoseconds where they are not spelled out.
        (Yaml::Number(number), Kind::Duration) => format!("{number}ns"),
        (_, Kind::Bool | Kind::Int | Kind::Uint | Kind::Duration) => return wrong(&yaml),
        (Yaml::Text(text), _) => text.clone(),
        (Yaml::List(items), Kind::Text) => {
            let texts = items.iter().map(|item| match item {
                Yaml::Text(text) => Ok(text.as_str()),
                other => wrong(other).map(|()| ""),
            });
            texts.collect::<Result<Vec<_>, _>>()?.join(",")
        }
        _ => return wrong(&yaml),
    };
    values.set(name, kind, &text).map_err(|why| match kind {
        Kind::Urls => format!("unexpected error setting up {name}: {why}"),
        Kind::OneOf(_) if name == "initial-cluster-state" => {
            format!("unexpected clusterState {text:?}")
        }
        _ => why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use etcd::Release;

    fn values(text: &str) -> Result<Values, String> {
        let mut values = Values::parse(Release::V3_6, &[]).expect("no flags are no fault");
        read(text, &mut values)?;
        Ok(values)
    }

    #[test]
    fn a_file_sets_what_flags_set() {
        let text = "# comment\nname: 'm1' # one\ndata-dir: \"/d\"\nunknown: [1]\n\
                    heartbeat-interval: 200\nstrict-reconfig-check: false\n\
                    corrupt-check-time: 5000000000\nlog-outputs: [stderr, stdout]\n\
                    listen-client-urls: http://127.0.0.1:1,http://127.0.0.1:2\n\
                    peer-transport-security:\n  cert-file: /c\n  client-cert-auth: true\n\
                    cipher-suites:\n  - a\n  - b\nname2:\n";
        let values = values(text).expect("it is good");
        assert_eq!(values.text("name"), "m1");
        assert_eq!(values.text("data-dir"), "/d");
        assert_eq!(values.uint("heartbeat-interval"), Some(200));
        assert!(!values.bool("strict-reconfig-check"));
        assert_eq!(values.duration_us("corrupt-check-time"), Some(5_000_000));
        assert_eq!(values.text("log-outputs"), "stderr,stdout");
        assert_eq!(values.urls("listen-client-urls").len(), 2);
        assert_eq!(values.text("peer-cert-file"), "/c");
        assert!(values.bool("peer-client-cert-auth"));
        assert_eq!(values.text("cipher-suites"), "a,b");
    }

    /// The words of the real program.
    #[test]
    fn what_is_wrong_is_said_as_etcd_says_it() {
        let rows = [
            (
                "heartbeat-interval: abc\n",
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into \
                 Go struct field configYAML.heartbeat-interval of type uint",
            ),
            (
                "name: [x\n",
                "error converting YAML to JSON: yaml: line 1: did not find expected ',' or ']'",
            ),
            (
                "name: 5\n",
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into \
                 Go struct field configYAML.name of type string",
            ),
        ];
        for (text, why) in rows {
            assert_eq!(values(text).expect_err("it is bad"), why);
        }
    }

    #[test]
    fn hostile_files_only_fail() {
        for text in ["\t", ":", "- a", "a: {", "a: \"", "a:\n   b: 1\n  c: 2", "\u{0}", "a: '"] {
            let _ = values(text);
        }
    }
}
