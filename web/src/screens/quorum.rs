//! Quorum: clusters of 1 to 9 members side by side. First a prediction, then a kill, then a
//! write that shows who was right; zones; and what one more member costs.

use lab::api::{Cell, SheetKind};
use yew::{Event, Html, TargetCast, classes, html};

use super::{HEAD, Place, Screen, sheet};
use crate::bench::{BenchMsg, MEMBERS_MAX, Row};
use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;

/// The screen.
pub(super) const SCREEN: Screen = Screen {
    id: "quorum",
    label: "Quorum",
    title: |_| "Quorum".into(),
    place: |_| Place::Whole,
    draw,
    enter: |_| Some(Msg::Bench(BenchMsg::Enter)),
};

fn draw(look: &Look<'_>) -> Html {
    let plain: sheet::Special<'_> = &|_, _, _| None;
    html! {
        <div class="bench">
            <h1 id={HEAD} tabindex="-1">{ "How many may be lost?" }</h1>
            <p class="intro">{ "Nine real clusters, apart from your lab. Say for each how many members may die before writes stop, then kill them one by one: after each kill a client writes, and the answer is what it got." }</p>
            { sheet::stand(look) }
            { clusters(look) }
            { sheet::draw(look, SheetKind::Kills, "Kill k of N", "All of it at once, for every number: it gives the answers away. Look at what each even member bought.", plain) }
            { zones(look) }
            { sheet::draw(look, SheetKind::Latency, "What one more member costs a write", "A write waits for the fastest majority, not for all. Members cost messages; time only where the majority is far or slow.", plain) }
        </div>
    }
}

fn clusters(look: &Look<'_>) -> Html {
    let bench = &look.ui.bench;
    let ready = bench.rows.iter().any(|(_, row)| row.guess.is_some()) || bench.open;
    html! {
        <section class="trials" aria-label="Clusters of 1 to 9 members">
            <header>
                <button class="primary" id="end-one" disabled={!ready || !bench.queue.is_empty()}
                    onclick={look.click(|| Msg::Bench(BenchMsg::EndOne))}>{ icon("kill") }{ "Kill one more in each" }</button>
                <button id="fresh" disabled={bench.rows.len() == 0}
                    onclick={look.click(|| Msg::Bench(BenchMsg::Fresh))}>{ icon("restart") }{ "All alive again" }</button>
                if !bench.open {
                    <button onclick={look.click(|| Msg::Bench(BenchMsg::Open))}>{ "Kill without predicting" }</button>
                }
            </header>
            <ol>
                { for (1..=MEMBERS_MAX).filter_map(|members| bench.rows.get(&members)).map(|row| cluster(look, row)) }
            </ol>
        </section>
    }
}

fn cluster(look: &Look<'_>, row: &Row) -> Html {
    let seen = &row.seen;
    let members = seen.members;
    let known = row.guess.is_some() || look.ui.bench.open;
    let word = if members == 1 { "member" } else { "members" };
    html! {
        <li key={members} class={classes!("trial", (!seen.wrote).then_some("lost"))} data-members={members.to_string()}>
            <h2>{ members }<small>{ word }</small></h2>
            <div class="dots" role="group" aria-label={format!("{members} {word}")}>
                { for (0..).zip(&seen.alive).map(|(place, alive)| dot(look, row, place, *alive, known)) }
            </div>
            { guess(look, row) }
            <p class={classes!("wrote", if seen.wrote { "good" } else { "bad" })}>
                { icon(if seen.wrote { "ok" } else { "lost" }) }
                { if seen.wrote { format!("write took {}", seen.said) } else { seen.said.clone() } }
            </p>
            <p class="found">{ verdict(row) }</p>
        </li>
    }
}

fn dot(look: &Look<'_>, row: &Row, place: u8, alive: bool, known: bool) -> Html {
    let (members, member) = (row.seen.members, place + 1);
    let leads = row.seen.leader == Some(place);
    let (sign, state) = match (alive, leads) {
        (false, _) => ("lost", "dead"),
        (true, true) => ("leader", "leader"),
        (true, false) => ("follower", "follower"),
    };
    let act = if alive { "kill" } else { "start" };
    let name = match known {
        true => format!("n{member} of {members}, {state}: {act}"),
        false => format!("n{member} of {members}, {state}: predict first"),
    };
    html! {
        <button key={member} class={classes!("dot", state)} aria-label={name.clone()} title={name} disabled={!known}
            onclick={look.click(move || Msg::Bench(BenchMsg::Toggle { members, member }))}>
            if state == "follower" { { member } } else { { icon(sign) } }
        </button>
    }
}

/// The prediction of a cluster.
fn guess(look: &Look<'_>, row: &Row) -> Html {
    let members = row.seen.members;
    let emit = look.emit.clone();
    let onchange = yew::Callback::from(move |event: Event| {
        let list: web_sys::HtmlSelectElement = event.target_unchecked_into();
        if let Ok(lost) = list.value().parse() {
            emit.emit(Msg::Bench(BenchMsg::Guess { members, lost }));
        }
    });
    let fixed = row.found().is_some() && row.guess.is_some();
    html! {
        <label class="guess"><span>{ "may lose" }</span>
            <select {onchange} disabled={fixed} aria-label={format!("Of {members}, how many may be lost?")}>
                <option value="" selected={row.guess.is_none()} disabled=true>{ "?" }</option>
                { for (0..members).map(|lost| html! {
                    <option value={lost.to_string()} selected={row.guess == Some(lost)}>{ lost }</option>
                }) }
            </select>
        </label>
    }
}

/// What the writes have shown, beside what was predicted.
fn verdict(row: &Row) -> Html {
    let Some(lost) = row.found() else {
        let dead = row.dead();
        return match (row.guess, dead) {
            (None, 0) => html! { "predict first" },
            (_, 0) => html! { "now kill" },
            _ => html! { { format!("{dead} dead") } },
        };
    };
    let members = row.seen.members;
    let quorum = members - lost;
    let measured =
        format!("may lose {lost}, so {quorum} must live: ⌊{members}/2⌋ + 1 = {}", row.seen.quorum);
    match row.guess {
        Some(guess) if guess == lost => {
            html! { <><b class="good">{ icon("ok") }{ "right" }</b>{ measured }</> }
        }
        Some(guess) => {
            html! { <><b class="bad">{ icon("lost") }{ format!("not {guess}") }</b>{ measured }</> }
        }
        None => html! { { measured } },
    }
}

fn zones(look: &Look<'_>) -> Html {
    let chosen = look.ui.bench.members;
    let boxes: sheet::Special<'_> = &|_, column, cell| (column == 1).then(|| spread(cell));
    html! {
        <>
            <section class="pick" aria-label="Members to spread over zones">
                <h2>{ "Lose a whole zone" }</h2>
                <p class="intro">{ "How many members, spread over zones in every possible way?" }</p>
                <div class="picks">
                    { for (2..=MEMBERS_MAX).map(|members| html! {
                        <button key={members} aria-pressed={(chosen == members).to_string()} class={if chosen == members { "on" } else { "" }}
                            onclick={look.click(move || Msg::Bench(BenchMsg::Members(members)))}>{ members }</button>
                    }) }
                </div>
            </section>
            if chosen > 1 {
                { sheet::draw(look, SheetKind::Zones, "Zones", "A zone may go if the members elsewhere are still a majority. Two zones never do it: one of them holds half or more.", boxes) }
            }
        </>
    }
}

/// Members in zones, as boxes of dots.
fn spread(cell: &Cell) -> Html {
    let zones = cell.text.split(" + ").map(|size| {
        let size: usize = size.parse().unwrap_or(0);
        let dots = "●".repeat(size);
        html! { <i>{ dots }</i> }
    });
    html! { <><span class="zones" aria-hidden="true">{ for zones }</span><span class="sr">{ &cell.text }</span></> }
}
