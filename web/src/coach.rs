//! The one sentence of what to try next. It follows what the learner has done, in any order.

use lab::api::{Power, QuorumView};
use serde::{Deserialize, Serialize};

use crate::state::View;

/// Something the learner did or brought about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    /// A command typed in a terminal.
    Line(String),
    /// A `sim` line, typed or clicked.
    Sim(String),
    /// Time was slowed down.
    Slowed,
    /// No group of voters is a majority any more.
    QuorumLost,
    /// One is again.
    QuorumBack,
    /// A learner joined.
    LearnerJoined,
    /// There are more voters than before.
    VoterJoined,
}

/// How far the learner has come: a bit for each of [`STEPS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    done: u32,
    /// The line is put away.
    pub(crate) hidden: bool,
}

/// What the button beside the sentence does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Offer {
    /// Types this into the terminal, without Enter.
    Type(String),
    /// Does what `sim` does with this line.
    Sim(String),
    /// Sets the speed.
    Speed(u32),
    /// Only the sentence.
    Nothing,
}

/// One step: how it is said, and when it is done.
struct Step {
    say: fn(&Scene<'_>) -> (String, Offer),
    done: fn(&Deed, &Scene<'_>) -> bool,
}

/// What a step may look at.
pub(crate) struct Scene<'a> {
    /// The picture.
    pub(crate) view: &'a View,
}

impl Scene<'_> {
    /// What is said in a world that is no tour.
    fn elsewhere(&self) -> Option<&'static Elsewhere> {
        let world = &self.view.world.as_ref()?.options.world;
        ELSEWHERE.iter().find(|(name, _, _)| name == world)
    }

    /// Whether the steps are for this world.
    pub(crate) fn is_tour(&self) -> bool {
        self.elsewhere().is_none()
    }

    fn leader(&self) -> Option<&str> {
        self.view.world.as_ref()?.leader.as_deref()
    }

    fn quorum(&self) -> QuorumView {
        self.view.quorum.as_deref().cloned().unwrap_or_default()
    }

    /// A voter to take away next: one that follows, so that the leader stays to be watched.
    fn next_victim(&self) -> Option<String> {
        let quorum = self.quorum();
        let leader = self.leader();
        quorum.reachable.iter().rev().find(|host| Some(host.as_str()) != leader).cloned()
    }

    fn down(&self) -> Option<String> {
        let quorum = self.quorum();
        let stands = |power: Power| !matches!(power, Power::Running);
        let mut cards = self.view.members.iter();
        cards.find(|card| quorum.voters.contains(&card.host) && stands(card.power)).map(|card| {
            match card.power {
                Power::Frozen => format!("thaw {}", card.host),
                Power::Off => format!("poweron {}", card.host),
                _ => format!("start {}", card.host),
            }
        })
    }

    fn idle(&self) -> Option<String> {
        let mut cards = self.view.members.iter();
        cards.find(|card| card.power == Power::Idle).map(|card| card.host.clone())
    }
}

fn sim_is(deed: &Deed, verbs: &[&str]) -> bool {
    matches!(deed, Deed::Sim(line) if verbs.iter().any(|verb| line.split(' ').next() == Some(verb)))
}

static STEPS: &[Step] = &[
    Step {
        say: |_| {
            (
                "Write something: type etcdctl put greeting hello, then Enter.".into(),
                Offer::Type("etcdctl put greeting hello".into()),
            )
        },
        done: |deed, _| matches!(deed, Deed::Line(line) if line.contains("etcdctl") && line.contains("put ")),
    },
    Step {
        say: |scene| match scene.leader() {
            Some(leader) => (
                format!("{leader} leads. Kill it, and watch the others notice and elect."),
                Offer::Sim(format!("kill {leader}")),
            ),
            None => {
                ("No leader yet: followers wait until their timer runs out.".into(), Offer::Nothing)
            }
        },
        done: |deed, scene| match deed {
            Deed::Sim(line) => {
                sim_is(deed, &["kill", "stop", "poweroff", "freeze", "isolate"])
                    && scene.leader().is_none_or(|leader| line.ends_with(leader))
            }
            _ => false,
        },
    },
    Step {
        say: |_| {
            (
                "A message needs half a millisecond. Slow time to x1/100 and see every one.".into(),
                Offer::Speed(10),
            )
        },
        done: |deed, _| *deed == Deed::Slowed,
    },
    Step {
        say: |scene| {
            let quorum = scene.quorum();
            let text = format!(
                "{} of {} voters are there and {} are needed. Take one more away than the cluster can lose.",
                quorum.reachable.len(),
                quorum.voters.len(),
                quorum.quorum
            );
            (
                text,
                scene
                    .next_victim()
                    .map_or(Offer::Nothing, |host| Offer::Sim(format!("kill {host}"))),
            )
        },
        done: |deed, _| *deed == Deed::QuorumLost,
    },
    Step {
        say: |_| {
            (
                "The quorum is lost. Write again: put waits, then fails. Then get greeting --consistency=s, which still answers.".into(),
                Offer::Type("etcdctl put greeting again".into()),
            )
        },
        done: |deed, scene| {
            matches!(deed, Deed::Line(line) if line.contains("put "))
                && scene.view.quorum.as_ref().is_some_and(|quorum| !quorum.has_quorum)
        },
    },
    Step {
        say: |scene| {
            let quorum = scene.quorum();
            let text = format!(
                "Bring members back: with {} of {} the majority elects a leader and writes go on.",
                quorum.quorum,
                quorum.voters.len()
            );
            (text, scene.down().map_or(Offer::Nothing, Offer::Sim))
        },
        done: |deed, _| *deed == Deed::QuorumBack,
    },
    Step {
        say: |scene| {
            let voters = scene.quorum().voters;
            let few = voters.len().saturating_sub(1) / 2;
            let (left, right) = voters.split_at(few.min(voters.len()));
            let offer = match (left, right) {
                ([_, ..], [_, ..]) => {
                    Offer::Sim(format!("partition {} / {}", left.join(","), right.join(",")))
                }
                _ => Offer::Nothing,
            };
            ("Split the network: only the side with a majority keeps writing.".into(), offer)
        },
        done: |deed, _| sim_is(deed, &["partition"]),
    },
    Step {
        say: |_| {
            (
                "Join the network again, and watch the smaller side take over the other's log."
                    .into(),
                Offer::Sim("heal".into()),
            )
        },
        done: |deed, _| sim_is(deed, &["heal"]),
    },
    Step {
        say: |scene| {
            let offer = scene
                .idle()
                .map_or(Offer::Nothing, |host| Offer::Sim(format!("add {host} --learner")));
            ("Grow the cluster: a learner copies the log first and has no vote.".into(), offer)
        },
        done: |deed, _| *deed == Deed::LearnerJoined,
    },
    Step {
        say: |scene| {
            let learner = scene.quorum().learners.first().cloned();
            let offer =
                learner.map_or(Offer::Nothing, |host| Offer::Sim(format!("promote {host}")));
            ("Promote the learner: the quorum is counted anew from that entry on.".into(), offer)
        },
        done: |deed, _| *deed == Deed::VoterJoined,
    },
];

/// The steps that are about a lost quorum: while it is, they come before all others.
const WHILE_LOST: [usize; 2] = [4, 5];

/// A world that is no tour: its name, what to try first, and the command for it.
type Elsewhere = (&'static str, &'static str, &'static str);

/// All of them.
static ELSEWHERE: &[Elsewhere] = &[
    (
        "cluster-tls",
        "Every client must show a certificate here. Look at those that lie ready.",
        "ls /etc/etcd/pki",
    ),
    (
        "bare",
        "Nothing is installed here. Download etcd as on a real machine, unpack it, and start a member on each host.",
        "curl -LO https://github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz",
    ),
    (
        "bare-tls",
        "etcd's programs and certificates wait in /root: install them, and start a member on each host.",
        "sudo ls -R /root",
    ),
    (
        "external-plain",
        "etcd runs as a service on each of these hosts, without TLS.",
        "systemctl status etcd",
    ),
    ("external", "etcd runs as a service on each of these hosts.", "systemctl status etcd"),
    ("kubeadm", "Kubernetes keeps its state in this etcd. See who runs it.", "kubectl get pods -A"),
    (
        "kubeadm-ha",
        "Kubernetes keeps its state in this etcd. See who runs it.",
        "kubectl get pods -A",
    ),
];

impl Progress {
    /// Notes a deed; true when the sentence changes.
    pub(crate) fn saw(&mut self, deed: &Deed, scene: &Scene<'_>) -> bool {
        let before = self.done;
        // One deed ends one step, the first that is open: nobody skips half the tour by chance.
        let open = (0..STEPS.len()).filter(|step| before & (1 << step) == 0);
        if let Some(step) = open.into_iter().find(|step| (STEPS[*step].done)(deed, scene)) {
            self.done |= 1 << step;
        }
        self.done != before
    }

    /// The sentence and its button.
    pub(crate) fn sentence(&self, scene: &Scene<'_>) -> (String, Offer) {
        if let Some((_, say, line)) = scene.elsewhere() {
            return ((*say).into(), Offer::Type((*line).into()));
        }
        let open = |step: &usize| self.done & (1 << step) == 0;
        let quorum = scene.quorum();
        let lost = !quorum.voters.is_empty() && !quorum.has_quorum;
        let timely = WHILE_LOST.into_iter().filter(|_| lost).chain(0..STEPS.len()).find(open);
        match timely {
            Some(step) => (STEPS[step].say)(scene),
            None => (
                "You have seen it all once. Now break it your own way: sim help lists every fault."
                    .into(),
                Offer::Type("sim help".into()),
            ),
        }
    }

    /// Steps done and steps there are.
    pub(crate) fn count(&self) -> (u32, usize) {
        (self.done.count_ones(), STEPS.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_end_their_step_in_any_order() {
        let view = View::default();
        let scene = Scene { view: &view };
        let mut progress = Progress::default();
        assert!(progress.sentence(&scene).0.contains("put greeting"));
        assert!(progress.saw(&Deed::Sim("heal".into()), &scene));
        assert!(!progress.saw(&Deed::Sim("heal".into()), &scene), "once is enough");
        assert!(progress.saw(&Deed::Line("etcdctl put a 1".into()), &scene));
        assert!(progress.sentence(&scene).0.contains("No leader yet"));
        assert_eq!(progress.count(), (2, STEPS.len()));
    }

    #[test]
    fn a_lost_quorum_is_spoken_of_while_it_is_lost() {
        let quorum = QuorumView { voters: vec!["n1".into()], ..QuorumView::default() };
        let view = View { quorum: Some(quorum.into()), ..View::default() };
        let scene = Scene { view: &view };
        let mut progress = Progress::default();
        assert!(progress.sentence(&scene).0.starts_with("The quorum is lost."));
        progress.saw(&Deed::QuorumLost, &scene);
        progress.done |= 1 << WHILE_LOST[0];
        assert!(progress.sentence(&scene).0.starts_with("Bring members back"));
    }
}
