//! The top bar: the name, the seed, time, and what is done with a whole lab.

use std::rc::Rc;

use lab::api::WorldView;
use yew::{Html, Properties, component, html};

use super::Emit;
use super::icons::icon;
use super::time::Time;
use crate::clock::Clock;
use crate::msg::Msg;
use crate::state::{Dialog, Theme};

/// Props of [`TopBar`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// Facts of the world.
    pub(crate) world: Option<Rc<WorldView>>,
    /// The time controls.
    pub(crate) clock: Clock,
    /// Light or dark.
    pub(crate) theme: Theme,
    /// Actions that can be taken back.
    pub(crate) undo: usize,
    /// Whether the last save came through.
    pub(crate) saved: Option<bool>,
    /// This tab only shows the lab.
    pub(crate) read_only: bool,
    /// Whether terminals speak to screen readers.
    pub(crate) reader: bool,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// The bar.
#[component]
pub(crate) fn TopBar(props: &Props) -> Html {
    let emit = &props.emit;
    let dialog = |dialog: Dialog| emit.reform(move |_| Msg::Dialog(Some(dialog.clone())));
    let last = props.world.as_ref().and_then(|world| world.last_action.clone());
    let undo_title = match last.filter(|_| props.undo > 0) {
        Some(action) => format!("Undo: {action} (u)"),
        None => "Nothing to undo".into(),
    };
    html! {
        <header class="topbar">
            <a class="brand" href="./" aria-label="Quorum Lab">
                <svg viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" rx="15" /><path d="M32 17 48 45H16Z" /><circle class="top" cx="32" cy="17" r="8" /><circle cx="48" cy="45" r="7" /><circle cx="16" cy="45" r="7" /></svg>
                <span>{ "Quorum Lab" }</span>
            </a>
            { about(props) }
            <Time per_mille={props.clock.per_mille} running={props.clock.running}
                stopped={props.read_only} emit={emit.clone()} />
            <nav class="actions" aria-label="Lab">
                <button id="undo" onclick={emit.reform(|_| Msg::Undo)} disabled={props.undo == 0 || props.read_only}
                    title={undo_title}>{ icon("undo") }<span>{ "Undo" }</span></button>
                <button id="share" onclick={emit.reform(|_| Msg::Share)} title="A link that rebuilds this very run">
                    { icon("share") }<span>{ "Share" }</span></button>
                <button id="theme" class="square" onclick={emit.reform(|_| Msg::NextTheme)}
                    aria-label={format!("Theme: {}", props.theme.word())}
                    title={format!("Theme: {}", props.theme.word())}>{ icon(props.theme.word()) }</button>
                <button id="menu-button" class="square" popovertarget="menu" aria-label="Menu" title="Menu">{ icon("menu") }</button>
                <div id="menu" popover="auto" class="menu">
                    { item("add", "New lab…", dialog(Dialog::NewLab), "") }
                    { item("data", "Saved labs…", dialog(Dialog::Labs(None)), "") }
                    <hr />
                    { item("file", "Save to a file", emit.reform(|_| Msg::SaveFile), "") }
                    { item("file", "Open a file…", emit.reform(|_| Msg::OpenFile), "") }
                    <hr />
                    { item("spark", "Coach on or off", emit.reform(|_| Msg::Coach), "") }
                    { item("help", if props.reader { "Terminal speaks: on" } else { "Terminal speaks: off" },
                        emit.reform(|_| Msg::Reader), "") }
                    { item("keyboard", "Keys", dialog(Dialog::Shortcuts), "?") }
                </div>
            </nav>
        </header>
    }
}

fn item(sign: &str, label: &str, onclick: yew::Callback<yew::MouseEvent>, key: &str) -> Html {
    html! {
        <button popovertarget="menu" popovertargetaction="hide" {onclick}>
            { icon(sign) }<span>{ label }</span>
            if !key.is_empty() { <kbd>{ key }</kbd> }
        </button>
    }
}

/// Seed, release and whether it is saved.
fn about(props: &Props) -> Html {
    let Some(world) = &props.world else { return Html::default() };
    let saved = match props.saved {
        _ if props.read_only => ("read only", "off"),
        Some(true) => ("saved", "on"),
        Some(false) => ("not saved", "bad"),
        None => ("saving", "off"),
    };
    html! {
        <p class="about">
            <span title="The etcd release on every host">{ format!("etcd {}", world.options.release) }</span>
            <span title="The root of every random draw: the same seed and the same actions give the same run">
                { "seed " }<b>{ world.options.seed }</b></span>
            <span class={format!("saved {}", saved.1)} id="saved"
                title="Everything is saved in this browser as it happens">{ saved.0 }</span>
        </p>
    }
}
