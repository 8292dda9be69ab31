//! `head` and `tail`

use sim::{Errno, Sys};

use super::Program;
use super::io::{Input, Out, inputs};
use super::opts::{Options, Parsed};
use super::units;

/// The entry of the table of programs.
pub(super) const HEAD: Program = Program {
    name: "head",
    summary: "print the beginning of files",
    usage: concat!(
        "head [-n LINES] [-c BYTES] [-qv] [FILE...]\n",
        "  -n  so many lines (10); -n -5 is all but the last 5\n",
        "  -c  so many bytes",
    ),
    run: |sys| Box::pin(head(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const TAIL: Program = Program {
    name: "tail",
    summary: "print the end of files, and go on as they grow",
    usage: concat!(
        "tail [-n LINES] [-c BYTES] [-f] [-qv] [FILE...]\n",
        "  -n  so many lines (10); -n +5 is from line 5 on\n",
        "  -c  so many bytes\n",
        "  -f  wait for more until Ctrl-C",
    ),
    run: |sys| Box::pin(tail(sys)),
    complete: None,
};

const OPTIONS: Options = Options {
    short: "n:c:qvfFs:",
    long: &[
        ("lines", 'n'),
        ("bytes", 'c'),
        ("quiet", 'q'),
        ("verbose", 'v'),
        ("follow", 'f'),
        ("sleep-interval", 's'),
    ],
    mistake: 1,
};

/// How often `tail -f` looks.
const LOOK_US: u64 = 200_000;

/// How much: the sign in front of the number means something.
#[derive(Clone, Copy)]
struct Amount {
    count: u64,
    sign: Option<char>,
    bytes: bool,
}

/// `-5` stands for `-n 5`.
fn old_style(args: &[String]) -> Vec<String> {
    let digits = |arg: &str| {
        let digits = arg.strip_prefix('-').unwrap_or("");
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    };
    let mut after_flag = false;
    let mut out = Vec::new();
    for arg in args {
        if digits(arg) && !after_flag {
            out.push(format!("-n{}", &arg[1..]));
        } else {
            out.push(arg.clone());
        }
        after_flag = matches!(arg.as_str(), "-n" | "-c" | "--lines" | "--bytes");
    }
    out
}

fn amount(parsed: &Parsed) -> Result<Amount, String> {
    let Some(flag) = parsed.last_of("nc") else {
        return Ok(Amount { count: 10, sign: None, bytes: false });
    };
    let text = parsed.value(flag).unwrap_or("");
    let sign = text.chars().next().filter(|c| matches!(c, '+' | '-'));
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let what = if flag == 'n' { "lines" } else { "bytes" };
    let count = units::size(digits).ok_or(format!("invalid number of {what}: '{text}'"))?;
    Ok(Amount { count, sign, bytes: flag == 'c' })
}

async fn parsed(sys: &Sys, program: &Program) -> Result<(Parsed, Amount), i32> {
    let args = old_style(sys.args().get(1..).unwrap_or_default());
    let parsed = OPTIONS.read_args(sys, program, &args).await?;
    match amount(&parsed) {
        Ok(amount) => Ok((parsed, amount)),
        Err(text) => {
            sys.eprint(&format!("{}: {text}\n", program.name)).await;
            Err(1)
        }
    }
}

fn title(out: &mut Out, path: &str, first: bool) {
    let name = if path == "-" { "standard input" } else { path };
    let gap = if first { "" } else { "\n" };
    out.text(&format!("{gap}==> {name} <==\n"));
}

async fn head(sys: Sys) -> i32 {
    let (parsed, amount) = match parsed(&sys, &HEAD).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let paths = inputs(&parsed.operands);
    let titled = (paths.len() > 1 || parsed.has('v')) && !parsed.has('q');
    let mut out = Out::new(&sys);
    let mut status = 0;
    let mut first = true;
    for path in &paths {
        let mut input = match Input::open(&sys, path) {
            Ok(input) => input,
            Err(error) => {
                out.flush().await;
                sys.eprint(&format!("head: cannot open '{path}' for reading: {error}\n")).await;
                status = 1;
                continue;
            }
        };
        if titled {
            title(&mut out, path, std::mem::take(&mut first));
        }
        if let Err(error) = head_one(&mut input, &mut out, amount).await {
            out.flush().await;
            sys.eprint(&format!("head: error reading '{path}': {error}\n")).await;
            status = 1;
        }
    }
    out.finish("head", status).await
}

async fn head_one(input: &mut Input, out: &mut Out, amount: Amount) -> Result<(), Errno> {
    if amount.sign == Some('-') {
        let all = input.rest(out).await?;
        let end = tail_start(&all, amount.count, amount.bytes);
        out.bytes(&all[..end]);
        return Ok(());
    }
    let mut left = amount.count;
    while left > 0 {
        if amount.bytes {
            let piece = input.piece(out).await?;
            if piece.is_empty() {
                break;
            }
            let len = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            out.bytes(&piece[..len]);
            left -= len as u64;
        } else {
            let Some(line) = input.line(out).await? else { break };
            out.bytes(&line);
            left -= 1;
        }
        out.tick().await;
    }
    Ok(())
}

/// Where the last so many lines or bytes begin.
fn tail_start(all: &[u8], count: u64, bytes: bool) -> usize {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if bytes {
        return all.len().saturating_sub(count);
    }
    if count == 0 {
        return all.len();
    }
    let body = all.strip_suffix(b"\n").unwrap_or(all);
    let newlines = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    newlines.map(|(at, _)| at + 1).nth(count - 1).unwrap_or(0)
}

/// Where the lines or bytes from a number on begin.
fn from_start(all: &[u8], number: u64, bytes: bool) -> usize {
    let skipped = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    if bytes || skipped == 0 {
        return skipped.min(all.len());
    }
    let newlines = all.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    newlines.map(|(at, _)| at + 1).nth(skipped - 1).unwrap_or(all.len())
}

async fn tail(sys: Sys) -> i32 {
    let (parsed, amount) = match parsed(&sys, &TAIL).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let paths = inputs(&parsed.operands);
    let titled = (paths.len() > 1 || parsed.has('v')) && !parsed.has('q');
    let mut out = Out::new(&sys);
    let mut status = 0;
    let mut first = true;
    let mut open: Vec<(String, Input)> = Vec::new();
    for path in &paths {
        let mut input = match Input::open(&sys, path) {
            Ok(input) => input,
            Err(error) => {
                out.flush().await;
                sys.eprint(&format!("tail: cannot open '{path}' for reading: {error}\n")).await;
                status = 1;
                continue;
            }
        };
        if titled {
            title(&mut out, path, std::mem::take(&mut first));
        }
        match input.rest(&mut out).await {
            Ok(all) => {
                let start = match amount.sign {
                    Some('+') => from_start(&all, amount.count, amount.bytes),
                    _ => tail_start(&all, amount.count, amount.bytes),
                };
                out.bytes(&all[start..]);
                open.push((path.clone(), input));
            }
            Err(error) => {
                out.flush().await;
                sys.eprint(&format!("tail: error reading '{path}': {error}\n")).await;
                status = 1;
            }
        }
    }
    if (parsed.has('f') || parsed.has('F')) && !open.is_empty() {
        return follow(&sys, out, open, titled).await;
    }
    out.finish("tail", status).await
}

/// Prints what is added to the files, until a signal ends it.
async fn follow(sys: &Sys, mut out: Out, open: Vec<(String, Input)>, titled: bool) -> i32 {
    let mut last = open.len() - 1;
    loop {
        for (i, (path, input)) in open.iter().enumerate() {
            loop {
                let Ok(bytes) = sys.read(input.fd(), 65_536).await else { return 1 };
                if bytes.is_empty() {
                    break;
                }
                if titled && std::mem::replace(&mut last, i) != i {
                    title(&mut out, path, false);
                }
                out.bytes(&bytes);
                out.flush().await;
            }
            if out.has_failed() {
                return 1;
            }
        }
        out.flush().await;
        sys.sleep_us(LOOK_US).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_beginnings() {
        let all = b"a\nb\nc\n";
        assert_eq!(tail_start(all, 2, false), 2);
        assert_eq!(tail_start(all, 9, false), 0);
        assert_eq!(tail_start(all, 0, false), 6);
        assert_eq!(tail_start(b"a\nb", 1, false), 2);
        assert_eq!(tail_start(all, 3, true), 3);
        assert_eq!(from_start(all, 2, false), 2);
        assert_eq!(from_start(all, 1, false), 0);
        assert_eq!(from_start(all, 9, false), 6);
        assert_eq!(from_start(all, 3, true), 2);
    }

    #[test]
    fn old_numbers() {
        let args = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(old_style(&args("-5 f")), args("-n5 f"));
        assert_eq!(old_style(&args("-n -5 f")), args("-n -5 f"));
    }
}
