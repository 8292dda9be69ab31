//! All that the page remembers: the picture put together from deltas, and what the learner
//! chose to look at.

use std::rc::Rc;

use lab::api::{
    ChecksView, EditorView, Flight, FolderView, HostView, KeysView, LessonView, LinkView, LogView,
    MemberCard, Part, Power, QuorumView, StoryRow, TtyId, TtyState, Want, WorldRow, WorldView,
};

use crate::bench::Bench;
use crate::coach::Progress;
use crate::course::Course;
use crate::map::Map;
use crate::screens::Place;
use crate::store::LabRow;

/// Sentences of the story that are kept on screen.
const STORY_MAX: usize = 400;

/// The picture. Cheap to clone: its parts are shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    /// Facts of the whole world.
    pub(crate) world: Option<Rc<WorldView>>,
    /// A card for each host, in the order of hosts, without timers (those are the stage's).
    pub(crate) members: Rc<[MemberCard]>,
    /// The arithmetic.
    pub(crate) quorum: Option<Rc<QuorumView>>,
    /// Links that are not as they were made.
    pub(crate) links: Rc<[LinkView]>,
    /// The story, oldest first.
    pub(crate) story: Rc<Vec<StoryRow>>,
    /// Logs by host.
    pub(crate) logs: Rc<Map<String, LogView>>,
    /// The keyspace on screen.
    pub(crate) keys: Option<Rc<KeysView>>,
    /// The host on screen.
    pub(crate) host: Option<Rc<HostView>>,
    /// The directory on screen.
    pub(crate) folder: Option<Rc<FolderView>>,
    /// The checkers' counters.
    pub(crate) checks: Option<Rc<ChecksView>>,
    /// The exercise under way.
    pub(crate) lesson: Option<Rc<LessonView>>,
    /// What each terminal does.
    pub(crate) ttys: Rc<Map<u32, TtyState>>,
}

/// What a delta brought that is not part of the picture.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// Something on screen changed.
    pub(crate) changed: bool,
    /// Messages for the stage.
    pub(crate) flights: Vec<Flight>,
    /// Timers for the stage: host, from, until.
    pub(crate) timers: Vec<(String, u64, u64)>,
    /// Bytes for terminals.
    pub(crate) output: Vec<(u32, Vec<u8>)>,
    /// The editors over terminals, or that there is none.
    pub(crate) editors: Vec<(u32, Option<EditorView>)>,
    /// Sentences to be read aloud.
    pub(crate) told: Vec<StoryRow>,
}

impl View {
    /// Puts a delta's parts in.
    pub(crate) fn take(&mut self, parts: Vec<Part>) -> Brought {
        let mut brought = Brought::default();
        for part in parts {
            self.take_part(part, &mut brought);
        }
        brought
    }

    fn take_part(&mut self, part: Part, brought: &mut Brought) {
        match part {
            Part::World(world) => replace(&mut self.world, world, brought),
            Part::Quorum(quorum) => replace(&mut self.quorum, quorum, brought),
            Part::Keys(keys) => replace(&mut self.keys, keys, brought),
            Part::Host(host) => replace(&mut self.host, host, brought),
            Part::Folder(folder) => replace(&mut self.folder, folder, brought),
            Part::Checks(checks) => replace(&mut self.checks, checks, brought),
            Part::Lesson(lesson) => replace(&mut self.lesson, lesson, brought),
            Part::Links(links) => {
                self.links = links.into();
                brought.changed = true;
            }
            Part::Members(cards) => self.take_cards(cards, brought),
            Part::Flights(flights) => brought.flights = flights,
            Part::Story(rows) => self.take_story(rows, brought),
            Part::Tty { tty: TtyId(tty), bytes } => brought.output.push((tty, bytes)),
            Part::TtyState(mut state) => {
                brought.changed = true;
                brought.editors.push((state.tty.0, state.editor.take()));
                Rc::make_mut(&mut self.ttys).insert(state.tty.0, state);
            }
            Part::Log(log) => {
                brought.changed = true;
                Rc::make_mut(&mut self.logs).insert(log.host.clone(), log);
            }
        }
    }

    fn take_cards(&mut self, cards: Vec<MemberCard>, brought: &mut Brought) {
        let mut all: Vec<MemberCard> = self.members.to_vec();
        for mut card in cards {
            brought.timers.push((card.host.clone(), card.timer_from_us, card.timer_until_us));
            // Timers move with every heartbeat; the stage draws them, the cards must not.
            (card.timer_from_us, card.timer_until_us) = (0, 0);
            match all.iter_mut().find(|old| old.host == card.host) {
                Some(old) if *old == card => {}
                Some(old) => {
                    *old = card;
                    brought.changed = true;
                }
                None => {
                    let place = all.iter().position(|old| old.host > card.host);
                    all.insert(place.unwrap_or(all.len()), card);
                    brought.changed = true;
                }
            }
        }
        if brought.changed {
            self.members = all.into();
        }
    }

    fn take_story(&mut self, rows: Vec<StoryRow>, brought: &mut Brought) {
        let last = self.story.last().map_or(0, |row| row.id);
        let new: Vec<StoryRow> = rows.into_iter().filter(|row| row.id > last).collect();
        if new.is_empty() {
            return;
        }
        brought.changed = true;
        brought.told = new.clone();
        let story = Rc::make_mut(&mut self.story);
        story.extend(new);
        let excess = story.len().saturating_sub(STORY_MAX);
        story.drain(..excess);
    }

    /// A host's card.
    pub(crate) fn card(&self, host: &str) -> Option<&MemberCard> {
        self.members.iter().find(|card| card.host == host)
    }

    /// The hosts the ring shows: those that have or had a member. Where a world begins without
    /// one, or is more than its cluster, all of them.
    pub(crate) fn ring(&self) -> Vec<&MemberCard> {
        let named = |world: &WorldView| world.options.world.starts_with("cluster");
        let plain = self.world.as_deref().is_none_or(named);
        self.members.iter().filter(|card| !plain || card.power != Power::Idle).collect()
    }

    /// The next host a member could be added on.
    pub(crate) fn idle_host(&self) -> Option<&str> {
        self.members.iter().find(|card| card.power == Power::Idle).map(|card| card.host.as_str())
    }

    /// The program that runs in a terminal's foreground.
    pub(crate) fn running(&self, tty: u32) -> Option<&str> {
        self.ttys.get(&tty)?.running.as_deref()
    }
}

fn replace<T: PartialEq>(place: &mut Option<Rc<T>>, value: T, brought: &mut Brought) {
    if place.as_deref() != Some(&value) {
        *place = Some(Rc::new(value));
        brought.changed = true;
    }
}

/// Where the page is on its way to a running lab.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Loading; the sentence says what.
    Starting(&'static str),
    /// A recipe is done again, up to this virtual time.
    Replaying { until_us: u64, what: &'static str },
    /// The lab is there.
    Running,
    /// It could not start, or ended; the sentence says why.
    Dead(String),
}

/// The areas; on a narrow screen one is shown at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// What a screen shows beside the lab: the exercise.
    Beside,
    /// The ring of members.
    Cluster,
    /// The terminals.
    Terminal,
    /// Events, log, keys, host, checks.
    Facts,
}

/// All, in the order F6 goes through them; the first is there where a screen is beside the lab.
pub(crate) const AREAS: [(Area, &str, &str); 4] = [
    (Area::Beside, "Task", "area-beside"),
    (Area::Cluster, "Cluster", "area-cluster"),
    (Area::Terminal, "Terminal", "area-terminal"),
    (Area::Facts, "Facts", "area-facts"),
];

/// How the page is shown: `?panel=` of the address, for a frame in another page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// As itself.
    None,
    /// Without the way to other screens.
    Panel,
    /// And without the panel of an exercise: the lab alone.
    Bare,
}

impl Frame {
    /// The frame the query of an address asks for.
    pub(crate) fn of(query: &str) -> Frame {
        let words = || query.trim_start_matches('?').split('&');
        match words().find_map(|word| word.strip_prefix("panel=")) {
            Some("hidden") => Frame::Bare,
            Some("shown") => Frame::Panel,
            _ => Frame::None,
        }
    }
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has it.
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The word in `data-theme` and in the browser's memory.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The theme of a word; anything else is the system's.
    pub(crate) fn of(word: &str) -> Theme {
        match word {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        }
    }

    /// The next in the circle of the button.
    pub(crate) fn next(self) -> Theme {
        match self {
            Theme::Auto => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::Auto,
        }
    }
}

/// A sentence across the page that stays until it is put away.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    /// Which.
    pub(crate) id: u32,
    /// Whether something is wrong.
    pub(crate) bad: bool,
    /// The sentence.
    pub(crate) text: String,
}

/// What lies over the page and wants an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dialog {
    /// The list of keys.
    Shortcuts,
    /// A new lab.
    NewLab(NewLab),
    /// Saved labs.
    Labs(Option<Rc<[LabRow]>>),
    /// A link or file holds a lab; the present one is kept.
    Open(Rc<Incoming>),
    /// The share link.
    Share { url: String, copied: bool },
}

/// The choices of a new lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewLab {
    /// The world, by its place among those to choose from.
    pub(crate) world: usize,
    /// Members at the start.
    pub(crate) members: u8,
    /// The root of every random draw.
    pub(crate) seed: u32,
}

impl NewLab {
    /// The usual ones, with a seed drawn.
    pub(crate) fn draw() -> NewLab {
        NewLab { world: 0, members: 3, seed: crate::platform::draw(9999) + 1 }
    }
}

/// The world that is there before the others are known.
fn plain_cluster() -> WorldRow {
    WorldRow {
        name: "cluster".into(),
        summary: "one etcd cluster".into(),
        hosts: vec!["n1".into()],
        members: true,
    }
}

/// A lab that came by link or file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Incoming {
    /// The recipe's bytes, or the text of the link.
    pub(crate) bytes: Vec<u8>,
    /// What it holds.
    pub(crate) recipe: lab::api::Recipe,
}

/// The `sim` line a click stood for, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// With the word `sim`.
    pub(crate) line: String,
    /// Why it was refused, if it was.
    pub(crate) refused: Option<String>,
}

/// A terminal's tab.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Terminal {
    /// Its number.
    pub(crate) tty: u32,
    /// Its host.
    pub(crate) host: String,
}

/// What the learner chose to look at, and what the page says on top.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UiState {
    /// Where the page is.
    pub(crate) phase: Phase,
    /// The address' path: which screen is shown, and what of it.
    pub(crate) path: String,
    /// Light or dark.
    pub(crate) theme: Theme,
    /// The area in front on a narrow screen.
    pub(crate) area: Area,
    /// The tab of the facts.
    pub(crate) panel: &'static str,
    /// Chosen members.
    pub(crate) chosen: Map<String, ()>,
    /// The member the facts are about.
    pub(crate) focus: Option<String>,
    /// A key whose history is shown.
    pub(crate) key: Option<String>,
    /// The directory whose files are listed.
    pub(crate) folder: String,
    /// Open terminals.
    pub(crate) terminals: Vec<Terminal>,
    /// The one in front.
    pub(crate) terminal: u32,
    /// The last click's line.
    pub(crate) said: Option<Said>,
    /// The message that was clicked.
    pub(crate) flight: Option<Rc<Flight>>,
    /// What lies over the page.
    pub(crate) dialog: Option<Dialog>,
    /// The worlds to choose from, and whether they are all known.
    pub(crate) worlds: (Rc<[WorldRow]>, bool),
    /// Sentences across the page.
    pub(crate) notices: Vec<Notice>,
    /// This tab only shows the lab.
    pub(crate) read_only: bool,
    /// Whether the last save came through; none before the first.
    pub(crate) saved: Option<bool>,
    /// Writes to the store that have not ended yet.
    pub(crate) writes: u32,
    /// Checkpoints that are in the store since the page was opened.
    pub(crate) checkpoints: u32,
    /// Terminals speak to screen readers.
    pub(crate) reader: bool,
    /// How far the learner has come.
    pub(crate) progress: Progress,
    /// The course.
    pub(crate) course: Course,
    /// The exam and the drill.
    pub(crate) exam: crate::exam::Exam,
    /// An exercise that is written.
    pub(crate) teach: crate::teach::Teach,
    /// How the page is shown in another one.
    pub(crate) frame: Frame,
    /// The sentence read aloud next.
    pub(crate) aloud: String,
    /// Size of the stage.
    pub(crate) stage: (f64, f64),
    /// How many actions can be taken back.
    pub(crate) undo: usize,
    /// What is measured beside the lab.
    pub(crate) bench: Bench,
}

impl Default for UiState {
    fn default() -> Self {
        UiState {
            phase: Phase::Starting("Loading the cluster"),
            path: String::new(),
            theme: Theme::Auto,
            area: Area::Cluster,
            panel: "events",
            chosen: Map::default(),
            focus: None,
            key: None,
            folder: "/".into(),
            terminals: Vec::new(),
            terminal: 1,
            said: None,
            flight: None,
            dialog: None,
            worlds: (Rc::new([plain_cluster()]), false),
            notices: Vec::new(),
            read_only: false,
            saved: None,
            writes: 0,
            checkpoints: 0,
            reader: false,
            progress: Progress::default(),
            course: Course::default(),
            exam: Default::default(),
            teach: Default::default(),
            frame: Frame::None,
            aloud: String::new(),
            stage: (0.0, 0.0),
            undo: 0,
            bench: Bench::default(),
        }
    }
}

impl UiState {
    /// The areas on screen.
    pub(crate) fn areas(&self) -> &'static [(Area, &'static str, &'static str)] {
        match self.place() {
            Place::Lab => &AREAS[1..],
            Place::Beside => &AREAS,
            Place::Whole => &[],
        }
    }

    /// The area in front on a narrow screen: the chosen one, if it is there.
    pub(crate) fn area_in_front(&self) -> Area {
        let there = self.areas().iter().any(|(area, _, _)| *area == self.area);
        if there { self.area } else { Area::Cluster }
    }

    /// The host the facts are about: the chosen one, else the leader, else the first.
    pub(crate) fn subject<'a>(&'a self, view: &'a View) -> &'a str {
        let chosen = self.focus.as_deref();
        let leader = || view.world.as_ref().and_then(|world| world.leader.as_deref());
        let first = || view.members.first().map(|card| card.host.as_str());
        chosen.or_else(leader).or_else(first).unwrap_or("n1")
    }

    /// What the session should compute for what is on screen.
    pub(crate) fn want(&self, view: &View, seen: u64) -> Want {
        let mut want = Want { seen, flights: true, ..Want::default() };
        if let Some(panel) = crate::panels::panel(self.panel) {
            (panel.want)(self, view, &mut want);
        }
        want
    }

    /// Says a sentence across the page, once.
    pub(crate) fn notice(&mut self, bad: bool, text: impl Into<String>) {
        let text = text.into();
        if self.notices.iter().any(|notice| notice.text == text) {
            return;
        }
        let id = self.notices.iter().map(|notice| notice.id).max().unwrap_or(0) + 1;
        self.notices.push(Notice { id, bad, text });
    }
}
