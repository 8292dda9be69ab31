//! All that can happen to the page: one closed list.

use std::rc::Rc;

use lab::api::Flight;

use crate::bench::BenchMsg;
use crate::boot::Booted;
use crate::course::Do;
use crate::link::Reply;
use crate::state::{Area, Dialog, NewLab};
use crate::store::{LabRow, SavedLab, StoreError};

/// Something happened.
pub(crate) enum Msg {
    // From below.
    /// The store was opened and read, or was not.
    Booted(Box<Booted>),
    /// The worker answered.
    Worker(Box<Reply>),
    /// The worker could not be loaded.
    WorkerDied,
    /// A write to the store ended.
    Stored(Result<(), StoreError>),
    /// A checkpoint is in the store.
    Saved(Result<js_sys::Array, StoreError>),
    /// The list of saved labs was read.
    LabsRead(Result<Vec<LabRow>, StoreError>),
    /// A saved lab was read.
    LabRead(Box<Result<Option<SavedLab>, StoreError>>),
    /// Another tab took the lab over.
    TakenOver,
    /// The tab was hidden or came back.
    Hidden(bool),
    /// A key was pressed somewhere.
    Key(web_sys::KeyboardEvent),
    /// The address' fragment changed: somebody opened a share link here.
    Fragment(String),
    /// Something of an exam or the drill.
    Exam(crate::exam::Do),
    /// Something of an exercise that is written.
    Teach(crate::teach::Do),
    /// Something of the course.
    Course(Do),
    /// The address names a screen: its path.
    Go(String),
    /// Something on a screen where clusters are measured.
    Bench(BenchMsg),

    // Time.
    /// A frame of the screen begins, at this wall time.
    Frame(f64),
    /// Pauses or goes on.
    Toggle,
    /// Handles one event.
    Step,
    /// A speed in thousandths.
    Speed(u32),
    /// The next stop up or down.
    Nudge { faster: bool },
    /// Lets the waiting command through at x1.
    Lend,

    // The world.
    /// Does what `sim` does with this line.
    Sim(String),
    /// Back to before the last action.
    Undo,

    // Terminals.
    /// Bytes typed or pasted into a terminal.
    Typed { tty: u32, bytes: Vec<u8> },
    /// Something was asked of the editor over a terminal.
    EditorAsked { tty: u32, text: Option<String>, path: Option<String>, force: bool, leave: bool },
    /// Types a text into the terminal in front, for the learner to send.
    TypeText(String),
    /// A new tab.
    OpenTerminal(String),
    /// Closes one.
    CloseTerminal(u32),
    /// Brings one to the front.
    ShowTerminal(u32),
    /// A terminal is drawn and can be written to.
    TerminalReady(u32),

    // What is looked at.
    /// Chooses a member; with `add`, besides those chosen.
    Choose { host: String, add: bool },
    /// Chooses exactly these.
    ChooseAll(Vec<String>),
    /// Shows a tab of the facts.
    Panel(&'static str),
    /// Shows an area on a narrow screen.
    Area(Area),
    /// Shows one key's history, or all keys.
    History(Option<String>),
    /// A message was clicked, or its fields put away.
    Flight(Option<Rc<Flight>>),
    /// The stage has this size.
    StageSize(f64, f64),
    /// The next theme.
    NextTheme,
    /// The system's theme or motion setting changed.
    SystemTheme,
    /// Lets terminals speak to screen readers, or not.
    Reader,
    /// Puts the coach away, or brings it back.
    Coach,

    // Labs.
    /// Opens or closes what lies over the page.
    Dialog(Option<Dialog>),
    /// A fresh lab with these choices; the present one is kept.
    NewLab(NewLab),
    /// Opens a saved lab.
    OpenLab(String),
    /// Deletes a saved lab.
    DeleteLab(String),
    /// Opens what came by link or file, as a new lab.
    OpenIncoming,
    /// Makes a share link.
    Share,
    /// Copies the share link.
    Copy,
    /// The link was copied.
    Copied(bool),
    /// Saves the recipe to a file.
    SaveFile,
    /// Lets the learner choose a recipe file.
    OpenFile,
    /// The file was read.
    FileRead(Vec<u8>),
    /// Lists a directory of the host the facts are about.
    Folder(String),
    /// Takes a file of a host out.
    TakeOut { host: String, path: String },
    /// Lets the learner choose a file for the directory of this host.
    ChooseFor(String),
    /// The file was read: it is put in.
    PutIn(Box<Chosen>),
    /// The file could not be read, in the browser's words.
    Unread(String),
    /// The cluster as an archive for real machines.
    TakeHome,
    /// Takes the lab over from another tab.
    TakeOver,
    /// Whether this tab may write now.
    Acquired(bool),
    /// Puts a sentence away.
    Dismiss(u32),
}

/// A file of the learner's own machine, chosen for a host.
pub(crate) struct Chosen {
    /// The host.
    pub(crate) host: String,
    /// Where it goes there.
    pub(crate) path: String,
    /// Its length.
    pub(crate) size: u64,
    /// What is in it; none where it is too large.
    pub(crate) bytes: Option<js_sys::Uint8Array>,
    /// Its hash in hex; empty where the browser gives none.
    pub(crate) sha256: String,
}
