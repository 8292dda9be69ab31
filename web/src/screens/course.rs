//! The course: the exercises there are, what was done of them, and the words they use. With a
//! slug in the address it is that exercise, beside its lab.

use lab::api::CourseRow;
use yew::{Html, classes, html};

use super::{COURSE, HEAD, Place, Screen, lesson};
use crate::course::Do;
use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;
use crate::progress::Record;
use crate::state::UiState;
use crate::text;

/// The screen.
pub(super) const SCREEN: Screen = Screen {
    id: COURSE,
    label: "Course",
    title: |ui| match slug(ui) {
        Some(slug) => ui.course.row(slug).map_or("Course".into(), |row| row.title.clone()),
        None => "Course".into(),
    },
    place: |ui| if slug(ui).is_some() { Place::Beside } else { Place::Whole },
    draw: |look| if slug(look.ui).is_some() { lesson::draw(look) } else { list(look) },
    enter: |rest| Some(Msg::Course(Do::Enter(rest.into()))),
};

fn slug(ui: &UiState) -> Option<&str> {
    super::exercise_of(&ui.path)
}

fn list(look: &Look<'_>) -> Html {
    let course = &look.ui.course;
    let Some(rows) = &course.rows else {
        return html! {
            <div class="course">
                <h2 id={HEAD} tabindex="-1">{ "Course" }</h2>
                { waiting(look) }
            </div>
        };
    };
    let done = rows.iter().filter(|row| course.record(&row.slug).done_ms > 0).count();
    html! {
        <div class="course">
            <header>
                <h2 id={HEAD} tabindex="-1">{ "Course" }</h2>
                <p>{ "Every exercise is a cluster of its own. What you did is proved by its state, never by what you typed; where you go wrong you are told why." }</p>
                <p class="sum-of">
                    <progress max={rows.len().to_string()} value={done.to_string()} aria-label="Exercises done"></progress>
                    { format!("{done} of {} done", rows.len()) }
                </p>
            </header>
            { for course.suggested().map(|row| suggestion(row, done == 0)) }
            <ul class="exercises">
                { for rows.iter().map(|row| exercise(row, &course.record(&row.slug))) }
            </ul>
            { legend() }
            <footer>
                <p>{ "Your progress is saved in this browser. A file takes it to another one." }</p>
                <button id="progress-out" class="act" onclick={look.click(|| Msg::Course(Do::Export))}>{ icon("download") }{ "Save progress to a file" }</button>
                <button id="progress-in" class="act" onclick={look.click(|| Msg::Course(Do::Import))} disabled={look.ui.read_only}>{ icon("put") }{ "Load progress from a file" }</button>
            </footer>
            { glossary(look) }
        </div>
    }
}

/// While the exercises are not there.
pub(super) fn waiting(look: &Look<'_>) -> Html {
    match &look.ui.course.failed {
        None => html! { <p class="note" role="status">{ "The exercises are being loaded…" }</p> },
        Some(why) => html! {
            <p class="note" role="alert">{ format!("{why} ") }
                <button class="act" onclick={look.click(|| Msg::Course(Do::Again))}>{ "Try again" }</button></p>
        },
    }
}

fn href(row: &CourseRow) -> String {
    format!("#/{COURSE}/{}", row.slug)
}

fn suggestion(row: &CourseRow, first: bool) -> Html {
    html! {
        <a class="suggestion" id="suggestion" href={href(row)}>
            <small>{ if first { "Begin here" } else { "Next" } }</small>
            <b>{ &row.title }</b>
            <span>{ &row.task }</span>
            <i>{ minutes(row.minutes) }{ icon("play") }</i>
        </a>
    }
}

/// `5 minutes`.
pub(super) fn minutes(minutes: u16) -> String {
    text::plural(u64::from(minutes), "minute")
}

/// A label with what it means.
pub(super) fn label(label: &str) -> Html {
    let means = LABELS.iter().find(|(name, _)| *name == label).map(|(_, means)| *means);
    html! { <b class={format!("label {}", label.to_ascii_lowercase())} title={means}>{ label.to_string() }</b> }
}

/// What the labels mean.
static LABELS: [(&str, &str); 4] = [
    ("START", "for whoever has never heard of it"),
    ("EXAM", "in the words of today's CKA syllabus"),
    ("JOB", "left the syllabus, still the job"),
    ("DEEP", "why it works"),
];

fn legend() -> Html {
    html! {
        <dl class="labels">
            { for LABELS.iter().map(|(name, means)| html! { <div><dt>{ label(name) }</dt><dd>{ *means }</dd></div> }) }
        </dl>
    }
}

fn exercise(row: &CourseRow, record: &Record) -> Html {
    let (state, sign, word) = match record {
        _ if record.done_ms > 0 => ("done", "ok", "done"),
        _ if record.best > 0 => ("begun", "half", "begun"),
        _ => ("", "follower", "not begun"),
    };
    html! {
        <li key={row.slug.as_str()}>
            <a href={href(row)} class={classes!("exercise", state)} data-slug={row.slug.clone()}>
                <span class="mark">{ icon(sign) }<span class="sr">{ word }</span></span>
                <b>{ &row.title }</b>
                { label(&row.label) }
                <span class="task">{ &row.task }</span>
                <span class="so-far">{ so_far(row, record) }</span>
            </a>
        </li>
    }
}

/// What the list says of an exercise on the right: how long it takes, or how far it was done.
fn so_far(row: &CourseRow, record: &Record) -> String {
    let mut said = match record {
        _ if record.done_ms > 0 => {
            format!("{} · {}/{}", day(record.done_ms), record.best, record.of)
        }
        _ if record.best > 0 => format!("{}/{} so far", record.best, record.of),
        _ => return minutes(row.minutes),
    };
    if record.done_ms > 0 && record.par > 0 && record.commands > 0 {
        said.push_str(&format!(
            " · {} (par {})",
            text::plural(u64::from(record.commands), "command"),
            record.par
        ));
    }
    if record.solution {
        said.push_str(" · solution seen");
    }
    said
}

fn day(ms: u64) -> String {
    let date = js_sys::Date::new(&(ms as f64).into());
    String::from(date.to_locale_date_string("default", &wasm_bindgen::JsValue::UNDEFINED))
}

fn glossary(look: &Look<'_>) -> Html {
    let words = &look.ui.course.words;
    if words.is_empty() {
        return Html::default();
    }
    html! {
        <details class="glossary" id="glossary">
            <summary>{ icon("down") }<h3>{ "The words" }</h3></summary>
            <dl>
                { for words.iter().map(|word| html! { <div key={word.names[0].as_str()}><dt>{ &word.names[0] }</dt><dd>{ &word.means }</dd></div> }) }
            </dl>
        </details>
    }
}
