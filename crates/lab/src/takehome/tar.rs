//! A tar archive of plain files, in the form every tar reads (ustar). The same files give the
//! same bytes.

/// Headers and contents fill whole blocks of this size.
const BLOCK: usize = 512;

/// An archive being written.
pub(super) struct Tar {
    bytes: Vec<u8>,
    mtime_s: u64,
}

impl Tar {
    /// Every file gets the same time.
    pub(super) fn new(mtime_s: u64) -> Tar {
        Tar { bytes: Vec::new(), mtime_s }
    }

    /// Adds a file. The path is ours: at most 100 bytes.
    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) {
        assert!(path.len() <= 100, "{path}: the form has no room for it");
        let mut header = [0_u8; BLOCK];
        let mut put = |at: usize, text: &str| {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        put(0, path);
        put(100, &format!("{mode:07o}"));
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", bytes.len()));
        put(136, &format!("{:011o}", self.mtime_s));
        put(148, "        ");
        put(156, "0");
        put(257, "ustar");
        put(263, "00");
        put(265, "root");
        put(297, "root");
        // The sum is taken with its own field blank.
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }

    /// Two empty blocks end an archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_the_fields_where_tar_looks_for_them() {
        let mut tar = Tar::new(1_795_338_000);
        tar.file("a/b", 0o755, b"hello");
        let bytes = tar.finish();
        assert_eq!(bytes.len(), 4 * BLOCK);
        let text = |at: usize, len: usize| String::from_utf8_lossy(&bytes[at..at + len]);
        assert_eq!(text(0, 4), "a/b\0");
        assert_eq!(text(100, 8), "0000755\0");
        assert_eq!(text(124, 12), "00000000005\0");
        assert_eq!(text(136, 12), format!("{:o}\0", 1_795_338_000));
        assert_eq!(text(257, 8), "ustar\x0000");
        let sum = u32::from_str_radix(&text(148, 6), 8).unwrap();
        let blank = [&bytes[..148], b"        ".as_slice(), &bytes[156..BLOCK]].concat();
        assert_eq!(sum, blank.iter().map(|byte| u32::from(*byte)).sum::<u32>());
        assert_eq!(text(BLOCK, 5), "hello");
    }
}
