//! The events: what just happened and why, a sentence each, the newest on top.

use std::rc::Rc;

use lab::api::{StoryKind, StoryRow};
use yew::{Html, Properties, component, html};

use super::icons::icon;
use super::{Emit, Panel};
use crate::msg::Msg;
use crate::text;

/// The tab.
pub(super) const PANEL: Panel = Panel {
    id: "events",
    label: "Events",
    want: |_, _, _| {},
    draw: |_, view, emit| html! { <Events story={Rc::clone(&view.story)} emit={emit.clone()} /> },
};

/// Rows drawn at most; older ones are in the session's story.
const ROWS_MAX: usize = 150;

#[derive(Properties, PartialEq)]
struct Props {
    story: Rc<Vec<StoryRow>>,
    emit: Emit,
}

/// Icon, class and name of a kind.
fn look(kind: StoryKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        StoryKind::Action => ("kill", "action", "action"),
        StoryKind::Election => ("leader", "election", "election"),
        StoryKind::Quorum => ("edge", "quorum-row", "quorum"),
        StoryKind::Membership => ("people", "membership", "membership"),
        StoryKind::Process => ("power", "process", "process"),
        StoryKind::Data => ("data", "data", "data"),
        StoryKind::Violation => ("shield", "violation", "violation"),
    }
}

#[component]
fn Events(props: &Props) -> Html {
    if props.story.is_empty() {
        return html! { <p class="empty">{ "Nothing has happened yet. Let time run, or kill somebody." }</p> };
    }
    html! {
        <ol class="story">
            { for props.story.iter().rev().take(ROWS_MAX).map(|row| {
                let (sign, class, name) = look(row.kind);
                let place = row.host.clone().map(|host| {
                    let chosen = host.clone();
                    html! {
                        <button class="where" onclick={props.emit.reform(move |_| Msg::Choose { host: chosen.clone(), add: false })}>{ host }</button>
                    }
                });
                html! {
                    <li key={row.id} {class}>
                        <time>{ text::clock(row.at_us) }</time>
                        <span class="kind" title={name}>{ icon(sign) }<span class="sr">{ name }</span></span>
                        <span class="what">{ for place }{ " " }{ &row.text }</span>
                    </li>
                }
            }) }
        </ol>
    }
}
