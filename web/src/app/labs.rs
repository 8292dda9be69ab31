//! Whole labs: begun, opened, saved, shared, taken over.

use std::rc::Rc;

use js_sys::{Array, Uint32Array};
use lab::api::{Advanced, Answer, Command, Input, Recipe, Stamped, TtyId, WorldOptions};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::Context;

use super::{App, Going, Resync};
use crate::boot::{self, Booted, Storage};
use crate::clock::Clock;
use crate::link::{Ask, Origin, Reply, get, number};
use crate::map::Bits;
use crate::msg::Msg;
use crate::platform::{self, browser};
use crate::saver::Saver;
use crate::scroll::Scroll;
use crate::state::{Area, Dialog, NewLab, Phase, Terminal, View};
use crate::store::{self, Batch, LabRow, PointRecord, SavedLab, StoreError};

const RELEASE: &str = "3.6.14";
/// Where the first terminal of a new lab is.
const FIRST_HOST: &str = "n1";
/// A fresh world is shown when it has settled, as `quorum exec` does: etcd's membership rule
/// wants five seconds.
const SETTLED_US: u64 = 6_000_000;

impl App {
    /// Whether this tab saves.
    pub(super) fn writes(&self) -> bool {
        matches!(self.storage, Storage::Writer { .. }) && self.ui.exam.replay.is_none()
    }

    pub(super) fn booted(&mut self, ctx: &Context<Self>, booted: Booted) {
        self.ui.read_only = booted.storage == Storage::Reader;
        self.storage = booted.storage;
        self.db = booted.db;
        if let Some(trouble) = booted.trouble {
            self.ui.saved = Some(false);
            self.ui.notice(true, trouble.to_string());
        }
        self.fragment = booted.fragment;
        self.ui.course.records = Rc::new(booted.records);
        self.ui.teach.own = booted.own;
        self.exam_read(booted.exam);
        match (booted.saved, self.fragment.take()) {
            (Some(saved), fragment) => {
                self.fragment = fragment;
                self.begin_saved(saved);
            }
            (None, Some(text)) => {
                let bytes = text.into_bytes();
                let command = Command::Inspect(bytes.clone());
                self.link.start_fresh(Ask::Inspect { bytes }, &command, 0, "cluster");
            }
            (None, None) if self.ui.read_only => {
                // The other tab has not saved yet; there is nothing to show.
                self.ui.phase = Phase::Starting("The other tab's lab is not saved yet");
            }
            (None, None) => self.begin_new(&NewLab::draw()),
        }
        if self.writes() {
            spawn_local(async {
                // Whether the browser promises to keep it does not change what we do.
                JsFuture::from(browser::persist()).await.ok();
            });
        }
        ctx.link().send_message(Msg::SystemTheme);
        self.enter();
    }

    /// Forgets the open lab, so that another can begin.
    pub(super) fn clear(&mut self, name: String) {
        if self.link.waits_for(|ask| matches!(ask, Ask::Save)) {
            self.ui.writes -= 1;
        }
        self.link.leave();
        self.saver = Saver::default();
        self.going = Going::default();
        self.ui.exam.replay = None;
        let course = &mut self.ui.course;
        course.open = name.strip_prefix("course-").map(str::to_string);
        (course.asking, course.playing, course.heard) = (false, None, 0);
        if course.open.is_some() {
            self.ui.area = Area::Beside;
        }
        // The next lab's terminals may have the same numbers: they are opened anew all the same.
        self.screens.clear();
        self.drawn.clear();
        self.early.clear();
        self.lab = Some(name);
        self.view = View::default();
        self.clock = Clock::default();
        self.scrolls.clear();
        self.points.clear();
        self.undo = Vec::new();
        self.stored_blocks = Bits::default();
        self.replay.clear();
        self.recipe = Vec::new();
        (self.seq, self.now_us, self.seen, self.target_us) = (0, 0, 0, 0);
        self.restored = None;
        self.resync = Resync::None;
        self.open_first = false;
        let ui = &mut self.ui;
        ui.chosen.clear();
        (ui.focus, ui.key, ui.said, ui.flight, ui.dialog) = (None, None, None, None, None);
        ui.folder = "/".into();
        ui.terminals.clear();
        ui.undo = 0;
        self.scene.borrow_mut().jump();
    }

    /// A fresh world.
    pub(super) fn begin_new(&mut self, choices: &NewLab) {
        self.clear(store::new_name());
        let worlds = Rc::clone(&self.ui.worlds.0);
        let world = worlds.get(choices.world).unwrap_or(&worlds[0]);
        let options = WorldOptions {
            world: world.name.clone(),
            members: choices.members,
            release: RELEASE.into(),
            seed: u64::from(choices.seed),
            epoch_us: platform::date_ms() as u64 * 1000,
            checkers: true,
        };
        self.options = Some(options.clone());
        self.target_us = SETTLED_US;
        self.promise_terminal(world.hosts.first().map_or(FIRST_HOST, |host| host));
        self.ui.phase = Phase::Replaying { until_us: SETTLED_US, what: "The cluster is starting" };
        let world = options.world.clone();
        self.link.start_fresh(Ask::Start, &Command::New(options), 0, &world);
        self.store_record();
    }

    /// A world by somebody's recipe, as a lab of its own.
    pub(super) fn begin_replay(&mut self, bytes: Vec<u8>, recipe: &Recipe) {
        // An exercise's run needs the module with the exercises, whatever its world.
        let exercise = recipe.inputs.iter().any(|it| matches!(it.input, Input::Begin { .. }));
        let name = store::new_name();
        self.clear(if exercise { format!("{name}-x") } else { name });
        self.options = Some(recipe.options.clone());
        follow(&mut self.ui.terminals, recipe.inputs.iter());
        self.ui.terminal = self.ui.terminals.first().map_or(1, |it| it.tty);
        if self.ui.terminals.is_empty() {
            self.promise_terminal(FIRST_HOST);
        }
        self.target_us = recipe.until_us;
        self.seq = u32::try_from(recipe.inputs.len()).unwrap_or(u32::MAX);
        self.ui.phase =
            Phase::Replaying { until_us: recipe.until_us, what: "The lab is being done again" };
        self.recipe.clone_from(&bytes);
        let world = self.world();
        self.link.start_fresh(Ask::Replay, &Command::Load(bytes), self.seq, &world);
        self.store_record();
    }

    /// A saved lab: by its checkpoint when this build wrote it, else by its recipe.
    pub(super) fn begin_saved(&mut self, saved: SavedLab) {
        let SavedLab { name, record, inputs, start, scrolls, home } = saved;
        self.clear(name.clone());
        self.options = Some(record.options.clone());
        self.recipe = record.recipe.clone();
        self.ui.progress = record.progress;
        self.clock.set(record.speed.0);
        self.clock.running = record.speed.1 && !self.ui.read_only;
        self.ui.terminals = record
            .terminals
            .iter()
            .map(|(tty, host)| Terminal { tty: *tty, host: host.clone() })
            .collect();
        // Those opened after the checkpoint are done again with the inputs.
        follow(&mut self.ui.terminals, inputs.iter().map(|(_, stamped)| stamped));
        self.ui.terminal = record.terminal;
        if self.ui.terminals.is_empty() {
            self.promise_terminal(FIRST_HOST);
        }
        self.seq = inputs.last().map_or(record.point.seq, |(seq, _)| *seq);
        self.target_us = noted_time(&name).unwrap_or(0).max(record.point.now_us);
        self.replay = inputs.into();
        let last = self.replay.back().map_or(0, |(_, stamped)| stamped.at_us);
        self.target_us = self.target_us.max(last);
        self.ui.phase =
            Phase::Replaying { until_us: self.target_us, what: "The lab is coming back" };
        let by_checkpoint = record.build == platform::build() && !record.point.blocks.is_empty();
        if by_checkpoint {
            self.now_us = record.point.now_us;
            for (tty, scroll) in scrolls {
                self.scrolls.insert(tty, scroll);
            }
            for (tty, end) in &record.point.ttys {
                self.scrolls.at(*tty).cut(*end);
            }
            self.stored_blocks.add(&record.point.blocks);
            if let Some(undo) = &record.undo {
                self.stored_blocks.add(&undo.blocks);
            }
            self.resync = Resync::Acknowledge(record.point.seen);
            self.restored = Some((record.point, record.undo));
            if let Some(home) = &home {
                self.stored_blocks.add(&home.blocks);
            }
            self.going.home = home;
            self.link.start_at(&start, &self.world());
        } else if self.recipe.is_empty() {
            self.target_us = self.target_us.max(SETTLED_US);
            let (options, world) = (record.options, self.world());
            self.link.start_fresh(Ask::Start, &Command::New(options), 0, &world);
        } else {
            if record.build != platform::build() {
                self.ui.notice(false, "The page is newer than this lab: it was done again from its recipe. Where the two builds differ, so may the run.");
            }
            let bytes = self.recipe.clone();
            let (seq, world) = (record.point.seq, self.world());
            self.link.start_fresh(Ask::Replay, &Command::Load(bytes), seq, &world);
        }
    }

    /// A world is there.
    pub(super) fn started(&mut self, reply: &Reply) {
        if let Some(Answer::Refused(why)) = &reply.answer {
            self.start_failed(why);
            return;
        }
        self.note_home(reply);
        if let Some((point, undo)) = self.restored.take() {
            if let Some(undo) = undo {
                self.restore_point(reply.undo_point, &undo);
                self.push_undo(reply.undo_point);
            }
            self.restore_point(reply.point, &point);
        }
        self.stale = true;
    }

    pub(super) fn restore_point(&mut self, id: u32, record: &PointRecord) {
        let info = super::PointInfo {
            seq: record.seq,
            now_us: record.now_us,
            seen: record.seen,
            ttys: record.ttys.clone(),
        };
        self.points.insert(id, info);
    }

    pub(super) fn replay_begun(&mut self, answer: Option<Answer>) {
        match answer {
            Some(Answer::Refused(why)) => self.start_failed(&why),
            _ => self.stale = true,
        }
    }

    /// A lab that does not start is kept as it is; a new one begins beside it.
    pub(super) fn start_failed(&mut self, why: &str) {
        let why = why.trim_end_matches('.');
        if self.is_exercise() && (self.restored.is_none() || self.recipe.is_empty()) {
            self.exercise_failed(why);
            return;
        }
        if self.recipe.is_empty() && self.restored.is_none() && self.replay.is_empty() {
            let world = self.options.as_ref().map_or("cluster", |options| &options.world);
            if world == "cluster" {
                self.die(format!("The cluster could not be started: {why}."));
            } else {
                // Its module may only be out of reach; the plain cluster's is here.
                let what = format!("The world '{world}' could not be started: {why}.");
                self.ui.notice(true, format!("{what} This is a plain cluster."));
                self.begin_new(&NewLab::draw());
            }
            return;
        }
        if self.restored.take().is_some() && !self.recipe.is_empty() {
            self.by_recipe();
            return;
        }
        let kept = "It is kept among the saved labs; this is a new one.";
        self.ui.notice(true, format!("The saved lab could not be opened: {why}. {kept}"));
        self.begin_new(&NewLab::draw());
    }

    /// The checkpoint is damaged, but what was done is there: it is done again.
    fn by_recipe(&mut self) {
        self.ui.notice(
            true,
            "The saved checkpoint is damaged: the lab was done again from its recipe.",
        );
        (self.now_us, self.resync) = (0, Resync::None);
        self.stored_blocks = Bits::default();
        self.scrolls.clear();
        for terminal in &self.ui.terminals {
            self.scrolls.insert(terminal.tty, Scroll::default());
            self.show_again(terminal.tty);
        }
        let bytes = self.recipe.clone();
        self.link.start_fresh(Ask::Replay, &Command::Load(bytes), self.seq, &self.world());
    }

    /// The world that says which module the open lab runs in.
    fn world(&self) -> String {
        match (&self.lab, &self.options) {
            (Some(name), Some(options)) => store::world_of(name, options).into(),
            _ => "cluster".into(),
        }
    }

    /// A frame of a run done again has come: the next input, or the end.
    pub(super) fn replayed(&mut self, advanced: &Advanced) {
        while let Some((seq, stamped)) = self.replay.front().cloned() {
            if stamped.at_us > advanced.now_us || advanced.replaying {
                return;
            }
            self.replay.pop_front();
            self.link.input(seq, stamped.input, Origin::Replay, false);
        }
        if advanced.replaying && !advanced.reached {
            return;
        }
        if advanced.now_us >= self.target_us || advanced.violated {
            self.arrived();
        }
    }

    /// Whether the open lab began with an exercise.
    fn is_exercise(&self) -> bool {
        self.lab.as_deref().is_some_and(|name| !store::is_sandbox(name))
    }

    /// The lab is there.
    fn arrived(&mut self) {
        self.ui.phase = Phase::Running;
        browser::later();
        self.stale = true;
        if let (true, Some(world)) = (self.is_exercise(), &self.view.world) {
            self.options = Some(world.options.clone());
        }
        if self.open_first && !self.ui.read_only {
            self.open_first = false;
            self.open_promised();
            if self.is_exercise() && self.writes() {
                // Without a first checkpoint a reload would begin it anew.
                self.saver.begin();
                self.save();
            }
        }
        self.saver.touched(platform::wall_ms());
        if let Some(text) = self.fragment.take() {
            self.inspect(text.into_bytes());
        }
    }

    // Saving.

    /// Begins a checkpoint for the store; the answers go on with it.
    pub(super) fn save(&mut self) {
        if self.link.waits_for(|ask| matches!(ask, Ask::Save)) {
            // The one under way is older than what is to be saved.
            self.going.save_again = true;
            return;
        }
        self.link.call(Ask::RecipeSave, &Command::Recipe);
        let keep = self.going.home.is_none() && self.going.home_point != 0;
        self.ui.writes += 1;
        self.link.save(false, keep);
    }

    /// The worker made a checkpoint: into the store with it.
    pub(super) fn write_checkpoint(&mut self, ctx: &Context<Self>, reply: &Reply) {
        let (Storage::Writer { fence }, Some(db)) = (&self.storage, &self.db) else { return };
        let (db, fence) = (db.clone(), *fence);
        let (Some(name), Some(options)) = (self.lab.clone(), self.options.clone()) else { return };
        let raw = get(&reply.raw, "point");
        let (seq, now_us) = (number(&raw, "seq"), get(&raw, "now").as_f64().unwrap_or(0.0) as u64);
        self.note_point(number(&raw, "id"), seq, now_us);
        let point = self.record_of(&raw);
        let undo = get(&reply.raw, "undo");
        let undo = undo.is_object().then(|| self.record_of(&undo));
        let home = get(&reply.raw, "home");
        if home.is_object() {
            self.going.home = Some(self.record_of(&home));
        }
        self.forget_points(number(&raw, "id"));
        let mut record = store::new_record(options);
        let mut live = Bits::default();
        live.add(&point.blocks);
        if let Some(undo) = &undo {
            live.add(&undo.blocks);
        }
        if let Some(home) = &self.going.home {
            live.add(&home.blocks);
        }
        (record.point, record.undo) = (point, undo);
        record.recipe.clone_from(&self.recipe);
        record.terminals = self.ui.terminals.iter().map(|it| (it.tty, it.host.clone())).collect();
        record.terminal = self.ui.terminal;
        let (speed, running) =
            self.clock.resume.unwrap_or((self.clock.per_mille, self.clock.running));
        record.speed = (speed, running);
        record.progress = self.ui.progress;
        let mut batch = Batch::default();
        if self.stored_blocks.is_empty() {
            // What lies there is of no checkpoint we know.
            batch.drop_all_blocks(&name);
        }
        let ids = batch.blocks(&name, &Array::from(&get(&reply.raw, "blocks")));
        batch.drop_blocks(&name, &self.stored_blocks.without(&live));
        batch.record(&name, &record);
        if home.is_object() {
            self.going.home.iter().for_each(|home| batch.home(&name, home));
        }
        batch.drop_inputs(&name, 0, record.point.seq);
        for (tty, scroll) in self.scrolls.iter() {
            batch.scroll(&name, *tty, scroll);
        }
        batch.current(&name);
        self.stored_blocks = live;
        self.ui.writes += 1;
        let link = ctx.link().clone();
        spawn_local(async move {
            let result = db.commit(batch, fence).await;
            link.send_message(Msg::Saved(result.map(|()| ids)));
        });
    }

    fn record_of(&self, raw: &wasm_bindgen::JsValue) -> PointRecord {
        let blocks = get(raw, "blocks").dyn_into::<Uint32Array>().map(|it| it.to_vec());
        let info = self.points.get(&number(raw, "id"));
        PointRecord {
            seq: number(raw, "seq"),
            now_us: get(raw, "now").as_f64().unwrap_or(0.0) as u64,
            blocks: blocks.unwrap_or_default(),
            seen: info.map_or(0, |it| it.seen),
            ttys: info.map(|it| it.ttys.clone()).unwrap_or_default(),
        }
    }

    /// Checkpoints the worker has dropped by now.
    fn forget_points(&mut self, newest: u32) {
        let (undo, home) = (self.undo.clone(), self.going.home_point);
        self.points.retain(|it, _| *it == newest || *it == home || undo.contains(it));
    }

    /// A write came through or did not.
    pub(super) fn stored(&mut self, result: Result<Array, StoreError>) {
        self.ui.writes -= 1;
        let wall_ms = platform::wall_ms();
        match result {
            Ok(ids) if ids.length() > 0 => {
                self.link.saved(&ids);
                self.ui.checkpoints += 1;
                self.saver.done(true, wall_ms);
                self.ui.saved = Some(true);
            }
            Ok(_) => {
                self.saver.done(true, wall_ms);
                self.ui.saved = Some(true);
            }
            Err(StoreError::Fenced) => self.taken_over(),
            Err(error) => {
                self.saver.done(false, wall_ms);
                // It may not have come through: the next checkpoint brings it again.
                self.going.home = None;
                self.ui.saved = Some(false);
                self.ui.notice(true, error.to_string());
            }
        }
    }

    pub(super) fn commit(&mut self, batch: Batch) {
        let (Storage::Writer { fence }, Some(db)) = (&self.storage, &self.db) else { return };
        let (db, fence, emit) = (db.clone(), *fence, self.emit.clone());
        self.ui.writes += 1;
        spawn_local(async move { emit.emit(Msg::Stored(db.commit(batch, fence).await)) });
    }

    /// An input goes to the store the moment it happened.
    pub(super) fn store_input(&mut self, seq: u32, at_us: u64, input: &Input) {
        let Some(name) = &self.lab else { return };
        let mut batch = Batch::default();
        batch.input(name, seq, at_us, input);
        self.commit(batch);
    }

    /// The same for a file that was put on a host.
    pub(super) fn store_file(
        &mut self,
        seq: u32,
        at_us: u64,
        host: &str,
        path: &str,
        bytes: &js_sys::Uint8Array,
    ) {
        let Some(name) = &self.lab else { return };
        let input = Input::Push { host: host.into(), path: path.into(), bytes: Vec::new() };
        let mut batch = Batch::default();
        batch.file(name, seq, &Stamped { at_us, input }, bytes);
        self.commit(batch);
    }

    /// A lab's first record, before any checkpoint.
    fn store_record(&mut self) {
        let (Some(name), Some(options)) = (&self.lab, &self.options) else { return };
        let mut batch = Batch::default();
        let mut record = store::new_record(options.clone());
        record.point.seq = self.seq;
        record.recipe.clone_from(&self.recipe);
        batch.record(name, &record);
        batch.current(name);
        self.commit(batch);
    }

    pub(super) fn drop_inputs(&mut self, from: u32, to: u32) {
        if let (Some(name), true) = (&self.lab, from <= to) {
            let mut batch = Batch::default();
            batch.drop_inputs(name, from, to);
            self.commit(batch);
        }
    }

    // Opening and sharing.

    pub(super) fn open_dialog(&mut self, ctx: &Context<Self>, dialog: Option<Dialog>) {
        if matches!(dialog, Some(Dialog::Labs(_))) {
            let (link, db) = (ctx.link().clone(), self.db.clone());
            spawn_local(async move {
                let labs = match db {
                    Some(db) => db.labs().await,
                    None => Err(StoreError::Refused),
                };
                link.send_message(Msg::LabsRead(labs));
            });
        }
        if matches!(dialog, Some(Dialog::NewLab(_)))
            && !self.ui.worlds.1
            && !self.link.waits_for(|ask| matches!(ask, Ask::Worlds))
        {
            self.link.aside(Ask::Worlds, &Command::Worlds);
        }
        self.ui.dialog = dialog;
    }

    pub(super) fn labs_read(&mut self, result: Result<Vec<LabRow>, StoreError>) {
        match result {
            Ok(labs) => self.ui.dialog = Some(Dialog::Labs(Some(labs.into()))),
            Err(error) => {
                self.ui.dialog = None;
                self.ui.notice(true, error.to_string());
            }
        }
    }

    /// The worlds are known now; without them the plain cluster is still there.
    pub(super) fn worlds_read(&mut self, answer: Option<Answer>) {
        match answer {
            Some(Answer::Worlds(worlds)) if !worlds.is_empty() => self.ui.worlds.0 = worlds.into(),
            _ => self.ui.notice(true, "The list of other worlds could not be loaded."),
        }
        self.ui.worlds.1 = true;
    }

    pub(super) fn new_lab(&mut self, choices: &NewLab) {
        self.ui.dialog = None;
        if self.ui.read_only {
            self.ui.notice(true, "This tab only shows the lab: take it over first.");
        } else {
            self.begin_new(choices);
        }
    }

    pub(super) fn open_lab(&mut self, ctx: &Context<Self>, name: String) {
        self.ui.dialog = None;
        let (link, Some(db)) = (ctx.link().clone(), self.db.clone()) else { return };
        spawn_local(async move {
            link.send_message(Msg::LabRead(Box::new(db.read(&name).await)));
        });
    }

    pub(super) fn lab_read(
        &mut self,
        _ctx: &Context<Self>,
        result: Result<Option<SavedLab>, StoreError>,
    ) {
        match result {
            Ok(Some(saved)) => self.begin_saved(saved),
            Ok(None) => {
                self.ui.notice(true, "This lab is damaged or of another format and cannot be opened here. It is kept as it is.");
            }
            Err(error) => self.ui.notice(true, error.to_string()),
        }
    }

    pub(super) fn delete_lab(&mut self, ctx: &Context<Self>, name: &str) {
        if self.lab.as_deref() == Some(name) || self.ui.read_only {
            self.ui.dialog = None;
            self.ui.notice(true, "The open lab is not deleted: open another one first.");
            return;
        }
        let mut batch = Batch::default();
        batch.drop_lab(name);
        self.commit(batch);
        self.open_dialog(ctx, Some(Dialog::Labs(None)));
    }

    /// Looks into what came by link or file, before anything is replaced.
    pub(super) fn inspect(&mut self, bytes: Vec<u8>) {
        if self.ui.read_only {
            self.ui.notice(
                true,
                "This tab only shows the lab: take it over first, then open the link.",
            );
        } else if !bytes.is_empty() {
            let command = Command::Inspect(bytes.clone());
            self.link.call(Ask::Inspect { bytes }, &command);
        }
    }

    pub(super) fn open_incoming(&mut self) {
        if let Some(Dialog::Open(incoming)) = self.ui.dialog.take() {
            let incoming = Rc::unwrap_or_clone(incoming);
            self.begin_replay(incoming.bytes, &incoming.recipe);
        }
    }

    pub(super) fn share(&mut self) {
        self.link.call(Ask::Share, &Command::Share);
    }

    pub(super) fn copy_link(&self, ctx: &Context<Self>) {
        let Some(Dialog::Share { url, .. }) = &self.ui.dialog else { return };
        let (url, link) = (url.clone(), ctx.link().clone());
        spawn_local(async move {
            let done = JsFuture::from(browser::copy(&url)).await;
            link.send_message(Msg::Copied(done.is_ok_and(|it| it.is_truthy())));
        });
    }

    pub(super) fn copied(&mut self, done: bool) {
        if let Some(Dialog::Share { copied, .. }) = &mut self.ui.dialog {
            *copied = done;
        }
    }

    pub(super) fn save_file(&mut self) {
        self.link.call(Ask::RecipeFile, &Command::Recipe);
    }

    pub(super) fn open_file(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        spawn_local(async move {
            let chosen = JsFuture::from(browser::choose_file()).await;
            if let Ok(bytes) = chosen.unwrap_or_default().dyn_into::<js_sys::Uint8Array>() {
                link.send_message(Msg::FileRead(bytes.to_vec()));
            }
        });
    }

    // Two tabs.

    /// Another tab writes from here on.
    pub(super) fn taken_over(&mut self) {
        self.storage = Storage::Reader;
        self.ui.read_only = true;
        self.clock.running = false;
    }

    pub(super) fn take_over(&mut self, ctx: &Context<Self>) {
        let (watchers, link) = (Rc::clone(&self.watchers), ctx.link().clone());
        spawn_local(async move {
            let mine = boot::acquire(true, &watchers).await;
            link.send_message(Msg::Acquired(mine));
        });
    }

    /// The lock is ours: everything is read anew, as the other tab left it.
    pub(super) fn acquired(&mut self, ctx: &Context<Self>, mine: bool) {
        if !mine {
            self.ui.notice(true, "The lab could not be taken over.");
            return;
        }
        self.ui.phase = Phase::Starting("The lab is being taken over");
        let (link, watchers) = (ctx.link().clone(), Rc::clone(&self.watchers));
        spawn_local(async move {
            let found = boot::read_as_writer(&watchers).await;
            link.send_message(Msg::Booted(Box::new(found)));
        });
    }
}

/// Opens and closes terminals as these inputs do.
pub(super) fn follow<'a>(open: &mut Vec<Terminal>, inputs: impl Iterator<Item = &'a Stamped>) {
    for stamped in inputs {
        match &stamped.input {
            Input::OpenTty { tty: TtyId(tty), host } => {
                open.retain(|it| it.tty != *tty);
                open.push(Terminal { tty: *tty, host: host.clone() });
            }
            Input::CloseTty { tty: TtyId(tty) } => open.retain(|it| it.tty != *tty),
            _ => {}
        }
    }
}

/// The exact time this lab was left at.
fn noted_time(name: &str) -> Option<u64> {
    let note = browser::recall("now");
    let (lab, now_us) = note.split_once(' ')?;
    (lab == name).then(|| now_us.parse().ok()).flatten()
}
