//! The exam: its rules before, the list of tasks and the clock while, the report after; and
//! the drill, which is one task after the other without a clock.

use lab::exam::{ExamRecord, MINUTES_MAX, PASS_PERCENT, TASKS_MAX, TaskReport};
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::{Event, Html, InputEvent, TargetCast, classes, html};

use super::{HEAD, Place, Screen, of_path, report};
use crate::exam::{self, Choices, DRILL, Do};
use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;
use crate::state::UiState;

/// The screen.
pub(super) const SCREEN: Screen = Screen {
    id: super::EXAM,
    label: "Exam",
    title: |ui| if is_drill(ui) { "Drill" } else { "Exam" }.into(),
    place,
    draw,
    enter: |rest| Some(Msg::Exam(Do::Enter(rest.into()))),
};

fn rest(ui: &UiState) -> &str {
    of_path(&ui.path).1
}

fn is_drill(ui: &UiState) -> bool {
    rest(ui) == DRILL
}

fn place(ui: &UiState) -> Place {
    let replays = rest(ui).starts_with("replay/") && ui.exam.replay.is_some();
    if is_drill(ui) || ui.exam.running().is_some() || replays {
        Place::Beside
    } else {
        Place::Whole
    }
}

fn draw(look: &Look<'_>) -> Html {
    let exam = &look.ui.exam;
    let body = match (exam.running(), exam.over()) {
        _ if is_drill(look.ui) => drill(look),
        (Some(record), _) => running(look, record),
        (_, Some(record)) => match &exam.replay {
            Some(replay) if rest(look.ui).starts_with("replay/") => {
                report::replay(look, record, replay)
            }
            _ => report::whole(look, record),
        },
        (None, None) => start(look),
    };
    html! { <section class="exam" id="area-beside" tabindex="-1" aria-labelledby={HEAD}>{ body }</section> }
}

/// What the real exam says of itself: each with the date it was read and where.
const FACTS: &[(&str, &str, &str)] = &[
    (
        "Two hours at a terminal, 66 % to pass, two attempts.",
        "Kubernetes-Certified-Administrator, issue 63, of 2026-09",
        "https://github.com/walidshaari/Kubernetes-Certified-Administrator/issues/63",
    ),
    (
        "A script judges the state you leave, check by check, with partial credit; how you got there does not count.",
        "wording of the exam as the README of CKA-Exercises quotes it, read 2026-03",
        "https://github.com/chadmcrowell/CKA-Exercises",
    ),
    (
        "Troubleshooting 30 %, cluster architecture, installation and configuration 25 %, services and networking 20 %, workloads 15 %, storage 10 %. etcd comes in by the first two.",
        "curriculum v1.35, unchanged since 2025-02-18, read 2026-03",
        "https://github.com/cncf/curriculum",
    ),
    (
        "etcdutl is on the exam's machines since the environment of Kubernetes 1.30.",
        "the exam's contact in kubernetes/website 44050, of 2024-05",
        "https://github.com/kubernetes/website/issues/44050",
    ),
];

// Before.

fn start(look: &Look<'_>) -> Html {
    let Choices { tasks, minutes, .. } = look.ui.exam.choices;
    html! {
        <div class="exam-page">
            <header class="sheet-head">
                <h2 id={HEAD} tabindex="-1">{ "Exam" }</h2>
                <p class="lead">{ "Tasks on real clusters, a clock, and nobody who helps. Afterwards you see every check, every wrong turn, and your own run again." }</p>
            </header>
            <div class="sheet-columns">
                <form class="paper" onsubmit={look.emit.reform(|event: SubmitEvent| { event.prevent_default(); Msg::Exam(Do::Begin) })}>
                    <fieldset>
                        <legend>{ "Tasks" }</legend>
                        <div class="choices tasks">
                            { for (2..=TASKS_MAX).map(|number| html! {
                                <label key={number}><input type="radio" name="tasks" value={number.to_string()} checked={number == tasks}
                                    onchange={chosen(look, move |it| it.tasks = number)} /><span>{ number }</span></label>
                            }) }
                        </div>
                        <p class="note">{ if tasks < 6 { "A short one. A whole exam has 6 to 8." } else { "Drawn by the seed; a task that weighs more comes more often." } }</p>
                    </fieldset>
                    <div class="fields">
                        { number(look, "Minutes", "exam-minutes", u32::from(minutes), u32::from(MINUTES_MAX), |it, value| it.minutes = u16::try_from(value).unwrap_or(MINUTES_MAX)) }
                        { number(look, "Seed", "exam-seed", look.ui.exam.choices.seed, u32::MAX, |it, value| it.seed = value) }
                    </div>
                    <p class="note">{ "The same seed and number give the same tasks and the same clusters, here and on any other machine." }</p>
                    <button class="primary large" id="exam-begin" type="submit" disabled={look.ui.exam.drawing}>
                        { if look.ui.exam.drawing { "Drawing the tasks…" } else { "Begin the exam" } }</button>
                </form>
                <div class="paper">
                    <h3>{ "How it goes" }</h3>
                    <ul class="rules">
                        <li>{ "Each task has machines of its own. Go from one to the other as you like, flag what you want to come back to; everything is saved as it happens." }</li>
                        <li>{ "What counts is how the machines are when the exam ends, check by check. No hints, no ticks, no undo." }</li>
                        <li>{ format!("A task counts by its weight; {PASS_PERCENT} % of all points pass. What was so before you came counts only with something you did.") }</li>
                        <li>{ "The clock runs while this page is open. It stands still while machines are prepared, and after a closed tab you have the time you had." }</li>
                        <li>{ "The machines of a task stand still while you are at another one: wait for what takes long before you leave. In the real exam they go on." }</li>
                    </ul>
                </div>
            </div>
            <div class="sheet-columns">
                <div class="paper">
                    <h3>{ "The real one" }</h3>
                    <p class="note">{ "This is practice for one part of the CKA and not the CKA. What is known of the real one; look again before you book it:" }</p>
                    <ul class="facts-of">
                        { for FACTS.iter().map(|(fact, source, page)| html! {
                            <li key={*fact}>{ *fact }<small>{ "Source: " }<a href={*page} target="_blank" rel="noopener noreferrer">{ *source }</a></small></li>
                        }) }
                    </ul>
                </div>
                <div class="paper">
                    <h3>{ "Drill" }</h3>
                    <p>{ "One task after the other, drawn at random, without a clock and without an end. You get the task line and the machines, and the verdict when you ask for it." }</p>
                    { tally(look) }
                    <a class="button" id="drill-begin" href="#/exam/drill">{ "Start the drill" }</a>
                </div>
            </div>
        </div>
    }
}

fn chosen(look: &Look<'_>, change: impl Fn(&mut Choices) + 'static) -> yew::Callback<Event> {
    let before = look.ui.exam.choices;
    look.emit.reform(move |_: Event| {
        let mut choices = before;
        change(&mut choices);
        Msg::Exam(Do::Choose(choices))
    })
}

fn number(
    look: &Look<'_>,
    label: &'static str,
    id: &'static str,
    value: u32,
    most: u32,
    set: fn(&mut Choices, u32),
) -> Html {
    let before = look.ui.exam.choices;
    let typed = look.emit.reform(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        let mut choices = before;
        if let Ok(value) = input.value().parse::<u32>() {
            set(&mut choices, value.clamp(1, most));
        }
        Msg::Exam(Do::Choose(choices))
    });
    html! {
        <label class="field"><span>{ label }</span>
            <input {id} type="number" min="1" max={most.to_string()} required=true value={value.to_string()} oninput={typed} /></label>
    }
}

// While.

fn running(look: &Look<'_>, record: &ExamRecord) -> Html {
    let exam = &look.ui.exam;
    let weights: u32 = record.tasks.iter().map(|it| u32::from(it.task.weight)).sum();
    let last = record.tasks.len().saturating_sub(1);
    let open = usize::from(record.open);
    let Some(task) = record.open_task() else { return Html::default() };
    let step = |to: usize, label: &'static str, off: bool| {
        let to = u8::try_from(to).unwrap_or(0);
        html! { <button class="outline" disabled={off} onclick={look.click(move || Msg::Exam(Do::Open(to)))}>{ label }</button> }
    };
    html! {
        <>
            <header class="own-head">
                <h2 id={HEAD} tabindex="-1">{ "Exam" }</h2>
                <span class={classes!("countdown", exam.late.then_some("late"))} title="Time that is left">
                    { icon("clock") }<output id="exam-clock" aria-live="off" aria-label="Time that is left"></output></span>
                <button class="outline" id="exam-end" onclick={look.click(|| Msg::Exam(Do::Ask(true)))}>{ "End exam" }</button>
            </header>
            if exam.asking { { ask_end(look, record) } }
            <ol class="tasks" aria-label="Tasks">
                { for record.tasks.iter().enumerate().map(|(at, it)| {
                    let to = u8::try_from(at).unwrap_or(0);
                    let share = u32::from(it.task.weight) * 100 / weights.max(1);
                    let state = if at == open { "open" } else if it.lab.is_empty() { "not opened" } else { "begun" };
                    html! {
                        <li key={at}>
                            <button class={classes!("task", (at == open).then_some("on"))} aria-current={(at == open).then_some("true")}
                                onclick={look.click(move || Msg::Exam(Do::Open(to)))}>
                                <b>{ at + 1 }</b><span>{ &it.task.title }<small>{ state }</small></span>
                                <small class="weight">{ format!("{share} %") }</small>
                                <span class="flag" role="img" aria-label={if it.flagged { "flagged" } else { "" }}>{ if it.flagged { icon("flag") } else { Html::default() } }</span>
                            </button>
                        </li>
                    }
                }) }
            </ol>
            <div class="task-text">
                <h3>{ format!("Task {} of {}", open + 1, record.tasks.len()) }</h3>
                { task_line(&task.task.task) }
                <p class="note">{ format!("Your first terminal is on {}; + shell opens one on any other host. Nothing is checked before the end.", task.task.host) }</p>
            </div>
            <footer class="own-foot">
                { step(open.saturating_sub(1), "Back", open == 0) }
                <button class={classes!("outline", task.flagged.then_some("on"))} id="exam-flag" aria-pressed={task.flagged.to_string()}
                    onclick={look.click(|| Msg::Exam(Do::Flag))}>{ icon("flag") }{ if task.flagged { "Flagged" } else { "Flag" } }</button>
                { step(open + 1, "Next", open == last) }
            </footer>
        </>
    }
}

/// A task as it is given: what stands in backquotes is code.
pub(super) fn task_line(text: &str) -> Html {
    let parts = text.split('`').enumerate().map(|(place, part)| match place % 2 {
        0 => html! { { part } },
        _ => html! { <code>{ part }</code> },
    });
    html! { <p class="task-line">{ for parts }</p> }
}

fn ask_end(look: &Look<'_>, record: &ExamRecord) -> Html {
    let flagged = record.tasks.iter().filter(|it| it.flagged).count();
    let unopened = record.tasks.iter().filter(|it| it.lab.is_empty()).count();
    let text =
        format!("{unopened} not opened, {flagged} flagged. After this nothing can be changed.");
    html! {
        <div class="asking" role="alertdialog" aria-labelledby="asking" aria-describedby="asking-why">
            <p id="asking"><b>{ "End the exam?" }</b></p>
            <p id="asking-why" class="note">{ text }</p>
            <div class="asking-foot">
                <button class="outline" onclick={look.click(|| Msg::Exam(Do::Ask(false)))}>{ "Go on" }</button>
                <button class="primary" id="exam-end-now" onclick={look.click(|| Msg::Exam(Do::End))}>{ "End it" }</button>
            </div>
        </div>
    }
}

// The drill.

fn tally(look: &Look<'_>) -> Html {
    let drill = &look.ui.exam.drill;
    if drill.tried == 0 {
        return Html::default();
    }
    let text = format!("{} right of {} begun.", drill.right, drill.tried);
    html! { <p class="note" id="drill-tally">{ text }</p> }
}

fn drill(look: &Look<'_>) -> Html {
    let drill = &look.ui.exam.drill;
    let lesson = look.view.lesson.as_deref().filter(|_| look.ui.exam.drilling);
    let busy = drill.busy || lesson.is_none();
    html! {
        <>
            <header class="own-head">
                <h2 id={HEAD} tabindex="-1">{ "Drill" }</h2>
                { tally(look) }
                <a class="button outline" href="#/exam">{ "Leave" }</a>
            </header>
            <div class="task-text">
                if let Some(lesson) = lesson {
                    { task_line(&lesson.task) }
                } else {
                    <p class="note" role="status">{ "The next task is being prepared…" }</p>
                }
            </div>
            if let Some(report) = &drill.verdict { { verdict(report) } }
            <footer class="own-foot">
                <button class="outline" id="drill-verdict" disabled={busy} onclick={look.click(|| Msg::Exam(Do::Verdict))}>{ "Check it" }</button>
                <button class="primary" id="drill-next" disabled={drill.busy} onclick={look.click(|| Msg::Exam(Do::Next))}>{ "Next task" }</button>
            </footer>
        </>
    }
}

fn verdict(report: &TaskReport) -> Html {
    let (earned, points) = (report.earned(), report.points());
    let whole = earned == points;
    html! {
        <div class={classes!("verdict-of", if whole { "good" } else { "bad" })} id="drill-result" role="status">
            <p><b>{ if whole { "Right" } else { "Not yet" } }</b>{ format!(" · {earned} of {points} points") }</p>
            { report::checks(report) }
            { report::turns(report) }
        </div>
    }
}

/// The names a line of the report shares with the list.
pub(super) fn share_of(report: Option<&TaskReport>) -> String {
    let per_mille = report.map_or(0, |report| report.share() / 1000);
    exam::percent(u32::try_from(per_mille).unwrap_or(0))
}
