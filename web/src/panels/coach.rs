//! The strip under the terminal: that a command waits for time, or what to try next.

use yew::{Html, Properties, component, html};

use super::Emit;
use super::icons::icon;
use crate::clock::{self, Clock};
use crate::coach::{Offer, Scene};
use crate::msg::Msg;
use crate::state::{UiState, View};

/// Props of [`Coach`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The picture.
    pub(crate) view: View,
    /// What is in front, and how far the learner has come.
    pub(crate) ui: UiState,
    /// Whether time is slow.
    pub(crate) clock: Clock,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// The strip.
#[component]
pub(crate) fn Coach(props: &Props) -> Html {
    if let Some(program) = props.view.running(props.ui.terminal) {
        if props.clock.is_slow() {
            return waiting(props, program);
        }
        if props.clock.resume.is_some() {
            return html! {
                <p class="strip" role="status">{ icon("clock") }
                    <span>{ format!("Time passes at x1 until {program} ends.") }</span></p>
            };
        }
    }
    if props.ui.progress.hidden || props.ui.read_only {
        return Html::default();
    }
    advice(props)
}

fn waiting(props: &Props, program: &str) -> Html {
    let why = if props.clock.running {
        format!("Time is slow ({}): {program} waits for the world.", clock::label(props.clock.per_mille))
    } else {
        format!("Time is paused: {program} waits for the world.")
    };
    html! {
        <p class="strip waiting" id="strip" role="status">
            { icon("clock") }<span>{ why }</span>
            <button class="primary" onclick={props.emit.reform(|_| Msg::Lend)}>{ "Go on at x1 until it ends" }</button>
        </p>
    }
}

fn advice(props: &Props) -> Html {
    let scene = Scene { view: &props.view };
    let (sentence, offer) = props.ui.progress.sentence(&scene);
    let (done, all) = props.ui.progress.count();
    html! {
        <p class="strip coach" id="coach">
            { icon("spark") }<span>{ sentence }</span>
            { offered(props, offer) }
            <small title="Steps of the tour done">{ format!("{done}/{all}") }</small>
            <button class="square" aria-label="Put the coach away" title="Put the coach away (in the menu it comes back)"
                onclick={props.emit.reform(|_| Msg::Coach)}>{ icon("close") }</button>
        </p>
    }
}

fn offered(props: &Props, offer: Offer) -> Html {
    match offer {
        Offer::Nothing => Html::default(),
        Offer::Type(line) => {
            let onclick = props.emit.reform({
                let line = line.clone();
                move |_| Msg::TypeText(line.clone())
            });
            html! { <button class="primary" {onclick}>{ "Type it" }</button> }
        }
        Offer::Sim(line) => {
            let onclick = props.emit.reform({
                let line = line.clone();
                move |_| Msg::Sim(line.clone())
            });
            html! { <button class="primary" {onclick}><code>{ format!("sim {line}") }</code></button> }
        }
        Offer::Speed(speed) => html! {
            <button class="primary" onclick={props.emit.reform(move |_| Msg::Speed(speed))}>{ clock::label(speed) }</button>
        },
    }
}
