//! A member on its host.

use lab::api::{DiskState, MemberCard, Power, QuorumView, Role};
use yew::{Html, MouseEvent, classes, html};

use super::Look;
use super::icons::icon;
use crate::msg::Msg;
use crate::stage::Size;
use crate::text;

/// What a member is, in a word, an icon and a class.
pub(super) fn standing(card: &MemberCard) -> (&'static str, &'static str, &'static str) {
    match (card.power, card.role) {
        (Power::Off, _) => ("Power off", "off", "down"),
        (Power::Stopped, _) => ("Stopped", "stop", "down"),
        (Power::Idle, _) => ("Idle", "follower", "down"),
        (Power::Frozen, _) => ("Frozen", "freeze", "frozen"),
        (Power::Running, Some(Role::Leader)) => ("Leader", "leader", "leader"),
        (Power::Running, Some(Role::Candidate)) => ("Candidate", "candidate", "candidate"),
        (Power::Running, Some(Role::PreCandidate)) => ("Pre-vote", "candidate", "candidate"),
        (Power::Running, Some(Role::Learner)) => ("Learner", "learner", "learner"),
        (Power::Running, Some(Role::Follower)) => ("Follower", "follower", "follower"),
        (Power::Running, None) => ("Starting", "clock", "down"),
    }
}

/// The card.
pub(crate) fn draw(look: &Look<'_>, card: &MemberCard, in_tab_order: bool) -> Html {
    let (word, sign, class) = standing(card);
    let reachable = |quorum: &QuorumView| quorum.reachable.contains(&card.host);
    let alone = card.power == Power::Running
        && card.voter
        && look.view.quorum.as_deref().is_some_and(|quorum| !reachable(quorum));
    let chosen = look.ui.chosen.contains(&card.host);
    let host = card.host.clone();
    let onclick = look.emit.reform(move |event: MouseEvent| {
        let add = event.shift_key() || event.ctrl_key() || event.meta_key();
        Msg::Choose { host: host.clone(), add }
    });
    html! {
        <button key={card.host.as_str()} id={format!("card-{}", card.host)} {onclick}
            class={classes!("card", look.size.class(), class, alone.then_some("alone"), chosen.then_some("chosen"))}
            aria-pressed={chosen.to_string()} aria-label={(look.size == Size::Disc).then(|| more(card, word))}
            tabindex={if in_tab_order { "0" } else { "-1" }} data-host={card.host.clone()}>
            <span class="face">
                <svg viewBox="0 0 48 48" aria-hidden="true">
                    <circle class="track" cx="24" cy="24" r="21" />
                    <circle class="arc" id={format!("arc-{}", card.host)} cx="24" cy="24" r="21" pathLength="100" stroke-dasharray="0 100" />
                </svg>
                { icon(sign) }
            </span>
            <span class="who"><b>{ &card.host }</b><span class="role">{ word }</span></span>
            if look.size != Size::Disc {
                <span class="when">{ if card.term > 0 { format!("term {}", card.term) } else { String::new() } }{ votes(look, card) }</span>
                { numbers(card, look.size) }
                { badges(card, alone) }
            }
        </button>
    }
}

/// Ballots of a candidate as pips; for whom the others voted.
fn votes(look: &Look<'_>, card: &MemberCard) -> Html {
    let campaigns = matches!(card.role, Some(Role::Candidate | Role::PreCandidate));
    match (campaigns, &card.vote) {
        (true, _) => {
            let voters =
                look.view.quorum.as_ref().map(|quorum| quorum.voters.clone()).unwrap_or_default();
            html! {
                <span class="ballots" title="Votes collected">
                    { for voters.iter().map(|voter| {
                        let ballot = card.ballots.iter().find(|(host, _)| host == voter);
                        let class = match ballot {
                            Some((_, true)) => "yes",
                            Some((_, false)) => "no",
                            None => "open",
                        };
                        html! { <i key={voter.as_str()} class={class} title={voter.clone()} /> }
                    }) }
                </span>
            }
        }
        (false, Some(host)) => {
            html! { <span class="vote" title="Its vote in this term">{ format!("voted {host}") }</span> }
        }
        (false, None) => Html::default(),
    }
}

fn numbers(card: &MemberCard, size: Size) -> Html {
    if card.role.is_none() {
        return html! { <span class="numbers none">{ if card.voter { "still a voter" } else { "" } }</span> };
    }
    let number = |name: &'static str, value: String, title: &'static str| {
        html! { <span title={title}><small>{ name }</small>{ value }</span> }
    };
    let behind = (card.last_index > card.commit).then_some("ahead");
    html! {
        <span class={classes!("numbers", behind)}>
            { number("log", card.last_index.to_string(), "Index of the last entry in its log") }
            { number("commit", card.commit.to_string(), "Index up to which a majority has the log") }
            if size == Size::Full {
                { number("applied", card.applied.to_string(), "Index up to which its store has taken the log") }
                { number("rev", card.revision.to_string(), "Revision of its store") }
            }
        </span>
    }
}

/// What is wrong with its disk.
fn disk(card: &MemberCard) -> Option<&'static str> {
    match card.disk {
        DiskState::Ok => None,
        DiskState::Slow => Some("disk slow"),
        DiskState::Full => Some("disk full"),
        DiskState::Corrupt => Some("disk corrupt"),
    }
}

/// What is wrong with it, if anything.
fn badges(card: &MemberCard, alone: bool) -> Html {
    let skew = (card.skew_us != 0).then(|| format!("clock {}", text::offset(card.skew_us)));
    html! {
        <span class="badges">
            if alone { <em>{ "cut off" }</em> }
            if let Some(disk) = disk(card) { <em>{ disk }</em> } else if card.power != Power::Off { <em class="fine">{ "disk ok" }</em> }
            if let Some(skew) = skew { <em>{ skew }</em> }
            { for card.alarms.iter().map(|alarm| html! { <em key={alarm.as_str()}>{ alarm }</em> }) }
        </span>
    }
}

/// What a disc has no room for, for screen readers and the pointer.
fn more(card: &MemberCard, word: &str) -> String {
    format!(
        "{} {word}, term {}, log {}, commit {}, applied {}, revision {}",
        card.host, card.term, card.last_index, card.commit, card.applied, card.revision
    )
}
