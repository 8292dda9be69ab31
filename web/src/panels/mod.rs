//! What is drawn: pure function components, props in and messages out, one file each.
//!
//! [`PANELS`] is the table of the facts' tabs; a new tab is a file, a `mod` line and a row.

use lab::api::Want;
use yew::{Callback, Html};

use crate::msg::Msg;
use crate::state::{UiState, View};

mod card;
mod checks;
mod cluster;
mod coach;
mod dialogs;
mod events;
mod facts;
mod host;
mod icons;
mod keys;
mod legend;
mod log;
mod message;
mod notices;
mod quorum;
mod shortcuts;
mod terminals;
mod time;
mod tools;
mod topbar;

pub(crate) use cluster::{Cluster, SceneRef};
pub(crate) use coach::Coach;
pub(crate) use dialogs::Dialogs;
pub(crate) use facts::Facts;
pub(crate) use notices::Notices;
pub(crate) use quorum::Quorum;
pub(crate) use shortcuts::message_for;
pub(crate) use terminals::{Terminals, theme as terminal_theme};
pub(crate) use topbar::TopBar;

/// Where messages go.
pub(crate) type Emit = Callback<Msg>;

/// A tab of the facts.
pub(crate) struct Panel {
    /// Its name in the state and in element ids.
    pub(crate) id: &'static str,
    /// What the tab says.
    pub(crate) label: &'static str,
    /// What the session must compute while it is on screen.
    pub(crate) want: fn(&UiState, &View, &mut Want),
    /// How it is drawn.
    pub(crate) draw: fn(&UiState, &View, &Emit) -> Html,
}

/// Every tab, in order.
pub(crate) static PANELS: &[Panel] =
    &[events::PANEL, log::PANEL, keys::PANEL, host::PANEL, checks::PANEL];

/// A tab by its name.
pub(crate) fn panel(id: &str) -> Option<&'static Panel> {
    PANELS.iter().find(|panel| panel.id == id)
}
