//! What can be asked of a world and its history: one closed set.
//!
//! The names are the keys of `exercise.toml`; `crates/lab/exercises/README.md` explains them
//! to teachers.

mod host;
mod kubernetes;

pub(super) use host::{Greets, Journal, Locked, MemberRuns, Owned, Port, UnitIs};
pub(super) use kubernetes::{
    ApiServes, ContainersRun, DataDirIs, FileOf, Folder, LeaseHeld, LogsRead, ManifestsAre,
    ObjectIs, PodsRun, ProcessIs, Restored, SnapshotIs,
};
use serde::Deserialize;

/// A question with the answer yes or no.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Predicate {
    // Words that join others.
    /// Every one.
    All(Vec<Predicate>),
    /// At least one.
    Any(Vec<Predicate>),
    /// Not this.
    Not(Box<Predicate>),
    /// It was so at some time since the start.
    Once(Box<Predicate>),
    /// It was so all the time since the start.
    Always(Box<Predicate>),
    /// It has been so for some seconds without a break.
    Lasting(Lasting),
    /// Each was so at some time, none after the last time of the next.
    Then(Vec<Predicate>),
    /// The first was so when the second came true for the first time.
    Before(Before),
    /// Something happened while something else was so.
    During(During),

    // The cluster as it is.
    /// This host's member leads, or any with `"any"`.
    Leader(String),
    /// Whether a majority of the voters reach each other.
    Quorum(bool),
    /// The voters are exactly these, by name, and all have started.
    Voters(Vec<String>),
    /// The learners are exactly these.
    Learners(Vec<String>),
    /// So many voters are configured.
    VoterCount(u32),
    /// At most so many learners are configured.
    LearnersAtMost(u32),
    /// A member runs on every one of these hosts.
    Running(Vec<String>),
    /// No member runs on any of these hosts.
    Down(Vec<String>),
    /// At most so many members run.
    RunningAtMost(u32),
    /// All running members have applied the same, and stored the same.
    InSync(bool),
    /// All running members belong to one cluster.
    OneCluster(bool),
    /// A key and what it holds.
    Key(Key),
    /// A key that is not there.
    NoKey(String),
    /// How many keys begin so.
    Keys(Keys),
    /// The revision is at least this.
    RevisionAtLeast(i64),
    /// The compacted revision is at least this.
    CompactedAtLeast(i64),
    /// An alarm is raised somewhere.
    Alarm(String),
    /// Every running member has less than this in use.
    InUseBelowBytes(u64),
    /// Every running member's file is smaller than this.
    SizeBelowBytes(u64),
    /// A flag of the member that runs on a host.
    Flag(Flag),
    /// Term and leader have been the same for so many seconds.
    SteadySeconds(u32),
    /// The term is at least so many above that of the start.
    TermsPassed(u64),
    /// A lease lives.
    Leases(u64),

    /// The running members' ids were not made with this token.
    TokenNot(String),

    // Files.
    /// A file of a host.
    File(FileIs),

    /// A file is what it was when the exercise began.
    Unchanged(FileOf),
    /// A file is a snapshot.
    Snapshot(SnapshotIs),

    // Kubernetes and what its hosts run.
    /// A key is back as a snapshot had it.
    Restored(Restored),
    /// An object, as the API server sees it.
    Object(ObjectIs),
    /// These nodes are ready, and their kubelets still say so.
    NodesReady(Vec<String>),
    /// Pods run and are ready.
    Pods(PodsRun),
    /// Containers of a host.
    Containers(ContainersRun),
    /// The static pods of a host.
    Manifests(ManifestsAre),
    /// A process of a host.
    Process(ProcessIs),
    /// An API server serves.
    ApiServes(ApiServes),
    /// A part of Kubernetes leads.
    LeaseHeld(LeaseHeld),
    /// Where a member keeps its data.
    DataDir(DataDirIs),
    /// A member of the cluster is to be found at such a URL by its peers, `*` for any text.
    PeerUrl(String),
    // Hosts with systemd, users and certificates: `predicate/host.rs`.
    /// A unit of a host.
    Unit(UnitIs),
    /// Whose a file or directory is, and who may use it.
    Owned(Owned),
    /// The process of a host's member.
    Member(MemberRuns),
    /// Ports at which nobody gets in who shows no good certificate.
    Locked(Locked),
    /// Somebody with these certificates is let in.
    Greets(Greets),
    /// A line a member wrote since the start.
    Journal(Journal),
    /// A host was rebooted or lost its power since the start, and is on.
    Rebooted(String),

    // What happened.
    /// The log of a container was read by `crictl logs`.
    LogsRead(LogsRead),
    /// A program ran and ended so.
    Ran(Ran),
    /// The learner answered, by the program `answer`.
    Answered(Answered),
    /// Something was done to the world, by `sim` or by the mouse.
    Did(Did),
    /// A member refused to start.
    Refused(Refused),
    /// So many leaders were elected since the start.
    Elections(u32),
}

impl Predicate {
    /// Adds the names of the answers it waits for, each once.
    pub(super) fn answers(&self, names: &mut Vec<String>) {
        match self {
            Predicate::Answered(answered) if !names.contains(&answered.name) => {
                names.push(answered.name.clone());
            }
            Predicate::All(list) | Predicate::Any(list) | Predicate::Then(list) => {
                list.iter().for_each(|it| it.answers(names));
            }
            Predicate::Not(one) | Predicate::Once(one) | Predicate::Always(one) => {
                one.answers(names);
            }
            Predicate::Lasting(lasting) => lasting.that.answers(names),
            Predicate::Before(before) => {
                before.first.answers(names);
                before.then.answers(names);
            }
            Predicate::During(during) => {
                during.that.answers(names);
                during.happened.answers(names);
            }
            _ => {}
        }
    }

    /// The voters it asks for, where it must hold as it stands.
    pub(super) fn voters(&self) -> Option<Vec<String>> {
        match self {
            Predicate::Voters(hosts) => Some(hosts.clone()),
            Predicate::All(list) => list.iter().find_map(Predicate::voters),
            Predicate::Lasting(lasting) => lasting.that.voters(),
            _ => None,
        }
    }
}

/// It has been so for some seconds without a break.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lasting {
    /// What.
    pub that: Box<Predicate>,
    /// How long.
    pub seconds: u32,
}

/// The first was so before the second ever was.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// What must come first.
    pub first: Box<Predicate>,
    /// What comes later, if ever.
    pub then: Box<Predicate>,
}

/// Something happened while something else was so.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct During {
    /// What was so, from before it happened.
    pub that: Box<Predicate>,
    /// What happened.
    pub happened: Box<Predicate>,
}

/// A key and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Its whole value; none means any.
    pub is: Option<String>,
    /// How its value begins.
    pub begins: Option<String>,
    /// Text that is in its value.
    pub has: Option<String>,
    /// The host whose member is asked; none means the one furthest ahead.
    pub on: Option<String>,
    /// Whether it must hang on a lease.
    pub leased: Option<bool>,
    /// How often it must have been written at least.
    pub version: Option<i64>,
}

/// How many keys begin so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// How they begin.
    pub prefix: String,
    /// At least so many.
    pub at_least: i64,
}

/// A flag of the member that runs on a host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// Where; none means on every host that runs one.
    pub host: Option<String>,
    /// Its name, with the dashes.
    pub name: String,
    /// Its value, `*` for anything; none means that it is not given.
    pub is: Option<String>,
    /// The least number it may be.
    pub at_least: Option<u64>,
    /// Whether it must be the same on all these hosts.
    #[serde(default)]
    pub same: bool,
}

/// A file of a host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileIs {
    /// Where.
    pub host: String,
    /// Its path.
    pub path: String,
    /// Text it must hold.
    pub has: Option<String>,
    /// Whether it must be there.
    #[serde(default = "yes")]
    pub there: bool,
}

fn yes() -> bool {
    true
}

/// A program ran and ended so. `*` in a word stands for any text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ran {
    /// The program's name.
    pub program: String,
    /// Words of its command line, in this order; `--a=b` counts as two.
    pub args: Vec<String>,
    /// Words that are not among them.
    pub without: Vec<String>,
    /// Flags with their values, as `--key=*/ca.key`.
    pub flags: Vec<String>,
    /// A file that one of its words names, seen from the directory it ran in.
    pub file: String,
    /// Where; empty means anywhere.
    pub host: String,
    /// How it ended.
    pub end: End,
    /// Text on stdout.
    pub stdout: String,
    /// Text on stderr.
    pub stderr: String,
    /// How often at least.
    pub times: Option<u32>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Somehow.
    #[default]
    Any,
    /// With status 0.
    Ok,
    /// With another status, or by a signal.
    Failed,
}

/// The learner answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// What was asked.
    pub name: String,
    /// The answer: a text, or `@leader`, `@term`, `@quorum`, `@tolerance` or `@revision` for
    /// what was true when the answer came.
    pub is: Option<String>,
    /// Any answer but this.
    pub not: Option<String>,
}

/// Something was done to the world.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Did {
    /// The verb of `sim`.
    pub sim: String,
    /// To which host; none means any.
    pub host: Option<String>,
    /// How often at least.
    pub times: Option<u32>,
}

/// A member refused to start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Where; none means anywhere.
    pub host: Option<String>,
    /// Text of its last words.
    #[serde(default)]
    pub saying: String,
}
