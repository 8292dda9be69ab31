//! `EncryptionConfiguration`: read and judged with the sentences of the API server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::value::{at, list, text};

/// A kind as a configuration names it: `secrets`, `deployments.apps`, `*.apps`, `*.`, `*.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    resource: String,
    group: String,
}

impl Resource {
    pub(super) fn of(resource: &str, group: &str) -> Resource {
        Resource { resource: resource.to_owned(), group: group.to_owned() }
    }

    fn parse(text: &str) -> Resource {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        Resource::of(resource, group)
    }
}

/// A key with its name.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) secret: Vec<u8>,
}

/// How values are stored.
#[derive(Clone, Debug)]
pub(super) enum Provider {
    Identity,
    AesCbc(Vec<Key>),
    Secretbox(Vec<Key>),
}

impl Provider {
    /// What stands before everything a provider wrote.
    pub(super) fn prefix(&self) -> &'static str {
        match self {
            Provider::Identity => "",
            Provider::AesCbc(_) => "k8s:enc:aescbc:v1:",
            Provider::Secretbox(_) => "k8s:enc:secretbox:v1:",
        }
    }

    pub(super) fn keys(&self) -> &[Key] {
        match self {
            Provider::Identity => &[],
            Provider::AesCbc(keys) | Provider::Secretbox(keys) => keys,
        }
    }
}

/// Kinds and what is done with them.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) resources: Vec<Resource>,
    pub(super) providers: Vec<Provider>,
}

/// Reads a configuration. The error is what is said of all that is wrong with it.
pub(super) fn read(config: &Value) -> Result<Vec<Entry>, String> {
    check_type(config)?;
    let mut faults = Vec::new();
    let resources = list(config, "resources");
    if resources.is_empty() {
        faults.push("resources: Required value: at least one resources is required".to_owned());
    }
    let mut entries = Vec::new();
    for (place, entry) in resources.iter().enumerate() {
        let path = format!("resources[{place}]");
        let names: Vec<&str> = list(entry, "resources").iter().filter_map(Value::as_str).collect();
        judge_names(&names, &format!("{path}.resources"), &mut faults);
        let path = format!("{path}.providers");
        let all = list(entry, "providers");
        if all.is_empty() {
            faults.push(format!("{path}: Required value: at least one {path} is required"));
        }
        let mut providers = Vec::new();
        for (place, one) in all.iter().enumerate() {
            providers.extend(provider(one, &format!("{path}[{place}]"), &mut faults)?);
        }
        entries
            .push(Entry { resources: names.into_iter().map(Resource::parse).collect(), providers });
    }
    match faults.as_slice() {
        [] => Ok(entries),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

fn check_type(config: &Value) -> Result<(), String> {
    let (kind, version) = (text(config, "kind"), text(config, "apiVersion"));
    if kind.is_empty() {
        return Err(format!("Object 'Kind' is missing in '{config}'"));
    }
    if kind != "EncryptionConfiguration" || version != "apiserver.config.k8s.io/v1" {
        return Err(format!(
            "no kind \"{kind}\" is registered for version \"{version}\" in scheme \
             \"k8s.io/apiserver/pkg/server/options/encryptionconfig/config.go:107\""
        ));
    }
    Ok(())
}

fn judge_names(names: &[&str], path: &str, faults: &mut Vec<String>) {
    if names.is_empty() {
        faults.push(format!("{path}: Required value: at least one {path} is required"));
    }
    let parsed: Vec<Resource> = names.iter().map(|it| Resource::parse(it)).collect();
    let others = |place: usize| parsed.iter().enumerate().filter(move |(it, _)| *it != place);
    let twice = parsed.iter().enumerate().any(|(at, it)| others(at).any(|(_, other)| it == other));
    let masks = |one: &Resource, other: &Resource| {
        one != other
            && (*one == Resource::of("*", "*")
                || one.group == other.group && (one.resource == "*" || other.resource == "*"))
    };
    let overlap =
        parsed.iter().enumerate().any(|(at, it)| others(at).any(|(_, other)| masks(it, other)));
    let shown = serde_json::json!(names);
    if twice {
        faults.push(format!(
            "{path}: Invalid value: {shown}: the same resource cannot be specified multiple times"
        ));
    }
    if overlap {
        faults.push(format!(
            "{path}: Invalid value: {shown}: using overlapping resources such as 'secrets' and \
             '*.' in the same resource list is not allowed as they will be masked"
        ));
    }
    for (place, (name, parsed)) in names.iter().zip(&parsed).enumerate() {
        let why = if name.to_lowercase() != *name {
            "resource name should not contain capital letters"
        } else if *name == "*" {
            "use '*.' to encrypt all the resources from core API group or *.* to encrypt all \
             resources"
        } else if parsed.group == "events.k8s.io" {
            "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use \
             'events' instead in the config file"
        } else if parsed.group == "extensions" {
            "'extensions' group has been removed and cannot be used for encryption"
        } else if parsed.group == "*" && parsed.resource != "*" {
            "encrypting the same resource across groups is not supported"
        } else {
            continue;
        };
        faults.push(format!("{path}[{place}]: Invalid value: \"{name}\": {why}"));
    }
}

/// The providers there are, in the order in which their faults are told.
const PROVIDERS: [&str; 5] = ["kms", "aesgcm", "aescbc", "secretbox", "identity"];

fn provider(one: &Value, path: &str, faults: &mut Vec<String>) -> Result<Option<Provider>, String> {
    let named: Vec<&str> = PROVIDERS.into_iter().filter(|name| !at(one, name).is_null()).collect();
    let [name] = named.as_slice() else {
        let go = |field: &str, kind: &str, name: &str| match named.contains(&name) {
            true => format!("{field}:(*apiserver.{kind})(0xc000a1e0c0)"),
            false => format!("{field}:(*apiserver.{kind})(nil)"),
        };
        let shown = [
            go("AESGCM", "AESConfiguration", "aesgcm"),
            go("AESCBC", "AESConfiguration", "aescbc"),
            go("Secretbox", "SecretboxConfiguration", "secretbox"),
            go("Identity", "IdentityConfiguration", "identity"),
            go("KMS", "KMSConfiguration", "kms"),
        ];
        let why = if named.is_empty() {
            "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, \
             Secretbox, Identity"
        } else {
            "more than one provider specified in a single element, should split into different \
             list elements"
        };
        let shown = format!("apiserver.ProviderConfiguration{{{}}}", shown.join(", "));
        faults.push(format!("{path}: Invalid value: {shown}: {why}"));
        return Ok(None);
    };
    let mut keys = |sizes: &[usize]| {
        keys(list(at(one, name), "keys"), &format!("{path}.{name}.keys"), sizes, faults)
    };
    match *name {
        "identity" => Ok(Some(Provider::Identity)),
        "aescbc" => Ok(Some(Provider::AesCbc(keys(&[16, 24, 32])))),
        "secretbox" => Ok(Some(Provider::Secretbox(keys(&[32])))),
        name => Err(format!("the lab has no encryption provider \"{name}\"")),
    }
}

fn keys(all: &[Value], path: &str, sizes: &[usize], faults: &mut Vec<String>) -> Vec<Key> {
    if all.is_empty() {
        faults.push(format!("{path}: Required value: at least one keys is required"));
    }
    let mut found = Vec::new();
    for (place, key) in all.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let (name, secret) = (text(key, "name"), text(key, "secret"));
        if name.is_empty() {
            faults
                .push(format!("{path}.name: Required value: name is a mandatory field for a key"));
        }
        if secret.is_empty() {
            faults.push(format!(
                "{path}.secret: Required value: secret is a mandatory field for a key"
            ));
            continue;
        }
        // Go's decoder passes over line ends.
        let secret: String = secret.chars().filter(|it| !matches!(it, '\n' | '\r')).collect();
        let hidden = format!("{path}.secret: Invalid value: \"REDACTED\"");
        match STANDARD.decode(&secret) {
            Err(_) => faults.push(format!("{hidden}: secrets must be base64 encoded")),
            Ok(secret) if !sizes.contains(&secret.len()) => {
                let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
                faults.push(format!(
                    "{hidden}: secret is not of the expected length, got {}, expected one of [{}]",
                    secret.len(),
                    sizes.join(" ")
                ));
            }
            Ok(secret) => found.push(Key { name: name.to_owned(), secret }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(resources: &str) -> String {
        let text = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n{resources}"
        );
        read(&crate::yaml::parse(&text).unwrap()).unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_told_as_the_api_server_tells_it() {
        let secrets = "- resources: [secrets]\n  providers:\n";
        assert_eq!(
            error(&format!(
                "{secrets}  - aescbc:\n      keys: [{{name: key1, secret: c2hvcnQ=}}]\n"
            )),
            "resources[0].providers[0].aescbc.keys[0].secret: Invalid value: \"REDACTED\": secret \
             is not of the expected length, got 5, expected one of [16 24 32]"
        );
        assert_eq!(
            error(&format!("{secrets}  - secretbox:\n      keys: [{{name: key1, secret: '!'}}]\n")),
            "resources[0].providers[0].secretbox.keys[0].secret: Invalid value: \"REDACTED\": \
             secrets must be base64 encoded"
        );
        assert_eq!(
            error(&format!("{secrets}  - aescbc: {{keys: [{{secret: ''}}]}}\n")),
            "[resources[0].providers[0].aescbc.keys[0].name: Required value: name is a mandatory \
             field for a key, resources[0].providers[0].aescbc.keys[0].secret: Required value: \
             secret is a mandatory field for a key]"
        );
        assert!(error(&format!("{secrets}  - aescb: {{}}\n")).ends_with(
            "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, \
             Secretbox, Identity"
        ));
        assert_eq!(
            error("- resources: [secrets, '*.']\n  providers:\n  - identity: {}\n"),
            "resources[0].resources: Invalid value: [\"secrets\",\"*.\"]: using overlapping \
             resources such as 'secrets' and '*.' in the same resource list is not allowed as \
             they will be masked"
        );
    }
}
