//! What a terminal showed, kept as bytes: a reload and an undo write it anew.

use serde::{Deserialize, Serialize};

/// As many lines as the terminal itself keeps.
const LINES_MAX: usize = 10_000;
/// A bound for lines without an end.
const BYTES_MAX: usize = 2 << 20;

/// The tail of a terminal's stream, with its place in the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scroll {
    /// How many bytes of the stream came before `bytes`.
    start: u64,
    bytes: Vec<u8>,
    lines: usize,
}

impl Scroll {
    /// Adds what was shown.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        self.trim();
    }

    /// The present end: a place in the stream, noted with each checkpoint.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Forgets what came after the place `end`.
    pub(crate) fn cut(&mut self, end: u64) {
        let kept = usize::try_from(end.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.bytes.truncate(kept);
        self.lines = self.bytes.iter().filter(|byte| **byte == b'\n').count();
    }

    /// What there is.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn trim(&mut self) {
        if self.lines <= LINES_MAX + LINES_MAX / 8 && self.bytes.len() <= BYTES_MAX + BYTES_MAX / 4
        {
            return;
        }
        let mut excess = self.lines.saturating_sub(LINES_MAX);
        let floor = self.bytes.len().saturating_sub(BYTES_MAX);
        let ends = self.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let mut cut = floor;
        for (place, _) in ends {
            if excess == 0 && place >= floor {
                break;
            }
            excess = excess.saturating_sub(1);
            cut = place + 1;
        }
        self.bytes.drain(..cut);
        self.start += cut as u64;
        self.lines = self.bytes.iter().filter(|byte| **byte == b'\n').count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undo_forgets_what_came_later() {
        let mut scroll = Scroll::default();
        scroll.add(b"n1# put a 1");
        let end = scroll.end();
        scroll.add(b"\nOK\n");
        scroll.cut(end);
        assert_eq!(scroll.bytes(), b"n1# put a 1");
        assert_eq!(scroll.end(), end);
        scroll.cut(99);
        assert_eq!(scroll.end(), end, "what was never there cannot come back");
    }

    #[test]
    fn the_tail_is_bounded_and_keeps_its_place() {
        let mut scroll = Scroll::default();
        let mut written = 0;
        for line in 0..30_000 {
            let line = format!("{line}\n");
            written += line.len() as u64;
            scroll.add(line.as_bytes());
        }
        let lines = scroll.bytes().iter().filter(|byte| **byte == b'\n').count();
        assert!((LINES_MAX..=LINES_MAX + LINES_MAX / 8).contains(&lines), "{lines}");
        assert!(scroll.bytes().ends_with(b"\n29999\n"));
        assert_eq!(scroll.end(), written);

        let mut flood = Scroll::default();
        for _ in 0..5 {
            flood.add(&vec![b'x'; BYTES_MAX]);
        }
        assert!(flood.bytes().len() <= BYTES_MAX + BYTES_MAX / 4);
        assert_eq!(flood.end(), 5 * BYTES_MAX as u64);
    }
}
