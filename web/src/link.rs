//! The wire to the worker: what is asked, and what came back, in Rust's words.
//!
//! Every message carries a number and is answered once; [`Ask`] remembers what a number was
//! for. The worker's side is `web/js/worker.js`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Object, Reflect, Uint8Array};
use lab::api::{Answer, Command, Delta, Input, Want};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker};
use yew::Callback;

use crate::map::Map;
use crate::platform;

/// Where an input came from; it decides what its answer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A terminal's line editor.
    Terminal,
    /// A click: the answer is shown beside the cluster.
    Click,
    /// The page itself: opening a terminal.
    Page,
    /// The store: inputs after the last checkpoint, done again at their time.
    Replay,
}

/// What a question was for.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// The worker compiles the core.
    Load,
    /// A world begins: fresh, or at a checkpoint.
    Start,
    /// Time passes and the picture comes.
    Frame,
    /// A key of a terminal.
    Edit { tty: u32 },
    /// Something that changes the world.
    Input { seq: u32, input: Input, origin: Origin },
    /// The recipe, for a file.
    RecipeFile,
    /// The recipe, for the store beside a checkpoint.
    RecipeSave,
    /// The text of a share link.
    Share,
    /// What somebody else's recipe holds; its bytes go on with it.
    Inspect { bytes: Vec<u8> },
    /// A world by its recipe.
    Replay,
    /// Back to before the last action.
    Undo,
    /// A checkpoint for the store.
    Save,
    /// A file of a host, or an archive; it is offered under this name.
    Pull { name: String },
    /// A file of the learner's, put on a host.
    Push { seq: u32, host: String, path: String, bytes: Uint8Array, said: String },
    /// The worlds to choose from.
    Worlds,
    /// The exercises to choose from.
    Course,
    /// The words they use.
    Glossary,
    /// The solution of the exercise under way.
    Solution,
    /// A line of it, with what is true now.
    Fill,
    /// Back to where the lab began.
    Reset,
    /// The tasks of an exam.
    DrawExam,
    /// The next task of the drill.
    DrawDrill,
    /// How a task of the exam stands; none is the drill's.
    Report { task: Option<u8> },
    /// What the run of a task holds.
    InspectReplay { task: u8, bytes: Vec<u8> },
    /// Whether a text is an exercise.
    CheckExercise,
    /// The files of an exercise, to be changed.
    Files,
    /// An exercise as a link.
    PackExercise,
    /// The exercise a link holds, to be begun with this seed.
    UnpackExercise { seed: u32 },
    /// What that exercise is.
    OpenExercise { seed: u32 },
    /// A step of a proof; asked of a worker of its own.
    Prove,
    /// Needs no answer.
    Note,
}

/// The world of a lab that needs the large module whatever its world: exercises are in there.
pub(crate) const LARGE: &str = "";

/// The module a world runs in: all but plain clusters need the large one.
pub(crate) fn engine_of(world: &str) -> &'static str {
    if world == "cluster" { "core" } else { "k8s" }
}

/// What a trap left: see `recover` in `worker.js`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trapped {
    /// The world is back at a checkpoint, without these inputs.
    Back { point: u32, dropped: Vec<u32> },
    /// No checkpoint came through.
    Dead,
}

/// An answer of the worker.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The number of the question; given back to [`Link::done`] when the answer is handled.
    pub(crate) id: u32,
    /// What it answers.
    pub(crate) ask: Ask,
    /// The session's answer, where it was asked.
    pub(crate) answer: Option<Answer>,
    /// The bytes of a file asked for, which never enter this module.
    pub(crate) blob: Option<Uint8Array>,
    /// The picture.
    pub(crate) delta: Option<Delta>,
    /// A checkpoint's number, 0 for none.
    pub(crate) point: u32,
    /// The number of the adopted checkpoint behind the undo button.
    pub(crate) undo_point: u32,
    /// The number of the adopted checkpoint a reset goes to.
    pub(crate) home: u32,
    /// Virtual time of an input.
    pub(crate) at_us: u64,
    /// A sentence where something failed.
    pub(crate) failed: Option<String>,
    /// The core trapped.
    pub(crate) trapped: Option<Trapped>,
    /// Nothing to do: an undo without an action, a frame overtaken by an undo.
    pub(crate) nothing: bool,
    /// The message as it came, for what only passes through (checkpoint blocks).
    pub(crate) raw: JsValue,
}

/// The worker, asked.
pub(crate) struct Link {
    worker: Worker,
    next: Cell<u32>,
    waiting: Rc<RefCell<Map<u32, Ask>>>,
    // Kept alive as long as the worker may call them.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut()>,
}

impl Link {
    /// Starts the worker; every answer goes to `heard`, its own death to `died`.
    pub(crate) fn start(heard: Callback<Reply>, died: Callback<()>) -> Link {
        let worker = platform::start_worker();
        let waiting: Rc<RefCell<Map<u32, Ask>>> = Rc::default();
        let known = Rc::clone(&waiting);
        let on_message = Closure::new(move |event: MessageEvent| {
            let raw = event.data();
            let ask = known.borrow().get(&number(&raw, "id")).cloned();
            if let Some(ask) = ask {
                heard.emit(reply(ask, raw));
            }
        });
        let on_error = Closure::new(move || died.emit(()));
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Link { worker, next: Cell::new(1), waiting, _on_message: on_message, _on_error: on_error }
    }

    /// The answer to a question was handled. Not before: a frame of the screen may come
    /// between an answer's arrival and its turn, and must not ask the same again. False when
    /// it is of a lab that was left.
    pub(crate) fn done(&self, id: u32) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let known = waiting.contains(&id);
        waiting.remove(&id);
        known
    }

    /// Another lab begins: what was asked of the one before is of no use any more.
    pub(crate) fn leave(&self) {
        let kept = |ask: &Ask| {
            matches!(
                ask,
                Ask::Load
                    | Ask::Worlds
                    | Ask::Course
                    | Ask::Glossary
                    | Ask::Pull { .. }
                    | Ask::DrawExam
                    | Ask::CheckExercise
                    | Ask::Files
                    | Ask::PackExercise
                    | Ask::UnpackExercise { .. }
                    | Ask::OpenExercise { .. }
                    | Ask::Note
            )
        };
        self.waiting.borrow_mut().retain(|_, ask| kept(ask));
    }

    /// True while a question of this kind is not yet answered and handled.
    pub(crate) fn waits_for(&self, wanted: impl Fn(&Ask) -> bool) -> bool {
        self.waiting.borrow().iter().any(|(_, ask)| wanted(ask))
    }

    /// Compiles the core; refused when page and worker are of different builds.
    pub(crate) fn load(&self) {
        let message = message("load");
        set(&message, "build", &platform::build().into());
        set(&message, "core", &platform::core_url().into());
        set(&message, "k8s", &platform::k8s_url().into());
        self.send(Ask::Load, &message);
    }

    /// A fresh core that runs `command` first, for this world.
    pub(crate) fn start_fresh(&self, ask: Ask, command: &Command, seq: u32, world: &str) {
        let message = message("start");
        set(&message, "engine", &engine_of(world).into());
        set(&message, "bytes", &pack(command));
        set(&message, "seq", &seq.into());
        // Only an exercise is ever started over.
        set(&message, "keep", &matches!(command, Command::Exercise { .. }).into());
        self.send(ask, &message);
    }

    /// A core at a saved checkpoint. `message` holds `point`, `undo` and `blocks`.
    pub(crate) fn start_at(&self, saved: &Object, world: &str) {
        set(saved, "engine", &engine_of(world).into());
        set(saved, "kind", &"start".into());
        self.send(Ask::Start, saved);
    }

    /// A command that is no input.
    pub(crate) fn call(&self, ask: Ask, command: &Command) {
        let message = message("call");
        set(&message, "bytes", &pack(command));
        self.send(ask, &message);
    }

    /// A key of a terminal; `action` when it may end a command.
    pub(crate) fn edit(&self, tty: u32, command: &Command, action: bool) {
        let message = message("edit");
        set(&message, "bytes", &pack(command));
        set(&message, "action", &action.into());
        self.send(Ask::Edit { tty }, &message);
    }

    /// Something that changes the world; `action` when undo should come back to before it.
    pub(crate) fn input(&self, seq: u32, input: Input, origin: Origin, action: bool) {
        let message = message("input");
        set(&message, "bytes", &pack(&Command::Apply(input.clone())));
        set(&message, "seq", &seq.into());
        set(&message, "action", &action.into());
        self.send(Ask::Input { seq, input, origin }, &message);
    }

    /// A file put on a host: an input too, but its bytes go by without being read here.
    pub(crate) fn push(&self, seq: u32, host: &str, path: &str, bytes: Uint8Array, said: String) {
        let message = message("input");
        let (host, path) = (host.to_string(), path.to_string());
        let input = Input::Push { host: host.clone(), path: path.clone(), bytes: Vec::new() };
        set(&message, "bytes", &spliced(&Command::Apply(input), &bytes));
        set(&message, "seq", &seq.into());
        set(&message, "action", &true.into());
        self.send(Ask::Push { seq, host, path, bytes, said }, &message);
    }

    /// A command that needs no world, of the large module; fetches it.
    pub(crate) fn aside(&self, ask: Ask, command: &Command) {
        let message = message("aside");
        set(&message, "bytes", &pack(command));
        self.send(ask, &message);
    }

    /// Lets time pass until `until_us`, for at most `budget_ms`; then the picture.
    pub(crate) fn frame(&self, until_us: u64, budget_ms: f64, want: &Want, step: bool) {
        let message = message("frame");
        // Virtual times stay below 2^53 microseconds: 285 years.
        set(&message, "until", &(until_us as f64).into());
        set(&message, "budget", &budget_ms.into());
        set(&message, "want", &pack(&Command::View(want.clone())));
        if step {
            set(&message, "step", &pack(&Command::Step));
        }
        self.send(Ask::Frame, &message);
    }

    /// A question without content.
    pub(crate) fn ask(&self, ask: Ask, kind: &str) {
        self.send(ask, &message(kind));
    }

    /// A checkpoint for the store; with `all`, every block of it, with `keep`, the one a reset
    /// goes to as well.
    pub(crate) fn save(&self, all: bool, keep: bool) {
        let message = message("save");
        set(&message, "all", &all.into());
        set(&message, "keep", &keep.into());
        self.send(Ask::Save, &message);
    }

    /// Tells which blocks the store has now.
    pub(crate) fn saved(&self, ids: &Array) {
        let message = message("saved");
        set(&message, "ids", ids);
        self.send(Ask::Note, &message);
    }

    /// Gives a checkpoint up.
    pub(crate) fn drop_point(&self, point: u32) {
        let message = message("drop");
        set(&message, "point", &point.into());
        self.send(Ask::Note, &message);
    }

    fn send(&self, ask: Ask, message: &Object) {
        let id = self.next.replace(self.next.get() + 1);
        set(message, "id", &id.into());
        self.waiting.borrow_mut().insert(id, ask);
        self.worker.post_message(message).expect("plain values and bytes can be cloned");
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

fn reply(ask: Ask, raw: JsValue) -> Reply {
    let blob = match ask {
        Ask::Pull { .. } => get(&raw, "bytes").dyn_into().ok().and_then(|bytes| file_of(&bytes)),
        _ => None,
    };
    let answer = match blob {
        Some(_) => None,
        None => bytes(&raw, "bytes").map(|bytes| unpack(&bytes)),
    };
    let delta = match bytes(&raw, "delta").map(|bytes| unpack(&bytes)) {
        Some(Answer::Delta(delta)) => Some(delta),
        _ => None,
    };
    let refused = get(&raw, "refused").as_string().map(|_| {
        "The page and its worker are of different builds: reload to get both anew.".to_string()
    });
    let trapped = Some(get(&raw, "trapped")).filter(|it| it.is_object());
    Reply {
        id: number(&raw, "id"),
        ask,
        answer,
        blob,
        delta,
        point: number(&raw, "point"),
        undo_point: number(&raw, "undoPoint"),
        home: number(&raw, "homePoint"),
        at_us: get(&raw, "at").as_f64().unwrap_or(0.0) as u64,
        failed: refused.or_else(|| get(&raw, "failed").as_string()),
        trapped: trapped.map(|it| trap(&it)),
        nothing: get(&raw, "none").is_truthy() || get(&raw, "stale").is_truthy(),
        raw,
    }
}

fn trap(raw: &JsValue) -> Trapped {
    if get(raw, "dead").is_truthy() {
        return Trapped::Dead;
    }
    let dropped = Array::from(&get(raw, "dropped"));
    let dropped = dropped.iter().filter_map(|seq| seq.as_f64()).map(|seq| seq as u32).collect();
    Trapped::Back { point: number(raw, "point"), dropped }
}

fn pack(command: &Command) -> JsValue {
    let bytes = postcard::to_allocvec(command).expect("a command always has bytes");
    Uint8Array::from(bytes.as_slice()).into()
}

/// The number of [`Answer::Bytes`].
const ANSWER_BYTES: u8 = 5;

/// What `Answer::Bytes` holds, as a part of the message that brought it.
fn file_of(answer: &Uint8Array) -> Option<Uint8Array> {
    if answer.length() == 0 || answer.get_index(0) != ANSWER_BYTES {
        return None;
    }
    let lasts = |at: &u32| answer.get_index(*at) < 128;
    let from = (1..answer.length()).find(lasts)? + 1;
    Some(answer.subarray(from, answer.length()))
}

/// The postcard bytes of something that ends with an empty list of bytes, with these instead.
pub(crate) fn spliced<T: serde::Serialize>(empty: &T, bytes: &Uint8Array) -> JsValue {
    let mut head = postcard::to_allocvec(empty).expect("plain data always has bytes");
    head.pop();
    let mut rest = bytes.length();
    while rest >= 128 {
        head.push(rest as u8 | 128);
        rest >>= 7;
    }
    head.push(rest as u8);
    let at = head.len() as u32;
    let whole = Uint8Array::new_with_length(at + bytes.length());
    whole.set(&Uint8Array::from(head.as_slice()), 0);
    whole.set(bytes, at);
    whole.into()
}

fn unpack(bytes: &[u8]) -> Answer {
    postcard::from_bytes(bytes).unwrap_or_else(|error| {
        Answer::Refused(format!("The session's answer could not be read: {error}."))
    })
}

/// A field of a JavaScript object; undefined where there is none.
pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Sets a field of a plain object.
pub(crate) fn set(object: &Object, name: &str, value: &JsValue) {
    Reflect::set(object, &name.into(), value).expect("a plain object takes every field");
}

/// A field that holds bytes.
pub(crate) fn bytes(object: &JsValue, name: &str) -> Option<Vec<u8>> {
    get(object, name).dyn_into::<Uint8Array>().ok().map(|bytes| bytes.to_vec())
}

/// A field that holds a small number; 0 where there is none.
pub(crate) fn number(object: &JsValue, name: &str) -> u32 {
    get(object, name).as_f64().unwrap_or(0.0) as u32
}

fn message(kind: &str) -> Object {
    let message = Object::new();
    set(&message, "kind", &kind.into());
    message
}

#[cfg(test)]
mod tests {
    use lab::api::{Advanced, Speed, Stamped};

    use super::*;

    /// `web/js/postcard.js` writes and reads these two by itself.
    #[test]
    fn the_words_the_worker_speaks_itself_have_not_moved() {
        let advance = Command::Advance { until_us: 300, events_max: 7 };
        assert_eq!(postcard::to_allocvec(&advance).unwrap(), [3, 0xac, 2, 7]);
        let advanced = Answer::Advanced(Advanced {
            now_us: 300,
            reached: true,
            events: 7,
            replaying: false,
            violated: false,
            speed: Some(Speed::Pause),
        });
        assert_eq!(postcard::to_allocvec(&advanced).unwrap(), [2, 0xac, 2, 1, 7, 0, 0, 1, 1]);
    }

    /// [`file_of`] and [`spliced`] read and write these without looking inside.
    #[test]
    fn files_are_the_last_of_what_carries_them() {
        let answer = Answer::Bytes(vec![9; 300]);
        assert_eq!(postcard::to_allocvec(&answer).unwrap()[..3], [ANSWER_BYTES, 0xac, 2]);
        let bytes = |bytes| Input::Push { host: "n1".into(), path: "/a".into(), bytes };
        let (empty, full) = (bytes(Vec::new()), bytes(vec![8, 9]));
        let command = |input| postcard::to_allocvec(&Command::Apply(input)).unwrap();
        let (mut head, whole) = (command(empty.clone()), command(full.clone()));
        head.pop();
        assert_eq!([head, vec![2, 8, 9]].concat(), whole);
        let stamped = |input| postcard::to_allocvec(&Stamped { at_us: 7, input }).unwrap();
        let (mut empty, full) = (stamped(empty), stamped(full));
        empty.pop();
        assert_eq!([empty, vec![2, 8, 9]].concat(), full);
    }
}
