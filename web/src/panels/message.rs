//! The fields of a message that was clicked.

use lab::api::Flight;
use yew::{Html, html};

use super::legend::sign;
use super::{Look, icon_button, pair};
use crate::msg::Msg;
use crate::stage::kinds;
use crate::text;

/// The sheet.
pub(crate) fn draw(look: &Look<'_>, flight: &Flight) -> Html {
    let (family, reply) = kinds::family(flight.kind);
    html! {
        <aside class="message" aria-label="Message" role="status">
            <header>
                { sign(family, reply) }
                <h3>{ kinds::title(flight.kind) }</h3>
                { icon_button("close", "Close".into(), look.click(|| Msg::Flight(None))) }
            </header>
            <p>{ family.means }</p>
            <dl>
                { pair("from → to", format!("{} → {}", flight.from, flight.to)) }
                { pair("sent", text::clock(flight.sent_us)) }
                { pair("on its way", if flight.lost { "lost".into() } else { text::span(flight.arrive_us.saturating_sub(flight.sent_us)) }) }
                if flight.term > 0 { { pair("term", flight.term.to_string()) } }
                { for flight.fields.iter().filter(|(name, _)| !matches!(name.as_str(), "kind" | "term" | "from" | "to")).map(|(name, value)| pair(name, value.clone())) }
            </dl>
        </aside>
    }
}
