//! Small views of objects. An object is a JSON value, as the API server stores it; what a part
//! of Kubernetes needs of it is read by path and never assumed to be there.

use serde_json::{Map, Value};
use sim::Sys;

static NULL: Value = Value::Null;

/// The value at a path such as `spec.template.spec`; null where there is none. The parts are
/// names of fields, so none of them may contain a dot; a number is a place in a list.
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    let mut value = value;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        value = match value {
            Value::Object(map) => map.get(part).unwrap_or(&NULL),
            Value::Array(list) => {
                part.parse().ok().and_then(|place: usize| list.get(place)).unwrap_or(&NULL)
            }
            _ => &NULL,
        };
    }
    value
}

/// The text at a path; empty where there is none.
pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).as_str().unwrap_or_default()
}

/// The number at a path.
pub fn int(value: &Value, path: &str) -> Option<i64> {
    at(value, path).as_i64()
}

/// Whether the path holds `true`.
pub fn yes(value: &Value, path: &str) -> bool {
    at(value, path).as_bool().unwrap_or_default()
}

/// The list at a path; empty where there is none.
pub fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The pairs at a path, sorted by name; values that are no text are left out.
pub fn pairs<'a>(value: &'a Value, path: &str) -> Vec<(&'a str, &'a str)> {
    let Some(map) = at(value, path).as_object() else { return Vec::new() };
    map.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
}

/// A label's value.
pub fn label<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    at(value, "metadata.labels").get(name)?.as_str()
}

/// An annotation's value.
pub fn annotation<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    at(value, "metadata.annotations").get(name)?.as_str()
}

/// The object at a path, made where there is none (or where something else stands).
pub fn object_mut<'a>(value: &'a mut Value, path: &str) -> &'a mut Map<String, Value> {
    let mut value = value;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        let map = value.as_object_mut().expect("it was made one");
        value = map.entry(part.to_owned()).or_insert(Value::Null);
    }
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made one")
}

/// Sets the value at a path.
pub fn set(value: &mut Value, path: &str, to: impl Into<Value>) {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    object_mut(value, parent).insert(name.to_owned(), to.into());
}

/// Sets it where nothing stands.
pub fn default(value: &mut Value, path: &str, to: impl Into<Value>) {
    if at(value, path).is_null() {
        set(value, path, to);
    }
}

/// Takes the value at a path away.
pub fn unset(value: &mut Value, path: &str) -> Option<Value> {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    if at(value, parent).is_object() { object_mut(value, parent).remove(name) } else { None }
}

/// `metadata.name`.
pub fn name(value: &Value) -> &str {
    text(value, "metadata.name")
}

/// `metadata.namespace`.
pub fn namespace(value: &Value) -> &str {
    text(value, "metadata.namespace")
}

/// `metadata.uid`.
pub fn uid(value: &Value) -> &str {
    text(value, "metadata.uid")
}

/// `namespace/name`, or the name alone.
pub fn key(value: &Value) -> String {
    match namespace(value) {
        "" => name(value).to_owned(),
        namespace => format!("{namespace}/{}", name(value)),
    }
}

/// Whether it is on its way out.
pub fn is_deleted(value: &Value) -> bool {
    !at(value, "metadata.deletionTimestamp").is_null()
}

/// The owner that manages it: kind, name and uid.
pub fn controller(value: &Value) -> Option<(&str, &str, &str)> {
    let owners = list(value, "metadata.ownerReferences");
    let owner = owners.iter().find(|owner| yes(owner, "controller"))?;
    Some((text(owner, "kind"), text(owner, "name"), text(owner, "uid")))
}

/// A reference by which `owner` manages what carries it.
pub fn owned_by(owner: &Value) -> Value {
    serde_json::json!({
        "apiVersion": text(owner, "apiVersion"), "kind": text(owner, "kind"),
        "name": name(owner), "uid": uid(owner), "controller": true, "blockOwnerDeletion": true,
    })
}

/// A condition of `status.conditions`.
pub fn condition<'a>(value: &'a Value, kind: &str) -> Option<&'a Value> {
    list(value, "status.conditions").iter().find(|it| text(it, "type") == kind)
}

/// Whether a condition is `True`.
pub fn holds(value: &Value, kind: &str) -> bool {
    condition(value, kind).is_some_and(|it| text(it, "status") == "True")
}

/// Sets a condition; its transition time changes only when its status does.
pub fn set_condition(value: &mut Value, mut new: Value, now: &str) {
    let conditions = object_mut(value, "status").entry("conditions").or_insert(Value::Null);
    if !conditions.is_array() {
        *conditions = Value::Array(Vec::new());
    }
    let list = conditions.as_array_mut().expect("it was made one");
    let old = list.iter_mut().find(|it| text(it, "type") == text(&new, "type"));
    match old {
        Some(old) if text(old, "status") == text(&new, "status") => {
            let since = at(old, "lastTransitionTime").clone();
            set(&mut new, "lastTransitionTime", since);
            *old = new;
        }
        Some(old) => {
            set(&mut new, "lastTransitionTime", now);
            *old = new;
        }
        None => {
            set(&mut new, "lastTransitionTime", now);
            list.push(new);
        }
    }
}

/// A moment as objects carry it: `2026-11-22T09:00:00Z`.
pub fn time(wall_us: u64) -> String {
    let stamp = etcd::log::stamp(wall_us);
    format!("{}Z", &stamp[..19])
}

/// The same with microseconds, as Leases carry it.
pub fn micro_time(wall_us: u64) -> String {
    etcd::log::stamp(wall_us)
}

/// Reads a moment; microseconds since 1970.
pub fn parse_time(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let micros = match text.get(19..20)? {
        "." => {
            let digits: String = text.get(20..)?.chars().take_while(char::is_ascii_digit).collect();
            format!("{digits:0<6}").get(..6)?.parse().ok()?
        }
        _ => 0,
    };
    // Counting from March makes the leap day the last of its year.
    let (y, m) = if month <= 2 { (year.checked_sub(1)?, month + 9) } else { (year, month - 3) };
    let (era, of_era) = (y / 400, y % 400);
    let day_of_year = (153 * m + 2) / 5 + day.checked_sub(1)?;
    let days = (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year)
        .checked_sub(719_468)?;
    Some(((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + micros)
}

/// Bytes by chance, as the world's seed gives them.
pub fn draw<const N: usize>(sys: &Sys) -> [u8; N] {
    let mut drawn = [0; N];
    for part in drawn.chunks_mut(8) {
        let bytes = sys.draw().to_le_bytes();
        part.copy_from_slice(&bytes[..part.len()]);
    }
    drawn
}

/// A uid in the form of a random UUID.
pub fn new_uid(sys: &Sys) -> String {
    uuid(&draw::<16>(sys))
}

/// The UUID that stands for a text: static pods are named by their manifest's content.
pub fn uuid(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// Letters and digits that make no words.
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The end of a generated name: five characters.
pub fn suffix(sys: &Sys) -> String {
    let drawn = draw::<5>(sys);
    drawn.iter().map(|byte| char::from(SAFE[usize::from(*byte) % SAFE.len()])).collect()
}

/// The hash of a pod template by which replica sets are told apart.
pub fn template_hash(template: &Value) -> String {
    let mut hash = 0x811c_9dc5_u32;
    for byte in template.to_string().bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let digits = hash.to_string();
    digits.bytes().map(|byte| char::from(SAFE[usize::from(byte) % SAFE.len()])).collect()
}

/// An id of 64 hexadecimal digits.
pub fn long_id(sys: &Sys) -> String {
    draw::<32>(sys).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        for us in [0, 1_795_338_000_000_000, 951_782_400_123_456] {
            assert_eq!(parse_time(&micro_time(us)), Some(us));
            assert_eq!(parse_time(&time(us)), Some(us / 1_000_000 * 1_000_000));
        }
        assert_eq!(parse_time("never"), None);
    }

    #[test]
    fn values_are_set_where_nothing_was() {
        let mut value = Value::Null;
        set(&mut value, "a.b.c", 1);
        default(&mut value, "a.b.c", 2);
        assert_eq!(int(&value, "a.b.c"), Some(1));
        assert_eq!(unset(&mut value, "a.b.c"), Some(1.into()));
        assert_eq!(text(&value, "a.b.c"), "");
    }
}
