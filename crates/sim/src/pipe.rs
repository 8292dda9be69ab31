//! Pipes: bytes from the processes that hold the one end to those that hold the other.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::errno::Errno;
use crate::ids::Pid;

/// What a pipe holds before a writer has to wait, as in Linux.
pub(crate) const CAPACITY_BYTES: usize = 65_536;

/// Writes up to this length go in whole or not at all.
const ATOMIC_BYTES: usize = 4096;

/// A pipe. Processes that wait leave their number and try again when woken.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    bytes: VecDeque<u8>,
    /// Open file descriptions of either end.
    pub(crate) readers: u32,
    pub(crate) writers: u32,
    waiting: Vec<Pid>,
}

impl Pipe {
    /// A pipe with one open file description at each end.
    pub(crate) fn new() -> Pipe {
        Pipe { readers: 1, writers: 1, ..Pipe::default() }
    }

    /// Takes up to `max` bytes: none means wait, empty means the end.
    pub(crate) fn read(&mut self, max: usize, pid: Pid) -> Option<Bytes> {
        if self.bytes.is_empty() {
            if self.writers == 0 {
                return Some(Bytes::new());
            }
            self.wait(pid);
            return None;
        }
        let taken: Vec<u8> = self.bytes.drain(..max.min(self.bytes.len())).collect();
        Some(Bytes::from(taken))
    }

    /// Puts in what fits: none means wait.
    pub(crate) fn write(&mut self, bytes: &[u8], pid: Pid) -> Result<Option<usize>, Errno> {
        if self.readers == 0 {
            return Err(Errno::Epipe);
        }
        let room = CAPACITY_BYTES.saturating_sub(self.bytes.len());
        if room == 0 || (bytes.len() <= ATOMIC_BYTES && bytes.len() > room) {
            self.wait(pid);
            return Ok(None);
        }
        let len = bytes.len().min(room);
        self.bytes.extend(&bytes[..len]);
        Ok(Some(len))
    }

    /// Puts everything in, however much is there: the log of a member does not wait.
    pub(crate) fn force(&mut self, bytes: &[u8]) {
        if self.readers > 0 {
            self.bytes.extend(bytes);
        }
    }

    fn wait(&mut self, pid: Pid) {
        if !self.waiting.contains(&pid) {
            self.waiting.push(pid);
        }
    }

    /// Those to wake after any change.
    pub(crate) fn take_waiting(&mut self) -> Vec<Pid> {
        std::mem::take(&mut self.waiting)
    }
}
