//! A recipe as bytes and as the text of a share link.
//!
//! Bytes: `QLAB`, the format (u32, little endian), the first 8 bytes of the SHA-256 of what
//! follows, then the deflated postcard of [`Recipe`]. The text of a link is the base64url of
//! these bytes. A recipe comes from strangers: every length is capped and checked before
//! it is believed, and each refusal is a sentence for the screen.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::api::{RECIPE_FORMAT, Recipe};

const MAGIC: &[u8; 4] = b"QLAB";
const HEAD_LEN: usize = 16;
/// A recipe of an evening is some kilobytes; pushed files make it larger.
const PACKED_BYTES_MAX: usize = 48 << 20;
const PLAIN_BYTES_MAX: usize = 64 << 20;
/// The fastest deflate level that still halves typed text.
const DEFLATE_LEVEL: u8 = 6;

/// Why bytes are not a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipeError {
    /// The first bytes are not ours.
    NotARecipe,
    /// Another format than [`RECIPE_FORMAT`].
    Format(u32),
    /// Longer than any recipe we write.
    TooLarge,
    /// The checksum or what it covers is wrong.
    Damaged,
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecipeError::NotARecipe => f.write_str("this is not a Quorum Lab recipe"),
            RecipeError::Format(format) => write!(
                f,
                "this recipe has format {format}, and this build reads format {RECIPE_FORMAT}"
            ),
            RecipeError::TooLarge => f.write_str("this recipe is too large to be one of ours"),
            RecipeError::Damaged => {
                f.write_str("this recipe is damaged: a part is missing or was changed on the way")
            }
        }
    }
}

impl std::error::Error for RecipeError {}

/// The bytes of a recipe.
pub fn to_bytes(recipe: &Recipe) -> Vec<u8> {
    let plain = postcard::to_allocvec(recipe).expect("a recipe is plain data, all of it encodable");
    let packed = miniz_oxide::deflate::compress_to_vec(&plain, DEFLATE_LEVEL);
    let mut bytes = Vec::with_capacity(HEAD_LEN + packed.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&recipe.format.to_le_bytes());
    bytes.extend_from_slice(&Sha256::digest(&packed)[..8]);
    bytes.extend_from_slice(&packed);
    bytes
}

/// Reads a recipe's bytes.
pub fn from_bytes(bytes: &[u8]) -> Result<Recipe, RecipeError> {
    let head = bytes.get(..HEAD_LEN).ok_or(RecipeError::NotARecipe)?;
    if &head[..4] != MAGIC {
        return Err(RecipeError::NotARecipe);
    }
    let format = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if format != RECIPE_FORMAT {
        return Err(RecipeError::Format(format));
    }
    let packed = &bytes[HEAD_LEN..];
    if packed.len() > PACKED_BYTES_MAX {
        return Err(RecipeError::TooLarge);
    }
    if Sha256::digest(packed)[..8] != head[8..] {
        return Err(RecipeError::Damaged);
    }
    let plain = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, PLAIN_BYTES_MAX)
        .map_err(|_| RecipeError::Damaged)?;
    let recipe: Recipe = postcard::from_bytes(&plain).map_err(|_| RecipeError::Damaged)?;
    let in_order = recipe.inputs.is_sorted_by_key(|stamped| stamped.at_us)
        && recipe.marks.is_sorted_by_key(|mark| mark.at_us);
    if recipe.format != format || !in_order {
        return Err(RecipeError::Damaged);
    }
    Ok(recipe)
}

/// The text of a share link, without its `#`.
pub fn to_text(recipe: &Recipe) -> String {
    URL_SAFE_NO_PAD.encode(to_bytes(recipe))
}

/// Reads the text of a share link.
pub fn from_text(text: &str) -> Result<Recipe, RecipeError> {
    if text.len() > PACKED_BYTES_MAX {
        return Err(RecipeError::TooLarge);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| RecipeError::NotARecipe)?;
    from_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Input, Mark, Stamped, TtyId, WorldOptions};

    fn sample() -> Recipe {
        let line = |at_us, text: &str| Stamped {
            at_us,
            input: Input::Line { tty: TtyId(1), text: text.into() },
        };
        Recipe {
            format: RECIPE_FORMAT,
            engine: "abc".into(),
            options: WorldOptions {
                world: "cluster".into(),
                members: 3,
                release: "3.6.14".into(),
                seed: 7,
                epoch_us: 1_790_000_000_000_000,
                checkers: true,
            },
            inputs: vec![line(5, "etcdctl put a 1"), line(9, "sim kill n2")],
            marks: vec![Mark { at_us: 9, trace: 1 }],
            until_us: 12,
        }
    }

    #[test]
    fn a_recipe_survives_bytes_and_text() {
        let recipe = sample();
        assert_eq!(from_bytes(&to_bytes(&recipe)), Ok(recipe.clone()));
        assert_eq!(from_text(&to_text(&recipe)), Ok(recipe));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let bytes = to_bytes(&sample());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(from_bytes(&damaged).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(from_bytes(&bytes[..len]).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn another_format_is_named() {
        let mut recipe = sample();
        recipe.format = 9;
        let error = from_bytes(&to_bytes(&recipe)).unwrap_err();
        assert_eq!(error.to_string(), "this recipe has format 9, and this build reads format 1");
    }

    #[test]
    fn inputs_out_of_order_are_refused() {
        let mut recipe = sample();
        recipe.inputs.swap(0, 1);
        assert_eq!(from_bytes(&to_bytes(&recipe)), Err(RecipeError::Damaged));
    }
}
