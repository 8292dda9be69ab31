//! The top bar: the name, the seed, time, and what is done with a whole lab.

use yew::{Html, html};

use super::icons::icon;
use super::{Look, icon_button, time};
use crate::msg::Msg;
use crate::screens::{self, Place};
use crate::state::{Dialog, NewLab};

/// The bar.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let ui = look.ui;
    let last = look.view.world.as_ref().and_then(|world| world.last_action.clone());
    let undo_title = match last.filter(|_| ui.undo > 0) {
        Some(action) => format!("Undo: {action} (u)"),
        None => "Nothing to undo".into(),
    };
    let seen = ui.place() != Place::Whole;
    let theme = format!("Theme: {}", ui.theme.word());
    html! {
        <header class="topbar">
            <a class="brand" href="#/" aria-label="Quorum Lab">
                <svg viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" rx="15" /><path d="M32 17 48 45H16Z" /><circle class="top" cx="32" cy="17" r="8" /><circle cx="48" cy="45" r="7" /><circle cx="16" cy="45" r="7" /></svg>
                <h1>{ "Quorum Lab" }</h1>
            </a>
            { screens::navigation(look) }
            { about(look, seen) }
            if seen { { time::draw(look) } }
            <nav class="actions" aria-label="Lab">
                if seen {
                    <button id="undo" onclick={look.click(|| Msg::Undo)} disabled={ui.undo == 0 || ui.read_only}
                        title={undo_title}>{ icon("undo") }<span>{ "Undo" }</span></button>
                    <button id="share" onclick={look.click(|| Msg::Share)} title="A link that rebuilds this very run">
                        { icon("share") }<span>{ "Share" }</span></button>
                }
                { icon_button(ui.theme.word(), theme, look.click(|| Msg::NextTheme)) }
                <button id="menu-button" class="square" popovertarget="menu" aria-label="Menu" title="Menu">{ icon("menu") }</button>
                <div id="menu" popover="auto" class="menu">
                    { item(look, "add", "New lab…", || Msg::Dialog(Some(Dialog::NewLab(NewLab::draw())))) }
                    { item(look, "data", "Saved labs…", || Msg::Dialog(Some(Dialog::Labs(None)))) }
                    <hr />
                    { item(look, "file", "Save to a file", || Msg::SaveFile) }
                    { item(look, "file", "Open a file…", || Msg::OpenFile) }
                    { item(look, "home", "Take it home", || Msg::TakeHome) }
                    <hr />
                    { item(look, "spark", "Coach on or off", || Msg::Coach) }
                    { item(look, "help", if ui.reader { "Terminal speaks: on" } else { "Terminal speaks: off" }, || Msg::Reader) }
                    { item(look, "keyboard", "Keys (?)", || Msg::Dialog(Some(Dialog::Shortcuts))) }
                </div>
            </nav>
        </header>
    }
}

fn item(look: &Look<'_>, sign: &str, label: &'static str, msg: fn() -> Msg) -> Html {
    html! {
        <button popovertarget="menu" popovertargetaction="hide" onclick={look.click(msg)}>
            { icon(sign) }<span>{ label }</span>
        </button>
    }
}

/// Seed, release and whether it is saved.
fn about(look: &Look<'_>, seen: bool) -> Html {
    let Some(world) = &look.view.world else { return Html::default() };
    let saved = match look.ui.saved {
        _ if look.ui.read_only => ("read only", "off"),
        Some(true) => ("saved", "on"),
        Some(false) => ("not saved", "bad"),
        None => ("saving", "off"),
    };
    html! {
        <p class="about">
            if seen {
                <span title="The etcd release on every host">{ format!("etcd {}", world.options.release) }</span>
                <span title="The root of every random draw: the same seed and the same actions give the same run">
                    { "seed " }<b>{ world.options.seed }</b></span>
            }
            <span class={format!("saved {}", saved.1)} id="saved" data-writes={look.ui.writes.to_string()}
                data-checkpoints={look.ui.checkpoints.to_string()}
                title="Everything is saved in this browser as it happens">{ saved.0 }</span>
        </p>
    }
}
