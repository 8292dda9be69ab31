//! The witness: what programs were run with, what they printed and how they ended.
//!
//! It is off unless somebody asks for it (an exercise does), because it copies output. It
//! sees what ran, never what was typed: an alias, a variable or a comment changes nothing.

use super::Kernel;
use crate::event::{Ending, Ran, WorldEvent};
use crate::ids::{Fd, Pid};

/// What is kept of each stream: enough for a table and an error, not for a flood.
const SAID_BYTES_MAX: usize = 16 << 10;

/// What a watched process has printed so far.
#[derive(Debug, Default)]
pub(crate) struct Said {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Said {
    fn keep(&mut self, fd: Fd, bytes: &[u8]) {
        let kept = match fd {
            Fd::STDOUT => &mut self.stdout,
            Fd::STDERR => &mut self.stderr,
            _ => return,
        };
        let room = SAID_BYTES_MAX - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl Kernel {
    /// Watches a process from its start, if a witness is wanted.
    pub(super) fn witness_start(&mut self, pid: Pid) {
        if self.witness
            && let Some(proc) = self.procs.get_mut(&pid)
        {
            proc.said = Some(Box::default());
        }
    }

    /// Keeps what it prints.
    pub(super) fn witness_said(&mut self, pid: Pid, fd: Fd, bytes: &[u8]) {
        let said = self.procs.get_mut(&pid).and_then(|proc| proc.said.as_mut());
        if let Some(said) = said {
            said.keep(fd, bytes);
        }
    }

    /// Tells how it ended.
    pub(super) fn witness_end(&mut self, pid: Pid, ending: Ending) {
        let Some(proc) = self.procs.get_mut(&pid) else { return };
        let Some(said) = proc.said.take() else { return };
        let ran = Ran {
            host: proc.host,
            pid,
            argv: proc.argv.clone(),
            cwd: proc.cwd.clone(),
            start_us: proc.start_us,
            ending,
            stdout: String::from_utf8_lossy(&said.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&said.stderr).into_owned(),
        };
        self.tell(WorldEvent::Ran(Box::new(ran)));
    }
}
