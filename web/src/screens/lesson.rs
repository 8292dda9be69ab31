//! An exercise under way: the text beside its lab, what must become true, help.

use lab::api::{CheckView, LessonView, Term};
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::{Html, classes, html};

use super::{COURSE, HEAD, course};
use crate::course::{Do, answer_line, points};
use crate::markdown::Writer;
use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;
use crate::platform;
use crate::progress::Record;
use crate::text;

/// The area beside the lab.
pub(super) fn draw(look: &Look<'_>) -> Html {
    let course = &look.ui.course;
    let lesson = look.view.lesson.as_deref();
    let Some(lesson) = lesson.filter(|it| course.open.as_ref() == Some(&it.slug)) else {
        return html! {
            <section class="lesson" id="area-beside" aria-label="Exercise" tabindex="-1">
                <header><a class="up" href={format!("#/{COURSE}")}>{ icon("left") }{ "All exercises" }</a><h2 id={HEAD} tabindex="-1">{ "Exercise" }</h2></header>
                <div class="body">{ course::waiting(look) }</div>
            </section>
        };
    };
    let record = course.record(&lesson.slug);
    let minutes = course.row(&lesson.slug).map(|row| course::minutes(row.minutes));
    // An author says which words are to be linked: "watch" is a verb, too.
    let own = |term: &&Term| lesson.terms.iter().any(|it| term.names.contains(it));
    let words: Vec<Term> = course.words.iter().filter(own).cloned().collect();
    let mut writer = Writer::new("word", &words);
    let task = writer.line(&lesson.task);
    let text = writer.text(without_title(&lesson.text));
    let checks = checks(lesson, &mut writer);
    let coach = coach(lesson, &mut writer);
    let help = help(look, lesson, &record, &mut writer);
    let done = done(look, lesson, &mut writer);
    let terms: Html = lesson
        .terms
        .iter()
        .map(|term| html! { <li key={term.as_str()}>{ writer.word(term) }</li> })
        .collect();
    html! {
        <section class="lesson" id="area-beside" aria-label="Exercise" tabindex="-1" data-slug={lesson.slug.clone()}
            data-reset-ms={course.reset_ms.map(|ms| ms.to_string())}>
            <header>
                <p><a class="up" href={format!("#/{COURSE}")}>{ icon("left") }{ "All exercises" }</a>
                    { course::label(&lesson.label) }<small>{ minutes }</small></p>
                <h2 id={HEAD} tabindex="-1">{ &lesson.title }</h2>
            </header>
            <div class="body" tabindex="0" role="group" aria-label="Task and checks">
                <p class="task">{ task }</p>
                <div class="prose">{ text }</div>
                { goal(look, lesson) }
                { answers(look, lesson) }
                { checks }
                { done }
                { coach }
                { help }
                if !lesson.terms.is_empty() {
                    <h3>{ "Words" }</h3>
                    <ul class="words">{ terms }</ul>
                }
                { writer.meanings() }
            </div>
            { score(look, lesson) }
        </section>
    }
}

/// The text of an exercise without its first line, which is the title again.
fn without_title(text: &str) -> &str {
    match text.strip_prefix("# ") {
        Some(rest) => rest.split_once('\n').map_or("", |(_, rest)| rest),
        None => text,
    }
}

/// What must become true. Where one follows the other, those to come are only counted.
fn checks(lesson: &LessonView, writer: &mut Writer<'_>) -> Html {
    let open = lesson.checks.iter().position(|check| !check.holds).unwrap_or(lesson.checks.len());
    let shown =
        if lesson.ordered { (open + 1).min(lesson.checks.len()) } else { lesson.checks.len() };
    let mut rows = Vec::new();
    for (place, check) in lesson.checks[..shown].iter().enumerate() {
        rows.push(row(check, lesson.ordered, lesson.ordered && place == open, writer));
    }
    let rest = lesson.checks.len() - shown;
    html! {
        <>
            <h3>{ if lesson.ordered { "Step by step" } else { "What must be so" } }</h3>
            <ul class="ticks" id="ticks">{ for rows.into_iter() }</ul>
            if rest > 0 { <p class="note">{ format!("{} after this.", text::plural(rest as u64, "step")) }</p> }
        </>
    }
}

fn row(check: &CheckView, ordered: bool, now: bool, writer: &mut Writer<'_>) -> Html {
    // Steps are the text of a tour, so their words are linked; other checks stay plain.
    let text =
        if ordered { writer.line(&check.text) } else { Writer::new("", &[]).line(&check.text) };
    let class = classes!(check.holds.then_some("holds"), now.then_some("now"));
    let value = match (check.bonus, check.points) {
        (true, points) => format!("+{points}"),
        (false, 1) => String::new(),
        (false, points) => format!("{points} points"),
    };
    html! {
        <li key={check.id.as_str()} {class} data-check={check.id.clone()} data-holds={check.holds.to_string()}>
            <span class="box">{ if check.holds { icon("ok") } else { Html::default() } }<span class="sr">{ if check.holds { "done:" } else { "open:" } }</span></span>
            <span>{ text }</span>
            if !value.is_empty() { <small>{ value }</small> }
        </li>
    }
}

/// The voters there are to be, beside those there are.
fn goal(look: &Look<'_>, lesson: &LessonView) -> Html {
    let voters = look.view.quorum.as_ref().map(|quorum| quorum.voters.clone()).unwrap_or_default();
    if lesson.goal.is_empty() || lesson.goal.len() < 2 && voters == lesson.goal {
        return Html::default();
    }
    let reachable =
        look.view.quorum.as_ref().map(|quorum| quorum.reachable.clone()).unwrap_or_default();
    let now = voters.iter().map(|host| (host.clone(), reachable.contains(host)));
    let goal = lesson.goal.iter().map(|host| (host.clone(), true));
    html! {
        <dl class="goal" id="goal">
            <div><dt>{ "Voters now" }</dt><dd>{ pips(now) }</dd></div>
            <div><dt>{ "Goal" }</dt><dd>{ pips(goal) }</dd></div>
        </dl>
    }
}

fn pips(hosts: impl Iterator<Item = (String, bool)>) -> Html {
    html! {
        <ul class="pips">
            { for hosts.map(|(host, there)| html! { <li key={host.clone()} class={if there { "there" } else { "" }}>{ host }</li> }) }
        </ul>
    }
}

/// Fields for what the exercise wants answered; they send what could be typed.
fn answers(look: &Look<'_>, lesson: &LessonView) -> Html {
    if lesson.answers.is_empty() {
        return Html::default();
    }
    let names = lesson.answers.clone();
    let emit = look.emit.clone();
    let onsubmit = move |event: SubmitEvent| {
        event.prevent_default();
        let value = |name: &String| {
            let field = platform::by_id(&format!("answer-{name}"));
            field.and_then(|it| it.dyn_into::<HtmlInputElement>().ok()).map(|it| it.value())
        };
        let given: Vec<_> =
            names.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect();
        if let Some(line) = answer_line(&given) {
            emit.emit(Msg::Course(Do::Answer(line)));
        }
    };
    html! {
        <form class="answers" id="answers" {onsubmit}>
            <h3>{ "Your answers" }</h3>
            { for lesson.answers.iter().map(|name| {
                let id = format!("answer-{name}");
                html! { <label key={name.as_str()} for={id.clone()}><span>{ name }</span><input {id} autocomplete="off" autocapitalize="none" spellcheck="false" /></label> }
            }) }
            <p><button class="act" type="submit" disabled={look.ui.read_only}>{ "Answer" }</button>
                <small>{ "types " }<code>{ "answer name=value" }</code></small></p>
        </form>
    }
}

/// All that the coach said, to be read again.
fn coach(lesson: &LessonView, writer: &mut Writer<'_>) -> Html {
    if lesson.coach.is_empty() {
        return Html::default();
    }
    let mut rows = Vec::new();
    for row in &lesson.coach {
        rows.push(html! {
            <li key={row.id.as_str()} data-wrong={row.id.clone()}><time>{ text::clock(row.at_us) }</time><span>{ writer.line(&row.text) }</span></li>
        });
    }
    html! {
        <>
            <h3>{ "Where it went wrong" }</h3>
            <ul class="wrongs" id="wrongs">{ for rows.into_iter() }</ul>
        </>
    }
}

/// Hints one by one, then the solution.
fn help(look: &Look<'_>, lesson: &LessonView, record: &Record, writer: &mut Writer<'_>) -> Html {
    let all = lesson.hints.len();
    let open = usize::try_from(record.hints).unwrap_or(all).min(all);
    let mut hints = Vec::new();
    for hint in &lesson.hints[..open] {
        hints.push(html! { <li>{ writer.line(hint) }</li> });
    }
    let label = match open {
        0 => format!("Show a hint (of {all})"),
        _ => format!("Show hint {} of {all}", open + 1),
    };
    html! {
        <>
            <h3>{ "Help" }</h3>
            if open > 0 { <ol class="hints" id="hints">{ for hints.into_iter() }</ol> }
            <p class="helps">
                if open < all {
                    <button class="act" id="hint" onclick={look.click(|| Msg::Course(Do::Hint))} disabled={look.ui.read_only}>{ icon("spark") }{ label }</button>
                }
                if !look.ui.course.asking && !lesson.text.is_empty() {
                    <button class="act" id="solution" onclick={look.click(|| Msg::Course(Do::Ask(true)))} disabled={look.ui.read_only || look.ui.course.playing.is_some()}>{ icon("play") }{ "Show the solution" }</button>
                }
            </p>
            if look.ui.course.asking {
                <div class="question" role="group" aria-label="Show the solution?">
                    <p>{ "The exercise starts over, and the solution is typed for you to watch. Any key stops it. It does not count as done." }</p>
                    <p class="helps">
                        <button class="primary" id="solve" onclick={look.click(|| Msg::Course(Do::Solve))}>{ "Start over and show it" }</button>
                        <button onclick={look.click(|| Msg::Course(Do::Ask(false)))}>{ "Not yet" }</button>
                    </p>
                </div>
            }
        </>
    }
}

/// What is said when it is done: the real cluster, and what next.
fn done(look: &Look<'_>, lesson: &LessonView, writer: &mut Writer<'_>) -> Html {
    if lesson.done_us.is_none() {
        return Html::default();
    }
    let (held, all) = points(lesson);
    let next = look.ui.course.row(&lesson.next);
    let seed = look.view.world.as_ref().map_or(0, |world| world.options.seed);
    // Another one that a reload and a link name as well.
    let other = seed % 9999 + 1;
    let taken = match lesson.par {
        0 => String::new(),
        par => format!(
            " {} changed the cluster; a good way takes {par}.",
            text::plural(u64::from(lesson.commands), "command")
        ),
    };
    html! {
        <div class="done" id="done">
            <h3>{ icon("ok") }{ "Done" }</h3>
            <p>{ format!("{held} of {all} points.{taken}") }</p>
            if !lesson.life.is_empty() {
                <h4>{ "In real life" }</h4>
                <p>{ writer.line(&lesson.life) }</p>
            }
            if !lesson.read.is_empty() {
                <ul class="read">
                    { for lesson.read.iter().filter(|url| url.starts_with("https://")).map(|url| html! {
                        <li key={url.as_str()}><a href={url.clone()} target="_blank" rel="noopener noreferrer">{ url.trim_start_matches("https://").trim_end_matches('/').to_string() }</a></li>
                    }) }
                </ul>
            }
            <p class="helps">
                if let Some(next) = next {
                    <a class="go" id="next" href={format!("#/{COURSE}/{}", next.slug)}>{ format!("Next: {}", next.title) }</a>
                }
                <a class="act" id="variant" href={format!("#/{COURSE}/{}/{other}", lesson.slug)} title="The same task with another seed: other names, numbers and timings">{ "Another variant" }</a>
            </p>
        </div>
    }
}

/// What it is worth so far, and starting over.
fn score(look: &Look<'_>, lesson: &LessonView) -> Html {
    let (held, all) = points(lesson);
    html! {
        <footer>
            <b id="points">{ format!("{held}/{all}") }</b><span>{ "points" }</span>
            if lesson.par > 0 {
                <span class="par" title="Commands that changed the cluster; errors are not counted">{ format!("{} · par {}", text::plural(u64::from(lesson.commands), "command"), lesson.par) }</span>
            }
            if let Some((at, all)) = look.ui.course.playing {
                <button class="act" id="stop" onclick={look.click(|| Msg::Course(Do::Stop))}>{ icon("stop") }{ format!("Stop ({at}/{all})") }</button>
            } else {
                <button class="act" id="reset" onclick={look.click(|| Msg::Course(Do::Reset))} disabled={look.ui.read_only} title="Back to where the exercise began">{ icon("restart") }{ "Start over" }</button>
            }
        </footer>
    }
}
