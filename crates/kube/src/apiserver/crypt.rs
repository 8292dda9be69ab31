//! Encryption at rest: `--encryption-provider-config`. It knows the providers `aescbc`,
//! `secretbox` and `identity`, each in the form in which the real API server stores values, so
//! that what lies in etcd shows which key wrote it. The providers `aesgcm` and `kms` are
//! refused at the start.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt};
use aes::cipher::{KeyInit, KeyIvInit, StreamCipher};
use aes::{Aes128, Aes192, Aes256};
use poly1305::Poly1305;
use salsa20::XSalsa20;
use serde_json::Value;
use sim::Sys;

use super::encryption_config::{Entry, Provider, Resource};
use crate::resources::Kind;
use crate::value;

const BLOCK: usize = 16;
const NONCE: usize = 24;
const TAG: usize = 16;
const KEY: usize = 32;

/// What is to be encrypted, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encryption {
    entries: Vec<Entry>,
}

impl Encryption {
    /// Reads an `EncryptionConfiguration`. The error is what the API server says of it.
    pub(crate) fn parse(config: &Value) -> Result<Encryption, String> {
        Ok(Encryption { entries: super::encryption_config::read(config)? })
    }

    /// The providers of a kind, the one that writes first. Its own name wins over its group's
    /// star, and that over the star of everything.
    fn providers(&self, kind: &Kind) -> Vec<&Provider> {
        let all = || self.entries.iter();
        for wanted in [
            Resource::of(kind.plural, kind.group),
            Resource::of("*", kind.group),
            Resource::of("*", "*"),
        ] {
            let found = all().filter(|entry| entry.resources.contains(&wanted));
            let found: Vec<&Provider> = found.flat_map(|entry| &entry.providers).collect();
            if !found.is_empty() {
                return found;
            }
        }
        vec![&Provider::Identity]
    }

    /// What is stored for a value.
    pub(crate) fn encrypt(&self, sys: &Sys, kind: &Kind, plain: Vec<u8>) -> Vec<u8> {
        let providers = self.providers(kind);
        let (title, keys) = match providers.first().expect("every kind has a provider") {
            Provider::Identity => return plain,
            provider => (provider.prefix(), provider.keys()),
        };
        let key = keys.first().expect("providers without keys are refused");
        let mut stored = format!("{title}{}:", key.name).into_bytes();
        match providers[0] {
            Provider::Secretbox(_) => stored.extend(seal(&key.secret, value::draw(sys), &plain)),
            _ => stored.extend(cbc_encrypt(&key.secret, value::draw(sys), plain)),
        }
        stored
    }

    /// What was given to be stored, and whether it would now be stored in another form. The
    /// error is that of the providers.
    pub(crate) fn decrypt(&self, kind: &Kind, stored: &[u8]) -> Result<(Vec<u8>, bool), String> {
        let providers = self.providers(kind);
        let mut errors = Vec::new();
        for (place, provider) in providers.iter().enumerate() {
            let Some(rest) = stored.strip_prefix(provider.prefix().as_bytes()) else { continue };
            if matches!(provider, Provider::Identity) {
                if !stored.starts_with(b"k8s:enc:") {
                    return Ok((stored.to_vec(), place > 0));
                }
                if providers.len() == 1 {
                    return Err("identity transformer tried to read encrypted data".to_owned());
                }
                // Another provider may know what to do with it.
                continue;
            }
            match by_key(provider, rest) {
                Ok((plain, stale)) => return Ok((plain, stale || place > 0)),
                Err(error) => errors.push(error),
            }
        }
        errors.dedup();
        Err(match errors.as_slice() {
            [] => "no matching prefix found".to_owned(),
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        })
    }
}

/// Decrypts with the key whose name stands first. True when it is not the key that writes.
fn by_key(provider: &Provider, stored: &[u8]) -> Result<(Vec<u8>, bool), String> {
    let mut error = match provider {
        Provider::Secretbox(_) => {
            "no matching key was found for the provided Secretbox transformer"
        }
        _ => "no matching key was found for the provided AES transformer",
    }
    .to_owned();
    for (place, key) in provider.keys().iter().enumerate() {
        let Some(rest) = stored.strip_prefix(format!("{}:", key.name).as_bytes()) else { continue };
        let plain = match provider {
            Provider::Secretbox(_) => open(&key.secret, rest),
            _ => cbc_decrypt(&key.secret, rest),
        };
        match plain {
            Ok(plain) => return Ok((plain, place > 0)),
            Err(why) => error = why.to_owned(),
        }
    }
    Err(error)
}

fn encrypt_blocks<C: BlockCipherEncrypt + KeyInit>(key: &[u8], iv: &[u8], data: &mut [u8]) {
    let mut mode = cbc::Encryptor::<C>::new_from_slices(key, iv).expect("lengths were checked");
    for block in data.chunks_exact_mut(BLOCK) {
        mode.encrypt_block(block.try_into().expect("a chunk is a block"));
    }
}

fn decrypt_blocks<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], data: &mut [u8]) {
    let mut mode = cbc::Decryptor::<C>::new_from_slices(key, iv).expect("lengths were checked");
    for block in data.chunks_exact_mut(BLOCK) {
        mode.decrypt_block(block.try_into().expect("a chunk is a block"));
    }
}

/// AES in CBC mode with padding as of PKCS #7; the initial vector stands first.
fn cbc_encrypt(key: &[u8], iv: [u8; BLOCK], mut plain: Vec<u8>) -> Vec<u8> {
    let padding = BLOCK - plain.len() % BLOCK;
    let byte = u8::try_from(padding).expect("a block is small");
    plain.extend(std::iter::repeat_n(byte, padding));
    match key.len() {
        16 => encrypt_blocks::<Aes128>(key, &iv, &mut plain),
        24 => encrypt_blocks::<Aes192>(key, &iv, &mut plain),
        _ => encrypt_blocks::<Aes256>(key, &iv, &mut plain),
    }
    [iv.as_slice(), &plain].concat()
}

fn cbc_decrypt(key: &[u8], stored: &[u8]) -> Result<Vec<u8>, &'static str> {
    let Some((iv, data)) = stored.split_at_checked(BLOCK) else {
        return Err("the stored data was shorter than the required size");
    };
    if data.len() % BLOCK != 0 {
        return Err("the stored data is not a multiple of the block size");
    }
    let mut plain = data.to_vec();
    match key.len() {
        16 => decrypt_blocks::<Aes128>(key, iv, &mut plain),
        24 => decrypt_blocks::<Aes192>(key, iv, &mut plain),
        _ => decrypt_blocks::<Aes256>(key, iv, &mut plain),
    }
    let last = plain.last().copied().unwrap_or_default();
    let size = plain.len().checked_sub(usize::from(last));
    let Some(size) = size.filter(|_| last > 0) else {
        return Err("invalid PKCS7 data (empty or not padded)");
    };
    if plain[size..].iter().any(|&byte| byte != last) {
        return Err("invalid padding on input");
    }
    plain.truncate(size);
    Ok(plain)
}

/// The stream's first bytes are the key of the tag, the rest hides the message.
fn box_stream(key: &[u8], nonce: &[u8], message: &[u8]) -> (Poly1305, Vec<u8>) {
    let mut stream = XSalsa20::new_from_slices(key, nonce).expect("lengths were checked");
    let mut tag_key = [0; KEY];
    stream.apply_keystream(&mut tag_key);
    let mut message = message.to_vec();
    stream.apply_keystream(&mut message);
    (Poly1305::new(&tag_key.into()), message)
}

/// NaCl's secretbox; the nonce stands first, then the tag.
fn seal(key: &[u8], nonce: [u8; NONCE], plain: &[u8]) -> Vec<u8> {
    let (authenticator, hidden) = box_stream(key, &nonce, plain);
    let tag = authenticator.compute_unpadded(&hidden);
    [nonce.as_slice(), tag.as_slice(), &hidden].concat()
}

fn open(key: &[u8], stored: &[u8]) -> Result<Vec<u8>, &'static str> {
    if stored.len() < NONCE + TAG {
        return Err("the stored data was shorter than the required size");
    }
    let (nonce, rest) = stored.split_at(NONCE);
    let (tag, hidden) = rest.split_at(TAG);
    let (authenticator, plain) = box_stream(key, nonce, hidden);
    if authenticator.compute_unpadded(hidden).as_slice() != tag {
        // That is what the real one says of a box it cannot open.
        return Err("output array was not large enough for encryption");
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::named;

    fn config(text: &str) -> Encryption {
        Encryption::parse(&crate::yaml::parse(text).unwrap()).unwrap()
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    /// The first vector of NIST SP 800-38A for AES-256 in CBC mode.
    #[test]
    fn cbc_is_the_one_of_the_standard() {
        let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let iv: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let plain = hex("6bc1bee22e409f96e93d7e117393172a");
        let stored = cbc_encrypt(&key, iv, plain.clone());
        assert_eq!(stored[16..32], hex("f58c4c04d6e5f1ba779eabfb5f7bfbd6"));
        assert_eq!(cbc_decrypt(&key, &stored).unwrap(), plain);
    }

    /// The vector of NaCl's own tests.
    #[test]
    fn boxes_are_those_of_nacl() {
        let key = hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
        let nonce = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
        let plain = hex("be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc\
                         e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31\
                         0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde\
                         048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864\
                         5e0705");
        let sealed = seal(&key, nonce.try_into().unwrap(), &plain);
        assert_eq!(sealed[24..40], hex("f3ffc7703f9400e52a7dfb4b3d3305d9"));
        assert_eq!(sealed[40..48], hex("8e993b9f48681273"));
        assert_eq!(open(&key, &sealed).unwrap(), plain);
        let mut broken = sealed;
        broken[50] ^= 1;
        assert!(open(&key, &broken).is_err());
    }

    #[test]
    fn the_first_provider_writes_and_all_read() {
        let secret = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        let keys = format!("keys: [{{name: key1, secret: {secret}}}]");
        let head = "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\n\
                    resources:\n- resources: [secrets]\n  providers:\n";
        let cbc = config(&format!("{head}  - aescbc: {{{keys}}}\n  - identity: {{}}\n"));
        let back = config(&format!("{head}  - identity: {{}}\n  - aescbc: {{{keys}}}\n"));
        let none = Encryption::default();
        let (secrets, maps) = (named("Secret"), named("ConfigMap"));
        assert_eq!(cbc.decrypt(secrets, b"{}").unwrap(), (b"{}".to_vec(), true));
        assert_eq!(cbc.decrypt(maps, b"{}").unwrap(), (b"{}".to_vec(), false));
        let key = cbc.providers(secrets)[0].keys()[0].secret.clone();
        let mut stored = b"k8s:enc:aescbc:v1:key1:".to_vec();
        stored.extend(cbc_encrypt(&key, [7; 16], b"{}".to_vec()));
        assert_eq!(cbc.decrypt(secrets, &stored).unwrap(), (b"{}".to_vec(), false));
        assert_eq!(back.decrypt(secrets, &stored).unwrap(), (b"{}".to_vec(), true));
        let error = none.decrypt(secrets, &stored).unwrap_err();
        assert_eq!(error, "identity transformer tried to read encrypted data");
        let error = cbc.decrypt(secrets, b"k8s:enc:aescbc:v1:key2:0123456789abcdef").unwrap_err();
        assert_eq!(error, "no matching key was found for the provided AES transformer");
        let error = back.decrypt(secrets, b"k8s:enc:secretbox:v1:key1:0").unwrap_err();
        assert_eq!(error, "no matching prefix found");
    }
}
