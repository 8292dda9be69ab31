//! PEM: blocks of base64 between lines of dashes. What is not a block is skipped, as Go does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands after `BEGIN`.
    pub label: String,
    /// What the base64 means.
    pub der: Vec<u8>,
}

/// All blocks of a text, in order. Damaged ones are left out.
pub fn blocks(text: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        let line = line.trim_end();
        let edge = |word: &str| {
            line.strip_prefix("-----")?.strip_prefix(word)?.strip_prefix(' ')?.strip_suffix("-----")
        };
        if let Some(label) = edge("BEGIN") {
            open = Some((label, String::new()));
        } else if let Some(label) = edge("END") {
            if let Some((begun, body)) = open.take()
                && begun == label
                && let Ok(der) = STANDARD.decode(body)
            {
                found.push(Block { label: label.to_owned(), der });
            }
        } else if let Some((_, body)) = &mut open {
            // Headers of old encrypted keys hold a colon; base64 never does.
            if !line.contains(':') {
                body.push_str(line.trim());
            }
        }
    }
    found
}

/// The text of a block.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_and_the_rest_is_skipped() {
        let der: Vec<u8> = (0..100).collect();
        let text = format!(
            "words\n{}-----BEGIN X-----\nno base64!\n-----END X-----\n{}",
            encode("A B", &der),
            encode("C", b"")
        );
        let labels: Vec<(String, usize)> = blocks(text.as_bytes())
            .into_iter()
            .map(|block| (block.label, block.der.len()))
            .collect();
        assert_eq!(labels, [("A B".to_owned(), 100), ("C".to_owned(), 0)]);
        assert!(blocks(b"-----BEGIN A-----\nAAAA\n").is_empty());
        assert!(blocks(b"-----BEGIN A-----\nAAAA\n-----END B-----\n").is_empty());
        assert!(blocks(&[0xff, 0xfe]).is_empty());
    }
}
