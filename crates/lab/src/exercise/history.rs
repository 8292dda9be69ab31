//! What happened since an exercise began, as far as a predicate may ask for it.

use etcd::{Fact, Role};
use sim::{DiskFault, Ending, Fault, Happened, HostId, WorldEvent};

/// What is kept of programs that ran; a loop may run very many.
const RAN_MAX: usize = 20_000;

/// A program that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RanRecord {
    pub(super) at_us: u64,
    pub(super) host: String,
    /// The name without its directory, then its words; `--a=b` are two of them.
    pub(super) words: Vec<String>,
    pub(super) argv: Vec<String>,
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The directory it ran in.
    pub(super) cwd: String,
    /// The container whose log it showed, and whether there was a newer one of that name;
    /// filled at the next look.
    pub(super) logs_of: Option<(String, bool)>,
}

/// What the learner answered, and what was true then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AnswerRecord {
    pub(super) at_us: u64,
    pub(super) name: String,
    pub(super) value: String,
    /// Filled at the next look.
    pub(super) truth: Option<Truth>,
}

/// What an answer can be compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Truth {
    pub(super) leader: String,
    pub(super) term: String,
    pub(super) quorum: String,
    pub(super) tolerance: String,
    pub(super) revision: String,
}

/// Something done to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) at_us: u64,
    pub(super) verb: &'static str,
    pub(super) host: Option<String>,
}

/// A member that would not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) at_us: u64,
    pub(super) host: String,
    pub(super) message: String,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) ran: Vec<RanRecord>,
    pub(super) answers: Vec<AnswerRecord>,
    pub(super) did: Vec<Deed>,
    pub(super) refused: Vec<Refusal>,
    pub(super) elected_us: Vec<u64>,
    /// Things that changed the world: faults, starts, ends, applied requests.
    pub(super) changes: u64,
}

impl History {
    /// Takes in an event.
    pub(super) fn hear(&mut self, happened: &Happened, hosts: &[String]) {
        let at_us = happened.at_us;
        let name = |host: HostId| hosts.get(usize::from(host.0)).cloned().unwrap_or_default();
        match &happened.what {
            WorldEvent::Ran(ran) if self.ran.len() < RAN_MAX => {
                self.ran.push(RanRecord {
                    at_us,
                    host: name(ran.host),
                    words: words(&ran.argv),
                    argv: ran.argv.clone(),
                    ok: ran.ending == Ending::Exit(0),
                    stdout: ran.stdout.clone(),
                    stderr: ran.stderr.clone(),
                    cwd: ran.cwd.clone(),
                    logs_of: None,
                });
            }
            WorldEvent::Fault(fault) => {
                let (verb, host) = deed(fault);
                self.did.push(Deed { at_us, verb, host: host.map(name) });
                self.changes += 1;
            }
            WorldEvent::MemberRefused { host, message, .. } => {
                self.refused.push(Refusal { at_us, host: name(*host), message: message.clone() });
            }
            WorldEvent::MemberStarted { .. } | WorldEvent::MemberEnded { .. } => self.changes += 1,
            WorldEvent::Fact { fact: Fact::Role { role: Role::Leader, .. }, .. } => {
                self.elected_us.push(at_us);
            }
            WorldEvent::Fact { fact: Fact::Applied { request: Some(_), .. }, .. }
            | WorldEvent::Fact { fact: Fact::Conf { .. }, .. } => self.changes += 1,
            WorldEvent::Session { text } => {
                let answer = text.strip_prefix("answer ").and_then(|text| text.split_once('='));
                if let Some((name, value)) = answer {
                    let (name, value) = (name.to_owned(), value.trim().to_owned());
                    self.answers.push(AnswerRecord { at_us, name, value, truth: None });
                }
            }
            _ => {}
        }
    }
}

/// A command line as predicates compare it.
fn words(argv: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    for (place, word) in argv.iter().enumerate() {
        match word.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => {
                words.extend([flag.to_owned(), value.to_owned()]);
            }
            _ if place == 0 => {
                let name = word.rsplit('/').next().unwrap_or(word);
                words.push(name.to_owned());
            }
            _ => words.push(word.clone()),
        }
    }
    words
}

/// The verb of `sim` that does it, and the host it is done to.
fn deed(fault: &Fault) -> (&'static str, Option<HostId>) {
    match fault {
        Fault::Kill { host } => ("kill", Some(*host)),
        Fault::Stop { host } => ("stop", Some(*host)),
        Fault::Start { host, .. } => ("start", Some(*host)),
        Fault::Restart { host } => ("restart", Some(*host)),
        Fault::PowerOff { host } => ("poweroff", Some(*host)),
        Fault::PowerOn { host } => ("poweron", Some(*host)),
        Fault::Freeze { host } => ("freeze", Some(*host)),
        Fault::Thaw { host } => ("thaw", Some(*host)),
        Fault::Isolate { host } => ("isolate", Some(*host)),
        Fault::Heal { host } => ("heal", *host),
        Fault::Partition { .. } => ("partition", None),
        Fault::Cut { from, .. } => ("cut", Some(*from)),
        Fault::Latency { a, .. } => ("latency", Some(*a)),
        Fault::Loss { a, .. } => ("loss", Some(*a)),
        Fault::Duplicate { a, .. } => ("duplicate", Some(*a)),
        Fault::Skew { host, .. } => ("skew", Some(*host)),
        Fault::Disk { host, fault: DiskFault::Ok | DiskFault::Slow | DiskFault::Full }
        | Fault::Disk { host, fault: DiskFault::Corrupt { .. } } => ("disk", Some(*host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_and_its_value_are_two_words() {
        let argv = ["/usr/local/bin/etcdctl", "--endpoints=a,b", "put", "a=b", "c"];
        let argv: Vec<String> = argv.map(str::to_owned).to_vec();
        assert_eq!(words(&argv), ["etcdctl", "--endpoints", "a,b", "put", "a=b", "c"]);
    }
}
