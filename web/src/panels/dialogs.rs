//! What lies over the page: new lab, saved labs, share link, an incoming lab, the keys.

use std::rc::Rc;

use web_sys::{HtmlInputElement, SubmitEvent};
use yew::{Callback, Event, Html, InputEvent, TargetCast, html};

use super::{Look, icon_button, shortcuts};
use crate::msg::Msg;
use crate::state::{Dialog, Incoming, NewLab};
use crate::store::LabRow;
use crate::text;

/// The dialog; the app opens it when there is something in it, so that the browser keeps the
/// keyboard inside.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let close = || look.click(|| Msg::Dialog(None));
    let closed = look.emit.reform(|_: Event| Msg::Dialog(None));
    let (title, body) = match &look.ui.dialog {
        None => ("", Html::default()),
        Some(Dialog::Shortcuts) => ("Keys", shortcuts::list()),
        Some(Dialog::NewLab(choices)) => ("New lab", new_lab(look, choices)),
        Some(Dialog::Labs(labs)) => ("Saved labs", saved(look, labs.as_deref())),
        Some(Dialog::Open(incoming)) => ("Open this lab?", incoming_lab(look, incoming)),
        Some(Dialog::Share { url, copied }) => ("Share link", share(look, url, *copied)),
    };
    html! {
        <dialog id="dialog" onclose={closed} aria-labelledby="dialog-title">
            if look.ui.dialog.is_some() {
                <header>
                    <h2 id="dialog-title">{ title }</h2>
                    { icon_button("close", "Close".into(), close()) }
                </header>
                { body }
            }
        </dialog>
    }
}

/// Which world, how many members, which seed.
fn new_lab(look: &Look<'_>, choices: &NewLab) -> Html {
    let (worlds, known) = &look.ui.worlds;
    let chosen = choices.clone();
    let onsubmit = look.emit.reform(move |event: SubmitEvent| {
        event.prevent_default();
        Msg::NewLab(chosen.clone())
    });
    let chosen = choices.clone();
    let typed = look.emit.reform(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        let seed = input.value().parse().unwrap_or(chosen.seed);
        Msg::Dialog(Some(Dialog::NewLab(NewLab { seed, ..chosen.clone() })))
    });
    let members = worlds.get(choices.world).is_none_or(|world| world.members);
    html! {
        <form {onsubmit}>
            <fieldset>
                <legend>{ "World" }</legend>
                <div class="worlds">
                    { for worlds.iter().enumerate().map(|(place, world)| {
                        let set = set(look, NewLab { world: place, ..choices.clone() });
                        html! {
                            <label key={world.name.as_str()}><input type="radio" name="world" value={world.name.clone()} checked={place == choices.world}
                                onchange={set} /><span><b>{ &world.name }</b><small>{ &world.summary }</small></span></label>
                        }
                    }) }
                </div>
                if !known { <p class="note" role="status">{ "Looking for other worlds…" }</p> }
            </fieldset>
            if members { { members_of(look, choices) } }
            <label class="field"><span>{ "Seed" }</span>
                <input type="number" min="0" max="4294967295" value={choices.seed.to_string()} oninput={typed} /></label>
            <p class="note">{ "The same seed and the same actions give the same run, to the microsecond. The present lab stays among the saved ones." }</p>
            <footer><button class="primary" type="submit">{ "Start it" }</button></footer>
        </form>
    }
}

fn set(look: &Look<'_>, choices: NewLab) -> Callback<Event> {
    look.emit.reform(move |_: Event| Msg::Dialog(Some(Dialog::NewLab(choices.clone()))))
}

fn members_of(look: &Look<'_>, choices: &NewLab) -> Html {
    let members = choices.members;
    let quorum = members / 2 + 1;
    html! {
        <fieldset>
            <legend>{ "Members at the start" }</legend>
            <div class="choices">
                { for (1..=9_u8).map(|number| html! {
                    <label key={number}><input type="radio" name="members" value={number.to_string()} checked={number == members}
                        onchange={set(look, NewLab { members: number, ..choices.clone() })} /><span>{ number }</span></label>
                }) }
            </div>
            <p class="note">{ format!("quorum ⌊{members}/2⌋ + 1 = {quorum}, so it can lose {}", members - quorum) }</p>
        </fieldset>
    }
}

fn saved(look: &Look<'_>, labs: Option<&[LabRow]>) -> Html {
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
                        <button onclick={look.click(move || Msg::OpenLab(open.clone()))}>
                            <b>{ text::plural(u64::from(lab.options.members), "member") }</b>
                            <span>{ format!("etcd {}, seed {}, at {}", lab.options.release, lab.options.seed, text::clock(lab.now_us)) }</span>
                            <small>{ date(lab.saved_ms) }</small>
                        </button>
                        { icon_button("remove", "Delete this lab".into(), look.click(move || Msg::DeleteLab(delete.clone()))) }
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

fn incoming_lab(look: &Look<'_>, incoming: &Rc<Incoming>) -> Html {
    let recipe = &incoming.recipe;
    html! {
        <>
            <p>{ format!("It holds a cluster that began with {}, etcd {}, seed {}, and {} up to {}.",
                text::plural(u64::from(recipe.options.members), "member"), recipe.options.release, recipe.options.seed,
                text::plural(recipe.inputs.len() as u64, "action"), text::clock(recipe.until_us)) }</p>
            <p class="note">{ "Your present lab is kept: you find it under Saved labs." }</p>
            <footer>
                <button onclick={look.click(|| Msg::Dialog(None))}>{ "Keep what I have" }</button>
                <button class="primary" id="open-incoming" onclick={look.click(|| Msg::OpenIncoming)}>{ "Open it" }</button>
            </footer>
        </>
    }
}

fn share(look: &Look<'_>, url: &str, copied: bool) -> Html {
    let note = format!(
        "{} characters. Nothing is stored anywhere: the run is in the link itself.",
        text::count(url.len() as u64)
    );
    html! {
        <>
            <p>{ "Who opens it gets this very run: the same cluster, the same actions, at the same virtual times." }</p>
            <input class="url" readonly=true value={url.to_string()} aria-label="Share link" id="share-url" />
            <p class="note">{ note }</p>
            <footer><button class="primary" onclick={look.click(|| Msg::Copy)}>{ if copied { "Copied" } else { "Copy" } }</button></footer>
        </>
    }
}
