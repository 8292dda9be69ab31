//! The quorum bar: the arithmetic spelled out, live, counting voters only.

use lab::api::QuorumView;
use yew::{Html, classes, html};

use super::Look;
use super::icons::icon;
use crate::text;

/// The state of a cluster by its quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no cluster: nobody votes.
    None,
    Safe,
    Edge,
    Lost,
}

impl State {
    fn of(quorum: &QuorumView) -> State {
        match (quorum.has_quorum, quorum.can_lose) {
            _ if quorum.voters.is_empty() => State::None,
            (false, _) => State::Lost,
            (true, 0) => State::Edge,
            (true, _) => State::Safe,
        }
    }

    fn look(self) -> (&'static str, &'static str, &'static str) {
        match self {
            State::None => ("none", "clock", "No cluster yet"),
            State::Safe => ("safe", "ok", "Quorum held"),
            State::Edge => ("edge", "edge", "No member to spare"),
            State::Lost => ("lost", "lost", "Quorum lost"),
        }
    }
}

/// What follows from the numbers, in words.
fn verdict(quorum: &QuorumView) -> String {
    let missing = i32::from(quorum.quorum) - i32::try_from(quorum.reachable.len()).unwrap_or(0);
    match State::of(quorum) {
        State::None => "no member of etcd runs here: nothing votes".into(),
        State::Safe => format!("can lose {} more", quorum.can_lose),
        State::Edge => "can lose none".into(),
        State::Lost => format!("{missing} short: writes wait"),
    }
}

/// The bar.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let Some(quorum) = &look.view.quorum else {
        return html! { <section class="quorum" aria-label="Quorum" /> };
    };
    let (class, sign, word) = State::of(quorum).look();
    let voters = quorum.voters.len();
    html! {
        <section class={classes!("quorum", class)} aria-label="Quorum">
            <strong class="badge">{ icon(sign) }{ word }</strong>
            { pips(quorum) }
            <dl class="sum">
                if voters > 0 {
                    { term("voters", String::new(), voters) }
                    { term("quorum", format!("⌊{voters}/2⌋ + 1 = "), usize::from(quorum.quorum)) }
                    { term("reachable", String::new(), quorum.reachable.len()) }
                }
                <div class="verdict"><dd>{ verdict(quorum) }</dd></div>
            </dl>
            { learners(quorum) }
        </section>
    }
}

fn term(name: &'static str, sum: String, value: usize) -> Html {
    html! { <div><dt>{ name }</dt><dd><i>{ sum }</i>{ value }</dd></div> }
}

/// One pip a voter, those that count first, with a mark where the majority is reached.
fn pips(quorum: &QuorumView) -> Html {
    let (mut all, mut gone) = (Vec::new(), Vec::new());
    for host in &quorum.voters {
        let there = quorum.reachable.contains(host);
        if there { &mut all } else { &mut gone }.push((host, there));
    }
    all.append(&mut gone);
    let needed = usize::from(quorum.quorum);
    html! {
        <ul class="pips" aria-hidden="true">
            { for all.into_iter().enumerate().map(|(place, (host, there))| html! {
                <li key={host.as_str()}
                    class={classes!(there.then_some("there"), (place + 1 == needed).then_some("needed"))}
                    title={format!("{host}: {}", if there { "reachable" } else { "not reachable" })}>
                    { host }
                </li>
            }) }
        </ul>
    }
}

fn learners(quorum: &QuorumView) -> Html {
    if quorum.learners.is_empty() {
        return Html::default();
    }
    let names = text::list(&quorum.learners);
    let word = if quorum.learners.len() == 1 { "learner" } else { "learners" };
    html! { <span class="learners" title="Learners have no vote and do not count">{ format!("+ {word} {names}") }</span> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quorum(voters: usize, reachable: usize) -> QuorumView {
        let names = |count: usize| (1..=count).map(|n| format!("n{n}")).collect();
        let needed = voters / 2 + 1;
        QuorumView {
            voters: names(voters),
            learners: Vec::new(),
            quorum: needed as u8,
            reachable: names(reachable),
            can_lose: reachable as i8 - needed as i8,
            has_quorum: reachable >= needed,
        }
    }

    #[test]
    fn the_verdict_follows_the_numbers() {
        let cases = [
            (5, 5, "can lose 2 more"),
            (5, 4, "can lose 1 more"),
            (5, 3, "can lose none"),
            (5, 2, "1 short: writes wait"),
            (4, 1, "2 short: writes wait"),
            (1, 1, "can lose none"),
            (0, 0, "no member of etcd runs here: nothing votes"),
        ];
        for (voters, reachable, text) in cases {
            assert_eq!(verdict(&quorum(voters, reachable)), text, "{reachable} of {voters}");
        }
    }
}
