//! Programs that show bytes: `xxd base64 sha256sum`.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha2::{Digest, Sha256};
use sim::Sys;

use super::Program;
use super::io::{Input, Out, inputs, lines, whole};
use super::opts::{Options, Parsed};

/// The entry of the table of programs.
pub(super) const XXD: Program = Program {
    name: "xxd",
    summary: "show bytes in hex, and make bytes of hex",
    usage: concat!(
        "xxd [-puir] [-l LEN] [-s OFFSET] [-c COLUMNS] [-g GROUP] [FILE]\n",
        "  -p  only the digits    -u  in capitals\n",
        "  -r  the other way: hex to bytes (with -p for plain digits)\n",
        "  -l  at most LEN bytes    -s  from OFFSET on",
    ),
    run: |sys| Box::pin(xxd(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const BASE64: Program = Program {
    name: "base64",
    summary: "bytes to printable text and back",
    usage: concat!(
        "base64 [-di] [-w COLUMNS] [FILE]\n",
        "  -d  back to bytes    -i  ignore what is not of the alphabet\n",
        "  -w  lines of so many characters (76; 0 for one line)",
    ),
    run: |sys| Box::pin(base64(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const SHA256SUM: Program = Program {
    name: "sha256sum",
    summary: "print or check SHA-256 sums",
    usage: "sha256sum [-c] [FILE...]\n  -c  check the sums listed in the files",
    run: |sys| Box::pin(sha256sum(sys)),
    complete: None,
};

const XXD_OPTIONS: Options = Options { short: "puirl:s:c:g:ab", long: &[], mistake: 1 };

async fn xxd(sys: Sys) -> i32 {
    // `-ps` is `-p` here, as in the real one.
    let args: Vec<String> = sys
        .args()
        .iter()
        .skip(1)
        .map(|arg| match arg.as_str() {
            "-ps" | "-plain" | "-postscript" => "-p".to_owned(),
            "-revert" => "-r".to_owned(),
            "-len" => "-l".to_owned(),
            "-cols" => "-c".to_owned(),
            _ => arg.clone(),
        })
        .collect();
    let parsed = match XXD_OPTIONS.read_args(&sys, &XXD, &args).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let path = parsed.operands.first().map_or("-", String::as_str);
    let bytes = match whole(&sys, path).await {
        Ok(bytes) => bytes,
        Err(error) => {
            sys.eprint(&format!("xxd: {path}: {error}\n")).await;
            return 2;
        }
    };
    let mut out = Out::new(&sys);
    if parsed.has('r') {
        out.bytes(&if parsed.has('p') { plain_bytes(&bytes) } else { dumped_bytes(&bytes) });
        return out.finish("xxd", 0).await;
    }
    let number = |flag: char| parsed.value(flag).and_then(number);
    let skip = usize::try_from(number('s').unwrap_or(0)).unwrap_or(usize::MAX).min(bytes.len());
    let bytes = &bytes[skip..];
    let len = number('l')
        .map_or(bytes.len(), |len| usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len()));
    let bytes = &bytes[..len];
    if parsed.has('p') {
        let columns = number('c').unwrap_or(30).clamp(1, 1 << 20) as usize;
        for row in bytes.chunks(columns) {
            let digits: String = row.iter().map(|byte| hex(*byte, &parsed)).collect();
            out.text(&format!("{digits}\n"));
            out.tick().await;
        }
        return out.finish("xxd", 0).await;
    }
    if parsed.has('i') {
        let digits: Vec<String> = bytes
            .chunks(12)
            .map(|row| {
                let cells: Vec<String> = row.iter().map(|byte| format!("0x{byte:02x}")).collect();
                format!("  {}", cells.join(", "))
            })
            .collect();
        out.text(&digits.join(",\n"));
        out.text("\n");
        return out.finish("xxd", 0).await;
    }
    dump(&mut out, bytes, skip, &parsed).await;
    out.finish("xxd", 0).await
}

/// `16`, `0x10`, `020`.
fn number(text: &str) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(&text[1..], 8).ok(),
        None => text.parse().ok(),
    }
}

fn hex(byte: u8, parsed: &Parsed) -> String {
    if parsed.has('u') { format!("{byte:02X}") } else { format!("{byte:02x}") }
}

async fn dump(out: &mut Out, bytes: &[u8], offset: usize, parsed: &Parsed) {
    let value =
        |flag: char, default: u64| parsed.value(flag).and_then(number).unwrap_or(default) as usize;
    let binary = parsed.has('b');
    let columns = value('c', if binary { 6 } else { 16 }).clamp(1, 256);
    let group = match value('g', if binary { 1 } else { 2 }) {
        0 => columns,
        group => group,
    };
    let cell = if binary { 8 } else { 2 };
    let width = columns * cell + columns.div_ceil(group);
    for (i, row) in bytes.chunks(columns).enumerate() {
        let mut digits = String::new();
        for (j, byte) in row.iter().enumerate() {
            digits.push_str(&if binary { format!("{byte:08b}") } else { hex(*byte, parsed) });
            if (j + 1) % group == 0 {
                digits.push(' ');
            }
        }
        let shown: String = row
            .iter()
            .map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' })
            .collect();
        out.text(&format!("{:08x}: {digits:<width$} {shown}\n", offset + i * columns));
        out.tick().await;
    }
}

/// Plain digits to bytes; white space between them does not count.
fn plain_bytes(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> =
        text.iter().filter_map(|c| char::from(*c).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A dump to bytes, each row at its offset.
fn dumped_bytes(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines(text) {
        let line = String::from_utf8_lossy(line).into_owned();
        let Some((offset, rest)) = line.split_once(':') else { continue };
        let Ok(offset) = usize::from_str_radix(offset.trim(), 16) else { continue };
        let digits = rest.trim_start().split("  ").next().unwrap_or("");
        if offset > super::io::INPUT_MAX_BYTES {
            continue;
        }
        let row = plain_bytes(digits.as_bytes());
        if bytes.len() < offset + row.len() {
            bytes.resize(offset + row.len(), 0);
        }
        bytes[offset..offset + row.len()].copy_from_slice(&row);
    }
    bytes
}

async fn base64(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "diw:",
        long: &[("decode", 'd'), ("ignore-garbage", 'i'), ("wrap", 'w')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &BASE64).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if let Some(extra) = parsed.operands.get(1) {
        return OPTIONS.refuse(&sys, &BASE64, &format!("extra operand '{extra}'")).await;
    }
    let path = parsed.operands.first().map_or("-", String::as_str);
    let bytes = match whole(&sys, path).await {
        Ok(bytes) => bytes,
        Err(error) => {
            sys.eprint(&format!("base64: {path}: {error}\n")).await;
            return 1;
        }
    };
    let mut out = Out::new(&sys);
    if parsed.has('d') {
        let (decoded, whole) = decode(&bytes, parsed.has('i'));
        out.bytes(&decoded);
        if !whole {
            out.flush().await;
            sys.eprint("base64: invalid input\n").await;
            return 1;
        }
        return out.finish("base64", 0).await;
    }
    let wrap = match parsed.value('w').map(|text| (text, text.parse::<usize>())) {
        None => 76,
        Some((_, Ok(wrap))) => wrap,
        Some((text, Err(_))) => {
            sys.eprint(&format!("base64: invalid wrap size: '{text}'\n")).await;
            return 1;
        }
    };
    let text = STANDARD.encode(&bytes);
    if wrap == 0 {
        out.text(&text);
    } else {
        for row in text.as_bytes().chunks(wrap) {
            out.bytes(row);
            out.text("\n");
            out.tick().await;
        }
    }
    out.finish("base64", 0).await
}

/// As many bytes as can be read, and whether that was all.
fn decode(text: &[u8], ignore_garbage: bool) -> (Vec<u8>, bool) {
    let alphabet = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=');
    let clean: Vec<u8> = text
        .iter()
        .copied()
        .filter(|c| if ignore_garbage { alphabet(*c) } else { *c != b'\n' })
        .collect();
    let valid = clean.iter().take_while(|c| alphabet(**c)).count();
    let strict = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
            .with_decode_allow_trailing_bits(true),
    );
    if valid == clean.len()
        && let Ok(bytes) = strict.decode(&clean)
    {
        return (bytes, true);
    }
    // Whole groups before the mistake are still given, and what a cut one says.
    let lenient = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let digits = clean[..valid].iter().take_while(|c| **c != b'=').count();
    let usable = if digits % 4 == 1 { digits - 1 } else { digits };
    (lenient.decode(&clean[..usable]).unwrap_or_default(), false)
}

async fn sha256sum(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "cbtz",
        long: &[("check", 'c'), ("binary", 'b'), ("text", 't')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &SHA256SUM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let mut out = Out::new(&sys);
    let mut status = 0;
    for path in inputs(&parsed.operands) {
        if parsed.has('c') {
            status |= check(&sys, &path, &mut out).await;
            continue;
        }
        match digest(&sys, &path, &mut out).await {
            Ok(sum) => out.text(&format!("{sum}  {path}\n")),
            Err(error) => {
                out.flush().await;
                sys.eprint(&format!("sha256sum: {path}: {error}\n")).await;
                status = 1;
            }
        }
    }
    out.finish("sha256sum", status).await
}

async fn digest(sys: &Sys, path: &str, out: &mut Out) -> Result<String, sim::Errno> {
    let mut input = Input::open(sys, path)?;
    let mut hasher = Sha256::new();
    loop {
        let piece = input.piece(out).await?;
        if piece.is_empty() {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(&piece);
    }
}

async fn check(sys: &Sys, path: &str, out: &mut Out) -> i32 {
    let list = match whole(sys, path).await {
        Ok(list) => list,
        Err(error) => {
            sys.eprint(&format!("sha256sum: {path}: {error}\n")).await;
            return 1;
        }
    };
    let (mut failed, mut missing, mut any) = (0, 0, false);
    for line in String::from_utf8_lossy(&list).lines() {
        let Some((sum, name)) = line.split_once("  ").or(line.split_once(" *")) else { continue };
        any = true;
        match digest(sys, name, out).await {
            Ok(found) if found.eq_ignore_ascii_case(sum) => out.text(&format!("{name}: OK\n")),
            Ok(_) => {
                failed += 1;
                out.text(&format!("{name}: FAILED\n"));
            }
            Err(error) => {
                missing += 1;
                out.flush().await;
                sys.eprint(&format!("sha256sum: {name}: {error}\n")).await;
                out.text(&format!("{name}: FAILED open or read\n"));
            }
        }
    }
    out.flush().await;
    let warn = async |text: String| sys.eprint(&format!("sha256sum: {text}\n")).await;
    if !any {
        warn(format!("{path}: no properly formatted checksum lines found")).await;
    }
    if missing > 0 {
        let files = if missing == 1 {
            "1 listed file".to_owned()
        } else {
            format!("{missing} listed files")
        };
        warn(format!("WARNING: {files} could not be read")).await;
    }
    if failed > 0 {
        let sums = if failed == 1 {
            "1 computed checksum".to_owned()
        } else {
            format!("{failed} computed checksums")
        };
        warn(format!("WARNING: {sums} did NOT match")).await;
    }
    i32::from(!any || failed + missing > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_go_both_ways() {
        assert_eq!(plain_bytes(b"00 ff\n7f"), [0, 255, 127]);
        assert_eq!(
            dumped_bytes(b"00000000: 4142 43                                  ABC\n"),
            b"ABC"
        );
        assert_eq!(number("0x10"), Some(16));
    }

    #[test]
    fn bad_base64_gives_what_is_right() {
        assert_eq!(decode(b"aGVs\nbG8=\n", false), (b"hello".to_vec(), true));
        assert_eq!(decode(b"aGVsbG8", false), (b"hello".to_vec(), false));
        assert_eq!(decode(b"aGVs*bG8=", false), (b"hel".to_vec(), false));
        assert_eq!(decode(b"aG Vs*bG8=", true), (b"hello".to_vec(), true));
    }
}
