//! The cluster: the stage with its cards, and the pointer's and the keyboard's ways over it.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, KeyboardEvent, PointerEvent, ResizeObserver};
use yew::{Html, NodeRef, Properties, component, html, use_effect_with, use_node_ref};

use super::Emit;
use super::card::Card;
use super::icons::icon;
use super::legend::Legend;
use super::message::Message;
use super::tools::Tools;
use crate::msg::Msg;
use crate::platform;
use crate::stage::{Gesture, Point, Scene};
use crate::state::{UiState, View};

/// The scene as a prop: it is always the same one.
#[derive(Clone)]
pub(crate) struct SceneRef(pub(crate) Rc<RefCell<Scene>>);

impl PartialEq for SceneRef {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Props of [`Cluster`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The picture.
    pub(crate) view: View,
    /// What is chosen.
    pub(crate) ui: UiState,
    /// The speed in thousandths, for the legend.
    pub(crate) per_mille: u32,
    /// The stage.
    pub(crate) scene: SceneRef,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// The area.
#[component]
pub(crate) fn Cluster(props: &Props) -> Html {
    let stage = use_node_ref();
    use_size(&stage, &props.emit);
    use_pointer(&stage, &props.scene, &props.emit);
    let scene = props.scene.0.borrow();
    let size = scene.size();
    drop(scene);
    let ring = props.view.ring();
    let chosen = &props.ui.chosen;
    let in_order = ring.iter().find(|card| chosen.contains(&card.host)).or(ring.first());
    let in_order = in_order.map(|card| card.host.clone());
    let hosts: Vec<String> = ring.iter().map(|card| card.host.clone()).collect();
    html! {
        <section class="cluster" id="area-cluster" aria-label="Cluster" tabindex="-1">
            <div class="stage" ref={stage}>
                <canvas id="stage-canvas" aria-hidden="true"></canvas>
                <div class="ring" role="group" aria-label="Members: arrow keys move, Enter chooses"
                    onkeydown={arrows(hosts, props)}>
                    { for ring.iter().map(|card| html! {
                        <Card key={card.host.as_str()} card={(*card).clone()} quorum={props.view.quorum.clone()} {size}
                            chosen={chosen.contains(&card.host)} in_tab_order={in_order.as_deref() == Some(card.host.as_str())}
                            emit={props.emit.clone()} />
                    }) }
                </div>
                if let Some(flight) = &props.ui.flight {
                    <Message flight={Rc::clone(flight)} emit={props.emit.clone()} />
                }
                <Legend per_mille={props.per_mille} />
                { said(&props.ui) }
                <Tools view={props.view.clone()} chosen={chosen.clone()} read_only={props.ui.read_only}
                    emit={props.emit.clone()} />
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
fn arrows(hosts: Vec<String>, props: &Props) -> yew::Callback<KeyboardEvent> {
    let emit = props.emit.clone();
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

#[yew::hook]
fn use_size(stage: &NodeRef, emit: &Emit) {
    let emit = emit.clone();
    use_effect_with(stage.clone(), move |stage| {
        let element = stage.cast::<Element>();
        let watched = element.clone();
        let tell = Closure::<dyn FnMut()>::new(move || {
            if let Some(element) = &watched {
                let (width, height) = (element.client_width(), element.client_height());
                emit.emit(Msg::StageSize(f64::from(width), f64::from(height)));
            }
        });
        let observer = ResizeObserver::new(tell.as_ref().unchecked_ref()).ok();
        if let (Some(observer), Some(element)) = (&observer, &element) {
            observer.observe(element);
        }
        move || {
            if let Some(observer) = observer {
                observer.disconnect();
            }
            drop(tell);
        }
    });
}

/// Where a press began, and on what.
#[derive(Clone)]
struct Press {
    at: Point,
    host: Option<String>,
    pointer: i32,
}

/// A press on the stage is a lasso, a press on a member a line to another; a short press on
/// the stage picks a message.
#[yew::hook]
fn use_pointer(stage: &NodeRef, scene: &SceneRef, emit: &Emit) {
    let (scene, emit) = (scene.clone(), emit.clone());
    use_effect_with(stage.clone(), move |stage| {
        let element = stage.cast::<Element>();
        let listeners = element.map(|element| listen(&element, scene, emit));
        move || drop(listeners)
    });
}

/// A pointer that moved less than this only pressed.
const STILL: f64 = 6.0;

fn listen(element: &Element, scene: SceneRef, emit: Emit) -> [EventListener; 4] {
    let press: Rc<RefCell<Option<Press>>> = Rc::default();
    let on = |kind: &'static str, handle: Rc<dyn Fn(&PointerEvent, Point)>| {
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
        let (press, scene) = (Rc::clone(&press), scene.clone());
        move |event: &PointerEvent, at: Point| {
            if event.button() == 0 && on_stage(event) {
                let host = scene.0.borrow().member_at(at);
                *press.borrow_mut() = Some(Press { at, host, pointer: event.pointer_id() });
            }
        }
    };
    let moved = {
        let (press, scene) = (Rc::clone(&press), scene.clone());
        move |event: &PointerEvent, at: Point| {
            let Some(press) = press.borrow().clone() else { return };
            let far = (press.at.x - at.x).hypot(press.at.y - at.y) > STILL;
            // A finger on the empty stage scrolls the page; lassos are drawn with a mouse.
            if press.pointer != event.pointer_id() || !far {
                return;
            }
            scene.0.borrow_mut().gesture = Some(match press.host {
                Some(host) => Gesture::Line(host, at),
                None => Gesture::Lasso(press.at, at),
            });
        }
    };
    let up = {
        let (press, scene) = (Rc::clone(&press), scene.clone());
        move |_: &PointerEvent, at: Point| {
            let Some(press) = press.borrow_mut().take() else { return };
            let gesture = scene.0.borrow_mut().gesture.take();
            if let Some(msg) = meaning(&scene, gesture, &press, at) {
                emit.emit(msg);
            }
        }
    };
    let cancel = move |_: &PointerEvent, _: Point| {
        press.borrow_mut().take();
        scene.0.borrow_mut().gesture = None;
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
    target.is_some_and(|it| {
        it.closest(".tools, .legend, .message, .said").ok().flatten().is_none()
    })
}

fn meaning(scene: &SceneRef, gesture: Option<Gesture>, press: &Press, at: Point) -> Option<Msg> {
    let scene = scene.0.borrow();
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
