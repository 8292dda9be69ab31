//! The legend: which shape and colour is which message, and that they are drawn slowed down.

use yew::{Html, html};

use super::Look;
use crate::clock::REAL;
use crate::stage::kinds::{FAMILIES, Family, Shape};

/// From this speed on a message needs longer than it is drawn at least.
const TRUE_TO_TIME: u32 = REAL / 1000;

/// The legend, folded away behind its title.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let pace = if look.clock.per_mille > TRUE_TO_TIME {
        "drawn slower than real: a hop takes 0.5 ms"
    } else {
        "drawn at the world's own pace"
    };
    html! {
        <details class="legend">
            <summary><span>{ "Messages" }</span><small>{ pace }</small></summary>
            <ul>
                { for FAMILIES.iter().map(|family| html! {
                    <li key={family.name}>{ sign(family, false) }{ sign(family, true) }
                        <span><b>{ family.label }</b>{ " " }{ family.means }</span></li>
                }) }
                <li class="note">{ "Filled is a request, hollow its reply. Click a message to read its fields." }</li>
            </ul>
        </details>
    }
}

/// A family's shape as a small picture.
pub(super) fn sign(family: &Family, reply: bool) -> Html {
    let path = match family.shape {
        Shape::Square => "M3 3h10v10H3z",
        Shape::Dot => "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
        Shape::Triangle => "M8 2.5 14 13H2z",
        Shape::Hexagon => "M8 1.5 13.5 4.7v6.6L8 14.5l-5.5-3.2V4.7z",
        Shape::Diamond => "M8 2l6 6-6 6-6-6z",
        Shape::Arrow => "M3 2.5 13.5 8 3 13.5z",
        Shape::Pill => "M5 4.5h6a3.5 3.5 0 0 1 0 7H5a3.5 3.5 0 0 1 0-7z",
    };
    let class = format!("sign m-{}{}", family.name, if reply { " reply" } else { "" });
    html! { <svg {class} viewBox="0 0 16 16" aria-hidden="true"><path d={path} /></svg> }
}
