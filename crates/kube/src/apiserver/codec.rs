//! Objects as they lie in etcd: JSON in Kubernetes' order of fields, encrypted where a
//! configuration asks for it.

use serde_json::{Map, Value};
use sim::Sys;

use super::crypt::Encryption;
use crate::resources::Kind;

/// How objects are written and read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Codec {
    pub(crate) encryption: Encryption,
}

impl Codec {
    /// The bytes of an object.
    pub(crate) fn encode(&self, sys: &Sys, kind: &Kind, object: &Value) -> Vec<u8> {
        self.encryption.encrypt(sys, kind, plain(object))
    }

    /// The object in some bytes, and whether it would be written otherwise now. The error is
    /// what the server says of what it cannot read.
    pub(crate) fn decode(
        &self,
        kind: &Kind,
        bytes: &[u8],
        revision: i64,
    ) -> Result<(Value, bool), String> {
        let (plain, stale) = self.encryption.decrypt(kind, bytes)?;
        let mut object: Value = serde_json::from_slice(&plain).map_err(|_| {
            "unable to decode an event from the watch stream: couldn't get version/kind; json \
             parse error"
                .to_owned()
        })?;
        crate::value::set(&mut object, "metadata.resourceVersion", revision.to_string());
        Ok((object, stale))
    }
}

/// The JSON of an object.
fn plain(object: &Value) -> Vec<u8> {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        // That is etcd's to say.
        metadata.remove("resourceVersion");
    }
    let mut text = String::new();
    write(&mut text, &object, FIRST);
    text.push('\n');
    text.into_bytes()
}

/// Fields that stand before the others, in this order.
const FIRST: &[&str] = &[
    "kind",
    "apiVersion",
    "metadata",
    "name",
    "generateName",
    "namespace",
    "uid",
    "generation",
    "creationTimestamp",
    "labels",
    "spec",
];

/// Writes a value with the fields of objects in the order in which Go's structs have them.
pub(crate) fn write(out: &mut String, value: &Value, first: &[&str]) {
    match value {
        Value::Object(map) => write_map(out, map, first),
        Value::Array(list) => {
            out.push('[');
            for (place, value) in list.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(out, value, first);
            }
            out.push(']');
        }
        value => out.push_str(&value.to_string()),
    }
}

fn write_map(out: &mut String, map: &Map<String, Value>, first: &[&str]) {
    out.push('{');
    let early = first.iter().filter_map(|name| map.get_key_value(*name));
    let rest = map.iter().filter(|(name, _)| !first.contains(&name.as_str()));
    for (place, (name, value)) in early.chain(rest).enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        write(out, value, first);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_stored_without_its_version() {
        let codec = Codec::default();
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": ["kubernetes"]},
            "metadata": {"uid": "u", "name": "a", "resourceVersion": "7"},
        });
        let bytes = plain(&object);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(
            text,
            "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\
             \"uid\":\"u\"},\"spec\":{\"finalizers\":[\"kubernetes\"]}}\n"
        );
        let kind = crate::resources::named("Namespace");
        assert_eq!(codec.decode(kind, &bytes, 7).unwrap(), (object, false));
    }
}
