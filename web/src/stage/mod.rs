//! The stage: links, messages and timers, sixty times a second and outside the virtual DOM.
//!
//! The app puts what it learns into the [`Scene`]; one animation routine draws it and tells
//! the app that a frame begins, which is also when virtual time is asked to pass.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::render::{AnimationFrame, request_animation_frame};
use lab::api::{Flight, LinkView, Power};
use yew::Callback;

use crate::map::Map;
use crate::platform;
use crate::screens::Place;
use crate::state::{UiState, View};

mod draw;
mod flights;
pub(crate) mod kinds;
mod layout;

use draw::Palette;
use flights::Flights;
pub(crate) use layout::{Point, Size};

/// How near a pointer must come to a message, in CSS pixels.
const REACH: f64 = 16.0;

/// What is drawn. Shared by the app, the animation and the pointer's handlers.
#[derive(Default)]
pub(crate) struct Scene {
    width: f64,
    height: f64,
    size: Option<Size>,
    places: Map<String, Point>,
    powers: Map<String, Power>,
    timers: Map<String, (u64, u64)>,
    links: Rc<[LinkView]>,
    leader: Option<String>,
    flights: Flights,
    now_us: u64,
    picked: Option<u64>,
    /// A lasso or a line being dragged, drawn under the pointer.
    pub(crate) gesture: Option<Gesture>,
    palette: Palette,
    still: bool,
    /// Another screen is shown: nothing is drawn.
    away: bool,
    wall_ms: f64,
}

/// What the pointer is doing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Gesture {
    /// A rectangle drawn around members.
    Lasso(Point, Point),
    /// A line from a member to another.
    Line(String, Point),
}

impl Scene {
    /// The size of cards, once the stage has one.
    pub(crate) fn size(&self) -> Size {
        self.size.unwrap_or(Size::Full)
    }

    /// Takes over the picture and the size of the stage.
    pub(crate) fn set(&mut self, view: &View, ui: &UiState) {
        let ring = view.ring();
        (self.width, self.height) = ui.stage;
        self.away = ui.place() == Place::Whole;
        let (size, places) = layout::ring(ring.len(), self.width, self.height);
        self.size = Some(size);
        self.places.clear();
        self.powers.clear();
        for (card, place) in ring.iter().zip(places) {
            self.places.insert(card.host.clone(), place);
            self.powers.insert(card.host.clone(), card.power);
        }
        self.links = Rc::clone(&view.links);
        self.leader = view.world.as_ref().and_then(|world| world.leader.clone());
        self.picked = ui.flight.as_ref().map(|flight| flight.id);
    }

    /// Puts the cards where they stand.
    pub(crate) fn place_cards(&self) {
        let (width, height) = self.size().extent();
        for (host, place) in self.places.iter() {
            if let Some(card) = platform::by_id(&format!("card-{host}")) {
                let (x, y) = (place.x - width / 2.0, place.y - height / 2.0);
                platform::style(
                    &card,
                    "translate",
                    &format!("{}px {}px", x.round() as i32, y.round() as i32),
                );
            }
        }
    }

    /// What a delta brought.
    pub(crate) fn take(
        &mut self,
        now_us: u64,
        timers: Vec<(String, u64, u64)>,
        flights: Vec<Flight>,
    ) {
        self.now_us = now_us;
        for (host, from, until) in timers {
            self.timers.insert(host, (from, until));
        }
        self.flights.add(flights, self.wall_ms);
    }

    /// Another world, or another time of it: nothing is on its way any more.
    pub(crate) fn jump(&mut self) {
        self.flights.clear();
        self.timers.clear();
    }

    /// Colours and motion as the system and the theme have them now.
    pub(crate) fn set_style(&mut self) {
        self.palette = Palette::read();
        self.still = platform::matches("(prefers-reduced-motion: reduce)");
    }

    /// The message under the pointer.
    pub(crate) fn message_at(&self, point: Point) -> Option<Rc<Flight>> {
        let distance = |it: &Point| it.distance(point);
        let places = self.flights.drawn.iter().filter_map(|it| Some((it, self.spot(it)?)));
        let near = places.filter(|(_, place)| distance(place) < REACH);
        let nearest = near.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
        nearest.map(|(it, _)| Rc::clone(&it.flight))
    }

    /// The member under the pointer.
    pub(crate) fn member_at(&self, point: Point) -> Option<String> {
        let (width, height) = self.size().extent();
        let inside = |place: &Point| {
            (place.x - point.x).abs() <= width / 2.0 && (place.y - point.y).abs() <= height / 2.0
        };
        self.places.iter().find(|(_, place)| inside(place)).map(|(host, _)| host.clone())
    }

    /// The members inside a lasso.
    pub(crate) fn members_in(&self, a: Point, b: Point) -> Vec<String> {
        let between =
            |value: f64, one: f64, other: f64| (one.min(other)..=one.max(other)).contains(&value);
        let inside = |place: &Point| between(place.x, a.x, b.x) && between(place.y, a.y, b.y);
        self.places
            .iter()
            .filter(|(_, place)| inside(place))
            .map(|(host, _)| host.clone())
            .collect()
    }

    /// Moves the timers' arcs: full when a leader was just heard, empty when it is given up.
    fn turn_arcs(&self) {
        for (host, (from, until)) in self.timers.iter() {
            let Some(arc) = platform::by_id(&format!("arc-{host}")) else { continue };
            let whole = until.saturating_sub(*from).max(1) as f64;
            let left = until.saturating_sub(self.now_us) as f64 / whole;
            let shown = if *until == 0 { 0.0 } else { left.clamp(0.0, 1.0) * 100.0 };
            let value = format!("{} 100", shown as u32);
            if arc.get_attribute("stroke-dasharray").as_deref() != Some(&value) {
                arc.set_attribute("stroke-dasharray", &value).expect("the name is an attribute's");
            }
        }
    }

    fn frame(&mut self, wall_ms: f64) {
        self.wall_ms = wall_ms;
        self.flights.sweep(wall_ms, self.now_us);
        if !self.away {
            self.turn_arcs();
            self.draw();
        }
    }
}

/// The animation routine; it ends when this is dropped.
pub(crate) struct Stage {
    _frame: Rc<RefCell<Option<AnimationFrame>>>,
}

impl Stage {
    /// Draws `scene` from now on, telling `begins` the wall time of each frame.
    pub(crate) fn start(scene: Rc<RefCell<Scene>>, begins: Callback<f64>) -> Stage {
        let slot = Rc::new(RefCell::new(None));
        next_frame(Rc::clone(&slot), scene, begins);
        Stage { _frame: slot }
    }
}

type Slot = Rc<RefCell<Option<AnimationFrame>>>;

fn next_frame(slot: Slot, scene: Rc<RefCell<Scene>>, begins: Callback<f64>) {
    let again = Rc::downgrade(&slot);
    let frame = request_animation_frame(move |wall_ms| {
        begins.emit(wall_ms);
        scene.borrow_mut().frame(wall_ms);
        if let Some(slot) = again.upgrade() {
            next_frame(slot, scene, begins);
        }
    });
    *slot.borrow_mut() = Some(frame);
}
