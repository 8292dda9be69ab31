//! Sentences across the page, what is read aloud, and the bar of a tab that only shows.

use yew::{Html, Properties, classes, component, html};

use super::Emit;
use super::icons::icon;
use crate::msg::Msg;
use crate::state::Notice;

/// Props of [`Notices`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// What to say.
    pub(crate) notices: Vec<Notice>,
    /// Read aloud, not shown.
    pub(crate) aloud: String,
    /// This tab only shows the lab.
    pub(crate) read_only: bool,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// The sentences.
#[component]
pub(crate) fn Notices(props: &Props) -> Html {
    html! {
        <>
            <p class="sr" role="log" aria-live="polite" id="aloud">{ &props.aloud }</p>
            if props.read_only {
                <p class="notice" id="read-only" role="status">
                    { icon("people") }
                    <span>{ "This lab is open in another tab, which keeps it. Here you can look, not touch." }</span>
                    <button class="primary" onclick={props.emit.reform(|_| Msg::TakeOver)}>{ "Take over" }</button>
                </p>
            }
            { for props.notices.iter().map(|notice| {
                let id = notice.id;
                html! {
                    <p key={id} class={classes!("notice", notice.bad.then_some("bad"))} role={if notice.bad { "alert" } else { "status" }}>
                        { icon(if notice.bad { "edge" } else { "spark" }) }
                        <span>{ &notice.text }</span>
                        <button class="square" aria-label="Put away" onclick={props.emit.reform(move |_| Msg::Dismiss(id))}>{ icon("close") }</button>
                    </p>
                }
            }) }
        </>
    }
}
