//! The toolbar under the ring: what can be done to what is chosen. Each tool is a `sim` line.

use lab::api::{LinkView, MemberCard, Power, Role};
use yew::{Html, html};

use super::Look;
use super::icons::icon;
use crate::map::Map;
use crate::msg::Msg;
use crate::state::View;

/// Something that can be done to one member.
pub(crate) struct Tool {
    /// The verb of `sim`.
    pub(crate) verb: &'static str,
    /// What the button says.
    pub(crate) label: &'static str,
    sign: &'static str,
    /// Its key while a member is chosen.
    pub(crate) key: Option<char>,
    /// What it does, in half a line.
    pub(crate) means: &'static str,
    fits: fn(&MemberCard, &[LinkView]) -> bool,
}

fn runs(card: &MemberCard) -> bool {
    matches!(card.power, Power::Running | Power::Frozen)
}

fn is_cut(card: &MemberCard, links: &[LinkView]) -> bool {
    links.iter().any(|link| link.from == card.host || link.to == card.host)
}

/// Every tool, in the order of the bar.
pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        verb: "kill",
        label: "Kill",
        sign: "kill",
        key: Some('k'),
        means: "SIGKILL the member: it gets no chance to say goodbye",
        fits: |card, _| runs(card),
    },
    Tool {
        verb: "start",
        label: "Start",
        sign: "play",
        key: Some('s'),
        means: "start the member again from its disk",
        fits: |card, _| card.power == Power::Stopped,
    },
    Tool {
        verb: "restart",
        label: "Restart",
        sign: "restart",
        key: Some('r'),
        means: "stop it with SIGTERM and start it again",
        fits: |card, _| card.power == Power::Running,
    },
    Tool {
        verb: "freeze",
        label: "Freeze",
        sign: "freeze",
        key: Some('f'),
        means: "SIGSTOP: it does not know that time passes",
        fits: |card, _| card.power == Power::Running,
    },
    Tool {
        verb: "thaw",
        label: "Thaw",
        sign: "play",
        key: Some('f'),
        means: "SIGCONT: it goes on where it stood",
        fits: |card, _| card.power == Power::Frozen,
    },
    Tool {
        verb: "poweroff",
        label: "Power off",
        sign: "power",
        key: Some('p'),
        means: "cut the host's power: what was not synced is lost",
        fits: |card, _| card.power != Power::Off,
    },
    Tool {
        verb: "poweron",
        label: "Power on",
        sign: "power",
        key: Some('p'),
        means: "switch the host on again",
        fits: |card, _| card.power == Power::Off,
    },
    Tool {
        verb: "isolate",
        label: "Isolate",
        sign: "isolate",
        key: Some('i'),
        means: "cut every link of the host",
        fits: |_, _| true,
    },
    Tool {
        verb: "heal",
        label: "Heal links",
        sign: "heal",
        key: Some('h'),
        means: "join the host's links again",
        fits: is_cut,
    },
    Tool {
        verb: "promote",
        label: "Promote",
        sign: "promote",
        key: None,
        means: "make the learner a voter",
        fits: |card, _| card.role == Some(Role::Learner),
    },
    Tool {
        verb: "remove",
        label: "Remove",
        sign: "remove",
        key: None,
        means: "take the member out of the cluster",
        fits: |card, _| card.voter || card.learner,
    },
];

/// Values of one verb: the verb, what its list says, and its entries as value and words.
type Choices = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Choices of one member that are values, not verbs.
static MEMBER_CHOICES: &[Choices] = &[
    (
        "disk",
        "Disk…",
        &[
            ("ok", "ok"),
            ("slow", "slow"),
            ("full", "full"),
            ("corrupt /var/lib/etcd/member/snap/db", "corrupt db"),
        ],
    ),
    ("skew", "Clock…", &[("0s", "exact"), ("+2s", "+2 s"), ("-2s", "−2 s"), ("+1h", "+1 h")]),
];

/// The same for a link.
static LINK_CHOICES: &[Choices] = &[
    (
        "latency",
        "Latency…",
        &[
            ("500us", "0.5 ms"),
            ("5ms", "5 ms"),
            ("50ms", "50 ms"),
            ("300ms", "300 ms"),
            ("1s", "1 s"),
        ],
    ),
    ("loss", "Loss…", &[("0%", "none"), ("1%", "1 %"), ("10%", "10 %"), ("50%", "50 %")]),
    ("duplicate", "Twice…", &[("0%", "none"), ("5%", "5 %"), ("50%", "50 %")]),
];

/// The tools that fit a member as it is.
pub(crate) fn fitting<'a>(
    card: &'a MemberCard,
    links: &'a [LinkView],
) -> impl Iterator<Item = &'static Tool> + 'a {
    TOOLS.iter().filter(move |tool| (tool.fits)(card, links))
}

/// The `sim` line that splits the chosen from the rest; none when either side is empty.
pub(crate) fn partition(view: &View, chosen: &Map<String, ()>) -> Option<String> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for card in view.ring() {
        if chosen.contains(&card.host) { &mut left } else { &mut right }.push(card.host.as_str());
    }
    let some = !left.is_empty() && !right.is_empty();
    some.then(|| format!("partition {} / {}", left.join(","), right.join(",")))
}

/// The bar.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    if look.ui.read_only || look.view.members.is_empty() {
        return Html::default();
    }
    let mut chosen: Vec<&MemberCard> = Vec::new();
    for (host, ()) in look.ui.chosen.iter() {
        chosen.extend(look.view.card(host));
    }
    let content = match chosen.as_slice() {
        [] => nothing_chosen(look),
        [card] => one_chosen(look, card),
        [a, b] => two_chosen(look, a, b),
        _ => many_chosen(look, &chosen),
    };
    html! { <div class="tools" role="toolbar" aria-label="Tools">{ content }</div> }
}

fn button(look: &Look<'_>, sign: &str, label: &str, line: String, title: &str) -> Html {
    let title = format!("{title}: sim {line}");
    let onclick = look.click(move || Msg::Sim(line.clone()));
    html! { <button {onclick} {title}>{ icon(sign) }<span>{ label }</span></button> }
}

fn nothing_chosen(look: &Look<'_>) -> Html {
    let broken = !look.view.links.is_empty();
    html! {
        <>
            <span class="hint">{ "Choose a member, or drag around several" }</span>
            if let Some(host) = look.view.idle_host() {
                { button(look, "add", "Add member", format!("add {host}"), "a voter on the next idle host") }
                { button(look, "learner", "Add learner", format!("add {host} --learner"), "a member without a vote") }
            }
            if broken { { button(look, "heal", "Heal all links", "heal".into(), "join all links again") } }
        </>
    }
}

fn one_chosen(look: &Look<'_>, card: &MemberCard) -> Html {
    let host = card.host.clone();
    let shell = {
        let host = host.clone();
        look.click(move || Msg::OpenTerminal(host.clone()))
    };
    html! {
        <>
            <b class="subject">{ &card.host }</b>
            { for fitting(card, &look.view.links).map(|tool| {
                let title = match tool.key {
                    Some(key) => format!("{} ({key})", tool.means),
                    None => tool.means.to_string(),
                };
                button(look, tool.sign, tool.label, format!("{} {host}", tool.verb), &title)
            }) }
            { for MEMBER_CHOICES.iter().map(|choice| choices(look, choice, card.host.clone())) }
            <button onclick={shell} title="A terminal on this host (t)">{ icon("data") }<span>{ "Shell" }</span></button>
        </>
    }
}

fn two_chosen(look: &Look<'_>, a: &MemberCard, b: &MemberCard) -> Html {
    let (one, other) = (&a.host, &b.host);
    html! {
        <>
            <b class="subject">{ format!("{one} – {other}") }</b>
            { button(look, "cut", &format!("Cut {one}→{other}"), format!("cut {one} {other}"), "cut one direction") }
            { button(look, "cut", &format!("Cut {other}→{one}"), format!("cut {other} {one}"), "cut the other direction") }
            { for LINK_CHOICES.iter().map(|choice| choices(look, choice, format!("{one} {other}"))) }
            { split(look) }
            { heal(look) }
        </>
    }
}

fn many_chosen(look: &Look<'_>, chosen: &[&MemberCard]) -> Html {
    let names: Vec<String> = chosen.iter().map(|card| card.host.clone()).collect();
    html! {
        <>
            <b class="subject">{ names.join(" ") }</b>
            { split(look) }
            { heal(look) }
        </>
    }
}

fn split(look: &Look<'_>) -> Html {
    match partition(look.view, &look.ui.chosen) {
        Some(line) => button(
            look,
            "partition",
            "Partition",
            line,
            "cut all links between these and the rest (x)",
        ),
        None => Html::default(),
    }
}

fn heal(look: &Look<'_>) -> Html {
    if look.view.links.is_empty() {
        return Html::default();
    }
    button(look, "heal", "Heal all", "heal".into(), "join all links again")
}

/// A list of values; choosing one says the line.
fn choices(
    look: &Look<'_>,
    choice: &'static (&str, &str, &[(&str, &str)]),
    subject: String,
) -> Html {
    let (verb, label, entries) = *choice;
    let entries = entries.iter().map(|(value, text)| ((*value).into(), (*text).into())).collect();
    look.choice(label, entries, move |value| Msg::Sim(format!("{verb} {subject} {value}")))
}
