//! The fields of a message that was clicked.

use std::rc::Rc;

use lab::api::Flight;
use yew::{Html, Properties, component, html};

use super::Emit;
use super::icons::icon;
use super::legend::sign;
use crate::msg::Msg;
use crate::stage::kinds;
use crate::text;

/// Props of [`Message`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The message.
    pub(crate) flight: Rc<Flight>,
    /// Where messages of the page go.
    pub(crate) emit: Emit,
}

/// The sheet.
#[component]
pub(crate) fn Message(props: &Props) -> Html {
    let flight = &props.flight;
    let (family, reply) = kinds::family(flight.kind);
    let row = |name: &str, value: String| html! { <div><dt>{ name.to_string() }</dt><dd>{ value }</dd></div> };
    html! {
        <aside class="message" aria-label="Message" role="status">
            <header>
                { sign(family, reply) }
                <h3>{ kinds::title(flight.kind) }</h3>
                <button class="square" aria-label="Close" onclick={props.emit.reform(|_| Msg::Flight(None))}>{ icon("close") }</button>
            </header>
            <p>{ family.means }</p>
            <dl>
                { row("from → to", format!("{} → {}", flight.from, flight.to)) }
                { row("sent", text::clock(flight.sent_us)) }
                { row("on its way", if flight.lost { "lost".into() } else { text::span(flight.arrive_us.saturating_sub(flight.sent_us)) }) }
                if flight.term > 0 { { row("term", flight.term.to_string()) } }
                { for flight.fields.iter().filter(|(name, _)| name != "term" && name != "from" && name != "to").map(|(name, value)| row(name, value.clone())) }
            </dl>
        </aside>
    }
}
