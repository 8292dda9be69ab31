//! Sentences across the page, what is read aloud, and the bar of a tab that only shows.

use yew::{Html, classes, html};

use super::icons::icon;
use super::{Look, icon_button};
use crate::msg::Msg;

/// The sentences.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let ui = look.ui;
    html! {
        <>
            <p class="sr" role="log" aria-live="polite" id="aloud">{ &ui.aloud }</p>
            if ui.read_only {
                <p class="notice" id="read-only" role="status">
                    { icon("people") }
                    <span>{ "This lab is open in another tab, which keeps it. Here you can look, not touch." }</span>
                    <button class="primary" onclick={look.click(|| Msg::TakeOver)}>{ "Take over" }</button>
                </p>
            }
            { for ui.notices.iter().map(|notice| {
                let id = notice.id;
                html! {
                    <p key={id} class={classes!("notice", notice.bad.then_some("bad"))} role={if notice.bad { "alert" } else { "status" }}>
                        { icon(if notice.bad { "edge" } else { "spark" }) }
                        <span>{ &notice.text }</span>
                        { icon_button("close", "Put away".into(), look.click(move || Msg::Dismiss(id))) }
                    </p>
                }
            }) }
        </>
    }
}
