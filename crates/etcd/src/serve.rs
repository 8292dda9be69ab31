//! The gRPC layer: what is refused at the door, and where the rest goes.

use crate::apply::{LEASE_COST, put_cost, txn_cost};
use crate::auth::token_index;
use crate::fact::RequestKey;
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::maintenance::Stage;
use crate::member::Member;
use crate::membership::valid_urls;
use crate::pb::{self, InternalRaftRequest};
use crate::read::ReadOp;
use crate::rpc::{Answer, Op, Request};

impl Member {
    /// Serves a client's message.
    pub(crate) fn serve(&mut self, key: RequestKey, request: Request) {
        if !matches!(self.stage, Stage::Running | Stage::Removed) {
            self.answer(key, Err(Fail::Stopped));
            return;
        }
        if let Op::Http(ask) = &request.op {
            self.serve_http(key, ask);
            return;
        }
        if self.is_learner() && !for_learners(&request.op) {
            self.answer(key, Err(Fail::LearnerUnsupported));
            return;
        }
        if self.auth.is_enabled()
            && let Some(index) = token_index(&request.token)
            && index > self.applied.index
        {
            // The entry that gave this token out is on its way.
            self.early.push((index, key, request));
            return;
        }
        let Request { op, token, timeout_us, .. } = request;
        match op {
            Op::Range(_) | Op::Put(_) | Op::DeleteRange(_) | Op::Txn(_) | Op::Compact(_) => {
                if let Err(fail) = self.serve_data(key, op, token, timeout_us) {
                    self.answer(key, Err(fail));
                }
            }
            Op::LeaseGrant(grant) => {
                if self.has_space(LEASE_COST) {
                    self.grant(key, grant, &token, timeout_us);
                } else {
                    self.raise_no_space(key);
                }
            }
            Op::LeaseRevoke(revoke) => self.revoke(key, revoke, &token, timeout_us),
            Op::LeaseKeepAlive(alive) => self.keep_alive(key, alive.id, token, timeout_us),
            Op::LeaseTimeToLive(ask) => self.time_to_live(key, &ask, &token, timeout_us),
            Op::LeaseLeases => {
                let list = self.lease_list(key, &token);
                self.answer(key, list.map(Answer::LeaseLeases));
            }
            Op::WatchCreate { create, require_leader } => {
                self.watch(key, &create, &token, require_leader);
            }
            Op::WatchCancel { watch_id } => self.cancel_watch(key, watch_id),
            Op::WatchProgress => self.watch_progress(key),
            Op::Cancel => self.cancel(key),
            op => {
                let served = match op {
                    Op::MemberAdd(_)
                    | Op::MemberRemove(_)
                    | Op::MemberUpdate(_)
                    | Op::MemberPromote(_)
                    | Op::MemberList(_) => self.serve_cluster(key, op, token, timeout_us),
                    Op::Alarm(_)
                    | Op::Status
                    | Op::HashKv(_)
                    | Op::Hash
                    | Op::Defragment
                    | Op::MoveLeader(_)
                    | Op::Snapshot
                    | Op::Downgrade(_) => self.serve_maintenance(key, op, &token, timeout_us),
                    op => self.serve_auth(key, op, &token, timeout_us),
                };
                if let Err(fail) = served {
                    self.answer(key, Err(fail));
                }
            }
        }
    }

    /// After entries were applied: requests whose tokens are known now.
    pub(crate) fn serve_early(&mut self) {
        if self.early.is_empty() {
            return;
        }
        let applied = self.applied.index;
        let ready: Vec<_> = self.early.extract_if(.., |(index, ..)| *index <= applied).collect();
        for (_, key, request) in ready {
            self.serve(key, request);
        }
    }

    /// The client gave a call up: nobody waits for its answer.
    fn cancel(&mut self, key: RequestKey) {
        self.close_streams(|open| *open == key);
        self.proposals.forget(|open| *open == key);
        self.reads.forget(|open| *open == key);
        self.forwards.forget(|open| *open == key);
        self.early.retain(|(_, open, _)| *open != key);
    }

    fn serve_data(
        &mut self,
        key: RequestKey,
        op: Op,
        token: String,
        timeout_us: Option<u64>,
    ) -> Result<(), Fail> {
        let mut request = InternalRaftRequest::default();
        match op {
            Op::Range(range) => {
                mvcc::validate_range(&range)?;
                let serializable = range.serializable;
                self.read_or_wait(key, ReadOp::Range(range), token, serializable, timeout_us);
                return Ok(());
            }
            Op::Txn(txn) if mvcc::is_txn_readonly(&txn) => {
                mvcc::validate_txn(&txn, self.config.max_txn_ops)?;
                let serializable = mvcc::is_txn_serializable(&txn);
                self.read_or_wait(key, ReadOp::Txn(txn), token, serializable, timeout_us);
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
            Op::Compact(compaction) => {
                self.require_admin(key, &token)?;
                request.compaction = Some(compaction);
            }
            _ => {}
        }
        self.propose_for(key, request, &token, timeout_us);
        Ok(())
    }

    fn read_or_wait(
        &mut self,
        key: RequestKey,
        op: ReadOp,
        token: String,
        serializable: bool,
        timeout_us: Option<u64>,
    ) {
        if serializable {
            self.serve_read(key, op, &token, false);
        } else {
            self.read(key, op, token, timeout_us);
        }
    }

    /// The Cluster service: changes are root's.
    fn serve_cluster(
        &mut self,
        key: RequestKey,
        op: Op,
        token: String,
        timeout_us: Option<u64>,
    ) -> Result<(), Fail> {
        match op {
            Op::MemberList(list) => {
                let fresh = list.linearizable;
                self.read_or_wait(key, ReadOp::MemberList, token, !fresh, timeout_us);
            }
            Op::MemberAdd(add) => {
                let peer_urls = valid_urls(&add.peer_urls).ok_or(Fail::BadMemberUrls)?;
                self.require_admin(key, &token)?;
                self.add_member(key, peer_urls, add.is_learner, timeout_us);
            }
            op => {
                self.require_admin(key, &token)?;
                match op {
                    Op::MemberRemove(remove) => {
                        self.remove_member(key, MemberId(remove.id), timeout_us);
                    }
                    Op::MemberUpdate(update) => self.update_member(key, &update, timeout_us),
                    Op::MemberPromote(promote) => {
                        self.promote(key, MemberId(promote.id), timeout_us);
                    }
                    _ => return Err(Fail::Unimplemented),
                }
            }
        }
        Ok(())
    }

    /// The Maintenance service: all but looking is root's.
    fn serve_maintenance(
        &mut self,
        key: RequestKey,
        op: Op,
        token: &str,
        timeout_us: Option<u64>,
    ) -> Result<(), Fail> {
        let looks = match &op {
            Op::Alarm(alarm) => alarm.action() == pb::AlarmAction::Get,
            op => matches!(op, Op::Status),
        };
        if looks {
            self.require_someone(key, token)?;
        } else {
            let forgets = matches!(op, Op::Defragment | Op::Snapshot | Op::Hash | Op::HashKv(_))
                && !self.release().is_3_6();
            self.require_admin(key, token).map_err(|fail| match fail {
                Fail::Auth(fail) if forgets => Fail::Untranslated(fail),
                fail => fail,
            })?;
        }
        match op {
            Op::Alarm(alarm) => {
                let request = InternalRaftRequest { alarm: Some(alarm), ..Default::default() };
                self.propose_for(key, request, token, timeout_us);
            }
            Op::Status => {
                let status = self.status_response();
                self.answer(key, Ok(Answer::Status(status)));
            }
            Op::HashKv(ask) => {
                let answer = self.hash_kv(ask.revision)?;
                self.answer(key, Ok(Answer::HashKv(answer)));
            }
            Op::Hash => {
                let answer = self.hash();
                self.answer(key, Ok(Answer::Hash(answer)));
            }
            Op::Defragment => self.defragment(key),
            Op::MoveLeader(ask) => self.move_leader(key, MemberId(ask.target_id), timeout_us),
            Op::Snapshot => self.send_snapshot(key),
            Op::Downgrade(request) => return self.downgrade(key, request, timeout_us),
            _ => return Err(Fail::Unimplemented),
        }
        Ok(())
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
