//! One host: what its member knows, its command line, its files and its journal.

use lab::api::{HostView, MemberCard};
use yew::{Html, html};

use super::card::standing;
use super::{Look, Panel, empty, pair};
use crate::msg::Msg;
use crate::text;

/// The tab.
pub(super) const PANEL: Panel = Panel {
    id: "host",
    label: "Host",
    want: |ui, view, want| want.host = Some(ui.subject(view).to_string()),
    draw,
};

fn draw(look: &Look<'_>) -> Html {
    let subject = look.ui.subject(look.view);
    let card = look.view.card(subject);
    let host = look.view.host.as_deref().filter(|host| host.host == subject);
    let mut hosts = Vec::new();
    for card in look.view.members.iter() {
        hosts.push((card.host.clone(), card.host.clone()));
    }
    html! {
        <>
            <p class="lead">
                { look.choice(subject, hosts, |host| Msg::Choose { host, add: false }) }
                if let Some(card) = card { <span>{ standing(card).0 }</span> }
                if let Some(id) = card.and_then(|card| card.id.clone()) { <code title="Member id">{ id }</code> }
            </p>
            if let Some(card) = card { { knows(card) } }
            if let Some(host) = host { { holds(host) } }
        </>
    }
}

/// What the member says of itself.
fn knows(card: &MemberCard) -> Html {
    if card.role.is_none() {
        return Html::default();
    }
    let mut matches = Vec::new();
    for (host, index) in &card.matches {
        matches.push(format!("{host} {index}"));
    }
    html! {
        <dl class="knows">
            { pair("leader", card.leader.clone().unwrap_or_else(|| "none".into())) }
            { pair("term", card.term.to_string()) }
            { pair("voted for", card.vote.clone().unwrap_or_else(|| "nobody".into())) }
            { pair("log", format!("{}…{}", card.first_index, card.last_index)) }
            { pair("commit", card.commit.to_string()) }
            { pair("applied", card.applied.to_string()) }
            { pair("revision", card.revision.to_string()) }
            { pair("db", text::bytes(card.db_bytes)) }
            if !matches.is_empty() { { pair("match index", matches.join(", ")) } }
            if card.skew_us != 0 { { pair("clock", text::offset(card.skew_us)) } }
        </dl>
    }
}

fn holds(host: &HostView) -> Html {
    html! {
        <>
            <h2>{ "Command line" }</h2>
            if host.flags.is_empty() { { empty("No member was started here.") } } else {
                <pre class="flags" tabindex="0">{ command_line(&host.flags) }</pre>
            }
            <h2>{ "Files" }</h2>
            if host.files.is_empty() { { empty("No data directory.") } } else {
                <table class="files"><tbody>
                    { for host.files.iter().map(|(path, size)| html! {
                        <tr key={path.as_str()}><td class="wide"><code>{ path }</code></td><td class="number">{ text::bytes(*size) }</td></tr>
                    }) }
                </tbody></table>
            }
            <h2>{ "Journal" }</h2>
            if host.journal.is_empty() { { empty("Nothing was logged.") } } else {
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
