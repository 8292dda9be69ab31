//! bcrypt as Go's `x/crypto/bcrypt` writes it: `$2a$10$`, 22 letters of salt, 31 of hash.
//!
//! A hash takes tens of milliseconds by design, and a command with a password needs one. It
//! is a pure function, so what was computed once is remembered.

use std::cell::RefCell;

use blowfish::Blowfish;
use sha2::{Digest, Sha256};

const LETTERS: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Go refuses longer passwords when it makes a hash.
const PASSWORD_MAX: usize = 72;
const HASH_BYTES: usize = 23;
const REMEMBERED: usize = 64;

/// The strength of new hashes: rounds as a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost(u32);

impl Cost {
    const DEFAULT: Cost = Cost(10);

    /// `--bcrypt-cost`. None when it is out of bounds: etcd then says so and takes the default.
    pub(crate) fn new(cost: u64) -> Option<Cost> {
        let cost = u32::try_from(cost).ok()?;
        (4..=31).contains(&cost).then_some(Cost(cost))
    }
}

impl Default for Cost {
    fn default() -> Cost {
        Cost::DEFAULT
    }
}

thread_local! {
    /// SHA-256 of salt, cost and password, with the hash: the newest last.
    static DONE: RefCell<Vec<([u8; 32], [u8; HASH_BYTES])>> = const { RefCell::new(Vec::new()) };
}

/// The bcrypt string of a password; none when the password is too long.
pub(crate) fn hash(password: &str, cost: Cost, salt: [u8; 16]) -> Option<Vec<u8>> {
    if password.len() > PASSWORD_MAX {
        return None;
    }
    let raw = remembered(password, cost.0, salt);
    let mut text = format!("$2a${:02}$", cost.0).into_bytes();
    encode(&salt, &mut text);
    encode(&raw, &mut text);
    Some(text)
}

/// Whether a password has this bcrypt string.
pub(super) fn verify(hashed: &[u8], password: &str) -> bool {
    parse(hashed).is_some_and(|(cost, salt, raw)| remembered(password, cost, salt) == raw)
}

/// Cost, salt and hash of a bcrypt string.
fn parse(hashed: &[u8]) -> Option<(u32, [u8; 16], [u8; HASH_BYTES])> {
    let rest = hashed.strip_prefix(b"$2")?;
    // The minor version is a letter or nothing.
    let rest = match rest {
        [b'$', rest @ ..] | [_, b'$', rest @ ..] => rest,
        _ => return None,
    };
    let (cost, rest) = (rest.get(..2)?, rest.get(3..)?);
    let cost: u32 = std::str::from_utf8(cost).ok()?.parse().ok()?;
    if !(4..=31).contains(&cost) {
        return None;
    }
    let salt = decode(rest.get(..22)?)?.try_into().ok()?;
    let raw = decode(rest.get(22..53)?)?.try_into().ok()?;
    Some((cost, salt, raw))
}

fn remembered(password: &str, cost: u32, salt: [u8; 16]) -> [u8; HASH_BYTES] {
    let mut sha = Sha256::new();
    sha.update(salt);
    sha.update(cost.to_be_bytes());
    sha.update(password.as_bytes());
    let key: [u8; 32] = sha.finalize().into();
    DONE.with_borrow_mut(|done| {
        if let Some((_, raw)) = done.iter().find(|(known, _)| *known == key) {
            return *raw;
        }
        let raw = bcrypt(password, cost, salt);
        if done.len() == REMEMBERED {
            done.remove(0);
        }
        done.push((key, raw));
        raw
    })
}

fn bcrypt(password: &str, cost: u32, salt: [u8; 16]) -> [u8; HASH_BYTES] {
    // C's final zero is part of the key. Blowfish takes no more than 72 bytes of it.
    let mut key = password.as_bytes().to_vec();
    key.push(0);
    key.truncate(PASSWORD_MAX);
    let mut state: Blowfish = Blowfish::bc_init_state();
    state.salted_expand_key(&salt, &key);
    for _ in 0..1_u64 << cost {
        state.bc_expand_key(&key);
        state.bc_expand_key(&salt);
    }
    // "OrpheanBeholderScryDoubt", enciphered 64 times.
    let mut text = [0x4f72_7068, 0x6561_6e42, 0x6568_6f6c, 0x6465_7253, 0x6372_7944, 0x6f75_6274];
    let mut raw = [0; 24];
    for (pair, out) in text.chunks_exact_mut(2).zip(raw.chunks_exact_mut(8)) {
        let mut block: [u32; 2] = [pair[0], pair[1]];
        for _ in 0..64 {
            block = state.bc_encrypt(block);
        }
        out[..4].copy_from_slice(&block[0].to_be_bytes());
        out[4..].copy_from_slice(&block[1].to_be_bytes());
    }
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(&raw[..HASH_BYTES]);
    hash
}

/// Base64 with bcrypt's own alphabet, without padding.
fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    encode_with(LETTERS, bytes, out);
}

fn encode_with(letters: &[u8; 64], bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..=chunk.len() {
            let six = group >> (18 - 6 * digit) & 63;
            out.push(letters[six as usize]);
        }
    }
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(LETTERS, text)
}

fn decode_with(letters: &[u8; 64], text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut group, mut bits) = (0_u32, 0);
    for letter in text {
        let six = letters.iter().position(|known| known == letter)?;
        group = group << 6 | u32::try_from(six).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((group >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding: how a hash travels in a request.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    encode_with(STANDARD, bytes, &mut out);
    while !out.len().is_multiple_of(4) {
        out.push(b'=');
    }
    String::from_utf8(out).expect("the alphabet is ASCII")
}

/// The reverse.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let letters = text.trim_end_matches('=');
    if text.len() - letters.len() > 2 {
        return None;
    }
    decode_with(STANDARD, letters.as_bytes())
}

/// A salt of two drawn numbers.
pub(crate) fn salt(one: u64, other: u64) -> [u8; 16] {
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&one.to_be_bytes());
    salt[8..].copy_from_slice(&other.to_be_bytes());
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strings of other implementations (OpenBSD's test vectors).
    #[test]
    fn known_hashes_are_recognised() {
        let rows = [
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        ];
        for (password, hashed) in rows {
            assert!(verify(hashed.as_bytes(), password), "{password}");
            assert!(!verify(hashed.as_bytes(), "another"));
            let (cost, salt, _) = parse(hashed.as_bytes()).unwrap();
            let again = hash(password, Cost(cost), salt).unwrap();
            assert_eq!(String::from_utf8(again).unwrap(), hashed);
        }
    }

    #[test]
    fn hostile_hashes_match_nothing() {
        for hashed in
            ["", "$2a$", "$2a$99$CCCC", "$2a$05$CCCC", "x", "$2a$05$!!!!!!!!!!!!!!!!!!!!!!"]
        {
            assert!(!verify(hashed.as_bytes(), ""));
        }
    }

    #[test]
    fn base64_goes_both_ways() {
        for len in 0..70_u8 {
            let bytes: Vec<u8> = (0..len).map(|n| n.wrapping_mul(37)).collect();
            assert_eq!(from_base64(&to_base64(&bytes)).unwrap(), bytes);
        }
        assert_eq!(to_base64(b"foo"), "Zm9v");
        assert_eq!(to_base64(b"fo"), "Zm8=");
        assert_eq!(from_base64("Zm8"), None);
    }

    #[test]
    fn a_cost_has_bounds() {
        assert_eq!(Cost::new(3), None);
        assert_eq!(Cost::new(4), Some(Cost(4)));
        assert_eq!(Cost::new(32), None);
        assert_eq!(hash(&"x".repeat(73), Cost(4), [0; 16]), None);
    }
}
