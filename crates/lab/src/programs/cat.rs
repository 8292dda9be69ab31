//! `cat`

use sim::Sys;

use super::Program;
use super::io::{Input, Out, inputs};
use super::opts::Options;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "cat",
    summary: "print files one after the other",
    usage: concat!(
        "cat [-nbsEA] [FILE...]\n",
        "  -n  number the lines\n",
        "  -b  number the lines that are not empty\n",
        "  -s  one empty line for several\n",
        "  -E  show line ends as $\n",
        "  -A  show what cannot be seen\n",
        "Without a file, or for -, standard input.",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

const OPTIONS: Options = Options {
    short: "nbsETvAetu",
    long: &[
        ("number", 'n'),
        ("number-nonblank", 'b'),
        ("squeeze-blank", 's'),
        ("show-ends", 'E'),
        ("show-tabs", 'T'),
        ("show-nonprinting", 'v'),
        ("show-all", 'A'),
    ],
    mistake: 1,
};

#[derive(Default)]
struct Style {
    number: bool,
    number_full: bool,
    squeeze: bool,
    ends: bool,
    tabs: bool,
    unseen: bool,
}

async fn run(sys: Sys) -> i32 {
    let parsed = match OPTIONS.read(&sys, &PROGRAM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let style = Style {
        number: parsed.has('n'),
        number_full: parsed.has('b'),
        squeeze: parsed.has('s'),
        ends: parsed.has('E') || parsed.has('A') || parsed.has('e'),
        tabs: parsed.has('T') || parsed.has('A') || parsed.has('t'),
        unseen: parsed.has('v') || parsed.has('A') || parsed.has('e') || parsed.has('t'),
    };
    let plain = parsed.flags.iter().all(|(flag, _)| *flag == 'u');
    let mut out = Out::new(&sys);
    let mut status = 0;
    let mut state = (0u64, false);
    for path in inputs(&parsed.operands) {
        let mut input = match Input::open(&sys, &path) {
            Ok(input) => input,
            Err(error) => {
                out.flush().await;
                sys.eprint(&format!("cat: {path}: {error}\n")).await;
                status = 1;
                continue;
            }
        };
        let copied = if plain {
            copy(&mut input, &mut out).await
        } else {
            show(&mut input, &mut out, &style, &mut state).await
        };
        if let Err(error) = copied {
            out.flush().await;
            sys.eprint(&format!("cat: {path}: {error}\n")).await;
            status = 1;
        }
    }
    out.finish("cat", status).await
}

async fn copy(input: &mut Input, out: &mut Out) -> Result<(), sim::Errno> {
    loop {
        let piece = input.piece(out).await?;
        if piece.is_empty() || out.has_failed() {
            return Ok(());
        }
        out.bytes(&piece);
        out.tick().await;
    }
}

async fn show(
    input: &mut Input,
    out: &mut Out,
    style: &Style,
    (count, was_empty): &mut (u64, bool),
) -> Result<(), sim::Errno> {
    while let Some(line) = input.line(out).await? {
        let empty = line == b"\n";
        if style.squeeze && empty && *was_empty {
            continue;
        }
        *was_empty = empty;
        if (style.number && !style.number_full) || (style.number_full && !empty) {
            *count += 1;
            out.text(&format!("{count:>6}\t"));
        }
        for byte in line {
            put(byte, out, style);
        }
        out.tick().await;
        if out.has_failed() {
            break;
        }
    }
    Ok(())
}

fn put(byte: u8, out: &mut Out, style: &Style) {
    match byte {
        b'\n' if style.ends => out.text("$\n"),
        b'\t' if style.tabs => out.text("^I"),
        b'\n' | b'\t' => out.bytes(&[byte]),
        _ if !style.unseen => out.bytes(&[byte]),
        0..=31 => out.bytes(&[b'^', byte + 64]),
        127 => out.text("^?"),
        128.. => {
            out.text("M-");
            match byte - 128 {
                low @ 0..=31 => out.bytes(&[b'^', low + 64]),
                127 => out.text("^?"),
                low => out.bytes(&[low]),
            }
        }
        _ => out.bytes(&[byte]),
    }
}
