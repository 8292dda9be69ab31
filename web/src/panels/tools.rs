//! The toolbar under the ring: what can be done to what is chosen. Each tool is a `sim` line.

use std::collections::BTreeSet;

use lab::api::{LinkView, MemberCard, Power, Role};
use web_sys::HtmlSelectElement;
use yew::{Event, Html, Properties, TargetCast, component, html};

use super::Emit;
use super::icons::icon;
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

/// Choices of one member that are values, not verbs: (verb, what the list says, its entries).
static MEMBER_CHOICES: &[(&str, &str, &[(&str, &str)])] = &[
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
static LINK_CHOICES: &[(&str, &str, &[(&str, &str)])] = &[
    (
        "latency",
        "Latency…",
        &[("500us", "0.5 ms"), ("5ms", "5 ms"), ("50ms", "50 ms"), ("300ms", "300 ms"), ("1s", "1 s")],
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
pub(crate) fn partition(view: &View, chosen: &BTreeSet<String>) -> Option<String> {
    let names = view.ring().into_iter().map(|card| card.host.clone());
    let (left, right): (Vec<_>, Vec<_>) = names.partition(|host| chosen.contains(host));
    let some = !left.is_empty() && !right.is_empty();
    some.then(|| format!("partition {} / {}", left.join(","), right.join(",")))
}

/// Props of [`Tools`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The picture.
    pub(crate) view: View,
    /// What is chosen.
    pub(crate) chosen: BTreeSet<String>,
    /// This tab only shows the lab.
    pub(crate) read_only: bool,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// The bar.
#[component]
pub(crate) fn Tools(props: &Props) -> Html {
    if props.read_only || props.view.members.is_empty() {
        return Html::default();
    }
    let chosen: Vec<&MemberCard> =
        props.chosen.iter().filter_map(|host| props.view.card(host)).collect();
    let content = match chosen.as_slice() {
        [] => nothing_chosen(props),
        [card] => one_chosen(props, card),
        [a, b] => two_chosen(props, a, b),
        _ => many_chosen(props, &chosen),
    };
    html! { <div class="tools" role="toolbar" aria-label="Tools">{ content }</div> }
}

fn button(props: &Props, sign: &str, label: &str, line: String, title: &str) -> Html {
    let title = format!("{title}: sim {line}");
    let onclick = props.emit.reform(move |_| Msg::Sim(line.clone()));
    html! { <button {onclick} {title}>{ icon(sign) }<span>{ label }</span></button> }
}

fn nothing_chosen(props: &Props) -> Html {
    let broken = !props.view.links.is_empty();
    html! {
        <>
            <span class="hint">{ "Choose a member, or drag around several" }</span>
            if let Some(host) = props.view.idle_host() {
                { button(props, "add", "Add member", format!("add {host}"), "a voter on the next idle host") }
                { button(props, "learner", "Add learner", format!("add {host} --learner"), "a member without a vote") }
            }
            if broken { { button(props, "heal", "Heal all links", "heal".into(), "join all links again") } }
        </>
    }
}

fn one_chosen(props: &Props, card: &MemberCard) -> Html {
    let host = card.host.clone();
    let shell = props.emit.reform({
        let host = host.clone();
        move |_| Msg::OpenTerminal(host.clone())
    });
    html! {
        <>
            <b class="subject">{ &card.host }</b>
            { for fitting(card, &props.view.links).map(|tool| {
                let title = match tool.key {
                    Some(key) => format!("{} ({key})", tool.means),
                    None => tool.means.to_string(),
                };
                button(props, tool.sign, tool.label, format!("{} {host}", tool.verb), &title)
            }) }
            { for MEMBER_CHOICES.iter().map(|choice| choices(props, choice, card.host.clone())) }
            <button onclick={shell} title="A terminal on this host (t)">{ icon("data") }<span>{ "Shell" }</span></button>
        </>
    }
}

fn two_chosen(props: &Props, a: &MemberCard, b: &MemberCard) -> Html {
    let (one, other) = (&a.host, &b.host);
    html! {
        <>
            <b class="subject">{ format!("{one} – {other}") }</b>
            { button(props, "cut", &format!("Cut {one} → {other}"), format!("cut {one} {other}"), "cut one direction") }
            { button(props, "cut", &format!("Cut {other} → {one}"), format!("cut {other} {one}"), "cut the other direction") }
            { for LINK_CHOICES.iter().map(|choice| choices(props, choice, format!("{one} {other}"))) }
            { split(props) }
            { heal(props) }
        </>
    }
}

fn many_chosen(props: &Props, chosen: &[&MemberCard]) -> Html {
    let names: Vec<String> = chosen.iter().map(|card| card.host.clone()).collect();
    html! {
        <>
            <b class="subject">{ names.join(" ") }</b>
            { split(props) }
            { heal(props) }
        </>
    }
}

fn split(props: &Props) -> Html {
    match partition(&props.view, &props.chosen) {
        Some(line) => button(props, "partition", "Partition from the rest", line, "cut all links between the two sides (x)"),
        None => Html::default(),
    }
}

fn heal(props: &Props) -> Html {
    if props.view.links.is_empty() {
        return Html::default();
    }
    button(props, "heal", "Heal all links", "heal".into(), "join all links again")
}

/// A list of values; choosing one says the line.
fn choices(props: &Props, choice: &'static (&str, &str, &[(&str, &str)]), subject: String) -> Html {
    let (verb, label, entries) = *choice;
    let onchange = props.emit.reform(move |event: Event| {
        let list: HtmlSelectElement = event.target_unchecked_into();
        let value = list.value();
        list.set_selected_index(0);
        Msg::Sim(format!("{verb} {subject} {value}"))
    });
    html! {
        <select {onchange} aria-label={label.trim_end_matches('…')} title={format!("sim {verb}")}>
            <option value="" selected=true disabled=true>{ label }</option>
            { for entries.iter().map(|(value, text)| html! { <option key={*value} value={*value}>{ *text }</option> }) }
        </select>
    }
}
