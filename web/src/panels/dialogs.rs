//! What lies over the page: new lab, saved labs, share link, an incoming lab, the keys.

use std::rc::Rc;

use web_sys::{HtmlDialogElement, HtmlInputElement, SubmitEvent};
use yew::{
    Callback, Html, Properties, TargetCast, component, html, use_effect_with, use_node_ref,
    use_state_eq,
};

use super::icons::icon;
use super::{Emit, shortcuts};
use crate::msg::Msg;
use crate::platform;
use crate::state::{Dialog, Incoming};
use crate::store::LabRow;
use crate::text;

/// Props of [`Dialogs`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// What lies over the page.
    pub(crate) dialog: Option<Dialog>,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// The dialog, if there is one: the browser keeps the keyboard inside it.
#[component]
pub(crate) fn Dialogs(props: &Props) -> Html {
    let place = use_node_ref();
    use_effect_with((place.clone(), props.dialog.is_some()), |(place, open)| {
        if let Some(dialog) = place.cast::<HtmlDialogElement>() {
            match *open {
                true if !dialog.open() => drop(dialog.show_modal()),
                false => dialog.close(),
                true => {}
            }
        }
    });
    let closed = props.emit.reform(|_: yew::Event| Msg::Dialog(None));
    let (title, body) = match &props.dialog {
        None => ("", Html::default()),
        Some(Dialog::Shortcuts) => ("Keys", shortcuts::list()),
        Some(Dialog::NewLab) => ("New lab", html! { <NewLab emit={props.emit.clone()} /> }),
        Some(Dialog::Labs(labs)) => ("Saved labs", saved(labs.as_ref(), &props.emit)),
        Some(Dialog::Open(incoming)) => ("Open this lab?", incoming_lab(incoming, &props.emit)),
        Some(Dialog::Share { url, copied }) => ("Share link", share(url, *copied, &props.emit)),
    };
    html! {
        <dialog ref={place} onclose={closed} aria-labelledby="dialog-title">
            if props.dialog.is_some() {
                <header>
                    <h2 id="dialog-title">{ title }</h2>
                    <button class="square" aria-label="Close" onclick={props.emit.reform(|_| Msg::Dialog(None))}>{ icon("close") }</button>
                </header>
                { body }
            }
        </dialog>
    }
}

#[derive(Properties, PartialEq)]
struct NewLabProps {
    emit: Emit,
}

/// How many members, and which seed.
#[component]
fn NewLab(props: &NewLabProps) -> Html {
    let members = use_state_eq(|| 3_u8);
    let seed = use_state_eq(|| platform::draw(9999) + 1);
    let onsubmit = {
        let (members, seed) = (*members, *seed);
        props.emit.reform(move |event: SubmitEvent| {
            event.prevent_default();
            Msg::NewLab { members, seed: u64::from(seed) }
        })
    };
    let typed = {
        let seed = seed.clone();
        Callback::from(move |event: yew::InputEvent| {
            let input: HtmlInputElement = event.target_unchecked_into();
            if let Ok(number) = input.value().parse() {
                seed.set(number);
            }
        })
    };
    let count = *members;
    let quorum = count / 2 + 1;
    html! {
        <form {onsubmit}>
            <fieldset>
                <legend>{ "Members at the start" }</legend>
                <div class="choices">
                    { for (1..=9_u8).map(|number| {
                        let set = members.setter();
                        html! {
                            <label key={number}><input type="radio" name="members" value={number.to_string()} checked={number == count}
                                onchange={move |_| set.set(number)} /><span>{ number }</span></label>
                        }
                    }) }
                </div>
                <p class="note">{ format!("quorum ⌊{count}/2⌋ + 1 = {quorum}, so it can lose {}", count - quorum) }</p>
            </fieldset>
            <label class="field"><span>{ "Seed" }</span>
                <input type="number" min="0" max="4294967295" value={seed.to_string()} oninput={typed} inputmode="numeric" /></label>
            <p class="note">{ "The same seed and the same actions give the same run, to the microsecond. The present lab stays among the saved ones." }</p>
            <footer><button class="primary" type="submit">{ "Start it" }</button></footer>
        </form>
    }
}

fn saved(labs: Option<&Rc<[LabRow]>>, emit: &Emit) -> Html {
    let Some(labs) = labs else { return html! { <p class="note">{ "Reading…" }</p> } };
    if labs.is_empty() {
        return html! { <p class="note">{ "Nothing is saved in this browser." }</p> };
    }
    html! {
        <ul class="labs">
            { for labs.iter().map(|lab| {
                let (open, delete) = (lab.name.clone(), lab.name.clone());
                html! {
                    <li key={lab.name.as_str()}>
                        <button onclick={emit.reform(move |_| Msg::OpenLab(open.clone()))}>
                            <b>{ text::plural(u64::from(lab.options.members), "member") }</b>
                            <span>{ format!("etcd {}, seed {}, at {}", lab.options.release, lab.options.seed, text::clock(lab.now_us)) }</span>
                            <small>{ date(lab.saved_ms) }</small>
                        </button>
                        <button class="square" aria-label="Delete this lab" title="Delete" onclick={emit.reform(move |_| Msg::DeleteLab(delete.clone()))}>{ icon("remove") }</button>
                    </li>
                }
            }) }
        </ul>
    }
}

fn date(ms: f64) -> String {
    let date = js_sys::Date::new(&ms.into());
    String::from(date.to_locale_string("default", &wasm_bindgen::JsValue::UNDEFINED))
}

fn incoming_lab(incoming: &Rc<Incoming>, emit: &Emit) -> Html {
    let recipe = &incoming.recipe;
    html! {
        <>
            <p>{ format!("It holds a cluster that began with {}, etcd {}, seed {}, and {} up to {}.",
                text::plural(u64::from(recipe.options.members), "member"), recipe.options.release, recipe.options.seed,
                text::plural(recipe.inputs.len() as u64, "action"), text::clock(recipe.until_us)) }</p>
            <p class="note">{ "Your present lab is kept: you find it under Saved labs." }</p>
            <footer>
                <button onclick={emit.reform(|_| Msg::Dialog(None))}>{ "Keep what I have" }</button>
                <button class="primary" id="open-incoming" onclick={emit.reform(|_| Msg::OpenIncoming)}>{ "Open it" }</button>
            </footer>
        </>
    }
}

fn share(url: &str, copied: bool, emit: &Emit) -> Html {
    let copy = {
        let (url, emit) = (url.to_string(), emit.clone());
        Callback::from(move |_| {
            let (url, emit) = (url.clone(), emit.clone());
            wasm_bindgen_futures::spawn_local(async move {
                let done = wasm_bindgen_futures::JsFuture::from(platform::browser::copy(&url)).await;
                emit.emit(Msg::Copied(done.is_ok_and(|it| it.is_truthy())));
            });
        })
    };
    html! {
        <>
            <p>{ "Who opens it gets this very run: the same cluster, the same actions, at the same virtual times." }</p>
            <input class="url" readonly=true value={url.to_string()} aria-label="Share link" id="share-url" />
            <p class="note">{ format!("{} characters. Nothing is stored anywhere: the run is in the link itself.", text::count(url.len() as u64)) }</p>
            <footer><button class="primary" onclick={copy}>{ if copied { "Copied" } else { "Copy" } }</button></footer>
        </>
    }
}
