//! The checkers: what is promised, and how often it was looked at.

use yew::{Html, html};

use super::icons::icon;
use super::{Look, Panel, empty};
use crate::text;

/// The tab.
pub(super) const PANEL: Panel = Panel { id: "checks", label: "Checks", want: |_, _, _| {}, draw };

fn draw(look: &Look<'_>) -> Html {
    let Some(checks) = &look.view.checks else {
        return empty("The checkers have not looked yet.");
    };
    html! {
        <>
            if let Some(found) = &checks.violation {
                <p class="verdict bad">{ icon("edge") }<span>{ found }</span></p>
            } else {
                <p class="verdict good">{ icon("shield") }
                    <span><b>{ "0 broken promises" }</b>{ format!(" in {}, {} acknowledged and {} answered.",
                        text::plural(checks.events, "event"), text::plural(checks.writes, "write"), text::plural(checks.reads, "linearizable read")) }</span></p>
            }
            <ul class="checks">
                { for checks.checks.iter().map(|(name, looks, promise)| html! {
                    <li key={name.as_str()}>{ icon("ok") }<span>{ promise }<small>{ name }</small></span><b title="Times it looked">{ text::count(*looks) }</b></li>
                }) }
            </ul>
        </>
    }
}
