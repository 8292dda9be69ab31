//! The keyspace by revision: every change a store still has, tombstones and compaction too.

use lab::api::{KeyRow, KeysView};
use yew::{Html, classes, html};

use super::icons::icon;
use super::{Look, Panel, empty};
use crate::msg::Msg;
use crate::text;

/// The tab.
pub(super) const PANEL: Panel = Panel {
    id: "keys",
    label: "Keys",
    want: |ui, view, want| want.keys = Some(ui.subject(view).to_string()),
    draw,
};

fn draw(look: &Look<'_>) -> Html {
    let Some(keys) = &look.view.keys else {
        return empty("Choose a member that runs to see its keys.");
    };
    let chosen = look.ui.key.as_deref();
    let shown = keys.rows.iter().filter(|row| chosen.is_none_or(|key| row.key == key));
    html! {
        <>
            <p class="lead">
                <b>{ &keys.host }</b>{ format!(" holds {} at revision {}", text::plural(keys.total, "key"), keys.revision) }
                if keys.compacted > 0 { { format!(", compacted up to {}", keys.compacted) } }
                if let Some(key) = chosen {
                    <button class="filter" onclick={look.click(|| Msg::History(None))} title="Show all keys again">
                        { format!("history of {key}") }{ icon("close") }</button>
                }
            </p>
            if keys.rows.is_empty() {
                <p class="empty">{ "No keys yet. Write one in the terminal: " }<code>{ "etcdctl put greeting hello" }</code></p>
            } else {
                <div class="scroll">
                <table class="keys">
                    <thead><tr>
                        <th scope="col" title="The revision that wrote this">{ "rev" }</th>
                        <th scope="col" class="wide">{ "key" }</th><th scope="col" class="wide">{ "value" }</th>
                        <th scope="col" title="The revision that created the key">{ "created" }</th>
                        <th scope="col" title="Puts since it was created">{ "version" }</th>
                    </tr></thead>
                    <tbody>{ for shown.map(|row| change(look, row, keys)) }</tbody>
                </table>
                </div>
            }
        </>
    }
}

fn change(look: &Look<'_>, row: &KeyRow, keys: &KeysView) -> Html {
    let gone = row.value.is_none();
    let old = row.mod_revision <= keys.compacted;
    let key = row.key.clone();
    html! {
        <tr class={classes!(gone.then_some("tombstone"), old.then_some("old"))}>
            <td class="number">{ row.mod_revision }</td>
            <td class="wide"><button onclick={look.click(move || Msg::History(Some(key.clone())))} title="Only this key's history">
                <code>{ &row.key }</code></button></td>
            <td class="wide">
                if let Some(value) = &row.value { <code>{ value }</code> } else { <em>{ "deleted" }</em> }
                if row.lease != 0 { <small title={format!("lease {:x}", row.lease)}>{ " lease" }</small> }
            </td>
            <td class="number">{ if gone { String::new() } else { row.create_revision.to_string() } }</td>
            <td class="number">{ if gone { String::new() } else { row.version.to_string() } }</td>
        </tr>
    }
}
