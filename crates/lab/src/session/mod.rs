//! A session: one world, what was done to it, and what of it is on screen.
//!
//! Inputs go in, and are recorded; time is let pass; sentences, terminal bytes and the
//! picture come out. The session never looks at a clock: whoever drives it decides how far
//! `advance` may go. Next: `picture` builds what the page draws, `story` words what happened,
//! `terminal` is the line discipline of a terminal.

mod control;
mod lesson;
mod picture;
mod story;
mod terminal;

use std::collections::VecDeque;

use flat::Map;

pub(crate) use control::speed_text;
pub use sim::Stream;
use sim::{HostId, Signal, World, WorldEvent};

use crate::api::{
    Advanced, Delta, Edited, Input, Mark, RECIPE_FORMAT, Recipe, Speed, Stamped, StoryKind, TtyId,
    TtySignal, Want, WorldOptions,
};
use crate::{takehome, worlds};
use lesson::Lesson;
use picture::Picture;
#[cfg(feature = "k8s")]
pub(crate) use picture::quorum;
use story::Story;
use terminal::Terminal;

/// The hash of the sources this build was made from.
pub const ENGINE: &str = env!("QUORUM_ENGINE");

/// A mark is recorded with an input when the last one is this old.
const MARK_GAP_US: u64 = 10_000_000;
/// `quorum exec` begins when so much virtual time has passed (etcd's membership rule needs 5 s)…
const SETTLE_US: u64 = 6_000_000;
/// …and every member is published; a world that does not get there is broken.
const SETTLE_MAX_US: u64 = 60_000_000;
/// Events of one slice where nobody measures the slice.
const SLICE_EVENTS: u32 = 10_000;
/// What a Push may weigh: recipes are sent through links and kept in browsers.
const PUSH_BYTES_MAX: usize = 32 << 20;
/// What a typed command or a `sim` line may weigh.
const LINE_BYTES_MAX: usize = 1 << 20;

/// What a driver without a screen listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// A terminal printed something.
    Output {
        /// Which.
        tty: TtyId,
        /// On which stream.
        stream: Stream,
        /// What.
        bytes: Vec<u8>,
    },
    /// A command typed into a terminal ended.
    Done {
        /// Which terminal.
        tty: TtyId,
        /// Its exit status.
        exit: i32,
    },
}

/// One world and what was done to it.
pub struct Session {
    world: World,
    options: WorldOptions,
    hosts: Vec<String>,
    inputs: Vec<Stamped>,
    marks: Vec<Mark>,
    replay: Option<Replay>,
    terminals: Map<TtyId, Terminal>,
    story: Story,
    picture: Picture,
    /// For a driver that listens; the page does not, and reads terminals by `view`.
    events: Option<Vec<SessionEvent>>,
    speed: Option<Speed>,
    /// The quorum at the last look: whether some group held it.
    had_quorum: Option<bool>,
    /// Commands that waited for the ones before them, to be applied at the end of this slice.
    typed_ahead: Vec<Input>,
    /// The exercise under way.
    lesson: Option<Lesson>,
    /// When it last looked at the world.
    looked_us: u64,
}

/// What of a recipe is still to come.
struct Replay {
    steps: VecDeque<Step>,
    engine: String,
}

/// A step of a replay.
enum Step {
    /// The trace must be as it was.
    Check(Mark),
    /// An input to do again.
    Do(Stamped),
    /// The run went on to here.
    Until(u64),
}

impl Step {
    fn at_us(&self) -> u64 {
        match self {
            Step::Check(mark) => mark.at_us,
            Step::Do(stamped) => stamped.at_us,
            Step::Until(at_us) => *at_us,
        }
    }
}

impl Replay {
    /// Puts marks and inputs in the order in which they were recorded: a mark comes before
    /// the input it was recorded with, the last one after everything.
    fn new(recipe: Recipe) -> Replay {
        let mut marks = VecDeque::from(recipe.marks);
        let last = marks.pop_back();
        let mut steps = VecDeque::new();
        for stamped in recipe.inputs {
            while let Some(mark) = marks.pop_front_if(|mark| mark.at_us <= stamped.at_us) {
                steps.push_back(Step::Check(mark));
            }
            steps.push_back(Step::Do(stamped));
        }
        steps.extend(marks.into_iter().chain(last).map(Step::Check));
        steps.push_back(Step::Until(recipe.until_us));
        Replay { steps, engine: recipe.engine }
    }
}

impl Session {
    /// A fresh world. The error is a sentence about the options.
    pub fn new(options: WorldOptions) -> Result<Session, String> {
        worlds::check(&options)?;
        let hosts = worlds::hosts(&options);
        Ok(Session {
            world: World::new(worlds::spec(&options)),
            options,
            inputs: Vec::new(),
            marks: Vec::new(),
            replay: None,
            terminals: Map::new(),
            story: Story::new(hosts.clone()),
            picture: Picture::default(),
            events: None,
            speed: None,
            had_quorum: None,
            typed_ahead: Vec::new(),
            lesson: None,
            looked_us: 0,
            hosts,
        })
    }

    /// A world by its recipe, before its first event: `advance` replays it.
    pub fn load(recipe: Recipe) -> Result<Session, String> {
        let mut session = Session::new(recipe.options.clone())?;
        session.replay = Some(Replay::new(recipe));
        Ok(session)
    }

    /// How the world was made.
    pub fn options(&self) -> &WorldOptions {
        &self.options
    }

    /// The world's clock.
    pub fn now_us(&self) -> u64 {
        self.world.now_us()
    }

    /// A hash over every event so far.
    pub fn trace_hash(&self) -> u64 {
        self.world.trace_hash()
    }

    /// What a checker found, as a sentence; none is the normal case.
    pub fn violation(&self) -> Option<String> {
        self.world.violation().map(|violation| violation.to_string())
    }

    /// The run so far.
    pub fn recipe(&mut self) -> Recipe {
        self.world.settle();
        self.absorb();
        let now = Mark { at_us: self.world.now_us(), trace: self.world.trace_hash() };
        let mut marks = self.marks.clone();
        marks.push(now);
        Recipe {
            format: RECIPE_FORMAT,
            engine: ENGINE.into(),
            options: self.options.clone(),
            inputs: self.inputs.clone(),
            marks,
            until_us: now.at_us,
        }
    }

    /// Does an input now, and records it. What is refused is not recorded.
    pub fn apply(&mut self, input: Input) -> Result<(), String> {
        if self.replay.is_some() {
            return Err("the recorded run is not over yet".into());
        }
        self.apply_input(input)
    }

    fn apply_input(&mut self, input: Input) -> Result<(), String> {
        if let Some(violation) = self.violation() {
            return Err(format!("a checker stopped the world: {violation}"));
        }
        // An input comes after all events of its instant, so that a replay, which knows
        // nothing of slices, puts it in the same place.
        self.world.settle();
        self.absorb();
        self.look_if_due();
        let at_us = self.world.now_us();
        let mark = Mark { at_us, trace: self.world.trace_hash() };
        self.carry_out(&input)?;
        if self.marks.last().is_none_or(|last| at_us >= last.at_us + MARK_GAP_US) {
            self.marks.push(mark);
        }
        self.inputs.push(Stamped { at_us, input });
        self.world.settle();
        self.absorb();
        self.look();
        Ok(())
    }

    fn carry_out(&mut self, input: &Input) -> Result<(), String> {
        match input {
            Input::OpenTty { tty, host } => {
                let id = self.host(host)?;
                if self.terminals.contains_key(tty) {
                    return Err("this terminal is open already".into());
                }
                self.open_tty(*tty, id)
            }
            Input::CloseTty { tty } => {
                self.terminals.remove(tty).ok_or("this terminal is not open")?;
                self.world.tty_close(sim_tty(*tty));
                Ok(())
            }
            Input::Line { tty, text } => {
                if text.len() > LINE_BYTES_MAX {
                    return Err("this command is longer than a shell takes".into());
                }
                let now_us = self.world.now_us();
                self.live_tty(*tty)?.line_submitted(text, now_us);
                if let (Some(lesson), Some(terminal)) = (&mut self.lesson, self.terminals.get(tty))
                {
                    let host = &self.hosts[usize::from(terminal.host().0)];
                    lesson.typed(*tty, host, text, &self.world);
                }
                self.world.tty_command(sim_tty(*tty), text.clone());
                Ok(())
            }
            Input::Stdin { tty, bytes } => {
                self.live_tty(*tty)?;
                self.world.tty_stdin(sim_tty(*tty), bytes.clone().into());
                Ok(())
            }
            Input::Eof { tty } => {
                self.live_tty(*tty)?;
                self.world.tty_eof(sim_tty(*tty));
                Ok(())
            }
            Input::Signal { tty, signal } => {
                self.live_tty(*tty)?;
                let signal = match signal {
                    TtySignal::Interrupt => Signal::Int,
                    TtySignal::Quit => Signal::Quit,
                    TtySignal::Suspend => Signal::Tstp,
                };
                self.world.tty_signal(sim_tty(*tty), signal);
                Ok(())
            }
            Input::Sim { line } => self.sim(line),
            Input::Begin { source } => self.begin_lesson(source),
            Input::Screen { tty, columns, rows } => {
                self.live_tty(*tty)?.resized((*columns, *rows));
                self.world.tty_resize(sim_tty(*tty), *columns, *rows);
                Ok(())
            }
            Input::Editor { tty, text, path, force, leave } => {
                self.live_tty(*tty)?;
                let (text, path) = (text.clone(), path.clone());
                self.ask_editor(*tty, sim::EditorAsk { text, path, force: *force, leave: *leave })
            }
            Input::Push { host, path, bytes } => self.push(host, path, bytes),
        }
    }

    fn push(&mut self, host: &str, path: &str, bytes: &[u8]) -> Result<(), String> {
        let id = self.host(host)?;
        if bytes.len() > PUSH_BYTES_MAX {
            return Err(format!("{path}: files up to {} MiB can be put in", PUSH_BYTES_MAX >> 20));
        }
        self.world
            .write_file(id, path, bytes.to_vec().into(), 0o644)
            .map_err(|error| format!("{host}:{path}: {error}"))
    }

    fn ask_editor(&mut self, tty: TtyId, ask: sim::EditorAsk) -> Result<(), String> {
        if ask.text.as_ref().is_some_and(|text| text.len() > LINE_BYTES_MAX) {
            return Err("this text is longer than an editor takes".into());
        }
        self.world.tty_ask_editor(sim_tty(tty), ask);
        Ok(())
    }

    fn open_tty(&mut self, tty: TtyId, host: HostId) -> Result<(), String> {
        let name = self.hosts[usize::from(host.0)].clone();
        self.world
            .tty_open(host, sim_tty(tty), "/bin/bash")
            .map_err(|error| format!("ssh: connect to host {name} port 22: {error}"))?;
        self.terminals.insert(tty, Terminal::new(host, name, worlds::user(&self.options)));
        Ok(())
    }

    /// Whether a host went off by itself, to come back at once.
    pub fn reboots(&self, host: &str) -> bool {
        self.host(host).is_ok_and(|id| self.world.reboots(id))
    }

    fn live_tty(&mut self, tty: TtyId) -> Result<&mut Terminal, String> {
        if !self.world.tty_alive(sim_tty(tty)) {
            return Err("the shell of this terminal is gone".into());
        }
        self.terminals.get_mut(&tty).ok_or_else(|| "this terminal is not open".into())
    }

    fn host(&self, name: &str) -> Result<HostId, String> {
        let place = self.hosts.iter().position(|host| host == name);
        let id = place.and_then(|place| u8::try_from(place).ok());
        id.map(HostId).ok_or_else(|| format!("there is no host '{name}'"))
    }

    /// Lets time pass up to `until_us`, or until about `events_max` events were handled.
    pub fn advance(&mut self, until_us: u64, events_max: u32) -> Result<Advanced, String> {
        let mut events = 0;
        loop {
            let stop_us = self.next_stop_us().map_or(until_us, |stop| stop.min(until_us));
            let stop_us = self.next_look_us().map_or(stop_us, |look| look.min(stop_us));
            let done = self.world.advance(stop_us, events_max - events);
            events += done.events;
            self.absorb();
            if done.reached {
                self.look_if_due();
            }
            for input in std::mem::take(&mut self.typed_ahead) {
                // Its terminal may have gone with its host by now: then nobody waits for it.
                let _ = self.apply_input(input);
            }
            if !done.reached {
                return Ok(self.advanced(false, events));
            }
            if self.replay.is_some() && self.world.now_us() >= stop_us {
                self.replay_here()?;
            }
            if self.world.now_us() >= until_us
                && self.next_stop_us().is_none_or(|stop| stop > until_us)
            {
                return Ok(self.advanced(true, events));
            }
        }
    }

    /// Handles exactly one event.
    pub fn step(&mut self) -> Result<Advanced, String> {
        if self.replay.is_some() {
            return Err("the recorded run is not over yet".into());
        }
        let events = u32::from(self.world.step().is_some());
        self.absorb();
        Ok(self.advanced(true, events))
    }

    fn advanced(&mut self, reached: bool, events: u32) -> Advanced {
        Advanced {
            now_us: self.world.now_us(),
            reached,
            events,
            replaying: self.replay.is_some(),
            violated: self.world.violation().is_some(),
            speed: self.speed.take(),
        }
    }

    /// The next time at which the recording has something to say.
    fn next_stop_us(&self) -> Option<u64> {
        self.replay.as_ref().and_then(|replay| replay.steps.front()).map(Step::at_us)
    }

    /// Does what the recording says of this instant.
    fn replay_here(&mut self) -> Result<(), String> {
        self.world.settle();
        self.absorb();
        let now_us = self.world.now_us();
        while let Some(replay) = &mut self.replay {
            match replay.steps.pop_front_if(|step| step.at_us() <= now_us) {
                Some(Step::Check(mark)) => {
                    if mark.trace != self.world.trace_hash() {
                        let engine = std::mem::take(&mut replay.engine);
                        self.replay = None;
                        return Err(diverged(now_us, &engine));
                    }
                }
                Some(Step::Do(stamped)) => self.apply_input(stamped.input)?,
                Some(Step::Until(_)) => self.replay = None,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Replays a loaded recipe to its end.
    pub fn replay_to_end(&mut self) -> Result<(), String> {
        while self.replay.is_some() {
            let until_us = self.next_stop_us().unwrap_or(self.world.now_us());
            self.advance(until_us, u32::MAX)?;
            if let Some(violation) = self.violation() {
                return Err(format!("a checker stopped the world: {violation}"));
            }
        }
        Ok(())
    }

    /// Runs until the cluster is as `quorum exec` promises it: every member published, a
    /// leader, six seconds passed. From here on events are kept for `drain_events`.
    pub fn settle_in(&mut self) -> Result<(), String> {
        self.events = Some(Vec::new());
        while self.now_us() < SETTLE_US
            || !(self.is_ready() && worlds::ready(&self.options, &self.world))
        {
            let until_us = self.now_us() + 100_000;
            self.advance(until_us, u32::MAX)?;
            if self.now_us() > SETTLE_MAX_US {
                return Err("the cluster did not come up within a minute".into());
            }
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        if !self.options.world.starts_with("cluster") {
            return true;
        }
        let members = (0..self.options.members).map(|place| self.world.member(HostId(place)));
        let mut led = false;
        for status in members {
            match status {
                Some(status) if status.ready => led |= status.leader.is_some(),
                _ => return false,
            }
        }
        led
    }

    /// Lets time pass until a terminal says something, or `until_us`.
    pub fn advance_until_output(&mut self, until_us: u64) {
        while self.world.now_us() < until_us && self.world.violation().is_none() {
            let stop_us = self.next_look_us().map_or(until_us, |look| look.min(until_us));
            let done = self.world.advance_until_said(stop_us, SLICE_EVENTS);
            self.absorb();
            if done.reached {
                self.look_if_due();
            }
            let said = self.events.as_ref().is_some_and(|events| !events.is_empty());
            if said || self.terminals.keys().any(|tty| !self.world.tty_alive(sim_tty(*tty))) {
                return;
            }
        }
    }

    /// Keeps no more events for [`Session::drain_events`].
    pub fn stop_listening(&mut self) {
        self.events = None;
    }

    /// What terminals said since the last call.
    pub fn drain_events(&mut self) -> Vec<SessionEvent> {
        self.events.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether a terminal's shell lives.
    pub fn tty_is_open(&self, tty: TtyId) -> bool {
        self.terminals.contains_key(&tty) && self.world.tty_alive(sim_tty(tty))
    }

    /// A number no terminal has had.
    pub fn next_tty(&self) -> TtyId {
        let opened = |stamped: &Stamped| match stamped.input {
            Input::OpenTty { tty, .. } => Some(tty.0),
            _ => None,
        };
        TtyId(self.inputs.iter().filter_map(opened).max().unwrap_or(0) + 1)
    }

    /// A file of a virtual host.
    pub fn pull(&self, host: &str, path: &str) -> Result<Vec<u8>, String> {
        let host = self.host(host)?;
        self.world
            .read_file(host, path)
            .map(|bytes| bytes.to_vec())
            .map_err(|error| error.to_string())
    }

    /// One archive that starts this cluster on real machines. The error is a sentence.
    pub fn take_home(&self) -> Result<Vec<u8>, String> {
        takehome::archive(&self.world, &self.options)
    }

    /// A key typed into a terminal.
    pub fn edit(&mut self, tty: TtyId, bytes: &[u8], size: (u16, u16)) -> Edited {
        match self.terminals.get_mut(&tty) {
            Some(terminal) => terminal.key(tty, bytes, size, &self.world),
            None => Edited { echo: Vec::new(), submit: Vec::new() },
        }
    }

    /// The parts of the picture that changed.
    pub fn view(&mut self, want: &Want) -> Delta {
        let mut picture = std::mem::take(&mut self.picture);
        let delta = picture.delta(self, want);
        self.picture = picture;
        delta
    }

    /// Takes in what the world said since the last look.
    fn absorb(&mut self) {
        for happened in self.world.drain_events() {
            if let Some(lesson) = &mut self.lesson {
                lesson.hear(&happened, &self.hosts);
            }
            match &happened.what {
                WorldEvent::TtyOutput { tty, stream, bytes } => {
                    self.output(TtyId(tty.0), *stream, bytes);
                }
                WorldEvent::CommandDone { tty, exit } => self.command_done(TtyId(tty.0), *exit),
                WorldEvent::Session { text } => {
                    self.speed = control::speed_of(text).or(self.speed);
                }
                event => self.story.tell(happened.at_us, event),
            }
        }
        self.watch_quorum();
    }

    fn output(&mut self, tty: TtyId, stream: Stream, bytes: &[u8]) {
        if tty == control::TTY {
            control::hear(&mut self.story, self.world.now_us(), stream, bytes);
            return;
        }
        if let Some(terminal) = self.terminals.get_mut(&tty) {
            terminal.printed(bytes);
        }
        if let Some(events) = &mut self.events {
            events.push(SessionEvent::Output { tty, stream, bytes: bytes.to_vec() });
        }
    }

    fn command_done(&mut self, tty: TtyId, exit: i32) {
        if let Some(lesson) = &mut self.lesson {
            lesson.typed_done(tty, exit, &self.world);
        }
        if let Some(terminal) = self.terminals.get_mut(&tty) {
            terminal.command_done(self.world.tty_cwd(sim_tty(tty)).as_deref(), &self.world);
            // A replay has its own list of what came next.
            if let Some(next) = terminal.take_next(tty).filter(|_| self.replay.is_none()) {
                self.typed_ahead.push(next);
            }
        }
        if let Some(events) = &mut self.events {
            events.push(SessionEvent::Done { tty, exit });
        }
    }

    /// Tells when the quorum is lost and when it is back.
    fn watch_quorum(&mut self) {
        let quorum = picture::quorum(&self.world, &self.hosts);
        if quorum.voters.is_empty() || self.had_quorum == Some(quorum.has_quorum) {
            return;
        }
        let first = self.had_quorum.replace(quorum.has_quorum).is_none();
        let (voters, reachable) = (quorum.voters.len(), quorum.reachable.len());
        let text = match (first, quorum.has_quorum) {
            (true, true) => return,
            (_, true) => format!(
                "The quorum is back: {reachable} of {voters} voters reach each other, and {} are enough.",
                quorum.quorum
            ),
            (_, false) => format!(
                "The quorum is lost: {reachable} of {voters} voters reach each other, and {} are needed. Writes and linearizable reads wait.",
                quorum.quorum
            ),
        };
        self.story.push(self.world.now_us(), None, StoryKind::Quorum, text);
    }
}

fn sim_tty(tty: TtyId) -> sim::TtyId {
    sim::TtyId(tty.0)
}

fn diverged(now_us: u64, engine: &str) -> String {
    let at = format!("{}.{:03} s", now_us / 1_000_000, now_us / 1000 % 1000);
    if engine == ENGINE {
        format!(
            "the replay differs from the recorded run at {at}, though this build made it: please report this recipe"
        )
    } else {
        format!(
            "the replay differs from the recorded run at {at}: another build made it ({engine}, this is {ENGINE})"
        )
    }
}
