//! What is saved in the browser, and the sentences for when it cannot be.
//!
//! IndexedDB, by the crate `indexed_db_futures`. Keys are texts, so a lab's rows lie together:
//!
//! | store | key | value |
//! |---|---|---|
//! | `app` | `current`, `sandbox`, `fence` | name of the open lab; of the open sandbox; number of the tab that may write |
//! | `app` | `home/LAB` | the checkpoint an exercise's lab is reset to |
//! | `app` | `exam`, `own/SLUG` | the exam under way, or the last one; an exercise that came by file or link |
//! | `labs` | LAB | its [`LabRecord`] |
//! | `inputs` | LAB/SEQ | an input with its time |
//! | `blocks` | LAB/BLOCK | 64 KiB of a checkpoint |
//! | `scroll` | LAB/TTY | what a terminal showed |
//! | `course` | SLUG | what was done of an exercise: a line of `progress` |
//!
//! A sandbox's name is a number in hex. A name with a dash is of a lab that needs the large
//! module; `course-SLUG` is the lab of an exercise, of which there is one.
//!
//! A commit carries the fence its tab got when it became the writer: a tab that lost the lock
//! in the middle of a write can no longer spoil what the new writer saves.

use std::fmt;

use indexed_db_futures::KeyRange;
use indexed_db_futures::database::Database;
use indexed_db_futures::error::{Error, OpenDbError};
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{
    Transaction, TransactionDurability, TransactionFinishKind, TransactionMode, TransactionOptions,
};
use js_sys::{Array, Object, Uint8Array, Uint32Array};
use lab::api::{CourseRow, Input, Stamped, WorldOptions};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

use crate::coach::Progress;
use crate::link::{LARGE, get, set, spliced};
use crate::platform;
use crate::progress::{Record, Records};
use crate::scroll::Scroll;

/// The database; its form is told by its version.
const NAME: &str = "quorum-lab";
/// 2 added `course`; opening an older database adds what it lacks, and keeps what it has.
const VERSION: u8 = 2;
const STORES: [&str; 6] = ["app", "labs", "inputs", "blocks", "scroll", "course"];
/// Sorts after every key with the same beginning.
const LAST: char = '\u{ffff}';

/// The form of [`LabRecord`]; another number is not read.
const RECORD_FORMAT: u8 = 1;

/// A checkpoint as the store has it: where its blocks are, and where the page was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PointRecord {
    /// The last input it holds.
    pub(crate) seq: u32,
    /// The world's clock.
    pub(crate) now_us: u64,
    /// Its blocks of 64 KiB, in order.
    pub(crate) blocks: Vec<u32>,
    /// The last delta the page had.
    pub(crate) seen: u64,
    /// Where the stream of each terminal was.
    pub(crate) ttys: Vec<(u32, u64)>,
}

/// A saved lab without its blocks, inputs and terminals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LabRecord {
    /// [`RECORD_FORMAT`].
    pub(crate) format: u8,
    /// The page's build: a checkpoint is read by the same build only.
    pub(crate) build: String,
    /// How the world was made.
    pub(crate) options: WorldOptions,
    /// When it was last saved: milliseconds since 1970.
    pub(crate) saved_ms: f64,
    /// The newest checkpoint.
    pub(crate) point: PointRecord,
    /// The checkpoint behind the undo button.
    pub(crate) undo: Option<PointRecord>,
    /// The recipe at `point`, for other builds.
    pub(crate) recipe: Vec<u8>,
    /// The terminals: number and host.
    pub(crate) terminals: Vec<(u32, String)>,
    /// Which of them is in front.
    pub(crate) terminal: u32,
    /// The speed in thousandths and whether time passed.
    pub(crate) speed: (u32, bool),
    /// How far the coach has come.
    pub(crate) progress: Progress,
}

/// A row of the list of saved labs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LabRow {
    /// Its name in the store.
    pub(crate) name: String,
    /// How its world was made.
    pub(crate) options: WorldOptions,
    /// When it was last saved.
    pub(crate) saved_ms: f64,
    /// Its virtual time.
    pub(crate) now_us: u64,
}

/// A whole saved lab.
pub(crate) struct SavedLab {
    /// Its name in the store.
    pub(crate) name: String,
    /// The record.
    pub(crate) record: LabRecord,
    /// Inputs after the checkpoint, by number.
    pub(crate) inputs: Vec<(u32, Stamped)>,
    /// The message for the worker that starts at the checkpoint.
    pub(crate) start: Object,
    /// The terminals' contents.
    pub(crate) scrolls: Vec<(u32, Scroll)>,
    /// Where a reset goes.
    pub(crate) home: Option<PointRecord>,
}

/// Why something could not be saved or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// The browser gives no storage at all.
    Refused,
    /// The disk or the browser's share of it is full.
    Full,
    /// The lab that was open last is there, but cannot be read.
    Unreadable,
    /// Another tab writes.
    Fenced,
    /// Anything else, in the browser's words.
    Other(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Refused => write!(
                f,
                "This browser keeps no data for this page (a private window, or storage is \
                 blocked). The lab works, but lasts only as long as this tab. Save it to a file \
                 to keep it."
            ),
            StoreError::Full => write!(
                f,
                "The browser has no room left to save. Everything up to the last save is kept; \
                 what you do now is not saved until there is room. Save the lab to a file, or \
                 delete a saved lab."
            ),
            StoreError::Unreadable => write!(
                f,
                "The lab that was open last cannot be read: it is damaged, or another version of \
                 this page wrote it. It is kept as it is; this is a new one."
            ),
            StoreError::Fenced => {
                write!(f, "Another tab has taken this lab over; this one only shows it.")
            }
            StoreError::Other(text) => {
                write!(f, "Saving failed ({text}). Everything up to the last save is kept.")
            }
        }
    }
}

impl From<JsValue> for StoreError {
    fn from(error: JsValue) -> Self {
        let name = get(&error, "name").as_string().unwrap_or_default();
        match name.as_str() {
            "QuotaExceededError" => StoreError::Full,
            "SecurityError" | "UnknownError" | "InvalidStateError" | "TypeError"
            | "NotAllowedError" => StoreError::Refused,
            _ => StoreError::Other(get(&error, "message").as_string().unwrap_or(name)),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::DomException(error) => JsValue::from(error).into(),
            Error::Unknown(error) => JsValue::from(error).into(),
            Error::Serialisation(_) | Error::MissingData(_) => {
                StoreError::Other("the browser answered with something else".into())
            }
        }
    }
}

impl From<OpenDbError> for StoreError {
    fn from(error: OpenDbError) -> Self {
        match error {
            OpenDbError::Base(error) => error.into(),
            // Thrown by `indexedDB.open`, or no `indexedDB` at all: both mean it is blocked.
            _ => StoreError::Refused,
        }
    }
}

type Result<T> = std::result::Result<T, StoreError>;

/// One step of a transaction.
enum Op {
    Put { store: &'static str, key: String, value: JsValue },
    Delete { store: &'static str, keys: KeyRange<JsValue> },
}

/// A transaction to be: all or nothing.
#[derive(Default)]
pub(crate) struct Batch {
    ops: Vec<Op>,
}

impl Batch {
    fn put(&mut self, store: &'static str, key: &str, value: JsValue) {
        self.ops.push(Op::Put { store, key: key.into(), value });
    }

    fn delete(&mut self, store: &'static str, key: &str) {
        self.ops.push(Op::Delete { store, keys: KeyRange::Only(key.into()) });
    }

    fn delete_range(&mut self, store: &'static str, from: &str, to: &str) {
        self.ops.push(Op::Delete { store, keys: range(from, to) });
    }

    /// Makes `name` the lab that opens next time.
    pub(crate) fn current(&mut self, name: &str) {
        self.put("app", "current", name.into());
        if is_sandbox(name) {
            self.put("app", "sandbox", name.into());
        }
    }

    /// What was done of an exercise.
    pub(crate) fn progress(&mut self, slug: &str, record: &Record) {
        self.put("course", slug, record.line().as_str().into());
    }

    /// The exam under way, or the last one; empty bytes are none.
    pub(crate) fn exam(&mut self, bytes: &[u8]) {
        match bytes {
            [] => self.delete("app", "exam"),
            bytes => self.put("app", "exam", Uint8Array::from(bytes).into()),
        }
    }

    /// An exercise that came by file or link.
    pub(crate) fn own(&mut self, row: &CourseRow) {
        self.put("app", &format!("own/{}", row.slug), pack(row));
    }

    /// Where a reset of this lab goes.
    pub(crate) fn home(&mut self, name: &str, point: &PointRecord) {
        self.put("app", &format!("home/{name}"), pack(point));
    }

    /// A lab's record.
    pub(crate) fn record(&mut self, name: &str, record: &LabRecord) {
        self.put("labs", name, pack(record));
    }

    /// An input, when it happened.
    pub(crate) fn input(&mut self, name: &str, seq: u32, at_us: u64, input: &Input) {
        let stamped = Stamped { at_us, input: input.clone() };
        self.put("inputs", &row(name, seq), pack(&stamped));
    }

    /// The same for a file put on a host: `stamped` without its bytes, which go by unread.
    pub(crate) fn file(&mut self, name: &str, seq: u32, stamped: &Stamped, bytes: &Uint8Array) {
        self.put("inputs", &row(name, seq), spliced(stamped, bytes));
    }

    /// Takes inputs back, both ends included.
    pub(crate) fn drop_inputs(&mut self, name: &str, from: u32, to: u32) {
        self.delete_range("inputs", &row(name, from), &row(name, to));
    }

    /// What a terminal shows.
    pub(crate) fn scroll(&mut self, name: &str, tty: u32, scroll: &Scroll) {
        self.put("scroll", &row(name, tty), pack(scroll));
    }

    /// New blocks, as the worker sent them; answers with their numbers.
    pub(crate) fn blocks(&mut self, name: &str, blocks: &Array) -> Array {
        let ids = Array::new();
        for pair in blocks.iter() {
            let pair = Array::from(&pair);
            let id = pair.get(0);
            let number = id.as_f64().unwrap_or(0.0) as u32;
            self.put("blocks", &row(name, number), pair.get(1));
            ids.push(&id);
        }
        ids
    }

    /// Deletes blocks no checkpoint has any more.
    pub(crate) fn drop_blocks(&mut self, name: &str, ids: &[u32]) {
        for id in ids {
            self.delete("blocks", &row(name, *id));
        }
    }

    /// Deletes every block of a lab: those of a damaged checkpoint, or of another build.
    pub(crate) fn drop_all_blocks(&mut self, name: &str) {
        self.delete_range("blocks", &format!("{name}/"), &format!("{name}/{LAST}"));
    }

    /// Deletes a lab with all that belongs to it.
    pub(crate) fn drop_lab(&mut self, name: &str) {
        self.delete("labs", name);
        self.delete("app", &format!("home/{name}"));
        for store in ["inputs", "blocks", "scroll"] {
            self.delete_range(store, &format!("{name}/"), &format!("{name}/{LAST}"));
        }
    }
}

/// The open database.
#[derive(Clone)]
pub(crate) struct Db {
    base: Database,
}

impl Db {
    /// Opens the database; `closed` is told when another tab needs it in another form.
    pub(crate) async fn open(closed: Callback<()>) -> Result<Db> {
        let base = Database::open(NAME)
            .with_version(VERSION)
            .with_on_upgrade_needed(|_, db| {
                for name in STORES {
                    if db.object_store_names().all(|it| it != name) {
                        db.create_object_store(name).build()?;
                    }
                }
                Ok(())
            })
            .await?;
        let (open, mut changes) = (base.clone(), base.version_changes()?);
        spawn_local(async move {
            if changes.recv().await.is_some() {
                open.close();
                closed.emit(());
            }
        });
        Ok(Db { base })
    }

    /// Makes this tab the writer: every older fence is void from here on.
    pub(crate) async fn raise_fence(&self) -> Result<f64> {
        let tx = self.write()?;
        let app = tx.object_store("app")?;
        let fence = held(&app).await?.unwrap_or(0.0) + 1.0;
        app.put(JsValue::from(fence)).with_key(JsValue::from("fence")).primitive()?;
        ended(&tx).await?;
        Ok(fence)
    }

    /// Writes a batch, if this tab is still the writer.
    pub(crate) async fn commit(&self, batch: Batch, fence: f64) -> Result<()> {
        let tx = self.write()?;
        if held(&tx.object_store("app")?).await? != Some(fence) {
            // Dropped, the transaction is given up.
            return Err(StoreError::Fenced);
        }
        for op in batch.ops {
            // What a single step meets is met by the transaction too: `ended` tells.
            match op {
                Op::Put { store, key, value } => {
                    let key = JsValue::from(key);
                    tx.object_store(store)?.put(value).with_key(key).primitive()?;
                }
                Op::Delete { store, keys } => {
                    tx.object_store(store)?.delete::<JsValue, _>(keys).primitive()?;
                }
            }
        }
        ended(&tx).await
    }

    /// The lab of the exercise the address names, if one is saved; else the sandbox that was
    /// open last.
    pub(crate) async fn current(&self, exercise: Option<&str>) -> Result<Option<SavedLab>> {
        if let Some(slug) = exercise
            && let Some(saved) = self.read(&course_lab(slug)).await?
        {
            return Ok(Some(saved));
        }
        match self.sandbox().await? {
            Some(name) => self.read(&name).await?.map(Some).ok_or(StoreError::Unreadable),
            None => Ok(None),
        }
    }

    /// The name of the sandbox that was open last.
    pub(crate) async fn sandbox(&self) -> Result<Option<String>> {
        if let Some(name) = self.get("app", "sandbox").await?.as_string() {
            return Ok(Some(name));
        }
        Ok(self.get("app", "current").await?.as_string().filter(|name| is_sandbox(name)))
    }

    /// The exam under way, or the last one.
    pub(crate) async fn exam(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.get("app", "exam").await?.dyn_into::<Uint8Array>().ok().map(|it| it.to_vec()))
    }

    /// The exercises that came by file or link.
    pub(crate) async fn own(&self) -> Result<Vec<CourseRow>> {
        let rows = self.all("app", "own/").await?;
        Ok(rows.into_iter().filter_map(|(_, value)| unpack(&value)).collect())
    }

    /// What was done of every exercise. A line that cannot be read is left alone.
    pub(crate) async fn progress(&self) -> Result<Records> {
        let mut records = Records::default();
        for (slug, line) in self.all("course", "").await? {
            if let Some(record) = line.as_string().and_then(|line| Record::of_line(&line)) {
                records.insert(slug, record);
            }
        }
        Ok(records)
    }

    /// A saved lab by its name; none where it is of another format, or damaged.
    pub(crate) async fn read(&self, name: &str) -> Result<Option<SavedLab>> {
        let Some(record) = unpack::<LabRecord>(&self.get("labs", name).await?) else {
            return Ok(None);
        };
        if record.format != RECORD_FORMAT {
            return Ok(None);
        }
        let mut inputs = Vec::new();
        let mut scrolls = Vec::new();
        for (number, value) in self.rows("inputs", name).await? {
            // Without one of them the run would be another one.
            let Some(stamped) = unpack::<Stamped>(&value) else { return Ok(None) };
            inputs.push((number, stamped));
        }
        for (number, value) in self.rows("scroll", name).await? {
            scrolls.extend(unpack::<Scroll>(&value).map(|scroll| (number, scroll)));
        }
        inputs.retain(|(seq, _)| *seq > record.point.seq);
        let start = Object::new();
        set(&start, "point", &worker_point(&record.point));
        if let Some(undo) = &record.undo {
            set(&start, "undo", &worker_point(undo));
        }
        let home = unpack::<PointRecord>(&self.get("app", &format!("home/{name}")).await?);
        if let Some(home) = &home {
            set(&start, "home", &worker_point(home));
        }
        let blocks = Array::new();
        for (number, value) in self.rows("blocks", name).await? {
            blocks.push(&Array::of2(&number.into(), &value));
        }
        set(&start, "blocks", &blocks);
        Ok(Some(SavedLab { name: name.into(), record, inputs, start, scrolls, home }))
    }

    /// Every saved sandbox, the newest first.
    pub(crate) async fn labs(&self) -> Result<Vec<LabRow>> {
        let mut labs = Vec::new();
        for (name, value) in self.all("labs", "").await? {
            if !is_sandbox(&name) {
                continue;
            }
            let Some(record) = unpack::<LabRecord>(&value) else { continue };
            let lab = LabRow {
                name,
                options: record.options,
                saved_ms: record.saved_ms,
                now_us: record.point.now_us,
            };
            let older = labs.iter().position(|it: &LabRow| it.saved_ms < lab.saved_ms);
            labs.insert(older.unwrap_or(labs.len()), lab);
        }
        Ok(labs)
    }

    fn write(&self) -> Result<Transaction<'_>> {
        // Relaxed: what the operating system has is enough, as everything else here.
        let options = TransactionOptions::new().with_durability(TransactionDurability::Relaxed);
        let tx = self.base.transaction(STORES).with_mode(TransactionMode::Readwrite);
        Ok(tx.with_options(options).build()?)
    }

    async fn get(&self, store: &str, key: &str) -> Result<JsValue> {
        let tx = self.base.transaction(store).build()?;
        let value = one(&tx.object_store(store)?, key).await?;
        Ok(value)
    }

    /// Everything of a store whose key begins with `prefix`.
    async fn all(&self, store: &str, prefix: &str) -> Result<Vec<(String, JsValue)>> {
        let tx = self.base.transaction(store).build()?;
        let from = tx.object_store(store)?;
        let range = || range(prefix, &format!("{prefix}{LAST}"));
        let keys = from.get_all_keys::<JsValue>().with_query::<JsValue, _>(range()).primitive()?;
        let values = from.get_all::<JsValue>().with_query::<JsValue, _>(range()).primitive()?;
        let (keys, values) = (keys.await?, values.await?);
        let mut rows = Vec::new();
        for (key, value) in keys.zip(values) {
            rows.push((key?.as_string().unwrap_or_default(), value?));
        }
        Ok(rows)
    }

    /// The rows of a lab, by their numbers.
    async fn rows(&self, store: &str, name: &str) -> Result<Vec<(u32, JsValue)>> {
        let mut rows = Vec::new();
        for (key, value) in self.all(store, &format!("{name}/")).await? {
            let number = key.split_once('/').and_then(|(_, number)| number.parse().ok());
            rows.extend(number.map(|number| (number, value)));
        }
        Ok(rows)
    }
}

async fn one(store: &ObjectStore<'_>, key: &str) -> Result<JsValue> {
    let request = store.get::<JsValue, JsValue, _>(KeyRange::Only(JsValue::from(key)));
    Ok(request.primitive()?.await?.unwrap_or(JsValue::UNDEFINED))
}

/// The fence of the tab that may write.
async fn held(app: &ObjectStore<'_>) -> Result<Option<f64>> {
    Ok(one(app, "fence").await?.as_f64())
}

/// Waits until a transaction went through. Where it did not, the browser's reason is the
/// transaction's own only once it is given up, which comes after the error of a request.
async fn ended(tx: &Transaction<'_>) -> Result<()> {
    let mut kind = tx.on_done()?.await;
    if kind == TransactionFinishKind::Err {
        kind = tx.on_done()?.await;
    }
    match (kind, tx.error()) {
        (TransactionFinishKind::Ok, _) => Ok(()),
        (_, Some(error)) => Err(error.into()),
        (_, None) => Err(StoreError::Other("the write was given up".into())),
    }
}

fn range(from: &str, to: &str) -> KeyRange<JsValue> {
    KeyRange::Bound(from.into(), false, to.into(), false)
}

/// How the names of labs begin that are no sandboxes.
const APART: [&str; 2] = ["course-", "exam-"];

/// Whether a lab of this name is a sandbox.
pub(crate) fn is_sandbox(name: &str) -> bool {
    APART.iter().all(|beginning| !name.starts_with(beginning))
}

/// The world that says which module a lab runs in: its own, unless its name has a dash.
pub(crate) fn world_of<'a>(name: &str, options: &'a WorldOptions) -> &'a str {
    if name.contains('-') { LARGE } else { &options.world }
}

/// The lab of an exercise.
pub(crate) fn course_lab(slug: &str) -> String {
    format!("course-{slug}")
}

/// A name for a new lab: the date first, so that names are in order of time.
pub(crate) fn new_name() -> String {
    format!("{:012x}{:04x}", platform::date_ms() as u64, platform::draw(0x1_0000))
}

/// An empty record.
pub(crate) fn new_record(options: WorldOptions) -> LabRecord {
    LabRecord {
        format: RECORD_FORMAT,
        build: platform::build(),
        options,
        saved_ms: platform::date_ms(),
        point: PointRecord::default(),
        undo: None,
        recipe: Vec::new(),
        terminals: Vec::new(),
        terminal: 1,
        speed: (crate::clock::REAL, true),
        progress: Progress::default(),
    }
}

fn row(name: &str, number: u32) -> String {
    format!("{name}/{number:010}")
}

fn worker_point(point: &PointRecord) -> Object {
    let object = Object::new();
    set(&object, "seq", &point.seq.into());
    set(&object, "now", &(point.now_us as f64).into());
    set(&object, "blocks", &Uint32Array::from(point.blocks.as_slice()));
    object
}

fn pack<T: Serialize>(value: &T) -> JsValue {
    let bytes = postcard::to_allocvec(value).expect("our records always have bytes");
    Uint8Array::from(bytes.as_slice()).into()
}

fn unpack<T: DeserializeOwned>(value: &JsValue) -> Option<T> {
    let bytes = value.dyn_ref::<Uint8Array>()?.to_vec();
    postcard::from_bytes(&bytes).ok()
}
