//! Asks a predicate of the world, again and again, and remembers what it said before.
//!
//! A yes comes with its evidence: what a wrong turn shows to the learner. Every part of a
//! predicate is asked at every look, because each has a memory of its own.

mod host;
mod kubernetes;

use std::collections::BTreeMap;

use etcd::pb::{KeyValue, RangeRequest};
use etcd::{MemberStatus, Role};
use sim::{HostId, World};

use self::host::effective;
use super::history::{AnswerRecord, History, RanRecord, Truth};
use super::memo::{Memo, Scene};
use super::predicate::{Answered, Did, End, FileIs, Flag, Key, Keys, Predicate, Ran, Refused};
use crate::session::quorum;

/// Why the answer is yes, by the names `say` uses: `command`, `host`, `error`, `value`.
pub(super) type Evidence = BTreeMap<&'static str, String>;

/// The world at one instant, with what led to it.
pub(super) struct Moment<'a> {
    pub(super) world: &'a World,
    pub(super) hosts: &'a [String],
    pub(super) history: &'a History,
    pub(super) memo: &'a Memo,
    /// What this look has found so far.
    pub(super) scene: Scene,
    pub(super) now_us: u64,
    /// When the exercise began.
    pub(super) began_us: u64,
    /// The term when the exercise began.
    pub(super) first_term: u64,
    /// The revision when it began.
    pub(super) first_revision: i64,
    /// Since when term and leader are as they are.
    pub(super) steady_since_us: u64,
}

/// A predicate, its parts, and what it remembers.
pub(super) struct Node {
    question: Predicate,
    parts: Vec<Node>,
    memory: Memory,
}

#[derive(Debug, Default)]
struct Memory {
    looks: u32,
    first_us: Option<u64>,
    last_us: Option<u64>,
    since_us: Option<u64>,
    /// Since when it had been so, if it was at the look before and no longer is.
    lately_us: Option<u64>,
    broken: bool,
    evidence: Evidence,
    tally: Tally,
}

/// The programs that ran as asked, of those the history has told so far.
#[derive(Debug, Default)]
struct Tally {
    seen: usize,
    count: u32,
    first_us: u64,
    /// The place of the last in the history.
    last: Option<usize>,
}

impl Tally {
    fn take_in(&mut self, wanted: &Ran, history: &History) {
        for (place, record) in history.ran.iter().enumerate().skip(self.seen) {
            if !ran_fits(wanted, record) {
                continue;
            }
            if self.last.is_none() {
                self.first_us = record.at_us;
            }
            self.count += 1;
            self.last = Some(place);
        }
        self.seen = history.ran.len();
    }
}

impl Node {
    /// A question nobody has asked yet.
    pub(super) fn new(question: Predicate) -> Node {
        let parts = match &question {
            Predicate::All(parts) | Predicate::Any(parts) | Predicate::Then(parts) => parts.clone(),
            Predicate::Not(part) | Predicate::Once(part) | Predicate::Always(part) => {
                vec![part.as_ref().clone()]
            }
            Predicate::Lasting(lasting) => vec![lasting.that.as_ref().clone()],
            Predicate::Before(before) => {
                vec![before.first.as_ref().clone(), before.then.as_ref().clone()]
            }
            Predicate::During(during) => {
                vec![during.that.as_ref().clone(), during.happened.as_ref().clone()]
            }
            _ => Vec::new(),
        };
        let parts = parts.into_iter().map(Node::new).collect();
        Node { question, parts, memory: Memory::default() }
    }

    /// Asks it now: the evidence if it is so.
    pub(super) fn look(&mut self, now: &Moment<'_>) -> Option<Evidence> {
        let said: Vec<Option<Evidence>> =
            self.parts.iter_mut().map(|part| part.look(now)).collect();
        if let Predicate::Ran(wanted) = &self.question {
            self.memory.tally.take_in(wanted, now.history);
        }
        let found = self.ask(now, said);
        self.remember(found.as_ref(), now.now_us);
        found
    }

    fn remember(&mut self, found: Option<&Evidence>, now_us: u64) {
        let memory = &mut self.memory;
        memory.looks += 1;
        let Some(evidence) = found else {
            memory.lately_us = memory.since_us.take();
            memory.broken = true;
            return;
        };
        let (first_us, last_us) = Predicate::happened_us(evidence, now_us);
        let memory = &mut self.memory;
        memory.first_us.get_or_insert(first_us);
        memory.last_us = Some(last_us);
        memory.since_us.get_or_insert(now_us);
        if memory.evidence.is_empty() {
            memory.evidence = evidence.clone();
        }
    }

    fn ask(&self, now: &Moment<'_>, said: Vec<Option<Evidence>>) -> Option<Evidence> {
        match &self.question {
            Predicate::All(_) => said.into_iter().collect::<Option<Vec<_>>>().map(merge),
            Predicate::Any(_) => said.into_iter().flatten().next(),
            Predicate::Not(_) => yes(said.iter().all(Option::is_none)),
            Predicate::Once(_) => {
                let part = &self.parts[0].memory;
                part.first_us.map(|_| part.evidence.clone())
            }
            Predicate::Always(_) => yes(!self.parts[0].memory.broken),
            Predicate::Lasting(lasting) => {
                let since_us = self.parts[0].memory.since_us?;
                yes(now.now_us >= since_us + u64::from(lasting.seconds) * 1_000_000)
            }
            Predicate::Then(_) => {
                let times: Option<Vec<(u64, u64)>> = self
                    .parts
                    .iter()
                    .map(|part| Some((part.memory.first_us?, part.memory.last_us?)))
                    .collect();
                let times = times?;
                yes(times.windows(2).all(|pair| pair[0].0 <= pair[1].1))
            }
            Predicate::Before(_) => {
                let (first, then) = (&self.parts[0].memory, &self.parts[1].memory);
                let first_us = first.first_us?;
                yes(then.first_us.is_none_or(|then_us| first_us <= then_us))
            }
            Predicate::Ran(wanted) => now.ran(wanted, &self.memory.tally),
            Predicate::During(_) => {
                if self.memory.first_us.is_some() {
                    return Some(self.memory.evidence.clone());
                }
                // Between two looks it may happen and what was so end right after.
                let that = &self.parts[0].memory;
                let since_us = that.since_us.or(that.lately_us)?;
                let happened = said.into_iter().nth(1)??;
                (time(&happened, LAST).unwrap_or(now.now_us) > since_us).then_some(happened)
            }
            other => other.holds(now),
        }
    }
}

/// No evidence but the fact itself.
pub(super) fn yes(holds: bool) -> Option<Evidence> {
    holds.then(Evidence::new)
}

/// The evidence of all. What happened has a time: together they are as late as the latest,
/// and as soon as one of them only is, there is no time but now.
fn merge(parts: Vec<Evidence>) -> Evidence {
    let times = |name| parts.iter().map(|part| time(part, name)).collect::<Option<Vec<u64>>>();
    let latest = times(FIRST).zip(times(LAST)).and_then(|(first_us, last_us)| {
        Some((first_us.into_iter().max()?, last_us.into_iter().max()?))
    });
    let mut all = Evidence::new();
    for part in parts {
        for (name, text) in part {
            all.entry(name).or_insert(text);
        }
    }
    all.remove(FIRST);
    all.remove(LAST);
    match latest {
        Some((first_us, last_us)) => timed(all, first_us, last_us),
        None => all,
    }
}

fn time(evidence: &Evidence, name: &str) -> Option<u64> {
    evidence.get(name)?.parse().ok()
}

/// Times that evidence carries beside its words: when the thing happened.
const FIRST: &str = "first_us";
const LAST: &str = "last_us";

pub(super) fn timed(mut evidence: Evidence, first_us: u64, last_us: u64) -> Evidence {
    evidence.insert(FIRST, first_us.to_string());
    evidence.insert(LAST, last_us.to_string());
    evidence
}

impl Predicate {
    /// When it became so, for the first and the last time: what happened knows, what is does
    /// not and takes the time of the look.
    fn happened_us(evidence: &Evidence, now_us: u64) -> (u64, u64) {
        time(evidence, FIRST).zip(time(evidence, LAST)).unwrap_or((now_us, now_us))
    }

    /// A question without parts.
    fn holds(&self, now: &Moment<'_>) -> Option<Evidence> {
        match self {
            Predicate::Leader(host) => yes(now.leads(host)),
            Predicate::Quorum(wanted) => yes(quorum(now.world, now.hosts).has_quorum == *wanted),
            Predicate::Voters(names) => yes(now.member_names(false)? == sorted(names)),
            Predicate::Learners(names) => yes(now.member_names(true)? == sorted(names)),
            Predicate::VoterCount(count) => yes(now.count(false)? == *count),
            Predicate::LearnersAtMost(count) => yes(now.count(true)? <= *count),
            Predicate::Running(hosts) => {
                yes(hosts.iter().all(|host| now.member_on(host).is_some_and(|it| it.ready)))
            }
            Predicate::Down(hosts) => yes(hosts.iter().all(|host| now.member_on(host).is_none())),
            Predicate::RunningAtMost(most) => yes(now.members().len() <= *most as usize),
            Predicate::InSync(wanted) => yes(now.in_sync() == *wanted),
            Predicate::OneCluster(wanted) => yes(now.one_cluster() == *wanted),
            Predicate::Key(key) => now.key(key),
            Predicate::NoKey(name) => yes(now.get(None, name)?.is_none()),
            Predicate::Keys(keys) => now.keys(keys),
            Predicate::RevisionAtLeast(revision) => yes(now.front()?.revision >= *revision),
            Predicate::CompactedAtLeast(revision) => yes(now.front()?.compacted >= *revision),
            Predicate::Alarm(name) => {
                let raised = |member: &MemberStatus| member.alarms.iter().any(|it| it.1 == *name);
                yes(now.members().iter().any(|(_, member)| raised(member)))
            }
            Predicate::InUseBelowBytes(most) => {
                now.all_members(|member| member.db_in_use_bytes < *most)
            }
            Predicate::SizeBelowBytes(most) => {
                now.all_members(|member| member.db_size_bytes < *most)
            }
            Predicate::Flag(flag) => now.flag(flag),
            Predicate::SteadySeconds(seconds) => {
                yes(now.now_us >= now.steady_since_us + u64::from(*seconds) * 1_000_000)
            }
            Predicate::TermsPassed(terms) => {
                yes(now.front()?.term >= now.first_term.saturating_add(*terms))
            }
            Predicate::Leases(count) => yes(now.front()?.leases >= *count),
            Predicate::TokenNot(token) => now.token_not(token),
            Predicate::File(file) => now.file(file),
            Predicate::Unit(unit) => now.unit(unit),
            Predicate::Owned(owned) => now.owned(owned),
            Predicate::Member(member) => now.member_process(member),
            Predicate::Locked(locked) => now.locked(locked),
            Predicate::Greets(greets) => now.greets(greets),
            Predicate::Journal(journal) => now.journal(journal),
            Predicate::Rebooted(host) => now.rebooted(host),
            Predicate::Answered(answered) => now.answered(answered),
            Predicate::Did(did) => now.did(did),
            Predicate::Refused(refused) => now.refused(refused),
            Predicate::Elections(count) => {
                let place = usize::try_from(count.saturating_sub(1)).expect("a count is small");
                let at_us = *now.history.elected_us.get(place)?;
                Some(timed(Evidence::new(), at_us, at_us))
            }
            Predicate::All(_)
            | Predicate::Any(_)
            | Predicate::Not(_)
            | Predicate::Once(_)
            | Predicate::Always(_)
            | Predicate::Lasting(_)
            | Predicate::Then(_)
            | Predicate::Before(_)
            | Predicate::During(_)
            | Predicate::Ran(_) => unreachable!("a question with parts is asked by its node"),
            other => other.holds_there(now),
        }
    }
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

/// Whether a text is as a pattern says; `*` stands for anything.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

impl Moment<'_> {
    pub(super) fn host(&self, name: &str) -> Option<HostId> {
        self.world.host(name)
    }

    /// The running members, in order of their hosts.
    pub(super) fn members(&self) -> Vec<(HostId, MemberStatus)> {
        let hosts = (0..self.hosts.len()).filter_map(|no| u8::try_from(no).ok()).map(HostId);
        hosts.filter_map(|host| Some((host, self.world.member(host)?))).collect()
    }

    fn member_on(&self, host: &str) -> Option<MemberStatus> {
        self.world.member(self.host(host)?)
    }

    /// The running member that is furthest ahead.
    pub(super) fn front(&self) -> Option<MemberStatus> {
        self.front_on().map(|(_, member)| member)
    }

    fn front_on(&self) -> Option<(HostId, MemberStatus)> {
        let ahead = |it: &(HostId, MemberStatus)| (it.1.applied, it.1.term, u8::MAX - it.0.0);
        self.members().into_iter().max_by_key(ahead)
    }

    /// The host that leads with the highest term.
    pub(super) fn leader(&self) -> Option<(HostId, MemberStatus)> {
        let leads = |it: &(HostId, MemberStatus)| it.1.role == Role::Leader;
        self.members().into_iter().filter(leads).max_by_key(|it| it.1.term)
    }

    fn leads(&self, host: &str) -> bool {
        let leader = self.leader().filter(|_| quorum(self.world, self.hosts).has_quorum);
        leader.is_some_and(|(id, _)| host == "any" || self.host(host) == Some(id))
    }

    /// What an answer that came now is compared with.
    pub(super) fn truth(&self) -> Truth {
        let quorum = quorum(self.world, self.hosts);
        let voters = quorum.voters.len();
        let leader = self.leader();
        let name = |id: HostId| self.hosts[usize::from(id.0)].clone();
        Truth {
            leader: leader.as_ref().map(|it| name(it.0)).unwrap_or_default(),
            term: leader.map(|it| it.1.term.to_string()).unwrap_or_default(),
            quorum: quorum.quorum.to_string(),
            tolerance: voters.saturating_sub(usize::from(quorum.quorum)).to_string(),
            revision: self.front().map(|it| it.revision.to_string()).unwrap_or_default(),
        }
    }

    /// The names of the voters or learners, sorted; an unstarted one has an empty name.
    fn member_names(&self, learners: bool) -> Option<Vec<String>> {
        let front = self.front()?;
        let members = front.members.iter().filter(|member| member.is_learner == learners);
        Some(sorted(&members.map(|member| member.name.clone()).collect::<Vec<_>>()))
    }

    fn count(&self, learners: bool) -> Option<u32> {
        let front = self.front()?;
        let members = front.members.iter().filter(|member| member.is_learner == learners);
        u32::try_from(members.count()).ok()
    }

    fn in_sync(&self) -> bool {
        let members = self.members();
        let same = |a: &MemberStatus, b: &MemberStatus| {
            a.applied == b.applied && a.running_hash == b.running_hash
        };
        !members.is_empty() && members.windows(2).all(|pair| same(&pair[0].1, &pair[1].1))
    }

    fn one_cluster(&self) -> bool {
        self.members().windows(2).all(|pair| pair[0].1.cluster == pair[1].1.cluster)
    }

    fn all_members(&self, holds: impl Fn(&MemberStatus) -> bool) -> Option<Evidence> {
        let members = self.members();
        yes(!members.is_empty() && members.iter().all(|(_, member)| holds(member)))
    }

    /// A key of a member's keyspace; none outside where no such member runs.
    fn get(&self, on: Option<&str>, name: &str) -> Option<Option<KeyValue>> {
        let host = match on {
            Some(host) => self.host(host)?,
            None => self.front_on()?.0,
        };
        let request = RangeRequest { key: name.to_owned().into(), ..RangeRequest::default() };
        Some(self.world.range(host, &request)?.kvs.into_iter().next())
    }

    fn key(&self, wanted: &Key) -> Option<Evidence> {
        let found = self.get(wanted.on.as_deref(), &wanted.name)??;
        let value = String::from_utf8_lossy(&found.value).into_owned();
        let fits = wanted.is.as_ref().is_none_or(|is| *is == value)
            && wanted.begins.as_ref().is_none_or(|begins| value.starts_with(begins))
            && wanted.has.as_ref().is_none_or(|has| value.contains(has))
            && wanted.leased.is_none_or(|leased| leased == (found.lease != 0))
            && wanted.version.is_none_or(|version| found.version >= version);
        fits.then(|| Evidence::from([("value", value)]))
    }

    fn keys(&self, wanted: &Keys) -> Option<Evidence> {
        let key: Vec<u8> = wanted.prefix.clone().into();
        let mut range_end = key.clone();
        // The end of a prefix is the prefix with its last byte one higher; keys are text here.
        *range_end.last_mut()? += 1;
        let request = RangeRequest {
            key: key.into(),
            range_end: range_end.into(),
            count_only: true,
            ..RangeRequest::default()
        };
        yes(self.world.range(self.front_on()?.0, &request)?.count >= wanted.at_least)
    }

    fn flag(&self, flag: &Flag) -> Option<Evidence> {
        let hosts: Vec<HostId> = match &flag.host {
            Some(host) => vec![self.host(host)?],
            None => self.members().into_iter().map(|(host, _)| host).collect(),
        };
        let mut found: Option<Evidence> = None;
        for host in hosts {
            self.world.member(host)?;
            let value = self.world.config(host).and_then(|it| effective(&it, &flag.name));
            let value = match value {
                Some(set) => set,
                None => flag_value(&self.world.argv(host), &flag.name),
            };
            let holds = match (&flag.is, &value) {
                (Some(pattern), Some(value)) => fits(pattern, value),
                (None, None) => flag.at_least.is_none(),
                (None, Some(_)) => flag.at_least.is_some(),
                _ => false,
            };
            let number = value.as_ref().and_then(|value| value.parse::<u64>().ok());
            let enough = flag.at_least.is_none_or(|least| number.is_some_and(|it| it >= least));
            let other = |found: &Evidence| found.get("value") != value.as_ref();
            if !holds || !enough || flag.same && found.as_ref().is_some_and(other) {
                return None;
            }
            found = Some(Evidence::from([
                ("value", value.unwrap_or_default()),
                ("host", self.hosts[usize::from(host.0)].clone()),
            ]));
        }
        found
    }

    fn file(&self, file: &FileIs) -> Option<Evidence> {
        let host = self.host(&file.host)?;
        let content = self.world.read_file(host, &file.path);
        if !file.there {
            return yes(content.is_err());
        }
        let text = String::from_utf8_lossy(&content.ok()?).into_owned();
        let has = file.has.as_deref().unwrap_or_default();
        let line = text.lines().find(|line| line.contains(has)).unwrap_or_default();
        text.contains(has).then(|| {
            Evidence::from([("host", file.host.clone()), ("value", line.trim().to_owned())])
        })
    }

    fn ran(&self, wanted: &Ran, tally: &Tally) -> Option<Evidence> {
        let last = self.history.ran.get(tally.last?)?;
        if wanted.times.is_some_and(|least| tally.count < least) {
            return None;
        }
        let error = last.stderr.lines().find(|line| line.starts_with("Error:"));
        let error = error.or(last.stderr.lines().next_back()).unwrap_or_default();
        let evidence = Evidence::from([
            ("command", last.argv.join(" ")),
            ("host", last.host.clone()),
            ("error", error.to_owned()),
            ("value", last.stdout.lines().next().unwrap_or_default().to_owned()),
        ]);
        Some(timed(evidence, tally.first_us, last.at_us))
    }

    fn answered(&self, wanted: &Answered) -> Option<Evidence> {
        let of_name = |answer: &&AnswerRecord| answer.name == wanted.name;
        // The last word counts: who thinks again may correct himself.
        let answer = self.history.answers.iter().rev().find(of_name)?;
        let truth = answer.truth.as_ref()?;
        let value = |text: &str| match text {
            "@leader" => truth.leader.clone(),
            "@term" => truth.term.clone(),
            "@quorum" => truth.quorum.clone(),
            "@tolerance" => truth.tolerance.clone(),
            "@revision" => truth.revision.clone(),
            literal => literal.to_owned(),
        };
        let right = wanted.is.as_ref().is_none_or(|is| value(is) == answer.value)
            && wanted.not.as_ref().is_none_or(|not| value(not) != answer.value);
        let evidence = Evidence::from([("value", answer.value.clone())]);
        right.then(|| timed(evidence, answer.at_us, answer.at_us))
    }

    fn did(&self, wanted: &Did) -> Option<Evidence> {
        let fits = |deed: &&super::history::Deed| {
            deed.verb == wanted.sim
                && wanted.host.as_ref().is_none_or(|host| deed.host.as_ref() == Some(host))
        };
        let deeds: Vec<_> = self.history.did.iter().filter(fits).collect();
        let (first, last) = (deeds.first()?, deeds.last()?);
        let times = u32::try_from(deeds.len()).ok()?;
        if wanted.times.is_some_and(|least| times < least) {
            return None;
        }
        let evidence = Evidence::from([("host", last.host.clone().unwrap_or_default())]);
        Some(timed(evidence, first.at_us, last.at_us))
    }

    fn refused(&self, wanted: &Refused) -> Option<Evidence> {
        let refusal = self.history.refused.iter().rev().find(|refusal| {
            wanted.host.as_ref().is_none_or(|host| *host == refusal.host)
                && refusal.message.contains(&wanted.saying)
        })?;
        let evidence =
            Evidence::from([("host", refusal.host.clone()), ("error", refusal.message.clone())]);
        Some(timed(evidence, refusal.at_us, refusal.at_us))
    }
}

fn ran_fits(wanted: &Ran, record: &RanRecord) -> bool {
    let named = record.words.first().is_some_and(|name| fits(&wanted.program, name));
    let args = args_fit(&wanted.args, record.words.get(1..).unwrap_or_default());
    let without = wanted.without.iter().any(|arg| record.words.iter().any(|word| fits(arg, word)));
    let end = match wanted.end {
        End::Any => true,
        End::Ok => record.ok,
        End::Failed => !record.ok,
    };
    let place = wanted.host.is_empty() || wanted.host == record.host;
    let said = record.stdout.contains(&wanted.stdout) && record.stderr.contains(&wanted.stderr);
    let flags = wanted.flags.iter().all(|flag| gives(flag, record));
    named && args && flags && !without && end && place && said && names_file(wanted, record)
}

/// Whether a command line has these words: what is no option in this order, an option with the
/// value behind it anywhere.
fn args_fit(wanted: &[String], words: &[String]) -> bool {
    let mut wanted = wanted.iter().peekable();
    let mut rest = words.iter();
    while let Some(arg) = wanted.next() {
        if !arg.starts_with('-') {
            if !rest.any(|word| fits(arg, word)) {
                return false;
            }
            continue;
        }
        let value = wanted.next_if(|next| !next.starts_with('-'));
        let given = (0..words.len()).any(|place| {
            let behind = words.get(place + 1);
            fits(arg, &words[place])
                && value.is_none_or(|value| behind.is_some_and(|word| fits(value, word)))
        });
        if !given {
            return false;
        }
    }
    true
}

/// Whether a flag is given with a value that fits.
fn gives(flag: &str, record: &RanRecord) -> bool {
    let (name, pattern) = flag.split_once('=').unwrap_or((flag, "*"));
    record.words.windows(2).any(|pair| pair[0] == name && fits(pattern, &pair[1]))
}

/// Whether a word of the command line is the path of the file that is asked for.
fn names_file(wanted: &Ran, record: &RanRecord) -> bool {
    let names = |word: &String| match word.starts_with('/') {
        true => normal(word) == wanted.file,
        false => normal(&format!("{}/{word}", record.cwd)) == wanted.file,
    };
    wanted.file.is_empty() || record.words.iter().skip(1).any(names)
}

/// An absolute path without `.`, `..` and double slashes.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The value of a flag on a command line; empty for a flag alone.
fn flag_value(argv: &[String], name: &str) -> Option<String> {
    let mut words = argv.iter().peekable();
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some((flag, value)) if flag == name => return Some(value.to_owned()),
            None if word == name => {
                let next = words.peek().filter(|next| !next.starts_with('-'));
                return Some(next.map(|next| (*next).clone()).unwrap_or_default());
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(fits("*:2380*", "http://n1:2380"));
        assert!(fits("put", "put") && !fits("put", "puts") && !fits("put", "input"));
        assert!(fits("*", "") && fits("a*b*c", "a--b--c") && !fits("a*b*c", "ac"));
        assert!(!fits("ab*ba", "aba"));
    }

    fn record(argv: &[&str], cwd: &str) -> RanRecord {
        let mut words: Vec<String> = Vec::new();
        for word in argv {
            words.extend(word.split('=').map(str::to_owned));
        }
        RanRecord { words, cwd: cwd.to_owned(), ok: true, ..RanRecord::default() }
    }

    #[test]
    fn a_flag_is_asked_for_with_its_own_value() {
        let swapped = record(&["etcdctl", "--cacert=/p/server.crt", "--cert=/p/ca.crt"], "/");
        let right = record(&["etcdctl", "--cacert=/p/ca.crt", "--cert=/p/server.crt"], "/");
        let wanted = Ran {
            program: "etcdctl".into(),
            flags: vec!["--cert=*/ca.crt".into()],
            ..Ran::default()
        };
        assert!(ran_fits(&wanted, &swapped) && !ran_fits(&wanted, &right));
    }

    #[test]
    fn a_file_is_the_same_however_it_is_named() {
        let wanted =
            Ran { program: "etcdutl".into(), file: "/opt/backup/a.db".into(), ..Ran::default() };
        let named = |path: &str, cwd: &str| {
            ran_fits(&wanted, &record(&["etcdutl", "snapshot", "status", path], cwd))
        };
        assert!(named("/opt/backup/a.db", "/root") && named("a.db", "/opt/backup"));
        assert!(named("../backup//./a.db", "/opt/x") && !named("a.db", "/root"));
        assert!(!named("/opt/backup/a.db.old", "/"));
    }

    #[test]
    fn options_may_stand_anywhere_and_keep_their_values() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let fit = |wanted: &str, typed: &str| args_fit(&words(wanted), &words(typed));
        assert!(fit("get price --consistency s", "--consistency s get price"));
        assert!(fit("member add --learner", "member add n2 --learner --peer-urls x"));
        assert!(!fit("--cert *ca.crt", "--cert client.crt --cacert ca.crt"));
        assert!(!fit("member add", "add member"));
    }

    #[test]
    fn a_flag_is_found_in_both_spellings() {
        let argv: Vec<String> =
            ["etcd", "--name", "n1", "--a=b", "--force-new-cluster"].map(str::to_owned).to_vec();
        assert_eq!(flag_value(&argv, "--name").as_deref(), Some("n1"));
        assert_eq!(flag_value(&argv, "--a").as_deref(), Some("b"));
        assert_eq!(flag_value(&argv, "--force-new-cluster").as_deref(), Some(""));
        assert_eq!(flag_value(&argv, "--data-dir"), None);
    }
}
