//! Encryption at rest: `--encryption-provider-config`. The lab knows one provider, `identity`,
//! which stores things as they are; a configuration with another one is refused at the start.

use serde_json::Value;

use crate::value::list;

/// What is to be encrypted: nothing, so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Encryption;

impl Encryption {
    /// Reads an `EncryptionConfiguration`. The error says what the lab cannot do.
    pub(crate) fn parse(config: &Value) -> Result<Encryption, String> {
        let providers = list(config, "resources").iter().flat_map(|it| list(it, "providers"));
        for provider in providers {
            let name = provider.as_object().and_then(|map| map.keys().next());
            match name.map(String::as_str) {
                Some("identity") => {}
                name => {
                    let name = name.unwrap_or_default();
                    return Err(format!("the lab has no encryption provider \"{name}\" yet"));
                }
            }
        }
        Ok(Encryption)
    }

    /// What was stored, as it was given. The error is the identity provider's.
    pub(crate) fn decrypt(self, stored: &[u8]) -> Result<&[u8], String> {
        if stored.starts_with(b"k8s:enc:") {
            return Err("identity transformer tried to read encrypted data".to_owned());
        }
        Ok(stored)
    }
}
