//! What is drawn: pure functions from what is known to markup, messages out, one file each.
//!
//! They are functions and not Yew components on purpose: the app is the only component, and
//! each further one would add about two kilobytes to the download.
//!
//! [`PANELS`] is the table of the facts' tabs; a new tab is a file, a `mod` line and a row.

use lab::api::Want;
use web_sys::HtmlSelectElement;
use yew::{Callback, Event, Html, MouseEvent, TargetCast, html};

use crate::clock::Clock;
use crate::msg::Msg;
use crate::stage::Size;
use crate::state::{UiState, View};

pub(crate) mod card;
pub(crate) mod checks;
pub(crate) mod cluster;
pub(crate) mod coach;
pub(crate) mod dialogs;
pub(crate) mod events;
pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod host;
pub(crate) mod icons;
pub(crate) mod keys;
pub(crate) mod legend;
pub(crate) mod lesson;
pub(crate) mod log;
pub(crate) mod message;
pub(crate) mod notices;
pub(crate) mod quorum;
pub(crate) mod shortcuts;
pub(crate) mod terminals;
pub(crate) mod time;
pub(crate) mod tools;
pub(crate) mod topbar;

/// Where messages go.
pub(crate) type Emit = Callback<Msg>;

/// All that a panel may look at.
pub(crate) struct Look<'a> {
    /// The picture.
    pub(crate) view: &'a View,
    /// What the learner chose to look at.
    pub(crate) ui: &'a UiState,
    /// The time controls.
    pub(crate) clock: &'a Clock,
    /// How large cards are.
    pub(crate) size: Size,
    /// Where messages go.
    pub(crate) emit: &'a Emit,
}

impl Look<'_> {
    /// A click that always means the same.
    pub(crate) fn click(&self, msg: impl Fn() -> Msg + 'static) -> Callback<MouseEvent> {
        let emit = self.emit.clone();
        Callback::from(move |_| emit.emit(msg()))
    }

    /// A list to choose from, which goes back to its first entry, its name.
    pub(crate) fn choice(
        &self,
        name: &str,
        entries: Vec<(String, String)>,
        msg: impl Fn(String) -> Msg + 'static,
    ) -> Html {
        let emit = self.emit.clone();
        let onchange = Callback::from(move |event: Event| {
            let list: HtmlSelectElement = event.target_unchecked_into();
            let value = list.value();
            list.set_selected_index(0);
            emit.emit(msg(value));
        });
        let label = name.trim_end_matches('…').to_string();
        html! {
            <select {onchange} aria-label={label}>
                <option value="" selected=true disabled=true>{ name.to_string() }</option>
                { for entries.into_iter().map(|(value, text)| html! { <option key={value.clone()} {value}>{ text }</option> }) }
            </select>
        }
    }
}

/// A term and what it is worth, in a list of such.
pub(crate) fn pair(name: &str, value: String) -> Html {
    html! { <div><dt>{ name.to_string() }</dt><dd>{ value }</dd></div> }
}

/// A button with nothing but an icon.
pub(crate) fn icon_button(sign: &str, name: String, onclick: Callback<MouseEvent>) -> Html {
    html! { <button class="square" aria-label={name.clone()} title={name} {onclick}>{ icons::icon(sign) }</button> }
}

/// A sentence where a panel has nothing to show.
pub(crate) fn empty(sentence: &str) -> Html {
    html! { <p class="empty">{ sentence.to_string() }</p> }
}

/// A tab of the facts.
pub(crate) struct Panel {
    /// Its name in the state and in element ids.
    pub(crate) id: &'static str,
    /// What the tab says.
    pub(crate) label: &'static str,
    /// What the session must compute while it is on screen.
    pub(crate) want: fn(&UiState, &View, &mut Want),
    /// How it is drawn.
    pub(crate) draw: fn(&Look<'_>) -> Html,
}

/// Every tab, in order.
pub(crate) static PANELS: &[Panel] =
    &[events::PANEL, log::PANEL, keys::PANEL, host::PANEL, files::PANEL, checks::PANEL];

/// A tab by its name.
pub(crate) fn panel(id: &str) -> Option<&'static Panel> {
    PANELS.iter().find(|panel| panel.id == id)
}
