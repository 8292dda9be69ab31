//! `dd`: copies blocks, from and to any place in a file.

use sim::{Errno, Fd, OpenFlags, Sys};

use super::{Opened, Program, units};

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "dd",
    summary: "copy blocks from and to any place in files",
    usage: concat!(
        "dd [if=FILE] [of=FILE] [bs=N] [count=N] [skip=N] [seek=N] [conv=notrunc,fsync] [status=none]\n",
        "  skip  so many blocks of the input    seek  so many of the output\n",
        "  conv=notrunc  keep the rest of the output file",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// No block is larger.
const BLOCK_MAX_BYTES: u64 = 64 << 20;

/// What a command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Wish {
    input: Option<String>,
    output: Option<String>,
    block: u64,
    count: Option<u64>,
    skip: u64,
    seek: u64,
    keeps: bool,
    syncs: bool,
    silent: bool,
}

fn wish(args: &[String]) -> Result<Wish, String> {
    let mut wish = Wish { block: 512, ..Wish::default() };
    for arg in args {
        let Some((name, value)) = arg.split_once('=') else {
            return Err(format!("unrecognized operand '{arg}'"));
        };
        let number = || units::size(value).ok_or_else(|| format!("invalid number: '{value}'"));
        match name {
            "if" => wish.input = Some(value.to_owned()),
            "of" => wish.output = Some(value.to_owned()),
            "bs" | "ibs" | "obs" => wish.block = number()?.min(BLOCK_MAX_BYTES),
            "count" => wish.count = Some(number()?),
            "skip" | "iseek" => wish.skip = number()?,
            "seek" | "oseek" => wish.seek = number()?,
            "conv" | "oflag" | "iflag" => {
                wish.keeps |= value.split(',').any(|word| word == "notrunc");
                wish.syncs |= value.split(',').any(|word| matches!(word, "fsync" | "fdatasync"));
            }
            "status" => wish.silent = value == "none",
            _ => return Err(format!("unrecognized operand '{arg}'")),
        }
    }
    if wish.block == 0 {
        return Err("invalid number: '0'".to_owned());
    }
    Ok(wish)
}

/// Blocks that were whole, blocks that were not, bytes.
#[derive(Default)]
struct Counts {
    whole: u64,
    part: u64,
    bytes: u64,
}

impl Counts {
    fn add(&mut self, len: usize, block: u64) {
        if len as u64 == block {
            self.whole += 1;
        } else {
            self.part += 1;
        }
        self.bytes += len as u64;
    }
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let args = args.get(1..).unwrap_or_default();
    if args.first().is_some_and(|arg| arg == "--help") {
        sys.print(&super::help::page(&PROGRAM)).await;
        return 0;
    }
    let wish = match wish(args) {
        Ok(wish) => wish,
        Err(mistake) => {
            let hint = "Try 'dd --help' for more information.";
            sys.eprint(&format!("dd: {mistake}\n{hint}\n")).await;
            return 1;
        }
    };
    let start_us = sys.mono_us();
    let (counts, failed) = match copy(&sys, &wish).await {
        Ok(counts) => counts,
        Err(sentence) => {
            sys.eprint(&format!("dd: {sentence}\n")).await;
            return 1;
        }
    };
    if let Some(sentence) = &failed {
        sys.eprint(&format!("dd: {sentence}\n")).await;
    }
    if !wish.silent {
        report(&sys, &counts, sys.mono_us() - start_us).await;
    }
    i32::from(failed.is_some())
}

async fn report(sys: &Sys, [read, written]: &[Counts; 2], spent_us: u64) {
    let bytes = written.bytes;
    let rate = bytes.saturating_mul(1_000_000) / spent_us.max(1);
    let text = format!(
        "{}+{} records in\n{}+{} records out\n{bytes} byte{} copied, {}.{:06} s, {} kB/s\n",
        read.whole,
        read.part,
        written.whole,
        written.part,
        if bytes == 1 { "" } else { "s" },
        spent_us / 1_000_000,
        spent_us % 1_000_000,
        rate / 1000,
    );
    sys.eprint(&text).await;
}

/// Copies; the counts of both sides, and what ended it early.
async fn copy(sys: &Sys, wish: &Wish) -> Result<([Counts; 2], Option<String>), String> {
    let opening = |path: &str, error: Errno| format!("failed to open '{path}': {error}");
    let input = match &wish.input {
        Some(path) => {
            let fd = sys.open(path, OpenFlags::READ).map_err(|error| opening(path, error))?;
            Some(Opened::new(sys, fd))
        }
        None => None,
    };
    let output = match &wish.output {
        Some(path) => {
            let truncate = !wish.keeps && wish.seek == 0;
            let flags = OpenFlags { truncate, ..OpenFlags::WRITE };
            let fd = sys.open(path, flags).map_err(|error| opening(path, error))?;
            Some(Opened::new(sys, fd))
        }
        None => None,
    };
    let from = input.as_ref().map_or(Fd::STDIN, Opened::fd);
    let to = output.as_ref().map_or(Fd::STDOUT, Opened::fd);
    let offset = wish.seek.saturating_mul(wish.block);
    if wish.seek > 0 {
        let seeking = |error| format!("cannot seek: {error}");
        if !wish.keeps && output.is_some() {
            sys.truncate_fd(to, offset).map_err(seeking)?;
        }
        sys.seek(to, offset).map_err(seeking)?;
    }
    let mut counts = [Counts::default(), Counts::default()];
    let block = usize::try_from(wish.block).map_err(|_| "memory exhausted".to_owned())?;
    for _ in 0..wish.skip {
        if read_block(sys, from, block).await?.is_empty() {
            break;
        }
    }
    let mut left = wish.count.unwrap_or(u64::MAX);
    while left > 0 {
        let bytes = read_block(sys, from, block).await?;
        if bytes.is_empty() {
            break;
        }
        counts[0].add(bytes.len(), wish.block);
        if let Err(error) = sys.write(to, &bytes).await {
            let name = wish.output.as_deref().unwrap_or("standard output");
            return Ok((counts, Some(format!("error writing '{name}': {error}"))));
        }
        counts[1].add(bytes.len(), wish.block);
        left -= 1;
    }
    if wish.syncs && output.is_some() {
        sys.fsync(to).await.map_err(|error| format!("fsync failed: {error}"))?;
    }
    Ok((counts, None))
}

async fn read_block(sys: &Sys, fd: Fd, block: usize) -> Result<bytes::Bytes, String> {
    sys.read(fd, block).await.map_err(|error| format!("error reading: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands() {
        let args = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let wish_of = |line: &str| wish(&args(line));
        let found = wish_of("if=a of=b bs=1k count=2 seek=3 conv=notrunc").expect("it is right");
        assert_eq!((found.block, found.count, found.seek, found.keeps), (1024, Some(2), 3, true));
        assert_eq!(wish_of("foo"), Err("unrecognized operand 'foo'".to_owned()));
        assert_eq!(wish_of("bs=x"), Err("invalid number: 'x'".to_owned()));
    }
}
