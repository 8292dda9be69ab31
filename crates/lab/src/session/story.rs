//! The events list: what happened and why, one sentence each.
//!
//! The world tells facts; this file words them. Facts that come by the hundred (commits,
//! applied entries, granted pre-votes) are left out or thinned, so that what a learner did
//! and what followed from it stay readable.

use std::collections::VecDeque;

use etcd::{Change, Fact, MemberId, Role, Why};
use flat::Map;
use sim::{DiskFault, Ending, Fault, HostId, WorldEvent};

use crate::api::{StoryKind, StoryRow};

/// How many rows are kept.
const ROWS_MAX: usize = 500;
/// Applied writes closer together than this share one sentence.
const DATA_GAP_US: u64 = 200_000;

/// The sentences so far.
pub(crate) struct Story {
    rows: VecDeque<StoryRow>,
    next_id: u64,
    names: Names,
    last_data_us: Option<u64>,
}

/// Who is who.
pub(crate) struct Names {
    hosts: Vec<String>,
    members: Map<MemberId, String>,
}

impl Names {
    pub(crate) fn new(hosts: Vec<String>) -> Names {
        Names { hosts, members: Map::new() }
    }

    pub(crate) fn host(&self, host: HostId) -> String {
        self.hosts.get(usize::from(host.0)).cloned().unwrap_or_else(|| "?".into())
    }

    pub(crate) fn member(&self, member: MemberId) -> String {
        self.members.get(&member).cloned().unwrap_or_else(|| member.to_string())
    }

    fn members(&self, members: &[MemberId]) -> String {
        members.iter().map(|member| self.member(*member)).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn learn(&mut self, member: MemberId, host: HostId) {
        let name = self.host(host);
        self.members.insert(member, name);
    }
}

impl Story {
    pub(crate) fn new(hosts: Vec<String>) -> Story {
        Story { rows: VecDeque::new(), next_id: 1, names: Names::new(hosts), last_data_us: None }
    }

    /// The rows after `id`, oldest first.
    pub(crate) fn after(&self, id: u64) -> impl Iterator<Item = &StoryRow> {
        self.rows.iter().filter(move |row| row.id > id)
    }

    /// The newest row's id; 0 before the first.
    pub(crate) fn last_id(&self) -> u64 {
        self.next_id - 1
    }

    /// Adds a sentence.
    pub(crate) fn push(&mut self, at_us: u64, host: Option<HostId>, kind: StoryKind, text: String) {
        if self.rows.len() == ROWS_MAX {
            self.rows.pop_front();
        }
        let host = host.map(|host| self.names.host(host));
        self.rows.push_back(StoryRow { id: self.next_id, at_us, host, kind, text });
        self.next_id += 1;
    }

    /// Words an event, if it is worth a sentence.
    pub(crate) fn tell(&mut self, at_us: u64, what: &WorldEvent) {
        match what {
            WorldEvent::Fault(fault) => {
                let text = fault_sentence(fault, &self.names);
                self.push(at_us, None, StoryKind::Action, text);
            }
            WorldEvent::MemberStarted { host, member, fresh, .. } => {
                self.names.learn(*member, *host);
                let from = if *fresh { "with an empty disk" } else { "from what its disk holds" };
                let text = format!("{} starts its member {from}.", self.names.host(*host));
                self.push(at_us, Some(*host), StoryKind::Process, text);
            }
            WorldEvent::MemberRefused { host, exit_code, message } => {
                let text = format!(
                    "etcd on {} refuses to start (exit {exit_code}): {message}.",
                    self.names.host(*host)
                );
                self.push(at_us, Some(*host), StoryKind::Process, text);
            }
            WorldEvent::MemberEnded { host, ending } => {
                let name = self.names.host(*host);
                let text = match ending {
                    Ending::Exit(0) => {
                        format!("The member on {name} stopped in good order (exit 0).")
                    }
                    Ending::Exit(code) => {
                        format!("The member on {name} ended with exit code {code}.")
                    }
                    Ending::Killed(signal) => {
                        format!(
                            "The member on {name} was killed by signal {signal}; it could say goodbye to nobody."
                        )
                    }
                    Ending::PowerLost => format!("{name} lost its power, and its member with it."),
                };
                self.push(at_us, Some(*host), StoryKind::Process, text);
            }
            WorldEvent::Fact { host, fact } => {
                if let Some((kind, text)) = self.fact_sentence(at_us, *host, fact) {
                    self.push(at_us, Some(*host), kind, text);
                }
            }
            WorldEvent::Violation(violation) => {
                self.push(
                    at_us,
                    None,
                    StoryKind::Violation,
                    format!("A checker stopped the world: {violation}."),
                );
            }
            WorldEvent::PromiseVoid { host, .. } => {
                let text = format!(
                    "{} lost what it had promised to keep: from here on etcd guarantees nothing, and the checkers stop judging.",
                    self.names.host(*host)
                );
                self.push(at_us, Some(*host), StoryKind::Data, text);
            }
            WorldEvent::PeerStatus { .. }
            | WorldEvent::TtyOutput { .. }
            | WorldEvent::TtyClosed { .. }
            | WorldEvent::Ran(_)
            | WorldEvent::CommandDone { .. }
            | WorldEvent::Session { .. } => {}
        }
    }

    fn fact_sentence(
        &mut self,
        at_us: u64,
        host: HostId,
        fact: &Fact,
    ) -> Option<(StoryKind, String)> {
        let name = self.names.host(host);
        match fact {
            Fact::Applied { index, revision, request: Some(_), .. } => {
                let crowded = self.last_data_us.is_some_and(|last| at_us < last + DATA_GAP_US);
                self.last_data_us = Some(at_us);
                let text = format!(
                    "Entry {index} is on the disks of a majority: {name} applies it (revision {revision}) and answers the client."
                );
                (!crowded).then_some((StoryKind::Data, text))
            }
            // Every member applies these; the first to do so tells it.
            Fact::Conf { change, voters, learners, .. } => {
                let text = conf_sentence(change, voters, learners, &self.names)?;
                (!self.was_told(&text)).then_some((StoryKind::Membership, text))
            }
            Fact::Alarm { member, name: alarm, on } => {
                let state = if *on { "raised" } else { "cleared" };
                let text = format!("Alarm {alarm} of {} is {state}.", self.names.member(*member));
                (!self.was_told(&text)).then_some((StoryKind::Data, text))
            }
            fact => election_sentence(&name, fact, &self.names)
                .or_else(|| data_sentence(&name, fact, &self.names)),
        }
    }

    /// Whether one of the latest sentences was this one.
    fn was_told(&self, text: &str) -> bool {
        self.rows.iter().rev().take(20).any(|row| row.text == text)
    }
}

/// Elections, votes and leaders.
fn election_sentence(name: &str, fact: &Fact, names: &Names) -> Option<(StoryKind, String)> {
    Some(match fact {
        Fact::Role { role, term, why } => {
            (StoryKind::Election, role_sentence(name, *role, *term, *why)?)
        }
        Fact::Voted { candidate, term, pre: false, granted: true, .. }
            if names.member(*candidate) != name =>
        {
            (
                StoryKind::Election,
                format!("{name} votes for {} in term {term}.", names.member(*candidate)),
            )
        }
        Fact::Voted { candidate, granted: false, log_behind, leader_alive, .. } => {
            let reason = match (log_behind, leader_alive) {
                (true, _) => "its log is shorter than mine",
                (_, true) => "I still hear a leader",
                _ => "I voted already in this term",
            };
            (
                StoryKind::Election,
                format!("{name} refuses {}: \"{reason}\".", names.member(*candidate)),
            )
        }
        Fact::QuorumLost { heard, voters, .. } => {
            let quorum = voters.len() / 2 + 1;
            let who = if heard.is_empty() {
                String::new()
            } else {
                format!(" ({})", names.members(heard))
            };
            let text = format!(
                "{name} steps down: within an election timeout it heard from {} of {} voters{who}, and a leader needs {quorum}.",
                heard.len(),
                voters.len(),
            );
            (StoryKind::Quorum, text)
        }
        Fact::TransferStarted { to } => {
            (StoryKind::Election, format!("{name} hands its leadership to {}.", names.member(*to)))
        }
        _ => return None,
    })
}

/// Snapshots, leases, and ends. What is not worth a sentence gives none.
fn data_sentence(name: &str, fact: &Fact, names: &Names) -> Option<(StoryKind, String)> {
    Some(match fact {
        Fact::SnapshotSaved { index, first_index, .. } => {
            let text = format!(
                "{name} saves a snapshot at index {index} and drops its log before {first_index}."
            );
            (StoryKind::Membership, text)
        }
        Fact::SnapshotSent { to, index, size_bytes, .. } => {
            let text = format!(
                "{name} no longer has the entries {} needs and sends it the whole database ({} kB, as of index {index}).",
                names.member(*to),
                size_bytes / 1000
            );
            (StoryKind::Membership, text)
        }
        Fact::SnapshotReceived { from, index, .. } => {
            let text = format!(
                "{name} replaces its database by the one {} sent, as of index {index}.",
                names.member(*from)
            );
            (StoryKind::Membership, text)
        }
        Fact::LeaseExpired { lease } => {
            (StoryKind::Data, format!("Lease {lease:016x} ran out; {name} proposes to revoke it."))
        }
        Fact::Removed => (
            StoryKind::Membership,
            format!("{name} learns that it was removed from the cluster, and stops."),
        ),
        Fact::Crashed { message } => {
            (StoryKind::Process, format!("etcd on {name} crashes: {message}"))
        }
        _ => return None,
    })
}

fn role_sentence(name: &str, role: Role, term: u64, why: Why) -> Option<String> {
    Some(match (role, why) {
        (Role::PreCandidate, Why::ElectionTimeout) => format!(
            "{name} heard no leader for a whole election timeout and asks the others whether it would win an election (pre-vote)."
        ),
        (Role::PreCandidate, _) => {
            format!("{name} asks the others whether it would win an election (pre-vote).")
        }
        (Role::Candidate, Why::PreVoteWon) => {
            format!(
                "A majority would vote for {name}: it begins term {term} and stands for election."
            )
        }
        (Role::Candidate, Why::Transfer) => {
            format!(
                "{name} was told to take over: it begins term {term} and stands for election at once."
            )
        }
        (Role::Candidate, _) => format!("{name} begins term {term} and stands for election."),
        (Role::Leader, _) => {
            format!("{name} is the leader of term {term}: a majority voted for it.")
        }
        (Role::Follower, Why::HigherTerm) => {
            format!("{name} saw term {term}, later than its own, and follows.")
        }
        (Role::Follower, Why::ElectionLost) => {
            format!("{name} did not win and follows again, in term {term}.")
        }
        (Role::Follower, Why::Transfer) => {
            format!("{name} has handed its leadership over and follows.")
        }
        _ => return None,
    })
}

fn conf_sentence(
    change: &Change,
    voters: &[MemberId],
    learners: &[MemberId],
    names: &Names,
) -> Option<String> {
    let count = voters.len();
    let now = format!("Now {count} voters: quorum is floor({count}/2)+1 = {}.", count / 2 + 1);
    Some(match change {
        // The first entries of a fresh log: the founders name each other.
        Change::Add { member, learner: false } => {
            format!("{} joins as a voter. {now}", names.member(*member))
        }
        Change::Add { member, learner: true } => format!(
            "{} joins as a learner: it gets the log but has no vote ({} learner). {now}",
            names.member(*member),
            learners.len()
        ),
        Change::Promote { member } => format!("{} becomes a voter. {now}", names.member(*member)),
        Change::Remove { member } => format!("{} is removed. {now}", names.member(*member)),
        Change::Update { member } => format!("{} has new peer URLs.", names.member(*member)),
        Change::Refused => return None,
    })
}

fn fault_sentence(fault: &Fault, names: &Names) -> String {
    let done = match fault {
        Fault::Kill { host } => format!("SIGKILL to the member on {}.", names.host(*host)),
        Fault::Stop { host } => format!("SIGTERM to the member on {}.", names.host(*host)),
        Fault::Start { host, .. } => format!("etcd is started on {}.", names.host(*host)),
        Fault::Restart { host } => format!("The member on {} is restarted.", names.host(*host)),
        Fault::PowerOff { host } => format!("The power of {} is cut.", names.host(*host)),
        Fault::PowerOn { host } => format!("{} is switched on.", names.host(*host)),
        Fault::Freeze { host } => {
            format!("The member on {} is frozen: for it, time stands still.", names.host(*host))
        }
        Fault::Thaw { host } => format!("The member on {} goes on.", names.host(*host)),
        Fault::Isolate { host } => format!("Every link of {} is cut.", names.host(*host)),
        Fault::Heal { host: None } => "All links are as new.".into(),
        Fault::Heal { host: Some(host) } => {
            format!("The links of {} are as new.", names.host(*host))
        }
        Fault::Partition { groups } => {
            let group = |group: &Vec<HostId>| {
                group.iter().map(|host| names.host(*host)).collect::<Vec<_>>().join(",")
            };
            let groups: Vec<String> = groups.iter().map(group).collect();
            format!("The network is split: {}.", groups.join(" | "))
        }
        Fault::Cut { from, to } => {
            format!(
                "Nothing passes from {} to {}; the other direction works.",
                names.host(*from),
                names.host(*to)
            )
        }
        Fault::Latency { a, b, latency_us } => format!(
            "A message between {} and {} now takes {} ms.",
            names.host(*a),
            names.host(*b),
            latency_us / 1000
        ),
        Fault::Loss { a, b, per_10k } => {
            format!(
                "{}% of the messages between {} and {} are lost.",
                per_10k / 100,
                names.host(*a),
                names.host(*b)
            )
        }
        Fault::Duplicate { a, b, per_10k } => {
            format!(
                "{}% of the messages between {} and {} arrive twice.",
                per_10k / 100,
                names.host(*a),
                names.host(*b)
            )
        }
        Fault::Skew { host, offset_us } => {
            format!("The clock of {} is off by {} ms.", names.host(*host), offset_us / 1000)
        }
        Fault::Disk { host, fault } => {
            let host = names.host(*host);
            match fault {
                DiskFault::Ok => format!("The disk of {host} is in order again."),
                DiskFault::Slow => {
                    format!("The disk of {host} is slow: every sync takes a hundred times as long.")
                }
                DiskFault::Full => format!("The disk of {host} is full."),
                DiskFault::Corrupt { file } => {
                    format!("Some bits of {file} on {host} were flipped.")
                }
            }
        }
    };
    format!("sim {}: {done}", fault.words(&names.hosts))
}
