//! The strip under the terminal: that a command waits for time, or what to try next.

use yew::{Html, html};

use super::icons::icon;
use super::{Look, icon_button, lesson};
use crate::clock;
use crate::coach::{Offer, Scene};
use crate::msg::Msg;

/// The strip.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    if let Some(program) = look.view.running(look.ui.terminal) {
        if look.clock.is_slow() {
            return waiting(look, program);
        }
        if look.clock.resume.is_some() {
            let text = format!("Time passes at x1 until {program} ends.");
            return html! { <aside class="strip" role="status">{ icon("clock") }<span>{ text }</span></aside> };
        }
    }
    if look.ui.course.open.is_some() {
        return lesson::draw(look);
    }
    if look.ui.exam.alone() || look.ui.progress.hidden || look.ui.read_only {
        return Html::default();
    }
    advice(look)
}

fn waiting(look: &Look<'_>, program: &str) -> Html {
    let why = if look.clock.running {
        format!(
            "Time is slow ({}): {program} waits for the world.",
            clock::label(look.clock.per_mille)
        )
    } else {
        format!("Time is paused: {program} waits for the world.")
    };
    html! {
        <aside class="strip waiting" id="strip" role="status">
            { icon("clock") }<span>{ why }</span>
            <button class="primary" onclick={look.click(|| Msg::Lend)}>{ "Go on at x1 until it ends" }</button>
        </aside>
    }
}

fn advice(look: &Look<'_>) -> Html {
    let scene = Scene { view: look.view };
    let (sentence, offer) = look.ui.progress.sentence(&scene);
    let (done, all) = look.ui.progress.count();
    html! {
        <aside class="strip coach" id="coach" aria-label="Coach">
            { icon("spark") }<span>{ sentence }</span>
            { offered(look, offer) }
            { tour(look) }
            if scene.is_tour() { <small title="Steps of the tour done">{ format!("{done}/{all}") }</small> }
            { icon_button("close", "Put the coach away (it comes back from the menu)".into(), look.click(|| Msg::Coach)) }
        </aside>
    }
}

/// For who has done nothing of the course yet: where to begin.
fn tour(look: &Look<'_>) -> Html {
    if look.ui.course.records.iter().next().is_some() {
        return Html::default();
    }
    html! { <a class="act" id="tour" href="#/course/first-tour">{ "New here? Take the first tour" }</a> }
}

fn offered(look: &Look<'_>, offer: Offer) -> Html {
    let (label, msg): (String, Box<dyn Fn() -> Msg>) = match offer {
        Offer::Nothing => return Html::default(),
        Offer::Type(line) => ("Type it".into(), Box::new(move || Msg::TypeText(line.clone()))),
        Offer::Sim(line) => (format!("sim {line}"), Box::new(move || Msg::Sim(line.clone()))),
        Offer::Speed(speed) => (clock::label(speed), Box::new(move || Msg::Speed(speed))),
    };
    html! { <button class="primary" onclick={look.click(msg)}>{ label }</button> }
}
