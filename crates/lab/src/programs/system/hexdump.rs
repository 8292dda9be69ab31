//! `hexdump`: bytes in hexadecimal, as guides look at what lies in etcd.

use sim::Sys;

use crate::programs::Program;
use crate::programs::io::{Out, whole};
use crate::programs::opts::Options;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "hexdump",
    summary: "show bytes in hexadecimal",
    usage: concat!(
        "hexdump [-Cv] [-n LENGTH] [-s OFFSET] [FILE...]\n",
        "  -C  bytes, and beside them the characters    -v  equal lines, too",
    ),
    run: |sys| Box::pin(hexdump(sys)),
    complete: None,
};

const OPTIONS: Options = Options { short: "Cvn:s:", long: &[], mistake: 1 };

const ROW: usize = 16;

async fn hexdump(sys: Sys) -> i32 {
    let parsed = match OPTIONS.read(&sys, &PROGRAM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let mut bytes = Vec::new();
    let mut status = 0;
    let paths: Vec<&str> = match parsed.operands.is_empty() {
        true => vec!["-"],
        false => parsed.operands.iter().map(String::as_str).collect(),
    };
    for path in &paths {
        match whole(&sys, path).await {
            Ok(more) => bytes.extend_from_slice(&more),
            Err(error) => {
                sys.eprint(&format!("hexdump: {path}: {error}\n")).await;
                status = 1;
            }
        }
    }
    if status != 0 && paths.len() == 1 {
        sys.eprint("hexdump: all input file arguments failed\n").await;
        return 1;
    }
    let number = |flag: char| parsed.value(flag).and_then(|text| text.parse::<usize>().ok());
    let skip = number('s').unwrap_or(0).min(bytes.len());
    let end = number('n').map_or(bytes.len(), |len| (skip + len).min(bytes.len()));
    let canonical = parsed.has('C');
    let mut out = Out::new(&sys);
    let (mut last, mut starred): (&[u8], bool) = (&[], false);
    for (number, row) in bytes[skip..end].chunks(ROW).enumerate() {
        if row == last && row.len() == ROW && !parsed.has('v') {
            if !starred {
                out.text("*\n");
            }
            starred = true;
            continue;
        }
        (last, starred) = (row, false);
        let at = skip + number * ROW;
        out.text(&if canonical { canonical_row(at, row) } else { words_row(at, row) });
        out.tick().await;
    }
    if end > skip {
        out.text(&if canonical { format!("{end:08x}\n") } else { format!("{end:07x}\n") });
    }
    out.finish("hexdump", status).await
}

/// `00000000  2f 72 …  |/r…|`
fn canonical_row(at: usize, row: &[u8]) -> String {
    let mut digits = String::new();
    for place in 0..ROW {
        digits.push_str(if place == ROW / 2 { "  " } else { " " });
        match row.get(place) {
            Some(byte) => digits.push_str(&format!("{byte:02x}")),
            None => digits.push_str("  "),
        }
    }
    let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
    let text: String = row.iter().map(shown).collect();
    format!("{at:08x} {digits}  |{text}|\n")
}

/// `0000000 722f …`: words of two bytes, the second byte first.
fn words_row(at: usize, row: &[u8]) -> String {
    let mut words: String = row
        .chunks(2)
        .map(|pair| format!(" {:02x}{:02x}", pair.get(1).unwrap_or(&0), pair[0]))
        .collect();
    while words.len() < 5 * ROW / 2 {
        words.push(' ');
    }
    format!("{at:07x}{words}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_real_one() {
        assert_eq!(
            canonical_row(0, b"/registry/secret"),
            "00000000  2f 72 65 67 69 73 74 72  79 2f 73 65 63 72 65 74  |/registry/secret|\n"
        );
        assert_eq!(
            canonical_row(16, b"s\n"),
            "00000010  73 0a                                             |s.|\n"
        );
        assert_eq!(words_row(0, b"abc"), "0000000 6261 0063                              \n");
    }
}
