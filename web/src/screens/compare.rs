//! Compare: how etcd, Consul and ZooKeeper read, on the same split of five members, with the
//! table the literature prints and what is inexact in it.

use lab::api::{Cell, SheetKind, Tone};
use yew::{Html, classes, html};

use super::{HEAD, Place, Screen, sheet};
use crate::bench::BenchMsg;
use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;

/// The screen.
pub(super) const SCREEN: Screen = Screen {
    id: "compare",
    label: "Compare",
    title: |_| "Compare".into(),
    place: |_| Place::Whole,
    draw,
    enter: |_| Some(Msg::Bench(BenchMsg::Enter)),
};

fn draw(look: &Look<'_>) -> Html {
    let plain: sheet::Special<'_> = &|_, _, _| None;
    let chosen = look.ui.bench.picked;
    let names: sheet::Special<'_> = &|row, column, cell| {
        (column == 0).then(|| html! {
            <button class={if row == chosen { "on" } else { "" }} aria-pressed={(row == chosen).to_string()}
                onclick={look.click(move || Msg::Bench(BenchMsg::Pick(row)))}>{ &cell.text }</button>
        })
    };
    html! {
        <div class="bench">
            <h1 id={HEAD} tabindex="-1">{ "One split, three systems" }</h1>
            <p class="intro">{ "etcd's two ways to read are real here. Those of Consul and ZooKeeper are a model: their documented rules, carried out by clients of our etcd members. Writes are etcd's, and ZooKeeper's own protocol (Zab) is not implemented." }</p>
            { sheet::stand(look) }
            { picture(look) }
            { sheet::draw(look, SheetKind::Split, "Who reads what during the split", "Choose a row to see it in the picture.", names) }
            { sheet::draw(look, SheetKind::Window, "The moment in which nobody knows", "Right after the split the old leader does not know yet that it was replaced. Who asks no majority can read the past then.", plain) }
            { sheet::draw(look, SheetKind::Reads, "What a read costs while all is well", "The stricter the read, the more servers are asked.", plain) }
            { sheet::draw(look, SheetKind::Books, "The usual table, corrected", "Consistency, performance and scalability as they are usually printed, and what that leaves out.", plain) }
        </div>
    }
}

/// The split, and what the two clients got from the chosen way to read.
fn picture(look: &Look<'_>) -> Html {
    let bench = &look.ui.bench;
    let row = bench.sheet(SheetKind::Split).and_then(|sheet| sheet.rows.get(bench.picked));
    let Some([name, few, few_us, many, many_us]) = row.map(Vec::as_slice) else {
        return html! { <div class="rift" /> };
    };
    html! {
        <figure class="rift" aria-label="The split">
            <figcaption>{ &name.text }</figcaption>
            { side("n1, the leader until now, and n2: no majority", &["n1", "n2"], "n2", few, few_us) }
            <div class="gap" aria-hidden="true">{ icon("cut") }</div>
            { side("n3, n4 and n5: they elect a new leader, and x = new is written here", &["n3", "n4", "n5"], "n4", many, many_us) }
        </figure>
    }
}

fn side(says: &str, hosts: &[&'static str], asked: &str, got: &Cell, us: &Cell) -> Html {
    let (class, sign) = match got.tone {
        Tone::Bad => ("bad", "lost"),
        Tone::Warn => ("warn", "edge"),
        _ => ("good", "ok"),
    };
    html! {
        <div class="shore">
            <ul>{ for hosts.iter().map(|host| html! {
                <li key={*host} class={(*host == asked).then_some("asked")}>{ *host }</li>
            }) }</ul>
            <p class={classes!("got", class)}>{ icon(sign) }<small>{ format!("client of {asked}") }</small><b>{ &got.text }</b><small>{ format!("after {}", us.text) }</small></p>
            <p class="says">{ says.to_string() }</p>
        </div>
    }
}
