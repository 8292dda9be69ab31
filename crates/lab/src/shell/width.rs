//! How many columns a character takes on a terminal, and where a text ends on its screen.

/// Zero-width ranges: combining marks, joiners and variation selectors.
const ZERO: [(u32, u32); 16] = [
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x0610, 0x061a),
    (0x064b, 0x065f),
    (0x06d6, 0x06dc),
    (0x0e31, 0x0e31),
    (0x0e34, 0x0e3a),
    (0x0e47, 0x0e4e),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200f),
    (0x20d0, 0x20ff),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xe0100, 0xe01ef),
];

/// Ranges that take two columns: East Asian wide and full-width forms, emoji.
const WIDE: [(u32, u32); 17] = [
    (0x1100, 0x115f),
    (0x231a, 0x231b),
    (0x23e9, 0x23ec),
    (0x2614, 0x2615),
    (0x2e80, 0x303e),
    (0x3041, 0x33ff),
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    (0xa000, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1f9ff),
    (0x20000, 0x3fffd),
];

/// The columns of one character: 0, 1 or 2.
pub(crate) fn columns_of(c: char) -> u16 {
    let code = c as u32;
    let within =
        |ranges: &[(u32, u32)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&code));
    if code < 0x300 {
        u16::from(!c.is_control())
    } else if within(&ZERO) {
        0
    } else if within(&WIDE) {
        2
    } else {
        1
    }
}

/// The columns of a text without newlines.
pub(crate) fn text_columns(text: &str) -> usize {
    text.chars().map(|c| usize::from(columns_of(c))).sum()
}

/// A place on the screen, counted from where the prompt begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) row: u32,
    pub(super) column: u16,
}

impl Place {
    /// Where the cursor is after `c` on a screen of this width. A wide character that does not
    /// fit goes to the next row; a row that is just full counts as begun anew.
    pub(super) fn after(self, c: char, columns: u16) -> Place {
        if c == '\n' {
            return Place { row: self.row + 1, column: 0 };
        }
        let width = shown(c).chars().map(columns_of).sum::<u16>();
        let mut place = self;
        if place.column + width > columns {
            place = Place { row: place.row + 1, column: 0 };
        }
        place.column += width;
        if place.column >= columns {
            place = Place { row: place.row + 1, column: 0 };
        }
        place
    }
}

/// What is printed for a character of the line: control characters as `^X`.
pub(super) fn shown(c: char) -> String {
    match c {
        '\n' => "\r\n".to_owned(),
        '\x7f' => "^?".to_owned(),
        c if c.is_ascii_control() => format!("^{}", char::from(c as u8 + 64)),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        for (c, width) in [('a', 1), ('é', 1), ('語', 2), ('한', 2), ('\u{301}', 0), ('😀', 2)]
        {
            assert_eq!(columns_of(c), width, "{c:?}");
        }
    }

    #[test]
    fn a_wide_character_is_not_split() {
        let place = Place { row: 0, column: 9 };
        assert_eq!(place.after('a', 10), Place { row: 1, column: 0 });
        assert_eq!(place.after('語', 10), Place { row: 1, column: 2 });
        assert_eq!(place.after('\x01', 20), Place { row: 0, column: 11 });
    }
}
