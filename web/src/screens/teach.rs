//! Writing an exercise: its text with a check that follows, its proof, its link.

use web_sys::{HtmlInputElement, HtmlTextAreaElement};
use yew::{Html, InputEvent, TargetCast, classes, html};

use super::{HEAD, Place, Screen};
use crate::app::TEXT_ID;
use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;
use crate::teach::{Do, Proof, Teach, frame_of, line_of, parts};
use crate::text;

/// The screen.
pub(super) const SCREEN: Screen = Screen {
    id: "teach",
    label: "Write",
    title: |_| "Write an exercise".into(),
    place: |_| Place::Whole,
    draw,
    enter: |rest| Some(Msg::Teach(Do::Enter(rest.into()))),
};

fn draw(look: &Look<'_>) -> Html {
    let teach = &look.ui.teach;
    let good = teach.row().is_some();
    let entries = look.ui.course.rows.iter().flat_map(|rows| rows.iter());
    let entries = entries.map(|row| (row.slug.clone(), row.title.clone())).collect();
    html! {
        <section class="teach" aria-labelledby={HEAD}>
            <header class="teach-head">
                <div>
                    <h2 id={HEAD} tabindex="-1">{ "Write an exercise" }</h2>
                    <p class="note">{ "One text holds all of it: exercise.toml, and after lines === NAME the other files. It is checked while you write and kept in this browser." }</p>
                </div>
                <div class="teach-tools">
                    <button class="outline" onclick={look.click(|| Msg::Teach(Do::Take(String::new())))}>{ icon("add") }{ "New" }</button>
                    { look.choice("Begin with…", entries, |slug| Msg::Teach(Do::Take(slug))) }
                    <button class="outline" id="teach-open" onclick={look.click(|| Msg::Teach(Do::OpenFile))}>{ icon("file") }{ "Open" }</button>
                    <button class="outline" id="teach-save" onclick={look.click(|| Msg::Teach(Do::Save))}>{ icon("download") }{ "Save" }</button>
                </div>
            </header>
            <div class="teach-body">
                { editor(look, teach) }
                <div class="teach-side">
                    { state(look, teach) }
                    { tries(look, teach, good) }
                    { proof(look, teach.proof.as_ref(), good) }
                    { link(look, teach, good) }
                    { files(look, teach) }
                </div>
            </div>
        </section>
    }
}

fn editor(look: &Look<'_>, teach: &Teach) -> Html {
    let typed = look.emit.reform(|event: InputEvent| {
        let area: HtmlTextAreaElement = event.target_unchecked_into();
        Msg::Teach(Do::Text(area.value()))
    });
    let lines = teach.text.matches('\n').count() + 1;
    let wrong = match &teach.checked {
        Some(Err(why)) => line_of(why),
        _ => None,
    };
    let numbers = (1..).take(lines).map(|number: u32| {
        let class = if wrong == Some(number) { "wrong" } else { "" };
        html! { <span key={number} {class}>{ number }</span> }
    });
    html! {
        <div class="editor">
            <div class="gutter" aria-hidden="true">{ for numbers }</div>
            <textarea id={TEXT_ID} rows={lines.to_string()} wrap="off" spellcheck="false" autocapitalize="off" autocomplete="off"
                aria-label="The text of the exercise" aria-describedby="teach-state" value={teach.text.to_string()} oninput={typed} />
        </div>
    }
}

/// What the session says of the text.
fn state(look: &Look<'_>, teach: &Teach) -> Html {
    match &teach.checked {
        None => html! { <div class="state" id="teach-state" role="status">{ "Looking…" }</div> },
        Some(Ok(row)) => html! {
            <div class="state good" id="teach-state" role="status">{ icon("ok") }
                <p><b>{ &row.title }</b><small>{ format!("{} · {} min · world {} · first terminal on {}", row.label, row.minutes, row.world, row.host) }</small>
                    <span>{ &row.task }</span></p></div>
        },
        Some(Err(why)) => {
            let jump = line_of(why);
            html! {
                <div class="state bad" id="teach-state" role="status">{ icon("edge") }
                    <p><b>{ "Not an exercise yet" }</b><span>{ why }</span>
                        if let Some(line) = jump {
                            <button class="outline" id="teach-jump" onclick={look.click(move || Msg::Teach(Do::Jump(line)))}>{ format!("Go to line {line}") }</button>
                        }</p></div>
            }
        }
    }
}

fn tries(look: &Look<'_>, teach: &Teach, good: bool) -> Html {
    let typed = look.emit.reform(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Msg::Teach(Do::Seed(input.value().parse().unwrap_or(1)))
    });
    html! {
        <div class="paper">
            <h3>{ "Try it" }</h3>
            <div class="row">
                <label class="field"><span>{ "Seed" }</span>
                    <input type="number" min="0" max="4294967295" value={teach.seed.to_string()} oninput={typed} /></label>
                <button class="primary" id="teach-try" disabled={!good} onclick={look.click(|| Msg::Teach(Do::Try))}>{ icon("play") }{ "Begin it" }</button>
            </div>
        </div>
    }
}

fn proof(look: &Look<'_>, proof: Option<&Proof>, good: bool) -> Html {
    let running = proof.is_some_and(|proof| !proof.ended);
    html! {
        <div class="paper">
            <h3>{ "Prove it" }</h3>
            <p class="note">{ "Plays solution.txt on 20 seeds, does nothing, takes every wrong turn and tries every cheat." }</p>
            if let Some(proof) = proof { { proof_state(proof) } }
            if running {
                <button class="outline" id="teach-stop" onclick={look.click(|| Msg::Teach(Do::Stop))}>{ "Stop" }</button>
            } else {
                <button class="outline" id="teach-prove" disabled={!good} onclick={look.click(|| Msg::Teach(Do::Prove))}>{ icon("shield") }{ "Prove it" }</button>
            }
        </div>
    }
}

fn proof_state(proof: &Proof) -> Html {
    let whole = proof.steps > 0 && proof.done == proof.steps;
    let word = match (proof.ended, whole, proof.problems.len()) {
        (true, true, 0) => "It holds what it promises.".into(),
        (true, false, 0) => format!("Stopped after {} of {} steps.", proof.done, proof.steps),
        (true, _, problems) => format!("{} found.", text::plural(problems as u64, "problem")),
        (false, _, _) => format!("{} …", proof.now),
    };
    let class = match (proof.ended, whole && proof.problems.is_empty()) {
        (true, true) => "good",
        (true, false) if !proof.problems.is_empty() => "bad",
        _ => "",
    };
    html! {
        <>
            <progress max={proof.steps.max(1).to_string()} value={proof.done.to_string()} aria-label="Steps of the proof"></progress>
            <p id="teach-proof" class={class} role="status">{ word }</p>
            if !proof.problems.is_empty() {
                <ul class="problems">{ for proof.problems.iter().enumerate().map(|(at, why)| html! { <li key={at}><pre>{ why }</pre></li> }) }</ul>
            }
        </>
    }
}

fn link(look: &Look<'_>, teach: &Teach, good: bool) -> Html {
    let slug = teach.row().map_or("", |row| &row.slug);
    let copied = |label: &'static str, id: &'static str, text: String| {
        let copy = text.clone();
        html! {
            <label class="field copy"><span>{ label }</span>
                <input {id} readonly=true value={text} />
                <button class="outline" onclick={look.click(move || Msg::Teach(Do::Copy(copy.clone())))}>{ "Copy" }</button></label>
        }
    };
    html! {
        <div class="paper">
            <h3>{ "Share it" }</h3>
            if let Some(url) = &teach.link {
                { copied("Link", "teach-link", url.to_string()) }
                { copied("In another page, with the panel", "teach-frame", frame_of(url, slug, true)) }
                { copied("Without it: only cluster and terminal", "teach-frame-bare", frame_of(url, slug, false)) }
                <p class="note">{ "Nothing is stored anywhere: the exercise is in the link itself." }</p>
            } else {
                <p class="note">{ "A link that begins this very exercise, with this seed, in anybody's browser." }</p>
                <button class={classes!("outline")} id="teach-make-link" disabled={!good} onclick={look.click(|| Msg::Teach(Do::Link))}>{ icon("link") }{ "Make a link" }</button>
            }
        </div>
    }
}

fn files(look: &Look<'_>, teach: &Teach) -> Html {
    html! {
        <nav class="paper" aria-label="Files of the exercise">
            <h3>{ "Files" }</h3>
            <ul class="parts">
                { for parts(&teach.text).into_iter().map(|(line, name)| html! {
                    <li key={line}><button onclick={look.click(move || Msg::Teach(Do::Jump(line)))}><code>{ name.to_string() }</code><small>{ format!("line {line}") }</small></button></li>
                }) }
            </ul>
        </nav>
    }
}
