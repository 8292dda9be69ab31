//! Simple tokens: sixteen letters, a dot and the index of the entry that gave them out.
//!
//! A token lives as long as it is used: every use gives it its whole time again. Once a
//! second those whose time is over are forgotten.

use flat::Map;

const CHECK_US: u64 = 1_000_000;
/// The time a token lives when the flag says none.
const DEFAULT_TTL_S: u64 = 300;
const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LETTERS_OF_A_TOKEN: usize = 16;

#[derive(Debug)]
struct Token {
    user: String,
    until_us: u64,
}

/// The tokens a member knows.
#[derive(Debug)]
pub(crate) struct Tokens {
    known: Map<String, Token>,
    ttl_us: u64,
    check_us: u64,
}

impl Tokens {
    pub(super) fn new(ttl_s: u64) -> Tokens {
        let ttl_s = if ttl_s == 0 { DEFAULT_TTL_S } else { ttl_s };
        let ttl_us = ttl_s.saturating_mul(1_000_000);
        Tokens { known: Map::new(), ttl_us, check_us: 0 }
    }

    pub(super) fn assign(&mut self, token: String, user: &str, now_us: u64) {
        let until_us = now_us.saturating_add(self.ttl_us);
        self.known.insert(token, Token { user: user.to_owned(), until_us });
    }

    /// Whose token it is; it lives on.
    pub(super) fn user_of(&mut self, token: &str, now_us: u64) -> Option<String> {
        let ttl_us = self.ttl_us;
        let known = self.known.get_mut(token)?;
        known.until_us = now_us.saturating_add(ttl_us);
        Some(known.user.clone())
    }

    pub(super) fn invalidate(&mut self, user: &str) {
        self.known.retain(|_, token| token.user != user);
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// With every tick.
    pub(crate) fn check(&mut self, now_us: u64) {
        if now_us >= self.check_us && !self.known.is_empty() {
            self.check_us = now_us + CHECK_US;
            self.known.retain(|_, token| token.until_us >= now_us);
        }
    }
}

/// The letters of a token from something drawn.
pub(super) fn letters(mut drawn: u64) -> String {
    let mut text = String::with_capacity(LETTERS_OF_A_TOKEN);
    for _ in 0..LETTERS_OF_A_TOKEN {
        drawn = crate::node::mix(drawn);
        let letter = usize::try_from(drawn % 52).expect("52 letters fit");
        text.push(char::from(LETTERS[letter]));
    }
    text
}

/// The entry that gave a token out: a member that has not applied it waits. None for what
/// is no token.
pub(crate) fn index_of(token: &str) -> Option<u64> {
    let (_, index) = token.split_once('.')?;
    index.parse().ok()
}

/// What the log says of a token: the first twelve digits of its SHA-256.
pub(super) fn fingerprint(token: &str) -> String {
    use sha2::{Digest, Sha256};
    let sum = Sha256::digest(token.as_bytes());
    sum.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_while_it_is_used() {
        let mut tokens = Tokens::new(2);
        tokens.assign("a.1".to_owned(), "root", 0);
        assert_eq!(tokens.user_of("a.1", 1_900_000).as_deref(), Some("root"));
        tokens.check(3_800_000);
        assert_eq!(tokens.user_of("a.1", 3_850_000).as_deref(), Some("root"));
        tokens.check(5_900_001);
        assert_eq!(tokens.user_of("a.1", 5_900_001), None);
    }

    #[test]
    fn tokens_look_like_etcds() {
        assert_eq!(letters(1).len(), 16);
        assert_ne!(letters(1), letters(2));
        assert_eq!(index_of("abcdefghijklmnop.42"), Some(42));
        assert_eq!(index_of("abc"), None);
        assert_eq!(index_of("abc.x"), None);
        assert_eq!(index_of("abc.1.2"), None);
    }
}
