//! The report of an exam, and the run of a task on its timeline.

use lab::api::CoachRow;
use lab::exam::{ExamRecord, PASS_PERCENT, TaskRecord, TaskReport, TypedRow};
use web_sys::HtmlInputElement;
use yew::{Html, TargetCast, classes, html};

use super::HEAD;
use super::exam::{share_of, task_line};
use crate::exam::{self, Do, Replay, since};
use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;
use crate::text;

/// The whole page.
pub(super) fn whole(look: &Look<'_>, record: &ExamRecord) -> Html {
    let score = record.score();
    let (word, class) = if score.passed { ("Passed", "good") } else { ("Not passed", "bad") };
    let used_ms = (u64::from(record.minutes) * 60_000).saturating_sub(record.left_ms);
    let used = exam::countdown(used_ms as f64);
    html! {
        <div class="exam-page">
            <header class="sheet-head">
                <h2 id={HEAD} tabindex="-1">{ "Report" }</h2>
                <div class={classes!("score", class)} id="exam-score">
                    <b>{ exam::percent(score.per_mille) }</b>
                    <span>{ word }<small>{ format!("{PASS_PERCENT} % pass") }</small></span>
                    { bar(score.per_mille) }
                </div>
                <p class="note">{ format!("{} in {used} of {} minutes, seed {}. Judged on how each task's machines were left.",
                    text::plural(record.tasks.len() as u64, "task"), record.minutes, record.seed) }</p>
            </header>
            <ol class="report">
                { for record.tasks.iter().enumerate().map(|(at, it)| task(record, at, it)) }
            </ol>
            <footer class="sheet-foot">
                <button class="primary" id="exam-again" onclick={look.click(|| Msg::Exam(Do::Forget))}>{ "Another exam" }</button>
                <p class="note">{ "Another exam puts this report away, with the runs in it." }</p>
            </footer>
        </div>
    }
}

/// A share as a bar, with the line that passes.
fn bar(per_mille: u32) -> Html {
    html! {
        <svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">
            <rect class="all" width="1000" height="12" rx="6" />
            <rect class="part" width={per_mille.to_string()} height="12" rx="6" />
            <path class="pass" d={format!("M{} 0v12", PASS_PERCENT * 10)} />
        </svg>
    }
}

fn task(record: &ExamRecord, at: usize, task: &TaskRecord) -> Html {
    let report = task.report.as_ref();
    let weights: u32 = record.tasks.iter().map(|it| u32::from(it.task.weight)).sum();
    let weight = u32::from(task.task.weight) * 100 / weights.max(1);
    let points = match report {
        Some(report) => format!("{} of {} points", report.earned(), report.points()),
        None => "never opened".into(),
    };
    html! {
        <li key={at}>
            <details open={report.is_some_and(|it| it.earned() < it.points())}>
                <summary>
                    <b class="number">{ at + 1 }</b>
                    <span class="what">{ &task.task.title }<small>{ format!("weight {weight} % · {points}") }</small></span>
                    <b class={classes!("share", report.is_some_and(|it| it.earned() == it.points()).then_some("good"))}>{ share_of(report) }</b>
                    { icon("down") }
                </summary>
                { task_line(&task.task.task) }
                if let Some(report) = report {
                    { checks(report) }
                    { turns(report) }
                    { typed(report) }
                }
                <p class="links">
                    if report.is_some() { <a class="button" href={format!("#/exam/replay/{}", at + 1)}>{ icon("play") }{ "Watch the run again" }</a> }
                    <a class="button outline" href={format!("#/course/{}/{}", task.task.slug, task.task.seed)}>{ "Do it in the course" }</a>
                </p>
            </details>
        </li>
    }
}

/// Each check: met or not, and what it gave.
pub(super) fn checks(report: &TaskReport) -> Html {
    let idle = report.earned() == 0;
    html! {
        <ul class="check-list" aria-label="Checks">
            { for report.checks.iter().enumerate().map(|(at, check)| {
                let counts = check.holds && !(idle && check.from_start);
                let (class, word, sign) = if check.holds { ("met", "met", "ok") } else { ("open", "not met", "lost") };
                let points = if counts { check.points } else { 0 };
                html! {
                    <li key={at} class={class}>{ icon(sign) }
                        <span><span class="sr">{ format!("{word}: ") }</span>{ &check.text }
                            if check.bonus { <small>{ "bonus" }</small> }
                            if check.from_start && check.holds { <small>{ "so from the start" }</small> }</span>
                        <b>{ format!("{points}/{}", check.points) }</b></li>
                }
            }) }
        </ul>
    }
}

/// The wrong turns that were seen.
pub(super) fn turns(report: &TaskReport) -> Html {
    if report.turns.is_empty() {
        return Html::default();
    }
    html! {
        <>
            <h4>{ "Wrong turns" }</h4>
            <ul class="turns">
                { for report.turns.iter().map(|turn| html! {
                    <li key={turn.id.as_str()}>{ icon("edge") }<span><small>{ since(turn.at_us, report.began_us) }</small>{ task_line(&turn.text) }</span></li>
                }) }
            </ul>
        </>
    }
}

fn typed(report: &TaskReport) -> Html {
    if report.typed.is_empty() {
        return html! { <p class="note">{ "Nothing was typed." }</p> };
    }
    html! {
        <details class="typed">
            <summary>{ format!("{} typed", text::plural(report.typed.len() as u64, "command")) }{ icon("down") }</summary>
            <ol>
                { for report.typed.iter().enumerate().map(|(at, row)| html! { <li key={at}>{ command(row, report.began_us) }</li> }) }
            </ol>
        </details>
    }
}

fn command(row: &TypedRow, began_us: u64) -> Html {
    let (class, end) = match row.exit {
        Some(0) => ("", String::new()),
        Some(exit) => ("bad", format!("exit {exit}")),
        None => ("", "still ran".into()),
    };
    html! {
        <><small>{ since(row.at_us, began_us) }</small><small>{ &row.host }</small><code>{ &row.text }</code><small class={class}>{ end }</small></>
    }
}

/// Something of a run that the timeline marks.
enum Event<'a> {
    Typed(&'a TypedRow),
    Turn(&'a CoachRow),
}

impl Event<'_> {
    fn at_us(&self) -> u64 {
        match self {
            Event::Typed(row) => row.at_us,
            Event::Turn(turn) => turn.at_us,
        }
    }
}

/// Commands and wrong turns, each list being in order already.
fn events(report: &TaskReport) -> Vec<Event<'_>> {
    let (mut typed, mut turns) = (report.typed.iter().peekable(), report.turns.iter().peekable());
    let mut events = Vec::new();
    loop {
        let next = match (typed.peek(), turns.peek()) {
            (Some(row), Some(turn)) if row.at_us <= turn.at_us => typed.next().map(Event::Typed),
            (_, Some(_)) => turns.next().map(Event::Turn),
            (_, None) => typed.next().map(Event::Typed),
        };
        match next {
            Some(event) => events.push(event),
            None => return events,
        }
    }
}

/// The panel beside a run that is shown again.
pub(super) fn replay(look: &Look<'_>, record: &ExamRecord, replay: &Replay) -> Html {
    let Some(task) = record.tasks.get(usize::from(replay.task)) else { return Html::default() };
    let Some(report) = &task.report else { return Html::default() };
    let now_us = look.ui.exam.replayed_us.clamp(replay.began_us, replay.until_us);
    let span_us = (replay.until_us - replay.began_us).max(1);
    let place = |at_us: u64| at_us.saturating_sub(replay.began_us).min(span_us) * 1000 / span_us;
    let events = events(report);
    let began_us = replay.began_us;
    let slid = look.emit.reform(move |event: yew::Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        let seconds = input.value().parse::<u64>().unwrap_or(0);
        Msg::Exam(Do::Seek(began_us + seconds * 1_000_000))
    });
    let seconds = |at_us: u64| (at_us.saturating_sub(began_us) / 1_000_000).to_string();
    html! {
        <>
            <header class="own-head">
                <h2 id={HEAD} tabindex="-1">{ format!("Task {} again", replay.task + 1) }</h2>
                <a class="button outline" href="#/exam">{ "Report" }</a>
            </header>
            <div class="task-text">{ task_line(&task.task.task) }</div>
            <div class="timeline">
                <svg viewBox="0 0 1000 40" preserveAspectRatio="none" aria-hidden="true">
                    <path class="rail" d="M0 20h1000" />
                    <path class="gone" d={format!("M0 20h{}", place(now_us))} />
                    { for events.iter().map(|event| {
                        let x = place(event.at_us());
                        match event {
                            Event::Typed(_) => html! { <path class="tick" d={format!("M{x} 13v14")} /> },
                            Event::Turn(_) => html! { <path class="turn" d={format!("M{x} 2v36")} /> },
                        }
                    }) }
                    <path class="head" d={format!("M{} 0v40", place(now_us))} />
                </svg>
                <input type="range" id="replay-at" min="0" max={seconds(replay.until_us)} value={seconds(now_us)} onchange={slid}
                    aria-label="Time of the run" aria-valuetext={since(now_us, began_us)} />
                <p><output id="replay-time">{ since(now_us, began_us) }</output><small>{ format!("of {}", since(replay.until_us, began_us)) }</small></p>
            </div>
            <ol class="events-of" aria-label="What happened">
                { for events.iter().enumerate().map(|(at, event)| {
                    let at_us = event.at_us();
                    let seek = look.click(move || Msg::Exam(Do::Seek(at_us)));
                    let past = at_us <= now_us;
                    let turn = matches!(event, Event::Turn(_));
                    html! {
                        <li key={at} class={classes!(past.then_some("past"), turn.then_some("turn"))}>
                            <button onclick={seek} title="Go there">
                                <small>{ since(at_us, began_us) }</small>
                                { match event {
                                    Event::Typed(row) => html! { <><small>{ &row.host }</small><code>{ &row.text }</code></> },
                                    Event::Turn(turn) => html! { <>{ icon("edge") }<span><span class="sr">{ "Wrong turn: " }</span>{ &turn.text }</span></> },
                                } }
                            </button>
                        </li>
                    }
                }) }
            </ol>
            { checks(report) }
        </>
    }
}
