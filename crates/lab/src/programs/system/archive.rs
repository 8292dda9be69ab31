//! Archives: `tar` in the form every tar reads (ustar, with GNU's long names), and `gzip`.

use bytes::Bytes;
use sim::{Errno, Fd, FileKind, Sys};

use super::accounts::Accounts;
use crate::programs::Program;
use crate::programs::calendar::Moment;
use crate::programs::io::join;
use crate::programs::ls::mode_text;

/// The entry of the table of programs.
pub(super) const TAR: Program = Program {
    name: "tar",
    summary: "pack and unpack archives",
    usage: concat!(
        "tar [-]c|x|t[zvpf] [-C DIRECTORY] [--strip-components=N] [--exclude=NAME] ARCHIVE [FILE...]\n",
        "  c  pack   x  unpack   t  list   z  with gzip   v  say what is done   f  the archive",
    ),
    run: |sys| Box::pin(tar(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const GZIP: Program = Program {
    name: "gzip",
    summary: "compress files",
    usage: "gzip [-cdfkv] [-1..-9] [FILE...]\n  -d  decompress   -c  to standard output   -k  keep the file",
    run: |sys| Box::pin(gzip_main(sys, "gzip")),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const GUNZIP: Program = Program {
    name: "gunzip",
    summary: "decompress files",
    usage: "gunzip [-cfk] [FILE...]",
    run: |sys| Box::pin(gzip_main(sys, "gunzip")),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const ZCAT: Program = Program {
    name: "zcat",
    summary: "print compressed files",
    usage: "zcat [FILE...]",
    run: |sys| Box::pin(gzip_main(sys, "zcat")),
    complete: None,
};

const BLOCK: usize = 512;
/// Archives are padded to this.
const RECORD: usize = 20 * BLOCK;
/// What an archive may unpack to: the page's memory is not without end.
const PLAIN_BYTES_MAX: usize = 256 << 20;

/// What a member of an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Dir,
    Symlink,
}

/// A member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) link: String,
    pub(super) bytes: Bytes,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) user: String,
    pub(super) group: String,
    pub(super) mtime_s: u64,
}

fn header(entry: &Entry, name: &str, kind: u8, len: usize) -> [u8; BLOCK] {
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, most: usize, text: &str| {
        let bytes = &text.as_bytes()[..text.len().min(most)];
        header[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(0, 100, name);
    put(100, 7, &format!("{:07o}", entry.mode));
    put(108, 7, &format!("{:07o}", entry.uid & 0o7_777_777));
    put(116, 7, &format!("{:07o}", entry.gid & 0o7_777_777));
    put(124, 11, &format!("{len:011o}"));
    put(136, 11, &format!("{:011o}", entry.mtime_s));
    put(148, 8, "        ");
    put(157, 100, &entry.link);
    put(257, 8, "ustar  \0");
    put(265, 31, &entry.user);
    put(297, 31, &entry.group);
    header[156] = kind;
    // The sum is taken with its own field blank.
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// An archive of these members.
pub(super) fn write_tar(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = |header: [u8; BLOCK], bytes: &[u8]| {
        out.extend_from_slice(&header);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    };
    for entry in entries {
        if entry.name.len() > 100 {
            let name = [entry.name.as_bytes(), b"\0"].concat();
            block(header(entry, "././@LongLink", b'L', name.len()), &name);
        }
        let kind = match entry.kind {
            Kind::File => b'0',
            Kind::Dir => b'5',
            Kind::Symlink => b'2',
        };
        block(header(entry, &entry.name, kind, entry.bytes.len()), &entry.bytes);
    }
    out.resize((out.len() + 2 * BLOCK).next_multiple_of(RECORD), 0);
    out
}

/// The members of an archive; the error is tar's sentence.
fn read_tar(bytes: &Bytes) -> Result<Vec<Entry>, &'static str> {
    const NO_TAR: &str = "This does not look like a tar archive";
    let mut entries = Vec::new();
    let mut long_name = None;
    let mut at = 0;
    while at + BLOCK <= bytes.len() {
        let header = &bytes[at..at + BLOCK];
        if header.iter().all(|byte| *byte == 0) {
            return Ok(entries);
        }
        let text = |from: usize, len: usize| {
            let field = &header[from..from + len];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(len);
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let number = |from: usize, len: usize| {
            u64::from_str_radix(text(from, len).trim(), 8).map_err(|_| NO_TAR)
        };
        let sum: u64 = header
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
            .sum();
        if number(148, 8)? != sum {
            return Err(NO_TAR);
        }
        let len = usize::try_from(number(124, 12)?).map_err(|_| NO_TAR)?;
        let from = at + BLOCK;
        let end = from.checked_add(len).filter(|end| *end <= bytes.len());
        let end = end.ok_or("Unexpected EOF in archive")?;
        at = end.next_multiple_of(BLOCK);
        let body = bytes.slice(from..end);
        let prefix = if header[257..263] == *b"ustar\0" { text(345, 155) } else { String::new() };
        let short =
            if prefix.is_empty() { text(0, 100) } else { format!("{prefix}/{}", text(0, 100)) };
        let kind = match header[156] {
            b'L' => {
                let name = String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned();
                long_name = Some(name);
                continue;
            }
            b'0' | 0 => Kind::File,
            b'5' => Kind::Dir,
            b'2' => Kind::Symlink,
            // Headers of other programs' own.
            _ => continue,
        };
        entries.push(Entry {
            name: long_name.take().unwrap_or(short),
            kind,
            link: text(157, 100),
            bytes: body,
            mode: u16::try_from(number(100, 8)? & 0o7777).unwrap_or(0o644),
            uid: u32::try_from(number(108, 8)?).unwrap_or(0),
            gid: u32::try_from(number(116, 8)?).unwrap_or(0),
            user: text(265, 32),
            group: text(297, 32),
            mtime_s: number(136, 12)?,
        });
    }
    if at == 0 && !bytes.is_empty() { Err(NO_TAR) } else { Ok(entries) }
}

/// The polynomial of gzip's checksum.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut value = n as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[n] = value;
        n += 1;
    }
    table
};

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| CRC[usize::from(sum as u8 ^ byte)] ^ (sum >> 8);
    !bytes.iter().fold(!0, step)
}

/// A file of gzip.
pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(miniz_oxide::deflate::compress_to_vec(plain, 6));
    out.extend(crc32(plain).to_le_bytes());
    // The format keeps the length modulo 2^32.
    out.extend((plain.len() as u32).to_le_bytes());
    out
}

/// What is in a file of gzip; the error is gzip's words.
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    const SHORT: &str = "unexpected end of file";
    if bytes.is_empty() {
        return Err(SHORT);
    }
    if !bytes.starts_with(&[0x1f, 0x8b, 8]) {
        return Err("not in gzip format");
    }
    let flags = *bytes.get(3).ok_or(SHORT)?;
    let mut at = 10;
    if flags & 4 != 0 {
        let len = bytes.get(at..at + 2).ok_or(SHORT)?;
        at += 2 + usize::from(u16::from_le_bytes([len[0], len[1]]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let rest = bytes.get(at..).ok_or(SHORT)?;
            at += rest.iter().position(|byte| *byte == 0).ok_or(SHORT)? + 1;
        }
    }
    at += if flags & 2 != 0 { 2 } else { 0 };
    let end = bytes.len().checked_sub(8).filter(|end| *end >= at).ok_or(SHORT)?;
    let plain =
        miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes[at..end], PLAIN_BYTES_MAX)
            .map_err(|_| "invalid compressed data--format violated")?;
    let sum = u32::from_le_bytes([bytes[end], bytes[end + 1], bytes[end + 2], bytes[end + 3]]);
    if sum != crc32(&plain) {
        return Err("invalid compressed data--crc error");
    }
    Ok(plain)
}

#[derive(Debug, Default)]
struct Call {
    mode: Option<char>,
    zip: bool,
    verbose: bool,
    keep_mode: bool,
    file: Option<String>,
    dir: Option<String>,
    strip: usize,
    exclude: Vec<String>,
    names: Vec<String>,
    stdout: bool,
}

fn parse(args: &[String]) -> Result<Call, String> {
    let mut call = Call::default();
    let mut rest = args.iter();
    let mut first = true;
    while let Some(arg) = rest.next() {
        let bundle = std::mem::take(&mut first) && !arg.starts_with('-');
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let mut take = || value.clone().or_else(|| rest.next().cloned()).unwrap_or_default();
            match name {
                "create" => call.mode = Some('c'),
                "extract" | "get" => call.mode = Some('x'),
                "list" => call.mode = Some('t'),
                "gzip" | "gunzip" | "ungzip" => call.zip = true,
                "verbose" => call.verbose = true,
                "preserve-permissions" | "same-permissions" => call.keep_mode = true,
                "file" => call.file = Some(take()),
                "directory" => call.dir = Some(take()),
                "strip-components" | "strip" => {
                    let text = take();
                    call.strip =
                        text.parse().map_err(|_| format!("Invalid number of elements: {text}"))?;
                }
                "exclude" => call.exclude.push(take()),
                "to-stdout" => call.stdout = true,
                "overwrite" | "no-same-owner" | "same-owner" | "numeric-owner"
                | "absolute-names" => {}
                other => return Err(format!("unrecognized option '--{other}'")),
            }
        } else if bundle || (arg.starts_with('-') && arg.len() > 1) {
            let letters: Vec<char> = arg.trim_start_matches('-').chars().collect();
            for (at, letter) in letters.iter().enumerate() {
                match letter {
                    'c' | 'x' | 't' => call.mode = Some(*letter),
                    'z' => call.zip = true,
                    'v' => call.verbose = true,
                    'p' => call.keep_mode = true,
                    'O' => call.stdout = true,
                    'k' | 'm' | 'o' | 'P' | 'h' | 'S' | 'a' => {}
                    'f' | 'C' => {
                        // With a dash the rest of the word is the value.
                        let own: String = letters[at + 1..].iter().collect();
                        let glued = !bundle && !own.is_empty();
                        let value = if glued { Some(own) } else { rest.next().cloned() };
                        let missing = format!("option requires an argument -- '{letter}'");
                        let value = value.ok_or(missing)?;
                        if *letter == 'f' {
                            call.file = Some(value);
                        } else {
                            call.dir = Some(value);
                        }
                        if glued {
                            break;
                        }
                    }
                    other => return Err(format!("invalid option -- '{other}'")),
                }
            }
        } else {
            call.names.push(arg.clone());
        }
    }
    Ok(call)
}

async fn tar(sys: Sys) -> i32 {
    let args = sys.args();
    let call = match parse(&args[1..]) {
        Ok(call) => call,
        Err(mistake) => {
            sys.eprint(&format!(
                "tar: {mistake}\nTry 'tar --help' or 'tar --usage' for more information.\n"
            ))
            .await;
            return 64;
        }
    };
    let mut failed = false;
    let done = match call.mode {
        Some('c') => create(&sys, &call, &mut failed).await,
        Some(mode) => unpack(&sys, &call, mode == 't', &mut failed).await,
        None => Err("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\nTry 'tar --help' or 'tar --usage' for more information.".to_owned()),
    };
    match done {
        Ok(()) if failed => {
            sys.eprint("tar: Exiting with failure status due to previous errors\n").await;
            2
        }
        Ok(()) => 0,
        Err(text) => {
            sys.eprint(&format!("tar: {text}\n")).await;
            2
        }
    }
}

const FATAL: &str = "Error is not recoverable: exiting now";

async fn create(sys: &Sys, call: &Call, failed: &mut bool) -> Result<(), String> {
    if call.names.is_empty() {
        return Err("Cowardly refusing to create an empty archive\nTry 'tar --help' or 'tar --usage' for more information.".into());
    }
    let accounts = Accounts::read(sys);
    let mut entries = Vec::new();
    let mut stripped = false;
    for name in &call.names {
        let mut waiting = vec![name.trim_end_matches('/').to_owned()];
        if name.chars().all(|c| c == '/') {
            waiting = vec!["/".to_owned()];
        }
        while let Some(path) = waiting.pop() {
            let real = match &call.dir {
                Some(dir) if !path.starts_with('/') => join(dir, &path),
                _ => path.clone(),
            };
            if call.exclude.iter().any(|it| path == *it || path.ends_with(&format!("/{it}"))) {
                continue;
            }
            let looked = sys.lstat(&real);
            let Ok(stat) = looked else {
                let error = looked.err().unwrap_or(Errno::Enoent);
                sys.eprint(&format!("tar: {path}: Cannot stat: {error}\n")).await;
                *failed = true;
                continue;
            };
            if path.starts_with('/') && !std::mem::replace(&mut stripped, true) {
                sys.eprint("tar: Removing leading `/' from member names\n").await;
            }
            let mut entry = entry_of(&accounts, &path, &stat);
            match stat.kind {
                FileKind::Dir => {
                    entry.kind = Kind::Dir;
                    entry.name.push('/');
                    match sys.read_dir(&real) {
                        Ok(names) => waiting.extend(names.iter().rev().map(|it| join(&path, it))),
                        Err(error) => {
                            sys.eprint(&format!("tar: {path}: Cannot open: {error}\n")).await;
                            *failed = true;
                        }
                    }
                }
                FileKind::Symlink => {
                    entry.kind = Kind::Symlink;
                    entry.link = sys.read_link(&real).unwrap_or_default();
                }
                FileKind::Device => continue,
                FileKind::File => match sys.read_file(&real) {
                    Ok(bytes) => entry.bytes = bytes,
                    Err(error) => {
                        sys.eprint(&format!("tar: {path}: Cannot open: {error}\n")).await;
                        *failed = true;
                        continue;
                    }
                },
            }
            say_packed(sys, call, &entry).await;
            entries.push(entry);
        }
    }
    deliver(sys, call, &entries).await
}

/// `-v`: not into the archive itself.
async fn say_packed(sys: &Sys, call: &Call, entry: &Entry) {
    let line = format!("{}\n", if entry.name.is_empty() { "/" } else { &entry.name });
    match call.file.as_deref() {
        _ if !call.verbose => {}
        None | Some("-") => sys.eprint(&line).await,
        Some(_) => sys.print(&line).await,
    }
}

/// A member without its content.
fn entry_of(accounts: &Accounts, path: &str, stat: &sim::Stat) -> Entry {
    Entry {
        name: path.trim_start_matches('/').to_owned(),
        kind: Kind::File,
        link: String::new(),
        bytes: Bytes::new(),
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        user: accounts.user_name(stat.uid),
        group: accounts.group_name(stat.gid),
        mtime_s: stat.mtime_us / 1_000_000,
    }
}

/// Writes the archive to where it was asked for.
async fn deliver(sys: &Sys, call: &Call, entries: &[Entry]) -> Result<(), String> {
    let plain = write_tar(entries);
    let packed = if call.zip { gzip(&plain) } else { plain };
    match call.file.as_deref().filter(|file| *file != "-") {
        Some(file) => sys
            .write_file(file, &packed)
            .map_err(|error| format!("{file}: Cannot open: {error}\ntar: {FATAL}")),
        None => sys
            .write(Fd::STDOUT, &packed)
            .await
            .map_err(|error| format!("-: Cannot write: {error}\ntar: {FATAL}")),
    }
}

async fn archive(sys: &Sys, call: &Call) -> Result<Bytes, String> {
    let bytes = match call.file.as_deref().filter(|file| *file != "-") {
        Some(file) => match sys.stat(file).and_then(|_| sys.read_file(file)) {
            Ok(bytes) => bytes,
            Err(error) if call.zip => {
                sys.eprint(&format!("tar (child): {file}: Cannot open: {error}\n")).await;
                sys.eprint(&format!("tar (child): {FATAL}\n")).await;
                return Err(format!("Child returned status 2\ntar: {FATAL}"));
            }
            Err(error) => return Err(format!("{file}: Cannot open: {error}\ntar: {FATAL}")),
        },
        None => {
            sys.read_to_end(Fd::STDIN).await.map_err(|error| format!("-: Cannot read: {error}"))?
        }
    };
    if !call.zip && !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    match gunzip(&bytes) {
        Ok(plain) => Ok(plain.into()),
        Err(words) => {
            sys.eprint(&format!("\ngzip: stdin: {words}\n")).await;
            Err(format!("Child returned status 1\ntar: {FATAL}"))
        }
    }
}

async fn unpack(sys: &Sys, call: &Call, list: bool, failed: &mut bool) -> Result<(), String> {
    if let Some(dir) = &call.dir {
        let wrong = |error| format!("{dir}: Cannot open: {error}\ntar: {FATAL}");
        if !sys.stat(dir).map_err(wrong)?.is_dir() {
            return Err(wrong(Errno::Enotdir));
        }
    }
    let bytes = archive(sys, call).await?;
    let (entries, words) = read_tar(&bytes).map_or_else(|it| (Vec::new(), it), |it| (it, ""));
    if !words.is_empty() {
        sys.eprint(&format!("tar: {words}\n")).await;
        *failed = true;
    }
    let mut found: Vec<bool> = vec![false; call.names.len()];
    let mut dirs = Vec::new();
    for entry in &entries {
        let plain = entry.name.trim_end_matches('/');
        let mut wanted = call.names.is_empty();
        for (at, name) in call.names.iter().enumerate() {
            let name = name.trim_end_matches('/');
            if plain == name || plain.starts_with(&format!("{name}/")) {
                (wanted, found[at]) = (true, true);
            }
        }
        if !wanted
            || call.exclude.iter().any(|it| plain == *it || plain.ends_with(&format!("/{it}")))
        {
            continue;
        }
        if list {
            sys.print(&listed(entry, call.verbose)).await;
            continue;
        }
        let Some(place) = place(entry, call.strip) else { continue };
        if plain.split('/').any(|part| part == "..") {
            sys.eprint(&format!("tar: {}: Member name contains '..'\n", entry.name)).await;
            *failed = true;
            continue;
        }
        if call.verbose {
            sys.print(&format!("{}\n", entry.name)).await;
        }
        if call.stdout {
            let _ = sys.write(Fd::STDOUT, &entry.bytes).await;
            continue;
        }
        let place = call.dir.as_ref().map_or_else(|| place.clone(), |dir| join(dir, &place));
        match extract(sys, call, entry, &place) {
            Ok(()) if entry.kind == Kind::Dir => dirs.push((place, entry.mtime_s)),
            Ok(()) => {}
            Err(error) => {
                let what = if entry.kind == Kind::Dir { "Cannot mkdir" } else { "Cannot open" };
                sys.eprint(&format!("tar: {}: {what}: {error}\n", entry.name)).await;
                *failed = true;
            }
        }
    }
    for (dir, mtime_s) in dirs {
        // A time is a nicety.
        let _ = sys.set_mtime(&dir, mtime_s * 1_000_000);
    }
    for (name, found) in call.names.iter().zip(found) {
        if !found {
            sys.eprint(&format!("tar: {name}: Not found in archive\n")).await;
            *failed = true;
        }
    }
    Ok(())
}

/// Where a member is unpacked: never outside.
fn place(entry: &Entry, strip: usize) -> Option<String> {
    let name = entry.name.trim_start_matches('/').trim_end_matches('/');
    let parts: Vec<&str> =
        name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let kept = parts.get(strip..).filter(|kept| !kept.is_empty());
    match kept {
        Some(kept) => Some(kept.join("/")),
        None if strip == 0 && entry.kind == Kind::Dir => Some(".".to_owned()),
        None => None,
    }
}

fn extract(sys: &Sys, call: &Call, entry: &Entry, place: &str) -> Result<(), Errno> {
    let mut upto = String::new();
    for part in place.rsplit_once('/').map_or("", |(dir, _)| dir).split_inclusive('/') {
        upto.push_str(part);
        let dir = upto.trim_end_matches('/');
        if !dir.is_empty() && sys.stat(dir).is_err() {
            sys.mkdir(dir, 0o777)?;
        }
    }
    let root = sys.cred().is_root();
    let mode = if root || call.keep_mode { entry.mode } else { entry.mode & !sys.umask() & 0o777 };
    match entry.kind {
        Kind::Dir => {
            if !sys.stat(place).is_ok_and(|stat| stat.is_dir()) {
                sys.mkdir(place, 0o777)?;
            }
        }
        Kind::Symlink => {
            if sys.lstat(place).is_ok() {
                sys.remove_file(place)?;
            }
            return sys.symlink(&entry.link, place);
        }
        Kind::File => {
            // What was there is replaced, not written into.
            if sys.lstat(place).is_ok() {
                sys.remove_file(place)?;
            }
            sys.write_file(place, &entry.bytes)?;
        }
    }
    if place == "." {
        return Ok(());
    }
    if root {
        let accounts = Accounts::read(sys);
        let uid =
            accounts.users.iter().find(|it| it.name == entry.user).map_or(entry.uid, |it| it.uid);
        let gid =
            accounts.groups.iter().find(|it| it.name == entry.group).map_or(entry.gid, |it| it.gid);
        sys.chown(place, Some(uid), Some(gid), true)?;
    }
    sys.chmod(place, mode)?;
    sys.set_mtime(place, entry.mtime_s * 1_000_000)
}

fn listed(entry: &Entry, long: bool) -> String {
    if !long {
        return format!("{}\n", entry.name);
    }
    let kind = match entry.kind {
        Kind::File => FileKind::File,
        Kind::Dir => FileKind::Dir,
        Kind::Symlink => FileKind::Symlink,
    };
    let stat = sim::Stat {
        kind,
        size: entry.bytes.len() as u64,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtime_us: entry.mtime_s * 1_000_000,
        nlink: 1,
        ino: 0,
        allocated_bytes: 0,
    };
    let name = |name: &str, id: u32| if name.is_empty() { id.to_string() } else { name.to_owned() };
    let owners = format!("{}/{}", name(&entry.user, entry.uid), name(&entry.group, entry.gid));
    let size = entry.bytes.len().to_string();
    let width = 18_usize.saturating_sub(owners.len()).max(size.len());
    let time = Moment::from_us(stat.mtime_us as i64).format("%F %H:%M");
    let link =
        if entry.kind == Kind::Symlink { format!(" -> {}", entry.link) } else { String::new() };
    format!("{} {owners} {size:>width$} {time} {}{link}\n", mode_text(&stat), entry.name)
}

async fn gzip_main(sys: Sys, name: &'static str) -> i32 {
    let args = sys.args();
    let (mut unpack, mut out, mut keep, mut force) = (name != "gzip", name == "zcat", false, false);
    let mut files = Vec::new();
    for arg in &args[1..] {
        match arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            Some(letters) => {
                for letter in letters.chars() {
                    match letter {
                        'd' => unpack = true,
                        'c' => out = true,
                        'k' => keep = true,
                        'f' => force = true,
                        '1'..='9' | 'n' | 'q' | 'v' | '-' => {}
                        other => {
                            sys.eprint(&format!("{name}: invalid option -- '{other}'\nTry `gzip --help' for more information.\n")).await;
                            return 1;
                        }
                    }
                }
            }
            None => files.push(arg.clone()),
        }
    }
    if files.is_empty() {
        let input = sys.read_to_end(Fd::STDIN).await.unwrap_or_default();
        let done = if unpack { gunzip(&input) } else { Ok(gzip(&input)) };
        return match done {
            Ok(bytes) => i32::from(sys.write(Fd::STDOUT, &bytes).await.is_err()),
            Err(words) => {
                sys.eprint(&format!("\n{name}: stdin: {words}\n")).await;
                1
            }
        };
    }
    let mut status = 0;
    for file in files {
        if let Err(text) = gzip_one(&sys, &file, (unpack, out, keep, force)).await {
            sys.eprint(&format!("{name}: {text}\n")).await;
            status = 1;
        }
    }
    status
}

async fn gzip_one(
    sys: &Sys,
    file: &str,
    (unpack, out, keep, force): (bool, bool, bool, bool),
) -> Result<(), String> {
    let mut file = file.to_owned();
    if unpack && sys.stat(&file).is_err() && sys.stat(&format!("{file}.gz")).is_ok() {
        file.push_str(".gz");
    }
    let stat = sys.stat(&file).map_err(|error| format!("{file}: {error}"))?;
    if stat.is_dir() {
        return Err(format!("{file} is a directory -- ignored"));
    }
    let input = sys.read_file(&file).map_err(|error| format!("{file}: {error}"))?;
    let target = if unpack {
        let stem = file.strip_suffix(".gz").map(str::to_owned);
        let stem = stem.or_else(|| file.strip_suffix(".tgz").map(|stem| format!("{stem}.tar")));
        match stem {
            Some(stem) => stem,
            None if out => String::new(),
            None => return Err(format!("{file}: unknown suffix -- ignored")),
        }
    } else {
        format!("{file}.gz")
    };
    let bytes = if unpack {
        gunzip(&input).map_err(|words| format!("{file}: {words}"))?
    } else {
        gzip(&input)
    };
    if out {
        return sys.write(Fd::STDOUT, &bytes).await.map_err(|error| error.to_string());
    }
    if sys.stat(&target).is_ok() && !force {
        return Err(format!("{target} already exists;\tnot overwritten"));
    }
    sys.write_file(&target, &bytes).map_err(|error| format!("{target}: {error}"))?;
    // The file takes the place of the one before: mode and time are those.
    let _ = sys.chmod(&target, stat.mode);
    let _ = sys.set_mtime(&target, stat.mtime_us);
    if keep { Ok(()) } else { sys.remove_file(&file).map_err(|error| format!("{file}: {error}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked() {
        let entry = |name: &str, kind, bytes: &'static [u8]| Entry {
            name: name.to_owned(),
            kind,
            link: if kind == Kind::Symlink { "a/b".to_owned() } else { String::new() },
            bytes: Bytes::from_static(bytes),
            mode: 0o755,
            uid: 1000,
            gid: 1000,
            user: "ann".to_owned(),
            group: "ann".to_owned(),
            mtime_s: 1_795_338_000,
        };
        let long = format!("a/{}", "x".repeat(150));
        let entries = [
            entry("a/", Kind::Dir, b""),
            entry("a/b", Kind::File, b"hello"),
            entry(&long, Kind::File, b"long"),
            entry("a/c", Kind::Symlink, b""),
        ];
        let packed = gzip(&write_tar(&entries));
        assert_eq!(packed[..3], [0x1f, 0x8b, 8]);
        let plain = gunzip(&packed).unwrap();
        assert_eq!(plain.len() % RECORD, 0);
        assert_eq!(read_tar(&plain.into()).unwrap(), entries);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_damaged_is_refused() {
        assert!(gunzip(b"hello").is_err());
        let mut packed = gzip(b"hello hello hello");
        let last = packed.len() - 6;
        packed[last] ^= 1;
        assert!(gunzip(&packed).is_err());
        assert!(read_tar(&Bytes::from(vec![7; 1024])).is_err());
        let climbing = |name: &str| Entry {
            name: name.to_owned(),
            kind: Kind::File,
            link: String::new(),
            bytes: Bytes::new(),
            mode: 0,
            uid: 0,
            gid: 0,
            user: String::new(),
            group: String::new(),
            mtime_s: 0,
        };
        assert_eq!(place(&climbing("/etc/x"), 0).as_deref(), Some("etc/x"));
        assert_eq!(place(&climbing("a/b/c"), 1).as_deref(), Some("b/c"));
        assert_eq!(place(&climbing("a"), 1), None);
    }
}
