//! `--auto-compaction-mode` and retention: the leader forgets history by itself.
//!
//! Periodic: the revision is noted ten times per period (at most an hour), and the one noted a
//! period ago is compacted, first after the whole period, then every period or hour. By
//! revision: every five minutes all but the newest so many revisions go.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::fail::Fail;
use crate::log::{Level, go_duration};
use crate::member::Member;
use crate::pb::{self, InternalRaftRequest};
use crate::propose::Asker;

const HOUR_US: u64 = 3_600_000_000;
const NOTES_PER_PERIOD: u64 = 10;
const REVISION_INTERVAL_US: u64 = 300_000_000;

/// What to forget, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AutoCompaction {
    /// Nothing.
    Off,
    /// What is older than this.
    Periodic {
        /// The time history is kept.
        period_us: u64,
    },
    /// All but the newest so many revisions.
    Revision {
        /// How many stay.
        retention: i64,
    },
}

/// Where the compactor of a member is.
#[derive(Debug)]
pub(crate) struct Compactor {
    mode: AutoCompaction,
    next_us: u64,
    /// Revisions as noted, the oldest first.
    noted: VecDeque<i64>,
    last_revision: i64,
    last_success_us: u64,
    /// How long to wait after the last success.
    interval_us: u64,
}

impl Compactor {
    pub(crate) fn new(mode: AutoCompaction, now_us: u64) -> Compactor {
        let (first_us, interval_us) = match mode {
            AutoCompaction::Off => (u64::MAX, 0),
            AutoCompaction::Periodic { period_us } => (now_us, period_us),
            AutoCompaction::Revision { .. } => (now_us + REVISION_INTERVAL_US, 0),
        };
        Compactor {
            mode,
            next_us: first_us,
            noted: VecDeque::new(),
            last_revision: 0,
            last_success_us: now_us,
            interval_us,
        }
    }
}

/// The time between two notes.
fn note_us(period_us: u64) -> u64 {
    (period_us.min(HOUR_US) / NOTES_PER_PERIOD).max(1)
}

impl Member {
    /// With every tick.
    pub(crate) fn auto_compact(&mut self) {
        let now_us = self.now.mono_us;
        if now_us < self.compactor.next_us {
            return;
        }
        match self.compactor.mode {
            AutoCompaction::Off => {}
            AutoCompaction::Periodic { period_us } => self.compact_periodic(period_us),
            AutoCompaction::Revision { retention } => self.compact_by_revision(retention),
        }
    }

    fn compact_periodic(&mut self, period_us: u64) {
        let now_us = self.now.mono_us;
        let compactor = &mut self.compactor;
        compactor.next_us = now_us + note_us(period_us);
        let oldest = compactor.noted.front().copied();
        let waited = now_us - compactor.last_success_us >= compactor.interval_us;
        // Only the leader compacts; the others take notes, so as to be ready.
        if let Some(revision) = oldest
            && waited
            && revision != compactor.last_revision
            && self.node.is_leader()
        {
            if compactor.interval_us == period_us {
                compactor.interval_us = period_us.min(HOUR_US);
            }
            let period = go_duration(period_us);
            let line = self.say(
                Level::Info,
                "v3compactor/periodic.go:134",
                "starting auto periodic compaction",
            );
            line.fields.push(("revision", revision.into()));
            line.fields.push(("compact-period", period.into()));
            self.propose_compaction(revision);
        }
        let revision = self.store.revision();
        let compactor = &mut self.compactor;
        compactor.noted.push_back(revision);
        let most = usize::try_from(period_us / note_us(period_us) + 1).unwrap_or(usize::MAX);
        while compactor.noted.len() > most {
            compactor.noted.pop_front();
        }
    }

    fn compact_by_revision(&mut self, retention: i64) {
        self.compactor.next_us = self.now.mono_us + REVISION_INTERVAL_US;
        let revision = self.store.revision() - retention;
        if revision <= 0 || revision == self.compactor.last_revision || !self.node.is_leader() {
            return;
        }
        let line = self.say(
            Level::Info,
            "v3compactor/revision.go:91",
            "starting auto revision compaction",
        );
        line.fields.push(("revision", revision.into()));
        line.fields.push(("revision-compaction-retention", retention.into()));
        self.propose_compaction(revision);
    }

    fn propose_compaction(&mut self, revision: i64) {
        let compaction = pb::CompactionRequest { revision, physical: false };
        let request =
            InternalRaftRequest { compaction: Some(compaction), ..InternalRaftRequest::default() };
        let started_us = self.now.mono_us;
        let asker = Asker::Compactor { revision, started_us };
        if let Err(fail) = self.propose(asker, request, None) {
            self.auto_compacted(revision, started_us, Err(fail));
        }
    }

    /// What became of it. Somebody else may have compacted as much: that is as good.
    pub(crate) fn auto_compacted(
        &mut self,
        revision: i64,
        started_us: u64,
        result: Result<(), Fail>,
    ) {
        let now_us = self.now.mono_us;
        let (kind, key, value, retry_us) = match self.compactor.mode {
            AutoCompaction::Off => return,
            AutoCompaction::Periodic { period_us } => (
                "periodic",
                "compact-period",
                serde_json::Value::from(go_duration(period_us)),
                note_us(period_us),
            ),
            AutoCompaction::Revision { retention } => (
                "revision",
                "revision-compaction-retention",
                retention.into(),
                REVISION_INTERVAL_US,
            ),
        };
        let done = matches!(result, Ok(()) | Err(Fail::Compacted));
        if done {
            self.compactor.last_revision = revision;
            self.compactor.last_success_us = now_us;
        }
        let (level, word) = if done { (Level::Info, "completed") } else { (Level::Warn, "failed") };
        let caller = match (kind, done) {
            ("periodic", true) => "v3compactor/periodic.go:142",
            ("periodic", false) => "v3compactor/periodic.go:151",
            (_, true) => "v3compactor/revision.go:99",
            (_, false) => "v3compactor/revision.go:106",
        };
        let line = self.say(level, caller, &format!("{word} auto {kind} compaction"));
        line.fields.push(("revision", revision.into()));
        line.fields.push((key, value));
        match result {
            Err(fail) if !done => {
                line.fields.push(("retry-interval", go_duration(retry_us).into()));
                line.fields.push(("error", fail.to_string().into()));
            }
            _ => line.fields.push(("took", go_duration(now_us - started_us).into())),
        }
    }
}
