//! Terminals as the session drives them and shells see them.

use bytes::Bytes;

use super::{Kernel, KernelRef, spawn_exec};
use crate::errno::Errno;
use crate::event::WorldEvent;
use crate::ids::{HostId, Pid, TtyId};
use crate::proc::{Signal, SpawnSpec, Stdio};
use crate::tty::{Editor, EditorAsk, Tty};

/// Opens a terminal with a login shell. A number whose shell is gone can be used again.
pub(crate) fn open(
    kernel: &KernelRef,
    id: TtyId,
    host: HostId,
    shell: SpawnSpec,
) -> Result<Pid, Errno> {
    {
        let mut kernel = kernel.borrow_mut();
        if kernel.tty_alive(id) {
            return Err(Errno::Ebusy);
        }
        kernel.ttys.insert(id, Tty::new());
    }
    let pid = spawn_exec(kernel, host, shell, Stdio::Tty(id))?;
    if let Some(tty) = kernel.borrow_mut().ttys.get_mut(&id) {
        tty.shell = Some(pid);
    }
    Ok(pid)
}

impl Kernel {
    /// Whether a terminal is open and its login shell runs.
    pub(crate) fn tty_alive(&self, id: TtyId) -> bool {
        self.ttys.get(&id).is_some_and(|tty| tty.shell.is_some() && !tty.closed)
    }

    /// The command the shell of a terminal is at.
    pub(crate) fn tty_running(&self, id: TtyId) -> Option<String> {
        self.ttys.get(&id)?.running.clone()
    }

    /// Where the login shell of a terminal is.
    pub(crate) fn tty_cwd(&self, id: TtyId) -> Option<String> {
        let shell = self.ttys.get(&id)?.shell?;
        Some(self.proc(shell)?.cwd.clone())
    }

    /// Enters a command for the login shell.
    pub(crate) fn tty_command(&mut self, id: TtyId, command: String) {
        self.tty_change(id, |tty| tty.enter(command));
    }

    /// Types bytes for what runs in the terminal.
    pub(crate) fn tty_stdin(&mut self, id: TtyId, bytes: &[u8]) {
        self.tty_change(id, |tty| tty.type_in(bytes));
    }

    /// Ctrl-D for what runs in the terminal.
    pub(crate) fn tty_eof(&mut self, id: TtyId) {
        self.tty_change(id, Tty::type_end);
    }

    /// A signal of the keyboard: to the processes in the foreground, or to the shell when
    /// it runs nothing but itself.
    pub(crate) fn tty_signal(&mut self, id: TtyId, signal: Signal) {
        let Some(tty) = self.ttys.get_mut(&id) else { return };
        tty.flush_input();
        let (groups, shell) = (tty.foreground.clone(), tty.shell);
        let mut reached = false;
        for group in groups {
            reached |= self.signal_group(group, signal);
        }
        if let Some(shell) = shell
            && !reached
        {
            // A shell that just ended needs no signal any more.
            let _ = self.signal(shell, signal);
        }
    }

    /// Hangs up: what runs in the terminal gets SIGHUP, stopped or not.
    pub(crate) fn tty_close(&mut self, id: TtyId) {
        self.tty_change(id, |tty| tty.closed = true);
        let pids: Vec<Pid> = self
            .procs
            .values()
            .filter(|proc| proc.tty == Some(id) && proc.ending.is_none())
            .map(|proc| proc.pid)
            .collect();
        for pid in pids {
            for signal in [Signal::Hup, Signal::Cont] {
                // One of them may have ended by what another got.
                let _ = self.signal(pid, signal);
            }
        }
    }

    /// A process ended: if it was the login shell of a terminal, the terminal closes.
    pub(super) fn shell_gone(&mut self, pid: Pid) {
        let gone = self.ttys.iter_mut().find(|(_, tty)| tty.shell == Some(pid));
        if let Some((&id, tty)) = gone {
            tty.lose_shell();
            self.tell(WorldEvent::TtyClosed { tty: id });
        }
    }

    /// Whether what is typed in the terminal is to be shown.
    pub(crate) fn tty_echo(&self, id: TtyId) -> bool {
        self.ttys.get(&id).is_none_or(|tty| !tty.silent)
    }

    /// Has the terminal of a process show what is typed, or not.
    pub(crate) fn tty_set_echo(&mut self, pid: Pid, on: bool) {
        let tty = self.procs.get(&pid).and_then(|proc| proc.tty);
        if let Some(tty) = tty.and_then(|id| self.ttys.get_mut(&id)) {
            tty.silent = !on;
        }
    }

    /// The terminal of a process.
    fn tty_of(&mut self, pid: Pid) -> Option<&mut Tty> {
        let id = self.procs.get(&pid)?.tty?;
        self.ttys.get_mut(&id)
    }

    /// Whether keys go to the program one by one.
    pub(crate) fn tty_raw(&self, id: TtyId) -> bool {
        self.ttys.get(&id).is_some_and(|tty| tty.raw)
    }

    /// Has the terminal of a process give it keys one by one, or lines again.
    pub(crate) fn tty_set_raw(&mut self, pid: Pid, on: bool) {
        if let Some(tty) = self.tty_of(pid) {
            tty.raw = on;
        }
    }

    /// The terminal is a screen of this size; what runs in it is told.
    pub(crate) fn tty_resize(&mut self, id: TtyId, size: (u16, u16)) {
        self.tty_change(id, |tty| tty.size = Some(size));
    }

    /// Columns and rows of a process's terminal.
    pub(crate) fn tty_size(&self, pid: Pid) -> Option<(u16, u16)> {
        let id = self.procs.get(&pid)?.tty?;
        self.ttys.get(&id)?.size
    }

    /// Shows an editor in the terminal of a process; see `Tty::show_editor`.
    pub(crate) fn tty_show_editor(&mut self, pid: Pid, editor: Option<Editor>) {
        if let Some(tty) = self.tty_of(pid) {
            tty.show_editor(pid, editor);
        }
    }

    /// The editor of a terminal, as long as the process lives that shows it.
    pub(crate) fn tty_editor(&self, id: TtyId) -> Option<&Editor> {
        let (pid, editor) = self.ttys.get(&id)?.editor()?;
        self.is_alive(*pid).then_some(editor)
    }

    /// Asks something of the editor of a terminal.
    pub(crate) fn tty_ask_editor(&mut self, id: TtyId, ask: EditorAsk) {
        self.tty_change(id, |tty| tty.ask_editor(ask));
    }

    /// What was asked of the editor of a process; see `Tty::take_ask`.
    pub(crate) fn tty_take_ask(&mut self, pid: Pid) -> Option<EditorAsk> {
        self.tty_of(pid)?.take_ask(pid)
    }

    /// The login shell is done with a command.
    pub(crate) fn tty_done(&mut self, id: TtyId, exit: i32) {
        if let Some(tty) = self.ttys.get_mut(&id) {
            tty.sane();
            tty.foreground.clear();
        }
        let event = WorldEvent::CommandDone { tty: id, exit };
        self.tell(event);
    }

    /// The next command for the login shell; see `Tty::take_command`.
    pub(crate) fn tty_next_command(&mut self, id: TtyId, pid: Pid) -> Option<Option<String>> {
        match self.ttys.get_mut(&id) {
            Some(tty) => tty.take_command(pid),
            None => Some(None),
        }
    }

    /// Sets the process groups that get the keyboard's signals.
    pub(crate) fn tty_set_foreground(&mut self, id: TtyId, groups: &[Pid]) {
        if let Some(tty) = self.ttys.get_mut(&id) {
            tty.foreground = groups.to_vec();
        }
    }

    /// Prints; tells how long the writer has to rest.
    pub(super) fn tty_print(
        &mut self,
        id: TtyId,
        stream: crate::tty::Stream,
        bytes: &[u8],
    ) -> Option<u64> {
        let now_us = self.now_us;
        let tty = self.ttys.get_mut(&id)?;
        if tty.closed || bytes.is_empty() {
            return None;
        }
        let rest = tty.count(bytes.len() as u64, now_us);
        let bytes = Bytes::copy_from_slice(bytes);
        self.tell(WorldEvent::TtyOutput { tty: id, stream, bytes });
        rest
    }

    /// Changes a terminal and wakes those who wait at it.
    fn tty_change(&mut self, id: TtyId, change: impl FnOnce(&mut Tty)) {
        let Some(tty) = self.ttys.get_mut(&id) else { return };
        change(tty);
        for pid in tty.take_waiting() {
            self.wake(pid);
        }
    }

    /// Reads a line; see `Tty::read`.
    pub(super) fn tty_read(&mut self, id: TtyId, max: usize, pid: Pid) -> Option<Bytes> {
        match self.ttys.get_mut(&id) {
            Some(tty) => tty.read(max, pid),
            None => Some(Bytes::new()),
        }
    }

    pub(crate) fn tell(&mut self, event: WorldEvent) {
        self.events.push(event);
    }
}
