//! The keys: one table for what they do and for the list that tells them.

use yew::{Html, html};

use super::tools;
use crate::msg::Msg;
use crate::state::{Dialog, UiState, View};

/// A key that does something by itself.
struct Shortcut {
    key: &'static str,
    shown: &'static str,
    means: &'static str,
    msg: fn(&UiState, &View) -> Option<Msg>,
}

static SHORTCUTS: &[Shortcut] = &[
    Shortcut { key: " ", shown: "Space", means: "pause or run", msg: |_, _| Some(Msg::Toggle) },
    Shortcut { key: ".", shown: ".", means: "one event", msg: |_, _| Some(Msg::Step) },
    Shortcut {
        key: "[",
        shown: "[",
        means: "slower",
        msg: |_, _| Some(Msg::Nudge { faster: false }),
    },
    Shortcut {
        key: "]",
        shown: "]",
        means: "faster",
        msg: |_, _| Some(Msg::Nudge { faster: true }),
    },
    Shortcut { key: "u", shown: "u", means: "undo the last action", msg: |_, _| Some(Msg::Undo) },
    Shortcut {
        key: "x",
        shown: "x",
        means: "partition the chosen members from the rest",
        msg: |ui, view| tools::partition(view, &ui.chosen).map(Msg::Sim),
    },
    Shortcut {
        key: "H",
        shown: "Shift H",
        means: "heal all links",
        msg: |_, _| Some(Msg::Sim("heal".into())),
    },
    Shortcut {
        key: "t",
        shown: "t",
        means: "a terminal on the chosen host",
        msg: |ui, view| Some(Msg::OpenTerminal(ui.subject(view).to_string())),
    },
    Shortcut {
        key: "Escape",
        shown: "Esc",
        means: "choose nothing",
        msg: |_, _| Some(Msg::ChooseAll(Vec::new())),
    },
    Shortcut {
        key: "?",
        shown: "?",
        means: "this list",
        msg: |_, _| Some(Msg::Dialog(Some(Dialog::Shortcuts))),
    },
];

/// Keys that are not in the table because they are not one key each.
static OTHERS: [(&str, &str); 4] = [
    ("1 … 9", "choose a member (with Shift: besides the others)"),
    ("← ↑ → ↓", "go round the ring"),
    ("F6", "next area: cluster, terminal, facts"),
    ("Ctrl C", "in the terminal: interrupt the program; copy while text is selected"),
];

/// What a key means, pressed outside of the terminal and of fields.
pub(crate) fn message_for(
    key: &str,
    code: &str,
    shift: bool,
    ui: &UiState,
    view: &View,
) -> Option<Msg> {
    if let Some(digit) = code.strip_prefix("Digit").and_then(|it| it.parse::<u8>().ok()) {
        let host = format!("n{digit}");
        return view.card(&host).map(|_| Msg::Choose { host, add: shift });
    }
    if let Some(shortcut) = SHORTCUTS.iter().find(|it| it.key == key) {
        return (shortcut.msg)(ui, view);
    }
    let key = key.chars().next().filter(|_| key.chars().count() == 1)?;
    let (only, ()) = ui.chosen.iter().next().filter(|_| ui.chosen.len() == 1)?;
    let card = view.card(only)?;
    let tool = tools::fitting(card, &view.links).find(|tool| tool.key == Some(key))?;
    Some(Msg::Sim(format!("{} {}", tool.verb, card.host)))
}

/// The list.
pub(super) fn list() -> Html {
    let row = |key: &str, means: &str| html! { <div><dt><kbd>{ key.to_string() }</kbd></dt><dd>{ means.to_string() }</dd></div> };
    let mut rows = Vec::new();
    for shortcut in SHORTCUTS {
        rows.push(row(shortcut.shown, shortcut.means));
    }
    for (key, means) in OTHERS {
        rows.push(row(key, means));
    }
    // Tools that undo each other share a key: one row for both.
    let mut tools: Vec<(char, String)> = Vec::new();
    for tool in tools::TOOLS {
        let Some(key) = tool.key else { continue };
        match tools.iter_mut().find(|(it, _)| *it == key) {
            Some((_, label)) => label.push_str(&format!(", {}", tool.label.to_ascii_lowercase())),
            None => tools.push((key, tool.label.to_ascii_lowercase())),
        }
    }
    let mut of_member = Vec::new();
    for (key, label) in tools {
        of_member.push(row(&key.to_string(), &label));
    }
    html! {
        <>
            <dl class="shortcuts">{ for rows.into_iter() }</dl>
            <h3>{ "With one member chosen" }</h3>
            <dl class="shortcuts">{ for of_member.into_iter() }</dl>
        </>
    }
}
