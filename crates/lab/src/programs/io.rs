//! What programs read and print through: buffered, and with the texts of the GNU tools.

use sim::{Errno, Fd, OpenFlags, Sys};

/// Printed when so much has gathered.
const FLUSH_BYTES: usize = 32_768;
/// What is read at once.
const READ_BYTES: usize = 65_536;
/// No program holds more of its input than this.
pub(crate) const INPUT_MAX_BYTES: usize = 64 << 20;

/// Buffered standard output.
pub(crate) struct Out {
    sys: Sys,
    buffer: Vec<u8>,
    failed: Option<Errno>,
}

impl Out {
    pub(crate) fn new(sys: &Sys) -> Out {
        Out { sys: sys.clone(), buffer: Vec::new(), failed: None }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Prints what has gathered, when that is worth a call.
    pub(crate) async fn tick(&mut self) {
        if self.buffer.len() >= FLUSH_BYTES {
            self.flush().await;
        }
    }

    pub(crate) async fn flush(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        if !buffer.is_empty()
            && self.failed.is_none()
            && let Err(error) = self.sys.write(Fd::STDOUT, &buffer).await
        {
            self.failed = Some(error);
        }
    }

    /// Whether printing has failed, so that a program without end can end.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Prints the rest; the status, worse when printing failed.
    pub(crate) async fn finish(mut self, name: &str, status: i32) -> i32 {
        self.flush().await;
        match self.failed {
            Some(error) => {
                self.sys.eprint(&format!("{name}: write error: {error}\n")).await;
                if status == 0 { 1 } else { status }
            }
            None => status,
        }
    }
}

/// A file or standard input that is read from the front.
pub(crate) struct Input {
    sys: Sys,
    fd: Fd,
    owned: bool,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Drop for Input {
    fn drop(&mut self) {
        if self.owned {
            // The process may have ended, and its files with it.
            let _ = self.sys.close(self.fd);
        }
    }
}

impl Input {
    /// Opens a file; `-` is standard input.
    pub(crate) fn open(sys: &Sys, path: &str) -> Result<Input, Errno> {
        let (fd, owned) = match path {
            "-" => (Fd::STDIN, false),
            _ => (sys.open(path, OpenFlags::READ)?, true),
        };
        Ok(Input { sys: sys.clone(), fd, owned, buffer: Vec::new(), at: 0, ended: false })
    }

    pub(crate) fn fd(&self) -> Fd {
        self.fd
    }

    /// Reads more; false at the end. What was printed so far is shown first: reading may take
    /// long.
    async fn fill(&mut self, out: &mut Out) -> Result<bool, Errno> {
        if self.ended {
            return Ok(false);
        }
        out.flush().await;
        let bytes = self.sys.read(self.fd, READ_BYTES).await?;
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(&bytes);
        self.ended = bytes.is_empty();
        if self.buffer.len() > INPUT_MAX_BYTES {
            return Err(Errno::Efbig);
        }
        Ok(!self.ended)
    }

    /// The next piece of input as it comes; empty at the end.
    pub(crate) async fn piece(&mut self, out: &mut Out) -> Result<Vec<u8>, Errno> {
        if self.at == self.buffer.len() && !self.fill(out).await? {
            return Ok(Vec::new());
        }
        let piece = self.buffer.split_off(self.at);
        self.buffer.clear();
        self.at = 0;
        Ok(piece)
    }

    /// The next line with its newline, which the last one may lack.
    pub(crate) async fn line(&mut self, out: &mut Out) -> Result<Option<Vec<u8>>, Errno> {
        self.until(b'\n', out).await
    }

    /// The bytes up to and with the next `end`.
    pub(crate) async fn until(&mut self, end: u8, out: &mut Out) -> Result<Option<Vec<u8>>, Errno> {
        let mut searched = 0;
        loop {
            let fresh = &self.buffer[self.at + searched..];
            if let Some(len) = fresh.iter().position(|byte| *byte == end) {
                let stop = self.at + searched + len + 1;
                let line = self.buffer[self.at..stop].to_vec();
                self.at = stop;
                return Ok(Some(line));
            }
            searched = self.buffer.len() - self.at;
            if !self.fill(out).await? {
                let rest = self.buffer.split_off(self.at);
                self.buffer.clear();
                self.at = 0;
                return Ok((!rest.is_empty()).then_some(rest));
            }
        }
    }

    /// Everything that is left.
    pub(crate) async fn rest(&mut self, out: &mut Out) -> Result<Vec<u8>, Errno> {
        while self.fill(out).await? {}
        let rest = self.buffer.split_off(self.at);
        self.buffer.clear();
        self.at = 0;
        Ok(rest)
    }
}

/// All of a file or of standard input.
pub(crate) async fn whole(sys: &Sys, path: &str) -> Result<Vec<u8>, Errno> {
    let mut out = Out::new(sys);
    Input::open(sys, path)?.rest(&mut out).await
}

/// The files a program reads: standard input where none is named.
pub(crate) fn inputs(operands: &[String]) -> Vec<String> {
    if operands.is_empty() { vec!["-".to_owned()] } else { operands.to_vec() }
}

/// A line without its newline.
pub(crate) fn chomp(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// The lines of a text, newlines removed.
pub(crate) fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
}

/// A path with a name joined to it.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.ends_with('/') {
        format!("{directory}{name}")
    } else {
        format!("{directory}/{name}")
    }
}

/// The last name of a path.
pub(crate) fn last_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { path } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}
