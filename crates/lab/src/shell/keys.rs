//! Bytes of a terminal to keys. Bytes may come cut anywhere: what is not whole yet is kept.

/// A key of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    /// Ctrl with a letter, as the letter in lower case, or one of `@ [ \ ] ^ _`.
    Ctrl(char),
    Alt(char),
    Enter,
    Tab,
    Backspace,
    AltBackspace,
    Up,
    Down,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Delete,
    PasteStart,
    PasteEnd,
    Escape,
    /// A sequence that means nothing here.
    Other,
}

/// Turns bytes into keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
}

/// What stands at the front of the pending bytes.
enum Front {
    Key(Key, usize),
    /// More bytes are to come.
    Cut,
}

impl Decoder {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The next whole key.
    pub(super) fn next(&mut self) -> Option<Key> {
        if self.pending.is_empty() {
            return None;
        }
        match front(&self.pending) {
            Front::Key(key, len) => {
                self.pending.drain(..len);
                Some(key)
            }
            Front::Cut => None,
        }
    }
}

fn front(bytes: &[u8]) -> Front {
    let key = match bytes[0] {
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x7f | 0x08 => Key::Backspace,
        0x1b => return escape(bytes),
        0 => Key::Ctrl('@'),
        c @ 1..=26 => Key::Ctrl(char::from(c + 96)),
        c @ 28..=31 => Key::Ctrl(char::from(c + 64)),
        _ => return utf8(bytes),
    };
    Front::Key(key, 1)
}

fn utf8(bytes: &[u8]) -> Front {
    let len = match bytes[0] {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Front::Key(Key::Char('\u{fffd}'), 1),
    };
    let have = &bytes[..bytes.len().min(len)];
    match std::str::from_utf8(have) {
        Ok(text) => Front::Key(text.chars().next().map_or(Key::Other, Key::Char), len),
        Err(error) if error.error_len().is_none() => Front::Cut,
        Err(_) => Front::Key(Key::Char('\u{fffd}'), 1),
    }
}

fn escape(bytes: &[u8]) -> Front {
    match bytes.get(1) {
        None => Front::Cut,
        Some(b'[') => control_sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Front::Cut,
            Some(c) => Front::Key(arrow(*c, false), 3),
        },
        Some(0x1b) => Front::Key(Key::Escape, 1),
        Some(0x7f | 0x08) => Front::Key(Key::AltBackspace, 2),
        Some(c) if c.is_ascii_graphic() => Front::Key(Key::Alt(char::from(*c)), 2),
        Some(_) => Front::Key(Key::Escape, 1),
    }
}

fn control_sequence(bytes: &[u8]) -> Front {
    let Some(len) = bytes[2..].iter().position(|c| (0x40..=0x7e).contains(c)) else {
        // A sequence that never ends is not one.
        return if bytes.len() > 32 { Front::Key(Key::Other, bytes.len()) } else { Front::Cut };
    };
    let end = 2 + len;
    let arguments = &bytes[2..end];
    let modified = arguments.contains(&b';');
    let key = match (bytes[end], arguments) {
        (b'~', b"200") => Key::PasteStart,
        (b'~', b"201") => Key::PasteEnd,
        (b'~', b"1" | b"7") => Key::Home,
        (b'~', b"4" | b"8") => Key::End,
        (b'~', [b'3', ..]) => Key::Delete,
        (b'~', _) => Key::Other,
        (c, _) => arrow(c, modified),
    };
    Front::Key(key, end + 1)
}

fn arrow(c: u8, modified: bool) -> Key {
    match c {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' if modified => Key::WordRight,
        b'D' if modified => Key::WordLeft,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next()).collect()
    }

    #[test]
    fn sequences() {
        assert_eq!(keys(b"a\r\t\x7f"), [Key::Char('a'), Key::Enter, Key::Tab, Key::Backspace]);
        assert_eq!(keys(b"\x1b[A\x1bOB\x1b[1;5C"), [Key::Up, Key::Down, Key::WordRight]);
        assert_eq!(keys(b"\x1b[200~x\x1b[201~"), [Key::PasteStart, Key::Char('x'), Key::PasteEnd]);
        assert_eq!(keys(b"\x1bb\x1b\x7f"), [Key::Alt('b'), Key::AltBackspace]);
        assert_eq!(keys(b"\x01\x12"), [Key::Ctrl('a'), Key::Ctrl('r')]);
        assert_eq!(keys("é語".as_bytes()), [Key::Char('é'), Key::Char('語')]);
        assert_eq!(keys(b"\xff"), [Key::Char('\u{fffd}')]);
    }

    #[test]
    fn bytes_may_come_one_by_one() {
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        for byte in "é\x1b[3~\x1b[D語".bytes() {
            decoder.push(&[byte]);
            found.extend(decoder.next());
        }
        assert_eq!(found, [Key::Char('é'), Key::Delete, Key::Left, Key::Char('語')]);
    }
}
