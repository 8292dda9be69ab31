//! The facts: tabs of the table [`PANELS`](super::PANELS).

use yew::{Html, KeyboardEvent, classes, html};

use super::{Look, PANELS, panel};
use crate::msg::Msg;
use crate::platform;

/// The area.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let front = look.ui.panel;
    html! {
        <section class="facts" id="area-facts" aria-label="Facts" tabindex="-1">
            <header class="tabs">
                <div role="tablist" aria-label="Facts" onkeydown={arrows(look)}>
                    { for PANELS.iter().map(|panel| {
                        let on = panel.id == front;
                        html! {
                            <span key={panel.id} class={classes!("tab", on.then_some("on"))}>
                                <button role="tab" id={format!("tab-{}", panel.id)} aria-selected={on.to_string()}
                                    tabindex={if on { "0" } else { "-1" }} aria-controls="facts-body"
                                    onclick={look.click(|| Msg::Panel(panel.id))}>{ panel.label }</button>
                            </span>
                        }
                    }) }
                </div>
            </header>
            <div id="facts-body" class="body" role="tabpanel" aria-labelledby={format!("tab-{front}")} tabindex="0">
                { for panel(front).map(|panel| (panel.draw)(look)) }
            </div>
        </section>
    }
}

fn arrows(look: &Look<'_>) -> yew::Callback<KeyboardEvent> {
    let (emit, front) = (look.emit.clone(), look.ui.panel);
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
