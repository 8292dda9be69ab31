//! Patches: merge patches, strategic merge patches and JSON patches, and the three-way patch
//! `kubectl apply` makes.

use serde_json::{Map, Value};

use crate::value::text;

/// The field by which the elements of a list are told apart, by the list's name.
fn merge_key(list: &str) -> Option<&'static str> {
    Some(match list {
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" | "secrets" => {
            "name"
        }
        "volumeMounts" => "mountPath",
        "conditions" => "type",
        "ownerReferences" => "uid",
        "taints" => "key",
        _ => return None,
    })
}

/// The key of the elements of `ports`: that of a container's or of a service's.
fn key_of(list: &str, elements: &[Value]) -> Option<&'static str> {
    if list == "ports" {
        let service = elements.iter().any(|port| port.get("port").is_some());
        return Some(if service { "port" } else { "containerPort" });
    }
    merge_key(list)
}

/// A merge patch (RFC 7386).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let map = target.as_object_mut().expect("it was made one");
    for (name, value) in patch {
        if value.is_null() {
            map.remove(name);
        } else {
            merge(map.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// A strategic merge patch: lists whose elements have a key are merged by it.
pub fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() || patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        *target = Value::Object(Map::new());
    }
    let map = target.as_object_mut().expect("it was made one");
    for (name, value) in patch {
        if name.starts_with('$') {
            continue;
        }
        match value {
            Value::Null => drop(map.remove(name)),
            Value::Array(elements) => match key_of(name, elements) {
                Some(key) => {
                    let list = map.entry(name.clone()).or_insert(Value::Array(Vec::new()));
                    strategic_list(list, elements, key);
                }
                None => drop(map.insert(name.clone(), value.clone())),
            },
            value => strategic(map.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

fn strategic_list(list: &mut Value, elements: &[Value], key: &str) {
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let list = list.as_array_mut().expect("it was made one");
    if elements.iter().any(|it| text(it, "$patch") == "replace") {
        list.clear();
    }
    for element in elements {
        let same = |it: &&mut Value| it.get(key) == element.get(key);
        match text(element, "$patch") {
            "delete" => list.retain(|it| it.get(key) != element.get(key)),
            "replace" if element.get(key).is_none() => {}
            _ => match list.iter_mut().find(same) {
                Some(old) => strategic(old, element),
                None => list.push(element.clone()),
            },
        }
    }
}

/// A JSON patch (RFC 6902). The error is the server's sentence.
pub fn json(target: &mut Value, operations: &Value) -> Result<(), String> {
    let operations = operations.as_array().ok_or("a JSON patch is a list of operations")?;
    for operation in operations {
        let (op, path) = (text(operation, "op"), text(operation, "path"));
        let missing = || format!("{op} operation does not apply: doc is missing path: {path}");
        let (parent, last) = path.rsplit_once('/').ok_or_else(missing)?;
        let last = last.replace("~1", "/").replace("~0", "~");
        let value = operation.get("value").cloned().unwrap_or(Value::Null);
        let found = target.pointer_mut(parent).ok_or_else(missing)?;
        match (op, found) {
            ("test", Value::Object(map)) => {
                if map.get(&last) != Some(&value) {
                    return Err(format!("testing value {path} failed: test failed"));
                }
            }
            ("add", Value::Object(map)) => drop(map.insert(last, value)),
            ("replace", Value::Object(map)) if map.contains_key(&last) => {
                map.insert(last, value);
            }
            ("remove", Value::Object(map)) => drop(map.remove(&last).ok_or_else(missing)?),
            ("add", Value::Array(list)) if last == "-" => list.push(value),
            (op, Value::Array(list)) => {
                let place: usize = last.parse().map_err(|_| missing())?;
                match op {
                    "add" if place <= list.len() => list.insert(place, value),
                    "replace" if place < list.len() => list[place] = value,
                    "remove" if place < list.len() => drop(list.remove(place)),
                    _ => return Err(missing()),
                }
            }
            _ => return Err(missing()),
        }
    }
    Ok(())
}

/// The patch by which an object that was applied as `original` becomes `modified`, whatever
/// else `current` holds: what was applied and is no more is deleted.
pub fn three_way(original: &Value, modified: &Value, current: &Value) -> Value {
    let mut patch = Map::new();
    let empty = Map::new();
    let map = |value: &Value| value.as_object().cloned().unwrap_or_else(|| empty.clone());
    let (original, modified, current) = (map(original), map(modified), map(current));
    for (name, value) in &modified {
        let now = current.get(name).unwrap_or(&Value::Null);
        let before = original.get(name).unwrap_or(&Value::Null);
        match value {
            Value::Object(_) => {
                let inner = three_way(before, value, now);
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) || now.is_null() {
                    patch.insert(name.clone(), if now.is_null() { value.clone() } else { inner });
                }
            }
            Value::Array(list) => {
                if let Some(list) = three_way_list(name, before, list, now) {
                    patch.insert(name.clone(), list);
                }
            }
            value if value != now => drop(patch.insert(name.clone(), value.clone())),
            _ => {}
        }
    }
    for name in original.keys().filter(|name| !modified.contains_key(*name)) {
        if current.contains_key(name) {
            patch.insert(name.clone(), Value::Null);
        }
    }
    Value::Object(patch)
}

/// The same for a list; none where it is as it should be.
fn three_way_list(name: &str, before: &Value, list: &[Value], now: &Value) -> Option<Value> {
    let empty = Vec::new();
    let current = now.as_array().unwrap_or(&empty);
    let before = before.as_array().unwrap_or(&empty);
    let Some(key) = key_of(name, list) else {
        return (current != list).then(|| Value::Array(list.to_vec()));
    };
    let find = |list: &[Value], element: &Value| {
        list.iter().find(|it| it.get(key) == element.get(key)).cloned()
    };
    let mut patches = Vec::new();
    for element in list {
        let Some(now) = find(current, element) else {
            patches.push(element.clone());
            continue;
        };
        let before = find(before, element).unwrap_or(Value::Null);
        let Value::Object(mut inner) = three_way(&before, element, &now) else { continue };
        if !inner.is_empty() {
            inner.insert(key.to_owned(), element.get(key).cloned().unwrap_or(Value::Null));
            patches.push(Value::Object(inner));
        }
    }
    for gone in before.iter().filter(|it| find(list, it).is_none() && find(current, it).is_some()) {
        let key_value = gone.get(key).cloned().unwrap_or(Value::Null);
        patches.push(serde_json::json!({"$patch": "delete", key: key_value}));
    }
    (!patches.is_empty()).then_some(Value::Array(patches))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_with_keys_are_merged() {
        let mut pod =
            json!({"spec": {"containers": [{"name": "a", "image": "x:1"}, {"name": "b"}]}});
        strategic(&mut pod, &json!({"spec": {"containers": [{"name": "a", "image": "x:2"}]}}));
        assert_eq!(
            pod,
            json!({"spec": {"containers": [{"name": "a", "image": "x:2"}, {"name": "b"}]}})
        );
        let delete = json!({"spec": {"containers": [{"$patch": "delete", "name": "b"}]}});
        strategic(&mut pod, &delete);
        assert_eq!(pod["spec"]["containers"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn what_was_applied_and_is_no_more_goes() {
        let original = json!({"data": {"a": "1", "b": "2"}});
        let modified = json!({"data": {"a": "3"}});
        let current = json!({"data": {"a": "1", "b": "2", "c": "kept"}, "more": true});
        let patch = three_way(&original, &modified, &current);
        assert_eq!(patch, json!({"data": {"a": "3", "b": null}}));
        let mut result = current;
        strategic(&mut result, &patch);
        assert_eq!(result, json!({"data": {"a": "3", "c": "kept"}, "more": true}));
    }

    #[test]
    fn json_patches_apply_in_order() {
        let mut value = json!({"a": {"b": [1, 2]}});
        let patch = json!([
            {"op": "add", "path": "/a/b/-", "value": 3},
            {"op": "remove", "path": "/a/b/0"},
            {"op": "replace", "path": "/a/b/0", "value": 9},
        ]);
        json(&mut value, &patch).unwrap();
        assert_eq!(value, serde_json::json!({"a": {"b": [9, 3]}}));
        let wrong = serde_json::json!([{"op": "remove", "path": "/x"}]);
        assert!(json(&mut value, &wrong).is_err());
    }
}
