//! Sums and bytes: `md5sum sha1sum sha512sum cksum od cmp truncate`.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha512};
use sim::Sys;

use crate::programs::opts::Options;
use crate::programs::{Program, io, units};

macro_rules! program {
    ($const:ident, $name:literal, $summary:literal, $usage:literal, $run:expr) => {
        /// The entry of the table of programs.
        pub(super) const $const: Program = Program {
            name: $name,
            summary: $summary,
            usage: $usage,
            run: |sys| Box::pin($run(sys)),
            complete: None,
        };
    };
}

program!(MD5SUM, "md5sum", "print or check MD5 sums", "md5sum [-c] [FILE...]", sums::<Md5>);
program!(SHA1SUM, "sha1sum", "print or check SHA-1 sums", "sha1sum [-c] [FILE...]", sums::<Sha1>);
program!(
    SHA512SUM,
    "sha512sum",
    "print or check SHA-512 sums",
    "sha512sum [-c] [FILE...]",
    sums::<Sha512>
);
program!(OD, "od", "dump bytes", "od [-c] [-x] [-A d|o|x|n] [-t x1|c|o1|d1] [-N BYTES] [FILE]", od);
program!(CMP, "cmp", "compare two files byte by byte", "cmp [-s] [-l] FILE1 FILE2", cmp);
program!(TRUNCATE, "truncate", "set the size of files", "truncate -s SIZE FILE...", truncate);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn sums<D: Digest>(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "cbtw",
        long: &[("check", 'c'), ("binary", 'b'), ("text", 't'), ("quiet", 'q'), ("status", 's')],
        mistake: 1,
    };
    let name = sys.args()[0].rsplit('/').next().unwrap_or_default().to_owned();
    let parsed = match OPTIONS.read(&sys, &MD5SUM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let sum = async |path: &str| io::whole(&sys, path).await.map(|bytes| hex(&D::digest(bytes)));
    let mut status = 0;
    for path in io::inputs(&parsed.operands) {
        if !parsed.has('c') {
            match sum(&path).await {
                Ok(sum) => sys.print(&format!("{sum}  {path}\n")).await,
                Err(error) => {
                    sys.eprint(&format!("{name}: {path}: {error}\n")).await;
                    status = 1;
                }
            }
            continue;
        }
        let list = match io::whole(&sys, &path).await {
            Ok(list) => String::from_utf8_lossy(&list).into_owned(),
            Err(error) => {
                sys.eprint(&format!("{name}: {path}: {error}\n")).await;
                status = 1;
                continue;
            }
        };
        let mut failed = 0;
        for line in list.lines() {
            let Some((want, file)) = line.split_once("  ").or(line.split_once(" *")) else {
                continue;
            };
            match sum(file).await {
                Ok(found) if found.eq_ignore_ascii_case(want) => {
                    sys.print(&format!("{file}: OK\n")).await;
                }
                Ok(_) => {
                    failed += 1;
                    sys.print(&format!("{file}: FAILED\n")).await;
                }
                Err(error) => {
                    sys.eprint(&format!("{name}: {file}: {error}\n")).await;
                    sys.print(&format!("{file}: FAILED open or read\n")).await;
                    status = 1;
                }
            }
        }
        if failed > 0 {
            let what = if failed == 1 { "checksum did" } else { "checksums did" };
            sys.eprint(&format!("{name}: WARNING: {failed} computed {what} NOT match\n")).await;
            status = 1;
        }
    }
    status
}

/// How `od` shows bytes.
#[derive(Clone, Copy)]
enum Form {
    Chars,
    Hex1,
    Octal1,
    Decimal1,
    Hex2,
    Octal2,
}

impl Form {
    fn of(text: &str) -> Option<Form> {
        Some(match text {
            "c" => Form::Chars,
            "x1" => Form::Hex1,
            "o1" => Form::Octal1,
            "d1" | "u1" => Form::Decimal1,
            "x2" | "x" => Form::Hex2,
            "o2" | "o" => Form::Octal2,
            _ => return None,
        })
    }

    fn row(self, bytes: &[u8]) -> String {
        let pair = |pair: &[u8]| u16::from_le_bytes([pair[0], *pair.get(1).unwrap_or(&0)]);
        match self {
            Form::Chars => bytes.iter().map(|byte| format!("{:>4}", character(*byte))).collect(),
            Form::Hex1 => bytes.iter().map(|byte| format!(" {byte:02x}")).collect(),
            Form::Octal1 => bytes.iter().map(|byte| format!(" {byte:03o}")).collect(),
            Form::Decimal1 => bytes.iter().map(|byte| format!("{byte:>5}")).collect(),
            Form::Hex2 => bytes.chunks(2).map(|it| format!(" {:04x}", pair(it))).collect(),
            Form::Octal2 => bytes.chunks(2).map(|it| format!(" {:06o}", pair(it))).collect(),
        }
    }
}

fn character(byte: u8) -> String {
    match byte {
        0 => "\\0".into(),
        7 => "\\a".into(),
        8 => "\\b".into(),
        9 => "\\t".into(),
        10 => "\\n".into(),
        11 => "\\v".into(),
        12 => "\\f".into(),
        13 => "\\r".into(),
        32..=126 => char::from(byte).to_string(),
        other => format!("{other:03o}"),
    }
}

async fn od(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "cxbvA:t:N:j:w:", long: &[("format", 't')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &OD).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let form = match (parsed.value('t'), parsed.last_of("cxb")) {
        (Some(text), _) => match Form::of(text.trim_end_matches('z')) {
            Some(form) => form,
            None => {
                sys.eprint(&format!("od: invalid type string '{text}'\n")).await;
                return 1;
            }
        },
        (None, Some('c')) => Form::Chars,
        (None, Some('x')) => Form::Hex2,
        (None, Some('b')) => Form::Octal1,
        _ => Form::Octal2,
    };
    let path = parsed.operands.first().map_or("-", String::as_str);
    let mut bytes = match io::whole(&sys, path).await {
        Ok(bytes) => bytes,
        Err(error) => {
            sys.eprint(&format!("od: {path}: {error}\n")).await;
            return 1;
        }
    };
    let count = |flag: char| parsed.value(flag).and_then(|it| it.parse::<usize>().ok());
    let skip = count('j').unwrap_or(0).min(bytes.len());
    bytes.drain(..skip);
    bytes.truncate(count('N').unwrap_or(usize::MAX));
    let base = parsed.value('A').unwrap_or("o");
    let place = |at: usize| match base {
        "d" => format!("{at:07}"),
        "x" => format!("{at:06x}"),
        "n" => String::new(),
        _ => format!("{at:07o}"),
    };
    let mut text = String::new();
    let mut last: Option<&[u8]> = None;
    let mut starred = false;
    for (row, chunk) in bytes.chunks(16).enumerate() {
        if last == Some(chunk) && !parsed.has('v') {
            if !starred {
                text.push_str("*\n");
            }
            starred = true;
            continue;
        }
        (last, starred) = (Some(chunk), false);
        text.push_str(&format!("{}{}\n", place(skip + row * 16), form.row(chunk)));
    }
    if base != "n" {
        text.push_str(&format!("{}\n", place(skip + bytes.len())));
    }
    sys.print(&text).await;
    0
}

async fn cmp(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "sl", long: &[("silent", 's'), ("quiet", 's')], mistake: 2 };
    let parsed = match OPTIONS.read(&sys, &CMP).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let [one, other] = parsed.operands.as_slice() else {
        return OPTIONS.refuse(&sys, &CMP, "missing operand after 'cmp'").await;
    };
    let mut texts = Vec::new();
    for path in [one, other] {
        match io::whole(&sys, path).await {
            Ok(bytes) => texts.push(bytes),
            Err(error) => {
                sys.eprint(&format!("cmp: {path}: {error}\n")).await;
                return 2;
            }
        }
    }
    let differs = texts[0].iter().zip(&texts[1]).position(|(a, b)| a != b);
    let line = |end: usize| texts[0][..end].iter().filter(|byte| **byte == b'\n').count() + 1;
    match differs {
        None if texts[0].len() == texts[1].len() => 0,
        Some(at) => {
            if !parsed.has('s') {
                let text = format!("{one} {other} differ: byte {}, line {}\n", at + 1, line(at));
                sys.print(&text).await;
            }
            1
        }
        None => {
            let (short, len) = if texts[0].len() < texts[1].len() {
                (one, texts[0].len())
            } else {
                (other, texts[1].len())
            };
            if !parsed.has('s') {
                let where_in = if len == 0 {
                    "which is empty".to_owned()
                } else {
                    format!("after byte {len}")
                };
                sys.eprint(&format!("cmp: EOF on {short} {where_in}\n")).await;
            }
            1
        }
    }
}

async fn truncate(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "s:c", long: &[("size", 's')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &TRUNCATE).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let Some(text) = parsed.value('s') else {
        return OPTIONS
            .refuse(&sys, &TRUNCATE, "you must specify either '--size' or '--reference'")
            .await;
    };
    let Some(size) = units::size(text.trim_start_matches(['+', '-'])) else {
        sys.eprint(&format!("truncate: Invalid number: '{text}'\n")).await;
        return 1;
    };
    let mut status = 0;
    for path in &parsed.operands {
        let now = sys.stat(path).map(|stat| stat.size);
        if now.is_err() && !parsed.has('c') {
            // What fails here fails again below, and is told there.
            let _ = sys.write_file(path, b"");
        }
        let now = now.unwrap_or(0);
        let size = match text.as_bytes().first() {
            Some(b'+') => now + size,
            Some(b'-') => now.saturating_sub(size),
            _ => size,
        };
        if let Err(error) = sys.truncate(path, size) {
            sys.eprint(&format!("truncate: cannot open '{path}' for writing: {error}\n")).await;
            status = 1;
        }
    }
    status
}
