//! `quorum measure`: the tables of the page's screens Quorum and Compare, measured here.

use lab::api::{Answer, Measure, Sheet, SheetKind, Tone};
use lab::measure::Bench;

use crate::Failure;

/// The tables of each word, in the order of the page.
const TOPICS: [(&str, &[SheetKind]); 3] = [
    ("quorum", &[SheetKind::Kills, SheetKind::Zones]),
    ("latency", &[SheetKind::Latency]),
    ("compare", &[SheetKind::Split, SheetKind::Window, SheetKind::Reads, SheetKind::Books]),
];

/// The width from which on a text is no column any more.
const WIDE: usize = 60;

/// The tables of a word.
pub(crate) fn topic(word: &str) -> Option<&'static [SheetKind]> {
    TOPICS.iter().find(|(name, _)| *name == word).map(|(_, kinds)| *kinds)
}

/// Measures them, and prints each when it is done.
pub(crate) fn run(kinds: &[SheetKind], members: u8) -> Result<(), Failure> {
    let mut bench = Bench::default();
    for kind in kinds {
        let mut ask = Measure::Begin { sheet: *kind, members };
        loop {
            let Answer::Sheet(sheet) = bench.call(ask)? else {
                unreachable!("a step of a table is answered with the table")
            };
            if sheet.done == sheet.of {
                print(&sheet);
                break;
            }
            ask = Measure::Next;
        }
    }
    Ok(())
}

fn print(sheet: &Sheet) {
    println!("{}\n", sheet.title);
    let texts = |row: &[lab::api::Cell]| -> Vec<String> {
        row.iter().map(|cell| format!("{}{}", mark(cell.tone), cell.text)).collect()
    };
    let rows: Vec<Vec<String>> = sheet.rows.iter().map(|row| texts(row)).collect();
    let lengths = |column: usize| {
        let all = rows.iter().map(move |row| row[column].chars().count());
        all.chain([sheet.columns[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..sheet.columns.len()).map(lengths).collect();
    if widths.iter().any(|width| *width > WIDE) {
        for row in &rows {
            println!("{}", row[0]);
            for (column, text) in sheet.columns.iter().zip(row).skip(1) {
                println!("  {column}: {text}");
            }
        }
    } else {
        for row in [&sheet.columns].into_iter().chain(&rows) {
            let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}"));
            println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
    println!("\n{}\n", sheet.note);
}

/// What stands for the colours of the page.
fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Good => "",
        Tone::Warn => "~ ",
        Tone::Bad => "! ",
    }
}
