//! Tables as the page and the command line show them, and the numbers in them.

use crate::api::{Cell, Sheet, Tone};

/// An empty table.
pub(super) fn sheet(title: &str, note: &str, columns: &[&str], of: usize) -> Sheet {
    Sheet {
        title: title.to_owned(),
        note: note.to_owned(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows: Vec::new(),
        done: 0,
        of: u16::try_from(of).expect("a table has few steps"),
    }
}

/// A plain cell.
pub(super) fn cell(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), tone: Tone::Plain, bar: 0 }
}

/// A cell that says whether it is well.
pub(super) fn toned(tone: Tone, text: impl Into<String>) -> Cell {
    Cell { text: text.into(), tone, bar: 0 }
}

/// A cell with a bar behind it: `part` of `whole`.
pub(super) fn bar(text: impl Into<String>, part: u64, whole: u64) -> Cell {
    let share = (part * 100).checked_div(whole).unwrap_or(0).min(100);
    Cell { text: text.into(), tone: Tone::Plain, bar: u8::try_from(share).unwrap_or(100) }
}

/// A time in the unit people would say it in.
pub(super) fn time(us: u64) -> String {
    match us {
        0..100_000 => format!("{}.{:02} ms", us / 1000, us % 1000 / 10),
        100_000..1_000_000 => format!("{} ms", us / 1000),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

/// Tenths as a number with one decimal.
pub(super) fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

/// The value below which so many of a hundred lie; the list must not be empty.
pub(super) fn percentile(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let cases =
            [(1234, "1.23 ms"), (234_567, "234 ms"), (5_000_000, "5.00 s"), (70, "0.07 ms")];
        for (us, text) in cases {
            assert_eq!(time(us), text);
        }
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(percentile(&[1, 2, 3, 4], 50), 2);
        assert_eq!(percentile(&[7], 99), 7);
    }
}
