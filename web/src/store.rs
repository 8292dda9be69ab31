//! What is saved in the browser, and the sentences for when it cannot be.
//!
//! The database itself is `web/js/store.js`. Keys are texts, so a lab's rows lie together.

use std::fmt;

use js_sys::{Array, Object, Uint8Array, Uint32Array};
use lab::api::{Input, Stamped, WorldOptions};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::coach::Progress;
use crate::link::{get, set};
use crate::platform::{self, idb};
use crate::scroll::Scroll;

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
}

/// Why something could not be saved or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// The browser gives no storage at all.
    Refused,
    /// The disk or the browser's share of it is full.
    Full,
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
            "Fenced" => StoreError::Fenced,
            "SecurityError" | "UnknownError" | "InvalidStateError" | "TypeError"
            | "NotAllowedError" => StoreError::Refused,
            _ => StoreError::Other(get(&error, "message").as_string().unwrap_or(name)),
        }
    }
}

type Result<T> = std::result::Result<T, StoreError>;

/// A transaction to be: all or nothing.
#[derive(Default)]
pub(crate) struct Batch {
    ops: Array,
}

impl Batch {
    fn push(&self, parts: &[JsValue]) {
        self.ops.push(&parts.iter().collect::<Array>());
    }

    fn put(&self, store: &str, key: &str, value: &JsValue) {
        self.push(&[store.into(), key.into(), value.clone()]);
    }

    fn delete_range(&self, store: &str, from: &str, to: &str) {
        self.push(&[store.into(), from.into(), to.into(), true.into()]);
    }

    /// Makes `name` the lab that opens next time.
    pub(crate) fn current(&self, name: &str) {
        self.put("app", "current", &name.into());
    }

    /// A lab's record.
    pub(crate) fn record(&self, name: &str, record: &LabRecord) {
        self.put("labs", name, &pack(record));
    }

    /// An input, when it happened.
    pub(crate) fn input(&self, name: &str, seq: u32, at_us: u64, input: &Input) {
        let stamped = Stamped { at_us, input: input.clone() };
        self.put("inputs", &row(name, seq), &pack(&stamped));
    }

    /// Takes inputs back, both ends included.
    pub(crate) fn drop_inputs(&self, name: &str, from: u32, to: u32) {
        self.delete_range("inputs", &row(name, from), &row(name, to));
    }

    /// What a terminal shows.
    pub(crate) fn scroll(&self, name: &str, tty: u32, scroll: &Scroll) {
        self.put("scroll", &row(name, tty), &pack(scroll));
    }

    /// New blocks, as the worker sent them; answers with their numbers.
    pub(crate) fn blocks(&self, name: &str, blocks: &Array) -> Array {
        let ids = Array::new();
        for pair in blocks.iter() {
            let pair = Array::from(&pair);
            let id = pair.get(0);
            let number = id.as_f64().unwrap_or(0.0) as u32;
            self.put("blocks", &row(name, number), &pair.get(1));
            ids.push(&id);
        }
        ids
    }

    /// Deletes blocks no checkpoint has any more.
    pub(crate) fn drop_blocks(&self, name: &str, ids: impl Iterator<Item = u32>) {
        for id in ids {
            self.push(&["blocks".into(), row(name, id).as_str().into()]);
        }
    }

    /// Deletes a lab with all that belongs to it.
    pub(crate) fn drop_lab(&self, name: &str) {
        self.push(&["labs".into(), name.into()]);
        for store in ["inputs", "blocks", "scroll"] {
            self.delete_range(store, &format!("{name}/"), &format!("{name}/\u{ffff}"));
        }
    }

    /// Writes it.
    pub(crate) async fn commit(self, fence: f64) -> Result<()> {
        JsFuture::from(idb::commit(fence, &self.ops)).await?;
        Ok(())
    }
}

/// Opens the database; `on_closed` is told when the browser closes it under us.
pub(crate) async fn open(on_closed: &Closure<dyn FnMut()>) -> Result<()> {
    JsFuture::from(idb::open(on_closed)).await?;
    Ok(())
}

/// Makes this tab the writer.
pub(crate) async fn raise_fence() -> Result<f64> {
    Ok(JsFuture::from(idb::raise_fence()).await?.as_f64().unwrap_or(0.0))
}

/// The lab that was open last, if one is saved.
pub(crate) async fn current() -> Result<Option<SavedLab>> {
    match JsFuture::from(idb::get("app", "current")).await?.as_string() {
        Some(name) => read(&name).await,
        None => Ok(None),
    }
}

/// A saved lab by its name.
pub(crate) async fn read(name: &str) -> Result<Option<SavedLab>> {
    let Some(record) = unpack::<LabRecord>(&JsFuture::from(idb::get("labs", name)).await?) else {
        return Ok(None);
    };
    if record.format != RECORD_FORMAT {
        return Ok(None);
    }
    let mut inputs = Vec::new();
    let mut scrolls = Vec::new();
    for (number, value) in rows("inputs", name).await? {
        inputs.extend(unpack::<Stamped>(&value).map(|stamped| (number, stamped)));
    }
    for (number, value) in rows("scroll", name).await? {
        scrolls.extend(unpack::<Scroll>(&value).map(|scroll| (number, scroll)));
    }
    inputs.retain(|(seq, _)| *seq > record.point.seq);
    let start = Object::new();
    set(&start, "point", &worker_point(&record.point));
    if let Some(undo) = &record.undo {
        set(&start, "undo", &worker_point(undo));
    }
    let blocks = Array::new();
    for (number, value) in rows("blocks", name).await? {
        blocks.push(&Array::of2(&number.into(), &value));
    }
    set(&start, "blocks", &blocks);
    Ok(Some(SavedLab { name: name.into(), record, inputs, start, scrolls }))
}

/// Every saved lab, the newest first.
pub(crate) async fn labs() -> Result<Vec<LabRow>> {
    let pairs = Array::from(&JsFuture::from(idb::all("labs", "")).await?);
    let mut labs = Vec::new();
    for pair in pairs.iter() {
        let pair = Array::from(&pair);
        let Some(record) = unpack::<LabRecord>(&pair.get(1)) else { continue };
        let lab = LabRow {
            name: pair.get(0).as_string().unwrap_or_default(),
            options: record.options,
            saved_ms: record.saved_ms,
            now_us: record.point.now_us,
        };
        let older = labs.iter().position(|it: &LabRow| it.saved_ms < lab.saved_ms);
        labs.insert(older.unwrap_or(labs.len()), lab);
    }
    Ok(labs)
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

async fn rows(store: &str, name: &str) -> Result<Vec<(u32, JsValue)>> {
    let pairs = Array::from(&JsFuture::from(idb::all(store, &format!("{name}/"))).await?);
    Ok(pairs
        .iter()
        .map(|pair| Array::from(&pair))
        .filter_map(|pair| {
            let key = pair.get(0).as_string()?;
            let (_, number) = key.split_once('/')?;
            Some((number.parse().ok()?, pair.get(1)))
        })
        .collect())
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
