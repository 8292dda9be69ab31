//! Changing who belongs to the cluster: the checks before a change, its effect, its answer.
//!
//! With `--strict-reconfig-check` a change is refused while it could cost the quorum: when too
//! few members have started, or when this member has not been in touch with enough of them for
//! five seconds.

use crate::confchange::{ChangeType, ConfChange};
use crate::fact::{Change, RequestKey};
use crate::fail::Fail;
use crate::ids::MemberId;
use crate::lease::{LeaseAnswer, LeaseCall};
use crate::log::Level;
use crate::member::Member;
use crate::pb;
use crate::propose::Asker;
use crate::rpc::Answer;
use crate::status::MemberInfo;

/// A member counts as connected after this long.
const HEALTH_INTERVAL_US: u64 = 5_000_000;

impl Member {
    pub(crate) fn add_member(
        &mut self,
        key: RequestKey,
        peer_urls: Vec<String>,
        is_learner: bool,
        timeout_us: Option<u64>,
    ) {
        let id = MemberId::derive(&peer_urls, "", Some(self.now.wall_us / 1_000_000));
        let member =
            MemberInfo { id, name: String::new(), peer_urls, client_urls: Vec::new(), is_learner };
        if let Err(fail) = self.may_add(&member) {
            self.answer(key, Err(fail));
            return;
        }
        let change = ConfChange::add(self.request_ids.next(), &member);
        self.propose_change(Asker::Client(key), &change, timeout_us);
    }

    fn may_add(&mut self, member: &MemberInfo) -> Result<(), Fail> {
        if !self.config.strict_reconfig_check {
            return Ok(());
        }
        if !member.is_learner && !self.cluster.ready_to_add_voter() {
            self.say(
                Level::Warn,
                "etcdserver/server.go:1422",
                "rejecting member add request; not enough healthy members",
            );
            return Err(Fail::NotEnoughStarted);
        }
        let voters = self.cluster.voters().count();
        if voters > 1 && self.connected_voters() < quorum(voters + 1) {
            self.say(
                Level::Warn,
                "etcdserver/server.go:1433",
                "rejecting member add request; local member has not been connected to majority \
                 peers, reconfigure breaks active quorum",
            );
            return Err(Fail::UnhealthyCluster);
        }
        Ok(())
    }

    /// Voters this member has been in touch with for the health interval, itself included.
    fn connected_voters(&self) -> usize {
        let Some(since_us) = self.now.mono_us.checked_sub(HEALTH_INTERVAL_US) else { return 1 };
        self.cluster.voters().filter(|m| self.connected_since(m.id, since_us)).count()
    }

    pub(crate) fn remove_member(&mut self, key: RequestKey, id: MemberId, timeout_us: Option<u64>) {
        if let Err(fail) = self.may_remove(id) {
            self.answer(key, Err(fail));
            return;
        }
        let change = ConfChange::remove(self.request_ids.next(), id);
        self.propose_change(Asker::Client(key), &change, timeout_us);
    }

    fn may_remove(&mut self, id: MemberId) -> Result<(), Fail> {
        let learner = self.cluster.member(id).is_some_and(|m| m.is_learner);
        if !self.config.strict_reconfig_check || learner {
            return Ok(());
        }
        if !self.cluster.ready_to_remove(id) {
            self.say(
                Level::Warn,
                "etcdserver/server.go:1626",
                "rejecting member remove request; not enough healthy members",
            );
            return Err(Fail::NotEnoughStarted);
        }
        if id != self.id && self.peers.active_since_us(id).is_none() {
            return Ok(());
        }
        let voters = self.cluster.voters().count();
        if self.connected_voters() - 1 < quorum(voters.saturating_sub(1)) {
            self.say(
                Level::Warn,
                "etcdserver/server.go:1644",
                "rejecting member remove request; local member has not been connected to all \
                 peers, reconfigure breaks active quorum",
            );
            return Err(Fail::UnhealthyCluster);
        }
        Ok(())
    }

    pub(crate) fn update_member(
        &mut self,
        key: RequestKey,
        request: &pb::MemberUpdateRequest,
        timeout_us: Option<u64>,
    ) {
        let Some(peer_urls) = valid_urls(&request.peer_urls) else {
            self.answer(key, Err(Fail::BadMemberUrls));
            return;
        };
        let member = MemberInfo {
            id: MemberId(request.id),
            name: String::new(),
            peer_urls,
            client_urls: Vec::new(),
            is_learner: false,
        };
        let change = ConfChange::update(self.request_ids.next(), &member);
        self.propose_change(Asker::Client(key), &change, timeout_us);
    }

    /// Promotes a learner; a follower asks the leader, who alone knows how far it got.
    pub(crate) fn promote(&mut self, key: RequestKey, id: MemberId, timeout_us: Option<u64>) {
        if !self.node.is_leader() {
            self.forward(key, LeaseCall::Promote(id), timeout_us);
        } else if let Err(fail) = self.propose_promotion(Asker::Client(key), id, timeout_us) {
            self.answer(key, Err(fail));
        }
    }

    pub(crate) fn propose_promotion(
        &mut self,
        asker: Asker,
        id: MemberId,
        timeout_us: Option<u64>,
    ) -> Result<(), Fail> {
        let matched = |id: MemberId| self.node.raft().prs().get(id.0).map(|pr| pr.matched);
        let learner = matched(id).ok_or(Fail::MemberNotFound)?;
        let leader = matched(self.id).ok_or(Fail::MemberNotFound)?;
        // Ninety per cent of the leader's log, in whole numbers.
        if learner * 10 < leader * 9 {
            self.say(
                Level::Error,
                "etcdserver/server.go:1602",
                "rejecting promote learner: learner is not ready",
            );
            return Err(Fail::LearnerNotReady);
        }
        if self.config.strict_reconfig_check && !self.cluster.ready_to_promote() {
            return Err(Fail::NotEnoughStarted);
        }
        let change = ConfChange::promote(self.request_ids.next(), id);
        self.propose_change(asker, &change, timeout_us);
        Ok(())
    }

    pub(crate) fn promotion_done(&mut self, from: MemberId, token: u64, result: Result<(), Fail>) {
        self.answer_call(from, token, LeaseAnswer::Promoted(result));
    }

    /// A valid change takes effect on the member list.
    pub(crate) fn change_members(&mut self, change: &ConfChange) -> Change {
        let member = MemberId(change.node_id);
        let own = self.id.to_string();
        let cluster = self.cluster.id.to_string();
        let (msg, key, done) = match change.kind() {
            ChangeType::Add | ChangeType::AddLearner => match change.member() {
                Some((_, true)) => {
                    self.cluster.promote(member, &mut self.store);
                    ("promote member", "promoted-member-id", Change::Promote { member })
                }
                Some((info, false)) => {
                    let learner = info.is_learner;
                    self.cluster.add(info, &mut self.store);
                    ("added member", "added-peer-id", Change::Add { member, learner })
                }
                None => return Change::Refused,
            },
            ChangeType::Remove => {
                self.cluster.remove(member, &mut self.store);
                ("removed member", "removed-remote-peer-id", Change::Remove { member })
            }
            ChangeType::Update => {
                let urls = change.member().map(|(info, _)| info.peer_urls).unwrap_or_default();
                self.cluster.update_urls(member, urls, &mut self.store);
                ("updated member", "updated-remote-peer-id", Change::Update { member })
            }
        };
        let line = self.say(Level::Info, "membership/cluster.go:424", msg);
        line.fields.push(("cluster-id", cluster.into()));
        line.fields.push(("local-member-id", own.into()));
        line.fields.push((key, member.to_string().into()));
        done
    }

    /// Tells whoever proposed the change.
    pub(crate) fn change_done(
        &mut self,
        asker: Option<Asker>,
        change: &ConfChange,
        result: Result<(), Fail>,
    ) {
        match asker {
            Some(Asker::Client(key)) => {
                let own = self.id.to_string();
                let line = self.say(
                    Level::Info,
                    "etcdserver/server.go:1782",
                    "applied a configuration change through raft",
                );
                line.fields.push(("local-member-id", own.into()));
                line.fields.push(("raft-conf-change", change.kind().name().into()));
                let node = MemberId(change.node_id).to_string();
                line.fields.push(("raft-conf-change-node-id", node.into()));
                let answer = result.map(|()| self.change_answer(change));
                self.answer(key, answer);
            }
            Some(Asker::Promotion { from, token }) => self.promotion_done(from, token, result),
            _ => {}
        }
    }

    fn change_answer(&self, change: &ConfChange) -> Answer {
        let list = self.member_list();
        match change.member() {
            Some((info, false)) if change.kind() != ChangeType::Update => {
                Answer::MemberAdd(pb::MemberAddResponse {
                    header: list.header,
                    member: Some((&info).into()),
                    members: list.members,
                })
            }
            _ => Answer::Members(list),
        }
    }

    /// The member list; its header carries no revision.
    pub(crate) fn member_list(&self) -> pb::MemberListResponse {
        pb::MemberListResponse {
            header: Some(self.header_at(0)),
            members: self.cluster.members().map(pb::Member::from).collect(),
        }
    }
}

fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

/// Peer URLs as etcd takes them: a known scheme, a host and a port; sorted, none twice.
pub(crate) fn valid_urls(urls: &[String]) -> Option<Vec<String>> {
    let valid = |url: &String| {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
        let (host, port) = rest.rsplit_once(':')?;
        let ok = !host.is_empty() && port.parse::<u16>().is_ok();
        ok.then(|| url.clone())
    };
    let mut urls: Vec<String> = urls.iter().map(valid).collect::<Option<_>>()?;
    flat::sort(&mut urls);
    urls.dedup();
    (!urls.is_empty()).then_some(urls)
}
