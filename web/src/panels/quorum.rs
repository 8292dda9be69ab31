//! The quorum bar: the arithmetic spelled out, live, counting voters only.

use std::rc::Rc;

use lab::api::QuorumView;
use yew::{Html, Properties, classes, component, html};

use super::icons::icon;
use crate::text;

/// Props of [`Quorum`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The arithmetic; none before the first picture.
    pub(crate) quorum: Option<Rc<QuorumView>>,
}

/// The state of a cluster by its quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Safe,
    Edge,
    Lost,
}

impl State {
    fn of(quorum: &QuorumView) -> State {
        match (quorum.has_quorum, quorum.can_lose) {
            (false, _) => State::Lost,
            (true, 0) => State::Edge,
            (true, _) => State::Safe,
        }
    }

    fn look(self) -> (&'static str, &'static str, &'static str) {
        match self {
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
        State::Safe => format!("can lose {} more", quorum.can_lose),
        State::Edge => "can lose none".into(),
        State::Lost => format!("{missing} short: writes wait"),
    }
}

/// The bar.
#[component]
pub(crate) fn Quorum(props: &Props) -> Html {
    let Some(quorum) = &props.quorum else {
        return html! { <section class="quorum" aria-label="Quorum"><span class="verdict">{ "…" }</span></section> };
    };
    let (class, sign, word) = State::of(quorum).look();
    let voters = quorum.voters.len();
    html! {
        <section class={classes!("quorum", class)} aria-label="Quorum">
            <strong class="badge">{ icon(sign) }{ word }</strong>
            { pips(quorum) }
            <dl class="sum">
                { term("voters", html! { { voters } }) }
                { term("quorum", html! { <><i>{ format!("⌊{voters}/2⌋ + 1 =") }</i>{ " " }{ quorum.quorum }</> }) }
                { term("reachable", html! { { quorum.reachable.len() } }) }
                <div class="verdict"><dd>{ verdict(quorum) }</dd></div>
            </dl>
            { learners(quorum) }
        </section>
    }
}

fn term(name: &str, value: Html) -> Html {
    html! { <div><dt>{ name }</dt><dd>{ value }</dd></div> }
}

/// One pip a voter, those that count first, with a mark where the majority is reached.
fn pips(quorum: &QuorumView) -> Html {
    let here = |host: &&String| quorum.reachable.contains(host);
    let (reachable, gone): (Vec<&String>, Vec<&String>) = quorum.voters.iter().partition(here);
    let all = reachable.iter().map(|host| (*host, true)).chain(gone.iter().map(|host| (*host, false)));
    let needed = usize::from(quorum.quorum);
    html! {
        <ul class="pips" aria-hidden="true">
            { for all.enumerate().map(|(place, (host, there))| html! {
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
        ];
        for (voters, reachable, text) in cases {
            assert_eq!(verdict(&quorum(voters, reachable)), text, "{reachable} of {voters}");
        }
    }
}
