//! The one component with state: what each message does.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use js_sys::Uint8Array;
use lab::api::{Input, Stamped, TtyId, WorldOptions};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlDialogElement, KeyboardEvent};
use yew::{Component, Context, Html, html};

use crate::boot::{self, Storage, Watchers};
use crate::clock::Clock;
use crate::course::Goal;
use crate::link::Link;
use crate::map::{Bits, Map};
use crate::msg::Msg;
use crate::panels::cluster::StageWatch;
use crate::panels::terminals::Screen;
use crate::panels::{self, Emit, Look};
use crate::platform::{self, browser, terminal};
use crate::player::Player;
use crate::saver::Saver;
use crate::screens::Place;
use crate::scroll::Scroll;
use crate::stage::{Scene, Stage};
use crate::state::{AREAS, Area, Frame, Phase, Theme, UiState, View};
use crate::store::{Db, PointRecord};

mod answers;
mod bench;
mod course;
mod exam;
mod files;
mod labs;
mod screen;
mod teach;
mod time;
mod world;

pub(crate) use teach::TEXT_ID;

/// Pictures that came with deltas are drawn at most so often; what moves is the stage's.
const RENDER_EVERY_MS: f64 = 66.0;

const NO_WORKER: &str = "The worker of this page could not be loaded. Reload the page.";

/// A checkpoint the worker has: where the page was.
#[derive(Clone, Debug)]
struct PointInfo {
    seq: u32,
    now_us: u64,
    seen: u64,
    ttys: Vec<(u32, u64)>,
}

/// What the course keeps of the open lab.
#[derive(Default)]
struct Going {
    /// Where the learner goes when the present lab is saved.
    goal: Option<Goal>,
    /// Where a reset of this lab goes: the worker's checkpoint (0 for none), and the store's.
    home_point: u32,
    home: Option<PointRecord>,
    /// A checkpoint is wanted after the one under way.
    save_again: bool,
    /// When a reset was asked for, until its picture is there.
    reset_ms: Option<f64>,
    /// A solution being typed.
    player: Option<Player>,
}

/// How the picture is made to follow after a jump of the world: see `time::Resync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resync {
    /// It follows.
    None,
    /// Says which delta the page had at the checkpoint.
    Acknowledge(u64),
    /// Says that what came with that is here too.
    Settle,
    /// Asks for everything.
    Everything,
}

/// The page.
pub(crate) struct App {
    ui: UiState,
    view: View,
    clock: Clock,
    link: Link,
    /// The second worker, in which clusters are measured.
    second: Option<Link>,
    scene: Rc<RefCell<Scene>>,
    storage: Storage,
    db: Option<Db>,
    watchers: Rc<Watchers>,
    saver: Saver,
    /// The open lab's name in the store.
    lab: Option<String>,
    options: Option<WorldOptions>,
    /// The world's clock.
    now_us: u64,
    /// The last delta that arrived.
    seen: u64,
    /// The recipe at the last checkpoint.
    recipe: Vec<u8>,
    /// Blocks the store holds for this lab.
    stored_blocks: Bits,
    scrolls: Map<u32, Scroll>,
    /// Terminals that are drawn.
    drawn: Map<u32, ()>,
    points: Map<u32, PointInfo>,
    /// Checkpoints behind the undo button, the newest last.
    undo: Vec<u32>,
    seq: u32,
    /// Inputs to be done again, each at its time, and where time is to come after them.
    replay: VecDeque<(u32, Stamped)>,
    target_us: u64,
    /// Opens the first terminal when the world is ready.
    open_first: bool,
    /// What was typed before the lab could take it, in order: it is typed when the lab is there.
    early: Vec<(u32, Vec<u8>)>,
    fragment: Option<String>,
    /// The checkpoints a saved lab is being started at.
    restored: Option<(PointRecord, Option<PointRecord>)>,
    emit: Emit,
    resync: Resync,
    /// The picture is asked for even while time stands still.
    stale: bool,
    /// After a trap, the line that led to it is taken off the terminal.
    interrupt_after: bool,
    /// One event is asked for.
    step: bool,
    /// Virtual time that is due.
    owed_us: u64,
    render_due: bool,
    rendered_ms: f64,
    noted_ms: f64,
    clock_shown: String,
    screens: Vec<(u32, Screen)>,
    /// What the course keeps of the open lab.
    going: Going,
    /// Wall time that is left of the exam, and when that was last looked at.
    exam_left_ms: f64,
    exam_ms: f64,
    /// The worker in which a proof is made, and the text that is proved.
    prover: Option<(Link, String)>,
    /// The text the session was last asked about.
    checked_text: Rc<str>,
    /// The keyboard goes to the screen that has just come.
    went: bool,
    title_shown: String,
    watch: Option<StageWatch>,
    _stage: Stage,
    _listeners: Vec<EventListener>,
    _asked: Closure<platform::editing::OnAsk>,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link();
        let scene: Rc<RefCell<Scene>> = Rc::default();
        let stage = Stage::start(Rc::clone(&scene), link.callback(Msg::Frame));
        let worker = start_worker(ctx);
        let watchers = begin_boot(ctx);
        let ui = first_ui();
        set_theme(ui.theme, &scene);
        App {
            ui,
            view: View::default(),
            clock: Clock::default(),
            link: worker,
            second: None,
            scene,
            storage: Storage::Nowhere,
            db: None,
            watchers,
            saver: Saver::default(),
            lab: None,
            options: None,
            now_us: 0,
            seen: 0,
            recipe: Vec::new(),
            stored_blocks: Bits::default(),
            scrolls: Map::default(),
            drawn: Map::default(),
            points: Map::default(),
            undo: Vec::new(),
            seq: 0,
            replay: VecDeque::new(),
            target_us: 0,
            open_first: false,
            early: Vec::new(),
            fragment: None,
            restored: None,
            emit: link.callback(|msg| msg),
            resync: Resync::None,
            stale: false,
            interrupt_after: false,
            step: false,
            owed_us: 0,
            render_due: false,
            rendered_ms: 0.0,
            noted_ms: 0.0,
            clock_shown: String::new(),
            screens: Vec::new(),
            going: Going::default(),
            exam_left_ms: 0.0,
            exam_ms: 0.0,
            prover: None,
            checked_text: "".into(),
            went: false,
            title_shown: String::new(),
            watch: None,
            _stage: stage,
            _listeners: listeners(link.callback(|msg| msg)),
            _asked: hear_editors(link.callback(|msg| msg)),
        }
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Frame(wall_ms) => return self.frame(wall_ms),
            Msg::Worker(reply) => return self.answered(ctx, *reply),
            Msg::Booted(booted) => self.booted(ctx, *booted),
            Msg::WorkerDied => self.die(NO_WORKER),
            Msg::Stored(result) => self.stored(result.map(|()| js_sys::Array::new())),
            Msg::Saved(result) => self.stored(result),
            Msg::LabsRead(result) => self.labs_read(result),
            Msg::LabRead(result) => self.lab_read(ctx, *result),
            Msg::TakenOver => self.taken_over(),
            Msg::Key(event) => return self.key(ctx, &event),
            Msg::Hidden(hidden) => self.hidden(hidden),
            Msg::Fragment(text) => {
                self.go("");
                self.inspect(text.into_bytes());
            }
            Msg::Course(what) => self.course(what),
            Msg::Exam(what) => self.exam(what),
            Msg::Teach(what) => self.teach(what),
            Msg::Go(path) => self.go(&path),
            Msg::Bench(msg) => self.bench(ctx, msg),
            Msg::Toggle => self.toggle(),
            Msg::Step => self.step(),
            Msg::Speed(per_mille) => self.speed(per_mille),
            Msg::Nudge { faster } => self.nudge(faster),
            Msg::Lend => self.clock.lend(),
            Msg::Sim(line) => self.sim(line),
            Msg::Undo => self.take_back(),
            Msg::Typed { tty, bytes } => return self.typed(tty, bytes),
            Msg::EditorAsked { tty, text, path, force, leave } => {
                self.editor_asked(Input::Editor { tty: TtyId(tty), text, path, force, leave });
            }
            Msg::TypeText(text) => self.type_text(&text),
            Msg::OpenTerminal(host) => self.open_terminal(host),
            Msg::CloseTerminal(tty) => self.close_terminal(tty),
            Msg::ShowTerminal(tty) => self.show_terminal(tty),
            Msg::TerminalReady(tty) => self.terminal_ready(tty),
            Msg::Choose { host, add } => self.choose(host, add),
            Msg::ChooseAll(hosts) => self.choose_all(hosts),
            Msg::Panel(panel) => self.look_at(|ui| ui.panel = panel),
            Msg::Area(area) => self.look_at(|ui| ui.area = area),
            Msg::History(key) => self.look_at(|ui| ui.key = key),
            Msg::Flight(flight) => self.look_at(|ui| ui.flight = flight),
            Msg::StageSize(width, height) => self.ui.stage = (width, height),
            Msg::NextTheme => self.next_theme(),
            Msg::SystemTheme => set_theme(self.ui.theme, &self.scene),
            Msg::Reader => self.toggle_reader(),
            Msg::Coach => self.ui.progress.hidden = !self.ui.progress.hidden,
            Msg::Dialog(dialog) => self.open_dialog(ctx, dialog),
            Msg::NewLab(choices) => self.new_lab(&choices),
            Msg::OpenLab(name) => self.open_lab(ctx, name),
            Msg::DeleteLab(name) => self.delete_lab(ctx, &name),
            Msg::OpenIncoming => self.open_incoming(),
            Msg::Share => self.share(),
            Msg::Copy => self.copy_link(ctx),
            Msg::Copied(copied) => self.copied(copied),
            Msg::SaveFile => self.save_file(),
            Msg::OpenFile => self.open_file(ctx),
            Msg::FileRead(bytes) => self.opened_file(bytes),
            Msg::Folder(path) => self.look_at(|ui| ui.folder = path),
            Msg::TakeOut { host, path } => self.take_out(host, path),
            Msg::ChooseFor(host) => self.choose_for(ctx, host),
            Msg::PutIn(chosen) => self.put_in(*chosen),
            Msg::Unread(why) => self.ui.notice(true, format!("The file could not be read. {why}")),
            Msg::TakeHome => self.take_home(),
            Msg::TakeOver => self.take_over(ctx),
            Msg::Acquired(mine) => self.acquired(ctx, mine),
            Msg::Dismiss(id) => self.ui.notices.retain(|notice| notice.id != id),
        }
        true
    }

    fn view(&self, _ctx: &Context<Self>) -> Html {
        let (ui, emit) = (&self.ui, &self.emit);
        let size = self.scene.borrow().size();
        let look = Look { view: &self.view, ui, clock: &self.clock, size, emit };
        let (place, front) = (ui.place(), ui.area_in_front());
        let seen = place != Place::Whole;
        let shown = |area: Area| if front == area { "front" } else { "back" };
        html! {
            <div class="page" data-screen={ui.screen().id} data-area={AREAS.iter().find(|it| it.0 == ui.area).map(|it| it.1)}>
                { panels::topbar::draw(&look) }
                if seen { { panels::quorum::draw(&look) } }
                <div class="notices">{ panels::notices::draw(&look) }</div>
                if seen { { area_tabs(&look) } }
                <main id="areas" class={if place == Place::Beside { "areas beside" } else { "areas" }} hidden={!seen}>
                    if place == Place::Beside {
                        <div class={format!("area own {}", shown(Area::Beside))}>{ (ui.screen().draw)(&look) }</div>
                    }
                    <div class={format!("area upper {}", shown(Area::Cluster))}>
                        { panels::cluster::draw(&look) }
                        { veil(&ui.phase, self.now_us) }
                    </div>
                    <div class={format!("area side {}", shown(Area::Facts))}>
                        { panels::facts::draw(&look) }
                    </div>
                    <div class={format!("area lower {}", shown(Area::Terminal))}>
                        { panels::terminals::draw(&look) }
                    </div>
                </main>
                if seen {
                    { panels::coach::draw(&look) }
                } else {
                    <main class="whole">{ (ui.screen().draw)(&look) }</main>
                }
                { panels::dialogs::draw(&look) }
            </div>
        }
    }

    fn rendered(&mut self, _ctx: &Context<Self>, first: bool) {
        if first {
            self.scene.borrow_mut().set_style();
            self.watch = StageWatch::start(Rc::clone(&self.scene), self.emit.clone());
        }
        let before = self.scene.borrow().size();
        let mut scene = self.scene.borrow_mut();
        scene.set(&self.view, &self.ui);
        scene.place_cards();
        // Cards of another size are drawn with the next frame.
        self.render_due |= scene.size() != before;
        drop(scene);
        self.open_screens();
        self.open_or_close_dialog();
        self.show_screen();
    }
}

/// The areas as tabs, for narrow screens.
fn area_tabs(look: &Look<'_>) -> Html {
    html! {
        <nav class="area-tabs" aria-label="Areas">
            { for look.ui.areas().iter().map(|(area, label, _)| {
                let area = *area;
                let on = look.ui.area_in_front() == area;
                html! {
                    <button key={*label} aria-pressed={on.to_string()} class={if on { "on" } else { "" }}
                        onclick={look.click(move || Msg::Area(area))}>{ *label }</button>
                }
            }) }
        </nav>
    }
}

/// What lies over the stage while there is nothing to see yet.
fn veil(phase: &Phase, now_us: u64) -> Html {
    match phase {
        Phase::Running => Html::default(),
        Phase::Starting(what) => html! { <div class="veil" role="status"><p>{ *what }</p></div> },
        Phase::Replaying { until_us, what } => {
            let part = now_us.min(*until_us) * 1000 / (*until_us).max(1);
            html! {
                <div class="veil" role="status">
                    <p>{ *what }</p>
                    <progress max="1000" value={part.to_string()}></progress>
                </div>
            }
        }
        Phase::Dead(why) => html! { <div class="veil dead" role="alert"><p>{ why }</p></div> },
    }
}

/// What users ask of the editors over terminals.
fn hear_editors(emit: Emit) -> Closure<platform::editing::OnAsk> {
    let asked = Closure::new(move |tty, text: JsValue, path: JsValue, force, leave| {
        let (text, path) = (text.as_string(), path.as_string());
        emit.emit(Msg::EditorAsked { tty, text, path, force, leave });
    });
    platform::editing::listen(&asked);
    asked
}

/// What the page hears from the browser itself.
fn listeners(emit: Emit) -> Vec<EventListener> {
    let window = platform::window();
    let document = platform::document();
    let visibility = {
        let emit = emit.clone();
        EventListener::new(&document, "visibilitychange", move |_| {
            let hidden =
                platform::document().visibility_state() == web_sys::VisibilityState::Hidden;
            emit.emit(Msg::Hidden(hidden));
        })
    };
    let left = {
        let emit = emit.clone();
        EventListener::new(&window, "pagehide", move |_| emit.emit(Msg::Hidden(true)))
    };
    let fragment = {
        let emit = emit.clone();
        EventListener::new(&window, "hashchange", move |_| match boot::path() {
            Some(path) => emit.emit(Msg::Go(path)),
            None => boot::take_fragment().into_iter().for_each(|it| emit.emit(Msg::Fragment(it))),
        })
    };
    let keys = {
        let emit = emit.clone();
        let options = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(&document, "keydown", options, move |event| {
            if let Some(event) = event.dyn_ref::<KeyboardEvent>() {
                keep_from_browser(event);
                emit.emit(Msg::Key(event.clone()));
            }
        })
    };
    let mut all = vec![visibility, left, fragment, keys];
    for query in ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)"] {
        if let Ok(Some(list)) = window.match_media(query) {
            let emit = emit.clone();
            all.push(EventListener::new(&list, "change", move |_| emit.emit(Msg::SystemTheme)));
        }
    }
    all
}

/// The worker, with the core on its way into it.
fn start_worker(ctx: &Context<App>) -> Link {
    let link = ctx.link();
    let worker = Link::start(
        link.callback(|reply| Msg::Worker(Box::new(reply))),
        link.callback(|()| Msg::WorkerDied),
    );
    worker.load();
    worker
}

/// Opens the store, and watches that it stays ours.
fn begin_boot(ctx: &Context<App>) -> Rc<Watchers> {
    let lost = ctx.link().callback(|()| Msg::TakenOver);
    let closed = lost.clone();
    let on_lost = Closure::new(move || lost.emit(()));
    let watchers = Rc::new(Watchers { on_lost, closed });
    let (watching, booted) = (Rc::clone(&watchers), ctx.link().clone());
    spawn_local(async move {
        let found = boot::boot(&watching).await;
        booted.send_message(Msg::Booted(Box::new(found)));
    });
    watchers
}

/// What the browser remembers and the address says.
fn first_ui() -> UiState {
    UiState {
        theme: Theme::of(&browser::recall("theme")),
        reader: browser::recall("reader") == "on",
        path: boot::path().unwrap_or_default(),
        frame: Frame::of(&platform::window().location().search().unwrap_or_default()),
        ..UiState::default()
    }
}

/// Puts a theme into the document, the stage and the terminals.
fn set_theme(theme: Theme, scene: &Rc<RefCell<Scene>>) {
    if let Some(root) = platform::document().document_element() {
        root.set_attribute("data-theme", theme.word()).expect("the name is an attribute's");
    }
    scene.borrow_mut().set_style();
    terminal::set_theme(&panels::terminals::theme());
}

impl App {
    fn look_at(&mut self, change: impl FnOnce(&mut UiState)) {
        change(&mut self.ui);
        self.stale = true;
    }

    fn choose(&mut self, host: String, add: bool) {
        let chosen = &mut self.ui.chosen;
        let was = chosen.contains(&host);
        if !add {
            // A click on the only chosen member lets it go again.
            let only = chosen.len() == 1 && was;
            chosen.clear();
            if !only {
                chosen.insert(host.clone(), ());
            }
        } else if was {
            chosen.remove(&host);
        } else {
            chosen.insert(host.clone(), ());
        }
        self.ui.focus = Some(host);
        self.stale = true;
    }

    fn choose_all(&mut self, hosts: Vec<String>) {
        if let [host] = hosts.as_slice() {
            self.ui.focus = Some(host.clone());
        }
        if hosts.is_empty() {
            self.ui.flight = None;
        }
        self.ui.chosen.clear();
        for host in hosts {
            self.ui.chosen.insert(host, ());
        }
        self.stale = true;
    }

    fn next_theme(&mut self) {
        self.ui.theme = self.ui.theme.next();
        browser::remember("theme", self.ui.theme.word());
        set_theme(self.ui.theme, &self.scene);
    }

    fn toggle_reader(&mut self) {
        self.ui.reader = !self.ui.reader;
        browser::remember("reader", if self.ui.reader { "on" } else { "off" });
        terminal::set_reader(self.ui.reader);
    }

    /// Opens xterm.js in the elements drawn for new terminals, and closes what is gone.
    fn open_screens(&mut self) {
        let Self { screens, ui, .. } = self;
        screens.retain(|(tty, _)| ui.terminals.iter().any(|it| it.tty == *tty));
        for terminal in &self.ui.terminals {
            let tty = terminal.tty;
            if self.screens.iter().any(|(it, _)| *it == tty) {
                continue;
            }
            if let Some(screen) = Screen::open(tty, self.emit.clone()) {
                self.screens.push((tty, screen));
                self.emit.emit(Msg::TerminalReady(tty));
            }
        }
    }

    fn open_or_close_dialog(&self) {
        let Some(dialog) = platform::by_id("dialog") else { return };
        let Ok(dialog) = dialog.dyn_into::<HtmlDialogElement>() else { return };
        match (self.ui.dialog.is_some(), dialog.open()) {
            // It is refused only where the dialog is open already.
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    }

    /// Nothing goes on from here.
    fn die(&mut self, why: impl Into<String>) {
        self.ui.phase = Phase::Dead(why.into());
        self.clock.running = false;
    }

    /// Shows bytes in a terminal and keeps them.
    fn show(&mut self, tty: u32, bytes: &[u8]) {
        self.scrolls.at(tty).add(bytes);
        if self.drawn.contains(&tty) {
            terminal::write(tty, Uint8Array::from(bytes));
        }
    }

    /// Writes a terminal anew from what is kept.
    fn show_again(&self, tty: u32) {
        if let Some(scroll) = self.scrolls.get(&tty)
            && self.drawn.contains(&tty)
        {
            terminal::reset(tty, Uint8Array::from(scroll.bytes()));
        }
    }
}

/// Whether a key was pressed inside one of these.
fn is_inside(event: &KeyboardEvent, places: &str) -> bool {
    let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
    target.is_some_and(|it| it.closest(places).ok().flatten().is_some())
}

/// Places where keys are text, or do what they do everywhere.
const FIELDS: &str = ".screen, input, select, textarea, dialog";
/// What Space and Enter press.
const BUTTONS: &str = "button, summary, a";

/// Whether the lab is on screen; elsewhere keys are the browser's.
fn lab_is_seen() -> bool {
    platform::by_id("areas").is_some_and(|it| !it.has_attribute("hidden"))
}

/// F6 would go to the address bar, Space would scroll.
fn keep_from_browser(event: &KeyboardEvent) {
    let space = event.key() == " "
        && lab_is_seen()
        && !is_inside(event, FIELDS)
        && !is_inside(event, BUTTONS);
    if event.key() == "F6" && lab_is_seen() || space {
        event.prevent_default();
    }
}

impl App {
    fn key(&mut self, ctx: &Context<Self>, event: &KeyboardEvent) -> bool {
        let seen = self.ui.place() != Place::Whole;
        if event.key() == "F6" && seen {
            self.next_area(event);
            return true;
        }
        let chord = event.ctrl_key() || event.meta_key() || event.alt_key();
        let pressed = event.key() == " " && is_inside(event, BUTTONS);
        if !seen || chord || pressed || self.ui.dialog.is_some() || is_inside(event, FIELDS) {
            return false;
        }
        let (key, code) = (event.key(), event.code());
        match panels::shortcuts::message_for(&key, &code, event.shift_key(), &self.ui, &self.view) {
            Some(msg) => {
                ctx.link().send_message(msg);
                true
            }
            None => false,
        }
    }

    /// Goes to the next area, or with Shift to the one before.
    fn next_area(&mut self, event: &KeyboardEvent) {
        let within = |id: &str| is_inside(event, &format!("#{id}"));
        let areas = self.ui.areas();
        let here = areas.iter().position(|(_, _, id)| within(id));
        let step = if event.shift_key() { areas.len() - 1 } else { 1 };
        let next = here.map_or(0, |here| (here + step) % areas.len());
        let (area, _, id) = areas[next];
        self.ui.area = area;
        match area {
            Area::Terminal => terminal::focus(self.ui.terminal),
            Area::Beside | Area::Cluster | Area::Facts => platform::focus(id),
        }
    }
}
