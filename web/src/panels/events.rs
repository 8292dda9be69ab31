//! The events: what just happened and why, a sentence each, the newest on top.

use lab::api::StoryKind;
use yew::{Html, html};

use super::icons::icon;
use super::{Look, Panel, empty};
use crate::msg::Msg;
use crate::text;

/// The tab.
pub(super) const PANEL: Panel = Panel { id: "events", label: "Events", want: |_, _, _| {}, draw };

/// Rows drawn at most; older ones are in the session's story.
const ROWS_MAX: usize = 150;

/// Icon, class and name of a kind.
fn sign(kind: StoryKind) -> (&'static str, &'static str, &'static str) {
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

fn draw(look: &Look<'_>) -> Html {
    let story = &look.view.story;
    if story.is_empty() {
        return empty("Nothing has happened yet. Let time run, or kill somebody.");
    }
    html! {
        <ol class="story">
            { for story.iter().rev().take(ROWS_MAX).map(|row| {
                let (drawn, class, name) = sign(row.kind);
                let place = row.host.clone().filter(|host| !row.text.contains(host.as_str())).map(|host| {
                    let chosen = host.clone();
                    html! {
                        <button class="where" onclick={look.click(move || Msg::Choose { host: chosen.clone(), add: false })}>{ host }</button>
                    }
                });
                html! {
                    <li key={row.id} {class}>
                        <time>{ text::clock(row.at_us) }</time>
                        <span class="kind" title={name}>{ icon(drawn) }<span class="sr">{ name }</span></span>
                        <span class="what">{ for place }{ " " }{ &row.text }</span>
                    </li>
                }
            }) }
        </ol>
    }
}
