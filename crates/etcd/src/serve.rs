//! The gRPC layer: what is refused at the door, and where the rest goes.

use crate::apply::{LEASE_COST, put_cost, txn_cost};
use crate::fact::RequestKey;
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::maintenance::Stage;
use crate::member::Member;
use crate::pb::{self, InternalRaftRequest};
use crate::read::ReadOp;
use crate::rpc::{Answer, Op, Request};

impl Member {
    /// Serves a client's message.
    pub(crate) fn serve(&mut self, key: RequestKey, request: Request) {
        let timeout_us = request.timeout_us;
        if !matches!(self.stage, Stage::Running | Stage::Removed) {
            self.answer(key, Err(Fail::Stopped));
            return;
        }
        if self.is_learner() && !for_learners(&request.op) {
            self.answer(key, Err(Fail::LearnerUnsupported));
            return;
        }
        match request.op {
            Op::Range(_) | Op::Put(_) | Op::DeleteRange(_) | Op::Txn(_) | Op::Compact(_) => {
                if let Err(fail) = self.serve_data(key, request.op, timeout_us) {
                    self.answer(key, Err(fail));
                }
            }
            Op::LeaseGrant(grant) => {
                if self.has_space(LEASE_COST) {
                    self.grant(key, grant, timeout_us);
                } else {
                    self.raise_no_space(key);
                }
            }
            Op::LeaseRevoke(revoke) => {
                let request =
                    InternalRaftRequest { lease_revoke: Some(revoke), ..Default::default() };
                self.propose_for(key, request, timeout_us);
            }
            Op::LeaseKeepAlive(alive) => self.keep_alive(key, alive.id, timeout_us),
            Op::LeaseTimeToLive(ask) => self.time_to_live(key, &ask, timeout_us),
            Op::LeaseLeases => {
                let list = self.lease_list();
                self.answer(key, Ok(Answer::LeaseLeases(list)));
            }
            Op::WatchCreate { create, require_leader } => self.watch(key, &create, require_leader),
            Op::WatchCancel { watch_id } => self.cancel_watch(key, watch_id),
            Op::WatchProgress => self.watch_progress(key),
            Op::Cancel => self.cancel(key),
            op => self.serve_cluster(key, op, timeout_us),
        }
    }

    /// The client gave a call up: nobody waits for its answer.
    fn cancel(&mut self, key: RequestKey) {
        self.close_streams(|open| *open == key);
        self.proposals.forget(|open| *open == key);
        self.reads.forget(|open| *open == key);
        self.forwards.forget(|open| *open == key);
    }

    fn serve_data(&mut self, key: RequestKey, op: Op, timeout_us: Option<u64>) -> Result<(), Fail> {
        let corrupt = self.has_alarm(pb::AlarmType::Corrupt);
        let mut request = InternalRaftRequest::default();
        match op {
            Op::Range(range) => {
                mvcc::validate_range(&range)?;
                if corrupt {
                    return Err(Fail::Corrupt);
                }
                let serializable = range.serializable;
                self.read_or_wait(key, ReadOp::Range(range), serializable, timeout_us);
                return Ok(());
            }
            Op::Txn(txn) if mvcc::is_txn_readonly(&txn) => {
                mvcc::validate_txn(&txn, self.config.max_txn_ops)?;
                if corrupt {
                    return Err(Fail::Corrupt);
                }
                let serializable = mvcc::is_txn_serializable(&txn);
                self.read_or_wait(key, ReadOp::Txn(txn), serializable, timeout_us);
                return Ok(());
            }
            Op::Put(put) => {
                if !self.has_space(put_cost(&put)) {
                    self.raise_no_space(key);
                    return Ok(());
                }
                mvcc::validate_put(&put)?;
                request.put = Some(put);
            }
            Op::Txn(txn) => {
                if !self.has_space(txn_cost(&txn)) {
                    self.raise_no_space(key);
                    return Ok(());
                }
                mvcc::validate_txn(&txn, self.config.max_txn_ops)?;
                request.txn = Some(txn);
            }
            Op::DeleteRange(delete) => {
                mvcc::validate_delete(&delete)?;
                request.delete_range = Some(delete);
            }
            Op::Compact(compaction) => request.compaction = Some(compaction),
            _ => {}
        }
        self.propose_for(key, request, timeout_us);
        Ok(())
    }

    fn read_or_wait(
        &mut self,
        key: RequestKey,
        op: ReadOp,
        serializable: bool,
        timeout_us: Option<u64>,
    ) {
        if serializable {
            self.serve_read(key, op, false);
        } else {
            self.read(key, op, timeout_us);
        }
    }

    fn serve_cluster(&mut self, key: RequestKey, op: Op, timeout_us: Option<u64>) {
        match op {
            Op::MemberAdd(add) => self.add_member(key, &add, timeout_us),
            Op::MemberRemove(remove) => self.remove_member(key, MemberId(remove.id), timeout_us),
            Op::MemberUpdate(update) => self.update_member(key, &update, timeout_us),
            Op::MemberPromote(promote) => self.promote(key, MemberId(promote.id), timeout_us),
            Op::MemberList(list) => {
                self.read_or_wait(key, ReadOp::MemberList, !list.linearizable, timeout_us);
            }
            Op::Alarm(alarm) => {
                let request = InternalRaftRequest { alarm: Some(alarm), ..Default::default() };
                self.propose_for(key, request, timeout_us);
            }
            Op::Status => {
                let status = self.status_response();
                self.answer(key, Ok(Answer::Status(status)));
            }
            Op::HashKv(ask) => {
                let answer = self.hash_kv(ask.revision).map(Answer::HashKv);
                self.answer(key, answer);
            }
            Op::Defragment => self.defragment(key),
            Op::MoveLeader(ask) => self.move_leader(key, MemberId(ask.target_id), timeout_us),
            Op::Snapshot => self.send_snapshot(key),
            _ => {}
        }
    }
}

/// What a learner answers: reads that need not be fresh, its status, its snapshot.
fn for_learners(op: &Op) -> bool {
    match op {
        Op::Range(range) => range.serializable,
        Op::Status | Op::Snapshot | Op::Cancel => true,
        _ => false,
    }
}
