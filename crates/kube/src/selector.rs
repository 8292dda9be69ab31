//! Selectors: which objects somebody means by labels or by fields.

use serde_json::Value;

use crate::value::{at, label, list, pairs, text};

/// A requirement on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Need {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A selector over labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<Need>);

impl Labels {
    /// Reads `a=b,c!=d,e in (f,g),h,!i`.
    pub fn parse(text: &str) -> Result<Labels, String> {
        let mut needs = Vec::new();
        for part in split_outside(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            needs.push(need(part).ok_or_else(|| {
                format!("unable to parse requirement: found '{part}', expected: identifier")
            })?);
        }
        Ok(Labels(needs))
    }

    /// The selector of a controller: `matchLabels` and `matchExpressions`.
    pub fn of(selector: &Value) -> Labels {
        let mut needs: Vec<Need> = pairs(selector, "matchLabels")
            .into_iter()
            .map(|(name, value)| Need::In(name.to_owned(), vec![value.to_owned()]))
            .collect();
        for expression in list(selector, "matchExpressions") {
            let key = text(expression, "key").to_owned();
            let values = list(expression, "values").iter().filter_map(Value::as_str);
            let values = values.map(str::to_owned).collect();
            needs.push(match text(expression, "operator") {
                "In" => Need::In(key, values),
                "NotIn" => Need::NotIn(key, values),
                "DoesNotExist" => Need::Absent(key),
                _ => Need::Exists(key),
            });
        }
        Labels(needs)
    }

    /// The selector of a service: a map.
    pub fn of_map(map: &Value) -> Labels {
        let pairs = pairs(map, "").into_iter();
        Labels(pairs.map(|(k, v)| Need::In(k.to_owned(), vec![v.to_owned()])).collect())
    }

    /// Whether it asks for nothing, and so takes everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object's labels fit.
    pub fn fits(&self, object: &Value) -> bool {
        self.0.iter().all(|need| match need {
            Need::In(key, values) => {
                label(object, key).is_some_and(|it| values.iter().any(|value| value == it))
            }
            Need::NotIn(key, values) => {
                !label(object, key).is_some_and(|it| values.iter().any(|value| value == it))
            }
            Need::Exists(key) => label(object, key).is_some(),
            Need::Absent(key) => label(object, key).is_none(),
        })
    }
}

fn need(part: &str) -> Option<Need> {
    let word = |text: &str| {
        let text = text.trim();
        let good = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        text.chars().all(good).then(|| text.to_owned())
    };
    let some = |text: &str| word(text).filter(|text| !text.is_empty());
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Need::NotIn(some(key)?, vec![word(value)?]));
    }
    if let Some((key, value)) = part.split_once('=') {
        return Some(Need::In(some(key)?, vec![word(value.trim_start_matches('='))?]));
    }
    for (infix, not) in [(" notin ", true), (" in ", false)] {
        if let Some((key, values)) = part.split_once(infix) {
            let values = values.trim().strip_prefix('(')?.strip_suffix(')')?;
            let values = values.split(',').map(word).collect::<Option<Vec<_>>>()?;
            let key = some(key)?;
            return Some(if not { Need::NotIn(key, values) } else { Need::In(key, values) });
        }
    }
    match part.strip_prefix('!') {
        Some(key) => Some(Need::Absent(some(key)?)),
        None => Some(Need::Exists(some(part)?)),
    }
}

/// Splits at commas that are in no brackets.
fn split_outside(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (place, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[from..place]);
                from = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// A selector over fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, bool, String)>);

/// The fields the API server knows, beside name and namespace.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "Pod",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "status.phase",
            "status.podIP",
            "spec.serviceAccountName",
        ],
    ),
    (
        "Event",
        &[
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.uid",
            "reason",
            "type",
        ],
    ),
    ("Node", &["spec.unschedulable"]),
    ("Namespace", &["status.phase"]),
    ("Secret", &["type"]),
];

impl Fields {
    /// Reads `status.phase=Running,spec.nodeName!=node01` for a kind.
    pub fn parse(text: &str, kind: &str) -> Result<Fields, String> {
        let mut fields = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, equal, value) = if let Some((name, value)) = part.split_once("!=") {
                (name, false, value)
            } else if let Some((name, value)) = part.split_once('=') {
                (name, true, value.trim_start_matches('='))
            } else {
                return Err(format!("invalid selector: '{part}'; can't understand '{part}'"));
            };
            let known = KNOWN.iter().find(|(known, _)| *known == kind);
            let known = known.map(|(_, fields)| *fields).unwrap_or_default();
            if !["metadata.name", "metadata.namespace"].contains(&name) && !known.contains(&name) {
                return Err(format!("field label not supported: {name}"));
            }
            fields.push((name.to_owned(), equal, value.to_owned()));
        }
        Ok(Fields(fields))
    }

    /// Whether an object's fields fit.
    pub fn fits(&self, object: &Value) -> bool {
        self.0.iter().all(|(path, equal, want)| {
            let have = match at(object, path) {
                Value::String(text) => text.clone(),
                Value::Bool(value) => value.to_string(),
                // What is not said is false where a truth is asked for.
                Value::Null if matches!(want.as_str(), "true" | "false") => "false".to_owned(),
                _ => String::new(),
            };
            (have == *want) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_select() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        for (text, want) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app in (web,db),!gone", true),
            ("app notin (web)", false),
            ("gone", false),
        ] {
            assert_eq!(Labels::parse(text).unwrap().fits(&object), want, "{text}");
        }
        assert!(Labels::parse("a b").is_err());
    }

    #[test]
    fn only_known_fields_select() {
        let pod = json!({"metadata": {"name": "a"}, "status": {"phase": "Running"}});
        assert!(Fields::parse("status.phase=Running", "Pod").unwrap().fits(&pod));
        assert!(!Fields::parse("status.phase!=Running", "Pod").unwrap().fits(&pod));
        assert_eq!(
            Fields::parse("spec.color=red", "Pod").unwrap_err(),
            "field label not supported: spec.color"
        );
    }
}
