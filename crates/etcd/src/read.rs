//! Linearizable reads: ask the leader for an index, wait until it is applied, answer.
//!
//! As in etcd one round is under way at a time and serves everybody who waited when it began.
//! It is asked again every 500 ms, each time under a fresh context; a change of the leader
//! fails it, and so does the time limit.

use crate::fact::{Fact, RequestKey};
use crate::fail::Fail;
use crate::log::Level;
use crate::member::Member;
use crate::pb;
use crate::rpc::Answer;
use flat::Set;

const RETRY_US: u64 = 500_000;

/// What to do once the state is known to be fresh.
#[derive(Clone, Debug)]
pub(crate) enum ReadOp {
    Range(pb::RangeRequest),
    Txn(pb::TxnRequest),
    MemberList,
    /// A lease is renewed only by a leader that knows it still is one.
    Renew(i64),
    /// A password is checked against the newest users.
    Authenticate(pb::AuthenticateRequest),
    /// Somebody asks over HTTP whether reads work.
    Http,
    /// A downgrade is decided on what the cluster has agreed on.
    Downgrade(pb::DowngradeRequest),
}

#[derive(Debug)]
struct Reader {
    key: RequestKey,
    op: ReadOp,
    token: String,
    deadline_us: u64,
}

#[derive(Debug)]
struct Round {
    /// The contexts it was asked under; the answer to any of them is good.
    seqs: Set<u64>,
    readers: Vec<Reader>,
    retry_us: u64,
    error_us: u64,
    confirmed: Option<u64>,
}

/// The reads of this member.
#[derive(Debug)]
pub(crate) struct Reads {
    waiting: Vec<Reader>,
    round: Option<Round>,
    pub(crate) next_us: u64,
}

impl Default for Reads {
    fn default() -> Reads {
        Reads { waiting: Vec::new(), round: None, next_us: u64::MAX }
    }
}

impl Reads {
    pub(crate) fn confirmed(&mut self, seq: u64, index: u64) {
        if let Some(round) = &mut self.round
            && round.confirmed.is_none()
            && round.seqs.contains(&seq)
        {
            round.confirmed = Some(index);
        }
    }

    pub(crate) fn forget(&mut self, gone: impl Fn(&RequestKey) -> bool) {
        self.waiting.retain(|reader| !gone(&reader.key));
        if let Some(round) = &mut self.round {
            round.readers.retain(|reader| !gone(&reader.key));
        }
    }

    fn readers(&self) -> impl Iterator<Item = &Reader> {
        self.waiting.iter().chain(self.round.iter().flat_map(|round| &round.readers))
    }

    fn reckon(&mut self) {
        let deadline = self.readers().map(|reader| reader.deadline_us).min().unwrap_or(u64::MAX);
        let asked = self.round.as_ref().filter(|round| round.confirmed.is_none());
        let asked = asked.map_or(u64::MAX, |round| round.retry_us.min(round.error_us));
        self.next_us = deadline.min(asked);
    }
}

impl Member {
    /// Queues a read that must see everything acknowledged before it began.
    pub(crate) fn read(
        &mut self,
        key: RequestKey,
        op: ReadOp,
        token: String,
        timeout_us: Option<u64>,
    ) {
        let deadline_us = timeout_us.map_or(u64::MAX, |us| self.now.mono_us.saturating_add(us));
        self.reads.next_us = self.reads.next_us.min(deadline_us);
        self.reads.waiting.push(Reader { key, op, token, deadline_us });
    }

    /// Begins a round for those who wait, if none is under way.
    pub(crate) fn start_read(&mut self) {
        if self.reads.round.is_some() || self.reads.waiting.is_empty() {
            return;
        }
        let now_us = self.now.mono_us;
        let seq = self.node.read_index();
        self.reads.round = Some(Round {
            seqs: Set::from([seq]),
            readers: std::mem::take(&mut self.reads.waiting),
            retry_us: now_us + RETRY_US,
            error_us: now_us + self.config.request_timeout_us(),
            confirmed: None,
        });
        self.reads.reckon();
    }

    /// Retries, and tells those whose time is up.
    pub(crate) fn check_reads(&mut self) {
        let now_us = self.now.mono_us;
        if now_us < self.reads.next_us {
            return;
        }
        let mut late = Vec::new();
        let mut keep = |readers: &mut Vec<Reader>| {
            let due = readers.extract_if(.., |reader| reader.deadline_us <= now_us);
            late.extend(due.map(|reader| reader.key));
        };
        keep(&mut self.reads.waiting);
        if let Some(round) = &mut self.reads.round {
            keep(&mut round.readers);
        }
        for key in late {
            self.answer(key, Err(Fail::DeadlineExceeded));
        }
        let unconfirmed = self.reads.round.as_ref().filter(|round| round.confirmed.is_none());
        match unconfirmed.map(|round| (round.error_us, round.retry_us)) {
            Some((error_us, _)) if now_us >= error_us => {
                self.say(
                    Level::Warn,
                    "etcdserver/v3_server.go:1031",
                    "timed out waiting for read index response \
                     (local node might have slow network)",
                );
                self.fail_round(&Fail::Timeout);
            }
            Some((_, retry_us)) if now_us >= retry_us => {
                let seq = self.node.read_index();
                if let Some(round) = &mut self.reads.round {
                    round.seqs.insert(seq);
                    round.retry_us = now_us + RETRY_US;
                }
            }
            _ => {}
        }
        self.reads.reckon();
    }

    /// Fails the round that is under way and not confirmed yet.
    pub(crate) fn fail_round(&mut self, fail: &Fail) {
        if self.reads.round.as_ref().is_none_or(|round| round.confirmed.is_some()) {
            return;
        }
        let round = self.reads.round.take();
        for reader in round.into_iter().flat_map(|round| round.readers) {
            match reader.op {
                ReadOp::Renew(lease) => self.renew_unconfirmed(reader.key, lease, fail.clone()),
                _ => self.answer(reader.key, Err(fail.clone())),
            }
        }
        self.reads.reckon();
    }

    /// Answers the round once its index is applied.
    pub(crate) fn serve_reads(&mut self) {
        let index = self.reads.round.as_ref().and_then(|round| round.confirmed);
        if index.is_none_or(|index| self.applied.index < index) {
            return;
        }
        let round = self.reads.round.take();
        for reader in round.into_iter().flat_map(|round| round.readers) {
            self.serve_read(reader.key, reader.op, &reader.token, true);
        }
        self.reads.reckon();
    }

    /// Answers a read from the state as it is.
    pub(crate) fn serve_read(
        &mut self,
        key: RequestKey,
        op: ReadOp,
        token: &str,
        linearizable: bool,
    ) {
        if let Err(fail) = self.may_read(key, token, &op) {
            self.answer(key, Err(fail));
            return;
        }
        let result = match op {
            ReadOp::Range(request) => {
                self.stats.ranges += 1;
                self.range(&request).map(Answer::Range)
            }
            ReadOp::Txn(request) => self.txn_read(&request).map(Answer::Txn),
            ReadOp::MemberList => Ok(Answer::Members(self.member_list())),
            ReadOp::Renew(lease) => {
                self.renew_confirmed(key, lease);
                return;
            }
            ReadOp::Authenticate(request) => {
                self.authenticate(key, request, None);
                return;
            }
            ReadOp::Http => {
                self.http_answered(key, None);
                return;
            }
            ReadOp::Downgrade(request) => {
                self.downgrade_confirmed(key, &request);
                return;
            }
        };
        if result.is_ok() {
            self.out.facts.push(Fact::ReadServed {
                request: key,
                linearizable,
                applied: self.applied.index,
                revision: self.store.revision(),
            });
        }
        self.answer(key, result);
    }

    fn range(&self, request: &pb::RangeRequest) -> Result<pb::RangeResponse, Fail> {
        let mut response = self.store.range(request)?;
        response.header = Some(self.header());
        Ok(response)
    }

    fn txn_read(&self, request: &pb::TxnRequest) -> Result<pb::TxnResponse, Fail> {
        let mut response = self.store.txn_read(request)?;
        response.header = Some(self.header());
        Ok(response)
    }

    pub(crate) fn fail_all_reads(&mut self) {
        let mut readers = std::mem::take(&mut self.reads.waiting);
        readers.extend(self.reads.round.take().into_iter().flat_map(|round| round.readers));
        for reader in readers {
            self.answer(reader.key, Err(Fail::Stopped));
        }
        self.reads.reckon();
    }
}
