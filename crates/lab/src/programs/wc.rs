//! `wc`

use sim::{Errno, Fd, Sys};

use super::Program;
use super::io::{Input, Out, inputs};
use super::opts::{Options, Parsed};
use crate::shell::width::columns_of;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "wc",
    summary: "count lines, words and bytes",
    usage: concat!(
        "wc [-lwcmL] [FILE...]\n",
        "  -l lines  -w words  -c bytes  -m characters  -L length of the longest line",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

const OPTIONS: Options = Options {
    short: "lwcmL",
    long: &[
        ("lines", 'l'),
        ("words", 'w'),
        ("bytes", 'c'),
        ("chars", 'm'),
        ("max-line-length", 'L'),
    ],
    mistake: 1,
};

#[derive(Clone, Copy, Default)]
struct Counts {
    lines: u64,
    words: u64,
    chars: u64,
    bytes: u64,
    longest: u64,
}

async fn run(sys: Sys) -> i32 {
    let parsed = match OPTIONS.read(&sys, &PROGRAM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let paths = inputs(&parsed.operands);
    let width = width(&sys, &parsed, &paths);
    let mut out = Out::new(&sys);
    let mut status = 0;
    let mut total = Counts::default();
    for path in &paths {
        let counts = match count(&sys, path, &mut out).await {
            Ok(counts) => counts,
            Err(error) => {
                out.flush().await;
                sys.eprint(&format!("wc: {path}: {error}\n")).await;
                status = 1;
                if error != Errno::Eisdir {
                    continue;
                }
                Counts::default()
            }
        };
        total.lines += counts.lines;
        total.words += counts.words;
        total.chars += counts.chars;
        total.bytes += counts.bytes;
        total.longest = total.longest.max(counts.longest);
        let name = if parsed.operands.is_empty() { "" } else { path };
        out.text(&line(&parsed, &counts, width, name));
    }
    if paths.len() > 1 {
        out.text(&line(&parsed, &total, width, "total"));
    }
    out.finish("wc", status).await
}

/// How wide the numbers are: as the sum of the sizes, or 7 where a size is not known.
fn width(sys: &Sys, parsed: &Parsed, paths: &[String]) -> usize {
    let wanted = "lwcmL".chars().filter(|flag| parsed.has(*flag)).count();
    if paths.len() == 1 && wanted == 1 {
        return 1;
    }
    let mut bytes = 0;
    let mut least = 1;
    for path in paths {
        let stat = match path.as_str() {
            "-" => sys.stat_fd(Fd::STDIN).ok().flatten(),
            path => match sys.stat(path) {
                Ok(stat) => Some(stat),
                Err(_) => continue,
            },
        };
        match stat.filter(|stat| stat.is_file()) {
            Some(stat) => bytes += stat.size,
            None => least = 7,
        }
    }
    bytes.to_string().len().max(least)
}

async fn count(sys: &Sys, path: &str, out: &mut Out) -> Result<Counts, Errno> {
    let mut input = Input::open(sys, path)?;
    let mut counts = Counts::default();
    while let Some(line) = input.line(out).await? {
        let text = String::from_utf8_lossy(&line);
        counts.lines += u64::from(line.ends_with(b"\n"));
        counts.words += text.split_whitespace().count() as u64;
        counts.chars += text.chars().count() as u64;
        counts.bytes += line.len() as u64;
        let mut columns = 0u64;
        for c in text.chars() {
            columns =
                if c == '\t' { columns / 8 * 8 + 8 } else { columns + u64::from(columns_of(c)) };
        }
        counts.longest = counts.longest.max(columns);
    }
    Ok(counts)
}

fn line(parsed: &Parsed, counts: &Counts, width: usize, name: &str) -> String {
    let all = !"lwcmL".chars().any(|flag| parsed.has(flag));
    let columns = [
        (all || parsed.has('l'), counts.lines),
        (all || parsed.has('w'), counts.words),
        (parsed.has('m'), counts.chars),
        (all || parsed.has('c'), counts.bytes),
        (parsed.has('L'), counts.longest),
    ];
    let shown = columns.iter().filter(|(wanted, _)| *wanted);
    let numbers: Vec<String> = shown.map(|(_, count)| format!("{count:>width$}")).collect();
    let gap = if name.is_empty() { "" } else { " " };
    format!("{}{gap}{name}\n", numbers.join(" "))
}
