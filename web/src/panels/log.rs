//! The log of every member side by side: who has which entry, and how far it counts.

use lab::api::{LogView, MemberCard};
use yew::{Html, classes, html};

use super::card::standing;
use super::{Look, Panel, empty};
use crate::map::Map;
use crate::state::View;

/// The tab.
pub(super) const PANEL: Panel = Panel {
    id: "log",
    label: "Log",
    want: |_, view, want| {
        want.logs = view.ring().into_iter().map(|card| card.host.clone()).collect();
    },
    draw,
};

/// Entries drawn at most.
const ROWS_MAX: usize = 48;

/// How a member stands to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// Not in its log (yet).
    Missing,
    /// Before the start of its log: in its snapshot.
    Compacted,
    /// In its log.
    Stored,
    /// And a majority has it, as it knows.
    Committed,
    /// And its store has taken it.
    Applied,
    /// Another entry is at that index: it will be overwritten.
    Other(u64),
}

/// An entry with every member's cell.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    index: u64,
    term: u64,
    text: String,
    cells: Vec<Cell>,
}

/// The newest entries of all logs; where members differ, the highest term names the entry.
fn table(view: &View) -> Vec<Row> {
    let mut entries: Map<u64, (u64, &str)> = Map::default();
    for (_, log) in view.logs.iter() {
        for row in &log.rows {
            if row.term > entries.get(&row.index).map_or(0, |(term, _)| *term) {
                entries.insert(row.index, (row.term, &row.text));
            }
        }
    }
    let ring = view.ring();
    let mut rows = Vec::new();
    for (index, (term, text)) in entries.iter().rev().take(ROWS_MAX) {
        let (index, term, text) = (*index, *term, (*text).to_string());
        let mut cells = Vec::new();
        for card in &ring {
            cells.push(cell(card, view.logs.get(&card.host), index, term));
        }
        rows.push(Row { index, term, text, cells });
    }
    rows
}

fn cell(card: &MemberCard, log: Option<&LogView>, index: u64, term: u64) -> Cell {
    if card.role.is_none() {
        return Cell::Missing;
    }
    let own = log.and_then(|log| log.rows.iter().find(|row| row.index == index));
    match own {
        Some(row) if row.term != term => Cell::Other(row.term),
        _ if index < card.first_index => Cell::Compacted,
        _ if index > card.last_index => Cell::Missing,
        _ if index <= card.applied => Cell::Applied,
        _ if index <= card.commit => Cell::Committed,
        _ => Cell::Stored,
    }
}

fn sign(cell: Cell) -> (String, &'static str, String) {
    match cell {
        Cell::Missing => (String::new(), "missing", "not in its log".into()),
        Cell::Compacted => ("·".into(), "compacted", "before the start of its log".into()),
        Cell::Stored => ("○".into(), "stored", "in its log".into()),
        Cell::Committed => ("◐".into(), "committed", "committed".into()),
        Cell::Applied => ("●".into(), "applied", "applied".into()),
        Cell::Other(term) => {
            (format!("t{term}"), "other", format!("another entry, of term {term}"))
        }
    }
}

fn draw(look: &Look<'_>) -> Html {
    let rows = table(look.view);
    if rows.is_empty() {
        return empty("No member runs, so no log can be read.");
    }
    html! {
        <>
            <p class="key"><span><i class="stored">{ "○" }</i>{ "in the log" }</span><span><i class="committed">{ "◐" }</i>{ "committed" }</span><span><i class="applied">{ "●" }</i>{ "applied" }</span><span><i class="other">{ "t2" }</i>{ "another term's entry" }</span></p>
            <div class="scroll">
            <table class="log">
                <thead><tr>
                    <th scope="col">{ "index" }</th><th scope="col">{ "term" }</th><th scope="col" class="wide">{ "entry" }</th>
                    { for look.view.ring().into_iter().map(|card| html! {
                        <th scope="col" key={card.host.as_str()} class={standing(card).2} title={standing(card).0}>{ &card.host }</th>
                    }) }
                </tr></thead>
                <tbody>
                    { for rows.iter().map(|row| html! {
                        <tr key={row.index}>
                            <td class="number">{ row.index }</td>
                            <td><span class={format!("term term-{}", row.term % 6)}>{ row.term }</span></td>
                            <td class="wide"><code>{ &row.text }</code></td>
                            { for row.cells.iter().enumerate().map(|(place, cell)| {
                                let (sign, class, title) = sign(*cell);
                                html! { <td key={place} class={classes!("cell", class)} {title}><span aria-hidden="true">{ sign }</span></td> }
                            }) }
                        </tr>
                    }) }
                </tbody>
            </table>
            </div>
        </>
    }
}

#[cfg(test)]
mod tests {
    use lab::api::{DiskState, LogRow, Power, Role};

    use super::*;

    fn card(host: &str, last: u64, commit: u64, applied: u64) -> MemberCard {
        MemberCard {
            host: host.into(),
            id: None,
            power: Power::Running,
            role: Some(Role::Follower),
            voter: true,
            learner: false,
            term: 2,
            vote: None,
            ballots: Vec::new(),
            leader: None,
            first_index: 3,
            last_index: last,
            commit,
            applied,
            revision: 1,
            compacted: 0,
            timer_from_us: 0,
            timer_until_us: 0,
            matches: Vec::new(),
            db_bytes: 0,
            disk: DiskState::Ok,
            skew_us: 0,
            alarms: Vec::new(),
        }
    }

    #[test]
    fn a_cell_says_how_far_an_entry_counts() {
        let card = card("n1", 9, 7, 5);
        let log = LogView {
            host: "n1".into(),
            rows: vec![LogRow { index: 9, term: 2, text: "put a".into() }],
        };
        let cases = [
            (2, 1, Cell::Compacted),
            (5, 2, Cell::Applied),
            (7, 2, Cell::Committed),
            (8, 2, Cell::Stored),
            (9, 3, Cell::Other(2)),
            (10, 3, Cell::Missing),
        ];
        for (index, term, expected) in cases {
            assert_eq!(cell(&card, Some(&log), index, term), expected, "index {index}");
        }
    }
}
