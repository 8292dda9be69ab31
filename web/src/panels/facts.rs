//! The facts: tabs of the table [`PANELS`](super::PANELS).

use yew::{Html, KeyboardEvent, Properties, classes, component, html};

use super::{Emit, PANELS, panel};
use crate::msg::Msg;
use crate::platform;
use crate::state::{UiState, View};

/// Props of [`Facts`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The picture.
    pub(crate) view: View,
    /// Which tab is in front, and what it is about.
    pub(crate) ui: UiState,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// The area.
#[component]
pub(crate) fn Facts(props: &Props) -> Html {
    let front = props.ui.panel;
    html! {
        <section class="facts" id="area-facts" aria-label="Facts" tabindex="-1">
            <header class="tabs">
                <div role="tablist" aria-label="Facts" onkeydown={arrows(props)}>
                    { for PANELS.iter().map(|panel| {
                        let on = panel.id == front;
                        html! {
                            <span key={panel.id} class={classes!("tab", on.then_some("on"))}>
                                <button role="tab" id={format!("tab-{}", panel.id)} aria-selected={on.to_string()}
                                    tabindex={if on { "0" } else { "-1" }} aria-controls="facts-body"
                                    onclick={props.emit.reform(|_| Msg::Panel(panel.id))}>{ panel.label }</button>
                            </span>
                        }
                    }) }
                </div>
            </header>
            <div id="facts-body" class={classes!("body", front)} role="tabpanel" aria-labelledby={format!("tab-{front}")} tabindex="0">
                { panel(front).map(|panel| (panel.draw)(&props.ui, &props.view, &props.emit)).unwrap_or_default() }
            </div>
        </section>
    }
}

fn arrows(props: &Props) -> yew::Callback<KeyboardEvent> {
    let (emit, front) = (props.emit.clone(), props.ui.panel);
    yew::Callback::from(move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowRight" => 1,
            "ArrowLeft" => PANELS.len() - 1,
            _ => return,
        };
        let here = PANELS.iter().position(|panel| panel.id == front).unwrap_or(0);
        let next = PANELS[(here + step) % PANELS.len()].id;
        emit.emit(Msg::Panel(next));
        platform::focus(&format!("tab-{next}"));
    })
}
