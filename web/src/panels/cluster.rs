//! The cluster: the stage with its cards, and the pointer's and the keyboard's ways over it.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, KeyboardEvent, PointerEvent, ResizeObserver};
use yew::{Html, html};

use super::icons::icon;
use super::{Emit, Look, card, legend, message, tools};
use crate::msg::Msg;
use crate::platform;
use crate::stage::{Gesture, Point, Scene};
use crate::state::UiState;

/// The stage as the pointer's handlers share it.
pub(crate) type SceneRef = Rc<RefCell<Scene>>;

/// The area.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let ring = look.view.ring();
    let chosen = &look.ui.chosen;
    let in_order = ring.iter().find(|card| chosen.contains(&card.host)).or(ring.first());
    let in_order = in_order.map(|card| card.host.as_str());
    let mut hosts = Vec::new();
    let mut cards = Vec::new();
    for card in &ring {
        hosts.push(card.host.clone());
        cards.push(card::draw(look, card, in_order == Some(card.host.as_str())));
    }
    html! {
        <section class="cluster" id="area-cluster" aria-label="Cluster" tabindex="-1">
            <div class="stage" id="stage">
                <canvas id="stage-canvas" aria-hidden="true"></canvas>
                <div class="ring" role="group" aria-label="Members: arrow keys move, Enter chooses"
                    onkeydown={arrows(hosts, look)}>{ for cards.into_iter() }</div>
                { for look.ui.flight.as_ref().map(|flight| message::draw(look, flight)) }
                { legend::draw(look) }
                { said(look.ui) }
                { tools::draw(look) }
            </div>
        </section>
    }
}

/// The line the last click stood for: the learner could have typed it.
fn said(ui: &UiState) -> Html {
    let Some(said) = &ui.said else { return Html::default() };
    let class = if said.refused.is_some() { "said bad" } else { "said" };
    html! {
        <p {class} id="said" role="status" key={said.line.clone()}>
            <code>{ &said.line }</code>
            if let Some(why) = &said.refused { <span>{ icon("edge") }{ why }</span> }
        </p>
    }
}

/// Arrow keys go round the ring.
fn arrows(hosts: Vec<String>, look: &Look<'_>) -> yew::Callback<KeyboardEvent> {
    let emit = look.emit.clone();
    yew::Callback::from(move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => 1,
            "ArrowLeft" | "ArrowUp" => hosts.len().saturating_sub(1),
            _ => return,
        };
        let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
        let here = target.and_then(|it| it.get_attribute("data-host"));
        let Some(place) = here.and_then(|here| hosts.iter().position(|host| *host == here)) else {
            return;
        };
        event.prevent_default();
        let host = hosts[(place + step) % hosts.len()].clone();
        platform::focus(&format!("card-{host}"));
        emit.emit(Msg::Choose { host, add: event.shift_key() });
    })
}

/// What watches the stage, as long as it is drawn.
pub(crate) struct StageWatch {
    _pointer: [EventListener; 4],
    _resize: Closure<dyn FnMut()>,
}

impl StageWatch {
    /// Tells the stage's size and what the pointer means on it.
    pub(crate) fn start(scene: SceneRef, emit: Emit) -> Option<StageWatch> {
        let stage = platform::by_id("stage")?;
        let (watched, told) = (stage.clone(), emit.clone());
        let resize = Closure::<dyn FnMut()>::new(move || {
            let (width, height) = (watched.client_width(), watched.client_height());
            told.emit(Msg::StageSize(f64::from(width), f64::from(height)));
        });
        if let Ok(observer) = ResizeObserver::new(resize.as_ref().unchecked_ref()) {
            observer.observe(&stage);
        }
        Some(StageWatch { _pointer: listen(&stage, scene, emit), _resize: resize })
    }
}

/// Where a press began, and on what.
#[derive(Clone)]
struct Press {
    at: Point,
    host: Option<String>,
    pointer: i32,
}

/// A pointer that moved less than this only pressed.
const STILL: f64 = 6.0;

/// What is done with a pointer at a place of the stage.
type Handle = Rc<dyn Fn(&PointerEvent, Point)>;

/// A press on the stage is a lasso, a press on a member a line to another; a short press on
/// the stage picks a message.
fn listen(element: &Element, scene: SceneRef, emit: Emit) -> [EventListener; 4] {
    let press: Rc<RefCell<Option<Press>>> = Rc::default();
    let on = |kind: &'static str, handle: Handle| {
        let stage = element.clone();
        EventListener::new(element, kind, move |event| {
            if let Some(event) = event.dyn_ref::<PointerEvent>() {
                let place = stage.get_bounding_client_rect();
                let x = f64::from(event.client_x()) - place.left();
                let y = f64::from(event.client_y()) - place.top();
                handle(event, Point { x, y });
            }
        })
    };
    let down = {
        let (press, scene) = (Rc::clone(&press), Rc::clone(&scene));
        move |event: &PointerEvent, at: Point| {
            if event.button() == 0 && on_stage(event) {
                let host = scene.borrow().member_at(at);
                *press.borrow_mut() = Some(Press { at, host, pointer: event.pointer_id() });
            }
        }
    };
    let moved = {
        let (press, scene) = (Rc::clone(&press), Rc::clone(&scene));
        move |event: &PointerEvent, at: Point| {
            let Some(press) = press.borrow().clone() else { return };
            let far = press.at.distance(at) > STILL;
            // A finger on the empty stage scrolls the page; lassos are drawn with a mouse.
            if press.pointer != event.pointer_id() || !far {
                return;
            }
            scene.borrow_mut().gesture = Some(match press.host {
                Some(host) => Gesture::Line(host, at),
                None => Gesture::Lasso(press.at, at),
            });
        }
    };
    let up = {
        let (press, scene) = (Rc::clone(&press), Rc::clone(&scene));
        move |_: &PointerEvent, at: Point| {
            let Some(press) = press.borrow_mut().take() else { return };
            let gesture = scene.borrow_mut().gesture.take();
            if let Some(msg) = meaning(&scene, gesture, &press, at) {
                emit.emit(msg);
            }
        }
    };
    let cancel = move |_: &PointerEvent, _: Point| {
        press.borrow_mut().take();
        scene.borrow_mut().gesture = None;
    };
    [
        on("pointerdown", Rc::new(down)),
        on("pointermove", Rc::new(moved)),
        on("pointerup", Rc::new(up)),
        on("pointercancel", Rc::new(cancel)),
    ]
}

/// Whether the press is on the stage or a card, not on a tool that floats above.
fn on_stage(event: &PointerEvent) -> bool {
    let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
    target.is_some_and(|it| it.closest(".tools, .legend, .message, .said").ok().flatten().is_none())
}

fn meaning(scene: &SceneRef, gesture: Option<Gesture>, press: &Press, at: Point) -> Option<Msg> {
    let scene = scene.borrow();
    match gesture {
        Some(Gesture::Lasso(a, b)) => Some(Msg::ChooseAll(scene.members_in(a, b))),
        Some(Gesture::Line(from, _)) => {
            let to = scene.member_at(at).filter(|to| *to != from)?;
            Some(Msg::ChooseAll(vec![from, to]))
        }
        None if press.host.is_some() => None,
        None => match scene.message_at(at) {
            Some(flight) => Some(Msg::Flight(Some(flight))),
            None => Some(Msg::ChooseAll(Vec::new())),
        },
    }
}
