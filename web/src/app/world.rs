//! What the learner does to the world: inputs, terminals, undo.

use lab::api::{Command, EditorView, Input, TtyId};

use super::{App, PointInfo, Resync};
use crate::coach::Deed;
use crate::link::Origin;
use crate::platform::{self, terminal};
use crate::screens::Place;
use crate::state::{Area, Phase, Said, Terminal};

/// As many terminals as the tabs have room for.
const TERMINALS_MAX: usize = 9;
/// What is typed ahead of a lab that is on its way; nobody types more, but a paste could.
const EARLY_BYTES_MAX: usize = 1 << 20;

impl App {
    /// Whether the learner may do things.
    pub(super) fn is_live(&self) -> bool {
        self.ui.phase == Phase::Running && !self.ui.read_only && self.ui.exam.replay.is_none()
    }

    /// Sends an input; with `action`, undo comes back to before it.
    pub(super) fn input(&mut self, input: Input, origin: Origin, action: bool) {
        self.seq += 1;
        match &input {
            Input::Sim { line } => self.saw(&Deed::Sim(line.clone())),
            Input::Line { text, .. } => match text.trim().strip_prefix("sim ") {
                Some(line) => self.saw(&Deed::Sim(line.trim().to_string())),
                None => self.saw(&Deed::Line(text.clone())),
            },
            _ => {}
        }
        self.saver.touched(platform::wall_ms());
        self.link.input(self.seq, input, origin, action);
    }

    /// A click that does what `sim` does with this line.
    pub(super) fn sim(&mut self, line: String) {
        if self.is_live() {
            self.ui.said = Some(Said { line: format!("sim {line}"), refused: None });
            self.input(Input::Sim { line }, Origin::Click, true);
        }
    }

    /// Bytes from a terminal go to the session's line editor; what it submits comes back.
    pub(super) fn typed(&mut self, tty: u32, bytes: Vec<u8>) -> bool {
        if self.going.player.is_some() {
            // Who types takes over; this key only says so.
            self.stop_playing();
            return true;
        }
        if !self.hears(tty) || self.early.iter().any(|(it, _)| *it == tty) {
            self.type_later(tty, bytes);
            return false;
        }
        self.edit(tty, bytes);
        false
    }

    /// Whether a terminal's shell has shown its prompt: what is typed before comes after it.
    pub(super) fn hears(&self, tty: u32) -> bool {
        self.is_live() && self.scrolls.get(&tty).is_some_and(|scroll| scroll.end() > 0)
    }

    pub(super) fn edit(&mut self, tty: u32, bytes: Vec<u8>) {
        // Enter may end a command: undo comes back to the line before it was sent.
        let ends = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        let (columns, rows) = (terminal::columns(tty), terminal::rows(tty));
        self.saver.touched(platform::wall_ms());
        self.link.edit(tty, &Command::Edit { tty: TtyId(tty), bytes, columns, rows }, ends);
    }

    /// Brings the editor over a terminal to where its program says it is.
    pub(super) fn show_editor(&mut self, tty: u32, editor: Option<EditorView>) {
        match editor {
            Some(it) => platform::editing::show(
                tty,
                &it.keys,
                &it.path,
                &it.text,
                it.read_only,
                &it.message,
                it.failed,
                it.saved,
            ),
            None if platform::editing::hide(tty) && tty == self.ui.terminal => {
                terminal::focus(tty);
            }
            None => {}
        }
    }

    /// Passes on what was asked of an editor; what is written can be undone.
    pub(super) fn editor_asked(&mut self, input: Input) {
        if self.is_live() {
            let writes = matches!(input, Input::Editor { text: Some(_), .. });
            self.input(input, Origin::Page, writes);
        }
    }

    /// Keeps what was typed while the lab is on its way. A tab that only looks, and a lab that
    /// ended, take no keys; both say so over the page.
    fn type_later(&mut self, tty: u32, bytes: Vec<u8>) {
        let ended = matches!(self.ui.phase, Phase::Dead(_)) || self.ui.exam.replay.is_some();
        let held: usize = self.early.iter().map(|(_, bytes)| bytes.len()).sum();
        if !ended && !self.ui.read_only && held + bytes.len() <= EARLY_BYTES_MAX {
            self.early.push((tty, bytes));
        }
    }

    /// Types what was typed before the lab was there, where a prompt is there now.
    pub(super) fn type_early(&mut self) {
        for (tty, bytes) in std::mem::take(&mut self.early) {
            match self.hears(tty) {
                true => self.edit(tty, bytes),
                false => self.early.push((tty, bytes)),
            }
        }
    }

    pub(super) fn type_text(&mut self, text: &str) {
        let tty = self.ui.terminal;
        self.ui.area = Area::Terminal;
        self.typed(tty, text.as_bytes().to_vec());
        terminal::focus(tty);
    }

    pub(super) fn open_terminal(&mut self, host: String) {
        if let Some(open) = self.ui.terminals.iter().find(|it| it.host == host) {
            // A second shell on a host opens only where none is free.
            let tty = open.tty;
            if self.view.running(tty).is_none() || self.ui.terminals.len() >= TERMINALS_MAX {
                self.show_terminal(tty);
                return;
            }
        }
        if !self.is_live() || self.ui.terminals.len() >= TERMINALS_MAX {
            return;
        }
        let tty = self.ui.terminals.iter().map(|it| it.tty).max().unwrap_or(0) + 1;
        self.ui.terminals.push(Terminal { tty, host: host.clone() });
        self.ui.terminal = tty;
        self.ui.area = Area::Terminal;
        self.scrolls.remove(&tty);
        self.input(Input::OpenTty { tty: TtyId(tty), host }, Origin::Page, false);
    }

    /// Shows the first terminal at once; its shell is opened when the world is there.
    pub(super) fn promise_terminal(&mut self, host: &str) {
        self.ui.terminals = vec![Terminal { tty: 1, host: host.into() }];
        self.ui.terminal = 1;
        self.open_first = true;
    }

    /// Opens the shell behind the first terminal; where its host is none of this world's, on
    /// the world's first.
    pub(super) fn open_promised(&mut self) {
        let Some(mut first) = self.ui.terminals.first().cloned() else { return };
        if self.view.card(&first.host).is_none()
            && let Some(card) = self.view.members.first()
        {
            first.host.clone_from(&card.host);
            self.ui.terminals[0] = first.clone();
        }
        let Terminal { tty, host } = first;
        self.input(Input::OpenTty { tty: TtyId(tty), host }, Origin::Page, false);
    }

    pub(super) fn close_terminal(&mut self, tty: u32) {
        if !self.is_live() || self.ui.terminals.len() < 2 {
            return;
        }
        self.ui.terminals.retain(|it| it.tty != tty);
        self.drawn.remove(&tty);
        self.scrolls.remove(&tty);
        if self.ui.terminal == tty {
            self.ui.terminal = self.ui.terminals.last().map_or(1, |it| it.tty);
        }
        self.input(Input::CloseTty { tty: TtyId(tty) }, Origin::Page, false);
    }

    pub(super) fn show_terminal(&mut self, tty: u32) {
        self.ui.terminal = tty;
        self.ui.area = Area::Terminal;
        terminal::focus(tty);
    }

    pub(super) fn terminal_ready(&mut self, tty: u32) {
        self.drawn.insert(tty, ());
        self.show_again(tty);
        terminal::set_reader(self.ui.reader);
        let lab = self.ui.place() == Place::Lab;
        if lab && tty == self.ui.terminal && !platform::matches("(pointer: coarse)") {
            terminal::focus(tty);
        }
    }

    /// Notes where the page is at a checkpoint the worker just made.
    pub(super) fn note_point(&mut self, point: u32, seq: u32, now_us: u64) {
        let ttys = self.scrolls.iter().map(|(tty, scroll)| (*tty, scroll.end())).collect();
        self.points.insert(point, PointInfo { seq, now_us, seen: self.seen, ttys });
    }

    /// An action began at this checkpoint.
    pub(super) fn push_undo(&mut self, point: u32) {
        self.undo.push(point);
        self.ui.undo = if self.ui.exam.alone() { 0 } else { self.undo.len() };
    }

    pub(super) fn take_back(&mut self) {
        if self.is_live() && !self.undo.is_empty() && !self.ui.exam.alone() {
            self.link.ask(crate::link::Ask::Undo, "undo");
        }
    }

    /// The world is at a checkpoint again: the page goes there too.
    pub(super) fn jump_to(&mut self, point: u32) {
        // The very first checkpoint is the worker's own, at the world's beginning.
        let start = PointInfo { seq: 0, now_us: 0, seen: 0, ttys: Vec::new() };
        let info = self.points.get(&point).cloned().unwrap_or(start);
        self.now_us = info.now_us;
        for (tty, scroll) in self.scrolls.iter_mut() {
            let end = info.ttys.iter().find(|(it, _)| it == tty).map_or(0, |(_, end)| *end);
            scroll.cut(end);
        }
        for (tty, _) in self.scrolls.iter() {
            self.show_again(*tty);
        }
        self.points.retain(|it, _| *it <= point);
        self.undo.retain(|it| *it < point);
        self.ui.undo = self.undo.len();
        self.ui.flight = None;
        self.scene.borrow_mut().jump();
        // Before its first picture the world has nothing to be agreed about.
        self.resync = match info.seen {
            0 => Resync::Everything,
            seen => Resync::Acknowledge(seen),
        };
        self.owed_us = 0;
        self.stale = true;
    }

    /// The last action was taken back.
    pub(super) fn undone(&mut self, point: u32) {
        let Some(info) = self.points.get(&point).cloned() else { return };
        let (from, to) = (info.seq + 1, self.seq);
        self.drop_inputs(from, to);
        self.jump_to(point);
        self.ui.said = None;
        self.saver.touched(platform::wall_ms());
    }
}
