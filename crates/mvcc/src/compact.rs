//! Compaction: the revision is compacted at once, its records go in steps.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::Error;
use crate::backend::META;
use crate::hash::KvHasher;
use crate::revision::Revision;
use crate::store::Store;

/// How many records a step looks at.
const STEP_RECORDS: usize = 1000;

const SCHEDULED: &[u8] = b"scheduledCompactRev";
const FINISHED: &[u8] = b"finishedCompactRev";

/// The compactions that are not finished, oldest first.
pub(crate) type Jobs = VecDeque<Job>;

/// A compaction whose records are still in the file.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    rev: i64,
    /// The compacted revision before it: where its hash starts.
    previous: i64,
    /// False when a crash interrupted the compaction before it: the hash would lack something.
    record_hash: bool,
    /// Set by the first step.
    run: Option<Run>,
}

#[derive(Clone, Debug)]
struct Run {
    /// The revisions up to the job's that stay, ascending.
    keep: Vec<Revision>,
    hasher: KvHasher,
    next: Revision,
}

impl Store {
    /// Compacts at `rev`: older revisions cannot be read from now on. [`Store::compact_step`] then
    /// removes them. The caller commits before it goes on, as etcd does.
    pub fn compact(&mut self, rev: i64) -> Result<(), Error> {
        if rev <= self.compacted {
            return Err(Error::Compacted);
        }
        if rev > self.revision {
            return Err(Error::FutureRevision);
        }
        let record_hash = self.meta_revision(SCHEDULED) == self.meta_revision(FINISHED);
        let previous = std::mem::replace(&mut self.compacted, rev);
        self.set_meta_revision(SCHEDULED, rev);
        self.jobs.push_back(Job { rev, previous, record_hash, run: None });
        Ok(())
    }

    /// Removes the records of the oldest compaction, a thousand looked at per step. True while
    /// there is more to do; etcd commits and pauses 10 ms between steps.
    pub fn compact_step(&mut self) -> bool {
        let Some(mut job) = self.jobs.pop_front() else { return false };
        let mut run = job.run.take().unwrap_or_else(|| {
            let keep = self.index.compact(job.rev);
            let hasher = KvHasher::new(job.previous, job.rev, keep.clone());
            Run { keep, hasher, next: Revision::default() }
        });
        let mut seen = 0;
        let mut gone = Vec::new();
        for stored in self.backend.scan(run.next).take(STEP_RECORDS) {
            if stored.rev.main > job.rev {
                break;
            }
            seen += 1;
            run.hasher.add(&stored);
            run.next = Revision { main: stored.rev.main, sub: stored.rev.sub + 1 };
            if run.keep.binary_search(&stored.rev).is_err() {
                gone.push((stored.rev, stored.tombstone));
            }
        }
        self.backend.remove(&gone);
        if seen == STEP_RECORDS {
            job.run = Some(run);
            self.jobs.push_front(job);
        } else {
            self.set_meta_revision(FINISHED, job.rev);
            if job.record_hash {
                self.record_hash(run.hasher.finish(self.revision));
            }
        }
        !self.jobs.is_empty()
    }

    /// Whether every record that compaction at `rev` removes is gone (`--physical` waits for it).
    pub fn compaction_finished(&self, rev: i64) -> bool {
        self.jobs.iter().all(|job| job.rev > rev)
    }

    /// What the file says of compactions: takes up one that a crash interrupted.
    pub(crate) fn resume_compaction(&mut self) {
        let scheduled = self.meta_revision(SCHEDULED);
        self.compacted = self.meta_revision(FINISHED).unwrap_or(-1);
        // The newest records may have been compacted away: the revision must not go back.
        self.revision = self.revision.max(self.compacted).max(scheduled.unwrap_or(0));
        if let Some(rev) = scheduled.filter(|rev| *rev > self.compacted) {
            self.compact(rev).expect("above the compacted, and the revision was raised to it");
        }
    }

    fn meta_revision(&self, name: &[u8]) -> Option<i64> {
        let bytes = self.backend.get(META, name)?;
        Revision::from_bytes(&bytes).map(|(rev, _)| rev.main)
    }

    fn set_meta_revision(&mut self, name: &'static [u8], main: i64) {
        let bytes = Revision { main, sub: 0 }.to_bytes();
        self.backend.set(META, Bytes::from_static(name), Some(Bytes::copy_from_slice(&bytes)));
    }
}
