//! A measured table: its cells with their tones and bars, how far it is, how to stop it.

use lab::api::{Cell, Sheet, SheetKind, Tone};
use yew::{Html, classes, html};

use crate::bench::{BenchMsg, Stand};
use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;

/// How a cell is drawn, where that is not its text: by row and column.
pub(super) type Special<'a> = &'a dyn Fn(usize, usize, &Cell) -> Option<Html>;

/// A table with its name and what to press, before, while and after it is measured.
pub(super) fn draw(
    look: &Look<'_>,
    kind: SheetKind,
    title: &str,
    lead: &str,
    special: Special<'_>,
) -> Html {
    let bench = &look.ui.bench;
    let sheet = bench.sheet(kind);
    let runs = bench.running == Some(kind);
    let shown = sheet.map_or(title, |sheet| &sheet.title);
    html! {
        <section class="sheet" data-sheet={format!("{kind:?}")} aria-busy={runs.to_string()}
            data-done={sheet.is_some_and(|sheet| sheet.done == sheet.of).to_string()}>
            <header>
                <h2>{ shown.to_string() }</h2>
                if kind != SheetKind::Books { { buttons(look, kind, sheet, runs) } }
            </header>
            <p class="intro">{ lead.to_string() }</p>
            if let Some(sheet) = sheet {
                { table(sheet, special) }
                <p class="source">{ &sheet.note }</p>
            }
        </section>
    }
}

fn buttons(look: &Look<'_>, kind: SheetKind, sheet: Option<&Sheet>, runs: bool) -> Html {
    if runs {
        let (done, of) = sheet.map_or((0, 1), |sheet| (sheet.done, sheet.of));
        return html! {
            <span class="going">
                <progress max={of.to_string()} value={done.to_string()} aria-label="Measured so far" />
                { format!("{done} of {of}") }
                <button onclick={look.click(|| Msg::Bench(BenchMsg::Stop))}>{ icon("stop") }{ "Stop" }</button>
            </span>
        };
    }
    let word = match sheet {
        None => "Measure",
        Some(sheet) if sheet.done < sheet.of => "Stopped: measure again",
        Some(_) => "Measure again",
    };
    let off = look.ui.bench.stand == Stand::None;
    html! {
        <button class={if sheet.is_none() { "primary" } else { "" }} disabled={off}
            onclick={look.click(move || Msg::Bench(BenchMsg::Measure(kind)))}>{ icon("play") }{ word }</button>
    }
}

fn table(sheet: &Sheet, special: Special<'_>) -> Html {
    html! {
        <div class="reel" tabindex="0" role="region" aria-label={sheet.title.clone()}>
            <table>
                <thead><tr>{ for sheet.columns.iter().map(|column| html! { <th scope="col">{ column }</th> }) }</tr></thead>
                <tbody>
                    { for sheet.rows.iter().enumerate().map(|(row, cells)| html! {
                        <tr key={row}>{ for cells.iter().enumerate().map(|(column, cell)| {
                            let inner = special(row, column, cell).unwrap_or_else(|| text(cell));
                            if column == 0 { html! { <th scope="row">{ inner }</th> } } else { html! { <td>{ inner }</td> } }
                        }) }</tr>
                    }) }
                </tbody>
            </table>
        </div>
    }
}

/// The text of a cell with its sign, and the bar behind it.
fn text(cell: &Cell) -> Html {
    let (class, sign) = match cell.tone {
        Tone::Plain if cell.bar > 0 => {
            return html! {
                <span class="gauge"><svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={cell.bar.to_string()} height="1" /></svg><b>{ &cell.text }</b></span>
            };
        }
        Tone::Plain => return html! { { &cell.text } },
        Tone::Good => ("good", "ok"),
        Tone::Warn => ("warn", "edge"),
        Tone::Bad => ("bad", "lost"),
    };
    html! { <span class={classes!("tone", class)}>{ icon(sign) }{ &cell.text }</span> }
}

/// Why nothing is measured, or that the engine is on its way.
pub(super) fn stand(look: &Look<'_>) -> Html {
    let bench = &look.ui.bench;
    match (&bench.failed, bench.stand) {
        (Some(why), _) => html! {
            <p class="notice bad" role="alert">{ icon("lost") }<span>{ why }</span>
                <button onclick={look.click(|| Msg::Bench(BenchMsg::Enter))}>{ "Try again" }</button></p>
        },
        (None, Stand::Coming) => html! {
            <p class="notice" role="status">{ icon("clock") }<span>{ "Fetching a second engine, to leave your lab alone…" }</span></p>
        },
        _ => Html::default(),
    }
}
