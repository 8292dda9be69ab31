//! Virtual binaries: files that start as an ELF file does and name the program they hold.
//!
//! A program runs only where such a file exists and is executable; its release is a
//! property of that file, so two releases can stand side by side on one host.

use bytes::Bytes;

const MAGIC: &[u8] = b"\x7fELF\x02\x01\x01\0quorum-lab\0";

/// What a binary says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exe {
    /// The program's name in the table of programs.
    pub program: String,
    /// Its release such as `3.6.14`; empty for tools without one.
    pub release: String,
}

/// The content of the binary of a program.
pub fn image(program: &str, release: &str) -> Bytes {
    let mut file = MAGIC.to_vec();
    file.extend_from_slice(program.as_bytes());
    file.push(0);
    file.extend_from_slice(release.as_bytes());
    file.push(0);
    Bytes::from(file)
}

/// Reads the start of a file; none when it is no binary of ours or a damaged one.
pub fn parse(file: &[u8]) -> Option<Exe> {
    let rest = file.strip_prefix(MAGIC)?;
    let mut parts = rest.split(|&byte| byte == 0);
    let program = String::from_utf8(parts.next()?.to_vec()).ok()?;
    let release = String::from_utf8(parts.next()?.to_vec()).ok()?;
    // The byte after the release must be there: without it the file was cut.
    parts.next()?;
    if program.is_empty() {
        return None;
    }
    Some(Exe { program, release })
}

/// The interpreter of a script and the one argument a `#!` line may give it.
pub(crate) fn interpreter(file: &[u8]) -> Option<(String, Option<String>)> {
    let line = file.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim();
    let (path, argument) = match line.split_once([' ', '\t']) {
        Some((path, argument)) => (path, Some(argument.trim().to_owned())),
        None => (line, None),
    };
    if path.is_empty() { None } else { Some((path.to_owned(), argument)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_names_its_program_and_release() {
        let file = image("etcd", "3.6.14");
        let exe = parse(&file).unwrap();
        assert_eq!((exe.program.as_str(), exe.release.as_str()), ("etcd", "3.6.14"));
        assert_eq!(parse(&image("cat", "")).unwrap().release, "");
    }

    #[test]
    fn damaged_files_are_no_binaries() {
        let file = image("etcd", "3.6.14");
        for len in 0..file.len() {
            assert_eq!(parse(&file[..len]), None, "cut to {len} bytes");
        }
        assert_eq!(parse(b"#!/bin/sh\necho\n"), None);
    }

    #[test]
    fn scripts_name_their_interpreter() {
        for (file, want) in [
            ("#!/bin/sh\necho", Some(("/bin/sh", None))),
            ("#! /bin/bash -eu \n", Some(("/bin/bash", Some("-eu")))),
            ("#!\n", None),
            ("echo", None),
        ] {
            let got = interpreter(file.as_bytes());
            let got = got.as_ref().map(|(path, arg)| (path.as_str(), arg.as_deref()));
            assert_eq!(got, want);
        }
    }
}
