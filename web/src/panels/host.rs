//! One host: what its member knows, its command line, its files and its journal.

use std::rc::Rc;

use lab::api::{HostView, MemberCard};
use web_sys::HtmlSelectElement;
use yew::{Event, Html, Properties, TargetCast, component, html};

use super::card::standing;
use super::{Emit, Panel};
use crate::msg::Msg;
use crate::state::View;
use crate::text;

/// The tab.
pub(super) const PANEL: Panel = Panel {
    id: "host",
    label: "Host",
    want: |ui, view, want| want.host = Some(ui.subject(view).to_string()),
    draw: |ui, view, emit| {
        let subject = ui.subject(view).to_string();
        html! { <Host view={view.clone()} {subject} emit={emit.clone()} /> }
    },
};

#[derive(Properties, PartialEq)]
struct Props {
    view: View,
    subject: String,
    emit: Emit,
}

#[component]
fn Host(props: &Props) -> Html {
    let card = props.view.card(&props.subject);
    let host = props.view.host.clone().filter(|host| host.host == props.subject);
    let onchange = props.emit.reform(|event: Event| {
        let list: HtmlSelectElement = event.target_unchecked_into();
        Msg::Choose { host: list.value(), add: false }
    });
    html! {
        <>
            <p class="lead">
                <select {onchange} aria-label="Host">
                    { for props.view.members.iter().map(|it| html! {
                        <option key={it.host.as_str()} value={it.host.clone()} selected={it.host == props.subject}>{ &it.host }</option>
                    }) }
                </select>
                if let Some(card) = card { <span>{ standing(card).0 }</span> }
                if let Some(id) = card.and_then(|card| card.id.clone()) { <code title="Member id">{ id }</code> }
            </p>
            if let Some(card) = card { { knows(card) } }
            if let Some(host) = host { { holds(&host) } }
        </>
    }
}

/// What the member says of itself.
fn knows(card: &MemberCard) -> Html {
    if card.role.is_none() {
        return Html::default();
    }
    let row = |name: &'static str, value: String| html! { <div><dt>{ name }</dt><dd>{ value }</dd></div> };
    let matches: Vec<String> =
        card.matches.iter().map(|(host, index)| format!("{host} {index}")).collect();
    html! {
        <dl class="knows">
            { row("leader", card.leader.clone().unwrap_or_else(|| "none".into())) }
            { row("term", card.term.to_string()) }
            { row("voted for", card.vote.clone().unwrap_or_else(|| "nobody".into())) }
            { row("log", format!("{}…{}", card.first_index, card.last_index)) }
            { row("commit", card.commit.to_string()) }
            { row("applied", card.applied.to_string()) }
            { row("revision", card.revision.to_string()) }
            { row("db", text::bytes(card.db_bytes)) }
            if !matches.is_empty() { { row("match index", matches.join(", ")) } }
            if card.skew_us != 0 { { row("clock", text::offset(card.skew_us)) } }
        </dl>
    }
}

fn holds(host: &Rc<HostView>) -> Html {
    html! {
        <>
            <h3>{ "Command line" }</h3>
            if host.flags.is_empty() { <p class="empty">{ "No member was started here." }</p> } else {
                <pre class="flags">{ command_line(&host.flags) }</pre>
            }
            <h3>{ "Files" }</h3>
            if host.files.is_empty() { <p class="empty">{ "No data directory." }</p> } else {
                <table class="files"><tbody>
                    { for host.files.iter().map(|(path, size)| html! {
                        <tr key={path.as_str()}><td class="wide"><code>{ path }</code></td><td class="number">{ text::bytes(*size) }</td></tr>
                    }) }
                </tbody></table>
            }
            <h3>{ "Journal" }</h3>
            if host.journal.is_empty() { <p class="empty">{ "Nothing was logged." }</p> } else {
                <ol class="journal">{ for host.journal.iter().rev().enumerate().map(|(place, line)| html! { <li key={place}>{ line }</li> }) }</ol>
            }
        </>
    }
}

/// One flag a line, as somebody would write it.
fn command_line(flags: &[String]) -> String {
    let mut text = String::new();
    for (place, word) in flags.iter().enumerate() {
        match place {
            0 => {}
            _ if word.starts_with("--") => text.push_str(" \\\n  "),
            _ => text.push(' '),
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_has_one_flag_a_line() {
        let words = ["etcd", "--name", "n1", "--data-dir=/var/lib/etcd"].map(String::from);
        assert_eq!(command_line(&words), "etcd \\\n  --name n1 \\\n  --data-dir=/var/lib/etcd");
    }
}
