//! The words the page and the session share: plain data, nothing else.
//!
//! The page sends a [`Command`], the session answers with an [`Answer`]; both travel as
//! postcard bytes. What changed the world is an [`Input`]; a [`Recipe`] is the list of
//! them, and it is all that is ever saved, shared or replayed. The picture comes as a
//! [`Delta`]: only the parts that changed since the last one.
//!
//! Units are in the names: `_us` is microseconds of virtual time since the world began.

use serde::{Deserialize, Serialize};

use crate::exam::{ExamTask, TaskReport};

/// The format of [`Recipe`]; a recipe of another number is refused with a sentence.
pub const RECIPE_FORMAT: u32 = 1;

/// Names a terminal of the page; the page counts them from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TtyId(pub u32);

/// The signals a terminal can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TtySignal {
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-\.
    Quit,
    /// Ctrl-Z.
    Suspend,
}

/// All that can change the world, and so all that is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are documented, their fields say what they are")]
pub enum Input {
    /// Opens a shell on a host.
    OpenTty { tty: TtyId, host: String },
    /// Closes it; what runs in it gets SIGHUP.
    CloseTty { tty: TtyId },
    /// A whole command, typed and ended: here-documents and open quotes are complete.
    Line { tty: TtyId, text: String },
    /// Bytes for the program that runs in the terminal.
    Stdin { tty: TtyId, bytes: Vec<u8> },
    /// Ctrl-D for the program that runs in the terminal.
    Eof { tty: TtyId },
    /// A signal for the program that runs in the terminal.
    Signal { tty: TtyId, signal: TtySignal },
    /// A click of the page: the `sim` line that does the same, without the word `sim`.
    Sim { line: String },
    /// A file of the learner's own machine, put on a virtual host.
    Push { host: String, path: String, bytes: Vec<u8> },
    /// An exercise begins here: the text of its `exercise.toml`.
    Begin { source: String },
    /// A terminal is a screen of this size. Where it never was said, as under `quorum exec`,
    /// there is no screen, and programs that need one say so.
    Screen { tty: TtyId, columns: u16, rows: u16 },
    /// What the user of the editor in a terminal asks: to write this text (none writes
    /// nothing), maybe to another file, maybe against a warning, and to leave.
    Editor { tty: TtyId, text: Option<String>, path: Option<String>, force: bool, leave: bool },
}

/// How a world is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldOptions {
    /// The world's name; `cluster` is the only one so far.
    pub world: String,
    /// How many hosts run a member at the start: 1 to 9.
    pub members: u8,
    /// The etcd release installed everywhere: a full version such as `3.6.14`.
    pub release: String,
    /// The root of every random draw.
    pub seed: u64,
    /// The virtual date at start: microseconds since 1970.
    pub epoch_us: u64,
    /// Whether the safety checkers watch; off only to measure what they cost.
    pub checkers: bool,
}

/// An input with the virtual time it came at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// When, on the world's clock.
    pub at_us: u64,
    /// What.
    pub input: Input,
}

/// A point of a run by which a replay is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When, on the world's clock.
    pub at_us: u64,
    /// The trace hash there.
    pub trace: u64,
}

/// A whole run: the same seed and inputs give the same bytes everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// [`RECIPE_FORMAT`].
    pub format: u32,
    /// The build that made it: its hash.
    pub engine: String,
    /// The world and its seed.
    pub options: WorldOptions,
    /// What was done, in order of time.
    pub inputs: Vec<Stamped>,
    /// Where the run was at known times.
    pub marks: Vec<Mark>,
    /// How far it had come.
    pub until_us: u64,
}

/// What the page asks of the session. Only `Apply` changes the world by itself;
/// `Advance` and `Step` let its time pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are documented, their fields say what they are")]
pub enum Command {
    /// A fresh world.
    New(WorldOptions),
    /// A world by its recipe; `Advance` then replays it, input by input. The bytes are those
    /// `Recipe` answered with, or the text of a share link.
    Load(Vec<u8>),
    /// Does it now.
    Apply(Input),
    /// Lets time pass up to `until_us`, or until `events_max` events were handled.
    Advance { until_us: u64, events_max: u32 },
    /// Handles exactly one event, however far off it is.
    Step,
    /// A key typed into a terminal's line editor, on a screen of this size.
    Edit { tty: TtyId, bytes: Vec<u8>, columns: u16, rows: u16 },
    /// What of the picture is on screen; answers with the parts that changed.
    View(Want),
    /// The run so far, as bytes of [`Recipe`] with their checksum (see `recipe`).
    Recipe,
    /// The run so far as the text of a share link.
    Share,
    /// A file of a virtual host.
    Pull { host: String, path: String },
    /// One archive (tar) that starts this cluster on real machines: `Bytes`.
    TakeHome,
    /// Reads the bytes `Load` takes without touching the world: what the page asks before it
    /// replaces anything. Damaged bytes are `Refused` with the sentence for the screen.
    Inspect(Vec<u8>),
    /// The exercises that come with this build.
    Course,
    /// Reads the text of an `exercise.toml` without touching the world: what a teacher's
    /// editor and a link ask. Wrong text is `Refused` with the line, the key and what was
    /// expected.
    InspectExercise { source: String, seed: u64 },
    /// A fresh world in which this exercise has just begun. It takes the virtual time of its
    /// start commands; the page keeps a checkpoint of it, and goes back there to reset.
    Exercise { source: String, seed: u64 },
    /// The solution of an exercise of this build, for the seed of the world: `Lines`.
    Solution { slug: String },
    /// A line of a solution with what is true now put in, to be typed.
    Fill(String),
    /// The tasks of an exam, so many of them, drawn by the seed: `Exam`.
    DrawExam { seed: u64, tasks: u8 },
    /// The worlds this build of the session can run; needs no world.
    Worlds,
    /// The words the exercises use, defined; needs no world.
    Glossary,
    /// Measures something in worlds of its own; needs no world and touches none.
    Measure(Measure),
    /// How the exercise under way stands, and what led there: `Report`.
    Report,
    /// One step of the proof that an exercise works: `Proof`. Needs no world, and leaves none.
    /// The text is that of a bundle: `exercise.toml` and the files after it.
    Prove { text: String, step: u32 },
    /// A bundle as the text of a link: `Text`.
    PackExercise(String),
    /// The bundle a link holds: `Text`.
    UnpackExercise(String),
    /// The bundle of an exercise of this build, without its scripts: `Text`. Without a slug, a
    /// new one that works.
    ExerciseFiles { slug: String },
}

/// What is to be measured. Each is short; a table takes several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are documented, their fields say what they are")]
pub enum Measure {
    /// Puts a fresh cluster of so many members on the bench: `Bench`.
    Cluster { members: u8 },
    /// Ends a member of it, counted from 1, or starts it again, and then writes: `Bench`.
    Toggle { members: u8, member: u8 },
    /// The first step of a table: `Sheet`. The number matters to `Zones` only.
    Begin { sheet: SheetKind, members: u8 },
    /// Its next step.
    Next,
}

/// A table that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SheetKind {
    /// Members ended one by one, for 1 to 9 members.
    Kills,
    /// Zones lost, for every spread.
    Zones,
    /// Writes, for 1 to 9 members.
    Latency,
    /// Reads of three systems while all is well.
    Reads,
    /// The same on both sides of a split.
    Split,
    /// How long each can be stale.
    Window,
    /// What the literature says; not measured.
    Books,
}

/// What the session answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Done.
    Ok,
    /// Not done; a sentence for the screen.
    Refused(String),
    /// How far time has come.
    Advanced(Advanced),
    /// What the line editor prints, and what it submits.
    Edited(Edited),
    /// The picture.
    Delta(Delta),
    /// Bytes asked for.
    Bytes(Vec<u8>),
    /// Text asked for.
    Text(String),
    /// What a recipe holds.
    Recipe(Recipe),
    /// The exercises of this build, or the one that was read.
    Course(Vec<CourseRow>),
    /// Lines asked for.
    Lines(Vec<String>),
    /// The worlds to choose from, the default first.
    Worlds(Vec<WorldRow>),
    /// The words the exercises use.
    Glossary(Vec<Term>),
    /// A cluster on the bench.
    Bench(BenchRow),
    /// A table as far as it is measured.
    Sheet(Sheet),
    /// The tasks of an exam.
    Exam(Vec<ExamTask>),
    /// How an exercise stands.
    Report(TaskReport),
    /// What a step of a proof found.
    Proof(ProofView),
}

/// What a step of a proof found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofView {
    /// Which step it was, from 0.
    pub step: u32,
    /// How many there are.
    pub steps: u32,
    /// What the next step shows, in a few words.
    pub next: String,
    /// What is wrong; empty when nothing is.
    pub problems: Vec<String>,
}

/// A cluster on the bench.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchRow {
    /// Its voters.
    pub members: u8,
    /// floor(N/2)+1: the rule, beside what was measured.
    pub quorum: u8,
    /// Which of them run.
    pub alive: Vec<bool>,
    /// The one that leads with a majority behind it, counted from 0.
    pub leader: Option<u8>,
    /// Its term.
    pub term: u64,
    /// Whether the last write went through.
    pub wrote: bool,
    /// How long it took, or what the client was told.
    pub said: String,
}

/// A table, as far as it is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// What it is about.
    pub title: String,
    /// How it was measured, or where it is from.
    pub note: String,
    /// The heads of its columns.
    pub columns: Vec<String>,
    /// Its rows, each with a cell a column.
    pub rows: Vec<Vec<Cell>>,
    /// Steps done.
    pub done: u16,
    /// Steps in all.
    pub of: u16,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Whether that is well.
    pub tone: Tone,
    /// The length of the bar behind it, in hundredths; 0 for none.
    pub bar: u8,
}

/// Whether what a cell says is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// Neither nor.
    Plain,
    /// Well.
    Good,
    /// To be known about.
    Warn,
    /// Not well.
    Bad,
}

/// A kind of world, for the choice of a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldRow {
    /// Its name, as [`WorldOptions::world`] has it.
    pub name: String,
    /// What it is, in one line.
    pub summary: String,
    /// Its hosts when it begins with three members; the first terminal is on the first.
    pub hosts: Vec<String>,
    /// Whether it begins with a cluster of as many members as one likes.
    pub members: bool,
}

/// How far time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advanced {
    /// The world's clock.
    pub now_us: u64,
    /// Whether `until_us` was reached; false when `events_max` ended the slice.
    pub reached: bool,
    /// Events handled in this slice.
    pub events: u32,
    /// True while a loaded recipe still has inputs to come.
    pub replaying: bool,
    /// True when a checker found a violation: the world stands still from here on.
    pub violated: bool,
    /// A speed asked for by `sim speed|pause|run|step` since the last call.
    pub speed: Option<Speed>,
}

/// What `sim speed`, `sim pause`, `sim run` and `sim step` ask of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speed {
    /// Virtual time per wall time, in thousandths: 1 is x1/1000, 1000 is x1, 50000 is x50.
    PerMille(u32),
    /// Stands still.
    Pause,
    /// Goes on at the last speed.
    Run,
    /// One event.
    Step,
}

/// The line editor's answer to a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// Terminal bytes to show.
    pub echo: Vec<u8>,
    /// Inputs to apply now, in order (a pasted text can hold several lines).
    pub submit: Vec<Input>,
}

/// What is on screen. The session computes nothing that is not wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// The sequence number of the last delta that arrived; 0 asks for everything: every part,
    /// and the story as far as it is kept. Bytes of a terminal are the exception: they come
    /// once, and again only while the delta that carried them is not acknowledged.
    pub seen: u64,
    /// Messages in flight.
    pub flights: bool,
    /// The log table, for these hosts.
    pub logs: Vec<String>,
    /// The keyspace of this host.
    pub keys: Option<String>,
    /// Flags, files and journal of this host.
    pub host: Option<String>,
    /// What is in this directory of this host.
    pub folder: Option<(String, String)>,
}

/// The parts of the picture that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Counts up; to be acknowledged in the next [`Want::seen`].
    pub seq: u64,
    /// The world's clock.
    pub now_us: u64,
    /// The parts.
    pub parts: Vec<Part>,
}

/// A part of the picture. A list part replaces the one before it unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are documented, their fields say what they are")]
pub enum Part {
    /// Facts of the whole world.
    World(WorldView),
    /// Cards that changed; a card keeps its host.
    Members(Vec<MemberCard>),
    /// The arithmetic of the quorum.
    Quorum(QuorumView),
    /// Messages that left since the last delta, to be added to those before (at real speed
    /// nearly all arrive between two frames, and the page draws them slower than they are).
    /// Bounded by the session, heartbeats left out first. With `seen` 0: all on their way.
    Flights(Vec<Flight>),
    /// Links that are not as they were made.
    Links(Vec<LinkView>),
    /// New sentences, to be added to those before.
    Story(Vec<StoryRow>),
    /// New bytes of a terminal, to be added to those before.
    Tty { tty: TtyId, bytes: Vec<u8> },
    /// What a terminal is doing.
    TtyState(TtyState),
    /// The log of one host.
    Log(LogView),
    /// The keyspace of one host.
    Keys(KeysView),
    /// Flags, files and journal of one host.
    Host(HostView),
    /// The checkers' counters.
    Checks(ChecksView),
    /// The exercise under way.
    Lesson(LessonView),
    /// What is in a directory.
    Folder(FolderView),
}

/// Facts of the whole world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldView {
    /// How it was made.
    pub options: WorldOptions,
    /// Name and id of the cluster, in hex.
    pub cluster_id: String,
    /// Whether a member leads with a quorum behind it.
    pub leader: Option<String>,
    /// Highest term seen.
    pub term: u64,
    /// Inputs so far.
    pub inputs: u32,
    /// The last input as a sentence ("sim kill n2"), for the undo button.
    pub last_action: Option<String>,
}

/// What runs on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Power {
    /// A member runs.
    Running,
    /// The host is on, its member ended.
    Stopped,
    /// The member is frozen (SIGSTOP).
    Frozen,
    /// The host is off.
    Off,
    /// The host is on and never had a member.
    Idle,
}

/// Raft roles as the picture shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are raft's")]
pub enum Role {
    Leader,
    Follower,
    Candidate,
    PreCandidate,
    Learner,
}

/// How a host's disk is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of `sim disk`")]
pub enum DiskState {
    Ok,
    Slow,
    Full,
    Corrupt,
}

/// A member on its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberCard {
    /// The host's name: `n1`.
    pub host: String,
    /// The member's id in hex; none where none ever ran.
    pub id: Option<String>,
    /// What runs there.
    pub power: Power,
    /// Its role; none unless it runs or is frozen.
    pub role: Option<Role>,
    /// A voter of the configuration most members agree on.
    pub voter: bool,
    /// A learner of it.
    pub learner: bool,
    /// Its term.
    pub term: u64,
    /// Host it voted for in this term.
    pub vote: Option<String>,
    /// Votes it has collected in its own (pre-)campaign: host, granted.
    pub ballots: Vec<(String, bool)>,
    /// Host it takes for the leader.
    pub leader: Option<String>,
    /// Index of its first entry still in the log.
    pub first_index: u64,
    /// Index of its last entry.
    pub last_index: u64,
    /// Its commit index.
    pub commit: u64,
    /// Its applied index.
    pub applied: u64,
    /// Its store's revision.
    pub revision: i64,
    /// Compacted revision, 0 when never.
    pub compacted: i64,
    /// When its election timer was last set.
    pub timer_from_us: u64,
    /// When it runs out, if nobody is heard; 0 for a leader and where nothing runs.
    pub timer_until_us: u64,
    /// For a leader: match index by host.
    pub matches: Vec<(String, u64)>,
    /// Size of its db file.
    pub db_bytes: u64,
    /// Its disk.
    pub disk: DiskState,
    /// How far its clock is off.
    pub skew_us: i64,
    /// Alarms it knows of, as `NOSPACE`.
    pub alarms: Vec<String>,
}

/// The arithmetic of the quorum, counting voters only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumView {
    /// Voters of the configuration, by host.
    pub voters: Vec<String>,
    /// Learners, by host.
    pub learners: Vec<String>,
    /// floor(N/2)+1.
    pub quorum: u8,
    /// Voters that run and can reach each other, in the largest such group.
    pub reachable: Vec<String>,
    /// `reachable - quorum`, negative when the quorum is lost.
    pub can_lose: i8,
    /// Whether some group holds a quorum.
    pub has_quorum: bool,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are raft's")]
pub enum FlightKind {
    Append,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    Vote,
    VoteReply,
    PreVote,
    PreVoteReply,
    Snapshot,
    ReadIndex,
    ReadIndexReply,
    Propose,
    TimeoutNow,
    Client,
    ClientReply,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Unique in the world.
    pub id: u64,
    /// Host it left.
    pub from: String,
    /// Host it goes to.
    pub to: String,
    /// What it is.
    pub kind: FlightKind,
    /// When it left.
    pub sent_us: u64,
    /// When it arrives, or is lost.
    pub arrive_us: u64,
    /// Whether it will be lost on the way.
    pub lost: bool,
    /// Its term; 0 for client traffic.
    pub term: u64,
    /// Its fields, as (name, value), in raft's order.
    pub fields: Vec<(String, String)>,
}

/// A link that is not as it was made. `a < b` in host order; each direction by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// One end.
    pub from: String,
    /// The other.
    pub to: String,
    /// Nothing passes.
    pub cut: bool,
    /// One-way latency.
    pub latency_us: u64,
    /// Lost messages in ten thousand.
    pub loss_per_10k: u16,
    /// Duplicated messages in ten thousand.
    pub duplicate_per_10k: u16,
}

/// How a sentence of the story is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoryKind {
    /// Somebody did it: a fault, a command.
    Action,
    /// An election, a leader, a term.
    Election,
    /// Quorum lost or back.
    Quorum,
    /// Members added, removed, promoted; snapshots.
    Membership,
    /// A member started, stopped, crashed.
    Process,
    /// Writes, compactions, alarms.
    Data,
    /// A checker found something.
    Violation,
}

/// One sentence of what happened and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryRow {
    /// Counts up from 1.
    pub id: u64,
    /// When.
    pub at_us: u64,
    /// Where, if it has a place.
    pub host: Option<String>,
    /// How it is drawn.
    pub kind: StoryKind,
    /// The sentence.
    pub text: String,
}

/// What a terminal is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TtyState {
    /// Which.
    pub tty: TtyId,
    /// Its host.
    pub host: String,
    /// The program in the foreground; none at the prompt.
    pub running: Option<String>,
    /// Since when it waits for time to pass.
    pub since_us: u64,
    /// The editor that the program shows over it.
    pub editor: Option<EditorView>,
}

/// An editor over a terminal. What is typed into it is the page's until it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditorView {
    /// Whose keys it understands: `vi` or `nano`.
    pub keys: String,
    /// The file, as it was named.
    pub path: String,
    /// What is in the file.
    pub text: String,
    /// Whether changes are warned of.
    pub read_only: bool,
    /// What the program says in the last line.
    pub message: String,
    /// Whether that says that something failed.
    pub failed: bool,
    /// How often the text was written.
    pub saved: u32,
}

/// The last entries of a member's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogView {
    /// Whose.
    pub host: String,
    /// The newest last, at most 64.
    pub rows: Vec<LogRow>,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Its index.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// What it asks, in a few words: `put a`, `add learner n4`.
    pub text: String,
}

/// A member's keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysView {
    /// Whose.
    pub host: String,
    /// Its revision.
    pub revision: i64,
    /// Compacted revision, 0 when never.
    pub compacted: i64,
    /// How many keys live.
    pub total: u64,
    /// The newest changes first, at most 64.
    pub rows: Vec<KeyRow>,
}

/// A revision of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// The key as text, control bytes escaped.
    pub key: String,
    /// The value as text, cut at 80 characters; none for a tombstone.
    pub value: Option<String>,
    /// The revision that wrote this.
    pub mod_revision: i64,
    /// The revision that made the key.
    pub create_revision: i64,
    /// Puts since then.
    pub version: i64,
    /// Its lease, 0 for none.
    pub lease: i64,
}

/// What a host holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostView {
    /// Which.
    pub host: String,
    /// The member's command line.
    pub flags: Vec<String>,
    /// Files under the data directory: path, size.
    pub files: Vec<(String, u64)>,
    /// The newest log lines of the member, oldest first, at most 64.
    pub journal: Vec<String>,
}

/// A directory of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderView {
    /// Whose.
    pub host: String,
    /// Its path.
    pub path: String,
    /// The first of what is in it, sorted by name.
    pub rows: Vec<FileRow>,
    /// How many there are.
    pub total: u64,
    /// Why it cannot be listed, in the system's words.
    pub error: Option<String>,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u16,
    /// Its length in bytes.
    pub size: u64,
}

/// What a name in a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// A file that can be taken out.
    File,
    /// A directory.
    Dir,
    /// Anything else: a symbolic link, a device.
    Other,
}

/// The checkers' counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksView {
    /// Events handled.
    pub events: u64,
    /// Writes acknowledged to clients.
    pub writes: u64,
    /// Linearizable reads answered.
    pub reads: u64,
    /// Each checker: name, times it looked, what it promises in a sentence.
    pub checks: Vec<(String, u64, String)>,
    /// What was found, as a sentence; none is the normal case.
    pub violation: Option<String>,
}

/// An exercise, before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourseRow {
    /// Its identity.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// `EXAM`, `JOB`, `DEEP` or `START`.
    pub label: String,
    /// How long it takes.
    pub minutes: u16,
    /// What it counts in an exam; 0 keeps it out.
    pub weight: u16,
    /// The task in one or two sentences.
    pub task: String,
    /// The world it begins in.
    pub world: String,
    /// The host of its first terminal.
    pub host: String,
    /// Words it uses that the glossary defines.
    pub terms: Vec<String>,
    /// What the learner reads, as Markdown, with nothing drawn yet.
    pub text: String,
    /// Its `exercise.toml`.
    pub source: String,
}

/// A word and its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Its name, then other forms of it.
    pub names: Vec<String>,
    /// What it means, in one sentence.
    pub means: String,
}

/// The exercise under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonView {
    /// Its identity.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// `EXAM`, `JOB`, `DEEP` or `START`.
    pub label: String,
    /// The task in one or two sentences.
    pub task: String,
    /// What the learner reads, as Markdown; empty for an exercise that is not of this build.
    pub text: String,
    /// When it began.
    pub began_us: u64,
    /// When all checks held for the first time.
    pub done_us: Option<u64>,
    /// Whether the checks come true one after the other.
    pub ordered: bool,
    /// What must become true.
    pub checks: Vec<CheckView>,
    /// What the coach said, oldest first.
    pub coach: Vec<CoachRow>,
    /// Help, in the order in which it is given.
    pub hints: Vec<String>,
    /// Commands so far that changed the world.
    pub commands: u32,
    /// How many the shortest good way takes; 0 where it is not counted.
    pub par: u16,
    /// What differs on a real cluster.
    pub life: String,
    /// Pages to keep open.
    pub read: Vec<String>,
    /// The exercise to try next; may be empty.
    pub next: String,
    /// The names it wants answered by `answer name=value`.
    pub answers: Vec<String>,
    /// The words it uses that the glossary defines.
    pub terms: Vec<String>,
    /// The voters there are in the end, by host; empty where the checks do not say.
    pub goal: Vec<String>,
}

/// Something that must become true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// Its name within the exercise.
    pub id: String,
    /// The sentence on screen.
    pub text: String,
    /// What it counts.
    pub points: u16,
    /// Counts extra; the exercise is done without it.
    pub bonus: bool,
    /// Whether it is so now.
    pub holds: bool,
}

/// Something the coach said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoachRow {
    /// When.
    pub at_us: u64,
    /// Which wrong turn it is.
    pub id: String,
    /// What.
    pub text: String,
}
